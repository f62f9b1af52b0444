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
# # Lesson 2: Gradient descent
#
# ## The question
#
# Lesson 1 tried every weight on a grid, and ten weights were already hopeless.
# Is there a way that does not try them all? Imagine standing in fog on the
# curve of the cost. You cannot see the lowest point, but you can feel under
# your feet which way the ground slopes. Take a step downhill, feel again, and
# so on. Does this lead to the minimum? How fast? And how long may a step be?
#
# This page calls the functions of `course/lesson02.py`; open that file beside
# it. Every number in the text was computed by the cells on this page. Each cell
# shows its numbers in a small table.

# %%
import numpy as np

from course import lesson02 as lesson, notebook
from course.checks.references import central_difference
from course.figures import lesson02 as figures

x, y = lesson.load_data()

notebook.numbers(
    n=len(x),
    x=x,
    y=y,
    start=lesson.START,
    learning_rate=lesson.LEARNING_RATE,
    epochs=lesson.EPOCHS,
)

# %% [markdown]
# ## Predict before you run
#
# The examples, the model and the cost are those of lesson 1. The model has one
# weight $w$ and predicts $\hat y_i = x_i w$; the cost is the mean of the squared
# errors over the $n$ = {number}`n` examples. The **slope** of the cost is its
# derivative, written $J'$ and read "J prime":
#
# $$
# J(w) = \frac1n \sum_{i=1}^{n} (x_i w - y_i)^2, \qquad
# J'(w) = \frac2n \sum_{i=1}^{n} x_i (x_i w - y_i) .
# $$
#
# Where the slope is negative the cost falls to the right, where it is positive
# the cost falls to the left. So a step downhill goes against the slope. This is
# **gradient descent**:
#
# $$
# w \leftarrow w - \eta\, J'(w) .
# $$
#
# The arrow means "becomes". The letter $\eta$, read "eta", is the **learning
# rate**: it says how long a step is for a given slope. One pass over all the
# examples is called an **epoch**; here every epoch is one step. Descent starts
# at $w$ = {number}`start:.0f` and makes {number}`epochs` epochs with $\eta$ =
# {number}`learning_rate`. Write down your answers first:
#
# 1. Is the slope at the start positive or negative, and does $w$ grow or
#    shrink?
# 2. Does every epoch bring $w$ nearer to the minimum by the same amount, or by
#    the same fraction of the distance that remains?
# 3. What happens with a learning rate 10, 20 and 30 times as large?

# %% [markdown]
# ## By hand
#
# The functions `cost` and `slope` are the two formulas. `descend` takes the
# steps and keeps them all.
#
# A formula for a slope is easily wrong by a sign or a factor, so we measure it
# as well: `central_difference` takes two points close together on the curve, a
# little to the left and a little to the right, and divides the difference of
# their heights by their distance in $w$. This is called a **finite
# difference**.

# %%
path = lesson.descend(
    lambda w: lesson.slope(w, x, y),
    lesson.START,
    lesson.LEARNING_RATE,
    lesson.EPOCHS,
)
measured = central_difference(lambda w: lesson.cost(w, x, y), path[0])

notebook.numbers(
    slope_by_formula=lesson.slope(path[0], x, y),
    slope_measured=measured,
    w_1=path[1],
    w=path[-1],
    first_cost=lesson.cost(path[0], x, y),
    last_cost=lesson.cost(path[-1], x, y),
)

# %% [markdown]
# At the start the slope is {number}`slope_by_formula:.4f` by the formula and
# {number}`slope_measured:.4f` measured. It is negative, so $w$ grows: the first
# step leads from {number}`start:.0f` to {number}`w_1:.4f`. After all
# {number}`epochs` epochs $w$ = {number}`w:.5f`, and the cost has fallen from
# {number}`first_cost:.2f` to {number}`last_cost:.1e`.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.descent(x, y, path),
    alt="Left: red dots run down the left side of a bowl, in smaller and"
    " smaller steps, with straight tangents at some of them. Right: on a"
    " logarithmic axis the distance to the minimum falls along a straight"
    " line.",
)

