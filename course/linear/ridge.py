"""Ridge regression in closed form."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from course.linear.problem import (
    TOO_LARGE,
    Array,
    Matrix,
    checked,
    checked_weights,
    dense,
    means,
    times_rows,
)

CONDITION = 1e-8  # of the largest eigenvalue: below it, equations in XᵀX lose too many digits
SOLVERS = "auto", "cholesky", "svd", "lsqr"
LARGEST = 2000  # rows or columns of a sparse X: up to so many, the equations are made
LOST = 1e-3  # of a square: what centring leaves of it, if not more, has lost too many digits
SOUND = 1e-9  # of Zᵀe: what LSQR may leave of the equations


class RidgeFit(NamedTuple):
    """One ridge solution.

    Attributes:
        coef: shape (p,), or (k, p) for k targets.
        intercept: a number, or shape (k,).
        solver: "cholesky", "svd" or "lsqr": how it was found.

    Example:
        >>> fit = ridge(np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0]), alpha=2.0)
        >>> fit.coef.round(12).tolist(), fit.solver
        ([0.5], 'cholesky')
    """

    coef: np.ndarray
    intercept: np.ndarray
    solver: str


@np.errstate(over="ignore", invalid="ignore")
def ridge(
    X: Matrix, y: Array, alpha: Array, *, fit_intercept: bool = True,
    sample_weight: Array | None = None, solver: str = "auto",
) -> RidgeFit:  # fmt: skip
    """Ridge regression in closed form.

        minimise  Σᵢ sᵢ (xᵢ·w + b − yᵢ)² + α‖w‖²          w = (ZᵀZ + αI)⁻¹ Zᵀe

    with Z, e the weighted rows about their means. By Cholesky; where that matrix is so
    ill-conditioned that eight digits would be lost, by singular values, which also gives
    the shortest w where α = 0 leaves a choice. A sparse X stays sparse: there LSQR does what
    singular values do, and everything where X has more than LARGEST rows and columns.

    Args:
        X: shape (n, p), float64 or float32, or sparse; never changed.
        y: shape (n,), or (n, k) for k targets.
        alpha: at least 0; a number, or shape (k,), one per target.
        fit_intercept: whether there is a b; it is not penalised.
        sample_weight: s, shape (n,), not negative; 1 by default.
        solver: "auto", as said above; or "cholesky" (where that is too ill-conditioned, another
            all the same), "svd" (which makes a sparse X dense), or "lsqr".

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
    if solver not in SOLVERS:
        raise ValueError(
            f"solver={solver!r} is not here: give one of {', '.join(SOLVERS)}; auto serves for all"
        )
    Z, E, spread, x0, y0 = _weighted_rows(X, E, fit_intercept, sample_weight)
    w, used = solve(Z, E, np.broadcast_to(alpha, E.shape[1:]), spread, solver)
    coef, b = _finite(w.T, y0 - x0 @ w, X.dtype)
    return RidgeFit(coef, b, used) if y.ndim > 1 else RidgeFit(coef[0], b[0], used)


