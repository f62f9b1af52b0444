"""Pictures that explain: points, tangents, networks, graphs of a computation."""

import itertools

import numpy as np

from course import figures as style


def points(x, y, lines=None, xlabel="x", ylabel="y"):
    """Points and, for each of some lines, its errors.

    Args:
        x, y: shape (n,).
        lines: {label: function from x to a prediction}.
    """
    figure, axes = style.panels(*(lines or {"The data": None}))
    for ax, predict in zip(axes, (lines or {"": None}).values()):
        ax.plot(x, y, "o", color=style.RED, zorder=3)
        if predict is not None:
            reach = np.ptp(x) or 1.0
            along = np.linspace(x.min() - 0.1 * reach, x.max() + 0.1 * reach, 50)
            ax.plot(along, predict(along), color=style.BLUE)
            ax.vlines(x, y, predict(x), color=style.ORANGE, lw=1)
        ax.set(xlabel=xlabel, ylabel=ylabel)
    return figure


def tangent(J, J_slope, w, step, reach=1.5):
    """The cost curve, its tangent at w, and the step that descent takes there.

    Args:
        J, J_slope: functions of w.
        w: where the tangent is drawn.
        step: how far the step goes, −η J′(w).
        reach: how much of the curve is drawn on each side.
    """
    figure, (ax,) = style.panels("A step against the slope", width=5.6)
    v = np.linspace(w - reach, w + reach, 200)
    ax.plot(v, [J(u) for u in v], color=style.BLUE, label="cost J(w)")
    near = w + np.array([-0.35, 0.35]) * reach
    ax.plot(near, J(w) + J_slope(w) * (near - w), color=style.ORANGE, label="tangent")
    ax.plot(w, J(w), "o", color=style.RED)
    arrow = dict(arrowstyle="->", color=style.RED)
    ax.annotate("", (w + step, J(w)), (w, J(w)), arrowprops=arrow)
    ax.set(xlabel="weight w", ylabel="cost J(w)")
    ax.legend()
    return figure


def network(layers, names=(), weights=None, path=()):
    """A network: a circle for each number, a line for each weight.

    Args:
        layers: the labels of each layer's units, a list of lists; "…" is drawn as dots.
        names: what stands under each layer.
        weights: {((layer, unit), (layer, unit)): label} of lines that have one.
        path: units, (layer, unit), whose connection is drawn in red.
    """
    tallest = max(map(len, layers))
    figure, (ax,) = style.panels("", width=1.7 * len(layers) + 1.2, height=0.62 * tallest + 1.2)
    style.bare(ax)
    at = {
        (i, j): (1.6 * i, (len(units) - 1) / 2 - j)
        for i, units in enumerate(layers)
        for j in range(len(units))
    }
    red = set(itertools.pairwise(path))
    for (i, j), start in at.items():
        for k, label in enumerate(layers[i + 1] if i + 1 < len(layers) else ()):
            ends = (i, j), (i + 1, k)
            if "…" in (label, layers[i][j]):
                continue
            colour, width = (style.RED, 2) if ends in red else (style.GREY, 0.7)
            ax.plot(
                *zip(start, at[ends[1]]), color=colour, lw=width, zorder=2 if ends in red else 1
            )
            if ends in (weights or {}):
                (x0, y0), (x1, y1) = start, at[ends[1]]
                place = x0 + 0.4 * (x1 - x0), y0 + 0.4 * (y1 - y0)
                box = dict(facecolor="white", edgecolor="none", pad=0.5)
                ax.text(*place, weights[ends], ha="center", va="center", fontsize=8, bbox=box)
    for (i, j), (x, y) in at.items():
        if layers[i][j] == "…":
            ax.text(x, y, "⋮", ha="center", va="center", fontsize=14)
            continue
        ax.plot(x, y, "o", ms=24, mfc="white", mec=style.BLUE, zorder=3)
        ax.text(x, y, layers[i][j], ha="center", va="center", fontsize=8, zorder=4)
    low = min(y for _, y in at.values())
    for i, name in enumerate(names):
        ax.text(1.6 * i, low - 0.9, name, ha="center", va="center", fontsize=9)
    ax.set(xlim=(-0.7, 1.6 * (len(layers) - 1) + 0.7), ylim=(low - 1.3, -low + 0.6))
    return figure


