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
# python -m course read 9, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 9: L1: the lasso and sparsity
#
# ## The question
#
# Ten measurements were taken of each of 442 patients with diabetes. A year
# later a doctor recorded how far the disease had gone. Which of the ten are
# needed to predict it? If some are enough, nobody has to pay for the
# others.
#
# A measurement whose weight is zero is not needed. Least squares gives all ten
# a weight, and so does ridge, the penalty of [lesson 8](lesson08): it makes
# weights small, never exactly zero. A slightly different penalty does: it adds
# the *absolute values* of the weights in place of their squares:
#
# $$
# J(w, b) = f(w, b) + \alpha \sum_{j=1}^{p} |w_j|, \qquad
# f(w, b) = \frac1{2n} \sum_{i=1}^{n} (\hat y_i - y_i)^2 .
# $$
#
# This is the **lasso**; the penalty is called *L1*. A model with many zeros is
# called **sparse**, and finding the features that matter is **feature
# selection**. As before $\alpha$ says how strong the penalty is, and $b$ is
# free of it. Here $\alpha$ is not divided by $n$; it is the `alpha` of
# scikit-learn's `Lasso`.

# %% tags=["hide-input"]
import numpy as np

from course import lesson09 as lesson, notebook, prox
from course.figures import diagrams
from course.lesson03 import gradient
from course.optimizers import ProximalSGD

import keras

# %% [markdown]
# ## The idea: a diamond has corners
#
# Take two weights. Think of the penalty as a budget: the weights must stay
# where $|w_1| + |w_2|$ is at most some number $r$. These places form a
# **diamond**. Ridge's budget is $w_1^2 + w_2^2 \le r^2$, a **circle**. A larger
# $\alpha$ means a smaller budget.

# %% tags=["hide-input"]
star = np.array([2.0, 0.5])

notebook.figure(
    lambda: diagrams.regions(
        star,
        {
            "lasso, α = 0.25": (1, lesson.soft_threshold(star, 0.25)),
            "lasso, α = 0.75": (1, lesson.soft_threshold(star, 0.75)),
            "ridge, α = 0.75": (2, star / 1.75),
        },
    ),
    alt="A star outside a large diamond, a small diamond and a circle, with"
    " blue circles around it. They touch the large diamond on an edge, the"
    " small one at its corner on the axis, the circle beside the axis.",
)

# %% [markdown]
# The star is the place of the lowest cost. On a blue line the cost $f$ is the
# same everywhere. So we look for the smallest blue circle that still touches
# the budget, at the red dot.
#
# - The large diamond is touched on an edge. Both weights remain.
# - The small diamond is touched at a **corner**. It lies on an axis: $w_2$ is
#   0.
# - The circle has no corners. Both weights remain, however small it is.
#
# Why at a corner? For round lines of cost, the red dot is the point of the
# diamond nearest to the star. Draw many stars and join each to its nearest
# point:

# %% tags=["hide-input"]
stars = 2 * np.random.default_rng(0).normal(size=(60, 2))
notebook.figure(
    lambda: diagrams.nearest(stars),
    alt="A small diamond. From the four wide shaded wedges all lines run to the"
    " nearest corner; only from the four narrow strips between them they run to"
    " an edge.",
)

# %%
stars = np.random.default_rng(0).normal(size=(100_000, 2))
for size in (1, 3, 10):  # how far the stars lie from zero
    w = np.abs(size * stars)
    outside = w.sum(axis=1) > 1
    corner = np.abs(w[:, 0] - w[:, 1]) > 1  # the shaded wedges
    print(size, "at a corner:", np.mean(corner[outside]).round(2))

# %% [markdown]
# An edge collects only the stars of the narrow strip in front of it. A corner
# collects all of a wedge, which becomes wider and wider. Making the diamond ten
# times smaller is the same as moving the stars ten times further away: more and
# more of them belong to a corner. With ten weights there are many more such
# corners and edges, on which some weights are zero.
#
# ## Predict before you run
#
# 1. Take one unknown, here called $x$, and $F(x) = \frac12 (x - 1)^2 + \alpha
#    |x|$. Where is the minimum for $\alpha = 0.5$, and where for $\alpha = 2$?
# 2. Is there an $\alpha$ at which all ten weights of the lasso are zero? And at
#    which all of ridge are?
# 3. Keras has this penalty built in, `keras.regularizers.L1`. After 400 steps
#    of its `SGD`, how many weights are exactly zero?
#
# ## By hand
#
# ### One weight
#
# Stand at $x = 0$ on $F(x) = \frac12 (x - 1)^2 + \alpha |x|$. The parabola has
# the slope $x - 1 = -1$ there: a short step to the right gains 1 per unit. The
# same step costs $\alpha$ per unit.
#
# - $\alpha = 0.5$: the step is worth it. On the right the slope of $F$ is
#   $(x - 1) + 0.5$. It is zero at $x = 0.5$, the minimum.
# - $\alpha = 2$: the step costs more than it gains. A step to the left costs as
#   well and gains nothing. So the minimum is exactly at $x = 0$.

