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
# # Lesson 9: L1: the lasso and sparsity
#
# ## The question
#
# Ten measurements were taken of each patient with diabetes, and a year later it
# was recorded how far the disease had progressed. Which of the ten are needed
# to predict it? Least squares gives every one of them a weight, and so does the
# ridge penalty of lesson 8. A slightly different penalty, the sum of the
# absolute values, makes some weights exactly zero. Why this one? And does
# gradient descent ever arrive at an exact zero?
#
# This page calls the functions of `course/lesson09.py`; open that file beside
# it. Every number in the text was computed by the cells on this page.

# %%
import numpy as np

from course import lesson09 as lesson
from course import notebook
from course.cli.report import precision

X, y, names = lesson.load_data()  # columns of mean 0 and deviation 1
n, p = X.shape

notebook.numbers(
    n=n,
    p=p,
    features=", ".join(names),
    alpha=lesson.ALPHA,
    learning_rate=lesson.LEARNING_RATE,
    steps=lesson.STEPS,
)

# %% [markdown]
# There are $n$ = {number}`n` patients and $p$ = {number}`p` features: age, sex,
# body mass index (`bmi`), blood pressure (`bp`) and six values of the blood
# serum (`s1` to `s6`). Every column has mean 0 and standard deviation 1, so
# that the weights can be compared; the progression $y$ has standard deviation 1
# too.
#
# ## Predict before you run
#
# The model is $\hat y_i = \sum_j x_{ij} w_j + b$. The *lasso* adds to half the
# mean squared error a price on the size of each weight; the intercept $b$ is
# free:
#
# $$
# J(w, b) = f(w, b) + \alpha \sum_{j=1}^{p} |w_j|, \qquad
# f(w, b) = \frac1{2n} \sum_{i=1}^{n} (\hat y_i - y_i)^2 .
# $$
#
# The number $\alpha$ says how high the price is; here it is
# {number}`alpha:.4f`. (In lesson 8 $\alpha$ was the learning rate; here that is
# $\eta$ again.) Write down your answers first:
#
# 1. For a single number $x$, let $F(x) = \frac12 (x - 1)^2 + \lambda |x|$.
#    Where is $F$ lowest for $\lambda = \frac12$, and where for $\lambda = 2$?
# 2. Ridge takes $w_j^2$ in place of $|w_j|$. How large must its price be for a
#    weight to become exactly zero?
# 3. Keras has the penalty built in: `keras.regularizers.L1`. After
#    {number}`steps` steps of its `SGD`, how many weights are exactly zero?

# %% [markdown]
# ## By hand
#
# ### Why there is a zero
#
# The graph of $|x|$ has a corner at 0: its slope jumps from $-1$ to $1$. To
# leave the corner, $x$ must lower the rest of the cost by more than the price
# $\lambda$ per unit. The cost $\frac12 (x - v)^2$ has the slope $-v$ there. So
# as long as $|v| \le \lambda$, the lowest point stays at exactly zero;
# otherwise it lies $\lambda$ nearer to zero than $v$. This is called *soft
# thresholding*:
#
# $$
# S(v, \lambda) = \begin{cases} v - \lambda & v > \lambda \\
# 0 & |v| \le \lambda \\ v + \lambda & v < -\lambda . \end{cases}
# $$

# %%
low, high = lesson.soft_threshold(1.0, np.array(lesson.LAMBDAS))
two_weights = lesson.diamond_and_circle()
on_diamond, on_circle = two_weights.results.values()

notebook.numbers(
    lowest_cheap=low,
    lowest_dear=high,
    on_diamond=on_diamond,
    on_circle=on_circle,
)

# %% [markdown]
# In the first question $v$ = 1. With $\lambda = \frac12$ the lowest point is at
# $x$ = {number}`lowest_cheap`, with $\lambda = 2$ at {number}`lowest_dear:.0f`,
# the corner.

# %% tags=["hide-input"]
notebook.figure(
    two_weights.figures["corner"],
    alt="Left: a parabola, and the same with two penalties; the lowest point"
    " of one is at one half, that of the other at the corner above zero."
    " Middle: contour lines of a cost touch a diamond at its lower corner."
    " Right: they touch a circle beside the axis.",
)

