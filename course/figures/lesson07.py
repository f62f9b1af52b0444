"""The pictures of lesson 7."""

from functools import partial

import numpy as np

from course import figures as style
from course.lesson07 import HIDDEN_KINDS, RATES, STARTS, cost, forward, load_data

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED)


def figures(measured):
    """{name: a function that draws it}."""
    by_hand = measured["learning"]["by_hand"]
    return {
        "learning": partial(learning, by_hand),
        "regions": partial(regions, [W[-1] for W in by_hand]),
        "survey": partial(survey, **measured["survey"]),
    }


def learning(path):
    """The cost at each iteration, and the predictions for the four rows beside their targets.

    Args:
        path: W₁ and W₂ at every step.
    """
    X, y = load_data()
    figure, (left, right) = style.panels("Cost", "Predictions on their way to 0 and 1")
    style.cost_curve(left, cost(X, y, *path))
    left.set(xlabel="iteration")
    predictions = forward(X, *path)[1][..., 0]
    for values, row, colour in zip(predictions.T, ("0 0", "0 1", "1 0", "1 1"), COLOURS):
        right.plot(values, color=colour, label=row)
    for target in np.unique(y):
        right.axhline(target, color=style.GREY, ls="--", lw=0.8)
    right.set(xlabel="iteration", ylabel="prediction ŷ")
    right.legend(loc="center right")
    return figure


def regions(weights):
    """What each hidden unit carves off the unit square, and what the output makes of it.

    Args:
        weights: W₁ and W₂.
    """
    X, y = load_data()
    figure, (left, right) = style.panels(
        "Hidden units: h = 0.3, 0.5 (thick), 0.7", "Output ŷ  (○: y = 0, □: y = 1)"
    )
    side = np.linspace(-0.3, 1.3, 120)
    a, b = np.meshgrid(side, side)
    H, y_hat = forward(np.stack([a.ravel(), b.ravel(), np.ones(a.size)], axis=1), *weights)
    for h, colour in zip(H.T, COLOURS):
        h = h.reshape(a.shape)
        left.contourf(a, b, h, [0.5, 1], colors=colour, alpha=0.12)
        left.contour(a, b, h, [0.3, 0.5, 0.7], colors=colour, linewidths=[0.7, 2, 0.7])
    filled = right.contourf(a, b, y_hat.reshape(a.shape), np.linspace(0, 1, 11), cmap="Blues")
    figure.colorbar(filled, ax=right)
    for ax in (left, right):
        for value, mark in ((0, "o"), (1, "s")):
            ax.plot(*X[y[:, 0] == value, :2].T, mark, color="white", mec="black", ms=8)
        ax.set(xlabel="x1", ylabel="x2")
    return figure


def survey(learnt, **_):
    """Bars: how many networks learnt, of each activation, at each learning rate."""
    figure, (ax,) = style.panels(f"How many of {STARTS} networks learn XOR", width=5.6)
    for k, (rate, colour) in enumerate(zip(RATES, COLOURS)):
        places = np.arange(len(HIDDEN_KINDS)) + 0.27 * (k - 1)
        counts = [learnt[kind][k] for kind in HIDDEN_KINDS]
        ax.bar_label(ax.bar(places, counts, 0.25, color=colour, label=f"learning rate {rate:g}"))
    ax.set_xticks(range(len(HIDDEN_KINDS)), HIDDEN_KINDS)
    ax.set(ylabel="networks that learnt", ylim=(0, 1.3 * STARTS), yticks=range(0, STARTS + 1, 5))
    ax.legend(ncols=3, fontsize="small", columnspacing=1, handlelength=1)
    return figure
