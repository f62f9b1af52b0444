"""The pictures of lesson 5."""

from functools import partial

import numpy as np

from course import figures as style
from course.lesson05 import (
    LEARNING_RATES,
    NEAR_BEST,
    REACHED,
    START_RATE,
    best_learning_rate,
    components,
    cost,
    descend,
    flattest_and_steepest,
    hessian,
    least_squares,
)

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED, "purple", "brown", style.GREY)
DIRECTIONS = (("flattest", 0, style.BLUE), ("steepest", -1, style.ORANGE))  # name, place, colour


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "rates": partial(rates, **measured["rates"]),
        "schedule": partial(schedule, **measured["schedule"]),
        "ill_conditioned": partial(
            ill_conditioned, momentum=measured["momentum"]["by_hand"], **measured["scaling"]
        ),
    }


def rates(X, y, by_hand, **_):
    """Each rate's cost falls, or grows, at the pace of its larger contraction factor."""
    figure, (linear, log, right) = style.panels(
        "Learning rates", "Log axis, with two more rates", "Contraction factors"
    )
    own = [eta for eta in by_hand if eta in LEARNING_RATES]
    steps, top = max(map(len, by_hand.values())), 1e4 * cost(X, y, 0 * by_hand[own[0]][0])
    lowest = top
    for eta, path in by_hand.items():
        costs = cost(X, y, path)
        costs = costs[: np.count_nonzero(costs <= 10 * top)]
        place = own.index(eta) if eta in own else 0
        line, colour = "-", COLOURS[place % len(COLOURS)]
        if eta not in own:
            line, colour = "--" if eta == NEAR_BEST else ":", "black"
        else:
            low = costs[:31][costs[:31] <= 1.2 * costs[0]]  # one that grows would hide the others
            linear.plot(low, color=colour, label=f"η = {eta:g}")
        lowest = min(lowest, *costs)
        log.semilogy(np.maximum(costs, 1e-12), line, color=colour, label=f"η = {eta:g}")
    linear.set(xlabel="step", ylabel="cost J")
    low = max(lowest / 10, 1e-12)
    log.set(xlabel="step", ylabel="cost J", ylim=(low, top), xlim=(-0.02 * steps, 1.02 * steps))
    linear.legend(fontsize="small")
    log.legend(ncols=2, fontsize="small", loc="upper right")

    _factors(right, X, y, by_hand)
    return figure


def _factors(ax, X, y, by_hand):
    """The contraction factor in the flattest and the steepest direction, predicted and measured."""
    tried = np.array(list(by_hand))
    first = np.array([components(X, y, path[:2]) for path in by_hand.values()])
    factors = np.abs(first[:, 1] / first[:, 0])  # of the first step, (rates, directions)
    eta = np.linspace(0, 1.1 * max(tried.max(), best_learning_rate(X)), 400)
    for name, at, colour in DIRECTIONS:
        predicted = np.abs(1 - eta * flattest_and_steepest(X)[at])
        ax.plot(eta, predicted, color=colour, label=f"|1 − ηλ|, {name}")
        ax.plot(tried, factors[:, at], "o", color=colour)
    ax.axhline(1, color=style.GREY, lw=0.8)
    ax.axvline(best_learning_rate(X), color=style.GREEN, ls="--", label="best rate")
    ax.set(xlabel="learning rate η", ylabel="contraction factor (dots: measured)")
    ax.set_ylim(0, max(1.6, 1.1 * factors.max()))
    ax.locator_params(axis="x", nbins=5)
    ax.legend(fontsize="small")


def schedule(X, y, rates, by_hand, **_):
    """The distance grows while the falling learning rate is above 2/λmax, then shrinks."""
    figure, (left, right) = style.panels("η₀ / (1 + decay · t)", "Distance to the minimum")
    low, high = flattest_and_steepest(X)
    left.plot(rates, color=style.BLUE)
    left.axhline(2 / high, color=style.RED, ls="--", label="2/λmax: above it diverges")
    left.set(xlabel="step t", ylabel="learning rate", ylim=(0, 1.04 * max(START_RATE, 2 / high)))
    left.locator_params(axis="y", nbins=5)
    left.legend(loc="lower left")
    distance = np.abs(components(X, y, by_hand))
    for (name, at, colour), curvature in zip(DIRECTIONS, (low, high)):
        factors = np.abs(np.cumprod(1 - rates[: len(distance) - 1] * curvature))
        predicted = distance[0, at] * np.append(1, factors)
        right.semilogy(_seen(distance[:, at]), ".", ms=4, color=colour, label=f"{name} direction")
        right.semilogy(_seen(predicted), color=colour, lw=0.8)
    constant = np.abs(components(X, y, descend(X, y, START_RATE, min(20, len(rates)))))
    right.semilogy(_seen(constant[:, -1]), "--", color=style.RED, label="steepest, constant η")
    high = 1e3 * distance.max()
    right.set(xlabel="step t", ylabel="distance (lines: predicted)", ylim=(1e-14, high))
    right.legend(fontsize="small")
    return figure


