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
# python -m course read backends, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # What differs between backends
#
# Keras runs the same model on TensorFlow, JAX and PyTorch. The course asks more:
# the same numbers. For that one has to know where the backends differ, and this
# page measures the differences one by one. Every cell runs on each of the three
# and states, as an `assert`, what holds where.

# %%
import os
import subprocess
import sys

import numpy as np

import course
from course import lesson08, notebook
from course.autodiff import value_and_grad
from course.checks import tolerance

import keras
from keras import layers, ops

backend = keras.backend.backend()
numpy, tensor = ops.convert_to_numpy, ops.convert_to_tensor


def error(result, reference):
    """The largest difference, relative to the size of the reference."""
    return np.abs(numpy(result) - reference).max() / np.abs(reference).max()


rng = np.random.default_rng(0)
A, B = rng.normal(size=(50, 50)), rng.normal(size=(50, 1))

# %% tags=["remove-cell"]
notebook.numbers(backend=backend, keras_version=keras.__version__)

# %% [markdown]
# The numbers on this page were computed on one backend, {number}`backend`. Run
# the notebook with another `KERAS_BACKEND` and other numbers
# appear, but the text remains true: it names the backends for which a statement
# holds.
#
# ## Precision
#
# ### Some functions drop half of the digits
#
# A number in `float64` has about sixteen correct digits, in `float32` about
# seven. Give three operations `float64` and compare with NumPy:

# %%
matmul_error = error(ops.matmul(tensor(A), tensor(B)), A @ B)
mean_error = error(ops.mean(tensor(A + 3)), np.mean(A + 3))
maximum_error = error(ops.maximum(tensor(A), 0), np.maximum(A, 0))

# %% tags=["remove-cell"]
notebook.numbers(matmul=matmul_error, mean=mean_error, maximum=maximum_error)
assert (matmul_error > 1e-9) == (backend == "torch")
assert (mean_error > 1e-9) == (backend in ("jax", "torch"))
assert (maximum_error > 1e-9) == (backend == "torch")

# %% [markdown]
# An error near $10^{-16}$ is one of `float64`, an error near $10^{-7}$ one of
# `float32`. On PyTorch all three functions compute in `float32`, whatever comes
# in. On JAX only `ops.mean` does, and on TensorFlow none. There is no warning.
# The cure is to write the same thing another way, which keeps all digits on the
# three backends:

# %%
kept = {
    "operator": error(tensor(A) @ tensor(B), A @ B),
    "einsum": error(ops.einsum("ij,jk->ik", tensor(A), tensor(B)), A @ B),
    "sum": error(ops.sum(tensor(A + 3)) / A.size, np.mean(A + 3)),
    "relu": error(ops.relu(tensor(A)), np.maximum(A, 0)),
}

# %% tags=["remove-cell"]
notebook.numbers(**kept)
assert max(kept.values()) < 1e-14

# %% [markdown]
# The operator `@`, `ops.einsum`, a sum divided by the count, and `ops.relu`
# instead of the maximum with 0: that is how the course's own functions are
# written. But a layer of Keras uses `ops.matmul` inside, and a loss `ops.mean`:

# %%
with notebook.precision("float64"):
    dense = layers.Dense(1, use_bias=False)
    dense.build((None, 50))
    mse = keras.losses.MeanSquaredError()
dense.set_weights([B])
dense_error = error(dense(A), A @ B)
mse_error = error(mse(A, 0 * A), np.mean(A**2))
allowed, reason = tolerance.keras("float64")

# %% tags=["remove-cell"]
notebook.numbers(dense=dense_error, mse=mse_error, allowed=allowed)
assert dense_error < 10 * allowed
assert (dense_error > 1e-9) == (backend == "torch")
assert (mse_error > 1e-9) == (backend in ("jax", "torch"))

# %% [markdown]
# So a `Dense` layer in `float64` has seven digits on PyTorch and sixteen on the
# others. Here its error is {number}`dense:.0e`. Keras's own losses have seven
# digits on JAX and PyTorch; here the error is {number}`mse:.0e`. That is why the
# lessons allow their Keras models another difference on each backend: here
# {number}`allowed:.0e` of the size of the weights, from the table in
# `course/checks/tolerance.py`.
#
# ### A penalty may be rounded
#
# The number given to a penalty can lose digits as well, even where Keras is set
# to `float64`. The L2 penalty of a weight 1 should be the number itself:

# %%
with notebook.precision("float64"):
    one = ops.ones((1,), dtype="float64")
    rounded = abs(float(keras.regularizers.L2(0.1)(one)) - 0.1)
    exact = abs(float(keras.regularizers.L2(0.125)(one)) - 0.125)

# %% tags=["remove-cell"]
notebook.numbers(rounded=rounded, exact=exact, decay=lesson08.DECAY)
assert (rounded > 1e-12) == (backend == "tensorflow")
assert exact == 0

# %% [markdown]
# On TensorFlow `0.1` is rounded to `float32` first; on JAX and PyTorch it is
# not. `0.125` is a power of two, which `float32` holds exactly. Lesson 8
# chooses such numbers, {number}`decay` for one, so that the question does not
# arise.
#
# ## Slopes where there is none
#
# The function $|w|$ has a kink at $w = 0$: the slope is $-1$ on the left and
# $+1$ on the right. What does automatic differentiation say at 0?


# %%
def slope_at_zero(function):
    return float(value_and_grad(function)(np.array(0.0))[1])


slope_abs = slope_at_zero(ops.abs)
slope_maximum = slope_at_zero(lambda w: ops.maximum(w, 0.0))
slope_relu = slope_at_zero(ops.relu)

