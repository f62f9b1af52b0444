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
# # Lesson 4: Batch, stochastic and mini-batch descent
#
# ## The question
#
# Until now every step of gradient descent looked at all the data. With a
# million rows that is a lot of looking for one small step. Could a step look at
# twenty rows only, or at a single one? Would it still lead downhill? What is
# gained, and what is lost?
#
# This page calls the functions of `course/lesson04.py`; open that file beside
# it. Every number in the text was computed by the cells on this page. Each cell
# shows its numbers in a small table.

# %%
import numpy as np

from course import lesson04 as lesson, notebook
from course.checks import lesson04 as proof
from course.checks.references import quadratic_descent
from course.figures import lesson04 as figures

X, y = lesson.load_data()
rng = np.random.default_rng(0)
order = np.array([rng.permutation(len(y)) for _ in range(lesson.EPOCHS)])
minimum = lesson.least_squares(X, y)  # the lowest point of the cost

notebook.numbers(
    n=len(y),
    noise=lesson.NOISE,
    learning_rate=lesson.LEARNING_RATE,
    epochs=lesson.EPOCHS,
    rows_per_step=list(lesson.KINDS.values()),
    rows_mini=lesson.KINDS["mini-batch"],
    minimum_w=minimum[0],
    minimum_b=minimum[1],
)

# %% [markdown]
# ## Predict before you run
#
# The lesson makes $n$ = {number}`n` points around a line. Their vertical
# distances from it are random, with the standard deviation $\sigma$ =
# {number}`noise`; this is the **noise** in $y$. The model is a line with a
# weight $w$ and an intercept $b$, together $\theta = (w, b)$, read "theta". The
# cost is the mean of the squared errors, as in lesson 3, so its gradient is a
# mean as well, of one term $g_i$ from each point, or row, $i$:
#
# $$
# \frac{\partial J}{\partial \theta} = \frac1n \sum_{i=1}^{n} g_i, \qquad
# g_i = 2\, (w x_i + b - y_i)\, (x_i, 1) .
# $$
#
# A mean can be estimated from a few of its terms. So take $B$ rows, called a
# **batch**, and go against the mean of their $g_i$, with the learning rate
# $\eta$ = {number}`learning_rate`:
#
# $$
# \theta \leftarrow \theta - \eta \cdot \frac1B \sum_{i \in \text{batch}} g_i .
# $$
#
# With all the rows, $B = n$, this is **batch descent**; with a single one,
# $B = 1$, **stochastic descent**, which means: left to chance; in between, here
# with $B$ = {number}`rows_mini`, **mini-batch descent**. An epoch takes every
# row once, in a random order, batch after batch. All three start at $\theta$ =
# (0, 0) and run for {number}`epochs` epochs. Write down your answers first:
#
# 1. How many updates does each of the three make?
# 2. Which one is nearest to the minimum in the end?
# 3. For which one does the cost fall with every single update?

# %% [markdown]
# ## By hand
#
# One function, `descend`, does all three: it cuts each epoch into batches and
# makes one update for each batch. `roughness` is the mean rise of the cost from
# one update to the next, a fall counting as zero.

# %%
paths = {
    kind: lesson.descend(X, y, order, batch_size)
    for kind, batch_size in lesson.KINDS.items()
}
costs = {kind: lesson.cost(X, y, path) for kind, path in paths.items()}
batch, single, mini = (paths[k] for k in ("batch", "stochastic", "mini-batch"))

