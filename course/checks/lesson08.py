"""Why lesson 8's numbers must be what they are.

Descent. J is quadratic: along an eigenvector of its second derivatives, of eigenvalue λ, each step
multiplies the distance to ridge by 1 − ηλ.

Shrinkage. Along a singular vector of centred X, of singular value d, ridge is d²/(d² + α) of least
squares.

Test error. A fit is linear in y: its predictions on new points are Hy. With y = f + noise of
deviation σ, the expected error on M new points is 1/M ‖Hf − f*‖² (bias²) + σ²/M ΣΣ H² (variance)
+ σ², where f* is f on the new points.

Penalties. For a penalty α on w, n rows and k targets, scikit-learn minimises ‖E‖² + α‖w‖² (Ridge)
or 1/(2n) ‖E‖² + α‖w‖₁ (Lasso), Keras 1/(nk) ‖E‖² + penalty. At scikit-learn's solution Keras's
gradient must be 0, and at w = 0, where |w| has a kink, from 0 to 2 l1 just above the kink: it is
smaller by 2 l1 just below.

Weight decay. Momentum μ magnifies gradients by 1/(1 − μ), that of the penalty as well, and the
decay not: so weight decay ends at the ridge of (1 − μ)α. Adam divides the gradient by its own size:
with the penalty it still ends at ridge. AdamW's step is of size η however small the gradient is,
and its decay η · weight_decay · |w|: while every |w| stays below 1/weight_decay, the decay only
slows it, and it comes close to least squares.

Too few steps, or too large a learning rate. All the linear descents are known in closed form, so
where the numbers are after any step is predicted: near the minimum, on the way to it, or growing.
A path that diverges is compared up to 1e30, relative to the largest number so far.

The lesson's constants are numbers that float32 holds exactly where TensorFlow rounds to it.
"""

import numpy as np
from keras.optimizers import SGD

from course.checks import Check, by_section, references, tolerance
from course.checks.constants import (
    ABOVE_0,
    ANYTHING,
    BELOW_1,
    FROM_0,
    Kind,
    is_number,
    several,
    whole,
)
from course.checks.models import unlike_linear
from course.checks.tolerance import NUMPY
from course.lesson08 import (
    ADAM,
    ALPHA,
    DECAY,
    L1_RATIO,
    LEARNING_RATE,
    MOMENTUM,
    NOISE,
    RIDGE_ALPHAS,
    STEPS,
    build_model,
    descend,
)


def is_adam(value):
    """Whether Adam and the proof's own `adam` both take these numbers."""
    known = {"learning_rate": ABOVE_0, "beta_1": BELOW_1, "beta_2": BELOW_1, "epsilon": ABOVE_0}
    return isinstance(value, dict) and all(
        name in known and known[name].allows(number) for name, number in value.items()
    )


CONSTANTS = {  # what the page's constants may be
    "DECAY": FROM_0,
    "RATIOS": several(ABOVE_0),
    "LEARNING_RATE": ABOVE_0,
    "MOMENTUM": BELOW_1,
    "STEPS": whole(1),
    "QUICK_STEPS": whole(1),
    "POINTS": whole(2),
    "DEGREE": whole(1),
    "NOISE": FROM_0,
    "RIDGE_ALPHAS": several(FROM_0),
    "DRAWS": whole(1),
    "QUICK_DRAWS": whole(1),
    "ADAM_STEPS": whole(1),
    "ADAM": Kind("a dict of learning_rate and epsilon above 0, beta_1 and beta_2 from 0 to below 1",
                 is_adam),
    "ALPHA": ABOVE_0,
    "L1_RATIO": Kind("a number above 0 and at most 1", lambda v: is_number(v) and 0 < v <= 1),
    "PENALTIES": ANYTHING,
}  # fmt: skip
LARGE = 1e30  # a diverging path is compared up to here: float32 ends at 3e38
EPS = np.finfo("float64").eps
ROUNDINGS = 50  # of the singular values of a p×p matrix, and of what follows from them


def checks(measured, options):
    """All checks of the lesson on what `lesson08.run` measured."""
    sections = {
        "descent": check_descent, "shrinkage": check_shrinkage, "polynomial": check_polynomial,
        "penalties": check_penalties, "decay": check_decay, "table": check_table,
    }  # fmt: skip
    return by_section(sections, measured, options)


