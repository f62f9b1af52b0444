"""The pictures of lesson 14."""

from functools import partial

import numpy as np

from course import figures as style
from course.lesson14 import LOSS_SCALE

COLOURS = (style.RED, style.ORANGE, style.BLUE)


def figures(measured):
    """{name: a function that draws it}."""
    if "machines" in measured:
        return {}
    return {
        "batches": partial(batches, **measured["sizes"]),
        "gradients": partial(gradients, **measured["float16"]),
    }


def batches(sizes, costs, **_):
    """Cost after the same epochs against the batch's size, for three rules of the rate."""
    figure, (ax,) = style.panels("Test cost after ten epochs", width=5.6)
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


def gradients(g, **_):
    """How large a network's gradients are, plain and times the factor, beside float16's limits."""
    figure, (ax,) = style.panels("Gradients of a trained network, by size", width=5.6)
    half = np.finfo("float16")
    zero, end = np.log2(float(half.smallest_subnormal)) - 1, np.log2(float(half.max))
    bins = np.arange(-40, 21)
    named = {
        "plain": (1, style.RED),
        f"times 2^{np.log2(LOSS_SCALE):.0f}": (LOSS_SCALE, style.BLUE),
    }
    for name, (factor, colour) in named.items():
        ax.hist(np.log2(np.abs(factor * g)), bins, color=colour, alpha=0.5, label=name,
                weights=np.full(len(g), 1 / len(g)))  # fmt: skip
    ax.axvspan(bins[0], zero, color=style.GREY, alpha=0.25, lw=0)
    ax.text(bins[0] + 1, 0.92 * ax.get_ylim()[1], "0 in float16")
    ax.axvline(end, color="black", ls="--", lw=1, label="float16 ends")
    ax.set(
        xlabel="log2 of a gradient's size", ylabel="fraction of the gradients", xlim=bins[[0, -1]]
    )
    ax.legend(loc="center left")
    return figure
