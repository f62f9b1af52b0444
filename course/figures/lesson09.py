"""The pictures of lesson 9."""

import numpy as np

from course import figures

COLOURS = (figures.BLUE, figures.ORANGE)


def corner(f, lambdas, lowest, cost, bottom, balls):
    """F(x) = f(x) + λ|x|, then the contours of a least-squares cost that touch the two balls.

    Args:
        lowest: the x where F is lowest, for each λ.
        cost: of w, shape (..., 2); bottom: where it is lowest, (2,).
        balls: for the diamond and the circle (points of the edge (k, 2), lowest there (2,)).
    """
    figure, (left, *maps) = figures.panels(
        "F(x) = f(x) + λ|x|", "The diamond is touched at a corner", "The circle is not"
    )
    x = np.linspace(-0.8, 1.8, 400)
    left.plot(x, f(x), color=figures.GREY, label="f(x)")
    for lam, at, colour in zip(lambdas, lowest, COLOURS):
        left.plot(x, f(x) + lam * np.abs(x), color=colour, label=f"λ = {lam:g}")
        left.plot(at, f(at) + lam * np.abs(at), "o", color=colour)
    left.set(xlabel="x", ylabel="F(x)", ylim=(0, 3.2))
    left.legend()
    w1, w2 = np.linspace(-1.5, 5, 100), np.linspace(-4.5, 1.4, 100)
    heights = cost(np.stack(np.meshgrid(w1, w2), axis=-1)) - cost(bottom)
    for ax, (edge, touched) in zip(maps, balls):
        touch = cost(touched) - cost(bottom)
        levels = touch * np.array([0.05, 0.2, 0.5, 1, 1.4, 1.9])
        widths = np.where(levels == touch, 2, 0.7)
        ax.contour(w1, w2, heights, levels, colors=figures.BLUE, linewidths=widths)
        ax.fill(*edge.T, color=figures.ORANGE, alpha=0.35)
        ax.plot(*bottom, "*", ms=12, color="black", label="least squares")
        ax.plot(*touched, "o", color=figures.RED, label=f"{touched[0]:.2f}, {touched[1]:.2f}")
        ax.set(xlabel="w1", ylabel="w2", aspect="equal")
        ax.legend(fontsize="small", loc="upper right", frameon=True)
    return figure


def zeros(jumping, proximal, alphas, counts):
    """Weights that should be zero, under SGD and with the proximal step; zeros against α.

    Args:
        jumping, proximal: the weights at every step, (steps + 1, dropped).
        counts: the number of zeros by name, shape (A,).
    """
    figure, (*ways, right) = figures.panels(
        "L1 penalty, SGD: they jump over zero", "Proximal step: they rest at zero",
        "Weights that are zero",
    )  # fmt: skip
    both = np.stack([jumping[:81], proximal[:81]])
    for ax, weights in zip(ways, both):
        ax.plot(weights, lw=0.9)
        ax.axhline(0, color="black", lw=0.6)
        ax.set(xlabel="step", ylim=(1.1 * both.min(), 1.1 * both.max()))
        ax.set_ylabel("weights to be dropped", labelpad=0)
    for (name, count), colour in zip(counts.items(), COLOURS):
        right.plot(alphas, count, ".-", color=colour, label=name)
    right.set(xscale="log", xlabel="α", ylabel="number of zeros")
    right.legend()
    return figure


def selection(noises, precision, recall, as_planted):
    """Precision, recall and the share of data sets with the planted signs, against the noise.

    Args:
        precision, recall, as_planted: shape (2, levels), for one α and for an α for the noise.
    """
    figure, axes = figures.panels("Found ones that are true", "True ones that are found",
                                  "All signs as planted")  # fmt: skip
    names = ("precision", "recall", "share of data sets")
    for ax, name, numbers in zip(axes, names, (precision, recall, as_planted)):
        for row, label, colour in zip(numbers, ("one α", "α grows with the noise"), COLOURS):
            ax.semilogx(noises, row, "o-", color=colour, label=label)
        ax.set(xlabel="noise σ", ylabel=name, ylim=(-0.05, 1.05))
    axes[1].legend(loc="lower left")
    return figure


def table(columns, target, lasso, least_squares):
    """The weights of the lasso beside least squares, both for scaled columns.

    Args:
        lasso, least_squares: shape (p,); the twelve largest are drawn.
    """
    figure, (ax,) = figures.panels(f"Weights for {figures.label(target, 'the target')}", width=6.4)
    largest = np.argsort(-np.abs(least_squares), kind="stable")[:12][::-1]
    rows = np.arange(len(largest))
    names = [figures.label(columns[j], f"column {j + 1}") for j in largest]
    ax.barh(rows + 0.2, least_squares[largest], 0.36, color=figures.GREY, label="least squares")
    ax.barh(rows - 0.2, lasso[largest], 0.36, color=figures.BLUE, label="lasso")
    ax.axvline(0, color="black", lw=0.6)
    ax.set_yticks(rows, [name[:24] for name in names], fontsize="small")
    ax.set(xlabel="weight, columns scaled")
    ax.legend(fontsize="small")
    figure.subplots_adjust(left=0.28)
    return figure
