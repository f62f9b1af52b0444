"""Lesson 12: Augmentation.

Turn, shift and flip the digits that are trained on: what of it helps, and what hurts?

A moved picture is made backwards: each pixel (x, y) of the new one, x to the right and y
down, asks at which place (x′, y′) of the old one it was.

    shift by (s, t)               x′ = x − s                    y′ = y − t
    rotation by φ anticlockwise   x′ = c + (x − c) cos φ − (y − c) sin φ
      about the centre (c, c)     y′ = c + (x − c) sin φ + (y − c) cos φ
    flip left to right            x′ = 2c − x                   y′ = y
    all of them at once           (x′, y′) = (c, c) + L (x − s − c, y − t − c)

L is a matrix of 2×2. A place between four pixels takes from each by how near it is. With f
and g the decimals of x′ and y′, and the pixels around named by above/below and left/right:

    X(x′, y′) = (1 − g)[(1 − f) al + f ar] + g[(1 − f) bl + f br]

Featurewise centring and scaling, one mean and one deviation for all pixels of all
pictures, is a layer in front of lesson 11's network, X ← (X − mean)/deviation. It could
be left out of a trained network: K ← K/deviation, b ← b − mean ΣK/deviation.

Every epoch sees each digit moved anew. It happens to the batches on their way into the
network: a random layer of Keras's inside the network would switch its compilation off.
Keras's RandomRotation and RandomTranslation give the same pictures (a check below); what
they cost on each backend `tests/bench/bench_cnn.py --layers` measures. A digit shifted is
the same digit. A digit flipped may be another or none at all: a 6 upside down and mirrored
is a 9, a 2 upside down nearly a 5.

    X: shape (n, 28, 28, 1)    L: shape (n, 2, 2)    shifts, in pixels: shape (n, 2)

Run it:     python -m course.lesson12 [--data mnist | --data ARCHIVE.npz]
Read more:  P. Simard, D. Steinkraus, J. Platt, Best practices for convolutional neural
            networks applied to visual document analysis, 2003, doi:10.1109/ICDAR.2003.1227801.
"""

from dataclasses import dataclass

import keras
import numpy as np

from course import data, lesson11, training
from course.cli import command
from course.cli.report import Check, Report, with_precision
from course.data import SIDE
from course.errors import Interrupted
from course.figures import lesson12 as drawings
from course.lesson11 import BATCH_SIZE, confusion, predict
from course.training import NetworkOptions

ROTATION, SHIFT = 20, 0.2  # degrees, and share of the side, fixed by the course
SMALL_SHIFT = 0.04  # of the better recipe: a pixel each way
START_RATE, PEAK_RATE, WARM_UP = 0.004, 0.1, 0.3  # its rates; the share of steps up to the peak
EPOCHS, QUICK_EPOCHS = 10, 8
SEEDS, QUICK_SEEDS = 3, 1  # of each recipe
LIMITS = np.array([ROTATION, SHIFT, SHIFT])
GAIN = 0.1  # what augmentation must bring on moved digits: 10 points
LEARNT = 96  # steps from which on that is asked of it
PAIRS = ((2, 5), (6, 9))  # digits that flips turn into each other, or nearly
PEER_ROWS = 5000  # the most that the nearest neighbour gets
SHEET = 8  # digits on the contact sheet
STREAM = 12  # of this lesson's own random numbers, apart from those of the training


def places(L, shifts, side=SIDE):
    """(x′, y′) of every pixel of n new pictures, two arrays of shape (n, side, side).

    >>> x, y = places(np.eye(2)[None], np.array([[1.0, 0.0]]), side=3)  # one to the right
    >>> x[0].tolist(), y[0, :, 0].tolist()
    ([[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]], [0.0, 1.0, 2.0])
    """
    c = (side - 1) / 2
    to = c - L @ (c + shifts[..., None])  # (n, 2, 1)
    M = np.concatenate([L, to], axis=2).astype("float32")[..., None, None]
    pixels = np.arange(side, dtype="float32")
    return [M[:, k, 0] * pixels + M[:, k, 1] * pixels[:, None] + M[:, k, 2] for k in (0, 1)]


