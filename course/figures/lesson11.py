"""The pictures of lesson 11."""

import numpy as np

from course import figures


def mosaic(tiles, columns, gap=1):
    """Pictures side by side with a gap of NaN, which is drawn as nothing.

    Args:
        tiles: shape (n, h, w).
    """
    n, h, w = tiles.shape
    rows = -(-n // columns)
    whole = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap), np.nan)
    for i, tile in enumerate(tiles):
        top, left = i // columns * (h + gap), i % columns * (w + gap)
        whole[top : top + h, left : left + w] = tile
    return whole


def bare(ax):
    ax.grid(False)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def training(logs, slow_logs, rate, slow_rate, n_classes):
    """Cost and accuracy after each epoch, at both learning rates.

    The training cost is the mean while an epoch lasts, the validation cost is from its end.
    """
    figure, (left, right) = figures.panels("Cost", "Accuracy, validation")
    pairs = ((logs, rate, figures.BLUE), (slow_logs, slow_rate, figures.ORANGE))
    for history, eta, colour in pairs:
        epochs = 1 + np.arange(len(history["loss"]))
        left.semilogy(epochs, history["loss"], ".--", color=colour, lw=0.8)
        left.semilogy(epochs, history["val_loss"], ".-", color=colour, label=f"η = {eta}")
        right.plot(epochs, history["val_accuracy"], ".-", color=colour, label=f"η = {eta}")
    left.axhline(np.log(n_classes), color=figures.GREY, lw=0.8, label=f"ln {n_classes}")
    left.set(xlabel="epoch", ylabel="J: training (its mean) - -, validation —")
    left.legend()
    right.set(xlabel="epoch", ylabel="share of right answers", ylim=(0, 1.02))
    right.legend()
    return figure


def features(filters, picture, layers):
    """The first filters, and what each layer makes of one picture.

    Args:
        filters: shape (5, 5, 1, 4).
        picture: shape (28, 28).
        layers: the outputs of the first five layers, shapes (h, w, channels).
    """
    titles = ("Filters, 5×5", "A digit, and 4 maps, 24×24", "8 maps pooled, 11×11",
              "16 maps pooled, 4×4")  # fmt: skip
    figure, axes = figures.panels(*titles, height=3.4, width=3.3)
    first, _, pooled, _, small = layers
    maps = np.full((5, 28, 28), np.nan)
    maps[0] = picture
    maps[1:, 2:-2, 2:-2] = first.transpose(2, 0, 1)
    for ax, tiles, columns, limit in (
        (axes[0], filters[:, :, 0].transpose(2, 0, 1), 2, None),
        (axes[1], maps, 3, 1),
        (axes[2], pooled.transpose(2, 0, 1), 3, 1),
        (axes[3], small.transpose(2, 0, 1), 4, None),
    ):
        limit = limit or np.abs(tiles).max()
        ax.imshow(mosaic(tiles, columns), cmap="RdBu_r", vmin=-limit, vmax=limit)
        bare(ax)
    return figure


def mistakes(table, pictures, y, p):
    """The confusion matrix, and the pictures whose right class got the least probability.

    Args:
        table: shape (K, K), row y, column ŷ.
        pictures: the worst first, shape (n, 28, 28), twelve at most.
        y: their classes. p: the probabilities they were given, shape (n, K).
    """
    titles = ("Confusion matrix", "The worst: taken for (is), mistakes in red")
    figure, (left, right) = figures.panels(*titles, height=4.2, width=4.6)
    K = len(table)
    # Logarithms, so that one mistake is seen beside a thousand right answers.
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
    columns = min(4, len(pictures))
    right.imshow(mosaic(pictures, columns, gap=12), cmap="Greys", vmin=0, vmax=1)
    right.set_ylim(top=-12)
    bare(right)
    for i, k in enumerate(p.argmax(axis=1)):
        right.text(
            i % columns * 40 + 13.5, i // columns * 40 - 1.5, f"{k} ({y[i]})", fontsize=8,
            ha="center", va="bottom", color="black" if k == y[i] else figures.RED,
        )  # fmt: skip
    return figure


def predicted(names, pictures, p, most=4):
    """Each picture as the network saw it, and the probabilities it gave.

    Args:
        names: of the files. pictures: shape (n, 28, 28). p: shape (n, K).
    """
    shown = list(zip(names, pictures, p))[:most]
    titles = [title for name, *_ in shown for title in (figures.label(name, "picture"), "")]
    figure, axes = figures.panels(*titles, height=3, width=2.8)
    for ax, bars, (_, picture, row) in zip(axes[::2], axes[1::2], shown):
        ax.imshow(picture, cmap="Greys", vmin=0, vmax=1)
        bare(ax)
        bars.barh(range(len(row)), row, color=figures.BLUE)
        bars.set(xlabel="probability", xlim=(0, 1.12), yticks=range(len(row)))
        bars.invert_yaxis()
    return figure
