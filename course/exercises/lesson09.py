"""Exercises of lesson 9: the lasso and sparsity.

Fill in each function. As in the lesson, η is the learning rate and the cost is
J(w, b) = f(w, b) + α Σ |wⱼ|, f(w, b) = 1/(2n) Σ (ŷᵢ − yᵢ)² with ŷ = Xw + b; there is no
penalty on b. Shapes are given as in NumPy; `numpy` and `keras` are all you need, and for the
last exercise scikit-learn if you like.

zh:
第 9 课练习：套索回归与稀疏性。

请完成每个函数。记号与课文相同：η 是学习率，代价是
J(w, b) = f(w, b) + α Σ |wⱼ|，其中 f(w, b) = 1/(2n) Σ (ŷᵢ − yᵢ)²，ŷ = Xw + b；b 不受惩罚。
形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`，最后一题也可以用 scikit-learn。
"""

import keras
import numpy as np


def soft_threshold(v, t):
    """S(v, t): the x at the minimum of the cost ½ (x − v)² + t |x|, for each number in v.

    S = v − t where v > t, 0 where |v| ≤ t, and v + t where v < −t.
    v: any shape. t: a number, not negative. Return the shape of v.

    zh:
    软阈值 S(v, t)：对 v 中的每个数，求代价 ½ (x − v)² + t |x| 的最小值点。

    v > t 时 S = v − t，|v| ≤ t 时 S = 0，v < −t 时 S = v + t。
    v：任意形状。t：一个不小于零的数。返回与 v 相同的形状。
    """
    # solution
    return np.sign(v) * np.maximum(np.abs(v) - t, 0)


def proximal_step(X, y, theta, alpha, learning_rate):
    """One step of ISTA: a gradient step on f, then the proximal step.

    v = w − η ∂f/∂w, and the new w is S(v, ηα). b takes the gradient step alone.
    X: shape (n, p). y: shape (n,). theta: (w, b), shape (p + 1,). alpha: α. learning_rate: η.
    Return the new (w, b), shape (p + 1,).

    zh:
    ISTA 的一步：先对 f 走一步梯度下降，再走近端步。

    v = w − η ∂f/∂w，新的 w 是 S(v, ηα)。b 只走梯度下降的一步。
    X：形状 (n, p)。y：形状 (n,)。theta：(w, b)，形状 (p + 1,)。
    alpha：α。learning_rate：η。返回新的 (w, b)，形状 (p + 1,)。
    """
    error = X @ theta[:-1] + theta[-1] - y
    # solution
    v = theta - learning_rate * np.append(X.T @ error, error.sum()) / len(y)
    return np.append(soft_threshold(v[:-1], learning_rate * alpha), v[-1])


def smallest_alpha(X, y):
    """The smallest α at which all weights of the lasso are zero.

    A weight stays at zero as long as |∂f/∂w_j| ≤ α there. What is the gradient of f where all
    weights are zero and b is at its best?
    X: shape (n, p). y: shape (n,). Return a number.

    zh:
    使套索回归的权重全部为零的最小的 α。

    只要在零处 |∂f/∂w_j| ≤ α，权重就停在零处。
    所有权重都为零、b 取最优值时，f 的梯度是多少？
    X：形状 (n, p)。y：形状 (n,)。返回一个数。
    """
    # solution
    return np.abs((X - X.mean(axis=0)).T @ (y - y.mean())).max() / len(y)


