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
# # Lesson 14: More machine
#
# ## The question
#
# A training takes an hour, and there are two graphics cards (GPUs) in the
# computer, or two computers on the desk. Will it take half an hour? And will
# it still be the same training?
#
# The usual way to share the work is *data parallelism*. Every device has a
# copy of all weights. Each gets a part of the batch and computes the gradient
# of its own rows. Then they exchange these gradients: they are averaged, and
# every device takes the same step. This page calls the functions of
# `course/lesson14.py`; open that file beside it. Every number in the text was
# computed by the cells on this page.
#
# It needs no graphics card. Where there are not at least two, the CPU is split
# into four devices. The numbers are then those of real devices; the speed is
# not, for the same cores do all of the work.

# %%
import numpy as np

from course import lesson11, lesson13, lesson14 as lesson, notebook
from course.figures import lesson14 as figures
from course.machine import devices

digits = lesson.load_data()  # whole batches of 100
X, y = lesson13.load_data()[0]
Y = np.eye(10)[y]
weights = lesson13.draw(0, (0, 0, 0), X)[0]  # before any training

notebook.numbers(
    batch=lesson.BATCH_SIZE,
    test=len(digits.X_test),
    steps=lesson.STEPS,
    weights_in_all=lesson11.WEIGHTS,
    megabytes=lesson11.WEIGHTS * 4 / 1e6,
)

# %% [markdown]
# ## Predict before you run
#
# The network is that of lesson 11: {number}`weights_in_all:,d` weights,
# batches of {number}`batch`. Write down your answers first:
#
# 1. Four devices take {number}`batch` rows together, 25 each. How far are
#    their weights from those of one device after {number}`steps` steps: not at
#    all, in the last digits, or clearly?
# 2. Three devices get 70, 20 and 10 rows, and average their gradients. Is that
#    the gradient of the batch?
# 3. With four devices there is room for a batch four times as large. An epoch
#    then has a quarter of the steps. What should happen to the learning rate?

# %% [markdown]
# ## By hand
#
# The cost of a batch is a mean over its $B$ rows, so its gradient is a mean
# too. Device $i$ of $n$ has $B_i$ of the rows, and $g_i$ is the mean gradient of
# those. Putting the parts together again gives
#
# $$
# g = \frac1B \sum_{\text{rows}} g_{\text{row}}
#   = \sum_i \frac{B_i}{B}\, g_i .
# $$
#
# With equal parts every factor $B_i/B$ is $1/n$, and that is the plain mean.
# The function `device_gradients` computes the $g_i$, for the two-layer network
# of lesson 13, and `combine` adds them up:

# %%
batch = X[: lesson.BATCH_SIZE], Y[: lesson.BATCH_SIZE], weights
whole = lesson.device_gradients(*batch, [100])[0]
sizes = [25, 25, 25, 25]
four = lesson.combine(lesson.device_gradients(*batch, sizes), sizes)

notebook.numbers(
    largest=np.abs(whole).max(),
    error_four=np.abs(four - whole).max(),
)

# %% [markdown]
# The largest entry of the gradient, without its sign, is
# {number}`largest:.3f`, and the four parts together differ from the whole
# batch's gradient by {number}`error_four:.1e`: only the order of the additions
# differs, and with it the last rounding.
#
# ## In Keras
#
# Nothing in lesson 11's `build_model` and `train` changes. They are called
# inside the scope of an object that knows the devices: on JAX
# `keras.distribution.DataParallel`, on TensorFlow
# `tf.distribute.MirroredStrategy`. The function `devices.several` picks the
# right one. (What `keras.distribution` has for TensorFlow is a prototype that
# says of itself that it is not to be used. On PyTorch Keras has nothing of the
# kind: there one writes the training loop oneself, around PyTorch's
# `DistributedDataParallel`, with one process for each device.)
#
# A callback keeps the weights after every step, on one device and on several,
# computed in float64:

# %%
paths, parts, difference = [], [], 0.0
for several in devices.as_many_as(lesson.DEVICES):  # none on PyTorch
    path, seconds = lesson.first_steps(several, digits, seed=0)
    paths.append(path)
    parts = devices.parts(several, digits.X_train[: lesson.BATCH_SIZE])
    difference = max(difference, np.abs(path - paths[0]).max())