# %% [markdown]
# On the left are the cost without a price (grey) and with each of the two; the
# dots mark the lowest points. The other two pictures have two weights. Instead
# of paying a price, they have to stay within a budget: $|w_1| + |w_2| \le 1$ is
# the diamond, $w_1^2 + w_2^2 \le 1$ the circle. Each curve joins weights of
# equal cost, and the star is least squares. The red dot is the point of lowest
# cost inside. On the diamond it is a corner, where one weight is zero. The
# circle has no corners, and both weights remain. This is ridge: $w^2$ is flat
# at 0, so however high its price, the least pull of $f$ moves a weight away
# from zero.
#
# ### A step that can stop at zero
#
# An ordinary gradient step on $f$ comes first, with the learning rate $\eta$ =
# {number}`learning_rate`. Then every weight is moved towards zero by
# $\eta\alpha$, and at most to zero:
#
# $$
# v = w - \eta\, \frac{\partial f}{\partial w}, \qquad
# w \leftarrow S(v, \eta\alpha) .
# $$
#
# The second half is called the *proximal step*, and both together ISTA, the
# iterative shrinkage-thresholding algorithm.

# %%
path = lesson.ista(X, y, lesson.ALPHA, lesson.LEARNING_RATE, lesson.STEPS)
w = path[-1, :-1]
dropped = w == 0

G, c = lesson.moments(X, y)  # G = XᵀX/n and c = Xᵀy/n
least_squares = np.linalg.solve(G, c)
pull = np.abs(c - G @ w)  # the size of the slope of f at each weight
moving = np.flatnonzero((path[:, :-1][:, dropped] != 0).any(axis=1))

notebook.numbers(
    kept=lesson.kept_names(names, w),
    weights_kept=w[~dropped],
    zeros_least_squares=np.sum(least_squares == 0),
    zeros_lasso=dropped.sum(),
    settled=moving[-1] + 1,
    pull_kept=pull[~dropped],
    pull_dropped=pull[dropped],
    largest_pull_dropped=pull[dropped].max(),
)

# %% [markdown]
# Least squares has {number}`zeros_least_squares` zeros, the lasso
# {number}`zeros_lasso`: it keeps {number}`kept`. From step {number}`settled` on
# the dropped weights rest at zero, and they are not small numbers rounded by
# the table: the comparison `w == 0` is exact.
#
# One can see from the slopes that this is the minimum. At a weight that is
# kept, $f$ pulls exactly as hard as the price holds back, so the size of its
# slope is $\alpha$. At a dropped one it pulls less: at most
# {number}`largest_pull_dropped:.4f`. This is the corner again, in
# {number}`p` dimensions. It also tells at which price the last weight goes: at
# the largest slope that $f$ has when all weights are zero.
#
# ## In Keras
#
# Keras's optimizers have no proximal step, so the course adds one:
# `ProximalSGD`, in `course/optimizers.py`. The model is a single `Dense` unit
# as before, and Keras derives the gradient itself. The block `precision` makes
# it compute with the sixteen digits of `float64`.

# %%
with precision("float64"):
    model = lesson.build_model(p, lesson.ALPHA)
    keras_path = lesson.train(model, X, y, lesson.STEPS)

notebook.numbers(
    zeros_keras=np.sum(keras_path[-1, :-1] == 0),
    largest_difference=np.abs(keras_path - path).max(),
)

# %% [markdown]
# Over all {number}`steps` steps the weights differ from those by hand by at
# most {number}`largest_difference:.0e`, and {number}`zeros_keras` of them end
# at exactly zero.
#
# ## Checked
#
# The lesson holds these numbers against scikit-learn's `Lasso`, `ElasticNet`
# and `lasso_path`, which find the minimum in another way: by coordinate
# descent, one weight after the other. It also uses conditions that only the
# minimum meets: the slopes as above ("KKT residual"), and a lower bound on the
# cost that reaches the cost itself there ("duality gap").

# %%
report = lesson.run()
notebook.checks(report)
assert report.passed, "a check fails: see the table"

# %% [markdown]
# ### Are they the right ones?
#
# The minimum is found, but are the features that it keeps the true ones? For
# the patients nobody knows. So the lesson makes data whose truth is known: a
# few of the features have a weight, the others have none, and noise of the
# standard deviation $\sigma$ is added to $y$.

# %%
*_, precision_one, recall_one, precision_rule, recall_rule = (
    report.results.values()
)

