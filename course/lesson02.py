"""Lesson 2: Gradient descent.

How do you find the lowest cost without trying every weight? Follow the slope downhill.

    cost      J(w)  = 1/n Σ (xᵢ w − yᵢ)²
    slope     J′(w) = 2/n Σ xᵢ (xᵢ w − yᵢ)
    update    w ← w − η J′(w)                    η: the learning rate

J is a parabola: J′(w) = λ (w − w*), with the same curvature λ = J″ = 2/n Σ xᵢ² everywhere. So each
step multiplies the distance to the minimum w* by the same number, the contraction factor:

    w − w*  ←  (1 − ηλ) (w − w*)                 it diverges where |1 − ηλ| > 1: η > 2/λ

An epoch is one step on all points.
    x, y: shape (n,)    w: a number    path, w at every epoch: shape (epochs + 1,)

Run it:     python -m course.lesson02
Checked in: course/checks/lesson02.py
Read more:  J. Nocedal, S. Wright, Numerical Optimization, 2nd ed., 2006, section 3.3
"""

import keras
import numpy as np

from course import data, descent

START, LEARNING_RATE, EPOCHS = 1.0, 0.01, 100  # w₀, η: fixed by the course
NEW_X = 4.0  # where the trained model predicts y
FACTORS, TRIED_EPOCHS = np.linspace(0.9, 1.1, 41), 100  # of the limit 2/λ: rates to be tried
TILT = 0.3  # of the double well: above 0 its left minimum is lower than the right one
WELL_START, WELL_RATE, WELL_STEPS, RESTARTS = 1.5, 0.02, 1000, 20  # w₀, η; random starts
TEMPERATURE, NOISY_STEPS, NOISY_RUNS, QUICK_NOISY_RUNS = 0.4, 3000, 1000, 200  # of the noise


def load_data():
    """x = 1, 2, 3 and y = 2, 4, 6."""
    return data.load_three_points()


# By hand -------------------------------------------------------------------------------------
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


def descend(J_slope, w, learning_rate, epochs):
    """Gradient descent; return w before the first epoch and after each, shape (epochs + 1,)."""
    path = [np.asarray(w, "float64")]
    for _ in range(epochs):
        path.append(path[-1] - learning_rate * J_slope(path[-1]))
    return np.array(path)


def curvature(x):
    """λ = J″ = 2/n Σ xᵢ², the same for every w."""
    return float(np.mean(2 * x**2))


def minimum(x, y):
    """w* = Σ xᵢ yᵢ / Σ xᵢ², where the slope is 0."""
    return float(x @ y / (x @ x))


