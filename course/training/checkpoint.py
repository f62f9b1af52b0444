"""A training's state at the end of an epoch, in memory and in a file."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from course.data import DAMAGE
from course.errors import InputError
from course.files import atomic_write, named, opened, writable_file, writable_folder

FORMAT = 3  # of the checkpoint; another one is refused


@dataclass(frozen=True)
class State:
    """Everything a training is at the end of an epoch: what a checkpoint holds."""

    weights: list
    optimizer: list  # its variables: the count of steps, the momentum
    best: list  # the weights of the epoch with the smallest val_loss
    history: dict
    identity: dict

    @property
    def epochs(self):
        return len(self.history.get("loss", []))


def checkpoint_path(path: str | os.PathLike) -> Path:
    """The checkpoint's file: `path` itself, or checkpoint.npz in the folder `path`.

    Args:
        path: a name ending in .npz, or a folder, which is made where there is none.

    Raises:
        InputError: nothing can be written there.

    Example:
        >>> checkpoint_path("run.npz").name, checkpoint_path(".").name
        ('run.npz', 'checkpoint.npz')
    """
    path = named(path, "--resume")
    if path.suffix != ".npz":
        path = writable_folder(path, "--resume") / "checkpoint.npz"
    return writable_file(path, "--resume")


def smallest(losses):
    """The smallest number among them; infinity where there is none."""
    return min((loss for loss in losses if loss == loss), default=np.inf)


def best_epoch(losses):
    """The first epoch, from 1, with the smallest loss; the first where none is a number."""
    least = smallest(losses)
    return losses.index(least) + 1 if least in losses else 1


def arrays(variables):
    """Copies of variables, as NumPy arrays."""
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def assign(model, weights, optimizer):
    """Give a model these weights, and its optimizer these variables."""
    for variables, values in ((model.weights, weights), (model.optimizer.variables, optimizer)):
        for variable, value in zip(variables, values):
            variable.assign(value)


def settings_of(model, arrays, batch_size, seed, augment):
    """What must be the same where a training goes on; each in a word or a digest."""
    return {
        "model": _digest(repr(_plan(model)))[:16],
        "data": _digest("", arrays)[:16],
        "backend": keras.backend.backend(),
        "seed": int(seed),
        "batch size": int(batch_size),
        "augmentation": getattr(augment, "__name__", repr(augment)),
    }


def _digest(text, arrays=()):
    """SHA-256 of a text and of arrays, as hexadecimal digits."""
    digest = hashlib.sha256(text.encode())
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view("uint8").data)
    return digest.hexdigest()


def _plan(model):
    """A model's layers, optimizer and loss, in words that no run changes.

    Not `model.to_json()`: that imports TensorFlow, on any backend, for some seconds.
    """
    layers = [
        (type(layer).__name__, getattr(getattr(layer, "activation", None), "__name__", None),
         [(tuple(w.shape), w.dtype) for w in layer.weights], _settings(layer))
        for layer in model.layers
    ]  # fmt: skip
    rate = getattr(model.optimizer, "_learning_rate", None)
    loss = model.loss if isinstance(model.loss, str) else _settings(model.loss)
    return layers, _settings(model.optimizer), _settings(rate), loss


def _settings(thing):
    """Its own words and numbers, by name, but for those that Keras or a training counts."""
    plain = (bool, int, float, str, tuple)
    own = {k: v for k, v in getattr(thing, "__dict__", {}).items() if isinstance(v, plain)}
    left_out = ("name", "built", "trained")
    return type(thing).__name__, sorted(
        (k, str(v)) for k, v in own.items() if not k.startswith("_") and k not in left_out
    )


def write(path, state):
    """Write the checkpoint under a temporary name, then rename: never half a file."""
    groups = {"weights": state.weights, "optimizer": state.optimizer, "best": state.best}
    arrays = {f"{name}{i}": a for name, group in groups.items() for i, a in enumerate(group)}
    about = json.dumps({"format": FORMAT, "identity": state.identity, "history": state.history})
    digest = _digest(about, arrays.values())
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez(file, about=about, digest=digest, **arrays)
        file.flush()
        os.fsync(file.fileno())


def read_bytes(path):
    """What the checkpoint's file holds; None where there is none."""
    if path is None or not os.path.exists(path):
        return None
    with opened(path, "--resume") as file:
        return file.read()


def read(content, path, model, identity):
    damaged = f"--resume {path} is no checkpoint of the course, or is damaged or edited; delete it"
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            if about["format"] != FORMAT:
                raise InputError(f"--resume {path} is of another version of the course; delete it")
            for what, wanted in identity.items():
                if about["identity"].get(what) != wanted:
                    raise InputError(
                        f"--resume {path} is of another {what}"
                        f" ({about['identity'].get(what)}, not {wanted});"
                        " name another place, or run what it was written by"
                    )
            counts = {"weights": model.weights, "optimizer": model.optimizer.variables,
                      "best": model.weights}  # fmt: skip
            groups = {
                name: [archive[f"{name}{i}"] for i in range(len(variables))]
                for name, variables in counts.items()
            }
            everything = [array for group in groups.values() for array in group]
            if _digest(str(archive["about"]), everything) != str(archive["digest"]):
                raise InputError(damaged)
    except InputError:
        raise
    except (*DAMAGE, OSError, KeyError, AttributeError):
        raise InputError(damaged) from None
    for name, variables in counts.items():
        if any(a.shape != tuple(v.shape) for a, v in zip(groups[name], variables)):
            raise InputError(damaged)
    return State(**groups, history=about["history"], identity=identity)
