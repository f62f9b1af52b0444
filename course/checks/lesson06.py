"""Why lesson 6's numbers must be what they are.

The costs are scikit-learn's `metrics`, and the formulas for ∂J/∂z are differences of the costs.
A probability p costs −ln p, and clipped at ε it costs −ln ε. The steps of a saturated sigmoid
follow from a differential equation, and what a softmax costs at the best, where the labels are
independent, from its convexity. The trained weights are `LogisticRegression`'s, which minimises
C · (sum of the costs of all rows and labels) + ½ ‖W‖²; divided by C · terms that is the lesson's
mean and its penalty. Whether descent gets there, and after how many steps, follows from the
curvature of the cost (`contraction`).
"""

import functools
from functools import partial

import keras
import numpy as np

from course import costs, lesson06 as lesson
from course.checks import Check, by_section, references, tolerance
from course.checks.constants import BELOW_1, between, whole
from course.checks.models import unlike_linear
from course.checks.tolerance import NUMPY
from course.lesson06 import (
    EPSILON,
    FAR,
    FLOOR_RATE,
    FLOOR_STEPS,
    LEARNING_RATE,
    MOMENTUM,
    SATURATED,
    SATURATED_RATE,
    TINY,
    C,
)

# Keras's own losses average in float32 on JAX and PyTorch, whatever comes in: a few roundings of
# 6e-8, relative to the cost.
KERAS_LOSS = 1e-6

# Roundings in double precision, by hand and in Keras, and where Keras computes in single precision.
# The largest number there is 3e38, and the penalty squares the weights.
DOUBLE, SINGLE, MAX_SINGLE = 4e-16, 6e-8, 1e15

SMALL = between(0, 0.5, "a number above 0 and below 0.5")
RATE = between(0, 1e6, "a number above 0 and below 1,000,000")

CONSTANTS = {  # what the page's constants may be
    "EPSILON": SMALL,
    "TINY": SMALL,
    "FAR": between(0, 1e30, "a number above 0 and below 1e30"),
    "SATURATED": between(-600, 0, "a number above -600 and below 0"),  # exp 600 is 4e260
    "SATURATED_RATE": RATE,
    "SATURATED_STEPS": whole(1),
    "MSE_STEPS": whole(1),
    "C": between(1e-9, 1e9, "a number above 1e-9 and below 1e9"),
    "STEPS": whole(1),
    "LEARNING_RATE": RATE,
    "MOMENTUM": BELOW_1,
    "FLOOR_RATE": between(0, 6, "a number above 0 and below 6 (above, it diverges)"),
    "FLOOR_STEPS": whole(1),
}


def checks(measured, options):
    """All checks of the lesson on what `lesson06.run` measured."""
    sections = {
        "examples": check_examples, "clip": check_clip, "saturated": check_saturated,
        "floor": check_floor, "iris": partial(check_fit, "iris"),
        "labels": partial(check_fit, "labels"),
    }  # fmt: skip
    return by_section(sections, measured, options)


@functools.cache
def not_for(momentum=0.0):
    """In what the page's model is not the one that the predictions are for: "not for Adam"."""
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model = lesson.build_model(1, 1, loss, 0.5, momentum, 0.25, start=2.0)
    why = unlike_linear(model, loss=loss, start=2, momentum=momentum, nesterov=True)
    if why:
        return why
    penalty = model.layers[0].kernel_regularizer
    return "" if isinstance(penalty, keras.regularizers.L2) else "not for this penalty"


def rounding_of_keras(dtype, rows=1, *factors):
    """What every number of a step is rounded by, as a fraction: ten times, or √n in a sum of n.

    Args:
        factors: momentum and penalty, which TensorFlow rounds to float32. The lesson's own are
            such that this changes nothing: 7/8, and C makes the penalties 1/256 and 1/1024.
    """
    exact = all(float(np.float32(factor)) == factor for factor in factors)
    double = exact and tolerance.keras(dtype, own_loss=True)[0] <= NUMPY
    return max(10, np.sqrt(rows)) * (DOUBLE if double else SINGLE)


