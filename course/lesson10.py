"""Lesson 10: Choosing α.

How strong a penalty should be: a hundred fits, judged by rows they have not seen.

    lasso             J(w, b) = 1/(2n) ‖Xw + b − y‖² + α ‖w‖₁
    grid              100 values, evenly in log α, from αmax = max |xⱼ·(y − ȳ)| / n to αmax/1000
    path              w as a function of α: zero from αmax on, straight lines between kinks
    cross-validation  leave out a fifth of the rows, fit the others, take the mean squared error
                      on the fifth; five times; the α with the least mean error is chosen
    one standard      the largest α whose mean error is within a standard error of the least:
    error rule        as good, for all we know, and simpler
    leave-one-out     ridge's error on a row left out is eᵢ/(1 − hᵢᵢ), from one fit to all

With the signs s of w known, the lasso's optimality conditions are linear equations for the
set S of weights that are not zero, w_S = G_SS⁻¹ (c_S − α s_S), where G = XᵀX/n and c = Xᵀy/n of
centred X and y. So a path is straight as long as no sign changes.

By hand this takes loops over folds, over α and over columns. In course/linear.py the six
paths, of five folds and of all rows, are one batch in one compiled call of keras.ops on the
backend: that is Keras's side here. There is no model to train, and the call computes in
float64 whatever --dtype says. --steps is the number of α on real data.

    X: shape (n, p)    y: (n,)    alphas: (A,)    coefs: (p, A)    b: (A,)    mse: (A, folds)

Run it:     python -m course.lesson10
Your data:  python -m course.lesson10 --data FILE.csv --target COLUMN
            The folds are the rows in the file's order: shuffle a sorted file first.
Read more:  T. Hastie, R. Tibshirani, J. Friedman, The Elements of Statistical Learning, 2nd ed.,
            2009, sections 3.4 and 7.10.
"""

import math
import warnings

import numpy as np

from course import data, linear
from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Options, Report, with_precision
from course.errors import InputError
from course.figures import lesson10 as drawings
from course.lesson09 import NO_PULL, moments

ALPHAS = 100
SMALLEST = 1e-3  # the least α as a share of the largest
FOLDS = 5
SWEEPS = 3  # of coordinate descent, before the equations are solved with the signs it found
MOST_ROUNDS = 1000
JUST_BELOW = 1e-6  # how far below αmax, relatively, the first weight is looked for
RIDGE_ALPHAS = np.geomspace(1e-4, 10, 11)
PLANTED = np.array([3, 1.5, 0, 0, 2] + 11 * [0.0])  # w of a known truth, y = Xw + noise
COVARIANCE = 0.5 ** np.abs(np.subtract.outer(np.arange(16), np.arange(16)))  # of its columns
NOISE = 2.0  # standard deviation
DRAWS, ROWS, NEW_ROWS = 12, 30, 20_000  # data sets, rows of each, rows that are never fitted
NOTHING, PICKED = (50, 500), 5  # rows and columns without any truth; how many columns to pick
REPEATS = 40

# How exact scikit-learn's coordinate descent is asked to be; closer to rounding it stalls.
EXACT = {"tol": 1e-12, "max_iter": 100_000}


def alpha_grid(X, y, count=ALPHAS):
    """αmax = max |xⱼ·(y − ȳ)| / n and values below it, evenly in log α, shape (count,).

    >>> alpha_grid(np.array([[1.0], [3.0]]), np.array([0.0, 2.0]), 4).round(6).tolist()
    [1.0, 0.1, 0.01, 0.001]
    """
    largest = np.abs((X - X.mean(axis=0)).T @ (y - y.mean())).max() / len(y)
    return largest * SMALLEST ** np.linspace(0, 1, count)


def soft_threshold(v, threshold):
    """The number v moved towards zero by the threshold, at most to zero.

    >>> soft_threshold(3.0, 1.0), soft_threshold(0.5, 1.0)
    (2.0, 0.0)
    """
    return math.copysign(max(abs(v) - threshold, 0.0), v)


