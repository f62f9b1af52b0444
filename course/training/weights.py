"""First weights from NumPy: a seed of Keras's own gives others on each backend."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

STDDEV = 0.05  # of the dense layers' first weights: what Keras calls "normal"


def draw_weights(shapes: Iterable[tuple[int, ...]], seed: int) -> list[NDArray]:
    """The first weights of a network.

    Filters are uniform between ±√(6/(ins + outs)) (Glorot), ins = k² c and outs = k² f;
    the dense layers' weights normal with the deviation `STDDEV`; every intercept is 0.

    Args:
        shapes: of the arrays, in the order of `model.weights`: (k, k, c, f) for f filters,
            (ins, outs) for a dense layer, (outs,) for intercepts.
        seed: of NumPy's generator.

    Returns:
        A list of float64 arrays of these shapes.

    Example:
        >>> kernel, intercepts = draw_weights([(3, 2), (2,)], seed=0)
        >>> kernel.round(3).tolist(), intercepts.tolist()
        ([[0.006, -0.007], [0.032, 0.005], [-0.027, 0.018]], [0.0, 0.0])
    """
    rng = np.random.default_rng(seed)
    weights = []
    for shape in shapes:
        if len(shape) == 4:
            limit = np.sqrt(6 / (shape[0] * shape[1] * (shape[2] + shape[3])))
            weights.append(rng.uniform(-limit, limit, shape))
        else:
            weights.append(rng.normal(0, STDDEV, shape) if len(shape) == 2 else np.zeros(shape))
    return weights
