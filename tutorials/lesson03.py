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
# python -m course read 3, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 3: Linear regression
#
# ## The question
#
# A taxi charges one price for getting in and another for each kilometre. Rides
# of 0, 1, 2, 3 and 4 kilometres cost 5, 7, 9, 11 and 13. (The first passenger
# got straight out again.) What are the two prices?
#
# You see the answer at once: $y = 2x + 5$. Many posts on deep learning begin
# with this line. The computer does not see it. It starts with zero for both
# prices and walks downhill, as in lesson 2. But now there are *two* unknown
# numbers, and soon there will be more. Which way is downhill then?
#
# The model is a straight line:
#
# $$
# \hat y = w x + b .
# $$
#
# What the model is told about an example, here the distance $x$, is called a
# **feature**. The weight $w$ says how much $\hat y$ grows when $x$ grows by 1.
# The number $b$ is the prediction at $x = 0$. It is called the **intercept** of
# the line, and the **bias** of a network. The cost is the mean of the squared
# errors, the orange lines, as before. Only the line on the right has none.

# %% tags=["hide-input"]
import numpy as np

from course import data, lesson03 as lesson, notebook
from course.figures import diagrams, lesson03 as figures
from course.lesson03 import LEARNING_RATE

import keras

X, y = lesson.load_data()
x = X[:, 0]

notebook.figure(
    lambda: diagrams.points(
        x,
        y,
        {
            "w = 1, b = 4": lambda x: x + 4.0,
            "w = 2, b = 5": lambda x: 2.0 * x + 5.0,
        },
    ),
    alt="Five points on a line, and two lines: with w = 1 and b = 4 the errors"
    " grow to the right, with w = 2 and b = 5 there are none.",
)

# %% [markdown]
# ## The idea: one slope for each unknown
#
# Hold $b$ fixed and change only $w$ a little. The slope that you find is the
# **partial derivative** of the cost with respect to $w$, written
# $\partial J / \partial w$. The round $\partial$ says that everything else is
# held fixed. Then hold $w$ fixed and change only $b$: that is
# $\partial J / \partial b$. All the slopes together are the **gradient**.
#
# Descent works as before. Each unknown goes against its own slope, both in the
# same step, with the same learning rate $\eta$:
#
# $$
# w \leftarrow w - \eta\, \frac{\partial J}{\partial w}, \qquad
# b \leftarrow b - \eta\, \frac{\partial J}{\partial b} .
# $$
#
# ### The slopes of one example
#
# The ride of $x = 3$ kilometres cost $y = 11$. Its error is $e = 3w + b - 11$,
# its squared error $e^2$. The chain rule says: two times $e$, times the
# derivative of $e$. When $w$ grows by 1 and $b$ is fixed, $e$ grows by 3. When
# $b$ grows by 1 and $w$ is fixed, $e$ grows by 1:
#
# $$
# \frac{\partial e^2}{\partial w} = 2\,e \cdot 3, \qquad
# \frac{\partial e^2}{\partial b} = 2\,e \cdot 1 .
# $$
#
# So the slope for $b$ is twice the error, and the slope for $w$ is twice the
# error times $x$. The cost is the mean over all $n$ examples, so its slopes are
# means too:
#
# $$
# \frac{\partial J}{\partial w} = \frac2n \sum_{i=1}^{n} (\hat y_i - y_i)\, x_i,
# \qquad
# \frac{\partial J}{\partial b} = \frac2n \sum_{i=1}^{n} (\hat y_i - y_i) .
# $$
#
# ### The first step with numbers
#
# At $w = b = 0$ every prediction is 0:

# %% tags=["hide-input"]
notebook.table(
    [
        *[[f"{u:.0f}", int(v), 0, int(-v), int(-u * v)] for u, v in zip(x, y)],
        ["sum", "", "", int(-y.sum()), int(-x @ y)],
    ],
    ["x", "y", "prediction", "error", "error times x"],
    "The five rides at w = b = 0",
)

