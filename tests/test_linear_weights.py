"""Weights of rows, weights of penalties, and sparse X, for ridge, lasso and elastic net."""

import itertools
import re
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import once
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, ElasticNetCV, Lasso, LassoCV, Ridge
from sklearn.model_selection import KFold, ShuffleSplit

from course import estimators, linear
from course.linear import (
    lasso,
    lasso_cv,
    lasso_path,
    lasso_path_exact,
    moments,
    ridge as ridge_of,
    ridge_path,
    wide,
)

pytestmark = once  # all of it is NumPy's

X, y = load_diabetes(return_X_y=True)
X = X * np.linspace(10, 30, 10) + np.linspace(-1, 2, 10)
X, y = X[::5], y[::5]
rng = np.random.default_rng(0)
WEIGHTS = rng.integers(0, 4, len(y)).astype(float)
PENALTIES = rng.uniform(0.2, 3, 10)
WIDE = rng.normal(size=(60, 600)) + np.linspace(0, 3, 600), rng.normal(size=60)
WIDE[1][:] += WIDE[0][:, :5].sum(axis=1)
WIDE_WEIGHTS = rng.integers(0, 4, 60).astype(float)
WIDE_PENALTIES = rng.uniform(0.2, 3, 600)
DATA = {"narrow": (X, y, WEIGHTS, PENALTIES), "wide": (*WIDE, WIDE_WEIGHTS, WIDE_PENALTIES)}
OPTIONS = [{}, {"fit_intercept": False}, {"positive": True}, {"l1_ratio": 0.5}]
EXACT = {"tol": 1e-14, "max_iter": 200_000}


def assert_same(found, expected, rtol=1e-9):
    size = np.abs(expected.coefs).max()
    np.testing.assert_allclose(found.coefs, expected.coefs, rtol=rtol, atol=rtol * size)
    np.testing.assert_allclose(found.intercepts, expected.intercepts, rtol=rtol, atol=rtol)
    np.testing.assert_array_equal(found.coefs != 0, expected.coefs != 0)


