"""Full-batch gradient descent as one compiled loop.

`fit` pays for callbacks, logs and data loading at every epoch: welcome in a long
training, but up to 45 ms an epoch, which is the whole cost when an epoch is one
step on five points. Here all the steps run inside the backend:

    JAX         `jax.lax.scan` under `jax.jit`
    TensorFlow  `tf.while_loop` in a `tf.function` compiled by XLA
    PyTorch     the step traced once into a graph; Python only repeats the graph

Models of one shape share a loop: it is compiled for the first of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from course.autodiff import value_and_grad
from course.training.loops import compiled, optimizer_update
from course.training.sharing import exchanged
from course.training.signature import signature


class History(NamedTuple):
    """The whole descent; index 0 is the start, index t is after t steps.

    Attributes:
        costs: shape (steps + 1,), the cost at the weights of the same index.
        weights: one array per weight, each of shape (steps + 1, *shape of the weight).

    Example:
        >>> history = minimise(lambda w: w[0] ** 2, [np.array(2.0)], 0.25, steps=2)
        >>> history.costs.tolist(), history.weights[0].tolist()
        ([4.0, 1.0, 0.25], [2.0, 1.0, 0.5])
    """

    costs: NDArray
    weights: list[NDArray]


def minimise(
    cost: Callable, weights: Sequence[ArrayLike], learning_rate: float, steps: int
) -> History:
    """Plain gradient descent on a function: w <- w - learning_rate * dcost/dw.

    Args:
        cost: `cost(weights) -> scalar`, written with `keras.ops` or plain operators.
        weights: list of NumPy arrays, the starting point; their dtypes are kept.
        learning_rate: float.
        steps: int, at least 1.

    Returns:
        `History`, NumPy arrays.

    Example:
        >>> import numpy as np
        >>> history = minimise(lambda w: (w[0] - 3) ** 2, [np.array(0.0)], 0.25, steps=3)
        >>> history.weights[0].tolist()
        [0.0, 1.5, 2.25, 2.625]
    """
    _require_steps(steps)
    learning_rate = float(learning_rate)  # a NumPy number would change the weights' dtype
    gradient = value_and_grad(cost)

    def step(state):
        (weights,) = state
        value, g = gradient(weights)
        return ([w - learning_rate * g_w for w, g_w in zip(weights, g)],), value

    weights = [ops.convert_to_tensor(w) for w in weights]
    run = compiled(step, lambda state: cost(*state), (weights,), steps)
    return _history(run((weights,)))[1]


def train(model: keras.Model, X: ArrayLike, y: ArrayLike, steps: int) -> History:
    """Train a compiled Keras model for `steps` full-batch steps of its own optimizer.

    The model's loss and penalties, the optimizer's momentum and its learning rate
    schedule all count, as in `model.fit(X, y, batch_size=n, epochs=steps, shuffle=False)`.
    Not for layers that draw random numbers (dropout): the compiled step would draw
    the same ones every time.

    Args:
        model: a built and compiled `keras.Model`, one input, one output.
        X: inputs, shape (n, ...); every step sees all n rows.
        y: targets, shape (n, ...).
        steps: int, at least 1.

    Returns:
        `History` of `model.trainable_variables`, NumPy arrays. The model and its
        optimizer are left as after `fit`, so training can go on.

    Example:
        >>> dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = keras.Sequential([keras.Input((1,)), dense])
        >>> model.compile(keras.optimizers.SGD(0.0625), loss="mse")
        >>> history = train(model, np.array([[2.0]]), np.array([[6.0]]), steps=2)
        >>> history.weights[0].ravel().tolist(), history.costs.tolist()
        ([0.0, 1.5, 2.25], [36.0, 9.0, 2.25])
    """
    _require_steps(steps)
    if getattr(model, "optimizer", None) is None:
        raise ValueError("the model has no optimizer and no loss yet: call model.compile(...)")
    model.optimizer.build(model.trainable_variables)
    X, y = (ops.convert_to_tensor(a, dtype=model.compute_dtype) for a in (X, y))
    first, run = _loop(model, X, y, steps)
    with exchanged(first, model):
        start = (*_state(first), [X, y])
        (*end, _), history = _history(run(start))
        for variables, values in zip(_variables(first), end):
            for variable, value in zip(variables, values):
                variable.assign(value)
    model.optimizer.finalize_variable_values(model.trainable_variables)  # as `fit` does
    return history


MAX_LOOPS = 16  # that are kept, with the model that each was compiled for
_loops: OrderedDict = OrderedDict()


def _loop(model, X, y, steps):
    """The compiled loop for models of this shape, and the model that it was compiled for."""
    about = signature(model)
    key = (about, tuple(X.shape), tuple(y.shape), steps)
    if about is not None and key in _loops and signature(_loops[key][0]) == about:
        _loops.move_to_end(key)
        return _loops[key]
    found = model, _compile_training(model, X, y, steps)
    if about is not None:
        _loops[key] = found
        while len(_loops) > MAX_LOOPS:
            _loops.popitem(last=False)
    return found


def _variables(model):
    """What a step changes: weights, other variables, the optimizer's state.

    TensorFlow's optimizers keep their state (step count, momentum) in place.
    """
    in_place = keras.backend.backend() == "tensorflow"
    state = [] if in_place else model.optimizer.variables
    return model.trainable_variables, model.non_trainable_variables, state


def _state(model):
    return tuple([ops.convert_to_tensor(v.value) for v in group] for group in _variables(model))


def _compile_training(model, X, y, steps):
    weights_of, others_of, _ = _variables(model)

    def cost(weights, others, X, y):
        now = [*zip(weights_of, weights), *zip(others_of, others)]
        with keras.StatelessScope(state_mapping=now) as scope:
            value = model.compute_loss(X, y, model(X, training=True))
        return value, [scope.get_current_value(v) for v in others_of]

    gradient = value_and_grad(cost, has_aux=True)

    def step(state):
        weights, others, optimizer, (X, y) = state
        (value, others), g = gradient(weights, others, X, y)
        weights, optimizer = optimizer_update(model, weights, optimizer, g)
        return (weights, others, optimizer, [X, y]), value

    def last(state):
        weights, others, _, (X, y) = state
        return cost(weights, others, X, y)[0]

    return compiled(step, last, (*_state(model), [X, y]), steps)


def _require_steps(steps):
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")


def _history(outcome):
    """The last state, and the `History` with the last state's cost and weights at its end."""
    state, costs, path, last = outcome
    numpy = ops.convert_to_numpy
    costs = np.append(numpy(costs), numpy(last))
    path = [np.append(numpy(p), numpy(w)[None], axis=0) for p, w in zip(path, state[0])]
    return state, History(costs, path)
