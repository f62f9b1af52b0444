"""Ridge, lasso and elastic net: one fit, a path of fits, cross-validation; exact, on any backend.

    ridge         ‖Xw + b − y‖² + α‖w‖²
    elastic net   1/(2n) ‖Xw + b − y‖² + α ρ‖w‖₁ + ½ α(1 − ρ)‖w‖²         ρ = l1_ratio
    lasso         the same with ρ = 1

They are scikit-learn's objectives, and the intercept b is never penalised. What comes back are
NumPy arrays. Data in float32 are solved in float64 and the answers rounded to float32.

How the elastic net is solved depends on the shape of X alone:

    p up to GRAM_LIMIT   all folds and all α in one compiled call on the Keras backend, from the
                         p×p matrices XᵀX: lassos kink by kink (course.homotopy), elastic
                         nets by FISTA and an exact finish (course.fista)
    p above              working sets of columns, in NumPy (course.working_set): X is p columns
                         wide, but the equations are only as many as the weights that matter

Every answer carries its duality gap, an upper bound on how far its objective is above the least.
"""

import functools
import warnings
from typing import NamedTuple

import numpy as np

ROUND = 10
GRAM_LIMIT = 500  # columns
MEMORY = 256 * 2**20  # bytes that one call's arrays of weights may take; more α go in turns


class Fit(NamedTuple):
    """One solution.

    Attributes:
        coef: shape (p,).
        intercept: a number.
        dual_gap: how far the objective may be above the least, in units of y².
        n_iter: steps made, at least 1.
    """

    coef: np.ndarray
    intercept: float
    dual_gap: float
    n_iter: int


class Path(NamedTuple):
    """Solutions for many α.

    Attributes:
        alphas: shape (A,), decreasing.
        coefs: shape (p, A).
        intercepts: shape (A,).
        dual_gaps: shape (A,).
        n_iter: steps made for all of them together.
    """

    alphas: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    dual_gaps: np.ndarray
    n_iter: int


class CrossValidation(NamedTuple):
    """What cross-validation chose, and from what.

    Attributes:
        alpha, l1_ratio: the pair with the least mean error.
        fit: the `Fit` on all rows at that pair.
        alphas: shape (A,), or (L, A) for L l1_ratios; decreasing.
        mse_path: mean squared error on each fold's left-out rows, shape (A, folds) or
            (L, A, folds).
    """

    alpha: float
    l1_ratio: float
    fit: Fit
    alphas: np.ndarray
    mse_path: np.ndarray


def lasso(
    X, y, alpha, l1_ratio=1.0, *, fit_intercept=True, positive=False, tol=1e-4, max_iter=1000,
    coef_init=None,
):  # fmt: skip
    """The lasso, or the elastic net, at one α.

    Args:
        X: shape (n, p), float64 or float32; never changed.
        y: shape (n,).
        alpha: weight of the penalty, at least 0.
        l1_ratio: in [0, 1]; 1 (default) is the lasso.
        fit_intercept: whether there is a b; it is not penalised.
        positive: whether weights may not be negative.
        tol: a `ConvergenceWarning` is given where the duality gap stays above
            tol · mean((y − ȳ)²), as in scikit-learn. The answer is exact to rounding
            anyway unless `max_iter` ends first.
        max_iter: the most steps: kinks of the path, or steps of descent.
        coef_init: shape (p,), weights to start from.

    Returns:
        `Fit`.

    Raises:
        ValueError, TypeError: the data or a number is not usable; scikit-learn's messages.

    Example:
        >>> X = np.array([[0.0], [1.0], [2.0]])
        >>> fit = lasso(X, np.array([0.0, 1.0, 2.0]), alpha=1 / 3)
        >>> fit.coef.round(12).tolist(), round(float(fit.intercept), 12)
        ([0.5], 0.5)

    Reference:
        R. Tibshirani, Regression Shrinkage and Selection via the Lasso, J. R. Statist. Soc. B 58,
        1996, doi:10.1111/j.2517-6161.1996.tb02080.x.
    """
    X, y = _checked(X, y)
    alphas = _checked_alphas([alpha], l1_ratio)
    start = None if coef_init is None else np.asarray(coef_init, dtype="float64").reshape(1, 1, -1)
    settings = _Settings(fit_intercept, positive, tol, max_iter)
    solved = _solve(X, y, [], alphas, l1_ratio, settings, start)
    return _pick(solved, 0, X.dtype)


