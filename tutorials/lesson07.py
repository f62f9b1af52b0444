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
# # Lesson 7: A two-layer network
#
# ## The question
#
# XOR, "one or the other but not both", is four rows of data, and no straight
# line separates its zeros from its ones. A network with a hidden layer can
# learn it. What does the hidden layer do that a line cannot? How does the error
# at the output reach the weights of the first layer? And does it always work?
#
# This page calls the functions of `course/lesson07.py`; open that file beside
# it. Every number in the text was computed by the cells on this page.

# %%
import numpy as np

from course import lesson07 as lesson, notebook
from course.autodiff import gradient_check
from course.figures import lesson07 as figures

X, y = lesson.load_data()

notebook.numbers(
    x1=X[:, 0].tolist(),
    x2=X[:, 1].tolist(),
    constant=X[:, 2].tolist(),
    y=y[:, 0].tolist(),
    hidden_units=lesson.HIDDEN,
    iterations=lesson.ITERATIONS,
)

# %% [markdown]
# ## Predict before you run
#
# Each row of $X$ has two inputs and a constant 1, which takes the place of an
# intercept. The network multiplies twice and bends the result twice:
#
# $$
# H = g(X W_1), \qquad \hat y = f(H W_2), \qquad
# J = \sum_i (\hat y_i - y_i)^2 .
# $$
#
# $W_1$ and $W_2$ are the weights of the two layers. $H$ holds the outputs of
# the {number}`hidden_units` hidden units, one column each; $\hat y$ is the
# prediction and $J$ the cost, a sum over the rows. The functions $g$ and $f$
# are the *activations*. Here both are the sigmoid $\sigma(z) = 1 / (1 +
# e^{-z})$, an S-shaped curve from 0 to 1. Write down your answers first:
#
# 1. Leave both activations out. What will the network predict for the four
#    rows?
# 2. Start twenty networks from twenty sets of random weights. How many of them
#    learn XOR?
# 3. Let all weights start with the same value. Does that network learn it?

# %% [markdown]
# ## By hand
#
# First without activations. `fit_linear` trains such a network.

# %%
linear = lesson.fit_linear(seed=0)

notebook.numbers(
    linear_cost=linear["cost"], linear_prediction=linear["y_hat"][0, 0]
)

# %% [markdown]
# It predicts {number}`linear_prediction:.3f` for every row, at the cost
# {number}`linear_cost:.3f`. Two layers without a bend in between are one:
# $X W_1 W_2 = X (W_1 W_2)$ is a plane, and the best plane is level.
#
# ### Backpropagation
#
# With activations the gradient is the chain rule, taken from the output
# backwards:
#
# $$
# \begin{aligned}
# D_2 &= 2 (\hat y - y) \odot f', &
# \frac{\partial J}{\partial W_2} &= H^\top D_2, \\
# D_1 &= (D_2 W_2^\top) \odot g', &
# \frac{\partial J}{\partial W_1} &= X^\top D_1 .
# \end{aligned}
# $$
#
# The sign $\odot$ multiplies entry by entry, and $f'$ and $g'$ are the slopes
# of the activations; that of the sigmoid is $\sigma (1 - \sigma)$. $D_2$ says
# how the cost changes with what enters the output unit, $D_1$ with what enters
# each hidden unit. $W_2^\top$ carries the error back along the same weights
# that carried the signal forward.
#
# `backward` is these four formulas. `gradient_check` knows none of them: it
# moves each weight a little up and down and watches the cost.

# %%
rng = np.random.default_rng(0)
W1, W2 = lesson.draw_weights(rng)
gradients = lesson.backward(X, y, W1, W2)
worst, where = gradient_check(
    lambda W1, W2: lesson.cost(X, y, W1, W2), [W1, W2], gradients
)

wrong = [gradient.copy() for gradient in gradients]
wrong[0][2, 3] *= 1.001  # one entry of the gradient, a little too large
found, name = gradient_check(
    lambda W1, W2: lesson.cost(X, y, W1, W2), [W1, W2], wrong
)

notebook.numbers(worst=worst, where=where, found=found, name=name)

# %% [markdown]
# The largest relative error of the gradient is {number}`worst:.0e`. When one
# entry is made a thousandth too large, the check reports {number}`found:.4f`
# and names the weight: {number}`name`.
#
# ### Learning
#
# The learning rate is $\eta = 1$, and a step is $W \leftarrow W - \eta\,
# \partial J / \partial W$ for both layers.

