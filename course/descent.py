"""Full-batch gradient descent as one compiled loop.

`fit` pays for callbacks, logs and data loading at every epoch: welcome in a long
training, but up to 45 ms an epoch, which is the whole cost when an epoch is one
step on five points. Here all the steps run inside the backend:

    JAX         `jax.lax.scan` under `jax.jit`
    TensorFlow  `tf.while_loop` in a `tf.function` compiled by XLA
    PyTorch     the step traced once into a graph; Python only repeats the graph
"""

import warnings
from typing import NamedTuple

import keras
import numpy as np
from keras import ops, tree

from course.autodiff import value_and_grad


class History(NamedTuple):
    """The whole descent; index 0 is the start, index t is after t steps.

    Attributes:
        costs: shape (steps + 1,), the cost at the weights of the same index.
        weights: one array per weight, each of shape (steps + 1, *shape of the weight).
    """

    costs: np.ndarray
    weights: list


def minimise(cost, weights, learning_rate, steps):
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
    slope = value_and_grad(cost)

    def step(state):
        (weights,) = state
        value, gradient = slope(weights)
        return ([w - learning_rate * g for w, g in zip(weights, gradient)],), value

    weights = [ops.convert_to_tensor(w) for w in weights]
    _, history = _repeat(step, lambda state: cost(*state), (weights,), steps)
    return history


def train(model, X, y, steps):
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
    """
    _require_steps(steps)
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        raise ValueError("the model has no optimizer and no loss yet: call model.compile(...)")
    optimizer.build(model.trainable_variables)
    X, y = (ops.convert_to_tensor(a, dtype=model.compute_dtype) for a in (X, y))
    backend = keras.backend.backend()
    # TensorFlow's optimizers keep their memory (step count, momentum) in place.
    memory = [] if backend == "tensorflow" else optimizer.variables
    variables = (model.trainable_variables, model.non_trainable_variables, memory)

    def cost(weights, others):
        now = [*zip(variables[0], weights), *zip(variables[1], others)]
        with keras.StatelessScope(state_mapping=now) as scope:
            value = model.compute_loss(X, y, model(X, training=True))
        return value, [scope.get_current_value(v) for v in variables[1]]

    slope = value_and_grad(cost, has_aux=True)
    update = {"jax": _jax_update, "tensorflow": _tensorflow_update, "torch": _torch_update}[backend]

    def step(state):
        weights, others, memory = state
        (value, others), gradient = slope(weights, others)
        weights, memory = update(model, weights, memory, gradient)
        return (weights, others, memory), value

    start = tuple([ops.convert_to_tensor(v.value) for v in group] for group in variables)
    end, history = _repeat(step, lambda state: cost(*state[:2])[0], start, steps)
    for group, values in zip(variables, end):
        for variable, value in zip(group, values):
            variable.assign(value)
    optimizer.finalize_variable_values(model.trainable_variables)  # as `fit` does
    return history


def _require_steps(steps):
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")


def _repeat(step, cost, state, steps):
    """Run `state, cost = step(state)` `steps` times, recording the cost and state[0].

    Args:
        cost: `cost(state)`, what the step would report, without its update.

    Returns:
        The last state and the `History`, the last state's cost included.
    """
    loops = {"jax": _jax_loop, "tensorflow": _tensorflow_loop, "torch": _torch_loop}
    state, costs, path, last = loops[keras.backend.backend()](step, cost, state, steps)
    numpy = ops.convert_to_numpy
    costs = np.append(numpy(costs), numpy(last))
    path = [np.append(numpy(p), numpy(w)[None], axis=0) for p, w in zip(path, state[0])]
    return state, History(costs, path)


def _jax_loop(step, cost, state, steps):
    import jax

    def record(state, _):
        new, cost = step(state)
        return new, (cost, state[0])

    @jax.jit
    def run(state):
        state, (costs, path) = jax.lax.scan(record, state, length=steps)
        return state, costs, path, cost(state)

    return run(state)


def _jax_update(model, weights, memory, gradient):
    weights, memory = model.optimizer.stateless_apply(memory, gradient, weights)
    return list(weights), list(memory)


def _tensorflow_loop(step, cost, state, steps):
    import tensorflow as tf

    @tf.function(jit_compile=True, autograph=False)
    def run(state):
        costs = tf.TensorArray(state[0][0].dtype, steps, element_shape=())
        path = [tf.TensorArray(w.dtype, steps, element_shape=w.shape) for w in state[0]]

        def body(t, state, costs, path):
            path = [array.write(t, w) for array, w in zip(path, state[0])]
            state, value = step(state)
            return t + 1, state, costs.write(t, value), path

        _, state, costs, path = tf.while_loop(
            lambda t, *_: t < steps, body, (tf.constant(0), state, costs, path)
        )
        return state, costs.stack(), [array.stack() for array in path], cost(state)

    # Called as a concrete function: for TensorFlow a new function per descent is a loop gone wrong.
    return run.get_concrete_function(state)(state)


def _tensorflow_update(model, weights, memory, gradient):
    model.optimizer.apply(gradient, model.trainable_variables)
    return [ops.convert_to_tensor(v.value) for v in model.trainable_variables], memory


def _torch_loop(step, cost, state, steps):
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    def flat_step(*leaves):
        new, value = step(tree.pack_sequence_as(state, leaves))
        return (*tree.flatten(new), value)

    leaves = tuple(leaf.detach().clone() for leaf in tree.flatten(state))
    graph = make_fx(flat_step)(*leaves)  # forward and backward pass and update, as plain tensor ops
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # TorchScript is being retired; here it is 3.5 times faster
        graph = torch.jit.freeze(torch.jit.trace(graph.eval(), leaves, check_trace=False))
        costs, path = [], [[] for _ in state[0]]
        for _ in range(steps):
            for values, weight in zip(path, leaves):
                values.append(weight)
            *leaves, value = graph(*leaves)
            costs.append(value)
        state = tree.pack_sequence_as(state, leaves)
        return state, torch.stack(costs), [torch.stack(values) for values in path], cost(state)


def _torch_update(model, weights, memory, gradient):
    import torch

    optimizer = model.optimizer

    def one_by_one(gradients, variables, learning_rate):
        for g, v in zip(gradients, variables):
            optimizer.update_step(g, v, learning_rate)

    # Keras's fused PyTorch update reads the learning rate out as a Python number, which
    # would freeze a schedule in the graph; the per-variable update keeps it a tensor.
    fused = getattr(optimizer, "_parallel_update_step", None)  # only Keras's own optimizers have it
    optimizer._parallel_update_step = one_by_one
    try:
        with torch.no_grad():
            memory, weights = [m.clone() for m in memory], [w.clone() for w in weights]
            weights, memory = optimizer.stateless_apply(memory, gradient, weights)
    finally:
        optimizer._parallel_update_step = fused
    return list(weights), list(memory)
