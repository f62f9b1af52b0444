"""Stability selection: which columns the lasso picks whatever rows it happens to see."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from course.linear import gram, wide
from course.linear.alphas import alpha_grid, finite
from course.linear.problem import GRAM_LIMIT, Array, Matrix, Settings, by_rows, checked, report


class Stability(NamedTuple):
    """How often each column was selected.

    Attributes:
        alphas: shape (A,), decreasing.
        frequencies: shape (p, A): in which part of the samples a column's weight was not zero.
        selected: shape (p,), bool: whether that part reached the threshold at some α.
        expected_false: at most so many of the selected may be expected to be noise, if noise
            columns are exchangeable (Meinshausen and Bühlmann, theorem 1); `inf` where
            `threshold` is not above ½.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> found = stability_selection(X, X[:, 0] + rng.normal(size=200), eps=0.4)
        >>> found.frequencies.shape, found.selected.tolist()
        ((3, 30), [True, False, False])
    """

    alphas: np.ndarray
    frequencies: np.ndarray
    selected: np.ndarray
    expected_false: float


def stability_selection(
    X: Matrix, y: Array, *, l1_ratio: float = 1.0, alphas: int | Array = 30,
    eps: float = 0.1, samples: int = 100, fraction: float = 0.5, replace: bool = False,
    threshold: float = 0.75, seed: int = 0, fit_intercept: bool = True, positive: bool = False,
    tol: float = 1e-4, max_iter: int = 1000, sample_weight: Array | None = None,
    penalty_weights: Array | None = None,
) -> Stability:  # fmt: skip
    """The lasso, or the elastic net, on many random samples of the rows, all in one call.

    Bring the columns to one scale first: the lasso prefers large ones.

    Args:
        X, y, l1_ratio, eps, alphas, fit_intercept, positive, tol, max_iter, sample_weight,
            penalty_weights: as in `course.linear.lasso_path`.
        samples: how many samples.
        fraction: of the rows, in each sample; 1 with replace=True is the bootstrap.
        replace: whether a row may come more than once.
        threshold: a column is selected that is in at least this part of the samples' models
            at some α.
        seed: of NumPy's generator, which draws the samples.

    Returns:
        `Stability`.

    Raises:
        ValueError, TypeError: as `course.linear.lasso`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 10))
        >>> y = X[:, 0] - X[:, 3] + rng.normal(size=200)
        >>> np.flatnonzero(stability_selection(X, y, eps=0.4).selected).tolist()
        [0, 3]

    Reference:
        N. Meinshausen and P. Bühlmann, Stability Selection, J. R. Statist. Soc. B 72, 2010,
        doi:10.1111/j.1467-9868.2010.00740.x.
    """
    X, y = checked(X, y, wide_later=True)
    (n, p), count = X.shape, samples
    if not (np.isfinite(count) and int(count) == count >= 1):
        raise ValueError(f"samples must be a whole number of at least 1, got {count}")
    size = round(fraction * n) if np.isfinite(fraction) else 0
    if not (2 <= size <= n or (replace and size >= 2)):
        raise ValueError(f"fraction={fraction} of {n} rows is no sample: it must be 2 to {n} rows")
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must lie in (0, 1], got {threshold}")
    settings = Settings(
        fit_intercept, positive, tol, max_iter, None, sample_weight, penalty_weights
    ).checked(n, p)
    rng = np.random.default_rng(seed)
    rows = [np.sort(rng.choice(n, size, replace=replace)) for _ in range(int(count))]
    s = settings.sample_weight
    if s is not None and not all(s[some].any() for some in rows):
        raise ValueError("sample_weight is zero on all rows of a sample: leave such rows out")
    narrow = p <= GRAM_LIMIT
    whole = (gram.Gram if narrow else wide.Wide)(X, y, [], settings)
    alphas = finite(alpha_grid(whole, alphas, eps, l1_ratio), whole, l1_ratio)
    picked, ever, open_gap = np.zeros((len(alphas), p)), 0, 0.0
    for w, gap in (_in_batches if narrow else _one_by_one)(whole, rows, alphas, l1_ratio):
        picked += np.count_nonzero(w, axis=0)
        ever += int(np.count_nonzero(w.any(axis=1)))
        open_gap = max(open_gap, gap)
    report(open_gap, settings, y)
    frequencies = (picked / len(rows)).T
    false = np.inf
    if threshold > 0.5:  # ever / len(rows): how many columns a sample selects, at any α
        false = (ever / len(rows)) ** 2 / (p * (2 * threshold - 1))
    return Stability(alphas, frequencies, frequencies.max(axis=1) >= threshold, float(false))


def _in_batches(whole, rows, alphas, l1_ratio):
    """The weights of many samples, shape (m, A, p), and their largest open gap; batch by batch."""
    count, settings = gram.at_once(whole.moments.X.shape[1]), whole.settings
    for i in range(0, len(rows), count):
        # Nothing is held out; a fold wants a test row all the same.
        moments = whole.moments.of_folds([(some, some[:1]) for some in rows[i : i + count]])
        equations = moments.equations(False, settings.penalty_weights)
        w, _, open_gap, _ = gram.solve(equations, alphas, l1_ratio, settings)
        yield w, open_gap


def _one_by_one(whole, rows, alphas, l1_ratio):
    X, s = by_rows(whole.X), whole.settings.sample_weight
    for some in rows:
        settings = whole.settings._replace(sample_weight=None if s is None else s[some])
        fit = wide.fit(X[some], whole.y[some], alphas, l1_ratio, settings)
        yield fit.coefs[None], fit.open_gap
