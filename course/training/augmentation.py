"""Pictures moved at random on their way into a network: rotations, shifts, flips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Augmentation:
    """Moves pictures at random: `augmentation(X, rng) -> X`, both of shape (n, side, side, 1).

    Attributes:
        move: `move(X, angles, shifts, mirrored, upside_down) -> X` moves n pictures; angles in
            degrees (n,), shifts in pixels (n, 2), two flips, True or False (n,).
            `course.lesson12.move` is one.
        rotation: degrees, the most to either side.
        shift: fraction of the side, the most in each direction.
        flips: whether half of the pictures are mirrored, and half put upside down.

    Example:
        >>> def mirror(X, angles, shifts, mirrored, upside_down):
        ...     return np.where(mirrored[:, None, None, None], X[:, :, ::-1], X)
        >>> X = np.arange(4.0).reshape(1, 2, 2, 1)
        >>> moved = Augmentation(mirror, flips=True)(X, np.random.default_rng(0))
        >>> moved.reshape(2, 2).tolist()
        [[1.0, 0.0], [3.0, 2.0]]
    """

    move: Callable = field(repr=False)  # its address would make two equal augmentations differ
    rotation: float = 0
    shift: float = 0
    flips: bool = False

    def draw(self, n: int, side: int, rng: np.random.Generator) -> tuple[NDArray, ...]:
        """What is done to each of n pictures: angles (n,), shifts (n, 2), two flips (n,).

        Args:
            side: of the pictures, in pixels.
            rng: a NumPy generator.
        """
        angles = rng.uniform(-self.rotation, self.rotation, n)
        shifts = rng.uniform(-self.shift, self.shift, (n, 2)) * side
        mirrored, upside_down = (rng.random((2, n)) < 0.5) & self.flips
        return angles, shifts, mirrored, upside_down

    def __call__(self, X: NDArray, rng: np.random.Generator) -> NDArray:
        return self.move(X, *self.draw(len(X), X.shape[1], rng))
