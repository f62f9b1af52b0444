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
# python -m course read autodiff, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Automatic differentiation: what does backward() do?
#
# Gradient descent needs the slope of the cost. In [lesson 2](lesson02) we derived
# it with a pencil. A program in Keras, PyTorch or MXNet contains no such formula,
# and yet it takes the same steps. It says `attach_grad`, `record`, `backward` or
# `grad` instead. What happens behind these words? You need lesson 2 and the chain
# rule. At the end you will have written a `backward` of your own.
#
# ## The idea: values forward, derivatives backward
#
# Take one customer of lesson 2, who bought $x = 3$ kilograms and paid $y = 6$. The
# weight is $w = 1$, and the cost is the squared error:
#
# $$
# J = (w x - y)^2 .
# $$
#
# The computer does not see this formula at once. It computes one small step after
# another: the prediction $w x = 3$, then the error $3 - 6 = -3$, then the cost
# $(-3)^2 = 9$. Drawn as boxes and arrows, these steps are the **computation
# graph**. The black numbers are the values. They go forward, from left to right.

# %% tags=["hide-input"]
import numpy as np

from course import notebook
from course.figures import diagrams

notebook.figure(
    lambda: diagrams.graph(
        {
            "w": (0, 0.55, "$w = 1$"),
            "x": (0, -0.55, "$x = 3$"),
            "times": (1, 0, "×"),
            "y": (1, -1.1, "$y = 6$"),
            "minus": (2, -0.55, "−"),
            "square": (3, -0.55, r"$(\;\;)^2$"),
            "J": (4, -0.55, "$J = 9$"),
        },
        [
            ("w", "times", "1", "−18"),
            ("x", "times", "3", "−6"),
            ("times", "minus", "3", "−6"),
            ("y", "minus", "6", "+6"),
            ("minus", "square", "−3", "−6"),
            ("square", "J", "9", "1"),
        ],
    ),
    alt="The computation graph of (w x − y)². Black values go forward: 1 times"
    " 3 is 3, minus 6 is −3, squared is 9. Red derivatives go backward from J:"
    " 1, −6, −6 and, at w, −18.",
)

# %% [markdown]
# The red numbers are derivatives. Each says how fast $J$ changes when the black
# number at the same arrow changes. They are found backward, from right to left:
#
# 1. $J$ changes as fast as itself: the derivative is $1$.
# 2. The square of the error $e = -3$ has the derivative $2e = -6$.
# 3. In $e = w x - y$, one more in $w x$ is one more in $e$. The factor is $1$,
#    and the derivative stays $-6$. For $y$ the factor is $-1$, so its
#    derivative is $+6$.
# 4. In $w x$, one more in $w$ is $x = 3$ more in the product. The factor is $3$,
#    and we arrive at $-6 \cdot 3 = -18$.
#
# Each box knows only its own little derivative. The chain rule says: multiply on
# the way back. The pencil agrees:
#
# $$
# \frac{\partial J}{\partial w} = 2\,(w x - y)\,x = 2 \cdot (-3) \cdot 3 = -18 .
# $$
#
# The sign $\partial$ stands for a **partial derivative**: only $w$ changes, and $x$
# and $y$ are held fixed. Working all this out by program is **automatic
# differentiation**.
#
# Why backward? One walk gives the derivatives for all inputs at once: $w$, $x$ and
# $y$ have theirs. A network may have a million weights, and one walk is still enough.
#
# ## A tape by hand
#
# To walk back, the program must have written down what it computed. This list is
# called the **tape**, and writing it is called **recording**. A `Value` below is a
# number that notes which earlier values it was computed from. With each it keeps
# the derivative of that one step.

# %%
tape = []  # every value, in the order of their computation


class Value:
    def __init__(self, number, sources=()):
        self.number = number
        self.sources = sources  # pairs: an earlier value, the derivative
        self.grad = 0.0
        tape.append(self)

    def __add__(self, other):
        return Value(self.number + other.number, [(self, 1), (other, 1)])

    def __sub__(self, other):
        return Value(self.number - other.number, [(self, 1), (other, -1)])

    def __mul__(self, other):
        return Value(
            self.number * other.number,
            [(self, other.number), (other, self.number)],
        )

    def backward(self):
        self.grad = 1.0
        for value in reversed(tape):
            for source, derivative in value.sources:
                source.grad += value.grad * derivative  # the chain rule
        tape.clear()


# %% [markdown]
# Python calls `__mul__` where the code says `*`. So an ordinary formula records
# itself, and `backward` plays the tape from its end to its start:

