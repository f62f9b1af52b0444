"""Exercises of lesson 4: batch, stochastic and mini-batch descent.

Fill in each function. Shapes are given as in NumPy; `numpy` and `keras` are all you need. The
model is a line, ŷᵢ = w xᵢ + b, with θ = (w, b).

zh:
第 4 课练习：批量、随机与小批量梯度下降。

请完成每个函数。形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`。
模型是一条直线 ŷᵢ = w xᵢ + b，θ = (w, b)。
"""

import keras
import numpy as np


def gradient_parts(x, y, theta):
    """What each row adds to the gradient: gᵢ = ∂(ŷᵢ − yᵢ)²/∂θ, of which ∂J/∂θ is the mean.

    The model is ŷᵢ = w xᵢ + b with θ = (w, b), the cost J = 1/n Σ (ŷᵢ − yᵢ)².
    x, y: shape (n,). theta: (w, b), shape (2,).
    Return one gᵢ in each row, shape (n, 2); do not take the mean. `np.column_stack` makes a table
    of columns.

    zh:
    每个样本对梯度的贡献 gᵢ = ∂(ŷᵢ − yᵢ)²/∂θ，∂J/∂θ 就是它们的平均值。

    模型是 ŷᵢ = w xᵢ + b，θ = (w, b)，代价是 J = 1/n Σ (ŷᵢ − yᵢ)²。
    x、y：形状 (n,)。theta：(w, b)，形状 (2,)。
    每行一个 gᵢ，返回形状 (n, 2)；不要求平均。`np.column_stack` 把几列并成一张表。
    """
    # solution
    error = theta[0] * x + theta[1] - y
    return 2 * error[:, None] * np.column_stack([x, np.ones_like(x)])


def updates_made(n, batch_size, epochs):
    """How many updates mini-batch descent makes.

    Every epoch is cut into batches, one update for each; where n is no multiple of the batch
    size, the last batch of each epoch is smaller. Predict the number for 107 rows in batches of
    20 and 3 epochs before you write the formula. `np.ceil` rounds up.
    n: the number of rows. Return a whole number.

    zh:
    小批量梯度下降一共做多少次更新？

    每一轮切成若干批次，每个批次更新一次；n 不是批次大小的整数倍时，
    每一轮的最后一个批次小一些。写公式之前，请先预测：
    107 个样本，每批 20 个，3 轮，更新多少次？`np.ceil` 向上取整。
    n：样本个数。返回一个整数。
    """
    # solution
    return epochs * -(-n // batch_size)


def one_epoch(x, y, theta, order, batch_size, learning_rate):
    """One epoch of mini-batch descent on J = 1/n Σ (ŷᵢ − yᵢ)²: one update for each batch.

    The model is ŷᵢ = w xᵢ + b with θ = (w, b). The cost falls, and yet there is a mistake in this
    function: find it.
    x, y: shape (n,). theta: (w, b) before the epoch. order: the row numbers, in the order in
    which the rows are to be taken, shape (n,). The last batch may be smaller; its mean is over
    as many rows as it has. Return θ after the epoch, shape (2,).

    zh:
    在 J = 1/n Σ (ŷᵢ − yᵢ)² 上做一轮小批量梯度下降，每个批次更新一次。

    模型是 ŷᵢ = w xᵢ + b，θ = (w, b)。
    代价确实在下降，可是这个函数里有一个错误：请找出来。
    x、y：形状 (n,)。theta：这一轮之前的 (w, b)。
    order：样本的序号，按取用的先后排列，形状 (n,)。
    最后一个批次可以小一些，平均时按它实际的样本数算。返回这一轮之后的 θ，形状 (2,)。
    """
    for first in range(0, len(order), batch_size):
        rows = order[first : first + batch_size]
        # solution
        # given: error = theta[0] * x + theta[1] - y
        # given: gradient = 2 * np.array([np.mean(x * error), np.mean(error)])
        error = theta[0] * x[rows] + theta[1] - y[rows]
        gradient = 2 * np.array([np.mean(x[rows] * error), np.mean(error)])
        # end
        theta = theta - learning_rate * gradient
    return theta


def trained_model(x, y, batch_size, epochs, learning_rate):
    """ŷ = w x + b as a Keras model, trained by mini-batch descent from θ = (0, 0).

    One Dense unit whose weight starts at zero, plain SGD, the loss "mse". Train it with `fit`
    in batches of this size, the rows in the order in which they stand.
    x, y: shape (n,); Keras wants (n, 1). Return the trained keras.Model.

    zh:
    用一个 Keras 模型表示 ŷ = w x + b，从 θ = (0, 0) 出发，用小批量梯度下降训练。

    一个 Dense 单元，初始权重为零；普通的 SGD；损失为 "mse"。
    用 `fit` 训练，批次大小如参数所给，样本按原来的顺序取。
    x、y：形状 (n,)；Keras 需要 (n, 1)。返回训练好的 keras.Model。
    """
    # solution
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="mse")
    x, y = x[:, None], y[:, None]
    model.fit(x, y, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0)
    return model


