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
# python -m course read 13, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 13: Randomness
#
# ## The question
#
# Run the same program twice, on the same data, and you get two different
# numbers. Here a small network learned to read digits of $8 \times 8$ pixels,
# five times. Nothing was changed between the runs.

# %% tags=["hide-input"]
import numpy as np

from course import lesson13 as lesson, notebook
from course.figures import lesson11 as pictures, lesson13 as figures
from course.training import seeds
from course.training.network import accuracy, backward, cost

import keras

(X, y), validation, test = lesson.load_data()
five = lesson.train_by_hand(0, [(k, k, k) for k in range(1, 6)], X, y)
notebook.table(
    [
        [f"run {k}", f"{J:.3f}", f"{right:.1%}"]
        for k, (J, right) in enumerate(
            zip(cost(*test, five), accuracy(*test, five)), start=1
        )
    ],
    header=["", "test cost", "test accuracy"],
    caption="Five runs of one program",
)

# %% tags=["remove-cell"]
notebook.numbers(train=len(X), test=len(test[1]), runs=lesson.SEEDS)

# %% [markdown]
# Why? And if you change the learning rate and the result is better, was it the
# learning rate, or was it luck? How many runs does one need to tell?
#
# ## The idea: a training throws dice
#
# Nothing in a computer happens by chance. But a training *asks* for random
# numbers, and it does so in three places:
#
# 1. the **initial weights**: where descent starts;
# 2. the **order** of the rows: which of them are in which mini-batch;
# 3. the **noise** in the data: what the scanner added to the pixels.
#
# Think of three dice, thrown once for every training. Here are ten of the
# {number}`train` training digits, and below them the same digits with noise as
# our scanner delivers them.

# %% tags=["hide-input"]
noisy = X[:10] + lesson.PIXEL_NOISE * np.random.default_rng(0).normal(
    size=X[:10].shape
)
notebook.figure(
    lambda: pictures.some(np.concatenate([X[:10], noisy]).reshape(-1, 8, 8, 1)),
    alt="Ten coarse digits, and below them the same ten with noise, which are"
    " hard to read.",
)

# %% [markdown]
# The dice are not real dice. A random generator computes its numbers, one from
# the other, and it starts from a whole number, the **seed**. The same seed gives
# the same numbers:

# %%
for seed in (7, 7, 8):
    print(seed, np.random.default_rng(seed).normal(size=3).round(3))

# %% [markdown]
# So we can hold two of the dice still, by giving them the same seed in every
# run, and throw only the third. Then all the scatter comes from this one.
#
# ### How large is the scatter?
#
# Let $f_1, \dots, f_n$ be the test costs of $n$ runs and $\bar f$ their mean. Two
# numbers describe them:
#
# $$
# s = \sqrt{\frac{(f_1 - \bar f)^2 + \dots + (f_n - \bar f)^2}{n - 1}} ,
# \qquad \text{standard error} = \frac{s}{\sqrt n} .
# $$
#
# The **standard deviation** $s$, `f.std(ddof=1)`, says how far a single run lies
# from the mean. Its square is the **variance**. The **standard error** says how
# far the *mean* of $n$ runs lies from the mean of all runs there could be. For
# the three costs $0.4$, $0.5$ and $0.6$ we get $\bar f = 0.5$,
# $s = \sqrt{(0.01 + 0 + 0.01)/2} = 0.1$ and the standard error
# $0.1/\sqrt3 \approx 0.06$. With four times as many runs it is half as large.
#
# ## Predict before you run
#
# The network has 16 hidden units, so that hundreds of them can be trained. The
# result of a run is its cost on {number}`test` test digits. Write down your
# answers:
#
# 1. Which of the three dice changes the test cost most?
# 2. The same seeds twice: in how many of the network's weights do two trainings
#    differ?
# 3. Two learning rates differ by a tenth. How many runs of each does it take to
#    see which is better?
#
# ## By hand
#
# `draw` throws the three dice. A run is named by three whole numbers, one for
# each die: equal numbers, equal throws. (A seed may be a list of whole
# numbers.) `train_by_hand` is gradient descent by
# mini-batches with momentum; `backward` is the backpropagation of lesson 7.

