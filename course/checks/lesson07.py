"""Why lesson 7's numbers must be what they are.

Gradients. The backward pass is held against differences of the cost, which know nothing of it,
and against the backend's automatic differentiation.

Keras. Rounding grows on the way: a weight changed by a rounding at every step ends hundreds of
times that far away, from a few starts much further. So each of Keras's steps is done again by
hand from Keras's own weights, and there no rounding can grow; over the whole way Keras may be as
far from the path by hand as roundings of that size at every step lead. (Roundings of float32 by
hand, from 3000 starts, led at most 2.5 times as far as the random ones here.)

The cost falls along a step as long as its curvature on the way is below twice its slope (`falls`):
both are measured from costs alone.

XOR. Without a hidden activation the network is a plane: one side of it cannot hold both 0 1 and
1 0 without 0 0 or 1 1. Without any activation it is a linear fit, whose best is ½ everywhere, at
the cost 1; descent is followed in the one vector v = W₁W₂ that matters, without backpropagation.
All of 1000 starts of the page's 4 units learnt XOR in 1500/η iterations, with η = 1 and 0.3.
"""

import functools

import keras
import numpy as np
from scipy import optimize

from course import lesson07 as lesson
from course.checks import Check, by_section, tolerance
from course.checks.constants import ABOVE_0, Kind, one_of, several, whole
from course.checks.models import unlike
from course.checks.tolerance import NUMPY
from course.lesson07 import (
    ACTIVATIONS,
    HIDDEN,
    LEARNING_RATE,
    LINEAR_RATE,
    LINEAR_STEPS,
    RATES,
    cost,
    draw_weights,
    forward,
    load_data,
    step,
)

FLOAT32 = 1e-6  # of a weight of size 10: two roundings in float32
DIFFERENCES = "of a cost of about 1 the roundings of 1e-16, divided by 1e-3, per slope of 1e-5"


def is_table(value):
    """Whether every entry has a function and its slope, and the lesson's own are among them."""
    return isinstance(value, dict) and {"sigmoid", "linear"} <= value.keys() and all(
        isinstance(entry, tuple) and len(entry) == 2 and all(map(callable, entry))
        for entry in value.values()
    )  # fmt: skip


CONSTANTS = {  # what the page's constants may be
    "HIDDEN": whole(1),
    "LEARNING_RATE": ABOVE_0,
    "ITERATIONS": whole(1),
    "STARTS": whole(1),
    "RATES": several(ABOVE_0),
    "ACTIVATIONS": Kind("pairs of functions by name, sigmoid and linear among them", is_table),
    "HIDDEN_KINDS": several(one_of(*ACTIVATIONS)),
    "LINEAR_RATE": ABOVE_0,
    "LINEAR_STEPS": whole(1),
}


def checks(measured, options):
    """All checks of the lesson on what `lesson07.run` measured."""
    sections = {
        "gradient": check_gradient, "learning": check_learning, "survey": check_survey,
        "linear": check_linear,
    }  # fmt: skip
    return by_section(sections, measured, options)


def flat(weights):
    """All the numbers of a list of arrays in one row."""
    return np.concatenate([np.ravel(W) for W in weights])


@functools.cache
def not_for():
    """In what the page's model is not the network by hand: "not for Adam"."""
    model = lesson.build_model()
    loss = model.loss
    summed = isinstance(loss, keras.losses.MeanSquaredError) and loss.reduction == "sum"
    return unlike(
        model, layers=["Dense", "Dense"], activations=["sigmoid", "sigmoid"], bias=False
    ) or ("" if summed else "not for this loss")


def check_gradient(options, checked, found, by_hand, automatic):
    X, y = load_data()
    errors = [error for error, _ in checked]
    error, place = found
    # The cost is up to n, and the differences leave a term in (hx)⁴.
    size = max(1, len(y) / 4) * max(1, np.abs(X).max()) ** 4
    return [
        Check.close("gradient-differences", "gradient = differences, largest relative error",
                    errors, np.zeros(len(errors)), atol=1e-7 * size, reason=DIFFERENCES),
        Check.close("wrong-found", "an entry 0.1 % too large is found", error, 0.001 / 1.001,
                    atol=1e-7 * size, reason=DIFFERENCES),
        Check.true("wrong-named", "the weight is named",
                   place == f"W1[{X.shape[1] - 1}, {HIDDEN - 1}]"),
        Check.close("gradient-automatic", f"gradients of {len(by_hand[1])} networks = automatic",
                    flat(by_hand), flat(automatic),
                    atol=NUMPY * max(1, np.abs(flat(automatic)).max())),
    ]  # fmt: skip


