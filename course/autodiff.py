"""Automatic differentiation: the one place that knows how each backend differentiates.

JAX         transforms the function into another function that returns its gradient
TensorFlow  records what the function does on a tape, then plays the tape backwards
PyTorch     lets every tensor remember what made it, then walks back from the cost
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops, tree
from numpy.typing import ArrayLike, NDArray


def value_and_grad(function: Callable, has_aux: bool = False) -> Callable:
    """Return a function that computes `function` and its gradient.

    The gradient is taken with respect to the first argument, which may be one
    array or a list, tuple or dict of arrays; further arguments are held fixed.

    Args:
        function: `function(params, *args) -> cost`, a scalar, written with
            `keras.ops` or with plain `+ - * / **`, which work on every backend. On JAX it
            is compiled, so `args` are arrays or numbers.
        has_aux: True when `function` returns `(cost, aux)`; `aux` is handed
            through and not differentiated.

    Returns:
        A function `(params, *args) -> (cost, gradient)`, or
        `((cost, aux), gradient)`. The gradient has the structure, the shapes and
        the dtypes of `params`; where the cost does not depend on an entry, it is zero.

    Raises:
        ValueError: the cost is not a scalar, or `params` are whole numbers.

    Example:
        >>> import numpy as np
        >>> value, gradient = value_and_grad(lambda w: w**2)(np.array(3.0))
        >>> float(value), float(gradient)
        (9.0, 6.0)

    Reference:
        A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., SIAM 2008,
        chapter 3, doi:10.1137/1.9780898717761.
    """

    def checked(params, *args):
        out = function(params, *args)
        cost, aux = out if has_aux else (out, None)
        cost = ops.convert_to_tensor(cost)
        if len(cost.shape) != 0:
            raise ValueError(
                "a gradient belongs to a cost that is one number, but the function"
                f" returned an array of shape {tuple(cost.shape)}; sum it or average it"
            )
        return cost, aux

    differentiate = _BACKENDS[keras.backend.backend()](checked)

    def wrapped(params, *args):
        params = tree.map_structure(_float_tensor, params)
        cost, aux, gradient = differentiate(params, *args)
        return ((cost, aux) if has_aux else cost), gradient

    return wrapped


def model_gradient(
    model: keras.Model, weights: Sequence[ArrayLike], X: ArrayLike, y: ArrayLike
) -> list[NDArray]:
    """The gradient of a compiled Keras model's loss, penalties included, at given weights.

    Args:
        weights: one array for each of `model.trainable_variables`; the model keeps its own.
        X, y: a batch, as in `model.train_on_batch(X, y)`.

    Returns:
        One NumPy array for each of the weights.

    Example:
        >>> dense = keras.layers.Dense(1, use_bias=False)
        >>> model = keras.Sequential([keras.Input((1,)), dense])
        >>> model.compile(loss="mse")
        >>> X, y = np.array([[1.0], [2.0]]), np.array([[2.0], [4.0]])
        >>> (gradient,) = model_gradient(model, [np.array([[1.0]])], X, y)
        >>> gradient.tolist()  # 2 mean(x (x·w − y))
        [[-5.0]]
    """
    X, y = (ops.convert_to_tensor(v, dtype=model.compute_dtype) for v in (X, y))

    def cost(weights):
        with keras.StatelessScope(state_mapping=[*zip(model.trainable_variables, weights)]):
            return model.compute_loss(X, y, model(X, training=True))

    weights = [ops.convert_to_tensor(w, dtype=model.variable_dtype) for w in weights]
    return [ops.convert_to_numpy(g) for g in value_and_grad(cost)(weights)[1]]


def gradient_check(
    J: Callable,
    weights: Sequence[ArrayLike],
    gradients: Sequence[NDArray],
    names: Sequence[str] = ("W1", "W2"),
    h: float = 1e-3,
) -> tuple[float, str]:
    """The largest relative error of a gradient, and the weight that it belongs to.

    (8 (J(w + h) − J(w − h)) − (J(w + 2h) − J(w − 2h))) / (12h) is wrong by a term in h⁴ only.
    A relu must have no kink within 2h.

    Args:
        J: `J(*weights) -> number`.
        weights, gradients: lists of arrays, of equal shapes.
        names: of the weights.

    Returns:
        The largest relative error, and the name of its weight, such as "W1[2, 3]".

    Raises:
        ValueError: a gradient has not the shape of its weights.

    Example:
        >>> J = lambda w: np.sum(w**2)
        >>> gradient_check(J, [np.array([1, 2])], [np.array([2, 5])], ["w"])[1]
        'w[1]'
    """
    at = [np.array(W, dtype="float64") for W in weights]
    errors = {}
    for name, W, gradient in zip(names, at, gradients, strict=True):
        if np.shape(gradient) != W.shape:
            raise ValueError(f"{name} has shape {W.shape}, its gradient {np.shape(gradient)}")
        for index, w in np.ndenumerate(W.copy()):
            costs = {}
            for k in (-2, -1, 1, 2):
                W[index] = w + k * h
                costs[k] = J(*at)
            W[index] = w
            difference = (8 * (costs[1] - costs[-1]) - (costs[2] - costs[-2])) / (12 * h)
            # Rounding leaves about 1e-13 in it, so that a derivative below 1e-5 counts as 1e-5.
            size = max(abs(difference), abs(gradient[index]), 1e-5)
            errors[f"{name}{list(index)}"] = abs(gradient[index] - difference) / size
    worst = max(errors, key=lambda name: np.nan_to_num(errors[name], nan=np.inf))
    return float(errors[worst]), worst


def _float_tensor(values):
    tensor = ops.convert_to_tensor(values)
    if not keras.backend.is_float_dtype(tensor.dtype):
        raise ValueError(
            f"a gradient is taken with respect to floating-point numbers, not"
            f" {keras.backend.standardize_dtype(tensor.dtype)}; write 3.0 for 3"
        )
    return tensor


def _jax(function):
    import jax

    compiled = jax.jit(jax.value_and_grad(function, has_aux=True))

    def differentiate(params, *args):
        (cost, aux), gradient = compiled(params, *args)
        return cost, aux, gradient

    return differentiate


def _tensorflow(function):
    import tensorflow as tf

    def differentiate(params, *args):
        with tf.GradientTape() as tape:
            tape.watch(tree.flatten(params))
            cost, aux = function(params, *args)
        zero = tf.UnconnectedGradients.ZERO
        return cost, aux, tape.gradient(cost, params, unconnected_gradients=zero)

    return differentiate


def _torch(function):
    import torch

    def differentiate(params, *args):
        with torch.enable_grad():
            params = tree.map_structure(lambda p: p.detach().requires_grad_(True), params)
            cost, aux = function(params, *args)
            leaves = tree.flatten(params)
            gradient = torch.autograd.grad(cost, leaves, allow_unused=True, materialize_grads=True)
        # Only the numbers go on: nothing outside should walk back through this cost.
        aux = tree.map_structure(lambda a: a.detach() if torch.is_tensor(a) else a, aux)
        return cost.detach(), aux, tree.pack_sequence_as(params, list(gradient))

    return differentiate


_BACKENDS = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}
