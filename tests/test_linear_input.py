"""Data and settings that are refused, and data that are left as they are."""

import re

import numpy as np
import pytest
from conftest import once
from lassos import NARROW, WIDE, X, bad, y
from scipy import sparse

from course import linear
from course.linear import (
    lasso,
    lasso_cv,
    lasso_path,
    ridge,
    ridge_path,
)

pytestmark = once  # all of it is NumPy's


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
