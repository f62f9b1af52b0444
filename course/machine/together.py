"""Several processes, on one machine or on many, that train lesson 14's network together.

`python -m course.lesson14 --num-processes 2` runs both here; with --process-id and --address each
of them is started by hand on its own machine. `cluster` starts, connects and watches them; what
each of them does is `work`. Their first steps are then compared with those of one process alone.
"""

import hashlib
import importlib
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

import course
from course import data, training
from course.errors import InputError
from course.machine import cluster, devices
from course.machine.precision import precision

LESSON = "course.lesson14"


def asked(options):
    """Whether several processes are to train: --num-processes.

    Raises:
        InputError: one of the other flags is there without it, or they do not fit together.
    """
    count, number = options.processes, options.process
    if not count:
        for flag, value in (("process-id", number), ("address", options.address),
                            ("resume", options.resume)):  # fmt: skip
            if value is not None:
                raise InputError(
                    f"--{flag} is for several processes: say how many with --num-processes N"
                )
        return False
    if keras.backend.backend() != "jax":
        raise InputError(cluster.ONLY_JAX)
    if (number is None) != (options.address is None):
        raise InputError(
            "--process-id K and --address HOST:PORT belong together; or leave out both"
        )
    if number is not None and number >= count:
        raise InputError(f"--process-id {number}: of {count} processes the last is {count - 1}")
    if number is None and (devices.chosen or "").startswith("gpu"):
        raise InputError("--device gpu needs --process-id K: without it all run on the CPU")
    return True


def measure(lesson, options):
    """What `work` measures in all processes that run here, and the same steps in this one alone.

    Args:
        lesson: lesson 14's module.
        options: a `course.cli.options.Options` for which `asked` is true.

    Returns:
        {"machines": {name: array}}.
    """
    if lesson.BATCH_SIZE % options.processes:
        raise InputError(
            f"--num-processes {options.processes}: {lesson.BATCH_SIZE} rows of a batch cannot be"
            " split evenly among them"
        )
    if options.resume and not options.process:
        training.checkpoint_path(options.resume)
    digits = whole_batches(lesson, options.data)
    epochs = options.epochs or (lesson.QUICK_EPOCHS if options.quick else lesson.EPOCHS)
    with tempfile.TemporaryDirectory() as folder:
        job = {
            "data": options.data, "seed": options.seed, "dtype": options.dtype, "epochs": epochs,
            "resume": options.resume, "weights": str(Path(folder) / "{}.npz"),
            "version of the course": course.__version__, "images": fingerprint(digits),
            "devices": devices.of_process(),
        }  # fmt: skip
        start = time.perf_counter()
        ends = cluster.run(
            __name__, job, options.processes, options.process, options.address, options.wait,
            devices.chosen, say=lambda line: print(line, file=sys.stderr, flush=True),
        )  # fmt: skip
        seconds = time.perf_counter() - start
        found = [np.load(file) for file in sorted(Path(folder).glob("*.npz"))]
        steps, weights = ([one[name] for one in found] for name in ("steps", "weights"))
    alone, _ = lesson.first_steps(devices.several(1), digits, options.seed)
    return {
        "machines": dict(
            processes=options.processes, alone=alone, steps=steps, weights=weights,
            costs=ends[0]["costs"], resumed=ends[0]["resumed"], seconds=seconds,
        )
    }  # fmt: skip


def work(options, share, tell):
    """What each process does: train lesson 11's network on its part of every batch.

    Args:
        options: data, seed, dtype, epochs, resume; weights, a file for what it finds.
        share: this process's number, and how many there are.
        tell: takes a line about every epoch.

    Returns:
        The costs of all epochs, and how many of them were in the checkpoint.
    """
    lesson = importlib.import_module(LESSON)
    digits = whole_batches(lesson, options["data"])
    epochs, seed = options["epochs"], options["seed"]
    everywhere = devices.everywhere()
    count = everywhere.device_mesh.devices.size
    if lesson.BATCH_SIZE % count:
        raise InputError(
            f"{lesson.BATCH_SIZE} rows of a batch cannot be split evenly among {count} devices;"
            " use fewer GPUs"
        )
    steps, _ = lesson.first_steps(everywhere, digits, seed, share=share)

    def say(epoch, logs):
        costs = f"cost {logs['loss']:.4f}, validation {logs['val_loss']:.4f}"
        tell(f"epoch {epoch + 1} of {epochs}: {costs}")

    with precision(options["dtype"]), everywhere.scope():
        model = lesson.build_model(n_classes=digits.n_classes, seed=seed)
        history = lesson.train(
            model, digits, epochs, seed, verbose=0, share=share, resume=options["resume"],
            from_first=cluster.from_first,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=say)],
        )  # fmt: skip
        weights = np.concatenate([w.ravel() for w in model.get_weights()])
    np.savez(options["weights"].format(share[0]), steps=steps, weights=weights)
    return {"costs": history.logs["loss"], "resumed": history.resumed}


def whole_batches(lesson, source):
    """Lesson 14's data.

    Raises:
        InputError: there is not one whole batch to train, and one to validate.
    """
    digits = lesson.load_data(source)
    if min(len(digits.X_train), len(digits.X_val)) == 0:
        every = data.load_images(source)
        raise InputError(
            f"{lesson.BATCH_SIZE} images to train and {lesson.BATCH_SIZE} to validate are needed,"
            f" and there are {len(every.X_train)} and {len(every.X_val)}"
        )
    return digits


def fingerprint(digits):
    """SHA-256 of all images and labels, so that all processes are known to have the same."""
    digest = hashlib.sha256()
    for array in digits[:6]:
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def results(measured):
    """The numbers of what `measure` returned: {what: number}."""
    found = measured["machines"]
    costs = found["costs"]
    return {
        "processes, and how many of them run here": (found["processes"], len(found["steps"])),
        "epochs, and how many of them were in the checkpoint": (len(costs), found["resumed"]),
        "cost in the first epoch and the last": (costs[0], costs[-1]),
        "seconds, start of the processes included": float(f"{found['seconds']:.3g}"),
    }
