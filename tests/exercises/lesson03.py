"""Exercises of the tests: they need NumPy alone, so that a check of them starts at once.

zh:
测试用的练习：只需要 NumPy，检查马上就能开始。
"""

import numpy as np


def rate(X, y, theta):
    """The mean of all numbers of X, in a list of one.

    zh:
    X 中所有数的平均值，放在只有一个元素的列表里。
    """
    # solution
    return np.array([X.mean()])


def largest(X):
    """The largest number of X.

    zh:
    X 中最大的数。
    """
    # solution
    return float(X.max())


def standardised(X):
    """X with every column centred. There is a mistake in this function: find it.

    zh:
    每一列减去均值。这个函数里有一个错误：请找出来。
    """
    # solution
    # given: return X + X.mean(axis=0)
    return X - X.mean(axis=0)


def smallest(X):
    """The smallest number of X.

    zh:
    X 中最小的数。
    """
    # solution
    return float(X.min())


def spread(X):
    """The largest number of X less the smallest.

    zh:
    X 中最大的数减去最小的数。
    """
    # solution
    return float(X.max() - X.min())


# --- checks ---

from course.grading.exercise import Mistake, Task

X = np.arange(6.0).reshape(3, 2)
NOUGHT = Mistake(lambda *arguments: 0.0, "it is always 0", "它总是 0")


def task(solution, cases, reference, kind="line", expects=float):
    hint = ("Look it up.", "请查文档。")
    return Task(solution, kind, hint, [NOUGHT], reference, cases, expects=expects)


TASKS = [
    task(rate, [(X, X, X)], lambda *_: np.array([2.5]), expects=np.ndarray),
    task(largest, [(X,), (-X,)], lambda X: np.sort(X, axis=None)[-1]),
    task(standardised, [(X,)], lambda X: X - [2.0, 3.0], kind="bug", expects=np.ndarray),
    task(smallest, [(X,), (-X,)], lambda X: np.sort(X, axis=None)[0]),
    task(spread, [(X,)], lambda X: 5.0),
]
