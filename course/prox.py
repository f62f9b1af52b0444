"""Proximal operators: what a penalty does to a weight after the gradient step.

    prox_h(v) = argmin_w  ½‖w − v‖² + h(w)

A step of proximal descent on f + h is w ← prox_{ηh}(w − η∇f(w)): the smooth part f moves the
weight, then the penalty h pulls it, and a penalty with a corner at zero can pull it to
zero exactly. The projections are the same with an h that is 0 inside a set, ∞ outside.

Pure functions, of the dtype they are given. NumPy arrays, lists and numbers give NumPy arrays, and
Keras is not imported; tensors of a Keras backend give such tensors, within its compiled steps too.

Reference:
    N. Parikh and S. Boyd, Proximal Algorithms, Foundations and Trends in Optimization 1(3),
    2014, chapter 6, doi:10.1561/2400000003.
"""

from __future__ import annotations

import math
import numbers
from types import SimpleNamespace
from typing import Any

import numpy as np

Array = Any  # a NumPy array, a list or a number; or a tensor of a Keras backend


def _array(w, dtype=None):
    w = np.asarray(w, dtype)
    return w.astype("float64") if w.dtype.kind in "biu" else w  # whole numbers cannot shrink


def _while_loop(goes_on, step, state):
    while goes_on(*state):
        state = step(*state)
    return state


# The functions of `keras.ops` that are needed here, for NumPy.
_NUMPY = SimpleNamespace(
    convert_to_tensor=_array, relu=lambda w: np.maximum(w, 0), sqrt=np.sqrt, sum=np.sum,
    abs=np.abs, where=np.where, ones_like=np.ones_like, zeros=np.zeros, while_loop=_while_loop,
    cast=lambda w, dtype: w.astype(dtype),
)  # fmt: skip


def _ops_for(*arguments: Array) -> Any:
    """`keras.ops`, or the same for NumPy where all are NumPy arrays, lists or numbers."""
    if all(isinstance(a, (np.ndarray, np.generic, numbers.Number, list, tuple)) for a in arguments):
        return _NUMPY
    from keras import ops

    return ops


def soft_threshold(w: Array, threshold: Array) -> Array:
    """argmin_u ½‖u − w‖² + threshold·‖u‖₁: `threshold` nearer to zero, at most to zero itself.

    Args:
        w: array of any shape, floating-point.
        threshold: number or array that broadcasts against `w`, not negative.

    Returns:
        Array of the shape and dtype of `w`.

    Example:
        >>> soft_threshold([3.0, -0.5, -2.0], 1.0).tolist()
        [2.0, 0.0, -1.0]
    """
    ops = _ops_for(w, threshold)
    w = ops.convert_to_tensor(w)
    threshold = ops.convert_to_tensor(threshold, dtype=w.dtype)
    # relu keeps float64 on every backend, maximum does not on PyTorch.
    return ops.relu(w - threshold) - ops.relu(-w - threshold)


def prox_elastic_net(w: Array, step: float | Array, alpha: float, l1_ratio: float = 1.0) -> Array:
    """The proximal operator of step·α·(l1_ratio·‖w‖₁ + ½(1 − l1_ratio)·‖w‖²).

    Args:
        w: array of any shape, floating-point.
        step: the learning rate η of the gradient step before it.
        alpha: weight of the penalty, not negative.
        l1_ratio: 1 for the lasso's penalty, 0 for ridge's.

    Returns:
        Array of the shape and dtype of `w`.

    Example:
        >>> prox_elastic_net([3.5, 0.2], 1.0, 1.0, 0.5).tolist()
        [2.0, 0.0]
    """
    ops = _ops_for(w, step, alpha, l1_ratio)
    w = ops.convert_to_tensor(w)
    shrink = ops.convert_to_tensor(1 + step * alpha * (1 - l1_ratio), dtype=w.dtype)
    return soft_threshold(w, step * alpha * l1_ratio) / shrink


def project_nonnegative(w: Array) -> Array:
    """The nearest array without a negative entry.

    Args:
        w: array of any shape, floating-point.

    Returns:
        Array of the shape and dtype of `w`.

    Example:
        >>> project_nonnegative([3.0, -0.5]).tolist()
        [3.0, 0.0]
    """
    ops = _ops_for(w)
    return ops.relu(ops.convert_to_tensor(w))