# %% tags=["hide-input"]
notebook.figure(
    lambda: diagrams.one_weight(lesson.CORNER_ALPHAS),
    alt="Left: with the absolute value the minimum moves from one to one half,"
    " and for the strong penalty into a corner at zero. Right: with the square"
    " both minima lie right of zero.",
)

# %% [markdown]
# Ridge's penalty, $\frac12 \alpha x^2$ on the right, is flat at 0: the first
# short step away from 0 costs almost nothing. The slope $(x - 1) + \alpha x$ is
# zero at $x = 1 / (1 + \alpha)$, so the minimum is never 0.
#
# With $v$ in place of 1, the minimum of $\frac12 (x - v)^2 + t |x|$ is found in
# the same way. It lies $t$ nearer to zero than $v$, or at zero if $v$ is within
# $t$ of it. This is the **soft threshold**:
#
# $$
# S(v, t) = \begin{cases} v - t & v > t \\
# 0 & |v| \le t \\ v + t & v < -t . \end{cases}
# $$

# %% tags=["source"]
from course.lesson09 import soft_threshold

# %%
v = np.array([-3, -0.4, 0.1, 1, 2.5])
print("t = 0.5:", soft_threshold(v, 0.5))
print("t = 2:  ", soft_threshold(v, 2))

# %% [markdown]
# ### Many weights: the proximal step
#
# Now the weights of a model. Take an ordinary gradient step on $f$, without the
# penalty. Then move every weight towards zero by $\eta\alpha$, but never beyond
# zero:
#
# $$
# v = w - \eta\, \frac{\partial f}{\partial w}, \qquad
# w \leftarrow S(v, \eta\alpha) .
# $$
#
# The second half is called the **proximal step**. Why $\eta\alpha$? A step goes
# as far as $\eta$ times a slope, and the slope of the penalty is $\alpha$. Take
# $F$ from above with $\alpha = 2$, start at $x = 1$ and let $\eta = 0.75$. The
# parabola is flat at 1, so $v = 1$, and $S(1, 1.5) = 0$: at the minimum,
# exactly. An ordinary step on $F$ goes to $1 - 0.75 \cdot 2 = -0.5$, across
# zero.
#
# Both halves together, again and again, are called *ISTA* (iterative
# shrinkage-thresholding algorithm). Here `l1_ratio` is 1 (see below).

# %% tags=["source"]
from course.lesson09 import ista

# %%
X, y, names = lesson.load_data()  # columns of mean 0 and deviation 1
path = ista(X, y, alpha=1 / 16, learning_rate=1 / 4, steps=400)
for name, weight in zip(names, path[-1]):
    print(f"{name:4} {weight:+.4f}")

# %% tags=["remove-cell"]
n, w = len(y), path[-1, :-1]
dropped = w == 0
moving = np.flatnonzero((path[:, :-1][:, dropped] != 0).any(axis=1))
G, c = lesson.moments(X, y)
twins = lesson.every_alpha(X, y)["twice"]
notebook.numbers(
    zeros_lasso=dropped.sum(),
    kept=np.sum(~dropped),
    selected=", ".join(np.array(names)[~dropped]),
    settled=moving[-1] + 1,
    alpha_max=np.abs(c).max(),
    last=names[np.abs(c).argmax()],
    twin_1=twins[0, 0],
    twin_2=twins[0, 1],
    twin_net=twins[1, 0],
)

