import itertools
import re
import warnings
from fractions import Fraction

import numpy as np
import pytest
from conftest import once
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNetCV, Lasso, LassoCV, Ridge, enet_path, lars_path
from sklearn.model_selection import KFold, ShuffleSplit

from course import linear
from course.linear import (
    duality,
    gram,
    homotopy,
    lasso,
    lasso_cv,
    lasso_path,
    lasso_path_exact,
    moments,
    newton,
    ridge,
    ridge_path,
    wide,
    working_set,
)

pytestmark = once  # all of it is NumPy's


def with_true_weights(n, p, informative=10, seed=0):
    """Some columns matter, no mean is zero."""
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(n, p)) + rng.normal(size=p), np.zeros(p)
    w[rng.choice(p, informative, replace=False)] = 5 * rng.normal(size=informative)
    return X, X @ w + 3 + rng.normal(size=n)


X, y = load_diabetes(return_X_y=True)
X = X * np.linspace(10, 30, 10) + np.linspace(-1, 2, 10)
DATA = {
    "diabetes": ((X, y), 1e-3),
    "1000 x 100": (with_true_weights(1000, 100), 1e-3),
    "200 x 1500": (with_true_weights(200, 1500), 0.05),
    "400 x 2000": (with_true_weights(400, 2000), 0.05),
}
NARROW, WIDE = DATA["diabetes"][0], with_true_weights(40, 600, 5)
OPTIONS = [{}, {"l1_ratio": 0.5}, {"l1_ratio": 0.9}, {"positive": True}, {"fit_intercept": False}]


