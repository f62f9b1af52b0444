"""Lesson 4: Batch, stochastic and mini-batch descent.

How many rows should one step look at: all of them, one, or twenty?

    cost        J(w, b) = 1/n Σ (ŷᵢ − yᵢ)²                     ŷᵢ = w xᵢ + b
    gradient    ∂J/∂θ = 1/n Σ gᵢ,   gᵢ = 2 (ŷᵢ − yᵢ) (xᵢ, 1)   θ = (w, b)
    update      θ ← θ − η · mean of gᵢ over the rows of the batch

The batch is all n rows (batch descent), one row (stochastic) or B rows
(mini-batch). On average every one of them is the same gradient, so t updates
lead about where t updates of batch descent lead; an epoch holds 1, n or n/B of
them. What differs is the noise: near the bottom, θ keeps a spread of about
σ √(η/B), where σ is the noise in y. Noise is a fault where there is one valley,
and the way out where there are two.

    x, y: shape (n,)    θ: shape (2,)    order: (epochs, n)    path: (updates + 1, 2)

Run it:     python -m course.lesson04
Read more:  L. Bottou, F. E. Curtis, J. Nocedal, Optimization Methods for Large-Scale Machine
            Learning, SIAM Review 60, 2018, section 4, doi:10.1137/16M1080173.
"""

import time
from math import comb
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Options, Report, with_precision
from course.figures import lesson04 as drawings
from course.lesson03 import squared_error

POINTS = 100  # n
NOISE = 0.5  # σ, the standard deviation of the noise in y
DATA_SEED = 0  # the points stay the same; --seed is for the order in which they are taken
LEARNING_RATE = 0.01  # η, from θ = 0
EPOCHS = 50
KINDS = {"batch": POINTS, "stochastic": 1, "mini-batch": 20}  # rows per update
KERAS_EPOCHS = 2  # of stochastic descent: each update through `fit` is slow
RUNS = 400  # repeated, to measure the spread
QUICK_RUNS = 100
RUN_UPDATES = 1500  # until the start is forgotten
TILT = 0.9  # of the cost with two valleys
TILT_NOISE = 3.4  # how far the tilt of each sample is from that
VALLEY_RATE = 0.05
VALLEY_EPOCHS = 100
VALLEY_KINDS = {"batch": POINTS, "stochastic": 1, "mini-batch": 5}
STARTS = 100


def load_data():
    """y = 3 + 2x + noise for x in [0, 2): `(x, y)`, each of shape (100,)."""
    rng = np.random.default_rng(DATA_SEED)
    x = 2 * rng.random(POINTS)
    return x, 3 + 2 * x + NOISE * rng.normal(size=POINTS)


def cost(x, y, theta):
    """J(θ) = 1/n Σ (ŷᵢ − yᵢ)²; of a path of θs, the cost at each.

    >>> float(cost(np.array([1.0, 2.0]), np.array([7.0, 9.0]), np.array([2.0, 4.0])))
    1.0
    """
    return np.mean((theta[..., :1] * x + theta[..., 1:] - y) ** 2, axis=-1)


def gradient(x, y, theta):
    """(∂J/∂w, ∂J/∂b), shape (2,): the mean of gᵢ over the rows given.

    >>> gradient(np.array([1.0, 2.0]), np.array([7.0, 9.0]), np.array([2.0, 4.0]))
    array([-3., -2.])
    """
    error = theta[0] * x + theta[1] - y
    return 2 / len(y) * np.array([x @ error, error.sum()])


def batch_gradient(x, y, rows, theta):
    """The gradient as one batch sees it: on its own rows, and on nothing else."""
    return gradient(x[rows], y[rows], theta)


class Descent(NamedTuple):
    """A descent by hand: θ before and after every update, how many were made, how long it took."""

    path: np.ndarray
    updates: int
    seconds: float


