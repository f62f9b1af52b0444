# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# This is the source of a page of the course's site. To read it, type
# python -m course read penalties, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # From Keras to scikit-learn: penalties
#
# Ridge, the lasso and the elastic net exist in both libraries, and the same
# number means something else in each. This page gives the exchange rates,
# derives them, and then fits every model in both libraries to see that the
# weights are the same.
#
# ## The exchange rates
#
# For $n$ rows, $k$ targets, a scikit-learn penalty $a$ and a Keras model with
# `loss="mse"` whose penalty is its `kernel_regularizer`:
#
# - `Ridge(a)` is `L2(a / (n * k))`;
# - `Lasso(a)` is `L1(2 * a / k)`;
# - `ElasticNet(a, l1_ratio=r)` is `L1L2(l1=2 * a * r / k, l2=a * (1 - r) / k)`.
#
# With one target, $k = 1$, the lasso's number is doubled and ridge's divided by
# the number of rows. Neither library penalises the intercept $b$.
#
# ## Where they come from
#
# Let $E$ be the sum of the squared errors over all rows and targets,
# $\lVert W \rVert_1$ the sum of the weights' absolute values and
# $\lVert W \rVert_2^2$ the sum of their squares. scikit-learn minimises
#
# $$
# \begin{aligned}
# \text{Ridge} &: \quad E + a \lVert W \rVert_2^2 \\
# \text{Lasso} &: \quad \tfrac{1}{2n} E + a \lVert W \rVert_1 \\
# \text{ElasticNet} &: \quad
#   \tfrac{1}{2n} E + a r \lVert W \rVert_1
#   + \tfrac{1}{2} a (1 - r) \lVert W \rVert_2^2
# \end{aligned}
# $$
#
# and Keras, with the penalties $\ell_1$ and $\ell_2$,
#
# $$
# \tfrac{1}{nk} E + \ell_1 \lVert W \rVert_1 + \ell_2 \lVert W \rVert_2^2 .
# $$
#
# A cost times a positive number has its minimum at the same place. So divide
# the first row by $nk$, multiply the other two by $2/k$, and read the penalties
# off. Lesson 8 keeps them as three small functions, `PENALTIES`.

# %%
import numpy as np
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from course import descent, figures, lesson08 as lesson, notebook
from course.checks import lesson08 as proof
from course.cli.options import make
from course.cli.outcome import Outcome
from course.lesson03 import half_squared_error
from course.optimizers import ProximalSGD
from course.prox import ElasticNet as ElasticNetProx

import keras
from keras.losses import MeanSquaredError
from keras.optimizers import SGD
from keras.optimizers.schedules import CosineDecay

columns, y, names = lesson.load_data()
X, names = np.delete(columns, [2, 3], axis=1), np.delete(names, [2, 3])
Y = np.column_stack([y, columns[:, [2, 3]]])  # three targets
n, p = X.shape
a, r = lesson.ALPHA, lesson.L1_RATIO
STEPS = 4000

# %% tags=["remove-cell"]
notebook.numbers(
    n=n, features=p, a=a, r=r, steps=STEPS, keras_version=keras.__version__
)

# %% [markdown]
# The data are scikit-learn's diabetes data: {number}`n` patients,
# {number}`features` features of mean 0 and standard deviation 1. The first
# target is the progress of the disease; body mass and blood pressure are taken
# out of the features and serve as two more targets later. The penalty of the
# lasso and the elastic net is $a$ = {number}`a`, and the fraction of the L1
# part in the elastic net is $r$ = {number}`r`.
#
# ## Each model in both libraries
#
# The function below fits an estimator of scikit-learn and the same model in
# Keras. Keras takes {number}`steps:,d` steps of gradient descent, with a
# learning rate that falls to zero along a cosine; the section on zeros shows
# why it has to fall.


# %%
def in_keras(penalty, targets, rate):
    k = targets.shape[1]
    model = lesson.build_model(p, SGD(rate), penalty, k, MeanSquaredError())
    descent.train(model, X, targets, STEPS)
    return model.get_weights()  # W: shape (p, k); b: shape (k,)


def fit_both(estimator, targets):
    k = targets.shape[1]
    fitted = estimator.fit(X, targets)
    penalty = lesson.PENALTIES[type(estimator).__name__]
    with notebook.precision("float64"):
        found = in_keras(
            penalty(estimator.alpha, r, n, k),
            targets,
            CosineDecay(0.2 * k, STEPS),
        )
    return (fitted.coef_.reshape(k, p).T, fitted.intercept_), found


