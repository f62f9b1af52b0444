"""Exercises of lesson 12: augmentation.

Fill in each function. Shapes are given as in NumPy; you need `numpy` and `keras`, and for the
last exercise scikit-learn may help.

zh:
第 12 课练习：数据增强。

请完成每个函数。形状的写法与 NumPy 相同；
需要 `numpy` 和 `keras`，最后一题也可以用 scikit-learn。
"""

import keras
import numpy as np


def old_places(points, angle, shift, c):
    """Where in the old picture the points of the new one were, after a turn and a shift.

    (x′, y′) = (c, c) + L (x − s − c, y − t − c), where L has the rows (cos φ, −sin φ) and
    (sin φ, cos φ).
    points: (x, y) of each point, shape (n, 2). angle: φ in degrees. shift: (s, t), shape (2,).
    c: the centre in both directions, a number. Return (x′, y′) of each point, shape (n, 2).

    zh:
    图片旋转、平移之后，新图片中的点原来在旧图片的什么位置？

    (x′, y′) = (c, c) + L (x − s − c, y − t − c)，
    其中 L 的两行是 (cos φ, −sin φ) 和 (sin φ, cos φ)。
    points：各点的 (x, y)，形状 (n, 2)。angle：φ，单位是度。
    shift：(s, t)，形状 (2,)。c：中心在两个方向上的坐标，一个数。
    返回各点的 (x′, y′)，形状 (n, 2)。
    """
    # solution
    φ = np.deg2rad(angle)
    L = np.array([[np.cos(φ), -np.sin(φ)], [np.sin(φ), np.cos(φ)]])
    return c + (points - shift - c) @ L.T


def between_pixels(X, x, y):
    """The picture's value at places between its pixels, by bilinear interpolation.

    f and g are the fractional parts of x and y. The four pixels around are al (above, left), ar
    (above, right), bl (below, left) and br (below, right). The value is
    (1 − g)[(1 − f) al + f ar] + g[(1 − f) bl + f br].
    X: shape (h, w); its rows go down, so the pixel (x, y) is X[y, x].
    x, y: shape (n,), to the right and down, no whole numbers, inside the picture.
    Return shape (n,).

    zh:
    用双线性插值求图片在像素之间的值。

    f、g 是 x、y 的小数部分。周围四个像素记作：
    al（左上）、ar（右上）、bl（左下）、br（右下）。
    要算的是 (1 − g)[(1 − f) al + f ar] + g[(1 − f) bl + f br]。
    X：形状 (h, w)，行号向下增加，所以像素 (x, y) 是 X[y, x]。
    x、y：形状 (n,)，分别向右、向下，都不是整数，都在图片之内。
    返回形状 (n,)。
    """
    left, above = np.floor(x).astype(int), np.floor(y).astype(int)
    # solution
    f, g = x - left, y - above
    upper = (1 - f) * X[above, left] + f * X[above, left + 1]
    lower = (1 - f) * X[above + 1, left] + f * X[above + 1, left + 1]
    return (1 - g) * upper + g * lower


def folded(W, b, mean, deviation):
    """The weights and intercepts of a layer that standardises its pixels itself.

    A network standardises its pixels, X ← (X − mean) / deviation, and then computes XW + b. Which
    W′ and b′ give the same from the raw pixels, XW′ + b′?
    W: shape (p, q). b: shape (q,). mean, deviation: numbers. Return (W′, b′).

    zh:
    把标准化并入一个层：新的权重和偏置是什么？

    网络先把像素标准化，X ← (X − mean) / deviation，再计算 XW + b。
    用怎样的 W′ 和 b′，才能从原始像素直接得到同样的结果 XW′ + b′？
    W：形状 (p, q)。b：形状 (q,)。mean、deviation：都是一个数。
    返回 (W′, b′)。
    """
    # solution
    return W / deviation, b - mean * W.sum(axis=0) / deviation


