"""Lesson 14: devices, batches, bits."""

import subprocess
import sys
from types import SimpleNamespace

import keras
import ml_dtypes
import numpy as np
import pytest
from conftest import child_environment, one_line
from mistakes import Mistake, assert_caught

from course import data, lesson11, lesson13
from course import lesson14 as lesson
from course.errors import InputError
from course.lesson14 import Options
from course.machine import devices

QUICK = Options(quick=True, epochs=1)
PARTS = lesson13.load_data()
WHOLE = data.load_images()
DIGITS = lesson.even(
    WHOLE._replace(X_train=WHOLE.X_train[:400], y_train=WHOLE.y_train[:400],
                   X_val=WHOLE.X_val[:100], y_val=WHOLE.y_val[:100])
)  # fmt: skip
WHOLE_BATCHES = lesson.even(WHOLE)
X_FOUR = np.zeros((4, 1))
sharing = pytest.mark.skipif(not devices.can_share(), reason="Keras has it on JAX and TensorFlow")


def test_every_check_holds_in_a_quick_run():
    report = lesson.run(Options(quick=True))
    assert [check.name for check in report.checks if not check.passed] == []
    several = [check for check in report.checks if "devices = 1" in check.name]
    assert len(several) == (2 if devices.can_share() else 0)
    for draw in report.figures.values():
        draw()


@pytest.mark.parametrize("seed", [1, 2])
def test_other_seeds_hold(seed):
    options = Options(quick=True, seed=seed)
    reports = [lesson.shares_of_a_batch(PARTS, options), lesson.noise_of_a_batch(options),
               lesson.many_rows_few_steps(PARTS, options), lesson.larger_batches(PARTS, options),
               lesson.gradients_in_half_the_bits(PARTS, options)]  # fmt: skip
    assert [c.name for report in reports for c in report.checks if not c.passed] == []


def test_shares_of_every_size_add_up():
    X, y = (part[:17] for part in PARTS[0])
    weights, Y = lesson13.draw(3, (1, 2, 3), X)[0], np.eye(10)[y]
    whole = lesson.flat(lesson13.backward(X, Y, weights))
    for sizes in ([17], [1] * 17, [5, 5, 7], [16, 1]):
        g = lesson.flat(lesson.gradient_of_shares(X, Y, weights, sizes))
        np.testing.assert_allclose(g, whole, atol=1e-15)


def test_even_leaves_whole_batches():
    X = np.zeros((250, 28, 28, 1), "float32")
    digits = WHOLE._replace(X_train=X, y_train=WHOLE.y_train[:250])
    assert len(lesson.even(digits).X_train) == len(lesson.even(digits).y_train) == 200
    with pytest.raises(InputError, match="there are 99 and 300"):
        lesson.even(WHOLE._replace(X_train=X[:99]))


def test_rounded_to_float64_it_is_lesson_11s_network():
    weights = lesson11.draw_weights([w.shape for w in lesson11.build_model().weights], 5)
    X = WHOLE.X_test[:7]
    exact = lesson11.forward(X, weights)[-1]
    np.testing.assert_allclose(lesson.forward_in("float64", X, weights), exact, atol=1e-15)
    rough = lesson.forward_in(ml_dtypes.bfloat16, X, weights)
    assert 1e-5 < np.abs(rough - exact).max() < 1e-2


@sharing
def test_a_diary_has_every_step():
    path, seconds = lesson.first_steps(devices.several(2), DIGITS, 0)
    assert path.shape == (4, lesson11.WEIGHTS)
    assert path.dtype == "float64"
    assert np.all(np.abs(np.diff(path, axis=0)).max(axis=1) > 1e-4)
    assert seconds > 0


@sharing
def test_one_gpu_alone_has_nobody_to_share_with(monkeypatch):
    everything = devices.available
    monkeypatch.setattr(devices, "available", lambda k: ["gpu:0"] if k == "gpu" else everything(k))
    assert devices.sharing() == ["cpu:0", "cpu:1", "cpu:2", "cpu:3"]
    monkeypatch.setattr(devices, "available", lambda k: [f"{k}:{i}" for i in range(3)])
    assert devices.sharing() == ["gpu:0", "gpu:1", "gpu:2"]
    assert lesson.numbers_of_devices() == [1, 2]
    monkeypatch.setattr(devices, "chosen", "cpu:0")
    assert devices.sharing() == ["cpu:0", "cpu:1", "cpu:2"]


@pytest.mark.parametrize("flag", ["--machine 0", "--address 127.0.0.1:9", "--resume x"])
def test_flags_of_machines_alone(in_tmp, capsys, flag):
    assert lesson.main([*flag.split(), "--json"]) == 2
    assert "say how many with --machines" in one_line(capsys.readouterr().err)


def test_a_backend_at_work_before_its_devices_were_set_up():
    script = (
        "import keras, course; keras.ops.zeros(3) + 1; from course import lesson14, data\n"
        "lesson14.same_weights(data.load_images(), lesson14.Options())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=child_environment(), capture_output=True, text=True
    )
    if devices.can_share():
        assert "start Python anew, and import course.lesson14 first" in done.stderr
    else:
        assert done.returncode == 0


def changed(module, **names):
    """The module with some names replaced."""
    return SimpleNamespace(**{**vars(module), **names})


def plain_mean(right):
    def wrong(X, Y, weights, sizes):
        shares = lesson.split(np.arange(len(X)), sizes)
        g = [lesson13.backward(X[rows], Y[rows], weights) for rows in shares]
        return [np.mean(parts, axis=0) for parts in zip(*g)]

    return wrong


