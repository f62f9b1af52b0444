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
# %% [markdown]
# # Lesson 10: Choosing α
#
# ## The question
#
# The lasso of lesson 9 puts a price $\alpha$ on the size of the weights. How
# high should it be? The error on the points that the weights were fitted to
# always asks for less. What counts is the error on points that were not used,
# but all points are needed for the fit. How can the same points do both?
#
# This page calls the functions of `course/lesson10.py`; open that file beside
# it. Every number in the text was computed by the cells on this page. Each cell
# shows its numbers in a small table.

# %%
import numpy as np
from sklearn import datasets
from sklearn.linear_model import LassoCV

from course import data, lesson10 as lesson, notebook
from course.figures import lesson10 as figures

X, y = lesson.load_data()
n, p = X.shape
alphas = lesson.alpha_grid(X, y)

notebook.numbers(
    n=n,
    p=p,
    variance=y.var(),
    count=len(alphas),
    largest_alpha=alphas[0],
    smallest_alpha=alphas[-1],
)

# %% [markdown]
# The data are {number}`n` patients with diabetes, $p$ = {number}`p` features of
# each, and the progress of the disease after a year, $y$. Whoever always
# predicts the mean of $y$ has a mean squared error of {number}`variance:.0f`,
# its variance: that is to be beaten.
#
# ## Predict before you run
#
# With the model $\hat y = Xw + b$, the lasso finds the minimum of
#
# $$
# J(w, b) = \frac1{2n} \sum_{i=1}^{n} (\hat y_i - y_i)^2
# + \alpha \sum_{j=1}^{p} |w_j| .
# $$
#
# It is solved for {number}`count` prices, evenly spaced on a logarithmic scale.
# At the largest, {number}`largest_alpha:.2f`, all weights are just zero; the
# smallest is a thousandth of it. Write down your answers first:
#
# 1. As $\alpha$ falls, does each weight move along a smooth curve?
# 2. Which of the {number}`count` has the least error on the points that it was
#    fitted to?
# 3. Take columns of pure noise, of which the few most like $y$ are picked. Then
#    test them on points left out. Can the error be below the variance of $y$?

# %% [markdown]
# ## By hand
#
# ### The path
#
# All solutions together are called the *path*: each weight as a function of
# $\alpha$. Suppose we knew which weights are not zero, the set $S$, and their
# signs $s$. The minimum then solves linear equations:
#
# $$
# w_S = G_{SS}^{-1} (c_S - \alpha s_S), \qquad
# G = \frac1n X^\top X, \qquad c = \frac1n X^\top y ,
# $$
#
# where $X$ and $y$ have their means subtracted, and the index $S$ means: these
# rows and columns only. So $w_S$ is a straight line in $\alpha$, until a weight
# leaves zero or comes back to it. The function `lasso` first finds the signs,
# one weight after the other, and then solves these equations; `lasso_path`
# starts each price from the solution of the one before. For the picture we take
# a table with more columns: cells from lumps in the breast, measured under a
# microscope. The diagnosis, 0 or 1, is to be predicted.

# %%
Z, diagnosis = datasets.load_breast_cancer(return_X_y=True)
Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
prices = lesson.alpha_grid(Z, diagnosis)
weights, _ = lesson.lasso_path(Z, diagnosis, prices)

notebook.numbers(
    columns=Z.shape[1],
    not_zero_largest=np.count_nonzero(weights[:, 0]),
    not_zero_smallest=np.count_nonzero(weights[:, -1]),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.path(alphas=prices, by_hand=weights),
    alt="Left: all weights start at zero at the largest price and fan out as"
    " it falls. Right: on a plain axis the first weights follow straight lines"
    " with kinks; one of them returns to zero.",
)

# %% [markdown]
# The price falls from left to right. On the left are all {number}`columns`
# weights; {number}`not_zero_smallest` of them are not zero at the smallest
# price. On the right are the first ones on a plain axis. The dots are the
# prices that were solved for, and between the kinks they lie on straight lines.
# Kinks come where a weight leaves zero or returns to it: after the third one
# (green) has entered, the second (orange) goes all the way back.
#
# ### Five folds
#
# *Cross-validation* lets the points do both. The rows are cut into five parts,
# the *folds*. One is left out, the path is fitted to the other four and tested
# on the one left out. This is done five times, so that every row is left out
# once, and the price with the least mean error is chosen.
#
# The mean of five numbers is not exact. Its *standard error*, the standard
# deviation of the five divided by $\sqrt5$, says how large its error may well be.
# The *one standard error rule* takes the highest price whose mean error is
# within one standard error of the least: as good, for all we know, and simpler.

