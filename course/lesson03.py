"""Lesson 3: Linear regression.

Fit y = Xw + b by gradient descent, and hold it against the exact solution.

    prediction   ŷ = Xw + b
    cost         J(w, b) = 1/n Σ (ŷᵢ − yᵢ)²
    gradient     ∂J/∂w = 2/n Xᵀ(ŷ − y)        ∂J/∂b = 2/n Σ (ŷᵢ − yᵢ)
    update       w ← w − η ∂J/∂w              b ← b − η ∂J/∂b

With θ = (w, b) and A = [X 1], X and a column of ones, the cost is a bowl of curvature
H = 2/n AᵀA and its bottom is θ*, least squares. Along each eigenvector of H, of
eigenvalue λ, a step keeps the factor 1 − ηλ of the distance to the bottom: the
steepest direction sets the limit η < 2/λmax, the flattest one the time. Features on
the same scale bring the two together.

    X: shape (n, p)    y, ŷ: shape (n,)    w: shape (p,)    b: a number    θ: shape (p + 1,)

Run it:     python -m course.lesson03
Your data:  python -m course.lesson03 --data FILE.csv --target COLUMN
Read more:  T. Hastie, R. Tibshirani, J. Friedman, The Elements of Statistical Learning,
            2nd ed., 2009, section 3.2.
"""

import keras
import numpy as np
from keras import ops

from course import command, data, descent
from course.autodiff import value_and_grad
from course.drawings import lesson03 as drawings
from course.errors import InputError
from course.report import Check, Options, Report, with_precision
from course.tolerance import BY_HAND

LEARNING_RATE = 0.027  # η, from w = 0, b = 0
STEPS = 10_000
QUICK_STEPS = 1_500
BATCH_SIZE = 10  # with two features and the squared loss / 2
BATCH_RATE = 0.1
BATCH_EPOCHS = 5
NOISE = 0.01  # standard deviation of the noise in two_features.csv
MOST_STEPS = 100_000  # on a table of your own, unless --steps says more


