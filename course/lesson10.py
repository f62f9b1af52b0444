"""Lesson 10: Choosing α.

How strong should a penalty be? A hundred fits are judged by rows they have not seen.

    lasso             J(w, b) = 1/(2n) ‖Xw + b − y‖² + α ‖w‖₁
    path              w against α: zero from αmax = max |xⱼ·(y − ȳ)| / n on, straight between kinks
    cross-validation  leave out a fifth of the rows, fit the others, take the mean squared error
                      on that fifth; five times; choose the α with the least mean error
    one std. error    choose the largest α whose mean error is within a standard error of the least

With the signs s known, the weights in the set S that are not zero solve linear equations:
w_S = G_SS⁻¹ (c_S − α s_S), where G = XᵀX/n and c = Xᵀy/n of centred X and y.
    X: shape (n, p)    y: (n,)    alphas: (A,)    coefs: (p, A)    b: (A,)    mse: (A, folds)

Run it:     python -m course.lesson10
            python -m course.lesson10 --data FILE.csv --target COLUMN (shuffle sorted rows first)
Checked in: course/checks/lesson10.py
Read more:  The Elements of Statistical Learning, 2nd ed., 2009, sections 3.4 and 7.10
"""

import numpy as np

from course import linear
from course.lesson08 import ridge
from course.lesson09 import moments, soft_threshold

ALPHAS, SMALLEST, FOLDS = 100, 1e-3, 5  # how many α; the smallest ÷ the largest
SWEEPS, MAX_ROUNDS = 3, 3000  # of coordinate descent, before each try of the equations
RIDGE_ALPHAS = np.geomspace(1e-4, 10, 11)
NO_TRUTH, PICKED, REPEATS = (50, 500), 5, 40  # rows, columns of noise; columns to pick


def load_data():
    """Diabetes: X (442, 10), its columns of mean 0 and length 1, and y (442,)."""
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True)


# By hand -------------------------------------------------------------------------------------
def alpha_grid(X, y, count=ALPHAS):
    """αmax and values below it, evenly in log α, shape (count,)."""
    return np.abs(moments(X, y)[1]).max() * SMALLEST ** np.linspace(0, 1, count)


def lasso(G, c, alpha, w):
    """The minimum for one α, from the start w: sweeps find the signs, equations the weights."""
    for _ in range(MAX_ROUNDS):
        for j in [*range(len(w))] * SWEEPS:  # J over one weight, the others held
            w[j] = soft_threshold(c[j] - G[j] @ w + G[j, j] * w[j], alpha) / G[j, j]
        on, exact = w != 0, np.zeros(len(w))
        exact[on] = np.linalg.lstsq(G[np.ix_(on, on)], c[on] - alpha * np.sign(w[on]))[0]
        largest = np.abs(c - G @ exact).max() - 1e-12 * np.abs(c).max()
        if (np.sign(exact) == np.sign(w)).all() and largest <= alpha:  # the minimum
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
    """Lesson 8's ridge at each α, as `lasso_path`."""
    thetas = np.transpose([ridge(X, y, alpha) for alpha in alphas])  # (p + 1, A)
    return thetas[:-1], thetas[-1]


def cross_validate(X, y, alphas, path, folds=FOLDS):
    """Mean squared error of `path(X, y, alphas)` on each fold left out, shape (A, folds)."""
    mse = []
    for left_out in np.array_split(np.arange(len(y)), min(folds, len(y))):  # in order
        coefs, b = path(np.delete(X, left_out, axis=0), np.delete(y, left_out), alphas)
        mse.append(np.mean((X[left_out] @ coefs + b - y[left_out, None]) ** 2, axis=0))
    return np.transpose(mse)


def one_standard_error(mse):
    """Index of the largest α whose mean error is within a standard error of the least."""
    mean, error = mse.mean(axis=1), mse.std(axis=1, ddof=1) / np.sqrt(mse.shape[1])
    best = np.argmin(mean)
    return int(np.flatnonzero(mean <= mean[best] + error[best])[0])


def leave_one_out(X, y, alpha):
    """Ridge's error on each row when left out, (n,). ŷ = Hy, and hᵢᵢ is H's diagonal."""
    theta = ridge(X, np.eye(len(y)), alpha)  # H's columns are the fits to unit vectors
    H = X @ theta[:-1] + theta[-1]
    return (y - H @ y) / (1 - np.diag(H))


# All at once ---------------------------------------------------------------------------------
def train(X, y, count=ALPHAS):
    """All folds, all rows and all α in one call of course.linear; there is no model to train."""
    return linear.lasso_cv(X, y, alphas=count, eps=SMALLEST, cv=min(FOLDS, len(y)))