TRIED = 1e-9


def led_on(unit, start, steps, X, output, gradient, rate, momentum=0.0, shrink=0.0):
    """How far roundings lead, at each step, by trying it out on a descent of the proof's own.

    Beside it another has every number of a step off by 1e-9, up or down.

    Args:
        unit: what every number of a step is rounded by, as a fraction.
        start: θ₀, shape (p + 1, k).
        gradient: from what is predicted, p, to ∂J/∂z.
        shrink: what the penalty adds to the gradient, for each unit of θ.

    Returns:
        Shape (steps + 1,); infinite once roundings grow as large as the path itself, or θ
        larger than single precision can square.
    """
    A, signs, theta, velocity = references.with_ones(X), np.random.default_rng(0), start, 0 * start
    beside, speed, size = off(theta, signs), velocity, np.abs(start).max()
    led = [TRIED * size]
    while len(led) <= steps:
        step = -rate * (A.T @ gradient(output(A @ theta)) + shrink * theta)
        velocity = momentum * velocity + step
        theta = theta + momentum * velocity + step
        in_z = gradient(off(output(off(A @ beside, signs)), signs))
        sums = np.abs(A.T) @ np.abs(in_z)  # before anything cancels
        step = -rate * (A.T @ in_z + off(sums, signs) - sums + shrink * off(beside, signs))
        speed = off(momentum * speed, signs) + step
        beside = off(beside + momentum * speed + step, signs)
        size, largest = max(size, np.abs(theta).max()), np.abs(beside - theta).max()
        if max(1, unit / TRIED) * largest > 1e-3 * size or size > MAX_SINGLE:
            break
        led.append(largest)
    led = np.append(led, np.full(steps + 1 - len(led), np.inf))
    return unit / TRIED * np.maximum.accumulate(led)


def off(values, signs):
    return values * (1 + TRIED * signs.choice([-1, 1], values.shape))


def in_keras_too(id, name, in_keras, by_hand, rounding, why_not):
    """A check of Keras's weights; of another model, which may have other weights, an empty one."""
    if why_not:
        return Check.true(id, name, False).unless(why_not)
    return Check.close(id, name, in_keras, by_hand, atol=rounding,
                       agreement=max(1e-9, np.max(rounding)),
                       reason="roundings of Keras, led on by each step")  # fmt: skip


def every_step(id, name, in_keras, by_hand, rounding, why_not):
    """Keras = NumPy at every step, or at the first steps, until roundings are all there is.

    Args:
        rounding: of each step's weights, shape (steps + 1, 1), or (steps + 1, weights).
    """
    by_hand = by_hand.reshape(len(by_hand), -1)
    known = np.isfinite(rounding).all(axis=1)
    first = len(known) if known.all() else int(np.argmin(known))
    steps = "every step" if known.all() else f"first {first} steps"
    return in_keras_too(id, name.format(steps), in_keras[:first], by_hand[:first],
                        rounding[:first], why_not)  # fmt: skip


