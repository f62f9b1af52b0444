"""The descent bench: lessons 3, 4 and 5 in one function."""

import numpy as np

from course import data as course_data


def data(measured=None):
    """The points that the bench starts with: lesson 3's."""
    return {"points": np.transpose(course_data.load_five_points()).tolist()}


def descend(
    x, y, start=(0.0, 0.0), learning_rate=0.027, steps=100, batch_size=None, seed=0,
    momentum=0.0, nesterov=False, standardise=False,
):  # fmt: skip
    """Gradient descent on ŷ = wx + b, as lessons 3, 4 and 5 do it.

    Args:
        x, y: shape (n,).
        start: w and b.
        batch_size: rows of each step; none: all of them. Every epoch has a new order, and the
            epochs' orders stand one behind the other.
        standardise: descend on (x − mean)/deviation; w and b are those of that x.

    Returns:
        (w, b) at every step, shape (steps + 1, 2); shorter where it diverged.

    >>> descend(np.array([1.0, 2.0]), np.array([7.0, 9.0]), learning_rate=0.1, steps=1).tolist()
    [[0.0, 0.0], [2.5, 1.6]]
    """
    from course.lesson03 import gradient

    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    if standardise and x.std() > 0:
        x = (x - x.mean()) / x.std()
    n, rng, order = len(y), np.random.default_rng(seed), np.arange(0)
    size = min(batch_size or n, n)
    path, v = [np.array(start, "float64")], np.zeros(2)
    while len(path) <= steps:
        if size == n:
            rows = slice(None)
        else:
            while len(order) < size:
                order = np.append(order, rng.permutation(n))
            rows, order = order[:size], order[size:]
        step = -learning_rate * gradient(x[rows, None], y[rows], path[-1])
        v = momentum * v + step
        theta = path[-1] + (momentum * v + step if nesterov else v)
        if not np.abs(theta).max() < 1e100:  # it has diverged
            break
        path.append(theta)
    return np.array(path)
