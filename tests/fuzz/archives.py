"""Archives of pictures, in MNIST's layout or not."""

import io
import warnings
from pathlib import Path
from typing import NamedTuple

import law
import numpy as np
from hypothesis import strategies as st
from tables import DAMAGE, damaged

from course import data

FILLS = {
    "noise": lambda shape: np.random.default_rng(0).integers(0, 256, shape),
    "zeros": np.zeros,
    "ones": np.ones,
    "large": lambda shape: np.full(shape, 300),
    "negative": lambda shape: np.full(shape, -1),
    "nan": lambda shape: np.full(shape, np.nan),
    "one nan": lambda shape: np.where(np.arange(np.prod(shape)).reshape(shape) == 5, np.nan, 0.5),
    "huge": lambda shape: np.full(shape, 1e300),
    "count": lambda shape: np.arange(np.prod(shape)).reshape(shape) % 3,
    "programs": lambda shape: np.full(shape, Program()),
}
DTYPES = ("uint8", "float32", "float64", "float16", "int64", "uint64", "bool", "complex64", "S3",
          "U2", "object", "M8[s]")  # fmt: skip
USUAL = st.sampled_from(["uint8", "uint8", "float32", "int64"])
NAMES = st.sampled_from(["a", "ä 面.npz", "a.npz/", ".", "", "a" * 300, "no.npz", "a\0b",
                         "/dev/null"])  # fmt: skip


class Program:
    """A pickled object that runs a program as it is loaded: it writes a file."""

    def __reduce__(self):
        return open, ("ran", "w")


class Part(NamedTuple):
    """An array of an archive."""

    shape: tuple
    fill: str
    dtype: str


class Archive(NamedTuple):
    """What is in a file, changes of its bytes, and the name by which it is asked for."""

    parts: dict
    compressed: bool
    changes: list
    name: str


@st.composite
def archives(draw):
    parts, n = {}, {"train": draw(st.integers(9, 16)), "test": draw(st.integers(0, 3))}
    odd = draw(st.sampled_from([None, *data.ARRAYS]))  # which of them is not as it should be
    for name in data.ARRAYS:
        rows = (n[name[2:]],)
        shape = (*rows, 28, 28) if name[0] == "x" else rows
        parts[name] = Part(shape, *(("noise", "uint8") if name[0] == "x" else ("count", "int64")))
        if name == odd:
            shapes = [shape, shape, shape, (*shape, 1), shape[1:], (0, *shape[1:]), ()]
            parts[name] = Part(
                draw(st.sampled_from(shapes)),
                draw(st.sampled_from(sorted(FILLS))),
                draw(st.sampled_from(["uint8", "int64", "float32", *DTYPES])),
            )
    if draw(st.integers(0, 19)) == 0:
        parts.pop(draw(st.sampled_from(data.ARRAYS)))
    name = "a.npz" if draw(st.integers(0, 9)) else draw(NAMES)
    return Archive(parts, draw(st.booleans()), draw(DAMAGE), name)


def written(archive):
    """The file's bytes."""
    stream, save = io.BytesIO(), np.savez_compressed if archive.compressed else np.savez
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        arrays = {
            name: np.asarray(FILLS[part.fill](part.shape)).astype(
                "object" if part.fill == "programs" else part.dtype
            )
            for name, part in archive.parts.items()
        }
    save(stream, **arrays)
    return damaged(stream.getvalue(), archive.changes)


def hold(archive):
    """Pictures that are accepted are numbers from 0 to 1, with a class each."""
    with law.fresh_folder(dict.fromkeys(("a.npz", "a", "ä 面.npz"), written(archive))):
        digits = law.read(data.load_images, archive.name)
        law.promise(not Path("ran").exists(), "a program in an archive was run")
    if digits is None:
        return
    for part in ("train", "val", "test"):
        X, y = getattr(digits, f"X_{part}"), getattr(digits, f"y_{part}")
        law.promise(X.shape == (len(y), 28, 28, 1) and X.dtype == "float32", "another shape")
        law.promise(len(y) > 0, f"no picture to {part}")
        law.promise(((X >= 0) & (X <= 1)).all(), "pixels that are not from 0 to 1")
        law.promise(((y >= 0) & (y < digits.n_classes)).all(), "a label that is no class")
    law.promise(np.ptp(digits.X_train) > 0, "pictures on which nothing is to be seen")