def lasso(G, c, alpha, w):
    """The minimum for one α, from the start w: sweeps find the signs, equations the weights.

    >>> lasso(np.eye(2), np.array([3.0, 0.5]), 1.0, np.zeros(2)).tolist()
    [2.0, 0.0]
    """
    for _ in range(MOST_ROUNDS):
        for j in [*range(len(w))] * SWEEPS:  # coordinate descent: J over w_j, the others held
            w[j] = soft_threshold(c[j] - G[j] @ w + G[j, j] * w[j], alpha) / G[j, j]
        on, exact = w != 0, np.zeros(len(w))
        exact[on] = np.linalg.solve(G[np.ix_(on, on)], c[on] - alpha * np.sign(w[on]))
        # With these signs and no weight pulled by more than α, the optimality conditions hold.
        pulled = np.abs(c - G @ exact).max() - alpha
        if (np.sign(exact) == np.sign(w)).all() and pulled <= BY_HAND * np.abs(c).max():
            return exact
    return w


def lasso_path(X, y, alphas):
    """The lasso at each α, every one started from the one before: coefs (p, A), b (A,)."""
    G, c = moments(X, y)
    path = [np.zeros(X.shape[1])]
    for alpha in alphas:
        path.append(lasso(G, c, alpha, path[-1].copy()))
    coefs = np.transpose(path[1:])
    return coefs, y.mean() - X.mean(axis=0) @ coefs


def ridge_path(X, y, alphas):
    """argmin ‖Xw + b − y‖² + α‖w‖² at each α, from one SVD of centred X; as `lasso_path`."""
    U, s, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    coefs = Vt.T @ ((U.T @ (y - y.mean()) * s)[:, None] / (s[:, None] ** 2 + alphas))
    return coefs, y.mean() - X.mean(axis=0) @ coefs


def folds(n, count=FOLDS):
    """The rows to leave out each time, in order; the first folds get what is left over.

    >>> [rows.tolist() for rows in folds(7, 3)]
    [[0, 1, 2], [3, 4], [5, 6]]
    """
    return np.array_split(np.arange(n), count)


def predictions(X, y, alphas, path, count=FOLDS):
    """ŷ of every row by the fit that left its fold out, shape (n, A).

    Args:
        path: `path(X, y, alphas) -> coefs, b`; it is shown the training rows only.
    """
    y_hat = np.empty((len(y), len(alphas)))
    for left_out in folds(len(y), count):
        train = np.setdiff1d(np.arange(len(y)), left_out)
        coefs, b = path(X[train], y[train], alphas)
        y_hat[left_out] = X[left_out] @ coefs + b
    return y_hat


def cross_validate(X, y, alphas, path):
    """Mean squared error on each fold's left-out rows, shape (A, folds)."""
    squares = (predictions(X, y, alphas, path) - y[:, None]) ** 2
    return np.stack([squares[left_out].mean(axis=0) for left_out in folds(len(y))], axis=1)


def one_standard_error(mse):
    """Index of the largest α whose mean error is within a standard error of the least.

    Args:
        mse: shape (A, folds), for decreasing α.

    >>> one_standard_error(np.array([[9.0, 9.0], [5.0, 6.0], [4.0, 6.0], [5.0, 7.0]]))  # 5 + 1
    1
    """
    mean, error = mse.mean(axis=1), mse.std(axis=1, ddof=1) / np.sqrt(mse.shape[1])
    best = np.argmin(mean)
    return int(np.flatnonzero(mean <= mean[best] + error[best])[0])


def leave_one_out(X, y, alphas):
    """Ridge's error on each row when left out, eᵢ/(1 − hᵢᵢ), from one SVD; shape (n, A).

    hᵢᵢ is how much ŷᵢ follows yᵢ: 1/n by the intercept, Σ Uᵢₖ² sₖ²/(sₖ² + α) by the weights.
    """
    U, s, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    h = 1 / len(y) + U**2 @ (s[:, None] ** 2 / (s[:, None] ** 2 + alphas))
    coefs, b = ridge_path(X, y, alphas)
    return (y[:, None] - X @ coefs - b) / (1 - h)


