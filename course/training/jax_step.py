"""Keras's training step on JAX: compiled once for models of one shape, and with the batch last.

On a CPU, XLA takes most of lesson 11's step for convolutions of few channels and for the
gradient of the pooling. Both become fast where the n images of a batch lie beside each other in
memory: a convolution is then one product of matrices, (f, k² c) · (k² c, h w n), and a pooling
the larger of slices. The layers are the same and so are the numbers, up to rounding; the epoch
takes 0.4 of the time (tests/bench/bench_cnn.py).
"""

import contextlib

import keras

from course.training.sharing import first_of_shape

FUNCTIONS = ("train_function", "test_function", "predict_function")


def share(model):
    """Let the model use what was compiled for the first one of its shape."""
    first = first_of_shape(model)
    if first is not model:
        for name in FUNCTIONS:
            setattr(model, name, getattr(model, name) or getattr(first, name))


@contextlib.contextmanager
def batch_last(model):
    """Within the block, the model's convolutions and poolings compute with the batch last.

    On a CPU, and where the batch is not split over several devices.
    """
    import jax

    here = jax.default_backend() == "cpu" and keras.distribution.distribution() is None
    layers = getattr(model, "layers", []) if here else []
    changed = []
    for layer in layers:
        if _is_plain_convolution(layer):
            layer.convolution_op = _convolve
            changed.append((layer, "convolution_op"))
        elif _is_plain_pooling(layer):
            layer.call = _max_pool
            changed.append((layer, "call"))
    try:
        yield
    finally:
        for layer, name in changed:
            delattr(layer, name)


def _is_plain_convolution(layer):
    return (
        type(layer) is keras.layers.Conv2D
        and (layer.data_format, layer.padding) == ("channels_last", "valid")
        and (*layer.strides, *layer.dilation_rate, layer.groups) == (1, 1, 1, 1, 1)
    )


def _is_plain_pooling(layer):
    return (
        type(layer) is keras.layers.MaxPooling2D
        and (layer.data_format, layer.padding) == ("channels_last", "valid")
        and (*layer.pool_size, *layer.strides) == (2, 2, 2, 2)
    )


def _convolve(inputs, kernel):
    """(n, h, w, c) and (k, m, c, f) → (n, h − k + 1, w − m + 1, f)."""
    import jax.numpy as jnp

    X, kernel = jnp.asarray(inputs).transpose(3, 1, 2, 0), keras.ops.convert_to_tensor(kernel)
    (k, m, c, f), (_, height, width, n) = kernel.shape, X.shape
    height, width = height - k + 1, width - m + 1
    windows = jnp.stack(
        [X[:, i : i + height, j : j + width] for i in range(k) for j in range(m)]
    )  # (k m, c, h, w, n)
    out = kernel.reshape(-1, f).T @ windows.reshape(k * m * c, -1)
    return out.reshape(f, height, width, n).transpose(3, 1, 2, 0)


def _max_pool(inputs):
    """The largest of each 2×2 square, (n, h, w, c) → (n, h/2, w/2, c)."""
    import jax.numpy as jnp

    height, width = (side // 2 * 2 for side in inputs.shape[1:3])
    X = inputs.transpose(3, 1, 2, 0)[:, :height, :width]
    X = jnp.maximum(X[:, ::2], X[:, 1::2])
    return jnp.maximum(X[:, :, ::2], X[:, :, 1::2]).transpose(3, 1, 2, 0)
