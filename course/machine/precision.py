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

    from course.machine import devices

    devices.exact_float32()
    config = keras.config
    before = config.floatx(), config.dtype_policy()
    config.set_floatx("float32" if dtype.startswith("mixed_") else dtype)
    config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        config.set_floatx(before[0])
        config.set_dtype_policy(before[1])
