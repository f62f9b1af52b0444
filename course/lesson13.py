"""Lesson 13: Randomness.

Three dice are thrown in a training; throw one at a time and measure what it does.

    initial weights      where descent starts
    order of batches     which rows each step sees
    noise in the data    what the rows say

A run is then a function f(i, o, d) of three draws, and its spread over new draws is a
variance. For least squares by mini-batches it is known beforehand. Each step takes B rows
at random; x is a row, r its residual, K = I − 2η x xᵀ what a step on that row alone does
to the error in w, and a bar or "mean" is the mean over the rows. The covariance of the
last w is then

    initial weights   0: a convex cost forgets its start, as fast as (1 − ηλ)^t,
                      λ the smallest eigenvalue of 2XᵀX/n
    noise             C = σ² (XᵀX)⁻¹; the roots of its diagonal are the standard errors
    order             P, from P = 1/B mean(K P K) + (1 − 1/B) K̄ P K̄ + 4η²/B mean(r² x xᵀ)
    all three         C + P, where P is the mean over the noise

P is about proportional to η. For a network nothing of it is known, but this is
(Efron and Stein): with f′ the same run with one draw replaced by a new one,

    var f  ≤  Σ ½ mean((f − f′)²),      summed over the three draws

with equality where the three effects simply add up. A seed is no hyperparameter:
n seeds give the mean of f with the standard error s / √n, and the best of n is lucky.

Seeds. Keras's layers draw from Python's `random`, where no seed was given them:
`np.random.seed` does not reach them. `keras.utils.set_random_seed` does, but the same seed
gives other weights on each backend. Here NumPy draws all three, and every backend gets the
same numbers; then the same seed gives the same bits, run after run on the same machine.
On a CPU that needs no switch. TensorFlow and PyTorch have one, meant for GPUs:
`tf.config.experimental.enable_op_determinism()`, `torch.use_deterministic_algorithms(True)`;
Keras 3 has none of its own, and JAX needs none on a CPU. What the switch costs lesson 11's
network, `python tests/bench/bench_cnn.py --only fit lesson determinism` measures.

    X: shape (n, p)    W1: shape (p, q)    W2: shape (q, k)    runs: shape (s, 3)

Run it:     python -m course.lesson13 [--data mnist | --data ARCHIVE.npz]
Read more:  B. Efron, C. Stein, The jackknife estimate of variance, Annals of Statistics 9,
            1981, doi:10.1214/aos/1176345462.
"""

import hashlib

import keras
import numpy as np
from keras import ops

from course import data
from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Options, Report, with_precision
from course.errors import InputError
from course.figures import lesson13 as drawings

SOURCES = ("initial weights", "order of batches", "noise in the data")
SEEDS, QUICK_SEEDS = 20, 4  # of each source
TRAIN, VALIDATION, TEST = 500, 300, 997  # digits
LEAST_TEST = 100  # of an archive's
PIXEL_NOISE = 0.5  # its standard deviation; pixels are from 0, paper, to 1, ink
HIDDEN = 16  # q
LEARNING_RATE = 0.5
MOMENTUM = 0.875  # 7/8 has no rounding; on TensorFlow, Keras rounds a momentum to float32
OTHER_RATE = 0.45  # to be told apart from it
BATCH_SIZE = 50
EPOCHS = 5
POOL, QUICK_POOL = 200, 60  # runs by hand in which all three sources vary
TOGETHER = 20  # networks trained side by side, which NumPy does fastest
GROUPS = 4000  # groups of seeds drawn from the pool
POWER = 0.8  # the share of trials that are to tell two learning rates apart
MOST_SEEDS = 400  # that are thought of
NOT_NORMAL = 0.02  # what a share foretold for normal costs may be off by for the pool's
ROWS, TRUTH, SIGMA = 60, np.array([1.0, -2.0, 0.5]), 1.0  # the linear regression
ROW_RATE, ROW_BATCH, ROW_STEPS = 0.02, 10, 300
FITS, QUICK_FITS = 1000, 300  # of it


