import numpy as np
import pytest
import references
from faults import Fault, assert_caught, failing, run
from what_if import assert_edit, assert_true, each_constant

from course import lesson02 as lesson
from course.checks import constants, lesson02 as proof
from course.cli import edited, options
from course.errors import InputError


@pytest.mark.parametrize(
    "given",
    [
        {},
        pytest.param({"quick": True, "seed": 5}, marks=pytest.mark.slow),
        pytest.param({"epochs": 3}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_every_check_holds(given):
    checks = run(2, **given).checks
    assert len(checks) == 14
    assert [check.id for check in checks if not check.passed] == []


@pytest.mark.slow
def test_float32_holds_its_own_tolerance():
    checks = run(2, dtype="float32", quick=True).checks
    assert [check.id for check in checks if not check.passed] == []


def test_the_fixed_values():
    x, y = lesson.load_data()
    assert (lesson.START, lesson.LEARNING_RATE, lesson.EPOCHS, lesson.NEW_X) == (1, 0.01, 100, 4)
    results = run(2).results
    w = references.one_weight_trajectory(x, y, 1.0, 0.01, 100)[-1]
    assert results["w after 100 epochs"] == pytest.approx(w, rel=1e-12)
    assert results["prediction for x = 4"] == pytest.approx(4 * w, rel=1e-6)
    assert results["largest learning rate that converges"] == pytest.approx(3 / 14, abs=1e-9)


def test_the_builder_starts_where_it_is_told():
    model = lesson.build_model(learning_rate=0.1, start=-3.0)
    assert model.get_weights()[0].tolist() == [[-3.0]]


def test_training_goes_on_where_it_stopped():
    x, y = lesson.load_data()
    model = lesson.build_model()
    path = np.append(lesson.train(model, x, y, 2), lesson.train(model, x, y, 3)[1:])
    expected = references.one_weight_trajectory(x, y, 1.0, 0.01, 5)
    np.testing.assert_allclose(path, expected, rtol=1e-6)


def test_descent_ends_in_the_minima_that_scipy_finds():
    low, high = references.minima_of_the_double_well(lesson.TILT)
    starts = np.array([-0.5, 0.5])
    ends = lesson.descend(lesson.double_well_slope, starts, 0.02, 2000)[-1]
    # SciPy looks at J, not at its slope: it cannot see below the square root of rounding.
    np.testing.assert_allclose(ends, [low, high], atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_noisy_runs_spread_as_the_temperature_says_for_any_seed(seed):
    found = lesson.leave_the_wrong_well(lesson.NOISY_RUNS, seed)
    checks = proof.check_double_well(options.make(2), **found)
    assert {check.id: check.passed for check in checks}["noise"]


def test_the_figures_draw():
    for draw in run(2).figures.values():
        assert draw().axes


def downhill_again(found, lesson):
    """By hand alone."""
    x, y = found["x"], found["y"]
    path = lesson.descend(lambda w: lesson.slope(w, x, y), lesson.START, lesson.LEARNING_RATE,
                          len(found["path"]) - 1)  # fmt: skip
    return {"path": path, "slopes": [lesson.slope(w, x, y) for w in found["places"]]}


def in_keras_again(found, lesson):
    model = lesson.build_model()
    path = lesson.train(model, found["x"], found["y"], len(found["path"]) - 1)
    return {"in_keras": path, "prediction": lesson.NEW_X * path[-1]}


def rates_again(found, lesson):
    return lesson.try_learning_rates()


def double_well_again(found, lesson):
    return {"path": lesson.descend(lesson.double_well_slope, lesson.WELL_START, lesson.WELL_RATE,
                                   lesson.WELL_STEPS)}  # fmt: skip


def noise_again(found, lesson):
    return lesson.leave_the_wrong_well(lesson.NOISY_RUNS, seed=0)


def halved(right):
    return lambda *a: right(*a) / 2


def tripled_loss(right):
    def build(*a):
        import keras

        model = right(*a)
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        mse = keras.losses.MeanSquaredError()
        model.compile(keras.optimizers.SGD(rate), loss=lambda y, y_hat: 3 * mse(y, y_hat))
        return model

    return build


FAULTS = [
    Fault("a slope that forgot its factor 2", "descent", ["slope-numeric", "path", "path-keras"],
          downhill_again, ("slope", halved)),
    Fault("a descent that climbs", "descent", ["converges", "path"], downhill_again,
          ("slope", lambda right: lambda *a: -right(*a))),
    Fault("a path kept in float32", "descent", ["path"],
          lambda found, lesson: {"path": np.float32(found["path"]).astype("float64")}),
    Fault("the same, looking for the largest learning rate", "limit", ["limit"], rates_again,
          ("slope", halved)),
    Fault("uphill", "limit", ["around-limit"], rates_again,
          ("slope", lambda right: lambda *a: -right(*a))),
    Fault("a curvature without its 2", "limit", ["around-limit", "distances"], rates_again,
          ("curvature", halved)),
    Fault("a search for the limit that stops early", "limit", ["limit"],
          lambda found, lesson: {"largest": found["largest"] * (1 + 1e-8)}),
    Fault("one epoch too many", "descent", ["path", "path-keras"], downhill_again,
          ("descend", lambda right: lambda J_slope, w, rate, epochs: right(
              J_slope, w, rate, epochs + 1)[1:])),
    Fault("a Keras cost that is summed", "descent", ["path-keras", "prediction-keras"],
          in_keras_again, ("build_model", tripled_loss)),
    Fault("a learning rate off by a hundred-thousandth", "descent", ["path-keras"], in_keras_again,
          ("build_model", lambda right: lambda: right(0.01 * (1 + 1e-5)))),
    Fault("noise √(ηT), not √(2ηT)", "double_well", ["noise"], noise_again,
          ("noisy_descent", lambda right: lambda w, T, *rest: right(w, T / 2, *rest)), {}),
    Fault("the tilt forgotten in the slope", "double_well", ["stuck", "compiled"],
          double_well_again, ("double_well_slope", lambda right: lambda w: right(w) - lesson.TILT)),
    Fault("the worst restart taken for the best", "double_well", ["restart"],
          lambda found, lesson: {"best": found["path"][-1]}),
    Fault("noisy runs where they cannot be", "double_well", ["noise-range"],
          lambda found, lesson: {"noisy": 2 * found["noisy"]}),
    Fault("a compiled descent in float32", "double_well", ["compiled"],
          lambda found, lesson: {"compiled": np.float32(found["compiled"]).astype("float64")}),
    Fault("distances after one epoch more", "limit", ["distances"],
          lambda found, lesson: {"distances": found["distances"]
                                 * np.abs(1 - 2 * found["factors"])}),
    Fault("noise that goes on while it cools", "double_well", ["cooled"],
          lambda found, lesson: {"cooled": found["noisy"]}),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(2, fault)


WHAT_IF = {
    "START": ("-3.0", "2.0", "1e6"),
    "LEARNING_RATE": ("0.1", "1.0", "1e3"),
    "EPOCHS": ("1", "7", "1000"),
    "NEW_X": ("0.0", "-2.5", "1e4"),
    "FACTORS": ("np.linspace(0.5, 1.5, 9)", "(1.2,)", "np.linspace(0.1, 0.9, 5)"),
    "TRIED_EPOCHS": ("1", "10", "500"),
    "TILT": ("0.0", "-0.3", "1.0"),
    "WELL_START": ("-1.5", "0.5", "2.0"),
    "WELL_RATE": ("0.001", "0.1", "0.6"),
    "WELL_STEPS": ("10", "200", "3000"),
    "RESTARTS": ("1", "5", "100"),
    "TEMPERATURE": ("0.01", "1.0", "2.0"),
    "NOISY_STEPS": ("1", "500", "5000"),
    "NOISY_RUNS": ("50", "400", "3000"),
    "QUICK_NOISY_RUNS": ("20", "100", "1000"),
}


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value):
    assert_true(2, name, value)


def named(found, id):
    (check,) = (check for check in found.checks if check.id == id)
    return check


def not_for(found):
    return {check.id: check.not_for for check in found.checks if check.not_for}


def test_a_rate_above_the_limit_is_foreseen_and_diverges():
    found = assert_true(2, "LEARNING_RATE", "0.25")
    assert named(found, "converges").name == "0.25 is above 2/λ = 0.214: diverges"
    assert found.results["contraction factor"] == "-1.33333: diverges"
    assert abs(found.results["w after 100 epochs"]) > 1e12
    # Another rate in Keras, or by hand, is still seen.
    section = found.measured["descent"]
    growing = np.linspace(1, 1 + 1e-3, 101)
    with edited.constants(2, {"LEARNING_RATE": 0.25}):
        for spoilt, id in (("in_keras", "path-keras"), ("path", "path")):
            caught, _ = failing(2, {"descent": {**section, spoilt: section[spoilt] * growing}}, {})
            assert id in caught


def test_a_rate_far_above_the_limit_ends_at_infinity():
    found = assert_true(2, "LEARNING_RATE", "1e3")
    assert found.results["w after 100 epochs"] == "diverged after 78 steps"
    assert named(found, "path").name == "w until it overflows = closed form"
    assert "prediction-keras" not in {check.id for check in found.checks}


def test_a_rate_at_which_the_double_wells_runs_diverge():
    found = assert_true(2, "WELL_RATE", "0.6")
    assert found.results["plain descent from 1.5 ends at"] == "diverged after 7 steps"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LEARNING_RATE", "-1", "LEARNING_RATE is -1, and must be a number above 0"),
        ("EPOCHS", "0", "EPOCHS is 0, and must be a whole number of at least 1"),
        ("TILT", "2.0", "TILT is 2.0, and must be a number above -1.5"),
        ("TEMPERATURE", "0", "TEMPERATURE is 0, and must be a number above 0"),
        ("FACTORS", "()", "FACTORS is .*, and must be 1 or more values"),
    ],
)
def test_a_constant_that_makes_no_sense(name, value, words):
    text = edited.with_constants(edited.source_of(2), {name: value})
    with edited.page(2, text) as page, pytest.raises(InputError, match=words):
        constants.require(page, proof)


def test_what_if_the_optimizer_is_adam():
    found = assert_edit(2, "keras.optimizers.SGD(", "keras.optimizers.Adam(")
    assert not_for(found) == dict.fromkeys(["path-keras", "prediction-keras"], "not for Adam")


LAYER = "keras.layers.Dense(1, use_bias=False)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("new", "why"),
    [
        (f"keras.layers.Dense(4), {LAYER}", "not for 2 layers"),
        (f"{LAYER}, keras.layers.Dropout(0.5)", "not for Dropout"),
        ("keras.layers.Dense(1)", "not with a bias"),
        ("keras.layers.Dense(1, 'relu', use_bias=False)", "not for relu"),
    ],
)
def test_what_if_the_model_has_other_layers(new, why):
    found = assert_edit(2, LAYER, new)
    assert not_for(found) == dict.fromkeys(["path-keras", "prediction-keras"], why)


@pytest.mark.slow
@pytest.mark.parametrize(
    "points",
    [
        "np.array([1, 2, 3, 4]), np.array([3, 5, 7, 8])",
        "np.array([0.01, 0.02, -0.01]), np.array([5.0, 9.0, -6.0])",
        "np.linspace(100, 200, 50), np.linspace(-3, 5, 50) ** 2",
        "np.array([2.0]), np.array([1.0])",
    ],
)
def test_what_if_the_points_are_ones_own(points):
    found = assert_edit(2, "data.load_three_points()", points)
    assert not_for(found) == {}
