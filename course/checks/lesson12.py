"""Why lesson 12's numbers must be what they are.

`move` is held against SciPy's `ndimage` and against Keras's random layers, each held still by a
range from one number to itself. The network takes its pictures moved, not a random layer inside
it: that would switch its compilation off. What such a layer costs on each backend
`tests/bench/bench_cnn.py --layers` measures.

Standardising could be left out of a trained network, K ← K/deviation and
b ← b − mean ΣK/deviation: it must then say the same of raw pixels.

A uniform number between −a and a has the deviation a/√3, and n of them measure it with an error of
√(0.2/n) of itself. A digit shifted is the same digit. A digit flipped may be another or none: a 6
upside down and mirrored is a 9, a 2 upside down nearly a 5.
"""

import keras
import numpy as np

from course import lesson11
from course.checks import Check, by_section
from course.checks.constants import ABOVE_0, ANYTHING, NUMBER, whole
from course.data import SIDE
from course.lesson12 import (
    PEAK_RATE,
    RECIPES,
    ROTATION,
    SHIFT,
    START_RATE,
    STREAM,
    WARM_UP,
    move,
    one_cycle,
)

LIMITS = np.array([ROTATION, SHIFT, SHIFT])
GAIN = 0.1  # what augmentation must bring on moved digits: 10 points
LEARNT = 96  # steps from which on that is asked of it
PLACES = "a place is a float32 number up to 28, good to 2e-6, and ink is at most 1 steep"


CONSTANTS = {  # what the page's constants may be
    "ROTATION": NUMBER,
    "SHIFT": NUMBER,
    "SMALL_SHIFT": NUMBER,
    "START_RATE": ABOVE_0,
    "PEAK_RATE": ABOVE_0,
    "WARM_UP": NUMBER,
    "EPOCHS": whole(1),
    "QUICK_EPOCHS": whole(1),
    "SEEDS": whole(1),
    "QUICK_SEEDS": whole(1),
    "SHEET": whole(1),
    "STREAM": whole(1),
    "MOVES": ANYTHING,
    "BETTER": NUMBER,
    "RECIPES": ANYTHING,
}


def checks(measured, options):
    """All checks of the lesson on what `lesson12.run` measured."""
    sections = {
        "transforms": check_transforms, "standardised": check_standardised,
        "recipes": check_recipes, "flipped": check_flipped,
    }  # fmt: skip
    return by_section(sections, measured, options)


def check_transforms(options, angles, shifts, whole, moved):
    images = moved["as it was"][..., 0].astype("float64")
    expected = {
        "rotation": [scipys(*pair) for pair in zip(images, angles)],
        "shifts": [scipys(image, 0, shift) for image, shift in zip(images, shifts)],
        "left to right": images[:, :, ::-1],
        "upside down": images[:, ::-1],
        "all at once": [scipys(*one) for one in zip(images[:, ::-1, ::-1], angles, whole)],
    }
    return [
        *(Check.close(name.replace(" ", "-"), f"{name}, NumPy = SciPy", moved[name][..., 0], wanted,
                      atol=1e-5, reason=PLACES) for name, wanted in expected.items()),
        *check_layers(options, moved["as it was"]),
        *check_draws(options),
    ]  # fmt: skip


def scipys(image, angle=0, shift=(0, 0)):
    """A picture turned, then shifted, by SciPy."""
    from scipy import ndimage

    turned = ndimage.rotate(image, angle, reshape=False, order=1, mode="grid-constant")
    return ndimage.shift(turned, shift[::-1], order=1, mode="grid-constant")


def check_layers(options, X):
    """Keras's random layers = `move`."""
    rng = np.random.default_rng([options.seed, STREAM, 1])
    degrees, right, down = rng.uniform(-1, 1, 3) * LIMITS
    kind = {"fill_mode": "constant", "interpolation": "bilinear"}
    layers = [
        keras.layers.RandomRotation((degrees / 360, degrees / 360), **kind),
        keras.layers.RandomTranslation((down, down), (right, right), **kind),
        keras.layers.RandomFlip("horizontal", seed=options.seed),
    ]
    turned, shifted, flipped = (
        keras.ops.convert_to_numpy(layer(X, training=True)) for layer in layers
    )
    # Which pictures the flip turns is its own affair.
    ways = np.stack([X, move(X, mirrored=True)])
    difference = np.abs(flipped - ways).max(axis=(2, 3, 4)).min(axis=0)
    why = "Keras rounds the shift and the matrix, not only the place, to float32"
    return [
        Check.close("random-rotation", "Keras's RandomRotation = NumPy", turned, move(X, degrees),
                    atol=2e-5, agreement=2e-5, reason=why),
        Check.close("random-translation", "Keras's RandomTranslation = NumPy", shifted,
                    move(X, shifts=(SIDE * right, SIDE * down)), atol=2e-5, agreement=2e-5,
                    reason=why),
        Check.close("random-flip", "Keras's RandomFlip: the picture or its mirror image",
                    difference, np.zeros(len(X)), atol=1e-6, agreement=1e-6,
                    reason="no pixel is computed, only put elsewhere"),
        Check.true("random-layers", "Keras's RandomRotation cannot be compiled",
                   not layers[0].supports_jit),
    ]  # fmt: skip