# %%
path = lesson.descend(X, y, W1, W2, lesson.ITERATIONS)
costs = lesson.cost(X, y, *path)
predictions = lesson.forward(X, *path)[1][..., 0]

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
# In {number}`iterations:,d` iterations the cost falls from
# {number}`first_cost:.3f` to {number}`last_cost:.4f`. The two rows that should
# be 0 end at {number}`largest_zero:.3f` or less, the two that should be 1 at
# {number}`smallest_one:.3f` or more. On the left, after a quick drop, the cost
# stays almost level for a while, as high as that of the plane above. On the
# right the four predictions come down together to about one half, and then each
# finds its side.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.regions([W[-1] for W in path]),
    alt="Left: four straight bands, one for each hidden unit, cut across the"
    " unit square. Right: the output is high in a diagonal strip with the two"
    " squares in it, and low at the corners with the two circles.",
)

# %% [markdown]
# This is what the hidden layer does. On the left, each colour is one hidden
# unit: it rises across one straight band, and the thick line is where its
# output is one half. On the right the output adds the four up and bends the
# sum: the two ones (squares) lie in the dark part, the two zeros (circles) in
# the light parts on both sides of it. A single line could not do that.
#
# ### Does it always work?
#
# `survey` starts twenty networks for each activation of the hidden layer and
# each of three learning rates. Besides the sigmoid there are *tanh*, an
# S-shaped curve from $-1$ to 1, and *relu*, which is $z$ where $z > 0$ and 0
# elsewhere.

# %%
survey = lesson.survey(seed=0)
sigmoid, tanh, relu = (survey["learnt"][kind] for kind in lesson.HIDDEN_KINDS)

notebook.numbers(
    nets=lesson.STARTS,
    learning_rates=lesson.RATES,
    sigmoid=sigmoid,
    tanh=tanh,
    relu=relu,
    tanh_medium=tanh[1],
    tanh_large=tanh[2],
    most_relu=max(relu),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.survey(**survey),
    alt="Bars: how many of the networks learnt, for sigmoid, tanh and relu, at"
    " three learning rates each. Tanh does best at the medium rate and almost"
    " never at the largest; relu seldom learns at any.",
)

# %% [markdown]
# Each bar counts the networks that put all four rows on the right side. The
# activation and the learning rate belong together: tanh succeeds with
# {number}`tanh_medium` of {number}`nets` at the medium rate and with
# {number}`tanh_large` at the largest. Relu gets to {number}`most_relu` at most.
# A relu unit that is 0 for every row has the slope 0 there too, so its weights
# never change again; with so few units that is soon one too many.
#
# ## In Keras
#
# The same network is two `Dense` layers without biases. `set_weights` gives it
# the start of the network by hand.

# %%
with notebook.precision("float64"):
    model = lesson.build_model()
    model.set_weights([W1, W2])
    keras_costs, keras_path = lesson.train(model, X, y)

notebook.numbers(
    parameters=model.count_params(),
    largest_difference=max(
        np.abs(a - b).max() for a, b in zip(keras_path, path)
    ),
)

# %% [markdown]
# It has {number}`parameters` parameters. In all iterations no weight differs
# from the one by hand by more than {number}`largest_difference:.0e`.
#
# ## Checked
#
# The lesson holds the formulas against finite differences for three
# activations, and against automatic differentiation for twenty networks. Keras
# is held to the formulas at every step.

# %%
outcome = notebook.run(7)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# Random weights look untidy. Why not start all of them at one half?

# %%
same = lesson.descend(
    X, y, np.full_like(W1, 0.5), np.full_like(W2, 0.5), lesson.ITERATIONS
)
H, y_hat = lesson.forward(X, *(W[-1] for W in same))

notebook.numbers(
    spread=np.ptp(H, axis=1).max(),
    cost_of_same=lesson.cost(X, y, *(W[-1] for W in same)),
    predicted_by_same=y_hat[:, 0].tolist(),
)

# %% [markdown]
# Equal units get equal gradients, so they stay equal: after all the iterations
# the largest difference between their outputs is {number}`spread:.1g`. The
# {number}`hidden_units` units do the work of one, and the cost ends at
# {number}`cost_of_same:.3f` instead of {number}`last_cost:.4f`. Random weights
# are not untidy. They are what lets the units become different.
#
# ## What to try next
#
# - Draw the weights with another seed. Does the plateau become longer or
#   shorter?
# - How few hidden units are enough? For $q$ = 3, 2 and 1 draw $W_1$ with
#   `rng.random((3, q))` and $W_2$ with `rng.random((q, 1))`, and call
#   `descend`.
# - Start at $W_1 = 0$ with a random $W_2$. Do the units become different?
# - Put a fault into `backward`, say $D_2$ without the factor 2. Which checks
#   find it?
# - Set `HIDDEN` to 8 in `course/lesson07.py` and repeat the survey. How many
#   networks with relu learn now?
#
# ## Sources
#
# - D. E. Rumelhart, G. E. Hinton, R. J. Williams, *Learning representations by
#   back-propagating errors*, Nature 323, 1986, pp. 533–536,
#   doi:10.1038/323533a0.
# - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press, 2016,
#   sections 6.1 and 6.5.
