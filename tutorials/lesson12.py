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
# # Lesson 12: Augmentation
#
# ## The question
#
# A digit that is written a little aslant, or further to the left, is still the
# same digit. A network does not know that: it knows the pictures it was trained
# on. So people make new training pictures from the old ones, by turning them,
# shifting them, mirroring them. This is called *data augmentation*. It costs
# nothing, and it is often recommended without a second thought. Does it help?
# Always?
#
# This page calls the functions of `course/lesson12.py`; open that file beside
# it. The network is that of lesson 11. Every number in the text was computed by
# the cells on this page.

# %%
import numpy as np

from course import data, lesson12 as lesson, notebook
from course.figures import lesson12 as figures

digits = data.load_images()
X, y = digits.X_test, digits.y_test  # never trained on
seed = 0

notebook.numbers(
    train=len(digits.X_train),
    test=len(X),
    side=data.SIDE,
    rotation=lesson.ROTATION,
    shift=lesson.SHIFT,
    max_pixels=lesson.SHIFT * data.SIDE,
)

# %% [markdown]
# Each training picture may be turned by up to {number}`rotation` degrees to
# either side, and shifted by up to {number}`shift:.0%` of its side in each
# direction, which is {number}`max_pixels:.1f` of the {number}`side` pixels.
#
# ## Predict before you run
#
# The same network is trained twice from the same first weights: once on the
# digits as they are, once on digits that are turned and shifted anew every time
# the network sees them. Both are tested twice: on the {number}`test` test
# digits as they are, and on the same test digits turned and shifted. Write down
# your answers first:
#
# 1. How well does the first network, which never saw a moved digit, read the
#    moved ones? A convolution finds a pattern anywhere. Is that enough?
# 2. Which of the two is better on the digits as they are?
# 3. A third network also sees the digits mirrored and upside down. Which digits
#    will it mix up?

# %% [markdown]
# ## By hand
#
# A moved picture is made backwards. Each pixel of the new picture asks: at
# which place of the old picture was I? For the pixel at $(x, y)$, with $x$ to
# the right and $y$ down, $c$ the centre of the picture in both directions, a
# shift by $(s, t)$ and an anticlockwise rotation by the angle $\varphi$, that
# place $(x', y')$ is
#
# $$
# \begin{pmatrix} x' \\ y' \end{pmatrix} =
# \begin{pmatrix} c \\ c \end{pmatrix} +
# L \begin{pmatrix} x - s - c \\ y - t - c \end{pmatrix}, \qquad
# L = \begin{pmatrix} \cos\varphi & -\sin\varphi \\
# \sin\varphi & \cos\varphi \end{pmatrix}.
# $$
#
# To mirror the picture, the first row of $L$ changes its sign; to put it upside
# down, the second. The function `linear` makes $L$. Mostly the place
# lies between four pixels. Then each of the four contributes the more, the
# nearer it is, which is called *bilinear interpolation*; what lies outside is
# paper, 0. That is the function `move`. Here it takes a bar of ink, one pixel
# wide, and moves it half a pixel to the right:

# %%
bar = np.array([[0.0, 0, 1, 0, 0]] * 5).reshape(1, 5, 5, 1)
half = lesson.move(bar, shifts=(0.5, 0.0))

notebook.numbers(
    bar_row=bar[0, 2, :, 0],
    moved_row=half[0, 2, :, 0],
    ink_left=half[0, 2, 2, 0],
    ink_right=half[0, 2, 3, 0],
)

# %% [markdown]
# The ink is shared: {number}`ink_left` stay and {number}`ink_right` go to the
# pixel on the right. Now the same with some test digits, one kind of movement
# in each row.

# %% tags=["hide-input"]
few = X[: lesson.SHEET]
tilt = np.linspace(-lesson.ROTATION, lesson.ROTATION, len(few))  # degrees
aside = np.stack([tilt, -tilt], axis=1) / lesson.ROTATION
sheet = {
    "as it was": few,
    "rotation": lesson.move(few, angles=tilt),
    "shifts": lesson.move(few, shifts=5 * aside),
    "left to right": lesson.move(few, mirrored=True),
    "upside down": lesson.move(few, upside_down=True),
}
notebook.figure(
    lambda: figures.transforms(sheet),
    alt="Eight digits in five rows: as they were, turned a little, shifted,"
    " mirrored, and upside down.",
)

# %% [markdown]
# Turned and shifted, each digit remains what it was, and a reader hardly
# notices. Mirrored or upside down, only some do: keep an eye on the last row.
#
# ## In Keras
#
# `build_model` puts a layer in front of lesson 11's network, `Normalization`,
# which subtracts the mean of all pixels and divides by their standard
# deviation. An object of the class `Augmentation` draws a rotation, a shift and
# the flips for every picture at random; `train` applies it to each batch on its
# way into the network, anew in every epoch. So the network never sees the same
# picture twice.

# %%
moves = lesson.RECIPES["rotation, shifts"]
rng = np.random.default_rng([seed, lesson.STREAM, 3])  # as in the lesson
X_moved = moves(X, rng)
read = {}
for name, augment in [("plain", None), ("augmented", moves)]:
    # the same first weights
    model = lesson.build_model(digits.X_train, digits.n_classes, seed)
    lesson.train(model, digits, lesson.QUICK_EPOCHS, seed, augment)
    read[name] = [lesson.accuracy(model, now, y) for now in (X, X_moved)]

