"""Lesson 14: devices, batches, bits."""

import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
from conftest import child_environment, once, one_line
from faults import Fault, assert_caught, failing, run
from what_if import assert_edit, assert_true, each_constant

from course import cli, data, lesson11, lesson13, lesson14 as lesson
from course.checks import lesson14 as proof
from course.checks.constants import require
from course.cli import edited
from course.errors import InputError
from course.machine import devices, together

(X, y), _, TEST = lesson13.load_data()
Y, START = np.eye(10)[y], lesson13.draw(0, (0, 0, 0), X)[0]
slow = pytest.mark.slow
sharing = pytest.mark.skipif(not devices.can_share(), reason="Keras has it on JAX and TensorFlow")


def few_digits():
    digits = lesson.load_data()
    few = {name: getattr(digits, name)[:400] for name in ("X_train", "y_train")}
    return digits._replace(**few, X_val=digits.X_val[:100], y_val=digits.y_val[:100])


def test_every_check_holds_in_a_quick_run():
    outcome = run(14, quick=True)
    assert len(outcome.checks) == (21 if devices.can_share() else 16)
    assert [check.id for check in outcome.checks if not check.passed] == []
    assert ("several devices" in outcome.results) is not devices.can_share()
    for draw in outcome.figures.values():
        assert draw().axes


@slow
@pytest.mark.parametrize("seed", [1, 2])
def test_other_seeds_hold(seed):
    start = lesson13.draw(seed, (0, 0, 0), X)[0]
    measured = {
        "batch": lesson.share_a_batch(X[:100], Y[:100], start),
        "scaling": lesson.scale_the_rate(X, Y, start),
        "noise": lesson.scatter(seed, lesson13.QUICK_FITS),
        "sizes": lesson.enlarge_batches(X, y, TEST, seed, lesson.QUICK_NETWORKS),
        "float16": lesson.round_gradients(X, y, seed),
    }
    assert [*next(failing(14, measured, {"quick": True, "seed": seed}))] == []


def test_parts_of_every_size_add_up():
    weights = lesson13.draw(3, (1, 2, 3), X)[0]
    batch = X[:17], Y[:17], weights
    whole = lesson.device_gradients(*batch, [17])[0]
    for sizes in ([17], [1] * 17, [5, 5, 7], [16, 1]):
        g = lesson.combine(lesson.device_gradients(*batch, sizes), sizes)
        np.testing.assert_allclose(g, whole, atol=1e-15)


def test_the_data_are_whole_batches(monkeypatch):
    digits = data.load_images()
    few = digits._replace(X_train=digits.X_train[:250], y_train=digits.y_train[:250])
    monkeypatch.setattr(data, "load_images", lambda source: few)
    found = lesson.load_data()
    assert len(found.X_train) == len(found.y_train) == 200
    assert len(found.X_val) == len(found.y_val) == 300
    few = few._replace(X_train=few.X_train[:99], y_train=few.y_train[:99])
    with pytest.raises(InputError, match="there are 99 and 300"):
        together.whole_batches(lesson, None)


def test_rounded_to_float64_it_is_lesson_11s_network():
    weights = [w + 0.01 for w in lesson11.build_model(seed=5).get_weights()]
    images = data.load_images().X_test[:7]
    exact = lesson11.forward(images, weights)[-1]
    np.testing.assert_allclose(proof.forward_in("float64", images, weights), exact, atol=1e-15)
    rough = proof.forward_in(ml_dtypes.bfloat16, images, weights)
    assert 1e-5 < np.abs(rough - exact).max() < 1e-2


def test_the_limits_of_float16():
    just_above = np.multiply(proof.NOTHING, [1, 1.001]).astype("float16")
    assert just_above.tolist() == [0, 2.0**-24]
    assert (proof.NORMAL, proof.ROUNDING) == (2.0**-14, 2.0**-11)


@sharing
def test_the_weights_after_every_step():
    path, seconds = lesson.first_steps(devices.several(2), few_digits(), 0)
    assert path.shape == (4, lesson11.WEIGHTS)
    assert path.dtype == "float64"
    assert np.all(np.abs(np.diff(path, axis=0)).max(axis=1) > 1e-4)
    assert seconds > 0


@pytest.mark.parametrize("flag", ["--process-id 0", "--address 127.0.0.1:9", "--resume x"])
def test_flags_of_several_processes_alone(in_tmp, capsys, flag):
    assert cli.main("lesson14", [*flag.split(), "--json"]) == 2
    assert "say how many with --num-processes" in one_line(capsys.readouterr().err)


@slow
@sharing
def test_a_backend_at_work_before_its_devices_were_set_up():
    script = (
        "import keras, course; keras.ops.zeros(3) + 1; from course import lesson14\n"
        "lesson14.same_weights(lesson14.load_data(), 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=child_environment(), capture_output=True, text=True
    )
    assert "start Python anew, and import course.lesson14 first" in done.stderr


def batch_again(found, lesson):
    return lesson.share_a_batch(X[:100], Y[:100], START)


