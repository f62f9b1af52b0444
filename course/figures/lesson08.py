"""The pictures of lesson 8."""

from functools import partial

import numpy as np

from course import figures as style
from course.lesson08 import DEGREE, MOMENTUM, NOISE, RIDGE_ALPHAS, ridge

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED)
NAMED = 10  # lines with a name in the legend


def figures(measured):
    """{name: a function that draws it}."""
    alpha, shrinkage = measured["descent"]["alpha"], measured["shrinkage"]
    if "table" in measured:
        return {"table": partial(table, alpha, shrinkage, **measured["table"])}
    return {
        "weights": partial(weights, alpha, **shrinkage),
        "polynomial": partial(polynomial, **measured["polynomial"]),
        "decay": partial(decay, **measured["decay"]),
    }


def weights(alpha, alphas, thetas, names, **_):
    """As α grows, every weight ends at 0, and their length ‖w‖ falls all the way."""
    figure, (left, right) = style.panels("Weights against α", "Their length ‖w‖ against α")
    _weights(left, alpha, alphas, thetas, names)
    right.semilogx(alphas, np.linalg.norm(thetas[:, :-1], axis=1), color=style.BLUE)
    _mark(right, alpha)
    right.set(xlabel="α", ylabel="‖w‖", ylim=(0, None))
    return figure


def _weights(ax, alpha, alphas, thetas, names):
    w = thetas[:, :-1]
    for rank, j in enumerate(np.argsort(-np.abs(w[0]))):
        name = style.label(names[j], f"column {j + 1}") if rank < NAMED else None
        dash = "-" if rank < len(COLOURS) else "--" if rank < 2 * len(COLOURS) else ":"
        ax.semilogx(alphas, w[:, j], dash, color=COLOURS[rank % len(COLOURS)], label=name)
    _mark(ax, alpha)
    ax.set(xlabel="α", ylabel="weight")
    ax.legend(ncols=2, fontsize="x-small")


def _mark(ax, alpha):
    """The α of the lesson, where a log axis has it."""
    if alpha > 0:
        ax.axvline(alpha, color=style.GREY, lw=0.8, label=f"α = {alpha:.4g}")


def polynomial(X, X_new, y, fits, bias, errors):
    """Without a penalty the curve swings between the points; the best α lowers its test error."""
    figure, (left, right) = style.panels(
        f"{len(y)} points, {DEGREE} powers of x", "Error on new points against α"
    )
    x, x_new, mean = X[:, 0], X_new[:, 0], errors.mean(axis=1)
    rising = np.argsort(RIDGE_ALPHAS)
    alphas, best = np.array(RIDGE_ALPHAS)[rising], np.argmin(mean)
    truth = np.sin(np.pi * x_new)
    left.plot(x, y, "o", color=style.GREY, label="data")
    left.plot(x_new, truth, color=style.GREY, lw=0.8, label="truth")
    left.plot(x_new, fits[rising[0]], color=style.RED, label=f"α = {alphas[0]:g}")
    if best != rising[0]:
        left.plot(x_new, fits[best], color=style.BLUE, label=f"α = {RIDGE_ALPHAS[best]:g}")
    shown = np.append(y, truth)
    left.set(xlabel="x", ylabel="y", ylim=(shown.min() - 0.7, shown.max() + 0.7))
    left.legend(fontsize="small")
    floor = np.mean(bias**2, axis=1) + NOISE**2
    some = alphas > 0
    if some.any():
        alphas, (mean, floor) = alphas[some], (each[rising[some]] for each in (mean, floor))
        right.semilogx(alphas, mean, "o-", color=style.BLUE, label="mean squared error")
        right.semilogx(alphas, floor, ":", color=style.GREEN, label="bias² + noise only")
    if not some.all():
        without = errors[rising[0]].mean()
        right.axhline(without, color=style.RED, ls="--", label="without penalty")
    scale = "log" if errors.mean(axis=1).max() > 20 * floor.min() > 0 else "linear"
    right.set(xlabel="α", ylabel="mean squared error", yscale=scale)
    right.legend(fontsize="small")
    return figure


def decay(X, y, alpha, paths):
    """With momentum and Adam, weight_decay and L2 end at weights of different length ‖w‖."""
    figure, axes = style.panels("SGD, also with momentum", "Adam")
    minima = {"Ridge(α)": alpha, "Ridge((1 − μ)α)": (1 - MOMENTUM) * alpha, "least squares": 0}
    lengths = {name: np.linalg.norm(ridge(X, y, price)[:-1]) for name, price in minima.items()}
    top = 3 * max(lengths.values())
    for ax, adam in zip(axes, (False, True)):
        for (name, length), colour in zip(lengths.items(), (style.GREY, style.GREEN, style.RED)):
            if not (adam and "μ" in name):
                ax.axhline(length, color=colour, ls="--", lw=0.8, label=name)
        lines = {name: path for name, path in sorted(paths.items()) if ("Adam" in name) == adam}
        for (name, path), colour in zip(lines.items(), COLOURS):
            large = ~(np.abs(path[:, :-1]).max(axis=1) < top)
            end = np.argmax(large) if large.any() else len(path)  # a path that leaves the picture
            name += " (off the scale)" if large.any() else ""
            length = np.linalg.norm(path[:end, :-1], axis=1)
            ax.semilogx(1 + np.arange(end), length, color=colour, label=name)
        ax.set(xlabel="step + 1", ylabel="‖w‖")
        ax.legend(fontsize="x-small")
    return figure


def table(alpha, shrinkage, table, theta):
    """As α grows, the weights end at 0; the nearer to the line, the better ridge predicts."""
    figure, (left, right) = style.panels("Weights, columns standardised", "Predicted and given")
    _weights(left, alpha, *(shrinkage[key] for key in ("alphas", "thetas", "names")))
    style.predicted_and_given(right, table, *table.in_units(theta[-1, :-1], theta[-1, -1]))
    return figure
