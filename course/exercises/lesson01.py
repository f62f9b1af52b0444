"""Exercises of lesson 1: exhaustive search.

Fill in each function. Shapes are given as in NumPy; `numpy` and `keras` are all you need.

zh:
第 1 课练习：穷举搜索。

请完成每个函数。形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`。
"""

import keras
import numpy as np


def costs(x, y, grid):
    """The cost J(w) = 1/n Σ (xᵢ w − yᵢ)² of every weight w on a grid.

    x, y: shape (n,). grid: shape (k,).
    Return the costs in the order of the grid, shape (k,).

    zh:
    网格上每个权重 w 的代价 J(w) = 1/n Σ (xᵢ w − yᵢ)²。

    x、y：形状 (n,)。grid：形状 (k,)。
    按网格的顺序返回各个代价，形状 (k,)。
    """
    # solution
    return np.mean((grid[:, None] * x - y) ** 2, axis=1)


def tries(n_weights, lowest, highest, spacing):
    """How many combinations an exhaustive search for several weights has to try.

    Each weight takes every value from `lowest` to `highest`, both of them included, in steps
    of `spacing`, which goes into the range a whole number of times. Predict the number for
    3 weights from 0 to 4 in steps of 0.1 before you write the formula. Decimals are not exact on a
    computer: `round` gives the nearest whole number.
    n_weights: p. Return a whole number.

    zh:
    对几个权重做穷举搜索，一共要试多少种组合？

    每个权重从 `lowest` 取到 `highest`，两端都取，步长为 `spacing`；
    范围恰好是步长的整数倍。写公式之前，请先预测：
    3 个权重，从 0 到 4，步长 0.1，是多少种？
    计算机里的小数不精确：`round` 给出最接近的整数。
    n_weights：p。返回一个整数。
    """
    # solution
    return (round((highest - lowest) / spacing) + 1) ** n_weights


def best_weight(x, y, grid):
    """The weight on the grid with the smallest cost J(w) = 1/n Σ (xᵢ w − yᵢ)².

    There is a mistake in this function: find it.
    x, y: shape (n,). grid: shape (k,), in any order. Return a number.

    zh:
    网格上代价 J(w) = 1/n Σ (xᵢ w − yᵢ)² 最小的权重。

    这个函数里有一个错误：请找出来。
    x、y：形状 (n,)。grid：形状 (k,)，顺序任意。返回一个数。
    """
    best, lowest = None, np.inf
    for w in grid:
        J = np.mean((x * w - y) ** 2)
        # solution
        # given: if J < lowest:
        # given:     best = w
        if J < lowest:
            best, lowest = w, J
        # end
    return best


def build_model(candidates):
    """A Keras model that tries k candidates at once, each of them p weights.

    One Dense layer of k units without bias and without activation: for the row x, unit j says
    x₁ wⱼ₁ + … + xₚ wⱼₚ, where wⱼ is row j of `candidates`. Nothing is trained: put the
    weights in (`A.T` is a table A with its rows and columns exchanged). There is no need to
    compile.
    candidates: shape (k, p). Return a keras.Model from (n, p) to (n, k).

    zh:
    用一个 Keras 模型同时试 k 个候选，每个候选是 p 个权重。

    只有一层 Dense：k 个单元，不带偏置，没有激活函数。对样本 x，第 j 个单元输出
    x₁ wⱼ₁ + … + xₚ wⱼₚ，其中 wⱼ 是 `candidates` 的第 j 行。
    什么都不训练，把权重放进去就行（`A.T` 把表 A 的行和列对调）；也不必编译（compile）。
    candidates：形状 (k, p)。返回一个从 (n, p) 到 (n, k) 的 keras.Model。
    """
    # solution
    k, p = candidates.shape
    model = keras.Sequential([keras.Input((p,)), keras.layers.Dense(k, use_bias=False)])
    model.set_weights([candidates.T])
    return model