notebook.numbers(
    devices_used=len(parts),
    rows_each=[len(part) for part in parts],
    difference=difference,
)

# %% [markdown]
# Of each batch the {number}`devices_used` devices got {number}`rows_each`
# rows. After {number}`steps` steps no weight differs from that of one device
# by more than {number}`difference:.1e`. It *is* the same training. (On PyTorch
# the cell trains nothing, and its three numbers say nothing.)
#
# In float32 it begins in the same way, with differences in the seventh digit.
# They can grow: where two pixels of a pool are nearly equal, such a
# difference can decide which of them gets the gradient. After a long training
# the weights may be as far apart as with two different seeds; this page does
# not follow them so far.
#
# ### Is it faster?
#
# Every step ends with an exchange. The gradient has as many numbers as there
# are weights, in float32 {number}`megabytes:.2f` megabytes; each device sends
# and gets about as much, or at most twice that where the devices form a ring
# (an exercise of this lesson counts it). That is worth while where computing
# takes much longer than the exchange: large networks, large batches, fast
# connections between the cards. This network is small, and the four devices
# on this page are one CPU, so do not look for a gain here. In a
# terminal the lesson prints the milliseconds of a step on each number of
# devices; for your machine that is the answer to the first question on this
# page.
#
# ### A larger batch
#
# Usually one wants to keep each device busy with as many rows as it had
# alone, so that four devices share a batch four times as large. Then there
# are four times fewer steps, and with the old learning rate the weights go
# only about a quarter as far. But take four small steps, each with a batch of
# its own, at a learning rate $\eta$ so small that the weights $\theta$ hardly
# move meanwhile:
#
# $$
# \theta - \eta\,(g_1 + g_2 + g_3 + g_4) =
# \theta - 4\eta \cdot \tfrac14 (g_1 + g_2 + g_3 + g_4) .
# $$
#
# The four batches are equally large, so $\tfrac14 (g_1 + \dots + g_4)$ is the
# mean gradient of all their rows: on the right there is *one* step on all
# four batches at the rate $4\eta$. This is the rule of *linear scaling*: a
# batch $k$ times as large, a rate $k$ times as large. But $g_2$ is taken
# after the first small step, where the weights have moved by $\eta g_1$. So
# $g_2$ has an error proportional to $\eta$, the step $\eta g_2$ one
# proportional to $\eta^2$, and so have the weights in the end: the
# rule holds *to first order* in $\eta$. Halve $\eta$, and the difference must
# be four times smaller.

# %%
large = X[: 4 * lesson13.BATCH_SIZE], Y[: 4 * lesson13.BATCH_SIZE], weights


def largest_difference(rate):
    four_steps = lesson.take_steps(*large, rate, 4)
    one_step = lesson.take_steps(*large, 4 * rate, 1)
    return np.abs(four_steps - one_step).max()


eta = lesson.FIRST_ORDER
gap_ratio = largest_difference(eta) / largest_difference(eta / 2)

notebook.numbers(eta=eta, gap_ratio=gap_ratio)

# %% [markdown]
# At $\eta$ = {number}`eta:.3f` the difference, divided by that at $\eta/2$,
# is {number}`gap_ratio:.3f`. (With momentum the rule holds only over many
# steps: in the end every gradient moves the weights by $\eta/(1 - \mu)$ times
# itself in both cases, but that takes about $1/(1 - \mu)$ steps, and there
# are four times fewer of the large ones.)
#
# And the noise? The random order of the rows scatters the trained weights.
# Lesson 13 has a formula for their variance, and for small rates that is
# nearly proportional to $\eta/B$: so a rate and a batch that grow together
# leave the noise nearly as it was. The lesson compares the formula with
# trainings at $(B, \eta)$, $(4B, \eta)$ and $(4B, 4\eta)$, on a linear
# regression.
#
# ## Checked
#
# The whole lesson, with fewer repetitions (`quick=True`):

# %%
outcome = notebook.run(14, quick=True)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.batches(**outcome.measured["sizes"]),
    alt="Test cost after ten epochs against the rows in a batch, 10 to 500, for"
    " three rules of the learning rate. With the same rate it rises from the"
    " start; with the rate in proportion to the batch it stays flat up to 100"
    " rows and rises after that.",
)

