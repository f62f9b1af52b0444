import functools

import numpy as np
import pytest
from conftest import one_line
from keras import ops
from mistakes import Mistake, assert_caught
from references import diabetes_csv, kelvin, table_csv
from scipy import optimize
from sklearn.linear_model import Lasso

from course import data, linear, prox
from course import lesson09 as lesson
from course.cli.report import Options
from course.errors import InputError


@pytest.mark.parametrize("options", [Options(), Options(quick=True, seed=5)])
def test_every_check_holds(options):
    report = lesson.run(options)
    assert len(report.checks) == 26
    assert [check.name for check in report.checks if not check.passed] == []


def test_few_steps_hold_all_but_what_needs_many():
    report = lesson.run(Options(steps=3, quick=True))
    assert len(report.checks) == 20
    assert [check.name for check in report.checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    assert lesson.run(Options(dtype="float32", quick=True)).passed


def test_the_fixed_values():
    results = lesson.run(Options(quick=True)).results
    assert lesson.LAMBDAS == (0.5, 2.0)
    assert results["λ = 0.5: F is lowest at"] == 0.5
    assert results["λ = 2: F is lowest at"] == 0
    assert results["diamond: lowest at w1, w2"].tolist() == [0, -1]
    assert results["features the lasso keeps"] == "sex, bmi, bp, s3, s5"


def test_any_smooth_cost_is_lowest_at_the_corner_where_its_slope_is_below_lambda():
    def f(x):
        return np.log1p(np.exp(-3 * x)) + x**2  # its slope at 0 is −3/2

    for lam in np.arange(1, 12) / 4 + 0.1:
        found = optimize.minimize_scalar(lambda x, lam=lam: f(x) + lam * abs(x), bounds=(-2, 2))
        assert (abs(found.x) < 1e-4) == (lam >= 1.5)


def lowest_inside(cost, size):
    """The lowest cost where size(w) ≤ 1, by SciPy, which knows no projection."""
    found = optimize.minimize(
        cost, [0.1, -0.1], constraints={"type": "ineq", "fun": lambda w: 1 - size(w)},
        method="SLSQP", options={"ftol": 1e-14},
    )  # fmt: skip
    return found.x


def test_the_diamond_and_the_circle_meet_scipy():
    X, y = data.load_two_features()
    results = lesson.diamond_and_circle().results

    def cost(w):
        return np.var(y - X @ w)

    for name, size in (("diamond", lambda w: abs(w[0]) - w[1]), ("circle", lambda w: w @ w)):
        found = lowest_inside(cost, size)
        np.testing.assert_allclose(results[f"{name}: lowest at w1, w2"], found, atol=1e-5)


@pytest.mark.parametrize("scale", [0.1, 1, 10])
def test_the_projections_and_the_threshold_are_those_of_course_prox(scale):
    pairs = [
        (lesson.onto_diamond, prox.project_l1_ball),
        (lesson.onto_circle, prox.project_l2_ball),
        (lesson.soft_threshold, prox.soft_threshold),
    ]
    for w in np.random.default_rng(1).normal(size=(5, 7)) * scale:
        for by_hand, shared in pairs:
            expected = ops.convert_to_numpy(shared(w, 1.5))
            np.testing.assert_allclose(by_hand(w, 1.5), expected, rtol=1e-14, atol=1e-14 * scale)


def test_what_is_off_the_optimum_is_what_course_linear_finds():
    rng = np.random.default_rng(4)
    X, y, weights = rng.normal(size=(40, 6)), rng.normal(size=40), rng.normal(size=(20, 6))
    weights[rng.random((20, 6)) < 0.5] = 0
    y = y - y.mean()
    off = lesson.off_optimum(*lesson.moments(X, y), np.full(20, 0.1), weights).max(axis=-1)
    b = -weights @ X.mean(axis=0)
    found = [linear.kkt_residual(X, y, w, intercept, 0.1) for w, intercept in zip(weights, b)]
    np.testing.assert_allclose(off, found, rtol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_the_planted_features_are_found_for_any_seed(seed):
    report = lesson.selection(Options(seed=seed))
    assert [check.name for check in report.checks if not check.passed] == []


@pytest.mark.parametrize("rows", [442, 40])
def test_your_own_table_meets_scikit_learn(tmp_path, rows):
    X, y, names = diabetes_csv(tmp_path / "d.csv", rows)
    report = lesson.run(Options(data=str(tmp_path / "d.csv"), target="progression"))
    assert [check.name for check in report.checks if not check.passed] == []
    results = report.results
    assert results["columns left out (no numbers)"] == "patient"

    # In the table's own units: α grows with y, and every column counts in its deviations.
    alpha = results["α, 0.1 of α_max, columns scaled"] * y.std()
    fitted = Lasso(alpha, tol=1e-14, max_iter=100_000).fit((X - X.mean(0)) / X.std(0), y)
    weights = fitted.coef_ / X.std(axis=0)
    found = [results[f"weight of {name}"] for name in names]
    np.testing.assert_allclose(found, weights, rtol=1e-7)
    assert results["intercept"] == pytest.approx(y.mean() - weights @ X.mean(axis=0), rel=1e-7)
    kept = ", ".join(name for name, weight in zip(names, weights) if weight != 0)
    assert results["columns the lasso keeps"] == kept
    assert report.figures["table"]().axes


def test_a_target_without_a_table_is_refused():
    with pytest.raises(InputError, match="--target needs --data"):
        lesson.run(Options(target="y"))


def test_a_kelvin_target_is_judged_in_the_tables_units(tmp_path, monkeypatch):
    options = Options(data=table_csv(tmp_path / "k.csv", *kelvin()), target="y")
    report = lesson.run(options)
    assert [check.name for check in report.checks if not check.passed] == []
    in_units = data.Table.in_units
    monkeypatch.setattr(data.Table, "in_units", lambda self, w: (in_units(self, w)[0], 290.0))
    failing = [check.name for check in lesson.run(options).checks if not check.passed]
    assert failing == ["predictions in the table's units, scaled, = Lasso"]


def test_columns_where_one_weight_at_a_time_does_not_arrive_are_refused(in_tmp, capsys):
    x, z = np.random.default_rng(0).normal(size=(2, 200))
    table_csv("t.csv", np.column_stack([x, x + 0.03 * z]), z)
    assert lesson.main(["--data", "t.csv", "--target", "y"]) == 2
    assert "does not arrive in 10,000 sweeps" in one_line(capsys.readouterr().err)


def test_a_reference_that_does_not_converge_is_one_line(monkeypatch):
    monkeypatch.setitem(lesson.EXACT, "max_iter", 1)
    X, y = kelvin()
    with pytest.raises(InputError, match="Lasso does not converge"):
        lesson.lasso_of_table(X, y, 1e-3, "t.csv")


def test_a_target_that_no_column_is_correlated_with_is_refused(tmp_path):
    x = np.arange(-10.0, 11)
    path = table_csv(tmp_path / "t.csv", np.column_stack([x, x**3]), x**2)
    with pytest.raises(InputError, match="no column is correlated with 'y'"):
        lesson.run(Options(data=path, target="y"))


def test_columns_that_nearly_repeat_each_other_are_refused(tmp_path):
    a, b, c = np.random.default_rng(0).normal(size=(3, 30))
    rows = np.column_stack([a, a + 1e-5 * b, a + c])
    np.savetxt(tmp_path / "d.csv", rows, delimiter=",", header="a,b,y", comments="")
    with pytest.raises(InputError, match="nearly repeat each other"):
        lesson.run(Options(data=str(tmp_path / "d.csv"), target="y"))


def test_a_column_that_was_not_scaled_is_caught(tmp_path, monkeypatch):
    diabetes_csv(tmp_path / "d.csv")
    right = lesson.moments
    stretch = np.where(np.arange(10) == 2, 1.5, 1)
    monkeypatch.setattr(lesson, "moments", lambda X, y: right(X * stretch, y))
    report = lesson.run(Options(data=str(tmp_path / "d.csv"), target="progression"))
    failing = [check.name for check in report.checks if not check.passed]
    assert "scaled weights = Lasso" in failing
    assert "KKT residual, duality gap = 0" in failing


def test_the_figures_draw():
    figures = lesson.run(Options(quick=True)).figures
    assert set(figures) == {"corner", "zeros", "selection"}
    for draw in figures.values():
        assert draw().axes


QUICK = Options(quick=True)


def diabetes():
    return lesson.diabetes(QUICK)


def selection():
    return lesson.selection(QUICK)


TWINS = ["lasso: θ at every step, Keras = by hand", "elastic net: θ at every step, Keras = by hand"]
SOLVED = ["lasso: θ by hand = scikit-learn", "elastic net: θ by hand = scikit-learn"]
OPTIMAL = ["lasso: KKT residual, duality gap = 0", "elastic net: KKT residual, duality gap = 0"]
MISTAKES = [
    Mistake("half the threshold", "soft_threshold", lambda right: lambda v, t: right(v, t / 2),
            lesson.corner, ["F: lowest on a grid = S(1, λ)", "F: lowest by SciPy = S(1, λ)"]),
    Mistake("a threshold that keeps what it does not cut", "soft_threshold",
            lambda right: lambda v, t: v * (np.abs(v) > t), diabetes,
            [*TWINS, *SOLVED, "weights at 30 α = lasso_path"]),
    Mistake("a smooth corner, λx² for λ|x|", "np",
            lambda right: type("np", (), {"__getattr__": lambda self, name: getattr(right, name),
                                          "abs": staticmethod(right.square)})(),
            lesson.corner, ["F: lowest at 0 where |f′(0)| ≤ λ", "F: lowest on a grid = S(1, λ)"]),
    Mistake("the box for the diamond", "onto_diamond",
            lambda right: lambda w, radius: np.clip(w, -radius, radius), lesson.diamond_and_circle,
            ["diamond, circle: lowest = best of 4000 points",
             "zeros: one on the diamond, none on the circle"]),
    Mistake("a circle of the wrong size", "onto_circle",
            lambda right: lambda w, radius: right(w, 1.01 * radius), lesson.diamond_and_circle,
            ["diamond, circle: lowest = best of 4000 points"]),
    Mistake("y not centred", "moments",
            lambda right: lambda X, y: (right(X, y)[0], X.T @ y / len(y)),
            lesson.diamond_and_circle,
            ["diamond = Lasso that pulls as hard", "circle = Ridge that pulls as hard"]),
    Mistake("the ½ of the cost forgotten", "gradient",
            lambda right: lambda *a: 2 * right(*a), diabetes, [*TWINS, *SOLVED]),
    Mistake("a threshold of α, not ηα", "ista",
            lambda right: lambda X, y, alpha, rate, *rest: right(X, y, alpha / rate, rate, *rest),
            diabetes, [*TWINS, *SOLVED, *OPTIMAL]),
    Mistake("an elastic net without its L2 part", "ista",
            lambda right: lambda X, y, alpha, rate, steps, ratio:
                right(X, y, alpha * ratio, rate, steps),
            diabetes, [TWINS[1], SOLVED[1], OPTIMAL[1]]),
    Mistake("the same, one weight at a time", "coordinate_descent",
            lambda right: lambda G, c, alpha, ratio=1.0: right(G, c, alpha * ratio), diabetes,
            ["same feature twice: the elastic net's = scikit-learn"]),
    Mistake("a penalised intercept", "ProximalSGD",
            lambda right: functools.partial(right, penalised=lambda variable: True),
            diabetes, TWINS),
    Mistake("L1 in the cost and no proximal step", "build_model",
            lambda right: lambda *a, **how: right(*a, **{**how, "proximal": False}), diabetes,
            [*TWINS, "lasso: zeros, by hand and Keras, = scikit-learn"]),
    Mistake("a proximal step for Keras's L1", "build_model",
            lambda right: lambda *a, **how: right(*a), diabetes,
            ["L1 under SGD: zeros at any step"]),
    Mistake("a Keras cost without its ½", "half_squared_error",
            lambda right: lambda y, y_hat: 2 * right(y, y_hat), diabetes, TWINS),
    Mistake("a learning rate off by a hundred-thousandth", "build_model",
            lambda right: lambda *a, **how: right(*a, learning_rate=0.25 * (1 + 1e-5), **how),
            diabetes, TWINS),
    Mistake("α 5 % too large", "coordinate_descent",
            lambda right: lambda G, c, alpha, *rest: right(G, c, 1.05 * np.asarray(alpha), *rest),
            selection, ["planted: weights, first data set, = Lasso",
                        "planted: every lasso meets its optimality conditions"]),
    Mistake("only three sweeps over the weights", "coordinate_descent",
            lambda right: lambda *a: right(*a, sweeps=3), selection,
            ["planted: every lasso meets its optimality conditions"]),
    Mistake("α a tenth", "ONE_ALPHA", lambda right: right / 10, selection,
            ["low noise: precision, recall = 1, 5 sigma"]),
    Mistake("optimality conditions with the wrong sign of w", "off_optimum",
            lambda right: lambda G, c, alpha, w: right(G, c, -alpha, w), selection,
            ["planted: every lasso meets its optimality conditions"]),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)
