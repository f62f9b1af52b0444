"""Lasso and elastic net by accelerated proximal gradient, finished exactly; a batch at once.

Each round takes ten steps of FISTA with restart, which soon finds which weights are zero, and
then solves for the others: on the support A with signs s the solution is the linear system

    (G_AA + λ₂ I) w_A = c_A − λ₁ s_A

by conjugate gradients. A problem is done when the optimality (KKT) conditions hold to rounding.

Reference:
    A. Beck and M. Teboulle, A Fast Iterative Shrinkage-Thresholding Algorithm for Linear
    Inverse Problems, SIAM J. Imaging Sciences 2, 2009, doi:10.1137/080716542.
    B. O'Donoghue and E. Candès, Adaptive Restart for Accelerated Gradient Schemes,
    Found. Comput. Math. 15, 2015, doi:10.1007/s10208-013-9150-3.
"""

from keras import ops

from course.prox import project_nonnegative, soft_threshold

ROUND = 10  # steps of FISTA between two attempts to finish
FINISHES = 10  # equations solved in one attempt, each after weights have changed their sign
ROUNDING = 1e-14  # the largest KKT violation, relative to the terms that the condition adds up


def solve(G, c, q, l1, l2, w, max_rounds, positive=False):
    """The minimisers of many elastic-net problems, at m data sets and A penalties each.

        minimise  ½ wᵀGw − cᵀw + λ₁ Σ q_j |w_j| + ½ λ₂ Σ q_j² w_j²

    Args:
        G: shape (m, p, p), float64, symmetric, positive semi-definite, with diagonal 1.
        c: shape (m, p).
        q: shape (m, p), positive.
        l1, l2: λ₁ and λ₂, shape (A,).
        w: shape (m, A, p), where to start.
        max_rounds: a scalar.
        positive: whether weights may not be negative.

    Returns:
        `(w, done, rounds)`: shape (m, A, p); shape (m, A), whether the KKT conditions hold
        to rounding; how many rounds were made.
    """
    c, q = c[:, None], q[:, None]
    l1, l2 = l1[None, :, None] * q, l2[None, :, None] * q * q
    # G + diag(λ₂) is at most λ_max(G) I + diag(λ₂): a step length for each weight.
    step = 1 / (_largest_eigenvalue(G)[:, None, None] + l2)
    root = ops.sqrt(1 + l2)  # of the diagonal of the equations, for conjugate gradients

    def smooth_gradient(w):
        return w @ G - c + l2 * w

    def cost(w):
        return ops.sum(w * (smooth_gradient(w) - c) / 2 + l1 * ops.abs(w), axis=-1)

    def prox(w, threshold):
        return project_nonnegative(w - threshold) if positive else soft_threshold(w, threshold)

    def fista(_, state):
        w, v, t = state
        new = prox(v - step * smooth_gradient(v), step * l1)
        t_next = (1 + (1 + 4 * t * t) ** 0.5) / 2
        # Momentum that points uphill is dropped.
        uphill = ops.sum((v - new) / step * (new - w), axis=-1, keepdims=True) > 0
        t_next = ops.where(uphill, ops.ones_like(t), t_next)
        v = ops.where(uphill, new, new + (t - 1) / t_next * (new - w))
        return new, v, t_next

    def kkt_violation(w):
        return violation(w, smooth_gradient(w), c, l1, l2, positive)

    def finish(w):
        """Solve on the support of w, and whether signs change on the way there.

        What changes its sign becomes zero at once if that costs less than to stop at the first
        change; there the objective is lower than at w.
        """
        s = ops.sign(w)
        on = ops.cast(w != 0, w.dtype) / root
        x, _ = _conjugate_gradients(
            lambda d: on * ((on * d) @ G + l2 * (on * d)), on * (c - l1 * s), root * w
        )
        x = on * x
        changes = ops.logical_and(w != 0, x * s <= 0)
        zero, one = ops.zeros_like(w), ops.ones_like(w)
        fraction = ops.where(changes, w / ops.where(changes, w - x, one), one)  # of the way
        first = ops.min(fraction, axis=-1, keepdims=True)
        gone = ops.logical_and(changes, fraction <= first)
        on_the_way = ops.where(gone, zero, w + first * (x - w))
        at_once = ops.where(x * s > 0, x, zero)
        changes = ops.any(changes, axis=-1)
        better = ops.logical_or(ops.logical_not(changes), cost(at_once) <= cost(on_the_way))
        return ops.where(better[..., None], at_once, on_the_way), changes

    def one_round(rounds, w, done):
        start = (w, w, ops.ones_like(w[..., :1]))
        new, _, _ = ops.fori_loop(0, ROUND, fista, start)

        def again(count, new, changes):
            return count + 1, *finish(new)

        def more(count, new, changes):
            open_ones = ops.logical_and(changes, ops.logical_not(done))
            return ops.logical_and(count < FINISHES, ops.any(open_ones))

        _, new, _ = ops.while_loop(more, again, (0, new, ops.logical_not(done)))
        good = kkt_violation(new) <= ROUNDING
        w = ops.where(done[..., None], w, new)
        return rounds + 1, w, ops.logical_or(done, good)

    def unfinished(rounds, w, done):
        return ops.logical_and(rounds < max_rounds, ops.any(ops.logical_not(done)))

    exact, _ = finish(w)  # the start may already have the right support
    done = kkt_violation(exact) <= ROUNDING
    w = ops.where(done[..., None], exact, w)
    rounds, w, done = ops.while_loop(unfinished, one_round, (0, w, done))
    return w, done, rounds


