"""Elastic nets with many columns, for all rows and for the folds of a cross-validation."""

import contextlib
from typing import NamedTuple

import numpy as np

from course.linear import gram, working_set
from course.linear.duality import gap
from course.linear.problem import (
    GRAM_LIMIT,
    TOO_LARGE,
    Settings,
    Solved,
    by_rows,
    chosen,
    dense,
    rows_of,
    times_rows,
)
from course.linear.ridge import solve as ridge

OFFSET = 10  # a mean of X times the spread of y, as a multiple of their covariances: beyond, X is
# copied about its means
STEPS = 1000  # of Newton's method
FAR = 10  # a column's mean, as a multiple of its spread: beyond, a sparse one has next to no zeros
RANK = 1e-12  # of the largest: smaller singular values of the unpenalised columns are rounding
BLOCK = 2**19  # numbers of held-out rows that are made dense at a time
SOUND = 1e-10  # of Xᵀy/n: what ridge may leave of its equations


class Wide:
    """As `course.linear.gram.Gram`."""

    def __init__(self, X, y, folds, settings):
        self.X, self.y, self.folds, self.settings = X, y, folds, settings
        if len(settings.free) and settings.positive:
            raise ValueError(
                f"with more than {GRAM_LIMIT} columns and positive=True, penalty_weights must be"
                " above 0"
            )

    def alpha_max(self, l1_ratio):
        """The smallest α at which all penalised weights are zero on all rows."""
        with np.errstate(over="ignore", invalid="ignore"):
            rows = _Rows(self.X, self.y, self.settings)
            c = rows.correlations()
        if rows.spread is not None:  # e sums to zero, but for rounding: what the means make of it
            c -= (rows.e @ rows.spread) / np.sqrt(len(self.y)) * rows.mean_here
        v = self.settings.penalty_weights
        c = c if v is None else c[v > 0] / v[v > 0]
        largest = c.max() if self.settings.positive else np.abs(c).max()
        return max(0.0, float(largest)) / l1_ratio

    def solve(self, alphas, l1_ratio, start=None):
        """At all α of shape (A,), decreasing; start: None, or weights of shape (p,).

        Returns:
            `course.linear.problem.Solved`.

        Raises:
            ValueError: X is not finite.
        """
        fits, errors = self._on_folds(alphas, l1_ratio)
        wanted = alphas[[chosen(errors, self.settings.rule)]] if fits else alphas
        whole = fit(self.X, self.y, wanted, l1_ratio, self.settings, start)
        if start is not None and whole.open_gap > 0:  # it may lead astray
            whole = fit(self.X, self.y, wanted, l1_ratio, self.settings)
        rounds = whole.rounds + sum(rounds for rounds, _ in fits)
        open_gap = max([whole.open_gap, *(gap for _, gap in fits)])
        return Solved(*whole[:3], errors, rounds, open_gap)

    def _on_folds(self, alphas, l1_ratio):
        """A list of (rounds, open gap), and the errors on the held-out rows, shape (A, folds)."""
        if not self.folds:
            return [], np.empty((len(alphas), 0))
        from joblib import Parallel, delayed

        X = by_rows(self.X)
        # Most of the time goes into products of matrices, which other threads need not wait for.
        fits, errors = zip(
            *Parallel(self.settings.n_jobs, prefer="threads")(
                delayed(_fold)(X, self.y, *fold, alphas, l1_ratio, self.settings)
                for fold in self.folds
            )
        )
        return list(fits), np.stack(errors, axis=1)


