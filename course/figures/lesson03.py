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
    """Left, the line after more and more steps, the darker the later; right, its cost."""
    x, steps = np.sort(X[:, 0]), len(by_hand) - 1
    heights = np.abs(by_hand[:, :1] * x + by_hand[:, 1:]).max(axis=1)
    out = np.flatnonzero(heights > 5 * np.abs(y).max())
    times, title = {min(t, steps) for t in (1, 3, 10, 50, 200)}, "The line as it moves"
    if len(out):
        times, title = set(range(1, out[0] + 1)[-5:]), f"It diverges: step {out[0]} is far off"
    figure, (left, right) = style.panels(title, "Cost")
    left.plot(X[:, 0], y, "o", color=style.RED, label="data")
    for t in sorted(times):
        w, b = by_hand[t]
        shade = 0.25 + 0.75 * np.log(t) / np.log(max(2, *times))
        left.plot(x, w * x + b, color=style.BLUE, alpha=shade, label=f"after {t} of {steps:,}")
    low, high = left.get_ylim()
    left.set(xlabel="x", ylabel="y", ylim=(low, high + 0.5 * (high - low)))  # room for the legend
    left.legend(loc="upper left", ncols=2, fontsize="small")
    style.cost_curve(right, cost(X, y, by_hand))
    return figure


def surface(X, y, by_hand, **_):
    """The cost J(w, b) from above, and the path of descent from w = b = 0 in search of the star."""
    minimum = least_squares(X, y)
    distance = np.linalg.norm(by_hand - minimum, axis=1)
    out = np.flatnonzero(distance > 3 * distance[0])
    drawn = by_hand[: out[0] + 1] if len(out) else by_hand
    title = "The path of descent on the cost surface"
    if len(out):
        title = f"Descent diverges: steps 0 to {len(drawn) - 1}"
    figure, (ax,) = style.panels(title, width=5.6)
    reach = 1.4 * np.abs(drawn - minimum).max(axis=0)
    reach = np.where(reach > 1e-3 * reach.max(), reach, reach.max() or 1)  # a start on an axis
    w = np.linspace(minimum[0] - reach[0], minimum[0] + reach[0], 120)
    b = np.linspace(minimum[1] - reach[1], minimum[1] + reach[1], 120)
    style.contours(ax, w, b, cost(X, y, np.stack(np.meshgrid(w, b), axis=-1)))
    ax.plot(*drawn.T, ".-", ms=4, lw=0.8, color=style.RED, label="descent")
    ax.plot(*minimum, "*", ms=12, color=style.GREEN, label="least squares")
    ax.set(xlabel="weight w", ylabel="intercept b")
    ax.legend(loc="upper right")
    return figure


def table(table, X, y, by_hand, **_):
    """Left, the nearer to the line, the better the prediction; right, the cost falls."""
    figure, (left, right) = style.panels("Predicted and given", "Cost")
    w, b = table.in_units(by_hand[-1, :-1], by_hand[-1, -1])
    style.predicted_and_given(left, table, w, b)
    every = max(1, len(by_hand) // 200)
    style.cost_curve(right, cost(X, y, by_hand[::every]), every)
    return figure
