"""Lesson 6: Cost functions.

Choose the cost that belongs to the output, and see what the wrong one does.

With z the last layer's numbers (the logits), n rows, k classes, m targets or labels:

    predicted              output     cost J                                      ∂J/∂z
    m numbers              ŷ = z      MSE = 1/(mn) ΣΣ (y − ŷ)²                    2 (ŷ − y)/(mn)
    one of k classes       softmax    cross entropy −1/n ΣΣ y ln p                (p − y)/n
    m labels, on or off    sigmoid    −1/(mn) ΣΣ [y ln p + (1 − y) ln(1 − p)]     (p − y)/(mn)

    softmax  pⱼ = exp zⱼ / Σ exp z: k probabilities that sum to 1
    sigmoid  pⱼ = 1 / (1 + exp(−zⱼ)): each label on its own

In each row of the table the slope is "output minus target", times a number. A sigmoid
under MSE has 2 (p − y) p (1 − p)/(mn) instead, which vanishes where p is near 0 or 1,
however wrong.
The functions themselves, with their doctests, are in course/costs.py.

    X: shape (n, d)    y, z, p: shape (n, k)    W: shape (d, k)    b: shape (k,)    (or m for k)

Run it:     python -m course.lesson06
Read more:  C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.
"""

from functools import partial

import keras
import numpy as np
from keras import ops
from keras.losses import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError
from keras.losses import SparseCategoricalCrossentropy as SparseCrossentropy

from course import descent
from course.autodiff import value_and_grad
from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Options, Report, with_precision
from course.costs import (
    binary_cross_entropy,
    cross_entropy,
    mean_squared_error,
    sigmoid,
    softmax,
    sparse_cross_entropy,
)
from course.figures import lesson06 as drawings

ROWS, CLASSES = 8, 3
EPSILON = 1e-7  # where Keras clips probabilities, keras.config.epsilon()
TINY = 1e-12  # a probability far below it
FAR = 800.0  # a logit whose exp(−z) is below the smallest float64
SATURATED = -8.0  # z at the start, where the target is p = 1
SATURATED_RATE = 0.5  # η
SATURATED_STEPS = 50
MSE_STEPS = 1600  # more than MSE needs to get to p = ½
C = 64 / 75  # scikit-learn's inverse strength of the penalty
STEPS = 500  # for scikit-learn's answers, with Nesterov momentum
MOMENTUM = 0.875
RATE = 0.6  # times m where the cost is a mean over m labels too
FLOOR_RATE, FLOOR_STEPS = 3.0, 300  # for the softmax that is asked for independent labels
EXACT = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000}

# On TensorFlow Keras rounds momentum and penalty to float32. So they are chosen such that this
# changes nothing: 0.875 = 7/8, and C makes the penalties 1/256 (iris) and 1/1024 (labels).

# Keras's own losses average in float32 on JAX and PyTorch, whatever comes in: a few
# roundings of 6e-8, relative to the cost.
KERAS_LOSS = 1e-6

# PyTorch multiplies matrices in float32, and --dtype float32 computes so throughout; the
# flattest direction multiplies that rounding.
FITTED = 1e-5


def slope_of_its_own(y, p, terms):
    """∂J/∂z of an output under its own cost: (p − y)/terms, terms = n or mn.

    >>> slope_of_its_own(1.0, 0.25, terms=1)
    -0.75
    """
    return (p - y) / terms


def slope_squared(y, p, terms):
    """∂J/∂z of a sigmoid under MSE: 2 (p − y) p (1 − p)/terms.

    >>> slope_squared(1.0, 0.25, terms=1)
    -0.28125
    """
    return 2 * (p - y) * p * (1 - p) / terms


def numeric_slope(J, z, h=1e-5):
    """∂J/∂z measured, entry by entry: (J(z + h) − J(z − h)) / (2h); the shape of z."""
    nudges = h * np.eye(z.size).reshape(-1, *z.shape)
    return np.reshape([(J(z + d) - J(z - d)) / (2 * h) for d in nudges], z.shape)


