"""Training that is killed, interrupted, resumed; models on disk; pictures of digits."""

import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

import h5py
import keras
import numpy as np
import pytest
from conftest import child_environment, one_line
from PIL import Image, ImageDraw

from course import data, files, lesson11, training
from course.data import pictures
from course.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3)).astype("float32")
Y = np.eye(2, dtype="float32")[(X[:, 0] > 0).astype(int)]


def small_model(units=4):
    """Two layers: cheap to compile."""
    layers = [keras.Input((3,))]
    layers += [keras.layers.Dense(u, a) for u, a in ((units, "tanh"), (2, "softmax"))]
    model = keras.Sequential(layers)
    model.set_weights(lesson11.draw_weights([w.shape for w in model.weights], 0))
    schedule = keras.optimizers.schedules.InverseTimeDecay(0.05, 1, 1e-6)
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True)
    model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def train(model, epochs, X=X, Y=Y, seed=3, batch_size=20, **how):
    return training.train(model, X, Y, epochs=epochs, batch_size=batch_size, seed=seed,
                          validation_data=(X[:10], Y[:10]), verbose=0, **how)  # fmt: skip


def same(model, other):
    return all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights()))


@pytest.fixture(scope="module")
def unbroken():
    model = small_model()
    return model, train(model, 4)


def test_the_order_is_numpys_and_each_epoch_has_its_own():
    batches = training.Batches(X, Y, 20, seed=3)
    seen = []
    for epoch in range(2):
        batches.begin(epoch)
        rows = [batches[i] for i in range(len(batches))]
        assert [len(x) for x, _ in rows] == [20, 20, 10]
        order = np.random.default_rng([3, 1, epoch]).permutation(50)
        assert np.array_equal(np.concatenate([x for x, _ in rows]), X[order])
        assert np.array_equal(np.concatenate([y for _, y in rows]), Y[order])
        seen.append(order)
    assert not np.array_equal(*seen)


def test_it_is_the_training_that_keras_makes_of_the_same_rows(unbroken):
    model = small_model()
    for epoch in range(4):
        order = np.random.default_rng([3, 1, epoch]).permutation(50)
        model.fit(X[order], Y[order], batch_size=20, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), unbroken[0].get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_two_epochs_and_two_more_are_four_bit_for_bit(tmp_path, unbroken):
    first = train(small_model(), 2, resume=tmp_path / "run")
    assert (first.epochs, first.resumed) == (2, 0)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint.npz"]
    model = small_model()
    model.set_weights([w + 1 for w in model.get_weights()])  # the checkpoint's count, not these
    second = train(model, 4, resume=tmp_path / "run" / "checkpoint.npz")
    assert (second.epochs, second.resumed, second.interrupted) == (4, 2, False)
    assert same(model, unbroken[0])
    assert second.logs == unbroken[1].logs
    assert second.best_epoch == unbroken[1].best_epoch
    with pytest.raises(InputError, match="has 4 epochs behind it; ask for --epochs 4 or more"):
        train(small_model(), 3, resume=tmp_path / "run")
    # Asked once more, there is nothing left to do.
    again = small_model()
    assert train(again, 4, resume=tmp_path / "run").logs == second.logs
    assert same(again, model)


def test_augmented_batches_are_resumed_bit_for_bit(tmp_path):
    def noise(X, rng):
        return X + rng.normal(0, 0.1, X.shape).astype("float32")

    whole, part = small_model(), small_model()
    train(whole, 2, augment=noise)
    train(small_model(), 1, augment=noise, resume=tmp_path)
    train(part, 2, augment=noise, resume=tmp_path)
    assert same(whole, part)


def break_off(monkeypatch, at):
    """Ctrl-C as epoch `at`, from 0, begins."""
    right = training.keeper.Keeper.on_epoch_begin

    def wrong(self, epoch, logs=None):
        if epoch == at:
            raise KeyboardInterrupt
        right(self, epoch, logs)

    monkeypatch.setattr(training.keeper.Keeper, "on_epoch_begin", wrong)


def test_ctrl_c_keeps_the_best_weights(monkeypatch, unbroken):
    break_off(monkeypatch, 3)
    model = small_model()
    history = train(model, 10)
    assert history.interrupted
    assert history.epochs == 3
    losses = history.logs["val_loss"]
    assert losses == unbroken[1].logs["val_loss"][:3]
    assert history.best_epoch == int(np.argmin(losses)) + 1
    assert model.evaluate(X[:10], Y[:10], verbose=0)[0] == pytest.approx(min(losses), abs=1e-6)


