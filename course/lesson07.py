"""Lesson 7: A two-layer network.

Four hidden units learn XOR, which no straight line can, by backpropagation.

    forward     H = g(X W₁)        ŷ = f(H W₂)            no biases; X has a constant column
    cost        J = Σ (ŷᵢ − yᵢ)²                          a sum, not a mean
    backward    D₂ = 2 (ŷ − y) ⊙ f′      ∂J/∂W₂ = Hᵀ D₂       ⊙: entry by entry
                D₁ = (D₂ W₂ᵀ) ⊙ g′       ∂J/∂W₁ = Xᵀ D₁       f′, g′: slopes at H W₂, X W₁
    update      W ← W − η ∂J/∂W                           η = 1, 1500 iterations

g and f are sigmoids, σ(z) = 1 / (1 + e⁻ᶻ), whose slope is σ(1 − σ); g may also be
tanh, with the slope 1 − tanh², or relu, max(z, 0), with the slope 0 or 1.

Rounding grows on the way: a weight nudged by a rounding at every step ends hundreds of
times that far away, from a few starts much further. So Keras is held to the formulas
step by step, and over the whole way to how far such nudges lead; the results show the
largest difference of a weight over all iterations.

    X: shape (n, p)    W₁: shape (p, q)    H: shape (n, q)    W₂: shape (q, 1)    y: shape (n, 1)

Run it:     python -m course.lesson07
Read more:  D. E. Rumelhart, G. E. Hinton, R. J. Williams, Learning representations by
            back-propagating errors, Nature 323, 1986, doi:10.1038/323533a0.
"""

import functools

import keras
import numpy as np
from keras import ops

from course import descent
from course.autodiff import value_and_grad
from course.checks import tolerance
from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Options, Report, with_precision
from course.figures import lesson07 as drawings

HIDDEN = 4  # q
LEARNING_RATE = 1.0  # η
ITERATIONS = 1500
FLOAT32_STEP = 1e-6  # two roundings, in float32, of a weight of size 10
STARTS = 20  # of each kind of net that tries to learn XOR
RATES = (0.1, 1.0, 10.0)
LINEAR_RATE, LINEAR_STEPS = 0.02, 3000
MOONS = 300  # points; one half to train on, the other to be tested on
MOONS_HIDDEN = 8
MOONS_STEPS, QUICK_MOONS_STEPS = 500, 300


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


ACTIVATIONS = {  # name: the activation of z, and its slope written with a = activation(z)
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0) * 1.0),
    "linear": (lambda z: z, np.ones_like),
}
HIDDEN_KINDS = ("sigmoid", "tanh", "relu")


def load_data():
    """XOR of the first two columns; the third is the constant that stands in for a bias."""
    X = np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    return X, np.array([[0.0], [1], [1], [0]])


def draw_weights(rng):
    """W₁ and W₂, uniform from 0 to 1."""
    return rng.random((3, HIDDEN)), rng.random((HIDDEN, 1))


def draw_starts(rng):
    """W₁ and W₂ of 20 nets, standard normal: (20, p, q) and (20, q, 1)."""
    return rng.normal(size=(STARTS, 3, HIDDEN)), rng.normal(size=(STARTS, HIDDEN, 1))


def forward(X, W1, W2, hidden="sigmoid", output="sigmoid"):
    """H and ŷ, shapes (n, q) and (n, 1); with W₁ (..., p, q) of many nets, those of all."""
    H = ACTIVATIONS[hidden][0](X @ W1)
    return H, ACTIVATIONS[output][0](H @ W2)


def cost(X, y, W1, W2, hidden="sigmoid", output="sigmoid"):
    """J = Σ (ŷᵢ − yᵢ)² of a net, or of each of many.

    >>> float(cost(*load_data(), np.zeros((3, 4)), np.zeros((4, 1))))  # every ŷ is ½
    1.0
    """
    return np.sum((forward(X, W1, W2, hidden, output)[1] - y) ** 2, axis=(-2, -1))


def backward(X, y, W1, W2, hidden="sigmoid", output="sigmoid"):
    """Backpropagation: ∂J/∂W₁ and ∂J/∂W₂, of the shapes of W₁ and W₂.

    >>> backward(*load_data(), np.zeros((3, 1)), np.full((1, 1), 2.0), output="linear")[0].T
    array([[1., 1., 2.]])
    """
    H, y_hat = forward(X, W1, W2, hidden, output)
    D2 = 2 * (y_hat - y) * ACTIVATIONS[output][1](y_hat)  # (n, 1)
    D1 = D2 @ W2.mT * ACTIVATIONS[hidden][1](H)  # (n, 1)(1, q) * (n, q) = (n, q)
    return X.T @ D1, H.mT @ D2  # (p, n)(n, q) = (p, q) and (q, n)(n, 1) = (q, 1)