def descend(X, slope, theta, learning_rate, steps, momentum=0.0, penalty=0.0):
    """Descent on J(z) + penalty · ‖W‖², z = XW + b, with Nesterov momentum as in Keras.

    Args:
        slope: ∂J/∂z as a function of z, shape (n, k).
        theta: the start, W with b below it, shape (d + 1, k); b is not penalised.

    Returns:
        θ at every step, shape (steps + 1, d + 1, k).
    """
    A = np.column_stack([X, np.ones(len(X))])
    penalised = np.append(np.ones(X.shape[1]), 0)[:, None]
    path, velocity = [theta], 0.0
    for _ in range(steps):
        pull = learning_rate * (A.T @ slope(A @ theta) + 2 * penalty * penalised * theta)
        velocity = momentum * velocity - pull
        theta = theta + momentum * velocity - pull
        path.append(theta)
    return np.array(path)


def softmax_cross_entropy(y, z):
    """The table's second row in Keras, from logits. (Keras's own class averages in float32.)"""
    return ops.sum(ops.categorical_crossentropy(y, z, from_logits=True)) / len(y)


def sigmoid_cross_entropy(y, z):
    """The third row, from logits: the mean over rows and labels."""
    return ops.sum(ops.binary_crossentropy(y, z, from_logits=True)) / (len(y) * z.shape[1])


def sigmoid_squared_error(y, z):
    """The wrong pairing: MSE of a sigmoid."""
    return ops.sum((ops.sigmoid(z) - y) ** 2) / (len(y) * z.shape[1])


def build_model(n_features, n_outputs, loss, learning_rate, momentum=0.0, penalty=0.0):
    """z = XW + b from W = 0, b = 0; the output function is inside the loss, which wants logits."""
    dense = keras.layers.Dense(
        n_outputs,
        kernel_initializer="zeros",
        kernel_regularizer=keras.regularizers.L2(penalty) if penalty else None,
    )
    model = keras.Sequential([keras.Input((n_features,)), dense])
    optimizer = keras.optimizers.SGD(learning_rate, momentum=momentum, nesterov=momentum > 0)
    model.compile(optimizer=optimizer, loss=loss)
    return model


def train(model, X, y, steps):
    """Full-batch descent; return θ, W with b below it, at every step: (steps + 1, d + 1, k)."""
    W, b = descent.train(model, X, y, steps).weights
    return np.concatenate([W, b[:, None]], axis=1)


@with_precision
def run(options=Options()) -> Report:
    return Report.join(
        three_ways(options),
        clip(),
        saturated(options),
        softmax_for_labels(options),
        real_data(options),
    )


def examples(seed):
    """Logits, classes and labels for a few rows; rows with no, one and all labels on."""
    rng = np.random.default_rng(seed)
    z = rng.normal(scale=2, size=(ROWS, CLASSES))
    classes = rng.integers(0, CLASSES, ROWS)
    labels = rng.integers(0, 2, (ROWS, CLASSES)).astype(float)
    labels[:3] = [[0, 0, 0], [0, 1, 0], [1, 1, 1]]
    return z, classes, labels, rng.uniform(0.5, 2, ROWS)


