"""The pictures of lesson 11."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from course import figures as style
from course.lesson11 import LEARNING_RATE, SLOW_RATE


def figures(measured):
    """{name: a function that draws it}."""
    if "pictures" in measured:
        return {"predict": partial(predicted, **measured["pictures"])}
    network = measured["network"]
    drawn = {"mistakes": partial(mistakes, **network)}
    if network["outputs"][0].ndim == 4 and np.ndim(network["weights"][0]) == 4:
        drawn = {"features": partial(features, **network), **drawn}
    if "slow" in measured:
        drawn["training"] = partial(training, network["history"], **measured["slow"])
    return drawn


def features(digits, weights, outputs, **_):
    """From pixels to shapes: the first filters, and what the layers make of a digit with them.

    Args:
        weights: of the network; the first are the filters, shape (k, k, 1, f).
        outputs: of each layer, for one picture or more; where its maps are half as wide as those
            before, the layer pools.
    """
    maps = [np.asarray(output)[0].transpose(2, 0, 1) for output in outputs if output.ndim == 4]
    pooled = [after for before, after in pairwise(maps) if 2 * after.shape[1] <= before.shape[1]]
    filters = np.asarray(weights[0])[:, :, 0].transpose(2, 0, 1)
    (f, height, width), digit = maps[0].shape, digits.X_test[0, ..., 0]
    digit_and_maps = np.full((1 + f, *digit.shape), np.nan)
    digit_and_maps[0] = digit
    top, left = (digit.shape[0] - height) // 2, (digit.shape[1] - width) // 2
    digit_and_maps[1:, top : top + height, left : left + width] = maps[0]
    titles = [f"Filters, {named(filters)}", f"A digit, and {f} maps, {named(maps[0])}",
              *(f"{len(tiles)} maps pooled, {named(tiles)}" for tiles in pooled)]  # fmt: skip
    figure, axes = style.panels(*titles, height=3.4, width=3.3)
    for ax, tiles in zip(axes, (filters, digit_and_maps, *pooled)):
        limit = np.nanmax(np.abs(tiles)) or 1
        columns = int(np.ceil(np.sqrt(len(tiles))))
        ax.imshow(style.mosaic(tiles, columns), cmap="RdBu_r", vmin=-limit, vmax=limit)
        style.bare(ax)
    return figure


def named(tiles):
    """5×5"""
    return "×".join(map(str, tiles.shape[1:]))


def mistakes(digits, p, table, **_):
    """Which digits are taken for which, and the twelve that the network is most wrong about.

    Args:
        p: of the test images, shape (n, K).
        table: shape (K, K), row y, column ŷ.
    """
    titles = ("Confusion matrix", "The worst: taken for (is), errors in red")
    figure, (left, right) = style.panels(*titles, height=4.2, width=4.6)
    K = len(table)
    # Logarithms, so that one error is seen beside a thousand right answers.
    left.imshow(np.log1p(table), cmap="Blues")
    left.grid(False)
    left.set(xlabel="taken for", ylabel="is")
    if K <= 12:
        left.set(xticks=range(K), yticks=range(K))
        half = np.log1p(table.max()) / 2
        for row, column in zip(*np.nonzero(table)):
            count = table[row, column]
            colour = "white" if np.log1p(count) > half else "black"
            left.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    y = digits.y_test
    worst = np.argsort(p[np.arange(len(y)), y])[:12]
    images = digits.X_test[worst, ..., 0]
    columns = min(4, len(images))
    right.imshow(style.mosaic(images, columns, gap=12), cmap="Greys", vmin=0, vmax=1)
    right.set_ylim(top=-12)
    style.bare(right)
    for i, (k, own) in enumerate(zip(p[worst].argmax(axis=1), y[worst])):
        right.text(
            i % columns * 40 + 13.5, i // columns * 40 - 1.5, f"{k} ({own})", fontsize=8,
            ha="center", va="bottom", color="black" if k == own else style.RED,
        )  # fmt: skip
    return figure


def training(fast, few, history, **_):
    """At the usual learning rate the cost falls and the network learns; at the small one, hardly.

    The training cost is the mean while an epoch lasts, the validation cost is from its end.

    Args:
        fast, history: of the network, and of the slow run.
        few: what the slow run was trained on.
    """
    figure, (left, right) = style.panels("Cost", "Accuracy, validation")
    slow = f"{SLOW_RATE:g}, {len(few.X_train):,} images"
    pairs = ((fast, LEARNING_RATE, style.BLUE), (history, slow, style.ORANGE))
    for run, eta, colour in pairs:
        logs = run.logs
        epochs = 1 + np.arange(len(logs["loss"]))
        left.semilogy(epochs, logs["loss"], ".--", color=colour, lw=0.8)
        left.semilogy(epochs, logs["val_loss"], ".-", color=colour, label=f"η = {eta}")
        right.plot(epochs, logs["val_accuracy"], ".-", color=colour, label=f"η = {eta}")
    K = few.n_classes
    if not all(np.all(np.isfinite(run.logs["loss"])) for run, *_ in pairs):
        left.set(title="Cost: diverged")
    left.axhline(np.log(K), color=style.GREY, lw=0.8, label=f"ln {K}")
    left.set(xlabel="epoch", ylabel="J: training (its mean) - -, validation —")
    left.legend(loc="lower left")
    right.set(xlabel="epoch", ylabel="fraction of right answers", ylim=(0, 1.02))
    right.legend(loc="center right")
    return figure


def predicted(paths, X, p, most=4):
    """Each picture as the network saw it, and the probability it gave to each digit.

    Args:
        paths: of the pictures.
        X: shape (n, 28, 28, 1).
        p: shape (n, K).
    """
    shown = [(Path(path).name, image, row) for path, image, row in zip(paths, X[..., 0], p)][:most]
    titles = [title for name, *_ in shown for title in (style.label(name, "picture"), "")]
    figure, axes = style.panels(*titles, height=3, width=2.8)
    for ax, bars, (_, picture, row) in zip(axes[::2], axes[1::2], shown):
        ax.imshow(picture, cmap="Greys", vmin=0, vmax=1)
        style.bare(ax)
        bars.barh(range(len(row)), row, color=style.BLUE)
        bars.set(xlabel="probability", xlim=(0, 1.12), yticks=range(len(row)))
        bars.invert_yaxis()
    return figure


def some(X, columns=10):
    """Some pictures side by side.

    Args:
        X: shape (n, 28, 28, 1).
    """
    rows = -(-len(X) // columns)
    figure, (ax,) = style.panels("", width=0.8 * columns, height=0.8 * rows + 0.4)
    ax.imshow(style.mosaic(X[..., 0], columns, gap=3), cmap="Greys", vmin=0, vmax=1)
    style.bare(ax)
    return figure


def sliding(X, K, answer, at=(0, 0)):
    """A picture of a few numbers, a kernel, and the map; one place of the kernel is framed.

    Args:
        X, K, answer: shapes (h, w), (k, k) and (h − k + 1, w − k + 1), whole numbers.
        at: the row and the column of the place.
    """
    from matplotlib.patches import Rectangle

    titles = ("picture", "kernel", "feature map")
    figure, axes = style.panels(*titles, height=3.0, width=2.9)
    frames = ((*at, *K.shape), (0, 0, *K.shape), (*at, 1, 1))
    for ax, table, (row, column, height, width) in zip(axes, (X, K, answer), frames):
        ax.imshow(table, cmap="RdBu_r", vmin=-4, vmax=4)
        style.bare(ax)
        for (i, j), value in np.ndenumerate(table):
            ax.text(j, i, f"{value:.0f}".replace("-", "−"), ha="center", va="center")
        place = column - 0.5, row - 0.5
        ax.add_patch(Rectangle(place, width, height, fill=False, ec=style.RED, lw=3, clip_on=False))
        ax.set(xlim=(-0.6, len(X) - 0.4), ylim=(len(X) - 0.4, -0.6))
    return figure


def blocks(layers, steps):
    """A network as stacks of maps that become smaller and more; lists of numbers at the end.

    Args:
        layers: (height, width, channels) or (units,) of each.
        steps: what leads from each to the next.
    """
    from matplotlib.patches import Rectangle

    figure, (ax,) = style.panels("", width=1.32 * len(layers) + 0.6, height=3.0)
    style.bare(ax)
    figure.subplots_adjust(left=0.02, right=0.98)
    for i, shape in enumerate(layers):
        x = 1.5 * i
        if len(shape) == 3:
            side, tiles = shape[0] / 28, min(shape[2], 8)
            for k in range(tiles):
                shift = 0.035 * (k - (tiles - 1) / 2)
                corner = x - side / 2 - shift, -side / 2 + shift
                ax.add_patch(Rectangle(corner, side, side, fc="#dbe6f5", ec=style.BLUE, lw=0.8))
        else:
            tall = 0.35 + 0.25 * np.log(shape[0] / 10)
            ax.add_patch(
                Rectangle((x - 0.07, -tall / 2), 0.14, tall, fc="#fde8cf", ec=style.ORANGE)
            )
        ax.text(x, -0.86, "×".join(map(str, shape)), ha="center", fontsize=9)
    for i, step in enumerate(steps):
        x = 1.5 * i + 0.75
        ax.annotate("", (x + 0.13, 0), (x - 0.13, 0), arrowprops=dict(arrowstyle="->"))
        ax.text(x, 0.8, step, ha="center", va="center", fontsize=8)
    ax.set(xlim=(-0.75, 1.5 * (len(layers) - 1) + 0.5), ylim=(-1.0, 1.05))
    return figure
