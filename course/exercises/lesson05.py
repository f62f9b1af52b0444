"""Exercises of lesson 5: learning rate.

Fill in each function. Shapes are given as in NumPy; `numpy` and `keras` are all you need.

zh:
第 5 课练习：学习率。

请完成每个函数。形状的写法与 NumPy 相同；只需要 `numpy` 和 `keras`。
"""

import keras
import numpy as np


def decayed_rates(first_rate, decay, steps):
    """The learning rate of every step, η_t = η₀ / (1 + decay · t); the first step is t = 0.

    first_rate: η₀. decay: a number. steps: how many steps.
    Return the rates of t = 0, 1, …, steps − 1, shape (steps,).

    zh:
    每一步的学习率 η_t = η₀ / (1 + decay · t)，第一步是 t = 0。

    first_rate：η₀。decay：一个数。steps：步数。
    返回 t = 0, 1, …, steps − 1 各步的学习率，形状 (steps,)。
    """
    # solution
    return first_rate / (1 + decay * np.arange(steps))


def steps_needed(X, fraction):
    """How many steps plain descent will need at the best learning rate, predicted before it runs.

    The cost is J = 1/n Σ (ŷᵢ − yᵢ)² with ŷ = Xw + b, and its curvature H = 2/n AᵀA, where A is
    X with a column of ones. Take the worst start: from there the contraction factor, by which
    each step multiplies the distance to the minimum, is (κ − 1)/(κ + 1), where κ = λmax/λmin is
    the condition number of H. `np.linalg.eigvalsh` gives the eigenvalues of a symmetric matrix,
    the smallest first; `np.log` is the natural logarithm, and `np.ceil` rounds up.
    X: shape (n, p). fraction: between 0 and 1. Return the smallest whole number of steps after
    which at most this fraction of the distance remains.

    zh:
    用最佳学习率做普通梯度下降，需要多少步？请在运行之前就算出来。

    代价是 J = 1/n Σ (ŷᵢ − yᵢ)²，其中 ŷ = Xw + b；它的曲率是 H = 2/n AᵀA，
    其中 A 是在 X 右边加上一列 1。考虑最坏的起点：从那里出发，
    收缩因子是 (κ − 1)/(κ + 1)，即每一步把到最小值点的距离乘以它；κ = λmax/λmin 是 H 的条件数。
    对称矩阵的特征值由 `np.linalg.eigvalsh` 给出，从小到大；`np.log` 是自然对数，
    向上取整用 `np.ceil`。
    X：形状 (n, p)。fraction：0 到 1 之间的数。
    返回最少的步数（整数）：走完这些步之后，剩下的距离不超过最初的 fraction 倍。
    """
    # solution
    A = np.column_stack([X, np.ones(len(X))])
    eigenvalues = np.linalg.eigvalsh(2 / len(X) * A.T @ A)
    kappa = eigenvalues[-1] / eigenvalues[0]
    return int(np.ceil(np.log(fraction) / np.log((kappa - 1) / (kappa + 1))))


def nesterov_path(H, minimum, start, learning_rate, momentum, steps):
    """Descent with Nesterov's momentum on J = ½ (θ − θ*)ᵀ H (θ − θ*), whose gradient is H(θ − θ*).

    From v = 0, each step is v ← μv − ηg, then θ ← θ + μv − ηg, where g is the gradient before
    the step. There is a mistake in this function: find it.
    H: shape (k, k). minimum: θ*, shape (k,). start: θ at first, shape (k,). learning_rate: η.
    momentum: μ. Return θ at every step, the start included, shape (steps + 1, k).

    zh:
    在 J = ½ (θ − θ*)ᵀ H (θ − θ*) 上用 Nesterov 动量做梯度下降，梯度是 H(θ − θ*)。

    从 v = 0 出发，每一步先 v ← μv − ηg，再 θ ← θ + μv − ηg，其中 g 是这一步之前的梯度。
    这个函数里有一个错误：请找出来。
    H：形状 (k, k)。minimum：θ*，形状 (k,)。start：θ 的初值，形状 (k,)。
    learning_rate：η。momentum：μ。
    返回每一步的 θ，包括起点，形状 (steps + 1, k)。
    """
    theta, v = start, np.zeros_like(start)
    path = [theta]
    for _ in range(steps):
        push = -learning_rate * H @ (theta - minimum)
        # solution
        # given: theta = theta + momentum * v + push
        # given: v = momentum * v + push
        v = momentum * v + push
        theta = theta + momentum * v + push
        # end
        path.append(theta)
    return np.array(path)


