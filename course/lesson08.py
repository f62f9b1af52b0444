"""Lesson 8: L2: ridge and weight decay.

A price on large weights: ridge by hand and in Keras, and what weight_decay does instead.

    cost        J(w, b) = 1/(2m) Σ (ŷᵢ − yᵢ)² + λ/(2m) Σ wⱼ²            ŷ = Xw + b, b is free
    gradient    ∂J/∂w = 1/m Xᵀ(ŷ − y) + λ/m w        ∂J/∂b = 1/m Σ (ŷᵢ − yᵢ)
    update      w ← w (1 − αλ/m) − α/m Σ (ŷᵢ − yᵢ) xᵢ        the same as w ← w − α ∂J/∂w
    solution    w = (XᵀX + λI)⁻¹ Xᵀy, with X and y centred        b = mean y − (mean x)·w
    shrinkage   d²/(d² + λ) of least squares is left along a singular vector of singular value d

α is the learning rate, η in the other lessons; m the number of rows, n there. scikit-learn (and
lesson 9) give the name alpha to the penalty. Keras's "mse" is a mean over m rows and k targets
without the ½, and its penalties have no ½ either. So, for a penalty a on w:

    scikit-learn                 Keras, loss="mse"
    Ridge(a)                     L2(a / (mk))
    Lasso(a)                     L1(2a / k)
    ElasticNet(a, l1_ratio=r)    L1L2(l1=2ar / k, l2=a(1 − r) / k)

An optimizer's weight_decay is no penalty: beside its step it takes the share α·weight_decay of
w, and of b unless told not to. For plain SGD weight_decay = λ/m is the update above. Momentum μ
magnifies slopes by 1/(1 − μ), L2's as well, the decay not: so weight_decay ends at the ridge of
(1 − μ)λ. Adam divides by the slope's own size: with L2 it still ends at ridge. AdamW's step is
of size α however small the slope, its decay α·weight_decay·|w|: while every |w| stays below
1/weight_decay the decay only slows it, and it comes close to least squares.

    X: shape (m, p)    y: shape (m,)    θ = (w, b): shape (p + 1,), or (p + 1, k) for k targets

Run it:     python -m course.lesson08
Your data:  python -m course.lesson08 --data FILE.csv --target COLUMN
Read more:  I. Loshchilov and F. Hutter, Decoupled Weight Decay Regularization, 2019,
            arXiv:1711.05101; on ridge: The Elements of Statistical Learning, section 3.4.1.
"""

from functools import partial

import keras
import numpy as np
from keras import ops
from keras.losses import MeanSquaredError
from keras.optimizers import SGD, AdamW
from keras.regularizers import L1, L1L2, L2

from course import data
from course.autodiff import value_and_grad
from course.checks import tolerance
from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Options, Report, with_precision
from course.errors import InputError
from course.figures import lesson08 as drawings
from course.lesson03 import MOST_STEPS, half_squared_error, hessian, train

# Momentum and all penalties are numbers that float32 holds exactly, for on TensorFlow Keras
# rounds them to it.
DECAY = 1 / 8  # λ/m
LEARNING_RATE, STEPS, QUICK_STEPS = 0.4, 500, 150
RATIOS = np.geomspace(1e-4, 1e2, 37)  # λ/m for the picture of the weights
WOBBLE, WOBBLES = 0.1, 40  # standard deviation of what is added to each x, and how often
POINTS, DEGREE, NOISE, GENTLE = 15, 12, 0.3, 0.01  # of the polynomial; its λ
DRAWS, QUICK_DRAWS = 2000, 500  # how often its noise is drawn
MOMENTUM = 7 / 8  # μ
BETA_1, BETA_2, EPSILON = 7 / 8, 1 - 1 / 1024, 1e-7  # of Adam
ADAM_RATE, ADAM_STEPS = 0.01, 2000
TWIN_STEPS = 20  # of Keras's momentum and AdamW
PENALTIES = {  # scikit-learn's estimator: its penalty in Keras
    "Ridge": lambda a, r, m, k: L2(a / (m * k)),
    "Lasso": lambda a, r, m, k: L1(2 * a / k),
    "ElasticNet": lambda a, r, m, k: L1L2(l1=2 * a * r / k, l2=a * (1 - r) / k),
}
# a and r; Ridge adds up the errors of m rows where the others average, so its a is m times as much.
ALPHA, L1_RATIO = 3 / 32, 1 / 2


