"""Why lesson 3's numbers must be what they are.

Along an eigenvector of the Hessian H, of eigenvalue λ, each step multiplies the distance to the
minimum by 1 − ηλ. So the whole path is known before it is run (`references.quadratic_descent`):
where it converges, what is left of the distance after few steps, and how fast it grows where
η > 2/λmax. Roundings are led on in the same way (`magnified`).

An update on rows drawn at random is a random matrix on z = (w, b, 1), so that mean and spread of θ
after any number of mini-batches follow (`mini_batches`).
"""

import functools
import itertools

import numpy as np

from course import lesson03 as lesson
from course.checks import Check, by_section, references, tolerance
from course.checks.constants import ABOVE_0, between, whole
from course.checks.models import unlike_linear
from course.checks.tolerance import NUMPY
from course.lesson03 import BATCH_EPOCHS, BATCH_RATE, BATCH_SIZE, LEARNING_RATE, cost

CONSTANTS = {  # what the page's constants may be
    "LEARNING_RATE": ABOVE_0,
    "STEPS": whole(1),
    "QUICK_STEPS": whole(1),
    "BATCH_SIZE": whole(1),
    "BATCH_RATE": ABOVE_0,
    "BATCH_EPOCHS": whole(1),
    "MAX_CONDITION": between(1, np.inf, "a number above 1"),
}

# What a step rounds, as fractions of the weights and of the gradient: nine roundings of 1.1e-16;
# where Keras computes in single precision 6e-8, as roundings up and down nearly cancel.
DOUBLE, SINGLE = 1e-15, 6e-8
MAX_SINGLE = 1e30  # larger numbers overflow there: the largest is 3e38


def checks(measured, options):
    """All checks of the lesson on what `lesson03.run` measured."""
    sections = {
        "line": check_line, "limit": check_limit, "scaling": check_scaling,
        "batches": check_batches, "autodiff": check_autodiff, "table": check_table,
    }  # fmt: skip
    return by_section(sections, measured, options)


@functools.cache
def not_for():
    """In what the page's model is not the one that the predictions are for: "not for Adam"."""
    return unlike_linear(lesson.build_model(), loss="mse", start=0)


def as_in_numpy(id, name, in_keras, by_hand, **how):
    """Keras = NumPy; with another model, which may have other weights, nothing is compared."""
    if not_for():
        return Check.true(id, name, False).unless(not_for())
    return Check.close(id, name, in_keras, by_hand, **how)


def roundings_of_keras(dtype):
    """What Keras rounds in a step: fractions of the weights and of the gradient."""
    if dtype == "float32":
        return SINGLE, SINGLE
    return DOUBLE, SINGLE if tolerance.keras(dtype, own_loss=True)[0] > NUMPY else DOUBLE


def magnified(X, y, learning_rate, path, of_weights=DOUBLE, of_gradient=DOUBLE, factor=None):
    """How far roundings lead, at most, at each step of a path: shape (steps + 1, 1).

    Each step rounds the weights and the Aθ − y that its gradient is made of, and multiplies
    what earlier roundings have done by at most max |1 − ηλ|.

    Args:
        of_weights, of_gradient: what a step rounds, as fractions of them.
        factor: the contraction factor; None: max |1 − ηλ|.
    """
    eigenvalues = references.curvature(X)[0]
    steep = np.sqrt(eigenvalues[-1] / 2)  # ‖Aθ‖/√n ≤ steep ‖θ‖, and ‖∇J‖ ≤ 2 steep ‖Aθ − y‖/√n
    factor = np.abs(1 - learning_rate * eigenvalues).max() if factor is None else factor
    # The closed form goes by way of the minimum, however short the path is.
    size = np.linalg.norm(path, axis=1) + np.linalg.norm(references.least_squares(X, y))
    in_gradient = 2 * steep * (steep * size + np.sqrt(np.mean(y**2)))
    each = of_weights * size + of_gradient * learning_rate * in_gradient
    total = itertools.accumulate(each, lambda earlier, new: factor * earlier + new)
    return np.array(list(total))[:, None]


