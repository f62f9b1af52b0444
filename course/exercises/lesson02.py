"""Exercises of lesson 2: gradient descent.

Fill in each function. Shapes are given as in NumPy; `numpy` and `keras` are all you need.

zh:
第 2 课练习：梯度下降。

请完成每个函数。形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`。
"""

import keras
import numpy as np


def slope(w, x, y):
    """The slope J′(w) of the cost J(w) = 1/n Σ (xᵢ w − yᵢ)².

    w: a number. x, y: shape (n,). Return a number.

    zh:
    代价 J(w) = 1/n Σ (xᵢ w − yᵢ)² 的斜率 J′(w)。

    w：一个数。x、y：形状 (n,)。返回一个数。
    """
    # solution
    return 2 * np.mean(x * (x * w - y))


def epochs_needed(x, learning_rate, fraction):
    """How many epochs of descent until at most this fraction of the distance to w* remains.

    The cost is J(w) = 1/n Σ (xᵢ w − yᵢ)², with its minimum at w*; descent goes
    w ← w − η J′(w). Predict the number from the factor 1 − ηλ, with λ = 2/n Σ xᵢ², without
    making a single step. The distance counts without its sign: descent may jump over the
    minimum each time. `np.log` is the natural logarithm, and `np.ceil` rounds up.
    x: shape (n,). learning_rate: η, below 2/λ. fraction: between 0 and 1.
    Return a whole number.

    zh:
    梯度下降要走多少轮，到最小值点的距离才不超过起初的 `fraction` 倍？

    代价是 J(w) = 1/n Σ (xᵢ w − yᵢ)²，更新是 w ← w − η J′(w)。
    请由因子 1 − ηλ 预测，其中 λ = 2/n Σ xᵢ²，一步都不用走。
    距离不计正负：每一步都可能越过最小值点。`np.log` 是自然对数，`np.ceil` 向上取整。
    x：形状 (n,)。learning_rate：η，小于 2/λ。fraction：在 0 与 1 之间。
    返回一个整数。
    """
    # solution
    factor = abs(1 - learning_rate * 2 * np.mean(x**2))
    return int(np.ceil(np.log(fraction) / np.log(factor)))


def descend(J_slope, w, learning_rate, epochs):
    """Gradient descent from k starts at once; every weight is kept, before and after each epoch.

    There is a mistake in this function: find it.
    J_slope: a function that gives the slopes at k weights, shape (k,). w: the starts, shape (k,).
    Return the path, shape (epochs + 1, k).

    zh:
    同时从 k 个起点做梯度下降，出发时和每一轮之后的权重都保存下来。

    这个函数里有一个错误：请找出来。
    J_slope：一个函数，给出 k 个权重处的斜率，形状 (k,)。w：各个起点，形状 (k,)。
    返回路径，形状 (epochs + 1, k)。
    """
    path = [w]
    for _ in range(epochs):
        # solution
        # given: w -= learning_rate * J_slope(w)
        w = w - learning_rate * J_slope(w)
        # end
        path.append(w)
    return np.array(path)


def build_model(start, learning_rate):
    """ŷ = x w as a compiled Keras model whose weight is `start`.

    One Dense unit without bias and without activation. Compile it with plain SGD at this
    learning rate and the loss "mse"; do not train it.
    Return a keras.Model from (n, 1) to (n, 1).

    zh:
    用一个已编译（compile）的 Keras 模型表示 ŷ = x w，权重等于 `start`。

    一个 Dense 单元，不带偏置，没有激活函数。编译时用普通的 SGD，
    学习率如参数所给，损失为 "mse"；不要训练。
    返回一个从 (n, 1) 到 (n, 1) 的 keras.Model。
    """
    # solution
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.full((1, 1), start)])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="mse")
    return model


def lowest_minimum(J, J_slope):
    """The w between −2 and 2 where J(w) is lowest, though J has more than one minimum.

    Plain descent ends in the minimum that is next to its start. The check has three costs that
    you do not see, with the lowest minimum on the left, on the right and in the middle. For all
    of them w must be right to 6 decimals; a grid of 1001 values reaches about 3. Any means will
    do.
    J, J_slope: the cost and its slope; both take a number or an array. Between −2 and 2 the
    curvature stays below 100. Return a number.

    zh:
    在 −2 与 2 之间找出使 J(w) 最小的 w，而 J 有不止一个极小值点。

    普通的梯度下降停在下坡路上遇到的第一个极小值点。检查用的是三个
    你看不到的代价函数，最低的极小值点分别在左边、右边和中间。对每一个，w 都要精确到 6 位小数；
    1001 个值的网格大约只有 3 位。方法不限。
    J、J_slope：代价和它的斜率，参数可以是一个数，也可以是数组。
    在 −2 与 2 之间，曲率小于 100。返回一个数。
    """
    # solution
    w = np.linspace(-2, 2, 41)
    for _ in range(3000):
        w = w - 0.01 * J_slope(w)
    return w[np.argmin(J(w))]