def check_examples(options, rows, found, by_hand, in_keras):
    z, classes, labels, weights = rows
    y = np.eye(z.shape[1])[classes]
    numpy, numpy_weighted = (costs_by_hand(z, classes, labels, w) for w in (None, weights))
    sklearn, sklearn_weighted = (in_scikit_learn(z, classes, labels, w) for w in (None, weights))
    keras_, keras_sum, keras_mean = costs_in_keras(z, classes, labels, weights)
    J = {
        "softmax + cross entropy": lambda z: costs.cross_entropy(y, z, from_logits=True),
        "sigmoid + cross entropy": lambda z: costs.binary_cross_entropy(
            labels, z, from_logits=True
        ),
        "sigmoid + MSE": lambda z: costs.mean_squared_error(labels, costs.sigmoid(z)),
    }
    formulas = {
        "softmax + cross entropy": "(p − y)/n",
        "sigmoid + cross entropy": "(p − y)/(mn)",
        "sigmoid + MSE": "2 (p − y) p (1 − p)/(mn)",
    }
    gradients = []
    for name, formula in formulas.items():
        slug = name.lower().replace(" + ", "-").replace(" ", "-")
        numeric = references.central_difference(J[name], z)
        gradients += [
            Check.close(f"{slug}-numeric", f"{name}: ∂J/∂z = numeric", by_hand[name],
                        numeric, atol=1e-9,
                        reason=f"{formula}; roundings of 1e-16 over 2h = 2e-5, and h² = 1e-10"),
            Check.keras(f"{slug}-automatic", f"{name}: ∂J/∂z = automatic", in_keras[name],
                        by_hand[name], options.dtype, own_loss=True),
        ]  # fmt: skip
    return [
        Check.close("costs", "costs by hand = scikit-learn", numpy, sklearn, atol=NUMPY),
        keras_cost("costs-keras", "costs, Keras = scikit-learn", keras_, sklearn),
        Check.close("weighted", "weighted costs by hand = scikit-learn", numpy_weighted,
                    sklearn_weighted, atol=NUMPY),
        # Keras divides Σ wᵢcᵢ by n, scikit-learn by Σ wᵢ. With reduction="mean_with_sample_weight"
        # Keras does, too.
        keras_cost("weighted-keras", "weighted, Keras = mean weight × scikit-learn",
                   keras_sum, weights.mean() * sklearn_weighted),
        keras_cost("weighted-mean-keras",
                   "weighted mean in Keras = scikit-learn", keras_mean,
                   sklearn_weighted),
        Check.close("shown", "costs shown = scikit-learn", list(found.values()), sklearn[[1, 2, 6]],
                    atol=NUMPY),
        *gradients,
    ]  # fmt: skip


def cases(z, classes, labels):
    """Eight times (cost by hand, the name of Keras's class, targets, predictions, keywords)."""
    y, p, q = np.eye(z.shape[1])[classes], costs.softmax(z), costs.sigmoid(z)
    logits = {"from_logits": True}
    return [
        (costs.mean_squared_error, "MeanSquaredError", labels[:, :1], z[:, :1], {}),
        (costs.mean_squared_error, "MeanSquaredError", labels, z, {}),
        (costs.cross_entropy, "CategoricalCrossentropy", y, p, {}),
        (costs.cross_entropy, "CategoricalCrossentropy", y, z, logits),
        (costs.sparse_cross_entropy, "SparseCategoricalCrossentropy", classes, p, {}),
        (costs.sparse_cross_entropy, "SparseCategoricalCrossentropy", classes, z, logits),
        (costs.binary_cross_entropy, "BinaryCrossentropy", labels, q, {}),
        (costs.binary_cross_entropy, "BinaryCrossentropy", labels, z, logits),
    ]


def costs_by_hand(z, classes, labels, weights):
    return [J(a, b, weights=weights, **how) for J, _, a, b, how in cases(z, classes, labels)]


def costs_in_keras(z, classes, labels, weights):
    """The eight costs in Keras; with weights; with weights and their mean; shape (3, 8)."""
    found = []
    for _, name, target, prediction, how in cases(z, classes, labels):
        loss = getattr(keras.losses, name)
        mean = loss(reduction="mean_with_sample_weight", **how)
        found.append([loss(**how)(target, prediction), loss(**how)(target, prediction, weights),
                      mean(target, prediction, weights)])  # fmt: skip
    return np.array([[float(value) for value in row] for row in found]).T


def in_scikit_learn(z, classes, labels, weights):
    """The eight costs by sklearn.metrics, with SciPy's softmax and sigmoid."""
    from scipy import special
    from sklearn import metrics

    squared = [metrics.mean_squared_error(a, b, sample_weight=weights)
               for a, b in ((labels[:, 0], z[:, 0]), (labels, z))]  # fmt: skip
    p = special.softmax(z, axis=1)
    exclusive = metrics.log_loss(classes, p, sample_weight=weights, labels=range(z.shape[1]))
    # log_loss takes one label at a time; all rows and labels in one column are the same mean.
    each = None if weights is None else weights.repeat(z.shape[1])
    binary = metrics.log_loss(labels.ravel(), special.expit(z).ravel(), sample_weight=each)
    return np.array([*squared, *[exclusive] * 4, *[binary] * 2])