# Weights of rows ------------------------------------------------------------------------------
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", DATA)
def test_a_weight_of_3_is_three_rows(name, options):
    A, e, s, _ = DATA[name]
    times = s.astype(int)
    repeated = lasso_path(np.repeat(A, times, axis=0), np.repeat(e, times), eps=0.02, **options)
    weighted = lasso_path(A, e, alphas=repeated.alphas, sample_weight=0.1 * s, **options)
    assert_same(weighted, repeated)
    np.testing.assert_allclose(weighted.dual_gaps, repeated.dual_gaps, atol=1e-9 * e.var())
    own_grid = lasso_path(A, e, eps=0.02, sample_weight=s, **options).alphas
    np.testing.assert_allclose(own_grid, repeated.alphas, rtol=1e-12)
    one = lasso(A, e, repeated.alphas[40], sample_weight=s, **options)
    np.testing.assert_allclose(one.coef, repeated.coefs[:, 40], rtol=1e-8, atol=1e-9)
    gap = linear.duality_gap(
        A, e, one.coef, one.intercept, repeated.alphas[40], options.get("l1_ratio", 1.0),
        positive="positive" in options, sample_weight=s,
    )  # fmt: skip
    assert gap <= 1e-10 * e.var()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_weights_are_scikit_learns(options):
    kind = ElasticNet if "l1_ratio" in options else Lasso
    s = WEIGHTS + 0.5
    for alpha in (10.0, 1.0):
        theirs = kind(alpha=alpha, **options, **EXACT).fit(X, y, sample_weight=s)
        ours = lasso(X, y, alpha, sample_weight=s, **options)
        np.testing.assert_allclose(ours.coef, theirs.coef_, rtol=1e-7, atol=1e-8)
        assert ours.intercept == pytest.approx(theirs.intercept_, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("cv", [None, KFold(4, shuffle=True, random_state=0), "overlapping"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_weighted_cross_validation_is_scikit_learns(options, cv):
    if cv == "overlapping":
        cv = list(ShuffleSplit(3, train_size=0.5, random_state=0).split(X))
    kind = ElasticNetCV if "l1_ratio" in options else LassoCV
    s = WEIGHTS + 0.5
    theirs = kind(cv=cv, alphas=30, eps=0.02, **options, **EXACT).fit(X, y, sample_weight=s)
    ours = lasso_cv(X, y, cv=cv, alphas=30, eps=0.02, sample_weight=s, **options)
    np.testing.assert_allclose(ours.alphas, theirs.alphas_, rtol=1e-11)
    np.testing.assert_allclose(ours.mse_path, theirs.mse_path_, rtol=1e-7)
    assert ours.alpha == pytest.approx(theirs.alpha_)
    np.testing.assert_allclose(ours.fit.coef, theirs.coef_, rtol=1e-6, atol=1e-7)


def test_weighted_cross_validation_of_many_columns_is_scikit_learns():
    A, e, s, _ = DATA["wide"]
    theirs = LassoCV(cv=3, alphas=20, eps=0.1, **EXACT).fit(A, e, sample_weight=s)
    ours = lasso_cv(A, e, cv=3, alphas=20, eps=0.1, sample_weight=s)
    np.testing.assert_allclose(ours.mse_path, theirs.mse_path_, rtol=1e-7)


def test_a_row_of_weight_zero_may_hold_anything():
    A, e = X.copy(), y.copy()
    A[WEIGHTS == 0], e[WEIGHTS == 0] = 1e3, -1e3
    A[:, 3] = np.where(WEIGHTS == 0, 7.0, 2.5)  # a constant, where it counts
    some = WEIGHTS > 0
    expected = lasso_path(A[some], e[some], sample_weight=WEIGHTS[some])
    found = lasso_path(A, e, sample_weight=WEIGHTS)
    assert_same(found, expected)
    assert not found.coefs[3].any()


def test_a_constant_column_has_no_weight_among_weighted_rows():
    A = np.column_stack([np.zeros(7), np.ones(7), -np.eye(7)[6]])
    s = np.array([0, 1, 0, 1, 0, 0.5, 1])
    for e in (np.array([0.0, -1, 0, 0, 0, 0, 0]), np.eye(7)[6]):
        for options in ({}, {"positive": True}):
            for alpha in (0.01, 1e-18):  # also where rounding is larger
                fit = lasso(A, e, alpha, sample_weight=s, **options)
                assert not fit.coef[:2].any()
                left = linear.kkt_residual(A, e, *fit[:2], alpha, sample_weight=s, **options)
                assert left <= 1e-15


@pytest.mark.parametrize("name", DATA)
def test_weighted_ridge(name):
    A, e, s, _ = DATA[name]
    for fit_intercept in (True, False):
        for alpha in (1e-3, 1.0, 0.0)[: 3 if name == "narrow" else 2]:
            ours = ridge_of(A, e, alpha, fit_intercept=fit_intercept, sample_weight=s)
            theirs = Ridge(alpha, fit_intercept=fit_intercept, solver="svd").fit(A, e, s)
            np.testing.assert_allclose(ours.coef, theirs.coef_, rtol=1e-7, atol=1e-9)
    alphas = [0.1, 10.0]
    coefs, intercepts = ridge_path(A, e, alphas, sample_weight=s)
    for alpha, w, b in zip(alphas, coefs.T, intercepts):
        one = ridge_of(A, e, alpha, sample_weight=s)
        np.testing.assert_allclose(w, one.coef, rtol=1e-8, atol=1e-10)
        assert b == pytest.approx(one.intercept, rel=1e-9)


# Each is a mistake that a weight makes possible.
def forgotten_in_the_centring(monkeypatch):
    right = moments.Moments._rows

    def rows(self, some, origin):
        A = right(self, some, origin)
        A[:, -1] = 1
        return A

    monkeypatch.setattr(moments.Moments, "_rows", rows)


def forgotten_in_the_folds_errors(monkeypatch):
    right = moments.Moments.errors

    def errors(self, w, equations, first=0):
        self.root = self.A = None
        self._leave_out(self.folds)
        return right(self, w, equations, first)

    monkeypatch.setattr(moments.Moments, "errors", errors)


def normalised_twice(monkeypatch):
    right = moments.Moments.equations

    def equations(self, *args, **options):
        found = right(self, *args, **options)
        size = 1 if self.weights is None else self.weights.mean()
        return found._replace(u=found.u * size)

    monkeypatch.setattr(moments.Moments, "equations", equations)


@pytest.mark.parametrize(
    "mistake",
    [forgotten_in_the_centring, forgotten_in_the_folds_errors, normalised_twice],
    ids=lambda mistake: mistake.__name__,
)
def test_mistakes_with_weights_are_caught(mistake, monkeypatch):
    mistake(monkeypatch)
    with pytest.raises(AssertionError):
        test_weighted_cross_validation_is_scikit_learns({}, None)


def test_a_weight_that_is_not_rooted_is_caught(monkeypatch):
    right = moments.Moments._rows

    def rows(self, some, origin):
        A = right(self, some, origin)
        return A if self.root is None else A * self.root[some, None]

    monkeypatch.setattr(moments.Moments, "_rows", rows)
    with pytest.raises(AssertionError):
        test_a_weight_of_3_is_three_rows("narrow", {})


# Weights of penalties -------------------------------------------------------------------------
def objective(A, e, w, b, alpha, l1_ratio, v, s=None):
    loss = np.average((e - A @ w - b) ** 2, weights=s) / 2
    return loss + alpha * v @ (l1_ratio * np.abs(w) + (1 - l1_ratio) / 2 * w * w)


def minimum_by_enumeration(A, e, alpha, l1_ratio, v, positive=False):
    """The least objective that any support and signs lead to; p small; with an intercept."""
    n, p = A.shape
    Z, f, best = A - A.mean(axis=0), e - e.mean(), np.inf
    for s in itertools.product([0, 1] if positive else [-1, 0, 1], repeat=p):
        s = np.array(s)
        on = np.flatnonzero(s)
        w = np.zeros(p)
        G = Z[:, on].T @ Z[:, on] / n + np.diag(alpha * (1 - l1_ratio) * v[on])
        if len(on):
            w[on] = np.linalg.lstsq(G, Z[:, on].T @ f / n - alpha * l1_ratio * v[on] * s[on])[0]
        if (w * s >= 0).all():
            best = min(best, objective(Z, f, w, 0, alpha, l1_ratio, v))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_penalty_weights_meet_the_enumeration_of_active_sets(seed):
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(3, 12)), int(rng.integers(1, 6))
    A = rng.normal(size=(n, p)) if seed % 2 else rng.integers(-2, 3, (n, p)) + 0.0
    e = rng.normal(size=n)
    v = rng.choice([0.0, 0.3, 1.0, 2.0], p)
    v[rng.integers(p)] = 1.0
    options = {"l1_ratio": [1.0, 0.5][seed % 2], "positive": seed % 3 == 0}
    path = lasso_path(A, e, alphas=[0.5, 0.1, 0.01], penalty_weights=v, **options)
    for alpha, w, b in zip(path.alphas, path.coefs.T, path.intercepts):
        least = minimum_by_enumeration(A, e, alpha, v=v, **options)
        found = objective(A, e, w, b, alpha, options["l1_ratio"], v)
        assert found == pytest.approx(least, rel=1e-11, abs=1e-14)
        one = lasso(A, e, alpha, penalty_weights=v, **options)
        assert objective(A, e, one.coef, one.intercept, alpha, options["l1_ratio"], v) == (
            pytest.approx(least, rel=1e-11, abs=1e-14)
        )


@pytest.mark.parametrize("name", DATA)
def test_a_lassos_penalty_weight_is_a_columns_unit(name):
    A, e, s, v = DATA[name]
    for weights in (None, s):
        scaled = lasso_path(A / v, e, eps=0.05, sample_weight=weights)
        found = lasso_path(A, e, eps=0.05, penalty_weights=v, sample_weight=weights)
        np.testing.assert_allclose(found.alphas, scaled.alphas, rtol=1e-12)
        assert_same(found, scaled._replace(coefs=scaled.coefs / v[:, None]))
        np.testing.assert_allclose(found.dual_gaps, scaled.dual_gaps, atol=1e-9 * e.var())
    by_folds = lasso_cv(A, e, cv=3, eps=0.05, alphas=20, penalty_weights=v).mse_path
    np.testing.assert_allclose(
        by_folds, lasso_cv(A / v, e, cv=3, eps=0.05, alphas=20).mse_path, rtol=1e-9
    )


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("name", DATA)
def test_columns_without_a_penalty_are_regressed_out(name, l1_ratio):
    """The others are then the lasso of what is left of them (Frisch, Waugh, Lovell)."""
    A, e, s, v = DATA[name]
    free = [1, 4]
    v = v.copy()
    v[free] = 0
    root = np.sqrt(s)[:, None]
    B = np.column_stack([root, root * A[:, free]])
    Q = np.linalg.qr(B)[0]
    others = np.delete(np.arange(len(v)), free)
    Z, f = root * A[:, others], root[:, 0] * e
    Z, f = Z - Q @ (Q.T @ Z), f - Q @ (Q.T @ f)
    found = lasso_path(
        A, e, eps=0.05, alphas=30, penalty_weights=v, sample_weight=s, l1_ratio=l1_ratio
    )
    scale = len(e) / s.sum()
    expected = lasso_path(
        np.sqrt(scale) * Z, np.sqrt(scale) * f, alphas=found.alphas, fit_intercept=False,
        penalty_weights=v[others], l1_ratio=l1_ratio,
    )  # fmt: skip
    size = np.abs(expected.coefs).max()
    np.testing.assert_allclose(found.coefs[others], expected.coefs, rtol=1e-8, atol=1e-9 * size)
    assert not found.coefs[others, 0].any()
    assert found.coefs[others, 1].any()
    rest = e[:, None] - A[:, others] @ found.coefs[others]
    b = np.linalg.lstsq(B, root * rest)[0]
    np.testing.assert_allclose(found.coefs[free], b[1:], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.intercepts, b[0], rtol=1e-7, atol=1e-9)
    assert (found.dual_gaps <= 1e-9 * e.var()).all()
    alone = lasso(A, e, found.alphas[9], l1_ratio, penalty_weights=v, sample_weight=s)
    np.testing.assert_allclose(alone.coef, found.coefs[:, 9], rtol=1e-8, atol=1e-9 * size)
    for train, test in [(np.arange(20, len(e)), np.arange(20))]:
        errors = lasso_cv(
            A, e, cv=[(train, test)], alphas=found.alphas, penalty_weights=v, l1_ratio=l1_ratio
        ).mse_path[:, 0]
        part = lasso_path(
            A[train], e[train], alphas=found.alphas, penalty_weights=v, l1_ratio=l1_ratio
        )
        expected = np.mean((e[test, None] - A[test] @ part.coefs - part.intercepts) ** 2, axis=0)
        np.testing.assert_allclose(errors, expected, rtol=1e-9)


def test_dependent_columns_without_a_penalty():
    A = np.column_stack([X, X[:, 0] + X[:, 1], np.ones(len(X))])
    v = np.ones(12)
    v[[0, 1, 10, 11]] = 0
    found = lasso_path(A, y, eps=0.01, penalty_weights=v)
    expected = lasso_path(X, y, alphas=found.alphas, penalty_weights=v[:10])
    np.testing.assert_allclose(
        A @ found.coefs + found.intercepts, X @ expected.coefs + expected.intercepts, rtol=1e-9
    )


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("name", DATA)
def test_a_constant_without_a_penalty_is_the_intercept(name, weights, kind):
    """One's own column of ones changes nothing, beside another free column neither."""
    A, e, s, v = DATA[name]
    v = v.copy()
    v[1] = 0
    more = {"sample_weight": s} if weights else {}
    alpha = 0.1 * linear.alpha_max(A, e, penalty_weights=v, **more)
    expected = lasso(A, e, alpha, penalty_weights=v, **more)
    B, u = np.column_stack([A, np.full(len(e), 1.1)]), np.append(v, 0.0)
    found = lasso(kind(B), e, alpha, penalty_weights=u, **more)
    size = np.abs(expected.coef).max()
    np.testing.assert_allclose(found.coef[:-1], expected.coef, rtol=1e-8, atol=1e-9 * size)
    assert 1.1 * found.coef[-1] + found.intercept == pytest.approx(expected.intercept, rel=1e-7)
    folds = [(np.arange(20, len(e)), np.arange(20))]
    np.testing.assert_allclose(
        lasso_cv(kind(B), e, cv=folds, alphas=[alpha], penalty_weights=u, **more).mse_path,
        lasso_cv(A, e, cv=folds, alphas=[alpha], penalty_weights=v, **more).mse_path, rtol=1e-9,
    )  # fmt: skip


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_a_start_from_anywhere_ends_at_the_solution(seed, positive):
    rng = np.random.default_rng(seed)
    A, e = rng.normal(size=(40, 600)), rng.normal(size=40)
    alpha = 0.02 * linear.alpha_max(A, e, positive=positive)
    expected = lasso(A, e, alpha, positive=positive)
    starts = lasso(A, e, 5 * alpha, positive=positive).coef, rng.normal(size=600)
    for start in (*starts, lasso(A, rng.normal(size=40), alpha, positive=positive).coef):
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            found = lasso(A, e, alpha, positive=positive, coef_init=start)
        np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-8, atol=1e-10)


def test_a_forgotten_penalty_weight_is_caught(monkeypatch):
    right = moments.Moments._scaled
    monkeypatch.setattr(
        moments.Moments, "_scaled", lambda self, *args: right(self, *args[:-1], None)
    )
    with pytest.raises(AssertionError):
        test_a_lassos_penalty_weight_is_a_columns_unit("narrow")
    with pytest.raises(AssertionError):
        test_penalty_weights_meet_the_enumeration_of_active_sets(1)


def test_the_exact_path_with_weights():
    kinks = lasso_path_exact(X, y, sample_weight=WEIGHTS, penalty_weights=PENALTIES)
    between = np.geomspace(kinks.alphas[0], 1e-3, 50)
    path = lasso_path(X, y, alphas=between, sample_weight=WEIGHTS, penalty_weights=PENALTIES)
    np.testing.assert_allclose(kinks.path(between)[0], path.coefs, rtol=1e-8, atol=1e-10)
    with pytest.raises(ValueError, match="must be above 0 for a path of kinks"):
        lasso_path_exact(X, y, penalty_weights=np.arange(10.0))


# The rule of one standard error ---------------------------------------------------------------
@pytest.mark.parametrize("name", DATA)
def test_one_standard_error(name):
    A, e, *_ = DATA[name]
    found = lasso_cv(A, e, cv=4, alphas=40, eps=0.05, rule="1se")
    best = lasso_cv(A, e, cv=4, alphas=40, eps=0.05)
    np.testing.assert_array_equal(found.mse_path, best.mse_path)
    mean = best.mse_path.mean(axis=1)
    limit = mean.min() + best.mse_path[mean.argmin()].std(ddof=1) / 2
    assert found.alpha == found.alphas[mean <= limit].max() > best.alpha
    np.testing.assert_allclose(found.fit.coef, lasso(A, e, found.alpha).coef, rtol=1e-9, atol=1e-10)
    with pytest.raises(ValueError, match="rule must be one of min, 1se; got 'max'"):
        lasso_cv(A, e, rule="max")


# Stability selection --------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.5}, {"replace": True, "fraction": 1.0}],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("name", DATA)
def test_stability_selection_is_a_lasso_on_each_sample(name, options):
    A, e, s, v = DATA[name]
    more = {"penalty_weights": v, "sample_weight": s + 0.5}
    found = linear.stability_selection(A, e, samples=7, alphas=10, seed=3, **more, **options)
    rng, times = np.random.default_rng(3), np.zeros((A.shape[1], 10))
    size = round(options.get("fraction", 0.5) * len(e))
    ever = 0
    for _ in range(7):
        rows = np.sort(rng.choice(len(e), size, replace=options.get("replace", False)))
        path = lasso_path(
            A[rows], e[rows], alphas=found.alphas, l1_ratio=options.get("l1_ratio", 1.0),
            penalty_weights=v, sample_weight=s[rows] + 0.5,
        )  # fmt: skip
        times += path.coefs != 0
        ever += np.count_nonzero(path.coefs.any(axis=1))
    np.testing.assert_array_equal(found.frequencies, times / 7)
    np.testing.assert_array_equal(found.selected, (times / 7).max(axis=1) >= 0.75)
    assert found.expected_false == pytest.approx((ever / 7) ** 2 / (A.shape[1] * 0.5))
    assert found.alphas[0] == pytest.approx(
        linear.alpha_max(A, e, options.get("l1_ratio", 1.0), **more)
    )


def test_stability_selection_in_small_batches(monkeypatch):
    expected = linear.stability_selection(X, y, samples=9)
    monkeypatch.setattr(linear.gram, "MEMORY", 3 * 8 * 660 * 12)
    found = linear.stability_selection(X, y, samples=9)
    np.testing.assert_array_equal(found.frequencies, expected.frequencies)
    assert not (linear.stability_selection(X, y, samples=9, seed=1).frequencies
                == expected.frequencies).all()  # fmt: skip


def test_stability_at_an_infinite_alpha():
    found = linear.stability_selection(X, y, alphas=[np.inf, 1.0], samples=5)
    assert not found.frequencies[:, 0].any()
    assert found.frequencies[:, 1].any()


def test_what_is_stable_is_what_is_there():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(120, 40))
    e = A[:, :4].sum(axis=1) + rng.normal(size=120)
    found = linear.stability_selection(A, e, eps=0.3, threshold=0.9)
    assert set(np.flatnonzero(found.selected)) >= {0, 1, 2, 3}
    assert np.count_nonzero(found.selected) <= 4 + found.expected_false
    assert linear.stability_selection(A, e, threshold=0.5).expected_false == np.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "samples must be a whole number of at least 1, got 0"),
        ({"fraction": 0.0}, "fraction=0.0 of 89 rows is no sample: it must be 2 to 89 rows"),
        ({"fraction": 1.2}, "is no sample"),
        ({"fraction": np.nan}, "is no sample"),
        ({"threshold": 1.5}, r"threshold must lie in \(0, 1\], got 1.5"),
        ({"l1_ratio": 0.0}, "Automatic alpha grid"),
        ({"samples": np.nan}, "samples must be a whole number of at least 1, got nan"),
        ({"sample_weight": np.eye(89)[0] + np.eye(89)[1], "fraction": 0.1}, "rows of a sample"),
    ],
    ids=str,
)
def test_samples_that_are_none_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        linear.stability_selection(X, y, **options)


