"""Why lesson 4's numbers must be what they are.

Batch descent is lesson 3's: its whole path is known in closed form. An update on rows drawn at
random is a random matrix on z = (w, b, 1), so the mean of z and of z zᵀ after any number of
updates follow exactly, and with them how far noisy descent spreads. On the double well, the
chances of every single move give the chance to get over the ridge.
"""

import numpy as np
from scipy import optimize, stats

from course.checks import Check, by_section, references
from course.checks.constants import ABOVE_0, ANYTHING, NUMBER, whole
from course.checks.tolerance import NUMPY
from course.lesson03 import cost
from course.lesson04 import (
    KINDS,
    LEARNING_RATE,
    NOISY,
    POINTS,
    RUN_UPDATES,
    STARTS,
    TILT,
    TILT_NOISE,
    WELL_BATCH,
    WELL_EPOCHS,
    WELL_RATE,
)

CONSTANTS = {  # what the page's constants may be
    "POINTS": whole(1),
    "NOISE": NUMBER,
    "DATA_SEED": NUMBER,
    "LEARNING_RATE": ABOVE_0,
    "EPOCHS": whole(1),
    "KINDS": ANYTHING,
    "NOISY": ANYTHING,
    "KERAS_EPOCHS": whole(1),
    "RUNS": whole(1),
    "QUICK_RUNS": whole(1),
    "RUN_UPDATES": NUMBER,
    "TILT": NUMBER,
    "TILT_NOISE": NUMBER,
    "WELL_RATE": ABOVE_0,
    "WELL_EPOCHS": whole(1),
    "STARTS": whole(1),
    "WELL_BATCH": ANYTHING,
}


def checks(measured, options):
    """All checks of the lesson on what `lesson04.run` measured."""
    sections = {
        "kinds": check_kinds, "gradients": check_gradients, "spread": check_spread,
        "mistake": check_mistake, "double_well": check_double_well,
    }  # fmt: skip
    return by_section(sections, measured, options)