notebook.numbers(
    updates_batch=len(batch) - 1,
    updates_single=len(single) - 1,
    updates_mini=len(mini) - 1,
    distance_batch=np.linalg.norm(batch[-1] - minimum),
    distance_single=np.linalg.norm(single[-1] - minimum),
    distance_mini=np.linalg.norm(mini[-1] - minimum),
    rough_batch=lesson.roughness(costs["batch"]),
    rough_single=lesson.roughness(costs["stochastic"]),
    rough_mini=lesson.roughness(costs["mini-batch"]),
)

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
# In {number}`epochs` epochs the three make {number}`updates_batch`,
# {number}`updates_single:,d` and {number}`updates_mini` updates (batch,
# stochastic, mini-batch). Drawn by updates, on the left, the curves lie nearly
# on top of each other: on average a step of one row leads where a step of all
# rows leads. Drawn by epochs, in the middle, they are far apart, because an
# epoch holds more steps where each takes fewer rows. On the right the paths are
# drawn over the lines of equal cost. Stochastic descent ends
# {number}`distance_single:.3f` from the minimum, mini-batch descent
# {number}`distance_mini:.3f` and batch descent {number}`distance_batch:.3f`.
#
# The price is noise. The roughness of batch descent is
# {number}`rough_batch:.1g`: its cost never rises. That of mini-batch descent is
# {number}`rough_mini:.1e`, that of stochastic descent {number}`rough_single:.1e`.
#
# ### How large the noise is
#
# Near the minimum the true gradient is almost zero, but a single row still
# pushes, because its point does not lie on the line. So $\theta$ never comes to
# rest. It keeps a **spread**: if descent were repeated many times with rows
# drawn at random for each step, its ends would lie around the minimum with a
# standard deviation of about
#
# $$
# \sigma \sqrt{\frac{\eta}{B}} .
# $$
#
# The lesson repeats it a few hundred times and measures. The function `moments`
# of `course/checks/lesson04.py` predicts the same spread exactly, without
# drawing a single random number.

# %%
ends = lesson.repeat(X, y, lesson.RUNS, rng)["ends"]
exact = proof.moments(X, y, 1, lesson.RUN_UPDATES)[1]

notebook.numbers(
    repeated=lesson.RUNS,
    spread_w_single=ends["stochastic"][:, 0].std(),
    exact_w_single=exact[0],
    rule_single=lesson.NOISE * np.sqrt(lesson.LEARNING_RATE),
    spread_w_mini=ends["mini-batch"][:, 0].std(),
    rule_mini=lesson.NOISE
    * np.sqrt(lesson.LEARNING_RATE / lesson.KINDS["mini-batch"]),
)

# %% [markdown]
# Repeated {number}`repeated` times, stochastic descent leaves a spread of
# {number}`spread_w_single:.4f` in $w$; the exact prediction is
# {number}`exact_w_single:.4f`, the rule says {number}`rule_single:.4f`. For
# mini-batches the measured spread is {number}`spread_w_mini:.4f` and the rule
# says {number}`rule_mini:.4f`. So there are two ways to a calmer end: a larger
# batch or a smaller learning rate.
#
# ### Where the noise helps
#
# Lesson 2 had a cost with two minima, a **double well**, in which plain descent
# was stuck. Give every sample a cost of its own, with its own tilt $c_i$:
#
# $$
# J_i(w) = (w^2 - 1)^2 + c_i\, w .
# $$
#
# Their mean has a lower minimum and a higher one. The lesson starts descent at
# many places near the higher minimum and counts how many get out of its well.
# Predict: which of the three kinds escapes?

# %%
wells = lesson.escape(rng)
predicted = proof.predicted_escapes(wells["start"])

notebook.numbers(
    starts=lesson.STARTS,
    rows_well=lesson.WELL_BATCH["mini-batch"],
    escaped_batch=wells["escaped"]["batch"],
    escaped_single=wells["escaped"]["stochastic"],
    escaped_mini=wells["escaped"]["mini-batch"],
    chance_single=predicted["stochastic"],
    chance_mini=predicted["mini-batch"],
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.double_well(**wells, predicted=predicted),
    alt="Left: two strongly tilted curves of single samples and their mean, a"
    " curve with two minima. Middle: all ends of batch descent lie at the"
    " higher minimum on the right, those of mini-batch descent near both, those"
    " of stochastic descent near the left one. Right: the fractions that"
    " escaped, each with its interval and a red line for the prediction.",
)

