import json

import faults
import keras
import numpy as np
import pytest
from conftest import one_line, uncompiled
from faults import Fault, assert_caught
from scipy import ndimage
from what_if import assert_edit, assert_true, each_constant, failures, run_page

from course import data, lesson11, lesson12 as lesson, training
from course.checks import lesson12 as proof
from course.checks.constants import require
from course.cli import edited, main, options, outcome
from course.errors import InputError
from course.training.augmentation import Augmentation

DIGITS = data.load_digits28()
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def done():
    return faults.run(12, quick=True)


def test_every_check_holds(done):
    assert len(done.checks) == 22
    assert [check.id for check in done.checks if not check.passed] == []


def test_the_figures_draw(done):
    assert list(done.figures) == ["transforms", "recipes", "classes"]
    for draw in done.figures.values():
        assert draw().axes


def test_the_fixed_values():
    assert (lesson.ROTATION, lesson.SHIFT) == (20, 0.2)
    model = lesson.build_model(DIGITS.X_train)
    assert type(model.layers[0]).__name__ == "Normalization"
    assert [layer.name for layer in model.layers[1:]] == [
        layer.name for layer in keras.Sequential(model.layers[1:]).layers
    ]
    trained = sum(w.size for w in (np.asarray(v) for v in model.get_weights()[3:]))
    assert trained == lesson11.WEIGHTS
    assert lesson.build_model(DIGITS.X_train[:9], schedule=lesson.one_cycle(50)).optimizer.nesterov


@pytest.mark.parametrize(
    "seed", [0, 1, 2, *(pytest.param(seed, marks=slow) for seed in range(3, 20))]
)
def test_transforms_and_draws_hold_for_any_seed(seed):
    measured = {"transforms": lesson.transform(DIGITS.X_test[: lesson.SHEET], seed)}
    checks = proof.checks(measured, options.make(12, seed=seed))
    assert len(checks) == 11
    assert [check.id for check in checks if not check.passed] == []


