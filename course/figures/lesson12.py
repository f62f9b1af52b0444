"""The pictures of lesson 12."""

from functools import partial
from itertools import cycle

import numpy as np

from course import figures as style
from course.lesson12 import BETTER

MAX_DIGITS = 16  # in a row; more would be too small to see
COLOURS = (style.BLUE, style.GREEN, style.ORANGE, style.RED, style.GREY)


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "transforms": partial(transforms, **measured["transforms"]),
        "recipes": partial(recipes, **measured["recipes"]),
        "classes": partial(classes, **measured["recipes"]),
    }


def transforms(moved, **_):
    """A row for each transform, the same digits in each: which of them are still what they were?

    Args:
        moved: {name: pictures of shape (n, 28, 28, 1)}.
    """
    n = min(MAX_DIGITS, len(next(iter(moved.values()))))
    width = 1.6 + 0.6 * max(4, n)
    figure, (ax,) = style.panels("What each does to a digit", height=4.6, width=width)
    pictures = np.concatenate([X[:n, ..., 0] for X in moved.values()])
    ax.imshow(style.mosaic(pictures, n, gap=4), cmap="Greys", vmin=0, vmax=1)
    style.bare(ax)
    ax.set_yticks(13.5 + 32 * np.arange(len(moved)), list(moved))
    ax.tick_params(length=0)
    figure.subplots_adjust(left=1.3 / width)
    return figure


def recipes(accuracies, **_):
    """Accuracy on the test digits as they are and moved: a dot per seed, a bar for the mean.

    Args:
        accuracies: {recipe: shape (seeds, 2), clean and moved}.
    """
    titles, height = ("Test digits as they are", "Moved test digits"), 0.9 + 0.54 * len(accuracies)
    figure, axes = style.panels(*titles, width=5.2, height=height)
    for k, ax in enumerate(axes):
        for row, (values, colour) in enumerate(zip(accuracies.values(), cycle(COLOURS))):
            ax.barh(row, values[:, k].mean(), 0.6, color=colour, alpha=0.4)
            ax.plot(values[:, k], np.full(len(values), row), "o", ms=4, color=colour)
        ax.invert_yaxis()
        ax.set(xlabel="fraction of right answers", xlim=(0, 1.01))
        ax.set_yticks(
            range(len(accuracies)), list(accuracies) if k == 0 else [""] * len(accuracies)
        )
    figure.subplots_adjust(left=0.24, wspace=0.1)
    return figure


def classes(tables, **_):
    """The fraction of each class that each recipe finds: which digits do flips harm?

    Args:
        tables: {recipe: confusion matrix, shape (K, K)}.
    """
    figure, (ax,) = style.panels("Test digits as they are: fraction found", width=7.5)
    shown = {name: table for name, table in tables.items() if name != BETTER} or tables
    width = 0.8 / len(shown)
    for row, ((name, table), colour) in enumerate(zip(shown.items(), cycle(COLOURS))):
        recall = np.diag(table) / table.sum(axis=1).clip(1)
        places = np.arange(len(recall)) + (row - (len(shown) - 1) / 2) * width
        ax.bar(places, recall, width, color=colour, label=name)
    ax.set_xticks(range(len(recall)))
    ax.set(xlabel="class", ylabel="recall", ylim=(0, 1.03 + 0.11 * -(-len(shown) // 4)))
    ax.legend(ncols=4, loc="upper center", fontsize="small")
    return figure
