"""Ridge, Lasso, ElasticNet, LassoCV, ElasticNetCV: `course.linear` as scikit-learn estimators.

    from course.estimators import Lasso          # was: from sklearn.linear_model import Lasso

Parameters, defaults, attributes and exceptions are scikit-learn's, so pipelines, grid searches,
`clone` and `pickle` work. The answers are exact to rounding, whatever `tol`.

Some of scikit-learn's parameters change only how fast it finds its answer. They are accepted, and
have no effect here:

    copy_X                     X is never changed
    precompute                 a Gram matrix of your own is checked, and not needed
    selection, random_state    there is no order of coordinates to choose
    verbose                    nothing is printed

`n_jobs` says how many folds are solved at a time, in threads, where X has more than 500 columns.
With fewer columns all folds are solved at once, and it has no effect.

X may be sparse (any format of SciPy), and stays so. `sample_weight` weights the rows in the loss
Σ sᵢ(…)² / (2 Σ sᵢ), in the means, and in the errors on held-out rows. Beyond scikit-learn:
`LassoCV(rule="1se")`, and `penalty_weights`, each column's factor in the penalty.
"""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.utils import check_scalar
from sklearn.utils._metadata_requests import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from course import linear
from course.linear.problem import Array, Matrix, is_plain

if TYPE_CHECKING:
    from typing import Self

# What scikit-learn's own accept: to take it from sklearn.linear_model would import that, too.
NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]
FRACTION = [Interval(Real, 0, 1, closed="both")]
COUNT = [Interval(Integral, 1, None, closed="left")]
DESCENT = {
    "fit_intercept": ["boolean"],
    "copy_X": ["boolean"],
    "max_iter": COUNT,
    "tol": NOT_NEGATIVE,
    "positive": ["boolean"],
    "random_state": ["random_state"],
    "selection": [StrOptions({"cyclic", "random"})],
}


