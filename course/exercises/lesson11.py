"""Exercises of lesson 11: a convolutional network.

Fill in each function. Shapes are given as in NumPy; `numpy` and `keras` are all you need.

zh:
第 11 课练习：卷积网络。

请完成每个函数。形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`。
"""

import keras
import numpy as np


def feature_map(X, K, b):
    """What one filter makes of one picture, without an activation function.

    a[i, j] = b + Σ X[i + u, j + v] K[u, v], the sum over all places u, v of the filter. The
    filter lies wholly inside the picture.
    X: shape (n, m). K: shape (k, k). b: a number. Return shape (n − k + 1, m − k + 1).

    zh:
    一个卷积核在一幅图片上得到的特征图，不加激活函数。

    a[i, j] = b + Σ X[i + u, j + v] K[u, v]，
    对卷积核的所有位置 u、v 求和。卷积核始终完全在图片之内。
    X：形状 (n, m)。K：形状 (k, k)。b：一个数。
    返回形状 (n − k + 1, m − k + 1)。
    """
    k = len(K)
    # solution
    n, m = X.shape
    return np.array(
        [
            [b + np.sum(X[i : i + k, j : j + k] * K) for j in range(m - k + 1)]
            for i in range(n - k + 1)
        ]
    )


def count_weights(side, channels, kernel, filters, units):
    """How many weights a small network has, all intercepts included.

    Square pictures of this side and this many channels go through filters of
    kernel × kernel (as many as `filters` says; each lies wholly inside the picture), max
    pooling over 2×2 (an odd last row or column is left out), and a dense layer of `units`
    units. All arguments are whole numbers. Return a whole number, without building the network.

    zh:
    一个小网络有多少个权重？各层的偏置也算在内。

    图片是正方形，边长为 side，通道数为 channels。它依次经过：
    filters 个 kernel × kernel 的卷积核（始终完全在图片之内）；
    2×2 的最大池化（边长为奇数时，舍去最后一行和最后一列）；
    一个有 units 个单元的全连接层。
    所有参数都是整数。不要搭建网络，直接返回一个整数。
    """
    # solution
    pooled = (side - kernel + 1) // 2
    return (kernel**2 * channels + 1) * filters + (pooled**2 * filters + 1) * units


