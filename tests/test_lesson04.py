from itertools import product

import keras
import numpy as np
import pytest
import references
from conftest import once
from faults import Fault, assert_caught, run
from sklearn.linear_model import SGDRegressor
from what_if import assert_edit, assert_true, each_constant

from course import lesson04 as lesson
from course.checks import lesson04 as proof
from course.cli import edited, options, outcome
from course.errors import InputError

X, Y = lesson.load_data()


def draw_order(epochs, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([rng.permutation(lesson.POINTS) for _ in range(epochs)])


def by_hand(kind, epochs=lesson.EPOCHS, seed=0):
    return lesson.descend(X, Y, draw_order(epochs, seed), lesson.KINDS[kind])


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "given",
    [{}, pytest.param({"quick": True, "seed": 5}, marks=SLOW), {"epochs": 3, "quick": True}],
    ids=str,
)
def test_every_check_holds(given):
    checks = run(4, **given).checks
    assert len(checks) == 22
    assert [check.id for check in checks if not check.passed] == []


@SLOW
def test_float32_holds_its_own_tolerance():
    assert run(4, dtype="float32", quick=True).passed


def test_the_fixed_values():
    rng = np.random.default_rng(0)
    x = 2 * rng.random(100)
    np.testing.assert_array_equal(X, x[:, None])
    np.testing.assert_array_equal(Y, 3 + 2 * x + 0.5 * rng.normal(size=100))
    assert (lesson.EPOCHS, lesson.LEARNING_RATE) == (50, 0.01)
    assert lesson.BATCH_SIZE == 20
    assert lesson.KINDS == {"batch": 100, "stochastic": 1, "mini-batch": 20}
    assert [len(by_hand(kind)) - 1 for kind in lesson.KINDS] == [50, 5000, 250]


def test_all_5000_stochastic_updates_are_scikit_learns():
    rows = draw_order(lesson.EPOCHS).ravel()
    # Its loss is half the squared error: twice the learning rate is the same update.
    other = SGDRegressor(penalty=None, learning_rate="constant", eta0=0.02, shuffle=False)
    other.partial_fit(X[rows], Y[rows])
    theta = by_hand("stochastic")[-1]
    np.testing.assert_allclose(theta, [other.coef_[0], other.intercept_[0]], rtol=1e-12)


def test_noisier_batches_are_rougher_and_end_nearer():
    minimum = references.least_squares(X, Y)
    np.testing.assert_allclose(lesson.least_squares(X, Y), minimum, rtol=1e-12)
    paths = [by_hand(kind) for kind in ("batch", "mini-batch", "stochastic")]
    smooth, rough, roughest = (lesson.roughness(lesson.cost(X, Y, path)) for path in paths)
    assert smooth == 0 <= rough < roughest
    far, near, nearest = (np.linalg.norm(path[-1] - minimum) for path in paths)
    assert far > near > nearest


def test_roughness_is_the_mean_rise():
    assert lesson.roughness(np.array([5.0, 3.0, 4.0, 2.0, 1.0])) == 0.25  # one rise of 1 in four
    assert np.isnan(lesson.roughness(np.array([5.0, np.nan, 4.0])))


@pytest.mark.parametrize("batch_size", [1, 2])
def test_the_moments_are_those_of_every_sequence_of_rows(batch_size):
    x, y, theta = X[:3, 0], Y[:3], np.array([1.0, -2.0])
    ends = []
    for rows in product(range(3), repeat=2 * batch_size):  # two updates
        end = theta
        for batch in np.reshape(rows, (2, batch_size)):
            error = end[0] * x[batch] + end[1] - y[batch]
            end = end - 0.01 * 2 * np.array([np.mean(error * x[batch]), np.mean(error)])
        ends.append(end)
    mean, deviation = proof.moments(X[:3], y, batch_size, 2, theta)
    np.testing.assert_allclose(mean, np.mean(ends, axis=0), rtol=1e-12)
    np.testing.assert_allclose(deviation, np.std(ends, axis=0), rtol=1e-9)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_the_predicted_fraction_is_that_of_many_noisy_runs(batch_size):
    rng = np.random.default_rng(1)
    runs, updates = 20_000, 300
    w = np.full(runs, 0.85)
    for _ in range(updates):
        sign = 2 * rng.binomial(batch_size, 0.5, runs) / batch_size - 1
        w -= 0.05 * (4 * w**3 - 4 * w + 0.9 + 3.4 * sign)
    fraction = np.mean(w < 0.24)
    predicted = proof.escape_probability(np.array([0.85]), batch_size, updates, 0.24)
    # The grid adds about 2 % to the noise of a mini-batch, and so up to 5 % to its rare escapes.
    allowed = 4 * np.sqrt(fraction * (1 - fraction) / runs) + 0.05 * fraction
    assert predicted == pytest.approx(fraction, abs=allowed)


