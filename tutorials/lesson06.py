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
# python -m course read 6, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 6: Cost functions
#
# ## The question
#
# So far the model predicted a number, and the mean squared error (MSE) said how
# wrong it was. But many questions have another kind of answer. Of which of three
# species is this iris? Its petals and sepals were measured: four numbers, for 150
# flowers.

# %% tags=["hide-input"]
import numpy as np

from course import lesson06 as lesson, notebook
from course.figures import diagrams, lesson06 as figures
from course.lesson06 import load_data

import keras

X, y = load_data()

notebook.figure(
    lambda: figures.flowers(X, y),
    alt="Petal width against petal length for three species. One lies far from"
    " the others; the other two overlap a little.",
)

# %% [markdown]
# The answer is not "species $1.7$". And where the species overlap, an honest answer is
# "probably this one". What should such a model put out, and how do we say how wrong
# it is?
#
# ## The idea: probabilities, and what they cost
#
# The model computes one number for each species, as in lesson 3: features times
# weights, plus a bias. This number is called a **logit**, $z$. It may be anything:
# the larger, the more the model believes in this species. The **softmax** turns the
# $k$ logits into probabilities, which are positive and sum to 1:
#
# $$
# p_j = \frac{e^{z_j}}{e^{z_1} + \dots + e^{z_k}} .
# $$

# %% tags=["hide-input"]
notebook.figure(
    lambda: diagrams.network(
        [
            ["$x_1$", "$x_2$", "$x_3$", "$x_4$"],
            ["$z_1$", "$z_2$", "$z_3$"],
            ["$p_1$", "$p_2$", "$p_3$"],
        ],
        ["measurements", "logits", "probabilities"],
    ),
    alt="Four inputs, each connected by a weight with each of three logits; the"
    " softmax makes three probabilities, each of them from all logits.",
)

# %% [markdown]
# For example, the logits 2, 1 and 0: $e^2 = 7.39$, $e^1 = 2.72$ and $e^0 = 1$, with
# the sum $11.11$. The probabilities are $7.39/11.11 = 0.67$, $0.24$ and $0.09$.
#
# Other questions have several right answers. Does this photo show a cat? a dog? a
# tree? Each label is on or off by itself, so that each logit gets a probability of
# its own, by the **sigmoid**:
#
# $$
# p = \sigma(z) = \frac{1}{1 + e^{-z}} .
# $$
#
# The question decides the output, and the output decides the cost:

# %% tags=["hide-input"]
notebook.table(
    [
        ["how much?", "the number itself", "mean squared error"],
        ["which one of k classes?", "softmax", "cross entropy"],
        ["which of m labels?", "sigmoid, each", "binary cross entropy"],
    ],
    ["the question", "output", "cost"],
    "Which cost belongs to which output",
)

# %% [markdown]
# ### Why minus the logarithm
#
# Let $p$ be the probability that the model gave to the *right* class. It should cost
# nothing if $p = 1$, and more the smaller $p$ is. Take $-\ln p$, and compare it with
# the squared error $(1 - p)^2$:

# %% tags=["hide-input"]
notebook.table(
    [
        [word, f"{p}", f"{-np.log(p):.3f}", f"{(1 - p) ** 2:.3f}"]
        for word, p in (
            ("sure and right", 0.9),
            ("cannot decide", 0.5),
            ("sure and wrong", 0.01),
        )
    ],
    ["the model is", "p", "−ln p", "(1 − p)²"],
    "What a prediction costs",
)