def difference(pair):
    """The largest difference between the two libraries, of W and of b."""
    return max(np.abs(np.ravel(s) - np.ravel(t)).max() for s, t in zip(*pair))


exact = {"tol": 1e-14, "max_iter": 100_000}
ridge_pair = fit_both(Ridge(n * a, solver="svd"), Y[:, :1])
lasso_pair = fit_both(Lasso(a, **exact), Y[:, :1])
mixed_pair = fit_both(ElasticNet(a, l1_ratio=r, **exact), Y[:, :1])

# %% tags=["remove-cell"]
notebook.numbers(
    ridge_a=n * a,
    largest_weight=np.abs(ridge_pair[0][0]).max(),
    ridge_difference=difference(ridge_pair),
    lasso_difference=difference(lasso_pair),
    mixed_difference=difference(mixed_pair),
)
# Ridge's cost is smooth: what remains are roundings, on PyTorch of float32.
assert difference(ridge_pair) < 1e-5
# The kinks at 0 remain: descent hops across them, ever less as the rate falls.
assert max(difference(lasso_pair), difference(mixed_pair)) < 2e-3

# %% [markdown]
# Ridge adds the errors up where the others average them, so it was given the
# penalty $na$ = {number}`ridge_a:.2f`. Its weights, the largest of which is
# {number}`largest_weight:.2f`, agree to {number}`ridge_difference:.0e`. The lasso's
# agree to {number}`lasso_difference:.0e` and the elastic net's to
# {number}`mixed_difference:.0e`: close, but not as close. That is not the exchange
# rate's fault, as we shall see.
#
# ### Three targets
#
# Keras's `"mse"` is a mean over the targets as well, and scikit-learn's costs
# are sums over them. So $k$ enters all three exchange rates. With $k = 3$:

# %%
three = {
    "ridge": fit_both(Ridge(n * a, solver="svd"), Y),
    "lasso": fit_both(Lasso(a, **exact), Y),
    "mixed": fit_both(ElasticNet(a, l1_ratio=r, **exact), Y),
}

# %% tags=["remove-cell"]
notebook.numbers(
    **{f"{name}_3": difference(pair) for name, pair in three.items()}
)
assert difference(three["ridge"]) < 1e-5
assert max(difference(three["lasso"]), difference(three["mixed"])) < 2e-3

# %% [markdown]
# The differences are {number}`ridge_3:.0e`, {number}`lasso_3:.0e` and
# {number}`mixed_3:.0e`, so the exchange rates hold for several targets as well.
#
# ## Zeros
#
# The lasso is loved for weights that are exactly zero. Count them, in
# scikit-learn's solution and in Keras's. Then train once more with a learning
# rate $\eta$ that stays the same.

# %%
with notebook.precision("float64"):
    rate = 0.2
    penalty = lesson.PENALTIES["Lasso"](a, r, n, 1)
    restless, _ = in_keras(penalty, Y[:, :1], rate)
sklearn_w, keras_w = lasso_pair[0][0], lasso_pair[1][0]

# %% tags=["remove-cell"]
notebook.numbers(
    zeros_sklearn=np.sum(sklearn_w == 0),
    zeros_keras=np.sum(keras_w == 0),
    restless_difference=np.abs(restless - sklearn_w).max(),
    hop=rate * 2 * a,
)
assert np.sum(keras_w == 0) < np.sum(sklearn_w == 0)
assert np.abs(restless - sklearn_w).max() > rate * a

# %% [markdown]
# scikit-learn has {number}`zeros_sklearn` zeros and Keras {number}`zeros_keras`.
# The slope of $\ell_1 |w|$ is $+\ell_1$ or $-\ell_1$, never small. Where the
# solution is 0, each step of the penalty has the length $\eta \ell_1$, here
# {number}`hop:.3f`, and hops across; with the constant learning rate the weights
# are still wrong by up to {number}`restless_difference:.3f` at the end. A falling
# learning rate makes the hops small, but gives no zero.
#
# Real zeros take another kind of step, the proximal one of lesson 9:
# `ProximalSGD` takes the gradient step without the penalty and then pulls every
# weight towards zero, at most to zero itself. Here the loss is half the mean
# squared error, as in scikit-learn's lasso, so that $a$ needs no exchange rate.

