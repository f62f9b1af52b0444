"""The pictures of lesson 12."""

import numpy as np

from course import figures
from course.figures import bare, mosaic

COLOURS = (figures.BLUE, figures.GREEN, figures.ORANGE, figures.RED, figures.GREY)


def sheet(transforms):
    """The contact sheet: one row per transform, the same digits in each.

    Args:
        transforms: {name: pictures of shape (n, 28, 28, 1)}.
    """
    n = len(next(iter(transforms.values())))
    figure, (ax,) = figures.panels("What each does to a digit", height=4.6, width=6.4)
    pictures = np.concatenate([X[..., 0] for X in transforms.values()])
    ax.imshow(mosaic(pictures, n, gap=4), cmap="Greys", vmin=0, vmax=1)
    bare(ax)
    ax.set_yticks(13.5 + 32 * np.arange(len(transforms)), list(transforms))
    ax.tick_params(length=0)
    figure.subplots_adjust(left=0.2)
    return figure


def recipes(shares):
    """Accuracy on the test digits as they are and moved: a dot per seed, a bar for the mean.

    Args:
        shares: {recipe: shape (seeds, 2), clean and moved}.
    """
    figure, axes = figures.panels("Test digits as they are", "Moved test digits", width=5.2)
    for k, ax in enumerate(axes):
        for row, (values, colour) in enumerate(zip(shares.values(), COLOURS)):
            ax.barh(row, values[:, k].mean(), 0.6, color=colour, alpha=0.4)
            ax.plot(values[:, k], np.full(len(values), row), "o", ms=4, color=colour)
        ax.invert_yaxis()
        ax.set(xlabel="share of right answers", xlim=(0, 1.01))
        ax.set_yticks(range(len(shares)), list(shares) if k == 0 else [""] * len(shares))
    figure.subplots_adjust(left=0.24, wspace=0.1)
    return figure


def classes(recalls):
    """What share of each class is found, by recipe.

    Args:
        recalls: {recipe: shape (K,)}.
    """
    figure, (ax,) = figures.panels("Test digits as they are: share found", width=7.5)
    for row, ((name, shares), colour) in enumerate(zip(recalls.items(), COLOURS)):
        places = np.arange(len(shares)) + (row - 1.5) * 0.2
        ax.bar(places, shares, 0.2, color=colour, label=name)
    ax.set_xticks(range(len(shares)))
    ax.set(xlabel="class", ylabel="recall", ylim=(0, 1.14))
    ax.legend(ncols=4, loc="upper center", fontsize="small")
    return figure