# In Keras ------------------------------------------------------------------------------------
def build_model(learning_rate=LEARNING_RATE, start=START):
    """One weight, no bias: ŷ = x w."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.full(w.shape, start) for w in model.get_weights()])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="mse")
    return model


def train(model, x, y, epochs=EPOCHS):
    """As `model.fit` with all points in one batch, but it keeps w, the first weight, each epoch."""
    x, y = np.reshape(x, (-1, 1)), np.reshape(y, (-1, 1))
    path = [model.get_weights()[0].flat[0]]
    for _ in range(epochs):
        model.train_on_batch(x, y)
        path.append(model.get_weights()[0].flat[0])
    return np.array(path)


# What the lesson shows -----------------------------------------------------------------------
@np.errstate(over="ignore", invalid="ignore")  # a descent that diverges ends at infinity
def run(options):
    """All experiments: {name: what was measured}."""
    noisy_runs = QUICK_NOISY_RUNS if options.quick else NOISY_RUNS
    return {
        "descent": go_downhill(options.epochs or EPOCHS),
        "limit": try_learning_rates(),
        "double_well": leave_the_wrong_well(noisy_runs, options.seed),
    }


def go_downhill(epochs):
    """The same descent by hand and in Keras, then a prediction for an x that is not in the data."""
    x, y = load_data()
    path = descend(lambda w: slope(w, x, y), START, LEARNING_RATE, epochs)
    model = build_model()
    in_keras = train(model, x, y, epochs)
    prediction = model.predict(np.array([[NEW_X]]), verbose=0)[0, 0]
    places = minimum(x, y) + np.linspace(-3, 3, 13)
    found = dict(x=x, y=y, path=path, in_keras=in_keras, prediction=prediction)
    return {**found, "places": places, "slopes": [slope(w, x, y) for w in places]}


def try_learning_rates():
    """Search for the largest learning rate that converges; look at others around the limit."""
    x, y = load_data()

    def distance(learning_rate):
        """What remains of a distance of 1 to the minimum."""
        end = descend(lambda w: slope(w, x, y), minimum(x, y) + 1, learning_rate, TRIED_EPOCHS)[-1]
        return abs(end - minimum(x, y))

    low, high = 0.0, 1e9  # the limit is between them: halve the gap
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if distance(middle) < 1 else (low, middle)
    distances = np.array([distance(factor * 2 / curvature(x)) for factor in FACTORS])
    return dict(x=x, y=y, largest=low, factors=np.array(FACTORS), distances=distances)


def double_well(w):
    """J(w) = (w² − 1)² + c w, c = TILT, has two minima: one near −1, one near +1."""
    return (w**2 - 1) ** 2 + TILT * w


def double_well_slope(w):
    """J′(w) = 4w (w² − 1) + c."""
    return 4 * w * (w**2 - 1) + TILT


def noisy_descent(w, temperature, learning_rate, steps, rng):
    """w ← w − η J′(w) + √(2ηT) z, z: normal noise, N(0, 1); T: its temperature.

    After many small steps, low places are reached more often: in proportion to exp(−J(w)/T).
    """
    for _ in range(steps):
        noise = np.sqrt(2 * learning_rate * temperature) * rng.normal(size=w.shape)
        w = w - learning_rate * double_well_slope(w) + noise
    return w


def leave_the_wrong_well(noisy_runs, seed):
    """Plain descent, by hand and compiled, stops in one well. Ways out: restarts and noise."""
    rng = np.random.default_rng(seed)
    settings = WELL_RATE, WELL_STEPS
    path = descend(double_well_slope, WELL_START, *settings)
    compiled = descent.minimise(lambda w: double_well(w[0]), [np.array(WELL_START)], *settings)
    starts = rng.uniform(-2, 2, RESTARTS)
    ends = descend(double_well_slope, starts, *settings)[-1]
    start = np.full(noisy_runs, path[-1])  # in the wrong well
    noisy = noisy_descent(start, TEMPERATURE, WELL_RATE, NOISY_STEPS, rng)
    cooled = noisy_descent(noisy, 0.0, *settings, rng)  # each rolls down to its minimum
    hilltop = np.sort(np.roots([4, 0, -4, TILT]).real)[1]  # J′ = 0: minimum, top, minimum
    lower = (noisy - hilltop) * (TILT or 1) < 0
    best = min(ends[np.isfinite(ends)], key=double_well, default=np.nan)
    found = dict(path=path, compiled=compiled.weights[0], starts=starts, best=best)
    return {**found, "noisy": noisy, "cooled": cooled, "escaped": np.mean(lower)}


@np.errstate(over="ignore")
def results(measured):
    """What a learner should see first: {what: number}."""
    found, limit, well = (measured[name] for name in ("descent", "limit", "double_well"))
    x, y, w, v, factors = found["x"], found["y"], found["path"], well["path"], limit["factors"]
    factor, left = 1 - LEARNING_RATE * curvature(x), f"distance after {TRIED_EPOCHS} epochs at"
    w_lost, v_lost = (f"diverged after {np.isfinite(path).sum()} steps" for path in (w, v))
    return {
        f"w after {len(w) - 1} epochs": w[-1] if np.isfinite(w[-1]) else w_lost,
        "cost there": cost(w[-1], x, y),
        f"prediction for x = {NEW_X:g}": found["prediction"],
        "contraction factor": f"{factor:.6g}: diverges" if abs(factor) > 1 else factor,
        "largest learning rate that converges": limit["largest"],
        f"{left} {factors[0]:.3g} of it": limit["distances"][0],
        f"{left} {factors[-1]:.3g} of it": limit["distances"][-1],
        f"plain descent from {WELL_START:g} ends at": v[-1] if np.isfinite(v[-1]) else v_lost,
        f"best of {RESTARTS} restarts": well["best"],
        "fraction of noisy runs in the lower well": well["escaped"],
    }


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