# What the lesson shows -----------------------------------------------------------------------
def run(options):
    """All experiments: {name: what was measured}."""
    count = max(2, options.steps or ALPHAS)
    if options.table:
        return {"table": fit_table(options.table, count)}
    X, y = load_data()
    return {
        "path": follow_path(count),
        "folds": choose_lasso(X, y, count),
        "ridge": choose_ridge(X, y),
        "noise": pick_columns(options.seed),
    }


def follow_path(count):
    """Breast cancer, 30 correlated columns, standardised; the diagnosis is 0 or 1."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), y.astype("float64")
    alphas = alpha_grid(X, y, count)
    between = [alphas[0] * (1 - 1e-6), *(alphas[1:] + alphas[:-1]) / 2]  # the first: just below
    at_once = linear.lasso_path(X, y, alphas=count, eps=SMALLEST).coefs
    middles = linear.lasso_path(X, y, alphas=between).coefs
    by_hand = lasso_path(X, y, alphas)[0]
    return dict(X=X, y=y, alphas=alphas, by_hand=by_hand, at_once=at_once, middles=middles)


def choose_lasso(X, y, count):
    """The lasso's α by cross-validation, by hand and all at once."""
    alphas, at_once = alpha_grid(X, y, count), train(X, y, count)
    mse = cross_validate(X, y, alphas, lasso_path)
    chosen = [np.argmin(mse.mean(axis=1)), one_standard_error(mse)]
    w = lasso_path(X, y, alphas)[0][:, chosen]
    return dict(X=X, y=y, alphas=alphas, mse=mse, chosen=chosen, w=w, at_once=at_once)


def choose_ridge(X, y):
    """Ridge's α by cross-validation, and by leaving each row out in turn."""
    mse = cross_validate(X, y, RIDGE_ALPHAS, ridge_path)
    left_out = np.transpose([leave_one_out(X, y, alpha) for alpha in RIDGE_ALPHAS])  # (n, A)
    by_fold, by_row = np.argmin(mse.mean(axis=1)), np.argmin(np.mean(left_out**2, axis=0))
    chosen = np.take(RIDGE_ALPHAS, [by_fold, by_row])
    return dict(X=X, y=y, mse=mse, left_out=left_out, chosen=chosen, theta=ridge(X, y, chosen[0]))


def pick_columns(seed):
    """The trap, on pure noise: columns picked by a look at y before the folds, or within them."""
    from sklearn.feature_selection import SelectKBest, f_regression
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline

    rng, fit = np.random.default_rng(seed), LinearRegression()
    pick, folds = SelectKBest(f_regression, k=min(PICKED, NO_TRUTH[1])), min(FOLDS, NO_TRUTH[0])
    errors, products = [], []
    for _ in range(REPEATS):
        X, y = rng.normal(size=NO_TRUTH), rng.normal(size=NO_TRUTH[0])
        before = cross_val_predict(fit, pick.fit_transform(X, y), y, cv=folds)
        within = cross_val_predict(make_pipeline(pick, fit), X, y, cv=folds)
        errors.append([np.mean((y_hat - y) ** 2) / y.var() for y_hat in (before, within)])
        products.append(np.mean(within * y))
    return dict(errors=np.array(errors), products=np.array(products))  # (repeats, 2), (repeats,)


def fit_table(table, count):
    """The lasso's α for a table of your own, every column standardised."""
    table.require_correlation(folds=FOLDS)
    X, y = table.scaled()
    return dict(table=table, X=X, y=y, cv=train(X, y, count))


def results(measured):
    """What a learner should see first: {what: number}."""
    if "table" in measured:
        table, cv = measured["table"]["table"], measured["table"]["cv"]
        best, cautious = np.argmin(cv.mse_path.mean(axis=1)), one_standard_error(cv.mse_path)
        return {
            **table.described(*table.in_units(cv.fit.coef)),
            "α chosen, and by the one standard error rule": cv.alphas[[best, cautious]],
            "fraction of the variance predicted in rows left out": 1 - cv.mse_path[best].mean(),
        }
    path, folds, ridges, noise = measured.values()
    return {
        "breast cancer: weights not zero at the smallest α": np.sum(path["by_hand"][:, -1] != 0),
        "lasso: α chosen, and by the one standard error rule": folds["alphas"][folds["chosen"]],
        "lasso: weights not zero there": np.count_nonzero(folds["w"], axis=0),
        f"ridge: α by {folds['mse'].shape[1]} folds, by leaving one row out": ridges["chosen"],
        "noise: error ÷ variance, columns picked before, within": noise["errors"].mean(axis=0),
    }


if __name__ == "__main__":
    from course.cli import main

    raise SystemExit(main(__file__))
