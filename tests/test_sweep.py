"""Sweeps over seeds. A small script stands in for a lesson where none is needed."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time

import psutil
import pytest
from conftest import child_environment, once, one_line

import course
from course.__main__ import main
from course.cli.start import interrupt
from course.machine import runs, sweep

BACKEND = course.backend

# What stands in for `python -m course run`: it notes in a file that it ran.
HEAD = """
import json, os, sys, time
lesson, seed = int(sys.argv[1]), int(sys.argv[sys.argv.index("--seed") + 1])
def note(what):
    with open(what, "a") as file:
        file.write(f"{seed}\\n")
def record(**changes):
    values = {"lesson": lesson, "title": "A title", "backend": os.environ["KERAS_BACKEND"],
              "seed": seed, "seconds": 0.5, "results": {"twice": 2 * seed},
              "checks": [{"name": "a check", "passed": True}]}
    print(json.dumps({**values, **changes}))
"""
NAP = "note('begun'); time.sleep(0.1); record(); note('ended')"

MASTER = """
import os
from course.machine import runs
from course.__main__ import main
runs.START = [os.path.abspath("lesson.py")]
if __name__ == "__main__":
    import sys
    raise SystemExit(main(["run", "1", *sys.argv[1:]]))
"""


@pytest.fixture
def lesson(in_tmp, monkeypatch):
    """Write the script that the sweeps of this process start instead of a lesson."""
    monkeypatch.setattr(runs, "START", [str(in_tmp / "lesson.py")])
    monkeypatch.setenv("PYTHONPATH", child_environment()["PYTHONPATH"])

    def write(body):
        (in_tmp / "lesson.py").write_text(HEAD + body)
        (in_tmp / "master.py").write_text(MASTER)

    return write


def run(*flags):
    return main(["run", "1", *flags])


@pytest.fixture
def master(lesson, in_tmp):
    """A sweep in a process of its own, which does not outlive the test."""
    started = []

    def start(*flags, **named):
        command = [sys.executable, "-m", "master", *flags]
        started.append(subprocess.Popen(
            command, cwd=in_tmp, env=child_environment(), text=True, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **named,
        ))  # fmt: skip
        return started[-1]

    yield start
    for process in started:
        process.kill()


def path(seed, folder="sweep"):
    return os.path.join(folder, f"lesson01_{BACKEND}_seed{seed:04}.json")


def kept(seed, folder="sweep"):
    with open(path(seed, folder), encoding="utf-8") as file:
        return json.load(file)


def lines(name):
    """The seeds that runs have noted, in order."""
    try:
        with open(name) as file:
            return sorted(int(line) for line in file)
    except FileNotFoundError:
        return []


def wait_for(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def processes(folder):
    """The live processes that were started in the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return [line for line in found if "lesson.py" in line or "master" in line]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0-3", [0, 1, 2, 3]),
        ("3", [3]),
        ("0-2,7,10-11", [0, 1, 2, 7, 10, 11]),
        ("5, 1-2,0-5", [5, 1, 2, 0, 3, 4]),
        ("4294967295", [2**32 - 1]),
    ],
)
def test_seeds(text, expected):
    assert sweep.seeds(text) == expected


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        *((f"--seeds={bad}", f"0-4,7,10-12, got {bad!r}")
          for bad in ("", "a", "1-", "-1", "5-3", "1,,2", "1.5", "0x1", "٣", "1-2-3",
                      "4294967296")),
        ("--seeds=" + "9" * 5000, "0-4,7,10-12, got '999"),
        ("--seeds", "expected one argument"),
        ("--seeds 0-4294967295", "at most 100000 at a time"),
        ("--seeds 0-1 --seed 3", "--seed does not go with --seeds"),
        ("--seeds 0-1 --see=3", "--seed does not go with --seeds"),
        ("--seeds 0-1 --save m.keras", "--save does not go with"),
        ("--seeds 0-1 --save-dir x", "--save-dir does not go with"),
        ("--seeds 0-1 --resume x", "--resume does not go with"),
        ("--seeds 0-1 --show", "--show does not go with"),
        ("--seeds 0-1 --predict a.png b.png", "--predict does not go with"),
        ("--seeds 0-1 --backend all", "--seeds does not go with --backend all"),
        ("--seeds 0-1 --jobs 0", "expected a whole number from 1 to 256, got '0'"),
        ("--seeds 0-1 --jobs x", "from 1 to 256, got 'x'"),
        ("--seeds 0-1 --joblib slurm", "there are dask, loky, ray, sequential, threading"),
        ("--seeds 0-1 --joblib multiprocessing", "there is no 'multiprocessing'"),
        ("--seeds 0-1 --results /dev/null", "--results /dev/null: cannot write there"),
        ("--jobs 2", "--jobs needs --seeds"),
        ("--joblib loky", "--joblib needs --seeds"),
        ("--results x --quick", "--results needs --seeds"),
    ],
)  # fmt: skip
def test_bad_input(in_tmp, capsys, flags, words):
    assert run(*flags.split()) == 2
    out, err = capsys.readouterr()
    assert words in one_line(err)
    assert out == ""
    assert list(in_tmp.iterdir()) == []


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_backend_that_is_not_installed(in_tmp, monkeypatch, capsys, name):
    monkeypatch.setattr(runs.importlib.util, "find_spec", lambda module: None)
    monkeypatch.setattr(course, "pick_backend", lambda: BACKEND)
    assert run("--seeds", "0", "--joblib", name) == 2
    package = {"dask": "dask[distributed]", "ray": "ray"}[name]
    assert f'python -m pip install "{package}"' in one_line(capsys.readouterr().err)


