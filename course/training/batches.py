"""Mini-batches in an order that NumPy draws."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

ORDER, AUGMENTATION = 1, 2  # streams of random numbers apart from each other and the weights'


class Batches(keras.utils.PyDataset):
    """Mini-batches (X, Y) of one epoch after another, in an order drawn with NumPy.

    Args:
        X, Y: arrays with one row per sample.
        batch_size: rows per batch; the last batch of an epoch may have fewer.
        seed: of the order.
        augment: `augment(X, rng) -> X` changes each batch, or None. Its rng depends on
            seed, epoch and batch alone.
        share: `(k, n)` leaves the k-th n-th of each batch's rows, for one of n machines.

    Example:
        >>> batches = Batches(np.arange(5), np.arange(5), batch_size=2, seed=0)
        >>> [X.tolist() for X, Y in batches]
        [[1, 4], [3, 0], [2]]
        >>> batches.begin(epoch=1)
        >>> [X.tolist() for X, Y in batches]
        [[0, 4], [3, 1], [2]]
    """

    def __init__(
        self,
        X: NDArray,
        Y: NDArray,
        batch_size: int,
        seed: int,
        augment: Callable | None = None,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__()
        self.X, self.Y, self.batch_size = X, Y, batch_size
        self.seed, self.augment, self.share = seed, augment, share
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Draw the order of an epoch, from 0."""
        self.epoch = epoch
        self.order = np.random.default_rng([self.seed, ORDER, epoch]).permutation(len(self.X))

    def __len__(self) -> int:
        return -(-len(self.X) // self.batch_size)

    def __getitem__(self, batch: int) -> tuple[NDArray, NDArray]:
        rows = self.order[batch * self.batch_size : (batch + 1) * self.batch_size]
        X = self.X[rows]
        if self.augment is not None:
            rng = np.random.default_rng([self.seed, AUGMENTATION, self.epoch, batch])
            X = self.augment(X, rng)
        k, n = self.share
        mine = slice(k * len(rows) // n, (k + 1) * len(rows) // n)
        return X[mine], self.Y[rows[mine]]
