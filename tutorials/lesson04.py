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
# python -m course read 4, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 4: Batch, stochastic and mini-batch descent
#
# ## The question
#
# Here are a hundred taxi rides. A ride of $x$ kilometres should cost $3 + 2x$,
# but traffic makes some dearer and some cheaper. These random differences are
# called **noise**. Their standard deviation is $0.5$.
#
# Gradient descent finds the line. But each of its steps reads all the rides. A
# taxi company has millions of them, and then every small step takes long. Could
# a step look at twenty rides only, or at a single one? What is gained, and what
# is lost?

# %% tags=["hide-input"]
import numpy as np

from course import lesson04 as lesson, notebook
from course.figures import diagrams, lesson04 as figures
from course.lesson04 import LEARNING_RATE, WELL_RATE, least_squares

import keras

X, y = lesson.load_data()
rng = np.random.default_rng(0)
minimum = least_squares(X, y)  # the lowest point of the cost

notebook.figure(
    lambda: diagrams.points(
        X[:, 0],
        y,
        {
            "w = 2, b = 3": lambda x: 2.0 * x + 3.0,
        },
    ),
    alt="A hundred points scattered around a rising line; short orange lines"
    " join them to it.",
)

# %% [markdown]
# ## The idea: ask a few rows instead of all
#
# Before an election nobody asks all the voters. A few hundred, picked at
# random, give nearly the same result. The gradient can be treated in the same
# way, because it is a mean too. With $\theta = (w, b)$ we write it $\partial J
# / \partial \theta$ for short. Each example, or row, adds one term to it
# (lesson 3):
#
# $$
# \frac{\partial J}{\partial \theta} = \frac1n \sum_{i=1}^{n} g_i, \qquad
# g_i = \bigl( 2\,(\hat y_i - y_i)\, x_i, \; 2\,(\hat y_i - y_i) \bigr) .
# $$
#
# Take a ride of $x = 1$ that cost $y = 5$. At $w = b = 0$ the prediction is 0
# and the error $-5$, so $g = (-10, -10)$. The other rides give other terms.
# Here are means over all the rows, over 20 of them, and single terms:

# %% tags=["hide-input"]
start = np.zeros(2)
shuffled = np.random.default_rng(1).permutation(len(y))
picks = {
    "all 100 rows": shuffled,
    "20 rows": shuffled[:20],
    "20 other rows": shuffled[20:40],
    "one row": shuffled[:1],
    "another row": shuffled[1:2],
    "a third row": shuffled[2:3],
}
notebook.table(
    [
        [name, *(f"{g:.2f}" for g in lesson.batch_gradient(X, y, rows, start))]
        for name, rows in picks.items()
    ],
    ["mean over", "slope for w", "slope for b"],
    "The gradient at w = b = 0, from more and from fewer rows",
)

# %% [markdown]
# All of them say "make $w$ and $b$ larger", and 20 rows say it nearly as exactly
# as 100. So let a step use only some rows. They are called a **batch**, and
# their number $B$ is the **batch size**:
#
# $$
# \theta \leftarrow \theta - \eta \cdot \frac1B \sum_{i \in \text{batch}} g_i .
# $$
#
# An **epoch** takes every row once, in a random order, batch after batch. A step
# is also called an **update**. There are three kinds of descent:

# %% tags=["hide-input"]
notebook.table(
    [
        [
            "batch",
            "all, B = n",
            "smooth; with a small enough rate the cost always falls",
            "one step in an epoch; all rows must fit in memory",
        ],
        [
            "stochastic",
            "one, B = 1",
            "many steps; can leave a local minimum",
            "never comes to rest; a computer is slow at one row at a time",
        ],
        [
            "mini-batch",
            "a few, here B = 20",
            "many steps, little noise; 20 rows take hardly longer than one",
            "one more number to choose, the batch size",
        ],
    ],
    ["descent", "rows in a step", "advantages", "disadvantages"],
    "Three kinds of gradient descent",
)

# %% [markdown]
# **Stochastic** means: left to chance.
#
# ## Predict before you run
#
# All three start at $w = b = 0$ and run for {number}`epochs` epochs with $\eta$
# = {number}`learning_rate`. Write down your answers. The right ones are at
# the end of the page.
#
# 1. How many updates does each of the three make?
# 2. Which one ends nearest to the minimum?
# 3. For which one does the cost fall with every single update?
#
# ## By hand
#
# `cost` and `gradient` are the functions of lesson 3. First **batch** descent.
# Each step uses all of `X` and `y`:

