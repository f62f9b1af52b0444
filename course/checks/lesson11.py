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

import functools

import numpy as np
from keras.optimizers.schedules import InverseTimeDecay, LearningRateSchedule

from course import lesson11 as lesson
from course.checks import Check, by_section, references
from course.checks.constants import ABOVE_0, BELOW_1, FROM_0, whole
from course.checks.models import unlike
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
USUAL_PACE, USUAL_BATCH = (0.1, 0.6), (50, 200)  # η/(1 − μ) and rows for which it does
QUICK_PACE = 0.25  # so much at least, where there are few steps
NEARLY_0 = 1e-6  # a p so small may be below 1e-7 in float32, and pixels so near be exchanged
JITTER = 1e-6  # of each weight: what it does to p, roundings do in proportion
LAYERS = ["Conv2D", "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dense"]
ACTIVATIONS = ["tanh", "tanh", "relu", "tanh", "softmax"]


CONSTANTS = {  # what the page's constants may be
    "LEARNING_RATE": ABOVE_0,
    "DECAY": FROM_0,
    "MOMENTUM": BELOW_1,
    "BATCH_SIZE": whole(1),
    "EPOCHS": whole(1),
    "QUICK_EPOCHS": whole(1),
    "SLOW_RATE": ABOVE_0,
    "SLOW_BATCHES": whole(1),
    "WEIGHTS": whole(1),
}


def checks(measured, options):
    """All checks of the lesson on what `lesson11.run` measured, or on pictures of one's own."""
    sections = {
        "start": check_start, "network": check_network, "slow": check_slow,
        "pictures": check_pictures,
    }  # fmt: skip
    return by_section(sections, measured, options)


@functools.cache
def page_model():
    """The page's model, built once for all questions about it."""
    return lesson.build_model()


@functools.cache
def other_network():
    """Why the network of `build_model` is not the one by hand; "" where it is."""
    model = page_model()
    why = unlike(model, optimizer=None, layers=LAYERS, activations=ACTIVATIONS, bias=True)
    same = [layer.count_params() for layer in model.layers] == arithmetic(10)[-1]
    return why or ("" if same else "not for layers of another size")


@functools.cache
def other_steps():
    """Why its steps are not the predicted ones: "not for Adam"; "" where they are."""
    model = page_model()
    return unlike(model, schedule=True, momentum=MOMENTUM, nesterov=True) or other_schedule(model)


def other_schedule(model):
    """Why the learning rate does not fall as predicted."""
    rate = getattr(model.optimizer, "_learning_rate", None)
    if isinstance(rate, InverseTimeDecay):
        return ""
    schedule = isinstance(rate, LearningRateSchedule)
    return f"not for {type(rate).__name__}" if schedule else "not for a rate without decay"


def other_cost():
    model = page_model()
    return "" if model.loss == "categorical_crossentropy" else "not for another cost"


def check_start(options, digits, layers, rates, first_cost, path):
    K, other, steps_differ = digits.n_classes, other_network(), other_steps()
    shapes, counts = zip(*layers)
    sides, flat, expected_counts = arithmetic(K)
    measured_sizes, expected, sigma, by_hand = [*sides, flat], first_cost, 0.0, first_cost
    changes = steps = np.zeros((len(path[0]), 2))
    X, y = digits.X_val[:1000], digits.y_val[:1000]
    if other:
        counts = expected_counts
    else:
        flat_shape = shapes[LAYERS.index("Flatten")]
        measured_sizes = [*(shape[0] for shape in shapes if len(shape) == 3), flat_shape[0]]
        expected, sigma = first_cost_by_theory(forward(X, path[0])[-2], y, K)
        by_hand = cost(X, y, path[0])
        steps_differ = steps_differ or clipped(digits, path[1])
        if not steps_differ:
            changes, steps = two_steps(digits, path)
    total = other or ("" if sum(arithmetic(10)[-1]) == WEIGHTS else f"not for {WEIGHTS} weights")
    decayed = LEARNING_RATE / (1 + DECAY * np.array([0, 10**6]))
    # A step that is much larger than the first has roundings of its own size.
    atol = max(1.0, np.abs(steps).max()) * (2e-3 if other else turned(digits, path[0]))
    return [
        Check.close("sizes-keras", "sides and flat, Keras = n − k + 1, ⌊n/2⌋", measured_sizes,
                    [*sides, flat]).unless(other),
        Check.close("sizes", "sides and flat by formula = the course's", [*sides, flat],
                    [*SIDES, FLAT]),
        Check.close("weights-keras", "weights of each layer, Keras = (k² c + 1) f", counts,
                    expected_counts).unless(other),
        Check.close("weights", "weights in all, Keras = the course's", sum(counts),
                    WEIGHTS + (K - 10) * 129, reason="a class more is a unit of 129 weights more"
                    ).unless(total),
        Check.close("learning-rate", f"η at step 0, 10⁶, Keras = η/(1 + {DECAY:g} t)", rates,
                    decayed, rtol=1e-6, agreement=1e-6,
                    reason="some backends keep a schedule in float32").unless(other_steps()),
        Check.within("first-cost", "cost before training = ln K + ½ var z", first_cost, expected,
                     sigma, agreement=1e-5).unless(other),
        Check.close("first-cost-keras", "cost before training, Keras = NumPy", first_cost, by_hand,
                    atol=1e-5, agreement=1e-5, reason=FLOAT32).unless(other or other_cost()),
        Check.close("first-steps", "first two steps, Keras = Nesterov's formula", changes, steps,
                    atol=atol, agreement=None,
                    reason="of the weight of each array that changes most, ÷ the first step, on"
                    " numeric gradients; each relu or maximum that turns over within h, or within a"
                    " rounding of float32, changes the gradient of 100 pictures by 5e-4; which"
                    " weight changed most, rounding may decide"
                    ).unless(other or other_cost() or steps_differ),
    ]  # fmt: skip