# %% [markdown]
# The lasso selects {number}`kept` features: {number}`selected` (lesson 8
# explains the names). The other {number}`zeros_lasso` weights are exactly zero,
# from step {number}`settled` on.
#
# How large must $\alpha$ be for all of them to be zero? At $w = 0$ a weight
# leaves zero only if a step gains more than it costs, $|\partial f / \partial
# w_j| > \alpha$. So the answer is the largest of these slopes at $w = 0$, where
# $b$ is the mean of $y$: {number}`alpha_max:.3f` here, the one of
# {number}`last`.
#
# ### Both penalties: the elastic net
#
# If two features say the same, the lasso may take either. With a copy of the
# column `bmi`, the twins get the weights {number}`twin_1:.2f` and
# {number}`twin_2:.2f`. The **elastic net** adds some of ridge's penalty. The
# fraction $\rho$ (`l1_ratio`) of $\alpha$ is for L1:
#
# $$
# J(w, b) = f(w, b) + \alpha \sum_{j=1}^{p}
# \Bigl( \rho\, |w_j| + \frac12 (1 - \rho)\, w_j^2 \Bigr) .
# $$
#
# With $\rho = \frac12$ and twice the $\alpha$, so that L1 is as strong as
# before, it shares the weight fairly: {number}`twin_net:.2f` each. In `ista`
# ridge's part is the division after the soft threshold, as in $1 / (1 +
# \alpha)$. In Keras it is `keras.regularizers.L1L2(l1, l2)`, which adds $\ell_1
# \sum_j |w_j| + \ell_2 \sum_j w_j^2$ to the loss.
#
# ## In Keras
#
# Keras's optimizers have no proximal step, so the course adds one,
# `ProximalSGD` in `course/optimizers.py`. Its `prox` is the soft threshold, an
# `ElasticNet` with $\rho = 1$. As in lesson 8, `"mse"` is $2f$. So $\alpha$ is
# doubled, and half the learning rate makes the same step.

# %%
dense = keras.layers.Dense(1, kernel_initializer="zeros")
model = keras.Sequential([keras.Input((10,)), dense])
optimizer = ProximalSGD(learning_rate=1 / 8, prox=prox.ElasticNet(2 / 16))
model.compile(optimizer=optimizer, loss="mse")
model.fit(X, y, batch_size=len(X), epochs=400, verbose=0)

w = model.get_weights()[0][:, 0]
print("selected:", [name for name, weight in zip(names, w) if weight != 0])
print("zeros:", np.sum(w == 0))

# %% tags=["remove-cell"]
assert np.abs(w - path[-1, :-1]).max() < 1e-5
notebook.numbers(zeros_keras=np.sum(w == 0))

# %% [markdown]
# Keras derives the slope of $f$ itself, and the same {number}`zeros_keras`
# weights end at exactly zero.
#
# ## Checked
#
# The lesson compares these weights with scikit-learn's `Lasso`, `ElasticNet`
# and `lasso_path`, which find the minimum in another way. It also checks two
# conditions that only the minimum meets, explained below.

# %% tags=["hide-input"]
outcome = notebook.run(9)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ### Does it find the true features?
#
# For the patients nobody knows which features are the true ones. So the lesson
# makes {number}`data_sets` data sets for which we know them: {number}`features`
# features, {number}`features_true` of them with a weight, and noise with the
# standard deviation $\sigma$. *Precision* is the fraction of the selected
# features that are true, *recall* the fraction of the true ones that are
# selected.

# %% tags=["hide-input"]
notebook.figure(
    outcome.figures["selection"],
    alt="Three pictures against the noise. With one penalty the fraction of the"
    " selected features that are true falls; with a penalty that grows with the"
    " noise it stays high, and the fraction of the true features that are"
    " selected falls.",
)

# %% tags=["remove-cell"]
found = outcome.measured["selection"]
(precision_one, precision_rule), (_, recall_rule) = (
    found[name][:, -1] for name in ("precision", "recall")
)
notebook.numbers(
    features=len(lesson.TRUE),
    features_true=np.count_nonzero(lesson.TRUE),
    data_sets=len(found["y"][0]),
    max_sigma=lesson.NOISES[-1],
    precision_one=precision_one,
    precision_rule=precision_rule,
    recall_rule=recall_rule,
)

