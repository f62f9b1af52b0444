"""Why lesson 11's numbers must be what they are.

Before training. The last layer's weights w_k are normal, each entry with deviation σ, and its
z_k = h·w_k small. So J = ln K + mean of (z̄ − z_y) + half the variance of the z, up to third powers.
The mean is a sum over k of w_k times (h̄/K − f_k h̄_k), f_k the fraction and h̄_k the mean h of class
k: a normal number whose deviation is σ times those vectors' length.

The first steps. From v = 0 step 1 changes θ by −(1 + μ) η g₁, and step 2 by
−μ² η g₁ − (1 + μ) η₂ g₂, where g₁ and g₂ are the gradients before each of them.

At 1e-4. While the gradient g is nearly the same at every step, θ moves by Δθ = −S g, and the cost
falls by S|g|² = |Δθ|²/S. S is 500 times smaller than at 0.05.
"""

import numpy as np

from course.checks import Check, by_section, references
from course.checks.constants import ABOVE_0, BELOW_1, NUMBER, whole
from course.lesson11 import (
    BATCH_SIZE,
    DECAY,
    LEARNING_RATE,
    MOMENTUM,
    SLOW_RATE,
    WEIGHTS,
    cost,
    forward,
)
from course.training.weights import STDDEV

SIDES, FLAT = (24, 22, 11, 9, 4), 256  # what the arithmetic must give
FLOOR, QUICK_FLOOR = 0.965, 0.9  # of the accuracy on scikit-learn's digits, for any seed
FLOAT32 = "sums of up to 256 float32 products, 6e-8 each, for logits of size 10 or so"
LEARNT, QUICK_LEARNT = 120, 60  # steps until it must match logistic regression, ridge


CONSTANTS = {  # what the page's constants may be
    "LEARNING_RATE": ABOVE_0,
    "DECAY": NUMBER,
    "MOMENTUM": BELOW_1,
    "BATCH_SIZE": whole(1),
    "EPOCHS": whole(1),
    "QUICK_EPOCHS": whole(1),
    "SLOW_RATE": ABOVE_0,
    "SLOW_BATCHES": whole(1),
    "WEIGHTS": NUMBER,
}


def checks(measured, options):
    """All checks of the lesson on what `lesson11.run` measured, or on pictures of one's own."""
    sections = {
        "start": check_start, "network": check_network, "slow": check_slow,
        "pictures": check_pictures,
    }  # fmt: skip
    return by_section(sections, measured, options)


def check_start(options, digits, layers, rates, first_cost, path):
    K = digits.n_classes
    shapes, counts = zip(*layers)
    sides, flat, expected_counts = arithmetic(K)
    measured_sizes = [*(shape[0] for shape in shapes if len(shape) == 3), shapes[5][0]]
    X, y = digits.X_val[:1000], digits.y_val[:1000]
    expected, sigma = first_cost_by_theory(forward(X, path[0])[-2], y, K)
    changes, steps = two_steps(digits, path)
    return [
        Check.close("sizes-keras", "sides and flat, Keras = n − k + 1, ⌊n/2⌋", measured_sizes,
                    [*sides, flat]),
        Check.close("sizes", "sides and flat by formula = the course's", [*sides, flat],
                    [*SIDES, FLAT]),
        Check.close("weights-keras", "weights of each layer, Keras = (k² c + 1) f", counts,
                    expected_counts),
        Check.close("weights", "weights in all, Keras = the course's", sum(counts),
                    WEIGHTS + (K - 10) * 129, reason="a class more is a unit of 129 weights more"),
        Check.close("learning-rate", "learning rate at step 0, 10⁶, Keras = η/(1 + 1e-6 t)", rates,
                    [LEARNING_RATE, LEARNING_RATE / 2], atol=1e-7, agreement=1e-7,
                    reason="some backends keep a schedule in float32"),
        Check.within("first-cost", "cost before training = ln K + ½ var z", first_cost, expected,
                     sigma, agreement=1e-5),
        Check.close("first-cost-keras", "cost before training, Keras = NumPy", first_cost,
                    cost(X, y, path[0]), atol=1e-5, agreement=1e-5, reason=FLOAT32),
        Check.close("first-steps", "first two steps of ten weights ÷ the first, Keras = Nesterov"
                    " on numeric gradients", changes, steps, atol=2e-3, agreement=None,
                    reason="a relu or a maximum that turns over within h, or within a rounding of"
                    " float32, changes a gradient by 5e-4; which weight changed most, rounding"
                    " may decide"),
    ]  # fmt: skip


