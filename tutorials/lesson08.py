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
# python -m course read 8, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 8: L2: ridge and weight decay
#
# ## The question
#
# A thermometer was read 45 times in one day. The time $x$ goes from $-1$, the
# first midnight, through 0, noon, to $1$, the next midnight. The temperature
# $y$ says how many degrees it is warmer than the mean of the day. The true
# curve is a sine, but each reading has an error:

# %% tags=["hide-input"]
import numpy as np
from sklearn.linear_model import Ridge

from course import lesson08 as lesson, notebook
from course.figures import diagrams, lesson08 as figures

import keras

# %%
rng = np.random.default_rng(1)
x = rng.uniform(-1, 1, 45)
y = np.sin(np.pi * x) + 0.3 * rng.normal(size=45)

training = x[:15], y[:15]
validation = x[15:30], y[15:30]
test = x[30:], y[30:]

# %% [markdown]
# Forget the sine: in life nobody knows the true curve. Take 15 of the points
# and fit a **polynomial** to them. One of degree $d$ is
#
# $$
# \hat y = b + w_1 x + w_2 x^2 + \dots + w_d x^d .
# $$
#
# This is the linear regression of [lesson 3](lesson03), with the powers of $x$
# as features. The higher the degree, the more freely the curve can bend. Here
# are the degrees 1, 3 and 9, each with the smallest error on the red points.
# Which one do you trust at a time when nobody read the thermometer?

# %% tags=["hide-input"]
by_degree = [np.polyfit(*training, degree) for degree in range(10)]

notebook.figure(
    lambda: diagrams.fits(
        *training,
        {
            f"degree {degree}": lambda x, w=by_degree[degree]: np.polyval(w, x)
            for degree in (1, 3, 9)
        },
        new=validation,
        ylim=(-2, 2),
    ),
    alt="Three panels with the same points. A straight line misses the wave; a"
    " cubic follows it; a polynomial of degree 9 meets the red training points"
    " and leaves the picture between them.",
)

# %% [markdown]
# ## Overfitting, and how to notice it
#
# We look at points that were *not* used for the fit. There are three sets:
#
# - the **training set** (red): the weights are fitted to it;
# - the **validation set** (green): it decides between models, here between
#   degrees;
# - the **test set**: it is used once, at the very end, to say how good the
#   chosen model is.
#
# NumPy's `np.polyfit` finds the weights, `np.polyval` the predictions. We print
# the mean squared errors, the training set first:

# %%
for degree in (1, 3, 9):
    w = np.polyfit(*training, degree)
    errors = [
        np.mean((np.polyval(w, x) - y) ** 2) for x, y in (training, validation)
    ]
    print(f"degree {degree}", np.round(errors, 3))

# %% tags=["remove-cell"]
two = np.array(
    [
        [
            np.mean((np.polyval(w, x) - y) ** 2)
            for x, y in (training, validation)
        ]
        for w in by_degree
    ]
)
cubic_test = np.mean((np.polyval(by_degree[3], test[0]) - test[1]) ** 2)
ninth_test = np.mean((np.polyval(by_degree[9], test[0]) - test[1]) ** 2)
notebook.numbers(
    training_9=two[9, 0],
    validation_9=two[9, 1],
    training_3=two[3, 0],
    validation_3=two[3, 1],
    training_1=two[1, 0],
    validation_1=two[1, 1],
    cubic_test=cubic_test,
)
assert two[:, 1].argmin() == 3
assert two[:, 0].argmin() == 9

# %% tags=["hide-input"]
notebook.figure(
    lambda: diagrams.two_errors(
        range(10), *two.T, "degree", sides=("underfitting", "overfitting")
    ),
    alt="Against the degree the training error only falls. The validation error"
    " falls to degree 3, stays low, and is large at degrees 8 and 9.",
)

