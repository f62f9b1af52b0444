"""Lesson 5: Learning rate.

How long a step should be: predicted from the curvature of the bowl, then measured.

    update      θ ← θ − η g                        g: the gradient, η: the learning rate
    kept        (1 − ηλ)^t of the distance after t steps, along each eigenvector of H
    best rate   η = 2/(λmin + λmax) keeps (κ − 1)/(κ + 1) a step, where κ = λmax/λmin
    schedule    η_t = η₀ / (1 + decay · t)
    momentum    v ← μv − ηg,  θ ← θ + v            (heavy ball: Polyak)
                v ← μv − ηg,  θ ← θ + μv − ηg      (Nesterov, as Keras writes it)

H is the Hessian of J, λ its eigenvalues. A rate is too small where the flattest
direction takes for ever, too large where the steepest one has 1 − ηλ < −1. In a
stretched valley, κ ≫ 1, no rate is good for both: to divide the distance by 2.718…
plain descent needs about κ/2 steps, Nesterov √κ, the heavy ball √κ/2; scaled features
make κ itself small. v is the velocity, 0 at first, and μ, from 0 to 1, the momentum.

    X: shape (n, p)    y: shape (n,)    θ = (w, b): shape (p + 1,)    path: (steps + 1, p + 1)

Run it:     python -m course.lesson05
Read more:  L. Lessard, B. Recht, A. Packard, Analysis and Design of Optimization Algorithms
            via Integral Quadratic Constraints, 2016, doi:10.1137/15M1009597.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from course import data, descent
from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Options, Report, with_precision
from course.figures import lesson05 as drawings
from course.lesson03 import cost, gradient, hessian, least_squares, squared_error, train

LEARNING_RATES = (0.01, 0.02, 0.03, 0.04)  # fixed by the course; all below the best rate, 0.143
GOOD, TOO_LARGE = 0.14, 0.155  # just below the best rate; just above 2/λmax = 0.149
STEPS = 500
QUICK_STEPS = 150
DECAY = 1e-6  # what Keras 2 wrote as SGD(decay=1e-6); Keras 3 wants a schedule
START_RATE, STRONG_DECAY = 0.2, 0.05  # starts too large, then is saved by the schedule
SCHEDULE_STEPS = 100
POINTS, STRETCH = 100, 10.0  # the valley: the second feature is 10 times as wide
PLANTED = (3.0, -1.0, 2.0)  # w1, w2, b
REACHED = 1e-6  # steps are counted until this share of the distance is left
MOMENTUM_STEPS = 300
VISIBLE = 1e-4  # a smaller part of the distance is not divided by: roundings would show


def descend(X, y, learning_rate, steps, momentum=0.0, nesterov=False):
    """Full-batch descent from θ = 0, v = 0; return θ at every step, (steps + 1, p + 1).

    Args:
        learning_rate: one number, or one for each step, shape (steps,).

    >>> X, y = np.array([[1.0], [2.0]]), np.array([7.0, 9.0])
    >>> descend(X, y, 0.1, 2, momentum=0.5).round(9).tolist()
    [[0.0, 0.0], [2.5, 1.6], [4.52, 2.93]]
    """
    path = np.zeros((steps + 1, X.shape[1] + 1))
    v = np.zeros(X.shape[1] + 1)
    for t, rate in enumerate(np.broadcast_to(learning_rate, steps)):
        push = -rate * gradient(X, y, path[t])
        v = momentum * v + push
        path[t + 1] = path[t] + (momentum * v + push if nesterov else v)
    return path


def best_rate(eigenvalues):
    """η = 2/(λmin + λmax): the flattest and the steepest direction then shrink alike.

    >>> best_rate(np.array([1.0, 2.0, 9.0]))
    0.2
    """
    return float(2 / (eigenvalues[0] + eigenvalues[-1]))


def kept_per_step(parts):
    """What each step keeps of each part of the distance, (steps, p + 1).

    Args:
        parts: the distance θ_t − θ* along each eigenvector, (steps + 1, p + 1).

    NaN where a part is too small, alone or beside the others, for its roundings.

    >>> kept_per_step(np.array([[8.0, 1.0], [4.0, 1e-9], [2.0, 1e-9]])).tolist()
    [[0.5, 1e-09], [0.5, nan]]
    """
    before, after = parts[:-1], parts[1:]
    largest = np.linalg.norm(before, axis=1, keepdims=True)
    seen = np.abs(before) > VISIBLE * (1 + largest)
    return np.divide(after, before, where=seen, out=np.full_like(after, np.nan))


def steps_needed(parts):
    """The number of steps after which the distance stays below REACHED of the first.

    >>> steps_needed(np.array([[1.0], [1e-3], [-1e-5], [1e-7]]))
    3
    """
    distance = np.linalg.norm(parts, axis=1)
    return int(np.flatnonzero(distance > REACHED * distance[0])[-1] + 1)


def step_matrix(step, momentum, nesterov):
    """What a step with momentum does to (distance, v) along one eigenvector, (2, 2).

    Args:
        step: ηλ. From v ← μv − ηλe follows e ← e + v, or e ← (1 − ηλ)e + μv with the new v.
    """
    if nesterov:
        return np.array([[1 - (1 + momentum) * step, momentum**2], [-step, momentum]])
    return np.array([[1 - step, momentum], [-step, momentum]])


def build_model(n_features=1, learning_rate=GOOD, momentum=0.0, nesterov=False):
    """ŷ = Xw + b as one Dense unit from θ = 0; the learning rate may be a schedule."""
    model = keras.Sequential(
        [keras.Input((n_features,)), keras.layers.Dense(1, kernel_initializer="zeros")]
    )
    optimizer = keras.optimizers.SGD(learning_rate, momentum=momentum, nesterov=nesterov)
    model.compile(optimizer=optimizer, loss=squared_error)
    return model


def build_side_by_side(rates=LEARNING_RATES):
    """One unit for each learning rate, to train them all at once.

    An optimizer has one rate. But a step is rate times gradient: a unit whose cost
    counts twice takes the steps of twice the rate.
    """
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(len(rates), kernel_initializer="zeros")]
    )
    times = np.array(rates) / rates[0]

    def loss(y, y_hat):
        return ops.sum(ops.cast(times, y_hat.dtype) * (y_hat - y) ** 2) / y_hat.shape[0]

    model.compile(optimizer=keras.optimizers.SGD(rates[0]), loss=loss)
    return model


def train_side_by_side(model, X, y, steps):
    """Train on all points at every step; return every unit's path, (units, steps + 1, 2)."""
    w, b = descent.train(model, X, y[:, None], steps).weights
    return np.stack([w[:, 0, :], b], axis=-1).transpose(1, 0, 2)


