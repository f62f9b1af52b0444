"""Checking a class: its table, learners forked from one process, and what kill -9 leaves."""

import ast
import contextlib
import csv
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import psutil
import pytest
from conftest import child_environment, once, one_line
from learners import ACCIDENTS, FIRST, LESSON, NAMES, QUICK, alive, linux, put, solved, states

import course
from course.errors import InputError
from course.grading import check, grades, nursery, sources
from course.grading.exercise import FAIL, PASS

# The exercises themselves run on every backend: test_exercises.py.
pytestmark = [once, pytest.mark.usefixtures("own_exercises")]


def class_of(folder, marker):
    """Learners of every kind; {name: (states of the first exercise and counts of passes)}."""
    found = {}

    def add(name, text, state, passes):
        put(folder / name, text)
        found[name] = state, passes

    half = sources.learners_file(LESSON, "zh") + "\n" + solved().partition("def largest")[0]
    for i in range(5):
        add(f"right {i}", solved(), PASS, len(NAMES))
    for i in range(3):
        add(f"partly {i}", half.replace("# lesson 3, en", "# 3"), PASS, 1)
    for i in range(2):
        add(f"wrong {i}", solved(**{FIRST: "return -1.0"}), FAIL, len(NAMES) - 1)
    for name, (body, _) in ACCIDENTS.items():
        add(name, solved(**{FIRST: body}), FAIL, len(NAMES) - 1)
    child = f"""
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", {marker!r}])
        return 0
    """
    add("=child()", solved(**{FIRST: child}), FAIL, len(NAMES) - 1)
    gone = "import os; os.remove(__file__); return 0"
    add("deletes", solved(**{FIRST: gone}), FAIL, len(NAMES) - 1)
    (folder / "deletes" / "exercises").mkdir()
    os.replace(folder / "deletes" / "exercise03.py", folder / "deletes" / "exercises" / "e.py")
    return found


@pytest.mark.slow
def test_a_class_of_thirty_is_collected_in_one_run(tmp_path, command):
    marker = f"class-{time.time_ns()}"
    folder = tmp_path / "class"
    expected = class_of(folder, marker)
    (folder / "junk").mkdir()
    (folder / "junk" / "notes.py").write_bytes(bytes(range(256)))
    os.mkfifo(folder / "junk" / "pipe.py")
    put(folder / "not python", "# lesson 3, en: x\nthis is no Python\n")
    put(folder / "too deep", "# lesson 3, en: x\n" + "+".join(["1"] * 50_000))
    os.mkdir(os.fsencode(folder) + b"/\xc0\xee")  # a name in another encoding
    put(folder / "exercise03.py", "x = 1", "empty.txt")  # a folder with a file's name
    put(folder, solved(), "alice.py")
    files = [path for path in folder.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}

    start = time.monotonic()
    done = command("course", "check", "class", "--csv", "grades.csv", "--seconds", "6",
                   "--memory", "1", "--jobs", "2", check=0, timeout=2400)  # fmt: skip
    print(done.stdout, f"{time.monotonic() - start:.0f} s")
    assert {path: path.read_bytes() for path in before} == before
    assert [path for path in folder.rglob("*") if path.is_file()] == files
    assert alive(marker) == []
    assert sorted(os.listdir(tmp_path)) == ["class", "grades.csv"]
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["learner"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(expected) + 6
    for name, (state, passes) in expected.items():
        row = rows[f"'{name}" if name[0] == "=" else name]
        assert (row[f"3.{FIRST}"], row[PASS]) == (state, str(passes)), (name, row)
    assert "running; ended" in rows["'=child()"]["note"]
    assert rows["alice.py"][PASS] == str(len(NAMES))
    assert rows["exercise03.py"]["note"] == rows["junk"]["note"] == "no exercises"
    assert rows["\\udcc0\\udcee"]["note"] == "no exercises"
    for name in ("not python", "too deep"):
        assert rows[name][FAIL] == str(len(NAMES))
        assert "SyntaxError" in rows[name]["note"]


def test_ctrl_c_while_a_class_is_checked_keeps_what_there_is(tmp_path):
    put(tmp_path / "class" / "a", "# lesson 3, en: x\nthis is no Python\n")
    put(tmp_path / "class" / "b", solved(**{FIRST: "while True: pass"}))
    process = subprocess.Popen(
        [sys.executable, "-m", "course", "check", "class", "--csv", "grades.csv", "--jobs", "1"],
        env=child_environment(), cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert "a: 0 pass" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert "1 of 2 learners are in grades.partial.csv" in one_line(said)
    assert sorted(os.listdir(tmp_path)) == ["class", "grades.partial.csv"]


def test_a_closed_pipe_does_not_cost_the_table(tmp_path):
    put(tmp_path / "class" / "a", "# lesson 3, en: x\nthis is no Python\n")
    put(tmp_path / "class" / "b", "# lesson 3, en: x\nthis is no Python\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "course", "check", "class", "--csv", "grades.csv"],
        env=child_environment(), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.close()
    process.stderr.read()
    process.wait(timeout=120)
    assert (tmp_path / "grades.csv").read_text(encoding="utf-8-sig").count("SyntaxError") == 2


def test_learners_files_are_parsed_one_at_a_time(monkeypatch):
    """Python 3.11 fails now and then where two threads make a syntax tree."""
    at_once, most, parse = 0, 0, ast.parse

    def counted(text):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.01)
        at_once -= 1
        return parse(text)

    text = sources.learners_file(LESSON, "en")
    monkeypatch.setattr(sources, "ast", SimpleNamespace(**{**vars(ast), "parse": counted}))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: len(sources.untouched(text, LESSON, "en")), range(8)))
    assert most == 1