@once
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=SLOW) for seed in range(1, 10))])
def test_what_depends_on_chance_holds_for_any_seed(seed):
    rng = np.random.default_rng(seed)
    not_run = {
        "in_keras": {kind: np.zeros(2) for kind in lesson.KINDS},
        "counted": dict.fromkeys(lesson.KINDS, 0),
    }
    paths = {kind: by_hand(kind, 7, seed) for kind in lesson.KINDS}
    measured = {
        "double_well": lesson.escape(rng),
        "spread": lesson.repeat(X, Y, 100, rng),
        "kinds": dict(X=X, y=Y, few=1, paths=paths, **not_run),
    }
    checks = [c for c in proof.checks(measured, options.make(4)) if "keras" not in c.id]
    assert len(checks) == 11
    assert [check.id for check in checks if check.not_for] == []
    assert [check.id for check in checks if not check.passed] == []


def test_the_mistake_is_found_whichever_batch_and_wherever_theta_is():
    for rows in draw_order(3, seed=2)[:, :20]:
        for theta in (np.zeros(2), np.array([2.0, 3.0])):
            assert lesson.leak(lesson.batch_gradient, X, Y, rows, theta) == 0
            assert lesson.leak(lesson.mistaken_gradient, X, Y, rows, theta) > 0.01


def test_the_predicted_fraction_needs_a_grid_as_fine_as_the_moves(monkeypatch):
    """Small steps: a grid of a fixed width would add more noise to them than they have."""
    monkeypatch.setattr(proof, "WELL_RATE", 0.004)
    rng = np.random.default_rng(1)
    w = np.full(10_000, 0.26)
    for _ in range(1_500):
        sign = 2 * rng.binomial(5, 0.5, len(w)) / 5 - 1
        w -= 0.004 * (4 * w**3 - 4 * w + 0.9 + 3.4 * sign)
    fraction = np.mean(w < 0.24)
    allowed = 4 * np.sqrt(fraction * (1 - fraction) / len(w)) + 0.02 * fraction
    predicted = proof.escape_probability(np.array([0.26]), 5, 1_500, 0.24)
    assert 0.1 < fraction < 0.9
    assert predicted == pytest.approx(fraction, abs=allowed)


def test_the_figures_draw():
    figures = run(4).figures
    assert set(figures) == {"kinds", "mistake", "double_well"}
    for draw in figures.values():
        assert draw().axes


def kinds_again(found, lesson):
    """By hand only: what Keras found stays."""
    order = draw_order(len(found["paths"]["batch"]) - 1)
    sizes = lesson.KINDS.items()
    return {"paths": {k: lesson.descend(X, Y, order, B, lesson.batch_gradient) for k, B in sizes}}


def keras_again(found, lesson):
    return lesson.compare_kinds(X, Y, draw_order(3), 1)


def gradients_again(found, lesson):
    return lesson.divide_rows(X, Y, draw_order(1)[0])


def mistake_again(found, lesson):
    return lesson.make_mistake(X, Y, draw_order(3))


def wells_again(found, lesson):
    return lesson.escape(np.random.default_rng(0))


def halved(right):
    return lambda *a: right(*a) / 2


def all_rows(right):
    return lambda X, y, rows, theta: lesson.gradient(X, y, theta)


def summed(right):
    def build_model():
        model = right()
        optimizer = keras.optimizers.SGD(lesson.LEARNING_RATE)
        model.compile(optimizer=optimizer, loss=lambda y, y_hat: 3 * (y_hat - y) ** 2)
        return model

    return build_model


