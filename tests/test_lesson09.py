import functools

import numpy as np
import pytest
from conftest import one_line
from faults import Fault, assert_caught, failing, run
from keras import ops
from references import diabetes_csv, kelvin, table_csv
from scipy import optimize
from sklearn.linear_model import Lasso
from what_if import assert_edit, assert_true, each_constant

from course import data, lesson09 as lesson, linear, prox
from course.checks import lesson09 as proof, references
from course.checks.constants import require
from course.cli import edited, main
from course.errors import InputError


def slow(value):
    return pytest.param(value, marks=pytest.mark.slow)


def not_passed(outcome):
    return [check.id for check in outcome.checks if not check.passed]


@pytest.mark.parametrize("given", [{}, slow({"quick": True, "seed": 5})], ids=str)
def test_every_check_holds(given):
    outcome = run(9, **given)
    assert len(outcome.checks) == 27
    assert not_passed(outcome) == []


@pytest.mark.slow
def test_few_steps_hold_all_but_what_needs_many():
    found = run(9, steps=3, quick=True)
    assert len(found.checks) == 27
    assert not_passed(found) == []
    assert not_for(found) == dict.fromkeys(ENDS, "not at step 3")


@pytest.mark.slow
def test_float32_holds_its_own_tolerance():
    assert not_passed(run(9, dtype="float32", quick=True)) == []


def test_the_fixed_values():
    results = run(9).results
    assert lesson.CORNER_ALPHAS == (0.5, 2.0)
    assert results["α = 0.5: F has its minimum at"] == 0.5
    assert results["α = 2: F has its minimum at"] == 0
    assert results["diamond: minimum at w1, w2"].tolist() == [0, -1]
    assert results["lasso selects"] == "sex, bmi, bp, s3, s5"


def test_any_smooth_cost_has_its_minimum_at_the_corner_where_its_derivative_is_below_alpha():
    def f(x):
        return np.log1p(np.exp(-3 * x)) + x**2  # its derivative at 0 is −3/2

    for a in np.arange(1, 12) / 4 + 0.1:
        found = optimize.minimize_scalar(lambda x, a=a: f(x) + a * abs(x), bounds=(-2, 2))
        assert (abs(found.x) < 1e-4) == (a >= 1.5)


def minimum_inside(cost, size):
    """The minimum where size(w) ≤ 1, by SciPy, which knows no projection."""
    found = optimize.minimize(
        cost, [0.1, -0.1], constraints={"type": "ineq", "fun": lambda w: 1 - size(w)},
        method="SLSQP", options={"ftol": 1e-14},
    )  # fmt: skip
    return found.x


def test_the_diamond_and_the_circle_meet_scipy():
    X, y = data.load_two_features()
    measured = lesson.diamond_and_circle()

    def cost(w):
        return np.var(y - X @ w)

    for name, size in (("diamond", lambda w: abs(w[0]) - w[1]), ("circle", lambda w: w @ w)):
        np.testing.assert_allclose(measured[name], minimum_inside(cost, size), atol=1e-5)


@pytest.mark.parametrize("scale", [1, slow(0.1), slow(10)])
def test_the_projections_and_the_threshold_are_those_of_course_prox(scale):
    names = ("project_l1_ball", "project_l2_ball", "soft_threshold")
    for w in np.random.default_rng(1).normal(size=(5, 7)) * scale:
        for name in names:
            expected = ops.convert_to_numpy(getattr(prox, name)(w, 1.5))
            by_hand = getattr(lesson, name)(w, 1.5)
            np.testing.assert_allclose(by_hand, expected, rtol=1e-14, atol=1e-14 * scale)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_the_kkt_violation_is_what_course_linear_finds(l1_ratio):
    rng = np.random.default_rng(4)
    X, y, weights = rng.normal(size=(40, 6)), rng.normal(size=40), rng.normal(size=(20, 6))
    weights[rng.random((20, 6)) < 0.5] = 0
    b = y.mean() - weights @ X.mean(axis=0)
    violation = references.kkt_violation(X, y, weights, np.full(20, 0.1), l1_ratio).max(axis=-1)
    found = [linear.kkt_residual(X, y, w, at, 0.1, l1_ratio) for w, at in zip(weights, b)]
    np.testing.assert_allclose(violation, found, rtol=1e-12)


