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
# python -m course read 1, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 1: Exhaustive search
#
# ## The question
#
# Three customers bought 1, 2 and 3 kilograms of apples and paid 2, 4 and 6. What
# does a kilogram cost? You see it at once. How can a computer find it?
#
# The plainest way: try every price, and keep the one that fits best. This lesson
# does so, and then asks how far one gets with it. On the way it introduces words
# that the whole course needs.
#
# ## The idea: a number that says how wrong a price is
#
# We write $x$ for the amount and $y$ for what was paid. We suppose that the
# price of a kilogram is the same for everybody. Let $w$ be this price. The
# **prediction** for a customer, written $\hat y$ and read "y hat", is
#
# $$
# \hat y = x w .
# $$
#
# Such a rule with an unknown number in it is a **model**. The unknown number is
# its **weight**: it says how much the input counts, not how heavy something is.
# The examples from which we find the weight, here the three customers, are the
# **training set**. Finding the weight is called **training**.
#
# If $w$ is wrong, the predictions miss. The **error** of an example is
# $\hat y - y$, an orange line in this picture. With $w = 1$ all predictions are
# too low, with $w = 3$ too high.

# %% tags=["hide-input"]
import itertools
import time

import numpy as np

from course import lesson01 as lesson, notebook
from course.figures import diagrams, lesson01 as figures

import keras

x, y = lesson.load_data()

notebook.figure(
    lambda: diagrams.points(
        x, y, {"w = 1": lambda x: 1.0 * x, "w = 3": lambda x: 3.0 * x}
    ),
    alt="Three points on a line, and two lines through zero: with w = 1 the"
    " line is below the points, with w = 3 as far above them.",
)

# %% [markdown]
# For all the examples together we want *one* number that says how wrong $w$ is.
# It is called the **cost** $J(w)$; most books call it the **loss**. Ours is the
# mean of the squared errors. With $n$ examples,
#
# $$
# J(w) = \frac1n \sum_{i=1}^{n} (\hat y_i - y_i)^2
# = \frac1n \sum_{i=1}^{n} (x_i w - y_i)^2 .
# $$
#
# With a pencil, for $w = 1$: the predictions are 1, 2 and 3, the errors $-1$,
# $-2$ and $-3$, their squares 1, 4 and 9, so
# $J(1) = \frac13 (1 + 4 + 9) = \frac{14}{3} \approx 4.67$.
#
# ### Why a square?
#
# Without it, negative errors would pull the mean down: the lower the price, the
# better it would look, and $-100$ would beat the right one. The absolute value
# would help as well. But the square has two advantages. It punishes one large
# error more than several small ones. And it gives a smooth curve, which lesson
# 2 needs.
#
# ## Predict before you run
#
# "Every price" is too many, so we take a **grid**: {number}`tries` values from
# $0$ to $4$, each $0.1$ from the next. Write down your answers. The right
# ones are at the end of the page.
#
# 1. Which $w$ has the cost zero, and which other $w$ has the same cost as $w =
#    1$?
# 2. Sketch the cost against $w$: is it a straight line, a V, a bowl or a
#    zigzag?
# 3. A model with three weights, {number}`tries_again` values for each: how many
#    combinations are there? And with ten weights?
#
# ## By hand
#
# `cost` is the formula above. `scan` calls it for every weight on the grid.
# `np.argmin` gives the position of the smallest number.

# %% tags=["source"]
from course.lesson01 import cost, scan

# %%
grid = np.linspace(0.0, 4.0, 41)
best, costs = scan(x, y, grid)
for w in (0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0):
    print(f"w = {w}  J = {cost(w, x, y):.4f}")
print("best:", best)

# %% tags=["remove-cell"]
notebook.numbers(tries=len(grid), tries_again=len(grid), best=best)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.search(grid=grid, costs=costs, best=best),
    alt="The cost over the weight is a bowl-shaped curve of dots, one for each"
    " weight on the grid. A red dot marks the lowest one, the minimum.",
)

