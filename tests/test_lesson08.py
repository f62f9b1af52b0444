import keras
import numpy as np
import pytest
from faults import Fault, assert_caught, run
from keras.regularizers import L1, L1L2, L2
from references import diabetes_csv, kelvin, table_csv
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from what_if import assert_edit, assert_true, each_constant

from course import lesson08 as lesson
from course.checks import lesson08 as proof
from course.checks.constants import require
from course.cli import edited, options, outcome
from course.errors import InputError
from course.machine.precision import precision

X, Y, _ = lesson.load_data()
N = len(Y)


def slow(value):
    return pytest.param(value, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "given", [{}, slow({"quick": True, "seed": 5}), slow({"steps": 1})], ids=str
)
def test_every_check_holds(given):
    checks = run(8, **given).checks
    assert len(checks) == 28
    assert [check.id for check in checks if not check.passed] == []


@pytest.mark.slow
def test_float32_holds_its_own_tolerance():
    checks = run(8, dtype="float32", quick=True).checks
    assert [check.id for check in checks if not check.passed] == []


@pytest.mark.parametrize("seed", [0, *map(slow, range(1, 10))])
def test_what_is_drawn_holds_for_any_seed(seed):
    found = lesson.fit_polynomials(seed, lesson.QUICK_DRAWS)
    assert all(check.passed for check in proof.check_polynomial(None, **found))


def test_the_data_are_scikit_learns_in_other_units():
    raw, y = load_diabetes(return_X_y=True, scaled=False)
    np.testing.assert_allclose(X, (raw - raw.mean(axis=0)) / raw.std(axis=0), atol=1e-10)
    np.testing.assert_allclose(Y * y.std(), y)


def normal_equations(X, y, alpha):
    """(AᵀA + α diag(1, …, 1, 0)) θ = Aᵀy with A = [X 1]: nothing is centred."""
    A = np.column_stack([X, np.ones(len(X))])
    return np.linalg.solve(A.T @ A + alpha * np.diag([1.0] * X.shape[1] + [0.0]), A.T @ y)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 50.0])
def test_ridge_meets_the_normal_equations_and_its_gradient_is_zero(alpha):
    rng = np.random.default_rng(4)
    A, y = 3 + rng.normal(size=(40, 5)), 7 + rng.normal(size=(40, 3))
    thetas = lesson.ridge(A, y, alpha)
    np.testing.assert_allclose(thetas, normal_equations(A, y, alpha), atol=1e-11)
    for theta, target in zip(thetas.T, y.T):
        np.testing.assert_allclose(lesson.ridge(A, target, alpha), theta, atol=1e-12)
        assert np.abs(lesson.gradient(A, target, theta, alpha)).max() < 1e-12


def test_one_step_of_the_update_written_out():
    alpha, rate = 55.25, 0.4
    theta = lesson.descend(X, Y, rate, 2, decay=alpha / N)
    error = X @ theta[1, :-1] + theta[1, -1] - Y
    w = theta[1, :-1] * (1 - rate * alpha / N) - rate / N * sum(e * x for e, x in zip(error, X))
    np.testing.assert_allclose(theta[2, :-1], w, atol=1e-14)
    assert theta[2, -1] == pytest.approx(theta[1, -1] - rate * error.mean())


def test_the_table_of_penalties():
    with precision("float64"):
        ridge, lasso, net = (
            lesson.PENALTIES[n](6.0, 0.25, 4, 3) for n in ("Ridge", "Lasso", "ElasticNet")
        )
        assert (type(ridge), float(ridge.l2)) == (L2, 0.5)
        assert (type(lasso), float(lasso.l1)) == (L1, 4.0)
        assert (type(net), float(net.l1), float(net.l2)) == (L1L2, 1.0, 1.5)


def test_the_ends_of_momentum_and_adam():
    sizes = run(8).results
    strong, weak, none = (
        np.linalg.norm(normal_equations(X, Y, fraction * N / 8)[:-1]) for fraction in (1, 1 / 8, 0)
    )
    close = {"SGD: weight_decay": strong, "momentum: L2": strong, "momentum: weight_decay": weak,
             "Adam: L2": strong}  # fmt: skip
    for name, size in close.items():
        # On PyTorch a sum over 442 rows in float32 is good to some 6e-8 √442 = 1.3e-6.
        assert sizes[f"‖w‖ at the end, {name}"] == pytest.approx(size, rel=1e-6)
    assert weak < sizes["‖w‖ at the end, AdamW: weight_decay"] < none


