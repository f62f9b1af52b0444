"""The pictures of lesson 6."""

import numpy as np

from course import figures


def curves(epsilon, tiny):
    """Both costs of one output p whose target is 1: on [0, 1], and far below the clip."""
    figure, (left, right) = figures.panels("Target 1: what p costs", "The clip, far to the left")
    p = np.linspace(1e-3, 1, 400)
    left.plot(p, -np.log(p), color=figures.BLUE, label="cross entropy, −ln p")
    left.plot(p, (1 - p) ** 2, color=figures.ORANGE, label="MSE, (1 − p)²")
    left.set(xlabel="p", ylabel="cost")
    left.legend()
    p = np.geomspace(tiny, 1, 400)
    right.semilogx(p, -np.log(p), color=figures.BLUE, label="cross entropy")
    clipped = -np.log(np.maximum(p, epsilon))
    right.semilogx(p, clipped, "--", color=figures.RED, label=f"clipped at ε = {epsilon:g}")
    right.semilogx(p, (1 - p) ** 2, color=figures.ORANGE, label="MSE")
    right.set(xlabel="p", ylabel="cost")
    right.legend()
    return figure


def saturated(costs, p):
    """A saturated sigmoid under both costs: the first steps, and the way to p = 1."""
    figure, (left, right) = figures.panels("Cost, from a badly wrong start", "p, target 1")
    names = ("MSE", "cross entropy")
    colors = (figures.ORANGE, figures.BLUE)
    for J, path, name, color in zip(costs, p, names, colors):
        left.plot(J / J[0], color=color, label=name)
        right.semilogx(1 + np.arange(len(path)), path, color=color, label=name)
    left.set(xlabel="step", ylabel="cost ÷ first cost")
    left.legend()
    right.axhline(0.5, color=figures.GREY, lw=0.8)
    right.set(xlabel="step + 1", ylabel="p")
    return figure


def fitted(pictures):
    """The trained weights beside scikit-learn's, and how far above its cost each step was.

    Args:
        pictures: for each data set `(name, theta, exact, above, every)`; above[t] is the
            cost after t * every steps, less scikit-learn's.
    """
    figure, (left, right) = figures.panels("W, b in Keras and in scikit-learn", "On the way there")
    markers, colors = "os", (figures.BLUE, figures.ORANGE)
    for (name, theta, exact, above, every), marker, color in zip(pictures, markers, colors):
        left.plot(exact.ravel(), theta.ravel(), marker, mfc="none", color=color, label=name)
        right.semilogy(
            every * np.arange(len(above)), np.maximum(above, 1e-16), color=color, label=name
        )
    ends = [
        min(left.get_xlim()[0], left.get_ylim()[0]),
        max(left.get_xlim()[1], left.get_ylim()[1]),
    ]
    left.plot(ends, ends, color=figures.GREY, lw=0.8, zorder=0)
    left.set(xlabel="scikit-learn", ylabel="Keras")
    left.legend()
    right.set(xlabel="step", ylabel="J − scikit-learn's J")
    right.legend()
    return figure
