"""Tables, and what a solution of the lasso must be, for the tests of `course.linear`."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNetCV, LassoCV, enet_path

from course import linear
from course.linear import (
    lasso_cv,
)


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


def bad(array, value):
    changed = array.astype(type(value)) if isinstance(value, (complex, str)) else array.copy()
    changed.flat[array.size // 2] = value
    return changed


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


def rare(n, rng):
    """0/1 columns with 1 to 4 ones, in random rows, and two ordinary columns."""
    columns = [np.isin(np.arange(n), rng.choice(n, k, replace=False)) + 0.0 for k in (1, 2, 3, 4)]
    return np.column_stack([*columns, rng.normal(size=(n, 2))])


def standardised(A):
    return (A - A.mean(axis=0)) / A.std(axis=0)


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