def check_kinds(options, X, y, few, paths, in_keras, counted, **_):
    epochs = len(paths["batch"]) - 1
    predicted = references.quadratic_descent(X, y, LEARNING_RATE, epochs * POINTS)
    updates = {kind: epochs * POINTS // size for kind, size in KINDS.items()}
    few_updates = min(few, epochs) * POINTS
    by_hand = {kind: path[-1] for kind, path in paths.items()}
    by_hand["stochastic"] = paths["stochastic"][few_updates]
    rise = np.diff(cost(X, y, paths["batch"])).max()
    sigma = [noise_of_epochs(X, y, KINDS[kind], updates[kind]) for kind in NOISY]
    keras = [
        Check.keras(f"{kind}-keras", f"{kind} descent, Keras = NumPy", in_keras[kind],
                    by_hand[kind], options.dtype, own_loss=True)
        for kind in KINDS
    ]  # fmt: skip
    return [
        Check.close("updates", "updates counted = epochs × n ÷ batch size",
                    {kind: len(path) - 1 for kind, path in paths.items()}, updates),
        Check.close("batch-path", "θ at every batch update = closed form", paths["batch"],
                    predicted[: epochs + 1], atol=NUMPY),
        Check.at_most("never-rises", "batch descent: the cost never rises", rise, NUMPY,
                      reason="roundings of the cost near the minimum"),
        Check.within("noisy-kinds", "stochastic, mini-batch: near batch descent's θ",
                     [paths[kind][-1] for kind in NOISY],
                     [predicted[updates[kind]] for kind in NOISY], sigma),
        *keras,
        Check.close("updates-keras", "updates counted by Keras's optimizer", counted,
                    {**updates, "stochastic": few_updates}),
    ]  # fmt: skip


def noise_of_epochs(X, y, batch_size, updates):
    """The standard deviation of θ where every epoch takes each row once; shape (2,).

    The noises of an epoch then cancel, but for their different ages: the oldest has shrunk by
    ηλ times the number of batches, and evenly spread ages leave a standard deviation of 1/√12
    of that, compared with rows drawn at random.
    """
    steepest = references.curvature(X)[0][-1]
    cancelled = min(1, LEARNING_RATE * steepest * (POINTS // batch_size) / np.sqrt(12))
    return cancelled * moments(X, y, batch_size, updates)[1]


def moments(X, y, batch_size, updates, start=(0.0, 0.0)):
    """The mean and the standard deviation of θ after so many updates on rows drawn at random.

    Exact, without a random number: with z = (w, b, 1), an update on row i is a matrix,
    z ← Tᵢ z. So E[z zᵀ] is led from one update to the next by the mean of Tᵢ ⊗ Tᵢ, and by
    T̄ ⊗ T̄ with T̄ the mean of Tᵢ where two different rows of a batch meet.
    """
    A = np.column_stack([references.with_ones(X), -y])  # the errors are A z
    T = np.eye(3) - 2 * LEARNING_RATE * np.einsum("ij,ik->ijk", A * [1, 1, 0], A)
    same = np.mean([np.kron(t, t) for t in T], axis=0)
    different = np.kron(T.mean(axis=0), T.mean(axis=0))
    step = same / batch_size + different * (1 - 1 / batch_size)
    z = np.append(start, 1)
    second = (np.linalg.matrix_power(step, updates) @ np.kron(z, z)).reshape(3, 3)
    mean = second[:2, 2]
    return mean, np.sqrt(np.diag(second)[:2] - mean**2)


def check_gradients(options, X, y, thetas, gradients):
    whole = gradients["batch"].mean(axis=1)
    numeric = [references.central_difference(lambda t: cost(X, y, t), at) for at in thetas]
    return [
        Check.close("mean-of-samples", "batch gradient = mean of 100 samples'", whole,
                    gradients["stochastic"].mean(axis=1), rtol=NUMPY),
        Check.close("mean-of-mini-batches", "batch gradient = mean of 5 mini-batches'", whole,
                    gradients["mini-batch"].mean(axis=1), rtol=NUMPY),
        Check.close("gradient-numeric", "batch gradient = differences of the cost", whole, numeric,
                    atol=1e-7, reason="a cost of 60 has roundings of 7e-15, divided by 2e-5"),
    ]  # fmt: skip


def check_spread(options, X, y, ends):
    runs = len(ends["stochastic"])
    sigma = np.array([moments(X, y, KINDS[kind], RUN_UPDATES)[1] for kind in NOISY])
    descent = references.quadratic_descent(X, y, LEARNING_RATE, RUN_UPDATES)[-1]
    return [
        Check.within("mean-of-runs", "mean of the runs = batch descent",
                     [ends[kind].mean(axis=0) for kind in NOISY], [descent, descent],
                     sigma / np.sqrt(runs)),
        Check.within("spread", "spread of the runs = predicted",
                     [ends[kind].std(axis=0) for kind in NOISY], sigma, sigma / np.sqrt(2 * runs)),
    ]  # fmt: skip


def check_mistake(options, X, y, batches, paths, leaks):
    # Where y of row i is 1 higher, the gradient of all rows moves by 2/n (xᵢ, 1).
    outside = [next(i for i in range(POINTS) if i not in rows) for rows in batches]
    moved = 2 / POINTS * np.maximum(X[outside, 0], 1)
    path, batch_size = paths["right"], KINDS["mini-batch"]
    predicted = references.quadratic_descent(X, y, LEARNING_RATE, len(path) - 1)
    return [
        Check.within("right-path", "without the mistake: near batch descent's θ at the end",
                     path[-1], predicted[-1], noise_of_epochs(X, y, batch_size, len(path) - 1)),
        Check.close("no-leak", "without the mistake: rows outside the batch do not count",
                    leaks["right"], np.zeros(len(batches))),
        Check.close("leak-found", "with the mistake: they move the gradient by 2/n (xᵢ, 1)",
                    leaks["mistake"], moved, atol=NUMPY),
        Check.close("mistake-path", "mini-batches with the mistake = batch descent",
                    paths["mistake"], predicted, atol=NUMPY),
    ]  # fmt: skip


def check_double_well(options, start, ends, escaped):
    higher = optimize.brentq(slope, 0.5, 1.5, xtol=1e-14)  # the minimum that all start near
    by_chance = [
        Check.close(f"escaped-{kind}", f"fraction that escaped, {kind}", escaped[kind], p,
                    atol=4 * np.sqrt(p * (1 - p) / STARTS) + 2 / STARTS,
                    reason="4 standard errors and 2 starts: fractions come in whole starts")
        for kind, p in predicted_escapes(start).items()
    ]  # fmt: skip
    return [
        Check.close("batch-stays", "every batch descent ends in the higher minimum", ends["batch"],
                    np.full(STARTS, higher), atol=1e-9,
                    reason="what is left of the distance after the epochs, and roundings"),
        Check.close("inside", "every descent ends in one of the two wells, between −1.5 and 1.5",
                    np.clip([ends[kind] for kind in WELL_BATCH], -1.5, 1.5),
                    [ends[kind] for kind in WELL_BATCH]),
        *by_chance,
        Check.at_most("intervals", "95 % intervals: batch below stochastic",
                      interval(escaped["batch"])[1], interval(escaped["stochastic"])[0]),
    ]  # fmt: skip


def slope(w):
    """J′(w) of the double well with the mean tilt."""
    return 4 * w**3 - 4 * w + TILT


def predicted_escapes(start):
    """The fraction to be expected beyond the ridge after all epochs, by kind."""
    ridge = optimize.brentq(slope, 0, 0.5)
    return {
        kind: escape_probability(start, size, WELL_EPOCHS * POINTS // size, ridge)
        for kind, size in WELL_BATCH.items()
    }


def escape_probability(start, batch_size, updates, ridge):
    """The fraction to be expected beyond the ridge, from the chances of every single move.

    k of the batch's B samples have the higher tilt with the chance C(B, k) / 2^B. On a fine
    grid this gives the matrix of chances to get from one place to another; its power is the
    chance to do so in so many updates.
    """
    grid = np.linspace(-2, 2, 961)

    def on_grid(places):
        """Each place divided between its two neighbours on the grid, (places, grid)."""
        return np.maximum(0, 1 - np.abs(places[:, None] - grid) / (grid[1] - grid[0]))

    move = 0
    for k in range(batch_size + 1):
        tilt = TILT + TILT_NOISE * (2 * k / batch_size - 1)
        places = grid - WELL_RATE * (4 * grid**3 - 4 * grid + tilt)
        move = move + stats.binom.pmf(k, batch_size, 0.5) * on_grid(places)
    end = on_grid(start).mean(axis=0) @ np.linalg.matrix_power(move, updates)
    return end[grid < ridge].sum()


def interval(fraction):
    """Wilson's 95 % interval for a fraction of the starts."""
    return stats.binomtest(round(fraction * STARTS), STARTS).proportion_ci(method="wilson")