def move(X, L, shifts):
    """Move n pictures, each its own way; what comes from outside is paper, 0.

    >>> X = np.array([[0.0, 1, 0], [0, 1, 0], [0, 0, 0]]).reshape(1, 3, 3, 1)
    >>> move(X, np.eye(2)[None], np.array([[0.5, 0.0]]))[0, :, :, 0].tolist()
    [[0.0, 0.5, 0.5], [0.0, 0.5, 0.5], [0.0, 0.0, 0.0]]
    """
    n, side = X.shape[:2]
    x, y = (place.clip(-1, side) for place in places(L, shifts, side))  # outside is all paper
    left, above = np.floor(x), np.floor(y)
    f, g = x - left, y - above
    left, above = left.astype("int32"), above.astype("int32")
    # With one pixel of paper before and two behind, no corner of any place lies outside.
    width = side + 3
    pixels = np.pad(X[..., 0], ((0, 0), (1, 2), (1, 2))).ravel()
    at = (np.arange(n, dtype="int32")[:, None, None] * width + above + 1) * width + left + 1
    al, ar, bl, br = (pixels[at + step] for step in (0, 1, width, width + 1))
    upper, lower = al + f * (ar - al), bl + f * (br - bl)
    return (upper + g * (lower - upper))[..., None]


def linear(angles, mirrored=False, upside_down=False):
    """L: a flip, then a rotation anticlockwise; angles in degrees; shape (n, 2, 2).

    >>> linear(np.array([90.0])).round(9).tolist()
    [[[0.0, -1.0], [1.0, 0.0]]]
    """
    φ = np.deg2rad(angles)
    L = np.array([[np.cos(φ), -np.sin(φ)], [np.sin(φ), np.cos(φ)]]).transpose(2, 0, 1)
    L[:, 0] *= np.where(mirrored, -1, 1)[..., None]
    L[:, 1] *= np.where(upside_down, -1, 1)[..., None]
    return L


@dataclass(frozen=True)
class Augmentation:
    """Moves pictures at random: `augmentation(X, rng) -> X`, both of shape (n, 28, 28, 1).

    Attributes:
        rotation: degrees, the most to either side.
        shift: share of the side, the most in each direction.
        flips: whether half of the pictures are mirrored, and half put upside down.
    """

    rotation: float = 0
    shift: float = 0
    flips: bool = False

    def draw(self, n, rng):
        """What is done to each of n pictures: angles (n,), shifts (n, 2), two flips (n,)."""
        angles = rng.uniform(-self.rotation, self.rotation, n)
        shifts = rng.uniform(-self.shift, self.shift, (n, 2)) * SIDE
        mirrored, upside_down = (rng.random((2, n)) < 0.5) & self.flips
        return angles, shifts, mirrored, upside_down

    def __call__(self, X, rng):
        angles, shifts, mirrored, upside_down = self.draw(len(X), rng)
        return move(X, linear(angles, mirrored, upside_down), shifts)


MOVES = Augmentation(ROTATION, SHIFT)
RECIPES = {
    "none": None,
    "rotation, shifts": MOVES,
    "flips": Augmentation(flips=True),
    "rotation, shifts, flips": Augmentation(ROTATION, SHIFT, flips=True),
}
BETTER = "small shifts, one-cycle rate"


def one_cycle(steps):
    """A learning rate that climbs to its peak in a straight line and falls as a cosine to 0."""
    up = max(1, int(WARM_UP * steps))
    return keras.optimizers.schedules.CosineDecay(
        START_RATE, max(1, steps - up), warmup_target=PEAK_RATE, warmup_steps=up
    )


def build_model(X, n_classes=10, seed=0, schedule=None):
    """Lesson 11's network behind a layer that centres and scales.

    Args:
        X: what it measures the mean and the deviation of, shape (n, 28, 28, 1).
        schedule: of the learning rate; None: lesson 11's.
    """
    scale = keras.layers.Normalization(axis=-1)
    scale.adapt(X)
    network = lesson11.build_model(n_classes=n_classes, seed=seed)
    model = keras.Sequential([keras.Input(X.shape[1:]), scale, *network.layers])
    optimizer = network.optimizer
    if schedule is not None:
        optimizer = keras.optimizers.SGD(schedule, momentum=lesson11.MOMENTUM, nesterov=True)
    model.compile(optimizer, network.loss, metrics=["accuracy"])
    return model


