"""The pictures of lesson 1."""

import numpy as np

from course import figures


def search(grid, costs, best):
    figure, (ax,) = figures.panels("Every weight on the grid, and its cost")
    ax.plot(grid, costs, ".-", color=figures.BLUE, label="J(w)")
    ax.plot(best, costs.min(), "o", color=figures.RED, label=f"smallest: w = {best:.4g}")
    ax.set(xlabel="weight w", ylabel="cost J(w)")
    ax.legend()
    return figure


def tries(counts, seconds):
    figure, (left, right) = figures.panels("Combinations to try", "Time to try them")
    p = np.arange(1, len(counts) + 1)
    left.semilogy(p, counts, "o", color=figures.BLUE, label="counted")
    left.semilogy(p, float(counts[0]) ** p, "-", color=figures.GREY, label=f"{counts[0]}^p")
    right.semilogy(p, seconds, "o-", color=figures.ORANGE)
    left.set(xlabel="number of weights p", ylabel="combinations", xticks=p)
    right.set(xlabel="number of weights p", ylabel="seconds", xticks=p)
    left.legend()
    return figure