notebook.numbers(
    epochs=lesson.QUICK_EPOCHS,
    plain_clean=read["plain"][0],
    plain_moved=read["plain"][1],
    augmented_clean=read["augmented"][0],
    augmented_moved=read["augmented"][1],
)

# %% [markdown]
# After {number}`epochs` epochs the network that was trained on the plain digits
# reads {number}`plain_clean:.1%` of the test digits as they are, but only
# {number}`plain_moved:.1%` of the moved ones. The filters do find their
# patterns anywhere; the dense layer behind them, however, has a weight of its
# own for every place of every map. Trained with rotation and shifts, the
# network reads {number}`augmented_moved:.1%` of the moved digits.
#
# And on the digits as they are? There it reads {number}`augmented_clean:.1%`.
# The test digits sit in their pictures as the training digits did. To learn all
# the other positions as well is a harder task, and {number}`epochs` epochs are
# few for it. Augmentation helps where the new
# pictures resemble those that will come, and not simply because there are more
# of them.
#
# ## Checked
#
# The lesson holds `move` against SciPy's `ndimage` and against Keras's own
# random layers; the random draws against the spread they should have; and the
# layer `Normalization` against a network without it, whose first weights make
# up for it. Then it trains the network by five recipes, and checks that the
# moves bring at least ten percentage points on moved digits. With `quick=True`
# it takes one seed and {number}`epochs` epochs for each recipe.

# %%
outcome = notebook.run(12, quick=True)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% tags=["hide-input"]
notebook.figure(
    outcome.figures["recipes"],
    alt="Two times five bars. On the digits as they are, no augmentation and"
    " small shifts are best, and rotation, shifts and flips together are worst."
    " On moved digits rotation and shifts are far ahead.",
)

# %% [markdown]
# Each bar is one recipe, with a dot for its one seed: on the left its accuracy
# on the digits as they are, on the right on moved digits. The recipe of the
# grey bar shifts by little more than a pixel, and its learning rate first rises
# and then falls to zero, which is called a *one-cycle* schedule.
#
# ## The trap
#
# If turning helps, mirroring should help too: many recipes for photographs have
# it, since a cat in a mirror is a cat. Look at the orange bar and the red one.
# Both recipes mirror half of the digits and put half of them upside down. The
# rule "more kinds of augmentation, better network" fails, and this is where:

# %% tags=["hide-input"]
notebook.figure(
    outcome.figures["classes"],
    alt="For each digit from 0 to 9 four bars, the fraction found with each of"
    " four recipes. For 0 all are high; for 6 and 9 the red bar, with all moves"
    " and flips, is by far the lowest.",
)

# %%
key = "{}: fraction of 2, 5; 6, 9 swapped"
upright = outcome.results[key.format("none")]
flips = outcome.results[key.format("rotation, shifts, flips")]
neighbour = "{} upside down: fraction nearest to a {}"
mirrored = neighbour.replace("down:", "down and mirrored:")

notebook.numbers(
    swapped_25=flips[0],
    swapped_69=flips[1],
    swapped_69_without=upright[1],
    six_is_nine=outcome.results[mirrored.format(6, 9)],
    two_is_five=outcome.results[neighbour.format(2, 5)],
)

# %% [markdown]
# The bars are each digit's *recall*: of the pictures that show it, the fraction
# that was recognised. A 0 may be flipped as you like. But a 6 upside down and
# mirrored, which is the same as turned by half a circle, is a 9. The network
# was shown such nines and told that they were sixes. With all the moves and
# flips it takes {number}`swapped_69:.1%` of the sixes and nines for the other
# one, instead of {number}`swapped_69_without:.1%`, and {number}`swapped_25:.1%`
# of the twos and fives. Its other errors went to still other classes: every
# digit now comes in four kinds, and {number}`epochs` epochs are few to learn
# them all.
#
# A method that learns nothing shows that this is not the network's fault. The
# *nearest neighbour* gives a picture the class of the training picture that is
# most like it. Of the sixes among the test digits, upside down and mirrored,
# {number}`six_is_nine:.1%` are nines to it; of the twos upside down
# {number}`two_is_five:.1%` are fives.
#
# So an augmentation is a claim: *what I do here does not change the class*. For
# a shift it is true, for a flip it depends on what is in the picture. Look at
# the augmented pictures before you train on them.
#
# ## What to try next
#
# - Predict, then measure: which augmentation is right for letters? For clothes?
#   For a photograph of a street?
# - Draw a curve: how does the accuracy on moved digits depend on how far the
#   training digits are shifted?
# - Train with rotation and shifts for five times as many epochs. Does the
#   accuracy on the digits as they are catch up?
# - Mirror only the digits for which it is harmless. Is it of any use?
# - Average the probabilities of a test digit and of four copies of it, each
#   shifted by one pixel. Does that read better than the digit alone?
# - Run the lesson on many more digits: `python -m course.lesson12 --data
#   mnist`.
#
# ## Sources
#
# - P. Simard, D. Steinkraus, J. Platt, *Best practices for convolutional neural
#   networks applied to visual document analysis*, ICDAR 2003, pages 958–963.
# - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press, 2016,
#   section 7.4.
