"""Exercises of lesson 6: cost functions.

Fill in each function. Shapes are given as in NumPy; `numpy` and `keras` are all you need.

zh:
第 6 课练习：代价函数。

请完成每个函数。形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`。
"""

import keras
import numpy as np


def gradient_of_labels(y, z):
    """∂J/∂z of the binary cross entropy of m labels, each on (1) or off (0).

    J = −1/(mn) ΣΣ [y ln p + (1 − y) ln(1 − p)], where p = 1 / (1 + exp(−z)).
    y: 0 or 1, shape (n, m). z: the logits, shape (n, m). Return shape (n, m).

    zh:
    m 个标签的二元交叉熵对 z 的梯度 ∂J/∂z，每个标签为“是”（1）或“否”（0）。

    J = −1/(mn) ΣΣ [y ln p + (1 − y) ln(1 − p)]，其中 p = 1 / (1 + exp(−z))。
    y：0 或 1，形状 (n, m)。z：logits，形状 (n, m)。返回形状 (n, m)。
    """
    p = 1 / (1 + np.exp(-z))
    # solution
    return (p - y) / y.size


def cost_knowing_nothing(classes):
    """The lowest cross entropy of a model that never looks at the inputs.

    Such a model gives every row the same probabilities. With the best ones, what is the cost
    J = −1/n Σ ln pᵢ, where pᵢ is the probability given to the right class of row i? A network
    that ends no lower than this number has learnt nothing from its inputs. `np.bincount` counts
    how often each class occurs.
    classes: the class numbers of the rows, 0, 1, …, shape (n,). Return a number.

    zh:
    一个从不看输入的模型，交叉熵最低能是多少？

    这样的模型对每个样本给出同样的概率。选用最好的一组概率，代价 J = −1/n Σ ln pᵢ 是多少？
    其中 pᵢ 是第 i 个样本的正确类别所得的概率。如果一个网络最后的代价不比这个数低，
    它就没有从输入中学到任何东西。`np.bincount` 数出每个类别出现多少次。
    classes：各样本的类别编号 0, 1, …，形状 (n,)。返回一个数。
    """
    # solution
    fractions = np.bincount(classes) / len(classes)
    return -np.mean(np.log(fractions[classes]))


def cross_entropy_from_logits(classes, z):
    """The cross entropy J = −1/n Σ ln pᵢ, where pᵢ is the softmax of the row at its own class.

    It must be right for logits of any size, 1000 and −1000 included. There is a mistake in this
    function: it is correct on paper, but not on a computer. Find it. `p[rows, classes]` takes
    from each row the number at its own class.
    classes: the class numbers of the rows, shape (n,). z: shape (n, k). Return a number.

    zh:
    交叉熵 J = −1/n Σ ln pᵢ，其中 pᵢ 是第 i 个样本的 softmax 在正确类别处的值。

    不论 logits 多大，结果都必须正确，例如 1000 和 −1000。
    这个函数里有一个错误：它在纸面上是对的，在计算机上却不对。请找出来。
    写法 `p[rows, classes]` 从每一行取出该行类别处的那个数。
    classes：各样本的类别编号，形状 (n,)。z：形状 (n, k)。返回一个数。
    """
    rows = np.arange(len(z))
    # solution
    # given: p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    # given: return -np.mean(np.log(p[rows, classes]))
    z = z - z.max(axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[rows, classes])