def lasso_path(
    X, y, *, l1_ratio=1.0, eps=1e-3, alphas=100, fit_intercept=True, positive=False, tol=1e-4,
    max_iter=1000,
):  # fmt: skip
    """The lasso, or the elastic net, at many α.

    Args:
        X, y, l1_ratio, fit_intercept, positive, tol, max_iter: as in `lasso`.
        eps: the smallest α as a share of the largest, where `alphas` is a number.
        alphas: how many, from the smallest α at which all weights are zero down to
            eps times that, evenly in log α; or the values, in any order.

    Returns:
        `Path`.

    Raises:
        ValueError, TypeError: as `lasso`.
    """
    X, y = _checked(X, y)
    settings = _Settings(fit_intercept, positive, tol, max_iter)
    alphas = _grid(X, y, alphas, eps, l1_ratio, settings)
    solved = _solve(X, y, [], alphas, l1_ratio, settings)
    coefs, intercepts = solved.coefs[0].T.astype(X.dtype), solved.intercepts[0].astype(X.dtype)
    return Path(alphas, coefs, intercepts, solved.dual_gaps[0], solved.n_iter)


def lasso_cv(
    X, y, *, l1_ratio=1.0, eps=1e-3, alphas=100, cv=5, fit_intercept=True, positive=False,
    tol=1e-4, max_iter=1000,
):  # fmt: skip
    """Choose α, and l1_ratio, by cross-validation, and fit all rows there.

    Args:
        X, y, eps, alphas, fit_intercept, positive, tol, max_iter: as in `lasso_path`.
        l1_ratio: a number, or a list to choose from.
        cv: into how many folds, in the rows' order; a scikit-learn splitter; or a list of
            (training rows, test rows).

    Returns:
        `CrossValidation`. Of equal errors the largest α counts, as in scikit-learn.

    Raises:
        ValueError, TypeError: as `lasso`.
    """
    from sklearn.model_selection import check_cv

    X, y = _checked(X, y)
    settings = _Settings(fit_intercept, positive, tol, max_iter)
    folds = list(check_cv(cv).split(X, y))
    ratios = np.atleast_1d(np.asarray(l1_ratio, dtype="float64"))
    grids = [_grid(X, y, alphas, eps, ratio, settings) for ratio in ratios]
    # The fit to all rows is one more problem of the batch.
    found = [_solve(X, y, folds, *pair, settings) for pair in zip(grids, ratios)]
    errors = np.array([solved.errors for solved in found])
    i, a = np.unravel_index(np.argmin(errors.mean(axis=-1)), errors.shape[:2])
    fit = _pick(found[i], a, X.dtype)
    alphas = np.array(grids)
    if np.ndim(l1_ratio) == 0:
        alphas, errors = alphas[0], errors[0]
    return CrossValidation(float(grids[i][a]), float(ratios[i]), fit, alphas, errors)


def alpha_max(X, y, l1_ratio=1.0, *, fit_intercept=True, positive=False):
    """The smallest α at which all weights are zero: max |xⱼ·(y − ȳ)| / (n l1_ratio).

    Example:
        >>> alpha_max(np.array([[1.0], [3.0]]), np.array([0.0, 2.0]))
        1.0
    """
    X, y = _checked(X, y)
    return _alpha_max(X, y, l1_ratio, _Settings(fit_intercept, positive))


