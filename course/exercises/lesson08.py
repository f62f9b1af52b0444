"""Exercises of lesson 8: ridge and weight decay.

Fill in each function. As in the lesson, η is the learning rate and the cost is
J(w, b) = 1/(2n) Σ (ŷᵢ − yᵢ)² + α/(2n) Σ wⱼ² with ŷ = Xw + b; there is no penalty on b.
Shapes are given as in NumPy; `numpy` and `keras` are all you need.

zh:
第 8 课练习：岭回归与权重衰减。

请完成每个函数。记号与课文相同：η 是学习率，代价是
J(w, b) = 1/(2n) Σ (ŷᵢ − yᵢ)² + α/(2n) Σ wⱼ²，其中 ŷ = Xw + b；b 不受惩罚。
形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`。
"""

import keras
import numpy as np


def ridge_solution(X, y, alpha):
    """The minimum of J, without descent.

    w = (ZᵀZ + αI)⁻¹ Zᵀu, where Z and u are X and y with their means subtracted, and I is the
    identity matrix; b = mean of y − (means of X's columns)·w. `np.eye(p)` is I, and
    `np.linalg.solve(A, c)` gives A⁻¹c.
    X: shape (n, p). y: shape (n,). alpha: α. Return (w, b), shape (p + 1,), b comes last.

    zh:
    不做梯度下降，直接求 J 的最小值点。

    w = (ZᵀZ + αI)⁻¹ Zᵀu，其中 Z 和 u 是减去各自均值之后的 X 和 y，I 是单位矩阵；
    b = y 的均值 −（X 各列的均值）·w。I 就是 `np.eye(p)`；`np.linalg.solve(A, c)` 给出 A⁻¹c。
    X：形状 (n, p)。y：形状 (n,)。alpha：α。返回 (w, b)，形状 (p + 1,)，b 在最后。
    """
    Z, u = X - X.mean(axis=0), y - y.mean()
    # solution
    w = np.linalg.solve(Z.T @ Z + alpha * np.eye(X.shape[1]), Z.T @ u)
    return np.append(w, y.mean() - X.mean(axis=0) @ w)


def fractions_kept(X, alpha):
    """How much ridge keeps of least squares in each direction of the data.

    The directions are those of the singular value decomposition of X, with the means of its
    columns subtracted. If ridge keeps 0.9, its weights have in this direction 0.9 times what
    those of least squares have there. `np.linalg.svd(Z, compute_uv=False)` gives the singular
    values of Z, the largest first.
    X: shape (n, p), n > p. alpha: α. Return the fractions, shape (p,), the largest first.

    zh:
    在数据的每个方向上，最小二乘的结果被岭回归保留了多少？

    这里的方向由 X（各列先减去均值）的奇异值分解给出。保留的比例为 0.9，意思是：
    岭回归的权重在这个方向上是最小二乘的权重的 0.9 倍。
    矩阵 Z 的奇异值由 `np.linalg.svd(Z, compute_uv=False)` 给出，从大到小。
    X：形状 (n, p)，n > p。alpha：α。返回各个比例，形状 (p,)，从大到小。
    """
    # solution
    d = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    return d**2 / (d**2 + alpha)


def penalty_reached(weight_decay, momentum, n_rows):
    """The α at whose ridge solution SGD with `weight_decay` comes to rest.

    The cost is least squares alone, without a penalty. Each full-batch step, with the velocity
    v, the momentum μ and g = ∂J/∂w, is
        v ← μv − ηg
        w ← w (1 − η · weight_decay) + v.
    b is spared by the decay. At rest neither w nor v changes any more: what is g then, and for
    which α is the gradient with penalty, g + αw/n, zero there?
    weight_decay, momentum: numbers. n_rows: n. Return a number.

    zh:
    带 `weight_decay` 的 SGD 最后停在岭回归的解上；那个岭回归的 α 是多少？

    代价只有最小二乘，不加惩罚。全批量的每一步是（v 是速度，μ 是动量，g = ∂J/∂w）：
        v ← μv − ηg
        w ← w (1 − η · weight_decay) + v
    b 不衰减。停下来时，w 和 v 都不再变化：这时 g 等于什么？
    α 取多少时，带惩罚的梯度 g + αw/n 在那里恰好为零？
    weight_decay、momentum：数。n_rows：n。返回一个数。
    """
    # solution
    return (1 - momentum) * weight_decay * n_rows


