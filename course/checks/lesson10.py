"""Why lesson 10's numbers must be what they are.

Path. With given signs the lasso's optimality conditions are linear in α and w. So where two
neighbouring α have the same signs, the line between their weights meets the conditions in the
middle as well: the line is the path. Just below αmax one weight is not zero; in units in which its
column has the mean square 1 it is αmax − α. scikit-learn's coordinate descent stops a little short
of the minimum. It has the right signs there, so one Newton step says how far away it is.

Leave-one-out. The rows are really left out here, one after the other.

Noise. X and y are independent, so an honest prediction of a row left out is not correlated with
its y. But of p columns the best k correlate with y by chance, in all folds. Their t-values are the
largest of p of Student's. Apart from y they point in random directions, so that together they
leave χ²/(χ² + s) of the variance, s = Σt² (n − 4)/(n − 2) and χ² with n − k − 1 degrees of freedom.
Rows left out of a fit to m others are worse by (1 + 1/m)(m − 2)/(m − k − 2) than the noise.
"""

import warnings

import numpy as np
from scipy import stats

from course import lesson10 as lesson
from course.checks import Check, by_section, references
from course.checks.constants import ABOVE_0, FRACTION, Kind, several, whole
from course.checks.tolerance import NUMPY
from course.errors import InputError
from course.lesson10 import FOLDS, NO_TRUTH, PICKED, RIDGE_ALPHAS, SMALLEST

# How exact scikit-learn's coordinate descent is asked to be; closer to rounding it stalls.
EXACT = {"tol": 1e-12, "max_iter": 1_000_000}
MAGNIFIED = "roundings, magnified by the condition number"


CONSTANTS = {  # what the page's constants may be
    "ALPHAS": whole(2),
    "SMALLEST": FRACTION,
    "FOLDS": whole(2),
    "SWEEPS": whole(1),
    "MAX_ROUNDS": whole(1),
    "RIDGE_ALPHAS": several(ABOVE_0),
    "NO_TRUTH": Kind(
        "numbers of rows, at least 6, and of columns",
        lambda value: several(whole(1), 2, 2).allows(value) and value[0] >= 6,
    ),
    "PICKED": whole(1),
    "REPEATS": whole(1),
}
# Up to 8,100 sweeps were seen before the lasso by hand had all signs: α down to 1e-6 αmax.
ENOUGH = lesson.SWEEPS * lesson.MAX_ROUNDS >= 9000
FEW_ROUNDS = "" if ENOUGH else "not with so few rounds"


def checks(measured, options):
    """All checks of the lesson on what `lesson10.run` measured."""
    sections = {
        "path": check_path, "folds": check_folds, "ridge": check_ridge, "noise": check_noise,
        "table": check_table,
    }  # fmt: skip
    return by_section(sections, measured, options)


def rounding(X, alpha=0.0):
    """How far roundings lead where equations with ZᵀZ + αI are solved, as a fraction of weights."""
    squares = np.linalg.svd(X - X.mean(axis=0), compute_uv=False) ** 2 + alpha
    return max(NUMPY, 2.2e-16 * squares[0] / squares[-1])


def largest_leverage(X, alpha):
    """The largest hᵢᵢ: how much a row's prediction by ridge follows its own y."""
    U, s, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    return 1 / len(X) + (U**2 @ (s**2 / (s**2 + alpha))).max()


def newton_steps(X, y, alphas, coefs):
    """How far scikit-learn's lassos are from the minimum, the largest weight's: shape (A,)."""
    Z, u, steps = X - X.mean(axis=0), y - y.mean(), []
    for alpha, w in zip(alphas, coefs.T):
        A, w = Z[:, w != 0], w[w != 0]
        residual = A.T @ (u - A @ w) - len(u) * alpha * np.sign(w)
        steps.append(np.abs(np.linalg.lstsq(A.T @ A, residual)[0]).max(initial=0))
    return np.array(steps)


