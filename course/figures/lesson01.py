"""The pictures of lesson 1."""

from functools import partial

import numpy as np

from course import figures as style


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "search": partial(search, **measured["search"]),
        "tries": partial(tries, **measured["tries"]),
    }


def search(grid, costs, best, **_):
    """The cost of every weight on the grid, and the smallest."""
    figure, (ax,) = style.panels("Every weight on the grid, and its cost")
    ax.plot(grid, costs, ".-", color=style.BLUE, label="J(w)")
    ax.plot(best, costs.min(), "o", color=style.RED, label=f"smallest: w = {best:.4g}")
    ax.set(xlabel="weight w", ylabel="cost J(w)")
    ax.legend()
    return figure


def tries(grid, counts, seconds, **_):
    """How many combinations there are for one, two, three weights, and how long they take."""
    figure, (left, right) = style.panels("Combinations to try", "Time to try them")
    p = np.arange(1, len(counts) + 1)
    k = len(grid)
    left.semilogy(p, counts, "o", color=style.BLUE, label="counted")
    left.semilogy(p, float(k) ** p, "-", color=style.GREY, label=f"{k}^p")
    right.semilogy(p, seconds, "o-", color=style.ORANGE)
    left.set(xlabel="number of weights p", ylabel="combinations", xticks=p)
    right.set(xlabel="number of weights p", ylabel="seconds", xticks=p)
    left.legend()
    return figure