def step(X, y, W1, W2, learning_rate=LEARNING_RATE, hidden="sigmoid", output="sigmoid"):
    """One step of gradient descent; return the new W₁ and W₂."""
    dW1, dW2 = backward(X, y, W1, W2, hidden, output)
    return W1 - learning_rate * dW1, W2 - learning_rate * dW2


def descend(X, y, W1, W2, steps, nudge=0.0, rng=None):
    """Gradient descent; return W₁ and W₂ at every step, (steps + 1, p, q) and (steps + 1, q, 1).

    Args:
        nudge: by how much every new weight is moved, up or down, as rounding might.
        rng: draws ups and downs; needed with a nudge.
    """
    path = [(W1, W2)]
    for _ in range(steps):
        W1, W2 = step(X, y, W1, W2)
        if nudge:
            W1, W2 = (W + nudge * rng.choice([-1, 1], W.shape) for W in (W1, W2))
        path.append((W1, W2))
    return [np.array(W) for W in zip(*path)]


def gradient_check(J, weights, gradients, names=("W1", "W2"), h=1e-3):
    """Hold every entry of a gradient against central differences of the cost.

    (8 (J(w + h) − J(w − h)) − (J(w + 2h) − J(w − 2h))) / (12h) is wrong by a term in h⁴ only.
    A relu must have no kink within 2h.

    Args:
        J: `J(*weights) -> number`.
        weights, gradients: lists of arrays, of equal shapes.
        names: of the weights.

    Returns:
        The largest relative error, and the name of its weight, such as "W1[2, 3]".

    Raises:
        ValueError: a gradient has not the shape of its weights.

    >>> gradient_check(lambda w: np.sum(w**2), [np.array([1, 2])], [np.array([2, 5])], ["w"])[1]
    'w[1]'
    """
    weights = [np.array(W, dtype="float64") for W in weights]
    errors = {}
    for name, W, gradient in zip(names, weights, gradients, strict=True):
        if np.shape(gradient) != W.shape:
            raise ValueError(f"{name} has shape {W.shape}, its gradient {np.shape(gradient)}")
        for index, w in np.ndenumerate(W.copy()):
            costs = {}
            for k in (-2, -1, 1, 2):
                W[index] = w + k * h
                costs[k] = J(*weights)
            W[index] = w
            slope = (8 * (costs[1] - costs[-1]) - (costs[2] - costs[-2])) / (12 * h)
            # Rounding leaves about 1e-13 in it, so that a slope below 1e-5 counts as 1e-5.
            size = max(abs(slope), abs(gradient[index]), 1e-5)
            errors[f"{name}{list(index)}"] = abs(gradient[index] - slope) / size
    worst = max(errors, key=lambda name: np.nan_to_num(errors[name], nan=np.inf))
    return float(errors[worst]), worst


def flat(weights):
    """All the numbers of a list of arrays in one row."""
    return np.concatenate([np.ravel(W) for W in weights])


def squared_error(y, y_hat):
    """J in Keras."""
    return ops.sum((y_hat - y) ** 2)


def build_model(
    n_inputs=3, n_hidden=HIDDEN, activation="sigmoid", learning_rate=LEARNING_RATE, momentum=0.0
):
    """The same two layers in Keras; its weights are 0 until they are set."""

    def dense(units, activation):
        return keras.layers.Dense(units, activation, use_bias=False, kernel_initializer="zeros")

    layers = [keras.Input((n_inputs,)), dense(n_hidden, activation), dense(1, "sigmoid")]
    model = keras.Sequential(layers)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate, momentum), loss=squared_error)
    return model


def train(model, X, y, steps=ITERATIONS):
    """Train on all rows at every step; return the costs and the weights at each of them."""
    return descent.train(model, X, y, steps)


@with_precision
def run(options=Options()) -> Report:
    return Report.join(
        gradients(options), learning(options), survey(options), linear(options), moons(options)
    )


