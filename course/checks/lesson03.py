"""Why lesson 3's numbers must be what they are.

Along an eigenvector of the Hessian H, of eigenvalue λ, each step multiplies the distance to the
minimum by 1 − ηλ. So the whole path is known before it is run (`references.quadratic_descent`),
and so is the fraction of the distance that is left after few steps.
"""

import numpy as np

from course.checks import Check, by_section, references
from course.checks.constants import ABOVE_0, NUMBER, whole
from course.checks.tolerance import NUMPY
from course.data import TWO_FEATURES_NOISE
from course.lesson03 import BATCH_RATE, BATCH_SIZE, LEARNING_RATE, cost

CONSTANTS = {  # what the page's constants may be
    "LEARNING_RATE": ABOVE_0,
    "STEPS": whole(1),
    "QUICK_STEPS": whole(1),
    "BATCH_SIZE": whole(1),
    "BATCH_RATE": ABOVE_0,
    "BATCH_EPOCHS": whole(1),
    "MAX_CONDITION": NUMBER,
}


def checks(measured, options):
    """All checks of the lesson on what `lesson03.run` measured."""
    sections = {
        "line": check_line, "limit": check_limit, "scaling": check_scaling,
        "batches": check_batches, "autodiff": check_autodiff, "table": check_table,
    }  # fmt: skip
    return by_section(sections, measured, options)


def check_line(options, X, y, learning_rate, by_hand, in_keras):
    steps = len(by_hand) - 1
    predicted = references.quadratic_descent(X, y, learning_rate, steps)
    exact = references.least_squares(X, y)
    left = np.abs(predicted[-1] - exact).max()
    few = "roundings, and after few steps what is left of the distance"
    steepest = references.curvature(X)[0][-1]
    return [
        Check.close("cost-at-end", "cost after the last step = the minimum's",
                    cost(X, y, by_hand[-1]), cost(X, y, exact),
                    atol=1e-27 + steepest * left**2, reason=few),
        Check.close("line-found", "w, b = 2, 5", by_hand[-1], [2, 5], atol=1e-12 + left,
                    reason=few),
        Check.close("least-squares", "w, b = least squares", by_hand[-1], exact,
                    atol=1e-12 + left, reason=few),
        Check.close("path", "w, b at every step = closed form", by_hand, predicted, rtol=NUMPY),
        Check.keras("path-keras", "w, b at every step, Keras = NumPy", in_keras, by_hand,
                    options.dtype, own_loss=True),
    ]  # fmt: skip


def check_limit(options, X, y, around):
    ends = [cost(X, y, path[-1]) for path in around]
    start = cost(X, y, np.zeros(X.shape[1] + 1))
    return [
        Check.at_most("below-limit", "at 0.95 of 2/λmax the cost falls", ends[0], start),
        Check.at_least("above-limit", "at 1.05 of 2/λmax the cost grows", ends[1], start),
    ]


def check_scaling(options, x, y, plain, scaled, w, b):
    growth = np.linalg.norm(plain[-1]) / np.linalg.norm(plain[-2])
    steepest = references.curvature(x[:, None])[0][-1]
    z = (x - x.mean()) / x.std()
    return [
        Check.close("growth", "200 points: growth per step = ηλmax − 1", growth,
                    LEARNING_RATE * steepest - 1, rtol=1e-9,
                    reason="the flat direction, which does not grow, is 1e-10 of the steep one"),
        Check.close("scaled-path", "x standardised: w, b at every step = closed form", scaled,
                    references.quadratic_descent(z[:, None], y, LEARNING_RATE, len(scaled) - 1),
                    rtol=NUMPY),
        Check.close("scaled-least-squares", "x standardised: w, b = least squares", [w, b],
                    references.least_squares(x[:, None], y), atol=1e-10,
                    reason="x of up to 200 has roundings of 3e-14, and they add up"),
    ]  # fmt: skip


def check_batches(options, X, y, by_hand, in_keras):
    # The noise in a mini-batch keeps θ at about this distance from the minimum.
    sigma = TWO_FEATURES_NOISE * np.sqrt(BATCH_RATE / (2 * BATCH_SIZE))
    return [
        Check.keras("batches-keras", "mini-batches: w1, w2, b, Keras = NumPy", in_keras, by_hand,
                    options.dtype, own_loss=True),
        Check.within("batches-least-squares", "mini-batches end at least squares", by_hand,
                     references.least_squares(X, y), sigma),
    ]  # fmt: skip


def check_autodiff(options, X, y, thetas, by_hand, automatic):
    numeric = [references.central_difference(lambda t: cost(X, y, t), at) for at in thetas]
    return [
        Check.close("gradient-automatic", "gradient, automatic = by hand", automatic, by_hand,
                    rtol=NUMPY),
        Check.close("gradient-numeric", "gradient by hand = by differences", by_hand, numeric,
                    atol=1e-7, reason="a cost of 60 has roundings of 7e-15, divided by 2e-5"),
    ]  # fmt: skip


def check_table(options, table, X, y, learning_rate, by_hand, in_keras):
    exact = references.least_squares(table.X, table.y)
    w, b = table.in_units(by_hand[-1, :-1], by_hand[-1, -1])
    y_hat, y_exact = table.X @ w + b, table.X @ exact[:-1] + exact[-1]
    scaled, scaled_exact = ((v - table.y.mean()) / table.y.std() for v in (y_hat, y_exact))
    eigenvalues = references.curvature(X)[0]
    factor = (eigenvalues[-1] - eigenvalues[0]) / (eigenvalues[-1] + eigenvalues[0])
    left = 1e-9 + 2 * np.sqrt(len(w)) * factor ** (len(by_hand) - 1)
    why = "what is left of the distance after so many steps"
    return [
        Check.close("table-weights", "weights, standardised = least squares", by_hand[-1, :-1],
                    exact[:-1] * table.X.std(axis=0) / table.y.std(),
                    atol=left * np.sqrt(eigenvalues[-1] / eigenvalues[0]), reason=why),
        Check.close("table-predictions", "predictions, standardised = least squares'", scaled,
                    scaled_exact, atol=10 * left, reason=why),
        Check.keras("table-keras", "w, b at every step, Keras = NumPy", in_keras, by_hand,
                    options.dtype, own_loss=True, size=np.sqrt(eigenvalues[-1] / eigenvalues[0]),
                    reason="roundings, magnified along the flattest direction"),
    ]  # fmt: skip