def cost(X, y, theta, alpha):
    """J(w, b), as in the lesson's first formula."""
    error = X @ theta[:-1] + theta[-1] - y
    return (np.sum(error**2) + alpha * np.sum(theta[:-1] ** 2)) / (2 * len(y))


def roundings(path, y, M, allowed):
    """How many times a tolerance of `course.checks.tolerance` each step is allowed, (t, 1).

    A step adds roundings of the largest number so far, be it a weight or a prediction of y's
    size, and multiplies those before it by the descent's matrix M. So after t steps there are
    1 + ‖M‖ + … + ‖M^(t−1)‖ steps' roundings; the table's tolerance is that of 60 (4e-6 / 6e-8).
    Where the path diverges, each step's factor is off by six roundings at most (of X twice, w, the
    errors and two products), 6e-8 each in float32, and they add up.

    Args:
        M: I − η(H + penalty), shape (k, k), k = p + 1; with momentum of (θ, v), k = 2(p + 1).
        allowed: the tolerance.
    """
    t = np.arange(len(path))
    if np.abs(np.linalg.eigvals(M)).max() > 1:
        steps = 6 * t * (6e-8 if allowed > 1e-7 else EPS) / allowed
    else:
        steps = np.concatenate([[0], np.cumsum(impulses(M, path.shape[1], len(path) - 1))]) / 60
    return sizes(path, y) * (1 + steps[:, None])


def sizes(path, y):
    """The largest number so far at each step of a path, or y's size, (t, 1)."""
    largest = np.maximum.accumulate(np.abs(path).max(axis=1)).clip(max=1e100)
    return np.maximum(largest, np.sqrt(np.mean(y**2)))[:, None]


