"""Lesson 11's network: an epoch by the lesson, by a plain `fit`, and by a loop of one's own.

    KERAS_BACKEND=jax COURSE_MNIST=mnist.npz python tests/bench/bench_cnn.py [--epochs 3]

Every contestant lives in a process of its own; they train one epoch in turn (A B C A B C …), so
that a slow minute of the machine hits all. An epoch is training and validation. Printed are the
first epoch's seconds (compilation included), the median of the others, the median of their ratios
to the plain `fit` or to what is named below, and the peak memory of the process, also beyond that
of a bare `import keras`. All train on the GPU where the backend sees one; with
CUDA_VISIBLE_DEVICES= in front it sees none. There `fit` and `loop` may round to TF32; the lesson
does not.

    fit        the network as anyone writes it: Keras's initialisers, arrays, default settings
    lesson     course.lesson11
    augmented  course.lesson12, rotation and shifts, against `scaled`, the same without them
    layers     as `augmented`, by Keras's random layers on each batch (`--layers`: it is slow)
    loop       by hand in the backend: tf.function, torch in channels-last, a jitted JAX step
    scan       JAX only: the whole epoch as one lax.scan over data on the device (`--scan`)
    determinism  the lesson with the backend's switch for deterministic operations, against without
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BACKEND = os.environ.get("KERAS_BACKEND", "jax")
RATE, MOMENTUM, BATCH = 0.05, 0.9, 100
AGAINST = {"augmented": "scaled", "layers": "scaled", "determinism": "lesson"}  # others: the first


def arrays(path, rows):
    """MNIST without the course: float32 from 0 to 1, the last fifth to validate."""
    with np.load(path) as archive:
        X = archive["x_train"][: rows * 5 // 4, ..., None] / np.float32(255)
        y = archive["y_train"][: rows * 5 // 4].astype("int64")
    return X[:rows], y[:rows], X[rows:], y[rows:]


def fit(path, rows):
    import keras

    L = keras.layers
    model = keras.Sequential([
        keras.Input((28, 28, 1)), L.Conv2D(4, 5, activation="tanh"),
        L.Conv2D(8, 3, activation="tanh"), L.MaxPooling2D(), L.Conv2D(16, 3, activation="relu"),
        L.MaxPooling2D(), L.Flatten(), L.Dense(128, "tanh"), L.Dense(10, "softmax"),
    ])  # fmt: skip
    sgd = keras.optimizers.SGD(RATE, momentum=MOMENTUM, nesterov=True)
    model.compile(sgd, "categorical_crossentropy", metrics=["accuracy"])
    X, y, X_val, y_val = arrays(path, rows)
    y, y_val = keras.utils.to_categorical(y), keras.utils.to_categorical(y_val)
    while True:
        model.fit(X, y, batch_size=BATCH, validation_data=(X_val, y_val), verbose=0)
        yield


def digits(path, rows):
    from course import data

    whole = data.load_mnist(path)
    return whole._replace(
        X_train=whole.X_train[:rows], y_train=whole.y_train[:rows],
        X_val=whole.X_val[: rows // 4], y_val=whole.y_val[: rows // 4],
    )  # fmt: skip


def lesson(path, rows):
    from course import lesson11

    model, few = lesson11.build_model(), digits(path, rows)
    while True:
        lesson11.train(model, few, epochs=1, verbose=0)
        yield


def determinism(path, rows):
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        keras.utils.set_random_seed(0)
        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        torch.use_deterministic_algorithms(True)
    yield from lesson(path, rows)


def by_lesson12(path, rows, augment):
    from course import lesson12

    few = digits(path, rows)
    model = lesson12.build_model(few.X_train)
    while True:
        lesson12.train(model, few, 1, augment=augment, verbose=0)
        yield


def scaled(path, rows):
    yield from by_lesson12(path, rows, None)


def augmented(path, rows):
    from course import lesson12

    yield from by_lesson12(path, rows, lesson12.MOVES)


def layers(path, rows):
    import keras

    kind = {"fill_mode": "constant", "interpolation": "bilinear"}
    turn = keras.layers.RandomRotation(20 / 360, **kind)
    shift = keras.layers.RandomTranslation(0.2, 0.2, **kind)

    def move(X, rng):
        return keras.ops.convert_to_numpy(shift(turn(X, training=True), training=True))

    yield from by_lesson12(path, rows, move)


def loop_tensorflow(path, rows):
    import tensorflow as tf

    from course import lesson11

    X, y, X_val, y_val = (tf.constant(a) for a in arrays(path, rows))
    shapes = [w.shape for w in lesson11.build_model().weights]
    W = [tf.Variable(w, dtype="float32") for w in lesson11.draw_weights(shapes, 0)]
    V = [tf.Variable(tf.zeros_like(w)) for w in W]

    def logits(x):
        for k, (activate, pooled) in enumerate(
            ((tf.tanh, False), (tf.tanh, True), (tf.nn.relu, True))
        ):
            x = activate(tf.nn.bias_add(tf.nn.conv2d(x, W[2 * k], 1, "VALID"), W[2 * k + 1]))
            x = tf.nn.max_pool2d(x, 2, 2, "VALID") if pooled else x
        h = tf.tanh(tf.reshape(x, (-1, 256)) @ W[6] + W[7])
        return h @ W[8] + W[9]

    @tf.function
    def step(rows):
        with tf.GradientTape() as tape:
            J = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
                tf.gather(y, rows), logits(tf.gather(X, rows))))  # fmt: skip
        for w, v, g in zip(W, V, tape.gradient(J, W)):
            v.assign(MOMENTUM * v - RATE * g)
            w.assign_add(MOMENTUM * v - RATE * g)

    @tf.function
    def right(x, t):
        return tf.reduce_mean(tf.cast(tf.argmax(logits(x), 1) == t, "float32"))

    while True:
        order = tf.random.shuffle(tf.range(len(X)))
        for k in range(0, len(X), BATCH):
            step(order[k : k + BATCH])
        for k in range(0, len(X_val), 1000):
            right(X_val[k : k + 1000], y_val[k : k + 1000]).numpy()
        yield


def loop_torch(path, rows):
    import torch
    from torch import nn

    device = "cuda" if torch.cuda.is_available() else "cpu"
    X, y, X_val, y_val = (torch.from_numpy(a).to(device) for a in arrays(path, rows))
    last = torch.channels_last
    X, X_val = (a.permute(0, 3, 1, 2).contiguous(memory_format=last) for a in (X, X_val))
    net = nn.Sequential(
        nn.Conv2d(1, 4, 5), nn.Tanh(), nn.Conv2d(4, 8, 3), nn.Tanh(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 128),
        nn.Tanh(), nn.Linear(128, 10),
    ).to(device, memory_format=last)  # fmt: skip
    sgd = torch.optim.SGD(net.parameters(), RATE, MOMENTUM, nesterov=True)
    while True:
        order = torch.randperm(len(X), device=device)
        for k in range(0, len(X), BATCH):
            at = order[k : k + BATCH]
            sgd.zero_grad()
            nn.functional.cross_entropy(net(X[at]), y[at]).backward()
            sgd.step()
        with torch.no_grad():
            for k in range(0, len(X_val), 1000):
                (net(X_val[k : k + 1000]).argmax(1) == y_val[k : k + 1000]).sum().item()
        yield


def jax_parts(path, rows):
    import jax
    import jax.numpy as jnp

    from course import lesson11

    shapes = [w.shape for w in lesson11.build_model().weights]
    W = [jnp.asarray(w, "float32") for w in lesson11.draw_weights(shapes, 0)]
    X, y, X_val, y_val = (jnp.asarray(a) for a in arrays(path, rows))

    def logits(W, x):
        for k, (activate, pooled) in enumerate(
            ((jnp.tanh, False), (jnp.tanh, True), (jax.nn.relu, True))
        ):
            x = jax.lax.conv_general_dilated(
                x, W[2 * k], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = activate(x + W[2 * k + 1])
            if pooled:
                x = jax.lax.reduce_window(
                    x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")  # fmt: skip
        return jnp.tanh(x.reshape(len(x), 256) @ W[6] + W[7]) @ W[8] + W[9]

    def step(state, rows):
        W, V = state

        def J(W):
            p = jax.nn.log_softmax(logits(W, X[rows]))
            return -jnp.mean(p[jnp.arange(BATCH), y[rows]])

        G = jax.grad(J)(W)
        V = [MOMENTUM * v - RATE * g for v, g in zip(V, G)]
        return ([w + MOMENTUM * v - RATE * g for w, v, g in zip(W, V, G)], V), None

    right = jax.jit(lambda W, x, t: jnp.mean(logits(W, x).argmax(1) == t))

    def validate(W):
        for k in range(0, len(X_val), 1000):
            right(W, X_val[k : k + 1000], y_val[k : k + 1000]).block_until_ready()

    return (W, [jnp.zeros_like(w) for w in W]), step, validate, len(X)


def loop_jax(path, rows):
    import jax

    state, step, validate, n = jax_parts(path, rows)
    step, rng = jax.jit(step), np.random.default_rng(0)
    while True:
        for at in rng.permutation(n).reshape(-1, BATCH):
            state, _ = step(state, at)
        validate(state[0])
        yield


def scan(path, rows):
    import jax

    state, step, validate, n = jax_parts(path, rows)
    epoch, rng = jax.jit(lambda s, rows: jax.lax.scan(step, s, rows)[0]), np.random.default_rng(0)
    while True:
        state = epoch(state, rng.permutation(n).reshape(-1, BATCH))
        validate(state[0])
        yield


def peak():
    """MiB that the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def contest(name, path, rows):
    """A contestant's process: an epoch for every line on stdin; seconds and memory on stdout."""
    import keras

    bare = peak()
    function = globals().get(f"{name}_{keras.backend.backend()}") or globals()[name]
    epochs = function(path, rows)
    for _ in sys.stdin:
        start = time.perf_counter()
        next(epochs)
        print(time.perf_counter() - start, peak(), bare, flush=True)


