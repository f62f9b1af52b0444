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
# # Lesson 8: L2: ridge and weight decay
#
# ## The question
#
# Least squares looks for the weights with the smallest error on the points it
# is given, however large these weights are. *Ridge* adds a price on large
# weights. It cannot fit those points better. What is it good for? And is the
# `weight_decay` of Keras's optimizers the same price by another name?
#
# This page calls the functions of `course/lesson08.py`; open that file beside
# it. Every number in the text was computed by the cells on this page.

# %%
import keras
import numpy as np

from course import lesson08 as lesson, notebook
from course.figures import lesson08 as figures

X, y, names = lesson.load_data()
m, p = X.shape
lam = lesson.DECAY * m

notebook.numbers(
    m=m,
    p=p,
    features=", ".join(names),
    decay=lesson.DECAY,
    lam=lam,
    learning_rate=lesson.LEARNING_RATE,
    steps=lesson.STEPS,
)

# %% [markdown]
# The data are $m$ = {number}`m` patients with diabetes and $p$ = {number}`p`
# features of each: age, sex, body mass index (`bmi`), blood pressure (`bp`) and
# six values of the blood serum (`s1` to `s6`). To be predicted is the progress
# of the disease a year later, $y$. Every feature has mean 0 and standard
# deviation 1; $y$ has standard deviation 1 too.
#
# ## Predict before you run
#
# The model is $\hat y_i = \sum_j x_{ij} w_j + b$ with a weight $w_j$ for each
# feature and an intercept $b$. Ridge pays for the squares of the weights, not
# for $b$:
#
# $$
# J(w, b) = \frac1{2m} \sum_{i=1}^{m} (\hat y_i - y_i)^2
# + \frac{\lambda}{2m} \sum_{j=1}^{p} w_j^2 .
# $$
#
# The number $\lambda$ sets the price; here $\lambda / m$ = {number}`decay`.
# The learning rate is called $\alpha$ on this page. Write down your answers
# first:
#
# 1. As $\lambda$ grows, does every single weight come nearer to zero all the
#    time?
# 2. With $\lambda > 0$ the error on the given points rises. Can the error on
#    new points fall?
# 3. `SGD`, `SGD` with momentum and `AdamW` all accept `weight_decay`. With the
#    same value, do all three end at the same weights as ridge?

# %% [markdown]
# ## By hand
#
# The price adds $\lambda w / m$ to the gradient of the error:
#
# $$
# \frac{\partial J}{\partial w} = \frac1m \sum_i (\hat y_i - y_i)\, x_i
# + \frac{\lambda}{m} w , \qquad
# \frac{\partial J}{\partial b} = \frac1m \sum_i (\hat y_i - y_i) .
# $$
#
# A step $w \leftarrow w - \alpha\, \partial J / \partial w$ can be written in
# another order: first a fixed fraction of each weight is taken away, then comes
# the step of least squares. That is why the penalty is also called *weight
# decay*:
#
# $$
# w \leftarrow w \Bigl(1 - \frac{\alpha\lambda}{m}\Bigr)
# - \frac{\alpha}{m} \sum_i (\hat y_i - y_i)\, x_i .
# $$
#
# No descent is needed to know where it ends: the gradient is zero at $w =
# (X^\top X + \lambda I)^{-1} X^\top y$, where $X$ and $y$ have their means
# subtracted and $I$ is the identity matrix. The function `ridge` solves this.

# %%
path = lesson.descend(X, y, lesson.LEARNING_RATE, lesson.STEPS, lam)
decayed = lesson.descend(
    X, y, lesson.LEARNING_RATE, lesson.STEPS, decay=lam / m
)
least_squares, ridge = lesson.ridge(X, y, 0), lesson.ridge(X, y, lam)

notebook.numbers(
    factor=1 - lesson.LEARNING_RATE * lam / m,
    both_forms=np.abs(path - decayed).max(),
    to_solution=np.abs(path[-1] - ridge).max(),
    size_least_squares=np.linalg.norm(least_squares[:-1]),
    size_ridge=np.linalg.norm(ridge[:-1]),
)

# %% [markdown]
# Each step multiplies every weight by {number}`factor:.2f`. Over all
# {number}`steps` steps the two forms differ by at most
# {number}`both_forms:.0e`, and the last step is {number}`to_solution:.0e` from
# the solution: these are roundings. The length of the weight vector, $\|w\| =
# \sqrt{\sum_j w_j^2}$, is {number}`size_least_squares:.3f` for least squares
# and {number}`size_ridge:.3f` for ridge.
#
# ### Which weights shrink
#
# Some features say nearly the same. Then the data are spread widely in one
# direction, where such features rise together, and hardly at all in another,
# where one rises and the other falls. The singular value decomposition finds
# these directions. With the *singular value* $d$, the length of the data along
# one of them, ridge keeps the fraction $d^2 / (d^2 + \lambda)$ of what least
# squares has there: much where there are data to learn from, little where there
# are none.

