import numpy as np
import pytest
import references
from faults import Fault, assert_caught, run
from references import diabetes_csv
from what_if import assert_edit, assert_true, each_constant

from course import lesson03 as lesson
from course.checks import lesson03 as proof
from course.checks.references import central_difference, least_squares
from course.cli import edited, options, outcome
from course.errors import InputError


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({}, 14),
        pytest.param({"quick": True, "seed": 5}, 14, marks=pytest.mark.slow),
        ({"steps": 3}, 13),
    ],
    ids=str,
)
def test_every_check_holds(given, count):
    checks = run(3, **given).checks
    assert len(checks) == count  # after 3 steps w, b are not at 2, 5 yet
    assert [check.id for check in checks if not check.passed] == []


@pytest.mark.slow
def test_float32_holds_its_own_tolerance():
    checks = run(3, dtype="float32", quick=True).checks
    assert [check.id for check in checks if not check.passed] == []


def test_the_fixed_values():
    X, y = lesson.load_data()
    path = lesson.descend(X, y, lesson.LEARNING_RATE, lesson.STEPS)
    assert lesson.STEPS == 10_000
    assert lesson.LEARNING_RATE == 0.027
    assert lesson.cost(X, y, path[-1]) < 1e-27
    assert np.abs(path[-1] - [2, 5]).max() < 1e-12


def test_the_gradient_of_many_features_is_the_derivative_of_the_cost():
    rng = np.random.default_rng(1)
    X, y, theta = rng.normal(size=(30, 4)), rng.normal(size=30), rng.normal(size=5)
    measured = central_difference(lambda t: lesson.cost(X, y, t), theta)
    np.testing.assert_allclose(lesson.gradient(X, y, theta), measured, rtol=1e-8)


def test_roundings_lead_no_further_than_predicted():
    """Descent whose every step is rounded to single precision, at rates on both sides of 2/λmax."""
    X, y = lesson.load_data()
    for rate in (1e-4, 0.027, 0.149, 0.16, 0.3):
        predicted = proof.Descent(X, y, rate, 50)
        theta, path = np.zeros(2, "float32"), []
        for _ in range(51):
            path.append(theta)
            theta = (theta - rate * lesson.gradient(X, y, theta)).astype("float32")
        led = np.abs(np.array(path, "float64") - predicted.path)
        allowed = proof.magnified(X, y, rate, predicted.path, proof.SINGLE, proof.SINGLE)
        assert np.all(led <= allowed)
        assert led[-1].max() > 1e-4 * allowed[-1, 0]


def test_mini_batches_are_as_predicted_for_many_orders():
    X, y = lesson.data.load_two_features()
    mean, spread, factor = proof.mini_batches(X, y, 0.5, {3: 40, 2: 1})
    rng, theta = np.random.default_rng(0), np.zeros((4000, 3))
    for size in [3] * 40 + [2]:
        rows = rng.integers(len(y), size=(4000, size))
        error = np.einsum("rbj,rj->rb", X[rows], theta[:, :2]) + theta[:, 2:] - y[rows]
        step = [np.mean(error * X[rows][..., j], axis=1) for j in (0, 1)] + [error.mean(axis=1)]
        theta = theta - 0.5 * np.transpose(step)
    assert factor < 1
    assert np.all(np.abs(theta.mean(axis=0) - mean) < 5 * spread / np.sqrt(4000))
    np.testing.assert_allclose(theta.std(axis=0), spread, rtol=0.2)


def test_three_ways_to_the_exact_solution_agree():
    X, y = lesson.data.load_two_features()
    exact = references.normal_equations(X, y)
    np.testing.assert_allclose(lesson.least_squares(X, y), exact, rtol=1e-12)
    np.testing.assert_allclose(least_squares(X, y), exact, rtol=1e-12)


def test_your_own_table_meets_scikit_learn(tmp_path):
    X, y, names = diabetes_csv(tmp_path / "d.csv")
    outcome = run(3, data=str(tmp_path / "d.csv"), target="progression")
    assert [check.id for check in outcome.checks if not check.passed] == []
    assert outcome.results["columns left out (no numbers)"] == "patient"
    exact = references.least_squares(X, y)
    for name, weight in zip(names, exact):
        assert outcome.results[f"weight of {name}"] == pytest.approx(weight, rel=1e-6)
    assert outcome.results["intercept"] == pytest.approx(exact[-1], rel=1e-6)
    assert outcome.figures["table"]().axes