def find_minimum(J, lowest, highest):
    """The w between `lowest` and `highest` where J(w) is smallest, found with at most 100 calls.

    J is a bowl: it falls as far as its minimum and rises from there on, but it is no parabola.
    A grid of 100 values from −4 to 4 may miss the minimum by 0.04. You must come closer than
    0.0001 (4 correct decimals; the grid reaches about 1.4). After 100 calls J raises an error.
    J: a function of a number. Return a number.

    zh:
    在 `lowest` 与 `highest` 之间找出使 J(w) 最小的 w，最多调用 J 100 次。

    J 像一只碗：到最小值点为止一直下降，过了最小值点一直上升，但它不是抛物线。
    从 −4 到 4 取 100 个值的网格，与最小值点可能相差 0.04。你的结果必须相差不到 0.0001
    （4 位小数正确；网格大约只有 1.4 位）。调用超过 100 次，J 就会报错。
    J：一个数的函数。返回一个数。
    """
    # solution
    for _ in range(14):
        grid = np.linspace(lowest, highest, 7)
        best = min(grid, key=J)
        spacing = grid[1] - grid[0]
        lowest, highest = best - spacing, best + spacing
    return best


# --- checks ---

import itertools
from fractions import Fraction

from course import lesson01
from course.grading.exercise import Mistake, Task

rng = np.random.default_rng(1)
X_FIVE = rng.normal(size=5)
Y_FIVE = 1.3 * X_FIVE + 0.4 * rng.normal(size=5) + 0.5
GRID = np.linspace(-1, 3, 9)
MIXED = np.array([0.4, 2.3, 1.6, 1.1, -0.7, 1.9, 0.9])  # the cost falls for the last time at 1.9
CANDIDATES = rng.normal(size=(4, 3))
LIMIT = 100


class Bowl:
    """exp(w − c) − (w − c) + 2, lowest at w = c; copies start to count their calls anew."""

    def __init__(self, minimum):
        self.minimum = minimum
        self.calls = 0

    def __call__(self, w):
        self.calls += np.asarray(w).size  # a whole grid at once counts as so many calls
        if self.calls > LIMIT:
            raise RuntimeError(f"J: more than {LIMIT} calls / 调用超过 {LIMIT} 次")
        return np.exp(w - self.minimum) - (w - self.minimum) + 2


def counted(n_weights, lowest, highest, spacing):
    """Every combination counted, in exact fractions."""
    low, high, step = (Fraction(str(number)) for number in (lowest, highest, spacing))
    values = list(itertools.takewhile(lambda w: w <= high, itertools.count(low, step)))
    return sum(1 for _ in itertools.product(values, repeat=n_weights))


def mean_squared_errors(x, y, grid):
    from sklearn.metrics import mean_squared_error

    return [mean_squared_error(y, x * w) for w in grid]


def compared_with_the_one_before(x, y, grid):
    best, before = None, np.inf
    for w in grid:
        J = lesson01.cost(w, x, y)
        if J < before:
            best = w
        before = J
    return best


def model_facts(model, candidates):
    X = np.random.default_rng(0).normal(size=(5, candidates.shape[1]))
    return {
        ("number of weights", "权重的个数"): model.count_params(),
        ("outputs for five rows", "五个样本的输出"): model(X),
    }


def facts_by_hand(candidates):
    X = np.random.default_rng(0).normal(size=(5, candidates.shape[1]))
    return {
        ("number of weights", "权重的个数"): candidates.size,
        ("outputs for five rows", "五个样本的输出"): [[x @ w for w in candidates] for x in X],
    }


def other_model(arrange=np.transpose, use_bias=False, **dense):
    def build(candidates):
        k, p = candidates.shape
        layer = keras.layers.Dense(k, use_bias=use_bias, **dense)
        model = keras.Sequential([keras.Input((p,)), layer])
        model.set_weights([arrange(candidates), *([np.zeros(k)] if use_bias else [])])
        return model

    return build


def correct_decimals(w, J, *_):
    return -np.log10(max(abs(float(w) - J.minimum), 1e-12))


def rounds(sizes, left=1.0, right=1.0):
    """A search in rounds of so many values, each so many spacings around the last one's best."""

    def search(J, lowest, highest):
        for size in sizes:
            grid = np.linspace(lowest, highest, size)
            best, spacing = min(grid, key=J), grid[1] - grid[0]
            lowest, highest = best - left * spacing, best + right * spacing
        return best

    return search


