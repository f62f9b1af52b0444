"""What the constants at the top of a page may be.

Each proof has a dict CONSTANTS, {name: kind}, with one of the kinds below for every constant of
its page. A constant that makes no sense is told before anything is computed.
"""

import argparse
import reprlib
from collections.abc import Callable
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

from course.errors import InputError


class Kind(NamedTuple):
    """Which values a constant may have.

    Attributes:
        words: said to whoever chose another one.
        allows: from a value to True or False.
        parse: from a flag's text to a value; None where no flag sets it.
        each: the kind of each of several values.
    """

    words: str
    allows: Callable
    parse: Callable | None = None
    each: "Kind | None" = None

    def from_text(self, text):
        """An argparse type: the value that a flag's text gives."""
        kind = self.each or self
        try:
            value = kind.parse(text)
        except ValueError:
            value = None
        pythons = is_number(value) and "_" in text  # to Python, 1_0 is 10
        if value is None or pythons or not kind.allows(value):
            raise argparse.ArgumentTypeError(f"expected {kind.words}, got {text!r}")
        return value


def between(low, high, words):
    """Numbers above `low` and below `high`."""
    return Kind(words, lambda value: is_number(value) and low < value < high, float)


def whole(least, most=None):
    """Whole numbers from `least` to `most`."""
    words = f"a whole number of at least {least}"
    words = words if most is None else f"a whole number from {least} to {most}"
    top = np.inf if most is None else most

    def allows(value):
        return isinstance(value, Integral) and not isinstance(value, bool) and least <= value <= top

    return Kind(words, allows, int)


def several(kind, least=1, most=None):
    """At least `least` values of a kind: a tuple, a list, an array, or a dict of them."""
    number = f"{least} or more" if most is None else f"{least} to {most}"
    top = np.inf if most is None else most

    def allows(values):
        if isinstance(values, str) or not hasattr(values, "__len__"):
            return False
        values = values.values() if isinstance(values, dict) else np.ravel(values).tolist()
        return least <= len(values) <= top and all(kind.allows(value) for value in values)

    return Kind(f"{number} values, each {kind.words}", allows, each=kind)


def one_of(*choices):
    """One of some words."""
    return Kind(f"one of {', '.join(map(repr, choices))}", lambda value: value in choices, str)


def is_number(value):
    """A finite real number, of Python or of NumPy."""
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(value))


NUMBER = Kind("a number", is_number, float)
ABOVE_0 = between(0, np.inf, "a number above 0")
FROM_0 = Kind("a number of at least 0", lambda v: is_number(v) and v >= 0, float)
BELOW_1 = Kind("a number from 0 to below 1", lambda v: is_number(v) and 0 <= v < 1, float)
FRACTION = between(0, 1, "a number above 0 and below 1")
# A table of functions, a model's parts: whoever changes them is told by Python.
ANYTHING = Kind("anything", lambda value: True)


def require(page, proof):
    """Refuse a constant of a page, or points of its `load_data`, that make no sense.

    Args:
        page, proof: a lesson's modules.

    Raises:
        InputError: names the constant, its value and what it may be.
    """
    for name, kind in proof.CONSTANTS.items():
        value = getattr(page, name)
        if not kind.allows(value):
            shown = " ".join(reprlib.repr(value).split())
            raise InputError(f"{name} is {shown}, and must be {kind.words}")
    if not page.load_data.__code__.co_argcount:
        require_points(page.load_data())


def require_points(found):
    """Refuse what `load_data` returns where it holds no points, or a number that is not finite.

    Args:
        found: a tuple of arrays of numbers, the points along their first axis; others may be
            among them.
    """
    arrays = [a for a in found if isinstance(a, np.ndarray) and a.dtype.kind in "biuf"]
    counts = {len(array) if array.ndim else 0 for array in arrays}
    if not arrays or 0 in counts:
        raise InputError("load_data() returns no points; at least one is needed")
    if len(counts) > 1:
        told = " and ".join(map(str, sorted(counts)))
        raise InputError(f"load_data() returns arrays of {told} rows; they must have as many")
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError("load_data() returns a number that is not finite")
