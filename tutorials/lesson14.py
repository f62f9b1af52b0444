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
# python -m course read 14, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 14: More machine
#
# ## The question
#
# A training takes an hour, and there are two graphics cards (GPUs) in the
# computer. Will it take half an hour with both? And will it still be the same
# training?
#
# A **device** is whatever computes: a GPU, or the CPU. This page needs no GPU:
# it splits the CPU into four devices. They compute the same numbers as real
# ones, only not faster.
#
# ## The idea: share the batch, average the gradients
#
# Every device has a copy of all weights. Each gets a part of the batch and
# computes the gradient of its own rows. Then the devices exchange these
# gradients and take their mean, and all of them take the same step. This is
# called **data parallelism**.

# %% tags=["hide-input"]
import numpy as np

from course import lesson13, lesson14 as lesson, notebook
from course.figures import diagrams, lesson14 as figures
from course.machine import devices

import keras

notebook.figure(
    lambda: diagrams.graph(
        {
            "batch": (0, 0.5, "one batch\n4 rows"),
            "1": (1.3, 1, "device 1\nrows 1, 2"),
            "2": (1.3, 0, "device 2\nrows 3, 4"),
            "mean": (2.6, 0.5, "mean"),
            "step": (3.6, 0.5, "the same\nstep on both"),
        },
        [
            ("batch", "1", "", ""),
            ("batch", "2", "", ""),
            ("1", "mean", "−5", ""),
            ("2", "mean", "−25", ""),
            ("mean", "step", "−15", ""),
        ],
    ),
    alt="A batch of four rows goes to two devices, two rows each. They send the"
    " gradients −5 and −25; the mean is −15, and both take the same step.",
)

# %% [markdown]
# Take the apples of lesson 2 again, with one more customer: $x = 1, 2, 3, 4$ and
# $y = 2, 4, 6, 8$. At $w = 1$ row $i$ has the gradient $2 x_i (x_i w - y_i)$:
#
# $$
# -2, \quad -8, \quad -18, \quad -32 .
# $$
#
# One device alone computes the mean of all four, $-60/4 = -15$. Of two devices
# the first computes $(-2 - 8)/2 = -5$, the second $(-18 - 32)/2 = -25$, and the
# mean of $-5$ and $-25$ is $-15$ as well. It *is* the same training.
#
# ## Predict before you run
#
# 1. Four devices share batches of 100 rows, 25 each. How far are their weights
#    from those of one device after twelve steps?
# 2. Three devices get 70, 20 and 10 rows, and take the mean of their three
#    gradients. Is that the gradient of the batch?
# 3. Four devices have room for a batch four times as large. An epoch then has a
#    quarter of the steps. What should happen to the learning rate?
# 4. A gradient of $10^{-8}$ is stored with half the bits. What is left of it?
#
# ## By hand
#
# Let device $i$ have $B_i$ of the $B$ rows, and let $g_i$ be the mean gradient of
# its rows. The gradient of the batch counts every row once:
#
# $$
# g = \sum_i \frac{B_i}{B}\, g_i .
# $$
#
# With equal parts that is the plain mean. `device_gradients` computes the $g_i$
# for the network of lesson 13 (64 pixels, 16 sigmoid units, 10 classes), and
# `combine` puts them together.

# %% tags=["source"]
from course.lesson14 import device_gradients, combine

# %%
(X, y), _, test = lesson13.load_data()
Y = np.eye(10)[y]  # one-hot
weights = lesson13.draw(0, (0, 0, 0), X)[0]  # before training

batch = X[:100], Y[:100], weights
whole = device_gradients(*batch, sizes=[100])[0]
parts = device_gradients(*batch, sizes=[25, 25, 25, 25])
difference = np.abs(combine(parts, [25] * 4) - whole).max()
print(f"largest entry {np.abs(whole).max():.3f}  difference {difference:.1e}")

# %% tags=["remove-cell"]
notebook.numbers(gradient_error=difference)

# %% [markdown]
# Only the last digit differs, because the terms are added in another order.
#
# ### Is it faster?
#
# After every step each device must send its gradient to the others: as many
# numbers as there are weights. The exchange takes time. It pays off where
# computing takes much longer, that is, for large networks and large batches. So
# one wants to give each device as many rows as it had alone: four devices, a
# batch four times as large. What does that do to the training?
#
# ### A larger batch and the learning rate
#
# With a batch twice as large, an epoch has half the steps. With the old learning
# rate the weights go only half as far. Go back to the apples, with $\eta = 0.01$,
# and take two steps with two rows each:
#
# - rows 1 and 2 at $w = 1$: $w = 1 - 0.01 \cdot (-5) = 1.05$;
# - rows 3 and 4 at $w = 1.05$, where their gradient is $-23.75$:
#   $w = 1.05 + 0.2375 = 1.2875$.
#
# One step with all four rows at *twice* the rate leads to
# $w = 1 - 0.02 \cdot (-15) = 1.3$, nearly the same place. This is **linear
# scaling**: a batch $k$ times as large, a rate $k$ times as large. The small
# difference comes from the second gradient, taken after $w$ has moved. The smaller
# $\eta$ is, the better the rule holds:

