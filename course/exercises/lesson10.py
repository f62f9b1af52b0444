"""Exercises of lesson 10: choosing α.

Fill in each function. As in the lesson, α is the price of the weights: the larger, the simpler
the fit. Shapes are given as in NumPy; `numpy` and `keras` are all you need, and for the last
exercise scikit-learn if you like.

zh:
第 10 课练习：选择 α。

请完成每个函数。记号与课文相同：α 是惩罚的强度，α 越大，拟合越简单。
形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`，最后一题也可以用 scikit-learn。
"""

import keras
import numpy as np


def cautious_alpha(alphas, mse):
    """The α of the one standard error rule, from the errors on the folds left out.

    The mean error at each α is the mean over the folds; its standard error is the standard
    deviation of the k folds (with k − 1 in the denominator, `ddof=1` in NumPy's `std`) divided by
    √k. Take the largest α whose mean error is at most the least mean error plus the standard error
    there.
    alphas: decreasing, shape (A,). mse: shape (A, k). Return a number from `alphas`.

    zh:
    根据各个留出折上的误差，用一倍标准误规则选出 α。

    每个 α 的平均误差是对各折求平均；标准误是 k 折误差的标准差
    （分母用 k − 1，即 NumPy 的 `std` 取 `ddof=1`）除以 √k。
    先找出最小的平均误差和它的标准误；平均误差不超过两者之和的 α 中，取最大的一个。
    alphas：从大到小，形状 (A,)。mse：形状 (A, k)。返回 `alphas` 中的一个数。
    """
    mean = mse.mean(axis=1)
    # solution
    error = mse.std(axis=1, ddof=1) / np.sqrt(mse.shape[1])
    best = np.argmin(mean)
    return alphas[mean <= mean[best] + error[best]].max()


def left_out_errors(X, y, alpha):
    """How far ridge misses each row when it is left out, from one fit to all rows.

    Ridge minimises ‖Xw + b − y‖² + α ‖w‖²; b is free. Its predictions for the rows that it
    was fitted to are ŷ = Hy, where H depends on X and α only: H = 1/n + Z (ZᵀZ + αI)⁻¹ Zᵀ with
    Z, which is X with the means of its columns subtracted (1/n is added to every entry). What
    must the residuals eᵢ = yᵢ − ŷᵢ be divided by? `np.eye(p)` is I, `np.linalg.inv` inverts a
    matrix, and `np.diag` takes its diagonal.
    X: shape (n, p). y: shape (n,). alpha: α. Return yᵢ − (ŷᵢ of the fit to the other rows) for
    each row, shape (n,).

    zh:
    依次留出每个样本时，岭回归对它的预测误差；只允许用全部样本拟合一次。

    岭回归求 ‖Xw + b − y‖² + α ‖w‖² 的最小值点，b 不受惩罚。对参与拟合的样本，
    它的预测是 ŷ = Hy，H 只取决于 X 和 α：H = 1/n + Z (ZᵀZ + αI)⁻¹ Zᵀ，
    其中 Z 是各列减去均值之后的 X（1/n 加到每个元素上）。
    残差 eᵢ = yᵢ − ŷᵢ 应当除以什么？I 就是 `np.eye(p)`，
    矩阵的逆用 `np.linalg.inv`，对角线用 `np.diag`。
    X：形状 (n, p)。y：形状 (n,)。alpha：α。
    对每个样本返回 yᵢ −（用其余样本拟合得到的 ŷᵢ），形状 (n,)。
    """
    Z = X - X.mean(axis=0)
    # solution
    H = 1 / len(y) + Z @ np.linalg.solve(Z.T @ Z + alpha * np.eye(X.shape[1]), Z.T)
    return (y - H @ y) / (1 - np.diag(H))


