"""Why lesson 1's numbers must be what they are.

Multiply out the square: J is a parabola in w, with its minimum at w* = x·y / x·x. There J is the
mean of y² less what w* explains of it, and elsewhere J(w) = J(w*) + x·x/n (w − w*)². A grid finds
w* where it has it, and otherwise the value next to it: a parabola is symmetric, so the nearest
value costs least. Several weights that are on the grid, and data without noise, leave one
combination with the cost zero, which least squares finds without a search.
"""

import numpy as np

from course.checks import Check, by_section
from course.checks.constants import ANYTHING, NUMBER, whole
from course.checks.tolerance import NUMPY, keras

CONSTANTS = {  # what the page's constants may be
    "LOWEST": NUMBER,
    "HIGHEST": NUMBER,
    "STEPS": whole(1),
    "TRUE_WEIGHTS": ANYTHING,
    "VALUES": whole(1),
    "QUICK_VALUES": whole(1),
    "SECONDS_PER_YEAR": NUMBER,
}


def checks(measured, options):
    """All checks of the lesson on what `lesson01.run` measured."""
    return by_section({"search": check_search, "tries": check_tries}, measured, options)


def check_search(options, x, y, grid, best, costs, best_in_keras, costs_in_keras):
    minimum = (x @ y) / (x @ x)
    lowest = (y @ y - minimum * (x @ y)) / len(x)
    parabola = lowest + (x @ x) / len(x) * (grid - minimum) ** 2
    to_grid = np.abs(grid - minimum).min()  # 0 where the grid has the minimum itself
    return [
        Check.close("best-weight", "best weight = x·y / x·x", best, minimum, atol=to_grid + NUMPY,
                    reason="as far as the grid's nearest value is from it"),
        Check.close("lowest-cost", "cost there = the parabola's", costs.min(), parabola.min(),
                    atol=NUMPY),
        Check.close("curve", "cost curve = parabola", costs, parabola, rtol=NUMPY),
        Check.keras("curve-keras", "cost curve, Keras = NumPy", costs_in_keras, costs,
                    options.dtype, size=2, reason="squaring doubles a relative error"),
        Check.close("best-weight-keras", "best weight in Keras = x·y / x·x", best_in_keras, minimum,
                    atol=to_grid + np.abs(grid).max() * keras(options.dtype)[0],
                    reason="as far as the grid's nearest value is from it, and Keras's roundings"),
    ]  # fmt: skip


def check_tries(options, X, ys, grid, found, counts, seconds):
    k = len(grid)
    exact = [np.linalg.lstsq(X[:, : p + 1], y)[0] for p, y in enumerate(ys)]
    return [
        Check.close("tries", "tries counted = k^p", counts, [k, k**2, k**3]),
        Check.close("on-the-grid", "weights found are values of the grid",
                    np.abs(np.concatenate(found)[:, None] - grid).min(axis=1), np.zeros(6)),
        Check.close("several-weights", "weights found = least squares", np.concatenate(found),
                    np.concatenate(exact), atol=NUMPY),
    ]  # fmt: skip
