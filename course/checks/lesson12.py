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

import functools

import keras
import numpy as np

from course import lesson11, lesson12 as lesson
from course.checks import Check, by_section
from course.checks.constants import ABOVE_0, BELOW_1, FROM_0, Kind, is_number, whole
from course.checks.models import unlike
from course.data import SIDE
from course.lesson12 import (
    MOVES,
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
from course.training import Augmentation

LIMITS = np.array([ROTATION, SHIFT, SHIFT])
GAIN = 0.1  # what augmentation must bring on moved digits: 10 points
LEARNT = 96  # steps from which on that is asked of it
USUAL = (10, 30), (0.1, 0.25)  # degrees, and fractions of the side, for which it is
MANY = 500  # training images from which on it is
# A place is a float32 number up to 28, and a shift more, good to 1.2e-7 of that, right and down.
ROUNDED = 2.5e-7 * SIDE * (1 + 2 * SHIFT)
PLACES = "a place is a sum of float32 numbers up to 28 and the shifts, and ink is at most 1 steep"
LAYERS = ["Normalization", "Conv2D", "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Flatten",
          "Dense", "Dense"]  # fmt: skip
ACTIVATIONS = ["tanh", "tanh", "relu", "tanh", "softmax"]


def up_to(most):
    """Numbers from 0 to `most`."""
    return Kind(f"a number from 0 to {most}", lambda v: is_number(v) and 0 <= v <= most, float)


def is_augmentation(value):
    limits = getattr(value, "rotation", 0), getattr(value, "shift", 0)
    return callable(value) and all(is_number(limit) and limit >= 0 for limit in limits)


CONSTANTS = {  # what the page's constants may be
    "ROTATION": up_to(180),
    "SHIFT": up_to(1),
    "SMALL_SHIFT": up_to(1),
    "START_RATE": FROM_0,
    "PEAK_RATE": ABOVE_0,
    "WARM_UP": BELOW_1,
    "EPOCHS": whole(1),
    "QUICK_EPOCHS": whole(1),
    "SEEDS": whole(1),
    "QUICK_SEEDS": whole(1),
    "SHEET": whole(1),
    "STREAM": whole(0),
    "MOVES": Kind("an Augmentation with limits of at least 0", is_augmentation),
    "BETTER": Kind("a name", lambda value: isinstance(value, str)),
    "RECIPES": Kind(
        "a dict with one or more recipes, each None or an Augmentation with limits of at least 0",
        lambda recipes: (
            isinstance(recipes, dict)
            and len(recipes) > 0
            and all(recipe is None or is_augmentation(recipe) for recipe in recipes.values())
        ),
    ),
}


def checks(measured, options):
    """All checks of the lesson on what `lesson12.run` measured."""
    sections = {
        "transforms": check_transforms, "standardised": check_standardised,
        "recipes": check_recipes, "flipped": check_flipped,
    }  # fmt: skip
    return by_section(sections, measured, options)


@functools.cache
def page_model():
    """The model as the page builds it."""
    return lesson.build_model(np.zeros((1, SIDE, SIDE, 1), "float32"))


def other_network():
    """Why the network of `build_model` is not lesson 11's behind the layer; "" where it is."""
    model = page_model()
    same = sum(np.size(w) for w in model.get_weights()[3:]) == lesson11.WEIGHTS
    return unlike(model, optimizer=None, layers=LAYERS, activations=ACTIVATIONS, bias=True) or (
        "" if same else "not for layers of another size"
    )


def other_first_layer():
    """Why nothing is standardised; "" where it is."""
    first = type(page_model().layers[0]).__name__
    return "" if first == LAYERS[0] else f"not for {first} first"


@functools.cache
def few_digits(source):
    """Why too few digits are there to learn from; "" where they are enough."""
    n = len(lesson.load_data(source).y_train)
    return "" if n >= MANY else f"not for {n} images"


def other_training(options):
    """Why a recipe need not bring what it does on the page; "" where it must."""
    course_values = (lesson11.LEARNING_RATE, lesson11.MOMENTUM, lesson11.BATCH_SIZE)
    if why := (other_network() or unlike(page_model(), schedule=True, momentum=0.9, nesterov=True)
               or few_digits(options.data)):  # fmt: skip
        return why
    if course_values != (0.05, 0.9, 100):
        return "not for another lesson 11"
    turns, shifts = USUAL
    usual = (turns[0] <= ROTATION <= turns[1] and shifts[0] <= SHIFT <= shifts[1]
             and MOVES == Augmentation(move, ROTATION, SHIFT))  # fmt: skip
    return "" if usual else "not for such moves"


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
                      atol=ROUNDED, reason=PLACES) for name, wanted in expected.items()),
        *check_layers(options, moved["as it was"]),
        *check_draws(options),
    ]  # fmt: skip