def test_ctrl_c_before_the_first_epoch_has_ended(monkeypatch):
    break_off(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        train(small_model(), 2)


def test_a_cost_that_is_no_number_is_never_the_best(monkeypatch):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(100.0), "mse")  # steps that grow until they overflow
    history = train(model, 60, patience=100)
    assert np.isnan(history.logs["val_loss"][-1])
    assert history.best_epoch == 1
    assert np.isfinite(model.get_weights()[0]).all()
    assert training.checkpoint.best_epoch([0.4, np.nan, 0.3, np.nan]) == 3
    assert training.checkpoint.best_epoch([np.nan, np.nan]) == 1


def test_restart_forgets_the_steps_but_not_the_learning_rate():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.25, momentum=0.9), "mse")
    start = [w + 0.5 for w in model.get_weights()]
    ends = []
    for _ in range(2):
        training.restart(model, start)
        model.fit(X, Y, batch_size=50, epochs=3, shuffle=False, verbose=0)
        ends.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*ends))
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == 0.25
    assert not np.array_equal(ends[0][0], start[0])


def test_models_of_one_shape_are_trained_each_on_its_own():
    """What is compiled for the first of them serves the others, and changes nothing else."""
    alone = {}
    for seed in (1, 2):
        training.sharing._first.clear()
        alone[seed] = trained_from(seed)
    training.sharing._first.clear()
    models = {seed: trained_from(seed) for seed in (1, 2)}
    if keras.backend.backend() != "torch":  # which shares its recordings
        assert len(training.sharing._first) == 1
    for seed, (model, logs) in models.items():
        assert same(model, alone[seed][0])
        assert logs == alone[seed][1]
        for ours, other in zip(model.optimizer.variables, alone[seed][0].optimizer.variables):
            assert np.array_equal(*map(keras.ops.convert_to_numpy, (ours, other)))
    assert not same(models[1][0], models[2][0])
    # Training goes on, in the second and then in the first.
    for seed in (2, 1):
        for model in (models[seed][0], alone[seed][0]):
            train(model, 1)
        assert same(models[seed][0], alone[seed][0])


def trained_from(seed):
    model = small_model()
    model.set_weights(lesson11.draw_weights([w.shape for w in model.weights], seed))
    return model, train(model, 2).logs