# %% [markdown]
# Both are small for $0.9$. But between "cannot decide" and "sure and wrong" the
# squared error does not even quadruple, and it can never exceed 1, while $-\ln p$ grows
# without end. There is a reason for the logarithm. The probability of getting 150
# flowers right is a product, $p_1 p_2 \cdots p_{150}$. We want it large. The
# logarithm turns the product into a sum, and the minus makes a cost of it. Divided
# by the number $n$ of rows it is the **cross entropy**:
#
# $$
# J = -\frac1n \sum_{i=1}^{n} \sum_{j=1}^{k} y_{ij} \ln p_{ij} .
# $$
#
# The targets are **one-hot**: the row $y_i$ is 1 at the right class and 0 elsewhere,
# so that only the right class remains of the inner sum. With $m$ labels, where a label
# that is off should have a small $p$, the **binary cross entropy** is the mean over
# rows and labels of
#
# $$
# -\bigl[\, y_{ij} \ln p_{ij} + (1 - y_{ij}) \ln (1 - p_{ij}) \,\bigr] .
# $$
#
# ## Predict before you run
#
# Write down your answers. The right ones are at the end of the page.
#
# 1. A model for three classes knows nothing yet: all logits are 0. What is its
#    cross entropy?
# 2. A sigmoid is sure of the wrong answer. Does it learn faster with the squared
#    error or with cross entropy?
# 3. Three labels are all on, and somebody uses a softmax for them, with binary
#    cross entropy. How small can this cost become?
#
# ## By hand
#
# In NumPy (`course/costs.py` has the same, with more care). The largest logit is
# subtracted first: this changes no probability, and no exponential is too large for
# the computer. `axis=1` works along each row, and `keepdims=True` keeps the result a
# column.


# %%
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cross_entropy(y, p):
    return -np.mean(np.sum(y * np.log(p), axis=1))


print(softmax(np.array([[2.0, 1.0, 0.0]])).round(2))
nothing = cross_entropy(y, softmax(np.zeros((150, 3))))
print(f"{nothing:.4f} {np.log(3):.4f}")

# %% [markdown]
# The second line answers the first prediction: $-\ln \frac13 = \ln 3$. A model that
# ends no lower has learnt nothing from its inputs.
#
# ### The gradient: output minus target
#
# Take one sigmoid with the target $y = 1$, so $J = -\ln p$. By the chain rule the
# slope in $z$ is the slope of $J$ in $p$, times the slope of the sigmoid. The
# first is $-1/p$. The second is $e^{-z} / (1 + e^{-z})^2$, which is $p (1 - p)$, because
# $1 - p = e^{-z} / (1 + e^{-z})$. The $p$ cancels:
#
# $$
# \frac{\partial J}{\partial z} = -\frac1p \cdot p (1 - p) = p - 1 = p - y .
# $$
#
# "Output minus target" is also the result for $y = 0$, and for the softmax with cross
# entropy. For the weights it is multiplied by the inputs, as in lesson 3: $X^\top (p -
# y)/n$. With the squared error nothing cancels:
#
# $$
# \frac{\partial J}{\partial z} = 2 (p - y)\, p\, (1 - p) .
# $$
#
# In the code `terms` is the number of terms in the mean, here 1:

# %% tags=["source"]
from course.lesson06 import matched_gradient, squared_error_gradient

# %%
print("p       cross entropy  squared error")
for p in (0.9, 0.5, 0.01, 0.0003):
    entropy = matched_gradient(1, p, terms=1)
    squared = squared_error_gradient(1, p, terms=1)
    print(f"{p:<8} {entropy:12.4f} {squared:14.5f}")

# %% tags=["hide-input"]
notebook.figure(
    figures.saturation,
    alt="The S-shaped sigmoid, and its slope, a hill around zero. Far to the"
    " left and to the right, in grey, the slope is nearly zero.",
)

# %% [markdown]
# Look at the last rows: the model is quite wrong, and the squared error hardly pulls.
# Where the sigmoid is flat, in the grey parts, it is **saturated**: $p (1 - p)$ is
# nearly 0, *however wrong* $p$ is. Cross entropy has divided this factor out.
#
# ### Sure, and wrong
#
# One unit with one weight and a bias, $x = 1$, target 1. It starts at $z = -8$, so $p$ =
# {number}`first_p:.4f`. How many steps until $p$ is one half? That is where $z = w + b$
# reaches 0, and `np.argmax` finds the first such step. Lesson 5's momentum and a penalty,
# which lesson 8 explains, may be added to this descent; here both are 0.

# %% tags=["source"]
from course.lesson06 import descend

# %%
one, start = np.ones((1, 1)), np.full((2, 1), -4.0)  # w = b = -4
paths = {}
for name, gradient in (
    ("MSE", squared_error_gradient),
    ("cross entropy", matched_gradient),
):
    path = descend(one, one, sigmoid, gradient, 1, start, 0.5, 1600)
    paths[name] = path
    print(name, np.argmax(path.sum(axis=(1, 2)) >= 0))

