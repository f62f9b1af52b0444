"""Exercises of lesson 7: a two-layer network.

Fill in each function. Shapes are given as in NumPy; `numpy` and `keras` are all you need.

zh:
第 7 课练习：两层网络。

请完成每个函数。形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`。
"""

import keras
import numpy as np


def first_layer_gradient(X, y, W1, W2):
    """∂J/∂W₁ of the network H = tanh(X W₁), ŷ = H W₂ with the cost J = Σ (ŷᵢ − yᵢ)².

    The output has no activation. D2 is ∂J/∂ŷ; carry it back through W₂ and through the tanh,
    whose slope is 1 − tanh².
    X: shape (n, p). y: shape (n, 1). W1: shape (p, q). W2: shape (q, 1). Return shape (p, q).

    zh:
    网络 H = tanh(X W₁)、ŷ = H W₂ 的代价 J = Σ (ŷᵢ − yᵢ)² 对 W₁ 的梯度 ∂J/∂W₁。

    输出没有激活函数。D2 是 ∂J/∂ŷ；请把它往回传，先经过 W₂，再经过 tanh，
    tanh 的斜率是 1 − tanh²。
    X：形状 (n, p)。y：形状 (n, 1)。W1：形状 (p, q)。W2：形状 (q, 1)。
    返回形状 (p, q)。
    """
    H = np.tanh(X @ W1)
    D2 = 2 * (H @ W2 - y)
    # solution
    D1 = D2 @ W2.T * (1 - H**2)
    return X.T @ D1


def number_of_weights(n_inputs, hidden, n_outputs):
    """How many numbers a network of Dense layers has to learn, before it is built.

    Each unit has a weight for every output of the layer before it, and a bias of its own.
    n_inputs: how many inputs. hidden: the number of units of each hidden layer, such as [8, 4].
    n_outputs: the number of units of the last layer. Return a whole number.

    zh:
    由 Dense 层组成的网络要学多少个数？请在建立它之前就算出来。

    每个单元对前一层的每个输出有一个权重，另外还有一个自己的偏置。
    n_inputs：输入的个数。hidden：各隐藏层的单元数，例如 [8, 4]。
    n_outputs：最后一层的单元数。返回一个整数。
    """
    # solution
    sizes = [n_inputs, *hidden, n_outputs]
    return sum((sizes[k] + 1) * sizes[k + 1] for k in range(len(sizes) - 1))


def lowest_linear_cost(X, y):
    """The lowest cost J = Σ (ŷᵢ − yᵢ)² of two layers without any activation, ŷ = X W₁ W₂.

    There are one or more hidden units and no biases. No training is needed to know it.
    X: shape (n, p). y: shape (n, 1). Return a number.

    zh:
    没有任何激活函数的两层网络 ŷ = X W₁ W₂，代价 J = Σ (ŷᵢ − yᵢ)² 最低能是多少？

    隐藏单元有一个或更多，没有偏置。不必训练就能知道答案。
    X：形状 (n, p)。y：形状 (n, 1)。返回一个数。
    """
    # solution
    w = np.linalg.lstsq(X, y)[0]
    return np.sum((X @ w - y) ** 2)


def train_step(X, y, W1, W2, learning_rate):
    """One step of gradient descent on J = Σ (ŷᵢ − yᵢ)², H = σ(X W₁), ŷ = σ(H W₂).

    σ(z) = 1 / (1 + exp(−z)) is the sigmoid. Both gradients belong to the weights before the step:
    W ← W − η ∂J/∂W for W₁ and W₂ at once. There is a mistake in this function: find it.
    X: shape (n, p). y: shape (n, 1). W1: shape (p, q). W2: shape (q, 1). learning_rate: η.
    Return the new W₁ and W₂ as a tuple.

    zh:
    在 J = Σ (ŷᵢ − yᵢ)² 上走一步梯度下降，其中 H = σ(X W₁)，ŷ = σ(H W₂)。

    σ(z) = 1 / (1 + exp(−z)) 是 sigmoid。
    两个梯度都在这一步之前的权重处计算：W₁ 和 W₂ 同时更新，W ← W − η ∂J/∂W。
    这个函数里有一个错误：请找出来。
    X：形状 (n, p)。y：形状 (n, 1)。W1：形状 (p, q)。W2：形状 (q, 1)。
    learning_rate：η。以元组返回新的 W₁ 和 W₂。
    """
    H = 1 / (1 + np.exp(-X @ W1))
    y_hat = 1 / (1 + np.exp(-H @ W2))
    D2 = 2 * (y_hat - y) * y_hat * (1 - y_hat)
    # solution
    # given: W2 = W2 - learning_rate * H.T @ D2
    # given: D1 = D2 @ W2.T * H * (1 - H)
    # given: W1 = W1 - learning_rate * X.T @ D1
    # given: return W1, W2
    D1 = D2 @ W2.T * H * (1 - H)
    return W1 - learning_rate * X.T @ D1, W2 - learning_rate * H.T @ D2