# Sparse X -------------------------------------------------------------------------------------
def sparse_table(n, p, filled, seed=0, dtype="float64"):
    """Few numbers that are not zero; a dense column with a large mean, and an empty one."""
    rng = np.random.default_rng(seed)
    A = sparse.random_array((n, p), density=filled, rng=rng, data_sampler=rng.standard_normal)
    A = A.toarray()
    A[:, 2] = 5 + rng.normal(size=n)
    A[:, 3] = 0
    e = A[:, :8].sum(axis=1) + rng.normal(size=n)
    return A.astype(dtype), e.astype(dtype)


SPARSE = {
    "thin": sparse_table(150, 40, 0.05), "filled": sparse_table(60, 12, 0.4),
    "wide": sparse_table(80, 600, 0.03),
}  # fmt: skip


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
@pytest.mark.parametrize("options", [*OPTIONS, {"penalties": 1}], ids=str)
@pytest.mark.parametrize("name", SPARSE)
def test_a_sparse_table_gives_what_the_dense_one_gives(name, options, kind):
    A, e = SPARSE[name]
    S = kind(A)
    before = S.copy()
    s = np.random.default_rng(0).uniform(0, 2, len(e))
    options = dict(options, sample_weight=s if "positive" not in options else None)
    if options.pop("penalties", False):
        options["penalty_weights"] = np.append(0.0, np.linspace(0.5, 2, A.shape[1] - 1))
    dense, found = (lasso_path(B, e, alphas=30, eps=0.03, **options) for B in (A, S))
    np.testing.assert_allclose(found.alphas, dense.alphas, rtol=1e-12)
    assert_same(found, dense, rtol=1e-8)
    one = lasso(S, e, dense.alphas[20], **options)
    np.testing.assert_allclose(one.coef, dense.coefs[:, 20], rtol=1e-7, atol=1e-8)
    if kind is sparse.csr_array:
        for cv in (3, list(ShuffleSplit(2, train_size=0.5, random_state=0).split(A))):
            np.testing.assert_allclose(
                lasso_cv(S, e, cv=cv, alphas=20, eps=0.05, **options).mse_path,
                lasso_cv(A, e, cv=cv, alphas=20, eps=0.05, **options).mse_path, rtol=1e-8,
            )  # fmt: skip
    assert (S != before).nnz == 0


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", SPARSE)
def test_sparse_ridge(name, fit_intercept):
    A, e = SPARSE[name]
    s = np.random.default_rng(0).uniform(0, 2, len(e))
    for alpha in (100.0, 1.0, 1e-3, 0.0):
        for weights in (None, s):
            options = {"fit_intercept": fit_intercept, "sample_weight": weights}
            with warnings.catch_warnings():
                warnings.simplefilter("error", ConvergenceWarning)
                found = ridge_of(sparse.csr_array(A), e, alpha, **options)
            expected = ridge_of(A, e, alpha, **options)
            size = np.abs(expected.coef).max()
            np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-7, atol=1e-8 * size)
            assert found.intercept == pytest.approx(expected.intercept, rel=1e-7, abs=1e-8)
    two = np.column_stack([e, -e])
    found = ridge_of(sparse.csc_array(A), two, [1.0, 2.0], fit_intercept=fit_intercept)
    expected = ridge_of(A, two, [1.0, 2.0], fit_intercept=fit_intercept)
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-7, atol=1e-8)
    coefs, _ = ridge_path(sparse.csr_array(A), e, [1.0, 2.0], fit_intercept=fit_intercept)
    expected, _ = ridge_path(A, e, [1.0, 2.0], fit_intercept=fit_intercept)
    np.testing.assert_allclose(coefs, expected, rtol=1e-7, atol=1e-8)