@pytest.mark.parametrize("seed", [0, *map(slow, range(1, 20))])
def test_the_true_features_are_found_for_any_seed(seed):
    measured = {"selection": lesson.selection(seed, lesson.DATA_SETS)}
    assert next(failing(9, measured, {"seed": seed})) == set()


@pytest.mark.parametrize("rows", [442, slow(40)])
def test_your_own_table_meets_scikit_learn(tmp_path, rows):
    X, y, names = diabetes_csv(tmp_path / "d.csv", rows)
    outcome = run(9, data=str(tmp_path / "d.csv"), target="progression")
    assert not_passed(outcome) == []
    results = outcome.results
    assert results["columns left out (no numbers)"] == "patient"

    # In the table's own units: α grows with y, and every column counts in its deviations.
    alpha = results["standardised α"] * y.std()
    fitted = Lasso(alpha, tol=1e-14, max_iter=100_000).fit((X - X.mean(0)) / X.std(0), y)
    weights = fitted.coef_ / X.std(axis=0)
    found = [results[f"weight of {name}"] for name in names]
    np.testing.assert_allclose(found, weights, rtol=1e-7)
    assert results["intercept"] == pytest.approx(y.mean() - weights @ X.mean(axis=0), rel=1e-7)
    selected = ", ".join(name for name, weight in zip(names, weights) if weight != 0)
    assert results["selected"] == selected
    assert outcome.figures["table"]().axes


def test_a_target_without_a_table_is_refused():
    with pytest.raises(InputError, match="--target needs --data"):
        run(9, target="y")


def test_a_kelvin_target_is_judged_in_the_tables_units(tmp_path, monkeypatch):
    given = {"data": table_csv(tmp_path / "k.csv", *kelvin()), "target": "y"}
    outcome = run(9, **given)
    assert not_passed(outcome) == []
    in_units = data.Table.in_units
    monkeypatch.setattr(data.Table, "in_units", lambda self, w: (in_units(self, w)[0], 290.0))
    assert next(failing(9, outcome.measured, given)) == {"table-predictions"}


def test_columns_where_one_weight_at_a_time_does_not_arrive_are_refused(in_tmp, capsys):
    x, z = np.random.default_rng(0).normal(size=(2, 200))
    table_csv("t.csv", np.column_stack([x, x + 0.03 * z]), z)
    assert main("lesson09", ["--data", "t.csv", "--target", "y"]) == 2
    assert "does not arrive in 10,000 sweeps" in one_line(capsys.readouterr().err)


def test_a_reference_that_does_not_converge_is_one_line(monkeypatch):
    monkeypatch.setitem(references.EXACT, "max_iter", 1)
    X, y = kelvin()
    with pytest.raises(InputError, match="Lasso does not converge"):
        references.elastic_net(X, y, 1e-3)


def test_a_target_that_no_column_is_correlated_with_is_refused(tmp_path):
    x = np.arange(-10.0, 11)
    path = table_csv(tmp_path / "t.csv", np.column_stack([x, x**3]), x**2)
    with pytest.raises(InputError, match="no column is correlated with 'y'"):
        run(9, data=path, target="y")


def test_columns_that_nearly_repeat_each_other_are_refused(tmp_path):
    a, b, c = np.random.default_rng(0).normal(size=(3, 30))
    path = table_csv(tmp_path / "d.csv", np.column_stack([a, a + 1e-5 * b]), a + c)
    with pytest.raises(InputError, match="nearly repeat each other"):
        run(9, data=path, target="y")


def test_the_figures_draw():
    figures = run(9).figures
    assert set(figures) == {"corner", "zeros", "selection"}
    for draw in figures.values():
        assert draw().axes


def minima(found, lesson):
    return {"minima": lesson.soft_threshold(1.0, found["alphas"])}


def balls(found, lesson):
    return lesson.diamond_and_circle()


def descend_again(found, lesson):
    paths = {
        name: lesson.ista(found["X"], found["y"], alpha, lesson.LEARNING_RATE, 400, l1_ratio)
        for name, (alpha, l1_ratio) in lesson.NETS.items()
    }
    return {"by_hand": paths}


