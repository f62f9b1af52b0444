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

from course import lesson09 as lesson, notebook
from course.figures import lesson09 as figures

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
# The model is $\hat y_i = \sum_j x_{ij} w_j + b$. The *lasso* adds a penalty on
# the size of each weight to half the mean squared error; there is no penalty on
# the intercept $b$:
#
# $$
# J(w, b) = f(w, b) + \alpha \sum_{j=1}^{p} |w_j|, \qquad
# f(w, b) = \frac1{2n} \sum_{i=1}^{n} (\hat y_i - y_i)^2 .
# $$
#
# The number $\alpha$ says how strong the penalty is; here it is
# {number}`alpha:.4f`. (In lesson 8 $\alpha$ was the learning rate; here that is
# $\eta$ again.) Write down your answers first:
#
# 1. For a single number $x$, let $F(x) = \frac12 (x - 1)^2 + \lambda |x|$.
#    Where is the minimum of $F$ for $\lambda = \frac12$, and where for
#    $\lambda = 2$?
# 2. Ridge takes $w_j^2$ in place of $|w_j|$. How strong must its penalty be for
#    a weight to become exactly zero?
# 3. Keras has the penalty built in: `keras.regularizers.L1`. After
#    {number}`steps` steps of its `SGD`, how many weights are exactly zero?

# %% [markdown]
# ## By hand
#
# ### Why there is a zero
#
# The graph of $|x|$ has a corner at 0: its slope jumps from $-1$ to $1$. To
# leave the corner, $x$ must lower the rest of the cost by more than the penalty
# $\lambda$ per unit. The cost $\frac12 (x - v)^2$ has the slope $-v$ there. So
# as long as $|v| \le \lambda$, the minimum stays at exactly zero; otherwise it
# lies $\lambda$ nearer to zero than $v$. This is called *soft thresholding*:
#
# $$
# S(v, \lambda) = \begin{cases} v - \lambda & v > \lambda \\
# 0 & |v| \le \lambda \\ v + \lambda & v < -\lambda . \end{cases}
# $$

# %%
weak, strong = lesson.soft_threshold(1.0, np.array(lesson.LAMBDAS))
balls = lesson.diamond_and_circle()

notebook.numbers(
    minimum_weak=weak,
    minimum_strong=strong,
    on_diamond=balls["diamond"],
    on_circle=balls["circle"],
)

# %% [markdown]
# In the first question $v$ = 1. With $\lambda = \frac12$ the minimum is at
# $x$ = {number}`minimum_weak`, with $\lambda = 2$ at
# {number}`minimum_strong:.0f`, the corner.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.corner(**balls),
    alt="Left: a parabola, and the same with two penalties; the minimum of one"
    " is at one half, that of the other at the corner above zero."
    " Middle: contour lines of a cost touch a diamond at its lower corner."
    " Right: they touch a circle beside the axis.",
)

# %% [markdown]
# The left picture shows the cost without a penalty (grey) and with each of the
# two; the dots mark the minima. The other two pictures have two weights. There
# is no penalty here; instead, the weights have to stay inside a region:
# $|w_1| + |w_2| \le 1$ is the diamond, $w_1^2 + w_2^2 \le 1$ the circle. Each
# curve joins weights of equal cost, and the star is least squares. The red dot
# is the minimum inside the region. On the diamond it is a corner, where one
# weight is zero. The circle has no corners, and both weights remain. This is
# ridge: $w^2$ is flat at 0, so however strong the penalty is, the smallest pull
# of $f$ moves a weight away from zero.
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
pull = np.abs(c - G @ w)  # the size of ∂f/∂w for each weight
moving = np.flatnonzero((path[:, :-1][:, dropped] != 0).any(axis=1))

notebook.numbers(
    selected=", ".join(np.array(names)[~dropped]),
    weights_selected=w[~dropped],
    zeros_least_squares=np.sum(least_squares == 0),
    zeros_lasso=dropped.sum(),
    settled=moving[-1] + 1,
    pull_selected=pull[~dropped],
    pull_dropped=pull[dropped],
    largest_pull_dropped=pull[dropped].max(),
)

# %% [markdown]
# Least squares has {number}`zeros_least_squares` zeros, the lasso
# {number}`zeros_lasso`: it selects {number}`selected`. From step
# {number}`settled` on the other weights rest at zero, and they are not small
# numbers rounded by the table: the comparison `w == 0` is exact.
#
# The gradient of $f$ shows that this is the minimum. At a selected weight, $f$
# pulls exactly as hard as the penalty holds back, so $|\partial f / \partial
# w_j| = \alpha$. At the other weights it pulls less: at most
# {number}`largest_pull_dropped:.4f`. This is the corner again, in {number}`p`
# dimensions. It also tells at which $\alpha$ the last weight becomes zero: at
# the largest $|\partial f / \partial w_j|$ that there is when all weights are
# zero.
#
# ## In Keras
#
# Keras's optimizers have no proximal step, so the course adds one:
# `ProximalSGD`, in `course/optimizers.py`. The model is a single `Dense` unit
# as before, and Keras derives the gradient itself. Keras's loss `"mse"` is
# $2f$, so `build_model` doubles $\alpha$, and half the learning rate makes the
# same step. The block `precision` makes it compute with the sixteen digits of
# `float64`.