def learning_rates(updates):
    """A learning rate for each update of stochastic descent, to end nearer to the minimum.

    The check runs stochastic descent (for each update a row i drawn at random, θ ← θ − η gᵢ with
    gᵢ as in the first exercise) from θ = (0, 0) on 100 points around y = 2x + 3, with x between
    0 and 2, 200 times with your rates. What counts is the mean distance from where it ends to
    the minimum of J: with the constant rate 0.01 it must be at least 1.4 times as large as
    with your rates. No constant rate gets above about 1.2.
    updates: how many, here 2000. Return the rates in order, shape (updates,).

    zh:
    为随机梯度下降的每次更新各定一个学习率，让它最后离最小值点更近。

    检查从 θ = (0, 0) 出发做随机梯度下降（每次更新随机抽取一个样本 i，
    θ ← θ − η gᵢ，gᵢ 同第一题），数据是直线 y = 2x + 3 附近的 100 个点，
    x 在 0 与 2 之间；用你的学习率重复 200 次。
    衡量的是终点到 J 的最小值点的平均距离：用固定的学习率 0.01 时的平均距离，
    至少要是用你的学习率时的 1.4 倍。固定的学习率最多大约能达到 1.2 倍。
    updates：更新次数，这里是 2000。按顺序返回各个学习率，形状 (updates,)。
    """
    # solution
    tenth = np.arange(updates) * 10 // updates
    return 0.1 * 0.5**tenth


# --- checks ---

from course import lesson04
from course.checks import references
from course.exercises import rate
from course.grading.exercise import Mistake, Task

rng = np.random.default_rng(4)
X, Y = rng.normal(size=11), rng.normal(size=11)
THETA = np.array([1.5, -0.5])
ORDER = rng.permutation(11)
X_TWELVE = rng.uniform(0, 2, size=12)
Y_TWELVE = 3 + 2 * X_TWELVE + 0.5 * rng.normal(size=12)
FIT = (X_TWELVE, Y_TWELVE, 5, 4, 0.05)
POINTS = lesson04.load_data()  # X (100, 1), y (100,)
WANTED = 1.4


def numeric_gradient(x, y, theta):
    """The gradient of the cost of these rows, by differences."""
    return references.central_difference(lambda t: lesson04.cost(x[:, None], y, t), theta, h=1e-6)


def measured_parts(x, y, theta):
    """Each row's gradient by differences of its own squared error."""
    return [numeric_gradient(x[[i]], y[[i]], theta) for i in range(len(x))]


def counted(n, batch_size, epochs):
    return sum(1 for _ in range(epochs) for _ in range(0, n, batch_size))


def by_differences(x, y, theta, order, batch_size, learning_rate):
    """The epoch with the gradient measured on the cost of each batch."""
    for first in range(0, len(order), batch_size):
        rows = order[first : first + batch_size]
        theta = theta - learning_rate * numeric_gradient(x[rows], y[rows], theta)
    return theta


def epoch_with(gradient):
    """The epoch with `gradient(x, y, rows, theta, first, batch_size)`."""

    def run(x, y, theta, order, batch_size, learning_rate):
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            theta = theta - learning_rate * gradient(x, y, rows, theta, first, batch_size)
        return theta

    return run


def gradient_of(x, y, theta):
    return lesson04.gradient(x[:, None], y, theta)


def on_neighbours(x, y, rows, theta, first, batch_size):
    batch = slice(first, first + batch_size)
    return gradient_of(x[batch], y[batch], theta)


def model_facts(model, *_):
    return {
        ("number of weights", "权重的个数"): model.count_params(),
        ("learning rate", "学习率"): rate(model),
        ("updates made", "更新次数"): made(model),
        ("w and b after training", "训练后的 w 和 b"): theta_of(model),
    }


def facts_by_hand(x, y, batch_size, epochs, learning_rate):
    return {
        ("number of weights", "权重的个数"): 2,
        ("learning rate", "学习率"): learning_rate,
        ("updates made", "更新次数"): counted(len(x), batch_size, epochs),
        ("w and b after training", "训练后的 w 和 b"): trained_by_hand(
            np.zeros(2), x, y, batch_size, epochs, learning_rate
        ),
    }


