"""The pictures of lesson 5."""

import numpy as np

from course import figures

COLOURS = (figures.BLUE, figures.ORANGE, figures.GREEN, figures.RED)


def rates(learning_rates, costs, others, other_costs, tried, kept, eigenvalues):
    """The cost curves of the four rates, then beside a good and a too large one; what is kept.

    Args:
        costs: shape (4, steps + 1); other_costs: one curve for each of the two others.
        kept: what a step keeps of the flattest and the steepest direction, (6, 2).
    """
    figure, (linear, log, right) = figures.panels(
        "Four learning rates", "Log axis: too small, good, too large", "Kept per step"
    )
    for rate, curve, colour in zip(learning_rates, costs, COLOURS):
        linear.plot(curve[:31], color=colour, label=f"η = {rate}")
        log.semilogy(curve, color=colour, label=f"η = {rate}")
    for rate, curve, style in zip(others, other_costs, ("--", ":")):
        log.semilogy(curve, style, color="black", label=f"η = {rate}")
    linear.set(xlabel="step", ylabel="cost J")
    log.set(xlabel="step", ylabel="cost J", ylim=(1e-12, 1e6), xlim=(-10, 1.02 * len(costs[0])))
    linear.legend()
    log.legend(ncols=2, fontsize="small", loc="upper right")

    eta = np.linspace(0, 1.1 * max(tried), 400)
    for j, (name, colour) in enumerate([("flattest", figures.BLUE), ("steepest", figures.ORANGE)]):
        predicted = np.abs(1 - eta * eigenvalues[[0, -1]][j])
        right.plot(eta, predicted, color=colour, label=f"|1 − ηλ|, {name}")
        right.plot(tried, np.abs(kept[:, j]), "o", color=colour)
    right.axhline(1, color=figures.GREY, lw=0.8)
    best = 2 / (eigenvalues[0] + eigenvalues[-1])
    right.axvline(best, color=figures.GREEN, ls="--", label="best rate")
    right.set(xlabel="learning rate η", ylabel="share of the distance (dots: measured)")
    right.set(xticks=[0, 0.05, 0.1, 0.15], ylim=(0, 1.3))
    right.legend(fontsize="small", loc="center", bbox_to_anchor=(0.49, 0.6))
    return figure


def schedule(learning_rates, parts, predicted, constant, limit):
    """A learning rate that starts too large and falls, and the distance it leads to.

    Args:
        parts, predicted: distance along the flattest and the steepest direction, (steps + 1, 2).
        constant: the same at the first learning rate throughout.
    """
    figure, (left, right) = figures.panels("η₀ / (1 + decay · t)", "Distance to the bottom")
    left.plot(learning_rates, color=figures.BLUE)
    left.axhline(limit, color=figures.RED, ls="--", label="2/λmax: above it diverges")
    left.set(xlabel="step t", ylabel="learning rate")
    left.set_yticks(np.linspace(0, 0.2, 5))
    left.legend()
    for j, (name, colour) in enumerate([("flattest", figures.BLUE), ("steepest", figures.ORANGE)]):
        right.semilogy(np.abs(parts[:, j]), ".", ms=4, color=colour, label=f"{name} direction")
        right.semilogy(np.abs(predicted[:, j]), color=colour, lw=0.8)
    right.semilogy(np.abs(constant[:, 1]), "--", color=figures.RED, label="steepest, constant η")
    right.set(xlabel="step t", ylabel="distance (lines: predicted)", ylim=(1e-14, 1e4))
    right.legend(fontsize="small")
    return figure


def valley(J, bottom, descents):
    """Paths in the stretched valley, and how each descent's distance to the bottom shrinks.

    Args:
        bottom: θ* = (w1, w2, b); the cost is drawn for the b of the bottom.
        descents: by name, with path, parts, predicted: plain, scaled, Nesterov, heavy ball.
    """
    figure, (*maps, right) = figures.panels(
        "Plain descent zigzags, Nesterov hardly", "The heavy ball swings wide", "Distance"
    )
    plain, _, nesterov, heavy = descents
    for ax, names in zip(maps, [(plain, nesterov), (heavy,)]):
        _map(ax, J, bottom, {name: descents[name].path for name in names})
    for (name, run), colour in zip(descents.items(), COLOURS):
        distance, predicted = (np.linalg.norm(a, axis=1) for a in (run.parts, run.predicted))
        right.semilogy(distance / distance[0], color=colour, label=name)
        right.semilogy(predicted / distance[0], "--", color="black", lw=0.7)
    right.set(xlabel="step", ylabel="share left (dashed: predicted)", ylim=(1e-7, 3))
    right.legend(loc="upper right")
    return figure


def _map(ax, J, bottom, paths):
    """The cost over w1 and w2, with the paths on it, and room around the widest."""
    points = np.concatenate([*paths.values(), [bottom]])[:, :2]
    reach = np.ptp(points, axis=0)
    low, high = points.min(axis=0) - 0.25 * reach, points.max(axis=0) + 0.25 * reach
    w1, w2 = np.linspace(low[0], high[0], 100), np.linspace(low[1], high[1], 100)
    grid = np.stack(np.meshgrid(w1, w2), axis=-1)
    b = np.full((*grid.shape[:-1], 1), bottom[2])
    figures.contours(ax, w1, w2, J(np.concatenate([grid, b], axis=-1)))
    colours = {"Nesterov": figures.GREEN, "heavy ball": figures.RED}
    for name, path in paths.items():
        colour = colours.get(name, figures.BLUE)
        ax.plot(path[:, 0], path[:, 1], ".-", ms=4, lw=0.7, color=colour, label=name)
    ax.plot(*bottom[:2], "*", ms=12, color="black", zorder=3)
    ax.set(xlabel="w1", ylabel="w2")
    ax.legend(loc="lower right")
