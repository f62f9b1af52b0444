"""Many targets in one call: each must be what it is alone."""

import numpy as np
import pytest
from conftest import once
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from course.linear import gram, homotopy, lasso, moments, targets

pytestmark = once  # all of it is NumPy's

rng = np.random.default_rng(0)
FEW = rng.random((60, 8)) < 0.05
TABLES = {
    "dense": rng.normal(size=(60, 8)) * np.geomspace(0.1, 10, 8) + np.linspace(-3, 3, 8),
    "rows, Fortran": np.asfortranarray(rng.normal(size=(12, 30))),
    "thin": sparse.csr_array(rng.normal(size=(60, 8)) * FEW),
    "thin, one column dense": sparse.csr_array(
        np.column_stack([1e3 + rng.normal(size=(300, 1)), np.ones(300), np.eye(300)[:, :40]])
    ),
    "a constant column": np.column_stack([np.full(60, 0.1), rng.normal(size=(60, 3))]),
    "wide": rng.normal(size=(20, 510)),
    "a tiny column": rng.normal(size=(60, 3)) * [1, 1e-145, 1],
}
OPTIONS = [
    {}, {"l1_ratio": 0.5}, {"l1_ratio": 0.0}, {"positive": True}, {"fit_intercept": False},
    {"sample_weight": 1}, {"penalty_weights": 1}, {"penalty_weights": 0}, {"coef_init": 1},
]  # fmt: skip


def targets_of(X, k=5, seed=1):
    """Of very different sizes and means; the second one is constant."""
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(X.shape[1], k)) * (rng.random((X.shape[1], k)) < 0.5)
    Y = X @ (W / np.sqrt((X**2).mean(axis=0) + 1e-30)[:, None] * (X.shape[1] < 500))
    Y = (Y + rng.normal(size=Y.shape)) * np.geomspace(1, 100, k) + 10 * np.arange(k)
    Y[:, 1] = 7.0
    return Y


def completed(options, X, k):
    """1 and 0 as the arrays they stand for."""
    n, p = X.shape
    arrays = {
        "sample_weight": np.arange(n) % 4.0,
        "penalty_weights": np.append(options.get("penalty_weights", 1), np.linspace(0.5, 2, p - 1)),
        "coef_init": np.random.default_rng(2).normal(size=(k, p)),
    }
    return options | {name: arrays[name] for name in arrays if name in options}


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", TABLES)
def test_each_target_is_what_it_is_alone(name, options):
    X = TABLES[name]
    Y = targets_of(X)
    options = completed(options, X, Y.shape[1])
    starts = options.pop("coef_init", [None] * Y.shape[1])
    together = {} if starts[0] is None else {"coef_init": starts}
    found = lasso(X, Y, 0.3, **options, **together)
    for j, target in enumerate(Y.T):
        alone = lasso(X, target, 0.3, coef_init=starts[j], **options)
        size = np.abs(alone.coef).max()
        np.testing.assert_array_equal(found.coef[j] != 0, alone.coef != 0)
        np.testing.assert_allclose(found.coef[j], alone.coef, rtol=1e-10, atol=1e-12 * size)
        assert found.intercept[j] == pytest.approx(alone.intercept, rel=1e-11, abs=1e-10)
        assert found.dual_gap[j] <= 1e-13 * (1 + target @ target) + alone.dual_gap
    assert type(found.n_iter) is list
    assert len(found.n_iter) == len(found.dual_gap) == Y.shape[1]


@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.5}, {"coef_init": 1}], ids=str)
def test_in_turns_where_memory_is_short_or_targets_are_many(options, monkeypatch):
    X = TABLES["dense"]
    Y = targets_of(X, 25)
    options = completed(options, X, 25)
    expected, sizes, right = lasso(X, Y, 0.3, **options), [], gram.solve
    monkeypatch.setattr(gram, "solve", lambda *a: sizes.append(len(a[0].c)) or right(*a))
    monkeypatch.setattr(gram, "MEMORY", 4 * 8 * 648 * 10)
    monkeypatch.setattr(targets, "TOGETHER", 2)
    found = lasso(X, Y, 0.3, **options)
    assert sizes == [4, 4, 2, 4, 4, 2, 4, 1]
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found.intercept, expected.intercept, rtol=1e-12)
    assert len(found.n_iter) == len(found.dual_gap) == 25


def test_the_squares_of_x_are_made_once(monkeypatch):
    made, batches, right, path = [], [], moments.Moments._products, homotopy.path
    monkeypatch.setattr(
        moments.Moments, "_products", lambda *a, **more: made.append(1) or right(*a, **more)
    )
    monkeypatch.setattr(homotopy, "path", lambda G, c, *a: batches.append(len(c)) or path(G, c, *a))
    X = TABLES["dense"]
    lasso(X, targets_of(X, 50), 0.3)
    assert (len(made), batches) == (1, [50])


def test_few_targets_of_many_columns_are_solved_one_by_one(monkeypatch):
    X = np.random.default_rng(0).normal(size=(30, 250))
    Y = targets_of(X, 3)
    together, calls, right = lasso(X, Y, 1.0), [], targets.solve
    monkeypatch.setattr(targets, "solve", lambda *a: calls.append(1) or right(*a))
    one_by_one = lasso(X, Y[:, :2], 1.0)
    assert not calls
    np.testing.assert_allclose(one_by_one.coef, together.coef[:2], rtol=1e-9, atol=1e-12)
    lasso(X, Y, 1.0)
    assert calls == [1]


def test_single_precision():
    X = TABLES["dense"].astype("float32")
    Y = targets_of(TABLES["dense"]).astype("float32")
    found = lasso(X, Y, 0.3)
    assert found.coef.dtype == found.intercept.dtype == "float32"
    for j in range(5):
        np.testing.assert_allclose(found.coef[j], lasso(X, Y[:, j], 0.3).coef, rtol=1e-6)


def test_too_few_steps_are_reported_for_the_target_that_wanted_more():
    X = TABLES["dense"]
    Y = targets_of(X)
    with pytest.warns(ConvergenceWarning, match="max_iter=1 ended") as caught:
        found = lasso(X, Y, 1e-3, max_iter=1)
    assert len(caught) == 4  # not for the constant
    assert found.coef.shape == (5, 8)
    assert not found.coef[1].any()


def test_targets_that_are_none_and_starts_that_do_not_fit_are_refused():
    X = TABLES["dense"]
    Y = targets_of(X)
    with pytest.raises(ValueError, match=r"0 feature|shape=\(60, 0\)"):
        lasso(X, Y[:, :0], 1.0)
    for start in (np.zeros(8), np.zeros((8, 5)), np.full((5, 8), np.nan)):
        with pytest.raises(ValueError, match=r"8 finite numbers, .* each of 5 targets"):
            lasso(X, Y, 1.0, coef_init=start)
    with pytest.raises(ValueError, match="too large"):
        lasso(X, Y * [1, 1, 1e160, 1, 1], 1.0)


def test_a_start_for_a_constant_target_ends():
    assert not lasso(TABLES["dense"], np.full(60, 7.0), 0.3, coef_init=np.ones(8)).coef.any()


def test_the_first_targets_mean_given_to_all_is_caught(monkeypatch):
    right = moments.Moments._for_each
    monkeypatch.setattr(
        moments.Moments, "_for_each", lambda self, means: 0 * right(self, means) + means[:9]
    )
    with pytest.raises(AssertionError):
        test_each_target_is_what_it_is_alone("dense", {})