def three_ways(options):
    """Every cost by hand, in Keras and in scikit-learn, also with row weights; and the slopes."""
    z, classes, on, weights = examples(options.seed)
    y, p, q = np.eye(CLASSES)[classes], softmax(z), sigmoid(z)
    logits = {"from_logits": True}
    cases = [
        (mean_squared_error, MeanSquaredError, on[:, :1], z[:, :1], {}),
        (mean_squared_error, MeanSquaredError, on, z, {}),
        (cross_entropy, CategoricalCrossentropy, y, p, {}),
        (cross_entropy, CategoricalCrossentropy, y, z, logits),
        (sparse_cross_entropy, SparseCrossentropy, classes, p, {}),
        (sparse_cross_entropy, SparseCrossentropy, classes, z, logits),
        (binary_cross_entropy, BinaryCrossentropy, on, q, {}),
        (binary_cross_entropy, BinaryCrossentropy, on, z, logits),
    ]
    by_hand = [J(a, b, **how) for J, _, a, b, how in cases]
    weighted = [J(a, b, weights=weights, **how) for J, _, a, b, how in cases]
    keras_costs = [partial(loss(**how), a, b) for _, loss, a, b, how in cases]
    for reduction in ("sum_over_batch_size", "mean_with_sample_weight"):
        keras_costs += [
            partial(loss(reduction=reduction, **how), a, b, sample_weight=weights)
            for _, loss, a, b, how in cases[::2]
        ]
    pairs = [
        # an output under a cost: ∂J/∂z by formula, J by hand, J in Keras
        ("softmax + cross entropy: (p − y)/n", slope_of_its_own(y, p, ROWS),
         lambda z: cross_entropy(y, z, from_logits=True),
         partial(softmax_cross_entropy, ops.convert_to_tensor(y))),
        ("sigmoid + cross entropy: (p − y)/(mn)", slope_of_its_own(on, q, on.size),
         lambda z: binary_cross_entropy(on, z, from_logits=True),
         partial(sigmoid_cross_entropy, ops.convert_to_tensor(on))),
        ("sigmoid + MSE: 2 (p − y) p (1 − p)/(mn)", slope_squared(on, q, on.size),
         lambda z: mean_squared_error(on, sigmoid(z)),
         partial(sigmoid_squared_error, ops.convert_to_tensor(on))),
    ]  # fmt: skip
    names, formulas, by_hand_in_z, keras_in_z = zip(*pairs)
    keras_slopes, values = slopes_and_costs(keras_in_z, [z, z, z], keras_costs)
    in_keras, by_n, by_weights = np.split(values, [8, 12])
    plain, sk_weighted = (in_scikit_learn(z, classes, on, w) for w in (np.ones(ROWS), weights))
    ones = np.ones(len(cases))
    slopes = []
    for name, formula, J, autodiff in zip(names, formulas, by_hand_in_z, keras_slopes):
        # Differences: the cost's rounding of 1e-16 over 2h = 2e-5, and a term in h² = 1e-10.
        slopes.append(Check(f"{name}, = by differences", formula, numeric_slope(J, z), 1e-9))
        slopes.append(Check(f"{name}, = autodiff", autodiff, formula, BY_HAND))
    return Report(
        results={
            "MSE, one and three targets": by_hand[:2],
            "cross entropy, three classes": by_hand[2],
            "binary cross entropy, three labels": by_hand[6],
            "weighted cost, Keras ÷ scikit-learn": by_n[0] / sk_weighted[0],
        },
        checks=[
            Check("costs by hand = scikit-learn", by_hand, plain, BY_HAND),
            keras_check("costs, Keras ÷ scikit-learn", in_keras / plain, ones),
            Check("weighted costs by hand = scikit-learn", weighted, sk_weighted, BY_HAND),
            # Keras divides Σ wᵢcᵢ by n, scikit-learn by Σ wᵢ, unless Keras is told to.
            keras_check("weighted, Keras ÷ scikit-learn = mean weight", by_n / sk_weighted[::2],
                        weights.mean() * ones[::2]),
            keras_check("weighted, mean_with_sample_weight: Keras ÷ scikit-learn",
                        by_weights / sk_weighted[::2], ones[::2]),
            *slopes,
        ],
    )  # fmt: skip


def in_scikit_learn(z, classes, on, weights):
    """The eight costs of `three_ways`, by sklearn.metrics."""
    from scipy import special
    from sklearn import metrics

    squared = [metrics.mean_squared_error(a, b, sample_weight=weights)
               for a, b in ((on[:, 0], z[:, 0]), (on, z))]  # fmt: skip
    p = special.softmax(z, axis=1)
    exclusive = metrics.log_loss(classes, p, sample_weight=weights, labels=range(CLASSES))
    # log_loss takes one label at a time; all rows and labels in one column are the same mean.
    labels = metrics.log_loss(
        on.ravel(), special.expit(z).ravel(), sample_weight=weights.repeat(CLASSES)
    )
    return np.array([*squared, *[exclusive] * 4, *[labels] * 2])


