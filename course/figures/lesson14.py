"""The pictures of lesson 14."""

from functools import partial
from itertools import cycle

import numpy as np

from course import figures as style
from course.lesson14 import LOSS_SCALE, PASSES

COLOURS = (style.RED, style.ORANGE, style.BLUE, style.GREEN)


def figures(measured):
    """{name: a function that draws it}."""
    if "machines" in measured:
        return {}
    return {
        "batches": partial(batches, **measured["sizes"]),
        "gradients": partial(gradients, **measured["float16"]),
    }


def batches(sizes, costs, **_):
    """A larger batch costs more, least where the rate grows with it: dots are networks."""
    epochs = {1: "one epoch", 10: "ten epochs"}.get(PASSES, f"{PASSES} epochs")
    figure, (ax,) = style.panels(f"Test cost after {epochs}", width=5.6)
    for (name, rows), colour in zip(costs.items(), cycle(COLOURS)):
        ax.plot(sizes, np.mean(rows, axis=1), ".-", color=colour, label=name)
        for size, row in zip(sizes, rows):
            ax.plot(np.full(len(row), size), row, ".", ms=4, alpha=0.5, color=colour)
    ax.set_xscale("log")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set(xlabel="rows in a batch, B", ylabel="cost", ylim=(0, None))
    ax.legend()
    return figure


def gradients(g, **_):
    """Small gradients are lost in float16, on the grey; times a factor they are all between."""
    figure, (ax,) = style.panels("Gradients of a trained network, by size", width=5.6)
    half = np.finfo("float16")
    zero, end = np.log2(float(half.smallest_subnormal)) - 1, np.log2(float(half.max))
    named = {
        "plain": (1, style.RED),
        f"times 2^{np.log2(LOSS_SCALE):.3g}": (LOSS_SCALE, style.BLUE),
    }
    logs = {name: np.log2(np.abs(factor * g)) for name, (factor, _) in named.items()}
    ends = [np.quantile(values, at) for values in logs.values() for at in (0.001, 1)]
    bins = np.arange(np.floor(min(-30, *ends)), np.ceil(max(20, *ends)) + 1)
    for name, (_, colour) in named.items():
        ax.hist(logs[name], bins, color=colour, alpha=0.5, label=name,
                weights=np.full(len(g), 1 / len(g)))  # fmt: skip
    ax.axvspan(bins[0], zero, color=style.GREY, alpha=0.25, lw=0)
    ax.text(bins[0] + 1, 0.92 * ax.get_ylim()[1], "0 in float16")
    ax.axvline(end, color="black", ls="--", lw=1, label="float16 ends")
    ax.set(
        xlabel="log2 of a gradient's size", ylabel="fraction of the gradients", xlim=bins[[0, -1]]
    )
    ax.legend(loc="center left")
    return figure
