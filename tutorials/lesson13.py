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
# # Lesson 13: Randomness
#
# ## The question
#
# Train the same network twice on the same data, and you get two results. Then
# you change the learning rate, and the result is better. Was it the learning
# rate, or was it luck? Three dice are thrown in a training: one for the initial
# weights, one for the order in which the data come, one for the noise in the
# data. How much does each of them do, and how many trainings does it take to
# tell luck from a cause?
#
# This page calls the functions of `course/lesson13.py`; open that file beside
# it. Every number in the text was computed by the cells on this page.

# %%
import numpy as np

from course import lesson13 as lesson, notebook
from course.checks import lesson13 as proof
from course.checks.references import order_covariance
from course.figures import lesson13 as figures
from course.training import seeds

seed = 0
parts = lesson.load_data()
(X, y), validation, test = parts

notebook.numbers(
    train=len(y),
    validation=len(validation[1]),
    test=len(test[1]),
    pixels=X.shape[1],
    hidden=lesson.HIDDEN,
    noise=lesson.PIXEL_NOISE,
    seeds=lesson.SEEDS,
)

# %% [markdown]
# The data are {number}`train` digits of {number}`pixels` pixels each, from 0,
# paper, to 1, ink. Noise with the standard deviation {number}`noise` is added
# to every pixel, as if the scanner were bad. The network is small, with
# {number}`hidden` hidden units, so that hundreds of them can be trained. The
# result of a training is its cost on {number}`test` test digits: the cross
# entropy, the mean of minus the logarithm of the probability that the right
# class got.
#
# ## Predict before you run
#
# The numbers of a die come from a *seed*, a whole number: the same seed gives
# the same throws. So we can hold two dice still and throw only the third. Write
# down your answers first:
#
# 1. Which of the three dice changes the test cost most?
# 2. If all three are thrown anew, do their variances simply add up?
# 3. The same three seeds twice: in how many of the network's weights do two
#    trainings differ?
# 4. Two learning rates differ by a tenth. How many seeds does it take to see
#    which is better?

# %% [markdown]
# ## By hand
#
# `draw` throws the three dice, and `train_by_hand` trains in NumPy, by
# mini-batches with momentum. A run is named by three numbers, one for each die.
# In each group of `runs` below only one die changes: the others stay at 0.
# `train_pool` trains a *pool* of many networks for which all three are thrown
# anew.

# %%
numbers = np.arange(1, 1 + lesson.SEEDS)
costs, accuracies = [], []
for die in np.eye(3, dtype=int):  # (1, 0, 0), then (0, 1, 0), then (0, 0, 1)
    runs = numbers[:, None] * die
    weights = lesson.train_by_hand(seed, runs, X, y)
    costs.append(lesson.cost(*test, weights))
    accuracies.append(lesson.accuracy(*test, weights))

pool = lesson.train_pool(parts, seed, lesson.EPOCHS, lesson.POOL)
_, test_accuracies = pool["accuracies"]
costs.append(pool["costs"][: lesson.SEEDS])
accuracies.append(test_accuracies[: lesson.SEEDS])
spreads = [values.std(ddof=1) for values in costs]

notebook.numbers(
    by_weights=spreads[0],
    by_order=spreads[1],
    by_noise=spreads[2],
    by_all=spreads[3],
    uncertainty=1 / np.sqrt(2 * (lesson.SEEDS - 1)),
    worst=accuracies[3].min(),
    best=accuracies[3].max(),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.sources(
        np.concatenate(costs[:3]), np.concatenate(accuracies[:3]), pool
    ),
    alt="Test cost and test accuracy of twenty runs for each die and for all"
    " three: four clouds of dots, about equally tall, each with a bar for its"
    " mean and its standard deviation.",
)

