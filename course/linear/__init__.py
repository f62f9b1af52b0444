"""Ridge, lasso and elastic net: one fit, a path of fits, cross-validation; exact, in NumPy.

    ridge         ‖Xw + b − y‖² + α‖w‖²
    elastic net   1/(2n) ‖Xw + b − y‖² + α ρ‖w‖₁ + ½ α(1 − ρ)‖w‖²         ρ = l1_ratio
    lasso         the same with ρ = 1

They are scikit-learn's objectives, and the intercept b is never penalised. What comes back are
NumPy arrays. Data in float32 are solved in float64 and the answers rounded to float32.

How the elastic net is solved depends on the shape of X alone:

    p up to GRAM_LIMIT   all folds and all α in one call, from the p×p matrices XᵀX (moments.py,
                         gram.py): lassos kink by kink (homotopy.py), elastic nets by Newton's
                         method (newton.py); so many targets too (targets.py)
    p above              working sets of columns (wide.py, working_set.py): the equations are
                         only as many as the weights that are not zero

Every answer carries its duality gap, an upper bound on how far its objective is above the minimum.
"""

from __future__ import annotations

import itertools
import numbers
from typing import Any, NamedTuple

import numpy as np

from course.linear import gram, targets, wide
from course.linear.alphas import alpha_grid, checked_alphas, finite
from course.linear.duality import duality_gap, kkt_residual
from course.linear.exact import Kinks, lasso_path_exact
from course.linear.problem import GRAM_LIMIT, Array, Matrix, Settings, certified, checked, chosen
from course.linear.ridge import RidgeFit, ridge, ridge_path
from course.linear.stability import Stability, stability_selection

TALL = 10  # rows for each column of a sparse X: from so many on, XᵀX is made at once

__all__ = [
    "CrossValidation", "Fit", "Kinks", "Path", "RidgeFit", "Stability", "alpha_max", "duality_gap",
    "kkt_residual", "lasso", "lasso_cv", "lasso_path", "lasso_path_exact", "ridge", "ridge_path",
    "stability_selection",
]  # fmt: skip


class Fit(NamedTuple):
    """One solution.

    Attributes:
        coef: shape (p,); or (k, p) for k targets.
        intercept: a number; or shape (k,).
        dual_gap: how far the objective may be above its minimum, in units of y²; or shape (k,).
        n_iter: steps made, at least 1; or a list of k. Targets that are solved together make their
            steps together.

    Example:
        >>> fit = lasso(np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0]), alpha=1 / 3)
        >>> fit.coef.round(12).tolist(), fit.dual_gap < 1e-12
        ([0.5], True)
    """

    coef: np.ndarray
    intercept: float | np.ndarray
    dual_gap: float | np.ndarray
    n_iter: int | list[int]


class Path(NamedTuple):
    """Solutions for many α.

    Attributes:
        alphas: shape (A,), decreasing.
        coefs: shape (p, A).
        intercepts: shape (A,).
        dual_gaps: shape (A,).
        n_iter: steps made for all of them together.

    Example:
        >>> path = lasso_path(np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0]), alphas=3)
        >>> path.coefs.shape, path.coefs.round(3).tolist()
        ((1, 3), [[0.0, 0.968, 0.999]])
    """

    alphas: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    dual_gaps: np.ndarray
    n_iter: int


class CrossValidation(NamedTuple):
    """What cross-validation chose, and from what.

    Attributes:
        alpha, l1_ratio: the pair with the smallest mean error; or, by the rule "1se", a larger α.
        fit: the `Fit` on all rows at that pair.
        alphas: shape (A,), or (L, A) for L l1_ratios; decreasing.
        mse_path: mean squared error on each fold's held-out rows, shape (A, folds) or
            (L, A, folds).

    Example:
        >>> X = np.arange(10.0)[:, None]
        >>> found = lasso_cv(X, X[:, 0], alphas=20)
        >>> found.mse_path.shape, bool(found.alpha == found.alphas[-1])
        ((20, 5), True)
    """

    alpha: float
    l1_ratio: float
    fit: Fit
    alphas: np.ndarray
    mse_path: np.ndarray


