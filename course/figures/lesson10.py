"""The pictures of lesson 10."""

from functools import partial

import numpy as np

from course import figures as style
from course.lesson10 import NO_TRUTH, PICKED, one_standard_error


def figures(measured):
    """{name: a function that draws it}."""
    if "table" in measured:
        cv = measured["table"]["cv"]
        return {"table": partial(table, cv.alphas, cv.mse_path)}
    folds = measured["folds"]
    title = f"The lasso, {folds['mse'].shape[1]} folds"
    return {
        "path": partial(path, **measured["path"]),
        "curves": partial(curves, {title: (folds["alphas"], folds["mse"])}),
        "noise": partial(noise, **measured["noise"]),
    }


def path(alphas, by_hand, **_):
    """Weights leave zero one by one as α falls; on a plain axis (right) their lines have kinks."""
    from matplotlib import colormaps

    figure, (left, right) = style.panels(
        f"Breast cancer: {len(by_hand)} weights", "The first of them: straight lines, with kinks"
    )
    enters = np.where(by_hand.any(axis=1), np.argmax(by_hand != 0, axis=1), len(alphas))
    order = np.argsort(np.argsort(enters, kind="stable"))
    colors = colormaps["tab10"](order % 10)
    for w, color in zip(by_hand, colors):
        left.plot(alphas, w, color=color, lw=1)
    near = slice(0, np.searchsorted(-alphas, -alphas[0] / 10) + 1)
    for w, color in zip(by_hand[:, near], colors):
        if w.any():
            right.plot(alphas[near], w, ".-", ms=4, color=color, lw=1)
    for ax in (left, right):
        ax.set_ylabel("weight", labelpad=1)
    _falling(left, alphas)
    right.set_xlabel("α")
    right.invert_xaxis()
    return figure


def curves(data, true_errors=None):
    """The error on rows left out against α: the least is red, the cautious choice orange.

    Args:
        data: {title: (alphas, mse)}, shapes (A,) and (A, folds).
        true_errors: at each α of the last data set, (A,); drawn green.
    """
    figure, axes = style.panels(*data, width=5.6 if len(data) == 1 else 4.4)
    for ax, (alphas, mse) in zip(axes, data.values()):
        _curve(ax, alphas, mse)
    if true_errors is not None:
        ax.plot(alphas, true_errors, color=style.GREEN, label="true error")
    for ax in axes:
        ax.legend(fontsize="small")
    return figure


def table(alphas, mse):
    """The error on rows left out of your table: the least is red, the cautious choice orange."""
    figure, (ax,) = style.panels("Your table", width=5.6)
    _curve(ax, alphas, mse)
    ax.set_ylabel("error on rows left out ÷ variance")
    ax.legend()
    return figure


def _curve(ax, alphas, mse):
    """Mean over the folds, ± its standard error, and the two α that it suggests."""
    mean, error = mse.mean(axis=1), mse.std(axis=1, ddof=1) / np.sqrt(mse.shape[1])
    best, cautious = np.argmin(mean), one_standard_error(mse)
    ax.fill_between(alphas, mean - error, mean + error, color=style.BLUE, alpha=0.2, lw=0)
    ax.plot(alphas, mean, color=style.BLUE, label="mean of the folds ± std. error")
    ax.plot(alphas[best], mean[best], "o", color=style.RED, label="least: α chosen")
    ax.plot(alphas[cautious], mean[cautious], "s", color=style.ORANGE, label="one std. error rule")
    ax.axhline(mean[best] + error[best], color=style.GREY, lw=0.8)
    ax.set_ylabel("error on rows left out")
    _falling(ax, alphas)


def _falling(ax, alphas):
    """α falls from left to right, on a log axis where it falls to a tenth or less."""
    ax.set(xlabel="α", xscale="log" if alphas[-1] <= alphas[0] / 10 else "linear")
    ax.invert_xaxis()


def noise(errors, **_):
    """Errors on pure noise: left of the grey line, noise seems to predict y."""
    picked, columns = min(PICKED, NO_TRUTH[1]), NO_TRUTH[1]
    figure, (ax,) = style.panels(f"Pure noise, {picked} of {columns} columns picked", width=5.6)
    top = min(errors.max(), 5 * np.median(errors))  # few rows, many columns: a few are enormous
    bins = np.linspace(0, top, 31)
    before, within = np.minimum(errors, top).T
    ax.hist(before, bins, color=style.RED, alpha=0.6, label="before: the error leaks")
    ax.hist(within, bins, color=style.BLUE, alpha=0.6, label="within the folds: honest")
    ax.axvline(min(errors[:, 0].mean(), top), color=style.RED, ls="--", label="mean, picked before")
    ax.axvline(1, color=style.GREY, label="predicting the mean of y")
    ax.set(xlabel="cross-validated error ÷ variance of y", ylabel="number of data sets")
    ax.legend(loc="upper center", ncols=2, fontsize="small")
    ax.set_ylim(top=1.25 * ax.get_ylim()[1])  # room for the legend
    return figure
