"""Why lesson 2's numbers must be what they are.

On a parabola each step multiplies the distance to the minimum w* by 1 − ηλ, so the whole path is
known before it is run: w_t = w* + (1 − ηλ)^t (w₀ − w*). It diverges where |1 − ηλ| > 1. At f times
the limit 2/λ the factor is 1 − 2f: −0.9 at 0.95 of it, −1.1 at 1.05. A step's rounding is
multiplied by the later steps' factors as well (`drift`).

The double well's slope is a polynomial, and its roots are the minima and the ridge between them.
From w₀ a step multiplies the distance to the minimum m by 1 − 4η (w − r)(w − r′), with the other
two roots r, r′; where that is below 1 all the way, descent ends in m (`descends_to`).

Noisy descent with small steps follows Langevin's equation, whose stationary density is the
Boltzmann distribution: in proportion to exp(−J(w)/T), whatever the start. With any steps it is a
Markov chain, and w's density after each is known from the one before (`NoisyDescent`). The number
of runs in the lower well is then binomial.
"""

import functools

import numpy as np
from numpy.polynomial import Polynomial
from scipy import stats

from course import lesson02 as lesson
from course.checks import Check, by_section, tolerance
from course.checks.constants import ABOVE_0, NUMBER, between, several, whole
from course.checks.models import unlike_linear
from course.checks.references import central_difference
from course.lesson02 import (
    LEARNING_RATE,
    NEW_X,
    NOISY_STEPS,
    START,
    TEMPERATURE,
    TILT,
    TRIED_EPOCHS,
    WELL_RATE,
    WELL_START,
    WELL_STEPS,
    cost,
)

CONSTANTS = {  # what the page's constants may be
    "START": NUMBER,
    "LEARNING_RATE": ABOVE_0,
    "EPOCHS": whole(1),
    "NEW_X": NUMBER,
    "FACTORS": several(ABOVE_0),
    "TRIED_EPOCHS": whole(1),
    "TILT": between(-1.5, 1.5, "a number above -1.5 and below 1.5, for two minima"),
    "WELL_START": NUMBER,
    "WELL_RATE": ABOVE_0,
    "WELL_STEPS": whole(1),
    "RESTARTS": whole(1),
    "TEMPERATURE": ABOVE_0,
    "NOISY_STEPS": whole(1),
    "NOISY_RUNS": whole(1),
    "QUICK_NOISY_RUNS": whole(1),
}
EPS = np.finfo("float64").eps
J = Polynomial([-1, 0, 1]) ** 2 + Polynomial([0, TILT])  # the double well
LEFT, RIDGE, RIGHT = np.sort(J.deriv().roots().real)


def checks(measured, options):
    """All checks of the lesson on what `lesson02.run` measured."""
    sections = {"descent": check_descent, "limit": check_limit, "double_well": check_double_well}
    return by_section(sections, measured, options)


@functools.cache
def other_model():
    """What in the page's model is not as the proof takes it to be: "not for Adam", or ""."""
    return unlike_linear(lesson.build_model(), bias=False)


def drift(factors, rounding):
    """How far roundings can carry a descent, after each step.

    A step multiplies the error that is there by its factor, and adds a rounding of its own.

    >>> drift([0.5, 0.5], [1.0, 1.0]).tolist()
    [0.0, 1.0, 1.5]
    """
    errors = [np.zeros(np.shape(rounding[0]))]
    for factor, new in zip(factors, rounding):
        errors.append(np.abs(factor) * errors[-1] + new)
    return np.array(errors)


# The parabola --------------------------------------------------------------------------------
def closed_form(x, y, rate, start, epochs):
    """w at every epoch, ηλ, and how large w and the terms of the slope are, divided by λ."""
    w = np.dot(x, y) / np.dot(x, x)
    step = rate * 2 / len(x) * np.dot(x, x)
    with np.errstate(over="ignore", invalid="ignore"):  # a rate above the limit ends at infinity
        distance = (1 - step) ** np.arange(epochs + 1) * (start - w)
        predicted = w + (distance if start != w else np.zeros(epochs + 1))
        return predicted, step, np.abs(predicted) + np.sum(np.abs(x * y)) / np.dot(x, x)


def until_overflow(sizes, dtype):
    """How many epochs have numbers that the dtype can hold, with room for a step's products."""
    return np.count_nonzero(sizes < 1e-6 * np.finfo(dtype).max)