def test_a_sparse_table_is_not_made_dense():
    """Three gigabytes of numbers, of which 40,000 are not zero."""
    rng = np.random.default_rng(0)
    S = sparse.random_array((200_000, 2000), density=1e-4, rng=rng, format="csr")
    e = S @ np.append(np.ones(5), np.zeros(1995)) + 0.01 * rng.normal(size=200_000)
    few, alpha = S[:, :400], 0.1 * linear.alpha_max(S, e)
    tracemalloc.start()
    assert set(np.flatnonzero(lasso(S, e, alpha).coef)) == set(range(5))
    path = lasso_path(few, e, alphas=[alpha, alpha / 2])
    assert set(np.flatnonzero(path.coefs[:, 0])) == set(range(5))
    assert (np.abs(ridge_of(few, e, 0.1).coef[:5] - 1) < 0.2).all()
    assert tracemalloc.get_traced_memory()[1] < 300e6
    tracemalloc.stop()


@pytest.mark.parametrize("alpha", [0.5, 1e-3])
def test_one_lasso_on_a_tall_sparse_table_takes_less_than_the_table_made_dense(alpha):
    """One column is dense, and of the others one number in a hundred is not zero."""
    rng = np.random.default_rng(0)
    at = rng.integers(0, 10_000, 20_000), rng.integers(1, 200, 20_000)
    S = sparse.csc_array((rng.normal(size=20_000), at), shape=(10_000, 200)).tolil()
    S[:, 0] = 3 + rng.normal(size=10_000)
    S, e = S.tocsr(), S.tocsr() @ rng.normal(size=200) + rng.normal(size=10_000)
    tracemalloc.start()
    found = lasso(S, e, alpha)
    assert tracemalloc.get_traced_memory()[1] < 16e6 / 2
    tracemalloc.stop()
    expected = lasso(S.toarray(), e, alpha)
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-10, atol=1e-13)


def test_a_sparse_folds_errors_are_summed_block_by_block(monkeypatch):
    """Seventy megabytes, were all the held-out rows dense at once."""
    rng = np.random.default_rng(0)
    at = rng.integers(0, 30_150, 150_000), rng.integers(0, 510, 150_000)
    S = sparse.csr_array((rng.normal(size=150_000), at), shape=(30_150, 510))
    e, s = S @ rng.normal(size=510) + rng.normal(size=30_150), rng.uniform(0, 2, 30_150)
    held_out = [(np.arange(150), np.arange(150, 30_150))]
    for block, enough in ((wide.BLOCK, True), (2**40, False)):
        with monkeypatch.context() as patch:
            patch.setattr(wide, "BLOCK", block)
            tracemalloc.start()
            lasso_cv(S, e, alphas=2, eps=0.01, cv=held_out)
            assert (tracemalloc.get_traced_memory()[1] < 40e6) == enough
            tracemalloc.stop()
    options = {"alphas": 5, "eps": 0.2, "cv": [(np.arange(0, 600, 2), np.arange(1, 600, 2))]}
    few, target = S[:600], e[:600]
    for weights in ({}, {"sample_weight": s[:600]}):
        at_once = lasso_cv(few, target, **options, **weights).mse_path
        with monkeypatch.context() as patch:
            patch.setattr(wide, "BLOCK", 7 * 100)
            in_blocks = lasso_cv(few, target, **options, **weights).mse_path
        np.testing.assert_allclose(in_blocks, at_once, rtol=1e-13)
        dense = lasso_cv(few.toarray(), target, **options, **weights).mse_path
        np.testing.assert_allclose(in_blocks, dense, rtol=1e-10)


