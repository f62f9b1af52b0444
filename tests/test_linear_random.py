"""Problems that hypothesis makes: what is answered holds, and what is not certified is reported.

Small tables with repeated, constant and dependent columns, whole numbers, sizes from 1e-150 to
1e150, weights with zeros. Two references: the optimality conditions in exact fractions, and the
least objective over all supports and signs.
"""

import itertools
import warnings

import numpy as np
import pytest
from conftest import once
from hypothesis import HealthCheck, given, settings, strategies as st
from sklearn.exceptions import ConvergenceWarning

from course import linear
from course.linear import lasso, lasso_cv, lasso_path, ridge

pytestmark = once  # all of it is NumPy's

NUMBERS = st.one_of(
    st.integers(-3, 3).map(float), st.floats(-1, 1, allow_subnormal=False).map(lambda x: x + 0.0)
)


@st.composite
def tables(draw, rows=(2, 9), columns=(1, 5)):
    """X, y, weights of rows and of penalties; each column with a size of its own."""
    n, p = draw(st.integers(*rows)), draw(st.integers(*columns))
    X = np.array(draw(st.lists(NUMBERS, min_size=n * p, max_size=n * p))).reshape(n, p)
    y = np.array(draw(st.lists(NUMBERS, min_size=n, max_size=n)))
    for j in range(1, p):
        kind = draw(st.sampled_from(["own", "own", "copy", "constant", "sum"]))
        if kind == "copy":
            X[:, j] = X[:, j - 1]
        elif kind == "constant":
            X[:, j] = draw(NUMBERS)
        elif kind == "sum":
            X[:, j] = X[:, :j].sum(axis=1)
    sizes = 10.0 ** np.array(draw(st.lists(st.integers(-150, 150), min_size=p, max_size=p)))
    sizes = np.where(draw(st.booleans()), sizes, 1.0)
    s = np.array(draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=n, max_size=n)))
    s = s if np.count_nonzero(s) > 1 else np.ones(n)
    return X * sizes, y, sizes, s


OPTIONS = st.fixed_dictionaries(
    {
        "fit_intercept": st.booleans(), "positive": st.booleans(),
        "l1_ratio": st.sampled_from([1.0, 1.0, 0.5, 0.1]),
    }
)  # fmt: skip


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def minimum_by_enumeration(Z, e, s, l1, l2, positive):
    """The least ½Σ sᵢ(eᵢ − zᵢ·w)² + λ₁|w|₁ + ½ Σ λ₂ⱼ wⱼ² over all supports and signs."""
    p = Z.shape[1]
    G, c, best = Z.T @ (s[:, None] * Z) + np.diag(l2), Z.T @ (s * e), np.inf
    for signs in itertools.product([0, 1] if positive else [-1, 0, 1], repeat=p):
        signs = np.array(signs)
        on = np.flatnonzero(signs)
        w = np.zeros(p)
        if len(on):
            w[on] = np.linalg.lstsq(G[np.ix_(on, on)], c[on] - l1[on] * signs[on], rcond=1e-13)[0]
        if (w * signs >= -1e-14 * np.abs(w).max(initial=0)).all():
            r = e - Z @ w
            squares = l2 @ w**2 / 2 if l2.any() else 0  # w² may overflow
            best = min(best, s @ r**2 / 2 + l1 @ np.abs(w) + squares)
    return best