def largest(X, y, W1, W2):
    """The size of what a step rounds: the weights, and η times the terms of their gradients.

    Args:
        W1, W2: of one network or of many; there is a size for each, with two axes of length 1.
    """
    weights = [np.abs(W).max(axis=(-2, -1), keepdims=True) for W in (W1, W2)]
    gradient = len(y) / 2 * (1 + 0.25 * np.abs(X).max() * weights[1])
    return np.maximum(*weights) + LEARNING_RATE * gradient


@functools.cache
def led_by_roundings(seed, steps, unit, paths=4):
    """How far from the path by hand those end whose every new weight is moved, up or down."""
    X, y = load_data()
    rng = np.random.default_rng(0)
    moved = unit * np.append(0, np.ones(paths))[:, None, None]  # one path is not
    start = draw_weights(np.random.default_rng(seed))
    weights = [np.repeat(W[None], paths + 1, axis=0) for W in start]
    far = 0.0
    for _ in range(steps):
        size = moved * largest(X, y, *weights)
        weights = [W + size * rng.choice([-1, 1], W.shape) for W in step(X, y, *weights)]
        far = max(far, *(np.abs(W[1:] - W[:1]).max() for W in weights))
    return far


def falls(X, y, path):
    """Whether every step is so short that the cost must fall.

    By Taylor's theorem J(θ + d) = J(θ) − |dJ/dτ| + ½ d²J/dτ² along a step d, the curvature being
    that somewhere on the way: it must be below twice the slope. It is measured in 21 places.
    """
    h = 0.05
    J = np.array([
        cost(X, y, *(W[:-1] + k * h * (W[1:] - W[:-1]) for W in path)) for k in range(-1, 22)
    ])  # fmt: skip
    slope, curvature = np.abs(J[2] - J[0]) / (2 * h), np.diff(J, 2, axis=0) / h**2
    return not np.any(curvature.max(axis=0) > np.maximum(1.9 * slope, 1e-12))  # a NaN is none


def check_learning(options, by_hand, keras_costs, in_keras):
    X, y = load_data()
    costs, y_hat = cost(X, y, *by_hand), forward(X, *by_hand)[1][-1]
    n_steps = len(costs) - 1
    size_of_cost = max(1, len(y) / 4)
    short = "" if falls(X, y, by_hand) else "not at so large a rate"
    found = [
        Check.at_most("cost-falls", "the cost never rises: its largest change",
                      np.diff(costs).max(), 1e-15 * size_of_cost,
                      reason="a rounding of a cost of about 1").unless(short),
        *check_keras(options, X, y, by_hand, keras_costs, in_keras),
    ]  # fmt: skip
    if not set(np.unique(y)) <= {0, 1}:
        return found
    # A cost below ¼ leaves no prediction on the wrong side of ½. Is it foreseen to get there?
    enough = HIDDEN == 4 and LEARNING_RATE <= 1 and n_steps * LEARNING_RATE >= 1500
    learns = (enough and is_xor(X, y)) or costs[-1] < 0.25
    found.append(Check.close("xor-learnt", "predictions, rounded, = targets", y_hat.round(), y,
                             reason="whole numbers")
                 .unless("" if learns else "not learnt yet"))  # fmt: skip
    return found


def is_xor(X, y):
    """Whether the rows are the lesson's own."""
    rows = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    return np.array_equal(X, rows) and np.array_equal(y, rows[:, :1] != rows[:, 1:2])


