"""The answers that lessons must find, obtained without the lessons' own code."""

import warnings

import numpy as np

from course.errors import InputError

EXACT = {"tol": 1e-14, "max_iter": 1_000_000}  # scikit-learn's lassos stop at 1e-4 otherwise


def central_difference(f, at, h=1e-5):
    """The derivative of f along each coordinate of `at`: (f(a + h) − f(a − h)) / (2h).

    Args:
        f: from an array of the shape of `at` to a number.
        at: where; a number or an array.

    Returns:
        The shape of `at`. It is wrong by a term in h², and by the rounding of f over h.

    >>> central_difference(lambda w: w[0] ** 2 + 3 * w[1], np.array([1.0, 5.0])).round(6)
    array([2., 3.])
    """
    at = np.asarray(at, "float64")
    slope = np.empty(at.shape)
    for i in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[i] = h
        slope[i] = (f(at + step) - f(at - step)) / (2 * h)
    return slope


def with_ones(X):
    """A = [X 1], X and a column of ones for the intercept."""
    return np.column_stack([X, np.ones(len(X))])


def least_squares(X, y):
    """(w, b), shape (p + 1,), by the singular values of A = [X 1]: another way than scikit-learn's
    centring, or a lesson's descent."""
    return np.linalg.lstsq(with_ones(X), y, rcond=None)[0]


def standardised(values):
    """Every column with mean 0 and standard deviation 1, by another way than a table's: from the
    differences to the first row, which are exact where the numbers are alike."""
    ones = np.ones(len(values))
    differences = values - values[0]
    centred = differences - ones @ differences / len(ones)
    return centred * np.sqrt(len(ones)) / np.linalg.norm(centred, axis=0)


def predictions_in_units(table, w, b):
    """Predictions of a table's target by weights in its own units, standardised: (n,).

    Returns:
        The predictions, and how far roundings may be off: a column far from 0, as years are,
        has large products, which cancel.
    """
    y_hat = (table.X @ w + b - table.y.mean()) / table.y.std()
    size = np.abs(table.X) @ np.abs(w) + np.abs(b) + np.abs(table.y).max()
    return y_hat, 10 * np.finfo("float64").eps * size / table.y.std()


def curvature(X):
    """Eigenvalues, ascending, and eigenvectors of H = 2/n AᵀA, from the singular values of A.

    H is the Hessian of the mean squared error of ŷ = Xw + b.
    """
    _, singular, Vt = np.linalg.svd(with_ones(X))
    squares = np.zeros(len(Vt))
    squares[: len(singular)] = singular**2
    return 2 / len(X) * squares[::-1], Vt[::-1].T


def quadratic_descent(X, y, learning_rate, steps, start=None):
    """θ at every step of gradient descent on the mean squared error, in closed form.

    Along an eigenvector of H with eigenvalue λ each step multiplies the distance to the
    minimum by 1 − ηλ, so θ_t = θ* + V (1 − ηλ)^t Vᵀ (θ₀ − θ*), without a loop.

    Args:
        learning_rate: η, a number, or one for each step, shape (steps,).
        start: θ₀, shape (p + 1,); None: zeros.

    Returns:
        Shape (steps + 1, p + 1).
    """
    minimum, distance = modes(X, y, learning_rate, steps, start)
    return minimum + distance


def modes(X, y, learning_rate, steps, start=None):
    """The minimum θ* and θ_t − θ* at every step, (steps + 1, p + 1); see `quadratic_descent`."""
    eigenvalues, V = curvature(X)
    minimum = least_squares(X, y)
    start = np.zeros(len(minimum)) if start is None else start
    factors = 1 - np.broadcast_to(learning_rate, steps)[:, None] * eigenvalues
    factors = np.vstack([np.ones(len(minimum)), np.cumprod(factors, axis=0)])
    return minimum, (factors * (V.T @ (start - minimum))) @ V.T


