"""Elastic nets from the p×p matrices XᵀX: all folds and all α at once."""

import numpy as np

from course.linear import homotopy, newton, working_set
from course.linear.duality import gap
from course.linear.moments import Equations, Moments
from course.linear.problem import Solved, chosen, penalties

MEMORY = 256 * 2**20  # bytes that the matrices and weights of a batch of folds may take
ROUNDING = 1e-14  # the largest KKT violation, relative to the terms that the condition adds up
POLISHED = 1e-15  # above it the equations are solved once more: a long path gathers roundings
UNBOUNDED = 1e5  # such terms, relative to Xᵀy/n
FREE = 1e-10  # of 1: what is left of a column beside the free ones, if not more, is rounding
MOST_KINKS = 10  # for each column: a path with more goes in circles


class Gram:
    """The elastic net on all rows, and on the training rows of each fold.

    Args:
        X, y: shapes (n, p) and (n,), finite, float64 or float32; never changed.
        folds: list of (training rows, test rows), row numbers; may be empty.
        settings: `course.linear.problem.Settings`.

    Raises:
        ValueError: a number is too large to be squared.
    """

    def __init__(self, X, y, folds, settings):
        count = at_once(X.shape[1])
        self.y, self.settings, self.others = y, settings, folds[count:]
        self.others = [self.others[i : i + count] for i in range(0, len(self.others), count)]
        self.moments = Moments(X, y, folds[:count], settings.fit_intercept, settings.sample_weight)
        self.equations = self.moments.equations(penalty_weights=settings.penalty_weights)

    def alpha_max(self, l1_ratio):
        """The smallest α at which all penalised weights are zero on all rows."""
        G, c, _, _, u, _ = whole = Equations(*(part[:1] for part in self.equations))
        free, positive = self.settings.free, self.settings.positive
        if len(free) and positive:
            none = np.zeros((1, len(free)))
            some = G[:, free][:, :, free], c[:, free]
            w = newton.solve(*some, none, none, none, newton.ROUNDS, positive)[0]
            c = np.delete(c - np.matmul(w, G[:, free])[0], free, axis=1)
            u = np.delete(u, free, axis=1)
        elif len(free):
            _, c, _, _, u, _ = Penalised(whole, free).equations
        c = c / u
        return max(0.0, float((c if positive else np.abs(c)).max())) / l1_ratio

    @np.errstate(over="ignore", invalid="ignore")
    def solve(self, alphas, l1_ratio, start=None):
        """At all α of shape (A,), decreasing; start: None, or weights of shape (p,).

        Returns:
            `course.linear.problem.Solved`.
        """
        given = alphas, l1_ratio, self.settings
        w, pull, open_gap, n_iter = solve(self.equations, *given, start)
        errors = [self.moments.errors(w[1:], self.equations, 1)]
        for folds in self.others:
            moments = self.moments.of_folds(folds)
            equations = moments.equations(False, self.settings.penalty_weights)
            other, _, more, _ = solve(equations, *given)
            errors.append(moments.errors(other, equations))
            open_gap = max(open_gap, more)
        errors, wanted = np.hstack(errors), slice(None)
        if errors.size:
            best = chosen(errors, self.settings.rule)
            wanted = slice(best, best + 1)
        w = w[0, wanted]
        gaps = gaps_of(self.equations, 0, w, pull[0, wanted], alphas[wanted], *given[1:])
        coefs, intercepts = self.moments.original(w, self.equations, 0)
        return Solved(coefs, intercepts, gaps, errors, n_iter, open_gap)


