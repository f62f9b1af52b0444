"""Lasso and elastic net with many columns: only those that matter are looked at closely.

Along a path of decreasing α few weights are not zero. A working set W of columns holds those, and
the ones that correlate with the residual almost enough to join them. On W an active-set method
finds the solution at each α: guess the support S and the signs s, solve

    (G_SS + λ₂ I) w_S = c_S − λ₁ s_S                          G = XᵀX/n, c = Xᵀy/n

drop what came out with the wrong sign, add what correlates by more than λ₁, until nothing changes.
From one α to the next that takes two or three rounds. Then every column is checked, in one
product XᵀR for a block of α, and what W lacked is added: the answer is that of the whole
problem, and no p×p matrix is made.

Reference:
    R. Tibshirani et al., Strong rules for discarding predictors in lasso-type problems,
    J. R. Statist. Soc. B 74, 2012, doi:10.1111/j.1467-9868.2011.01004.x.
    M. Hintermüller, K. Ito, K. Kunisch, The primal-dual active set strategy as a semismooth
    Newton method, SIAM J. Optim. 13, 2002, doi:10.1137/S1052623401383558.
"""

from types import SimpleNamespace

import numpy as np

from course.linear.problem import GRAM_LIMIT, TOO_LARGE, dense

BLOCK = 0.85  # all columns are checked when α has shrunk by this factor
STEP = 0.05  # from one α to the next, at most: the support must not change too much
MIN_STEP = 0.999  # where the support is hard to find, steps are halved, down to this
FIRST = 30  # columns in the first working set, or WIDE of all if those are more
WIDE = 1 / 80
STEPS = 1000  # at most, from one α to the next
ROUNDS = 20  # of the active-set method, before a shorter step is tried
ROUNDING = 1e-13  # of the largest correlation: what counts as zero in the KKT conditions
MANY = 0.25  # of up to GRAM_LIMIT columns: if so many matter, all are taken
SOUND = 1e-9  # the same, of the data: G may have lost more digits
NOTHING = 4e-15  # of a column: what the basis leaves of it, if not more, is rounding
TINY = 1e-140  # numbers whose squares have few digits, or none
FEW = 50  # columns in the support: up to so many, M is computed anew at once
MIN_PIVOT = 1e-11  # of G's diagonal: below it, a column is a combination of the active ones


