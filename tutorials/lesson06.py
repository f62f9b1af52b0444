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
# # Lesson 6: Cost functions
#
# ## The question
#
# A network puts out numbers; a cost says how wrong they are. There are several
# costs, and any of them can be written into the program without an error
# message. Which one belongs to which output? And what happens with the wrong
# one: a slightly worse result, or a model that does not learn at all?
#
# This page calls the functions of `course/lesson06.py` and `course/costs.py`;
# open those files beside it. Every number in the text was computed by the cells
# on this page.

# %%
import keras
import numpy as np

from course import costs, lesson06 as lesson, notebook
from course.checks.lesson06 import log_loss, logistic_regression
from course.checks.references import central_difference
from course.figures import lesson06 as figures

z, classes, labels, _ = lesson.make_logits(seed=0)
p, q = costs.softmax(z), costs.sigmoid(z)

notebook.numbers(
    rows=len(z),
    first_row_of_z=z[0],
    softmax_of_it=p[0],
    sigmoid_of_it=q[0],
    softmax_sum=p[0].sum(),
    sigmoid_sum=q[0].sum(),
)

# %% [markdown]
# ## Predict before you run
#
# The numbers $z$ of the last layer are called *logits*; they may be anything.
# Two functions turn them into probabilities $p$. With $k$ numbers in a row, the
# *softmax* and the *sigmoid* are
#
# $$
# p_j = \frac{e^{z_j}}{e^{z_1} + \dots + e^{z_k}} \qquad
# \qquad p_j = \frac{1}{1 + e^{-z_j}} .
# $$
#
# The table shows both for the same logits. The probabilities of a softmax sum to
# {number}`softmax_sum:.0f`: exactly one of the classes is right. The sigmoids
# do not; here they add up to {number}`sigmoid_sum:.2f`. Each answers for a
# label of its own, which is on (yes) or off (no). Write down your answers
# first:
#
# 1. A sigmoid is quite sure of the wrong answer. Under which cost does it learn
#    faster: the squared error, or the logarithm of the probability?
# 2. Three labels are all on, and somebody uses softmax for them. How small can
#    the cost become?
# 3. A model gives the right class the probability $10^{-12}$. What does Keras
#    say that this costs?

# %% [markdown]
# ## By hand
#
# A probability is judged by its logarithm. For $n$ rows, with $y_{ij} = 1$
# where $j$ is the right class of row $i$ and 0 elsewhere, the *cross entropy*
# is
#
# $$
# J = -\frac1n \sum_i \sum_j y_{ij} \ln p_{ij} .
# $$
#
# For $m$ labels, each on (1) or off (0), the *binary cross entropy* is the mean
# over rows and labels of
#
# $$
# -\bigl[\, y_{ij} \ln p_{ij} + (1 - y_{ij}) \ln (1 - p_{ij}) \,\bigr] .
# $$
#
# For plain numbers there is the mean squared error, MSE. The next figure shows
# what one probability $p$ costs when the target is 1.

# %% tags=["hide-input"]
notebook.figure(
    figures.curves,
    alt="Left: as p falls to zero, cross entropy rises without bound, while the"
    " squared error ends at one. Right, p on a logarithmic axis: cross entropy"
    " is a straight line, its clipped version turns level far to the left.",
)

# %% [markdown]
# On the left, both costs are zero for $p = 1$. The difference is at the other
# end: a confident error costs at most 1 under MSE, but cross entropy grows
# without bound. On the right, $p$ runs far down on a logarithmic axis. The
# dashed line is what Keras computes from probabilities; more of it in the trap.
#
# ### The gradient decides
#
# Learning follows the gradient of the cost with respect to the logits. Worked out
# for cross entropy (left) and for a sigmoid with MSE (right), it is
#
# $$
# \frac{\partial J}{\partial z} = \frac{p - y}{n} \qquad \qquad
# \frac{\partial J}{\partial z} = \frac{2\, (p - y)\, p\, (1 - p)}{n} .
# $$
#
# With $m$ labels, divide by $mn$ instead of $n$. The left gradient is just
# "output minus target". The right one has the factor $p (1 - p)$, which vanishes
# where $p$ is near 0 or 1, *however wrong it is*. `matched_gradient` and
# `squared_error_gradient` are these formulas; `central_difference` measures the
# same gradient by moving each logit a little up and down.