# %% [markdown]
# Every dot is one try. The red dot is the lowest point, the **minimum**, at $w$
# = {number}`best:.1f`.
#
# The bowl is no accident. Here $y_i = 2 x_i$, so an error is
# $x_i w - 2 x_i = x_i (w - 2)$, and
#
# $$
# J(w) = \frac{1 + 4 + 9}{3}\, (w - 2)^2 = \frac{14}{3}\, (w - 2)^2 ,
# $$
#
# a **parabola**. For this small model there is even a formula for the minimum,
# which needs no search: $w^* = \sum x_i y_i / \sum x_i^2 = 28/14 = 2$. Such a
# formula is called a **closed form**. Most models have none. A search needs
# only one thing: that the cost of a weight can be computed.
#
# ### Several weights
#
# The next customers buy apples, pears and plums, and pay one sum. Now there are
# three prices. A model may have any number $p$ of weights:
#
# $$
# \hat y = x_1 w_1 + x_2 w_2 + \dots + x_p w_p .
# $$
#
# In the code each row of `X` is a customer and each column a fruit. `X @ w`
# multiplies and adds up, for all rows. `itertools.product` lists every
# combination.

# %% tags=["source"]
from course.lesson01 import scan_all

# %%
X = np.array([[1, 0, 2], [2, 1, 0], [0, 3, 1], [1, 1, 1]])  # kilograms
prices = np.array([2.0, 3.5, 1.5])  # what the search has to find

for p in (1, 2, 3):
    start = time.perf_counter()
    found, tried = scan_all(X[:, :p], X[:, :p] @ prices[:p], grid)
    seconds = time.perf_counter() - start
    print(f"{tried:6,} tries, {seconds:.3f} s: {found}")

# %% tags=["remove-cell"]
assert np.allclose(found, prices)
notebook.numbers(
    microseconds=1e6 * seconds / tried,
    years=round(41**10 * seconds / tried / (365 * 24 * 3600), -3),
    tries_3=41**3,
    tries_10=float(41**10),
)

# %% [markdown]
# It works. But look at the number of tries. The first weight can be combined
# with every value of the second, so two weights take $41 \cdot 41 = 1681$
# tries, and three take $41 \cdot 41 \cdot 41 = 68921$. With $k$ values for each
# of $p$ weights there are $k \cdot k \cdots k = k^p$ combinations. One try
# takes about {number}`microseconds:.0f` millionths of a second. At that pace:

# %%
for p in (1, 2, 3, 4, 5, 10):
    years = 41**p * seconds / tried / (365 * 24 * 3600)
    print(f"{p:2} weights: {41**p:.1e} tries, {years:.1e} years")

# %% [markdown]
# Ten weights would take about {number}`years:,.0f` years. A faster computer
# helps little: a thousand times the speed does not even pay for two more
# weights, because two more multiply the work by 1,681. This growth is called
# the **curse of dimensionality**. The networks at the end of the course have
# thousands of weights, so we need a better idea.
#
# ## In Keras
#
# Keras is the library with which we shall build neural networks. The smallest
# part of such a network is a **unit**: it multiplies each of its inputs by a
# weight and adds up the products. With one input, this is just $\hat y = x w$.
# A `Dense` layer is a column of units which all get the same inputs. So one
# layer can try the whole grid at once, one weight in each unit:

# %% tags=["hide-input"]
notebook.figure(
    lambda: diagrams.network(
        [["x"], ["0.0 x", "0.1 x", "0.2 x", "…", "4.0 x"]],
        names=["input", "layer"],
    ),
    alt="One input x is connected with every unit of a layer. The first unit"
    " gives 0.0 x, the second 0.1 x, and so on up to 4.0 x.",
)

# %% tags=["source"]
from course.lesson01 import build_model

# %%
model = build_model(grid)
y_hat = model.predict(x[:, None], verbose=0)
print("predictions:", y_hat.shape, " weights:", model.get_weights()[0].shape)

keras_costs = np.mean((y_hat - y[:, None]) ** 2, axis=0)
print("best:", grid[np.argmin(keras_costs)])

# %% tags=["remove-cell"]
assert np.allclose(keras_costs, costs, atol=1e-5)
notebook.numbers(
    units=model.count_params(), keras_best=grid[np.argmin(keras_costs)]
)

