import numpy as np
import pytest
import references
from faults import Fault, assert_caught, run
from what_if import assert_edit, assert_true, each_constant

from course import lesson02 as lesson
from course.checks import lesson02 as proof
from course.cli import options


@pytest.mark.parametrize("given", [{}, {"quick": True, "seed": 5}, {"epochs": 3}], ids=str)
def test_every_check_holds(given):
    checks = run(2, **given).checks
    assert len(checks) == 13
    assert [check.id for check in checks if not check.passed] == []


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


@pytest.mark.parametrize("seed", range(8))
def test_noisy_runs_spread_as_the_temperature_says_for_any_seed(seed):
    found = lesson.leave_the_wrong_well(lesson.NOISY_RUNS, seed)
    checks = proof.check_double_well(options.make(2), **found)
    assert {check.id: check.passed for check in checks}["noise"]


def test_the_figures_draw():
    for draw in run(2, quick=True).figures.values():
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
    Fault("noise that goes on while it cools", "double_well", ["cooled"],
          lambda found, lesson: {"cooled": found["noisy"]}),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(2, fault)


WHAT_IF = {
    "START": ("-3.0", "2.0", "1e6"),
    "LEARNING_RATE": ("0.1", "0.25", "1.0"),
    "EPOCHS": ("1", "7", "1000"),
    "NEW_X": ("0.0", "-2.5", "1e4"),
    "FACTORS": ("np.linspace(0.5, 1.5, 9)", "np.array([1.2])", "np.linspace(0.1, 0.9, 5)"),
    "TRIED_EPOCHS": ("1", "10", "500"),
    "TILT": ("0.1", "-0.3", "1.0"),
    "WELL_START": ("-1.5", "0.5", "2.0"),
    "WELL_RATE": ("0.001", "0.05", "0.1"),
    "WELL_STEPS": ("10", "200", "3000"),
    "RESTARTS": ("1", "5", "100"),
    "TEMPERATURE": ("0.2", "1.0", "2.0"),
    "NOISY_STEPS": ("1", "500", "5000"),
    "NOISY_RUNS": ("50", "400", "3000"),
    "QUICK_NOISY_RUNS": ("20", "100", "1000"),
}


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value):
    assert_true(2, name, value)


@pytest.mark.slow
def test_what_if_the_optimizer_is_adam():
    found = assert_edit(2, "keras.optimizers.SGD(", "keras.optimizers.Adam(")
    assert {check.id for check in found.checks if check.not_for} == {
        "path-keras",
        "prediction-keras",
    }