def load_data(source=None):
    """A few digits, pixels from 0 to 1, split once and for all.

    Args:
        source: None, scikit-learn's scans of 8×8; else what `data.load_images` takes, each
            4×4 pixels made into one: hundreds of networks are to be trained on them.

    Returns:
        Pairs (X, y) to train, to validate and to test: (n, p) and whole numbers, (n,).

    Raises:
        InputError: there are fewer than 500, 300 and 100 images, or not ten classes.
    """
    from sklearn.datasets import load_digits

    if source is None:
        X, y = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(y))
        parts = np.split(order, [TRAIN, TRAIN + VALIDATION])
        return [(X[rows] / 16, y[rows]) for rows in parts]
    digits = data.load_images(source)
    counts = len(digits.y_train), len(digits.y_val), len(digits.y_test)
    if digits.n_classes != 10 or np.any(np.less(counts, (TRAIN, VALIDATION, LEAST_TEST))):
        raise InputError(
            f"{source} has {digits.n_classes} classes, and {counts} images to train, validate and"
            f" test; lesson 13 needs 10 classes, and {TRAIN}, {VALIDATION} and {LEAST_TEST} images"
        )
    pairs = ((digits.X_train, digits.y_train), (digits.X_val, digits.y_val),
             (digits.X_test, digits.y_test))  # fmt: skip
    return [
        (
            X[:rows].reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4), dtype="float64").reshape(-1, 49),
            y[:rows],
        )
        for (X, y), rows in zip(pairs, (TRAIN, VALIDATION, TEST))
    ]


def draw(seed, run, X, epochs=EPOCHS):
    """All that is random in a run: weights, order of rows, and noisy pixels.

    Args:
        seed: of the lesson.
        run: three whole numbers, one per source; equal numbers, equal draws.
        X: the pixels, shape (n, p).

    >>> one, two = (draw(0, run, np.zeros((4, 2)), epochs=2) for run in [(7, 8, 9), (7, 5, 9)])
    >>> [bool(np.all(a == b)) for a, b in zip([one[0][0], *one[1:]], [two[0][0], *two[1:]])]
    [True, False, True]
    """
    start, order, noise = (np.random.default_rng([seed, i, k]) for i, k in enumerate(run))
    n, p = X.shape
    W1, W2 = start.normal(size=(p, HIDDEN)), start.normal(size=(HIDDEN, 10))
    weights = [W1 / np.sqrt(p), np.zeros(HIDDEN), W2 / np.sqrt(HIDDEN), np.zeros(10)]
    rows = np.concatenate([order.permutation(n) for _ in range(epochs)])
    return weights, rows, X + PIXEL_NOISE * noise.normal(size=X.shape)


def forward(X, weights):
    """Hidden units and class probabilities; of s networks at once, with weights (s, …)."""
    W1, b1, W2, b2 = weights
    H = 1 / (1 + np.exp(-X @ W1 - b1[..., None, :]))  # (s, n, q)
    Z = H @ W2 + b2[..., None, :]  # (s, n, 10)
    P = np.exp(Z - Z.max(axis=-1, keepdims=True))
    return H, P / P.sum(axis=-1, keepdims=True)


def backward(X, Y, weights):
    """The gradients of the mean cross entropy, one per weight, by backpropagation."""
    H, P = forward(X, weights)
    D2 = (P - Y) / Y.shape[-2]
    D1 = D2 @ weights[2].mT * H * (1 - H)
    return [X.mT @ D1, D1.sum(axis=-2), H.mT @ D2, D2.sum(axis=-2)]


def descend(X, Y, weights, rows, learning_rate=LEARNING_RATE, batch_size=BATCH_SIZE):
    """Mini-batches with momentum, s networks at once: v ← μv − ηg, w ← w + v.

    Args:
        X: each network's own noisy pixels, shape (s, n, p).
        Y: one row of 0 and 1 per digit, shape (n, 10).
        weights: arrays (s, …).
        rows: each network's own order, shape (s, epochs * n).
    """
    networks = np.arange(len(X))[:, None]
    velocity = [np.zeros_like(w) for w in weights]
    for t in range(0, rows.shape[1], batch_size):
        batch = rows[:, t : t + batch_size]
        slopes = backward(X[networks, batch], Y[batch], weights)
        velocity = [MOMENTUM * v - learning_rate * g for v, g in zip(velocity, slopes)]
        weights = [w + v for w, v in zip(weights, velocity)]
    return weights


