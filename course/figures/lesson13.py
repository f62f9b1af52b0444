"""The pictures of lesson 13."""

from functools import partial

import numpy as np

from course import figures as style
from course.checks.references import order_covariance, order_step
from course.lesson13 import ROW_BATCH, ROW_RATE, SIGMA, SOURCES
from course.training.seeds import MAX_SEEDS, half_squared_change

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED)
FAR = 1e9  # weights beyond it have diverged


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "sources": partial(sources, pool=measured["pool"], **measured["sources"]),
        "predicted": partial(predicted, **measured["regression"]),
        "seeds": partial(seeds, **measured["pool"]["rates"]),
    }


def sources(costs, accuracies, pool, **_):
    """Whichever draw is new, runs differ: a dot each, with their mean and standard deviation."""
    figure, axes = style.panels("Test cost", "Test accuracy")
    n = len(costs) // len(SOURCES)
    together = pool["costs"], pool["accuracies"][1]
    for ax, values, all_three in zip(axes, (costs, accuracies), together):
        columns = [*np.split(values, len(SOURCES)), all_three[:n]]
        for k, (column, colour) in enumerate(zip(columns, COLOURS)):
            sideways = np.linspace(-0.2, 0.2, len(column))  # so that equal dots can be told apart
            ax.plot(k + sideways, column, "o", ms=4, alpha=0.7, color=colour)
            ax.errorbar(k + 0.33, column.mean(), column.std(ddof=1), fmt="_", ms=8, capsize=4,
                        color="black")  # fmt: skip
        names = (*SOURCES, "all three")
        ax.set_xticks(range(len(names)), [name.replace(" ", "\n", 1) for name in names])
    axes[0].set(ylabel="cost of a run")
    axes[1].set(ylabel="fraction right")
    return figure


def predicted(X, y, ends, replaced, **_):
    """How far w1 varies with each draw, as bars, is what the theory predicts, the red lines."""
    solve = np.linalg.pinv(X)
    noise = SIGMA**2 * np.linalg.pinv(X.T @ X)[0, 0]
    residuals, hat = y - X @ solve @ y, np.diag(X @ solve)
    order, order_one = (
        order_covariance(X, squares, ROW_RATE, ROW_BATCH)[0, 0]
        for squares in (SIGMA**2 * (1 - hat), residuals**2)
    )
    # At a rate too large for the covariance to settle nothing is predicted but of the noise alone.
    if np.abs(np.linalg.eigvals(order_step(X, ROW_RATE, ROW_BATCH))).max() >= 1:
        order = order_one = np.nan
    f = ends["all three"][:, 0]
    rows = {
        "order alone": (deviation(ends["order alone"][:, 0]), order_one),
        "noise alone": (deviation(ends["noise alone"][:, 0]), noise),
        "all three": (deviation(f), noise + order),
        "order replaced": (changed(f, replaced[0][:, 0]), order),
        "noise replaced": (changed(f, replaced[1][:, 0]), noise + order),
    }
    measured, expected = np.array(list(rows.values())).T
    expected = np.sqrt(np.maximum(expected, 0))  # a variance of nothing may be rounded below 0

    diverged = "" if np.all(np.isfinite(measured)) else "; no bar: diverged"
    figure, (ax,) = style.panels(f"Linear regression: spread of w1{diverged}", width=5.6)
    places = np.arange(len(rows))
    ax.bar(places, measured, 0.6, color=style.BLUE, alpha=0.7, label="measured")
    ax.hlines(expected, places - 0.38, places + 0.38, color=style.RED, lw=2, label="predicted")
    ax.set_xticks(places, [name.replace(" ", "\n") for name in rows])
    ax.set(ylabel="standard deviation", xlim=(-0.6, len(rows) - 0.4))
    top = np.nanmax([*measured, *expected])
    ax.set_ylim(0, 1.35 * top if top > 0 else 1)
    ax.legend(ncols=2)
    return figure


def deviation(w):
    """The standard deviation; NaN where the runs diverged."""
    return w.std(ddof=1) if np.abs(w).max() < FAR else np.nan


def changed(f, other):
    """√(½ mean((f − f′)²)), in the same way."""
    largest = max(np.abs(f).max(), np.abs(other).max())
    return np.sqrt(half_squared_change(f, other)) if largest < FAR else np.nan


def seeds(gap, deviations, needed, **_):
    """With more seeds the intervals shrink: below the gap, they tell the two rates apart."""
    from scipy import stats

    figure, (ax,) = style.panels("How many seeds tell two learning rates apart", width=5.6)
    n = np.arange(2, max(64, *(k for k in needed if k < MAX_SEEDS), 2) + 1)
    other = stats.t.ppf(0.975, 2 * n - 2) * deviations[0] / np.sqrt(n)
    same = stats.t.ppf(0.975, n - 1) * deviations[1] / np.sqrt(n)
    lines = [(other, needed[0], style.BLUE, "other seeds for each"),
             (same, needed[1], style.GREEN, "the same seeds for both")]  # fmt: skip
    ax.set_xscale("log", base=2)
    for line, count, colour, name in lines:
        if line[0] > 0:  # two equal settings never differ
            ax.plot(n, line, color=colour, label=name)
        if count <= n[-1]:
            ax.plot(count, line[count - 2], "o", color=colour)
    if gap:
        ax.axhline(abs(gap), color=style.RED, ls="--", label="gap between their costs")
    ax.set_yscale("log")
    ax.set(xlabel="seeds n  (●: enough in 80 % of trials)", ylabel="half a 95 % interval")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.legend()
    return figure
