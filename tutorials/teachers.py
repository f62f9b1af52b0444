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
# python -m course read teachers, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # For teachers
#
# Fourteen lessons and one week for a project make a term of fifteen weeks. This
# page says what each lesson needs, how the course's parts are used in a notebook
# of your own, how a class works without a network, and how exercises come out of
# the lessons' own checks.
#
# ## What each lesson needs
#
# A lesson builds on the lessons named in the table and on all that these build on.
# The third column names what a page uses and does not explain. A section "Going
# deeper" needs more, and says what; it can be left out everywhere. The minutes are
# our estimate for reading a page with a pencil in hand, without the exercises.

# %% tags=["hide-input"]
from course import notebook

notebook.table(
    [
        ["1", "–", "Python, NumPy arrays", "30"],
        ["2", "1", "the derivative, the chain rule", "40"],
        ["3", "2", "a matrix times a vector", "50"],
        ["automatic differentiation", "2", "nothing new", "30"],
        ["4", "3", "mean, standard deviation", "40"],
        ["5", "3", "nothing new", "40"],
        ["6", "3", "exponential, logarithm, probability", "45"],
        ["7", "6", "a matrix times a matrix", "50"],
        ["8", "3", "nothing new", "50"],
        ["9", "8", "nothing new", "45"],
        ["10", "9", "nothing new", "40"],
        ["11", "7", "nothing new", "50"],
        ["12", "11", "sine, cosine", "35"],
        ["13", "4, 7", "normal distribution", "45"],
        ["14", "4, 11", "nothing new", "40"],
    ],
    ["lesson", "builds on", "needs besides", "minutes"],
    "What each lesson needs",
)

# %% [markdown]
# The page on [automatic differentiation](autodiff) fits in anywhere after lesson 2,
# and before lesson 7 at the latest.
#
# ## A plan for fifteen weeks
#
# Each week has two parts of one class period or a little more. First the
# tutorial as far as "Predict before you run": everyone writes down an answer,
# then the notebook is run and explained. In the second part the class compares its
# predictions with the "Answers", and works on "The trap" and "What to try next".
#
# 1. **Exhaustive search.** A model, a cost, the best weight by trying. Data: three
#    points.
# 2. **Gradient descent.** The slope, the step, divergence, a double well. Data: the
#    same three points.
# 3. **Linear regression.** Several weights: partial derivatives, the gradient,
#    standardisation. Then automatic differentiation. Data: five points; or a table
#    of the class's own.
# 4. **Batch, stochastic and mini-batch descent.** The noise of small batches,
#    and what it is good for. Data: a hundred drawn points.
# 5. **Learning rate.** Too small, good, too large; decay; momentum. Data: the five
#    points, and a drawn ill-conditioned problem.
# 6. **Cost functions.** Squared error, cross entropy, and which output goes
#    with which. Data: iris, from scikit-learn.
# 7. **A two-layer network.** Backpropagation by hand; XOR. Data: XOR's four rows,
#    two moons.
# 8. **L2.** Overfitting, training and validation sets, ridge and weight decay.
#    Data: drawn points, and diabetes, from scikit-learn; or a table of the class's
#    own.
# 9. **L1.** The lasso, zeros, the proximal step. Data: diabetes again.
# 10. **Choosing the penalty.** Cross-validation, leave-one-out, the leak. Data: the
#     same, and breast cancer, from scikit-learn.
# 11. **A convolutional network.** Every layer's size and weights; the worst
#     errors. Data: handwritten digits, from scikit-learn; or MNIST.
# 12. **Augmentation.** What helps and what hurts. Data: the digits.
# 13. **Randomness.** How many seeds tell two settings apart. Data: small digits.
# 14. **More machine.** Several devices, larger batches, half precision; no graphics
#     card is needed. Data: the digits.
# 15. **Project.** A table or pictures of one's own, with a check for every
#     number in the report.
#
# Lessons 1 to 10 are made to run in a few seconds on two processor cores,
# lessons 11 to 14 in about a minute each. `--quick` makes most lessons shorter, for
# a demonstration.
#
# A class with less mathematics can leave out every section "Going deeper", and
# lessons 9 and 10: no later lesson builds on them. A class of practitioners can
# begin with lesson 3 and put the weeks gained into the project.
#
# ## The lessons as a library
#
# Every lesson is a module of plain functions. Where a model is trained,
# `build_model` returns it, compiled by Keras, and whatever Keras can do can be
# done with it.

# %%
import numpy as np

from course import descent, lesson03 as lesson
from course.checks import Check
from course.cli.outcome import Outcome

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 2))
y = X @ [2.0, -1.0] + 0.5

with notebook.precision("float64"):
    model = lesson.build_model(n_features=2, learning_rate=0.1)
    history = descent.train(model, X, y[:, None], steps=200)

print(f"cost {history.costs[0]:.1f} -> {history.costs[-1]:.0e}")

# %% tags=["remove-cell"]
notebook.numbers(
    parameters=model.count_params(),
    first_cost=history.costs[0],
    last_cost=history.costs[-1],
)
assert history.costs[-1] < 1e-9

# %% [markdown]
# The model has {number}`parameters` parameters, and its cost fell from
# {number}`first_cost:.1f` to {number}`last_cost:.0e`. Import `course`, or
# anything from it, before Keras: it chooses the backend.
# `course.descent.train` returns the weights and the cost of every step; a model
# may also be trained with `fit`.
#
# A lesson is three modules: the page, `course/lesson03.py`, measures; the proof,
# `course/checks/lesson03.py`, checks; the picture, `course/figures/lesson03.py`,
# draws. `notebook.run` puts them together and returns the lesson's outcome: its
# numbers, its checks and its figures. Nothing is printed, so a slide or a
# worksheet can take from it what it needs:

