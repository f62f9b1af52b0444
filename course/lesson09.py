"""Lesson 9: L1: the lasso and sparsity.

Which penalty makes weights exactly zero, and which training step arrives at that zero?

    lasso        J(w, b) = f(w, b) + α Σ |wⱼ|        f = 1/(2n) Σ (ŷᵢ − yᵢ)²,  ŷ = Xw + b
    elastic net  J(w, b) = f(w, b) + α Σ (ρ |wⱼ| + ½ (1 − ρ) wⱼ²)
    threshold    S(v, t) moves v towards zero by t: v − t, v + t, or 0 where |v| ≤ t
    ISTA         v = w − η ∂f/∂w      w ← S(v, ηαρ) / (1 + ηα(1 − ρ))      b ← b − η ∂f/∂b
    one weight   wⱼ ← S(pullⱼ, αρ) / (Gⱼⱼ + α(1 − ρ))      pullⱼ = cⱼ − Σ Gⱼₖwₖ over k ≠ j
    shapes       X: (n, p)   y: (n,)   w, c = Xᵀy/n: (p,)   G = XᵀX/n: (p, p)   θ = (w, b): (p + 1,)

|w| has a corner at 0: a weight leaves 0 only where f falls by more than α per unit. So weights are
exactly zero, all of them from α = α_max = max |cⱼ| on. w² is flat at 0: any gradient moves the
weight. A gradient step up to the corner jumps over it; S, the proximal step, stops there.

Run it:     python -m course.lesson09      (--data FILE.csv --target COLUMN: a table of your own)
Checked in: course/checks/lesson09.py
Read more:  T. Hastie, R. Tibshirani, M. Wainwright, Statistical Learning with Sparsity, 2015, 2, 5
"""

import keras
import numpy as np

from course import data, prox
from course.lesson03 import gradient, train
from course.lesson08 import load_data
from course.optimizers import ProximalSGD

CORNER_ALPHAS = 0.5, 2.0  # of F(x) = ½ (x − 1)² + α|x|, x a number: fixed by the course
LEARNING_RATE, STEPS, ALPHA = 1 / 4, 400, 1 / 16  # η and α on the diabetes data
NETS = {"lasso": (ALPHA, 1.0), "elastic net": (2 * ALPHA, 0.5)}  # α and ρ; αρ is the same
TRUE = np.array([0, 0, 2, 0, 0, 0, 0, -1.5, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0])  # true weights
CORRELATION, NOISES = 0.5, np.array([0.1, 0.3, 1, 2, 4, 8])  # of neighbouring features; σ
SAMPLES, DATA_SETS, QUICK_DATA_SETS, ONE_ALPHA = 500, 50, 20, 0.1  # n; one α for every σ
TABLE_ALPHA, MAX_CONDITION = 0.1, 1e8  # of a table of your own: α ÷ α_max; λmax/λmin of G


# By hand -------------------------------------------------------------------------------------
def soft_threshold(v, t):
    """S(v, t): where ½ (x − v)² + t|x| has its minimum."""
    return np.maximum(v - t, 0) - np.maximum(-v - t, 0)


def project_l1_ball(w, radius=1.0):
    """The nearest point of the diamond Σ|wⱼ| ≤ radius: S(w, t) with the smallest t that fits."""
    size = np.sort(np.abs(w))[::-1]
    t = np.max((np.cumsum(size) - radius) / np.arange(1, len(w) + 1))  # k left: (sum − radius)/k
    return soft_threshold(w, max(t, 0))


def project_l2_ball(w, radius=1.0):
    """The nearest point of the circle √Σwⱼ² ≤ radius."""
    return w * min(1, radius / np.linalg.norm(w))


def ista(X, y, alpha, learning_rate, steps, l1_ratio=1.0):
    """Proximal gradient descent from θ = 0; θ at every step, (steps + 1, p + 1)."""
    path = [np.zeros(X.shape[1] + 1)]
    while len(path) <= steps and np.abs(path[-1]).max() < 1e100:  # beyond, it has diverged
        v = path[-1] - learning_rate * gradient(X, y, path[-1]) / 2  # lesson 3's cost is 2f
        w = soft_threshold(v[:-1], learning_rate * alpha * l1_ratio)
        path.append(np.append(w / (1 + learning_rate * alpha * (1 - l1_ratio)), v[-1]))
    return np.array(path)


