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
# python -m course read 10, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 10: Choosing α
#
# ## The question
#
# Training finds the weights. It does not find $\alpha$, the strength of the
# penalty: the error on the training set always asks for less of it. A number
# that has to be chosen before training is a **hyperparameter**. You know
# others: the learning rate, the degree of a polynomial, the size of a batch.
#
# [Lesson 8](lesson08) chose with a validation set. Let us do so for the lasso
# of [lesson 9](lesson09) and the 442 patients with diabetes: 100 values of
# $\alpha$, a fifth of the patients as validation set. ($y$ is in its own units
# here and the squares in each column sum to 1, so these $\alpha$ are other
# numbers than in lesson 9.) There are five ways to take a fifth. Each line is
# one of them, with a dot at its smallest error.

# %% tags=["hide-input"]
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import LassoCV, LinearRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from course import data, lesson10 as lesson, linear, notebook
from course.figures import diagrams, lesson10 as figures
from course.lesson08 import ridge
from course.lesson09 import moments
from course.lesson10 import lasso_path

X, y = lesson.load_data()
alphas = lesson.alpha_grid(X, y)
mse = lesson.cross_validate(X, y, alphas, lasso_path)

notebook.figure(
    lambda: diagrams.fold_curves(alphas, mse),
    alt="Five curves of the validation error fall as α falls, then stay nearly"
    " level. Their lowest points are far apart.",
)

# %% tags=["remove-cell"]
own = alphas[mse.argmin(axis=0)]
best = np.argmin(mse.mean(axis=1))
notebook.numbers(
    own_largest=own.max(),
    own_smallest=own.min(),
    ratio=own.max() / own.min(),
    mean_best=mse[best].mean(),
    variance=y.var(),
)

# %% [markdown]
# The answers run from {number}`own_smallest:.3f` to {number}`own_largest:.2f`,
# a ratio of {number}`ratio:.0f`. Which patients happen to be in the validation
# set decides the answer. A larger one would be more reliable, but then fewer
# patients would be left for the fit. Can all of them do both?
#
# ## The idea: take turns
#
# Yes, if they take turns. Cut the rows into five parts, the **folds**. Leave
# one out, fit the lasso to the other four, and measure the error on the one
# left out. Do it five times. Every row is in a validation set once, and in a
# training set four times. The mean of the five errors judges this $\alpha$.
# This is **cross-validation**.

# %% tags=["hide-input"]
notebook.figure(
    lambda: diagrams.folds(
        [len(fold) for fold in np.array_split(np.arange(len(y)), 5)],
        mse[best],
    ),
    alt="Five lines of five boxes. In each line another box is the validation"
    " set, the others are the training set; on the right are the five errors"
    " and their mean.",
)

# %% [markdown]
# These are the errors for one $\alpha$. Their mean is {number}`mean_best:.0f`.
# (To predict the mean of $y$ for every patient has the error
# {number}`variance:.0f`, the variance of $y$.) Do the same for every $\alpha$,
# and take the one with the smallest mean. At the end fit it once more, to *all*
# rows.
#
# ## Predict before you run
#
# 1. Which of the 100 $\alpha$ has the smallest error on the rows that it was
#    fitted to?
# 2. A much larger $\alpha$, a much simpler model: how much worse will it
#    predict, by a half, a tenth, or less?
# 3. Take 500 columns of pure noise and a $y$ of pure noise. Pick the five
#    columns that are most like $y$, then cross-validate. Can the error be below
#    the variance of $y$?
#
# ## By hand
#
# First the values to try. If $\alpha$ is at least the largest slope at $w = 0$,
# all weights are zero (lesson 9), so the values begin there. (`moments`
# subtracts the means and returns $X^\top X / n$ and $X^\top y / n$.) Below it
# they are evenly spaced on a logarithmic axis. Then the folds: `np.array_split`
# cuts the row numbers into parts, and `np.delete` leaves one part out.

# %% tags=["source"]
from course.lesson10 import ALPHAS, alpha_grid, cross_validate

# %% [markdown]
# `path` is a function that fits a model for every $\alpha$ and returns the
# weights and the intercepts. Ours is `lasso_path`: the lasso at each $\alpha$,
# started from the weights of the one before.

# %%
alphas = alpha_grid(X, y)
mse = cross_validate(X, y, alphas, lasso_path)
mean = mse.mean(axis=1)  # of the five folds, for each α
best = np.argmin(mean)

coefs, b = lasso_path(X, y, alphas)  # fitted to all rows
fitted = np.mean((X @ coefs + b - y[:, None]) ** 2, axis=0)

print("largest and smallest α:", alphas[[0, -1]].round(4).tolist())
print("best on the rows fitted:", alphas[np.argmin(fitted)].round(4))
print("best on rows left out: ", alphas[best].round(4))