@pytest.mark.parametrize("offset", [1e3, 1e6, -1e9])
@pytest.mark.parametrize("options", [*OPTIONS, {"penalties": 1}, {"weights": 1}], ids=str)
def test_a_sparse_column_far_from_zero_loses_no_digit(options, offset):
    A, e = SPARSE["wide"]
    A = A.copy()
    A[:, 2] += offset
    S, options = sparse.csr_array(A), dict(options)
    if options.pop("penalties", False):
        options["penalty_weights"] = np.append(0.0, np.linspace(0.5, 2, A.shape[1] - 1))
    if options.pop("weights", False):
        options["sample_weight"] = np.random.default_rng(0).uniform(0, 2, len(e))
    dense, found = (lasso_path(B, e, alphas=20, eps=0.05, **options) for B in (A, S))
    np.testing.assert_allclose(found.alphas, dense.alphas, rtol=1e-13)
    size = np.abs(dense.coefs).max()
    np.testing.assert_allclose(found.coefs, dense.coefs, rtol=1e-13, atol=1e-13 * size)
    assert (found.dual_gaps <= 1e-13 * np.mean(e**2)).all()
    if options.get("fit_intercept", True):
        # And to rounding the same as of the column about an origin near its mean.
        near = A - offset * (np.arange(A.shape[1]) == 2)
        moved = lasso_path(near, e, alphas=found.alphas, **options)
        lost = 10 * abs(offset) * np.finfo(float).eps  # of the column, when the offset was added
        np.testing.assert_allclose(found.coefs, moved.coefs, rtol=lost, atol=lost * size)
    cv = [lasso_cv(B, e, cv=3, alphas=dense.alphas, **options).mse_path for B in (A, S)]
    np.testing.assert_allclose(*cv, rtol=1e-12)


def test_single_precision_sparse():
    A, e = sparse_table(150, 40, 0.05, dtype="float32")
    found, dense = (lasso_path(B, e, eps=0.05) for B in (sparse.csr_array(A), A))
    assert found.coefs.dtype == found.intercepts.dtype == "float32"
    np.testing.assert_allclose(found.coefs, dense.coefs, rtol=1e-4, atol=1e-5)
    assert ridge_of(sparse.csr_array(A), e, 1.0).coef.dtype == "float32"