def cost(X, y, theta):
    """J = 1/n Σ (ŷᵢ − yᵢ)², with θ = (w, b); of a path of θs, the cost at each.

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
    path = np.zeros((steps + 1, X.shape[1] + 1))
    for t in range(steps):
        path[t + 1] = path[t] - learning_rate * gradient(X, y, path[t])
    return path


def hessian(X):
    """H = 2/n AᵀA with A = [X 1], shape (p + 1, p + 1)."""
    A = np.column_stack([X, np.ones(len(X))])
    return 2 / len(X) * A.T @ A


def least_squares(X, y):
    """The exact solution, from scikit-learn: (w, b), shape (p + 1,)."""
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression().fit(X, y)
    return np.append(fitted.coef_, fitted.intercept_)


def closed_form(X, y, learning_rate, steps):
    """Where descent from θ = 0 must be at every step: θ* + V (1 − ηλ)^t Vᵀ (0 − θ*)."""
    eigenvalues, V = np.linalg.eigh(hessian(X))
    bottom = least_squares(X, y)
    factors = (1 - learning_rate * eigenvalues) ** np.arange(steps + 1)[:, None]
    return bottom + (factors * (V.T @ -bottom)) @ V.T


def squared_error(y, y_hat):
    """J in Keras, from arrays of shape (n, 1).

    Keras's own "mse" is this too, but averages in float32 on JAX and PyTorch.
    """
    return ops.sum((y_hat - y) ** 2) / ops.cast(ops.shape(y)[0], y_hat.dtype)


def half_squared_error(y, y_hat):
    """J / 2, the squared loss whose gradient has no factor 2."""
    return squared_error(y, y_hat) / 2


def build_model(n_features=1, learning_rate=LEARNING_RATE, loss=squared_error):
    """ŷ = Xw + b as one Dense unit, starting at w = 0, b = 0."""
    model = keras.Sequential(
        [keras.Input((n_features,)), keras.layers.Dense(1, kernel_initializer="zeros")]
    )
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss=loss)
    return model


def train(model, X, y, steps=STEPS):
    """Full-batch descent in Keras; return θ at every step, (steps + 1, p + 1)."""
    w, b = descent.train(model, X, y[:, None], steps).weights
    return np.column_stack([w[:, :, 0], b])


@with_precision
def run(options=Options()) -> Report:
    if options.data:
        return your_table(options)
    if options.target:
        raise InputError("--target needs --data FILE.csv")
    return Report.join(five_points(options), scaling(), mini_batches(options), autodiff())


def five_points(options):
    """y = 2x + 5 on x = 0 … 4: by hand, in Keras, and by formula, at every step."""
    x, y = data.load_five_points()
    X = x[:, None]
    steps = options.steps or (QUICK_STEPS if options.quick else STEPS)
    path = descend(X, y, LEARNING_RATE, steps)
    keras_path = train(build_model(), X, y, steps)

    predicted = closed_form(X, y, LEARNING_RATE, steps)
    exact = least_squares(X, y)
    left = np.abs(predicted[-1] - exact).max()  # after few steps some of the way is left
    rate_limit = 2 / np.linalg.eigvalsh(hessian(X))[-1]
    with np.errstate(over="ignore", invalid="ignore"):
        ends = [cost(X, y, descend(X, y, f * rate_limit, 300)[-1]) for f in (0.95, 1.05)]
    costs = cost(X, y, path)
    return Report(
        results={
            f"w, b after {steps:,} steps": path[-1],
            "cost there": costs[-1],
            "w, b of the Keras model": keras_path[-1],
            "largest learning rate": rate_limit,
        },
        checks=[
            Check("cost after the last step = 0", costs[-1], 0, 1e-27 + 2 / rate_limit * left**2),
            Check("w, b = 2, 5", path[-1], [2, 5], 1e-12 + left),
            Check("w, b = LinearRegression", path[-1], exact, 1e-12 + left),
            Check("w, b at every step = closed form", path, predicted, 10 * BY_HAND),
            Check.twin("w, b at every step, Keras = by hand", keras_path, path, options.dtype, 5),
            Check("converges at 0.95 of 2/λmax, not at 1.05", np.array(ends) < costs[0], [1, 0], 0),
        ],
        figures={
            "fit": lambda: drawings.fit(x, y, path, costs),
            "surface": lambda: drawings.surface(lambda theta: cost(X, y, theta), path, [2, 5]),
        },
    )


def scaling():
    """200 points, x = 1 … 200: the same learning rate explodes; on a scaled x it is fine."""
    x, y = data.load_two_hundred_points()
    X = x[:, None]
    exploding = descend(X, y, LEARNING_RATE, 20)
    growth = np.linalg.norm(exploding[-1]) / np.linalg.norm(exploding[-2])
    steepest = np.linalg.eigvalsh(hessian(X))[-1]

    z = (x - x.mean()) / x.std()
    path = descend(z[:, None], y, LEARNING_RATE, 1000)
    w = path[-1, 0] / x.std()
    b = path[-1, 1] - w * x.mean()
    return Report(
        results={
            "200 points: growth per step": growth,
            "200 points: largest learning rate": 2 / steepest,
            "200 points, x scaled: w, b": (w, b),
        },
        checks=[
            Check("growth per step, relative, = ηλmax − 1", growth,
                  LEARNING_RATE * steepest - 1, 1e-9),
            Check("x scaled: w, b = LinearRegression", [w, b], least_squares(X, y), 1e-10),
        ],
    )  # fmt: skip


def descend_in_batches(X, y, order, learning_rate, batch_size):
    """One step of J / 2 on each mini-batch, taken in the given order; return the last θ.

    Args:
        order: row numbers, shape (number of steps * batch_size,).
    """
    theta = np.zeros(X.shape[1] + 1)
    for rows in order.reshape(-1, batch_size):
        theta = theta - learning_rate * gradient(X[rows], y[rows], theta) / 2
    return theta


def mini_batches(options):
    """Two features, squared loss / 2, mini-batches of 10: the same order by hand and in Keras."""
    X, y = data.load_two_features()
    rng = np.random.default_rng(options.seed)
    order = np.concatenate([rng.permutation(len(y)) for _ in range(BATCH_EPOCHS)])
    theta = descend_in_batches(X, y, order, BATCH_RATE, BATCH_SIZE)

    model = build_model(n_features=2, learning_rate=BATCH_RATE, loss=half_squared_error)
    model.fit(X[order], y[order], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
    keras_theta = np.concatenate([a.ravel() for a in model.get_weights()])
    # The noise in a mini-batch keeps θ at about this distance from the bottom.
    sigma = NOISE * np.sqrt(BATCH_RATE / (2 * BATCH_SIZE))
    return Report(
        results={"two features: w1, w2, b": theta},
        checks=[
            Check.twin("mini-batches, Keras = by hand", keras_theta, theta, options.dtype, 5),
            Check(
                "mini-batches end at least squares, 5 sigma", theta, least_squares(X, y), 5 * sigma
            ),
        ],
    )


def autodiff():
    """The gradient three ways: by hand, by the backend's autodiff, by finite differences."""
    X, y = data.load_two_features()
    thetas = np.array([[0.0, 0.0, 0.0], [2.0, -3.4, 4.2], [-1.0, 5.0, 0.5]])
    by_hand = np.array([gradient(X, y, theta) for theta in thetas])

    X_, y_ = ops.convert_to_tensor(X), ops.convert_to_tensor(y)

    def J(w, b):
        y_hat = ops.einsum("np,p->n", X_, w) + b
        return ops.sum((y_hat - y_) ** 2) / len(y)

    slope = value_and_grad(lambda theta: J(theta[:-1], theta[-1]))
    by_backend = [ops.convert_to_numpy(slope(theta)[1]) for theta in thetas]

    h = 1e-5 * np.eye(3)
    differences = [
        [(cost(X, y, theta + d) - cost(X, y, theta - d)) / 2e-5 for d in h] for theta in thetas
    ]
    return Report(
        results={"gradient at w = 0, b = 0": by_hand[0]},
        checks=[
            Check("gradient, autodiff = by hand", by_backend, by_hand, 100 * BY_HAND),
            Check("gradient by hand = by differences", by_hand, differences, 1e-7),
        ],
    )