def turned(digits, weights):
    """By how much a gradient may differ because float32 takes another pixel for the largest.

    In a picture whose two largest pixels of a square differ by less than a few roundings, the
    gradient may go to either. There are always a few.
    """
    X = digits.X_train[:BATCH_SIZE]
    _, second, _, third, *_ = forward(X, weights)
    close = np.count_nonzero((third > 0) & (third < NEARLY_0))
    for layer in (second, third):
        n, side, _, c = layer.shape
        layer = layer[:, : side // 2 * 2, : side // 2 * 2]
        squares = layer.reshape(n, side // 2, 2, side // 2, 2, c).transpose(0, 1, 3, 5, 2, 4)
        *_, next_one, largest = np.moveaxis(np.sort(squares.reshape(-1, 4), axis=1), 1, 0)
        gap = largest - next_one
        close += np.count_nonzero((gap > 0) & (gap < NEARLY_0))
    return 5e-4 * max(4, close) * 100 / len(X)


def clipped(digits, weights):
    """Where the first step went so far that Keras, which keeps p above 1e-7, has no gradient."""
    X, y = digits.X_train[:BATCH_SIZE], digits.y_train[:BATCH_SIZE]
    p = forward(X, weights)[-1][np.arange(len(y)), y]
    return "not where Keras clips p at 1e-7" if p.min() < NEARLY_0 else ""


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


def amplified(X, weights):
    """How much more than a jitter of each weight the probabilities change, in proportion."""
    rng = np.random.default_rng(0)
    jittered = [w * (1 + JITTER * rng.normal(size=w.shape)) for w in weights]
    change = np.abs(forward(X, jittered)[-1] - forward(X, weights)[-1]).max()
    return max(1.0, change / JITTER / 10)  # 2 where it has learnt to read: then it is 1


def check_network(options, digits, history, p, weights, accuracy, outputs, layers, table, precision,
                  recall, baselines=None):  # fmt: skip
    from sklearn import metrics

    y, y_hat, labels = digits.y_test, p.argmax(axis=1), range(digits.n_classes)
    scores = metrics.precision_recall_fscore_support(y, y_hat, labels=labels, zero_division=0)
    other, size, n = other_network(), 1.0, min(100, len(y))
    no_layers = "" if layers else other or f"not for {WEIGHTS} weights"
    by_hand = scipys = of_one = {"p": p[:n]}
    if layers:
        size = amplified(digits.X_test[:n], weights)
        of_one = {i: layer[0] for i, layer in enumerate(layers)}
        scipys = dict(enumerate(by_scipy(digits.X_test[0], weights)))
    keras_layers = {"p": p[:n]}
    if not (no_layers or other):
        keras_layers |= {i: layer[0] for i, layer in enumerate(outputs)}
        by_hand = {"p": layers[-1], **of_one}
    close = 2e-5 if options.dtype == "float32" else 2e-6
    atol = {key: close * max(size if key in ("p", 7) else 1, np.abs(values).max())
            for key, values in by_hand.items()}  # fmt: skip
    rtol = {key: 1e-11 * (size if key == 7 else 1) for key in of_one}
    found = [
        Check.close("probabilities-keras", f"layers, p of {n} images, Keras = NumPy", keras_layers,
                    by_hand, atol=atol, rtol=dict.fromkeys(by_hand, 0.0), agreement=None,
                    reason=FLOAT32).unless(no_layers or other),
        Check.close("accuracy-keras", "accuracy, Keras = the confusion matrix", accuracy,
                    np.trace(table) / len(y), atol=1e-6, agreement=15 / len(y),
                    reason="its diagonal; Keras averages in float32; backends may read a picture"
                    " or two differently"),
        Check.close("confusion", "confusion matrix = scikit-learn's", table,
                    metrics.confusion_matrix(y, y_hat, labels=labels), agreement=None),
        Check.close("layers-scipy", "layers of the first image, NumPy = SciPy", of_one, scipys,
                    rtol=rtol, agreement=None,
                    reason="float64, sums of up to 256 products in eight layers").unless(no_layers),
        Check.close("precision-recall", "precision and recall = scikit-learn's",
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


def other_training(steps):
    """Why the network need not have learnt in so many steps; "" where it must have."""
    pace = LEARNING_RATE / (1 - MOMENTUM)
    slowest = USUAL_PACE[0] if steps >= LEARNT else QUICK_PACE
    if not slowest <= pace <= USUAL_PACE[1]:
        return f"not at η = {LEARNING_RATE:g}, μ = {MOMENTUM:g}"
    if not USUAL_BATCH[0] <= BATCH_SIZE <= USUAL_BATCH[1]:
        return f"not for {BATCH_SIZE} rows"
    return "" if DECAY <= 1e-4 else f"not with a decay of {DECAY:g}"


def enough(options, accuracy, baselines, steps, n):
    """Checks that the network reads as well as it should after so many steps."""
    rival = "logistic regression" if steps >= LEARNT else "ridge classifier"
    expected = baselines[rival][0]
    sigma = np.sqrt(np.maximum(expected * (1 - expected), 1 / n) / n)
    why_not = other_network() or other_steps() or other_cost() or other_training(steps)
    found = [
        Check.at_least("baseline", f"accuracy ≥ that of the {rival}", accuracy,
                       expected - 3 * sigma, agreement=None,
                       reason="less 3 standard errors: chance in the test images").unless(why_not),
        Check.at_least("baselines", "every baseline reads better than chance",
                       [accuracy for accuracy, _ in baselines.values()], 0.1, agreement=None),
    ]  # fmt: skip
    if options.data is None:
        floor = FLOOR if steps >= LEARNT else QUICK_FLOOR
        reached = Check.at_least("accuracy", f"accuracy ≥ {floor:.1%}", accuracy, floor,
                                 agreement=None, reason="reached from any seed")  # fmt: skip
        found.append(reached.unless(why_not))
    return found


def reach(learning_rate, steps):
    """S: how far `steps` steps with momentum go, per unit of a gradient that stays the same.

    >>> round(reach(0.1, 1), 5), round(reach(0.1, 2), 5)  # 0.19; then μ 0.19 + 0.1 more
    (0.19, 0.461)
    """
    v = total = 0.0
    for t in range(steps):
        rate = learning_rate / (1 + DECAY * t)
        v = MOMENTUM * v + rate
        total += MOMENTUM * v + rate
    return total


def other_layers():
    """Why the gradient of a step is not that of the cost that is measured; "" where it is."""
    for layer in page_model().layers:
        if layer.non_trainable_variables:  # of its random numbers, or of running means
            return f"not for {type(layer).__name__}"
    return ""


def check_slow(options, few, history, start, end, fall, accuracy):
    steps = history.epochs * -(-len(few.X_train) // BATCH_SIZE)
    moved = sum(np.sum((after - before) ** 2.0) for before, after in zip(start, end))
    predicted = moved / reach(SLOW_RATE, steps)
    # The gradient changes by about as much of itself as of the cost is gone.
    rtol = 0.02 + 4 * predicted / np.log(few.n_classes)
    why_not = other_steps() or other_cost() or other_layers()
    why_not = why_not or ("not at so large a rate" if rtol > 0.5 else "")
    # Else single batches, whose gradients differ from that of all, count for more than others.
    why_not = why_not or ("not after so few epochs" if history.epochs < 3 else "")
    why_not = why_not or ("not with so fast a decay" if DECAY * steps > 0.5 else "")
    return [
        Check.at_most("slow-accuracy", f"at {SLOW_RATE:g}: accuracy below {QUICK_FLOOR:.0%}",
                      accuracy, QUICK_FLOOR, agreement=None,
                      reason="the cost has hardly changed").unless(why_not),
        Check.close("slow", f"at {SLOW_RATE:g} the fall of the cost = |Δθ|²/S", fall, predicted,
                    rtol=rtol, atol=4 * 6e-8 * np.log(few.n_classes), agreement=1e-3,
                    reason="first order in the steps: the gradient changes a little on the way;"
                    " both costs are rounded to float32").unless(why_not),
    ]  # fmt: skip


def check_pictures(options, paths, X, p):
    return [
        Check.close("sum", "probabilities add up to 1", p.sum(axis=1), np.ones(len(p)), atol=1e-5,
                    reason="ten float32 numbers, each good to 6e-8 of itself"),
    ]  # fmt: skip
