"""Lesson 13: Randomness.

A training makes three random draws. How much does each change the result?

    initial weights      where descent starts
    order of batches     which rows each step sees
    noise in the data    what the rows say

    network    H = σ(X W₁ + b₁)       P = softmax(H W₂ + b₂)        σ: sigmoid
    cost       J = −mean log P        of each row's right class
    update     v ← μv − η ∂J/∂w       w ← w + v         by mini-batches, with momentum μ

Make one draw anew in every run and keep the other two: this draw alone then causes the variance
of the result f. Or replace one draw in every run, which gives f′: ½ mean((f − f′)²), half because
both vary, is the part of this draw. The variance of f is at most the sum of the three parts (Efron
and Stein). How many runs then tell two learning rates apart?

    X: shape (n, p)    W1: shape (p, q)    W2: shape (q, 10)    P: shape (n, 10)    runs: (s, 3)

Run it:     python -m course.lesson13 [--data mnist | --data ARCHIVE.npz]
Checked in: course/checks/lesson13.py
Read more:  B. Efron, C. Stein, Annals of Statistics 9, 1981, doi:10.1214/aos/1176345462.
"""

import keras
import numpy as np

from course import data, training
from course.training import seeds as reruns
from course.training.network import accuracy, backward, cost

SOURCES = ("initial weights", "order of batches", "noise in the data")
SEEDS, QUICK_SEEDS, POOL, QUICK_POOL = 20, 4, 200, 60  # runs: one draw new in each; all three
PIXEL_NOISE = 0.5  # its standard deviation; pixels are from 0, paper, to 1, ink
HIDDEN, LEARNING_RATE, MOMENTUM, BATCH_SIZE, EPOCHS = 16, 0.5, 0.875, 50, 5  # q, η, μ, rows, epochs
OTHER_RATE, GROUPS = 0.45, 4000  # compared with 0.5; groups of 20 runs, each with a best one
ROWS, TRUTH, SIGMA = 60, np.array([1.0, -2.0, 0.5]), 1.0  # linear regression: true w, noise
ROW_RATE, ROW_BATCH, ROW_STEPS, FITS, QUICK_FITS = 0.02, 10, 300, 1000, 300


def load_data(source=None):
    """Digits as pairs X (n, 64), y (n,): 500 to train, 300 to validate, 997 to test."""
    return data.load_small_digits(source)


def draw(seed, run, X, epochs=EPOCHS, shapes=None):
    """All that is random in a run, which has a number for each draw: same number, same draw."""
    start, order, noise = (np.random.default_rng([seed, i, k]) for i, k in enumerate(run))
    n, p = X.shape
    shapes = shapes or [(p, HIDDEN), (HIDDEN,), (HIDDEN, 10), (10,)]  # of W1, b1, W2, b2
    weights = [start.normal(size=s) / s[0] ** 0.5 if s[1:] else np.zeros(s) for s in shapes]
    rows = np.concatenate([order.permutation(n) for _ in range(epochs)])
    return weights, rows, X + PIXEL_NOISE * noise.normal(size=X.shape)


# By hand -------------------------------------------------------------------------------------
def train_by_hand(seed, runs, X, y, rate=LEARNING_RATE, epochs=EPOCHS, batch_size=BATCH_SIZE):
    """Train a network for each of s runs; return their weights: W1, b1, W2, b2, each (s, …)."""
    Y, trained = np.eye(10)[y], []
    for run in runs:
        weights, order, noisy = draw(seed, run, X, epochs)
        velocity = [np.zeros_like(w) for w in weights]
        for rows in np.split(order, range(batch_size, len(order), batch_size)):
            gradient = backward(noisy[rows], Y[rows], weights)
            velocity = [MOMENTUM * v - rate * g for v, g in zip(velocity, gradient)]
            weights = [w + v for w, v in zip(weights, velocity)]
        trained.append(weights)
    return [np.array(w) for w in zip(*trained)]


@np.errstate(over="ignore", invalid="ignore")  # a learning rate that is too large
def fit_batches(X, y, w, batches, learning_rate=ROW_RATE):
    """Linear regression by mini-batches, s fits at once, y (s, n); return their last w, (s, p)."""
    fits = np.arange(len(y))[:, None]
    for rows in batches:  # (s, B), or (B,), the same for all fits
        x = X[rows]  # (s, B, p)
        error = x @ w[..., None] - y[fits, rows][..., None]  # (s, B, 1)
        w = w - 2 * learning_rate / rows.shape[-1] * (x.mT @ error)[..., 0]
    return w


# In Keras ------------------------------------------------------------------------------------
def build_model(n_inputs=64, learning_rate=LEARNING_RATE, seed=0):
    """The same network; its first weights are from NumPy, and `train_runs` draws its own."""
    hidden = keras.layers.Dense(HIDDEN, activation="sigmoid", kernel_initializer="zeros")
    output = keras.layers.Dense(10, activation="softmax", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((n_inputs,)), hidden, output])
    model.set_weights(training.draw_weights([w.shape for w in model.weights], seed))
    model.compile(keras.optimizers.SGD(learning_rate, float(MOMENTUM)), "categorical_crossentropy")
    return model


