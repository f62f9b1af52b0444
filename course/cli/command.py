"""The command line that all lessons share."""

import argparse
import contextlib
import json
import re
import signal
import sys
import time
from pathlib import Path

from course.cli.report import Options, plain, show
from course.errors import InputError, Interrupted, Parser, one_line_errors, writable_folder

MOST_STEPS = 1_000_000  # every step's weights are kept, and memory ends


def whole_number(least, most):
    """An argparse type: an int from `least` to `most`."""

    def parse(text):
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {least} to {most}, got {text!r}"
            )
        return number

    return parse


def device(text):
    """An argparse type: a device's name, as Keras has it."""
    if not re.fullmatch(r"(cpu|gpu)(:\d{1,3})?", text):
        raise argparse.ArgumentTypeError(f"expected cpu, gpu or gpu:1, got {text!r}")
    return text


def parser(name, doc, budget, own_data=False, images=False, options=Options, **told):
    """The shared flags.

    Args:
        name: what stands before the flags in the help, `python -m course.lesson03`.
        doc: the lesson's docstring, shown by --help.
        budget: "epochs" or "steps", the flag by which the lesson measures its training.
        own_data: whether the lesson takes --data and --target, a table.
        images: whether it takes --data, a set of images.
        options: the class of its options, which may have flags of its own.
        told: help of the flags named, where the usual does not hold: steps="how many α".
    """
    flags = Parser(prog=name, description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = flags.add_argument
    add("--seed", type=whole_number(0, 2**32 - 1), default=0, help="seed of the random numbers")
    add(f"--{budget}", *({"--epochs", "--steps"} - {f"--{budget}"}), dest=budget,
        type=whole_number(1, MOST_STEPS), help=told.get(budget, "how long to train"))  # fmt: skip
    add("--quick", action="store_true", help="a smaller budget, with its own tolerances")
    add("--dtype", choices=("float32", "float64"), default=options.dtype,
        help=told.get("dtype", "of the Keras model"))  # fmt: skip
    if own_data:
        add("--data", metavar="FILE.csv", help="your own table instead of the course's data")
        add("--target", metavar="COLUMN", help="the column of --data to predict")
    if images:
        add("--data", metavar="SOURCE", help="mnist, or an .npz archive in MNIST's layout")
    options.add_flags(add)
    add("--device", type=device, metavar="cpu|gpu|gpu:1", help="where to compute")
    add("--save-dir", metavar="FOLDER", help="where the figures go (default: figures)")
    add("--show", action="store_true", help="open the figures in windows")
    add("--json", action="store_true", help="print one JSON object; figures only with --save-dir")
    return flags


def main(run, argv, doc, budget="steps", options=Options, **flags):
    """Run a lesson as a command.

    Args:
        run: the lesson's `run(options) -> Report`.
        argv: list of flags; None takes them from the command line.
        doc: the lesson's docstring; its first line is the title.
        budget, options, flags: see `parser`.

    Returns:
        The exit status: 0 all checks hold, 1 a check fails, 2 bad input, 130 Ctrl-C.
    """
    module = sys.modules[run.__module__]
    # Run as a file, by an editor's button, the lesson has no module name of its own.
    name = module.__spec__.name if module.__spec__ else f"course.{Path(module.__file__).stem}"
    with one_line_errors(name) as status:
        known = parser(f"python -m {name}", doc, budget, options=options, **flags)
        given = vars(known.parse_args(argv))
        # A shell's background job ignores Ctrl-C's signal; a lesson should not.
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status.code = _lesson(run, given, options, name, doc)
    return status.code


def _lesson(run, flags, options, name, doc):
    import keras

    from course.machine import devices

    device = flags.pop("device")
    folder, as_json, window = flags.pop("save_dir"), flags.pop("json"), flags.pop("show")
    if window:
        _need_a_screen()
    if folder is not None or not as_json:
        folder = writable_folder(folder or "figures")
    options = options(**flags)
    lesson, _, title = doc.strip().splitlines()[0].rstrip(".").partition(": ")
    backend = keras.backend.backend()
    if not as_json:
        print(f"{lesson}: {title} · {backend}, {options.dtype}, seed {options.seed} …", flush=True)

    start = time.perf_counter()
    interrupted = False
    try:
        with devices.use(device):
            report = run(options)
    except Interrupted as stop:
        if stop.report is None:
            raise
        print(f"{name}: {stop}", file=sys.stderr, flush=True)
        report, interrupted = stop.report, True
    seconds = time.perf_counter() - start

    saved = _figures(report, folder, name.split(".")[-1], window)
    if as_json:
        numbers = plain(report.results)
        checks = [check.as_dict() for check in report.checks]
        record = {
            "lesson": int(lesson.split()[-1]),
            "title": title,
            "backend": backend,
            "seed": options.seed,
            "seconds": round(seconds, 3),
            "results": numbers,
            "checks": checks,
            "figures": [str(path) for path in saved],
        }
        print(json.dumps(record), flush=True)
    else:
        from rich.console import Console

        print()
        show(report, Console(highlight=False, soft_wrap=False))
        for path in saved:
            print(f"figure: {path}")
    if window:
        from matplotlib import pyplot as plt

        plt.show()
    return 130 if interrupted else 0 if report.passed else 1


def _figures(report, folder, stem, window):
    from matplotlib import pyplot as plt

    from course import figures

    if not window:
        plt.switch_backend("agg")
    saved = []
    if folder is not None or window:
        for name, draw in report.figures.items():
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
