"""What the site's benches compute, in Python: their data, and what they show computed again.

"Copy as Python" at a bench gives lines that call these functions.
"""

from importlib import import_module

from course.data.pictures import centred
from course.lab.augmentation import read_moved
from course.lab.descent import descend
from course.lab.digit import draw_strokes, read_page
from course.lab.network import network_points, train_network
from course.lab.penalty import lasso_kinks, two_weights
from course.lab.valleys import descend_valleys, in_deeper_valley

LESSON = {  # whose run gives a bench its data
    "descent": 3,
    "valleys": 4,
    "network": 7,
    "penalty": 9,
    "digit": 11,
    "augmentation": 12,
}
__all__ = [
    "LESSON",
    "centred",
    "descend",
    "descend_valleys",
    "draw_strokes",
    "in_deeper_valley",
    "lasso_kinks",
    "made",
    "network_points",
    "read_moved",
    "read_page",
    "train_network",
    "two_weights",
]


def made(name, measured=None):
    """A bench's data: numbers, texts and lists of them.

    Args:
        name: of the bench.
        measured: what its lesson's run measured; none: the lesson is run, quickly, where the
            data need a training.
    """
    return import_module(f"course.lab.{name}").data(measured)