def gradients(options):
    """The backward pass against differences of the cost, and against the backend's autodiff."""
    X, y = load_data()
    rng = np.random.default_rng(options.seed)
    errors, places = [], []
    for hidden in HIDDEN_KINDS:
        W1 = W2 = np.zeros((3, 1))
        while np.abs(X @ W1).min() < 0.01:  # too near to the kink of a relu
            W1, W2 = (W[0] for W in draw_starts(rng))
        J = functools.partial(cost, X, y, hidden=hidden)
        error, where = gradient_check(J, [W1, W2], backward(X, y, W1, W2, hidden))
        errors.append(error)
        places.append(where)
    wrong = [np.copy(g) for g in backward(X, y, W1, W2)]
    wrong[0][2, 3] *= 1.001  # which the check must find and name
    found, name = gradient_check(functools.partial(cost, X, y), [W1, W2], wrong)

    starts = draw_starts(rng)
    X_, y_ = ops.convert_to_tensor(X), ops.convert_to_tensor(y)

    def total(weights):
        """The costs of 20 nets added up; the weights of each are in its own cost only."""
        H = ops.sigmoid(ops.einsum("np,spq->snq", X_, weights[0]))
        return ops.sum((ops.sigmoid(ops.einsum("snq,sqo->sno", H, weights[1])) - y_) ** 2)

    by_backend = [ops.convert_to_numpy(g) for g in value_and_grad(total)(list(starts))[1]]
    return Report(
        results={
            f"gradient check, {', '.join(HIDDEN_KINDS)}: worst weight": "  ".join(places),
            "the same with W1[2, 3] wrong by 0.1 %": name,
        },
        checks=[
            Check("gradient by hand = differences, per weight", errors, [0, 0, 0], 1e-7),
            Check("a slope 0.1 % too large is found", found, 0.001 / 1.001, 1e-7),
            Check("the weight is named", name == "W1[2, 3]", 1, 0),
            Check("gradients of 20 nets = autodiff", flat(backward(X, y, *starts)),
                  flat(by_backend), BY_HAND),
        ],
    )  # fmt: skip


def learning(options):
    """XOR in 1500 iterations: by hand and in Keras, from the same weights."""
    X, y = load_data()
    steps = options.steps or ITERATIONS
    rng = np.random.default_rng(options.seed)
    W1, W2 = draw_weights(rng)
    path = descend(X, y, W1, W2, steps)
    costs, y_hat = cost(X, y, *path), forward(X, *path)[1]

    model = build_model()
    model.set_weights([W1, W2])
    keras_costs, keras_path = train(model, X, y, steps)
    # Each of Keras's steps again by hand, from Keras's own weights: so no rounding can grow.
    again = step(X, y, *(W[:-1] for W in keras_path))
    # Over the whole way it does: as far as a path by hand strays when every step is nudged by
    # as much as Keras may round. (Roundings by hand in float32, from 3000 starts, led at most
    # 2.5 times as far as the nudges.)
    rounding = min(tolerance.twin(options.dtype), FLOAT32_STEP)
    nudged = descend(X, y, W1, W2, steps, rounding, rng)
    allowed = 4 * np.abs(flat(nudged) - flat(path)).max()

    def close(name, measured, reference):
        """Within three roundings; two backends, each on its own way, are further apart."""
        return Check(name, measured, reference, 3 * rounding, agreement=allowed)

    checks = [
        Check("largest rise of the cost = 0", max(0, np.diff(costs).max()), 0, 1e-15),
        close("each step in Keras = by hand", flat([W[1:] for W in keras_path]), flat(again)),
        close("each cost in Keras = by hand", keras_costs, cost(X, y, *keras_path)),
        Check("every weight on the way, Keras = by hand", flat(keras_path), flat(path),
              allowed, allowed),
    ]  # fmt: skip
    if steps >= ITERATIONS:  # in fewer it may not have learnt yet
        checks.append(Check("predictions, rounded, = targets", y_hat[-1].round(), y, 0))
    return Report(
        results={
            f"cost before and after {steps:,} iterations": costs[[0, -1]],
            "predictions for 0 0, 1 1": y_hat[-1, [0, 3], 0],
            "predictions for 0 1, 1 0": y_hat[-1, [1, 2], 0],
            "largest difference, Keras − by hand": np.abs(flat(keras_path) - flat(path)).max(),
        },
        checks=checks,
        figures={
            "learning": lambda: drawings.learning(costs, y_hat[..., 0], y[:, 0]),
            "regions": lambda: drawings.regions(
                lambda X: forward(X, *(W[-1] for W in path)), X, y[:, 0]
            ),
        },
    )


