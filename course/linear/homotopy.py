"""The lasso's path, followed from kink to kink: exact, and all problems of a batch at once.

The solution of the lasso is a piecewise linear function of α. On a piece where the active set A
(the weights that are not zero) and their signs s stay the same,

    w_A = b_A − α d_A           b_A = M c_A,   d_A = M s_A,   M = G_AA⁻¹
    r_I = b_I − α d_I           what the others still correlate with the residual

with G = XᵀX/n and c = Xᵀy/n. A piece ends at the largest α below, where an active weight reaches
zero (it leaves A) or another's |r| reaches α (it enters A). Both are the same step of Gauss-Jordan
elimination on the tableau [T b], which starts as [G c]: the "sweep" of index k, which moves it into
the block that is inverted, or out of it. Then b is as above, and T s is d. A path with K kinks
costs K sweeps of p² numbers, however many α are asked for.

Reference:
    M. Osborne, B. Presnell, B. Turlach, A new approach to variable selection in least squares
    problems, IMA J. Numer. Anal. 20, 2000, doi:10.1093/imanum/20.3.389.
    J. Goodnight, A Tutorial on the SWEEP Operator, The American Statistician 33, 1979,
    doi:10.1080/00031305.1979.10482685.
"""

from keras import ops

MIN_PIVOT = 1e-12  # of 1: below it, a column is a combination of the active ones


def path(G, c, q, alphas, max_kinks, positive=False):
    """The lasso's solutions at many α, for a batch of problems.

        minimise  ½ wᵀGw − cᵀw + α Σ q_j |w_j|

    Args:
        G: shape (m, p, p), float64, each symmetric, positive semi-definite, with diagonal 1.
        c: shape (m, p).
        q: shape (m, p), positive: each weight's factor in the penalty.
        alphas: shape (A,), not negative, in any order.
        max_kinks: a scalar, after how many to stop; at most 3p + 20.
        positive: whether weights may not be negative.

    Returns:
        `(w, kinks)`: shape (m, A, p), and how many kinks were found. Where they were too many,
        or the active columns depend on each other, w is a start and no solution: check it.
    """
    alpha, w, count = kinks(G, c, q, ops.min(alphas), max_kinks, positive)
    # Between two kinks the path is a straight line.
    above = ops.sum(ops.cast(alpha[:, None, :] > alphas[None, :, None], "int32"), axis=-1)
    right = ops.where(above > 0, above - 1, 0)
    left = ops.where(above < alpha.shape[1], above, alpha.shape[1] - 1)
    from_alpha, to_alpha = (ops.take_along_axis(alpha, i, axis=1) for i in (right, left))
    from_w, to_w = (ops.take_along_axis(w, i[..., None], axis=1) for i in (right, left))
    length = from_alpha - to_alpha
    fraction = ops.where(length > 0, (from_alpha - alphas) / ops.where(length > 0, length, 1), 0)
    w = from_w + fraction[..., None] * (to_w - from_w)
    # Below the rounding of c a weight cannot be told from zero: at α_max itself, for one.
    real = ops.abs(w) > 1e-15 * ops.max(ops.abs(c), axis=-1)[:, None, None]
    return ops.where(real, w, ops.zeros_like(w)), count


