"""Learners' files for the tests of the grader."""

import os
import sys
import textwrap

import psutil
import pytest
from conftest import ROOT

from course.__main__ import parser
from course.grading import check, sources

linux = pytest.mark.skipif(sys.platform != "linux", reason="classes are forked on Linux alone")
LESSON = 3
NAMES = ["rate", "largest", "standardised", "smallest", "spread"]  # of the tests' own exercises
FIRST = NAMES[0]
QUICK = check.Limits(seconds=6, memory=2**29)


@pytest.fixture
def own_exercises(monkeypatch):
    """Exercises that need no Keras: what learners do wrong has nothing to do with it."""
    folder = ROOT / "tests" / "exercises"
    monkeypatch.setenv("COURSE_EXERCISES", str(folder))
    with_folder(monkeypatch, folder)
    yield
    sources.source.cache_clear()
    sources.tasks.cache_clear()


def with_folder(monkeypatch, folder):
    monkeypatch.setattr(sources, "FOLDER", folder)
    sources.source.cache_clear()
    sources.tasks.cache_clear()


def solved(**instead):
    """The solved file, with the functions named replaced; a body is given as text."""
    text = sources.solved(LESSON, "en")
    rest = sources.learners_file(LESSON, "en").partition("# lesson")[2]
    tag = "# lesson" + rest.partition("\n")[0]
    text = text.replace('"""\n\nimport', f'"""\n\n{tag}\n\nimport', 1)
    for name, body in instead.items():
        text += f"\n\ndef {name}(*arguments):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
    return text


def put(folder, text, name="exercise03.py"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def given(path):
    """The flags of `python -m course check PATH`."""
    return parser("check").parse_args(["check", str(path)])


def states(result):
    return {name: state for name, (state, _) in result.states.items()}


def alive(marker):
    """Whether a process with the marker on its command line runs."""
    found = []
    for each in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(each.info["cmdline"] or [])
        if (
            marker in line
            and each.info["status"] != psutil.STATUS_ZOMBIE
            and each.pid != os.getpid()
        ):
            found.append(each.pid)
    return found


ACCIDENTS = {
    "loop": ("while True: pass", "not done after 6 s"),
    "exit": ("import sys; sys.exit(0)", "sys.exit"),
    "hard exit": ("import os; os._exit(0)", "os._exit(0)"),
    "crash": ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    "flood": ("while True: print('x' * 1000)", "prints more than"),
    "memory": ("import numpy as np; return np.ones(2**32)", "more memory than the 0.5 GiB"),
    "memory by and by": ("x = []\nwhile True: x.append(bytes(2**20))", "more memory"),
    "disk": (
        "while True: open(f'{id({})}{__import__(\"time\").time_ns()}', 'wb').write(bytes(2**25))",
        "it writes more",
    ),
    "exception": ("return 1 / 0", "ZeroDivisionError: division by zero"),
    "codes": ("raise ValueError('\\x1b[2J\\x1b]0;x\\x07red')", "ValueError: red"),
    "recursion": ("def f(x): return f(x)\nreturn f(1)", "without end"),
    "nothing": ("pass", "returns None"),
    "text": ("return 'three'", "is wanted"),
    "input": ("return input('x? ')", "EOFError"),
    "Keras's memory": ("raise RuntimeError('RESOURCE_EXHAUSTED: Out of memory')", "more memory"),
    "skip": ("import pytest; pytest.skip('x')", "Skipped"),
    "a text that is a number": ("return '0.5'", "is wanted"),
    "two processes": ("import os; os.fork(); return 1 / 0", "ZeroDivisionError"),
}