def picked(X, y):
    """The columns that correlate most with y."""
    Z = X - X.mean(axis=0)
    return np.argsort(-np.abs(Z.T @ (y - y.mean())) / np.linalg.norm(Z, axis=0))[:PICKED]


def pick_and_fit(X, y, alphas):
    """`ridge_path` on the picked columns, the others' weights zero: picking is part of the fit."""
    columns = picked(X, y)
    coefs = np.zeros((X.shape[1], len(alphas)))
    coefs[columns], b = ridge_path(X[:, columns], y, alphas)
    return coefs, b


@with_precision
def run(options=Options()) -> Report:
    if options.data:
        return your_table(options)
    if options.target:
        raise InputError("--target needs --data FILE.csv")
    (on_diabetes, diabetes), (on_planted, known) = five_folds(options), planted(options)
    picture = {"curves": lambda: drawings.curves(diabetes, known)}
    return Report.join(
        whole_path(options),
        on_diabetes,
        on_planted,
        Report({}, [], picture),
        ridge(),
        leak(options),
    )


def number_of_alphas(options):
    return max(2, options.steps or ALPHAS)


def whole_path(options):
    """Breast cancer: the diagnosis, 0 or 1, from 30 much correlated columns, standardised."""
    from sklearn import datasets, linear_model

    X, y = datasets.load_breast_cancer(return_X_y=True)
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), y.astype("float64")
    alphas = alpha_grid(X, y, number_of_alphas(options))
    coefs, _ = lasso_path(X, y, alphas)
    compiled = linear.lasso_path(X, y, alphas=len(alphas)).coefs
    sk_alphas, sk_coefs, _ = linear_model.lasso_path(X, y, alphas=len(alphas), **EXACT)

    # Where both ends of a piece have the same signs, the line between them meets the optimality
    # conditions, for with given signs these are linear in α and w: the line is the path.
    straight = (np.sign(coefs[:, 1:]) == np.sign(coefs[:, :-1])).all(axis=0)
    lines = (coefs[:, 1:] + coefs[:, :-1]) / 2
    below = alphas[0] * (1 - JUST_BELOW)
    measured = linear.lasso_path(X, y, alphas=[below, *(alphas[1:] + alphas[:-1]) / 2]).coefs
    first, middles = measured[:, 0], measured[:, 1:]
    off = np.abs(middles - lines).max(axis=0)
    between = []
    if straight.any():  # of a few α none may be so near to the next
        between = [Check("middle of a piece without a kink = the line's", middles[:, straight],
                         lines[:, straight], BY_HAND)]  # fmt: skip
    return Report(
        results={
            "breast cancer: αmax": alphas[0],
            "breast cancer: weights not zero at the smallest α": np.count_nonzero(coefs[:, -1]),
            "pieces of the path, without a kink": (len(straight), np.count_nonzero(straight)),
            "furthest from a line in the middle, without and with a kink":
                (off[straight].max(initial=0), off[~straight].max(initial=0)),
        },
        checks=[
            Check("α grid, relative, = scikit-learn's", alphas, sk_alphas, BY_HAND),
            # What coordinate descent to tol = 1e-12 leaves: 6e-11 was seen.
            Check("path by hand = scikit-learn's lasso_path", coefs, sk_coefs, 1e-9),
            Check("path in one compiled call = by hand", compiled, coefs, BY_HAND),
            Check("zeros, by hand and compiled, = scikit-learn's", [coefs == 0, compiled == 0],
                  [sk_coefs == 0, sk_coefs == 0], 0),
            Check("weights not zero at αmax and just below = 0, 1",
                  [np.count_nonzero(compiled[:, 0]), np.count_nonzero(first)], [0, 1], 0),
            # αmax − α is a millionth of αmax, so roundings of 1e-16 count a million times;
            # G_jj = 1, the columns are scaled.
            Check("the first weight, relative, = αmax − α", np.abs(first).max(),
                  sk_alphas[0] - below, 1e-9),
            *between,
        ],
        figures={"path": lambda: drawings.path(alphas, coefs)},
    )  # fmt: skip


