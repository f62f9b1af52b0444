"""Data: the only room that opens files.

points        the course's own small files
known         rows drawn from known weights
table         a table of the user's own, from a CSV file
images        scikit-learn's digits enlarged to 28×28, MNIST, archives in its layout
small_digits  a few digits of 8×8 or 7×7 pixels
pictures      one's own picture of a digit
"""

from course.data.images import (
    ARRAYS,
    DAMAGE,
    MARGIN,
    SIDE,
    SPLIT_SEED,
    Digits,
    load_digits28,
    load_images,
    load_mnist,
)
from course.data.known import TRUE_WEIGHTS, draw_known, true_error
from course.data.points import (
    CHECKSUMS,
    TWO_FEATURES_NOISE,
    checksum,
    folder,
    load_five_points,
    load_three_points,
    load_two_features,
    load_two_hundred_points,
)
from course.data.small_digits import load_small_digits
from course.data.table import Table, load_table

__all__ = [
    "ARRAYS",
    "CHECKSUMS",
    "DAMAGE",
    "MARGIN",
    "SIDE",
    "SPLIT_SEED",
    "TRUE_WEIGHTS",
    "TWO_FEATURES_NOISE",
    "Digits",
    "Table",
    "checksum",
    "draw_known",
    "folder",
    "load_digits28",
    "load_five_points",
    "load_images",
    "load_mnist",
    "load_small_digits",
    "load_table",
    "load_three_points",
    "load_two_features",
    "load_two_hundred_points",
    "true_error",
]
