"""A gradient held against differences of the cost: whose formula is wrong, and where."""

import numpy as np


def gradient_check(J, weights, gradients, names=("W1", "W2"), h=1e-3):
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

    >>> gradient_check(lambda w: np.sum(w**2), [np.array([1, 2])], [np.array([2, 5])], ["w"])[1]
    'w[1]'
    """
    weights = [np.array(W, dtype="float64") for W in weights]
    errors = {}
    for name, W, gradient in zip(names, weights, gradients, strict=True):
        if np.shape(gradient) != W.shape:
            raise ValueError(f"{name} has shape {W.shape}, its gradient {np.shape(gradient)}")
        for index, w in np.ndenumerate(W.copy()):
            costs = {}
            for k in (-2, -1, 1, 2):
                W[index] = w + k * h
                costs[k] = J(*weights)
            W[index] = w
            difference = (8 * (costs[1] - costs[-1]) - (costs[2] - costs[-2])) / (12 * h)
            # Rounding leaves about 1e-13 in it, so that a derivative below 1e-5 counts as 1e-5.
            size = max(abs(difference), abs(gradient[index]), 1e-5)
            errors[f"{name}{list(index)}"] = abs(gradient[index] - difference) / size
    worst = max(errors, key=lambda name: np.nan_to_num(errors[name], nan=np.inf))
    return float(errors[worst]), worst