# %% tags=["source"]
from course.lesson14 import take_steps

# %%
first = X[:200], Y[:200], weights
for rate in (0.5, 0.05, 0.005):
    four = take_steps(*first, rate, k=4)
    one = take_steps(*first, 4 * rate, k=1)
    print(f"η = {rate:5}  difference {np.abs(four - one).max():.1e}")

# %% [markdown]
# With a tenth of the rate the difference becomes about a hundred times smaller:
# it is proportional to $\eta^2$.
#
# ### Half the bits
#
# The other way to more speed: numbers with 16 bits instead of 32. There are two
# kinds. **float16** has about 3 decimal digits and a short range: its smallest
# number above 0 is $2^{-24} \approx 6 \cdot 10^{-8}$, its largest 65504.
# **bfloat16** has the range of float32 but only 2 to 3 digits. What happens to a
# small gradient in float16?

# %%
g = 1e-8
print(np.float16(g))  # below half of the smallest number
scaled = np.float16(g * 2**15)  # the loss, and so g, times 32768
print(scaled)
print(np.float32(scaled) / 2**15)  # back in float32, divided again
print(np.float16(1) + np.float16(1e-4))  # a small step of a weight

# %% [markdown]
# The gradient $10^{-8}$ becomes 0: the weight would never move. Multiplied by
# $2^{15}$ it survives, and back in float32 it can be divided again. This is **loss
# scaling**: multiply the loss, and every gradient grows with it. The last line
# shows a second danger: in float16 $1 + 0.0001$ is 1. So the weights themselves
# stay in float32. Computing in 16 bits and keeping the weights in 32 is **mixed
# precision**.
#
# ## In Keras
#
# Mixed precision is a *policy* of a layer. The output keeps 32 bits, so that the
# probabilities add up to 1.


# %%
def build_model(policy):
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(16, activation="sigmoid", dtype=policy)
    output = keras.layers.Dense(10, activation="softmax", dtype="float32")
    model = keras.Sequential([keras.Input((64,)), hidden, output])
    sgd = keras.optimizers.SGD(0.5, momentum=0.875)
    model.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


right = {}
for policy in ("float32", "mixed_bfloat16"):
    model = build_model(policy)
    model.fit(X, y, batch_size=50, epochs=10, verbose=0)
    right[policy] = model.evaluate(*test, verbose=0)[1]
    hidden = model.layers[0]
    print(
        f"{hidden.compute_dtype:9} {hidden.variable_dtype} {right[policy]:.3f}"
    )

# %% tags=["remove-cell"]
notebook.numbers(
    right_32=right["float32"],
    right_16=right["mixed_bfloat16"],
)

# %% [markdown]
# Both networks read about the same: {number}`right_32:.1%` and
# {number}`right_16:.1%` of the test digits. `keras.config.set_dtype_policy` sets
# the policy for all layers. With `"mixed_float16"` Keras scales the loss by
# itself. GPUs that are made for it become faster, many CPUs slower.
#
# For several devices a line is added before the model:
#
# ```python
# # JAX
# keras.distribution.set_distribution(keras.distribution.DataParallel())
# # TensorFlow
# with tf.distribute.MirroredStrategy().scope():
#     model = build_model("float32")
# ```
#
# `compile` and `fit` stay as they are. (On PyTorch Keras has nothing of the kind;
# there one writes the training loop oneself, around PyTorch's
# `DistributedDataParallel`.) The function `first_steps` of the lesson does so with
# lesson 11's network and keeps the weights after each of twelve steps:

# %%
digits = lesson.load_data()
paths = []
for several in devices.as_many_as((1, 4)):  # nothing on PyTorch
    path, seconds = lesson.first_steps(several, digits, seed=0)
    paths.append(path)
    print(f"difference from one device: {np.abs(path - paths[0]).max():.1e}")

# %% [markdown]
# ## Checked
#
# The lesson compares the weights on one, two and four devices after every step,
# and the rounded gradients with rounding by hand. It also trains lesson 13's
# network for ten epochs with batches of 10 to 500 rows, by three rules for the
# learning rate. Here it does all of it with fewer repetitions.

# %% tags=["hide-input"]
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