# %% tags=["source"]
from course.lesson13 import (
    PIXEL_NOISE,
    HIDDEN,
    draw,
    train_by_hand,
)

# %%
names = ["weights", "order", "noise", "all three"]
dice = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]  # 0: held still
costs, right = [], []
for name, die in zip(names, dice):
    runs = [tuple(k * d for d in die) for k in range(1, 21)]
    trained = train_by_hand(0, runs, X, y)
    costs.append(cost(*test, trained))
    right.append(accuracy(*test, trained))
    f = costs[-1]
    print(f"{name:9}  mean {f.mean():.3f}  s {f.std(ddof=1):.3f}")

# %% tags=["remove-cell"]
spreads = [f.std(ddof=1) for f in costs]
notebook.numbers(
    by_weights=spreads[0],
    by_order=spreads[1],
    by_noise=spreads[2],
    by_all=spreads[3],
    uncertainty=1 / np.sqrt(2 * 19),
    worst=right[3].min(),
    best=right[3].max(),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.sources(
        np.concatenate(costs[:3]),
        np.concatenate(right[:3]),
        {"costs": costs[3], "accuracies": (None, right[3])},
    ),
    alt="Test cost and test accuracy of twenty runs for each die and for all"
    " three: four clouds of dots, about equally tall, each with a bar for its"
    " mean and its standard deviation.",
)

# %% [markdown]
# Each dot is a run; the black bar is the mean with one standard deviation to
# either side. The standard deviation is {number}`by_weights:.3f` from the initial
# weights, {number}`by_order:.3f` from the order, {number}`by_noise:.3f` from the
# noise and {number}`by_all:.3f` from all three. One computed from {number}`runs`
# runs is itself uncertain by about {number}`uncertainty:.0%`, so do not make much
# of which is the largest. None is small: of {number}`runs` runs by the same
# recipe the worst reads {number}`worst:.1%` of the test digits and the best
# {number}`best:.1%`. (The clouds stand at different heights because in each of
# them the other two dice lie as they fell once.)
#
# ### How many runs does one need?
#
# Is the learning rate $0.45$ worse than $0.5$? Train {number}`runs` runs with it.
# There are two ways to choose their seeds: other seeds than before, or the same
# seeds.

# %%
same = [(k, k, k) for k in range(1, 21)]
other = [(k, k, k) for k in range(21, 41)]
at_50, s = costs[3], {}  # 0.5, with the seeds 1 to 20
for name, runs in (("other seeds", other), ("same seeds", same)):
    at_45 = cost(*test, train_by_hand(0, runs, X, y, rate=0.45))
    difference = at_45 - at_50
    s[name] = difference.std(ddof=1)
    print(
        f"{name:11}  difference {difference.mean():.3f}  s {s[name]:.3f}"
        f"  2 s/√n {2 * s[name] / np.sqrt(20):.3f}"
    )

# %% tags=["remove-cell"]
rates = seeds.tell_apart(at_50, at_45)
notebook.numbers(
    gap=rates["gap"],
    same_s=s["same seeds"],
    other_s=s["other seeds"],
    rule_other=8 * (s["other seeds"] / rates["gap"]) ** 2,
    needed_other=rates["needed"][0],
    needed_same=rates["needed"][1],
)