def train(model, digits, epochs=EPOCHS, seed=0, augment=None, **how):
    """Train on digits that `augment(X, rng)` moves anew in every epoch; see `training.train`."""
    return lesson11.train(model, digits, epochs, seed, augment=augment, **how)


def accuracy(model, X, y):
    """Share of the pictures that the model gets right."""
    return np.mean(predict(model, X).argmax(axis=1) == y)


@with_precision
def run(options=NetworkOptions()) -> Report:
    digits = data.load_images(options.data)
    return Report.join(
        Report(digits.described(), []),
        by_hand(digits, options.seed),
        by_keras(digits, options.seed),
        draws(options.seed),
        scaling(digits, options),
        recipes(digits, options),
        flipped(digits, options),
    )


def by_hand(digits, seed):
    """Each transform of some digits, and all of them at once, against SciPy's own."""
    from scipy import ndimage

    rng = np.random.default_rng([seed, STREAM, 4])
    X = digits.X_test[:SHEET]
    n = len(X)
    still, none = np.zeros((n, 2)), np.zeros(n)
    angles = rng.uniform(-ROTATION, ROTATION, n)
    shifts = rng.uniform(-SHIFT, SHIFT, (n, 2)) * SIDE
    whole = rng.integers(-3, 4, (n, 2))  # whole pixels, so that no second rounding is needed

    def scipys(image, angle=0, shift=(0, 0)):
        turned = ndimage.rotate(image, angle, reshape=False, order=1, mode="grid-constant")
        return ndimage.shift(turned, shift[::-1], order=1, mode="grid-constant")

    images = X[..., 0].astype("float64")
    sheet = {
        "as it was": X,
        "rotation": move(X, linear(angles), still),
        "shifts": move(X, linear(none), shifts),
        "left to right": move(X, linear(none, mirrored=True), still),
        "upside down": move(X, linear(none, upside_down=True), still),
        "all at once": move(X, linear(angles, True, True), whole),
    }
    expected = {
        "rotation": [scipys(*pair) for pair in zip(images, angles)],
        "shifts": [scipys(image, 0, shift) for image, shift in zip(images, shifts)],
        "left to right": images[:, :, ::-1],
        "upside down": images[:, ::-1],
        "all at once": [scipys(*one) for one in zip(images[:, ::-1, ::-1], angles, whole)],
    }
    return Report(
        results={},
        # A place is a float32 number up to 28, good to 2e-6, and ink is at most 1 steep.
        checks=[Check(f"{name}, by hand = SciPy's", sheet[name][..., 0], wanted, 1e-5)
                for name, wanted in expected.items()],
        figures={"transforms": lambda: drawings.sheet(sheet)},
    )  # fmt: skip


def by_keras(digits, seed):
    """The same from Keras's random layers, held still by a range from one number to itself."""
    X = digits.X_test[:SHEET]
    n = len(X)
    degrees, right, down = np.random.default_rng([seed, STREAM, 1]).uniform(-1, 1, 3) * LIMITS
    kind = {"fill_mode": "constant", "interpolation": "bilinear"}
    layers = [
        keras.layers.RandomRotation((degrees / 360, degrees / 360), **kind),
        keras.layers.RandomTranslation((down, down), (right, right), **kind),
        keras.layers.RandomFlip("horizontal", seed=seed),
    ]
    turned, shifted, flipped = (
        keras.ops.convert_to_numpy(layer(X, training=True)) for layer in layers
    )
    still = linear(np.zeros(n))
    expected = [
        move(X, linear(np.full(n, degrees)), np.zeros((n, 2))),
        move(X, still, np.tile([SIDE * right, SIDE * down], (n, 1))),
    ]
    # Which pictures the flip turns is its own affair.
    ways = np.stack([X, move(X, linear(np.zeros(n), mirrored=True), np.zeros((n, 2)))])
    off = np.abs(flipped - ways).max(axis=(2, 3, 4)).min(axis=0)
    network = build_model(digits.X_train[:SHEET])
    return Report(
        results={},
        checks=[
            # Keras rounds the shift and the matrix, not only the place, to float32.
            Check("Keras's RandomRotation = by hand", turned, expected[0], 2e-5, 2e-5),
            Check("Keras's RandomTranslation = by hand", shifted, expected[1], 2e-5, 2e-5),
            Check("Keras's RandomFlip: the picture or its mirror image", off, np.zeros(n), 1e-6,
                  1e-6),
            Check("can be compiled: all of this network's layers; RandomRotation",
                  [all(layer.supports_jit for layer in network.layers), layers[0].supports_jit],
                  [1, 0], 0),
        ],
    )  # fmt: skip


