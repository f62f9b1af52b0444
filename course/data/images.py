"""Images: scikit-learn's digits enlarged, MNIST, and archives in MNIST's layout."""

import contextlib
import lzma
import os
import sys
import tokenize
import zipfile
import zlib
from typing import NamedTuple

import numpy as np

from course.data.table import quoted
from course.errors import InputError
from course.files import opened

SIDE = 28  # pixels, the width and the height of a picture
MARGIN = 4  # of them empty on each side, as in MNIST
SPLIT_SEED = 0  # of the one shuffle before the last 20 % become the validation set
MAX_ARCHIVE = 2 * 2**30  # bytes, unpacked
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
# What Python's zip reader and NumPy raise on a damaged archive, found by damaging many.
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, tokenize.TokenError, SyntaxError,
          ValueError, EOFError, RuntimeError, MemoryError, OverflowError, TypeError)  # fmt: skip


class Digits(NamedTuple):
    """Pictures of digits, or of other things, and their classes.

    Attributes:
        X_train, X_val, X_test: shape (n, 28, 28, 1), float32 from 0, paper, to 1, ink.
        y_train, y_val, y_test: shape (n,), int64 from 0 to n_classes - 1.
        n_classes: how many classes there are.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    n_classes: int

    def described(self):
        """The result that every lesson prints of its images: how many there are."""
        counts = (len(self.y_train), len(self.y_val), len(self.y_test), self.n_classes)
        return {"images to train, validate, test; classes": counts}


def load_digits28(seed=SPLIT_SEED):
    """scikit-learn's 1797 scanned digits, 8×8, enlarged to 28×28: `Digits`.

    Each is enlarged to 20×20 and framed by 4 empty pixels, as MNIST's are. After one
    shuffle the first 1200 are to train, 300 to validate (20 % of 1500), 297 to test. The
    three are disjoint: what is chosen by the validation images is judged by others.

    Args:
        seed: of the shuffle; the images are the same, bit for bit, on every backend.
    """
    from scipy import ndimage
    from sklearn.datasets import load_digits

    small, y = load_digits(return_X_y=True)
    times = (SIDE - 2 * MARGIN) / 8
    X = ndimage.zoom(
        small.reshape(-1, 8, 8), (1, times, times), order=1, mode="nearest", grid_mode=True
    )
    X = np.pad(X / 16, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))[..., None].astype("float32")
    y = y.astype("int64")
    train, val, test = np.split(np.random.default_rng(seed).permutation(len(y)), (1200, 1500))
    return Digits(X[train], y[train], X[val], y[val], X[test], y[test], 10)


def load_mnist(path=None, seed=SPLIT_SEED):
    """MNIST, 48,000 images to train, 12,000 to validate, 10,000 to test: `Digits`.

    Args:
        path: an archive with MNIST's arrays, or one of other pictures of 28×28 in the
            same layout. None: the one that the environment variable COURSE_MNIST
            names, else Keras fetches MNIST, once, and keeps it in ~/.keras.
        seed: of the shuffle before the split.

    Raises:
        InputError: one line: the file or the network, and what is wrong with it.
    """
    if path is None:
        path = os.environ.get("COURSE_MNIST") or None
    if path is not None:
        return _digits(path, _read_archive(path), seed)
    from keras.datasets import mnist

    try:
        with contextlib.redirect_stdout(sys.stderr):  # the progress bar
            (x_train, y_train), (x_test, y_test) = mnist.load_data()
    except Exception as error:  # Keras raises a plain Exception where the network is cut
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"MNIST could not be fetched ({reason}); with a copy of mnist.npz: --data PATH.npz"
        ) from None
    return _digits("MNIST", dict(zip(ARRAYS, (x_train, y_train, x_test, y_test))), seed)


def load_images(source=None, seed=SPLIT_SEED):
    """What --data names: None scikit-learn's digits, "mnist" MNIST, else an archive's path."""
    if source is None:
        return load_digits28(seed)
    return load_mnist(None if source == "mnist" else source, seed)


def _split(n, seed):
    """The rows to train and to validate: the last 20 % after one shuffle validate."""
    order = np.random.default_rng(seed).permutation(n)
    return order[: n * 4 // 5], order[n * 4 // 5 :]


def _read_archive(path):
    """The four arrays of an .npz archive, by name; nothing in it is ever executed."""
    try:
        with opened(path) as file:
            if not zipfile.is_zipfile(file):
                raise InputError(
                    f"{path} is not an .npz archive, or only a part of one; fetch it again"
                )
            entries = {entry.filename: entry for entry in zipfile.ZipFile(file).infolist()}
            file.seek(0)
            missing = [name for name in ARRAYS if f"{name}.npy" not in entries]
            if missing:
                raise InputError(
                    f"{path} has no array {quoted(missing)}; {quoted(ARRAYS)} are expected"
                )
            if sum(entries[f"{name}.npy"].file_size for name in ARRAYS) > MAX_ARCHIVE:
                raise InputError(
                    f"{path} unpacks to more than {MAX_ARCHIVE / 2**30:.0f} GiB:"
                    " take a sample of its pictures"
                )
            with np.load(file, allow_pickle=False) as archive:
                return {name: _read_array(path, archive, name) for name in ARRAYS}
    except InputError:
        raise
    except (*DAMAGE, OSError) as error:
        raise InputError(f"{path} is damaged ({error}); fetch it again") from None


def _read_array(path, archive, name):
    try:
        array = archive[name]
    except DAMAGE as error:
        if "pickle" in str(error).lower():
            raise InputError(
                f"{path}: {name} holds pickled Python objects, which could run any program;"
                " save it as an array of numbers"
            ) from None
        raise InputError(f"{path}: {name} is damaged ({error}); fetch the file again") from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: {name} is no array of NumPy's")
    return array


def _digits(source, arrays, seed):
    """`Digits` from MNIST's four arrays, once every one of them has been looked at."""
    pictures = [arrays["x_train"], arrays["x_test"]]
    for name, X in zip(("x_train", "x_test"), pictures):
        _require_pictures(f"{source}: {name}", X)
    # Pixels are 0 to 255, or, as floats or as ink and paper only, 0 to 1.
    top = 1 if max(X.max() for X in pictures) <= 1 else 255
    for name in ("y_train", "y_test"):
        pictures = len(arrays[name.replace("y", "x")])
        arrays[name] = _labels(f"{source}: {name}", arrays[name], pictures)
    y, y_test = arrays["y_train"], arrays["y_test"]
    classes = np.unique(y)
    n_classes = int(classes[-1]) + 1
    if len(classes) < n_classes:
        gap = next(k for k, label in enumerate(classes) if label != k)
        raise InputError(
            f"{source}: y_train has labels up to {n_classes - 1}, but none is {gap};"
            " number the classes 0, 1, 2 … without a gap"
        )
    if n_classes < 2:
        raise InputError(f"{source}: y_train has one class only; there must be two to tell apart")
    if y_test.max() >= n_classes:
        raise InputError(f"{source}: y_test has the label {y_test.max()}, which y_train has not")
    train, val = _split(len(y), seed)
    if len(np.unique(y[train])) < n_classes:
        raise InputError(f"{source}: a class has too few pictures to train on; add some")
    X = arrays["x_train"]
    return Digits(_scaled(X[train], top), y[train], _scaled(X[val], top), y[val],
                  _scaled(arrays["x_test"], top), y_test, n_classes)  # fmt: skip