BATCH, STOCHASTIC, MINI = (f"{kind}-keras" for kind in lesson.KINDS)
FAULTS = [
    Fault("a gradient that forgot its factor 2", "kinds",
          ["batch-path", "noisy-kinds", BATCH, STOCHASTIC, MINI], kinds_again,
          ("gradient", halved)),
    Fault("the same beside differences of the cost", "gradients", ["gradient-numeric"],
          gradients_again, ("gradient", halved)),
    Fault("the same with the common mistake", "mistake", ["leak-found", "mistake-path"],
          mistake_again, ("gradient", halved)),
    Fault("a gradient that divides by n, not by B", "gradients",
          ["mean-of-samples", "mean-of-mini-batches"], gradients_again,
          ("gradient", lambda right: lambda X, y, theta: right(X, y, theta) * len(y) / 100)),
    Fault("the common mistake itself", "kinds", [STOCHASTIC, MINI], kinds_again,
          ("batch_gradient", all_rows)),
    Fault("the common mistake where there should be none", "mistake", ["no-leak"], mistake_again,
          ("batch_gradient", all_rows)),
    Fault("a batch that leans on the mean of all y", "mistake", ["no-leak"], mistake_again,
          ("batch_gradient", lambda right: lambda X, y, rows, theta:
              right(X, y - y.mean() / 100, rows, theta))),
    Fault("a mistake that is none", "mistake", ["leak-found", "mistake-path"], mistake_again,
          ("mistaken_gradient", lambda right: lesson.batch_gradient)),
    Fault("a path of epochs, not of updates", "kinds", ["updates"],
          lambda found, lesson: {"paths": {
              **found["paths"], "mini-batch": found["paths"]["mini-batch"][::5]}}),
    Fault("a batch too few in every epoch of Keras", "kinds", [STOCHASTIC, MINI, "updates-keras"],
          keras_again, ("train", lambda right: lambda model, X, y, order, size:
              right(model, X, y, order[:, : max(lesson.POINTS - size, size)], size))),
    Fault("another order in Keras", "kinds", [STOCHASTIC, MINI], keras_again,
          ("train", lambda right: lambda model, X, y, order, size:
              right(model, X, y, order[:, ::-1], size))),
    Fault("a Keras cost that is summed", "kinds", [BATCH, STOCHASTIC, MINI], keras_again,
          ("build_model", summed)),
    Fault("a learning rate off by a hundred-thousandth", "kinds", [BATCH, STOCHASTIC, MINI],
          keras_again, ("build_model", lambda right: lambda: right(0.01 * (1 + 1e-5)))),
    Fault("a spread that knows no batch size", "spread", ["spread"],
          patch=("moments", lambda right: lambda X, y, size, updates: right(X, y, 1, updates))),
    Fault("noise of the wrong strength", "spread", ["spread"],
          patch=("moments", lambda right: lambda *a: (right(*a)[0], right(*a)[1] * np.sqrt(2))),
          given={}),
    Fault("curvatures without their 2", "kinds", ["batch-path"],
          patch=("references.curvature", lambda right: lambda X: (right(X)[0] / 2, right(X)[1]))),
    Fault("the same for the runs", "spread", ["mean-of-runs"], given={},
          patch=("references.curvature", lambda right: lambda X: (right(X)[0] / 2, right(X)[1]))),
    Fault("the same for the common mistake", "mistake", ["mistake-path"],
          patch=("references.curvature", lambda right: lambda X: (right(X)[0] / 2, right(X)[1]))),
    Fault("the tilt forgotten in the slope", "double_well", ["batch-stays", "escaped-mini-batch"],
          wells_again, ("descend_double_well", lambda right: lambda w, tilts:
              right(w, tilts - lesson.TILT))),
    Fault("steps that are hardly noisy", "double_well",
          ["escaped-stochastic", "escaped-mini-batch", "intervals"], wells_again,
          ("descend_double_well", lambda right: lambda w, tilts:
              right(w, lesson.TILT + (tilts - lesson.TILT) / 4))),
    Fault("a prediction for one sample at a time", "double_well", ["escaped-mini-batch"],
          patch=("escape_probability", lambda right: lambda start, size, updates, ridge:
              right(start, 1, updates, ridge))),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(4, fault)


WHAT_IF = {
    "POINTS": ("21", "101", "300"),
    "NOISE": ("0", "0.05", "5.0"),
    "DATA_SEED": ("1", "2", "12345"),
    "LEARNING_RATE": ("1e-4", "0.1", "3.0"),
    "EPOCHS": ("1", "7", "150"),
    "BATCH_SIZE": ("1", "7", "99"),
    "KINDS": ("{**KINDS, 'mini-batch': 2}", "{**KINDS, 'mini-batch': 33}",
              "{'mini-batch': 50, 'batch': 100, 'stochastic': 1}"),
    "NOISY": ("('stochastic',)", "('mini-batch',)", "('mini-batch', 'stochastic')"),
    "KERAS_EPOCHS": ("1", "5", "60"),
    "RUNS": ("1", "30", "1000"),
    "QUICK_RUNS": ("2", "30", "300"),
    "RUN_UPDATES": ("1", "30", "4000"),
    "TILT": ("0.1", "0.5", "1.4"),
    "TILT_NOISE": ("0", "1.0", "8.0"),
    "WELL_RATE": ("0.002", "0.15", "1.0"),
    "WELL_EPOCHS": ("1", "10", "300"),
    "STARTS": ("1", "20", "500"),
    "WELL_BATCH": ("{'stochastic': 1, 'mini-batch': 2}", "{'stochastic': 2, 'mini-batch': 30}",
                   "{'mini-batch': 100, 'stochastic': 3}"),
}  # fmt: skip


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value):
    assert_true(4, name, value, quick=name == "QUICK_RUNS")


