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
# # Lesson 11: A convolutional network
#
# ## The question
#
# A scanned digit is a square of grey pixels. For us it is a seven at a glance;
# for the computer it is a table of numbers, and the same seven written one
# pixel further to the right is a different table. Can a network that looks at
# small patches, everywhere in the picture in the same way, learn to read? What
# exactly happens between the pixels and the answer, and can all of it be
# computed by hand?
#
# This page calls the functions of `course/lesson11.py`; open that file beside
# it. Every number in the text was computed by the cells on this page.

# %%
import numpy as np

from course import data, lesson11 as lesson, notebook
from course.checks import lesson11 as proof
from course.figures import lesson11 as figures

digits = data.load_images()
X, y = digits.X_test, digits.y_test  # never trained on
side, classes = X.shape[1], digits.n_classes

notebook.numbers(
    train=len(digits.X_train),
    validation=len(digits.X_val),
    test=len(X),
    side=side,
    classes=classes,
    ink=[X.min(), X.max()],
)

# %% [markdown]
# The pictures come with scikit-learn and are brought to {number}`side` pixels a
# side; a pixel is 0 for paper and 1 for ink. The network learns from
# {number}`train` digits. With {number}`validation` others, the validation
# digits, we watch it while it learns. The {number}`test` test digits are kept
# for the end.
#
# ## Predict before you run
#
# A *filter* is a small table of weights, here of 5×5 or 3×3. It is laid on a
# patch of the picture; each weight is multiplied with the pixel below it, and
# the sum says how well the patch matches. Then the filter moves on by one
# pixel. The sums of all the places make a new picture, a *feature map*.
#
# The network has three such layers, with {number}`first_filters`,
# {number}`second_filters` and {number}`third_filters` filters, and between them
# it makes the maps smaller. In the end a layer of {number}`hidden_units` units
# and one of {number}`classes` units turn the maps into one probability for each
# digit. Write down your answers first:
#
# 1. In how many places does a filter of 5×5 fit into a picture with
#    {number}`side` pixels a side?
# 2. Where do most of the network's weights sit: in the three layers of filters,
#    or in the two layers behind them?
# 3. What is the cost of a network that knows nothing and gives each of the
#    {number}`classes` digits the same probability?
# 4. The network sees all the training digits {number}`epochs` times. How many
#    of the test digits does it then get wrong?

# %% [markdown]
# ## By hand
#
# Let $X$ be the picture with its rows $i$, its columns $j$ and its channels
# $c$: one channel at first, later one for each feature map. The filter with the
# number $f$ has the weights $K_{u,v,c,f}$ and an intercept $b_f$. The map that
# it makes is
#
# $$
# a_{i,j,f} = \varphi\Bigl(b_f +
# \sum_{u,v,c} X_{i+u,\,j+v,\,c}\, K_{u,v,c,f}\Bigr),
# $$
#
# where $\varphi$ is an activation function, for instance tanh. This is called a
# *convolution*. A filter with $k$ pixels a side fits into $n - k + 1$ places
# along a side of $n$ pixels. The sum is `convolve`. Here it is on a picture
# with an edge, dark on the left and light on the right, and with a filter that
# subtracts the right neighbour from the left one:

# %%
edge = np.array([[1, 1, 0, 0]] * 3, float).reshape(1, 3, 4, 1)
filter_ = np.array([[1.0, -1.0], [1.0, -1.0]]).reshape(2, 2, 1, 1)
edge_map = lesson.convolve(edge, filter_, np.zeros(1))

notebook.numbers(
    edge_row=edge[0, 0, :, 0],
    map_row=edge_map[0, 0, :, 0],
    answer=edge_map[0, 0, 1, 0],
    pooled_answer=lesson.max_pool(edge_map).item(),
)