def survey(options):
    """How many of 20 nets learn XOR, for each kind of hidden unit and each learning rate."""
    X, y = load_data()
    rng = np.random.default_rng(options.seed)
    rates = np.array(RATES)[:, None, None, None]  # beside W₁, (rates, starts, p, q)
    counts, together, alone = [], [], []
    for hidden in (*HIDDEN_KINDS, "linear"):
        starts = draw_starts(rng)
        W1, W2 = (np.repeat(W[None], len(RATES), axis=0) for W in starts)
        with np.errstate(over="ignore"):  # at rate 10 e⁻ᶻ may be inf and σ 0, as it should
            for t in range(ITERATIONS):
                W1, W2 = step(X, y, W1, W2, rates, hidden)
                if t == 0:
                    together.append(W1)
        alone.append([[step(X, y, *W, rate, hidden)[0] for W in zip(*starts)] for rate in RATES])
        y_hat = forward(X, W1, W2, hidden)[1]
        counts.append(np.all(np.abs(y_hat - y) < 0.5, axis=(-2, -1)).sum(axis=1))
    *counts, straight = counts
    return Report(
        results={
            f"{hidden}, η = {' '.join(f'{r:g}' for r in RATES)}: learnt, of {STARTS}": row
            for hidden, row in zip(HIDDEN_KINDS, counts)
        },
        checks=[
            Check("a step of 240 nets at once = each alone", together, alone, 10 * BY_HAND),
            # One side of a plane cannot hold both 0 1 and 1 0 without 0 0 or 1 1.
            Check("without a hidden activation no net learns XOR", straight, [0, 0, 0], 0),
        ],
        figures={"survey": lambda: drawings.survey(np.array(counts), HIDDEN_KINDS, RATES, STARTS)},
    )  # fmt: skip


def linear(options):
    """Without activations ŷ = X (W₁W₂), a linear fit: it can do no better than ½ everywhere."""
    X, y = load_data()
    W1, W2 = draw_weights(np.random.default_rng(options.seed))
    for _ in range(LINEAR_STEPS):
        W1, W2 = step(X, y, W1, W2, LINEAR_RATE, "linear", "linear")
    y_hat = forward(X, W1, W2, "linear", "linear")[1]
    solved = X @ np.linalg.lstsq(X, y, rcond=None)[0]
    J = cost(X, y, W1, W2, "linear", "linear")
    return Report(
        results={"linear net: cost": J, "linear net: predictions": y_hat[:2, 0]},
        checks=[
            # ŷ is within 1e-8 of the fit by then; the cost feels only the square of that.
            Check("linear net: cost = 1, and = least squares", [J, J],
                  [1, np.sum((solved - y) ** 2)], BY_HAND),
            Check("linear net: predictions = ½", y_hat, np.full((4, 1), 0.5), 1e-8),
        ],
    )  # fmt: skip


def moons(options):
    """The same builder on two half moons, beside scikit-learn's network."""
    from sklearn.datasets import make_moons
    from sklearn.neural_network import MLPClassifier

    X, y = make_moons(MOONS, noise=0.2, random_state=options.seed)
    X = np.column_stack([X, np.ones(MOONS)])
    half = MOONS // 2  # make_moons shuffles
    X_test, y_test = X[half:], y[half:]

    rng = np.random.default_rng(options.seed)
    model = build_model(3, MOONS_HIDDEN, "tanh", learning_rate=0.01, momentum=0.9)
    model.set_weights([rng.normal(size=W.shape) for W in model.get_weights()])
    train(model, X[:half], y[:half, None], QUICK_MOONS_STEPS if options.quick else MOONS_STEPS)
    y_hat = forward(X_test, *model.get_weights(), "tanh")[1][:, 0]
    accuracy = np.mean((y_hat > 0.5) == y_test)

    peer = MLPClassifier(
        (MOONS_HIDDEN,), "tanh", solver="lbfgs", alpha=0.1, max_iter=2000, random_state=options.seed
    )
    reference = peer.fit(X[:half, :2], y[:half]).score(X_test[:, :2], y_test)
    # Two equally good nets that err independently of each other differ, by the luck of the test
    # points, by √2 binomial standard deviations. One success and one failure more keep it above 0.
    p = (half * reference + 1) / (half + 2)
    margin = 4 * np.sqrt(2 * p * (1 - p) / half)
    return Report(
        results={"two moons: accuracy, ours and scikit-learn's": (accuracy, reference)},
        checks=[
            Check("two moons: accuracy = MLPClassifier, 4 sigma", accuracy, reference, margin,
                  agreement=1.5 / half),  # one test point may fall on the other side
        ],
    )  # fmt: skip


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="steps")


if __name__ == "__main__":
    raise SystemExit(main())
