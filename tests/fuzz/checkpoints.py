"""Checkpoints of a training, edited by hand or damaged."""

import copy
import functools
import io
import json
from pathlib import Path
from typing import NamedTuple

import keras
import law
import numpy as np
from hypothesis import strategies as st
from tables import DAMAGE, damaged

from course import training
from course.training import checkpoint

NAN = float("nan")
ODD = st.sampled_from([None, "", "x", [], {}, [[]], [None], ["1"], [NAN], [1.0], [1.0, 2.0], 3,
                       -1, NAN, [10**400], [True], {"loss": 1}]).map(copy.deepcopy)  # fmt: skip
ARRAYS = {
    "NaN": lambda a: np.full(a.shape, NAN),
    "infinite": lambda a: np.full(a.shape, np.inf),
    "words": lambda a: np.full(a.shape, "one"),
    "complex": lambda a: np.full(a.shape, 1j),
    "times": lambda a: np.full(a.shape, "2026-01-01", "M8[D]"),
    "objects": lambda a: np.full(a.shape, None),
    "half as many": lambda a: a[..., : a.shape[-1] // 2] if a.ndim else a,
    "one axis more": lambda a: a[None],
    "huge": lambda a: np.full(a.shape, 1e300),
    "bytes": lambda a: np.full(a.shape, b"1"),
}


NAMES = {
    "array": ("weights0", "weights1", "best0", "best1", "optimizer0", "optimizer2", "about"),
    "history": ("loss", "val_loss"),
    "about": ("format", "identity", "history"),
    "identity": ("model", "data", "seed", "batch size"),
}


class Edited(NamedTuple):
    """Edits of a checkpoint: (what, name, its new value), and changes of its bytes."""

    edits: list
    changes: list


@st.composite
def edits(draw):
    what = draw(st.sampled_from(["history", "history", "about", "identity", "array", "array"]))
    value = st.sampled_from(sorted(ARRAYS)) if what == "array" else ODD
    return what, draw(st.sampled_from(NAMES[what])), draw(value)


def checkpoints():
    return st.builds(Edited, st.lists(edits(), max_size=2), DAMAGE)


@functools.cache
def written():
    """A model, what its training is identified by, and its checkpoint after two epochs."""
    X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
    Y = np.eye(2, dtype="float32")[(X[:, 0] > 0).astype(int)]
    layers = [keras.Input((3,)), keras.layers.Dense(2, "softmax")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.1, 0.9), loss="categorical_crossentropy")
    with law.fresh_folder({}):
        training.train(model, X, Y, epochs=2, batch_size=6, seed=0, validation_data=(X, Y),
                       resume="run", verbose=0)  # fmt: skip
        content = Path("run", "checkpoint.npz").read_bytes()
    identity = checkpoint.settings_of(model, (X, Y, X, Y), 6, 0, None)
    with np.load(io.BytesIO(content)) as archive:
        return model, identity, dict(archive)


def edited(arrays, case):
    """The bytes of a checkpoint with these edits."""
    arrays, stream = dict(arrays), io.BytesIO()
    about = json.loads(str(arrays["about"]))
    for what, name, value in case.edits:
        if what == "array":
            arrays[name] = ARRAYS[value](arrays[name])
        else:
            part = about if what == "about" else about[what]
            if isinstance(part, dict):
                part[name] = value
    if not any(name == "about" for _, name, _ in case.edits):
        arrays["about"] = json.dumps(about)
    np.savez(stream, **arrays)
    return damaged(stream.getvalue(), case.changes)


def hold(case):
    """A state that is accepted can be gone on from: finite numbers, and a history of each epoch."""
    model, identity, arrays = written()
    state = law.read(checkpoint.read, edited(arrays, case), Path("c.npz"), model, identity)
    if state is None:
        return
    for array in (*state.weights, *state.optimizer, *state.best):
        law.promise(array.dtype.kind in "fiu", f"weights of type {array.dtype.kind}")
        law.promise(np.isfinite(array).all(), "weights that are not finite")
    lengths = {name: len(row) for name, row in state.history.items()}
    law.promise(set(lengths.values()) == {state.epochs}, "a history of other lengths", lengths)
    law.read(checkpoint.assign, model, state.weights, state.optimizer)
    law.read(checkpoint.best_epoch, state.history["val_loss"])
