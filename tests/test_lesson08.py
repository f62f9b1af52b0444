import numpy as np
import pytest
from conftest import one_line
from keras.regularizers import L1, L1L2, L2
from mistakes import Mistake, assert_caught
from references import diabetes_csv, kelvin, table_csv
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course import data
from course import lesson08 as lesson
from course.cli.report import Options, precision

X, Y, NAMES = lesson.load_data()
M = len(Y)


@pytest.mark.parametrize("options", [Options(), Options(quick=True, seed=5), Options(steps=3)])
def test_every_check_holds(options):
    report = lesson.run(options)
    assert len(report.checks) == 27
    assert [check.name for check in report.checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    report = lesson.run(Options(dtype="float32", quick=True))
    assert [check.name for check in report.checks if not check.passed] == []


@pytest.mark.parametrize("seed", range(10))
def test_what_is_drawn_holds_for_any_seed(seed):
    with precision("float64"):
        report = lesson.wobble(X, Y, NAMES, seed)
        assert report.passed
        assert lesson.polynomial(Options(quick=True, seed=seed)).passed


def test_the_data_are_scikit_learns_in_other_units():
    raw, y = load_diabetes(return_X_y=True, scaled=False)
    np.testing.assert_allclose(X, (raw - raw.mean(axis=0)) / raw.std(axis=0), atol=1e-10)
    np.testing.assert_allclose(Y * y.std(), y)


def normal_equations(X, y, lam):
    """(AᵀA + λ diag(1, …, 1, 0)) θ = Aᵀy with A = [X 1]: nothing is centred."""
    A = np.column_stack([X, np.ones(len(X))])
    return np.linalg.solve(A.T @ A + lam * np.diag([1.0] * X.shape[1] + [0.0]), A.T @ y)


@pytest.mark.parametrize("lam", [0.0, 0.3, 50.0])
def test_ridge_meets_the_normal_equations_and_its_gradient_is_zero(lam):
    rng = np.random.default_rng(4)
    A, y = 3 + rng.normal(size=(40, 5)), 7 + rng.normal(size=(40, 3))
    thetas = lesson.ridge(A, y, lam)
    np.testing.assert_allclose(thetas, normal_equations(A, y, lam), atol=1e-11)
    for theta, target in zip(thetas.T, y.T):
        np.testing.assert_allclose(lesson.ridge(A, target, lam), theta, atol=1e-12)
        assert np.abs(lesson.gradient(A, target, theta, lam)).max() < 1e-12


def test_one_step_of_the_update_written_out():
    lam, rate = 55.25, 0.4
    theta = lesson.descend(X, Y, rate, 2, decay=lam / M)
    error = X @ theta[1, :-1] + theta[1, -1] - Y
    w = theta[1, :-1] * (1 - rate * lam / M) - rate / M * sum(e * x for e, x in zip(error, X))
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
    sizes = lesson.run(Options(quick=True)).results
    strong, weak, none = (
        np.linalg.norm(normal_equations(X, Y, share * M / 8)[:-1]) for share in (1, 1 / 8, 0)
    )
    assert sizes["‖w‖ at the end, SGD: either"] == pytest.approx(strong, rel=1e-9)
    assert sizes["‖w‖ at the end, momentum: L2"] == pytest.approx(strong, rel=1e-9)
    assert sizes["‖w‖ at the end, momentum: weight_decay"] == pytest.approx(weak, rel=1e-9)
    assert sizes["‖w‖ at the end, Adam: L2"] == pytest.approx(strong, rel=1e-9)
    assert weak < sizes["‖w‖ at the end, AdamW: weight_decay"] < none


def test_adam_w_goes_on_towards_least_squares():
    path = lesson.adam(X, Y, 0.003, 12_000, decay=lesson.DECAY)
    least, strong = (normal_equations(X, Y, lam) for lam in (0, M / 8))
    away = np.linalg.norm(path[[1500, 3000, 6000, 12_000]] - least, axis=1)
    assert np.all(away[1:] < away[:-1] / 2)
    assert away[-1] < 0.01 * np.linalg.norm(strong - least)


def test_your_own_table_meets_ridge_in_its_own_units(tmp_path):
    raw, y, names = diabetes_csv(tmp_path / "d.csv")
    report = lesson.run(Options(data=str(tmp_path / "d.csv"), target="progression"))
    assert len(report.checks) == 9
    assert report.passed
    fitted = make_pipeline(StandardScaler(), Ridge(len(y) / 8)).fit(raw, y)
    w = fitted[-1].coef_ / fitted[0].scale_
    for name, weight in zip(names, w):
        measured = report.results[f"weight of {name}: least squares, ridge"][1]
        assert measured == pytest.approx(weight, rel=1e-6)
    intercept = fitted.predict(np.zeros((1, 10)))[0]
    assert report.results["intercept: least squares, ridge"][1] == pytest.approx(intercept)
    explained = report.results["share of the variance explained by ridge"]
    assert explained == pytest.approx(fitted.score(raw, y))
    assert report.figures["table"]().axes


def test_your_own_table_after_few_steps_and_with_one_column(tmp_path):
    diabetes_csv(tmp_path / "d.csv")
    path = tmp_path / "d.csv"
    assert lesson.run(Options(data=str(path), target="progression", steps=2)).passed
    path = tmp_path / "one.csv"
    path.write_text("x,y\n1,2\n2,5\n4,6\n5,11\n")
    assert lesson.run(Options(data=str(path), target="y", dtype="float32")).passed


@pytest.mark.parametrize("offset", [0, 10_000])
def test_a_kelvin_target_is_judged_in_the_tables_units(tmp_path, monkeypatch, offset):
    X, y = kelvin()
    options = Options(data=table_csv(tmp_path / "k.csv", X, y + offset), target="y")
    report = lesson.run(options)
    assert [check.name for check in report.checks if not check.passed] == []
    in_units = data.Table.in_units
    monkeypatch.setattr(data.Table, "in_units", lambda self, w, b: (in_units(self, w)[0], 0 * b))
    wrong = lesson.run(options)
    failing = [check.name for check in wrong.checks if not check.passed]
    assert failing == ["predictions in the table's units, scaled, = Ridge"]
    assert wrong.results["share of the variance explained by ridge"] < 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--target", "y"], "--target needs --data FILE.csv"),
        (["--data", "no.csv", "--target", "y"], "cannot read no.csv"),
        (["--data", "t.csv"], "--target is missing"),
        (["--data", "t.csv", "--target", "z"], "has no column 'z'"),
        (["--data", "t.csv", "--target", "y"], "column 'c' is constant"),
    ],
)
def test_bad_input_is_one_line(in_tmp, capsys, flags, words):
    (in_tmp / "t.csv").write_text("x,c,y\n1,1,2\n2,1,3\n3,1,5\n4,1,4\n5,1,7\n")
    assert lesson.main(flags) == 2
    assert words in one_line(capsys.readouterr().err)


