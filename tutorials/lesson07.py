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
# python -m course read 7, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 7: A two-layer network
#
# ## The question
#
# A staircase has one lamp and two switches, one below and one above. The lamp is
# on when exactly one of the switches is up. This rule is called **XOR**, "one or
# the other, but not both". With 0 for down and off, and 1 for up and on, it has
# four cases:

# %% tags=["hide-input"]
import numpy as np

from course import descent, lesson07 as lesson, notebook
from course.autodiff import gradient_check
from course.figures import diagrams, lesson07 as figures
from course.lesson07 import HIDDEN, ITERATIONS, LEARNING_RATE

import keras

X, y = lesson.load_data()

notebook.table(
    [["0", "0", "0"], ["0", "1", "1"], ["1", "0", "1"], ["1", "1", "0"]],
    ["switch x1", "switch x2", "lamp y"],
    "XOR",
)

# %% tags=["hide-input"]
notebook.figure(
    figures.corners,
    alt="Two panels with the four cases as the corners of a square. The lamp is"
    " on at two opposite corners. Left, one line leaves one corner on the wrong"
    " side; right, two parallel lines have the two ones between them.",
)

# %% [markdown]
# The classifier of lesson 6 divides such a square by *one* straight line: it says
# "on" on one side, "off" on the other. However you draw the line, a corner is
# on the wrong side. Two lines would do. Can a model find two lines by itself,
# and combine them?
#
# ## The idea: a layer in between
#
# In lesson 6 a sigmoid turned a weighted sum into a number from 0 to 1. Where the
# sum is zero there is a line, and the number says on which side of it a point
# lies. This is a **neuron**, also called a unit: a weighted sum, followed by a
# function that is not a straight line, the **activation**.
#
# Put several neurons side by side. All see the same inputs, but each has its own
# weights, so each draws its own line. Together they are a **layer**. One more
# neuron takes *their* results as its inputs and combines the lines. The layer in
# between is a **hidden layer**: its results are neither in the data nor in the
# answer.

# %%
rng = np.random.default_rng(0)
W1, W2 = rng.random((3, 4)), rng.random((4, 1))  # the weights at the start

# %% tags=["hide-input"]
notebook.figure(
    lambda: diagrams.network(
        [
            ["$x_1$", "$x_2$", "1"],
            ["$h_1$", "$h_2$", "$h_3$", "$h_4$"],
            [r"$\hat y$"],
        ],
        ["inputs X", "hidden layer H", "output"],
        weights={
            ((0, 1), (1, 0)): f"{W1[1, 0]:.2f}",
            ((1, 0), (2, 0)): f"{W2[0, 0]:.2f}",
        },
        path=[(0, 1), (1, 0), (2, 0)],
    ),
    alt="A network of three inputs, four hidden units and one output. Every"
    " input is connected with every hidden unit, and every hidden unit with the"
    " output. One path is red: from x2 to h1 to the output.",
)

# %% [markdown]
# A circle is a number, a line is a weight. There are $3 \cdot 4 = 12$ weights in
# the first layer, the matrix $W_1$, and 4 in the second, $W_2$. The third input
# is always 1; its weights do the work of a bias. Each number is multiplied by the
# weight on its line; what arrives at a neuron is added up, and the neuron applies
# the sigmoid $\sigma(z) = 1 / (1 + e^{-z})$:
#
# $$
# H = \sigma(X W_1), \qquad \hat y = \sigma(H W_2), \qquad
# J = \sum_{i=1}^{n} (\hat y_i - y_i)^2 .
# $$
#
# $X$ and $H$ have one row for each case, and $H$ one column for each hidden unit.
# The cost $J$ is a sum here, not a mean. Computing $H$ and $\hat y$ from $X$ is
# the **forward pass**.
#
# ### One case, with numbers
#
# Take the second case, $x_1 = 0$ and $x_2 = 1$, where the lamp is on. Call the
# weight from $x_2$ to $h_1$, on the red path, $u$ = {number}`w_21:.3f`. The weight
# from the constant 1 to $h_1$ is {number}`w_31:.3f`, and $x_1$ adds nothing. So
# $h_1$ receives $z$ = {number}`w_21:.3f` + {number}`w_31:.3f` = {number}`z_1:.3f`,
# and $h_1 = \sigma(z)$ = {number}`h_1:.3f`. The other three units work in the same
# way. The output weighs the four and ends at $\hat y$ = {number}`yhat_1:.3f`. It
# should be 1.

