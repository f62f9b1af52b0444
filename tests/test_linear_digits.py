"""Digits that must not be lost: columns far from zero, in other units, or constant on some rows."""

import numpy as np
import pytest
from conftest import once
from lassos import (
    NARROW,
    WIDE,
    X,
    assert_cross_validation_like_scikit_learn,
    bad,
    exact_ridge,
    rare,
    standardised,
    y,
)
from sklearn.model_selection import KFold

from course import linear
from course.linear import (
    lasso,
    lasso_cv,
    lasso_path,
    moments,
    ridge,
    ridge_path,
    wide,
)

pytestmark = once  # all of it is NumPy's


# Folds whose training rows say little about a column -----------------------------------------
def with_a_cell(n, rng, value=1e99):
    A = rng.normal(size=(n, 3))
    A[rng.integers(n), 1] = value
    return A


def sorted_rows(n, rng):
    """Columns that are constant on most of the rows that are left in."""
    steps = np.arange(n)[:, None] // (n // 5) == np.arange(5)
    return np.column_stack([steps * rng.normal(size=(n, 5)) + 3, rng.normal(size=(n, 2))])


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
