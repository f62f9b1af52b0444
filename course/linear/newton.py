"""The elastic net by a Newton method on the active set; a batch of problems at once.

Guess which weights are not zero (the set S) and their signs s. Then they solve the equations

    (G_SS + λ₂ I) w_S = c_S − λ₁ s_S

and z = w + c − Gw tells the next guess: where |z_j| > λ₁, j is in S with the sign of z_j. It is
Newton's method for the optimality conditions, which say that (1 + λ₂) w is z, moved towards zero by
λ₁; and it ends at the solution as soon as the guess repeats itself. Along a path of decreasing α, z
is all but a straight line, so most guesses are right at once.

Reference:
    M. Hintermüller, K. Ito, K. Kunisch, The primal-dual active set strategy as a semismooth
    Newton method, SIAM J. Optim. 13, 2002, doi:10.1137/S1052623401383558.
"""

import numpy as np

from course.linear.problem import penalties

ROUNDS = 30  # for one α; a guess that has not settled then goes in circles
FEW = 24  # columns: up to so many, the equations of all problems are solved in one call


def path(G, c, u, q, alphas, l1_ratio, max_rounds, positive=False, start=None):
    """The elastic net's solutions at many α, for a batch of problems.

        minimise  ½ wᵀGw − cᵀw + α Σ u_j (ρ |w_j| + ½ (1 − ρ) q_j w_j²)

    Args:
        G: shape (m, p, p), float64, each symmetric, positive semi-definite, with diagonal 1.
        c, u, q: shape (m, p); u is not negative, q is positive.
        alphas: shape (A,), decreasing.
        l1_ratio: ρ, in [0, 1].
        max_rounds: for each α.
        positive: whether weights may not be negative.
        start: None, or the signs at the first α, shape (m, p).

    Returns:
        `(w, rounds)`: shape (m, A, p), and how many rounds were made. Check it: a guess that did
        not settle is a start and no solution.
    """
    w, rounds = np.empty((len(c), len(alphas), c.shape[1])), 0
    z = ahead = c
    for a, alpha in enumerate(alphas):
        l1, l2 = penalties(alpha, l1_ratio, u, q)
        guess = _signs(ahead, l1, positive) if a or start is None else start
        w[:, a], found, _, count = solve(G, c, l1, l2, guess, max_rounds, positive)
        rounds += count
        if a + 1 < len(alphas):  # on a straight line from the last two, or on the spot
            step = alphas[a - 1] - alpha if a else 0.0
            ahead = found + (found - z) * ((alpha - alphas[a + 1]) / step if step > 0 else 0.0)
            z = found
    return w, rounds


def again(w, G, c, u, q, alphas, l1_ratio, max_rounds, positive=False):
    """One problem at many α, each from the signs of what was found before: as `path`.

    Args:
        w: shape (A, p).
        G, c, u, q: shapes (p, p), (p,), (p,) and (p,).
    """
    G, c = np.broadcast_to(G, (len(w), *G.shape)), np.broadcast_to(c, w.shape)
    l1, l2 = penalties(alphas, l1_ratio, u, q)
    w, _, _, rounds = solve(G, c, l1, l2, np.sign(w), max_rounds, positive)
    return w, rounds


def _signs(z, l1, positive=False):
    """The guess from z: 0 or the sign of each weight, which is 0 where it is but rounding."""
    return np.sign(z) * ((z if positive else np.abs(z)) > (1 + 1e-15) * l1)


def solve(G, c, l1, l2, s, max_rounds, positive=False):
    """One elastic net for each problem of a batch.

    Args:
        G, c: as in `path`.
        l1, l2: shape (m, p), each weight's penalties.
        s: shape (m, p), the first guess of the signs.
        max_rounds, positive: as in `path`.

    Returns:
        `(w, z, settled, rounds)`: shape (m, p), both; shape (m,), whether the guess repeated
        itself; and how many rounds were made.
    """
    w, z, s = np.zeros(c.shape), np.array(c), np.array(s)
    settled, rounds = np.zeros(len(c), dtype=bool), 0
    going = slice(None)  # then the numbers of those whose guess has changed
    while rounds < min(max_rounds, ROUNDS) and not settled.all():
        rounds += 1
        w[going], Gw, sound = on_signs(G, c - l1 * s, l2, s, going)
        z[going] = c[going] - Gw + w[going]
        guess = _signs(z[going], l1[going], positive)
        if rounds > ROUNDS // 2:
            guess = _last_change(s[going], guess)
        settled[going] = sound & (guess == s[going]).all(axis=1)
        s[going] = guess
        going = np.flatnonzero(~settled)
    return w, z, settled, rounds


def _last_change(before, guess):
    """Of all changes the last one alone, and from a sign to zero first: so no guess comes again."""
    changes = before != guess
    last = changes.shape[1] - 1 - changes[:, ::-1].argmax(axis=1)
    rows = np.arange(len(before))
    after = before.copy()
    after[rows, last] = np.where(before[rows, last] == 0, guess[rows, last], 0)
    return np.where(changes.any(axis=1)[:, None], after, before)


def on_signs(G, right, l2, s, going=slice(None)):
    """Solve the equations of the problems `going`, those of the other weights being w_j = 0.

    Args:
        G, l2, s: as in `solve`.
        right: shape (m, p), c − λ₁s.
        going: row numbers, or a slice.

    Returns:
        `(w, Gw, sound)`: shapes (g, p), (g, p), (g,); sound: whether they could be solved.
    """
    return (_at_once if s.shape[1] <= FEW else _one_by_one)(G, right, l2, s, going)


def _at_once(G, right, l2, s, going):
    every, on = G[going], s[going] != 0
    A = every * on[:, :, None]
    A *= on[:, None]
    A.reshape(len(A), -1)[:, :: A.shape[1] + 1] += np.where(on, l2[going], 1)
    try:
        w = np.linalg.solve(A, (right[going] * on)[..., None])
    except np.linalg.LinAlgError:
        return _one_by_one(G, right, l2, s, going)
    return w[..., 0], np.matmul(every, w)[..., 0], np.isfinite(w).all(axis=(1, 2))


def _one_by_one(G, right, l2, s, going):
    from scipy.linalg.lapack import dposv

    going = np.arange(len(s))[going]
    w, Gw, sound = np.zeros((len(going), s.shape[1])), np.empty((len(going), s.shape[1])), []
    for row, i in enumerate(going):
        on = np.flatnonzero(s[i])
        A = G[i].take(on, axis=0).take(on, axis=1)
        A.reshape(-1)[:: len(on) + 1] += l2[i].take(on)
        right_on = right[i].take(on)
        x, failed = dposv(A.T, right_on, lower=True, overwrite_a=True)[1:] if len(on) else (0, 0)
        sound.append(not failed)
        w[row, on] = 0 if failed else x
        np.dot(G[i], w[row], out=Gw[row])
    return w, Gw, np.array(sound)