def lasso_weights(X, y, alpha):
    """The lasso by coordinate descent: one weight after the other, with the others fixed.

    With G = ZᵀZ/n and c = Zᵀu/n, where Z and u are X and y with their means subtracted:
    w_j = S(pull_j, α) / G_jj, where pull_j = c_j − the sum over all k ≠ j of G_jk w_k.
    One line of this function is wrong: find it.
    X: shape (n, p). y: shape (n,). alpha: α. Return w, shape (p,).

    zh:
    用坐标下降求套索回归：每次只更新一个权重，其余的保持不动。

    设 Z 和 u 是减去各自均值之后的 X 和 y，G = ZᵀZ/n，c = Zᵀu/n，则
    w_j = S(pull_j, α) / G_jj，其中 pull_j = c_j −（对所有 k ≠ j，G_jk w_k 之和）。
    这个函数里有一个错误：请找出来。
    X：形状 (n, p)。y：形状 (n,)。alpha：α。返回 w，形状 (p,)。
    """
    Z, u = X - X.mean(axis=0), y - y.mean()
    G, c = Z.T @ Z / len(y), Z.T @ u / len(y)
    w = np.zeros(len(c))
    for _ in range(200):
        for j in range(len(c)):
            # solution
            # given: pull = c[j] - G[j] @ w
            # given: w[j] = np.sign(pull) * max(abs(pull) - alpha, 0) / G[j, j]
            pull = c[j] - G[j] @ w + G[j, j] * w[j]
            w[j] = np.sign(pull) * max(abs(pull) - alpha, 0) / G[j, j]
            # end
    return w


def build_elastic_net(n_features, alpha, l1_ratio):
    """The elastic net as a compiled Keras model, with the loss "mse".

    The elastic net minimises f + α (ρ Σ |wⱼ| + ½ (1 − ρ) Σ wⱼ²). Use one Dense unit without
    activation, with a penalty on its kernel alone. Its loss with penalty must be twice this, as
    "mse" is 2f. `keras.regularizers.L1L2(l1, l2)` adds l1 Σ |wⱼ| + l2 Σ wⱼ².
    The optimizer is yours to choose.
    n_features: p. alpha: α. l1_ratio: ρ. Return a keras.Model from (n, p) to (n, 1).

    zh:
    用一个已编译（compile）的 Keras 模型表示弹性网络，损失为 "mse"。

    弹性网络求的是 f + α (ρ Σ |wⱼ| + ½ (1 − ρ) Σ wⱼ²) 的最小值。
    一个不带激活函数的 Dense 单元，只惩罚它的 kernel；
    因为 "mse" 是 2f，损失加惩罚项也必须恰好是上式的两倍。
    `keras.regularizers.L1L2(l1, l2)` 加上的是 l1 Σ |wⱼ| + l2 Σ wⱼ²。优化器任选。
    n_features：p。alpha：α。l1_ratio：ρ。返回一个从 (n, p) 到 (n, 1) 的 keras.Model。
    """
    # solution
    penalty = keras.regularizers.L1L2(l1=2 * alpha * l1_ratio, l2=alpha * (1 - l1_ratio))
    dense = keras.layers.Dense(1, kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((n_features,)), dense])
    model.compile(optimizer="sgd", loss="mse")
    return model


def columns_found(X, y):
    """The columns of X that y depends on.

    y is a sum of a few columns, each times a weight of size 1 to 2, and of noise of standard
    deviation 1; there are more columns than rows, and all have standard deviation 1. On each of
    three data sets your answer is measured by F = 2 · hits / (found + true), where `found` is how
    many columns you return, `true` how many y depends on, and `hits` how many are both. F must be
    0.85 at least; the columns whose weight is not zero in scikit-learn's LassoCV reach about 0.4.
    Any means will do. `np.flatnonzero` gives the places of the numbers that are not zero.
    X: shape (80, 120). y: shape (80,). Return a list of column numbers, from 0 on.

    zh:
    找出 y 依赖于 X 的哪些列。

    y 是少数几列分别乘以权重（绝对值在 1 到 2 之间）之和，再加上标准差为 1 的噪声；
    列比行还多，每一列的标准差都是 1。在三个数据集上分别衡量你的答案：
    F = 2 · 命中数 /（找到的列数 + 真正的列数），命中数是找对的列数。
    F 不得低于 0.85；用 scikit-learn 的 LassoCV，取权重不为零的列，大约只有 0.4。方法不限。
    不为零的数在哪些位置，可以用 `np.flatnonzero` 查出。
    X：形状 (80, 120)。y：形状 (80,)。返回一个列表，由列号组成，从 0 数起。
    """
    # solution
    found = np.flatnonzero(lasso_weights(X, y, 0.3))
    A = np.column_stack([X[:, found], np.ones(len(X))])
    w = np.linalg.lstsq(A, y)[0][:-1]
    return found[np.abs(w) > 0.5].tolist()


