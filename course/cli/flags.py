"""The flags that all lessons share, and those that some take."""

import argparse
import re

from course.cli import table
from course.cli.options import LESSONS
from course.errors import Parser, whole_number
from course.files import path_flag

MAX_STEPS = 1_000_000  # every step's weights are kept, and memory ends
RESUME = "keep a checkpoint there after each epoch, and go on from it where there is one"


def device(text):
    """An argparse type: a device's name, as Keras has it."""
    if not re.fullmatch(r"(cpu|gpu)(:\d{1,3})?", text):
        raise argparse.ArgumentTypeError(f"expected cpu, gpu or gpu:1, got {text!r}")
    return text


def parser(lesson, page, kinds):
    """The flags of a lesson.

    Args:
        lesson: its number.
        page: its module; --help shows its docstring and its constants.
        kinds: {constant: `course.checks.constants.Kind`}.
    """
    takes = LESSONS[lesson]
    flags = Parser(
        prog=f"python -m course.lesson{lesson:02}",
        description=page.__doc__,
        epilog=f"The tutorial: python -m course read {lesson}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = flags.add_argument
    add("--seed", type=whole_number(0, 2**32 - 1), default=0, help="seed of the random numbers")
    add(f"--{takes.budget}", *({"--epochs", "--steps"} - {f"--{takes.budget}"}), dest=takes.budget,
        type=whole_number(1, MAX_STEPS), help=takes.steps)  # fmt: skip
    add("--quick", action="store_true", help="a smaller budget, with its own tolerances")
    add("--dtype", choices=("float32", "float64"), default=takes.dtype, help="of the Keras model")
    for flag, name in takes.constants.items():
        several = {"nargs": "+"} if kinds[name].each else {}
        add(f"--{flag}", dest=name, type=kinds[name].from_text, metavar="NUMBER", **several,
            help=f"{name} at the top of the page, {table.short(getattr(page, name))}")  # fmt: skip
    if takes.table:
        add("--data", type=path_flag, metavar="FILE.csv",
            help="your own table instead of the course's data")  # fmt: skip
        add("--target", metavar="COLUMN", help="the column of --data to predict")
    if takes.images:
        add("--data", type=path_flag, metavar="SOURCE",
            help="mnist, or an .npz archive in MNIST's layout")  # fmt: skip
    if takes.training:
        _training(add)
    if takes.machines:
        _machines(add)
    add("--device", type=device, metavar="cpu|gpu|gpu:1", help="where to compute")
    add("--save-dir", type=path_flag, metavar="FOLDER",
        help="where the figures go (default: figures)")  # fmt: skip
    add("--show", action="store_true", help="open the figures in windows")
    add("--verbose", action="store_true", help="of every check: how close it is, and why so close")
    add("--json", action="store_true", help="print one JSON object; figures only with --save-dir")
    return flags


def _training(add):
    add("--patience", type=whole_number(1, MAX_STEPS), metavar="EPOCHS",
        help="stop when validation has not improved; keep the best weights")  # fmt: skip
    add("--save", type=path_flag, metavar="MODEL.keras",
        help="keep the trained model, after Ctrl-C as well")  # fmt: skip
    add("--resume", type=path_flag, metavar="FOLDER", help=RESUME)
    add("--predict", type=path_flag, metavar="IMAGE", nargs="+", default=(),
        help="say what these images show")  # fmt: skip
    add("--model", type=path_flag, metavar="MODEL.keras",
        help="for --predict: a model kept by --save")  # fmt: skip


def _machines(add):
    add("--num-processes", dest="processes", type=whole_number(2, 64), metavar="N",
        help="train on N machines; without --process-id all are processes here")  # fmt: skip
    add("--process-id", dest="process", type=whole_number(0, 63), metavar="K",
        help="which one this is, from 0")  # fmt: skip
    add("--address", metavar="HOST:PORT", help="process 0's, the same for all")
    add("--wait", type=whole_number(1, 86400), default=60, metavar="SECONDS",
        help="in which all machines must come")  # fmt: skip
    add("--resume", type=path_flag, metavar="FOLDER", help=f"with --num-processes: {RESUME}")