def check_path(options, X, y, alphas, by_hand, at_once, middles):
    from sklearn.linear_model import lasso_path

    sk_alphas, sk_coefs, _ = lasso_path(X, y, alphas=len(alphas), eps=SMALLEST, **EXACT)
    first, middles = middles[:, 0], middles[:, 1:]
    below = alphas[0] * 1e-6  # how far the first is below αmax
    straight = (np.sign(by_hand[:, 1:]) == np.sign(by_hand[:, :-1])).all(axis=0)
    lines = (by_hand[:, 1:] + by_hand[:, :-1]) / 2
    rounded = rounding(X[:, sk_coefs[:, -1] != 0]) * np.abs(sk_coefs).max()
    between = []
    if straight.any():  # of a few α none may be so near to the next
        between = [Check.close("path-straight", "middle of a piece without a kink = the line's",
                               middles[:, straight], lines[:, straight], atol=rounded,
                               reason=MAGNIFIED).unless(FEW_ROUNDS)]  # fmt: skip
    return [
        Check.close("grid", "α grid = scikit-learn's", alphas, sk_alphas, rtol=NUMPY),
        Check.close("path", "path by hand = scikit-learn's lasso_path", by_hand, sk_coefs,
                    atol=rounded + 2 * newton_steps(X, y, sk_alphas, sk_coefs),
                    reason="coordinate descent stops short by so much: twice a Newton step")
        .unless(FEW_ROUNDS),
        Check.close("path-keras", "path, all at once = by hand", at_once, by_hand, atol=rounded,
                    reason=MAGNIFIED).unless(FEW_ROUNDS),
        Check.close("path-zeros", "zeros, both ways, = scikit-learn's",
                    [by_hand == 0, at_once == 0], [sk_coefs == 0] * 2).unless(FEW_ROUNDS),
        Check.close("path-start", "weights not zero at αmax and just below = 0, 1",
                    [np.count_nonzero(at_once[:, 0]), np.count_nonzero(first)], [0, 1]),
        Check.close("path-first", "the first weight = αmax − α", np.abs(first).max(), below,
                    rtol=1e-9, reason="αmax − α is a millionth of αmax: roundings of 1e-16 count a"
                    " million times"),
        *between,
    ]  # fmt: skip


def check_folds(options, X, y, alphas, mse, chosen, w, at_once):
    from sklearn.linear_model import LassoCV

    cv = min(FOLDS, len(y))
    exact = LassoCV(alphas=len(alphas), eps=SMALLEST, cv=cv, **EXACT).fit(X, y)
    mean, error = exact.mse_path_.mean(axis=1), stats.sem(exact.mse_path_, axis=1)
    good = exact.alphas_[mean <= mean.min() + error[mean.argmin()]]
    best, cautious = chosen
    rounded, coef = rounding(X[:, exact.coef_ != 0]), exact.coef_
    (step,) = newton_steps(X, y, [exact.alpha_], coef[:, None])
    gap = "LassoCV stops at a dual gap of 1e-12 of y's variance; that leaves √2e-12 = 1.4e-6 of its"
    checks = [
        Check.close("folds", "errors of all folds by hand = LassoCV's", mse, exact.mse_path_,
                    rtol=3e-6, reason=f"{gap} deviation, twice that in an error"),
        Check.close("folds-weights", "weights at the α chosen, by hand = LassoCV's", w[:, 0],
                    coef, atol=rounded * np.abs(coef).max() + 2 * step,
                    reason="coordinate descent stops short by so much: twice a Newton step"),
        Check.close("alpha", "α chosen, both ways = LassoCV's",
                    [alphas[best], at_once.alpha], [exact.alpha_] * 2, rtol=NUMPY),
        Check.close("folds-keras", "errors of folds, all at once = by hand", at_once.mse_path, mse,
                    rtol=rounded, reason=MAGNIFIED),
        Check.close("folds-weights-keras", "weights there, all at once = by hand", at_once.fit.coef,
                    w[:, 0], rtol=rounded, reason=MAGNIFIED),
        Check.close("cautious", "one standard error rule = by LassoCV's errors",
                    alphas[cautious], good.max(), rtol=NUMPY),
    ]  # fmt: skip
    # With no more rows than columns, and many weights, the signs may never settle.
    few_rows = "not for so few rows" if len(y) * (1 - 1 / cv) <= X.shape[1] else ""
    return [check.unless(FEW_ROUNDS or few_rows) for check in checks]


def check_ridge(options, X, y, mse, left_out, chosen, theta):
    from sklearn.linear_model import RidgeCV

    # Asked for nothing else, RidgeCV(cv=5) goes by R².
    alphas, cv, rounded = np.array(RIDGE_ALPHAS), min(FOLDS, len(y)), rounding(X, min(RIDGE_ALPHAS))
    by_fold = RidgeCV(alphas, cv=cv, scoring="neg_mean_squared_error").fit(X, y)
    by_row = RidgeCV(alphas, store_cv_results=True).fit(X, y)
    of_rows = rounded * np.abs(y - y.mean()).max() / (1 - largest_leverage(X, min(alphas)))
    why = f"{MAGNIFIED}, and by 1/(1 − hᵢᵢ)"
    return [
        Check.close("ridge-alpha", "ridge: α by folds, by single rows = RidgeCV's",
                    chosen, [by_fold.alpha_, by_row.alpha_]),
        Check.close("ridge-error", "ridge: least mean error = RidgeCV's", mse.mean(axis=1).min(),
                    -by_fold.best_score_, rtol=rounded, reason=MAGNIFIED),
        Check.close("ridge-weights", "ridge: weights and intercept = RidgeCV's", theta,
                    np.append(by_fold.coef_, by_fold.intercept_), rtol=rounded, reason=MAGNIFIED),
        Check.close("ridge-rows", "ridge: eᵢ/(1 − hᵢᵢ) = rows really left out", left_out,
                    really_left_out(X, y, alphas), atol=of_rows, reason=why),
        Check.close("ridge-squares", "ridge: its square = RidgeCV's errors", left_out**2,
                    by_row.cv_results_, reason=why,
                    atol=2 * of_rows * np.sqrt(by_row.cv_results_.max())),
    ]  # fmt: skip


