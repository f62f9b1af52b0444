"""The penalty bench: lesson 8's and lesson 9's penalties on two weights, lesson 10's path."""

import numpy as np

from course import data as course_data

ROUNDING = 1e-14  # of the largest weight of least squares
COLLINEAR = 1e-12  # of 1: what the squared correlation of two such columns lacks


def data(measured=None):
    """Lesson 3's two features; lesson 10's paths, of all rows and of each fold's training rows.

    A fold's "errors" is EᵀE/m with E = [y − ȳ, X − x̄], its m rows left out about the means of
    its training rows: the mean squared error of w on them is (1, −w)ᵀ EᵀE/m (1, −w).
    """
    from course.lesson08 import load_data as load_names
    from course.lesson10 import FOLDS, alpha_grid, load_data

    features, target = course_data.load_two_features()
    X, y = load_data()
    folds = []
    for rows in np.array_split(np.arange(len(y)), FOLDS):
        X_rest, y_rest = np.delete(X, rows, axis=0), np.delete(y, rows)
        E = np.column_stack([y[rows] - y_rest.mean(), X[rows] - X_rest.mean(axis=0)])
        folds.append({**_path(X_rest, y_rest), "errors": (E.T @ E / len(rows)).tolist()})
    return {
        "rows": np.column_stack([features, target]).tolist(),
        "names": list(load_names()[2]),
        "alphas": alpha_grid(X, y).tolist(),
        "path": _path(X, y),
        "folds": folds,
    }


def _path(X, y):
    alphas, coefs = lasso_kinks(X, y)
    return {"alphas": alphas.tolist(), "weights": coefs.T.tolist()}


def lasso_kinks(X, y):
    """The kinks of the lasso's path; between two of them every weight is a straight line in α.

    Args:
        X, y: shapes (n, p), no column constant, and (n,).

    Returns:
        `(alphas, coefs)`: shape (K,), from α_max, where all weights are zero, down to 0; and
        (p, K), the weights there.

    >>> alphas, coefs = lasso_kinks(np.array([[-1, 1], [1, 1], [-1, -1], [1, -1]]), [1, 5, -5, -1])
    >>> alphas.round(9).tolist(), coefs.round(9).tolist()
    ([3.0, 2.0, 0.0], [[0.0, 0.0, 2.0], [0.0, 1.0, 3.0]])
    """
    from course.lesson09 import moments
    from course.linear import homotopy

    G, c = moments(np.asarray(X, "float64"), np.asarray(y, "float64"))
    size = np.sqrt(np.diag(G))  # homotopy.py wants a diagonal of ones
    scaled = G / np.outer(size, size), c / size, 1 / size
    found = homotopy.pieces(*(part[None] for part in scaled), 0.0, 3 * len(c) + 20)
    alphas = found.end[:, 0]
    return alphas, (found.at(alphas)[0] / size).T


def two_weights(
    X, y, alpha, penalty="lasso", standardise=False, correlation=None, minimum=None
):  # fmt: skip
    """Lesson 9's lasso, or lesson 8's ridge, with two features.

        lasso    1/(2n) ‖Xw + b − y‖² + α (|w1| + |w2|)
        ridge    1/(2n) ‖Xw + b − y‖² + α/(2n) (w1² + w2²)

    Args:
        X, y: shapes (n, 2) and (n,).
        penalty: "lasso" or "ridge".
        standardise: divide both columns by their deviations; w belongs to those.
        correlation: of the two features, in place of what it is in X.
        minimum: (w1, w2) of least squares, in place of what X and y give.

    Returns:
        (w1, w2), shape (2,). Of many minima, where the columns are collinear, one.

    >>> X, y = np.array([[-1, 1], [1, 1], [-1, -1], [1, -1]]), np.array([1, 5, -5, -1])
    >>> two_weights(X, y, 2.5).round(9).tolist()
    [0.0, 0.5]
    >>> two_weights(X, y, 4, "ridge").round(9).tolist()
    [1.0, 1.5]
    """
    from course import lesson09, lesson10

    X, y = np.asarray(X, "float64"), np.asarray(y, "float64")
    varies = np.ptp(X, axis=0) > 0
    if standardise:
        X = X / np.where(varies, X.std(axis=0), 1)
    G, c = lesson09.moments(np.where(varies, X, 0), y if np.ptp(y) else 0 * y)
    if minimum is None:
        minimum = np.linalg.lstsq(G, c, rcond=COLLINEAR)[0]
    elif correlation is None:
        c = G @ minimum
    if correlation is not None:
        size = np.sqrt(np.diag(G))
        G = np.outer(size, size) * np.array([[1, correlation], [correlation, 1]])
        c = G @ minimum
    if penalty == "ridge":
        return np.linalg.lstsq(G + alpha / len(y) * np.eye(2), c, rcond=COLLINEAR)[0]
    on, w = np.flatnonzero(np.diag(G)), np.zeros(2)
    if len(on) == 2 and G[0, 1] ** 2 >= (1 - COLLINEAR) * G[0, 0] * G[1, 1]:
        on = [int(G[1, 1] > (1 + COLLINEAR) * G[0, 0])]  # the longer column needs less weight
    if len(on):  # a column that varies
        w[on] = lesson10.lasso(G[np.ix_(on, on)], c[on], alpha, np.zeros(len(on)))
    return np.where(np.abs(w) > ROUNDING * np.abs(minimum).max(), w, 0)