class _Linear(RegressorMixin, BaseEstimator):
    """The base of all: it predicts Xw + b."""

    def predict(self, X: Matrix) -> np.ndarray:
        """Xw + b, shape (n,), or (n, k) for k targets; X: shape (n, p)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc", "coo"], reset=False)
        return X @ self.coef_.T + self.intercept_

    def _checked(self, X, y, sample_weight, multi_output=False):
        """X, y and the weights as arrays; and a Gram matrix that was given."""
        if is_plain(X, y, multi_output):  # then there is nothing to convert
            self.n_features_in_ = X.shape[1]
            vars(self).pop("feature_names_in_", None)
        else:
            X, y = validate_data(
                self, X, y, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32],
                y_numeric=True, multi_output=multi_output,
            )  # fmt: skip
        if sample_weight is None or isinstance(sample_weight, Real):  # one for all is none
            weights = None
        else:
            weights = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        if np.ndim(getattr(self, "precompute", None)) > 0:
            _check_gram(self.precompute, X, weights, self.fit_intercept)
        return X, y, weights

    def _keep(self, fit):
        """Make a `linear.Fit` the fitted attributes."""
        if not all(np.isfinite(part).all() for part in fit):
            raise ValueError("the solution is not finite: X or y has too large numbers; scale them")
        self.coef_, self.intercept_, gap, self.n_iter_ = fit
        self.dual_gap_ = np.asarray(gap, dtype=self.coef_.dtype)[()]
        if not self.fit_intercept:
            self.intercept_ = 0.0

    def _settings(self):
        names = ("fit_intercept", "positive", "tol", "max_iter", "penalty_weights")
        return {name: getattr(self, name) for name in names}

    @property
    def sparse_coef_(self) -> Any:
        """`coef_` as a `scipy.sparse.csr_matrix` of shape (1, p), or (k, p)."""
        from scipy.sparse import csr_matrix

        return csr_matrix(self.coef_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _together(fits, y):
    """The fits to the columns of y as one `linear.Fit`, of arrays; that of a vector y as it is."""
    return fits[0] if y.ndim == 1 else linear.Fit(*map(np.array, zip(*fits)))


def _check_gram(gram, X, sample_weight, fit_intercept):
    """Whether a Gram matrix is that of X: its shape, and one of its numbers, as in scikit-learn.

    Raises:
        ValueError: it is not.
    """
    (n, p), gram = X.shape, np.asarray(gram)
    if gram.shape != (p, p):
        raise ValueError(
            f"the Gram matrix in precompute has shape {gram.shape}: for these data, {(p, p)}"
        )
    if not isinstance(X, np.ndarray):
        return
    s = np.ones(n) if sample_weight is None else n * sample_weight / sample_weight.sum()
    if fit_intercept and not np.allclose(s @ X / n, 0):
        warnings.warn(
            "Gram matrix was provided but X was centered to fit intercept: recomputing Gram"
            " matrix.",
            UserWarning,
            stacklevel=3,
        )
        return
    i, j = p // 2, min(p // 2 + 1, p - 1)
    expected, actual = X[:, i] @ (s * X[:, j]), gram[i, j]
    if not np.isclose(expected, actual, rtol=1e-4 if X.dtype == np.float32 else 1e-7, atol=1e-5):
        raise ValueError(
            "Gram matrix passed in via 'precompute' parameter did not pass validation when a single"
            f" element was checked - please check that it was computed properly. For element"
            f" ({i},{j}) we computed {expected} but the user-supplied value was {actual}."
        )


class Ridge(MultiOutputMixin, _Linear):
    """Least squares with an L2 penalty; b is not penalised.

        minimise  ‖Xw + b − y‖² + α‖w‖²

    Args:
        alpha: α, at least 0; or shape (k,), one for each target.
        fit_intercept: whether there is a b.
        solver: "auto", "cholesky", "svd" or "lsqr": see `course.linear.ridge`; "lbfgs" only with
            positive=True. What only descends towards the answer (sparse_cg, sag, saga) is refused.
        positive: whether weights may not be negative.
        copy_X, max_iter, tol, random_state: have no effect.

    Attributes:
        coef_: shape (p,), or (k, p).
        intercept_: a number, or shape (k,).
        solver_: the solver that was used.
        n_iter_: 1, as nothing is repeated.
        n_features_in_, feature_names_in_: of X in `fit`.

    Example:
        >>> model = Ridge(alpha=2.0).fit([[0], [1], [2]], [0, 1, 2])
        >>> model.coef_.round(12).tolist(), round(float(model.intercept_), 12)
        ([0.5], 0.5)

    Reference:
        A. E. Hoerl and R. W. Kennard, Ridge Regression: Biased Estimation for Nonorthogonal
        Problems, Technometrics 12, 1970, doi:10.1080/00401706.1970.10488634.
    """

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [*NOT_NEGATIVE, "array-like"], "fit_intercept": ["boolean"], "copy_X": ["boolean"],
        "max_iter": [*COUNT, None], "tol": NOT_NEGATIVE, "positive": ["boolean"],
        "solver": [StrOptions({"auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga",
                               "lbfgs"})], "random_state": ["random_state"],
    }  # fmt: skip

    def __init__(
        self, alpha: float | Array = 1.0, *, fit_intercept: bool = True, copy_X: bool = True,
        max_iter: int | None = None, tol: float = 1e-4, solver: str = "auto",
        positive: bool = False, random_state: Any = None,
    ) -> None:  # fmt: skip
        self.alpha, self.fit_intercept, self.copy_X = alpha, fit_intercept, copy_X
        self.max_iter, self.tol, self.random_state = max_iter, tol, random_state
        self.solver, self.positive = solver, positive

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Matrix, y: Array, sample_weight: float | Array | None = None) -> Self:
        """Find w and b.

        Args:
            X: shape (n, p), float64 or float32, or sparse.
            y: shape (n,) or (n, k).
            sample_weight: shape (n,), not negative: each row's weight in the sum of squares; or
                a number, the same for all.

        Returns:
            The estimator.
        """
        if self.solver == "lbfgs" and not self.positive:
            raise ValueError(
                "'lbfgs' solver can be used only when positive=True. Please use another solver."
            )
        if self.positive and self.solver not in ("auto", "lbfgs"):
            raise ValueError(
                f"solver='{self.solver}' does not support positive fitting. Please set the solver"
                " to 'auto' or 'lbfgs', or set `positive=False`"
            )
        equal = sample_weight if isinstance(sample_weight, Real) else 1
        X, y, s = self._checked(X, y, sample_weight, multi_output=True)
        s = np.full(len(y), float(equal)) if equal != 1 else s
        if self.positive:
            self._fit_positive(X, y, s)
        else:
            fit = linear.ridge(
                X, y, self.alpha, fit_intercept=self.fit_intercept, sample_weight=s,
                solver=self.solver,
            )  # fmt: skip
            self.coef_, self.intercept_, self.solver_ = fit
        # As in scikit-learn: one target has a vector of weights, whether y is a vector or a column.
        self.coef_ = self.coef_[0] if y.shape[1:] == (1,) else self.coef_
        self.intercept_ = self.intercept_ if self.fit_intercept else 0.0
        self.n_iter_ = 1
        return self

    def _fit_positive(self, X, y, s):
        """An elastic net without an L1 part, whose α is ours divided by the sum of the weights."""
        targets = y.reshape(len(y), -1).T
        alphas = np.asarray(self.alpha, dtype="float64").reshape(-1)
        if len(alphas) not in (1, len(targets)):
            raise ValueError(
                f"alpha has shape {alphas.shape}, but there are {len(targets)} targets"
            )
        total = len(y) if s is None else s.sum()
        fits = [
            linear.lasso(
                X, target, alpha / total, 0.0, fit_intercept=self.fit_intercept, positive=True,
                sample_weight=s,
            )
            for target, alpha in zip(targets, np.broadcast_to(alphas, len(targets)))
        ]  # fmt: skip
        self.coef_, self.intercept_ = _together(fits, y)[:2]
        self.solver_ = "lbfgs"


class ElasticNet(MultiOutputMixin, _Linear):
    """Least squares with an L1 and an L2 penalty; b is not penalised.

        minimise  1/(2n) ‖Xw + b − y‖² + α ρ‖w‖₁ + ½ α(1 − ρ)‖w‖²

    With k targets, each is a problem of its own.

    Args:
        alpha: α, at least 0.
        l1_ratio: ρ, in [0, 1]; 1 is the lasso.
        fit_intercept: whether there is a b.
        max_iter: at most so many steps: kinks of the path, or rounds of Newton's method.
        tol: a `ConvergenceWarning` is given where `max_iter` ends first and the duality
            gap is above tol · mean((y − ȳ)²).
        warm_start: whether `fit` starts from the last fit's `coef_`.
        positive: whether weights may not be negative.
        penalty_weights: shape (p,), each column's factor in the penalty; 0: it has none.
        precompute, copy_X, random_state, selection: have no effect; see the module.

    Attributes:
        coef_: shape (p,), or (k, p).
        intercept_: a number, or shape (k,).
        dual_gap_: how far the objective may be above its minimum, in units of y²; or shape (k,).
        n_iter_: steps made; or a list of k. Targets that are solved together make them together.
        sparse_coef_: `coef_` as a `scipy.sparse.csr_matrix`, shape (1, p) or (k, p).
        n_features_in_, feature_names_in_: of X in `fit`.

    Example:
        >>> model = ElasticNet(alpha=0.5).fit([[-1, 1], [1, 1], [-1, -1], [1, -1]], [-2, 2, -2, 2])
        >>> model.coef_.round(12).tolist()
        [1.4, 0.0]

    Reference:
        H. Zou and T. Hastie, Regularization and variable selection via the elastic net,
        J. R. Statist. Soc. B 67, 2005, doi:10.1111/j.1467-9868.2005.00503.x.
    """

    _parameter_constraints: ClassVar[dict] = DESCENT | {
        "alpha": NOT_NEGATIVE, "l1_ratio": FRACTION, "warm_start": ["boolean"],
        "penalty_weights": ["array-like", None], "precompute": ["boolean", "array-like"],
    }  # fmt: skip

    def __init__(
        self, alpha: float = 1.0, *, l1_ratio: float = 0.5, fit_intercept: bool = True,
        precompute: bool | Array = False, max_iter: int = 1000, copy_X: bool = True,
        tol: float = 1e-4, warm_start: bool = False, positive: bool = False,
        random_state: Any = None, selection: str = "cyclic", penalty_weights: Array | None = None,
    ) -> None:  # fmt: skip
        self.penalty_weights = penalty_weights
        self.alpha, self.l1_ratio, self.fit_intercept = alpha, l1_ratio, fit_intercept
        self.max_iter, self.tol = max_iter, tol
        self.warm_start, self.positive = warm_start, positive
        self.precompute, self.copy_X = precompute, copy_X
        self.random_state, self.selection = random_state, selection

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Matrix, y: Array, sample_weight: float | Array | None = None,
        check_input: bool = True,
    ) -> Self:  # fmt: skip
        """Find w and b.

        Args:
            X: shape (n, p), float64 or float32, or sparse.
            y: shape (n,) or (n, k).
            sample_weight: shape (n,), not negative: each row's weight in the mean of squares.
            check_input: False where X and y are known to be arrays of finite floats.

        Returns:
            The estimator.
        """
        if check_input:
            X, y, sample_weight = self._checked(X, y, sample_weight, multi_output=True)
        elif isinstance(sample_weight, Real):
            sample_weight = None
        one = y.ndim == 1 or y.shape[1] == 1
        fit = linear.lasso(
            X, y.reshape(-1) if one else y, self.alpha, self.l1_ratio, sample_weight=sample_weight,
            coef_init=self._start(1 if one else y.shape[1], X.shape[1]), **self._settings(),
        )  # fmt: skip
        if one and y.ndim > 1:  # as in scikit-learn: its intercept alone has an axis for targets
            fit = fit._replace(intercept=np.reshape(fit.intercept, 1))
        self._keep(fit)
        return self

    def _start(self, k, p):
        """What the descent starts from: None, or shape (p,), or (k, p)."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return None
        w = np.atleast_2d(self.coef_)
        if w.shape != (k, p):
            raise ValueError(
                f"warm_start=True starts from coef_, which is for {w.shape[0]} targets and"
                f" {w.shape[1]} features; these data have {k} and {p}"
            )
        return self.coef_