def descend(x, y, order, batch_size, slope):
    """All three kinds of descent, from θ = 0: they differ in `batch_size` only.

    Args:
        order: row numbers, shape (epochs, n); every epoch is cut into batches.
        slope: `slope(x, y, rows, theta)`, the gradient of a batch.
    """
    theta, updates, path = np.zeros(2), 0, [np.zeros(2)]
    start = time.perf_counter()
    for epoch in order:
        for rows in epoch.reshape(-1, batch_size):
            theta = theta - LEARNING_RATE * slope(x, y, rows, theta)
            updates += 1
            path.append(theta)
    return Descent(np.array(path), updates, time.perf_counter() - start)


def roughness(costs):
    """The mean rise of the cost from one update to the next, a fall counting as 0.

    >>> float(roughness(np.array([5.0, 3.0, 4.0, 2.0, 1.0])))  # one rise of 1 in four updates
    0.25
    """
    return np.mean(np.maximum(np.diff(costs), 0))


def least_squares(x, y):
    """The lowest point (w, b), from NumPy's polynomial fit."""
    return np.polyfit(x, y, 1)


def curvatures(x):
    """The Hessian's eigenvalues λ, lowest first, and eigenvectors V: H = 2/n AᵀA, A = [x 1]."""
    A = np.column_stack([x, np.ones_like(x)])
    return np.linalg.eigh(2 / len(x) * A.T @ A)


def closed_form(x, y, updates):
    """Where batch descent from θ = 0 must be at every update: θ* + V (1 − ηλ)^t Vᵀ (0 − θ*)."""
    eigenvalues, V = curvatures(x)
    bottom = least_squares(x, y)
    factors = (1 - LEARNING_RATE * eigenvalues) ** np.arange(updates + 1)[:, None]
    return bottom + (factors * (V.T @ -bottom)) @ V.T


def moments(x, y, theta, batch_size, updates):
    """The mean and the standard deviation of θ after so many updates on rows drawn at random.

    Exact, without a single random number: with z = (w, b, 1), an update on row i
    is a matrix, z ← Tᵢ z. So E[z zᵀ] is led from one update to the next by the mean
    of Tᵢ ⊗ Tᵢ, and by T̄ ⊗ T̄ with T̄ the mean of Tᵢ where two different rows meet.
    """
    A = np.column_stack([x, np.ones_like(x), -y])  # the errors are A z
    T = np.eye(3) - 2 * LEARNING_RATE * np.einsum("ij,ik->ijk", A * [1, 1, 0], A)
    same = np.mean([np.kron(t, t) for t in T], axis=0)
    different = np.kron(T.mean(axis=0), T.mean(axis=0))
    step = same / batch_size + different * (1 - 1 / batch_size)
    z = np.append(theta, 1)
    second = (np.linalg.matrix_power(step, updates) @ np.kron(z, z)).reshape(3, 3)
    mean = second[:2, 2]
    return mean, np.sqrt(np.diag(second)[:2] - mean**2)