def cross_entropy(Z, y):
    """The cost J = −1/n Σ ln p of the right class, where p = exp z / Σ exp z (softmax).

    Row i of Z holds the numbers z that the last layer gives picture i, one for each class;
    y[i] is the right class. There is a mistake in this function: find it.
    Z: shape (n, classes). y: shape (n,), whole numbers. Return a number.

    zh:
    代价 J = −1/n Σ ln p，其中 p 是正确类别的概率，
    由 softmax 得到：p = exp z / Σ exp z。

    Z 的第 i 行是最后一层给第 i 幅图片的数 z，每个类别一个；
    y[i] 是正确的类别。这个函数里有一个错误：请找出来。
    Z：形状 (n, 类别数)。y：形状 (n,)，整数。返回一个数。
    """
    e = np.exp(Z - Z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    # solution
    # given: return -np.mean(np.log(p[:, y]))
    return -np.mean(np.log(p[np.arange(len(y)), y]))


def build_model(side, n_classes, learning_rate):
    """A small convolutional network, compiled.

    Its layers: 4 filters of 3×3 with tanh, which lie wholly inside the picture; max pooling
    over 2×2; flat; a dense layer with softmax, one unit for each class. Compile it with SGD
    at this learning rate, Nesterov momentum 0.9 and the loss "sparse_categorical_crossentropy":
    y holds whole numbers.
    side, n_classes: whole numbers. learning_rate: a number.
    Return a keras.Model from (n, side, side, 1) to (n, n_classes).

    zh:
    一个已编译（compile）的小卷积网络。

    各层依次是：4 个 3×3 的卷积核，激活函数为 tanh，始终完全在图片之内；
    2×2 的最大池化；展平；一个全连接层，带 softmax，每个类别一个单元。
    编译时用 SGD，学习率如参数所给，Nesterov 动量 0.9，
    损失为 "sparse_categorical_crossentropy"，因为 y 是整数。
    side、n_classes：整数。learning_rate：一个数。
    返回一个从 (n, side, side, 1) 到 (n, n_classes) 的 keras.Model。
    """
    # solution
    model = keras.Sequential(
        [
            keras.Input((side, side, 1)),
            keras.layers.Conv2D(4, 3, activation="tanh"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(n_classes, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=True),
        loss="sparse_categorical_crossentropy",
    )
    return model


def smallest_reader():
    """The smallest network you can find that reads 98 % of the digits.

    Return a compiled keras.Model, not yet trained, from (n, 8, 8, 1) to (n, 10): pixels from
    0, paper, to 1, ink, in; one number for each class out. The digits are scikit-learn's, 8×8
    pixels each; y holds whole numbers, so the loss is of the "sparse" kind. Layers, optimizer
    and learning rate are yours.

    The check draws the weights, and trains on 1297 digits for 20 epochs in batches of 64: 406
    steps. Of the 500 test digits at least 98 % must be read. Your score is how many times
    fewer weights your network has than the lesson's, 35754 / weights; at least 10 is wanted,
    and there is room above. A single dense layer has 650 weights and reads about 96 %.

    zh:
    能认出 98 % 数字的最小网络：看你能做到多小。

    返回一个已编译、尚未训练的 keras.Model，从 (n, 8, 8, 1) 到 (n, 10)：
    输入是像素，0 为白纸，1 为墨迹；每个类别输出一个数。
    数字来自 scikit-learn，每幅 8×8 像素；y 是整数，所以要用 "sparse" 一类的损失。
    用哪些层、哪种优化器、多大的学习率，都由你决定。

    检查时先抽取权重，再用 1297 个数字训练 20 轮，每个小批量 64 个，共 406 步。
    500 个测试数字中至少要认出 98 %。
    得分是本课网络的权重个数与你的权重个数之比，即 35754 / 权重个数；
    要求不低于 10，而且还可以更高。
    只用一个全连接层时有 650 个权重，大约认出 96 %。
    """
    # solution
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    schedule = keras.optimizers.schedules.CosineDecay(0.02, 420)
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    return model


# --- checks ---

import functools

from course import lesson11
from course.exercises import draw, rate
from course.grading.exercise import Mistake, Task

rng = np.random.default_rng(11)
PICTURE, FILTER = rng.normal(size=(7, 5)), rng.normal(size=(3, 3))
OTHER_PICTURE, OTHER_FILTER = rng.normal(size=(4, 6)), rng.normal(size=(2, 2))
LOGITS, CLASSES = 2 * rng.normal(size=(6, 4)), np.array([2, 0, 3, 3, 1, 0])
MORE_LOGITS, MORE_CLASSES = 2 * rng.normal(size=(9, 3)), rng.integers(3, size=9)


def scipys_map(X, K, b):
    from scipy.signal import correlate2d

    return correlate2d(X, K, mode="valid") + b


def padded_map(X, K, b):
    from scipy.signal import correlate2d

    return correlate2d(X, K, mode="same") + b


def keras_count(side, channels, kernel, filters, units):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((side, side, channels)),
            layers.Conv2D(filters, kernel, kernel_initializer="zeros"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(units, kernel_initializer="zeros"),
        ]
    ).count_params()


def counted(n, c, k, f, units, side, bias=1):
    """For a side, after pooling, that may be wrong."""
    return (k**2 * c + bias) * f + (side**2 * f + bias) * units


def scipys_entropy(Z, y):
    from scipy.special import log_softmax

    return -np.take_along_axis(log_softmax(Z, axis=1), y[:, None], axis=1).mean()


def probabilities(Z, axis=1):
    return np.exp(Z) / np.exp(Z).sum(axis=axis, keepdims=True)


def picked(p, y):
    return p[np.arange(len(y)), y]


def five(side, n_classes):
    """Five pictures and their classes."""
    rng = np.random.default_rng(0)
    return rng.uniform(size=(5, side, side, 1)), rng.integers(n_classes, size=5)


def loss_on_five(model, side, n_classes):
    """NaN where the loss cannot take whole numbers."""
    X, y = five(side, n_classes)
    # By way of NumPy: TensorFlow's tensors remember the numbers before their softmax.
    said = keras.ops.convert_to_tensor(keras.ops.convert_to_numpy(model(X, training=False)))
    try:
        loss = model.compute_loss(X, keras.ops.convert_to_tensor(y), said)
    except Exception:
        return np.nan
    return float(keras.ops.convert_to_numpy(loss))


def outputs(model, X):
    """What the model says of X once its weights are those of `draw`."""
    model.set_weights(draw([w.shape for w in model.get_weights()]))
    return keras.ops.convert_to_numpy(model(X, training=False))


def momentum(model):
    optimizer = model.optimizer
    return float(getattr(optimizer, "momentum", 0)), float(getattr(optimizer, "nesterov", False))


def model_facts(model, side, n_classes, learning_rate):
    return {
        ("number of weights", "权重的个数"): model.count_params(),
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): outputs(
            model, five(side, n_classes)[0]
        ),
        ("learning rate", "学习率"): rate(model),
        ("momentum; 1 for Nesterov's", "动量；用 Nesterov 时后一个数为 1"): momentum(model),
        ("loss on five pictures", "五幅图片上的损失"): loss_on_five(model, side, n_classes),
    }


def facts_by_hand(side, n_classes, learning_rate):
    X, y = five(side, n_classes)
    flat = 4 * ((side - 2) // 2) ** 2
    K, b, W, c = draw([(3, 3, 1, 4), (4,), (flat, n_classes), (n_classes,)])
    pooled = lesson11.max_pool(np.tanh(lesson11.convolve(X, K, b)))
    p = lesson11.softmax(pooled.reshape(5, -1) @ W + c)
    return {
        ("number of weights", "权重的个数"): 40 + (flat + 1) * n_classes,
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): p,
        ("learning rate", "学习率"): learning_rate,
        ("momentum; 1 for Nesterov's", "动量；用 Nesterov 时后一个数为 1"): (0.9, 1),
        ("loss on five pictures", "五幅图片上的损失"): -np.mean(np.log(picked(p, y))),
    }


def other_model(
    padding="valid",
    activation="tanh",
    pool=keras.layers.MaxPooling2D,
    last="softmax",
    loss="sparse_categorical_crossentropy",
    nesterov=True,
):
    def build(side, n_classes, learning_rate):
        model = keras.Sequential(
            [
                keras.Input((side, side, 1)),
                keras.layers.Conv2D(4, 3, activation=activation, padding=padding),
                pool(2),
                keras.layers.Flatten(),
                keras.layers.Dense(n_classes, activation=last),
            ]
        )
        model.compile(keras.optimizers.SGD(learning_rate, 0.9, nesterov=nesterov), loss=loss)
        return model

    return build


TRAINING, EPOCHS, BATCH, WANTED = 1297, 20, 64, 0.98


@functools.cache
def digits():
    """The 8×8 digits in an order drawn once; the last 500 are for the test."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(17).permutation(len(y))
    return (X[order] / 16).reshape(-1, 8, 8, 1).astype("float32"), y[order]


def prepare(model):
    """Glorot's uniform weights, drawn with NumPy, wherever an array has two axes or more.

    The rest (biases, the arrays of a normalization) stay what they are at first. Layers that
    draw, such as Dropout, get fixed seeds.
    """
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        shape = tuple(variable.shape)
        if len(shape) > 1:
            limit = np.sqrt(6 / (np.prod(shape[:-2]) * (shape[-2] + shape[-1])))
            variable.assign(rng.uniform(-limit, limit, shape).astype("float32"))
    for k, variable in enumerate(model.variables):
        if "seed_generator_state" in variable.path:
            variable.assign(np.array([11, k], "uint32"))


READ = {}  # what was measured last: training takes seconds, and two questions are asked of it


def fraction_read(model):
    """Train the model; the fraction of the test digits that it then reads."""
    if READ.get("model") is not model:
        prepare(model)
        X, y = digits()
        rng = np.random.default_rng(0)
        rows = np.concatenate([rng.permutation(TRAINING) for _ in range(EPOCHS)])
        # All epochs are one to Keras, so that the order is NumPy's.
        model.fit(X[rows], y[rows], batch_size=BATCH, shuffle=False, verbose=0)
        guesses = model.predict(X[TRAINING:], batch_size=500, verbose=0).argmax(axis=1)
        READ.update(model=model, fraction=float(np.mean(guesses == y[TRAINING:])))
    return READ["fraction"]


def times_fewer(model):
    return lesson11.WEIGHTS / model.count_params() * (fraction_read(model) >= WANTED)


def reader(*layers, loss="sparse_categorical_crossentropy", compiled=True):
    def build():
        model = keras.Sequential([keras.Input((8, 8, 1)), *(layer() for layer in layers)])
        if compiled:
            model.compile(optimizer="adam", loss=loss)
        return model

    return build


def ten():
    return keras.layers.Dense(10, activation="softmax")


def categorical(model):
    name = getattr(model.loss, "name", model.loss)
    return name == "categorical_crossentropy"


TASKS = [
    Task(
        feature_map,
        kind="line",
        cases=((PICTURE, FILTER, 0.5), (OTHER_PICTURE, OTHER_FILTER, -1.5)),
        reference=scipys_map,
        hint=(
            "At the place i, j the filter lies on the patch `X[i : i + k, j : j + k]`.",
            "在位置 i、j，卷积核盖住的小块是 `X[i : i + k, j : j + k]`。",
        ),
        mistakes=(
            Mistake(
                lambda X, K, b: scipys_map(X, K[::-1, ::-1], b),
                "The filter is turned round: mathematicians call that a convolution; in a"
                " network X[i + u] meets K[u], and nothing is turned.",
                "卷积核被翻转了：数学上那才叫卷积；而在网络里，X[i + u] 对应 K[u]，不翻转。",
            ),
            Mistake(
                lambda X, K, b: scipys_map(X, K, 0),
                "The intercept b is missing.",
                "少了偏置 b。",
            ),
            Mistake(
                lambda X, K, b: scipys_map(X, K, b * K.size),
                "b is added once for every weight of the filter: it belongs outside the sum.",
                "b 对卷积核的每个权重都加了一遍：它应当放在求和号外面。",
            ),
            Mistake(
                lambda X, K, b: scipys_map(X, K, b)[:-1, :-1],
                "The last row and the last column are missing: along a side of n pixels there"
                " are n − k + 1 places, not n − k.",
                "少了最后一行和最后一列：沿 n 个像素的边有 n − k + 1 个位置，不是 n − k 个。",
            ),
            Mistake(
                padded_map,
                'The map is as large as the picture: that is Keras\'s padding="same", which lets'
                " the filter hang over the edge.",
                '特征图与图片一样大：这是 Keras 的 padding="same"，卷积核会伸到图片之外。',
            ),
        ),
    ),
    Task(
        count_weights,
        kind="predict",
        cases=((28, 1, 5, 4, 10), (12, 3, 4, 6, 7)),
        reference=keras_count,
        hint=(
            "A filter reaches through all channels. A dense unit has a weight for every number"
            " that is left after the pooling. Each filter and each unit has one intercept.",
            "卷积核贯穿所有通道。池化之后剩下多少个数，全连接层的每个单元就有多少个权重。"
            "每个卷积核、每个单元各有一个偏置。",
        ),
        mistakes=(
            Mistake(
                lambda n, c, k, f, u: counted(n, c, k, f, u, (n - k + 1) // 2, bias=0),
                "The intercepts are missing: one for each filter and one for each unit.",
                "少了偏置：每个卷积核一个，每个单元一个。",
            ),
            Mistake(
                lambda n, c, k, f, u: counted(n, c, k, f, u, n - k + 1),
                "The pooling is missing: it halves the side before the dense layer.",
                "少了池化：进入全连接层之前，边长要减半。",
            ),
            Mistake(
                lambda n, c, k, f, u: counted(n, c, k, f, u, n // 2),
                "The picture does not keep its side: k × k filters leave n − k + 1 of n.",
                "图片的边长不会保持不变：经过 k × k 的卷积核，n 变成 n − k + 1。",
            ),
            Mistake(
                lambda n, c, k, f, u: (k**2 * c + 1) * f + (((n - k + 1) // 2) ** 2 + 1) * u,
                "The dense layer gets every filter's map, not one map alone: side² × filters"
                " numbers.",
                "全连接层的输入是所有卷积核的特征图，而不是一幅：共有“边长² × filters”个数。",
            ),
            Mistake(
                lambda n, c, k, f, u: (
                    ((n - k + 1) ** 2 * (k**2 * c + 1)) * f + (((n - k + 1) // 2) ** 2 * f + 1) * u
                ),
                "The filters' weights are counted anew at every place; but they are the same"
                " ones everywhere, which is what makes a convolution cheap.",
                "卷积核的权重在每个位置都重新数了一遍；其实各处用的是同样的权重，"
                "卷积之所以省，原因就在这里。",
            ),
        ),
    ),
    Task(
        cross_entropy,
        kind="bug",
        cases=((LOGITS, CLASSES), (MORE_LOGITS, MORE_CLASSES)),
        reference=scipys_entropy,
        hint=(
            "Print the shape of `p[:, y]` for n pictures. How many probabilities should there be?",
            "对 n 幅图片，打印 `p[:, y]` 的形状看看。应该有几个概率？",
        ),
        mistakes=(
            Mistake(
                lambda Z, y: -np.mean(np.log(probabilities(Z)[:, y])),
                "Every picture is still asked about the classes of all pictures: `p[:, y]` has"
                " the shape (n, n). Row i is to be asked about y[i] alone.",
                "仍然在问每幅图片“所有图片的类别”：`p[:, y]` 的形状是 (n, n)。第 i 行只该问 y[i]。",
            ),
            Mistake(
                lambda Z, y: -np.sum(np.log(picked(probabilities(Z), y))) / Z.size,
                "Divided by n times the classes: with one-hot rows the zeros must not be"
                " counted in the mean. Divide by n.",
                "除以了 n 乘类别数：用独热（one-hot）行时，零不能算进平均。应当除以 n。",
            ),
            Mistake(
                lambda Z, y: -np.log(np.mean(picked(probabilities(Z), y))),
                "That is the logarithm of the mean; the cost is the mean of the logarithms.",
                "这是平均之后再取对数；代价是先取对数再平均。",
            ),
            Mistake(
                lambda Z, y: -np.mean(np.log(picked(probabilities(Z, axis=0), y))),
                "The probabilities add up to 1 over the pictures; they must over the classes.",
                "概率在各幅图片之间加起来等于 1；应当是在各个类别之间加起来等于 1。",
            ),
            Mistake(
                lambda Z, y: -np.mean(picked(Z, y)),
                "Those are the numbers z themselves: softmax and logarithm are missing.",
                "用的是 z 本身：少了 softmax 和对数。",
            ),
        ),
    ),
    Task(
        build_model,
        kind="model",
        cases=((9, 4, 0.05), (6, 3, 0.2)),
        reference=facts_by_hand,
        measure=model_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "Input, Conv2D, MaxPooling2D, Flatten, Dense; the activation functions are arguments"
            " of Conv2D and Dense, the momentum one of SGD.",
            "Input、Conv2D、MaxPooling2D、Flatten、Dense；"
            "激活函数是 Conv2D 和 Dense 的参数，动量是 SGD 的参数。",
        ),
        mistakes=(
            Mistake(
                other_model(padding="same"),
                'The maps are as large as the picture: that is padding="same", which lets the'
                " filters hang over the edge.",
                '特征图与图片一样大：这是 padding="same"，卷积核会伸到图片之外。',
            ),
            Mistake(
                other_model(activation=None),
                "The filters have no activation function: `Conv2D` has none of its own accord.",
                "卷积层没有激活函数：`Conv2D` 默认不带激活函数。",
            ),
            Mistake(
                other_model(last=None),
                "The last layer has no softmax: what comes out are no probabilities.",
                "最后一层没有 softmax：输出的不是概率。",
            ),
            Mistake(
                other_model(pool=keras.layers.AveragePooling2D),
                "The pooling takes the mean of each square; the largest is wanted.",
                "池化取的是每个方块的平均值；要的是最大值。",
            ),
            Mistake(
                other_model(nesterov=False),
                "The momentum is there, but not Nesterov's: `nesterov=True`.",
                "有动量，但不是 Nesterov 动量：要加 `nesterov=True`。",
            ),
            Mistake(
                other_model(loss="categorical_crossentropy"),
                'This loss wants one-hot rows; for whole numbers there is the "sparse" one.',
                '这个损失要的是独热（one-hot）行；y 是整数时要用带 "sparse" 的那个。',
                matches=lambda model, n, k, _: np.isnan(loss_on_five(model, n, k)),
            ),
            Mistake(
                other_model(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
                "The softmax is taken twice: `from_logits=True` is for a last layer without one.",
                "softmax 做了两遍：最后一层不带 softmax 时，才用 `from_logits=True`。",
            ),
        ),
    ),
    Task(
        smallest_reader,
        kind="free",
        score=times_fewer,
        remark=lambda model: (
            f"{fraction_read(model):.1%} of the test digits with {model.count_params()} weights",
            f"用 {model.count_params()} 个权重认出 {fraction_read(model):.1%} 的测试数字",
        ),
        at_least=10,
        baseline=1.0,
        expects=keras.Model,
        hint=(
            "Most weights sit where a dense layer meets a large map. Two layers of few 3×3"
            " filters and a pooling before the dense layer do it. With 406 steps the learning"
            " rate matters: Adam at 0.01 or 0.02, falling to 0 at the end (`CosineDecay`).",
            "全连接层遇到大的特征图时，权重最多。"
            "先用两层不多的 3×3 卷积核，再池化，最后接全连接层，就可以了。"
            "只有 406 步，学习率很要紧：用 Adam，取 0.01 或 0.02，到最后降为 0（`CosineDecay`）。",
        ),
        mistakes=(
            Mistake(
                reader(keras.layers.Flatten, ten, compiled=False),
                "The model is not compiled: it has no optimizer and no loss to train with.",
                "模型没有编译：没有优化器和损失，无法训练。",
                matches=lambda model: not model.compiled,
            ),
            Mistake(
                reader(keras.layers.Flatten, ten, loss="categorical_crossentropy"),
                'y holds whole numbers: the loss is "sparse_categorical_crossentropy".',
                'y 是整数：损失要用 "sparse_categorical_crossentropy"。',
                matches=categorical,
            ),
            Mistake(
                reader(lambda: keras.layers.Conv2D(10, 3, activation="softmax")),
                "The model must go from (n, 8, 8, 1) to (n, 10): one number for each class.",
                "模型必须从 (n, 8, 8, 1) 到 (n, 10)：每个类别一个数。",
                matches=lambda model: (
                    (model.input_shape, model.output_shape) != ((None, 8, 8, 1), (None, 10))
                ),
            ),
            Mistake(
                reader(keras.layers.Flatten, lambda: keras.layers.Dense(64), ten),
                "More than a tenth of the lesson's weights: `model.count_params()` must be 3575"
                " at most. `model.summary()` shows where they sit.",
                "权重超过了本课网络的十分之一：`model.count_params()` 最多为 3575。"
                "用 `model.summary()` 看看权重都在哪里。",
                matches=lambda model: model.count_params() * 10 > lesson11.WEIGHTS,
            ),
            Mistake(
                reader(keras.layers.Flatten, ten),
                "It is small enough, but after the training it reads fewer than 98 % of the test"
                " digits: filters see more than single pixels, and 406 steps want a large"
                " learning rate.",
                "网络够小了，但训练之后认出的测试数字不到 98 %：卷积核比单个像素看得更多；"
                "只有 406 步，学习率要大一些。",
                matches=lambda model: fraction_read(model) < WANTED,
            ),
        ),
    ),
]