def _seen(values):
    """What a log axis can show; NaN, which is not drawn, in place of the rest."""
    return np.where(values > 0, values, np.nan)


def ill_conditioned(y, plain, standardised, momentum, **_):
    """Plain descent takes many steps to the minimum, momentum few, standardised features fewest.

    Args:
        plain, standardised: dicts with X and path.
        momentum: paths by name: heavy ball, Nesterov.
    """
    figure, (*maps, right) = style.panels(
        "Plain descent zigzags, Nesterov hardly", "The heavy ball swings wide", "Distance"
    )
    X, Z = plain["X"], standardised["X"]
    heavy, nesterov = momentum["heavy ball"], momentum["Nesterov"]
    _map(maps[0], X, y, {"plain": plain["path"], "Nesterov": nesterov})
    _map(maps[1], X, y, {"heavy ball": heavy})
    curves = (
        ("plain", X, plain["path"]),
        ("plain, standardised features", Z, standardised["path"]),
        ("Nesterov", X, nesterov),
        ("heavy ball", X, heavy),
    )
    for (name, features, path), colour in zip(curves, COLOURS):
        distance = np.linalg.norm(path - least_squares(features, y), axis=1)
        right.semilogy(_seen(distance / distance[0]), color=colour, label=name)
    dashed = dict(ls="--", color="black", lw=0.7)
    for way in (plain, standardised):
        kappa = np.linalg.cond(hessian(way["X"]))
        predicted = ((kappa - 1) / (kappa + 1)) ** np.arange(len(way["path"]))
        (line,) = right.semilogy(_seen(predicted), **dashed)
    line.set_label("predicted for plain descent")
    right.set(xlabel="step", ylabel="fraction of the distance", ylim=(0.1 * REACHED, 300))
    right.legend(loc="upper right", fontsize="small")
    return figure


def _map(ax, X, y, paths):
    """The cost over w1 and w2, at the b of the minimum, with the paths and room around them."""
    minimum = least_squares(X, y)
    points = np.concatenate([*paths.values(), [minimum]])[:, :2]
    reach = np.ptp(points, axis=0)
    low, high = points.min(axis=0) - 0.25 * reach, points.max(axis=0) + 0.25 * reach
    w1, w2 = np.linspace(low[0], high[0], 100), np.linspace(low[1], high[1], 100)
    grid = np.stack(np.meshgrid(w1, w2), axis=-1)
    b = np.full((*grid.shape[:-1], 1), minimum[2])
    style.contours(ax, w1, w2, cost(X, y, np.concatenate([grid, b], axis=-1)))
    colours = {"Nesterov": style.GREEN, "heavy ball": style.RED}
    for name, path in paths.items():
        colour = colours.get(name, style.BLUE)
        ax.plot(path[:, 0], path[:, 1], ".-", ms=4, lw=0.7, color=colour, label=name)
    ax.plot(*minimum[:2], "*", ms=12, color="black", zorder=3, label="minimum")
    ax.set(xlabel="w1", ylabel="w2")
    ax.legend(loc="lower right")


def curves(X, y, by_hand):
    """The cost at each of some learning rates: the first steps, and all steps on a log axis."""
    figure, (left, right) = style.panels("The first 60 steps", "All steps, logarithmic axis")
    for (eta, path), colour in zip(by_hand.items(), COLOURS):
        costs = cost(X, y, path)
        left.plot(costs[:61], color=colour, label=f"η = {eta:g}")
        right.semilogy(costs, color=colour, label=f"η = {eta:g}")
    left.set(xlabel="step", ylabel="cost J", ylim=(0, 20))
    right.set(xlabel="step", ylabel="cost J")
    left.legend()
    return figure


def factors(X, y, by_hand):
    """The contraction factors against the learning rate; dots where it was tried."""
    figure, (ax,) = style.panels("Two directions, one learning rate", width=5.6)
    _factors(ax, X, y, by_hand)
    return figure


def ellipse(flat=1.0, steep=10.0, rates=((0.05, "slow"), (0.18, "best"), (0.21, "diverges"))):
    """A cost with two curvatures from above, and ten steps at each of three learning rates."""
    figure, axes = style.panels(*(f"η = {eta:g}: {word}" for eta, word in rates), width=4)
    a, b = np.linspace(-2, 11, 100), np.linspace(-5.5, 5.5, 100)
    heights = (flat * a**2 + steep * b[:, None] ** 2) / 2
    for ax, (eta, _) in zip(axes, rates):
        style.contours(ax, a, b, heights)
        factor = np.array([1 - eta * flat, 1 - eta * steep])
        path = np.array([10.0, 2.0]) * factor ** np.arange(11)[:, None]
        ax.plot(*path.T, ".-", color=style.RED, lw=1, ms=5, label="descent")
        ax.plot(0, 0, "*", ms=12, color="black", label="minimum")
        ax.set(xlabel="flat direction", xlim=(-2, 11), ylim=(-5.5, 5.5))
    axes[0].set(ylabel="steep direction")
    axes[0].legend(loc="lower left")
    return figure
