"""What all solvers of linear models use: data that are checked and centred, and two records."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Matrix: TypeAlias = Any  # an array, what NumPy makes one of, or a sparse array
Array: TypeAlias = Any  # an array, or what NumPy makes one of

GRAM_LIMIT = 500  # columns: up to so many, p×p matrices are made
RULES = "min", "1se"
TOO_LARGE = "X or y has numbers too large to be squared: scale them"


def checked(X, y, many_targets=False, wide_later=False):
    """X and y as arrays of one float type; scikit-learn says what is wrong with others.

    Args:
        many_targets: whether y may have shape (n, k).
        wide_later: whether an X of many columns need not be looked through for NaN here.

    Returns:
        `(X, y)`: a sparse X as a `scipy.sparse.csr_array` or `csc_array`, as it was given.
    """
    if is_plain(X, y, many_targets, wide_later):
        return X, y
    from sklearn.utils import check_X_y

    X, y = check_X_y(X, y, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32],
                     y_numeric=True, multi_output=many_targets)  # fmt: skip
    if not isinstance(X, np.ndarray):
        from scipy.sparse import csc_array, csr_array

        X = (csc_array if X.format == "csc" else csr_array)(X)
        if not X.has_canonical_format:  # SciPy would add up repeated entries in the user's own
            X = X.copy()
            X.sum_duplicates()
    with np.errstate(over="ignore"):
        y = y.astype(X.dtype)
    if not np.isfinite(y).all():
        raise ValueError(f"Input y contains a value too large for {X.dtype!r}.")
    return X, y


def checked_weights(weights, count, name):
    """Weights of rows or columns in float64: finite, not negative, not all of them zero."""
    if weights is None:
        return None
    weights = np.asarray(weights, dtype="float64")
    if weights.shape != (count,):
        raise ValueError(f"{name}.shape == {weights.shape}, expected {(count,)}!")
    if not np.isfinite(weights).all():
        raise ValueError(f"{name} contains NaN or infinity")
    if (weights < 0).any():
        raise ValueError(f"{name} must not be negative, got {weights.min()}")
    if not weights.any():
        raise ValueError(f"{name} must not be zero everywhere")
    return weights


@np.errstate(over="ignore", invalid="ignore")
def is_plain(X, y, many_targets=False, wide_later=False):
    """Whether X and y are finite float64 arrays that fit each other, as most are."""
    return (
        type(X) is type(y) is np.ndarray  # a matrix or a masked array is not plain
        and X.dtype == y.dtype == np.float64
        and (X.ndim, y.ndim) in ((2, 1), (2, 1 + many_targets))
        and len(X) == len(y)
        and 0 not in (X.shape[1], y.size)
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


def penalties(alphas, l1_ratio, u, q):
    """λ₁ and λ₂ of p weights at A α, shape (A, p): λ₁|w| + ½λ₂w² for a weight in its unit."""
    alphas = np.asarray(alphas)[..., None]
    return l1_ratio * alphas * u, (1 - l1_ratio) * (alphas * u) * q


def dense(X):
    """X, if it is sparse as an array."""
    return X if isinstance(X, np.ndarray) else X.toarray(order="F" if X.format == "csc" else "C")


def by_rows(X):
    """X, if it is sparse as a `scipy.sparse.csr_array`."""
    return X if isinstance(X, np.ndarray) else X.tocsr()


def times_rows(X, factors):
    """A sparse X with each row multiplied by its factor."""
    from scipy.sparse import diags_array

    return (diags_array(factors) @ X).tocsr()


def means(X, y, fit_intercept, weights=None):
    """The column means of X and of y in float64; zeros where there is no intercept."""
    if not fit_intercept:
        return np.zeros(X.shape[1]), np.zeros(y.shape[1:])
    if weights is not None or not isinstance(X, np.ndarray):
        weights = np.ones(len(y)) if weights is None else weights
        return weights @ X / weights.sum(), weights @ y / weights.sum()
    return tuple(np.add.reduce(part, axis=0, dtype="float64") / len(part) for part in (X, y))


class Settings(NamedTuple):
    """The settings of one call, the same for all its problems."""

    fit_intercept: bool
    positive: bool
    tol: float = 0.0
    max_iter: int = 1
    n_jobs: int | None = None  # how many folds at a time, where they are solved one by one
    sample_weight: np.ndarray | None = None  # (n,), or all 1
    penalty_weights: np.ndarray | None = None  # (p,), or all 1
    rule: str = "min"  # how α is chosen: see `chosen`

    def checked(self, n, p):
        if not self.tol >= 0:
            raise ValueError(f"tol must be at least 0, got {self.tol}")
        if self.max_iter < 1:
            raise ValueError(f"max_iter must be at least 1, got {self.max_iter}")
        if self.n_jobs == 0:
            raise ValueError("n_jobs == 0 has no meaning: give a number of threads, -1 or None")
        if self.rule not in RULES:
            raise ValueError(f"rule must be one of {', '.join(RULES)}; got {self.rule!r}")
        return self._replace(
            sample_weight=checked_weights(self.sample_weight, n, "sample_weight"),
            penalty_weights=checked_weights(self.penalty_weights, p, "penalty_weights"),
        )

    @property
    def free(self):
        """The numbers of the columns that are not penalised."""
        weights = self.penalty_weights
        return np.flatnonzero(weights == 0) if weights is not None else np.zeros(0, dtype=int)


class Solved(NamedTuple):
    """All rows at A α; or, where there are folds, at the α with the smallest mean error: A = 1."""

    coefs: np.ndarray  # (A, p)
    intercepts: np.ndarray  # (A,)
    dual_gaps: np.ndarray  # (A,)
    errors: np.ndarray  # (α, folds): mean squared errors on the held-out rows
    n_iter: int
    open_gap: float  # the largest gap, folds too, where the KKT conditions do not hold to rounding


@np.errstate(over="ignore")
def chosen(errors, rule):
    """The number of the α with the smallest mean error; or the first, the largest α, that is
    within one standard error of it (of the mean over the folds).

    Args:
        errors: shape (A, folds), for decreasing α.
        rule: "min" or "1se".

    Reference:
        L. Breiman et al., Classification and Regression Trees, 1984, section 3.4.3.
    """
    mean, folds = errors.mean(axis=1), errors.shape[1]
    best = int(np.argmin(mean))
    if rule == "min" or folds < 2:
        return best
    return int(np.argmax(mean <= mean[best] + errors[best].std(ddof=1) / np.sqrt(folds)))


def certified(solved, settings, y):
    """What was `Solved`, if its numbers are finite; a gap that is too large is reported."""
    require_finite(*solved[:3])
    report(solved.open_gap, settings, y, solved.n_iter)
    return solved


def require_finite(*parts):
    if not all(np.isfinite(part).all() for part in parts):
        raise ValueError("the solution is not finite: X or y has numbers too large; scale them")


def report(open_gap, settings, y, n_iter=0):
    """Warn where a duality gap is above tol times y's variance."""
    if open_gap == 0:
        return
    s = settings.sample_weight
    y_mean = np.average(y, weights=s) if settings.fit_intercept else 0.0
    enough = settings.tol * np.average((y - y_mean) ** 2, weights=s)
    if open_gap > enough:
        from sklearn.exceptions import ConvergenceWarning

        ended = n_iter >= settings.max_iter
        warnings.warn(
            (f"max_iter={settings.max_iter} ended before the duality gap was small enough"
             if ended else "the duality gap is not small enough")
            + f": {open_gap:.3g}, and at most {enough:.3g} was wanted; "
            + ("raise max_iter, or bring" if ended else "bring")
            + " the columns of X to one scale",
            ConvergenceWarning,
            stacklevel=4,
        )  # fmt: skip