def slopes_and_costs(losses, predictions, costs):
    """∂J/∂(prediction) of some Keras costs by the backend's autodiff, and the values of others.

    All in one go, since JAX compiles each call: the losses are added up, and each part of the
    gradient of the sum is the slope of one.

    Args:
        losses: functions of one prediction each, predictions: an array for each.
        costs: functions without arguments.

    Returns:
        A list of slopes, shaped as the predictions; the costs' values, shape (len(costs),).
    """

    def total(predictions):
        added = sum(ops.sum(loss(p)) for loss, p in zip(losses, predictions))
        return added, [cost() for cost in costs]

    (_, values), slopes = value_and_grad(total, has_aux=True)(predictions)
    return [ops.convert_to_numpy(s) for s in slopes], np.array([float(v) for v in values])


def keras_check(name, measured, reference):
    return Check(name, measured, reference, KERAS_LOSS, agreement=KERAS_LOSS)


def clip():
    """p = 0 for what happened: infinite by hand, 16.1 where p is clipped, exact from logits."""
    y, zero, tiny, far = np.array([[[1, 0]], [[0, 1]], [[TINY, 1 - TINY]], [[-FAR, 0]]])
    on = y[:, :1]  # the same as one label that is on
    unclipped = [cross_entropy(y, tiny), binary_cross_entropy(on, tiny[:, :1])]
    clipped = [cross_entropy(y, zero, clip=EPSILON), cross_entropy(y, tiny, clip=EPSILON),
               binary_cross_entropy(on, zero[:, :1], clip=EPSILON)]  # fmt: skip
    from_logits = [cross_entropy(y, far, from_logits=True),
                   binary_cross_entropy(on, far[:, :1], from_logits=True)]  # fmt: skip
    one_hot, label = CategoricalCrossentropy(), BinaryCrossentropy()
    one_hot_z, label_z = (type(loss)(from_logits=True) for loss in (one_hot, label))
    (in_p, in_z), in_keras = slopes_and_costs(
        [partial(one_hot, y), partial(one_hot_z, y)], [tiny, far],
        [partial(one_hot, y, zero), partial(one_hot, y, tiny), partial(label, on, zero[:, :1]),
         partial(one_hot_z, y, far), partial(label_z, on, far[:, :1])],
    )  # fmt: skip
    return Report(
        results={
            "cost of p = 0, by hand": cross_entropy(y, zero),
            "cost of p = 1e-12, by hand": unclipped[0],
            "both in Keras, clipped at 1e-7": in_keras[:2],
            "cost of z = −800, from logits": from_logits[0],
        },
        checks=[
            Check("ε = Keras's epsilon", EPSILON, keras.config.epsilon(), 0),
            Check("cost of p = 0 is infinite", np.isinf(cross_entropy(y, zero)), 1, 0),
            Check("cost of p = 1e-12 = 12 ln 10", unclipped, [12 * np.log(10)] * 2, 1e-10),
            Check("clipped by hand = 7 ln 10", clipped, [7 * np.log(10)] * 3, 1e-10),
            keras_check("clipped, relative, Keras = 7 ln 10", in_keras[:3], [7 * np.log(10)] * 3),
            Check("z = −800 costs 800 from logits", from_logits, [FAR] * 2, 1e-10),
            keras_check("the same in Keras, relative", in_keras[3:], [FAR] * 2),
            # Unclipped, the slope at 1e-12 is −1/p = −1e12; below ε the cost is flat.
            Check("slope in p below the clip, Keras = 0", in_p, [[0, 0]], 0),
            Check("slope in z, Keras = p − y", in_z, [[-1, 1]], BY_HAND),
        ],
        figures={"curves": lambda: drawings.curves(EPSILON, TINY)},
    )


