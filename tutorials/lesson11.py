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
# python -m course read 11, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 11: A convolutional network
#
# ## The question
#
# Here are twenty handwritten digits. Each of them is a square of
# {number}`side` × {number}`side` grey pixels: a pixel is 0 for paper and 1 for
# ink.

# %% tags=["hide-input"]
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from course import lesson11 as lesson, notebook
from course.figures import lesson11 as figures
from course.training import History, draw_weights

import keras

digits = lesson.load_data()
X, y = digits.X_test, digits.y_test  # never trained on

notebook.figure(
    lambda: figures.some(X[:20]),
    alt="Two rows of ten handwritten digits, dark on white.",
)

# %% tags=["remove-cell"]
notebook.numbers(
    side=X.shape[1],
    train=len(digits.X_train),
    validation=len(digits.X_val),
    test=len(X),
)

# %% [markdown]
# Which digit is it? For the network of lesson 7 the picture is a list of 784
# numbers, and every pixel has weights of its own. Such a network does not know
# which pixels are neighbours. A seven that is written one pixel further to the
# right is a different list, and what was learnt about the old place does not
# help at the new one.
#
# We read in another way: we look for strokes, edges and corners, wherever they
# are. Can a network look at small patches, and at every place in the same way?
#
# ## The idea: a small window slides over the picture
#
# Take a small table of weights, a **kernel**, also called a **filter**. Lay it
# on a patch of the picture. Multiply each weight by the pixel below it and add
# up the products. The sum says how well the patch matches the kernel. Then move
# the kernel on by one pixel and do it again. This is a **convolution**, and the
# table of the sums is a **feature map**.

# %%
seven = np.array(
    [
        [1, 1, 1, 1, 1],
        [0, 0, 0, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 1, 0, 0, 0],
    ]
)
kernel = np.array([[1, 1, 1], [0, 0, 0], [-1, -1, -1]])

# %% tags=["hide-input"]
answer = lesson.convolve(
    seven.reshape(1, 5, 5, 1), kernel.reshape(3, 3, 1, 1), np.zeros(1)
)[0, :, :, 0]
notebook.figure(
    lambda: figures.sliding(seven, kernel, answer),
    alt="A small seven of 5 by 5 numbers, a kernel of 3 by 3 numbers and a"
    " feature map of 3 by 3. A red frame marks the patch at the top left, the"
    " kernel, and the number 2 that they give.",
)

# %% [markdown]
# The patch in the red frame has the rows $(1, 1, 1)$, $(0, 0, 0)$ and
# $(0, 0, 1)$. With the kernel's rows it gives
#
# $$
# (1 \cdot 1 + 1 \cdot 1 + 1 \cdot 1) + 0
# + (0 \cdot (-1) + 0 \cdot (-1) + 1 \cdot (-1))
# = 3 + 0 - 1 = 2 .
# $$
#
# This kernel asks: is there ink above and paper below? The map is largest along
# the bar of the seven. Wherever the bar stands, the same nine weights find it.
#
# (Mathematicians turn the kernel by half a circle first. Without the turn they
# call it a *cross-correlation*. But what you see here is what every library
# calls convolution, and so do we.)
#
# ### How many places, how many weights?
#
# Along a side of 5 pixels a kernel of 3 fits in $5 - 3 + 1 = 3$ places; along
# $n$ pixels a kernel of $k$ fits in $n - k + 1$. (Keras can also let it hang
# over the edge, `padding="same"`; this network does not.)
#
# A layer has several kernels, because one looks only for one thing. Each makes
# its own map. The maps are the **channels** of the next layer's picture, as a
# colour picture has the channels red, green and blue. A kernel reaches through
# all channels $c$. Kernel number $f$ with its bias $b_f$ makes
#
# $$
# a_{i,j,f} = \varphi\Bigl(b_f +
# \sum_{u,v,c} X_{i+u,\,j+v,\,c}\, K_{u,v,c,f}\Bigr),
# $$
#
# where $\varphi$ is the activation function, for instance tanh. So a kernel of
# $k \times k$ has $k^2 c$ weights and one bias, however large the picture is.
#
# ### Pooling and flattening
#
# Where exactly a stroke is does not matter much. **Max pooling** keeps only the
# largest number of each square of $2 \times 2$: the square with the rows
# $(2, 2)$ and $(-1, 0)$ becomes 2. The map is then half as wide and half as
# high. At the end the maps are written into one list, which is called
# **flatten**, and ordinary layers as in lesson 7 (**dense** layers) read it.
# Here is the whole network:

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.blocks(
        [
            (28, 28, 1),
            (24, 24, 4),
            (22, 22, 8),
            (11, 11, 8),
            (9, 9, 16),
            (4, 4, 16),
            (256,),
            (128,),
            (10,),
        ],
        [
            "5×5, tanh",
            "3×3, tanh",
            "pooling",
            "3×3, relu",
            "pooling",
            "flatten",
            "dense,\ntanh",
            "dense,\nsoftmax",
        ],
    ),
    alt="From left to right: one picture of 28 by 28, 4 maps of 24 by 24, 8"
    " maps of 22 by 22, pooled to 11 by 11, 16 maps of 9 by 9, pooled to 4 by"
    " 4, then lists of 256, 128 and 10 numbers.",
)