def train_by_hand(
    seed, runs, X, y, learning_rate=LEARNING_RATE, epochs=EPOCHS, batch_size=BATCH_SIZE
):
    """Train a network for each run, a triple of numbers; return their weights, (s, …)."""
    done = []
    for k in range(0, len(runs), TOGETHER):
        draws = [draw(seed, run, X, epochs) for run in runs[k : k + TOGETHER]]
        weights, rows, noisy = zip(*draws)
        weights = [np.array(w) for w in zip(*weights)]
        noisy, rows, Y = np.array(noisy), np.array(rows), np.eye(10)[y]
        done.append(descend(noisy, Y, weights, rows, learning_rate, batch_size))
    return [np.concatenate(w) for w in zip(*done)]


def cost(X, y, weights):
    """Mean cross entropy of each of s networks, shape (s,)."""
    P = forward(X, weights)[1]
    return -np.mean(np.log(P[..., np.arange(len(y)), y]), axis=-1)


def accuracy(X, y, weights):
    """Share of the digits that each of s networks gets right, shape (s,)."""
    return np.mean(forward(X, weights)[1].argmax(axis=-1) == y, axis=-1)


def cross_entropy(Y, P):
    """The same cost in Keras; its own one averages in float32 on JAX and PyTorch."""
    return -ops.sum(Y * ops.log(P)) / ops.cast(ops.size(Y) // 10, P.dtype)


def build_model(n_inputs=64, learning_rate=LEARNING_RATE):
    """The same network in Keras; its weights are 0 until they are set."""

    def dense(units, activation):
        return keras.layers.Dense(units, activation, kernel_initializer="zeros")

    layers = [keras.Input((n_inputs,)), dense(HIDDEN, "sigmoid"), dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate, MOMENTUM), loss=cross_entropy)
    model.optimizer.build(model.trainable_variables)
    return model


def memory(model):
    """A copy of all that the optimizer remembers: steps taken, learning rate, velocities."""
    return [np.array(ops.convert_to_numpy(v)) for v in model.optimizer.variables]


def train(model, fresh, drawn, y):
    """Train from the drawn weights, in the drawn order, on the drawn pixels.

    To compile takes longer than to train, so one model serves for all runs: besides
    the weights the optimizer must be set back, or a run would start with the
    velocities of the one before.

    Args:
        fresh: the optimizer's `memory` before any training.
        drawn: what `draw` returns.

    Returns:
        The trained weights, as NumPy arrays.
    """
    weights, rows, noisy = drawn
    model.set_weights(weights)
    for variable, value in zip(model.optimizer.variables, fresh):
        variable.assign(value)
    X, Y = noisy[rows], np.eye(10)[y[rows]]
    model.fit(X, Y, batch_size=BATCH_SIZE, shuffle=False, verbose=0)
    return [np.array(w) for w in model.get_weights()]


def fingerprint(weights):
    """SHA-256 of all the bits, so that two processes or two machines can be compared.

    >>> fingerprint([np.zeros(2)]) == fingerprint([np.array([0.0, 1e-300])])
    False
    """
    digest = hashlib.sha256()
    for w in weights:
        digest.update(np.ascontiguousarray(w).tobytes())
    return digest.hexdigest()


def share_changed(first, second):
    """The share of the weights that differ, be it in one bit."""
    return np.mean(np.concatenate([np.ravel(a != b) for a, b in zip(first, second)]))


@with_precision
def run(options=Options()) -> Report:
    parts = load_data(options.data)
    epochs = options.epochs or EPOCHS
    pool = draw_pool(parts, options, epochs)
    return Report.join(
        same_bits(parts, options, epochs),
        one_at_a_time(parts, options, epochs, pool),
        known_beforehand(options),
        how_many_seeds(options, pool),
        best_of_many(options, pool),
    )


def same_bits(parts, options, epochs):
    """Same seed, same bits; and what of a seed reaches Keras's own random numbers."""
    X, y = parts[0]
    first, other = (draw(options.seed, (k, k, k), X, epochs) for k in (0, 1))
    model = build_model(X.shape[1])
    fresh = memory(model)
    once = train(model, fresh, first, y)
    changed = train(model, fresh, other, y)
    again = train(model, fresh, first, y)
    model = build_model(X.shape[1])
    anew = train(model, memory(model), first, y)

    def keras_weights(seed=None):
        return ops.convert_to_numpy(keras.initializers.GlorotUniform(seed=seed)((64, HIDDEN)))

    seeded = [keras_weights(options.seed) for _ in range(2)]
    unseeded = []
    before = np.random.get_state()
    for _ in range(2):
        np.random.seed(options.seed)
        unseeded.append(keras_weights())
    np.random.set_state(before)
    return Report(
        results={
            "fingerprint of run 0": fingerprint(once)[:16],
            "first weight, drawn by NumPy": first[0][0][0, 0],
            "first weight, drawn by Keras with the same seed": float(seeded[0][0, 0]),
        },
        checks=[
            Check("same seed: weights changed, trained again, and in a new model",
                  [share_changed(once, again), share_changed(once, anew)], [0, 0], 0),
            # Two of 1210 weights may meet by chance.
            Check("another seed: share of the weights changed", share_changed(once, changed),
                  1, 0.01),
            Check("Keras's initialiser, same seed: share changed", share_changed(*seeded), 0, 0),
            Check("np.random.seed does not reach it: share changed", share_changed(*unseeded),
                  1, 0.01),
        ],
    )  # fmt: skip


def draw_pool(parts, options, epochs):
    """Many runs by hand: f, f with each draw replaced, f at another learning rate.

    Returns:
        Test costs by name, shape (s,), and the accuracies on validation and test.
    """
    (X, y), validation, test = parts
    numbers = np.arange(1, 1 + (QUICK_POOL if options.quick else POOL))
    runs = np.stack([numbers] * 3, axis=1)
    half = runs[: len(runs) // 2]
    weights = train_by_hand(options.seed, runs, X, y, epochs=epochs)
    pool = {
        "all": cost(*test, weights),
        "validation": accuracy(*validation, weights),
        "test": accuracy(*test, weights),
    }
    for i, name in enumerate(SOURCES):
        replaced = half + len(runs) * np.eye(3, dtype=int)[i]  # a number not used before
        pool[name] = cost(*test, train_by_hand(options.seed, replaced, X, y, epochs=epochs))
    other = train_by_hand(options.seed, half, X, y, OTHER_RATE, epochs)
    pool["other rate"] = cost(*test, other)
    return pool


def swapped(f, replaced):
    """½ mean((f − f′)²) over pairs of runs that share all but one draw.

    >>> float(swapped(np.array([1.0, 2, 3]), np.array([1.0, 2, 6])))
    1.5
    """
    return np.mean((f - replaced) ** 2, axis=0) / 2


def variance_ratio(pool):
    """var f ÷ Σ ½ mean((f − f′)²) over the pool's runs, and its standard error."""
    f = pool["all"][: len(pool[SOURCES[0]])]
    effects = [swapped(f, pool[name]) for name in SOURCES]
    ratio = f.var(ddof=1) / np.sum(effects)
    # A ratio of two means over the runs errs as the one less ratio times the other does.
    terms = np.sum([(f - pool[name]) ** 2 / 2 for name in SOURCES], axis=0)
    off = np.std((f - f.mean()) ** 2 - ratio * terms)
    return ratio, off / terms.mean() / np.sqrt(len(f))


def one_at_a_time(parts, options, epochs, pool):
    """The three sources one at a time, in Keras and by hand; and all of them together."""
    (X, y), _, test = parts
    seeds = QUICK_SEEDS if options.quick else SEEDS
    runs = [k * np.eye(3, dtype=int)[i] for i in range(3) for k in range(1, seeds + 1)]
    by_hand = train_by_hand(options.seed, runs, X, y, epochs=epochs)
    model = build_model(X.shape[1])
    fresh = memory(model)
    in_keras = [train(model, fresh, draw(options.seed, run, X, epochs), y) for run in runs]
    in_keras = [np.array(w) for w in zip(*in_keras)]
    apart = np.max([np.abs(a - b).reshape(len(runs), -1).max(axis=1)
                    for a, b in zip(in_keras, by_hand)], axis=0)  # fmt: skip
    costs = cost(*test, in_keras)
    rows = {name: costs[i * seeds : (i + 1) * seeds] for i, name in enumerate(SOURCES)}
    rows["all three"] = pool["all"][:seeds]
    accuracies = np.split(accuracy(*test, in_keras), 3) + [pool["test"][:seeds]]

    ratio, error = variance_ratio(pool)
    spreads = {name: row.std(ddof=1) for name, row in rows.items()}
    return Report(
        results={
            **{f"test cost, {seeds} seeds of {n}: spread": s for n, s in spreads.items()},
            "its mean": pool["all"].mean(),
            "variance of all three ÷ sum of the three's": ratio,
        },
        checks=[
            # Rounding grows in 50 steps: on PyTorch to four times 2e-7 in the worst of 60 runs.
            Check.twin("each run's furthest weight, Keras = by hand", apart, np.zeros(len(runs)),
                       options.dtype, 10),
            Check.twin("test costs, Keras = by hand", costs, cost(*test, by_hand),
                       options.dtype, 10),
            Check("variance of all above the sum of the three's = 0, 4 sigma",
                  max(0, ratio - 1), 0, 4 * error),
        ],
        figures={"sources": lambda: drawings.sources(list(rows), list(rows.values()), accuracies)},
    )  # fmt: skip


def order_covariance(X, squares, learning_rate=ROW_RATE, batch_size=ROW_BATCH):
    """P of the docstring, for rows drawn at random with replacement, shape (p, p).

    Args:
        squares: r² of each row, or its mean, shape (n,).
    """
    p = X.shape[1]
    outer = X[:, :, None] * X[:, None, :]  # x xᵀ, (n, p, p)
    K = np.eye(p) - 2 * learning_rate * outer
    pairs = np.mean([np.kron(k, k) for k in K], axis=0)  # turns P, row by row, into mean(K P K)
    mean = np.kron(K.mean(axis=0), K.mean(axis=0))
    step = pairs / batch_size + (1 - 1 / batch_size) * mean
    push = 4 * learning_rate**2 / batch_size * np.mean(squares[:, None, None] * outer, axis=0)
    return np.linalg.solve(np.eye(p * p) - step, push.ravel()).reshape(p, p)


def fit_batches(X, y, w, batches, learning_rate=ROW_RATE):
    """Least squares by mini-batches, s fits at once; return their last w, shape (s, p).

    Args:
        y: each fit's targets, shape (s, n).
        w: where each starts, shape (s, p).
        batches: each fit's rows at each step, shape (steps, s, B).
    """
    fits = np.arange(len(y))[:, None]
    for rows in batches:
        x = X[rows]  # (s, B, p)
        error = np.einsum("sbp,sp->sb", x, w) - y[fits, rows]
        w = w - 2 * learning_rate / rows.shape[1] * np.einsum("sbp,sb->sp", x, error)
    return w


def fit_whole(X, y, w, steps=ROW_STEPS, learning_rate=ROW_RATE):
    """The same with all rows at every step; y: shape (n,)."""
    for _ in range(steps):
        w = w - 2 * learning_rate / len(y) * (w @ X.T - y) @ X
    return w


def known_beforehand(options):
    """Linear regression, where every one of the spreads is known without a single run."""
    fits = QUICK_FITS if options.quick else FITS
    rng = np.random.default_rng(options.seed)
    X = rng.normal(size=(ROWS, 3))
    y, new_y = X @ TRUTH + SIGMA * rng.normal(size=(2, fits, ROWS))
    order, new_order = rng.integers(ROWS, size=(2, ROW_STEPS, fits, ROW_BATCH))
    starts = rng.normal(size=(fits, 3))
    one = np.tile(y[0], (fits, 1))  # the same data for all fits

    solve = np.linalg.pinv(X)  # (p, n)
    hat = np.diag(X @ solve)
    residuals = one[0] - X @ solve @ one[0]
    C = SIGMA**2 * np.linalg.inv(X.T @ X)
    P_one = order_covariance(X, residuals**2)
    P = order_covariance(X, SIGMA**2 * (1 - hat))  # mean r² over the noise

    ends = fit_whole(X, one[0], starts)
    shrink = np.linalg.matrix_power(np.eye(3) - 2 * ROW_RATE * X.T @ X / ROWS, ROW_STEPS)
    forgotten = shrink @ np.cov(starts.T) @ shrink

    f = fit_batches(X, y, starts, order)
    variances = {
        "order alone": (fit_batches(X, one, starts, order).var(axis=0, ddof=1), P_one),
        "noise alone": ((y @ solve.T).var(axis=0, ddof=1), C),
        "all three": (f.var(axis=0, ddof=1), C + P),
        "order replaced": (swapped(f, fit_batches(X, y, starts, new_order)), P),
        # With new noise the order pulls elsewhere too, so this one has P in it once more.
        "noise replaced": (swapped(f, fit_batches(X, new_y, starts, order)), C + P),
    }
    measured = np.array([v for v, _ in variances.values()])
    predicted = np.array([np.diag(v) for _, v in variances.values()])
    quarter = np.diag(order_covariance(X, residuals**2, ROW_RATE / 4))
    # A variance from s draws near to normal ones has the relative error √(2/s).
    slack = 5 * np.sqrt(2 / fits)
    spread = {name: np.sqrt(v[0]) for name, v in zip(variances, measured)}
    return Report(
        results={
            **{f"linear regression, {name}: spread of w1": spread[name]
               for name in ("order alone", "noise alone", "all three")},
            "the order's, at η and η/4": np.sqrt([P_one[0, 0], quarter[0]]),
        },
        checks=[
            Check("what is left of the starts' covariance = predicted, relative",
                  np.cov(ends.T), forgotten, 1e-6),
            Check("linear regression: variances ÷ predicted, 5 sigma", measured / predicted,
                  np.ones(predicted.shape), slack),
        ],
        figures={"predicted": lambda: drawings.predicted(
            list(variances), np.sqrt(measured[:, 0]), np.sqrt(predicted[:, 0]))},
    )  # fmt: skip


def t_interval(a, b=None):
    """The 95 % interval of mean(a), or of mean(a) − mean(b), along the last axis.

    >>> [round(float(end), 3) for end in t_interval(np.array([1.0, 2.0, 3.0]))]  # 2 ± 4.30 / √3
    [-0.484, 4.484]
    """
    from scipy import stats

    n = a.shape[-1]
    middle, variance, freedom = a.mean(axis=-1), a.var(axis=-1, ddof=1), n - 1
    if b is not None:
        middle, variance = middle - b.mean(axis=-1), variance + b.var(axis=-1, ddof=1)
        freedom = 2 * n - 2
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance / n)
    return middle - half, middle + half


def power(n, effect, samples):
    """How often such an interval of n seeds will not contain 0.

    Args:
        effect: the true mean, or difference of means, in standard deviations.
        samples: 1 or 2.
    """
    from scipy import stats

    # The mean over its standard error follows the noncentral t distribution.
    freedom = samples * (n - 1)
    t, edge = stats.nct(freedom, abs(effect) * np.sqrt(n / samples)), stats.t.ppf(0.975, freedom)
    return t.sf(edge) + t.cdf(-edge)


def seeds_needed(effect, samples):
    """The fewest seeds with which four trials of five tell the means apart, 400 at most."""
    enough = (n for n in range(2, MOST_SEEDS) if power(n, effect, samples) >= POWER)
    return next(enough, MOST_SEEDS)


def how_many_seeds(options, pool):
    """How many seeds tell two learning rates apart, each with its own seeds or both with the same.

    The pool of runs stands for all there could be: groups are drawn from it, one seed as
    often as chance has it, so that the true mean and deviation are the pool's own.
    """
    from scipy import stats

    rng = np.random.default_rng(options.seed)
    other = pool["other rate"]
    one = pool["all"][: len(other)]
    change = other - one  # with the same seeds
    gap, s = change.mean(), np.sqrt((one.var() + other.var()) / 2)
    needed, needed_same = seeds_needed(gap / s, 2), seeds_needed(gap / change.std(), 1)

    def groups(values, n):
        return rng.choice(values, (GROUPS, n))

    def share(interval, value):
        return np.mean((interval[0] <= value) & (value <= interval[1]))

    sizes = np.array([1, 4, 16])
    errors = np.array([groups(one, n).mean(axis=1).std() for n in sizes])
    # A deviation from so many draws has the relative error √((kurtosis − 1) / draws) / 2.
    slack = 5 * np.sqrt((max(3, stats.kurtosis(one, fisher=False)) - 1) / GROUPS) / 2
    covers = share(t_interval(groups(other, 5), groups(one, 5)), gap)
    told = 1 - share(t_interval(groups(other, needed), groups(one, needed)), 0)
    foretold = np.array([0.95, power(needed, gap / s, 2)])
    allowed = 4 * np.sqrt(foretold * (1 - foretold) / GROUPS) + NOT_NORMAL  # 4 binomial sigmas
    by_scipy = [
        *stats.ttest_ind(other, one).confidence_interval(),
        *stats.ttest_rel(other, one).confidence_interval(),
    ]
    return Report(
        results={
            f"cost at η = {OTHER_RATE} minus that at {LEARNING_RATE}": gap,
            "its deviation: other seeds, the same seeds": (np.sqrt(2) * s, change.std()),
            "seeds needed for each: other seeds, the same": (needed, needed_same),
        },
        checks=[
            Check("spread of means of 1, 4, 16 seeds ÷ (s / √n), 5 sigma",
                  errors / (one.std() / np.sqrt(sizes)), [1, 1, 1], slack),
            Check("95 % intervals = SciPy's", [*t_interval(other, one), *t_interval(change)],
                  by_scipy, BY_HAND),
            Check("share of intervals of 5 seeds that cover = 95 %", covers, 0.95, allowed[0]),
            Check("with the seeds needed, share of trials that tell = predicted", told,
                  foretold[1], allowed[1]),
        ],
        figures={"seeds": lambda: drawings.seeds(gap, s, change.std(), needed, needed_same)},
    )  # fmt: skip


def best_of_many(options, pool):
    """Pick the best of 20 seeds on the validation set: what is left of its lead on the test set."""
    from scipy import stats

    rng = np.random.default_rng([options.seed, 1])
    v, t = pool["validation"], pool["test"]
    slope = stats.linregress(v, t).slope
    groups = rng.permuted(np.tile(np.arange(len(v)), (GROUPS, 1)), axis=1)[:, :SEEDS]
    winners = groups[np.arange(GROUPS), v[groups].argmax(axis=1)]
    lead, left = v[winners].mean() - v.mean(), t[winners].mean() - t.mean()
    # How far a weighted mean of the points may lie off the regression line.
    weight = np.bincount(winners, minlength=len(v)) / GROUPS
    off = np.std(t - slope * v) * np.sqrt(np.sum(weight**2))
    return Report(
        results={
            f"best of {SEEDS} seeds: lead on validation, on test": (lead, left),
            "share of the lead that is left": left / lead,
        },
        checks=[
            Check("lead left on test = regression line's, 4 sigma", left, slope * lead, 4 * off),
        ],
    )  # fmt: skip


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="epochs", images=True)


if __name__ == "__main__":
    raise SystemExit(main())
