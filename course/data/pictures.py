"""A photo or a drawing of one digit, made into the 28×28 pixels that a network was trained on.

The same is done as was for MNIST: the ink is cut out, scaled to fit 20×20 with its
proportions kept, and laid into 28×28 so that its centre of mass is in the middle.
"""

import logging
import warnings

import numpy as np

from course.data import SIDE
from course.errors import InputError
from course.files import opened

BOX = 20  # pixels, the larger side of the ink
FAINT = 0.25  # of the darkest ink; below it a pixel is taken for paper when the ink is cut out
LEAST_CONTRAST = 16  # of 255, between paper and ink
LARGEST = 64 * 10**6  # pixels of a picture
ENOUGH = 1000  # pixels, the larger side; a larger picture is made smaller first, to save memory

logging.getLogger("PIL").addHandler(logging.NullHandler())  # what is refused is said once


def read_digit(path):
    """Read a picture file of any size and colours, dark on light or light on dark.

    Returns:
        shape (28, 28), float32, from 0, paper, to 1, ink.

    Raises:
        InputError: one line: the file cannot be read, is no picture, or shows nothing.
    """
    grey = _grey(path)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = np.median(edge)
    darker, lighter = paper - grey.min(), grey.max() - paper
    ink = (paper - grey if darker >= lighter else grey - paper).clip(0)
    if ink.max() < LEAST_CONTRAST:
        raise InputError(f"{path}: nothing to be seen on it, light and dark are too close")
    return centred(ink / ink.max())


def centred(ink):
    """Cut out the ink, scale it to 20×20, centre its mass in 28×28.

    Args:
        ink: shape (height, width), from 0 to 1.

    >>> line = np.zeros((100, 50))
    >>> line[10:90, 5:9] = 1  # 80 tall and 4 wide: 20 tall and 1 wide
    >>> picture = centred(line)
    >>> [int(side[0]) for side in np.nonzero(picture)], float(picture.sum())
    ([4, 14], 20.0)
    """
    from PIL import Image

    rows, columns = (np.flatnonzero((ink > FAINT).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    small = Image.fromarray(ink.astype("float32")).resize((width, height), Image.Resampling.BOX)
    ink = np.asarray(small) / max(np.max(small), 1e-6)
    total = ink.sum()
    corner = []
    for axis, side in ((1, height), (0, width)):
        mass = ink.sum(axis=axis) @ np.arange(side) / total
        # Rounded half up, and never so far that ink falls off the edge.
        corner.append(int(np.clip(np.floor((SIDE - 1) / 2 - mass + 0.5), 0, SIDE - side)))
    picture = np.zeros((SIDE, SIDE), "float32")
    picture[corner[0] : corner[0] + height, corner[1] : corner[1] + width] = ink
    return picture


def _grey(path):
    """The picture's brightness, shape (height, width), float64 from 0 to 255."""
    from PIL import Image, ImageOps

    try:
        # Pillow warns of a large picture and of a faulty tag.
        with (
            warnings.catch_warnings(action="ignore"),
            opened(path) as file,
            Image.open(file) as picture,
        ):
            if picture.width * picture.height > LARGEST:
                raise InputError(
                    f"{path} has {picture.width}×{picture.height} pixels; make it smaller"
                )
            if min(picture.size) < 3:
                raise InputError(
                    f"{path} has {picture.width}×{picture.height} pixels only; a digit needs more"
                )
            picture = ImageOps.exif_transpose(picture)
            deep = picture.mode.startswith(("I", "F"))
            if deep:  # 16 or 32 bits
                grey = np.asarray(picture, dtype="float64")
                alpha = np.ones_like(grey)
            else:
                picture.thumbnail((ENOUGH, ENOUGH))
                rgba = picture.convert("RGBA")
                grey = np.asarray(rgba.convert("L"), dtype="float64")
                alpha = np.asarray(rgba.getchannel("A"), dtype="float64") / 255
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(f"{path} has too many pixels; make it smaller") from None
    except Image.UnidentifiedImageError:
        raise InputError(f"{path} is not a picture that can be read; save it as PNG") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError) as error:
        raise InputError(f"{path} is a damaged picture ({error})") from None
    if deep:
        low, high = grey.min(), grey.max()
        if not np.isfinite([low, high]).all():
            raise InputError(f"{path} has pixels that are no numbers")
        top = 1 if high <= 1 else 255 if high <= 255 else max(high, 65535)
        grey = grey * (255 / top)
    if (alpha < 1).any() and (alpha > 0.5).any():
        # On nothing: put dark ink on white and light ink on black, so that it can be seen.
        under = 255.0 if np.mean(grey[alpha > 0.5]) < 128 else 0.0
        grey = grey * alpha + under * (1 - alpha)
    return grey
