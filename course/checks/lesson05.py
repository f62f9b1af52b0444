"""Why lesson 5's numbers must be what they are.

On a quadratic cost each eigenvector of the Hessian is a problem of its own. Along one of
eigenvalue λ a step of plain descent multiplies the distance e to the minimum by 1 − ηλ, and a
step with momentum multiplies (e, v) by a 2×2 matrix M. So every path is known in closed form
before it is run, from the eigenvalues and the settings alone.

Momentum's classical settings make the two eigenvalues of M equal in the flattest direction. There,
from rest, e shrinks not like ρ^t but like (1 + ct) ρ^t, where ρ is the eigenvalue:
(√κ − 1)/(√κ + 1) for the heavy ball, 1 − 1/√κ for Nesterov.
"""

import numpy as np

from course.checks import Check, by_section, references
from course.checks.constants import ABOVE_0, ANYTHING, NUMBER, whole
from course.checks.tolerance import NUMPY
from course.lesson05 import DECAY, LEARNING_RATES, MOMENTUM_STEPS, REACHED, START_RATE, STRONG_DECAY

VISIBLE = 1e-4  # a smaller component is not divided by: its roundings would show


CONSTANTS = {  # what the page's constants may be
    "LEARNING_RATES": ANYTHING,
    "NEAR_BEST": NUMBER,
    "TOO_LARGE": NUMBER,
    "FEW_STEPS": whole(1),
    "STEPS": whole(1),
    "QUICK_STEPS": whole(1),
    "MOMENTUM_STEPS": whole(1),
    "DECAY": NUMBER,
    "START_RATE": ABOVE_0,
    "STRONG_DECAY": NUMBER,
    "SCHEDULE_STEPS": whole(1),
    "POINTS": whole(1),
    "STRETCH": NUMBER,
    "TRUE_THETA": ANYTHING,
    "REACHED": NUMBER,
}


def checks(measured, options):
    """All checks of the lesson on what `lesson05.run` measured."""
    sections = {
        "rates": check_rates, "schedule": check_schedule, "scaling": check_scaling,
        "momentum": check_momentum,
    }  # fmt: skip
    return by_section(sections, measured, options)


def components(X, y, path):
    """θ − θ* along each eigenvector, the flattest direction first: (steps + 1, p + 1)."""
    return (path - references.least_squares(X, y)) @ references.curvature(X)[1]


def at_start(X, y):
    """The same at θ = 0, where every descent begins, (p + 1,)."""
    return components(X, y, np.zeros(X.shape[1] + 1))


def contraction_factors(parts):
    """By what each step multiplies each component, (steps, p + 1).

    NaN where a component is too small, alone or beside the others, for its roundings.

    >>> contraction_factors(np.array([[8.0, 1.0], [4.0, 1e-9], [2.0, 1e-9]])).tolist()
    [[0.5, 1e-09], [0.5, nan]]
    """
    before, after = parts[:-1], parts[1:]
    largest = np.linalg.norm(before, axis=1, keepdims=True)
    seen = np.abs(before) > VISIBLE * (1 + largest)
    return np.divide(after, before, where=seen, out=np.full_like(after, np.nan))


def extremes(parts):
    """The least and the largest contraction factor of each component, (2, p + 1)."""
    if not np.all(np.isfinite(parts)):
        return np.full((2, parts.shape[1]), np.nan)  # what is not finite has no factors
    factors = contraction_factors(parts)
    return np.array([np.nanmin(factors, axis=0), np.nanmax(factors, axis=0)])


def steps_until(distance):
    """After how many steps the distance stays below REACHED of the first, counted from the end.

    >>> steps_until(np.array([1, 1e-3, 1e-5, 1e-7]))
    3
    """
    t = len(distance)
    while distance[t - 1] <= REACHED * distance[0]:
        t -= 1
    return t