def lasso(
    X: Matrix, y: Array, alpha: float, l1_ratio: float = 1.0, *, fit_intercept: bool = True,
    positive: bool = False, tol: float = 1e-4, max_iter: int = 1000,
    coef_init: Array | None = None, sample_weight: Array | None = None,
    penalty_weights: Array | None = None,
) -> Fit:  # fmt: skip
    """The lasso, or the elastic net, at one α.

    Args:
        X: shape (n, p), float64 or float32, or sparse; never changed.
        y: shape (n,); or (n, k): k targets, each a problem of its own.
        alpha: weight of the penalty, at least 0.
        l1_ratio: in [0, 1]; 1 (default) is the lasso.
        fit_intercept: whether there is a b; it is not penalised.
        positive: whether weights may not be negative.
        tol: a `ConvergenceWarning` is given where the duality gap stays above
            tol · mean((y − ȳ)²), as in scikit-learn. The answer is exact to rounding
            anyway unless `max_iter` ends first.
        max_iter: at most so many steps: kinks of the path, or rounds of Newton's method.
        coef_init: shape (p,), or (k, p), weights to start from.
        sample_weight: s, shape (n,), not negative: the loss is then Σ sᵢ(…)² / (2 Σ sᵢ).
        penalty_weights: v, shape (p,), not negative: the penalty is then
            α Σ vⱼ (ρ|wⱼ| + ½(1 − ρ)wⱼ²); columns with 0 are not penalised. (glmnet's
            penalty.factor is the same, but it makes their sum p.)

    Returns:
        `Fit`.

    Raises:
        ValueError, TypeError: the data or a number is not usable; scikit-learn's messages.

    Example:
        >>> X = np.array([[0.0], [1.0], [2.0]])
        >>> fit = lasso(X, np.array([0.0, 1.0, 2.0]), alpha=1 / 3)
        >>> fit.coef.round(12).tolist(), round(float(fit.intercept), 12)
        ([0.5], 0.5)

        The adaptive lasso, which penalises the less what least squares finds the larger:

        >>> X, y = np.eye(3), np.array([3.0, 0.5, -2.0])
        >>> w = lasso(X, y, 0.0, fit_intercept=False).coef
        >>> fit = lasso(X, y, 1 / 3, fit_intercept=False, penalty_weights=1 / np.abs(w))
        >>> fit.coef.round(4).tolist()  # 3 − 1/3, 0, −(2 − 1/2)
        [2.6667, 0.0, -1.5]

    Reference:
        R. Tibshirani, Regression Shrinkage and Selection via the Lasso, J. R. Statist. Soc. B 58,
        1996, doi:10.1111/j.2517-6161.1996.tb02080.x.
    """
    X, y = checked(X, y, many_targets=True, wide_later=True)
    alphas = checked_alphas([alpha], l1_ratio, largest=np.finfo(float).max)
    start = _start(coef_init, (*y.shape[1:], X.shape[1]), positive)
    settings = Settings(
        fit_intercept, positive, tol, max_iter, None, sample_weight, penalty_weights
    ).checked(*X.shape)
    if y.ndim == 1:
        solved = _solve_one(X, y, alphas, l1_ratio, settings, start)
        return _pick(certified(solved, settings, y), X.dtype)
    together, k = None, y.shape[1]
    if X.shape[1] <= GRAM_LIMIT and 1 < k >= X.shape[1] / targets.COLUMNS:
        together = targets.solve(X, y, alphas, l1_ratio, settings, start)
    if together is None:
        fits = []
        for target, w in zip(y.T, [None] * k if start is None else start):
            solved = _solve_one(X, target, alphas, l1_ratio, settings, w)
            fits.append(_pick(certified(solved, settings, target), X.dtype))
        together = zip(*fits)
    w, b, gaps, n_iter = map(np.array, together)
    return Fit(w.astype(X.dtype), b.astype(X.dtype), gaps, n_iter.tolist())


def _solve_one(X, y, alphas, l1_ratio, settings, start):
    """One target at one α: `course.linear.problem.Solved`."""
    many, solved, positive = X.shape[1] > GRAM_LIMIT, None, settings.positive
    # For one α few columns matter, and all XᵀX is not needed; but see Wide for what it cannot do.
    # Of a sparse X it makes those columns dense, and in a tall one XᵀX is small beside them.
    tall = not isinstance(X, np.ndarray) and X.shape[0] >= TALL * X.shape[1]
    if many or not (tall or alphas[0] * l1_ratio == 0 or (positive and len(settings.free))):
        solved = wide.Wide(X, y, [], settings).solve(alphas, l1_ratio, start)
    if not many and (solved is None or solved.open_gap > 0):
        solved = gram.Gram(X, y, [], settings).solve(alphas, l1_ratio, start)
    return solved


