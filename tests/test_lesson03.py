import numpy as np
import pytest
import references
from faults import Fault, assert_caught, run
from references import diabetes_csv

from course import lesson03 as lesson
from course.checks.references import central_difference, least_squares


@pytest.mark.parametrize("given", [{}, {"quick": True, "seed": 5}, {"steps": 3}], ids=str)
def test_every_check_holds(given):
    checks = run(3, **given).checks
    assert len(checks) == 14
    assert [check.id for check in checks if not check.passed] == []


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
    for draw in run(3, quick=True).figures.values():
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