def project_l2_ball(w: Array, radius: float) -> Array:
    """The nearest array with √Σw² ≤ radius: onto the circle, along the line to its centre.

    Args:
        w: array of any shape, floating-point.
        radius: number, not negative.

    Returns:
        Array of the shape and dtype of `w`.

    Example:
        >>> project_l2_ball([3.0, 4.0], 1.0).round(12).tolist()
        [0.6, 0.8]
    """
    ops = _ops_for(w, radius)
    w = ops.convert_to_tensor(w)
    radius = ops.convert_to_tensor(radius, dtype=w.dtype)
    length = ops.sqrt(ops.sum(w * w))
    one = ops.ones_like(length)
    return w * ops.where(length > radius, radius / ops.where(length > radius, length, one), one)


def project_l1_ball(w: Array, radius: float) -> Array:
    """The nearest array with Σ|w| ≤ radius: onto the diamond, whose corners have zeros.

    It is a soft threshold S(w, t). Where k entries are not zero afterwards, t is the sum of their
    sizes minus the radius, divided by k. The search starts with all entries; each t sets more of
    them to zero, which makes the next t larger, until no further entry becomes zero.

    Args:
        w: array of any shape, floating-point.
        radius: number, not negative.

    Returns:
        Array of the shape and dtype of `w`.

    Reference:
        C. Michelot, A finite algorithm for finding the projection of a point onto the canonical
        simplex of Rⁿ, J. Optim. Theory Appl. 50, 1986, doi:10.1007/BF00938486.

    Example:
        >>> project_l1_ball([3.0, 0.5], 1.0).tolist()
        [1.0, 0.0]
    """
    ops = _ops_for(w, radius)
    w = ops.convert_to_tensor(w)
    radius = ops.convert_to_tensor(radius, dtype=w.dtype)
    size = ops.abs(w)

    def next_threshold(threshold):
        nonzero = ops.cast(size > threshold, w.dtype)
        count = ops.sum(nonzero)  # 0 where the radius is 0: then no threshold is larger
        count = ops.where(count > 0, count, ops.ones_like(count))
        return (ops.sum(size * nonzero) - radius) / count

    def rises(threshold, before):
        return threshold > before

    zero = ops.zeros((), dtype=w.dtype)
    first = (next_threshold(zero), zero)
    _, threshold = ops.while_loop(rises, lambda t, _: (next_threshold(t), t), first)
    return ops.where(ops.sum(size) > radius, soft_threshold(w, threshold), w)


class ElasticNet:
    """`prox_elastic_net` with its α and l1_ratio, so that an optimizer can carry and save it.

    Args:
        alpha: weight of the penalty, a number that is not negative.
        l1_ratio: in [0, 1]; 1 (default) is the lasso's penalty.

    Raises:
        ValueError: a number out of its range.

    Example:
        >>> ElasticNet(alpha=2.0)([3.0], step=0.5).tolist()
        [2.0]
    """

    def __init__(self, alpha: float, l1_ratio: float = 1.0):
        if not 0 <= alpha < math.inf:
            raise ValueError(f"alpha must be a finite number of at least 0, got {alpha}")
        if not 0 <= l1_ratio <= 1:
            raise ValueError(f"l1_ratio must lie in [0, 1], got {l1_ratio}")
        self.alpha, self.l1_ratio = float(alpha), float(l1_ratio)

    def __call__(self, w: Array, step: float | Array) -> Array:
        """`w` after the proximal step of length `step`: see `prox_elastic_net`."""
        return prox_elastic_net(w, step, self.alpha, self.l1_ratio)

    def penalty(self, w: Array) -> Array:
        """α·(l1_ratio·‖w‖₁ + ½(1 − l1_ratio)·‖w‖²), a scalar.

        Example:
            >>> float(ElasticNet(alpha=2.0, l1_ratio=0.5).penalty([3.0, -1.0]))
            9.0
        """
        ops = _ops_for(w)
        w = ops.convert_to_tensor(w)
        return self.alpha * (
            self.l1_ratio * ops.sum(ops.abs(w)) + (1 - self.l1_ratio) / 2 * ops.sum(w * w)
        )

    def get_config(self) -> dict[str, float]:
        """The arguments, as Keras saves them."""
        return {"alpha": self.alpha, "l1_ratio": self.l1_ratio}

    @classmethod
    def from_config(cls, config: dict[str, float]) -> ElasticNet:
        """The operator of a `get_config`."""
        return cls(**config)