# %% [markdown]
# ## Predict before you run
#
# The network learns from {number}`train` digits. Another {number}`validation`,
# the validation set, show how it does meanwhile, and {number}`test` test digits
# are kept for the end. Write down your answers:
#
# 1. In how many places does a kernel of $5 \times 5$ fit into the picture, and
#    how many weights do all these places need?
# 2. Where do most of the network's weights sit: in the three layers of kernels,
#    or in the two dense layers?
# 3. What is the cost of a network that knows nothing and gives each of the ten
#    digits the probability $1/10$?
# 4. The network sees all training digits five times. How many of the
#    {number}`test` test digits does it then read wrongly?
#
# ## By hand
#
# `sliding_window_view` cuts out all patches, and `np.tensordot` multiplies each
# of them by the kernels and adds up. `forward` is the whole network, line by
# line as in the diagram.

# %% tags=["source"]
from course.lesson11 import convolve, max_pool, softmax, forward, cost

# %% [markdown]
# As a reminder of lesson 6: the softmax turns the last ten numbers into
# probabilities. The cost is the **cross entropy**, the mean of $-\ln p$, where
# $p$ is the probability that the right digit got. Here are the weights in their
# shapes (rows, columns, channels, kernels), filled with small random numbers:

# %%
shapes = [(5, 5, 1, 4), (4,), (3, 3, 4, 8), (8,), (3, 3, 8, 16), (16,)]
shapes += [(256, 128), (128,), (128, 10), (10,)]
start = draw_weights(shapes, seed=0)

for layer in forward(X[:100], start):
    print(layer.shape)
print("weights:", [w.size for w in start])
print(f"cost: {cost(X[:100], y[:100], start):.3f}")

# %% tags=["remove-cell"]
notebook.numbers(
    kernel_weights=sum(w.size for w in start[:6]),
    dense_weights=sum(w.size for w in start[6:]),
    cost_before=cost(X[:100], y[:100], start),
    know_nothing=np.log(10),
    places=24 * 24,
    one_kernel=26,
    if_dense=785 * 576,
)

# %% [markdown]
# A kernel of $5 \times 5$ fits in $24 \cdot 24$ = {number}`places` places. All of
# them share its {number}`one_kernel` weights: 25 and a bias. A dense layer that
# makes {number}`places` numbers of 784 pixels would need
# {number}`if_dense:,d`, and it would learn for each place anew what an edge is.
# The three layers of kernels together have {number}`kernel_weights:,d` weights,
# the two dense layers {number}`dense_weights:,d`.
#
# Before training the cost is {number}`cost_before:.3f`. The network guesses, and
# $-\ln \frac1{10} = \ln 10 \approx$ {number}`know_nothing:.3f`. Always look at
# this number first: a start far from it tells of an error.
#
# ## In Keras
#
# The same network, one line for each layer. It trains by mini-batches of 100
# digits, with momentum (lesson 5). The learning rate starts at $0.05$ and decays
# by $10^{-6}$ a step, which is hardly anything here. `one_hot` turns the digit 3
# into a list with a 1 in place 3 and zeros elsewhere. (With the cost
# `"sparse_categorical_crossentropy"` Keras takes the whole numbers as they are.)

