"""The pictures of lesson 8."""

import numpy as np

from course import figures

COLOURS = (figures.BLUE, figures.ORANGE, figures.GREEN, figures.RED)
NAMED = 10  # lines with a name in the legend


def weights(lambdas, thetas, names, lam, moves, spreads):
    """The weights against λ, and how far a wobble moves the predictions.

    Args:
        thetas: ridge's (w, b) for each λ, (len(lambdas), p + 1).
        lam: the λ of the lesson, marked.
        moves: of the predictions of least squares and of ridge, (draws, 2).
        spreads: their predicted standard deviations, (2,).
    """
    figure, (left, right) = figures.panels("Weights against λ", "What a wobble in x does")
    _weights(left, lambdas, thetas, names, lam)
    reach = 3.5 * spreads[0]
    at = np.linspace(-reach, reach, 200)
    for move, spread, name, colour in zip(
        moves.T, spreads, ("least squares", f"ridge, λ = {lam:g}"), (figures.RED, figures.BLUE)
    ):
        bars = {"bins": 60, "range": (-reach, reach), "density": True}
        right.hist(move, **bars, color=colour, alpha=0.4, label=name)
        bell = np.exp(-((at / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))
        right.plot(at, bell, color=colour, lw=1)
    right.plot([], [], color=figures.GREY, lw=1, label="normal, σ‖w‖")
    right.set(xlabel="move of ŷ", yticks=[])
    right.legend(fontsize="small")
    return figure


def _weights(ax, lambdas, thetas, names, lam):
    w = thetas[:, :-1]
    for rank, j in enumerate(np.argsort(-np.abs(w[0]))):
        name = figures.label(names[j], f"column {j + 1}") if rank < NAMED else None
        style = "-" if rank < len(COLOURS) else "--" if rank < 2 * len(COLOURS) else ":"
        ax.semilogx(lambdas, w[:, j], style, color=COLOURS[rank % len(COLOURS)], label=name)
    ax.axvline(lam, color=figures.GREY, lw=0.8)
    ax.set(xlabel="λ", ylabel="weight")
    ax.legend(ncols=2, fontsize="x-small", loc="lower right")


def polynomial(points, truth, fits, degree, lam, lambdas, expected, floor, measured):
    """One draw of the noise with both fits, and the test error against λ.

    Args:
        points, truth: pairs (x, y); fits: predictions on truth's x without penalty and with λ.
        degree: the number of powers of x; lambdas: the first is 0.
        expected, floor, measured: test error foretold, its part without variance, measured.
    """
    figure, (left, right) = figures.panels(
        f"{len(points[0])} points, {degree} powers of x", "Test error against λ"
    )
    left.plot(*points, "o", color=figures.GREY, label="data")
    left.plot(*truth, color=figures.GREY, lw=0.8, label="truth")
    left.plot(truth[0], fits[0], color=figures.RED, label="λ = 0")
    left.plot(truth[0], fits[1], color=figures.BLUE, label=f"λ = {lam:g}")
    left.set(xlabel="x", ylabel="y", ylim=(-2.5, 2.5))
    left.legend(fontsize="small")
    right.semilogx(lambdas[1:], expected[1:], color=figures.BLUE, label="foretold")
    right.semilogx(lambdas[1:], floor[1:], ":", color=figures.GREEN, label="bias² + noise only")
    right.semilogx(lambdas[1:], measured[1:], "o", color=figures.ORANGE, label="measured")
    right.axhline(expected[0], color=figures.RED, ls="--", label="without penalty")
    right.set(xlabel="λ", ylabel="mean squared error")
    right.legend(fontsize="small")
    return figure


def decay(sizes, ends):
    """‖w‖ at each step, L2 beside weight_decay, and the sizes that are foretold for the end.

    Args:
        sizes: {name: ‖w‖ at each step}; the first three of descent, the others of Adam.
        ends: {name: ‖w‖}.
    """
    figure, (left, right) = figures.panels("SGD, also with momentum", "Adam")
    lines = [*sizes.items()]
    for ax, part in ((left, lines[:3]), (right, lines[3:])):
        for name, colour in zip(ends, (figures.GREY, figures.GREEN, figures.RED)):
            if ax is left or name != "Ridge((1 − μ)λ)":
                ax.axhline(ends[name], color=colour, ls="--", lw=0.8, label=name)
        for (name, size), colour in zip(part, (figures.BLUE, figures.ORANGE, figures.GREEN)):
            ax.semilogx(1 + np.arange(len(size)), size, color=colour, label=name)
        ax.set(xlabel="step + 1", ylabel="‖w‖")
        ax.legend(fontsize="x-small")
    return figure


def table(lambdas, thetas, names, lam, y, y_hat, target):
    """The table's weights against λ, and the predictions of one λ beside the given values."""
    figure, (left, right) = figures.panels("Weights of the scaled columns", "Prediction and truth")
    _weights(left, lambdas, thetas, names, lam)
    target = figures.label(target, "target")
    right.plot(y, y_hat, ".", color=figures.BLUE)
    right.plot([y.min(), y.max()], [y.min(), y.max()], color=figures.GREY, label="equal")
    right.set(xlabel=f"{target}, given", ylabel=f"{target}, predicted")
    right.legend()
    return figure
