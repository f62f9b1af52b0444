"""Deep Learning, Checked: list the lessons, run them, compare backends, do exercises.

python -m course                        the lessons
python -m course run 1 2 3              run some of them (all, when none is named)
python -m course run 3 --backend jax    on that backend
python -m course run 3 --backend all    on every installed one, numbers side by side
python -m course run 13 --seeds 0-19 --jobs 2
                                        with many seeds, two at a time: what the seed does
python -m course read 3                 the tutorial of lesson 3  (--language zh, --browser)
python -m course exercise 3             exercises of lesson 3, into the folder exercises
python -m course check                  check them;  FILE, or FOLDER --csv GRADES.csv
python -m course hint 3 largest_rate    a hint for one of them
python -m course progress               what passed so far
python -m course doctor                 what is installed, what is missing, how to fix it

"""

import argparse
import ast
import functools
import importlib
import itertools
import os
import re
import sys
from pathlib import Path

import course
from course import cli
from course.cli import start
from course.errors import InputError, Parser, need_backend

COMMANDS = {
    "run": "run lessons",
    "read": "read the tutorial of a lesson",
    "exercise": "put exercises of lessons into a folder",
    "check": "check exercises against their references",
    "hint": "a hint for an exercise",
    "progress": "what passed at the last check",
    "doctor": "what is installed, what is missing, how to fix it",
}
RUN = """Run lessons, all where none is named.

Flags of the lessons (--quick, --epochs N, --json, …) are passed on to them;
python -m course.lesson03 --help lists those of lesson 3.
"""


@functools.cache
def lessons():
    """The lessons by number: {number: (title, one line)}, read without running them."""
    found = {}
    for file in sorted(Path(__file__).parent.glob("lesson[0-9][0-9].py")):
        doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))).splitlines()
        title = doc[0].partition(": ")[2].rstrip(".")
        found[int(file.stem[-2:])] = (title, doc[2])
    return found


def list_lessons():
    """Print the lessons; return 0."""
    print(f"Deep Learning, Checked {course.__version__}: lessons\n")
    for number, (title, line) in lessons().items():
        print(f"{number:3}  {title}\n     {line}")
    print("\nRun one:   python -m course.lesson03        (--help says what it takes)")
    print("Several:   python -m course run 1 2 3 --backend all")
    print("Read why:  python -m course read 3")
    print("Exercises: python -m course exercise 3")
    print("Trouble:   python -m course doctor")
    return 0


def parser(command):
    """The parser of `python -m course`, with the flags of one command; the others need none."""
    flags = Parser(
        prog="python -m course",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    flags.add_argument("--version", action="version", version=course.__version__)
    commands = flags.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, line in COMMANDS.items():
        one = commands.add_parser(
            name,
            help=line,
            description=RUN if name == "run" else f"{line[0].upper()}{line[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,  # --seed is the lessons', and not short for --seeds
        )
        if name == command:
            add_flags(command, one)
    return flags


def add_flags(command, flags):
    """Add a command's flags; only that command's modules are imported."""
    if command == "run":
        from course.machine import sweep

        flags.usage = "python -m course run [LESSON ...] [flags, and flags of the lessons]"
        flags.add_argument("--backend", choices=(*course.BACKENDS, "all"), help="of Keras")
        sweep.add_flags(flags)
    elif command == "read":
        from course.cli import read

        read.add_flags(flags)
    elif command != "doctor":
        from course.grading import classroom

        getattr(classroom, f"add_{command}_flags")(flags)


def run(numbers, given, flags):
    """Run lessons; return the exit status.

    Args:
        numbers: of the lessons.
        given: the flags of `run`.
        flags: list of flags for the lessons.
    """
    from course.machine import processes, sweep

    processes.end_with_parent()
    many = sweep.asked(given)
    if given.backend == "all":
        from course.cli.compare import compare

        return compare(numbers, flags)
    if given.backend:
        os.environ["KERAS_BACKEND"] = given.backend
    # Keras is not imported yet: this process can still become one of any backend.
    os.environ["KERAS_BACKEND"] = backend = need_backend()
    if many:
        return sweep.sweep(numbers, given, flags)
    course.import_quietly(backend)
    status = 0
    # All are imported before one computes: lesson 14 sets up the devices of its backend.
    names = [f"lesson{number:02}" for number in numbers]
    for name in names:
        importlib.import_module(f"course.{name}")
    for name in names:
        status = max(status, cli.main(name, flags))
        if status > 1:
            break  # a flag that this lesson refuses, or Ctrl-C
    return status


def read(given):
    """Show a tutorial; return the exit status."""
    from course.cli.read import read

    number = _lesson_meant(given.page)
    name = given.page if number is None else f"lesson{number:02}"
    if not given.browser:
        course.import_quietly(need_backend())
    return read(name, given.language, given.browser)


def _numbers(words):
    known = lessons()
    numbers = []
    for word in words:
        meant = _lesson_meant(word)
        if meant is not None and not word.isdecimal():
            raise InputError(f"a lesson is named by its number: python -m course run {meant}")
        if meant is None:
            *most, last = map(str, known)
            raise InputError(f"there is no lesson {word!r}; there are {', '.join(most)} and {last}")
        numbers.append(int(word))
    return numbers or list(known)


def _lesson_meant(word):
    """The number of the lesson that a word like 2, lesson02 or course.lesson2 means, or None."""
    found = re.fullmatch(r"(?:course[./])?(?:lesson[ _]?)?0*(\d{1,3})(?:\.py)?", word.lower())
    return int(found[1]) if found and int(found[1]) in lessons() else None


def _command(command, rest):
    """Run one command; return the exit status."""
    number = _lesson_meant(command)
    if number is not None:
        raise InputError(
            f"{command!r} is no command; lesson {number} is run by"
            f" python -m course.lesson{number:02} or python -m course run {number}"
        )
    words = []
    if command == "run":  # taken off here: argparse would take a flag's value for a lesson
        words = list(itertools.takewhile(lambda word: not word.startswith("-"), rest))
    flags = parser(command)
    given, others = flags.parse_known_args([command, *rest[len(words) :]])
    if command == "run":
        return run(_numbers(words), given, others)
    if others:
        flags.error(f"unrecognized arguments: {' '.join(others)}")
    if command == "doctor":
        from course.cli.doctor import doctor

        return doctor()
    if command == "read":
        return read(given)
    from course.grading import classroom

    return getattr(classroom, command)(given)


def main(argv=None):
    """Run a command; return the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    with start.command("course") as status:
        try:
            status.code = _command(arguments[0], arguments[1:]) if arguments else list_lessons()
        except SystemExit as stop:  # argparse's, after --help or --version
            status.code = stop.code
    return status.code


if __name__ == "__main__":
    raise SystemExit(main())