# %% [markdown]
# `Sequential` is a model made of layers, one behind the other. `Input((1,))`
# says that each example is one number. `use_bias=False` says that a unit adds
# no number of its own. `x[:, None]` makes the three amounts a table of three
# rows and one column. The table `y_hat` has a row for each example and a column
# for each of the {number}`units` units. With `axis=0`, `np.mean` takes the mean
# of each column: the cost of each unit. The best unit holds $w$ =
# {number}`keras_best:.1f` again.
#
# Keras keeps the weights of a layer in one table, with a row for each input and
# a column for each unit: here 1 × 41. With $p$ inputs it has $p$ rows.
# `set_weights` puts our numbers there. To learn them is the work of `compile`
# and `fit`, from the next lesson on.
#
# ## Checked
#
# Programs make mistakes without a word. So every lesson of this course compares
# its numbers with others that were computed in another way: here the best weight
# with the closed form, the curve with the parabola, the number of tries with
# $k^p$, and several weights with a solver of equations.

# %% tags=["hide-input"]
outcome = notebook.run(1)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# A search always returns something. Ask for prices between $-1$ and $1$:

# %%
narrow = np.linspace(-1.0, 1.0, 21)
best_narrow, costs_narrow = scan(x, y, narrow)
print(f"best w = {best_narrow}, J = {costs_narrow.min():.2f}")

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.search(grid=narrow, costs=costs_narrow, best=best_narrow),
    alt="The cost falls all the way from left to right; the red dot of the"
    " smallest cost is the last one, at the right edge.",
)

# %% [markdown]
# There is no error message, and yet the answer is wrong. The picture shows it:
# the cost still falls where the grid ends. A best value **at the edge of the
# grid** says that the grid lies in the wrong place.
#
# The second trap is the spacing. Take 40 values from 0 to 4. Between them there
# are only 39 gaps, so the spacing is not $0.1$, and the true price lies between
# two values. In general, a range with a given spacing has (range ÷ spacing) + 1
# values. A cure is to search again around the best value, on a finer grid, and
# again:

# %%
low, high = 0.0, 4.0
for _ in range(4):
    values = np.linspace(low, high, 40)
    w, costs_now = scan(x, y, values)
    gap = values[1] - values[0]
    print(f"gap {gap:.6f}  best w = {w:.6f}  J = {costs_now.min():.1e}")
    low, high = w - gap, w + gap

# %% tags=["remove-cell"]
forty = scan(x, y, np.linspace(0.0, 4.0, 40))[0]
notebook.numbers(error_forty=abs(forty - 2), error_last=abs(w - 2))

# %% [markdown]
# The first round is wrong by {number}`error_forty:.4f`, the fourth by
# {number}`error_last:.1e`. That is safe where the cost is a bowl with one
# minimum. It does not cure the curse: every round still has $k^p$ tries.
#
# ## Summary
#
# - A model turns inputs into predictions. Its weights are the unknown numbers.
# - The cost, or loss, is one number that says how wrong the weights are on the
#   training set. Ours is the mean of the squared errors.
# - To train a model means: find the weights with the smallest cost.
# - A search over a grid needs $k^p$ tries. For more than a few weights that is
#   hopeless.
#
# ## Answers
#
# 1. $w = 2$ has the cost zero. $w = 3$ costs as much as $w = 1$: one predicts
#    too much, the other just as much too little.
# 2. It is a bowl, exactly a parabola.
# 3. {number}`tries_3:,d` and {number}`tries_10:.1e`.
#
# ## What to try next
#
# - Predict, then count: how many tries does a grid ten times as fine take, for
#   one weight and for three?
# - Add a little random noise to $y$. What is the smallest cost on the grid now,
#   and why is it not zero?
# - Replace the square in the cost by the absolute value. Does the curve still
#   look like a bowl? Does the best weight change?
# - Run the lesson with another grid: `python -m course.lesson01 --steps 80`.
#
# ## Sources
#
# - C. M. Bishop, *Pattern Recognition and Machine Learning*, Springer, 2006,
#   section 1.1 (the cost) and section 1.4 (the curse of dimensionality).
# - J. Bergstra, Y. Bengio, "Random Search for Hyper-Parameter Optimization",
#   *Journal of Machine Learning Research* 13, 2012, pages 281–305.
