"""The command line: what it prints, and one line for everything that can go wrong."""

import errno
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import keras
import pytest
from conftest import child_environment, once, one_line

from course import cli, figures, lesson01, lesson02
from course.__main__ import lessons, main
from course.cli import flags, start
from course.cli.options import LESSONS
from course.cli.outcome import modules
from course.errors import InputError, one_line_errors


def test_a_lesson_prints_its_checks_and_saves_its_figures(in_tmp, capsys):
    assert cli.main("lesson01", ["--quick"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Lesson 1: Exhaustive search · ")
    assert re.search(r"^(\d+) of \1 checks hold$", out, re.MULTILINE)
    assert " ".join(out.splitlines()[1:3]).strip() == lessons()[1][1]  # what it is about
    assert out.index("best weight on") < out.index("picture: ") < out.index("measured")
    assert max(map(len, out.splitlines())) <= 80
    saved = sorted(path.name for path in (in_tmp / "figures").iterdir())
    assert saved == ["lesson01_search.png", "lesson01_tries.png"]


def test_json_is_one_object_with_the_promised_keys(in_tmp, capsys):
    assert cli.main("lesson02", ["--json", "--quick", "--seed", "4", "--save-dir", "pictures"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert list(record) == [
        "lesson", "title", "backend", "seed", "constants", "seconds", "results", "checks",
        "figures",
    ]  # fmt: skip
    assert (record["lesson"], record["title"], record["seed"]) == (2, "Gradient descent", 4)
    assert record["backend"] == keras.backend.backend()
    assert len(record["figures"]) == 3
    assert all((in_tmp / path).stat().st_size > 5000 for path in record["figures"])


def test_reasons_are_for_those_who_ask(in_tmp, capsys):
    assert cli.main("lesson02", ["--quick", "--verbose"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^    101 numbers: error .*, allowed .*: roundings of w and", out, re.M)
    assert max(map(len, out.splitlines())) <= 80
    assert cli.main("lesson02", ["--quick"]) == 0
    assert "roundings" not in capsys.readouterr().out


def test_a_constant_from_the_command_line_is_as_if_the_page_had_it(in_tmp, capsys):
    assert cli.main("lesson02", ["--json", "--quick", "--learning-rate", "0.02"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["constants"] == {"LEARNING_RATE": 0.02}
    assert record["results"]["contraction factor"] == pytest.approx(1 - 0.02 * 28 / 3)
    assert lesson02.LEARNING_RATE == 0.01  # afterwards all is as it was
    assert importlib.import_module("course.lesson02") is lesson02


@pytest.mark.parametrize("number", LESSONS)
def test_each_lesson_says_which_constants_are_flags(number, capsys):
    page, proof, _ = modules(number)
    text = flags.parser(number, page, proof.CONSTANTS).format_help()
    for flag, name in LESSONS[number].constants.items():
        assert f"--{flag} NUMBER" in text
        assert f"{name} at the top of the page" in " ".join(text.split())


def test_json_without_a_folder_writes_no_file(in_tmp, capsys):
    assert cli.main("lesson01", ["--json", "--quick"]) == 0
    assert list(in_tmp.iterdir()) == []
    assert json.loads(capsys.readouterr().out)["figures"] == []


def test_a_check_that_fails_is_status_1(in_tmp, monkeypatch, capsys):
    monkeypatch.setattr(lesson01, "cost", lambda w, x, y: 1.0)
    assert cli.main("lesson01", ["--quick"]) == 1
    assert "FAILS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--epochs", "0"], "expected a whole number from 1 to 1000000, got '0'"),
        (["--steps", "-3"], "argument --epochs/--steps: expected a whole number"),
        (["--epochs", "abc"], "got 'abc'"),
        (["--epochs", "1.5"], "got '1.5'"),
        (["--epochs", "1_0"], "expected a whole number from 1 to 1000000, got '1_0'"),
        (["--epochs"], "expected one argument"),
        (["--seed", "-1"], "got '-1'"),
        (["--dtype", "float8"], "invalid choice"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["--data", "x.csv"], "unrecognized arguments"),
        (["--save-dir", "/dev/null/x"], "--save-dir /dev/null/x: cannot write there"),
        (["--show"], "--show needs a screen"),
        (["--learning-rate", "0"], "--learning-rate: expected a number above 0, got '0'"),
        (["--learning-rate", "nan"], "expected a number above 0, got 'nan'"),
        (["--learning-rate", "1_0"], "expected a number above 0, got '1_0'"),
    ],
)
def test_bad_flags(in_tmp, capsys, flags, words):
    assert cli.main("lesson02", flags) == 2
    out, err = capsys.readouterr()
    assert words in one_line(err)
    assert err.startswith("course.lesson02: ")
    assert out == ""
    assert list(in_tmp.iterdir()) == []


LONG = "a" * 300  # letters: no file system has such a name


@pytest.mark.parametrize(
    ("lesson", "words"),
    [
        ("lesson03", "--target y --data"), ("lesson08", "--target y --data"),
        ("lesson11", "--data"), ("lesson11", "--save"), ("lesson11", "--resume"),
        ("lesson11", "--predict"), ("lesson11", "--predict p.png --model"),
        ("lesson11", "--save-dir"), ("lesson12", "--data"), ("lesson14", "--resume"),
        ("lesson14", "--num-processes 2 --resume"),
    ],
)  # fmt: skip
def test_names_that_no_file_can_have(in_tmp, capsys, lesson, words):
    """An unset shell variable is not a flag left out; nor is a long name a traceback."""
    flag = words.split()[-1]
    for name, reason in (("", "got ''; is a shell variable not set?"), (LONG, "name too long")):
        ending = ".keras" if name and flag in ("--save", "--model") else ""
        assert cli.main(lesson, [*words.split(), name + ending]) == 2
        out, err = capsys.readouterr()
        assert f"argument {flag}: " in one_line(err)
        assert reason in err.replace("File name", "name")
        assert out == ""
    assert list(in_tmp.iterdir()) == []


def test_records_of_a_sweep_need_a_name_too(in_tmp, capsys):
    for name in ("", LONG):
        assert main(["run", "1", "--seeds", "0", "--results", name]) == 2
        assert "argument --results: " in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    "argv",
    [
        ["lesson02", "--epochs", "1" * 4000], ["lesson02", "--dtype", "x" * 4000],
        ["lesson02", *["abc"] * 1000], ["lesson11", "--save", "/x" * 2000],
        ["run", "1", "--seeds", "9" * 4000], ["y" * 4000],
    ],
)  # fmt: skip
def test_a_long_value_is_not_repeated_whole(in_tmp, capsys, argv):
    lesson = argv[0].startswith("lesson")
    assert (cli.main(argv[0], argv[1:]) if lesson else main(argv)) == 2
    err = one_line(capsys.readouterr().err)
    assert "letters)" in err
    assert len(err) < 700


def test_the_number_of_letters_stands_within_the_quotes(in_tmp, capsys):
    assert main(["run", "9" * 3000]) == 2
    assert "99 (3000 letters)'; there are 1, 2, " in one_line(capsys.readouterr().err)


BAD_COMMANDS = ("run 99", "run x", "run 1 0", "walk", "doctor x", "run 1 --quick 2",
                "progress a b", "run --backend theano", "--quick", "run 3 --seed")  # fmt: skip


@pytest.mark.parametrize("argv", [words.split() for words in BAD_COMMANDS])
def test_bad_commands(in_tmp, capsys, argv):
    assert main(argv) == 2
    assert one_line(capsys.readouterr().err).startswith("course")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run", "--seeds 0-19"),
        ("exercise", "--language"),
        ("check", "--csv GRADES.csv"),
        ("progress", "folder"),
        ("doctor", "how to fix it"),
    ],
)
def test_each_command_has_its_own_help(capsys, command, words):
    assert main([command, "--help"]) == 0
    out, err = capsys.readouterr()
    assert f"python -m course {command}" in out
    assert words in out
    assert err == ""


def test_the_help_lists_the_commands(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "python -m course run 3 --backend all" in out
    for command in ("run", "exercise", "check", "progress", "doctor"):
        assert f"\n    {command} " in out


def test_an_unknown_lesson_names_those_there_are(capsys):
    assert main(["run", "99"]) == 2
    assert "there is no lesson '99'; there are 1, 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("2", "python -m course.lesson02 or python -m course run 2"),
        ("lesson02", "python -m course.lesson02 or"),
        ("course.lesson2", "python -m course.lesson02 or"),
        ("lesson3.py", "python -m course.lesson03 or"),
        ("run lesson02", "python -m course run 2"),
        ("run course.lesson2", "python -m course run 2"),
    ],
)
def test_a_lesson_by_another_name_is_told_the_right_one(capsys, words, meant):
    assert main(words.split()) == 2
    assert meant in one_line(capsys.readouterr().err)