def test_any_linear_map_is_scipys():
    """All at once, with shifts of any size, in one step on both sides."""
    rng = np.random.default_rng(3)
    X = rng.random((6, 28, 28, 1)).astype("float32")
    angles, shifts = rng.uniform(-180, 180, 6), rng.uniform(-9, 9, (6, 2))
    flips = rng.random((2, 6)) < 0.5
    L = lesson.linear(angles, *flips)
    moved = lesson.move(X, angles, shifts, *flips)
    swap = np.eye(2)[::-1]  # SciPy counts rows first
    for k in range(6):
        matrix = swap @ L[k] @ swap
        offset = 13.5 - matrix @ (13.5 + shifts[k, ::-1])
        wanted = ndimage.affine_transform(
            X[k, ..., 0].astype("float64"), matrix, offset, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(moved[k, ..., 0], wanted, atol=2e-5)


def test_a_digit_turned_leftwards_turns_leftwards():
    X = np.zeros((1, 28, 28, 1), "float32")
    X[0, 4:14, 13:15] = 1  # a hand of a clock, at twelve
    turned = lesson.move(X, angles=90)
    rows, columns = np.nonzero(turned[0, ..., 0] > 0.5)
    assert columns.max() <= 14  # at nine
    assert set(rows) == {13, 14}


def test_half_a_pixel_shares_the_ink():
    X = np.array([[0.0, 1, 0], [0, 1, 0], [0, 0, 0]]).reshape(1, 3, 3, 1)
    moved = lesson.move(X, shifts=(0.5, 0))[0, :, :, 0]
    assert moved.tolist() == [[0.0, 0.5, 0.5], [0.0, 0.5, 0.5], [0.0, 0.0, 0.0]]
    x, y = lesson.places(np.eye(2)[None], np.array([[1.0, 0.0]]), side=3)
    assert x[0].tolist() == [[-1.0, 0.0, 1.0]] * 3
    assert y[0, :, 0].tolist() == [0.0, 1.0, 2.0]
    assert lesson.linear(np.array([90.0])).round(9).tolist() == [[[0.0, -1.0], [1.0, 0.0]]]


def test_nothing_drawn_is_nothing_done():
    rng = np.random.default_rng(0)
    still = Augmentation(lesson.move)
    assert np.array_equal(still(DIGITS.X_test, rng), DIGITS.X_test)
    ways = [lesson.MOVES(DIGITS.X_test[:5], np.random.default_rng(s)) for s in (1, 1, 2)]
    assert np.array_equal(ways[0], ways[1])
    assert not np.array_equal(ways[0], ways[2])
    assert ways[0].dtype == "float32"
    assert ways[0].min() >= 0
    assert ways[0].max() <= 1


def test_after_few_steps_nothing_is_asked_of_the_accuracy(done):
    recipes = {**done.measured["recipes"], "steps": 95}
    checks = proof.checks({"recipes": recipes}, options.make(12))
    assert [check.id for check in checks] == ["accuracies", "moved-accuracies", "one-cycle"]
    assert all(check.passed for check in checks)


def test_few_digits_of_ones_own_may_lack_a_class():
    """Nothing is asked of the nearest neighbour of a digit that is not there."""
    few = DIGITS.y_test != 6
    digits = DIGITS._replace(X_test=DIGITS.X_test[few], y_test=DIGITS.y_test[few])
    found = lesson.ask_nearest_neighbour(digits)
    assert len(found["fractions"]) == 3
    assert [c.id for c in proof.check_flipped(options.make(12), **found)] == ["fractions"]
    assert proof.check_flipped(options.make(12), {}) == []


@pytest.mark.parametrize("trained", [False, pytest.param(True, marks=slow)])
def test_an_archive_of_three_classes(in_tmp, capsys, monkeypatch, trained):
    if not trained:  # compiling takes most of the time
        monkeypatch.setattr(lesson, "train", lambda *a, **k: training.History({}))
        monkeypatch.setattr(lesson, "RECIPES", {"none": None, "rotation, shifts": lesson.MOVES})
    of_three = DIGITS.y_train < 3
    X = (255 * DIGITS.X_train[of_three, ..., 0]).astype("uint8")
    y = DIGITS.y_train[of_three]
    np.savez("three.npz", x_train=X[:150], y_train=y[:150], x_test=X[150:190], y_test=y[150:190])
    flags = ["--data", "three.npz", "--epochs", "1", "--quick", "--json"]
    assert main("lesson12", flags) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert "none: accuracy on clean, moved" in results
    assert not any("nearest" in name or "swapped" in name for name in results)


def test_ctrl_c_ends_all_recipes(monkeypatch, capsys):
    monkeypatch.setattr(lesson, "train", lambda *a, **k: training.History(interrupted=True))
    assert main("lesson12", ["--json"]) == 130
    out, err = capsys.readouterr()
    assert "course.lesson12: interrupted" in one_line(err)
    assert out == ""


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--data", "none.npz"], "cannot read none.npz"),
        (["--resume", "run"], "unrecognized arguments: --resume run"),
        (["--epochs", "0"], "expected a whole number from 1"),
    ],
)
def test_bad_input_is_one_line(in_tmp, capsys, flags, words):
    assert main("lesson12", [*flags, "--json"]) == 2
    assert words in one_line(capsys.readouterr().err)


def moved_again(found, lesson):
    return lesson.transform(found["moved"]["as it was"], 0)


def asked_again(found, lesson):
    return lesson.ask_nearest_neighbour(DIGITS)


def other_recipe(augmentation):
    return "RECIPES", lambda right: {**right, "rotation, shifts, flips": augmentation}


class HalfAngles(Augmentation):
    def draw(self, n, side, rng):
        angles, *rest = super().draw(n, side, rng)
        return angles / 2, *rest


class OneCoin(Augmentation):
    def draw(self, n, side, rng):
        angles, shifts, mirrored, _ = super().draw(n, side, rng)
        return angles, shifts, mirrored, mirrored


