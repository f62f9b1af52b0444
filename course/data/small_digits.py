"""A few small digits, for lessons that train hundreds of networks on them."""

import numpy as np

from course.data.images import load_images
from course.errors import InputError

TRAIN, VALIDATION, TEST = 500, 300, 997  # digits
MIN_TEST = 100  # of an archive's
BLOCK = 4  # pixels of a large image, in each direction, whose mean is one pixel of a small one


def load_small_digits(source=None):
    """A few digits, pixels from 0, paper, to 1, ink, split once and for all.

    Args:
        source: None, scikit-learn's scans of 8×8; else what `load_images` takes, each 4×4
            pixels made into one.

    Returns:
        Pairs (X, y) to train, to validate and to test: (n, p) and whole numbers, (n,).

    Raises:
        InputError: there are fewer than 500, 300 and 100 images, or not ten classes.
    """
    sizes = (TRAIN, VALIDATION, TEST)
    if source is None:
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(y))
        return [(X[rows] / 16, y[rows]) for rows in np.split(order, np.cumsum(sizes[:2]))]
    digits = load_images(source)
    counts = len(digits.y_train), len(digits.y_val), len(digits.y_test)
    if digits.n_classes != 10 or np.any(np.less(counts, (TRAIN, VALIDATION, MIN_TEST))):
        raise InputError(
            f"{source} has {digits.n_classes} classes, and {counts} images to train, validate and"
            f" test; needed are 10 classes, and {TRAIN}, {VALIDATION} and {MIN_TEST} images"
        )
    pairs = ((digits.X_train, digits.y_train), (digits.X_val, digits.y_val),
             (digits.X_test, digits.y_test))  # fmt: skip
    return [(_reduced(X[:n]), y[:n]) for (X, y), n in zip(pairs, sizes)]


def _reduced(X):
    """Images of 28×28 as rows of 7×7 pixels, each the mean of 4×4: shape (n, 49), float64."""
    n, side, _, _ = X.shape
    small = side // BLOCK
    blocks = X.reshape(n, small, BLOCK, small, BLOCK)
    return blocks.mean(axis=(2, 4), dtype="float64").reshape(n, small**2)
