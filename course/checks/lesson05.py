"""Why lesson 5's numbers must be what they are.

On a quadratic cost each eigenvector of the Hessian is a problem of its own. Along one of
eigenvalue λ a step of plain descent multiplies the distance e to the minimum by 1 − ηλ, and a
step with momentum multiplies (e, v) by a 2×2 matrix M. So every path is known in closed form
before it is run, from the eigenvalues and the settings alone.

Momentum's classical settings make the two eigenvalues of M equal in the flattest direction. There,
from rest, e shrinks not like ρ^t but like (1 + ct) ρ^t, where ρ is the eigenvalue:
(√κ − 1)/(√κ + 1) for the heavy ball, 1 − 1/√κ for Nesterov.
"""

import functools

import numpy as np

from course import lesson05 as lesson
from course.checks import Check, by_section, references, tolerance
from course.checks.constants import ABOVE_0, FROM_0, NUMBER, between, several, whole
from course.checks.models import unlike_linear
from course.checks.tolerance import NUMPY
from course.lesson05 import (
    DECAY,
    LEARNING_RATES,
    MOMENTUM_STEPS,
    REACHED,
    SCHEDULE_STEPS,
    START_RATE,
    STRONG_DECAY,
)

VISIBLE = 1e-4  # a smaller component is not divided by: its roundings would show
EPS = np.finfo("float64").eps


