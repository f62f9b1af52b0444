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
# python -m course read 2, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 2: Gradient descent
#
# ## The question
#
# Three customers bought 1, 2 and 3 kilograms of apples and paid 2, 4 and 6. What
# does a kilogram cost? Lesson 1 found the answer by trying every price on a
# grid. With ten unknown prices that would take longer than a lifetime. Is there
# a way to *walk* to the answer instead?
#
# The model predicts $\hat y = x w$: the amount $x$ times one unknown weight $w$.
# The **cost** says how wrong a weight is. It is the mean of the squared errors,
# the orange lines in this picture. Most books call it the *loss*.

# %% tags=["hide-input"]
import numpy as np

from course import lesson02 as lesson, notebook
from course.figures import diagrams, lesson02 as figures

import keras

x, y = lesson.load_data()

notebook.figure(
    lambda: diagrams.points(
        x, y, {"w = 1": lambda x: 1.0 * x, "w = 1.8": lambda x: 1.8 * x}
    ),
    alt="Three points on a line, and two lines through zero: with w = 1 the"
    " errors are long, with w = 1.8 they are short.",
)

# %% [markdown]
# ## The idea: go downhill
#
# Draw the cost for every $w$ and you get a curve with one lowest point. Imagine
# that you stand on this curve in fog. You cannot see the lowest point, but you
# can feel which way the ground slopes. The **tangent** is the straight line that
# touches the curve where you stand. Its slope is the derivative of the cost,
# written $J'(w)$ and read "J prime".
#
# - The slope is *negative*: the ground falls to the right. Make $w$ larger.
# - The slope is *positive*: the ground falls to the left. Make $w$ smaller.
#
# In both cases the step goes against the slope, so we subtract it. On a bowl
# like this one, a steep slope means that the lowest point is still far away, so
# we take a step in proportion to the slope:
#
# $$
# w \leftarrow w - \eta\, J'(w) .
# $$
#
# The arrow means "becomes". The number $\eta$, read "eta", is the **learning
# rate**. It says how long a step is for a given slope. Doing this again and
# again is **gradient descent**; *gradient* is another word for slope.

# %% tags=["hide-input"]
notebook.figure(
    lambda: diagrams.tangent(
        lambda w: lesson.cost(w, x, y),
        lambda w: lesson.slope(w, x, y),
        w=1.0,
        step=0.6,
        reach=1.6,
    ),
    alt="A cost curve like a bowl. At w = 1, left of its lowest point, the"
    " tangent falls to the right, and an arrow shows the step to the right.",
)

# %% [markdown]
# ### One step with numbers
#
# Here are the cost of $n$ examples and its derivative. The chain rule says for
# each example: two times the inside of the square, times the derivative of the
# inside, $x_i$:
#
# $$
# J(w) = \frac1n \sum_{i=1}^{n} (x_i w - y_i)^2, \qquad
# J'(w) = \frac2n \sum_{i=1}^{n} x_i (x_i w - y_i) .
# $$
#
# At $w = 1$ the three errors $x_i w - y_i$ are $1 - 2 = -1$, $2 - 4 = -2$ and
# $3 - 6 = -3$. The slope is $\frac23 (1 \cdot (-1) + 2 \cdot (-2) + 3 \cdot (-3))
# = -\frac{28}{3} \approx$ {number}`slope_1:.2f`. With $\eta$ =
# {number}`learning_rate` the new weight is $1 - \eta \cdot$ ({number}`slope_1:.2f`)
# = {number}`w_1:.4f`. It moved towards 2, the true price.

# %% tags=["remove-cell"]
notebook.numbers(
    slope_1=lesson.slope(1.0, x, y),
    learning_rate=lesson.LEARNING_RATE,
    w_1=1 - lesson.LEARNING_RATE * lesson.slope(1.0, x, y),
    epochs=lesson.EPOCHS,
)

# %% [markdown]
# ## Predict before you run
#
# Descent starts at $w = 1$ and makes {number}`epochs` steps with $\eta$ =
# {number}`learning_rate`. One pass through all the examples is called an
# **epoch**; here every step is one. Write down your answers. The right ones
# are at the end of the page.
#
# 1. Does every epoch bring $w$ nearer to the minimum by the same amount?
# 2. What happens with a learning rate 10, 20 and 30 times as large?
#
# ## By hand
#
# Here is all of it in NumPy. `np.mean` is the sum divided by $n$.

# %% tags=["source"]
from course.lesson02 import cost, slope, descend

# %%
path = descend(lambda w: slope(w, x, y), w=1.0, learning_rate=0.01, epochs=100)
for epoch in (0, 1, 2, 10, 100):
    print(
        f"{epoch:3}  w = {path[epoch]:.4f}  J = {cost(path[epoch], x, y):.1e}"
    )