def duality_gap(X, y, w, b, alpha, l1_ratio=1.0, *, positive=False):
    """How far the objective at (w, b) is above its least value, at most; from the data alone.

    For any θ, D(θ) is below every value of the objective P, so P(w, b) − D(θ) bounds the error;
    θ is the residual, scaled into where D is finite.

    Args:
        X, y: shapes (n, p) and (n,).
        w, b: shape (p,) and a number; b must be the best for w, which makes the
            residuals sum to zero, or 0 where there is no intercept.
        alpha, l1_ratio: as in `lasso`.

    Returns:
        A number, in units of y².

    Reference:
        S.-J. Kim et al., An Interior-Point Method for Large-Scale l1-Regularized Least Squares,
        IEEE J. Sel. Topics Signal Process. 1, 2007, section III, doi:10.1109/JSTSP.2007.910971.
    """
    X, y, w = (np.asarray(a, dtype="float64") for a in (X, y, w))
    R = y - X @ w - b
    rr, ry, correlation = R @ R / len(y), R @ y / len(y), X.T @ R / len(y)
    l1, l2 = np.array([alpha * l1_ratio]), np.array([alpha * (1 - l1_ratio)])
    return float(_gap(rr, ry, correlation, w, l1, l2, positive)[0])


def kkt_residual(X, y, w, b, alpha, l1_ratio=1.0):
    """How far (w, b) is from the optimality conditions, in units of xy: 0 at the solution.

        xⱼ·R/n − α(1−ρ)wⱼ = αρ sign(wⱼ)  where wⱼ ≠ 0,    |xⱼ·R|/n ≤ αρ  elsewhere

    with R = y − Xw − b. Args as in `duality_gap`.
    """
    X, y, w = (np.asarray(a, dtype="float64") for a in (X, y, w))
    pull = X.T @ (y - X @ w - b) / len(y) - alpha * (1 - l1_ratio) * w
    off = np.where(w != 0, np.abs(pull - alpha * l1_ratio * np.sign(w)),
                   np.maximum(np.abs(pull) - alpha * l1_ratio, 0))  # fmt: skip
    return float(off.max())


class _Settings(NamedTuple):
    fit_intercept: bool
    positive: bool
    tol: float = 0.0
    max_iter: int = 1

    def checked(self):
        if not self.tol >= 0:
            raise ValueError(f"tol must be at least 0, got {self.tol}")
        if self.max_iter < 1:
            raise ValueError(f"max_iter must be at least 1, got {self.max_iter}")
        return self


class _Solved(NamedTuple):
    coefs: np.ndarray  # (m, A, p): m data sets, A alphas
    intercepts: np.ndarray  # (m, A)
    dual_gaps: np.ndarray  # (m, A)
    errors: np.ndarray  # (A, folds): mean squared errors on the rows left out
    n_iter: int


def _pick(solved, a, dtype):
    """The solution on all rows at the a-th α."""
    coef, intercept = solved.coefs[0, a].astype(dtype), dtype.type(solved.intercepts[0, a])
    return Fit(coef, intercept, float(solved.dual_gaps[0, a]), solved.n_iter)


def _checked(X, y):
    """X and y as arrays of one float type; scikit-learn says what is wrong with others."""
    if (
        isinstance(X, np.ndarray)
        and isinstance(y, np.ndarray)
        and X.dtype == y.dtype == np.float64
        and (X.ndim, y.ndim) == (2, 1)
        and len(X) == len(y) > 1
        and X.shape[1] > 0
        and np.isfinite(y.sum())
        and np.isfinite(np.ones(len(X)) @ X).all()
    ):
        return X, y
    from sklearn.utils import check_X_y

    X, y = check_X_y(X, y, dtype=[np.float64, np.float32], y_numeric=True, ensure_min_samples=2)
    return X, y.astype(X.dtype)


