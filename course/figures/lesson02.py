"""The pictures of lesson 2."""

from functools import partial

import numpy as np

from course import figures as style, lesson02 as lesson


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "descent": partial(descent, **measured["descent"]),
        "limit": partial(limit, **measured["limit"]),
        "double_well": partial(double_well, **measured["double_well"]),
    }


def descent(x, y, path, **_):
    """Tangents to the cost curve along the path, and how the distance to the minimum shrinks."""
    figure, (left, right) = style.panels("Tangents along the descent", "Distance to the minimum")
    minimum = lesson.minimum(x, y)
    distance = np.abs(path - minimum)
    w = minimum + np.linspace(-4 / 3, 4 / 3, 200) * distance[0]
    left.plot(w, [lesson.cost(v, x, y) for v in w], color=style.BLUE)
    reach = np.array([-0.3, 0.3]) * distance[0]
    for v in path[[0, len(path) // 20, len(path) // 8, -1]]:
        tangent = lesson.cost(v, x, y) + lesson.slope(v, x, y) * reach
        left.plot(v + reach, tangent, color=style.ORANGE)
    costs = [lesson.cost(v, x, y) for v in path]
    left.plot(path, costs, ".", color=style.RED, label="w after each epoch")
    left.set(xlabel="weight w", ylabel="cost J(w)")
    left.legend()
    t = np.arange(len(path))
    factor = 1 - lesson.LEARNING_RATE * lesson.curvature(x)
    right.semilogy(t, distance, ".", color=style.RED, label="measured")
    right.semilogy(t, distance[0] * factor**t, color=style.GREY, label="predicted, (1 − ηλ)^t")
    right.set(xlabel="epoch t", ylabel="|w − w*|")
    right.legend()
    return figure


def limit(factors, distances, **_):
    """What remains of the distance after 100 epochs, for learning rates around the limit."""
    figure, (ax,) = style.panels("Below the limit it converges, above it diverges", width=5.6)
    ax.semilogy(factors, distances, ".-", color=style.BLUE)
    ax.axvline(1, color=style.GREY)
    ax.axhline(1, color=style.GREY)
    ax.set(xlabel="learning rate ÷ (2/λ)", ylabel="distance after 100 epochs, of 1 at first")
    return figure


def double_well(path, noisy, best, **_):
    """Plain descent stuck in the higher minimum; noisy runs beside exp(−J/T)."""
    figure, (left, right) = style.panels("Plain descent is stuck", "Noise finds the lower minimum")
    J = lesson.double_well
    w = np.linspace(-1.7, 1.7, 300)
    left.plot(w, J(w), color=style.BLUE)
    left.plot(path, J(path), ".-", color=style.RED, label="plain descent")
    left.plot(best, J(best), "*", ms=12, color=style.GREEN, label="best of the restarts")
    left.set(xlabel="weight w", ylabel="cost J(w)")
    left.legend()
    density = np.exp(-J(w) / lesson.TEMPERATURE)
    density /= density.sum() * (w[1] - w[0])
    right.hist(noisy, 40, density=True, color=style.ORANGE, alpha=0.6, label="noisy runs")
    right.plot(w, density, color=style.GREY, label="exp(−J/T)")
    right.set(xlabel="weight w", ylabel="fraction of the runs per unit of w")
    right.legend()
    return figure
