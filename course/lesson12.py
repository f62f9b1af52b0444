"""Lesson 12: Augmentation.

Turn, shift and flip the digits that are trained on: what of it helps, and what hurts?

A moved picture is made backwards: each pixel (x, y) of the new one, x to the right and y
down, asks at which place (x′, y′) of the old one it was.

    shift by (s, t)               x′ = x − s                    y′ = y − t
    rotation by φ anticlockwise   x′ = c + (x − c) cos φ − (y − c) sin φ
      about the centre (c, c)     y′ = c + (x − c) sin φ + (y − c) cos φ
    flip left to right            x′ = 2c − x                   y′ = y
    all of them at once           (x′, y′) = (c, c) + L (x − s − c, y − t − c)

A place between four pixels takes from each by how near it is; f, g: decimals of x′, y′:

    X(x′, y′) = (1 − g)[(1 − f) al + f ar] + g[(1 − f) bl + f br]    (above, below; left, right)
    X: shape (n, 28, 28, 1)    L: shape (n, 2, 2)    shifts (s, t), in pixels: shape (n, 2)

Run it:     python -m course.lesson12
Checked in: course/checks/lesson12.py
Read more:  P. Simard et al., Best practices for convolutional neural networks, ICDAR 2003
"""

import keras
import numpy as np

from course import lesson11
from course.data import SIDE, load_images as load_data
from course.lesson11 import BATCH_SIZE, confusion, predict
from course.training import Augmentation, baselines

ROTATION, SHIFT = 20, 0.2  # degrees, and fraction of the side: fixed by the course
SMALL_SHIFT, START_RATE, PEAK_RATE, WARM_UP = 0.04, 0.004, 0.1, 0.3  # of the better recipe
EPOCHS, QUICK_EPOCHS, SEEDS, QUICK_SEEDS = 10, 8, 3, 1  # of each recipe
SHEET, STREAM = 8, 12  # digits on the contact sheet; of this lesson's own random numbers


# By hand -------------------------------------------------------------------------------------
def linear(angles, mirrored=False, upside_down=False):
    """L: a flip, then a rotation anticlockwise; angles in degrees, (n,); shape (n, 2, 2)."""
    φ = np.deg2rad(angles)
    L = np.array([[np.cos(φ), -np.sin(φ)], [np.sin(φ), np.cos(φ)]]).transpose(2, 0, 1)
    flips = 1 - 2 * np.stack(np.broadcast_arrays(mirrored, upside_down), axis=-1)  # −1: flipped
    return L * flips[..., None]


def places(L, shifts, side):
    """(x′, y′) of every pixel of n new pictures, two arrays of shape (n, side, side)."""
    c = (side - 1) / 2
    to = c - L @ (c + shifts[..., None])  # (n, 2, 1)
    M = np.concatenate([L, to], axis=2).astype("float32")[..., None, None]
    pixels = np.arange(side, dtype="float32")
    return [M[:, k, 0] * pixels + M[:, k, 1] * pixels[:, None] + M[:, k, 2] for k in (0, 1)]


def move(X, angles=0, shifts=(0, 0), mirrored=False, upside_down=False):
    """Move n pictures, all alike or each its own way; what comes from outside is paper, 0."""
    n, side = X.shape[:2]
    L = linear(np.broadcast_to(angles, n), mirrored, upside_down)
    x, y = (at.clip(-1, side) for at in places(L, np.broadcast_to(shifts, (n, 2)), side))
    left, above = np.floor(x), np.floor(y)
    f, g = x - left, y - above
    pixels, width = np.pad(X[..., 0], ((0, 0), (1, 2), (1, 2))).ravel(), side + 3  # paper
    rows = np.arange(n, dtype="int32")[:, None, None] * width + above.astype("int32") + 1
    at = rows * width + left.astype("int32") + 1
    al, ar, bl, br = (pixels[at + step] for step in (0, 1, width, width + 1))
    upper, lower = al + f * (ar - al), bl + f * (br - bl)
    return (upper + g * (lower - upper))[..., None]


MOVES = Augmentation(move, ROTATION, SHIFT)
BETTER = "small shifts, one-cycle rate"
RECIPES = {
    "none": None,
    "rotation, shifts": MOVES,
    "flips": Augmentation(move, flips=True),
    "rotation, shifts, flips": Augmentation(move, ROTATION, SHIFT, flips=True),
    BETTER: Augmentation(move, shift=SMALL_SHIFT),
}


# In Keras ------------------------------------------------------------------------------------
def one_cycle(steps):
    """A learning rate that climbs to its peak in a straight line and falls as a cosine to 0."""
    up = max(1, int(WARM_UP * steps))
    climb = {"warmup_target": float(PEAK_RATE), "warmup_steps": up}
    return keras.optimizers.schedules.CosineDecay(float(START_RATE), max(1, steps - up), **climb)


