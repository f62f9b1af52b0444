import numpy as np
import pytest
from faults import Fault, assert_caught, run
from references import diabetes_csv, kelvin, table_csv
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import ElasticNetCV, Lasso, LassoCV
from sklearn.model_selection import KFold
from what_if import assert_edit, assert_true, each_constant

from course import data, lesson10 as lesson, linear
from course.checks import lesson10 as proof
from course.cli import edited, options, outcome
from course.errors import InputError

EXACT = {"tol": 1e-12, "max_iter": 100_000}


def test_every_check_holds():
    checks = run(10).checks
    assert len(checks) == 21
    assert [check.id for check in checks if not check.passed] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{"quick": True, "seed": 5, "steps": 5}, {"steps": 1}, {"dtype": "float32"}], ids=str
)
def test_every_check_holds_with_other_options(given):
    checks = run(10, **given).checks
    assert len(checks) == (20 if "steps" in given else 21)  # no two of few α on a straight piece
    assert [check.id for check in checks if not check.passed] == []


def test_the_fixed_values():
    results = run(10).results
    X, y = load_diabetes(return_X_y=True)
    by_folds = LassoCV(cv=5, **EXACT).fit(X, y)
    chosen, cautious = results["lasso: α chosen, and by the one standard error rule"]
    assert chosen == pytest.approx(by_folds.alpha_, rel=1e-12)
    kept = [np.count_nonzero(Lasso(a, **EXACT).fit(X, y).coef_) for a in (chosen, cautious)]
    assert results["lasso: weights not zero there"].tolist() == kept == [9, 6]


def test_the_path_by_hand_meets_the_optimality_conditions():
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    alphas = lesson.alpha_grid(X, y, 20)
    for alpha, w, b in zip(alphas, *(part.T for part in lesson.lasso_path(X, y, alphas))):
        assert linear.kkt_residual(X, y, w, b, alpha) < 1e-14
        assert linear.duality_gap(X, y, w, b, alpha) < 1e-14


def test_no_zeros_are_compared_where_no_piece_of_the_path_is_straight():
    found = run(10).measured["path"]
    ends = {key: found[key][..., [0, -1]] for key in ("alphas", "by_hand", "at_once")}
    few = proof.check_path(None, **{**found, **ends, "middles": found["middles"][:, :2]})
    assert "path-straight" not in {check.id for check in few}
    (compared,) = (check for check in run(10).checks if check.id == "path-straight")
    assert np.abs(compared.reference).max() > 0.1


@pytest.mark.parametrize("n", [10, 11, 442])
def test_the_folds_are_scikit_learns(n):
    shown = []

    def path(X, y, alphas):
        shown.append(y.tolist())
        return np.zeros((1, 1)), np.zeros(1)

    lesson.cross_validate(np.zeros((n, 1)), np.arange(n), [1.0], path)
    assert shown == [train.tolist() for train, _ in KFold(5).split(np.zeros(n))]


@pytest.mark.slow
def test_several_l1_ratios_meet_elastic_net_cv():
    X, y = load_diabetes(return_X_y=True)
    chosen = linear.lasso_cv(X, y, l1_ratio=[0.5, 0.9, 1.0], alphas=20)
    reference = ElasticNetCV(l1_ratio=[0.5, 0.9, 1.0], alphas=20, **EXACT).fit(X, y)
    assert chosen.l1_ratio == reference.l1_ratio_
    assert chosen.alpha == pytest.approx(reference.alpha_, rel=1e-12)
    np.testing.assert_allclose(chosen.mse_path, reference.mse_path_, rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_pure_noise_behaves_as_predicted_for_any_seed(seed):
    checks = proof.check_noise(None, **lesson.pick_columns(seed))
    assert [check.id for check in checks if not check.passed] == []


def picked_before(n, p, k, folds, repeats=400):
    """Mean and standard error of the error ÷ variance; rows left out by (I − H)⁻¹ of their own."""
    rng, errors = np.random.default_rng(1), []
    for _ in range(repeats):
        X, y = rng.normal(size=(n, p)), rng.normal(size=n)
        Q, _ = np.linalg.qr(np.column_stack([X[:, best(X, y, k)], np.ones(n)]))
        e = y - Q @ (Q.T @ y)
        parts = np.array_split(np.arange(n), folds)
        left_out = [np.linalg.solve(np.eye(len(i)) - Q[i] @ Q[i].T, e[i]) for i in parts]
        errors.append(np.mean(np.concatenate(left_out) ** 2) / y.var())
    return np.mean(errors), np.std(errors) / np.sqrt(repeats)


@pytest.mark.parametrize(
    "setting",
    [
        (50, 500, 5, 5),
        *(
            pytest.param(other, marks=pytest.mark.slow)
            for other in [(50, 500, 5, 2), (50, 500, 5, 50), (50, 500, 30, 5), (50, 20, 5, 5),
                          (20, 500, 5, 5), (200, 2000, 20, 10), (30, 40, 1, 5)]
        ),
    ],
    ids=str,
)  # fmt: skip
def test_columns_picked_before_the_folds_err_as_predicted(setting):
    mean, error = picked_before(*setting)
    predicted = proof.picked_before(*setting)
    assert abs(mean - predicted) < 5 * error + 0.01 * predicted
    n, p, k, folds = setting
    assert abs(mean - proof.picked_before(n, 10 * p, k, folds)) > 5 * error + 0.01 * predicted


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
    given = {"data": table_csv(tmp_path / "k.csv", *kelvin()), "target": "y"}
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
    X = rng.normal(size=(20, 4))
    X[:, 3] = X[:, 2] + 1e-5 * rng.normal(size=20)
    path = table_csv(tmp_path / "t.csv", X, X[:, 3] + rng.normal(size=20))
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
    figures = run(10).figures
    assert set(figures) == {"path", "curves", "noise"}
    for draw in figures.values():
        assert draw().axes


def follow_again(found, lesson):
    again = lesson.follow_path(len(found["alphas"]))
    return {key: again[key] for key in ("alphas", "by_hand")}


def choose_in_few_rounds(found, lesson):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson, "MAX_ROUNDS", 2)  # without a threshold there is no end
        return choose_again(found, lesson)


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