def arithmetic(n_classes):
    """Sides after each layer of filters and each pooling, numbers when flat, weights per layer."""
    side, channels, sides, counts = 28, 1, [], []
    for kernel, filters, pooled in ((5, 4, False), (3, 8, True), (3, 16, True)):
        side = side - kernel + 1
        sides.append(side)
        counts.append((kernel**2 * channels + 1) * filters)
        channels = filters
        if pooled:
            side = side // 2
            sides.append(side)
            counts.append(0)
    flat = side**2 * channels
    return sides, flat, [*counts, 0, (flat + 1) * 128, (128 + 1) * n_classes]


def first_cost_by_theory(h, y, K):
    """The expected cost before training and its deviation; h: shape (n, 128)."""
    offsets = [h.mean(axis=0) / K - (y == k) @ h / len(y) for k in range(K)]
    half_variance = STDDEV**2 * np.mean(np.sum(h**2, axis=1)) * (1 - 1 / K) / 2
    # Of K random logits the variance itself varies, by √(2/(K − 1)) of its size.
    sigma = np.hypot(STDDEV * np.linalg.norm(offsets), half_variance * np.sqrt(2 / (K - 1)))
    return np.log(K) + half_variance, sigma


def two_steps(digits, path):
    """Changes in both steps of the weight of each array that changed most, and the predicted ones.

    Both are divided by the predicted change in the first step: shape (10, 2).
    """
    X, y = digits.X_train[:BATCH_SIZE], digits.y_train[:BATCH_SIZE]
    rates = LEARNING_RATE / (1 + DECAY * np.arange(2))
    changes, predicted = [], []
    for i, (start, between, after) in enumerate(zip(*path)):
        at = np.unravel_index(np.argmax(np.abs(between - start)), start.shape)
        g = [derivative(X, y, weights, i, at) for weights in path[:2]]
        changes.append([between[at] - start[at], after[at] - between[at]])
        predicted.append([
            -(1 + MOMENTUM) * rates[0] * g[0],
            -(MOMENTUM**2) * rates[0] * g[0] - (1 + MOMENTUM) * rates[1] * g[1],
        ])  # fmt: skip
    first = np.array(predicted)[:, :1]
    return changes / first, predicted / first


def derivative(X, y, weights, which, at):
    """∂J/∂θ of one weight, by differences."""
    weights = [np.array(w, "float64") for w in weights]
    start = weights[which][at]

    def J(value):
        weights[which][at] = value
        return cost(X, y, weights)

    return references.central_difference(J, start, h=1e-7)


def check_network(options, digits, history, p, weights, accuracy, layers, table, precision, recall,
                  baselines=None):  # fmt: skip
    from sklearn import metrics

    y, y_hat, labels = digits.y_test, p.argmax(axis=1), range(digits.n_classes)
    scores = metrics.precision_recall_fscore_support(y, y_hat, labels=labels, zero_division=0)
    by_hand = layers[-1]
    found = [
        Check.close("probabilities-keras", f"probabilities of {len(by_hand)} images, Keras = NumPy",
                    p[: len(by_hand)], by_hand, atol=2e-5 if options.dtype == "float32" else 2e-6,
                    agreement=None, reason=FLOAT32),
        Check.close("accuracy-keras", "accuracy, Keras's = diagonal of the confusion matrix",
                    accuracy, np.trace(table) / len(y), atol=1e-6, agreement=15 / len(y),
                    reason="Keras averages in float32; backends may read a picture or two"
                    " differently"),
        Check.close("confusion", "confusion matrix = scikit-learn's", table,
                    metrics.confusion_matrix(y, y_hat, labels=labels), agreement=None),
        Check.close("layers-scipy", "each layer's output for the first image, NumPy = SciPy",
                    {i: layer[0] for i, layer in enumerate(layers)},
                    dict(enumerate(by_scipy(digits.X_test[0], weights))), rtol=1e-11,
                    agreement=None, reason="float64, sums of up to 256 products in eight layers"),
        Check.close("precision-recall", "precision and recall of each class = scikit-learn's",
                    [precision, recall], scores[:2], atol=1e-12, agreement=None),
    ]  # fmt: skip
    steps = history.epochs * len(digits.X_train) // BATCH_SIZE
    if baselines is not None and steps >= QUICK_LEARNT and options.data in (None, "mnist"):
        found += enough(options, accuracy, baselines, steps, len(y))
    return found


