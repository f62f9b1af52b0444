import json
from types import SimpleNamespace

import faults
import keras
import numpy as np
import pytest
from conftest import one_line, uncompiled
from faults import Fault, assert_caught
from PIL import Image
from scipy import signal
from what_if import assert_edit, assert_true, each_constant

from course import data, lesson11 as lesson, training
from course.checks import lesson11 as proof
from course.checks.constants import require
from course.cli import edited, main, network, outcome
from course.errors import InputError
from course.training import History

DIGITS = data.load_digits28()
slow = pytest.mark.slow


def failed(done):
    return [check.id for check in done.checks if not check.passed]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The lesson as anyone runs it, and the model it kept: (outcome, path)."""
    found = faults.run(11)
    path = tmp_path_factory.mktemp("kept") / "model.keras"
    model = lesson.build_model()
    model.set_weights(found.measured["network"]["weights"])
    training.save_model(model, path)
    return found, path


def test_every_check_holds(done):
    assert len(done[0].checks) == 18
    assert failed(done[0]) == []


@slow
def test_the_model_that_is_kept_is_the_one_that_was_trained(in_tmp):
    found = outcome.run(11, save="model.keras", epochs=1)
    kept = keras.saving.load_model("model.keras").get_weights()
    for ours, theirs in zip(found.measured["network"]["weights"], kept, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@slow
def test_after_one_epoch_in_float64_nothing_is_asked_of_the_accuracy():
    found = outcome.run(11, seed=5, epochs=1, dtype="float64")
    assert len(found.checks) == 15
    assert failed(found) == []


@slow
def test_every_check_holds_in_a_quick_run():
    found = faults.run(11, quick=True)
    assert len(found.checks) == 18
    assert failed(found) == []


@slow
@uncompiled
@pytest.mark.parametrize("rows", [30, 101, 480, 1001])
def test_few_images_of_another_kind(in_tmp, capsys, rows):
    """Nothing is asked of the accuracy; all else holds, from few images on."""
    X = (255 * DIGITS.X_train[:rows, ..., 0]).astype("uint8")
    y = DIGITS.y_train[:rows] % 3
    np.savez("other.npz", x_train=X, y_train=y, x_test=X[:9], y_test=y[:9])
    assert main("lesson11", ["--data", "other.npz", "--epochs", "1", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["results"]["images to train, validate, test; classes"][-1] == 3
    assert len(record["checks"]) == 15


def test_ctrl_c_in_the_slow_run_is_said(monkeypatch, capsys):
    one = {"loss": [1.0], "val_loss": [1.0]}
    runs = iter([History(one), History(one, interrupted=True)])
    monkeypatch.setattr(lesson, "train", lambda *a, **k: next(runs))
    assert main("lesson11", ["--json"]) == 130
    out, err = capsys.readouterr()
    assert "interrupted in the section 'slow'; the network itself was trained" in one_line(err)
    assert len(json.loads(out)["checks"]) == 13


def test_the_figures_draw(done):
    assert list(done[0].figures) == ["features", "mistakes", "training"]
    for draw in done[0].figures.values():
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
    assert [layer.count_params() for layer in model.layers] == proof.arithmetic(3)[-1]
    assert lesson.predict(model, DIGITS.X_test[:2]).shape == (2, 3)


def as_png(path, X, size=280, invert=True):
    ink = (255 * (1 - X if invert else X)).astype("uint8")
    Image.fromarray(ink).resize((size, size)).save(path)
    return str(path)


def test_predict_reads_digits_from_pictures(done, in_tmp, capsys):
    rows = [int(np.flatnonzero(DIGITS.y_test == k)[0]) for k in (0, 4, 6)]
    paths = [as_png(in_tmp / f"{i}.png", DIGITS.X_test[i, ..., 0], 100 + i, i % 2) for i in rows]
    words = ["--model", str(done[1]), "--json", "--save-dir", "pictures"]
    assert main("lesson11", ["--predict", *paths, *words]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [record["results"][f"{path} shows a"] for path in paths] == [0, 4, 6]
    p = [record["results"][f"{paths[0]}: probability of {k}"] for k in range(10)]
    assert sum(p) == pytest.approx(1, abs=1e-5)
    assert (in_tmp / "pictures" / "lesson11_predict.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (keras.layers.Rescaling(1e38), "does not give finite probabilities"),
        (keras.layers.Activation(keras.ops.shape), "cannot read a picture|does not give finite"),
        (keras.layers.Resizing(5, 5), "cannot read a picture"),
    ],
)
def test_a_model_that_loads_but_gives_no_probabilities(last, words):
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(3), last]
    page = SimpleNamespace(predict=lambda model, X: keras.ops.convert_to_numpy(model(X)))
    with pytest.raises(InputError, match=f"--model m.keras ({words})"):
        network.asked(page, keras.Sequential(layers), 1e3 * DIGITS.X_test[:1], "m.keras")


def test_predict_without_a_model_trains_one(in_tmp, monkeypatch):
    trained = []
    monkeypatch.setattr(lesson, "train", lambda *a, **k: trained.append(a) or History())
    path = as_png(in_tmp / "a.png", DIGITS.X_test[0, ..., 0])
    found = outcome.run(11, predict=(path,))
    assert failed(found) == []
    assert trained[0][2] == lesson.QUICK_EPOCHS
    assert found.figures["predict"]().axes


def test_ctrl_c_without_save_reports_on_what_there_is(done, in_tmp, capsys, monkeypatch):
    def interrupted(model, *_, **__):
        model.set_weights(keras.saving.load_model(done[1]).get_weights())
        return History({"loss": [1.0, 0.5]}, best_epoch=2, interrupted=True)

    monkeypatch.setattr(lesson, "train", interrupted)
    assert main("lesson11", []) == 130
    out, err = capsys.readouterr()
    assert "interrupted in epoch 3; the best weights so far, of epoch 2, are reported on" in (
        one_line(err)
    )
    assert "13 of 13 checks hold" in out


@pytest.mark.parametrize(
    ("flags", "words"),
    [([], "of epoch 2, are lost (--save keeps them)"), (["--save", "m.keras"], "are in m.keras")],
)
def test_ctrl_c_while_a_network_is_trained_for_a_picture(in_tmp, capsys, monkeypatch, flags, words):
    interrupted = History({"loss": [1.0, 0.5]}, best_epoch=2, interrupted=True)
    monkeypatch.setattr(lesson, "train", lambda *_, **__: interrupted)
    path = as_png(in_tmp / "a.png", DIGITS.X_test[0, ..., 0])
    assert main("lesson11", ["--predict", path, *flags, "--json"]) == 130
    assert words in one_line(capsys.readouterr().err)


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
    assert main("lesson11", [*flags, "--json"]) == 2
    out, err = capsys.readouterr()
    assert words in one_line(err)
    assert out == ""


def test_a_resume_folder_of_something_else_is_one_line(in_tmp, capsys):
    (in_tmp / "run").mkdir()
    (in_tmp / "run" / "checkpoint.npz").write_text("no checkpoint")
    assert main("lesson11", ["--resume", "run", "--json"]) == 2
    assert "is no checkpoint of the course, or is damaged" in one_line(capsys.readouterr().err)


def by_hand_again(found, lesson):
    return {"layers": lesson.forward(found["digits"].X_test[:100], found["weights"])}


def other_answers(found, p):
    """What the lesson measures where the network gives these probabilities."""
    y = found["digits"].y_test
    table = lesson.confusion(y, p.argmax(axis=1), 10)
    return {"p": p, "table": table, "accuracy": np.trace(table) / len(y)}


def plain_momentum(found, lesson):
    """Keras without Nesterov, trained again."""
    model = lesson.build_model()
    model.optimizer.nesterov = False
    return {"path": lesson.begin(model, DIGITS)["path"]}


def first_cost_by_hand(found, path):
    X, y = found["digits"].X_val[:1000], found["digits"].y_val[:1000]
    return {"path": path, "first_cost": lesson.cost(X, y, path[0])}


def layers_of(model):
    return [(layer.output.shape[1:], layer.count_params()) for layer in model.layers]


def another_decay(found, lesson):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson, "DECAY", 1e-5)
        model = lesson.build_model()
    return {"rates": [training.models.rate_at(model.optimizer, t) for t in (0, 10**6)]}


def count_of(layers, change):
    """The layers' sizes and numbers of weights, those of the first changed."""
    (shape, count), *rest = layers
    return {"layers": [(shape, count + change), *rest]}