def scipys(image, angle=0, shift=(0, 0)):
    """A picture turned, then shifted, by SciPy; framed, so that no ink is lost in between."""
    from scipy import ndimage

    how, frame = {"order": 1, "mode": "grid-constant"}, len(image) // 2
    turned = ndimage.rotate(np.pad(image, frame), angle, reshape=False, **how)
    return ndimage.shift(turned, shift[::-1], **how)[frame:-frame, frame:-frame]


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
                    atol=2 * ROUNDED, agreement=2e-5, reason=why),
        Check.close("random-translation", "Keras's RandomTranslation = NumPy", shifted,
                    move(X, shifts=(SIDE * right, SIDE * down)), atol=2 * ROUNDED, agreement=2e-5,
                    reason=why),
        Check.close("random-flip", "Keras's RandomFlip: as it was, or mirrored",
                    difference, np.zeros(len(X)), atol=1e-6, agreement=1e-6,
                    reason="no pixel is computed, only put elsewhere"),
        Check.true("random-layers", "Keras's RandomRotation cannot be compiled",
                   not layers[0].supports_jit),
    ]  # fmt: skip


def check_draws(options, n=20_000):
    """What the augmentations draw."""
    rng = np.random.default_rng([options.seed, STREAM, 2])
    spread, limits, flipped, chances = [], [], [], []
    for recipe in (MOVES, *RECIPES.values()):
        if isinstance(recipe, Augmentation):  # not None, nor a function of one's own
            angles, shifts, *flips = recipe.draw(n, SIDE, rng)
            spread.append([angles.std(), *shifts.std(axis=0)])
            limits.append([recipe.rotation, *2 * [SIDE * recipe.shift]])
            flipped.append([*np.mean(flips, axis=1), np.mean(flips[0] & flips[1])])
            chances.append([0.5, 0.5, 0.25] if recipe.flips else [0.0, 0.0, 0.0])
    if not limits:
        return []
    expected, p = np.array(limits) / np.sqrt(3), np.array(chances)
    return [
        Check.within("draws", "deviation of angles, shifts = limit/√3", spread, expected,
                     expected * np.sqrt(0.2 / n)),
        Check.within("flips", "fraction mirrored, upside down, both", flipped, p,
                     np.sqrt(p * (1 - p) / n)),
    ]  # fmt: skip


