"""Why lesson 8's numbers must be what they are.

Descent. J is quadratic: along an eigenvector of its second derivatives, of eigenvalue κ, each step
multiplies the distance to ridge by 1 − ακ.

Shrinkage. Along a singular vector of centred X, of singular value d, ridge is d²/(d² + λ) of least
squares.

Test error. A fit is linear in y: its predictions on new points are Hy. With y = f + noise of
deviation σ, the expected error on M new points is 1/M ‖Hf − f*‖² (bias²) + σ²/M ΣΣ H² (variance)
+ σ², where f* is f on the new points.

Penalties. For a penalty a on w, m rows and k targets, scikit-learn minimises ‖E‖² + a‖w‖² (Ridge)
or 1/(2m) ‖E‖² + a‖w‖₁ (Lasso), Keras 1/(mk) ‖E‖² + penalty. At scikit-learn's solution Keras's
gradient must be 0, and at w = 0, where |w| has a kink, from 0 to 2 l1 just above the kink: it is
smaller by 2 l1 just below.

Weight decay. Momentum μ magnifies gradients by 1/(1 − μ), that of the penalty as well, and the
decay not: so weight decay ends at the ridge of (1 − μ)λ. Adam divides the gradient by its own size:
with the penalty it still ends at ridge. AdamW's step is of size α however small the gradient is,
and its decay α · weight_decay · |w|: while every |w| stays below 1/weight_decay, the decay only
slows it, and it comes close to least squares.

The lesson's constants are numbers that float32 holds exactly where TensorFlow rounds to it.
"""

import numpy as np

from course.checks import Check, by_section, references, tolerance
from course.checks.constants import ABOVE_0, ANYTHING, BELOW_1, NUMBER, whole
from course.checks.tolerance import NUMPY
from course.lesson08 import (
    ADAM,
    ALPHA,
    DECAY,
    L1_RATIO,
    LAMBDAS,
    LEARNING_RATE,
    MOMENTUM,
    NOISE,
    POINTS,
    descend,
)

CONSTANTS = {  # what the page's constants may be
    "DECAY": NUMBER,
    "RATIOS": ANYTHING,
    "LEARNING_RATE": ABOVE_0,
    "MOMENTUM": BELOW_1,
    "STEPS": whole(1),
    "QUICK_STEPS": whole(1),
    "POINTS": whole(1),
    "DEGREE": NUMBER,
    "NOISE": NUMBER,
    "LAMBDAS": ANYTHING,
    "DRAWS": whole(1),
    "QUICK_DRAWS": whole(1),
    "ADAM_STEPS": whole(1),
    "ADAM": ANYTHING,
    "ALPHA": NUMBER,
    "L1_RATIO": NUMBER,
    "PENALTIES": ANYTHING,
}


def checks(measured, options):
    """All checks of the lesson on what `lesson08.run` measured."""
    sections = {
        "descent": check_descent, "shrinkage": check_shrinkage, "polynomial": check_polynomial,
        "penalties": check_penalties, "decay": check_decay, "table": check_table,
    }  # fmt: skip
    return by_section(sections, measured, options)


def cost(X, y, theta, lam):
    """J(w, b), as in the lesson's first formula."""
    error = X @ theta[:-1] + theta[-1] - y
    return (np.sum(error**2) + lam * np.sum(theta[:-1] ** 2)) / (2 * len(y))


def modes(X, y, lam, learning_rate, steps):
    """θ at every step of descent on J in closed form, (steps + 1, p + 1), and the largest
    |1 − ακ|."""
    A = references.with_ones(X)
    penalty = np.append(np.full(X.shape[1], lam), 0)
    curvatures, V = np.linalg.eigh((A.T @ A + np.diag(penalty)) / len(y))
    factors = 1 - learning_rate * curvatures
    minimum = references.ridge(X, y, lam)
    distance = factors ** np.arange(steps + 1)[:, None] * (V.T @ -minimum)
    return minimum + distance @ V.T, np.abs(factors).max()


