"""Lesson 1: Exhaustive search.

Which weight w fits y = x·w best? Try every value on a grid and keep the best one.

    prediction   ŷᵢ = xᵢ w
    cost         J(w) = 1/n Σ (ŷᵢ − yᵢ)²
    search       w* = the w on the grid with the smallest J(w)

With k values for each of p weights there are k^p combinations to try. One weight takes k tries,
three weights take k³, and ten would take years. That is why lesson 2 follows the slope instead.

    x, y: shape (n,)    grid, costs: shape (k,)    X: shape (n, p)    w: a number, or shape (p,)

Run it:     python -m course.lesson01
Checked in: course/checks/lesson01.py
Read more:  C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 1.1
"""

import itertools
import time

import keras
import numpy as np

from course import data

LOWEST, HIGHEST, STEPS = 0.0, 4.0, 40  # the grid: 41 values of w, each 0.1 from the next
TRUE_WEIGHTS = (2.0, -1.0, 1.0)  # of the data with several weights, rounded to its grid
VALUES, QUICK_VALUES = 21, 9  # k, how many values each of these weights can take
SECONDS_PER_YEAR = 3.15e7


def load_data():
    """x = 1, 2, 3 and y = 2, 4, 6."""
    return data.load_three_points()


# By hand -------------------------------------------------------------------------------------
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


# In Keras ------------------------------------------------------------------------------------
def build_model(grid):
    """All the weights of the grid in one layer: k units without bias, unit j holds grid[j]."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(len(grid), use_bias=False)])
    model.set_weights([np.reshape(grid, (1, -1))])
    return model


def model_costs(model, x, y):
    """The cost of each unit of the model, shape (k,)."""
    x, y = np.reshape(x, (-1, 1)), np.reshape(y, (-1, 1))
    y_hat = keras.ops.convert_to_numpy(model(x))  # (n, k)
    return np.mean((y_hat - y) ** 2, axis=0)


def train(model, x, y):
    """Pick the unit with the smallest cost; return its weight and all the costs.

    No weight changes: a search needs no optimizer, so the model needs no `compile`.
    """
    costs = model_costs(model, x, y)
    weights = model.get_weights()[0][0]  # (k,)
    return weights[np.argmin(costs)], costs


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    k = QUICK_VALUES if options.quick else VALUES
    return {
        "search": search_one_weight(options.steps or STEPS),
        "tries": search_several_weights(k, options.seed),
    }


def search_one_weight(steps):
    """The best weight on the grid: by hand and in Keras."""
    x, y = load_data()
    grid = np.linspace(LOWEST, HIGHEST, steps + 1)
    best, costs = scan(x, y, grid)
    best_in_keras, costs_in_keras = train(build_model(grid), x, y)
    found = dict(x=x, y=y, grid=grid, best=best, costs=costs)
    return {**found, "best_in_keras": best_in_keras, "costs_in_keras": costs_in_keras}


def search_several_weights(k, seed):
    """The search for p = 1, 2, 3 weights: what it finds, its tries, and its time.

    The data come from true weights that are on the grid, so the search can find them exactly.
    """
    X = np.random.default_rng(seed).normal(size=(20, len(TRUE_WEIGHTS)))
    grid = np.linspace(-4, 4, k)
    true = grid[np.argmin(np.abs(grid[:, None] - TRUE_WEIGHTS), axis=0)]  # the nearest values
    ys, found, counts, seconds = [], [], [], []
    for p in range(1, len(TRUE_WEIGHTS) + 1):
        ys.append(X[:, :p] @ true[:p])
        start = time.perf_counter()
        w, tried = scan_all(X[:, :p], ys[-1], grid)
        seconds.append(time.perf_counter() - start)
        found.append(w)
        counts.append(tried)
    return dict(X=X, ys=ys, grid=grid, found=found, counts=counts, seconds=seconds)


def results(measured):
    """What a learner should see first: {what: number}."""
    search, tries = measured["search"], measured["tries"]
    k, seconds_per_try = len(tries["grid"]), tries["seconds"][-1] / tries["counts"][-1]
    numbers = ", ".join(str(p + 1) for p in range(len(tries["counts"])))
    return {
        "best weight on the grid": search["best"],
        "its cost": search["costs"].min(),
        "weights tried": len(search["grid"]),
        f"combinations of {numbers} weights, {k} values each": tries["counts"],
        "seconds to try them": [float(f"{s:.2g}") for s in tries["seconds"]],
        "years for 10 weights at that pace": k**10 * seconds_per_try / SECONDS_PER_YEAR,
    }


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
