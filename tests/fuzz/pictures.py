"""Pictures of a digit, in any format."""

import io
from typing import NamedTuple

import law
import numpy as np
from hypothesis import strategies as st
from PIL import Image
from tables import DAMAGE, damaged

from course.data.pictures import read_digit

FORMATS = {"PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), "JPEG": ("L", "RGB", "CMYK"),
           "BMP": ("1", "L", "RGB"), "GIF": ("L", "P"), "TIFF": ("L", "RGBA", "I", "F", "CMYK"),
           "WEBP": ("RGB", "RGBA"), "PPM": ("1", "L", "RGB", "I")}  # fmt: skip
ONE = st.just(1)
FILLS = ("blank", "dark", "noise", "stroke", "dot", "frame", "faint", "transparent")


class Picture(NamedTuple):
    """How a file is made, and changes of its bytes."""

    format: str
    mode: str
    size: tuple
    fill: str
    scale: float
    changes: list


def ink(fill, shape, seed=0):
    """Brightness from 0 to 255."""
    grey = np.full(shape, 255.0)
    if fill == "dark":
        grey[:] = 0
    elif fill == "noise":
        grey = np.random.default_rng(seed).uniform(0, 255, shape)
    elif fill == "stroke":
        grey[shape[0] // 4 : shape[0] * 3 // 4 + 1, shape[1] // 2] = 0
    elif fill == "dot":
        grey[0, 0] = 0
    elif fill == "frame":
        grey[:, [0, -1]] = grey[[0, -1]] = 0
    elif fill == "faint":
        grey[shape[0] // 2, shape[1] // 2] = 235
    return grey


@st.composite
def pictures(draw):
    form = draw(st.sampled_from(sorted(FORMATS)))
    mode = draw(st.sampled_from(FORMATS[form]))
    size = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    scale = draw(st.sampled_from([1, 1 / 255, 1e-3, 257, 1e30, np.nan]) if mode == "F" else ONE)
    return Picture(form, mode, size, draw(st.sampled_from(FILLS)), scale, draw(DAMAGE))


def written(picture):
    """The file's bytes; none where Pillow cannot write such a picture."""
    grey, mode, stream = ink(picture.fill, picture.size), picture.mode, io.BytesIO()
    if mode == "I;16":
        image = Image.fromarray((grey * 257).astype("uint16"))
    elif mode in ("I", "F"):
        dtype = {"I": "int32", "F": "float32"}[mode]
        image = Image.fromarray((grey * picture.scale).astype(dtype))
    else:
        image = Image.fromarray(grey.astype("uint8")).convert(mode)
    if picture.fill == "transparent" and "A" in mode:
        image.putalpha(1)
    try:
        image.save(stream, picture.format)
    except (OSError, ValueError):
        return b""
    return damaged(stream.getvalue(), picture.changes)


def hold(picture):
    """What is accepted is 28×28 pixels from 0 to 1, with ink among them."""
    with law.fresh_folder({"p.png": written(picture)}):
        digit = law.read(read_digit, "p.png")
    if digit is None:
        return
    law.promise(digit.shape == (28, 28) and digit.dtype == "float32", "another shape")
    law.promise(((digit >= 0) & (digit <= 1)).all(), "pixels that are not from 0 to 1")
    law.promise(digit.max() > 0.1, "a picture without ink")