# %% [markdown]
# The training error only falls: a higher degree can do all that a lower one
# can. The validation error falls and then rises.
#
# - On the left both errors are large: the line has {number}`training_1:.3f` and
#   {number}`validation_1:.3f`. It is too stiff. This is **underfitting**.
# - On the right the training error is small, {number}`training_9:.3f`, and the
#   validation error large, {number}`validation_9:.3f`. The curve has learned
#   the errors of the thermometer. This is **overfitting**.
#
# Degree 3 has the smallest validation error, {number}`validation_3:.3f`. We
# chose it *because* it suits the validation set, so this number is a little too
# good. The honest one comes from the test set: {number}`cubic_test:.3f`. To do
# well on data that were not seen is called **generalisation**, and it is the
# aim of all training.
#
# ## The idea: a price on large weights
#
# A lower degree is one remedy. For another, look at the weights (highest power
# first, $b$ last):

# %%
print("degree 3:", np.polyfit(*training, 3).round(1).tolist())
print("degree 9:", np.polyfit(*training, 9).round(1).tolist())

# %% [markdown]
# To swing so wildly, degree 9 needs weights of several hundred. They nearly
# cancel each other at the training points, and only there. So we keep all the
# powers but make large weights expensive: we add the sum of their squares to
# the cost.
#
# $$
# J(w, b) = \frac1{2n} \sum_{i=1}^{n} (\hat y_i - y_i)^2
# + \frac{\alpha}{2n} \sum_{j=1}^{p} w_j^2
# $$
#
# The second term is a **penalty**, and changing a cost in this way is
# **regularisation**. This penalty is called *L2*, and the linear model with it
# **ridge**. The number $\alpha$, read "alpha", says how expensive weights are.
# You choose it, like the learning rate. The intercept $b$ is free: it only
# lifts the curve. The $\frac12$ is that of lesson 3, and the $n$ below $\alpha$
# makes it the `alpha` of scikit-learn's `Ridge`.
#
# ### One weight, with a pencil
#
# Take the apples of lesson 1, $x = 1, 2, 3$ and $y = 2, 4, 6$, with the model
# $\hat y = x w$. At the minimum the slope of the cost is zero:
#
# $$
# J'(w) = \frac13 \sum_i x_i (x_i w - y_i) + \frac{\alpha}{3} w
# = \frac13 (14\,w - 28 + \alpha\,w) = 0
# \quad\Rightarrow\quad w = \frac{28}{14 + \alpha} .
# $$
#
# Without a penalty $w$ is 2. With $\alpha = 14$ it is 1, with $\alpha = 126$ it
# is $0.2$. The weight shrinks, but it never becomes exactly 0.
#
# ## Predict before you run
#
# 1. With a penalty the error on the training points rises. Can the error on the
#    validation points fall?
# 2. As $\alpha$ grows, does every single weight come nearer to zero all the
#    time?
# 3. Keras's optimizers have an argument `weight_decay`. Do `SGD`, `SGD` with
#    momentum and a third optimizer, `AdamW`, all end at the weights of ridge
#    with it?
#
# ## By hand
#
# With many weights the slope is zero where $w = (X^\top X + \alpha I)^{-1}
# X^\top y$. It is the same formula: $X^\top X$ in place of 14, $X^\top y$ in
# place of 28, and the inverse of a matrix in place of the division. In $X^\top$
# rows and columns are exchanged; $I$ is the identity matrix, with ones on its
# diagonal and zeros elsewhere. The means are subtracted from $X$ and $y$ first,
# so that $b$ has no part in it.

# %% tags=["source"]
from course.lesson08 import ridge

# %% [markdown]
# The same 15 points, all nine powers, and a growing $\alpha$. The last column
# is the length of the weight vector, $\|w\| = \sqrt{\sum_j w_j^2}$.


# %%
def powers(x):
    return x[:, None] ** np.arange(1, 10)  # columns x, x², …, x⁹


def error(theta, x, y):  # theta: the weights, then b
    return np.mean((powers(x) @ theta[:-1] + theta[-1] - y) ** 2)