def violation(w, gradient, c, l1, l2, positive=False):
    """How far w is from the KKT conditions, relative to the terms that they add up.

        gradient_j = −λ₁ sign(w_j)  where w_j ≠ 0,        |gradient_j| ≤ λ₁  elsewhere

    Args:
        w: shape (m, A, p).
        gradient: of the smooth part at w, the same shape.
        c, l1, l2: what broadcasts against w: minus the gradient at 0, and each weight's penalties.

    Returns:
        Array of shape (m, A).
    """
    excess = (-gradient if positive else ops.abs(gradient)) - l1
    error = ops.where(w != 0, ops.abs(gradient + l1 * ops.sign(w)), ops.relu(excess))
    size = ops.max(ops.abs(c), axis=-1) + ops.sum(ops.abs(w) * (1 + l2), axis=-1)
    return ops.max(error, axis=-1) / ops.where(size > 0, size, ops.ones_like(size))


def _conjugate_gradients(A, b, x):
    """Solve A(x) = b for a batch along the last axis; at most 2p steps.

    Returns:
        `(x, steps)`.
    """

    def dot(u, v):
        return ops.sum(u * v, axis=-1, keepdims=True)

    r = b - A(x)
    enough = (ROUNDING / 100) ** 2 * dot(b, b)

    def step(count, x, r, d, rr):
        Ad = A(d)
        dAd = dot(d, Ad)
        moves = ops.logical_and(rr > enough, dAd > 0)
        length = ops.where(moves, rr / ops.where(moves, dAd, ops.ones_like(dAd)), 0 * rr)
        x, r = x + length * d, r - length * Ad
        new = dot(r, r)
        ratio = ops.where(moves, new / ops.where(moves, rr, ops.ones_like(rr)), 0 * rr)
        return count + 1, x, r, r + ratio * d, ops.where(moves, new, 0 * new)

    def unfinished(count, x, r, d, rr):
        return ops.logical_and(count < 2 * b.shape[-1], ops.any(rr > enough))

    count, x, *_ = ops.while_loop(unfinished, step, (0, x, r, r, dot(r, r)))
    return x, count


def _largest_eigenvalue(G):
    """An upper bound, at most p^(1/8) times too large: ‖G⁴‖_F^(1/4), for each of the batch."""
    G2 = G @ G
    G4 = G2 @ G2
    return ops.sum(G4 * G4, axis=(1, 2)) ** (1 / 8)
