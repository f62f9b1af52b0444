"""Many steps as one compiled loop, and an optimizer's step inside it, on each backend."""

import warnings

import keras
from keras import ops, tree


def compiled(step, cost, state, steps):
    """A function that repeats `state, value = step(state)`, recording the value and state[0].

    Args:
        cost: `cost(state)`, what the step would report, without its update.
        state: a tuple of lists of tensors, of the shapes and dtypes that the function will get.

    Returns:
        `run(state) -> (last state, values, path, value of the last state)`.
    """
    loops = {"jax": _jax_loop, "tensorflow": _tensorflow_loop, "torch": _torch_loop}
    return loops[keras.backend.backend()](step, cost, state, steps)


def optimizer_update(model, weights, state, gradient):
    """One step of the model's optimizer inside a compiled loop.

    Args:
        weights, state, gradient: lists of tensors: the trainable variables, the optimizer's.

    Returns:
        The new weights and the new state.
    """
    updates = {"jax": _jax_update, "tensorflow": _tensorflow_update, "torch": _torch_update}
    return updates[keras.backend.backend()](model, weights, state, gradient)


def _jax_loop(step, cost, state, steps):
    import jax

    def record(state, _):
        new, cost = step(state)
        return new, (cost, state[0])

    @jax.jit
    def run(state):
        state, (costs, path) = jax.lax.scan(record, state, length=steps)
        return state, costs, path, cost(state)

    return run


def _jax_update(model, weights, optimizer, gradient):
    weights, optimizer = model.optimizer.stateless_apply(optimizer, gradient, weights)
    return list(weights), list(optimizer)


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
    return run.get_concrete_function(state)


def _tensorflow_update(model, weights, optimizer, gradient):
    model.optimizer.apply(gradient, model.trainable_variables)
    return [ops.convert_to_tensor(v.value) for v in model.trainable_variables], optimizer


def _torch_loop(step, cost, state, steps):
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    def flat_step(*leaves):
        new, value = step(tree.pack_sequence_as(state, leaves))
        return (*tree.flatten(new), value)

    def copies(state):
        return tuple(leaf.detach().clone() for leaf in tree.flatten(state))

    leaves = copies(state)
    graph = make_fx(flat_step)(*leaves)  # forward and backward pass and update, as plain tensor ops
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # TorchScript is being retired; here it is 3.5 times faster
        graph = torch.jit.freeze(torch.jit.trace(graph.eval(), leaves, check_trace=False))

    @torch.no_grad()
    def run(state):
        leaves, costs = copies(state), []
        path: list[list] = [[] for _ in state[0]]
        for _ in range(steps):
            for values, weight in zip(path, leaves):
                values.append(weight)
            *leaves, value = graph(*leaves)
            costs.append(value)
        end = tree.pack_sequence_as(state, leaves)
        return end, torch.stack(costs), [torch.stack(values) for values in path], cost(end)

    return run


def _torch_update(model, weights, state, gradient):
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
            state, weights = [s.clone() for s in state], [w.clone() for w in weights]
            weights, state = optimizer.stateless_apply(state, gradient, weights)
    finally:
        optimizer._parallel_update_step = fused
    return list(weights), list(state)