def no_objective_is_below(table, options, fraction, weighted):
    """In units in which the columns are of size 1, where enumeration has its digits."""
    X, y, sizes, s = table
    weights = s if weighted else np.ones(len(y))
    kept = X.copy(), y.copy()
    # A penalty weight that is the column's size makes the lasso's problem one of X / sizes.
    more = {"sample_weight": s if weighted else None, "penalty_weights": sizes}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        alpha = fraction * linear.alpha_max(X, y, penalty_weights=sizes, **without_ratio(options),
                                            sample_weight=more["sample_weight"])  # fmt: skip
        if alpha == 0:
            return
        try:
            fit = lasso(X, y, alpha, **options, **more)
        except ConvergenceWarning:
            return  # it said so
    assert (X == kept[0]).all()
    assert (y == kept[1]).all()
    share = weights / weights.sum()
    Z, e = X / sizes, y
    if options["fit_intercept"]:
        Z, e = Z - share @ Z, e - share @ e
    w = fit.coef * sizes
    l1 = np.full(len(w), alpha * options["l1_ratio"])
    with np.errstate(over="ignore", under="ignore"):
        l2 = alpha * (1 - options["l1_ratio"]) / sizes
    if not (l2 < 1e100).all():
        return
    least = minimum_by_enumeration(Z, e, share, l1, l2, options["positive"])
    r = e - Z @ w
    found = share @ r**2 / 2 + l1 @ np.abs(w) + (l2 @ w**2 / 2 if l2.any() else 0)
    assert found <= least + 1e-11 * (share @ e**2 + 1e-300)
    if options["positive"]:
        assert (fit.coef >= 0).all()


def without_ratio(options):
    return {name: value for name, value in options.items() if name != "l1_ratio"}


def a_path_and_its_cross_validation_are_answered_or_reported(table, options):
    X, y, sizes, _ = table
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            path = lasso_path(X, y, alphas=10, eps=0.01, **options)
            found = lasso_cv(X, y, alphas=10, eps=0.01, cv=3, **options)
    except ConvergenceWarning:
        return
    except ValueError as error:
        assert "scale them" in str(error)  # noqa: PT017 - it may also succeed
        return
    assert np.isfinite(path.coefs).all()
    assert np.isfinite(found.mse_path).all()
    variance = np.mean((y - y.mean()) ** 2) if options["fit_intercept"] else np.mean(y**2)
    if (sizes == 1).all():  # a rounding beside a huge column's penalty makes the bound loose
        assert (path.dual_gaps <= 1e-4 * variance).all()


def ridge_meets_its_equations(table, alpha, fit_intercept):
    X, y, sizes, s = table
    if (sizes != 1).any():
        return
    fit = ridge(X, y, alpha, fit_intercept=fit_intercept, sample_weight=s)
    residual = s * (y - X @ fit.coef - fit.intercept)
    size = np.abs(X).T @ (s * (np.abs(y) + np.abs(X) @ np.abs(fit.coef) + abs(fit.intercept)))
    assert (np.abs(X.T @ residual - alpha * fit.coef) <= 1e-9 * (size + 1)).all()
    if fit_intercept:
        assert abs(residual.sum()) <= 1e-10 * (s @ np.abs(y) + 1)


INPUTS = {
    no_objective_is_below: (tables(), OPTIONS, st.sampled_from([0.9, 0.3, 0.01]), st.booleans()),
    a_path_and_its_cross_validation_are_answered_or_reported: (tables(rows=(6, 12)), OPTIONS),
    ridge_meets_its_equations: (tables(), st.sampled_from([1e-3, 1.0, 1e3]), st.booleans()),
}
each = pytest.mark.parametrize("law", INPUTS, ids=lambda law: law.__name__)


def try_out(law, examples, **how):
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    setting = settings(max_examples=examples, deadline=None, database=None,
                       suppress_health_check=checks, **how)  # fmt: skip
    setting(given(*INPUTS[law])(law))()


@each
def test_a_few_problems(law):
    try_out(law, 40, derandomize=True)


@pytest.mark.slow
@each
def test_many_problems(law):
    try_out(law, 1000, derandomize=True)


def test_a_wrong_penalty_is_found(monkeypatch):
    right = linear.wide.fit

    def wrong(X, y, alphas, *more):
        return right(X, y, 0.999 * alphas, *more)

    monkeypatch.setattr(linear.wide, "fit", wrong)
    X = np.random.default_rng(0).normal(size=(8, 2))
    table = X, X[:, 0] + 0.1, np.ones(2), np.ones(8)
    with pytest.raises(AssertionError):
        no_objective_is_below(
            table, {"fit_intercept": True, "positive": False, "l1_ratio": 1.0}, 0.3, False
        )