def _require_pictures(name, X):
    if X.shape[1:] not in ((SIDE, SIDE), (SIDE, SIDE, 1)):
        raise InputError(
            f"{name} has shape {X.shape}; pictures of (n, {SIDE}, {SIDE}) are expected"
        )
    least = 10 if name.endswith("train") else 1
    if len(X) < least:
        raise InputError(f"{name} has {len(X)} pictures; at least {least} are needed")
    if X.dtype.kind not in "uif":
        raise InputError(f"{name} holds {X.dtype}; whole numbers or floats are expected")
    low, high = X.min(), X.max()
    if not (low >= 0 and high <= 255):  # so that NaN is refused
        raise InputError(f"{name} has pixels from {low} to {high}; expected is 0 to 255, or 0 to 1")
    if low == high:
        raise InputError(f"{name} has no pixels but {low}: there is nothing to be seen")
    if least > 1 and (X == X[0]).all():
        raise InputError(f"{name} has one picture {len(X)} times: nothing tells the classes apart")


def _labels(name, y, pictures):
    if y.shape not in ((pictures,), (pictures, 1)):
        raise InputError(
            f"{name} has shape {y.shape}; one label for each of {pictures} pictures is expected"
        )
    if y.dtype.kind not in "ui":
        raise InputError(f"{name} holds {y.dtype}; labels are whole numbers 0, 1, 2 …")
    if y.min() < 0:
        raise InputError(f"{name} has the label {y.min()}; labels are whole numbers from 0")
    if y.max() >= pictures and y.max() > 255:
        raise InputError(f"{name} has the label {y.max()}, more than there are pictures")
    return y.reshape(-1).astype("int64")


def _scaled(X, top):
    """Pixels as float32 from 0 to 1, shape (n, 28, 28, 1)."""
    return (X.reshape(-1, SIDE, SIDE, 1) / np.float32(top)).astype("float32", copy=False)
