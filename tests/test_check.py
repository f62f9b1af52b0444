"""Checking learners' files: what they may do wrong, and what may not come of it."""

import ast
import contextlib
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

import psutil
import pytest
from conftest import ROOT, child_environment, once, one_line

import course
from course.__main__ import main, parser
from course.cli.start import interrupt
from course.errors import InputError
from course.grading import (
    check,
    classroom,
    copies,
    grades,
    nursery,
    progress,
    sandbox,
    sources,
    watch,
)  # fmt: skip
from course.grading.exercise import FAIL, LANGUAGES, NOT_YET, PASS
from course.grading.folders import exercise_files

pytestmark = once  # the exercises themselves run on every backend: test_exercises.py
linux = pytest.mark.skipif(sys.platform != "linux", reason="classes are forked on Linux alone")
LESSON = 3
NAMES = ["rate", "largest", "standardised", "smallest", "spread"]  # of the tests' own exercises
FIRST = NAMES[0]
QUICK = check.Limits(seconds=6, memory=2**29)


@pytest.fixture(autouse=True)
def _own_exercises(monkeypatch):
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


def test_the_courses_own_solutions_pass(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_EXERCISES")
    with_folder(monkeypatch, ROOT / "course" / "exercises")
    fit = "build_model(1, 0.1).fit(np.ones((4, 1)), np.ones(4), epochs=3)\nprint('mine')\n"
    result = check.check_file(put(tmp_path, f"{solved()}\n{fit}"))
    assert set(states(result).values()) == {PASS}
    assert len(result.states) >= 3
    assert result.printed == "mine\n", "no progress bars"


def test_the_solutions_pass_and_print_beside_the_report(tmp_path):
    text = solved() + "\nprint('1/9\\r9/9 \\x1b[32mhello\\x1b[0m\\x08', flush=True)\n"
    result = check.check_file(put(tmp_path, text))
    assert states(result) == dict.fromkeys(NAMES, PASS)
    assert result.printed == "9/9 hello\n"
    assert result.notes == []


def test_a_long_line_costs_no_minutes():
    """Time that grows with the square of a line's length would be ten seconds here."""
    began = time.process_time()
    assert watch.plain("x" * 100_000 + "\r\n1/2\r2/2\r\ny\r") == "x" * 100_000 + "\n2/2\n"
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("status", "sandboxed", "told"),
    [
        (-9, False, "SIGKILL"),
        (130, False, "os._exit(130)"),
        (137, True, "SIGKILL"),
        (-9, True, "SIGKILL"),
        (3, True, "os._exit(3)"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_how_a_process_ended_is_told(status, sandboxed, told):
    assert check._how_it_ended(status, sandboxed)[0] == f"Python ended ({told})"


def test_as_given_nothing_is_done_yet(tmp_path):
    for language in LANGUAGES:
        path = put(tmp_path, sources.learners_file(LESSON, language), f"{language}.py")
        assert states(check.check_file(path)) == dict.fromkeys(NAMES, NOT_YET)


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


@pytest.mark.parametrize(
    "kinds", [list(ACCIDENTS)[i : i + 4] for i in range(0, len(ACCIDENTS), 4)], ids=str
)
def test_an_accident_is_told_and_costs_only_its_own_exercise(tmp_path, kinds):
    bodies = {name: ACCIDENTS[kind][0] for name, kind in zip(NAMES, kinds)}
    result = check.check_file(put(tmp_path, solved(**bodies)), QUICK)
    for name, kind in zip(NAMES, kinds):
        state, message = result.states[name]
        assert (state, ACCIDENTS[kind][1] in message) == (FAIL, True), (kind, message)
    assert result.states[NAMES[-1]][0] == PASS


def test_the_learners_line_is_named(tmp_path):
    text = solved(**{FIRST: "x = 1\nreturn x / 0"})
    line = next(n for n, at in enumerate(text.splitlines(), 1) if "x / 0" in at)
    message = check.check_file(put(tmp_path, text)).states[FIRST][1]
    assert message.startswith(f"line {line}: ZeroDivisionError")


def test_a_file_that_cannot_be_imported_is_told_once_for_all(tmp_path):
    for text, told in [("\nimport nosuchthing\n", "nosuchthing"), ("\nwhile True: pass\n", "loop")]:
        result = check.check_file(put(tmp_path, solved() + text), QUICK)
        assert set(states(result).values()) == {FAIL}
        assert all(told in message for _, message in result.states.values())


def test_a_syntax_error_needs_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "_run", None)
    result = check.check_file(put(tmp_path, solved() + "\ndef (:\n"))
    assert all("SyntaxError, line" in message for _, message in result.states.values())


def test_a_child_left_behind_is_ended_and_told(tmp_path):
    marker = f"left-{time.time_ns()}"
    body = f"""
        import subprocess, sys
        command = [sys.executable, "-c", "import time; time.sleep(600)", {marker!r}]
        subprocess.Popen(command, start_new_session=True)
        subprocess.Popen(command, env={{}})
        return 1.0
    """
    result = check.check_file(put(tmp_path, solved(**{FIRST: body})))
    cases = len(sources.tasks(LESSON)[0].cases)
    assert result.notes == [f"left {2 * cases} processes running; ended"]
    assert alive(marker) == []


def test_the_learners_own_folder_stays_as_it_is(tmp_path):
    body = """
        import os, shutil
        os.remove(__file__)
        open("new.txt", "w").write("x")
        shutil.rmtree("..")
        for _ in range(1100):
            os.makedirs("deep")
            os.chdir("deep")
    """
    path = put(tmp_path, solved(**{FIRST: body}))
    (tmp_path / "table.csv").write_text("x\n1\n")
    before = path.read_bytes()
    result = check.check_file(path)
    assert FAIL in states(result).values()
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["exercise03.py", "table.csv"]


def test_files_beside_it_come_along_but_not_huge_ones_nor_links(tmp_path):
    put(tmp_path, "VALUE = 3\n", "helper.py")
    (tmp_path / "huge.bin").write_bytes(bytes(copies.MAX_FILE + 1))
    (tmp_path / "loop").symlink_to(tmp_path)
    result = check.check_file(put(tmp_path, solved() + "\nfrom helper import VALUE\n"))
    assert states(result) == dict.fromkeys(NAMES, PASS)
    assert result.notes == ["not copied: huge.bin"]


def test_a_learner_without_a_folder_brings_no_one_elses_files(tmp_path):
    put(tmp_path, "VALUE = 3\n", "helper.py")
    path = put(tmp_path, solved() + "\nfrom helper import VALUE\n")
    assert set(states(check.check_file(path, alone=True)).values()) == {FAIL}


def test_a_file_named_as_a_library_does_not_hide_it(tmp_path):
    put(tmp_path, "raise RuntimeError\n", "keras.py")
    assert set(states(check.check_file(put(tmp_path, solved()))).values()) == {PASS}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"print('hello')\n", "no exercise"),
        (bytes(range(256)), "not a text in UTF-8"),
        (b"# lesson 99, en: x\n", "no exercises for lesson 99"),
        (b"# lesson " + b"9" * 5000 + b", en: x\n", "no exercise"),
    ],
)
def test_what_is_no_exercise_is_one_line(command, tmp_path, content, told):
    (tmp_path / "work.py").write_bytes(content)
    done = command("course", "check", "work.py", check=2)
    assert told in one_line(done.stderr)
    assert os.listdir(tmp_path) == ["work.py"]