FAULTS = [
    Fault("a grid without the 1/n", "path", ["grid", "path-keras"], follow_again,
          ("alpha_grid", lambda right: lambda X, y, count: len(y) * right(X, y, count))),
    Fault("a grid that is even in α, not in log α", "path", ["grid"], follow_again,
          ("alpha_grid", lambda right: lambda X, y, count:
              np.linspace(right(X, y, count)[0], right(X, y, count)[-1], count))),
    Fault("an objective without its ½", "path", ["path", "path-keras", "path-zeros"],
          follow_again,
          ("lasso", lambda right: lambda G, c, alpha, w: right(G, c, alpha / 2, w))),
    Fault("weights shrunk but never zero", "path", ["path", "path-zeros"], follow_again,
          ("lasso", lambda right: lambda G, c, alpha, w:
              np.linalg.solve(G + alpha * np.eye(len(c)), c))),
    Fault("a first weight just below αmax that is missing", "path", ["path-start", "path-first"],
          lambda found, lesson: {"middles": found["middles"] * (np.arange(100) > 0)}),
    Fault("a path that is curved between its kinks", "path", ["path-straight"],
          lambda found, lesson: {"middles": 1.01 * found["middles"]}),
    Fault("no threshold", "folds", ["folds"], choose_in_few_rounds,
          ("soft_threshold", lambda right: lambda v, threshold: v)),
    Fault("no intercept", "folds", ["folds"], choose_again,
          ("lasso_path", lambda right: lambda X, y, alphas:
              (right(X, y, alphas)[0], np.zeros(len(alphas))))),
    Fault("every fifth row for a fold", "folds", ["folds", "folds-keras"],
          with_folds(lambda n: [np.arange(n)[k::5] for k in range(5)])),
    Fault("a fold short of a row", "folds", ["folds"],
          with_folds(lambda n: [rows[:-1] for rows in np.array_split(np.arange(n), 5)])),
    Fault("errors of the folds a hundred-thousandth too large", "folds", ["folds", "folds-keras"],
          lambda found, lesson: {"mse": found["mse"] * (1 + 1e-5)}),
    Fault("weights of the path a billionth too large", "path", ["path", "path-keras"],
          lambda found, lesson: {"by_hand": found["by_hand"] * (1 + 1e-9)}),
    Fault("weights of ridge a billionth too large", "ridge", ["ridge-weights"],
          lambda found, lesson: {"theta": found["theta"] * (1 + 1e-9)}),
    Fault("weights at the α chosen a billionth too large", "folds",
          ["folds-weights", "folds-weights-keras"],
          lambda found, lesson: {"w": found["w"] * (1 + 1e-9)}),
    Fault("errors on the rows of the training", "folds", ["folds", "alpha"], on_training_rows),
    Fault("a standard deviation for a standard error", "folds", ["cautious"], choose_again,
          ("one_standard_error", lambda right: lambda mse:
              np.flatnonzero(mse.mean(axis=1) <= mse.mean(axis=1).min() + mse.std())[0])),
    Fault("weights at the cautious α", "folds", ["folds-weights", "folds-weights-keras"],
          lambda found, lesson: {"w": found["w"][:, ::-1]}),
    Fault("ridge's α times n", "ridge", ["ridge-alpha", "ridge-weights"], ridge_again,
          ("ridge", lambda right: lambda X, y, alpha: right(X, y, len(y) * alpha))),
    Fault("a leave-one-out that forgot to leave out", "ridge", ["ridge-rows", "ridge-squares"],
          lambda found, lesson: {"left_out": np.transpose([
              found["y"] - found["X"] @ theta[:-1] - theta[-1] for theta in (
                  lesson.ridge(found["X"], found["y"], alpha) for alpha in lesson.RIDGE_ALPHAS)])}),
    Fault("columns picked outside of the folds", "noise", ["noise-within", "noise-leak"],
          lambda found, lesson: leaked(found, lesson)),
    Fault("columns picked without a look at y", "noise", ["noise-before"],
          lambda found, lesson: unpicked(found, lesson)),
]  # fmt: skip