def decayed_step(X, y, theta, learning_rate, alpha):
    """One step of gradient descent on J, in the form of weight decay.

    First the fraction ηα/n of the weights is taken away, then comes the step of least squares. It
    must end where θ − η ∂J/∂θ ends. There is a mistake in this function: find it.
    X: shape (n, p). y: shape (n,). theta: (w, b), shape (p + 1,). learning_rate: η. alpha: α.
    Return the new (w, b), shape (p + 1,).

    zh:
    在 J 上走一步梯度下降，写成权重衰减的形式。

    先把权重按比例 ηα/n 减小，再走最小二乘的一步。结果必须与 θ − η ∂J/∂θ 相同。
    这个函数里有一个错误：请找出来。
    X：形状 (n, p)。y：形状 (n,)。theta：(w, b)，形状 (p + 1,)。
    learning_rate：η。alpha：α。返回新的 (w, b)，形状 (p + 1,)。
    """
    fraction = learning_rate * alpha / len(y)
    error = X @ theta[:-1] + theta[-1] - y
    gradient = np.append(X.T @ error, error.sum()) / len(y)
    # solution
    # given: return (1 - fraction) * theta - learning_rate * gradient
    return np.append((1 - fraction) * theta[:-1], theta[-1]) - learning_rate * gradient


def build_ridge(n_features, n_rows, alpha):
    """Ridge as a compiled Keras model: trained on n rows, it must end at the minimum of J.

    One Dense unit without activation, with a penalty on its kernel alone, and the loss "mse".
    Mind the factor: "mse" is 1/n Σ (ŷᵢ − yᵢ)², and `keras.regularizers.L2(c)` adds c Σ wⱼ²;
    J has ½ in both places. The optimizer is yours to choose.
    n_features: p. n_rows: n. alpha: α. Return a keras.Model from (n, p) to (n, 1).

    zh:
    用一个已编译（compile）的 Keras 模型表示岭回归：用 n 行数据训练，应当停在 J 的最小值点。

    一个不带激活函数的 Dense 单元，只惩罚它的 kernel，损失为 "mse"。
    注意系数："mse" 是 1/n Σ (ŷᵢ − yᵢ)²，`keras.regularizers.L2(c)` 加上的是 c Σ wⱼ²；
    而 J 的两项都带有 ½。优化器任选。
    n_features：p。n_rows：n。alpha：α。返回一个从 (n, p) 到 (n, 1) 的 keras.Model。
    """
    # solution
    penalty = keras.regularizers.L2(alpha / n_rows)
    dense = keras.layers.Dense(1, kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((n_features,)), dense])
    model.compile(optimizer="sgd", loss="mse")
    return model


def predict_better(X_train, y_train, X_test):
    """Predictions for X_test that beat those of least squares.

    There are 40 rows to learn from and 30 columns, which say much the same: least squares
    fits the noise. Your predictions must explain more than 60 % of the variance of y on test
    rows that you do not see (R² above 0.6; least squares reaches about 0.1). R² is 1 − (mean
    squared error) ÷ (variance of y). Any means will do.
    X_train: shape (n, p). y_train: shape (n,). X_test: shape (k, p). Return shape (k,).

    zh:
    对 X_test 做预测，要胜过最小二乘。

    训练数据只有 40 行，却有 30 列，而且各列的信息大同小异：最小二乘会去拟合噪声。
    在你看不到的测试行上，你的预测必须解释 y 的方差的 60 % 以上
    （R² 大于 0.6；最小二乘大约只有 0.1）。R² 等于 1 −（均方误差 ÷ y 的方差）。方法不限。
    X_train：形状 (n, p)。y_train：形状 (n,)。X_test：形状 (k, p)。返回形状 (k,)。
    """
    # solution
    theta = ridge_solution(X_train, y_train, 50.0)
    return X_test @ theta[:-1] + theta[-1]