# %% tags=["source"]
from course.lesson11 import one_hot


# %%
def build_model(learning_rate):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 5, activation="tanh"),
            layers.Conv2D(8, 3, activation="tanh"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.set_weights(start)  # those from above
    rate = keras.optimizers.schedules.InverseTimeDecay(learning_rate, 1, 1e-6)
    sgd = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
    model.compile(sgd, "categorical_crossentropy", metrics=["accuracy"])
    return model


def train(model):
    return model.fit(
        digits.X_train,
        one_hot(digits.y_train, 10),
        batch_size=100,
        epochs=5,
        validation_data=(digits.X_val, one_hot(digits.y_val, 10)),
        verbose=0,
    )


keras.utils.set_random_seed(0)
model = build_model(learning_rate=0.05)
p_before = model.predict(X, verbose=0)
history = train(model)
p = model.predict(X, verbose=0)

y_hat = p.argmax(axis=1)  # the digit with the largest probability
print("weights ", model.count_params())
print(f"accuracy {np.mean(y_hat == y):.3f}")
print("wrong   ", np.sum(y_hat != y), "/", len(y))

# %% tags=["remove-cell"]
steps = 5 * -(-len(digits.X_train) // 100)
notebook.numbers(
    parameters=model.count_params(),
    accuracy=np.mean(y_hat == y),
    errors=np.sum(y_hat != y),
    first_digit=y[0],
    first_p=p[0, y[0]],
)

# %% [markdown]
# The **accuracy** is the fraction that is read rightly, here
# {number}`accuracy:.1%` of the test digits; {number}`errors` are wrong. The
# first test digit is a {number}`first_digit`. Before training its ten
# probabilities, the bars of the next picture, were about equal; now the right
# one is {number}`first_p:.3f`.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.predicted(
        ["before the training", "after it"],
        X[[0, 0]],
        np.array([p_before[0], p[0]]),
    ),
    alt="The first test digit twice, each time with ten bars. Before the"
    " training all the bars are about equally short; after it one is long.",
)

# %% [markdown]
# What happens to this digit on the way? In the next picture red is positive and
# blue is negative. Nobody designed the four kernels on the left: training made
# them out of random numbers. Each map responds to something different, to ink or
# to one side of a stroke. Further on, the maps become smaller and more numerous,
# until the dense layers read the digit from sixteen blurred squares.

# %% tags=["hide-input"]
by_hand = forward(X[:1], model.get_weights())
notebook.figure(
    lambda: figures.features(digits, model.get_weights(), by_hand),
    alt="Four filters of five by five weights, red and blue; the digit with its"
    " four maps in red and blue; eight smaller maps; and sixteen tiny ones of"
    " four by four pixels.",
)

# %% [markdown]
# ### Which digits are confused?
#
# The **confusion matrix** counts: a row for what a digit is, a column for what
# it was taken for. The right answers lie on the diagonal.

# %% tags=["source"]
from course.lesson11 import confusion

# %%
table = confusion(y, y_hat, 10)
print(table)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.mistakes(digits, p, table),
    alt="Left: a table of ten by ten counts with nearly all of them on the"
    " diagonal. Right: twelve digits, with what the network took them for above"
    " them; the first few are errors, in red.",
)

# %% [markdown]
# On the right are the digits whose own class got the smallest probability. Look
# at those in red before you blame the network: would you have read them?
#
# ## Checked
#
# The lesson computes the sizes of all layers by arithmetic, and the
# probabilities of the trained network again by hand. It compares the first
# steps of training with slopes between two nearby costs, and the accuracy with
# that of scikit-learn's own classifiers on the same pixels.

