"""Why lesson 6's numbers must be what they are.

The costs are scikit-learn's `metrics`, and the formulas for ∂J/∂z are differences of the costs.
A probability of 10⁻¹² costs 12 ln 10, and clipped at ε = 10⁻⁷ it costs 7 ln 10. The steps of a
saturated sigmoid follow from a differential equation, and what a softmax costs at the best, where
the labels are independent, from its convexity. The trained weights are `LogisticRegression`'s,
which minimises C · (sum of the costs of all rows and labels) + ½ ‖W‖²; divided by C · terms that
is the lesson's mean and its penalty.
"""

from functools import partial

import keras
import numpy as np

from course import costs
from course.checks import Check, by_section, references
from course.checks.constants import ABOVE_0, BELOW_1, NUMBER, whole
from course.checks.tolerance import NUMPY
from course.lesson06 import EPSILON, FAR, SATURATED, SATURATED_RATE, STEPS, TINY, C

# Keras's own losses average in float32 on JAX and PyTorch, whatever comes in: a few roundings of
# 6e-8, relative to the cost.
KERAS_LOSS = 1e-6

# PyTorch multiplies matrices in float32, and --dtype float32 computes so throughout; the
# flattest direction multiplies that rounding.
FITTED = 1e-5

# On TensorFlow Keras rounds momentum and penalty to float32. So the lesson's are such that this
# changes nothing: 0.875 = 7/8, and C makes the penalties 1/256 (iris) and 1/1024 (labels).