def train(model, X, y, order):
    """Train on the rows in this order, epoch after epoch; return the weights."""
    model.fit(X[order], np.eye(10)[y[order]], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
    return model.get_weights()


def train_runs(seed, runs, X, y, epochs=EPOCHS):
    """As `train_by_hand`, in Keras; one model serves all: each new one would be compiled."""
    model, trained = build_model(X.shape[1]), []
    for run in runs:
        weights, order, noisy = draw(seed, run, X, epochs, [w.shape for w in model.get_weights()])
        training.restart(model, weights)  # takes the optimizer's velocities back to 0 as well
        trained.append(train(model, noisy, y, order))
    return [np.array(w) for w in zip(*trained)]


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    seed, parts, epochs = options.seed, load_data(options.data), options.epochs or EPOCHS
    return {
        "bits": repeat(*parts[0], seed, epochs),
        "keras": reruns.draw_in_keras(seed),
        "sources": one_at_a_time(parts, seed, epochs, QUICK_SEEDS if options.quick else SEEDS),
        "regression": fit_regressions(seed, QUICK_FITS if options.quick else FITS),
        "pool": train_pool(parts, seed, epochs, QUICK_POOL if options.quick else POOL),
    }


def repeat(X, y, seed, epochs=EPOCHS):
    """Run 0, run 1, and run 0 again; run 0 in a new model."""
    once, other, again = zip(*train_runs(seed, [(0, 0, 0), (1, 1, 1), (0, 0, 0)], X, y, epochs))
    anew = train_runs(seed, [(0, 0, 0)], X, y, epochs)
    return dict(once=once, other=other, again=again, anew=anew)


def one_at_a_time(parts, seed, epochs, seeds):
    """One draw new in each run, the other two the same in all: by hand and in Keras."""
    (X, y), _, test = parts
    runs = [k * source for source in np.eye(3, dtype=int) for k in range(1, seeds + 1)]
    by_hand = train_by_hand(seed, runs, X, y, epochs=epochs)
    in_keras = train_runs(seed, runs, X, y, epochs)
    costs, accuracies = reruns.judge(build_model(X.shape[1]), in_keras, *test)
    found = dict(by_hand=by_hand, in_keras=in_keras, costs_by_hand=cost(*test, by_hand))
    return {**found, "costs": costs, "accuracies": accuracies}


def train_pool(parts, seed, epochs, n):
    """By hand: n runs with all draws new; half of them with one replaced, or at another rate."""
    (X, y), validation, test = parts
    runs, new = np.arange(1, n + 1)[:, None] * [1, 1, 1], n * np.eye(3, dtype=int)
    half = runs[: n // 2]
    weights = train_by_hand(seed, runs, X, y, epochs=epochs)
    replaced = [train_by_hand(seed, half + one, X, y, epochs=epochs) for one in new]
    other_rate = cost(*test, train_by_hand(seed, half, X, y, OTHER_RATE, epochs))
    costs, accuracies = cost(*test, weights), [accuracy(*d, weights) for d in (validation, test)]
    return dict(
        costs=costs,
        replaced=np.array([cost(*test, w) for w in replaced]),
        other_rate=other_rate,
        rates=reruns.tell_apart(costs[: n // 2], other_rate),
        accuracies=accuracies,
        best=reruns.best_of_many(*accuracies, SEEDS, GROUPS, [seed, 1]),
    )


def fit_regressions(seed, fits):
    """Linear regression: each draw alone, all three, and these with order or noise replaced."""
    rng = np.random.default_rng(seed)
    X, p = rng.normal(size=(ROWS, len(TRUTH))), len(TRUTH)
    y, new_y = X @ TRUTH + SIGMA * rng.normal(size=(2, fits, ROWS))
    order, new_order = rng.integers(ROWS, size=(2, ROW_STEPS, fits, ROW_BATCH))
    starts, same_y = rng.normal(size=(fits, p)), np.tile(y[0], (fits, 1))
    ends = {
        "start alone": fit_batches(X, same_y, starts, [np.arange(ROWS)] * ROW_STEPS),
        "order alone": fit_batches(X, same_y, starts, order),
        "noise alone": y @ np.linalg.pinv(X).T,  # the exact solution of each
        "all three": fit_batches(X, y, starts, order),
    }
    replaced = [fit_batches(X, y, starts, new_order), fit_batches(X, new_y, starts, order)]
    return dict(X=X, y=y[0], starts=starts, ends=ends, replaced=replaced)


def results(measured):
    """What a learner should see first: {what: number}."""
    pool, ends = measured["pool"], measured["regression"]["ends"]
    costs, reads, n = pool["costs"], pool["accuracies"][1], len(pool["costs"])
    alone = np.split(measured["sources"]["costs"], 3)
    sources = zip((*SOURCES, "all three"), [*alone, costs[: len(alone[0])]])
    return {
        f"test accuracy of {n} runs: lowest, highest": (reads.min(), reads.max()),
        "their mean test cost": costs.mean(),
        **{f"test cost, new {name}: spread": f.std(ddof=1) for name, f in sources},
        "its variance ÷ the parts' sum": reruns.variance_ratio(costs, pool["replaced"]),
        **{f"regression, {name}: spread of w1": reruns.spread(w[:, 0]) for name, w in ends.items()},
        f"cost at η = {OTHER_RATE} minus that at {LEARNING_RATE}": pool["rates"]["gap"],
        "deviation of that gap: other seeds, the same seeds": pool["rates"]["deviations"],
        "seeds needed for each: other seeds, the same": pool["rates"]["needed"],
        f"best of {min(SEEDS, n)} seeds: lead on validation, on test": pool["best"]["lead"],
        "fingerprint of run 0": reruns.fingerprint(measured["bits"]["once"])[:16],
        "first weight that Keras draws from this seed": measured["keras"]["seeded"][0, 0, 0],
    }


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
