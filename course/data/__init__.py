"""Data: the only room that opens files."""

import contextlib
import csv
import hashlib
import io
import lzma
import os
import sys
import tokenize
import zipfile
import zlib
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np

from course.errors import InputError

# SHA-256 of each data file; datasets/README.md says what is in it.
TWO_FEATURES_NOISE = 0.01  # standard deviation of the noise in two_features.csv
CHECKSUMS = {
    "three_points.csv": "5962ba6c35b56dabeb8121dd6656aba7b1e60afe0d2ddec498feb191057d15fe",
    "five_points.csv": "ce1c65c084fe459b1b8bba2ba8252d0fdcfb18bf4286f61216477765d8d09ae5",
    "two_hundred_points.csv": "dbd68799e0b64d7d9351abfc0dbb29a37e21544355d4cce32d9555f3475203e2",
    "two_features.csv": "1f49be679934c7ee709e28e8647d939e56f917fe544f774375dc7b35dd219f25",
}

LARGEST_TABLE = 50 * 2**20  # bytes
LARGEST_NUMBER = 1e100  # squares of larger ones overflow

SIDE = 28  # pixels, the width and the height of a picture
MARGIN = 4  # of them empty on each side, as in MNIST
SPLIT_SEED = 0  # of the one shuffle before the last 20 % become the validation set
LARGEST_ARCHIVE = 2 * 2**30  # bytes, unpacked
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
# What Python's zip reader and NumPy raise on a damaged archive, found by damaging many.
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, tokenize.TokenError, SyntaxError,
          ValueError, EOFError, RuntimeError, MemoryError, OverflowError, TypeError)  # fmt: skip


class Table(NamedTuple):
    """A table of numbers, split into what is known and what is to be predicted.

    Attributes:
        X: shape (n, p), float64, one column per name in `columns`.
        y: shape (n,), float64, the target.
        columns: p names.
        target: the target's name.
        left_out: names of the columns without numbers, which are not used.
    """

    X: np.ndarray
    y: np.ndarray
    columns: list
    target: str
    left_out: list

    def scaled(self, max_condition=None):
        """X and y, every column of mean 0 and standard deviation 1.

        Args:
            max_condition: the largest condition number of XᵀX that is accepted; None: any.

        Raises:
            InputError: the condition number is larger: two columns nearly repeat each other.
        """
        X, y = ((v - v.mean(axis=0)) / v.std(axis=0) for v in (self.X, self.y))
        condition = np.linalg.cond(X) ** 2
        if max_condition is not None and condition > max_condition:
            raise InputError(
                f"the columns of the table nearly repeat each other (condition number"
                f" {condition:.1e}): descent would take too many steps; leave a column out,"
                " or say with --steps how many"
            )
        return X, y

    def in_units(self, w, b=0.0):
        """Weights (..., p) and intercept (...) of a fit to `scaled`, in the table's own units."""
        w = w * self.y.std() / self.X.std(axis=0)
        return w, self.y.mean() + b * self.y.std() - w @ self.X.mean(axis=0)

    def described(self, w, b, which=""):
        """The results that every lesson prints of a table: what was used, and what came out.

        Args:
            w, b: in the table's own units; of several fits (fits, p) and (fits,).
            which: their names, put behind "weight of …" and "intercept".
        """
        return {
            "rows": len(self.y),
            "columns used": ", ".join(self.columns),
            "columns left out (no numbers)": ", ".join(self.left_out) or "none",
            **{f"weight of {name}{which}": v for name, v in zip(self.columns, np.transpose(w))},
            f"intercept{which}": b,
        }


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


def folder():
    """Where the data files lie: inside the installed package, or beside it in a checkout."""
    installed = Path(str(files("course"))) / "_datasets"
    return installed if installed.is_dir() else installed.parent.parent / "datasets"


def checksum(name):
    """SHA-256 of a data file, as hexadecimal digits."""
    return hashlib.sha256((folder() / name).read_bytes()).hexdigest()


def load_three_points():
    """x = 1, 2, 3 and y = 2x: `(x, y)`, each of shape (3,), float64."""
    return _columns("three_points.csv")


def load_five_points():
    """x = 0 … 4 and y = 2x + 5: `(x, y)`, each of shape (5,), float64."""
    return _columns("five_points.csv")


def load_two_hundred_points():
    """x = 1 … 200 and y = 2x + 5: `(x, y)`, each of shape (200,), float64."""
    return _columns("two_hundred_points.csv")


def load_two_features():
    """y = 2 x1 - 3.4 x2 + 4.2 + noise: `(X, y)`, shapes (200, 2) and (200,), float64."""
    x1, x2, y = _columns("two_features.csv")
    return np.stack([x1, x2], axis=1), y


def _columns(name):
    return np.loadtxt(folder() / name, delimiter=",", skiprows=1, unpack=True)