def build_model(learning_rate=LEARNING_RATE):
    """ŷ = w x + b as one Dense unit, starting at θ = 0: one model for all three kinds."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss=squared_error)
    return model


def train(model, x, y, order, batch_size):
    """Train in the given order, shape (epochs, n); return the last θ and the updates counted.

    The epochs lie one behind the other in one call of `fit`, unshuffled: every
    backend takes the same rows, and pays once for what `fit` does at an epoch's end.
    """
    rows = order.ravel()
    model.fit(x[rows, None], y[rows, None], batch_size=batch_size, shuffle=False, verbose=0)
    updates = int(ops.convert_to_numpy(model.optimizer.iterations))
    return np.concatenate([a.ravel() for a in model.get_weights()]), updates


@with_precision
def run(options=Options()) -> Report:
    x, y = load_data()
    rng = np.random.default_rng(options.seed)
    order = np.array([rng.permutation(POINTS) for _ in range(options.epochs or EPOCHS)])
    runs = {kind: descend(x, y, order, size, batch_gradient) for kind, size in KINDS.items()}
    return Report.join(
        three_kinds(x, y, runs),
        twins(x, y, order, runs, options),
        gradients(x, y, order),
        spread(x, y, QUICK_RUNS if options.quick else RUNS, rng),
        slip(x, y, order, runs["mini-batch"].path),
        two_valleys(rng),
    )


def three_kinds(x, y, runs):
    """The three kinds side by side, and what the closed form says of each."""
    epochs = runs["batch"].updates
    bottom = least_squares(x, y)
    costs = {kind: cost(x, y, run.path) for kind, run in runs.items()}
    table = {
        "updates": [run.updates for run in runs.values()],
        "ms per epoch": [float(f"{1e3 * r.seconds / epochs:.2g}") for r in runs.values()],
        "roughness": [roughness(J) for J in costs.values()],
        "distance from least squares": [np.linalg.norm(r.path[-1] - bottom) for r in runs.values()],
    }
    predicted = closed_form(x, y, epochs * POINTS)
    steepest = curvatures(x)[0][-1]
    astray = []
    for kind in ("stochastic", "mini-batch"):
        end, batches = runs[kind].updates, POINTS // KINDS[kind]
        deviation = moments(x, y, np.zeros(2), KINDS[kind], end)[1]  # of rows drawn at random
        # An epoch takes every row once, so its noises cancel but for their different
        # ages: the oldest has shrunk by ηλ · batches, and evenly spread ages leave a
        # standard deviation of 1/√12 of that.
        quieter = min(1, LEARNING_RATE * steepest * batches / np.sqrt(12))
        astray.append((runs[kind].path[-1] - predicted[end]) / (quieter * deviation))
    passes = [epochs * POINTS // size for size in KINDS.values()]
    return Report(
        results={f"{name}: {', '.join(KINDS)}": values for name, values in table.items()},
        checks=[
            Check("updates counted = epochs × n ÷ batch size", table["updates"], passes, 0),
            Check("θ at every batch update = closed form", runs["batch"].path,
                  predicted[: epochs + 1], BY_HAND),
            Check("batch descent: the cost never rises", table["roughness"][0], 0, BY_HAND),
            Check("stochastic, mini-batch: away from it, 5 sigma", astray, np.zeros((2, 2)), 5),
        ],
        figures={"kinds": lambda: drawings.kinds(runs, costs, epochs, bottom,
                                                 lambda theta: cost(x, y, theta))},
    )  # fmt: skip


def twins(x, y, order, runs, options):
    """The same model trained in Keras in the three ways, in the same order of rows."""
    few = order[: 1 if options.quick else KERAS_EPOCHS]
    checks, counted, expected = [], [], []
    for kind, size in KINDS.items():
        epochs = few if size == 1 else order
        theta, updates = train(build_model(), x, y, epochs, size)
        counted.append(updates)
        expected.append(len(epochs) * POINTS // size)
        by_hand = runs[kind].path[expected[-1]]
        name = f"{kind} descent, Keras = by hand"
        checks.append(Check.twin(name, theta, by_hand, options.dtype, 3))
    checks.append(Check("updates counted by Keras's optimizer", counted, expected, 0))
    return Report(results={f"updates in Keras: {', '.join(KINDS)}": counted}, checks=checks)


def gradients(x, y, order):
    """However the rows are divided, the mean of the parts' gradients is the gradient."""
    thetas = np.array([[0.0, 0.0], [2.0, 3.0], [-4.0, 7.0]])
    whole = [gradient(x, y, theta) for theta in thetas]

    def mean_over(batch_size):
        batches = order[0].reshape(-1, batch_size)
        return [np.mean([batch_gradient(x, y, r, t) for r in batches], axis=0) for t in thetas]

    h = 1e-5 * np.eye(2)
    differences = [[(cost(x, y, t + d) - cost(x, y, t - d)) / 2e-5 for d in h] for t in thetas]
    allowed = BY_HAND * np.abs(whole).max()
    return Report(
        results={"gradient at θ = 0": whole[0]},
        checks=[
            Check("batch gradient = mean of 100 samples'", whole, mean_over(1), allowed),
            Check("batch gradient = mean of 5 mini-batches'", whole, mean_over(20), allowed),
            Check("batch gradient = differences of the cost", whole, differences, 1e-7),
        ],
    )