@with_precision
def run(options=Options()) -> Report:
    return Report.join(four_rates(options), schedule(options), valley(options))


def four_rates(options):
    """y = 2x + 5 on x = 0 … 4: four cost curves, and what each rate keeps of the distance."""
    x, y = data.load_five_points()
    X = x[:, None]
    steps = options.steps or (QUICK_STEPS if options.quick else STEPS)
    paths = np.array([descend(X, y, rate, steps) for rate in LEARNING_RATES])
    costs = cost(X, y, paths)
    keras_paths = train_side_by_side(build_side_by_side(), X, y, steps)
    beyond = [descend(X, y, rate, min(steps, 150)) for rate in (GOOD, TOO_LARGE)]

    eigenvalues, V = np.linalg.eigh(hessian(X))
    bottom = least_squares(X, y)
    tried = np.array([*LEARNING_RATES, GOOD, TOO_LARGE])
    kept = [kept_per_step((path - bottom) @ V) for path in (*paths, *beyond)]
    kept = np.array([[np.nanmin(k, axis=0), np.nanmax(k, axis=0)] for k in kept])
    predicted = 1 - tried[:, None] * eigenvalues  # (rates, directions)
    # The cost is ½ Σ λ e² over the parts e of the distance, and its lowest value is 0 here.
    times = np.arange(steps + 1)[:, None]
    parts = predicted[:4, None] ** times * (V.T @ -bottom)
    expected = np.sum(eigenvalues * parts**2, axis=-1) / 2

    best, slowest = search_best_rate(X, y, bottom, V)
    return Report(
        results={
            **{f"learning rate {rate}: cost after {steps:,} steps": J
               for rate, J in zip(LEARNING_RATES, costs[:, -1])},
            **{f"learning rate {rate}: kept per step, flat and steep": k[0]
               for rate, k in zip(tried, kept)},
            "largest learning rate, 2/λmax": 2 / eigenvalues[-1],
            "best learning rate, by trying": best,
        },
        checks=[
            Check("cost at every step, relative, = ½ Σ λ ((1 − ηλ)^t e₀)²", costs, expected,
                  BY_HAND),
            # Roundings of θ, some 1e-15, are divided by a distance of VISIBLE = 1e-4 or more.
            Check("kept per step, least and most, = 1 − ηλ", kept,
                  np.stack([predicted, predicted], axis=1), 1e-10),
            Check.twin("four rates, w, b at every step, Keras = by hand", keras_paths, paths,
                       options.dtype, 5),
            # Ten significant digits of V-shaped curves, each value good to 1e-15.
            Check("best rate found = 2/(λmin + λmax)", best, best_rate(eigenvalues), 1e-9),
            Check("the best rate keeps (κ − 1)/(κ + 1) per step", slowest,
                  contraction(eigenvalues), 1e-9),
        ],
        figures={"rates": lambda: drawings.rates(
            LEARNING_RATES, costs, (GOOD, TOO_LARGE), [cost(X, y, path) for path in beyond],
            tried, kept[:, 0], eigenvalues)},
    )  # fmt: skip