def trained_by_hand(theta, x, y, batch_size, epochs, learning_rate):
    for _ in range(epochs):
        theta = by_differences(x, y, theta, np.arange(len(x)), batch_size, learning_rate)
    return theta


def theta_of(model):
    return np.concatenate([a.ravel() for a in model.get_weights()])


def made(model):
    return int(keras.ops.convert_to_numpy(model.optimizer.iterations))


def other_training(start="zeros", **options):
    """The solution with another start or other arguments of `fit`; None leaves one out."""

    def train(x, y, batch_size, epochs, learning_rate):
        layer = keras.layers.Dense(1, kernel_initializer=start)
        model = keras.Sequential([keras.Input((1,)), layer])
        model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="mse")
        usual = {"batch_size": batch_size, "epochs": epochs, "shuffle": False}
        given = {k: v for k, v in {**usual, **options}.items() if v is not None}
        model.fit(x[:, None], y[:, None], **given, verbose=0)
        return model

    return train


def made_only(updates):
    def matches(model, x, y, batch_size, epochs, learning_rate):
        return made(model) == updates(len(x), batch_size, epochs)

    return matches


def all_but_the_weights(model, x, y, batch_size, epochs, learning_rate):
    return (
        model.count_params() == 2
        and np.isclose(rate(model), learning_rate)
        and made(model) == counted(len(x), batch_size, epochs)
    )


def other_start(model, *arguments):
    """Whether the same training led here from another w: θ at the end is linear in that w."""
    end, direction = (trained_by_hand(np.array(t), *arguments) for t in ([0.0, 0], [1.0, 0]))
    direction = direction - end
    error = theta_of(model) - end
    across = error[0] * direction[1] - error[1] * direction[0]
    near = 1e-4 * np.linalg.norm(direction)
    return all_but_the_weights(model, *arguments) and abs(across) < near


def times_nearer(rates, updates):
    """The mean distance from the minimum with the rate 0.01, divided by that with these."""
    return distance(np.full(updates, 0.01)) / distance(np.asarray(rates, dtype="float64"))


def distance(rates, runs=200):
    (X, y), minimum = POINTS, references.least_squares(*POINTS)
    x = X[:, 0]
    drawn = np.random.default_rng(0).integers(len(x), size=(len(rates), runs))
    w, b = np.zeros(runs), np.zeros(runs)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows, learning_rate in zip(drawn, rates, strict=True):
            error = w * x[rows] + b - y[rows]
            w, b = w - 2 * learning_rate * error * x[rows], b - 2 * learning_rate * error
        far = np.hypot(*(np.array([w, b]) - minimum[:, None])).mean()
    return far if np.isfinite(far) else np.inf


def rates_with(fault):
    """Whether the rates have this fault and miss the target."""

    def matches(rates, updates):
        rates = np.asarray(rates, dtype="float64")
        return bool(fault(rates)) and times_nearer(rates, updates) < WANTED

    return matches


def too_large(rates):
    return rates.max() > 1 / (POINTS[0] ** 2 + 1).max()


def too_small(rates):
    """Along the flattest direction the fraction e^(−λ Σ η) of the distance remains."""
    return references.curvature(POINTS[0])[0][0] * rates.sum() < 4


