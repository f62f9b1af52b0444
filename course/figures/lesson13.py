"""The pictures of lesson 13."""

from functools import partial

import numpy as np

from course import figures as style
from course.checks.references import order_covariance
from course.lesson13 import ROW_BATCH, ROW_RATE, SIGMA, SOURCES
from course.training.seeds import half_squared_change

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED)


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "sources": partial(sources, pool=measured["pool"], **measured["sources"]),
        "predicted": partial(predicted, **measured["regression"]),
        "seeds": partial(seeds, **measured["pool"]["rates"]),
    }


def sources(costs, accuracies, pool, **_):
    """One dot per run, a column per source; the bar is the mean and one deviation each way."""
    figure, axes = style.panels("Test cost", "Test accuracy")
    n = len(costs) // len(SOURCES)
    together = pool["costs"], pool["accuracies"][1]
    for ax, values, all_three in zip(axes, (costs, accuracies), together):
        columns = [*np.split(values, len(SOURCES)), all_three[:n]]
        for k, (column, colour) in enumerate(zip(columns, COLOURS)):
            sideways = np.linspace(-0.2, 0.2, n)  # so that equal dots can be told apart
            ax.plot(k + sideways, column, "o", ms=4, alpha=0.7, color=colour)
            ax.errorbar(k + 0.33, column.mean(), column.std(ddof=1), fmt="_", ms=8, capsize=4,
                        color="black")  # fmt: skip
        names = (*SOURCES, "all three")
        ax.set_xticks(range(len(names)), [name.replace(" ", "\n", 1) for name in names])
    axes[0].set(ylabel="cost of a run")
    axes[1].set(ylabel="fraction right")
    return figure


def predicted(X, y, ends, replaced, **_):
    """Linear regression: measured spreads as bars, the predicted ones as lines across them."""
    solve = np.linalg.pinv(X)
    noise = SIGMA**2 * np.linalg.inv(X.T @ X)[0, 0]
    residuals, hat = y - X @ solve @ y, np.diag(X @ solve)
    order, order_one = (
        order_covariance(X, squares, ROW_RATE, ROW_BATCH)[0, 0]
        for squares in (SIGMA**2 * (1 - hat), residuals**2)
    )
    f = ends["all three"][:, 0]
    rows = {
        "order alone": (ends["order alone"][:, 0].var(ddof=1), order_one),
        "noise alone": (ends["noise alone"][:, 0].var(ddof=1), noise),
        "all three": (f.var(ddof=1), noise + order),
        "order replaced": (half_squared_change(f, replaced[0][:, 0]), order),
        "noise replaced": (half_squared_change(f, replaced[1][:, 0]), noise + order),
    }
    measured, expected = np.sqrt(list(rows.values())).T

    figure, (ax,) = style.panels("Linear regression: spread of w1", width=5.6)
    places = np.arange(len(rows))
    ax.bar(places, measured, 0.6, color=style.BLUE, alpha=0.7, label="measured")
    ax.hlines(expected, places - 0.38, places + 0.38, color=style.RED, lw=2, label="predicted")
    ax.set_xticks(places, [name.replace(" ", "\n") for name in rows])
    ax.set(ylabel="standard deviation")
    ax.set_ylim(0, 1.35 * max(measured.max(), expected.max()))
    ax.legend(ncols=2)
    return figure


def seeds(gap, deviations, needed, **_):
    """Half an interval's width for n seeds beside the gap between two learning rates."""
    from scipy import stats

    figure, (ax,) = style.panels("How many seeds tell two learning rates apart", width=5.6)
    n = np.arange(2, 65)
    other = stats.t.ppf(0.975, 2 * n - 2) * deviations[0] / np.sqrt(n)
    same = stats.t.ppf(0.975, n - 1) * deviations[1] / np.sqrt(n)
    ax.loglog(n, other, color=style.BLUE, label="other seeds for each")
    ax.loglog(n, same, color=style.GREEN, label="the same seeds for both")
    ax.axhline(abs(gap), color=style.RED, ls="--", label="gap between their costs")
    for count, line, colour in zip(needed, (other, same), (style.BLUE, style.GREEN)):
        if count <= n[-1]:
            ax.plot(count, line[count - 2], "o", color=colour)
    ax.set(xlabel="seeds n  (●: enough in 80 % of trials)", ylabel="half a 95 % interval")
    ax.set_xticks([2, 4, 8, 16, 32, 64], ["2", "4", "8", "16", "32", "64"])
    ax.minorticks_off()
    ax.legend()
    return figure
