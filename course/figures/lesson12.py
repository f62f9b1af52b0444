"""The pictures of lesson 12."""

from functools import partial

import numpy as np

from course import figures as style
from course.lesson12 import BETTER

COLOURS = (style.BLUE, style.GREEN, style.ORANGE, style.RED, style.GREY)


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "transforms": partial(transforms, **measured["transforms"]),
        "recipes": partial(recipes, **measured["recipes"]),
        "classes": partial(classes, **measured["recipes"]),
    }


def transforms(moved, **_):
    """The contact sheet: one row per transform, the same digits in each.

    Args:
        moved: {name: pictures of shape (n, 28, 28, 1)}.
    """
    n = len(next(iter(moved.values())))
    figure, (ax,) = style.panels("What each does to a digit", height=4.6, width=6.4)
    pictures = np.concatenate([X[..., 0] for X in moved.values()])
    ax.imshow(style.mosaic(pictures, n, gap=4), cmap="Greys", vmin=0, vmax=1)
    style.bare(ax)
    ax.set_yticks(13.5 + 32 * np.arange(len(moved)), list(moved))
    ax.tick_params(length=0)
    figure.subplots_adjust(left=0.2)
    return figure


def recipes(accuracies, **_):
    """Accuracy on the test digits as they are and moved: a dot per seed, a bar for the mean.

    Args:
        accuracies: {recipe: shape (seeds, 2), clean and moved}.
    """
    figure, axes = style.panels("Test digits as they are", "Moved test digits", width=5.2)
    for k, ax in enumerate(axes):
        for row, (values, colour) in enumerate(zip(accuracies.values(), COLOURS)):
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
    """Which fraction of each class is found, by recipe.

    Args:
        tables: {recipe: confusion matrix, shape (K, K)}.
    """
    figure, (ax,) = style.panels("Test digits as they are: fraction found", width=7.5)
    shown = [(name, table) for name, table in tables.items() if name != BETTER]
    for row, ((name, table), colour) in enumerate(zip(shown, COLOURS)):
        recall = np.diag(table) / table.sum(axis=1).clip(1)
        places = np.arange(len(recall)) + (row - 1.5) * 0.2
        ax.bar(places, recall, 0.2, color=colour, label=name)
    ax.set_xticks(range(len(table)))
    ax.set(xlabel="class", ylabel="recall", ylim=(0, 1.14))
    ax.legend(ncols=4, loc="upper center", fontsize="small")
    return figure