def contraction(eigenvalues):
    """(κ − 1)/(κ + 1), what a step at the best rate keeps of the distance."""
    return (eigenvalues[-1] - eigenvalues[0]) / (eigenvalues[-1] + eigenvalues[0])


def search_best_rate(X, y, bottom, V):
    """Try rates, look closer around the best, again and again; return it and what it keeps."""

    def slowest(rate):
        """What a step keeps of the slowest part, averaged over ten steps."""
        parts = (descend(X, y, rate, 10) - bottom) @ V
        return np.max(np.abs(parts[-1] / parts[0]) ** (1 / 10))

    low, high = 0.0, 1.0
    while high - low > 1e-10:
        grid = np.linspace(low, high, 21)
        at = np.argmin([slowest(rate) for rate in grid])
        low, high = grid[max(at - 1, 0)], grid[min(at + 1, 20)]
    return grid[at], slowest(grid[at])


def inverse_time_decay(rate, decay, dtype):
    """Keras's schedule rate / (1 + decay · step).

    Both go in as arrays of the wanted dtype: from Python numbers the schedule computes
    in float32 on TensorFlow, and is wrong from the eighth digit on.
    """
    rate, decay = np.array(rate, dtype), np.array(decay, dtype)
    return keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)


def schedule(options):
    """decay = 1e-6 as Keras 3 writes it; then a decay strong enough to see."""
    at = np.array([0, 1, 1000, 100_000])
    weak = inverse_time_decay(LEARNING_RATES[0], DECAY, options.dtype)
    values = [float(ops.convert_to_numpy(weak(step))) for step in at]
    formula = LEARNING_RATES[0] / (1 + DECAY * at)

    x, y = data.load_five_points()
    X = x[:, None]
    rates = START_RATE / (1 + STRONG_DECAY * np.arange(SCHEDULE_STEPS))
    path = descend(X, y, rates, SCHEDULE_STEPS)
    strong = inverse_time_decay(START_RATE, STRONG_DECAY, options.dtype)
    keras_path = train(build_model(learning_rate=strong), X, y, SCHEDULE_STEPS)

    eigenvalues, V = np.linalg.eigh(hessian(X))
    bottom = least_squares(X, y)
    parts = (path - bottom) @ V
    factors = np.cumprod(1 - rates[:, None] * eigenvalues, axis=0)
    predicted = np.vstack([np.ones(2), factors]) * (V.T @ -bottom)
    turn = np.ceil((START_RATE * eigenvalues[-1] / 2 - 1) / STRONG_DECAY)  # η_t < 2/λmax
    return Report(
        results={
            "decay 1e-6: learning rate left after 500 steps": 1 / (1 + DECAY * 500),
            "decay 1e-6: learning rate after 100,000 steps": values[-1],
            "decay 0.05 from 0.2: distance grows until step": np.argmax(np.abs(parts[:, -1])),
            f"decay 0.05 from 0.2: w, b after {SCHEDULE_STEPS} steps": path[-1],
        },
        checks=[
            # One addition, one product, one division, in the schedule's own dtype.
            Check("InverseTimeDecay, relative, = η/(1 + 1e-6 t)", values, formula,
                  3 * np.finfo(options.dtype).eps, agreement=np.finfo("float32").eps),
            Check("strong decay: distance at every step = Π (1 − η_t λ)", parts, predicted,
                  BY_HAND * np.abs(parts).max()),
            Check("strong decay: distance grows while η_t > 2/λmax",
                  np.argmax(np.abs(parts[:, -1])), turn, 0),
            Check.twin("strong decay: w, b at every step, Keras = by hand", keras_path, path,
                       options.dtype, rounded(X, path)),
        ],
        figures={"schedule": lambda: drawings.schedule(
            rates, parts, predicted, (descend(X, y, START_RATE, 20) - bottom) @ V,
            2 / eigenvalues[-1])},
    )  # fmt: skip


