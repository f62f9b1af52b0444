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
from course.checks.constants import ABOVE_0, NUMBER, Kind, between, one_of, several, whole
from course.checks.tolerance import NUMPY
from course.lesson14 import (
    BATCH_SIZE,
    BATCHES,
    FIRST_ORDER,
    LOSS_SCALE,
    PASSES,
    SMALLEST_RATE,
    TOGETHER,
    UNEQUAL,
)

SHARED = 1e-12  # in float64; a row that a device leaves out moves a weight by 1e-3
HALF = np.finfo("float16")
NOTHING = float(HALF.smallest_subnormal) / 2  # so much and less becomes 0: 2^-25
NORMAL, ROUNDING = float(HALF.smallest_normal), float(HALF.eps) / 2  # 2^-14, 2^-11
LOST = 0.1  # of the cost
FEW_STEPS = 50  # until roundings decide which of two pixels in a pool is the larger


SHARES = Kind(
    f"a number of devices, at most 8, that {BATCH_SIZE} rows can be shared by equally",
    lambda value: whole(1, 8).allows(value) and BATCH_SIZE % value == 0,
)
CONSTANTS = {  # what the page's constants may be
    "DEVICES": several(SHARES),
    "UNEQUAL": several(whole(1, 100), 2, 5),
    "EPOCHS": whole(1),
    "QUICK_EPOCHS": whole(1),
    "STEPS": whole(2),
    "TOGETHER": whole(2, 10),
    "FIRST_ORDER": between(1e-6, 0.1, "a number between 1e-6 and 0.1"),
    "BATCHES": several(whole(1, 500)),
    "SMALLEST_RATE": ABOVE_0,
    "RULES": several(NUMBER),
    "PASSES": whole(1),
    "NETWORKS": whole(1),
    "QUICK_NETWORKS": whole(1),
    "LOSS_SCALE": ABOVE_0,
    "POLICIES": several(one_of("float32", "mixed_bfloat16", "mixed_float16")),
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
    same = "not for equal parts" if len(set(UNEQUAL)) == 1 else ""
    return [
        Check.close("equal", "gradient of equal parts = the whole batch's", equal,
                    np.array([whole] * len(equal)), rtol=NUMPY),
        Check.close("unequal", "gradient of unequal parts, weighted = whole", weighted, whole,
                    rtol=NUMPY),
        Check.at_least("plain-mean", "gradient of unequal parts, plain mean: other",
                       np.linalg.norm(plain - whole), 1e-3 * np.linalg.norm(whole)).unless(same),
    ]  # fmt: skip


def check_devices(options, batch, parts, float64, float32):
    if not parts:  # PyTorch
        return []
    first, one = len(parts[0]), float64[0][0]
    steps, moved = len(one), np.abs(one[-1] - one[0]).max()
    whole = [np.concatenate(part) for part in parts]
    rows = [len(piece) for part in parts for piece in part]
    exact = "the order of the additions changes the 16th digit"
    long = "not after so many steps" if steps > FEW_STEPS else ""
    return [
        Check.close("rows", "rows of a batch that each device gets = B/n", rows,
                    [len(batch) // len(part) for part in parts for _ in part], agreement=None),
        Check.close("whole-batch", "the parts of all devices in one = the batch",
                    [np.abs(each - batch).max() for each in whole], np.zeros(len(whole)),
                    agreement=None),
        *(
            Check.close(f"devices-{len(part)}",
                        f"weights at every step, {len(part)} devices = {first}",
                        np.abs(path - one).max(axis=1), np.zeros(steps), atol=SHARED,
                        reason=f"largest difference: {exact}").unless(long)
            for part, (path, _) in zip(parts[1:], float64[1:])
        ),
        # A row gives a B-th of a step; in a few of them the 7th digit decides which of two pixels
        # in a pool is the larger, and with it which weights learn from the row.
        Check.at_most("float32", "float32 = float64 to about 1/100 of the change",
                      [np.abs(path - one).max() for path, _ in float32],
                      (1 / 100 + 5 / (steps * len(batch))) * moved, agreement=None,
                      reason="the 7th digit, and which of two pixels in a pool is the larger")
        .unless(long),
    ]  # fmt: skip


def check_scaling(options, differences):
    # The differences have roundings of the weights' size, 1e-16 of a few.
    rounded = 4 * 2e-15 / np.min(differences[:2])
    return [
        Check.close("first-order", f"{TOGETHER} steps − one: at η ÷ at η/2 = 4",
                    differences[0] / differences[1], 4, atol=1.5 * TOGETHER * FIRST_ORDER + rounded,
                    reason="the next term is a fraction of about kη of the first"),
        Check.at_most("large-rate", "at the usual η they differ less than so",
                      differences[2], differences[0] * (lesson13.LEARNING_RATE / FIRST_ORDER) ** 2,
                      reason="than to first order"),
    ]  # fmt: skip


def check_noise(options, X, y, ends):
    squares = (y - X @ np.linalg.lstsq(X, y)[0]) ** 2
    predicted = [np.diag(references.order_covariance(X, squares, eta, B)) for eta, B in ends]
    measured = [w.var(axis=0, ddof=1) for w in ends.values()]
    fits = len(next(iter(ends.values())))
    settled = [np.abs(np.linalg.eigvals(references.order_step(X, *at))).max() for at in ends]
    why_not = "" if max(settled) < 1 else f"not at {TOGETHER} η: it diverges"
    return [
        Check.within("noise", f"variances at B, η; {TOGETHER}B, η; both, ÷ predicted",
                     np.divide(measured, predicted), np.ones((len(ends), X.shape[1])),
                     np.sqrt(2 / fits), reason=f"both: {TOGETHER}B, {TOGETHER}η; 5 standard errors"
                     ).unless(why_not),
    ]  # fmt: skip


def other_rates(costs):
    """Why nothing is predicted of larger batches; "" where it is: about as the page has it."""
    missing = [rule for rule in ("η the same", "η ∝ B") if rule not in costs]
    if missing:
        return f"not without {missing[0]}"
    if not 5 <= min(BATCHES) <= 20:
        return f"not from {min(BATCHES)} rows on"
    if not 0.5 <= SMALLEST_RATE / 0.1 * 10 / min(BATCHES) <= 2:
        return f"not at η = {SMALLEST_RATE:g}"
    return "" if 7 <= PASSES <= 15 else f"not after {PASSES} epochs"


def check_sizes(options, sizes, costs, few_steps, more_steps):
    why_not, every = other_rates(costs), np.concatenate([np.ravel(r) for r in costs.values()])
    ten = 10 * sizes[0]
    far = "" if sizes[-1] == 500 else f"not for {sizes[-1]} rows"
    few, more = (np.mean(rows, axis=1).min() for rows in (few_steps, more_steps))
    lost, start = 0.0, 0.0
    if not why_not:
        same, scaled = (np.mean(costs[rule], axis=1) for rule in ("η the same", "η ∝ B"))
        start = scaled[0]
    if not why_not and ten in sizes:
        at = list(sizes).index(ten)
        lost = (scaled[at] - scaled[0]) / (same[at] - same[0])
    return [
        Check.at_least("costs", "every test cost is above 0", every, 0.0),
        Check.close("scaled-rate", "cost lost at 10 B: with η ∝ B ÷ with η", lost, 0, atol=LOST,
                    reason="a tenth of what is lost where the rate is not scaled"
                    ).unless(why_not or ("" if ten in sizes else f"not without {ten} rows")),
        Check.at_least("few-steps", f"at B = {sizes[-1]}, few steps: the best of 3 rates", few,
                       start + LOST, reason="loses: ten steps, however long, are too few"
                       ).unless(why_not or far),
        Check.at_most("more-steps", f"at B = {sizes[-1]}, 5 times the steps: best of 3", more,
                      start + LOST, reason="the best of three rates loses nothing"
                      ).unless(why_not or far),
    ]  # fmt: skip


def check_float16(options, g, plain, scaled):
    zero = [np.mean(np.asarray(a, "float64") == 0) for a in (plain, scaled)]
    size = np.abs(LOSS_SCALE * g)
    large = (size > NORMAL) & (size < float(HALF.max))
    none = "" if large.any() else "not where all are 0 or too large"
    right = g[large] if large.any() else np.ones(1)
    rounded = scaled[large].astype("float64") / LOSS_SCALE if large.any() else right
    return [
        Check.close("float16-zeros", "gradients that are 0 in float16 = below 2^-25", zero,
                     [np.mean(np.abs(s * g) <= NOTHING) for s in (1, LOSS_SCALE)]),
        Check.at_most("float16-rounding", "scaled, in float16: largest relative error",
                      np.abs(rounded / right - 1).max(), ROUNDING + 1e-15,
                      reason="11 significant bits: half of the last one").unless(none),
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
    """Of the networks that there are, float32's and bfloat16's."""
    found, exact = [], {}
    for name in ("float32", "bfloat16"):
        if name in networks:
            exact[name] = lesson11.forward(X, networks[name]["weights"])[-1]
    if "float32" in exact:
        found.append(
            Check.close("float32-probabilities", "float32: p, Keras = NumPy",
                        networks["float32"]["p"], exact["float32"], atol=2e-5, agreement=None,
                        reason="sums of up to 256 float32 products, for logits of size 10 or so")
        )  # fmt: skip
    if "bfloat16" in exact:
        found += check_bfloat16(X, exact["bfloat16"], **networks["bfloat16"])
    if len(exact) == 2:
        single, half = (networks[name]["right"] for name in exact)
        # Digits read rightly by one alone are as often the one's as the other's.
        changed = max(1, np.sum(half != single))
        found.append(
            Check.at_least("bfloat16-accuracy", "bfloat16: accuracy, float32's less 5 sigma",
                           np.mean(half), np.mean(single) - 5 * np.sqrt(changed) / len(X),
                           agreement=None, reason="chance: 5 standard errors")
        )  # fmt: skip
    return found


def check_bfloat16(X, exact, p, weights, dtypes, **_):
    errors = [
        np.sqrt(np.mean((p - exact) ** 2)) for p in (p, forward_in(ml_dtypes.bfloat16, X, weights))
    ]
    return [
        Check.true("float32-weights", "bfloat16: all weights are kept in float32",
                   np.array([dtype == "float32" for dtype in dtypes])),
        Check.close("bfloat16-error", "bfloat16: log2 of p's error, Keras's ÷ NumPy's",
                    np.log2(errors[0] / errors[1]), 0, atol=2, agreement=None,
                    reason="each backend rounds where it likes; float16, of 3 bits more: -3"),
    ]  # fmt: skip


def check_machines(options, processes, alone, steps, weights, **_):
    found = [
        Check.close("processes", f"weights at each step, {processes} processes = 1",
                    np.abs(np.array(steps) - alone).max(axis=(0, 2)),
                    np.zeros(len(alone)), atol=SHARED, reason="the largest difference"),
    ]  # fmt: skip
    if len(weights) > 1:  # all run here
        found.append(
            Check.close("processes-end", "weights at the end, all processes = the first",
                        [np.abs(w - weights[0]).max() for w in weights],
                        np.zeros(len(weights)))
        )  # fmt: skip
    return found
