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
# python -m course read 12, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 12: Augmentation
#
# ## The question
#
# The network of lesson 11 read almost all of the test digits. They stood
# upright, in the middle of their pictures, as the training images did. Nobody
# writes that neatly on a form. Below are eight digits, first as they were, then
# turned, shifted, mirrored and upside down.

# %% tags=["hide-input"]
import numpy as np

from course import lesson12 as lesson, notebook
from course.figures import lesson12 as figures

import keras

digits = lesson.load_data()
X, y = digits.X_test, digits.y_test  # never trained on

few = X[:8]
tilt = np.linspace(-20, 20, len(few))  # degrees
aside = np.stack([tilt, -tilt], axis=1) / 20
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

# %% tags=["remove-cell"]
notebook.numbers(train=len(digits.X_train), test=len(X))

# %% [markdown]
# To us the first three rows show the same digits. To the computer they are
# different tables of numbers. Can the network learn that they mean the same,
# without anyone writing more digits?
#
# ## The idea: new training images from old ones
#
# We have {number}`train` training images and know the class of each. Turn one a
# little: it is a new image, and we still know its class. So every image gives
# as many new ones as we like, for nothing. This is **data augmentation**. In
# every epoch each image is turned by a new random angle, at most 20 degrees to
# either side, and shifted by a random distance, at most a fifth of its side in
# each direction. The network never sees the same image twice.
#
# Every augmentation makes a claim: *what I do here does not change the class*.
# Look at the two last rows of the picture again. Is it true there?
#
# ## Predict before you run
#
# The same network is trained twice from the same first weights: on the training
# images as they are, and on images that are turned and shifted anew in every
# epoch. Both are tested on the {number}`test` test digits as they are, and on
# the same test digits turned and shifted. Write down your answers:
#
# 1. The first network never saw a moved digit. How well does it read the moved
#    ones? A convolution finds a pattern anywhere. Is that enough?
# 2. Which of the two is better on the digits as they are?
# 3. A third network also sees digits that are mirrored and upside down. Which
#    digits will it mix up?
#
# ## By hand
#
# How does one move a picture? Backwards. Each pixel of the *new* picture asks:
# at which place $(x', y')$ of the *old* picture was I? Here $x$ counts to the
# right and $y$ down, both from 0.
#
# **Shift** by $s$ to the right: the pixel at $x$ was at $x' = x - s$. Take a row
# of five pixels, $(0, 0, 1, 0, 0)$, and $s = 0.5$. The new pixel 2 was at
# $x' = 1.5$, half way between pixel 1, paper, and pixel 2, ink. So it gets the
# mean, $0.5 \cdot 0 + 0.5 \cdot 1 = 0.5$. The new pixel 3 was at $2.5$ and gets
# $0.5$ as well. All others get 0.

# %% tags=["source"]
from course.lesson12 import linear, places, move

# %%
bar = np.array([[0.0, 0, 1, 0, 0]] * 5).reshape(1, 5, 5, 1)
print(move(bar, shifts=(0.5, 0))[0, 2, :, 0])

# %% [markdown]
# In two directions a place lies between four pixels: above left $a_l$, above
# right $a_r$, below left $b_l$, below right $b_r$. With the decimals $f$ of $x'$
# and $g$ of $y'$ the value is
#
# $$
# (1 - g)\,[(1 - f)\, a_l + f a_r] + g\,[(1 - f)\, b_l + f b_r] .
# $$
#
# The nearer a pixel, the more it counts. This is **bilinear interpolation**, the
# last lines of `move`. What comes in from outside is paper, 0. So `move` puts a
# frame of paper around every picture (`np.pad`) and writes all pixels into one
# long list. In it the pixel below stands `width` places further on.
#
# **Rotation** by the angle $\varphi$, anticlockwise about the centre: let $u$ and
# $v$ be the distances of a new pixel from the centre, to the right and down. Its
# old ones were
#
# $$
# u' = u \cos\varphi - v \sin\varphi , \qquad
# v' = u \sin\varphi + v \cos\varphi .
# $$
#
# Try a quarter of a turn, $\cos\varphi = 0$ and $\sin\varphi = 1$. The pixel to
# the right of the centre, $u = 1$ and $v = 0$, has $u' = 0$ and $v' = 1$: it was
# below the centre. Indeed an anticlockwise turn takes what is below to the
# right. `linear` holds these four numbers in a matrix $L$ for each picture. To
# mirror a picture, it changes the signs with which $u$ enters, and to put it
# upside down those of $v$. `places` does rotation and shift at once.
#
# ## In Keras
#
# First the images are standardised, as the columns of a table were in lesson 3:
# subtract the mean, divide by the standard deviation. There each feature
# (column) had its own mean. In a picture the features are the channels, for one
# kernel passes over all pixels of a channel. Grey pictures have one channel, so
# all pixels share one mean and one deviation. The layer `Normalization` measures
# them, on the training images only. (If you know both numbers, give them:
# `Normalization(axis=None, mean=m, variance=s**2)`.)

