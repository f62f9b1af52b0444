"""Lesson 11: A convolutional network.

Read digits of 28×28 pixels: small filters that slide over the picture, then two layers.

    convolution   a[i, j, f] = φ(b_f + Σ X[i + u, j + v, c] K[u, v, c, f]), sum over u, v, c
                  (strictly a correlation: a convolution would turn the filters K round)
                  a side of n becomes n − k + 1; k² c weights and one b for each of f filters
    max pooling   the largest of each 2×2 square; n becomes ⌊n/2⌋
    dense         a = φ(hW + b)
    softmax       p_k = exp z_k / Σ exp z_j
    cost          J = mean of −ln p_y, y: the right class         (categorical cross entropy)
    step t        v ← μv − η_t g,   θ ← θ + μv − η_t g,   η_t = η/(1 + 1e-6 t)      (Nesterov)

    5×5 tanh    3×3 tanh    pool    3×3 relu    pool    flat    tanh    softmax
    28 → 24×24×4 → 22×22×8 → 11×11×8 → 9×9×16 → 4×4×16 → 256 → 128 → 10 : 35,754 weights

A network that knows nothing gives every class the same p, and its cost is ln 10. At a
learning rate of 1e-4 it stays near that: while the slope g is nearly the same at every step,
θ moves by Δθ = −S g and the cost falls by S|g|² = |Δθ|²/S. S is 500 times smaller than at 0.05.

    X: shape (n, 28, 28, 1)    y: shape (n,)    p: shape (n, 10)    K: shape (k, k, c, f)

The digits are scikit-learn's, 1200 to train, 300 to validate and 297 to test; or:

Run it:     python -m course.lesson11 [--data mnist | --data ARCHIVE.npz]
Long runs:  --resume FOLDER goes on where it was killed; --save MODEL.keras keeps the model,
            Ctrl-C keeps the best epoch's weights: written with --save, else reported on
Your digit: python -m course.lesson11 --predict PICTURE.png [--model MODEL.keras]
Read more:  Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to
            document recognition, 1998, doi:10.1109/5.726791.
"""

import time
from pathlib import Path

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from course import data, training
from course.cli import command
from course.cli.report import Check, Report, with_precision
from course.data import pictures
from course.errors import InputError, Interrupted
from course.figures import lesson11 as drawings
from course.training import Options

LEARNING_RATE, DECAY, MOMENTUM = 0.05, 1e-6, 0.9  # η, fixed by the course; μ
SLOW_RATE = 1e-4  # what the course tries beside it
BATCH_SIZE, EPOCHS, QUICK_EPOCHS = 100, 10, 5
STDDEV = 0.05  # of the dense layers' first weights: what Keras calls "normal"
SIDES, FLAT, WEIGHTS = (24, 22, 11, 9, 4), 256, 35_754  # what the arithmetic must give
FLOOR, QUICK_FLOOR = 0.965, 0.9  # of the accuracy on scikit-learn's digits, for any seed
LEARNT, QUICK_LEARNT = 120, 60  # steps until it must match logistic regression, ridge
BY_HAND_IMAGES = 100  # test images whose probabilities are computed again by hand
PEER_ROWS = 5000  # the most that scikit-learn's classifiers get; more would take minutes


def convolve(X, K, b):
    """Slide every filter over every picture: (n, h, w, c) → (n, h − k + 1, w − k + 1, f).

    >>> X = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> convolve(X, np.ones((2, 2, 1, 1)), np.zeros(1))[0, :, :, 0].tolist()
    [[8.0, 12.0], [20.0, 24.0]]
    """
    windows = sliding_window_view(X, K.shape[:2], axis=(1, 2))  # (n, i, j, c, u, v)
    return np.tensordot(windows, K, axes=((4, 5, 3), (0, 1, 2))) + b


