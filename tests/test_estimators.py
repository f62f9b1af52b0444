import inspect
import pickle
import subprocess
import sys
import threading
import time
import warnings

import joblib
import numpy as np
import pytest
import sklearn
from conftest import child_environment
from scipy import sparse
from sklearn import linear_model
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from course import estimators, lesson10, linear
from course.estimators import ElasticNet, ElasticNetCV, Lasso, LassoCV, Ridge
from course.linear import wide

# Columns of different sizes and means: a forgotten mean shows.
X, y = load_diabetes(return_X_y=True)
X = X[:, 2:] * np.linspace(10, 30, 8) + np.linspace(-1, 2, 8)
Y = np.column_stack([y, X[:, 0] ** 2, -y])
UNSORTED = np.random.default_rng(1).permutation(np.geomspace(0.01, 10, 100))
WEIGHT = np.random.default_rng(0).uniform(0, 2, len(y))

EXACT = {"tol": 1e-14, "max_iter": 100_000}
OWN = "rule", "penalty_weights"  # what scikit-learn's do not have
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def of_sklearn(model):
    """scikit-learn's estimator of that name and those settings, as exact as it gets."""
    settings = model.get_params() | ({} if isinstance(model, Ridge) else EXACT)
    kind = getattr(linear_model, type(model).__name__)
    return kind(**{name: settings[name] for name in inspect.signature(kind).parameters})


def assert_like_scikit_learn(model, y=y, X=X, **fit):
    """Fit the estimator and scikit-learn's, and compare all that they found."""
    theirs = of_sklearn(model).fit(X, y, **fit)
    model.fit(X, y, **fit)
    for name in ("coef_", "intercept_", "alpha_", "l1_ratio_", "alphas_", "mse_path_"):
        assert hasattr(model, name) == hasattr(theirs, name)
        if hasattr(theirs, name):
            np.testing.assert_allclose(getattr(model, name), getattr(theirs, name), **CLOSE)
            assert np.shape(getattr(model, name)) == np.shape(getattr(theirs, name))
    np.testing.assert_array_equal(model.coef_ == 0, theirs.coef_ == 0)
    np.testing.assert_allclose(model.predict(X), theirs.predict(X), **CLOSE)
    assert model.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-9)
    assert np.shape(getattr(model, "dual_gap_", 0)) == np.shape(getattr(theirs, "dual_gap_", 0))


def test_importing_needs_no_keras():
    code = "import sys, course.estimators; sys.exit('keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], env=child_environment(), check=True)


@parametrize_with_checks([Ridge(), Lasso(), ElasticNet(), LassoCV(), ElasticNetCV()])
def test_of_sklearn_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("alpha", [20.0, 1.0, 1e-3])
@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"positive": True}], ids=str)
@pytest.mark.parametrize("kind", [Lasso, ElasticNet])
def test_fits_are_of_sklearn(kind, options, alpha):
    model = kind(alpha=alpha, **options)
    assert_like_scikit_learn(model)
    if not model.positive:
        found = model.coef_, model.intercept_, alpha, model.l1_ratio
        assert linear.kkt_residual(X, y, *found) < 1e-11 * np.abs(X.T @ y).max() / len(y)


@pytest.mark.parametrize("target", [y, Y[:, :1], Y], ids=["vector", "column", "three"])
@pytest.mark.parametrize("model", [Ridge(), Lasso(), ElasticNet(l1_ratio=0.0)], ids=str)
def test_targets(model, target):
    assert_like_scikit_learn(model, target)
    assert_like_scikit_learn(model.set_params(fit_intercept=False), target)


@pytest.mark.parametrize("alpha", [0, 3.0, [1.0, 0.1, 100.0]], ids=str)
@pytest.mark.parametrize("weights", [{}, {"sample_weight": WEIGHT}, {"sample_weight": 2.0}],
                         ids=["", "weights", "number"])  # fmt: skip
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_ridge_is_of_sklearn(alpha, weights, fit_intercept):
    assert_like_scikit_learn(Ridge(alpha, fit_intercept=fit_intercept), Y, **weights)