def build_model(n_features, learning_rate, momentum, decay):
    """ŷ = Xw + b as a compiled Keras model that is trained with momentum and a schedule.

    One Dense unit without activation, the loss "mse", and the optimizer SGD with Nesterov's
    momentum. Its learning rate falls as η_t = η₀ / (1 + decay · t), where t counts the steps: in
    Keras that is the schedule keras.optimizers.schedules.InverseTimeDecay.
    n_features: p. learning_rate: η₀. momentum: μ. Return a keras.Model from (n, p) to (n, 1).

    zh:
    用一个已编译（compile）的 Keras 模型表示 ŷ = Xw + b，训练时使用动量和学习率调度。

    一个没有激活函数的 Dense 单元，损失为 "mse"，优化器为带 Nesterov 动量的 SGD。
    学习率按 η_t = η₀ / (1 + decay · t) 下降，t 是步数；
    在 Keras 中，这就是 keras.optimizers.schedules.InverseTimeDecay。
    n_features：p。learning_rate：η₀。momentum：μ。
    返回一个从 (n, p) 到 (n, 1) 的 keras.Model。
    """
    # solution
    model = keras.Sequential([keras.Input((n_features,)), keras.layers.Dense(1)])
    schedule = keras.optimizers.schedules.InverseTimeDecay(
        learning_rate, decay_steps=1, decay_rate=decay
    )
    optimizer = keras.optimizers.SGD(schedule, momentum=momentum, nesterov=True)
    model.compile(optimizer=optimizer, loss="mse")
    return model


def heavy_ball_settings(eigenvalues):
    """A learning rate and a momentum with which the heavy ball is fast on ill-conditioned problems.

    The heavy ball steps v ← μv − ηg, θ ← θ + v from v = 0, where g is the gradient of
    J = ½ (θ − θ*)ᵀ H (θ − θ*). From the eigenvalues of H alone, say which η and μ to take: after
    200 steps the distance to the minimum must have lost 5 decimal digits (a hundred-thousandth
    remains), on the worst conditioned of several problems. Plain descent at its best rate loses
    about 0.5 there. The start is equally far from the minimum along every eigenvector.
    eigenvalues: rising, shape (k,). Return the tuple (η, μ).

    zh:
    选一个学习率和一个动量系数，让重球法在病态问题上也走得快。

    重球法的一步是 v ← μv − ηg，θ ← θ + v，从 v = 0 出发，
    g 是 J = ½ (θ − θ*)ᵀ H (θ − θ*) 的梯度。
    只凭 H 的特征值，给出 η 和 μ：200 步之后，到最小值点的距离必须缩小 5 个数量级
    （只剩最初的十万分之一）；有好几个问题，以病态最严重的那个为准。
    普通梯度下降用最佳学习率时，在那里只能缩小约 0.5 个数量级。
    起点沿每个特征向量到最小值点的距离都相等。
    eigenvalues：由小到大，形状 (k,)。返回元组 (η, μ)。
    """
    # solution
    low, high = np.sqrt(eigenvalues[0]), np.sqrt(eigenvalues[-1])
    return (2 / (high + low)) ** 2, ((high - low) / (high + low)) ** 2


# --- checks ---

from keras import ops

from course import lesson05
from course.checks.lesson05 import step_matrix
from course.exercises import draw
from course.grading.exercise import Mistake, Task

