"""The path from kink to kink, as an object too, and what is done where it cannot be followed."""

import itertools
import warnings

import numpy as np
import pytest
from conftest import once
from lassos import (
    DATA,
    HARD,
    WIDE,
    X,
    assert_solved,
    standardised,
    y,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, lars_path

from course import linear
from course.linear import (
    homotopy,
    lasso,
    lasso_path,
    lasso_path_exact,
    newton,
    working_set,
)

pytestmark = once  # all of it is NumPy's


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


def test_what_no_method_solves_is_not_negative_where_it_may_not_be(monkeypatch):
    def wrong(w, *_):
        return np.full_like(w, -1.0), 1

    monkeypatch.setattr(homotopy, "path", lambda G, c, *_: wrong(c[:, None]))
    monkeypatch.setattr(newton, "again", wrong)
    monkeypatch.setattr(working_set, "on_matrix", wrong)
    with pytest.warns(ConvergenceWarning, match="the duality gap is not small enough"):
        found = lasso_path(X, y, alphas=[0.1], positive=True)
    assert found.coefs.min() == 0
    gap = linear.duality_gap(X, y, np.zeros(10), y.mean(), 0.1, positive=True)
    assert found.dual_gaps[0] == pytest.approx(gap, rel=1e-9)


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
