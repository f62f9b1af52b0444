"""Tables of unusual numbers: their proofs hold, or they are refused with the reason."""

import warnings

import numpy as np
import pytest
from references import table_csv

from course.cli import options, outcome
from course.errors import InputError

slow = pytest.mark.slow
LESSONS = [number for number, takes in options.LESSONS.items() if takes.table]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = X @ [1, -2, 0.5] + RNG.normal(size=30)
WITH_1 = np.column_stack([X, np.ones(30)])
UNEXPLAINED = Y - WITH_1 @ np.linalg.lstsq(WITH_1, Y)[0]


def with_cell(values, row, cell):
    changed = values.copy()
    changed[row] = cell
    return changed


HELD = {
    "as they are": (X, Y),
    "columns × 1e-20": (X * 1e-20, Y),
    "columns × 1e-90": (X * 1e-90, Y),
    "columns × 1e90, y × 1e-90": (X * 1e90, Y * 1e-90),
    "columns × 1e-90, 1, 1e90": (X * [1e-90, 1, 1e90], Y),
    "columns + 1e8": (X + 1e8, Y),
    "columns and y + 1e9": (X + 1e9, Y + 1e9),
    "small columns far from 0": (X * 1e-20 + 1e-12, Y),
    "one cell of 1e9": (with_cell(X, (3, 1), 1e9), Y),
    "one cell of 1e9 in y": (X, with_cell(Y, 3, 1e9)),
    "columns that say next to nothing of y": (X, UNEXPLAINED + 1e-3 * X[:, 0]),
    "ten rows, one cell of 1e9": (with_cell(X, (3, 1), 1e9)[:10], Y[:10]),
}
AT_ONCE = "columns × 1e-90, 1, 1e90", "columns and y + 1e9"  # of lessons that compile a model
PAIRS = [
    pytest.param(name, number, marks=[] if number in (3, 10) or name in AT_ONCE else [slow])
    for number in LESSONS
    for name in HELD
]
REFUSED = {
    "columns + 1e12": (X + 1e12, Y, "column 'c0' differ by 4.* subtract 1e.12 from them"),
    "y + 1e12": (X, Y + 1e12, "column 'y' differ by 1?[0-9].* subtract 1e.12 from them"),
    "columns × 1e-120": (X * 1e-120, Y, "column 'c0' is constant"),
}


@pytest.mark.parametrize(("name", "number"), PAIRS)
def test_the_proof_scales_with_the_table(name, number, tmp_path):
    path = table_csv(tmp_path / "t.csv", *HELD[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        found = outcome.run(number, data=path, target="y")
    assert [(c.id, c.error, c.tolerance) for c in found.checks if not c.passed] == []
    numbers = [v for v in found.results.values() if not isinstance(v, str)]
    assert all(np.isfinite(v).all() for v in numbers)


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_that_cannot_be_computed_with_is_refused(name, tmp_path):
    *values, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        options.make(3, data=table_csv(tmp_path / "t.csv", *values), target="y")
