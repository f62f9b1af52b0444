"""Elastic nets from the p×p matrices XᵀX: all folds and all α in one call of the Keras backend."""

import functools
from typing import NamedTuple

import numpy as np

from course.linear.duality import gap
from course.linear.problem import Solved, means, rows_of

MEMORY = 256 * 2**20  # bytes that one call's weights may take, at 12 arrays of them


def solve(X, y, folds, alphas, l1_ratio, settings, start=None):
    """The elastic net on all rows, and on the training rows of each fold, at all α.

    Args:
        X, y: shapes (n, p) and (n,), finite, float64 or float32.
        folds: list of (training rows, test rows), row numbers; may be empty.
        alphas: shape (A,), decreasing.
        l1_ratio: in [0, 1].
        settings: `course.linear.problem.Settings`.
        start: None, or weights to start from, of a shape that broadcasts to (1 + folds, A, p).

    Returns:
        `course.linear.problem.Solved`.
    """
    x0, y0 = means(X, y, settings.fit_intercept)

    def sums_of(rows):
        return _Sums.of(rows_of(X, rows) - x0, rows_of(y, rows) - y0)

    everything = np.arange(len(y))
    left_out = [sums_of(test) for _, test in folds]
    # Each row in one test set: their sums add up to the whole, without another look at X.
    times = np.bincount(np.concatenate([everything[:0], *(test for _, test in folds)]))
    parted = len(times) == len(y) and (times == 1).all()
    whole = _Sums(*(sum(parts) for parts in zip(*left_out))) if parted else sums_of(everything)
    training = [
        whole.without(sums) if _complementary(train, test, len(y)) else sums_of(train)
        for (train, test), sums in zip(folds, left_out)
    ]
    centred = [sums.centred(settings.fit_intercept) for sums in (whole, *training)]
    z_mean, e_mean, G, c, ee = (np.array(part) for part in zip(*centred))
    if not (np.isfinite(G).all() and np.isfinite(ee).all()):
        raise ValueError("X or y has numbers too large to be squared: scale them")
    w, done, n_iter = _solve_equations(G, c, alphas, l1_ratio, settings, start)

    wc, Gw = np.einsum("map,mp->ma", w, c), w @ G
    rr = ee[:, None] - 2 * wc + np.sum(w * Gw, axis=-1)
    l1, l2 = alphas * l1_ratio, alphas * (1 - l1_ratio)
    gaps = gap(rr, ee[:, None] - wc, c[:, None] - Gw, w, l1, l2, settings.positive)
    b = e_mean[:, None] - np.einsum("map,mp->ma", w, z_mean)
    errors = np.empty((len(alphas), len(folds)))
    for i, (_, test) in enumerate(folds):
        errors[:, i] = _error(left_out[i], w[i + 1], b[i + 1])
        if (errors[:, i] < 1e-6 * left_out[i].ee / len(test)).any():
            # Large terms have cancelled in the sums: count row by row.
            y_hat = (rows_of(X, test) - x0) @ w[i + 1].T + b[i + 1]
            errors[:, i] = np.mean((rows_of(y, test)[:, None] - y0 - y_hat) ** 2, axis=0)
    return Solved(w, y0 + b - w @ x0, gaps, errors, n_iter, done)


def _complementary(train, test, n):
    times = np.bincount(train, minlength=n) + np.bincount(test, minlength=n)
    return bool((times == 1).all())


def _error(sums, w, b):
    """Mean of (e − Zw − b)² over the rows summed up in `sums`; w: (A, p), b: (A,)."""
    squares = sums.ee - 2 * w @ sums.ze + np.sum(w * (w @ sums.zz), axis=-1)
    return (squares - 2 * b * (sums.e - w @ sums.z) + sums.n * b * b) / sums.n


class _Sums(NamedTuple):
    """Sums over some rows of Z and e, which are X and y counted from a common origin."""

    n: int
    z: np.ndarray  # (p,)
    e: float
    zz: np.ndarray  # (p, p)
    ze: np.ndarray  # (p,)
    ee: float

    @classmethod
    def of(cls, Z, e):
        return cls(len(e), Z.sum(axis=0), e.sum(), Z.T @ Z, Z.T @ e, e @ e)

    def without(self, part):
        return _Sums(*(whole - some for whole, some in zip(self, part)))

    def centred(self, fit_intercept):
        """z̄, ē and the second moments about them, ZᵀZ/n, Zᵀe/n, e·e/n."""
        z, e = (self.z / self.n, self.e / self.n) if fit_intercept else (0 * self.z, 0.0)
        zz, ze, ee = self.zz / self.n, self.ze / self.n, self.ee / self.n
        return z, e, zz - np.outer(z, z), ze - z * e, ee - e * e


