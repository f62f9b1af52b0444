"""What surrounds a command: environment variables, stdout, keras.json."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import law
from commands import FILES
from hypothesis import strategies as st

import course
from course import __main__ as course_main
from course.cli import main

ROOT = Path(course.__file__).resolve().parent.parent
ANY = st.sampled_from(["", "0", "-1", "1", "x", "/proc", "/no/where", "C", "zh_CN.UTF-8", "tr_TR",
                       "dumb", "9" * 400, "a" * 5000])  # fmt: skip
HERE = ("COLUMNS", "LINES", "TERM", "LANG", "LC_ALL", "LANGUAGE", "NO_COLOR", "FORCE_COLOR", "HOME",
        "TMPDIR", "COURSE_MNIST", "XDG_CACHE_HOME", "PYTHONPATH", "DASK_SCHEDULER_ADDRESS",
        "CUDA_VISIBLE_DEVICES", "COURSE_LABELS", "USER")  # fmt: skip
# Not PYTHONIOENCODING and the like: with an odd value Python itself does not start.
STARTED = (*HERE, "KERAS_BACKEND", "KERAS_HOME", "MPLBACKEND", "MPLCONFIGDIR", "COURSE_EXERCISES",
           "OMP_NUM_THREADS")  # fmt: skip
ORDERS = (["course"], ["course", "exercise", "1"], ["course", "hint", "3"], ["course", "progress"],
          ["lesson01", "--quick", "--json"], ["lesson02", "--seed", "x"],
          ["lesson10", "--data", "t.csv", "--target", "y", "--steps", "3"])  # fmt: skip
BACKENDS = [*course.BACKENDS, "", "TensorFlow", "torch ", "theano", "None", "openvino"]
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.sampled_from(BACKENDS),
                    st.lists, max_leaves=3)  # fmt: skip


class Surroundings(NamedTuple):
    """A command, changes of the environment and a kind of stdout."""

    argv: list
    environment: dict
    stdout: str


class Keras(NamedTuple):
    """What may say which backend: an environment, keras.json, what is installed."""

    environment: dict
    keras_json: bytes | None
    installed: list


@st.composite
def surroundings(draw, names=HERE):
    changes = draw(st.dictionaries(st.sampled_from(names), ANY | st.none(), max_size=3))
    return Surroundings(draw(st.sampled_from(ORDERS)), changes,
                        draw(st.sampled_from(law.STREAMS)))  # fmt: skip


@st.composite
def backends(draw):
    environment = {}
    if draw(st.booleans()):
        environment["KERAS_BACKEND"] = draw(st.sampled_from(BACKENDS) | ANY)
    content = draw(st.none() | st.binary(max_size=9) | JSON.map(lambda v: json.dumps(v).encode())
                   | JSON.map(lambda v: json.dumps({"backend": v}).encode()))  # fmt: skip
    return Keras(
        environment, content, draw(st.lists(st.sampled_from(course.BACKENDS), unique=True))
    )


def hold(case):
    """In this process."""
    name, *argv = case.argv
    if name == "course":
        law.run(course_main.main, argv, FILES, case.environment, case.stdout)
    else:
        law.run(lambda argv: main(name, argv), argv, FILES, case.environment, case.stdout)


def hold_started(case):
    """In a process of its own, whose imports see the environment as well."""
    name, *argv = case.argv
    words = [sys.executable, "-m", name if name == "course" else f"course.{name}", *argv]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": None,
                   "MPLBACKEND": "agg", **case.environment}  # fmt: skip
    if "PYTHONPATH" in case.environment:
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(ROOT), case.environment["PYTHONPATH"] or ""]
        )
    # Set by env, as Bash itself has something to say on an odd locale.
    unset = [word for name, value in environment.items() if value is None for word in ("-u", name)]
    given = [f"{name}={value}" for name, value in environment.items() if value is not None]
    words = ["env", *unset, *given, *words]
    with law.fresh_folder(FILES) as folder:
        redirected = {"closed": ">&-", "full": ">/dev/full", "broken": "| true"}.get(
            case.stdout, ""
        )
        shell = f'"$@" {redirected}'
        if case.stdout == "broken":
            shell = f"set -o pipefail; {shell}"
        words = ["bash", "-c", shell, "bash", *words]
        done = subprocess.run(words, cwd=folder, capture_output=True, timeout=300)
        texts = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        law.require(law.Ran(done.returncode, *texts, law.written(folder, FILES)))


def hold_backend(case):
    """`pick_backend` names one that is installed, or says in a line what to do."""
    with law.fresh_folder({} if case.keras_json is None else {"keras.json": case.keras_json}) as f:
        try:
            found = course.pick_backend({"KERAS_HOME": str(f), **case.environment},
                                        case.installed.__contains__)  # fmt: skip
        except course.BackendError as error:
            law.promise(len(str(error).splitlines()) == 1, "an error that is not one line", error)
        except Exception as error:
            raise law.Broken(law.where(error), repr(error)) from None
        else:
            law.promise(found in case.installed, "a backend that is not installed", found)