def your_table(options):
    """The same lesson on a table of your own, every column scaled to mean 0 and deviation 1."""
    table = data.load_table(options.data, options.target)
    X, y = table.scaled()
    eigenvalues = np.linalg.eigvalsh(hessian(X))
    slowest, steepest = eigenvalues[0], eigenvalues[-1]
    learning_rate = 2 / (slowest + steepest)  # both ends then shrink by the same factor
    factor = (steepest - slowest) / (steepest + slowest)
    needed = int(np.ceil(np.log(1e-10) / np.log(max(factor, 1e-10)))) + 10
    steps = options.steps or needed
    if steps > MOST_STEPS and not options.steps:
        raise InputError(
            f"{options.data}: its columns nearly repeat each other (condition number"
            f" {steepest / slowest:.1e}); descent needs {needed:,} steps: leave a column out,"
            " or ask for them with --steps"
        )
    path = descend(X, y, learning_rate, steps)
    keras_path = train(build_model(X.shape[1], learning_rate), X, y, steps)

    # Back to the table's own units, where scikit-learn solves the unscaled problem.
    w, b = table.in_units(path[-1, :-1], path[-1, -1])
    exact = least_squares(table.X, table.y)
    y_hat, y_exact = table.X @ w + b, table.X @ exact[:-1] + exact[-1]
    explained = 1 - np.mean((table.y - y_hat) ** 2) / table.y.var()
    scaled, scaled_exact = ((v - table.y.mean()) / table.y.std() for v in (y_hat, y_exact))
    left = 1e-9 + 2 * np.sqrt(len(w)) * factor**steps
    every = max(1, steps // 200)
    costs = [cost(X, y, theta) for theta in path[::every]]
    return Report(
        results={
            **table.described(w, b),
            "steps, learning rate": (steps, learning_rate),
            "share of the variance explained": explained,
        },
        checks=[
            Check("scaled weights = LinearRegression", path[-1, :-1],
                  exact[:-1] * table.X.std(axis=0) / table.y.std(),
                  left * np.sqrt(steepest / slowest)),
            Check("predictions, scaled, = LinearRegression", scaled, scaled_exact, 10 * left),
            Check.twin("θ at every step, Keras = by hand", keras_path, path, options.dtype, 5),
        ],
        figures={"table": lambda: drawings.table(table.y, y_hat, table.target, costs, every)},
    )  # fmt: skip


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="steps", own_data=True)


if __name__ == "__main__":
    raise SystemExit(main())