print("α        training  validation   ‖w‖")
for alpha in (0, 1e-5, 1e-3, 0.1, 10):
    theta = ridge(powers(training[0]), training[1], alpha)
    print(
        f"{alpha:<7g} {error(theta, *training):9.3f}"
        f" {error(theta, *validation):10.3f}"
        f" {np.linalg.norm(theta[:-1]):8.1f}"
    )

# %% tags=["hide-input"]
alphas = 10.0 ** np.arange(-6, 2)
thetas = [ridge(powers(training[0]), training[1], a) for a in alphas]
against_alpha = np.array(
    [
        [error(theta, *part) for part in (training, validation)]
        for theta in thetas
    ]
)
best = against_alpha[:, 1].argmin()


def curve(x, alpha):
    theta = ridge(powers(training[0]), training[1], alpha)
    return powers(x) @ theta[:-1] + theta[-1]


notebook.figure(
    lambda: diagrams.fits(
        *training,
        {
            f"α = {a:g}": lambda x, a=a: curve(x, a)
            for a in (0, alphas[best], 10)
        },
        new=validation,
        ylim=(-2, 2),
    ),
    alt="Three curves of degree 9. Without a penalty it leaves the picture;"
    " with a small one it follows the wave; with a large one it is nearly"
    " flat.",
)
notebook.figure(
    lambda: diagrams.two_errors(
        alphas,
        *against_alpha.T,
        "α",
        log=True,
        falling=True,
        sides=("underfitting", "overfitting"),
    ),
    alt="α falls from left to right. The training error falls all the way; the"
    " validation error falls, is smallest in the middle, and rises again.",
)

# %% tags=["remove-cell"]
notebook.numbers(
    best_alpha=alphas[best],
    ridge_validation=against_alpha[best, 1],
    ridge_test=error(thetas[best], *test),
    free_test=ninth_test,
)

# %% [markdown]
# It is the same picture as before, with $\alpha$, falling to the right, in
# place of the degree. The validation set chooses $\alpha$ =
# {number}`best_alpha:g`, with the error {number}`ridge_validation:.3f`. On the
# test set degree 9 had {number}`free_test:.2f` without a penalty, and has
# {number}`ridge_test:.3f` with it.
#
# ### Weight decay
#
# Descent finds ridge too. The penalty adds $\alpha w / n$ to the gradient, and
# the step $w \leftarrow w - \eta\, \partial J / \partial w$ can be rearranged:
#
# $$
# w \leftarrow w \Bigl(1 - \frac{\eta\alpha}{n}\Bigr) -
# \frac{\eta}{n} \sum_{i=1}^{n} (\hat y_i - y_i)\, x_i .
# $$
#
# First each weight loses a fixed fraction of itself, then comes the step of
# least squares. Hence the name **weight decay**. (Many books write $\alpha$ for
# our $\eta$, $\lambda$ for our $\alpha$ and $m$ for $n$.)

# %% tags=["source"]
from course.lesson08 import gradient, descend

# %% [markdown]
# We try it on data of 442 patients with diabetes. The features are age, sex,
# body mass index (`bmi`), blood pressure (`bp`) and six values of the blood
# serum, `s1` to `s6`, all standardised. The target $y$ is how far the disease
# went in a year.

# %%
X, y, names = lesson.load_data()
n, alpha = len(X), len(X) / 8
path = descend(X, y, learning_rate=0.4, steps=200, decay=alpha / n)

print("least squares:", ridge(X, y, 0)[:4].round(3), "…")
print("ridge:        ", ridge(X, y, alpha)[:4].round(3), "…")
print("weight decay: ", path[-1][:4].round(3), "…")

# %% tags=["remove-cell"]
s1 = names.index("s1")
s2 = names.index("s2")
free, shrunk = ridge(X, y, 0), ridge(X, y, alpha)
assert np.abs(path[-1] - shrunk).max() < 1e-3
notebook.numbers(
    kept=1 - 0.4 / 8,
    norm_free=np.linalg.norm(free[:-1]),
    norm_ridge=np.linalg.norm(shrunk[:-1]),
    s1_free=free[s1],
    s2_free=free[s2],
    s2_ridge=shrunk[s2],
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.weights(alpha, **lesson.shrink(X, y, names)),
    alt="Left: as the penalty grows, on a logarithmic axis, all weights come to"
    " zero in the end; some of them change their sign on the way. Right: the"
    " length of the weight vector falls all the way.",
)

