"""Lesson 3: Linear regression.

Which line fits points best? Gradient descent finds it, on all rows or a few at a time.

    prediction   ŷ = Xw + b
    cost         J(w, b) = 1/n Σ (ŷᵢ − yᵢ)²
    gradient     ∂J/∂w = 2/n Xᵀ(ŷ − y)        ∂J/∂b = 2/n Σ (ŷᵢ − yᵢ)
    update       w ← w − η ∂J/∂w              b ← b − η ∂J/∂b

η is the learning rate; ∂J/∂w is the slope with b held fixed. The cost is a bowl over (w, b); its
second derivatives, the Hessian H, hold the curvature in every direction. The largest, λmax (H's
largest eigenvalue), sets lesson 2's limit: above η = 2/λmax descent diverges.

    X: shape (n, p)    y, ŷ: shape (n,)    w: shape (p,)    b: a number
    θ = (w, b): shape (p + 1,)             path, θ at every step: shape (steps + 1, p + 1)

Run it:     python -m course.lesson03
            python -m course.lesson03 --data FILE.csv --target COLUMN
Checked in: course/checks/lesson03.py
Read more:  T. Hastie, R. Tibshirani, J. Friedman, Elements of Statistical Learning, 2009, 3.2
"""

import keras
import numpy as np

from course import data, descent
from course.autodiff import value_and_grad

LEARNING_RATE, STEPS, QUICK_STEPS = 0.027, 10_000, 1_500  # fixed by the course; from w = b = 0
BATCH_SIZE, BATCH_RATE, BATCH_EPOCHS = 10, 0.1, 5  # with two features; each epoch reshuffles
MAX_CONDITION = 8_000  # largest λmax/λmin of your own table; it takes 12 λmax/λmin steps


def load_data():
    """y = 2x + 5 at x = 0 … 4: X (5, 1), y (5,)."""
    x, y = data.load_five_points()
    return x[:, None], y


# By hand -------------------------------------------------------------------------------------
def cost(X, y, theta):
    """J = 1/n Σ (ŷᵢ − yᵢ)², with θ = (w, b); `...`: θ may be a path of θs.

    >>> float(cost(np.array([[1.0], [2.0]]), np.array([7.0, 9.0]), np.array([2.0, 4.0])))
    1.0
    """
    return np.mean((theta[..., :-1] @ X.T + theta[..., -1:] - y) ** 2, axis=-1)


def gradient(X, y, theta):
    """(∂J/∂w, ∂J/∂b), shape (p + 1,).

    >>> gradient(np.array([[1.0], [2.0]]), np.array([7.0, 9.0]), np.array([2.0, 4.0]))
    array([-3., -2.])
    """
    error = X @ theta[:-1] + theta[-1] - y
    return 2 / len(y) * np.append(X.T @ error, error.sum())


def descend(X, y, learning_rate, steps):
    """Full-batch gradient descent from θ = 0; return θ at every step, (steps + 1, p + 1)."""
    path = [np.zeros(X.shape[1] + 1)]
    while len(path) <= steps and np.abs(path[-1]).max() < 1e100:  # beyond, it has diverged
        path.append(path[-1] - learning_rate * gradient(X, y, path[-1]))
    return np.array(path)


def hessian(X):
    """H = 2/n AᵀA with A = [X 1], shape (p + 1, p + 1)."""
    A = np.column_stack([X, np.ones(len(X))])  # ŷ = Aθ: b is the weight of the ones
    return 2 / len(X) * A.T @ A


def largest_learning_rate(X):
    """2/λmax: above it, descent diverges."""
    return 2 / np.linalg.eigvalsh(hessian(X))[-1]  # eigenvalues are sorted: the last is λmax


def least_squares(X, y):
    """The exact solution, from scikit-learn: (w, b), shape (p + 1,)."""
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression().fit(X, y)
    return np.append(fitted.coef_, fitted.intercept_)


# In Keras ------------------------------------------------------------------------------------
def half_squared_error(y, y_hat):
    """½ (ŷ − y)² of each row: its gradient has no factor 2. Keras averages the rows."""
    return keras.ops.mean((y_hat - y) ** 2, axis=-1) / 2


def build_model(n_features=1, learning_rate=LEARNING_RATE, loss="mse"):
    """ŷ = Xw + b as one Dense unit, starting at w = 0, b = 0."""
    dense = keras.layers.Dense(1, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((n_features,)), dense])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss=loss)
    return model