def test_patience_stops_and_keeps_the_best(monkeypatch):
    model = small_model()
    wrong_way = (X[:10], 1 - Y[:10])  # the better it learns, the worse it validates
    how = {"epochs": 50, "batch_size": 20, "seed": 3, "validation_data": wrong_way, "verbose": 0}
    history = training.train(model, X, Y, patience=3, **how)
    assert history.epochs == history.best_epoch + 3 < 50
    best = min(history.logs["val_loss"])
    assert model.evaluate(*wrong_way, verbose=0)[0] == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 4}, "is of another seed (3, not 4)"),
        ({"batch_size": 10}, "is of another batch size (20, not 10)"),
        ({"X": X + 1}, "is of another data"),
        ({"augment": lambda X, rng: X}, "is of another augmentation"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path, changes, words):
    train(small_model(), 1, resume=tmp_path)
    with pytest.raises(InputError, match=re.escape(words)):
        train(small_model(), 2, resume=tmp_path, **changes)
    with pytest.raises(InputError, match="is of another model"):
        train(small_model(units=5), 2, resume=tmp_path)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    model = small_model()
    train(model, 1, resume=path)
    whole = path.read_bytes()
    contents = dict(np.load(path))
    for content in (b"", b"no checkpoint", whole[:500], whole[:200] + b"\0" * 50 + whole[250:]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged") as caught:
            train(model, 2, resume=path)
        assert "\n" not in str(caught.value)
    about = json.loads(str(contents["about"]))
    for name, value in (("weights0", np.zeros(1)), ("about", "[]"), ("about", "{}"),
                        ("about", json.dumps({**about, "history": {}})),
                        ("best0", np.array([None]))):  # fmt: skip
        np.savez(path, **{**contents, name: value})
        with pytest.raises(InputError, match="damaged"):
            train(model, 2, resume=path)
    # What only an editor could have done.
    history = about["history"]
    for name, value in (
        ("about", json.dumps({**about, "history": {**history, "val_loss": []}})),
        ("about", json.dumps({**about, "history": {**history, "val_loss": [0.1, 0.2]}})),
        ("about", json.dumps({**about, "history": {**history, "val_loss": ["low"]}})),
        ("weights0", contents["weights0"] * np.nan), ("best0", contents["best0"] + 1),
        ("weights0", contents["weights0"].astype("U8")),
        ("weights0", contents["weights0"].astype(complex)),
        ("weights0", contents["weights0"].astype("float64")),
        ("optimizer0", contents["optimizer0"] + 1), ("digest", ""),
    ):  # fmt: skip
        np.savez(path, **{**contents, name: value})
        with pytest.raises(InputError, match="damaged or edited"):
            train(model, 2, resume=path)
    np.savez(path, **{**contents, "about": json.dumps({**about, "format": 99})})
    with pytest.raises(InputError, match="another version of the course"):
        train(model, 2, resume=path)


def test_a_checkpoint_is_whole_or_the_one_before(tmp_path, monkeypatch):
    train(small_model(), 1, resume=tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(InputError, match="No space left on device"):
        train(small_model(), 2, resume=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_a_model_is_whole_or_the_one_before(tmp_path, monkeypatch):
    path, model = tmp_path / "model.keras", small_model()
    training.save_model(model, path)
    before = path.read_bytes()

    def full(part):
        part.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save", full)
    with pytest.raises(InputError, match="No space left on device"):
        training.save_model(model, path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]
    assert path.read_bytes() == before


def test_places_where_nothing_can_be_written(tmp_path):
    for place in ("/dev/null/x", tmp_path / "no" / "run.npz"):
        with pytest.raises(InputError, match=r"--resume .*cannot write there"):
            train(small_model(), 1, resume=place)
    for place, words in (("model.h5", "ends in .keras"), ("/dev/null/m.keras", "cannot write")):
        with pytest.raises(InputError, match=words):
            training.require_model_name(place)


def test_names_that_no_file_can_have():
    for name in ("", "a" * 300, "a\0b"):
        end = ".keras" * bool(name)
        for refused in (
            lambda name=name: training.checkpoint_path(name),
            lambda name=name, end=end: training.require_model_name(name + end),
            lambda name=name, end=end: training.load_model(name + end, (3,)),
        ):
            with pytest.raises(InputError, match=r"--\w+: .*(got ''|no file's name)"):
                refused()


def test_the_longest_names_that_a_file_can_have(tmp_path):
    """The temporary file beside it has a name of its own."""
    model = small_model()
    for name in ("a" * 249 + ".keras", "面" * 83 + ".keras"):
        path = training.save_model(model, tmp_path / name)
        assert same(training.load_model(path, (3,)), model)
    train(model, 1, resume=tmp_path / ("b" * 251 + ".npz"))
    assert len(list(tmp_path.iterdir())) == 3


def test_what_a_killed_process_has_left_is_discarded(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path = tmp_path / "model.keras"
    left = [tmp_path / files._part(pid, path.name) for pid in (ended.pid, os.getpid())]
    other = tmp_path / left[0].name.replace(files.HOST, "00000000")  # another machine's
    for part in (*left, other):
        part.touch()
    training.require_model_name(path)
    assert {*tmp_path.iterdir()} == {left[1], other}
    left[0].touch()
    training.checkpoint_path(tmp_path)
    assert {*tmp_path.iterdir()} == {left[1], other}
    left[0].touch()
    files.discard_parts(tmp_path, ended.pid)
    assert {*tmp_path.iterdir()} == {left[1], other}


def test_a_model_that_cannot_be_loaded(tmp_path):
    path = tmp_path / "model.keras"
    model = small_model()
    assert training.save_model(model, path) == path
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]
    assert same(training.load_model(path, (3,)), model)
    with pytest.raises(InputError, match=r"turns \(None, 3\) into \(None, 2\)"):
        training.load_model(path, (28, 28, 1))
    whole = path.read_bytes()
    (tmp_path / "model.h5").write_bytes(b"")
    for content in (b"", b"nonsense", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"is not a \.keras file"):
            training.load_model(path, (3,))
    path.write_bytes(whole.replace(b"Sequential", b"Sequantial"))
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        training.load_model(path, (3,))
    assert "\n" not in str(caught.value)
    for name in ("model.h5", "none.keras", "."):
        with pytest.raises(InputError, match=r"no such file|is not a \.keras file"):
            training.load_model(tmp_path / name, (3,))


def rewritten(path, changes):
    """A saved model with other members, {name: bytes}."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | changes
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("name", ["../out", "assets/../../out", "assets/x", "."])
def test_an_archive_of_more_than_a_model_is_not_unpacked(tmp_path, monkeypatch, name):
    """Keras would, into a temporary folder, which stays where that fails, and warns of the rest."""
    (tmp_path / "tmp").mkdir()
    path = training.save_model(small_model(), tmp_path / "model.keras")
    rewritten(path, {name: b"x", "assets/y": b"y"})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    with pytest.raises(InputError, match=r"is not a \.keras file"):
        training.load_model(path, (3,))
    assert {*tmp_path.rglob("*")} == {path, tmp_path / "tmp"}


def test_an_archive_on_many_disks_is_no_model(tmp_path):
    """Python's `is_zipfile` raises an exception of it."""
    path = tmp_path / "model.keras"
    path.write_bytes(b"PK\6\7" + b"\1" * 16 + b"PK\5\6" + b"\0" * 18)
    with pytest.raises(InputError, match=r"is not a \.keras file"):
        training.load_model(path, (3,))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((3, 4), np.nan), "weights that are not finite"),
        (np.full((3, 4), 1e300), "weights that are not finite|overflow"),
        # PyTorch drops the imaginary part, and says so once in a process.
        *[(np.full((3, 4), 1 + 1j), "cannot be loaded")] * (keras.backend.backend() != "torch"),
    ],
)
def test_weights_that_are_no_real_numbers(tmp_path, recwarn, values, words):
    path = training.save_model(small_model(), tmp_path / "model.keras")
    with zipfile.ZipFile(path) as archive:
        stream = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(stream, "r+") as file:
        (place,) = [name for name in file["layers"] if "0" in file["layers"][name]["vars"]
                    and file["layers"][name]["vars/0"].shape == (3, 4)]  # fmt: skip
        del file["layers"][place]["vars/0"]
        file["layers"][place]["vars/0"] = values
    rewritten(path, {"model.weights.h5": stream.getvalue()})
    with pytest.raises(InputError, match=words):
        training.load_model(path, (3,))
    assert not [str(w.message) for w in recwarn if w.category is not DeprecationWarning]


