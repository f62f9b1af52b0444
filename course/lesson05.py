"""Lesson 5: Learning rate.

How long should a step of gradient descent be? The curvature of the cost decides.

    step        θ ← θ − η g                         g: the gradient, η: the learning rate
    schedule    η_t = η₀ / (1 + decay · t)          t: steps taken before
    momentum    v ← μv − ηg,   θ ← θ + v            (heavy ball: keeps μ of its velocity v)
                v ← μv − ηg,   θ ← θ + μv − ηg      (Nesterov, as Keras writes it)

The axes of the bowl are the eigenvectors of the Hessian H (lesson 3); the curvature along each is
its eigenvalue λ. A step multiplies the distance to the minimum θ* in this direction by 1 − ηλ, the
contraction factor: descent diverges above 2/λmax. The best rate, 2/(λmin + λmax), gives the
flattest and the steepest direction the same |1 − ηλ|. Where κ = λmax/λmin is large, the problem is
ill-conditioned: no rate suits both. Standardising makes κ small; momentum takes √κ steps for κ.

    X: shape (n, p)    y: shape (n,)    θ = (w, b): shape (p + 1,)    path: (steps + 1, p + 1)

Run it:     python -m course.lesson05
Checked in: course/checks/lesson05.py
Read more:  G. Goh, Why Momentum Really Works, Distill, 2017, doi:10.23915/distill.00006
"""

import keras
import numpy as np

from course.lesson03 import cost, gradient, hessian, least_squares, load_data, train

LEARNING_RATES, DECAY = (0.01, 0.02, 0.03, 0.04), 1e-6  # fixed by the course; the best: 0.143
NEAR_BEST, TOO_LARGE, FEW_STEPS = 0.14, 0.155, 150  # just below the best; above the limit, 0.149
STEPS, QUICK_STEPS, MOMENTUM_STEPS = 500, 150, 300
START_RATE, STRONG_DECAY, SCHEDULE_STEPS = 0.2, 0.05, 100  # starts above the limit
POINTS, STRETCH, TRUE_THETA = 100, 10.0, (3.0, -1.0, 2.0)  # the ill-conditioned problem: w1, w2, b
REACHED = 1e-6  # steps are counted until this fraction of the distance remains