def spread(x, y, runs, rng):
    """Where many runs of random updates end on average, and how far around it they spread."""
    measured, off, ratios = {}, [], []
    for kind in ("stochastic", "mini-batch"):
        size = KINDS[kind]
        w, b = np.zeros(runs), np.zeros(runs)
        for _ in range(RUN_UPDATES):
            rows = rng.integers(POINTS, size=(size, runs))  # a column for each run
            error = x[rows] * w + b - y[rows]
            w = w - 2 * LEARNING_RATE * np.mean(x[rows] * error, axis=0)
            b = b - 2 * LEARNING_RATE * np.mean(error, axis=0)
        deviation = moments(x, y, np.zeros(2), size, RUN_UPDATES)[1]
        measured[f"spread of w and b, {kind}"] = [w.std(), b.std()]
        off.append(([w.mean(), b.mean()] - closed_form(x, y, RUN_UPDATES)[-1]) / deviation)
        ratios.append([w.std(), b.std()] / deviation)
    rule = [NOISE * np.sqrt(LEARNING_RATE / KINDS[kind]) for kind in ("stochastic", "mini-batch")]
    # The relative errors of a mean and of a standard deviation from so many runs.
    of_mean, of_deviation = 1 / np.sqrt(runs), 1 / np.sqrt(2 * runs)
    return Report(
        results={**measured, "by the rule σ √(η/B)": rule},
        checks=[
            Check("mean of the runs = batch descent, 5 sigma", off, np.zeros((2, 2)), 5 * of_mean),
            Check("spread ÷ predicted, 5 sigma", ratios, np.ones((2, 2)), 5 * of_deviation),
        ],
    )


def slipped_gradient(x, y, rows, theta):
    """The common slip: the loop goes over mini-batches, the loss over the whole of x."""
    return gradient(x, y, theta)  # x and y, where x[rows] and y[rows] are meant


def leak(slope, x, y, rows, theta):
    """How far a batch's gradient moves when a row outside of it changes: 0, or there is a slip."""
    changed = y + (np.arange(len(y)) == np.setdiff1d(np.arange(len(y)), rows)[0])
    return np.abs(slope(x, changed, rows, theta) - slope(x, y, rows, theta)).max()


def slip(x, y, order, path):
    """What the slip makes of mini-batch descent, and the check that finds it."""
    slipped = descend(x, y, order, KINDS["mini-batch"], slipped_gradient)
    batches = order[0].reshape(-1, KINDS["mini-batch"])
    right = [leak(batch_gradient, x, y, rows, path[-1]) for rows in batches]
    wrong = [leak(slipped_gradient, x, y, rows, path[-1]) for rows in batches]
    # Row i one higher: the gradient over all rows moves by 2/n (xᵢ, 1), i the first one outside.
    first = [next(i for i in range(POINTS) if i not in rows) for rows in batches]
    moved = 2 / POINTS * np.maximum(x[first], 1)
    costs, slipped_costs = cost(x, y, path), cost(x, y, slipped.path)
    lowest = cost(x, y, least_squares(x, y))
    return Report(
        results={
            "leak of a mini-batch's gradient: right, slip": [right[0], wrong[0]],
            "roughness of mini-batch descent: right, slip": [
                roughness(costs), roughness(slipped_costs)],
        },
        checks=[
            Check("right: rows outside the batch do not matter", right, np.zeros(len(right)), 0),
            Check("slip found: they move the gradient by 2/n (xᵢ, 1)", wrong, moved, BY_HAND),
            Check("mini-batches with the slip = batch descent", slipped.path,
                  closed_form(x, y, slipped.updates), BY_HAND),
        ],
        figures={"slip": lambda: drawings.slip(costs - lowest, slipped_costs - lowest)},
    )  # fmt: skip


def valleys(w, tilt=TILT):
    """Jᵢ(w) = (w² − 1)² + cᵢ w; with the mean of all tilts cᵢ, 0.9, the cost J(w)."""
    return (w**2 - 1) ** 2 + tilt * w


def valleys_slope(w, tilt=TILT):
    return 4 * w * (w**2 - 1) + tilt


