"""The lasso's path, followed from kink to kink: exact, and all problems of a batch at once.

The solution of the lasso is a piecewise linear function of α. On a piece where the active set A
(the weights that are not zero) and their signs s stay the same,

    w_A = b_A − α d_A      b_A = M c_A,            d_A = M s_A,            M = G_AA⁻¹
    r_I = b_I − α d_I      b_I = c_I − G_IA b_A,   d_I = −G_IA d_A         r = c − Gw

with G = XᵀX/n and c = Xᵀy/n. A piece ends at the largest α below, where an active weight reaches
zero (it leaves A) or another's |r| reaches α (it enters A). Both are the same step, the "sweep" of
one index k, on the symmetric tableau T, which starts as G and becomes

    T_AA = −M,   T_AI = M G_AI,   T_II = G_II − G_IA M G_AI

A sweep subtracts uuᵀ/π from T, where π = T_kk and u is T's column k with π ∓ 1 for its k-th entry;
on T's diagonal that leaves a 2 too much at the active indices. From b and d it subtracts multiples
of u. The column is all that one step needs of T, so the products uuᵀ are saved up and many of them
subtracted at once, as one product of matrices.

Reference:
    M. Osborne, B. Presnell, B. Turlach, A new approach to variable selection in least squares
    problems, IMA J. Numer. Anal. 20, 2000, doi:10.1093/imanum/20.3.389.
    J. Goodnight, A Tutorial on the SWEEP Operator, The American Statistician 33, 1979,
    doi:10.1080/00031305.1979.10482685.
"""

from typing import NamedTuple

import numpy as np

MIN_PIVOT = 1e-12  # of 1: below it, a column is a combination of the active ones
TIED = 1e-14  # relative: kinks so near to each other are one
SAVED_UP = 16  # sweeps, before they are subtracted from T


class Pieces(NamedTuple):
    """The straight pieces of m paths: w = b − αd where s is not 0, down to α = end.

    Attributes:
        end: shape (K, m), decreasing; where a problem has fewer pieces, its last one is repeated.
        bd: shape (K, 2, m, p), b and d.
        s: shape (K, m, p), the signs of the weights.
    """

    end: np.ndarray
    bd: np.ndarray
    s: np.ndarray

    def at(self, alphas):
        """The weights at α of shape (A,), in any order: shape (m, A, p)."""
        # An α that lies at a kink but for rounding is there: what enters below is zero.
        above = np.sum((1 - 1e-15) * self.end[..., None] > alphas, axis=0)  # (m, A)
        piece = np.minimum(above, len(self.end) - 1), np.arange(self.end.shape[1])[:, None]
        w = self.bd[:, 1][piece]
        w *= -alphas[:, None]
        w += self.bd[:, 0][piece]
        w *= self.s[piece] != 0
        return w

    def kinks(self):
        """Where the pieces of the first path end.

        Returns:
            `(alphas, w, s)`: α decreasing, shape (K,); shape (K, p), both: the weights there and
            their signs, which are 0 for what enters and what leaves.
        """
        end, s, (b, d) = self.end[:, 0], self.s[:, 0], np.swapaxes(self.bd[:, :, 0], 0, 1)
        # Pieces without a length lie between weights that enter, or leave, at the same α.
        new = np.append(True, end[1:] < (1 - TIED) * end[:-1])
        following = np.append(np.flatnonzero(new)[1:], len(s) - 1)
        alphas, b, d, s = end[new], b[new], d[new], s[new]
        w = b - alphas[:, None] * d
        # A weight may touch zero, too, without leaving.
        s *= (self.s[following, 0] != 0) & (
            np.abs(w) > TIED * (np.abs(b) + np.abs(alphas[:, None] * d))
        )
        return alphas, w * (s != 0), s


def path(G, c, q, alphas, max_kinks, positive=False):
    """The lasso's solutions at many α, for a batch of problems.

        minimise  ½ wᵀGw − cᵀw + α Σ q_j |w_j|

    Args:
        G: shape (m, p, p), float64, each symmetric, positive semi-definite, with diagonal 1.
        c: shape (m, p).
        q: shape (m, p), positive: each weight's factor in the penalty.
        alphas: shape (A,), not negative, in any order.
        max_kinks: after how many to stop.
        positive: whether weights may not be negative.

    Returns:
        `(w, count)`: shape (m, A, p), and how many kinks were found. Where they were too many,
        or the active columns depend on each other, w is a start and no solution: check it.
    """
    found = pieces(G, c, q, alphas.min(), max_kinks, positive)
    return found.at(alphas), len(found.end)


def pieces(G, c, q, alpha_end, max_kinks, positive=False):
    """Every piece of the lasso's path from the α where all weights are zero down to `alpha_end`.

    Args:
        G, c, q, max_kinks, positive: as in `path`.
        alpha_end: where to stop; the last piece ends there.

    Returns:
        `Pieces`.
    """
    paths, who, parts, count = _Paths(G, c, q, positive), np.arange(len(c)), [], 0
    while len(who) and count < max_kinks:
        found = paths.follow(alpha_end, max_kinks - count)
        parts.append((who, found))
        count += len(found.end)
        going = found.end[-1] > alpha_end
        who = who[going]
        paths.keep(going)
    if len(parts) == 1:
        return found
    m, p = c.shape
    whole = Pieces(np.full((count, m), float(alpha_end)), np.zeros((count, 2, m, p)),
                   np.zeros((count, m, p)))  # fmt: skip
    for who, part in reversed(parts):
        rows = slice(count - len(part.end), count)
        whole.end[rows, who], whole.bd[rows, :, who], whole.s[rows, who] = part
        count = rows.start
    return whole