class Lasso(ElasticNet):
    """Least squares with an L1 penalty; b is not penalised.

        minimise  1/(2n) ‖Xw + b − y‖² + α‖w‖₁

    Args:
        alpha, fit_intercept, …: as in `ElasticNet`.

    Attributes:
        coef_, intercept_, dual_gap_, n_iter_, …: as in `ElasticNet`.

    Example:
        >>> model = Lasso(alpha=0.5).fit([[-1, 1], [1, 1], [-1, -1], [1, -1]], [-2, 2, -2, 2])
        >>> model.coef_.round(12).tolist()
        [1.5, 0.0]

    Reference:
        R. Tibshirani, Regression Shrinkage and Selection via the Lasso, J. R. Statist. Soc. B 58,
        1996, doi:10.1111/j.2517-6161.1996.tb02080.x.
    """

    def __init__(
        self, alpha: float = 1.0, *, fit_intercept: bool = True, precompute: bool | Array = False,
        copy_X: bool = True, max_iter: int = 1000, tol: float = 1e-4, warm_start: bool = False,
        positive: bool = False, random_state: Any = None, selection: str = "cyclic",
        penalty_weights: Array | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            alpha, l1_ratio=1.0, fit_intercept=fit_intercept, precompute=precompute,
            max_iter=max_iter, copy_X=copy_X, tol=tol, warm_start=warm_start, positive=positive,
            random_state=random_state, selection=selection, penalty_weights=penalty_weights,
        )  # fmt: skip