@pytest.mark.slow
def test_adam_w_goes_on_towards_least_squares():
    given = {**lesson.ADAM, "learning_rate": 0.003}
    path = proof.adam(X, Y, **given, steps=12_000, decay=lesson.DECAY)
    least, strong = (normal_equations(X, Y, alpha) for alpha in (0, N / 8))
    away = np.linalg.norm(path[[1500, 3000, 6000, 12_000]] - least, axis=1)
    assert np.all(away[1:] < away[:-1] / 2)
    assert away[-1] < 0.01 * np.linalg.norm(strong - least)


def test_your_own_table_meets_ridge_in_its_own_units(tmp_path):
    raw, y, names = diabetes_csv(tmp_path / "d.csv")
    outcome = run(8, data=str(tmp_path / "d.csv"), target="progression")
    assert len(outcome.checks) == 9
    assert outcome.passed
    fitted = make_pipeline(StandardScaler(), Ridge(len(y) / 8)).fit(raw, y)
    w = fitted[-1].coef_ / fitted[0].scale_
    for name, weight in zip(names, w):
        measured = outcome.results[f"weight of {name}: least squares, ridge"][1]
        assert measured == pytest.approx(weight, rel=1e-6)
    intercept = fitted.predict(np.zeros((1, 10)))[0]
    assert outcome.results["intercept: least squares, ridge"][1] == pytest.approx(intercept)
    explained = outcome.results["fraction of the variance explained: least squares, ridge"]
    assert explained[1] == pytest.approx(fitted.score(raw, y))
    assert explained[0] > explained[1]
    assert outcome.figures["table"]().axes


@pytest.mark.slow
def test_your_own_table_after_few_steps_and_with_one_column(tmp_path):
    diabetes_csv(tmp_path / "d.csv")
    assert run(8, data=str(tmp_path / "d.csv"), target="progression", steps=2).passed
    path = tmp_path / "one.csv"
    path.write_text("x,y\n1,2\n2,5\n4,6\n5,11\n")
    assert run(8, data=str(path), target="y", dtype="float32").passed


@pytest.mark.parametrize("offset", [10_000, slow(0)])
def test_a_kelvin_target_is_judged_in_the_tables_units(tmp_path, offset):
    X, y = kelvin()
    given = {"data": table_csv(tmp_path / "k.csv", X, y + offset), "target": "y"}
    table = options.make(8, **given).table
    assert run(8, **given).passed
    wrong = type("Table", (type(table),), {
        "in_units": lambda self, w, b: (table.in_units(w, b)[0], 0 * b)
    })  # fmt: skip
    fault = Fault("an intercept that is not in the table's units", "table", ["table-predictions"],
                  lambda found, lesson: {"table": wrong(*table)}, given=given)  # fmt: skip
    assert_caught(8, fault)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (None, "--target is missing"),
        ("z", "has no column 'z'"),
        ("y", "column 'c' is constant"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, target, words):
    (tmp_path / "t.csv").write_text("x,c,y\n1,1,2\n2,1,3\n3,1,5\n4,1,4\n5,1,7\n")
    with pytest.raises(InputError, match=words):
        options.make(8, data=str(tmp_path / "t.csv"), target=target)


def test_the_figures_draw():
    figures = run(8).figures
    assert set(figures) == {"weights", "polynomial", "decay"}
    for draw in figures.values():
        assert draw().axes


def descend_again(found, lesson):
    steps = len(found["by_hand"]) - 1
    given = (found[name] for name in ("X", "y", "learning_rate"))
    return {"by_hand": lesson.descend(*given, steps, found["alpha"])}


def train_again(found, lesson):
    given = (found[name] for name in ("X", "y", "alpha", "learning_rate"))
    return {"in_keras": lesson.fit(*given, len(found["by_hand"]) - 1)["in_keras"]}


def decay_everywhere(found, lesson):
    """The update with w and b both smaller by ηα/n."""
    X, y, rate = (found[name] for name in ("X", "y", "learning_rate"))
    path = np.zeros_like(found["by_decay"])
    for t in range(len(path) - 1):
        step = rate * lesson.gradient(X, y, path[t])
        path[t + 1] = path[t] * (1 - rate * found["alpha"] / len(y)) - step
    return {"by_decay": path}