def impulses(M, k, steps):
    """How much of a rounding of θ (and of v) is left in the k numbers of θ after 0, 1, … steps."""
    left, norms = np.tile(np.eye(k), (len(M) // k, 1)), []
    for _ in range(steps):
        norms.append(np.linalg.norm(left[:k]))
        left = M @ left
    return norms


def same_path(id, name, measured, reference, allowed, times, reason="", not_for=""):
    """The check that two paths are equal at every step, until the reference is above LARGE.

    Args:
        allowed, times: step t may differ by allowed · times[t].
        not_for: then the paths may have different shapes.
    """
    if not_for:
        measured = reference
    large = np.abs(reference).max(axis=1) > LARGE  # a NaN is not
    n = np.argmax(large) if large.any() else max(len(measured), len(reference))
    measured, reference = (with_nan(path, n) for path in (measured, reference))
    times = with_nan(times, n)
    largest = np.max(times, initial=0, where=np.isfinite(times))
    return Check.close(id, name, measured, reference, atol=allowed * times, reason=reason,
                       agreement=max(1e-9, allowed * largest)).unless(not_for)  # fmt: skip


def with_nan(path, n):
    """The first n steps of a path, NaN for those that it has not."""
    missing = np.full((max(0, n - len(path)), *path.shape[1:]), np.nan)
    return np.concatenate([path[:n], missing])


def keras_path(id, name, measured, reference, times, dtype, not_for=""):
    """`same_path` for a path of Keras's and one of NumPy's."""
    allowed, why = tolerance.keras(dtype, own_loss=True)
    why += "; roundings of y's size, as many as the contraction leaves"
    return same_path(id, name, measured, reference, allowed, times, why, not_for)


def modes(X, y, alpha, learning_rate, steps):
    """θ at every step of descent on J in closed form, (steps + 1, p + 1); the curvatures λ of J,
    ascending; and the eigenvector of the largest."""
    A = references.with_ones(X)
    penalty = np.append(np.full(X.shape[1], alpha), 0)
    curvatures, V = np.linalg.eigh((A.T @ A + np.diag(penalty)) / len(y))
    factors = 1 - learning_rate * curvatures
    minimum = references.ridge(X, y, alpha)
    distance = factors ** np.arange(steps + 1)[:, None] * (V.T @ -minimum)
    return minimum + distance @ V.T, curvatures, V[:, -1]


def step_matrix(X, rate, alpha, decay=0.0, momentum=None):
    """M: it multiplies (θ − θ*, v) in each step of descent, v being the last step's part that
    momentum repeats."""
    p = X.shape[1]
    A, weights, eye = references.with_ones(X), np.diag([1.0] * p + [0.0]), np.eye(p + 1)
    H = rate * (A.T @ A + alpha * weights) / len(X)
    keep = eye - rate * decay * weights - H
    if momentum is None:
        return keep
    return np.block([[keep, momentum * eye], [-H, momentum * eye]])


def check_descent(options, X, y, alpha, learning_rate, model, by_hand, by_decay, in_keras):
    predicted, curvatures, steepest = modes(X, y, alpha, learning_rate, len(by_hand) - 1)
    slowest = np.abs(1 - learning_rate * curvatures).max()
    M = step_matrix(X, learning_rate, alpha)
    times, keras = roundings(by_hand, y, M, NUMPY), tolerance.keras(options.dtype, own_loss=True)[0]
    t = min(1, len(by_hand) - 2)
    gradient = (by_hand[t] - by_hand[t + 1]) / learning_rate  # the step was η times it
    numeric = references.central_difference(lambda v: cost(X, y, v, alpha), by_hand[t], 1e-3)
    size = np.abs(by_hand[: t + 2]).max() / learning_rate + cost(X, y, by_hand[t], alpha) / 1e-3
    return [
        Check.close("gradient-numeric", "gradient of J = by differences", gradient, numeric,
                    atol=20 * EPS * size, reason="J is a parabola: its differences have roundings"
                    " only, of J over 2e-3 and of w over η"),
        same_path("decay-form", "w(1 − ηα/n) − η/n Σ … = w − η ∂J/∂w, each step", by_decay, by_hand,
                  NUMPY, times),
        same_path("path", "w, b at every step = closed form", by_hand, predicted, 5 * NUMPY, times,
                  "five times the table's: powers of eigenvalues"),
        check_end(X, y, alpha, learning_rate, by_hand, curvatures, steepest, slowest, times[-1]),
        keras_path("path-keras", "w, b at every step, Keras = NumPy", in_keras, by_hand,
                   roundings(by_hand, y, M, keras), options.dtype, unlike_linear(model)),
    ]  # fmt: skip


def check_end(X, y, alpha, learning_rate, by_hand, curvatures, steepest, slowest, times):
    """Descent ends at ridge; after few steps near it; or it diverges."""
    minimum, steps = references.ridge(X, y, alpha), len(by_hand) - 1
    size = np.linalg.norm(minimum)
    limit = 2 / curvatures[-1]
    if learning_rate > limit:
        start, end = (abs(steepest @ (theta - minimum)) for theta in by_hand[[0, -1]])
        name = f"η = {learning_rate:.3g} is above 2/λmax = {limit:.3g}: diverges"
        return Check.at_least("end", name, end, start * (1 - 1e-9),
                              reason="along the eigenvector of the largest curvature λmax the"
                              " distance to ridge grows in each step")  # fmt: skip
    remains = size * slowest**steps
    if remains > 1e-6 * size:
        return Check.at_most("end", f"distance to Ridge at step {steps} ≤ predicted",
                             np.linalg.norm(by_hand[-1] - minimum), remains * (1 + 1e-9),
                             reason=f"each step leaves at most {slowest:.6g} of it")  # fmt: skip
    return Check.close("end", "w, b at the end = Ridge", by_hand[-1], minimum,
                       atol=remains + NUMPY * times,
                       reason="roundings, and what remains of the distance")  # fmt: skip


def check_shrinkage(options, X, y, names, alphas, thetas):
    exact = np.array([references.ridge(X, y, alpha) for alpha in alphas])
    least = references.ridge(X, y, 0)[:-1]
    _, d, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    shrunk = d**2 / (d**2 + alphas[:, None]) * (Vt @ least)
    condition = ((d[0] ** 2 + alphas) / (d[-1] ** 2 + alphas))[:, None]
    # Xᵀy is rounded as its terms are, however small the weights are.
    of_Xy = d[0] * np.linalg.norm(y - y.mean())
    size = np.maximum(np.abs(exact).max(axis=1), of_Xy / (d[0] ** 2 + alphas))[:, None]
    allowed = ROUNDINGS * EPS * condition * size
    # Along a singular vector least squares is good to d₁²/d² of a rounding; then it is shrunk.
    of_least = max(np.abs(least).max(), of_Xy / d[0] ** 2)
    along = ROUNDINGS * EPS * d[0] ** 2 / (d**2 + alphas[:, None]) * of_least
    of_b = np.append(np.zeros(X.shape[1]), ROUNDINGS * EPS * np.abs(y).max())
    why = "the normal equations multiply roundings by their condition number"
    rising = np.argsort(alphas, kind="stable")
    lengths = np.linalg.norm([least, *thetas[rising, :-1]], axis=1)
    return [
        Check.close("ridge-every", "w, b for every α = Ridge", thetas, exact, atol=allowed + of_b,
                    reason=why),
        Check.close("shrinkage", "shrunk to d²/(d² + α) along singular vectors",
                    thetas[:, :-1] @ Vt.T, shrunk, atol=allowed + along, reason=why),
        Check.true("size-falls", "‖w‖ falls at each larger α",
                   np.diff(lengths) < 2 * allowed[rising, 0]),
    ]  # fmt: skip


def hat(X, X_new, alpha):
    """H, (new points, points): the fit to y predicts Hy; from the singular values d of centred X.

    Returns:
        H; d² + α, of which some may be 0 without a penalty: then H's fit is the one of the
        smallest weights; and by how much predictions change where the normal equations do by 1.
    """
    mean = X.mean(axis=0)
    U, d, Vt = np.linalg.svd(X - mean, full_matrices=False)
    spectrum = d**2 + alpha
    keep = spectrum > X.shape[1] * EPS * spectrum[0]
    inverse = (X_new - mean) @ Vt[keep].T / spectrum[keep]
    H = 1 / len(X) + inverse * d[keep] @ U[:, keep].T
    return H, spectrum, np.linalg.norm(inverse, axis=1).max()


def told(spectrum, p):
    """Whether rounding leaves no doubt which of d² + α are 0."""
    zero = p * EPS * spectrum[0]
    return not np.any((spectrum > zero / 100) & (spectrum < 100 * zero))


def chance(H, bias, draws):
    """By how much the mean of `draws` test errors may differ from the expected one.

    An error is a sum of squares of normal numbers with the weights below, and one that is linear
    in them. Laurent and Massart's bound on such sums (Annals of Statistics 28, 2000, lemma 1) is
    exceeded once in e^15, 3e6 times.
    """
    squares = np.ones(len(H))
    singular = np.linalg.svd(H, compute_uv=False)
    squares[: len(singular)] += singular**2  # eigenvalues of HHᵀ + I
    squares *= NOISE**2 / len(H)
    linear = 2 * NOISE / len(H) * np.sqrt(np.sum((H.T @ bias) ** 2) + np.sum(bias**2))
    spread = np.sqrt(2 * np.sum(squares**2) + linear**2)
    return np.sqrt(2 * 15 / draws) * spread + 2 * 15 / draws * squares.max()


def check_polynomial(options, X, X_new, y, fits, bias, errors):
    f, f_new = np.sin(np.pi * X[:, 0]), np.sin(np.pi * X_new[:, 0])
    found, clear = [], []
    for alpha in RIDGE_ALPHAS:
        H, spectrum, change = hat(X, X_new, alpha)
        off = H @ f - f_new
        weights = np.linalg.norm(references.ridge(X, np.column_stack([f, y]), alpha)[:-1], axis=0)
        rounding = 4 * len(spectrum) * EPS * spectrum[0] * (weights.max() + 1) * change
        expected = np.mean(off**2) + NOISE**2 * (np.sum(H**2) / len(H) + 1)
        found.append((H @ y, np.mean(off**2), expected, chance(H, off, errors.shape[1]), rounding,
                      2 * rounding * (np.abs(off).max() + rounding)))  # fmt: skip
        clear.append(told(spectrum, X.shape[1]))
    not_for = "" if any(clear) else "not with such powers of x"
    clear = clear if any(clear) else slice(None)
    expected_fits, squared_bias, expected, luck, rounding, of_squares = (
        np.array(numbers)[clear] for numbers in zip(*found)
    )
    mean, alphas = errors.mean(axis=1)[clear], np.array(RIDGE_ALPHAS)[clear]
    smallest, best = np.argmin(alphas), np.argmin(expected)
    seen = expected[smallest] - expected[best] > luck[smallest] + luck[best]
    why = "powers of x are nearly dependent: the normal equations magnify roundings"
    found = [
        Check.close("first-fits", "fits to the first data set = Ridge", fits[clear], expected_fits,
                    atol=rounding[:, None], reason=why),
        Check.close("bias", "squared bias = from the fits to unit vectors",
                    np.mean(bias**2, axis=1)[clear], squared_bias, atol=of_squares, reason=why),
        Check.close("test-error", "test error = bias² + variance + σ²", mean, expected,
                    atol=luck + of_squares + 10 * rounding, reason="chance: once in 3e6 more"),
        Check.at_most("penalty-helps", "the best penalty lowers the test error", mean[best],
                      mean[smallest]).unless("" if seen else "not told from chance"),
    ]  # fmt: skip
    return [check.unless(not_for or check.not_for) for check in found]


def check_penalties(options, X, Y, by_hand, weights, gradients):
    exact = np.reshape(references.ridge(X, np.squeeze(Y), len(X) * ALPHA), by_hand.shape)
    return [
        Check.close("three-targets", "several targets: W, b = Ridge", by_hand, exact, rtol=NUMPY),
        *(check_penalty(options, X, Y, key, weights[key], *gradients[key]) for key in weights),
    ]


def check_penalty(options, X, Y, key, W, of_w, of_b):
    """Keras's gradient just above each zero, and elsewhere, at scikit-learn's solution."""
    name, k = key.split(", k = ")
    l1 = 2 * ALPHA * {"Ridge": 0, "Lasso": 1, "ElasticNet": L1_RATIO}[name] / int(k)
    model = build_model(len(W), SGD(), n_targets=int(k))
    not_for = unlike_linear(model, optimizer=None)
    if of_w.shape != W.shape or of_b.shape != W.shape[1:]:
        of_w, of_b = np.zeros(W.shape), np.zeros(W.shape[1:])
    beyond = np.maximum(np.maximum(-of_w, of_w - 2 * l1), 0)  # a NaN stays one
    violation = np.where(W == 0, beyond, np.abs(of_w)) + 0 * W  # a NaN of W is one here
    violation = np.append(violation, np.abs(of_b))
    # The gradient's terms are as large as those of 2/(nk) Xᵀy.
    size = 2 / int(k) * np.sqrt(np.mean(Y[:, : int(k)] ** 2) * max(1, np.mean(X**2)))
    allowed = tolerance.keras("float32")[0] * size
    return Check.close(f"{name.lower()}-{k}", f"Keras's gradient at {name}'s W, k = {k}",
                       violation, np.zeros_like(violation), atol=allowed, agreement=allowed,
                       reason="0, or at w = 0 from 0 to 2 l1; Keras's mean is in float32 on JAX"
                       " and torch").unless(not_for)  # fmt: skip


def adam(X, y, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, *, steps, decay=0.0,
         alpha=0.0, noise=0.0):  # fmt: skip
    """AdamW on least squares, or Adam on J; θ at every step, (steps + 1, p + 1).

    mean ← β₁ mean + (1 − β₁) g    square ← β₂ square + (1 − β₂) g²    θ ← θ − η mean/(√square + ε)
    Both means start at 0 and are divided by 1 − βᵗ to make up for that.

    Args:
        noise: deviation of random numbers that are added to g, relative to the terms of its sums.
    """
    A, penalty = references.with_ones(X), np.append(np.full(X.shape[1], alpha), 0)
    keep = np.append(np.full(X.shape[1], 1 - learning_rate * decay), 1)
    path, mean, square = [np.zeros(len(penalty))], 0.0, 0.0
    of_y, of_weights = np.abs(A.T @ y).max() / len(y), np.abs(A.T @ A).max() / len(y)
    added = noise * np.random.default_rng(0).normal(size=(steps, len(penalty)))
    for t in range(steps):
        if np.abs(path[t]).max() > LARGE:
            break
        g = (A.T @ (A @ path[t] - y) + penalty * path[t]) / len(y)
        g = g + added[t] * (of_y + of_weights * np.abs(path[t]).max())
        mean = beta_1 * mean + (1 - beta_1) * g
        square = beta_2 * square + (1 - beta_2) * g**2
        rate = learning_rate * np.sqrt(1 - beta_2 ** (t + 1)) / (1 - beta_1 ** (t + 1))
        path.append(keep * path[t] - rate * mean / (np.sqrt(square) + epsilon))
    return np.array(path)


def adam_times(path, X, y, allowed, **given):
    """What `roundings` is for SGD: Adam divides by the gradient's size, which may magnify
    roundings; by how much, noise of the size of a mean of 6n of them tells. The steps from which
    they are magnified more than a thousand times are left out: there, nothing can be compared."""
    noisy = adam(X, y, **ADAM, **given, noise=allowed * np.sqrt(6 / len(y)))
    n = min(len(noisy), len(path))
    spread = np.maximum.accumulate(np.abs(noisy[:n] - path[:n]).max(axis=1))[:, None]
    size = sizes(path, y)[:n]
    times = size + 3 * spread / allowed
    lost = times[:, 0] > 1000 * size[:, 0]
    return times[: np.argmax(lost)] if lost.any() else times


def check_momentum(id, which, end, path, by_hand, X, y, alpha, decay, allowed, not_for=""):
    """Descent with momentum ends at a ridge; or it does not, and is where the formula says.

    With v the last step, (θ, v) is multiplied by a matrix M in each step, plus a constant.
    """
    p, M = X.shape[1], step_matrix(X, LEARNING_RATE, alpha, decay, MOMENTUM)
    minimum = references.ridge(X, y, alpha + (1 - MOMENTUM) * decay * len(y))
    radius = np.abs(np.linalg.eigvals(M)).max()
    t = np.flatnonzero(np.abs(by_hand).max(axis=1) <= LARGE)[-1]
    v = LEARNING_RATE * decay * np.append(minimum[:p], 0)  # at the minimum: what decay takes
    rest = np.linalg.matrix_power(M, t) @ np.append(minimum, v)
    predicted, times = minimum - rest[: p + 1], roundings(by_hand, y, M, allowed)[t]
    name = f"{which} ends at {end}"
    if radius > 1:
        name = f"{which} diverges, as predicted"
    elif np.abs(rest[: p + 1]).max() > allowed * times:
        name = f"{which}, {STEPS} steps = formula"
    else:
        predicted = minimum
    return Check.close(id, name, predicted if not_for else path[t], predicted,
                       atol=2 * allowed * times, agreement=max(1e-9, 2 * allowed * times[0]),
                       reason=f"M multiplies the distance by {radius:.4g} a step",
                       ).unless(not_for)  # fmt: skip


def check_decay(options, X, y, alpha, paths):
    dtype, decay, p = options.dtype, alpha / len(y), X.shape[1]
    allowed = tolerance.keras(dtype, own_loss=True)[0]
    strong, least = (references.ridge(X, y, a) for a in (alpha, 0))
    not_for = unlike_linear(build_model(p, SGD()))
    centred = np.abs(X.mean(axis=0)).max() <= 1e-9 * np.abs(X).max()
    heavy_l2 = paths["momentum: L2"]
    if not_for:  # whatever its weights are
        paths = {name: np.zeros((len(path), p + 1)) for name, path in paths.items()}
    plain, heavy = (paths[name] for name in ("SGD: weight_decay", "momentum: weight_decay"))
    adam_l2, adam_w = paths["Adam: L2"], paths["AdamW: weight_decay"]
    by_hand = descend(X, y, LEARNING_RATE, STEPS, alpha)
    by_hand = by_hand[np.abs(by_hand).max(axis=1) <= LARGE]
    times = roundings(by_hand, y, step_matrix(X, LEARNING_RATE, alpha), allowed)
    # b's own descent, as X is centred: b ← b (1 − η·decay) − η (b − mean y).
    factor = 1 - LEARNING_RATE * (1 + DECAY)
    of_b = y.mean() / (1 + DECAY) * (1 - factor ** np.arange(len(by_hand)))[:, None]
    if len(by_hand) < STEPS + 1:  # it diverges
        plain = plain[: len(by_hand)]
    heavy_by_hand = descend(X, y, LEARNING_RATE, STEPS, 0.0, decay, MOMENTUM)
    heavy_times = roundings(heavy_by_hand, y, step_matrix(X, LEARNING_RATE, 0.0, decay, MOMENTUM),
                            allowed)  # fmt: skip
    l2_by_hand = adam(X, y, **ADAM, steps=len(adam_l2) - 1, alpha=alpha)
    w_by_hand = adam(X, y, **ADAM, steps=len(adam_w) - 1, decay=decay)
    l2_times = adam_times(l2_by_hand, X, y, allowed, steps=len(adam_l2) - 1, alpha=alpha)
    w_times = adam_times(w_by_hand, X, y, allowed, steps=len(adam_w) - 1, decay=decay)
    l2_short, w_short = len(l2_times) < len(l2_by_hand), len(w_times) < len(w_by_hand)
    away, away_by_hand = (
        [np.linalg.norm(path[-1] - end) for end in (least, strong)] for path in (adam_w, w_by_hand)
    )
    settled = not l2_short and np.abs(l2_by_hand[-1] - strong).max() <= allowed * l2_times[-1]
    late = f"not at step {len(adam_l2) - 1}"
    # With β₂ near 0 Adam divides by the last gradients alone: near 0 their sign is rounding's.
    of_adam = not_for or ("not for so small a beta_2" if ADAM.get("beta_2", 1) < 0.9 else "")
    near = "" if 5 * away_by_hand[0] <= away_by_hand[1] else late if alpha else "not for α = 0"
    near = near or ("not told from rounding" if w_short else "")
    only_centred = "" if centred else "not for X of mean ≠ 0"
    return [
        keras_path("sgd-w", "SGD: w with Keras's weight_decay = w with L2", plain[:, :-1],
                   by_hand[:, :-1], times, dtype, not_for or only_centred),
        keras_path("sgd-b", "SGD: weight_decay shrinks b too, = formula", plain[:, -1:], of_b,
                   times, dtype, not_for or only_centred),
        check_momentum("momentum-l2", "momentum: L2", "Ridge(α)", heavy_l2, heavy_l2, X, y, alpha,
                       0, NUMPY),
        check_momentum("momentum-decay", "momentum: weight_decay", "Ridge((1 − μ)α)", heavy,
                       heavy_by_hand, X, y, 0, decay, allowed, not_for),
        keras_path("momentum-keras", "momentum: weight_decay, not b: Keras = NumPy", heavy,
                   heavy_by_hand, heavy_times, dtype, not_for),
        Check.close("adam-l2", "Adam: L2 ends at Ridge(α)", adam_l2[-1] if settled else strong,
                    strong, atol=2 * allowed * l2_times[-1],
                    agreement=max(1e-9, 2 * allowed * l2_times[-1, 0]),
                    ).unless(of_adam or ("" if settled else late)),
        keras_path("adam-keras", "Adam: L2, Keras = NumPy", adam_l2[: len(l2_times) if l2_short
                   else None], l2_by_hand[: len(l2_times)], l2_times, dtype, of_adam),
        Check.at_most("adamw-near", "AdamW: 5 times nearer least squares than Ridge", away[0],
                      away[1] / 5, agreement=allowed * max(1, w_times[-1, 0]),
                      ).unless(of_adam or near),
        keras_path("adamw-keras", "AdamW without b, Keras = NumPy", adam_w[: len(w_times) if w_short
                   else None], w_by_hand[: len(w_times)], w_times, dtype, of_adam),
    ]  # fmt: skip


def check_table(options, table, theta):
    X, y = references.standardised(table.X), references.standardised(table.y)
    exact = references.ridge(X, y, DECAY * len(y))
    curvatures = np.linalg.eigvalsh(X.T @ X / len(y)) + DECAY
    # At 2 / (lowest + highest) each step leaves this fraction of the distance, or less.
    factor = (curvatures[-1] - curvatures[0]) / (curvatures[-1] + curvatures[0])
    left = 2 * np.sqrt(len(exact)) * np.linalg.norm(exact) * factor ** (len(theta) - 1)
    predictions, rounding = references.predictions_in_units(
        table, *table.in_units(theta[-1, :-1], theta[-1, -1])
    )
    ridges = X @ exact[:-1] + exact[-1]
    why = "what remains of the distance after so many steps"
    if left > 1e-6:
        return [Check.at_most("table-predictions", "predictions: distance to Ridge's ≤ predicted",
                              np.abs(predictions - ridges), left + 1e-9 + rounding,
                              reason=why)]  # fmt: skip
    return [Check.close("table-predictions", "predictions, standardised = Ridge's", predictions,
                        ridges, atol=1e-9 + left + rounding, reason=why)]  # fmt: skip
