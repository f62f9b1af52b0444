import json

import keras
import numpy as np
import pytest
from conftest import one_line
from mistakes import Mistake, assert_caught
from scipy import ndimage

from course import data, lesson11, training
from course import lesson12 as lesson
from course.cli.report import precision
from course.training import NetworkOptions

DIGITS = data.load_digits28()
QUICK = NetworkOptions(quick=True)


@pytest.fixture(scope="module")
def report():
    return lesson.run(QUICK)


def test_every_check_holds(report):
    assert len(report.checks) == 17
    assert [check.name for check in report.checks if not check.passed] == []


def test_the_figures_draw(report):
    assert list(report.figures) == ["transforms", "recipes", "classes"]
    for draw in report.figures.values():
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


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("section", ["by_hand", "by_keras"])
def test_transforms_hold_for_any_seed(section, seed):
    failed = [c.name for c in getattr(lesson, section)(DIGITS, seed).checks if not c.passed]
    assert failed == []


@pytest.mark.parametrize("seed", range(20))
def test_draws_hold_for_any_seed(seed):
    assert lesson.draws(seed).passed


def test_any_linear_map_is_scipys():
    """All at once, with shifts of any size, in one step on both sides."""
    rng = np.random.default_rng(3)
    X = rng.random((6, 28, 28, 1)).astype("float32")
    angles, shifts = rng.uniform(-180, 180, 6), rng.uniform(-9, 9, (6, 2))
    L = lesson.linear(angles, rng.random(6) < 0.5, rng.random(6) < 0.5)
    moved = lesson.move(X, L, shifts)
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
    turned = lesson.move(X, lesson.linear(np.array([90.0])), np.zeros((1, 2)))
    rows, columns = np.nonzero(turned[0, ..., 0] > 0.5)
    assert columns.max() <= 14  # at nine
    assert set(rows) == {13, 14}


def test_nothing_drawn_is_nothing_done():
    rng = np.random.default_rng(0)
    still = lesson.Augmentation()
    assert np.array_equal(still(DIGITS.X_test, rng), DIGITS.X_test)
    ways = [lesson.MOVES(DIGITS.X_test[:5], np.random.default_rng(s)) for s in (1, 1, 2)]
    assert np.array_equal(ways[0], ways[1])
    assert not np.array_equal(ways[0], ways[2])
    assert ways[0].dtype == "float32"
    assert ways[0].min() >= 0
    assert ways[0].max() <= 1


def test_after_an_epoch_nothing_is_asked_of_the_accuracy(monkeypatch):
    monkeypatch.setattr(lesson, "RECIPES", dict.fromkeys(lesson.RECIPES))
    few = DIGITS._replace(X_train=DIGITS.X_train[:200], y_train=DIGITS.y_train[:200])
    done = lesson.recipes(few, NetworkOptions(epochs=1, quick=True))
    assert [check.name for check in done.checks] == ["one-cycle rate, Keras = by formula"]
    assert done.passed


def test_an_archive_of_three_classes(in_tmp, capsys):
    of_three = DIGITS.y_train < 3
    X = (255 * DIGITS.X_train[of_three, ..., 0]).astype("uint8")
    y = DIGITS.y_train[of_three]
    np.savez("three.npz", x_train=X[:150], y_train=y[:150], x_test=X[150:190], y_test=y[150:190])
    assert lesson.main(["--data", "three.npz", "--epochs", "1", "--quick", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert not any("nearest neighbour" in name for name in results)


def test_ctrl_c_ends_all_recipes(monkeypatch, capsys):
    monkeypatch.setattr(lesson, "train", lambda *a, **k: training.History(interrupted=True))
    assert lesson.main(["--json"]) == 130
    assert "interrupted in recipe 'none', seed 0" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--data", "none.npz"], "cannot read none.npz"),
        (["--resume", "run"], "unrecognized arguments: --resume run"),
        (["--epochs", "0"], "expected a whole number from 1"),
    ],
)
def test_bad_input_is_one_line(in_tmp, capsys, flags, words):
    assert lesson.main([*flags, "--json"]) == 2
    assert words in one_line(capsys.readouterr().err)


def in_float32(section, *args):
    def run():
        with precision("float32"):
            return getattr(lesson, section)(*args)

    return run


