"""The pictures of lesson 3."""

from functools import partial

import numpy as np

from course import figures as style
from course.lesson03 import cost, least_squares


def figures(measured):
    """{name: a function that draws it}."""
    if "table" in measured:
        return {"table": partial(table, **measured["table"])}
    line = measured["line"]
    return {"fit": partial(fit, **line), "surface": partial(surface, **line)}


def fit(X, y, by_hand, **_):
    """The fitted line after a growing number of steps, and the cost at each step."""
    figure, (left, right) = style.panels("The line as it moves", "Cost")
    steps = len(by_hand) - 1
    left.plot(X[:, 0], y, "o", color=style.RED, label="data")
    for t in sorted({min(t, steps) for t in (1, 3, 10, 50, 200)}):
        w, b = by_hand[t]
        shade = 0.25 + 0.75 * np.log(t) / np.log(200)
        left.plot(
            X[:, 0], w * X[:, 0] + b, color=style.BLUE, alpha=shade, label=f"after {t} of {steps:,}"
        )
    low, high = left.get_ylim()
    left.set(xlabel="x", ylabel="y", ylim=(low, high + 0.5 * (high - low)))  # room for the legend
    left.legend(loc="upper left", ncols=2, fontsize="small")
    style.cost_curve(right, cost(X, y, by_hand))
    return figure


def surface(X, y, by_hand, **_):
    """The cost J(w, b) from above, with the path of descent and the least-squares solution."""
    figure, (ax,) = style.panels("The path of descent on the cost surface", width=5.6)
    minimum = least_squares(X, y)
    reach = 1.4 * np.abs(by_hand - minimum).max(axis=0)
    w = np.linspace(minimum[0] - reach[0], minimum[0] + reach[0], 120)
    b = np.linspace(minimum[1] - reach[1], minimum[1] + reach[1], 120)
    style.contours(ax, w, b, cost(X, y, np.stack(np.meshgrid(w, b), axis=-1)))
    ax.plot(*by_hand.T, ".-", ms=4, lw=0.8, color=style.RED, label="descent")
    ax.plot(*minimum, "*", ms=12, color=style.GREEN, label="least squares")
    ax.set(xlabel="weight w", ylabel="intercept b")
    ax.legend(loc="upper right")
    return figure


def table(table, X, y, by_hand, **_):
    """Predictions against the table's own values, and the cost every so many steps."""
    figure, (left, right) = style.panels("Predicted and given", "Cost")
    w, b = table.in_units(by_hand[-1, :-1], by_hand[-1, -1])
    style.predicted_and_given(left, table, w, b)
    every = max(1, len(by_hand) // 200)
    style.cost_curve(right, cost(X, y, by_hand[::every]), every)
    return figure