def test_a_file_without_its_line_is_known_by_its_name(tmp_path, capsys):
    """Beside another, and by whatever name the learner's system has saved it."""
    lost = solved().replace(f"# lesson {LESSON}, en", "#", 1)
    put(tmp_path, solved(), "mine.py")
    for name in ("exercise03.py", "ben_Exercise 3 (1).py"):
        result = check.check_file(put(tmp_path, lost, name))
        assert states(result) == dict.fromkeys(NAMES, PASS)
        assert "line '# lesson 3, en: …' is missing" in result.notes[0]
    assert classroom.check(given(tmp_path)) == 0
    assert capsys.readouterr().out.count(f"{len(NAMES)} of {len(NAMES)} pass") == 3


def test_a_name_alone_makes_no_exercise(tmp_path):
    put(tmp_path, "x = 1\n", "exercise03.py")
    assert exercise_files(tmp_path) == []
    for name, number in (("exercise05.py", "5"), ("work.py", "N")):
        with pytest.raises(InputError, match=f"# lesson {number}, en.* exercise {number} gives"):
            check.check_file(put(tmp_path, "x = 1\n", name))


def test_the_commands_a_learner_types(command, tmp_path):
    done = command("course", "exercise", "3", "--language", "zh", check=0)
    path = tmp_path / "exercises" / "exercise03.py"
    assert path.read_text(encoding="utf-8") == sources.learners_file(3, "zh")
    assert FIRST in done.stdout
    path.write_text("mine", encoding="utf-8")
    assert "--force" in one_line(command("course", "exercise", "3", check=2).stderr)
    assert path.read_text(encoding="utf-8") == "mine"
    command("course", "exercise", "3", "--force", "--language", "en", check=0)
    assert path.read_text(encoding="utf-8") == sources.learners_file(3, "en")
    assert "there is no" in one_line(command("course", "progress", check=2).stderr)

    path.write_text(solved(**{FIRST: "return 0 * arguments[0][:1, 0]"}), encoding="utf-8")
    done = command("course", "check", check=1)
    assert "first difference at [0]" in done.stdout
    assert f"{len(NAMES) - 1} of {len(NAMES)} pass" in done.stdout
    assert (
        f"{len(NAMES) - 1} of {len(NAMES)} exercises pass" in command("course", "progress").stdout
    )
    record = json.loads(command("course", "check", "--json", check=1).stdout)
    assert [each["state"] for each in record[0]["exercises"]] == [FAIL, *[PASS] * (len(NAMES) - 1)]

    (tmp_path / "exercises" / progress.NAME).write_text("{", encoding="utf-8")
    assert "damaged" in one_line(command("course", "progress", check=2).stderr)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["exercise", "99"], "no exercises for lesson 99"),
        (["exercise", "three"], "expected a lesson's number"),
        (["exercise"], "required"),
        (["check", "nowhere"], "there is no nowhere"),
        (["check", "--seconds", "0"], "whole number"),
        (["check", ".", "--csv", "grades.csv"], "nothing in"),
        (["check", ".", "--csv", "."], "is a folder"),
        (["check", ".", "--csv", "x.csv", "--json"], "two ways"),
        (["check", ".", "--jobs", "2"], "--jobs needs --csv"),
        (["check", "x" * 400], "too long"),
        (["check", ".", "--csv", "/proc/grades.csv"], "/proc"),
        (["progress", "nowhere"], "there is no nowhere"),
    ],
)
def test_bad_input_is_one_line(command, arguments, told):
    assert told in one_line(command("course", *arguments, check=2).stderr)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["exercise", "9" * 5000], "expected a lesson's number"),
        (["exercise", "3", "--folder", "x" * 300], "too long"),
        (["progress", "x" * 300], "too long"),
        (["check", ".", "--csv", "x" * 300], "too long"),
        (["check", ".", "--csv", f"{'x' * 250}.csv"], "too long"),  # its partial table's name is
        (["progress", "."], "damaged"),
        (["exercise", "3", "--folder", ""], "--folder: expected the name of a file or a folder"),
        (["exercise", "3", "--folder", "a\0b"], "can be no file's name"),
        (["check", ""], "expected the name of a file or a folder"),
        (["check", "a\0b"], "can be no file's name"),
        (["check", ".", "--csv", ""], "--csv: expected the name of a file or a folder"),
        (["check", ".", "--csv", "a\0b"], "can be no file's name"),
        (["progress", ""], "expected the name of a file or a folder"),
        (["progress", "a\0b"], "can be no file's name"),
        (["hint", "3", ""], f"no exercise ''; it has {FIRST}"),
        (["check", ".", "--sandbox"], "bwrap is not installed; install the package bubblewrap"),
    ],
)
def test_what_the_system_refuses_is_one_line(in_tmp, monkeypatch, capsys, arguments, told):
    put(in_tmp, solved())
    put(in_tmp, "[" * 100_000, progress.NAME)
    before = sorted(os.listdir())
    monkeypatch.setattr(sandbox, "BWRAP", "no-such-bwrap")
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert main(arguments) == 2
    assert told in one_line(capsys.readouterr().err)
    assert sorted(os.listdir()) == before


