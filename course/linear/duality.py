"""How far an answer is from the solution: the duality gap, and the optimality (KKT) conditions."""

import numpy as np


def duality_gap(X, y, w, b, alpha, l1_ratio=1.0, *, positive=False):
    """How far the objective at (w, b) is above its minimum, at most; from the data alone.

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
    return float(gap(rr, ry, correlation, w, l1, l2, positive)[0])


def kkt_residual(X, y, w, b, alpha, l1_ratio=1.0, *, positive=False):
    """How far (w, b) is from the optimality conditions, in units of xy: 0 at the solution.

        xⱼ·R/n − α(1−ρ)wⱼ = αρ sign(wⱼ)  where wⱼ ≠ 0,    |xⱼ·R|/n ≤ αρ  elsewhere

    with R = y − Xw − b. Args as in `duality_gap`.
    """
    X, y, w = (np.asarray(a, dtype="float64") for a in (X, y, w))
    pull = X.T @ (y - X @ w - b) / len(y) - alpha * (1 - l1_ratio) * w
    at_zero = np.maximum((pull if positive else np.abs(pull)) - alpha * l1_ratio, 0)
    violation = np.where(w != 0, np.abs(pull - alpha * l1_ratio * np.sign(w)), at_zero)
    return float(violation.max())


def gap(rr, ry, correlation, w, l1, l2, positive):
    """The duality gap from rr = ‖R‖²/n, ry = R·y/n, correlation = XᵀR/n; one per row of w.

    The residual R is scaled down into the dual's domain as in scikit-learn; where there is
    an L2 part, R itself is inside. Both bound the error: the smaller one counts.
    """
    shrunk = np.expand_dims(l2, -1) * w  # first, as w² may overflow where λ₂w² does not
    size, square = l1 * np.abs(w).sum(axis=-1), np.sum(shrunk * w, axis=-1) / 2
    pull = correlation - shrunk
    largest = np.max(pull if positive else np.abs(pull), axis=-1)
    scale = np.where(largest > l1, l1 / np.where(largest > l1, largest, 1), 1.0)
    gap = (rr / 2 + square) * (1 + scale**2) - scale * ry + size
    if not l2.any():
        return np.maximum(gap, 0)
    excess = np.maximum(
        (correlation if positive else np.abs(correlation)) - np.expand_dims(l1, -1), 0
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = rr - ry + size + square + np.sum(excess**2, axis=-1) / (2 * l2)
    return np.maximum(np.where(l2 > 0, np.fmin(gap, inside), gap), 0)
