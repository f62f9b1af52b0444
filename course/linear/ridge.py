"""Ridge regression in closed form."""

from typing import NamedTuple

import numpy as np

from course.linear.problem import TOO_LARGE, checked, means

CONDITION = 1e-8  # of the largest eigenvalue: below it, equations in XᵀX lose too many digits


class RidgeFit(NamedTuple):
    """One ridge solution.

    Attributes:
        coef: shape (p,), or (k, p) for k targets.
        intercept: a number, or shape (k,).
    """

    coef: np.ndarray
    intercept: np.ndarray


@np.errstate(over="ignore", invalid="ignore")
def ridge(X, y, alpha, *, fit_intercept=True, sample_weight=None):
    """Ridge regression in closed form.

        minimise  Σᵢ sᵢ (xᵢ·w + b − yᵢ)² + α‖w‖²          w = (ZᵀZ + αI)⁻¹ Zᵀe

    with Z, e the weighted rows about their means. By Cholesky; where that matrix is so
    ill-conditioned that eight digits would be lost, by singular values, which also gives
    the shortest w where α = 0 leaves a choice.

    Args:
        X: shape (n, p), float64 or float32; never changed.
        y: shape (n,), or (n, k) for k targets.
        alpha: at least 0; a number, or shape (k,), one per target.
        fit_intercept: whether there is a b; it is not penalised.
        sample_weight: s, shape (n,), not negative; 1 by default.

    Returns:
        `RidgeFit`.

    Raises:
        ValueError, TypeError: the data or a number is not usable; scikit-learn's messages.

    Example:
        >>> X = np.array([[0.0], [1.0], [2.0]])
        >>> fit = ridge(X, np.array([0.0, 1.0, 2.0]), alpha=2.0)
        >>> fit.coef.round(12).tolist(), round(float(fit.intercept), 12)
        ([0.5], 0.5)

    Reference:
        A. Hoerl and R. Kennard, Ridge Regression, Technometrics 12, 1970,
        doi:10.1080/00401706.1970.10488634.
    """
    X, y = checked(X, y, many_targets=True)
    E = y.reshape(len(y), -1)
    alpha = np.asarray(alpha, dtype="float64")
    if not (np.isfinite(alpha).all() and (alpha >= 0).all()):
        raise ValueError(f"alpha must be a finite number of at least 0, got {alpha}")
    if alpha.shape not in ((), (1,), (E.shape[1],)):
        raise ValueError(f"alpha has shape {alpha.shape}, but there are {E.shape[1]} targets")
    Z, E, x0, y0 = _weighted_origin(X, E, fit_intercept, sample_weight)
    w = _ridge_by_cholesky(Z, E, alpha.flat[0]) if np.ptp(alpha) == 0 else None
    if w is None:
        w = _ridge_by_singular_values(Z, E, np.broadcast_to(alpha, E.shape[1:]))
    coef, b = _finite(w.T, y0 - x0 @ w, X.dtype)
    return RidgeFit(coef, b) if y.ndim > 1 else RidgeFit(coef[0], b[0])


@np.errstate(over="ignore", invalid="ignore")
def ridge_path(X, y, alphas, *, fit_intercept=True):
    """Ridge regression at many α from one decomposition.

    Args:
        X, y: shapes (n, p) and (n,).
        alphas: shape (A,), above 0, in any order.

    Returns:
        `(coefs, intercepts)`: shapes (p, A) and (A,), in the order of `alphas`.
    """
    X, y = checked(X, y)
    alphas = np.asarray(alphas, dtype="float64")
    if not (alphas.ndim == 1 and alphas.size and np.isfinite(alphas).all() and (alphas > 0).all()):
        raise ValueError("alphas must be one or more finite numbers above 0")
    x0, y0 = means(X, y, fit_intercept)
    Z, e = X - x0, y - y0
    wide = Z.shape[1] > len(Z)
    eigenvalues, V = np.linalg.eigh(_squares(Z))
    if alphas.min() < CONDITION * eigenvalues[-1]:
        w = _ridge_by_singular_values(Z, np.tile(e[:, None], len(alphas)), alphas)
    else:
        turned = V.T @ (e if wide else Z.T @ e)
        w = V @ (turned[:, None] / (eigenvalues[:, None] + alphas))
        w = Z.T @ w if wide else w
    return _finite(w, y0 - x0 @ w, X.dtype)


def _weighted_origin(X, E, fit_intercept, sample_weight):
    """X and E about their weighted means, rows times the root of their weight; and the means."""
    if sample_weight is None:
        x0, y0 = means(X, E, fit_intercept)
        return X - x0, E - y0, x0, y0
    from sklearn.utils.validation import _check_sample_weight

    s = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    x0, y0 = np.zeros(X.shape[1]), np.zeros(E.shape[1])
    if fit_intercept:
        x0, y0 = s @ X / s.sum(), s @ E / s.sum()
    root = np.sqrt(s)[:, None]
    return root * (X - x0), root * (E - y0), x0, y0


def _squares(Z):
    """ZᵀZ, or ZZᵀ where that is smaller."""
    A = Z @ Z.T if Z.shape[1] > len(Z) else Z.T @ Z
    if not np.isfinite(A.diagonal()).all():
        raise ValueError(TOO_LARGE)
    return A


def _finite(w, b, dtype):
    """Both as `dtype`, if no number is too large."""
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        raise ValueError(TOO_LARGE)
    return w.astype(dtype), b.astype(dtype)


def _ridge_by_cholesky(Z, E, alpha):
    """w, shape (p, k); None where the matrix is too ill-conditioned."""
    from scipy.linalg import lapack

    A, wide = _squares(Z), Z.shape[1] > len(Z)
    A[np.diag_indices_from(A)] += alpha
    # In units in which the diagonal is 1: columns of very different sizes do no harm.
    unit = np.sqrt(A.diagonal())[:, None]
    unit[unit == 0] = 1
    A /= unit
    A /= unit.T
    L, failed = lapack.dpotrf(A, lower=True)
    if failed or lapack.dpocon(L, np.abs(A).sum(axis=0).max(), uplo="L")[0] < CONDITION:
        return None
    v = lapack.dpotrs(L, (E if wide else Z.T @ E) / unit, lower=True)[0] / unit
    return Z.T @ v if wide else v  # w = Zᵀ (ZZᵀ + αI)⁻¹ e


def _ridge_by_singular_values(Z, E, alphas):
    """w, shape (p, k), for one α per target."""
    _squares(Z)  # or an error
    U, d, Vt = np.linalg.svd(Z, full_matrices=False)
    d[d < np.finfo(float).eps * max(Z.shape) * d.max(initial=0)] = 0
    scale = d[:, None] ** 2 + alphas
    shrunk = np.divide(d[:, None], scale, out=np.zeros_like(scale), where=scale > 0)
    return Vt.T @ (shrunk * (U.T @ E))