# --- checks ---

from keras import ops

from course import lesson08
from course.checks import references
from course.checks.lesson08 import cost
from course.exercises import draw
from course.grading.exercise import Mistake, Task

rng = np.random.default_rng(8)
SIZES = np.array([3.0, 1.0, 0.4])
X_TABLE, Y_TABLE = 1 + SIZES * rng.normal(size=(7, 3)), 2 + rng.normal(size=7)
X_OTHER, Y_OTHER = rng.normal(size=(9, 2)) - [2, 0.5], rng.normal(size=9) - 1
THETA = np.array([1.5, -2.0, 0.5, 3.0])


def penalised_too(X, y, alpha):
    """Ridge whose b is penalised like a weight."""
    A = np.column_stack([X, np.ones(len(X))])
    return np.linalg.solve(A.T @ A + alpha * np.eye(A.shape[1]), A.T @ y)


def added_everywhere(X, y, alpha):
    Z = X - X.mean(axis=0)
    w = np.linalg.solve(Z.T @ Z + alpha, Z.T @ (y - y.mean()))
    return np.append(w, y.mean() - X.mean(axis=0) @ w)


def uncentred(X, y, alpha):
    w = np.linalg.solve(X.T @ X + alpha * np.eye(X.shape[1]), X.T @ y)
    return np.append(w, y.mean() - X.mean(axis=0) @ w)


def fractions_of_predictions(X, alpha):
    """The predictions of scikit-learn's Ridge are Hy, and H's eigenvalues are the fractions."""
    from sklearn.linear_model import Ridge

    n, p = X.shape
    H = Ridge(alpha, solver="svd").fit(X, np.eye(n)).predict(X) - 1 / n
    return np.linalg.eigvalsh((H + H.T) / 2)[::-1][:p]


def singular(X):
    return np.linalg.svd(X - X.mean(axis=0), compute_uv=False)