def shifted(X, shifts):
    """Each picture shifted by whole pixels, its own s to the right and its own t down.

    What comes in from outside is paper, 0, and what leaves the picture is gone. There is a
    mistake in this function: find it. (`np.pad` puts a frame of zeros around an array.)
    X: shape (n, h, w). shifts: (s, t) of each picture, whole numbers of either sign, smaller
    than the picture, shape (n, 2). Return shape (n, h, w).

    zh:
    把每幅图片平移整数个像素：各自向右 s 个，向下 t 个。

    从外面移进来的是白纸，即 0；移出图片的就没有了。
    这个函数里有一个错误：请找出来。（`np.pad` 在数组四周补上一圈 0。）
    X：形状 (n, h, w)。
    shifts：每幅图片的 (s, t)，整数，可正可负，绝对值小于图片的边长，形状 (n, 2)。
    返回形状 (n, h, w)。
    """
    h, w = X.shape[1:]
    moved = np.zeros_like(X)
    for i, (s, t) in enumerate(shifts):
        # solution
        # given: moved[i] = np.roll(X[i], (t, s), axis=(0, 1))
        padded = np.pad(X[i], ((h, h), (w, w)))
        moved[i] = padded[h - t : 2 * h - t, w - s : 2 * w - s]
        # end
    return moved