# %% [markdown]
# ### How sure is it?
#
# The mean of five errors is not exact: five other folds would give another one.
# The **standard error** says how much it may well be wrong. It is the standard
# deviation of the five, divided by $\sqrt 5$. For five errors 2, 4, 4, 4, 6 the
# mean is 4. The squared distances from it, 4, 0, 0, 0, 4, add up to 8; divided
# by $5 - 1$ it is 2 (`ddof=1` in the code). The standard deviation is $\sqrt 2$
# and the standard error $\sqrt{2/5} \approx 0.63$.
#
# Two values of $\alpha$ whose means differ by less than that are equally good,
# for all we know. Then the simpler model is to be preferred. The **one standard
# error rule** takes the *largest* $\alpha$ whose mean is within one standard
# error of the best:

# %% tags=["source"]
from course.lesson10 import one_standard_error

# %%
cautious = one_standard_error(mse)
for i in (best, cautious):
    n_kept = np.sum(coefs[:, i] != 0)
    print(f"α = {alphas[i]:.4f}  error {mean[i]:.0f}  {n_kept} weights")

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.curves({"Diabetes, five folds": (alphas, mse)}),
    alt="The mean error of the folds falls as α falls, then stays level. A red"
    " dot marks its lowest point, an orange square a much larger α whose error"
    " is within one standard error.",
)

# %% tags=["remove-cell"]
kept = np.count_nonzero(coefs, axis=0)
assert np.argmin(fitted) == len(alphas) - 1
notebook.numbers(
    fitted_best=alphas[-1],
    chosen=alphas[best],
    chosen_cv=mean[best],
    chosen_kept=kept[best],
    cautious=alphas[cautious],
    cautious_cv=mean[cautious],
    cautious_kept=kept[cautious],
    times=alphas[cautious] / alphas[best],
    worse=100 * (mean[cautious] / mean[best] - 1),
)

# %% [markdown]
# The blue band is one standard error wide on each side, and the grey line is
# one standard error above the smallest mean. The curve is nearly level on the
# right. The best $\alpha$ (red) is {number}`chosen:.4f`, with
# {number}`chosen_kept` weights that are not zero. The cautious one (orange) is
# {number}`cautious:.2f`, {number}`times:.0f` times as large, and keeps
# {number}`cautious_kept`; its error is only {number}`worse:.1f` % larger.
#
# ### Going deeper: all solutions on one line
#
# You need: systems of linear equations.
#
# All solutions together are the *path*: each weight as a function of $\alpha$.
# Let $S$ be the set of the weights that are not zero, and $s$ their signs. With
# $G = X^\top X / n$ and $c = X^\top y / n$ the minimum solves $w_S =
# G_{SS}^{-1} (c_S - \alpha s_S)$. So each weight is a straight line in
# $\alpha$, until one leaves zero or comes back to it: there the lines have a
# kink. The picture has 30 measurements of cells from lumps in the breast.

# %% tags=["hide-input"]
Z, diagnosis = load_breast_cancer(return_X_y=True)
Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
grid = alpha_grid(Z, diagnosis)

notebook.figure(
    lambda: figures.path(
        alphas=grid, by_hand=lasso_path(Z, diagnosis, grid)[0]
    ),
    alt="Left: all weights start at zero at the largest α and fan out as it"
    " falls. Right: on a plain axis the first weights follow straight lines"
    " with kinks; one of them returns to zero.",
)

# %% [markdown]
# ### Going deeper: leave one row out, with one fit
#
# You need: matrices, and ridge of lesson 8.
#
# The most folds possible are $n$, one row each. For ridge that takes one fit
# only. Its predictions are $\hat y = H y$ with a matrix $H$ that does not
# depend on $y$. The number $h_{ii}$ on its diagonal says how much $\hat y_i$
# follows $y_i$. A row that was fitted has the error $e_i = y_i - \hat y_i$;
# left out, it has $e_i / (1 - h_{ii})$.

# %% tags=["source"]
from course.lesson10 import leave_one_out

# %%
errors = leave_one_out(X, y, alpha=0.1)
w_b = ridge(X[1:], y[1:], 0.1)  # really without the first row
print(errors[0], y[0] - X[0] @ w_b[:-1] - w_b[-1])

# %% [markdown]
# ## In Keras
#
# There is no model to train here: the path is computed. The course's
# `linear.lasso_cv` follows the paths of all folds and of all rows at the same
# time, from kink to kink:

# %% tags=["source"]
from course.lesson10 import train

# %%
cv = train(X, y)
print(f"all at once:  {cv.alpha:.5f}")
print(f"scikit-learn: {LassoCV(cv=5).fit(X, y).alpha_:.5f}")

# %% tags=["remove-cell"]
assert np.isclose(cv.alpha, alphas[best])
notebook.numbers(compiled=cv.alpha)

# %% [markdown]
# Both choose {number}`compiled:.5f` as well; in daily work take `LassoCV`, and
# for ridge `RidgeCV`. A whole path can also be *used* as one Keras model: a
# `Dense` layer with one unit for each $\alpha$, whose weights are not trained
# but set, by `model.set_weights([coefs, b])`.
#
# ## Checked
#
# The lesson compares its numbers with scikit-learn's `lasso_path`, `LassoCV`
# and `RidgeCV`, the formula of leaving one out with rows really left out, and
# the trap below with what the statistics of chance predict.

