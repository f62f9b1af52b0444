import numpy as np
import pytest
from mistakes import Mistake, assert_caught
from references import diabetes_csv, kelvin, table_csv
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import ElasticNetCV, Lasso, LassoCV, LinearRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from course import data, linear
from course import lesson10 as lesson
from course.cli.report import Options
from course.errors import InputError

DEFAULT, QUICK, SHORT = Options(), Options(quick=True), Options(steps=5)


@pytest.mark.parametrize("options", [DEFAULT, Options(quick=True, seed=5), Options(steps=1)])
def test_every_check_holds(options):
    report = lesson.run(options)
    assert len(report.checks) == (23 if options.steps else 24)
    assert [check.name for check in report.checks if not check.passed] == []


def test_float32_holds():
    assert lesson.run(Options(dtype="float32", quick=True, steps=5)).passed


def test_the_fixed_values():
    results = lesson.five_folds(DEFAULT)[0].results
    X, y = load_diabetes(return_X_y=True)
    by_folds = LassoCV(cv=5, tol=1e-12, max_iter=100_000).fit(X, y)
    chosen, cautious = results["diabetes: α chosen, and by the one standard error rule"]
    assert chosen == pytest.approx(by_folds.alpha_, rel=1e-12)
    kept = [
        np.count_nonzero(Lasso(alpha, tol=1e-12, max_iter=100_000).fit(X, y).coef_)
        for alpha in (chosen, cautious)
    ]
    assert results["diabetes: weights not zero there"].tolist() == kept == [9, 6]


def test_the_path_by_hand_meets_the_optimality_conditions():
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    alphas = lesson.alpha_grid(X, y, 20)
    for alpha, w, b in zip(alphas, *(part.T for part in lesson.lasso_path(X, y, alphas))):
        assert linear.kkt_residual(X, y, w, b, alpha) < 1e-14
        assert linear.duality_gap(X, y, w, b, alpha) < 1e-14


def test_no_zeros_are_compared_where_no_piece_of_the_path_is_straight():
    def compared(count):
        report = lesson.whole_path(Options(steps=count))
        return [c.reference for c in report.checks if c.name.startswith("middle of a piece")]

    assert compared(2) == []
    assert np.abs(compared(100)).max() > 0.1


@pytest.mark.parametrize("n", [10, 11, 442])
def test_the_folds_are_scikit_learns(n):
    theirs = [left_out.tolist() for _, left_out in KFold(5).split(np.zeros(n))]
    assert [left_out.tolist() for left_out in lesson.folds(n)] == theirs


def test_several_l1_ratios_meet_elastic_net_cv():
    X, y = load_diabetes(return_X_y=True)
    chosen = linear.lasso_cv(X, y, l1_ratio=[0.5, 0.9, 1.0], alphas=20)
    exact = {"tol": 1e-12, "max_iter": 100_000}
    reference = ElasticNetCV(l1_ratio=[0.5, 0.9, 1.0], alphas=20, **exact).fit(X, y)
    assert chosen.l1_ratio == reference.l1_ratio_
    assert chosen.alpha == pytest.approx(reference.alpha_, rel=1e-12)
    np.testing.assert_allclose(chosen.mse_path, reference.mse_path_, rtol=1e-10)