def with_accuracy(names, value, column=slice(None)):
    """The accuracies with those of some recipes replaced."""

    def spoil(found, lesson):
        accuracies = {name: rows.copy() for name, rows in found["accuracies"].items()}
        for name in names:
            accuracies[name][:, column] = value
        return {"accuracies": accuracies}

    return spoil


TURN, SHIFTS, ALL = "rotation", "shifts", "all-at-once"
FAULTS = [
    Fault("turned the other way", "transforms", [TURN, ALL], moved_again,
          ("linear", lambda right: lambda angles, *a: right(-angles, *a))),
    Fault("radians taken for degrees", "transforms", [TURN], moved_again,
          ("linear", lambda right: lambda angles, *a: right(np.rad2deg(angles) % 360, *a))),
    Fault("turned about a corner", "transforms", [TURN], moved_again,
          ("places", lambda right: lambda L, shifts, side: right(
              L, shifts + 0.5 * (L - np.eye(2)).sum(axis=2), side))),
    Fault("rows taken for columns", "transforms", [TURN, SHIFTS, ALL], moved_again,
          ("places", lambda right: lambda *a: right(*a)[::-1])),
    Fault("shifts the other way", "transforms", [SHIFTS, ALL], moved_again,
          ("places", lambda right: lambda L, shifts, side: right(L, -shifts, side))),
    Fault("the nearest pixel instead of straight lines", "transforms", [TURN, SHIFTS, ALL],
          moved_again, ("places", lambda right: lambda *a: [np.rint(at) for at in right(*a)])),
    Fault("a mirror that is none", "transforms", ["left-to-right", "upside-down", ALL],
          moved_again, ("linear", lambda right: lambda angles, *a: right(angles))),
    Fault("turned the other way beside Keras's layer", "transforms", ["random-rotation"],
          patch=("linear", lambda right: lambda angles, *a: right(-angles, *a))),
    Fault("a mirror that is none beside Keras's layer", "transforms", ["random-flip"],
          patch=("linear", lambda right: lambda angles, mirrored, upside_down: right(
              angles, upside_down, mirrored))),
    Fault("a shift in fractions of the side", "transforms", ["random-translation"],
          patch=("SIDE", lambda right: 1)),
    Fault("half the angles", "transforms", ["draws"],
          patch=other_recipe(HalfAngles(lesson.move, 20, 0.2, True))),
    Fault("one coin for both flips", "transforms", ["flips"],
          patch=other_recipe(OneCoin(lesson.move, 20, 0.2, True))),
    Fault("the variance taken for the deviation", "standardised", ["standardised", "folded"],
          lambda found, lesson: lesson.standardise(DIGITS, 0),
          ("build_model", lambda right: lambda X, *a, **k: right(X * X.std(), *a, **k))),
    Fault("a pixel's value off by a hundred-thousandth", "standardised", ["standardised"],
          lambda found, lesson: {"Z": found["Z"] + 1e-5}),
    Fault("the layer's variance off by a hundred-thousandth", "standardised", ["mean-variance"],
          lambda found, lesson: {"weights": [found["weights"][0] + 2e-6, *found["weights"][1:]]}),
    Fault("a rate off by a hundred-thousandth", "recipes", ["one-cycle"],
          patch=("one_cycle", lambda right: lambda steps: lambda t: 1.00001 * right(steps)(t))),
    Fault("a shift off by a ten-thousandth of a pixel", "transforms", [SHIFTS], moved_again,
          ("places", lambda right: lambda L, shifts, side: right(L, shifts + 1e-4, side))),
    Fault("a peak twice as high", "recipes", ["one-cycle"],
          patch=("one_cycle", lambda right: lambda steps: lambda t: 2 * right(steps)(t))),
    Fault("no training at all", "recipes", ["moves-help"], with_accuracy(lesson.RECIPES, 0.1)),
    Fault("training by flips alone", "recipes", ["flips-harm"],
          with_accuracy(["none", "rotation, shifts", lesson.BETTER], 0.1)),
    Fault("an accuracy that is no number", "recipes", ["moves-help", "flips-harm"],
          with_accuracy(["rotation, shifts"], np.nan)),
    Fault("flips that leave a digit as it is", "flipped", ["six-is-nine"], asked_again,
          ("linear", lambda right: lambda angles, *a: right(angles))),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(12, fault)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """An archive of 200 of the digits, 60 to test: a changed lesson takes seconds."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.npz"
    X, y = (255 * DIGITS.X_train[:260, ..., 0]).astype("uint8"), DIGITS.y_train[:260]
    np.savez(path, x_train=X[:200], y_train=y[:200], x_test=X[200:], y_test=y[200:])
    return {"data": str(path), "epochs": 1, "quick": True}


WHAT_IF = {
    "ROTATION": ("0", "5.5", "180"),
    "SHIFT": ("0", "0.05", "1"),
    "SMALL_SHIFT": ("0", "0.2", "1"),
    "START_RATE": ("0", "1e-5", "3"),
    "PEAK_RATE": ("1e-4", "1", "1000.0"),
    "WARM_UP": ("0", "0.01", "0.99"),
    "EPOCHS": ("1", "3", "12"),
    "QUICK_EPOCHS": ("1", "3", "12"),
    "SEEDS": ("1", "2", "4"),
    "QUICK_SEEDS": ("1", "2", "3"),
    "SHEET": ("1", "12", "1000"),
    "STREAM": ("0", "1", "10**6"),
    "MOVES": (
        "Augmentation(move)",
        "Augmentation(move, 90, flips=True)",
        "lambda X, rng: move(X, 30)",
    ),
    "BETTER": ('"better"', '"none"', '"a recipe with a long name, longer than others"'),
    "RECIPES": (
        '{"none": None}',
        '{BETTER: Augmentation(move, 10), "upside down": lambda X, rng: X[:, ::-1]}',
        '{**RECIPES, "flips": Augmentation(move, 45, 0.5), "more": MOVES, "": None}',
    ),
}


# One recipe that the constant concerns is trained: to compile another network takes seconds.
RECIPE = {
    **dict.fromkeys(["SMALL_SHIFT", "START_RATE", "PEAK_RATE", "WARM_UP"],
                    "{BETTER: RECIPES[BETTER]}"),
    **dict.fromkeys(["ROTATION", "SHIFT", "MOVES"], '{"rotation, shifts": MOVES}'),
    **dict.fromkeys(["EPOCHS", "QUICK_EPOCHS", "SEEDS", "QUICK_SEEDS", "SHEET", "STREAM"],
                    '{"none": None}'),
    "BETTER": '{"none": None, BETTER: RECIPES[BETTER]}',
}  # fmt: skip


@slow
@each_constant(WHAT_IF)
def test_what_if(tiny, name, value):
    given = {**tiny, "quick": name not in ("EPOCHS", "SEEDS")}
    if name.endswith("EPOCHS"):
        del given["epochs"]
    also = {"RECIPES": RECIPE[name]} if name in RECIPE else {}
    assert_true(12, name, value, also, **given)


@slow
@uncompiled
@pytest.mark.parametrize(
    ("name", "value", "rows"),
    [
        ("ROTATION", "10", set()),
        ("SHIFT", "0.25", set()),
        ("ROTATION", "0", {"moves-help", "flips-harm"}),
        ("SHIFT", "0.6", {"moves-help", "flips-harm"}),
        ("PEAK_RATE", "1e6", set()),
    ],
)
def test_what_if_on_all_digits(name, value, rows):
    assert not_for(assert_true(12, name, value, quick=True)) == rows


def test_what_if_one_recipe_is_left_and_one_is_new():
    new = '{"none": None, "large shifts": Augmentation(move, shift=0.4)}'
    found = assert_true(12, "RECIPES", new, quick=True)
    assert list(found.measured["recipes"]["tables"]) == ["none", "large shifts"]
    assert "large shifts: fraction of 2, 5; 6, 9 swapped" in found.results
    assert not {"moves-help", "flips-harm"} & {check.id for check in found.checks}


def not_for(found):
    return {check.id for check in found.checks if check.not_for}


NETWORK = {"folded", "compiled"}
LAYER = {"standardised", "mean-variance"}
LAYERS = "standardise, *network.layers]"


@slow
@uncompiled
@pytest.mark.parametrize(
    ("old", "new", "rows", "why"),
    [
        (LAYERS, "standardise, keras.layers.Dropout(0.2), *network.layers]", NETWORK,
         {"not for Dropout"}),
        (LAYERS, "standardise, keras.layers.RandomRotation(0.05), *network.layers]", NETWORK,
         {"not for RandomRotation"}),
        (LAYERS, "*network.layers]", NETWORK | LAYER, {"not for 8 layers", "not for Conv2D first"}),
        ("model.compile(network.optimizer,", "model.compile(keras.optimizers.Adam(1e-3),", set(),
         set()),
        ("from course.data import SIDE, load_images as load_data",
         "from course.data import SIDE, load_images\n\n\ndef load_data(source=None):\n"
         "    digits = load_images(source)\n"
         "    return digits._replace(X_train=digits.X_train[:90], y_train=digits.y_train[:90])",
         set(), set()),
    ], ids=lambda word: word[:40] if isinstance(word, str) else None,
)  # fmt: skip
def test_what_if_the_page_is_edited(tiny, old, new, rows, why):
    """Only one recipe is trained: to compile another network takes seconds."""
    text = edited.source_of(12)
    assert old in text
    text = edited.with_constants(text.replace(old, new), {"RECIPES": '{"none": None}'})
    found = run_page(12, text, **tiny)
    assert failures(found) == []
    assert not_for(found) == rows
    assert {check.not_for for check in found.checks} == {"", *why}


@slow
@uncompiled
def test_what_if_adam_trains_on_all_digits():
    old, new = "model.compile(network.optimizer,", "model.compile(keras.optimizers.Adam(1e-3),"
    found = assert_edit(12, old, new, quick=True)
    assert not_for(found) == {"moves-help", "flips-harm"}


def test_what_is_asked_of_the_recipes_is_asked_of_the_pages_network(done):
    """Without training anything: the proof of a page with Adam, or with few digits."""
    adam = ("model.compile(network.optimizer,", "model.compile(keras.optimizers.Adam(),")
    few = (
        "from course.data import SIDE, load_images as load_data",
        "from course.data import SIDE, load_images\n\n\ndef load_data(source=None):\n"
        "    return load_images(source)._replace(y_train=np.zeros(90, int))",
    )
    for (old, new), why in ((adam, "not for Adam"), (few, "not for 90 images")):
        with edited.page(12, edited.source_of(12).replace(old, new)):
            _, changed, _ = outcome.modules(12)
            checks = changed.check_recipes(options.make(12), **done.measured["recipes"])
        assert {check.id for check in checks if check.not_for == why} == {
            "moves-help", "flips-harm",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("ROTATION", -1), ("SHIFT", 1.5), ("PEAK_RATE", 0), ("WARM_UP", 1.0), ("EPOCHS", 0),
     ("SHEET", 0), ("MOVES", None), ("RECIPES", {}), ("RECIPES", {"none": 0}), ("BETTER", 3)],
)  # fmt: skip
def test_a_constant_that_makes_no_sense_is_refused(name, value):
    text = edited.with_constants(edited.source_of(12), {name: repr(value)})
    with edited.page(12, text) as page, pytest.raises(InputError, match=rf"{name} is "):
        require(page, outcome.modules(12)[1])


def test_an_augmentation_has_no_limits_below_0():
    values = {"MOVES": "Augmentation(move, -45)", "RECIPES": '{"": Augmentation(move, shift=-1)}'}
    for name, value in values.items():
        text = edited.with_constants(edited.source_of(12), {name: value})
        with edited.page(12, text) as page, pytest.raises(InputError, match="limits of at least 0"):
            require(page, outcome.modules(12)[1])