# %%
y = np.eye(3)[classes]  # one row per example, a 1 at its class
by_formula = lesson.matched_gradient(y, p, len(z))
by_differences = central_difference(
    lambda z: costs.cross_entropy(y, z, from_logits=True), z
)

notebook.numbers(
    squared_error=costs.mean_squared_error(labels, z),
    one_of_three=costs.cross_entropy(y, p),
    three_labels=costs.binary_cross_entropy(labels, q),
    gradient_difference=np.abs(by_formula - by_differences).max(),
)

# %% [markdown]
# The examples are {number}`rows` made-up rows of logits, each with a class and
# three labels. The cross entropy of the classes is {number}`one_of_three:.3f`,
# the binary cross entropy of the labels {number}`three_labels:.3f`. The
# measured gradients differ from the formula by at most
# {number}`gradient_difference:.0e`.
#
# ### Sure, and wrong
#
# Now let one sigmoid unit, whose target is 1, start at a logit far below zero,
# so that $p$ is almost 0. Both costs get the same start and the same learning
# rate.

# %%
saturated = lesson.saturate()
logit = {
    name: path.sum(axis=(1, 2))  # z = w + b, at every step
    for name, path in saturated["by_hand"].items()
}
steps = {name: np.argmax(path >= 0) for name, path in logit.items()}
first_p = costs.sigmoid(lesson.SATURATED)

notebook.numbers(
    first_logit=lesson.SATURATED,
    first_p=first_p,
    first_slope_mse=lesson.squared_error_gradient(1, first_p, terms=1),
    first_slope_entropy=lesson.matched_gradient(1, first_p, terms=1),
    steps_mse=steps["MSE"],
    steps_entropy=steps["cross entropy"],
)

# %% [markdown]
# The unit starts with $p$ = {number}`first_p:.1e`. Cross entropy pulls with the
# slope {number}`first_slope_entropy:.3f`, MSE with
# {number}`first_slope_mse:.1e`. So the one needs {number}`steps_entropy` steps
# to come to $p = \tfrac12$, the other {number}`steps_mse:,d`.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.saturated(**saturated),
    alt="Left: in the first steps the cross entropy drops almost to zero while"
    " the MSE stays where it is. Right, steps on a logarithmic axis: p rises"
    " towards one at once under cross entropy, and only after more than a"
    " thousand steps under MSE.",
)

# %% [markdown]
# On the left, the cost as a fraction of the first cost: under MSE it looks as if
# nothing could be learnt. On the right, $p$ itself, with the steps on a
# logarithmic axis and the grey line at one half. MSE does arrive in the end,
# but such a stretch of nothing is easily taken for a broken model.
#
# ## In Keras
#
# The costs take the logits and contain the output function, so the last layer
# is a plain `Dense`. `fit` trains the three species of iris with softmax and
# cross entropy, and three made-up labels with sigmoid and binary cross entropy:
# by hand and in Keras, on the objective that scikit-learn minimises. That
# objective adds a small penalty on large weights, as scikit-learn's does.

# %%
X, species = lesson.load_data()
X_labels, on_off = lesson.make_labels(seed=0)
with notebook.precision("float64"):
    iris = lesson.fit(
        X,
        species,
        costs.softmax,
        keras.losses.CategoricalCrossentropy,
        lesson.STEPS,
    )
    three = lesson.fit(
        X_labels,
        on_off,
        costs.sigmoid,
        keras.losses.BinaryCrossentropy,
        lesson.STEPS,
    )
exact = logistic_regression(X, species, exclusive=True)

