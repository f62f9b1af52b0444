"""Lesson 14: More machine.

Two devices, or two computers, share each batch and take the same steps as one.

    n devices     device i gets B_i of the batch's B rows, and the same weights
                  g = Σ (B_i/B) g_i, g_i its rows' mean gradient;  B/n each: g = mean of the g_i
    k times the   θ after k steps at η, each on its own B rows  ≈  one step at kη on all of them:
    batch         to first order in η, so the two part by about c η²
                  the rate may grow with the batch (linear scaling), but not for ever
    half the      float32 has 24 bits, bfloat16 8, float16 11 but nothing below 2^-25:
    bits          a gradient times 2^15 survives that, and is divided again before the step

Nothing in a lesson changes for it. A GPU is used where the backend sees one (--device cpu|gpu|gpu:1
chooses); several devices need one line around lesson 11's `build_model` and `train`. Where there
are not two GPUs, the processor passes for four devices: the numbers are those of real ones, the
speed is not. Several machines, on JAX, are as many processes that find each other by an address.

    X: shape (B, p)    g: as the weights    sizes: (n,)

Run it:     python -m course.lesson14
Machines:   python -m course.lesson14 --machines 2 --resume FOLDER          (both are played here)
            python -m course.lesson14 --machines 2 --machine 0 --address 10.0.0.1:9876      (there)
            python -m course.lesson14 --machines 2 --machine 1 --address 10.0.0.1:9876  (and there)
Read more:  P. Goyal and others, Accurate, large minibatch SGD: training ImageNet in 1 hour, 2017,
            doi:10.48550/arXiv.1706.02677.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import ml_dtypes
import numpy as np

import course
from course import data, lesson11, lesson13, training
from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Report, precision, with_precision
from course.errors import InputError
from course.figures import lesson14 as drawings
from course.machine import cluster, devices

DEVICES = (1, 2, 4)
devices.simulate(max(DEVICES))  # before the backend computes anything: then it is too late

BATCH_SIZE = lesson11.BATCH_SIZE
EPOCHS, QUICK_EPOCHS = 5, 2
UNEQUAL = (70, 20, 10)  # rows of a batch, where three devices get unequal shares
FIRST_ORDER = 1e-3  # a rate so small that η³ does not count beside η²
TOGETHER = 4  # k: small batches in a large one
BATCHES = (10, 25, 50, 100, 250, 500)  # of lesson 13's 500 digits
RATE_PER_ROW = lesson13.LEARNING_RATE / lesson13.BATCH_SIZE
PASSES = 10  # through those digits: 50 steps with 100 rows in a batch, 10 steps with all 500
NETWORKS, QUICK_NETWORKS = 12, 4  # trained for each size
LOSS_SCALE = 2.0**15  # Keras's first one
FLOAT16_NOTHING = 2.0**-25  # half of float16's smallest number: so much and less becomes 0
FLOAT16_NORMAL, FLOAT16_ROUNDING = 2.0**-14, 2.0**-11  # from there on it has all its 11 bits
STEPS = 12
SHARED = 1e-12  # in float64; a row that a device leaves out moves a weight by 1e-3
LOW_PRECISION = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@dataclass(frozen=True)
class Options(training.NetworkOptions):
    """Of this lesson: also where several machines train together."""

    machines: int | None = None
    machine: int | None = None
    address: str | None = None
    wait: int = cluster.WAIT
    resume: str | None = None

    @staticmethod
    def add_flags(add):
        add(
            "--machines",
            type=command.whole_number(2, 64),
            metavar="N",
            help="train on N machines; without --machine all of them are processes here",
        )
        add(
            "--machine",
            type=command.whole_number(0, 63),
            metavar="K",
            help="which one this is, from 0",
        )
        add("--address", metavar="HOST:PORT", help="machine 0's, the same for all")
        add(
            "--wait",
            type=command.whole_number(1, 86400),
            default=cluster.WAIT,
            metavar="SECONDS",
            help="in which all machines must come",
        )
        add("--resume", metavar="FOLDER", help=f"with --machines: {training.RESUME}")  # fmt: skip


def split(rows, sizes):
    """Row numbers for each device: the first B₁ of them, the next B₂, and so on.

    >>> [part.tolist() for part in split(np.arange(5), [3, 2])]
    [[0, 1, 2], [3, 4]]
    """
    return np.split(rows, np.cumsum(sizes)[:-1])


def gradient_of_shares(X, Y, weights, sizes):
    """g = Σ (B_i/B) g_i: every device's gradient of its own rows, weighted by how many they are.

    Args:
        X, Y: a batch, shapes (B, p) and (B, 10).
        weights: W1, b1, W2, b2.
        sizes: B_i, adding up to B.
    """
    shares = split(np.arange(len(X)), sizes)
    g = [lesson13.backward(X[rows], Y[rows], weights) for rows in shares]
    share = np.divide(sizes, sum(sizes))
    return [np.tensordot(share, np.array(parts), axes=1) for parts in zip(*g)]


def flat(arrays):
    """All numbers of several arrays in one."""
    return np.concatenate([np.ravel(a) for a in arrays])


@with_precision
def run(options=Options()) -> Report:
    if options.machines:
        return on_machines(options)
    for flag in ("machine", "address", "resume"):
        if getattr(options, flag) is not None:
            raise InputError(f"--{flag} is for several machines: say how many with --machines N")
    digits = even(data.load_images(options.data))
    parts = lesson13.load_data(options.data)
    return Report.join(
        shares_of_a_batch(parts, options),
        same_weights(digits, options),
        many_rows_few_steps(parts, options),
        noise_of_a_batch(options),
        larger_batches(parts, options),
        gradients_in_half_the_bits(parts, options),
        half_the_bits(digits, options),
    )


def even(digits):
    """The digits in whole batches, which any number of devices can share."""
    train, val = (len(X) // BATCH_SIZE * BATCH_SIZE for X in (digits.X_train, digits.X_val))
    if min(train, val) == 0:
        raise InputError(
            f"lesson 14 needs {BATCH_SIZE} images to train and {BATCH_SIZE} to validate, and there"
            f" are {len(digits.X_train)} and {len(digits.X_val)}"
        )
    return digits._replace(
        X_train=digits.X_train[:train], y_train=digits.y_train[:train],
        X_val=digits.X_val[:val], y_val=digits.y_val[:val],
    )  # fmt: skip


def budget(options):
    return options.epochs or (QUICK_EPOCHS if options.quick else EPOCHS)


def shares_of_a_batch(parts, options):
    """The gradient, device by device and added up, by hand; and what unequal shares do to it."""
    X, y = (part[:BATCH_SIZE] for part in parts[0])
    weights, Y = lesson13.draw(options.seed, (0, 0, 0), X)[0], np.eye(10)[y]
    whole = flat(lesson13.backward(X, Y, weights))
    equal = [flat(gradient_of_shares(X, Y, weights, [BATCH_SIZE // n] * n)) for n in DEVICES]
    weighted = flat(gradient_of_shares(X, Y, weights, UNEQUAL))
    alone = [flat(lesson13.backward(X[rows], Y[rows], weights))
             for rows in split(np.arange(BATCH_SIZE), UNEQUAL)]  # fmt: skip
    return Report(
        results={
            "unequal shares, plain mean: the gradient is wrong by":
                np.linalg.norm(np.mean(alone, axis=0) - whole) / np.linalg.norm(whole),
        },
        checks=[
            Check("gradient of 1, 2, 4 equal shares, relative, = the whole batch's", equal,
                  np.array([whole] * len(DEVICES)), BY_HAND),
            Check("gradient of unequal shares, weighted, relative, = the whole batch's", weighted,
                  whole, BY_HAND),
        ],
    )  # fmt: skip


class Diary(keras.callbacks.Callback):
    """Keeps the weights after every step."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(flat(self.model.get_weights()))