def test_the_figures_draw():
    for draw in run(3).figures.values():
        assert draw().axes


def halved(right):
    return lambda *a: right(*a) / 2


def descend_again(found, lesson):
    steps = len(found["by_hand"]) - 1
    return {"by_hand": lesson.descend(found["X"], found["y"], found["learning_rate"], steps)}


FAULTS = [
    Fault("a gradient that forgot its factor 2", "line", ["path", "path-keras"],
          descend_again, ("gradient", halved)),
    Fault("the same on the long table", "scaling", ["growth", "scaled-path"],
          lambda found, lesson: lesson.scale_x(), ("gradient", halved)),
    Fault("the same in mini-batches", "batches", ["batches-keras"],
          lambda found, lesson: lesson.fit_in_batches(0), ("gradient", halved)),
    Fault("the same beside automatic differentiation", "autodiff",
          ["gradient-automatic", "gradient-numeric"],
          lambda found, lesson: {"by_hand": found["by_hand"] / 2}),
    Fault("the wrong sign", "autodiff", ["gradient-automatic", "gradient-numeric"],
          lambda found, lesson: {"by_hand": -found["by_hand"]}),
    Fault("an intercept that is not trained", "line",
          ["cost-at-end", "line-found", "least-squares", "path", "path-keras"], descend_again,
          ("gradient", lambda right: lambda X, y, theta: right(X, y, theta) * [1, 0])),
    Fault("a Hessian without its 2", "scaling", ["growth"],
          patch=("references.curvature", lambda right: lambda X: (right(X)[0] / 2, right(X)[1]))),
    Fault("a limit of 1/λmax", "limit", ["above-limit"],
          lambda found, lesson: {"around": [
              lesson.descend(found["X"], found["y"], f * lesson.largest_learning_rate(found["X"]),
                             300) for f in (0.95, 1.05)]},
          ("hessian", lambda right: lambda X: 2 * right(X))),
    Fault("a reference without intercept", "scaling", ["scaled-least-squares"],
          patch=("references.least_squares",
                 lambda right: lambda X, y: np.append(np.linalg.lstsq(X, y)[0], 0))),
    Fault("a learning rate off by a hundred-thousandth in Keras", "line", ["path-keras"],
          lambda found, lesson: {"in_keras": lesson.train(
              lesson.build_model(learning_rate=0.027 * (1 + 1e-5)), found["X"], found["y"],
              len(found["by_hand"]) - 1)}),
    Fault("½ forgotten in the mini-batches' Keras loss", "batches", ["batches-keras"],
          lambda found, lesson: lesson.fit_in_batches(0),
          ("half_squared_error", lambda right: lambda y, y_hat: 2 * right(y, y_hat))),
    Fault("mini-batches in another order by hand", "batches", ["batches-keras"],
          lambda found, lesson: {"by_hand": lesson.fit_in_batches(1)["by_hand"]}),
    Fault("weights a millionth too large by hand", "line", ["path", "path-keras"],
          lambda found, lesson: {"by_hand": found["by_hand"] * (1 + 1e-6)}),
    Fault("mini-batches a hundred-thousandth too far in Keras", "batches", ["batches-keras"],
          lambda found, lesson: {"in_keras": found["in_keras"] * (1 + 1e-5)}),
    Fault("a reference with its columns swapped", "batches", ["batches-least-squares"],
          patch=("references.least_squares", lambda right: lambda X, y: right(X[:, ::-1], y))),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(3, fault)


def test_a_column_that_was_not_standardised_is_caught(tmp_path):
    diabetes_csv(tmp_path / "d.csv")
    given = {"data": str(tmp_path / "d.csv"), "target": "progression"}

    def wrong(right):
        return lambda X, *rest: right(X * np.where(np.arange(10) == 3, 1.5, 1), *rest)

    assert_caught(3, Fault("a column that was not standardised", "table",
                           ["table-weights", "table-predictions", "table-keras"], descend_again,
                           ("descend", wrong), given))  # fmt: skip


OWN_POINTS = (
    "x, y = data.load_five_points()\n",
    "x, y = np.array([1.0, 2.0, 3.0, 4.0, 6.0]), np.array([3.1, 1.0, 4.5, 2.0, 7.0])\n",
)
WHAT_IF = {
    "LEARNING_RATE": ("1e-4", "0.149", "3.0"),
    "STEPS": ("1", "40", "20_000"),
    "QUICK_STEPS": ("1", "300", "5_000"),
    "BATCH_SIZE": ("1", "7", "3_000"),
    "BATCH_RATE": ("1e-3", "1.7", "30.0"),
    "BATCH_EPOCHS": ("1", "2", "30"),
    "MAX_CONDITION": ("2.5", "100", "1e6"),  # of one's own table
}


@pytest.fixture
def own_table(tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 2))
    return {"data": references.table_csv(tmp_path / "t.csv", X, X @ [2, -1] + 3), "target": "y"}


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value, own_table):
    assert_true(3, name, value, **(own_table if name == "MAX_CONDITION" else {}))