def order_covariance(X, squares, learning_rate, batch_size):
    """P, shape (p, p): the covariance that random mini-batches give the w of least squares.

    Every step draws B rows with replacement. With K = I − 2η x xᵀ, what a step on row x alone
    does to the distance w − w*, and r that row's residual at w*, the covariance of w no longer
    changes when

        P = 1/B mean(K P K) + (1 − 1/B) K̄ P K̄ + 4η²/B mean(r² x xᵀ),

    a bar and "mean" over the rows: a linear system for the p² numbers of P. P is about
    proportional to η/B.

    Args:
        X: shape (n, p), without intercept.
        squares: r² of each row, or its mean where y is random too, shape (n,).
        learning_rate: η, small enough for the covariance to settle.
        batch_size: B.

    >>> order_covariance(np.ones((2, 1)), np.ones(2), 0.25, 1).round(9)  # w ← w/2 + r/2
    array([[0.33333333]])
    """
    p = X.shape[1]
    outer = X[:, :, None] * X[:, None, :]  # x xᵀ, (n, p, p)
    step = order_step(X, learning_rate, batch_size)
    push = 4 * learning_rate**2 / batch_size * np.mean(squares[:, None, None] * outer, axis=0)
    return np.linalg.solve(np.eye(p * p) - step, push.ravel()).reshape(p, p)


def order_step(X, learning_rate, batch_size):
    """What a step does to P, row by row, in `order_covariance`, shape (p², p²).

    P settles where all its eigenvalues are below 1.
    """
    K = np.eye(X.shape[1]) - 2 * learning_rate * X[:, :, None] * X[:, None, :]
    return second_moments_step(K, batch_size)


def second_moments_step(T, batch_size):
    """What an update on B rows drawn at random does to E[z zᵀ], row by row, shape (p², p²).

    Where z ← Tᵢ z is the update on row i alone, that of a batch is the mean of its Tᵢ: so E[z zᵀ]
    is led on by the mean of Tᵢ ⊗ Tᵢ where a row meets itself, and by T̄ ⊗ T̄, T̄ the mean of Tᵢ,
    where two different rows meet.

    Args:
        T: the matrices of all rows, shape (n, p, p).
    """
    same = np.mean([np.kron(t, t) for t in T], axis=0)
    different = np.kron(T.mean(axis=0), T.mean(axis=0))
    return same / batch_size + (1 - 1 / batch_size) * different


def elastic_net(X, y, alpha, l1_ratio=1.0):
    """(w, b), shape (p + 1,), of the lasso or elastic net by scikit-learn, to rounding.

    It minimises 1/(2n) ‖Xw + b − y‖² + α (ρ‖w‖₁ + ½ (1 − ρ)‖w‖²), ρ = l1_ratio.

    Raises:
        InputError: it does not converge, because the columns nearly repeat each other.
    """
    from sklearn import linear_model
    from sklearn.exceptions import ConvergenceWarning

    solver = linear_model.Lasso(alpha, **EXACT)
    if l1_ratio != 1:
        solver = linear_model.ElasticNet(alpha, l1_ratio=l1_ratio, **EXACT)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            fitted = solver.fit(X, y)
        except ConvergenceWarning:
            raise InputError(
                "the columns of the table nearly repeat each other, so that scikit-learn's Lasso"
                " does not converge: leave a column out"
            ) from None
    return np.append(fitted.coef_, fitted.intercept_)


def kkt_violation(X, y, w, alpha, l1_ratio=1.0):
    """By how much each weight misses the elastic net's optimality conditions; shape (..., p).

    With the residual r = y − Xw − b at the best b, and pull = Xᵀr/n − α(1 − ρ)w, they are
    |pullⱼ| ≤ αρ where wⱼ = 0, and pullⱼ = αρ sign(wⱼ) elsewhere.

    Args:
        X, y, w: shapes (..., n, p), (..., n) and (..., p): many problems at once.
        alpha: a number, or one for each problem.
    """
    alpha = np.asarray(alpha)[..., None]
    residual = y - np.squeeze(X @ w[..., None], -1)
    residual = residual - residual.mean(axis=-1, keepdims=True)
    pull = np.squeeze(X.mT @ residual[..., None], -1) / y.shape[-1] - alpha * (1 - l1_ratio) * w
    excess = np.maximum(np.abs(pull) - alpha * l1_ratio, 0)  # a NaN stays one
    return np.where(w == 0, excess, np.abs(pull - alpha * l1_ratio * np.sign(w)))


def ridge(X, y, alpha):
    """(w, b), shape (p + 1,), that minimises ‖Xw + b − y‖² + α‖w‖², by scikit-learn; α = 0 is
    least squares. For k targets, y of shape (n, k): shape (p + 1, k)."""
    from sklearn.linear_model import LinearRegression, Ridge

    fitted = (Ridge(alpha, solver="svd") if alpha else LinearRegression()).fit(X, y)
    return np.concatenate([fitted.coef_.T, [fitted.intercept_]])
