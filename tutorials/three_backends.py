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
# python -m course read three_backends, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # One lesson on three backends
#
# A backend is the library that computes for Keras: TensorFlow, JAX or PyTorch.
# This page puts lesson 3, linear regression, on all that are installed and lays
# them side by side: the code that is the same, the code that differs, and the
# numbers.
#
# ## The code that is the same
#
# This is the lesson's model. The cells print the source of the functions
# themselves, so the page shows the code that ran.

# %%
import inspect
import itertools
import json
import os
import subprocess
import sys

import numpy as np

import course
from course import autodiff, figures, lesson03 as lesson, notebook
from course.checks import Check
from course.cli import compare
from course.cli.outcome import Outcome

import keras

print(inspect.getsource(lesson.build_model))
print(inspect.getsource(lesson.train))

# %% [markdown]
# Nothing in it names a backend. Keras translates its layers, losses and
# optimizers for each of them.
#
# ## The code that differs
#
# Gradient descent needs the gradient, and for that the three libraries have no
# common word. The course has one file that knows all three, `course/autodiff.py`.
# Each of the functions below takes a function that returns a cost, and returns
# one that computes the gradient as well.
#
# ### JAX
#
# JAX *transforms*: `value_and_grad` makes a new function out of the old one, and
# `jit` compiles it.

# %%
print(inspect.getsource(autodiff._jax))

# %% [markdown]
# ### TensorFlow
#
# TensorFlow *records*: while the tape runs, every operation is written down;
# then the tape is played backwards.

# %%
print(inspect.getsource(autodiff._tensorflow))

# %% [markdown]
# ### PyTorch
#
# PyTorch's tensors *remember*: each one knows from which others it was made, and
# the gradient walks back along these memories, from the cost to the parameters.

# %%
print(inspect.getsource(autodiff._torch))

# %% [markdown]
# Behind these three the course has one function, `value_and_grad`. It chooses
# the branch of the backend that runs, and all lessons call it in the same way.
# Here is a cost with one weight, $J(w) = (w - 3)^2$, at $w = 5$, where the slope
# $2 (w - 3)$ is 4:

# %%
value, slope = autodiff.value_and_grad(lambda w: (w - 3) ** 2)(np.array(5.0))

# %% tags=["remove-cell"]
notebook.numbers(
    backend=keras.backend.backend(), value=float(value), slope=float(slope)
)
assert (float(value), float(slope)) == (4, 4)

# %% [markdown]
# On {number}`backend`, where this cell ran, the cost is {number}`value:.0f` and
# the slope {number}`slope:.0f`.
#
# ## The numbers
#
# Keras uses one backend in a process. So each backend gets a process of its own,
# which runs the whole lesson by its command and returns its numbers as JSON.

# %%
installed = [name for name in course.BACKENDS if course.is_installed(name)]
records = {}
for name in installed:
    done = subprocess.run(
        [sys.executable, "-m", "course", "run", "3", "--json"],
        env={**os.environ, "KERAS_BACKEND": name},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    records[name] = json.loads(done.stdout)

good = {
    f"{name}_checks": sum(check["passed"] for check in record["checks"])
    for name, record in records.items()
}
every = len(records[installed[0]]["checks"])

# %% tags=["remove-cell"]
notebook.numbers(
    installed=", ".join(installed), count=len(installed), checks=every, **good
)
assert set(good.values()) == {every}, good

# %% [markdown]
# Where this page was made, {number}`count` of the three are installed:
# {number}`installed`. With one alone there is nothing to compare, and the two
# tables below say little; install the others and run the notebook again. On each
# installed backend all {number}`checks` checks of the lesson hold.
#
# ### Against the mathematics by hand
#
# Among the numbers are the weights after each of the steps, from Keras. The
# reference is the same descent by hand, in NumPy.


# %%
def find(record, id):
    return next(check for check in record["checks"] if check["id"] == id)


rows = []
for name, record in records.items():
    check = find(record, "path-keras")
    row = Check.close(
        f"path-keras-{name}",
        name,
        check["measured"],
        check["reference"],
        rtol=check["tolerance"],
    )
    rows.append(row)

against_numpy = Outcome(3, measured={}, results={}, checks=rows)
notebook.checks(against_numpy)
assert against_numpy.passed, "a check fails: see the table"


# %% tags=["hide-input"]
def draw():
    figure, (ax,) = figures.panels("Keras against the descent by hand", width=6)
    for check, line in zip(against_numpy.checks, ("-", "--", ":")):
        difference = np.abs(check.measured - check.reference)
        largest = difference.reshape(-1, 2).max(axis=1)  # of w and b
        so_far = np.maximum.accumulate(largest) + 1e-17  # 0 has no logarithm
        ax.semilogy(so_far, line, lw=2, label=check.name)
    ax.set(xlabel="step", ylabel="largest difference so far")
    ax.legend()
    return figure


notebook.figure(
    draw,
    alt="One curve per installed backend on a logarithmic axis. TensorFlow"
    " stays near the rounding of sixteen digits, JAX and PyTorch stay near that"
    " of seven.",
)

# %% [markdown]
# Each curve is one backend: the largest difference up to a step, on a
# logarithmic axis. The curves do not rise without end: every step of descent
# shrinks the errors of the steps before. On TensorFlow the difference stays that
# of `float64`. On JAX and PyTorch it is that of `float32`: there Keras averages
# the loss in `float32`, and on PyTorch it also multiplies matrices in `float32`.
# The page on what differs between backends measures both.
#
# ### Against each other
#
# `course.cli.compare` compares the backends' numbers, check by check. Each row
# below is one pair of backends: "measured" is the first one's number,
# "reference" the second one's. Where a check has many numbers, the row shows the
# two with the largest difference.


# %%
def pairs(ids):
    rows = []
    for id in ids:
        checks = {name: find(r, id) for name, r in records.items()}
        for one, two in itertools.combinations(checks, 2):
            both = [np.array(checks[name]["measured"]) for name in (one, two)]
            size = max(1.0, np.abs(both).max())
            allowed = max(checks[name]["agreement"] for name in (one, two))
            label = f"{checks[one]['name']}: {one}, {two}"
            slug = f"{id}-{one}-{two}"
            rows.append(Check.close(slug, label, *both, atol=allowed * size))
    return Outcome(3, measured={}, results={}, checks=rows)


between = pairs(["path-keras", "batches-keras", "gradient-automatic"])
notebook.checks(between)
assert between.passed, "a check fails: see the table"

# %% [markdown]
# Three numbers of the lesson stand for all: the weights at every step of
# full-batch descent, the weights after descent in mini-batches, and the gradient
# by the three branches of `course/autodiff.py`. All checks together:

# %%
rows = compare.agreement(records)

# %% tags=["remove-cell"]
notebook.numbers(
    compared=len(rows),
    agree=sum(row["agrees"] for row in rows),
    largest=max(max(row["relative"].values(), default=0) for row in rows),
)
assert all(row["agrees"] for row in rows)

# %% [markdown]
# Of {number}`compared` checks {number}`agree` agree. Relative to their size, no
# two numbers differ by more than {number}`largest:.0e`. Three libraries, written
# by different people, differentiate in three different ways and arrive at the
# same place.
#
# ## What to try next
#
# - Another lesson: replace the 3 in the command by its number. Which check
#   differs most?
# - The same in the terminal: `python -m course run 3 --backend all`.
# - Give the command `--dtype float32`. Which backend differs most now?
#
# ## Sources
#
# - A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008,
#   chapter 3, doi:10.1137/1.9780898717761.