def train_again(name, build=None):
    """Keras's path once more; `build(lesson, p, alpha, ratio)` is another model than the page's."""
    build = build or (lambda lesson, *given: lesson.build_model(*given))

    def spoil(found, lesson):
        steps = len(found["in_keras"][name]) - 1
        model = build(lesson, len(found["names"]), *lesson.NETS[name])
        path = lesson.train(model, found["X"], found["y"], steps)
        return {"in_keras": {**found["in_keras"], name: path}}

    return spoil


def alphas_again(found, lesson):
    return lesson.every_alpha(found["X"], found["y"])


def select_again(found, lesson):
    return lesson.selection(0, 5)


def tiny_for_zero(*names):
    return lambda found, lesson: {
        name: np.where(found[name] == 0, 1e-17, found[name]) for name in names
    }


def hard(right):
    return lambda v, t: v * (np.abs(v) > t)


BOTH_KERAS = ["lasso-keras", "elastic-net-keras"]
BOTH_ENDS = ["lasso-scikit-learn", "elastic-net-scikit-learn"]
BOTH_OPTIMAL = ["lasso-optimal", "elastic-net-optimal"]
FAULTS = [
    Fault("half the threshold", "corner", ["minimum-grid", "minimum-scipy"], minima,
          ("soft_threshold", lambda right: lambda v, t: right(v, t / 2))),
    Fault("a hard threshold: the larger weights stay as they are", "diabetes",
          [*BOTH_KERAS, *BOTH_ENDS], descend_again, ("soft_threshold", hard)),
    Fault("the same, one weight at a time", "alphas", ["alphas-weights"],
          alphas_again, ("soft_threshold", hard)),
    Fault("a smooth corner, αx² for α|x|", "corner", ["minimum-at-zero", "minimum-grid"],
          lambda found, lesson: {"minima": 1 / (1 + 2 * found["alphas"])}),
    Fault("the box for the diamond", "balls", ["balls-tried", "diamond-lasso", "balls-zeros"],
          balls, ("project_l1_ball", lambda right: lambda w: np.clip(w, -1, 1))),
    Fault("a circle of the wrong size", "balls", ["balls-tried"], balls,
          ("project_l2_ball", lambda right: lambda w: right(w, 1.01))),
    Fault("y not centred", "balls", ["balls-tried", "circle-ridge"], balls,
          ("moments", lambda right: lambda X, y: (right(X, y)[0], X.T @ y / len(y)))),
    Fault("the ½ of the cost forgotten", "diabetes", [*BOTH_KERAS, *BOTH_ENDS], descend_again,
          ("gradient", lambda right: lambda *a: 2 * right(*a))),
    Fault("a threshold of α, not ηα", "diabetes", [*BOTH_KERAS, *BOTH_ENDS, *BOTH_OPTIMAL],
          descend_again, ("ista", lambda right: lambda X, y, alpha, rate, *rest:
                          right(X, y, alpha / rate, rate, *rest))),
    Fault("an elastic net without its L2 part", "diabetes",
          [BOTH_KERAS[1], BOTH_ENDS[1], BOTH_OPTIMAL[1]], descend_again,
          ("ista", lambda right: lambda X, y, alpha, rate, steps, ratio:
           right(X, y, alpha * ratio, rate, steps))),
    Fault("no L2 part, one weight at a time", "alphas", ["twice-elastic-net"], alphas_again,
          ("coordinate_descent", lambda right: lambda G, c, alpha, ratio=1.0:
           right(G, c, alpha * ratio))),
    Fault("a penalised intercept", "diabetes", ["elastic-net-keras"], train_again("elastic net"),
          ("ProximalSGD", lambda right: functools.partial(right, penalised=lambda v: True))),
    Fault("L1 in the cost and no proximal step", "diabetes", ["lasso-keras", "lasso-zeros"],
          train_again("lasso", lambda lesson, *a: lesson.build_model(*a, proximal=False))),
    Fault("a proximal step for Keras's L1", "diabetes", ["sgd-zeros"],
          lambda found, lesson: {"under_sgd": found["in_keras"]["lasso"]}),
    Fault("an α that was not doubled for Keras's mse", "diabetes", ["elastic-net-keras"],
          train_again("elastic net", lambda lesson, p, a, r: lesson.build_model(p, a / 2, r))),
    Fault("a learning rate off by a hundred-thousandth", "diabetes", ["lasso-keras"],
          train_again("lasso", lambda lesson, *a: lesson.build_model(*a, learning_rate=0.2500025))),
    Fault("α 5 % too large", "selection", ["selection-weights", "selection-optimal"],
          select_again, ("coordinate_descent", lambda right: lambda G, c, alpha:
                         right(G, c, 1.05 * alpha))),
    Fault("only three sweeps over the weights", "selection", ["selection-optimal"], select_again,
          ("coordinate_descent", lambda right: functools.partial(right, sweeps=3))),
    Fault("α a tenth", "selection", ["selection-found"], select_again,
          ("coordinate_descent", lambda right: lambda G, c, alpha: right(G, c, alpha / 10))),
    Fault("optimality conditions with the wrong sign of w", "selection", ["selection-optimal"],
          patch=("references.kkt_violation", lambda right: lambda X, y, w, alpha:
                 right(X, y, w, -alpha))),
    Fault("recall for precision", "selection", ["selection-scores"],
          lambda found, lesson: {"precision": found["recall"]}),
    Fault("an α_max of half the size", "alphas", ["alpha-max"],
          lambda found, lesson: {"alphas": found["alphas"] / 2}),
    Fault("the path the wrong way round", "alphas", ["alpha-max-zeros", "alphas-zeros"],
          lambda found, lesson: {"w": found["w"][::-1]}),
    Fault("a column that counts twice", "alphas", ["twice-lasso", "twice-elastic-net"],
          lambda found, lesson: {"twice": 2 * found["twice"]}),
    Fault("1e-17 for zero", "balls", ["balls-zeros"], tiny_for_zero("diamond")),
    Fault("1e-17 for zero at every α", "alphas", ["alphas-zeros"], tiny_for_zero("w")),
    Fault("1e-17 for zero in the selection", "selection", ["selection-zeros"],
          tiny_for_zero("w")),
    Fault("NaN for weights", "alphas", ["alphas-zeros", "alphas-weights", "alpha-max-zeros"],
          lambda found, lesson: {"w": np.where(found["w"] == 0, 0, np.nan)}),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(9, fault)


def test_a_column_that_was_not_standardised_is_caught(tmp_path):
    diabetes_csv(tmp_path / "d.csv")
    given = {"data": str(tmp_path / "d.csv"), "target": "progression"}
    stretch = np.where(np.arange(10) == 2, 1.5, 1)

    def wrong(right):
        return lambda X, y: right(X * stretch, y)

    def fit_again(found, lesson):
        return {"w": lesson.coordinate_descent(*lesson.moments(found["X"], found["y"]),
                                               found["alpha"])}  # fmt: skip

    caught_by = ["table-weights", "table-predictions", "table-optimal"]
    assert_caught(9, Fault("a column that was not standardised", "table", caught_by, fit_again,
                           ("moments", wrong), given))  # fmt: skip


ENDS = {f"{net}-{end}" for net in ("lasso", "elastic-net")
        for end in ("scikit-learn", "zeros", "optimal")}  # fmt: skip
WHAT_IF = {
    "CORNER_ALPHAS": ("[1.3]", "0.0, 0.1234, 1.0, 5.0", "2.0, 0.5"),
    "LEARNING_RATE": ("0.01", "0.6", "3.0"),
    "STEPS": ("1", "30", "2000"),
    "ALPHA": ("1e-3", "0.3", "3.0"),
    "NETS": (
        '{"lasso": (1e-4, 1)}',
        '{"net": (0.1, 0.3)}',
        '{"a net with a long name": (0.1, 1), "b": (2.0, 0.5), "c": (1e-3, 0.01)}',
    ),
    "TRUE": ("np.array([1.0, 0.0])", "np.ones(5)", "np.array([0, 0.01, 0, 3])"),
    "CORRELATION": ("0.0", "0.95", "-0.5"),
    "NOISES": ("(1.0,)", "[5, 0.01]", "np.array([0.001, 100.0])"),
    "SAMPLES": ("2", "60", "5000"),
    "ONE_ALPHA": ("1e-3", "0.3", "10.0"),
    "DATA_SETS": ("1", "7", "200"),
    "QUICK_DATA_SETS": ("1", "7", "50"),
    "TABLE_ALPHA": ("1e-3", "0.5", "2.0"),
    "MAX_CONDITION": ("1e3", "1e6", "1e12"),
}


@pytest.fixture(scope="module")
def diabetes_table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "d.csv"
    diabetes_csv(path)
    return {"data": str(path), "target": "progression"}


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value, diabetes_table):
    of_table = name in ("TABLE_ALPHA", "MAX_CONDITION")
    assert_true(9, name, value, **(diabetes_table if of_table else {}))