def check_descent(options, x, y, path, in_keras, prediction, places, slopes):
    epochs = len(path) - 1
    predicted, step, sizes = closed_form(x, y, LEARNING_RATE, START, epochs)
    with np.errstate(over="ignore", invalid="ignore"):
        own = EPS * np.abs(predicted) + 2 * (len(x) + 4) * EPS * step * sizes
        allowed = drift(np.full(epochs, 1 - step), own)
        # Keras: a weight's rounding in its dtype, and those of a slope with a loss of Keras's own.
        dtype = "float64" if tolerance.keras(options.dtype, True)[0] < 1e-9 else "float32"
        slope_eps = max(np.finfo(dtype).eps, 2 * (len(x) + 4) * EPS)
        theirs = np.finfo(options.dtype).eps * np.abs(predicted) + slope_eps * step * sizes
        keras_allowed = allowed + drift(np.full(epochs, 1 - step), theirs)
        relative = keras_allowed / np.maximum(1, np.abs(predicted))
    safe, keras_safe = (until_overflow(sizes, each) for each in ("float64", dtype))
    agreement = max(np.max(relative[:keras_safe]), 1e-9)
    h = np.max(np.abs(places))
    numeric = [central_difference(lambda v: cost(v, x, y), w, h) for w in places]
    roundings = EPS * len(x) / h * np.mean((2 * h * np.abs(x) + np.abs(y)) ** 2)
    each = "w at every epoch" if safe == epochs + 1 else "w until it overflows"
    each_keras = "w at every epoch" if keras_safe == epochs + 1 else "w until it overflows"
    why = "roundings of w and of its slope, multiplied by 1 − ηλ at each step"
    found = [
        Check.close("slope-numeric", "slope by formula = by differences", slopes, numeric,
                    atol=roundings, reason="exact on a parabola, but for the cost's roundings"),
        Check.close("path", f"{each} = closed form", path[:safe], predicted[:safe],
                    atol=allowed[:safe] + 2 * EPS * sizes[0],  # the closed form's own rounding
                    reason=why),
        check_rate(x, y, predicted, step, path, safe, allowed),
        Check.close("path-keras", f"{each_keras}, Keras = NumPy", in_keras[:keras_safe],
                    path[:keras_safe], atol=keras_allowed[:keras_safe], reason=why,
                    agreement=agreement).unless(other_model()),
    ]  # fmt: skip
    if keras_safe == epochs + 1:
        rounded = np.finfo(dtype).eps * np.abs(predicted[-1]) + 2 * EPS * sizes[0]
        found.append(
            Check.close("prediction-keras", "prediction in Keras = closed form", prediction,
                        NEW_X * predicted[-1], atol=np.abs(NEW_X) * (keras_allowed[-1] + rounded),
                        reason=why, agreement=max(agreement, 2 * np.finfo(dtype).eps))
            .unless(other_model())
        )  # fmt: skip
    return found


def check_rate(x, y, predicted, step, path, safe, allowed):
    """What η and λ alone say of the distance to the minimum, held against its last finite value."""
    minimum = np.dot(x, y) / np.dot(x, x)
    first, end, last = np.abs([START, predicted[safe - 1], path[safe - 1]] - minimum)
    slack = allowed[safe - 1] + 4 * EPS * np.abs(minimum)
    about = f"2/λ = {2 * LEARNING_RATE / step:.3g}"
    reason = "|1 − ηλ| on one side of 1; the distance at the end beside that at the start"
    if abs(end - first) <= slack:
        name = f"{LEARNING_RATE:g} is " + (about if step > 1 else "next to 0")
        name = f"{START:g} is the minimum" if first <= slack else name
        return Check.close("converges", f"{name}: the distance stays", last, first, atol=2 * slack,
                           reason=reason)  # fmt: skip
    if step < 2:
        name = f"{LEARNING_RATE:g} is below {about}: converges"
        return Check.at_most("converges", name, last, first, reason=reason)
    name = f"{LEARNING_RATE:g} is above {about}: diverges"
    return Check.at_least("converges", name, last, first, reason=reason)