def check_rates(options, X, y, by_hand, in_keras, best):
    eigenvalues = references.curvature(X)[0]
    flat, steep = eigenvalues[[0, -1]]
    fixed = {eta: by_hand[eta] for eta in LEARNING_RATES}
    costs, predicted = {}, {}
    for eta, path in fixed.items():
        costs[eta] = np.mean((path[:, :-1] @ X.T + path[:, -1:] - y) ** 2, axis=1)
        # The cost is ½ Σ λ e² over the components e of the distance, and its minimum is 0 here.
        e = at_start(X, y) * (1 - eta * eigenvalues) ** np.arange(len(path))[:, None]
        predicted[eta] = np.sum(eigenvalues * e**2, axis=1) / 2
    factors = {eta: extremes(components(X, y, path)) for eta, path in by_hand.items()}
    expected = {eta: np.tile(1 - eta * eigenvalues, (2, 1)) for eta in by_hand}
    return [
        Check.close("costs", "cost at every step = ½ Σ λ ((1 − ηλ)^t e₀)²", costs, predicted,
                    rtol=NUMPY),
        Check.close("contraction", "contraction factors, least and most, = 1 − ηλ", factors,
                    expected, atol=1e-10,
                    reason="roundings of θ, some 1e-15, divided by a distance of 1e-4 or more"),
        Check.keras("rates-keras", "four rates: w, b at every step, Keras = NumPy", in_keras, fixed,
                    options.dtype, own_loss=True),
        Check.close("best-rate", "best rate found = 2/(λmin + λmax)", best[0],
                    2 / (flat + steep), atol=1e-9,
                    reason="the contraction factors are good to 1e-15, the grid to 1e-10"),
        Check.close("best-contraction", "its contraction factor = (κ − 1)/(κ + 1)", best[1],
                    (steep - flat) / (steep + flat), atol=1e-9,
                    reason="the slopes of V-shaped curves times the error of the rate"),
    ]  # fmt: skip


def check_schedule(options, X, y, weak, rates, by_hand, in_keras):
    eigenvalues = references.curvature(X)[0]
    parts = components(X, y, by_hand)
    factors = np.cumprod(1 - rates[:, None] * eigenvalues, axis=0)
    predicted = at_start(X, y) * np.vstack([np.ones(len(eigenvalues)), factors])
    turn = np.ceil((START_RATE * eigenvalues[-1] / 2 - 1) / STRONG_DECAY)  # η_t < 2/λmax
    growing = np.argmax(np.abs(parts[:, -1])) if np.all(np.isfinite(parts)) else np.nan
    return [
        Check.close("weak-decay", "InverseTimeDecay = η/(1 + 1e-6 t)", list(weak.values()),
                    [LEARNING_RATES[0] / (1 + DECAY * t) for t in weak],
                    rtol=3 * np.finfo(options.dtype).eps, agreement=np.finfo("float32").eps,
                    reason="a sum, a product and a quotient in the schedule's own dtype"),
        Check.close("strong-decay", "strong decay: distance at every step = Π (1 − η_t λ)", parts,
                    predicted, rtol=NUMPY),
        Check.close("turn", "strong decay: distance grows while η_t > 2/λmax", growing, turn),
        Check.keras("schedule-keras", "strong decay: w, b at every step, Keras = NumPy", in_keras,
                    by_hand, options.dtype, own_loss=True, size=rounded(X, by_hand),
                    reason="Keras's roundings are relative to the largest prediction on the path"),
    ]  # fmt: skip


def check_scaling(options, y, exploding, plain, standardised):
    X, both = plain["X"], (plain, standardised)
    eigenvalues = [references.curvature(way["X"])[0] for way in both]
    kappa = np.array([each[-1] / each[0] for each in eigenvalues])
    first = contraction_factors(components(X, y, plain["path"][:2]))[0, [0, -1]]
    growth = np.linalg.norm(exploding - references.least_squares(X, y), axis=1)
    r = abs(np.corrcoef(X.T)[0, 1])
    names, paths, predicted = ("plain", "standardised"), [], []
    for way, each in zip(both, eigenvalues):
        eta, steps = 2 / (each[0] + each[-1]), len(way["path"]) - 1
        minimum, distance = references.modes(way["X"], y, eta, steps)
        paths.append(minimum + distance)
        predicted.append(steps_until(np.linalg.norm(distance, axis=1)))
    return [
        Check.close("ill-contraction", "ill-conditioned: contraction factors = ±(κ − 1)/(κ + 1)",
                    first, (kappa[0] - 1) / (kappa[0] + 1) * np.array([1, -1]), atol=1e-11,
                    reason="one step's roundings, beside components of the size of 1"),
        Check.close("plain-paths",
                    "ill-conditioned, standardised: w, b at every step = closed form",
                    {name: way["path"] for name, way in zip(names, both)},
                    dict(zip(names, paths)), rtol=NUMPY),
        Check.close("ill-growth", "growth per step at the rate 1/λmin = κ − 1",
                    growth[5] / growth[4], kappa[0] - 1, rtol=1e-10,
                    reason="after four steps the others are (κ − 1)⁻⁴ of the steepest, squared"),
        Check.close("kappa", "κ = (σmax/σmin)² of [X 1]", [way["kappa"] for way in both],
                    [np.linalg.cond(references.with_ones(way["X"])) ** 2 for way in both],
                    rtol=NUMPY),
        Check.close("kappa-standardised",
                    "κ, standardised = (1 + |r|)/(1 − |r|), r the correlation",
                    standardised["kappa"], (1 + r) / (1 - r), atol=10 * NUMPY,
                    reason="κ of 5, and differences of 1 from numbers near 1"),
        Check.close("steps", "steps counted, before and after standardising = predicted",
                    [way["steps"] for way in both], predicted),
    ]  # fmt: skip


