import json
from functools import cache

import keras
import numpy as np
import pytest
from conftest import one_line
from mistakes import Mistake, assert_caught
from PIL import Image
from scipy import signal

from course import data
from course import lesson11 as lesson
from course.cli.report import precision
from course.training import History, Options

DIGITS = data.load_digits28()


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The lesson as anyone runs it, and the model it kept: (report, path)."""
    path = tmp_path_factory.mktemp("kept") / "model.keras"
    return lesson.run(Options(save=str(path))), path


def test_every_check_holds(done):
    report, _ = done
    assert len(report.checks) == 15
    assert [check.name for check in report.checks if not check.passed] == []


def test_after_one_epoch_in_float64_nothing_is_asked_of_the_accuracy():
    report = lesson.run(Options(seed=5, epochs=1, dtype="float64"))
    assert len(report.checks) == 13
    assert [check.name for check in report.checks if not check.passed] == []


def test_every_check_holds_in_a_quick_run():
    report = lesson.run(Options(quick=True, seed=7))
    assert len(report.checks) == 15
    assert [check.name for check in report.checks if not check.passed] == []


@pytest.mark.parametrize("rows", [30, 101, 480, 1001])
def test_few_images_of_another_kind(in_tmp, capsys, rows):
    """Nothing is asked of the accuracy; all else holds, from few images on."""
    X = (255 * DIGITS.X_train[:rows, ..., 0]).astype("uint8")
    y = DIGITS.y_train[:rows] % 3
    np.savez("other.npz", x_train=X, y_train=y, x_test=X[:9], y_test=y[:9])
    assert lesson.main(["--data", "other.npz", "--epochs", "1", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["results"]["images to train, validate, test; classes"][-1] == 3
    assert len(record["checks"]) == 13


def test_ctrl_c_in_the_slow_run_is_said(monkeypatch, capsys):
    runs = iter([History({"loss": [1.0], "val_loss": [1.0]}), History(interrupted=True)])
    monkeypatch.setattr(lesson, "train", lambda *a, **k: next(runs))
    assert lesson.main(["--json"]) == 130
    assert "interrupted in the run at 1e-4" in one_line(capsys.readouterr().err)


def test_the_figures_draw(done):
    report, _ = done
    assert list(report.figures) == ["features", "mistakes", "training"]
    for draw in report.figures.values():
        assert draw().axes


def test_the_fixed_values():
    model = lesson.build_model()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Conv2D", "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Flatten",
                     "Dense", "Dense"]  # fmt: skip
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [(c.filters, c.kernel_size, c.padding, c.activation.__name__) for c in convolutions] == [
        (4, (5, 5), "valid", "tanh"), (8, (3, 3), "valid", "tanh"), (16, (3, 3), "valid", "relu"),
    ]  # fmt: skip
    dense = model.layers[-2:]
    assert [(d.units, d.activation.__name__) for d in dense] == [(128, "tanh"), (10, "softmax")]
    assert model.count_params() == 35_754
    sgd = model.optimizer
    assert (type(sgd).__name__, sgd.momentum, sgd.nesterov) == ("SGD", 0.9, True)
    rates = [float(keras.ops.convert_to_numpy(sgd._learning_rate(t))) for t in (0, 10**6)]
    assert rates == pytest.approx([0.05, 0.025])
    assert model.loss == "categorical_crossentropy"
    assert (lesson.BATCH_SIZE, lesson.EPOCHS) == (100, 10)


def test_the_first_weights_are_as_spread_as_they_should_be():
    model = lesson.build_model(seed=7)
    K1, b1, K2, *_, W4, b4, W5, _ = model.get_weights()
    for K, outs, ins in ((K1, 25 * 4, 25), (K2, 9 * 8, 9 * 4)):
        limit = (6 / (ins + outs)) ** 0.5
        assert 0.9 * limit < np.abs(K).max() <= limit
        assert abs(K.mean()) < 4 * limit / (3 * K.size) ** 0.5
    assert W4.std() == pytest.approx(0.05, rel=4 / (2 * W4.size) ** 0.5)
    assert W5.std() == pytest.approx(0.05, rel=4 / (2 * W5.size) ** 0.5)
    assert not b1.any()
    assert not b4.any()
    again, other = lesson.build_model(seed=7), lesson.build_model(seed=8)
    assert np.array_equal(again.get_weights()[0], K1)
    assert not np.array_equal(other.get_weights()[0], K1)


def test_convolution_and_pooling_are_scipys():
    rng = np.random.default_rng(1)
    X, K, b = rng.normal(size=(2, 9, 8, 3)), rng.normal(size=(3, 2, 3, 4)), rng.normal(size=4)
    got = lesson.convolve(X, K, b)
    assert got.shape == (2, 7, 7, 4)
    for i in range(2):
        for f in range(4):
            channels = [signal.correlate2d(X[i, :, :, c], K[:, :, c, f], "valid") for c in range(3)]
            np.testing.assert_allclose(got[i, :, :, f], sum(channels) + b[f], atol=1e-12)
    pooled = lesson.max_pool(X)
    assert pooled.shape == (2, 4, 4, 3)
    assert pooled[1, 3, 2, 0] == X[1, 6:8, 4:6, 0].max()


def test_another_number_of_classes():
    model = lesson.build_model(n_classes=3)
    assert lesson.arithmetic(model, 3).passed
    assert lesson.predict(model, DIGITS.X_test[:2]).shape == (2, 3)


def as_png(path, X, size=280, invert=True):
    ink = (255 * (1 - X if invert else X)).astype("uint8")
    Image.fromarray(ink).resize((size, size)).save(path)
    return str(path)


def test_predict_reads_digits_from_pictures(done, in_tmp, capsys):
    rows = [int(np.flatnonzero(DIGITS.y_test == k)[0]) for k in (0, 4, 6)]
    paths = [as_png(in_tmp / f"{i}.png", DIGITS.X_test[i, ..., 0], 100 + i, i % 2) for i in rows]
    words = ["--model", str(done[1]), "--json", "--save-dir", "pictures"]
    assert lesson.main(["--predict", *paths, *words]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [record["results"][f"{path} shows a"] for path in paths] == [0, 4, 6]
    p = [record["results"][f"{paths[0]}: probability of {k}"] for k in range(10)]
    assert sum(p) == pytest.approx(1, abs=1e-5)
    assert (in_tmp / "pictures" / "lesson11_predict.png").stat().st_size > 5000


def test_predict_without_a_model_trains_one(in_tmp, monkeypatch):
    trained = []
    monkeypatch.setattr(lesson, "train", lambda *a, **k: trained.append(a) or History())
    path = as_png(in_tmp / "a.png", DIGITS.X_test[0, ..., 0])
    report = lesson.run(Options(predict=(path,)))
    assert report.passed
    assert trained[0][2] == lesson.QUICK_EPOCHS


def test_ctrl_c_without_save_reports_on_what_there_is(done, in_tmp, capsys, monkeypatch):
    def interrupted(model, *_, **__):
        model.set_weights(keras.saving.load_model(done[1]).get_weights())
        return History({"loss": [1.0, 0.5]}, best_epoch=2, interrupted=True)

    monkeypatch.setattr(lesson, "train", interrupted)
    assert lesson.main([]) == 130
    out, err = capsys.readouterr()
    assert "interrupted in epoch 3; the best weights so far, of epoch 2, are reported on" in (
        one_line(err)
    )
    assert "12 of 12 checks hold" in out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--data", "none.npz"], "cannot read none.npz: No such file"),
        (["--data", "text.npz"], "text.npz is not an .npz archive"),
        (["--model", "m.keras"], "--model is for --predict"),
        (["--predict", "good.png", "--model", "m.keras", "--resume", "run"], "trained already"),
        (["--predict", "good.png", "--save", "bad.txt"], "--save bad.txt: the name of a model"),
        (["--save", "model.txt"], "--save model.txt: the name of a model ends in .keras"),
        (["--save", "no/model.keras"], "--save no/model.keras: cannot write there"),
        (["--predict", "none.png"], "cannot read none.png: No such file"),
        (["--predict", "text.npz"], "text.npz is not a picture that can be read"),
        (["--predict", "good.png", "--model", "none.keras"], "--model none.keras: no such file"),
        (["--predict", "good.png", "--model", "text.npz"], "text.npz is not a .keras file"),
        (["--patience", "0"], "expected a whole number from 1"),
        (["--predict"], "argument --predict: expected at least one argument"),
    ],
)
def test_bad_input_is_one_line(in_tmp, capsys, flags, words):
    (in_tmp / "text.npz").write_text("no archive")
    as_png(in_tmp / "good.png", DIGITS.X_test[0, ..., 0])
    assert lesson.main([*flags, "--json"]) == 2
    out, err = capsys.readouterr()
    assert words in one_line(err)
    assert out == ""


def test_a_resume_folder_of_something_else_is_one_line(in_tmp, capsys):
    (in_tmp / "run").mkdir()
    (in_tmp / "run" / "checkpoint.npz").write_text("no checkpoint")
    assert lesson.main(["--resume", "run", "--json"]) == 2
    assert "is no checkpoint of the course, or is damaged" in one_line(capsys.readouterr().err)


@cache
def model(kept):
    return keras.saving.load_model(kept)


TEN = History({"loss": [0.0] * 10})
START = {
    "beginning": lambda _: lesson.beginning(lesson.build_model(), DIGITS, 0),
    "first steps": lambda _: lesson.first_steps(lesson.build_model(), DIGITS),
    "trained": lambda kept: lesson.trained(model(kept), DIGITS, Options()),
    "arithmetic": lambda _: lesson.arithmetic(lesson.build_model(), 10),
    "peers": lambda kept: lesson.peers(
        DIGITS, lesson.trained(model(kept), DIGITS, Options()).results[
            "accuracy on the test images"], TEN, Options()),
    "slow": lambda _: lesson.slow(DIGITS, TEN, Options(epochs=2)),
}  # fmt: skip
FORWARD = [f"probabilities of {lesson.BY_HAND_IMAGES} images, Keras = by hand"]
BEGINNING = ["cost before training = ln K + ½ var z, 5 sigma"]
STEPS = ["first two steps of ten weights ÷ the first = Nesterov on measured slopes"]
TABLE = ["confusion matrix = scikit-learn's"]
SHARES = ["precision and recall of each class = scikit-learn's"]
MISTAKES = [
    ("filters turned round, a true convolution", "convolve",
     lambda right: lambda X, K, b: right(X, K[::-1, ::-1], b), "trained", FORWARD),
    ("the bias forgotten", "convolve",
     lambda right: lambda X, K, b: right(X, K, 0 * b), "trained", FORWARD),
    ("means pooled", "max_pool",
     lambda right: lambda X: -right(-X) / 2 + right(X) / 2, "trained", FORWARD),
    ("exp z without its sum", "softmax", lambda right: lambda z: np.exp(z), "trained", FORWARD),
    ("a confusion matrix on its side", "confusion", lambda right: lambda *a: right(*a).T,
     "trained", TABLE + SHARES),
    ("precision taken for recall", "precision_recall",
     lambda right: lambda table: right(table)[::-1], "trained", SHARES),
    ("the probabilities of other pictures", "predict",
     lambda right: lambda model, X: np.roll(right(model, X), 1, axis=0), "trained",
     [*FORWARD, "accuracy, Keras's = diagonal of the confusion matrix"]),
    ("answers at random", "predict",
     lambda right: lambda model, X: np.random.default_rng(0).random((len(X), 10)), "peers",
     ["accuracy below the logistic regression's, 3 sigma", "accuracy below 96.5%"]),
    ("dense weights ten times as large", "draw_weights",
     lambda right: lambda *a: [w * 10 if w.ndim == 2 else w for w in right(*a)], "beginning",
     BEGINNING),
    ("labels off by one", "one_hot", lambda right: lambda y, K: right((y + 1) % K, K),
     "first steps", STEPS),
    ("momentum 0.8 by hand", "MOMENTUM", lambda right: 0.8, "first steps", STEPS),
    ("momentum without Nesterov in Keras", "build_model", lambda right: lambda: plain_momentum(
        right()), "first steps", STEPS),
    ("a filter without its bias counted", "WEIGHTS", lambda right: right - 28, "arithmetic",
     ["weights in all, Keras = the course's"]),
    ("a side given wrongly", "SIDES", lambda right: (24, 22, 11, 9, 5), "arithmetic",
     ["sides and flat by formula = the course's"]),
    ("a decay of 1e-5", "DECAY", lambda right: 1e-5, "arithmetic",
     ["learning rate at step 0, 10⁶, Keras = η/(1 + 1e-6 t)"]),
    ("the cost of other labels", "cost", lambda right: lambda X, y, w: right(X, (y + 1) % 10, w),
     "beginning", ["the same, Keras = by hand"]),
    ("a picture of 29 pixels", "build_model", lambda right: lambda: right((29, 29, 1)),
     "arithmetic", ["sides and flat, Keras = n − k + 1, ⌊n/2⌋"]),
    ("an S without momentum", "reach", lambda right: lambda rate, steps: rate * steps, "slow",
     ["at 1e-4 the fall of the cost, relative, = |Δθ|²/S"]),
]  # fmt: skip


def plain_momentum(model):
    sgd = keras.optimizers.SGD(lesson.LEARNING_RATE, momentum=lesson.MOMENTUM)
    model.compile(sgd, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0])
def test_a_mistake_is_caught(monkeypatch, done, mistake):
    *what, section, caught_by = mistake
    kept = str(done[1])

    def in_float32():
        with precision("float32"):
            return START[section](kept)

    assert_caught(monkeypatch, lesson, Mistake(*what, in_float32, caught_by))
