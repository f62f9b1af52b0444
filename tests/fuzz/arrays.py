"""Arrays, lists and frames for the estimators."""

import copy
import pickle
import warnings
from typing import NamedTuple

import law
import numpy as np
import pandas
import polars
from hypothesis import strategies as st
from scipy import sparse
from sklearn import linear_model
from sklearn.exceptions import ConvergenceWarning

from course import estimators, linear

KINDS = ("Ridge", "Lasso", "ElasticNet", "LassoCV", "ElasticNetCV")
DTYPES = ("float64", "float64", "float32", "float16", "int64", "int8", "bool", "complex128",
          "object", "U3")  # fmt: skip
LAYOUTS = ("C", "F", "reversed", "strided", "read only", "list", "sparse", "one axis", "three axes",
           "pandas", "polars")  # fmt: skip
POWERS = st.sampled_from([0, 0, 0, 0, 1, 6, 8, 20, 100, 154, 300])
CELLS = st.sampled_from([0.0, np.nan, np.inf, 1e9, 1e308, 5e-324, -1e200])
POSITIVE = st.sampled_from([0, 1e-300, 1e-9, 0.01, 0.1, 1, 10, 1e9, 1e300, np.inf, np.nan, -1, "1",
                            None])  # fmt: skip

OURS = "too large", "minimum of 2"  # what we refuse beside what scikit-learn does


class Fit(NamedTuple):
    """An estimator's kind and settings, and its X and y as they are given to `fit`."""

    kind: str
    settings: dict
    layout: str
    X: object
    y: object


@st.composite
def numbers(draw, shape):
    """An array of float64, of one size or with one odd cell."""
    array = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape)
    how = draw(st.sampled_from(["normal", "normal", "whole", "constant", "zeros", "alike"]))
    if how == "whole":
        array = array.round()
    elif how in ("constant", "zeros"):
        array = np.full(shape, float(how == "constant"))
    elif how == "alike" and array.ndim == 2 and array.size:
        array[:] = array[:, :1]
    with np.errstate(over="ignore"):
        sign = draw(st.sampled_from([1, 1, -1]))
        array = array * 10.0 ** (sign * draw(POWERS)) + draw(st.sampled_from([0, 0, 1, 1e4, 1e8]))
    if array.size and draw(st.integers(0, 4)) == 0:
        array.flat[draw(st.integers(0, array.size - 1))] = draw(CELLS)
    return array


def laid_out(array, layout):
    """The same numbers as another thing."""
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "reversed":
        return array[::-1].copy()[::-1]
    if layout == "strided":
        return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array
    if layout == "read only":
        array.flags.writeable = False
    if layout == "list":
        return array.tolist()
    if layout == "sparse" and array.ndim == 2 and array.dtype.kind in "fi" and array.itemsize > 2:
        return sparse.csr_array(array)
    if layout == "one axis":
        return array.ravel()
    if layout == "three axes":
        return array[None]
    if layout == "pandas" and array.ndim == 2:
        return pandas.DataFrame(array, columns=[f"c{j}" for j in range(array.shape[1])])
    if layout == "polars" and array.ndim == 2 and array.dtype.kind in "fi" and array.itemsize > 2:
        return polars.DataFrame(array, schema=[f"c{j}" for j in range(array.shape[1])])
    return array


@st.composite
def fits(draw):
    n, p = draw(st.sampled_from([0, 1, 2, 3, 6, 9])), draw(st.sampled_from([0, 1, 2, 4, 12]))
    n_y = n if draw(st.integers(0, 9)) else n + 1
    y_shape = draw(st.sampled_from([(n_y,), (n_y,), (n_y,), (n_y, 1), (n_y, 2), ()]))
    X, y = draw(numbers((n, p))), draw(numbers(y_shape))
    with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
        X = X.astype(draw(st.sampled_from(DTYPES)))
        y = y.astype(draw(st.sampled_from(["float64", "float64", *DTYPES])))
    layout, kind = draw(st.sampled_from(LAYOUTS)), draw(st.sampled_from(KINDS))
    return Fit(kind, draw(settings_of(kind)), layout, laid_out(X, layout), y)


