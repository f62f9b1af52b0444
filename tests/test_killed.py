"""What is killed at any moment goes on, or leaves a whole file: bit for bit, and nothing beside it.

The processes that are killed are forked from one that has imported everything and computed
nothing: that costs one import for all of them.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import child_environment, once

import course

pytestmark = [
    pytest.mark.slow, once, pytest.mark.skipif(os.name != "posix", reason="fork and SIGKILL"),
]  # fmt: skip
TIMES = 20
SEEDS = 60

NURSERY = """
import os, sys
sys.path.insert(0, {tests!r})
import test_killed
test_killed.{imports}()
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        test_killed.{job}()
        os._exit(1)
    print(pid, flush=True)
    os.waitpid(pid, 0)
"""

LESSON = """
import json, os, sys, time
from course.machine import processes
processes.end_with_parent()
seed = int(sys.argv[sys.argv.index("--seed") + 1])
time.sleep(0.01)
print(json.dumps({"lesson": 1, "title": "A title", "backend": os.environ["KERAS_BACKEND"],
                  "seed": seed, "seconds": 0.5, "results": {"third": seed / 3},
                  "checks": [{"name": "a check", "passed": True}]}))
"""


def import_training():
    import test_training  # noqa: F401

    if course.is_installed("tensorflow"):  # Keras imports it to save a model
        course.import_quietly("tensorflow")


def import_sweep():
    import joblib  # noqa: F401

    from course.machine import sweep  # noqa: F401


def keep_training():
    from test_training import small_model, train

    train(small_model(), 100_000, resume="run")


def two_models():
    from test_training import small_model

    models = [small_model(), small_model()]
    models[1].set_weights([w + 1 for w in models[0].get_weights()])
    return models


def keep_saving():
    from course import training

    models = two_models()
    while True:
        for model in models:
            training.save_model(model, "model.keras")


def sweep_seeds(folder="sweep"):
    from course.__main__ import main
    from course.machine import runs

    runs.START = [os.path.abspath("lesson.py")]
    flags = ["--seeds", f"0-{SEEDS - 1}", "--jobs", "2", "--results", folder]
    return main(["run", "1", *flags])


@contextlib.contextmanager
def killing(folder, job, imports):
    """Yield a function that starts the job and kills it, some time after `changed()` has changed.

    Args:
        folder: where the job works.
        job, imports: names of functions in here.
    """
    script = NURSERY.format(tests=str(Path(__file__).parent), job=job, imports=imports)
    rng, environment = np.random.default_rng(0), child_environment()
    with open(folder / "said", "w+") as said:
        nursery = subprocess.Popen(
            [sys.executable, "-c", script], cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said,
        )  # fmt: skip

        def kill(changed, seconds):
            before = changed()
            nursery.stdin.write("\n")
            nursery.stdin.flush()
            job = psutil.Process(int(nursery.stdout.readline()))
            end = time.monotonic() + 120
            while changed() == before and time.monotonic() < end:
                time.sleep(0.002)
            if changed() != before:
                time.sleep(rng.uniform(0, seconds))
                assert job.status() != psutil.STATUS_ZOMBIE, Path(said.name).read_text()
            job.send_signal(signal.SIGKILL)
            job.wait(60)  # until nothing is left of it
            assert changed() != before, Path(said.name).read_text()

        try:
            yield kill
        finally:
            nursery.stdin.close()
            nursery.wait(60)
            nursery.stdout.close()
    assert nursery.returncode == 0
    (folder / "said").unlink()


def mark(path):
    """What changes when a file is replaced."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    return about.st_ino, about.st_mtime_ns


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_training_that_is_killed_again_and_again(in_tmp):
    from test_training import same, small_model, train

    checkpoint = in_tmp / "run" / "checkpoint.npz"
    with killing(in_tmp, "keep_training", "import_training") as kill:
        for _ in range(TIMES):
            kill(lambda: mark(checkpoint), 0.1)
            with np.load(checkpoint) as kept:  # whole, whatever is beside it
                reached = len(json.loads(str(kept["about"]))["history"]["loss"])
    resumed, unbroken = small_model(), small_model()
    history = train(resumed, reached + 1, resume="run")
    assert history.resumed == reached >= TIMES
    assert history.logs == train(unbroken, reached + 1).logs
    assert same(resumed, unbroken)
    assert names(in_tmp / "run") == ["checkpoint.npz"]


def test_a_model_that_is_being_saved(in_tmp):
    from test_training import same

    from course import training

    path, models = in_tmp / "model.keras", two_models()
    with killing(in_tmp, "keep_saving", "import_training") as kill:
        for _ in range(TIMES):
            kill(lambda: mark(path), 0.2)
            assert any(same(training.load_model(path, (3,)), model) for model in models)
            training.require_model_name(path)  # as the next `--save` does
            assert names(in_tmp) == ["model.keras", "said"]


def processes(folder):
    """The live processes that were started in the folder for a lesson."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return [line for line in found if "lesson.py" in line]


def test_a_sweep_that_is_killed_again_and_again(in_tmp, monkeypatch):
    (in_tmp / "lesson.py").write_text(LESSON)
    monkeypatch.setenv("PYTHONPATH", child_environment()["PYTHONPATH"])
    sweep = in_tmp / "sweep"
    sweep.mkdir()

    def done():
        return len(list(sweep.glob("*.json")))

    with killing(in_tmp, "sweep_seeds", "import_sweep") as kill:
        for _ in range(TIMES):
            if done() > SEEDS - 10:  # a fast machine, or a late kill
                break
            kill(done, 0.05)
            end = time.monotonic() + 30
            while processes(in_tmp):
                assert time.monotonic() < end, "a lesson outlives its sweep"
                time.sleep(0.05)
    assert len(names(sweep)) < SEEDS
    assert sweep_seeds("sweep") == sweep_seeds("unbroken") == 0
    assert names(sweep) == names(in_tmp / "unbroken")
    for name in names(sweep):
        assert (sweep / name).read_bytes() == (in_tmp / "unbroken" / name).read_bytes()