# %% tags=["remove-cell"]
H, y_hat = lesson.forward(X, W1, W2)
factors = [
    2 * (y_hat[1, 0] - 1),
    y_hat[1, 0] * (1 - y_hat[1, 0]),
    W2[0, 0],
    H[1, 0] * (1 - H[1, 0]),
]
notebook.numbers(
    w_21=W1[1, 0],
    w_31=W1[2, 0],
    z_1=W1[1, 0] + W1[2, 0],
    h_1=H[1, 0],
    yhat_1=y_hat[1, 0],
    miss=y_hat[1, 0] - 1,
    factor_1=factors[0],
    factor_2=factors[1],
    factor_3=factors[2],
    factor_4=factors[3],
    product=np.prod(factors),
)

# %% [markdown]
# ## Predict before you run
#
# The network is trained by gradient descent for 1,500 steps, with the learning
# rate $\eta = 1$. Write down your answers. The right ones are at the end.
#
# 1. Leave the activations out. What will the network predict for the four cases?
# 2. Start twenty networks with twenty different sets of random weights. How many
#    of them learn XOR?
# 3. Let all weights start at the same value. Does that network learn XOR?
#
# ## By hand
#
# ### Forward
#
# The code knows four activations, and the slope of each, written with its result
# $a$. The sigmoid's is $a (1 - a)$, as in lesson 6. "linear" changes nothing.

# %% tags=["source"]
from course.lesson07 import ACTIVATIONS, forward, cost

# %%
H, y_hat = forward(X, W1, W2)
print("hidden", H[1].round(3))
print("ŷ", y_hat[:, 0].round(3), " y", y[:, 0])
print("J", cost(X, y, W1, W2).round(3))

# %% [markdown]
# ### One path backward
#
# To make a step we need the slope of the cost for each weight. Take $u$ on the red
# path. If it grows a little, $h_1$ changes, then $\hat y$, then $J$. The chain rule
# multiplies the slopes along this path. We follow it backwards, from the cost to
# the weight:
#
# 1. $J = (\hat y - y)^2$ has the slope $2 (\hat y - y)$ = $2 \cdot$
#    ({number}`miss:.3f`) = {number}`factor_1:.3f`.
# 2. The output's sigmoid has the slope $\hat y (1 - \hat y)$ =
#    {number}`factor_2:.3f`.
# 3. The line from $h_1$ to the output has the weight {number}`factor_3:.3f`.
# 4. The sigmoid of $h_1$ has the slope $h_1 (1 - h_1)$ = {number}`factor_4:.3f`.
#
# The product of the four is {number}`product:.4f`: the slope of $J$ for the sum $z$
# that enters $h_1$. In $z$ the weight $u$ is multiplied by its input $x_2 = 1$, so
# the slope for $u$ is the product times 1. It is negative: a larger $u$ makes the
# cost of this case smaller.
#
# ### All paths at once
#
# Every path begins with the same two factors. Compute what paths share only once,
# and pass it back. This is **backpropagation**. For all weights and all cases it
# needs four formulas:
#
# $$
# \begin{aligned}
# D_2 &= 2 (\hat y - y) \odot \hat y (1 - \hat y), &
# \frac{\partial J}{\partial W_2} &= H^\top D_2, \\
# D_1 &= (D_2 W_2^\top) \odot H (1 - H), &
# \frac{\partial J}{\partial W_1} &= X^\top D_1 .
# \end{aligned}
# $$
#
# The sign $\odot$ multiplies entry by entry. $D_2$ holds factors 1 and 2. $D_1$
# multiplies them by factors 3 and 4, for every hidden unit: $W_2^\top$ sends the
# error back along the same weights through which the signal came. A gradient is
# always "what enters the weight" times "what comes back to it", and the transposed
# matrices $X^\top$ and $H^\top$ add this up over the cases. In code `.T` and `.mT`
# transpose:

# %% tags=["source"]
from course.lesson07 import backward

# %%
g1, g2 = backward(X, y, W1, W2)
alone, _ = backward(X[1:2], y[1:2], W1, W2)  # the second case only
print(f"u: {alone[1, 0]:.4f} (case 2), {g1[1, 0]:.4f} (all cases)")

# %% [markdown]
# The first number is the product found with a pencil. The fourth case, where
# $x_2$ is 1 as well and the lamp is off, pulls $u$ the other way, and harder.
#
# ### Is the gradient right?
#
# A mistake in such formulas seldom stops a program; it only learns badly. So
# measure the slope without any formula: move $u$ a little up and down, and watch
# the cost.