# %% [markdown]
# The gradient follows from the two sums:
#
# $$
# \frac{\partial J}{\partial w} = \frac25 \cdot (-110) = -44, \qquad
# \frac{\partial J}{\partial b} = \frac25 \cdot (-45) = -18 .
# $$
#
# Both slopes are negative, so both unknowns must grow. With $\eta$ =
# {number}`learning_rate` the first step leads to $w = 0 - \eta \cdot (-44)$ =
# {number}`w_1:.3f` and $b = 0 - \eta \cdot (-18)$ = {number}`b_1:.3f`.
#
# ### Why some books write ½
#
# They use half the cost, $\frac{1}{2n} \sum (\hat y_i - y_i)^2$. Then the 2 of
# the derivative and the ½ cancel, and the formulas look tidier. The lowest
# point stays where it is. The gradient is half as large, so a learning rate
# twice as large makes exactly the same steps. Nothing else changes.

# %% tags=["remove-cell"]
path = lesson.descend(X, y, LEARNING_RATE, lesson.STEPS)
notebook.numbers(
    learning_rate=LEARNING_RATE,
    steps=lesson.STEPS,
    w_1=path[1, 0],
    b_1=path[1, 1],
)

# %% [markdown]
# ## Predict before you run
#
# Descent starts at $w = b = 0$ and makes {number}`steps:,d` steps with $\eta$ =
# {number}`learning_rate`. Write down your answers. The right ones are at the
# end of the page.
#
# 1. After two steps, which one is nearer to its goal, $w$ or $b$?
# 2. Does $w$ grow all the way from 0 to 2?
# 3. With a learning rate ten times as large, is descent ten times as fast?
#
# ## By hand
#
# All the unknowns together are written $\theta = (w, b)$, read "theta". In the
# code `theta[:-1]` are the weights, and `theta[-1]` is $b$. `X` has a row for
# each example and a column for each feature: here five rows and one column. `@`
# multiplies and adds up, so `X.T @ error` is the sum of the errors times $x$.

# %% tags=["source"]
from course.lesson03 import cost, gradient, descend

# %% [markdown]
# (The `...` lets `cost` take many `theta` at once. *Full-batch* means that every
# step uses all the examples; lesson 4 shows other ways.) First the gradient that
# we computed with a pencil, then the whole descent:

# %%
print("gradient at 0:", gradient(X, y, np.zeros(2)))
path = descend(X, y, learning_rate=0.027, steps=10_000)
for step in (0, 1, 2, 10, 100, 500, 10_000):
    w, b = path[step]
    J = cost(X, y, path[step])
    print(f"{step:6}  w = {w:.5f}  b = {b:.5f}  J = {J:.1e}")

# %% tags=["remove-cell"]
notebook.numbers(
    w=path[-1, 0],
    b=path[-1, 1],
    w_10=path[10, 0],
    b_10=path[10, 1],
    w_2=path[2, 0],
    b_2=path[2, 1],
    last_cost=cost(X, y, path[-1]),
)

# %% [markdown]
# Descent finds $w$ = {number}`w:.5f` and $b$ = {number}`b:.5f`. After ten steps
# $w$ has overshot, to {number}`w_10:.2f`, while $b$ is only at
# {number}`b_10:.2f`. At first a line that is too steep makes up for an intercept
# that is too small. Then $w$ comes back as $b$ slowly grows. The cost ends at
# {number}`last_cost:.1e` and not at zero, because the computer keeps about
# sixteen digits of a number.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.fit(X, y, path[:2001]),
    alt="Left: the fitted line turns and rises until it meets the points."
    " Right: on a logarithmic axis the cost falls along a straight line.",
)

# %% [markdown]
# Each blue line on the left is the model after some steps, the darker the later.
#
# The cost is a landscape now. Here it is seen from above, like a map: each blue
# line joins places of equal cost. The star is the lowest point. Finding it is
# called *least squares*, because the sum of the squared errors is the least
# there.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.surface(X, y, path),
    alt="Contour lines of the cost are long slanted ellipses. The path of"
    " descent crosses them in a few large steps, then follows their long axis"
    " to the centre in many small ones.",
)

# %% [markdown]
# The landscape is a long narrow valley. A few large steps lead down its steep
# side. Then the path follows the floor of the valley, which is nearly flat, so
# the slopes are small and the steps short. Longer steps would help there, but
# the steep side does not allow them:

# %%
for rate in (0.027, 0.14, 0.16, 0.27):
    w, b = descend(X, y, rate, steps=20)[-1]
    print(f"rate {rate:.3f}  w = {w:12.5g}  b = {b:12.5g}")