def test_a_module_by_another_name_is_told_the_right_one():
    with pytest.raises(ModuleNotFoundError, match=r"no course\.lesson2; write course\.lesson02"):
        importlib.import_module("course.lesson2")
    with pytest.raises(ModuleNotFoundError, match="No module named"):
        importlib.import_module("course.lesson99")


def test_target_without_data(in_tmp, capsys):
    assert cli.main("lesson03", ["--target", "y"]) == 2
    assert "--target needs --data" in one_line(capsys.readouterr().err)


def test_the_list_has_a_line_for_every_lesson(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    for number, (title, line) in lessons().items():
        assert f"{number}  {title}" in out
        assert line[-1] in ".?"
        assert len(line) < 90


def test_a_console_of_another_alphabet(command):
    done = command("course", check=0, PYTHONIOENCODING="ascii")
    assert "Choosing ?" in done.stdout
    assert "Linear regression" in done.stdout


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip().count(".") == 2


def test_run_without_the_network(command):
    done = command("course", "run", "1", "2", "--quick", check=0)
    assert done.stdout.count("checks hold") == 2
    assert done.stderr == ""


WRITERS = pytest.mark.parametrize(  # the list of lessons needs no Keras
    "words",
    [["course"], pytest.param(["course.lesson01", "--quick"], marks=[once, pytest.mark.slow])],
)


@WRITERS
def test_a_closed_output(tmp_path, words):
    lesson = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=tmp_path, env=child_environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    lesson.stdout.close()  # as `| head -1` does, a little earlier
    line = one_line(lesson.stderr.read())
    assert "the output was closed" in line
    assert lesson.wait() == 2


def closed(tmp_path, streams, *words):
    """Run `python -m …` in a shell that closes some streams: ">&-"."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-m", *words],
        cwd=tmp_path, env=child_environment(), text=True, capture_output=True,
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="a shell")
@WRITERS
def test_no_output_at_all(tmp_path, words):
    """The system gives the output's number to the next file, which must not be one of ours."""
    done = closed(tmp_path, ">&-", *words)
    assert "cannot write the output (Bad file descriptor)" in one_line(done.stderr)
    assert done.returncode == 2


@once
@pytest.mark.skipif(os.name != "posix", reason="a shell")
def test_help_without_output_and_an_error_without_input_and_errors(tmp_path):
    assert closed(tmp_path, ">&-", "course", "run", "--help").returncode == 2
    done = closed(tmp_path, "<&- 2>&-", "course", "run", "99")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@WRITERS
def test_a_full_disk_behind_the_output(tmp_path, words):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path, env=child_environment(), text=True, stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert "No space left" in one_line(done.stderr)
    assert done.returncode == 2


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/tmp/x"),
        FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
        OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300),
    ],
)
def test_a_full_disk_or_a_long_name_elsewhere(capsys, error):
    with one_line_errors("course") as status:
        raise error
    assert status.code == 2
    assert error.strerror in one_line(capsys.readouterr().err)


