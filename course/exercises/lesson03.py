"""Exercises of lesson 3: linear regression.

Fill in each function. Shapes are given as in NumPy; `numpy` and `keras` are all you need.

zh:
第 3 课练习：线性回归。

请完成每个函数。形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`。
"""

import keras
import numpy as np


def gradient(X, y, theta):
    """The gradient of the cost J = 1/n Σ (ŷᵢ − yᵢ)², where ŷ = Xw + b and θ = (w, b).

    X: shape (n, p). y: shape (n,). theta: shape (p + 1,), b comes last.
    Return (∂J/∂w, ∂J/∂b), shape (p + 1,).

    zh:
    代价 J = 1/n Σ (ŷᵢ − yᵢ)² 的梯度，其中 ŷ = Xw + b，θ = (w, b)。

    X：形状 (n, p)。y：形状 (n,)。theta：形状 (p + 1,)，b 在最后。
    返回 (∂J/∂w, ∂J/∂b)，形状 (p + 1,)。
    """
    error = X @ theta[:-1] + theta[-1] - y
    # solution
    return 2 / len(y) * np.append(X.T @ error, error.sum())


def largest_rate(X):
    """The learning rate above which full-batch descent on J diverges, for these features.

    J = 1/n Σ (ŷᵢ − yᵢ)² with ŷ = Xw + b has the curvature H = 2/n AᵀA, where A is X with a
    column of ones on its right.
    `np.linalg.eigvalsh` gives the eigenvalues of a symmetric matrix, the smallest first.
    X: shape (n, p). Return a number.

    zh:
    对这些特征，学习率超过多少时，在 J 上的批量梯度下降会发散？

    J = 1/n Σ (ŷᵢ − yᵢ)²，其中 ŷ = Xw + b；它的曲率是 H = 2/n AᵀA，
    其中 A 是在 X 右边加上一列 1。`np.linalg.eigvalsh` 给出对称矩阵的特征值，从小到大。
    X：形状 (n, p)。返回一个数。
    """
    # solution
    A = np.column_stack([X, np.ones(len(X))])
    return 2 / np.linalg.eigvalsh(2 / len(X) * A.T @ A)[-1]


def standardised(X_train, X_test):
    """Both tables with every column centred and divided by its standard deviation.

    The test table must be treated as the training table was: a model that was trained on one
    scale cannot predict on another. There is a mistake in this function: find it.
    X_train: shape (n, p). X_test: shape (m, p). Return a tuple of two arrays of these shapes.

    zh:
    把两张表的每一列减去均值、除以标准差。

    测试表必须与训练表做同样的处理：在一种尺度上训练的模型，不能拿另一种尺度的数据让它预测。
    这个函数里有一个错误：请找出来。
    X_train：形状 (n, p)。X_test：形状 (m, p)。
    返回由两个数组组成的元组，形状分别与这两张表相同。
    """
    mean, spread = X_train.mean(axis=0), X_train.std(axis=0)
    # solution
    # given: test_mean, test_spread = X_test.mean(axis=0), X_test.std(axis=0)
    # given: return (X_train - mean) / spread, (X_test - test_mean) / test_spread
    return (X_train - mean) / spread, (X_test - mean) / spread