# %%
up, down = W1.copy(), W1.copy()
up[1, 0] += 0.001
down[1, 0] -= 0.001
measured = (cost(X, y, up, W2) - cost(X, y, down, W2)) / 0.002
print(f"measured {measured:.6f}, backpropagation {g1[1, 0]:.6f}")

# %% [markdown]
# `gradient_check` does this for all 16 weights and returns the largest relative
# error and where it is. Does it find a mistake? Make one entry larger by a
# thousandth:


# %%
def J(W1, W2):
    return cost(X, y, W1, W2)


error, _ = gradient_check(J, [W1, W2], [g1, g2])
wrong = g1.copy()
wrong[2, 3] *= 1.001
print(f"right: {error:.0e}")
print("wrong:", gradient_check(J, [W1, W2], [wrong, g2]))

# %% [markdown]
# It names the entry. Trust no backward pass of your own before this test.
#
# ### Learning
#
# One step changes both layers. Both gradients are computed *before* any weight
# changes. `path` holds the weights of every step; `forward` takes them all at once.

# %% tags=["source"]
from course.lesson07 import step, descend

# %%
path = descend(X, y, W1, W2, 1500)
costs = cost(X, y, *path)
predictions = forward(X, *path)[1][..., 0]
for t in (0, 20, 100, 200, 1500):
    print(f"{t:4}  J = {costs[t]:.4f}  ŷ =", predictions[t].round(3))

# %% tags=["remove-cell"]
notebook.numbers(
    first_cost=costs[0],
    last_cost=costs[-1],
    largest_zero=predictions[-1, [0, 3]].max(),
    smallest_one=predictions[-1, [1, 2]].min(),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.learning(path),
    alt="Left: the cost lingers on a plateau, then falls. Right: the four"
    " predictions stay together near one half for a while, then part towards"
    " zero and one.",
)

# %% [markdown]
# The cost falls from {number}`first_cost:.3f` to {number}`last_cost:.4f`. The zeros
# end at {number}`largest_zero:.3f` or less, the ones at {number}`smallest_one:.3f`
# or more. On the way the cost stays for a while on a plateau at about 1: all four
# predictions are near one half, because the hidden units are still too much alike
# to tell the cases apart. Then each finds its line:

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.regions([W[-1] for W in path]),
    alt="Left: four straight bands, one for each hidden unit, cut across the"
    " unit square. Right: the output is high in a diagonal strip with the two"
    " squares in it, and low at the corners with the two circles.",
)

# %% [markdown]
# On the left each colour is a hidden unit; on its thick line its value is one half.
# On the right the output has combined them into a strip: the two ones (squares) lie
# in it, the two zeros (circles) outside, on either side. Nobody told the hidden
# units which lines to draw. The error that came back did.
#
# ### Without the bend
#
# Now the same network with the activation "linear" in both layers:

# %%
linear = ("linear", "linear")
flat = descend(X, y, W1, W2, 3000, 0.02, *linear)
last = [W[-1] for W in flat]
print("ŷ", forward(X, *last, *linear)[1][:, 0].round(3))
print("J", cost(X, y, *last, *linear).round(3))

# %% [markdown]
# One half everywhere. $X W_1 W_2$ is the same as $X w$ with the one column of
# weights $w = W_1 W_2$: two layers without a bend between them are one layer,
# linear regression. Its best plane needs no training, `np.linalg.lstsq(X, y)` finds
# it, and for XOR this plane is level.
#
# ### Does it always work?
#
# Two other activations are common. *tanh* goes from $-1$ to $1$. *relu* is $z$ where
# $z$ is positive, and 0 elsewhere.

# %% tags=["hide-input"]
notebook.figure(
    figures.activations,
    alt="Three curves. The sigmoid rises from 0 to 1, tanh from minus 1 to 1;"
    " relu is 0 on the left and a rising straight line on the right.",
)

# %% [markdown]
# For each of them in the hidden layer, and for the learning rates $0.1$, 1 and 10,
# twenty networks start from different random weights. How many get all four cases
# on the right side of one half?

# %%
survey = lesson.survey(seed=0)
print("η        " + "".join(f"{rate:5}" for rate in lesson.RATES))
for kind, learnt in survey["learnt"].items():
    print(f"{kind:9}" + "".join(f"{n:5}" for n in learnt))

# %% tags=["remove-cell"]
counts = survey["learnt"]
notebook.numbers(
    nets=lesson.STARTS,
    sigmoid_1=counts["sigmoid"][0],
    sigmoid_2=counts["sigmoid"][1],
    sigmoid_3=counts["sigmoid"][2],
    tanh_medium=counts["tanh"][1],
    tanh_large=counts["tanh"][2],
    most_relu=max(counts["relu"]),
)

