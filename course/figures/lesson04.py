"""The pictures of lesson 4."""

import numpy as np

from course import figures

COLOURS = {"batch": figures.BLUE, "mini-batch": figures.GREEN, "stochastic": figures.ORANGE}


def kinds(runs, costs, epochs, bottom, J):
    """Cost against updates and against epochs, and the three paths on the cost surface."""
    figure, (left, middle, right) = figures.panels(
        "Cost, by updates", "Cost, by epochs", "Paths on the cost surface"
    )
    widths = {"batch": 2.0, "mini-batch": 1.4, "stochastic": 0.7}
    lowest = J(bottom)
    for kind in reversed(COLOURS):  # the roughest one underneath
        above = costs[kind] - lowest
        updates = np.arange(len(above))
        style = {"color": COLOURS[kind], "lw": widths[kind], "label": kind}
        left.loglog(updates[1:], above[1:], **style)
        middle.semilogy(updates * epochs / updates[-1], above, **style)
        right.plot(*runs[kind].path.T, **style)
    left.set(xlabel="update", ylabel="cost above the lowest")
    middle.set(xlabel="epoch", ylabel="cost above the lowest")
    w, b = np.linspace(-0.5, 2 * bottom[0], 100), np.linspace(-0.5, 1.5 * bottom[1], 100)
    figures.contours(right, w, b, J(np.stack(np.meshgrid(w, b), axis=-1)))
    right.plot(*bottom, "*", ms=12, color=figures.RED, label="least squares")
    right.set(xlabel="weight w", ylabel="intercept b")
    left.legend()
    right.legend(loc="lower right")
    return figure


def slip(above, slipped_above):
    """Mini-batch descent with and without the slip: the cost hardly tells, its every fall does."""
    figure, (left, right) = figures.panels("The cost hardly shows the slip", "Each update does")
    for costs, colour, label in (
        (above, figures.GREEN, "loss on the mini-batch"),
        (slipped_above, figures.RED, "slip: loss on the whole of x"),
    ):
        left.semilogy(costs, color=colour, label=label)
        right.plot(1 - costs[1:] / costs[:-1], color=colour, lw=1.2, label=label)
    left.set(xlabel="update", ylabel="cost above the lowest")
    right.set(xlabel="update", ylabel="share of it that the update removes")
    left.legend()
    return figure


def valleys(J, tilts, ends, shares, intervals, predicted):
    """Two samples' costs and their mean, where the starts ended, and how many escaped."""
    figure, (left, middle, right) = figures.panels(
        "Each sample tilts the valleys", "Where 100 starts ended", "Share that escaped"
    )
    w = np.linspace(-1.6, 1.6, 200)
    for tilt, label in zip(tilts, ("cost of one sample", None)):
        left.plot(w, J(w, tilt), color=figures.ORANGE, label=label)
    left.plot(w, J(w), color=figures.BLUE, lw=2, label="mean of all: J(w)")
    left.set(xlabel="weight w", ylabel="cost")
    left.legend()
    middle.plot(w, J(w), color=figures.GREY)
    order = ["batch", "mini-batch", "stochastic"]
    for lift, kind in enumerate(order):
        heights = J(ends[kind]) + 0.5 * lift  # lifted, or the kinds would hide each other
        middle.plot(ends[kind], heights, ".", color=COLOURS[kind], label=kind)
    middle.set(xlabel="weight w", ylabel="J(w), the kinds 0.5 apart")
    middle.legend(loc="upper center")
    names = list(ends)
    for place, kind in enumerate(order):
        at = names.index(kind)
        low, high = intervals[at]
        right.plot([place, place], [low, high], color=COLOURS[kind], lw=3, label="_")
        right.plot(place, shares[at], "o", ms=8, color=COLOURS[kind])
        right.plot(place, predicted[at], "_", ms=24, mew=2, color=figures.RED)
    right.plot([], [], "_", ms=14, mew=2, color=figures.RED, label="predicted")
    right.plot([], [], "o-", lw=3, color=figures.GREY, label="measured, 95 % interval")
    right.set(ylabel="share of 100 starts", xlim=(-0.5, 2.5), xticks=range(3), ylim=(-0.05, 1.05))
    right.set_xticklabels(order)
    right.legend(loc="lower right")
    return figure
