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

import numpy as np
from scipy import optimize, stats

from course.checks import Check, by_section, references, tolerance
from course.checks.constants import ABOVE_0, ANYTHING, BELOW_1, NUMBER, whole
from course.checks.tolerance import NUMPY
from course.lesson13 import (
    GROUPS,
    ROW_BATCH,
    ROW_RATE,
    ROW_STEPS,
    SIGMA,
)
from course.training import seeds

MEANS = (1, 4, 16)  # seeds in a mean
WANTED = 0.8  # the fraction of trials that are to tell two learning rates apart
NOT_NORMAL = 0.02  # what a fraction predicted for normal costs may be wrong by for the pool's


CONSTANTS = {  # what the page's constants may be
    "SOURCES": ANYTHING,
    "SEEDS": whole(1),
    "QUICK_SEEDS": whole(1),
    "POOL": whole(1),
    "QUICK_POOL": whole(1),
    "PIXEL_NOISE": NUMBER,
    "HIDDEN": whole(1),
    "LEARNING_RATE": ABOVE_0,
    "MOMENTUM": BELOW_1,
    "BATCH_SIZE": whole(1),
    "EPOCHS": whole(1),
    "OTHER_RATE": ABOVE_0,
    "GROUPS": whole(1),
    "ROWS": whole(1),
    "TRUTH": ANYTHING,
    "SIGMA": NUMBER,
    "ROW_RATE": ABOVE_0,
    "ROW_BATCH": whole(1),
    "ROW_STEPS": whole(1),
    "FITS": whole(1),
    "QUICK_FITS": whole(1),
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


def check_bits(options, once, other, again, anew):
    return [
        Check.close("same-bits", "same seed, trained again and in a new model: weights changed",
                    [fraction_changed(once, again), fraction_changed(once, anew)], [0, 0],
                    reason="not a bit may differ"),
        Check.close("other-seed", "another seed: fraction of the weights changed",
                    fraction_changed(once, other), 1, atol=0.01,
                    reason="two of 1210 weights may meet by chance"),
    ]  # fmt: skip


def check_keras(options, seeded, unseeded):
    return [
        Check.close("keras-seed", "Keras's initialiser, same seed: fraction changed",
                    fraction_changed([seeded[0]], [seeded[1]]), 0, reason="not a bit may differ"),
        Check.close("numpy-seed", "np.random.seed does not reach it: fraction changed",
                    fraction_changed([unseeded[0]], [unseeded[1]]), 1, atol=0.01,
                    reason="two of 1024 weights may meet by chance"),
    ]  # fmt: skip


def check_sources(options, by_hand, in_keras, costs_by_hand, costs, accuracies):
    furthest = np.max([np.abs(a - b).reshape(len(a), -1).max(axis=1)
                       for a, b in zip(in_keras, by_hand)], axis=0)  # fmt: skip
    allowed, why = tolerance.keras(options.dtype)
    grown = f"rounding grows in {len(costs)} runs of some 50 steps: ten times what one has; {why}"
    better = [
        Check.at_least("accuracies", "every network reads better than chance", accuracies, 0.1,
                       agreement=None)
    ] if options.data in (None, "mnist") else []  # fmt: skip
    return [
        *better,
        Check.close("weights-keras", "each run's largest difference of a weight, Keras = NumPy",
                    furthest, np.zeros(len(furthest)), atol=10 * allowed, reason=grown,
                    agreement=max(10 * allowed, 1e-9)),
        Check.keras("costs-keras", "test costs, Keras = NumPy", costs, costs_by_hand,
                    options.dtype, size=10, reason=grown),
    ]  # fmt: skip


def check_regression(options, X, y, starts, ends, replaced):
    fits = len(starts)
    shrink = np.linalg.matrix_power(np.eye(3) - 2 * ROW_RATE * X.T @ X / len(X), ROW_STEPS)
    solve = np.linalg.pinv(X)
    hat = np.diag(X @ solve)
    C = SIGMA**2 * np.linalg.inv(X.T @ X)
    P = references.order_covariance(X, SIGMA**2 * (1 - hat), ROW_RATE, ROW_BATCH)
    P_one = references.order_covariance(X, (y - X @ solve @ y) ** 2, ROW_RATE, ROW_BATCH)
    predicted = [P_one, C, C + P, P, C + P]
    f = ends["all three"]
    variances = [
        *(ends[name].var(axis=0, ddof=1) for name in ("order alone", "noise alone", "all three")),
        *(seeds.half_squared_change(f, other) for other in replaced),
    ]
    ratios = [v / np.diag(P) for v, P in zip(variances, predicted, strict=True)]
    return [
        Check.close("start-forgotten", "regression: covariance left of the starts = predicted",
                    np.cov(ends["start alone"].T), shrink @ np.cov(starts.T) @ shrink, rtol=1e-6,
                    reason="of 1e-7 of a weight its roundings of 1e-16 are 1e-9"),
        Check.within("regression-variances", "regression: variances ÷ predicted = 1", ratios,
                     np.ones(np.shape(ratios)), np.sqrt(2 / fits),
                     reason="a variance from s nearly normal draws has the relative standard error"
                            " √(2/s): 5 of them"),
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
    return [
        Check.at_most("sum-of-three", "variance of all three ÷ sum of the three's ≤ 1, but for"
                      " chance", seeds.variance_ratio(costs, replaced),
                      1 + 4 * ratio_error(costs, replaced),
                      reason="Efron and Stein; 4 standard errors"),
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


def check_rates(options, one, other, gap, deviations, needed, intervals):
    rng = np.random.default_rng(options.seed)
    change = other - one
    s = np.sqrt((one.var() + other.var()) / 2)

    def groups(values, n):
        return rng.choice(values, (GROUPS, n))

    def fraction(interval, value):
        return np.mean((interval[0] <= value) & (value <= interval[1]))

    n = needed[0]
    errors = np.array([groups(one, k).mean(axis=1).std() for k in MEANS])
    # A deviation from so many draws has the relative error √((kurtosis − 1) / draws) / 2.
    sigma = np.sqrt((np.maximum(3, stats.kurtosis(one, fisher=False)) - 1) / GROUPS) / 2
    covers = fraction(seeds.t_interval(groups(other, 5), groups(one, 5)), change.mean())
    told = 1 - fraction(seeds.t_interval(groups(other, n), groups(one, n)), 0)
    predicted = np.array([0.95, power(n, change.mean() / s, 2)])
    allowed = 4 * np.sqrt(predicted * (1 - predicted) / GROUPS) + NOT_NORMAL
    chance = "4 binomial standard errors, and 0.02 since costs are not quite normal"
    fewest = [fewest_seeds(change.mean() / s, 2), fewest_seeds(change.mean() / change.std(), 1)]
    return [
        Check.close("gap", "mean difference, its deviation with other seeds, with the same = NumPy",
                    [gap, *deviations],
                    [other.mean() - one.mean(), np.hypot(one.std(), other.std()), change.std()],
                    atol=NUMPY),
        Check.within("mean-spread", "spread of means of 1, 4, 16 seeds ÷ (s / √n) = 1",
                     errors / (one.std() / np.sqrt(MEANS)), np.ones(len(MEANS)), sigma),
        Check.close("intervals-scipy", "95 % intervals = SciPy's", intervals,
                    [stats.ttest_ind(other, one).confidence_interval(),
                     stats.ttest_rel(other, one).confidence_interval()], atol=NUMPY),
        Check.close("seeds-needed", "seeds needed: other seeds, the same seeds", needed, fewest,
                    reason="whole numbers"),
        Check.close("intervals-cover", "fraction of intervals of 5 seeds that cover = 95 %",
                    covers, predicted[0], atol=allowed[0], reason=chance),
        Check.close("seeds-enough", "with the seeds needed, fraction of trials that tell ="
                    " predicted", told, predicted[1], atol=allowed[1], reason=chance),
    ]  # fmt: skip


def check_best(validation, test, winners, lead):
    slope = stats.linregress(validation, test).slope
    picked = validation[winners].mean() - validation.mean()
    # How far a weighted mean of the points may be from the regression line.
    weight = np.bincount(winners, minlength=len(test)) / len(winners)
    sigma = np.std(test - slope * validation) * np.sqrt(np.sum(weight**2))
    return [
        Check.within("lead-on-test", "lead left on test = the regression line's", lead[1],
                     slope * picked, sigma, 4),
    ]  # fmt: skip
