"""Start-up: a lesson against a bare `import keras`, and a builder's first fit against stock Keras.

    KERAS_BACKEND=jax python tests/bench/bench_startup.py [--rounds 5] [--lessons 1 2 3]

Each figure is of a whole process; the processes of a pair run in turn (A B A B …), so
that a slow minute of the machine hits both, and what is printed are medians of ratios.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

IMPORT = "import keras"
LESSON = "import sys; from course import lesson{0:02} as lesson; sys.exit(lesson.main([]))"

# Both time themselves, from after the import of Keras to the end of the first one-step fit.
FIT = """
import sys, time
import numpy as np, keras
{imports}
X = np.random.default_rng(0).normal(size=(10, 2)).astype("float32")
y = X[:, :1] - X[:, 1:]
start = time.perf_counter()
model = {model}
model.fit(X, y, batch_size=10, epochs=1, verbose=0)
print(time.perf_counter() - start)
"""
STOCK_ONE = """keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")"""
STOCK_TWO = """keras.Sequential([
    keras.Input((2,)),
    keras.layers.Dense(4, "sigmoid", use_bias=False),
    keras.layers.Dense(1, "sigmoid", use_bias=False),
])
model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")"""
BUILDERS = {
    "one layer": ("lesson03.build_model(n_features=2, learning_rate=0.1)", STOCK_ONE),
    "two layers": ("lesson07.build_model(n_inputs=2, learning_rate=0.1)", STOCK_TWO),
}


def seconds(code, backend):
    """Run code in a fresh process: (wall seconds of the process, the number it printed)."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3",
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "JAX_ENABLE_X64": "1",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=folder, text=True,
            capture_output=True, check=True,
        )  # fmt: skip
        wall = time.perf_counter() - start
    last = done.stdout.split()[-1:] or ["nan"]
    return wall, float(last[0]) if last[0].replace(".", "").isdigit() else float("nan")


def main():
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--lessons", type=int, nargs="*", default=[1, 2, 3])
    chosen = flags.parse_args()
    backend = os.environ.get("KERAS_BACKEND", "jax")
    seconds(IMPORT, backend)  # fills the disk cache

    print(f"{backend}, median of {chosen.rounds} rounds")
    for lesson in chosen.lessons:
        pairs = [
            (seconds(LESSON.format(lesson), backend)[0], seconds(IMPORT, backend)[0])
            for _ in range(chosen.rounds)
        ]
        ratio = statistics.median(a / b for a, b in pairs)
        extra = statistics.median(a - b for a, b in pairs)
        bare = statistics.median(b for _, b in pairs)
        print(
            f"lesson {lesson} / import keras: {ratio:.2f}  (+{extra:.1f} s on {bare:.1f} s)",
            flush=True,
        )

    for name, (ours, stock) in BUILDERS.items():
        ours = FIT.format(imports="from course import lesson03, lesson07", model=ours)
        stock = FIT.format(imports="", model=stock)
        pairs = [
            (seconds(ours, backend)[1], seconds(stock, backend)[1]) for _ in range(chosen.rounds)
        ]
        ratio = statistics.median(a / b for a, b in pairs)
        a, b = (statistics.median(side) for side in zip(*pairs))
        print(f"first fit, {name}, builder / stock: {ratio:.2f}  ({a:.2f} s, {b:.2f} s)")


if __name__ == "__main__":
    main()