def test_the_records_and_the_table(lesson, capsys):
    lesson("""
results = {"b": 0.5 - seed, "word": "x", "odd": [1, None, 2][seed], "yes": True, "two": [1, seed],
           "five": [1] * 5}
record(results=results, checks=[{"name": name, "passed": True} for name in "cd"])
""")
    assert run("--seeds", "0-2", "--quick", "--epochs", "3") == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[-1] == "1 seed 2: 2 of 2 checks hold, 0.5 s  (3 of 3)"
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.split()}
    assert rows["result"] == ["mean", "s", "s/√n", "smallest", "largest"]
    x = [0.5, -0.5, -1.5]
    s = statistics.stdev(x)
    assert [float(number) for number in rows["b"]] == pytest.approx(
        [-0.5, s, s / 3**0.5, -1.5, 0.5], rel=1e-5
    )
    assert rows["two"][:3] == ["(2", "of", "2)"]
    assert [float(number) for number in rows["two"][3:]] == pytest.approx(
        [1, 1, 1 / 3**0.5, 0, 2], rel=1e-5
    )
    assert not rows.keys() & {"word", "odd", "yes", "five"}
    assert "3 runs, all checks hold" in out
    record = kept(2)
    assert (record["seed"], record["results"]["b"], record["status"]) == (2, -1.5, 0)
    assert record["flags"] == ["--quick", "--epochs", "3"]
    assert record["version"] == course.__version__
    assert len(os.listdir("sweep")) == 3


def test_a_check_that_fails(lesson, capsys):
    lesson("record(checks=[{'name': 'even', 'passed': seed % 2 == 0}]); sys.exit(seed % 2)")
    assert run("--seeds", "0-3", "--jobs", "2") == 1
    out, err = capsys.readouterr()
    assert "FAILS with seed 1, 3: even" in out
    assert "1 seed 3: 0 of 1 checks hold" in err
    assert kept(3)["status"] == 1


def test_json(lesson, capsys):
    lesson("record() if seed else sys.exit('no luck')")
    assert run("--seeds", "0-2", "--json") == 1
    outcome = json.loads(capsys.readouterr().out)
    assert [record["seed"] for record in outcome["records"]] == [1, 2]
    assert outcome["failures"] == [
        {"lesson": 1, "seed": 0, "why": "it ended with status 1: no luck"}
    ]
    assert outcome["passed"] is False
    lesson("record()")
    assert run("--seeds", "0-2", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["records"]) == 3


FAILING = {
    "os.kill(os.getpid(), 9)": "killed by SIGKILL (too little memory?)",
    "os.abort()": "killed by SIGABRT",
    "sys.exit(5)": "it ended with status 5",
    "print('{\"lesson\": 1'); print('done')": "it ended with status 0",
    "record(seed=17)": "it ended with status 0",
    "record(); sys.exit(130)": "it ended with status 130",
    "raise OSError('libcudart is not there')": "OSError: libcudart is not there",
    # When there is a record, bad input is not the flags, which all runs have.
    "while not os.listdir('sweep'): time.sleep(0.01)\n"
    "sys.stderr.write('x' * 300_000 + '\\nthe end\\n'); sys.exit(2)": "bad input: the end",
}


def test_flags_that_the_lesson_refuses_are_told_once(lesson, capfd):
    lesson("note('begun'); print('no --epohs here', file=sys.stderr); sys.exit(2)")
    assert run("--seeds", "0-9", "--epohs", "3") == 2
    line = one_line(capfd.readouterr().err)
    assert line == "course: lesson 1, seed 0: no --epohs here"
    assert lines("begun") == [0]
    assert os.listdir("sweep") == []


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_runs_that_fail_take_no_other_with_them(lesson, capfd):
    cases = list(FAILING)
    lesson(f"exec({['record()', *cases]!r}[seed])")
    good = 0
    assert run("--seeds", f"0-{len(cases)}", "--jobs", "3") == 1
    err = capfd.readouterr().err.splitlines()
    assert len(err) == len(cases) + 1
    for seed, words in enumerate(FAILING.values(), 1):
        (line,) = (line for line in err if line.startswith(f"1 seed {seed}:"))
        assert "no record: " in line
        assert words in line
        assert len(line) < 400
    assert os.listdir("sweep") == [os.path.basename(path(good))]