def _checked_alphas(alphas, l1_ratio):
    alphas = np.asarray(alphas, dtype="float64")
    if alphas.ndim != 1 or alphas.size == 0:
        raise ValueError(f"alphas must be one or more numbers in a row, got shape {alphas.shape}")
    if not (np.isfinite(alphas).all() and (alphas >= 0).all()):
        raise ValueError(f"alpha must be a finite number of at least 0, got {alphas.min()}")
    if not 0 <= l1_ratio <= 1:
        raise ValueError(f"l1_ratio must lie in [0, 1], got {l1_ratio}")
    return np.sort(alphas)[::-1]


def _alpha_max(X, y, l1_ratio, settings):
    y = y - y.mean() if settings.fit_intercept else y
    # The deviations of y sum to zero, but for rounding: subtract what x's mean makes of it.
    correlation = X.T @ y - (X.mean(axis=0) * y.sum() if settings.fit_intercept else 0)
    largest = correlation.max() if settings.positive else np.abs(correlation).max()
    return max(0.0, float(largest)) / (len(y) * l1_ratio)


def _grid(X, y, alphas, eps, l1_ratio, settings):
    if np.ndim(alphas) > 0:
        return _checked_alphas(alphas, l1_ratio)
    _checked_alphas([1.0], l1_ratio)
    if l1_ratio == 0:
        raise ValueError("with l1_ratio=0 no α makes all weights zero: give the alphas yourself")
    if int(alphas) != alphas or alphas < 1:
        raise ValueError(f"alphas must be a whole number of at least 1, or values; got {alphas}")
    if not 0 < eps:
        raise ValueError(f"eps must be above 0, got {eps}")
    top = _alpha_max(X, y, l1_ratio, settings)
    smallest = np.finfo(float).resolution
    if top <= smallest:
        return np.full(int(alphas), smallest)
    return np.geomspace(top, top * eps, int(alphas))


def _solve(X, y, folds, alphas, l1_ratio, settings, start=None):
    """All rows, and the training rows of each fold, at all α: the solutions, certified."""
    settings.checked()
    route = _solve_by_gram if X.shape[1] <= GRAM_LIMIT else _solve_by_working_sets
    solved, done = route(X, y, folds, alphas, l1_ratio, settings, start)
    enough = settings.tol * np.mean((y - y.mean() if settings.fit_intercept else y) ** 2)
    unfinished = ~done & (solved.dual_gaps > enough)
    if unfinished.any():
        from sklearn.exceptions import ConvergenceWarning

        warnings.warn(
            f"max_iter={settings.max_iter} ended before the duality gap was small enough:"
            f" {solved.dual_gaps[unfinished].max():.3g}, and at most {enough:.3g} was wanted;"
            " raise max_iter, or bring the columns of X to one scale",
            ConvergenceWarning,
            stacklevel=3,
        )
    return solved


class _Sums(NamedTuple):
    """Sums over some rows of Z and e, which are X and y counted from a common origin."""

    n: int
    z: np.ndarray  # (p,)
    e: float
    zz: np.ndarray  # (p, p)
    ze: np.ndarray  # (p,)
    ee: float

    @classmethod
    def of(cls, Z, e):
        return cls(len(e), Z.sum(axis=0), e.sum(), Z.T @ Z, Z.T @ e, e @ e)

    def without(self, part):
        return _Sums(*(whole - some for whole, some in zip(self, part)))

    def centred(self, fit_intercept):
        """z̄, ē and the second moments about them, ZᵀZ/n, Zᵀe/n, e·e/n."""
        z, e = (self.z / self.n, self.e / self.n) if fit_intercept else (0 * self.z, 0.0)
        zz, ze, ee = self.zz / self.n, self.ze / self.n, self.ee / self.n
        return z, e, zz - np.outer(z, z), ze - z * e, ee - e * e


def _rows(array, rows):
    """array[rows], without a copy where the rows follow each other."""
    if len(rows) and (np.diff(rows) == 1).all():
        return array[rows[0] : rows[-1] + 1]
    return array[rows]