@pytest.mark.parametrize("scale", [1e-160, 1e-100, 1e100])
def test_sparse_columns_of_extreme_sizes(scale):
    A, e = SPARSE["thin"]
    v = np.ones(40)
    v[5] = scale  # so that the weight is the same but for the unit
    expected = lasso_path(A, e, alphas=20, eps=0.05)
    A = A.copy()
    A[:, 5] *= scale
    for B in (A, sparse.csr_array(A), sparse.csc_array(A)):
        found = lasso_path(B, e, alphas=expected.alphas, penalty_weights=v)
        found.coefs[5] *= scale
        assert_same(found, expected, rtol=1e-8)


@pytest.mark.parametrize("n", [30, 6])
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array])
def test_a_sparse_column_that_is_zero_where_rows_count(kind, n):
    rng = np.random.default_rng(0)
    A = rng.normal(size=(n, 8)) * (rng.random((n, 8)) < 0.4)
    A[:, 2] = 0
    A[-1, 2] = 1
    e, s = A.sum(axis=1) + rng.normal(size=n), np.append(np.ones(n - 1), 0)
    found = lasso_path(kind(A), e, alphas=[0.1, 0.01], sample_weight=s)
    assert_same(found, lasso_path(A, e, alphas=[0.1, 0.01], sample_weight=s))
    assert found.coefs[2].tolist() == [0, 0]