# %% tags=["remove-cell"]
notebook.numbers(
    w=path[-1],
    first_cost=cost(path[0], x, y),
    last_cost=cost(path[-1], x, y),
    moved_1=path[1] - path[0],
    moved_2=path[2] - path[1],
)

# %% [markdown]
# The weight arrives at {number}`w:.5f`, and the cost fell from
# {number}`first_cost:.2f` to {number}`last_cost:.1e`. The first step was
# {number}`moved_1:.4f` long, the second {number}`moved_2:.4f`. The steps become
# shorter although the learning rate stays the same, because the ground becomes
# flatter.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.descent(x, y, path),
    alt="Left: red dots run down the left side of a bowl, in smaller and"
    " smaller steps, with straight tangents at some of them. Right: on a"
    " logarithmic axis the distance to the minimum falls along a straight"
    " line.",
)

# %% [markdown]
# On the right the axis is logarithmic: from one tick to the next the distance
# is divided by the same number. The dots lie on a straight line. So every epoch
# multiplies the distance to the minimum by the same number. Where does this
# number come from?
#
# ### How long may a step be?
#
# Let $w^*$ be the weight at the minimum, here 2. Every $y_i$ is $x_i w^*$, so
# every error is $x_i w - x_i w^* = x_i (w - w^*)$. Put this into the slope
# above. It is proportional to the distance from the minimum, $J'(w) =
# \lambda\,(w - w^*)$. The number $\lambda$, read "lambda", is the
# **curvature**, the slope of the slope:
#
# $$
# \lambda = \frac2n \sum_{i=1}^{n} x_i^2 = \frac23 (1 + 4 + 9)
# = \frac{28}{3} .
# $$
#
# Now put $J'(w)$ into the step, and subtract $w^*$ on both sides:
#
# $$
# w - w^* \;\leftarrow\; (w - w^*) - \eta\lambda\,(w - w^*)
# = (1 - \eta\lambda)\,(w - w^*) .
# $$
#
# The **contraction factor** $1 - \eta\lambda$ decides everything. If it is $0.9$,
# each epoch removes a tenth of the distance. If it is negative, $w$ jumps over
# the minimum. If it is below $-1$, each jump ends further away than it began:
# descent **diverges**. That happens when $\eta > 2/\lambda$.

# %%
for factor in (1, 10, 20, 30):
    rate = factor * 0.01
    end = descend(lambda w: slope(w, x, y), 1.0, rate, epochs=10)[-1]
    print(f"rate {rate:.2f}  factor {1 - rate * 28 / 3:+.3f}  w = {end:9.4f}")

# %% tags=["remove-cell"]
notebook.numbers(
    factor=1 - lesson.LEARNING_RATE * lesson.curvature(x),
    factor_30=1 - 30 * lesson.LEARNING_RATE * lesson.curvature(x),
    limit=2 / lesson.curvature(x),
)

# %% [markdown]
# With $\eta = 0.01$ the factor is {number}`factor:.3f`, and after ten epochs there is
# still a long way to go. With $0.1$ descent has arrived. With $0.2$ it overshoots
# each time and is slower again. With $0.3$ the factor is {number}`factor_30:.1f`:
# it diverges. The limit $2/\lambda$ is {number}`limit:.4f`.
#
# ## In Keras
#
# Keras calls the same thing a network with one layer, which has one unit and no
# bias (a bias would be a number that is added). You say *what* the model is,
# which optimizer takes the steps, and which cost to use. `SGD` is Keras's
# gradient descent, `"mse"` the mean squared error. `fit` takes the steps, and
# `batch_size=len(x)` says that each step uses all the examples; [lesson
# 4](lesson04) uses fewer.

# %%
model = keras.Sequential(
    [keras.Input((1,)), keras.layers.Dense(1, use_bias=False)]
)
model.set_weights([np.array([[1.0]])])  # start at w = 1
model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.01), loss="mse")
model.fit(x[:, None], y, batch_size=len(x), epochs=100, verbose=0)

w = model.get_weights()[0][0, 0]
prediction = model.predict(np.array([[4.0]]), verbose=0)[0, 0]
print(f"w = {w:.5f}, prediction for x = 4: {prediction:.4f}")

# %% tags=["remove-cell"]
notebook.numbers(keras_w=w, prediction=prediction)
assert abs(w - path[-1]) < 1e-5

# %% [markdown]
# Keras finds the same weight, {number}`keras_w:.5f`, and it predicts that 4
# kilograms cost {number}`prediction:.4f`. We did not tell it the formula of the
# slope. It derives the slope from the code of the cost, by **automatic
# differentiation**. [A page of its own](autodiff) explains how.
#
# ## Checked
#
# Two programs that agree can share a mistake. So the lesson compares its numbers
# with others that were computed in another way: the slope with the slope between
# two nearby points of the curve, every epoch with the formula of the contraction
# factor, and the largest learning rate with one that was found by trying.

