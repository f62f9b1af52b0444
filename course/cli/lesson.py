"""One lesson as a command: `python -m course.lesson05 --quick`."""

import json
import sys
import textwrap
import time
from pathlib import Path

from course.cli import edited, flags as lesson_flags, options as lesson_options, start
from course.cli.table import WIDTH, plain, show
from course.errors import InputError, Interrupted
from course.files import writable_folder

STATUS = {True: 0, False: 1}  # all checks hold, one fails


def main(lesson, argv=None):
    """Run a lesson as a command.

    Args:
        lesson: its module's file or name, "lesson05".
        argv: list of flags; None takes them from the command line.

    Returns:
        The exit status: 0 all checks hold, 1 a check fails, 2 bad input, 130 Ctrl-C.
    """
    stem = Path(lesson).stem
    number = int(stem.removeprefix("lesson"))
    with start.command(f"course.{stem}") as status:
        from course.cli.outcome import modules

        page, proof, _ = modules(number)
        given = vars(lesson_flags.parser(number, page, proof.CONSTANTS).parse_args(argv))
        names = {name for name in given if name.isupper()}
        constants = {name: given.pop(name) for name in names}
        constants = {name: value for name, value in constants.items() if value is not None}
        with edited.constants(number, constants):
            status.code = _run(number, given, page.__doc__, constants)
    return status.code


def _run(number, flags, doc, constants):
    import keras

    from course.cli.outcome import examine, measure, modules
    from course.machine import devices

    device = flags.pop("device")
    folder, as_json, window = flags.pop("save_dir"), flags.pop("json"), flags.pop("show")
    verbose = flags.pop("verbose")
    if window:
        _need_a_screen()
    if folder is not None or not as_json:
        folder = writable_folder("figures" if folder is None else folder)
    options = lesson_options.make(number, **flags)
    first, _, question, *_ = doc.strip().splitlines()
    lesson, _, title = first.rstrip(".").partition(": ")
    backend = keras.backend.backend()
    modules(number)  # imported before the first word: an import might swallow a Ctrl-C
    if not as_json:
        settings = [backend, options.dtype, f"seed {options.seed}"]
        settings += [f"{name} = {value}" for name, value in constants.items()]
        print(f"{lesson}: {title} · {', '.join(settings)}")
        print(textwrap.fill(question, WIDTH), flush=True)

    began = time.perf_counter()
    interrupted = False
    with devices.use(device):
        try:
            measured = measure(number, options)
        except Interrupted as stop:
            if stop.measured is None:
                raise
            print(f"course.lesson{number:02}: {stop}", file=sys.stderr, flush=True)
            measured, interrupted = stop.measured, True
        outcome = examine(number, measured, options)
    seconds = time.perf_counter() - began

    saved = _figures(outcome, folder, f"lesson{number:02}", window)
    if as_json:
        record = {
            "lesson": number,
            "title": title,
            "backend": backend,
            "seed": options.seed,
            "constants": constants,
            "seconds": round(seconds, 3),
            "results": outcome.results,
            "checks": [check.as_dict() for check in outcome.checks],
            "figures": [str(path) for path in saved],
        }
        print(json.dumps(plain(record)), flush=True)
    else:
        from rich.console import Console

        console = Console(highlight=False, soft_wrap=True, markup=False)
        print()
        for line, style in show(outcome, saved, verbose):
            console.print(line, style=style or None)
        print(_next(number, verbose))
    if window:
        from matplotlib import pyplot as plt

        plt.show()
    return 130 if interrupted else STATUS[outcome.passed]


def _next(number, verbose):
    """What to do now."""
    flag = next(iter(lesson_options.LESSONS[number].constants), None)
    page = f"course/lesson{number:02}.py"
    lines = [f"What if? Change a constant at the top of {page} and run it again."]
    if flag:
        lines.append(f"--{flag} does so for one run; --help lists more.")
    if not verbose:
        lines.append("--verbose says of every check how close it is, and why so close.")
    lines.append(f"Why is it so?  python -m course read {number}")
    return "\n".join(lines)


def _figures(outcome, folder, stem, window):
    from matplotlib import pyplot as plt

    from course import figures

    if not window:
        plt.switch_backend("agg")
    saved = []
    if folder is not None or window:
        for name, draw in outcome.figures.items():
            with figures.fonts():
                figure = draw()
                if folder is not None:
                    saved.append(figures.save(figure, folder / f"{stem}_{name}.png"))
            if not window:
                plt.close(figure)
    return saved


def _need_a_screen():
    from matplotlib import backends, pyplot as plt

    plt.figure()
    plt.close("all")
    interactive = backends.backend_registry.list_builtin(backends.BackendFilter.INTERACTIVE)
    if plt.get_backend().lower() not in {name.lower() for name in interactive}:
        raise InputError(
            "--show needs a screen and a window toolkit, and there is none here;"
            " leave --show out and open the pictures in --save-dir"
        )
