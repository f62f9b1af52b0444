"""Lesson 1: Exhaustive search.

Find the one weight of y = x·w by trying every value on a grid.

    prediction   ŷᵢ = xᵢ w
    cost         J(w) = 1/n Σ (ŷᵢ − yᵢ)²
    search       w* = the w on the grid with the smallest J(w)

The cost of a search: with k values for each of p weights there are k^p
combinations to try. One weight takes k tries, three take k³, ten are hopeless;
that is why the next lesson follows the slope instead.

    x, y: shape (n,)    grid: shape (k,)    X: shape (n, p)    w: shape (p,)

Run it:     python -m course.lesson01
Read more:  C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 1.1.
"""

import itertools
import time

import keras
import numpy as np

from course import data
from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Options, Report, with_precision
from course.figures import lesson01 as drawings

LOWEST, HIGHEST = 0.0, 4.0  # where w is looked for
STEPS = 40  # steps from the lowest to the highest value: 41 values, 0.1 apart
PLANTED = (2.0, -1.0, 1.0)  # three weights; the grid values nearest to them are to be found
VALUES = 21  # k, the values tried for each of one, two, three weights
QUICK_VALUES = 9


def load_data():
    """x = 1, 2, 3 and y = 2, 4, 6."""
    return data.load_three_points()


def cost(w, x, y):
    """J(w) = 1/n Σ (xᵢ w − yᵢ)².

    >>> cost(1.0, np.array([1, 2, 3]), np.array([2, 4, 6]))  # (1 + 4 + 9) / 3
    4.666666666666667
    """
    return float(np.mean((x * w - y) ** 2))


def scan(x, y, grid):
    """Try every w on the grid; return the best one and all the costs, shape (k,)."""
    costs = np.array([cost(w, x, y) for w in grid])
    return grid[np.argmin(costs)], costs


def scan_all(X, y, grid):
    """Try every combination of p weights; return the best one and how many were tried."""
    best, lowest, tried = None, np.inf, 0
    for w in itertools.product(grid, repeat=X.shape[1]):
        J = np.mean((X @ w - y) ** 2)
        tried += 1
        if J < lowest:
            best, lowest = w, J
    return np.array(best), tried


def build_model(grid):
    """k weights tried at once: one layer of k units without bias, unit j holding w = grid[j]."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(len(grid), use_bias=False)])
    model.set_weights([np.reshape(grid, (1, -1))])
    return model


def model_costs(model, x, y):
    """The cost of each unit of the model, shape (k,)."""
    y_hat = keras.ops.convert_to_numpy(model(x[:, None]))  # (n, k)
    return np.mean((y_hat - y[:, None]) ** 2, axis=0)


@with_precision
def run(options=Options()) -> Report:
    x, y = load_data()
    grid = np.linspace(LOWEST, HIGHEST, (options.steps or STEPS) + 1)
    best, costs = scan(x, y, grid)
    keras_costs = model_costs(build_model(grid), x, y)

    # What must come out: J is a parabola with its bottom at w = x·y / x·x, where it is 0.
    bottom = (x @ y) / (x @ x)
    parabola = (x @ x) / len(x) * (grid - bottom) ** 2
    missed = np.min(np.abs(grid - bottom))  # 0 where the grid holds the bottom itself

    k = QUICK_VALUES if options.quick else VALUES
    counts, seconds, found, solved = search_one_two_three_weights(k, options.seed)
    return Report(
        results={
            "best weight on the grid": best,
            "its cost": costs.min(),
            "weights tried": len(grid),
            f"combinations of 1, 2, 3 weights, {k} values each": counts,
            "seconds to try them": [float(f"{s:.2g}") for s in seconds],
            "years for 10 weights at that pace": k**10 * seconds[-1] / counts[-1] / 3.15e7,
        },
        checks=[
            Check("best weight = x·y / x·x", best, bottom, missed + BY_HAND),
            Check("cost there = the parabola's", costs.min(), parabola.min(), BY_HAND),
            Check("cost curve = parabola", costs, parabola, BY_HAND * parabola.max()),
            Check.twin("cost curve, Keras = by hand, relative", keras_costs, costs, options.dtype,
                       2),  # squaring doubles a relative error
            Check("tries counted = k^p", counts, [k, k**2, k**3], 0),
            Check("weights found = least squares", found, solved, BY_HAND),
        ],
        figures={
            "search": lambda: drawings.search(grid, costs, best),
            "tries": lambda: drawings.tries(counts, seconds),
        },
    )  # fmt: skip


def search_one_two_three_weights(k, seed):
    """Count and time the search for p = 1, 2, 3 weights that were planted on the grid.

    Returns:
        tries (3,), seconds (3,), weights found (1 + 2 + 3,), the same by least squares.
    """
    X = np.random.default_rng(seed).normal(size=(20, 3))
    grid = np.linspace(-4, 4, k)
    planted = grid[np.argmin(np.abs(grid[:, None] - PLANTED), axis=0)]
    counts, seconds, found, solved = [], [], [], []
    for p in (1, 2, 3):
        y = X[:, :p] @ planted[:p]
        start = time.perf_counter()
        w, tried = scan_all(X[:, :p], y, grid)
        seconds.append(time.perf_counter() - start)
        counts.append(tried)
        found.extend(w)
        solved.extend(np.linalg.lstsq(X[:, :p], y, rcond=None)[0])
    return counts, seconds, found, solved


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="steps")


if __name__ == "__main__":
    raise SystemExit(main())
