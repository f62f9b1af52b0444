"""Fits, paths and cross-validation: against scikit-learn, and by the KKT conditions."""

import re
import warnings

import numpy as np
import pytest
from conftest import once
from lassos import (
    DATA,
    HARD,
    NARROW,
    OPTIONS,
    WIDE,
    X,
    assert_cross_validation_like_scikit_learn,
    assert_like_scikit_learn,
    assert_solved,
    exact_ridge,
    theirs,
    with_true_weights,
    y,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge, lars_path
from sklearn.model_selection import KFold, ShuffleSplit

from course import linear
from course.linear import (
    duality,
    gram,
    homotopy,
    lasso,
    lasso_cv,
    lasso_path,
    ridge,
    ridge_path,
    wide,
)

pytestmark = once  # all of it is NumPy's


PATHS = [
    *[(name, options) for name in ("diabetes", "200 x 1500") for options in OPTIONS],
    *[("1000 x 100", options) for options in OPTIONS[:3]],
    ("400 x 2000", {}),
]


@pytest.mark.parametrize(("name", "options"), PATHS, ids=str)
def test_a_path_is_scikit_learns(name, options):
    (X, y), eps = DATA[name]
    path = lasso_path(X, y, eps=eps, **options)
    assert not path.coefs[:, 0].any()
    assert_like_scikit_learn(X, y, path, **options)
    assert_solved(X, y, path, **options, kkt=1e-14)
    assert (path.dual_gaps <= 1e-10 * y.var()).all()


CV = [
    {},
    {"cv": KFold(5, shuffle=True, random_state=0)},
    {"cv": ShuffleSplit(5, test_size=0.2, train_size=0.5, random_state=0)},
    {"cv": list(KFold(5).split(X))},
    {"l1_ratio": [0.5, 0.9, 1.0]},
]


@pytest.mark.parametrize("options", CV, ids=str)
def test_cross_validation_is_scikit_learns(options):
    assert_cross_validation_like_scikit_learn(X, y, **options)


@pytest.mark.parametrize("options", [{}, {"l1_ratio": [0.5, 1.0], "cv": 3}], ids=str)
def test_cross_validation_of_many_columns_is_scikit_learns(options):
    assert_cross_validation_like_scikit_learn(*with_true_weights(90, 600, 5), eps=0.05, **options)


def test_all_folds_and_all_alphas_are_one_call(monkeypatch):
    calls, right = [], homotopy.path
    monkeypatch.setattr(
        homotopy,
        "path",
        lambda G, c, q, alphas, *more: (
            calls.append((len(c), len(alphas))) or right(G, c, q, alphas, *more)
        ),
    )
    lasso_cv(X, y)
    assert calls == [(6, 100)]


@pytest.mark.parametrize("options", [{}, {"l1_ratio": [0.5, 1.0]}], ids=str)
def test_folds_in_turns_where_memory_is_short(options, monkeypatch):
    at_once = lasso_cv(X, y, cv=7, **options)
    calls, right = [], gram.solve
    monkeypatch.setattr(gram, "solve", lambda *a: calls.append(len(a[0].c)) or right(*a))
    monkeypatch.setattr(gram, "MEMORY", 3 * 8 * 660 * 12)
    in_turns = lasso_cv(X, y, cv=7, **options)
    assert calls == [4, 3, 1] * np.size(options.get("l1_ratio", 1.0))
    np.testing.assert_allclose(in_turns.mse_path, at_once.mse_path, rtol=1e-12)
    assert in_turns.alpha == pytest.approx(at_once.alpha, rel=1e-14)
    np.testing.assert_allclose(in_turns.fit.coef, at_once.fit.coef, rtol=1e-12)


@pytest.mark.parametrize("data", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_where_the_first_weight_appears(data, l1_ratio):
    top = linear.alpha_max(*data, l1_ratio)
    count = [np.count_nonzero(lasso(*data, top * size, l1_ratio).coef) for size in (1, 1 - 1e-9)]
    assert count == [0, 1]


@pytest.mark.parametrize("columns", [3, 600])
def test_two_columns_that_tie_appear_together(columns):
    rng = np.random.default_rng(0)
    A = np.zeros((8, columns))
    A[:, 0], A[:, 1] = np.tile([1, -1], 4), np.repeat([1, -1], 4)
    A[:, 2:] = 1e-3 * rng.normal(size=(8, columns - 2))
    e = 2 * A[:, 0] + 2 * A[:, 1] + 5
    assert not lasso(A, e, 2.0).coef.any()
    fit = lasso(A, e, 1.5)
    np.testing.assert_allclose(fit.coef[:2], 0.5, rtol=1e-13)
    assert np.count_nonzero(fit.coef) == 2


@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.5}, {"positive": True}], ids=str)
@pytest.mark.parametrize("name", HARD)
def test_hard_cases(name, options):
    A, e, eps = HARD[name]
    alphas = linear.alpha_max(A, e, **options) * np.geomspace(1, eps, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        path = lasso_path(A, e, alphas=alphas, **options)
    assert_solved(A, e, path, **options)
    if name == "constant column":
        assert not path.coefs[-1].any()
    if name.endswith("saturated") and not options:
        assert np.count_nonzero(path.coefs[:, -1]) == len(e) - 1
    if name == "more columns than rows":
        assert_like_scikit_learn(A, e, path, **options)


@pytest.mark.parametrize("name", ["duplicate columns", "wide, duplicate columns"])
def test_with_duplicate_columns_the_objective_is_scikit_learns(name):
    A, e, _ = HARD[name]
    path = lasso_path(A, e, eps=0.05, alphas=100)
    coefs, intercepts = theirs(A, e, path.alphas)
    ours, minimum = (
        np.mean((e[:, None] - A @ w - b) ** 2, axis=0) / 2 + path.alphas * np.abs(w).sum(axis=0)
        for w, b in [(path.coefs, path.intercepts), (coefs, intercepts)]
    )
    np.testing.assert_allclose(ours, minimum, rtol=1e-12)


def test_orthogonal_columns_are_thresholded_one_by_one():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(40, 12)) * np.ones((40, 1)))[0] * 40**0.5
    e = rng.normal(size=40)
    path = lasso_path(Q, e, fit_intercept=False, l1_ratio=0.5)
    c, l1 = (Q.T @ e / 40)[:, None], path.alphas / 2
    expected = np.sign(c) * np.maximum(np.abs(c) - l1, 0) / (1 + l1)
    np.testing.assert_allclose(path.coefs, expected, atol=1e-14)