# %% tags=["remove-cell"]
results = outcome.results
cost_same = results["test cost at B = 10, 100, 500, η the same"]
cost_scaled = results["test cost at B = 10, 100, 500, η ∝ B"]
notebook.numbers(
    small=cost_same[0],
    same_large=cost_same[1],
    scaled_large=cost_scaled[1],
    scaled_largest=cost_scaled[2],
)

# %% [markdown]
# Each dot is one network. With 10 rows the cost is {number}`small:.2f`. With 100
# rows and the same rate (red) it is {number}`same_large:.2f`; with the rate in
# proportion to the batch (blue) only {number}`scaled_large:.2f`. With all 500 rows
# the blue line rises too, to {number}`scaled_largest:.2f`: ten epochs are only ten
# steps there, and the rate cannot grow any more, because it comes near the limit
# of lesson 2, where descent diverges. More devices do not change that limit.
# (Many recipes therefore let the rate grow during the first epochs, which is called
# **warm-up**.)
#
# ### Going deeper: what linear scaling leaves out
#
# You need: lesson 13's formula for the variance that the order of the rows
# causes.
#
# In $k$ small steps the second gradient is taken where the weights have moved by
# $\eta g_1$. It differs by something proportional to $\eta$, and the step by
# something proportional to $\eta^2$. The rule holds *to first order* in $\eta$.
#
# And the noise? By lesson 13 the variance of the weights is about
# $\eta r^2/(2 \lambda B)$. If $\eta$ and $B$ grow together, it stays the same. The
# lesson checks this on a linear regression.
#
# ## The trap
#
# Three devices are not equally fast, so they get 70, 20 and 10 rows. Each sends its
# mean gradient, and the three are averaged:

# %%
sizes = [70, 20, 10]
g = device_gradients(*batch, sizes)
for name, mean in (("plain", g.mean(axis=0)), ("weighted", combine(g, sizes))):
    error = np.linalg.norm(mean - whole) / np.linalg.norm(whole)
    print(f"{name:8}  error {error:.1e}")

# %% tags=["remove-cell"]
plain_error = g.mean(axis=0) - whole
notebook.numbers(
    error_plain=np.linalg.norm(plain_error) / np.linalg.norm(whole)
)

# %% [markdown]
# The plain mean is wrong by {number}`error_plain:.0%` of the gradient's length.
# Nothing fails, and the cost still falls. But a row on the third device counts
# seven times as much as one on the first. Do it with the apples: three rows on
# device 1 and one on device 2 give $-28/3$ and $-32$. Their plain mean is about
# $-20.7$; weighted it is $\frac34 \cdot (-\frac{28}3) + \frac14 \cdot (-32) = -15$.
# (`np.array_split` makes parts as equal as can be.)
#
# ### Going deeper: more than one computer
#
# You need: JAX, and a terminal on each computer.
#
# The devices may belong to several computers. Each runs the same command with its
# own number; the address is that of process 0:
#
# ```bash
# python -m course.lesson14 --num-processes 2 --process-id 0 --address 10.0.0.1:9876
# python -m course.lesson14 --num-processes 2 --process-id 1 --address 10.0.0.1:9876
# ```
#
# If one process is lost, all stop, since every step needs all of them. With
# `--resume FOLDER` process 0 keeps a checkpoint after every epoch, and the same
# commands go on from it. Trainings that need no exchange are easier to share:
# `python -m course run 13 --seeds 0-19 --jobs 2` runs twenty seeds, two at a time.
#
# ## Summary
#
# - In data parallelism every device has all weights and a part of the batch. The
#   gradients are averaged, weighted by the number of rows.
# - The training stays the same up to rounding. It is faster where computing takes
#   longer than the exchange.
# - A batch $k$ times as large wants a learning rate $k$ times as large, up to the
#   limit where descent diverges.
# - Mixed precision computes in 16 bits and keeps the weights in 32. In float16 the
#   loss is scaled, so that small gradients do not become 0.
#
# ## Answers
#
# 1. Only in the last digits. The first gradients already differ by
#    {number}`gradient_error:.1e`, because their terms are added in another order.
# 2. No. It is wrong by {number}`error_plain:.0%`, until each gradient is weighted
#    by its rows.
# 3. It should be four times as large, as long as it stays below the limit.
# 4. In float16 nothing: it becomes 0, unless the loss is multiplied by a factor
#    first.
#
# ## What to try next
#
# - A network with 2000 hidden units in place of 128, on two devices: does the
#   exchange weigh less or more? Predict, then measure.
# - For each batch size of the picture, which learning rate is the best? Where
#   does it stop growing?
# - Start the two commands above in two terminals, with `--address
#   127.0.0.1:9876`. Press Ctrl-C in one. What does the other say?
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