def build_model(n_features, learning_rate):
    """ŷ = Xw + b as a compiled Keras model: one Dense unit, no activation.

    Compile it with plain SGD at this learning rate and the loss "mse".
    n_features: p. Return a keras.Model from (n, p) to (n, 1).

    zh:
    用一个已编译（compile）的 Keras 模型表示 ŷ = Xw + b：一个 Dense 单元，没有激活函数。

    编译时用普通的 SGD，学习率如参数所给，损失为 "mse"。
    n_features：p。返回一个从 (n, p) 到 (n, 1) 的 keras.Model。
    """
    # solution
    model = keras.Sequential([keras.Input((n_features,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="mse")
    return model


def predict_better(X_train, y_train, X_test):
    """Predictions for X_test that beat the straight line's.

    A straight line (a plane) leaves much of y unexplained: y is a curved surface over the two
    features. Your predictions must explain more than 95 % of the variance of y on test rows
    whose y you do not see (R² above 0.95; the plane reaches about 0.3). R² is 1 − (mean squared
    error) ÷ (variance of y). Any means will do.
    X_train: shape (n, 2). y_train: shape (n,). X_test: shape (m, 2). Return shape (m,).

    zh:
    对 X_test 做预测，要胜过直线。

    直线（在这里是平面）有很大一部分解释不了：y 随两个特征的变化是一张曲面。
    在测试样本上（它们的 y 你看不到），你的预测必须解释 y 的方差的 95% 以上
    （R² 大于 0.95；平面大约只有 0.3）。R² 等于 1 −（均方误差 ÷ y 的方差）。方法不限。
    X_train：形状 (n, 2)。y_train：形状 (n,)。X_test：形状 (m, 2)。返回形状 (m,)。
    """

    # solution
    def features(X):
        return np.column_stack([X, X**2, X[:, :1] * X[:, 1:], np.ones(len(X))])

    theta = np.linalg.lstsq(features(X_train), y_train)[0]
    return features(X_test) @ theta


# --- checks ---

from course import data, lesson03
from course.exercises import draw, numeric_gradient, outputs, rate
from course.grading.exercise import Mistake, Task

rng = np.random.default_rng(3)
X_TABLE, Y_TABLE = rng.normal(size=(7, 2)), rng.normal(size=7)
THETA = np.array([1.5, -2.0, 0.5])
X_OTHER = 3 + 2 * rng.normal(size=(4, 2))
FIVE = data.load_five_points()[0][:, None]


def curved(n, seed):
    """X, shape (n, 2), and y, a curved surface over it."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(n, 2))
    return X, X[:, 0] - X[:, 1] ** 2 + X[:, 0] * X[:, 1] + 0.1 * rng.normal(size=n)


CURVED = (*curved(200, 0), curved(100, 1)[0])


def r2(predictions, *_):
    from sklearn.metrics import r2_score

    return r2_score(curved(100, 1)[1], predictions)


def plane(X_train, y_train, X_test):
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(X_train, y_train).predict(X_test)


def by(X, like):
    return (X - like.mean(axis=0)) / like.std(axis=0)


def sklearns_standardised(X_train, X_test):
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(X_train)
    return {
        ("the training table", "训练表"): scaler.transform(X_train),
        ("the test table", "测试表"): scaler.transform(X_test),
    }


def model_facts(model, n_features, learning_rate):
    X = np.random.default_rng(0).normal(size=(5, n_features))
    said = outputs(model, X)
    return {
        ("number of weights", "权重的个数"): model.count_params(),
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): said,
        ("learning rate", "学习率"): rate(model),
        ("loss on five rows", "五个样本上的损失"): model.evaluate(X, np.ones((5, 1)), verbose=0),
    }


def facts_by_hand(n_features, learning_rate):
    X = np.random.default_rng(0).normal(size=(5, n_features))
    w, b = draw([(n_features, 1), (1,)])
    said = X @ w + b
    return {
        ("number of weights", "权重的个数"): n_features + 1,
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): said,
        ("learning rate", "学习率"): learning_rate,
        ("loss on five rows", "五个样本上的损失"): np.mean((said - 1) ** 2),
    }


def other_model(units=1, loss="mse", factor=1, **dense):
    def build(n_features, learning_rate):
        layers = [keras.Input((n_features,)), keras.layers.Dense(units, **dense)]
        model = keras.Sequential(layers)
        model.compile(optimizer=keras.optimizers.SGD(factor * learning_rate), loss=loss)
        return model

    return build


TASKS = [
    Task(
        gradient,
        kind="line",
        cases=((X_TABLE, Y_TABLE, THETA), (FIVE, 2 * FIVE[:, 0] + 5, np.array([1.0, 0.5]))),
        reference=lambda X, y, theta: numeric_gradient(lambda t: lesson03.cost(X, y, t), theta),
        hint=(
            "But for the factor 2/n, every row adds its error times its own features to ∂J/∂w, and"
            " its error to ∂J/∂b. `X.T @ error` does the first for all rows at once.",
            "除了因子 2/n，每个样本给 ∂J/∂w 贡献“误差 × 该样本的特征”，给 ∂J/∂b 贡献误差本身。"
            "`X.T @ error` 一次算完所有样本的前一部分。",
        ),
        mistakes=(
            Mistake(
                lambda X, y, theta: lesson03.gradient(X, y, theta) / 2,
                "The 2 of the square's derivative is missing: that is the gradient of J / 2.",
                "少了平方求导得到的 2：这是 J / 2 的梯度。",
            ),
            Mistake(
                lambda X, y, theta: lesson03.gradient(X, y, theta) * len(y),
                "Summed, not averaged: divide by n.",
                "求了和，没有求平均：要除以 n。",
            ),
            Mistake(
                lambda X, y, theta: -lesson03.gradient(X, y, theta),
                "The sign: the error is ŷ − y, not y − ŷ. The minus belongs to the update.",
                "符号：误差是 ŷ − y，不是 y − ŷ。负号属于更新那一步。",
            ),
            Mistake(
                lambda X, y, theta: lesson03.gradient(X, y, theta) * [*[1] * X.shape[1], 0],
                "∂J/∂b is zero here: J changes with the intercept as well; the derivative is 2/n"
                " times the sum of the errors.",
                "这里 ∂J/∂b 成了零：J 也随截距变化，导数是误差之和的 2/n 倍。",
            ),
        ),
    ),
    Task(
        largest_rate,
        kind="predict",
        cases=((FIVE,), (X_TABLE,)),
        reference=lambda X: (
            2 / np.linalg.svd(np.column_stack([X, np.ones(len(X))]))[1][0] ** 2 * len(X) / 2
        ),
        hint=(
            "Along an eigenvector of H with eigenvalue λ a step multiplies the distance to the"
            " minimum by 1 − ηλ. For which η is that below −1, and for which λ first?",
            "沿 H 的特征值为 λ 的特征向量，每一步把到最小值点的距离乘以 1 − ηλ。"
            "η 取多大时它小于 −1？最先发生在哪个 λ？",
        ),
        mistakes=(
            Mistake(
                lambda X: 1 / np.linalg.eigvalsh(lesson03.hessian(X))[-1],
                "That is 1/λmax, the rate that is best for the steepest direction; it"
                " diverges above twice that.",
                "这是 1/λmax，对最陡的方向来说最好的学习率；超过它的两倍才发散。",
            ),
            Mistake(
                lambda X: 2 / np.linalg.eigvalsh(lesson03.hessian(X))[0],
                "That is 2/λmin: the flattest direction. The steepest one diverges first.",
                "这是 2/λmin，对应最平缓的方向。最先发散的是最陡的方向。",
            ),
            Mistake(
                lambda X: 2 / np.linalg.eigvalsh(2 / len(X) * X.T @ X)[-1],
                "The column of ones is missing: the intercept is trained too.",
                "少了那一列 1：截距也在训练。",
            ),
            Mistake(
                lambda X: 4 / np.linalg.eigvalsh(lesson03.hessian(X))[-1],
                "The 2 of H = 2/n AᵀA is missing.",
                "少了 H = 2/n AᵀA 中的 2。",
            ),
        ),
    ),
    Task(
        standardised,
        kind="bug",
        cases=((X_TABLE, X_OTHER),),
        reference=sklearns_standardised,
        measure=lambda result, *_: {
            ("the training table", "训练表"): result[0],
            ("the test table", "测试表"): result[1],
        },
        expects=tuple,
        hint=(
            "What would a single test row become? Its own mean is itself.",
            "如果测试表只有一行，会变成什么？它自己的均值就是它自己。",
        ),
        mistakes=(
            Mistake(
                lambda X, Z: (by(X, X), by(Z, Z)),
                "The test table is still standardised by its own mean and deviation.",
                "测试表仍然是用它自己的均值和标准差标准化的。",
            ),
            Mistake(
                lambda X, Z: (by(X, X), (Z - X.mean(axis=0)) / Z.std(axis=0)),
                "The mean is the training table's now; the deviation is still the test table's.",
                "均值已经是训练表的了，标准差还是测试表的。",
            ),
            Mistake(
                lambda X, Z: tuple(by(T, np.vstack([X, Z])) for T in (X, Z)),
                "Both are standardised by both together: that lets the test rows into the"
                " training.",
                "两张表用的是合在一起的均值和标准差：这样测试数据就混进了训练。",
            ),
        ),
    ),
    Task(
        build_model,
        kind="model",
        cases=((3, 0.05), (1, 0.2)),
        reference=facts_by_hand,
        measure=model_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "`keras.Sequential` with an `Input` of p numbers and one `Dense(1)`; then `compile`.",
            "用 `keras.Sequential`：一个 p 维的 `Input`，一个 `Dense(1)`；然后 `compile`。",
        ),
        mistakes=(
            Mistake(
                other_model(activation="relu"),
                "The unit has an activation: a relu cannot say anything below zero.",
                "这个单元带了激活函数：relu 的输出不可能是负数。",
            ),
            Mistake(
                other_model(use_bias=False),
                "There is no intercept: leave `use_bias` as it is.",
                "没有截距：`use_bias` 请保持默认。",
            ),
            Mistake(
                other_model(factor=0.1),
                "A tenth of the learning rate: pass the argument on as it is.",
                "学习率只有十分之一：请把参数原样传下去。",
            ),
            Mistake(
                other_model(loss="mae"),
                'The loss is the mean absolute error; "mse" is the squared one.',
                '损失用成了平均绝对误差；平方误差是 "mse"。',
            ),
        ),
    ),
    Task(
        predict_better,
        kind="baseline",
        cases=(CURVED,),
        score=r2,
        at_least=0.95,
        baseline=plane,
        hint=(
            "A line in more features is still least squares: try the squares and the product.",
            "增加特征之后，仍然是最小二乘：试试平方项和乘积项。",
        ),
        mistakes=(
            Mistake(
                plane,
                "That is the plane itself, the baseline: it has no features for the curve.",
                "这就是那个平面，也就是基线：它没有描述弯曲的特征。",
            ),
            Mistake(
                lambda X, y, Z: np.full(len(Z), y.mean()),
                "That is the mean of y everywhere: R² is about 0.",
                "处处都是 y 的均值：R² 约为 0。",
            ),
            Mistake(
                lambda X, y, Z: y[: len(Z)],
                "Those are the training rows' own y, not predictions for X_test.",
                "这是训练样本自己的 y，不是对 X_test 的预测。",
            ),
        ),
    ),
]