# %% tags=["remove-cell"]
notebook.numbers(epochs=lesson.EPOCHS, learning_rate=LEARNING_RATE)

# %%
from course.lesson03 import cost, gradient

theta, batch = np.zeros(2), [np.zeros(2)]
for _ in range(50):  # epochs
    theta = theta - 0.01 * gradient(X, y, theta)
    batch.append(theta)

# %% [markdown]
# **Stochastic** descent has a second loop inside, over single rows in a random
# order: `rng.permutation(100)` shuffles the numbers from 0 to 99. The double
# brackets in `X[[row]]` keep a table, with one row:

# %%
theta, single = np.zeros(2), [np.zeros(2)]
for _ in range(50):  # epochs
    for row in rng.permutation(100):
        theta = theta - 0.01 * gradient(X[[row]], y[[row]], theta)
        single.append(theta)

# %% [markdown]
# **Mini-batch** descent cuts the random order into pieces of 20 rows:

# %%
theta, mini = np.zeros(2), [np.zeros(2)]
for _ in range(50):  # epochs
    order = rng.permutation(100)
    for first in range(0, 100, 20):
        rows = order[first : first + 20]
        theta = theta - 0.01 * gradient(X[rows], y[rows], theta)
        mini.append(theta)

# %% [markdown]
# The last loop contains the other two: with 100 in place of 20 it is batch
# descent, with 1 stochastic descent. Let us count the updates, and how often
# the cost rose. `minimum` is the $\theta$ of the lowest cost, computed directly
# as in lesson 3; `np.linalg.norm` gives the distance from it.

# %%
paths = {"batch": batch, "stochastic": single, "mini-batch": mini}
paths = {kind: np.array(path) for kind, path in paths.items()}
for kind, path in paths.items():
    J = cost(X, y, path)
    distance = np.linalg.norm(path[-1] - minimum)
    rises = np.sum(np.diff(J) > 0)
    print(f"{kind:10} {len(path) - 1:4} updates, w, b = {path[-1].round(3)}")
    print(f"{'':10} distance {distance:.3f}, the cost rose {rises} times")

# %% tags=["remove-cell"]
ends = {kind: np.linalg.norm(p[-1] - minimum) for kind, p in paths.items()}
rose = {k: np.sum(np.diff(cost(X, y, p)) > 0) for k, p in paths.items()}
notebook.numbers(
    far_batch=ends["batch"],
    far_single=ends["stochastic"],
    far_mini=ends["mini-batch"],
    rose_single=rose["stochastic"],
    rose_mini=rose["mini-batch"],
)
assert rose["batch"] == 0

# %% [markdown]
# The number of updates is rows ÷ batch size × epochs:
#
# - batch: 100 ÷ 100 × 50 = 50,
# - stochastic: 100 ÷ 1 × 50 = 5000,
# - mini-batch: 100 ÷ 20 × 50 = 250.
#
# If the batch size does not divide the number of rows, the last batch of every
# epoch is smaller. So round up within the epoch: 110 rows make 6 batches of up
# to 20.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.kinds(X, y, paths),
    alt="Left: drawn by updates, the three cost curves lie together, and the"
    " stochastic one goes on much further and becomes jagged. Middle: drawn by"
    " epochs, the stochastic cost falls first, the mini-batch cost later and"
    " the batch cost last. Right: three paths from the origin lead through long"
    " ellipses; the stochastic one is jagged and reaches the star.",
)

# %% [markdown]
# On the left the costs are drawn by updates. The curves lie nearly on top of
# each other: on average a step on one row leads where a step on all rows leads.
# In the middle they are drawn by epochs, that is, by how many rows were read.
# Now stochastic descent is far ahead, because it makes 100 steps where batch
# descent makes one. On the right its path reaches the star, the minimum, but it
# is jagged.
#
# ### Noise at the end
#
# At the minimum the *mean* of the $g_i$ is zero, but the single ones are not:
# each ride still pulls the line towards itself. So stochastic descent never
# comes to rest. A larger batch is calmer, because the pulls of its rows partly
# cancel. A smaller learning rate is calmer too. One therefore often starts with
# a large learning rate and makes it smaller later.
#
# ### Where the noise helps
#
# In lesson 2 descent was stuck in a local minimum of a double well. Now let the
# cost be a mean over 100 examples, or samples, each with a tilt $c_i$ of its
# own: $J_i(w) = (w^2 - 1)^2 + c_i w$. Half of the tilts are $4.3$, the others
# $-2.5$. The mean has its lower minimum on the left and a higher one on the
# right, where we start 100 times. Each kind runs for 100 epochs, and every step
# draws its rows at random. Which kind of descent finds its way to the left?

