"""Lesson 6: Cost functions.

Choose the cost that belongs to the output, and see what the wrong one does.

With z the last layer's numbers (the logits), n rows, k classes, m targets or labels:

    predicted              output     cost J                                      ∂J/∂z
    m numbers              ŷ = z      MSE = 1/(mn) ΣΣ (y − ŷ)²                    2 (ŷ − y)/(mn)
    one of k classes       softmax    cross entropy −1/n ΣΣ y ln p                (p − y)/n
    m labels, on or off    sigmoid    −1/(mn) ΣΣ [y ln p + (1 − y) ln(1 − p)]     (p − y)/(mn)

    softmax  pⱼ = exp zⱼ / Σ exp z: k probabilities that sum to 1
    sigmoid  pⱼ = 1 / (1 + exp(−zⱼ)): each label on its own

Each ∂J/∂z is "output minus target", times a number. A sigmoid under MSE has another,
2 (p − y) p (1 − p)/(mn), which vanishes where p is near 0 or 1, however wrong.

    X: (n, d)    y, z, p: (n, k) or (n, m)    W: (d, k)    b: (k,)    θ, W with b below: (d + 1, k)

Run it:     python -m course.lesson06
Checked in: course/checks/lesson06.py; the costs, softmax and sigmoid are in course/costs.py
Read more:  C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.
"""

import keras
import numpy as np
from keras import losses, ops

from course import costs, descent
from course.autodiff import value_and_grad
from course.data.classes import load_iris as load_data, make_labels, make_logits

EPSILON = 1e-7  # ε: Keras clips probabilities to [ε, 1 − ε]; by hand, to any ε you choose
TINY, FAR = 1e-12, 800.0  # a probability far below ε; −FAR: a logit whose softmax rounds to 0
SATURATED, SATURATED_RATE = -8.0, 0.5  # z at the start, where the target is p = 1; η
SATURATED_STEPS, MSE_STEPS = 50, 1600  # in Keras; by hand, more than MSE needs to get to p = ½
C = 64 / 75  # scikit-learn's inverse strength of the penalty
STEPS, LEARNING_RATE, MOMENTUM = 500, 0.6, 0.875  # Nesterov's, to get to scikit-learn's answers
FLOOR_RATE, FLOOR_STEPS = 3.0, 300  # for the softmax that is asked for independent labels


# By hand -------------------------------------------------------------------------------------
def matched_gradient(y, p, terms):
    """∂J/∂z of softmax or sigmoid under its own cost, a mean over n or mn terms."""
    return (p - y) / terms


def squared_error_gradient(y, p, terms):
    """∂J/∂z of a sigmoid under MSE: the wrong pairing."""
    return 2 * (p - y) * p * (1 - p) / terms


def descend(X, y, output, gradient, terms, theta, rate, steps, momentum=0.0, penalty=0.0):
    """Nesterov's descent, as in Keras, on J(XW + b) + penalty · ‖W‖²: θ at every step."""
    A = np.column_stack([X, np.ones(len(X))])
    shrink = 2 * penalty * np.append(np.ones(X.shape[1]), 0)[:, None]  # W is penalised, b is not
    path, velocity = [theta], 0.0
    while len(path) <= steps and np.abs(theta).max() < 1e100:  # beyond, it has diverged
        step = -rate * (A.T @ gradient(y, output(A @ theta), terms) + shrink * theta)
        velocity = momentum * velocity + step
        theta = theta + momentum * velocity + step
        path.append(theta)
    return np.array(path)


# In Keras ------------------------------------------------------------------------------------
def build_model(n_features, n_outputs, loss, rate, momentum=0.0, penalty=0.0, start=0.0):
    """The logits z = XW + b, all weights `start`; the loss applies softmax or sigmoid itself."""
    start, penalty = keras.initializers.Constant(start), keras.regularizers.L2(penalty)
    dense = keras.layers.Dense(
        n_outputs, kernel_initializer=start, bias_initializer=start, kernel_regularizer=penalty
    )
    model = keras.Sequential([keras.Input((n_features,)), dense])
    model.compile(keras.optimizers.SGD(float(rate), float(momentum), nesterov=True), loss=loss)
    return model


def sigmoid_squared_error(y, z):
    """The wrong pairing: MSE of a sigmoid."""
    return ops.mean(losses.mean_squared_error(y, ops.sigmoid(z)))


def train(model, X, y, steps):
    """As `model.fit` with all rows in a batch, which takes longer; a row of weights a step."""
    return np.hstack([w.reshape(len(w), -1) for w in descent.train(model, X, y, steps).weights])


def gradient_in_keras(loss, y, prediction):
    """The gradient of a Keras loss in what is predicted, p or z, by automatic differentiation."""
    return ops.convert_to_numpy(value_and_grad(lambda p: loss(y, p))(prediction)[1])


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    steps, labels = options.steps or STEPS, make_labels(options.seed)
    return {
        "examples": compute_costs(make_logits(options.seed)),
        "clip": clip(),
        "saturated": saturate(),
        "floor": softmax_for_labels(options.seed),
        "iris": fit(*load_data(), costs.softmax, losses.CategoricalCrossentropy, steps),
        "labels": fit(*labels, costs.sigmoid, losses.BinaryCrossentropy, steps),
    }