# %% [markdown]
# The true difference lies within two standard errors of the measured one in
# about 95 of 100 such experiments. This range is the **95 % interval**. If it
# does not contain 0, the two rates are told apart.
#
# With the *same* seeds run 1 of both rates has the same luck, and most of it
# drops out of the difference. The standard deviation of the differences is
# {number}`same_s:.3f` instead of {number}`other_s:.3f`. As a rule of thumb,
# $n \approx 8\,(s/d)^2$ runs of each show a difference $d$ in four experiments of
# five. Here $d$ is {number}`gap:.3f`, and with other seeds that is about
# {number}`rule_other:.0f`. With few runs the factor 2 is too small; the exact one
# is called $t$ (`scipy.stats.t.ppf`). With it one needs {number}`needed_other`
# runs of each with other seeds, but only {number}`needed_same` with the same ones.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.seeds(**rates),
    alt="Half the width of the interval falls as the number of seeds grows. The"
    " line for the same seeds lies far below the line for other seeds, and"
    " comes below the dashed gap with far fewer seeds.",
)

# %% [markdown]
# ## In Keras
#
# Keras has a random generator of its own, for the initial weights and for the
# order in `fit`. `keras.utils.set_random_seed` sets it, and those of Python and
# NumPy as well.


# %%
def train(seed):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(16, activation="sigmoid"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    sgd = keras.optimizers.SGD(0.5, momentum=0.875)
    model.compile(sgd, "sparse_categorical_crossentropy")
    noise = np.random.normal(size=X.shape)  # from the seed as well
    model.fit(X + 0.5 * noise, y, batch_size=50, epochs=5, verbose=0)
    return np.concatenate([w.ravel() for w in model.get_weights()])


once, again, other_seed = train(1), train(1), train(2)
print("weights                ", len(once))
print("differ, the same seed  ", np.sum(once != again))
print("differ, another seed   ", np.sum(once != other_seed))

# %% tags=["remove-cell"]
notebook.numbers(
    parameters=len(once),
    changed_again=np.sum(once != again),
    changed_other=np.sum(once != other_seed),
)

# %% [markdown]
# Of {number}`parameters:,d` weights {number}`changed_again` differ with the same
# seed, and {number}`changed_other:,d` with another. Once its seeds are known, a
# training is not random at all: on the same computer it can be repeated exactly.
#
# Three warnings. `np.random.seed` alone does not reach Keras's generator. The
# same seed gives other numbers on TensorFlow, JAX and PyTorch; this course
# therefore draws with NumPy, as in `draw`, and hands the weights over with
# `model.set_weights`. And a GPU may add the terms of a sum in another order in
# each run, so that the last digits differ in spite of all seeds.
#
# ## Checked
#
# The lesson trains the runs by hand and in Keras from the same draws, and
# compares the weights. It repeats a run and compares all bits, and it counts how
# often the interval really tells the two rates apart.

# %% tags=["hide-input"]
outcome = notebook.run(13)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% tags=["remove-cell"]
pool = outcome.measured["pool"]
notebook.numbers(
    ratio=seeds.variance_ratio(pool["costs"], pool["replaced"]),
    pool_runs=len(pool["costs"]),
)

# %% [markdown]
# ### Going deeper: do the variances add up?
#
# You need: variances of independent random numbers; a little matrix algebra.
#
# Is the variance from all three dice the sum of the three? Let $f'$ be the cost
# of the same run when *one* die is thrown anew. If $f$ is the sum of three
# independent effects, only this one remains in $f - f'$, once from each run, so
# half the mean of $(f - f')^2$ is its variance. Efron and Stein proved for
# any $f$ of independent draws
#
# $$
# \text{var}(f) \le \sum \frac12\, \overline{(f - f')^2} .
# $$
#
# Both sides are equal when the effects simply add up. Where the dice act
# together, say an order that is bad only for some initial weights, the joint
# effect is counted for each of them and the right side is larger. For our
# network, the left side divided by the right one is {number}`ratio:.2f`.
#
# For linear regression the variances can be computed beforehand. Take a single
# weight with the curvature $\lambda$ and the distance $z = w - w^*$. The gradient
# of a batch of $B$ rows is $\lambda z$ plus an error with the variance $r^2/B$:
#
# $$
# z \leftarrow (1 - \eta\lambda)\, z - \eta \cdot \text{error} , \qquad
# P \leftarrow (1 - \eta\lambda)^2 P + \eta^2 \frac{r^2}{B} ,
# $$
#
# where $P$ is the variance of $z$. Here $r^2$ is taken as constant. When $P$ no
# longer changes,
#
# $$
# P = \frac{\eta\, r^2}{B \lambda\,(2 - \eta\lambda)}
# \approx \frac{\eta\, r^2}{2 \lambda B} .
# $$
#
# A smaller learning rate or a larger batch calms this die. With several weights
# $P$ is the covariance matrix, and the function `order_covariance` solves the same
# equation for it. The noise in the targets, with variance $\sigma^2$, adds
# $\sigma^2 (X^\top X)^{-1}$. The initial weights add nothing: two trainings whose
# starts differ by $d$ differ after $k$ steps on all rows by
# $(I - \frac{2\eta}{n} X^\top X)^k d$, which goes to zero
# (`np.linalg.matrix_power`). The picture compares the measured spreads, the bars,
# with the predicted ones.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.predicted(**outcome.measured["regression"]),
    alt="Five bars for the measured standard deviation of a weight, each with a"
    " red line for the predicted one; the lines lie near the bars' tops. The"
    " two bars of the order are the lowest.",
)

