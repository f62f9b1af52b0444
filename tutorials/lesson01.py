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
# # Lesson 1: Exhaustive search
#
# ## The question
#
# A rule turns $x$ into $y$, and you see three examples of it. You suppose that
# $y$ is always $x$ times some number, but you do not know which number. The
# plainest way to find out is to try them all. How well does that work, how much
# work is it, and when does it stop working?
#
# This page calls the functions of `course/lesson01.py`; open that file beside
# it. Every number in the text was computed by the cells on this page. Each cell
# shows its numbers in a small table.

# %%
import numpy as np

from course import lesson01 as lesson, notebook
from course.figures import lesson01 as figures

x, y = lesson.load_data()
grid = np.linspace(lesson.LOWEST, lesson.HIGHEST, lesson.STEPS + 1)

notebook.numbers(
    n=len(x),
    x=x,
    y=y,
    lowest=grid[0],
    highest=grid[-1],
    tries=len(grid),
    spacing=grid[1] - grid[0],
)

# %% [markdown]
# ## Predict before you run
#
# The number that we look for is called the **weight** $w$. Together with the
# rule "multiply by it" it makes a **model**: for the example $x_i$ the model
# predicts $\hat y_i$, read "y hat". One number, the **cost** $J$, says how
# wrong a weight is over all $n$ = {number}`n` examples:
#
# $$
# \hat y_i = x_i w, \qquad J(w) = \frac1n \sum_{i=1}^{n} (\hat y_i - y_i)^2 .
# $$
#
# For each example, take the difference between the prediction and the true
# $y_i$ and square it, so that too high and too low both count as wrong. Then
# take the mean. "All numbers" are too many to try, so the search goes over a
# **grid**: {number}`tries` values from {number}`lowest:.0f` to
# {number}`highest:.0f`, each {number}`spacing:.1f` from the next. Look at the
# table of $x$ and $y$ and write down your answers first:
#
# 1. Which $w$ has the cost zero, and is it on the grid?
# 2. What does the cost look like when it is drawn over $w$: a straight line, a
#    V, a bowl, a zigzag?
# 3. A model with three weights, {number}`tries` values for each of them: how
#    many combinations are there to try? And with ten weights?

# %% [markdown]
# ## By hand
#
# The function `cost` is the formula above, and `scan` calls it for every weight
# on the grid and returns the weight with the smallest cost.

# %%
best, costs = lesson.scan(x, y, grid)

notebook.numbers(
    cost_of_1=lesson.cost(1.0, x, y),
    cost_of_3=lesson.cost(3.0, x, y),
    best=best,
    smallest_cost=costs.min(),
    largest_cost=costs.max(),
)

# %% [markdown]
# The weights 1 and 3 have the same cost, {number}`cost_of_1:.2f`: one predicts
# too little, the other just as much too much. The best weight on the grid is
# $w$ = {number}`best:.1f`, with the cost {number}`smallest_cost:.1f`.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.search(grid=grid, costs=costs, best=best),
    alt="The cost over the weight is a bowl-shaped curve of dots, one for each"
    " weight on the grid. A red dot marks the lowest one, the minimum.",
)

# %% [markdown]
# Every dot is one try. They lie on a bowl, and the red dot is its lowest point,
# the **minimum**. The shape is no accident. Multiply out the square: $J$
# contains $w^2$, $w$ and a constant, and nothing else, so it is a **parabola**.
# Its minimum $w^*$ can be written down, with two sums over the examples:
#
# $$
# w^* = \frac{\sum_i x_i y_i}{\sum_i x_i^2} .
# $$
#
# A formula that gives the answer without any search is called a **closed
# form**. The next cell computes it.

# %%
minimum = (x @ y) / (x @ x)  # x @ y is the sum of the products x_i y_i

notebook.numbers(
    sum_of_xy=x @ y,
    sum_of_xx=x @ x,
    minimum=minimum,
    error=abs(best - minimum),
)

# %% [markdown]
# The closed form says {number}`minimum:.1f`, and the error of the search is
# {number}`error:.1g`. Why search at all, then? Because most models have no closed
# form. Searching needs only one thing: that the cost of a weight can be
# computed.
#
# ### How much work it is
#
# With $k$ values for each of $p$ weights there are $k \cdot k \cdots k = k^p$
# combinations. The lesson counts and times the search for one, two and three
# weights, on a coarser grid to keep the waiting short. It makes up its own
# examples from weights that lie on the grid, so it also knows what the search
# must find.

# %%
k = lesson.VALUES
tries = lesson.search_several_weights(k, seed=0)
counts, found = tries["counts"], tries["found"]
microseconds = 1e6 * tries["seconds"][-1] / counts[-1]  # for one try

exact = [  # by least squares, for one, two and three weights
    np.linalg.lstsq(tries["X"][:, : p + 1], examples)[0]
    for p, examples in enumerate(tries["ys"])
]

notebook.numbers(
    k=k,
    counts=counts,
    tries_3=counts[-1],
    three_weights=found[-1],
    largest_error=np.abs(np.concatenate(found) - np.concatenate(exact)).max(),
    microseconds=microseconds,
    tries_10=k**10,
    years=k**10 * microseconds / 1e6 / (365 * 24 * 3600),
    finer_3=len(grid) ** 3,
    finer_10=len(grid) ** 10,
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.tries(**tries),
    alt="Left: on a logarithmic axis the number of combinations for one, two"
    " and three weights lies on a straight rising line. Right: the seconds to"
    " try them rise just as steeply.",
)

