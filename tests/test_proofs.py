"""What holds for every lesson's proof: each number is looked at, NaN passes nothing, ids stay."""

import re

import numpy as np
import pytest
from faults import failing, run

from course.checks import Check
from course.cli.options import LESSONS

LONG = {11, 12, 14}  # their quick runs take a quarter of a minute and more
each = pytest.mark.parametrize("number", LESSONS)


def arrays(tree, path=()):
    """Paths of all arrays and numbers of floating point in nested dicts, lists, tuples."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from arrays(value, (*path, key))
    elif isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        for key, value in enumerate(tree):
            yield from arrays(value, (*path, key))
    elif is_float(tree):
        yield path


def is_float(value):
    return isinstance(value, (float, np.ndarray)) and np.asarray(value).dtype.kind == "f"


def replaced(tree, path, change):
    """The tree with what stands at the path changed; all else is the very same."""
    if not path:
        return change(tree)
    key, *rest = path
    if isinstance(tree, dict):
        return {**tree, key: replaced(tree[key], rest, change)}
    items = list(tree)
    items[key] = replaced(items[key], rest, change)
    return type(tree)(items)


def with_a_nan(value):
    if np.ndim(value) == 0:
        return np.nan
    value = np.array(value)
    value.flat[value.size // 2] = np.nan
    return value


@each
def test_nan_passes_nothing(number):
    """One NaN in any array that a lesson measures: a check fails, or the proof cannot go on."""
    measured = run(number, quick=True).measured
    unseen = []
    for path in arrays(measured):
        section = {path[0]: replaced(measured, path, with_a_nan)[path[0]]}
        try:
            with np.errstate(all="ignore"):
                failed, _ = failing(number, section, {"quick": True})
        except (ValueError, np.linalg.LinAlgError):
            continue  # NumPy, SciPy and scikit-learn refuse it
        if not list(failed):
            unseen.append(path)
    assert unseen == UNSEEN.get(number, [])


# Arrays with a number that no check looks at, and why none needs to.
UNSEEN = {}


@each
def test_ids_are_short_names_of_their_own(number):
    ids = [check.id for check in run(number, quick=True).checks]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id) for id in ids)


@each
def test_no_name_says_relative_or_speaks_a_dialect(number):
    words = r"\b(relative|twin|foretold|kept per step|bottom|valleys?|peers?|mistakes?)\b"
    for check in run(number, quick=True).checks:
        assert not re.search(words, check.name), check.name
        assert isinstance(check, Check)
        assert np.all(check.allowed >= 0)
        assert check.passed, check.id