def check_draws(options, n=20_000):
    """What an augmentation draws."""
    rng = np.random.default_rng([options.seed, STREAM, 2])
    angles, shifts, *flips = RECIPES["rotation, shifts, flips"].draw(n, SIDE, rng)
    spread = [angles.std(), *shifts.std(axis=0)] / (LIMITS * [1, SIDE, SIDE]) * np.sqrt(3)
    both = np.mean(flips[0] & flips[1])
    return [
        Check.within("draws", "deviation of angles, shifts ÷ limit/√3", spread, np.ones(3),
                     np.sqrt(0.2 / n)),
        Check.within("flips", "fraction mirrored, upside down, both",
                     [*np.mean(flips, axis=1), both], [0.5, 0.5, 0.25], np.sqrt(0.25 / n)),
    ]  # fmt: skip


def check_standardised(options, digits, Z, p, weights, compiled):
    X = digits.X_train.astype("float64")
    mean, deviation = X.mean(), X.std()
    K1, b1, *others = weights[3:]  # behind the layer's mean, variance and count
    folded = [K1 / deviation, b1 - mean * K1.sum(axis=(0, 1, 2)) / deviation, *others]
    return [
        Check.close("standardised", "standardised by Keras = (X − mean)/deviation", Z,
                    (X[: len(Z)] - mean) / deviation, atol=5e-6, agreement=5e-6,
                    reason="float32 numbers up to 3, of a mean good to 1e-7"),
        Check.close("mean-variance", "the layer's mean and variance, Keras = NumPy",
                    np.ravel(weights[:2]), [mean, deviation**2], atol=1e-6, agreement=1e-6,
                    reason="float32 sums over all pixels"),
        Check.close("folded", "network without the layer, NumPy, on raw digits = Keras with it", p,
                    lesson11.forward(digits.X_train[: len(p)], folded)[-1], atol=2e-5,
                    agreement=2e-5, reason="sums of up to 256 float32 products"),
        Check.true("compiled", "all of this network's layers can be compiled",
                   np.array(compiled, bool)),
    ]  # fmt: skip


def check_recipes(options, accuracies, tables, steps):
    t = np.arange(0, steps, max(1, steps // 20))
    schedule = one_cycle(steps)
    rates = [float(keras.ops.convert_to_numpy(schedule(float(step)))) for step in t]
    up = max(1, int(WARM_UP * steps))
    climb = START_RATE + (PEAK_RATE - START_RATE) * t / up
    fall = PEAK_RATE / 2 * (1 + np.cos(np.pi * (t - up) / max(1, steps - up)))
    counted = {name: np.trace(table) / table.sum() for name, table in tables.items()}
    found = [
        Check.close("accuracies", "mean accuracy of each recipe = diagonal of its confusion matrix",
                    {name: rows[:, 0].mean() for name, rows in accuracies.items()}, counted,
                    atol=1e-12, agreement=None, reason="float64 means of whole numbers"),
        Check.at_least("moved-accuracies", "every recipe reads some of the moved digits",
                       np.array([rows[:, 1] for rows in accuracies.values()]), 0.0,
                       agreement=None),
        Check.close("one-cycle", "one-cycle rate, Keras = by formula", rates,
                    np.where(t < up, climb, fall), atol=1e-7, agreement=1e-7,
                    reason="some backends keep a schedule in float32"),
    ]  # fmt: skip
    if steps >= LEARNT and options.data in (None, "mnist"):
        clean, moved = ({name: a[:, k].mean() for name, a in accuracies.items()} for k in (0, 1))
        found += [
            Check.at_least("moves-help", "moved digits: what the moves bring, at least 10 points",
                           moved["rotation, shifts"] - moved["none"], GAIN, agreement=None,
                           reason="0.36 without, 0.6 or more with them"),
            Check.at_most("flips-harm", "clean digits: what flips on top bring, at most 0",
                          clean["rotation, shifts, flips"] - clean["rotation, shifts"], 0.0,
                          agreement=None, reason="a flipped digit is another, or none"),
        ]  # fmt: skip
    return found


def check_flipped(options, fractions):
    if options.data is not None:
        return []
    return [
        Check.at_least("fractions", "fractions are at least 0", list(fractions.values()), 0.0,
                       agreement=None),
        Check.at_least("six-is-nine", "a 6 upside down and mirrored is a 9 for at least half",
                       fractions["6 upside down and mirrored: fraction nearest to a 9"], 0.5,
                       reason="half a turn makes a 9 of a 6"),
    ]  # fmt: skip