def check_descent(options, X, y, lam, learning_rate, by_hand, by_decay, in_keras):
    steps = len(by_hand) - 1
    minimum = references.ridge(X, y, lam)
    predicted, slowest = modes(X, y, lam, learning_rate, steps)
    left = np.linalg.norm(minimum) * slowest**steps
    t = min(1, steps - 1)
    gradient = (by_hand[t] - by_hand[t + 1]) / learning_rate  # the step was α times it
    numeric = references.central_difference(lambda v: cost(X, y, v, lam), by_hand[t], 1e-3)
    return [
        Check.close("gradient-numeric", "gradient of J = by differences", gradient, numeric,
                    atol=1e-11, reason="J is a parabola: its differences have roundings only,"
                    " 1e-16 over 2e-3"),
        Check.close("decay-form", "w(1 − αλ/m) − α/m Σ … = J's gradient, every step", by_decay,
                    by_hand, rtol=NUMPY),
        Check.close("path", "w, b at every step = closed form", by_hand, predicted,
                    atol=10 * NUMPY, reason="up to ten times the table's: powers of eigenvalues"),
        Check.close("end", "w, b at the end = Ridge", by_hand[-1], minimum, atol=left + NUMPY,
                    reason="roundings, and after few steps what remains of the distance"),
        Check.keras("path-keras", "w, b at every step, Keras = NumPy", in_keras, by_hand,
                    options.dtype, own_loss=True,
                    size=2 * np.maximum(1, 1 / np.abs(by_hand).max()),
                    reason="roundings of predictions of y's size, 1, in weights that are smaller"),
    ]  # fmt: skip


def check_shrinkage(options, X, y, names, lambdas, thetas):
    exact = np.array([references.ridge(X, y, lam) for lam in lambdas])
    least = references.ridge(X, y, 0)[:-1]
    _, d, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    shrunk = d**2 / (d**2 + lambdas[:, None]) * (Vt @ least)
    why = "the normal equations multiply roundings by up to d²/λ, some 1e5"
    return [
        Check.close("ridge-every", "w, b for every λ = Ridge", thetas, exact, atol=100 * NUMPY,
                    reason=why),
        Check.close("shrinkage", "along each singular vector: d²/(d² + λ) of least squares",
                    thetas[:, :-1] @ Vt.T, shrunk, atol=100 * NUMPY, reason=why),
        Check.true("size-falls", "‖w‖ falls at each larger λ",
                   np.diff(np.linalg.norm(thetas[:, :-1], axis=1)) < 0),
    ]  # fmt: skip


def check_polynomial(options, X, X_new, y, fits, bias, errors):
    f, f_new = np.sin(np.pi * X[:, 0]), np.sin(np.pi * X_new[:, 0])
    squared_bias, variance = [], []
    for lam in LAMBDAS:
        theta = references.ridge(X, np.eye(POINTS), lam)  # the fits to unit vectors are H's columns
        H = X_new @ theta[:-1] + theta[-1]
        squared_bias.append(np.mean((H @ f - f_new) ** 2))
        variance.append(NOISE**2 * np.sum(H**2) / len(H))
    mean = errors.mean(axis=1)
    first = [references.ridge(X, y, lam) for lam in LAMBDAS]
    return [
        Check.close("first-fits", "fits to the first data set = Ridge", fits,
                    [X_new @ theta[:-1] + theta[-1] for theta in first], rtol=1e-8,
                    reason="twelve powers are nearly dependent: roundings grow 1e7 times"),
        Check.close("bias", "squared bias = from the fits to unit vectors",
                    np.mean(bias**2, axis=1), squared_bias, rtol=1e-8,
                    reason="twelve powers are nearly dependent: roundings grow 1e7 times"),
        Check.within("test-error", "test error = bias² + variance + σ²", mean,
                     np.array(squared_bias) + variance + NOISE**2,
                     errors.std(axis=1) / np.sqrt(errors.shape[1])),
        Check.at_most("penalty-helps", "the best penalty lowers the test error", mean[1:].min(),
                      mean[0]),
    ]  # fmt: skip


def check_penalties(options, X, Y, by_hand, weights, gradients):
    return [
        Check.close("three-targets", "three targets: W, b = Ridge", by_hand,
                    references.ridge(X, Y, len(X) * ALPHA), rtol=NUMPY),
        *(check_penalty(options, key, weights[key], *gradients[key]) for key in weights),
    ]  # fmt: skip


def check_penalty(options, key, W, of_w, of_b):
    """Keras's gradient just above each zero, and elsewhere, at scikit-learn's solution."""
    name, k = key.split(", k = ")
    l1 = 2 * ALPHA * {"Ridge": 0, "Lasso": 1, "ElasticNet": L1_RATIO}[name] / int(k)
    beyond = np.maximum(np.maximum(-of_w, of_w - 2 * l1), 0)  # a NaN stays one
    violation = np.where(W == 0, beyond, np.abs(of_w)) + 0 * W  # a NaN of W is one here
    violation = np.append(violation, np.abs(of_b))
    allowed, _ = tolerance.keras("float32")
    return Check.close(f"{name.lower()}-{k}", f"{key}: Keras's gradient at scikit-learn's solution",
                       violation, np.zeros_like(violation), atol=allowed, agreement=allowed,
                       reason="Keras's mean is in float32 on JAX and torch")  # fmt: skip