def check_limit(options, x, y, largest, factors, distances):
    minimum, terms = np.dot(x, y) / np.dot(x, x), np.sum(np.abs(x * y)) / np.dot(x, x)
    with np.errstate(over="ignore", invalid="ignore"):
        predicted = np.abs(1 - 2 * factors) ** np.arange(TRIED_EPOCHS + 1)[:, None]
        sizes = np.abs(minimum) + predicted
        roundings = EPS * sizes + 4 * (len(x) + 4) * EPS * factors * (sizes + terms)
        allowed = drift([1 - 2 * factors] * TRIED_EPOCHS, roundings[:-1])[-1]
    allowed, predicted = allowed + EPS * np.abs(minimum), predicted[-1]
    finite = ~(sizes[-1] > 1e-6 * np.finfo("float64").max)  # and a NaN, for it to be seen
    told = np.abs(predicted - 1) > allowed  # no rounding decides on which side of 1 it is
    below, above = (factors < 1) & told, (factors > 1) & told
    sides = ["converges below the limit"] * any(below) + ["diverges above"] * any(above)
    found = [
        Check.close("limit", "largest learning rate found = 2/λ", largest, len(x) / np.dot(x, x),
                    rtol=2e-12 + (len(x) + 4) * EPS * (1 + np.abs(minimum) + terms),
                    reason="halved down to 1e-12; then roundings decide"),
    ]  # fmt: skip
    if sides:
        as_told = np.concatenate([distances[below] < 1, ~(distances[above] < 1)])
        found.append(Check.true("around-limit", ", ".join(sides), as_told))
    if any(finite):
        name = f"distance after {TRIED_EPOCHS} epochs = |1 − 2f|^t"
        why = "f: the fraction of 2/λ; roundings of w, multiplied by 1 − 2f at each step"
        found.append(Check.close("distances", name, distances[finite], predicted[finite],
                                 atol=allowed[finite], reason=why))  # fmt: skip
    return found


# The double well -----------------------------------------------------------------------------
def descends_to(starts):
    """The minimum in whose well each start lies, and the distance that may be left of the way.

    The second is NaN where steps may be too long for descent to end in that minimum.
    """
    minimum = np.where(starts < RIDGE, LEFT, RIGHT)
    other = LEFT + RIGHT - minimum

    def factor(w):  # of a step from w
        return 1 - WELL_RATE * 4 * (w - RIDGE) * (w - other)

    # It is monotonic within the well. Where it is negative, w changes sides.
    mirrored = 2 * minimum - starts
    ends = np.abs([factor(starts), factor(minimum)])
    over = np.minimum(factor(starts), factor(minimum)) < 0
    within = (mirrored < RIDGE) == (starts < RIDGE)
    worst = np.where(over, np.maximum(np.max(ends, axis=0), np.abs(factor(mirrored))),
                     np.max(ends, axis=0))  # fmt: skip
    sure = (worst < 1) & (within | ~over)
    curved = J.deriv(2)(minimum)
    left = np.abs(starts - minimum) * np.where(sure, worst, np.nan) ** WELL_STEPS
    return minimum, left + 8 * EPS * (1 + 1 / (min(WELL_RATE, 1) * curved))


def which(minimum):
    """The higher or the lower one; with no tilt neither."""
    above = J(minimum) - J(LEFT + RIGHT - minimum)
    return "a" if abs(above) < 8 * EPS else "the higher" if above > 0 else "the lower"


class NoisyDescent:
    """w's density after NOISY_STEPS noisy steps from one place, on a grid.

    From w a step leads to N(w − ηJ′(w), 2ηT). What leaves the grid is lost: it diverges.

    Attributes:
        lower: the probability to be in the lower well.
        diverged: the probability to have left the grid, |w| ≤ `edge`.
        reach: the least |w| that is passed with a probability of 1e-9 at most.
    """

    MAX_POINTS = 1500

    def __init__(self, start):
        # Steps as short as these may be taken together, for the same time ηt.
        steps = int(np.ceil(NOISY_STEPS / max(1, int(2e-3 / WELL_RATE))))
        rate = WELL_RATE * NOISY_STEPS / steps
        sigma = np.sqrt(2 * rate * TEMPERATURE)
        # Where J is 50 T above its minimum nothing arrives; beyond √(1 + 1/2η) steps grow.
        high = np.abs((J - min(J(LEFT), J(RIGHT)) - 50 * TEMPERATURE).roots()).max()
        self.edge = min(max(high, abs(start)) + 6 * sigma, 1.5 * np.sqrt(1 + 1 / (2 * rate)))
        grid, spacing = np.linspace(-self.edge, self.edge, int(4 * self.edge / sigma) + 3,
                                    retstep=True)  # fmt: skip
        self.known = len(grid) <= self.MAX_POINTS
        if not self.known:
            return
        slope = J.deriv()
        chain = stats.norm.pdf(grid, (grid - rate * slope(grid))[:, None], sigma) * spacing
        density = stats.norm.pdf(grid, start - rate * slope(start), sigma) * spacing
        for _ in range(steps - 1):
            density = density @ chain
        below = np.clip((RIDGE - grid) / spacing + 0.5, 0, 1) @ density
        self.lower = below if TILT >= 0 else density.sum() - below
        self.diverged = max(1 - density.sum(), 0)
        outside = np.array([density[np.abs(grid) >= w].sum() for w in np.abs(grid)])
        self.reach = np.abs(grid)[outside < 1e-9].min(initial=self.edge) + spacing


