"""The network bench: lesson 7's network, with lesson 6's costs and lesson 9's penalties."""

import numpy as np

POINTS = 100  # of the moons and the circles
FAR = 1e20  # beyond, it has diverged


def data(measured=None):
    """The points of each data set, rows of x₁, x₂ and the class."""
    sets = {name: network_points(name) for name in ("xor", "moons", "circles")}
    return {"points": {name: np.column_stack(Xy).tolist() for name, Xy in sets.items()}}


def network_points(name):
    """Points in the plane of two classes.

    Args:
        name: "xor", lesson 7's four points; "moons", "circles", scikit-learn's, with noise,
            rounded to three decimals.

    Returns:
        X, shape (n, 2), and y, 0 or 1, shape (n,).

    >>> network_points("xor")[1].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    if name == "xor":
        from course.lesson07 import load_data

        X, y = load_data()
        return X[:, :2], y[:, 0]
    from sklearn.datasets import make_circles, make_moons

    X, y = {
        "moons": lambda: make_moons(POINTS, noise=0.15, random_state=0),
        "circles": lambda: make_circles(POINTS, noise=0.1, factor=0.5, random_state=0),
    }[name]()
    return X.round(3), y.astype("float64")


def train_network(
    X, y, hidden=4, activation="sigmoid", cost="squared error", learning_rate=1.0, steps=1500,
    l1=0.0, l2=0.0, start=(0.0, 1.0), seed=0,
):  # fmt: skip
    """Train lesson 7's network on points of two classes, all of them in each step.

    The objective is J + l1 · Σ|w| + l2/2 · Σw². The sums leave out the weights of the constant,
    which take the biases' place. After each step by the gradient of J and of the squares, the
    soft threshold learning_rate · l1 brings weights to zero exactly.

    Args:
        X: points, shape (n, 2); a constant column is added.
        y: classes, 0 or 1, shape (n,).
        hidden: how many hidden units.
        activation: of the hidden units: "sigmoid", "tanh" or "relu".
        cost: J: "squared error", Σ (ŷᵢ − yᵢ)²; or "cross entropy", a sum as well.
        start: the lowest and the highest weight at the start; (0, 1) is lesson 7's.

    Returns:
        W₁, W₂ and J at every step, shape (steps + 1,); shorter where it diverged, and the
        weights are then the last ones before.

    >>> W1, W2, costs = train_network(*network_points("xor"))  # the training of lesson 7's page
    >>> costs[[0, -1]].round(3).tolist()
    [1.332, 0.002]
    """
    from course.lesson09 import soft_threshold

    X = np.column_stack([X, np.ones(len(X))])
    y = np.asarray(y, "float64")[:, None]
    rng = np.random.default_rng(seed)
    W1, W2 = rng.uniform(*start, (X.shape[1], hidden)), rng.uniform(*start, (hidden, 1))
    penalised = np.append(np.ones(X.shape[1] - 1), 0)[:, None], 1.0  # W is, the biases are not
    costs = [_cost(X, y, W1, W2, activation, cost)]
    while len(costs) <= steps:
        gradient = _backward(X, y, W1, W2, activation, cost)
        moved = [
            soft_threshold(W - learning_rate * (dW + l2 * on * W), learning_rate * l1 * on)
            for W, dW, on in zip((W1, W2), gradient, penalised)
        ]
        if not max(np.abs(W).max() for W in moved) < FAR:
            break
        W1, W2 = moved
        costs.append(_cost(X, y, W1, W2, activation, cost))
    return W1, W2, np.array(costs)


def _cost(X, y, W1, W2, activation, cost):
    from course import costs, lesson07

    if cost == "squared error":
        return lesson07.cost(X, y, W1, W2, activation)
    z = lesson07.forward(X, W1, W2, activation, "linear")[1]
    return len(y) * costs.binary_cross_entropy(y, z, from_logits=True)


def _backward(X, y, W1, W2, activation, cost):
    from course import lesson06, lesson07

    if cost == "squared error":
        return lesson07.backward(X, y, W1, W2, activation)
    H, y_hat = lesson07.forward(X, W1, W2, activation)
    D2 = lesson06.matched_gradient(y, y_hat, 1)  # a sum, not a mean
    D1 = D2 @ W2.T * lesson07.ACTIVATIONS[activation][1](H)
    return X.T @ D1, H.T @ D2