def load_data():
    """Diabetes: 10 features of mean 0, deviation 1 of 442 patients; y of deviation 1; names."""
    from sklearn.datasets import load_diabetes

    table = load_diabetes()  # its columns have mean 0 and length 1
    X = table.data * np.sqrt(len(table.data))
    return X, table.target / table.target.std(), table.feature_names


def cost(X, y, theta, lam):
    """J(w, b).

    >>> float(cost(np.array([[1.0], [3.0]]), np.array([1.0, 3.0]), np.array([2.0, 0.0]), 4.0))
    6.5
    """
    error = X @ theta[:-1] + theta[-1] - y
    return (np.sum(error**2) + lam * np.sum(theta[:-1] ** 2)) / (2 * len(y))


def gradient(X, y, theta, lam=0.0):
    """(∂J/∂w, ∂J/∂b), shape (p + 1,).

    >>> gradient(np.array([[1.0], [3.0]]), np.array([1.0, 3.0]), np.array([2.0, 0.0]), 4.0)
    array([9., 2.])
    """
    error = X @ theta[:-1] + theta[-1] - y
    return np.append(X.T @ error + lam * theta[:-1], error.sum()) / len(y)


def decayed(theta, share):
    """θ with each weight smaller by a share of itself; b stays.

    >>> decayed(np.array([2.0, -4.0, 1.0]), 0.25)
    array([ 1.5, -3. ,  1. ])
    """
    return np.append(theta[:-1] * (1 - share), theta[-1])


def descend(X, y, learning_rate, steps, lam=0.0, decay=0.0, momentum=0.0):
    """Full-batch descent from θ = 0; return θ at every step, (steps + 1, p + 1).

    Args:
        lam: of the penalty in J: L2.
        decay: λ/m of the update's other form, w ← w (1 − α·decay) beside a step without L2.
    """
    path, v = np.zeros((steps + 1, X.shape[1] + 1)), 0.0
    for t in range(steps):
        v = momentum * v - learning_rate * gradient(X, y, path[t], lam)
        path[t + 1] = decayed(path[t], learning_rate * decay) + v
    return path


def adam(X, y, learning_rate, steps, lam=0.0, decay=0.0):
    """Adam on J, or AdamW with `decay`; return θ at every step, as `descend` does.

    With means of the slope g and of its square, each freed of its start at 0 by 1 − βᵗ:
    mean ← β₁ mean + (1 − β₁) g    square ← β₂ square + (1 − β₂) g²    θ ← θ − α mean/(√square + ε)
    """
    path, mean, square = np.zeros((steps + 1, X.shape[1] + 1)), 0.0, 0.0
    for t in range(steps):
        g = gradient(X, y, path[t], lam)
        mean = BETA_1 * mean + (1 - BETA_1) * g
        square = BETA_2 * square + (1 - BETA_2) * g**2
        rate = learning_rate * np.sqrt(1 - BETA_2 ** (t + 1)) / (1 - BETA_1 ** (t + 1))
        v = -rate * mean / (np.sqrt(square) + EPSILON)
        path[t + 1] = decayed(path[t], learning_rate * decay) + v
    return path


def ridge(X, y, lam):
    """The solution: θ of shape (p + 1,), or (p + 1, k) for y of shape (m, k).

    >>> ridge(np.array([[1.0], [3.0]]), np.array([1.0, 3.0]), 2.0)
    array([0.5, 1. ])
    """
    Z = X - X.mean(axis=0)
    w = np.linalg.solve(Z.T @ Z + lam * np.eye(X.shape[1]), Z.T @ (y - y.mean(axis=0)))
    return np.concatenate([w, [y.mean(axis=0) - X.mean(axis=0) @ w]])


def in_scikit_learn(X, y, lam):
    """The same by scikit-learn: Ridge, and least squares for λ = 0."""
    from sklearn.linear_model import LinearRegression, Ridge

    fitted = (Ridge(lam, solver="svd") if lam else LinearRegression()).fit(X, y)
    return np.concatenate([fitted.coef_.T, [fitted.intercept_]])


def build_model(n_features, optimizer, penalty=None, n_targets=1, loss=half_squared_error):
    """ŷ = Xw + b from θ = 0; the penalty is on w alone."""
    dense = keras.layers.Dense(n_targets, kernel_initializer="zeros", kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((n_features,)), dense])
    model.compile(optimizer=optimizer, loss=loss)
    return model