notebook.numbers(
    iris_cost=log_loss(X, species, iris["by_hand"][-1], exclusive=True),
    labels_cost=log_loss(
        X_labels, on_off, three["by_hand"][-1], exclusive=False
    ),
    largest_error=np.abs(iris["in_keras"][-1] - exact.ravel()).max(),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.fitted(iris=iris, labels=three),
    alt="Left: every weight in Keras against scikit-learn's lies on the"
    " diagonal. Right, on a logarithmic axis: the distance of the cost from"
    " scikit-learn's falls along nearly straight lines to the rounding.",
)

# %% [markdown]
# On the left, each mark is one weight: Keras's upwards, scikit-learn's to the
# right. All lie on the diagonal, and for iris the largest error is
# {number}`largest_error:.0e`. On the right is how far the cost still is above
# scikit-learn's. It falls until only rounding is left, at the cross entropy
# {number}`iris_cost:.4f` for iris and {number}`labels_cost:.4f` for the labels.
#
# ## Checked
#
# Each cost is computed by hand, in Keras and by scikit-learn's `metrics`, with
# and without weights for the rows. Each gradient is compared with differences of
# the cost and with automatic differentiation. The steps of the unit that is sure
# and wrong are compared with the differential equation that very small steps
# would follow.

# %%
outcome = notebook.run(6)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# It is tempting to let the last layer compute the probabilities and to give
# those to the cost. Then Keras moves every probability into the range from
# $\varepsilon$ to $1 - \varepsilon$ first, with $\varepsilon$ =
# {number}`epsilon:.0e`, lest a logarithm become infinite. That is the *clip*.

# %%
on = np.array([[0.0, 1.0]])  # the second class is the right one
wrong = np.array([[1 - lesson.TINY, lesson.TINY]])
logits = np.log(wrong)  # softmax of these is `wrong`
with notebook.precision("float64"):
    from_p = keras.losses.CategoricalCrossentropy()
    from_z = keras.losses.CategoricalCrossentropy(from_logits=True)
    seen, true = float(from_p(on, wrong)), float(from_z(on, logits))
all_on = costs.binary_cross_entropy(
    np.ones((1, 3)), costs.softmax(np.zeros((1, 3)))
)

notebook.numbers(
    epsilon=lesson.EPSILON,
    by_hand=costs.cross_entropy(on, wrong),
    clipped=seen,
    unclipped=true,
    all_on=all_on,
)

# %% [markdown]
# The right class has the probability $10^{-12}$. By hand that costs
# {number}`by_hand:.2f`, and from the logits Keras agrees:
# {number}`unclipped:.2f`. From the probability it says {number}`clipped:.2f`.
# Worse, below the clip the cost is level and its gradient zero, as a check above
# confirms: the worst errors teach nothing. The cure is `from_logits=True` and
# a last layer without softmax or sigmoid. (On TensorFlow, Keras may find the
# logits behind a softmax or sigmoid by itself; on JAX and PyTorch it does not.)
#
# A related trap is softmax for independent labels. Three labels that are all on
# want three ones, but the probabilities of a softmax sum to 1. Equal ones are
# the best it can do, and they still cost {number}`all_on:.3f`. The lesson's
# checks find the same floor by descent.
#
# ## What to try next
#
# - Start the unit that is sure and wrong at $z = -4$ instead. Predict the steps
#   that each cost needs, then measure.
# - Forget `from_logits=True` but leave the layer without softmax. What does
#   Keras do with logits that are no probabilities?
# - Show that $\ln 3$ is the floor for three labels that are all on. What is it
#   for three that are all off?
# - Give each row a weight, in Keras and in scikit-learn. Why do they differ?
#   (Look for `mean_with_sample_weight`.)
#
# ## Sources
#
# - C. M. Bishop, *Pattern Recognition and Machine Learning*, Springer, 2006,
#   section 4.3.
# - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press, 2016,
#   section 6.2.