def sizes_again(found, lesson):
    return lesson.enlarge_batches(X, y, TEST, 0, lesson.QUICK_NETWORKS)


def plain_mean(right):
    return lambda g, sizes: np.mean(g, axis=0)


def added_up(right):
    return lambda g, sizes: len(sizes) * right(g, sizes)


def large_step_too_large(right):
    return lambda X, Y, w, rate, k: right(X, Y, w, rate * (1.001 if k == 1 else 1), k)


def small_batch(right):
    return lambda X, squares, rate, size: right(X, squares, rate, lesson13.ROW_BATCH)


def rate_not_scaled(right):
    def train(seed, runs, X, y, rate, epochs, size):
        return right(seed, runs, X, y, lesson.SMALLEST_RATE, epochs, size)

    return train


def ten_epochs(right):
    def train(seed, runs, X, y, rate, epochs, size):
        return right(seed, runs, X, y, rate, lesson.PASSES, size)

    return train


def other_policy(policy):
    return lambda right: {**right, "bfloat16": policy}


def half_again(found, lesson):
    """As many steps as a few digits make; the networks need not have learnt anything."""
    digits = few_digits()._replace(X_test=found["X"], y_test=np.zeros(len(found["X"]), int))
    return lesson.half_the_bits(digits, 1, 0, ["float32", "bfloat16"])


def other_class(found, lesson):
    networks = found["networks"]
    wrong = {**networks["bfloat16"], "right": ~networks["bfloat16"]["right"]}
    return {"networks": {**networks, "bfloat16": wrong}}


def on_two_devices(seed=0, row=None):
    """What the lesson measured, but for the path of two devices: of another training."""

    def spoil(found, lesson):
        digits = lesson.load_data()
        images = digits.X_train.copy()
        if row is not None:
            images[row::100] = 0
        changed = digits._replace(X_train=images)
        path = lesson.first_steps(devices.several(2), changed, seed)
        return {"float64": [found["float64"][0], path, found["float64"][2]]}

    return spoil


def unequal(found, lesson):
    batch = found["batch"]
    one, two, four = ([batch[n - 1 :], *batch[: n - 1, None]] for n in (1, 2, 4))
    return {"parts": [one, two, four]}


def float32_far_off(found, lesson):
    return {"float32": [(path + 1e-3, seconds) for path, seconds in found["float32"]]}


FAULTS = [
    Fault("unequal parts not weighted", "batch", ["unequal"], batch_again,
          ("combine", plain_mean)),
    Fault("gradients added up", "batch", ["equal", "unequal"], batch_again,
          ("combine", added_up)),
    Fault("four small steps beside a larger one", "scaling", ["first-order"],
          lambda found, lesson: lesson.scale_the_rate(X, Y, START),
          ("take_steps", large_step_too_large)),
    Fault("noise of a small batch", "noise", ["noise"],
          patch=("references.order_covariance", small_batch)),
    Fault("rate not scaled", "sizes", ["scaled-rate", "more-steps"], sizes_again,
          ("lesson13.train_by_hand", rate_not_scaled)),
    Fault("no batch so large that its steps are too few", "sizes", ["few-steps"],
          lambda found, _: {"few_steps": [found["costs"]["η ∝ B"][2]] * 3}),
    Fault("never more than ten epochs", "sizes", ["more-steps"], sizes_again,
          ("lesson13.train_by_hand", ten_epochs)),
    Fault("a cost that is not finite", "sizes", ["scaled-rate", "few-steps", "more-steps"],
          lambda found, lesson: {name: np.full((3, 4), np.nan)
                                 for name in ("few_steps", "more_steps")}
          | {"costs": {rule: np.full((6, 4), np.nan) for rule in lesson.RULES}}),
    Fault("smallest number of float16", "float16", ["float16-zeros"],
          patch=("NOTHING", lambda right: 2 * right)),
    Fault("one bit more than float16 has", "float16", ["float16-rounding"],
          patch=("ROUNDING", lambda right: right / 2)),
    Fault("float32 for bfloat16", "policies", ["bfloat16-error"], half_again,
          ("POLICIES", other_policy("float32"))),
    Fault("weights in bfloat16 too", "policies", ["float32-weights"], half_again,
          ("POLICIES", other_policy("bfloat16"))),
    Fault("another class", "policies", ["bfloat16-accuracy"], other_class),
    Fault("float32 rounded to fewer bits", "policies", ["float32-probabilities"],
          lambda found, _: {"networks": {**found["networks"], "float32": {
              **found["networks"]["float32"], "p": found["networks"]["float32"]["p"] + 1e-4}}}),
    Fault("at the usual η as far apart as to first order", "scaling", ["large-rate"],
          lambda found, _: {"differences": [*found["differences"][:2],
                                            2 * found["differences"][2]]}),
    Fault("a plain mean that is weighted", "batch", ["plain-mean"],
          lambda found, _: {"plain": found["weighted"]}),
]  # fmt: skip
if devices.can_share():
    FAULTS += [
        Fault("another order of rows", "devices", ["devices-2"], on_two_devices(seed=1)),
        Fault("a row of each batch lost", "devices", ["devices-2"], on_two_devices(row=0)),
        Fault("the first device gets most", "devices", ["rows", "whole-batch"], unequal),
        Fault("float32 far from float64", "devices", ["float32"], float32_far_off),
    ]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(14, fault)