def build_model(n_features, n_labels):
    """A compiled Keras model for m independent labels, each on or off: z = XW + b.

    One Dense layer that gives the logits, and the loss that belongs to such labels, computed
    from the logits, so that no probability is clipped. Any optimizer will do.
    n_features: p. n_labels: m. Return a keras.Model from (n, p) to (n, m).

    zh:
    用一个已编译（compile）的 Keras 模型 z = XW + b 预测 m 个互相独立的标签，每个为“是”或“否”。

    一个输出 logits 的 Dense 层，加上适合这种标签的损失；损失由 logits 算出，
    这样就没有概率会被截断。优化器不限。
    n_features：p。n_labels：m。返回一个从 (n, p) 到 (n, m) 的 keras.Model。
    """
    # solution
    model = keras.Sequential([keras.Input((n_features,)), keras.layers.Dense(n_labels)])
    model.compile(optimizer="sgd", loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def label_probabilities(X_train, y_train, X_test):
    """Probabilities of three independent labels that beat those of a softmax.

    A row may have no label on, one, two or all three. What counts is the binary cross entropy on
    test rows whose labels you do not see: compared with saying of every row just how frequent
    each label is, your probabilities must save at least half of the cost. A softmax, whose three
    probabilities sum to 1, saves less than a tenth. Probabilities are clipped at 1e-7, so that 0
    for a label that is on costs 16.1, not ∞.
    X_train: shape (n, 2). y_train: 0 or 1, shape (n, 3). X_test: shape (m, 2).
    Return shape (m, 3).

    zh:
    预测三个互相独立的标签的概率，要胜过 softmax。

    一个样本可以没有标签为“是”，也可以有一个、两个或三个标签为“是”。
    评判标准是测试样本上的二元交叉熵，它们的标签你看不到：与对每个样本都只报出各标签的比例相比，
    你的概率至少要省下一半的代价。softmax 的三个概率之和是 1，能省下的不到十分之一。
    概率会在 1e-7 处截断，所以标签为“是”而概率为 0 时，代价是 16.1，
    而不是无穷大。
    X_train：形状 (n, 2)。y_train：0 或 1，形状 (n, 3)。X_test：形状 (m, 2)。
    返回形状 (m, 3)。
    """
    # solution
    A = np.column_stack([X_train, np.ones(len(X_train))])
    theta = np.zeros((A.shape[1], y_train.shape[1]))
    for _ in range(500):
        p = 1 / (1 + np.exp(-A @ theta))
        theta -= 3 * A.T @ (p - y_train) / y_train.size
    return 1 / (1 + np.exp(-np.column_stack([X_test, np.ones(len(X_test))]) @ theta))


# --- checks ---

from keras import ops

from course import costs
from course.checks.references import central_difference
from course.exercises import draw
from course.grading.exercise import Mistake, Task, numbers

rng = np.random.default_rng(6)
Y_LABELS = np.array([[0.0, 1, 0], [1, 1, 1], [0, 0, 0], [1, 0, 1], [0, 0, 1]])
Z_LABELS = 2 * rng.normal(size=(5, 3))
Y_OTHER, Z_OTHER = (rng.random(size=(4, 2)) > 0.4) * 1.0, rng.normal(size=(4, 2)) + 1
CLASSES = np.array([0, 2, 2, 1, 2, 0, 2, 2, 1])
CLASSES_OTHER = np.array([1, 0, 1, 1, 3, 2, 1, 0, 1, 1])
Z_FAR = rng.normal(size=(5, 3)) + [[1000.0], [-1000], [0], [500], [0]]
Z_FAR[4] = [900.0, -900, 40]
Z_FAR_OTHER = rng.normal(size=(6, 2)) * 3
Z_FAR_OTHER[1:3] = [[-1000.0, 0], [800, 1000]]
FAR = ((np.array([2, 0, 1, 1, 2]), Z_FAR), (np.array([1, 0, 0, 1, 1, 0]), Z_FAR_OTHER))
TRUE = np.array([[4.0, -3.0, 1.0], [1.0, 3.0, 5.0], [0.5, 0.5, 1.0]])  # W, with b below it


def labelled(n, seed):
    """X, shape (n, 2), and three independent labels, shape (n, 3)."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    p = costs.sigmoid(X @ TRUE[:2] + TRUE[2])
    return X, (rng.random(size=p.shape) < p) * 1.0


LABELLED = (*labelled(300, 0), labelled(500, 1)[0])


def fraction_saved(p, *_):
    """How much of the cost of saying each label's fraction is saved on the test rows."""
    y, p = labelled(500, 1)[1], numbers(p)
    nothing = np.broadcast_to(LABELLED[1].mean(axis=0), y.shape)
    cost = [costs.binary_cross_entropy(y, q, clip=1e-7) for q in (p, nothing)]
    return 1 - cost[0] / cost[1]


def sklearns_nothing(classes):
    from sklearn.dummy import DummyClassifier
    from sklearn.metrics import log_loss

    X = np.zeros((len(classes), 1))
    return log_loss(classes, DummyClassifier(strategy="prior").fit(X, classes).predict_proba(X))


def by_scipy(classes, z):
    from scipy.special import log_softmax

    return -np.mean(np.take_along_axis(log_softmax(z, axis=1), classes[:, None], axis=1))


def fractions(classes):
    return np.bincount(classes) / len(classes)


def overflowing(classes, z):
    with np.errstate(all="ignore"):
        p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
        return -np.mean(np.log(p[np.arange(len(z)), classes]))


def shifted(z, by):
    with np.errstate(all="ignore"):
        e = np.exp(z - by)
        return e / e.sum(axis=1, keepdims=True)


def vanishing(classes, z):
    """The softmax is right, but its logarithm is −∞ where it is 0."""
    with np.errstate(all="ignore"):
        p = shifted(z, z.max(axis=1, keepdims=True))
        return -np.mean(np.log(p[np.arange(len(z)), classes]))


def clipped(classes, z):
    p = shifted(z, z.max(axis=1, keepdims=True))
    return -np.mean(np.log(np.clip(p[np.arange(len(z)), classes], 1e-7, 1)))


def clipped_logits(classes, z):
    return by_scipy(classes, np.clip(z, -500, 500))


def forgotten_shift(classes, z):
    """The largest logit is taken out, but not put back."""
    largest = z.max(axis=1, keepdims=True)
    sums = np.log(np.sum(np.exp(z - largest), axis=1))
    return np.mean(sums - z[np.arange(len(z)), classes])


def drawn(n_features, n_labels):
    """Rows, and labels that are each on or off."""
    X, z = draw([(6, n_features), (6, n_labels)], seed=1)
    return 20 * X, (z > 0) * 1.0


NUMBER = ("number of weights", "权重的个数")
OUTPUTS = ("outputs (logits), with weights that the check draws", "输出（logits，权重由检查抽取）")
LOSS = ("loss on six rows", "六个样本上的损失")


def model_facts(model, n_features, n_labels):
    X, y = drawn(n_features, n_labels)
    model.set_weights(draw([w.shape for w in model.get_weights()]))
    said = ops.convert_to_numpy(model(ops.convert_to_tensor(X, dtype="float32")))
    # As tensors of their own: TensorFlow's Keras would find the logits behind a sigmoid.
    y, y_hat = (ops.convert_to_tensor(a, dtype="float32") for a in (y, said))
    loss = model.compute_loss(x=None, y=y, y_pred=y_hat)
    return {NUMBER: model.count_params(), OUTPUTS: said, LOSS: loss}


def facts_by_hand(n_features, n_labels):
    X, y = drawn(n_features, n_labels)
    w, b = draw([(n_features, n_labels), (n_labels,)])
    z = X @ w + b
    loss = costs.binary_cross_entropy(y, z, from_logits=True)
    return {NUMBER: w.size + b.size, OUTPUTS: z, LOSS: loss}


def other_model(loss, activation=None):
    def build(n_features, n_labels):
        dense = keras.layers.Dense(n_labels, activation)
        model = keras.Sequential([keras.Input((n_features,)), dense])
        model.compile(optimizer="sgd", loss=loss)
        return model

    return build


def answers(X_train, y_train, X_test, output=costs.sigmoid):
    """What a linear model says that is trained with this output under binary cross entropy."""
    A, B = (np.column_stack([X, np.ones(len(X))]) for X in (X_train, X_test))
    theta = np.zeros((3, 3))
    for _ in range(500):
        p = np.clip(output(A @ theta), 1e-7, 1 - 1e-7)
        in_z = p - y_train
        if output is costs.softmax:
            in_p = in_z / (1 - p)  # p ∂J/∂p
            in_z = in_p - p * in_p.sum(axis=1, keepdims=True)
        theta -= A.T @ in_z / y_train.size
    return output(B @ theta)


TASKS = [
    Task(
        gradient_of_labels,
        kind="line",
        cases=((Y_LABELS, Z_LABELS), (Y_OTHER, Z_OTHER)),
        reference=lambda y, z: central_difference(
            lambda z: costs.binary_cross_entropy(y, z, from_logits=True), z, h=1e-6
        ),
        hint=(
            "For one label −[y ln p + (1 − y) ln(1 − p)] has the derivative p − y with respect to"
            " z: output minus target. J is a mean over how many of them?",
            "对一个标签，−[y ln p + (1 − y) ln(1 − p)] 对 z 的导数是 p − y，即“输出减目标”。"
            "J 是多少个这样的项的平均值？",
        ),
        mistakes=(
            Mistake(
                lambda y, z: (costs.sigmoid(z) - y) / len(y),
                "Divided by n alone: J is a mean over the m labels too, so divide by mn.",
                "只除以了 n：J 对 m 个标签也求了平均，所以要除以 mn。",
            ),
            Mistake(
                lambda y, z: costs.sigmoid(z) - y,
                "Each term's own derivative; but J is their mean, so divide by mn.",
                "这是每一项自己的导数；而 J 是它们的平均值，所以要除以 mn。",
            ),
            Mistake(
                lambda y, z: (
                    2 * (costs.sigmoid(z) - y) * costs.sigmoid(z) * costs.sigmoid(-z) / y.size
                ),
                "That is the gradient of the mean squared error. Under the cross entropy,"
                " p (1 − p) cancels out: that is why it belongs with the sigmoid.",
                "这是均方误差的梯度。换成交叉熵，p (1 − p) 正好约掉：所以它才与 sigmoid 相配。",
            ),
            Mistake(
                lambda y, z: (
                    (costs.sigmoid(z) - y) / (costs.sigmoid(z) * costs.sigmoid(-z)) / y.size
                ),
                "That is ∂J/∂p. Multiply by the sigmoid's derivative p (1 − p) to get ∂J/∂z.",
                "这是 ∂J/∂p。再乘以 sigmoid 的导数 p (1 − p)，才是 ∂J/∂z。",
            ),
            Mistake(
                lambda y, z: (y - costs.sigmoid(z)) / y.size,
                "The sign: where p is too large, J rises with z; so it is p − y.",
                "符号：p 太大时，J 随 z 上升；所以是 p − y。",
            ),
        ),
    ),
    Task(
        cost_knowing_nothing,
        kind="predict",
        cases=((CLASSES,), (CLASSES_OTHER,)),
        reference=sklearns_nothing,
        hint=(
            "The best probability of a class is its fraction of the rows. `np.bincount(classes)`"
            " counts them.",
            "一个类别最好的概率，就是它在全部样本中所占的比例。"
            "`np.bincount(classes)` 数出各类的样本数。",
        ),
        mistakes=(
            Mistake(
                lambda classes: np.log(len(fractions(classes))),
                "ln k is the cost of equal probabilities; they are the best only where all classes"
                " are equally frequent.",
                "ln k 是各类概率相等时的代价；只有各类的样本一样多时，它才是最低的。",
            ),
            Mistake(
                lambda classes: -np.log(fractions(classes).max()),
                "That is what the rows of the most frequent class cost; the others cost more.",
                "这只是样本最多的那一类中每个样本的代价；其他类的样本代价更高。",
            ),
            Mistake(
                lambda classes: 1 - fractions(classes).max(),
                "That is the fraction of wrong answers of always saying the most frequent class,"
                " not a cross entropy.",
                "这是总猜样本最多的那一类时答错的比例，不是交叉熵。",
            ),
            Mistake(
                lambda classes: -np.log(fractions(classes)).mean(),
                "Averaged over the classes: the mean is over the rows, so that a frequent class"
                " counts more often.",
                "对各类求了平均：应当对各个样本求平均，样本多的类别算的次数也多。",
            ),
            Mistake(
                lambda classes: -np.log2(fractions(classes)[classes]).mean(),
                "That is in bits, by log2; the course and Keras take the natural logarithm.",
                "用了 log2，单位是比特；本课程和 Keras 用的是自然对数。",
            ),
        ),
    ),
    Task(
        cross_entropy_from_logits,
        kind="bug",
        cases=FAR,
        reference=by_scipy,
        hint=(
            "exp(1000) is infinite on a computer. A number that is taken off all logits of a row"
            " changes no softmax. And ln of a quotient is a difference: then no p is needed.",
            "在计算机上 exp(1000) 是无穷大。从一行的所有 logits 中减去同一个数，softmax 不变。"
            "另外，商的对数等于对数之差：这样就根本不必算出 p。",
        ),
        mistakes=(
            Mistake(
                overflowing,
                "exp overflows, and ∞/∞ is no number: take the row's largest logit off first.",
                "exp 溢出了，∞/∞ 不是数：请先减去该行最大的 logit。",
                matches=lambda result, *_: np.isnan(result),
            ),
            Mistake(
                vanishing,
                "Nothing overflows any more, but a p of 0 still has an infinite logarithm: write"
                " ln p as z − ln Σ exp z, without computing p.",
                "不再溢出了，但 p 为 0 时对数仍是无穷大：把 ln p 写成 z − ln Σ exp z，不要算出 p。",
                matches=lambda result, *_: np.isposinf(result),
            ),
            Mistake(
                clipped,
                "The probabilities are clipped at 1e-7: an error then never costs more than 16.1,"
                " and the worst ones teach nothing.",
                "概率在 1e-7 处被截断了：这样再大的错误，代价也不超过 16.1，"
                "错得最厉害的样本什么也教不了。",
            ),
            Mistake(
                clipped_logits,
                "The logits themselves are clipped, which changes the answer: shift a whole row"
                " instead, so that the differences within it stay.",
                "截断了 logits 本身，答案也就变了：应当整行平移，使一行内的差保持不变。",
            ),
            Mistake(
                forgotten_shift,
                "The largest logit was taken off inside the sum but not off z itself.",
                "求和时减去了最大的 logit，z 本身却没有减。",
            ),
        ),
    ),
    Task(
        build_model,
        kind="model",
        cases=((2, 3), (4, 2)),
        reference=facts_by_hand,
        measure=model_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "A `Dense` layer without activation gives logits. The loss is a class of"
            " `keras.losses`; tell it so with `from_logits=True`.",
            "不带激活函数的 `Dense` 层输出的就是 logits。"
            "损失是 `keras.losses` 中的一个类；用 `from_logits=True` 告诉它。",
        ),
        mistakes=(
            Mistake(
                other_model("binary_crossentropy", "sigmoid"),
                "The layer computes the probabilities itself, and the loss clips them: leave the"
                " sigmoid to the loss.",
                "这一层自己算出了概率，损失再把它们截断：sigmoid 应当交给损失去做。",
            ),
            Mistake(
                other_model("binary_crossentropy"),
                "The loss takes the logits for probabilities: it needs `from_logits=True`.",
                "损失把 logits 当成了概率：需要 `from_logits=True`。",
            ),
            Mistake(
                other_model(keras.losses.CategoricalCrossentropy(from_logits=True)),
                "That loss is for one of k classes, with a softmax; several labels may be on here.",
                "这个损失用于 k 类选一，含有 softmax；而这里可以有几个标签同时为“是”。",
            ),
            Mistake(
                other_model("categorical_crossentropy", "softmax"),
                "The probabilities of a softmax sum to 1: it cannot say that several labels are on"
                " at once.",
                "softmax 的各个概率之和总是 1：几个标签同时为“是”，它表达不了。",
            ),
            Mistake(
                other_model(keras.losses.BinaryCrossentropy(from_logits=True), "sigmoid"),
                "The sigmoid is applied twice: by the layer, and by the loss with"
                " `from_logits=True`.",
                "sigmoid 用了两次：层里一次，带 `from_logits=True` 的损失里又一次。",
            ),
            Mistake(
                other_model("mse"),
                "The loss is the squared error: it takes the logits for the answers and pulls them"
                " to 0 and 1. For labels that are on or off the binary cross entropy is wanted.",
                "损失用成了均方误差：它把 logits 本身当作答案，拉向 0 和 1。"
                "“是”或“否”的标签应当用二元交叉熵。",
            ),
        ),
    ),
    Task(
        label_probabilities,
        kind="baseline",
        cases=(LABELLED,),
        score=fraction_saved,
        at_least=0.5,
        baseline=lambda X, y, Z: np.broadcast_to(y.mean(axis=0), (len(Z), 3)),
        hint=(
            "Three sigmoids, each on its own: z = XW + b, and descent with the"
            " gradient (p − y)/(mn) of the first exercise.",
            "三个 sigmoid，各管各的：z = XW + b，用第一题的梯度 (p − y)/(mn) 做梯度下降。",
        ),
        mistakes=(
            Mistake(
                lambda X, y, Z: np.broadcast_to(y.mean(axis=0), (len(Z), 3)),
                "Those are the labels' fractions for every row: nothing is learnt from X.",
                "对每个样本都只报了各标签的比例：没有从 X 学到任何东西。",
            ),
            Mistake(
                lambda X, y, Z: answers(X, y, Z, costs.softmax),
                "The three sum to 1 in every row: that is a softmax, for labels that exclude each"
                " other. Here each label wants a sigmoid of its own.",
                "每个样本的三个概率之和都是 1：这是 softmax，用于互相排斥的类别。"
                "这里每个标签都要有自己的 sigmoid。",
                matches=lambda result, *_: np.allclose(numbers(result).sum(axis=1), 1, atol=1e-4),
            ),
            Mistake(
                lambda X, y, Z: np.round(answers(X, y, Z)),
                "Only 0 and 1: probabilities are wanted. The few answers that are sure and wrong"
                " cost more than all the others save.",
                "只有 0 和 1：需要的是概率。少数很有把握却错了的回答，代价超过其余回答省下的总和。",
                matches=lambda result, *_: np.isin(numbers(result), [0, 1]).all(),
            ),
            Mistake(
                lambda X, y, Z: np.log(1 / (1 / answers(X, y, Z) - 1)),
                "Those are logits: some are below 0 or above 1. Put them through the sigmoid.",
                "这是 logits：有的小于 0，有的大于 1。还要经过 sigmoid。",
                matches=lambda result, *_: np.any(np.abs(numbers(result) - 0.5) > 0.5),
            ),
        ),
    ),
]