def test_columns_are_picked_as_scikit_learn_picks_them():
    rng = np.random.default_rng(7)
    X, y = rng.normal(size=(50, 500)), rng.normal(size=50)
    pick, fit = SelectKBest(f_regression, k=lesson.PICKED), LinearRegression()
    before = cross_val_predict(fit, pick.fit_transform(X, y), y, cv=5)
    within = cross_val_predict(make_pipeline(pick, fit), X, y, cv=5)
    columns = lesson.picked(X, y)
    leaked = lesson.predictions(X[:, columns], y, [0.0], lesson.ridge_path)[:, 0]
    honest = lesson.predictions(X, y, [0.0], lesson.pick_and_fit)[:, 0]
    np.testing.assert_allclose([leaked, honest], [before, within], atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_random_numbers_behave_as_foretold_for_any_seed(seed):
    checks = [
        *lesson.leak(Options(seed=seed, quick=True)).checks,
        *lesson.planted(Options(seed=seed))[0].checks,
    ]
    assert [check.name for check in checks if not check.passed] == []


def test_your_own_table_meets_scikit_learn(tmp_path):
    X, y, names = diabetes_csv(tmp_path / "d.csv")
    report = lesson.run(Options(data=str(tmp_path / "d.csv"), target="progression"))
    assert report.passed
    assert len(report.checks) == 4
    assert report.results["columns left out (no numbers)"] == "patient"
    std, scale = X.std(axis=0), y.std()
    reference = LassoCV(cv=5, tol=1e-12, max_iter=100_000).fit((X - X.mean(axis=0)) / std, y)
    alphas = report.results["α chosen, and by the one standard error rule"]
    assert alphas[0] * scale == pytest.approx(reference.alpha_, rel=1e-12)
    for name, weight in zip(names, reference.coef_ / std):
        assert report.results[f"weight of {name}"] == pytest.approx(weight, rel=1e-6, abs=1e-9)
    y_hat = sum(report.results[f"weight of {name}"] * x for name, x in zip(names, X.T))
    assert np.mean(y_hat) + report.results["intercept"] == pytest.approx(y.mean(), rel=1e-12)
    assert report.figures["table"]().axes


def test_a_kelvin_target_and_alphas_are_judged_in_the_tables_units(tmp_path, monkeypatch):
    options = Options(data=table_csv(tmp_path / "k.csv", *kelvin()), target="y", steps=20)
    report = lesson.run(options)
    assert [check.name for check in report.checks if not check.passed] == []
    in_units = data.Table.in_units
    monkeypatch.setattr(data.Table, "in_units", lambda self, w: (in_units(self, w)[0], 290.0))
    failing = [check.name for check in lesson.run(options).checks if not check.passed]
    assert failing == ["predictions in the table's units, scaled, = Lasso's at our α"]


def test_the_help_speaks_of_this_lesson(capsys):
    with pytest.raises(SystemExit):
        lesson.main(["--help"])
    told = capsys.readouterr().out
    assert "how many α" in told
    assert "how long to train" not in told


def test_a_table_with_too_few_rows_for_the_folds_is_refused(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("x,y\n" + "".join(f"{i},{i * i}\n" for i in range(9)))
    with pytest.raises(InputError, match="9 rows; 5 folds need 10"):
        lesson.run(Options(data=str(path), target="y"))


def test_a_table_whose_columns_nearly_repeat_each_other_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    X[:, 3] = X[:, 2] + 1e-5 * rng.normal(size=60)
    rows = np.column_stack([X, X[:, 3] + rng.normal(size=60)])
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="a,b,c,d,y", comments="")
    with pytest.raises(InputError, match="nearly repeat each other"):
        lesson.run(Options(data=str(tmp_path / "t.csv"), target="y"))


def test_a_target_that_no_column_is_correlated_with_is_refused(tmp_path):
    x = np.arange(-10.0, 11)
    path = table_csv(tmp_path / "t.csv", np.column_stack([x, x**3]), x**2)
    with pytest.raises(InputError, match="no column is correlated with 'y'"):
        lesson.run(Options(data=path, target="y"))


def test_a_target_without_a_table_is_refused():
    with pytest.raises(InputError, match="--target needs --data"):
        lesson.run(Options(target="y"))


def test_the_figures_draw():
    figures = lesson.run(Options(quick=True, steps=20)).figures
    assert set(figures) == {"path", "curves", "noise"}
    for draw in figures.values():
        assert draw().axes


BY_HAND_IN_FOLDS = "errors of all folds by hand, relative, = LassoCV's"
MISTAKES = [
    Mistake("a grid without the 1/n", "alpha_grid",
            lambda right: lambda X, y, count: len(y) * right(X, y, count),
            lambda: lesson.whole_path(SHORT),
            ["α grid, relative, = scikit-learn's", "path in one compiled call = by hand"]),
    Mistake("a grid that is even in α, not in log α", "alpha_grid",
            lambda right: lambda X, y, count:
                np.linspace(right(X, y, count)[0], right(X, y, count)[-1], count),
            lambda: lesson.whole_path(SHORT), ["α grid, relative, = scikit-learn's"]),
    Mistake("an objective without its ½", "lasso",
            lambda right: lambda G, c, alpha, w: right(G, c, alpha / 2, w),
            lambda: lesson.whole_path(SHORT),
            ["path by hand = scikit-learn's lasso_path", "path in one compiled call = by hand",
             "zeros, by hand and compiled, = scikit-learn's"]),
    Mistake("weights shrunk but never zero", "lasso",
            lambda right: lambda G, c, alpha, w:
                np.linalg.solve(G + alpha * np.eye(len(c)), c),
            lambda: lesson.whole_path(SHORT),
            ["zeros, by hand and compiled, = scikit-learn's",
             "path by hand = scikit-learn's lasso_path"]),
    Mistake("no threshold", "soft_threshold", lambda right: lambda v, threshold: v,
            lambda: lesson.five_folds(Options(steps=2))[0], [BY_HAND_IN_FOLDS]),
    Mistake("no intercept", "lasso_path",
            lambda right: lambda X, y, alphas: (right(X, y, alphas)[0], np.zeros(len(alphas))),
            lambda: lesson.five_folds(SHORT)[0], [BY_HAND_IN_FOLDS]),
    Mistake("every fifth row for a fold", "folds",
            lambda right: lambda n, count=5: [np.arange(n)[k::count] for k in range(count)],
            lambda: lesson.five_folds(SHORT)[0],
            [BY_HAND_IN_FOLDS, "errors of all folds, compiled, relative, = by hand"]),
    Mistake("a fold short of a row", "folds",
            lambda right: lambda n, count=5: [rows[:-1] for rows in right(n, count)],
            lambda: lesson.five_folds(SHORT)[0], [BY_HAND_IN_FOLDS]),
    Mistake("errors on the rows of the training", "predictions",
            lambda right: lambda X, y, alphas, path, count=5:
                X @ path(X, y, alphas)[0] + path(X, y, alphas)[1],
            lambda: lesson.five_folds(DEFAULT)[0],
            [BY_HAND_IN_FOLDS, "α chosen, by hand and compiled, relative, = LassoCV's"]),
    Mistake("a standard deviation for a standard error", "one_standard_error",
            lambda right: lambda mse:
                np.flatnonzero(mse.mean(axis=1) <= mse.mean(axis=1).min() + mse.std())[0],
            lambda: lesson.five_folds(DEFAULT)[0],
            ["one standard error rule, relative, = from LassoCV's errors"]),
    Mistake("ridge's α times n", "ridge_path",
            lambda right: lambda X, y, alphas: right(X, y, len(y) * np.array(alphas)), lesson.ridge,
            ["ridge: α by five folds, by leaving one row out = RidgeCV's",
             "ridge: weights and intercept, relative, = RidgeCV's"]),
    Mistake("a leave-one-out that forgot to leave out", "leave_one_out",
            lambda right: lambda X, y, alphas:
                y[:, None] - X @ lesson.ridge_path(X, y, alphas)[0] - y.mean(),
            lesson.ridge, ["ridge: eᵢ/(1 − hᵢᵢ), relative, = rows really left out",
                           "ridge: its square, relative, = RidgeCV's errors"]),
    Mistake("new rows of uncorrelated columns", "draw",
            lambda right: lambda rng, n:
                right(rng, n) if n == lesson.ROWS
                else (Z := rng.normal(size=(n, 16)), Z @ lesson.PLANTED + 2 * rng.normal(size=n)),
            lambda: lesson.planted(DEFAULT)[0],
            ["planted: error on new rows ÷ true error, 5 sigma"]),
    Mistake("a true error without the noise", "true_error",
            lambda right: lambda *fit: right(*fit) - lesson.NOISE**2,
            lambda: lesson.planted(DEFAULT)[0],
            ["planted: error on new rows ÷ true error, 5 sigma"]),
    Mistake("columns picked outside of the folds", "pick_and_fit",
            lambda right: lambda X, y, alphas: leaked_fit(X, y, alphas),
            lambda: lesson.leak(QUICK),
            ["noise, picked within: mean of ŷy = 0, 5 standard errors",
             "noise: better than the mean of y? before yes, within no"]),
    Mistake("columns picked without a look at y", "picked",
            lambda right: lambda X, y: np.arange(lesson.PICKED), lambda: lesson.leak(QUICK),
            ["noise, picked before: error ÷ variance, 5 standard errors"]),
]  # fmt: skip


def leaked_fit(X, y, alphas):
    """A fit to rows that it should not have seen: the same table is drawn again to look at all."""
    rng = np.random.default_rng(0)
    while True:
        whole, target = rng.normal(size=lesson.NOTHING), rng.normal(size=lesson.NOTHING[0])
        if np.isin(y, target).all():
            break
    columns = lesson.picked(whole, target)
    coefs = np.zeros((X.shape[1], len(alphas)))
    coefs[columns], b = lesson.ridge_path(X[:, columns], y, alphas)
    return coefs, b


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)