def build_model(X, n_classes=10, seed=0, schedule=None):
    """Lesson 11's network behind a layer that standardises: (X − mean)/deviation of all pixels."""
    standardise = keras.layers.Normalization(axis=-1)
    standardise.adapt(X)
    network = lesson11.build_model(n_classes=n_classes, seed=seed)
    model = keras.Sequential([keras.Input(X.shape[1:]), standardise, *network.layers])
    if schedule is not None:
        network.optimizer.learning_rate = schedule
    model.compile(network.optimizer, network.loss, metrics=["accuracy"])
    return model


def train(model, digits, epochs=EPOCHS, seed=0, augment=None, **how):
    """As in lesson 11; every epoch sees each digit moved anew by `augment(X, rng)`."""
    return lesson11.train(model, digits, epochs, seed, augment=augment, **how)


def accuracy(model, X, y):
    """The fraction of the pictures that the model reads rightly."""
    return np.mean(predict(model, X).argmax(axis=1) == y)


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    digits = load_data(options.data)
    epochs = options.epochs or (QUICK_EPOCHS if options.quick else EPOCHS)
    seeds = range(options.seed, options.seed + (QUICK_SEEDS if options.quick else SEEDS))
    known = options.data in (None, "mnist") and digits.n_classes == 10  # no clothes
    return {
        "transforms": transform(digits.X_test[:SHEET], options.seed),
        "standardised": standardise(digits, options.seed),
        "recipes": compare(digits, epochs, seeds),
        **({"flipped": ask_nearest_neighbour(digits)} if known else {}),
    }


def transform(X, seed):
    """Each transform of some digits, and all of them at once."""
    rng, n = np.random.default_rng([seed, STREAM, 4]), len(X)
    angles = rng.uniform(-ROTATION, ROTATION, n)
    shifts = rng.uniform(-SHIFT, SHIFT, (n, 2)) * SIDE
    whole = rng.integers(-3, 4, (n, 2))
    moved = {
        "as it was": X,
        "rotation": move(X, angles),
        "shifts": move(X, shifts=shifts),
        "left to right": move(X, mirrored=True),
        "upside down": move(X, upside_down=True),
        "all at once": move(X, angles, whole, mirrored=True, upside_down=True),
    }
    return dict(angles=angles, shifts=shifts, whole=whole, moved=moved)


def standardise(digits, seed):
    """What the layer makes of the pixels, and what the network then says of them."""
    X, model = digits.X_train, build_model(digits.X_train, digits.n_classes, seed)
    Z = keras.ops.convert_to_numpy(model.layers[0](X[:1000]))
    p, compiled = predict(model, X[:100]), [layer.supports_jit for layer in model.layers]
    return dict(digits=digits, Z=Z, p=p, weights=model.get_weights(), compiled=compiled)


def compare(digits, epochs, seeds):
    """Train by every recipe, from the same seeds; test on the digits as they are and moved."""
    moved = MOVES(digits.X_test, np.random.default_rng([seeds[0], STREAM, 3]))
    steps = epochs * -(-len(digits.X_train) // BATCH_SIZE)
    y, K, accuracies, tables = digits.y_test, digits.n_classes, {}, {}
    for name, augment in RECIPES.items():
        accuracies[name], tables[name] = np.zeros((len(seeds), 2)), np.zeros((K, K), int)
        for i, s in enumerate(seeds):
            model = build_model(digits.X_train, K, s, one_cycle(steps) if name == BETTER else None)
            if train(model, digits, epochs, s, augment).interrupted:
                raise KeyboardInterrupt
            y_hat = predict(model, digits.X_test).argmax(axis=1)
            accuracies[name][i] = np.mean(y_hat == y), accuracy(model, moved, y)
            tables[name] += confusion(y, y_hat, K)
    return dict(accuracies=accuracies, tables=tables, steps=steps)


def ask_nearest_neighbour(digits):
    """Flipped test digits: which fraction is another digit to who knows upright ones only?"""
    fractions = {}
    for a, b, mirrored in ((6, 9, True), (9, 6, True), (2, 5, False), (5, 2, False)):
        if len(X := digits.X_test[digits.y_test == a][:500]):
            taken_for = baselines.nearest(digits, move(X, mirrored=mirrored, upside_down=True))
            how = f"{a} upside down{' and mirrored' if mirrored else ''}"
            fractions[f"{how}: fraction nearest to a {b}"] = np.mean(taken_for == b)
    return dict(fractions=fractions)


def results(measured):
    """What a learner should see first: {what: number}."""
    digits, recipes = measured["standardised"]["digits"], measured["recipes"]
    X, shown = digits.X_train.astype("float64"), digits.described()
    for name, rows in recipes["accuracies"].items():
        shown[f"{name}: accuracy on clean, moved"] = rows.mean(axis=0)
        if len(rows) > 1:
            shown[f"{name}: spread of {len(rows)} seeds"] = rows.std(axis=0, ddof=1)
    for name, t in recipes["tables"].items() if "flipped" in measured else ():
        swapped = [(t[a, b] + t[b, a]) / t[[a, b]].sum().clip(1) for a, b in ((2, 5), (6, 9))]
        shown[f"{name}: fraction of 2, 5; 6, 9 swapped"] = swapped
    shown["mean, deviation of all pixels"] = X.mean(), X.std()
    return shown | measured.get("flipped", {}).get("fractions", {})


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
