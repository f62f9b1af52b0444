"""How close two numbers must be, per backend and dtype, and why: the one table.

The figures are relative to the size of the numbers compared. A check that needs
another figure states it, with its reason, where the check is made.
"""

# In NumPy's float64: a few thousand roundings of 1.1e-16 each.
NUMPY = 1e-12

# What NumPy computed must be the same whichever backend stands beside it.
AGREEMENT = 1e-9

# A step smaller than half a rounding is lost, so descent in float32 stops short of the minimum
# by about 6e-8 of the weight divided by ηλ of its flattest direction; lesson 3 has ηλ = 0.016.
FLAT = "roundings of 6e-8, magnified where the cost is flat"

# A Keras model against the maths by hand, from the same weights.
KERAS = {
    # (backend, dtype): (tolerance, reason)
    ("tensorflow", "float64"): (1e-12, "float64 throughout"),
    ("jax", "float64"): (1e-12, "float64 throughout, with jax_enable_x64"),
    ("torch", "float64"): (2e-7, "keras.ops.matmul computes float64 input in float32"),
    ("tensorflow", "float32"): (4e-6, FLAT),
    ("jax", "float32"): (4e-6, FLAT),
    ("torch", "float32"): (4e-6, FLAT),
}

# Trained with a loss of Keras's own ("mse", any "sum_over_batch_size").
KERAS_LOSS = {
    **KERAS,
    ("jax", "float64"): (2e-7, "Keras averages its losses in float32 on JAX"),
    ("torch", "float64"): (2e-7, "Keras averages its losses, and multiplies, in float32 on torch"),
}


def keras(dtype, own_loss=False, backend=None):
    """How close Keras must be to NumPy, and why, on the running backend or the one named.

    Args:
        dtype: of the model, "float32" or "float64".
        own_loss: whether the model was trained with a loss of Keras's own.

    Returns:
        `(tolerance, reason)`.
    """
    if backend is None:
        from keras.backend import backend as running

        backend = running()
    return (KERAS_LOSS if own_loss else KERAS)[backend, dtype]