def at_once(p):
    """How many problems of p columns a batch may have."""
    # Each needs some p×p matrices and, for a hundred α, some vectors of p numbers each.
    return int(max(1, MEMORY // (8 * (6 * p + 600) * (p + 2))))


def solve(equations, alphas, l1_ratio, settings, start=None):
    """The weights of m problems at A α, in the columns' units, checked.

    Returns:
        `(w, pull, open_gap, n_iter)`: shape (m, A, p), both, with pull = c − Gw − λ₂w; and as in
        `Solved`.
    """
    if len(settings.free) and not settings.positive:
        penalised = Penalised(equations, settings.free)
        w, n_iter = _path(penalised.equations, alphas, l1_ratio, settings)
        w = penalised.whole(w)
    else:
        w, n_iter = _path(equations, alphas, l1_ratio, settings, start)
    pull, open_gap, more = improve(w, equations, alphas, l1_ratio, settings)
    return w, pull, open_gap, n_iter + more


def _path(equations, alphas, l1_ratio, settings, start=None):
    G, c, _, q, u, _ = equations
    if l1_ratio == 1 and start is None and u.all():
        most = min(settings.max_iter, MOST_KINKS * (c.shape[1] + 20))
        return homotopy.path(G, c, u, alphas, most, settings.positive)
    signs = None if start is None else np.sign(start) + 0 * c
    return newton.path(G, c, u, q, alphas, l1_ratio, settings.max_iter, settings.positive, signs)


class Penalised:
    """What the equations leave for the penalised weights, once the others are eliminated.

    With F the free weights and P the penalised ones, w_F = H c_F − H G_FP w_P, H = G_FF⁻¹, and

        (G_PP − G_PF H G_FP) w_P + penalty = c_P − G_PF H c_F

    which is an elastic net as well. (It is what centring does with the intercept.)

    Attributes:
        equations: those of w_P, each again in a unit of its own.
    """

    def __init__(self, equations, free):
        G, c, ee, q, u, mean = equations
        p = c.shape[1]
        self.free, self.others = free, np.setdiff1d(np.arange(p), free)
        rows = G[:, free]
        H = np.linalg.pinv(rows[:, :, free], rcond=FREE, hermitian=True)
        self.b, self.B = np.matmul(H, c[:, free, None])[..., 0], H @ rows[:, :, self.others]
        G_PF = rows[:, :, self.others].swapaxes(1, 2)
        c = c[:, self.others] - np.matmul(G_PF, self.b[..., None])[..., 0]
        G = G[:, self.others][:, :, self.others] - G_PF @ self.B
        self.unit = np.sqrt(np.maximum(np.einsum("mjj->mj", G), 0))
        dependent = self.unit**2 <= FREE
        self.unit[dependent] = 1
        G = G / self.unit[:, None] / self.unit[..., None]
        G[dependent[:, :, None] | dependent[:, None]] = 0
        c = np.where(dependent, 0, c / self.unit)
        np.einsum("mjj->mj", G)[:] = 1
        q, u = q[:, self.others] / self.unit, u[:, self.others] / self.unit
        self.equations = Equations(G, c, ee, q, u, mean)

    def whole(self, w):
        """All weights, shape (m, A, p), from the penalised ones in their units."""
        all_of_them = np.empty((*w.shape[:2], len(self.free) + len(self.others)))
        all_of_them[..., self.others] = w = w / self.unit[:, None]
        all_of_them[..., self.free] = self.b[:, None] - w @ self.B.swapaxes(1, 2)
        return all_of_them


def improve(w, equations, alphas, l1_ratio, settings):
    """Check w, and where it is no solution to rounding solve again, in place.

    Returns:
        `(pull, open_gap, n_iter)`: as `solve`.
    """
    G, c, _, q, u, _ = equations
    n_iter, open_gap = 0, 0.0
    pull, violation = check(w, G, c, u, q, alphas, l1_ratio, settings.positive)
    missed = violation > POLISHED
    for i in np.flatnonzero(missed.any(axis=1)):
        late = np.flatnonzero(missed[i])
        these = G[i], c[i], u[i], q[i], alphas[late], l1_ratio
        for method in (newton.again, working_set.on_matrix):
            other, rounds = method(w[i, late], *these, settings.max_iter, settings.positive)
            n_iter += rounds
            others_pull, left = check(other, *these, settings.positive)
            closer = left < violation[i, late]
            at = late[closer]
            w[i, at], pull[i, at], violation[i, at] = (
                part[closer] for part in (other, others_pull, left)
            )
            if (violation[i, late] <= ROUNDING).all():
                break
        else:
            late = late[violation[i, late] > ROUNDING]
            if settings.positive:
                w[i, late] = np.maximum(w[i, late], 0)
                pull[i, late] = check(w[i, late], *these[:4], alphas[late], l1_ratio, True)[0]
            gaps = gaps_of(
                equations, i, w[i, late], pull[i, late], alphas[late], l1_ratio, settings
            )
            open_gap = max(open_gap, gaps.max())
    return pull, open_gap, n_iter


def check(w, G, c, u, q, alphas, l1_ratio, positive):
    """How far w is from the KKT conditions, relative to the terms that they add up.

        pull_j = λ₁ sign(w_j)  where w_j ≠ 0,        |pull_j| ≤ λ₁  elsewhere

    Args:
        w: shape (…, A, p), for G of shape (…, p, p), c, u and q (…, p).

    Returns:
        `(pull, violation)`: shapes (…, A, p) and (…, A).
    """
    pull, size = c[..., None, :] - w @ G, np.abs(w)
    l1, l2 = penalties(alphas, l1_ratio, u[..., None, :], q[..., None, :])
    if l1_ratio < 1:
        pull -= l2 * w
        size *= 1 + l2
    largest = np.abs(c).max(axis=-1)[..., None]
    # Weights that grow without bound, along columns that depend on each other, excuse nothing.
    size = np.minimum(largest + size.sum(axis=-1), UNBOUNDED * largest)
    size[size == 0] = 1
    zero, left = w == 0, np.sign(w)
    left *= -l1
    left += pull
    if positive:  # a weight that is zero may be pulled below it, but none may be there
        left[zero & (left < 0)] = 0
        left[w < 0] = np.inf
    left = np.abs(left)
    left -= l1 * zero
    return pull, left.max(axis=-1) / size


def gaps_of(equations, i, w, pull, alphas, l1_ratio, settings):
    """The duality gaps of the i-th problem at A α; w, pull: shape (A, p).

    Or, with i = slice(None), of all m problems at one α; w, pull: shape (m, p).
    """
    c, ee, q, v = equations.c[i], equations.ee[i], equations.q[i], settings.penalty_weights
    l1, l2 = alphas * l1_ratio, alphas * (1 - l1_ratio)
    correlation = pull + penalties(alphas, l1_ratio, equations.u[i], q)[1] * w
    rr, ry = ee - np.sum(w * (c + correlation), axis=-1), ee - np.sum(w * c, axis=-1)
    return gap(rr, ry, correlation / q, w * q, l1, l2, settings.positive, v)
