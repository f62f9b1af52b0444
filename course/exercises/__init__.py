"""The exercises' sources, and what several of them are checked with."""

import numpy as np


def numeric_gradient(f, at, step=1e-6):
    """The slope of f along each coordinate, by central differences; the shape of `at`.

    >>> numeric_gradient(lambda w: float(w[0] ** 2 + 3 * w[1]), np.array([1.0, 5.0])).round(6)
    array([2., 3.])
    """
    at = np.asarray(at, dtype="float64")
    slopes = np.empty_like(at)
    for i in np.ndindex(at.shape):
        there, here = at.copy(), at.copy()
        there[i] += step
        here[i] -= step
        slopes[i] = (f(there) - f(here)) / (2 * step)
    return slopes


def draw(shapes, seed=0):
    """Arrays of these shapes, drawn with NumPy: the same on every backend."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype("float32").astype("float64") for shape in shapes]


def outputs(model, X, seed=0):
    """What the model says of X once its weights are those of `draw`; shape (n, outputs)."""
    model.set_weights(draw([w.shape for w in model.get_weights()], seed))
    from keras import ops

    said = model(np.asarray(X, dtype="float32"), training=False)  # predict compiles for seconds
    return ops.convert_to_numpy(said).astype("float64")


def rate(model):
    """The learning rate that the model was compiled with."""
    from keras import ops

    return float(ops.convert_to_numpy(model.optimizer.learning_rate))
