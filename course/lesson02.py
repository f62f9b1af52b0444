"""Lesson 2: Gradient descent.

Stand on the cost curve, feel its slope, take a step downhill; repeat.

    cost      J(w)  = 1/n Σ (xᵢ w − yᵢ)²
    slope     J′(w) = 2/n Σ xᵢ (xᵢ w − yᵢ)
    update    w ← w − η J′(w)                    η: the learning rate

J is a parabola with the curvature λ = J″ = 2/n Σ xᵢ², so every step multiplies
the distance to the bottom by the same factor 1 − ηλ. Hence two predictions:

    after t epochs    w_t − w* = (1 − ηλ)^t (w₀ − w*)        w*: the bottom, J′(w*) = 0
    it diverges       where |1 − ηλ| > 1, that is, η > 2/λ

    x, y: shape (n,)    w: a number    path: shape (epochs + 1,)

Run it:     python -m course.lesson02
Read more:  J. Nocedal and S. Wright, Numerical Optimization, 2nd ed., 2006, section 3.3.
"""

import keras
import numpy as np
from keras import ops

from course import data, descent
from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Options, Report, with_precision
from course.figures import lesson02 as drawings

START = 1.0  # w₀
LEARNING_RATE = 0.01  # η
EPOCHS = 100
NEW_X = 4.0  # where the trained model is asked for y
TILT = 0.3  # how much lower the left one of two valleys lies
TEMPERATURE = 0.4  # strength of the noise that gets a walker out of the wrong valley
WALKERS = 1000
QUICK_WALKERS = 200


def load_data():
    """x = 1, 2, 3 and y = 2, 4, 6."""
    return data.load_three_points()


def cost(w, x, y):
    """J(w) = 1/n Σ (xᵢ w − yᵢ)².

    >>> cost(1.0, np.array([1, 2, 3]), np.array([2, 4, 6]))  # (1 + 4 + 9) / 3
    4.666666666666667
    """
    return float(np.mean((x * w - y) ** 2))


def slope(w, x, y):
    """J′(w) = 2/n Σ xᵢ (xᵢ w − yᵢ).

    >>> slope(1.0, np.array([1, 2, 3]), np.array([2, 4, 6]))  # 2 (−1 − 4 − 9) / 3
    -9.333333333333334
    """
    return float(np.mean(2 * x * (x * w - y)))


def curvature(x):
    """λ = J″ = 2/n Σ xᵢ², the same for every w."""
    return float(np.mean(2 * x**2))


def numeric_slope(J, w, h=1e-5):
    """The slope measured: (J(w + h) − J(w − h)) / (2h), wrong by a term in h², and by rounding."""
    return (J(w + h) - J(w - h)) / (2 * h)


def descend(J_slope, w, learning_rate, epochs):
    """Gradient descent; return w before the first epoch and after each, shape (epochs + 1,)."""
    path = [w]
    for _ in range(epochs):
        w = w - learning_rate * J_slope(w)
        path.append(w)
    return np.array(path)


def squared_error(y, y_hat):
    """The same cost in Keras: 1/n Σ (ŷᵢ − yᵢ)², from arrays of shape (n, 1).

    Keras's own "mse" is this too, but averages in float32 on JAX and PyTorch.
    """
    return ops.sum((y_hat - y) ** 2) / ops.cast(ops.size(y), y_hat.dtype)