def test_a_tables_name_is_tried_before_the_work_in_a_new_folder_too(in_tmp, monkeypatch):
    put(in_tmp / "class" / "a", solved())
    monkeypatch.setattr(grades, "_check_all", None)
    with pytest.raises(InputError, match=r"--csv: .* too long"):
        grades.collect(in_tmp / "class", in_tmp / "new" / f"{'x' * 250}.csv", QUICK, 1)


def test_a_table_with_a_long_name_is_written_whole(in_tmp):
    put(in_tmp / "class" / "a", "# lesson 3, en: x\nthis is no Python\n")
    table = in_tmp / f"{'班' * 70}.csv"  # 214 bytes
    assert grades.collect(in_tmp / "class", table, QUICK, 1) == 0
    assert sorted(os.listdir()) == sorted(["class", table.name])


def test_an_empty_cell_of_the_table_is_empty(in_tmp):
    put(in_tmp / "class" / "ann", "# lesson 3, en: x\nthis is no Python\n")
    (in_tmp / "class" / "ben").mkdir()
    grades.collect(in_tmp / "class", in_tmp / "grades.csv", QUICK, 1)
    rows = (in_tmp / "grades.csv").read_text(encoding="utf-8-sig").splitlines()
    assert rows[2] == f"ben,0,0,0,{',' * len(NAMES)}no exercises"
    assert [grades._cell(text) for text in ("", "=1", "@x", "a=1", 0)] == [
        "",
        "'=1",
        "'@x",
        "a=1",
        0,
    ]


