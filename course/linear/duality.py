"""How far an answer is from the solution: the duality gap, and the optimality (KKT) conditions."""

from __future__ import annotations

import numpy as np

from course.linear.problem import Array, Matrix, checked_weights


def duality_gap(
    X: Matrix, y: Array, w: Array, b: float, alpha: float, l1_ratio: float = 1.0, *,
    positive: bool = False, sample_weight: Array | None = None,
    penalty_weights: Array | None = None,
) -> float:  # fmt: skip
    """How far the objective at (w, b) is above its minimum, at most; from the data alone.

    For any θ, D(θ) is below every value of the objective P, so P(w, b) − D(θ) bounds the error;
    θ is the residual, scaled into where D is finite.

    Args:
        X, y: shapes (n, p) and (n,).
        w, b: shape (p,) and a number; b must be the best for w, which makes the
            residuals sum to zero, or 0 where there is no intercept.
        alpha, l1_ratio, positive, sample_weight, penalty_weights: as in `lasso`.

    Returns:
        A number, in units of y².

    Example:
        >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
        >>> round(duality_gap(X, y, [0.5], 0.5, alpha=1 / 3), 12)  # the solution
        0.0
        >>> round(duality_gap(X, y, [0.0], 1.0, alpha=1 / 3), 12)  # no weight at all
        0.083333333333

    Reference:
        S.-J. Kim et al., An Interior-Point Method for Large-Scale l1-Regularized Least Squares,
        IEEE J. Sel. Topics Signal Process. 1, 2007, section III, doi:10.1109/JSTSP.2007.910971.
    """
    X, y, w, s = _arrays(X, y, w, sample_weight)
    R = y - X @ w - b
    rr, ry, correlation = s @ (R * R), s @ (R * y), X.T @ (s * R)
    l1, l2 = np.array([alpha * l1_ratio]), np.array([alpha * (1 - l1_ratio)])
    v = checked_weights(penalty_weights, X.shape[1], "penalty_weights")
    return float(gap(rr, ry, correlation, w, l1, l2, positive, v)[0])


def kkt_residual(
    X: Matrix, y: Array, w: Array, b: float, alpha: float, l1_ratio: float = 1.0, *,
    positive: bool = False, sample_weight: Array | None = None,
    penalty_weights: Array | None = None,
) -> float:  # fmt: skip
    """How far (w, b) is from the optimality conditions, in units of xy: 0 at the solution.

        xⱼ·R/n − α(1−ρ)wⱼ = αρ sign(wⱼ)  where wⱼ ≠ 0,    |xⱼ·R|/n ≤ αρ  elsewhere

    with R = y − Xw − b. Whether b is the best for w is not looked at. Args as in `duality_gap`.

    Example:
        >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
        >>> round(kkt_residual(X, y, [0.5], 0.5, alpha=1 / 3), 12)  # the solution
        0.0
    """
    X, y, w, s = _arrays(X, y, w, sample_weight)
    v = np.ones(len(w)) if penalty_weights is None else np.asarray(penalty_weights, "float64")
    l1, l2 = alpha * l1_ratio * v, alpha * (1 - l1_ratio) * v
    pull = X.T @ (s * (y - X @ w - b)) - l2 * w
    at_zero = np.maximum((pull if positive else np.abs(pull)) - l1, 0)
    violation = np.where(w != 0, np.abs(pull - l1 * np.sign(w)), at_zero)
    return float(violation.max())


def _arrays(X, y, w, sample_weight):
    """X, y, w in float64, and the rows' weights, which sum to 1."""
    X = X.astype("float64") if hasattr(X, "toarray") else np.asarray(X, dtype="float64")
    y, w = (np.asarray(a, dtype="float64") for a in (y, w))
    s = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype="float64")
    return X, y, w, s / s.sum()


def gap(rr, ry, correlation, w, l1, l2, positive, v=None):
    """The duality gap from rr = ‖R‖²/n, ry = R·y/n, correlation = XᵀR/n; one per row of w.

    The residual R is scaled down into the dual's domain as in scikit-learn; where there is
    an L2 part, R itself is inside. Both bound the error: the smaller one counts. With penalty
    weights v a column counts as the column divided by v; those with v = 0 must not correlate
    with R, and have no part in it.
    """
    if v is not None and (v != 1).any():
        some = v > 0
        correlation, w, v = correlation[..., some], w[..., some], v[some]
    else:
        v = 1.0
    shrunk = v * np.expand_dims(l2, -1) * w  # first, as w² may overflow where λ₂w² does not
    size, square = l1 * np.sum(v * np.abs(w), axis=-1), np.sum(shrunk * w, axis=-1) / 2
    pull = (correlation - shrunk) / v
    largest = np.max(pull if positive else np.abs(pull), axis=-1)
    scale = np.where(largest > l1, l1 / np.where(largest > l1, largest, 1), 1.0)
    gap = (rr / 2 + square) * (1 + scale**2) - scale * ry + size
    if not l2.any():
        return np.maximum(gap, 0)
    correlation = correlation / v
    excess = np.maximum(
        (correlation if positive else np.abs(correlation)) - np.expand_dims(l1, -1), 0
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = rr - ry + size + square + np.sum(v * excess**2, axis=-1) / (2 * l2)
    return np.maximum(np.where(l2 > 0, np.fmin(gap, inside), gap), 0)
