"""Pictures as data: the bundled digits, archives in MNIST's layout, and all that can be wrong."""

import contextlib
import io
import os
import re
import zipfile

import numpy as np
import pytest
from conftest import one_line
from sklearn.datasets import load_digits

from course import data
from course.cli import main
from course.data import pictures
from course.errors import InputError


def test_the_bundled_digits_are_split_once_and_for_all():
    digits = data.load_digits28()
    parts = [digits.X_train, digits.X_val, digits.X_test]
    assert [part.shape for part in parts] == [(n, 28, 28, 1) for n in (1200, 300, 297)]
    assert all(part.dtype == "float32" and part.min() >= 0 and part.max() <= 1 for part in parts)
    y = np.concatenate([digits.y_train, digits.y_val, digits.y_test])
    assert np.bincount(y).tolist() == np.bincount(load_digits().target).tolist()
    assert (y.dtype, digits.n_classes) == (np.int64, 10)
    assert len(np.unique(np.concatenate(parts).reshape(1797, -1), axis=0)) == 1797


def test_an_enlarged_digit_is_the_scan_seen_larger():
    """Straight lines between the scan's pixel centres, written once more with np.interp."""
    order = np.random.default_rng(data.SPLIT_SEED).permutation(1797)
    small = load_digits().images[order[:3]] / 16
    places = (np.arange(20) + 0.5) / 2.5 - 0.5
    for scan, X in zip(small, data.load_digits28().X_train):
        rows = np.stack([np.interp(places, range(8), column) for column in scan.T], axis=1)
        large = np.stack([np.interp(places, range(8), row) for row in rows])
        np.testing.assert_allclose(X[4:-4, 4:-4, 0], large, atol=1e-6)
        assert X.sum() == pytest.approx(large.sum(), rel=1e-6)


def test_another_seed_is_another_split_of_the_same_images():
    one, two = data.load_digits28(0), data.load_digits28(1)
    assert not np.array_equal(one.y_train, two.y_train)
    assert np.array_equal(one.X_train, data.load_images().X_train)


def arrays(n=40, n_test=10, n_classes=4, **changes):
    rng = np.random.default_rng(0)
    made = {
        "x_train": rng.integers(0, 256, (n, 28, 28), dtype="uint8"),
        "y_train": np.arange(n, dtype="uint8") % n_classes,
        "x_test": rng.integers(0, 256, (n_test, 28, 28), dtype="uint8"),
        "y_test": np.arange(n_test, dtype="uint8") % n_classes,
        **changes,
    }
    return {name: array for name, array in made.items() if array is not None}


def archive(tmp_path, **changes):
    path = tmp_path / "pictures.npz"
    np.savez_compressed(path, **arrays(**changes))
    return path


def test_an_archive_of_any_number_of_classes(tmp_path):
    path = archive(tmp_path, n_classes=3)
    digits = data.load_images(path)
    assert (len(digits.X_train), len(digits.X_val), len(digits.X_test)) == (32, 8, 10)
    assert digits.n_classes == 3
    given = arrays(n_classes=3)
    assert np.array_equal(digits.X_test[..., 0], (given["x_test"] / 255).astype("float32"))
    order = np.random.default_rng(0).permutation(40)
    assert digits.y_val.tolist() == given["y_train"][order[32:]].tolist()
    assert digits.X_train.dtype == "float32"