def five_folds(options):
    """Diabetes: α by hand, in one compiled call, and by LassoCV; the report, and what to draw."""
    from scipy import stats
    from sklearn import datasets, linear_model

    X, y = datasets.load_diabetes(return_X_y=True)
    alphas = alpha_grid(X, y, number_of_alphas(options))
    mse = cross_validate(X, y, alphas, lasso_path)
    best, cautious = np.argmin(mse.mean(axis=1)), one_standard_error(mse)
    w = lasso_path(X, y, alphas)[0][:, [best, cautious]]
    compiled = linear.lasso_cv(X, y, alphas=len(alphas), cv=FOLDS)
    reference = linear_model.LassoCV(alphas=len(alphas), cv=FOLDS, **EXACT).fit(X, y)

    mean, error = reference.mse_path_.mean(axis=1), stats.sem(reference.mse_path_, axis=1)
    good = reference.alphas_[mean <= mean.min() + error[mean.argmin()]]
    report = Report(
        results={
            "diabetes: α chosen, and by the one standard error rule": alphas[[best, cautious]],
            "diabetes: weights not zero there": np.count_nonzero(w, axis=0),
        },
        checks=[
            # What coordinate descent to tol = 1e-12 leaves: 5e-13 and 2e-11 were seen.
            Check("errors of all folds by hand, relative, = LassoCV's", mse,
                  reference.mse_path_, 1e-11),
            Check("weights at the α chosen, by hand, relative, = LassoCV's", w[:, 0],
                  reference.coef_, 1e-9),
            Check("α chosen, by hand and compiled, relative, = LassoCV's",
                  [alphas[best], compiled.alpha], np.full(2, reference.alpha_), BY_HAND),
            Check("errors of all folds, compiled, relative, = by hand", compiled.mse_path, mse,
                  BY_HAND),
            Check("weights there, compiled, relative, = by hand", compiled.fit.coef, w[:, 0],
                  BY_HAND),
            Check("one standard error rule, relative, = from LassoCV's errors", alphas[cautious],
                  good.max(), BY_HAND),
        ],
    )  # fmt: skip
    return report, (alphas, mse, cautious)


def draw(rng, n):
    """n rows of the planted truth: X (n, p), whose columns are correlated, and y (n,)."""
    X = rng.normal(size=(n, len(PLANTED))) @ np.linalg.cholesky(COVARIANCE).T
    return X, X @ PLANTED + NOISE * rng.normal(size=n)


def true_error(coefs, b):
    """The mean squared error on new rows, (w − w*)ᵀΣ(w − w*) + b² + σ²; shape (A,)."""
    off = coefs - PLANTED[:, None]
    return np.sum(off * (COVARIANCE @ off), axis=0) + b**2 + NOISE**2