# %% tags=["remove-cell"]
steps = {name: np.argmax(p.sum(axis=(1, 2)) >= 0) for name, p in paths.items()}
notebook.numbers(
    first_p=sigmoid(-8.0),
    steps_mse=steps["MSE"],
    steps_entropy=steps["cross entropy"],
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.saturated(
        paths, {name: path[:51] for name, path in paths.items()}
    ),
    alt="Left: in the first steps the cross entropy drops almost to zero while"
    " the MSE stays where it is. Right, steps on a logarithmic axis: p rises"
    " towards one at once under cross entropy, and only after more than a"
    " thousand steps under MSE.",
)

# %% [markdown]
# {number}`steps_entropy` steps with cross entropy, {number}`steps_mse:,d` with the
# squared error. On the left the latter looks as if nothing could be learnt. Such a
# long level stretch is easily taken for a broken model.
#
# Cross entropy cures only the *output*. In lesson 7 there are sigmoids inside a
# network too, and nothing divides their slope out. One that is saturated there
# still learns slowly, whatever the cost.
#
# ### The flowers
#
# `descend` also trains the whole model. All weights start at 0.

# %%
theta = np.zeros((5, 3))  # 4 weights and a bias for each species
path = descend(X, y, softmax, matched_gradient, 150, theta, 0.6, 500)
for t in (0, 10, 100, 500):
    W, b = path[t][:-1], path[t][-1]
    p = softmax(X @ W + b)
    right = np.sum(p.argmax(axis=1) == y.argmax(axis=1))
    print(f"{t:3}  J = {cross_entropy(y, p):.4f}  right: {right} of 150")
print(p[[0, 70, 100]].round(3))

# %% tags=["remove-cell"]
notebook.numbers(flowers_right=right, flowers_cost=cross_entropy(y, p))

# %% [markdown]
# {number}`flowers_right` of the 150 flowers get the largest probability for their
# own species. The last lines are three flowers, one of each species. The second lies
# where two species overlap: the model picks the wrong one, but says that it is not
# sure.
#
# ### Going deeper: the gradient of the softmax
#
# You need: partial derivatives of several variables.
#
# Let $c$ be the right class. Then $J = -\ln p_c = -z_c + \ln \sum_j e^{z_j}$. The
# derivative of the last term in $z_j$ is $e^{z_j} / \sum_l e^{z_l} = p_j$, and that
# of $-z_c$ is $-1$ for $j = c$ and 0 elsewhere, which is $-y_j$. Together:
# $\partial J / \partial z_j = p_j - y_j$. The form $\ln \sum_j e^{z_j} - z_c$ is also
# the one to compute with: no probability that rounds to 0 meets a logarithm. Take the
# largest logit out of the sum first, so that $e^{1000}$ does not overflow.
#
# ## In Keras
#
# The last layer puts out the logits, a plain `Dense`; `from_logits=True` tells the
# cost to apply the softmax, or the sigmoid, itself. For independent labels we take
# three made-up ones: 200 rows, five features.


# %%
def build(n_features, loss):
    dense = keras.layers.Dense(3, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((n_features,)), dense])
    model.compile(keras.optimizers.SGD(0.6), loss=loss)
    return model


species = build(4, keras.losses.CategoricalCrossentropy(from_logits=True))
species.fit(X, y, batch_size=150, epochs=500, verbose=0)

X_labels, on = lesson.make_labels(seed=0)
labels = build(5, keras.losses.BinaryCrossentropy(from_logits=True))
labels.fit(X_labels, on, batch_size=200, epochs=500, verbose=0)

p = softmax(species.predict(X, verbose=0))
q = sigmoid(labels.predict(X_labels, verbose=0))
print("one class: ", p[70].round(3), "sum", p[70].sum().round(3))
print("labels:    ", q[2].round(3), "sum", q[2].sum().round(3), on[2])

