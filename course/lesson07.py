"""Lesson 7: A two-layer network.

A few hidden units learn XOR, which no straight line can, by backpropagation.

    forward     H = g(X W₁)        ŷ = f(H W₂)            no biases; X has a constant column
    cost        J = Σ (ŷᵢ − yᵢ)²                          a sum, not a mean
    backward    D₂ = 2 (ŷ − y) ⊙ f′      ∂J/∂W₂ = Hᵀ D₂       ⊙: entry by entry
                D₁ = (D₂ W₂ᵀ) ⊙ g′       ∂J/∂W₁ = Xᵀ D₁       f′, g′: slopes at H W₂, X W₁
    update      W ← W − η ∂J/∂W                           η = 1, 1500 iterations

The activations g and f are sigmoids, σ(z) = 1 / (1 + e⁻ᶻ), whose slope is σ(1 − σ). g may also
be tanh, with the slope 1 − tanh², or relu, max(z, 0), with the slope 0 or 1.

    X: shape (n, p)    W₁: shape (p, q)    H: shape (n, q)    W₂: shape (q, 1)    y: shape (n, 1)

Run it:     python -m course.lesson07
Checked in: course/checks/lesson07.py
Read more:  D. Rumelhart, G. Hinton, R. Williams, Nature 323, 1986, doi:10.1038/323533a0.
"""

import keras
import numpy as np
from keras import ops

from course import descent
from course.autodiff import gradient_check, value_and_grad

HIDDEN, LEARNING_RATE, ITERATIONS = 4, 1.0, 1500  # q, η; fixed by the course
STARTS, RATES = 20, (0.1, 1.0, 10.0)  # how many of so many networks learn XOR, at each rate?
HIDDEN_KINDS = ("sigmoid", "tanh", "relu")
LINEAR_RATE, LINEAR_STEPS = 0.02, 3000  # of a network without activations


def load_data():
    """XOR of the first two columns; the third is the constant that takes a bias's place."""
    X = np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    return X, np.array([[0.0], [1], [1], [0]])


def draw_weights(rng):
    """W₁ and W₂, uniform from 0 to 1."""
    return rng.random((load_data()[0].shape[1], HIDDEN)), rng.random((HIDDEN, 1))


def draw_starts(rng):
    """W₁ and W₂ of 20 networks, standard normal: (20, p, q) and (20, q, 1)."""
    p = load_data()[0].shape[1]
    return rng.normal(size=(STARTS, p, HIDDEN)), rng.normal(size=(STARTS, HIDDEN, 1))


# By hand -------------------------------------------------------------------------------------
ACTIVATIONS = {  # name: the activation of z, and its slope written with a = activation(z)
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0) * 1.0),
    "linear": (lambda z: z, np.ones_like),
}


def forward(X, W1, W2, hidden="sigmoid", output="sigmoid"):
    """H and ŷ, shapes (n, q) and (n, 1); with W₁ (…, p, q) of many networks, those of all."""
    with np.errstate(over="ignore"):  # where e⁻ᶻ is inf, σ is 0, as it should be
        H = ACTIVATIONS[hidden][0](X @ W1)
        return H, ACTIVATIONS[output][0](H @ W2)


def cost(X, y, W1, W2, hidden="sigmoid", output="sigmoid"):
    """J = Σ (ŷᵢ − yᵢ)² of a network, or of each of many.

    >>> float(cost(*load_data(), np.zeros((3, 4)), np.zeros((4, 1))))  # every ŷ is ½
    1.0
    """
    return np.sum((forward(X, W1, W2, hidden, output)[1] - y) ** 2, axis=(-2, -1))


def backward(X, y, W1, W2, hidden="sigmoid", output="sigmoid"):
    """Backpropagation: ∂J/∂W₁ and ∂J/∂W₂, of the shapes of W₁ and W₂."""
    H, y_hat = forward(X, W1, W2, hidden, output)
    D2 = 2 * (y_hat - y) * ACTIVATIONS[output][1](y_hat)  # (n, 1)
    D1 = D2 @ W2.mT * ACTIVATIONS[hidden][1](H)  # (n, 1)(1, q) * (n, q) = (n, q)
    return X.T @ D1, H.mT @ D2  # (p, n)(n, q) = (p, q) and (q, n)(n, 1) = (q, 1)


def step(X, y, W1, W2, learning_rate=LEARNING_RATE, hidden="sigmoid", output="sigmoid"):
    """One step of gradient descent; return the new W₁ and W₂."""
    dW1, dW2 = backward(X, y, W1, W2, hidden, output)
    return W1 - learning_rate * dW1, W2 - learning_rate * dW2


def descend(X, y, W1, W2, steps, *settings):
    """Return W₁ and W₂ at every step, shapes (steps + 1, p, q) and (steps + 1, q, 1)."""
    path = [(W1, W2)]
    while len(path) <= steps and np.abs(path[-1][0]).max() < 1e20:  # beyond, it has diverged
        path.append(step(X, y, *path[-1], *settings))
    return [np.array(W) for W in zip(*path)]


