"""Lesson 8: L2: ridge and weight decay.

What does a price on large weights do, and is an optimizer's weight decay the same price?

    cost        J(w, b) = 1/(2n) Σ (ŷᵢ − yᵢ)² + α/(2n) Σ wⱼ²     ŷ = Xw + b; b has no price
    gradient    ∂J/∂w = 1/n Xᵀ(ŷ − y) + α/n w                    ∂J/∂b = 1/n Σ (ŷᵢ − yᵢ)
    update      w ← w (1 − ηα/n) − η/n Σ (ŷᵢ − yᵢ) xᵢ            = w − η ∂J/∂w; η: learning rate
    minimum     ridge: w = (XᵀX + αI)⁻¹ Xᵀy, X and y centred     b = mean y − (mean x)·w

Many courses write α for the learning rate and λ for the penalty: θ ← θ(1 − αλ/m) − …. Optimizers
with weight_decay=α/n make this update without a penalty: SGD ends at ridge; momentum, AdamW do not.
    X: shape (n, p)    y: shape (n,)    θ = (w, b): shape (p + 1,), or (p + 1, k) for k targets

Run it:     python -m course.lesson08      (--data FILE.csv --target COLUMN: a table of your own)
Checked in: course/checks/lesson08.py
Read more:  I. Loshchilov, F. Hutter, Decoupled Weight Decay Regularization, arXiv:1711.05101
"""

import keras
import numpy as np
from keras.optimizers import SGD, Adam, AdamW
from keras.regularizers import L1, L1L2, L2

from course.autodiff import model_gradient
from course.lesson03 import half_squared_error, train

DECAY, RATIOS = 1 / 8, np.geomspace(1e-4, 1e2, 37)  # α/n; from weak to strong
LEARNING_RATE, MOMENTUM, STEPS, QUICK_STEPS = 0.4, 7 / 8, 500, 150
POINTS, DEGREE, NOISE = 15, 12, 0.3  # a polynomial on few points; the noise in their y
RIDGE_ALPHAS, DRAWS, QUICK_DRAWS = np.array([0, *10.0 ** np.arange(-6, 2)]), 2000, 500  # of noise
ADAM_STEPS, ADAM = 2000, {"learning_rate": 0.01, "beta_1": 7 / 8, "beta_2": 1 - 1 / 1024}
ALPHA, L1_RATIO = 3 / 32, 1 / 2  # scikit-learn's alpha and l1_ratio: a and r below
PENALTIES = {  # scikit-learn's estimators in Keras with loss="mse", for n rows and k targets
    "Ridge": lambda a, r, n, k: L2(a / (n * k)),
    "Lasso": lambda a, r, n, k: L1(2 * a / k),
    "ElasticNet": lambda a, r, n, k: L1L2(l1=2 * a * r / k, l2=a * (1 - r) / k),
}


def load_data():
    """Diabetes: 10 features of mean 0, deviation 1 of 442 patients; y of deviation 1; names."""
    from sklearn.datasets import load_diabetes

    table = load_diabetes()  # its columns have mean 0 and length 1
    X = table.data * np.sqrt(len(table.data))
    return X, table.target / table.target.std(), table.feature_names


# By hand -------------------------------------------------------------------------------------
def gradient(X, y, theta, alpha=0.0):
    """(∂J/∂w, ∂J/∂b), shape (p + 1,)."""
    error = X @ theta[:-1] + theta[-1] - y
    return np.append(X.T @ error + alpha * theta[:-1], error.sum()) / len(y)


def descend(X, y, learning_rate, steps, alpha=0.0, decay=0.0, momentum=0.0):
    """Descent from θ = 0, with the penalty α or with weight decay; θ until it has diverged."""
    path, v = [np.zeros(X.shape[1] + 1)], 0.0
    factor = np.append(np.full(X.shape[1], 1 - learning_rate * decay), 1)  # b does not decay
    while len(path) <= steps and np.abs(path[-1]).max() < 1e100:  # beyond, it has diverged
        v = momentum * v - learning_rate * gradient(X, y, path[-1], alpha)
        path.append(factor * path[-1] + v)
    return np.array(path)