# %% [markdown]
# With tanh {number}`tanh_medium` of {number}`nets` learn at the medium rate and
# {number}`tanh_large` at the largest. With relu never more than
# {number}`most_relu` do: a relu unit that is 0 for all cases has the slope 0 as
# well, so no error comes back to it, and its weights never change again. It is
# *dead*. A network of four units cannot spare many. A large one can, and there
# relu is the usual choice.
#
# ## In Keras
#
# Each layer is a `Dense`. Keras derives the backward pass itself, for any layers,
# by automatic differentiation.

# %% tags=["source"]
from course.lesson07 import build_model, train

# %%
model = build_model()
model.set_weights([W1, W2])  # the same start
keras_costs, _ = train(model, X, y)
print("weights:", model.count_params(), f" J = {keras_costs[-1]:.4f}")
print("ŷ", model.predict(X, verbose=0)[:, 0].round(3))

# %% tags=["remove-cell"]
notebook.numbers(keras_cost=keras_costs[-1])
assert abs(keras_costs[-1] - costs[-1]) < 1e-4

# %% [markdown]
# Keras ends at the same cost, {number}`keras_cost:.4f`. `model.fit(X, y,
# batch_size=4, epochs=1500)` takes the same steps, more slowly.
#
# Without `use_bias=False` each unit also learns a bias, and the column of ones is
# not needed. A `Dense` layer with $a$ inputs and $b$ units then has $a \cdot b$
# weights and $b$ biases, and `set_weights` takes `[W1, b1, W2, b2]`.
#
# ## Checked
#
# The lesson compares the gradient with differences of the cost for three
# activations, and with automatic differentiation for twenty networks. Each of
# Keras's steps is repeated by hand, and the network without activations is held to
# the best plane.

# %% tags=["hide-input"]
outcome = notebook.run(7)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% tags=["remove-cell"]
notebook.bench("network", outcome.measured)

# %% [markdown]
# ## At the bench
#
# Watch the regions form while the network learns XOR, moons, circles or points
# of your own, and see which weights and gradients do the work. The bench has [a
# page of its own](lab/network), with things to try.
#
# ```{bench} network
# ```
#
# ## The trap
#
# Random weights look untidy. Why not start all of them at one half?

# %%
W1_same, W2_same = np.full((3, 4), 0.5), np.full((4, 1), 0.5)
same = [W[-1] for W in descend(X, y, W1_same, W2_same, 1500)]
print("J", cost(X, y, *same).round(3))
print("W1", same[0].round(3), sep="\n")

# %% tags=["remove-cell"]
notebook.numbers(cost_of_same=cost(X, y, *same))

# %% [markdown]
# All columns of $W_1$ are still equal. Equal units send the same signal and get the
# same error back, so they take the same step. Four units do the work of one, and
# the cost stays at {number}`cost_of_same:.3f`. Random weights are needed to make
# the units different.
#
# ## Summary
#
# - A neuron is a weighted sum and an activation. Neurons side by side are a layer.
# - A hidden layer draws several lines and the output combines them, so a network
#   with one can learn XOR.
# - Backpropagation is the chain rule from the cost backwards. What several paths
#   share is computed once.
# - Without activations, two layers can do no more than one.
# - The units must start different, so weights start at random.
#
# ## Answers
#
# 1. One half for every case, the value of the best plane.
# 2. It depends on the activation and the learning rate. With the sigmoid
#    {number}`sigmoid_1`, {number}`sigmoid_2` and {number}`sigmoid_3` of
#    {number}`nets` learn at the rates $0.1$, 1 and 10; with relu at most
#    {number}`most_relu`.
# 3. No. Its hidden units stay equal, and the cost ends at
#    {number}`cost_of_same:.3f`.
#
# ## What to try next
#
# - Change `HIDDEN` in `course/lesson07.py`, to 2, 3 or 8, and run
#   `python -m course.lesson07`. How few units are enough? With 8, how many
#   networks with relu learn now?
# - Draw the weights with another seed. Is the plateau longer or shorter?
# - Start at $W_1 = 0$ with a random $W_2$. Do the units become different?
# - Put a mistake into `backward`, such as a missing factor 2. Which checks find it?
#
# ## Sources
#
# - D. E. Rumelhart, G. E. Hinton, R. J. Williams, *Learning representations by
#   back-propagating errors*, Nature 323, 1986, pp. 533–536,
#   doi:10.1038/323533a0.
# - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press, 2016,
#   sections 6.1 and 6.5.