def graph(nodes, edges):
    """The graph of a computation: values forward in black, derivatives backward in red.

    Args:
        nodes: {name: (x, y, text)}; x and y place its box, text is inside it.
        edges: (from, to, forward, backward) labels above and below the arrow.
    """
    xs, ys = zip(*((x, y) for x, y, _ in nodes.values()))
    figure, (ax,) = style.panels("", width=1.9 * np.ptp(xs) + 2, height=1.4 * np.ptp(ys) + 1.4)
    style.bare(ax)
    for start, end, forward, backward in edges:
        (x0, y0, _), (x1, y1, _) = nodes[start], nodes[end]
        ax.annotate("", (x1 - 0.28, y1), (x0 + 0.28, y0), arrowprops=dict(arrowstyle="->"))
        middle = (x0 + x1) / 2, (y0 + y1) / 2
        side = 18 * (y0 - y1)  # a label beside a slanted arrow keeps clear of it
        ax.annotate(forward, middle, (side, 5), textcoords="offset points", ha="center", fontsize=9)
        ax.annotate(
            backward, middle, (-side, -13), textcoords="offset points", ha="center", fontsize=9,
            color=style.RED,
        )  # fmt: skip
    for x, y, text in nodes.values():
        box = dict(boxstyle="round,pad=0.35", facecolor="white", edgecolor=style.BLUE)
        ax.text(x, y, text, ha="center", va="center", bbox=box)
    ax.set(xlim=(min(xs) - 0.6, max(xs) + 0.6), ylim=(min(ys) - 0.6, max(ys) + 0.6))
    return figure


def fits(x, y, curves, new=None, xlabel="x", ylabel="y", ylim=None):
    """Points, and curves that were fitted to them, each in a panel of its own.

    Args:
        x, y: the training points, shape (n,).
        curves: {title: function from x to a prediction, or None}.
        new: (x, y) of points that were not used for the fit.
        ylim: of all panels; a curve may leave it.
    """
    figure, axes = style.panels(*curves, width=3.6 if len(curves) > 1 else 5.6)
    along = np.linspace(-1, 1, 400)
    for ax, predict in zip(axes, curves.values()):
        if predict is not None:
            ax.plot(along, predict(along), color=style.BLUE)
        if new is not None:
            ax.plot(*new, "o", mfc="white", color=style.GREEN, label="validation")
        ax.plot(x, y, "o", color=style.RED, label="training")
        ax.set(xlabel=xlabel, ylim=ylim)
    axes[0].set_ylabel(ylabel)
    if new is not None:
        axes[0].legend(loc="lower right", fontsize="small")
    return figure


def two_errors(along, training, validation, xlabel, log=False, falling=False, sides=()):
    """The error on the training and on the validation set against how freely a model may fit.

    Args:
        along: the degrees, or the penalties.
        training, validation: the errors, as many.
        log, falling: whether the axis is logarithmic, and whether it falls.
        sides: what to write on the left and on the right.
    """
    figure, (ax,) = style.panels("Mean squared error", width=5.6)
    ax.plot(along, training, "o-", color=style.RED, label="training")
    ax.plot(along, validation, "o-", mfc="white", color=style.GREEN, label="validation")
    ax.set(xlabel=xlabel, yscale="log", xscale="log" if log else "linear")
    ax.set_ylabel("mean squared error", labelpad=2)
    if falling:
        ax.invert_xaxis()
    top = ax.get_ylim()[1]
    ax.set_ylim(top=4 * top)  # room for the words
    for at, ha, word in zip((0.03, 0.97), ("left", "right"), sides):
        ax.text(at, 0.92, word, ha=ha, transform=ax.transAxes)
    ax.legend(loc="upper center", fontsize="small")
    return figure


def regions(minimum, panels):
    """Weights that must stay in a diamond or a circle, and circles of equal cost around a star.

    Args:
        minimum: (w1, w2) without a penalty.
        panels: {title: (p, touched)}, p = 1 for a diamond, 2 for a circle, and the weights there.
    """
    figure, axes = style.panels(*panels, width=3.6)
    turn = np.linspace(0, 2 * np.pi, 401)
    round_edge = np.column_stack([np.cos(turn), np.sin(turn)])
    for ax, (p, touched) in zip(axes, panels.values()):
        edge = round_edge / np.linalg.norm(round_edge, p, axis=1, keepdims=True)
        edge = edge * np.linalg.norm(touched, p)
        ax.fill(*edge.T, color=style.ORANGE, alpha=0.35)
        far = np.hypot(*np.subtract(touched, minimum))
        for part in (0.5, 1, 1.5):
            circle = np.array(minimum) + part * far * round_edge
            ax.plot(*circle.T, color=style.BLUE, lw=2 if part == 1 else 0.7)
        ax.axhline(0, color="black", lw=0.6)
        ax.axvline(0, color="black", lw=0.6)
        ax.plot(*minimum, "*", ms=12, color="black")
        ax.plot(*touched, "o", color=style.RED)
        name = f"({touched[0]:.2f}, {touched[1]:.2f})"
        ax.text(touched[0], -0.12, name, ha="right", va="top", fontsize=9, color=style.RED)
        ax.set(xlabel="$w_1$", aspect="equal", xlim=(-2.2, 3.2), ylim=(-2.2, 2.2))
    axes[0].set_ylabel("$w_2$", labelpad=-4)
    return figure