def ridge(X, y, alpha):
    """The minimum of J: θ of shape (p + 1,), or (p + 1, k) for y of shape (n, k)."""
    Z = X - X.mean(axis=0)
    w = np.linalg.lstsq(Z.T @ Z + alpha * np.eye(X.shape[1]), Z.T @ (y - y.mean(axis=0)))[0]
    return np.concatenate([w, [y.mean(axis=0) - X.mean(axis=0) @ w]])


# In Keras ------------------------------------------------------------------------------------
def build_model(n_features, optimizer, penalty=None, n_targets=1, loss=half_squared_error):
    """ŷ = Xw + b from θ = 0. A penalty is on w alone; L2(c) is c Σ wⱼ², so in J c is α/(2n)."""
    dense = keras.layers.Dense(n_targets, kernel_initializer="zeros", kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((n_features,)), dense])
    model.compile(optimizer=optimizer, loss=loss)
    return model


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    if options.table:
        return fit_table(options.table, options.steps)
    X, y, names = load_data()
    alpha, steps = DECAY * len(y), options.steps or (QUICK_STEPS if options.quick else STEPS)
    return {
        "descent": fit(X, y, alpha, LEARNING_RATE, steps),
        "shrinkage": shrink(X, y, names),
        "polynomial": fit_polynomials(options.seed, QUICK_DRAWS if options.quick else DRAWS),
        "penalties": convert_penalties(X, y),
        "decay": compare_decay(X, y, alpha),
    }


def fit(X, y, alpha, learning_rate, steps):
    """The same descent three times: with the penalty, with weight decay, and in Keras."""
    given, n = (X, y, learning_rate, steps), len(y)
    model = build_model(X.shape[1], SGD(learning_rate), L2(alpha / (2 * n)))
    paths = dict(by_hand=descend(*given, alpha), by_decay=descend(*given, decay=alpha / n))
    paths["in_keras"] = train(model, X, y, steps)
    return dict(X=X, y=y, alpha=alpha, learning_rate=learning_rate, model=model, **paths)


def shrink(X, y, names):
    """Ridge for many α: the larger α, the smaller the weights."""
    thetas = np.array([ridge(X, y, alpha) for alpha in np.multiply(RATIOS, len(y))])
    return dict(X=X, y=y, names=names, alphas=np.multiply(RATIOS, len(y)), thetas=thetas)


def fit_polynomials(seed, draws):
    """Powers of x on noisy points of a sine: for each α, the errors on new points."""
    rng = np.random.default_rng(seed)
    X, X_new = (np.linspace(-1, 1, n)[:, None] ** np.arange(1, DEGREE + 1) for n in (POINTS, 101))
    sine, sine_new = np.sin(np.pi * X[:, :1]), np.sin(np.pi * X_new[:, :1])
    Y, Y_new = (f + NOISE * rng.normal(size=(len(f), draws)) for f in (sine, sine_new))
    thetas = np.array([ridge(X, np.hstack([sine, Y]), alpha) for alpha in RIDGE_ALPHAS])
    fits = X_new @ thetas[:, :-1] + thetas[:, -1:]  # (αs, 101, 1 + draws)
    bias = fits[..., 0] - sine_new[:, 0]  # ŷ is linear in y: that is the mean of all fits' errors
    errors = np.mean((fits[..., 1:] - Y_new) ** 2, axis=1)  # (αs, draws)
    return dict(X=X, X_new=X_new, y=Y[:, 0], fits=fits[..., 1], bias=bias, errors=errors)