def predictions_left_out(X, y, n_folds, n_picked):
    """ŷ of every row by a fit that has not seen it; the fit picks a few columns first.

    Each fold in turn is left out. Of all columns those are picked that correlate most with y,
    and least squares is fitted to them. Whatever looks at y must not see the fold left out.
    There is a mistake in this function: find it. `picked` gives the numbers of the columns, and
    `np.setdiff1d(a, b)` what is in a but not in b.
    X: shape (n, p). y: shape (n,). n_folds: how many folds. n_picked: how many columns.
    Return shape (n,).

    zh:
    每个样本的预测 ŷ 都出自没有见过它的拟合；拟合之前先挑选几列。

    依次留出每一折。从所有的列中挑出与 y 相关性最强的几列，再对它们做最小二乘。
    凡是看过 y 的步骤，都不得看到留出的那一折。这个函数里有一个错误：请找出来。
    其中 `picked` 给出列号，`np.setdiff1d(a, b)` 给出在 a 中而不在 b 中的数。
    X：形状 (n, p)。y：形状 (n,)。n_folds：折数。n_picked：挑选的列数。返回形状 (n,)。
    """

    def picked(X, y):
        Z = X - X.mean(axis=0)
        return np.argsort(-np.abs(Z.T @ (y - y.mean())) / np.linalg.norm(Z, axis=0))[:n_picked]

    y_hat = np.empty(len(y))
    # solution
    # given: X = X[:, picked(X, y)]
    # given: for left_out in np.array_split(np.arange(len(y)), n_folds):
    # given:     train = np.setdiff1d(np.arange(len(y)), left_out)
    # given:     A = np.column_stack([X, np.ones(len(y))])
    # given:     y_hat[left_out] = A[left_out] @ np.linalg.lstsq(A[train], y[train])[0]
    for left_out in np.array_split(np.arange(len(y)), n_folds):
        train = np.setdiff1d(np.arange(len(y)), left_out)
        columns = picked(X[train], y[train])
        A = np.column_stack([X[:, columns], np.ones(len(y))])
        y_hat[left_out] = A[left_out] @ np.linalg.lstsq(A[train], y[train])[0]
    # end
    return y_hat


def build_path(coefs, b):
    """A whole path as one Keras model, which predicts with every α at once.

    One Dense layer without activation, one unit for each α, that holds these weights. Nothing
    is trained, so it needs no loss.
    coefs: the weights, one column for each α, shape (p, A). b: the intercepts, shape (A,).
    Return a keras.Model from (n, p) to (n, A).

    zh:
    用一个 Keras 模型表示整条路径，一次给出所有 α 的预测。

    一个不带激活函数的 Dense 层，每个 α 对应一个单元，权重就是给定的这些。
    不需要训练，所以也不需要损失。
    coefs：权重，每个 α 一列，形状 (p, A)。b：截距，形状 (A,)。
    返回一个从 (n, p) 到 (n, A) 的 keras.Model。
    """
    # solution
    model = keras.Sequential([keras.Input((len(coefs),)), keras.layers.Dense(len(b))])
    model.set_weights([coefs, b])
    return model


def alpha_chosen(X, y, alphas):
    """A good α for the lasso, ½ of the mean squared error + α Σ |wⱼ|, on these rows.

    The truth is known to the check alone. On each of three data sets it compares the error on
    new rows, at your α, with the least that is possible at any α in `alphas`. The fraction
    least error ÷ your error must be 0.8 at least; the α that fits the given rows best reaches
    about 0.5. Any means will do.
    X: shape (40, 30). y: shape (40,). alphas: decreasing, shape (A,). Return a number.

    zh:
    在这些样本上，为套索回归（均方误差的一半 + α Σ |wⱼ|）选一个好的 α。

    真相只有检查程序知道。在三个数据集上，分别把你的 α 在新样本上的误差，
    与 `alphas` 中任何一个 α 所能达到的最小误差相比：最小误差 ÷ 你的误差不得低于 0.8；
    对给定样本拟合得最好的 α，大约只有 0.5。方法不限。
    X：形状 (40, 30)。y：形状 (40,)。alphas：从大到小，形状 (A,)。返回一个数。
    """
    # solution
    from sklearn.linear_model import LassoCV

    return LassoCV(alphas=alphas, cv=5).fit(X, y).alpha_


# --- checks ---

from keras import ops

from course import lesson10
from course.grading.exercise import Mistake, Task

rng = np.random.default_rng(10)
ALPHAS = np.geomspace(10, 0.01, 300)
AWAY = np.log10(ALPHAS)[:, None]  # 1 … −2
SPREAD = np.array([1.0, -2.0, 0.5, 1.5, -0.5])
BOWL = 20 + 4 * (AWAY + 0.7) ** 2 + SPREAD * (1 - 0.3 * AWAY)
LOPSIDED = 9 + 2 * (AWAY + 0.2) ** 2 - 0.3 * AWAY + 0.6 * SPREAD[:4] * (1 + 0.2 * AWAY)
X_TABLE, Y_TABLE = 1 + rng.normal(size=(8, 3)) * [3, 1, 0.5], 2 + rng.normal(size=8)
X_OTHER, Y_OTHER = rng.normal(size=(10, 2)) - [2, 0.5], rng.normal(size=10)
X_NOISE, Y_NOISE = rng.normal(size=(20, 30)), rng.normal(size=20)
X_WIDE, Y_WIDE = rng.normal(size=(17, 40)), rng.normal(size=17)
COEFS, B = rng.normal(size=(3, 5)), 1 + rng.normal(size=5)


