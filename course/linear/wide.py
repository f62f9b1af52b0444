"""Elastic nets with many columns, for all rows and for the folds of a cross-validation."""

from typing import NamedTuple

import numpy as np

from course.linear import working_set
from course.linear.duality import gap
from course.linear.problem import GRAM_LIMIT, TOO_LARGE, Solved, rows_of

OFFSET = 10  # a mean of X times the spread of y, as a multiple of their covariances: beyond, X is
# copied about its means


class Wide:
    """As `course.linear.gram.Gram`."""

    def __init__(self, X, y, folds, settings):
        self.X, self.y, self.folds, self.settings = X, y, folds, settings

    def alpha_max(self, l1_ratio):
        """The smallest α at which all weights are zero on all rows."""
        X, y = self.X, self.y
        y = y - y.mean() if self.settings.fit_intercept else y
        # The deviations of y sum to zero, but for rounding: subtract what x's mean makes of it.
        correlation = X.T @ y - (X.mean(axis=0) * y.sum() if self.settings.fit_intercept else 0)
        largest = correlation.max() if self.settings.positive else np.abs(correlation).max()
        return max(0.0, float(largest)) / (len(y) * l1_ratio)

    def solve(self, alphas, l1_ratio, start=None):
        """At all α of shape (A,), decreasing; start: None, or weights of shape (p,).

        Returns:
            `course.linear.problem.Solved`.

        Raises:
            ValueError: the penalty has no L1 part, or X is not finite.
        """
        if l1_ratio == 0 or alphas[-1] == 0:
            raise ValueError(
                f"with more than {GRAM_LIMIT} columns the penalty needs an L1 part: alpha and"
                " l1_ratio above 0; without it the problem is ridge"
            )
        fits, errors = self._on_folds(alphas, l1_ratio)
        wanted = alphas[[np.argmin(errors.mean(axis=1))]] if fits else alphas
        whole = _fit(self.X, self.y, wanted, l1_ratio, self.settings, start)
        rounds = whole.rounds + sum(fit.rounds for fit in fits)
        open_gap = max(fit.open_gap for fit in [whole, *fits])
        return Solved(*whole[:3], errors, rounds, open_gap)

    def _on_folds(self, alphas, l1_ratio):
        """A list of fits, and their errors on the held-out rows, shape (A, folds)."""
        if not self.folds:
            return [], np.empty((len(alphas), 0))
        from joblib import Parallel, delayed

        # Most of the time goes into products of matrices, which other threads need not wait for.
        fits, errors = zip(
            *Parallel(self.settings.n_jobs, prefer="threads")(
                delayed(_fold)(self.X, self.y, *fold, alphas, l1_ratio, self.settings)
                for fold in self.folds
            )
        )
        return list(fits), np.stack(errors, axis=1)


def _fold(X, y, train, test, alphas, l1_ratio, settings):
    """The fits to the training rows, and their mean squared errors on the others, shape (A,)."""
    fit = _fit(rows_of(X, train), rows_of(y, train), alphas, l1_ratio, settings)
    used = fit.coefs.any(axis=0)
    Z = rows_of(X, test)[:, used] - fit.x_mean[used] - fit.rest[used]
    y_hat = fit.coefs[:, used] @ Z.T + fit.y_mean
    return fit, np.mean((rows_of(y, test) - y_hat) ** 2, axis=1)


class _Fits(NamedTuple):
    coefs: np.ndarray  # (A, p)
    intercepts: np.ndarray  # (A,)
    gaps: np.ndarray  # (A,)
    open_gap: float  # as in `Solved`
    rounds: int
    x_mean: np.ndarray  # (p,)
    rest: np.ndarray  # (p,), by which that mean is too small: it was rounded
    y_mean: float


@np.errstate(over="ignore", invalid="ignore")
def _fit(X, y, alphas, l1_ratio, settings, start=None):
    n, intercept = len(y), settings.fit_intercept
    rest = x_mean = np.zeros(X.shape[1])
    y_mean = 0.0
    if intercept:
        x_mean, y_mean = np.ones(n) @ X / n, y.mean(dtype="float64")
    e = np.subtract(y, y_mean, dtype="float64")
    c = e @ X / n
    if not np.isfinite(c).all():
        raise ValueError(TOO_LARGE if np.isfinite(X).all() else "Input X contains NaN or infinity.")
    # What a mean is above the spread, its products with the residuals lose in digits.
    if X.dtype != np.float64 or np.abs(x_mean).max() * e.std() > OFFSET * np.abs(c).max():
        X = X - x_mean
        if intercept:
            rest = np.ones(n) @ X / n
            X -= rest
        c = e @ X / n
    coefs, correlations, R, done, rounds = working_set.path(
        X, e, c, alphas, l1_ratio, centred=intercept, positive=settings.positive,
        max_rounds=settings.max_iter, start=start,
    )  # fmt: skip
    rr, ry = np.einsum("an,an->a", R, R) / n, R @ e / n
    l1, l2 = alphas * l1_ratio, alphas * (1 - l1_ratio)
    gaps = gap(rr, ry, correlations, coefs, l1, l2, settings.positive)
    open_gap = np.where(np.isnan(gaps), np.inf, gaps)[~done].max(initial=0.0)
    b = y_mean - coefs @ x_mean - coefs @ rest
    return _Fits(coefs, b, gaps, open_gap, rounds, x_mean, rest, y_mean)