def load_tilts():
    """cᵢ of 100 samples, half of them above the mean and half below."""
    return TILT + TILT_NOISE * np.resize([1.0, -1.0], POINTS)


def descend_valleys(w, tilts):
    """Descent of all the starts w, shape (k,), at once; tilts: (updates, k), each batch's mean."""
    for tilt in tilts:
        w = w - VALLEY_RATE * valleys_slope(w, tilt)
    return w


def predicted_share(start, batch_size, updates, ridge):
    """The share to be expected beyond the ridge, from the chances of every single move.

    k of the batch's B samples have the higher tilt with the chance C(B, k) / 2^B.
    On a fine grid this gives the matrix of chances to get from one place to
    another; its power is the chance to do so in so many updates.
    """
    grid = np.linspace(-2, 2, 961)

    def shared_out(places):
        """Each place divided between its two neighbours on the grid, (places, grid)."""
        return np.maximum(0, 1 - np.abs(places[:, None] - grid) / (grid[1] - grid[0]))

    move = 0
    for k in range(batch_size + 1):
        tilt = TILT + TILT_NOISE * (2 * k / batch_size - 1)
        places = grid - VALLEY_RATE * (4 * grid**3 - 4 * grid + tilt)
        move = move + comb(batch_size, k) / 2**batch_size * shared_out(places)
    end = shared_out(start).mean(axis=0) @ np.linalg.matrix_power(move, updates)
    return end[grid < ridge].sum()


def wilson(count, n, z=1.96):
    """Wilson's interval for a share, of which `count` of n were seen; 95 % with this z.

    >>> [round(float(end), 4) for end in wilson(0, 100)]
    [0.0, 0.037]
    """
    centre, half = count + z**2 / 2, z * np.sqrt(count * (n - count) / n + z**2 / 4)
    return np.array([centre - half, centre + half]) / (n + z**2)


def two_valleys(rng):
    """100 starts in the shallow valley: which kind of descent gets out, in 100 epochs?"""
    # The flat places are the roots of J′(w) = 4w³ − 4w + 0.9: a bottom, a ridge, a bottom.
    _, ridge, shallow = np.sort(np.roots([4, 0, -4, TILT]).real)
    c = load_tilts()
    start = rng.uniform(0.5, 1.2, STARTS)
    last, shares, expected, intervals = {}, [], [], []
    for kind, size in VALLEY_KINDS.items():
        updates = VALLEY_EPOCHS * POINTS // size
        if size == POINTS:
            tilts = np.full((updates, 1), c.mean())
        else:  # rows drawn with replacement, so that every move has the same chances
            tilts = c[rng.integers(POINTS, size=(updates, STARTS, size))].mean(axis=-1)
            expected.append(predicted_share(start, size, updates, ridge))
        last[kind] = descend_valleys(start, tilts)
        escaped = np.sum(last[kind] < ridge)
        shares.append(escaped / STARTS)
        intervals.append(wilson(escaped, STARTS))
    # Shares come in whole starts: where nearly all escape, two starts are more than 4 sigma.
    by_chance = [4 * np.sqrt(p * (1 - p) / STARTS) + 2 / STARTS for p in expected]
    return Report(
        results={
            f"share that escaped: {', '.join(VALLEY_KINDS)}": shares,
            **{f"95 % interval, {kind}": ends for kind, ends in zip(VALLEY_KINDS, intervals)},
            "predicted: stochastic, mini-batch": expected,
        },
        checks=[
            Check("every batch descent stays in the shallow valley", last["batch"],
                  np.full(STARTS, shallow), 1e-9),
            Check("share escaped, stochastic, 4 sigma + 2 starts", shares[1], expected[0],
                  by_chance[0]),
            Check("share escaped, mini-batch, 4 sigma + 2 starts", shares[2], expected[1],
                  by_chance[1]),
            Check("intervals apart: batch < stochastic", intervals[0][1] < intervals[1][0], 1, 0),
        ],
        figures={"valleys": lambda: drawings.valleys(
            valleys, c[:2], last, shares, intervals, [0, *expected])},
    )  # fmt: skip


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="epochs")


if __name__ == "__main__":
    raise SystemExit(main())