def test_an_interrupted_sweep_goes_on(lesson, capsys):
    lesson(NAP)
    assert run("--seeds", "0-1") == 0
    assert run("--seeds", "3,0-2") == 0
    out, err = capsys.readouterr()
    assert "2 of 4 were there" in err
    assert "4 runs, all checks hold" in out
    assert lines("ended") == [0, 1, 2, 3]
    assert run("--seeds", "0-3") == 0
    assert "4 of 4 were there" in capsys.readouterr().err
    assert lines("begun") == [0, 1, 2, 3]


def test_ctrl_c_and_kill_are_heard_as_in_any_command(lesson, monkeypatch):
    lesson(NAP)
    heard = {}
    monkeypatch.setattr(signal, "signal", heard.__setitem__)
    monkeypatch.setattr(signal, "getsignal", heard.get)
    monkeypatch.setattr(runs, "run_all", lambda *_: None)
    run("--seeds", "0")
    assert heard == dict.fromkeys([signal.SIGINT, signal.SIGTERM], interrupt)


def test_damaged_files_are_run_again(lesson, capsys):
    lesson(NAP)
    assert run("--seeds", "0-9", "--jobs", "4") == 0
    nobodys = {name: value for name, value in kept(8).items() if name != "flags"}
    texts = ["", "{", "[]", "null", '{"lesson": 1}', "[" * 100_000, json.dumps(kept(9))]
    damage = [text.encode() for text in texts] + [b"\xff\xfe", json.dumps(nobodys).encode()]
    for seed, content in enumerate(damage):
        with open(path(seed), "wb") as file:
            file.write(content)
    assert run("--seeds", "0-9", "--jobs", "4") == 0
    assert "1 of 10 were there" in capsys.readouterr().err
    assert lines("ended") == sorted([*range(10), *range(9)])
    assert [kept(seed)["seed"] for seed in range(10)] == list(range(10))


def test_a_folder_of_other_runs(lesson, capsys, monkeypatch):
    lesson(NAP)
    assert run("--seeds", "0", "--quick") == 0
    capsys.readouterr()
    assert run("--seeds", "0-1") == 2
    line = one_line(capsys.readouterr().err)
    assert "is of other flags, ['--quick'] and not []" in line
    assert "--results" in line
    assert run("--seeds", "0-1", "--results", "other") == 0
    assert lines("ended") == [0, 0, 1]
    monkeypatch.setattr(course, "__version__", "9.9")
    capsys.readouterr()
    assert run("--seeds", "0", "--quick") == 2
    assert f"is of other version, {kept(0)['version']} and not 9.9" in capsys.readouterr().err


def test_a_file_that_cannot_be_read(lesson, capsys):
    lesson("record()")
    os.makedirs(path(0))
    assert run("--seeds", "0") == 2
    assert f"cannot read {path(0)}" in one_line(capsys.readouterr().err)


def test_a_full_disk(lesson, capsys, monkeypatch):
    lesson("record()")

    def full(self, text, encoding):
        self.write_bytes(b"half a rec")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    assert run("--seeds", "0-5", "--jobs", "2") == 2
    assert f"cannot write {path(0)[:-10]}" in one_line(capsys.readouterr().err)
    assert os.listdir("sweep") == []


def test_one_thread_each_unless_the_user_says_otherwise(lesson, monkeypatch):
    lesson(f"record(results={{name: os.environ.get(name, '') for name in {[*runs.BESIDE]}}})")
    for name in runs.BESIDE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    run("--seeds", "0-1", "--jobs", "2", "--results", "two")
    run("--seeds", "0", "--results", "one")
    assert kept(1, "two")["results"] == {**runs.BESIDE, "MKL_NUM_THREADS": "3"}
    assert kept(0, "one")["results"] == {**dict.fromkeys(runs.BESIDE, ""), "MKL_NUM_THREADS": "3"}


def test_every_run_gets_its_own_seed_last(lesson):
    lesson("record(results={'words': sys.argv[1:]})")
    assert run("--seeds", "7", "--quick", "--json") == 0
    assert kept(7)["results"]["words"] == ["1", "--quick", "--seed", "7", "--json"]


def test_records_are_written_as_they_come(lesson):
    # The first run ends when it sees the second's record.
    lesson(f"""
for waited in range(300):
    if seed > 0 or os.path.exists({path(1)!r}):
        break
    time.sleep(0.1)
record(results={{"waited": waited}})
""")
    assert run("--seeds", "0-3", "--jobs", "2") == 0
    assert kept(0)["results"]["waited"] < 299