def saturated(options):
    """One sigmoid unit that is sure of the wrong answer: the same start under both costs.

    With x = 1 a step adds −2η ∂J/∂z to z = w + b, since w and b move alike. Small steps
    follow dz/dt = −2η ∂J/∂z, which takes, from z₀ to z = 0 where p = ½, as many steps as
    these grow between the two:

        cross entropy   1/(2η) · [z + exp z]
        MSE             1/(4η) · [3z + 3 exp z + ½ exp 2z − exp(−z)]
    """
    x, one = np.ones((1, 1)), np.ones((1, 1))
    start = np.full((2, 2), SATURATED / 2)

    def slope(z):
        mse, entropy = sigmoid(z).T
        return np.column_stack([slope_squared(1, mse, 1), slope_of_its_own(1, entropy, 1)])

    def both(y, z):
        """Two units without a weight in common: one learns under MSE, one under cross entropy."""
        return sigmoid_squared_error(y, z[:, :1]) + sigmoid_cross_entropy(y, z[:, 1:])

    path = descend(x, slope, start, SATURATED_RATE, MSE_STEPS)
    model = build_model(1, 2, both, SATURATED_RATE)
    model.set_weights([start[:1], start[1]])
    keras_path = train(model, x, one, SATURATED_STEPS)
    first = (keras_path[0, 0] - keras_path[1, 0]) / SATURATED_RATE
    z = path.sum(axis=1).T  # one row for MSE, one for cross entropy
    p, e = 1 / (1 + np.exp(-SATURATED)), np.exp(SATURATED)
    small_steps = np.array([-3 * SATURATED + 3 * (1 - e) + (1 - e**2) / 2 - (1 - 1 / e),
                            2 * (-SATURATED + 1 - e)]) / (4 * SATURATED_RATE)  # fmt: skip
    needed = np.argmax(z >= 0, axis=1)
    costs = np.array([(1 - sigmoid(z[0])) ** 2, -np.log(sigmoid(z[1]))])[:, : SATURATED_STEPS + 1]
    kept = costs[:, -1] / costs[:, 0]
    size = abs(SATURATED)
    return Report(
        results={
            "saturated: first slope, MSE and cross entropy": first,
            f"share of the cost left after {SATURATED_STEPS} steps": kept,
            "steps until p = ½": needed,
        },
        checks=[
            Check.twin("saturated: first slopes, Keras = formula", first,
                       [-2 * (1 - p) * p * (1 - p), -(1 - p)], options.dtype, size),
            Check.twin("saturated: w, b at every step, Keras = by hand", keras_path,
                       path[: SATURATED_STEPS + 1], options.dtype, size),
            # The slope grows 373-fold on the way, and finite steps lag behind by ½ ln 373 = 3;
            # one more because a step counts whole.
            Check("steps until p = ½, MSE", needed[0], small_steps[0], 4),
            Check("steps until p = ½, cross entropy", needed[1], small_steps[1], 1),
            Check("MSE keeps 99 % of its cost, cross entropy not 1 %",
                  [kept[0] > 0.99, kept[1] < 0.01], [1, 1], 0),
        ],
        figures={"saturated": lambda: drawings.saturated(costs, sigmoid(z))},
    )  # fmt: skip


def softmax_for_labels(options):
    """The wrong output for labels: probabilities that must sum to 1 cannot all be 1, or all 0.

    −ln p and −ln(1 − p) are convex, so equal shares are best: p = 1/m, which costs ln m for
    m labels all on and −ln(1 − 1/m) for labels all off. A sigmoid has no such floor.
    """
    y = np.array([[1.0] * CLASSES, [0.0] * CLASSES])

    def slope_under_softmax(z):
        p = softmax(z)
        g = (p - y) / (p * (1 - p)) / CLASSES  # ∂J/∂p, each row a cost of its own
        return p * (g - np.sum(p * g, axis=1, keepdims=True))

    z = np.random.default_rng(options.seed).normal(size=y.shape)
    at_sigmoid = z
    for _ in range(FLOOR_STEPS):
        z = z - FLOOR_RATE * slope_under_softmax(z)
        at_sigmoid = at_sigmoid - FLOOR_RATE * slope_of_its_own(y, sigmoid(at_sigmoid), CLASSES)
    reached = [binary_cross_entropy(*row) for row in zip(y, softmax(z))]
    free = [binary_cross_entropy(*row) for row in zip(y, sigmoid(at_sigmoid))]
    floor = np.log([CLASSES, CLASSES / (CLASSES - 1)])
    return Report(
        results={
            "labels all on, all off: cost under softmax": reached,
            "the same under sigmoid": free,
        },
        checks=[
            Check("best softmax for all on, all off = ln m, −ln(1 − 1/m)", reached, floor, 1e-9),
            Check("sigmoid costs a tenth of it or less", free < floor / 10, [1, 1], 0),
        ],
    )