def really_left_out(X, y, alphas):
    """Ridge's error on each row by a fit to the others, (n, A)."""
    errors = np.empty((len(y), len(alphas)))
    for i in range(len(y)):
        A, u = np.delete(X, i, axis=0), np.delete(y, i)
        U, s, Vt = np.linalg.svd(A - A.mean(axis=0), full_matrices=False)
        W = Vt.T @ ((U.T @ (u - u.mean()) * s)[:, None] / (s[:, None] ** 2 + alphas))
        errors[i] = y[i] - u.mean() - (X[i] - A.mean(axis=0)) @ W
    return errors


def check_noise(options, errors, products):
    repeats = len(errors)
    if repeats < 10:  # they say too little about a mean
        return []
    n = stats.t.isf(stats.norm.sf(5), repeats - 1)  # from so few, as rare as 5 standard errors
    mean, (before, within) = errors.mean(axis=0), n * errors.std(axis=0) / np.sqrt(repeats)
    predicted = picked_before(*NO_TRUTH, PICKED, FOLDS)
    leaks = predicted + before < 1
    better, no_better = mean[0] < 1, mean[1] + within >= 1
    checks = [
        Check.within("noise-within", "noise, picked within: mean of ŷy = 0", products.mean(), 0,
                     products.std() / np.sqrt(repeats), n,
                     reason="chance: as rare as 5 standard errors"),
        Check.true("noise-leak", "noise: better than ȳ? before yes, within no", better & no_better)
        if leaks else
        Check.true("noise-leak", "noise, picked within: no better than ȳ", no_better),
    ]  # fmt: skip
    if np.isfinite(predicted):
        checks.insert(0, Check.close(
            "noise-before", "noise, picked before: error ÷ variance", mean[0], predicted,
            atol=before + 0.01 * predicted, reason="chance: as rare as 5 standard errors; and the"
            " prediction is right to 1 %"))  # fmt: skip
    return checks


def picked_before(n, p, k, folds):
    """The expected error ÷ variance of k columns picked before the folds; NaN: no prediction."""
    m = n - n / min(folds, n)  # rows that are fitted, on average
    if n < 20 or p < 4 * k or m < k + 7:  # then it is not right to 1 %, or errors spread too far
        return np.nan
    t, degrees = stats.t.isf((np.arange(k) + 0.5) / (2 * p), n - 2), n - k - 1
    s = np.sum(t**2) * (n - 4) / (n - 2)
    fitted = stats.chi2(degrees).expect(lambda chi2: chi2 / (chi2 + s))
    return fitted * n / degrees * (1 + 1 / m) * (m - 2) / (m - k - 2)


def check_table(options, table, X, y, cv):
    Z, u = references.standardised(table.X), references.standardised(table.y)
    exact, fit = of_table(Z, u, len(cv.alphas), cv.alpha)
    best, mean = cv.mse_path.mean(axis=1).argmin(), exact.mse_path_.mean(axis=1)
    y_hat, rounding = references.predictions_in_units(table, *table.in_units(cv.fit.coef))
    gap = "LassoCV stops at a dual gap of 1e-10 of y's variance; that leaves √2e-10 = 1.4e-5 of its"
    return [
        Check.close("table-grid", "α grid = LassoCV's", cv.alphas, exact.alphas_, rtol=NUMPY),
        Check.close("table-folds", "errors of all folds = LassoCV's", cv.mse_path,
                    exact.mse_path_, rtol=3e-5, reason=f"{gap} deviation, twice that in an error"),
        Check.close("table-alpha", "LassoCV's mean error at our α = its least", mean[best],
                    mean.min(), rtol=3e-5, reason=f"{gap} deviation, twice that in an error"),
        Check.close("table-predictions", "predictions, standardised = Lasso's at our α", y_hat,
                    Z @ fit.coef_, atol=1.4e-5 * np.sqrt(len(u)) + rounding,
                    reason=f"{gap} deviation, root mean square"),
    ]  # fmt: skip


def of_table(X, y, count, alpha):
    """scikit-learn's LassoCV, and Lasso at α; or a line that says why they do not converge."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import Lasso, LassoCV

    exact = {"tol": 1e-10, "max_iter": 100_000}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            cv = LassoCV(alphas=count, eps=SMALLEST, cv=FOLDS, **exact).fit(X, y)
            return cv, Lasso(alpha, **exact).fit(X, y)
        except ConvergenceWarning:
            raise InputError(
                "the columns of the table nearly repeat each other, so that LassoCV, which this"
                " lesson is checked against, does not converge: leave a column out"
            ) from None