rng = np.random.default_rng(5)
X_TABLE = rng.normal(size=(7, 2)) + [0.0, 0.5]
X_WIDE = rng.normal(size=(9, 3)) * [1.0, 2.0, 1.5]
BENT = rng.normal(size=(5, 3))
BENT = BENT.T @ BENT / 5  # curved differently in every direction
PATH = (BENT, np.array([1.0, -2.0, 0.5]), np.array([3.0, 1.0, -1.0]), 0.3, 0.6, 5)
SHORT = (np.diag([1.0, 4.0]), np.zeros(2), np.array([1.0, 2.0]), 0.1, 0.9, 4)
PROBLEMS = ((np.array([1.0, 30.0, 400.0]),), (np.array([0.05, 0.3, 1.0, 5.0]),))
MOMENTUM_STEPS = 200


def keras_rates(first_rate, decay, steps):
    schedule = keras.optimizers.schedules.InverseTimeDecay(first_rate, 1, decay)
    return [float(ops.convert_to_numpy(schedule(step))) for step in range(steps)]


def counted_steps(X, fraction):
    """Descend from where only the flattest and the steepest direction count, and count steps."""
    _, V = np.linalg.eigh(lesson05.hessian(X))
    minimum = V[:, 0] + V[:, -1]
    y = X @ minimum[:-1] + minimum[-1]
    path = lesson05.descend(X, y, lesson05.best_learning_rate(X), 2000)
    distance = np.linalg.norm(path - minimum, axis=1)
    return np.argmax(distance <= fraction * distance[0])


def other_count(factor, curvature=lesson05.hessian, whole=np.ceil):
    def count(X, fraction):
        eigenvalues = np.linalg.eigvalsh(curvature(X))
        return whole(np.log(fraction) / np.log(factor(eigenvalues[-1] / eigenvalues[0])))

    return count


def best(kappa):
    return (kappa - 1) / (kappa + 1)


def predicted_path(H, minimum, start, learning_rate, momentum, steps):
    """M^t along every eigenvector."""
    eigenvalues, V = np.linalg.eigh(H)
    powers = [
        [
            np.linalg.matrix_power(step_matrix(learning_rate * k, momentum, True), t)[0, 0]
            for k in eigenvalues
        ]
        for t in range(steps + 1)
    ]
    return minimum + powers * (V.T @ (start - minimum)) @ V.T


def other_path(step):
    """`step(v, push, momentum)` gives the new v and what θ moves by."""

    def path(H, minimum, start, learning_rate, momentum, steps):
        found, v = [start], np.zeros_like(start)
        for _ in range(steps):
            v, move = step(v, -learning_rate * H @ (found[-1] - minimum), momentum)
            found.append(found[-1] + move)
        return np.array(found)

    return path


def model_facts(model, n_features, learning_rate, momentum, decay):
    (X,) = draw([(5, n_features)], seed=1)
    model.set_weights(draw([w.shape for w in model.get_weights()]))
    said = model(ops.convert_to_tensor(X, dtype="float32"))
    loss = model.compute_loss(x=None, y=ops.ones((5, 1)), y_pred=said)
    variables = model.trainable_variables
    for v in model.optimizer.variables:
        if "learning_rate" not in v.path:
            v.assign(np.zeros(v.shape))  # the same model may be measured again
    for seed in (2, 3, 4):
        gradients = draw([v.shape for v in variables], seed)
        tensors = [ops.convert_to_tensor(g, dtype="float32") for g in gradients]
        model.optimizer.apply(tensors, variables)
    return {
        ("number of weights", "权重的个数"): model.count_params(),
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): said,
        ("loss on five rows", "五个样本上的损失"): loss,
        ("weights after three steps on drawn gradients", "三步之后的权重（梯度由检查抽取）"): (
            np.concatenate([w.ravel() for w in model.get_weights()])
        ),
    }