def moments(X, y):
    """G = XᵀX/n and c = Xᵀy/n with the columns' means subtracted: all that w depends on."""
    X, y = X - X.mean(axis=0), y - y.mean()
    return X.T @ X / len(y), X.T @ y / len(y)


def coordinate_descent(G, c, alpha, l1_ratio=1.0, sweeps=10_000):
    """Minimise J over one weight after the other, until none moves; many problems (...) at once."""
    w, l2 = np.zeros(np.broadcast_shapes(c.shape, (*np.shape(alpha), 1))), alpha * (1 - l1_ratio)
    for _ in range(sweeps):
        before = w.copy()
        for j in range(c.shape[-1]):
            w[..., j] = 0
            pull = c[..., j] - np.sum(G[..., j, :] * w, axis=-1)
            w[..., j] = soft_threshold(pull, alpha * l1_ratio) / (G[..., j, j] + l2)
        if np.abs(w - before).max() <= 1e-14 * np.abs(w).max():
            break
    return w


# In Keras ------------------------------------------------------------------------------------
def build_model(n_features, alpha, l1_ratio=1.0, learning_rate=LEARNING_RATE, proximal=True):
    """ŷ = Xw + b from θ = 0, with a proximal step, or with Keras's L1 penalty under plain SGD."""
    # Keras's "mse" is 2f: so α is doubled, and half the learning rate makes the same step.
    optimizer, penalty = keras.optimizers.SGD(learning_rate / 2), keras.regularizers.L1(2 * alpha)
    if proximal:
        optimizer = ProximalSGD(learning_rate / 2, prox=prox.ElasticNet(2 * alpha, l1_ratio))
        penalty = None
    dense = keras.layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((n_features,)), dense])
    model.compile(optimizer=optimizer, loss="mse")
    return model


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    if options.table:
        return {"table": fit_table(options.table, options.steps)}
    (X, y, names), alphas = load_data(), np.unique([*np.arange(13) / 4, *CORNER_ALPHAS])
    return {
        "corner": dict(alphas=alphas, minima=soft_threshold(1.0, alphas)),
        "balls": diamond_and_circle(),
        "diabetes": sparse_fits(X, y, names, options.steps or STEPS),
        "alphas": every_alpha(X, y),
        "selection": selection(options.seed, QUICK_DATA_SETS if options.quick else DATA_SETS),
    }


def diamond_and_circle():
    """Two weights: descent on f that each step projects onto the diamond, or onto the circle."""
    X, y = data.load_two_features()
    (G, c), diamond, circle = moments(X, y), np.zeros(2), np.zeros(2)
    for _ in range(40):
        diamond = project_l1_ball(diamond - (G @ diamond - c))  # η = 1; ∂f/∂w = Gw − c
        circle = project_l2_ball(circle - (G @ circle - c))
    return dict(X=X, y=y, diamond=diamond, circle=circle)


def sparse_fits(X, y, names, steps):
    """Lasso and elastic net by hand and in Keras; and Keras's own L1 penalty under plain SGD."""
    by_hand = {k: ista(X, y, a, LEARNING_RATE, steps, r) for k, (a, r) in NETS.items()}
    in_keras = {k: train(build_model(len(names), *net), X, y, steps) for k, net in NETS.items()}
    under_sgd = train(build_model(len(names), ALPHA, proximal=False), X, y, steps)
    return dict(X=X, y=y, names=names, by_hand=by_hand, in_keras=in_keras, under_sgd=under_sgd)


def every_alpha(X, y):
    """The lasso at 30 α, from just above α_max down to 1/100 of it; and with one column twice."""
    (G, c), j = moments(X, y), np.argmax(np.abs(X.T @ (y - y.mean())))  # j: body mass index
    alphas = np.abs(c).max() * np.array([1.001, 0.999, *np.geomspace(0.9, 1e-2, 28)])
    more = moments(np.column_stack([X, X[:, j]]), y)  # that feature once more
    twice = np.array([coordinate_descent(*more, *net)[[j, -1]] for net in NETS.values()])
    return dict(X=X, y=y, alphas=alphas, w=coordinate_descent(G, c, alphas), twice=twice)


