"""Pictures moved at random on their way into a network: rotations, shifts, flips."""

from collections.abc import Callable
from dataclasses import dataclass, field


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
    """

    move: Callable = field(repr=False)  # its address would make two equal augmentations differ
    rotation: float = 0
    shift: float = 0
    flips: bool = False

    def draw(self, n, side, rng):
        """What is done to each of n pictures: angles (n,), shifts (n, 2), two flips (n,).

        Args:
            side: of the pictures, in pixels.
            rng: a NumPy generator.
        """
        angles = rng.uniform(-self.rotation, self.rotation, n)
        shifts = rng.uniform(-self.shift, self.shift, (n, 2)) * side
        mirrored, upside_down = (rng.random((2, n)) < 0.5) & self.flips
        return angles, shifts, mirrored, upside_down

    def __call__(self, X, rng):
        return self.move(X, *self.draw(len(X), X.shape[1], rng))