# --- checks ---

from numpy.polynomial import Polynomial

from course import lesson02
from course.exercises import numeric_gradient, rate
from course.grading.exercise import Mistake, Task

rng = np.random.default_rng(2)
X_FIVE = rng.normal(size=5)
Y_FIVE = 1.7 * X_FIVE + 0.3 * rng.normal(size=5) + 0.4
X_THREE, Y_THREE = lesson02.load_data()
STARTS = np.array([1.0, -2.5, 4.0])
X_ROWS, Y_ROWS = np.array([[1.0], [2.0], [-1.5], [0.5]]), np.array([[2.0], [3.0], [-4.0], [2.5]])

TWO = Polynomial([1, 0.3, -2, 0, 1])  # (w² − 1)² + 0.3 w, lower on the left
MIRRORED = Polynomial([1, -0.4, -2, 0, 1])  # lower on the right
THREE = 0.15 * Polynomial([0, 0.2, 6.5, 0, -5, 0, 1])  # lowest in the middle
COSTS = tuple((J, J.deriv()) for J in (TWO, MIRRORED, THREE))


def counted(x, learning_rate, fraction):
    """The epochs of a descent on J(w) = mean of (x w)², which has its minimum at 0, counted."""
    w, epochs = 1.0, 0
    while abs(w) > fraction:
        w -= learning_rate * lesson02.slope(w, x, np.zeros_like(x))
        epochs += 1
    return epochs


def needed(x, learning_rate, fraction, curvature=None, whole=np.ceil):
    factor = abs(1 - learning_rate * (2 * np.mean(x**2) if curvature is None else curvature))
    return whole(np.log(fraction) / np.log(factor))


def by_closed_form(J_slope, w, learning_rate, epochs):
    """The path on a parabola, whose slope is a line through two of its points."""
    at_0, at_1 = J_slope(np.zeros(1)), J_slope(np.ones(1))
    curvature = at_1 - at_0
    minimum = -at_0 / curvature
    factors = (1 - learning_rate * curvature) ** np.arange(epochs + 1)[:, None]
    return minimum + factors * (w - minimum)


def path_of(J_slope, w, learning_rate, epochs):
    path = [w]
    for _ in range(epochs):
        path.append(path[-1] - learning_rate * J_slope(path[-1]))
    return np.array(path)


def parabola_slope(w):
    return 1.5 * (w - 2)


def model_facts(model, start, learning_rate):
    return {
        ("number of weights", "权重的个数"): model.count_params(),
        ("weight", "权重"): model.get_weights()[0],
        ("outputs for four rows", "四个样本的输出"): model(X_ROWS),
        ("optimizer is SGD (1: yes, 0: no)", "优化器是 SGD（1：是，0：否）"): isinstance(
            model.optimizer, keras.optimizers.SGD
        ),
        ("learning rate", "学习率"): rate(model),
        ("momentum", "动量"): getattr(model.optimizer, "momentum", 0),
        ("loss on four rows", "四个样本上的损失"): model.evaluate(X_ROWS, Y_ROWS, verbose=0),
    }


def facts_by_hand(start, learning_rate):
    return {
        ("number of weights", "权重的个数"): 1,
        ("weight", "权重"): [[start]],
        ("outputs for four rows", "四个样本的输出"): X_ROWS * start,
        ("optimizer is SGD (1: yes, 0: no)", "优化器是 SGD（1：是，0：否）"): 1,
        ("learning rate", "学习率"): learning_rate,
        ("momentum", "动量"): 0,
        ("loss on four rows", "四个样本上的损失"): lesson02.cost(start, X_ROWS, Y_ROWS),
    }


def other_model(optimizer=keras.optimizers.SGD, use_bias=False, **dense):
    def build(start, learning_rate):
        layer = keras.layers.Dense(1, use_bias=use_bias, **dense)
        model = keras.Sequential([keras.Input((1,)), layer])
        if "kernel_initializer" not in dense:
            model.set_weights([np.full((1, 1), start), *([np.zeros(1)] if use_bias else [])])
        model.compile(optimizer=optimizer(learning_rate), loss="mse")
        return model

    return build


def not_at_start(model, start, learning_rate):
    return model.count_params() == 1 and abs(float(model.get_weights()[0][0, 0]) - start) > 1e-5


def lowest_place(J):
    """Among the roots of J′."""
    roots = J.deriv().roots()
    flat = roots[np.abs(roots.imag) < 1e-9].real
    return flat[np.argmin(J(flat))]