@pytest.mark.parametrize(
    "model",
    [
        LassoCV(),
        LassoCV(positive=True),
        LassoCV(cv=KFold(5, shuffle=True, random_state=0)),
        LassoCV(cv=list(KFold(5).split(X))),
        LassoCV(alphas=UNSORTED),
        LassoCV(alphas=[0.1]),
        ElasticNetCV(l1_ratio=[0.2, 0.9, 1.0]),
        ElasticNetCV(l1_ratio=[0.5], fit_intercept=False),
        ElasticNetCV(l1_ratio=[0.5, 0.7], alphas=UNSORTED),
    ],
    ids=lambda model: str(model)[:60],
)
def test_cross_validation_is_of_sklearn(model):
    assert_like_scikit_learn(model)


@pytest.mark.parametrize("kind", [Lasso, ElasticNet, LassoCV, ElasticNetCV, Ridge])
def test_a_constant_column_and_a_copied_one(kind):
    more = np.column_stack([X[:, :4], np.full(len(X), 7.0), X[:, 2]])
    model = kind().fit(more, y)
    assert model.coef_[4] == pytest.approx(0, abs=1e-12 if kind is Ridge else 0)
    # The weights of two equal columns are not unique; what they predict is.
    np.testing.assert_allclose(
        model.predict(more), of_sklearn(model).fit(more, y).predict(more), **CLOSE
    )


def test_one_feature():
    for model in (Lasso(), ElasticNet(), LassoCV(), Ridge()):
        assert_like_scikit_learn(model, X=X[:, :1])


@pytest.mark.parametrize("kind", [Lasso, ElasticNet, LassoCV, ElasticNetCV, Ridge])
def test_the_signature_is_of_sklearn(kind):
    ours, theirs = parameters(kind), parameters(getattr(linear_model, kind.__name__))
    more = {Ridge: (), Lasso: (OWN[1],), ElasticNet: (OWN[1],)}.get(kind, OWN)
    assert tuple(ours) == (*theirs, *more)
    assert all(ours[name] == theirs[name] for name in theirs)
    assert parameters(kind().fit) == parameters(of_sklearn(kind()).fit)


def parameters(function):
    """{name: (how it may be given, default)}, in their order."""
    found = inspect.signature(function).parameters
    return {name: (given.kind, given.default) for name, given in found.items()}


KINDS = [
    Lasso(0.1), Lasso(0.1, fit_intercept=False), ElasticNet(0.1), Ridge(), Ridge(solver="lsqr"),
    Ridge(positive=True), Ridge(fit_intercept=False),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.parametrize("model", KINDS, ids=str)
def test_attributes_are_of_the_same_types(model, k, dtype):
    target = (Y[:, :k] if k else y).astype(dtype)
    theirs = of_sklearn(model).set_params(tol=1e-4).fit(X.astype(dtype), target)
    ours = clone(model).fit(X.astype(dtype), target)
    for name in ("coef_", "intercept_", "dual_gap_", "n_iter_", "n_features_in_", "sparse_coef_"):
        if name == "n_iter_" and isinstance(model, Ridge):  # 1, as scikit-learn's own checks want
            continue
        expected = getattr(theirs, name, None)
        found = getattr(ours, name) if hasattr(theirs, name) else None
        assert type(found) is type(expected), name
        assert getattr(found, "dtype", None) == getattr(expected, "dtype", None), name
        assert np.shape(found) == np.shape(expected), name
        if isinstance(expected, list):
            assert list(map(type, found)) == list(map(type, expected))


@pytest.mark.parametrize("kind", [LassoCV, ElasticNetCV])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_cross_validated_is_of_the_same_types(kind, dtype):
    data = X.astype(dtype), y.astype(dtype)
    theirs, ours = of_sklearn(kind()).set_params(tol=1e-4).fit(*data), kind().fit(*data)
    for name in ("coef_", "intercept_", "dual_gap_", "n_iter_", "alphas_", "mse_path_"):
        found, expected = getattr(ours, name), getattr(theirs, name)
        assert type(found) is type(expected), name
        assert getattr(found, "dtype", None) == getattr(expected, "dtype", None), name


@pytest.mark.parametrize("table", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("target", [np.array([3.0]), np.array([[3.0, 4.0]])], ids=["1", "2"])
@pytest.mark.parametrize("model", [*KINDS, ElasticNet(0.1, positive=True)], ids=str)
def test_one_row(model, target, table):
    row = table(np.array([[1.0, -2.0, 0.5]]))
    if not (target.ndim > 1 and model.get_params().get("solver") == "lsqr"):
        assert_like_scikit_learn_on_one_row(clone(model), row, target)
    with pytest.raises(ValueError, match="0 sample"):
        clone(model).fit(row[:0], target[:0])


def assert_like_scikit_learn_on_one_row(model, row, target):
    theirs, ours = of_sklearn(model).fit(row, target), model.fit(row, target)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, **CLOSE)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, **CLOSE)
    np.testing.assert_allclose(ours.predict(row), theirs.predict(row), **CLOSE)