# %% tags=["hide-input"]
outcome = notebook.run(10)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ### Was it a good choice?
#
# For the patients nobody knows. So we draw {number}`rows_known` rows with known
# weights. For them we can compute the *true error*, the one on new rows.

# %% tags=["hide-input"]
X_known, y_known = data.draw_known(np.random.default_rng(0), 30)
known = alpha_grid(X_known, y_known)
mse_known = cross_validate(X_known, y_known, known, lasso_path)
truth = data.true_error(*lasso_path(X_known, y_known, known))

notebook.figure(
    lambda: figures.curves({"Known weights": (known, mse_known)}, truth),
    alt="The mean error of the folds falls and rises again as α falls; so does"
    " the true error, whose minimum lies at a smaller α.",
)

# %% tags=["remove-cell"]
notebook.numbers(
    rows_known=len(y_known),
    true_least=truth.min(),
    true_chosen=truth[np.argmin(mse_known.mean(axis=1))],
    true_cautious=truth[one_standard_error(mse_known)],
    true_first=truth[0],
    true_last=truth[-1],
)

# %% [markdown]
# The chosen $\alpha$ has the true error {number}`true_chosen:.1f`; the best
# possible is {number}`true_least:.1f`, the two ends of the curve have
# {number}`true_first:.1f` and {number}`true_last:.1f`. So the choice is rough,
# but better than both ends. The cautious rule has {number}`true_cautious:.1f`
# here: caution is not free.
#
# ## The trap
#
# There are far more columns than rows. So you pick the few columns that
# correlate most with $y$ and then cross-validate the fit to them. Sounds
# reasonable? Here is data in which nothing can be found, all of it noise:

# %%
rng = np.random.default_rng(0)
noise, target = rng.normal(size=(50, 500)), rng.normal(size=50)
pick, fit = SelectKBest(f_regression, k=5), LinearRegression()

picked = pick.fit_transform(noise, target)  # looks at all rows
before = cross_val_predict(fit, picked, target, cv=5)

both = make_pipeline(pick, fit)  # picks anew in every fold
within = cross_val_predict(both, noise, target, cv=5)

for name, y_hat in {"before": before, "within": within}.items():
    error = np.mean((y_hat - target) ** 2) / target.var()
    print(f"picked {name} the folds: error / variance = {error:.2f}")

# %% tags=["hide-input"]
notebook.figure(
    outcome.figures["noise"],
    alt="Two histograms of the error divided by the variance. Picked before,"
    " nearly all data sets are below one; picked within the folds, nearly all"
    " are above.",
)

# %% tags=["remove-cell"]
ratios = outcome.measured["noise"]["errors"]
notebook.numbers(
    error_before=np.mean((before - target) ** 2) / target.var(),
    error_within=np.mean((within - target) ** 2) / target.var(),
    repeats=len(ratios),
    mean_before=ratios[:, 0].mean(),
    mean_within=ratios[:, 1].mean(),
)

# %% [markdown]
# Picked before, noise seems to predict noise: the error is
# {number}`error_before:.2f` of the variance. Among 500 columns some are like
# $y$ by chance, in *all* rows, and those were taken. The rows left out had no
# part in the fit, but they had a part in the picking. This is a **leak**:
# something about the validation set has reached the training.
#
# Picked within each fold, from the training rows alone, the error is
# {number}`error_within:.2f`, worse than always predicting the mean. That is
# honest. The picture repeats both on {number}`repeats` data sets; on average
# they have {number}`mean_before:.2f` and {number}`mean_within:.2f`.
#
# To standardise all rows before the split is a leak as well: means and standard
# deviations of the rows left out go into the fit. It does less harm, because it
# does not look at $y$. (scikit-learn delivers the diabetes data like that.) The
# cure is the same: every step that learns something from data belongs inside
# the folds, in a pipeline such as `make_pipeline(StandardScaler(), Lasso())`.
#
# ## Summary
#
# - A hyperparameter is chosen before training, by the error on rows that were
#   not used for the fit.
# - One small validation set chooses badly. In cross-validation every row is
#   left out once, and the mean error decides.
# - The mean has a standard error. The one standard error rule takes the
#   simplest model that is as good as the best, for all we know.
# - Whatever learns from the data, picking columns or standardising, belongs
#   inside the folds.
#
# ## Answers
#
# 1. The smallest, {number}`fitted_best:.4f`. On the rows that are fitted the
#    penalty can only do harm.
# 2. Less. With an $\alpha$ {number}`times:.0f` times as large the error grows
#    by {number}`worse:.1f` %, from {number}`chosen_cv:.0f` to
#    {number}`cautious_cv:.0f`.
# 3. Yes, if the columns are picked before the folds are cut:
#    {number}`error_before:.2f` of the variance. It is a leak, not a discovery.
#
# ## What to try next
#
# - Shuffle the rows of $X$ and $y$ together before the folds are cut. How much
#   do the best $\alpha$ and the cautious one change?
# - Predict: is the trap deeper with 5,000 columns? Then measure it.
# - Use ten folds, `cross_validate(X, y, alphas, lasso_path, 10)`. What becomes
#   of the two choices?
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