def correct_decimals(w, J, J_slope):
    return -np.log10(max(abs(float(w) - lowest_place(J)), 1e-12))


def plain(start):
    return lambda J, J_slope: lesson02.descend(J_slope, start, 0.01, 3000)[-1]


def best_on_grid(J, J_slope):
    w = np.linspace(-2, 2, 1001)
    return w[np.argmin(J(w))]


TASKS = [
    Task(
        slope,
        kind="line",
        cases=((0.6, X_FIVE, Y_FIVE), (1.0, X_THREE, Y_THREE)),
        reference=lambda w, x, y: numeric_gradient(lambda v: lesson02.cost(v, x, y), w),
        hint=(
            "The derivative of one square (xᵢ w − yᵢ)² is 2 (xᵢ w − yᵢ), times the derivative of"
            " what is inside. Then the mean over the examples.",
            "一个平方 (xᵢ w − yᵢ)² 的导数是 2 (xᵢ w − yᵢ) 乘以括号内的导数。然后对样本求平均。",
        ),
        mistakes=(
            Mistake(
                lambda w, x, y: lesson02.slope(w, x, y) / 2,
                "The 2 of the square's derivative is missing.",
                "少了平方求导得到的 2。",
            ),
            Mistake(
                lambda w, x, y: np.mean(2 * (x * w - y)),
                "The derivative of the inside is missing: xᵢ w − yᵢ changes xᵢ times as fast as w.",
                "少了括号内的导数：w 变动时，xᵢ w − yᵢ 的变动是它的 xᵢ 倍。",
            ),
            Mistake(
                lambda w, x, y: -lesson02.slope(w, x, y),
                "The sign: the error is xᵢ w − yᵢ. The minus belongs to the update.",
                "符号：误差是 xᵢ w − yᵢ。负号属于更新那一步。",
            ),
            Mistake(
                lambda w, x, y: lesson02.slope(w, x, y) * len(x),
                "Summed, not averaged: divide by n.",
                "求了和，没有求平均：要除以 n。",
            ),
            Mistake(
                lambda w, x, y: lesson02.cost(w, x, y),
                "That is the cost itself, not its slope.",
                "这是代价本身，不是它的斜率。",
            ),
        ),
    ),
    Task(
        epochs_needed,
        kind="predict",
        cases=((X_THREE, 0.01, 0.1), (X_THREE, 0.2, 0.001), (X_FIVE, 0.13, 0.02)),
        reference=counted,
        hint=(
            "After t epochs |1 − ηλ|ᵗ of the distance remains, and that may be no more than the"
            " fraction. Take logarithms on both sides; that of a number below 1 is negative, and to"
            " divide by it turns the inequality round.",
            "t 轮之后，剩下的距离是起初的 |1 − ηλ|ᵗ 倍，它不能超过 fraction。"
            "两边取对数；小于 1 的数，对数是负的，除以它时不等号要反向。",
        ),
        mistakes=(
            Mistake(
                lambda x, learning_rate, fraction: needed(
                    x, learning_rate, fraction, whole=np.floor
                ),
                "One epoch too few: rounded down, a little more than the fraction remains.",
                "少了一轮：向下取整时，剩下的距离还略大一点。",
            ),
            Mistake(
                lambda x, learning_rate, fraction: needed(x, learning_rate, fraction, whole=float),
                "That is not a whole number: there is no part of an epoch. Round up.",
                "这不是整数：没有几分之一轮。请向上取整。",
            ),
            Mistake(
                lambda x, learning_rate, fraction: needed(
                    x, learning_rate, fraction, np.mean(x**2)
                ),
                "The 2 of the curvature λ = 2/n Σ xᵢ² is missing.",
                "少了曲率 λ = 2/n Σ xᵢ² 中的 2。",
            ),
            Mistake(
                lambda x, learning_rate, fraction: needed(x, learning_rate, fraction, 1),
                "The factor is 1 − ηλ, not 1 − η: how fast it goes depends on the curvature.",
                "因子是 1 − ηλ，不是 1 − η：快慢还取决于曲率。",
            ),
        ),
    ),
    Task(
        descend,
        kind="bug",
        cases=((parabola_slope, STARTS, 0.1, 6), (parabola_slope, STARTS[1:], 0.8, 4)),
        reference=by_closed_form,
        hint=(
            "Print the path: all its rows are the same. For an array, `w -= …` writes into the"
            " array that there is.",
            "把路径打印出来：每一行都一样。对数组来说，`w -= …` 是改写原来那个数组。",
        ),
        mistakes=(
            Mistake(
                lambda J_slope, w, learning_rate, epochs: np.tile(
                    path_of(J_slope, w, learning_rate, epochs)[-1], (epochs + 1, 1)
                ),
                "All rows are the last one: `w -= …` changes the array in place, and the path"
                " holds the same array each time. `w = w - …` makes a new one.",
                "每一行都等于最后一行：`w -= …` 就地改写数组，而路径里每次存的都是同一个数组。"
                "`w = w - …` 才会产生新的数组。",
            ),
            Mistake(
                lambda J_slope, w, learning_rate, epochs: path_of(
                    J_slope, w, -learning_rate, epochs
                ),
                "Uphill: the step goes against the slope, with a minus.",
                "在往上坡走：应当逆着斜率走，用减号。",
            ),
            Mistake(
                lambda J_slope, w, learning_rate, epochs: path_of(
                    J_slope, w, learning_rate, epochs
                )[1:],
                "The start is missing: the path begins before the first epoch.",
                "少了起点：路径从第一轮之前开始。",
            ),
            Mistake(
                lambda J_slope, w, learning_rate, epochs: (
                    w - learning_rate * np.arange(epochs + 1)[:, None] * J_slope(w)
                ),
                "Every step takes the slope at the start: it must be computed anew at each weight.",
                "每一步用的都是起点处的斜率：每到一个新的权重，都要重新计算斜率。",
            ),
        ),
    ),
    Task(
        build_model,
        kind="model",
        cases=((0.7, 0.05),),
        reference=facts_by_hand,
        measure=model_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "Keras keeps the layer's weight as an array of shape (1, 1):"
            " `model.set_weights([np.full((1, 1), start)])`.",
            "Keras 把这一层的权重存成形状 (1, 1) 的数组："
            "`model.set_weights([np.full((1, 1), start)])`。",
        ),
        mistakes=(
            Mistake(
                other_model(use_bias=True),
                "There is a bias: `use_bias=False` leaves it out.",
                "带了偏置：用 `use_bias=False` 去掉它。",
            ),
            Mistake(
                other_model(kernel_initializer="zeros"),
                "The weight is not `start`: Keras draws the first weight at random, or it was set"
                " to something else.",
                "权重不等于 `start`：Keras 会随机抽取初始权重，或者它被设成了别的值。",
                matches=not_at_start,
            ),
            Mistake(
                other_model(keras.optimizers.Adam),
                "The optimizer is Adam, whose steps have nearly the same length whatever the"
                " slope; plain descent is `keras.optimizers.SGD`.",
                "优化器用成了 Adam：不论斜率大小，它每一步的长度都差不多；"
                "普通的梯度下降是 `keras.optimizers.SGD`。",
            ),
            Mistake(
                other_model(lambda learning_rate: "sgd"),
                'The learning rate is not the one given: "sgd" by its name has 0.01.',
                '学习率不是参数所给的：只写名字 "sgd"，学习率是 0.01。',
            ),
            Mistake(
                other_model(lambda rate: keras.optimizers.SGD(rate, momentum=0.9)),
                "This SGD has momentum: from the second step on it is no longer plain descent.",
                "这个 SGD 带了动量：从第二步起，就不是普通的梯度下降了。",
            ),
        ),
    ),
    Task(
        lowest_minimum,
        kind="baseline",
        cases=COSTS,
        score=correct_decimals,
        at_least=6,
        baseline=best_on_grid,
        hint=(
            "Start from many places at once: `w = np.linspace(-2, 2, 41)` is one array, and all"
            " of it descends in one line. Which learning rate suits a curvature of 100?",
            "同时从许多地方出发：`w = np.linspace(-2, 2, 41)` 是一个数组，一行代码就能让它们"
            "全部下降。曲率是 100 时，学习率取多大合适？",
        ),
        mistakes=(
            Mistake(
                plain(1.5),
                "That is plain descent from one start on the right: it is stuck in the first"
                " minimum that it meets.",
                "这是从右侧一个起点出发的普通梯度下降：它困在遇到的第一个极小值点。",
            ),
            Mistake(
                plain(-1.5),
                "That is plain descent from one start on the left: it is stuck in the first"
                " minimum that it meets.",
                "这是从左侧一个起点出发的普通梯度下降：它困在遇到的第一个极小值点。",
            ),
            Mistake(
                best_on_grid,
                "Near the right minima, but not in them: a grid is as coarse as its spacing."
                " Let descent finish from the best of it.",
                "找对了极小值点的附近，但还不在极小值点上：网格的精细程度取决于间距。"
                "从网格上的最佳值出发，再做梯度下降。",
                matches=lambda w, J, J_slope: 1e-6 < abs(float(w) - lowest_place(J)) < 0.05,
            ),
            Mistake(
                lambda J, J_slope: J(lowest_place(J)),
                "That is the lowest cost; what is wanted is the w where it is.",
                "这是最小的代价；要的是它所在的 w。",
            ),
        ),
    ),
]