def decay_of_b(found, lesson):
    """The ends of optimizers that do not leave b alone: it is smaller by 1 + decay."""
    shrunk = np.append(np.ones(X.shape[1]), 1 / (1 + lesson.DECAY))
    names = ("momentum: weight_decay", "AdamW: weight_decay")
    return {"paths": found["paths"] | {name: shrunk * found["paths"][name] for name in names}}


def another_path(name, path):
    return lambda found, lesson: {"paths": found["paths"] | {name: path(found["paths"])}}


def again(function, *given):
    """Run an experiment of the lesson again."""
    return lambda found, lesson: getattr(lesson, function)(*given)


def penalising_b(right):
    """A model whose bias pays too."""

    def build(n_features, optimizer, penalty=None):
        dense = keras.layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=penalty,
                                   bias_regularizer=penalty)  # fmt: skip
        model = keras.Sequential([keras.Input((n_features,)), dense])
        model.compile(optimizer=optimizer, loss=lesson.half_squared_error)
        return model

    return build


def row(name, penalty):
    return "PENALTIES", lambda right: {name: penalty}


def uncentred(right):
    def ridge(X, y, alpha):
        return np.append(np.linalg.solve(X.T @ X + alpha * np.eye(X.shape[1]), X.T @ y), 0)

    return ridge


def converted(found, lesson):
    """The lesson's numbers, some of them with another row in the table of penalties."""
    wrong = lesson.convert_penalties(X, Y)
    return {key: {**found[key], **wrong[key]} for key in ("weights", "gradients")}


