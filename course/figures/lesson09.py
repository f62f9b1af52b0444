"""The pictures of lesson 9."""

from functools import partial
from itertools import cycle

import numpy as np

from course import figures as style
from course.lesson09 import (
    ALPHA,
    CORNER_ALPHAS,
    NETS,
    NOISES,
    TRUE,
    coordinate_descent,
    moments,
    soft_threshold,
)

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED)


def figures(measured):
    """{name: a function that draws it}."""
    if "table" in measured:
        return {"table": partial(table, **measured["table"])}
    return {
        "corner": partial(corner, **measured["balls"]),
        "zeros": partial(zeros, **measured["diabetes"], every=measured["alphas"]),
        "selection": partial(selection, **measured["selection"]),
    }


def corner(X, y, diamond, circle, **_):
    """|x| puts the minimum on 0 from α = 1 on; the diamond is touched where a weight is 0."""
    figure, (left, *maps) = style.panels(
        "F(x) = f(x) + α|x|", "The diamond is touched at a corner", "The circle is not"
    )
    x = np.linspace(-0.8, 1.8, 400)
    f = (x - 1) ** 2 / 2
    left.plot(x, f, color=style.GREY, label="f(x)")
    for alpha, colour in zip(CORNER_ALPHAS, cycle(COLOURS)):
        at = soft_threshold(1.0, alpha)
        left.plot(x, f + alpha * np.abs(x), color=colour, label=f"α = {alpha:g}")
        left.plot(at, (at - 1) ** 2 / 2 + alpha * abs(at), "o", color=colour)
    left.set(xlabel="x", ylabel="F(x)", ylim=(0, 3.2))
    left.legend()

    G, c = moments(X, y)
    minimum = np.linalg.solve(G, c)

    def above(w):
        """f at w, (..., 2), minus its minimum."""
        return np.sum((w - minimum) @ G * (w - minimum), axis=-1) / 2

    reach = 1.25 * np.abs(minimum).max()
    w1, w2 = np.linspace(-1.5, 1.5 + reach, 100), np.linspace(-reach, 1.5, 100)
    angle = np.linspace(0, 2 * np.pi, 401)
    round_edge = np.column_stack([np.cos(angle), np.sin(angle)])
    edges = round_edge / np.abs(round_edge).sum(axis=1, keepdims=True), round_edge
    for ax, edge, touched in zip(maps, edges, (diamond, circle)):
        levels = above(touched) * np.array([0.05, 0.2, 0.5, 1, 1.4, 1.9])
        widths = np.where(levels == above(touched), 2, 0.7)
        heights = above(np.stack(np.meshgrid(w1, w2), axis=-1))
        ax.contour(w1, w2, heights, levels, colors=style.BLUE, linewidths=widths)
        ax.fill(*edge.T, color=style.ORANGE, alpha=0.35)
        ax.plot(*minimum, "*", ms=12, color="black", label="least squares")
        ax.plot(*touched, "o", color=style.RED, label=f"{touched[0]:.2f}, {touched[1]:.2f}")
        ax.set(xlabel="w1", ylabel="w2", aspect="equal")
        ax.legend(fontsize="small", loc="upper right", frameon=True)
    return figure


def zeros(by_hand, in_keras, under_sgd, every, **_):
    """The weights that the lasso sets to 0 jump over it under SGD, and rest on it with its step.

    Args:
        every: the section "alphas".
    """
    figure, (*ways, right) = style.panels(
        "L1 penalty, SGD: they jump over zero", "Proximal step: they rest at zero",
        "Weights that are zero",
    )  # fmt: skip
    X, y = every["X"], every["y"]
    zero = coordinate_descent(*moments(X, y), ALPHA) == 0
    nets = sorted(NETS, key=lambda name: NETS[name] != (ALPHA, 1.0))  # the lasso with this α first
    both = [_drawn(path[:81, : len(zero)]) for path in (under_sgd, in_keras[nets[0]])]
    zero = zero if zero.any() else np.ones(len(zero), bool)
    ends = [each[:, zero] for each in both]
    low, high = (1.1 * f([f(end) for end in ends]) for f in (np.min, np.max))
    for ax, weights, way in zip(ways, ends, ("L1 penalty, SGD", "Proximal step")):
        if len(weights) < min(81, len(under_sgd)):
            ax.set_title(f"{way}: they diverge")
        ax.plot(weights, lw=0.9)
        ax.axhline(0, color="black", lw=0.6)
        ax.set(xlabel="step", ylim=(low, high) if low < high else None)
        ax.set_ylabel("weights that should be zero", labelpad=0)
    G, c = moments(X, y)
    ridge = [np.linalg.solve(G + alpha * np.eye(len(c)), c) for alpha in every["alphas"]]
    for (name, w), colour in zip({"lasso": every["w"], "ridge": ridge}.items(), COLOURS):
        count = np.sum(np.array(w) == 0, axis=1)
        right.plot(every["alphas"], count, ".-", color=colour, label=name)
    right.set(xscale="log", xlabel="α", ylabel="number of zeros")
    right.legend()
    return figure


def _drawn(path):
    """A path up to where it diverges."""
    large = ~(np.abs(path).max(axis=1) < 10 * np.abs(path[:4]).max() + 1e-9)
    return path[: max(2, np.argmax(large))] if large.any() else path


def selection(w, precision, recall, **_):
    """The more noise, the more one α finds wrongly; an α for the noise finds less, but rightly."""
    figure, axes = style.panels(
        "Found ones that are true", "True ones that are found", "All signs true"
    )
    signs = np.all(np.sign(w) == np.sign(TRUE), axis=-1).mean(axis=-1)
    names = ("precision", "recall", "fraction of data sets")
    for ax, name, numbers in zip(axes, names, (precision, recall, signs)):
        for row, label, colour in zip(numbers, ("one α", "α grows with the noise"), COLOURS):
            ax.semilogx(NOISES, row, "o-", color=colour, label=label)
        ax.set(xlabel="noise σ", ylabel=name, ylim=(-0.05, 1.05))
    axes[1].legend()
    return figure


def table(table, X, y, w, **_):
    """The lasso's weights beside those of least squares: smaller, and some of them 0."""
    target = style.label(table.target, "target")
    figure, (ax,) = style.panels(f"Weights for {target}", width=6.4)
    least_squares = np.linalg.lstsq(X, y)[0]
    largest = np.argsort(-np.abs(least_squares), kind="stable")[:12][::-1]
    rows = np.arange(len(largest))
    names = [style.label(table.columns[j], f"column {j + 1}") for j in largest]
    ax.barh(rows + 0.2, least_squares[largest], 0.36, color=style.GREY, label="least squares")
    ax.barh(rows - 0.2, w[largest], 0.36, color=style.BLUE, label="lasso")
    ax.axvline(0, color="black", lw=0.6)
    ax.set_yticks(rows, [name[:24] for name in names], fontsize="small")
    ax.set(xlabel="weight, columns standardised")
    ax.legend(fontsize="small")
    figure.subplots_adjust(left=0.28)
    return figure