def compute_costs(rows):
    """A few rows: their costs; and ∂J/∂z by the formula and in Keras."""
    z, classes, labels, _ = rows  # logits, class numbers, labels on or off, weights for the proof
    y, p, q = np.eye(z.shape[1])[classes], costs.softmax(z), costs.sigmoid(z)
    found = {
        "MSE, three targets": costs.mean_squared_error(labels, z),
        "cross entropy, three classes": costs.cross_entropy(y, p),
        "binary cross entropy, three labels": costs.binary_cross_entropy(labels, q),
    }
    by_hand = {
        "softmax + cross entropy": matched_gradient(y, p, len(y)),
        "sigmoid + cross entropy": matched_gradient(labels, q, labels.size),
        "sigmoid + MSE": squared_error_gradient(labels, q, labels.size),
    }
    softmax_loss = losses.CategoricalCrossentropy(from_logits=True)
    sigmoid_loss = losses.BinaryCrossentropy(from_logits=True)
    pairs = [(softmax_loss, y), (sigmoid_loss, labels), (sigmoid_squared_error, labels)]
    in_keras = dict(zip(by_hand, [gradient_in_keras(loss, target, z) for loss, target in pairs]))
    return dict(rows=rows, found=found, by_hand=by_hand, in_keras=in_keras)


def clip():
    """The right class has p = 0 or TINY, or the logit −FAR: its cost by hand and in Keras."""
    y, zero, tiny, far = np.array([[[1, 0]], [[0, 1]], [[TINY, 1 - TINY]], [[-FAR, 0]]])
    from_p, from_z = (losses.CategoricalCrossentropy(from_logits=it) for it in (False, True))
    return dict(
        by_hand=[costs.cross_entropy(y, p) for p in (zero, tiny)],
        clipped=[costs.cross_entropy(y, p, clip=EPSILON) for p in (zero, tiny)],
        in_keras=[float(from_p(y, p)) for p in (zero, tiny)],
        logits=[costs.cross_entropy(y, far, from_logits=True), float(from_z(y, far))],
        gradient_in_p=gradient_in_keras(from_p, y, tiny),
        gradient_in_z=gradient_in_keras(from_z, y, far),
    )


def saturate():
    """One sigmoid unit, x = y = 1, that is sure of the wrong answer, under both costs."""
    one, start = np.ones((1, 1)), np.full((2, 1), SATURATED / 2)  # z = w + b
    mse, entropy = sigmoid_squared_error, losses.BinaryCrossentropy(from_logits=True)
    settings = {"MSE": (squared_error_gradient, mse), "cross entropy": (matched_gradient, entropy)}
    by_hand, in_keras = {}, {}
    for name, (in_z, loss) in settings.items():
        by_hand[name] = descend(one, one, costs.sigmoid, in_z, 1, start, SATURATED_RATE, MSE_STEPS)
        model = build_model(1, 1, loss, SATURATED_RATE, start=SATURATED / 2)
        in_keras[name] = train(model, one, one, SATURATED_STEPS)
    return dict(by_hand=by_hand, in_keras=in_keras)


def softmax_for_labels(seed):
    """Three labels all on, all off: the lowest costs that a softmax and sigmoids get to."""
    y = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])  # each row is a problem of its own
    z = u = np.random.default_rng(seed).normal(size=y.shape)
    for _ in range(FLOOR_STEPS):
        p, q = costs.softmax(z), costs.sigmoid(u)
        in_p = matched_gradient(y, p, 3) / (p * (1 - p))  # ∂J/∂p
        z = z - FLOOR_RATE * p * (in_p - np.sum(p * in_p, axis=1, keepdims=True))
        u = u - FLOOR_RATE * matched_gradient(y, q, 3)
    ends = {"softmax": costs.softmax(z), "sigmoid": costs.sigmoid(u)}
    return {name: [costs.binary_cross_entropy(*r) for r in zip(y, p)] for name, p in ends.items()}


def fit(X, y, output, loss, steps):
    """z = XW + b trained on scikit-learn's objective, J + ‖W‖² / (2 C · terms)."""
    terms = len(X) if output is costs.softmax else y.size  # J is a mean over n, or over mn
    rate, penalty = LEARNING_RATE * terms / len(X), 1 / (2 * C * terms)
    start = np.zeros((X.shape[1] + 1, y.shape[1]))
    by_hand = descend(X, y, output, matched_gradient, terms, start, rate, steps, MOMENTUM, penalty)
    model = build_model(X.shape[1], y.shape[1], loss(from_logits=True), rate, MOMENTUM, penalty)
    return dict(X=X, y=y, by_hand=by_hand, in_keras=train(model, X, y, steps))


def results(measured):
    """What a learner should see first: {what: number}."""
    found = {
        **measured["examples"]["found"],
        f"cost of p = 0 and {TINY:g}, by hand": measured["clip"]["by_hand"],
        f"both in Keras, clipped at {keras.config.epsilon():g}": measured["clip"]["in_keras"],
        **{f"labels all on, all off: cost under {k}": v for k, v in measured["floor"].items()},
    }
    for name, path in measured["saturated"]["by_hand"].items():
        steps = np.argmax(path.sum(axis=(1, 2)) >= 0) or f"more than {len(path) - 1:,}"
        found[f"sure and wrong: steps until p = ½, {name}"] = steps
    for name, output in {"iris": costs.softmax, "labels": costs.sigmoid}.items():
        X, y, path, in_keras = measured[name].values()
        right = np.mean((output(X @ path[-1, :-1] + path[-1, -1]) > 0.5) == y)
        name = f"{name}, {len(path) - 1:,} steps: fraction of p on the right side of ½"
        found[name] = right if len(path) == len(in_keras) else "diverged"
    return found


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