def not_for(found):
    return {check.id: check.not_for for check in found.checks if check.not_for}


def test_a_learning_rate_above_the_limit_diverges_as_foreseen():
    found = assert_true(9, "LEARNING_RATE", "0.6")
    end = next(check for check in found.checks if check.id == "lasso-scikit-learn")
    assert end.name == "lasso: η > 2/λmax = 0.497: diverges"
    assert found.results["lasso selects"].startswith("diverged after")
    text = edited.with_constants(edited.source_of(9), {"LEARNING_RATE": "0.6"})
    with edited.page(9, text):
        fits = found.measured["diabetes"]
        tame = {**fits, "by_hand": run(9).measured["diabetes"]["by_hand"]}
        off = {**fits, "in_keras": {k: path * (1 + 1e-4) for k, path in fits["in_keras"].items()}}
        for wrong, ids in ((tame, {"lasso-scikit-learn", "lasso-keras"}), (off, {"lasso-keras"})):
            assert ids <= next(failing(9, {"diabetes": wrong}, {}))


BUILT = {"lasso-keras", "elastic-net-keras", "sgd-zeros"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("optimizer=optimizer", "optimizer=keras.optimizers.Adam()", "not for Adam"),
        ('"zeros", ', '"zeros", activation="relu", ', "not for relu"),
        ('"zeros", ', '"zeros", use_bias=False, ', "not without a bias"),
        ("dense])", "keras.layers.Dense(3), dense])", "not for 2 layers"),
        ("dense])", "keras.layers.Dropout(0.2), dense])", "not for Dropout"),
    ],
    ids=["Adam", "relu", "no bias", "two layers", "Dropout"],
)
def test_what_if_the_model_is_another_one(old, new, words):
    found = assert_edit(9, old, new)
    assert not_for(found) == dict.fromkeys(BUILT, words)