@st.composite
def settings_of(draw, kind):
    usual = draw(st.booleans())
    found = {"fit_intercept": draw(st.booleans())}
    if kind in ("Ridge", "Lasso", "ElasticNet"):
        found["alpha"] = draw(st.sampled_from([0.01, 0.1, 1.0]) if usual else POSITIVE)
    else:
        found["cv"] = draw(st.sampled_from([2, 3] if usual else [2, 3, 0, 1, 50, "x", None]))
        found["alphas"] = draw(
            st.sampled_from([3, 10] if usual else [3, 0, -1, [], [1, 0.1], [-1]])
        )
    if kind.startswith("Elastic"):
        found["l1_ratio"] = draw(
            st.sampled_from([0.5, 0.9] if usual else [0, 1, 0.5, -1, 2, np.nan])
        )
    if kind != "Ridge":
        found["positive"] = draw(st.booleans())
    return found


def hold(fit):
    """scikit-learn's exceptions, or an answer within the KKT conditions; X and y unchanged."""
    before = copy.deepcopy((fit.X, fit.y))
    model, warned = getattr(estimators, fit.kind)(**fit.settings), []
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            model.fit(fit.X, fit.y)
    except (ValueError, TypeError) as error:
        law.promise(str(error).strip(), "an exception without a word")
        ours = any(words in str(error) for words in OURS)
        how = f"{fit.kind} refuses what scikit-learn takes: {str(error)[:40]}"
        law.promise(ours or refused_by_sklearn(fit), how, error)
        return
    except Exception as error:
        raise law.Broken(law.where(error), repr(error)) from None
    finally:
        law.promise(unchanged(before, (fit.X, fit.y)), f"{fit.kind} changed X or y")
    law.promise(np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all(),
                f"{fit.kind}: weights that are not finite")  # fmt: skip
    for warning in warned:
        law.promise(issubclass(warning.category, (ConvergenceWarning, UserWarning)),
                    f"{fit.kind} warns: {str(warning.message)[:60]}")  # fmt: skip
    if not any(issubclass(warning.category, ConvergenceWarning) for warning in warned):
        require_minimum(fit, model)


def refused_by_sklearn(fit):
    """Whether scikit-learn refuses the same, or finds nothing finite."""
    model = getattr(linear_model, fit.kind)(**fit.settings)
    with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
        try:
            model.fit(copy.deepcopy(fit.X), copy.deepcopy(fit.y))
        except Exception:
            return True
    return not (np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all())


def unchanged(before, after):
    return pickle.dumps(before) == pickle.dumps(after)


def require_minimum(fit, model):
    """The KKT conditions hold at each target's weights, relative to the data's size."""
    X = fit.X.toarray() if sparse.issparse(fit.X) else np.asarray(fit.X)
    single = X.dtype == "float32" or X.dtype == "float16"
    X, y = X.astype("float64"), np.asarray(fit.y, dtype="float64").reshape(len(X), -1)
    alpha = getattr(model, "alpha_", fit.settings.get("alpha"))
    ratio = getattr(model, "l1_ratio_", fit.settings.get("l1_ratio", 1.0))
    for w, target in zip(np.reshape(model.coef_, (y.shape[1], -1)).astype("float64"), y.T):
        if fit.settings["fit_intercept"]:
            Z, u = X - X.mean(axis=0), target - target.mean()
        else:
            Z, u = X, target
        with np.errstate(all="ignore"):
            columns = np.abs(X).max() * len(X) ** 0.5
            weights = np.abs(w).sum() + (1e-30 if single else 1e-300)  # one below has few digits
            size = columns * (np.abs(target).max() * len(X) ** 0.5 + columns * weights)
            if fit.kind == "Ridge":
                residual = np.abs(Z.T @ (u - Z @ w) - alpha * w).max()
                size += alpha * weights
            else:
                size = size / len(X) + alpha * np.abs(w).max()
                residual = linear.kkt_residual(Z, u, w, 0.0, alpha, ratio,
                                               positive=fit.settings["positive"])  # fmt: skip
        if np.isfinite(size) and size > 1e-290:
            allowed = (1e-5 if single else 1e-9) * size
            law.promise(residual <= allowed, f"{fit.kind}: not at the minimum", residual / size)