def load_valley(seed):
    """Two correlated features, the second ten times as wide: X (n, 2), y (n,)."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(POINTS, 2))
    X = np.column_stack([z[:, 0], STRETCH * (0.6 * z[:, 0] + 0.8 * z[:, 1])])
    return X, X @ PLANTED[:2] + PLANTED[2] + 0.1 * rng.normal(size=POINTS)


class Descent(NamedTuple):
    """A descent, and what was foretold of it.

    Attributes:
        path: θ at every step, (steps + 1, p + 1).
        parts: θ_t − θ* along each eigenvector of the Hessian, the flattest first.
        predicted: the same from the eigenvalues alone.
        matrices: `step_matrix` of each direction, (p + 1, 2, 2).
    """

    path: np.ndarray
    parts: np.ndarray
    predicted: np.ndarray
    matrices: np.ndarray


def foretell(X, y, steps, learning_rate, momentum=0.0, nesterov=False):
    """Descend, and predict it by M^t for each direction; return a `Descent`."""
    eigenvalues, V = np.linalg.eigh(hessian(X))
    bottom = least_squares(X, y)
    path = descend(X, y, learning_rate, steps, momentum, nesterov)
    M = np.array([step_matrix(s, momentum, nesterov) for s in learning_rate * eigenvalues])
    powers = np.array([np.linalg.matrix_power(M, t)[:, 0, 0] for t in range(steps + 1)])
    return Descent(path, (path - bottom) @ V, powers * (V.T @ -bottom), M)


def valley(options):
    """Where one rate cannot serve both directions, and two ways out: scaling, momentum."""
    X, y = load_valley(options.seed)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    plain, scaled, report = scaling(X, Z, y)
    heavy, nesterov, momentum_report = with_momentum(X, y, options.dtype)
    descents = {"plain": plain, "plain, scaled features": scaled, "Nesterov": nesterov,
                "heavy ball": heavy}  # fmt: skip
    picture = {"valley": lambda: drawings.valley(
        lambda theta: cost(X, y, theta), least_squares(X, y), descents)}  # fmt: skip
    return Report.join(report, momentum_report, Report({}, [], picture))


def scaling(X, Z, y):
    """Plain descent at the best rate, on the features as they are and scaled."""
    curvatures = [np.linalg.eigvalsh(hessian(features)) for features in (X, Z)]
    descents = []
    for features, eigenvalues in zip((X, Z), curvatures):
        enough = int(np.log(REACHED) / np.log(contraction(eigenvalues))) + 2
        descents.append(foretell(features, y, enough, best_rate(eigenvalues)))
    counted = [steps_needed(way.parts) for way in descents]
    foretold = [steps_needed(way.predicted) for way in descents]
    kappa = np.array([eigenvalues[-1] / eigenvalues[0] for eigenvalues in curvatures])
    A = [np.column_stack([features, np.ones(len(X))]) for features in (X, Z)]
    r = abs(np.corrcoef(X.T)[0, 1])

    flat, steep = curvatures[0][[0, -1]]
    ends = kept_per_step(descents[0].parts)[0, [0, -1]]
    exploding = np.linalg.norm(descend(X, y, 1 / flat, 5) - least_squares(X, y), axis=1)
    report = Report(
        results={
            "valley: largest rate for the steep, best for the flat": (2 / steep, 1 / flat),
            "valley: kept per step at the best rate, flat and steep": ends,
            "condition number κ, before and after scaling": kappa,
            "steps to a millionth of the distance": counted,
            "steps by the rule κ/2 · ln(1/millionth)": kappa / 2 * np.log(1 / REACHED),
        },
        checks=[
            # One step's roundings, beside parts of the size of 1.
            Check("valley: kept per step = ±(κ − 1)/(κ + 1)", ends,
                  contraction(curvatures[0]) * np.array([1, -1]), 1e-11),
            # After four steps the other parts are (κ − 1)⁻⁴ of the steep one, and enter squared.
            Check("growth at the rate 1/λmin, relative, = κ − 1", exploding[5] / exploding[4],
                  kappa[0] - 1, 1e-10),
            Check("κ, relative, = (σmax/σmin)² of [X 1]", kappa,
                  [np.linalg.cond(a) ** 2 for a in A], BY_HAND),
            Check("κ after scaling = (1 + |r|)/(1 − |r|), r the correlation", kappa[1],
                  (1 + r) / (1 - r), 10 * BY_HAND),
            Check("steps counted, before and after scaling = predicted", counted, foretold, 0),
        ],
    )  # fmt: skip
    return *descents, report


def with_momentum(X, y, dtype):
    """Heavy ball and Nesterov in the stretched valley: by hand, in Keras, and foretold.

    Their usual settings make the two eigenvalues of M equal in the flattest direction;
    from rest it then shrinks not like ρ^t but like (1 + ct) ρ^t.
    """
    eigenvalues = np.linalg.eigvalsh(hessian(X))
    low, high = np.sqrt(eigenvalues[[0, -1]])
    ratio = (high - low) / (high + low)  # (√κ − 1)/(√κ + 1)
    settings = [((2 / (high + low)) ** 2, ratio**2, False), (1 / high**2, ratio, True)]
    both = [foretell(X, y, MOMENTUM_STEPS, *setting) for setting in settings]
    twins = [train(build_model(2, *setting), X, y, MOMENTUM_STEPS) for setting in settings]

    rho = np.array([ratio, 1 - low / high])
    c = np.array([1 - rho[0], (1 - rho[1]) / (2 - rho[1])])
    t = np.arange(MOMENTUM_STEPS + 1)
    flat = np.array([way.parts[:, 0] / way.parts[0, 0] for way in both])
    radii = [np.abs(np.linalg.eigvals(way.matrices)).max() for way in both]
    T = MOMENTUM_STEPS // 4
    slopes = (flat[:, 2 * T] / flat[:, T]) ** (1 / T)
    counted = [steps_needed(way.parts) for way in both]
    foretold = [steps_needed(way.predicted) for way in both]
    parts = np.array([way.parts for way in both])
    return *both, Report(
        results={
            "heavy ball, Nesterov: steps to a millionth": counted,
            "heavy ball, Nesterov: kept per step, foretold": rho,
            "heavy ball, Nesterov: kept per step, measured": slopes,
        },
        checks=[
            Check("heavy ball, Nesterov: distance at every step = M^t", parts,
                  [way.predicted for way in both], np.abs(parts).max() * BY_HAND),
            # Two equal eigenvalues of a matrix are computed to the root of the rounding only.
            Check("largest eigenvalue of M = (√κ − 1)/(√κ + 1), 1 − 1/√κ", radii, rho, 1e-7),
            Check("flattest direction at every step = (1 + ct) ρ^t", flat,
                  (1 + c[:, None] * t) * rho[:, None] ** t, BY_HAND),
            # Between T and 2T the factor 1 + ct grows, at most twofold.
            Check("kept per step from T to 2T, ÷ ρ: from 1 to 2^(1/T)", slopes / rho,
                  np.full(2, (2 ** (1 / T) + 1) / 2), (2 ** (1 / T) - 1) / 2),
            Check("heavy ball, Nesterov: steps counted = foretold", counted, foretold, 0),
            *[Check.twin(f"{name}: w, b at every step, Keras = by hand", twin, way.path, dtype,
                         rounded(X, way.path) * swing(way.parts))
              for name, twin, way in zip(("heavy ball", "Nesterov"), twins, both)],
        ],
    )  # fmt: skip


def rounded(X, path):
    """The largest prediction on the path: Keras's roundings are relative to it."""
    return np.abs(path[:, :-1] @ X.T + path[:, -1:]).max()


def swing(parts):
    """How far the steepest part swings out, and so does every rounding on the way."""
    return np.abs(parts[:, -1] / parts[0, -1]).max()


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="steps")


if __name__ == "__main__":
    raise SystemExit(main())
