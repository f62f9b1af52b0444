"""Why lesson 13's numbers must be what they are.

Seeds. NumPy draws all that is random, and on a CPU every backend computes the same operations in
the same order: the same draws give the same bits, run after run on the same machine. TensorFlow
and PyTorch have a switch for GPUs, `tf.config.experimental.enable_op_determinism()` and
`torch.use_deterministic_algorithms(True)`; Keras 3 has none of its own, and JAX needs none on a
CPU. (`python tests/bench/bench_cnn.py --only fit lesson determinism` measures what it costs.)
Keras's layers draw from Python's `random`, where no seed was given them: `np.random.seed` does
not reach them; `keras.utils.set_random_seed` does, with other weights on each backend.

Linear regression by mini-batches. The covariance of the last w over new draws of

    initial weights   is S cov(w₀) S, S = (I − 2η XᵀX/n)^t: a convex cost forgets its start
    noise             is C = σ² (XᵀX)⁻¹; the roots of its diagonal are the standard errors
    order             is P, which `references.order_covariance` solves for; about proportional to η
    all three         is C + P, where P is the mean over the noise

½ mean((f − f′)²) is then P where the order is replaced, and C + P where the noise is: with new
noise the order pulls elsewhere too.

A network. Nothing is known of each draw, but var f ≤ Σ ½ mean((f − f′)²) (Efron and Stein).

Means. The pool of runs stands for all runs there could be: groups are drawn from it, one run as
often as chance has it, so that the true mean and deviation are the pool's own. Means of n runs
have the standard error s/√n, and a mean over its standard error follows the noncentral t
distribution, which predicts how often an interval excludes 0. The best of many runs on the
validation set leads on the test set by as much as the regression line through all runs says.
"""

import functools

import numpy as np
from scipy import optimize, stats

from course import lesson13 as lesson
from course.checks import Check, by_section, references, tolerance
from course.checks.constants import ABOVE_0, BELOW_1, FROM_0, NUMBER, Kind, several, whole
from course.checks.models import unlike
from course.checks.tolerance import NUMPY
from course.lesson13 import (
    BATCH_SIZE,
    GROUPS,
    LEARNING_RATE,
    MOMENTUM,
    ROW_BATCH,
    ROW_RATE,
    ROW_STEPS,
    SIGMA,
    TRUTH,
)
from course.training import network, seeds

MEANS = (1, 4, 16)  # seeds in a mean
WANTED = 0.8  # the fraction of trials that are to tell two learning rates apart
NOT_NORMAL = 0.02  # what a fraction predicted for normal costs may be wrong by for the pool's
SKEW, KURTOSIS, UNEQUAL = 1.5, 3.0, 2.0  # at most, of two settings' costs for that to be enough
JITTER = 1e-9  # stands for a rounding, in `amplified`
FORGOTTEN = 0.01  # of a variance: what may be left of the starts

WORD = Kind("a name", lambda value: isinstance(value, str))
CONSTANTS = {  # what the page's constants may be
    "SOURCES": several(WORD, 3, 3),
    "SEEDS": whole(2),
    "QUICK_SEEDS": whole(2),
    "POOL": whole(20),
    "QUICK_POOL": whole(20),
    "PIXEL_NOISE": FROM_0,
    "HIDDEN": whole(1),
    "LEARNING_RATE": ABOVE_0,
    "MOMENTUM": BELOW_1,
    "BATCH_SIZE": whole(1),
    "EPOCHS": whole(1),
    "OTHER_RATE": ABOVE_0,
    "GROUPS": whole(100, 20_000),
    "ROWS": whole(1),
    "TRUTH": several(NUMBER),
    "SIGMA": FROM_0,
    "ROW_RATE": ABOVE_0,
    "ROW_BATCH": whole(1),
    "ROW_STEPS": whole(1),
    "FITS": whole(2),
    "QUICK_FITS": whole(2),
}


def checks(measured, options):
    """All checks of the lesson on what `lesson13.run` measured."""
    sections = {
        "bits": check_bits, "keras": check_keras, "sources": check_sources,
        "regression": check_regression, "pool": check_pool,
    }  # fmt: skip
    return by_section(sections, measured, options)


