"""The pictures of lesson 4."""

from functools import partial

import numpy as np

from course import figures as style
from course.lesson03 import cost, least_squares
from course.lesson04 import KINDS, TILT, TILT_NOISE

COLOURS = {"batch": style.BLUE, "mini-batch": style.GREEN, "stochastic": style.ORANGE}


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "kinds": partial(kinds, **measured["kinds"]),
        "mistake": partial(mistake, **measured["mistake"]),
        "double_well": partial(double_well, **measured["double_well"]),
    }


def kinds(X, y, paths, **_):
    """By updates and by epochs: how fast the cost falls; right, the three paths from θ = 0."""
    figure, (left, middle, right) = style.panels(
        "Cost, by updates", "Cost, by epochs", "Paths on the cost surface"
    )
    widths = {"batch": 2.0, "mini-batch": 1.4, "stochastic": 0.7}
    minimum = least_squares(X, y)
    far = np.linalg.norm(minimum)
    for kind in reversed(COLOURS):  # the roughest one underneath
        above = cost(X, y, paths[kind]) - cost(X, y, minimum)
        updates = np.arange(len(above))
        distance = np.linalg.norm(paths[kind] - minimum, axis=1)
        out = np.flatnonzero(distance > 3 * far)
        label = f"{kind}, diverges" if distance[-1] > 3 * far else kind
        line = {"color": COLOURS[kind], "lw": widths[kind], "label": label}
        left.loglog(updates[1:], above[1:], **line)
        middle.semilogy(updates * KINDS[kind] / KINDS["batch"], above, **line)
        right.plot(*paths[kind][: out[0] if len(out) else None].T, **line)
    left.set(xlabel="update", ylabel="cost above the minimum's")
    middle.set(xlabel="epoch", ylabel="cost above the minimum's")
    right.plot(*minimum, "*", ms=12, color=style.RED, label="least squares")
    right.margins(0.2)
    w, b = (np.linspace(*limits, 100) for limits in (right.get_xlim(), right.get_ylim()))
    style.contours(right, w, b, cost(X, y, np.stack(np.meshgrid(w, b), axis=-1)))
    right.set(xlabel="weight w", ylabel="intercept b")
    left.legend()
    right.legend(loc="lower right")
    return figure


def mistake(X, y, paths, **_):
    """The two costs look alike; what each update removes of them gives the mistake away."""
    figure, (left, right) = style.panels("The cost hardly shows the mistake", "Each update does")
    lowest = cost(X, y, least_squares(X, y))
    for name, colour, width, label in (
        ("right", style.GREEN, 4, "loss on the mini-batch"),
        ("mistake", style.RED, 1.2, "mistake: loss on the whole of x"),
    ):
        above = cost(X, y, paths[name]) - lowest
        left.semilogy(above, color=colour, lw=width, label=label)
        # What is of the size of roundings says nothing of the update.
        seen = np.where(above[:-1] > 1e-13 * above[0], above[:-1], np.nan)
        right.plot(1 - above[1:] / seen, color=colour, lw=1.2, label=label)
    left.set(xlabel="update", ylabel="cost above the minimum's")
    right.set(xlabel="update", ylabel="fraction of it that the update removes")
    left.legend()
    return figure


def double_well(start, ends, escaped, predicted=None):
    """Noisy single samples tilt the double well so much that starts get out of the wrong one.

    Args:
        predicted: the fraction expected to escape, by kind; None draws none.
    """
    figure, (left, middle, right) = style.panels(
        "Each sample tilts the double well",
        f"Where {len(start)} starts ended",
        "Fraction that escaped",
    )

    def J(w, tilt=TILT):
        return (w**2 - 1) ** 2 + tilt * w

    w = np.linspace(-1.6, 1.6, 200)
    for sign, label in ((1, "cost of one sample"), (-1, None)):
        left.plot(w, J(w, TILT + sign * TILT_NOISE), color=style.ORANGE, label=label)
    left.plot(w, J(w), color=style.BLUE, lw=2, label="mean of all: J(w)")
    left.set(xlabel="weight w", ylabel="cost")
    left.legend()
    middle.plot(w, J(w), color=style.GREY)
    kinds = [kind for kind in COLOURS if kind in ends]
    for place, kind in enumerate(kinds):
        colour = COLOURS[kind]
        # Lifted, or the kinds would hide each other.
        inside = ends[kind][np.abs(ends[kind]) < 3]  # others have diverged
        middle.plot(inside, J(inside) + 0.5 * place, ".", color=colour, label=kind)
        right.plot([place, place], interval(escaped[kind], len(start)), color=colour, lw=3)
        right.plot(place, escaped[kind], "o", ms=8, color=colour)
        if predicted and kind in predicted:
            right.plot(place, predicted[kind], "_", ms=24, mew=2, color=style.RED)
    middle.set(xlabel="weight w", ylabel="J(w), the kinds 0.5 apart")
    middle.legend(loc="upper center")
    if predicted:
        right.plot([], [], "_", ms=14, mew=2, color=style.RED, label="predicted")
    right.plot([], [], "o-", lw=3, color=style.GREY, label="measured, 95 % interval")
    limits = {"xlim": (-0.5, len(kinds) - 0.5), "ylim": (-0.05, 1.05)}
    right.set(ylabel=f"fraction of {len(start)} starts", **limits)
    right.set_xticks(range(len(kinds)), kinds)
    right.legend(loc="lower right")
    return figure


def interval(fraction, n):
    """Wilson's 95 % interval for a fraction of n."""
    from scipy import stats

    return list(stats.binomtest(round(fraction * n), n).proportion_ci(method="wilson"))