# %% [markdown]
# Each step keeps $1 - 0.4 / 8$ = {number}`kept` of every weight, and descent
# ends at ridge. The length $\|w\|$ falls from {number}`norm_free:.2f` to
# {number}`norm_ridge:.2f`. A single weight may go its own way. `s1` and `s2`
# say nearly the same about a patient, and least squares gives them large
# weights of opposite sign, {number}`s1_free:.2f` and {number}`s2_free:.2f`.
# Ridge does not pay for that: the weight of `s2` becomes
# {number}`s2_ridge:.2f`, on the other side of zero.
#
# ### Going deeper: which weights shrink
#
# You need: the singular value decomposition of a matrix.
#
# This decomposition finds the directions in which the data are spread. Along a
# direction with the singular value $d$ (`np.linalg.svd` of $X$ minus its
# means), ridge keeps the fraction $d^2 / (d^2 + \alpha)$ of what least squares
# has there. Where the data are spread widely it keeps much; where two features
# say the same, their difference is a direction with a small $d$, and it keeps
# little.

# %%
d = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
print((d**2 / (d**2 + alpha)).round(2))

# %% [markdown]
# ### Going deeper: bias and variance
#
# You need: the variance of a random number.
#
# Draw the noise of a training set anew, {number}`draws:,d` times, and fit each.
# The **bias**, here not $b$, is the distance of the average fit from the truth;
# the **variance** says how widely the fits scatter about their average. The
# error on new points is the squared bias plus the variance plus the noise of
# these points. A larger $\alpha$ lowers the variance and raises the bias. The
# best $\alpha$ lies between.

# %% tags=["hide-input"]
found = lesson.fit_polynomials(0, lesson.DRAWS)
notebook.figure(
    lambda: figures.polynomial(**found),
    alt="Left: without a penalty the curve swings wildly between the first"
    " points; with a small one it stays near the sine. Right: the test error"
    " first falls and then rises as the penalty grows.",
)

# %% tags=["remove-cell"]
notebook.numbers(draws=lesson.DRAWS)

# %% [markdown]
# ## In Keras
#
# The penalty is an argument of the layer, `kernel_regularizer`; the kernel is
# Keras's word for $w$. `L2(c)` adds $c \sum_j w_j^2$ to the loss. The loss
# `"mse"` is $\frac1n \sum_i (\hat y_i - y_i)^2$, without our $\frac12$. So all
# of it is $2J$ if $c = \alpha / n$, and half the learning rate makes the same
# step.

# %%
model = keras.Sequential(
    [
        keras.Input((10,)),
        keras.layers.Dense(
            1,
            kernel_initializer="zeros",
            kernel_regularizer=keras.regularizers.L2(alpha / n),
        ),
    ]
)
model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.2), loss="mse")
model.fit(X, y, batch_size=n, epochs=200, verbose=0)

w = model.get_weights()[0][:, 0]
print("Keras:       ", w[:4].round(3), "…")
print("scikit-learn:", Ridge(alpha).fit(X, y).coef_[:4].round(3), "…")

# %% tags=["remove-cell"]
assert np.abs(w - shrunk[:-1]).max() < 1e-3

# %% [markdown]
# So scikit-learn's `Ridge(alpha)` is Keras's `L2(alpha / n)` beside `"mse"`.
# The page on [penalties](penalties) derives the factor for other penalties and
# losses.
#
# ## Checked
#
# The lesson compares ridge, Keras and every step of descent with scikit-learn
# and with formulas, and the error on new points with the sum of squared bias,
# variance and noise.