def best(X, y, k):
    """The k columns that correlate most with y."""
    Z = X - X.mean(axis=0)
    return np.argsort(-np.abs(Z.T @ (y - y.mean())) / np.linalg.norm(Z, axis=0))[:k]


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
    errors, products = predictions_of(lambda X, y: best(X, y, lesson.PICKED))
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


WHAT_IF = {
    "ALPHAS": ("2", "7", "300"),
    "SMALLEST": ("1e-6", "0.1", "0.9"),
    "FOLDS": ("2", "10", "60"),
    "SWEEPS": ("1", "10", "50"),
    "MAX_ROUNDS": ("1", "100", "100_000"),
    "RIDGE_ALPHAS": ("(0.1,)", "1e-9, 1.0, 1e9", "np.geomspace(1, 1e-5, 40)"),
    "NO_TRUTH": ("(50, 5)", "(6, 1)", "(200, 3000)"),
    "PICKED": ("1", "30", "600"),
    "REPEATS": ("1", "10", "200"),
}


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value):
    assert_true(10, name, value)


def ids_and_names(found):
    return {check.id: check.name for check in found.checks}


def test_what_if_all_columns_of_noise_are_picked():
    names = ids_and_names(assert_true(10, "NO_TRUTH", "(50, 5)"))
    assert names["noise-leak"] == "noise, picked within: no better than ȳ"
    assert "noise-before" not in names  # there is nothing to pick


def test_what_if_the_rounds_do_not_suffice():
    found = assert_true(10, "MAX_ROUNDS", "1")
    silent = {check.id for check in found.checks if check.not_for == "not with so few rounds"}
    assert {"path", "path-keras", "folds", "alpha", "cautious"} < silent
    assert {"grid", "path-start", "path-first", "ridge-alpha"}.isdisjoint(silent)


LOAD = "    return load_diabetes(return_X_y=True)\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "scales"),
    [(12, [1]), (30, [1, 1000, 1e-3]), (20, [1] * 18), (60, [1e6, 2e6])],
    ids=str,
)
def test_what_if_the_points_are_ones_own(rows, scales):
    own = f"""    rng = np.random.default_rng(0)
    X = rng.normal(size=({rows}, {len(scales)})) * {scales} + 3
    return X, X[:, 0] / {scales[0]} + 0.5 * rng.normal(size={rows}) + 100
"""
    found = assert_edit(10, LOAD, own)
    silent = {check.not_for for check in found.checks if check.not_for}
    assert silent == ({"not for so few rows"} if len(scales) == 18 else set())


@pytest.mark.slow
def test_what_if_the_rows_are_shuffled():
    found = assert_edit(10, LOAD, f"{LOAD[:-1].replace('return', 'X, y =', 1)}\n"
                        "    order = np.random.default_rng(1).permutation(len(y))\n"
                        "    return X[order], y[order]\n")  # fmt: skip
    assert [check.id for check in found.checks if check.not_for] == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), [("FOLDS", "3"), ("SMALLEST", "0.05")])
def test_what_if_with_a_table_of_your_own(name, value, tmp_path):
    given = {"data": table_csv(tmp_path / "k.csv", *kelvin()), "target": "y"}
    assert_true(10, name, value, **given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALPHAS", "1"),
        ("SMALLEST", "1.5"),
        ("FOLDS", "1"),
        ("RIDGE_ALPHAS", "(0, 1)"),
        ("NO_TRUTH", "(5, 500)"),
        ("PICKED", "0"),
    ],
)
def test_a_constant_that_makes_no_sense_is_refused(name, value):
    text = edited.with_constants(edited.source_of(10), {name: value})
    with edited.page(10, text), pytest.raises(InputError, match=f"{name} is "):
        outcome.measure(10, options.make(10))