def test_one_row_is_not_parted():
    for kind in (LassoCV, ElasticNetCV):
        with pytest.raises(ValueError, match="n_splits=5 greater than the number of samples"):
            kind().fit(X[:1], y[:1])
    for row in (X[:1], np.random.default_rng(0).normal(size=(1, 600))):
        path = linear.lasso_path(row, y[:1], alphas=[1.0, 0.1], fit_intercept=False)
        fit = linear.lasso(row, y[:1], 0.1, fit_intercept=False)
        assert (np.count_nonzero(path.coefs, axis=0) == 1).all()
        np.testing.assert_allclose(path.coefs[:, 1], fit.coef, rtol=1e-13)
        assert linear.kkt_residual(row, y[:1], fit.coef, 0.0, 0.1) <= 1e-12


def test_as_a_part_of_others():
    pipe = make_pipeline(StandardScaler(), Lasso())
    grid = {"lasso__alpha": [0.1, 1.0, 10.0], "lasso__positive": [False, True]}
    ours = GridSearchCV(pipe, grid).fit(X, y)
    exact = linear_model.Lasso(**EXACT)
    theirs = GridSearchCV(make_pipeline(StandardScaler(), exact), grid).fit(X, y)
    assert ours.best_params_ == theirs.best_params_
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_allclose(ours.cv_results_[name], theirs.cv_results_[name], rtol=1e-9)
    assert cross_val_score(ours.best_estimator_, X, y).mean() == pytest.approx(ours.best_score_)


def test_a_grid_search_in_two_processes_gives_the_same():
    # Nothing here is compiled, which each process would do anew.
    folds = KFold(lesson10.FOLDS, shuffle=True, random_state=0)
    grid = {"alpha": np.geomspace(0.01, 10, 5)}
    A = np.random.default_rng(2).normal(size=(60, 600))
    searches = [
        (Lasso(), grid, X, y), (Ridge(), grid, X, y),
        (LassoCV(alphas=10, n_jobs=2), {"eps": [0.5, 0.1]}, A, A[:, 0] + A[:, 1]),
    ]  # fmt: skip
    for model, grid, *data in searches:
        one, two = (GridSearchCV(model, grid, cv=folds, n_jobs=n).fit(*data) for n in (1, 2))
        assert one.best_params_ == two.best_params_
        for k in range(lesson10.FOLDS):
            scores = (search.cv_results_[f"split{k}_test_score"] for search in (one, two))
            np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("model", [LassoCV(), ElasticNetCV(l1_ratio=[0.3, 0.9])], ids=str)
@pytest.mark.parametrize("intercept", [True, False])
def test_folds_several_at_a_time_give_the_same_to_the_bit(model, intercept):
    rng = np.random.default_rng(2)
    A = rng.normal(size=(200, 600)) + 0.5
    b = A[:, :5].sum(axis=1) + rng.normal(size=200)
    model = clone(model).set_params(eps=0.05, alphas=30, fit_intercept=intercept)
    alone = clone(model).fit(A, b)
    several = [clone(model).set_params(n_jobs=n).fit(A, b) for n in (1, 2, -1)]
    with joblib.parallel_config("threading", n_jobs=3):
        several.append(clone(model).fit(A, b))
    for other in several:
        for name in ("mse_path_", "alphas_", "coef_", "intercept_", "dual_gap_", "n_iter_"):
            np.testing.assert_array_equal(getattr(other, name), getattr(alone, name))


def test_n_jobs_says_how_many_folds_at_a_time(monkeypatch):
    A = np.random.default_rng(2).normal(size=(50, 600))
    right, lock, under_way, counts = wide._fold, threading.Lock(), 0, []

    def counted(*arguments):
        nonlocal under_way
        with lock:
            under_way += 1
            counts.append(under_way)
        time.sleep(0.05)
        found = right(*arguments)
        with lock:
            under_way -= 1
        return found

    monkeypatch.setattr(wide, "_fold", counted)
    for n_jobs, expected in [(None, 1), (1, 1), (3, 3)]:
        counts.clear()
        LassoCV(eps=0.5, alphas=3, n_jobs=n_jobs).fit(A, A[:, 0])
        assert (len(counts), max(counts)) == (5, expected)