# %% tags=["remove-cell"]
notebook.numbers(
    slope_abs=slope_abs, slope_maximum=slope_maximum, slope_relu=slope_relu
)
assert slope_abs == {"jax": 1, "tensorflow": 0, "torch": 0}[backend]
assert slope_maximum == {"jax": 0.5, "tensorflow": 1, "torch": 0.5}[backend]
assert slope_relu == 0

# %% [markdown]
# For $|w|$ JAX says 1, the slope to the right; TensorFlow and PyTorch say 0.
# For the larger of $w$ and 0 TensorFlow says 1, and the other two take the
# middle, one half. For `ops.relu`, which is the same function, all say 0. None
# is wrong: every number between the two slopes is a fair answer, called a
# subgradient. But the L1 penalty pushes a weight at exactly 0 on JAX, and
# leaves it alone on the others. A lesson that wants the same numbers
# everywhere does not ask for a slope at a kink.
#
# ## The same seed, other numbers
#
# `keras.utils.set_random_seed` makes a run repeatable. It does not make the
# backends draw the same numbers. The cell starts one process for each installed
# backend and prints the first initial weight of a layer, drawn twice by Keras
# from the seed 0, then a number drawn by NumPy.

# %%
DRAW = """
import course, keras, numpy as np
for _ in range(2):
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(1)
    layer.build((None, 3))
    print(float(layer.get_weights()[0][0, 0]))
print(np.random.default_rng(0).normal())
"""
installed = [name for name in course.BACKENDS if course.is_installed(name)]
drawn = {}
for name in installed:
    done = subprocess.run(
        [sys.executable, "-c", DRAW],
        env={**os.environ, "KERAS_BACKEND": name},
        capture_output=True,
        text=True,
        check=True,
    )
    drawn[name] = [float(word) for word in done.stdout.split()]

# %% tags=["hide-input"]
notebook.table(
    [[name, *values] for name, values in drawn.items()],
    ["backend", "Keras, seed 0", "the same again", "NumPy, seed 0"],
    "A random number drawn on each backend",
)

# %% tags=["remove-cell"]
notebook.numbers(**drawn)
assert all(first == again for first, again, _ in drawn.values())
assert len({first for first, _, _ in drawn.values()}) == len(installed)
assert len({by_numpy for _, _, by_numpy in drawn.values()}) == 1

# %% [markdown]
# In each row the first two numbers are equal: the seed does its work. Between
# the rows they differ. The third one, NumPy's, is the same in all of them. So
# the lessons draw initial weights, the order of the mini-batches and noise with
# NumPy and hand them to the model. Lesson 13 is about these draws.
#
# ## Running and compiling
#
# ### Changing an array in place, and reading beyond its end

# %%
values = tensor(np.array([1.0, 2.0, 3.0]))

try:
    beyond = str(float(values[5]))
except Exception as error:
    beyond = type(error).__name__

try:
    values[0] = 9.0
    in_place = "allowed"
except TypeError:
    in_place = "refused"

# %% tags=["remove-cell"]
notebook.numbers(in_place=in_place, beyond=beyond)
assert (in_place == "allowed") == (backend == "torch")
assert (beyond == "3.0") == (backend == "jax")

# %% [markdown]
# Only PyTorch changes an element in place. With TensorFlow and PyTorch reading
# the sixth element of three is an error. JAX returns the last element and says
# nothing: a wrong index can hide there for a long time.
#
# ### Random layers switch the compilation off
#
# Keras can compile a training step into one program. A layer says whether it
# can take part:


# %%
def compiled(*extra):
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), *extra, layers.Flatten(), layers.Dense(1)]
    )
    model.compile(loss="mse")
    return model.jit_compile


rotation, flip = layers.RandomRotation(0.1), layers.RandomFlip()
without, with_rotation = compiled(), compiled(rotation)

# %% tags=["remove-cell"]
notebook.numbers(
    rotation_can=str(rotation.supports_jit),
    flip_can=str(flip.supports_jit),
    compiled_without=str(without),
    compiled_with_rotation=str(with_rotation),
)
assert not rotation.supports_jit
assert flip.supports_jit
assert not with_rotation
assert without or backend != "jax"

# %% [markdown]
# On all three backends `RandomRotation` cannot be compiled, and one such layer
# switches the compilation off for the whole model. On JAX the model without it
# is compiled, so there something is lost. Lesson 12 therefore turns its digits before
# they enter the network.
#
# ### Several steps at a time
#
# `steps_per_execution` asks Keras to take several steps before it reports back.

# %%
model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
try:
    model.compile(loss="mse", steps_per_execution=2)
    model.fit(np.ones((8, 3)), np.ones(8), batch_size=2, verbose=0)
    several = "works"
except ValueError:
    several = "refused"

# %% tags=["remove-cell"]
notebook.numbers(several_steps=several)
assert (several == "refused") == (backend == "torch")

# %% [markdown]
# It works on TensorFlow and JAX and is refused on PyTorch. The course's
# `descent.train` takes thousands of full-batch steps in one go on all three.
#
# ## What to do about it
#
# - Compare two backends with a stated tolerance, never with `==`.
# - Draw random numbers with NumPy.
# - Start no weight at a kink.
# - Where digits matter, use `@`, `ops.einsum` and `ops.sum`.
# - Test your own code on all three; nothing above raises an error by itself,
#   but for the reading, the writing in place and the several steps.
#
# ## Sources
#
# - D. Goldberg, *What Every Computer Scientist Should Know About Floating-Point
#   Arithmetic*, ACM Computing Surveys 23, 1991, doi:10.1145/103162.103163.
# - A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008,
#   chapter 14, doi:10.1137/1.9780898717761.