# %% [markdown]
# Each dot is a training; the black bar is the mean with one standard deviation
# to either side. On the left, the standard deviation of the cost is
# {number}`by_weights:.3f` when only the initial weights change,
# {number}`by_order:.3f` with the order, {number}`by_noise:.3f` with the noise,
# and {number}`by_all:.3f` with all three. A standard deviation from
# {number}`seeds` runs is itself uncertain by about {number}`uncertainty:.0%`,
# so do not make much of which is the largest. None of them is small: of
# {number}`seeds` trainings by the same recipe, the worst reads
# {number}`worst:.1%` of the test digits and the best {number}`best:.1%`. That
# the clouds stand at different heights is luck too: in each of them the two
# other dice lie as they fell the first time.
#
# ### Do the variances add up?
#
# Write $f$ for the cost of a run, and $f'$ for the cost of the same run when
# one of its draws is replaced by a new one. Efron and Stein proved for any $f$
# of independent draws, however complicated, that
#
# $$
# \operatorname{var} f \le \sum \tfrac12\, \overline{(f - f')^2} ,
# $$
#
# where the sum is over the three dice and the bar is the mean over many runs.
# The two sides are equal when the three effects simply add up. Where the dice
# act together, say an order that is bad only for some initial weights, that
# joint effect is counted for each of the dice, and the right side is larger.

# %%
regression = lesson.fit_regressions(seed, lesson.FITS)
spread = {name: w[:, 0].std(ddof=1) for name, w in regression["ends"].items()}


def spread_from_order(learning_rate):
    """Of w1, by the formula, on these rows and targets."""
    X, y = regression["X"], regression["y"]
    residuals = y - X @ np.linalg.pinv(X) @ y
    P = order_covariance(X, residuals**2, learning_rate, lesson.ROW_BATCH)
    return np.sqrt(P[0, 0])


notebook.numbers(
    ratio=seeds.variance_ratio(pool["costs"], pool["replaced"]),
    ratio_error=proof.ratio_error(pool["costs"], pool["replaced"]),
    order_alone=spread["order alone"],
    noise_alone=spread["noise alone"],
    order_at_eta=spread_from_order(lesson.ROW_RATE),
    order_at_quarter=spread_from_order(lesson.ROW_RATE / 4),
)

# %% [markdown]
# The left side divided by the right one is {number}`ratio:.2f`, with a standard
# error of {number}`ratio_error:.2f`. The dice of this network do act together.
#
# For a simpler model all is known before a single run. Linear regression on the
# rows $X$, whose targets have noise of the standard deviation $\sigma$, has
# weights with the covariance matrix $\sigma^2 (X^\top X)^{-1}$ from the noise;
# its diagonal holds their variances. The mini-batches add a covariance of their
# own, which the function `order_covariance` solves for. The initial weights add
# nothing: the cost is convex, has one minimum only, and descent forgets where it
# came from.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.predicted(**regression),
    alt="Five bars for the measured standard deviation of a weight, each with a"
    " red line for the predicted one; the lines lie near the bars' tops. The"
    " two bars of the order are the lowest.",
)

# %% [markdown]
# The bars are measured in many fits, the red lines come from the formulas. The
# two bars on the right come from pairs $f$, $f'$, here two values of the
# weight: each is the root of $\tfrac12\, \overline{(f - f')^2}$ where one draw
# is replaced. For a quarter of the learning rate, the formula's spread from the
# order falls from {number}`order_at_eta:.3f` to {number}`order_at_quarter:.3f`,
# about a half. So a small learning rate at the end of a training calms one of
# the dice.
#
# ## In Keras
#
# Keras trains the same network from the same throws. `train_runs` gives each
# run's weights to the model and takes the optimizer's state back to the start,
# so that one model can serve for all runs. Three trainings: one, the same
# again, and one in which only the noise has another seed.

# %%
with notebook.precision("float64"):
    model = lesson.build_model(X.shape[1])
    once, again, other = zip(
        *lesson.train_runs(seed, [(1, 1, 1), (1, 1, 1), (1, 1, 2)], X, y)
    )

by_hand = lesson.train_by_hand(seed, [(1, 1, 1)], X, y)
difference = max(np.abs(a - b[0]).max() for a, b in zip(once, by_hand))

notebook.numbers(
    parameters=model.count_params(),
    difference=difference,
    changed_again=proof.fraction_changed(once, again),
    changed_other=proof.fraction_changed(once, other),
    fingerprint=seeds.fingerprint(once)[:16],
    fingerprint_again=seeds.fingerprint(again)[:16],
)