def keras_cost(id, name, measured, reference):
    """Each cost in Keras, to KERAS_LOSS of its own size."""
    size = np.abs(reference)
    return Check.close(
        id, name, measured, reference, atol=KERAS_LOSS * size, agreement=KERAS_LOSS,
        reason="Keras averages its losses in float32 on JAX and PyTorch",
    )  # fmt: skip


def check_clip(options, by_hand, clipped, in_keras, logits, gradient_in_p, gradient_in_z):
    # The same as one label that is on: binary cross entropy by hand and in Keras.
    on, zero, tiny, far = (np.array([[value]]) for value in (1.0, 0.0, TINY, -FAR))
    label, keras_label = costs.binary_cross_entropy, keras.losses.BinaryCrossentropy
    from_z = float(keras_label(from_logits=True)(on, far))
    in_use = keras.config.epsilon()
    # exp(−cost) of p = 0 is what p is clipped to.
    epsilon = Check.close("epsilon", "ε = Keras's epsilon", EPSILON, np.exp(-in_keras[0]),
                          rtol=KERAS_LOSS * -np.log(in_use))  # fmt: skip
    # −ln softmax of z = (−FAR, 0), and its derivatives.
    costs_far, p = np.logaddexp(0, FAR), np.exp(-FAR) / (1 + np.exp(-FAR))
    flat = TINY < in_use
    return [
        epsilon.unless("" if EPSILON == in_use else f"not: Keras's is {in_use:g}"),
        Check.true("infinite", "cost of p = 0 is infinite", np.isposinf(by_hand[0])),
        Check.close("unclipped", f"cost of p = {TINY:.4g} = −ln p", [by_hand[1], label(on, tiny)],
                    [-np.log(TINY)] * 2, rtol=NUMPY),
        Check.close("clipped", "clipped by hand = −ln ε, or −ln p if p > ε",
                    [*clipped, label(on, zero, clip=EPSILON)],
                    -np.log([EPSILON, max(EPSILON, TINY), EPSILON]), rtol=NUMPY),
        keras_cost("clipped-keras", "clipped in Keras = the same with its ε",
                   [*in_keras, float(keras_label()(on, zero))],
                   -np.log([in_use, max(in_use, TINY), in_use])),
        Check.close("logits", f"z = −{FAR:.4g} costs {costs_far:.4g} from logits",
                    [logits[0], label(on, far, from_logits=True)], [costs_far] * 2, rtol=NUMPY),
        keras_cost("logits-keras", "the same in Keras", [logits[1], from_z], [costs_far] * 2),
        # Unclipped, −ln of p over the sum of both; below ε the cost is flat.
        Check.close("flat-below-clip", f"∂J/∂p, {'clipped' if flat else 'not clipped'}, Keras = "
                    f"{'0' if flat else '1 − 1/p, 1'}", gradient_in_p,
                    [[0, 0] if flat else [1 - 1 / TINY, 1]], rtol=0 if flat else KERAS_LOSS)
        .unless("not at the very ε" if np.isclose(TINY, in_use, rtol=KERAS_LOSS) else ""),
        Check.keras("gradient-logits", "∂J/∂z, Keras = p − y", gradient_in_z, [[p - 1, 1 - p]],
                    options.dtype, own_loss=True),
    ]  # fmt: skip


