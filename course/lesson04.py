"""Lesson 4: Batch, stochastic and mini-batch descent.

How many rows should one step look at: all of them, one, or twenty?

    cost        J(w, b) = 1/n Σ (ŷᵢ − yᵢ)²                     ŷᵢ = w xᵢ + b
    gradient    ∂J/∂θ = 1/n Σ gᵢ,   gᵢ = 2 (ŷᵢ − yᵢ) (xᵢ, 1)   θ = (w, b)
    update      θ ← θ − η · mean of gᵢ over the rows of the batch

The batch is all n rows (batch descent), one row (stochastic descent) or B rows (mini-batch
descent). On average each gives the same gradient; an epoch, in which every row is used once,
holds 1, n or n/B updates. The fewer the rows, the noisier the updates: near the minimum θ keeps
a spread of about σ √(η/B), where σ is the standard deviation of the noise in y. Where the cost
has two minima, this noise can lead out of the wrong one.

    X: shape (n, 1)    y: shape (n,)    θ: shape (2,)
    order of the rows: shape (epochs, n)    path, θ at every update: shape (updates + 1, 2)

Run it:     python -m course.lesson04
Checked in: course/checks/lesson04.py
Read more:  L. Bottou and others, Optimization Methods for Large-Scale Machine Learning, 2018, 4
"""

import time

import keras
import numpy as np

from course.lesson03 import cost, gradient, least_squares

POINTS, NOISE, DATA_SEED = 100, 0.5, 0  # n, σ; --seed draws the order of the rows, not the points
LEARNING_RATE, EPOCHS, BATCH_SIZE = 0.01, 50, 20  # fixed by the course; from θ = 0
NOISY, KERAS_EPOCHS = ("stochastic", "mini-batch"), 2  # of stochastic descent: slow in `fit`
RUNS, QUICK_RUNS, RUN_UPDATES = 400, 100, 1500  # repeated descents, to measure the spread
TILT, TILT_NOISE = 0.9, 3.4  # of the double well; half the samples' tilts are higher, half lower
WELL_RATE, WELL_EPOCHS, STARTS, WELL_BATCH = 0.05, 100, 100, {"stochastic": 1, "mini-batch": 5}


def load_data():
    """y = 3 + 2x + noise for x in [0, 2): X (100, 1), y (100,)."""
    rng = np.random.default_rng(DATA_SEED)
    x = 2 * rng.random(POINTS)
    return x[:, None], 3 + 2 * x + NOISE * rng.normal(size=POINTS)


KINDS = {"batch": len(load_data()[1]), "stochastic": 1, "mini-batch": BATCH_SIZE}  # rows, B


# By hand -------------------------------------------------------------------------------------
def batch_gradient(X, y, rows, theta):
    """The mean of gᵢ over the rows of the batch; the rows outside do not matter."""
    return gradient(X[rows], y[rows], theta)


def mistaken_gradient(X, y, rows, theta):
    """The common mistake: the loop goes over mini-batches, and the gradient over all of X."""
    return gradient(X, y, theta)  # X[rows] and y[rows] are meant


def descend(X, y, order, batch_size, gradient_of=batch_gradient):
    """All three kinds of descent, from θ = 0; only the batch size differs. Return the path."""
    path = [np.zeros(2)]
    for rows in np.split(np.ravel(order), range(batch_size, order.size, batch_size)):
        if np.abs(path[-1]).max() < 1e100:  # beyond, it has diverged
            path.append(path[-1] - LEARNING_RATE * gradient_of(X, y, rows, path[-1]))
    return np.array(path)


def roughness(costs):
    """The mean rise of the cost from one update to the next; a fall counts as 0."""
    return np.mean(np.maximum(np.diff(costs), 0))


def leak(gradient_of, X, y, rows, theta):
    """How far a batch's gradient moves when y changes by 1 in a row outside: it should be 0."""
    changed = y.copy()
    changed[np.setdiff1d(np.arange(len(y)), rows)[0]] += 1
    return np.abs(gradient_of(X, changed, rows, theta) - gradient_of(X, y, rows, theta)).max()


def descend_double_well(w, tilts):
    """Descent on J(w) = (w² − 1)² + c w from k starts; tilts: the c of each batch, (updates, k)."""
    for c in tilts:
        step = WELL_RATE * (4 * w * (w**2 - 1) + c)
        w = np.where(np.abs(w) < 1e9, w - step, w)  # beyond, it has diverged
    return w