# --- checks ---

from keras import ops

from course import lesson09
from course.checks import references
from course.exercises import draw, numeric_gradient
from course.grading.exercise import Mistake, Task

rng = np.random.default_rng(9)
SIZES = np.array([3.0, 1.0, 0.5])
X_TABLE = 1 + SIZES * rng.normal(size=(8, 3))
Y_TABLE = 4 - X_TABLE @ [0.7, 0.1, -0.4] + rng.normal(size=8)
X_OTHER, Y_OTHER = rng.normal(size=(6, 2)) - [2, 0.5], rng.normal(size=6) - 3
THETA = np.array([0.3, -0.02, -0.4, 1.0])
V = np.array([3.0, -0.4, 0.9, -2.5, 0.1, 1.2])


def half_mse(X, y, theta):
    return np.mean((X @ theta[:-1] + theta[-1] - y) ** 2) / 2


def shrunk(v, t):
    """v without its nearest point in the box [−t, t]: S by Moreau's decomposition."""
    return v - np.clip(v, -t, t)


def step(X, y, theta, alpha, rate, *, factor=1.0, threshold=None, b_too=False):
    """One ISTA step; the gradient's factor, the threshold and what happens to b can be chosen."""
    v = theta - factor * rate * numeric_gradient(lambda t: half_mse(X, y, t), theta)
    small = shrunk(v, rate * alpha if threshold is None else threshold)
    return small if b_too else np.append(small[:-1], v[-1])


def first_alpha(X, y):
    from sklearn.linear_model import lasso_path

    return lasso_path(X - X.mean(axis=0), y - y.mean())[0][0]


def centred_pull(X, y):
    return (X - X.mean(axis=0)).T @ (y - y.mean()) / len(y)


def sweeps(X, y, alpha, *, own=True, divide=True):
    """Coordinate descent, with or without the weight's own term and the division by G_jj."""
    G, c = lesson09.moments(X, y)
    w = np.zeros(len(c))
    for _ in range(200):
        for j in range(len(c)):
            pull = c[j] - G[j] @ w + own * G[j, j] * w[j]
            w[j] = shrunk(pull, alpha) / (G[j, j] if divide else 1)
    return w


def net_facts(model, n_features, alpha, l1_ratio):
    X, y = (a.astype("float32") for a in rows(n_features))
    model.set_weights(draw([w.shape for w in model.get_weights()]))
    said = model(X)
    loss = model.compute_loss(X, ops.convert_to_tensor(y[:, None]), said)
    return {
        ("number of weights", "权重的个数"): model.count_params(),
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): said,
        ("loss with penalty", "损失（含惩罚项）"): loss,
    }


def rows(n_features):
    rng = np.random.default_rng(1)
    return rng.normal(size=(5, n_features)), rng.normal(size=5)


def facts_by_hand(n_features, alpha, l1_ratio):
    X, y = rows(n_features)
    w, b = draw([(n_features, 1), (1,)])
    theta = np.append(w, b)
    penalty = l1_ratio * np.abs(w).sum() + (1 - l1_ratio) / 2 * np.sum(w**2)
    return {
        ("number of weights", "权重的个数"): n_features + 1,
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): X @ w + b,
        ("loss with penalty", "损失（含惩罚项）"): 2 * (half_mse(X, y, theta) + alpha * penalty),
    }