# %%
layers = keras.layers
Y_train = np.eye(10)[digits.y_train]  # one-hot


def build_model():
    keras.utils.set_random_seed(0)  # the same first weights each time
    standardise = layers.Normalization(axis=-1)
    standardise.adapt(digits.X_train)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            standardise,
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
    sgd = keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)
    model.compile(sgd, "categorical_crossentropy")
    return model


def moved(X, rng):
    angles = rng.uniform(-20, 20, len(X))  # degrees
    shifts = rng.uniform(-0.2, 0.2, (len(X), 2)) * 28  # pixels
    return move(X, angles, shifts)


def accuracy(model, X):
    return np.mean(model.predict(X, verbose=0).argmax(axis=1) == y)


# %% [markdown]
# Now the two trainings, eight epochs each. For the second, every epoch is one
# call of `fit` with images moved anew. (Keras has layers for this,
# `RandomRotation`, `RandomTranslation` and `RandomFlip`; ours are the same on
# every computer.)

# %%
plain = build_model()
plain.fit(digits.X_train, Y_train, batch_size=100, epochs=8, verbose=0)

augmented, rng = build_model(), np.random.default_rng(0)
for _ in range(8):
    new = moved(digits.X_train, rng)
    augmented.fit(new, Y_train, batch_size=100, verbose=0)

X_moved = moved(X, np.random.default_rng(1))
for model in (plain, augmented):
    print(f"{accuracy(model, X):.3f}  {accuracy(model, X_moved):.3f}")

# %% tags=["remove-cell"]
notebook.numbers(
    plain_clean=accuracy(plain, X),
    plain_moved=accuracy(plain, X_moved),
    augmented_clean=accuracy(augmented, X),
    augmented_moved=accuracy(augmented, X_moved),
)

# %% tags=["hide-input"]
notebook.table(
    [
        [name, f"{accuracy(model, X):.1%}", f"{accuracy(model, X_moved):.1%}"]
        for name, model in [
            ("as they are", plain),
            ("turned and shifted", augmented),
        ]
    ],
    header=["training images", "test digits as they are", "moved test digits"],
    caption="The fraction of the test digits that is read rightly",
)

# %% [markdown]
# Trained on plain images, the network reads {number}`plain_clean:.1%` of the
# test digits as they are, but only {number}`plain_moved:.1%` of the moved ones.
# The kernels do find their patterns anywhere. But the dense layer behind them
# has weights of its own for every place of every map, and it knows the old
# places only. Trained on moved images, the network reads
# {number}`augmented_moved:.1%` of the moved digits.
#
# On the digits as they are it reads {number}`augmented_clean:.1%`. To learn all
# positions is a harder task, and eight epochs are few for it. So augmentation
# helps where the new images resemble those that will come. It does not help
# merely because there are more of them.
#
# ## Checked
#
# The lesson compares `move` with SciPy's and Keras's own functions, and the
# layer `Normalization` with the standardisation by hand. Then it trains by five
# recipes; the picture shows their accuracies.

# %% tags=["hide-input"]
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
# The last recipe, the grey bar, shifts by little more than a pixel. Its learning
# rate first rises and then falls to zero, which is called a *one-cycle*
# schedule.

# %% tags=["remove-cell"]
notebook.bench("augmentation", outcome.measured)