# %%
w, x, y = Value(1.0), Value(3.0), Value(6.0)

error = w * x - y
J = error * error
J.backward()

print("error:", error.number, " J:", J.number)
print("dJ/dw:", w.grad, " dJ/dx:", x.grad, " dJ/dy:", y.grad)

# %% tags=["remove-cell"]
assert (error.number, J.number) == (-3, 9)
assert (w.grad, x.grad, y.grad, error.grad) == (-18, -6, 6, -6)
notebook.numbers(slope=w.grad)

# %% [markdown]
# The derivative with respect to $w$ is {number}`slope:.0f`, as in the picture. Look
# at the `+=` in `backward`. The error goes into `error * error` twice, and each way
# brings $-3$. Where several ways lead back to a value, their derivatives add up.
#
# Is it right for other numbers too? We compare `backward` with the formula, and with
# the slope between two nearby points of the cost, a **finite difference**:


# %%
def cost(w, x, y):
    return (w * x - y) ** 2


rng = np.random.default_rng(0)
h = 1e-4
for a, b, c in rng.normal(size=(3, 3)):  # three times a random w, x and y
    w, x, y = Value(a), Value(b), Value(c)
    error = w * x - y
    (error * error).backward()
    formula = 2 * (a * b - c) * b
    difference = (cost(a + h, b, c) - cost(a - h, b, c)) / (2 * h)
    print(f"{w.grad:.8f}  {formula:.8f}  {difference:.8f}")
    assert np.allclose(w.grad, [formula, difference], rtol=1e-9, atol=1e-9)

# %% [markdown]
# All three agree. But the finite difference costs two more computations for each
# weight, and its $h$ must be chosen well. `backward` needs neither.
#
# ## Why the gradient must be cleared
#
# What happens if we do the same computation twice, with the same $w$?

# %%
w = Value(1.0)
for _ in range(2):
    error = w * Value(3.0) - Value(6.0)
    (error * error).backward()
    print(w.grad)

# %% tags=["remove-cell"]
assert w.grad == -36
notebook.numbers(added=w.grad)

# %% [markdown]
# The slope at $w = 1$ is still $-18$, but `w.grad` says {number}`added:.0f`: the
# second result was *added* to the first, by that same `+=`. PyTorch adds up as well.
# This is useful where the costs of several examples are summed, because the
# derivative of a sum is the sum of the derivatives. Here are the three customers of
# lesson 2:

# %%
w.grad = 0.0  # cleared
for x, y in [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]:
    error = w * Value(x) - Value(y)
    (error * error).backward()
print(w.grad, w.grad / 3)

# %% tags=["remove-cell"]
assert w.grad == -28
notebook.numbers(total=w.grad, mean=w.grad / 3)

# %% [markdown]
# The sum is {number}`total:.0f`. Divided by three it is {number}`mean:.2f`, the
# slope of lesson 2. But gradient descent needs the slope at the *present*
# weight. If you forget to clear, every step follows the sum of all the slopes
# so far:


# %%
def descend(clear, steps=40, learning_rate=0.02):
    w, path = Value(1.0), [1.0]
    for _ in range(steps):
        if clear:
            w.grad = 0.0
        error = w * Value(3.0) - Value(6.0)
        (error * error).backward()
        w.number -= learning_rate * w.grad
        path.append(w.number)
    return path


right, wrong = descend(clear=True), descend(clear=False)
print("step  cleared  not cleared")
for step in (0, 1, 2, 5, 10, 15, 20, 40):
    print(f"{step:4}  {right[step]:7.3f}  {wrong[step]:11.3f}")

# %% tags=["remove-cell"]
assert abs(right[-1] - 2) < 1e-6
assert max(wrong[-12:]) > 2.9
assert min(wrong[-12:]) < 1.1
notebook.numbers(low=min(wrong), high=max(wrong))