def cautious_by_scipy(alphas, mse):
    from scipy.stats import sem

    mean, error = mse.mean(axis=1), sem(mse, axis=1)
    limit = min(zip(mean, mean + error, strict=True))[1]
    return max(alpha for alpha, m in zip(alphas, mean, strict=True) if m <= limit)


def within(alphas, mse, error, choose=np.max):
    """The chosen α of those whose mean error is within `error` of the least, (A,)."""
    mean = mse.mean(axis=1)
    return choose(alphas[mean <= mean.min() + error[mean.argmin()]])


def standard_error(mse):
    return mse.std(axis=1, ddof=1) / np.sqrt(mse.shape[1])


def really_left_out(X, y, alpha):
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import LeaveOneOut, cross_val_predict

    return y - cross_val_predict(Ridge(alpha), X, y, cv=LeaveOneOut())


def residuals(X, y, alpha):
    """The residuals of ridge, and how much each prediction follows its own y."""
    w, b = lesson10.ridge_path(X, y, np.array([alpha]))
    e = y - X @ w[:, 0] - b
    return e, 1 - e / lesson10.leave_one_out(X, y, alpha)


def pipeline(n_picked):
    from sklearn.feature_selection import SelectKBest, f_regression
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(SelectKBest(f_regression, k=n_picked), LinearRegression())


def sklearns_left_out(X, y, n_folds, n_picked):
    from sklearn.model_selection import KFold, cross_val_predict

    return cross_val_predict(pipeline(n_picked), X, y, cv=KFold(n_folds))


def by_folds(pick, fit_all=False):
    """Predictions of least squares on `pick(X, y, train, left_out)`'s scores, largest first."""

    def predictions(X, y, n_folds, n_picked):
        y_hat, everything = np.empty(len(y)), np.arange(len(y))
        for left_out in np.array_split(everything, n_folds):
            train = np.setdiff1d(everything, left_out)
            columns = np.argsort(-pick(X, y, train, left_out))[:n_picked]
            A, fitted = np.column_stack([X[:, columns], np.ones(len(y))]), train
            if fit_all:
                fitted = everything
            y_hat[left_out] = A[left_out] @ np.linalg.lstsq(A[fitted], y[fitted])[0]
        return y_hat

    return predictions


def correlation(X, y):
    Z = X - X.mean(axis=0)
    return Z.T @ (y - y.mean()) / np.linalg.norm(Z, axis=0)


def path_facts(model, coefs, b):
    X = np.random.default_rng(0).normal(size=(6, len(coefs)))
    return {
        ("number of weights", "权重的个数"): model.count_params(),
        ("predictions at all α", "所有 α 的预测"): model(X.astype("float32")),
    }


def path_by_hand(coefs, b):
    X = np.random.default_rng(0).normal(size=(6, len(coefs)))
    return {
        ("number of weights", "权重的个数"): coefs.size + b.size,
        ("predictions at all α", "所有 α 的预测"): X @ coefs + b,
    }


def one_layer(coefs, b, **dense):
    layers = [keras.Input((len(coefs),)), keras.layers.Dense(coefs.shape[1], **dense)]
    model = keras.Sequential(layers)
    model.set_weights([coefs, b][: len(model.get_weights())])
    return model


def as_drawn(coefs, b):
    return keras.Sequential([keras.Input((len(coefs),)), keras.layers.Dense(len(b))])


def not_set(model, coefs, b):
    """Whether there is a kernel of the right shape with other numbers, and no intercept yet."""
    kernel, bias = (ops.convert_to_numpy(w) for w in model.weights)
    return kernel.shape == coefs.shape and not np.allclose(kernel, coefs) and not bias.any()


TRUTH = np.array([3, -2, 2, 1.5, -1] + 25 * [0.0])


