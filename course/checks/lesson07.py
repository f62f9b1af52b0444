"""Why lesson 7's numbers must be what they are.

Gradients. The backward pass is held against differences of the cost, which know nothing of it,
and against the backend's automatic differentiation.

Keras. Rounding grows on the way: a weight changed by a rounding at every step ends hundreds of
times that far away, from a few starts much further. So each of Keras's steps is done again by
hand from Keras's own weights, and there no rounding can grow; over the whole way Keras may be as
far from the path by hand as roundings of that size at every step lead. (Roundings of float32 by
hand, from 3000 starts, led at most 2.5 times as far as the random ones here.)

XOR. Without a hidden activation the network is a plane: one side of it cannot hold both 0 1 and
1 0 without 0 0 or 1 1. Without any activation it is a linear fit, whose best is ½ everywhere, at
the cost 1.
"""

import numpy as np

from course.checks import Check, by_section, tolerance
from course.checks.constants import ABOVE_0, ANYTHING, whole
from course.checks.tolerance import NUMPY
from course.lesson07 import ITERATIONS, RATES, cost, draw_weights, forward, load_data, step

FLOAT32_STEP = 1e-6  # two roundings, in float32, of a weight of size 10
DIFFERENCES = "of a cost of about 1 the roundings of 1e-16, divided by 1e-3, per slope of 1e-5"


CONSTANTS = {  # what the page's constants may be
    "HIDDEN": whole(1),
    "LEARNING_RATE": ABOVE_0,
    "ITERATIONS": whole(1),
    "STARTS": whole(1),
    "RATES": ANYTHING,
    "HIDDEN_KINDS": ANYTHING,
    "LINEAR_RATE": ABOVE_0,
    "LINEAR_STEPS": whole(1),
    "ACTIVATIONS": ANYTHING,
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


def check_gradient(options, checked, found, by_hand, automatic):
    errors = [error for error, _ in checked]
    error, place = found
    return [
        Check.close("gradient-differences", "gradient by hand = differences, largest relative"
                    " error", errors, np.zeros(len(errors)), atol=1e-7, reason=DIFFERENCES),
        Check.close("wrong-found", "an entry 0.1 % too large is found", error, 0.001 / 1.001,
                    atol=1e-7, reason=DIFFERENCES),
        Check.true("wrong-named", "the weight is named", place == "W1[2, 3]"),
        Check.close("gradient-automatic", "gradients of 20 networks = automatic", flat(by_hand),
                    flat(automatic), atol=NUMPY),
    ]  # fmt: skip


def nudged_path(X, y, seed, steps, nudge):
    """The path by hand where every new weight is moved, up or down, as rounding might."""
    rng = np.random.default_rng(seed)
    path = [draw_weights(rng)]
    for _ in range(steps):
        path.append([W + nudge * rng.choice([-1, 1], W.shape) for W in step(X, y, *path[-1])])
    return [np.array(W) for W in zip(*path)]


def check_learning(options, by_hand, keras_costs, in_keras):
    X, y = load_data()
    costs, y_hat = cost(X, y, *by_hand), forward(X, *by_hand)[1][-1]
    again = step(X, y, *(W[:-1] for W in in_keras))
    rounding = min(tolerance.keras(options.dtype)[0], FLOAT32_STEP)
    # The gradient feels nothing of the rounding of Keras's loss: that of a sum is 1.
    of_loss, why = tolerance.keras(options.dtype, own_loss=True)
    of_loss = min(of_loss, FLOAT32_STEP)
    # Not measured from the path under check: a wrong one would allow itself anything.
    plain, nudged = (
        flat(nudged_path(X, y, options.seed, len(costs) - 1, size)) for size in (0.0, rounding)
    )
    allowed = 4 * np.abs(nudged - plain).max()
    one = "three roundings; two backends, each on its own way, differ by more"

    found = [
        Check.at_most("cost-falls", "the cost never rises: its largest change",
                      np.diff(costs).max(), 1e-15, reason="a rounding of a cost of about 1"),
        Check.close("step-keras", "each step, Keras = NumPy", flat([W[1:] for W in in_keras]),
                    flat(again), atol=3 * rounding, reason=one, agreement=allowed),
        Check.close("cost-keras", "each cost, Keras = NumPy", keras_costs,
                    cost(X, y, *in_keras), atol=3 * max(rounding, of_loss),
                    reason=f"three roundings; {why}", agreement=max(allowed, 3 * of_loss)),
        Check.close("path-keras", "every weight on the way, Keras = NumPy", flat(in_keras),
                    flat(by_hand), atol=allowed, agreement=allowed,
                    reason="four times as far as random roundings at every step lead"),
    ]  # fmt: skip
    if len(costs) > ITERATIONS:  # in fewer it may not have learnt yet
        found.append(Check.close("xor-learnt", "predictions, rounded, = targets", y_hat.round(), y,
                                 reason="whole numbers"))  # fmt: skip
    return found


def check_survey(options, starts, first_step, learnt):
    X, y = load_data()
    alone = {
        (kind, rate): np.array([step(X, y, *W, rate, kind)[0] for W in zip(*starts[kind])])
        for kind in starts for rate in RATES
    }  # fmt: skip
    return [
        Check.close("together-alone", "a step of 20 networks at once = each alone",
                    flat(first_step.values()), flat(alone.values()), atol=10 * NUMPY,
                    reason="of 1e-12, ten at the largest rate"),
        Check.close("linear-hidden", "without a hidden activation no network learns XOR",
                    learnt["linear"], np.zeros(len(RATES)), reason="whole numbers"),
    ]  # fmt: skip


def check_linear(options, cost, y_hat):
    X, y = load_data()
    solved = X @ np.linalg.lstsq(X, y, rcond=None)[0]
    return [
        Check.close("linear-cost", "linear network: cost = 1, and = least squares", [cost, cost],
                    [1, np.sum((solved - y) ** 2)], atol=NUMPY,
                    reason="the cost feels the square of a distance of 1e-8"),
        Check.close("linear-predictions", "linear network: predictions = ½", y_hat,
                    np.full((4, 1), 0.5), atol=1e-8, reason="the distance left after 3000 steps"),
    ]  # fmt: skip