def check_keras(options, X, y, by_hand, keras_costs, in_keras):
    """Each step, each cost and the whole path of Keras; of another model there is none by hand."""
    names = {"step-keras": "each step, Keras = NumPy", "cost-keras": "each cost, Keras = NumPy",
             "path-keras": "every weight on the way, Keras = NumPy"}  # fmt: skip
    if not_for():
        return [Check.true(id, name, False).unless(not_for()) for id, name in names.items()]
    rounding = min(tolerance.keras(options.dtype)[0], FLOAT32)
    unit = rounding / 10
    # The gradient feels nothing of the rounding of Keras's loss: that of a sum is 1.
    of_loss, why = tolerance.keras(options.dtype, own_loss=True)
    of_loss = min(of_loss, FLOAT32)
    before = [W[:-1] for W in in_keras]
    again = step(X, y, *before)
    sizes = largest(X, y, *before)
    each = flat([np.broadcast_to(sizes, W.shape) for W in again])
    in_cost, y_hat = cost(X, y, *in_keras), forward(X, *in_keras)[1]
    # z = HW₂ has roundings of its terms and of those of H, and J feels 2 |ŷ − y| ŷ (1 − ŷ) of it.
    W1, W2 = (np.abs(W) for W in in_keras)
    terms = np.sum(W2 * (1 + np.abs(X).max() * W1.sum(axis=1)[..., None] / 4), axis=(1, 2))
    felt = np.sum(2 * np.abs(y_hat - y) * y_hat * (1 - y_hat), axis=(1, 2))
    in_cost_rounding = 3 * (of_loss * np.maximum(1, in_cost) + unit * felt * terms)
    # Not measured from the path under check: a wrong one would allow itself anything. Where the
    # weights hardly move they are rounded the same way at every step: these roundings add up.
    start = draw_weights(np.random.default_rng(options.seed))
    size = largest(X, y, *start).max()
    n_steps = len(in_cost) - 1
    allowed = 2 * led_by_roundings(options.seed, n_steps, unit) + n_steps * unit * size
    chaos = "" if allowed < 0.1 else "not: roundings lead anywhere"
    return [
        Check.close("step-keras", names["step-keras"], flat([W[1:] for W in in_keras]),
                    flat(again), atol=5 * unit * each, agreement=max(allowed, 1e-9),
                    reason="a few roundings; two backends, each on its own way, differ by more"),
        Check.close("cost-keras", names["cost-keras"], keras_costs, in_cost,
                    atol=in_cost_rounding, reason=f"three roundings; {why}",
                    agreement=max(allowed, 3 * of_loss)),
        Check.close("path-keras", names["path-keras"], flat(in_keras), flat(by_hand), atol=allowed,
                    agreement=max(allowed, 1e-9),
                    reason="twice as far as random roundings lead, and a steady one at every step")
        .unless(chaos),
    ]  # fmt: skip


def check_survey(options, starts, first_step, learnt):
    X, y = load_data()
    alone = {
        (kind, rate): np.array([step(X, y, *W, rate, kind)[0] for W in zip(*starts[kind])])
        for kind in starts for rate in RATES
    }  # fmt: skip
    unlike_xor = "" if set(np.unique(y)) <= {0, 1} else "not for these targets"
    if not unlike_xor and separable(X, y):
        unlike_xor = "not: a plane parts the targets"
    return [
        Check.close("together-alone", "a step of all networks at once = each alone",
                    flat(first_step.values()), flat(alone.values()), rtol=NUMPY),
        Check.close("linear-hidden", "no hidden activation: no network learns XOR",
                    learnt["linear"], np.zeros(len(RATES)), reason="whole numbers")
        .unless(unlike_xor),
    ]  # fmt: skip


def separable(X, y):
    """Whether some Xv is above 0 where y = 1 and below 0 where y = 0."""
    signs = 2 * y - 1
    none = np.zeros(X.shape[1])
    found = optimize.linprog(none, -signs * X, -np.ones(len(X)), bounds=(None, None))
    return found.status == 0


def linear_descent(X, y, W1, W2):
    """What the network without activations predicts at the end, by the gradient in v = W₁W₂."""
    for _ in range(LINEAR_STEPS):
        g = 2 * X.T @ (X @ (W1 @ W2) - y)
        W1, W2 = W1 - LINEAR_RATE * g @ W2.T, W2 - LINEAR_RATE * W1.T @ g
        if not np.abs(W1).max() < 1e20:
            break
    return X @ (W1 @ W2)


def check_linear(options, cost, y_hat):
    X, y = load_data()
    solved = X @ np.linalg.lstsq(X, y, rcond=None)[0]
    predicted = linear_descent(X, y, *draw_weights(np.random.default_rng(options.seed)))
    rest, size = np.abs(predicted - solved).max(), max(1, np.abs(y).max())
    lowest = np.sum((solved - y) ** 2)
    if not rest < 1e3 * size:
        grown = np.array([cost > 1e6 * size**2, np.abs(y_hat).max() > 1e3 * size])
        return [Check.true("linear-cost", f"linear network: {LINEAR_RATE:g} diverges", grown[:1]),
                Check.true("linear-predictions", "linear network: predictions diverge, too",
                           grown[1:])]  # fmt: skip
    close = rest < 1e-3 * size
    target, lowest = (solved, lowest) if close else (predicted, np.sum((predicted - y) ** 2))
    which = "least squares" if close else "predicted"
    here = bool(is_xor(X, y) and close)
    allowed = 1e-8 * size + close * rest
    in_cost = len(y) * allowed * (allowed + 2 * rest * (not close))
    return [
        Check.close("linear-cost", f"linear network: cost = {1 if here else which}"
                    + ", and = least squares" * here, [cost, cost], [1 if here else lowest, lowest],
                    atol=NUMPY * max(1, lowest) + in_cost,
                    reason="the cost feels the square of a distance"),
        Check.close("linear-predictions",
                    f"linear network: predictions = {'½' if here else which}", y_hat, target,
                    atol=allowed, reason="what remains of the distance after so many steps"),
    ]  # fmt: skip