def path(
    X, y, c, alphas, l1_ratio=1.0, *, basis=None, penalty_weights=None, positive=False,
    max_rounds=ROUNDS, start=None,
):  # fmt: skip
    """The elastic net at many α.

    Args:
        X: shape (n, p), float64, or a `scipy.sparse.csc_array`; neither changed nor copied whole.
        y: shape (n,), float64.
        c: shape (p,), Xᵀ(y − QQᵀy)/n.
        alphas: shape (A,), decreasing, positive.
        l1_ratio: in (0, 1].
        basis: Q, shape (n, k), orthonormal columns: what is fitted without a penalty, such as an
            intercept, and has no weight here; None where there is nothing of the kind.
        penalty_weights: None, or shape (p,), each weight's factor in the penalty; columns in Q
            have 0, and their weights are left at 0.
        positive: whether weights may not be negative.
        max_rounds: of the active-set method for one α.
        start: None, or weights of shape (p,) that are zero where the first α's may be.

    Returns:
        `(coefs, correlations, residuals, done, rounds)`: shape (A, p); shape (A, p), XᵀR/n;
        shape (A, n), R = y − Xw without its part in Q; shape (A,), whether the KKT conditions
        hold to rounding; and how many rounds were made.
    """
    n, p = X.shape
    work = WorkingSet(X, c, basis, penalty_weights)
    solver = ActiveSet(work, l1_ratio, positive, max_rounds)
    v = work.penalty_weights

    def size_of(correlation):
        size = correlation if positive else np.abs(correlation)
        return size if penalty_weights is None else np.where(v > 0, size / np.where(v > 0, v, 1), 0)

    size = size_of(c)
    last = max(size.max() / l1_ratio, alphas[0])
    if start is not None and np.any(start):
        work.add(np.flatnonzero((start != 0) & work.outside))
        last = alphas[0]
        solver.l2 = last * (1 - l1_ratio)
        solver.enter(np.arange(len(work.index)), np.sign(start[work.index]))
    coefs, correlations = np.zeros((len(alphas), p)), np.empty((len(alphas), p))
    residuals, done = np.empty((len(alphas), n)), np.zeros(len(alphas), dtype=bool)
    first = 0
    while first < len(alphas):
        rows = slice(first, first + max(1, int(np.sum(alphas[first:] >= BLOCK * last))))
        block = alphas[rows]
        max_new = max(FIRST, int(WIDE * p), len(solver.S))
        floor = block[-1] * l1_ratio if len(work.index) else 0.0
        work.add(_largest(size, floor, work.outside, max_new))
        while True:
            w, found = solver.follow(last, block)
            R = y - w @ work.Z.T
            R = R if basis is None else R - (R @ basis) @ basis.T
            correlation = R @ X / n
            correlation[:, work.constant] = 0  # for which R @ X is rounding
            size = size_of(correlation)
            excess = np.max(size / (block * l1_ratio)[:, None], axis=0)
            lacking = _largest(excess, 1 + 1e-10, work.outside, max_new)
            if len(lacking) == 0:
                break
            if p <= GRAM_LIMIT and len(work.index) + len(lacking) > MANY * p:
                lacking = np.flatnonzero(work.outside)
            work.add(lacking)
        # The equations again, from the data themselves.
        factors = v[work.index]
        l1, l2 = (block * l1_ratio)[:, None] * factors, (block * (1 - l1_ratio))[:, None] * factors
        w *= work.q
        left = np.where(w != 0, correlation[:, work.index] - l2 * w - l1 * np.sign(w), 0)
        found &= np.abs(work.q * left).max(axis=1, initial=0) <= SOUND * np.abs(work.c).max(
            initial=0
        )
        coefs[rows, work.index] = w
        correlations[rows], residuals[rows], done[rows] = correlation, R, found
        size, last, first = size[-1], block[-1], rows.stop
    return coefs, correlations, residuals, done, solver.rounds


def on_matrix(_, G, c, u, q, alphas, l1_ratio, max_rounds, positive=False):
    """As `course.linear.newton.again`, from the start; columns may all but repeat each other."""
    columns = SimpleNamespace(G=G, c=c, u=u, q=q, index=np.arange(len(c)))
    solver = ActiveSet(columns, l1_ratio, positive, max_rounds)
    some = u > 0
    top = np.abs(c[some] / u[some]).max(initial=0) / l1_ratio if l1_ratio else 0.0
    return solver.follow(max(top, alphas[0]), alphas)[0], solver.rounds


def _largest(size, floor, among, max_count):
    """Which of `among` are above the floor; if more than max_count, the largest of them."""
    chosen = np.flatnonzero((size > floor) & among)
    if len(chosen) > max_count:
        chosen = chosen[np.argpartition(-size[chosen], max_count)[:max_count]]
    return chosen