# %% [markdown]
# With one $\alpha$ for all (blue), at the strongest noise, $\sigma$ =
# {number}`max_sigma:.0f`, only {number}`precision_one:.2f` of the selected
# features are true: the others came by chance. An $\alpha$ that grows with the
# noise (orange) keeps {number}`precision_rule:.2f`, but then only
# {number}`recall_rule:.2f` of the true ones are found. So do not read
# "selected" as "true". [Lesson 10](lesson10) shows how to choose $\alpha$.
#
# ### Going deeper: how to know that it is the minimum
#
# You need: partial derivatives of a cost with several weights.
#
# At the minimum no weight wants to move. A weight that is not zero: $f$ pulls
# exactly as hard as the penalty holds back, $\partial f / \partial w_j =
# -\alpha\, \text{sign}(w_j)$. A weight at zero: $|\partial f / \partial w_j|
# \le \alpha$. These are the *KKT conditions*, and the check "KKT violation"
# says by how much they are missed. The *duality gap* is another proof: from the
# errors one computes a number that no cost can be below. If it equals the cost,
# the cost is the lowest.
#
# scikit-learn uses *coordinate descent*: it holds all weights but one fixed.
# With $G = X^\top X / n$ and $c = X^\top y / n$ (means subtracted), $f$ is a
# parabola in $w_j$, and the soft threshold gives its minimum at once, $w_j =
# S(c_j - \sum_{k \ne j} G_{jk} w_k, \alpha) / G_{jj}$. Then comes the next
# weight. Below, the slopes of $f$: exactly $\alpha$ for the selected features,
# less for the others.

# %%
Z, u = X - X.mean(axis=0), y - y.mean()
G, c = Z.T @ Z / len(y), Z.T @ u / len(y)
pull = np.abs(c - G @ path[-1, :-1])  # the size of the slopes of f
print("α =", 1 / 16)
print(dict(zip(names, pull.round(4).tolist())))

# %% tags=["remove-cell"]
notebook.bench("penalty", outcome.measured)

# %% [markdown]
# ## At the bench
#
# Move $\alpha$ and watch where the contours meet the diamond and the circle;
# below it stands the whole path of the ten features. The bench has [a page of
# its own](lab/penalty), with things to try.
#
# ```{bench} penalty
# ```
#
# ## The trap
#
# Keras's own way is shorter: put `keras.regularizers.L1` into the layer and
# train with `SGD`. The cost is the same, and so is its minimum.

# %%
dense = keras.layers.Dense(
    1,
    kernel_initializer="zeros",
    kernel_regularizer=keras.regularizers.L1(2 / 16),
)
model = keras.Sequential([keras.Input((10,)), dense])
model.compile(optimizer=keras.optimizers.SGD(1 / 8), loss="mse")
model.fit(X, y, batch_size=len(X), epochs=400, verbose=0)

w = model.get_weights()[0][:, 0]
print("zeros:", np.sum(w == 0))
for name, weight in zip(names, w):
    print(f"{name:4} {weight:+.4f}")

# %% tags=["remove-cell"]
notebook.numbers(
    zeros_sgd=np.sum(w == 0),
    jump=1 / 4 / 16,
    largest_sgd=np.abs(w[dropped]).max(),
)

# %% tags=["hide-input"]
notebook.figure(
    outcome.figures["zeros"],
    alt="Left: under SGD the weights that should be zero zigzag around it."
    " Middle: with the proximal step they reach zero and stay. Right: the"
    " number of zeros of the lasso grows with α until all weights are zero;"
    " that of ridge is always none.",
)

# %% [markdown]
# After 400 steps the number of zeros is {number}`zeros_sgd`. The left picture
# shows why. Just above zero the slope of the penalty is $+\alpha$, just below
# it is $-\alpha$. However near zero a weight is, the penalty pushes it by the
# same $\eta\alpha$ = {number}`jump:.4f`, and it jumps across, again and again.
# In the middle the proximal step stops at zero. On the right, more and more
# weights of the lasso are zero as $\alpha$ grows, and none of ridge's.
#
# ## Summary
#
# - L1, the sum of the absolute values, makes weights exactly zero. L2 does not.
# - In the picture it is the corners of the diamond. In one dimension: the first
#   step away from zero gains less than it costs.
# - The soft threshold moves a number towards zero and stops there. After each
#   gradient step it is the proximal step.
# - Plain gradient descent with L1 in the cost jumps over zero. Use a proximal
#   step if you need zeros.
#
# ## Answers
#
# 1. At $0.5$ for $\alpha = 0.5$, and at 0, exactly, for $\alpha = 2$.
# 2. For the lasso yes, from $\alpha$ = {number}`alpha_max:.3f` on. For ridge
#    no: not even one weight becomes exactly zero.
# 3. After 400 steps it is {number}`zeros_sgd`. With the proximal step it is
#    {number}`zeros_keras`.
#
# ## What to try next
#
# - Halve the learning rate in the trap. How far from zero do you expect the
#   weights now? Measure it.
# - Divide the column `bmi` by 1000, as if it were given in another unit. Does
#   the lasso still select it? Why must features be standardised before a
#   penalty?
# - Put `l1_ratio=0.5` into `ista`. Which features are selected now?
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