def adam(X, y, learning_rate, beta_1, beta_2, steps, decay=0.0, lam=0.0, epsilon=1e-7):
    """AdamW on least squares, or Adam on J; θ at every step, (steps + 1, p + 1).

    mean ← β₁ mean + (1 − β₁) g    square ← β₂ square + (1 − β₂) g²    θ ← θ − α mean/(√square + ε)
    Both means start at 0 and are divided by 1 − βᵗ to make up for that.
    """
    A, penalty = references.with_ones(X), np.append(np.full(X.shape[1], lam), 0)
    keep = np.append(np.full(X.shape[1], 1 - learning_rate * decay), 1)
    path, mean, square = np.zeros((steps + 1, len(penalty))), 0.0, 0.0
    for t in range(steps):
        g = (A.T @ (A @ path[t] - y) + penalty * path[t]) / len(y)
        mean = beta_1 * mean + (1 - beta_1) * g
        square = beta_2 * square + (1 - beta_2) * g**2
        rate = learning_rate * np.sqrt(1 - beta_2 ** (t + 1)) / (1 - beta_1 ** (t + 1))
        path[t + 1] = keep * path[t] - rate * mean / (np.sqrt(square) + epsilon)
    return path


def check_decay(options, X, y, lam, paths):
    dtype, decay = options.dtype, lam / len(y)
    strong, weak, least = (references.ridge(X, y, a) for a in (lam, (1 - MOMENTUM) * lam, 0))
    plain, heavy_l2, heavy = (
        paths[name] for name in ("SGD: weight_decay", "momentum: L2", "momentum: weight_decay")
    )
    adam_l2, adam_w = paths["Adam: L2"], paths["AdamW: weight_decay"]
    steps = len(plain) - 1
    by_hand = descend(X, y, LEARNING_RATE, steps, lam)
    # b's own descent, as X is centred: b ← b (1 − α·decay) − α (b − mean y).
    factors = (1 - LEARNING_RATE * (1 + DECAY)) ** np.arange(steps + 1)
    away = [np.linalg.norm(adam_w[-1] - end) for end in (least, strong)]
    return [
        Check.keras("sgd-w", "SGD: w with Keras's weight_decay λ/m = w with L2", plain[:, :-1],
                    by_hand[:, :-1], dtype, own_loss=True, size=5,
                    reason="roundings of predictions of size 2 in weights of size 0.3"),
        Check.keras("sgd-b", "SGD: Keras's weight_decay shrinks b too, = formula", plain[:, -1],
                    y.mean() / (1 + DECAY) * (1 - factors), dtype, own_loss=True),
        Check.close("momentum-l2", "momentum: L2 ends at Ridge(λ)", heavy_l2[-1], strong,
                    rtol=NUMPY),
        Check.keras("momentum-decay", "momentum: weight_decay ends at Ridge((1 − μ)λ)", heavy[-1],
                    weak, dtype, own_loss=True),
        Check.keras("momentum-keras", "momentum: weight_decay without b, Keras = NumPy", heavy,
                    descend(X, y, LEARNING_RATE, steps, 0.0, decay, MOMENTUM), dtype,
                    own_loss=True),
        Check.keras("adam-l2", "Adam: L2 ends at Ridge(λ)", adam_l2[-1], strong, dtype,
                    own_loss=True),
        Check.keras("adam-keras", "Adam: L2, Keras = NumPy", adam_l2,
                    adam(X, y, **ADAM, steps=len(adam_l2) - 1, lam=lam), dtype, own_loss=True),
        Check.at_most("adamw-near", "AdamW ends 5 times nearer to least squares than to Ridge(λ)",
                      away[0], away[1] / 5, agreement=tolerance.keras(dtype, own_loss=True)[0]),
        Check.keras("adamw-keras", "AdamW without b, Keras = NumPy", adam_w,
                    adam(X, y, **ADAM, steps=len(adam_w) - 1, decay=decay), dtype, own_loss=True),
    ]  # fmt: skip


def check_table(options, table, theta):
    X, y = table.scaled()
    exact = references.ridge(X, y, DECAY * len(y))
    curvatures = np.linalg.eigvalsh(X.T @ X / len(y)) + DECAY
    # At 2 / (lowest + highest) each step leaves this fraction of the distance, or less.
    factor = (curvatures[-1] - curvatures[0]) / (curvatures[-1] + curvatures[0])
    left = 2 * np.sqrt(len(exact)) * np.linalg.norm(exact) * factor ** (len(theta) - 1)
    w, b = table.in_units(theta[-1, :-1], theta[-1, -1])
    predictions = (table.X @ w + b - table.y.mean()) / table.y.std()
    return [
        Check.close("table-predictions", "predictions, standardised = Ridge's", predictions,
                    X @ exact[:-1] + exact[-1], atol=1e-9 + left,
                    reason="what remains of the distance after so many steps"),
    ]  # fmt: skip
