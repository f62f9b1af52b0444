"""What all tests share: no network, no windows, and a way to run a command as a user would."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import course

os.environ["MPLBACKEND"] = "agg"
# Tests run in as many processes as there are cores; threads of theirs would only be in the way.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ.setdefault(name, "1")

# Not further up: NumPy reads those names as it is imported.
from course.machine import devices  # noqa: E402

devices.simulate(4)  # for lesson 14, before another test has set the backend to work
ROOT = Path(course.__file__).resolve().parent.parent
NO_NETWORK = Path(__file__).parent / "no_network"


def only_on(backend, reason):
    """A mark for tests that one session makes where several backends are installed."""
    elsewhere = course.backend != backend and course.is_installed(backend)
    return pytest.mark.skipif(elsewhere, reason=f"{backend}'s test session makes it: {reason}")


once = only_on("jax", "it is the same on every backend")
# Hundreds of runs of other models: PyTorch compiles none of them.
uncompiled = only_on("torch", "it compiles nothing")

# Groups that take long come first, so that no process is left with one at the end.
LONG = ["test_site", "test_tutorials", "test_lesson12", "test_lesson14", "test_lesson11",
        "test_lesson13", "test_cluster", "test_sweep", "test_class", "test_check"]  # fmt: skip


def pytest_configure(config):
    """Let the processes of this session, tests' and lessons', compile for JAX once in all."""
    for fixtures in ("website", "learners"):
        config.pluginmanager.import_plugin(fixtures)
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="course_tests_jax_")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(group(item.nodeid)) if group(item.nodeid) in LONG
               else len(LONG))  # fmt: skip


def group(nodeid):
    """What one process makes: the tests of a file, all of one lesson, or all of the site."""
    file, _, test = nodeid.partition("::")
    about = re.search(r"[\[-](?:lesson)?(\d\d?)\]$", test)
    if about and Path(file).stem in ("test_proofs", "test_tutorials", "test_edited"):
        return f"test_lesson{int(about[1]):02}"
    saves = Path(file).parent.name == "training" or test.endswith("[models]")  # the fuzz's
    if saves:  # its examples too save models, by TensorFlow
        return "test_training"
    return "test_site" if Path(file).stem.startswith("test_lab") else Path(file).stem


def pytest_xdist_make_scheduler(config, log):
    """A lesson is run once for all tests that look at it (`faults.run`)."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group(nodeid)

    return ByGroup(config, log)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """The course must not need the network, and the tests must not reach for it."""

    def refuse(self, address):
        raise AssertionError(f"a test reached for the network: {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def in_tmp(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(tmp_path):
    """Run `python -m course…` in an empty folder and with the network cut, as a process."""

    def run(*arguments, check=None, timeout=300, **environment):
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            env=child_environment(**environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
        )
        if check is not None:
            assert done.returncode == check, (done.stdout, done.stderr)
        return done

    return run


def child_environment(**changes):
    paths = os.pathsep.join([str(ROOT), str(NO_NETWORK)])
    # TensorFlow, imported by the tests, leaves a log level of its own in os.environ.
    ours = {"PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8", "TF_CPP_MIN_LOG_LEVEL": None}
    environment = {**os.environ, **ours, **changes}
    return {name: value for name, value in environment.items() if value is not None}


def one_line(text):
    """The text is one line and no traceback; return it."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]
