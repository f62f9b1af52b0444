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
# # Lesson 3: Linear regression
#
# ## The question
#
# A few points lie exactly on a straight line, but the computer is not told
# which. It may only ask how wrong a line is, and how the error changes when the
# line moves a little. Does gradient descent, started from zero, find the line?
# How exactly? How long does it take, and what decides that?
#
# This page calls the functions of `course/lesson03.py`; open that file beside
# it. Every number in the text was computed by the cells on this page. Each cell
# shows its numbers in a small table.

# %%
import numpy as np

from course import data, lesson03 as lesson, notebook
from course.figures import lesson03 as figures

X, y = lesson.load_data()  # X: one row per point, one column per feature

notebook.numbers(
    n=len(y),
    x=X[:, 0],
    y=y,
    learning_rate=lesson.LEARNING_RATE,
    steps=lesson.STEPS,
)

# %% [markdown]
# ## Predict before you run
#
# The model is a line with a weight $w$ and an intercept $b$. The cost is the
# mean of the squared errors over the $n$ = {number}`n` points:
#
# $$
# \hat y_i = w x_i + b, \qquad J(w, b) = \frac1n \sum_{i=1}^{n} (\hat y_i - y_i)^2 .
# $$
#
# Descent starts at $w = b = 0$ and takes {number}`steps:,d` steps with the
# learning rate $\eta$ = {number}`learning_rate`. Look at the table of $x$ and
# $y$ and write down your answers first:
#
# 1. Which $w$ and $b$ have the cost zero?
# 2. Will descent come closer to them with every step for ever, or does it stop
#    somewhere?
# 3. If the learning rate were ten times as large, would it be ten times as
#    fast?

# %% [markdown]
# ## By hand
#
# The gradient is the slope of the cost in each of the two directions:
#
# $$
# \frac{\partial J}{\partial w} = \frac2n \sum_i (\hat y_i - y_i)\, x_i, \qquad
# \frac{\partial J}{\partial b} = \frac2n \sum_i (\hat y_i - y_i).
# $$
#
# A step goes against it: $w \leftarrow w - \eta\, \partial J / \partial w$, and
# the same for $b$. The function `gradient` is these two formulas, and `descend`
# takes the steps and keeps them all.

# %%
path = lesson.descend(X, y, lesson.LEARNING_RATE, lesson.STEPS)
costs = lesson.cost(X, y, path)
w, b = path[-1]

notebook.numbers(
    first_gradient=lesson.gradient(X, y, path[0]),
    w=w,
    b=b,
    first_cost=costs[0],
    last_cost=costs[-1],
)

# %% [markdown]
# Descent ends at $w$ = {number}`w:.6f` and $b$ = {number}`b:.6f`. The cost has
# fallen from {number}`first_cost:.1f` to {number}`last_cost:.1e`. It is not
# zero: the computer keeps about sixteen decimal digits of a number, and that is
# what remains when all of them are used up.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.fit(X, y, path),
    alt="Left: the fitted line turns and rises until it meets the points."
    " Right: on a logarithmic axis the cost falls along a straight line and"
    " then stays level.",
)

# %% [markdown]
# On the left, each blue line is the model after some steps, the darker the
# later. The first steps change mostly how steep the line is; the intercept
# follows slowly. On the right the cost axis is logarithmic, so a straight line
# means that every step removes the same *fraction* of the cost. The level part
# at the end is rounding.
#
# ### Why it takes as long as it does
#
# With $\theta = (w, b)$, read "theta", the cost is a bowl. Its curvature, in
# lesson 2 a number, is now the matrix $H = \frac2n A^\top A$, where $A$ has the
# columns $x$ and $1$. An **eigenvector** of $H$ is a direction that $H$ only
# stretches, and the factor, its **eigenvalue** $\lambda$, is the curvature in
# that direction. So, as in lesson 2, a step multiplies the distance to the
# minimum along an eigenvector by the contraction factor $1 - \eta\lambda$. Two
# predictions follow:
#
# - descent converges when $\eta < 2 / \lambda_{\max}$, set by the steepest
#   direction;
# - in the end the contraction factor of the distance is $1 -
#   \eta\lambda_{\min}$, set by the flattest one.

# %%
flattest, steepest = np.linalg.eigvalsh(lesson.hessian(X))
limit = lesson.largest_learning_rate(X)
predicted = 1 - lesson.LEARNING_RATE * flattest

distance = np.linalg.norm(path - lesson.least_squares(X, y), axis=1)
measured = distance[201] / distance[200]

notebook.numbers(
    limit=limit,
    predicted=predicted,
    measured=measured,
    per_digit=np.log(0.1) / np.log(predicted),
)