def test_a_layer_of_more_units_than_the_file_has_bytes(tmp_path):
    """Keras on JAX would end the process, with status 134."""
    path = training.save_model(small_model(), tmp_path / "model.keras")
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
    rewritten(path, {"config.json": config.replace(b'"units": 4', b'"units": 1' + b"0" * 17)})
    with pytest.raises(InputError, match=r"cannot be loaded \(a layer of 1e\+17 units"):
        training.load_model(path, (3,))


CHILD = """
from course import data, lesson11
digits = data.load_digits28()
digits = digits._replace(X_train=digits.X_train[:200], y_train=digits.y_train[:200])
lesson11.train(lesson11.build_model(), digits, 10_000, resume="run", verbose=0)
"""


def start(tmp_path, *command):
    return subprocess.Popen(
        [sys.executable, *command], cwd=tmp_path, env=child_environment(), text=True,
        encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for(path, process):
    end = time.monotonic() + 200
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_a_killed_training_goes_on_as_if_nothing_had_happened(tmp_path):
    child = start(tmp_path, "-c", CHILD)
    wait_for(tmp_path / "run" / "checkpoint.npz", child)
    child.kill()
    child.communicate()
    digits = data.load_digits28()
    digits = digits._replace(X_train=digits.X_train[:200], y_train=digits.y_train[:200])
    reached = len(json.loads(str(np.load(tmp_path / "run" / "checkpoint.npz")["about"]))
                  ["history"]["loss"])  # fmt: skip
    resumed, whole = lesson11.build_model(), lesson11.build_model(seed=0)
    history = lesson11.train(resumed, digits, reached + 2, resume=tmp_path / "run", verbose=0)
    assert history.resumed == reached
    assert lesson11.train(whole, digits, reached + 2, verbose=0).logs == history.logs
    assert same(resumed, whole)


@pytest.mark.slow
def test_ctrl_c_while_the_lesson_trains(tmp_path):
    words = "--epochs 100000 --resume run --save best.keras"
    lesson = start(tmp_path, "-m", "course.lesson11", *words.split())
    wait_for(tmp_path / "run" / "checkpoint.npz", lesson)
    time.sleep(0.3)
    lesson.send_signal(signal.SIGINT)
    _, err = lesson.communicate(timeout=60)
    assert re.search(r"interrupted in epoch \d+; the best weights so far, of epoch \d+, are in "
                     r"best.keras$", one_line(err))  # fmt: skip
    assert lesson.returncode == 130
    with np.load(tmp_path / "run" / "checkpoint.npz") as checkpoint:
        best = [checkpoint[f"best{i}"] for i in range(10)]
    kept = training.load_model(tmp_path / "best.keras", (28, 28, 1)).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(kept, best))