# %%
outcome = notebook.run(3)
print(outcome.passed, len(outcome.checks), list(outcome.figures))

# %% tags=["remove-cell"]
assert outcome.passed

# %% [markdown]
# ## Exercises that check themselves
#
# Every lesson has exercises, from a line of the mathematics to fill in to a free
# task with a target. A learner gets the files, works in an editor, and asks for
# a verdict as often as wanted:
#
# ```bash
# python -m course exercise all
# python -m course check exercises/exercise03.py
# python -m course progress
# ```
#
# `--language zh` gives the files in Chinese, and the answers of `check` as well.
# A failure says what was expected and what came, where the first difference is,
# and, where the numbers fit a common mistake, which one. The solutions are on the
# site and in the package: nothing keeps a learner from looking them up.
#
# To collect the work of a class, put each learner's folder, or file, into one
# folder. The table gets a line for each, and no learner's file is changed:
#
# ```bash
# python -m course check class --csv grades.csv --jobs 2
# ```
#
# ### What the check guards against
#
# Each file runs in a process of its own, in a temporary copy of its folder. The
# time and the memory of an exercise are limited (`--seconds`, `--memory`), and
# so is what it prints; processes left behind are ended. An endless loop, a huge
# array or a deleted file is reported, and harms nothing else.
#
# That guards against accidents, not against an attacker. The code runs with your
# rights: it can read your files, use the network, and forge its own verdict.
# Check the files of people whom you do not know as another user who owns
# nothing, or in a container without a network:
#
# ```bash
# sudo -u grader python -m course check /srv/class --csv /tmp/grades.csv
# docker run --rm --network none -v "$PWD/class:/class:ro" -v "$PWD/out:/out" \
#     course python -m course check /class --csv /out/grades.csv
# ```
#
# The last command needs an image, here called `course`, in which the course and
# a backend are installed.
#
# On Linux with bubblewrap (`python -m course doctor` looks for it), the flag
# `--sandbox` runs each file without a network, with your home folder out of
# sight, and with everything but the copy read-only. `SECURITY.md` in the
# repository says what each way promises and what it does not.
#
# ## Exercises of your own
#
# A check compares a number with the same number computed another way. That is
# just what an exercise needs, and the lesson's functions are the reference.
#
# ### Write the function
#
# Give out the formula and ask for the function. The check tells each learner
# whether it is right, and the teacher need not read it:


# %%
def my_gradient(X, y, theta):
    error = X @ theta[:-1] + theta[-1] - y
    return 2 / len(y) * np.append(X.T @ error, error.sum())


theta = np.array([1.0, 2.0, 3.0])
check = Check.close(
    "my-gradient",
    "my gradient = the lesson's",
    my_gradient(X, y, theta),
    lesson.gradient(X, y, theta),
    atol=1e-12,
)
answer = Outcome(3, measured={}, results={}, checks=[check])
notebook.checks(answer)
assert answer.passed

# %% [markdown]
# Choose a point that is drawn at random, not zero: at $\theta = 0$ many a wrong
# formula is right.
#
# ### Find the bug
#
# Put a bug into the lesson without saying where, and let the class reason from
# the checks that fail. Here the gradient has lost its factor 2:

# %%
right = lesson.gradient
lesson.gradient = lambda *arguments: right(*arguments) / 2
try:
    broken = notebook.run(3)
finally:
    lesson.gradient = right

failing = [check for check in broken.checks if not check.passed]
notebook.checks(Outcome(3, measured={}, results={}, checks=failing))
assert failing

# %% [markdown]
# The table shows the checks that fail, each with what was measured and what it
# should be. Those that still hold are clues as well: half a gradient still leads
# to the minimum, only more slowly.
#
# ### Predict, then run
#
# Ask for a number before the cell is run, and for the reason behind it. The
# results of a lesson make good questions: `outcome.results` has them by name.
#
# ### Set a tolerance
#
# Ask by how much two numbers may differ, and why. A tolerance that lets a wrong
# answer pass is a poor one; have the class find a wrong answer that passes.
#
# ## A class without a network
#
# The course fetches nothing: its data come with it or with scikit-learn. The
# installation needs the network once, on one machine with the same system and
# the same version of Python as the others. In a clone of the repository:
#
# ```bash
# python -m pip wheel -c constraints.txt -w wheels ".[jax]"
# ```
#
# Carry the folder `wheels` to the other machines, on a stick or a shared drive.
# There:
#
# ```bash
# python -m pip install --no-index --find-links wheels "deep-learning-checked[jax]"
# python -m course doctor
# ```
#
# The last command says what is installed and what is missing. For the notebooks,
# write `.[jax,docs]` in the first command and
# `deep-learning-checked[jax,docs]` in the second.
#
# - The site is a folder of files. Copy it, and open `index.html`: formulas,
#   search and both languages work without a server.
# - MNIST is the one thing that is fetched, and only where it is asked for. Hand
#   out the file `mnist.npz` and name it: `python -m course.lesson11 --data
#   mnist.npz`, or set the environment variable `COURSE_MNIST` to its path.
# - One backend is enough. Different backends in one room are welcome: the
#   numbers are the same, as the page with the three side by side shows.
#
# ## Two languages
#
# Every page has its link to the other language, and both come from the same run:
# the code and the numbers are the same. The glossary has the terms of both.