def other_net(l1=lambda a, r: 2 * a * r, l2=lambda a, r: a * (1 - r), on=("kernel",)):
    def build(n_features, alpha, l1_ratio):
        penalty = keras.regularizers.L1L2(l1=l1(alpha, l1_ratio), l2=l2(alpha, l1_ratio))
        dense = keras.layers.Dense(1, **{f"{name}_regularizer": penalty for name in on})
        model = keras.Sequential([keras.Input((n_features,)), dense])
        model.compile(optimizer="sgd", loss="mse")
        return model

    return build


def with_true_columns(seed):
    """X, shape (80, 120), neighbours correlated; y; and the six columns that y depends on."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 120))
    for j in range(1, 120):
        X[:, j] = 0.5 * X[:, j - 1] + np.sqrt(0.75) * X[:, j]
    true = rng.choice(np.arange(0, 120, 4), 6, replace=False)
    w = rng.uniform(1, 2, size=6) * rng.choice([-1, 1], size=6)
    return X, X[:, true] @ w + rng.normal(size=80), set(true.tolist())


DATA_SETS = {data[1][0]: data for data in map(with_true_columns, (0, 1, 2))}  # by the first y


def f_score(found, X, y):
    true, found = DATA_SETS[y[0]][2], {int(j) for j in found}
    return 2 * len(found & true) / (len(found) + len(true))


def not_zero_in_lasso_cv(X, y):
    from sklearn.linear_model import LassoCV

    return np.flatnonzero(LassoCV(cv=5).fit(X, y).coef_).tolist()


TASKS = [
    Task(
        soft_threshold,
        kind="line",
        cases=((V, 1.0), (V.reshape(2, 3), 0.25)),
        reference=shrunk,
        hint=(
            "Move the size |v| and give it its sign back: `np.sign`, `np.abs`, `np.maximum`.",
            "先移动绝对值 |v|，再还给它正负号：`np.sign`、`np.abs`、`np.maximum`。",
        ),
        mistakes=(
            Mistake(
                lambda v, t: np.sign(v) * (np.abs(v) - t),
                "Where |v| < t the number jumps to the other side of zero: it must stop at zero,"
                " `np.maximum(…, 0)`.",
                "|v| < t 时，数跳到了零的另一侧：应当停在零处，用 `np.maximum(…, 0)`。",
            ),
            Mistake(
                lambda v, t: np.where(np.abs(v) > t, v, 0),
                "That is hard thresholding: it drops the small ones but leaves the others as they"
                " are. Soft thresholding also moves those by t.",
                "这是硬阈值：去掉了小的，其余的原样不动。软阈值把其余的也向零移动 t。",
            ),
            Mistake(
                lambda v, t: np.maximum(v - t, 0),
                "Negative numbers all become zero: only those from −t to t should.",
                "负数全变成了零：只有 −t 到 t 之间的才应为零。",
            ),
            Mistake(
                lambda v, t: v / (1 + t),
                "That is an L2 penalty's step, v/(1 + t): it makes numbers smaller, never zero.",
                "这是 L2 惩罚的一步 v/(1 + t)：它只把数变小，从不变成零。",
            ),
        ),
    ),
    Task(
        proximal_step,
        kind="line",
        cases=((X_TABLE, Y_TABLE, THETA, 0.6, 0.1), (X_OTHER, Y_OTHER, THETA[1:], 1.5, 0.2)),
        reference=step,
        hint=(
            "First both gradients, as in lesson 3 but without the factor 2; then `soft_threshold`"
            " on the first p numbers only.",
            "先求两个梯度，与第 3 课一样，只是没有因子 2；再只对前 p 个数用 `soft_threshold`。",
        ),
        mistakes=(
            Mistake(
                lambda X, y, theta, alpha, rate: step(X, y, theta, alpha, rate, threshold=alpha),
                "The threshold is α here. It must be ηα: the penalty too acts only for the length"
                " of one step.",
                "这里的阈值是 α，应为 ηα：惩罚的作用也要乘以步长 η。",
            ),
            Mistake(
                lambda X, y, theta, alpha, rate: step(X, y, theta, alpha, rate, b_too=True),
                "b was thresholded too: the intercept is free of the penalty.",
                "对 b 也用了软阈值：截距不受惩罚。",
            ),
            Mistake(
                lambda X, y, theta, alpha, rate: step(X, y, theta, alpha, rate, factor=2),
                "That is the gradient of the mean squared error: f is half of that, 1/(2n).",
                "这是均方误差的梯度：f 是它的一半，1/(2n)。",
            ),
            Mistake(
                lambda X, y, theta, alpha, rate: step(X, y, theta, alpha, rate, threshold=0),
                "That is the gradient step alone; the proximal step is missing.",
                "这只是梯度下降的一步，少了近端步。",
            ),
            Mistake(
                lambda X, y, theta, alpha, rate: (
                    step(X, y, theta, alpha, rate, threshold=0)
                    - np.append(rate * alpha * np.sign(theta[:-1]), 0)
                ),
                "That is an ordinary gradient step with α·sign(w) in the gradient: it jumps across"
                " zero and never stops there.",
                "这是梯度中带有 α·sign(w) 的普通梯度步：它会跳过零，从不停在零处。",
            ),
        ),
    ),
    Task(
        smallest_alpha,
        kind="predict",
        cases=((X_TABLE, Y_TABLE), (X_OTHER, Y_OTHER)),
        reference=first_alpha,
        hint=(
            "With w = 0 the best b is the mean of y. Then ∂f/∂w = −Xᵀ(y − mean of y)/n.",
            "w = 0 时最好的 b 是 y 的均值。这时 ∂f/∂w = −Xᵀ(y − y 的均值)/n。",
        ),
        mistakes=(
            Mistake(
                lambda X, y: centred_pull(X, y).max(),
                "A derivative of either sign can pull a weight away from zero: take absolute values"
                " before the largest.",
                "偏导数无论正负，都能把权重拉离零：应先取绝对值，再取最大值。",
            ),
            Mistake(
                lambda X, y: len(y) * np.abs(centred_pull(X, y)).max(),
                "The sum over the rows must be divided by n: f is half of a mean.",
                "对各行求和之后要除以 n：f 是平均值的一半。",
            ),
            Mistake(
                lambda X, y: np.abs(X.T @ y).max() / len(y),
                "That is the gradient for b = 0. b is free: with the mean of y as b, the mean no"
                " longer pulls.",
                "这是 b = 0 时的梯度。b 不受惩罚：取 b 为 y 的均值之后，均值就不再有拉力了。",
            ),
            Mistake(
                lambda X, y: np.abs(centred_pull(X, y)).min(),
                "That is the smallest derivative: the column that is pulled hardest leaves first.",
                "这是最小的偏导数：最先离开零的是拉力最大的那一列。",
            ),
        ),
    ),
    Task(
        lasso_weights,
        kind="bug",
        cases=((X_TABLE, Y_TABLE, 0.5), (X_OTHER, Y_OTHER, 0.1)),
        reference=lambda X, y, alpha: references.elastic_net(X, y, alpha)[:-1],
        hint=(
            "`G[j] @ w` is the sum over all k. Which term does the formula leave out?",
            "`G[j] @ w` 是对所有的 k 求和。公式中不包括哪一项？",
        ),
        mistakes=(
            Mistake(
                lambda X, y, alpha: sweeps(X, y, alpha, own=False),
                "The weight still pulls on itself: `G[j] @ w` holds G_jj w_j as well, which must"
                " be added back.",
                "权重仍在拉它自己：`G[j] @ w` 里也有 G_jj w_j，必须加回来。",
            ),
            Mistake(
                lambda X, y, alpha: sweeps(X, y, 0),
                "Nothing is thresholded: that is least squares.",
                "没有用软阈值：这是最小二乘。",
            ),
            Mistake(
                lambda X, y, alpha: sweeps(X, y, alpha / 2),
                "The threshold is α/2: that is for a cost without the ½ in f.",
                "阈值成了 α/2：那对应的是 f 中没有 ½ 的代价。",
            ),
            Mistake(
                lambda X, y, alpha: sweeps(X, y, 0) * (np.abs(sweeps(X, y, 0)) > alpha),
                "That is least squares with the small weights struck out. The lasso also makes the"
                " others smaller, and they take over some of what is gone.",
                "这是把最小二乘的小权重划掉。套索回归还会让其余的权重变小，"
                "并由它们分担被去掉的部分。",
            ),
        ),
    ),
    Task(
        build_elastic_net,
        kind="model",
        cases=((3, 0.5, 0.25), (3, 0.2, 0.75)),
        reference=facts_by_hand,
        measure=net_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "Multiply the penalty by 2 and read off what stands before Σ |wⱼ| and before Σ wⱼ².",
            "把惩罚项乘以 2，再看 Σ |wⱼ| 和 Σ wⱼ² 前面各是什么。",
        ),
        mistakes=(
            Mistake(
                other_net(lambda a, r: a * r, lambda a, r: a * (1 - r) / 2),
                'That is the penalty as it stands beside f. "mse" is 2f, so both factors double.',
                '这是与 f 相配的惩罚。"mse" 是 2f，所以两个系数都要加倍。',
            ),
            Mistake(
                other_net(l2=lambda a, r: 2 * a * (1 - r)),
                "The ½ before the squares was forgotten: doubled, it gives l2 = α(1 − ρ).",
                "忘了平方项前面的 ½：加倍之后 l2 = α(1 − ρ)。",
            ),
            Mistake(
                other_net(lambda a, r: 2 * a * (1 - r), lambda a, r: a * r),
                "ρ and 1 − ρ have changed places: ρ is the fraction of L1, `l1_ratio`.",
                "ρ 和 1 − ρ 颠倒了：ρ 是 L1 所占的比例，即 `l1_ratio`。",
            ),
            Mistake(
                other_net(lambda a, r: 2 * a, lambda a, r: a),
                "ρ is not used: it splits α between L1 and L2.",
                "没有用到 ρ：它把 α 分给 L1 和 L2。",
            ),
            Mistake(
                other_net(on=("kernel", "bias")),
                "The bias is penalised too: b is free.",
                "偏置也受了惩罚：b 不应受惩罚。",
            ),
        ),
    ),
    Task(
        columns_found,
        kind="free",
        cases=tuple((X, y) for X, y, _ in DATA_SETS.values()),
        score=f_score,
        at_least=0.85,
        baseline=not_zero_in_lasso_cv,
        hint=(
            "`lasso_weights` from above finds candidates. It makes their weights smaller as well;"
            " fit those columns anew by least squares and drop the small ones.",
            "上面的 `lasso_weights` 可以找出候选的列。它也会把这些列的权重变小；"
            "对这些列重新做最小二乘，再去掉权重小的。",
        ),
        mistakes=(
            Mistake(
                lambda X, y: np.abs(X.T @ y) > 60,
                "A list of column numbers is wanted, not one True or False for each column:"
                " `np.flatnonzero`.",
                "需要的是列号的列表，不是每列一个 True 或 False：可以用 `np.flatnonzero`。",
                matches=lambda found, X, y: np.asarray(found).dtype == bool,
            ),
            Mistake(
                lambda X, y: [*range(X.shape[1])],
                "All columns: nothing is missed, but nearly nothing of what is found is true.",
                "所有的列：一个也没漏，但找到的几乎都不是真的。",
            ),
            Mistake(
                not_zero_in_lasso_cv,
                "That is what LassoCV selects. It chooses α so that predictions are good, and then"
                " many small weights of chance remain: a larger α, or drop the small weights.",
                "这是 LassoCV 选出的列。它选的 α 是为了预测得好，因而留下许多碰巧的小权重："
                "可以用更大的 α，或者去掉小的权重。",
            ),
            Mistake(
                lambda X, y: [],
                "No column at all: α was too high.",
                "一列也没有：α 太大了。",
                matches=lambda found, X, y: len(found) == 0,
            ),
        ),
    ),
]