def test_a_bug_in_the_code_is_not_hidden():
    with pytest.raises(FileNotFoundError), one_line_errors("course"):
        open("nosuch").close()


def test_ctrl_c_while_a_lesson_runs(tmp_path):
    lesson = subprocess.Popen(
        [sys.executable, "-m", "course.lesson02", "--epochs", "1000000"],
        cwd=tmp_path, env=child_environment(), text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert lesson.stdout.readline().startswith("Lesson 2: Gradient descent")
    time.sleep(0.2)
    lesson.send_signal(signal.SIGINT)
    _, err = lesson.communicate(timeout=60)
    assert "interrupted" in one_line(err)
    assert lesson.returncode == 130
    assert list((tmp_path / "figures").iterdir()) == []


def test_ctrl_c_that_python_would_ignore_comes_a_little_later():
    """JAX has a callback of the garbage collector, in which an exception is ignored."""

    def _xla_gc_callback():
        start.interrupt(signal.SIGINT, sys._getframe())

    before = signal.signal(signal.SIGINT, start.interrupt)
    try:
        _xla_gc_callback()
        with pytest.raises(KeyboardInterrupt):
            all(time.sleep(0.01) is None for _ in range(1000))
    finally:
        signal.signal(signal.SIGINT, before)


def importing(tmp_path, keras, *flags, **changes):
    """A lesson's process, in which Keras is a module of some lines."""
    (tmp_path / "keras.py").write_text(keras)
    environment = child_environment(**changes)
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])
    return subprocess.Popen(
        [sys.executable, "-m", "course.lesson01", *flags], cwd=tmp_path, env=environment,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


WAITS = {
    "as it is imported": "print('here', flush=True)\ntime.sleep(60)\n",
    # Python prints an exception in there, ignores it, and goes on.
    "in a callback of JAX's": """
def _xla_gc_callback(*arguments):
    print('here', flush=True)
    end = time.monotonic() + 60
    while time.monotonic() < end: time.sleep(0.01)
gc.callbacks.append(_xla_gc_callback)
gc.collect()
""",
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_ctrl_c_while_keras_is_imported(tmp_path, wait):
    lesson = importing(tmp_path, "import gc, time\n" + wait)
    assert lesson.stdout.readline().strip() == "here"
    lesson.send_signal(signal.SIGINT)
    _, err = lesson.communicate(timeout=60)
    assert one_line(err) == "course: interrupted"
    assert lesson.returncode == 130


SAYS_BACKEND = "import sys, matplotlib\nsys.exit(print(matplotlib.rcParams['backend']))"


@once
def test_a_backend_of_matplotlibs_that_there_is_not(tmp_path):
    """Keras imports Matplotlib, and figures go into files, whatever MPLBACKEND says."""
    lesson = importing(tmp_path, SAYS_BACKEND, MPLBACKEND="nonsense")
    assert lesson.communicate(timeout=60) == ("agg\n", "")
    lesson = importing(tmp_path, SAYS_BACKEND, "--show", MPLBACKEND="nonsense")
    out, err = lesson.communicate(timeout=60)
    assert "MPLBACKEND says 'nonsense'" in one_line(err)
    assert (lesson.returncode, out) == (2, "")


@once
@pytest.mark.skipif(os.name != "posix", reason="a home folder in which nothing can be made")
def test_a_home_that_cannot_be_written(tmp_path):
    nowhere = dict.fromkeys(("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"))
    lesson = importing(tmp_path, SAYS_BACKEND, HOME="/dev/null", **nowhere)
    assert lesson.communicate(timeout=60) == ("agg\n", "")


def test_a_figure_is_whole_or_not_there(tmp_path, monkeypatch):
    figure, _ = figures.panels("one")

    def broken(path, format):
        path.write_bytes(b"half a picture")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", broken)
    with pytest.raises(InputError, match="No space left on device"):
        figures.save(figure, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_help_shows_the_lesson_and_the_flags(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main("lesson03", ["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    for flag in ("--seed", "--steps", "--quick", "--save-dir", "--show", "--json", "--target"):
        assert flag in out
    assert "∂J/∂w = 2/n Xᵀ(ŷ − y)" in out
