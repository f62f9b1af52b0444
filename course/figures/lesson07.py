"""The pictures of lesson 7."""

import numpy as np

from course import figures

COLOURS = (figures.BLUE, figures.ORANGE, figures.GREEN, figures.RED)


def learning(costs, predictions, y):
    """The cost at each iteration, and the predictions for the four rows beside their targets.

    Args:
        costs: shape (steps + 1,).
        predictions: shape (steps + 1, 4).
        y: the targets, shape (4,).
    """
    figure, (left, right) = figures.panels("Cost", "Predictions on their way to 0 and 1")
    figures.cost_curve(left, costs)
    left.set(xlabel="iteration")
    for values, row, colour in zip(predictions.T, ("0 0", "0 1", "1 0", "1 1"), COLOURS):
        right.plot(values, color=colour, label=row)
    for target in np.unique(y):
        right.axhline(target, color=figures.GREY, ls="--", lw=0.8)
    right.set(xlabel="iteration", ylabel="prediction ŷ")
    right.legend(loc="center right")
    return figure


def regions(forward, X, y):
    """What each hidden unit carves off the unit square, and what the output makes of it.

    Args:
        forward: `forward(X) -> (H, ŷ)`, X with its constant column.
        X, y: the four rows, shapes (4, 3) and (4,).
    """
    figure, (left, right) = figures.panels(
        "Hidden units: h = 0.3, 0.5 (thick), 0.7", "Output ŷ  (○: y = 0, □: y = 1)"
    )
    side = np.linspace(-0.3, 1.3, 120)
    a, b = np.meshgrid(side, side)
    H, y_hat = forward(np.stack([a.ravel(), b.ravel(), np.ones(a.size)], axis=1))
    for h, colour in zip(H.T, COLOURS):
        h = h.reshape(a.shape)
        left.contourf(a, b, h, [0.5, 1], colors=colour, alpha=0.12)
        left.contour(a, b, h, [0.3, 0.5, 0.7], colors=colour, linewidths=[0.7, 2, 0.7])
    filled = right.contourf(a, b, y_hat.reshape(a.shape), np.linspace(0, 1, 11), cmap="Blues")
    figure.colorbar(filled, ax=right)
    for ax in (left, right):
        for value, mark in ((0, "o"), (1, "s")):
            ax.plot(*X[y == value, :2].T, mark, color="white", mec="black", ms=8)
        ax.set(xlabel="x1", ylabel="x2")
    return figure


def survey(counts, activations, rates, starts):
    """Bars: how many nets learnt, shape (activations, rates)."""
    figure, (ax,) = figures.panels(f"How many of {starts} nets learn XOR", width=5.6)
    for k, (rate, colour) in enumerate(zip(rates, COLOURS)):
        places = np.arange(len(activations)) + 0.27 * (k - 1)
        bars = ax.bar(places, counts[:, k], 0.25, color=colour, label=f"learning rate {rate:g}")
        ax.bar_label(bars)
    ax.set_xticks(range(len(activations)), activations)
    ax.set(ylabel="nets that learnt", ylim=(0, 1.3 * starts), yticks=range(0, starts + 1, 5))
    ax.legend(ncols=3, fontsize="small", columnspacing=1, handlelength=1)
    return figure