# %% tags=["hide-input"]
outcome = notebook.run(8)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# Keras's optimizers offer a second way: `SGD(0.4, weight_decay=0.125)` takes
# the fraction $\eta$ · `weight_decay` off the weights in each step. With
# `weight_decay` = $\alpha / n$, and a loss with our $\frac12$, this is our
# formula. Is it also ridge with another optimizer? The picture shows $\|w\|$
# after each step, and dashes for ridge and least squares.

# %% tags=["hide-input"]
notebook.figure(
    outcome.figures["decay"],
    alt="The length of the weight vector at each step. Left: descent with"
    " either form ends at ridge; with momentum, weight decay ends at a larger"
    " length. Right: Adam with L2 ends at ridge; AdamW passes it and goes on"
    " towards least squares.",
)

# %% tags=["remove-cell"]
paths = outcome.measured["decay"]["paths"]
plain = paths["SGD: weight_decay"][-1]
heavy = paths["momentum: weight_decay"][-1]
adam_l2 = paths["Adam: L2"][-1]
adam_w = paths["AdamW: weight_decay"][-1]
assert np.abs(plain[:-1] - shrunk[:-1]).max() < 1e-3
notebook.numbers(
    b_ridge=shrunk[-1],
    b_plain=plain[-1],
    momentum=lesson.MOMENTUM,
    size_heavy=np.linalg.norm(heavy[:-1]),
    size_adam_l2=np.linalg.norm(adam_l2[:-1]),
    size_adam_w=np.linalg.norm(adam_w[:-1]),
)

# %% [markdown]
# - `SGD`: $w$ ends at ridge. But the intercept decays too:
#   {number}`b_plain:.2f` instead of {number}`b_ridge:.2f`, unless
#   `optimizer.exclude_from_weight_decay(var_names=["bias"])` spares it.
# - `SGD` with momentum $\mu$ = {number}`momentum`: the velocity is $v
#   \leftarrow \mu v - \eta\, \partial J / \partial w$, at rest $v =
#   -\frac{\eta}{1 - \mu}\, \partial J / \partial w$. So the gradient counts $1
#   / (1 - \mu)$ times, the decay once. It is too weak, and descent ends at
#   ridge with $(1 - \mu)\,\alpha$: $\|w\|$ = {number}`size_heavy:.2f`.
# - `Adam` divides each component of the gradient by its usual size. With the
#   penalty in the cost it ends at ridge, {number}`size_adam_l2:.2f`. `AdamW`
#   takes the decay off beside this step, and ends far from ridge, at
#   {number}`size_adam_w:.2f`.
#
# If you want ridge, put the penalty into the cost. `weight_decay` is useful
# too, but the same value means something else to each optimizer.
#
# ## Summary
#
# - A small training error proves nothing. The validation set chooses between
#   models, the test set judges the chosen one.
# - Underfitting: both errors are large. Overfitting: the training error is
#   small, the error on new points large.
# - Ridge adds $\alpha$ times the squares of the weights to the cost. A small
#   $\alpha$ can turn an overfitted model into a good one.
# - For plain gradient descent the penalty is weight decay. For other optimizers
#   it is not.
#
# ## Answers
#
# 1. Yes. From $\alpha = 0$ to $\alpha$ = {number}`best_alpha:g` it falls from
#    {number}`validation_9:.3f` to {number}`ridge_validation:.3f`.
# 2. No. In the end all come close to zero, but the weight of `s2` crosses zero
#    on its way, from {number}`s2_free:.2f` to {number}`s2_ridge:.2f`. Only the
#    length $\|w\|$ is sure to fall.
# 3. No. Ridge has $\|w\|$ = {number}`norm_ridge:.2f`. `SGD` ends there (if $b$
#    is spared), `SGD` with momentum at {number}`size_heavy:.2f` and `AdamW` at
#    {number}`size_adam_w:.2f`.
#
# ## What to try next
#
# - Draw other points: `default_rng(2)`. Which degree is chosen now? Which
#   $\alpha$?
# - Take 150 training points instead of 15. Does degree 9 still overfit?
# - Double all rows of $X$ and $y$ and keep $\alpha$. Are the weights of ridge
#   the same? And if $\alpha / n$ is kept?
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
