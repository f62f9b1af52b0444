"""Why lesson 10's numbers must be what they are.

Path. With given signs the lasso's optimality conditions are linear in α and w. So where two
neighbouring α have the same signs, the line between their weights meets the conditions in the
middle as well: the line is the path. Just below αmax one weight is not zero; in units in which its
column has the mean square 1 it is αmax − α.

Leave-one-out. The rows are really left out here, one after the other.

Noise. X and y are independent, so an honest prediction of a row left out is not correlated with
its y. But of 500 columns the best correlate with y by chance, in all folds. Their t-values, the
largest of 500 of Student's, leave 1/(1 + Σt²/n) of the variance; and rows left out are worse by
1/(1 − h)² than fitted ones, where h = (k + 1)/n on average.
"""

import warnings

import numpy as np
from scipy import stats

from course.checks import Check, by_section
from course.checks.constants import ANYTHING, NUMBER, whole
from course.checks.tolerance import NUMPY
from course.errors import InputError
from course.lesson10 import FOLDS, NO_TRUTH, PICKED, RIDGE_ALPHAS

# How exact scikit-learn's coordinate descent is asked to be; closer to rounding it stalls.
EXACT = {"tol": 1e-12, "max_iter": 100_000}


CONSTANTS = {  # what the page's constants may be
    "ALPHAS": whole(1),
    "SMALLEST": NUMBER,
    "FOLDS": NUMBER,
    "SWEEPS": NUMBER,
    "MAX_ROUNDS": NUMBER,
    "RIDGE_ALPHAS": ANYTHING,
    "NO_TRUTH": ANYTHING,
    "PICKED": NUMBER,
    "REPEATS": whole(1),
}


def checks(measured, options):
    """All checks of the lesson on what `lesson10.run` measured."""
    sections = {
        "path": check_path, "folds": check_folds, "ridge": check_ridge, "noise": check_noise,
        "table": check_table,
    }  # fmt: skip
    return by_section(sections, measured, options)


def check_path(options, X, y, alphas, by_hand, in_keras, middles):
    from sklearn.linear_model import lasso_path

    sk_alphas, sk_coefs, _ = lasso_path(X, y, alphas=len(alphas), **EXACT)
    first, middles = middles[:, 0], middles[:, 1:]
    below = alphas[0] * 1e-6  # how far the first is below αmax
    straight = (np.sign(by_hand[:, 1:]) == np.sign(by_hand[:, :-1])).all(axis=0)
    lines = (by_hand[:, 1:] + by_hand[:, :-1]) / 2
    between = []
    if straight.any():  # of a few α none may be so near to the next
        between = [Check.close("path-straight", "middle of a piece without a kink = the line's",
                               middles[:, straight], lines[:, straight], atol=NUMPY)]  # fmt: skip
    return [
        Check.close("grid", "α grid = scikit-learn's", alphas, sk_alphas, rtol=NUMPY),
        Check.close("path", "path by hand = scikit-learn's lasso_path", by_hand, sk_coefs,
                    atol=1e-9,
                    reason="what coordinate descent to tol = 1e-12 leaves: 6e-11 was seen"),
        Check.close("path-keras", "path, Keras = NumPy", in_keras, by_hand, atol=NUMPY),
        Check.close("path-zeros", "zeros, by hand and Keras, = scikit-learn's",
                    [by_hand == 0, in_keras == 0], [sk_coefs == 0] * 2),
        Check.close("path-start", "weights not zero at αmax and just below = 0, 1",
                    [np.count_nonzero(in_keras[:, 0]), np.count_nonzero(first)], [0, 1]),
        Check.close("path-first", "the first weight = αmax − α", np.abs(first).max(), below,
                    rtol=1e-9, reason="αmax − α is a millionth of αmax: roundings of 1e-16 count a"
                    " million times"),
        *between,
    ]  # fmt: skip


def check_folds(options, X, y, alphas, mse, chosen, w, in_keras):
    from sklearn.linear_model import LassoCV

    exact = LassoCV(alphas=len(alphas), cv=FOLDS, **EXACT).fit(X, y)
    mean, error = exact.mse_path_.mean(axis=1), stats.sem(exact.mse_path_, axis=1)
    good = exact.alphas_[mean <= mean.min() + error[mean.argmin()]]
    best, cautious = chosen
    why = "what coordinate descent to tol = 1e-12 leaves"
    return [
        Check.close("folds", "errors of all folds by hand = LassoCV's", mse, exact.mse_path_,
                    rtol=1e-11, reason=f"{why}: 5e-13 was seen"),
        Check.close("folds-weights", "weights at the α chosen, by hand = LassoCV's", w[:, 0],
                    exact.coef_, rtol=1e-9, reason=f"{why}: 2e-11 was seen"),
        Check.close("alpha", "α chosen, by hand and Keras = LassoCV's",
                    [alphas[best], in_keras.alpha], [exact.alpha_] * 2, rtol=NUMPY),
        Check.close("folds-keras", "errors of all folds, Keras = NumPy", in_keras.mse_path, mse,
                    rtol=NUMPY),
        Check.close("folds-weights-keras", "weights there, Keras = NumPy", in_keras.fit.coef,
                    w[:, 0], rtol=NUMPY),
        Check.close("cautious", "one standard error rule = from LassoCV's errors",
                    alphas[cautious], good.max(), rtol=NUMPY),
    ]  # fmt: skip