def test_the_figures_draw():
    for draw in lesson.run(Options(quick=True)).figures.values():
        assert draw().axes


def by_descent():
    return lesson.by_descent(X, Y, lesson.LEARNING_RATE, 150, "float64")[1]


def weight_decay():
    return lesson.weight_decay(X, Y, "float64")


def penalties():
    return lesson.penalties(X, Y, "float64")


def slopes(name, *numbers):
    return [f"{name}, k = {k}: Keras's slopes at scikit-learn's solution" for k in numbers]


def penalising_b(right):
    """A model whose bias pays too."""

    def build(n_features, optimizer, penalty=None, *rest):
        model = right(n_features, optimizer, penalty, *rest)
        model.layers[0].bias.regularizer = penalty
        return model

    return build


def row(name, penalty):
    return lambda right: {**right, name: penalty}


L2_FORM = "w(1 − αλ/m) − α/m Σ … = L2's gradient, every step"
L2_TWIN = "w, b at every step, Keras L2 = by hand"
HEAVY = "momentum: weight_decay ends at Ridge((1 − μ)λ)"
MISTAKES = [
    Mistake("a gradient with λ/2", "gradient",
            lambda right: lambda X, y, theta, lam=0.0: right(X, y, theta, lam / 2), by_descent,
            ["gradient = differences of J", L2_FORM, "w, b at the end = Ridge", L2_TWIN]),
    Mistake("a penalised intercept", "gradient",
            lambda right: lambda X, y, theta, lam=0.0:
                right(X, y, theta, lam) + lam / len(y) * np.append(0 * theta[:-1], theta[-1]),
            by_descent, ["gradient = differences of J", "w, b at the end = Ridge", L2_TWIN]),
    Mistake("a cost without its ½", "cost", lambda right: lambda *a: 2 * right(*a), by_descent,
            ["gradient = differences of J"]),
    Mistake("a decay that takes b along", "decayed",
            lambda right: lambda theta, share: theta * (1 - share), by_descent, [L2_FORM]),
    Mistake("Keras's L2 read as if it had a ½", "L2", lambda right: lambda a: right(2 * a),
            by_descent, [L2_TWIN]),
    Mistake("Keras's bias penalised", "build_model", penalising_b, by_descent, [L2_TWIN]),
    Mistake("ridge without centring y", "ridge",
            lambda right: lambda X, y, lam:
                np.append(np.linalg.solve(X.T @ X + lam * np.eye(X.shape[1]), X.T @ y), 0),
            lambda: lesson.shrinkage(X, Y)[1], ["w, b for every λ = Ridge"]),
    Mistake("ridge with mλ", "ridge", lambda right: lambda X, y, lam: right(X, y, len(y) * lam),
            lambda: lesson.shrinkage(X, Y)[1],
            ["w, b for every λ = Ridge",
             "along each singular vector: d²/(d² + λ) of least squares"]),
    Mistake("a reference that forgets λ", "in_scikit_learn",
            lambda right: lambda X, y, lam: right(X, y, 0),
            lambda: lesson.wobble(X, Y, NAMES, 0), ["the wobble moves ridge less"]),
    Mistake("the test error of another λ", "ridge",
            lambda right: lambda X, y, lam: right(X, y, 2 * lam),
            lambda: lesson.polynomial(Options()),
            ["test error = bias² + variance + σ², in standard errors"]),
    Mistake("ridge as L2(a)", "PENALTIES", row("Ridge", lambda a, r, m, k: L2(a)), penalties,
            slopes("Ridge", 1, 3)),
    Mistake("ridge that forgot k", "PENALTIES", row("Ridge", lambda a, r, m, k: L2(a / m)),
            penalties, slopes("Ridge", 3)),
    Mistake("lasso that forgot its 2", "PENALTIES", row("Lasso", lambda a, r, m, k: L1(a / k)),
            penalties, slopes("Lasso", 1, 3)),
    Mistake("lasso that forgot k", "PENALTIES", row("Lasso", lambda a, r, m, k: L1(2 * a)),
            penalties, slopes("Lasso", 3)),
    Mistake("an elastic net with ½ too many", "PENALTIES",
            row("ElasticNet", lambda a, r, m, k: L1L2(2 * a * r / k, a * (1 - r) / (2 * k))),
            penalties, slopes("ElasticNet", 1, 3)),
    Mistake("weight decay that spares no b", "sparing_b", lambda right: lambda optimizer: optimizer,
            weight_decay, ["momentum: weight_decay, b spared, Keras = by hand",
                           "AdamW, b spared, Keras = by hand"]),
    Mistake("momentum forgotten by hand", "descend",
            lambda right: lambda *a, momentum=0.0, **how: right(*a, **how), weight_decay,
            [HEAVY, "momentum: weight_decay, b spared, Keras = by hand"]),
    Mistake("AdamW that is Adam with L2", "adam",
            lambda right: lambda *a, lam=0.0, decay=0.0: right(*a, lam=lam + M * decay),
            weight_decay, ["AdamW ends 5 times nearer to least squares than to Ridge(λ)",
                           "AdamW, b spared, Keras = by hand"]),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)
