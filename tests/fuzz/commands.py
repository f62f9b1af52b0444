"""Command lines: the flags of lessons, and the commands beside them."""

import functools
from typing import NamedTuple

import law
from hypothesis import strategies as st
from tables import TEXTS

from course import __main__ as course_main
from course.cli import flags as lesson_flags, main
from course.cli.outcome import modules

LESSONS = (1, 2, 3, 4, 5, 6, 8, 9, 10)  # those that take a second with --quick
FILES = {"t.csv": b"a,y\n1,2\n2,3\n3,5\n4,4\n5,7\n6,6\n7,9\n8,8\n9,9\n10,12\n11,10\n",
         "empty": b"", "f.keras": b"no", "ä.png": b"no"}  # fmt: skip
NUMBERS = st.sampled_from(["0", "1", "-1", "2", "7", "0.1", "1e-9", "1e9", "1e999", "nan", "inf",
                           "", " ", "1_0", "9" * 5000, "٣", "x", "0x1", "1,5", "-", "--", "1e-400",
                           "4294967296"])  # fmt: skip
PLACES = st.sampled_from(["", ".", "new", "t.csv", "t.csv/below", "empty", "no/where", "ä 面",
                          "a" * 300, "a" * 4000, "a/" * 200, "a\0b", "/dev/null", "/proc/x", "-",
                          "~", "a\nb", "f.keras", "ä.png", "$HOME", "con:", "\udcff"])  # fmt: skip
WORDS = NUMBERS | PLACES | TEXTS
# What costs minutes is asked for in small numbers only.
FEW = st.integers(-2, 8).map(str) | st.sampled_from(["", "0", "x", "1e1", "9" * 5000, "1000001"])
PATH_FLAGS = "--data", "--save-dir", "--save", "--resume", "--predict", "--model"  # of lessons
CHOICES = {"--dtype": ["float32", "float64", "float16", ""], "--device": ["cpu", "cpu:0", "gpu:99",
           "tpu", ""], "--target": ["y", "a", "z", ""], "--steps": FEW, "--epochs": FEW,
           **dict.fromkeys([*PATH_FLAGS, "--folder", "--csv"], PLACES),
           "--language": ["en", "zh", "de", ""], "--seed": FEW | NUMBERS}  # fmt: skip
COMMANDS = {
    "exercise": ["--folder", "--language", "--force"],
    "check": ["--csv", "--language"],
    "progress": [],
    "hint": ["--language"],
    "read": ["--language"],
    "run": ["--backend"],
}  # fmt: skip


class Line(NamedTuple):
    """A lesson or a command, and its words."""

    lesson: int | None
    argv: list

    def __repr__(self):
        words = [w if len(w) < 60 else f"{w[:20]}… ({len(w)} letters)" for w in self.argv]
        return f"{f'lesson {self.lesson}' if self.lesson else 'course'}: {words!r}"


@functools.cache
def flags_of(lesson):
    """{flag: whether it takes a value} of a lesson."""
    page, proof, _ = modules(lesson)
    actions = lesson_flags.parser(lesson, page, proof.CONSTANTS)._actions
    return {a.option_strings[-1]: a.nargs != 0 for a in actions if a.option_strings}


@st.composite
def value(draw, flag):
    choices = CHOICES.get(flag, NUMBERS)
    choices = st.sampled_from(choices) if isinstance(choices, list) else choices
    return draw(choices if draw(st.integers(0, 4)) else WORDS)


@st.composite
def lines(draw, lessons=LESSONS):
    """A lesson with some flags, at most a few steps of training."""
    lesson = draw(st.sampled_from(lessons))
    known, argv = flags_of(lesson), ["--quick"]
    if draw(st.integers(0, 9)):
        argv.append("--json")  # without figures, which take as long as the lesson
    for flag in draw(st.lists(st.sampled_from(sorted(known)), max_size=3)):
        if flag in ("--show", "--help") and draw(st.integers(0, 3)):
            continue
        argv += [flag, draw(value(flag))] if known[flag] else [flag]
    if draw(st.integers(0, 9)) == 0:
        argv.insert(draw(st.integers(0, len(argv))), draw(WORDS))
    return Line(lesson, argv)


@st.composite
def empty_names(draw):
    """A lesson whose flag for a path got none; a second mistake, so that nothing is trained."""
    lesson = draw(st.integers(1, 14))
    flag = draw(st.sampled_from([flag for flag in flags_of(lesson) if flag in PATH_FLAGS]))
    return Line(lesson, [flag, "", "--seed", "-1"])


@st.composite
def orders(draw):
    """A command of `python -m course` with some words, lessons among them."""
    command = draw(st.sampled_from(sorted(COMMANDS)))
    argv = draw(st.lists(WORDS, max_size=2))
    if draw(st.integers(0, 3)):
        argv.insert(0, str(draw(st.integers(0, 15))))
    for flag in COMMANDS[command]:
        if draw(st.integers(0, 2)) == 0:
            argv += [flag] if flag == "--force" else [flag, draw(value(flag))]
    if command in ("run", "read"):  # lessons are run by `lines`: here a flag that there is not
        argv += ["--nothing"]
    return Line(None, [command, *argv])


def hold(line):
    if line.lesson:
        law.run(lambda argv: main(f"lesson{line.lesson:02}", argv), line.argv, FILES)
    else:
        law.run(course_main.main, line.argv, FILES)


def hold_empty_name(line):
    """An unset shell variable is not a flag left out."""
    ran = law.run(lambda argv: main(f"lesson{line.lesson:02}", argv), line.argv, FILES)
    law.promise(f"argument {line.argv[0]}: " in ran.err, "a flag takes an empty name", ran.err)