def check_ridge(options, X, y, mse, left_out, chosen, theta):
    from sklearn.linear_model import RidgeCV

    # Asked for nothing else, RidgeCV(cv=5) goes by R².
    by_fold = RidgeCV(RIDGE_ALPHAS, cv=FOLDS, scoring="neg_mean_squared_error").fit(X, y)
    by_row = RidgeCV(RIDGE_ALPHAS, store_cv_results=True).fit(X, y)
    return [
        Check.close("ridge-alpha", "ridge: α by five folds, by leaving one row out = RidgeCV's",
                    chosen, [by_fold.alpha_, by_row.alpha_]),
        Check.close("ridge-error", "ridge: least mean error = RidgeCV's", mse.mean(axis=1).min(),
                    -by_fold.best_score_, rtol=NUMPY),
        Check.close("ridge-weights", "ridge: weights and intercept = RidgeCV's", theta,
                    np.append(by_fold.coef_, by_fold.intercept_), rtol=NUMPY),
        Check.close("ridge-rows", "ridge: eᵢ/(1 − hᵢᵢ) = rows really left out", left_out,
                    really_left_out(X, y), rtol=NUMPY),
        Check.close("ridge-squares", "ridge: its square = RidgeCV's errors", left_out**2,
                    by_row.cv_results_, rtol=NUMPY),
    ]  # fmt: skip


def really_left_out(X, y):
    """Ridge's error on each row by a fit to the others, (n, A)."""
    errors = np.empty((len(y), len(RIDGE_ALPHAS)))
    for i in range(len(y)):
        A, u = np.delete(X, i, axis=0), np.delete(y, i)
        U, s, Vt = np.linalg.svd(A - A.mean(axis=0), full_matrices=False)
        W = Vt.T @ ((U.T @ (u - u.mean()) * s)[:, None] / (s[:, None] ** 2 + RIDGE_ALPHAS))
        errors[i] = y[i] - u.mean() - (X[i] - A.mean(axis=0)) @ W
    return errors


def check_noise(options, errors, products):
    (n, p), k = NO_TRUTH, PICKED
    t = stats.t.isf((np.arange(k) + 0.5) / (2 * p), n - 2)
    predicted = 1 / (1 + np.sum(t**2) / n) / (1 - (k + 1) / n) ** 2
    mean, sigma = errors.mean(axis=0), errors.std(axis=0) / np.sqrt(len(errors))
    return [
        Check.within("noise-before", "noise, picked before: error ÷ variance", mean[0], predicted,
                     sigma[0], reason="chance: 5 standard errors; that five folds are not n, and"
                     " the columns correlated, makes less than 1 %"),
        Check.within("noise-within", "noise, picked within: mean of ŷy = 0", products.mean(), 0,
                     products.std() / np.sqrt(len(products))),
        Check.true("noise-leak", "noise: better than the mean of y? before yes, within no",
                   (mean < 1) == [True, False]),
    ]  # fmt: skip


def check_table(options, table, X, y, cv):
    Z, u = ((v - v.mean(axis=0)) / v.std(axis=0) for v in (table.X, table.y))
    exact, fit = of_table(Z, u, len(cv.alphas), cv.alpha)
    best, mean = cv.mse_path.mean(axis=1).argmin(), exact.mse_path_.mean(axis=1)
    w, b = table.in_units(cv.fit.coef)
    gap = "LassoCV stops at a dual gap of 1e-10 of y's variance; that leaves √2e-10 = 1.4e-5 of its"
    return [
        Check.close("table-grid", "α grid = LassoCV's", cv.alphas, exact.alphas_, rtol=NUMPY),
        Check.close("table-folds", "errors of all folds = LassoCV's", cv.mse_path,
                    exact.mse_path_, rtol=3e-5, reason=f"{gap} deviation, twice that in an error"),
        Check.close("table-alpha", "LassoCV's mean error at our α = its least", mean[best],
                    mean.min(), rtol=3e-5, reason=f"{gap} deviation, twice that in an error"),
        Check.close("table-predictions", "predictions, standardised = Lasso's at our α",
                    (table.X @ w + b - table.y.mean()) / table.y.std(), Z @ fit.coef_,
                    atol=1.4e-5 * np.sqrt(len(u)), reason=f"{gap} deviation, root mean square"),
    ]  # fmt: skip


def of_table(X, y, count, alpha):
    """scikit-learn's LassoCV, and Lasso at α; or a line that says why they do not converge."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import Lasso, LassoCV

    exact = {"tol": 1e-10, "max_iter": 100_000}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            cv = LassoCV(alphas=count, cv=FOLDS, **exact).fit(X, y)
            return cv, Lasso(alpha, **exact).fit(X, y)
        except ConvergenceWarning:
            raise InputError(
                "the columns of the table nearly repeat each other, so that LassoCV, which this"
                " lesson is checked against, does not converge: leave a column out"
            ) from None