# %% [markdown]
# The largest learning rate is {number}`limit:.4f`. The predicted contraction
# factor is {number}`predicted:.6f`, and the one measured after the
# two-hundredth step is {number}`measured:.6f`. So another correct digit costs
# about {number}`per_digit:.0f` steps. A learning rate ten times as large would
# be above the limit: not ten times as fast, but divergent.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.surface(X, y, path),
    alt="Contour lines of the cost are long slanted ellipses. The path of"
    " descent crosses them in a few large steps, then follows their long axis"
    " to the centre in many small ones.",
)

# %% [markdown]
# The ellipses are lines of equal cost. The path leaves the origin along the
# steep direction and soon reaches the long axis of the ellipses. The rest of
# the way, along this axis, takes nearly all of the steps. The star is the exact
# solution.
#
# ## In Keras
#
# The same model is one `Dense` layer with one unit. `build_model` starts it at
# zero, and `train` returns the weights after every step. The block `precision`
# makes Keras compute with the sixteen digits of `float64`, so that it can be
# compared with NumPy; its default, `float32`, has seven.

# %%
with notebook.precision("float64"):
    model = lesson.build_model()
    keras_path = lesson.train(model, X, y, lesson.STEPS)

notebook.numbers(
    parameters=model.count_params(),
    keras_end=keras_path[-1],
    largest_difference=np.abs(keras_path - path).max(),
)

# %% [markdown]
# The layer has {number}`parameters` parameters, $w$ and $b$. Over all
# {number}`steps:,d` steps its weights differ from those by hand by at most
# {number}`largest_difference:.0e`. Nobody told Keras the formulas of the
# gradient: it derives them from the cost, which is called automatic
# differentiation.
#
# ## Checked
#
# Two programs that agree can share a mistake. So the lesson holds its numbers
# against ones that came another way: scikit-learn's `LinearRegression`, the
# closed form of every step, and finite differences for the gradient. The three
# rows that begin with "200 points" or "x standardised" belong to the trap
# below. In the last four the lesson goes on to a table with two features and to
# steps on a few rows each, the subject of lesson 4. The columns "error" and
# "allowed" say how large the error of a number is and how large it may be.
# Where a row compares many numbers, it shows the pair with the largest error
# beside what is allowed.

# %%
outcome = notebook.run(3)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# Take more points of the same line, with larger $x$, and keep the learning
# rate. More data should help.

# %%
x_long, y_long = data.load_two_hundred_points()
exploding = lesson.descend(x_long[:, None], y_long, lesson.LEARNING_RATE, 20)

notebook.numbers(
    points=len(x_long),
    largest_x=x_long.max(),
    w_after_20=exploding[-1, 0],
    growth=np.linalg.norm(exploding[-1]) / np.linalg.norm(exploding[-2]),
    limit_long=lesson.largest_learning_rate(x_long[:, None]),
)

# %% [markdown]
# With {number}`points` points the weights grow {number}`growth:.0f`-fold with
# every step. The number of points is not to blame: the cost is a mean. The
# large $x$ is: it enters the curvature squared, and the limit drops to
# {number}`limit_long:.1e`. The cure is not a tiny learning rate, which would
# make the flat direction hopeless, but an $x$ **standardised** to mean 0 and
# standard deviation 1.

# %%
z = (x_long - x_long.mean()) / x_long.std()
end = lesson.descend(z[:, None], y_long, lesson.LEARNING_RATE, 1000)[-1]
w_long = end[0] / x_long.std()  # back in the units of x
b_long = end[1] - w_long * x_long.mean()

notebook.numbers(w_long=w_long, b_long=b_long)
assert np.allclose(
    [w_long, b_long], lesson.least_squares(x_long[:, None], y_long)
)

# %% [markdown]
# Standardised, the bowl is round: both eigenvalues are equal, and the same
# learning rate finds $w$ = {number}`w_long:.6f` and $b$ = {number}`b_long:.6f`.
#
# ## What to try next
#
# - Set the learning rate just below and just above {number}`limit:.4f` and draw
#   the cost.
# - Predict, then measure: after how many steps is the cost below $10^{-6}$?
# - Standardise the $x$ of the five points first. How many steps does a digit
#   cost now?
# - Add noise to $y$. Which check fails, and is the lesson wrong or the check?
# - Run the lesson on a table of your own: `python -m course.lesson03 --data
#   FILE.csv --target COLUMN`.
#
# ## Sources
#
# - T. Hastie, R. Tibshirani, J. Friedman, *The Elements of Statistical
#   Learning*, 2nd ed., Springer, 2009, section 3.2.
# - S. Boyd, L. Vandenberghe, *Convex Optimization*, Cambridge University Press,
#   2004, section 9.3.