def by_scipy(image, weights):
    """Every layer's output for one image, (28, 28, 1), from SciPy's correlation and maximum."""
    from scipy import ndimage, signal, special

    def convolve(X, K, b):
        slices = [
            sum(signal.correlate(X[..., c], K[..., c, f], "valid") for c in range(X.shape[-1]))
            for f in range(K.shape[-1])
        ]
        return np.stack(slices, axis=-1) + b

    def pool(X):
        # The maximum of a pixel and the next one, down and across; then every other one.
        largest = ndimage.maximum_filter(X, (2, 2, 1), origin=(-1, -1, 0))
        return largest[: len(X) // 2 * 2 : 2, : len(X) // 2 * 2 : 2]

    K1, b1, K2, b2, K3, b3, W4, b4, W5, b5 = (np.array(w, "float64") for w in weights)
    first = np.tanh(convolve(np.array(image, "float64"), K1, b1))
    second = np.tanh(convolve(first, K2, b2))
    third = np.fmax(convolve(pool(second), K3, b3), 0)
    flat = pool(third).reshape(-1)
    hidden = np.tanh(W4.T @ flat + b4)
    outputs = special.softmax(W5.T @ hidden + b5)
    return [first, second, pool(second), third, pool(third), flat, hidden, outputs]


def enough(options, accuracy, baselines, steps, n):
    """Checks that the network reads as well as it should after so many steps."""
    rival = "logistic regression" if steps >= LEARNT else "ridge classifier"
    expected = baselines[rival][0]
    sigma = np.sqrt(np.maximum(expected * (1 - expected), 1 / n) / n)
    found = [
        Check.at_least("baseline", f"accuracy ≥ that of the {rival} − 3 standard errors", accuracy,
                       expected - 3 * sigma, agreement=None, reason="chance in the test images"),
    ]  # fmt: skip
    found.append(
        Check.at_least("baselines", "every baseline reads better than chance",
                       [accuracy for accuracy, _ in baselines.values()], 0.1, agreement=None)
    )  # fmt: skip
    if options.data is None:
        floor = FLOOR if steps >= LEARNT else QUICK_FLOOR
        found.append(Check.at_least("accuracy", f"accuracy ≥ {floor:.1%}", accuracy, floor,
                                    agreement=None, reason="reached from any seed"))  # fmt: skip
    return found


def reach(learning_rate, steps):
    """S: how far `steps` steps with momentum go, per unit of a gradient that stays the same.

    >>> round(reach(0.1, 1), 9), round(reach(0.1, 2), 9)  # 0.19; then μ 0.19 + 0.1 more
    (0.19, 0.461)
    """
    v = total = 0.0
    for _ in range(steps):
        v = MOMENTUM * v + learning_rate
        total += MOMENTUM * v + learning_rate
    return total


def check_slow(options, few, history, start, end, fall, accuracy):
    steps = history.epochs * -(-len(few.X_train) // BATCH_SIZE)
    moved = sum(np.sum((after - before) ** 2.0) for before, after in zip(start, end))
    return [
        Check.at_most("slow-accuracy", f"at 1e-4: accuracy below {QUICK_FLOOR:.0%}", accuracy,
                      QUICK_FLOOR, agreement=None, reason="S is 500 times smaller"),
        Check.close("slow", "at 1e-4 the fall of the cost = |Δθ|²/S", fall,
                    moved / reach(SLOW_RATE, steps), rtol=0.05, agreement=1e-3,
                    reason="first order in the steps: the gradient changes a little on the way"),
    ]  # fmt: skip


def check_pictures(options, paths, X, p):
    return [
        Check.close("sum", "probabilities add up to 1", p.sum(axis=1), np.ones(len(p)), atol=1e-5,
                    reason="ten float32 numbers, each good to 6e-8 of itself"),
    ]  # fmt: skip