def _origin(X, y, fit_intercept):
    """X and y in float64, counted from their means where there is an intercept; and the means."""
    if not fit_intercept:
        return X.astype("float64"), y.astype("float64"), np.zeros(X.shape[1]), 0.0
    x0, y0 = X.mean(axis=0, dtype="float64"), y.mean(dtype="float64")
    return X - x0, y - y0, x0, y0


def _solve_by_gram(X, y, folds, alphas, l1_ratio, settings, start):
    Z, e, x0, y0 = _origin(X, y, settings.fit_intercept)
    whole = _Sums.of(Z, e)
    left_out = [_Sums.of(_rows(Z, test), _rows(e, test)) for _, test in folds]
    kept = [
        whole.without(sums) if _complementary(train, test, len(e)) else _Sums.of(Z[train], e[train])
        for (train, test), sums in zip(folds, left_out)
    ]
    centred = [sums.centred(settings.fit_intercept) for sums in (whole, *kept)]
    z_mean, e_mean, G, c, ee = (np.array(part) for part in zip(*centred))
    w, done, n_iter = _solve_equations(G, c, alphas, l1_ratio, settings, start)

    wc, Gw = np.einsum("map,mp->ma", w, c), w @ G
    rr = ee[:, None] - 2 * wc + np.sum(w * Gw, axis=-1)
    l1, l2 = alphas * l1_ratio, alphas * (1 - l1_ratio)
    gaps = _gap(rr, ee[:, None] - wc, c[:, None] - Gw, w, l1, l2, settings.positive)
    b = e_mean[:, None] - np.einsum("map,mp->ma", w, z_mean)
    errors = [
        _error(sums, coefs, offset, lambda rows=test: (_rows(Z, rows), _rows(e, rows)))
        for (_, test), sums, coefs, offset in zip(folds, left_out, w[1:], b[1:])
    ]
    return _Solved(w, y0 + b - w @ x0, gaps, np.array(errors).T, n_iter), done


def _complementary(train, test, n):
    return len(train) + len(test) == n == len(np.union1d(train, test))


def _error(sums, w, b, rows):
    """Mean of (e − Zw − b)² for the rows summed up in `sums`; w: (A, p), b: (A,)."""
    squares = sums.ee - 2 * w @ sums.ze + np.sum(w * (w @ sums.zz), axis=-1)
    squares = squares - 2 * b * (sums.e - w @ sums.z) + sums.n * b * b
    if (squares < 1e-6 * sums.ee).any():  # the large terms have cancelled: count row by row
        Z, e = rows()
        squares = np.sum((e[:, None] - Z @ w.T - b) ** 2, axis=0)
    return squares / sums.n


