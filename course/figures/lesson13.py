"""The pictures of lesson 13."""

import numpy as np

from course import figures

COLOURS = (figures.BLUE, figures.ORANGE, figures.GREEN, figures.RED)


def sources(names, costs, accuracies):
    """One dot per run, a column per source; the bar is the mean and one deviation each way.

    Args:
        names: of the columns.
        costs, accuracies: one array per column.
    """
    figure, axes = figures.panels("Test cost", "Test accuracy")
    for ax, columns in zip(axes, (costs, accuracies)):
        for k, (values, colour) in enumerate(zip(columns, COLOURS)):
            sideways = np.linspace(-0.2, 0.2, len(values))  # so that equal dots can be told apart
            ax.plot(k + sideways, values, "o", ms=4, alpha=0.7, color=colour)
            ax.errorbar(k + 0.33, values.mean(), values.std(ddof=1), fmt="_", ms=8, capsize=4,
                        color="black")  # fmt: skip
        ax.set_xticks(range(len(names)), [name.replace(" ", "\n", 1) for name in names])
    axes[0].set(ylabel="cost of a run")
    axes[1].set(ylabel="share right")
    return figure


def predicted(names, measured, expected):
    """Linear regression: measured spreads as bars, the predicted ones as lines across them."""
    figure, (ax,) = figures.panels("Linear regression: spread of w1", width=5.6)
    places = np.arange(len(names))
    ax.bar(places, measured, 0.6, color=figures.BLUE, alpha=0.7, label="measured")
    ax.hlines(expected, places - 0.38, places + 0.38, color=figures.RED, lw=2, label="predicted")
    ax.set_xticks(places, [name.replace(" ", "\n") for name in names])
    ax.set(ylabel="standard deviation")
    ax.set_ylim(0, 1.35 * max(measured.max(), expected.max()))
    ax.legend(ncols=2)
    return figure


def seeds(gap, s, s_paired, needed, paired):
    """Half an interval's width for n seeds beside the gap between two learning rates."""
    from scipy import stats

    figure, (ax,) = figures.panels("How many seeds tell two learning rates apart", width=5.6)
    n = np.arange(2, 65)
    own = stats.t.ppf(0.975, 2 * n - 2) * s * np.sqrt(2 / n)
    same = stats.t.ppf(0.975, n - 1) * s_paired / np.sqrt(n)
    ax.loglog(n, own, color=figures.BLUE, label="other seeds for each")
    ax.loglog(n, same, color=figures.GREEN, label="the same seeds for both")
    ax.axhline(abs(gap), color=figures.RED, ls="--", label="gap between their costs")
    for count, line, colour in ((needed, own, figures.BLUE), (paired, same, figures.GREEN)):
        if count <= n[-1]:
            ax.plot(count, line[count - 2], "o", color=colour)
    ax.set(xlabel="seeds n  (○: enough in 80 % of trials)", ylabel="half a 95 % interval")
    ax.set_xticks([2, 4, 8, 16, 32, 64], ["2", "4", "8", "16", "32", "64"])
    ax.minorticks_off()
    ax.legend()
    return figure