# %%
with notebook.precision("float64"):
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
# The lesson compares these numbers with scikit-learn's `Lasso`, `ElasticNet`
# and `lasso_path`, which find the minimum in another way: by coordinate
# descent, one weight after the other. It also checks two conditions that only
# the minimum meets: the gradient is as above (the "KKT violation" is 0), and a
# lower bound on the cost equals the cost itself (the "duality gap" is 0).

# %%
outcome = notebook.run(9)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ### Are they the right ones?
#
# The minimum is found, but are the selected features the true ones? For the
# patients nobody knows. So the lesson makes data whose true weights are known:
# a few of the features have a weight, the others have none, and noise of the
# standard deviation $\sigma$ is added to $y$.

# %%
found = outcome.measured["selection"]
(precision_one, precision_rule), (recall_one, recall_rule) = (
    found[name][:, -1] for name in ("precision", "recall")
)

notebook.numbers(
    features_true=np.count_nonzero(lesson.TRUE),
    rows=lesson.SAMPLES,
    data_sets=lesson.DATA_SETS,
    one_alpha=lesson.ONE_ALPHA,
    max_sigma=lesson.NOISES[-1],
    precision_one=precision_one,
    recall_one=recall_one,
    precision_rule=precision_rule,
    recall_rule=recall_rule,
)

# %% tags=["hide-input"]
notebook.figure(
    outcome.figures["selection"],
    alt="Three pictures against the noise. With one penalty the fraction of the"
    " selected features that are true falls; with a penalty that grows with the"
    " noise it stays high, and the fraction of the true features that are"
    " selected falls.",
)

# %% [markdown]
# *Precision* (left) is the fraction of the selected features that are true;
# *recall* (middle) is the fraction of the true ones that are selected. Both are
# taken over {number}`data_sets` data sets of {number}`rows` rows, with
# {number}`features_true` true features each. The right picture shows the
# fraction of the data sets in which every weight has the true sign, or is zero
# where the true weight is. With one $\alpha$ = {number}`one_alpha` for all
# (blue) the precision falls to {number}`precision_one:.2f` at the strongest
# noise, $\sigma$ = {number}`max_sigma:.0f`: most of the selected features are
# there by chance. With an $\alpha$ that grows with the noise (orange) it stays
# at {number}`precision_rule:.2f`, but then only {number}`recall_rule:.2f` of
# the true ones are selected. How to choose $\alpha$ is the subject of
# lesson 10.
#
# ## The trap
#
# Keras's own way is shorter: put `keras.regularizers.L1` into the cost, train
# with `SGD`, done. The cost is the same and so is its minimum.

# %%
with notebook.precision("float64"):
    plain = lesson.build_model(p, lesson.ALPHA, proximal=False)
    under_sgd = lesson.train(plain, X, y, lesson.STEPS)

jumping = under_sgd[1:, :-1]
every = lesson.every_alpha(X, y)
ridge = [np.linalg.solve(G + alpha * np.eye(p), c) for alpha in every["alphas"]]

notebook.numbers(
    zeros_jumping=np.sum(jumping == 0),
    mean_jumping=np.abs(jumping[:, dropped]).mean(),
    jump=lesson.LEARNING_RATE * lesson.ALPHA,
    alpha_max=np.abs(c).max(),
    zeros_ridge=np.sum(np.array(ridge) == 0),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.zeros(
        by_hand={"lasso": path},
        in_keras={"lasso": keras_path},
        under_sgd=under_sgd,
        every=every,
    ),
    alt="Left: under SGD the weights that should be zero zigzag around it."
    " Middle: with the proximal step they reach zero and stay. Right: the"
    " number of zeros of the lasso grows with α until all weights are zero;"
    " that of ridge is always none.",
)

# %% [markdown]
# Not once in {number}`steps` steps was a weight exactly zero: the count over
# all steps and weights is {number}`zeros_jumping`. The left picture shows the
# weights that the lasso sets to zero. Just above zero the slope of the penalty
# is $\alpha$, just below it is $-\alpha$. So the penalty pushes a weight by the
# same $\eta\alpha$ = {number}`jump:.4f` however near zero it already is, and
# the weight jumps across. On average these weights are
# {number}`mean_jumping:.4f` away from zero. The proximal step (middle) stops at
# the corner, because its formula knows that there is one.
#
# The right picture shows the number of zeros at each $\alpha$. The lasso sets
# more and more weights to zero, until at $\alpha$ = {number}`alpha_max:.3f` all
# are zero. Ridge has {number}`zeros_ridge` zeros at every one of these
# $\alpha$.
#
# ## What to try next
#
# - Halve the learning rate in the trap. Predict the mean distance from zero,
#   then measure it.
# - Predict from `c` alone which feature is the last to go when $\alpha$ grows.
# - Add a copy of the column `bmi`. Which of the two does the lasso select? What
#   does `ista` do with `l1_ratio=0.5`, the elastic net?
# - Divide the column `bmi` by 1000, as if it were given in another unit. Does
#   the lasso still select it? Why does the scale matter to a penalty on
#   weights?
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