@pytest.mark.parametrize("columns", [10, 600])
def test_a_constant_y_needs_no_weights(columns):
    A = np.resize(X, (50, columns))
    path = lasso_path(A, np.full(50, 0.1))
    assert not path.coefs.any()
    np.testing.assert_allclose(path.intercepts, 0.1, rtol=1e-15)


def test_an_active_set_that_would_go_in_circles():
    A = [[-4, 1, 1, -2, 0], [-2, -1, -2, 4, -4], [-4, 4, 0, 2, 0], [-2, 2, -2, 4, -2],
         [4, -2, -2, 2, -2], [-1, -3, 4, 4, -4]]  # fmt: skip
    A, e = np.array(A, dtype=float), np.array([-4.0, 3, 1, -3, -2, -2])
    alphas = 1e-3 * linear.alpha_max(A, e) * np.ones(1)
    found = wide.Wide(A, e, [], linear.Settings(True, False, 0.0, 1000)).solve(alphas, 1.0)
    assert found.open_gap == 0
    path = linear.Path(alphas, found.coefs.T, found.intercepts, found.dual_gaps, 1)
    assert_solved(A, e, path)


def test_100_random_problems():
    rng = np.random.default_rng(5)
    for _ in range(100):
        n, p = rng.integers(2, 13, 2)
        A = rng.normal(size=(n, p)) if rng.random() < 0.5 else rng.integers(-2, 3, (n, p)) + 0.0
        A[:, rng.integers(p)] = rng.choice([1, -1, 2]) * A[:, rng.integers(p)]
        A *= 10.0 ** rng.uniform(-2, 2, p) if rng.random() < 0.3 else 1.0
        e = rng.normal(size=n) if rng.random() < 0.5 else A @ rng.integers(-1, 2, p)
        options = {
            "l1_ratio": rng.choice([1.0, 0.5]), "positive": rng.random() < 0.3,
            "fit_intercept": rng.random() < 0.7,
        }  # fmt: skip
        top = linear.alpha_max(A, e, **options)
        if top <= 1e-8 * np.abs(A).max() * np.abs(e).max():
            continue  # nothing to fit
        alphas = np.sort(top * np.exp(rng.uniform(np.log(1e-3), np.log(1.1), 100)))[::-1]
        settings = linear.Settings(options["fit_intercept"], options["positive"], 0.0, 1000)
        for solver, some in ((gram.Gram, alphas), (wide.Wide, alphas[::11])):
            found = solver(A, e, [], settings).solve(some, options["l1_ratio"])
            path = linear.Path(some, found.coefs.T, found.intercepts, found.dual_gaps, 1)
            assert_solved(A, e, path, **options, kkt=1e-12, every=len(some) // 9)
            assert found.open_gap == 0


@pytest.mark.parametrize("data", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_a_warm_start(data, l1_ratio):
    alpha = 0.05 * linear.alpha_max(*data)
    cold = lasso(*data, alpha, l1_ratio)
    warm = lasso(*data, alpha, l1_ratio, coef_init=cold.coef)
    np.testing.assert_allclose(warm.coef, cold.coef, rtol=1e-9)
    assert warm.n_iter == 1 < cold.n_iter


@pytest.mark.parametrize("data", [NARROW, WIDE], ids=["narrow", "wide"])
def test_too_few_steps_are_reported_with_the_gap(data):
    with pytest.warns(ConvergenceWarning, match="max_iter=1 ended before") as caught:
        path = lasso_path(*data, max_iter=1)
    reached, wanted = map(float, re.findall(r"\d\S*(?=,| was)", str(caught[0].message)))
    assert reached == pytest.approx(path.dual_gaps.max(), rel=1e-2)
    assert wanted == pytest.approx(1e-4 * data[1].var(), rel=1e-2)
    assert wanted < reached


@pytest.mark.parametrize("data", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_single_precision(data, l1_ratio):
    """The zeros are those of float64, but for weights that are about to change."""
    A, e = data
    path = lasso_path(A.astype("float32"), e.astype("float32"), l1_ratio=l1_ratio, eps=0.01)
    exact = lasso_path(A, e, l1_ratio=l1_ratio, eps=0.01)
    assert path.coefs.dtype == path.intercepts.dtype == "float32"
    size = np.abs(exact.coefs).max(axis=0)
    R = e[:, None] - A @ exact.coefs - exact.intercepts
    l1, l2 = exact.alphas * l1_ratio, exact.alphas * (1 - l1_ratio)
    correlation = np.abs((A - A.mean(axis=0)).T @ R / len(e) - l2 * exact.coefs)
    small = (exact.coefs != 0) & (np.abs(exact.coefs) < 1e-5 * size)
    changing = small | ((exact.coefs == 0) & (correlation > (1 - 1e-5) * l1))
    assert changing.mean() < 0.01
    np.testing.assert_array_equal((path.coefs == 0) | changing, (exact.coefs == 0) | changing)
    assert np.all(np.abs(path.coefs - exact.coefs) <= 1e-4 * size + 1e-6)
    fit = lasso(A.astype("float32"), e.astype("float32"), float(exact.alphas[50]), l1_ratio)
    assert fit.coef.dtype == fit.intercept.dtype == "float32"


def test_the_gap_bounds_the_error():
    path = lasso_path(X, y, l1_ratio=0.9)
    rng = np.random.default_rng(0)
    for alpha, w in zip(path.alphas[1::10], path.coefs[:, 1::10].T):
        values = []
        for v in (w, w * (1 + 0.1 * rng.normal(size=10)), w + rng.normal(size=10)):
            b = y.mean() - X.mean(axis=0) @ v
            fit = np.mean((y - X @ v - b) ** 2) / 2
            penalty = alpha * (0.9 * np.abs(v).sum() + 0.05 * v @ v)
            values.append((fit + penalty, linear.duality_gap(X, y, v, b, alpha, 0.9)))
        assert all(value - values[0][0] <= gap * (1 + 1e-9) + 1e-9 for value, gap in values)
        assert values[0][1] < 1e-12 * y.var() < min(gap for _, gap in values[1:])


def test_a_lasso_takes_as_many_steps_as_there_are_kinks():
    path = lasso_path(X, y)
    kinks, _, _ = lars_path(X - X.mean(axis=0), y - y.mean(), method="lasso",
                            alpha_min=path.alphas[-1])  # fmt: skip
    assert path.n_iter == len(kinks)


def no_intercept(settings):
    return settings._replace(fit_intercept=False)


def next_rows(fold):
    return tuple((rows + 1) % len(y) for rows in fold)


# What is changed of X, y, folds, settings, or of alphas, l1_ratio, before they are solved.
FAULTS = {
    "threshold halved": lambda alphas, rho: (alphas / 2, rho),
    "l2 forgotten": lambda alphas, rho: (alphas * rho, 1.0),
    "intercept forgotten": lambda X, y, folds, s: (X, y, folds, no_intercept(s)),
    "mean of X forgotten": lambda X, y, folds, s: (X, y - y.mean(), folds, no_intercept(s)),
    "folds shifted": lambda X, y, folds, s: (X, y, [next_rows(fold) for fold in folds], s),
    "a row lost": lambda X, y, folds, s: (X, y, [(a[1:], b) for a, b in folds], s),
}


@pytest.mark.parametrize("name", FAULTS)
def test_injected_faults_are_caught(name, monkeypatch):
    wrong, problem, solve = FAULTS[name], linear._problem, linear._solve
    if name in ("threshold halved", "l2 forgotten"):
        monkeypatch.setattr(linear, "_solve", lambda it, *given: solve(it, *wrong(*given)))
    else:
        monkeypatch.setattr(linear, "_problem", lambda *given: problem(*wrong(*given)))
    with pytest.raises(AssertionError):
        assert_cross_validation_like_scikit_learn(X, y, l1_ratio=0.5)
    if name not in ("folds shifted", "a row lost"):
        with pytest.raises(AssertionError):
            assert_like_scikit_learn(X, y, lasso_path(X, y, l1_ratio=0.5), l1_ratio=0.5)


def test_a_penalised_intercept_is_caught():
    with_ones = np.column_stack([X, np.ones(len(X))])
    path = lasso_path(with_ones, y, fit_intercept=False, alphas=100)
    path = path._replace(coefs=path.coefs[:-1], intercepts=path.coefs[-1])
    with pytest.raises(AssertionError):
        assert_like_scikit_learn(X, y, path)
    with pytest.raises(AssertionError):
        assert_solved(X, y, path)


def test_a_wrong_sign_in_the_gap_is_caught(monkeypatch):
    right = duality.gap
    monkeypatch.setattr(duality, "gap", lambda rr, ry, *rest: right(rr, -ry, *rest))
    with pytest.raises(AssertionError):
        test_the_gap_bounds_the_error()


def test_a_wrong_sign_in_the_sweep_is_caught(monkeypatch):
    right = homotopy._Tableau.subtract
    monkeypatch.setattr(
        homotopy._Tableau, "subtract", lambda self, u, inverse: right(self, u, -inverse)
    )
    # What is wrong is found and solved otherwise: only the number of steps shows the fault.
    assert_like_scikit_learn(X, y, lasso_path(X, y, max_iter=100_000))
    with pytest.raises(AssertionError):
        test_a_lasso_takes_as_many_steps_as_there_are_kinks()


Y = np.column_stack([y, X[:, 0] ** 2, -y])
TALL, FLAT = (X, Y), (WIDE[0], np.column_stack([WIDE[1], WIDE[1] ** 2, WIDE[0][:, 0]]))


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [2.0, [0.1, 1.0, 30.0]], ids=str)
@pytest.mark.parametrize("data", [TALL, FLAT], ids=["tall", "flat"])
def test_ridge_is_scikit_learns(data, alpha, fit_intercept):
    A, E = data
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 3, len(A))
    for s in (None, rng.uniform(0, 2, len(A)), counts):
        exact = Ridge(alpha, fit_intercept=fit_intercept, solver="svd").fit(A, E, s)
        found = ridge(A, E, alpha, fit_intercept=fit_intercept, sample_weight=s)
        np.testing.assert_allclose(found.coef, exact.coef_, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(found.intercept, exact.intercept_, rtol=1e-9, atol=1e-9)
    repeated = np.repeat(A, counts, axis=0), np.repeat(E, counts, axis=0)
    again = ridge(*repeated, alpha, fit_intercept=fit_intercept)
    np.testing.assert_allclose(found.coef, again.coef, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alphas", [np.geomspace(1e-3, 1e3, 7), [1e-12, 1.0]], ids=["", "small"])
@pytest.mark.parametrize("data", [NARROW, WIDE, (WIDE[0][:, :60], WIDE[1])],
                         ids=["tall", "flat", "40 x 60"])  # fmt: skip
def test_a_ridge_path_is_so_many_ridges(data, alphas, fit_intercept):
    coefs, intercepts = ridge_path(*data, alphas, fit_intercept=fit_intercept)
    for alpha, w, b in zip(alphas, coefs.T, intercepts):
        fit = ridge(*data, alpha, fit_intercept=fit_intercept)
        np.testing.assert_allclose(w, fit.coef, rtol=1e-8, atol=1e-9 * np.abs(w).max())
        assert b == pytest.approx(fit.intercept, rel=1e-8)


@pytest.mark.parametrize("alpha", [0.0, 1e-18, 1e-3])
def test_ridge_with_a_condition_of_1e10(alpha):
    rng = np.random.default_rng(0)
    U, V = (np.linalg.qr(rng.normal(size=(n, 4)))[0] for n in (12, 4))
    A, e = U * np.geomspace(1, 1e-10, 4) @ V.T, rng.normal(size=12)
    exact = exact_ridge(A, e, alpha)
    w = ridge(A, e, alpha, fit_intercept=False).coef
    tolerance = 1e-12 if alpha == 1e-3 else 1e-5  # some hundred times 1e10 · 1e-16
    assert np.linalg.norm(w - exact) < tolerance * np.linalg.norm(exact)


@pytest.mark.parametrize("data", [FLAT, (np.hstack([X, X]), Y)], ids=["flat", "twice"])
def test_without_a_penalty_the_shortest_weights(data):
    A, E = data
    shortest = np.linalg.lstsq(A - A.mean(axis=0), E - E.mean(axis=0))[0]
    np.testing.assert_allclose(ridge(A, E, 0).coef, shortest.T, rtol=1e-8, atol=1e-8)