# %%
with notebook.precision("float64"):
    proximal = lesson.build_model(
        p,
        ProximalSGD(0.25, prox=ElasticNetProx(alpha=a), accelerated=True),
        loss=half_squared_error,
    )
    descent.train(proximal, X, Y[:, :1], 1000)
proximal_w = proximal.get_weights()[0]

# %% tags=["remove-cell"]
notebook.numbers(
    zeros_proximal=np.sum(proximal_w == 0),
    proximal_difference=np.abs(proximal_w - sklearn_w).max(),
)
assert np.array_equal(proximal_w == 0, sklearn_w == 0)
assert np.abs(proximal_w - sklearn_w).max() < 1e-5

# %% [markdown]
# Now there are {number}`zeros_proximal` zeros in the same places, and the other
# weights agree to {number}`proximal_difference:.0e`.
#
# ## Checked
#
# Two fits that stop close together could both be a little wrong. Lesson 8 has a
# sharper test: it puts scikit-learn's solution into the Keras model and asks
# for the gradient of Keras's own cost there. At a minimum it is zero; at a kink
# the cost rises on both sides. This needs no training at all.

# %%
with notebook.precision("float64"):
    measured = {"penalties": lesson.convert_penalties(columns, y)}
    outcome = Outcome(8, measured, {}, proof.checks(measured, make(8)))
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# Copying the number. What happens when the lasso's $a$ goes into `L1` as it
# stands?

# %%
with notebook.precision("float64"):
    copied, _ = in_keras(
        keras.regularizers.L1(a), Y[:, :1], CosineDecay(rate, STEPS)
    )
half = Lasso(a / 2, **exact).fit(X, y).coef_
outside = np.abs(copied - sklearn_w) > 0.01

# %% tags=["remove-cell"]
notebook.numbers(
    outside=outside.sum(),
    copied_difference=np.abs(copied - sklearn_w).max(),
    half_difference=np.abs(copied[:, 0] - half).max(),
)
assert np.abs(copied - sklearn_w).max() > 20 * difference(lasso_pair)
assert np.abs(copied[:, 0] - half).max() < 2e-3
assert np.all(np.abs(copied) > np.abs(sklearn_w), where=outside)


# %% tags=["hide-input"]
def draw():
    figure, (ax,) = figures.panels("The lasso in both libraries", width=6)
    at = np.arange(p)
    ax.axhline(0, color=figures.GREY, lw=0.8)
    ax.plot(at, sklearn_w, "o", ms=11, mfc="none", color=figures.GREEN,
            label="scikit-learn")  # fmt: skip
    ax.plot(
        at, keras_w, ".", ms=8, color=figures.BLUE, label="Keras, converted"
    )
    ax.plot(at, copied, "x", ms=7, color=figures.RED, label="Keras, copied")
    ax.set(xticks=at, xticklabels=names, xlabel="feature", ylabel="weight w")
    ax.legend()
    return figure


notebook.figure(
    draw,
    alt="For each of eight features a circle, a dot and a cross show the"
    " weight. The dots lie inside the circles; some crosses lie further from"
    " zero.",
)

# %% [markdown]
# Each column of marks is one feature. The blue dots, Keras with the converted
# penalty, lie in scikit-learn's green circles. Of the red crosses, Keras with the
# copied number, {number}`outside` lie outside, all of them further from zero; the
# largest difference is {number}`copied_difference:.2f`. They solve another problem,
# the lasso with half the penalty, to which they are {number}`half_difference:.0e`
# close.
#
# The optimizer's `weight_decay` is no penalty at all, and no exchange rate
# turns it into one for every optimizer: lesson 8 shows where it ends.
#
# ## What to try next
#
# - Take `Ridge(1.0)`, scikit-learn's default. Which `L2` is it for these data,
#   and which for twice as many rows?
# - Leave out `tol=1e-14`. How far is scikit-learn's lasso from its own exact
#   solution?
# - Write the three exchange rates for half the mean squared error as the loss.
#
# ## Sources
#
# - T. Hastie, R. Tibshirani, J. Friedman, *The Elements of Statistical
#   Learning*, 2nd ed., Springer, 2009, section 3.4.
# - I. Loshchilov, F. Hutter, *Decoupled Weight Decay Regularization*, 2019,
#   arXiv:1711.05101.
