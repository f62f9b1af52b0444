import numpy as np
import pytest
from faults import Fault, assert_caught, run
from references import diabetes_csv, kelvin, table_csv
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import ElasticNetCV, Lasso, LassoCV
from sklearn.model_selection import KFold

from course import data, lesson10 as lesson, linear
from course.checks import lesson10 as proof
from course.cli import options
from course.errors import InputError

EXACT = {"tol": 1e-12, "max_iter": 100_000}


@pytest.mark.parametrize(
    "given", [{}, {"quick": True, "seed": 5, "steps": 5}, {"steps": 1}], ids=str
)
def test_every_check_holds(given):
    checks = run(10, **given).checks
    assert len(checks) == (20 if "steps" in given else 21)
    assert [check.id for check in checks if not check.passed] == []


def test_float32_holds():
    assert run(10, dtype="float32", quick=True, steps=5).passed


def test_the_fixed_values():
    results = run(10).results
    X, y = load_diabetes(return_X_y=True)
    by_folds = LassoCV(cv=5, **EXACT).fit(X, y)
    chosen, cautious = results["diabetes: α chosen, and by the one standard error rule"]
    assert chosen == pytest.approx(by_folds.alpha_, rel=1e-12)
    kept = [np.count_nonzero(Lasso(a, **EXACT).fit(X, y).coef_) for a in (chosen, cautious)]
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
        found = lesson.follow_path(count)
        checks = proof.check_path(None, **found)
        return [check.reference for check in checks if check.id == "path-straight"]

    assert compared(2) == []
    assert np.abs(compared(100)).max() > 0.1


@pytest.mark.parametrize("n", [10, 11, 442])
def test_the_folds_are_scikit_learns(n):
    shown = []

    def path(X, y, alphas):
        shown.append(y.tolist())
        return np.zeros((1, 1)), np.zeros(1)

    lesson.cross_validate(np.zeros((n, 1)), np.arange(n), [1.0], path)
    assert shown == [train.tolist() for train, _ in KFold(5).split(np.zeros(n))]