def fraction_changed(first, second):
    """The fraction of the numbers that differ, be it in one bit; NaN where one is not finite."""
    a, b = (np.concatenate([np.ravel(w) for w in weights]) for weights in (first, second))
    return np.mean(a != b) if np.all(np.isfinite(a) & np.isfinite(b)) else np.nan


def by_chance(numbers):
    """How many random numbers may be equal to others: two."""
    count = sum(np.size(w) for w in numbers)
    return dict(atol=2 / count, reason=f"two of {count} weights may meet by chance")


@functools.cache
def page_model():
    """The model as the page builds it."""
    return lesson.build_model()


def random_layer():
    """ "not for Dropout": a layer of `build_model` that draws at every step, from Keras's seed."""
    drawing = [layer for layer in page_model().layers if hasattr(layer, "seed_generator")]
    return f"not for {type(drawing[0]).__name__}" if drawing else ""


def check_bits(options, once, other, again, anew):
    return [
        Check.close("same-bits", "same seed, again and in a new model: changed",
                    [fraction_changed(once, again), fraction_changed(once, anew)], [0, 0],
                    reason="of the weights after training not a bit may differ"
                    ).unless(random_layer()),
        Check.close("other-seed", "another seed: fraction of the weights changed",
                    fraction_changed(once, other), 1, **by_chance(once)),
    ]  # fmt: skip


def check_keras(options, seeded, unseeded):
    return [
        Check.close("keras-seed", "Keras's initialiser, same seed: changed",
                    fraction_changed([seeded[0]], [seeded[1]]), 0, reason="not a bit may differ"),
        Check.close("numpy-seed", "np.random.seed does not reach it: changed",
                    fraction_changed([unseeded[0]], [unseeded[1]]), 1,
                    **by_chance(unseeded[:1])),
    ]  # fmt: skip


@functools.cache
def amplified(data, seed, epochs, n):
    """What becomes of roundings in the runs of `one_at_a_time`, trained by hand.

    Each run is trained beside one whose weights are rounded after every step, as it were: each
    is multiplied by 1 + JITTER z, z normal. With a large learning rate the two part.

    Returns:
        The largest difference of a weight and that of the test costs, divided by JITTER, and the
        smallest P of a right class, each (s,).
    """
    (X, y), _, (X_test, y_test) = lesson.load_data(data)
    rng, Y, found = np.random.default_rng(0), np.eye(10)[y], []
    for run in [k * source for source in np.eye(3, dtype=int) for k in range(1, n + 1)]:
        weights, order, noisy = lesson.draw(seed, run, X, epochs)
        pair, velocities, least = [weights, weights], [[0.0] * 4] * 2, 1.0
        for rows in np.split(order, range(BATCH_SIZE, len(order), BATCH_SIZE)):
            for k, jitter in enumerate((0.0, JITTER)):
                gradient = network.backward(noisy[rows], Y[rows], pair[k])
                velocities[k] = [
                    MOMENTUM * v - LEARNING_RATE * g for v, g in zip(velocities[k], gradient)
                ]
                pair[k] = [
                    (w + v) * (1 + jitter * rng.normal(size=w.shape))
                    for w, v in zip(pair[k], velocities[k])
                ]
            P = network.forward(noisy[rows], pair[0])[1]
            least = min(least, P[np.arange(len(rows)), y[rows]].min())
        P = network.forward(X_test, pair[0])[1]
        least = min(least, P[np.arange(len(y_test)), y_test].min())
        apart = max(np.abs(a - b).max() for a, b in zip(*pair))
        costs = [network.cost(X_test, y_test, weights) for weights in pair]
        found.append((apart / JITTER, abs(costs[1] - costs[0]) / JITTER, least))
    return np.array(found).T