def penalty_of_descent(weight_decay, momentum, n_rows):
    """α from where descent ends: there ∂J/∂w + αw/n = 0, with J's least squares part."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n_rows, 2)), rng.normal(size=n_rows) + 1
    theta = lesson08.descend(X, y, 0.2, 1000, decay=weight_decay, momentum=momentum)[-1]
    w = theta[:-1]
    return -n_rows * (w @ lesson08.gradient(X, y, theta)[:-1]) / (w @ w)


def step(X, y, theta, learning_rate, factor):
    """The step of least squares from factor times θ, with the gradient at θ."""
    return factor * theta - learning_rate * lesson08.gradient(X, y, theta)


def kept(X, y, learning_rate, alpha, sign=-1):
    """The factor of each weight, and 1 for b."""
    return np.append(np.full(X.shape[1], 1 + sign * learning_rate * alpha / len(y)), 1)


def ridge_facts(model, n_features, n_rows, alpha):
    X, y = (a.astype("float32") for a in rows(n_features, n_rows))
    model.set_weights(draw([w.shape for w in model.get_weights()]))
    said = model(X)
    loss = model.compute_loss(X, ops.convert_to_tensor(y[:, None]), said)
    return {
        ("number of weights", "权重的个数"): model.count_params(),
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): said,
        ("loss with penalty", "损失（含惩罚项）"): loss,
    }


def rows(n_features, n_rows):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n_rows, n_features)), rng.normal(size=n_rows)


def facts_by_hand(n_features, n_rows, alpha):
    X, y = rows(n_features, n_rows)
    w, b = draw([(n_features, 1), (1,)])
    theta = np.append(w, b)
    return {
        ("number of weights", "权重的个数"): n_features + 1,
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): X @ w + b,
        ("loss with penalty", "损失（含惩罚项）"): 2 * cost(X, y, theta, alpha),
    }


def other_ridge(c=lambda alpha, n: alpha / n, on=("kernel",), decay=None):
    """Builds a model with the penalty L2(c(α, n)) on other variables, or weight decay α/n."""

    def build(n_features, n_rows, alpha):
        penalty = keras.regularizers.L2(c(alpha, n_rows))
        dense = keras.layers.Dense(1, **{f"{name}_regularizer": penalty for name in on})
        model = keras.Sequential([keras.Input((n_features,)), dense])
        optimizer = keras.optimizers.SGD(0.01, weight_decay=decay and alpha / n_rows)
        model.compile(optimizer=optimizer, loss="mse")
        return model

    return build


def not_compiled(n_features, n_rows, alpha):
    penalty = keras.regularizers.L2(alpha / n_rows)
    dense = keras.layers.Dense(1, kernel_regularizer=penalty)
    return keras.Sequential([keras.Input((n_features,)), dense])


def alike(n, seed):
    """X, shape (n, 30), whose columns mix 3 hidden numbers, and y, a sum of these and noise."""
    mix = np.random.default_rng(80).normal(size=(3, 30))
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 3))
    X = hidden @ mix + rng.normal(size=(n, 30))
    return X, 5 + hidden @ [1.0, -1.0, 1.0] + rng.normal(size=n)


ALIKE = (*alike(40, 0), alike(400, 1)[0])


def r2(predictions, *_):
    from sklearn.metrics import r2_score

    return r2_score(alike(400, 1)[1], predictions)


def least_squares(X_train, y_train, X_test):
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(X_train, y_train).predict(X_test)


def without_intercept(X_train, y_train, X_test):
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression(fit_intercept=False).fit(X_train, y_train)
    return fitted.predict(X_test)


TASKS = [
    Task(
        ridge_solution,
        kind="line",
        cases=((X_TABLE, Y_TABLE, 2.0), (X_OTHER, Y_OTHER, 0.5)),
        reference=references.ridge,
        hint=(
            "`np.linalg.solve(A, B)` is A⁻¹B, and `np.eye(p)` is the identity matrix. Only w is"
            " solved for; b follows from the means.",
            "`np.linalg.solve(A, B)` 就是 A⁻¹B，`np.eye(p)` 是单位矩阵。"
            "方程组只解 w；b 由均值得出。",
        ),
        mistakes=(
            Mistake(
                added_everywhere,
                "α was added to every entry of ZᵀZ: a bare number is broadcast. αI has α on the"
                " diagonal only.",
                "α 加到了 ZᵀZ 的每一个元素上：单独一个数会被广播。αI 只在对角线上有 α。",
            ),
            Mistake(
                penalised_too,
                "b is penalised too: a column of ones was treated as a feature. Then predictions"
                " are drawn towards 0, and the weights change if a constant is added to all y.",
                "b 也受了惩罚：把一列 1 当成了特征。这样预测值会被拉向 0，"
                "而且给所有的 y 加上一个常数，权重也会变。",
            ),
            Mistake(
                uncentred,
                "X and y were not centred: use Z and u. Otherwise w must also explain the means,"
                " which is b's task.",
                "没有减去均值：应当用 Z 和 u。否则 w 还要去解释均值，而那是 b 的事。",
            ),
            Mistake(
                lambda X, y, alpha: lesson08.ridge(X, y, alpha * len(y)),
                "αn in place of α: J has 1/n before the errors and before α, so it cancels.",
                "用了 αn 而不是 α：J 的误差项和 α 前面都有 1/n，两者约掉了。",
            ),
            Mistake(
                lambda X, y, alpha: np.append(lesson08.ridge(X, y, alpha)[:-1], y.mean()),
                "b is the mean of y here: that holds only where the columns of X have mean 0.",
                "这里 b 等于 y 的均值：只有 X 各列的均值为 0 时才是这样。",
            ),
        ),
    ),
    Task(
        fractions_kept,
        kind="predict",
        cases=((X_TABLE, 2.0), (X_OTHER, 0.5)),
        reference=fractions_of_predictions,
        hint=(
            "Along a direction with the singular value d the matrix ZᵀZ is the number d²: there"
            " least squares divides by d², and ridge by what?",
            "沿奇异值为 d 的方向，矩阵 ZᵀZ 就是一个数 d²：最小二乘在这里除以 d²，岭回归除以什么？",
        ),
        mistakes=(
            Mistake(
                lambda X, alpha: alpha / (singular(X) ** 2 + alpha),
                "That is what ridge takes away, α/(d² + α), not what it keeps.",
                "这是岭回归去掉的部分 α/(d² + α)，不是保留的部分。",
            ),
            Mistake(
                lambda X, alpha: singular(X) / (singular(X) + alpha),
                "d must be squared: ZᵀZ has d² along a singular vector.",
                "d 要平方：沿奇异向量，ZᵀZ 是 d²。",
            ),
            Mistake(
                lambda X, alpha: (lambda d: d**2 / (d**2 + alpha))(np.linalg.svd(X)[1]),
                "The means of the columns were not subtracted: then the means, which are b's task,"
                " count as spread of the data.",
                "没有减去各列的均值：这样均值也算进了数据的离散程度，而均值本来由 b 负责。",
            ),
            Mistake(
                lambda X, alpha: (lambda d: d**2 / (d**2 + alpha * len(X)))(singular(X)),
                "αn in place of α: α is added to ZᵀZ itself, which is a sum over rows.",
                "用了 αn 而不是 α：α 直接加在 ZᵀZ 上，而 ZᵀZ 已经是对各行求的和。",
            ),
        ),
    ),
    Task(
        penalty_reached,
        kind="predict",
        cases=((0.125, 0.75, 12), (0.2, 0.5, 5), (0.1, 0.0, 8)),
        reference=penalty_of_descent,
        hint=(
            "At rest v = −ηg/(1 − μ), and v must make up for what the decay takes:"
            " η · weight_decay · w.",
            "停下来时 v = −ηg/(1 − μ)，而 v 必须补上衰减拿走的 η · weight_decay · w。",
        ),
        mistakes=(
            Mistake(
                lambda decay, momentum, n: decay * n,
                "That holds without momentum. Momentum makes gradients 1/(1 − μ) times as strong,"
                " and the decay not.",
                "不带动量时才是这样。动量把梯度的作用放大为 1/(1 − μ) 倍，衰减却不放大。",
            ),
            Mistake(
                lambda decay, momentum, n: decay * n / (1 - momentum),
                "The other way round: it is the gradient of the errors that grows, so the penalty"
                " counts for less.",
                "反了：变大的是误差的梯度，所以惩罚相对变轻。",
            ),
            Mistake(
                lambda decay, momentum, n: momentum * decay * n,
                "μ in place of 1 − μ: with μ = 0 no penalty would be left.",
                "用了 μ 而不是 1 − μ：那样 μ = 0 时就没有惩罚了。",
            ),
            Mistake(
                lambda decay, momentum, n: (1 - momentum) * decay,
                "That is α/n. The cost has α/(2n), so α is n times as much.",
                "这是 α/n。代价中是 α/(2n)，所以 α 还要乘以 n。",
            ),
        ),
    ),
    Task(
        decayed_step,
        kind="bug",
        cases=((X_TABLE, Y_TABLE, THETA, 0.3, 2.0), (X_OTHER, Y_OTHER, THETA[1:], 0.1, 4.0)),
        reference=lambda X, y, theta, rate, alpha: (
            theta - rate * lesson08.gradient(X, y, theta, alpha)
        ),
        hint=(
            "Which of the p + 1 numbers in θ does J penalise?",
            "θ 的 p + 1 个数中，J 惩罚的是哪些？",
        ),
        mistakes=(
            Mistake(
                lambda X, y, theta, rate, alpha: step(X, y, theta, rate, 1 - rate * alpha / len(y)),
                "b is still made smaller too. J has no penalty on b, so b is only moved by the"
                " step of least squares.",
                "b 仍然也在衰减。J 不惩罚 b，所以 b 只走最小二乘的那一步。",
            ),
            Mistake(
                lambda X, y, theta, rate, alpha: (
                    kept(X, y, rate, alpha) * (theta - rate * lesson08.gradient(X, y, theta))
                ),
                "The fraction is taken after the step, from the new weights: J's gradient has the"
                " penalty's gradient at the old ones.",
                "衰减放到了最小二乘的一步之后，减的是新的权重；"
                "而 J 的梯度里，惩罚项的梯度取自旧的权重。",
            ),
            Mistake(
                lambda X, y, theta, rate, alpha: step(X, y, theta, rate, 1),
                "Nothing decays now: that is the step of least squares alone.",
                "现在什么也不衰减了：这只是最小二乘的一步。",
            ),
            Mistake(
                lambda X, y, theta, rate, alpha: step(
                    X, y, theta, rate, kept(X, y, rate, alpha, 1)
                ),
                "The weights grow: the factor is 1 − ηα/n.",
                "权重反而变大了：系数应为 1 − ηα/n。",
            ),
            Mistake(
                lambda X, y, theta, rate, alpha: step(X, y, theta, rate, kept(X, y, 1, alpha)),
                "The fraction is α/n here, without the learning rate η.",
                "这里衰减的比例成了 α/n，少了学习率 η。",
            ),
        ),
    ),
    Task(
        build_ridge,
        kind="model",
        cases=((3, 7, 2.0), (3, 5, 0.5)),
        reference=facts_by_hand,
        measure=ridge_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "The loss is 2J if both parts of J are doubled: c = 2 · α/(2n). The penalty is the"
            " argument `kernel_regularizer` of `Dense`.",
            "损失的两部分都取两倍，就是 2J：c = 2 · α/(2n)。"
            "惩罚是 `Dense` 的参数 `kernel_regularizer`。",
        ),
        mistakes=(
            Mistake(
                not_compiled,
                "The model is not compiled: without a loss it cannot be trained.",
                "模型还没有编译（compile）：没有损失就无法训练。",
                matches=lambda model, *_: not model.compiled,
            ),
            Mistake(
                other_ridge(lambda alpha, n: alpha / (2 * n)),
                'c = α/(2n) belongs to the loss with ½. "mse" has no ½, so c is twice that.',
                'c = α/(2n) 对应的是带 ½ 的损失。"mse" 没有 ½，所以 c 要加倍。',
            ),
            Mistake(
                other_ridge(lambda alpha, n: alpha),
                'c = α, without 1/n: "mse" is a mean over the rows, so α too is divided by n.',
                'c = α，少了 1/n："mse" 是对各行的平均，所以惩罚也要除以 n。',
            ),
            Mistake(
                other_ridge(on=("kernel", "bias")),
                "The bias is penalised too: ridge leaves b free.",
                "偏置也受了惩罚：岭回归不惩罚 b。",
            ),
            Mistake(
                other_ridge(on=(), decay=True),
                "There is no penalty in the loss. The optimizer's `weight_decay` is no substitute:"
                " it takes from b as well, and means something else to each optimizer.",
                "损失里没有惩罚项。优化器的 `weight_decay` 代替不了它："
                "它也会让 b 衰减，而且换一种优化器，含义就不同。",
            ),
        ),
    ),
    Task(
        predict_better,
        kind="baseline",
        cases=(ALIKE,),
        score=r2,
        at_least=0.6,
        baseline=least_squares,
        hint=(
            "You have written `ridge_solution` above. Try α = 0.1, 1, 10, 100, … and keep some of"
            " the training rows aside to see which is good.",
            "上面已经写好了 `ridge_solution`。试试 α = 0.1、1、10、100……"
            "并从训练数据中留出几行，看哪一个好。",
        ),
        mistakes=(
            Mistake(
                least_squares,
                "That is least squares, the baseline: with 30 columns for 40 rows it fits the"
                " noise. Put a price on large weights.",
                "这就是最小二乘，也就是基线：40 行配 30 列，它拟合了噪声。请给大的权重加上惩罚。",
            ),
            Mistake(
                without_intercept,
                "That is least squares without an intercept: the mean of y is far from 0.",
                "这是没有截距的最小二乘：y 的均值离 0 很远。",
            ),
            Mistake(
                lambda X, y, Z: np.full(len(Z), y.mean()),
                "That is the mean of y everywhere, R² about 0: the penalty was so high that no"
                " weight was left, or there were none.",
                "处处都是 y 的均值，R² 约为 0：惩罚太重，权重都没有了；或者根本没有用权重。",
            ),
        ),
    ),
]