def test_without_a_backend_one_line_says_so(command, tmp_path):
    put(tmp_path, solved())
    done = command("course", "check", ".", check=2, KERAS_BACKEND="theano")
    assert "theano" in one_line(done.stderr)


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    path = put(tmp_path, solved())
    monkeypatch.setattr(copies.shutil, "copyfile", full)
    with pytest.raises(InputError, match="No space left"):
        check.check_file(path)


def test_chinese_files_are_answered_in_chinese(tmp_path, capsys):
    text = sources.learners_file(LESSON, "zh")
    body = text.replace("    raise NotImplementedError", "    return 1 / 0", 1)
    result = check.check_file(put(tmp_path, body))
    assert "行：ZeroDivisionError" in result.states[FIRST][1]
    classroom.show(result)
    shown = capsys.readouterr().out
    assert "未通过" in shown
    assert "未做" in shown


def test_ctrl_c_ends_the_learners_process_too(tmp_path):
    marker = f"child-{time.time_ns()}"
    body = f"""
        import subprocess, sys
        subprocess.run([sys.executable, "-c", "import time; time.sleep(600)", {marker!r}])
    """
    put(tmp_path, solved(**{FIRST: body}))
    process = subprocess.Popen(
        [sys.executable, "-m", "course", "check", str(tmp_path)],
        env=child_environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 250
    while not alive(marker) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    one_line(said)
    assert alive(marker) == []
    assert os.listdir(tmp_path) == ["exercise03.py"]


def test_ctrl_c_and_kill_are_heard_as_in_any_command(in_tmp, monkeypatch):
    heard = {}
    monkeypatch.setattr(signal, "signal", heard.__setitem__)
    monkeypatch.setattr(signal, "getsignal", heard.get)
    assert main(["check", "nowhere"]) == 2
    assert set(heard.values()) == {interrupt}
    assert {signal.SIGINT, signal.SIGTERM} <= set(heard)


def test_one_bad_file_does_not_hide_the_others(tmp_path, capsys):
    put(tmp_path, sources.learners_file(LESSON, "en"))
    put(tmp_path, "# lesson 99, en: x\n", "exercise99.py")
    with pytest.raises(InputError, match="no exercises for lesson 99"):
        classroom.check(given(tmp_path))
    assert f"0 of {len(NAMES)} pass" in capsys.readouterr().out
    inside = put(tmp_path / "inner" / "deeper", solved())
    with pytest.raises(InputError, match="add --csv"):
        classroom.check(given(inside.parent.parent))


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


BWRAP = """#!{python}
import os, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    print(words, file=log)
end = words.index("--")
if "--chdir" in words:
    os.chdir(words[words.index("--chdir") + 1])
os.execv(words[end + 1], words[end + 1 :])
"""


def test_in_a_sandbox_the_learners_process_is_bwraps(tmp_path, monkeypatch, capsys):
    """A false bwrap, which runs what it is given: there is a real one on few machines."""
    tools, log = tmp_path / "tools", tmp_path / "log"
    bwrap = put(tools, BWRAP.format(python=sys.executable, log=str(log)), "bwrap")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    path = put(tmp_path / "work", solved(**{FIRST: "import os; os._exit(139)"}))
    flags = parser("check").parse_args(["check", str(path), "--sandbox"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert classroom.check(flags) == 1
    assert "Python ended (SIGSEGV)" in capsys.readouterr().out
    tried, *runs = log.read_text().splitlines()
    assert "'--bind'" not in tried
    for run in runs:
        words = ast.literal_eval(run)
        assert {"--unshare-all", "--die-with-parent"} <= set(words)
        assert words[words.index("--cap-drop") + 1] == "ALL"
        hidden = [words[i - 2 : i + 2] for i, word in enumerate(words) if word == "--tmpfs"]
        size = ["--size", str(copies.MAX_WRITTEN), "--tmpfs"]
        assert hidden[0] == [*size, "/tmp"]
        assert all(words[:3] == size for words in hidden)
        place, copy = words[words.index("--bind") + 1], words[words.index("--chdir") + 1]
        assert copy == f"{place}/copy"
        shown = [words[i + 1] for i, word in enumerate(words) if word == "--ro-bind"]
        assert str(ROOT / "course") in shown
        assert str(ROOT) not in shown, "a class and its grades may lie there"
        assert not any(os.path.expanduser("~").startswith(folder) for folder in shown[1:])
    assert len(runs) == 2, "the process that ended, and one for the exercises after it"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise SystemExit('No permissions to create new namespace')", "No permissions to create"),
        ("import time; time.sleep(600)", "no end after 1 s"),
    ],
)
def test_a_bwrap_that_cannot_work_is_told_why(tmp_path, monkeypatch, body, told):
    put(tmp_path, f"#!{sys.executable}\n{body}\n", "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(sandbox, "PATIENCE", 1)
    with pytest.raises(InputError, match=f"does not work here: {told}") as error:
        sandbox.needed()
    assert "user namespaces" in str(error.value)
    assert "install" not in str(error.value)


@linux
def test_a_sandbox_hides_the_home_of_the_environment_and_of_the_system(tmp_path, monkeypatch):
    import pwd

    account = pwd.getpwuid(os.getuid())
    fields = [*account[:5], str(tmp_path / "own"), account.pw_shell]
    monkeypatch.setattr(pwd, "getpwuid", lambda _: pwd.struct_passwd(fields))
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to(ROOT)  # a clone whose folder is the home
    words = sandbox.command()
    assert {str(tmp_path / "own"), str(ROOT)} <= set(words)
    assert words[words.index(str(ROOT)) - 1] == "--tmpfs"
    assert str(ROOT / "course") in words
    assert words.count(str(ROOT)) == 1


def test_a_sandbox_hides_the_home_folder_and_the_network(tmp_path):
    if sandbox.problem():
        pytest.skip("no bwrap that works")
    body = """
        import os, socket
        print(os.listdir("/tmp"), os.path.exists({here!r}))
        try:
            socket.create_connection(("192.0.2.1", 80), timeout=2)
        except OSError as error:
            print(error.strerror)
        open({here!r} + "/new", "w")
    """.format(here=str(tmp_path))
    result = check.check_file(put(tmp_path, solved(**{FIRST: body})), start=sandbox.start)
    assert "FileNotFoundError" in result.states[FIRST][1]
    assert result.printed.splitlines()[0].endswith("False")
    assert "unreachable" in result.printed
    assert result.count(PASS) == len(NAMES) - 1


def test_copies_of_a_killed_check_go_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"{copies.PREFIX}left" / "copy").mkdir(parents=True)
    (tmp_path / "another").mkdir()
    with copies.copied(put(tmp_path / "work", solved())) as (place, *_):
        copies.remove_left()
        assert sorted(os.listdir(tmp_path)) == sorted(["another", place.name, "work"])
    assert sorted(os.listdir(tmp_path)) == ["another", "work"]


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
