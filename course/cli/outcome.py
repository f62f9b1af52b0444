"""A lesson's outcome: its page, its proof and its picture put together."""

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

from course import figures as style
from course.checks import Check
from course.checks.constants import require
from course.cli import edited, network, options as lesson_options
from course.errors import InputError
from course.machine import together
from course.machine.precision import precision


@dataclass
class Outcome:
    """What a lesson measured, and what follows from it.

    Attributes:
        lesson: its number.
        measured: what the lesson's `run` returned, {section: {name: array}}.
        results: the numbers the lesson is about, by name.
        checks: list of `Check`.
        figures: by name, a function without arguments that draws a Matplotlib figure.
        key: what the figures call the names that no font here has, {"column 1": a name}.
    """

    lesson: int
    measured: dict
    results: dict
    checks: list[Check]
    figures: dict[str, Callable] = field(default_factory=dict)
    key: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self):
        return all(check.passed for check in self.checks)

    def caption(self, draw):
        """What a figure shows: the first line of its function's docstring, and the key."""
        line = getattr(draw, "func", draw).__doc__.strip().splitlines()[0]
        key = ", ".join(f"{instead} = {name}" for instead, name in self.key.items())
        return f"{line} No font here has these names: {key}." if key else line


def modules(number):
    """The page, the proof and the picture of a lesson, as modules."""
    names = (f"course.lesson{number:02}", f"course.checks.lesson{number:02}",
             f"course.figures.lesson{number:02}")  # fmt: skip
    return tuple(importlib.import_module(name) for name in names)


def run(number, constants=None, **given):
    """Run a lesson in this process; return its `Outcome`.

    Args:
        number: of the lesson.
        constants: {name: value} of the page's constants that are to be other ones.
        given: attributes of `course.cli.options.Options`.

    >>> round(float(run(2, {"LEARNING_RATE": 0.1}, epochs=5).results["w after 5 epochs"]), 3)
    2.0
    """
    options = lesson_options.make(number, **given)
    with edited.constants(number, constants):
        return examine(number, measure(number, options), options)


def measure(number, options):
    """What the lesson measures, {section: {name: array}}.

    Raises:
        InputError: a constant of the page, or its data, makes no sense, or the page gives its
            model weights that do not fit.
    """
    lesson, proof, _ = modules(number)
    require(lesson, proof)
    with precision(options.dtype), _own_weights():
        if lesson_options.LESSONS[number].machines and together.asked(options):
            return together.measure(lesson, options)
        if lesson_options.LESSONS[number].training:
            return network.measure(lesson, options)
        return lesson.run(options)


@contextlib.contextmanager
def _own_weights():
    """Where the page gives a model weights that do not fit its layers, say so in a line.

    Raises:
        InputError: in place of Keras's ValueError.
    """
    try:
        yield
    except ValueError as error:
        if "set_weights" not in str(error) and "weight shape" not in str(error):
            raise
        raise InputError(
            "build_model has layers for which the lesson, by hand, has no weights"
            f" ({str(error).partition('Expected')[0].partition('. Provided')[0]});"
            " change both, or leave the layers as they were"
        ) from error


def examine(number, measured, options):
    """The `Outcome` of what was measured."""
    lesson, proof, picture = modules(number)
    page = together if "machines" in measured else network if "pictures" in measured else lesson
    with precision(options.dtype):
        return Outcome(
            number,
            measured,
            page.results(measured),
            proof.checks(measured, options),
            picture.figures(measured),
            style.key(options.table) if options.table else {},
        )