MANY_ALPHAS, CONVERTED = again("shrink", X, Y, []), converted
HEAVY = "momentum: weight_decay"
FAULTS = [
    Fault("a gradient with α/2", "descent",
          ["gradient-numeric", "decay-form", "end", "path-keras"], descend_again,
          ("gradient", lambda right: lambda X, y, theta, alpha=0.0: right(X, y, theta, alpha / 2))),
    Fault("a penalised intercept", "descent", ["gradient-numeric", "end", "path-keras"],
          descend_again,
          ("gradient", lambda right: lambda X, y, theta, alpha=0.0:
              right(X, y, theta, alpha) + alpha / len(y) * np.append(0 * theta[:-1], theta[-1]))),
    Fault("a cost without its ½", "descent", ["gradient-numeric"],
          patch=("cost", lambda right: lambda *a: 2 * right(*a))),
    Fault("a decay that takes b along", "descent", ["decay-form"], decay_everywhere),
    Fault("Keras's L2 read as if it had a ½", "descent", ["path-keras"], train_again,
          ("L2", lambda right: lambda a: right(2 * a))),
    Fault("Keras's bias penalised", "descent", ["path-keras"], train_again,
          ("build_model", penalising_b)),
    Fault("ridge without centring y", "shrinkage", ["ridge-every"], MANY_ALPHAS,
          ("ridge", uncentred)),
    Fault("ridge with nα", "shrinkage", ["ridge-every", "shrinkage"], MANY_ALPHAS,
          ("ridge", lambda right: lambda X, y, alpha: right(X, y, len(y) * alpha))),
    Fault("a reference that forgets α", "shrinkage", ["ridge-every"],
          patch=("references.ridge", lambda right: lambda X, y, alpha: right(X, y, 0))),
    Fault("α from large to small", "shrinkage", ["size-falls"],
          lambda found, lesson: {"thetas": found["thetas"][::-1]}),
    Fault("the test error of another α", "polynomial", ["bias", "test-error"],
          again("fit_polynomials", 0, 2000),
          ("ridge", lambda right: lambda X, y, alpha: right(X, y, 2 * alpha)), {}),
    Fault("a penalty that makes it worse", "polynomial", ["penalty-helps"],
          lambda found, lesson: {"errors": found["errors"] * [[0.1], *8 * [[1.0]]]}),
    Fault("ridge of three targets with nα", "penalties", ["three-targets"],
          lambda found, lesson: {"by_hand": lesson.ridge(found["X"], found["Y"], lesson.ALPHA)}),
    Fault("ridge as L2(a)", "penalties", ["ridge-1", "ridge-3"], CONVERTED,
          row("Ridge", lambda a, r, n, k: L2(a))),
    Fault("ridge that forgot k", "penalties", ["ridge-3"], CONVERTED,
          row("Ridge", lambda a, r, n, k: L2(a / n))),
    Fault("lasso that forgot its 2", "penalties", ["lasso-1", "lasso-3"], CONVERTED,
          row("Lasso", lambda a, r, n, k: L1(a / k))),
    Fault("lasso that forgot k", "penalties", ["lasso-3"], CONVERTED,
          row("Lasso", lambda a, r, n, k: L1(2 * a))),
    Fault("an elastic net with ½ too many", "penalties", ["elasticnet-1", "elasticnet-3"],
          CONVERTED,
          row("ElasticNet", lambda a, r, n, k: L1L2(2 * a * r / k, a * (1 - r) / (2 * k)))),
    Fault("a weight that is zero and should not be", "penalties", ["lasso-1"],
          lambda found, lesson: {"gradients": found["gradients"] | {"Lasso, k = 1": [
              of + 0.4 * (found["weights"]["Lasso, k = 1"] == 0) if of.ndim == 2 else of
              for of in found["gradients"]["Lasso, k = 1"]]}}),
    Fault("a weight decay twice as strong in plain SGD", "decay", ["sgd-w", "sgd-b"],
          another_path("SGD: weight_decay", lambda paths: lesson.descend(
              X, Y, lesson.LEARNING_RATE, lesson.STEPS, decay=2 * lesson.DECAY))),
    Fault("weight decay that takes b along", "decay", ["momentum-keras", "adamw-keras"],
          decay_of_b),
    Fault("momentum forgotten", "decay", ["momentum-decay", "momentum-keras"],
          another_path(HEAVY, lambda paths: lesson.descend(
              X, Y, lesson.LEARNING_RATE, lesson.STEPS, decay=lesson.DECAY))),
    Fault("momentum forgotten by hand", "decay", ["momentum-keras"],
          patch=("descend",
                 lambda right: lambda X, y, rate, steps, alpha=0.0, decay=0.0, momentum=0.0:
                     right(X, y, rate, steps, alpha, decay))),
    Fault("a penalty that momentum does not magnify", "decay", ["momentum-l2"],
          another_path("momentum: L2", lambda paths: paths[HEAVY])),
    Fault("Adam with L2 that is AdamW", "decay", ["adam-l2", "adam-keras"],
          another_path("Adam: L2", lambda paths: paths["AdamW: weight_decay"])),
    Fault("AdamW that is Adam with L2", "decay", ["adamw-near", "adamw-keras"],
          another_path("AdamW: weight_decay", lambda paths: paths["Adam: L2"])),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(8, fault)


WHAT_IF = {
    "DECAY": ("0.0", "0.01", "10.0"),
    "RATIOS": ("[3.0]", "(100.0, 1e-8, 3.0)", "np.geomspace(1e-9, 1e9, 7)"),
    "LEARNING_RATE": ("0.001", "0.5", "5.0"),
    "MOMENTUM": ("0.0", "0.5", "0.99"),
    "STEPS": ("1", "20", "3000"),
    "QUICK_STEPS": ("1", "30", "600"),
    "POINTS": ("2", "5", "200"),
    "DEGREE": ("1", "3", "20"),
    "NOISE": ("0.0", "0.01", "3.0"),
    "RIDGE_ALPHAS": ("[0.1]", "(1.0, 1e-3, 100.0)", "[0, 1e-12]"),
    "DRAWS": ("1", "30", "5000"),
    "QUICK_DRAWS": ("1", "30", "5000"),
    "ADAM_STEPS": ("1", "100", "10_000"),
    "ADAM": (
        "{}",
        '{"learning_rate": 1.0}',
        '{"learning_rate": 100.0, "beta_2": 0.0}',
    ),
    "ALPHA": ("1e-5", "0.5", "10.0"),
    "L1_RATIO": ("0.01", "0.9", "1"),
    "PENALTIES": (
        '{"Lasso": PENALTIES["Lasso"]}',
        '{name: PENALTIES[name] for name in ("Ridge", "ElasticNet")}',
        "{}",
    ),
}


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value):
    assert_true(8, name, value)


def checks_of(section, found):
    checks = outcome.modules(8)[1].checks({section: found}, options.make(8))
    return {check.id: check for check in checks}