# %%
d = np.linalg.svd(X, compute_uv=False)
fraction = d**2 / (d**2 + lam)
s2 = names.index("s2")

noise = 0.1 * np.random.default_rng(0).normal(size=(40, m, p))
weights = np.array([least_squares[:-1], ridge[:-1]])
moves = noise @ weights.T  # of the predictions: (X + noise) w − X w
moved, predicted = moves.std(axis=(0, 1)), 0.1 * np.linalg.norm(weights, axis=1)

notebook.numbers(
    widest=fraction[0],
    narrowest=fraction[-1],
    s2_least_squares=least_squares[s2],
    s2_ridge=ridge[s2],
    noise=0.1,
    moved_least_squares=moved[0],
    moved_ridge=moved[1],
)
# A deviation estimated from N numbers is wrong by 1/√(2N) of itself.
assert np.abs(moved / predicted - 1).max() < 5 / np.sqrt(2 * 40 * m)
assert moved[1] < moved[0]

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.weights(lam, **lesson.shrink(X, y, names)),
    alt="Left: as the penalty grows, on a logarithmic axis, all weights come to"
    " zero in the end; some of them change their sign on the way. Right: the"
    " length of the weight vector falls all the way.",
)

# %% [markdown]
# On the left is every weight against $\lambda$, with the $\lambda$ of this page
# as a grey line. Of the widest direction {number}`widest:.2f` is kept, of
# the narrowest {number}`narrowest:.2f`. The directions mix the features,
# so a single weight may even change its sign: that of `s2` goes from
# {number}`s2_least_squares:.3f` to {number}`s2_ridge:.3f`. Only $\|w\|$, on the
# right, is sure to fall.
#
# Small weights have a first use. Suppose that every measured $x$ has an error
# of the standard deviation $\sigma$ = {number}`noise`. The predictions then
# move by $\sigma \|w\|$: with random errors the cell above measured
# {number}`moved_least_squares:.3f` for least squares and
# {number}`moved_ridge:.3f` for ridge.
#
# ### Does it predict better?
#
# Now a case with too few points: a sine with noise at {number}`points` values
# of $x$, fitted by the {number}`degree` powers $x, x^2, x^3, \dots$ The noise
# is drawn {number}`draws:,d` times, and each fit is tested on new points.

# %%
found = lesson.fit_polynomials(0, lesson.DRAWS)
errors = found["errors"].mean(axis=1)  # for each λ
best = errors.argmin()

notebook.numbers(
    points=lesson.POINTS,
    degree=lesson.DEGREE,
    draws=lesson.DRAWS,
    best=lesson.LAMBDAS[best],
    error_without=errors[0],
    error_best=errors[best],
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.polynomial(**found),
    alt="Left: without a penalty the curve swings wildly between the first"
    " points; with a small one it stays near the sine. Right: the test error"
    " first falls and then rises as the penalty grows.",
)

# %% [markdown]
# Without a penalty (red, left) the curve follows the noise and swings between
# the points. A small one, $\lambda$ = {number}`best` (blue), calms it. On the
# right is the mean squared error on new points. It has three parts: what the
# noise of the new points adds; the square of the *bias*, which is the distance
# of the average fit from the truth; and the *variance*, which says how widely
# the fits are scattered about their average. A larger $\lambda$ lowers the
# variance and raises the bias. In between the error is smallest: it falls from
# {number}`error_without:.2f` without a penalty to {number}`error_best:.3f`. The
# lesson's checks predict these errors from the bias and the variance.
#
# ## In Keras
#
# The penalty is an argument of the layer: `kernel_regularizer`. Only the factor
# needs care: `L2(c)` is $c \sum_j w_j^2$, without our $\frac12$ and without
# $\frac1m$, so $c = \lambda / (2m)$. The block `precision` makes Keras compute
# with the sixteen digits of `float64`.

# %%
with notebook.precision("float64"):
    penalty = keras.regularizers.L2(lam / (2 * m))
    sgd = keras.optimizers.SGD(lesson.LEARNING_RATE)
    model = lesson.build_model(p, sgd, penalty)
    keras_path = lesson.train(model, X, y, lesson.STEPS)

notebook.numbers(
    c=lam / (2 * m),
    largest_difference=np.abs(keras_path - path).max(),
)