@pytest.mark.parametrize("p", [70, 610])
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array])
def test_repeated_entries_of_a_sparse_table_stay_as_they_are(kind, p):
    """SciPy adds them up; here in a copy, as a table in shared memory cannot be written."""
    rng = np.random.default_rng(0)
    size = (30, p) if kind is sparse.csr_array else (p, 30)
    count = rng.integers(1, 5, size[0])
    index = rng.integers(size[1], size=count.sum())
    index[1::2] = index[::2][: len(index) // 2]
    parts = rng.normal(size=count.sum()), index, np.append(0, np.cumsum(count))
    B, e = kind(parts, shape=(30, p)), rng.normal(size=30)
    before = [part.copy() for part in parts]
    for part in (B.data, B.indices, B.indptr):
        part.flags.writeable = False
    assert not kind(parts, shape=(30, p)).has_canonical_format
    for call in (lasso, ridge_of, lambda *given: lasso(*given, l1_ratio=0)):
        np.testing.assert_allclose(call(B, e, 0.01).coef, call(B.toarray(), e, 0.01).coef,
                                   rtol=1e-6, atol=1e-9)  # fmt: skip
    lasso_cv(B, e, alphas=3)
    for part, was in zip((B.data, B.indices, B.indptr), before):
        np.testing.assert_array_equal(part, was)


def test_a_forgotten_centring_of_a_sparse_table_is_caught(monkeypatch):
    right = moments.Moments._centred

    def centred(self, products):
        mean, second = right(self, products)
        if not self.thin:
            return mean, second
        return 0 * mean, products[..., :-1, :-1] / products[..., -1:, -1, None]

    monkeypatch.setattr(moments.Moments, "_centred", centred)
    with pytest.raises(AssertionError):
        test_a_sparse_table_gives_what_the_dense_one_gives("thin", {}, sparse.csr_array)


def test_lost_digits_of_a_sparse_table_are_caught(monkeypatch):
    """Without the second look at the rows, a large mean takes the digits."""
    A, e = sparse_table(150, 40, 0.05)
    A[:, 2] += 1e6
    found, dense = (lasso_path(B, e, eps=0.05) for B in (sparse.csr_array(A), A))
    assert_same(found, dense, rtol=1e-8)
    monkeypatch.setattr(moments, "LOST", 0.0)
    with pytest.raises(AssertionError):
        assert_same(lasso_path(sparse.csr_array(A), e, eps=0.05), dense, rtol=1e-8)


# Without an L1 part ---------------------------------------------------------------------------
@pytest.mark.parametrize("name", DATA)
def test_without_an_l1_part_it_is_ridge(name):
    A, e, s, _ = DATA[name]
    for B in (A, sparse.csr_array(A)):
        for weights in (None, s):
            n = len(e) if weights is None else weights.sum()
            found = lasso(B, e, 0.3, 0.0, sample_weight=weights)
            expected = ridge_of(A, e, 0.3 * n, sample_weight=weights)
            np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-6, atol=1e-8)
            assert found.dual_gap <= 1e-8 * e.var()
    least = lasso(A, e, 0.0)
    shortest = np.linalg.lstsq(A - A.mean(axis=0), e - e.mean())[0]
    np.testing.assert_allclose(least.coef, shortest, rtol=1e-6, atol=1e-9)
    path = lasso_path(A, e, alphas=[1.0, 0.0])
    np.testing.assert_allclose(path.coefs[:, 1], shortest, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("free", [[], [1, 4]], ids=["penalised", "two free"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csc_array])
def test_a_weighted_ridge_of_many_columns_solves_its_equations(kind, free):
    A, e, s, v = DATA["wide"]
    v = np.where(np.isin(np.arange(600), free), 0, v)
    for weights in (None, s):
        with warnings.catch_warnings(action="error"):  # at tol=0: where it is not exact
            given = dict(sample_weight=weights, penalty_weights=v)
            found = lasso(kind(A), e, 0.3, 0.0, tol=0, **given)
        rows = np.ones(len(e)) if weights is None else weights
        Z = np.column_stack([A, np.ones(len(e))])
        equations = (Z.T * rows) @ Z + 0.3 * rows.sum() * np.diag(np.append(v, 0))
        expected = np.linalg.solve(equations, (Z.T * rows) @ e)
        np.testing.assert_allclose(found.coef, expected[:-1], rtol=1e-7, atol=1e-10)
        assert found.intercept == pytest.approx(expected[-1], rel=1e-7)
        assert found.dual_gap <= 1e-10 * e.var()


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_positive_weights_of_many_columns_without_an_l1_part(kind):
    A, e, s, v = DATA["wide"]
    for weights in (None, s):
        given = dict(sample_weight=weights, positive=True, tol=0)
        with warnings.catch_warnings(action="error"):  # at tol=0: where it is not exact
            found = lasso(kind(A), e, 0.3, 0.0, penalty_weights=v, **given)
            least = lasso(kind(A), e, 0.0, **given)
        scaled = ElasticNet(0.3, l1_ratio=0, positive=True, tol=1e-14, max_iter=5000)
        with warnings.catch_warnings(action="ignore"):
            expected = scaled.fit(A / np.sqrt(v), e, sample_weight=weights).coef_ / np.sqrt(v)
        np.testing.assert_allclose(found.coef, expected, rtol=1e-5, atol=1e-7)
        assert found.coef.min() == 0
        assert found.dual_gap <= 1e-10 * e.var()
        # Of least squares alone many w are the best; but none is better.
        assert least.coef.min() == 0
        assert least.dual_gap <= 1e-10 * e.var()
    alpha = 0.1 * linear.alpha_max(A, e)
    path = lasso_path(A, e, alphas=[alpha, 0.0], positive=True)
    alone = lasso(A, e, alpha, positive=True).coef
    np.testing.assert_allclose(path.coefs[:, 0], alone, rtol=1e-10)
    assert np.abs(lasso(A, e, alpha).coef - alone).max() > 0.1


def test_a_constant_y_needs_no_positive_weights():
    A, *_ = DATA["wide"]
    s = np.random.default_rng(0).uniform(size=len(A))  # the mean of 0.1 is rounded
    with warnings.catch_warnings(action="error"):
        for alpha in (1e4, 0.0):
            found = lasso(A, np.full(len(A), 0.1), alpha, 0.0, positive=True, sample_weight=s)
            assert (np.count_nonzero(found.coef), found.dual_gap) == (0, 0)


# Bad input ------------------------------------------------------------------------------------
BAD = [
    ("sample_weight", -WEIGHTS, "sample_weight must not be negative, got -3.0"),
    ("sample_weight", 0 * WEIGHTS, "sample_weight must not be zero everywhere"),
    ("sample_weight", np.where(WEIGHTS == 2, np.nan, 1), "sample_weight contains NaN or infinity"),
    ("sample_weight", WEIGHTS[1:], r"sample_weight.shape == \(88,\), expected \(89,\)!"),
    ("penalty_weights", -PENALTIES, "penalty_weights must not be negative"),
    ("penalty_weights", 0 * PENALTIES, "penalty_weights must not be zero everywhere"),
    ("penalty_weights", PENALTIES[1:], r"penalty_weights.shape == \(9,\), expected \(10,\)!"),
    ("penalty_weights", PENALTIES * np.inf, "penalty_weights contains NaN or infinity"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_bad_weights_are_refused_in_one_line(name, value, message):
    calls = [lambda **o: lasso(X, y, 1.0, **o), lambda **o: lasso_path(X, y, **o),
             lambda **o: lasso_cv(X, y, **o), lambda **o: linear.alpha_max(X, y, **o),
             lambda **o: lasso_path_exact(X, y, **o)]  # fmt: skip
    if name == "sample_weight":
        calls += [lambda **o: ridge_of(X, y, 1.0, **o), lambda **o: ridge_path(X, y, [1.0], **o)]
    for call in calls:
        with pytest.raises(ValueError, match=message) as caught:
            call(**{name: value})
        assert "\n" not in str(caught.value)


def test_a_grid_that_rises_is_turned():
    alphas = lasso_path(X, y, alphas=5, eps=2.0).alphas
    assert (np.diff(alphas) < 0).all()


def test_a_warning_says_what_ended():
    with pytest.warns(ConvergenceWarning, match="max_iter=1 ended .* raise max_iter"):
        lasso_path(X, y, max_iter=1)


def test_a_fold_without_weight_is_refused():
    s = np.ones(len(y))
    s[:18] = 0
    with pytest.raises(ValueError, match="zero on all training or all test rows of a fold"):
        lasso_cv(X, y, sample_weight=s)


def test_free_columns_of_a_wide_table_may_not_be_positive():
    A, e, _, v = DATA["wide"]
    with pytest.raises(ValueError, match="penalty_weights must be above 0"):
        lasso(A, e, 1.0, positive=True, penalty_weights=np.where(np.arange(600) == 1, 0, v))


# The pages' examples --------------------------------------------------------------------------
def test_the_examples_of_from_scikit_learn_run():
    page = (Path(__file__).parents[1] / "tutorials/from_scikit_learn.md").read_text("utf-8")
    known = {"X": X, "y": y, "Ridge": Ridge}
    for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(block, known)
    assert known["LassoCV"] is estimators.LassoCV
    assert known["model"].alpha_ > 0
    assert known["found"].selected.any()
