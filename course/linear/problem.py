"""What all solvers of linear models use: data that are checked and centred, and two records."""

from typing import NamedTuple

import numpy as np

GRAM_LIMIT = 500  # columns: up to so many, p×p matrices are made


def checked(X, y, many_targets=False, wide_later=False):
    """X and y as arrays of one float type; scikit-learn says what is wrong with others.

    Args:
        many_targets: whether y may have shape (n, k).
        wide_later: whether an X of many columns need not be looked through for NaN here.
    """
    if (
        isinstance(X, np.ndarray)
        and isinstance(y, np.ndarray)
        and X.dtype == y.dtype == np.float64
        and (X.ndim, y.ndim) in ((2, 1), (2, 1 + many_targets))
        and len(X) == len(y) > 1
        and X.shape[1] > 0
        and np.isfinite(y.sum())
        # A sum is not finite where a part is not.
        and ((wide_later and X.shape[1] > GRAM_LIMIT) or np.isfinite(np.ones(len(X)) @ X).all())
    ):
        return X, y
    from sklearn.utils import check_X_y

    X, y = check_X_y(X, y, dtype=[np.float64, np.float32], y_numeric=True,
                     ensure_min_samples=2, multi_output=many_targets)  # fmt: skip
    return X, y.astype(X.dtype)


def rows_of(array, rows):
    """array[rows], without a copy where the rows follow each other."""
    if len(rows) and (np.diff(rows) == 1).all():
        return array[rows[0] : rows[-1] + 1]
    return array[rows]


def means(X, y, fit_intercept):
    """The column means of X and of y in float64; zeros where there is no intercept."""
    if not fit_intercept:
        return np.zeros(X.shape[1]), np.zeros(y.shape[1:])
    return X.mean(axis=0, dtype="float64"), y.mean(axis=0, dtype="float64")


class Settings(NamedTuple):
    """The settings of one call, the same for all its problems."""

    fit_intercept: bool
    positive: bool
    tol: float = 0.0
    max_iter: int = 1
    n_jobs: int | None = None  # how many folds at a time, where they are solved one by one

    def checked(self):
        if not self.tol >= 0:
            raise ValueError(f"tol must be at least 0, got {self.tol}")
        if self.max_iter < 1:
            raise ValueError(f"max_iter must be at least 1, got {self.max_iter}")
        return self


class Solved(NamedTuple):
    """All rows, and the training rows of each fold: m = 1 + folds problems at A α each."""

    coefs: np.ndarray  # (m, A, p)
    intercepts: np.ndarray  # (m, A)
    dual_gaps: np.ndarray  # (m, A)
    errors: np.ndarray  # (A, folds): mean squared errors on the held-out rows
    n_iter: int
    done: np.ndarray  # (m, A): whether the KKT conditions hold to rounding
