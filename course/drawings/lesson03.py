"""The pictures of lesson 3."""

import numpy as np

from course import figures


def fit(x, y, path, costs):
    """The fitted line after a growing number of steps, and the cost at each step."""
    figure, (left, right) = figures.panels("The line as it moves", "Cost")
    steps = len(path) - 1
    left.plot(x, y, "o", color=figures.RED, label="data")
    for t in sorted({min(t, steps) for t in (1, 3, 10, 50, 200)}):
        w, b = path[t]
        shade = 0.25 + 0.75 * np.log(t) / np.log(200)
        left.plot(x, w * x + b, color=figures.BLUE, alpha=shade, label=f"after {t} of {steps:,}")
    left.set(xlabel="x", ylabel="y")
    left.legend()
    figures.cost_curve(right, costs)
    return figure


def surface(J, path, bottom):
    """The cost J(w, b) from above, with the path of descent and the least-squares solution."""
    figure, (ax,) = figures.panels("The path of descent on the cost surface", width=5.6)
    reach = 1.4 * np.abs(path - bottom).max(axis=0)
    w = np.linspace(bottom[0] - reach[0], bottom[0] + reach[0], 120)
    b = np.linspace(bottom[1] - reach[1], bottom[1] + reach[1], 120)
    figures.contours(ax, w, b, J(np.stack(np.meshgrid(w, b), axis=-1)))
    ax.plot(path[:, 0], path[:, 1], ".-", ms=4, lw=0.8, color=figures.RED, label="descent")
    ax.plot(*bottom, "*", ms=12, color=figures.GREEN, label="least squares")
    ax.set(xlabel="weight w", ylabel="intercept b")
    ax.legend(loc="upper right")
    return figure


def table(y, y_hat, target, costs, every):
    """Predictions against the table's own values, and the cost every so many steps."""
    figure, (left, right) = figures.panels("Prediction and truth", "Cost")
    left.plot(y, y_hat, ".", color=figures.BLUE)
    target = figures.label(target, "target")
    left.plot([y.min(), y.max()], [y.min(), y.max()], color=figures.GREY, label="equal")
    left.set(xlabel=f"{target}, given", ylabel=f"{target}, predicted")
    left.legend()
    figures.cost_curve(right, costs, every)
    return figure