def kinks(G, c, q, alpha_end, max_kinks, positive=False):
    """Every kink of the lasso's path from the α where all weights are zero down to `alpha_end`.

    Args:
        G, c, q, max_kinks, positive: as in `path`.
        alpha_end: scalar, where to stop.

    Returns:
        `(alpha, w, count)`: shapes (m, K) and (m, K, p), K = 3p + 20, α decreasing; after a
        problem's last kink α repeats `alpha_end`, and is 0 after the last of all, `count`.
    """
    m, p = c.shape
    max_stored = 3 * p + 20
    zero, one = ops.zeros_like(c), ops.ones_like(c)
    never = ops.zeros(c.shape, dtype="bool")
    places = ops.arange(p, dtype="int32")

    def unfinished(count, alpha, *_):
        going = ops.any(alpha > alpha_end)
        return ops.logical_and(going, ops.logical_and(count < max_stored, count < max_kinks))

    def to_next_kink(count, alpha, T, b, s, blocked, record):
        active = s != 0
        free = ops.logical_not(ops.logical_or(active, blocked))
        d = (T @ (q * s)[..., None])[..., 0]
        # The α of each weight's next event; its direction tells it from one that just happened.
        enter_up = _quotient(b, q + d, ops.logical_and(free, q + d > 0))
        enter_down = _quotient(-b, q - d, ops.logical_and(free, q - d > 0))
        enter_down = ops.zeros_like(c) if positive else enter_down
        leave = _quotient(b, d, ops.logical_and(active, s * d < 0))
        event = leave + ops.where(enter_up > enter_down, enter_up, enter_down)
        event = ops.where(event < alpha[:, None], event, alpha[:, None])  # rounding, or a tie

        alpha = ops.max(event, axis=-1)
        arrived = (alpha <= alpha_end)[:, None]
        alpha = ops.where(arrived[:, 0], alpha_end, alpha)
        k = ops.argmax(event, axis=-1)[:, None]
        at_k = places == k
        leaves = ops.logical_and(at_k, active)
        zeros = ops.logical_or(s == 0, ops.logical_and(leaves, ops.logical_not(arrived)))
        w = ops.where(zeros, zero, b - alpha[:, None] * d)
        record = ops.slice_update(
            record, [count, 0, 0], ops.concatenate([alpha[:, None], w], axis=-1)[None]
        )

        row = ops.take_along_axis(T, k[..., None], axis=1)[:, 0]
        pivot = ops.take_along_axis(row, k, axis=1)
        dependent = pivot < MIN_PIVOT
        sweeps = ops.logical_not(ops.logical_or(arrived, dependent))
        T, b = _sweep(T, b, row, pivot, at_k, active, sweeps)
        sign = ops.where(enter_up > enter_down, one, -one)
        s = ops.where(ops.logical_and(at_k, sweeps), ops.where(active, zero, sign), s)
        # A blocked column may be needed once another one has left.
        freed = ops.logical_and(ops.any(leaves, axis=-1, keepdims=True), sweeps)
        blocked = ops.logical_and(blocked, ops.logical_not(freed))
        blocked = ops.logical_or(blocked, ops.logical_and(at_k, dependent))
        return count + 1, alpha, T, b, s, blocked, record

    state = (
        0,
        2 * ops.max(ops.abs(c) / q, axis=-1),
        G,
        c,
        zero,
        never,
        ops.zeros((max_stored, m, p + 1), dtype=c.dtype),
    )
    count, *_, record = ops.while_loop(unfinished, to_next_kink, state)
    record = ops.transpose(record, (1, 0, 2))
    return record[..., 0], record[..., 1:], count


def _quotient(numerator, denominator, where):
    """numerator / denominator where it is asked for and positive, else 0."""
    value = numerator / ops.where(where, denominator, ops.ones_like(denominator))
    return ops.where(ops.logical_and(where, value > 0), value, ops.zeros_like(value))


def _sweep(T, b, row, pivot, at_k, active, where):
    """[T b] ← [T b] − (T e_k − e_k)(e_kᵀ[T b] + [e_kᵀ 0]) / T_kk: k enters the inverted block,
    or leaves it.

    Args:
        T, b: shapes (m, p, p) and (m, p).
        row, pivot: T's row k, shape (m, p), and the entry T_kk, shape (m, 1).
        at_k: e_k, bool, shape (m, p).
        active: what is in the inverted block before, bool, shape (m, p).
        where: whether to sweep at all, bool, shape (m, 1).
    """
    e = ops.cast(at_k, T.dtype)
    # Row and column k are the same but for the sign between an active and an inactive index.
    k_active = ops.any(ops.logical_and(at_k, active), axis=-1, keepdims=True)
    column = ops.where(active == k_active, row, -row) - e
    inverse = ops.where(where, 1 / ops.where(where, pivot, ops.ones_like(pivot)), 0 * pivot)
    b_k = ops.sum(e * b, axis=-1, keepdims=True)
    return T - column[..., None] * ((row + e) * inverse)[:, None], b - column * (b_k * inverse)
