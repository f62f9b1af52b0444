"""The pictures of lesson 2."""

import numpy as np

from course import figures


def descent(J, slope, path, predicted, bottom):
    """Tangents to the cost curve along the path, and how the distance to the bottom shrinks."""
    figure, (left, right) = figures.panels("Tangents along the descent", "Distance to the bottom")
    w = np.linspace(2 * path[0] / 3, 2 * bottom - 2 * path[0] / 3, 200)
    left.plot(w, [J(v) for v in w], color=figures.BLUE)
    reach = np.array([-0.3, 0.3]) * abs(bottom - path[0])
    for v in path[[0, len(path) // 20, len(path) // 8, -1]]:
        left.plot(v + reach, J(v) + slope(v) * reach, color=figures.ORANGE)
    left.plot(path, [J(v) for v in path], ".", color=figures.RED, label="w after each epoch")
    left.set(xlabel="weight w", ylabel="cost J(w)")
    left.legend()
    right.semilogy(np.abs(path - bottom), ".", color=figures.RED, label="measured")
    right.semilogy(np.abs(predicted - bottom), color=figures.GREY, label="predicted, (1 − ηλ)^t")
    right.set(xlabel="epoch t", ylabel="|w − w*|")
    right.legend()
    return figure


def limit(x_factors, kept):
    """What is left of the distance after 100 epochs, for learning rates around the limit."""
    figure, (ax,) = figures.panels("Below the limit it converges, above it diverges", width=5.6)
    ax.semilogy(x_factors, kept, ".-", color=figures.BLUE)
    ax.axvline(1, color=figures.GREY)
    ax.axhline(1, color=figures.GREY)
    ax.plot([0.95, 1.05], np.interp([0.95, 1.05], x_factors, kept), "o", color=figures.RED)
    ax.set(xlabel="learning rate ÷ (2/λ)", ylabel="distance left after 100 epochs")
    return figure


def valleys(J, temperature, path, walkers, deep):
    """Plain descent stuck in the shallow valley; noisy walkers beside exp(−J/T)."""
    figure, (left, right) = figures.panels("Plain descent is stuck", "Noise finds the deep valley")
    w = np.linspace(-1.7, 1.7, 300)
    left.plot(w, J(w), color=figures.BLUE)
    left.plot(path, J(path), ".-", color=figures.RED, label="plain descent")
    left.plot(deep, J(deep), "*", ms=12, color=figures.GREEN, label="lowest point")
    left.set(xlabel="weight w", ylabel="cost J(w)")
    left.legend()
    weight = np.exp(-J(w) / temperature)
    right.hist(walkers, 40, density=True, color=figures.ORANGE, alpha=0.6, label="walkers")
    right.plot(w, weight / weight.sum() / (w[1] - w[0]), color=figures.GREY, label="exp(−J/T)")
    right.set(xlabel="weight w", ylabel="share of walkers per unit of w")
    right.legend()
    return figure