def make_ill_conditioned(seed=0):
    """Two correlated features, the second about ten times as wide: X (100, 2), y (100,)."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(POINTS, 2))
    X = np.column_stack([z[:, 0], STRETCH * (0.6 * z[:, 0] + 0.8 * z[:, 1])])
    return X, X @ TRUE_THETA[:2] + TRUE_THETA[2] + 0.1 * rng.normal(size=POINTS)


# By hand -------------------------------------------------------------------------------------
def descend(X, y, learning_rate, steps, momentum=0.0, nesterov=False):
    """Full-batch descent from θ = 0, v = 0, at one learning rate or at one for each step.

    >>> X, y = np.array([[1.0], [2.0]]), np.array([7.0, 9.0])
    >>> descend(X, y, 0.1, 2, momentum=0.5).round(9).tolist()
    [[0.0, 0.0], [2.5, 1.6], [4.52, 2.93]]
    """
    v = np.zeros(X.shape[1] + 1)
    path, rates = [v], np.broadcast_to(learning_rate, steps)
    while len(path) <= steps and np.abs(path[-1]).max() < 1e100:  # beyond, it has diverged
        step = -rates[len(path) - 1] * gradient(X, y, path[-1])
        v = momentum * v + step
        path.append(path[-1] + (momentum * v + step if nesterov else v))
    return np.array(path)


def flattest_and_steepest(X):
    """λmin and λmax, the smallest and the largest curvature."""
    return np.linalg.eigvalsh(hessian(X))[[0, -1]]


def best_learning_rate(X):
    """2/(λmin + λmax): contraction factors of ±(κ − 1)/(κ + 1) in the two directions."""
    return 2 / flattest_and_steepest(X).sum()


def components(X, y, path):
    """θ − θ* along each eigenvector of H, the flattest direction first: (steps + 1, p + 1)."""
    return (path - least_squares(X, y)) @ np.linalg.eigh(hessian(X)).eigenvectors


def steps_needed(X, y, path):
    """The number of steps after which the distance to θ* stays below REACHED times the first."""
    distance = np.linalg.norm(path - least_squares(X, y), axis=1)
    return int(np.flatnonzero(distance > REACHED * distance[0])[-1] + 1)


# In Keras ------------------------------------------------------------------------------------
def build_model(n_features=1, learning_rate=NEAR_BEST, momentum=0.0, nesterov=False):
    """ŷ = Xw + b as one Dense unit from θ = 0; the learning rate may be a schedule."""
    dense = keras.layers.Dense(1, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((n_features,)), dense])
    optimizer = keras.optimizers.SGD(learning_rate, momentum=momentum, nesterov=nesterov)
    model.compile(optimizer=optimizer, loss="mse")
    return model


def inverse_time_decay(learning_rate, decay):
    """Keras's schedule for η₀ / (1 + decay · t), in the precision of Keras's other numbers."""
    rate, decay = np.array([learning_rate, decay], keras.config.floatx())
    return keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    return {
        "rates": compare_rates(options.steps or (QUICK_STEPS if options.quick else STEPS)),
        "schedule": follow_schedules(),
        "scaling": standardise_features(options.seed),
        "momentum": add_momentum(options.seed),
    }


def compare_rates(steps):
    """The learning rates, then one near the best and one too large; then look for the best."""
    X, y = load_data()
    own = {eta: descend(X, y, eta, steps) for eta in LEARNING_RATES}
    few = {eta: descend(X, y, eta, min(steps, FEW_STEPS)) for eta in (NEAR_BEST, TOO_LARGE)}
    in_keras = {eta: train(build_model(X.shape[1], eta), X, y, steps) for eta in LEARNING_RATES}
    return dict(X=X, y=y, by_hand=own | few | own, in_keras=in_keras, best=search_best_rate(X, y))


def search_best_rate(X, y):
    """Try rates, look closer around the best, again and again; (rate, its contraction factor)."""
    low, high = 0.0, 1e6
    while high - low > 1e-10 * high:
        grid = np.linspace(low, high, 21)
        pairs = [components(X, y, descend(X, y, eta, 10))[[0, -1]] for eta in grid]  # start, end
        factors = [np.max(np.abs(end / start) ** (1 / 10)) for start, end in pairs]  # slowest's
        at = np.argmin(factors)
        low, high = grid[max(at - 1, 0)], grid[min(at + 1, 20)]
    return grid[at], factors[at]


def follow_schedules():
    """A decay that does next to nothing; one that brings a rate from above the limit below it."""
    X, y = load_data()
    schedule = inverse_time_decay(LEARNING_RATES[0], DECAY)
    weak = {t: float(schedule(t)) for t in (0, 1, 1_000, 100_000)}  # the rate of step t
    rates = START_RATE / (1 + STRONG_DECAY * np.arange(SCHEDULE_STEPS))
    by_hand = descend(X, y, rates, SCHEDULE_STEPS)
    model = build_model(X.shape[1], inverse_time_decay(START_RATE, STRONG_DECAY))
    in_keras = train(model, X, y, SCHEDULE_STEPS)
    return dict(X=X, y=y, weak=weak, rates=rates, by_hand=by_hand, in_keras=in_keras)


def standardise_features(seed):
    """Plain descent on the ill-conditioned problem: as it is, and with standardised features."""
    X, y = make_ill_conditioned(seed)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    exploding = descend(X, y, 1 / flattest_and_steepest(X)[0], 5)  # makes the flattest's factor 0
    plain, standardised = descend_at_best_rate(X, y), descend_at_best_rate(Z, y)
    return dict(y=y, exploding=exploding, plain=plain, standardised=standardised)


def descend_at_best_rate(X, y):
    """Until the fraction REACHED of the distance remains, after about κ/2 · ln(1/REACHED) steps."""
    kappa = np.linalg.cond(hessian(X))
    path = descend(X, y, best_learning_rate(X), int(kappa / 2 * np.log(1 / REACHED)) + 2)
    return dict(X=X, kappa=kappa, path=path, steps=steps_needed(X, y, path))


def add_momentum(seed):
    """The same problem with the heavy ball and Nesterov's momentum, at their usual settings."""
    X, y = make_ill_conditioned(seed)
    low, high = np.sqrt(flattest_and_steepest(X))  # √λmin, √λmax
    ratio = (high - low) / (high + low)  # (√κ − 1)/(√κ + 1)
    heavy_ball, nesterov = ((2 / (high + low)) ** 2, ratio**2, False), (1 / high**2, ratio, True)
    settings = {"heavy ball": heavy_ball, "Nesterov": nesterov}  # η, μ, and whether it is Nesterov
    by_hand, in_keras, steps = {}, {}, {}
    for name, (eta, *rest) in settings.items():
        by_hand[name] = descend(X, y, eta, MOMENTUM_STEPS, *rest)
        in_keras[name] = train(build_model(2, eta, *rest), X, y, MOMENTUM_STEPS)
        steps[name] = steps_needed(X, y, by_hand[name])
    return dict(X=X, y=y, settings=settings, by_hand=by_hand, in_keras=in_keras, steps=steps)


def results(measured):
    """What a learner should see first: {what: number}."""
    rates, schedule, scaling, momentum = measured.values()
    X, y, both, found = rates["X"], rates["y"], (scaling["plain"], scaling["standardised"]), {}
    for eta, path in rates["by_hand"].items():
        J, (before, after) = cost(X, y, path), components(X, y, path[:2])
        end = f"{J[-1]:.3g}: diverges" if J[-1] > J[0] else J[-1]
        found[f"learning rate {eta:g}: cost after {len(J) - 1:,} steps"] = end
        found[f"learning rate {eta:g}: contraction factors, flat and steep"] = after / before
    steep, fall = components(X, y, schedule["by_hand"])[:, -1], f"decay {STRONG_DECAY:g} from"
    counts = [t if t <= MOMENTUM_STEPS else f"over {t - 1}" for t in momentum["steps"].values()]
    return {
        **found,
        "largest learning rate": 2 / flattest_and_steepest(X)[1],
        "best learning rate, by trying": rates["best"][0],
        f"decay {DECAY:g}: learning rate after 100,000 steps": schedule["weak"][100_000],
        f"{fall} {START_RATE:g}: distance grows until step": np.argmax(np.abs(steep)),
        f"{fall} {START_RATE:g}: w, b after {len(steep) - 1} steps": schedule["by_hand"][-1],
        "condition number κ, before and after standardising": [way["kappa"] for way in both],
        f"steps to {REACHED:g} of the distance": [way["steps"] for way in both],
        f"heavy ball, Nesterov: steps to {REACHED:g}": counts,
    }


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
