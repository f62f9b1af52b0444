"""Checking learners' files: what they may do wrong, and what may not come of it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from conftest import ROOT, child_environment, once, one_line
from learners import (
    ACCIDENTS,
    FIRST,
    LESSON,
    NAMES,
    QUICK,
    alive,
    given,
    put,
    solved,
    states,
    with_folder,
)

from course.__main__ import main
from course.cli.start import interrupt
from course.errors import InputError
from course.grading import check, classroom, copies, grades, progress, sandbox, sources, watch
from course.grading.exercise import FAIL, LANGUAGES, NOT_YET, PASS
from course.grading.folders import exercise_files

# The exercises themselves run on every backend: test_exercises.py.
pytestmark = [once, pytest.mark.usefixtures("own_exercises")]


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


@pytest.mark.parametrize("words", [("check", "."), ("hint", "3")], ids=" ".join)
def test_without_a_backend_one_line_says_so(command, tmp_path, words):
    put(tmp_path, solved())
    done = command("course", *words, check=2, KERAS_BACKEND="theano")
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


def test_copies_of_a_killed_check_go_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"{copies.PREFIX}left" / "copy").mkdir(parents=True)
    (tmp_path / "another").mkdir()
    with copies.copied(put(tmp_path / "work", solved())) as (place, *_):
        copies.remove_left()
        assert sorted(os.listdir(tmp_path)) == sorted(["another", place.name, "work"])
    assert sorted(os.listdir(tmp_path)) == ["another", "work"]