# %% [markdown]
# Between Keras and NumPy the weights differ by at most
# {number}`difference:.0e`. Trained again with the same three seeds,
# {number}`changed_again:.0%` of the {number}`parameters:,d` weights change, be
# it in a single bit; with one other seed, {number}`changed_other:.0%`. A
# training is not random at all once its seeds are known: on the same machine it
# can be repeated exactly. The *fingerprint* stands for all the bits, so that
# two machines can be compared.
#
# ### How many seeds?
#
# Now to the learning rates, {number}`rate` and {number}`other_rate`. From $n$
# runs each, a *95 % interval* for the difference of the two mean costs is
# computed; in 95 of 100 trials such an interval contains the true difference.
# The rates are told apart when it does not contain zero. How often will that
# happen?

# %%
rates = seeds.tell_apart(
    pool["costs"][: len(pool["other_rate"])], pool["other_rate"]
)

notebook.numbers(
    rate=lesson.LEARNING_RATE,
    other_rate=lesson.OTHER_RATE,
    gap=rates["gap"],
    deviation_other=rates["deviations"][0],
    deviation_same=rates["deviations"][1],
    needed_other=rates["needed"][0],
    needed_same=rates["needed"][1],
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.seeds(**rates),
    alt="Half the width of the interval falls as the number of seeds grows. The"
    " line for the same seeds lies far below the line for other seeds, and"
    " comes below the dashed gap with far fewer seeds.",
)

# %% [markdown]
# Here the pool stands for all runs there could be, so its gap,
# {number}`gap:.3f`, is the true one: the dashed line. The curves are half the
# width of the interval, the dots the seeds needed. To tell the rates apart in
# four trials of five, one needs {number}`needed_other` seeds for each of them.
# With the *same* seeds for both, {number}`needed_same` are enough: then both
# runs of a pair have the same luck, most of which drops out of their
# difference. Its standard deviation is {number}`deviation_same:.3f` instead of
# {number}`deviation_other:.3f`.
#
# ## Checked
#
# The lesson holds the runs in Keras against those by hand, the spreads of the
# linear regression against the formulas, its intervals against SciPy's, and the
# fraction of the trials that tell the rates apart against the one predicted. It
# also checks what a seed reaches: `np.random.seed` does not reach Keras's own
# random numbers.

# %%
outcome = notebook.run(13)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# If luck is that large, why not use it? Train with {number}`seeds` seeds, take
# the network that is best on the {number}`validation` validation digits, and
# report its accuracy. The function `best_of_many` does that thousands of times,
# with groups of runs drawn from the pool.

# %%
lead, left = seeds.best_of_many(
    *pool["accuracies"], lesson.SEEDS, lesson.GROUPS, [seed, 1]
)["lead"]

notebook.numbers(
    lead_validation=100 * lead,
    lead_test=100 * left,
    left_fraction=left / lead,
    standard_error=100 * test_accuracies.std(ddof=1) / np.sqrt(lesson.SEEDS),
    mean_accuracy=test_accuracies.mean(),
)

# %% [markdown]
# On the validation digits the best of {number}`seeds` is
# {number}`lead_validation:.1f` percentage points above the mean of all runs. On
# the test digits {number}`lead_test:.1f` points are left of it, which is
# {number}`left_fraction:.0%`. The rest of the lead was luck with the validation
# digits. And what is left belongs to that one network, not to the recipe:
# whoever trains by the recipe with a new seed starts from the mean again.
#
# A seed is no hyperparameter, no setting to be tuned. What can be reported of a
# recipe is its mean, here {number}`mean_accuracy:.1%` of the test digits, with
# the standard error $s / \sqrt n$, where $s$ is the standard deviation of $n$
# runs: with {number}`seeds` seeds, {number}`standard_error:.1f` percentage
# points.
#
# ## What to try next
#
# - Predict, then measure: which of the three spreads changes when the learning
#   rate is halved?
# - Train four times as long. Do the initial weights matter less?
# - Leave the noise out altogether. What becomes of the other two dice?
# - How many seeds are needed to tell {number}`rate` from a learning rate that
#   differs by a hundredth part only?
# - Find a published comparison of two networks. How many seeds had each, and
#   were they the same?
# - Run the lesson with another seed: `python -m course.lesson13 --seed 1`.
#
# ## Sources
#
# - B. Efron, C. Stein, *The jackknife estimate of variance*, Annals of
#   Statistics 9, 1981, pages 586–596.
# - S. Mandt, M. D. Hoffman, D. M. Blei, *Stochastic gradient descent as
#   approximate Bayesian inference*, Journal of Machine Learning Research 18,
#   2017, article 134.
