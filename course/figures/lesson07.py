"""The pictures of lesson 7."""

from functools import partial

import numpy as np

from course import figures as style
from course.lesson07 import RATES, STARTS, cost, forward, load_data

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED)


def figures(measured):
    """{name: a function that draws it}."""
    by_hand = measured["learning"]["by_hand"]
    found = {"learning": partial(learning, by_hand)}
    X = load_data()[0]
    if X.shape[1] == 3 and np.all(X[:, 2] == X[0, 2]):  # two inputs and the constant
        found["regions"] = partial(regions, [W[-1] for W in by_hand])
    return {**found, "survey": partial(survey, **measured["survey"])}


def learning(path):
    """How the cost falls with the iterations, and each row's prediction goes to its target.

    Args:
        path: W₁ and W₂ at every step.
    """
    X, y = load_data()
    figure, (left, right) = style.panels("Cost", "Predictions on their way to the targets")
    style.cost_curve(left, cost(X, y, *path))
    left.set(xlabel="iteration")
    predictions = forward(X, *path)[1][..., 0]
    inputs = X if np.ptp(X[:, -1]) else X[:, :-1]  # without the constant
    for k, (values, row) in enumerate(zip(predictions.T, inputs)):
        # Of many rows the first few are named.
        name = " ".join(f"{number:g}" for number in row) if k < 6 else None
        right.plot(values, color=COLOURS[k % len(COLOURS)], label=name)
    for target in np.unique(y):
        right.axhline(target, color=style.GREY, ls="--", lw=0.8)
    right.set(xlabel="iteration", ylabel="prediction ŷ")
    right.legend(loc="center right")
    return figure


def regions(weights):
    """Left, the band across which each hidden unit rises; right, what the output makes of them.

    Args:
        weights: W₁ and W₂.
    """
    X, y = load_data()
    figure, (left, right) = style.panels(
        "Hidden units: h = 0.3, 0.5 (thick), 0.7", "Output ŷ  (○: lower y, □: higher y)"
    )
    low, high = X[:, :2].min(axis=0), X[:, :2].max(axis=0)
    margin = 0.3 * np.where(high > low, high - low, 1)
    sides = np.linspace(low - margin, high + margin, 120)
    a, b = np.meshgrid(*sides.T)
    grid = np.stack([a.ravel(), b.ravel(), np.full(a.size, X[0, 2])], axis=1)
    H, y_hat = forward(grid, *weights)
    for k, h in enumerate(H.T):
        h, colour = h.reshape(a.shape), COLOURS[k % len(COLOURS)]
        # A unit may be on one side of a level everywhere: it has no line then.
        if h.max() > 0.5:
            left.contourf(a, b, h, [0.5, 1], colors=colour, alpha=0.12)
        if levels := [level for level in (0.3, 0.5, 0.7) if h.min() < level < h.max()]:
            widths = [2 if level == 0.5 else 0.7 for level in levels]
            left.contour(a, b, h, levels, colors=colour, linewidths=widths)
    filled = right.contourf(a, b, y_hat.reshape(a.shape), np.linspace(0, 1, 11), cmap="Blues")
    figure.colorbar(filled, ax=right)
    for ax in (left, right):
        for mark, chosen in (("o", y[:, 0] <= y.mean()), ("s", y[:, 0] > y.mean())):
            ax.plot(*X[chosen, :2].T, mark, color="white", mec="black", ms=8)
        ax.set(xlabel="x1", ylabel="x2")
    return figure


def survey(learnt, **_):
    """How many networks learnt, of each hidden activation, at each learning rate."""
    figure, (ax,) = style.panels(f"How many of {STARTS} networks learn it", width=5.6)
    kinds = [kind for kind in learnt if kind != "linear"] or list(learnt)
    width = 0.8 / len(RATES)
    for k, rate in enumerate(RATES):
        places = np.arange(len(kinds)) + width * (k - (len(RATES) - 1) / 2)
        counts = [learnt[kind][k] for kind in kinds]
        bars = ax.bar(places, counts, 0.93 * width, color=COLOURS[k % len(COLOURS)],
                      alpha=1 - 0.5 * (k // len(COLOURS) % 2), label=f"η = {rate:g}")  # fmt: skip
        ax.bar_label(bars)
    ax.set_xticks(range(len(kinds)), kinds)
    ticks = np.unique(np.linspace(0, STARTS, 5).astype(int))
    ax.set(ylabel="networks that learnt", ylim=(0, 1.3 * STARTS), yticks=ticks)
    ax.legend(ncols=min(4, len(RATES)), fontsize="small", columnspacing=1, handlelength=1)
    return figure


def corners():
    """XOR's four rows: left, one line leaves a row on the wrong side; right, two lines do not."""
    figure, axes = style.panels("One line: one corner is wrong", "Two lines: the ones lie between")
    along = np.array([-0.4, 1.4])
    for ax, levels in zip(axes, ((0.5,), (0.5, 1.5))):
        for level in levels:
            ax.plot(along, level - along, color=style.ORANGE)
        ax.fill_between(along, levels[0] - along, levels[-1] - along if len(levels) > 1 else 2,
                        color=style.ORANGE, alpha=0.15)  # fmt: skip
        ax.plot([0, 1], [0, 1], "o", color="white", mec="black", ms=11, label="lamp off, y = 0")
        ax.plot([0, 1], [1, 0], "s", color=style.BLUE, mec="black", ms=11, label="lamp on, y = 1")
        ax.set(xlabel="x1", ylabel="x2", xlim=(-0.4, 1.4), ylim=(-0.4, 1.9))
        ax.set(xticks=[0, 1], yticks=[0, 1])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="lower center", ncols=2,
                  bbox_to_anchor=(0.5, -0.12))  # fmt: skip
    return figure


def activations():
    """Sigmoid, tanh and relu."""
    figure, axes = style.panels("sigmoid", "tanh", "relu", width=2.9, height=2.6)
    z = np.linspace(-4, 4, 201)
    for ax, a in zip(axes, (1 / (1 + np.exp(-z)), np.tanh(z), np.maximum(z, 0))):
        ax.plot(z, a, color=style.BLUE)
        ax.axhline(0, color=style.GREY, lw=0.7)
        ax.set(xlabel="z")
    return figure