def check_saturated(options, by_hand, in_keras):
    """With x = 1 a step adds −2η ∂J/∂z to z = w + b, since w and b move alike.

    Small steps follow dz/dt = −2η ∂J/∂z, which takes, from z₀ to z = 0 where p = ½, as many
    steps as these grow between the two:

        cross entropy   1/(2η) · [z + exp z]
        MSE             1/(4η) · [3z + 3 exp z + ½ exp 2z − exp(−z)]

    A step of any size goes on at the speed of its start. While the gradient grows, under MSE
    until p = ⅓, steps fall behind the equation, all together by at most ln of that growth; while
    it falls, by half at most, they get ahead, by at most one step.
    """
    eta, p, e = SATURATED_RATE, 1 / (1 + np.exp(-SATURATED)), np.exp(SATURATED)
    slopes = {"MSE": -2 * (1 - p) * p * (1 - p), "cross entropy": -(1 - p)}
    small_steps = {
        "MSE": (-3 * SATURATED + 3 * (1 - e) + (1 - e**2) / 2 - (1 - 1 / e)) / (4 * eta),
        "cross entropy": (-SATURATED + 1 - e) / (2 * eta),
    }
    lag = {"MSE": np.log(4 / 27 / (p * (1 - p) ** 2)), "cross entropy": 0.0}
    gradients = {"MSE": lambda p: 2 * (p - 1) * p * (1 - p), "cross entropy": lambda p: p - 1}
    steps = min(len(path) for path in [*in_keras.values(), *by_hand.values()]) - 1
    unit, why_not = rounding_of_keras(options.dtype), not_for()

    first, led, found = [], [], []
    for name, path in by_hand.items():
        one = np.ones((1, 1))
        start = np.full((2, 1), SATURATED / 2)
        led.append(led_on(unit, start, steps, one, costs.sigmoid, gradients[name], eta))
        first.append((in_keras[name][0, 0] - in_keras[name][1, 0]) / eta)
        found.append(until_half(name, path, small_steps[name], lag[name]))
    at_both = [np.hstack([path[: steps + 1].reshape(steps + 1, -1) for path in paths.values()])
               for paths in (in_keras, by_hand)]  # fmt: skip
    ends = {name: costs.sigmoid(path[[0, steps]].sum(axis=(1, 2)))
            for name, path in by_hand.items()}  # fmt: skip
    of_slopes = unit * (1 - SATURATED / eta)
    return [
        Check.close("first-slopes", "saturated: first slopes, Keras = formula", first,
                    list(slopes.values()), atol=of_slopes, agreement=max(1e-9, of_slopes),
                    reason="roundings of w and b, divided by η").unless(why_not),
        every_step("saturated-keras", "saturated: {}, Keras = NumPy", *at_both,
                   np.repeat(np.column_stack(led), 2, axis=1), why_not),
        *found,
        *costs_left(steps, ends),
    ]  # fmt: skip


def until_half(name, path, small_steps, lag):
    """The steps that it takes until p = ½, from `small_steps` on at most `lag` + 1 more."""
    z, taken = path.sum(axis=(1, 2)), len(path) - 1
    id = f"steps-{name.lower().replace(' ', '-')}"
    if z.max() < 0:
        return Check.at_least(id, f"{name}: p < ½ for all {taken:,} steps",
                              small_steps + lag + 1, taken)  # fmt: skip
    return Check.close(id, f"steps until p = ½, {name}", np.argmax(z >= 0), small_steps + lag / 2,
                       atol=1 + lag / 2, reason="a step counts whole, and goes on at the speed"
                       " of its start")  # fmt: skip


def costs_left(steps, ends):
    """What remains of both costs after a few steps, from bounds on z.

    Under MSE a step adds 4η p (1 − p)² < 4η exp z to z: so exp(−z) falls by at most 4η a step.
    Under cross entropy, whose gradient falls, z gets ahead of the equation, that is, of
    z + exp z = 2ηt + z₀ + exp z₀.

    Args:
        ends: {cost: p at the start and after the steps}.
    """
    from scipy import special

    (start, end), (first, last) = ends["MSE"], ends["cross entropy"]
    odds = np.exp(-SATURATED) - 4 * SATURATED_RATE * steps  # (1 − p)/p, at least
    K = 2 * SATURATED_RATE * steps + SATURATED + np.exp(SATURATED)
    most = np.log1p(1 / special.wrightomega(K)) / np.logaddexp(0, -SATURATED)
    left = Check.at_most("cross-entropy-cost-left", f"cross entropy left after {steps:,} steps",
                         np.log(last) / np.log(first), most * (1 + NUMPY))  # fmt: skip
    if odds <= 0:  # nothing is known of the MSE
        return [left]
    least = (odds / (1 + odds) * (1 + np.exp(SATURATED))) ** 2
    return [
        Check.at_least("mse-cost-left", f"MSE left after {steps:,} steps",
                       ((1 - end) / (1 - start)) ** 2, least * (1 - NUMPY)),
        left,
    ]  # fmt: skip