def check_standardised(options, digits, Z, p, weights, compiled):
    X = digits.X_train.astype("float64")
    mean, deviation = X.mean(), X.std()
    expected, of_layer, by_hand = Z, weights[:2], p
    if not (other := other_network()):
        K1, b1, *others = weights[3:]  # behind the layer's mean, variance and count
        folded = [K1 / deviation, b1 - mean * K1.sum(axis=(0, 1, 2)) / deviation, *others]
        by_hand = lesson11.forward(digits.X_train[: len(p)], folded)[-1]
    if not (unstandardised := other_first_layer()):
        expected = (X[: len(Z)] - mean) / deviation
        of_layer = [mean, deviation**2]
    measured = np.concatenate([np.ravel(w) for w in weights[:2]])
    of_layer = np.concatenate([np.ravel(w) for w in of_layer])
    return [
        Check.close("standardised", "standardised by Keras = (X − mean)/deviation", Z, expected,
                    rtol=2e-6, agreement=5e-6,
                    reason="float32 numbers, of a mean good to 1e-7").unless(unstandardised),
        Check.close("mean-variance", "the layer's mean and variance, Keras = NumPy", measured,
                    of_layer, rtol=6e-6, agreement=1e-6,
                    reason="float32 sums over all pixels").unless(unstandardised),
        Check.close("folded", "layer left out, NumPy = Keras with it", p, by_hand, atol=2e-5,
                    agreement=2e-5, reason="probabilities of raw digits, with the layer in the"
                    " first weights; sums of up to 256 float32 products").unless(other),
        Check.true("compiled", "all of this network's layers can be compiled",
                   np.array(compiled, bool)).unless(other),
    ]  # fmt: skip


def check_recipes(options, accuracies, tables, steps):
    t = np.arange(0, steps, max(1, steps // 8))
    schedule = one_cycle(steps)
    rates = [float(keras.ops.convert_to_numpy(schedule(float(step)))) for step in t]
    up = max(1, int(WARM_UP * steps))
    climb = START_RATE + (PEAK_RATE - START_RATE) * t / up
    fall = PEAK_RATE / 2 * (1 + np.cos(np.pi * (t - up) / max(1, steps - up)))
    counted = {name: np.trace(table) / table.sum() for name, table in tables.items()}
    found = [
        Check.close("accuracies", "mean accuracies = the confusion matrices'",
                    {name: rows[:, 0].mean() for name, rows in accuracies.items()}, counted,
                    atol=1e-12, agreement=None, reason="diagonals; float64 means of whole numbers"),
        Check.at_least("moved-accuracies", "every recipe reads some of the moved digits",
                       np.array([rows[:, 1] for rows in accuracies.values()]), 0.0,
                       agreement=None),
        Check.close("one-cycle", "one-cycle rate, Keras = by formula", rates,
                    np.where(t < up, climb, fall), rtol=1e-6, agreement=1e-7,
                    reason="some backends keep a schedule in float32"),
    ]  # fmt: skip
    flips_too = Augmentation(move, ROTATION, SHIFT, flips=True)
    wanted = {"none": None, "rotation, shifts": MOVES, "rotation, shifts, flips": flips_too}
    as_named = wanted.items() <= RECIPES.items()
    if steps >= LEARNT and options.data in (None, "mnist") and as_named:
        clean, moved = ({name: a[:, k].mean() for name, a in accuracies.items()} for k in (0, 1))
        why_not = other_training(options)
        found += [
            Check.at_least("moves-help", "moved digits: the moves bring 10 points",
                           moved["rotation, shifts"] - moved["none"], GAIN, agreement=None,
                           reason="0.36 without, 0.6 or more with them").unless(why_not),
            Check.at_most("flips-harm", "clean digits: flips on top bring nothing",
                          clean["rotation, shifts, flips"] - clean["rotation, shifts"], 0.0,
                          agreement=None, reason="a flipped digit is another, or none"
                          ).unless(why_not),
        ]  # fmt: skip
    return found


def check_flipped(options, fractions):
    if options.data is not None or not fractions:
        return []
    found = [
        Check.at_least("fractions", "fractions are at least 0", list(fractions.values()), 0.0,
                       agreement=None),
    ]  # fmt: skip
    nine = fractions.get("6 upside down and mirrored: fraction nearest to a 9")
    if nine is not None:
        found.append(
            Check.at_least("six-is-nine", "6 upside down, mirrored: at least half are 9s", nine,
                           0.5, reason="half a turn makes a 9 of a 6"
                           ).unless(few_digits(options.data)))  # fmt: skip
    return found
