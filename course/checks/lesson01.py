"""Why lesson 1's numbers must be what they are.

Multiply out the square: J is a parabola in w, with its minimum at w* = x·y / x·x. There J is the
mean of y² less what w* explains of it, and elsewhere J(w) = J(w*) + x·x/n (w − w*)². A grid finds
w* where it has it, and otherwise the value next to it: a parabola is symmetric, so the nearest
value costs least. Several weights that are on the grid, and data without noise, leave one
combination with the cost zero, which least squares finds without a search.
"""

import functools

import numpy as np

from course import lesson01 as lesson
from course.checks import Check, by_section
from course.checks.constants import ABOVE_0, NUMBER, several, whole
from course.checks.models import unlike_linear
from course.checks.tolerance import NUMPY, keras

CONSTANTS = {  # what the page's constants may be
    "LOWEST": NUMBER,
    "HIGHEST": NUMBER,
    "STEPS": whole(1),
    "TRUE_WEIGHTS": several(NUMBER, 1, 4),
    "VALUES": whole(1),
    "QUICK_VALUES": whole(1),
    "SECONDS_PER_YEAR": ABOVE_0,
}


def checks(measured, options):
    """All checks of the lesson on what `lesson01.run` measured."""
    return by_section({"search": check_search, "tries": check_tries}, measured, options)


@functools.cache
def other_model():
    """In what the page's model is not one layer of weights: "not for relu", or ""."""
    model = lesson.build_model(np.arange(3.0))
    return unlike_linear(model, bias=False, optimizer=None)


def check_search(options, x, y, grid, best, costs, best_in_keras, costs_in_keras):
    minimum, curvature = (x @ y) / (x @ x), (x @ x) / len(x)
    lowest = (y @ y - minimum * (x @ y)) / len(x)
    parabola = lowest + curvature * (grid - minimum) ** 2
    to_grid = np.abs(grid - minimum).min()  # 0 where the grid has the minimum itself
    size = np.abs(grid).max() + np.abs(minimum)

    def near(rounding):
        """How far the value with the smallest cost may be: costs as close as their roundings
        tie."""
        of_costs = rounding * (2 * np.sqrt(parabola.min() * curvature) * size
                               + rounding * curvature * size**2)  # fmt: skip
        return np.sqrt(to_grid**2 + 2 * of_costs / curvature) + rounding * size

    why = "as far as the grid's nearest value is from it, and roundings"
    return [
        Check.close("best-weight", "best weight = x·y / x·x", best, minimum, atol=near(NUMPY),
                    reason=why),
        Check.close("lowest-cost", "cost there = the parabola's", costs.min(), parabola.min(),
                    atol=NUMPY * (parabola.min() + y @ y / len(y)),
                    reason="roundings of y² and of the cost"),
        Check.close("curve", "cost curve = parabola", costs, parabola, rtol=NUMPY),
        Check.keras("curve-keras", "cost curve, Keras = NumPy", costs_in_keras, costs,
                    options.dtype, size=2, reason="squaring doubles a relative error")
        .unless(other_model()),
        Check.close("best-weight-keras", "best weight in Keras = x·y / x·x", best_in_keras, minimum,
                    atol=near(keras(options.dtype)[0]), reason=why).unless(other_model()),
    ]  # fmt: skip


def check_tries(options, X, ys, grid, found, counts, seconds):
    exact = [np.linalg.lstsq(X[:, : p + 1], y)[0] for p, y in enumerate(ys)]
    found = np.concatenate(found)
    return [
        Check.close("tries", "tries counted = k^p", counts,
                    [len(grid) ** (p + 1) for p in range(len(ys))]),
        Check.close("on-the-grid", "weights found are values of the grid",
                    np.abs(found[:, None] - grid).min(axis=1), np.zeros(len(found))),
        Check.close("several-weights", "weights found = least squares", found,
                    np.concatenate(exact), atol=NUMPY * np.abs(grid).max()),
    ]  # fmt: skip