def draws(seed, n=20_000):
    """What is drawn: uniform to both sides, so its deviation is its limit/√3; flips by halves."""
    augmentation = RECIPES["rotation, shifts, flips"]
    angles, shifts, *flips = augmentation.draw(n, np.random.default_rng([seed, STREAM, 2]))
    spread = [angles.std(), *shifts.std(axis=0)] / (LIMITS * [1, SIDE, SIDE]) * np.sqrt(3)
    both = np.mean(flips[0] & flips[1])
    return Report(
        results={},
        checks=[
            # Of n uniform draws the deviation is off by √(0.2/n) of itself.
            Check("deviation of angles, shifts ÷ limit/√3, 5 sigma", spread, np.ones(3),
                  5 * np.sqrt(0.2 / n)),
            Check("share mirrored, upside down, both, 5 sigma",
                  [*np.mean(flips, axis=1), both], [0.5, 0.5, 0.25], 5 * np.sqrt(0.25 / n)),
        ],
    )  # fmt: skip


def scaling(digits, options):
    """The layer's mean and deviation by NumPy's; and the network without the layer."""
    X = digits.X_train
    model = build_model(X, digits.n_classes, options.seed)
    scale, K1, b1 = model.layers[0], *model.get_weights()[3:5]
    mean, deviation = X.mean(dtype="float64"), X.std(dtype="float64")
    Z = keras.ops.convert_to_numpy(scale(X[:1000])).astype("float64")
    folded = [K1 / deviation, b1 - mean * K1.sum(axis=(0, 1, 2)) / deviation]
    without = lesson11.forward(X[:100], [*folded, *model.get_weights()[5:]])[-1]
    return Report(
        results={"mean, deviation of all pixels": (mean, deviation)},
        checks=[
            Check("centred and scaled by Keras = (X − mean)/deviation", Z,
                  (X[:1000].astype("float64") - mean) / deviation, 5e-6, 5e-6),
            Check("network without the layer, by hand, on raw digits = Keras with it",
                  predict(model, X[:100]), without, 2e-5, 2e-5),
        ],
    )  # fmt: skip