def test_what_if_the_rate_is_above_the_limit():
    found = assert_true(4, "LEARNING_RATE", "0.6", quick=True)
    checks = {check.id: check for check in found.checks}
    assert checks["never-rises"].name == "0.6 is above 2/λmax = 0.414: diverges"
    assert checks["stochastic-keras"].not_for == "not at so large a rate"
    assert checks["spread"].not_for == "not at so large a rate"
    assert found.results["distance from least squares: batch, stochastic, mini-batch"][1] == (
        "diverged"
    )


@pytest.mark.slow
@pytest.mark.parametrize("x", ["np.arange(22.0) / 10", "-np.sqrt(np.arange(40.0))"])
def test_what_if_the_points_are_ones_own(x):
    old = "return x[:, None], 3 + 2 * x + NOISE * rng.normal(size=POINTS)"
    found = assert_edit(4, old, f"x = {x}\n    return x[:, None], np.cos(x) * 3 - x")
    silent = {check.id for check in found.checks if check.not_for}
    assert silent <= {"stochastic-keras", "noisy-kinds", "mean-of-runs", "spread"}


KERAS_IDS = {"batch-keras", "stochastic-keras", "mini-batch-keras"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("keras.optimizers.SGD(", "keras.optimizers.Adam(", "not for Adam"),
        ("keras.Input((1,)), ", "keras.Input((1,)), keras.layers.Dense(3), ", "not for 2 layers"),
        ("Dense(1, ", "Dense(1, activation='relu', ", "not for relu"),
        ('loss="mse"', 'loss="mae"', "not for this loss"),
    ],
)
def test_what_if_the_model_is_another(old, new, why):
    found = assert_edit(4, old, new, quick=True)
    silent = {check.id: check.not_for for check in found.checks if check.not_for}
    assert silent == dict.fromkeys(KERAS_IDS, why)


@pytest.mark.parametrize(
    ("name", "value"),
    [("LEARNING_RATE", "-1"), ("EPOCHS", "0"), ("BATCH_SIZE", "100"), ("TILT", "2.0"),
     ("KINDS", "{}"), ("WELL_BATCH", "{'stochastic': 0}")],
)  # fmt: skip
def test_a_constant_that_makes_no_sense_is_refused(name, value):
    text = edited.with_constants(edited.source_of(4), {name: value})
    with edited.page(4, text), pytest.raises(InputError, match=f"{name} is "):
        outcome.measure(4, options.make(4))