def sparing_b(optimizer):
    """The same optimizer, whose weight decay leaves b alone."""
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def apply(optimizer, X, y, steps):
    """Steps of an optimizer alone, which gets the gradient by hand; θ at every step, as `train`."""
    w, b = variables = build_model(X.shape[1], optimizer).trainable_variables
    path = np.zeros((steps + 1, X.shape[1] + 1))
    for t in range(steps):
        g = gradient(X, y, path[t])
        optimizer.apply(
            [ops.convert_to_tensor(g[:-1, None]), ops.convert_to_tensor(g[-1:])], variables
        )
        path[t + 1] = np.append(ops.convert_to_numpy(w), ops.convert_to_numpy(b))
    return path


@with_precision
def run(options=Options()) -> Report:
    if options.data:
        return your_table(options)
    if options.target:
        raise InputError("--target needs --data FILE.csv")
    X, y, names = load_data()
    steps = options.steps or (QUICK_STEPS if options.quick else STEPS)
    return Report.join(
        by_descent(X, y, LEARNING_RATE, steps, options.dtype)[1],
        shrinkage(X, y)[1],
        wobble(X, y, names, options.seed),
        polynomial(options),
        penalties(X, y, options.dtype),
        weight_decay(X, y, options.dtype),
    )


def by_descent(X, y, learning_rate, steps, dtype):
    """Descent to ridge: L2's gradient, the factor 1 − αλ/m, Keras; the path, and a report."""
    m, p = X.shape
    lam = DECAY * m
    path = descend(X, y, learning_rate, steps, lam)
    other_form = descend(X, y, learning_rate, steps, decay=lam / m)
    # Keras's L2(c) is c Σ w², without ½.
    keras_path = train(build_model(p, SGD(learning_rate), L2(lam / (2 * m))), X, y, steps)

    eigenvalues, V = np.linalg.eigh(hessian(X) / 2 + np.diag([lam / m] * p + [0]))
    bottom = in_scikit_learn(X, y, lam)
    kept = (1 - learning_rate * eigenvalues) ** np.arange(steps + 1)[:, None]
    closed_form = bottom + (kept * (V.T @ -bottom)) @ V.T
    left = np.linalg.norm(bottom) * np.abs(kept[-1]).max()
    theta, nudges = path[1], 1e-3 * np.eye(p + 1)
    rises = [cost(X, y, theta + d, lam) - cost(X, y, theta - d, lam) for d in nudges]
    return path, Report(
        results={
            f"λ = {DECAY:g} m = {lam:g}: kept of each weight by 1 − αλ/m":
                1 - learning_rate * lam / m,
            f"‖w‖ after {steps:,} steps": np.linalg.norm(path[-1, :-1]),
        },
        checks=[
            # J is a parabola: its differences are wrong by roundings only, 1e-16 over 2e-3.
            Check("gradient = differences of J", gradient(X, y, theta, lam),
                  np.array(rises) / 2e-3, 1e-11),
            Check("w(1 − αλ/m) − α/m Σ … = L2's gradient, every step", other_form, path, BY_HAND),
            Check("w, b at every step = closed form", path, closed_form, 10 * BY_HAND),
            Check("w, b at the end = Ridge", path[-1], bottom, left + BY_HAND),
            # Slopes are means of numbers of size 1, for y has deviation 1: so are their roundings.
            Check.twin("w, b at every step, Keras L2 = by hand", keras_path, path, dtype,
                       2 * max(1, np.abs(path).max())),
        ],
    )  # fmt: skip


def shrinkage(X, y):
    """The bigger λ, the smaller the weights; the solutions, (len(RATIOS), p + 1), and a report."""
    lambdas = RATIOS * len(y)
    thetas = np.array([ridge(X, y, lam) for lam in lambdas])
    exact = np.array([in_scikit_learn(X, y, lam) for lam in lambdas])
    least = in_scikit_learn(X, y, 0)[:-1]
    _, d, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    shrunk = d**2 / (d**2 + lambdas[:, None]) * (Vt @ least)
    sizes = np.linalg.norm(thetas[:, :-1], axis=1)
    return thetas, Report(
        results={
            "‖w‖ of least squares": np.linalg.norm(least),
            f"‖w‖ for λ = {lambdas[0]:.3g} … {lambdas[-1]:.3g}": sizes,
        },
        checks=[
            # The normal equations multiply roundings by up to d²/λ, some 1e5.
            Check("w, b for every λ = Ridge", thetas, exact, 100 * BY_HAND),
            Check("along each singular vector: d²/(d² + λ) of least squares",
                  thetas[:, :-1] @ Vt.T, shrunk, 100 * BY_HAND),
            Check("‖w‖ falls at each larger λ", np.diff(sizes) < 0, np.ones(len(sizes) - 1), 0),
        ],
    )  # fmt: skip