def _start(coef_init, shape, positive):
    """What to start from, of that shape; or None."""
    if coef_init is None:
        return None
    start = np.asarray(coef_init, dtype="float64")
    start = start.reshape(-1) if len(shape) == 1 else start
    if start.shape != shape or not np.isfinite(start).all():
        each = f", for each of {shape[0]} targets" if len(shape) > 1 else ""
        raise ValueError(f"coef_init must be {shape[-1]} finite numbers, one for each column{each}")
    return np.maximum(start, 0) if positive else start


def lasso_path(
    X: Matrix, y: Array, *, l1_ratio: float = 1.0, eps: float = 1e-3,
    alphas: int | Array = 100, fit_intercept: bool = True, positive: bool = False,
    tol: float = 1e-4, max_iter: int = 1000, sample_weight: Array | None = None,
    penalty_weights: Array | None = None,
) -> Path:  # fmt: skip
    """The lasso, or the elastic net, at many α.

    Args:
        X, y, l1_ratio, fit_intercept, positive, tol, max_iter, sample_weight, penalty_weights:
            as in `lasso`.
        eps: the smallest α as a fraction of the largest, where `alphas` is a number.
        alphas: how many, from the smallest α at which all weights are zero down to
            eps times that, evenly in log α; or the values, in any order.

    Returns:
        `Path`.

    Raises:
        ValueError, TypeError: as `lasso`.

    Example:
        >>> X = np.array([[-1.0, 1], [1, 1], [-1, -1], [1, -1]])
        >>> path = lasso_path(X, np.array([-3.0, 1, -1, 3]), alphas=[0.5, 1.5])
        >>> path.alphas.tolist(), path.coefs.round(12).T.tolist()
        ([1.5, 0.5], [[0.5, 0.0], [1.5, -0.5]])
    """
    X, y = checked(X, y, wide_later=True)
    problem = _problem(X, y, [], Settings(
        fit_intercept, positive, tol, max_iter, None, sample_weight, penalty_weights
    ))  # fmt: skip
    alphas = alpha_grid(problem, alphas, eps, l1_ratio)
    solved = certified(_solve(problem, alphas, l1_ratio), problem.settings, y)
    coefs, intercepts = solved.coefs.T.astype(X.dtype), solved.intercepts.astype(X.dtype)
    return Path(alphas, coefs, intercepts, solved.dual_gaps, solved.n_iter)


def lasso_cv(
    X: Matrix, y: Array, *, l1_ratio: float | Array = 1.0, eps: float = 1e-3,
    alphas: int | Array = 100, cv: Any = 5, fit_intercept: bool = True, positive: bool = False,
    tol: float = 1e-4, max_iter: int = 1000, n_jobs: int | None = None, rule: str = "min",
    sample_weight: Array | None = None, penalty_weights: Array | None = None,
) -> CrossValidation:  # fmt: skip
    """Choose α, and l1_ratio, by cross-validation, and fit all rows there.

    Args:
        X, y, eps, alphas, fit_intercept, positive, tol, max_iter, penalty_weights: as in
            `lasso_path`.
        l1_ratio: a number, or a list to choose from.
        cv: into how many folds, in the rows' order; a scikit-learn splitter; or a list of
            (training rows, test rows).
        n_jobs: with more than GRAM_LIMIT columns, how many folds at a time, in threads;
            None: one, or what `joblib.parallel_config` says. With fewer columns all folds
            are solved at once. The numbers are the same.
        rule: "min": the α with the smallest mean error; "1se": the largest α whose mean error
            is within one standard error of it.
        sample_weight: as in `lasso`; the errors on the held-out rows are weighted, too.

    Returns:
        `CrossValidation`. Of equal errors the largest α counts, as in scikit-learn.

    Raises:
        ValueError, TypeError: as `lasso`.

    Example:
        >>> X = np.arange(10.0)[:, None]
        >>> found = lasso_cv(X, X[:, 0])
        >>> found.fit.coef.round(12).tolist(), found.mse_path.shape
        ([0.999], (100, 5))

    Reference:
        L. Breiman et al., Classification and Regression Trees, 1984, section 3.4.3.
    """
    X, y = checked(X, y, wide_later=True)
    settings = Settings(
        fit_intercept, positive, tol, max_iter, n_jobs, sample_weight, penalty_weights, rule
    ).checked(*X.shape)
    folds = _folds(cv, X, y, settings.sample_weight)
    ratios = np.atleast_1d(np.asarray(l1_ratio, dtype="float64"))
    if ratios.ndim > 1 or len(ratios) == 0:
        raise ValueError("l1_ratio must be a number, or one or more numbers in a row")
    problem = _problem(X, y, folds, settings)
    grids = [alpha_grid(problem, alphas, eps, ratio) for ratio in ratios]
    found = []
    for pair in zip(grids, ratios):
        found.append(certified(_solve(problem, *pair), settings, y))
    errors = np.array([solved.errors for solved in found])
    with np.errstate(over="ignore"):
        i = np.argmin(errors.mean(axis=-1).min(axis=-1))
    a = chosen(errors[i], rule)
    fit = _pick(found[i], X.dtype)
    alphas = np.array(grids)
    if np.ndim(l1_ratio) == 0:
        alphas, errors = alphas[0], errors[0]
    return CrossValidation(float(grids[i][a]), float(ratios[i]), fit, alphas, errors)