class ElasticNetCV(_Linear):
    """The elastic net at the α, and ρ, with the smallest mean squared error in cross-validation.

    Args:
        l1_ratio: ρ, in [0, 1]; or several, to choose from.
        eps: the smallest α as a fraction of the largest, where `alphas` is a number.
        alphas: how many, evenly in log α from the smallest at which all weights are zero;
            or the values, in any order.
        cv: into how many folds, in the rows' order (None: 5); a splitter; or a list of
            (training rows, test rows).
        fit_intercept, max_iter, tol, positive: as in `ElasticNet`.
        n_jobs: with more than 500 columns, how many folds at a time, in threads; None: one, or
            what `joblib.parallel_config` says.
        rule: "min": the α with the smallest mean error; "1se": the largest α whose mean error is
            within one standard error of it.
        penalty_weights: as in `ElasticNet`.
        precompute, copy_X, verbose, random_state, selection: have no effect; see the module.

    Attributes:
        alpha_, l1_ratio_: what was chosen; of equal errors, the largest α.
        coef_, intercept_, dual_gap_, n_iter_: the fit to all rows there, as in `ElasticNet`.
        alphas_: shape (A,), decreasing; or (L, A) for L l1_ratios with their own.
        mse_path_: the error on each fold's held-out rows, shape (A, folds) or (L, A, folds).
        n_features_in_, feature_names_in_: of X in `fit`.

    Example:
        >>> X = np.arange(10.0)[:, None]
        >>> model = ElasticNetCV(l1_ratio=[0.5, 0.9]).fit(X, X[:, 0])
        >>> float(model.l1_ratio_), bool(model.alpha_ == model.alphas_[1, -1])
        (0.9, True)

    Reference:
        J. Friedman, T. Hastie, R. Tibshirani, Regularization Paths for Generalized Linear Models
        via Coordinate Descent, J. Stat. Softw. 33, 2010, doi:10.18637/jss.v033.i01.
    """

    _parameter_constraints: ClassVar[dict] = DESCENT | {
        "l1_ratio": [*FRACTION, "array-like"], "eps": [Interval(Real, 0, None, closed="neither")],
        "alphas": [*COUNT, "array-like"], "penalty_weights": ["array-like", None],
        "rule": [StrOptions({"min", "1se"})], "cv": ["cv_object"], "n_jobs": [Integral, None],
        "precompute": [StrOptions({"auto"}), "array-like", "boolean"], "verbose": ["verbose"],
    }  # fmt: skip

    def __init__(
        self, *, l1_ratio: float | Array = 0.5, eps: float = 1e-3, alphas: int | Array = 100,
        fit_intercept: bool = True, precompute: bool | str | Array = "auto", max_iter: int = 1000,
        tol: float = 1e-4, cv: Any = None, copy_X: bool = True, verbose: bool | int = 0,
        n_jobs: int | None = None, positive: bool = False, random_state: Any = None,
        selection: str = "cyclic", rule: str = "min", penalty_weights: Array | None = None,
    ) -> None:  # fmt: skip
        self.rule, self.penalty_weights = rule, penalty_weights
        self.l1_ratio, self.eps, self.alphas, self.cv = l1_ratio, eps, alphas, cv
        self.fit_intercept, self.positive = fit_intercept, positive
        self.max_iter, self.tol = max_iter, tol
        self.precompute, self.copy_X, self.verbose = precompute, copy_X, verbose
        self.n_jobs, self.random_state, self.selection = n_jobs, random_state, selection

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Matrix, y: Array, sample_weight: float | Array | None = None, **params: Any,
    ) -> Self:  # fmt: skip
        """Choose α, and find w and b there.

        Args:
            X: shape (n, p), float64 or float32, or sparse.
            y: shape (n,).
            sample_weight: shape (n,), not negative: each row's weight in the means of squares, of
                the training rows and of the held-out ones. The mean over the folds is unweighted.
            params: for the splitter, such as `groups`; only with
                `sklearn.set_config(enable_metadata_routing=True)`.

        Returns:
            The estimator.
        """
        _raise_for_params(params, self, "fit")
        X, y, s = self._checked(X, y, sample_weight)
        values: Any = self.alphas if np.ndim(self.alphas) else []
        for i, alpha in enumerate(values):
            check_scalar(alpha, f"alphas[{i}]", Real, min_val=0.0)
        cv = self.cv
        if _routing_enabled():
            from sklearn.model_selection import check_cv

            cv = check_cv(cv)  # first: the routing looks at it as well, and it may be a generator
            routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
            cv = list(cv.split(X, y, **routed.splitter.split))
        found = linear.lasso_cv(
            X, y, l1_ratio=self.l1_ratio, eps=self.eps, alphas=self.alphas, cv=cv,
            n_jobs=self.n_jobs, rule=self.rule, sample_weight=s, **self._settings(),
        )  # fmt: skip
        self._keep(found.fit)
        self.alpha_ = found.alpha
        if not isinstance(self, LassoCV):
            self.l1_ratio_ = found.l1_ratio
        # As in scikit-learn: no axis for one ratio, and one grid where its values were given.
        grids = np.atleast_2d(found.alphas)
        self.alphas_ = grids[0] if np.ndim(self.alphas) > 0 or len(grids) == 1 else grids
        with np.errstate(over="ignore"):  # of float32
            self.mse_path_ = np.squeeze(found.mse_path).astype(X.dtype)
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """Where `fit` passes what it is given: see scikit-learn's guide of metadata routing."""
        from sklearn.model_selection import check_cv

        mapping = MethodMapping().add(caller="fit", callee="split")
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(splitter=check_cv(self.cv), method_mapping=mapping)
        )