def trained_together():
    """What `together.measure` returns, without any training."""
    path = np.random.default_rng(0).normal(size=(12, 5))
    return dict(processes=2, alone=path, steps=[path, path], weights=[path[-1], path[-1]],
                costs=[2.0, 1.0], resumed=0, seconds=3.0)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "caught_by"), [("steps", "processes"), ("weights", "processes-end")]
)
@pytest.mark.parametrize("error", [1e-9, np.nan])
def test_a_process_that_differs_is_caught(name, caught_by, error):
    found = trained_together()
    assert [*next(failing(14, {"machines": found}, {}))] == []
    found[name] = [found[name][0], found[name][1] + error]
    assert [*next(failing(14, {"machines": found}, {}))] == [caught_by]


def test_what_several_processes_measured_has_results_and_no_figure():
    from course.cli import options, outcome

    examined = outcome.examine(14, {"machines": trained_together()}, options.make(14))
    assert examined.results["cost in the first epoch and the last"] == (2.0, 1.0)
    assert examined.figures == {}
    alone = {**trained_together(), "steps": [trained_together()["alone"]], "weights": [0]}
    assert len(outcome.examine(14, {"machines": alone}, options.make(14)).checks) == 1


WHAT_IF = {
    "DEVICES": ("(1, 2)", "(2, 4)", "(1,)"),
    "UNEQUAL": ("(50, 50)", "(1, 2, 3, 4)", "(100, 100, 1)"),
    "EPOCHS": ("1", "3", "20"),
    "QUICK_EPOCHS": ("1", "3", "4"),
    "STEPS": ("2", "5", "100"),
    "TOGETHER": ("2", "5", "10"),
    "FIRST_ORDER": ("1e-5", "1e-2", "0.05"),
    "BATCHES": ("(10, 100)", "(500,)", "(3, 30, 60)"),
    "SMALLEST_RATE": ("0.001", "0.08", "5.0"),
    "RULES": ('{"η the same": 0, "η ∝ B": 1}', '{"η ∝ B²": 2}', '{"η ∝ B": 1, "η ÷ B": -1}'),
    "PASSES": ("1", "8", "30"),
    "NETWORKS": ("1", "2", "6"),
    "QUICK_NETWORKS": ("1", "2", "8"),
    "LOSS_SCALE": ("1.0", "1000.0", "2.0**24"),
    "POLICIES": ('{"float32": "float32"}', '{"bfloat16": "mixed_bfloat16"}',
                 '{"float32": "float32", "half": "mixed_float16"}'),
}  # fmt: skip


SHARED = ("DEVICES", "STEPS")  # of several devices, which Keras has on JAX and TensorFlow


@slow
@each_constant({name: values for name, values in WHAT_IF.items() if name not in SHARED})
def test_what_if(name, value):
    assert_true(14, name, value)


@slow
@each_constant({name: WHAT_IF[name] for name in SHARED}, where=once)
def test_what_if_of_several_devices(name, value):
    assert_true(14, name, value)


def not_for(found):
    return {check.id for check in found.checks if check.not_for}


def test_what_if_the_parts_are_equal():
    assert not_for(assert_true(14, "UNEQUAL", "(50, 50)")) == {"plain-mean"}


def test_what_if_the_factor_is_too_large():
    """Most gradients times 2^24 are infinite in float16; those that are not are well rounded."""
    found = assert_true(14, "LOSS_SCALE", "2.0**24")
    assert np.isinf(found.measured["float16"]["scaled"]).any()


@slow
def test_what_if_the_digits_are_ones_own():
    found = assert_edit(14, "digits = data.load_images(source)",
                        "digits = data.load_images(source)\n"
                        "    few = {name: getattr(digits, name)[:450] for name in"
                        ' ("X_train", "y_train")}\n'
                        "    digits = digits._replace(**few)", quick=True)  # fmt: skip
    assert not_for(found) == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [("DEVICES", (1, 3)), ("UNEQUAL", (100, 0)), ("TOGETHER", 1), ("FIRST_ORDER", 0.5),
     ("BATCHES", (10, 0)), ("BATCHES", ()), ("DEVICES", ()), ("PASSES", 0),
     ("LOSS_SCALE", 0.0), ("POLICIES", {"half": "float8"})],
)  # fmt: skip
def test_a_constant_that_makes_no_sense_is_refused(name, value):
    text = edited.with_constants(edited.source_of(14), {name: repr(value)})
    with edited.page(14, text) as page, pytest.raises(InputError, match=f"{name} is "):
        require(page, proof)