# %% [markdown]
# Each row of the map is zero but for a {number}`answer:.0f` in the middle: the
# filter answers where the edge is and nowhere else. Had the edge been one pixel
# further to the right, so would be the answer. A filter finds its pattern
# anywhere, with the same few weights.
#
# After some of the layers comes *max pooling*: of each square of 2×2 only the
# largest number is kept, which is `max_pool`. A map becomes half as wide and
# half as high, and where exactly in its square the pattern was no longer
# matters. Our little map becomes a single {number}`pooled_answer:.0f`: there is
# an edge.
#
# At the end stand ordinary dense layers, and the last one gives each class $k$
# a number $z_k$. The *softmax* makes probabilities $p_k$ of them, and the cost
# $J$ is the *cross entropy*:
#
# $$
# p_k = \frac{e^{z_k}}{\sum_l e^{z_l}}, \qquad
# J = -\frac1N \sum_{m=1}^{N} \ln p^{(m)} .
# $$
#
# The first sum is over all classes $l$. In the second one $p^{(m)}$ is the
# probability that the network gave to the right class of picture $m$, one of
# $N$: the smaller it is, the more it costs.
#
# The function `forward` is the whole network in NumPy. Its first weights are
# small random numbers, drawn by `draw_weights`.

# %%
shapes = [w.shape for w in lesson.build_model().weights]
weights = lesson.draw_weights(shapes, seed=0)
layers = lesson.forward(X[:100], weights)

notebook.numbers(
    first_side=layers[0].shape[1],
    flat=layers[5].shape[1],
    first_filters=shapes[0][-1],
    second_filters=shapes[2][-1],
    third_filters=shapes[4][-1],
    hidden_units=shapes[6][-1],
    filter_weights=sum(np.prod(shape) for shape in shapes[:6]),
    dense_weights=sum(np.prod(shape) for shape in shapes[6:]),
    cost_before=lesson.cost(X[:100], y[:100], weights),
    know_nothing=np.log(classes),
)

# %% [markdown]
# The first map has {number}`first_side` pixels a side. At the end of the three
# layers of filters the picture has become {number}`flat` numbers. All the
# filters together have {number}`filter_weights:,d` weights and intercepts; the
# two dense layers have {number}`dense_weights:,d`. The part that sees is cheap,
# because a filter's weights are used again at every place.
#
# Before the training the cost is {number}`cost_before:.3f`. A network that
# knows nothing gives each class the probability $1/K$, where $K$ is the number
# of the classes; its cost is $\ln K$, here {number}`know_nothing:.3f`. A first
# cost far from that would tell of an error before any training.
#
# ## In Keras
#
# `build_model` is the same network as a list of layers: `Conv2D`,
# `MaxPooling2D`, `Flatten` and `Dense`. It trains by gradient descent on
# *mini-batches*, a part of the digits for each step, with a *momentum*: a part
# of the last step is repeated. `train` puts the digits into a new order in
# every *epoch*, which is one pass over all of them. Like most networks it
# computes in `float32`, with about seven decimal digits.

# %%
model = lesson.build_model(seed=0)
p_before = lesson.predict(model, X)
history = lesson.train(model, digits, epochs=lesson.QUICK_EPOCHS)
p = lesson.predict(model, X)
y_hat = p.argmax(axis=1)  # the class with the largest probability

notebook.numbers(
    parameters=model.count_params(),
    learning_rate=lesson.LEARNING_RATE,
    batch_size=lesson.BATCH_SIZE,
    epochs=lesson.QUICK_EPOCHS,
    all_epochs=lesson.EPOCHS,
    validation_costs=history.logs["val_loss"],
    accuracy=np.mean(y_hat == y),
    errors=np.sum(y_hat != y),
    first_digit=y[0],
    first_class=y_hat[0],
    first_p=p[0].max(),
)

# %% [markdown]
# With the learning rate {number}`learning_rate`, {number}`batch_size` digits a
# step and {number}`epochs` epochs, the {number}`parameters:,d` weights are
# trained well enough to read {number}`accuracy:.1%` of the test digits:
# {number}`errors` of {number}`test` are wrong.

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
# The bars are the probabilities of the ten classes for the first test digit. It
# is a {number}`first_digit`. Before the training every class got about as much
# as any other; afterwards {number}`first_class` got {number}`first_p:.3f`.

# %% tags=["hide-input"]
by_hand = lesson.forward(X[:1], model.get_weights())
notebook.figure(
    lambda: figures.features(digits, model.get_weights(), by_hand),
    alt="Four filters of five by five weights, red and blue; the digit with its"
    " four maps in red and blue; eight smaller maps; and sixteen tiny ones of"
    " four by four pixels.",
)

# %% [markdown]
# What the trained network makes of that digit, from left to right: red is
# positive, blue is negative, white is zero. The four filters were not designed
# by anybody; they are what the training made of random numbers. Beside them is
# the digit with its four maps. Each map is the same digit, but answers to
# something else in it: to ink, or to an edge on one side of a stroke. Further
# on, the maps become smaller and more of them, until a few blurred squares
# remain, from which the dense layers read the class.