# In Keras ------------------------------------------------------------------------------------
def build_model(n_inputs=3, n_hidden=HIDDEN, activation="sigmoid", learning_rate=LEARNING_RATE):
    """The same two layers."""
    hidden = keras.layers.Dense(n_hidden, activation=activation, use_bias=False)
    output = keras.layers.Dense(1, activation="sigmoid", use_bias=False)
    model = keras.Sequential([keras.Input((n_inputs,)), hidden, output])
    loss = keras.losses.MeanSquaredError(reduction="sum")  # over the rows, as J
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss=loss)
    return model


def train(model, X, y, steps=ITERATIONS):
    """As `fit` with all rows in a batch, in less time: costs and [W₁, W₂] at every step."""
    return descent.train(model, X, y, steps)


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    return {
        "gradient": differentiate(options.seed),
        "learning": learn(options.seed, options.steps or ITERATIONS),
        "survey": survey(options.seed),
        "linear": fit_linear(options.seed),
    }


def differentiate(seed):
    """The backward pass against differences of the cost, and against the backend's autodiff."""
    (X, y), rng, checked = load_data(), np.random.default_rng(seed), []
    for hidden in HIDDEN_KINDS:
        W1, W2 = (W[0] for W in draw_starts(rng))
        while np.any(near := ((X @ W1 != 0) & (np.abs(X @ W1) < 0.01)).any(axis=0)):
            W1[:, near] = rng.normal(size=W1[:, near].shape)  # too near to the kink of a relu
        gradient = backward(X, y, W1, W2, hidden)
        checked.append(gradient_check(lambda *W, g=hidden: cost(X, y, *W, g), [W1, W2], gradient))
    wrong = [np.copy(g) for g in backward(X, y, W1, W2)]
    wrong[0][-1, -1] *= 1.001  # will the check find it?
    found = gradient_check(lambda *W: cost(X, y, *W), [W1, W2], wrong)
    starts, (X_, y_) = draw_starts(rng), map(ops.convert_to_tensor, (X, y))

    def total(weights):  # the J of all networks; each weight is in one of them only
        H = ops.sigmoid(ops.einsum("np,spq->snq", X_, weights[0]))
        return ops.sum((ops.sigmoid(ops.einsum("snq,sqo->sno", H, weights[1])) - y_) ** 2)

    automatic = [ops.convert_to_numpy(g) for g in value_and_grad(total)(list(starts))[1]]
    return dict(checked=checked, found=found, by_hand=backward(X, y, *starts), automatic=automatic)


def learn(seed, steps):
    """XOR by hand and in Keras, from the same weights."""
    (X, y), (W1, W2) = load_data(), draw_weights(np.random.default_rng(seed))
    model = build_model(*W1.shape)
    if model.count_params() == W1.size + W2.size:  # else it starts where Keras does
        model.set_weights([W1, W2])
    keras_costs, in_keras = train(model, X, y, steps)
    return dict(by_hand=descend(X, y, W1, W2, steps), keras_costs=keras_costs, in_keras=in_keras)


def survey(seed):
    """Many networks at once, of each activation, at each learning rate: how many learn XOR?"""
    (X, y), rng = load_data(), np.random.default_rng(seed)
    starts, first_step, learnt = {}, {}, {kind: [] for kind in (*HIDDEN_KINDS, "linear")}
    for hidden in learnt:
        starts[hidden] = draw_starts(rng)
        for rate in RATES:
            W1, W2 = descend(X, y, *starts[hidden], ITERATIONS, rate, hidden)
            y_hat = forward(X, W1[-1], W2[-1], hidden)[1]
            first_step[hidden, rate] = W1[1]
            learnt[hidden].append(np.all(np.abs(y_hat - y) < 0.5, axis=(-2, -1)).sum())
    return dict(starts=starts, first_step=first_step, learnt=learnt)


def fit_linear(seed):
    """Without activations ŷ = X (W₁W₂), a linear fit."""
    (X, y), linear = load_data(), ("linear", "linear")
    start = draw_weights(np.random.default_rng(seed))
    W1, W2 = (W[-1] for W in descend(X, y, *start, LINEAR_STEPS, LINEAR_RATE, *linear))
    return dict(cost=cost(X, y, W1, W2, *linear), y_hat=forward(X, W1, W2, *linear)[1])


def results(measured):
    """What a learner should see first: {what: number}."""
    gradient, learning, (X, y) = measured["gradient"], measured["learning"], load_data()
    costs, y_hat = cost(X, y, *learning["by_hand"]), forward(X, *learning["by_hand"])[1][-1]
    learnt, linear = measured["survey"]["learnt"], measured["linear"]
    told = {kind: [f"{n} at η = {r:g}" for n, r in zip(learnt[kind], RATES)] for kind in learnt}
    return {
        f"cost before and after {len(costs) - 1:,} iterations": costs[[0, -1]],
        "the same in Keras": learning["keras_costs"][[0, -1]],
        **{f"predictions where y = {t:g}": y_hat[y == t] for t in np.unique(y)[:3]},
        **{f"{kind}: of {STARTS} networks learn": ", ".join(n) for kind, n in told.items()},
        "linear network: cost": linear["cost"] if linear["cost"] < 1e20 else "diverged",
        "linear network: predictions": linear["y_hat"][:2, 0],
        "gradient check: worst weights": "  ".join(place for _, place in gradient["checked"]),
        f"the same with W1[{X.shape[1] - 1}, {HIDDEN - 1}] wrong by 0.1 %": gradient["found"][1],
    }


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
