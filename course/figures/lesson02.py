"""The pictures of lesson 2."""

from functools import partial

import numpy as np

from course import figures as style, lesson02 as lesson


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "descent": partial(descent, **measured["descent"]),
        "limit": partial(limit, **measured["limit"]),
        "double_well": partial(double_well, **measured["double_well"]),
    }


def until_far(distance, times):
    """How many epochs to draw: until the distance is so many times the first, or all of them."""
    far = ~(distance <= times * max(distance[0], 1e-9))
    return int(np.argmax(far)) if far.any() else len(distance)


def descent(x, y, path, **_):
    """Each step follows a tangent; the distance to the minimum shrinks, or grows, as predicted."""
    figure, (left, right) = style.panels("Tangents along the descent", "Distance to the minimum")
    minimum = lesson.minimum(x, y)
    distance = np.abs(path - minimum)
    shown = path[: until_far(distance, 10)]
    reach = np.max(np.abs(shown - minimum)) or 1.0
    w = minimum + np.linspace(-4 / 3, 4 / 3, 200) * reach
    left.plot(w, [lesson.cost(v, x, y) for v in w], color=style.BLUE)
    along = np.array([-0.3, 0.3]) * reach
    for v in shown[[0, len(shown) // 20, len(shown) // 8, -1]]:
        tangent = lesson.cost(v, x, y) + lesson.slope(v, x, y) * along
        left.plot(v + along, tangent, color=style.ORANGE)
    costs = [lesson.cost(v, x, y) for v in shown]
    name = "w after each epoch" if len(shown) == len(path) else "w, until it is far away"
    left.plot(shown, costs, ".", color=style.RED, label=name)
    left.set(xlabel="weight w", ylabel="cost J(w)")
    left.legend(loc="upper center")
    factor = abs(1 - lesson.LEARNING_RATE * lesson.curvature(x))
    t = np.arange(until_far(distance, 1e100))
    predicted = distance[0] * factor**t
    seen = predicted > 1e-17 * (1 + abs(minimum))  # below, roundings are all that is left
    right.set_yscale("log", nonpositive="mask")
    right.plot(t[seen], predicted[seen], color=style.GREY, zorder=3, label="predicted, (1 − ηλ)^t")
    seen = distance[t] > 0
    right.plot(t[seen], distance[t][seen], ".", color=style.RED, label="measured")
    right.set(xlabel="epoch t", ylabel="|w − w*|")
    right.legend()
    return figure


def limit(factors, distances, **_):
    """Below the limit 2/λ the distance to the minimum shrinks, above it grows."""
    figure, (ax,) = style.panels("Below the limit it converges, above it diverges", width=5.6)
    seen = (distances > 0) & (distances < 1e100)  # 0 has no logarithm, and infinity no place
    ax.semilogy(factors[seen], distances[seen], ".-", color=style.BLUE)
    ax.axvline(1, color=style.GREY)
    ax.axhline(1, color=style.GREY)
    epochs = lesson.TRIED_EPOCHS
    ax.set(xlabel="learning rate ÷ (2/λ)", ylabel=f"distance after {epochs} epochs, of 1 at first")
    return figure


def double_well(path, noisy, best, **_):
    """Plain descent stops in the nearest minimum; noisy runs lie where exp(−J/T) says."""
    J = lesson.double_well
    edge = max(1.7, 1.1 * abs(path[0]))
    shown = path[: until_far(np.abs(path), edge / max(abs(path[0]), 1e-9))]
    roll = "Plain descent diverges"
    if len(shown) == len(path):
        stuck = J(path[-1]) > J(best) + 1e-9
        roll = "Plain descent is stuck" if stuck else "Plain descent"
    inside = noisy[np.abs(noisy) < 10]
    there = "Noisy runs" if len(inside) else "Every noisy run diverges"
    if len(inside) and np.median(inside) * best > 0:
        there = "Noise finds the lower minimum"
    figure, (left, right) = style.panels(roll, there)
    w = np.linspace(-edge, edge, 300)
    left.plot(w, J(w), color=style.BLUE)
    left.plot(shown, J(shown), ".-", color=style.RED, label="plain descent")
    if np.isfinite(best):
        left.plot(best, J(best), "*", ms=12, color=style.GREEN, label="best of the restarts")
    left.set(xlabel="weight w", ylabel="cost J(w)")
    left.legend(loc="upper center")
    w = np.linspace(min([-1.7, *inside]), max([1.7, *inside]), 300)
    density = np.exp((np.min(J(w)) - J(w)) / lesson.TEMPERATURE)
    density /= density.sum() * (w[1] - w[0])
    if len(inside):
        right.hist(inside, 40, density=True, color=style.ORANGE, alpha=0.6, label="noisy runs")
    right.plot(w, density, color=style.GREY, label="exp(−J/T)")
    right.set(xlabel="weight w", ylabel="fraction of the runs per unit of w")
    right.legend()
    return figure