def convert_penalties(X, y):
    """Keras's gradient at scikit-learn's solutions, for one target and for three."""
    from sklearn.linear_model import ElasticNet, Lasso, Ridge

    n, others = len(X), np.arange(2, min(4, X.shape[1]))  # columns 2, 3: body mass, blood pressure
    X, Y = np.delete(X, others, axis=1), np.column_stack([y, X[:, others]])
    exact, weights, gradients = {"tol": 1e-14, "max_iter": 100_000}, {}, {}
    lasso, net = Lasso(ALPHA, **exact), ElasticNet(ALPHA, l1_ratio=L1_RATIO, **exact)
    estimators = {"Ridge": Ridge(n * ALPHA, solver="svd"), "Lasso": lasso, "ElasticNet": net}
    for k in (1, Y.shape[1]):
        for name, penalty in PENALTIES.items():
            fitted, key = estimators[name].fit(X, Y[:, :k]), f"{name}, k = {k}"
            W, b = fitted.coef_.reshape(k, -1).T, np.reshape(fitted.intercept_, k)  # (p, k), (k,)
            model = build_model(len(W), SGD(), penalty(fitted.alpha, L1_RATIO, n, k), k, "mse")
            beside = np.where(W == 0, 1e-30, W)  # |w| has no derivative at 0 itself
            weights[key], gradients[key] = W, model_gradient(model, [beside, b], X, Y[:, :k])
    return dict(X=X, Y=Y, by_hand=ridge(X, Y, n * ALPHA), weights=weights, gradients=gradients)


def compare_decay(X, y, alpha):
    """The penalty in the cost beside weight decay: SGD without and with momentum, and Adam."""
    settings = {
        "SGD: weight_decay": (SGD(LEARNING_RATE, weight_decay=DECAY), None, STEPS),
        "momentum: weight_decay": (SGD(LEARNING_RATE, MOMENTUM, weight_decay=DECAY), None, STEPS),
        "Adam: L2": (Adam(**ADAM), L2(DECAY / 2), ADAM_STEPS),
        "AdamW: weight_decay": (AdamW(**ADAM, weight_decay=DECAY), None, ADAM_STEPS),
    }
    paths = {"momentum: L2": descend(X, y, LEARNING_RATE, STEPS, alpha, momentum=MOMENTUM)}
    for name, (optimizer, penalty, steps) in settings.items():
        if name != "SGD: weight_decay":  # there b decays too
            optimizer.exclude_from_weight_decay(var_names=["bias"])
        paths[name] = train(build_model(X.shape[1], optimizer, penalty), X, y, steps)
    return dict(X=X, y=y, alpha=alpha, paths=paths)


def fit_table(table, steps=None):
    """Ridge on a table of your own, every column standardised, at the best learning rate."""
    X, y = table.scaled()
    low, high = np.linalg.eigvalsh(X.T @ X / len(y))[[0, -1]] + DECAY  # curvatures of J along w
    descent = fit(X, y, DECAY * len(y), 2 / (low + high), steps or 10 + int(12 * high / low))
    shown = dict(table=table, theta=descent["by_hand"])
    return {"descent": descent, "shrinkage": shrink(X, y, table.columns), "table": shown}


def length(path):
    """‖w‖ at the end of a path, or when it was lost."""
    lost = np.flatnonzero(~(np.abs(path).max(axis=1) < 1e30))
    return f"diverged after {lost[0]} steps" if len(lost) else np.linalg.norm(path[-1, :-1])


def results(measured):
    """What a learner should see first: {what: number}."""
    fits, shrinkage, *others = measured.values()
    path, both = fits["by_hand"], np.array([ridge(fits["X"], fits["y"], 0), fits["by_hand"][-1]])
    shown = {
        "‖w‖ of least squares": np.linalg.norm(both[0, :-1]),
        f"‖w‖ after {len(fits['in_keras']) - 1} steps with α = {fits['alpha']:g}": length(path),
        "factor 1 − ηα/n in each step": 1 - fits["learning_rate"] * DECAY,
        "‖w‖ of ridge as α grows": np.linalg.norm(shrinkage["thetas"][:, :-1], axis=1),
    }
    if "table" in measured:
        table = measured["table"]["table"]
        w, b = table.in_units(both[:, :-1], both[:, -1])
        return {**table.described(w, b, ": least squares, ridge"), **shown}
    errors, weights, paths = others[0]["errors"], others[1]["weights"], others[2]["paths"]
    for i in (0, np.argmin(errors.mean(axis=1))):
        shown[f"polynomial, α = {RIDGE_ALPHAS[i]:g}: error on new points"] = errors[i].mean()
    shown |= {f"{k}: weights that are 0": np.sum(W == 0) for k, W in weights.items() if k[0] == "L"}
    return shown | {f"‖w‖ at the end, {name}": length(path) for name, path in paths.items()}


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