@pytest.mark.parametrize("kind", [Lasso, ElasticNet, LassoCV, ElasticNetCV, Ridge])
def test_copies(kind):
    model = kind(fit_intercept=False).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(X)
    copy.set_params(fit_intercept=True).fit(X, y)
    assert copy.intercept_ != 0
    with pytest.raises(ValueError, match="Invalid parameter 'lambda_'"):
        copy.set_params(lambda_=1)


@pytest.mark.parametrize("kind", [Lasso, ElasticNet, LassoCV, ElasticNetCV, Ridge])
def test_single_precision(kind):
    before = X.astype("float32")
    small = before.copy()
    small.flags.writeable = False
    model = kind().fit(small, y.astype("float32"))
    assert model.coef_.dtype == model.intercept_.dtype == model.predict(small).dtype == "float32"
    np.testing.assert_array_equal(small, before)
    np.testing.assert_allclose(model.coef_, kind().fit(X, y).coef_, rtol=1e-3, atol=1e-3)


def test_feature_names():
    import pandas

    frame = pandas.DataFrame(X, columns=list("abcdefgh"))
    model = Lasso().fit(frame, pandas.Series(y))
    assert model.feature_names_in_.tolist() == list("abcdefgh")
    assert model.n_features_in_ == 8
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"a": "z"}))


@pytest.mark.parametrize("kind", [Lasso, ElasticNet])
def test_a_warm_start_starts_from_coef(kind):
    model = kind(alpha=1e-3, warm_start=True).fit(X, Y)
    cold = model.n_iter_
    model.fit(X, Y)
    assert all(warm == 1 < steps for warm, steps in zip(model.n_iter_, cold))
    assert_like_scikit_learn(clone(model).fit(X, y).set_params(alpha=1.0))
    model.set_params(positive=True).fit(X, Y)  # from weights that are partly negative
    np.testing.assert_allclose(model.coef_, clone(model).fit(X, Y).coef_, rtol=1e-9)
    with pytest.raises(ValueError, match="for 3 targets and 8 features; these data have 1 and 7"):
        model.fit(X[:, 1:], y)


def test_too_few_steps_are_reported():
    for model in (Lasso(1e-4, max_iter=1), LassoCV(max_iter=1)):
        with pytest.warns(ConvergenceWarning, match=r"duality gap .*: \d.*, and at most \d"):
            model.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        Lasso(1e-4, tol=0).fit(X, y)  # exact to rounding


CHANGES = {
    "NaN": (lambda X, y: (np.where(X > 2, np.nan, X), y), {}),
    "inf": (lambda X, y: (X, np.where(y > 300, np.inf, y)), {}),
    "complex": (lambda X, y: (X + 1j, y), {}),
    "objects": (lambda X, y: (np.full(X.shape, {}), y), {}),
    "words": (lambda X, y: (X, np.full(len(y), "a")), {}),
    "one dimension": (lambda X, y: (X[:, 0], y), {}),
    "three dimensions": (lambda X, y: (X[None], y), {}),
    "y too short": (lambda X, y: (X, y[1:]), {}),
    "y is None": (lambda X, y: (X, None), {}),
    "no rows": (lambda X, y: (X[:0], y[:0]), {}),
    "no columns": (lambda X, y: (X[:, :0], y), {}),
    "fit_intercept": (lambda X, y: (X, y), {"fit_intercept": "yes"}),
}
DESCENT = {"tol": -1.0, "max_iter": 0, "max_iter ": 1.5, "positive": 2, "selection": "last"}
SINGLE = {"alpha": -1.0, "alpha ": np.nan, "alpha  ": "1", "warm_start": "no", "precompute": "yes"}
CV = {"alphas": [], "alphas ": [1.0, -1.0], "alphas  ": 0, "alphas   ": ["a"], "eps": 0, "cv": 1,
      "cv ": 1000, "cv  ": "five", "precompute": "no"}  # fmt: skip