@np.errstate(over="ignore", invalid="ignore")
def ridge_path(
    X: Matrix, y: Array, alphas: Array, *, fit_intercept: bool = True,
    sample_weight: Array | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Ridge regression at many α, of a dense X from one decomposition.

    Args:
        X, y, fit_intercept, sample_weight: as in `ridge`; y of shape (n,).
        alphas: shape (A,), above 0, in any order.

    Returns:
        `(coefs, intercepts)`: shapes (p, A) and (A,), in the order of `alphas`.

    Example:
        >>> X = np.array([[0.0], [1.0], [2.0]])
        >>> coefs, intercepts = ridge_path(X, np.array([0.0, 1.0, 2.0]), [2.0, 6.0])
        >>> coefs.round(12).tolist(), intercepts.round(12).tolist()
        ([[0.5, 0.25]], [0.5, 0.75])
    """
    X, y = checked(X, y)
    alphas = np.asarray(alphas, dtype="float64")
    if not (alphas.ndim == 1 and alphas.size and np.isfinite(alphas).all() and (alphas > 0).all()):
        raise ValueError("alphas must be one or more finite numbers above 0")
    Z, E, spread, x0, y0 = _weighted_rows(X, y[:, None], fit_intercept, sample_weight)
    if not isinstance(Z, np.ndarray):
        w = np.column_stack([solve(Z, E, np.array([alpha]), spread)[0] for alpha in alphas])
        return _finite(w, y0 - x0 @ w, X.dtype)
    wide = Z.shape[1] > len(Z)
    eigenvalues, V = np.linalg.eigh(_squares(Z))
    if alphas.min() < CONDITION * eigenvalues[-1]:
        w = _by_singular_values(Z, np.tile(E, len(alphas)), alphas)
    else:
        turned = V.T @ (E if wide else Z.T @ E)
        w = V @ (turned / (eigenvalues[:, None] + alphas))
        w = Z.T @ w if wide else w
    return _finite(w, y0 - x0 @ w, X.dtype)


def solve(Z, E, alphas, spread=None, solver="auto"):
    """The weights that minimise ‖Zw − e‖² + α‖w‖² for each column of E.

    Args:
        Z: shape (n, p), float64, or sparse.
        E: shape (n, k).
        alphas: shape (k,), not negative.
        spread: None, or shape (n,), of length 1: what is to be taken out of Z's columns first.
        solver: as in `ridge`.

    Returns:
        `(w, solver)`: shape (p, k), and the name of the one that found it.
    """
    if solver == "svd":
        Z = dense(Z)
    as_array, one = isinstance(Z, np.ndarray), np.ptp(alphas) == 0
    if as_array and spread is not None:
        Z = Z - np.outer(spread, spread @ Z)
    by_equations = one and solver in ("auto", "cholesky")
    if not as_array:
        small = min(Z.shape) <= LARGEST or solver == "cholesky"
        A = _sparse_squares(Z, spread) if by_equations and small else None
        Z = _operator(Z, spread)
    else:
        A = _squares(Z) if by_equations else None
    w = None if A is None else _by_cholesky(A, Z, E, alphas[0])
    if w is not None:
        return w, "cholesky"
    if as_array and solver != "lsqr":
        return _by_singular_values(Z, E, alphas), "svd"
    return _by_lsqr(_operator(Z, None) if as_array else Z, E, alphas), "lsqr"


def _weighted_rows(X, E, fit_intercept, sample_weight):
    """X and E, rows times the root of their weight and about their weighted means.

    Returns:
        `(Z, E, spread, x0, y0)`: spread is None for a dense Z, which is about its means; a
        sparse one is not, and spread of shape (n,) is as in `solve`. And the means.
    """
    s = checked_weights(sample_weight, X.shape[0], "sample_weight")
    x0, y0 = means(X, E, fit_intercept, s)
    root, E = np.ones(len(E)) if s is None else np.sqrt(s), E - y0
    if isinstance(X, np.ndarray):
        Z = X - x0
        if s is not None:
            Z *= root[:, None]
        return Z, root[:, None] * E, None, x0, y0
    spread = root / np.linalg.norm(root) if fit_intercept else None
    return times_rows(X.astype("float64"), root), root[:, None] * E, spread, x0, y0


def _squares(Z):
    """ZᵀZ, or ZZᵀ where that is smaller."""
    A = Z @ Z.T if Z.shape[1] > len(Z) else Z.T @ Z
    if not np.isfinite(A.diagonal()).all():
        raise ValueError(TOO_LARGE)
    return A


def _sparse_squares(X, spread):
    """As `_squares`, for Z = X − spread (spreadᵀX); None where the difference loses digits."""
    wide = X.shape[1] > X.shape[0]
    A = (X @ X.T if wide else X.T @ X).toarray()
    if not np.isfinite(A.diagonal()).all():
        raise ValueError(TOO_LARGE)
    if spread is None:
        return A
    before = A.diagonal().copy()
    if wide:
        along = A @ spread
        A -= np.outer(spread, along) + np.outer(along - spread * (along @ spread), spread)
    else:
        mean = spread @ X
        A -= np.outer(mean, mean)
    return None if (A.diagonal() < LOST * before).any() else A


def _operator(X, spread):
    """Z = X − spread (spreadᵀX) by its products with vectors and matrices alone."""
    from scipy.sparse.linalg import LinearOperator, aslinearoperator

    if spread is None:
        return aslinearoperator(X)
    mean = spread @ X

    def times(v):
        return X @ v - np.multiply.outer(spread, mean @ v)

    def transposed_times(v):
        return X.T @ v - np.multiply.outer(mean, spread @ v)

    return LinearOperator(
        X.shape, times, transposed_times, matmat=times, rmatmat=transposed_times, dtype="float64"
    )


def _finite(w, b, dtype):
    """Both as `dtype`, if no number is too large."""
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        raise ValueError(TOO_LARGE)
    return w.astype(dtype), b.astype(dtype)


def _by_cholesky(A, Z, E, alpha):
    """w, shape (p, k), where A is ZᵀZ or ZZᵀ; None where A + αI is too ill-conditioned."""
    from scipy.linalg import lapack

    wide = Z.shape[1] > Z.shape[0]
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


def _by_singular_values(Z, E, alphas):
    """w, shape (p, k), for one α per target."""
    _squares(Z)  # or an error
    U, d, Vt = np.linalg.svd(Z, full_matrices=False)
    d[d < np.finfo(float).eps * max(Z.shape) * d.max(initial=0)] = 0
    scale = d[:, None] ** 2 + alphas
    shrunk = np.divide(d[:, None], scale, out=np.zeros_like(scale), where=scale > 0)
    return Vt.T @ (shrunk * (U.T @ E))


def _by_lsqr(Z, E, alphas):
    """w, shape (p, k), for one α per target; what is not solved is reported.

    Reference:
        C. Paige and M. Saunders, LSQR: An Algorithm for Sparse Linear Equations and Sparse Least
        Squares, ACM Trans. Math. Softw. 8, 1982, doi:10.1145/355984.355989.
    """
    from scipy.sparse.linalg import lsqr

    w = np.empty((Z.shape[1], E.shape[1]))
    for e, alpha, column in zip(E.T, alphas, w.T):
        column[:] = lsqr(
            Z, e, np.sqrt(alpha), atol=1e-15, btol=1e-15, conlim=0, iter_lim=20 * min(Z.shape) + 100
        )[0]  # fmt: skip
        left = np.abs(Z.rmatvec(e - Z.matvec(column)) - alpha * column).max()
        if not left <= SOUND * np.abs(Z.rmatvec(e)).max():
            from sklearn.exceptions import ConvergenceWarning

            warnings.warn(
                f"LSQR left {left:.3g} of the equations of ridge; bring the columns of X to one"
                " scale, or give a dense X",
                ConvergenceWarning,
                stacklevel=5,
            )
    return w