# In Keras ------------------------------------------------------------------------------------
def build_model(learning_rate=LEARNING_RATE):
    """ŷ = wx + b as one Dense unit, from θ = 0: the same model for all three kinds."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="mse")
    return model


def train(model, X, y, order, batch_size):
    """Train on the rows in this order, one epoch behind the other: θ at the end."""
    X, y = np.take(X, np.ravel(order), axis=0), np.take(y, np.ravel(order))
    model.fit(X, y, batch_size=batch_size, shuffle=False, verbose=0)
    return np.concatenate([w.ravel() for w in model.get_weights()])


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    X, y = load_data()
    rng = np.random.default_rng(options.seed)
    order = np.array([rng.permutation(len(y)) for _ in range(options.epochs or EPOCHS)])
    return {
        "kinds": compare_kinds(X, y, order, 1 if options.quick else KERAS_EPOCHS),
        "gradients": divide_rows(X, y, order[0]),
        "spread": repeat(X, y, QUICK_RUNS if options.quick else RUNS, rng),
        "mistake": make_mistake(X, y, order),
        "double_well": escape(rng),
    }


def compare_kinds(X, y, order, few):
    """The same rows in the same order, by hand and in Keras; there only few stochastic epochs."""
    paths, ms, in_keras, counted = {}, {}, {}, {}
    for kind, batch_size in KINDS.items():
        start = time.perf_counter()
        paths[kind] = descend(X, y, order, batch_size)
        ms[kind] = 1e3 * (time.perf_counter() - start) / len(order)
        model, epochs = build_model(), few if kind == "stochastic" else len(order)
        in_keras[kind] = train(model, X, y, order[:epochs], batch_size)
        counted[kind] = int(model.optimizer.iterations)
    return dict(X=X, y=y, few=few, paths=paths, ms=ms, in_keras=in_keras, counted=counted)


def divide_rows(X, y, rows):
    """At three θ: the gradients of the batch, of every sample and of every mini-batch."""
    thetas = np.array([[0.0, 0.0], [2.0, 3.0], [-4.0, 7.0]])
    gradients = {}
    for kind, batch_size in KINDS.items():
        batches = np.split(rows, range(batch_size, len(y), batch_size))
        each = [[batch_gradient(X, y, batch, theta) for batch in batches] for theta in thetas]
        gradients[kind] = np.array(each)  # (3, number of batches, 2)
    return dict(X=X, y=y, thetas=thetas, gradients=gradients)


def repeat(X, y, runs, rng):
    """Where θ ends in many runs that draw their rows at random, (runs, 2) for each kind."""
    x, ends = X[:, 0], {}
    for kind in NOISY:
        theta = np.zeros((2, runs))
        for _ in range(RUN_UPDATES):
            rows = rng.integers(len(y), size=(KINDS[kind], runs))  # a column for each run
            error = x[rows] * theta[0] + theta[1] - y[rows]
            mean = np.array([np.mean(x[rows] * error, axis=0), np.mean(error, axis=0)])
            theta = np.where(np.abs(theta) < 1e100, theta - 2 * LEARNING_RATE * mean, theta)
        ends[kind] = theta.T
    return dict(X=X, y=y, ends=ends)


def make_mistake(X, y, order):
    """Mini-batch descent without and with the common mistake, and the leak that shows it."""
    versions = {"right": batch_gradient, "mistake": mistaken_gradient}
    size, theta = KINDS["mini-batch"], np.zeros(2)
    paths = {name: descend(X, y, order, size, g) for name, g in versions.items()}
    batches = np.split(order[0], range(size, len(y), size))
    leaks = {name: [leak(g, X, y, rows, theta) for rows in batches] for name, g in versions.items()}
    return dict(X=X, y=y, batches=batches, paths=paths, leaks=leaks)


def escape(rng):
    """Many starts near the higher minimum of the double well: which kind gets out of it?"""
    ridge = np.sort(np.roots([4, 0, -4, TILT]).real)[1]  # J′(w) = 0, between the two minima
    c = TILT + TILT_NOISE * np.resize([1.0, -1.0], POINTS)
    start = rng.uniform(0.5, 1.2, STARTS)
    ends = {"batch": descend_double_well(start, np.full((WELL_EPOCHS, 1), c.mean()))}
    for kind in NOISY:
        updates = WELL_EPOCHS * POINTS // WELL_BATCH[kind]
        rows = rng.integers(POINTS, size=(updates, STARTS, WELL_BATCH[kind]))
        ends[kind] = descend_double_well(start, c[rows].mean(axis=-1))
    return dict(start=start, ends=ends, escaped={k: np.mean(w < ridge) for k, w in ends.items()})


def results(measured):
    """What a learner should see first: {what: number}."""
    kinds, ends, names = measured["kinds"], measured["spread"]["ends"], ", ".join(KINDS)
    X, y, paths = kinds["X"], kinds["y"], kinds["paths"].values()
    minimum, escaped = least_squares(X, y), measured["double_well"]["escaped"]
    found = {
        f"updates: {names}": [len(path) - 1 for path in paths],
        f"ms per epoch: {names}": kinds["ms"].values(),
        f"roughness: {names}": [roughness(cost(X, y, path)) for path in paths],
        f"distance from least squares: {names}": [np.linalg.norm(p[-1] - minimum) for p in paths],
        **{f"spread of w and b, {kind}": ends[kind].std(axis=0) for kind in NOISY},
        "by the rule σ √(η/B)": [NOISE * np.sqrt(LEARNING_RATE / KINDS[kind]) for kind in NOISY],
        "leak: right, mistake": [leaks[0] for leaks in measured["mistake"]["leaks"].values()],
        f"fraction that escaped: {', '.join(escaped)}": escaped.values(),
    }
    return {k: [v if v < 1e30 else "diverged" for v in values] for k, values in found.items()}


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