RATIO = {"l1_ratio": 1.5, "l1_ratio ": -0.1, "l1_ratio  ": np.nan, "l1_ratio   ": "half"}
SETTINGS = {
    Ridge: {"alpha": -1.0, "alpha ": np.nan, "alpha  ": "1", "alpha   ": [1.0, 2.0]},
    Lasso: DESCENT | SINGLE,
    ElasticNet: DESCENT | SINGLE | RATIO,
    LassoCV: DESCENT | CV,
    ElasticNetCV: DESCENT | CV | RATIO | {"l1_ratio    ": 0},
}
BAD = [(kind, change, {}) for kind in SETTINGS for change in CHANGES] + [
    (kind, None, {name.strip(): value})
    for kind, settings in SETTINGS.items()
    for name, value in settings.items()
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("kind", "change", "settings"), BAD)
def test_bad_input_is_refused_as_scikit_learn_refuses_it(kind, change, settings):
    changed, more = CHANGES[change] if change else (lambda X, y: (X, y), {})
    data, settings = changed(X, y), {**settings, **more}
    with pytest.raises((ValueError, TypeError)) as theirs:
        getattr(linear_model, kind.__name__)(**settings).fit(*data)
    with pytest.raises((ValueError, TypeError)) as ours:
        kind(**settings).fit(*data)
    assert isinstance(ours.value, theirs.type), (ours.value, theirs.value)


@pytest.mark.parametrize("kind", [Lasso, ElasticNet, LassoCV, ElasticNetCV, Ridge])
def test_what_scikit_learn_takes_and_we_refuse(kind):
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="scale them"):
        kind().fit(X * 1e200, y)
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        kind().fit(X, y, sample_weight=-WEIGHT)
    with pytest.raises(ValueError, match="must contain at least one non-zero"):
        kind().fit(X, y, sample_weight=0 * WEIGHT)
    with pytest.raises(ValueError, match="NaN"):
        kind().fit(X, y, sample_weight=np.where(WEIGHT > 1, np.nan, 1))
    with pytest.raises(ValueError, match="NaN"):
        kind().fit(sparse.csr_array(np.where(X > 2, np.nan, 0)), y)


def test_solvers_of_ridge_by_name():
    exact = Ridge().fit(X, Y).coef_
    for solver in ("auto", "cholesky", "svd", "lsqr"):
        model = Ridge(solver=solver).fit(X, Y)
        np.testing.assert_allclose(model.coef_, exact, rtol=1e-9)
        assert model.solver_ == (solver if solver != "auto" else "cholesky")
    for solver in ("sag", "saga", "sparse_cg"):
        with pytest.raises(ValueError, match=f"solver='{solver}' is not here: give one of auto, "):
            Ridge(solver=solver).fit(X, y)
    with pytest.raises(ValueError, match="only when positive=True"):
        Ridge(solver="lbfgs").fit(X, y)
    with pytest.raises(ValueError, match="does not support positive fitting"):
        Ridge(solver="svd", positive=True).fit(X, y)
    with pytest.raises(ValueError, match="alpha"):
        Ridge([-1.0]).fit(X, y)


@pytest.mark.parametrize("weights", [None, WEIGHT, 3.0], ids=["", "weights", "number"])
def test_ridge_without_negative_weights(weights):
    for alpha, target in ((5.0, y), ([1.0, 10.0, 100.0], Y)):
        theirs = linear_model.Ridge(alpha, positive=True, tol=1e-14, max_iter=100_000)
        ours = Ridge(alpha, positive=True).fit(X, target, sample_weight=weights)
        theirs.fit(X, target, sample_weight=weights)
        assert (ours.coef_ >= 0).all()
        assert (ours.coef_ == 0).any()
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-5, atol=1e-3)
    with pytest.raises(ValueError, match="there are 3 targets"):
        Ridge([1.0, 2.0], positive=True).fit(X, Y)