def test_a_learning_rate_above_the_limit_diverges_as_predicted():
    text = edited.with_constants(edited.source_of(8), {"LEARNING_RATE": "1.0"})
    with edited.page(8, text) as page, precision("float64"):
        found = page.fit(X, Y, N / 8, 1.0, 500)
        checks = checks_of("descent", found)
        assert all(check.passed for check in checks.values())
        assert checks["end"].name == "η = 1 is above 2/λmax = 0.482: diverges"
        assert page.length(found["by_hand"]) == page.length(found["in_keras"])
        assert page.length(found["by_hand"]) == "diverged after 63 steps"
        tame = page.descend(X, Y, 0.4, 500, N / 8)
        caught = checks_of("descent", {**found, "by_hand": tame})
        assert not any(caught[id].passed for id in ("end", "path", "path-keras"))
        late = found["in_keras"] * (1 + 1e-4)
        assert not checks_of("descent", {**found, "in_keras": late})["path-keras"].passed


def test_more_powers_than_points_are_judged_where_rounding_allows():
    text = edited.with_constants(edited.source_of(8), {"DEGREE": "20", "DRAWS": "50"})
    with edited.page(8, text) as page:
        found = page.fit_polynomials(0, page.DRAWS)
        assert all(check.passed for check in checks_of("polynomial", found).values())
        wrong = {**found, "fits": found["fits"] * (1 + 1e-3), "errors": 1.5 * found["errors"]}
        checks = checks_of("polynomial", wrong)
        assert not any(checks[id].passed for id in ("first-fits", "test-error"))


def not_for(found):
    return {check.id: check.not_for for check in found.checks if check.not_for}


LINEAR = {"path-keras", "sgd-w", "sgd-b", "momentum-decay", "momentum-keras", "adam-l2",
          "adam-keras", "adamw-near", "adamw-keras"}  # fmt: skip
CONVERSIONS = {f"{name}-{k}" for name in ("ridge", "lasso", "elasticnet") for k in (1, 3)}
DENSE = 'kernel_initializer="zeros", '


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words", "rows"),
    [
        ("compile(optimizer=optimizer", "compile(optimizer=Adam()", "not for Adam", LINEAR),
        ("SGD(learning_rate), L2", "Adam(learning_rate), L2", "not for Adam", {"path-keras"}),
        (DENSE, f'{DENSE}activation="tanh", ', "not for tanh", LINEAR | CONVERSIONS),
        (DENSE, f"{DENSE}use_bias=False, ", "not without a bias", LINEAR | CONVERSIONS),
        (
            "dense])",
            "keras.layers.Dropout(0.2), dense])",
            "not for Dropout",
            LINEAR | CONVERSIONS,
        ),
    ],
    ids=["Adam", "Adam in one experiment", "tanh", "no bias", "Dropout"],
)
def test_what_if_the_model_is_another_one(old, new, words, rows):
    assert not_for(assert_edit(8, old, new)) == dict.fromkeys(rows, words)


@pytest.mark.slow
@pytest.mark.parametrize(
    "points",
    [
        "np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 6.5]), ['x']",
        "table.data[:60, :3] * [300, 10, 1] + 5, 50 * table.target[:60], ['a', 'b', 'c']",
    ],
)
def test_what_if_the_points_are_ones_own(points):
    old = "return X, table.target / table.target.std(), table.feature_names"
    found = assert_edit(8, old, f"return {points}")
    assert {"sgd-w": "not for X of mean ≠ 0"}.items() <= not_for(found).items()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LEARNING_RATE", "-1", "LEARNING_RATE is -1, and must be a number above 0"),
        ("STEPS", "0", "STEPS is 0, and must be a whole number of at least 1"),
        ("DECAY", "-0.5", "DECAY is -0.5, and must be a number of at least 0"),
        ("POINTS", "1", "POINTS is 1, and must be a whole number of at least 2"),
        ("L1_RATIO", "0", "L1_RATIO is 0, and must be a number above 0 and at most 1"),
        ("ADAM", '{"amsgrad": True}', "ADAM is .*, and must be a dict of learning_rate"),
    ],
)
def test_a_constant_that_makes_no_sense_is_refused(name, value, words):
    text = edited.with_constants(edited.source_of(8), {name: value})
    with edited.page(8, text) as page, pytest.raises(InputError, match=words):
        require(page, proof)