def start(name, chosen, path):
    environment = {**os.environ, "KERAS_BACKEND": BACKEND, "PYTHONPATH": str(ROOT),
                   "TF_CPP_MIN_LOG_LEVEL": "3",
                   # several processes on one GPU: none takes its whole memory
                   "TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
                   "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}  # fmt: skip
    words = [sys.executable, __file__, "--contest", name, "--data", path, "--rows",
             str(chosen.rows)]  # fmt: skip
    if name in ("lesson", "scaled", "augmented", "layers", "determinism"):
        # As the lesson itself: course first, which chooses Keras's backend and its settings.
        words[1:2] = ["-c", "import course, runpy, sys; sys.argv[0] = sys.argv.pop(1);"
                      "runpy.run_path(sys.argv[0], run_name='__main__')", __file__]  # fmt: skip
    return subprocess.Popen(words, env=environment, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip


def main():
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--epochs", type=int, default=3, help="of each, the first one besides")
    flags.add_argument("--rows", type=int, default=48_000, help="to train; a quarter to validate")
    flags.add_argument("--data", default=os.environ.get("COURSE_MNIST"), help="mnist.npz")
    flags.add_argument("--only", nargs="+", help="these contestants, the first one the reference")
    flags.add_argument("--layers", action="store_true")
    flags.add_argument("--scan", action="store_true")
    flags.add_argument("--contest", help=argparse.SUPPRESS)
    chosen = flags.parse_args()
    if not chosen.data:
        flags.error("name MNIST's archive by --data or COURSE_MNIST")
    if chosen.contest:
        contest(chosen.contest, chosen.data, chosen.rows)
        return
    path = str(Path(chosen.data).resolve())
    names = chosen.only or ["fit", "lesson", "loop", "scaled", "augmented", "determinism"]
    names += ["layers"] * chosen.layers + ["scan"] * chosen.scan
    children = {name: start(name, chosen, path) for name in names}
    rounds = {name: [] for name in names}
    for _ in range(chosen.epochs + 1):
        for name, child in children.items():
            print("go", file=child.stdin, flush=True)
            line = child.stdout.readline()
            if not line:
                sys.exit(f"{name} stopped; run it alone: --contest {name}")
            rounds[name].append([float(word) for word in line.split()])
    for child in children.values():
        child.stdin.close()
        child.wait()

    print(f"{BACKEND}, {chosen.rows:,} rows, median of {chosen.epochs} epochs")
    print(f"{'':<12}{'first s':>9}{'s/epoch':>9}{'ratio':>7}{'peak MiB':>10}{'beyond import':>15}")
    for name, epochs in rounds.items():
        seconds = [row[0] for row in epochs[1:]]
        against = AGAINST.get(name, names[0])
        base = [row[0] for row in rounds[against if against in rounds else names[0]]]
        ratio = statistics.median(a / b for a, b in zip(seconds, base[1:]))
        most, bare = epochs[-1][1:]
        print(f"{name:<12}{epochs[0][0]:>9.2f}{statistics.median(seconds):>9.2f}{ratio:>7.2f}"
              f"{most:>10.0f}{most - bare:>15.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