def another_output(found, which):
    outputs = [output.copy() for output in found["outputs"]]
    outputs[which] *= 1 + 1e-4
    return {"outputs": outputs}


FORWARD = ["probabilities-keras"]
FAULTS = [
    Fault("filters turned round, a true convolution", "network", FORWARD, by_hand_again,
          ("convolve", lambda right: lambda X, K, b: right(X, K[::-1, ::-1], b))),
    Fault("the bias forgotten", "network", FORWARD, by_hand_again,
          ("convolve", lambda right: lambda X, K, b: right(X, K, 0 * b))),
    Fault("means pooled", "network", FORWARD, by_hand_again,
          ("max_pool", lambda right: lambda X: -right(-X) / 2 + right(X) / 2)),
    Fault("exp z without its sum", "network", FORWARD, by_hand_again,
          ("softmax", lambda right: np.exp)),
    Fault("a confusion matrix on its side", "network", ["confusion", "precision-recall"],
          lambda found, _: {"table": found["table"].T, "precision": found["recall"],
                            "recall": found["precision"]}),
    Fault("precision taken for recall", "network", ["precision-recall"],
          lambda found, _: {"precision": found["recall"], "recall": found["precision"]}),
    Fault("the probabilities of other pictures", "network", [*FORWARD, "accuracy-keras"],
          lambda found, _: {**other_answers(found, np.roll(found["p"], 1, axis=0)),
                            "accuracy": found["accuracy"]}),
    Fault("answers at random", "network", ["baseline", "accuracy"],
          lambda found, _: other_answers(found, np.random.default_rng(0).random((297, 10)))),
    Fault("dense weights ten times as large", "start", ["first-cost"],
          lambda found, _: first_cost_by_hand(found, [
              [w * 10 if w.ndim == 2 else w for w in found["path"][0]], *found["path"][1:]])),
    Fault("labels off by one", "start", ["first-steps"],
          lambda found, _: {"digits": found["digits"]._replace(
              y_train=(found["digits"].y_train + 1) % 10)}),
    Fault("momentum 0.8 by hand", "start", ["first-steps"],
          patch=("MOMENTUM", lambda right: 0.8)),
    Fault("momentum without Nesterov in Keras", "start", ["first-steps"], plain_momentum),
    Fault("a filter without its bias counted", "start", ["weights", "weights-keras"],
          lambda found, _: count_of(found["layers"], -4)),
    Fault("a layer in Keras off by a ten-thousandth", "network", FORWARD,
          lambda found, _: another_output(found, 3)),
    Fault("a side given wrongly", "start", ["sizes"],
          patch=("SIDES", lambda right: (24, 22, 11, 9, 5))),
    Fault("a decay of 1e-5", "start", ["learning-rate"], another_decay),
    Fault("a learning rate off by a hundred-thousandth", "start", ["learning-rate"],
          lambda found, _: {"rates": np.multiply(found["rates"], 1 + 1e-5)}),
    Fault("the cost of other labels", "start", ["first-cost-keras"],
          patch=("cost", lambda right: lambda X, y, w: right(X, (y + 1) % 10, w))),
    Fault("a picture of 29 pixels", "start", ["sizes-keras"],
          lambda found, lesson: {"layers": layers_of(lesson.build_model((29, 29, 1)))}),
    Fault("a dense layer of 127 units", "start", ["weights-keras", "weights"],
          lambda found, _: {"layers": [*found["layers"][:6], ((127,), 127 * 257),
                                       ((10,), 10 * 128)]}),
    Fault("an S without momentum", "slow", ["slow"],
          patch=("reach", lambda right: lambda rate, steps: rate * steps)),
    Fault("a fall that is 8 % too large", "slow", ["slow"],
          lambda found, _: {"fall": 1.08 * found["fall"]}),
    Fault("a fall that is no number", "slow", ["slow"], lambda found, _: {"fall": np.nan}),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(11, fault)


def test_probabilities_that_do_not_add_up_are_caught(done):
    pictures = {"paths": ("a.png",), "X": DIGITS.X_test[:1], "p": np.full((1, 10), 0.1)}
    options = outcome.lesson_options.make(11)
    assert proof.checks({"pictures": pictures}, options)[0].passed
    assert not proof.checks({"pictures": {**pictures, "p": pictures["p"] / 2}}, options)[0].passed


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """An archive of 400 of the digits, 60 to test: a changed lesson takes seconds."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.npz"
    X, y = (255 * DIGITS.X_train[:460, ..., 0]).astype("uint8"), DIGITS.y_train[:460]
    np.savez(path, x_train=X[:400], y_train=y[:400], x_test=X[400:], y_test=y[400:])
    return {"data": str(path), "epochs": 1, "quick": True}


WHAT_IF = {
    "LEARNING_RATE": ("0.001", "2.0", "1000.0"),
    "DECAY": ("0", "0.01", "10.0"),
    "MOMENTUM": ("0", "0.5", "0.99"),
    "BATCH_SIZE": ("1", "32", "4000"),
    "EPOCHS": ("1", "3", "100"),
    "QUICK_EPOCHS": ("1", "2", "8"),
    "SLOW_RATE": ("1e-6", "1e-3", "0.5"),
    "SLOW_BATCHES": ("1", "2", "100"),
    "WEIGHTS": ("1", "10_000", "1_000_000"),
}


@slow
@each_constant(WHAT_IF)
def test_what_if(tiny, name, value):
    assert_true(11, name, value, **tiny)


@slow
@uncompiled
@pytest.mark.parametrize("value", ["0.01", "0.2"])
def test_what_if_the_learning_rate_is_another_on_all_digits(value):
    assert_true(11, "LEARNING_RATE", value, quick=True)


NETWORK = {"sizes-keras", "weights-keras", "weights", "first-cost", "first-cost-keras",
           "first-steps", "probabilities-keras"}  # fmt: skip
STEPS = {"learning-rate", "first-steps", "slow-accuracy", "slow"}
FLATTEN = "    model.add(keras.layers.Flatten())\n"


def not_for(found):
    return {check.id for check in found.checks if check.not_for}


def test_before_training_the_learning_rate_may_be_a_plain_number():
    text = edited.source_of(11).replace("SGD(rate,", "SGD(learning_rate,")
    with edited.page(11, text) as page:
        _, changed, _ = outcome.modules(11)
        start = page.begin(page.build_model(), DIGITS)
        checks = changed.check_start(outcome.lesson_options.make(11), **start)
    assert start["rates"] == pytest.approx([0.05, 0.05])
    assert {check.id for check in checks if check.not_for} == {"learning-rate", "first-steps"}
    assert all(check.passed for check in checks)


@slow
@uncompiled
@pytest.mark.parametrize(
    ("old", "new", "rows", "why"),
    [
        ("SGD(rate,", "SGD(learning_rate,", STEPS, "not for a rate without decay"),
        ("keras.optimizers.SGD(rate, momentum=float(MOMENTUM), nesterov=True)",
         "keras.optimizers.Adam(learning_rate)", STEPS, "not for Adam"),
        ("keras.optimizers.SGD(rate, momentum=float(MOMENTUM), nesterov=True)",
         "keras.optimizers.Adam(1e-3)", STEPS, "not for Adam"),
        ("schedules.InverseTimeDecay(learning_rate, 1, DECAY)",
         "schedules.ExponentialDecay(learning_rate, 100, 0.9)", STEPS, "not for ExponentialDecay"),
        ('Conv2D(8, 3, activation="tanh"', 'Conv2D(8, 3, activation="relu"', NETWORK,
         "not for relu"),
        (FLATTEN, f"    model.add(keras.layers.Dropout(0.3))\n{FLATTEN}",
         NETWORK | {"slow-accuracy", "slow"}, "not for Dropout"),
        (FLATTEN, '    model.add(keras.layers.Conv2D(8, 3, activation="relu", **zeros))\n'
         f"{FLATTEN}", NETWORK | {"layers-scipy"}, "not for 9 layers"),
        ("    model.add(keras.layers.MaxPooling2D(2))\n", "", NETWORK | {"layers-scipy"},
         "not for 6 layers"),
        ("Conv2D(16, 3,", 'Conv2D(16, 3, padding="same",', NETWORK | {"layers-scipy"},
         "not for layers of another size"),
        ("Dense(128,", "Dense(20,", NETWORK | {"layers-scipy"}, "not for layers of another size"),
        ("from course.data import load_images as load_data",
         "from course.data import load_images\n\n\ndef load_data(source=None):\n"
         "    digits = load_images(source)\n"
         "    return digits._replace(X_train=digits.X_train[:90], y_train=digits.y_train[:90])",
         set(), None),
    ], ids=lambda word: word[:40].strip() if isinstance(word, str) else None,
)  # fmt: skip
def test_what_if_the_page_is_edited(tiny, old, new, rows, why):
    found = assert_edit(11, old, new, **tiny)
    assert not_for(found) == rows
    assert {check.not_for for check in found.checks} == ({"", why} if why else {""})


@pytest.mark.parametrize(
    ("name", "value"),
    [("LEARNING_RATE", -1), ("MOMENTUM", 1.0), ("DECAY", -1e-6), ("BATCH_SIZE", 0), ("EPOCHS", 0),
     ("SLOW_RATE", 0)],
)  # fmt: skip
def test_a_constant_that_makes_no_sense_is_refused(name, value):
    text = edited.with_constants(edited.source_of(11), {name: repr(value)})
    with edited.page(11, text) as page, pytest.raises(InputError, match=f"{name} is {value}"):
        require(page, proof)