def selection(seed, data_sets):
    """Data whose true weights are known: does the lasso find the features that have one?"""
    rng, j = np.random.default_rng(seed), np.arange(len(TRUE))
    covariance = CORRELATION ** np.abs(j[:, None] - j)
    X = rng.normal(size=(data_sets, SAMPLES, len(j))) @ np.linalg.cholesky(covariance).T
    X = X - X.mean(axis=1, keepdims=True)
    y = X @ TRUE + np.reshape(NOISES, (-1, 1, 1)) * rng.normal(size=(data_sets, SAMPLES))
    G, c = X.mT @ X / SAMPLES, np.einsum("dnp,sdn->sdp", X, y) / SAMPLES  # XᵀX/n, Xᵀy/n
    # The pull of noise is about σ/√n, the largest of p pulls √(2 ln p) σ/√n; α is twice that.
    one, pull = np.full(len(NOISES), ONE_ALPHA), np.sqrt(2 * np.log(len(j)) / SAMPLES)
    alphas = np.stack([one, 2 * pull * np.array(NOISES)])
    w = coordinate_descent(G, c, alphas[..., None])  # (2, σ, sets, p)
    hits = np.sum((w != 0) & (TRUE != 0), axis=(-2, -1))
    precision = hits / np.maximum(np.sum(w != 0, axis=(-2, -1)), 1)  # of those found, true
    recall = hits / (data_sets * np.sum(TRUE != 0))  # of the true ones, found
    return dict(X=X, y=y, alphas=alphas, w=w, precision=precision, recall=recall)


def fit_table(table, steps=None):
    """The lasso on a table of your own, every column standardised, at a tenth of α_max."""
    table.require_correlation()
    X, y = table.scaled(max_condition=None if steps else MAX_CONDITION)
    (G, c), steps = moments(X, y), steps or STEPS
    alpha, rate = TABLE_ALPHA * np.abs(c).max(), 1 / np.linalg.eigvalsh(G)[-1]
    by_hand, w = ista(X, y, alpha, rate, steps), coordinate_descent(G, c, alpha)
    in_keras = train(build_model(len(c), alpha, learning_rate=rate), X, y, steps)
    return dict(table=table, X=X, y=y, alpha=alpha, w=w, by_hand=by_hand, in_keras=in_keras)


def selected(names, path):
    """The features whose weights are not 0 at the end of a path, or when it was lost."""
    lost = np.flatnonzero(~(np.abs(path).max(axis=1) < 1e30))
    found = ", ".join(name for name, weight in zip(names, path[-1]) if weight != 0) or "none"
    return f"diverged after {lost[0]} steps" if len(lost) else found


def results(measured):
    """What a learner should see first: {what: number}."""
    if "table" in measured:
        table, alpha, w = (measured["table"][name] for name in ("table", "alpha", "w"))
        shown = {"standardised α": alpha, "selected": selected(table.columns, w[None])}
        return table.described(*table.in_units(w)) | shown
    _, balls, fits, alphas, found = measured.values()
    least = np.abs(fits["under_sgd"][-1, :-1]).min()
    return {
        **{f"α = {a:g}: F has its minimum at": soft_threshold(1.0, a) for a in CORNER_ALPHAS},
        **{f"{name}: minimum at w1, w2": balls[name] for name in ("diamond", "circle")},
        **{f"{k} selects": selected(fits["names"], path) for k, path in fits["by_hand"].items()},
        "L1 under SGD: the smallest |w| at the end": least if least < 1e30 else "diverged",
        **{f"one feature twice, {name}: weights": w for name, w in zip(NETS, alphas["twice"])},
        f"precision at σ = {NOISES[-1]:g}: with one α, with an α for σ": found["precision"][:, -1],
        f"recall at σ = {NOISES[-1]:g}: with one α, with an α for σ": found["recall"][:, -1],
    }


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