@pytest.fixture
def forks(monkeypatch):
    """A nursery that imports no Keras, which these exercises do not need."""
    monkeypatch.setattr(nursery, "PRELOADED", ())
    with nursery.Nursery(check.environment(), threading.Event()) as forks:
        yield forks


@linux
def test_a_forked_learner_is_judged_as_any_other(tmp_path, forks):
    marker = f"forked-{time.time_ns()}"
    bodies = {
        "loop": "while True: pass",
        "crash": "import ctypes; ctypes.string_at(0)",
        "hard exit": "import os; os._exit(3)",
        "left": f"""
            import subprocess, sys
            command = [sys.executable, "-c", "import time; time.sleep(600)", {marker!r}]
            subprocess.Popen(command, env={{}})
            subprocess.Popen(command, start_new_session=True)
            return 0 / 0
        """,
    }
    text = solved(**dict(zip(NAMES, bodies.values(), strict=False))) + "\nprint('hello')\n"
    result = check.check_file(put(tmp_path, text), QUICK, start=forks.start)
    told = [message for _, message in result.states.values()]
    assert "not done after 6 s" in told[0]
    assert told[1:3] == ["Python ended (SIGSEGV)", "Python ended (os._exit(3))"]
    assert "ZeroDivisionError" in told[3]
    assert states(result)[NAMES[4]] == PASS
    assert result.notes == ["left 2 processes running; ended"]
    assert result.printed.splitlines()[0] == "hello"
    assert alive(marker) == []


@linux
def test_each_forked_learner_has_a_folder_and_an_environment_of_its_own(tmp_path, forks):
    body = """
        import os, tempfile
        print(os.getcwd(), tempfile.gettempdir(), os.getsid(0) == os.getpid())
        os.environ["COURSE_EXERCISES"] = "/nowhere"
        return 0.0
    """
    for _ in range(2):
        text = solved(**{FIRST: body})
        result = check.check_file(put(tmp_path, text), QUICK, start=forks.start)
        copy, own, leads = result.printed.split()[:3]
        assert os.path.dirname(copy) == os.path.dirname(own)
        assert leads == "True"
        assert not os.path.exists(own)


@linux
def test_a_learner_who_closes_the_output_costs_nothing(tmp_path, forks):
    """The last flush of it raises; a thread of the learner's must not keep the process then."""
    text = f"{solved()}\nimport sys, threading, time\nsys.stdout.close()\n"
    text += "threading.Thread(target=time.sleep, args=(600,)).start()\n"
    path = put(tmp_path, text)
    for start in (None, forks.start):
        result = check.check_file(path, QUICK, start=start)
        assert states(result) == dict.fromkeys(NAMES, PASS)
        assert result.printed == ""


