"""What holds for every lesson's proof: each number is looked at, NaN passes nothing, ids stay."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import once
from faults import failing, run, usual

import course
from course.checks import Check
from course.cli import table
from course.cli.options import LESSONS
from course.machine import devices

each = pytest.mark.parametrize("number", LESSONS)


def arrays(tree, path=(), every=True):
    """Paths of all arrays and numbers of floating point in nested dicts, lists, tuples.

    Args:
        every: else of a list longer than three only the first, the middle and the last.
    """
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from arrays(value, (*path, key), every)
    elif isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        some = range(len(tree)) if every or len(tree) < 4 else (0, len(tree) // 2, len(tree) - 1)
        for key in some:
            yield from arrays(tree[key], (*path, key), every)
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


def all_nan(value):
    return np.full(np.shape(value), np.nan) if np.ndim(value) else np.nan


@once
@each
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_nan_passes_nothing(every, number):
    """Any array that a lesson measures becomes NaN: a check fails, or the proof cannot go on."""
    measured = run(number, **usual(number)).measured
    found, unseen = list(arrays(measured, every=every)), []
    for path in found:
        section = {path[0]: replaced(measured, path, all_nan)[path[0]]}
        try:
            with np.errstate(all="ignore"):
                failed, _ = failing(number, section, usual(number))
        except (ValueError, IndexError, np.linalg.LinAlgError):
            continue  # NumPy, SciPy and scikit-learn refuse it
        if not list(failed):
            unseen.append(path)
    assert set(unseen) == set(UNSEEN.get(number, [])) & set(found)


BASELINES = (
    "logistic regression",
    "ridge classifier",
    "nearest neighbours, 5",
    "support vectors, RBF",
)
# Times, which nothing predicts.
UNSEEN = {
    1: [("tries", "seconds", i) for i in range(3)],
    11: [("network", "baselines", name, 1) for name in BASELINES],
    14: [
        *([] if devices.can_share() else [("devices", "batch")]),  # of no devices on PyTorch
        *(("devices", dtype, i, 1) for dtype in ("float64", "float32") for i in range(3)),
        *(("policies", "networks", name, "seconds") for name in ("float32", "bfloat16")),
    ],
    4: [("kinds", "ms", kind) for kind in ("batch", "stochastic", "mini-batch")],
}


@each
def test_ids_are_short_names_of_their_own(number):
    ids = [check.id for check in run(number, **usual(number)).checks]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id) for id in ids)


@each
def test_backends_can_be_compared(number):
    """What this backend measured, for `tests/agreement.py`, where COURSE_RECORDS names a folder."""
    checks = [check.as_dict() for check in run(number, **usual(number)).checks]
    record = json.dumps(table.plain({"lesson": number, "checks": checks}), allow_nan=False)
    if folder := os.environ.get("COURSE_RECORDS"):
        path = Path(folder, course.backend, f"{number:02}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(record, encoding="utf-8")


@each
def test_names_are_in_the_fields_words(number):
    words = r"\b(twin|foretold|kept per step|bottom|valleys?|peers?)\b"
    for check in run(number, **usual(number)).checks:
        assert not re.search(words, check.name), check.name
        assert isinstance(check, Check)
        assert np.all(check.allowed >= 0)
        assert check.passed, check.id
        assert not check.not_for, "a check that says nothing of the page as it is"
        assert len(check.name) <= table.MAX_NAME, check.name