# %% tags=["source"]
from course.lesson04 import descend_double_well

# %%
c = np.resize([4.3, -2.5], 100)  # the mean is 0.9
starts = rng.uniform(0.5, 1.2, 100)

ends = {"batch": descend_double_well(starts, np.full((100, 1), c.mean()))}
for kind, size in {"mini-batch": 5, "stochastic": 1}.items():
    rows = rng.integers(100, size=(100 * 100 // size, 100, size))
    ends[kind] = descend_double_well(starts, c[rows].mean(axis=-1))

escaped = {kind: np.mean(w < 0) for kind, w in ends.items()}
for kind, fraction in escaped.items():
    print(f"{kind:10}  {fraction:.2f}")

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.double_well(starts, ends, escaped),
    alt="Left: two strongly tilted curves of single samples and their mean, a"
    " curve with two minima. Middle: all ends of batch descent lie at the"
    " higher minimum on the right, those of mini-batch descent near both, those"
    " of stochastic descent near the left one. Right: the fractions that"
    " escaped, each with its interval.",
)

# %% tags=["remove-cell"]
notebook.numbers(
    escaped_batch=escaped["batch"],
    escaped_mini=escaped["mini-batch"],
    escaped_single=escaped["stochastic"],
)

# %% [markdown]
# In the middle each dot is the end of one start, the kinds drawn one above the
# other. Batch descent stays where it is: the fraction that escaped is
# {number}`escaped_batch:.2f`. With batches of five it is
# {number}`escaped_mini:.2f`, with single samples {number}`escaped_single:.2f`.
# The landscape of a single sample, an orange curve on the left, is quite
# different from the mean. Its steps are so rough that they lead over the hill.
# From the lower minimum, with its higher walls, the way back is harder. The
# bars on the right show how far chance alone could move the fractions.
#
# ### Going deeper: how large the noise is
#
# You need: variance and standard deviation of a mean.
#
# If stochastic descent were repeated many times, its ends would lie around the
# minimum with a standard deviation of about
#
# $$
# \sigma \sqrt{\frac{\eta}{B}} ,
# $$
#
# where $\sigma$ is the standard deviation of the noise in $y$. The variance of a
# mean over $B$ rows is $B$ times as small, and with a smaller $\eta$ every step
# takes in less of it. The lesson repeats the descent and measures:

# %%
measured = lesson.repeat(X, y, runs=400, rng=rng)["ends"]
for kind, size in {"stochastic": 1, "mini-batch": 20}.items():
    rule = 0.5 * np.sqrt(0.01 / size)
    spread = measured[kind][:, 0].std()
    print(f"{kind:10}  measured {spread:.4f}  by the rule {rule:.4f}")

# %% [markdown]
# ## In Keras
#
# One model serves all three. Only `batch_size` differs:

# %% tags=["source"]
from course.lesson04 import build_model

# %%
keras.utils.set_random_seed(0)  # the same random orders each time
for batch_size, epochs in ((100, 50), (20, 50), (1, 5)):
    model = build_model(learning_rate=0.01)
    model.fit(X, y, batch_size=batch_size, epochs=epochs, verbose=0)
    updates = int(model.optimizer.iterations)
    print(f"B = {batch_size:3}: {updates} updates, cost", end=" ")
    print(f"{model.evaluate(X, y, verbose=0):.3f}")

# %% [markdown]
# (Stochastic descent makes so many updates that five epochs of it must do.
# `evaluate` computes the cost. Because of the noise it cannot fall much below
# $0.5^2 = 0.25$.) `fit` shuffles the rows in every epoch, unless you write
# `shuffle=False`. Without `batch_size` it takes 32 rows. The optimizer is
# called `SGD`, stochastic gradient descent, for every batch size. In the field
# as well, SGD mostly means mini-batches.
#
# ## Checked
#
# The lesson compares its numbers with others that were computed in another way:
# every step of batch descent with a formula, the gradient with slopes between
# nearby points of the cost, the noise with a calculation that draws no random
# numbers, and the fractions that escaped with the chances of every single step.

# %% tags=["hide-input"]
outcome = notebook.run(4)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% tags=["remove-cell"]
notebook.bench("valleys", outcome.measured)

# %% [markdown]
# ## At the bench
#
# One cost, two valleys. Drag the start, then let each step look at one row
# only: which valley do two hundred starts end in? The bench has [a page of its
# own](lab/valleys), with things to try.
#
# ```{bench} valleys
# ```
#
# ## The trap
#
# Here is a common mistake. Compare it with the mini-batch loop above before you
# read on:

# %%
theta, mistaken = np.zeros(2), [np.zeros(2)]
for _ in range(50):  # epochs
    order = rng.permutation(100)
    for first in range(0, 100, 20):
        rows = order[first : first + 20]
        theta = theta - 0.01 * gradient(X, y, theta)
        mistaken.append(theta)
print(f"right:   J = {cost(X, y, paths['mini-batch'][-1]):.4f}")
print(f"mistake: J = {cost(X, y, theta):.4f}")

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.mistake(
        X, y, {"right": paths["mini-batch"], "mistake": np.array(mistaken)}
    ),
    alt="Left: the two cost curves, without and with the mistake, can hardly be"
    " told apart. Right: the fraction of the cost that each update removes"
    " jumps up and down without the mistake and is a smooth curve with it.",
)