notebook.numbers(
    features_true=len(lesson.PLANTED),
    rows=lesson.SAMPLES,
    data_sets=lesson.DATA_SETS,
    one_alpha=lesson.ONE_ALPHA,
    sigma_most=lesson.NOISES[-1],
    precision_one=precision_one[-1],
    recall_one=recall_one[-1],
    precision_rule=precision_rule[-1],
    recall_rule=recall_rule[-1],
)

# %% tags=["hide-input"]
notebook.figure(
    report.figures["selection"],
    alt="Three pictures against the noise. With one price the share of found"
    " features that are true falls; with a price that grows with the noise it"
    " stays high, and the share of true features that are found falls.",
)

# %% [markdown]
# *Precision* (left) is the share of the found features that are true; *recall*
# (middle) is the share of the true ones that are found. Both are taken over
# {number}`data_sets` data sets of {number}`rows` rows, with
# {number}`features_true` true features each. On the right is the share of the
# data sets in which every weight has the sign of the truth or is zero as it
# should be. With one price for all (blue, $\alpha$ = {number}`one_alpha`) the
# precision falls to {number}`precision_one:.2f` at the strongest noise, $\sigma$
# = {number}`sigma_most:.0f`: most of what it finds is chance. With a price that
# grows with the noise (orange) it stays at {number}`precision_rule:.2f`, but
# then only {number}`recall_rule:.2f` of the true ones are found. How to choose
# the price is the subject of lesson 10.
#
# ## The trap
#
# Keras's own way is shorter: put `keras.regularizers.L1` into the cost, train
# with `SGD`, done. The cost is the same and so is its minimum.

# %%
with precision("float64"):
    plain = lesson.build_model(p, lesson.ALPHA, proximal=False)
    jumping = lesson.train(plain, X, y, lesson.STEPS)[:, :-1]

alphas, zeros, _ = lesson.every_alpha(X, y)

notebook.numbers(
    zeros_jumping=np.sum(jumping[1:] == 0),
    mean_jumping=np.abs(jumping[1:, dropped]).mean(),
    jump=lesson.LEARNING_RATE * lesson.ALPHA,
    alpha_max=np.abs(c).max(),
    zeros_ridge=zeros["ridge"].max(),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: lesson.drawings.zeros(
        jumping[:, dropped], keras_path[:, :-1][:, dropped], alphas, zeros
    ),
    alt="Left: under SGD the weights that should be zero zigzag around it."
    " Middle: with the proximal step they reach zero and stay. Right: the"
    " number of zeros of the lasso grows with the price until all weights are"
    " zero; that of ridge is always none.",
)

# %% [markdown]
# Not once in {number}`steps` steps was a weight exactly zero: the count over
# all steps and weights is {number}`zeros_jumping`. The left picture shows the
# weights that the lasso drops. Just above zero the slope of the penalty is
# $\alpha$, just below it is $-\alpha$. So the penalty pushes a weight by the
# same $\eta\alpha$ = {number}`jump:.4f` however near zero it already is, and
# the weight jumps across. On average these weights are
# {number}`mean_jumping:.4f` away from zero. The proximal step (middle) stops at
# the corner, because its formula knows that there is one.
#
# On the right is the number of zeros at each price. The lasso drops more and
# more weights, until at $\alpha$ = {number}`alpha_max:.3f` all are gone. Ridge
# has {number}`zeros_ridge` zeros at every one of these prices.
#
# ## What to try next
#
# - Halve the learning rate in the trap. Predict the mean distance from zero,
#   then measure it.
# - Predict from `c` alone which feature is the last to go when $\alpha$ grows.
# - Add a copy of the column `bmi`. Which of the two does the lasso keep? What
#   does `ista` do with `l1_ratio=0.5`, the elastic net?
# - Divide the column `bmi` by 1000, as if it were given in another unit. Does
#   the lasso still keep it? Why does the scale matter to a price on weights?
# - Run the lesson on a table of your own: `python -m course.lesson09 --data
#   FILE.csv --target COLUMN`.
#
# ## Sources
#
# - T. Hastie, R. Tibshirani, M. Wainwright, *Statistical Learning with
#   Sparsity*, CRC Press, 2015, chapters 2, 5 and 11.
# - R. Tibshirani, *Regression Shrinkage and Selection via the Lasso*, Journal
#   of the Royal Statistical Society B 58, 1996, pages 267–288.
# - B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, *Least Angle Regression*,
#   Annals of Statistics 32, 2004, pages 407–499: the diabetes data.
