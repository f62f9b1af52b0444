"""The pictures of lesson 6."""

from functools import partial

import numpy as np

from course import costs, figures as style
from course.lesson06 import EPSILON, TINY, C


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "curves": curves,
        "saturated": partial(saturated, **measured["saturated"]),
        "fitted": partial(fitted, iris=measured["iris"], labels=measured["labels"]),
    }


def curves():
    """Both costs of one output p whose target is 1: on [0, 1], and far below the clip."""
    figure, (left, right) = style.panels("Target 1: what p costs", "The clip, far to the left")
    p = np.linspace(1e-3, 1, 400)
    left.plot(p, -np.log(p), color=style.BLUE, label="cross entropy, −ln p")
    left.plot(p, (1 - p) ** 2, color=style.ORANGE, label="MSE, (1 − p)²")
    left.set(xlabel="p", ylabel="cost")
    left.legend()
    p = np.geomspace(TINY, 1, 400)
    right.semilogx(p, -np.log(p), color=style.BLUE, label="cross entropy")
    clipped = -np.log(np.maximum(p, EPSILON))
    right.semilogx(p, clipped, "--", color=style.RED, label=f"clipped at ε = {EPSILON:g}")
    right.semilogx(p, (1 - p) ** 2, color=style.ORANGE, label="MSE")
    right.set(xlabel="p", ylabel="cost")
    right.legend()
    return figure


def saturated(by_hand, in_keras):
    """A saturated sigmoid under both costs: the first steps, and the way to p = 1."""
    figure, (left, right) = style.panels("Cost, from a badly wrong start", "p, target 1")
    cost = {"MSE": lambda p: (1 - p) ** 2, "cross entropy": lambda p: -np.log(p)}
    for name, color in (("MSE", style.ORANGE), ("cross entropy", style.BLUE)):
        p = costs.sigmoid(by_hand[name].sum(axis=(1, 2)))
        J = cost[name](p[: len(in_keras[name])])
        left.plot(J / J[0], color=color, label=name)
        right.semilogx(1 + np.arange(len(p)), p, color=color, label=name)
    left.set(xlabel="step", ylabel="cost ÷ first cost")
    left.legend()
    right.axhline(0.5, color=style.GREY, lw=0.8)
    right.set(xlabel="step + 1", ylabel="p")
    return figure


def fitted(**fits):
    """The trained weights beside scikit-learn's, and how far above its cost each step was.

    Args:
        fits: what `lesson06.fit` measured, by the name of the data.
    """
    figure, (left, right) = style.panels("W, b in Keras and in scikit-learn", "On the way there")
    for (name, fit), marker, color in zip(fits.items(), "os", (style.BLUE, style.ORANGE)):
        X, y, path = fit["X"], fit["y"], fit["by_hand"]
        exact = by_scikit_learn(X, y)
        left.plot(
            exact.ravel(), fit["in_keras"][-1].ravel(), marker, mfc="none", color=color, label=name
        )
        every = max(1, len(path) // 100)
        above = np.array([objective(X, y, theta) for theta in path[::every]])
        above = np.maximum(above - objective(X, y, exact), 1e-16)  # of rounding only
        right.semilogy(every * np.arange(len(above)), above, color=color, label=name)
    limits = [*left.get_xlim(), *left.get_ylim()]
    ends = [min(limits), max(limits)]
    left.plot(ends, ends, color=style.GREY, lw=0.8, zorder=0)
    left.set(xlabel="scikit-learn", ylabel="Keras")
    left.legend()
    right.set(xlabel="step", ylabel="J − scikit-learn's J")
    right.legend()
    return figure


def is_exclusive(y):
    """Whether each row has exactly one class."""
    return bool(np.all(y.sum(axis=1) == 1))


def objective(X, y, theta):
    """J with the penalty that scikit-learn's C stands for."""
    exclusive = is_exclusive(y)
    J = costs.cross_entropy if exclusive else costs.binary_cross_entropy
    penalty = np.sum(theta[:-1] ** 2) / (2 * C * (len(y) if exclusive else y.size))
    return J(y, X @ theta[:-1] + theta[-1], from_logits=True) + penalty


def by_scikit_learn(X, y):
    """scikit-learn's W with b below it."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    found = []
    for target in [y.argmax(axis=1)] if is_exclusive(y) else y.T:
        model.fit(X, target)
        found.append(np.vstack([model.coef_.T, model.intercept_]))
    return np.hstack(found)