def alpha_max(
    X: Matrix, y: Array, l1_ratio: float = 1.0, *, fit_intercept: bool = True,
    positive: bool = False, sample_weight: Array | None = None,
    penalty_weights: Array | None = None,
) -> float:  # fmt: skip
    """The smallest α at which all penalised weights are zero: max |xⱼ·(y − ȳ)| / (n l1_ratio).

    Args:
        X, y, l1_ratio, fit_intercept, positive, sample_weight, penalty_weights: as in `lasso`;
            l1_ratio is above 0.

    Returns:
        A number.

    Raises:
        ValueError, TypeError: as `lasso`.

    Example:
        >>> alpha_max(np.array([[1.0], [3.0]]), np.array([0.0, 2.0]))
        1.0
    """
    X, y = checked(X, y, wide_later=True)
    checked_alphas([1.0], l1_ratio)
    if l1_ratio == 0:
        raise ValueError("with l1_ratio=0 no α makes all weights zero")
    settings = Settings(
        fit_intercept, positive, sample_weight=sample_weight, penalty_weights=penalty_weights
    ).checked(*X.shape)
    if len(settings.free):
        return _problem(X, y, [], settings).alpha_max(l1_ratio)
    return wide.Wide(X, y, [], settings).alpha_max(l1_ratio)


def _pick(solved, dtype):
    """The only solution."""
    coef, intercept = solved.coefs[0].astype(dtype), dtype.type(solved.intercepts[0])
    return Fit(coef, intercept, float(solved.dual_gaps[0]), solved.n_iter)


def _folds(cv, X, y, sample_weight):
    """A list of (training rows, test rows), row numbers; scikit-learn says what is wrong."""
    folds = _splits(cv, X, y)
    for rows in (rows for fold in folds for rows in fold if sample_weight is not None):
        if not sample_weight[rows].any():
            raise ValueError("sample_weight is zero on all training or all test rows of a fold")
    return folds


def _splits(cv, X, y):
    rows, count = np.arange(len(y)), 5 if cv is None else cv
    if isinstance(count, numbers.Integral) and 2 <= count <= len(y):
        ends = np.cumsum([0, *(len(y) // count + (i < len(y) % count) for i in range(count))])
        return [
            (np.concatenate([rows[:start], rows[stop:]]), rows[start:stop])
            for start, stop in itertools.pairwise(ends)
        ]
    from sklearn.model_selection import check_cv

    # Rows may be given in any way that NumPy takes for an index.
    folds = [(rows[train], rows[test]) for train, test in check_cv(cv).split(X, y)]
    if not folds or not all(len(train) and len(test) for train, test in folds):
        raise ValueError("cv must give at least one fold, and each training and test rows")
    return folds


def _problem(X, y, folds, settings):
    """All rows, and the training rows of each fold, for the solver that suits X."""
    kind = gram.Gram if X.shape[1] <= GRAM_LIMIT else wide.Wide
    return kind(X, y, folds, settings.checked(*X.shape))


def _solve(problem, alphas, l1_ratio):
    return problem.solve(finite(alphas, problem, l1_ratio), l1_ratio)
