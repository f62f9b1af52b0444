"""The pictures of lesson 10."""

import numpy as np

from course import figures


def path(alphas, coefs):
    """Every weight as a function of α: on a log axis, and the first ones on a plain axis.

    Args:
        alphas: shape (A,), decreasing.
        coefs: shape (p, A).
    """
    from matplotlib import colormaps

    figure, (left, right) = figures.panels(
        f"Breast cancer: {len(coefs)} weights", "The first of them: straight lines, with kinks"
    )
    enters = np.where(coefs.any(axis=1), np.argmax(coefs != 0, axis=1), len(alphas))
    order = np.argsort(np.argsort(enters, kind="stable"))
    colors = colormaps["tab10"](order % 10)
    for w, color in zip(coefs, colors):
        left.semilogx(alphas, w, color=color, lw=1)
    left.set(xlabel="α", ylabel="weight")
    left.invert_xaxis()
    near = slice(0, np.searchsorted(-alphas, -alphas[0] / 10) + 1)
    for w, color in zip(coefs[:, near], colors):
        if w.any():
            right.plot(alphas[near], w, ".-", ms=4, color=color, lw=1)
    right.set(xlabel="α", ylabel="weight")
    right.invert_xaxis()
    return figure


def curves(diabetes, planted):
    """The cross-validated error of both data sets; beside the second's the true error.

    Args:
        diabetes: `(alphas, mse, cautious)`, shapes (A,), (A, folds) and the index of the
            α by the one standard error rule.
        planted: the same, and the true error at each α, shape (A,).
    """
    figure, (left, right) = figures.panels("Diabetes", "A planted truth")
    _curve(left, *diabetes)
    *known, truth = planted
    _curve(right, *known)
    right.plot(known[0], truth, color=figures.GREEN, label="true error")
    for ax in (left, right):
        ax.legend()
    return figure


def table(alphas, mse, cautious):
    """The cross-validated error of your own table."""
    figure, (ax,) = figures.panels("Your table", width=5.6)
    _curve(ax, alphas, mse, cautious)
    ax.set_ylabel("error on rows left out ÷ variance")
    ax.legend()
    return figure


def _curve(ax, alphas, mse, cautious):
    """Mean over the folds, ± its standard error, and the two α that it suggests."""
    mean, error = mse.mean(axis=1), mse.std(axis=1, ddof=1) / np.sqrt(mse.shape[1])
    best = np.argmin(mean)
    ax.fill_between(alphas, mean - error, mean + error, color=figures.BLUE, alpha=0.2, lw=0)
    ax.semilogx(alphas, mean, color=figures.BLUE, label="mean of the folds ± std. error")
    ax.plot(alphas[best], mean[best], "o", color=figures.RED, label="least: α chosen")
    ax.plot(
        alphas[cautious], mean[cautious], "s", color=figures.ORANGE, label="one std. error rule"
    )
    ax.axhline(mean[best] + error[best], color=figures.GREY, lw=0.8)
    ax.set(xlabel="α", ylabel="error on rows left out")
    ax.invert_xaxis()


def noise(errors, foretold, picked, columns):
    """Cross-validated errors on pure noise, columns picked before or within the folds.

    Args:
        errors: divided by the variance of y, shape (2, repeats).
        foretold: the mean of the first ones.
        picked, columns: how many are picked of how many.
    """
    figure, (ax,) = figures.panels(f"Pure noise, {picked} of {columns} columns picked", width=5.6)
    bins = np.linspace(0, errors.max(), 31)
    ax.hist(errors[0], bins, color=figures.RED, alpha=0.6, label="before: the error leaks")
    ax.hist(errors[1], bins, color=figures.BLUE, alpha=0.6, label="within the folds: honest")
    ax.axvline(foretold, color=figures.RED, ls="--", label="foretold mean, picked before")
    ax.axvline(1, color=figures.GREY, label="predicting the mean of y")
    ax.set(xlabel="cross-validated error ÷ variance of y", ylabel="number of data sets")
    ax.legend()
    return figure
