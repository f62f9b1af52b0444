"""The pictures of lesson 8."""

from functools import partial

import numpy as np

from course import figures as style
from course.lesson08 import DEGREE, LAMBDAS, MOMENTUM, NOISE, ridge

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED)
NAMED = 10  # lines with a name in the legend


def figures(measured):
    """{name: a function that draws it}."""
    lam, shrinkage = measured["descent"]["lam"], measured["shrinkage"]
    if "table" in measured:
        return {"table": partial(table, lam, shrinkage, **measured["table"])}
    return {
        "weights": partial(weights, lam, **shrinkage),
        "polynomial": partial(polynomial, **measured["polynomial"]),
        "decay": partial(decay, **measured["decay"]),
    }


def weights(lam, lambdas, thetas, names, **_):
    """Every weight, and the length of the weight vector, against λ."""
    figure, (left, right) = style.panels("Weights against λ", "Their length ‖w‖ against λ")
    _weights(left, lam, lambdas, thetas, names)
    right.semilogx(lambdas, np.linalg.norm(thetas[:, :-1], axis=1), color=style.BLUE)
    right.axvline(lam, color=style.GREY, lw=0.8)
    right.set(xlabel="λ", ylabel="‖w‖", ylim=(0, None))
    return figure


def _weights(ax, lam, lambdas, thetas, names):
    w = thetas[:, :-1]
    for rank, j in enumerate(np.argsort(-np.abs(w[0]))):
        name = style.label(names[j], f"column {j + 1}") if rank < NAMED else None
        dash = "-" if rank < len(COLOURS) else "--" if rank < 2 * len(COLOURS) else ":"
        ax.semilogx(lambdas, w[:, j], dash, color=COLOURS[rank % len(COLOURS)], label=name)
    ax.axvline(lam, color=style.GREY, lw=0.8)
    ax.set(xlabel="λ", ylabel="weight")
    ax.legend(ncols=2, fontsize="x-small", loc="lower right")


def polynomial(X, X_new, y, fits, bias, errors):
    """One draw of the noise with two fits, and the error on new points against λ."""
    figure, (left, right) = style.panels(
        f"{len(y)} points, {DEGREE} powers of x", "Error on new points against λ"
    )
    x, x_new, mean = X[:, 0], X_new[:, 0], errors.mean(axis=1)
    best = np.argmin(mean)
    left.plot(x, y, "o", color=style.GREY, label="data")
    left.plot(x_new, np.sin(np.pi * x_new), color=style.GREY, lw=0.8, label="truth")
    left.plot(x_new, fits[0], color=style.RED, label="λ = 0")
    left.plot(x_new, fits[best], color=style.BLUE, label=f"λ = {LAMBDAS[best]:g}")
    left.set(xlabel="x", ylabel="y", ylim=(y.min() - 1, y.max() + 1))
    left.legend(fontsize="small")
    floor = np.mean(bias**2, axis=1) + NOISE**2
    right.semilogx(LAMBDAS[1:], mean[1:], "o-", color=style.BLUE, label="mean squared error")
    right.semilogx(LAMBDAS[1:], floor[1:], ":", color=style.GREEN, label="bias² + noise only")
    right.axhline(mean[0], color=style.RED, ls="--", label="without penalty")
    right.set(xlabel="λ", ylabel="mean squared error")
    right.legend(fontsize="small")
    return figure


def decay(X, y, lam, paths):
    """‖w‖ at each step, L2 beside weight_decay, and where the minima are."""
    figure, axes = style.panels("SGD, also with momentum", "Adam")
    minima = {"Ridge(λ)": lam, "Ridge((1 − μ)λ)": (1 - MOMENTUM) * lam, "least squares": 0}
    for ax, adam in zip(axes, (False, True)):
        for (name, penalty), colour in zip(minima.items(), (style.GREY, style.GREEN, style.RED)):
            if not (adam and "μ" in name):
                length = np.linalg.norm(ridge(X, y, penalty)[:-1])
                ax.axhline(length, color=colour, ls="--", lw=0.8, label=name)
        lines = {name: path for name, path in sorted(paths.items()) if ("Adam" in name) == adam}
        for (name, path), colour in zip(lines.items(), COLOURS):
            length = np.linalg.norm(path[:, :-1], axis=1)
            ax.semilogx(1 + np.arange(len(path)), length, color=colour, label=name)
        ax.set(xlabel="step + 1", ylabel="‖w‖")
        ax.legend(fontsize="x-small")
    return figure


def table(lam, shrinkage, table, theta):
    """The table's weights against λ, and its own values against those that ridge predicts."""
    figure, (left, right) = style.panels("Weights, columns standardised", "Predicted and given")
    _weights(left, lam, *(shrinkage[key] for key in ("lambdas", "thetas", "names")))
    style.predicted_and_given(right, table, *table.in_units(theta[-1, :-1], theta[-1, -1]))
    return figure