def theirs(X, y, alphas, l1_ratio=1.0, *, fit_intercept=True, positive=False):
    """(coefs, intercepts) of scikit-learn, as exact as it gets."""
    x0, y0 = (X.mean(axis=0), y.mean()) if fit_intercept else (0 * X[0], 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, coefs, _ = enet_path(X - x0, y - y0, l1_ratio=l1_ratio, alphas=alphas,
                                positive=positive, tol=1e-14, max_iter=10_000)  # fmt: skip
    return coefs, y0 - x0 @ coefs


def assert_like_scikit_learn(X, y, path, **options):
    coefs, intercepts = theirs(X, y, path.alphas, **options)
    # At α_max itself scikit-learn's weight is zero or rounding, as it happens.
    np.testing.assert_array_equal(path.coefs[:, 1:] != 0, coefs[:, 1:] != 0)
    size = np.abs(coefs).max(axis=0)
    assert np.all(np.abs(path.coefs - coefs) <= 1e-9 * size + 1e-12 * size[-1])
    np.testing.assert_allclose(path.intercepts, intercepts, rtol=1e-9, atol=1e-9 * np.abs(y).max())


def assert_solved(X, y, path, l1_ratio=1.0, *, fit_intercept=True, positive=False, kkt=1e-13,
                  every=1):  # fmt: skip
    """From the data alone: the optimality conditions hold to rounding, and the gap is closed."""
    e, X0 = (y - y.mean(), X - X.mean(axis=0)) if fit_intercept else (y, X)
    sizes = np.sqrt(np.mean(X0**2, axis=0))
    for a in range(0, len(path.alphas), every):
        w, b = path.coefs[:, a], path.intercepts[a]
        at = X, y, w, b, path.alphas[a], l1_ratio
        # What is added up, and may cancel: its rounding is the best that can be had.
        terms = np.sqrt(np.mean(e**2)) + sizes @ np.abs(w)
        offset = np.abs(X).mean(axis=0) @ np.abs(w) if fit_intercept else 0
        residual = linear.kkt_residual(*at, positive=positive)
        assert residual <= kkt * sizes.max() * (terms + 0.1 * offset)
        gap = linear.duality_gap(*at, positive=positive)
        # The dual point is the residual times α/(α + violation): that counts to second order too.
        violated = residual / path.alphas[a] if residual else 0.0
        scaling = violated**2 * np.mean((y - X @ w - b) ** 2)
        assert gap <= kkt * np.mean(e**2) + 4 * residual * np.abs(w).sum() + scaling
        mean = np.mean(y - X @ w - b) if fit_intercept else 0
        assert abs(mean) <= 1e-14 * (np.abs(y).max() + offset)
    assert not positive or (path.coefs >= 0).all()


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


def assert_cross_validation_like_scikit_learn(X, y, **options):
    kind = ElasticNetCV if "l1_ratio" in options else LassoCV
    model = kind(**{"alphas": 100} | options, tol=1e-14, max_iter=10_000).fit(X, y)
    found = lasso_cv(X, y, **options)
    np.testing.assert_allclose(found.alphas, model.alphas_, rtol=1e-12)
    np.testing.assert_allclose(found.mse_path, model.mse_path_, rtol=1e-9)
    assert found.alpha == pytest.approx(model.alpha_, rel=1e-12)
    assert found.l1_ratio == getattr(model, "l1_ratio_", 1.0)
    np.testing.assert_array_equal(found.fit.coef != 0, model.coef_ != 0)
    np.testing.assert_allclose(found.fit.coef, model.coef_, rtol=1e-8)
    assert found.fit.intercept == pytest.approx(model.intercept_, rel=1e-8)


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


def hard():
    """Name: X, y, and the smallest α as a fraction of α_max."""
    rng = np.random.default_rng(3)
    A, noise = rng.normal(size=(30, 8)), rng.normal(size=30)
    e = A @ [3, 0, -2, 0, 0, 1, 0, 0.5] + noise + 4
    common = rng.normal(size=(30, 1))
    bits = rng.integers(0, 2, (30, 10)).astype(float)
    rare = rng.normal(size=(30, 600))
    return {
        "copies, almost no penalty": (
            np.array([[-1.0, 2], [2, -4], [0, 0]]), np.array([-1.3, 0.4, -2.9]), 1e-5,
        ),
        "duplicate columns": (np.column_stack([A, A[:, 2], -A[:, 0], 2 * A[:, 5]]), e, 1e-3),
        "constant column": (np.column_stack([A, np.full(30, 7.1)]), e, 1e-3),
        "one column": (A[:, :1], e, 1e-3),
        "more columns than rows": (A[:6].T, e[:8], 1e-3),
        "saturated": (rng.normal(size=(8, 16)), rng.normal(size=8), 1e-6),
        "scales": (A * 10.0 ** np.linspace(-6, 6, 8), e, 1e-13),
        "correlated": (0.999 * common + (1 - 0.999**2) ** 0.5 * A, e, 1e-4),
        "bits": (bits, bits @ np.arange(10.0) % 5, 1e-3),
        "wide, duplicate columns": (np.hstack([rare, rare[:, :50]]), e, 1e-2),
        "wide, saturated": (rare, noise, 1e-4),
    }  # fmt: skip


HARD = hard()


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


def layouts(A):
    spread = np.zeros((2 * len(A), 2 * A.shape[1]))
    spread[::2, ::2] = A
    return {"Fortran": np.asfortranarray(A), "view": spread[::2, ::2], "rows": A[::-1].copy()[::-1]}


@pytest.mark.parametrize("layout", ["Fortran", "view", "rows"])
@pytest.mark.parametrize("data", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("solve", [
    lambda A, e: lasso_path(A, e, eps=0.01).coefs,
    lambda A, e: lasso_cv(A, e, eps=0.01).mse_path,
    lambda A, e: ridge(A, e, 1.0).coef,
    lambda A, e: ridge_path(A, e, [1.0, 2.0])[0],
], ids=["lasso_path", "lasso_cv", "ridge", "ridge_path"])  # fmt: skip
def test_data_are_never_changed(layout, data, solve):
    A, e = layouts(data[0])[layout], data[1].copy()
    A.flags.writeable = e.flags.writeable = False
    found = solve(A, e)
    np.testing.assert_array_equal(A, data[0])
    np.testing.assert_allclose(found, solve(*data), rtol=1e-8, atol=1e-12)


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


def bad(array, value):
    changed = array.astype(type(value)) if isinstance(value, (complex, str)) else array.copy()
    changed.flat[array.size // 2] = value
    return changed


BAD = {
    "NaN": lambda A, e: (bad(A, np.nan), e),
    "inf": lambda A, e: (bad(A, -np.inf), e),
    "NaN in y": lambda A, e: (A, bad(e, np.nan)),
    "complex": lambda A, e: (bad(A, 1j), e),
    "objects": lambda A, e: (np.full(A.shape, "a", dtype=object), e),
    "NaN, sparse": lambda A, e: (sparse.csr_array(bad(A, np.nan)), e),
    "no sample": lambda A, e: (A[:0], e[:0]),
    "one dimension": lambda A, e: (A[:, 0], e),
    "y too short": lambda A, e: (A, e[1:]),
    "two targets": lambda A, e: (A, np.stack([e, e], axis=1)),
}
SOLVERS = {
    "lasso": lambda A, e: lasso(A, e, 1.0),
    "lasso_path": lasso_path,
    "lasso_cv": lasso_cv,
    "ridge": lambda A, e: ridge(A, e, 1.0),
    "ridge_path": lambda A, e: ridge_path(A, e, [1.0]),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("data", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", BAD)
def test_bad_data_are_refused(name, solver, data):
    if name == "two targets" and solver in ("lasso", "ridge"):
        pytest.skip("it takes several targets")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are looked for below
        SOLVERS[solver](*BAD[name](*data))
    first = str(caught.value).splitlines()[0]
    words = "NaN|infinity|[Cc]omplex|convert|dense|0 sample|2D|inconsistent|1d|shape"
    assert re.search(words, first), first


SETTINGS = [
    (lambda: lasso(X, y, -1.0), "at least 0, got -1"),
    (lambda: lasso(X, y, np.nan), "at least 0, got nan"),
    (lambda: lasso(X, y, 1.0, 1.5), r"l1_ratio must lie in \[0, 1\], got 1.5"),
    (lambda: lasso(X, y, 1.0, np.nan), r"l1_ratio must lie in \[0, 1\], got nan"),
    (lambda: lasso_path(X, y, alphas=[]), "one or more numbers"),
    (lambda: lasso_path(X, y, alphas=[[1.0], [2.0]]), r"in a row, got shape \(2, 1\)"),
    (lambda: lasso_path(X, y, alphas=0), "at least 1, or values; got 0"),
    (lambda: lasso_path(X, y, alphas=2.5), "a whole number"),
    (lambda: lasso_path(X, y, eps=0), "eps must be above 0, got 0"),
    (lambda: lasso_path(X, y, l1_ratio=0), "Automatic alpha grid"),
    (lambda: lasso(X, y, 1.0, max_iter=0), "max_iter must be at least 1, got 0"),
    (lambda: lasso(X, y, 1.0, tol=-1e-4), "tol must be at least 0, got -0.0001"),
    (lambda: lasso(X, y, 1.0, tol=np.nan), "tol must be at least 0, got nan"),
    (lambda: lasso_cv(X, y, cv=1), "at least one train/test split"),
    (lambda: lasso_cv(X, y, l1_ratio=[0.5, -1.0]), "got -1.0"),
    (lambda: ridge(X, y, -1.0), "at least 0, got -1.0"),
    (lambda: ridge(X, y, np.nan), "at least 0, got nan"),
    (lambda: ridge(X, y, [1.0, 2.0]), "but there are 1 targets"),
    (lambda: ridge(X, y, 1.0, sample_weight=-y), "must not be negative"),
    (lambda: ridge_path(X, y, [0.0, 1.0]), "above 0"),
    (lambda: ridge_path(X, y, []), "above 0"),
    (lambda: lasso(X, y, 1.0, coef_init=np.ones(3)), "coef_init must be 10 finite numbers"),
    (lambda: lasso(X, y, 1.0, coef_init=np.full(10, np.nan)), "coef_init must be 10 finite"),
    (lambda: lasso_cv(X, y, l1_ratio=[]), "one or more numbers in a row"),
    (lambda: lasso_path(X, y, l1_ratio=[0.5, 1.0]), r"l1_ratio must lie in \[0, 1\]"),
    (lambda: lasso_path(X, y, alphas=None), "a whole number of at least 1, or values; got None"),
    (lambda: linear.alpha_max(X, y, 0), "no α makes all weights zero"),
    (lambda: linear.alpha_max(X, y, -1.0), r"l1_ratio must lie in \[0, 1\], got -1.0"),
    (lambda: linear.alpha_max(WIDE[0] * np.nan, WIDE[1]), "NaN"),
    (lambda: linear.alpha_max(X * 1e200, y * 1e200), "too large"),
    (lambda: linear.duality_gap(X, y, np.ones(10), 0, 1.0, penalty_weights=np.zeros(10)), "zero"),
]


@pytest.mark.parametrize(("call", "message"), SETTINGS, ids=[message for _, message in SETTINGS])
def test_bad_settings_are_refused_in_one_line(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_alphas_may_come_in_any_order():
    alphas = np.random.default_rng(0).permutation(lasso_path(X, y).alphas)
    path = lasso_path(X, y, alphas=alphas)
    assert (np.diff(path.alphas) < 0).all()
    np.testing.assert_allclose(path.coefs, lasso_path(X, y).coefs, rtol=1e-13)


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


def exact_ridge(A, e, alpha):
    """(AᵀA + αI) w = Aᵀe in fractions: no rounding at all."""
    A, e = [[Fraction(a) for a in row] for row in A.tolist()], [Fraction(a) for a in e.tolist()]
    p = len(A[0])
    M = [[sum(r[i] * r[j] for r in A) + (i == j) * Fraction(alpha) for j in range(p)]
         + [sum(r[i] * b for r, b in zip(A, e))] for i in range(p)]  # fmt: skip
    for k in range(p):
        M[k] = [a / M[k][k] for a in M[k]]
        for i in set(range(p)) - {k}:
            M[i] = [a - M[i][k] * b for a, b in zip(M[i], M[k])]
    return np.array([float(row[-1]) for row in M])


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


# Folds whose training rows say little about a column -----------------------------------------
def rare(n, rng):
    """0/1 columns with 1 to 4 ones, in random rows, and two ordinary columns."""
    columns = [np.isin(np.arange(n), rng.choice(n, k, replace=False)) + 0.0 for k in (1, 2, 3, 4)]
    return np.column_stack([*columns, rng.normal(size=(n, 2))])


def with_a_cell(n, rng, value=1e99):
    A = rng.normal(size=(n, 3))
    A[rng.integers(n), 1] = value
    return A


def sorted_rows(n, rng):
    """Columns that are constant on most of the rows that are left in."""
    steps = np.arange(n)[:, None] // (n // 5) == np.arange(5)
    return np.column_stack([steps * rng.normal(size=(n, 5)) + 3, rng.normal(size=(n, 2))])


def standardised(A):
    return (A - A.mean(axis=0)) / A.std(axis=0)


SPARING = {
    "rare": rare,
    "rare, standardised": lambda n, rng: standardised(rare(n, rng)),
    "rare, far from zero": lambda n, rng: rare(n, rng) + 1e3,
    "one cell": lambda n, rng: standardised(with_a_cell(n, rng)),
    "sorted": sorted_rows,
}


def independent(A, fit_intercept=True, **_):
    """Whether the columns that are not constant determine their weights."""
    A = A - A.mean(axis=0) if fit_intercept else A
    A = A[:, np.abs(A).max(axis=0) > 1e-9 * np.abs(A).max()]
    return np.linalg.matrix_rank(A) == A.shape[1]


def assert_errors_are_those_of_the_fits(A, e, folds, rtol=1e-9, **options):
    """Fold by fold: each path on its own, and its predictions row by row."""
    found = lasso_cv(A, e, cv=folds, **options)
    assert np.isfinite(found.mse_path).all()
    for k, (train, test) in enumerate(folds):
        if independent(A[train], **options):
            path = lasso_path(A[train], e[train], **options | {"alphas": found.alphas})
            errors = np.mean((e[test, None] - A[test] @ path.coefs - path.intercepts) ** 2, axis=0)
            np.testing.assert_allclose(found.mse_path[:, k], errors, rtol=rtol)


@pytest.mark.parametrize(
    "options", [{}, {"positive": True}, {"l1_ratio": 0.5}, {"fit_intercept": False}], ids=str
)
@pytest.mark.parametrize("n", [20, 500])
@pytest.mark.parametrize("name", SPARING)
def test_columns_that_are_constant_on_the_training_rows(name, n, options):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        A = SPARING[name](n, rng)
        e = A @ rng.normal(size=A.shape[1]) + rng.normal(size=n)
        order = rng.permutation(n)
        for folds in (list(KFold(5).split(A)), [(order[: n // 2], order[-5:]), (order[5:], order)]):
            assert_errors_are_those_of_the_fits(A, e, folds, rtol=1e-8, **options)


@pytest.mark.parametrize("name", ["rare", "rare, standardised"])
def test_with_rare_ones_the_errors_are_scikit_learns(name):
    rng = np.random.default_rng(1)
    A = SPARING[name](60, rng)
    assert_cross_validation_like_scikit_learn(A, A @ np.arange(6.0) + rng.normal(size=60))


def test_a_column_that_is_not_constant_in_its_last_digit_only_counts():
    A = np.column_stack([np.full(48, 1e6), np.tile([1.0, 1, -1, -1], 12)])
    A[::2, 0] = np.nextafter(1e6, 2e6)
    path = lasso_path(A, 1e10 * (A[:, 0] - 1e6), alphas=5)
    np.testing.assert_allclose(path.coefs[0], 1e10 * (1 - path.alphas / path.alphas[0]), rtol=1e-9)
    assert not path.coefs[1].any()


@pytest.mark.filterwarnings("ignore")
def test_differences_that_have_lost_their_digits_are_noticed(monkeypatch):
    monkeypatch.setattr(moments, "LOST", -1.0)
    rng = np.random.default_rng(0)
    A, e = standardised(with_a_cell(20, rng)), rng.normal(size=20)
    with pytest.raises(AssertionError):
        assert_errors_are_those_of_the_fits(A, e, list(KFold(5).split(A)))


def test_errors_that_have_lost_their_digits_are_noticed(monkeypatch):
    """The rows left out lie far from the others, and on the same plane."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(60, 3))
    A[48:] += 1e4
    e = A @ [1.0, 2, 3] + 1e-6 * rng.normal(size=60)
    folds, options = [(np.arange(48), np.arange(48, 60))], {"alphas": [1e-6, 1e-7], "rtol": 1e-6}
    assert_errors_are_those_of_the_fits(A, e, folds, **options)
    monkeypatch.setattr(moments, "CANCELLED", -1.0)
    with pytest.raises(AssertionError):
        assert_errors_are_those_of_the_fits(A, e, folds, **options)


# Scales and offsets --------------------------------------------------------------------------
def rounded_to(A, digit):
    return np.round(A / digit) * digit


@pytest.mark.parametrize("offset", [2.0**20, 2.0**30, -(2.0**40)])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("columns", [8, 600])
def test_an_offset_changes_no_digit(columns, l1_ratio, offset):
    """Numbers that can be shifted without rounding, some columns nearly collinear."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(60, columns))
    A[:, 1] = A[:, 0] + 1e-3 * A[:, 1]
    A = rounded_to(A, 2.0**-12)
    e = A[:, :4] @ [3.0, -2, 1, 1] + rng.normal(size=60)
    top = linear.alpha_max(A, e, l1_ratio)
    given = {"l1_ratio": l1_ratio, "alphas": top * np.geomspace(1, 0.01, 10)}
    near, far = (lasso_path(B, e, **given).coefs for B in (A, A + offset))
    np.testing.assert_allclose(far, near, rtol=1e-9, atol=1e-12)
    near, far = (lasso(B, e, 0.02 * top, l1_ratio).coef for B in (A, A + offset))
    np.testing.assert_allclose(far, near, rtol=1e-9, atol=1e-12)
    near, far = (lasso_cv(B, e, **given).mse_path for B in (A, A + offset))
    np.testing.assert_allclose(far, near, rtol=1e-9)


def test_an_offset_that_is_not_subtracted_is_noticed(monkeypatch):
    monkeypatch.setattr(wide, "OFFSET", np.inf)
    with pytest.raises(AssertionError):
        test_an_offset_changes_no_digit(600, 1.0, 2.0**30)


@pytest.mark.parametrize("scale", [2.0**-540, 2.0**-515, 2.0**-480, 2.0**480])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("data", [NARROW, WIDE], ids=["narrow", "wide"])
def test_x_in_other_units(data, l1_ratio, scale):
    """‖(sX)(w/s) − y‖² + αs‖w/s‖₁ is the same lasso, and with s²λ₂ the same elastic net."""
    A, e = data
    alpha = 0.1 * linear.alpha_max(A, e, l1_ratio)
    if l1_ratio == 1:
        near, far = lasso(A, e, alpha), lasso(A * scale, e, alpha * scale)
        np.testing.assert_allclose(far.coef * scale, near.coef, rtol=1e-9)
        assert far.intercept == pytest.approx(near.intercept, rel=1e-9)
        if A.shape[1] > 500:
            return
        alphas = alpha * np.array([5.0, 1.0])
        near, far = lasso_cv(A, e, alphas=alphas), lasso_cv(A * scale, e, alphas=alphas * scale)
        np.testing.assert_allclose(far.mse_path, near.mse_path, rtol=1e-9)
        np.testing.assert_allclose(far.fit.coef * scale, near.fit.coef, rtol=1e-9)
    else:
        found = lasso(A * scale, e, alpha * scale, l1_ratio)
        at = A * scale, e, found.coef, found.intercept, alpha * scale, l1_ratio
        assert linear.kkt_residual(*at) <= 1e-12 * alpha * scale


def test_what_rounds_to_nothing_ends():
    fit = lasso(X * 1e-155, y, 1e-300)
    np.testing.assert_allclose(fit.coef * 1e-155, lasso(X, y, 1e-145).coef, rtol=1e-9)
    lasso(X * 1e-155, y, 0.0)
    lasso(X * 1e-155, y, 1e-300, 0.5)
    lasso_path(X * 1e-165, y * 1e-150)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("call", [
    lambda A, e: ridge(A, e, 1.0), lambda A, e: ridge_path(A, e, [1.0]),
    lambda A, e: lasso(A, e, 1.0), lasso_path, lasso_cv,
], ids=["ridge", "ridge_path", "lasso", "lasso_path", "lasso_cv"])  # fmt: skip
@pytest.mark.parametrize("shape", ["tall", "flat"])
@pytest.mark.parametrize("change", [
    lambda A, e: (A * 1e160, e), lambda A, e: (A * 1e300, e), lambda A, e: (bad(A, 1e308), e),
    lambda A, e: (A, bad(np.where(e > 0, 1e308, e), 1e308)),
], ids=["1e160", "1e300", "one cell", "y"])  # fmt: skip
def test_numbers_that_are_too_large_are_refused(change, shape, call):
    data = change(*(NARROW if shape == "tall" else (WIDE[0][:, :60], WIDE[1])))
    with pytest.raises(ValueError, match=r"too large.*scale them"):
        call(*data)


@pytest.mark.parametrize("scale", [1e-120, 1e150])
def test_ridge_of_numbers_that_are_nearly_too_large(scale):
    found = ridge(X * scale, y, 1.0 * scale * scale).coef
    np.testing.assert_allclose(found * scale, ridge(X, y, 1.0).coef, rtol=1e-10)


def test_ridge_of_columns_of_very_different_sizes():
    sizes = 10.0 ** np.array([0, 90, -3, 3])
    rng = np.random.default_rng(0)
    A, e = rng.normal(size=(12, 4)), rng.normal(size=12)
    w = ridge(A * sizes, e, 1e-2, fit_intercept=False).coef
    exact = exact_ridge(A * sizes, e, 1e-2)
    np.testing.assert_allclose(w, exact, rtol=1e-10)


# What cross-validation is given --------------------------------------------------------------
def test_rows_may_be_given_as_any_index():
    n, half = len(y), 200
    numbers = [(np.arange(half, n), np.arange(half)), (np.arange(half), np.arange(half, n))]
    expected = lasso_cv(X, y, cv=numbers).mse_path
    others = {
        "negative": [(train - n, test - n) for train, test in numbers],
        "bool": [tuple(np.isin(np.arange(n), rows) for rows in fold) for fold in numbers],
        "lists": [(train.tolist(), test.tolist()) for train, test in numbers],
    }
    for name, folds in others.items():
        np.testing.assert_array_equal(lasso_cv(X, y, cv=folds).mse_path, expected, err_msg=name)
    with pytest.raises(IndexError):
        lasso_cv(X, y, cv=[(np.arange(half), np.array([n]))])


@pytest.mark.parametrize("folds", [[], [(np.arange(9), [])], [([], np.arange(9))]], ids=str)
def test_folds_without_rows_are_refused(folds):
    with pytest.raises(ValueError, match="at least one fold, and each training and test rows"):
        lasso_cv(X, y, cv=folds)


@pytest.mark.parametrize("data", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_at_an_infinite_alpha_there_are_no_weights(data, l1_ratio):
    top = linear.alpha_max(*data, l1_ratio)
    found = lasso_cv(*data, l1_ratio=l1_ratio, alphas=[0.1 * top, np.inf])
    assert found.alphas[0] == np.inf
    finite = lasso_cv(*data, l1_ratio=l1_ratio, alphas=[0.1 * top, 2 * top])
    np.testing.assert_allclose(found.mse_path, finite.mse_path, rtol=1e-12)
    alone = lasso_path(*data, l1_ratio=l1_ratio, alphas=[np.inf])
    assert not alone.coefs.any()
    assert alone.intercepts[0] == pytest.approx(data[1].mean(), rel=1e-14)
    with pytest.raises(ValueError, match="finite"):
        lasso(*data, np.inf, l1_ratio)


def test_no_jobs_are_refused():
    for data in (NARROW, WIDE):
        with pytest.raises(ValueError, match="n_jobs == 0 has no meaning"):
            lasso_cv(*data, n_jobs=0)


# The path, and what is done where it cannot be followed --------------------------------------
def test_problems_of_a_batch_do_not_disturb_each_other():
    """They end after different numbers of kinks, and drop out in turn."""
    rng = np.random.default_rng(0)
    G, c = [], []
    for k in range(8):
        A = standardised(rng.normal(size=(40, 12)) + k * rng.normal(size=(40, 1)))
        G.append(A.T @ A / 40)
        c.append(4.0**-k * A.T @ rng.normal(size=40) / 40)
    G, c = np.array(G), np.array(c)
    q, alphas = rng.uniform(0.5, 2, c.shape), np.geomspace(0.5, 1e-5, 60)
    together, count = homotopy.path(G, c, q, alphas, 1000)
    kinks = []
    for i in range(8):
        alone, kink = homotopy.path(G[[i]], c[[i]], q[[i]], alphas, 1000)
        np.testing.assert_allclose(together[i], alone[0], rtol=1e-12, atol=1e-15)
        kinks.append(kink)
    assert min(kinks) < max(kinks) == count


@pytest.mark.parametrize("positive", [False, True])
def test_newtons_method_meets_the_path(positive):
    rng = np.random.default_rng(0)
    A = standardised(rng.normal(size=(3, 60, 30)).swapaxes(0, 1)).swapaxes(0, 1)
    G, c = A.swapaxes(1, 2) @ A / 60, np.einsum("mnp,mn->mp", A, rng.normal(size=(3, 60))) / 60
    q, alphas = rng.uniform(0.5, 2, c.shape), np.abs(c).max() * np.geomspace(1, 0.01, 50)
    expected, _ = homotopy.path(G, c, q, alphas, 1000, positive)
    for few in (0, 100):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(newton, "FEW", few)
            w, rounds = newton.path(G, c, q, q, alphas, 1.0, 1000, positive)
        np.testing.assert_allclose(w, expected, rtol=1e-10, atol=1e-13)
        assert 50 <= rounds < 150


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("fails", ["the path", "the path, and Newton's method"])
def test_where_a_method_fails_the_next_one_solves(fails, l1_ratio, monkeypatch):
    expected = lasso_path(X, y, l1_ratio=l1_ratio)

    def nothing(c, alphas):
        return np.zeros((len(c), len(alphas), c.shape[1])), 1

    monkeypatch.setattr(homotopy, "path", lambda G, c, u, alphas, *_: nothing(c, alphas))
    monkeypatch.setattr(newton, "path", lambda G, c, u, q, alphas, *_: nothing(c, alphas))
    if fails != "the path":
        monkeypatch.setattr(newton, "again", lambda w, *more: (np.full(w.shape, np.nan), 1))
    found = lasso_path(X, y, l1_ratio=l1_ratio)
    np.testing.assert_allclose(found.coefs, expected.coefs, rtol=1e-9, atol=1e-9)
    monkeypatch.setattr(working_set, "on_matrix", lambda w, *more: (w, 1))
    if fails != "the path":
        with pytest.warns(ConvergenceWarning):
            lasso_path(X, y, l1_ratio=l1_ratio)


def test_dependent_columns_may_not_grow_without_bound():
    """λ₂ is lost beside the columns' squares, so the equations of two equal ones are singular."""
    rng = np.random.default_rng(0)
    A = np.repeat(rng.normal(size=(7, 5)), 2, axis=1) * 1e130
    e = rng.normal(size=7)
    path = lasso_path(A, e, l1_ratio=0.99, fit_intercept=False)
    assert np.abs(path.coefs * 1e130).max() < 100
    for alpha, w in zip(path.alphas, path.coefs.T):
        assert linear.kkt_residual(A, e, w, 0, alpha, 0.99) <= 1e-11 * path.alphas[0]


def test_repeated_columns_share_a_weight_where_the_ridge_is_lost():
    x, e = np.array([12573022.0, 64042265.0]), np.array([0.125, -0.132])
    fit = lasso(np.stack([x, x], axis=1), e, 0.01, 0.5, fit_intercept=False)
    assert fit.coef[0] == pytest.approx(fit.coef[1], rel=1e-6)
    alone = lasso(x[:, None], e, 0.01, 0.5, fit_intercept=False)
    assert fit.coef.sum() == pytest.approx(alone.coef[0], rel=1e-9)


# The path as an object -----------------------------------------------------------------------
def minimum_by_enumeration(A, e, alpha, positive):
    """The least objective that any support and signs lead to; p small. No intercept."""
    n, p = A.shape
    best = e @ e / (2 * n)
    for s in itertools.product([0, 1] if positive else [-1, 0, 1], repeat=p):
        on, s = np.flatnonzero(s), np.array(s)
        if len(on) == 0:
            continue
        G, right = A[:, on].T @ A[:, on] / n, A[:, on].T @ e / n - alpha * s[on]
        w = np.linalg.lstsq(G, right)[0]
        if (w * s[on] >= 0).all():
            r = e - A[:, on] @ w
            best = min(best, r @ r / (2 * n) + alpha * np.abs(w).sum())
    return best


@pytest.mark.parametrize("seed", range(20))
def test_the_exact_path_meets_the_enumeration_of_active_sets(seed):
    rng = np.random.default_rng(seed)
    n, p = rng.integers(2, 9), rng.integers(1, 7)
    A = rng.normal(size=(n, p)) if seed % 2 else rng.integers(-2, 3, (n, p)) + 0.0
    e, positive = rng.normal(size=n), bool(seed % 3 == 0)
    kinks = lasso_path_exact(A, e, fit_intercept=False, positive=positive)
    alphas = np.concatenate([kinks.alphas, (kinks.alphas[1:] + kinks.alphas[:-1]) / 2])
    for alpha, w in zip(alphas, kinks.path(alphas)[0].T):
        objective = np.mean((e - A @ w) ** 2) / 2 + alpha * np.abs(w).sum()
        least = minimum_by_enumeration(A, e, alpha, positive)
        assert objective == pytest.approx(least, rel=1e-12, abs=1e-15)


EXACT_PATHS = {
    "diabetes": (X, y), "1000 x 100": DATA["1000 x 100"][0], "40 x 60": (WIDE[0][:, :60], WIDE[1]),
}  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"positive": True}, {"fit_intercept": False}], ids=str)
@pytest.mark.parametrize("name", EXACT_PATHS)
def test_the_exact_path_is_scikit_learns(name, options):
    A, e = EXACT_PATHS[name]
    kinks = lasso_path_exact(A, e, alpha_min=1e-3 * linear.alpha_max(A, e, **options), **options)
    centred = options.get("fit_intercept", True)
    A0, e0 = (A - A.mean(axis=0), e - e.mean()) if centred else (A, e)
    if "positive" not in options:  # then lars_path is not the lasso's
        alphas, _, coefs = lars_path(A0, e0, method="lasso", alpha_min=kinks.alphas[-1])
        np.testing.assert_allclose(kinks.alphas, alphas, rtol=1e-9)
        np.testing.assert_allclose(kinks.coefs, coefs, rtol=1e-7, atol=1e-9 * np.abs(coefs).max())
    assert not kinks.coefs[:, 0].any()
    # One weight enters, or leaves, at each kink, and is zero there.
    assert (np.abs(np.diff(np.count_nonzero(kinks.coefs[:, :-1], axis=0))) <= 1).all()

    between = np.geomspace(kinks.alphas[0] * 1.1, kinks.alphas[-1], 150)
    coefs, intercepts = kinks.path(between)
    path = lasso_path(A, e, alphas=between, **options)
    np.testing.assert_array_equal(coefs != 0, path.coefs != 0)
    np.testing.assert_allclose(coefs, path.coefs, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(intercepts, path.intercepts, rtol=1e-9, atol=1e-9)
    assert_solved(A, e, linear.Path(between, coefs, intercepts, None, 1), **options, every=5)
    one = kinks.path(between[70])
    assert (one[0].shape, one[1].shape) == ((A.shape[1],), ())
    np.testing.assert_array_equal(one[0], coefs[:, 70])
    np.testing.assert_array_equal(kinks.path(between[::-1])[0], coefs[:, ::-1])
    exact = Lasso(between[70], tol=1e-14, max_iter=100_000, **options).fit(A, e)
    np.testing.assert_allclose(one[0], exact.coef_, rtol=1e-8, atol=1e-9)


def test_the_exact_path_ends_at_least_squares():
    kinks = lasso_path_exact(X, y)
    assert kinks.alphas[-1] == 0
    shortest = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean())[0]
    np.testing.assert_allclose(kinks.coefs[:, -1], shortest, rtol=1e-10)
    w, b = kinks.path(0.0)
    np.testing.assert_allclose(X @ w + b, X @ shortest + (y - X @ shortest).mean(), rtol=1e-12)
    assert (kinks.dual_gaps[:-1] <= 1e-10 * y.var()).all()


@pytest.mark.parametrize("name", [name for name in HARD if not name.startswith("wide")])
def test_the_exact_path_of_hard_cases(name):
    A, e, eps = HARD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        kinks = lasso_path_exact(A, e, alpha_min=eps * linear.alpha_max(A, e))
    middles = (kinks.alphas[1:] + kinks.alphas[:-1]) / 2
    for alphas in (kinks.alphas, middles):
        path = linear.Path(alphas, *kinks.path(alphas), None, 1)
        assert_solved(A, e, path)


def test_a_constant_y_has_a_path_of_one_kink():
    kinks = lasso_path_exact(X, np.full(len(X), 3.0))
    assert not kinks.coefs.any()
    assert kinks.path(1.0)[1] == 3.0


def test_the_exact_path_in_single_precision():
    kinks = lasso_path_exact(X.astype("float32"), y.astype("float32"))
    exact = lasso_path_exact(X, y)
    assert kinks.coefs.dtype == kinks.intercepts.dtype == "float32"
    np.testing.assert_allclose(kinks.alphas, exact.alphas, rtol=1e-3, atol=1e-6)


def test_an_alpha_that_is_not_on_the_path_is_refused():
    kinks = lasso_path_exact(X, y, alpha_min=1.0)
    for alpha in (0.99, [2.0, 0.5], np.nan, -1.0):
        with pytest.raises(ValueError, match=r"the path ends at α = 1, got"):
            kinks.path(alpha)
    for alpha in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="alpha_min must be a finite number"):
            lasso_path_exact(X, y, alpha_min=alpha)
    with pytest.warns(ConvergenceWarning, match="max_iter=3 kinks were found above α = "):
        kinks = lasso_path_exact(X, y, max_iter=3)
    np.testing.assert_allclose(kinks.coefs, lasso_path_exact(X, y).coefs[:, :3], rtol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_path_with_a_wrong_kink_is_reported(monkeypatch):
    right = homotopy.Pieces.kinks

    def wrong(self):
        alphas, w, s = right(self)
        s[5] = s[4]  # what entered there enters too late
        return alphas, w * (s != 0), s

    monkeypatch.setattr(homotopy.Pieces, "kinks", wrong)
    with pytest.warns(ConvergenceWarning, match="duality gap"):
        lasso_path_exact(X, y, tol=1e-9)
    with pytest.raises(AssertionError):
        test_the_exact_path_is_scikit_learns("diabetes", {})