def facts_by_hand(n_features, learning_rate, momentum, decay):
    (X,) = draw([(5, n_features)], seed=1)
    shapes = [(n_features, 1), (1,)]
    w, b = draw(shapes)
    said = X @ w + b
    theta, v = np.append(w, b), 0.0
    for t, seed in enumerate((2, 3, 4)):
        push = -learning_rate / (1 + decay * t) * np.append(*draw(shapes, seed))
        v = momentum * v + push
        theta = theta + momentum * v + push
    return {
        ("number of weights", "权重的个数"): n_features + 1,
        ("outputs, with weights that the check draws", "输出（权重由检查抽取）"): said,
        ("loss on five rows", "五个样本上的损失"): np.mean((said - 1) ** 2),
        ("weights after three steps on drawn gradients", "三步之后的权重（梯度由检查抽取）"): theta,
    }


def falling(learning_rate, decay):
    return keras.optimizers.schedules.InverseTimeDecay(learning_rate, 1, decay)


def other_model(optimizer):
    """A model as wanted, with the optimizer `optimizer(learning_rate, momentum, decay)`."""

    def build(n_features, learning_rate, momentum, decay):
        model = keras.Sequential([keras.Input((n_features,)), keras.layers.Dense(1)])
        model.compile(optimizer=optimizer(learning_rate, momentum, decay), loss="mse")
        return model

    return build


def digits_lost(settings, eigenvalues):
    """By how many decimal digits the distance has shrunk after 200 steps."""
    rate, momentum = settings
    e, v = np.ones(len(eigenvalues)), np.zeros(len(eigenvalues))
    for _ in range(MOMENTUM_STEPS):
        v = momentum * v - rate * eigenvalues * e
        e = np.clip(e + v, -1e100, 1e100)  # it may diverge
    return -np.log10(max(np.linalg.norm(e) / np.sqrt(len(e)), 1e-15))


def roots(eigenvalues):
    return np.sqrt(eigenvalues[0]), np.sqrt(eigenvalues[-1])


def settings(eigenvalues):
    low, high = roots(eigenvalues)
    return (2 / (high + low)) ** 2, ((high - low) / (high + low)) ** 2


def plain_settings(eigenvalues):
    return 2 / (eigenvalues[0] + eigenvalues[-1]), 0.0


def no_root_settings(eigenvalues):
    low, high = eigenvalues[0], eigenvalues[-1]
    return 2 / (high + low), ((high - low) / (high + low)) ** 2


def unsquared_settings(eigenvalues):
    low, high = roots(eigenvalues)
    return (2 / (high + low)) ** 2, (high - low) / (high + low)