def known(seed):
    """40 rows, 30 columns of which five have a weight, noise of deviation 2."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, 30))
    y = 1 + X @ TRUTH + 2 * rng.normal(size=40)
    return X, y, lesson10.alpha_grid(X, y)[0] * np.geomspace(1, 0.01, 40)


def true_error(X, y, alphas):
    """The mean squared error on new rows, shape (A,): the columns are independent."""
    coefs, b = lesson10.lasso_path(X, y, alphas)
    return np.sum((coefs - TRUTH[:, None]) ** 2, axis=0) + (b - 1) ** 2 + 4


def fraction_of_least(alpha, X, y, alphas):
    return true_error(X, y, alphas).min() / true_error(X, y, [float(alpha)])[0]


TASKS = [
    Task(
        cautious_alpha,
        kind="line",
        cases=((ALPHAS, BOWL), (ALPHAS, LOPSIDED)),
        reference=cautious_by_scipy,
        hint=(
            "`mse.std(axis=1, ddof=1)` has k − 1 in the denominator. Only the standard error at"
            " the least mean error counts.",
            "`mse.std(axis=1, ddof=1)` 的分母是 k − 1。只用平均误差最小处的那个标准误。",
        ),
        mistakes=(
            Mistake(
                lambda alphas, mse: alphas[np.argmin(mse.mean(axis=1))],
                "That is the α with the least mean error; the rule takes a larger one that is"
                " nearly as good.",
                "这是平均误差最小的 α；规则取的是差不多一样好、但更大的 α。",
            ),
            Mistake(
                lambda alphas, mse: within(alphas, mse, standard_error(mse), np.min),
                "That is the smallest α within a standard error. The largest is wanted: the"
                " simplest fit that is as good.",
                "这是一倍标准误之内最小的 α。应取最大的：同样好的拟合中最简单的一个。",
            ),
            Mistake(
                lambda alphas, mse: within(alphas, mse, mse.std(axis=1, ddof=1)),
                "That is one standard deviation of the folds. The mean of k folds is √k times as"
                " exact: divide by √k.",
                "这用的是各折的标准差。k 折平均值的标准差只有它的 1/√k：还要除以 √k。",
            ),
            Mistake(
                lambda alphas, mse: within(alphas, mse, mse.std(axis=1) / np.sqrt(mse.shape[1])),
                "The standard deviation has k in the denominator: NumPy divides by k − 1 only with"
                " `ddof=1`.",
                "标准差的分母用了 k：NumPy 要加上 `ddof=1` 才除以 k − 1。",
            ),
        ),
    ),
    Task(
        left_out_errors,
        kind="predict",
        cases=((X_TABLE, Y_TABLE, 2.0), (X_OTHER, Y_OTHER, 0.5)),
        reference=really_left_out,
        hint=(
            "hᵢᵢ, on the diagonal of H, says how much ŷᵢ follows yᵢ. If it were 1, the residual"
            " would be 0 whatever yᵢ is; if it is 0, leaving the row out changes nothing.",
            "H 对角线上的 hᵢᵢ 表示 ŷᵢ 随 yᵢ 变化多少。如果它是 1，无论 yᵢ 是多少残差都为 0；"
            "如果它是 0，留出这个样本什么也不改变。",
        ),
        mistakes=(
            Mistake(
                lambda X, y, alpha: residuals(X, y, alpha)[0],
                "Those are the residuals of the fit to all rows. Each row has drawn the fit towards"
                " itself; left out, it is missed by more.",
                "这是用全部样本拟合的残差。每个样本都把拟合拉向自己；留出之后，误差更大。",
            ),
            Mistake(
                lambda X, y, alpha: (lambda e, h: e / (1 - h + 1 / len(y)))(
                    *residuals(X, y, alpha)
                ),
                "The 1/n of the intercept is missing in hᵢᵢ: b follows yᵢ too.",
                "hᵢᵢ 中少了截距的 1/n：b 也随 yᵢ 变化。",
            ),
            Mistake(
                lambda X, y, alpha: (lambda e, h: e / (1 - h.mean()))(*residuals(X, y, alpha)),
                "All rows are divided by the same 1 − mean h, as generalised cross-validation does."
                " Here each has its own hᵢᵢ.",
                "所有的样本都除以了同一个数，即 1 减去 h 的均值（那是广义交叉验证）。"
                "这里每个样本有自己的 hᵢᵢ。",
            ),
            Mistake(
                lambda X, y, alpha: (lambda e, h: e * (1 - h))(*residuals(X, y, alpha)),
                "Multiplied in place of divided: a row left out is missed by more, not by less.",
                "应当除，而不是乘：留出的样本误差更大，不是更小。",
            ),
        ),
    ),
    Task(
        predictions_left_out,
        kind="bug",
        cases=((X_NOISE, Y_NOISE, 5, 3), (X_WIDE, Y_WIDE, 4, 2)),
        reference=sklearns_left_out,
        hint=(
            "Which rows does `picked` see?",
            "`picked` 看到的是哪些行？",
        ),
        mistakes=(
            Mistake(
                by_folds(lambda X, y, train, left_out: np.abs(correlation(X, y))),
                "The columns are still picked with the rows left out among those that are seen:"
                " pick anew in every fold, from the rows that are fitted.",
                "挑选列时仍然看到了留出的样本：每一折都要只用参与拟合的样本重新挑选。",
            ),
            Mistake(
                by_folds(
                    lambda X, y, train, left_out: np.abs(correlation(X[left_out], y[left_out]))
                ),
                "The columns are picked from the rows left out: that is worse, they are chosen to"
                " suit the test.",
                "列是用留出的样本挑选的：这更糟，等于照着考题挑选。",
            ),
            Mistake(
                by_folds(
                    lambda X, y, train, left_out: np.abs(correlation(X[train], y[train])),
                    fit_all=True,
                ),
                "The columns are picked within the folds now, but the fit is to all rows, also to"
                " those left out.",
                "挑选列已经放进每一折了，但拟合用了全部样本，包括留出的。",
            ),
            Mistake(
                by_folds(lambda X, y, train, left_out: correlation(X[train], y[train])),
                "Only columns that rise with y are picked: one that falls says as much, so the"
                " absolute value counts.",
                "只挑了随 y 上升的列：随 y 下降的列包含同样多的信息，所以要看绝对值。",
            ),
        ),
    ),
    Task(
        build_path,
        kind="model",
        cases=((COEFS, B),),
        reference=path_by_hand,
        measure=path_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "The kernel of `Dense(A)` has the shape (p, A), one column for each unit, and its bias"
            " the shape (A,): `model.set_weights([kernel, bias])`.",
            "`Dense(A)` 的 kernel 形状是 (p, A)，每个单元一列，偏置的形状是 (A,)："
            "`model.set_weights([kernel, bias])`。",
        ),
        mistakes=(
            Mistake(
                as_drawn,
                "The weights are still those that Keras drew: put yours in with `set_weights`.",
                "权重还是 Keras 随机抽取的：请用 `set_weights` 放进给定的权重。",
                matches=not_set,
            ),
            Mistake(
                lambda coefs, b: one_layer(coefs, 0 * b),
                "The intercepts are zero: the second array for `set_weights` is b.",
                "截距都是零：`set_weights` 的第二个数组应是 b。",
            ),
            Mistake(
                lambda coefs, b: one_layer(coefs, b, use_bias=False),
                "There are no intercepts: leave `use_bias` as it is.",
                "没有截距：`use_bias` 请保持默认。",
            ),
            Mistake(
                lambda coefs, b: one_layer(coefs, b, activation="relu"),
                "The units have an activation: a relu gives nothing below zero.",
                "单元带了激活函数：relu 的输出不会是负数。",
            ),
            Mistake(
                lambda coefs, b: one_layer(coefs[:, -1:], b[-1:]),
                "That is the fit for the last α alone: one unit for each α is wanted.",
                "这只是最后一个 α 的拟合：每个 α 都要有一个单元。",
            ),
        ),
    ),
    Task(
        alpha_chosen,
        kind="free",
        cases=tuple(known(seed) for seed in (1, 2, 8)),
        score=fraction_of_least,
        at_least=0.8,
        baseline=lambda X, y, alphas: alphas[-1],
        hint=(
            "Cross-validation: leave out a fifth of the rows, fit the others at every α, and take"
            " the α with the least mean error on what was left out.",
            "交叉验证：留出五分之一的样本，在每个 α 上用其余的样本拟合，"
            "取留出样本上平均误差最小的 α。",
        ),
        mistakes=(
            Mistake(
                lambda X, y, alphas: alphas[-1],
                "That is the smallest α. On the rows that were fitted it must win, for a price only"
                " hinders the fit; what counts are rows that were left out.",
                "这是最小的 α。在参与拟合的样本上它必然胜出，因为惩罚只会妨碍拟合；"
                "真正重要的是留出的样本。",
            ),
            Mistake(
                lambda X, y, alphas: alphas[0],
                "That is the largest α, at which all weights are zero: only the mean is left.",
                "这是最大的 α，这时所有权重都为零，只剩下均值。",
            ),
            Mistake(
                lambda X, y, alphas: len(alphas) // 2,
                "That is an index, where α itself is wanted: `alphas[index]`.",
                "这是下标，需要的是 α 本身：`alphas[下标]`。",
                matches=lambda result, *_: isinstance(result, (int, np.integer)),
            ),
        ),
    ),
]