def wobble(X, y, names, seed):
    """Noise of deviation σ on every x moves ŷ by σ‖w‖: least squares more than ridge."""
    m, p = X.shape
    both = np.column_stack([in_scikit_learn(X, y, lam) for lam in (0, DECAY * m)])
    model = build_model(p, SGD(), n_targets=2)  # one unit for each
    model.set_weights([both[:-1], both[-1]])
    noise = WOBBLE * np.random.default_rng(seed).normal(size=(WOBBLES, m, p))
    rows = np.concatenate([X[None], X + noise]).reshape(-1, p)
    here, *there = ops.convert_to_numpy(model(rows)).reshape(-1, m, 2)
    moves = (np.array(there) - here).reshape(-1, 2)
    spread, expected = moves.std(axis=0), WOBBLE * np.linalg.norm(both[:-1], axis=0)
    return Report(
        results={f"a wobble of {WOBBLE:g} in x moves ŷ by: least squares, ridge": spread},
        checks=[
            # A deviation estimated from N numbers is off by 1/√(2N) of itself.
            Check("move of ŷ ÷ σ‖w‖: least squares, ridge; 5 sigma", spread / expected, [1, 1],
                  5 / np.sqrt(2 * len(moves)), agreement=tolerance.twin("float32")),
            Check("the wobble moves ridge less", spread[1] < spread[0], 1, 0),
        ],
        figures={"weights": lambda: drawings.weights(
            RATIOS * m, shrinkage(X, y)[0], names, DECAY * m, moves, expected)},
    )  # fmt: skip


def polynomial(options):
    """Twelve powers of x on 15 noisy points of a sine: the test error, foretold and measured.

    A fit is linear in y: its predictions on new points are Hy. With y = f + noise of deviation σ
    the expected test error on M points is 1/M ‖Hf − f*‖² (bias²) + σ²/M ΣΣ H² (variance) + σ²,
    where f* is f on the new points.
    """
    rng = np.random.default_rng(options.seed)
    x, x_test = np.linspace(-1, 1, POINTS), np.linspace(-1, 1, 101)
    X, X_test = (at[:, None] ** np.arange(1, DEGREE + 1) for at in (x, x_test))
    f, f_test = np.sin(np.pi * x), np.sin(np.pi * x_test)
    draws = QUICK_DRAWS if options.quick else DRAWS
    Y, Y_test = (v[:, None] + NOISE * rng.normal(size=(len(v), draws)) for v in (f, f_test))

    lambdas = [0, *10.0 ** np.arange(-6, 2)]
    gentle = lambdas.index(GENTLE)
    squared_bias, variance, fits = [], [], []
    for lam in lambdas:
        theta = ridge(X, np.eye(POINTS), lam)  # H's columns are the fits to unit vectors
        H = X_test @ theta[:-1] + theta[-1]
        squared_bias.append(np.mean((H @ f - f_test) ** 2))
        variance.append(NOISE**2 * np.sum(H**2) / len(H))
        theta = in_scikit_learn(X, Y, lam)  # each draw of the noise is one target
        fits.append(X_test @ theta[:-1] + theta[-1])
    expected = np.array(squared_bias) + variance + NOISE**2
    errors = np.mean((np.array(fits) - Y_test) ** 2, axis=1)  # (λs, draws)
    measured, sigma = errors.mean(axis=1), errors.std(axis=1) / np.sqrt(draws)
    return Report(
        results={
            f"polynomial, test error for λ = 0, {GENTLE}: foretold": expected[[0, gentle]],
            f"polynomial, test error for λ = 0, {GENTLE}: measured": measured[[0, gentle]],
        },
        checks=[
            Check("test error = bias² + variance + σ², in standard errors",
                  (measured - expected) / sigma, np.zeros(len(lambdas)), 5),
            Check("the penalty lowers the test error", measured[gentle] < measured[0], 1, 0),
        ],
        figures={"polynomial": lambda: drawings.polynomial(
            (x, Y[:, 0]), (x_test, f_test), (fits[0][:, 0], fits[gentle][:, 0]), DEGREE,
            GENTLE, lambdas, expected, np.add(squared_bias, NOISE**2), measured)},
    )  # fmt: skip


