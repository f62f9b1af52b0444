"""`python -m course`: list the lessons, run them, compare backends, look at the machine.

python -m course                        the lessons
python -m course run 1 2 3              run some of them (all, when none is named)
python -m course run 3 --backend jax    on that backend
python -m course run 3 --backend all    on every installed one, numbers side by side
python -m course run 13 --seeds 0-19 --jobs 2
                                        with many seeds, two at a time: what the seed does
python -m course exercise 3             exercises of lesson 3, into the folder exercises
python -m course check                  check them;  FILE, or FOLDER --csv GRADES.csv
python -m course progress               what passed so far
python -m course doctor                 what is installed, what is missing, how to mend it

Flags of the lessons (--quick, --seed N, --json, …) may follow the numbers.
"""

import argparse
import ast
import importlib
import itertools
import os
import sys
from pathlib import Path

import course
from course.errors import InputError, Parser, one_line_errors

COMMANDS = "run, exercise, check, progress and doctor"


def lessons():
    """The lessons by number: {number: (title, one line)}, read without running them."""
    found = {}
    for file in sorted(Path(__file__).parent.glob("lesson[0-9][0-9].py")):
        doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))).splitlines()
        title = doc[0].partition(": ")[2].rstrip(".")
        found[int(file.stem[-2:])] = (title, doc[2])
    return found


def list_lessons():
    print(f"Deep Learning, Checked {course.__version__}: lessons\n")
    for number, (title, line) in lessons().items():
        print(f"{number:3}  {title}\n     {line}")
    print("\nRun one:   python -m course.lesson03        (--help says what it takes)")
    print("Several:   python -m course run 1 2 3 --backend all")
    print("Exercises: python -m course exercise 3")
    print("Trouble:   python -m course doctor")
    return 0


def run(arguments):
    from course.machine import processes, sweep

    processes.end_with_parent()
    words = list(itertools.takewhile(lambda word: not word.startswith("-"), arguments))
    numbers = _numbers(words)
    flags = Parser(
        prog="python -m course run 1 2 3",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --seed is the lessons', and not short for --seeds
    )
    flags.add_argument("--backend", choices=(*course.BACKENDS, "all"))
    sweep.add_flags(flags)
    chosen, passed_on = flags.parse_known_args(arguments[len(words) :])
    many = sweep.asked(chosen)
    if chosen.backend == "all":
        from course.cli.compare import compare

        return compare(numbers, passed_on)
    if chosen.backend:
        os.environ["KERAS_BACKEND"] = chosen.backend
    # Keras is not imported yet: this process can still become one of any backend.
    try:
        os.environ["KERAS_BACKEND"] = backend = course.pick_backend()
    except course.BackendError as error:
        raise InputError(error) from None
    if many:
        return sweep.sweep(numbers, chosen, passed_on)
    course.import_quietly(backend)
    status = 0
    # All are imported before one computes: lesson 14 sets up the devices of its backend.
    for module in [importlib.import_module(f"course.lesson{number:02}") for number in numbers]:
        status = max(status, module.main(passed_on))
        if status > 1:
            break  # a flag that this lesson refuses, or Ctrl-C
    return status


def _numbers(words):
    known = lessons()
    numbers = []
    for word in words:
        if not word.isdecimal() or int(word) not in known:
            raise InputError(f"there is no lesson {word!r}; there are {_and(known)}")
        numbers.append(int(word))
    return numbers or list(known)


def _and(numbers):
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}"


def main(argv=None):
    arguments = sys.argv[1:] if argv is None else argv
    with one_line_errors("course") as status:
        match arguments:
            case []:
                status.code = list_lessons()
            case ["-h" | "--help"]:
                print(__doc__.strip())
            case ["--version"]:
                print(course.__version__)
            case ["run", *rest]:
                status.code = run(rest)
            case ["doctor"]:
                from course.cli.doctor import doctor

                status.code = doctor()
            case ["exercise" | "check" | "progress" as command, *rest]:
                from course.grading import classroom

                status.code = classroom.main(command, rest)
            case ["doctor", word, *_]:
                raise InputError(f"doctor takes no arguments, got {word!r}")
            case [word, *_]:
                raise InputError(f"no command {word!r}; there are {COMMANDS} (see --help)")
    return status.code


if __name__ == "__main__":
    raise SystemExit(main())