def real_data(options):
    """Both kinds of classes, trained to scikit-learn's own answers."""
    reports, pictures = zip(iris(options), three_labels(options))
    report = Report.join(*reports)
    report.figures["fitted"] = lambda: drawings.fitted(pictures)
    return report


def iris(options):
    """Three species, exclusive: softmax + cross entropy against scikit-learn."""
    from sklearn import datasets, linear_model, metrics

    X, species = datasets.load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    fitted = linear_model.LogisticRegression(C=C, **EXACT).fit(X, species)
    return against_scikit_learn(
        "iris", X, np.eye(3)[species], softmax, cross_entropy, softmax_cross_entropy, len(X),
        np.vstack([fitted.coef_.T, fitted.intercept_]),
        metrics.log_loss(species, fitted.predict_proba(X)), options,
    )  # fmt: skip


def three_labels(options):
    """Three labels, each on or off: sigmoid + binary cross entropy against scikit-learn."""
    from sklearn import datasets, linear_model, metrics, multiclass

    X, on = datasets.make_multilabel_classification(
        200, n_features=5, n_classes=3, random_state=options.seed
    )
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    each = linear_model.LogisticRegression(C=C, **EXACT)
    fitted = multiclass.OneVsRestClassifier(each).fit(X, on)
    theta = [np.append(one.coef_, one.intercept_) for one in fitted.estimators_]
    return against_scikit_learn(
        "labels", X, on.astype(float), sigmoid, binary_cross_entropy, sigmoid_cross_entropy,
        on.size, np.transpose(theta),
        metrics.log_loss(on.ravel(), fitted.predict_proba(X).ravel()), options,
    )  # fmt: skip


def against_scikit_learn(name, X, y, output, cost, keras_cost, terms, exact, exact_loss, options):
    """Train z = XW + b by hand and in Keras on scikit-learn's objective.

    scikit-learn minimises C · (sum of all rows' and labels' costs) + ½ ‖W‖². Divided by
    C · terms that is our mean, with the penalty ‖W‖² / (2 C terms).

    Args:
        terms: what the cost is averaged over, n or nm.
        exact, exact_loss: scikit-learn's W with b below it, (d + 1, k), and its log-loss.

    Returns:
        The report, and what to draw.
    """
    penalty = 1 / (2 * C * terms)
    rate = RATE * terms / len(X)
    steps = options.steps or STEPS
    start = np.zeros((X.shape[1] + 1, y.shape[1]))
    path = descend(
        X, lambda z: slope_of_its_own(y, output(z), terms), start, rate, steps, MOMENTUM, penalty
    )
    model = build_model(X.shape[1], y.shape[1], keras_cost, rate, MOMENTUM, penalty)
    keras_path = train(model, X, y, steps)

    def loss(theta):
        return cost(y, X @ theta[:-1] + theta[-1], from_logits=True)

    def J(theta):
        return loss(theta) + penalty * np.sum(theta[:-1] ** 2)

    every = max(1, steps // 100)
    above = [J(theta) - J(exact) for theta in path[::every]]
    checks = [
        Check.twin(f"{name}: every step, Keras = by hand", keras_path, path, options.dtype, 10)
    ]
    if steps >= STEPS:  # after fewer, some of the way is left
        checks += [
            Check(f"{name}: W, b by hand = scikit-learn", path[-1], exact, 1e-9),
            Check(f"{name}: W, b in Keras = scikit-learn", keras_path[-1], exact, FITTED,
                  agreement=FITTED),
            Check(f"{name}: log-loss = scikit-learn", loss(path[-1]), exact_loss, 1e-9),
        ]  # fmt: skip
    report = Report(
        results={
            f"{name}: log-loss": loss(path[-1]),
            f"{name}: largest weight": np.abs(path[-1][:-1]).max(),
        },
        checks=checks,
    )
    return report, (name, keras_path[-1], exact, above, every)


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="steps")


if __name__ == "__main__":
    raise SystemExit(main())