# %% tags=["hide-input"]
outcome = notebook.run(2)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# In fog, the bottom of every valley feels like the lowest point. The following
# cost has two valleys. It is called a **double well**:

# %% tags=["source"]
from course.lesson02 import TILT, double_well, double_well_slope

# %%
starts = np.array([1.5, -1.5])
ends = descend(double_well_slope, starts, learning_rate=0.02, epochs=1000)[-1]
for start, end in zip(starts, ends):
    print(f"from {start:+}: w = {end:+.4f}, J = {double_well(end):+.4f}")

# %% tags=["remove-cell"]
notebook.numbers(
    stuck_w=ends[0],
    stuck_cost=double_well(ends[0]),
    best_w=ends[1],
    best_cost=double_well(ends[1]),
)

# %% [markdown]
# From the right, descent ends at $w$ = {number}`stuck_w:.4f`, where the cost is
# {number}`stuck_cost:.4f`. The slope is zero there, and nothing moves any more.
# This is a **local minimum**: lower than all places near it, but not the lowest
# of all. From the left it ends at $w$ = {number}`best_w:.4f` with the cost
# {number}`best_cost:.4f`. Descent cannot know that a lower place exists. A simple
# way out is to start from many places and keep the best end.
#
# ### Going deeper: noise as a way out
#
# You need: standard deviation and the normal distribution.
#
# Another way out is to shake the ground. A noisy step adds a random push,
#
# $$
# w \leftarrow w - \eta\, J'(w) + \sqrt{2 \eta T}\, z ,
# $$
#
# where $z$ is drawn anew for every step, with mean 0 and standard deviation 1,
# and $T$ is the **temperature**: how strong the pushes are.

# %% tags=["source"]
from course.lesson02 import noisy_descent

# %%
rng = np.random.default_rng(0)
start = np.full(lesson.NOISY_RUNS, ends[0])  # all in the wrong well
noisy = noisy_descent(
    start, temperature=0.4, learning_rate=0.02, steps=3000, rng=rng
)
print("in the lower well:", np.mean(noisy < 0))

# %% tags=["hide-input"]
v = np.linspace(-4, 4, 4001)
density = np.exp(-double_well(v) / 0.4)
stuck = descend(double_well_slope, 1.5, 0.02, 1000)

notebook.figure(
    lambda: figures.double_well(stuck, noisy, ends[1]),
    alt="Left: a curve with two minima; the red path of descent ends in the"
    " right one, a green star marks the lower one on the left. Right: a"
    " histogram of the noisy runs has a high peak over the left minimum, a low"
    " one over the right, and follows a grey curve.",
)

# %% tags=["remove-cell"]
notebook.numbers(
    noisy_runs=len(noisy),
    fraction_low=np.mean(noisy < 0),
    fraction_predicted=density[v < 0].sum() / density.sum(),
)

# %% [markdown]
# All {number}`noisy_runs:,d` runs started in the wrong well. In the end the
# fraction {number}`fraction_low:.3f` of them is in the lower one. After many
# small steps a run is at $w$ with a probability in proportion to $e^{-J(w)/T}$,
# the grey curve, which predicts {number}`fraction_predicted:.3f`. Noise is not
# only a nuisance. Lesson 4 meets it again, where nobody adds it on purpose.
#
# ## Summary
#
# - The slope of the cost says in which direction to change the weight: against
#   it.
# - One step is $w \leftarrow w - \eta J'(w)$. The learning rate $\eta$ is chosen
#   by you.
# - On a parabola every step multiplies the distance to the minimum by
#   $1 - \eta\lambda$. Above $\eta = 2/\lambda$ descent diverges.
# - Where a cost has several minima, the start decides which of them descent
#   reaches.
#
# ## Answers
#
# 1. No. It brings $w$ nearer by the same *fraction* of the distance that is
#    left: it multiplies the distance by {number}`factor:.3f`.
# 2. Ten times: it arrives much sooner. Twenty times: it jumps over the minimum
#    at each step and is slower again. Thirty times: it diverges, because the
#    learning rate is above $2/\lambda$.
#
# ## What to try next
#
# - Which learning rate reaches the minimum of the parabola in a single step?
#   Predict it from $1 - \eta\lambda$, then try it:
#   `python -m course.lesson02 --learning-rate RATE`.
# - Double every $x$ and every $y$. What becomes of the largest learning rate?
# - Predict, then count: how many epochs does one more correct digit take?
# - Start the double well at the hilltop between its two minima, exactly and then
#   a little beside it. Where does descent end?
#
# ## Sources
#
# - J. Nocedal, S. Wright, *Numerical Optimization*, 2nd ed., Springer, 2006,
#   section 3.3.
# - S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by Simulated
#   Annealing", *Science* 220, 1983, pages 671–680.