def check_floor(options, softmax, sigmoid):
    """−ln p and −ln(1 − p) are convex, so equal probabilities are best, p = 1/m: this costs ln m
    for m labels all on and −ln(1 − 1/m) for labels all off. A sigmoid has no such floor."""
    from scipy import special

    floor = np.log([3, 3 / 2])
    # At p = ⅓ the cost has the curvature ⅓ for labels all on, 1/12 for labels all off.
    factors = np.abs(1 - FLOOR_RATE * np.array([1 / 3, 1 / 12]))
    there = FLOOR_RATE < 4 and np.all(factors**FLOOR_STEPS < 1e-9)  # 4: 2/λmax anywhere, λ ≤ ½
    name = "softmax, all on, off"
    least = Check.at_least("softmax-floor", f"{name} ≥ ln m, −ln(1 − 1/m)", softmax,
                           floor * (1 - NUMPY))  # fmt: skip
    best = Check.close(least.id, f"{name} = ln m, −ln(1 − 1/m)", softmax, floor, atol=1e-9)
    # A sigmoid gets ahead of z + exp z = ηt/3 + z₀ + exp z₀; no normal z₀ is below −7.
    most = np.log1p(1 / special.wrightomega(FLOOR_RATE * FLOOR_STEPS / 3 - 7))
    small = np.all(most <= floor / 10)
    return [
        best if there else least,
        Check.at_most("sigmoid-below", "sigmoid costs a tenth of it or less" if small else
                      f"sigmoid costs {most:.3g} or less", sigmoid,
                      floor / 10 if small else [most] * 2),
    ]  # fmt: skip


def contraction(X, y, theta, exclusive, rate):
    """The factor by which a step multiplies the distance to a minimum, were J quadratic as at θ.

    Returns it, the rate from which on it is above 1, and the smallest eigenvalue.

    Along an eigenvector of J's Hessian, of eigenvalue λ, Nesterov's descent with momentum β leads
    from d to r d with r² − (1 + β)(1 − ηλ) r + β (1 − ηλ) = 0.
    """
    A, outputs = references.with_ones(X), np.eye(y.shape[1])
    p = (costs.softmax if exclusive else costs.sigmoid)(A @ theta)
    inner = np.einsum("nj,jk->njk", p if exclusive else p * (1 - p), outputs)
    if exclusive:
        inner -= np.einsum("nj,nk->njk", p, p)
    terms = len(X) if exclusive else y.size
    H = np.einsum("na,nb,njk->ajbk", A, A, inner, optimize=True).reshape(theta.size, -1) / terms
    penalised = np.append(np.ones(X.shape[1]), 0).repeat(y.shape[1])
    eigenvalues = np.linalg.eigvalsh(H + np.diag(penalised) / (C * terms))
    # All intercepts of a softmax may grow alike, which costs nothing and never happens.
    eigenvalues = eigenvalues[1:] if exclusive else eigenvalues
    roots = [np.roots([1, -(1 + MOMENTUM) * a, MOMENTUM * a]) for a in 1 - rate * eigenvalues]
    limit = (2 + 2 * MOMENTUM) / (1 + 2 * MOMENTUM) / eigenvalues[-1]
    return np.abs(np.concatenate(roots)).max(), limit, eigenvalues[0]


