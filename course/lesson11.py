"""Lesson 11: A convolutional network.

How can a network read digits of 28×28 pixels, and can all of it be computed by hand?

    convolution   a[i, j, f] = φ(b_f + Σ X[i + u, j + v, c] K[u, v, c, f]), sum over u, v, c
                  n pixels a side become n − k + 1; k² c weights and one b for each of f filters
    max pooling   the largest of each 2×2 square; n becomes ⌊n/2⌋
    dense         a = φ(hW + b)           softmax   p_k = exp z_k / Σ exp z_j
    cost          J = mean of −ln p_y, y: the right class         (categorical cross entropy)
    step t        v ← μv − η_t ∇J,   θ ← θ + μv − η_t ∇J,   η_t = η/(1 + 1e-6 t)    (Nesterov)

    5×5 tanh    3×3 tanh    pool    3×3 relu    pool    flat    tanh    softmax
    28 → 24×24×4 → 22×22×8 → 11×11×8 → 9×9×16 → 4×4×16 → 256 → 128 → 10 : 35,754 weights
    X: shape (n, 28, 28, 1)    y: shape (n,)    p: shape (n, 10)    K: shape (k, k, c, f)

Run it:     python -m course.lesson11            (your own digit: --predict PICTURE.png)
Checked in: course/checks/lesson11.py
Read more:  Y. LeCun et al., Gradient-based learning applied to document recognition, 1998
"""

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from course import training
from course.data import load_images as load_data
from course.training import baselines, draw_weights, models

LEARNING_RATE, DECAY, MOMENTUM = 0.05, 1e-6, 0.9  # η, its decay, μ: fixed by the course
BATCH_SIZE, EPOCHS, QUICK_EPOCHS = 100, 10, 5
SLOW_RATE, SLOW_BATCHES, WEIGHTS = 1e-4, 12, 35_754  # far too small a rate; weights in all


# By hand -------------------------------------------------------------------------------------
def convolve(X, K, b):
    """Slide every filter over every picture: (n, h, w, c) → (n, h − k + 1, w − k + 1, f).

    >>> X = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> convolve(X, np.ones((2, 2, 1, 1)), np.zeros(1))[0, :, :, 0].tolist()
    [[8.0, 12.0], [20.0, 24.0]]
    """
    patches = sliding_window_view(X, K.shape[:2], axis=(1, 2))  # (n, i, j, c, u, v)
    return np.tensordot(patches, K, axes=((4, 5, 3), (0, 1, 2))) + b