CONSTANTS = {  # what the page's constants may be
    "EPSILON": NUMBER,
    "TINY": NUMBER,
    "FAR": NUMBER,
    "SATURATED": NUMBER,
    "SATURATED_RATE": ABOVE_0,
    "SATURATED_STEPS": whole(1),
    "MSE_STEPS": whole(1),
    "C": NUMBER,
    "STEPS": whole(1),
    "RATE": ABOVE_0,
    "MOMENTUM": BELOW_1,
    "FLOOR_RATE": ABOVE_0,
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
            Check.close(f"{slug}-numeric", f"{name}: {formula} = by differences", by_hand[name],
                        numeric, atol=1e-9,
                        reason="roundings of 1e-16 over 2h = 2e-5, and a term in h² = 1e-10"),
            Check.keras(f"{slug}-automatic", f"{name}: {formula} = autodiff", in_keras[name],
                        by_hand[name], options.dtype, own_loss=True),
        ]  # fmt: skip
    return [
        Check.close("costs", "costs by hand = scikit-learn", numpy, sklearn, atol=NUMPY),
        keras_cost("costs-keras", "costs, Keras = scikit-learn", keras_, sklearn),
        Check.close("weighted", "weighted costs by hand = scikit-learn", numpy_weighted,
                    sklearn_weighted, atol=NUMPY),
        # Keras divides Σ wᵢcᵢ by n, scikit-learn by Σ wᵢ, unless Keras is told to.
        keras_cost("weighted-keras", "weighted costs, Keras = mean weight × scikit-learn",
                   keras_sum, weights.mean() * sklearn_weighted),
        keras_cost("weighted-mean-keras",
                   "weighted costs, mean_with_sample_weight in Keras = scikit-learn",
                   keras_mean, sklearn_weighted),
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
    return [
        Check.close("epsilon", "ε = Keras's epsilon", EPSILON, keras.config.epsilon()),
        Check.true("infinite", "cost of p = 0 is infinite", np.isposinf(by_hand[0])),
        Check.close("unclipped", "cost of p = 1e-12 = 12 ln 10", [by_hand[1], label(on, tiny)],
                    [12 * np.log(10)] * 2, atol=1e-10),
        Check.close("clipped", "clipped by hand = 7 ln 10",
                    [*clipped, label(on, zero, clip=EPSILON)], [7 * np.log(10)] * 3, atol=1e-10),
        keras_cost("clipped-keras", "clipped, Keras = 7 ln 10",
                   [*in_keras, float(keras_label()(on, zero))], [7 * np.log(10)] * 3),
        Check.close("logits", "z = −800 costs 800 from logits",
                    [logits[0], label(on, far, from_logits=True)], [FAR] * 2, atol=1e-10),
        keras_cost("logits-keras", "the same in Keras", [logits[1], from_z], [FAR] * 2),
        # Unclipped, the gradient at 1e-12 is −1/p = −1e12; below ε the cost is flat.
        Check.close("flat-below-clip", "∂J/∂p below the clip, Keras = 0", gradient_in_p, [[0, 0]]),
        Check.close("gradient-logits", "∂J/∂z, Keras = p − y", gradient_in_z, [[-1, 1]],
                    atol=NUMPY),
    ]  # fmt: skip


def check_saturated(options, by_hand, in_keras):
    """With x = 1 a step adds −2η ∂J/∂z to z = w + b, since w and b move alike.

    Small steps follow dz/dt = −2η ∂J/∂z, which takes, from z₀ to z = 0 where p = ½, as many
    steps as these grow between the two:

        cross entropy   1/(2η) · [z + exp z]
        MSE             1/(4η) · [3z + 3 exp z + ½ exp 2z − exp(−z)]
    """
    p, e = 1 / (1 + np.exp(-SATURATED)), np.exp(SATURATED)
    slopes = {"MSE": -2 * (1 - p) * p * (1 - p), "cross entropy": -(1 - p)}
    first = {name: (path[0, 0, 0] - path[1, 0, 0]) / SATURATED_RATE
             for name, path in in_keras.items()}  # fmt: skip
    small_steps = {
        "MSE": (-3 * SATURATED + 3 * (1 - e) + (1 - e**2) / 2 - (1 - 1 / e)) / (4 * SATURATED_RATE),
        "cross entropy": (-SATURATED + 1 - e) / (2 * SATURATED_RATE),
    }
    needed = {name: np.argmax(path.sum(axis=(1, 2)) >= 0) for name, path in by_hand.items()}
    steps = len(in_keras["MSE"])
    ends = {name: costs.sigmoid(path[[0, steps - 1]].sum(axis=(1, 2)))
            for name, path in by_hand.items()}  # fmt: skip
    J = {"MSE": (1 - ends["MSE"]) ** 2, "cross entropy": -np.log(ends["cross entropy"])}
    left = {name: end / start for name, (start, end) in J.items()}
    lag = "the slope grows 373-fold: steps lag behind by ½ ln 373 = 3, and a step counts whole"
    return [
        Check.keras("first-slopes", "saturated: first slopes, Keras = formula",
                    list(first.values()), list(slopes.values()), options.dtype, own_loss=True,
                    size=abs(SATURATED), reason="roundings of w and b, which are 4"),
        Check.keras("saturated-keras", "saturated: w, b at every step, Keras = NumPy", in_keras,
                    {name: path[:steps] for name, path in by_hand.items()}, options.dtype,
                    own_loss=True),
        Check.close("steps-mse", "steps until p = ½, MSE", needed["MSE"], small_steps["MSE"],
                    atol=4, reason=lag),
        Check.close("steps-cross-entropy", "steps until p = ½, cross entropy",
                    needed["cross entropy"], small_steps["cross entropy"], atol=1,
                    reason="a step counts whole"),
        Check.at_least("mse-cost-left", "fraction of the MSE left after 50 steps", left["MSE"],
                       0.99),
        Check.at_most("cross-entropy-cost-left",
                      "fraction of the cross entropy left after 50 steps", left["cross entropy"],
                      0.01),
    ]  # fmt: skip


def check_floor(options, softmax, sigmoid):
    """−ln p and −ln(1 − p) are convex, so equal probabilities are best, p = 1/m: this costs ln m
    for m labels all on and −ln(1 − 1/m) for labels all off. A sigmoid has no such floor."""
    floor = np.log([3, 3 / 2])
    return [
        Check.close("softmax-floor", "best softmax for all on, all off = ln m, −ln(1 − 1/m)",
                    softmax, floor, atol=1e-9),
        Check.at_most("sigmoid-below", "sigmoid costs a tenth of it or less", sigmoid, floor / 10),
    ]  # fmt: skip


def check_fit(name, options, X, y, by_hand, in_keras):
    exclusive = name == "iris"
    paths = Check.keras(f"{name}-keras", f"{name}: every step, Keras = NumPy", in_keras, by_hand,
                        options.dtype, own_loss=True, size=10 / np.abs(by_hand).max(),
                        reason="roundings, relative to 10, as large as z becomes")  # fmt: skip
    if len(by_hand) <= STEPS:  # after fewer, some of the way is left
        return [paths]
    exact = logistic_regression(X, y, exclusive)
    return [
        paths,
        Check.close(f"{name}-sklearn", f"{name}: W, b by hand = scikit-learn", by_hand[-1], exact,
                    atol=1e-9),
        Check.close(f"{name}-keras-sklearn", f"{name}: W, b in Keras = scikit-learn", in_keras[-1],
                    exact, atol=FITTED, agreement=FITTED,
                    reason="roundings of 6e-8, magnified where the cost is flat"),
        Check.close(f"{name}-log-loss", f"{name}: log-loss = scikit-learn",
                    log_loss(X, y, by_hand[-1], exclusive),
                    sklearn_log_loss(X, y, exact, exclusive), atol=1e-9),
    ]  # fmt: skip


def logistic_regression(X, y, exclusive):
    """scikit-learn's W with b below it: one fit for exclusive classes, else one for each label."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    fits = []
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