def first_steps(together, digits, seed, dtype="float64", share=(0, 1)):
    """Lesson 11's network, trained for twelve steps by devices that share every batch.

    Args:
        together: of `devices.several` or `devices.everywhere`.
        share: this machine's number, and how many machines there are.

    Returns:
        The weights after each step, (steps, 35,754), and the seconds a step.
    """
    rows = STEPS * BATCH_SIZE
    few = digits._replace(X_train=digits.X_train[:rows], y_train=digits.y_train[:rows])
    diary, times = Diary(), []
    stopwatch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: times.append(time.perf_counter())
    )
    with precision(dtype), together.scope():
        model = lesson11.build_model(n_classes=digits.n_classes, seed=seed)
        lesson11.train(model, few, 1, seed, verbose=0, callbacks=[stopwatch, diary], share=share)
    return np.array(diary.weights), np.median(np.diff(times))


def numbers_of_devices():
    """1, 2 and 4, as far as there are so many that can share; none where Keras cannot."""
    return [n for n in DEVICES if n <= len(devices.sharing())]


def same_weights(digits, options):
    """One, two and four devices, step by step.

    In float64, where the order of additions changes the 16th digit. In float32 it is the 7th: at
    first that is all, but in a long training it can decide which of two pixels is the larger in
    a pool, and from there on the weights part.
    """
    if not devices.can_share():
        return Report({"several devices": devices.NO_KERAS_SHARING}, [])
    counts = numbers_of_devices()
    if len(counts) < 2:
        raise InputError(
            "there is one device, and the backend was at work before the processor could pass for"
            " more: start Python anew, and import course.lesson14 first"
        )
    batch, kind = digits.X_train[:BATCH_SIZE], devices.sharing()[0].partition(":")[0]
    paths, results, rows, apart = {}, {}, [], []
    for n in counts:
        together = devices.several(n)
        paths[n], _ = first_steps(together, digits, options.seed)
        in_float32, seconds = first_steps(together, digits, options.seed, "float32")
        got = devices.shares(together, batch)
        rows.extend(len(part) for part in got)
        apart.append(np.abs(np.concatenate(got) - batch).max())
        results[f"{n} × {kind}: ms a step in float32"] = seconds * 1e3
        results[f"{n} × {kind}: furthest weight, float32 from float64"] = np.abs(
            in_float32 - paths[1]
        ).max()
    moved = np.abs(paths[1][-1] - paths[1][0]).max()
    return Report(
        results={**results, "furthest that a weight moves meanwhile": moved},
        checks=[
            Check("rows of a batch that each device gets = B/n", rows,
                  [BATCH_SIZE // n for n in counts for _ in range(n)], 0, agreement=None),
            Check("put together they are the batch", apart, np.zeros(len(counts)), 0,
                  agreement=None),
            *(
                Check(f"weights at every step, {n} devices = 1, furthest",
                      np.abs(paths[n] - paths[1]).max(axis=1), np.zeros(len(paths[1])), SHARED)
                for n in counts[1:]
            ),
        ],
    )  # fmt: skip


def parting(X, Y, weights, learning_rate):
    """k steps of gradient descent, a share of the rows each, minus one step on all rows at kη."""
    once = lesson13.backward(X, Y, weights)
    large = [w - TOGETHER * learning_rate * g for w, g in zip(weights, once)]
    for rows in np.split(np.arange(len(X)), TOGETHER):
        g = lesson13.backward(X[rows], Y[rows], weights)
        weights = [w - learning_rate * g_w for w, g_w in zip(weights, g)]
    return np.abs(flat(weights) - flat(large)).max()


def many_rows_few_steps(parts, options):
    """Four small steps beside one large: halve η, and a quarter of the difference is left."""
    X, y = (part[: TOGETHER * lesson13.BATCH_SIZE] for part in parts[0])
    weights, Y = lesson13.draw(options.seed, (0, 0, 0), X)[0], np.eye(10)[y]
    apart = [parting(X, Y, weights, rate) for rate in (FIRST_ORDER, FIRST_ORDER / 2)]
    return Report(
        results={
            "4 small steps and a large one part by, at η = 0.5":
                parting(X, Y, weights, lesson13.LEARNING_RATE),
        },
        checks=[
            # What is left out is a share of about η of it.
            Check("they part as η²: at η and η/2, ratio", apart[0] / apart[1], 4, 0.02),
        ],
    )  # fmt: skip


def noise_of_a_batch(options):
    """Linear regression, where lesson 13 knows how far the order of rows scatters the last w."""
    fits = lesson13.QUICK_FITS if options.quick else lesson13.FITS
    n, B, rate = lesson13.ROWS, lesson13.ROW_BATCH, lesson13.ROW_RATE
    rng = np.random.default_rng(options.seed)
    X = rng.normal(size=(n, 3))
    y = X @ lesson13.TRUTH + lesson13.SIGMA * rng.normal(size=n)
    squares = (y - X @ np.linalg.lstsq(X, y)[0]) ** 2
    measured, predicted = [], []
    for k, size in ((1, B), (1, TOGETHER * B), (TOGETHER, TOGETHER * B)):
        batches = rng.integers(n, size=(lesson13.ROW_STEPS // k, fits, size))
        ends = lesson13.fit_batches(
            X, np.tile(y, (fits, 1)), np.zeros((fits, 3)), batches, k * rate
        )
        measured.append(ends.var(axis=0, ddof=1))
        predicted.append(np.diag(lesson13.order_covariance(X, squares, k * rate, size)))
    spread = np.sqrt(measured)[:, 0]
    return Report(
        results={"spread of w1 at B, η; 4B, η; 4B, 4η": spread},
        checks=[
            Check("variances at B, η; 4B, η; 4B, 4η, ÷ predicted, 5 sigma",
                  np.divide(measured, predicted), np.ones((3, 3)), 5 * np.sqrt(2 / fits)),
        ],
    )  # fmt: skip


def larger_batches(parts, options):
    """Lesson 13's network by hand: the cost after ten epochs, with the rate left or scaled.

    With all rows in a batch that is ten steps: too few, and longer ones throw networks off.
    """
    (X, y), _, test = parts
    networks = QUICK_NETWORKS if options.quick else NETWORKS
    runs = np.stack([np.arange(1, networks + 1)] * 3, axis=1)

    def costs_after(rate, B, epochs=PASSES):
        weights = lesson13.train_by_hand(options.seed, runs, X, y, rate, epochs, B)
        return lesson13.cost(*test, weights)

    smallest, *_, largest = BATCHES
    costs = {"η the same": [], "η ∝ √B": [], "η ∝ B": []}
    for B in BATCHES:
        for name, power in zip(costs, (0, 0.5, 1)):
            rate = RATE_PER_ROW * smallest * (B / smallest) ** power
            costs[name].append(costs_after(rate, B))
    means = {name: np.mean(row, axis=1) for name, row in costs.items()}
    same, scaled = means["η the same"], means["η ∝ B"]
    ten = BATCHES.index(100)
    left = (scaled[ten] - scaled[0]) / (same[ten] - same[0])
    rates = RATE_PER_ROW * largest * np.array([0.5, 1, 2])
    few, many = (
        np.array([costs_after(rate, largest, PASSES * k).mean() for rate in rates]) for k in (1, 5)
    )
    return Report(
        results={
            "test cost at B = 10, 100, 500, η the same": same[[0, ten, -1]],
            "test cost at B = 10, 100, 500, η ∝ B": scaled[[0, ten, -1]],
            "test cost at B = 500, η ∝ B times 0.5, 1, 2": few,
            "the same after 5 times as many steps": many,
        },
        checks=[
            Check("at 10 B: of the cost lost with η the same, η ∝ B loses", left, 0, 0.1),
            Check("at 50 B: too few steps, the best of 3 rates loses? yes",
                  few.min() - scaled[0] > 0.1, 1, 0),
            Check("at 50 B, 5 times as many steps: the best of 3 rates loses",
                  max(0, many.min() - scaled[0]), 0, 0.1),
        ],
        figures={"batches": lambda: drawings.batches(BATCHES, costs)},
    )  # fmt: skip


def gradients_in_half_the_bits(parts, options):
    """What float16 does to the gradients of a trained network, and how a factor saves them."""
    X, y = parts[0]
    Y = np.eye(10)[y]
    run = np.array([[1, 1, 1]])
    weights = [w[0] for w in lesson13.train_by_hand(options.seed, run, X, y, epochs=10)]
    # One image's gradient: a mean over many hides what is small in each.
    g = np.concatenate([flat(lesson13.backward(X[i : i + 1], Y[i : i + 1], weights))
                        for i in range(BATCH_SIZE)])  # fmt: skip
    g = g[g != 0]
    lost, lost_scaled = (np.mean((s * g).astype("float16") == 0) for s in (1, LOSS_SCALE))
    foretold = [np.mean(np.abs(s * g) <= FLOAT16_NOTHING) for s in (1, LOSS_SCALE)]
    kept = (LOSS_SCALE * g).astype("float16").astype("float64") / LOSS_SCALE
    large = np.abs(LOSS_SCALE * g) > FLOAT16_NORMAL
    return Report(
        results={"gradients that are 0 in float16, and times 2^15": (lost, lost_scaled)},
        checks=[
            Check("share that is 0 in float16, plain and scaled = below 2^-25",
                  [lost, lost_scaled], foretold, 0),
            Check("scaled gradients in float16, each off by less than 2^-11 of itself",
                  kept[large] / g[large], np.ones(large.sum()), FLOAT16_ROUNDING),
        ],
        figures={"gradients": lambda: drawings.gradients(g, LOSS_SCALE)},
    )  # fmt: skip


def forward_in(dtype, X, weights):
    """Lesson 11's network by hand, every array rounded to `dtype` as the next layer gets it."""

    def rounded(a):
        return np.asarray(a).astype(dtype).astype("float64")

    K1, b1, K2, b2, K3, b3, W4, b4, W5, b5 = map(rounded, weights)
    a = rounded(np.tanh(rounded(lesson11.convolve(rounded(X), K1, b1))))
    a = rounded(np.tanh(rounded(lesson11.convolve(a, K2, b2))))
    a = rounded(np.maximum(lesson11.convolve(lesson11.max_pool(a), K3, b3), 0))
    a = lesson11.max_pool(a).reshape(len(X), -1)
    a = rounded(np.tanh(rounded(a @ W4 + b4)))
    return rounded(lesson11.softmax(rounded(a @ W5 + b5)))


def half_the_bits(digits, options):
    """Lesson 11's network in float32 and in mixed precision: what it costs in accuracy."""
    X, y = digits.X_test[:1000], digits.y_test[:1000]
    right, results, errors = {}, {}, []
    policies = {"float32": "float32", **LOW_PRECISION}
    if options.quick:
        policies.pop("float16", None)
    for name, policy in policies.items():
        with precision(policy):
            model = lesson11.build_model(n_classes=digits.n_classes, seed=options.seed)
            history = lesson11.train(model, digits, budget(options), options.seed, verbose=0)
            p = np.asarray(lesson11.predict(model, X), "float64")
        right[name] = p.argmax(axis=1) == y
        results[f"{name}: accuracy, seconds"] = (
            np.mean(right[name]), float(f"{history.seconds:.2g}")
        )  # fmt: skip
        if name == "bfloat16":
            exact = lesson11.forward(X, model.get_weights())[-1]
            rough = forward_in(ml_dtypes.bfloat16, X, model.get_weights())
            errors = [np.sqrt(np.mean((p - exact) ** 2)), np.sqrt(np.mean((rough - exact) ** 2))]
            sums = np.abs(p.sum(axis=1) - 1).max()
            kept = [w.dtype == "float32" for w in model.weights]
    changed = right["bfloat16"] != right["float32"]
    lost = np.mean(right["float32"]) - np.mean(right["bfloat16"])
    return Report(
        results={
            **results,
            "bfloat16: error of p, root mean square, Keras and by hand": errors,
            "bfloat16: p of a digit add up to 1, but for": sums,
        },
        checks=[
            Check("bfloat16: weights kept in float32? all", kept, np.ones(len(kept)), 0),
            # Where it rounds on the way is the backend's choice; float16, of 3 bits more: -3.
            Check("bfloat16: error of p, log2 of Keras's ÷ by hand", np.log2(errors[0] / errors[1]),
                  0, 2, agreement=None),
            # Digits read rightly by one alone are as often the one's as the other's.
            Check("bfloat16: accuracy lost, 5 sigma", max(0, lost), 0,
                  5 * np.sqrt(max(1, changed.sum())) / len(y), agreement=None),
        ],
    )  # fmt: skip


def work(options, share, tell):
    """What each machine does: train lesson 11's network on its share of every batch.

    Args:
        options: data, seed, dtype, epochs, resume; weights, a file for what it finds.
        share: this machine's number, and how many there are.
        tell: takes a line about every epoch.

    Returns:
        The costs of all epochs, and how many of them were in the checkpoint.
    """
    digits, epochs, seed = (
        even(data.load_images(options["data"])),
        options["epochs"],
        options["seed"],
    )
    together = devices.everywhere()
    count = together.device_mesh.devices.size
    if BATCH_SIZE % count:
        raise InputError(f"{count} devices cannot share {BATCH_SIZE} rows evenly; use fewer GPUs")
    steps, _ = first_steps(together, digits, seed, share=share)
    line = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: tell(
        f"epoch {epoch + 1} of {epochs}: cost {logs['loss']:.4f}, validation {logs['val_loss']:.4f}"
    ))  # fmt: skip
    with precision(options["dtype"]), together.scope():
        model = lesson11.build_model(n_classes=digits.n_classes, seed=seed)
        history = lesson11.train(
            model, digits, epochs, seed, verbose=0, callbacks=[line], share=share,
            resume=options["resume"],
        )  # fmt: skip
        np.savez(options["weights"].format(share[0]), steps=steps, end=flat(model.get_weights()))
    return {"costs": history.logs["loss"], "resumed": history.resumed}


def on_machines(options):
    """Several machines train together; their first twelve steps are one machine's."""
    N, k = options.machines, options.machine
    if keras.backend.backend() != "jax":
        raise InputError(cluster.ONLY_JAX)
    if (k is None) != (options.address is None):
        raise InputError("--machine K and --address HOST:PORT belong together; or leave out both")
    if k is not None and k >= N:
        raise InputError(f"--machine {k}: of {N} machines the last is {N - 1}")
    if BATCH_SIZE % N:
        raise InputError(f"--machines {N}: they cannot share {BATCH_SIZE} rows evenly")
    if k is None and (devices.chosen or "").startswith("gpu"):
        raise InputError("--device gpu needs --machine K: those played here are on the processor")
    if options.resume and not k:
        training.checkpoint_path(options.resume)
    digits = even(data.load_images(options.data))
    with tempfile.TemporaryDirectory() as folder:
        job = {
            "data": options.data, "seed": options.seed, "dtype": options.dtype,
            "epochs": budget(options), "resume": options.resume,
            "weights": str(Path(folder) / "{}.npz"), "version of the course": course.__version__,
            "images": lesson13.fingerprint(digits[:6])[:16], "devices": devices.of_machine(),
        }  # fmt: skip
        start = time.perf_counter()
        ends = cluster.run("lesson14", job, N, k, options.address, options.wait, devices.chosen,
                           say=lambda line: print(line, file=sys.stderr, flush=True))  # fmt: skip
        seconds = time.perf_counter() - start
        found = [np.load(file) for file in sorted(Path(folder).glob("*.npz"))]
        steps, weights = [np.array([one[name] for one in found]) for name in ("steps", "end")]
    alone, _ = first_steps(devices.several(1), digits, options.seed)
    checks = [
        Check(f"weights at each of 12 steps, {N} machines = 1, furthest",
              np.abs(steps - alone).max(axis=(0, 2)), np.zeros(len(alone)), SHARED),
    ]  # fmt: skip
    if k is None:
        checks.append(
            Check("weights at the end, all machines = the first, furthest",
                  np.abs(weights - weights[0]).max(axis=1), np.zeros(N), 0)
        )  # fmt: skip
    return Report(
        results={
            "machines, and how many of them are processes here": (N, len(ends)),
            "epochs, and how many of them were in the checkpoint":
                (budget(options), ends[0]["resumed"]),
            "cost in the first epoch and the last": (ends[0]["costs"][0], ends[0]["costs"][-1]),
            "seconds, start of the processes included": float(f"{seconds:.3g}"),
        },
        checks=checks,
    )  # fmt: skip


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="epochs", images=True, options=Options)


if __name__ == "__main__":
    raise SystemExit(main())