@linux
def test_a_nursery_that_dies_costs_no_verdict(tmp_path, forks):
    path = put(tmp_path, solved())
    for _ in range(2):
        assert set(states(check.check_file(path, QUICK, start=forks.start)).values()) == {PASS}
        forks._child.process.kill()


@linux
def test_nobody_waits_for_a_nursery_that_is_stopped(tmp_path, forks, monkeypatch):
    """It may be importing Keras for seconds: here a module that takes ten minutes."""
    put(tmp_path, "import time\ntime.sleep(600)\n", "slow_to_import.py")
    monkeypatch.setattr(nursery, "PRELOADED", ["slow_to_import"])
    forks.environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    threading.Timer(0.5, forks.stop.set).start()
    with pytest.raises(InputError, match="stopped"):
        check.check_file(put(tmp_path, solved()), QUICK, start=forks.start)


@linux
def test_a_class_is_forked_and_a_pair_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(nursery, "PRELOADED", ())
    monkeypatch.setattr(nursery, "BACKENDS", (course.backend,))
    asked, before = [], set(psutil.Process().children(recursive=True))
    start = nursery.Nursery.start
    monkeypatch.setattr(
        nursery.Nursery, "start", lambda self, *words: asked.append(1) or start(self, *words)
    )
    for learners in (2, nursery.FEWEST):
        for number in range(learners):
            put(tmp_path / "class" / f"{number}", solved())
        grades.collect(tmp_path / "class", tmp_path / "grades.csv", QUICK, 2)
        assert len(asked) == (learners if learners >= nursery.FEWEST else 0)
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row[PASS] for row in csv.DictReader(file)] == [str(len(NAMES))] * nursery.FEWEST
    assert set(psutil.Process().children(recursive=True)) <= before


KILLED = """
import sys
from course.__main__ import main
from course.grading import nursery
nursery.PRELOADED, nursery.BACKENDS = (), nursery.course.BACKENDS
sys.exit(main(sys.argv[1:]))
"""


def carrying(name, value):
    """The live processes with this in their environment."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if each.status() != psutil.STATUS_ZOMBIE and each.environ().get(name) == value:
                found.append(each.pid)
    return found


@pytest.mark.slow
@linux
def test_a_class_killed_at_any_moment_leaves_nothing_and_is_checked_again(tmp_path):
    """Twenty times SIGKILL: no process, no half table; the next run's table is the same."""
    marker, temporary = f"{time.time_ns()}", tmp_path / "tmp"
    temporary.mkdir()
    for number in range(6):
        body = "while True: pass" if number == 5 else "import os; os._exit(3)"
        put(tmp_path / "class" / f"{number}", solved(**({FIRST: body} if number > 3 else {})))
    words = ["check", "class", "--csv", "grades.csv", "--jobs", "2", "--seconds", "2"]
    command = [sys.executable, "-c", KILLED, *words]
    environment = child_environment(KILLED=marker, TMPDIR=str(temporary))
    table = tmp_path / "grades.csv"

    def run(seconds=None):
        process = subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=seconds)
        process.kill()
        process.communicate()
        return process.returncode

    start = time.monotonic()
    assert run() == 0
    took, whole = time.monotonic() - start, table.read_bytes()
    rng = random.Random(0)
    for _ in range(20):
        table.unlink(missing_ok=True)
        run(rng.uniform(0, took))
        until = time.monotonic() + 30
        while carrying("KILLED", marker) and time.monotonic() < until:
            time.sleep(0.1)
        assert carrying("KILLED", marker) == []
        assert sorted(os.listdir(tmp_path)) in (["class", "tmp"], ["class", "grades.csv", "tmp"])
        assert not table.exists() or table.read_bytes() == whole
    assert run() == 0
    assert table.read_bytes() == whole
    assert os.listdir(temporary) == []