# %%
results = outcome.results
cost_same = results["test cost at B = 10, 100, 500, η the same"]
cost_scaled = results["test cost at B = 10, 100, 500, η ∝ B"]
at_500 = results["test cost at B = 500, η ∝ B times 0.5, 1, 2"]
more_steps = results["the same after 5 times as many steps"]
lost = results["gradients that are 0 in float16, and times 2^15"]
ends = outcome.measured["noise"]["ends"].values()
spread = [w[:, 0].std(ddof=1) for w in ends]  # of the first weight
networks = outcome.measured["policies"]["networks"]
sums = networks["bfloat16"]["p"].sum(axis=1)

notebook.numbers(
    same_small=cost_same[0],
    same_large=cost_same[1],
    scaled_large=cost_scaled[1],
    scaled_largest=cost_scaled[2],
    half_rate=at_500[0],
    twice_rate=at_500[2],
    half_fifty=more_steps[0],
    spread_small=spread[0],
    spread_same=spread[1],
    spread_scaled=spread[2],
    fraction_lost=lost[0],
    still_lost=lost[1],
    right_float32=results["float32: accuracy"],
    right_bfloat16=results["bfloat16: accuracy"],
    error_of_sums=np.abs(sums - 1).max(),
)

# %% [markdown]
# First the noise. With the rate $\eta$ kept, four times as many rows in a
# batch make the spread of the first weight {number}`spread_same:.4f` instead
# of {number}`spread_small:.4f`, about half; with the rate $4\eta$ it is
# {number}`spread_scaled:.4f`.
#
# Each dot is one network of lesson 13. The red line keeps the rate, the blue
# one scales it with the batch, $\eta \propto B$; the orange one is a
# compromise that some recommend, $\eta \propto \sqrt B$. From 10 rows to 100
# the cost on the blue line stays where it was: {number}`same_small:.2f` and
# {number}`scaled_large:.2f`, while on the red one it is
# {number}`same_large:.2f`.
#
# At 500 rows, which are all there are, the blue line rises too, to
# {number}`scaled_largest:.2f`. Ten epochs are ten steps there. With half the
# rate the cost is {number}`half_rate:.2f`: ten such steps are too few, and
# fifty would do ({number}`half_fifty:.2f`). With twice the rate it is
# {number}`twice_rate:.2f`: longer steps do more harm than good, and some of
# the dots on the blue line are networks that have diverged already. In
# lesson 5 it was the largest eigenvalue, the cost's largest curvature, that
# set the limit of the rate, and a faster device does not change that. So a
# training needs some number of steps at least, and once the batch is so large
# that there are no more than those, more rows in a batch, and with them more
# devices, help little. As the limit of the rate is often lowest at the
# beginning, many recipes start with a small rate and let it grow during the
# first epochs, which is called *warm-up*.
#
# ## The trap
#
# Three devices are not equally fast, so they get 70, 20 and 10 rows. Each sends
# its mean gradient, and the means are averaged:

# %%
sizes = lesson.UNEQUAL
each = lesson.device_gradients(*batch, sizes)
plain, weighted = each.mean(axis=0), lesson.combine(each, sizes)


def relative_error(g):
    return np.linalg.norm(g - whole) / np.linalg.norm(whole)


notebook.numbers(
    error_plain=relative_error(plain), error_weighted=relative_error(weighted)
)

# %% [markdown]
# The mean of means is wrong by {number}`error_plain:.0%` of the gradient's
# length. Nothing fails and the cost still falls; but a row on the third device
# counts seven times as much as one on the first. Weighted by how many rows each
# has, the error is {number}`error_weighted:.1e`. The same happens, in small, with
# the last batch of an epoch, where it cannot be divided evenly, in a loop of one's
# own. Keras on JAX refuses such a batch: then leave a few rows out, as
# `load_data` does.
#
# ### Half the bits
#
# The other way to more speed is to compute with fewer bits. In Keras a
# layer's *dtype policy* says in which numbers it computes and in which it
# keeps its weights. Under `mixed_bfloat16` it computes in *bfloat16*: 16 bits
# in all instead of 32. As many of them as in float32 say where the point is,
# so the range is the same; for the digits 8 significant bits are left instead
# of 24. The weights are kept in float32, so that small steps are not lost.
# This is meant for GPUs and TPUs whose hardware does it; on many CPUs
# it is slower. After the few epochs on this page the network reads
# {number}`right_float32:.1%` of the {number}`test` test digits with float32
# and {number}`right_bfloat16:.1%` with bfloat16; on so few digits only a
# large loss would show. But look at the output: the ten probabilities of a
# digit, each rounded to 8 bits, add up to 1 only within
# {number}`error_of_sums:.4f`. So in a model of your own give the last layer
# `dtype="float32"`.
#
# *float16* divides its 16 bits differently: 11 are significant, but the
# range is short, up to about $2^{16}$. Its smallest number above 0 is
# $2^{-24}$; what is at most half of that, $2^{-25}$, is rounded to 0.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.gradients(**outcome.measured["float16"]),
    alt="Two histograms of the sizes of a trained network's gradients, on a"
    " logarithmic scale. The plain ones have a tail that reaches into a grey"
    " region where float16 is 0; those multiplied by 2 to the 15 lie to the"
    " right of it, below the line where float16 ends.",
)