@functools.cache
def noisy_descent(start):
    """`NoisyDescent`, or None where the grid would be too fine, or the start is lost already."""
    found = NoisyDescent(start) if np.abs(start) < 1e3 else None
    return found if found and found.known else None


def check_double_well(options, path, compiled, starts, best, noisy, cooled, escaped):
    minimum, left = descends_to(WELL_START)
    why = "the roots are good to 1e-15; and what may be left of the distance"
    # Both are descent; one step's rounding is multiplied by the later steps' 1 − ηJ″(w).
    w = path[: np.count_nonzero(np.abs(path) < 1e90)]  # w³ must not overflow
    roundings = 4 * EPS * (np.abs(w) + WELL_RATE * (4 * np.abs(w) ** 3 + 4 * np.abs(w) + 1.5))
    allowed = drift(1 - WELL_RATE * J.deriv(2)(w[:-1]), roundings[:-1]) + 2 * EPS * np.abs(w)
    told = np.argmax(np.append(allowed > 1e-3, True))
    found = [
        Check.close("compiled", "descent compiled on the backend = NumPy", compiled[:told],
                    path[:told], atol=allowed[:told],
                    reason="roundings, multiplied by 1 − ηJ″(w) at each step"),
    ]  # fmt: skip
    if left < 0.1:
        found.insert(0, Check.close("stuck", f"plain descent ends in {which(minimum)} minimum",
                                    path[-1], minimum, atol=left, reason=why))  # fmt: skip
    return found + check_restarts(starts, best) + check_noise(path[-1], noisy, cooled, escaped)


def check_restarts(starts, best):
    minima, left = descends_to(starts)
    costs = J(minima) + np.where(np.isnan(starts), np.nan, 0)
    lowest = np.min(costs)
    found = (costs < lowest + 8 * EPS) & (left < 0.1)
    if lowest > min(J(LEFT), J(RIGHT)) + 8 * EPS:
        found &= np.all(left < 0.1)
    if not (np.any(found) or np.isnan(lowest)):
        return []
    # The best one has the lowest cost, and may be as far on either side.
    nearest = minima[np.argmin(np.where(found, np.abs(minima - best), np.inf))]
    return [Check.close("restart", f"the best restart ends in {which(nearest)} minimum", best,
                        nearest + 0 * lowest, atol=2 * np.min(left, where=found, initial=1),
                        reason="the roots are good to 1e-15; and what may be left")]  # fmt: skip


def chance(probability, runs):
    """How far a fraction of so many runs lies from its probability, but for 1 in 10,000 seeds."""
    probability = np.clip(probability, 1e-12, 1 - 1e-12)
    ends = np.array(stats.binom.interval(0.9999, runs, probability)) / runs
    return np.max(np.abs(ends - probability))


def check_noise(start, noisy, cooled, escaped):
    chain, runs, found = noisy_descent(float(start)), len(noisy), []
    if chain:
        w = np.linspace(-chain.edge, chain.edge, 4001)
        density = np.exp((min(J(LEFT), J(RIGHT)) - J(w)) / TEMPERATURE)
        stationary = density[(w < RIDGE) == (TILT >= 0)].sum() / density.sum()
        off = abs(stationary - chain.lower)
        settled = off < 0.01
        found.append(
            Check.close(
                "noise",
                "runs in the lower well: "
                + ("exp(−J/T)'s fraction" if settled else "a Markov chain's"),
                escaped,
                stationary if settled else chain.lower,
                # Of those that diverge a few are still on their way, on either side.
                atol=chance(chain.lower, runs) + settled * off + 10 * chain.diverged / NOISY_STEPS,
                reason="chance, but for 1 in 10,000 seeds, and what steps so long add to exp(−J/T)",
            )
        )
        if chain.diverged * runs < 1e-6:
            found.append(
                Check.at_most(
                    "noise-range",
                    "noisy runs stay where exp(−J/T) is not 0",
                    np.abs(noisy),
                    chain.reach,
                    reason="beyond, the Markov chain's probability is 1e-9",
                )
            )
        else:
            found.append(
                Check.close(
                    "noise-range",
                    "noisy runs that diverge: a Markov chain's",
                    np.mean(~(np.abs(noisy) <= chain.edge)),
                    chain.diverged,
                    atol=chance(chain.diverged, runs),
                    reason="chance, but for 1 in 10,000 seeds",
                )
            )
    there = np.abs(noisy) < 1e3
    minima, left = descends_to(noisy[there])
    if np.any(left < 0.1):
        found.append(
            Check.close(
                "cooled",
                "without noise, each run ends in its minimum",
                cooled[there][left < 0.1],
                minima[left < 0.1],
                atol=left[left < 0.1],
                reason="the roots are good to 1e-15; and what may be left of the distance",
            )
        )
    return found