def max_pool(X):
    """The largest of each 2×2 square; an odd last row or column is left out.

    >>> max_pool(np.arange(25.0).reshape(1, 5, 5, 1))[0, :, :, 0].tolist()
    [[6.0, 8.0], [16.0, 18.0]]
    """
    n, height, width, c = X.shape
    X = X[:, : height // 2 * 2, : width // 2 * 2]
    return X.reshape(n, height // 2, 2, width // 2, 2, c).max(axis=(2, 4))


def softmax(z):
    """exp z / Σ exp z along the last axis; less the largest z, which changes nothing else.

    >>> softmax(np.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def forward(X, weights):
    """The whole network by hand: what every layer puts out, the probabilities last.

    Args:
        X: shape (n, 28, 28, 1).
        weights: K1, b1, K2, b2, K3, b3, W4, b4, W5, b5, as the model lists them.
    """
    K1, b1, K2, b2, K3, b3, W4, b4, W5, b5 = (np.asarray(w, "float64") for w in weights)
    first = np.tanh(convolve(np.asarray(X, "float64"), K1, b1))
    second = np.tanh(convolve(first, K2, b2))
    pooled = max_pool(second)
    third = np.maximum(convolve(pooled, K3, b3), 0)
    small = max_pool(third)
    flat = small.reshape(len(X), -1)
    hidden = np.tanh(flat @ W4 + b4)
    return [first, second, pooled, third, small, flat, hidden, softmax(hidden @ W5 + b5)]


def cost(X, y, weights):
    """J = mean of −ln p_y, by hand."""
    p = forward(X, weights)[-1]
    return -np.mean(np.log(p[np.arange(len(y)), y]))


def draw_weights(shapes, seed):
    """First weights, drawn with NumPy, so that every backend starts at the same.

    Filters are uniform between ±√(6/(ins + outs)) (Glorot), ins = k² c and outs = k² f;
    the dense layers' weights normal; every b is 0.
    """
    rng = np.random.default_rng(seed)
    weights = []
    for shape in shapes:
        if len(shape) == 4:
            limit = np.sqrt(6 / (shape[0] * shape[1] * (shape[2] + shape[3])))
            weights.append(rng.uniform(-limit, limit, shape))
        else:
            weights.append(rng.normal(0, STDDEV, shape) if len(shape) == 2 else np.zeros(shape))
    return weights


def build_model(
    input_shape=(28, 28, 1), n_classes=10, seed=0, learning_rate=LEARNING_RATE, momentum=MOMENTUM
):
    """The network of the docstring, compiled, with its first weights."""

    def conv(filters, side, activation):
        # "zeros" because the weights are drawn below.
        return keras.layers.Conv2D(filters, side, activation=activation, kernel_initializer="zeros")

    def dense(units, activation):
        return keras.layers.Dense(units, activation=activation, kernel_initializer="zeros")

    model = keras.Sequential(
        [
            keras.Input(input_shape),
            conv(4, 5, "tanh"),  # 28 → 24
            conv(8, 3, "tanh"),  # 24 → 22
            keras.layers.MaxPooling2D(2),  # 22 → 11
            conv(16, 3, "relu"),  # 11 → 9
            keras.layers.MaxPooling2D(2),  # 9 → 4
            keras.layers.Flatten(),  # 4·4·16 = 256
            dense(128, "tanh"),
            dense(n_classes, "softmax"),
        ]
    )
    model.set_weights(draw_weights([w.shape for w in model.weights], seed))
    schedule = keras.optimizers.schedules.InverseTimeDecay(learning_rate, 1, DECAY)
    model.compile(
        optimizer=keras.optimizers.SGD(schedule, momentum=momentum, nesterov=momentum > 0),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def one_hot(y, n_classes):
    """Row i has a 1 in column y_i, else 0: shape (n, n_classes)."""
    return np.eye(n_classes, dtype="float32")[y]


def train(model, digits, epochs=EPOCHS, seed=0, batch_size=BATCH_SIZE, **how):
    """Train on `data.Digits`; return a `training.History`. `how`: see `training.train`."""
    K = digits.n_classes
    return training.train(
        model, digits.X_train, one_hot(digits.y_train, K), epochs=epochs, batch_size=batch_size,
        seed=seed, validation_data=(digits.X_val, one_hot(digits.y_val, K)), **how,
    )  # fmt: skip


def predict(model, X):
    """Class probabilities, shape (n, n_classes)."""
    return model.predict(X, batch_size=1000, verbose=0)


@with_precision
def run(options=Options()) -> Report:
    if options.model and not options.predict:
        raise InputError("--model is for --predict IMAGE; leave it out to train a new model")
    if options.model and (options.save or options.resume or options.data):
        raise InputError("--model is trained already; leave out --data, --resume and --save")
    if options.save:
        training.require_model_name(options.save)
    if options.predict:
        return recognise(options)
    digits = data.load_images(options.data)
    model = build_model(n_classes=digits.n_classes, seed=options.seed)
    before = Report.join(
        Report(digits.described(), []),
        arithmetic(model, digits.n_classes),
        beginning(model, digits, options.seed),
        first_steps(model, digits),
    )
    history = train(model, digits, budget(options), options.seed,
                    patience=options.patience, resume=options.resume)  # fmt: skip
    if options.save:
        training.save_model(model, options.save)
    if history.interrupted:
        stop(history, options, lambda: Report.join(before, trained(model, digits, options)))
    after = trained(model, digits, options)
    accuracy = after.results["accuracy on the test images"]
    return Report.join(
        before, after, peers(digits, accuracy, history, options), slow(digits, history, options)
    )


def budget(options):
    """How many epochs to train."""
    return options.epochs or (QUICK_EPOCHS if options.quick else EPOCHS)


def stop(history, options, report=None):
    """After Ctrl-C: say what was kept; without --save go on to what it can do."""
    kept = (
        f"interrupted in epoch {history.epochs + 1}; the best weights so far,"
        f" of epoch {history.best_epoch}, are "
    )
    if options.save:
        raise Interrupted(f"{kept}in {options.save}")
    if report is None:
        raise Interrupted(f"{kept}lost (--save keeps them)")
    raise Interrupted(f"{kept}reported on (--save keeps them)", report())


def arithmetic(model, n_classes):
    """How large every layer's output is and how many weights it has: by formula and in Keras."""
    side, channels, sides, counts = 28, 1, [], []
    for kernel, filters, pooled in ((5, 4, False), (3, 8, True), (3, 16, True)):
        side = side - kernel + 1
        sides.append(side)
        counts.append((kernel**2 * channels + 1) * filters)
        channels = filters
        if pooled:
            side = side // 2
            sides.append(side)
            counts.append(0)
    flat = side**2 * channels
    counts += [0, (flat + 1) * 128, (128 + 1) * n_classes]
    shapes = [layer.output.shape for layer in model.layers]
    keras_sides = [shape[1] for shape in shapes if len(shape) == 4]
    names = ("Conv 4@5×5", "Conv 8@3×3", "MaxPool 2", "Conv 16@3×3", "MaxPool 2 again", "Flatten",
             "Dense 128", f"Dense {n_classes}")  # fmt: skip
    layers = {
        name: f"{'×'.join(map(str, layer.output.shape[1:]))}, {layer.count_params():,} weights"
        for name, layer in zip(names, model.layers)
    }
    more = n_classes - 10  # a class more is a unit more
    return Report(
        results={
            **layers,
            "weights in all": model.count_params(),
        },
        checks=[
            Check("sides and flat, Keras = n − k + 1, ⌊n/2⌋", [*keras_sides, shapes[5][1]],
                  [*sides, flat], 0),
            Check("sides and flat by formula = the course's", [*sides, flat], [*SIDES, FLAT], 0),
            Check("weights of each layer, Keras = (k² c + 1) f",
                  [layer.count_params() for layer in model.layers], counts, 0),
            Check("weights in all, Keras = the course's", model.count_params(),
                  WEIGHTS + 129 * more, 0),
            Check("learning rate at step 0, 10⁶, Keras = η/(1 + 1e-6 t)",
                  [float(keras.ops.convert_to_numpy(model.optimizer._learning_rate(t)))
                   for t in (0, 10**6)], [LEARNING_RATE, LEARNING_RATE / 2], 1e-7, 1e-7),
        ],
    )  # fmt: skip


def beginning(model, digits, seed):
    """Before the first step: the cost must be near ln 10, and how near can be foretold.

    The last layer's weights w_k are normal, each entry with deviation σ, and its z_k = h·w_k
    small. So J = ln K + mean of (z̄ − z_y) + half the variance of the z, up to third powers. The
    first is a sum over k of w_k times (h̄/K − f_k h̄_k), f_k the share and h̄_k the mean h of
    class k: a normal number whose deviation is σ times those vectors' length.
    """
    K, y = digits.n_classes, digits.y_val[:1000]
    X, weights = digits.X_val[:1000], draw_weights([w.shape for w in model.weights], seed)
    keras_cost = model.evaluate(X, one_hot(y, K), batch_size=1000, verbose=0)[0]
    h = forward(X, weights)[-2]
    offsets = [h.mean(axis=0) / K - (y == k) @ h / len(y) for k in range(K)]
    curvature = STDDEV**2 * np.mean(np.sum(h**2, axis=1)) * (1 - 1 / K) / 2
    # Of K random logits the variance itself varies, by √(2/(K − 1)) of its size.
    sigma = np.hypot(STDDEV * np.linalg.norm(offsets), curvature * np.sqrt(2 / (K - 1)))
    return Report(
        results={"cost before training, ln of the classes": (keras_cost, np.log(K))},
        checks=[
            Check("cost before training = ln K + ½ var z, 5 sigma", keras_cost,
                  np.log(K) + curvature, 5 * sigma, 1e-5),
            Check("the same, Keras = by hand", keras_cost, cost(X, y, weights), 1e-5, 1e-5),
        ],
    )  # fmt: skip


def slope(X, y, weights, which, index, h=1e-7):
    """∂J/∂θ of one weight, measured: (J(θ + h) − J(θ − h)) / (2h)."""
    J = []
    for sign in (1, -1):
        moved = [np.array(w, "float64") for w in weights]
        moved[which][index] += sign * h
        J.append(cost(X, y, moved))
    return (J[0] - J[1]) / (2 * h)


def first_steps(model, digits):
    """Keras's first two steps on one batch, against slopes measured by hand.

    From v = 0 step 1 changes θ by −(1 + μ) η g₁ and step 2 by −μ² η g₁ − (1 + μ) η₂ g₂.
    Of each array the weight that changed most is looked at. The model is put back.
    """
    X, y = digits.X_train[:BATCH_SIZE], digits.y_train[:BATCH_SIZE]
    path = [model.get_weights()]
    for _ in range(2):
        model.train_on_batch(X, one_hot(y, digits.n_classes))
        path.append(model.get_weights())
    training.restart(model, path[0])

    rates = LEARNING_RATE / (1 + DECAY * np.arange(2))
    changes, expected = [], []
    for i, (start, after, last) in enumerate(zip(*path)):
        at = np.unravel_index(np.argmax(np.abs(after - start)), start.shape)
        g = [slope(X, y, weights, i, at) for weights in path[:2]]
        changes.append([after[at] - start[at], last[at] - after[at]])
        expected.append([
            -(1 + MOMENTUM) * rates[0] * g[0],
            -(MOMENTUM**2) * rates[0] * g[0] - (1 + MOMENTUM) * rates[1] * g[1],
        ])  # fmt: skip
    # A relu or a maximum that turns over within h, or within a float32 rounding, puts a slope
    # 5e-4 off; without one it is good to 1e-4 in float32, 1e-6 in float64.
    allowed, first = 2e-3, np.array(expected)[:, :1]
    return Report(
        results={},
        checks=[Check("first two steps of ten weights ÷ the first = Nesterov on measured slopes",
                      changes / first, expected / first, allowed,
                      agreement=None)],  # which weight changed most, rounding may decide
    )  # fmt: skip


def confusion(y, y_hat, n_classes):
    """Row y, column ŷ: how many pictures of class y were taken for ŷ.

    >>> confusion(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    return np.bincount(y * n_classes + y_hat, minlength=n_classes**2).reshape(n_classes, -1)


def precision_recall(table):
    """Of what was called k, the share that is k; of what is k, the share that was found.

    >>> [share.tolist() for share in precision_recall(np.array([[1, 0], [1, 1]]))]
    [[0.5, 1.0], [1.0, 0.5]]
    """
    hits, called, there = np.diag(table), table.sum(axis=0), table.sum(axis=1)
    return hits / np.maximum(called, 1), hits / np.maximum(there, 1)


def trained(model, digits, options):
    """The trained network on the test images: by Keras, by hand, by scikit-learn's measures."""
    from sklearn import metrics

    X, y, K = digits.X_test, digits.y_test, digits.n_classes
    p = predict(model, X)
    y_hat = p.argmax(axis=1)
    by_hand = forward(X[:BY_HAND_IMAGES], model.get_weights())
    table = confusion(y, y_hat, K)
    shares = precision_recall(table)
    peer = metrics.precision_recall_fscore_support(y, y_hat, labels=range(K), zero_division=0)
    keras_accuracy = model.evaluate(X, one_hot(y, K), batch_size=1000, verbose=0)[1]
    accuracy = np.trace(table) / len(y)
    worst = np.argsort(p[np.arange(len(y)), y])[:12]
    # Sums of up to 256 float32 products, 6e-8 each, for logits of size 10 or so: some 1e-6,
    # and a softmax changes by no more than its logits. In float64 the twin's tolerance.
    allowed = 2e-5 if options.dtype == "float32" else 2e-6
    one = 1.5 / len(y)  # backends round differently: one picture or two may fall on the other side
    return Report(
        results={
            "accuracy on the test images": accuracy,
            "mistakes, of": (np.sum(y_hat != y), len(y)),
            "precision of each class": " ".join(f"{share:.3f}" for share in shares[0]),
            "recall of each class": " ".join(f"{share:.3f}" for share in shares[1]),
            "largest difference, probabilities by Keras − by hand":
                np.abs(by_hand[-1] - p[:BY_HAND_IMAGES]).max(),
        },
        checks=[
            Check(f"probabilities of {BY_HAND_IMAGES} images, Keras = by hand",
                  p[:BY_HAND_IMAGES], by_hand[-1], allowed, agreement=None),
            Check("accuracy, Keras's = diagonal of the confusion matrix",
                  keras_accuracy, accuracy, 1e-6, 10 * one),
            Check("confusion matrix = scikit-learn's", table,
                  metrics.confusion_matrix(y, y_hat, labels=range(K)), 0, agreement=None),
            Check("precision and recall of each class = scikit-learn's", shares, peer[:2], 1e-12,
                  agreement=None),
        ],
        figures={
            "features": lambda: drawings.features(
                model.get_weights()[0], X[0, ..., 0], [layer[0] for layer in by_hand[:5]]),
            "mistakes": lambda: drawings.mistakes(table, X[worst, ..., 0], y[worst], p[worst]),
        },
    )  # fmt: skip


def peers(digits, accuracy, history, options):
    """scikit-learn's classifiers on the same pixels, as numbers without neighbours."""
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    X, y = digits.X_train[:PEER_ROWS].reshape(-1, 28 * 28), digits.y_train[:PEER_ROWS]
    X_test, y_test = digits.X_test.reshape(-1, 28 * 28), digits.y_test
    n, seconds = len(y_test), float(f"{history.seconds:.2g}")
    results = {
        f"this network, {len(digits.X_train):,} images: accuracy, seconds": (accuracy, seconds)
    }
    for name, peer in (
        ("logistic regression", LogisticRegression(max_iter=1000)),
        ("ridge classifier", RidgeClassifier()),
        ("nearest neighbours, 5", KNeighborsClassifier(min(5, len(X)))),
        ("support vectors, RBF", SVC()),
    ):
        start = time.perf_counter()
        share = peer.fit(X, y).score(X_test, y_test)
        seconds = float(f"{time.perf_counter() - start:.2g}")
        results[f"{name}, {len(y):,} images: accuracy, seconds"] = (share, seconds)
    checks, steps = [], history.epochs * len(digits.X_train) // BATCH_SIZE
    if steps >= QUICK_LEARNT and options.data in (None, "mnist"):
        rival = "logistic regression" if steps >= LEARNT else "ridge classifier"
        share = next(result[0] for name, result in results.items() if name.startswith(rival))
        sigma = np.sqrt(max(share * (1 - share), 1 / n) / n)
        checks.append(
            Check(f"accuracy below the {rival}'s, 3 sigma", max(0, share - accuracy), 0,
                  3 * sigma, agreement=None)
        )  # fmt: skip
        if options.data is None:
            floor = FLOOR if steps >= LEARNT else QUICK_FLOOR
            checks.append(
                Check(f"accuracy below {floor:.1%}", max(0, floor - accuracy), 0, 0, agreement=None)
            )
    return Report(results, checks)


def reach(rate, steps):
    """S: how far `steps` steps with momentum go, per unit of a slope that stays the same.

    >>> round(reach(0.1, 1), 9), round(reach(0.1, 2), 9)  # 0.19; then μ 0.19 + 0.1 more
    (0.19, 0.461)
    """
    v = total = 0.0
    for _ in range(steps):
        v = MOMENTUM * v + rate
        total += MOMENTUM * v + rate
    return total


def slow(digits, history, options):
    """SGD at 1e-4 from the same weights: what it does instead, foretold from how far it went."""
    # Twelve batches of a larger set do, and no smaller one among them: it would pull as hard.
    n = len(digits.X_train)
    rows = min(12, n // BATCH_SIZE) * BATCH_SIZE or n
    few = digits._replace(X_train=digits.X_train[:rows], y_train=digits.y_train[:rows])
    model = build_model(n_classes=digits.n_classes, seed=options.seed, learning_rate=SLOW_RATE)
    start = model.get_weights()
    epochs = max(QUICK_EPOCHS, min(budget(options), EPOCHS))
    slow_history = train(model, few, epochs, options.seed, verbose=0)
    if slow_history.interrupted:
        raise Interrupted("interrupted in the run at 1e-4; the network itself was trained")
    end = model.get_weights()
    steps = epochs * -(-rows // BATCH_SIZE)
    S = reach(SLOW_RATE, steps)
    moved = sum(np.sum((after - before) ** 2.0) for before, after in zip(start, end))
    fell = cost(few.X_train, few.y_train, start) - cost(few.X_train, few.y_train, end)
    share = np.mean(predict(model, digits.X_test).argmax(axis=1) == digits.y_test)
    return Report(
        results={
            f"at 1e-4: cost falls, in {steps} steps, by": fell,
            "at 1e-4: accuracy": share,
        },
        checks=[
            # First order in the steps: the slope itself changes a little on the way.
            Check("at 1e-4 the fall of the cost, relative, = |Δθ|²/S", fell, moved / S, 0.05,
                  agreement=1e-3),
        ],
        figures={"training": lambda: drawings.training(
            history.logs, slow_history.logs, LEARNING_RATE, f"{SLOW_RATE:g}, {rows:,} images",
            digits.n_classes)},
    )  # fmt: skip


def recognise(options):
    """What the pictures of --predict show, by a model of --model or by one trained for it."""
    X = np.array([pictures.read_digit(path) for path in options.predict])[..., None]
    if options.model:
        model = training.load_model(options.model, X.shape[1:])
    else:
        digits = data.load_images(options.data)
        model = build_model(n_classes=digits.n_classes, seed=options.seed)
        epochs = options.epochs or QUICK_EPOCHS
        history = train(model, digits, epochs, options.seed,
                        patience=options.patience, resume=options.resume)  # fmt: skip
        if options.save:
            training.save_model(model, options.save)
        if history.interrupted:
            stop(history, options)
    p = predict(model, X)
    names = [Path(path).name for path in options.predict]
    results = {}
    for path, row in zip(options.predict, p):
        results[f"{path} shows a"] = int(row.argmax())
        results.update({f"{path}: probability of {k}": float(p_k) for k, p_k in enumerate(row)})
    return Report(
        results,
        # Ten float32 numbers, each good to 6e-8 of itself.
        checks=[Check("probabilities add up to 1", p.sum(axis=1), np.ones(len(p)), 1e-5)],
        figures={"predict": lambda: drawings.predicted(names, X[..., 0], p)},
    )


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="epochs", images=True, options=Options)


if __name__ == "__main__":
    raise SystemExit(main())