def other_network(by_hand, in_keras):
    """Why Keras's weights are not those by hand: "not for Adam"; "" where they are."""
    model = page_model()
    if why := unlike(model, layers=["Dense", "Dense"], activations=["sigmoid", "softmax"],
                     bias=True, momentum=MOMENTUM):  # fmt: skip
        return why
    if model.loss != "categorical_crossentropy":
        return "not for another cost"
    same = [w.shape for w in by_hand] == [w.shape for w in in_keras]
    return "" if same else "not for layers of another size"


def check_sources(options, by_hand, in_keras, costs_by_hand, costs, accuracies):
    why_not, furthest = other_network(by_hand, in_keras), np.zeros(len(costs))
    weights_by, costs_by, least = np.ones((3, len(costs)))
    if not why_not:
        furthest = np.max([np.abs(a - b).reshape(len(a), -1).max(axis=1)
                           for a, b in zip(in_keras, by_hand)], axis=0)  # fmt: skip
        epochs = options.epochs or lesson.EPOCHS
        weights_by, costs_by, least = amplified(options.data, options.seed, epochs, len(costs) // 3)
    allowed, why = tolerance.keras(options.dtype)
    if least.min() < 1e-6:  # with roundings below 1e-7 itself
        why_not = "not where Keras clips P at 1e-7"
    elif allowed * weights_by.max() > 0.01:
        why_not = why_not or "not where roundings explode"
    # The largest of all runs: one run's roundings may be less lucky than its jitter was.
    weights_atol, costs_atol = (10 * allowed * max(1, by.max()) for by in (weights_by, costs_by))
    grown = f"roundings grow as a jitter of {JITTER:g} of each weight does; ten times what it has"
    return [
        Check.at_least("accuracies", "accuracy ≥ 1 − cost / ln 2", accuracies,
                       1 - costs / np.log(2), agreement=None,
                       reason="a digit read wrong gave its class a P of at most ½"),
        Check.close("weights-keras", "largest difference of a weight, Keras = NumPy", furthest,
                    np.zeros(len(furthest)), atol=weights_atol, reason=f"{grown}; {why}",
                    agreement=max(weights_atol, 1e-9)).unless(why_not),
        Check.close("costs-keras", "test costs, Keras = NumPy", costs, costs_by_hand,
                    atol=costs_atol, reason=f"{grown}; {why}",
                    agreement=max(costs_atol, 1e-9)).unless(why_not),
    ]  # fmt: skip


def unsettled(X):
    """Why the covariance of w is not the one that it settles at; "" where it is."""
    if np.linalg.matrix_rank(X) < X.shape[1] or len(X) == X.shape[1]:
        return "not for so few rows"
    if SIGMA == 0:
        return "not without noise"
    step = references.order_step(X, ROW_RATE, ROW_BATCH)
    largest = np.abs(np.linalg.eigvals(step)).max()
    if largest >= 1:
        return "not at this rate: it diverges"
    hat = np.diag(X @ np.linalg.pinv(X))
    P = references.order_covariance(X, SIGMA**2 * (1 - hat), ROW_RATE, ROW_BATCH)
    # Each start is 1 away from 0, more or less, and w* is TRUTH.
    left = largest**ROW_STEPS * (1 + np.square(TRUTH).max())
    return "" if left < FORGOTTEN * np.diag(P).min() else "not after so few steps"


def chi_squared_error(freedom, sigmas=5):
    """By what fraction of itself the variance of normal draws may be too large, but for chance."""
    return stats.chi2.isf(stats.norm.sf(sigmas), freedom) / freedom - 1


def check_regression(options, X, y, starts, ends, replaced):
    n, p = X.shape
    eigenvalues, modes = np.linalg.eigh(np.eye(p) - 2 * ROW_RATE * X.T @ X / n)
    overflow = ROW_STEPS * np.log(np.abs(eigenvalues).max()) > 200
    overflow = "not after it diverged" if overflow else ""
    shrink = modes * eigenvalues ** (0 if overflow else ROW_STEPS) @ modes.T
    C = SIGMA**2 * np.linalg.pinv(X.T @ X)
    why_not = unsettled(X)
    f, alone = ends["all three"], ends["start alone"]
    measured, predicted = [np.ones(p)], [np.ones(p)]
    if not why_not:
        solve = np.linalg.pinv(X)
        P, P_one = (
            references.order_covariance(X, squares, ROW_RATE, ROW_BATCH)
            for squares in (SIGMA**2 * (1 - np.diag(X @ solve)), (y - X @ solve @ y) ** 2)
        )
        measured = [
            *(ends[name].var(axis=0, ddof=1) for name in ends if name != "start alone"),
            *(seeds.half_squared_change(f, other) for other in replaced),
        ]
        predicted = [np.diag(V) for V in (P_one, C, C + P, P, C + P)]
    ratios = [v / V for v, V in zip(measured, predicted, strict=True)]
    # Draws with heavy tails, of single rows at a large rate, have a less certain variance.
    drawn = [ends[name] for name in ends if name != "start alone"] if not why_not else [starts]
    tails = max(stats.kurtosis(w, fisher=False).max() for w in drawn)
    left = np.atleast_2d(shrink @ np.atleast_2d(np.cov(starts.T)) @ shrink)
    measured_left = left if overflow else np.atleast_2d(np.cov(alone.T))
    rounded = 0.0 if overflow else NUMPY * np.abs(alone).max()
    return [
        Check.close("start-forgotten", "regression: covariance left of the starts", measured_left,
                    left, rtol=1e-9, atol=rounded * (2 * np.sqrt(left.max()) + rounded),
                    reason="roundings of w, beside what is left of its start").unless(overflow),
        Check.close("regression-variances", "regression: variances ÷ predicted = 1", ratios,
                    np.ones(np.shape(ratios)),
                    atol=chi_squared_error(len(starts) - 1) * np.sqrt(max(1, (tails - 1) / 2)),
                    reason="a variance from s nearly normal draws is χ² with s − 1 degrees of"
                           " freedom: 5 standard errors of it").unless(why_not),
    ]  # fmt: skip


def check_pool(options, costs, replaced, other_rate, rates, accuracies, best):
    return [
        *check_sum(costs, replaced),
        *check_rates(options, costs[: len(other_rate)], other_rate, **rates),
        *check_best(*accuracies, **best),
    ]


def ratio_error(costs, replaced):
    """The standard error of `seeds.variance_ratio`."""
    ratio, f = seeds.variance_ratio(costs, replaced), costs[: replaced.shape[1]]
    # A ratio of two means over the runs errs as the one less ratio times the other does.
    terms = np.sum((f - replaced) ** 2 / 2, axis=0)
    return np.std((f - f.mean()) ** 2 - ratio * terms) / terms.mean() / np.sqrt(len(f))


def check_sum(costs, replaced):
    t = stats.t.isf(stats.norm.sf(4), replaced.shape[1] - 1)
    return [
        Check.at_most("sum-of-three", "variance of all three ÷ sum of the three's ≤ 1",
                      seeds.variance_ratio(costs, replaced), 1 + t * ratio_error(costs, replaced),
                      reason="Efron and Stein, but for chance: 4 standard errors, a few more where"
                             " few runs say how large they are"),
    ]  # fmt: skip


def power(n, effect, samples):
    """How often the t test of n normal results finds a true mean of `effect` deviations.

    By the two tails of the noncentral t distribution: another way than `seeds.power`'s.
    """
    freedom = samples * (n - 1)
    edge, shift = stats.t.ppf(0.975, freedom), abs(effect) * np.sqrt(n / samples)
    # The far tail by symmetry, and never where it is nothing: there SciPy's is NaN.
    far = stats.nct.sf(edge, freedom, -shift) if shift < 10 else 0.0
    return stats.nct.sf(edge, freedom, shift) + far


def fewest_seeds(effect, samples):
    """Where the power is as wanted, n as a real number rounded up; between 2 and MAX_SEEDS."""

    def lacking(n):
        return power(n, effect, samples) - WANTED

    if not np.isfinite(effect):
        return np.nan
    if lacking(2) >= 0:
        return 2
    if lacking(seeds.MAX_SEEDS - 1) < 0:
        return seeds.MAX_SEEDS
    return int(np.ceil(optimize.brentq(lacking, 2, seeds.MAX_SEEDS - 1)))


def not_normal(one, other):
    """Why Student's t predicts no fractions for two settings' costs; "" where it does."""
    if max(one.std(), other.std()) > UNEQUAL * min(one.std(), other.std()):
        return "not for unequal spreads"
    skew = max(abs(stats.skew(one)), abs(stats.skew(other)))
    kurtosis = max(stats.kurtosis(one), stats.kurtosis(other))
    return "not for costs far from normal" if skew > SKEW or kurtosis > KURTOSIS else ""


def check_rates(options, one, other, gap, deviations, needed, intervals):
    rng = np.random.default_rng(options.seed)
    change = other - one
    s = np.sqrt((one.var() + other.var()) / 2)

    def groups(values, n):
        return rng.choice(values, (GROUPS, n))

    def fraction(interval, value):
        return np.mean((interval[0] <= value) & (value <= interval[1]))

    def effect(deviation):
        return change.mean() / deviation if change.any() else 0.0

    def apart(p):
        """How far a fraction of GROUPS may be from p, by chance and as costs are not normal."""
        tail = stats.norm.sf(4)
        ends = np.array([stats.binom.ppf(tail, GROUPS, p), stats.binom.isf(tail, GROUPS, p)])
        return np.abs(ends / GROUPS - p).max() + NOT_NORMAL

    n = needed[0]
    errors = np.array([groups(one, k).mean(axis=1).std() for k in MEANS])
    # A deviation from so many draws has the relative error √((kurtosis − 1) / draws) / 2.
    sigma = np.sqrt((np.maximum(3, stats.kurtosis(one, fisher=False)) - 1) / GROUPS) / 2
    covers = fraction(seeds.t_interval(groups(other, 5), groups(one, 5)), change.mean())
    told = 1 - fraction(seeds.t_interval(groups(other, n), groups(one, n)), 0)
    predicted = [0.95, power(n, effect(s), 2)]
    chance = "4 binomial standard errors, and 0.02 since costs are not quite normal"
    far = not_normal(one, other)
    fewest = [fewest_seeds(effect(s), 2), fewest_seeds(effect(change.std()), 1)]
    # Of two equal settings SciPy's paired interval is 0/0.
    tests = (stats.ttest_ind, stats.ttest_rel)[: 2 if change.any() else 1]
    size = NUMPY * max(np.abs(one).max(), np.abs(other).max())
    return [
        Check.close("gap", "mean and deviations of the gap = NumPy", [gap, *deviations],
                    [other.mean() - one.mean(), np.hypot(one.std(), other.std()), change.std()],
                    atol=size),
        Check.within("mean-spread", "spread of means of 1, 4, 16 ÷ (s / √n) = 1",
                     errors / (one.std() / np.sqrt(MEANS)), np.ones(len(MEANS)), sigma),
        Check.close("intervals-scipy", "95 % intervals = SciPy's", intervals[: len(tests)],
                    [test(other, one).confidence_interval() for test in tests], atol=size),
        Check.close("seeds-needed", "seeds needed: other seeds, the same seeds", needed, fewest,
                    reason="whole numbers"),
        Check.close("intervals-cover", "95 % intervals of 5 seeds: fraction that cover", covers,
                    predicted[0], atol=apart(predicted[0]), reason=chance).unless(far),
        Check.close("seeds-enough", "trials that tell with the seeds needed = power", told,
                    predicted[1], atol=apart(predicted[1]), reason=chance).unless(far),
    ]  # fmt: skip


def check_best(validation, test, winners, lead):
    varied = np.ptp(validation) > 0  # else all winners are the same, and so is every lead
    slope = stats.linregress(validation, test).slope if varied else 0.0
    picked = validation[winners].mean() - validation.mean()
    # How far a weighted mean of the points may be from the regression line.
    weight = np.bincount(winners, minlength=len(test)) / len(winners)
    sigma = np.std(test - slope * validation) * np.sqrt(np.sum(weight**2))
    return [
        Check.within("lead-on-test", "lead left on test = the regression line's", lead[1],
                     slope * picked, sigma, 4),
    ]  # fmt: skip
