"""Why lesson 14's numbers must be what they are.

Devices. The cost of a batch is a mean over its rows, so its gradient is the mean of the devices'
gradients, weighted by their rows, whatever the order of the additions: in float64 they change the
16th digit. So after every step n devices have one device's weights. In float32 it is the 7th
digit: at first that is all, but in a long training it can decide which of two pixels in a pool is
the larger, and from then on the weights differ more and more.

Larger batches. After one small step the weights have moved by ηg₁, so the next gradient differs
by something proportional to η, and the step by something proportional to η². Halve η, and a
quarter of the difference must remain. The variance of w under the random order of the rows is
`references.order_covariance`, nearly proportional to η/B. A training also needs some number of
steps: with all rows in a batch ten epochs are ten steps, which no learning rate makes up for.

Bits. float16 has 11 significant bits, so it rounds by at most 2^-11 of a number, as long as that
is at least 2^-14; its smallest number is 2^-24, and half of that, or less, becomes 0. A network
computed in bfloat16 rounds every array to 8 bits on the way from layer to layer. How large the
error in p must then be is computed by doing just that, in NumPy.
"""

import ml_dtypes
import numpy as np

from course import lesson11, lesson13
from course.checks import Check, by_section, references
from course.checks.constants import ABOVE_0, ANYTHING, NUMBER, whole
from course.checks.tolerance import NUMPY
from course.lesson14 import FIRST_ORDER, LOSS_SCALE

SHARED = 1e-12  # in float64; a row that a device leaves out moves a weight by 1e-3
HALF = np.finfo("float16")
NOTHING = float(HALF.smallest_subnormal) / 2  # so much and less becomes 0: 2^-25
NORMAL, ROUNDING = float(HALF.smallest_normal), float(HALF.eps) / 2  # 2^-14, 2^-11
LOST = 0.1  # of the cost


CONSTANTS = {  # what the page's constants may be
    "DEVICES": ANYTHING,
    "UNEQUAL": ANYTHING,
    "EPOCHS": whole(1),
    "QUICK_EPOCHS": whole(1),
    "STEPS": whole(1),
    "TOGETHER": NUMBER,
    "FIRST_ORDER": NUMBER,
    "BATCHES": ANYTHING,
    "SMALLEST_RATE": ABOVE_0,
    "RULES": ANYTHING,
    "PASSES": whole(1),
    "NETWORKS": whole(1),
    "QUICK_NETWORKS": whole(1),
    "LOSS_SCALE": NUMBER,
    "POLICIES": ANYTHING,
}


def checks(measured, options):
    """All checks of the lesson on what `lesson14.run` or `machine.together` measured."""
    sections = {
        "batch": check_batch, "devices": check_devices, "scaling": check_scaling,
        "noise": check_noise, "sizes": check_sizes, "float16": check_float16,
        "policies": check_policies, "machines": check_machines,
    }  # fmt: skip
    return by_section(sections, measured, options)


def check_batch(options, whole, equal, weighted, plain):
    return [
        Check.close("equal", "gradient of 1, 2, 4 equal parts = the whole batch's", equal,
                    np.array([whole] * len(equal)), rtol=NUMPY),
        Check.close("unequal", "gradient of unequal parts, weighted = the whole batch's",
                    weighted, whole, rtol=NUMPY),
        Check.at_least("plain-mean", "gradient of unequal parts, plain mean: it is another one",
                       np.linalg.norm(plain - whole), 1e-3 * np.linalg.norm(whole)),
    ]  # fmt: skip