def penalties(X, y, dtype):
    """The table above, each row for one target and for three: progression, body mass, pressure."""
    from sklearn.linear_model import ElasticNet, Lasso, Ridge

    m, features = len(X), np.delete(X, [2, 3], axis=1)
    Y = np.column_stack([y, X[:, [2, 3]]])
    exact = {"tol": 1e-14, "max_iter": 100_000}
    names, models, solutions = [], [], []
    for k in (1, 3):
        for estimator in (Ridge(m * ALPHA, solver="svd"), Lasso(ALPHA, **exact),
                          ElasticNet(ALPHA, l1_ratio=L1_RATIO, **exact)):  # fmt: skip
            fitted, name = estimator.fit(features, Y[:, :k]), type(estimator).__name__
            penalty = PENALTIES[name](estimator.alpha, L1_RATIO, m, k)
            names.append(f"{name}, k = {k}: Keras's slopes at scikit-learn's solution")
            models.append(build_model(8, SGD(), penalty, k, MeanSquaredError()))
            solutions.append([fitted.coef_.reshape(k, 8).T, np.reshape(fitted.intercept_, k)])
    wrong = slopes_not_flat(models, solutions, features.astype(dtype), Y.astype(dtype))
    return Report(
        results={"lasso, k = 3: weights that are 0, of 24": np.sum(solutions[4][0] == 0)},
        checks=[
            Check("three targets: W, b = Ridge", ridge(features, Y, m * ALPHA),
                  in_scikit_learn(features, Y, m * ALPHA), BY_HAND),
            # On JAX and PyTorch "mse" is averaged in float32 whatever comes in.
            *[Check.twin(name, slopes, np.zeros_like(slopes), "float32")
              for name, slopes in zip(names, wrong)],
        ],
    )  # fmt: skip


def slopes_not_flat(models, solutions, X, Y):
    """How far from 0 the slopes of each model's loss with penalty are at its solution (W, b).

    Where w = 0, |w| has a kink. So each 0 is moved up a little, where the slope must be ≥ 0,
    then down, where it must be ≤ 0; elsewhere both slopes are the same and must be 0.
    """
    X, Y, dtype = ops.convert_to_tensor(X), ops.convert_to_tensor(Y), X.dtype

    def total(pairs):
        added = 0.0
        for model, pair in zip(models, pairs):
            Y_hat, _, penalty = model.stateless_call(pair, [], X, return_losses=True)
            added = added + model.loss(Y[:, : Y_hat.shape[1]], Y_hat) + sum(penalty)
        return added

    def beside(nudge):
        moved = [[np.where(v == 0, nudge, v).astype(dtype) for v in pair] for pair in solutions]
        return [[ops.convert_to_numpy(g).ravel() for g in pair] for pair in slope(moved)[1]]

    slope = value_and_grad(total)
    up, down = ([np.concatenate(pair) for pair in beside(nudge)] for nudge in (1e-30, -1e-30))
    return [np.maximum(0, np.maximum(-above, below)) for above, below in zip(up, down)]