def _gap(rr, ry, correlation, w, l1, l2, positive):
    """The duality gap from rr = ‖R‖²/n, ry = R·y/n, correlation = XᵀR/n; one per row of w.

    The residual R is scaled down into the dual's domain as in scikit-learn; where there is
    an L2 part, R itself is inside. Both bound the error: the smaller one counts.
    """
    size, square = l1 * np.abs(w).sum(axis=-1), l2 / 2 * np.sum(w * w, axis=-1)
    pull = correlation - l2[:, None] * w if np.ndim(w) > 1 else correlation - l2 * w
    most = np.max(pull if positive else np.abs(pull), axis=-1)
    scale = np.where(most > l1, l1 / np.where(most > l1, most, 1), 1.0)
    gap = (rr / 2 + square) * (1 + scale**2) - scale * ry + size
    excess = np.maximum(
        (correlation if positive else np.abs(correlation)) - np.expand_dims(l1, -1), 0
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = rr - ry + size + square + np.sum(excess**2, axis=-1) / (2 * l2)
    return np.maximum(np.where(l2 > 0, np.fmin(gap, inside), gap), 0)


def _solve_equations(G, c, alphas, l1_ratio, settings, start):
    """The solutions from the second moments: scaled, padded, in turns if memory asks for it.

    Args:
        G, c: shapes (m, p, p), (m, p).

    Returns:
        `(w, done, n_iter)`: shapes (m, A, p) and (m, A), and a number.
    """
    m, p = c.shape
    scale = np.sqrt(np.einsum("mpp->mp", G))
    # What is left of a constant column after centring is rounding.
    constant = scale <= 1e-12 * scale.max(axis=-1, keepdims=True)
    scale = np.where(constant, 1, scale)
    G = np.where(constant[:, None] | constant[..., None], 0, G) / (
        scale[:, None] * scale[..., None]
    )
    c = np.where(constant, 0, c) / scale
    # Padding with columns of zeros: one compiled program serves several p.
    padded = _padded(p)
    more = [(0, 0), (0, padded - p)]
    G, c, q = (
        np.pad(G, [*more, more[1]]),
        np.pad(c, more),
        np.pad(1 / scale, more, constant_values=1),
    )
    diagonal = np.arange(padded)
    G[:, diagonal, diagonal] = 1.0

    turns = max(1, min(len(alphas), m * len(alphas) * padded * 8 * 12 // MEMORY + 1))
    parts = []
    for some in np.array_split(alphas, turns):
        w = None
        if start is not None:
            w = np.pad(np.broadcast_to(start * scale[:, None], (m, len(some), p)),
                       [(0, 0), *more])  # fmt: skip
        parts.append(_call(G, c, q, some, l1_ratio, settings, w))
    w = np.concatenate([part[0] for part in parts], axis=1)[..., :p] / scale[:, None]
    done = np.concatenate([part[1] for part in parts], axis=1)
    return w, done, max(1, sum(int(part[2]) for part in parts))


def _padded(p):
    """p rounded up to one of eight sizes between two powers of two."""
    step = max(8, 2 ** (max(p - 1, 1).bit_length() - 3))
    return -(-p // step) * step


def _call(G, c, q, alphas, l1_ratio, settings, w):
    """Solve on the Keras backend: kink by kink if it is a lasso, and by FISTA what is left."""
    from keras import ops

    def numpy(results):
        return [ops.convert_to_numpy(result) for result in results]

    l1, l2 = alphas * l1_ratio, alphas * (1 - l1_ratio)
    n_iter = 0
    if l1_ratio == 1 and w is None:
        limit = np.array(settings.max_iter, "int32")
        w, done, n_iter = numpy(_kink_by_kink(settings.positive)(G, c, q, l1, limit))
        if done.all():
            return w, done, n_iter
    if w is None:
        w = np.zeros((len(c), len(alphas), c.shape[1]))
    rounds = np.array(-(-settings.max_iter // ROUND), "int32")
    w, done, rounds = numpy(_step_by_step(settings.positive)(G, c, q, l1, l2, w, rounds))
    return w, done, n_iter + ROUND * rounds


@functools.cache
def _kink_by_kink(positive):
    from course import fista, homotopy

    def solve(G, c, q, alphas, max_kinks):
        w, count = homotopy.path(G, c, q, alphas, max_kinks, positive)
        l1 = alphas[None, :, None] * q[:, None]
        off = fista.violation(w, w @ G - c[:, None], c[:, None], l1, 0 * l1, positive)
        return w, off <= fista.ROUNDING, count

    return _compiled(solve)


@functools.cache
def _step_by_step(positive):
    from course import fista

    return _compiled(functools.partial(fista.solve, positive=positive))


def _compiled(function):
    """The function as one program of the Keras backend; PyTorch runs it step by step."""
    import keras

    match keras.backend.backend():
        case "jax":
            import jax

            return jax.jit(function)
        case "tensorflow":
            import tensorflow as tf

            return tf.function(function, jit_compile=True, autograph=False)
        case _:
            import torch

            def run(*arrays):
                with torch.no_grad():
                    return function(*(keras.ops.convert_to_tensor(array) for array in arrays))

            return run


def _solve_by_working_sets(X, y, folds, alphas, l1_ratio, settings, start):
    raise NotImplementedError