class LassoCV(ElasticNetCV):
    """The lasso at the α with the smallest mean squared error in cross-validation.

    Args:
        eps, alphas, cv, …: as in `ElasticNetCV`.

    Attributes:
        alpha_, alphas_, mse_path_, coef_, …: as in `ElasticNetCV`.

    Example:
        >>> X = np.arange(10.0)[:, None]
        >>> model = LassoCV().fit(X, X[:, 0])
        >>> model.coef_.round(12).tolist(), model.mse_path_.shape
        ([0.999], (100, 5))
    """

    def __init__(
        self, *, eps: float = 1e-3, alphas: int | Array = 100, fit_intercept: bool = True,
        precompute: bool | str | Array = "auto", max_iter: int = 1000, tol: float = 1e-4,
        copy_X: bool = True, cv: Any = None, verbose: bool | int = False,
        n_jobs: int | None = None, positive: bool = False, random_state: Any = None,
        selection: str = "cyclic", rule: str = "min", penalty_weights: Array | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            l1_ratio=1.0, eps=eps, alphas=alphas, fit_intercept=fit_intercept,
            precompute=precompute, max_iter=max_iter, tol=tol, cv=cv, copy_X=copy_X,
            verbose=verbose, n_jobs=n_jobs, positive=positive, random_state=random_state,
            selection=selection, rule=rule, penalty_weights=penalty_weights,
        )  # fmt: skip