TASKS = [
    Task(
        gradient_parts,
        kind="line",
        cases=((X, Y, THETA), (np.array([1.0, 2, 3, 5]), np.array([7.0, 8, 6, 1]), -THETA)),
        reference=measured_parts,
        hint=(
            "The derivative of (w xᵢ + b − yᵢ)² with respect to w is 2 · error · xᵢ, with respect"
            " to b it is 2 · error. `np.column_stack` puts two columns side by side.",
            "(w xᵢ + b − yᵢ)² 对 w 的导数是 2 · 误差 · xᵢ，对 b 的导数是 2 · 误差。"
            "`np.column_stack` 把两列并排放在一起。",
        ),
        mistakes=(
            Mistake(
                lambda x, y, theta: gradient_parts(x, y, theta) / 2,
                "The 2 of the square's derivative is missing.",
                "少了平方求导得到的 2。",
            ),
            Mistake(
                lambda x, y, theta: gradient_parts(x, y, theta) / len(x),
                "Already divided by n: gᵢ is one row's own gradient. The division belongs to the"
                " mean, which comes later.",
                "已经除以了 n：gᵢ 是单个样本自己的梯度。除法属于后面求平均的那一步。",
            ),
            Mistake(
                lambda x, y, theta: gradient_parts(x, y, theta).mean(axis=0),
                "That is the mean, the gradient of batch descent: a row for each gᵢ is wanted.",
                "这是平均值，也就是批量梯度下降的梯度；要的是每个 gᵢ 占一行。",
            ),
            Mistake(
                lambda x, y, theta: gradient_parts(x, y, theta)[:, ::-1],
                "The columns have changed places: θ = (w, b), so the one with xᵢ comes first.",
                "两列颠倒了：θ = (w, b)，所以带 xᵢ 的一列在前。",
            ),
            Mistake(
                lambda x, y, theta: -gradient_parts(x, y, theta),
                "The sign: the error is ŷᵢ − yᵢ. The minus belongs to the update.",
                "符号：误差是 ŷᵢ − yᵢ。负号属于更新那一步。",
            ),
        ),
    ),
    Task(
        updates_made,
        kind="predict",
        cases=((100, 20, 50), (107, 20, 3), (7, 32, 4)),
        reference=counted,
        hint=(
            "Count one epoch first: 107 rows fill five batches of 20, and seven rows are left."
            " What becomes of them?",
            "先数一轮：107 个样本装满 5 个 20 个的批次，还剩 7 个。这 7 个怎么办？",
        ),
        mistakes=(
            Mistake(
                lambda n, batch_size, epochs: epochs * (n // batch_size),
                "Rounded down: the rows that are left over at the end of an epoch make a batch"
                " as well, a smaller one.",
                "向下取整了：每一轮最后剩下的样本也构成一个批次，只是小一些。",
            ),
            Mistake(
                lambda n, batch_size, epochs: int(np.ceil(epochs * n / batch_size)),
                "Rounded up once at the end: a batch does not reach over into the next epoch, so"
                " round up in each epoch.",
                "只在最后取整了一次：批次不会跨到下一轮，所以每一轮都要向上取整。",
            ),
            Mistake(
                lambda n, batch_size, epochs: epochs * n / batch_size,
                "Not a whole number where n is no multiple of the batch size: round up in each"
                " epoch.",
                "n 不是批次大小的整数倍时，这不是整数：每一轮都要向上取整。",
            ),
            Mistake(
                lambda n, batch_size, epochs: counted(n, batch_size, 1),
                "Those are the updates of a single epoch.",
                "这是一轮的更新次数。",
            ),
            Mistake(
                lambda n, batch_size, epochs: epochs * n,
                "One update for each row: that is stochastic descent.",
                "每个样本更新一次：那是随机梯度下降。",
            ),
        ),
    ),
    Task(
        one_epoch,
        kind="bug",
        cases=((X, Y, THETA, ORDER, 4, 0.1), (X, Y, THETA, ORDER[::-1], 3, 0.2)),
        reference=by_differences,
        hint=(
            "Change y in a row that is not in the batch: the batch's gradient must not move."
            " Which rows does the gradient see?",
            "改动批次以外某个样本的 y：这个批次的梯度应该丝毫不变。这里的梯度看到了哪些样本？",
        ),
        mistakes=(
            Mistake(
                epoch_with(lambda x, y, rows, theta, *_: gradient_of(x, y, theta)),
                "Every update still looks at all rows: `x` and `y`, where `x[rows]` and"
                " `y[rows]` are meant. That is batch descent, several times in an epoch.",
                "每次更新仍然看全部样本：用的是 `x` 和 `y`，应该用 `x[rows]` 和 `y[rows]`。"
                "这其实是在一轮里做了几次批量梯度下降。",
            ),
            Mistake(
                epoch_with(on_neighbours),
                "The batch is a slice of `x` and `y` as they stand: `order` says which rows to"
                " take, so use `x[rows]`.",
                "批次是直接从 `x` 和 `y` 中切下来的：要用哪些样本由 `order` 决定，"
                "所以应该用 `x[rows]`。",
            ),
            Mistake(
                epoch_with(
                    lambda x, y, rows, theta, *_: (
                        gradient_of(x[rows], y[rows], theta) * len(rows) / len(x)
                    )
                ),
                "The right rows, but divided by n: the mean goes over the rows of the batch.",
                "样本用对了，但除以了 n：平均应当对批次里的样本求。",
            ),
            Mistake(
                epoch_with(
                    lambda x, y, rows, theta, first, batch_size: (
                        gradient_of(x[rows], y[rows], theta) * len(rows) / batch_size
                    )
                ),
                "The last batch is smaller, and is still divided by `batch_size`: divide by"
                " `len(rows)`, or take the mean.",
                "最后一个批次小一些，却仍然除以 `batch_size`：应当除以 `len(rows)`，"
                "或者直接求平均。",
            ),
        ),
    ),
    Task(
        trained_model,
        kind="model",
        cases=(FIT,),
        reference=facts_by_hand,
        measure=model_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            '`Dense(1, kernel_initializer="zeros")` starts at zero. `fit` has the arguments'
            " `batch_size`, `epochs` and `shuffle`.",
            '`Dense(1, kernel_initializer="zeros")` 从零出发。'
            "`fit` 有 `batch_size`、`epochs` 和 `shuffle` 这几个参数。",
        ),
        mistakes=(
            Mistake(
                other_training(batch_size=None),
                "One update in an epoch: without `batch_size`, Keras takes 32 rows at once, here"
                " all of them. That is batch descent.",
                "每一轮只更新一次：不写 `batch_size` 时，Keras 一次取 32 个样本，"
                "在这里就是全部样本。这是批量梯度下降。",
                matches=made_only(lambda n, batch_size, epochs: epochs),
            ),
            Mistake(
                other_training(epochs=None),
                "A single epoch: without `epochs`, Keras stops after one.",
                "只训练了一轮：不写 `epochs` 时，Keras 训练一轮就停。",
                matches=made_only(lambda n, batch_size, epochs: counted(n, batch_size, 1)),
            ),
            Mistake(
                other_training(batch_size=1),
                "One update for each row: that is stochastic descent; pass `batch_size` on.",
                "每个样本更新一次：这是随机梯度下降；请把 `batch_size` 传下去。",
                matches=made_only(lambda n, batch_size, epochs: n * epochs),
            ),
            Mistake(
                other_training(start="ones"),
                "It did not start at w = 0: Keras draws the first weight at random unless the"
                ' layer has `kernel_initializer="zeros"`.',
                "不是从 w = 0 出发的：Keras 会随机抽取初始权重，"
                '除非给这一层加上 `kernel_initializer="zeros"`。',
                matches=other_start,
            ),
            Mistake(
                other_training(shuffle=True),
                "As many updates as there should be, but from other batches, or from another"
                " start: `fit` shuffles the rows in each epoch unless `shuffle=False`.",
                "更新次数是对的，但批次或者起点不同：`fit` 每一轮都会打乱样本的顺序，"
                "除非写上 `shuffle=False`。",
                matches=all_but_the_weights,
            ),
        ),
    ),
    Task(
        learning_rates,
        kind="baseline",
        cases=((2000,),),
        score=times_nearer,
        at_least=WANTED,
        baseline=lambda updates: np.full(updates, 0.01),
        hint=(
            "Large rates come to the minimum quickly, small ones spread little around it. The"
            " spread is about σ √η, with σ the noise in y: begin with something like 0.1 and halve"
            " it now and then.",
            "学习率大，很快到达最小值点；学习率小，在它周围散布小。"
            "散布大约是 σ √η，σ 是 y 中噪声的标准差：从 0.1 左右开始，每隔一段减半。",
        ),
        mistakes=(
            Mistake(
                lambda updates: np.full(updates + 1, 0.01),
                "There must be one rate for each update: shape (updates,).",
                "每次更新要有一个学习率：形状 (updates,)。",
                matches=lambda rates, updates: np.shape(rates) != (updates,),
            ),
            Mistake(
                lambda updates: np.full(updates, 0.01),
                "A constant rate, the baseline: a large one is noisy at the end, a small one does"
                " not arrive.",
                "学习率固定不变，这就是基线：大了，最后噪声大；小了，走不到。",
                matches=rates_with(lambda rates: np.ptp(rates) == 0),
            ),
            Mistake(
                lambda updates: np.linspace(0.3, 0.5, updates),
                "At the largest of these rates a step on a single row can overshoot and lead"
                " further away: stay below 1 / (xᵢ² + 1), about 0.2 for the largest xᵢ.",
                "其中最大的学习率，会让单个样本的一步走过头，反而更远："
                "要小于 1 / (xᵢ² + 1)，对最大的 xᵢ 大约是 0.2。",
                matches=rates_with(too_large),
            ),
            Mistake(
                lambda updates: np.linspace(0.001, 0.1, updates),
                "The rates grow: descent is noisiest at the end, where it should come to rest.",
                "学习率越来越大：最后本该静下来，噪声却最大。",
                matches=rates_with(lambda rates: rates[-1] > rates[0]),
            ),
            Mistake(
                lambda updates: 0.1 * 0.9 ** np.arange(updates),
                "The rates are too small, or become so too soon: all of them together do not reach"
                " the minimum.",
                "学习率太小，或者减小得太早：全部加起来也走不到最小值点。",
                matches=rates_with(too_small),
            ),
        ),
    ),
]