def check_fit(name, options, X, y, by_hand, in_keras):
    exclusive, steps, end = name == "iris", len(by_hand) - 1, by_hand[-1]
    terms = len(X) if exclusive else y.size
    output = costs.softmax if exclusive else costs.sigmoid
    rate, penalty = LEARNING_RATE * terms / len(X), 1 / (2 * C * terms)
    shrink = 2 * penalty * np.append(np.ones(X.shape[1]), 0)[:, None]
    unit = rounding_of_keras(options.dtype, len(X), MOMENTUM, penalty)
    start = np.zeros((X.shape[1] + 1, y.shape[1]))
    rounding = led_on(unit, start, steps, X, output, lambda p: (p - y) / terms, rate, MOMENTUM,
                      shrink)  # fmt: skip
    why_not = not_for(MOMENTUM)
    paths = every_step(f"{name}-keras", f"{name}: {{}}, Keras = NumPy", in_keras, by_hand,
                       rounding[:, None], why_not)  # fmt: skip
    exact = logistic_regression(X, y, exclusive)
    factor, limit, flattest = contraction(X, y, exact, exclusive, rate)
    slowest = max(factor, contraction(X, y, start, exclusive, rate)[0])
    size = np.linalg.norm(exact)
    if factor > 1:
        limit *= LEARNING_RATE / rate
        return [
            paths,
            Check.at_least(f"{name}-sklearn", f"{name}: {LEARNING_RATE:.3g} is above {limit:.3g}: "
                           "never settles", np.linalg.norm(end - exact), 1e-6 * size,
                           reason=f"near the minimum a step leads away, by {factor:.3g}"),
        ]  # fmt: skip
    # The two roots r of a mode may be equal: then its distance is t rᵗ.
    rest = size * (steps + 1) * min(1, slowest) ** steps
    if slowest > 1 or rest > 1e-6 * size or np.isinf(rounding[-1]):
        return [paths]  # it may still be on its way, or swing at first
    rest += NUMPY / flattest + NUMPY / unit * rounding[-1]
    reach = 2 * (1 + np.abs(X).sum(axis=1).max())  # by how much J moves with θ, at most
    why = "what remains of the distance; scikit-learn stops at a gradient of 1e-12"
    return [
        paths,
        Check.close(f"{name}-sklearn", f"{name}: W, b by hand = scikit-learn", end, exact,
                    atol=rest, reason=why),
        in_keras_too(f"{name}-keras-sklearn", f"{name}: W, b in Keras = scikit-learn",
                     in_keras[-1], exact.ravel(), rest + 2 * rounding[-1], why_not),
        Check.close(f"{name}-log-loss", f"{name}: log-loss = scikit-learn",
                    log_loss(X, y, end, exclusive), sklearn_log_loss(X, y, exact, exclusive),
                    atol=reach * rest, reason=why),
    ]  # fmt: skip


def logistic_regression(X, y, exclusive):
    """scikit-learn's W with b below it: one fit for exclusive classes, else one for each label."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    fits = []
    if exclusive and y.shape[1] == 2:  # scikit-learn's one column is w₁ − w₀, penalised by half
        model.set_params(C=2 * C).fit(X, y[:, 1])
        half = np.vstack([model.coef_.T, model.intercept_]) / 2
        return np.hstack([-half, half])
    for target in [y.argmax(axis=1)] if exclusive else y.T:
        model.fit(X, target)
        fits.append(np.vstack([model.coef_.T, model.intercept_]))
    return np.hstack(fits)


def log_loss(X, y, theta, exclusive):
    J = costs.cross_entropy if exclusive else costs.binary_cross_entropy
    return J(y, X @ theta[:-1] + theta[-1], from_logits=True)


def sklearn_log_loss(X, y, theta, exclusive):
    from scipy import special
    from sklearn import metrics

    z = X @ theta[:-1] + theta[-1]
    if exclusive:
        return metrics.log_loss(y.argmax(axis=1), special.softmax(z, axis=1))
    return metrics.log_loss(y.ravel(), special.expit(z).ravel())
