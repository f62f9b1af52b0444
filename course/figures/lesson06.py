"""The pictures of lesson 6."""

from functools import partial

import numpy as np

from course import costs, figures as style
from course.lesson06 import EPSILON, TINY, C


def figures(measured):
    """{name: a function that draws it}."""
    return {
        "curves": curves,
        "saturated": partial(saturated, **measured["saturated"]),
        "fitted": partial(fitted, iris=measured["iris"], labels=measured["labels"]),
    }


def curves():
    """A confident error, p near 0, costs at most 1 under MSE, more and more under cross entropy."""
    figure, (left, right) = style.panels("Target 1: what p costs", "The clip, far to the left")
    p = np.linspace(1e-3, 1, 400)
    left.plot(p, -np.log(p), color=style.BLUE, label="cross entropy, −ln p")
    left.plot(p, (1 - p) ** 2, color=style.ORANGE, label="MSE, (1 − p)²")
    left.set(xlabel="p", ylabel="cost")
    left.legend()
    p = np.geomspace(min(TINY, EPSILON / 10), 1, 400)
    right.semilogx(p, -np.log(p), color=style.BLUE, label="cross entropy")
    clipped = -np.log(np.maximum(p, EPSILON))
    right.semilogx(p, clipped, "--", color=style.RED, label=f"clipped at ε = {EPSILON:g}")
    right.semilogx(p, (1 - p) ** 2, color=style.ORANGE, label="MSE")
    right.set(xlabel="p", ylabel="cost")
    right.legend()
    return figure


def saturated(by_hand, in_keras):
    """Sure of the wrong answer: cross entropy turns it round much sooner than MSE does."""
    figure, (left, right) = style.panels("Cost, from a badly wrong start", "p, target 1")
    cost = {"MSE": lambda p: (1 - p) ** 2, "cross entropy": lambda p: -np.log(p)}
    for name, color in (("MSE", style.ORANGE), ("cross entropy", style.BLUE)):
        p = costs.sigmoid(by_hand[name].sum(axis=(1, 2)))
        J = cost[name](p[: len(in_keras[name])])
        left.plot(J / J[0], color=color, label=name)
        right.semilogx(1 + np.arange(len(p)), p, color=color, label=name)
    left.set(xlabel="step", ylabel="cost ÷ first cost")
    left.legend()
    right.axhline(0.5, color=style.GREY, lw=0.8)
    right.set(xlabel="step + 1", ylabel="p")
    return figure


def fitted(**fits):
    """Keras's weights lie on the line, scikit-learn's (left), once J is down to its (right).

    Args:
        fits: what `lesson06.fit` measured, by the name of the data.
    """
    figure, (left, right) = style.panels("W, b in Keras and in scikit-learn", "On the way there")
    far = False
    for (name, fit), marker, color in zip(fits.items(), "os", (style.BLUE, style.ORANGE)):
        X, y, path, ends = fit["X"], fit["y"], fit["by_hand"], fit["in_keras"][-1]
        exact = by_scikit_learn(X, y)
        if ends.size == exact.size and np.abs(ends).max() < 1e3 * np.abs(exact).max():
            left.plot(exact.ravel(), ends, marker, mfc="none", color=color, label=name)
        every = max(1, len(path) // 100)
        above = np.array([objective(X, y, theta) for theta in path[::every]])
        above = np.maximum(above - objective(X, y, exact), 1e-16)  # of rounding only
        drawn = above < 1e6 * above[0]
        right.semilogy(every * np.flatnonzero(drawn), above[drawn], color=color, label=name)
        far = far or not drawn.all()
    if far:
        right.set_title("It diverges", fontsize="medium")
    if not left.lines:
        left.set_title("Keras's weights are far off, or others", fontsize="medium")
    limits = [*left.get_xlim(), *left.get_ylim()]
    ends = [min(limits), max(limits)]
    left.plot(ends, ends, color=style.GREY, lw=0.8, zorder=0)
    left.set(xlabel="scikit-learn", ylabel="Keras")
    if left.get_legend_handles_labels()[0]:
        left.legend()
    right.set(xlabel="step", ylabel="J − scikit-learn's J")
    right.legend()
    return figure


def is_exclusive(y):
    """Whether each row has exactly one class."""
    return bool(np.all(y.sum(axis=1) == 1))


def objective(X, y, theta):
    """J with the penalty that scikit-learn's C stands for."""
    exclusive = is_exclusive(y)
    J = costs.cross_entropy if exclusive else costs.binary_cross_entropy
    penalty = np.sum(theta[:-1] ** 2) / (2 * C * (len(y) if exclusive else y.size))
    return J(y, X @ theta[:-1] + theta[-1], from_logits=True) + penalty


def by_scikit_learn(X, y):
    """scikit-learn's W with b below it."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    found = []
    if is_exclusive(y) and y.shape[1] == 2:  # one column, w₁ − w₀, penalised by half
        model.set_params(C=2 * C).fit(X, y[:, 1])
        half = np.vstack([model.coef_.T, model.intercept_]) / 2
        return np.hstack([-half, half])
    for target in [y.argmax(axis=1)] if is_exclusive(y) else y.T:
        model.fit(X, target)
        found.append(np.vstack([model.coef_.T, model.intercept_]))
    return np.hstack(found)


def flowers(X, y):
    """Iris: two of the four features, a colour for each species.

    Args:
        X: standardised, petal length and width in columns 2 and 3.
        y: one-hot.
    """
    figure, (ax,) = style.panels("Three species of iris", width=5.6)
    for k, (name, marker, colour) in enumerate(
        (("setosa", "o", style.BLUE), ("versicolor", "s", style.ORANGE),
         ("virginica", "^", style.GREEN))
    ):  # fmt: skip
        ax.plot(*X[y[:, k] == 1, 2:4].T, marker, ms=5, mfc="none", color=colour, label=name)
    ax.set(xlabel="petal length, standardised", ylabel="petal width, standardised")
    ax.legend()
    return figure


def saturation():
    """The sigmoid, and its slope p (1 − p), which vanishes on both sides."""
    figure, (ax,) = style.panels("The sigmoid and its slope", width=5.6, height=3)
    z = np.linspace(-10, 10, 201)
    p = costs.sigmoid(z)
    ax.axvspan(-10, -5, color=style.GREY, alpha=0.15, lw=0)
    ax.axvspan(5, 10, color=style.GREY, alpha=0.15, lw=0, label="saturated")
    ax.plot(z, p, color=style.BLUE, label="p = σ(z)")
    ax.plot(z, p * (1 - p), color=style.ORANGE, label="slope p (1 − p)")
    ax.set(xlabel="logit z", xlim=(-10, 10))
    ax.legend(loc="center left")
    return figure