def xor_network():
    """A Keras model that computes XOR, with weights that you choose yourself: no training.

    It has one hidden layer; its units and their activation are up to you. For the inputs
    (0, 0), (0, 1), (1, 0), (1, 1) it must say 0, 1, 1, 0, each to within 0.1.
    Return a keras.Model from (n, 2) to (n, 1), its weights set.

    zh:
    用一个 Keras 模型计算 XOR，权重由你自己选定，不用训练。

    它有一个隐藏层，单元数和激活函数由你决定。输入为 (0, 0)、(0, 1)、(1, 0)、(1, 1) 时，
    输出必须依次是 0、1、1、0，误差都不超过 0.1。
    返回一个从 (n, 2) 到 (n, 1) 的 keras.Model，权重已经设好。
    """
    # solution
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2, activation="relu"), keras.layers.Dense(1)]
    )
    W1, b1 = np.ones((2, 2)), np.array([0.0, -1.0])  # x₁ + x₂, and x₁ + x₂ − 1
    W2, b2 = np.array([[1.0], [-2.0]]), np.array([0.0])
    model.set_weights([W1, b1, W2, b2])
    return model


def moon_classes(X_train, y_train, X_test):
    """The classes of points on two half moons, better than a straight line can tell them.

    The moons reach into each other, and the points are noisy. At least 94 % of the test points,
    whose classes you do not see, must be classified correctly; a straight line manages about
    87 %. A network with one hidden layer will do, by hand or in Keras; there the optimizer
    `keras.optimizers.Adam` may need fewer steps than `SGD`.
    X_train: shape (n, 2). y_train: 0 or 1, shape (n,). X_test: shape (m, 2).
    Return 0 or 1 for each test point, shape (m,).

    zh:
    给两个半月形上的点分类，要胜过一条直线。

    两个半月形互相嵌入，点的位置带有噪声。测试点的类别你看不到，至少 94% 必须分对；
    一条直线大约只能分对 87%。一个带一层隐藏层的网络就够了，自己用 NumPy 写或用 Keras 都可以；
    在 Keras 中，优化器 `keras.optimizers.Adam` 需要的步数可能比 `SGD` 少。
    X_train：形状 (n, 2)。y_train：0 或 1，形状 (n,)。X_test：形状 (m, 2)。
    对每个测试点返回 0 或 1，形状 (m,)。
    """

    # solution
    def forward(X):
        H = np.tanh(np.column_stack([X, np.ones(len(X))]) @ W1)
        return H, 1 / (1 + np.exp(-H @ W2))

    rng = np.random.default_rng(0)
    W1, W2 = 2 * rng.normal(size=(3, 16)), rng.normal(size=(16, 1))
    A, y = np.column_stack([X_train, np.ones(len(X_train))]), y_train[:, None]
    for _ in range(2000):
        H, p = forward(X_train)
        D2 = (p - y) / len(y)  # the gradient of the cross entropy
        D1 = D2 @ W2.T * (1 - H**2)
        W1, W2 = W1 - 0.5 * A.T @ D1, W2 - 0.5 * H.T @ D2
    return (forward(X_test)[1][:, 0] > 0.5) * 1


# --- checks ---

from keras import ops

from course import lesson07
from course.exercises import numeric_gradient
from course.grading.exercise import Mistake, Task, numbers