# %% [markdown]
# Cleared, $w$ arrives at 2. Not cleared, it swings between {number}`low:.1f` and
# {number}`high:.1f` and never comes to rest. No error message appears.
#
# ## The same in the libraries
#
# All libraries do these three things: they mark the numbers whose derivative is
# wanted, they record, and they walk back. Only the words differ. The code below is
# for reading: each part needs its own library. `x` is 3 and `y` is 6.
#
# ### MXNet, and the book *Dive into Deep Learning*
#
# ```python
# from mxnet import autograd, nd
# w = nd.array([1.0])
# w.attach_grad()
# with autograd.record():
#     J = (w * x - y) ** 2
# J.backward()
# print(w.grad)  # [-18.]
# ```
#
# - `attach_grad` marks `w`: it makes room for its derivative, `w.grad`.
# - Inside `autograd.record()` every operation is recorded, outside none is.
#   Predicting needs no derivatives, and without a tape it takes less memory.
# - `backward` walks back. Here the new derivative *overwrites* the old one, unless
#   you ask for a sum with `attach_grad(grad_req="add")`.
#
# MXNet is no longer developed, but many courses still use its words. The book has
# a PyTorch edition too.
#
# ### PyTorch
#
# ```python
# import torch
# w = torch.tensor(1.0, requires_grad=True)
# J = (w * x - y) ** 2
# J.backward()
# print(w.grad)  # tensor(-18.)
# w.grad = None
# ```
#
# `requires_grad=True` marks `w`. From then on PyTorch records whatever is computed
# from it, except inside `torch.no_grad()`. `backward` adds to `w.grad`, so the last
# line clears it. In a training loop, `optimizer.zero_grad()` does so for all weights.
#
# ### TensorFlow
#
# ```python
# import tensorflow as tf
# w = tf.Variable(1.0)
# with tf.GradientTape() as tape:
#     J = (w * x - y) ** 2
# print(tape.gradient(J, w))  # tf.Tensor(-18.0, ...)
# ```
#
# The tape is an object that you can see. A `Variable` is marked from the start. The
# derivative is returned and not stored, so there is nothing to clear.
#
# ### JAX
#
# ```python
# import jax
# slope = jax.grad(lambda w: (w * x - y) ** 2)
# print(slope(1.0))  # -18.0
# ```
#
# `grad` takes a function and returns a new function, its derivative with respect to
# the first argument. JAX records while it runs the function, and shows you no tape.
#
# ### Keras
#
# Keras has no word of its own for it. `model.fit` uses that of its **backend**,
# the library that does the computing for it: the tape of TensorFlow, the
# `backward` of PyTorch or the `grad` of JAX. `fit` also clears. The course
# needs a gradient that works on all three, so it has a small function for it,
# in `course/autodiff.py`. It returns the cost and the derivative:

# %%
from course.autodiff import value_and_grad

J, slope = value_and_grad(lambda w: (w * 3 - 6) ** 2)(np.array(1.0))
print(float(J), float(slope))

# %% tags=["remove-cell"]
assert (float(J), float(slope)) == (9, -18)
notebook.numbers(backend_slope=float(slope))

# %% [markdown]
# The library that is installed here also finds {number}`backend_slope:.0f`.

# %% tags=["hide-input"]
notebook.table(
    [
        ["by hand", "always", "J.backward()", "is added to"],
        ["MXNet", "in autograd.record()", "J.backward()", "is overwritten"],
        ["PyTorch", "once w is marked", "J.backward()", "is added to"],
        [
            "TensorFlow",
            "in GradientTape()",
            "tape.gradient(J, w)",
            "is not kept",
        ],
        ["JAX", "in grad(function)", "slope(w)", "is not kept"],
    ],
    ["", "records", "walks back", "the earlier gradient"],
    "The same three steps in five libraries",
)

# %% [markdown]
# ## Summary
#
# - A cost is computed in small steps. The record of these steps is the computation
#   graph.
# - `backward` walks through it from the cost to the inputs and multiplies the
#   derivatives of the steps: the chain rule. Where several ways meet, it adds.
# - One walk gives the derivatives with respect to all weights. They are exact, up
#   to rounding.
# - In PyTorch gradients add up from one `backward` to the next. Clear them before
#   each step.
#
# [Lesson 7](lesson07) does the same walk with whole layers. There it is called
# **backpropagation**.
#
# ## What to try next
#
# - Predict `w.grad` at $w = 3$ with a pencil. Then let `backward` compute it.
# - Add an intercept: `error = w * x + b - y`. What is `b.grad`? Why does it not
#   depend on $x$?
# - Give `Value` a method `exp`. Its derivative is its own value. Check it against a
#   finite difference.
#
# ## Sources
#
# - A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008,
#   chapter 3.
# - A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic
#   Differentiation in Machine Learning: a Survey", *Journal of Machine Learning
#   Research* 18, 2018.
# - A. Karpathy, *micrograd*, 2020: an engine like the one above, with networks.
# - A. Zhang, Z. C. Lipton, M. Li, A. J. Smola, *Dive into Deep Learning*, section
#   "Automatic Differentiation".
