"""Rows drawn from known weights: of a fit to them the error on new rows is known too."""

import numpy as np

TRUE_WEIGHTS = np.array([3, 1.5, 0, 0, 2] + 11 * [0.0])
COLUMNS = 0.5 ** np.abs(np.subtract.outer(np.arange(16), np.arange(16)))  # their covariance Σ
NOISE = 2.0  # standard deviation σ


def draw_known(rng, n):
    """n rows of y = Xw* + noise: X (n, 16), whose columns are correlated, and y (n,)."""
    X = rng.normal(size=(n, len(TRUE_WEIGHTS))) @ np.linalg.cholesky(COLUMNS).T
    return X, X @ TRUE_WEIGHTS + NOISE * rng.normal(size=n)


def true_error(coefs, b):
    """The mean squared error of Xw + b on new rows: (w − w*)ᵀΣ(w − w*) + b² + σ².

    Args:
        coefs, b: one fit or many, shapes (16,) and (), or (16, A) and (A,).
    """
    error = np.transpose(coefs) - TRUE_WEIGHTS
    return np.sum(error @ COLUMNS * error, axis=-1) + b**2 + NOISE**2