def load_table(path, target):
    """Read a table of numbers from a CSV file with a header line.

    A column in which no cell is a number (names, dates) is left out. The columns
    that remain must be complete, not constant, and none a combination of the others.

    Args:
        path: a UTF-8 file, cells separated by commas, at most 50 MiB.
        target: the name of the column to predict.

    Returns:
        `Table`.

    Raises:
        InputError: one line that names the file, the row or the column, and the mend.
    """
    path = Path(path)
    header, rows = _parse(path, _read(path))
    if target is None:
        raise InputError(f"--target is missing; the columns of {path} are: {_names(header)}")
    if target not in header:
        raise InputError(f"{path} has no column {target!r}; its columns are: {_names(header)}")
    numbers, left_out = {}, []
    for j, name in enumerate(header):
        column = _numbers(path, name, [(line, row[j]) for line, row in rows])
        if column is None:
            left_out.append(name)
        else:
            numbers[name] = column
    if target not in numbers:
        raise InputError(f"{path}: the target {target!r} has no numbers in it; choose another")
    y = numbers.pop(target)
    if not numbers:
        raise InputError(f"{path}: no column of numbers is left to predict {target!r} from")
    X = np.stack(list(numbers.values()), axis=1)
    _require_rank(path, X, list(numbers), y, target)
    return Table(X, y, list(numbers), target, left_out)


def _read(path):
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_TABLE + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > LARGEST_TABLE:
        raise InputError(
            f"{path} has more than {LARGEST_TABLE / 2**20:.0f} MiB: take a sample of its rows"
        )
    try:
        return data.decode("utf-8-sig")  # with or without the mark that Excel puts in front
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.start}); save as CSV UTF-8"
        ) from None


def _parse(path, text):
    """The header, and the rows as pairs (line number, cells)."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = [(reader.line_num, [c.strip() for c in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not a CSV table ({error})") from None
    if not lines:
        raise InputError(f"{path} is empty; a header line and rows of numbers are expected")
    header = lines[0][1]
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise InputError(f"{path}: the cells seem not to be separated by commas; save it so")
    for j, name in enumerate(header):
        if not name or header.count(name) > 1:
            problem = f"is named {name!r}, as another is" if name else "has no name in the header"
            raise InputError(f"{path}: column {j + 1} {problem}; give it a name of its own")
    if len(lines) < 3:
        count = "only one row" if len(lines) == 2 else "no rows below its header"
        raise InputError(f"{path} has {count}; a line needs two points at least")
    for line, row in lines[1:]:
        if len(row) != len(header):
            raise InputError(
                f"{path}, line {line}: {len(row)} cells where the header has {len(header)}"
            )
    return header, lines[1:]


def _numbers(path, name, cells):
    """One column as floats, or None where no cell is a number.

    Args:
        cells: pairs (line number, text).
    """
    values = [_number(text) for _, text in cells]
    if all(value is None for value in values):
        return None
    for (line, text), value in zip(cells, values):
        if value is None or not abs(value) < LARGEST_NUMBER:
            raise InputError(
                f"{path}, line {line}, column {name!r}: {text!r} is not a usable number;"
                " mend the cell, or leave out the row or the column"
            )
    return np.array(values)


def _number(text):
    try:
        return None if "_" in text else float(text)  # to Python, 1_0 is 10
    except ValueError:
        return None


def _require_rank(path, X, columns, y, target):
    """Raise where a least-squares fit would not be unique, naming the column at fault."""
    n, p = X.shape
    for name, values in [*zip(columns, X.T), (target, y)]:
        if np.ptp(values) <= max(1e-12 * np.abs(values).max(), 1e-100):
            raise InputError(f"{path}: column {name!r} is constant; leave it out")
    if n < p + 2:
        raise InputError(
            f"{path}: {n} rows cannot fix {p} weights and an intercept; at least {p + 2} are needed"
        )
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    if np.linalg.svd(Z, compute_uv=False)[-1] > 1e-6 * np.sqrt(n):
        return
    for j in range(1, p):
        # What is left of column j once the columns before it have explained what they can.
        weights = np.linalg.lstsq(Z[:, :j], Z[:, j], rcond=None)[0]
        rest = Z[:, j] - Z[:, :j] @ weights
        if np.sqrt(np.mean(rest**2)) < 1e-5:
            others = [columns[k] for k in range(j) if abs(weights[k]) > 1e-5]
            raise InputError(
                f"{path}: column {columns[j]!r} is a combination of {_names(others)}; leave it out"
            )


def _names(names):
    return ", ".join(repr(name) for name in names)


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
    path = path or os.environ.get("COURSE_MNIST")
    if path:
        return _digits(path, _read_archive(Path(path)), seed)
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
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise InputError(
                    f"{path} is not an .npz archive, or only a part of one; fetch it again"
                )
            entries = {entry.filename: entry for entry in zipfile.ZipFile(file).infolist()}
            file.seek(0)
            missing = [name for name in ARRAYS if f"{name}.npy" not in entries]
            if missing:
                raise InputError(
                    f"{path} has no array {_names(missing)}; {_names(ARRAYS)} are expected"
                )
            if sum(entries[f"{name}.npy"].file_size for name in ARRAYS) > LARGEST_ARCHIVE:
                raise InputError(
                    f"{path} unpacks to more than {LARGEST_ARCHIVE / 2**30:.0f} GiB:"
                    " take a sample of its pictures"
                )
            with np.load(file, allow_pickle=False) as archive:
                return {name: _read_array(path, archive, name) for name in ARRAYS}
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except DAMAGE as error:
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