class _Paths:
    """A batch of problems, each at some point of its path.

    Attributes:
        bd: shape (2, m, p), b and d.
        s: shape (m, p), the signs of the active weights, and 0 for the others.
        edge: shape (m, p). At a weight's next event r = ±α·edge: 0 for the active, which leave,
            q for the others, infinite for those that depend on the active ones: they are blocked.
        barred: shape (m, p), the sign of d ± edge with which there is no event: s of the active,
            as they grow; −1 of the others where no weight may be negative.
        alpha: shape (m,), the last kink.
        at: None, or where in a flat array the k of the last kink is, shape (m,).
    """

    def __init__(self, G, c, q, positive):
        self.T, self.q, self.positive, self.at = _Tableau(G), q, positive, None
        self.bd, self.s, self.edge = np.stack([c, 0 * c]), 0 * c, q.copy()
        self.barred = 0 * c - 1 if positive else self.s
        self.alpha = 2 * np.max(np.abs(c) / q, axis=1)

    def keep(self, these):
        """Only these of the batch, bool, shape (m,)."""
        if these.all() or not these.any():
            return
        k = (self.at - self.T.starts)[these]
        self.T.keep(these)
        self.at, self.alpha = self.T.starts + k, self.alpha[these]
        self.bd = self.bd[:, these].copy()  # in this order, which indexing does not keep
        self.q, self.s, self.edge = self.q[these], self.s[these], self.edge[these]
        self.barred = self.barred[these] if self.positive else self.s

    @np.errstate(divide="ignore", invalid="ignore", over="ignore")
    def follow(self, alpha_end, max_kinks):
        """Go on until half of them are at `alpha_end`: `Pieces`."""
        history, arrived = [], False
        while not arrived and len(history) < max_kinks:
            if self.at is not None:
                self._sweep(self.at)
            b, d = self.bd
            speed = np.copysign(self.edge, b)
            speed += d
            event = b / speed
            np.putmask(event, (speed * self.barred > 0) | (speed == 0), 0)
            self.at = self.T.starts + event.argmax(axis=1)
            # Above the last α it may lie by rounding, or in a tie.
            self.alpha = np.minimum(event.take(self.at), self.alpha)
            history.append((self.alpha, self.bd, self.s.copy()))
            arrived = 2 * np.count_nonzero(self.alpha > alpha_end) <= len(self.at)
        end, bd, signs = map(np.array, zip(*history))
        return Pieces(np.maximum(end, alpha_end), bd, signs)

    def _sweep(self, at):
        """Move k into the active set (side 1), or out of it (side −1)."""
        bd_k, s_k, q_k = self.bd.reshape(2, -1)[:, at], self.s.take(at), self.q.take(at)
        new = np.sign(bd_k[0]) + s_k  # of what leaves, b has the other sign: it becomes 0
        active = s_k * s_k
        side = new * new - active
        u = self.T.column(at)
        pivot = u.take(at) - 2 * active
        inverse = np.reciprocal(pivot)
        edge = q_k * active
        blocked = side * pivot < MIN_PIVOT
        if np.count_nonzero(blocked):
            edge[blocked], side[blocked], new[blocked], inverse[blocked] = np.inf, 0, 0, 0
        u.reshape(-1)[at] = pivot - side
        self.T.subtract(u, inverse)
        bd_k[1] += q_k * new
        bd_k *= inverse
        self.bd = self.bd - u * bd_k[..., None]
        self.bd.reshape(2, -1)[1, at] += q_k * (new - s_k)
        self.s.reshape(-1)[at] = new
        self.edge.reshape(-1)[at] = edge
        if self.positive:
            self.barred.reshape(-1)[at] = np.where(new == 0, -1, new)
        if np.count_nonzero(active):  # what was blocked may be needed once another has left
            left = active > 0
            self.edge[left] = np.where(self.s[left] == 0, self.q[left], 0)


class _Tableau:
    """The tableaux T of a batch, and the sweeps that are not yet subtracted from them.

    Args:
        G: shape (m, p, p).
    """

    def __init__(self, G):
        self.T, (m, p, _) = G.copy(), G.shape
        self.starts = p * np.arange(m)  # of each problem's p numbers in a flat array
        self.u, self.inverse = np.zeros((SAVED_UP, m, p)), np.zeros((SAVED_UP, m))
        self.count = 0

    def column(self, at):
        """Column k of each, shape (m, p)."""
        column = self.T.reshape(-1, self.T.shape[2]).take(at, axis=0)
        if self.count:
            here = self.u.reshape(SAVED_UP, -1).take(at, axis=1) * self.inverse
            column -= np.matmul(here.T[:, None], self.u.swapaxes(0, 1))[:, 0]
        return column

    def subtract(self, u, inverse):
        """T −= uuᵀ · inverse."""
        self.u[self.count], self.inverse[self.count] = u, inverse
        self.count += 1
        if self.count == SAVED_UP:
            self._catch_up()

    def _catch_up(self):
        """Subtract what is saved up."""
        scaled = self.u * self.inverse[..., None]
        self.T -= np.matmul(self.u.transpose(1, 2, 0), scaled.swapaxes(0, 1))
        self.inverse[:], self.count = 0, 0

    def keep(self, these):
        """Only these of the batch, bool, shape (m,)."""
        kept = np.flatnonzero(these)
        self.T, self.u, self.inverse = (
            self.T[kept], self.u.take(kept, axis=1), self.inverse[:, kept],
        )  # fmt: skip
        self.starts = self.starts[: len(kept)]
