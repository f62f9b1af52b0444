"""Elastic nets for many targets and one X of few columns, all of them in one batch."""

import numpy as np

from course.linear import gram
from course.linear.moments import Equations, Moments

TOGETHER = 100  # targets beside p: of more, their products with each other would take longest
COLUMNS = 100  # for each target: with more, to make XᵀX takes longer than it saves


def solve(X, Y, alphas, l1_ratio, settings, start=None):
    """The elastic net at one α for each column of Y: XᵀX is made once.

    Args:
        X, Y: shapes (n, p) and (n, k), finite, float64 or float32; never changed.
        alphas: shape (1,).
        settings: `course.linear.problem.Settings`.
        start: None, or weights of shape (k, p).

    Returns:
        `(coefs, intercepts, dual_gaps, steps)`: shapes (k, p) and three times (k,); of targets
        that were solved together the steps are those of all. None where one of them is not
        solved to rounding.

    Raises:
        ValueError: a number is too large to be squared.
    """
    count, parts = TOGETHER + X.shape[1], []
    for i in range(0, Y.shape[1], count):
        some = None if start is None else start[i : i + count]
        parts.append(_some(X, Y[:, i : i + count], alphas, l1_ratio, settings, some))
        if parts[-1] is None:
            return None
    return tuple(map(np.concatenate, zip(*parts)))


@np.errstate(over="ignore", invalid="ignore")
def _some(X, Y, alphas, l1_ratio, settings, start):
    moments = Moments(X, Y, [], settings.fit_intercept, settings.sample_weight)
    equations = moments.equations(penalty_weights=settings.penalty_weights)
    count, parts = gram.at_once(X.shape[1]), []
    for i in range(0, Y.shape[1], count):
        these = Equations(*(part[i : i + count] for part in equations))
        some = None if start is None else start[i : i + count]
        parts.append(gram.solve(these, alphas, l1_ratio, settings, some))
    w, pull, open_gaps, steps = zip(*parts)
    if max(open_gaps) > 0:
        return None
    steps = np.repeat(steps, list(map(len, w)))
    w, pull = (np.concatenate(part)[:, 0] for part in (w, pull))
    gaps = gram.gaps_of(equations, slice(None), w, pull, alphas, l1_ratio, settings)
    coefs, intercepts = moments.original(w, equations, slice(None))
    found = coefs, intercepts, gaps, steps
    return found if all(np.isfinite(part).all() for part in found) else None