def _fold(X, y, train, test, alphas, l1_ratio, settings):
    """The fits to the training rows: (rounds, open gap); and their mean squared errors on the
    others, shape (A,)."""
    s = settings.sample_weight
    own = settings if s is None else settings._replace(sample_weight=s[train])
    found = fit(rows_of(X, train), rows_of(y, train), alphas, l1_ratio, own)
    used = np.flatnonzero(found.coefs.any(axis=0))
    w, total, step = found.coefs[:, used], 0.0, max(1, BLOCK // (len(used) + len(alphas)))
    weights = np.ones(len(test)) if s is None else s[test]
    for i in range(0, len(test), step):
        rows = test[i : i + step]
        Z = dense(rows_of(X, rows)[:, used]) - found.x_mean[used] - found.rest[used]
        y_hat = w @ Z.T + found.y_mean
        total += (rows_of(y, rows) - y_hat) ** 2 @ weights[i : i + step]
    return (found.rounds, found.open_gap), total / weights.sum()


class _Fits(NamedTuple):
    coefs: np.ndarray  # (A, p)
    intercepts: np.ndarray  # (A,)
    gaps: np.ndarray  # (A,)
    open_gap: float  # as in `Solved`
    rounds: int
    x_mean: np.ndarray  # (p,)
    rest: np.ndarray  # (p,), by which that mean is too small: it was rounded
    y_mean: float


class _Rows:
    """X and y in float64, each row times the root of its weight; y about its mean.

    The roots are such that their squares sum to n.

    Attributes:
        X: shape (n, p); not copied where there is nothing to do. A sparse one is a
            `scipy.sparse.csc_array`, and in it the columns that are far from zero are about their
            means: their products with the residuals would lose digits.
        e: shape (n,).
        root: shape (n, 1), the roots; or 1.
        spread: shape (n,), of length 1: what an intercept adds to the rows; None without one.
        y_mean: a number, of the rows as they were.
        x_mean, rest: shape (p,), X's, and by how much it is too small: it was rounded.
        mean_here: shape (p,), the means of X as it is here.
    """

    def __init__(self, X, y, settings):
        n, s = len(y), settings.sample_weight
        self.root = 1 if s is None else np.sqrt(s * (n / s.sum()))[:, None]
        self.y_mean = np.average(y.astype("float64"), weights=s) if settings.fit_intercept else 0.0
        self.e, self.X = np.subtract(y, self.y_mean, dtype="float64"), X
        if np.abs(self.e).max() <= working_set.NOTHING * np.abs(y).max():  # y is constant
            self.e[:] = 0
        self.unweighted = X
        if s is not None:
            root = self.root[:, 0]
            self.e *= root
            self.X = self.root * X if isinstance(X, np.ndarray) else times_rows(X, root)
        if not isinstance(X, np.ndarray):
            self.X = self.X.astype("float64", copy=False).tocsc()
        self.spread = (np.ones((n, 1)) * self.root)[:, 0] / np.sqrt(n)
        self.x_mean = self.mean_here = self.rest = np.zeros(X.shape[1])
        if not settings.fit_intercept:
            self.spread = None
            return
        self.x_mean = self.mean_here = self._means(self.X)
        if not isinstance(X, np.ndarray):
            squares = np.ones(n) @ self.X.power(2) / n
            far = self.x_mean**2 > FAR**2 * (squares - self.x_mean**2)
            if far.any():
                self._centre(np.flatnonzero(far))

    def _means(self, X):
        return self.spread @ X / np.sqrt(len(self.spread))

    def _centre(self, far):
        """Bring these columns of a sparse X about their means."""
        from scipy.sparse import csc_array, hstack

        others = np.setdiff1d(np.arange(self.X.shape[1]), far)
        Z, rest = self._about_means(dense(self.unweighted[:, far]), self.x_mean[far])
        X = hstack([self.X[:, others], csc_array(Z)], format="csc")
        self.X = X[:, np.argsort(np.append(others, far))]
        self.mean_here, self.rest = self.mean_here.copy(), np.zeros(len(self.mean_here))
        self.mean_here[far], self.rest[far] = 0, rest

    def _about_means(self, X, x_mean):
        """Unweighted columns about their means, times the root; and what those means lacked."""
        X = X - x_mean  # first: the product is rounded
        X *= self.root
        rest = self._means(X)
        X -= self.root * rest
        working_set.clear_rounding(X, np.max(self.root) * np.abs(x_mean))
        return X, rest

    def correlations(self):
        """Xᵀe/n, shape (p,); where they would lose digits, X is copied about its means first.

        Raises:
            ValueError: one is not finite.
        """
        c = self._product()
        # What a mean is above the spread, its products with the residuals lose in digits.
        spread = np.sqrt(self.e @ self.e / len(self.e))
        far = np.abs(self.x_mean).max() * spread > OFFSET * np.abs(c).max()
        if not isinstance(self.X, np.ndarray) or (self.X.dtype == np.float64 and not far):
            return c
        if self.spread is None:
            self.X = self.X.astype("float64")
        else:
            self.X, self.rest = self._about_means(self.unweighted, self.x_mean)
            self.mean_here = np.zeros(len(c))
        return self._product()

    def _product(self):
        c = self.e @ self.X / len(self.e)
        _require_finite(c, self.X)
        return c


@np.errstate(over="ignore", invalid="ignore")
def fit(X, y, alphas, l1_ratio, settings, start=None):
    """The fits to some rows at A α."""
    rows = _Rows(X, y, settings)
    c = rows.correlations()
    n, X, e, spread, x_mean, rest = len(y), rows.X, rows.e, rows.spread, rows.x_mean, rows.rest
    free, v = settings.free, settings.penalty_weights
    basis = None if spread is None else spread[:, None]
    if len(free):
        given = dense(X[:, free])
        unpenalised = given if spread is None else given - np.outer(spread, spread @ given)
        size = np.abs(given).max(axis=0) + np.abs(x_mean[free])
        working_set.clear_rounding(unpenalised, size)
        U, size, _ = np.linalg.svd(unpenalised / _size(unpenalised), full_matrices=False)
        U = U[:, size > RANK * size[0]]
        basis = U if spread is None else np.column_stack([spread, U])
        c = (e - U @ (U.T @ e)) @ X / n
    if l1_ratio == 0 or alphas[-1] == 0:
        coefs, correlations, R, done, rounds = _without_l1(
            X, e, c, alphas, l1_ratio, spread, basis, settings
        )
    else:
        coefs, correlations, R, done, rounds = working_set.path(
            X, e, c, alphas, l1_ratio, basis=basis, penalty_weights=v, positive=settings.positive,
            max_rounds=settings.max_iter, start=start,
        )  # fmt: skip
    if len(free):
        used = np.flatnonzero(coefs.any(axis=0))
        targets = e[:, None] - X[:, used] @ coefs[:, used].T
        coefs[:, free] = np.linalg.lstsq(unpenalised, targets)[0].T
    rr, ry = np.einsum("an,an->a", R, R) / n, R @ e / n
    l1, l2 = alphas * l1_ratio, alphas * (1 - l1_ratio)
    gaps = gap(rr, ry, correlations, coefs, l1, l2, settings.positive, v)
    open_gap = np.where(np.isnan(gaps), np.inf, gaps)[~done].max(initial=0.0)
    b = rows.y_mean - coefs @ x_mean - coefs @ rest
    return _Fits(coefs, b, gaps, open_gap, rounds, x_mean, rest, rows.y_mean)


def _require_finite(c, X):
    if not np.isfinite(c).all():
        finite = np.isfinite(X if isinstance(X, np.ndarray) else X.data).all()
        raise ValueError(TOO_LARGE if finite else "Input X contains NaN or infinity.")


def _size(Z):
    """The largest number of each column, or 1."""
    size = np.abs(Z).max(axis=0)
    return np.where(size > 0, size, 1)


def _without_l1(X, e, c, alphas, l1_ratio, spread, basis, settings):
    """As `course.linear.working_set.path`, where some α has no L1 part: that is ridge."""
    n, v, positive, found = len(e), settings.penalty_weights, settings.positive, []
    v = np.ones(X.shape[1]) if v is None else v
    for alpha in alphas:
        l2 = alpha * (1 - l1_ratio)
        if alpha * l1_ratio > 0:
            found.append([array[0] for array in working_set.path(
                X, e, c, np.array([alpha]), l1_ratio, basis=basis, positive=positive,
                penalty_weights=settings.penalty_weights, max_rounds=settings.max_iter,
            )[:4]])  # fmt: skip
            continue
        if positive or settings.penalty_weights is not None:
            w = _weighted_ridge(X, e, n * l2, basis, v, positive)
        else:
            w = ridge(X, e[:, None], np.array([n * l2]), spread)[0][:, 0]
        R = e - X @ w
        R = R if basis is None else R - basis @ (basis.T @ R)
        correlation = R @ X / n
        residual = (correlation - l2 * v * w)[v > 0]
        if positive:
            residual = np.where(w[v > 0] > 0, residual, np.maximum(residual, 0))
        found.append([w, correlation, R, np.abs(residual).max() <= SOUND * np.abs(c).max()])
    return *map(np.array, zip(*found)), len(alphas)


def _least_squares_above_0(Z, e):
    """The w ≥ 0 that minimises ‖Zw − e‖²; where it is not found, the gap says so."""
    from scipy.optimize import nnls

    found = [np.zeros(Z.shape[1])]
    with contextlib.suppress(RuntimeError):  # too many steps
        found.append(nnls(Z, e)[0])
        # What it returns may have lost digits: its equations are solved again.
        on = np.flatnonzero(found[-1])
        found.append(0 * found[0])
        found[-1][on] = np.maximum(np.linalg.lstsq(Z[:, on], e)[0], 0)
    return min(found, key=lambda w: np.linalg.norm(Z @ w - e))


def _weighted_ridge(X, e, alpha, basis, v, positive):
    """The w that minimises ‖P(Xw − e)‖² + α Σ vⱼ wⱼ², where P takes away what is in the basis.

    In units of √vⱼ each weight has the same penalty. Where v is 0, w is left at 0.

    Weights that may not be negative take p×p matrices, but for α = 0.
    """
    some = np.flatnonzero(v)
    unit = np.sqrt(v[some])
    Z, w = dense(X[:, some]), np.zeros(len(v))
    if basis is not None:
        size = np.abs(Z).max(axis=0)
        Z = Z - basis @ (basis.T @ Z)
        working_set.clear_rounding(Z, size)
    Z = Z / unit
    if positive and alpha > 0:
        problem = gram.Gram(Z, e, [], Settings(fit_intercept=False, positive=True, max_iter=STEPS))
        w[some] = problem.solve(np.array([alpha / len(e)]), 0.0).coefs[0] / unit
    elif positive:
        w[some] = _least_squares_above_0(Z, e) / unit
    else:
        w[some] = ridge(Z, e[:, None], np.array([alpha]))[0][:, 0] / unit
    return w