@pytest.mark.parametrize(
    ("n", "filled", "alpha"), [(100, 1, 5.0), (2, 0.1, 1e4), (30, 0.02, 1e2), (200, 0.01, 1.0)]
)
def test_ridge_of_many_columns_without_negative_weights(n, filled, alpha):
    """On the weights above 0 the gradient is 0, and elsewhere it does not pull a weight up."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(n, 600)) * (rng.random((n, 600)) < filled)
    target = 10 * A[:, :50].sum(axis=1) + rng.normal(size=n)
    for table in (A, sparse.csr_array(A)):
        model = Ridge(alpha, positive=True).fit(table, target)
        Z = A - A.mean(axis=0)
        pull = Z.T @ (target - model.predict(A)) - alpha * model.coef_
        on, size = model.coef_ > 0, np.abs(Z.T @ target).max()
        assert 0 < on.sum() < 600
        assert np.abs(pull[on]).max() <= 1e-13 * size
        assert pull[~on].max() <= 1e-13 * size
        assert model.coef_[~A.any(axis=0)].any() == 0


@pytest.mark.parametrize("model", [Ridge(), Lasso(), ElasticNetCV(cv=2)], ids=str)
def test_a_target_too_large_for_single_precision(model):
    data = np.ones((4, 1), dtype="float32"), np.array([1.0, 2, 3, 1e99])
    with warnings.catch_warnings(action="error"), pytest.raises(ValueError, match="too large for"):
        model.fit(*data)


def test_errors_too_large_for_single_precision():
    data = np.array([[0.13], [-0.13]], dtype="float32"), np.array([3e19, 8e19])
    with warnings.catch_warnings(action="error"):
        model = ElasticNetCV(cv=2, alphas=3).fit(*data)
    assert np.isinf(model.mse_path_).any()


@pytest.mark.parametrize("kind", [Lasso, ElasticNet, LassoCV, ElasticNetCV, Ridge])
def test_sample_weights_and_sparse_tables_are_of_sklearn(kind):
    few = X * (np.random.default_rng(0).random(X.shape) < 0.2)
    assert_like_scikit_learn(kind(), X=few, sample_weight=WEIGHT)
    assert_like_scikit_learn(kind(), X=few, sample_weight=2.0)
    expected = kind().fit(few, y, WEIGHT)
    for table in (sparse.csr_array(few), sparse.csc_matrix(few), sparse.coo_array(few)):
        found = kind().fit(table, y, sample_weight=WEIGHT)
        np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(found.predict(table), expected.predict(few), rtol=1e-9)
        if kind is not Ridge:
            np.testing.assert_array_equal(found.sparse_coef_.toarray()[0], found.coef_)


@pytest.mark.parametrize("kind", [Lasso, ElasticNet, LassoCV, ElasticNetCV])
def test_a_gram_matrix_is_checked(kind):
    centred = X - X.mean(axis=0)
    expected = kind().fit(centred, y)
    np.testing.assert_array_equal(kind(precompute=centred.T @ centred).fit(centred, y).coef_,
                                  expected.coef_)  # fmt: skip
    root = np.sqrt(WEIGHT * len(y) / WEIGHT.sum())[:, None]
    kind(precompute=(root * X).T @ (root * X), fit_intercept=False).fit(X, y, sample_weight=WEIGHT)
    with pytest.warns(UserWarning, match="Gram matrix was provided but X was centered"):
        kind(precompute=X.T @ X).fit(X, y)
    with pytest.raises(ValueError, match="did not pass validation"):
        kind(precompute=2 * centred.T @ centred).fit(centred, y)
    with pytest.raises(ValueError, match=r"has shape \(7, 8\): for these data, \(8, 8\)") as error:
        kind(precompute=(X.T @ X)[1:]).fit(X, y)
    assert "\n" not in str(error.value)


def test_frames_and_weighted_scores():
    import pandas
    import polars

    names = list("abcdefgh")
    for frame in (pandas.DataFrame(X, columns=names), polars.DataFrame(X, schema=names)):
        # Columns first: other sums than of X, in the last digit.
        model = LassoCV().fit(frame, y, sample_weight=WEIGHT)
        assert list(model.feature_names_in_) == names
        np.testing.assert_allclose(model.coef_, LassoCV().fit(X, y, WEIGHT).coef_, rtol=1e-10)
        np.testing.assert_allclose(model.predict(frame), model.predict(X), rtol=1e-13)
    scores = cross_val_score(LassoCV(), X, y, params={"sample_weight": WEIGHT})
    theirs = cross_val_score(linear_model.LassoCV(**EXACT), X, y, params={"sample_weight": WEIGHT})
    np.testing.assert_allclose(scores, theirs, rtol=1e-9)


def test_groups_reach_the_splitter():
    groups = np.arange(len(y)) % 7
    with sklearn.config_context(enable_metadata_routing=True):
        splitter = GroupKFold(4)
        found = LassoCV(cv=splitter).fit(X, y, groups=groups)
        again = LassoCV(cv=splitter.split(X, y, groups)).fit(X, y)  # a generator
    expected = LassoCV(cv=list(splitter.split(X, y, groups))).fit(X, y)
    np.testing.assert_array_equal(found.mse_path_, expected.mse_path_)
    np.testing.assert_array_equal(again.mse_path_, expected.mse_path_)
    with pytest.raises(ValueError, match="groups"):
        LassoCV(cv=splitter).fit(X, y, groups=groups)


def test_the_one_standard_error_rule_and_penalty_weights():
    found, best = LassoCV(rule="1se").fit(X, y), LassoCV().fit(X, y)
    assert found.alpha_ > best.alpha_
    assert np.count_nonzero(found.coef_) < np.count_nonzero(best.coef_)
    np.testing.assert_array_equal(found.coef_, linear.lasso_cv(X, y, rule="1se").fit.coef)
    v = np.r_[0, np.ones(7)]
    model = Lasso(1e3, penalty_weights=v).fit(X, y)
    assert list(np.flatnonzero(model.coef_)) == [0]
    alone = Lasso(0.0).fit(X[:, :1], y)
    assert model.coef_[0] == pytest.approx(alone.coef_[0], rel=1e-9)
    with pytest.raises(ValueError, match="rule"):
        LassoCV(rule="smallest").fit(X, y)
    with pytest.raises(ValueError, match="penalty_weights"):
        ElasticNetCV(penalty_weights=[1, 2]).fit(X, y)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_matrices_and_masked_arrays_are_taken_as_scikit_learn_takes_them():
    with pytest.raises(TypeError, match=r"np\.matrix"):
        Lasso().fit(np.matrix(X), y)
    found = Lasso().fit(np.ma.masked_array(X), y)
    np.testing.assert_array_equal(found.coef_, Lasso().fit(X, y).coef_)


def test_inputs_may_be_left_unchecked():
    model = Lasso().fit(X, y, check_input=False)
    np.testing.assert_array_equal(model.coef_, Lasso().fit(X, y).coef_)


def test_several_targets_are_not_cross_validated():
    for kind in (LassoCV, ElasticNetCV):
        with pytest.raises(ValueError, match="1d array"):
            kind().fit(X, Y)


def centred(right, X, y, *rest, **options):
    return right(X - X.mean(axis=0), y - y.mean(), *rest, **options | {"fit_intercept": False})


def shifted(X):
    rows = np.arange(len(X))
    return [(np.delete(rows, test), test) for test in np.array_split(np.roll(rows, -1), 5)]


# What stands in for linear.lasso, linear.lasso_cv or linear.ridge, given the right one.
FAULTS = {
    "lasso, threshold halved": lambda right, X, y, a, *r, **o: right(X, y, a / 2, *r, **o),
    "lasso, threshold 1e-6 wrong": lambda right, X, y, a, *r, **o: right(X, y, a + 1e-6, *r, **o),
    "lasso, sums for means": lambda right, X, y, a, *r, **o: right(X, y, a / len(y), *r, **o),
    "lasso, no intercept": lambda right, *a, **o: right(*a, **o | {"fit_intercept": False}),
    "lasso, mean not added back": centred,
    "lasso, rows left out": lambda right, X, y, *a, **o: right(X[1:], y[1:], *a, **o),
    "ridge, alpha means": lambda right, X, y, a, **o: right(X, y, a * len(y), **o),
    "ridge, no intercept": lambda right, *a, **o: right(*a, **o | {"fit_intercept": False}),
    "ridge, weights lost": lambda right, *a, **o: right(*a, **o | {"sample_weight": None}),
    "ridge, weights squared": lambda right, *a, **o: right(*a, **o | {"sample_weight": WEIGHT**2}),
    "lasso_cv, folds shifted": lambda right, X, y, **o: right(X, y, **o | {"cv": shifted(X)}),
    "lasso_cv, mean of all rows": centred,
    "lasso_cv, other eps": lambda right, *a, **o: right(*a, **o | {"eps": 1.01e-3}),
}


def penalised_intercept(right, X, y, *rest, **options):
    fit = right(np.column_stack([X, np.ones(len(X))]), y, *rest,
                **options | {"fit_intercept": False, "coef_init": None})  # fmt: skip
    return fit._replace(coef=fit.coef[:-1], intercept=fit.coef[-1])


def penalised_ridge_intercept(right, X, y, alpha, **options):
    fit = right(np.column_stack([X, np.ones(len(X))]), y, alpha,
                **options | {"fit_intercept": False})  # fmt: skip
    return fit._replace(coef=fit.coef[:-1], intercept=fit.coef[-1])


FAULTS["lasso, intercept penalised"] = penalised_intercept
FAULTS["ridge, intercept penalised"] = penalised_ridge_intercept


@pytest.mark.parametrize("name", FAULTS)
def test_injected_faults_are_caught(name, monkeypatch):
    function = name.split(",")[0]
    weights = {"sample_weight": WEIGHT} if function == "ridge" else {}
    model = {"lasso": Lasso(), "ridge": Ridge(), "lasso_cv": LassoCV()}[function]
    data = X[:, :7]  # a column of ones more are still 8
    assert_like_scikit_learn(model, X=data, **weights)
    right = getattr(linear, function)
    monkeypatch.setattr(
        estimators.linear, function, lambda *a, **options: FAULTS[name](right, *a, **options)
    )
    with pytest.raises(AssertionError):
        assert_like_scikit_learn(model, X=data, **weights)


def test_a_sign_ignored_is_caught(monkeypatch):
    right = linear.lasso
    wrong = lambda *a, **options: right(*a, **options | {"positive": False})  # noqa: E731
    monkeypatch.setattr(estimators.linear, "lasso", wrong)
    with pytest.raises(AssertionError):
        assert_like_scikit_learn(Lasso(positive=True))


@pytest.mark.parametrize("seed", range(5))
def test_a_column_that_is_constant_on_some_folds_training_rows(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(20, 5)), rng.normal(size=20)
    X[:, 2] = np.arange(20) == 3  # a rare category: one row has it
    for table in (X, (X - X.mean(axis=0)) / X.std(axis=0)):
        theirs = linear_model.LassoCV(tol=1e-12, max_iter=100_000).fit(table, y)
        ours = LassoCV().fit(table, y)
        np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-7)
        assert ours.alpha_ == pytest.approx(theirs.alpha_)


@pytest.mark.parametrize("place", ["X", "a cell"])
def test_ridge_says_that_numbers_are_too_large(place):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(10, 2)), rng.normal(size=10)
    if place == "X":
        X *= 1e160
    else:
        X[0, 0] = 1e308
    with pytest.raises(ValueError, match="too large"):
        Ridge().fit(X, y)


def test_ridge_of_a_huge_target_is_the_multiple_that_it_must_be():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(10, 2)), rng.normal(size=10)
    y[0] = 1e308
    small = Ridge().fit(X, y * 2.0**-900)
    np.testing.assert_allclose(Ridge().fit(X, y).coef_ * 2.0**-900, small.coef_, rtol=1e-13)


@pytest.mark.parametrize("make", [lambda: Lasso(0.1), lambda: ElasticNet(0.1), lambda: LassoCV()])
def test_a_large_mean_takes_no_digits_from_the_weights(make):
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(50, 3)), 3)
    y = X @ [1, -1, 0] + rng.normal(size=50)
    there = X + 2.0**20  # exact: no digit of X is lost in the sum
    assert ((there - 2.0**20).round(3) == X).all()
    np.testing.assert_allclose(make().fit(there, y).coef_, make().fit(there - 2.0**20, y).coef_,
                               rtol=1e-12, atol=1e-13)  # fmt: skip


def test_tiny_columns_under_a_tiny_penalty_end():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    exact = linear_model.LinearRegression().fit(X, y).coef_
    found = Lasso(1e-300).fit(X * 1e-155, y)
    np.testing.assert_allclose(found.coef_ * 1e-155, exact, rtol=1e-9)


def test_no_folds_and_no_jobs_are_refused_and_rows_may_count_from_the_end():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    for wrong in ({"cv": []}, {"n_jobs": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            LassoCV(**wrong).fit(X, y)
    rows = np.arange(12)
    folds = [(rows[4:], rows[:4]), (rows[:8], rows[8:])]
    backwards = [(train - 12, test - 12) for train, test in folds]
    assert (
        LassoCV(cv=folds).fit(X, y).mse_path_ == LassoCV(cv=backwards).fit(X, y).mse_path_
    ).all()


def test_nothing_of_keras_is_imported():
    code = (
        "import sys; from course.estimators import LassoCV; import course.linear;"
        " LassoCV().fit([[0.0], [1], [2], [3], [4]], [0.0, 1, 2, 3, 5]);"
        " print([m for m in ('keras', 'tensorflow', 'jax', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=child_environment(), capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr
