"""Lesson 14: More machine.

Several devices share each batch, or half the bits do: is it still the same training?

    n devices     device i gets Bᵢ of the batch's B rows, and has the same weights as the others
                  g = Σ (Bᵢ/B) gᵢ, where gᵢ is the mean gradient of its rows
    k times the   k steps at the learning rate η, each on its own B rows, move the weights almost
    batch         as far as one step at kη on all kB rows: the difference is about c η²
    half the      float32 has 24 significant bits, float16 11, bfloat16 8; float16 rounds what
    bits          is below 2^-25 to 0, so Keras multiplies the cost by 2^15 and divides g again
Lesson 11's `build_model` and `train` stay as they are, within `devices.several(n).scope()`.
Without two GPUs, the CPU is split into four devices: real ones get the same numbers, faster.
    X: shape (B, p)    Y: shape (B, 10)    g, of all P weights: shape (P,)    sizes Bᵢ: (n,)

Run it:     python -m course.lesson14
            python -m course.lesson14 --num-processes 2     (several computers: see README)
Checked in: course/checks/lesson14.py
Read more:  P. Goyal and others, Accurate, large minibatch SGD, 2017, arXiv:1706.02677
"""

import numpy as np

from course import data, lesson13
from course.lesson11 import BATCH_SIZE, build_model, predict, train
from course.machine import devices
from course.training.diary import Diary

DEVICES = (1, 2, 4)
devices.simulate(max(DEVICES, default=1))  # before the backend computes anything, or too late
UNEQUAL = (70, 20, 10)  # rows of a batch, where three devices are not equally fast
EPOCHS, QUICK_EPOCHS, STEPS = 5, 2, 12  # of lesson 11's network; steps on several devices
TOGETHER, FIRST_ORDER = 4, 1e-3  # k; an η so small that η³ does not count beside η²
BATCHES = (10, 25, 50, 100, 250, 500)  # of lesson 13's 500 digits
SMALLEST_RATE = min(BATCHES, default=0) * lesson13.LEARNING_RATE / lesson13.BATCH_SIZE
RULES = {"η the same": 0, "η ∝ √B": 0.5, "η ∝ B": 1}  # powers of B
PASSES, NETWORKS, QUICK_NETWORKS = 10, 12, 4  # through those digits; trained for each B
LOSS_SCALE = 2.0**15  # Keras's first one
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def load_data(source=None):
    """Lesson 11's digits, in whole batches, which any number of devices can share."""
    digits = data.load_images(source)
    parts = zip(digits._fields[:4], digits)  # X_train, y_train, X_val, y_val
    return digits._replace(**{name: a[: len(a) // BATCH_SIZE * BATCH_SIZE] for name, a in parts})


# By hand -------------------------------------------------------------------------------------
def device_gradients(X, Y, weights, sizes):
    """gᵢ of each device: the mean gradient of its own rows, shape (n, P)."""
    parts = np.split(np.arange(len(X)), np.cumsum(sizes)[:-1])  # each device's row numbers
    g = [lesson13.backward(X[rows], Y[rows], weights) for rows in parts]
    return np.array([np.concatenate([g_w.ravel() for g_w in g_i]) for g_i in g])


def combine(g, sizes):
    """Σ (Bᵢ/B) gᵢ, the gradient of the whole batch, shape (P,)."""
    return np.divide(sizes, sum(sizes)) @ g


def take_steps(X, Y, weights, learning_rate, k):
    """The weights after k steps, each on a k-th of the rows: shape (P,)."""
    for rows in np.split(np.arange(len(X)), k):
        g = lesson13.backward(X[rows], Y[rows], weights)
        weights = [w - learning_rate * g_w for w, g_w in zip(weights, g)]
    return np.concatenate([w.ravel() for w in weights])


# In Keras ------------------------------------------------------------------------------------
def first_steps(several, digits, seed, dtype="float64", **how):
    """Some steps on the devices `several`: the weights after each, (12, 35,754), and seconds."""
    n, diary = STEPS * BATCH_SIZE, Diary()
    few = digits._replace(X_train=digits.X_train[:n], y_train=digits.y_train[:n])
    with devices.precision(dtype), several.scope():
        model = build_model(n_classes=digits.n_classes, seed=seed)
        train(model, few, 1, seed, verbose=0, callbacks=[diary], **how)
    return np.array(diary.weights), diary.seconds


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    (X, y), _, test = lesson13.load_data(options.data)
    digits, seed, quick = load_data(options.data), options.seed, options.quick
    Y, start = np.eye(10)[y], lesson13.draw(seed, (0, 0, 0), X)[0]
    epochs, n = options.epochs or (QUICK_EPOCHS if quick else EPOCHS), sum(UNEQUAL)
    return {
        "batch": share_a_batch(X[:n], Y[:n], start),
        "devices": same_weights(digits, seed),
        "scaling": scale_the_rate(X, Y, start),
        "noise": scatter(seed, lesson13.QUICK_FITS if quick else lesson13.FITS),
        "sizes": enlarge_batches(X, y, test, seed, QUICK_NETWORKS if quick else NETWORKS),
        "float16": round_gradients(X, y, seed),
        "policies": half_the_bits(digits, epochs, seed, list(POLICIES)[: 2 if quick else 3]),
    }


def share_a_batch(X, Y, weights):
    """The gradient of a batch: whole; of 1, 2, 4 parts as equal as can be; of unequal ones."""
    whole, g = (device_gradients(X, Y, weights, sizes) for sizes in ([len(X)], UNEQUAL))
    shares = [[len(part) for part in np.array_split(X, n)] for n in DEVICES]
    equal = [combine(device_gradients(X, Y, weights, sizes), sizes) for sizes in shares]
    return dict(whole=whole[0], equal=equal, weighted=combine(g, UNEQUAL), plain=g.mean(axis=0))


def same_weights(digits, seed):
    """One, two and four devices, step by step, in float64 and in float32; none on PyTorch."""
    batch, several = digits.X_train[:BATCH_SIZE], devices.as_many_as(DEVICES)
    exact = [first_steps(each, digits, seed) for each in several]
    rough = [first_steps(each, digits, seed, "float32") for each in several]
    found = dict(batch=batch, parts=[devices.parts(each, batch) for each in several])
    return {**found, "float64": exact, "float32": rough}


def scale_the_rate(X, Y, weights):
    """Largest difference between k steps at η and one at kη: for η, η/2, and lesson 13's η."""
    n, differences = TOGETHER * lesson13.BATCH_SIZE, []
    for eta in (FIRST_ORDER, FIRST_ORDER / 2, lesson13.LEARNING_RATE):
        small = take_steps(X[:n], Y[:n], weights, eta, TOGETHER)
        large = take_steps(X[:n], Y[:n], weights, TOGETHER * eta, 1)
        differences.append(np.abs(small - large).max())
    return dict(differences=differences)


def scatter(seed, fits):
    """w of lesson 13's linear regression, many times: the order of the rows scatters it."""
    rng, ends = np.random.default_rng(seed), {}
    X = rng.normal(size=(lesson13.ROWS, len(lesson13.TRUTH)))
    y = X @ lesson13.TRUTH + lesson13.SIGMA * rng.normal(size=len(X))
    start, targets = np.zeros((fits, X.shape[1])), np.tile(y, (fits, 1))
    for k, m in ((1, 1), (1, TOGETHER), (TOGETHER, TOGETHER)):
        eta, B = k * lesson13.ROW_RATE, m * lesson13.ROW_BATCH
        order = rng.integers(len(X), size=(lesson13.ROW_STEPS // k, fits, B))
        ends[eta, B] = lesson13.fit_batches(X, targets, start, order, eta)
    return dict(X=X, y=y, ends=ends)


def enlarge_batches(X, y, test, seed, networks):
    """Lesson 13's network by hand: its cost after some epochs, with the rate left or scaled."""
    runs = np.repeat(np.arange(1, networks + 1)[:, None], 3, axis=1)

    def costs(B, power, factor=1, epochs=PASSES):
        rate = factor * SMALLEST_RATE * (B / min(BATCHES)) ** power
        return lesson13.cost(*test, lesson13.train_by_hand(seed, runs, X, y, rate, epochs, B))

    by_rule = {rule: [costs(B, power) for B in BATCHES] for rule, power in RULES.items()}
    few, more = ([costs(BATCHES[-1], 1, f, k * PASSES) for f in (0.5, 1, 2)] for k in (1, 5))
    return dict(sizes=BATCHES, costs=by_rule, few_steps=few, more_steps=more)


@np.errstate(over="ignore")  # times too large a factor, some become ∞
def round_gradients(X, y, seed):
    """Gradients of single images in a trained network, in float16: plain, and times 2^15."""
    trained = lesson13.train_by_hand(seed, np.array([[1, 1, 1]]), X, y, epochs=PASSES)
    some, weights = slice(BATCH_SIZE), [w[0] for w in trained]
    g = device_gradients(X[some], np.eye(10)[y[some]], weights, [1] * BATCH_SIZE)
    g = g[g != 0]
    return dict(g=g, plain=g.astype("float16"), scaled=(LOSS_SCALE * g).astype("float16"))


def half_the_bits(digits, epochs, seed, policies):
    """Lesson 11's network in float32 and in mixed precision: p of up to 1000 test digits."""
    X, y, networks = digits.X_test[:1000], digits.y_test[:1000], {}
    for name in policies:
        with devices.precision(POLICIES[name]):
            model = build_model(n_classes=digits.n_classes, seed=seed)
            seconds = train(model, digits, epochs, seed, verbose=0).seconds
            p = np.asarray(predict(model, X), "float64")
        of = networks[name] = dict(p=p, right=p.argmax(axis=1) == y, seconds=seconds)
        of.update(weights=model.get_weights(), dtypes=[w.dtype for w in model.weights])
    return dict(X=X, networks=networks)


def results(measured):
    """What a learner should see first: {what: number}."""
    batch, sizes, networks = measured["batch"], measured["sizes"], measured["policies"]["networks"]
    wrong = np.linalg.norm(batch["plain"] - batch["whole"]) / np.linalg.norm(batch["whole"])
    found = zip(measured["devices"]["parts"], measured["devices"]["float32"])
    ms = {f"devices: {len(parts)}, ms a step": 1000 * s for parts, (_, s) in found}
    (*_, steps), shown = measured["scaling"]["differences"], [0, len(BATCHES) // 2, -1]
    rows, k, eta = str([BATCHES[i] for i in shown])[1:-1], TOGETHER, lesson13.LEARNING_RATE
    costs = {rule: np.mean(found, axis=1)[shown] for rule, found in sizes["costs"].items()}
    zeros = [np.mean(measured["float16"][name] == 0) for name in ("plain", "scaled")]
    return {
        "unequal parts, plain mean: the gradient is wrong by": wrong,
        **(ms or {"several devices": devices.NO_KERAS_SHARING}),
        f"{k} steps at η = {eta} and one at {k * eta:g}: difference": steps,
        **{f"test cost at B = {rows}, {rule}": mean for rule, mean in costs.items()},
        f"test cost at B = {BATCHES[-1]}, η ∝ B times 0.5, 1, 2": np.mean(sizes["few_steps"], 1),
        "the same after 5 times as many steps": np.mean(sizes["more_steps"], 1),
        f"gradients that are 0 in float16, and times 2^{np.log2(LOSS_SCALE):g}": zeros,
        **{f"{name}: accuracy": np.mean(of["right"]) for name, of in networks.items()},
        **{f"{name}: seconds": round(of["seconds"], 2) for name, of in networks.items()},
    }


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