rng = np.random.default_rng(7)
NET = [rng.normal(size=shape) for shape in ((5, 2), (5, 1), (2, 3), (3, 1))]
OTHER_NET = [rng.normal(size=shape) for shape in ((4, 3), (4, 1), (3, 2), (2, 1))]
FLAT, FLAT_TARGETS = rng.normal(size=(7, 3)), 1 + rng.normal(size=(7, 1))
CORNERS = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
FIRST, SECOND = ("the new W₁", "新的 W₁"), ("the new W₂", "新的 W₂")
TEST_POINTS = 1000


def moons(n, seed):
    """n noisy points, shape (n, 2), and on which of the two half moons each lies."""
    rng = np.random.default_rng(seed)
    y, t = rng.integers(0, 2, n), rng.uniform(0, np.pi, n)
    X = np.column_stack([np.cos(t), np.sin(t)]) * np.where(y, -1, 1)[:, None]
    return X + y[:, None] * [1.0, 0.5] + 0.2 * rng.normal(size=(n, 2)), y


MOONS = (*moons(300, 0), moons(TEST_POINTS, 1)[0])


def accuracy(classes, *_):
    return np.mean(numbers(classes) == moons(TEST_POINTS, 1)[1])


def straight_line(X_train, y_train, X_test):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(X_train, y_train).predict(X_test)


def other_gradient(slope, back=lambda D2, W2: D2 @ W2.T):
    """∂J/∂W₁ with another slope of the tanh, as a function of H, or another way back to it."""

    def gradient(X, y, W1, W2):
        H = np.tanh(X @ W1)
        return X.T @ (back(2 * (H @ W2 - y), W2) * slope(H))

    return gradient


def d1(X, y, W1, W2):
    H = np.tanh(X @ W1)
    return 2 * (H @ W2 - y) @ W2.T * (1 - H**2)


def keras_count(n_inputs, hidden, n_outputs):
    layers = [
        keras.layers.Dense(units, kernel_initializer="zeros") for units in (*hidden, n_outputs)
    ]
    return keras.Sequential([keras.Input((n_inputs,)), *layers]).count_params()


def products(sizes):
    return np.dot(sizes[:-1], sizes[1:])


def sklearns_linear_cost(X, y):
    from sklearn.linear_model import LinearRegression

    return np.sum((LinearRegression(fit_intercept=False).fit(X, y).predict(X) - y) ** 2)


def with_intercept(X, y):
    from sklearn.linear_model import LinearRegression

    return np.sum((LinearRegression().fit(X, y).predict(X) - y) ** 2)


def both(result, *_):
    return {FIRST: result[0], SECOND: result[1]}


def step_by_differences(X, y, W1, W2, learning_rate):
    gradients = (
        numeric_gradient(lambda W: lesson07.cost(X, y, W, W2), W1),
        numeric_gradient(lambda W: lesson07.cost(X, y, W1, W), W2),
    )
    return both([W - learning_rate * g for W, g in zip((W1, W2), gradients)])


def second_first(X, y, W1, W2, learning_rate):
    new = lesson07.step(X, y, W1, W2, learning_rate)[1]
    H, y_hat = lesson07.forward(X, W1, W2)
    D2 = 2 * (y_hat - y) * y_hat * (1 - y_hat)
    return W1 - learning_rate * X.T @ (D2 @ new.T * H * (1 - H)), new


def first_first(X, y, W1, W2, learning_rate):
    new = lesson07.step(X, y, W1, W2, learning_rate)[0]
    return new, lesson07.step(X, y, new, W2, learning_rate)[1]


def no_hidden_slope(X, y, W1, W2, learning_rate):
    H, y_hat = lesson07.forward(X, W1, W2)
    D2 = 2 * (y_hat - y) * y_hat * (1 - y_hat)
    return W1 - learning_rate * X.T @ (D2 @ W2.T), W2 - learning_rate * H.T @ D2


def network(hidden, biases, out, bias, activation="relu"):
    """A model of one hidden layer with these weights."""

    def build():
        layers = [keras.layers.Dense(len(biases), activation), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((2,)), *layers])
        weights = hidden, biases, np.transpose([out]), [bias]
        model.set_weights([np.array(W, dtype="float32") for W in weights])
        return model

    return build