def recipes(digits, options):
    """Train by every recipe, from the same seeds; test on the digits as they are and moved."""
    seeds = range(options.seed, options.seed + (QUICK_SEEDS if options.quick else SEEDS))
    epochs = options.epochs or (QUICK_EPOCHS if options.quick else EPOCHS)
    steps = epochs * -(-len(digits.X_train) // BATCH_SIZE)
    y, K = digits.y_test, digits.n_classes
    moved = MOVES(digits.X_test, np.random.default_rng([options.seed, STREAM, 3]))
    usual = build_model(digits.X_train, K)
    start = usual.get_weights()  # the first three are the scaling layer's
    schedule = one_cycle(steps)
    better = build_model(digits.X_train, K, schedule=schedule)
    shares, tables = {}, {}
    for name, augment in {**RECIPES, BETTER: Augmentation(shift=SMALL_SHIFT)}.items():
        model = better if name == BETTER else usual  # one for all seeds: to compile takes seconds
        shares[name], tables[name] = [], np.zeros((K, K), int)
        for seed in seeds:
            drawn = lesson11.draw_weights([w.shape for w in start[3:]], seed)
            training.restart(model, [*start[:3], *drawn])
            if train(model, digits, epochs, seed, augment).interrupted:
                raise Interrupted(f"interrupted in recipe {name!r}, seed {seed}; nothing is kept")
            guesses = predict(model, digits.X_test).argmax(axis=1)
            shares[name].append([np.mean(guesses == y), accuracy(model, moved, y)])
            tables[name] += confusion(y, guesses, K)
    shares = {name: np.array(rows) for name, rows in shares.items()}
    clean, on_moved = ({name: rows[:, k].mean() for name, rows in shares.items()} for k in (0, 1))

    t = np.arange(0, steps, max(1, steps // 50))
    rates = [float(keras.ops.convert_to_numpy(schedule(float(step)))) for step in t]
    up = max(1, int(WARM_UP * steps))
    climb = START_RATE + (PEAK_RATE - START_RATE) * t / up
    fall = PEAK_RATE / 2 * (1 + np.cos(np.pi * (t - up) / max(1, steps - up)))
    checks = [
        Check(
            "one-cycle rate, Keras = by formula", rates, np.where(t < up, climb, fall), 1e-7, 1e-7
        ),
    ]
    if steps >= LEARNT and of_digits(options):
        gain = on_moved["rotation, shifts"] - on_moved["none"]
        harm = clean["rotation, shifts"] - clean["rotation, shifts, flips"]
        checks += [
            Check(
                "moved digits: what the moves bring, below 10 points",
                max(0, GAIN - gain),
                0,
                0,
                agreement=None,
            ),
            Check(
                "clean digits: what flips on top cost, below 0", max(0, -harm), 0, 0, agreement=None
            ),
        ]
    return Report(
        results={
            **{f"{name}: accuracy on clean, moved": rows.mean(axis=0)
               for name, rows in shares.items()},
            **{f"{name}: spread of {len(rows)} seeds": rows.std(axis=0, ddof=1)
               for name, rows in shares.items() if len(rows) > 1},
            **(swapped(tables) if of_digits(options) else {}),
        },
        checks=checks,
        figures={
            "recipes": lambda: drawings.recipes(shares),
            "classes": lambda: drawings.classes(
                {name: np.diag(table) / table.sum(axis=1).clip(1)
                 for name, table in tables.items() if name != BETTER}),
        },
    )  # fmt: skip


def of_digits(options):
    """Whether the images are known to be digits: an archive may hold clothes."""
    return options.data in (None, "mnist")


def swapped(tables):
    """Of 2 and 5, of 6 and 9: the share of test pictures that a recipe took for the other."""
    rows = {}
    for name in ("none", "flips", "rotation, shifts, flips"):
        table = tables[name]
        rows[f"{name}: share of 2, 5 taken for the other; of 6, 9"] = [
            (table[a, b] + table[b, a]) / (table[a].sum() + table[b].sum()) for a, b in PAIRS
        ]
    return rows


def flipped(digits, options):
    """Why: flipped test digits, shown to a nearest neighbour that knows upright ones only."""
    from sklearn.neighbors import KNeighborsClassifier

    if not of_digits(options):
        return Report({}, [])
    X, y = digits.X_train[:PEER_ROWS].reshape(-1, SIDE * SIDE), digits.y_train[:PEER_ROWS]
    neighbour = KNeighborsClassifier(1).fit(X, y)
    taken = {}
    for a, b, mirrored in ((6, 9, True), (9, 6, True), (2, 5, False), (5, 2, False)):
        X = digits.X_test[digits.y_test == a][: PEER_ROWS // 10]
        n = len(X)
        X = move(X, linear(np.zeros(n), mirrored, upside_down=True), np.zeros((n, 2)))
        what = "upside down and mirrored" if mirrored else "upside down"
        taken[f"{a} {what}: share that is a {b} to its nearest neighbour"] = np.mean(
            neighbour.predict(X.reshape(n, -1)) == b)  # fmt: skip
    checks = []
    if options.data is None:
        share = taken["6 upside down and mirrored: share that is a 9 to its nearest neighbour"]
        checks = [
            Check("a 6 upside down and mirrored is a 9: share below ½", max(0, 0.5 - share), 0, 0),
        ]
    return Report(taken, checks)


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="epochs", images=True, options=NetworkOptions)


if __name__ == "__main__":
    raise SystemExit(main())