def nearest(points):
    """A diamond of size 1, and for some points the nearest point of it.

    Args:
        points: shape (n, 2). From the shaded places a corner is the nearest.
    """
    figure, (ax,) = style.panels("The nearest point of the diamond", width=4.6, height=4.2)
    for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        wedge = np.array([[0, 0], [9, 9], [9, -9]]) if x else np.array([[0, 0], [9, 9], [-9, 9]])
        ax.fill(*((x or y) * wedge + [x, y]).T, color=style.RED, alpha=0.12, lw=0)
    ax.fill([1, 0, -1, 0], [0, 1, 0, -1], color=style.ORANGE, alpha=0.5)
    size = np.abs(points)
    for w, (a, b) in zip(points, size):
        if a + b <= 1:
            continue
        corner = abs(a - b) >= 1
        at = np.array([a >= b, b > a]) if corner else (np.array([a - b, b - a]) + 1) / 2
        ends = np.stack([w, np.sign(w) * at])
        ax.plot(*ends.T, color=style.RED if corner else style.BLUE, lw=0.8)
        ax.plot(*w, ".", color=style.RED if corner else style.BLUE)
    ax.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
    return figure


def one_weight(alphas, v=1.0):
    """½ (x − v)² with the penalty α|x| and with ½αx²: where are their minima?"""
    figure, axes = style.panels("L1: α|x|", "L2: ½ α x²", width=4.2)
    x = np.linspace(-0.8, 1.8, 400)
    f = (x - v) ** 2 / 2
    penalties = (
        (np.abs, lambda a: np.sign(v) * max(abs(v) - a, 0)),
        (lambda x: x**2 / 2, lambda a: v / (1 + a)),
    )
    for ax, (penalty, minimum) in zip(axes, penalties):
        ax.plot(x, f, color=style.GREY, label="α = 0")
        for alpha, colour in zip(alphas, (style.BLUE, style.ORANGE)):
            at = minimum(alpha)
            ax.plot(x, f + alpha * penalty(x), color=colour, label=f"α = {alpha:g}")
            ax.plot(at, (at - v) ** 2 / 2 + alpha * penalty(at), "o", color=colour)
        ax.axvline(0, color="black", lw=0.6)
        ax.set(xlabel="x", ylim=(0, 3.4))
    axes[0].set_ylabel("F(x)")
    axes[0].legend(loc="upper center")
    return figure


def folds(rows, errors=None):
    """Cross-validation: in each line another part of the rows is left out.

    Args:
        rows: how many rows each fold has.
        errors: of each fold, written on the right.
    """
    count = len(rows)
    figure, (ax,) = style.panels("", width=6.4, height=0.42 * count + 0.9)
    style.bare(ax)
    for line in range(count):
        for part in range(count):
            left_out = part == line
            color, alpha = (style.ORANGE, 0.9) if left_out else (style.BLUE, 0.3)
            ax.barh(-line, 0.94, left=part, height=0.7, color=color, alpha=alpha)
            word = "validation" if left_out else "training"
            ax.text(part + 0.47, -line, word, ha="center", va="center", fontsize=8)
        if errors is not None:
            ax.text(count + 0.15, -line, f"{errors[line]:.0f}", va="center", fontsize=9)
    for part, size in enumerate(rows):
        ax.text(part + 0.47, 0.62, f"{size} rows", ha="center", fontsize=9)
    if errors is not None:
        ax.text(count + 0.15, 0.62, "error", fontsize=9)
        ax.text(count + 0.15, -count, f"mean {np.mean(errors):.0f}", va="center", fontsize=9)
    ax.set(xlim=(0, count + 1), ylim=(-count - 0.4, 1.1))
    return figure


def fold_curves(alphas, mse):
    """The error on each fold against α, and where each is least."""
    figure, (ax,) = style.panels("One curve for each validation set", width=5.6)
    for curve, colour in zip(
        mse.T, (style.BLUE, style.ORANGE, style.GREEN, style.RED, style.GREY), strict=False
    ):
        best = np.argmin(curve)
        ax.semilogx(alphas, curve, color=colour, lw=1)
        ax.plot(alphas[best], curve[best], "o", color=colour)
    ax.set(xlabel="α", ylabel="error on the validation set")
    ax.invert_xaxis()
    return figure