# %% [markdown]
# ## At the bench
#
# Turn and shift a digit, and watch where the network that has seen moved digits
# and the one that has not part company. The bench has [a page of its
# own](lab/augmentation), with things to try.
#
# ```{bench} augmentation
# ```
#
# ## The trap
#
# A cat in a mirror is a cat. Many recipes for photographs mirror half of the
# images, so why not here? In the recipes of the orange and the red bar half of
# the images are mirrored and half are put upside down. Neither is better for it;
# the red one, with all moves and flips, is the worst on the digits as they are.
# Look at what flips do to some digits:

# %% tags=["hide-input"]
one_of_each = X[[np.flatnonzero(y == k)[0] for k in (6, 9, 2, 5, 0, 7)]]
flipped = {
    "as it was": one_of_each,
    "upside down": move(one_of_each, upside_down=True),
    "both flips": move(one_of_each, mirrored=True, upside_down=True),
}
notebook.figure(
    lambda: figures.transforms(flipped),
    alt="The digits 6, 9, 2, 5, 0 and 7 in three rows: as they were, upside"
    " down, and upside down and mirrored. With both flips the 6 is a 9 and the"
    " 9 is a 6; upside down the 2 looks like a 5.",
)

# %% tags=["hide-input"]
key = "{}: fraction of 2, 5; 6, 9 swapped"
swapped = {name: outcome.results[key.format(name)] for name in lesson.RECIPES}
notebook.table(
    [
        [name, f"{sixes:.1%}", f"{twos:.1%}"]
        for name, (twos, sixes) in swapped.items()
    ],
    header=["augmentation", "6 and 9", "2 and 5"],
    caption="The fraction of these digits that is taken for the other one",
)

# %% tags=["remove-cell"]
upright, flips = swapped["none"], swapped["rotation, shifts, flips"]
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
# A 6 with both flips, which is a 6 turned by half a circle, *is* a 9. The
# network was shown such nines and told that they were sixes. With all moves and
# flips it takes {number}`swapped_69:.1%` of the sixes and nines for the other
# one, instead of {number}`swapped_69_without:.1%` without augmentation. Of the
# twos and fives it swaps {number}`swapped_25:.1%`.
#
# This is not the network's fault. The **nearest neighbour** gives a picture the
# class of the training image that is most like it. To it,
# {number}`six_is_nine:.1%` of the sixes with both flips are nines, and
# {number}`two_is_five:.1%` of the twos upside down are fives. The claim "the
# class stays the same" is false. Look at augmented images before you train on
# them.
#
# ## Summary
#
# - Augmentation makes new training images from old ones, anew in every epoch.
# - Each kind of it claims that it does not change the class. For small turns and
#   shifts of digits that is true, for flips it is false.
# - It helps on images that are moved as the new training images are, and it may
#   cost a little on the others.
# - A picture is moved backwards: each new pixel asks where it was, and takes the
#   value between four old pixels.
# - Images are standardised with one mean and one deviation for each channel,
#   measured on the training images.
#
# ## Answers
#
# 1. It reads {number}`plain_moved:.1%` of them, instead of
#    {number}`plain_clean:.1%`. The convolutions alone are not enough, because
#    the dense layer has weights for fixed places.
# 2. The plain one read {number}`plain_clean:.1%`, the augmented one
#    {number}`augmented_clean:.1%`. Moved images make a harder task, and eight
#    epochs are few.
# 3. Above all 6 and 9: {number}`swapped_69:.1%` are swapped. A 6 with both flips
#    is a 9.
#
# ## What to try next
#
# - Which augmentation is right for letters? For clothes? For a photograph of a
#   street?
# - Draw a curve: how does the accuracy on moved digits depend on how far the
#   training images are shifted?
# - Train with rotation and shifts for five times as many epochs. Does the
#   accuracy on the digits as they are catch up?
# - Mirror only the digits for which it is harmless. Is it of any use?
# - Average the probabilities of a test digit and of four copies of it, each
#   shifted by one pixel. Does that read better than the digit alone?
# - Make moved copies of some training images and give them to another method, for
#   instance scikit-learn's `SVC`. Does it gain as much?
# - Run the lesson on many more digits: `python -m course.lesson12 --data
#   mnist`.
#
# ## Sources
#
# - P. Simard, D. Steinkraus, J. Platt, *Best practices for convolutional neural
#   networks applied to visual document analysis*, ICDAR 2003, pages 958–963.
# - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press, 2016,
#   section 7.4.
