"""The pictures of lesson 14."""

import numpy as np

from course import figures

COLOURS = (figures.RED, figures.ORANGE, figures.BLUE)


def batches(sizes, costs):
    """Cost after the same epochs against the batch's size, for three rules of the rate.

    Args:
        sizes: B.
        costs: {rule: per size one row of a cost per network}.
    """
    figure, (ax,) = figures.panels("Test cost after ten epochs", width=5.6)
    for (name, rows), colour in zip(costs.items(), COLOURS):
        ax.plot(sizes, np.mean(rows, axis=1), "-", color=colour, label=name)
        for size, row in zip(sizes, rows):
            ax.plot(np.full(len(row), size), row, ".", ms=4, alpha=0.5, color=colour)
    ax.set_xscale("log")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set(xlabel="rows in a batch, B", ylabel="cost", ylim=(0, None))
    ax.legend()
    return figure


def gradients(g, scale):
    """How large a network's gradients are, plain and times the factor, beside float16's limits."""
    figure, (ax,) = figures.panels("Gradients of a trained network, by size", width=5.6)
    bins = np.arange(-40, 21)
    for factor, name, colour in ((1, "plain", figures.RED), (scale, "times 2^15", figures.BLUE)):
        ax.hist(np.log2(np.abs(factor * g)), bins, color=colour, alpha=0.5, label=name,
                weights=np.full(len(g), 1 / len(g)))  # fmt: skip
    ax.axvspan(bins[0], -25, color=figures.GREY, alpha=0.25, lw=0)
    ax.text(-39, 0.92 * ax.get_ylim()[1], "0 in float16")
    ax.axvline(16, color="black", ls="--", lw=1, label="float16 ends")
    ax.set(xlabel="log2 of a gradient's size", ylabel="share of the gradients", xlim=(-40, 20))
    ax.legend(loc="center left")
    return figure