# %% tags=["hide-input"]
table = lesson.confusion(y, y_hat, classes)
notebook.figure(
    lambda: figures.mistakes(digits, p, table),
    alt="Left: a table of ten by ten counts with nearly all of them on the"
    " diagonal. Right: twelve digits, with what the network took them for above"
    " them; the first few are errors, in red.",
)

# %% [markdown]
# On the left is the *confusion matrix*: a row for what a digit is, a column for
# what it was taken for. What lies on the diagonal is right. On the right are
# the digits whose own class got the smallest probability. Look at those in red
# before you blame the network: would you have read them?
#
# ## Checked
#
# The lesson checks the sizes of all layers by arithmetic, the first cost
# against a prediction from the random weights, and the first two steps of the
# training against gradients from finite differences. The probabilities of the
# trained network are computed again by hand, and scikit-learn counts the errors
# again. It also trains scikit-learn's own classifiers on the same
# pixels, and the network must not be worse than one of them by more than
# chance. `quick=True` trains for {number}`epochs` epochs, as above, instead of
# the lesson's {number}`all_epochs`.

# %%
outcome = notebook.run(11, quick=True)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# The training is done, the network has seen every digit {number}`epochs` times,
# and still it guesses. No error is reported, the code is right and so are the
# data. Such a run was part of the lesson's checks. It differs from the good one
# in a single number: the learning rate is {number}`slow_rate:.0e`. Afterwards
# it reads {number}`slow_accuracy:.1%` of the test digits.

# %%
steps = len(digits.X_train) // lesson.BATCH_SIZE * lesson.QUICK_EPOCHS
slow = outcome.measured["slow"]

notebook.numbers(
    slow_rate=lesson.SLOW_RATE,
    slow_accuracy=slow["accuracy"],
    slow_steps=steps,
    fall=slow["fall"],
    reach=proof.reach(lesson.SLOW_RATE, steps),
    reach_good=proof.reach(lesson.LEARNING_RATE, steps),
)

# %% tags=["hide-input"]
notebook.figure(
    outcome.figures["training"],
    alt="With the larger learning rate the cost falls and the accuracy rises"
    " close to one. With the smaller one the cost stays on the line of a"
    " network that knows nothing, and the accuracy stays low.",
)

# %% [markdown]
# On the left is the cost after each epoch, solid, on the validation digits. The
# dashed line is the training digits' mean while the epoch lasted, when the
# weights were not yet as good. On the right is the fraction of the validation
# digits that was read correctly. The cost of the slow run, in orange, lies on
# the grey line $\ln K$, where a network that knows nothing is.
#
# It is not stuck: in {number}`slow_steps` steps the cost fell by
# {number}`fall:.4f`. How far do so many steps lead? As long as the gradient $g$
# stays the same, the steps and their momentum move the weights by
# $|\Delta\theta| = S |g|$, where the function `reach` of
# `course/checks/lesson11.py` computes $S$: here {number}`reach:.3f`, with the
# good learning rate {number}`reach_good:.0f`. On the way the cost falls by
# $|g|$ for each unit of distance, in all by $S |g|^2 = |\Delta\theta|^2 / S$.
# The last row of the table of checks holds the fall against this prediction. So
# the slow run does what gradient descent should do; there is only far too
# little of it.
#
# The cure is to look at the cost after a few steps rather than at the accuracy
# after a day, and to try learning rates in factors of ten.
#
# ## What to try next
#
# - Predict, then measure: how does the accuracy change with one filter in the
#   first layer instead of {number}`first_filters`?
# - Train at ten times the learning rate. What does the cost do, and does it
#   come back?
# - Shuffle the pixels of all pictures in the same way. Which of scikit-learn's
#   classifiers notice it? Does the network?
# - Move the test digits three pixels to the right. How many are still read?
#   Lesson 12 is about that.
# - Photograph a digit of your own: `python -m course.lesson11 --predict
#   PICTURE.png`.
# - Run the lesson on many more digits: `python -m course.lesson11 --data
#   mnist`.
#
# ## Sources
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied
#   to document recognition*, Proceedings of the IEEE 86, 1998, pages 2278–2324.
# - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press, 2016,
#   chapter 9.