TASKS = [
    Task(
        first_layer_gradient,
        kind="line",
        cases=(tuple(NET), tuple(OTHER_NET)),
        reference=lambda X, y, W1, W2: numeric_gradient(
            lambda W: lesson07.cost(X, y, W, W2, "tanh", "linear"), W1
        ),
        hint=(
            "`D2 @ W2.T` has one column for each hidden unit, like H. Multiply it entry by entry"
            " by the slopes, then collect the rows with `X.T @`.",
            "`D2 @ W2.T` 与 H 一样，每个隐藏单元一列。把它与斜率逐元素相乘，"
            "再用 `X.T @` 把各行加起来。",
        ),
        mistakes=(
            Mistake(
                other_gradient(np.ones_like),
                "The slope of the tanh is missing: the error passes through the bend as well.",
                "少了 tanh 的斜率：误差往回传时也要经过激活函数。",
            ),
            Mistake(
                other_gradient(lambda H: H * (1 - H)),
                "H (1 − H) is the slope of the sigmoid; that of the tanh is 1 − H².",
                "H (1 − H) 是 sigmoid 的斜率；tanh 的斜率是 1 − H²。",
            ),
            Mistake(
                other_gradient(lambda H: 1 - np.tanh(H) ** 2),
                "H is the tanh already: 1 − tanh(H)² bends it twice. The slope is 1 − H².",
                "H 已经是 tanh 的值了：1 − tanh(H)² 又做了一次 tanh。斜率是 1 − H²。",
            ),
            Mistake(
                other_gradient(lambda H: 1 - H**2, back=lambda D2, W2: D2),
                "W₂ is missing: every hidden unit gets the whole error, whatever its weight in the"
                " output.",
                "少了 W₂：不论在输出中权重多大，每个隐藏单元得到的都是整个误差。",
            ),
            Mistake(
                d1,
                "That is D₁, one row for each row of X; the gradient is Xᵀ D₁.",
                "这是 D₁，X 的每一行对应它的一行；梯度是 Xᵀ D₁。",
            ),
        ),
    ),
    Task(
        number_of_weights,
        kind="predict",
        cases=((3, [8, 5], 2), (10, [4], 1)),
        reference=keras_count,
        hint=(
            "A layer of b units after a outputs has a · b weights and b biases. Begin with"
            " sizes = [n_inputs, *hidden, n_outputs].",
            "前一层有 a 个输出、本层有 b 个单元时，权重有 a · b 个，偏置有 b 个。"
            "先写 sizes = [n_inputs, *hidden, n_outputs]。",
        ),
        mistakes=(
            Mistake(
                lambda a, hidden, b: products([a, *hidden, b]),
                "The biases are missing: one for every unit of every layer.",
                "少了偏置：每一层的每个单元都有一个。",
            ),
            Mistake(
                lambda a, hidden, b: products([a, *hidden, b]) + a + sum(hidden) + b,
                "The inputs have no biases: they are numbers that come in, not units.",
                "输入没有偏置：它们是送进来的数，不是单元。",
            ),
            Mistake(
                lambda a, hidden, b: products([a, *hidden, b]) + len(hidden) + 1,
                "One bias for each layer; each unit has one of its own.",
                "每层只算了一个偏置；其实每个单元都有自己的偏置。",
            ),
            Mistake(
                lambda a, hidden, b: products([a, *hidden, b]) + sum(hidden),
                "The biases of the last layer are missing: output units have them too.",
                "少了最后一层的偏置：输出单元也有偏置。",
            ),
            Mistake(
                lambda a, hidden, b: sum(hidden) + b,
                "That is the number of units; each has as many weights as the layer before it has"
                " outputs, and a bias.",
                "这是单元的个数；前一层有几个输出，每个单元就有几个权重，另外还有一个偏置。",
            ),
        ),
    ),
    Task(
        lowest_linear_cost,
        kind="predict",
        cases=(lesson07.load_data(), (FLAT, FLAT_TARGETS)),
        reference=sklearns_linear_cost,
        hint=(
            "W₁W₂ is one column of p numbers, and any column can be had. So it is least squares:"
            " `np.linalg.lstsq`.",
            "W₁W₂ 是一列 p 个数，而且可以是任意的一列。所以这就是最小二乘：`np.linalg.lstsq`。",
        ),
        mistakes=(
            Mistake(
                lambda X, y: sklearns_linear_cost(X, y) / len(y),
                "Averaged: the J of this lesson is a sum over the rows.",
                "求了平均：本课的 J 是对各个样本求和。",
            ),
            Mistake(
                with_intercept,
                "That is with an intercept; this network has no biases, only the columns of X.",
                "这里用了截距；而这个网络没有偏置，只有 X 的各列。",
            ),
            Mistake(
                lambda X, y: np.sum((y - y.mean()) ** 2),
                "That is the cost of the mean everywhere. For XOR a plane does no better, but for"
                " other data it does.",
                "这是处处预测均值的代价。对 XOR，平面不比它好；对其他数据就不是这样了。",
            ),
            Mistake(
                lambda X, y: np.sum(y**2),
                "That is the cost where all weights are 0, and with them ŷ: training leads lower.",
                "这是权重全为 0、从而 ŷ 也为 0 时的代价：训练还能让它更低。",
            ),
            Mistake(
                lambda X, y: np.sqrt(sklearns_linear_cost(X, y)),
                "That is the length of the error, √J: J is its square.",
                "这是误差向量的长度 √J：J 是它的平方。",
            ),
        ),
    ),
    Task(
        train_step,
        kind="bug",
        cases=((*NET, 0.5), (*OTHER_NET, 2.0)),
        reference=step_by_differences,
        measure=both,
        expects=tuple,
        hint=(
            "Go through it line by line: which W₂ does D₁ see?",
            "一行一行地看：算 D₁ 时用的是哪一个 W₂？",
        ),
        mistakes=(
            Mistake(
                second_first,
                "D₁ is computed with the new W₂: the error must go back through the weights that"
                " the signal came through. Compute both gradients first, then change the weights.",
                "D₁ 用了新的 W₂：信号前向传播时经过哪些权重，误差就要沿哪些权重传回去。"
                "先算出两个梯度，再更新权重。",
            ),
            Mistake(
                first_first,
                "Now W₁ changes first, and the gradient of W₂ is that of the new W₁: the same"
                " mistake the other way round.",
                "现在先更新了 W₁，再在新的 W₁ 处求 W₂ 的梯度：同样的错误，只是反了过来。",
            ),
            Mistake(
                no_hidden_slope,
                "The slope H (1 − H) of the hidden units has got lost.",
                "隐藏单元的斜率 H (1 − H) 丢了。",
            ),
            Mistake(
                lambda X, y, W1, W2, rate: lesson07.step(X, y, W1, W2, -rate),
                "The step goes uphill: the gradient is to be subtracted.",
                "这一步是在上坡：梯度应当减去。",
            ),
            Mistake(
                lambda X, y, W1, W2, rate: (W1, lesson07.step(X, y, W1, W2, rate)[1]),
                "W₁ does not change: the hidden layer has to learn as well.",
                "W₁ 没有变：隐藏层也要学习。",
            ),
        ),
    ),
    Task(
        xor_network,
        kind="model",
        reference=lambda: np.logical_xor(*CORNERS.T)[:, None] * 1.0,
        measure=lambda model: model(ops.convert_to_tensor(CORNERS, dtype="float32")),
        tolerance=0.1,
        expects=keras.Model,
        hint=(
            "With relu: one unit that counts the ones, x₁ + x₂, and one that is above 0 only where"
            " both are on, x₁ + x₂ − 1. Which weighted sum of the two is 0, 1, 1, 0? `set_weights`"
            " takes the kernel and the bias of each layer in turn.",
            "用 relu：一个单元数有几个 1，即 x₁ + x₂；另一个只在两个输入都为 1 时大于 0，"
            "即 x₁ + x₂ − 1。两者怎样加权求和才得到 0、1、1、0？"
            "`set_weights` 依次接收各层的权重矩阵和偏置。",
        ),
        mistakes=(
            Mistake(
                network([[1, 1], [1, 1]], [0, -1], [1, -1], 0),
                "That is OR: where both inputs are 1, it says 1. The second unit must pull down"
                " twice as hard.",
                "这是“或”：两个输入都为 1 时它输出 1。第二个单元往下拉的力量要加倍。",
            ),
            Mistake(
                network([[1, 1], [1, 1]], [0, -1], [0, 1], 0),
                "That is AND: it says 1 where both inputs are 1, and only there.",
                "这是“与”：两个输入都为 1 时输出 1，其他时候输出 0。",
            ),
            Mistake(
                network([[1, 1], [1, 1]], [0, -1], [-1, 2], 1),
                "That is XOR the other way round: it says 1 where the inputs are equal.",
                "这与 XOR 正好相反：两个输入相等时它输出 1。",
            ),
            Mistake(
                network([[1, 1], [1, 1]], [0, 0], [0.5, 0.5], 0),
                "That counts the ones: 0, 1, 1, 2. A second unit is needed that bends it down"
                " where there are two.",
                "这是在数有几个 1：0、1、1、2。还需要第二个单元，在有两个 1 时把它压下去。",
            ),
            Mistake(
                network([[0, 0], [0, 0]], [0, 0], [0, 0], 0.5),
                "One half everywhere is the best that a network without a bend in the hidden layer"
                " can do: its hidden units need an activation, and weights that make use of it.",
                "处处输出二分之一，是隐藏层没有非线性的网络所能做到的最好结果："
                "隐藏单元要有激活函数，权重还要让它起作用。",
            ),
            Mistake(
                network([[0, 0], [0, 0]], [0, 0], [0, 0], 0),
                "It says 0 everywhere: no weight is set, or no relu unit is ever above 0.",
                "处处输出 0：没有设权重，或者没有一个 relu 单元大于 0。",
            ),
        ),
    ),
    Task(
        moon_classes,
        kind="baseline",
        cases=(MOONS,),
        score=accuracy,
        at_least=0.94,
        baseline=straight_line,
        hint=(
            "Eight or more tanh units, random weights to start from (and a constant column or"
            " biases), a sigmoid at the end, and one or two thousand full-batch steps; in Keras the"
            " optimizer Adam with a rate of about 0.03 gets there soonest.",
            "八个或更多 tanh 单元，从随机权重出发（加上常数列或偏置），最后用 sigmoid，"
            "走一两千步批量梯度下降；在 Keras 中，用优化器 Adam、学习率 0.03 左右，到得最快。",
        ),
        mistakes=(
            Mistake(
                lambda X, y, Z: straight_line(X, y, Z)[:, None],
                "The shape is (m, 1), as Keras's `predict` gives it; (m,) is wanted: take"
                " `[:, 0]`.",
                "形状是 (m, 1)，Keras 的 `predict` 给出的就是这样；需要的是 (m,)：请取 `[:, 0]`。",
                matches=lambda result, X, y, Z: numbers(result).shape == (len(Z), 1),
            ),
            Mistake(
                lambda X, y, Z: 1 / (1 + np.exp(-Z[:, 1])),
                "Other numbers than 0 and 1, probabilities most likely: say 1 where they are above"
                " one half, else 0.",
                "有 0 和 1 以外的数，多半是概率：大于二分之一的返回 1，其余返回 0。",
                matches=lambda result, *_: not np.isin(numbers(result), [0, 1]).all(),
            ),
            Mistake(
                straight_line,
                "That is the straight line, the baseline: it needs a hidden layer.",
                "这就是那条直线，也就是基线：需要一个隐藏层。",
            ),
            Mistake(
                lambda X, y, Z: np.zeros(len(Z)),
                "All test points get the same class: the network says nothing yet of X. Did the"
                " weights start all equal?",
                "所有测试点都分到了同一类：网络还没有用上 X。权重是不是从同一个值出发的？",
                matches=lambda result, *_: np.ptp(numbers(result)) == 0,
            ),
            Mistake(
                lambda X, y, Z: 1 - straight_line(X, y, Z),
                "Most are wrong: 0 and 1 have changed places.",
                "大多数都分错了：0 和 1 颠倒了。",
                matches=lambda result, *_: accuracy(result) < 0.3,
            ),
        ),
    ),
]