def build_model(side, mean, deviation):
    """A network behind a layer that standardises its pixels.

    First X ← (X − mean) / deviation, the same two numbers for all pixels (they were measured
    on the training set); then 3 filters of 3×3 with relu that lie wholly inside the picture,
    flat, and a dense layer of 10 units with softmax. It need not be compiled.
    side: a whole number. mean, deviation: numbers.
    Return a keras.Model from (n, side, side, 1) to (n, 10).

    zh:
    一个网络，最前面有一层把像素减去均值、除以标准差。

    先做 X ← (X − mean) / deviation，
    所有像素用同样的两个数（它们是在训练集上测得的）；
    然后是 3 个 3×3 的卷积核，激活函数为 relu，始终完全在图片之内；
    展平；最后是有 10 个单元、带 softmax 的全连接层。不需要编译。
    side：一个整数。mean、deviation：都是一个数。
    返回一个从 (n, side, side, 1) 到 (n, 10) 的 keras.Model。
    """
    # solution
    return keras.Sequential(
        [
            keras.Input((side, side, 1)),
            keras.layers.Normalization(axis=None, mean=mean, variance=deviation**2),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def read_moved_digits(X_train, y_train, X_test):
    """The classes of test digits that were moved, learnt from digits that were not.

    The digits are scikit-learn's, 8×8 pixels. Each test digit was shifted by up to one pixel
    in both directions (its own way, paper from outside); the training digits are as they
    were. Read more than 93 % of the test digits. Support vector machines (scikit-learn's
    SVC) trained on the plain digits read about 44 %. Any means will do. (`SVC` is in
    `sklearn.svm`; its `fit(X, y)` and `predict(X)` want a row of 64 numbers for each picture.)
    X_train: shape (n, 8, 8), from 0, paper, to 1, ink. y_train: shape (n,), whole numbers.
    X_test: shape (m, 8, 8). Return whole numbers, shape (m,).

    zh:
    认出挪动过的测试数字，而训练数字没有挪动过。

    数字来自 scikit-learn，每幅 8×8 像素。
    每个测试数字在两个方向上最多各平移一个像素（各不相同，空出来的地方是白纸）；
    训练数字则是原样的。
    请认出 93 % 以上的测试数字。用原样的数字训练支持向量机（scikit-learn 的 SVC），
    大约认出 44 %。方法不限。（`SVC` 在 `sklearn.svm` 中；
    它的 `fit(X, y)` 和 `predict(X)` 要求每幅图片写成一行 64 个数。）
    X_train：形状 (n, 8, 8)，0 为白纸，1 为墨迹。y_train：形状 (n,)，整数。
    X_test：形状 (m, 8, 8)。返回形状 (m,) 的整数。
    """
    # solution
    from sklearn.svm import SVC

    padded = np.pad(X_train, ((0, 0), (1, 1), (1, 1)))
    copies = [padded[:, i : i + 8, j : j + 8] for i in range(3) for j in range(3)]
    model = SVC().fit(np.concatenate(copies).reshape(-1, 64), np.tile(y_train, 9))
    return model.predict(X_test.reshape(-1, 64))


# --- checks ---

from course import lesson11
from course.exercises import draw
from course.grading.exercise import Mistake, Task

rng = np.random.default_rng(12)
POINTS, OTHER_POINTS = rng.uniform(0, 9, size=(5, 2)), rng.uniform(0, 27, size=(4, 2))
PICTURE, OTHER_PICTURE = rng.uniform(size=(5, 7)), rng.uniform(size=(6, 4))
PLACES = rng.uniform([0, 0], [6, 4], size=(5, 2)).T
OTHER_PLACES = rng.uniform([0, 0], [3, 5], size=(6, 2)).T
WEIGHTS, INTERCEPTS, PIXELS = rng.normal(size=(6, 4)), rng.normal(size=4), rng.normal(size=(5, 6))
PICTURES = rng.uniform(0.1, 1, size=(4, 5, 6))
SHIFTS = np.array([[1, -2], [-3, 0], [2, 1], [0, 3]])


def turned(points, angle, shift, c):
    """A point as x + iy: to turn it is to multiply it with exp(iφ)."""
    z = points @ [1, 1j] - (shift[0] + 1j * shift[1]) - c * (1 + 1j)
    z = c * (1 + 1j) + np.exp(1j * np.pi * angle / 180) * z
    return np.column_stack([z.real, z.imag])


def scipys_values(X, x, y):
    from scipy.ndimage import map_coordinates

    return map_coordinates(X, [y, x], order=1)


def scipys_shifted(X, shifts):
    from scipy.ndimage import shift

    return np.array([shift(x, (t, s), order=0) for x, (s, t) in zip(X, shifts, strict=True)])


def rolled(X, shifts):
    return np.array([np.roll(x, (t, s), (0, 1)) for x, (s, t) in zip(X, shifts, strict=True)])


def edges(X, shifts):
    from scipy.ndimage import shift

    pairs = zip(X, shifts, strict=True)
    return np.array([shift(x, (t, s), order=0, mode="nearest") for x, (s, t) in pairs])


def in_use(result, W, b, mean, deviation):
    V, a = (np.asarray(part, dtype="float64") for part in result)
    return {
        ("XW′ + b′ for raw pixels X", "原始像素 X 的 XW′ + b′"): PIXELS @ V + a,
        ("W′", "W′"): V,
        ("b′", "b′"): a,
    }


def solved_for(W, b, mean, deviation):
    """W′ and b′ from what the two layers give for p + 1 rows of pixels."""
    X = np.random.default_rng(0).normal(size=(len(W) + 1, len(W)))
    both = np.linalg.solve(np.column_stack([X, np.ones(len(X))]), (X - mean) / deviation @ W + b)
    return {
        ("XW′ + b′ for raw pixels X", "原始像素 X 的 XW′ + b′"): (PIXELS - mean) / deviation @ W
        + b,
        ("W′", "W′"): both[:-1],
        ("b′", "b′"): both[-1],
    }


def pictures(side):
    return np.random.default_rng(0).uniform(size=(4, side, side, 1))


def model_facts(model, side, mean, deviation):
    trained = model.trainable_variables
    for variable, value in zip(trained, draw([tuple(v.shape) for v in trained]), strict=True):
        variable.assign(0.3 * value)
    return {
        ("number of weights that are trained", "参与训练的权重个数"): sum(
            int(np.prod(v.shape)) for v in trained
        ),
        (
            "outputs, with weights that the check draws",
            "输出（权重由检查抽取）",
        ): keras.ops.convert_to_numpy(model(pictures(side), training=False)),
    }


def facts_by_hand(side, mean, deviation):
    flat = 3 * (side - 2) ** 2
    shapes = [(3, 3, 1, 3), (3,), (flat, 10), (10,)]
    K, b, W, c = (0.3 * value for value in draw(shapes))
    maps = np.maximum(lesson11.convolve((pictures(side) - mean) / deviation, K, b), 0)
    return {
        ("number of weights that are trained", "参与训练的权重个数"): 30 + 10 * flat + 10,
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): lesson11.softmax(
            maps.reshape(4, -1) @ W + c
        ),
    }


def other_model(scale, after=False, activation="relu"):
    """`scale(mean, deviation)` is the first layer, or the one after the filters."""

    def build(side, mean, deviation):
        layers = [
            scale(mean, deviation),
            keras.layers.Conv2D(3, 3, activation=activation),
        ]
        return keras.Sequential(
            [
                keras.Input((side, side, 1)),
                *(layers[::-1] if after else layers),
                keras.layers.Flatten(),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )

    return build


def rescaling(mean, deviation):
    return keras.layers.Rescaling(1 / deviation, -mean / deviation)


def digits():
    """(X_train, y_train, X_test) and y_test; the test digits are moved."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(12)
    order = rng.permutation(len(y))[:1000]
    X, y = X[order].reshape(-1, 8, 8) / 16, y[order]
    shifts = rng.integers(-1, 2, size=(500, 2))
    return (X[:500], y[:500], scipys_shifted(X[500:], shifts)), y[500:]


DIGITS, ANSWERS = digits()


def fraction_read(guesses, *_):
    return np.mean(np.asarray(guesses) == ANSWERS)


def flat(X):
    return X.reshape(len(X), -1)


def support_vectors(X_train, y_train, X_test):
    from sklearn.svm import SVC

    return SVC().fit(flat(X_train), y_train).predict(flat(X_test))


def nearest(X_train, y_train, X_test):
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(1).fit(flat(X_train), y_train).predict(flat(X_test))


TASKS = [
    Task(
        old_places,
        kind="line",
        cases=(
            (POINTS, 20.0, np.array([1.5, -2.0]), 4.5),
            (OTHER_POINTS, -35.0, np.array([3.0, 0.5]), 13.5),
        ),
        reference=turned,
        hint=(
            "NumPy's cos wants radians: `np.deg2rad`. The points are rows, so L stands on their"
            " right, transposed: `(…) @ L.T`.",
            "NumPy 的 cos 要用弧度：`np.deg2rad`。点是行向量，所以 L 要转置之后放在右边："
            "`(…) @ L.T`。",
        ),
        mistakes=(
            Mistake(
                lambda p, a, s, c: turned(p, np.rad2deg(a), s, c),
                "The angle was taken for radians; it is in degrees.",
                "把度数当成了弧度；angle 的单位是度。",
            ),
            Mistake(
                lambda p, a, s, c: turned(p, -a, s, c),
                "Turned the other way: `points @ L` is L transposed at work; rows need `@ L.T`.",
                "转反了方向：`points @ L` 相当于用了 L 的转置；行向量要写 `@ L.T`。",
            ),
            Mistake(
                lambda p, a, s, c: turned(p, a, s, 0),
                "Turned about the corner (0, 0) of the picture, not about its centre.",
                "绕图片的角 (0, 0) 旋转了，而不是绕中心。",
            ),
            Mistake(
                lambda p, a, s, c: turned(p, a, -s, c),
                "Shifted the other way: the question is where a point was before, so s and t are"
                " subtracted.",
                "平移的方向反了：问的是这个点原来在哪里，所以要减去 s 和 t。",
            ),
            Mistake(
                lambda p, a, s, c: turned(p, a, 0 * s, c) - s,
                "The shift is subtracted after the turn, so it goes in a turned direction; it"
                " belongs inside, before L.",
                "平移放在了旋转之后，方向也就跟着不对了；应当在乘 L 之前减去。",
            ),
        ),
    ),
    Task(
        between_pixels,
        kind="line",
        cases=((PICTURE, *PLACES), (OTHER_PICTURE, *OTHER_PLACES)),
        reference=scipys_values,
        hint=(
            "`X[above, left]` gives al for all n places at once; `left + 1` is the column on the"
            " right.",
            "`X[above, left]` 一次给出全部 n 个位置的 al；`left + 1` 是右边一列。",
        ),
        mistakes=(
            Mistake(
                lambda X, x, y: X[np.floor(y).astype(int), np.floor(x).astype(int)],
                "That is the pixel above on the left alone; all four contribute.",
                "这只是左上方的那一个像素；四个像素都有贡献。",
            ),
            Mistake(
                lambda X, x, y: X[np.rint(y).astype(int), np.rint(x).astype(int)],
                "That is the nearest pixel; all four contribute, the nearer the more.",
                "这是最近的像素；四个像素都有贡献，越近贡献越大。",
            ),
            Mistake(
                lambda X, x, y: scipys_values(X, 2 * np.floor(x) + 1 - x, 2 * np.floor(y) + 1 - y),
                "f and 1 − f have changed places (g as well): with f near 0 the place is near"
                " the left pixel, which must then count most.",
                "f 与 1 − f 用反了（g 也一样）：f 接近 0 时，位置靠近左边的像素，"
                "它的贡献应当最大。",
            ),
            Mistake(
                lambda X, x, y: scipys_values(X, np.floor(x) + y % 1, np.floor(y) + x % 1),
                "f and g have changed places: f belongs to x, left and right.",
                "f 和 g 用反了：f 属于 x，即左右方向。",
            ),
            Mistake(
                lambda X, x, y: scipys_values(X, x, np.floor(y)),
                "Only the two pixels above are used; g mixes them with the two below.",
                "只用了上面两个像素；还要用 g 与下面两个混合。",
            ),
        ),
    ),
    Task(
        folded,
        kind="predict",
        cases=((WEIGHTS, INTERCEPTS, 0.3, 0.6), (WEIGHTS[:, :2], INTERCEPTS[1:3], -1.5, 2.5)),
        reference=solved_for,
        measure=in_use,
        expects=tuple,
        hint=(
            "Write ((X − mean)/deviation) W + b out, and sort what contains X from what does not."
            " Unit k gets mean times the sum of its own weights.",
            "把 ((X − mean)/deviation) W + b 展开，将含 X 的与不含 X 的分开。"
            "第 k 个单元得到的是 mean 乘它自己的权重之和。",
        ),
        mistakes=(
            Mistake(
                lambda W, b, m, d: (W / d, b),
                "The mean is forgotten: it is subtracted from every pixel, so b must make up for"
                " it.",
                "忘了均值：每个像素都减去了它，所以要由 b 来补偿。",
            ),
            Mistake(
                lambda W, b, m, d: (W / d, b + m * W.sum(axis=0) / d),
                "The sign of the mean: it is subtracted from X, so its part of b is subtracted"
                " as well.",
                "均值的符号：它是从 X 中减去的，所以 b 中由它产生的部分也是减去。",
            ),
            Mistake(
                lambda W, b, m, d: (W / d, b - m * W.sum(axis=0)),
                "The mean's part of b must be divided by the deviation as well.",
                "b 中均值的那一部分也要除以标准差。",
            ),
            Mistake(
                lambda W, b, m, d: (W / d, (b - m * W.sum(axis=0)) / d),
                "b itself is divided by the deviation; it was added afterwards.",
                "b 本身也被除以了标准差；它是在标准化之后才加上的。",
            ),
            Mistake(
                lambda W, b, m, d: (W / d, b - m * W.sum() / d),
                "The sum goes over the weights of all units; each b needs its own unit's alone.",
                "对所有单元的权重求了和；每个 b 只要它自己那个单元的。",
            ),
        ),
    ),
    Task(
        shifted,
        kind="bug",
        cases=((PICTURES, SHIFTS), (PICTURES[:, :4], -SHIFTS[::-1])),
        reference=scipys_shifted,
        hint=(
            "Shift a picture whose last column is ink by one pixel to the right. Where does that"
            " column go?",
            "取一幅最后一列是墨迹的图片，向右平移一个像素。那一列到哪里去了？",
        ),
        mistakes=(
            Mistake(
                rolled,
                "`np.roll` lets what leaves the picture come in again on the other side; paper"
                " should come in.",
                "`np.roll` 让移出图片的部分又从另一侧进来；进来的应当是白纸。",
            ),
            Mistake(
                lambda X, shifts: scipys_shifted(X, shifts[:, ::-1]),
                "s and t have changed places: s goes to the right, which is the last axis.",
                "s 和 t 用反了：s 是向右，对应最后一个轴。",
            ),
            Mistake(
                lambda X, shifts: scipys_shifted(X, -shifts),
                "Shifted the other way: a positive s moves the ink to the right.",
                "方向反了：s 为正时，墨迹向右移。",
            ),
            Mistake(
                lambda X, shifts: scipys_shifted(X, np.tile(shifts[0], (len(X), 1))),
                "All pictures are shifted as the first one; each has its own shift.",
                "所有图片都按第一幅平移了；每幅有各自的平移量。",
            ),
            Mistake(
                edges,
                "The pixels at the edge are repeated; paper, 0, should come in.",
                "重复了边缘的像素；进来的应当是白纸，即 0。",
            ),
        ),
    ),
    Task(
        build_model,
        kind="model",
        cases=((6, 0.3, 0.4), (5, 0.15, 0.6)),
        reference=facts_by_hand,
        measure=model_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "`keras.layers.Normalization` takes `mean` and `variance`. What is the variance when"
            " the standard deviation is known? `Rescaling` does it too.",
            "`keras.layers.Normalization` 的参数是 `mean` 和 `variance`。"
            "已知标准差，方差是多少？用 `Rescaling` 也行。",
        ),
        mistakes=(
            Mistake(
                other_model(lambda m, d: keras.layers.Normalization(axis=None, mean=m, variance=d)),
                "`Normalization` wants the variance, the square of the deviation.",
                "`Normalization` 要的是方差，即标准差的平方。",
            ),
            Mistake(
                other_model(lambda m, d: keras.layers.Rescaling(1 / d, -m)),
                "`Rescaling` multiplies first and adds the offset afterwards: the offset must be"
                " −mean / deviation.",
                "`Rescaling` 先乘、后加 offset：offset 应当是 −mean / deviation。",
            ),
            Mistake(
                other_model(lambda m, d: keras.layers.Rescaling(1.0)),
                "The pixels are not standardised at all.",
                "像素根本没有减去均值、除以标准差。",
            ),
            Mistake(
                other_model(rescaling, after=True),
                "The layer stands behind the filters; it belongs in front of them.",
                "这一层放在了卷积层后面；它应当在前面。",
            ),
            Mistake(
                other_model(rescaling, activation=None),
                "The filters have no activation function: `Conv2D` has none of its own accord.",
                "卷积层没有激活函数：`Conv2D` 默认不带激活函数。",
            ),
            Mistake(
                other_model(lambda m, d: keras.layers.BatchNormalization()),
                "`BatchNormalization` measures mean and deviation itself, batch by batch, and"
                " has weights to train; here the two numbers are given.",
                "`BatchNormalization` 自己逐批测量均值和标准差，还有要训练的权重；"
                "这里的两个数是给定的。",
            ),
        ),
    ),
    Task(
        read_moved_digits,
        kind="baseline",
        cases=(DIGITS,),
        score=fraction_read,
        at_least=0.93,
        baseline=support_vectors,
        hint=(
            "Which copies of the training digits look like the test digits? There are nine"
            " shifts. The copies keep their classes.",
            "训练数字的哪些副本与测试数字相像？一共有九种平移。副本的类别不变。",
        ),
        mistakes=(
            Mistake(
                support_vectors,
                "Those are the baseline's answers: it never saw a moved digit.",
                "这就是基线的答案：它从没见过挪动过的数字。",
            ),
            Mistake(
                nearest,
                "That is the nearest neighbour among the plain digits: it compares pixel with"
                " pixel, and a moved digit is near to others.",
                "这是在原样数字中找最近邻：它逐个像素比较，挪动过的数字反而与别的数字更近。",
            ),
            Mistake(
                lambda X, y, Z: y[: len(Z)],
                "Those are the training digits' own classes, not answers for X_test.",
                "这是训练数字自己的类别，不是对 X_test 的回答。",
            ),
        ),
    ),
]