def test_what_if_your_own_table_is_worse_conditioned_than_that(own_table):
    with pytest.raises(InputError, match="condition number"):
        assert_true(3, "MAX_CONDITION", "1.01", **own_table)


def test_what_if_the_rate_is_above_the_limit():
    found = assert_true(3, "LEARNING_RATE", "0.2")
    names = {check.id: check.name for check in found.checks}
    assert names["least-squares"] == "0.2 is above 2/λmax = 0.149: diverges"
    assert "line-found" not in names
    assert found.results["w, b after 442 steps"] == "diverged"
    assert found.results["w, b of the Keras model"] == "diverged"


def test_what_if_the_points_are_ones_own():
    found = assert_edit(3, *OWN_POINTS)
    w, b = np.polyfit([1, 2, 3, 4, 6], [3.1, 1.0, 4.5, 2.0, 7.0], 1)
    names = {check.id: check.name for check in found.checks}
    assert names["line-found"] == f"w, b = {w:.4g}, {b:.4g}"
    assert [check.id for check in found.checks if check.not_for] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("points", "silent"),
    [
        ("np.array([2000.0, 2010.0, 2020.0]), np.array([3.0, 1.0, 2.5])", []),
        ("np.array([-1.0, 0.0, 1.0]), np.array([-2.0, 0.0, 2.0])", ["above-limit"]),
        ("np.linspace(0, 1, 50), 1e5 + 3e4 * np.cos(np.arange(50))", []),
    ],
)
def test_what_if_the_points_are_odd(points, silent):
    found = assert_edit(3, OWN_POINTS[0], f"x, y = {points}\n")
    assert [check.id for check in found.checks if check.not_for] == silent


DENSE = "keras.Input((n_features,)), dense"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("keras.optimizers.SGD(", "keras.optimizers.Adam(", "not for Adam"),
        (DENSE, DENSE.replace("dense", "keras.layers.Dense(3), dense"), "not for 2 layers"),
        (DENSE, DENSE.replace("dense", "keras.layers.Dropout(0.5), dense"), "not for Dropout"),
        ("Dense(1, ", "Dense(1, activation='tanh', ", "not for tanh"),
        ("Dense(1, ", "Dense(1, use_bias=False, ", "not without a bias"),
        ('Dense(1, kernel_initializer="zeros")', "Dense(1)", "not from these weights"),
        ('loss="mse"', 'loss="mae"', "not for this loss"),
    ],
)
def test_what_if_the_model_is_another(old, new, why):
    found = assert_edit(3, old, new, quick=True)
    silent = {check.id: check.not_for for check in found.checks if check.not_for}
    assert silent == {"path-keras": why, "batches-keras": why}


@pytest.mark.parametrize(
    ("name", "value"),
    [("LEARNING_RATE", "-1"), ("STEPS", "0"), ("BATCH_SIZE", "2.5"), ("MAX_CONDITION", "0.5")],
)
def test_a_constant_that_makes_no_sense_is_refused(name, value):
    text = edited.with_constants(edited.source_of(3), {name: value})
    with edited.page(3, text), pytest.raises(InputError, match=f"{name} is {value}"):
        outcome.measure(3, options.make(3))