def in_sum(right):
    return lambda X, Y, w, sizes: [len(sizes) * g for g in right(X, Y, w, sizes)]


def another_order(right):
    def wrong(together, digits, seed, *rest):
        return right(together, digits, seed + len(devices.shares(together, X_FOUR)), *rest)

    return wrong


def a_row_lost(right):
    def wrong(together, digits, *rest):
        if len(devices.shares(together, X_FOUR)) > 1:
            X = digits.X_train.copy()
            X[::100] = 0
            digits = digits._replace(X_train=X)
        return right(together, digits, *rest)

    return wrong


def unequal(right):
    def shares(together, X):
        n = len(right.shares(together, X))
        return [X[n - 1 :], *X[: n - 1, None]]

    return changed(right, shares=shares)


def large_step_too_large(right):
    def wrong(X, Y, weights, rate):
        g = lesson.flat(lesson13.backward(X, Y, weights))
        return right(X, Y, weights, rate) + 0.001 * rate * np.abs(g).max()

    return wrong


def small_batch(right):
    def covariance(X, squares, rate, size):
        return right.order_covariance(X, squares, rate, lesson13.ROW_BATCH)

    return changed(right, order_covariance=covariance)


def rate_not_scaled(right):
    def train(seed, runs, X, y, rate, epochs, size):
        smallest = lesson.BATCHES[0] * lesson.RATE_PER_ROW
        return right.train_by_hand(seed, runs, X, y, smallest, epochs, size)

    return changed(right, train_by_hand=train)


def ten_epochs(right):
    def train(seed, runs, X, y, rate, epochs, size):
        return right.train_by_hand(seed, runs, X, y, rate, lesson.PASSES, size)

    return changed(right, train_by_hand=train)


def other_precision(policy):
    return lambda right: {"bfloat16": policy}


def guessing(right):
    def predict(model, X):
        p = right.predict(model, X)
        rough = keras.config.dtype_policy().name == "mixed_bfloat16"
        return p[:, ::-1] if rough else p

    return changed(right, predict=predict)


GRADIENT, UNEQUAL = (
    "gradient of 1, 2, 4 equal shares, relative, = the whole batch's",
    "gradient of unequal shares, weighted, relative, = the whole batch's",
)
STEPS = ["weights at every step, 2 devices = 1, furthest"]
ENOUGH_STEPS = "at 50 B, 5 times as many steps: the best of 3 rates loses"
ERROR = "bfloat16: error of p, log2 of Keras's ÷ by hand"


def shared():
    return lesson.shares_of_a_batch(PARTS, QUICK)


def on_devices():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson, "DEVICES", lesson.DEVICES[:2])  # four take TensorFlow half a minute
        return lesson.same_weights(DIGITS, QUICK)


def bits():
    return lesson.half_the_bits(DIGITS, QUICK)


def gradients():
    return lesson.gradients_in_half_the_bits(PARTS, QUICK)


MISTAKES = [
    Mistake("unequal shares not weighted", "gradient_of_shares", plain_mean, shared, [UNEQUAL]),
    Mistake("gradients added up", "gradient_of_shares", in_sum, shared, [GRADIENT, UNEQUAL]),
    Mistake("four small steps beside a larger one", "parting", large_step_too_large,
            lambda: lesson.many_rows_few_steps(PARTS, QUICK),
            ["they part as η²: at η and η/2, ratio"]),
    Mistake("noise of a small batch", "lesson13", small_batch,
            lambda: lesson.noise_of_a_batch(QUICK),
            ["variances at B, η; 4B, η; 4B, 4η, ÷ predicted, 5 sigma"]),
    Mistake("rate not scaled", "lesson13", rate_not_scaled,
            lambda: lesson.larger_batches(PARTS, QUICK),
            ["at 10 B: of the cost lost with η the same, η ∝ B loses", ENOUGH_STEPS]),
    Mistake("no batch so large that its steps are too few", "BATCHES", lambda right: (10, 50, 100),
            lambda: lesson.larger_batches(PARTS, QUICK),
            ["at 50 B: too few steps, the best of 3 rates loses? yes"]),
    Mistake("never more than ten epochs", "lesson13", ten_epochs,
            lambda: lesson.larger_batches(PARTS, QUICK), [ENOUGH_STEPS]),
    Mistake("smallest number of float16", "FLOAT16_NOTHING", lambda right: 2 * right, gradients,
            ["share that is 0 in float16, plain and scaled = below 2^-25"]),
    Mistake("one bit more than float16 has", "FLOAT16_ROUNDING", lambda right: right / 2, gradients,
            ["scaled gradients in float16, each off by less than 2^-11 of itself"]),
    Mistake("float32 for bfloat16", "LOW_PRECISION", other_precision("float32"), bits, [ERROR]),
    Mistake("weights in bfloat16 too", "LOW_PRECISION", other_precision("bfloat16"), bits,
            ["bfloat16: weights kept in float32? all"]),
    Mistake("another class", "lesson11", guessing,
            lambda: lesson.half_the_bits(WHOLE_BATCHES, Options(quick=True)),
            ["bfloat16: accuracy lost, 5 sigma"]),
]  # fmt: skip
if devices.can_share():
    MISTAKES += [
        Mistake("another order of rows", "first_steps", another_order, on_devices, STEPS),
        Mistake("a row of each batch lost", "first_steps", a_row_lost, on_devices, STEPS),
        Mistake("the first device gets most", "devices", unequal, on_devices,
                ["rows of a batch that each device gets = B/n", "put together they are the batch"]),
    ]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)
