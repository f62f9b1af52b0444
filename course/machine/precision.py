"""In which floating-point type Keras computes."""

import contextlib


@contextlib.contextmanager
def precision(dtype):
    """Within the block, Keras's new layers, losses and optimizers compute in `dtype`.

    Layers follow Keras's dtype policy, the optimizer's learning rate follows its
    `floatx`: a learning rate of 0.027 kept in float32 is 0.0270000007, which the
    checks would see.

    Args:
        dtype: "float64", "float32", or "mixed_bfloat16", "mixed_float16": of these only the
            layers' arithmetic.
    """
    import keras

    exact_float32()
    config = keras.config
    before = config.floatx(), config.dtype_policy()
    config.set_floatx("float32" if dtype.startswith("mixed_") else dtype)
    config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        config.set_floatx(before[0])
        config.set_dtype_policy(before[1])


def exact_float32():
    """Compute float32 products in float32 on a GPU too; its default, TF32, has 10 bits of 23."""
    from keras.backend import backend as running

    backend = running()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
    elif backend == "jax":
        import jax

        if jax.default_backend() != "cpu":
            jax.config.update("jax_default_matmul_precision", "highest")
    else:
        import torch

        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