# %% [markdown]
# In the same 20 steps $0.14$ comes nearer to the goal than $0.027$. With $0.16$
# and $0.27$ descent jumps from one side of the valley to the other, higher each
# time: it diverges.
#
# ### Going deeper: why it takes as long as it does
#
# You need: matrices, eigenvectors and eigenvalues.
#
# In lesson 2 the curvature was one number. Now it is a matrix, the **Hessian**
# $H = \frac2n A^\top A$, where $A$ is $X$ with a column of ones on its right:
# $b$ is the weight of the ones. For the five points it is
# $\begin{pmatrix} 12 & 4 \\ 4 & 2 \end{pmatrix}$.

# %% tags=["source"]
from course.lesson03 import hessian, largest_learning_rate

# %%
flattest, steepest = np.linalg.eigvalsh(hessian(X))  # the smallest comes first
print(f"eigenvalues {flattest:.4f}, {steepest:.4f}")
print(f"largest learning rate {largest_learning_rate(X):.4f}")
print(f"factor {1 - 0.027 * flattest:.5f}, {1 - 0.027 * steepest:.5f}")

# %% tags=["remove-cell"]
factor = 1 - LEARNING_RATE * flattest
distance = np.linalg.norm(path - [2, 5], axis=1)
notebook.numbers(
    limit=largest_learning_rate(X),
    factor=factor,
    measured=distance[201] / distance[200],
    per_digit=np.log(0.1) / np.log(factor),
)

# %% [markdown]
# An eigenvector of $H$ is a direction that $H$ only stretches, and its
# eigenvalue $\lambda$ is the curvature in this direction. Along it a step
# multiplies the distance to the minimum by $1 - \eta\lambda$, as in lesson 2.
# `np.linalg.eigvalsh` computes the eigenvalues of a symmetric matrix.
#
# The *steepest* direction sets the limit: $\eta$ must be below
# $2/\lambda_{\max}$ = {number}`limit:.4f`. The *flattest* one decides how long it
# takes. Its factor is {number}`factor:.5f`, and the one measured at step 200 is
# {number}`measured:.5f`. One more correct digit costs {number}`per_digit:.0f`
# steps.
#
# ## In Keras
#
# The line is a network of one `Dense` layer with one unit. This time it has its
# bias, which starts at zero. Keras draws the first weights, which it calls the
# `kernel`, at random, unless we ask for zeros.

# %% tags=["source"]
from course.lesson03 import build_model

# %%
model = build_model(n_features=1, learning_rate=0.027)
model.fit(X, y, batch_size=len(X), epochs=500, verbose=0)

weights, bias = model.get_weights()
print(f"w = {weights[0, 0]:.4f}, b = {bias[0]:.4f}")
print("a ride of 10 km:", model.predict(np.array([[10.0]]), verbose=0)[0, 0])

# %% tags=["remove-cell"]
notebook.numbers(keras_w=weights[0, 0], keras_b=bias[0])

# %% [markdown]
# After 500 epochs Keras is at $w$ = {number}`keras_w:.4f` and $b$ =
# {number}`keras_b:.4f`, where the descent by hand was after 500 steps.
# Again nobody gave it a formula for the gradient. In other posts you meet
# `w.attach_grad()` and `loss.backward()`: the first makes room for the slope of
# $w$, the second computes all the slopes from the code of the loss. The page
# [automatic differentiation](autodiff) shows how.
#
# ### Two features
#
# Nothing in the code depends on the number of features. With two, $\hat y = w_1
# x_1 + w_2 x_2 + b$. A file of the course holds 200 rows of $y = 2 x_1 - 3.4
# x_2 + 4.2$ plus a little noise:

# %%
X2, y2 = data.load_two_features()
print("by hand", descend(X2, y2, learning_rate=0.1, steps=50)[-1])

model = build_model(n_features=2, learning_rate=0.1)
model.fit(X2, y2, batch_size=len(X2), epochs=50, verbose=0)
print("Keras  ", model.get_weights()[0][:, 0], model.get_weights()[1])

A = np.column_stack([X2, np.ones(len(X2))])
print("exact  ", np.linalg.lstsq(A, y2)[0])

# %% [markdown]
# `np.linalg.lstsq` computes the minimum directly. That works for a linear model,
# but not for most networks. All three recover the numbers behind the data.
#
# A feature may also be computed from others. With columns such as $x_1^2$ or
# $x_1 x_2$ beside $x_1$ and $x_2$, the same program fits curved surfaces.
#
# ## Checked
#
# The lesson compares the line with that of scikit-learn's `LinearRegression`,
# every step with a formula, and the gradient with slopes between nearby points
# of the cost.