# %% tags=["hide-input"]
outcome = notebook.run(11, quick=True)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% tags=["remove-cell"]
notebook.bench("digit", outcome.measured)

# %% [markdown]
# ## At the bench
#
# Draw a digit with mouse or finger. The network of this page, trained when the
# page was made, reads it while you draw; point at a map to see the patch and
# the filter behind each pixel. The bench has [a page of its own](lab/digit),
# with things to try.
#
# ```{bench} digit
# ```
#
# ## The trap
#
# No error is reported, the data are right and so is the code. Only one number
# is different: the learning rate is $10^{-4}$.

# %%
slow = build_model(learning_rate=1e-4)
slow_history = train(slow)
p_slow = slow.predict(X, verbose=0)
print(f"accuracy {np.mean(p_slow.argmax(axis=1) == y):.3f}")

# %% tags=["remove-cell"]
slow_costs = slow_history.history["val_loss"]
notebook.numbers(
    slow_accuracy=np.mean(p_slow.argmax(axis=1) == y),
    slow_first=slow_costs[0],
    slow_last=slow_costs[-1],
    slow_steps=steps,
    worth=steps / 500,
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.training(
        History(history.history), digits, History(slow_history.history)
    ),
    alt="With the larger learning rate the cost falls and the accuracy rises"
    " close to one. With the smaller one the cost stays on the line of a"
    " network that knows nothing, and the accuracy stays low.",
)

# %% [markdown]
# It reads {number}`slow_accuracy:.1%` of the test digits. On the left, its cost
# on the validation set lies on the grey line $\ln 10$ of a network that knows
# nothing. Is it stuck? No: from the first epoch to the last the cost fell from
# {number}`slow_first:.4f` to {number}`slow_last:.4f`. The rate is 500 times
# smaller than $0.05$, so each step is about 500 times shorter. All its
# {number}`slow_steps` steps together lead about as far as {number}`worth:.0%` of
# a single step of the good training.
#
# The cure: look at the cost after a few steps, not at the accuracy after a day,
# and try learning rates in factors of ten.
#
# ## Summary
#
# - A convolution slides a small kernel over the picture and adds up weight times
#   pixel at every place. The result is a feature map.
# - All places share the weights of the kernel. That needs few weights, and a
#   pattern is found wherever it is.
# - Pooling makes the maps smaller, flatten makes a list of them, and dense
#   layers with a softmax give a probability to each class.
# - The confusion matrix shows which classes are taken for which.
# - A cost that stays at $\ln 10$ often means that the learning rate is far too
#   small.
#
# ## Answers
#
# 1. In $24 \cdot 24 = 576$ places, with 26 weights in all: every place uses the
#    same ones.
# 2. In the dense layers: {number}`dense_weights:,d` of the
#    {number}`parameters:,d`. The kernels are cheap because they are used again at
#    every place.
# 3. $-\ln \frac1{10} = \ln 10$, about $2.303$.
# 4. {number}`errors` of {number}`test` in this run. It is not the same on every
#    computer; lesson 13 is about that.
#
# ## What to try next
#
# - Let it read a digit of your own. Photograph it, dark on white paper:
#   `python -m course.lesson11 --predict PICTURE.png`.
# - Predict, then measure: how does the accuracy change with one kernel in the
#   first layer instead of four?
# - Train at ten times the learning rate. What does the cost do?
# - Another optimizer, `keras.optimizers.Adam`, or a rate that falls to zero,
#   `keras.optimizers.schedules.CosineDecay`: which is better in five epochs?
# - Shuffle the pixels of all pictures in the same way. Does the network notice?
# - Move the test digits three pixels to the right. How many are still read?
#   [Lesson 12](lesson12) is about that.
# - Run the lesson on many more digits: `python -m course.lesson11 --data
#   mnist`.
#
# ## Sources
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied
#   to document recognition*, Proceedings of the IEEE 86, 1998, pages 2278–2324.
# - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press, 2016,
#   chapter 9.