class WorkingSet:
    """Some columns of X without their part in Q, in units of their spread, Z, and G = ZᵀZ/n.

    Args:
        X: shape (n, p).
        correlation: Xᵀy/n, shape (p,).
        basis, penalty_weights: as in `path`.

    Attributes:
        index: the columns' numbers, shape (|W|,).
        constant: shape (p,), bool: which of X's columns were found to lie in Q.
        Z, G, c: shapes (n, |W|), (|W|, |W|) and (|W|,), c = Zᵀy/n.
        q: shape (|W|,), one over the unit: what Z's weights are to be multiplied with for X's.
        u: shape (|W|,), q times the penalty weight.
    """

    def __init__(self, X, correlation, basis, penalty_weights):
        self.X, self.correlation, self.basis = X, correlation.copy(), basis
        self.constant = np.zeros(X.shape[1], dtype=bool)
        self.outside = np.ones(X.shape[1], dtype=bool)
        self.penalty_weights = np.ones(X.shape[1])
        if penalty_weights is not None:
            self.penalty_weights, self.outside = penalty_weights, penalty_weights > 0
        self.index, self.q, self.u = np.zeros(0, dtype=int), np.zeros(0), np.zeros(0)
        self.Z, self.G, self.c = np.empty((X.shape[0], 0), order="F"), np.empty((0, 0)), np.empty(0)

    def add(self, new):
        """Take in the columns with these numbers, in this order."""
        if len(new) == 0:
            return
        old, n = len(self.index), self.X.shape[0]
        self.outside[new] = False
        self.index = np.append(self.index, new)
        Z = np.empty((n, len(self.index)), order="F")
        Z[:, :old] = self.Z
        Z[:, old:] = dense(self.X[:, new])
        if self.basis is not None:
            before = np.abs(Z[:, old:]).max(axis=0)
            Z[:, old:] -= self.basis @ (self.basis.T @ Z[:, old:])
            # What is left of a combination of the basis, such as a constant, is rounding.
            self.constant[new[clear_rounding(Z[:, old:], before)]] = True
            self.correlation[self.constant] = 0
        self.q = np.append(self.q, 1 / _spread(Z[:, old:]))
        self.u = self.q * self.penalty_weights[self.index]
        Z[:, old:] *= self.q[old:]
        self.c = self.correlation[self.index] * self.q
        G = np.empty((len(self.index), len(self.index)))
        G[:old, :old] = self.G
        G[:old, old:] = Z[:, :old].T @ Z[:, old:] / n
        G[old:, :old] = G[:old, old:].T
        G[old:, old:] = Z[:, old:].T @ Z[:, old:] / n
        self.Z, self.G = Z, G


def clear_rounding(Z, size):
    """Make zero, in place, the columns of Z in which nothing but rounding of `size` is left.

    Args:
        size: shape (p,), the columns' largest numbers before something was subtracted.

    Returns:
        Which they were, bool, shape (p,).
    """
    nothing = np.abs(Z).max(axis=0) <= NOTHING * size
    Z[:, nothing] = 0
    return nothing


def _spread(Z):
    """The root mean square of each column; of tiny ones, which squares would lose, the maximum."""
    spread = np.sqrt(np.einsum("nj,nj->j", Z, Z) / len(Z))
    if not np.isfinite(spread).all():
        raise ValueError(TOO_LARGE)
    tiny = np.flatnonzero(spread < TINY)
    if len(tiny):
        spread[tiny] = np.abs(Z[:, tiny]).max(axis=0)
        spread[spread == 0] = 1
    return spread


