"""How far two numbers may differ, per backend and dtype, and why: the one table.

The figures are relative to the size of the numbers compared. A check that needs
another figure states it, with its reason, where the check is made.
"""

# By hand, in NumPy's float64: a few thousand roundings of 1.1e-16 each.
BY_HAND = 1e-12

# A step smaller than half a rounding is lost, so descent in float32 stops short of the bottom
# by about 6e-8 of the weight divided by ηλ of its shallowest direction; lesson 3 has ηλ = 0.016.
VALLEY = "roundings of 6e-8, magnified where the valley is shallow"

# The same model in Keras, from the same weights, against the maths by hand.
TWIN = {
    # (backend, dtype): (tolerance, reason)
    ("tensorflow", "float64"): (1e-12, "float64 throughout"),
    ("jax", "float64"): (1e-12, "float64 throughout, with jax_enable_x64"),
    ("torch", "float64"): (2e-7, "keras.ops.matmul computes float64 input in float32"),
    ("tensorflow", "float32"): (4e-6, VALLEY),
    ("jax", "float32"): (4e-6, VALLEY),
    ("torch", "float32"): (4e-6, VALLEY),
}

# What NumPy computed must be the same whichever backend stands beside it.
AGREEMENT = 1e-9


def twin(dtype, backend=None):
    """The tolerance of a Keras twin on the running backend, or on the one named."""
    if backend is None:
        import keras

        backend = keras.backend.backend()
    return TWIN[backend, dtype][0]