def drawn(mode="L", ink=0, paper=255, size=(120, 90)):
    """A thick vertical bar, off the middle."""
    picture = Image.new("L", size, paper)
    ImageDraw.Draw(picture).rectangle((70, 10, 79, 79), fill=ink)
    return picture.convert(mode)


def transparent(ink):
    picture = Image.new("RGBA", (120, 90), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((70, 10, 79, 79), fill=ink)
    return picture


def deep():
    return Image.fromarray(np.asarray(drawn(), dtype="uint16") * 257)


@pytest.mark.parametrize(
    "picture",
    [
        drawn(), drawn("RGB"), drawn("RGBA"), drawn("P"), drawn("1"), drawn("LA"), drawn("CMYK"),
        deep(),
        drawn(ink=255, paper=0), drawn("RGB", ink=200, paper=30), drawn("RGB", ink=90, paper=160),
        transparent((0, 0, 0, 255)), transparent((255, 255, 255, 255)),
    ],
    ids=lambda picture: picture.mode,
)  # fmt: skip
def test_the_same_bar_on_any_paper(tmp_path, picture):
    path = tmp_path / ("bar.tif" if picture.mode == "CMYK" else "bar.png")  # PNG has no CMYK
    picture.save(path)
    got = pictures.read_digit(path)
    assert (got.shape, got.dtype) == ((28, 28), np.float32)
    rows, columns = np.nonzero(got > 0.5)
    assert (rows.min(), rows.max()) == (4, 23)
    assert set(columns) <= {12, 13, 14, 15}
    assert got.max() == pytest.approx(1)


def test_a_large_coloured_jpeg(tmp_path):
    path = tmp_path / "bar.jpg"
    drawn("RGB").resize((1200, 900)).save(path)
    assert np.abs(pictures.read_digit(path)).sum() > 20


def test_an_enlarged_mnist_like_picture_comes_back(tmp_path):
    X = data.load_digits28().X_test[0, ..., 0]
    ink = Image.fromarray((255 - 255 * X).astype("uint8")).resize((280, 280))
    ink.save(tmp_path / "digit.png")
    got = pictures.read_digit(tmp_path / "digit.png")
    moved = [np.roll(X, (i, j), (0, 1)) for i in (-2, -1, 0, 1, 2) for j in (-2, -1, 0, 1, 2)]
    assert max(np.corrcoef(got.ravel(), Z.ravel())[0, 1] for Z in moved) > 0.95


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a picture that can be read"),
        (b"GIF89a nonsense", "is not a picture that can be read|is a damaged picture"),
        ("half", "is a damaged picture"),
        ("blank", "nothing to be seen"),
        ("tiny", "has 2×2 pixels only"),
        (None, "cannot read .*No such file"),
    ],
)
def test_pictures_that_show_nothing(tmp_path, content, words):
    path = tmp_path / "a.png"
    if content == "half":
        noise = Image.fromarray(RNG.integers(0, 255, (90, 90), dtype="uint8"))
        noise.save(path)
        path.write_bytes(path.read_bytes()[:3000])
    elif content in ("blank", "tiny"):
        Image.new("L", (50, 50) if content == "blank" else (2, 2), 255).save(path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        pictures.read_digit(path)
    assert "\n" not in str(caught.value)


def test_what_pillow_logs_of_a_picture_is_not_shown(tmp_path):
    """In a process: here pytest takes what is logged."""
    Image.new("RGBA", (29, 37)).save(tmp_path / "a.tiff")
    content = (tmp_path / "a.tiff").read_bytes()
    samples, many = (struct.pack("<HHII", 277, 3, 1, count) for count in (4, 48900))
    assert samples in content
    (tmp_path / "a.tiff").write_bytes(content.replace(samples, many))
    code = "from course.data.pictures import *\ntry: read_digit('a.tiff')\nexcept InputError: pass"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=child_environment(),
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")


def test_a_picture_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST", 100)
    drawn().save(tmp_path / "a.png")
    with pytest.raises(InputError, match="has 120×90 pixels; make it smaller"):
        pictures.read_digit(tmp_path / "a.png")
    with pytest.raises(InputError, match="directory"):
        pictures.read_digit(tmp_path)


if os.name == "nt":
    del test_ctrl_c_while_the_lesson_trains  # Windows has no SIGINT for one process