# %% [markdown]
# The red bars are the gradients of one image at a time, for {number}`batch`
# images and the trained network of lesson 13: all their entries but those
# that are exactly 0. Those in the grey region, {number}`fraction_lost:.2%` of
# them, become 0. In this small network that is little; Micikevicius and
# others (below) show networks that do not learn for that reason. Therefore
# the policy `mixed_float16` multiplies the cost by a large factor, $2^{15}$
# at first, and divides the gradients by it before the step. It moves the bars
# to the right, to where the blue ones are: {number}`still_lost:.2%` are still
# lost. If one of them comes to lie beyond the dashed line, too large for
# float16, Keras leaves out the step and halves the factor.
#
# ### More than one computer
#
# On JAX the devices may belong to several computers. On each of them one
# process runs the same command, with its own number; the address is that of
# process 0:
#
# ```bash
# python -m course.lesson14 --num-processes 2 --process-id 0 --address 10.0.0.1:9876
# python -m course.lesson14 --num-processes 2 --process-id 1 --address 10.0.0.1:9876
# ```
#
# Each takes its part of every batch, and the lesson checks the first
# {number}`steps` steps against one process alone. Without `--process-id` and
# `--address`, both processes run on your own computer. If a process is lost,
# the others cannot go on, since every step needs all of them: they stop with a
# line that says so. With `--resume FOLDER` process 0 keeps a checkpoint after
# every epoch, and the same commands go on from it, even with another number of
# processes.
#
# What needs no exchange is easier to share. Twenty trainings with twenty seeds
# are twenty processes, two at a time:
#
# ```bash
# python -m course run 13 --seeds 0-19 --jobs 2
# ```
#
# They are scheduled by joblib, which scikit-learn uses too; `--joblib dask`
# takes a Dask cluster. If the command is stopped half way, the same command does
# only the runs that are missing.
#
# ## What to try next
#
# - Predict, then measure: a network with 2000 hidden units in place of 128, on
#   two devices. Does the exchange weigh less or more?
# - Draw a curve: for each batch size of the picture, which learning rate is the
#   best? Where does it stop growing?
# - With 250 rows in a batch, let the rate rise evenly during the first three
#   epochs, six steps (you need a loop of your own around
#   `lesson13.backward`). Is the cost lower than the blue line's at 250?
# - Give the last layer of lesson 11's network `dtype="float32"` under the policy
#   `mixed_bfloat16`. What is left of the error of the sums?
# - In two terminals start the two commands above, with `--address
#   127.0.0.1:9876 --epochs 50`, process 0 also with `--resume run`. After a
#   few epochs press Ctrl-C in the terminal of process 1. What does process 0
#   say? Start both again: at which epoch do they go on?
# - If you have a GPU: `python -m course.lesson14 --device gpu`, and the same
#   with `cpu`. What is the ratio of the times, and why is it not larger?
#
# ## Sources
#
# - P. Goyal and others, *Accurate, large minibatch SGD: training ImageNet in 1
#   hour*, 2017, doi:10.48550/arXiv.1706.02677.
# - P. Micikevicius and others, *Mixed precision training*, ICLR 2018,
#   doi:10.48550/arXiv.1710.03740.
# - S. L. Smith, P.-J. Kindermans, C. Ying, Q. V. Le, *Don't decay the learning
#   rate, increase the batch size*, ICLR 2018, doi:10.48550/arXiv.1711.00489.
