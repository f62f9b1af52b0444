"""Elastic nets with many columns, for all rows and for the folds of a cross-validation."""

from typing import NamedTuple

import numpy as np

from course.linear import working_set
from course.linear.duality import gap
from course.linear.problem import GRAM_LIMIT, Solved, rows_of


def solve(X, y, folds, alphas, l1_ratio, settings, start=None):
    """As `course.linear.gram.solve`. With folds, all rows are fitted at the best α only: that fit
    then stands at every α.

    Raises:
        ValueError: the penalty has no L1 part, or X is not finite.
    """
    if l1_ratio == 0 or alphas[-1] == 0:
        raise ValueError(
            f"with more than {GRAM_LIMIT} columns the penalty needs an L1 part: alpha and l1_ratio"
            " above 0; without it the problem is ridge"
        )
    fits, errors = _on_folds(X, y, folds, alphas, l1_ratio, settings)
    wanted = alphas[[np.argmin(errors.mean(axis=1))]] if folds else alphas
    whole = _fit(X, y, wanted, l1_ratio, settings, None if start is None else start[0, 0])
    everywhere = [np.broadcast_to(part, (len(alphas), *part.shape[1:])) for part in whole[:-1]]
    parts = zip(everywhere, *(fit[:-1] for fit in fits))
    coefs, intercepts, gaps, done = (np.array(part) for part in parts)
    rounds = whole.rounds + sum(fit.rounds for fit in fits)
    return Solved(coefs, intercepts, gaps, errors, rounds, done)


def _on_folds(X, y, folds, alphas, l1_ratio, settings):
    """A list of fits, and their errors on the held-out rows, shape (A, folds)."""
    if not folds:
        return [], np.empty((len(alphas), 0))
    from joblib import Parallel, delayed

    # Most of the time goes into products of matrices, which other threads need not wait for.
    fits, errors = zip(
        *Parallel(settings.n_jobs, prefer="threads")(
            delayed(_fold)(X, y, *fold, alphas, l1_ratio, settings) for fold in folds
        )
    )
    return list(fits), np.stack(errors, axis=1)


def _fold(X, y, train, test, alphas, l1_ratio, settings):
    """The fits to the training rows, and their mean squared errors on the others, shape (A,)."""
    fit = _fit(rows_of(X, train), rows_of(y, train), alphas, l1_ratio, settings)
    used = fit.coefs.any(axis=0)
    y_hat = fit.coefs[:, used] @ rows_of(X, test)[:, used].T + fit.intercepts[:, None]
    return fit, np.mean((rows_of(y, test) - y_hat) ** 2, axis=1)


class _Fits(NamedTuple):
    coefs: np.ndarray  # (A, p)
    intercepts: np.ndarray  # (A,)
    gaps: np.ndarray  # (A,)
    done: np.ndarray  # (A,)
    rounds: int


def _fit(X, y, alphas, l1_ratio, settings, start=None):
    y_mean = y.mean(dtype="float64") if settings.fit_intercept else 0.0
    e = np.subtract(y, y_mean, dtype="float64")
    coefs, correlations, R, done, rounds = working_set.path(
        X, e, alphas, l1_ratio, centred=settings.fit_intercept, positive=settings.positive,
        max_rounds=settings.max_iter, start=start,
    )  # fmt: skip
    rr, ry = np.einsum("an,an->a", R, R) / len(e), R @ e / len(e)
    l1, l2 = alphas * l1_ratio, alphas * (1 - l1_ratio)
    gaps = gap(rr, ry, correlations, coefs, l1, l2, settings.positive)
    used = coefs.any(axis=0)
    x_mean = X[:, used].mean(axis=0, dtype="float64")
    intercepts = y_mean - coefs[:, used] @ x_mean if settings.fit_intercept else 0 * gaps
    return _Fits(coefs, intercepts, gaps, done, rounds)