class Descent:
    """What is predicted of a descent from θ = 0 on all rows."""

    def __init__(self, X, y, learning_rate, steps):
        self.exact, distances = references.modes(X, y, learning_rate, steps)
        self.path = self.exact + distances
        self.distance = np.linalg.norm(distances, axis=1)
        self.rounding = magnified(X, y, learning_rate, self.path)
        self.steepest = references.curvature(X)[0][-1]
        self.limit = 2 / self.steepest
        self.diverges = learning_rate > self.limit and self.distance[-1] > self.distance[0]
        self.converges = self.distance[-1] <= 1e-6 * self.distance[0]
        # Where θ ends: at least squares, but for the rest of the distance; or on the way.
        self.target = self.exact if self.converges else self.path[-1]
        self.allowed = self.rounding[-1, 0] + self.converges * self.distance[-1]
        self.why = "roundings, and after few steps what remains of the distance"

    def at_end(self, id, theta, label="", rate=""):
        """The check that θ ends at least squares, or where else it is predicted to."""
        far = np.linalg.norm(theta - self.exact)
        if self.diverges:
            return Check.true(id, f"{label}{rate}above 2/λmax = {self.limit:.3g}: diverges",
                              far > self.distance[0])  # fmt: skip
        if self.converges:
            return Check.close(id, f"{label}w, b = least squares", theta, self.exact,
                               atol=self.allowed, reason=self.why)  # fmt: skip
        return Check.close(id, f"{label}distance to minimum = predicted", far, self.distance[-1],
                           atol=self.allowed, reason=self.why)  # fmt: skip


def check_line(options, X, y, learning_rate, by_hand, in_keras):
    steps = len(by_hand) - 1
    descent = Descent(X, y, learning_rate, steps)
    predicted, end = descent.path, descent.target
    J, J_predicted = cost(X, y, by_hand[-1]), cost(X, y, end)
    # J(θ + d) − J(θ) = ∇Jᵀd + ½ dᵀHd, and both Js have the roundings of their errors.
    far = 0 if descent.converges else descent.distance[-1]
    in_J = descent.steepest * descent.allowed * (far + descent.allowed)
    in_errors = DOUBLE * (np.abs(y).max() + np.sqrt(descent.steepest) * np.linalg.norm(end))
    in_J += 2 * np.sqrt(J_predicted) * in_errors + in_errors**2
    which = "the minimum's" if descent.converges else "closed form's"
    found = [
        Check.close("cost-at-end", f"cost after the last step = {which}", J, J_predicted,
                    atol=in_J, reason=descent.why),
    ]  # fmt: skip
    if descent.converges and X.shape[1] == 1:
        w, b = covariance_line(X[:, 0], y)
        found.append(Check.close("line-found", f"w, b = {w:.4g}, {b:.4g}", by_hand[-1], [w, b],
                                 atol=descent.allowed, reason=descent.why))  # fmt: skip
    # Keras in single precision overflows earlier.
    size = np.abs(predicted).max(axis=1) * max(1, np.abs(X).max())
    fits = slice(0, np.argmax(size > MAX_SINGLE) if size.max() > MAX_SINGLE else None)
    in_keras_too = descent.rounding + magnified(
        X, y, learning_rate, predicted, *roundings_of_keras(options.dtype)
    )
    when = "until they overflow" if fits.stop else "at every step"
    return [
        *found,
        descent.at_end("least-squares", by_hand[-1], rate=f"{learning_rate:.4g} is "),
        Check.close("path", "w, b at every step = closed form", by_hand, predicted,
                    atol=descent.rounding, reason="roundings, led on by each step"),
        as_in_numpy("path-keras", f"w, b {when}, Keras = NumPy", in_keras[: steps + 1][fits],
                    by_hand[fits], atol=in_keras_too[fits],
                    agreement=relative(in_keras_too[fits], by_hand[fits]),
                    reason=f"{tolerance.keras(options.dtype, True)[1]}; led on by each step"),
    ]  # fmt: skip