def weight_decay(X, y, dtype):
    """L2 in the cost or weight_decay in the optimizer: where they agree, and where they part."""
    m, p = X.shape
    lam = DECAY * m
    sgd = SGD(LEARNING_RATE, weight_decay=DECAY)
    heavy_sgd = sparing_b(SGD(LEARNING_RATE, momentum=MOMENTUM, weight_decay=DECAY))
    adam_w = sparing_b(AdamW(ADAM_RATE, DECAY, BETA_1, BETA_2, EPSILON))
    keras_plain = train(build_model(p, sgd), X, y, STEPS)
    keras_heavy, keras_adam_w = (apply(o, X, y, TWIN_STEPS) for o in (heavy_sgd, adam_w))
    by_sgd = partial(descend, X, y, LEARNING_RATE, STEPS)
    by_adam = partial(adam, X, y, ADAM_RATE, ADAM_STEPS)
    paths = {
        "SGD: either": by_sgd(lam=lam),
        "momentum: L2": by_sgd(lam=lam, momentum=MOMENTUM),
        "momentum: weight_decay": by_sgd(decay=DECAY, momentum=MOMENTUM),
        "Adam: L2": by_adam(lam=lam),
        "AdamW: weight_decay": by_adam(decay=DECAY),
    }
    l2, heavy_l2, heavy, adam_l2, decoupled = paths.values()
    penalties = {"Ridge(λ)": lam, "Ridge((1 − μ)λ)": (1 - MOMENTUM) * lam, "least squares": 0}
    ends = {name: in_scikit_learn(X, y, penalty) for name, penalty in penalties.items()}
    solution, weaker, least = ends.values()
    away = [np.linalg.norm(decoupled[-1] - end) for end in (solution, least)]
    # b's own descent, as X is centred: b ← b (1 − α·decay) − α (b − mean y).
    kept = (1 - LEARNING_RATE * (1 + DECAY)) ** np.arange(STEPS + 1)
    sizes = {name: np.linalg.norm(path[:, :-1], axis=1) for name, path in paths.items()}
    twin = partial(Check.twin, dtype=dtype)
    return Report(
        results={
            **{f"‖w‖ at the end, {name}": size[-1] for name, size in sizes.items()},
            "AdamW: how far from Ridge(λ), from least squares": away,
        },
        checks=[
            twin("SGD: w with Keras's weight_decay λ/m = w with L2", keras_plain[:, :-1],
                 l2[:, :-1], size=2),
            twin("SGD: Keras's weight_decay shrinks b too, = formula", keras_plain[:, -1],
                 y.mean() / (1 + DECAY) * (1 - kept), size=2),
            Check("momentum: L2 ends at Ridge(λ)", heavy_l2[-1], solution, BY_HAND),
            Check("momentum: weight_decay ends at Ridge((1 − μ)λ)", heavy[-1], weaker, BY_HAND),
            twin("momentum: weight_decay, b spared, Keras = by hand", keras_heavy,
                 heavy[: TWIN_STEPS + 1], size=5),
            Check("Adam: L2 ends at Ridge(λ)", adam_l2[-1], solution, 10 * BY_HAND),
            Check("AdamW ends 5 times nearer to least squares than to Ridge(λ)",
                  away[1] < away[0] / 5, 1, 0),
            twin("AdamW, b spared, Keras = by hand", keras_adam_w,
                 decoupled[: TWIN_STEPS + 1], size=2),
        ],
        figures={"decay": lambda: drawings.decay(
            sizes, {name: np.linalg.norm(end[:-1]) for name, end in ends.items()})},
    )  # fmt: skip


def your_table(options):
    """Ridge on a table of your own, with λ/m = 1/8 and every column of mean 0 and deviation 1."""
    from sklearn.preprocessing import scale

    table = data.load_table(options.data, options.target)
    (X, y), lam = table.scaled(), DECAY * len(table.y)
    curvatures = np.append(np.linalg.eigvalsh(X.T @ X / len(y)) + DECAY, 1)  # the last one is b's
    slowest, steepest = curvatures.min(), curvatures.max()
    factor = (steepest - slowest) / (steepest + slowest)
    needed = 1 + int(np.log(1e-10) / np.log(max(factor, 1e-10)))
    steps = options.steps or min(needed, MOST_STEPS)
    path, descent_report = by_descent(X, y, 2 / (slowest + steepest), steps, options.dtype)
    thetas, shrinkage_report = shrinkage(X, y)

    both = np.array([in_scikit_learn(X, y, 0), path[-1]])
    w, b = table.in_units(both[:, :-1], both[:, -1])
    y_hat = table.X @ w[1] + b[1]
    scaled = (y_hat - table.y.mean()) / table.y.std()
    exact = in_scikit_learn(scale(table.X), scale(table.y), lam)
    report = Report(
        results={
            **table.described(w, b, ": least squares, ridge"),
            "share of the variance explained by ridge":
                1 - np.mean((table.y - y_hat) ** 2) / table.y.var(),
        },
        checks=[
            Check("predictions in the table's units, scaled, = Ridge", scaled,
                  scale(table.X) @ exact[:-1] + exact[-1],
                  1e-9 + 2 * np.sqrt(len(exact)) * np.linalg.norm(exact) * factor**steps),
        ],
        figures={"table": lambda: drawings.table(
            RATIOS * len(y), thetas, table.columns, lam, table.y, y_hat, table.target)},
    )  # fmt: skip
    return Report.join(report, descent_report, shrinkage_report)


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="steps", own_data=True)


if __name__ == "__main__":
    raise SystemExit(main())
