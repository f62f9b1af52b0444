"""What all solvers of linear models use: data that are checked and centred, and two records."""

import warnings
from typing import NamedTuple

import numpy as np

GRAM_LIMIT = 500  # columns: up to so many, p×p matrices are made
TOO_LARGE = "X or y has numbers too large to be squared: scale them"


def checked(X, y, many_targets=False, wide_later=False):
    """X and y as arrays of one float type; scikit-learn says what is wrong with others.

    Args:
        many_targets: whether y may have shape (n, k).
        wide_later: whether an X of many columns need not be looked through for NaN here.
    """
    if is_plain(X, y, many_targets, wide_later):
        return X, y
    from sklearn.utils import check_X_y

    X, y = check_X_y(X, y, dtype=[np.float64, np.float32], y_numeric=True,
                     ensure_min_samples=2, multi_output=many_targets)  # fmt: skip
    return X, y.astype(X.dtype)


@np.errstate(over="ignore", invalid="ignore")
def is_plain(X, y, many_targets=False, wide_later=False):
    """Whether X and y are finite float64 arrays that fit each other, as most are."""
    return (
        isinstance(X, np.ndarray)
        and isinstance(y, np.ndarray)
        and X.dtype == y.dtype == np.float64
        and (X.ndim, y.ndim) in ((2, 1), (2, 1 + many_targets))
        and len(X) == len(y) > 1
        and X.shape[1] > 0
        and np.isfinite(y.sum())
        # A sum is not finite where a part is not.
        and ((wide_later and X.shape[1] > GRAM_LIMIT) or np.isfinite(np.ones(len(X)) @ X).all())
    )


def rows_of(array, rows):
    """array[rows], without a copy where the rows follow each other."""
    return array[as_slice(rows)]


def as_slice(rows):
    """Row numbers that follow each other as a slice; others as they are."""
    following = len(rows) and rows[-1] - rows[0] == len(rows) - 1
    if following and (rows[1:] - rows[:-1] == 1).all():
        return slice(rows[0], rows[-1] + 1)
    return rows


def means(X, y, fit_intercept):
    """The column means of X and of y in float64; zeros where there is no intercept."""
    if not fit_intercept:
        return np.zeros(X.shape[1]), np.zeros(y.shape[1:])
    return tuple(np.add.reduce(part, axis=0, dtype="float64") / len(part) for part in (X, y))


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
        if self.n_jobs == 0:
            raise ValueError("n_jobs == 0 has no meaning: give a number of threads, -1 or None")
        return self


class Solved(NamedTuple):
    """All rows at A α; or, where there are folds, at the α with the smallest mean error: A = 1."""

    coefs: np.ndarray  # (A, p)
    intercepts: np.ndarray  # (A,)
    dual_gaps: np.ndarray  # (A,)
    errors: np.ndarray  # (α, folds): mean squared errors on the held-out rows
    n_iter: int
    open_gap: float  # the largest gap, folds too, where the KKT conditions do not hold to rounding


def certified(solved, settings, y):
    """What was `Solved`, if its numbers are finite; a gap that is too large is reported."""
    if not all(np.isfinite(part).all() for part in solved[:3]):
        raise ValueError("the solution is not finite: X or y has numbers too large; scale them")
    if solved.open_gap == 0:
        return solved
    enough = settings.tol * np.mean((y - y.mean() if settings.fit_intercept else y) ** 2)
    if solved.open_gap > enough:
        from sklearn.exceptions import ConvergenceWarning

        warnings.warn(
            f"max_iter={settings.max_iter} ended before the duality gap was small enough:"
            f" {solved.open_gap:.3g}, and at most {enough:.3g} was wanted; raise max_iter, or bring"
            " the columns of X to one scale",
            ConvergenceWarning,
            stacklevel=3,
        )
    return solved