class ActiveSet:
    """The solution on a working set: the support S, the signs s, and M = (G_SS + λ₂ Q_S²)⁻¹.

    A few columns come and go at a time, so M is changed by blocks and not computed anew; what
    rounding, or another λ₂, leaves of an error in M is refined away.
    """

    def __init__(self, work, l1_ratio, positive, max_rounds):
        self.work, self.l1_ratio, self.positive, self.max_rounds = (
            work, l1_ratio, positive, max_rounds,
        )  # fmt: skip
        self.rounds = 0
        self.S, self.s = np.zeros(0, dtype=int), np.zeros(0)  # places in the working set; ±1
        self.l2 = 0.0  # in M, and in the factor
        self.fresh = True  # whether they were computed from G
        self.factor = self.store = None  # L of LLᵀ = M⁻¹, where S is small; what holds M

    @property
    def M(self):
        if self.store is None:
            self.store, self.fresh = _inverse(self._matrix(self.S, self.l2)), True
        return self.store[: len(self.S), : len(self.S)]

    def times_inverse(self, right):
        """M @ right."""
        from scipy.linalg.lapack import dpotrs

        if self.store is None and self.factor is None:
            self.renew(self.l2)
        if self.factor is None:
            return self.M @ right
        return dpotrs(self.factor, right, lower=True)[0]

    def _matrix(self, S, l2):
        A = self.work.G.take(S, axis=0).take(S, axis=1)
        A.flat[:: len(A) + 1] += (l2 * self.work.u[S]) * self.work.q[S]
        return A

    def follow(self, alpha, alphas):
        """Solve at each of `alphas`, coming from `alpha`; shape (A, |W|), and which succeeded."""
        w, found = np.zeros((len(alphas), len(self.work.index))), np.zeros(len(alphas), dtype=bool)
        for i, target in enumerate(alphas):
            w[i], found[i] = self._reach(alpha, target)
            alpha = target
        return w, found

    def _reach(self, alpha, target, step=STEP):
        """Go from `alpha` to `target` in steps that are halved where they are too long."""
        for _ in range(STEPS):
            following = target if target >= step * alpha else step * alpha
            before = self.S, self.s
            w, found = self.solve(following)
            if found:
                if following == target:
                    return w, True
                alpha = following
            elif step > MIN_STEP or following >= alpha:
                return w, False
            else:
                (self.S, self.s), self.store, self.factor = before, None, None
                step = np.sqrt(max(step, following / alpha))
        return w, False

    def solve(self, alpha):
        """The solution at α if ROUNDS changes of the support find it: shape (|W|,), and whether."""
        l1, l2 = alpha * self.l1_ratio * self.work.u, alpha * (1 - self.l1_ratio)
        self.scale = np.abs(self.work.c).max(initial=0.0) or 1.0  # of a constant y it is 0
        barred = np.zeros(len(self.work.c), dtype=bool)  # combinations of what is in S
        for turn in range(min(ROUNDS, self.max_rounds)):
            self.rounds += 1
            w, r = self._equations(l1, l2)
            size = r if self.positive else np.abs(r)
            lacks = size > l1 + ROUNDING * self.scale
            lacks[self.S] = False
            lacking = np.flatnonzero(lacks & ~barred)
            wrong = w[self.S] * self.s <= 0
            if not (len(lacking) or np.count_nonzero(wrong)):
                # What is barred because it depends on S must not lack more than rounding.
                sound = (size <= (1 + 1e-9) * l1)[barred].all()
                return w, bool(sound and self.error <= 100 * ROUNDING)
            if turn >= ROUNDS // 2:  # in circles, it may be: the last place alone changes
                last = max(self.S[wrong].max(initial=-1), lacking.max(initial=-1))
                wrong, lacking = wrong & (self.S == last), lacking[lacking == last]
            if np.count_nonzero(wrong):
                self.leave(wrong)
                barred[:] = False
            if len(lacking) and not self.enter(lacking, np.sign(r[lacking])):
                largest = lacking[[np.argmax(size[lacking])]]
                sign = np.sign(r[largest])
                entered = self.enter(largest, sign) or self.exchange(largest, sign, w)
                barred[largest] = not entered
        return w, False

    def exchange(self, new, sign, w):
        """Take in a combination of S, sign·x = X_S g, for the first of S that this makes zero.

        A unit of it replaces g: False where the L1 norm, of which gᵀs is saved, does not fall.
        """
        if len(self.S) == 0:  # a column of zeros: its correlation is rounding
            return False
        g, u = sign * self.times_inverse(self.work.G[self.S, new[0]]), self.work.u
        falls = np.flatnonzero(g * self.s > 0)
        if g @ (self.s * u[self.S]) <= (1 + 1e-9) * u[new[0]] or len(falls) == 0:
            return False
        first = falls[np.argmin(np.abs(w[self.S[falls]] / g[falls]))]
        self.leave(np.arange(len(self.S)) == first)
        return self.enter(new, sign)

    def _equations(self, l1, l2):
        """Solve (G_SS + λ₂ Q_S²) w_S = c_S − λ₁ s to rounding; return w and c − Gw − λ₂ Q²w."""
        G, c, S = self.work.G, self.work.c, self.S
        w = np.zeros(len(c))
        if len(S) == 0:
            self.l2, self.error = l2, 0.0
            return w, c
        near = 0.8 * self.l2 <= l2 <= 1.2 * self.l2
        if not near or (len(S) <= FEW and l2 != self.l2):
            self.renew(l2)
        target, ridge = l1[S] * self.s, (l2 * self.work.u) * self.work.q
        w[S] = self.times_inverse(c[S] - target)
        before = np.inf
        while True:
            r = c - G @ w - ridge * w
            residual = r[S] - target
            self.error = np.abs(residual).max() / self.scale
            # It is not where a number is NaN, or infinite.
            better = self.error <= before / 2 and self.error < before
            if self.error <= ROUNDING / 10 or (self.fresh and not better):
                return w, r
            if not better:
                self.renew(l2)
            w[S] += self.times_inverse(residual)
            before = self.error

    def renew(self, l2):
        """Compute M = (G_SS + λ₂ Q_S²)⁻¹, or the factor, from G."""
        self.l2, self.fresh, self.store, self.factor = l2, True, None, None
        if len(self.S) <= FEW:
            self.factor = _factor(self._matrix(self.S, l2))

    def leave(self, gone):
        """Take out of S where `gone`, bool, shape (|S|,)."""
        if len(gone) <= FEW:
            self.S, self.s, self.store, self.factor = self.S[~gone], self.s[~gone], None, None
            return
        M, count = self.M, len(gone) - gone.sum()
        # Exchange, so that those that leave stand last: M need not be copied.
        early, late = np.flatnonzero(gone[:count]), count + np.flatnonzero(~gone[count:])
        for array in (M, M.T):
            array[early], array[late] = array[late], array[early]
        side, block = M[:count, count:].copy(), M[count:, count:].copy()
        order = np.arange(len(gone))
        order[early], order[late] = late, early
        self.S, self.s, self.fresh = self.S[order[:count]], self.s[order[:count]], False
        self.factor = None
        _add_product(self.M, -np.linalg.solve(block, side.T).T, side.T)

    def enter(self, new, signs):
        """Take in places `new` with their signs; False where they depend on what is in S."""
        G, k = self.work.G, len(self.S)
        S, s = np.concatenate([self.S, new]), np.concatenate([self.s, signs])
        if len(S) <= FEW:
            factor = _factor(self._matrix(S, self.l2), MIN_PIVOT * G.diagonal()[S])
            if factor is None:
                return False
            self.S, self.s, self.store, self.factor, self.fresh = S, s, None, factor, True
            return True
        side = G[self.S[:, None], new]
        U = self.M @ side
        block = G[new[:, None], new] - side.T @ U
        block.flat[:: len(block) + 1] += (self.l2 * self.work.u[new]) * self.work.q[new]
        if _factor(block, MIN_PIVOT * G[new, new]) is None:
            return False
        block = np.linalg.inv(block)
        V = U @ block
        _add_product(self.M, V, U.T)
        self.S, self.s, self.factor = S, s, None
        if len(S) > len(self.store):
            store = np.empty((len(S) * 5 // 4,) * 2)
            store[:k, :k] = self.store[:k, :k]
            self.store = store
        self.M[:k, k:], self.M[k:, :k], self.M[k:, k:] = -V, -V.T, block
        self.fresh = False
        return True


def _inverse(A):
    """A⁻¹; where λ₂ is lost beside columns that repeat each other, what shares the weights."""
    try:
        return np.linalg.inv(A)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(A, hermitian=True)


def _factor(A, smallest=0.0):
    """L of LLᵀ = A; None where a pivot is not above `smallest`: A cannot be inverted."""
    from scipy.linalg.lapack import dpotrf

    L, failed = dpotrf(A, lower=True)
    return None if failed or (L.diagonal() ** 2 <= smallest).any() else L


def _add_product(M, A, B):
    """M += A @ B, a strip at a time, which stays in the processor's cache."""
    for i in range(0, len(M), 64):
        M[i : i + 64] += A[i : i + 64] @ B
