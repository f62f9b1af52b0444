"""How the course's pictures look, and how they reach the disk."""

import functools
from pathlib import Path

import numpy as np

import course
from course.files import atomic_write

BLUE, ORANGE, GREEN, RED, GREY = "#3366aa", "#e08214", "#2a8a4a", "#c03030", "#8a8a8a"

STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.titlesize": "medium",
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "figure.dpi": 110,
}


CHINESE_FONTS = ("CJK", "WenQuanYi", "SimHei", "SimSun", "Microsoft YaHei", "PingFang", "Heiti")
# The site's own font, in a checkout: the commonest characters.
SITE_FONT = Path(course.__file__).parents[1] / "tutorials/fonts/NotoSansCJKsc-subset.otf"


def chinese_fonts():
    """Names of the fonts that have Chinese glyphs: those installed, else the site's."""
    from matplotlib import font_manager

    found = _installed(font_manager.fontManager)
    if not found and SITE_FONT.is_file():
        font_manager.fontManager.addfont(SITE_FONT)
        found = _installed(font_manager.fontManager)
    return found


def _installed(manager):
    names = {font.name for font in manager.ttflist}
    return sorted(name for name in names if any(mark in name for mark in CHINESE_FONTS))


def families():
    """Names of the fonts that the pictures use, in the order in which a letter is looked for."""
    return ["DejaVu Sans", *chinese_fonts()]


def fonts():
    """A context within which legends and ticks, too, use the pictures' fonts."""
    from matplotlib import pyplot as plt

    return plt.rc_context({"font.family": families()})


@functools.cache
def _drawn(letter, families):
    """Whether one of the fonts has the letter."""
    from matplotlib import font_manager

    fonts = (font_manager.get_font(font_manager.findfont(name)) for name in families)
    return any(font.get_char_index(ord(letter)) for font in fonts)


def drawable(name):
    """Whether the pictures' fonts have every letter of a name."""
    return all(_drawn(letter, tuple(families())) for letter in set(name) if not letter.isascii())


def label(name, instead):
    """A user's own column name as a label: no mathematics, and `instead` where no font has it."""
    return name.replace("$", r"\$") if drawable(name) else instead


def key(table):
    """What the pictures of a table call the names that no font has: {"column 1": its name}."""
    names = {f"column {j}": name for j, name in enumerate(table.columns, 1)}
    names["target"] = table.target
    return {instead: name for instead, name in names.items() if not drawable(name)}


def panels(*titles, height=3.6, width=4.4):
    """A row of titled axes, left to right.

    Args:
        titles: one per panel.
        height, width: of one panel, in inches.

    Returns:
        `(figure, axes)`, a Matplotlib figure and a list of its axes.
    """
    from matplotlib import pyplot as plt

    with plt.rc_context(STYLE), fonts():
        size = (width * len(titles), height)
        figure, axes = plt.subplots(1, len(titles), figsize=size, squeeze=False)
        # Fixed margins, in inches: Matplotlib's automatic layout draws everything twice.
        left, right, bottom, top, between = 0.7, 0.15, 0.5, 0.35, 0.85
        figure.subplots_adjust(
            left=left / size[0], right=1 - right / size[0],
            bottom=bottom / height, top=1 - top / height,
            wspace=between * len(titles) / (size[0] - left - right - between * (len(titles) - 1)),
        )  # fmt: skip
        for ax, title in zip(axes[0], titles):
            ax.set_title(title)
    return figure, list(axes[0])


def save(figure, path):
    """Write a figure as PNG; a reader never finds half a file.

    Raises:
        InputError: the disk is full, or the folder is gone.
    """
    path = Path(path)
    with atomic_write(path) as part:
        figure.savefig(part, format="png")
    return path


def cost_curve(ax, costs, every=1):
    """Costs on a log axis; costs[t] is the cost after t * every steps."""
    ax.semilogy(every * np.arange(len(costs)), costs, color=BLUE)
    ax.set(xlabel="step", ylabel="cost J")


def predicted_and_given(ax, table, w, b):
    """A table's own values of its target against those that Xw + b predicts."""
    target = label(table.target, "target")
    ax.plot(table.y, table.X @ w + b, ".", color=BLUE)
    ends = [table.y.min(), table.y.max()]
    ax.plot(ends, ends, color=GREY, label="equal")
    ax.set(xlabel=f"{target}, given", ylabel=f"{target}, predicted")
    ax.legend()


def contours(ax, w, b, heights):
    """A cost surface from above, with lines that lie closer and closer towards the minimum.

    Args:
        w, b: the axes of the grid, shapes (k,) and (l,).
        heights: the cost at each point, shape (l, k).
    """
    top = heights.max()
    levels = top * np.geomspace(1e-4, 1, 16)
    ax.contour(w, b, heights - heights.min(), levels, cmap="Blues_r", linewidths=0.8)


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
    """Axes without ticks, grid and frame, for a picture."""
    ax.grid(False)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
