"""Exercises of lesson 13: randomness.

Fill in each function. As in the lesson, three dice are thrown in a training: one for the initial
weights, one for the order of the batches, one for the noise in the data. A run is one training.
Shapes are given as in NumPy; `numpy` and `keras` are all you need.

zh:
第 13 课练习：随机性。

请完成每个函数。与课文相同，一次训练要掷三个骰子：一个决定初始权重，
一个决定小批量的顺序，一个决定数据中的噪声。
形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`。
"""

import keras
import numpy as np


def standard_error(f):
    """The standard error of the mean of some runs: s / √n.

    s is the standard deviation as n runs estimate it: the squared distances from their mean
    are summed and divided by n − 1, and s is the root of that. `np.std` divides by n, unless you
    give it `ddof=1`.
    f: the costs of the runs, shape (n,). Return a number.

    zh:
    若干次训练的均值的标准误：s / √n。

    s 是由 n 次训练估计的标准差：
    把各次与均值之差的平方加起来，除以 n − 1，再开方。
    函数 `np.std` 除以的是 n，加上参数 `ddof=1` 才除以 n − 1。
    f：各次训练的代价，形状 (n,)。返回一个数。
    """
    # solution
    return np.std(f, ddof=1) / np.sqrt(len(f))


def variance_of_one_die(f, replaced):
    """How much variance one of the three dice brings in: ½ mean((f − f′)²).

    f′ is the cost of the same run as f, but with this one die thrown anew.
    f: the costs of the runs, shape (n,). replaced: f′ of each run, shape (n,). Return a number.

    zh:
    三个骰子中的一个带来多少方差：½ (f − f′)² 的平均值。

    f′ 是与 f 相同的一次训练的代价，只是这一个骰子重新掷过。
    f：各次训练的代价，形状 (n,)。replaced：各次训练的 f′，形状 (n,)。返回一个数。
    """
    # solution
    return np.mean((f - replaced) ** 2) / 2


def remaining_difference(X, learning_rate, steps, difference):
    """How much two trainings differ at the end whose initial weights alone differ.

    Both minimise J = 1/n Σ (x·w − y)² by gradient descent with all rows at every step. At the
    start their weights differ by `difference`. Predict by how much they differ after `steps`
    steps: nothing else about the two starts, nor y, is needed. `np.linalg.matrix_power(A, k)` is
    the k-th power of the matrix A, and `np.eye(p)` is the matrix I.
    X: shape (n, p). learning_rate: η. steps: a whole number. difference: shape (p,).
    Return shape (p,).

    zh:
    两次训练只有初始权重不同，到最后还相差多少？

    两次都用全批量梯度下降使 J = 1/n Σ (x·w − y)² 最小。
    开始时两组权重之差是 difference。请预测走了 steps 步之后的差：
    不需要知道两个起点本身，也不需要 y。
    矩阵 A 的 k 次方是 `np.linalg.matrix_power(A, k)`，单位矩阵 I 是 `np.eye(p)`。
    X：形状 (n, p)。learning_rate：η。steps：整数。difference：形状 (p,)。
    返回形状 (p,)。
    """
    # solution
    step = np.eye(X.shape[1]) - 2 * learning_rate / len(X) * X.T @ X
    return np.linalg.matrix_power(step, steps) @ difference


def interval_of_difference(f, g, t):
    """The 95 % interval of mean(f) − mean(g), where both had the same seeds.

    Run i of one learning rate and run i of the other had the same luck, most of which drops
    out of f[i] − g[i]. Half the width of the interval is t times the standard error of the
    mean difference. There is a mistake in this function: find it.
    f, g: costs at the two learning rates, shape (n,). t: the 97.5 % quantile of the t distribution
    with n − 1 degrees of freedom, a number (2.776 for n = 5). Return the lower and the upper end.

    zh:
    mean(f) − mean(g) 的 95 % 置信区间；两边用的是相同的随机种子。

    一个学习率的第 i 次训练与另一个学习率的第 i 次训练运气相同，
    相减 f[i] − g[i] 时大部分就抵消了。
    区间宽度的一半是 t 乘以差的均值的标准误。
    这个函数里有一个错误：请找出来。
    f、g：两个学习率下的代价，形状 (n,)。
    t：自由度为 n − 1 的 t 分布的 97.5 % 分位数，一个数（n = 5 时是 2.776）。
    返回区间的下端和上端。
    """
    n = len(f)
    middle = f.mean() - g.mean()
    # solution
    # given: half = t * np.sqrt((f.var(ddof=1) + g.var(ddof=1)) / n)
    half = t * (f - g).std(ddof=1) / np.sqrt(n)
    # end
    return middle - half, middle + half