# %% [markdown]
# On the left, each red dot is the weight after one epoch, and the orange lines
# are the slope at some of them. The ground becomes flatter towards the minimum
# and the steps become shorter by themselves, although the learning rate stays
# the same. On the right the axis is logarithmic, so a straight line means that
# every epoch multiplies the distance by the same factor. The grey line through
# the dots was not fitted to them: it was predicted, as follows.
#
# ### How fast, and how long a step may be
#
# The cost is a parabola. Its **curvature** $\lambda$, read "lambda", is the
# slope of the slope, and it is the same everywhere:
#
# $$
# \lambda = J''(w) = \frac2n \sum_{i=1}^{n} x_i^2 .
# $$
#
# So at the distance $w - w^*$ from the minimum $w^*$, the slope is $\lambda$
# times this distance, and a step of $\eta$ times the slope leads to
#
# $$
# w_{t+1} - w^* = (1 - \eta\lambda)\,(w_t - w^*) ,
# $$
#
# where $w_t$ is the weight after $t$ epochs. Everything depends on the
# **contraction factor** $1 - \eta\lambda$. While it lies between 0 and 1,
# descent approaches the minimum from one side. Between $-1$ and 0 it jumps over
# the minimum each time and still comes nearer. Below $-1$ it jumps further away
# each time: it **diverges**. That happens when $\eta > 2/\lambda$.

# %%
rates = lesson.LEARNING_RATE * np.array([1, 10, 20, 30])
ends = [
    lesson.descend(lambda w: lesson.slope(w, x, y), lesson.START, rate, 10)[-1]
    for rate in rates
]

minimum = lesson.minimum(x, y)  # the closed form of lesson 1

notebook.numbers(
    curvature=lesson.curvature(x),
    predicted_factor=1 - lesson.LEARNING_RATE * lesson.curvature(x),
    measured_factor=(path[11] - minimum) / (path[10] - minimum),
    limit=2 / lesson.curvature(x),
    rates=rates,
    factors=1 - rates * lesson.curvature(x),
    w_after_10=ends,
    end_10=ends[1],
    end_20=ends[2],
    end_30=ends[3],
)

# %% [markdown]
# The predicted contraction factor is {number}`predicted_factor:.6f`; the one
# measured in the eleventh epoch is {number}`measured_factor:.6f`. The row
# `w_after_10` answers the third question, for ten epochs each. With 10 times
# the learning rate, descent is practically at the minimum: $w$ =
# {number}`end_10:.6f`. With 20 times the learning rate it is slower again,
# because it overshoots each time: $w$ = {number}`end_20:.4f`. With 30 times it
# diverges: $w$ = {number}`end_30:.1f`. The limit $2/\lambda$ is
# {number}`limit:.4f`.
#
# ## In Keras
#
# The same model is one `Dense` layer with one unit and no bias, which means: a
# weight, and nothing is added. `build_model` gives it the start and an
# optimizer, `SGD`, which is Keras's name for gradient descent. `train` returns
# the weight after every epoch. The block `precision` makes Keras compute with
# the sixteen digits of `float64`, so that it can be compared with NumPy.

# %%
with notebook.precision("float64"):
    model = lesson.build_model()
    keras_path = lesson.train(model, x, y)
    answer = float(model.predict(np.array([[lesson.NEW_X]]), verbose=0)[0, 0])

notebook.numbers(
    keras_w=keras_path[-1],
    largest_difference=np.abs(keras_path - path).max(),
    new_x=lesson.NEW_X,
    answer=answer,
)

# %% [markdown]
# Over all {number}`epochs` epochs the weight in Keras differs from the one by
# hand by at most {number}`largest_difference:.1g`. We did not tell Keras the
# formula of the slope: it derives it from the cost, which is called automatic
# differentiation. Asked for the $y$ of an example that it has never seen, $x$ =
# {number}`new_x:.0f`, the trained model answers {number}`answer:.4f`.
#
# ## Checked
#
# Two programs that agree can share a mistake. So the lesson holds its numbers
# against ones that came another way: finite differences for the slope, the
# closed form $w_t = w^* + (1 - \eta\lambda)^t\,(w_0 - w^*)$ for every epoch,
# and $2/\lambda$ for the limit that was found by trying. The last five rows
# belong to the trap below. The columns "error" and "allowed" say how large the
# error of a number is and how large it may be. Where a row compares many
# numbers, it shows the pair with the largest error beside what is allowed.