def planted(options):
    """Thirty rows of a known truth: what α too large, chosen and too small do to new rows."""
    from sklearn.linear_model import LassoCV

    rng = np.random.default_rng(options.seed)
    sets = [draw(rng, ROWS) for _ in range(DRAWS)]
    cvs = [linear.lasso_cv(*Xy, alphas=ALPHAS, cv=FOLDS) for Xy in sets]
    fits = [lasso_path(*Xy, [cv.alphas[0], cv.alpha, cv.alphas[-1]]) for Xy, cv in zip(sets, cvs)]
    errors = np.array([true_error(*fit) for fit in fits])
    typical = np.median(errors, axis=0)  # now and then thirty rows lead to a poor choice

    (X, y), cv, (coefs, b) = sets[0], cvs[0], fits[0]
    X_new, y_new = draw(rng, NEW_ROWS)
    measured = np.mean((X_new @ coefs + b - y_new[:, None]) ** 2, axis=0)
    chosen_by_scikit_learn = LassoCV(alphas=ALPHAS, cv=FOLDS, **EXACT).fit(X, y).alpha_
    path, intercepts = lasso_path(X, y, cv.alphas)
    cautious = one_standard_error(cv.mse_path)
    kept = np.count_nonzero(np.column_stack([coefs[:, 1], path[:, cautious], PLANTED]), axis=0)
    report = Report(
        results={
            "planted: true error at α too large, chosen, too small": typical,
            "planted: weights not zero, chosen, cautious, in truth": kept,
        },
        checks=[
            Check("planted: α chosen, compiled, relative, = LassoCV's", cv.alpha,
                  chosen_by_scikit_learn, BY_HAND),
            # The mean of n squares of normal numbers varies by √(2/n) of itself.
            Check("planted: error on new rows ÷ true error, 5 sigma", measured / errors[0],
                  np.ones(3), 5 * np.sqrt(2 / NEW_ROWS)),
            Check("planted: the α chosen is better than both ends", typical[1] < typical[[0, 2]],
                  [1, 1], 0),
        ],
    )  # fmt: skip
    return report, (cv.alphas, cv.mse_path, cautious, true_error(path, intercepts))


def ridge():
    """Diabetes again: ridge's α by five folds, and by leaving one row out, against RidgeCV."""
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import RidgeCV

    X, y = load_diabetes(return_X_y=True)
    alphas = RIDGE_ALPHAS
    mean = cross_validate(X, y, alphas, ridge_path).mean(axis=1)
    left_out = leave_one_out(X, y, alphas)
    chosen = alphas[[np.argmin(mean), np.argmin(np.mean(left_out**2, axis=0))]]
    w, b = ridge_path(X, y, chosen[:1])
    # Asked for nothing else, RidgeCV(cv=5) goes by R².
    by_fold = RidgeCV(alphas, cv=FOLDS, scoring="neg_mean_squared_error").fit(X, y)
    by_row = RidgeCV(alphas, store_cv_results=True).fit(X, y)
    return Report(
        results={"ridge: α by five folds, by leaving one row out": chosen},
        checks=[
            Check("ridge: α by five folds, by leaving one row out = RidgeCV's", chosen,
                  [by_fold.alpha_, by_row.alpha_], 0),
            Check("ridge: least mean error, relative, = RidgeCV's", mean.min(),
                  -by_fold.best_score_, BY_HAND),
            Check("ridge: weights and intercept, relative, = RidgeCV's", np.append(w, b),
                  np.append(by_fold.coef_, by_fold.intercept_), BY_HAND),
            Check("ridge: eᵢ/(1 − hᵢᵢ), relative, = rows really left out", left_out,
                  y[:, None] - predictions(X, y, alphas, ridge_path, len(y)), BY_HAND),
            Check("ridge: its square, relative, = RidgeCV's errors", left_out**2,
                  by_row.cv_results_, BY_HAND),
        ],
    )  # fmt: skip