def test_floats_and_a_channel_and_a_column_of_labels(tmp_path):
    given = arrays()
    floats = {name: (given[name] / 255)[..., None] for name in ("x_train", "x_test")}
    digits = data.load_images(archive(tmp_path, **floats, y_train=given["y_train"][:, None]))
    np.testing.assert_allclose(digits.X_test[..., 0] * 255, given["x_test"], atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_one_scale_for_all_pictures(tmp_path, dtype):
    """Floats to 255 are pixels too; one dark set of pictures is not taken for 0 to 1."""
    given = arrays()
    dark = np.minimum(given["x_test"], 1).astype(dtype)
    digits = data.load_images(
        archive(tmp_path, x_train=given["x_train"].astype(dtype), x_test=dark)
    )
    assert digits.X_train.max() == 1
    assert digits.X_test.max() == np.float32(1 / 255)
    ink = {name: (given[name] > 127).astype(dtype) for name in ("x_train", "x_test")}
    digits = data.load_images(archive(tmp_path, **ink))
    assert set(np.unique(digits.X_train)) == {0, 1}


X, Y = arrays()["x_train"], arrays()["y_train"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_test": None}, "has no array 'y_test'; 'x_train', 'y_train', 'x_test', 'y_test' are"),
        ({"x_train": X[:, :, :27]}, "x_train has shape (40, 28, 27); pictures of (n, 28, 28)"),
        ({"x_test": X[0]}, "x_test has shape (28, 28)"),
        ({"x_test": X[:0], "y_test": Y[:0]}, "x_test has 0 pictures"),
        ({"x_train": X[:9], "y_train": Y[:9]}, "x_train has 9 pictures; at least 10"),
        ({"x_train": np.stack([X] * 3, -1)}, "x_train has shape (40, 28, 28, 3); pictures of"),
        ({"x_train": X > 9}, "x_train holds bool"),
        ({"x_train": X.astype("U3")}, "x_train holds <U3"),
        ({"x_train": X.astype("int16") - 1}, "x_train has pixels from -1 to 254; expected is"),
        ({"x_train": X * 1.5}, "x_train has pixels from 0.0 to 382.5; expected is 0 to 255"),
        ({"x_test": X[:10] * np.int64(2)}, "x_test has pixels from 0 to 510"),
        ({"x_test": np.full((10, 28, 28), np.nan)}, "x_test has pixels from nan to nan"),
        ({"x_train": X * 0}, "x_train has no pixels but 0"),
        ({"x_test": X[:10] * 0 + 7}, "x_test has no pixels but 7"),
        ({"x_train": np.repeat(X[:1], 40, axis=0)}, "x_train has one picture 40 times"),
        ({"y_train": Y[:39]}, "y_train has shape (39,); one label for each of 40 pictures"),
        ({"y_train": np.eye(40)}, "y_train has shape (40, 40)"),
        ({"y_train": Y / 2}, "y_train holds float64; labels are whole numbers"),
        ({"y_train": Y.astype("int8") - 1}, "y_train has the label -1"),
        ({"y_train": Y + 1}, "y_train has labels up to 4, but none is 0"),
        ({"y_train": Y * np.int64(10**9)}, "y_train has the label 3000000000"),
        ({"y_train": Y * 0}, "y_train has one class only"),
        ({"y_test": Y[:10] + 1}, "y_test has the label 4, which y_train has not"),
        ({"x_train": X.astype(object)}, "x_train holds pickled Python objects"),
        ({"y_test": np.array([None] * 10)}, "y_test holds pickled Python objects"),
    ],
)  # fmt: skip
def test_bad_arrays(tmp_path, changes, words):
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        data.load_mnist(archive(tmp_path, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("load", [data.load_images, data.load_mnist, pictures.read_digit])
def test_names_that_no_file_can_have(load, monkeypatch):
    monkeypatch.setenv("COURSE_MNIST", "")  # as if it were not set, unlike an empty name
    with pytest.raises(InputError, match="expected the name of a file or a folder, got ''"):
        load("")
    for name in ("a" * 300, "a\0b"):
        with pytest.raises(InputError, match="can be no file's name") as caught:
            load(name)
        assert "\n" not in str(caught.value)


def test_bad_files(tmp_path):
    path = archive(tmp_path)
    whole = path.read_bytes()

    def refused(content, words):
        path.write_bytes(content)
        with pytest.raises(InputError, match=re.escape(words)) as caught:
            data.load_mnist(path)
        assert "\n" not in str(caught.value)

    refused(b"", "is not an .npz archive, or only a part of one")
    refused(whole[: len(whole) // 2], "is not an .npz archive, or only a part of one")
    refused(b"<html>not found</html>" * 99, "is not an .npz archive")
    refused(whole[:300] + b"\0" * 99 + whole[399:], "damaged")
    one = io.BytesIO()
    np.save(one, X)
    refused(one.getvalue(), "is not an .npz archive")
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as file:
        for name in data.ARRAYS:
            file.writestr(f"{name}.npy", b"no array")
    refused(other.getvalue(), "x_train is no array of NumPy's")
    with pytest.raises(InputError, match=r"cannot read .*No such file"):
        data.load_mnist(tmp_path / "none.npz")
    with pytest.raises(InputError, match=r"cannot read .*directory"):
        data.load_mnist(tmp_path)


def test_an_archive_of_the_64_bit_kind(tmp_path):
    path = tmp_path / "pictures.npz"
    with zipfile.ZipFile(path, "w") as file:
        for name, array in arrays().items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.save(entry, array)
    assert len(data.load_mnist(path).X_train) == 32


def test_damage_of_any_kind_is_one_line(tmp_path):
    path = archive(tmp_path, n=12, n_test=2, n_classes=2)
    whole, rng = np.frombuffer(path.read_bytes(), "uint8"), np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        content = whole.copy()
        content[rng.integers(len(whole), size=rng.integers(1, 9))] = rng.integers(256)
        path.write_bytes(content.tobytes())
        with contextlib.suppress(InputError):  # any other error is a traceback to a user
            data.load_mnist(path)
            refused -= 1
        refused += 1
    assert refused > 100


def test_an_archive_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(data.images, "MAX_ARCHIVE", 1000)
    with pytest.raises(InputError, match="unpacks to more than"):
        data.load_mnist(archive(tmp_path))


@pytest.mark.parametrize(
    "reason",
    ["URL fetch failure on https://…: None --\n unreachable",
     "Incomplete or corrupted file detected. The sha256 file hash does not match"],
)  # fmt: skip
def test_mnist_that_cannot_be_fetched_is_one_line(in_tmp, capsys, monkeypatch, reason):
    monkeypatch.delenv("COURSE_MNIST", raising=False)

    def fetch():
        print("Downloading data …")
        raise Exception(reason)

    monkeypatch.setattr("keras.datasets.mnist.load_data", fetch)
    assert main("lesson11", ["--data", "mnist", "--json"]) == 2
    out, err = capsys.readouterr()
    line = one_line(err.replace("Downloading data …\n", ""))
    assert f"MNIST could not be fetched ({reason[:20]}" in line
    assert out == ""


def test_mnist_by_keras_is_checked_as_a_file_is(monkeypatch):
    monkeypatch.delenv("COURSE_MNIST", raising=False)
    given = arrays()
    pairs = (given["x_train"], given["y_train"]), (given["x_test"], given["y_test"])
    monkeypatch.setattr("keras.datasets.mnist.load_data", lambda: pairs)
    assert data.load_images("mnist").X_train.shape == (32, 28, 28, 1)


def test_the_environment_names_a_copy(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MNIST", str(archive(tmp_path)))
    assert data.load_images("mnist").X_train.shape == (32, 28, 28, 1)
    assert len(data.load_images().X_train) == 1200  # only where it was asked for


@pytest.mark.skipif(not os.environ.get("COURSE_MNIST"), reason="COURSE_MNIST names no mnist.npz")
def test_mnist_itself():
    digits = data.load_mnist()
    assert [len(part) for part in digits[:6]] == [48000] * 2 + [12000] * 2 + [10000] * 2
    counts = np.bincount(np.concatenate([digits.y_train, digits.y_val]))
    assert counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert digits.y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert (digits.X_train.max(), digits.X_train.dtype) == (1, np.float32)
