"""Exercises of lesson 14: more machine.

Fill in each function. As in the lesson, several devices share the rows of each batch, and all
of them have the same weights. None of it needs more than one device. Shapes are given as in
NumPy; `numpy` is all you need.

zh:
第 14 课练习：更多算力。

请完成每个函数。与课文相同，几个设备分担每个批次的样本，各设备上的权重完全相同。
这些练习用一个设备就能做。形状的写法与 NumPy 相同；只需要 `numpy`。
"""

import numpy as np


def gradient_of_batch(g, sizes):
    """The gradient of a whole batch, from what n devices send: g = Σ (Bᵢ/B) gᵢ.

    Device i had Bᵢ of the batch's B rows; gᵢ is the gradient of their mean cost. The cost of
    the batch is the mean over all B rows.
    g: the gᵢ, one in each row, shape (n, p). sizes: the Bᵢ, shape (n,). Return shape (p,).

    zh:
    由 n 个设备送来的梯度求整个批次的梯度：g = Σ (Bᵢ/B) gᵢ。

    一个批次有 B 个样本，设备 i 分到其中 Bᵢ 个；gᵢ 是这些样本的平均代价的梯度。
    整个批次的代价是全部 B 个样本的平均代价。
    g：每行一个 gᵢ，形状 (n, p)。sizes：各个 Bᵢ，形状 (n,)。返回形状 (p,)。
    """
    # solution
    return sizes @ g / sizes.sum()


def through_float16(g, scale):
    """A gradient that has been through float16, where the loss was scaled.

    Float16's smallest number above 0 is 6e-8; less than half of that, 3e-8, is rounded to 0: such
    gradients would be lost. So the loss is multiplied by `scale`, and every gradient with it; the
    product is what float16 has to hold. Before the step, back in float64, the factor is taken out
    again. `a.astype("float16")` rounds an array to float16.
    g: the exact gradient, float64, shape (p,). scale: a number. Return float64, shape (p,).

    zh:
    损失经过缩放，梯度又用 float16 存过一次之后，还剩下什么？

    float16 里大于 0 的最小数约为 6e-8；不到它一半（3e-8）的数会舍入为 0，这样的梯度就丢失了。
    于是把损失乘以 scale，每个梯度也随之放大，float16 要存的是乘积。
    更新权重之前，先转回 float64，再把这个因子去掉。
    `a.astype("float16")` 把数组舍入为 float16。
    g：精确的梯度，float64，形状 (p,)。scale：一个数。返回 float64，形状 (p,)。
    """
    # solution
    return (scale * g).astype("float16").astype("float64") / scale