def train(model, X, y, steps=STEPS):
    """Like `model.fit` on all rows at once, but in seconds; return θ at every step."""
    history = descent.train(model, X, np.reshape(y, (-1, 1)), steps)  # w: (steps + 1, p, 1), and b
    return np.column_stack([w.reshape(steps + 1, -1) for w in history.weights])


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    if options.table:
        return {"table": fit_table(options.table, options.steps)}
    steps = options.steps or (QUICK_STEPS if options.quick else STEPS)
    X, y = load_data()
    limit = largest_learning_rate(X)
    return {
        "line": fit(X, y, LEARNING_RATE, steps),
        "limit": dict(X=X, y=y, around=[descend(X, y, f * limit, 300) for f in (0.95, 1.05)]),
        "scaling": scale_x(),
        "batches": fit_in_batches(options.seed),
        "autodiff": differentiate(),
    }


def fit(X, y, learning_rate, steps):
    """The same descent by hand and in Keras."""
    by_hand = descend(X, y, learning_rate, steps)
    in_keras = train(build_model(X.shape[1], learning_rate), X, y, steps)
    return dict(X=X, y=y, learning_rate=learning_rate, by_hand=by_hand, in_keras=in_keras)


def scale_x():
    """On x = 1 … 200 this rate diverges, but not with x standardised: mean 0, deviation 1."""
    x, y = data.load_two_hundred_points()
    z = (x - x.mean()) / x.std()
    plain = descend(x[:, None], y, LEARNING_RATE, 20)
    scaled = descend(z[:, None], y, LEARNING_RATE, 1_000)
    w, b = scaled[-1] / [x.std(), 1]  # back to the units of x
    return dict(x=x, y=y, plain=plain, scaled=scaled, w=w, b=b - w * x.mean())


def fit_in_batches(seed):
    """Two features, squared loss / 2, a step on each few rows: by hand and by Keras's `fit`."""
    X, y = data.load_two_features()
    rng, theta = np.random.default_rng(seed), np.zeros(3)
    order = np.concatenate([rng.permutation(len(y)) for _ in range(BATCH_EPOCHS)])
    for rows in np.split(order, range(BATCH_SIZE, len(order), BATCH_SIZE)):
        if np.abs(theta).max() < 1e100:  # beyond, it has diverged
            theta = theta - BATCH_RATE * gradient(X[rows], y[rows], theta) / 2
    model = build_model(2, BATCH_RATE, half_squared_error)
    model.fit(X[order], y[order], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
    in_keras = np.concatenate([w.ravel() for w in model.get_weights()])
    return dict(X=X, y=y, by_hand=theta, in_keras=in_keras)


def differentiate():
    """The gradient at three θ: by the formula, and by the computer, from the code of J alone."""
    X, y = data.load_two_features()
    X_, y_ = keras.ops.convert_to_tensor(X), keras.ops.convert_to_tensor(y)

    def J(theta):
        y_hat = keras.ops.sum(X_ * theta[:-1], axis=1) + theta[-1]
        return keras.ops.sum((y_hat - y_) ** 2) / len(y)

    thetas = np.array([[0.0, 0.0, 0.0], [2.0, -3.4, 4.2], [-1.0, 5.0, 0.5]])
    by_hand = np.array([gradient(X, y, theta) for theta in thetas])
    automatic = np.array([value_and_grad(J)(theta)[1] for theta in thetas])
    return dict(X=X, y=y, thetas=thetas, by_hand=by_hand, automatic=automatic)


def fit_table(table, steps=None):
    """A table of your own, every column standardised, at the best learning rate (lesson 5)."""
    X, y = table.scaled(max_condition=None if steps else MAX_CONDITION)
    low, high = np.linalg.eigvalsh(hessian(X))[[0, -1]]
    return {"table": table, **fit(X, y, 2 / (low + high), steps or 10 + int(12 * high / low))}


def results(measured):
    """What a learner should see first: {what: number}."""
    if "table" in measured:
        table, end = measured["table"]["table"], measured["table"]["by_hand"][-1]
        return table.described(*table.in_units(end[:-1], end[-1]))
    line, scaling = measured["line"], measured["scaling"]
    found = {
        f"w, b after {len(line['by_hand']) - 1:,} steps": line["by_hand"][-1],
        "cost there": cost(line["X"], line["y"], line["by_hand"][-1]),
        "w, b of the Keras model": line["in_keras"][-1],
        "largest learning rate": largest_learning_rate(line["X"]),
        "200 points: growth per step": abs(scaling["plain"][-1, 0] / scaling["plain"][-2, 0]),
        "200 points: largest learning rate": largest_learning_rate(scaling["x"][:, None]),
        "200 points, x scaled: w, b": (scaling["w"], scaling["b"]),
        "two features: w1, w2, b": measured["batches"]["by_hand"],
        "gradient at w = 0, b = 0": measured["autodiff"]["by_hand"][0],
    }
    return {k: v if np.all(np.abs(v) < 1e30) else "diverged" for k, v in found.items()}


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