TASKS = [
    Task(
        costs,
        kind="line",
        cases=((X_FIVE, Y_FIVE, GRID), (np.array([1.0, 2, 3, 5]), np.array([2.0, 4, 6, 9]), GRID)),
        reference=mean_squared_errors,
        hint=(
            "For one weight it is `np.mean((x * w - y) ** 2)`. For all of them: a loop, or"
            " `grid[:, None] * x`, a table with a row for each weight.",
            "一个权重的代价是 `np.mean((x * w - y) ** 2)`。要算全部权重，可以用循环，"
            "也可以用 `grid[:, None] * x`：它是一张表，每个权重一行。",
        ),
        mistakes=(
            Mistake(
                lambda x, y, grid: np.abs(grid[:, None] * x - y).mean(axis=1),
                "That is the mean of the absolute errors: the errors are to be squared.",
                "这是误差绝对值的平均：误差要平方。",
            ),
            Mistake(
                lambda x, y, grid: (grid[:, None] * x - y).mean(axis=1) ** 2,
                "The mean comes before the square: errors of opposite sign cancel. Square each"
                " error first, then take the mean.",
                "先求了平均才平方：一正一负的误差互相抵消了。应当先平方每个误差，再求平均。",
            ),
            Mistake(
                lambda x, y, grid: ((grid[:, None] * x - y) ** 2).mean(axis=0),
                "The mean goes over the weights; it must go over the examples, and each weight"
                " keeps a cost of its own.",
                "这是对权重求了平均；应当对样本求平均，每个权重各有自己的代价。",
            ),
            Mistake(
                lambda x, y, grid: (grid[:, None] * x - y) ** 2,
                "Those are the squared errors of every weight for every example: the mean over"
                " the examples is missing.",
                "这是每个权重在每个样本上的误差平方：还没有对样本求平均。",
            ),
        ),
    ),
    Task(
        tries,
        kind="predict",
        cases=((3, 0, 4, 0.1), (2, -1, 1, 0.25), (1, 0, 0.3, 0.1)),
        reference=counted,
        hint=(
            "First count the values of one weight: from 0 to 1 in steps of 0.5 they are three."
            " Then: to each value of the first weight belong all values of the second.",
            "先数一个权重有几个值：从 0 到 1，步长 0.5，是三个。"
            "再想：第一个权重的每个值，都要配上第二个权重的所有值。",
        ),
        mistakes=(
            Mistake(
                lambda p, lowest, highest, spacing: round((highest - lowest) / spacing) ** p,
                "Those are the gaps. With both ends there is one value more than there are gaps.",
                "这是间隔的个数。两端都取时，值比间隔多一个。",
            ),
            Mistake(
                lambda p, lowest, highest, spacing: (round((highest - lowest) / spacing) + 1) * p,
                "k · p, where kᵖ is wanted: the weights are tried in all combinations, not one"
                " after the other.",
                "这是 k · p，应为 kᵖ：要试的是各权重的所有组合，而不是一个接一个地试。",
            ),
            Mistake(
                lambda p, lowest, highest, spacing: p ** (round((highest - lowest) / spacing) + 1),
                "pᵏ, where kᵖ is wanted: each of the p weights has k values to choose from.",
                "这是 pᵏ，应为 kᵖ：p 个权重，每个都有 k 个值可取。",
            ),
            Mistake(
                lambda p, lowest, highest, spacing: (int((highest - lowest) / spacing) + 1) ** p,
                "Cut off, not rounded: 0.3 / 0.1 is 2.9999999999999996 on a computer, and `int`"
                " makes 2 of it. Use `round`.",
                "截断了，没有四舍五入：在计算机上 0.3 / 0.1 是 2.9999999999999996，"
                "`int` 把它变成 2。请用 `round`。",
            ),
        ),
    ),
    Task(
        best_weight,
        kind="bug",
        cases=((X_FIVE, Y_FIVE, GRID), (X_FIVE, Y_FIVE, MIXED)),
        # J is a parabola, the same to both sides: the nearest weight to its minimum is the best.
        reference=lambda x, y, grid: min(grid, key=lambda w: abs(w - (x @ y) / (x @ x))),
        hint=(
            "Follow `lowest` through the loop: what is it after the first weight, and after the"
            " second?",
            "盯住循环里的 `lowest`：第一个权重之后它是多少？第二个之后呢？",
        ),
        mistakes=(
            Mistake(
                lambda x, y, grid: grid[-1],
                "It always returns the last weight: `lowest` stays infinite, so every cost is"
                " below it.",
                "它总是返回最后一个权重：`lowest` 一直是无穷大，所以每个代价都比它小。",
            ),
            Mistake(
                compared_with_the_one_before,
                "Each cost is compared with the one before it. `lowest` may change only where a"
                " lower cost was found.",
                "每个代价只与前一个相比。只有找到更小的代价时，才可以改动 `lowest`。",
            ),
            Mistake(
                lambda x, y, grid: lesson01.scan(x, y, grid)[1].min(),
                "That is the lowest cost; what is wanted is the weight that has it.",
                "这是最小的代价；要的是代价最小的那个权重。",
            ),
            Mistake(
                lambda x, y, grid: np.argmin(lesson01.scan(x, y, grid)[1]),
                "That is where the weight stands on the grid, not the weight itself.",
                "这是权重在网格上的序号，不是权重本身。",
            ),
        ),
    ),
    Task(
        build_model,
        kind="model",
        cases=((CANDIDATES,),),
        reference=facts_by_hand,
        measure=model_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "`model.get_weights()` shows the shape in which Keras keeps a layer's weights:"
            " (inputs, units). `model.set_weights([...])` puts others in.",
            "用 `model.get_weights()` 看看 Keras 保存一层权重的形状：(输入数, 单元数)。"
            "用 `model.set_weights([...])` 换成别的权重。",
        ),
        mistakes=(
            Mistake(
                other_model(lambda W: W.reshape(W.shape[::-1])),
                "Reshaped, not transposed: `reshape` keeps the order in which the numbers stand"
                " and tears the candidates apart. Use `candidates.T`.",
                "用了 reshape，而不是转置：`reshape` 不改变数的排列次序，"
                "把各个候选拆散了。请用 `candidates.T`。",
            ),
            Mistake(
                other_model(use_bias=True),
                "Each unit has a bias as well: `use_bias=False` leaves it out.",
                "每个单元还带着偏置：用 `use_bias=False` 去掉它。",
            ),
            Mistake(
                other_model(activation="relu"),
                "The units have an activation: a relu makes zero of what is negative.",
                "单元带了激活函数：relu 把负数都变成零。",
            ),
            Mistake(
                other_model(lambda W: W[::-1].T),
                "The candidates stand in reversed order: unit j must hold row j.",
                "候选的顺序颠倒了：第 j 个单元应当对应第 j 行。",
            ),
        ),
    ),
    Task(
        find_minimum,
        kind="baseline",
        cases=((Bowl(0.8123), -4.0, 4.0), (Bowl(-2.3456), -4.0, 4.0)),
        score=correct_decimals,
        at_least=4,
        baseline=rounds([100]),
        hint=(
            "Search in rounds: a coarse grid first, then a finer one around its best value, and"
            " so on. Fourteen rounds of seven calls lead further than two rounds of fifty.",
            "分几轮搜索：先用粗网格，再在最佳值附近用细一点的网格，如此继续。"
            "十四轮、每轮七次，比两轮、每轮五十次走得远。",
        ),
        mistakes=(
            Mistake(
                rounds([100]),
                "That is the one grid of 100 values, the baseline: it can be no finer than its"
                " spacing.",
                "这就是那个 100 个值的网格，也就是基线：它不可能比自己的间距更精细。",
            ),
            Mistake(
                rounds([50, 50]),
                "Two rounds of 50: the right way. A round of k values leaves about 2/k of the"
                " range; more rounds of fewer values leave less.",
                "两轮、每轮 50 个值：路子对了。一轮取 k 个值，范围大约缩小到 2/k；"
                "轮数多一些、每轮的值少一些，缩得更小。",
            ),
            Mistake(
                rounds([7] * 14, left=0),
                "The next round begins at the best value: the minimum may be to its left as well."
                " Take one spacing to both sides.",
                "下一轮从最佳值开始：最小值点也可能在它的左边。两侧都要留一个间距。",
            ),
            Mistake(
                lambda J, lowest, highest: J(rounds([7] * 13)(J, lowest, highest)),
                "That is the cost at the minimum; what is wanted is the w where it is.",
                "这是最小的代价；要的是代价最小的那个 w。",
            ),
        ),
    ),
]