def _solve_equations(G, c, alphas, l1_ratio, settings, start):
    """The solutions from the second moments: scaled, padded, in turns where memory is short.

    Args:
        G, c: shapes (m, p, p), (m, p).

    Returns:
        `(w, done, n_iter)`: shapes (m, A, p) and (m, A), and a number.
    """
    m, p = c.shape
    scale = np.sqrt(np.einsum("mpp->mp", G))
    # A constant column is zero after centring, but for rounding.
    constant = scale <= 1e-12 * scale.max(axis=-1, keepdims=True)
    scale = np.where(constant, 1, scale)
    G = np.where(constant[:, None] | constant[..., None], 0, G) / (
        scale[:, None] * scale[..., None]
    )
    c = np.where(constant, 0, c) / scale
    # Padding with columns of zeros: one compiled program serves several p.
    padded = _padded(p)
    more = [(0, 0), (0, padded - p)]
    G, c, q = (
        np.pad(G, [*more, more[1]]),
        np.pad(c, more),
        np.pad(1 / scale, more, constant_values=1),
    )
    diagonal = np.arange(padded)
    G[:, diagonal, diagonal] = 1.0

    turns = max(1, min(len(alphas), m * len(alphas) * padded * 8 * 12 // MEMORY + 1))
    parts = []
    for some in np.array_split(alphas, turns):
        w = None
        if start is not None:
            w = np.pad(np.broadcast_to(start * scale[:, None], (m, len(some), p)),
                       [(0, 0), *more])  # fmt: skip
        parts.append(_call(G, c, q, some, l1_ratio, settings, w))
    w = np.concatenate([part[0] for part in parts], axis=1)[..., :p] / scale[:, None]
    done = np.concatenate([part[1] for part in parts], axis=1)
    return w, done, max(1, sum(int(part[2]) for part in parts))


def _padded(count):
    """The count rounded up, to 16 or to one of eight sizes between two powers of two."""
    step = max(16, 2 ** (max(count - 1, 1).bit_length() - 3))
    return -(-count // step) * step


def _call(G, c, q, alphas, l1_ratio, settings, w):
    """Solve on the Keras backend: lassos kink by kink, and by FISTA what is not done then."""
    from keras import ops

    from course.linear.fista import ROUND

    def numpy(results):
        return [ops.convert_to_numpy(result) for result in results]

    l1, l2 = alphas * l1_ratio, alphas * (1 - l1_ratio)
    n_iter = 0
    if l1_ratio == 1 and w is None:
        limit = np.array(settings.max_iter, "int32")
        w, done, n_iter = numpy(_kink_by_kink(settings.positive)(G, c, q, l1, limit))
        if done.all():
            return w, done, n_iter
    if w is None:
        w = np.zeros((len(c), len(alphas), c.shape[1]))
    rounds = np.array(-(-settings.max_iter // ROUND), "int32")
    w, done, rounds = numpy(_step_by_step(settings.positive)(G, c, q, l1, l2, w, rounds))
    return w, done, n_iter + ROUND * rounds


@functools.cache
def _kink_by_kink(positive):
    from course.linear import fista, homotopy

    def solve(G, c, q, alphas, max_kinks):
        w, count = homotopy.path(G, c, q, alphas, max_kinks, positive)
        l1 = alphas[None, :, None] * q[:, None]
        violation = fista.violation(w, w @ G - c[:, None], c[:, None], l1, 0 * l1, positive)
        return w, violation <= fista.ROUNDING, count

    return _compiled(solve)


@functools.cache
def _step_by_step(positive):
    from course.linear import fista

    return _compiled(functools.partial(fista.solve, positive=positive))


def _compiled(function):
    """The function as one program of the Keras backend; PyTorch runs it step by step."""
    import keras

    match keras.backend.backend():
        case "jax":
            import jax

            return jax.jit(function)
        case "tensorflow":
            import tensorflow as tf

            return tf.function(function, jit_compile=True, autograph=False)
        case _:
            import torch

            def run(*arrays):
                with torch.no_grad():
                    results = function(*(keras.ops.convert_to_tensor(array) for array in arrays))
                return [r.cpu().numpy() if torch.is_tensor(r) else r for r in results]

            return run