# %% tags=["hide-input"]
outcome = notebook.run(3)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% tags=["remove-cell"]
notebook.bench("descent", outcome.measured)

# %% [markdown]
# ## At the bench
#
# Drag a point or the learning rate and watch the line, the path down the bowl
# and the cost; above the marked limit, descent diverges. The bench has [a page
# of its own](lab/descent), with things to try.
#
# ```{bench} descent
# ```
#
# ## The trap
#
# More data should help. Take 200 points of the same line, $x = 1, 2, \dots,
# 200$, and keep the learning rate:

# %%
x_long, y_long = data.load_two_hundred_points()
for w, b in descend(x_long[:, None], y_long, learning_rate=0.027, steps=4):
    print(f"w = {w:10.3g}  b = {b:10.3g}")

# %% tags=["remove-cell"]
exploding = descend(x_long[:, None], y_long, 0.027, 20)
notebook.numbers(
    growth=abs(exploding[-1, 0] / exploding[-2, 0]),
    limit_long=largest_learning_rate(x_long[:, None]),
)

# %% [markdown]
# It diverges: from step to step $w$ becomes {number}`growth:.0f` times as large.
# The number of points is not to blame, for the cost is a mean. The large $x$ are:
# an error grows with $x$, and the slope for $w$ multiplies it by $x$ once more.
# The learning rate would have to be below {number}`limit_long:.1e`, and then $b$
# would hardly move. A better cure changes the feature: subtract its mean and
# divide by its standard deviation, its typical distance from the mean. The
# feature is then **standardised**: mean 0, standard deviation 1.

# %%
mean, deviation = x_long.mean(), x_long.std()
z = (x_long - mean) / deviation
w_z, b_z = descend(z[:, None], y_long, learning_rate=0.027, steps=1000)[-1]

w, b = w_z / deviation, b_z - w_z * mean / deviation  # for x instead of z
print(f"mean {mean}, deviation {deviation:.3f}, w = {w:.6f}, b = {b:.6f}")

new_z = (250 - mean) / deviation  # the mean and deviation of the training set
print(f"prediction for x = 250: {w_z * new_z + b_z:.4f}")

# %% tags=["remove-cell"]
notebook.numbers(w_long=w, b_long=b)

# %% [markdown]
# To come back from $z$ to $x$, put $z$ = ($x$ - mean) / deviation into $w_z z +
# b_z$ and multiply out. The same learning rate now finds $w$ =
# {number}`w_long:.4f` and $b$ = {number}`b_long:.4f`. The long valley has
# become a round bowl: now both directions are equally steep. With several
# features, every column gets its own mean and deviation.
#
# One thing is easily done wrong. A new $x$ must be treated with the mean and
# deviation of the *training set*, as in the last lines, never with those of the
# new data. Otherwise the same $x$ would become a different $z$ than in
# training.
#
# ## Summary
#
# - The gradient holds a slope for each unknown, found while the others are held
#   fixed.
# - For a line the slope for $b$ is twice the mean error, the slope for $w$ twice
#   the mean of error times $x$.
# - The steepest direction limits the learning rate, the flattest one decides how
#   long descent takes.
# - Standardise the features first, and treat new data with the numbers of the
#   training set.
#
# ## Answers
#
# 1. The weight: $w$ is at {number}`w_2:.2f`, and $b$ only at {number}`b_2:.2f`.
# 2. No. It overshoots to more than {number}`w_10:.1f` and comes back as $b$ grows.
# 3. No. The limit is {number}`limit:.4f`, and above it descent diverges.
#
# ## What to try next
#
# - With ½ in front of the cost and $\eta$ twice as large, do you get the same
#   path? Change `gradient` and try.
# - Predict, then measure: after how many steps is the cost below $10^{-6}$?
# - Standardise the $x$ of the five points. How many steps does it take now?
# - Fit $y = x^2$ on $x = -2, -1, 0, 1, 2$ with the feature $x$ alone, then with
#   the two features $x$ and $x^2$.
# - Run the lesson on a table of your own: `python -m course.lesson03 --data
#   FILE.csv --target COLUMN`.
#
# ## Sources
#
# - T. Hastie, R. Tibshirani, J. Friedman, *The Elements of Statistical
#   Learning*, 2nd ed., Springer, 2009, section 3.2.
# - S. Boyd, L. Vandenberghe, *Convex Optimization*, Cambridge University Press,
#   2004, section 9.3.