@pytest.mark.slow
@pytest.mark.parametrize(
    "points",
    [
        "(np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 6.5]), ['x'])",
        "(load_data()[0][:60, :3] * [0.5, 1, 2] + 1, 50 * load_data()[1][:60], ['a', 'b', 'c'])",
    ],
)
def test_what_if_the_points_are_ones_own(points):
    old = "(X, y, names), alphas = load_data()"
    found = assert_edit(9, old, f"(X, y, names), alphas = {points}")
    assert not_for(found) == dict.fromkeys(ENDS, "not at step 400")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LEARNING_RATE", "-1", "LEARNING_RATE is -1, and must be a number above 0"),
        ("ALPHA", "0", "ALPHA is 0, and must be a number above 0"),
        ("NETS", '{"lasso": 0.1}', "NETS is .*, and must be a dict of names with"),
        ("TRUE", "np.zeros(4)", "TRUE is .*, and must be an array of two numbers or more, not all"),
        ("CORRELATION", "1.0", "CORRELATION is 1.0, and must be a number above -1 and below 1"),
        ("NOISES", "[]", "NOISES is .*, and must be 1 or more values, each a number above 0"),
    ],
)
def test_a_constant_that_makes_no_sense_is_refused(name, value, words):
    values = {"ALPHA": {"NETS": '{"lasso": (0.1, 1)}'}}.get(name, {})
    text = edited.with_constants(edited.source_of(9), {name: value, **values})
    with edited.page(9, text) as page, pytest.raises(InputError, match=words):
        require(page, proof)
