"""An exercise: the solved function, how an answer is checked, and the common mistakes.

`course/exercises/lesson03.py` holds the solved functions of lesson 3 and a list TASKS of `Task`;
`course.grading.sources` makes the learner's file from it.
"""

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import numpy as np

LANGUAGES = ("en", "zh")
KINDS = ("line", "predict", "bug", "model", "baseline", "free")  # from easy to hard
PASS, FAIL, NOT_YET = "pass", "fail", "not yet"
SEED = 0  # from which every exercise starts


@dataclass(frozen=True, eq=False)
class Mistake:
    """A common mistake.

    Attributes:
        wrong: takes the solution's arguments and returns what the mistake gives.
        en, zh: what the mistake is, in a sentence that teaches.
        matches: `matches(result, *arguments) -> bool`, where equal numbers don't tell.
    """

    wrong: Callable
    en: str
    zh: str
    matches: Callable | None = None


def as_it_is(result, *arguments):
    return result


@dataclass(frozen=True, eq=False)
class Task:
    """One exercise.

    Attributes:
        solution: the solved function.
        kind: one of KINDS.
        hint: (English, Chinese).
        mistakes: the common mistakes, most telling first.
        cases: tuples of arguments to call it with.
        reference: `reference(*arguments)`, what `measure` should give, from a source
            other than the solution.
        measure: `measure(result, *arguments)`, the numbers of the result that count, an
            array or {(English, Chinese): array}, what each is called; compared in order.
        tolerance: the largest difference allowed, relative to the largest number of the
            reference where that is above 1.
        score, at_least: for a task with a target, `score(result, *arguments)` must be
            `at_least`; it has no reference.
        baseline: for such a task, a function like the solution with which the learner's is
            compared where it misses the target; or its score, where that is so by definition.
        remark: `remark(result, *arguments)`, what else to say beside the score, as
            (English, Chinese).
        expects: the type that the result must have; None where any will do.
    """

    solution: Callable
    kind: str
    hint: tuple[str, str]
    mistakes: tuple[Mistake, ...]
    reference: Callable | None = None
    cases: tuple = ((),)
    measure: Callable = as_it_is
    tolerance: float = 1e-6
    score: Callable | None = None
    at_least: float | None = None
    baseline: Callable | float | None = None
    remark: Callable | None = None
    expects: type | None = None

    @property
    def name(self):
        return self.solution.__name__


def say(language, en, zh):
    return zh if language == "zh" else en


def start_from_seed():
    """Make all random numbers from here on the same each time, but `default_rng()`'s."""
    if "keras" not in sys.modules:
        random.seed(SEED)
        np.random.seed(SEED)
        return
    keras, missing = sys.modules["keras"], object()
    tensorflow = sys.modules.get("tensorflow", missing)
    if tensorflow is missing:  # Keras would import it, on every backend, which takes seconds
        sys.modules["tensorflow"] = None
    try:
        keras.utils.set_random_seed(SEED)
    finally:
        if tensorflow is missing:
            del sys.modules["tensorflow"]


def numbers(value):
    """A result as an array of float64; tensors and lists too.

    Raises:
        TypeError: it is nothing of numbers.

    >>> numbers([10**30, 1])
    array([1.e+30, 1.e+00])
    """
    keras = sys.modules.get("keras")  # where nobody has imported it there are no tensors
    if keras and (keras.ops.is_tensor(value) or isinstance(value, keras.Variable)):
        value = keras.ops.convert_to_numpy(value)
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal lengths
        array = np.asarray(None)
    large = array.dtype.kind == "O" and all(isinstance(number, Real) for number in array.flat)
    if array.dtype.kind not in "biuf" and not large:  # Python's whole numbers have no limit
        raise TypeError(f"a number or an array is wanted, not {type(value).__name__}")
    return array.astype("float64")


def parts(value):
    """What was measured as {name: array}; one array alone has the name ""."""
    named = value if isinstance(value, dict) else {"": value}
    return {name: numbers(part) for name, part in named.items()}


def close(got, expected, tolerance):
    """Whether shapes are the same and numbers near; NaN is near nothing.

    >>> close(np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-9]), 1e-6)
    True
    """
    if got.shape != expected.shape:
        return False
    if got.size == 0:
        return True
    size = max(1.0, float(np.max(np.abs(expected))))
    return bool(np.max(np.abs(got - expected)) <= tolerance * size)