# %% [markdown]
# ## The trap
#
# If luck is that large, why not use it? Train with {number}`runs` seeds, take the
# network that is best on the 300 validation digits, and report its accuracy. The
# lesson trains {number}`pool_runs` runs and plays this game with thousands of
# groups of {number}`runs`.

# %%
lead = pool["best"]["lead"]  # above the mean of all runs
print(f"validation +{lead[0]:.1%}, test +{lead[1]:.1%}")

# %% tags=["remove-cell"]
test_accuracies = pool["accuracies"][1]
notebook.numbers(
    lead_validation=100 * lead[0],
    lead_test=100 * lead[1],
    mean_accuracy=test_accuracies.mean(),
    standard_error=100 * test_accuracies.std(ddof=1) / np.sqrt(20),
)

# %% [markdown]
# On the validation digits the best of {number}`runs` is
# {number}`lead_validation:.1f` percentage points above the mean of all runs. On
# the test digits {number}`lead_test:.1f` points are left. The rest was luck with
# the validation digits. And what is left belongs to that one network, not to the
# recipe: whoever trains with a new seed starts from the mean again.
#
# So a seed is not a setting to be tuned. Report the mean of several runs with its
# standard error, here {number}`mean_accuracy:.1%`, plus or minus
# {number}`standard_error:.1f` points for {number}`runs` runs.
#
# ## Summary
#
# - A training draws random numbers for the initial weights, the order of the
#   rows and the noise. Each of them scatters the result.
# - The same seeds give the same training; `keras.utils.set_random_seed` sets
#   them.
# - The standard deviation $s$ describes single runs, the standard error
#   $s/\sqrt n$ the mean of $n$ runs.
# - To compare two settings, give both the same seeds and look at the
#   differences.
# - The best of many seeds is mostly lucky. Report the mean.
#
# ## Answers
#
# 1. All three matter about equally: $s$ is {number}`by_weights:.3f`,
#    {number}`by_order:.3f` and {number}`by_noise:.3f`, each uncertain by
#    {number}`uncertainty:.0%`.
# 2. In {number}`changed_again` of {number}`parameters:,d`.
# 3. About {number}`needed_other` with other seeds for each rate, and
#    {number}`needed_same` with the same seeds.
#
# ## What to try next
#
# - Predict, then measure: which of the three spreads changes when the learning
#   rate is halved?
# - Train four times as long. Do the initial weights matter less?
# - Leave the noise out altogether. What becomes of the other two dice?
# - How many runs tell $0.5$ from a learning rate that differs by a hundredth part
#   only?
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