def check_devices(options, batch, parts, float64, float32):
    if not parts:  # PyTorch
        return []
    one, moved = float64[0][0], np.abs(float64[0][0][-1] - float64[0][0][0]).max()
    whole = [np.concatenate(part) for part in parts]
    rows = [len(piece) for part in parts for piece in part]
    exact = "the order of the additions changes the 16th digit"
    return [
        Check.close("rows", "rows of a batch that each device gets = B/n", rows,
                    [len(batch) // len(part) for part in parts for _ in part], agreement=None),
        Check.close("whole-batch", "the parts of all devices in one = the batch",
                    [np.abs(each - batch).max() for each in whole], np.zeros(len(whole)),
                    agreement=None),
        *(
            Check.close(f"devices-{len(part)}",
                        f"weights at every step, {len(part)} devices = 1, largest difference",
                        np.abs(path - one).max(axis=1), np.zeros(len(one)), atol=SHARED,
                        reason=exact)
            for part, (path, _) in zip(parts[1:], float64[1:])
        ),
        Check.at_most("float32", "float32 = float64: difference below 1/100 of the change",
                      [np.abs(path - one).max() for path, _ in float32], moved / 100,
                      reason="the 7th digit, in twelve steps", agreement=None),
    ]  # fmt: skip


def check_scaling(options, differences):
    return [
        Check.close("first-order", "difference of 4 steps and one: at η ÷ at η/2 = 4",
                    differences[0] / differences[1], 4, atol=0.02,
                    reason="the next term is a fraction of about η of the first"),
        Check.at_most("large-rate", "at the usual η they differ by less than to first order",
                      differences[2], differences[0] * (lesson13.LEARNING_RATE / FIRST_ORDER) ** 2),
    ]  # fmt: skip


def check_noise(options, X, y, ends):
    squares = (y - X @ np.linalg.lstsq(X, y)[0]) ** 2
    predicted = [np.diag(references.order_covariance(X, squares, eta, B)) for eta, B in ends]
    measured = [w.var(axis=0, ddof=1) for w in ends.values()]
    fits = len(next(iter(ends.values())))
    return [
        Check.within("noise", "variances at B, η; 4B, η; 4B, 4η, ÷ predicted",
                     np.divide(measured, predicted), np.ones((len(ends), X.shape[1])),
                     np.sqrt(2 / fits)),
    ]  # fmt: skip


def check_sizes(options, sizes, costs, few_steps, more_steps):
    same, scaled = (np.mean(costs[rule], axis=1) for rule in ("η the same", "η ∝ B"))
    ten = sizes.index(10 * sizes[0])
    few, more = (np.mean(rows, axis=1).min() for rows in (few_steps, more_steps))
    every = np.concatenate([np.ravel(rows) for rows in costs.values()])
    return [
        Check.at_least("costs", "every test cost is above 0", every, 0.0),
        Check.close("scaled-rate", "at 10 B: fraction of the cost lost with η the same that η ∝ B"
                    " loses", (scaled[ten] - scaled[0]) / (same[ten] - same[0]), 0, atol=LOST,
                    reason="a tenth of what is lost, where the rate is not scaled"),
        Check.at_least("few-steps", "at 50 B: too few steps, the best of 3 rates loses", few,
                       scaled[0] + LOST, reason="ten steps, however long, are too few"),
        Check.at_most("more-steps", "at 50 B, 5 times as many steps: the best of 3 rates loses"
                      " nothing", more, scaled[0] + LOST),
    ]  # fmt: skip


def check_float16(options, g, plain, scaled):
    zero = [np.mean(np.asarray(a, "float64") == 0) for a in (plain, scaled)]
    large = np.abs(LOSS_SCALE * g) > NORMAL
    rounded = scaled[large].astype("float64") / LOSS_SCALE
    return [
        Check.close("float16-zeros", "fraction that is 0 in float16, plain, scaled = below 2^-25",
                    zero, [np.mean(np.abs(s * g) <= NOTHING) for s in (1, LOSS_SCALE)]),
        Check.at_most("float16-rounding", "scaled gradients in float16: largest relative error",
                      np.abs(rounded / g[large] - 1).max(), ROUNDING,
                      reason="11 significant bits: half of the last one"),
    ]  # fmt: skip


def forward_in(dtype, X, weights):
    """Lesson 11's network in NumPy, every array rounded to `dtype` as the next layer gets it."""

    def rounded(a):
        return np.asarray(a).astype(dtype).astype("float64")

    K1, b1, K2, b2, K3, b3, W4, b4, W5, b5 = map(rounded, weights)
    a = rounded(np.tanh(rounded(lesson11.convolve(rounded(X), K1, b1))))
    a = rounded(np.tanh(rounded(lesson11.convolve(a, K2, b2))))
    a = rounded(np.maximum(lesson11.convolve(lesson11.max_pool(a), K3, b3), 0))
    a = lesson11.max_pool(a).reshape(len(X), -1)
    a = rounded(np.tanh(rounded(a @ W4 + b4)))
    return rounded(lesson11.softmax(rounded(a @ W5 + b5)))


def check_policies(options, X, networks):
    bfloat16 = networks["bfloat16"]
    weights = bfloat16["weights"]
    exact = lesson11.forward(X, weights)[-1]
    errors = [
        np.sqrt(np.mean((p - exact) ** 2))
        for p in (bfloat16["p"], forward_in(ml_dtypes.bfloat16, X, weights))
    ]
    single = networks["float32"]
    right = {name: network["right"] for name, network in networks.items()}
    # Digits read rightly by one alone are as often the one's as the other's.
    changed = max(1, np.sum(right["bfloat16"] != right["float32"]))
    return [
        Check.close("float32-probabilities", "float32: p, Keras = NumPy", single["p"],
                    lesson11.forward(X, single["weights"])[-1], atol=2e-5, agreement=None,
                    reason="sums of up to 256 float32 products, for logits of size 10 or so"),
        Check.true("float32-weights", "bfloat16: all weights are kept in float32",
                   np.array([dtype == "float32" for dtype in bfloat16["dtypes"]])),
        Check.close("bfloat16-error", "bfloat16: error of p, log2 of Keras's ÷ NumPy's",
                    np.log2(errors[0] / errors[1]), 0, atol=2, agreement=None,
                    reason="each backend rounds where it likes; float16, of 3 bits more: -3"),
        Check.at_least("bfloat16-accuracy", "bfloat16: accuracy, at least float32's less 5 sigma",
                       np.mean(right["bfloat16"]),
                       np.mean(right["float32"]) - 5 * np.sqrt(changed) / len(X), agreement=None,
                       reason="chance: 5 standard errors"),
    ]  # fmt: skip


def check_machines(options, processes, alone, steps, weights, **_):
    found = [
        Check.close("processes", f"weights at each of 12 steps, {processes} processes = 1,"
                    " largest difference", np.abs(np.array(steps) - alone).max(axis=(0, 2)),
                    np.zeros(len(alone)), atol=SHARED),
    ]  # fmt: skip
    if len(weights) > 1:  # all run here
        found.append(
            Check.close("processes-end", "weights at the end, all processes = the first, largest"
                        " difference", [np.abs(w - weights[0]).max() for w in weights],
                        np.zeros(len(weights)))
        )  # fmt: skip
    return found