def relative(rounding, to):
    """The largest fraction that roundings are of the numbers of their step."""
    return max(1e-9, np.max(rounding / np.maximum(1, np.abs(to).max(axis=-1, keepdims=True))))


def covariance_line(x, y):
    """w = cov(x, y) / var(x), b = ȳ − w x̄."""
    w = np.cov(x, y)[0, 1] / np.var(x, ddof=1)
    return w, y.mean() - w * x.mean()


def check_limit(options, X, y, around):
    ends = [cost(X, y, path[-1]) for path in around]
    start = cost(X, y, np.zeros(X.shape[1] + 1))
    above = Descent(X, y, 1.05 * 2 / references.curvature(X)[0][-1], len(around[1]) - 1)
    return [
        Check.at_most("below-limit", "at 0.95 of 2/λmax the cost falls", ends[0], start),
        Check.at_least("above-limit", "at 1.05 of 2/λmax the cost grows", ends[1], start)
        .unless("" if above.diverges else "not: no such mode in y"),
    ]  # fmt: skip


def check_scaling(options, x, y, plain, scaled, w, b):
    z, (mean, deviation) = (x - x.mean()) / x.std(), (x.mean(), x.std())
    long, standardised = (
        Descent(values[:, None], y, LEARNING_RATE, len(path) - 1)
        for values, path in ((x, plain), (z, scaled))
    )
    (before, _), (after, _) = long.path[-2:]
    growth = abs(after / before)
    rounding = growth * np.sum(long.rounding[-2:, 0] / np.abs([before, after]))
    in_one_mode = LEARNING_RATE * long.steepest - 1
    formula = "ηλmax − 1" if abs(growth / in_one_mode - 1) < 1e-9 else "predicted"
    # In units of x: w is θ₀ / deviation, b is θ₁ − w · mean.
    in_units = standardised.target / [deviation, 1]
    in_units[1] -= in_units[0] * mean
    allowed = standardised.allowed * (1 + (1 + mean) / deviation)
    predicted = "least squares" if standardised.converges else "closed form"
    fitted = Check.close("scaled-least-squares", f"x standardised: w, b = {predicted}", [w, b],
                         in_units, atol=allowed, reason=standardised.why)  # fmt: skip
    if standardised.converges:
        fitted = Check.close(fitted.id, fitted.name, [w, b],
                             references.least_squares(x[:, None], y), atol=allowed + NUMPY * 10,
                             reason=standardised.why)  # fmt: skip
    if standardised.diverges:
        fitted = standardised.at_end(fitted.id, [w * deviation, b + w * mean], "x standardised: ")
    return [
        Check.close("growth", f"200 points: growth per step = {formula}",
                    abs(plain[-1, 0] / plain[-2, 0]), growth, atol=rounding,
                    reason="roundings, led on by each step"),
        Check.close("scaled-path", "x standardised: w, b, each step = closed form", scaled,
                    standardised.path, atol=standardised.rounding,
                    reason="roundings, led on by each step"),
        fitted,
    ]  # fmt: skip


def mini_batches(X, y, learning_rate, sizes):
    """Mean and standard deviation of θ after mini-batches of rows drawn at random, and ρ.

    With z = (w, b, 1), an update on row i is a matrix, z ← Tᵢ z, and `second_moments_step` leads
    E[z zᵀ] from one update to the next. Rows that are shuffled spread θ less.

    Args:
        sizes: {batch size: number of updates}, the first updates first.

    Returns:
        Two arrays of shape (p + 1,), and the contraction factor ρ of θ's spread.
    """
    A = np.column_stack([references.with_ones(X), -y])  # the errors are A z
    p = A.shape[1]
    T = np.eye(p) - learning_rate * np.einsum("ij,ik->ijk", A * np.append(np.ones(p - 1), 0), A)
    second, factors = np.outer(*[np.append(np.zeros(p - 1), 1)] * 2).ravel(), []
    of_theta = np.outer(*[np.arange(p) < p - 1] * 2).ravel()
    for size, updates in sizes.items():
        step = references.second_moments_step(T, size)
        with np.errstate(over="ignore", invalid="ignore"):  # far above the largest rate
            second = np.linalg.matrix_power(step, updates) @ second
        factors.append(np.abs(np.linalg.eigvals(step[np.ix_(of_theta, of_theta)])).max())
    second = second.reshape(p, p)
    mean = second[:-1, -1]
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.sqrt(np.maximum(np.diag(second)[:-1] - mean**2, 0))
    return mean, spread, np.sqrt(max(factors))