def test_a_column_that_was_not_scaled_is_caught(tmp_path, monkeypatch):
    diabetes_csv(tmp_path / "d.csv")
    right = linear.lasso_cv

    def unscaled(X, *args, **how):
        return right(X * np.where(np.arange(10) == 3, 1.5, 1), *args, **how)

    monkeypatch.setattr(linear, "lasso_cv", unscaled)
    report = lesson.run(Options(data=str(tmp_path / "d.csv"), target="progression"))
    failing = [check.name for check in report.checks if not check.passed]
    assert "errors of all folds, relative, = LassoCV's" in failing


@pytest.mark.parametrize("seed", range(4))
def test_a_table_of_pure_noise_where_many_alphas_are_equally_good(seed, tmp_path):
    rng = np.random.default_rng(seed)
    rows = [",".join(map(str, row)) for row in rng.normal(size=(40, 6))]
    (tmp_path / "n.csv").write_text("\n".join(["a,b,c,d,e,y", *rows]))
    report = lesson.run(Options(data=str(tmp_path / "n.csv"), target="y"))
    assert report.passed
    X, y = data.load_table(str(tmp_path / "n.csv"), "y")[:2]
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    chosen = report.results["α chosen, and by the one standard error rule"][0]
    assert chosen == pytest.approx(LassoCV(cv=5, tol=1e-12).fit(X, y).alpha_, rel=1e-12)