# %%
mse = lesson.cross_validate(X, y, alphas, lesson.lasso_path)
best = np.argmin(mse.mean(axis=1))
cautious = lesson.one_standard_error(mse)

coefs, b = lesson.lasso_path(X, y, alphas)
fitted_error = np.mean((X @ coefs + b - y[:, None]) ** 2, axis=0)
kept = np.count_nonzero(coefs, axis=0)

notebook.numbers(
    best_when_fitted=alphas[np.argmin(fitted_error)],
    chosen=alphas[best],
    error_chosen=mse.mean(axis=1)[best],
    kept_chosen=kept[best],
    cautious=alphas[cautious],
    error_cautious=mse.mean(axis=1)[cautious],
    kept_cautious=kept[cautious],
)

# %% [markdown]
# On the points that were fitted the smallest price wins,
# {number}`best_when_fitted:.5f`, as it must: the price only hinders the fit. On
# rows left out the best is {number}`chosen:.5f`, with the error
# {number}`error_chosen:.0f` and {number}`kept_chosen` weights that are not
# zero. The one standard error rule is more cautious: it takes
# {number}`cautious:.3f`, with the error {number}`error_cautious:.0f` and
# {number}`kept_cautious` weights.
#
# ## In Keras
#
# There is no model to train here: the path is computed, not learned. What Keras
# gives is `keras.ops`, functions on arrays that run on TensorFlow, JAX and
# PyTorch alike. In `course/linear` they solve all six paths, of the five
# folds and of all rows, in one compiled call.

# %%
with notebook.precision("float64"):
    cv = lesson.train(X, y)
    rng = np.random.default_rng(0)
    X_known, y_known = data.draw_known(rng, 30)  # 30 rows
    known = lesson.train(X_known, y_known)

notebook.numbers(
    chosen_compiled=cv.alpha,
    largest_difference=np.abs(cv.mse_path - mse).max() / mse.max(),
)

# %% [markdown]
# It chooses {number}`chosen_compiled:.5f` as well. Relative to the largest, the
# errors of all folds and prices differ from those by hand by at most
# {number}`largest_difference:.0e`.
#
# Was it a good choice? For the patients nobody knows the truth. So `draw_known`
# draws data with known weights: {number}`columns_known` columns, of which
# {number}`true_weights` have a weight, and noise. Then the error on new rows,
# the *true error*, can be computed from the weights alone.

# %%
truth = data.true_error(*lesson.lasso_path(X_known, y_known, known.alphas))
at_chosen = np.argmin(known.mse_path.mean(axis=1))
at_cautious = lesson.one_standard_error(known.mse_path)

# Another 20,000 rows agree: a mean of n squares varies by √(2/n) of itself.
X_new, y_new = data.draw_known(rng, 20_000)
coefs, b = lesson.lasso_path(X_known, y_known, known.alphas)
new = np.mean((X_new @ coefs + b - y_new[:, None]) ** 2, axis=0)
assert np.abs(new / truth - 1).max() < 5 * np.sqrt(2 / 20_000)
exact = LassoCV(cv=lesson.FOLDS, tol=1e-12, max_iter=100_000)
assert np.isclose(exact.fit(X_known, y_known).alpha_, known.alpha, rtol=1e-12)

notebook.numbers(
    columns_known=len(data.TRUE_WEIGHTS),
    true_weights=np.count_nonzero(data.TRUE_WEIGHTS),
    rows_known=len(y_known),
    true_error_least=truth.min(),
    true_error_chosen=truth[at_chosen],
    true_error_cautious=truth[at_cautious],
    true_error_largest=truth[0],
    true_error_smallest=truth[-1],
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.curves(
        {
            "Diabetes": (alphas, mse),
            "Known weights": (known.alphas, known.mse_path),
        },
        truth,
    ),
    alt="Left: the error on rows left out falls as the price falls, then stays"
    " level. Right: it falls and rises again; so does the true error, whose"
    " minimum lies at a smaller price.",
)