# %% tags=["remove-cell"]
notebook.numbers(keras_cost=cross_entropy(y, p), label_sum=q[2].sum())
assert abs(cross_entropy(y, p) - cross_entropy(y, softmax(X @ W + b))) < 1e-4

# %% [markdown]
# The cost of the flowers is {number}`keras_cost:.4f`, as by hand. The probabilities of
# the classes sum to 1. Those of the labels need not; in this row, where all three
# are on, they sum to {number}`label_sum:.2f`.
#
# ## Checked
#
# Each cost is computed by hand, in Keras and by scikit-learn, each gradient is compared
# with differences of the cost, and the trained weights with scikit-learn's logistic
# regression.

# %% tags=["hide-input"]
outcome = notebook.run(6)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# It is tempting to let the last layer compute the probabilities, and to give those to
# the cost. But $-\ln 0$ is infinite. So Keras moves every probability into the range
# from $\varepsilon$ to $1 - \varepsilon$ first, with $\varepsilon = 10^{-7}$. This is
# the **clip**. Let the right class have $p = 10^{-12}$:

# %%
target = np.array([[0.0, 1.0]])
p = np.array([[1 - 1e-12, 1e-12]])
from_p = keras.losses.CategoricalCrossentropy()
from_z = keras.losses.CategoricalCrossentropy(from_logits=True)
print(f"by hand     {cross_entropy(target, p):.2f}")
print(f"from p      {float(from_p(target, p)):.2f}")
print(f"from logits {float(from_z(target, np.log(p))):.2f}")

# %% tags=["remove-cell"]
notebook.numbers(
    by_hand=cross_entropy(target, p), clipped=float(from_p(target, p))
)

# %% tags=["hide-input"]
notebook.figure(
    figures.curves,
    alt="Left: as p falls to zero, cross entropy rises without bound, while the"
    " squared error ends at one. Right, p on a logarithmic axis: cross entropy"
    " is a straight line, its clipped version turns level far to the left.",
)

# %% [markdown]
# It should cost {number}`by_hand:.2f`; from the probability Keras says
# {number}`clipped:.2f`. Worse, below the clip (red, on the right) the cost is level and its
# slope is 0:
# the worst errors teach nothing. Give the cost the logits, with `from_logits=True`.
#
# A second trap is softmax for independent labels. Three labels that are all on want
# three ones, but a softmax has only 1 to give away. One third each is the best, and
# the binary cross entropy stays at $\ln 3$, {number}`all_on:.3f`, for ever.

# %% tags=["remove-cell"]
notebook.numbers(all_on=np.log(3))

# %% [markdown]
# ## Summary
#
# - The question decides the output, and the output the cost: a number with the mean
#   squared error, softmax with cross entropy, sigmoids with binary cross entropy.
# - The right class's probability $p$ costs $-\ln p$: little if the model is sure and
#   right, without bound if it is sure and wrong.
# - With its own cost, the gradient in the logits is output minus target.
# - A squared error on a sigmoid learns slowly where the sigmoid is saturated. Cross
#   entropy cures this at the output, not inside a network.
# - Give Keras the logits.
#
# ## Answers
#
# 1. $\ln 3$, {number}`knows_nothing:.3f`: each class gets one third.
# 2. With cross entropy: {number}`steps_entropy` steps in place of
#    {number}`steps_mse:,d`.
# 3. Not below {number}`all_on:.3f`. The three probabilities sum to 1, so that none of
#    them can be 1 without the others being 0.

# %% tags=["remove-cell"]
notebook.numbers(knows_nothing=np.log(3))

# %% [markdown]
# ## What to try next
#
# - Start the unit that is sure and wrong at $z = -4$ instead. Predict the steps
#   that each cost needs, then measure.
# - Forget `from_logits=True` but leave the layer without softmax. What does
#   Keras do with logits that are no probabilities?
# - Show that $\ln 3$ is the floor for three labels that are all on. What is it
#   for three that are all off?
# - What is the lowest cost of a model that never looks at its inputs, if the classes
#   are not equally frequent?
#
# ## Sources
#
# - C. M. Bishop, *Pattern Recognition and Machine Learning*, Springer, 2006,
#   section 4.3.
# - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press, 2016,
#   section 6.2.