def test_several_l1_ratios_meet_elastic_net_cv():
    X, y = load_diabetes(return_X_y=True)
    chosen = linear.lasso_cv(X, y, l1_ratio=[0.5, 0.9, 1.0], alphas=20)
    reference = ElasticNetCV(l1_ratio=[0.5, 0.9, 1.0], alphas=20, **EXACT).fit(X, y)
    assert chosen.l1_ratio == reference.l1_ratio_
    assert chosen.alpha == pytest.approx(reference.alpha_, rel=1e-12)
    np.testing.assert_allclose(chosen.mse_path, reference.mse_path_, rtol=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_pure_noise_behaves_as_predicted_for_any_seed(seed):
    checks = proof.check_noise(None, **lesson.pick_columns(seed))
    assert [check.id for check in checks if not check.passed] == []


def new_error_and_true_error(seed, draw=data.draw_known):
    """Of the lasso at α too large, chosen and too small, fitted to thirty rows; and α chosen."""
    rng = np.random.default_rng(seed)
    X, y = data.draw_known(rng, 30)
    cv = linear.lasso_cv(X, y)
    coefs, b = lesson.lasso_path(X, y, [cv.alphas[0], cv.alpha, cv.alphas[-1]])
    X_new, y_new = draw(rng, 20_000)
    new = np.mean((X_new @ coefs + b - y_new[:, None]) ** 2, axis=0)
    # The mean of n squares of normal numbers varies by √(2/n) of itself: 5 standard errors.
    return new, data.true_error(coefs, b), 5 * np.sqrt(2 / 20_000), (X, y, cv.alpha)


@pytest.mark.parametrize("seed", range(4))
def test_of_known_weights_the_error_on_new_rows_is_the_true_error(seed):
    new, true, chance, (X, y, alpha) = new_error_and_true_error(seed)
    assert np.abs(new / true - 1).max() < chance
    assert alpha == pytest.approx(LassoCV(cv=5, **EXACT).fit(X, y).alpha_, rel=1e-12)


def test_new_rows_of_uncorrelated_columns_or_without_noise_are_noticed():
    def uncorrelated(rng, n):
        X = rng.normal(size=(n, 16))
        return X, X @ data.TRUE_WEIGHTS + 2 * rng.normal(size=n)

    new, true, chance, _ = new_error_and_true_error(0)
    assert np.abs(new / (true - 4) - 1).max() > chance
    new, true, chance, _ = new_error_and_true_error(0, uncorrelated)
    assert np.abs(new / true - 1).max() > chance


def test_of_known_weights_the_alpha_chosen_is_better_than_both_ends():
    errors = np.array([new_error_and_true_error(seed)[1] for seed in range(12)])
    typical = np.median(errors, axis=0)  # now and then thirty rows lead to a poor choice
    assert typical[1] < typical[[0, 2]].min()


def test_your_own_table_meets_scikit_learn(tmp_path):
    X, y, names = diabetes_csv(tmp_path / "d.csv")
    outcome = run(10, data=str(tmp_path / "d.csv"), target="progression")
    assert outcome.passed
    assert len(outcome.checks) == 4
    results = outcome.results
    assert results["columns left out (no numbers)"] == "patient"
    std, scale = X.std(axis=0), y.std()
    reference = LassoCV(cv=5, **EXACT).fit((X - X.mean(axis=0)) / std, y)
    alphas = results["α chosen, and by the one standard error rule"]
    assert alphas[0] * scale == pytest.approx(reference.alpha_, rel=1e-12)
    for name, weight in zip(names, reference.coef_ / std):
        assert results[f"weight of {name}"] == pytest.approx(weight, rel=1e-6, abs=1e-9)
    y_hat = sum(results[f"weight of {name}"] * x for name, x in zip(names, X.T))
    assert np.mean(y_hat) + results["intercept"] == pytest.approx(y.mean(), rel=1e-12)
    assert outcome.figures["table"]().axes


def test_a_kelvin_target_and_alphas_are_judged_in_the_tables_units(tmp_path):
    given = {"data": table_csv(tmp_path / "k.csv", *kelvin()), "target": "y", "steps": 20}
    table = options.make(10, **given).table
    assert run(10, **given).passed
    wrong = type(
        "Table", (type(table),), {"in_units": lambda self, w: (table.in_units(w)[0], 290.0)}
    )
    fault = Fault("an intercept that is not in the table's units", "table", ["table-predictions"],
                  lambda found, lesson: {"table": wrong(*table)}, given=given)  # fmt: skip
    assert_caught(10, fault)


def test_a_table_with_too_few_rows_for_the_folds_is_refused(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("x,y\n" + "".join(f"{i},{i * i}\n" for i in range(9)))
    with pytest.raises(InputError, match="9 rows; 5 folds need 10"):
        run(10, data=str(path), target="y")


def test_a_table_whose_columns_nearly_repeat_each_other_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    X[:, 3] = X[:, 2] + 1e-5 * rng.normal(size=60)
    path = table_csv(tmp_path / "t.csv", X, X[:, 3] + rng.normal(size=60))
    with pytest.raises(InputError, match="nearly repeat each other"):
        run(10, data=path, target="y")


def test_a_target_that_no_column_is_correlated_with_is_refused(tmp_path):
    x = np.arange(-10.0, 11)
    path = table_csv(tmp_path / "t.csv", np.column_stack([x, x**3]), x**2)
    with pytest.raises(InputError, match="no column is correlated with 'y'"):
        run(10, data=path, target="y")


def test_a_target_without_a_table_is_refused():
    with pytest.raises(InputError, match="--target needs --data"):
        options.make(10, target="y")


def test_the_figures_draw():
    figures = run(10, quick=True, steps=5).figures
    assert set(figures) == {"path", "curves", "noise"}
    for draw in figures.values():
        assert draw().axes


def follow_again(found, lesson):
    again = lesson.follow_path(len(found["alphas"]))
    return {key: again[key] for key in ("alphas", "by_hand")}


def choose_again(found, lesson):
    again = lesson.choose_lasso(found["X"], found["y"], len(found["alphas"]))
    return {key: again[key] for key in ("mse", "chosen", "w")}


def ridge_again(found, lesson):
    return lesson.choose_ridge(found["X"], found["y"])


def with_folds(cut):
    """Five folds of other rows, `cut(n) -> rows to leave out each time`."""

    def spoil(found, lesson):
        X, y, mse = found["X"], found["y"], []
        for rows in cut(len(y)):
            train = np.setdiff1d(np.arange(len(y)), rows)
            coefs, b = lesson.lasso_path(X[train], y[train], found["alphas"])
            mse.append(np.mean((X[rows] @ coefs + b - y[rows, None]) ** 2, axis=0))
        return {"mse": np.transpose(mse)}

    return spoil


def on_training_rows(found, lesson):
    X, y = found["X"], found["y"]
    coefs, b = lesson.lasso_path(X, y, found["alphas"])
    mse = np.repeat(np.mean((X @ coefs + b - y[:, None]) ** 2, axis=0)[:, None], 5, axis=1)
    return {"mse": mse, "chosen": [np.argmin(mse.mean(axis=1)), 0]}


SHORT = {"quick": True, "steps": 5}
FAULTS = [
    Fault("a grid without the 1/n", "path", ["grid", "path-keras"], follow_again,
          ("alpha_grid", lambda right: lambda X, y, count: len(y) * right(X, y, count)), SHORT),
    Fault("a grid that is even in α, not in log α", "path", ["grid"], follow_again,
          ("alpha_grid", lambda right: lambda X, y, count:
              np.linspace(right(X, y, count)[0], right(X, y, count)[-1], count)), SHORT),
    Fault("an objective without its ½", "path", ["path", "path-keras", "path-zeros"],
          follow_again,
          ("lasso", lambda right: lambda G, c, alpha, w: right(G, c, alpha / 2, w)), SHORT),
    Fault("weights shrunk but never zero", "path", ["path", "path-zeros"], follow_again,
          ("lasso", lambda right: lambda G, c, alpha, w:
              np.linalg.solve(G + alpha * np.eye(len(c)), c)), SHORT),
    Fault("a first weight just below αmax that is missing", "path", ["path-start", "path-first"],
          lambda found, lesson: {"middles": found["middles"] * (np.arange(5) > 0)}, given=SHORT),
    Fault("a path that is curved between its kinks", "path", ["path-straight"],
          lambda found, lesson: {"middles": 1.01 * found["middles"]}, given={}),
    Fault("no threshold", "folds", ["folds"], choose_again,
          ("soft_threshold", lambda right: lambda v, threshold: v), SHORT),
    Fault("no intercept", "folds", ["folds"], choose_again,
          ("lasso_path", lambda right: lambda X, y, alphas:
              (right(X, y, alphas)[0], np.zeros(len(alphas)))), SHORT),
    Fault("every fifth row for a fold", "folds", ["folds", "folds-keras"],
          with_folds(lambda n: [np.arange(n)[k::5] for k in range(5)]), given=SHORT),
    Fault("a fold short of a row", "folds", ["folds"],
          with_folds(lambda n: [rows[:-1] for rows in np.array_split(np.arange(n), 5)]),
          given=SHORT),
    Fault("errors on the rows of the training", "folds", ["folds", "alpha"], on_training_rows,
          given={}),
    Fault("a standard deviation for a standard error", "folds", ["cautious"], choose_again,
          ("one_standard_error", lambda right: lambda mse:
              np.flatnonzero(mse.mean(axis=1) <= mse.mean(axis=1).min() + mse.std())[0]), {}),
    Fault("weights at the cautious α", "folds", ["folds-weights", "folds-weights-keras"],
          lambda found, lesson: {"w": found["w"][:, ::-1]}, given={}),
    Fault("ridge's α times n", "ridge", ["ridge-alpha", "ridge-weights"], ridge_again,
          ("ridge", lambda right: lambda X, y, alpha: right(X, y, len(y) * alpha)), SHORT),
    Fault("a leave-one-out that forgot to leave out", "ridge", ["ridge-rows", "ridge-squares"],
          lambda found, lesson: {"left_out": np.transpose([
              found["y"] - found["X"] @ theta[:-1] - theta[-1] for theta in (
                  lesson.ridge(found["X"], found["y"], alpha) for alpha in lesson.RIDGE_ALPHAS)])},
          given=SHORT),
    Fault("columns picked outside of the folds", "noise", ["noise-within", "noise-leak"],
          lambda found, lesson: leaked(found, lesson), given=SHORT),
    Fault("columns picked without a look at y", "noise", ["noise-before"],
          lambda found, lesson: unpicked(found, lesson), given=SHORT),
]  # fmt: skip


def predictions_of(columns_of):
    """Errors and products of the lesson's data sets, least squares on `columns_of(X, y)`."""
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import cross_val_predict

    rng, errors, products = np.random.default_rng(0), [], []
    for _ in range(lesson.REPEATS):
        X, y = rng.normal(size=lesson.NO_TRUTH), rng.normal(size=lesson.NO_TRUTH[0])
        y_hat = cross_val_predict(LinearRegression(), X[:, columns_of(X, y)], y, cv=5)
        errors.append(np.mean((y_hat - y) ** 2) / y.var())
        products.append(np.mean(y_hat * y))
    return np.array(errors), np.array(products)


def leaked(found, lesson):
    """The columns of all rows, picked as the lesson picks them, for the honest half too."""

    def best(X, y):
        Z = X - X.mean(axis=0)
        correlation = np.abs(Z.T @ (y - y.mean())) / np.linalg.norm(Z, axis=0)
        return np.argsort(-correlation)[: lesson.PICKED]

    errors, products = predictions_of(best)
    np.testing.assert_allclose(errors, found["errors"][:, 0], rtol=1e-10)
    return {"errors": np.column_stack([errors, errors]), "products": products}


def unpicked(found, lesson):
    errors, _ = predictions_of(lambda X, y: np.arange(lesson.PICKED))
    return {"errors": np.column_stack([errors, found["errors"][:, 1]])}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(10, fault)


def test_a_column_that_was_not_standardised_is_caught(tmp_path):
    diabetes_csv(tmp_path / "d.csv")
    given = {"data": str(tmp_path / "d.csv"), "target": "progression"}

    def unscaled(found, lesson):
        return {"cv": lesson.train(found["X"] * np.where(np.arange(10) == 3, 1.5, 1), found["y"])}

    caught_by = ["table-folds", "table-predictions"]
    fault = Fault("a column not standardised", "table", caught_by, unscaled, given=given)
    assert_caught(10, fault)


@pytest.mark.parametrize("seed", range(4))
def test_a_table_of_pure_noise_where_many_alphas_are_equally_good(seed, tmp_path):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(40, 6))
    path = table_csv(tmp_path / "n.csv", rows[:, :5], rows[:, 5])
    outcome = run(10, data=path, target="y")
    assert outcome.passed
    X, y = data.load_table(path, "y")[:2]
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    chosen = outcome.results["α chosen, and by the one standard error rule"][0]
    assert chosen == pytest.approx(LassoCV(cv=5, tol=1e-12).fit(X, y).alpha_, rel=1e-12)