def leak(options):
    """The trap: columns picked by their correlation with y in all rows, and only then five folds.

    X and y are independent noise, so an honest prediction of a row left out is not correlated
    with its y. But of 500 columns the best correlate with y by chance, in all folds. Their
    t-values, the largest of 500 of Student's, leave 1/(1 + Σt²/n) of the variance; and rows left
    out are worse by 1/(1 − h)² than fitted ones, where h = (k + 1)/n on average.
    """
    from scipy import stats

    (n, p), k = NOTHING, PICKED
    rng = np.random.default_rng(options.seed)
    errors, products = [], []
    for _ in range(REPEATS):
        X, y = rng.normal(size=(n, p)), rng.normal(size=n)
        leaked = predictions(X[:, picked(X, y)], y, [0.0], ridge_path)[:, 0]
        honest = predictions(X, y, [0.0], pick_and_fit)[:, 0]
        errors.append([np.mean((y_hat - y) ** 2) / y.var() for y_hat in (leaked, honest)])
        products.append(np.mean(honest * y))
    mean, sigma = np.mean(errors, axis=0), np.std(errors, axis=0) / np.sqrt(len(errors))
    t = stats.t.isf((np.arange(k) + 0.5) / (2 * p), n - 2)
    foretold = 1 / (1 + np.sum(t**2) / n) / (1 - (k + 1) / n) ** 2
    return Report(
        results={
            "noise: error ÷ variance, columns picked before and within": mean,
            "noise: foretold where they are picked before": foretold,
        },
        checks=[
            # That five folds are not n, and the columns correlated, makes less than 1 %.
            Check("noise, picked before: error ÷ variance, 5 standard errors", mean[0],
                  foretold, 5 * sigma[0]),
            Check("noise, picked within: mean of ŷy = 0, 5 standard errors", np.mean(products),
                  0, 5 * np.std(products) / np.sqrt(len(products))),
            Check("noise: better than the mean of y? before yes, within no", mean < 1, [1, 0], 0),
        ],
        figures={"noise": lambda: drawings.noise(np.transpose(errors), foretold, k, p)},
    )  # fmt: skip


def your_table(options):
    """The lasso's α for a table of your own, all columns scaled to mean 0 and deviation 1.

    The scaling sees the rows left out, though not their y; strictly, it too belongs in the folds.
    The folds are the rows in the file's order: shuffle a sorted file first.
    """
    from sklearn.preprocessing import scale

    table = data.load_table(options.data, options.target)
    n, count = len(table.y), number_of_alphas(options)
    if n < 2 * FOLDS:
        raise InputError(f"{options.data} has {n} rows; {FOLDS} folds need {2 * FOLDS} at least")
    X, y = table.scaled()
    if alpha_grid(X, y)[0] < NO_PULL:
        raise InputError(f"{options.data}: no column is correlated with {options.target!r}")
    cv = linear.lasso_cv(X, y, alphas=count, cv=FOLDS)
    X_theirs = scale(table.X)
    reference, fit = of_table(X_theirs, scale(table.y), count, cv.alpha, options.data)
    mean, sk_mean = cv.mse_path.mean(axis=1), reference.mse_path_.mean(axis=1)
    best, cautious = np.argmin(mean), one_standard_error(cv.mse_path)
    w, b = table.in_units(cv.fit.coef)
    return Report(
        results={
            **table.described(w, b),
            "α chosen, and by the one standard error rule": cv.alphas[[best, cautious]],
            "share of the variance foretold in rows left out": 1 - mean[best],
        },
        checks=[
            Check("α grid, relative, = LassoCV's", cv.alphas, reference.alphas_, BY_HAND),
            # LassoCV stops at a dual gap of 1e-10 of y's variance: √2e-10 = 1.4e-5 of its deviation
            # may be left in the predictions (root mean square), and twice that in the errors.
            Check("errors of all folds, relative, = LassoCV's", cv.mse_path,
                  reference.mse_path_, 3e-5),
            Check("LassoCV's mean error at our α, relative, = its least", sk_mean[best],
                  sk_mean.min(), 3e-5),
            Check("predictions in the table's units, scaled, = Lasso's at our α",
                  (table.X @ w + b - table.y.mean()) / table.y.std(), X_theirs @ fit.coef_,
                  1.4e-5 * np.sqrt(n)),
        ],
        figures={"table": lambda: drawings.table(cv.alphas, cv.mse_path, cautious)},
    )  # fmt: skip


def of_table(X, y, count, alpha, name):
    """LassoCV, and Lasso at α, fitted to X and y, or a line that says why they cannot be."""
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
                f"{name}: its columns nearly repeat each other, so that LassoCV, which this lesson"
                " is checked against, does not converge: leave a column out"
            ) from None


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="steps", own_data=True,
                        steps="how many α", dtype="changes nothing here")  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