def max_pool(X):
    """The largest of each 2×2 square; an odd last row or column is left out."""
    n, height, width, c = X.shape
    X = X[:, : height // 2 * 2, : width // 2 * 2]
    return X.reshape(n, height // 2, 2, width // 2, 2, c).max(axis=(2, 4))


def softmax(z):
    """exp z / Σ exp z. The largest z is subtracted first: it cancels, and exp stays finite."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def forward(X, weights):
    """The whole network: the output of every layer, the probabilities last."""
    K1, b1, K2, b2, K3, b3, W4, b4, W5, b5 = (np.asarray(w, "float64") for w in weights)
    first = np.tanh(convolve(np.asarray(X, "float64"), K1, b1))  # (n, 24, 24, 4)
    second = np.tanh(convolve(first, K2, b2))  # (n, 22, 22, 8)
    pooled = max_pool(second)  # (n, 11, 11, 8)
    third = np.maximum(convolve(pooled, K3, b3), 0)  # (n, 9, 9, 16)
    small = max_pool(third)  # (n, 4, 4, 16)
    flat = small.reshape(len(X), -1)  # (n, 256)
    hidden = np.tanh(flat @ W4 + b4)  # (n, 128)
    return [first, second, pooled, third, small, flat, hidden, softmax(hidden @ W5 + b5)]


def cost(X, y, weights):
    """J = mean of −ln p_y; as in Keras no p counts as less than 1e-7."""
    return -np.mean(np.log(forward(X, weights)[-1][np.arange(len(y)), y].clip(1e-7)))


def confusion(y, y_hat, n_classes):
    """Row y, column ŷ: how many pictures of class y were taken for ŷ."""
    return np.bincount(y * n_classes + y_hat, minlength=n_classes**2).reshape(n_classes, -1)


# In Keras ------------------------------------------------------------------------------------
def build_model(input_shape=(28, 28, 1), n_classes=10, seed=0, learning_rate=LEARNING_RATE):
    """The network above, compiled. NumPy draws its first weights: every backend has the same."""
    zeros = {"kernel_initializer": "zeros"}  # replaced below; drawing them twice takes seconds
    model = keras.Sequential([keras.Input(input_shape)])
    model.add(keras.layers.Conv2D(4, 5, activation="tanh", **zeros))
    model.add(keras.layers.Conv2D(8, 3, activation="tanh", **zeros))
    model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Conv2D(16, 3, activation="relu", **zeros))
    model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(128, activation="tanh", **zeros))
    model.add(keras.layers.Dense(n_classes, activation="softmax", **zeros))
    model.set_weights(draw_weights([w.shape for w in model.weights], seed))
    rate = keras.optimizers.schedules.InverseTimeDecay(learning_rate, 1, DECAY)
    sgd = keras.optimizers.SGD(rate, momentum=float(MOMENTUM), nesterov=True)
    model.compile(sgd, "categorical_crossentropy", metrics=["accuracy"])
    return model


def one_hot(y, n_classes):
    """Row i has a 1 in column y_i, else 0: shape (n, n_classes)."""
    return np.eye(n_classes, dtype="float32")[y]


def train(model, digits, epochs=EPOCHS, seed=0, batch_size=BATCH_SIZE, **how):
    """As `model.fit`, with the order from NumPy; for `how` see `training.train`."""
    X, Y = digits.X_train, one_hot(digits.y_train, digits.n_classes)
    how["validation_data"] = digits.X_val, one_hot(digits.y_val, digits.n_classes)
    return training.train(model, X, Y, epochs=epochs, batch_size=batch_size, seed=seed, **how)


def predict(model, X):
    """Class probabilities, shape (n, n_classes)."""
    return model.predict(X, batch_size=1000, verbose=0)


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    digits = load_data(options.data)
    epochs = options.epochs or (QUICK_EPOCHS if options.quick else EPOCHS)
    keep = dict(patience=options.patience, resume=options.resume, save=options.save)
    model = build_model(n_classes=digits.n_classes, seed=options.seed)
    measured = {"start": begin(model, digits)}
    history = train(model, digits, epochs, options.seed, **keep)
    measured["network"] = evaluate(model, digits, history)
    if not history.interrupted:  # by Ctrl-C
        measured["network"]["baselines"] = baselines.fit(digits)
        measured["slow"] = train_slowly(digits, epochs, options.seed)
    return measured


def begin(model, digits):
    """Before training: each layer's output and weights, the cost, and two steps on a batch."""
    X, X_val, K = digits.X_train[:BATCH_SIZE], digits.X_val[:1000], digits.n_classes
    Y, Y_val = one_hot(digits.y_train[:BATCH_SIZE], K), one_hot(digits.y_val[:1000], K)
    layers = [(layer.output.shape[1:], layer.count_params()) for layer in model.layers]
    first_cost = model.evaluate(X_val, Y_val, batch_size=1000, verbose=0)[0]
    path = [model.get_weights()]
    for _ in range(2):
        model.train_on_batch(X, Y)
        path.append(model.get_weights())
    rates = [models.rate_at(model.optimizer, t) for t in (0, 10**6)]
    training.restart(model, path[0])
    return dict(digits=digits, layers=layers, rates=rates, first_cost=first_cost, path=path)


def evaluate(model, digits, history):
    """The trained network on the test images; 100 of them by hand as well."""
    X, y, K, weights = digits.X_test, digits.y_test, digits.n_classes, model.get_weights()
    p, outputs = predict(model, X), models.layer_outputs(model, X[:1])
    found = dict(digits=digits, history=history, p=p, weights=weights, outputs=outputs)
    found["accuracy"] = model.evaluate(X, one_hot(y, K), batch_size=1000, verbose=0)[1]
    ours = model.count_params() == WEIGHTS + 129 * (K - 10)  # a class more is 129 weights more
    found["layers"] = forward(X[:100], weights) if ours else []
    found["table"] = table = confusion(y, p.argmax(axis=1), K)
    found["precision"] = np.diag(table) / table.sum(axis=0).clip(1)  # of what was called k
    found["recall"] = np.diag(table) / table.sum(axis=1).clip(1)  # of what is k
    return found


def train_slowly(digits, epochs, seed):
    """The same at the learning rate 1e-4, on at most 12 whole batches."""
    rows = min(SLOW_BATCHES, len(digits.X_train) // BATCH_SIZE) * BATCH_SIZE or None
    few = digits._replace(X_train=digits.X_train[:rows], y_train=digits.y_train[:rows])
    XY = few.X_train, one_hot(few.y_train, digits.n_classes)
    model = build_model(n_classes=digits.n_classes, seed=seed, learning_rate=SLOW_RATE)
    start, first = model.get_weights(), model.evaluate(*XY, BATCH_SIZE, verbose=0)[0]
    history = train(model, few, max(QUICK_EPOCHS, min(epochs, EPOCHS)), seed, verbose=0)
    end, fall = model.get_weights(), first - model.evaluate(*XY, BATCH_SIZE, verbose=0)[0]
    found = dict(few=few, history=history, start=start, end=end, fall=fall)
    return {**found, "accuracy": np.mean(predict(model, digits.X_test).argmax(1) == digits.y_test)}


def results(measured):
    """What a learner should see first: {what: number}."""
    start, network, slow = measured["start"], measured["network"], measured.get("slow")
    digits, history, rivals = (network.get(name, {}) for name in ("digits", "history", "baselines"))
    costs = history.logs["loss"]
    shown = {
        **digits.described(),
        f"test accuracy after {len(costs)} epochs, seconds": (network["accuracy"], history.seconds),
        "cost before training, ln of the classes": (start["first_cost"], np.log(digits.n_classes)),
        "cost in the last epoch": costs[-1] if np.isfinite(costs[-1]) else "diverged",
        "weights in all": sum(count for _, count in start["layers"]),
        "precision of each class": " ".join(f"{v:.3f}" for v in network["precision"]),
        "recall of each class": " ".join(f"{v:.3f}" for v in network["recall"]),
        **{f"{name}: accuracy, seconds": pair for name, pair in rivals.items()},
    }
    if slow:
        shown[f"at {SLOW_RATE:g}: the cost falls by; accuracy"] = (slow["fall"], slow["accuracy"])
    return shown


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
