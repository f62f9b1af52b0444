import numpy as np
import pytest
import references
from mistakes import Mistake, assert_caught
from references import diabetes_csv

from course import data
from course import lesson03 as lesson
from course.report import Options


@pytest.mark.parametrize("options", [Options(), Options(quick=True, seed=5), Options(steps=3)])
def test_every_check_holds(options):
    report = lesson.run(options)
    assert len(report.checks) == 12
    assert [check.name for check in report.checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    assert lesson.run(Options(dtype="float32", quick=True)).passed


def test_the_fixed_values():
    x, y = data.load_five_points()
    path = lesson.descend(x[:, None], y, lesson.LEARNING_RATE, lesson.STEPS)
    assert lesson.STEPS == 10_000
    assert lesson.LEARNING_RATE == 0.027
    assert lesson.cost(x[:, None], y, path[-1]) < 1e-27
    assert np.abs(path[-1] - [2, 5]).max() < 1e-12


def test_the_gradient_of_many_features_is_the_slope_of_the_cost():
    rng = np.random.default_rng(1)
    X, y, theta = rng.normal(size=(30, 4)), rng.normal(size=30), rng.normal(size=5)
    measured = [
        (lesson.cost(X, y, theta + d) - lesson.cost(X, y, theta - d)) / 2e-5
        for d in 1e-5 * np.eye(5)
    ]
    np.testing.assert_allclose(lesson.gradient(X, y, theta), measured, rtol=1e-8)


def test_two_ways_to_the_exact_solution_agree():
    X, y = data.load_two_features()
    np.testing.assert_allclose(
        references.least_squares(X, y), references.normal_equations(X, y), rtol=1e-12
    )


def test_your_own_table_meets_scikit_learn(tmp_path):
    X, y, names = diabetes_csv(tmp_path / "d.csv")
    report = lesson.run(Options(data=str(tmp_path / "d.csv"), target="progression"))
    assert report.passed
    assert report.results["columns left out (no numbers)"] == "patient"
    exact = references.least_squares(X, y)
    for name, weight in zip(names, exact):
        assert report.results[f"weight of {name}"] == pytest.approx(weight, rel=1e-6)
    assert report.results["intercept"] == pytest.approx(exact[-1], rel=1e-6)
    assert report.figures["table"]().axes


def test_the_figures_draw():
    for draw in lesson.run(Options(quick=True)).figures.values():
        assert draw().axes


QUICK = Options(quick=True)
MISTAKES = [
    Mistake("a gradient that forgot its factor 2", "gradient",
            lambda right: lambda *a: right(*a) / 2, lambda: lesson.run(QUICK),
            ["w, b at every step = closed form", "w, b at every step, Keras = by hand",
             "growth per step, relative, = ηλmax − 1", "mini-batches, Keras = by hand",
             "gradient, autodiff = by hand", "gradient by hand = by differences"]),
    Mistake("the wrong sign", "gradient", lambda right: lambda *a: -right(*a), lesson.autodiff,
            ["gradient, autodiff = by hand", "gradient by hand = by differences"]),
    Mistake("an intercept that is not trained", "gradient",
            lambda right: lambda X, y, theta: right(X, y, theta) * [1, 0],
            lambda: lesson.five_points(QUICK),
            ["cost after the last step = 0", "w, b = 2, 5", "w, b = LinearRegression",
             "w, b at every step, Keras = by hand"]),
    Mistake("a Hessian without its 2", "hessian", lambda right: lambda X: right(X) / 2,
            lesson.scaling, ["growth per step, relative, = ηλmax − 1"]),
    Mistake("a limit of 1/λmax", "hessian", lambda right: lambda X: 2 * right(X),
            lambda: lesson.five_points(QUICK), ["converges at 0.95 of 2/λmax, not at 1.05"]),
    Mistake("a reference without intercept", "least_squares",
            lambda right: lambda X, y: np.append(np.linalg.lstsq(X, y)[0], 0), lesson.scaling,
            ["x scaled: w, b = LinearRegression"]),
    Mistake("a learning rate off by a millionth", "build_model",
            lambda right: lambda: right(learning_rate=0.027 * (1 + 1e-5)),
            lambda: lesson.five_points(QUICK), ["w, b at every step, Keras = by hand"]),
    Mistake("½ forgotten in the mini-batches' Keras loss", "half_squared_error",
            lambda right: lambda y, y_hat: 2 * right(y, y_hat),
            lambda: lesson.mini_batches(QUICK), ["mini-batches, Keras = by hand"]),
    Mistake("mini-batches in another order by hand", "descend_in_batches",
            lambda right: lambda X, y, order, *rest: right(X, y, order[::-1], *rest),
            lambda: lesson.mini_batches(QUICK), ["mini-batches, Keras = by hand"]),
    Mistake("a reference with its columns swapped", "least_squares",
            lambda right: lambda X, y: right(X[:, ::-1], y),
            lambda: lesson.mini_batches(QUICK), ["mini-batches end at least squares, 5 sigma"]),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)


def test_a_column_that_was_not_scaled_is_caught(tmp_path, monkeypatch):
    diabetes_csv(tmp_path / "d.csv")
    right = lesson.descend
    monkeypatch.setattr(
        lesson, "descend", lambda X, *rest: right(X * np.where(np.arange(10) == 3, 1.5, 1), *rest)
    )
    report = lesson.run(Options(data=str(tmp_path / "d.csv"), target="progression"))
    failing = [check.name for check in report.checks if not check.passed]
    assert "scaled weights = LinearRegression" in failing
    assert "predictions, scaled, = LinearRegression" in failing
