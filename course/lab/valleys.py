"""The bench of the two valleys: lessons 2, 4 and 5 in one function."""

import numpy as np

STARTS = 200  # drawn at random, as many as can be seen
FAR = 1e9  # beyond, a descent has diverged: lesson 4's limit


def data(measured=None):
    """Lesson 4's double well and its rows; lesson 2's start, steps and range of starts."""
    from course import lesson02, lesson04

    return {
        "tilt": lesson04.TILT,
        "spread": lesson04.TILT_NOISE,
        "points": lesson04.POINTS,
        "rate": lesson04.WELL_RATE,
        "w": lesson02.WELL_START,
        "steps": lesson02.WELL_STEPS,
        "starts": STARTS,
        "low": -2,
        "high": 2,
    }


def descend_valleys(w, tilt, learning_rate, steps, batch_size=None, momentum=0.0, rng=0):
    """Descent on J(w) = (w² − 1)² + c w as in lessons 2 and 4, with lesson 5's heavy ball.

    Args:
        w: the start, or shape (k,): k of them.
        tilt: c, the mean of the rows' tilts; of lesson 4's 100 rows, half have a higher one
            and half a lower one.
        batch_size: rows of each step, drawn anew for every start; none: all of them.
        momentum: the part of the velocity that a step keeps.
        rng: the generator that draws the rows, or a seed for a new one.

    Returns:
        w at every step, shape (steps + 1,) or (steps + 1, k). A descent that has diverged,
        |w| ≥ 1e9, stays where it is.

    >>> descend_valleys(1.5, tilt=0.5, learning_rate=0.125, steps=2).tolist()
    [1.5, 0.5, 0.625]
    """
    from course.lesson04 import POINTS, TILT_NOISE

    rng, shape = np.random.default_rng(rng), np.shape(w)
    signs = np.resize([1.0, -1.0], POINTS)
    path, v = [np.array(w, "float64").reshape(-1)], 0.0
    for _ in range(steps):
        w, c = path[-1], tilt
        if batch_size:
            rows = rng.integers(POINTS, size=(len(w), batch_size))
            c = tilt + TILT_NOISE * signs[rows].mean(axis=-1)
        v = momentum * v - learning_rate * (4 * w * (w**2 - 1) + c)
        path.append(np.where(np.abs(w) < FAR, w + v, w))
    return np.array(path).reshape(-1, *shape)


def in_deeper_valley(w, tilt):
    """Whether w is in the deeper valley of J; where both are as deep, in the left one.

    Where only one valley is left, w is in it where J bends upwards around its minimum.

    Args:
        w: a number, or an array of any shape.

    Returns:
        True or False, of w's shape. What has diverged is in no valley.

    >>> in_deeper_valley([-1.1, 0.9, 1e27], tilt=0.9).tolist()
    [True, False, False]
    """
    w = np.asarray(w)
    if np.abs(tilt) >= 8 / np.sqrt(27):  # J′ = 0 at one place only: there is one valley
        border = -np.sign(tilt) / np.sqrt(3)  # J″ = 0
    else:
        border = np.sort(np.roots([4, 0, -4, tilt]).real)[1]  # J′ = 0: minimum, top, minimum
    return (np.abs(w) < FAR) & ((w - border) * (tilt or 1) < 0)