def step_matrix(step, momentum, nesterov):
    """M: what a step with momentum does to (e, v) along one eigenvector, (2, 2).

    Args:
        step: ηλ. From v ← μv − ηλe follows e ← e + v, or e ← (1 − ηλ)e + μv with the new v.
    """
    if nesterov:
        return np.array([[1 - (1 + momentum) * step, momentum**2], [-step, momentum]])
    return np.array([[1 - step, momentum], [-step, momentum]])


def check_momentum(options, X, y, settings, by_hand, in_keras, steps):
    eigenvalues = references.curvature(X)[0]
    root = np.sqrt(eigenvalues[-1] / eigenvalues[0])
    rho = np.array([(root - 1) / (root + 1), 1 - 1 / root])
    c = np.array([1 - rho[0], (1 - rho[1]) / (2 - rho[1])])
    t = np.arange(MOMENTUM_STEPS + 1)
    parts = {name: components(X, y, path) for name, path in by_hand.items()}
    predicted, radii, counts = {}, [], {}
    for name, (eta, *momentum) in settings.items():
        M = np.array([step_matrix(eta * each, *momentum) for each in eigenvalues])
        powers = np.array([np.linalg.matrix_power(M, step)[:, 0, 0] for step in t])
        predicted[name] = powers * at_start(X, y)
        radii.append(np.abs(np.linalg.eigvals(M)).max())
        counts[name] = steps_until(np.linalg.norm(predicted[name], axis=1))
    flat = np.array([e[:, 0] / at_start(X, y)[0] for e in parts.values()])
    T = MOMENTUM_STEPS // 4
    factors = (flat[:, 2 * T] / flat[:, T]) ** (1 / T)
    return [
        Check.close("momentum", "heavy ball, Nesterov: distance at every step = M^t", parts,
                    predicted, rtol=NUMPY),
        Check.close("radius", "largest eigenvalue of M = (√κ − 1)/(√κ + 1), 1 − 1/√κ", radii, rho,
                    atol=1e-7, reason="two equal eigenvalues are good to the root of a rounding"),
        Check.close("flattest", "flattest direction at every step = (1 + ct) ρ^t", flat,
                    (1 + c[:, None] * t) * rho[:, None] ** t, atol=NUMPY),
        Check.close("momentum-contraction", "contraction factor from T to 2T, ÷ ρ",
                    factors / rho, np.full(2, (2 ** (1 / T) + 1) / 2),
                    atol=(2 ** (1 / T) - 1) / 2,
                    reason="between T and 2T the factor 1 + ct grows, at most twofold"),
        Check.close("momentum-steps", "heavy ball, Nesterov: steps counted = predicted", steps,
                    counts),
        *[Check.keras(f"{id}-keras", f"{name}: w, b at every step, Keras = NumPy", in_keras[name],
                      by_hand[name], options.dtype, own_loss=True,
                      size=rounded(X, by_hand[name]) * swing(parts[name]),
                      reason="Keras's roundings, relative to the largest prediction, swing out too")
          for id, name in (("heavy-ball", "heavy ball"), ("nesterov", "Nesterov"))],
    ]  # fmt: skip


def rounded(X, path):
    """The largest prediction on the path, beside the largest weight."""
    return np.abs(path[:, :-1] @ X.T + path[:, -1:]).max() / np.abs(path).max()


def swing(parts):
    """How far the steepest component swings out, and so does every rounding on the way."""
    return np.abs(parts[:, -1] / parts[0, -1]).max()