# %%
outcome = notebook.run(2)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# In the fog, every place where the ground is flat feels like the minimum. The
# parabola has only one such place. Here is a cost with two minima, a **double
# well**; the number $c$ tilts it, so that the left minimum is the lower one:
#
# $$
# J(w) = (w^2 - 1)^2 + c\,w .
# $$
#
# Start on the right side. Then try two ways out: many random starts, of which
# the best end counts, and **noise**. A noisy step adds a random push,
#
# $$
# w \leftarrow w - \eta\, J'(w) + \sqrt{2 \eta T}\, z ,
# $$
#
# where $z$ is a random number with mean 0 and standard deviation 1, drawn anew
# for every step, and $T$ is the **temperature**: how strong the pushes are.

# %%
J, J_slope = lesson.double_well, lesson.double_well_slope
rate, steps = 0.02, 1000
stuck = lesson.descend(J_slope, 1.5, rate, steps)

rng = np.random.default_rng(0)
restarts = lesson.descend(J_slope, rng.uniform(-2, 2, 20), rate, steps)[-1]
best = min(restarts, key=J)

start = np.full(lesson.NOISY_RUNS, stuck[-1])  # in the wrong well
noisy = lesson.noisy_descent(start, lesson.TEMPERATURE, rate, 3000, rng)
ridge = np.sort(np.roots([4, 0, -4, lesson.TILT]).real)[1]  # between the wells
v = np.linspace(-4, 4, 4001)
density = np.exp(-J(v) / lesson.TEMPERATURE)

notebook.numbers(
    c=lesson.TILT,
    stuck_start=stuck[0],
    stuck_w=stuck[-1],
    stuck_cost=J(stuck[-1]),
    restarts=len(restarts),
    restarts_low=np.sum(restarts < ridge),
    best_w=best,
    best_cost=J(best),
    noisy_runs=len(noisy),
    fraction_low=np.mean(noisy < ridge),
    fraction_predicted=density[v < ridge].sum() / density.sum(),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.double_well(stuck, noisy, best),
    alt="Left: a curve with two minima; the red path of descent ends in the"
    " right one, a green star marks the lower one on the left. Right: a"
    " histogram of the noisy runs has a high peak over the left minimum, a low"
    " one over the right, and follows a grey curve.",
)

# %% [markdown]
# On the left, plain descent from {number}`stuck_start` ends at
# {number}`stuck_w:.4f` with the cost {number}`stuck_cost:.4f`. There the slope
# is zero and nothing moves any more. Such a place, lower than all places near
# it, is called a **local minimum**. Descent does not know that the cost at the
# star, $w$ = {number}`best_w:.4f`, is {number}`best_cost:.4f`. Of
# {number}`restarts` random starts {number}`restarts_low` reached the lower
# minimum, so the best of them is there.
#
# On the right are {number}`noisy_runs:,d` **noisy runs**: descents with noise,
# all of them started in the *wrong* well. The histogram shows where they are in
# the end: the fraction {number}`fraction_low:.3f` of them is in the lower well.
# The grey curve is the prediction, in proportion to $e^{-J(w)/T}$; by it the
# fraction is {number}`fraction_predicted:.3f`. Noise is not only a nuisance.
# Lesson 4 meets it again, where nobody adds it on purpose.
#
# ## What to try next
#
# - Which learning rate reaches the minimum of the parabola in a single step?
#   Predict it from $1 - \eta\lambda$, then try it.
# - Double every $x$ and every $y$. What becomes of the largest learning rate?
# - Predict, then count: how many epochs does one more correct digit take?
# - Start at the ridge between the two minima, exactly and then a hair beside
#   it. Where does descent end?
# - Double the temperature of the noisy runs, then halve it. Which fraction of
#   them ends in the lower well?
# - Run the lesson for longer: `python -m course.lesson02 --epochs 300`.
#
# ## Sources
#
# - J. Nocedal, S. Wright, *Numerical Optimization*, 2nd ed., Springer, 2006,
#   section 3.3.
# - S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by Simulated
#   Annealing", *Science* 220, 1983, pages 671–680.