def build_model(n_inputs, seed):
    """A network whose initial weights are the same on every backend: NumPy draws them.

    From p inputs: 16 sigmoid units, then 10 units with softmax. Draw with
    `rng = np.random.default_rng(seed)` and `rng.normal`, first the weights of the hidden
    layer, shape (p, 16), divided by √p, then those of the last layer, shape (16, 10), divided
    by √16. All intercepts are 0. The model need not be compiled.
    n_inputs: p. seed: a whole number, or a list of them. Return a keras.Model from (n, p) to
    (n, 10).

    zh:
    一个网络，初始权重由 NumPy 抽取，因此在每个后端上都相同。

    p 个输入；先是 16 个 sigmoid 单元，再是 10 个带 softmax 的单元。
    用 `rng = np.random.default_rng(seed)` 和 `rng.normal` 抽取：
    先抽隐藏层的权重，形状 (p, 16)，除以 √p；
    再抽最后一层的权重，形状 (16, 10)，除以 √16。
    偏置都是 0。不需要编译。
    n_inputs：p。seed：一个整数，或由整数组成的列表。
    返回一个从 (n, p) 到 (n, 10) 的 keras.Model。
    """
    # solution
    rng = np.random.default_rng(seed)
    W1 = rng.normal(size=(n_inputs, 16)) / np.sqrt(n_inputs)
    W2 = rng.normal(size=(16, 10)) / np.sqrt(16)
    model = keras.Sequential(
        [
            keras.Input((n_inputs,)),
            keras.layers.Dense(16, activation="sigmoid"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.set_weights([W1, np.zeros(16), W2, np.zeros(10)])
    return model


def plan_of_runs(n):
    """Which runs to train, so that two learning rates can be told apart with few of them.

    A run is named by three whole numbers from 0 to 9999, one for each die: initial weights,
    order of batches, noise in the data. Equal numbers, equal throws. Name n runs for each of
    the two learning rates. Within one learning rate no number may come twice for the same die:
    the mean is to hold for new throws, not for one lucky throw.

    The check trains the lesson's network by your plan, run i of one learning rate against run
    i of the other, and looks at the standard deviation of their n differences in cost. The
    score is how many times smaller it is than with throws that have nothing to do with each
    other, a plan whose score is about 1; at least 6 is wanted.
    n: a whole number. Return whole numbers, shape (2, n, 3).

    zh:
    安排要做哪些训练，用较少的次数就能分清两个学习率。

    一次训练由三个 0 到 9999 的整数来命名，每个骰子一个，依次是：
    初始权重、小批量的顺序、数据中的噪声。整数相同，掷出的结果就相同。
    请为两个学习率各安排 n 次训练。同一个学习率之内，
    同一个骰子的数不得重复：均值应当对新掷的骰子也成立，
    而不是只对某一次的好运气成立。

    检查时按你的安排训练本课的网络，让一个学习率的第 i 次与另一个的第 i 次相比，
    再看 n 个代价之差的标准差。
    得分是“两边的骰子毫不相干”时的标准差与它之比，
    所以那样安排的得分大约是 1；要求不低于 6。
    n：整数。返回整数，形状 (2, n, 3)。
    """
    # solution
    runs = np.tile(np.arange(n)[:, None], (1, 3))
    return np.stack([runs, runs])


# --- checks ---

import functools

from course import lesson13
from course.grading.exercise import Mistake, Task
from course.training import network

rng = np.random.default_rng(13)
COSTS, OTHERS = rng.normal(0.6, 0.1, size=9), rng.normal(0.7, 0.2, size=5)
LUCK = rng.normal(0.6, 0.1, size=9)
PAIR = LUCK, LUCK + rng.normal(0.05, 0.02, size=9)
OTHER_PAIR = OTHERS, OTHERS - rng.normal(0.03, 0.04, size=5)
TABLE, WIDE = rng.normal(size=(7, 3)), rng.normal(size=(6, 2))
DIFFERENCE = np.array([1.5, -2.0, 0.5])


def sem(f):
    from scipy.stats import sem

    return sem(f)


def half_squared_error(f, replaced):
    from sklearn.metrics import mean_squared_error

    return mean_squared_error(f, replaced) / 2


def two_descents(X, learning_rate, steps, difference):
    """From two starts, for targets that don't matter."""
    rng = np.random.default_rng(0)
    start, y = rng.normal(size=len(difference)), rng.normal(size=len(X))
    first, second = (
        lesson13.fit_batches(X, y[None], w[None], [np.arange(len(X))] * steps, learning_rate)[0]
        for w in (start + difference, start)
    )
    return first - second


def scipys_interval(f, g, t):
    from scipy.stats import ttest_rel

    return ttest_rel(f, g).confidence_interval()


def around(f, g, half):
    return f.mean() - g.mean() - half, f.mean() - g.mean() + half


def quantile(n):
    from scipy.stats import t

    return t.ppf(0.975, n - 1)


def rows(n_inputs):
    return np.random.default_rng(0).normal(size=(5, n_inputs))


FIRST_WEIGHTS = ("weights of the hidden layer", "隐藏层的权重")
LAST_WEIGHTS = ("weights of the last layer", "最后一层的权重")
INTERCEPTS = ("intercepts", "偏置")
OUTPUTS = ("outputs", "输出")
COUNT = ("number of weights", "权重的个数")


def facts(weights, said):
    """Of arrays of weights, whatever their number is."""
    tables = [w for w in weights if w.ndim == 2]
    return {
        COUNT: sum(w.size for w in weights),
        INTERCEPTS: np.concatenate([[0.0], *(w for w in weights if w.ndim == 1)]),
        FIRST_WEIGHTS: tables[0],
        LAST_WEIGHTS: tables[-1],
        OUTPUTS: said,
    }


def model_facts(model, n_inputs, seed):
    return facts(model.get_weights(), keras.ops.convert_to_numpy(model(rows(n_inputs))))


def lessons_facts(n_inputs, seed):
    """By the lesson's own draw, whose seed of the initial weights is [s, 0, k]."""
    s, _, k = seed
    weights = lesson13.draw(s, (k, 0, 0), np.zeros((1, n_inputs)), epochs=1)[0]
    return facts(weights, network.forward(rows(n_inputs), weights)[1])


def other_model(draw, hidden="sigmoid"):
    """`draw(seed, p)` gives the weights; None leaves Keras's own."""

    def build(n_inputs, seed):
        model = keras.Sequential(
            [
                keras.Input((n_inputs,)),
                keras.layers.Dense(16, activation=hidden),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        if draw:
            W1, W2 = draw(seed, n_inputs)
            model.set_weights([W1, np.zeros(16), W2, np.zeros(10)])
        return model

    return build


def usual_draw(seed, p):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(p, 16)) / np.sqrt(p), rng.normal(size=(16, 10)) / 4


def unscaled_draw(seed, p):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(p, 16)), rng.normal(size=(16, 10))


def reversed_draw(seed, p):
    rng = np.random.default_rng(seed)
    W2 = rng.normal(size=(16, 10)) / 4
    return rng.normal(size=(p, 16)) / np.sqrt(p), W2


def twice_seeded_draw(seed, p):
    first, second = np.random.default_rng(seed), np.random.default_rng(seed)
    return first.normal(size=(p, 16)) / np.sqrt(p), second.normal(size=(16, 10)) / 4


def old_draw(seed, p):
    rng = np.random.RandomState(seed)
    return rng.normal(size=(p, 16)) / np.sqrt(p), rng.normal(size=(16, 10)) / 4


def glorots(model, n_inputs, seed):
    """Whether the weights lie within the limits of Keras's own initial ones; NumPy's do not."""
    W1, _, W2, _ = model.get_weights()
    within = [np.abs(W).max() <= np.sqrt(6 / sum(W.shape)) for W in (W1, W2)]
    return all(within) and np.any(W1)


RUNS, LEARNING_RATES = 20, (lesson13.LEARNING_RATE, lesson13.OTHER_RATE)


@functools.cache
def parts():
    return lesson13.load_data()


def costs(runs, learning_rate):
    """The lesson's network on its digits, each run by hand; two epochs tell enough."""
    (X, y), _, test = parts()
    weights = lesson13.train_by_hand(13, [tuple(run) for run in runs], X, y, learning_rate, 2)
    return lesson13.cost(*test, weights)


def independent_runs(n):
    """A plan in which no two throws have to do with each other."""
    numbers = np.arange(2 * n).reshape(2, n, 1) + 5000
    return np.tile(numbers, (1, 1, 3))


@functools.cache
def usual_deviation():
    """Of the difference of two runs with throws of their own, at the two learning rates."""
    both = [
        costs(runs, eta) for runs, eta in zip(independent_runs(60), LEARNING_RATES, strict=True)
    ]
    return np.sqrt(sum(f.var(ddof=1) for f in both))


def times_smaller(plan, n):
    both = [costs(runs, eta) for runs, eta in zip(np.asarray(plan), LEARNING_RATES, strict=True)]
    return usual_deviation() / (both[0] - both[1]).std(ddof=1)


def shape_is_wrong(plan, n):
    plan = np.asarray(plan)
    in_range = plan.dtype.kind in "iu" and plan.size and 0 <= plan.min() <= plan.max() <= 9999
    return plan.shape != (2, n, 3) or not in_range


def repeats(plan, n):
    plan = np.asarray(plan)
    return any(len(set(die)) < n for runs in plan for die in runs.T)


def shared(plan):
    """For each die, the fraction of the pairs in which both runs have the same throw."""
    one, other = np.asarray(plan)
    return np.mean(one == other, axis=0)


def counted_plan(other):
    """Runs 0, 1, … at the first learning rate; `other(runs)` at the second."""

    def plan(n):
        runs = np.tile(np.arange(n)[:, None], (1, 3))
        return np.stack([runs, other(runs)])

    return plan


TASKS = [
    Task(
        standard_error,
        kind="line",
        cases=((COSTS,), (OTHERS,)),
        reference=sem,
        hint=(
            "NumPy's `std` divides by n unless it is told otherwise: `ddof=1`.",
            "NumPy 的 `std` 默认除以 n；要除以 n − 1，用 `ddof=1`。",
        ),
        mistakes=(
            Mistake(
                lambda f: f.std() / np.sqrt(len(f)),
                "In s the sum is divided by n, not n − 1: too small, since the runs lie nearer to"
                " their own mean than to the true one.",
                "s 里除的是 n，而不是 n − 1：这样偏小，"
                "因为各次训练离它们自己的均值比离真均值更近。",
            ),
            Mistake(
                lambda f: f.std(ddof=1),
                "That is s itself, the spread of single runs; their mean is √n times as sure.",
                "这是 s 本身，即单次训练的离散程度；均值的标准误只有它的 1/√n。",
            ),
            Mistake(
                lambda f: f.std(ddof=1) / len(f),
                "Divided by n instead of √n: variances are divided by n, deviations by its root.",
                "除以了 n，而不是 √n：方差除以 n，标准差除以 √n。",
            ),
            Mistake(
                lambda f: f.var(ddof=1) / len(f),
                "That is the variance of the mean; the standard error is its root.",
                "这是均值的方差；标准误是它的平方根。",
            ),
        ),
    ),
    Task(
        variance_of_one_die,
        kind="line",
        cases=((COSTS, LUCK), (OTHERS, COSTS[:5] + 0.2)),
        reference=half_squared_error,
        hint=(
            "f and f′ both vary, each by the same variance: that is where the ½ comes from.",
            "f 和 f′ 都在变，方差相同：½ 就是这么来的。",
        ),
        mistakes=(
            Mistake(
                lambda f, g: np.mean((f - g) ** 2),
                "The ½ is missing: the difference of two throws varies twice as much as one.",
                "少了 ½：两次投掷之差的方差是一次的两倍。",
            ),
            Mistake(
                lambda f, g: np.var(f - g) / 2,
                "The mean of f − f′ is subtracted; here it is known to be 0 in the long run, and"
                " the squares themselves are averaged.",
                "减去了 f − f′ 的均值；这里已知它的期望是 0，直接对平方求平均即可。",
            ),
            Mistake(
                lambda f, g: np.mean(f - g) ** 2 / 2,
                "Averaged first and squared afterwards: the differences cancel each other.",
                "先平均、后平方：各个差互相抵消了。",
            ),
            Mistake(
                lambda f, g: np.mean(np.abs(f - g)) / 2,
                "That is the mean of the absolute differences; a variance has squares.",
                "这是差的绝对值的平均；方差要用平方。",
            ),
        ),
    ),
    Task(
        remaining_difference,
        kind="predict",
        cases=((TABLE, 0.1, 4, DIFFERENCE), (WIDE, 0.2, 3, DIFFERENCE[:2])),
        reference=two_descents,
        hint=(
            "Write down one step for both and subtract: y drops out, and the difference is"
            " multiplied by the matrix I − ηH, H = 2/n XᵀX. `np.linalg.matrix_power` does so"
            " several times.",
            "写出两次训练的同一步，相减：y 消去了，差被乘以矩阵 I − ηH，其中 H = 2/n XᵀX。"
            "要乘多次，可用 `np.linalg.matrix_power`。",
        ),
        mistakes=(
            Mistake(
                lambda X, eta, steps, d: two_descents(X, eta / 2, steps, d),
                "The 2 of the square's derivative is missing in H = 2/n XᵀX.",
                "H = 2/n XᵀX 中少了平方求导得到的 2。",
            ),
            Mistake(
                lambda X, eta, steps, d: two_descents(X, eta * len(X), steps, d),
                "The cost is a mean: H = 2/n XᵀX, and the n is missing.",
                "代价是平均值：H = 2/n XᵀX，这里少了 n。",
            ),
            Mistake(
                lambda X, eta, steps, d: two_descents(X, -eta, steps, d),
                "The difference grows: descent goes against the gradient, I − ηH.",
                "差变大了：下降是逆着梯度走，应当是 I − ηH。",
            ),
            Mistake(
                lambda X, eta, steps, d: two_descents(X, eta, 1, d),
                "That is after one step; every further step multiplies by the matrix again.",
                "这是一步之后的差；每多走一步，就要再乘一次这个矩阵。",
            ),
            Mistake(
                lambda X, eta, steps, d: (
                    (np.eye(X.shape[1]) - 2 * eta / len(X) * X.T @ X) ** steps @ d
                ),
                "`**` raises each number of the matrix by itself; `np.linalg.matrix_power`"
                " multiplies matrices.",
                "`**` 是对矩阵的每个数分别求幂；`np.linalg.matrix_power` 才是矩阵相乘。",
            ),
        ),
    ),
    Task(
        interval_of_difference,
        kind="bug",
        cases=((*PAIR, quantile(9)), (*OTHER_PAIR, quantile(5))),
        reference=scipys_interval,
        hint=(
            "What would the interval be if g were f plus 0.05 in every run? And what does the"
            " function say?",
            "如果每次训练的 g 都恰好是 f 加 0.05，区间该是什么？这个函数又给出什么？",
        ),
        mistakes=(
            Mistake(
                lambda f, g, t: around(f, g, t * np.sqrt((f.var(ddof=1) + g.var(ddof=1)) / len(f))),
                "That is the interval for runs whose seeds differ. Here both sides share their"
                " luck, most of which drops out of f − g: take the deviation of these differences.",
                "这是两边种子不同时的区间。这里两边运气相同，相减时大部分就抵消了："
                "应当取差 f − g 的标准差。",
            ),
            Mistake(
                lambda f, g, t: around(f, g, t * (f - g).std() / np.sqrt(len(f))),
                "The deviation of the differences has n in the denominator, not n − 1: `ddof=1`.",
                "差的标准差里除的是 n，而不是 n − 1：要用 `ddof=1`。",
            ),
            Mistake(
                lambda f, g, t: around(f, g, t * (f - g).std(ddof=1)),
                "That is where single differences lie; their mean is √n times as sure.",
                "这是单个差所在的范围；差的均值的范围只有它的 1/√n。",
            ),
            Mistake(
                lambda f, g, t: around(f, g, (f - g).std(ddof=1) / np.sqrt(len(f))),
                "One standard error to each side covers only about two thirds; the factor t is"
                " missing.",
                "两侧各一个标准误，只能覆盖大约三分之二的情况；少了因子 t。",
            ),
            Mistake(
                lambda f, g, t: around(f, g, t * (f - g).var(ddof=1) / np.sqrt(len(f))),
                "The variance stands where the deviation belongs.",
                "该用标准差的地方用了方差。",
            ),
        ),
    ),
    Task(
        build_model,
        kind="model",
        cases=((5, [13, 0, 7]), (9, [2, 0, 1])),
        reference=lessons_facts,
        measure=model_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "`model.set_weights` takes the list W1, b1, W2, b2. One `rng` draws both arrays, one"
            " after the other.",
            "`model.set_weights` 接受列表 W1、b1、W2、b2。同一个 `rng` 先后抽取两个权重矩阵。",
        ),
        mistakes=(
            Mistake(
                other_model(None),
                "Those are Keras's own initial weights: NumPy's seed does not reach them. Give the"
                " model yours with `model.set_weights`.",
                "这是 Keras 自己的初始权重：NumPy 的种子管不到它们。请用 `model.set_weights`"
                " 把你的权重交给模型。",
                matches=glorots,
            ),
            Mistake(
                other_model(unscaled_draw),
                "The weights are not divided by the root of the number of inputs: sigmoids of"
                " such large sums hardly move.",
                "权重没有除以输入个数的平方根：加权和太大，sigmoid 几乎不再变化。",
            ),
            Mistake(
                other_model(twice_seeded_draw),
                "Each layer has a generator of its own with the same seed, so both arrays begin"
                " with the same numbers: the draws are not independent. Make one `rng`.",
                "每层都用同一个种子新建了生成器，两个权重矩阵开头的数相同，抽取并不独立。"
                "只建一个 `rng`。",
            ),
            Mistake(
                other_model(reversed_draw),
                "The last layer is drawn first: the same seed gives the same numbers only in the"
                " same order of draws.",
                "先抽了最后一层：抽取的先后相同，同一个种子才给出同样的权重。",
            ),
            Mistake(
                other_model(old_draw),
                "Those are the numbers of `np.random.seed` and `RandomState`; another generator"
                " gives other numbers for the same seed. Use `np.random.default_rng`.",
                "这是 `np.random.seed` 和 `RandomState` 的数；"
                "生成器不同，同一个种子给出的数也不同。"
                "请用 `np.random.default_rng`。",
            ),
            Mistake(
                other_model(usual_draw, hidden="relu"),
                "The hidden units have relu; sigmoid is wanted.",
                "隐藏单元用了 relu；要的是 sigmoid。",
            ),
        ),
    ),
    Task(
        plan_of_runs,
        kind="free",
        cases=((RUNS,),),
        score=times_smaller,
        at_least=6,
        baseline=1.0,
        hint=(
            "What both runs of a pair have in common drops out of their difference. How much can"
            " they have in common?",
            "同一对的两次训练所共有的东西，相减时就抵消了。它们最多可以共有多少？",
        ),
        mistakes=(
            Mistake(
                lambda n: np.stack([np.arange(n), np.arange(n)]),
                "The plan must hold whole numbers from 0 to 9999, shape (2, n, 3): for each"
                " learning rate n runs of three numbers each.",
                "要返回 0 到 9999 的整数，形状 (2, n, 3)：每个学习率 n 次训练，每次三个数。",
                matches=shape_is_wrong,
            ),
            Mistake(
                lambda n: np.zeros((2, n, 3), int),
                "A die shows the same throw more than once within one learning rate. Such runs"
                " are no new evidence: nothing would be known about other throws.",
                "同一个学习率之内，有的骰子重复使用了同一次投掷。"
                "这样的训练不是新的证据：换一次投掷会怎样，仍然一无所知。",
                matches=repeats,
            ),
            Mistake(
                counted_plan(lambda runs: np.roll(runs, 1, axis=0)),
                "Both learning rates have the same runs, but not at the same places: run i is"
                " compared with run i.",
                "两个学习率用了同样的训练，位置却没有对上：是第 i 次与第 i 次相比。",
                matches=lambda plan, n: (
                    set(map(tuple, np.asarray(plan)[0])) == set(map(tuple, np.asarray(plan)[1]))
                    and np.any(shared(plan) < 1)
                ),
            ),
            Mistake(
                independent_runs,
                "No throw is shared, so both runs' luck is in every difference: that is the"
                " plan whose score is about 1.",
                "没有任何一次投掷是共有的，两边的运气都留在差里：这正是得分大约为 1 的安排。",
                matches=lambda plan, n: not shared(plan).any(),
            ),
            Mistake(
                counted_plan(lambda runs: runs + [0, len(runs), len(runs)]),
                "Only some of the three dice are shared within a pair; the others' luck is still"
                " in the difference.",
                "同一对的两次训练只共有一部分骰子；其余骰子的运气仍然留在差里。",
                matches=lambda plan, n: np.any(shared(plan) == 1) and np.any(shared(plan) < 1),
            ),
        ),
    ),
]