# %% [markdown]
# On the left, a single sample sees quite another landscape than the mean: half
# of the samples push to the left, strongly, and the others to the right. In the
# middle, each dot is where one of {number}`starts` starts ended, the kinds drawn
# one above the other. On the right are the fractions that escaped: {number}`escaped_batch:.2f`
# for batch descent, {number}`escaped_mini:.2f` for mini-batches of
# {number}`rows_well` and {number}`escaped_single:.2f` for single rows. The
# bars are the range in which the true fraction lies with 95 % confidence. The red
# lines are the predictions from the chances of every single move,
# {number}`chance_mini:.3f` and {number}`chance_single:.4f`.
#
# ## In Keras
#
# One model serves all three: only `batch_size` differs. `train` calls Keras's
# own `fit` and gives it the rows in the order used by hand, so that both see
# the same batches. Stochastic descent makes so many updates that two epochs of
# it must do.

# %%
differences, counted = [], []
with notebook.precision("float64"):
    for kind, batch_size in lesson.KINDS.items():
        rows = order[: lesson.KERAS_EPOCHS] if batch_size == 1 else order
        model = lesson.build_model()
        theta = lesson.train(model, X, y, rows, batch_size)
        updates = int(model.optimizer.iterations)
        differences.append(np.abs(theta - paths[kind][updates]).max())
        counted.append(updates)

notebook.numbers(updates_in_keras=counted, largest_difference=max(differences))

# %% [markdown]
# After all its updates, $\theta$ differs from the one by hand by at most
# {number}`largest_difference:.1g`, whichever of the three it was. Keras's name
# for the optimizer is `SGD`, stochastic gradient descent, for every batch size.
#
# ## Checked
#
# Two programs that agree can have the same fault. So the lesson compares its
# numbers with ones that came another way: the closed form for every update of
# batch descent, finite differences for the gradient, the exact prediction for
# the spread, and the chances for the fractions that escaped. Where chance plays
# a part, four or five standard errors are allowed; chance alone practically
# never leads that far. The three rows from "without the mistake" on belong to
# the trap below.

# %%
outcome = notebook.run(4)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# A common mistake: the loop goes over mini-batches, but the gradient inside it
# is computed from `X` and `y`, where `X[rows]` and `y[rows]` were meant. There
# is no error message, and the cost falls. How would you notice?

# %%
mistaken = lesson.descend(
    X, y, order, lesson.KINDS["mini-batch"], lesson.mistaken_gradient
)
batch_descent = quadratic_descent(X, y, lesson.LEARNING_RATE, len(mistaken) - 1)

rows = order[0, : lesson.KINDS["mini-batch"]]  # one mini-batch

notebook.numbers(
    cost_right=costs["mini-batch"][-1],
    cost_mistake=lesson.cost(X, y, mistaken[-1]),
    from_batch=np.abs(mistaken - batch_descent).max(),
    leak_right=lesson.leak(lesson.batch_gradient, X, y, rows, mini[-1]),
    leak_mistake=lesson.leak(lesson.mistaken_gradient, X, y, rows, mini[-1]),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.mistake(X, y, {"right": mini, "mistake": mistaken}),
    alt="Left: the two cost curves, without and with the mistake, can hardly be"
    " told apart. Right: the fraction of the cost that each update removes"
    " jumps up and down without the mistake and is a smooth curve with it.",
)

# %% [markdown]
# On the left the two costs can hardly be told apart; they end at
# {number}`cost_right:.4f` and, with the mistake, at
# {number}`cost_mistake:.4f`. The figure on the right shows it. Each mini-batch
# is a little different, so the fraction of the cost that an update removes must
# jump; with the mistake it is smooth. In truth the mistake has turned it into
# batch descent, to within {number}`from_batch:.0e`, and every update computes
# all the rows.
#
# A test finds it without a figure: change $y$ in a row *outside* the batch and
# compute the batch's gradient again. It must not move at all. Without the
# mistake it moves by {number}`leak_right:.1g`, with it by
# {number}`leak_mistake:.4f`.
#
# ## What to try next
#
# - Predict, then measure: how large is the spread with a learning rate a
#   quarter as large? After how many updates is it reached?
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