def check_batches(options, X, y, by_hand, in_keras):
    rows = BATCH_EPOCHS * len(y)
    sizes = {min(BATCH_SIZE, rows): rows // BATCH_SIZE or 1}
    if rows > BATCH_SIZE and rows % BATCH_SIZE:
        sizes[rows % BATCH_SIZE] = 1
    mean, spread, factor = mini_batches(X, y, BATCH_RATE, sizes)
    updates, exact = sum(sizes.values()), references.least_squares(X, y)
    path = np.broadcast_to(exact, (updates + 1, len(exact)))
    # The loss is half the squared error: half the rate. Far from it, errors are as large as y.
    rounding = sum(
        magnified(X, y, BATCH_RATE / 2, path, *each, factor=factor)[-1, 0]
        for each in ((DOUBLE, DOUBLE), roundings_of_keras(options.dtype))
    ) if factor < 1 else np.inf  # fmt: skip
    start = np.linalg.norm(exact)
    contraction = np.abs(1 - BATCH_RATE / 2 * references.curvature(X)[0]).max()
    with np.errstate(over="ignore"):
        far = start * contraction**updates  # on average
    settles = factor < 1 and np.linalg.norm(spread) < 0.1 * start
    too_large = "" if settles else "not at so large a BATCH_RATE"
    name, target, rest = "mini-batches end at least squares", exact, far
    if settles and far > 1e-3 * start:
        name, target, rest = "mini-batches end where few updates lead", mean, 0
    ends = Check.within("batches-least-squares", name, by_hand, target,
                        spread + rest + rounding).unless(too_large)  # fmt: skip
    if not far < 1e3 * start:  # or it has overflowed
        ends = Check.true(ends.id, "mini-batches: at this BATCH_RATE θ diverges",
                          np.linalg.norm(by_hand - exact) > start)  # fmt: skip
    return [
        as_in_numpy("batches-keras", "mini-batches: w1, w2, b, Keras = NumPy", in_keras, by_hand,
                    atol=rounding, agreement=max(1e-9, min(1, rounding / start)),
                    reason=f"{tolerance.keras(options.dtype, True)[1]}; led on by each update")
        .unless(not_for() or too_large),
        ends,
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
    Z, u = references.standardised(table.X), references.standardised(table.y)
    exact = references.least_squares(Z, u)
    y_hat, rounding = references.predictions_in_units(
        table, *table.in_units(by_hand[-1, :-1], by_hand[-1, -1])
    )
    eigenvalues = references.curvature(X)[0]
    factor = (eigenvalues[-1] - eigenvalues[0]) / (eigenvalues[-1] + eigenvalues[0])
    left = 1e-9 + 2 * np.sqrt(len(exact) - 1) * factor ** (len(by_hand) - 1)
    why = "what remains of the distance after so many steps"
    keras = tolerance.keras(options.dtype, own_loss=True)[0]
    keras *= np.sqrt(eigenvalues[-1] / eigenvalues[0])
    keras *= max(1, np.abs(by_hand).max())  # the errors of y are rounded too, whose size is 1
    return [
        Check.close("table-weights", "weights, standardised = least squares", by_hand[-1, :-1],
                    exact[:-1], atol=left * np.sqrt(eigenvalues[-1] / eigenvalues[0]), reason=why),
        Check.close("table-predictions", "predictions, standardised = least squares'", y_hat,
                    Z @ exact[:-1], atol=10 * left + rounding, reason=why),
        as_in_numpy("table-keras", "w, b at every step, Keras = NumPy",
                    in_keras[: len(by_hand)], by_hand, atol=keras, agreement=max(keras, 1e-9),
                    reason="roundings, magnified along the flattest direction"),
    ]  # fmt: skip