# %% [markdown]
# With $c$ = {number}`c` the weights differ from those by hand, over all steps,
# by at most {number}`largest_difference:.0e`. If the loss is Keras's own
# `"mse"`, which has no $\frac12$ either, $c$ must be twice as large.
# `PENALTIES` in the file has these factors for ridge, for the lasso of lesson 9
# and for both together; the page on penalties derives them.
#
# ## Checked
#
# The lesson holds its numbers against scikit-learn's `Ridge`, the closed form
# of every step, and differences of the cost for the gradient. It also gives
# Keras the solutions of scikit-learn, where the gradient of Keras's cost must
# be zero. Checks on random draws allow five standard errors.

# %%
outcome = notebook.run(8)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# The other way in Keras is an argument of the optimizer: `weight_decay`. Beside
# each step it takes away the fraction $\alpha$ · `weight_decay` of the weights.
# For plain `SGD` that is the second form of the update above, with
# `weight_decay` = $\lambda / m$. Is it for the other optimizers?

# %%
paths = outcome.measured["decay"]["paths"]
plain = paths["SGD: weight_decay"][-1]
heavy = paths["momentum: weight_decay"][-1]
adam_l2 = paths["Adam: L2"][-1]
adam_w = paths["AdamW: weight_decay"][-1]

notebook.numbers(
    w_plain=np.abs(plain[:-1] - ridge[:-1]).max(),
    b_ridge=ridge[-1],
    b_plain=plain[-1],
    momentum=lesson.MOMENTUM,
    size_heavy=np.linalg.norm(heavy[:-1]),
    size_adam_l2=np.linalg.norm(adam_l2[:-1]),
    size_adam_w=np.linalg.norm(adam_w[:-1]),
    to_ridge=np.linalg.norm(adam_w - ridge),
    to_least_squares=np.linalg.norm(adam_w - least_squares),
)

# %% tags=["hide-input"]
notebook.figure(
    outcome.figures["decay"],
    alt="The length of the weight vector at each step. Left: descent with"
    " either form ends at ridge; with momentum, weight decay ends at a larger"
    " length. Right: Adam with L2 ends at ridge; AdamW passes it and goes on"
    " towards least squares.",
)

# %% [markdown]
# The lines are $\|w\|$ after each step, the dashes its values for ridge and for
# least squares.
#
# - `SGD`: $w$ ends at ridge; the difference is {number}`w_plain:.0e`. But the
#   decay takes its fraction of $b$ too: {number}`b_plain:.3f` instead of
#   {number}`b_ridge:.3f`, unless `exclude_from_weight_decay` spares it.
# - Momentum $\mu$ = {number}`momentum` (left) adds up the gradients of past
#   steps and so makes them $1 / (1 - \mu)$ times as strong. With L2 in the cost
#   (orange) the penalty's gradient grows along and the end is ridge. The decay
#   (green) does not grow, and the end is the ridge of a smaller price, $(1 -
#   \mu) \lambda$, with $\|w\|$ = {number}`size_heavy:.3f`.
# - *Adam* divides each component of the gradient by its usual size, the root of
#   the mean of its squares so far. With L2 in the cost (right, blue) it still
#   ends at ridge: $\|w\|$ = {number}`size_adam_l2:.3f`. *AdamW* (orange) does not
#   put the decay into the gradient. Its step has about the size $\alpha$ however
#   small the gradient is, and the decay can only slow it down. At the end
#   $\|w\|$ = {number}`size_adam_w:.3f`: the distance to ridge is
#   {number}`to_ridge:.2f`, to least squares {number}`to_least_squares:.2f`.
#
# So `weight_decay` is not the penalty of ridge by another name. That does not
# make it useless; but a value found for one optimizer means something else to
# another.
#
# ## What to try next
#
# - Predict for which $\lambda$ half of the narrowest direction is kept, then
#   compute it from `d`.
# - Set $\lambda$ ten times as large. At which learning rate does descent
#   diverge now?
# - Double all rows of $X$ and $y$ and keep $\lambda$. Is the solution the same?
#   And if $\lambda / m$ is kept?
# - Train AdamW for ten times as many steps. How near does it come to least
#   squares?
# - Run the lesson on a table of your own: `python -m course.lesson08 --data
#   FILE.csv --target COLUMN`.
#
# ## Sources
#
# - A. E. Hoerl, R. W. Kennard, *Ridge Regression: Biased Estimation for
#   Nonorthogonal Problems*, Technometrics 12, 1970, pages 55–67.
# - T. Hastie, R. Tibshirani, J. Friedman, *The Elements of Statistical
#   Learning*, 2nd ed., Springer, 2009, section 3.4.1.
# - I. Loshchilov, F. Hutter, *Decoupled Weight Decay Regularization*, ICLR
#   2019, arXiv:1711.05101.