@once
@pytest.mark.parametrize("name", ["multiprocessing", "sequential"])
def test_backends_that_hand_in_several_at_a_time(lesson, master, in_tmp, name):
    # multiprocessing, which nobody can choose, stands for ray.
    lesson(NAP)
    (in_tmp / "master.py").write_text(MASTER.replace("runs.START", "runs.known = str\nruns.START"))
    process = master("--seeds", "0-4", "--jobs", "2", "--joblib", name)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "5 runs, all checks hold" in out
    assert lines("ended") == [0, 1, 2, 3, 4]


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("threading", "SIGKILL"),
        ("threading", "SIGINT"),
        pytest.param("loky", "SIGKILL", marks=[once, pytest.mark.slow]),
        pytest.param("dask", "SIGKILL", marks=[once, pytest.mark.slow]),
        pytest.param("dask", "SIGINT", marks=[once, pytest.mark.slow]),
    ],
)
def test_a_sweep_that_is_ended_half_way_goes_on(lesson, master, in_tmp, name, how):
    if name == "dask":
        pytest.importorskip("distributed")
    body = """
import itertools, psutil
from course.machine import processes
processes.end_with_parent()
note("begun")
time.sleep(60 if seed > 2 and os.path.exists("slow") else 0.1)
sweep = itertools.takewhile(lambda process: process.pid != TESTS, psutil.Process().parents())
heard = {c.laddr.ip for process in sweep
         for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
record(results={"heard": list(heard)})
note("ended")
"""
    lesson(body.replace("TESTS", str(os.getpid())))
    (in_tmp / "slow").touch()
    flags = "--seeds", "0-5", "--jobs", "2", "--joblib", name
    process = master(*flags, start_new_session=True)
    wait_for(lambda: lines("begun") == [0, 1, 2, 3, 4] and os.path.exists(path(2)))
    if how == "SIGINT":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    else:
        process.kill()
    err = process.communicate(timeout=60)[1].splitlines()
    if how == "SIGINT":
        assert process.returncode == 130
        assert len(err) == 4
        assert "interrupted; 3 of 6 runs are in sweep; the same command goes on" in err[-1]
    wait_for(lambda: processes(in_tmp) == [], 15)
    assert sorted(os.listdir("sweep")) == [os.path.basename(path(seed)) for seed in range(3)]

    (in_tmp / "slow").unlink()
    process = master(*flags)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err.startswith("3 of 6 were there\n")
    assert "6 runs, all checks hold" in out
    for seed in range(6):
        heard = ["127.0.0.1"] if name == "dask" else []
        assert (kept(seed)["seed"], kept(seed)["results"]["heard"]) == (seed, heard)
    assert lines("ended") == [0, 1, 2, 3, 4, 5]


@pytest.mark.slow
@once
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("name", ["loky", "dask"])
def test_a_worker_that_is_killed_does_not_hold_up_the_sweep(lesson, master, name):
    if name == "dask":
        pytest.importorskip("distributed")
    lesson("import psutil\nif seed == 2: psutil.Process(os.getppid()).kill()\nrecord()")
    process = master("--seeds", "0-3", "--jobs", "1" if name == "dask" else "2",
                     "--joblib", name)  # fmt: skip
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "NO RECORD of 1 seed " in out
    if name == "dask":  # the others went on
        assert "1 seed 2: no record: it could not run: KilledWorker" in err
        assert [os.path.exists(path(seed)) for seed in range(4)] == [True, True, False, True]
    else:
        assert "a worker of joblib's loky was killed" in err
        assert not os.path.exists(path(2))


@pytest.mark.slow
@once
def test_dask_elsewhere_that_does_not_answer(lesson, master, monkeypatch):
    pytest.importorskip("distributed")
    lesson("record()")
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "127.0.0.1")
    process = master("--seeds", "0", "--joblib", "dask")
    assert "Dask at 127.0.0.1: missing port" in one_line(process.communicate(timeout=60)[1])
    assert process.returncode == 2


@pytest.mark.slow
@once
def test_a_real_lesson(command, in_tmp, capsys):
    flags = "run", "1", "--quick", "--steps", "50"
    done = command("course", *flags, "--seeds", "4", "--jobs", "2", check=0)
    assert "1 run, all checks hold" in done.stdout
    assert main([*flags, "--seed", "4", "--json"]) == 0  # --seed is not short for --seeds
    alone = json.loads(capsys.readouterr().out)
    record = kept(4)
    assert list(record) == [*alone, "flags", "version", "status"]
    for name in ("lesson", "title", "backend", "seed", "figures"):
        assert record[name] == alone[name]
    assert [check["name"] for check in record["checks"]] == [c["name"] for c in alone["checks"]]
