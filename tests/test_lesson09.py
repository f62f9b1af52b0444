import functools

import numpy as np
import pytest
from keras import ops
from mistakes import Mistake, assert_caught
from scipy import optimize
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso

from course import data, prox, tolerance
from course import lesson09 as lesson
from course.errors import InputError
from course.report import Options


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
        # Its cumulative sum is computed in float32 on PyTorch.
        (lesson.onto_diamond, prox.project_l1_ball, tolerance.twin("float64")),
        (lesson.onto_circle, prox.project_l2_ball, 1e-14),
        (lesson.soft_threshold, prox.soft_threshold, 1e-14),
    ]
    for w in np.random.default_rng(1).normal(size=(5, 7)) * scale:
        for by_hand, shared, allowed in pairs:
            expected = ops.convert_to_numpy(shared(w, 1.5))
            np.testing.assert_allclose(by_hand(w, 1.5), expected, rtol=1e-14, atol=allowed * scale)


def test_the_sign_of_each_weight_is_foretold_as_scikit_learn_finds_it():
    X, noise, planted = lesson.planted_data(np.random.default_rng(4), 30)
    told, found = [], []
    for sigma in (0.5, 1.0, 1.5):
        for features, e in zip(X, noise):
            y = features @ planted + sigma * e
            G, c = features.T @ features / len(y), features.T @ y / len(y)
            told.append(bool(lesson.signs_found(G, c, np.array(0.12), planted)))
            w = Lasso(0.12, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(features, y).coef_
            found.append(bool(np.all(np.sign(w) == np.sign(planted))))
    assert told == found
    assert 10 < sum(found) < 80


@pytest.mark.parametrize("seed", range(20))
def test_the_planted_features_are_found_for_any_seed(seed):
    report = lesson.selection(Options(seed=seed))
    assert [check.name for check in report.checks if not check.passed] == []


def diabetes_csv(path, rows=442):
    """Scikit-learn's diabetes data in its own units, with a column of words."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    names = load_diabetes().feature_names
    lines = [",".join(["patient", *names, "progression"])]
    for i, (features, target) in enumerate(zip(X[:rows], y[:rows])):
        lines.append(",".join([f"patient no. {i}", *map(str, features), str(target)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return X[:rows], y[:rows], names


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
            ["diamond, circle: lowest = best of 4001 points",
             "zeros: one on the diamond, none on the circle"]),
    Mistake("a circle of the wrong size", "onto_circle",
            lambda right: lambda w, radius: right(w, 1.01 * radius), lesson.diamond_and_circle,
            ["diamond, circle: lowest = best of 4001 points"]),
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
                        "planted: signs found where equations say so"]),
    Mistake("α a tenth", "ONE_ALPHA", lambda right: right / 10, selection,
            ["low noise: precision, recall = 1, 5 sigma"]),
    Mistake("signs foretold without the features outside", "signs_found",
            lambda right: lambda G, c, alpha, planted: right(
                G[..., planted != 0, :][..., planted != 0], c[..., planted != 0], alpha,
                planted[planted != 0]),
            selection, ["planted: signs found where equations say so"]),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)
