"""The course's own small files of points."""

import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np

TWO_FEATURES_NOISE = 0.01  # standard deviation of the noise in two_features.csv
# SHA-256 of each data file; datasets/README.md says what is in it.
CHECKSUMS = {
    "three_points.csv": "5962ba6c35b56dabeb8121dd6656aba7b1e60afe0d2ddec498feb191057d15fe",
    "five_points.csv": "ce1c65c084fe459b1b8bba2ba8252d0fdcfb18bf4286f61216477765d8d09ae5",
    "two_hundred_points.csv": "dbd68799e0b64d7d9351abfc0dbb29a37e21544355d4cce32d9555f3475203e2",
    "two_features.csv": "1f49be679934c7ee709e28e8647d939e56f917fe544f774375dc7b35dd219f25",
}


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