def rate_and_steps(n_rows, batch_size, learning_rate, k):
    """The learning rate and the steps of an epoch, once a batch is k times as large.

    One step on k times as many rows is to move the weights, to first order, as far as k steps
    did before (linear scaling). In an epoch every row is used once; the last batch may have
    fewer rows, and that is a step too. `np.ceil` rounds up.
    n_rows: rows in all. batch_size, learning_rate: before. k: a whole number.
    Return a tuple: the new learning rate, the new number of steps.

    zh:
    批次扩大到 k 倍之后，学习率应取多少？一轮有多少步？

    现在一步用的样本是原来的 k 倍。在一阶近似下，
    这一步应当使权重移动得与原来的 k 步一样远（线性缩放）。
    一轮中每个样本用一次；最后一个批次可能不满，也算一步。`np.ceil` 向上取整。
    n_rows：样本总数。batch_size、learning_rate：原来的批次大小和学习率。k：整数。
    返回一个元组：新的学习率、新的步数。
    """
    # solution
    return k * learning_rate, -(-n_rows // (k * batch_size))


def bytes_sent(n, n_weights, bits):
    """The bytes that each device sends in one step, where n devices in a ring add gradients.

    Each cuts its gradient into n equal parts. In every round each device sends one part to the
    neighbour on its right, all at the same time. First sums are made: whoever gets a part adds
    its own to it, and sends the sum on in the next round, until every part has been added up
    somewhere in the ring. Then the finished parts go round, one device further each time, until
    all devices have all of them. This is called a ring all-reduce.
    Predict what one device has sent by then; lesson 11's network has 35,754 weights.
    n: devices. n_weights: a whole number that n divides. bits: of one number, 32 for float32; a
    byte has 8.
    Return a number.

    zh:
    n 个设备排成环形，把各自的梯度相加，每个设备在一步训练中要发送多少字节？

    每个设备把自己的梯度切成 n 等份。每一次传递，所有设备同时向右边的邻居各发送一份。
    先求和：收到一份的设备加上自己的那一份，下一次再把和传给右边，
    直到每一份都在环上的某个设备那里加齐。
    再传结果：加齐的各份继续沿环传递，每次传到下一个设备，直到每个设备都有了全部 n 份。
    这叫做环形全归约（ring all-reduce）。
    请预测到这时一个设备一共发送了多少；第 11 课的网络有 35,754 个权重。
    n：设备数。n_weights：权重的个数，能被 n 整除。
    bits：一个数占多少位（bit），float32 是 32；一个字节有 8 位。返回一个数。
    """
    # solution
    return 2 * (n - 1) / n * n_weights * bits / 8


def rows_of_machines(rows, n):
    """The rows of a batch, split among n machines.

    Every row goes to exactly one machine, and no machine gets two or more rows more than
    another: all wait for the slowest. Which machine gets which rows does not matter. There is a
    mistake in this function: find it.
    rows: the row numbers of the batch, shape (B,). Return a list of n arrays.

    zh:
    把一个批次的样本分给 n 台机器。

    每个样本恰好分给一台机器，任何两台机器的样本数最多相差一个，
    因为大家都要等最慢的那一台。哪些样本分给哪台机器，没有关系。
    这个函数里有一个错误：请找出来。
    rows：这个批次的样本编号，形状 (B,)。返回由 n 个数组组成的列表。
    """
    parts = []
    for k in range(n):
        # solution
        # given: size = len(rows) // n
        # given: start, end = k * size, (k + 1) * size
        start, end = k * len(rows) // n, (k + 1) * len(rows) // n
        # end
        parts.append(rows[start:end])
    return parts


# --- checks ---

from course.grading.exercise import Mistake, Task, numbers

rng = np.random.default_rng(14)
FOUR, FIVE = rng.normal(size=(4, 3)), rng.normal(size=(5, 2))
UNIT = 1e-8
# Times 2^15 its rounding is halfway between two of float16's smallest; the number itself is above.
HALFWAY = 2.5 * 2.0**-24 * (1 + 2.0**-13)
SMALL = np.append(1e-7 * rng.normal(size=5), HALFWAY)
LESS_SMALL = 1e-6 * rng.normal(size=4)
ROWS = rng.permutation(500)


def half(a):
    return a.astype("float16")


def pythons_float16(g, scale):
    """By the half precision of Python's own `struct`."""
    import struct

    exact = [float(scale * x) for x in g]
    held = struct.unpack(f"{len(g)}e", struct.pack(f"{len(g)}e", *exact))
    return {UNITS: np.array(held) / scale / UNIT}


UNITS = ("in units of 1e-8", "以 1e-8 为单位")
RATE, STEPS = ("learning rate", "学习率"), ("steps of an epoch", "一轮的步数")
TOGETHER = ("all rows that were given out, in order", "分出去的全部样本，按编号排列")
MACHINES = ("number of machines", "机器的台数")
FEWEST_MOST = ("rows of the smallest and the largest part", "最小的一份和最大的一份的样本数")


def counted(n_rows, batch_size, learning_rate, k):
    """By doing k steps, and by going through the batches."""
    batches = range(0, n_rows, k * batch_size)
    return {RATE: sum([learning_rate] * k), STEPS: len(batches)}


def other_rate(change, en, zh):
    """The rate is `change(k)` times the old one; said whatever the steps are."""
    return Mistake(
        lambda n, B, eta, k: (change(k) * eta, -(-n // (k * B))),
        en,
        zh,
        matches=lambda result, n, B, eta, k: np.isclose(float(result[0]), change(k) * eta),
    )


def ring(n, n_weights, bits):
    """Played with gradients of ones: a part is added up when it holds n."""
    held = np.ones((n, n, n_weights // n), f"float{bits}")
    device, sent, time = np.arange(n), 0, 0
    while held.min() < n:
        part, right = (device - time) % n, (device + 1) % n
        moved = held[device, part]
        held[right, part] = np.where(moved == n, moved, held[right, part] + moved)
        sent, time = sent + moved[0].nbytes, time + 1
    return sent


def counts(parts):
    sizes = [len(part) for part in parts]
    return {
        MACHINES: len(parts),
        TOGETHER: np.sort(np.concatenate([numbers(part) for part in parts])),
        FEWEST_MOST: [min(sizes), max(sizes)],
    }


def slices(rows, n, size, more=0):
    return [rows[k * size : (k + 1) * size + more] for k in range(n)]


TASKS = [
    Task(
        gradient_of_batch,
        kind="line",
        cases=((FOUR, np.array([70, 20, 10, 28])), (FIVE, np.array([3, 1, 4, 1, 5]))),
        reference=lambda g, sizes: np.average(g, axis=0, weights=sizes),
        hint=(
            "Bᵢgᵢ is the sum of the gradients of device i's rows. `sizes @ g` adds these sums up.",
            "Bᵢgᵢ 是设备 i 的各个样本的梯度之和。`sizes @ g` 把这些和加起来。",
        ),
        mistakes=(
            Mistake(
                lambda g, sizes: g.mean(axis=0),
                "That is the plain mean, right only where all devices have equally many rows: a"
                " row in a small part counts for more than one in a large part.",
                "这是简单平均，只有各设备样本数相等时才对："
                "样本少的设备上，一个样本的分量比别处的样本更重。",
            ),
            Mistake(
                lambda g, sizes: sizes @ g,
                "The weights are Bᵢ, and must add up to 1: divide by B, the sum of the sizes.",
                "这里的加权系数是 Bᵢ，而系数之和应当是 1：要除以 B，即各个 Bᵢ 之和。",
            ),
            Mistake(
                lambda g, sizes: sizes @ g / len(sizes),
                "Divided by the number of devices; the Bᵢ add up to B, the number of rows.",
                "除以了设备数；Bᵢ 之和是样本数 B，应当除以它。",
            ),
            Mistake(
                lambda g, sizes: g.sum(axis=0) / sizes.sum(),
                "That would be right if each device had sent the sum over its rows; it sends the"
                " mean, so multiply by Bᵢ first.",
                "如果各设备送来的是样本梯度之和，这样就对了；可送来的是平均值，所以要先乘以 Bᵢ。",
            ),
            Mistake(
                lambda g, sizes: g.sum(axis=0),
                "The gradients are just added up: n devices would take a step about n times as"
                " long as one does.",
                "只是把梯度加了起来：这样 n 个设备迈出的一步大约是一个设备的 n 倍长。",
            ),
        ),
    ),
    Task(
        through_float16,
        kind="line",
        cases=((SMALL, 2.0**15), (LESS_SMALL, 2.0**10)),
        reference=pythons_float16,
        measure=lambda result, *_: {UNITS: numbers(result) / UNIT},
        hint=(
            "Four things, in this order: multiply, round to float16, convert to float64, divide."
            " NumPy divides a float16 array by a Python number in float16.",
            "按顺序做四件事：乘、舍入为 float16、转换为 float64、除。"
            "float16 数组除以一个 Python 数时，NumPy 是用 float16 来除的。",
        ),
        mistakes=(
            Mistake(
                lambda g, scale: half(g).astype("float64"),
                "The gradient was rounded before it was multiplied: what is below 3e-8 became 0,"
                " and no factor brings it back. Multiply first.",
                "梯度在放大之前就舍入了：小于 3e-8 的数变成了 0，之后再乘什么也找不回来。要先乘。",
            ),
            Mistake(
                lambda g, scale: half(scale * g).astype("float64"),
                "The factor is still in it: such a step would be `scale` times too long. Divide"
                " again.",
                "因子还留在里面：这样的一步会长 scale 倍。要再除回去。",
            ),
            Mistake(
                lambda g, scale: half(half(scale * g) / scale),
                "It was divided while still in float16: there the small numbers are lost after"
                " all. Convert to float64 before dividing.",
                "在 float16 中就做了除法：小的数终究还是丢了。先转换为 float64，再除。",
            ),
            Mistake(
                lambda g, scale: half(g / scale).astype("float64") * scale,
                "The wrong way round: dividing first makes the gradient smaller still, and"
                " float16 has nothing so small.",
                "乘除颠倒了：先除会使梯度更小，float16 里没有这么小的数。",
            ),
            Mistake(
                lambda g, scale: scale * g / scale,
                "That is g itself: nothing was rounded to float16.",
                "这就是 g 本身：没有舍入为 float16。",
            ),
        ),
    ),
    Task(
        rate_and_steps,
        kind="predict",
        cases=((1060, 50, 0.1, 3), (1200, 100, 0.05, 4)),
        reference=counted,
        measure=lambda result, *_: {RATE: result[0], STEPS: result[1]},
        expects=tuple,
        hint=(
            "k steps go −η(g₁ + … + g_k), if the gradient hardly changes meanwhile. The large"
            " batch's gradient is the mean of g₁, …, g_k. For the steps round up:"
            " `-(-a // b)` or `math.ceil`.",
            "如果其间梯度几乎不变，k 步一共走 −η(g₁ + … + g_k)。"
            "大批次的梯度是 g₁, …, g_k 的平均值。"
            "步数要向上取整：用 `-(-a // b)` 或 `math.ceil`。",
        ),
        mistakes=(
            other_rate(
                lambda k: 1,
                "The rate is unchanged: a k-th of the steps, each as long as before, leaves"
                " training far behind. The gradient is a mean: more rows do not make it longer.",
                "学习率没有变：步数只剩 1/k，每步却不比原来长，训练会远远落后。"
                "梯度是平均值，样本多了它并不会变长。",
            ),
            other_rate(
                lambda k: k**0.5,
                "That is the root of k: one step would go only √k times as far, and k steps went"
                " k times as far.",
                "这里乘的是 k 的平方根：一步只走 √k 倍远，而原来的 k 步走了 k 倍远。",
            ),
            other_rate(
                lambda k: 1 / k,
                "Divided by k instead of multiplied: there are fewer steps, so each must be"
                " longer.",
                "除以了 k，应当是乘：步数少了，每步就要更长。",
            ),
            Mistake(
                lambda n, B, eta, k: (k * eta, n // (k * B)),
                "The steps are rounded down: the rows of the last, smaller batch are left out.",
                "步数向下取整了：最后那个不满的批次里的样本被漏掉了。",
            ),
            Mistake(
                lambda n, B, eta, k: (k * eta, n / (k * B)),
                "Steps are whole: the last batch is smaller, and a step all the same.",
                "步数是整数：最后一个批次虽然不满，也是一步。",
            ),
            Mistake(
                lambda n, B, eta, k: (k * eta, -(-n // B)),
                "Those are the steps of before; a step now takes k times as many rows.",
                "这是原来的步数；现在一步用的样本是 k 倍。",
            ),
            Mistake(
                lambda n, B, eta, k: (k * eta, -(-n // B) * k),
                "More steps instead of fewer: with larger batches an epoch is over sooner.",
                "步数变多了，应当变少：批次大了，一轮的步数就少。",
            ),
            Mistake(
                lambda n, B, eta, k: (-(-n // (k * B)), k * eta),
                "The two have changed places: the learning rate comes first.",
                "两个数的位置颠倒了：学习率在前。",
            ),
        ),
    ),
    Task(
        bytes_sent,
        kind="predict",
        cases=((6, 35_754, 32), (4, 1000, 16)),
        reference=ring,
        hint=(
            "Follow a single part. How often is it sent until n devices have added theirs, and"
            " how often again until all have it? In each round a device sends a part of"
            " n_weights / n numbers.",
            "只盯住其中一份：要传多少次，n 个设备各自的那一份才全都加进去？"
            "再传多少次，所有设备才都拿到它的和？"
            "每一次传递，一个设备发送一份，即 n_weights / n 个数。",
        ),
        mistakes=(
            Mistake(
                lambda n, weights, bits: (n - 1) / n * weights * bits / 8,
                "That is one time round. It takes two: one to add up, and one to tell all devices"
                " the sums.",
                "这只是沿环走了一圈。要走两圈：一圈求和，一圈把和传给所有设备。",
            ),
            Mistake(
                lambda n, weights, bits: 2 * weights * bits / 8,
                "Those are n rounds each way. From the first device to the n-th a part is sent"
                " only n − 1 times.",
                "这样算，每一圈就传了 n 次。从第一个设备到第 n 个，一份只需要传 n − 1 次。",
            ),
            Mistake(
                lambda n, weights, bits: 2 * (n - 1) * weights * bits / 8,
                "That is n times as much: what all devices send together. One device sends only"
                " an n-th of a gradient in each round.",
                "这是正确值的 n 倍，是所有设备一共发送的。每一次传递，一个设备只发送梯度的 1/n。",
            ),
            Mistake(
                lambda n, weights, bits: (n - 1) * weights * bits / 8,
                "So it would be if each device sent its whole gradient to every other; in a ring"
                " it sends parts, and only to its neighbour.",
                "如果每个设备把整个梯度发给其他每一个设备，才是这么多；"
                "排成环形时，每次只发送一份，而且只发给邻居。",
            ),
            Mistake(
                lambda n, weights, bits: 2 * (n - 1) / n * weights * bits,
                "That is in bits; a byte has 8.",
                "这是以位（bit）为单位的；一个字节有 8 位。",
            ),
            Mistake(
                lambda n, weights, bits: 2 * (n - 1) / n * weights,
                "That is how many numbers are sent; each has bits / 8 bytes.",
                "这是发送的数的个数；每个数占 bits / 8 个字节。",
            ),
        ),
    ),
    Task(
        rows_of_machines,
        kind="bug",
        cases=((ROWS[:100], 8), (ROWS[100:110], 3), (ROWS[110:122], 4)),
        reference=lambda rows, n: counts(np.array_split(rows, n)),
        measure=lambda result, *_: counts(result),
        hint=(
            "Try it with 10 rows and 3 machines: who gets the last row?",
            "用 10 个样本、3 台机器试一试：最后一个样本分给了谁？",
        ),
        mistakes=(
            Mistake(
                lambda rows, n: slices(rows, n, len(rows) // n),
                "B/n is rounded down before it is multiplied by k: where n does not divide B, the"
                " last rows go to no machine.",
                "B/n 在乘以 k 之前就向下取整了：B 不能被 n 整除时，最后几个样本没有分给任何机器。",
            ),
            Mistake(
                lambda rows, n: slices(rows, n, -(-len(rows) // n)),
                "Every row is given out, but B/n is rounded up for all machines: the last one has"
                " to make do with the remaining rows, which may be far fewer.",
                "样本都分出去了，但每台机器都按 B/n 向上取整：最后一台只能拿剩下的，可能少得多。",
            ),
            Mistake(
                lambda rows, n: [
                    *slices(rows, n - 1, len(rows) // n),
                    rows[(n - 1) * (len(rows) // n) :],
                ],
                "The last machine gets all the remaining rows, up to n − 1 rows more than the"
                " others, which then wait for it.",
                "余下的样本全给了最后一台：它最多会比别的机器多 n − 1 个，大家都要等它。",
            ),
            Mistake(
                lambda rows, n: slices(rows, n, len(rows) // n, more=1),
                "Neighbours have a row in common: where one part ends, the next begins, and that"
                " row would count twice.",
                "相邻的两份有一个样本重复：一份的末尾就是下一份的开头，这个样本算了两次。",
            ),
            Mistake(
                lambda rows, n: np.split(np.resize(rows, n * -(-len(rows) // n)), n),
                "The parts are equal because the first rows are given out again: these count"
                " twice, and the gradient is no longer the batch's.",
                "各份之所以相等，是因为把开头的样本又分了一次："
                "它们算了两次，得到的就不再是这个批次的梯度了。",
            ),
            Mistake(
                lambda rows, n: [rows] * n,
                "Every machine gets the whole batch: each does all the work, and nothing is split.",
                "每台机器都拿到了整个批次：全部计算每台都做一遍，等于没有分担。",
            ),
        ),
    ),
]