# %% [markdown]
# The loop goes over mini-batches, but the gradient is computed from all of `X`
# and `y`, where `X[rows]` and `y[rows]` were meant. There is no error message,
# and the cost falls as it should, on the left. In truth this is batch descent,
# and every update reads all the rows. The right picture shows it: mini-batches
# differ a little, so the fraction of the cost that an update removes must jump.
# With the mistake it is smooth.
#
# A test finds it without a picture. Change $y$ in a row *outside* the batch. The
# gradient of the batch must not move at all:

# %%
outside = order[0]  # the last batch, `rows`, does not contain it
changed = y.copy()
changed[outside] += 1
right = gradient(X[rows], changed[rows], theta)
wrong = gradient(X, changed, theta)
print("right:  ", right - gradient(X[rows], y[rows], theta))
print("mistake:", wrong - gradient(X, y, theta))

# %% tags=["remove-cell"]
assert np.all(right == gradient(X[rows], y[rows], theta))

# %% [markdown]
# ## Summary
#
# - The gradient is a mean over the rows, so a few rows give an estimate of it.
# - Updates = rows ÷ batch size × epochs, rounded up within each epoch.
# - Fewer rows in a step mean more steps for the same work, and more noise.
# - Noise keeps descent from coming to rest, and it can lead out of a local
#   minimum.
# - Within the loop use `X[rows]` and `y[rows]`.
#
# ## Answers
#
# 1. Batch 50, stochastic 5000, mini-batch 250.
# 2. Stochastic descent. Its distance is {number}`far_single:.3f`, that of
#    mini-batch descent {number}`far_mini:.3f` and of batch descent
#    {number}`far_batch:.3f`, which has made too few steps.
# 3. Only for batch descent. In mini-batch descent the cost rose
#    {number}`rose_mini` times, in stochastic descent {number}`rose_single:,d`
#    times.
#
# ## What to try next
#
# - Make the noise in $y$ zero. Is stochastic descent still noisy at the minimum?
#   Why not?
# - Halve the learning rate after every ten epochs. How near does stochastic
#   descent come now?
# - Measure the time of an epoch for each batch size. Which one is the quickest
#   to a given cost?
# - Take the rows in the same order in every epoch, sorted by $x$. What changes?
# - Run the lesson with other random orders: `python -m course.lesson04 --seed
#   1`.
#
# ## Sources
#
# - L. Bottou, F. E. Curtis, J. Nocedal, "Optimization Methods for Large-Scale
#   Machine Learning", *SIAM Review* 60, 2018, section 4.
# - H. Robbins, S. Monro, "A Stochastic Approximation Method", *The Annals of
#   Mathematical Statistics* 22, 1951, pages 400–407.
