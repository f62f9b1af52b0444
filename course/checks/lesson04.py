"""Why lesson 4's numbers must be what they are.

Batch descent is lesson 3's: its whole path is known in closed form, and it diverges above 2/λmax.
An update on rows drawn at random is a random matrix on z = (θ − θ*, 1), so the mean of z and of
z zᵀ after any number of updates follow exactly, and with them how far noisy descent spreads, as
long as no single update overshoots (`calm`). On the double well, the chances of every single move
give the chance to get over the ridge.
"""

import functools

import numpy as np
from scipy import sparse, stats

from course import lesson04 as lesson
from course.checks import Check, by_section, references
from course.checks.constants import ABOVE_0, FROM_0, Kind, between, one_of, several, whole
from course.checks.models import unlike_linear
from course.checks.tolerance import NUMPY
from course.lesson03 import cost
from course.lesson04 import (
    EPOCHS,
    KINDS,
    LEARNING_RATE,
    POINTS,
    RUN_UPDATES,
    STARTS,
    TILT,
    TILT_NOISE,
    WELL_BATCH,
    WELL_EPOCHS,
    WELL_RATE,
)


def are_kinds(value):
    """Whether every kind has its number of rows."""
    return (
        isinstance(value, dict)
        and value.keys() == {"batch", "stochastic", "mini-batch"}
        and (value["batch"], value["stochastic"]) == (len(lesson.load_data()[1]), 1)
        and whole(1, value["batch"] - 1).allows(value["mini-batch"])
    )


def are_wells(value):
    """Whether both noisy kinds have a number of samples."""
    return (
        isinstance(value, dict)
        and value.keys() == {"stochastic", "mini-batch"}
        and several(whole(1)).allows(value)
    )


CONSTANTS = {  # what the page's constants may be
    "POINTS": whole(2),
    "NOISE": FROM_0,
    "DATA_SEED": whole(0),
    "LEARNING_RATE": ABOVE_0,
    "EPOCHS": whole(1),
    "BATCH_SIZE": whole(1, len(lesson.load_data()[1]) - 1),
    "KINDS": Kind("batch: all rows, stochastic: 1, mini-batch: fewer than all", are_kinds),
    "NOISY": several(one_of("stochastic", "mini-batch")),
    "KERAS_EPOCHS": whole(1),
    "RUNS": whole(1),
    "QUICK_RUNS": whole(1),
    "RUN_UPDATES": whole(1),
    "TILT": between(0, 1.5, "a number above 0 and below 1.5, or there is one minimum"),
    "TILT_NOISE": FROM_0,
    "WELL_RATE": ABOVE_0,
    "WELL_EPOCHS": whole(1),
    "STARTS": whole(1),
    "WELL_BATCH": Kind("whole numbers by name: stochastic, mini-batch", are_wells),
}

TOO_LARGE = "not at so large a rate"


def checks(measured, options):
    """All checks of the lesson on what `lesson04.run` measured."""
    sections = {
        "kinds": check_kinds, "gradients": check_gradients, "spread": check_spread,
        "mistake": check_mistake, "double_well": check_double_well,
    }  # fmt: skip
    return by_section(sections, measured, options)


@functools.cache
def not_for():
    """In what the page's model is not the one that the predictions are for: "not for Adam"."""
    return unlike_linear(lesson.build_model(), loss="mse", start=0)


def calm(X, batch_size):
    """Whether no update on a batch overshoots: η times its curvature is below 1, or nearly so."""
    steepest = references.curvature(X)[0][-1]
    of_a_row = 2 * np.max(np.sum(references.with_ones(X) ** 2, axis=1))
    return LEARNING_RATE * (steepest + of_a_row / batch_size) < 1


def batch_descent(X, y, updates):
    """The path of batch descent, and the size that its roundings are relative to: (T, 2), (T, 1).

    That is the largest size so far, as each step leads them on, and the minimum's, by which the
    closed form goes.
    """
    path = references.quadratic_descent(X, y, LEARNING_RATE, updates)
    size = np.maximum.accumulate(np.abs(path).max(axis=1))
    return path, (size + np.abs(references.least_squares(X, y)).max())[:, None]