def build_model(learning_rate=LEARNING_RATE, start=START):
    """One weight, no bias: ŷ = x w."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.full((1, 1), start)])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss=squared_error)
    return model


def train(model, x, y, epochs=EPOCHS):
    """Train on all points at every epoch; return w at each of them, shape (epochs + 1,)."""
    return descent.train(model, x[:, None], y[:, None], epochs).weights[0].ravel()


@with_precision
def run(options=Options()) -> Report:
    x, y = load_data()
    epochs = options.epochs or EPOCHS
    return Report.join(downhill(x, y, epochs, options.dtype), limit(x, y), two_valleys(options))


def downhill(x, y, epochs, dtype):
    """By hand and in Keras, against the formula for every epoch."""
    path = descend(lambda w: slope(w, x, y), START, LEARNING_RATE, epochs)
    model = build_model()
    keras_path = train(model, x, y, epochs)
    prediction = float(ops.convert_to_numpy(model(np.array([[NEW_X]])))[0, 0])

    bottom = (x @ y) / (x @ x)
    factor = 1 - LEARNING_RATE * curvature(x)
    predicted = bottom + factor ** np.arange(epochs + 1) * (START - bottom)
    expected = NEW_X * predicted[-1]
    places = np.linspace(-1, 5, 13)
    by_formula = [slope(w, x, y) for w in places]
    by_difference = [numeric_slope(lambda v: cost(v, x, y), w) for w in places]
    return Report(
        results={
            f"w after {epochs} epochs": path[-1],
            "cost there": cost(path[-1], x, y),
            f"prediction for x = {NEW_X:g}": prediction,
            "distance to the bottom, kept per epoch": factor,
        },
        checks=[
            # A cost of up to 42 is rounded by 7e-15, which is divided by 2h = 2e-5.
            Check("slope by formula = by differences", by_formula, by_difference, 2e-9),
            Check("w at every epoch = closed form", path, predicted, BY_HAND),
            Check.twin("w at every epoch, Keras = by hand", keras_path, path, dtype, 2),
            Check.twin("Keras's prediction = closed form", prediction, expected, dtype, 8),
        ],
        figures={"descent": lambda: drawings.descent(
                lambda w: cost(w, x, y), lambda w: slope(w, x, y), path, predicted, bottom)},
    )  # fmt: skip


def limit(x, y):
    """The learning rate above which descent diverges: 2/λ, then searched for by trying."""

    def distance(learning_rate):
        """What is left, after 100 epochs, of a distance of 1."""
        path = descend(lambda w: slope(w, x, y), START, learning_rate, 100)
        return abs((path[-1] - bottom) / (START - bottom))

    bottom = (x @ y) / (x @ x)
    predicted = 2 / curvature(x)
    low, high = 0.0, 1.0  # converges, diverges
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if distance(middle) < 1 else (low, middle)
    factors = np.linspace(0.9, 1.1, 41)
    kept = np.array([distance(factor * predicted) for factor in factors])
    left = kept[[10, 30]]  # at 0.95 and 1.05 of the limit
    return Report(
        results={
            "learning rate above which it diverges": low,
            "distance left at 0.95 and 1.05 of it": left,
        },
        checks=[
            Check("largest learning rate = 2/λ", low, predicted, 1e-9),
            Check("converges at 0.95 of it, not at 1.05", left < 1, [1, 0], 0),
            Check("distance left ÷ 0.9¹⁰⁰ and ÷ 1.1¹⁰⁰", left / [0.9**100, 1.1**100], [1, 1], 1e-9),
        ],
        figures={"limit": lambda: drawings.limit(factors, kept)},
    )


def valleys(w):
    """J(w) = (w² − 1)² + 0.3 w: a deep valley near −1, a shallow one near +1."""
    return (w**2 - 1) ** 2 + TILT * w


def valleys_slope(w):
    return 4 * w * (w**2 - 1) + TILT


def noisy_descent(w, temperature, learning_rate, steps, rng):
    """Descent whose steps are shaken: w ← w − η J′(w) + √(2ηT) · N(0, 1), for many w at once.

    With small η the walkers spread out in proportion to exp(−J(w)/T), whatever
    their start (the Boltzmann distribution of physics).
    """
    for _ in range(steps):
        shake = rng.normal(size=w.shape)
        w = w - learning_rate * valleys_slope(w) + np.sqrt(2 * learning_rate * temperature) * shake
    return w


def two_valleys(options):
    """Where plain descent gets stuck, and two ways out: restarts and noise."""
    shallow_start, learning_rate, steps = 1.5, 0.02, 1000
    path = descend(valleys_slope, shallow_start, learning_rate, steps)
    compiled = descent.minimise(
        lambda w: valleys(w[0]), [np.array(shallow_start)], learning_rate, steps
    ).weights[0]
    # The flat places are the roots of J′(w) = 4w³ − 4w + 0.3: a bottom, a ridge, a bottom.
    deep, ridge, shallow = np.sort(np.roots([4, 0, -4, TILT]).real)

    rng = np.random.default_rng(options.seed)
    ends = [descend(valleys_slope, w, learning_rate, steps)[-1] for w in rng.uniform(-2, 2, 20)]
    best = min(ends, key=valleys)

    walkers = np.full(QUICK_WALKERS if options.quick else WALKERS, shallow)
    walkers = noisy_descent(walkers, TEMPERATURE, learning_rate, 3000, rng)
    escaped = np.mean(walkers < ridge)
    w = np.linspace(-4, 4, 4001)
    weight = np.exp(-valleys(w) / TEMPERATURE)
    expected = weight[w < ridge].sum() / weight.sum()
    sigma = np.sqrt(expected * (1 - expected) / len(walkers))
    cooled = noisy_descent(walkers, 0.0, learning_rate, steps, rng)
    return Report(
        results={
            f"plain descent from w = {shallow_start} ends at": path[-1],
            "best of 20 restarts": best,
            "share of noisy walkers in the deep valley": escaped,
        },
        checks=[
            Check("plain descent is stuck in the shallow valley", path[-1], shallow, 1e-9),
            Check("descent compiled on the backend = by hand", compiled, path, BY_HAND),
            Check("the best restart is in the deep valley", best, deep, 1e-9),
            Check("share in the deep valley = exp(−J/T)'s, 4 sigma", escaped, expected, 4 * sigma),
            Check("cooled walkers: smallest w = deep valley", cooled.min(), deep, 1e-9),
        ],
        figures={"valleys": lambda: drawings.valleys(valleys, TEMPERATURE, path, walkers, deep)},
    )


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="epochs")


if __name__ == "__main__":
    raise SystemExit(main())