TASKS = [
    Task(
        decayed_rates,
        kind="line",
        cases=((0.2, 0.05, 6), (0.5, 1.5, 4)),
        reference=keras_rates,
        hint=(
            "`np.arange(steps)` holds every t, from 0 on; the rest is the formula.",
            "`np.arange(steps)` 就是从 0 开始的所有 t，其余照公式写。",
        ),
        mistakes=(
            Mistake(
                lambda rate, decay, steps: rate / (1 + decay * np.arange(1, steps + 1)),
                "It begins at t = 1; the first step, t = 0, still has the whole η₀.",
                "从 t = 1 开始了；第一步是 t = 0，学习率还是整个 η₀。",
            ),
            Mistake(
                lambda rate, decay, steps: rate / (1 + decay) ** np.arange(steps),
                "Every step divides by the same 1 + decay: that is exponential decay, which soon"
                " falls much faster. Here 1 + decay · t grows by addition.",
                "每一步都除以同一个 1 + decay：这是指数衰减，很快就会降得快得多。"
                "这里的 1 + decay · t 是一步步加上去的。",
            ),
            Mistake(
                lambda rate, decay, steps: rate / np.cumprod(1 + decay * np.arange(steps)),
                "The rate of the step before is divided again: divide η₀ itself every time.",
                "这是在上一步的学习率上又除了一次：每一步的被除数都应当是 η₀ 本身。",
            ),
            Mistake(
                lambda rate, decay, steps: rate / (1 + decay * (steps - 1)),
                "That is the rate of the last step alone; one for each step is wanted.",
                "这只是最后一步的学习率；每一步都要有一个。",
            ),
        ),
    ),
    Task(
        steps_needed,
        kind="predict",
        cases=((X_TABLE, 1e-3), (X_WIDE, 1e-6)),
        reference=counted_steps,
        hint=(
            "After t steps ((κ − 1)/(κ + 1))^t remains. For which t is that the fraction? Take"
            " logarithms, then round up.",
            "t 步之后剩下 ((κ − 1)/(κ + 1))^t。t 为多少时它等于 fraction？两边取对数，再向上取整。",
        ),
        mistakes=(
            Mistake(
                other_count(best, whole=np.floor),
                "Rounded down: after so many steps a little more than the fraction still remains.",
                "向下取整了：走这么多步之后，剩下的距离还比 fraction 多一点。",
            ),
            Mistake(
                other_count(best, whole=lambda steps: steps),
                "Not a whole number: a step is taken or not; round up.",
                "不是整数：一步要么走，要么不走；请向上取整。",
            ),
            Mistake(
                other_count(lambda kappa: best(np.sqrt(kappa))),
                "That is with √κ in place of κ: the singular values of A, squared, are the"
                " eigenvalues of AᵀA.",
                "这里用的是 √κ，不是 κ：A 的奇异值平方之后才是 AᵀA 的特征值。",
            ),
            Mistake(
                other_count(best, curvature=lambda X: X.T @ X),
                "The column of ones is missing: the intercept is trained too.",
                "少了那一列 1：截距也在训练。",
            ),
            Mistake(
                other_count(lambda kappa: 1 - 1 / kappa),
                "1 − 1/κ is the contraction factor of the rate 1/λmax; the best rate, 2/(λmin +"
                " λmax), is nearly twice that, and its contraction factor is (κ − 1)/(κ + 1).",
                "1 − 1/κ 是学习率 1/λmax 的收缩因子；"
                "最佳学习率 2/(λmin + λmax) 几乎是它的两倍，收缩因子是 (κ − 1)/(κ + 1)。",
            ),
        ),
    ),
    Task(
        nesterov_path,
        kind="bug",
        cases=(PATH, SHORT),
        reference=predicted_path,
        hint=(
            "Write down the first two steps by hand. Which v does θ ← θ + μv − ηg want, the one"
            " before the step or the new one?",
            "把前两步手算一遍。θ ← θ + μv − ηg 里的 v，是这一步之前的，还是更新之后的？",
        ),
        mistakes=(
            Mistake(
                other_path(lambda v, push, mu: (mu * v + push, mu * v + push)),
                "θ moves with the old v: that is just the heavy ball. Nesterov takes the new v.",
                "θ 用的是旧的 v：这恰好就是重球法。Nesterov 方法用更新后的 v。",
            ),
            Mistake(
                other_path(lambda v, push, mu: (v, push)),
                "v stays 0, so it is plain descent: the new v must be kept for the next step.",
                "v 一直是 0，这就成了普通梯度下降：新的 v 要留给下一步用。",
            ),
            Mistake(
                other_path(lambda v, push, mu: (mu * v + push, mu * (mu * v + push))),
                "θ moves by μv alone: −ηg is missing in the second line.",
                "θ 只移动了 μv：第二行少了 −ηg。",
            ),
            Mistake(
                other_path(lambda v, push, mu: (mu * v + push, mu * v + 2 * push)),
                "θ moves by the whole v and −ηg besides: in the second line v wants its factor μ.",
                "θ 移动了整个 v，又加上 −ηg：第二行的 v 要乘以 μ。",
            ),
        ),
    ),
    Task(
        build_model,
        kind="model",
        cases=((3, 0.1, 0.9, 0.5), (1, 0.4, 0.5, 0.1)),
        reference=facts_by_hand,
        measure=model_facts,
        tolerance=1e-5,
        expects=keras.Model,
        hint=(
            "A schedule takes the place of the number: `SGD(schedule, …)`. `InverseTimeDecay`"
            " divides by 1 + decay_rate · t / decay_steps; so decay_steps is 1.",
            "学习率调度放在原来写数的地方：`SGD(schedule, …)`。"
            "`InverseTimeDecay` 除以 1 + decay_rate · t / decay_steps，所以 decay_steps 取 1。",
        ),
        mistakes=(
            Mistake(
                other_model(lambda r, m, d: keras.optimizers.SGD(falling(r, d), momentum=m)),
                "That is the heavy ball: Nesterov's variant wants `nesterov=True`.",
                "这是重球法：Nesterov 方法要写 `nesterov=True`。",
            ),
            Mistake(
                other_model(lambda r, m, d: keras.optimizers.SGD(r, momentum=m, nesterov=True)),
                "The learning rate never falls: pass the schedule in its place.",
                "学习率一直不降：应当在它的位置传入学习率调度。",
            ),
            Mistake(
                other_model(
                    lambda r, m, d: keras.optimizers.SGD(
                        r, momentum=m, nesterov=True, weight_decay=d
                    )
                ),
                "`weight_decay` shrinks the weights, not the learning rate.",
                "`weight_decay` 缩小的是权重，不是学习率。",
            ),
            Mistake(
                other_model(lambda r, m, d: keras.optimizers.SGD(falling(r, d))),
                "There is no momentum: pass it to `SGD` as well.",
                "没有动量：也要把它传给 `SGD`。",
            ),
            Mistake(
                other_model(
                    lambda r, m, d: keras.optimizers.SGD(
                        keras.optimizers.schedules.ExponentialDecay(r, 1, d),
                        momentum=m,
                        nesterov=True,
                    )
                ),
                "`ExponentialDecay` multiplies by decay at every step; `InverseTimeDecay` is"
                " η₀ / (1 + decay · t).",
                "`ExponentialDecay` 每一步都乘以 decay；"
                "`InverseTimeDecay` 才是 η₀ / (1 + decay · t)。",
            ),
        ),
    ),
    Task(
        heavy_ball_settings,
        kind="free",
        cases=PROBLEMS,
        score=digits_lost,
        at_least=5.0,
        baseline=plain_settings,
        expects=tuple,
        hint=(
            "The page's formulas are in √λmin and √λmax. Or search: along an eigenvector with"
            " eigenvalue λ, a step changes the distance e by v ← μv − ηλe, e ← e + v; simulate it"
            " over a grid of η and μ.",
            "课文里的公式用的是 √λmin 和 √λmax。也可以搜索：沿特征值为 λ 的特征向量，"
            "到最小值点的距离 e 每一步按 v ← μv − ηλe，e ← e + v 变化；对一批 η 和 μ 逐个模拟。",
        ),
        mistakes=(
            Mistake(
                plain_settings,
                "That is plain descent, the baseline: with μ = 0 no step is remembered.",
                "这是普通梯度下降，也就是基线：μ = 0 时，球什么也不记得。",
                matches=lambda result, *_: result[1] == 0,
            ),
            Mistake(
                lambda eigenvalues: settings(eigenvalues)[::-1],
                "The two have changed places: η comes first, then μ.",
                "两个数颠倒了：先是 η，后是 μ。",
            ),
            Mistake(
                no_root_settings,
                "The roots are missing: with momentum √κ counts, not κ.",
                "少了平方根：有动量时，起作用的是 √κ，不是 κ。",
            ),
            Mistake(
                unsquared_settings,
                "(√λmax − √λmin)/(√λmax + √λmin) is Nesterov's momentum; the heavy ball's is its"
                " square.",
                "(√λmax − √λmin)/(√λmax + √λmin) 是 Nesterov 方法的动量系数；"
                "重球法用的是它的平方。",
            ),
        ),
    ),
]