by_hand = in_float32("by_hand", DIGITS, 0)
by_keras = in_float32("by_keras", DIGITS, 0)
draws = in_float32("draws", 0)
scaling = in_float32("scaling", DIGITS, QUICK)
recipes = in_float32("recipes", DIGITS, QUICK)
flipped = in_float32("flipped", DIGITS, QUICK)
TURN, ALL = "rotation, by hand = SciPy's", "all at once, by hand = SciPy's"
SHIFTS = "shifts, by hand = SciPy's"
GAIN = "moved digits: what the moves bring, below 10 points"
HARM = "clean digits: what flips on top cost, below 0"
SPREAD = "deviation of angles, shifts ÷ limit/√3, 5 sigma"
MISTAKES = [
    Mistake("turned the other way", "linear",
            lambda right: lambda angles, *a, **k: right(-angles, *a, **k), by_hand, [TURN, ALL]),
    Mistake("radians taken for degrees", "linear",
            lambda right: lambda angles, *a, **k: right(np.rad2deg(angles) % 360, *a, **k),
            by_hand, [TURN]),
    Mistake("turned about a corner", "places",
            lambda right: lambda L, shifts, side: right(L, shifts + 0.5 * (
                L - np.eye(2)).sum(axis=2), side), by_hand, [TURN]),
    Mistake("rows taken for columns", "places",
            lambda right: lambda *a: right(*a)[::-1], by_hand, [TURN, SHIFTS, ALL]),
    Mistake("shifts the other way", "move",
            lambda right: lambda X, L, shifts: right(X, L, -shifts), by_hand, [SHIFTS, ALL]),
    Mistake("the nearest pixel instead of straight lines", "places",
            lambda right: lambda *a: [np.rint(place) for place in right(*a)], by_hand,
            [TURN, SHIFTS, ALL]),
    Mistake("a mirror that is none", "linear",
            lambda right: lambda angles, *a, **k: right(angles), by_hand,
            ["left to right, by hand = SciPy's", "upside down, by hand = SciPy's", ALL]),
    Mistake("a shift in shares of the side", "SIDE", lambda right: 1, by_keras,
            ["Keras's RandomTranslation = by hand"]),
    Mistake("half the angles", "ROTATION", lambda right: right,
            lambda: halved(), [SPREAD]),
    Mistake("one coin for both flips", "RECIPES",
            lambda right: {**right, "rotation, shifts, flips": OneCoin(20, 0.2, True)}, draws,
            ["share mirrored, upside down, both, 5 sigma"]),
    Mistake("the variance taken for the deviation", "build_model",
            lambda right: lambda X, *a, **k: right(X * X.std(), *a, **k), scaling,
            ["centred and scaled by Keras = (X − mean)/deviation",
             "network without the layer, by hand, on raw digits = Keras with it"]),
    Mistake("a peak twice as high", "PEAK_RATE", lambda right: right, lambda: too_high(),
            ["one-cycle rate, Keras = by formula"]),
    Mistake("no training at all", "train", lambda right: lambda *a, **k: training.History(),
            recipes, [GAIN]),
    Mistake("training by flips alone", "train", lambda right: lambda model, d, e, s, augment: (
        right(model, d, e, s) if getattr(augment, "flips", False) and augment.rotation
        else training.History()),
        recipes, [HARM]),
    Mistake("flips that leave a digit as it is", "linear",
            lambda right: lambda angles, *a, **k: right(angles), flipped,
            ["a 6 upside down and mirrored is a 9: share below ½"]),
]  # fmt: skip


class OneCoin(lesson.Augmentation):
    def draw(self, n, rng):
        angles, shifts, mirrored, _ = super().draw(n, rng)
        return angles, shifts, mirrored, mirrored


def halved():
    half = lesson.Augmentation(10, 0.2, True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(lesson.RECIPES, "rotation, shifts, flips", half)
        return draws()


def too_high():
    """A schedule with another peak than the formula's, and nothing trained."""
    schedule = keras.optimizers.schedules.CosineDecay
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson, "train", lambda *a, **k: training.History())
        patch.setattr(keras.optimizers.schedules, "CosineDecay",
                      lambda *a, warmup_target, **k: schedule(
                          *a, warmup_target=2 * warmup_target, **k))  # fmt: skip
        return recipes()


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)