# %% [markdown]
# The price falls from left to right again. The blue line is the mean error of
# the five folds, the band one standard error to each side. The grey line is one
# standard error above the least (red); the orange square is the first point
# below it. For the patients (left) the curve is nearly level at small prices,
# and the two choices are far apart.
#
# On the right the truth is known, and the green line is the true error. With
# only {number}`rows_known` rows the choice is a rough one: its true error is
# {number}`true_error_chosen:.1f`, and {number}`true_error_least:.1f` would have
# been possible. The largest price has {number}`true_error_largest:.1f`, the
# smallest {number}`true_error_smallest:.1f`. The cautious rule has
# {number}`true_error_cautious:.1f` here: caution is not free.
#
# ## Checked
#
# The lesson holds its numbers against scikit-learn's `lasso_path`, `LassoCV`
# and `RidgeCV`. The cell above held the true error against the error on new
# rows. For ridge there is a shortcut: the error on a row left out is $e_i / (1 - h_{ii})$,
# where $e_i$ is its residual in the fit to all rows and $h_{ii}$ says how much
# $\hat y_i$ follows $y_i$. It is held against rows really left out. Checks on
# random draws allow five standard errors. Where a row compares many numbers, it
# shows the pair with the largest difference.

# %%
outcome = notebook.run(10)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# There are many more columns than rows. So first pick the few columns that
# correlate most with $y$, then cross-validate the fit to these. All of it here
# is noise: $X$ and $y$ have nothing to do with each other.

# %%
errors = outcome.measured["noise"]["errors"]  # ÷ variance, before and within
rows, many = lesson.NO_TRUTH
[check] = [c for c in outcome.checks if c.id == "noise-before"]

notebook.numbers(
    rows=rows,
    many=many,
    picked=lesson.PICKED,
    error_before=errors[0, 0],
    error_within=errors[0, 1],
    repeats=len(errors),
    mean_before=errors[:, 0].mean(),
    mean_within=errors[:, 1].mean(),
    predicted=check.reference[0],
)

# %% tags=["hide-input"]
notebook.figure(
    outcome.figures["noise"],
    alt="Two histograms of the error divided by the variance. Picked before,"
    " nearly all data sets are below one; picked within the folds, nearly all"
    " are above.",
)

# %% [markdown]
# With {number}`rows` rows, {number}`picked` of {number}`many` columns and five
# folds, the error is {number}`error_before:.2f` of the variance of $y$: noise
# seems to predict noise. The rows left out were not used in the fit, but they
# were used to pick the columns. Some columns are like $y$ by chance, in all
# rows, and those were taken.
#
# If the columns are picked anew in every fold, from the rows that are fitted,
# the error is {number}`error_within:.2f`: worse than always predicting the
# mean, as it should be. The picture repeats both on {number}`repeats` data
# sets. On average it is {number}`mean_before:.2f` (red) and
# {number}`mean_within:.2f` (blue); the statistics of the largest of many
# chance correlations predict {number}`predicted:.2f` for the first. So:
# whatever looks at $y$ is part of the fit, and belongs inside the folds. In
# scikit-learn that is a pipeline of both steps, as `pick_columns` makes it.
#
# ## What to try next
#
# - Shuffle the rows of $X$ and $y$ together before the folds are cut. How much
#   do the price chosen and the cautious one change?
# - Predict: is the trap deeper with ten times as many columns? Then change
#   `NO_TRUTH` and measure.
# - Ridge needs one fit only to leave out each row in turn. Compare
#   `leave_one_out` with `cross_validate(X, y, alphas, ridge_path, len(y))`.
# - Draw other data with known weights, by another seed. On which side of the
#   least true error is the price chosen now?
# - Run the lesson on a table of your own: `python -m course.lesson10 --data
#   FILE.csv --target COLUMN`.
#
# ## Sources
#
# - T. Hastie, R. Tibshirani, J. Friedman, *The Elements of Statistical
#   Learning*, 2nd ed., Springer, 2009, sections 3.4 and 7.10.
# - B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, *Least Angle Regression*,
#   Annals of Statistics 32, 2004, pages 407–499.
# - C. Ambroise, G. J. McLachlan, *Selection bias in gene extraction on the
#   basis of microarray gene-expression data*, PNAS 99, 2002, pages 6562–6566.