def check_kinds(options, X, y, few, paths, in_keras, counted, **_):
    n, exact = len(y), references.least_squares(X, y)
    cut = {kind for kind, path in paths.items() if np.abs(path[-1]).max() >= 1e100}
    epochs = (options.epochs or EPOCHS) if "batch" in cut else len(paths["batch"]) - 1
    updates = {kind: -(-epochs * n // size) for kind, size in KINDS.items()}
    few_updates = min(few, epochs) * n
    predicted, size = batch_descent(X, y, len(paths["batch"]) - 1)
    found = [
        Check.close("batch-path", "θ at every batch update = closed form", paths["batch"],
                    predicted, atol=NUMPY * size),
        check_falling(X, y, paths["batch"], predicted - exact),
        near_batch_descent("noisy-kinds", X, y, {kind: paths[kind] for kind in lesson.NOISY}),
        *(check_keras(options, X, y, kind, paths[kind], in_keras[kind],
                      few_updates if kind == "stochastic" else updates[kind]) for kind in KINDS),
        Check.close("updates-keras", "updates counted by Keras's optimizer", counted,
                    {**updates, "stochastic": few_updates}),
    ]  # fmt: skip
    whole_paths = {kind: len(path) - 1 for kind, path in paths.items() if kind not in cut}
    if whole_paths:
        found.insert(0, Check.close(
            "updates", "updates counted = epochs × n ÷ batch size", whole_paths,
            {kind: updates[kind] for kind in whole_paths}))  # fmt: skip
    return found


def check_falling(X, y, path, distances):
    """Batch descent's cost never rises below 2/λmax; above, θ ends further off than it began."""
    limit = 2 / references.curvature(X)[0][-1]
    far = np.linalg.norm(distances, axis=1)
    costs = cost(X, y, path)
    if LEARNING_RATE > limit and far[-1] > far[0]:
        end = np.linalg.norm(path[-1] - references.least_squares(X, y))
        return Check.true("never-rises", f"{LEARNING_RATE:.4g} is above 2/λmax = {limit:.3g}:"
                          " diverges", end > far[0])  # fmt: skip
    return Check.at_most("never-rises", "batch descent: the cost never rises",
                         np.diff(costs).max(), 1e-13 * costs[0],
                         reason="roundings of the cost near the minimum",
                         ).unless(TOO_LARGE if LEARNING_RATE > limit else "")  # fmt: skip


def near_batch_descent(id, X, y, paths, name="{}: near batch descent's θ"):
    """Noisy descent ends near batch descent after as many updates, where it is calm."""
    paths = {kind: path for kind, path in paths.items() if calm(X, KINDS[kind])}
    name = name.format(", ".join(paths or ["noisy kinds"]))
    if not paths:
        return Check.true(id, name, False).unless(TOO_LARGE)
    ends = [batch_descent(X, y, len(path) - 1) for path in paths.values()]
    sigma = [
        noise_of_epochs(X, y, KINDS[kind], len(path) - 1) + NUMPY * size[-1]
        for (kind, path), (_, size) in zip(paths.items(), ends)
    ]
    return Check.within(id, name, [path[-1] for path in paths.values()],
                        [predicted[-1] for predicted, _ in ends], sigma)  # fmt: skip


def check_keras(options, X, y, kind, path, in_keras, updates):
    """θ after so many updates; of another model there is none by hand."""
    id, name = f"{kind}-keras", f"{kind} descent, Keras = NumPy"
    path, eigenvalues = path[: updates + 1], references.curvature(X)[0]
    size = np.abs(path).max()
    diverges = LEARNING_RATE * eigenvalues[-1] > 2
    silent = (
        not_for()
        or ("not: it overflows" if size * max(1, np.abs(X).max()) > 1e30 else "")
        or (TOO_LARGE if kind != "batch" and not calm(X, KINDS[kind]) else "")
    )
    if silent:
        return Check.true(id, name, False).unless(silent)
    # Roundings add up until the flattest direction forgets them; the table has 250 updates. Where
    # it diverges each update adds one of the size of θ then.
    memory = min(updates, 1 / max(LEARNING_RATE * eigenvalues[0], 1e-12)) / 250
    more = updates if diverges else max(1, memory)
    return Check.keras(id, name, in_keras, path[-1], options.dtype, own_loss=True,
                       size=more * size / np.abs(path[-1]).max())  # fmt: skip


def noise_of_epochs(X, y, batch_size, updates):
    """The standard deviation of θ where every epoch takes each row once; shape (2,).

    The noises of an epoch then cancel, but for their different ages: the oldest has shrunk by
    ηλ times the number of batches, and evenly spread ages leave a standard deviation of 1/√12
    of that, compared with rows drawn at random. Where batches go on from one epoch into the next,
    the noise of about one batch is not cancelled: √(2ηλ) of what all batches together leave.
    """
    contraction = LEARNING_RATE * references.curvature(X)[0][-1]
    cancelled = contraction * -(-len(y) // batch_size) / np.sqrt(12)
    one_batch = np.sqrt(2 * contraction) * (len(y) % batch_size > 0)
    return min(1, np.hypot(cancelled, one_batch)) * moments(X, y, batch_size, updates)[1]


def moments(X, y, batch_size, updates, start=(0.0, 0.0)):
    """The mean and the standard deviation of θ after so many updates on rows drawn at random.

    Exact, without a random number: with z = (θ − θ*, 1), an update on row i is a matrix,
    z ← Tᵢ z, and `references.second_moments_step` leads E[z zᵀ] from one update to the next.
    """
    exact, ones = references.least_squares(X, y), references.with_ones(X)
    A = np.column_stack([ones, ones @ exact - y])  # the errors are A z
    T = np.eye(3) - 2 * LEARNING_RATE * np.einsum("ij,ik->ijk", A * [1, 1, 0], A)
    step = references.second_moments_step(T, batch_size)
    z = np.append(start - exact, 1)
    second = (np.linalg.matrix_power(step, updates) @ np.kron(z, z)).reshape(3, 3)
    mean = second[:2, 2]
    return exact + mean, np.sqrt(np.maximum(np.diag(second)[:2] - mean**2, 0))


def check_gradients(options, X, y, thetas, gradients):
    of_batch = gradients["batch"][:, 0]
    numeric = [references.central_difference(lambda t: cost(X, y, t), at) for at in thetas]
    counts = {kind: gradients[kind].shape[1] for kind in KINDS}
    means = {}
    for kind in ("stochastic", "mini-batch"):  # the last batch may be smaller
        rows = np.minimum(KINDS[kind], len(y) - KINDS[kind] * np.arange(counts[kind]))
        means[kind] = np.einsum("tbj,b->tj", gradients[kind], rows / len(y))
    largest = max(cost(X, y, theta) for theta in thetas)
    return [
        Check.close("mean-of-samples", f"batch gradient = mean of {counts['stochastic']} samples'",
                    of_batch, means["stochastic"], rtol=NUMPY),
        Check.close("mean-of-mini-batches",
                    f"batch gradient = mean of {counts['mini-batch']} mini-batches'", of_batch,
                    means["mini-batch"], rtol=NUMPY),
        Check.close("gradient-numeric", "batch gradient = differences of the cost", of_batch,
                    numeric, atol=1e-7 * max(1, largest / 60),
                    reason="a cost of 60 has roundings of 7e-15, divided by 2e-5"),
    ]  # fmt: skip


def check_spread(options, X, y, ends):
    names = {"mean-of-runs": "mean of the runs = batch descent",
             "spread": "spread of the runs = predicted"}  # fmt: skip
    kinds = [kind for kind in ends if calm(X, KINDS[kind])]
    if not kinds:
        return [Check.true(id, name, False).unless(TOO_LARGE) for id, name in names.items()]
    runs = len(ends[kinds[0]])
    descent, size = batch_descent(X, y, RUN_UPDATES)
    sigma = np.array([moments(X, y, KINDS[kind], RUN_UPDATES)[1] for kind in kinds])
    sigma = sigma + NUMPY * size[-1]
    return [
        Check.within("mean-of-runs", names["mean-of-runs"],
                     [ends[kind].mean(axis=0) for kind in kinds], [descent[-1]] * len(kinds),
                     sigma / np.sqrt(runs)),
        Check.within("spread", names["spread"], [ends[kind].std(axis=0) for kind in kinds], sigma,
                     sigma / np.sqrt(2 * runs)),
    ]  # fmt: skip


def check_mistake(options, X, y, batches, paths, leaks):
    # Where y of row i is 1 higher, the gradient of all rows moves by 2/n (xᵢ, 1).
    n = len(y)
    outside = [next(i for i in range(n) if i not in rows) for rows in batches]
    moved = 2 / n * np.maximum(np.abs(X[outside, 0]), 1)
    predicted, size = batch_descent(X, y, len(paths["mistake"]) - 1)
    in_gradient = NUMPY * max(1, np.abs(y).max() * np.abs(X).max())
    return [
        near_batch_descent("right-path", X, y, {"mini-batch": paths["right"]},
                           "without the mistake: near batch descent's θ"),
        Check.close("no-leak", "without it, rows outside a batch do not count",
                    leaks["right"], np.zeros(len(batches))),
        Check.close("leak-found", "with it, they move the gradient by 2/n (xᵢ, 1)",
                    leaks["mistake"], moved, atol=in_gradient),
        Check.close("mistake-path", "mini-batches with the mistake = batch descent",
                    paths["mistake"], predicted, atol=NUMPY * size),
    ]  # fmt: skip


def check_double_well(options, start, ends, escaped):
    bound, stays = range_of_wells()
    silent = "" if stays else "not at so large a WELL_RATE"
    predicted = predicted_escapes(start) if stays else dict.fromkeys(WELL_BATCH, 0.0)
    by_chance = [
        Check.close(f"escaped-{kind}", f"fraction that escaped, {kind}", escaped[kind], p,
                    atol=4 * np.sqrt(p * (1 - p) / STARTS) + 2 / STARTS,
                    reason="4 standard errors and 2 starts: fractions come in whole starts")
        .unless(silent)
        for kind, p in predicted.items() if kind in ends
    ]  # fmt: skip
    found = [
        check_batch_in_well(start, ends["batch"]).unless(silent),
        Check.at_most("inside", f"every descent ends between −{bound:.3g} and {bound:.3g}",
                      np.abs(np.ravel(list(ends.values()))), bound * (1 + 1e-9)).unless(silent),
        *by_chance,
    ]  # fmt: skip
    fewest = predicted["stochastic"] - 5 / np.sqrt(STARTS)  # five times the largest standard error
    if "stochastic" in ends and interval(escaped["batch"])[1] < interval(max(0, fewest))[0]:
        found.append(Check.at_most(
            "intervals", "95 % intervals: batch below stochastic", interval(escaped["batch"])[1],
            interval(escaped["stochastic"])[0]))  # fmt: skip
    return found


def check_batch_in_well(start, ends):
    """Batch descent has no chance in it: where it ends is known, as soon as the start is."""
    w = start
    for _ in range(WELL_EPOCHS if range_of_wells()[1] else 0):
        w = w - WELL_RATE * slope(w)
    minima = np.sort(np.roots([4, 0, -4, mean_tilt()]).real)
    rest = np.abs(w - minima[2]).max()
    if rest > 1e-3:
        return Check.close("batch-stays", "batch descent ends where predicted", ends, w, atol=1e-9)
    return Check.close("batch-stays", "every batch descent ends in the higher minimum", ends,
                       np.full(STARTS, minima[2]), atol=1e-9 + rest,
                       reason="what remains of the distance after the epochs, and roundings",
                       )  # fmt: skip


def range_of_wells():
    """±R, which no descent leaves, and whether the learning rate is small enough for that.

    Outside, even the most tilted sample leads back; inside, no step may lead out.
    """
    tilt = TILT + TILT_NOISE
    bound = max(1.2, np.roots([4, 0, -4, -tilt]).real.max())
    w = np.linspace(-bound, bound, 2001)
    reached = [np.abs(w - WELL_RATE * slope(w, c)).max() for c in (-tilt, tilt)]
    return bound, max(reached) <= bound * (1 + 1e-9)


def fraction_higher():
    """The fraction of the samples whose tilt is the higher one: half, or just above."""
    return (POINTS + 1) // 2 / POINTS


def mean_tilt():
    return TILT + TILT_NOISE * (2 * fraction_higher() - 1)


def slope(w, tilt=None):
    """J′(w) of the double well with a tilt; None: the mean one."""
    return 4 * w**3 - 4 * w + (mean_tilt() if tilt is None else tilt)


def predicted_escapes(start):
    """The fraction to be expected beyond the ridge after all epochs, by kind."""
    ridge = np.sort(np.roots([4, 0, -4, TILT]).real)[1]
    return {
        kind: escape_probability(start, size, WELL_EPOCHS * POINTS // size, ridge)
        for kind, size in WELL_BATCH.items()
    }


def escape_probability(start, batch_size, updates, ridge):
    """The fraction to be expected beyond the ridge, from the chances of every single move.

    k of the batch's B samples have the higher tilt with a binomial chance. On a grid so fine that
    it adds little to the noise of a move this gives the matrix of chances to get from one place
    to another, applied as often as there are updates.
    """
    bound = range_of_wells()[0] + 0.3
    noise = WELL_RATE * TILT_NOISE / np.sqrt(batch_size)  # of a move: its standard deviation
    size = int(np.clip(2 * bound / (0.1 * noise + 1e-12), 961, 20_001))
    grid = np.linspace(-bound, bound, size)

    def on_grid(places):
        """Each place divided between its two neighbours on the grid, (places, grid), sparse."""
        at = np.clip((places + bound) / (2 * bound) * (size - 1), 0, size - 1 - 1e-9)
        left, rows = at.astype(int), np.arange(len(places))
        values = np.concatenate([1 - (at - left), at - left])
        where = (np.tile(rows, 2), np.concatenate([left, left + 1]))
        return sparse.csr_array((values, where), shape=(len(places), size))

    move = 0
    for k, chance in enumerate(stats.binom.pmf(range(batch_size + 1), batch_size,
                                               fraction_higher())):  # fmt: skip
        tilt = TILT + TILT_NOISE * (2 * k / batch_size - 1)
        move = move + chance * on_grid(grid - WELL_RATE * slope(grid, tilt))
    move, end = move.T.tocsr(), on_grid(start).mean(axis=0)
    for _ in range(updates):
        end = move @ end
    return end[grid < ridge].sum()


def interval(fraction):
    """Wilson's 95 % interval for a fraction of the starts."""
    return stats.binomtest(round(fraction * STARTS), STARTS).proportion_ci(method="wilson")