# %% [markdown]
# Both vertical axes are logarithmic: a step upwards multiplies. On the left the
# counted combinations lie on the line $k^p$; every further weight multiplies
# their number by $k$ = {number}`k`. On the right the measured time follows.
# Three weights take {number}`tries_3:,d` tries of about
# {number}`microseconds:.0f` millionths of a second each, and the search finds
# them: it differs from the exact solution by at most {number}`largest_error:.1g`.
# Ten weights would take {number}`tries_10:.1e` tries, and at that pace about
# {number}`years:.0f` years.
#
# That was the coarser grid. The answers to the third question are
# {number}`finer_3:,d` and {number}`finer_10:.1e`. This growth is called the
# **curse of dimensionality**, and the networks at the end of this course have
# thousands of weights.
#
# ## In Keras
#
# Keras is the library with which we shall build networks. The smallest part of
# a network is a **unit**: it multiplies each of its inputs by a weight and adds
# up the products. A `Dense` layer is a row of units that all see the same
# input. So one layer can try the whole grid at once: `build_model` makes as
# many units as there are values and gives unit number $j$ the weight number $j$
# of the grid.
#
# The block `precision` makes Keras compute with the sixteen digits of
# `float64`, so that it can be compared with NumPy; its default, `float32`, has
# seven.

# %%
with notebook.precision("float64"):
    model = lesson.build_model(grid)
    keras_best, keras_costs = lesson.train(model, x, y)

notebook.numbers(
    units=model.count_params(),
    keras_best=keras_best,
    largest_difference=np.abs(keras_costs - costs).max(),
)

# %% [markdown]
# The layer has {number}`units` weights, one for each unit. It finds the same
# best weight, {number}`keras_best:.1f`, and over the whole grid the largest
# difference between its costs and those by hand is
# {number}`largest_difference:.1g`. No weight was changed here: we put the
# weights in, and `train` only picks the unit with the smallest cost.
#
# ## Checked
#
# Two programs that agree can share a mistake. So the lesson holds its numbers
# against ones that came another way: the closed form for the best weight, the
# parabola for the whole curve, $k^p$ for the tries that were counted, and a
# solver of equations (least squares, `np.linalg.lstsq`) for the one, two and
# three weights. The columns "error" and "allowed" say how large the error of a
# number is and how large it may be. Where a row compares many numbers, it shows
# the pair with the largest error beside what is allowed.

# %%
outcome = notebook.run(1)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# A search always returns something. Ask for the same range with 40 values,
# which sounds like steps of a tenth, and then for another range that looks just
# as reasonable.

# %%
forty = np.linspace(lesson.LOWEST, lesson.HIGHEST, 40)
best_forty, costs_forty = lesson.scan(x, y, forty)

narrow = np.linspace(-1, 1, 21)
best_narrow, costs_narrow = lesson.scan(x, y, narrow)

notebook.numbers(
    spacing_forty=forty[1] - forty[0],
    error_forty=abs(best_forty - minimum),
    cost_forty=costs_forty.min(),
    best_narrow=best_narrow,
    cost_narrow=costs_narrow.min(),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.search(grid=narrow, costs=costs_narrow, best=best_narrow),
    alt="The cost falls all the way from left to right; the red dot of the"
    " smallest cost is the last one, at the right edge.",
)

# %% [markdown]
# Forty values have thirty-nine gaps between them, so the spacing is
# {number}`spacing_forty:.4f` and the true weight falls between two of them. The
# error of the search is {number}`error_forty:.4f`, half a gap, and its cost is
# no longer zero. Every grid has this flaw: within its range it is wrong by up to
# half its spacing, and the lesson's grid was exact only because the answer
# happened to lie on it.
#
# The second range, in the figure, does not contain the answer at all. The
# search returns {number}`best_narrow:.1f` with the cost
# {number}`cost_narrow:.2f`, and no error message. But the figure tells: the
# cost still falls where the grid ends. A best value **at the edge of the grid**
# is not an answer; it says that the grid lies in the wrong place.
#
# ## What to try next
#
# - Predict, then count: how many tries does a grid ten times as fine take, for
#   one weight and for three?
# - Search in two rounds: a coarse grid first, then a fine one around its best
#   value. How many tries do six correct digits take in this way?
# - Add a little random noise to $y$. What is the smallest cost on the grid now,
#   and why is it not zero?
# - Replace the square in the cost by the absolute value. Does the curve still
#   look like a bowl? Does the best weight change?
# - Try {number}`tries` weights drawn at random instead of the grid. How large
#   is the error of the best of them?
# - Run the lesson with another grid: `python -m course.lesson01 --steps 80`.
#
# ## Sources
#
# - C. M. Bishop, *Pattern Recognition and Machine Learning*, Springer, 2006,
#   section 1.1 (the cost) and section 1.4 (the curse of dimensionality).
# - J. Bergstra, Y. Bengio, "Random Search for Hyper-Parameter Optimization",
#   *Journal of Machine Learning Research* 13, 2012, pages 281–305.
