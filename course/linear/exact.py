"""The lasso's whole path as an object: its kinks, and every α between them."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from course.linear import homotopy, newton
from course.linear.gram import ROUNDING, Gram, check, gaps_of
from course.linear.problem import Array, Matrix, Settings, checked, report, require_finite


class Kinks(NamedTuple):
    """The lasso's path: w(α) and b(α) are straight lines between its kinks.

    Attributes:
        alphas: shape (K,), decreasing: from the smallest α at which all weights are zero
            to the end of the path.
        coefs: shape (p, K), the weights there.
        intercepts: shape (K,).
        dual_gaps: shape (K,), how far the objective may be above its minimum, in units of y²;
            at α = 0 that bound is of no use.

    Example:
        >>> X = np.array([[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
        >>> kinks = lasso_path_exact(X, X @ np.array([2.0, 1.0]))
        >>> kinks.alphas.round(12).tolist(), kinks.path(1.5)[0].round(12).tolist()
        ([2.0, 1.0, 0.0], [0.5, 0.0])
    """

    alphas: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    dual_gaps: np.ndarray

    def path(
        self, alpha: Array,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """The weights and the intercept at any α.

        Args:
            alpha: a number, or shape (A,), in any order; none below the last kink.

        Returns:
            `(coefs, intercepts)`: shapes (p,) and (), or (p, A) and (A,).

        Raises:
            ValueError: an α is not a number, or below the end of the path.
        """
        alpha = np.asarray(alpha, dtype="float64")
        if not (alpha >= self.alphas[-1]).all():
            raise ValueError(f"the path ends at α = {self.alphas[-1]:.6g}, got {alpha.min():.6g}")
        above = np.searchsorted(-self.alphas, -alpha)  # kinks at larger α
        before, after = np.maximum(above - 1, 0), np.minimum(above, len(self.alphas) - 1)
        start, length = self.alphas[before], self.alphas[before] - self.alphas[after]
        fraction = np.divide(start - alpha, length, out=np.zeros_like(length), where=length > 0)
        return tuple(
            part[..., before] + fraction * (part[..., after] - part[..., before])
            for part in (self.coefs, self.intercepts)
        )


def lasso_path_exact(
    X: Matrix, y: Array, *, alpha_min: float = 0.0, fit_intercept: bool = True,
    positive: bool = False, tol: float = 1e-4, max_iter: int = 1000,
    sample_weight: Array | None = None, penalty_weights: Array | None = None,
) -> Kinks:  # fmt: skip
    """The lasso at every α at once: the kinks of its path, which is straight between them.

        minimise  1/(2n) ‖Xw + b − y‖² + α‖w‖₁

    Args:
        X: shape (n, p), float64 or float32, or sparse; never changed. Some p×p matrices are made.
        y: shape (n,).
        alpha_min: where the path is to end; 0 (default) is least squares.
        fit_intercept: whether there is a b; it is not penalised.
        positive: whether weights may not be negative.
        tol: a `ConvergenceWarning` is given where the duality gap at a kink is above
            tol · mean((y − ȳ)²).
        max_iter: at most so many kinks; with a `ConvergenceWarning` the path ends earlier then.
        sample_weight, penalty_weights: as in `course.linear.lasso`; a penalty weight of 0 has no
            kinks here and is refused.

    Returns:
        `Kinks`.

    Raises:
        ValueError, TypeError: as `course.linear.lasso`.

    Example:
        >>> X = np.array([[-1.0, 1], [1, 1], [-1, -1], [1, -1]])
        >>> kinks = lasso_path_exact(X, np.array([-3.0, 1, -1, 3]))
        >>> kinks.alphas.round(12).tolist()
        [2.0, 1.0, 0.0]
        >>> kinks.path(0.5)[0].round(12).tolist()
        [1.5, -0.5]

    Reference:
        B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least Angle Regression, Ann. Statist. 32,
        2004, doi:10.1214/009053604000000067.
    """
    X, y = checked(X, y)
    if not 0 <= alpha_min < np.inf:
        raise ValueError(f"alpha_min must be a finite number of at least 0, got {alpha_min}")
    settings = Settings(
        fit_intercept, positive, tol, max_iter, None, sample_weight, penalty_weights
    ).checked(*X.shape)
    if len(settings.free):
        raise ValueError("penalty_weights must be above 0 for a path of kinks")
    problem = Gram(X, y, [], settings)
    coefs, intercepts, gaps, alphas, open_gap = _kinks(problem, alpha_min, settings)
    require_finite(coefs, intercepts, gaps)
    report(open_gap, settings, y)
    if alphas[-1] > alpha_min:
        from sklearn.exceptions import ConvergenceWarning

        warnings.warn(
            f"max_iter={max_iter} kinks were found above α = {alphas[-1]:.6g}, where the path ends"
            " now; raise max_iter",
            ConvergenceWarning,
            stacklevel=2,
        )
    return Kinks(alphas, coefs.T.astype(X.dtype), intercepts.astype(X.dtype), gaps)


def _kinks(problem, alpha_min, settings):
    """The parts of `Kinks`, and the largest duality gap of what is no solution to rounding."""
    G, c, _, q, u, _ = problem.equations
    found = homotopy.pieces(G, c, u, alpha_min, settings.max_iter, settings.positive)
    alphas, w, s = found.kinks()
    # From the equations themselves they are exact, if the columns are not too dependent.
    every, problem_at = np.broadcast_to(G, (len(s), *G.shape[1:])), (G[0], c[0], u[0], q[0])
    exact, _, _ = newton.on_signs(every, c - alphas[:, None] * u * s, 0 * s, s)
    left = [check(v, *problem_at, alphas, 1.0, settings.positive)[1] for v in (w, exact)]
    w = np.where((left[1] < left[0])[:, None], exact, w)
    # What holds at two kinks holds between them if the signs are the same: try the middles, too.
    at = np.append(alphas, (alphas[1:] + alphas[:-1]) / 2)
    tried = np.concatenate([w, (w[1:] + w[:-1]) / 2])
    pull, violation = check(tried, *problem_at, at, 1.0, settings.positive)
    gaps = gaps_of(problem.equations, 0, tried, pull, at, 1.0, settings)
    coefs, intercepts = problem.moments.original(w, problem.equations, 0)
    open_gap = gaps[(violation > ROUNDING) & (at > 0)].max(initial=0.0)
    return coefs, intercepts, gaps[: len(alphas)], alphas, open_gap