CONSTANTS = {  # what the page's constants may be
    "LEARNING_RATES": several(ABOVE_0),
    "NEAR_BEST": ABOVE_0,
    "TOO_LARGE": ABOVE_0,
    "FEW_STEPS": whole(1),
    "STEPS": whole(1),
    "QUICK_STEPS": whole(1),
    "MOMENTUM_STEPS": whole(1),
    "DECAY": FROM_0,
    "START_RATE": ABOVE_0,
    "STRONG_DECAY": FROM_0,
    "SCHEDULE_STEPS": whole(1),
    "POINTS": whole(5),
    "STRETCH": between(0.01, 200, "a number above 0.01 and below 200, for κ below a million"),
    "TRUE_THETA": several(NUMBER, 3, 3),
    "REACHED": between(1e-12, 1, "a number above 1e-12, where roundings begin, and below 1"),
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
    return np.array([np.fmin.reduce(factors), np.fmax.reduce(factors)])


def steps_until(distance):
    """After how many steps the distance stays below REACHED of the first, counted from the end.

    >>> steps_until(np.array([1, 1e-3, 1e-5, 1e-7]))
    3
    """
    t = len(distance)
    while distance[t - 1] <= REACHED * distance[0]:
        t -= 1
    return t


@functools.cache
def other_model():
    """What in the page's model is not as the proof takes it to be: "not for Adam", or ""."""
    return unlike_linear(lesson.build_model())


def until_overflow(path, X, dtype):
    """How many steps have predictions and gradients that the dtype can hold."""
    size = np.abs(path).max(axis=1) * max(1, np.abs(X).max()) ** 2
    return np.count_nonzero(~(size > 1e-6 * np.finfo(dtype).max))  # a NaN is to be seen


def keras_tolerance(X, y, path, rates, options, predictions=1.0):
    """How close Keras's θ must be to the path at each step, up to where its dtype overflows.

    Its gradient is wrong by a rounding δ, a third of the table's tolerance, and so is ηλ: after t
    steps along an eigenvector the distance, Π (1 − ηλ) of the first, by δ Σ ηλ/(1 − ηλ) of itself.

    Args:
        predictions: how many times the size of the weights the predictions are.

    Returns:
        How many steps there are, and an array, (steps, 1).
    """
    allowed, _ = tolerance.keras(options.dtype, own_loss=True)
    steps = until_overflow(path, X, options.dtype if allowed < 1e-9 else "float32")
    size = np.maximum.accumulate(np.abs(path[:steps]).max(axis=1))
    step = np.broadcast_to(rates, len(path) - 1)[: steps - 1] * references.curvature(X)[0][-1]
    growth = np.abs(at_start(X, y)[-1]) * np.cumprod(np.abs(1 - step))
    wrong = np.cumsum(step / np.maximum(np.abs(1 - step), 0.1)) * growth
    wrong = np.maximum.accumulate(np.append(0, wrong / 3))
    return steps, allowed * (predictions * size + wrong)[:, None]


def largest(allowed, path):
    """The largest tolerance, relative to the numbers that are larger than 1."""
    return max(np.max(allowed / np.maximum(1, np.abs(path))), 1e-9)


def check_limit(X, y, by_hand, limit):
    """Which rates converge is known from λmax alone: the steepest component shrinks, or grows."""
    found = []
    for id, way, sign in (("below-limit", "below", 1), ("above-limit", "above", -1)):
        etas = [eta for eta in by_hand if sign * (limit / eta - 1) > 1e-9]
        if etas:
            first = np.abs([at_start(X, y)[-1] for _ in etas])
            last = np.abs([components(X, y, by_hand[eta][-1:])[0, -1] for eta in etas])
            named = f"{min(etas):g} … {max(etas):g}" if len(etas) > 1 else f"{etas[0]:g}"
            name = f"{named} {way} 2/λmax = {limit:.3g}: "
            name += ("converge" if sign > 0 else "diverge") + "s" * (len(etas) == 1)
            make = Check.at_most if sign > 0 else Check.at_least
            found.append(make(id, name, last, first, reason="the steepest direction decides"))
    return found


def check_rates(options, X, y, by_hand, in_keras, best):
    eigenvalues = references.curvature(X)[0]
    flat, steep = eigenvalues[[0, -1]]
    fixed = {eta: by_hand[eta] for eta in LEARNING_RATES}
    exact = references.least_squares(X, y)
    least = np.mean((X @ exact[:-1] + exact[-1] - y) ** 2)
    costs, predicted, allowed, kept, near = {}, {}, {}, {}, {}
    for eta, path in fixed.items():
        costs[eta] = np.mean((path[:, :-1] @ X.T + path[:, -1:] - y) ** 2, axis=1)
        # The cost is its minimum and ½ Σ λ e² over the components e of the distance.
        e = at_start(X, y) * (1 - eta * eigenvalues) ** np.arange(len(path))[:, None]
        predicted[eta] = least + np.sum(eigenvalues * e**2, axis=1) / 2
        allowed[eta] = NUMPY * np.maximum.accumulate(predicted[eta])
        kept[eta], near[eta] = keras_tolerance(X, y, path, eta, options)
    factors = {eta: extremes(components(X, y, path)) for eta, path in by_hand.items()}
    expected = {eta: np.tile(1 - eta * eigenvalues, (2, 1)) for eta in by_hand}
    # A direction may never be seen; what is not finite is.
    seen = {eta: ~np.isnan(each) | np.isnan(by_hand[eta]).any() for eta, each in factors.items()}
    number = "one rate" if len(fixed) == 1 else f"{len(fixed)} rates"
    shown = fixed if other_model() else in_keras  # another model's weights may not even be w, b
    return [
        Check.close("costs", "cost at every step = ½ Σ λ ((1 − ηλ)^t e₀)²", costs, predicted,
                    atol=allowed, reason="roundings, relative to the largest cost so far"),
        *check_limit(X, y, by_hand, 2 / steep),
        Check.close("contraction", "contraction factors, least and most, = 1 − ηλ",
                    {eta: each[seen[eta]] for eta, each in factors.items()},
                    {eta: each[seen[eta]] for eta, each in expected.items()},
                    atol={eta: 1e-10 * max(1, abs(1 - eta * steep)) for eta in by_hand},
                    reason="roundings of θ, some 1e-15, divided by a distance of 1e-4 or more"),
        Check.close("rates-keras", f"{number}: w, b at every step, Keras = NumPy",
                    {eta: shown[eta][:n] for eta, n in kept.items()},
                    {eta: fixed[eta][:n] for eta, n in kept.items()}, atol=near,
                    agreement=max(largest(near[eta], fixed[eta][:n]) for eta, n in kept.items()),
                    reason="Keras's roundings, multiplied by 1 − ηλ at each step",
                    ).unless(other_model()),
        Check.close("best-rate", "best rate found = 2/(λmin + λmax)", best[0],
                    2 / (flat + steep), rtol=1e-9,
                    reason="the contraction factors are good to 1e-15, the grid to 1e-10"),
        Check.close("best-contraction", "its contraction factor = (κ − 1)/(κ + 1)", best[1],
                    (steep - flat) / (steep + flat), atol=1e-9,
                    reason="the slopes of V-shaped curves times the error of the rate"),
    ]  # fmt: skip


def check_schedule(options, X, y, weak, rates, by_hand, in_keras):
    eigenvalues = references.curvature(X)[0]
    parts = components(X, y, by_hand)
    factors = np.cumprod(1 - rates[: len(parts) - 1, None] * eigenvalues, axis=0)
    predicted = at_start(X, y) * np.vstack([np.ones(len(eigenvalues)), factors])
    limit = 2 / eigenvalues[-1]  # η_t falls below it after so many steps
    turn = np.ceil((START_RATE / limit - 1) / STRONG_DECAY) if STRONG_DECAY else SCHEDULE_STEPS
    turn = np.clip(turn, 0, len(rates)) if START_RATE > limit else 0
    growing = np.argmax(np.abs(parts[:, -1])) if np.all(np.isfinite(parts)) else np.nan
    steps, near = keras_tolerance(X, y, by_hand, rates[: len(parts) - 1], options,
                                  rounded(X, by_hand))  # fmt: skip
    shown = by_hand if other_model() else in_keras
    found = []
    if len(parts) > turn:  # it has not diverged before
        name = "distance grows while η_t > 2/λmax" if turn else "η_t is below 2/λmax"
        found = [Check.close("turn", f"decay: {name}", growing, turn)]
    sizes = np.maximum.accumulate(np.abs(predicted).max(axis=1))[:, None]
    return [
        Check.close("weak-decay", f"InverseTimeDecay = η/(1 + {DECAY:g} t)", list(weak.values()),
                    [LEARNING_RATES[0] / (1 + DECAY * t) for t in weak],
                    rtol=3 * np.finfo(options.dtype).eps, agreement=np.finfo("float32").eps,
                    reason="a sum, a product and a quotient in the schedule's own dtype"),
        Check.close("strong-decay", "strong decay: distance = Π (1 − η_t λ)", parts, predicted,
                    atol=NUMPY * sizes, reason="roundings, relative to the largest so far"),
        *found,
        Check.close("schedule-keras", "strong decay: w, b, Keras = NumPy", shown[:steps],
                    by_hand[:steps], atol=near, agreement=largest(near, by_hand[:steps]),
                    reason="Keras's roundings of the predictions, multiplied by 1 − η_t λ",
                    ).unless(other_model()),
    ]  # fmt: skip


def check_scaling(options, y, exploding, plain, standardised):
    X, both = plain["X"], (plain, standardised)
    eigenvalues = [references.curvature(way["X"])[0] for way in both]
    kappa = np.array([each[-1] / each[0] for each in eigenvalues])
    start, first = components(X, y, plain["path"][:2])
    growth = np.linalg.norm(exploding - references.least_squares(X, y), axis=1)
    r = abs(np.corrcoef(X.T)[0, 1])
    grown = np.linalg.norm(references.modes(X, y, 1 / eigenvalues[0][0], 5)[1], axis=1)
    names, paths, predicted = ("plain", "standardised"), [], []
    for way, each in zip(both, eigenvalues):
        eta, steps = 2 / (each[0] + each[-1]), len(way["path"]) - 1
        minimum, distance = references.modes(way["X"], y, eta, steps)
        paths.append(minimum + distance)
        predicted.append(steps_until(np.linalg.norm(distance, axis=1)))
    return [
        Check.close("ill-contraction", "ill-conditioned: 1 − ηλ = ±(κ − 1)/(κ + 1)",
                    (first / start)[[0, -1]], (kappa[0] - 1) / (kappa[0] + 1) * np.array([1, -1]),
                    atol=1e3 * EPS * (1 + np.linalg.norm(start)) / np.abs(start[[0, -1]]),
                    reason="one step's roundings, beside the component"),
        Check.close("plain-paths", "both ways: w, b at every step = closed form",
                    {name: way["path"] for name, way in zip(names, both)},
                    dict(zip(names, paths)),
                    rtol={name: 20 * EPS * (10 + k) for name, k in zip(names, kappa)},
                    reason="λmin has a rounding of λmax, and t is about κ"),
        Check.close("ill-growth", "growth per step at the rate 1/λmin = κ − 1",
                    growth[5] / growth[4], kappa[0] - 1,
                    atol=abs(grown[5] / grown[4] - kappa[0] + 1) + 1e-11 * kappa[0],
                    reason="the fourth step has still a little of the other directions"),
        Check.close("kappa", "κ = (σmax/σmin)² of [X 1]", [way["kappa"] for way in both],
                    [np.linalg.cond(references.with_ones(way["X"])) ** 2 for way in both],
                    atol=20 * EPS * kappa * (1 + kappa), reason="λmin has a rounding of λmax"),
        Check.close("kappa-standardised", "κ, standardised = (1 + |r|)/(1 − |r|)",
                    standardised["kappa"], (1 + r) / (1 - r), atol=20 * EPS * kappa[1] ** 2,
                    reason="r: the features' correlation; 1 − |r| has a rounding of 1"),
        Check.close("steps", "steps, before and after standardising",
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
    start = at_start(X, y)
    flat = np.array([e[:, 0] / start[0] for e in parts.values()])
    # κ's rounding is that of λmax/λmin; M's powers, of two equal eigenvalues, grow with √κ steps.
    precise = 25 * EPS * root**2
    swings = [swing(e) * np.abs(start).max() / np.abs(start[0]) for e in parts.values()]
    T = min(MOMENTUM_STEPS // 4, int(np.log(1e-9) / np.log(rho).min() / 2))
    shown = by_hand if other_model() else in_keras
    contraction = []
    if T > 0:
        factors = (flat[:, 2 * T] / flat[:, T]) ** (1 / T)
        contraction.append(
            Check.close("momentum-contraction", f"factor from step {T} to {2 * T}, ÷ ρ",
                        factors / rho, np.full(2, (2 ** (1 / T) + 1) / 2),
                        atol=(2 ** (1 / T) - 1) / 2,
                        reason="between T and 2T the factor 1 + ct grows, at most twofold")
        )  # fmt: skip
    return [
        Check.close("momentum", "momentum: distance at every step = M^t", parts, predicted,
                    rtol=precise, reason="κ's rounding is that of λmax/λmin"),
        Check.close("radius", "eigenvalues of M = (√κ − 1)/(√κ + 1), 1 − 1/√κ", radii, rho,
                    atol=1e-7, reason="two equal eigenvalues are good to the root of a rounding"),
        Check.close("flattest", "flattest direction = (1 + ct) ρ^t", flat,
                    (1 + c[:, None] * t) * rho[:, None] ** t, atol=precise * np.array([swings]).T,
                    reason="roundings of the largest component"),
        *contraction,
        Check.close("momentum-steps", "heavy ball, Nesterov: steps = predicted", steps, counts),
        *[Check.keras(f"{id}-keras", f"{name}: w, b, Keras = NumPy", shown[name],
                      by_hand[name], options.dtype, own_loss=True,
                      size=rounded(X, by_hand[name]) * swing(parts[name]),
                      reason="Keras's roundings, relative to the largest prediction, swing out too",
                      ).unless(other_model())
          for id, name in (("heavy-ball", "heavy ball"), ("nesterov", "Nesterov"))],
    ]  # fmt: skip


def rounded(X, path):
    """The largest prediction on the path, beside the largest weight."""
    return np.abs(path[:, :-1] @ X.T + path[:, -1:]).max() / np.abs(path).max()


def swing(parts):
    """How far the steepest component swings out, and so does every rounding on the way."""
    return np.abs(parts[:, -1] / parts[0, -1]).max()
