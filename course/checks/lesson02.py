"""Why lesson 2's numbers must be what they are.

On a parabola each step multiplies the distance to the minimum w* by 1 − ηλ, so the whole path is
known before it is run: w_t = w* + (1 − ηλ)^t (w₀ − w*). At f times the limit 2/λ the factor is
1 − 2f: −0.9 at 0.95 of it, −1.1 at 1.05.

The double well's slope is a polynomial, and its roots are the minima and the ridge between them.
Noisy descent with small steps follows Langevin's equation, whose stationary density is the
Boltzmann distribution: in proportion to exp(−J(w)/T), whatever the start. The number of runs in
the lower well is then binomial.
"""

import numpy as np
from numpy.polynomial import Polynomial
from scipy import stats

from course.checks import Check, by_section
from course.checks.constants import ABOVE_0, ANYTHING, NUMBER, whole
from course.checks.references import central_difference
from course.checks.tolerance import NUMPY
from course.lesson02 import LEARNING_RATE, NEW_X, START, TEMPERATURE, TILT, TRIED_EPOCHS, cost

CONSTANTS = {  # what the page's constants may be
    "START": NUMBER,
    "LEARNING_RATE": ABOVE_0,
    "EPOCHS": whole(1),
    "NEW_X": NUMBER,
    "FACTORS": ANYTHING,
    "TRIED_EPOCHS": whole(1),
    "TILT": NUMBER,
    "WELL_START": NUMBER,
    "WELL_RATE": ABOVE_0,
    "WELL_STEPS": whole(1),
    "RESTARTS": whole(1),
    "TEMPERATURE": NUMBER,
    "NOISY_STEPS": whole(1),
    "NOISY_RUNS": whole(1),
    "QUICK_NOISY_RUNS": whole(1),
}


def checks(measured, options):
    """All checks of the lesson on what `lesson02.run` measured."""
    sections = {"descent": check_descent, "limit": check_limit, "double_well": check_double_well}
    return by_section(sections, measured, options)


def closed_form(x, y, epochs):
    """w at every epoch."""
    w = np.dot(x, y) / np.dot(x, x)
    factor = 1 - LEARNING_RATE * 2 / len(x) * np.dot(x, x)
    return w + factor ** np.arange(epochs + 1) * (START - w)


def check_descent(options, x, y, path, in_keras, prediction, places, slopes):
    predicted = closed_form(x, y, len(path) - 1)
    numeric = [central_difference(lambda v: cost(v, x, y), w) for w in places]
    return [
        Check.close("slope-numeric", "slope by formula = by differences", slopes, numeric,
                    atol=2e-9, reason="a cost of 42 has roundings of 7e-15, divided by 2e-5"),
        Check.close("path", "w at every epoch = closed form", path, predicted, rtol=NUMPY / 2),
        Check.keras("path-keras", "w at every epoch, Keras = NumPy", in_keras, path, options.dtype,
                    own_loss=True),
        Check.keras("prediction-keras", "prediction in Keras = closed form", prediction,
                    NEW_X * predicted[-1], options.dtype, own_loss=True),
    ]  # fmt: skip


def check_limit(options, x, largest, factors, distances):
    at = np.array([np.argmin(np.abs(factors - factor)) for factor in (0.95, 1.05)])
    below, above = distances[at]
    return [
        Check.close("limit", "largest learning rate found = 2/λ", largest, len(x) / np.dot(x, x),
                    atol=1e-9, reason="40 halvings leave 1e-12; near the limit roundings decide"),
        Check.true("around-limit", "converges at 0.95 of it and diverges at 1.05",
                   np.array([below < 1, above > 1])),
        Check.close("distances", "distance after 100 epochs ÷ 0.9¹⁰⁰ and ÷ 1.1¹⁰⁰",
                    distances[at] / np.abs(1 - 2 * factors[at]) ** TRIED_EPOCHS, [1, 1], atol=1e-9,
                    reason="w has roundings of 2e-16, and at 0.95 a distance of 3e-5 remains"),
    ]  # fmt: skip


def check_double_well(options, path, compiled, best, noisy, cooled, escaped):
    J = Polynomial([-1, 0, 1]) ** 2 + Polynomial([0, TILT])
    low, ridge, high = np.sort(J.deriv().roots().real)
    w = np.linspace(-4, 4, 4001)
    density = np.exp(-J(w) / TEMPERATURE)
    expected = density[w < ridge].sum() / density.sum()
    in_minimum = "1000 steps leave nothing of the distance; the roots are good to 1e-9"
    return [
        Check.close("stuck", "plain descent ends in the higher minimum", path[-1], high, atol=1e-9,
                    reason=in_minimum),
        Check.close("compiled", "descent compiled on the backend = NumPy", compiled, path,
                    atol=NUMPY),
        Check.close("restart", "the best restart ends in the lower minimum", best, low, atol=1e-9,
                    reason=in_minimum),
        Check.within("noise", "fraction of noisy runs in the lower well = exp(−J/T)'s", escaped,
                     expected, stats.binom.std(len(noisy), expected) / len(noisy), n=4),
        # J is 61 at w = ±3, and exp(−61/T) is 0 for any number of runs.
        Check.at_most("noise-range", "noisy runs stay where exp(−J/T) is not 0", np.abs(noisy), 3),
        Check.close("cooled", "without noise again, the lowest runs end in the lower minimum",
                    cooled.min(), low, atol=1e-9, reason=in_minimum),
    ]  # fmt: skip
