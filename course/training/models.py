"""Models on disk."""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np

import course
from course.errors import InputError, reason_of
from course.files import atomic_write, named, writable_file

# What Keras writes for a model that keeps no files of its own, such as a list of words.
MEMBERS = "metadata.json", "config.json", "model.weights.h5"
SIZES = "units", "filters", "input_dim", "output_dim"  # of a layer: each has a weight for each


def save_model(model: keras.Model, path: str | os.PathLike) -> Path:
    """Write a `.keras` file under a temporary name, then rename: never half a file.

    Args:
        model: any `keras.Model`.
        path: a name ending in .keras, in a folder that exists.

    Returns:
        The path.

    Raises:
        InputError: the name does not end in .keras, or it cannot be written.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = save_model(model, f"{folder}/three.keras")
        ...     loaded = load_model(path, input_shape=(2,))
        >>> bool((loaded.get_weights()[0] == model.get_weights()[0]).all())
        True
    """
    path = require_model_name(path)
    with atomic_write(path) as part:
        model.save(part)
    return path


def require_model_name(path: str | os.PathLike) -> Path:
    """`path`, if a model can be saved under it; asked before an hour of training is spent.

    Raises:
        InputError: the name does not end in .keras, or it cannot be written.

    Example:
        >>> require_model_name("model.h5")
        Traceback (most recent call last):
        course.errors.InputError: --save model.h5: the name of a model ends in .keras
    """
    path = named(path, "--save")
    if path.suffix != ".keras":
        raise InputError(f"--save {path}: the name of a model ends in .keras")
    writable_file(path, "--save")
    _import_quietly()
    return path


def _import_quietly():
    """Keras imports TensorFlow, where it is installed, to save or load a model anywhere."""
    if course.is_installed("tensorflow"):
        course.import_quietly("tensorflow")


def load_model(path: str | os.PathLike, input_shape: tuple[int, ...]) -> keras.Model:
    """A `.keras` model that takes pictures of `input_shape` and gives class probabilities.

    Args:
        path: of a file that `save_model` or Keras wrote.
        input_shape: of one picture.

    Returns:
        The model, not compiled.

    Raises:
        InputError: there is none, it is damaged, or it is a model of something else.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = save_model(model, f"{folder}/three.keras")
        ...     load_model(path, input_shape=(2,)).output_shape
        (None, 3)
    """
    path = named(path, "--model")
    if not os.path.isfile(path):
        raise InputError(f"--model {path}: no such file; make one with --save {path}")
    if path.suffix != ".keras" or not _is_archive_of_a_model(path):
        raise InputError(f"--model {path} is not a .keras file; make one with --save")
    _import_quietly()
    try:
        _require_no_more_than(path.stat().st_size, path)
        with warnings.catch_warnings(action="ignore"):
            warnings.simplefilter("error", np.exceptions.ComplexWarning)  # half of a weight is lost
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of any kind, from zip, JSON, HDF5 and Keras
        raise InputError(f"--model {path} cannot be loaded ({reason_of(error)})") from None
    ins, outs = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if ins != (None, *input_shape) or not isinstance(outs, tuple) or len(outs) != 2:
        raise InputError(
            f"--model {path} turns {ins} into {outs}; expected is a model from"
            f" {(None, *input_shape)} to (None, classes)"
        )
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise InputError(f"--model {path} has weights that are not finite; train it again")
    return model


def _is_archive_of_a_model(path):
    """Whether a file is a zip of MEMBERS: what else is in one, Keras would unpack."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False
    return set(names) <= set(MEMBERS) and len(names) <= len(MEMBERS)


def _require_no_more_than(n_bytes, path):
    """Raise ValueError where a layer has more units than weights can be in the file.

    Of too many weights Keras would end the process, before it looks for them in the file.
    """

    def look(part):
        sizes = [part[name] for name in SIZES if isinstance(part.get(name), int)]
        if max(sizes, default=0) > n_bytes:
            raise ValueError(f"a layer of {max(sizes):.0e} units, in a file of {n_bytes} bytes")
        return part

    with zipfile.ZipFile(path) as archive:
        json.loads(archive.read("config.json"), object_hook=look)


def rate_at(optimizer, step):
    """The learning rate at a step, by a schedule or the same at all; the optimizer is then there.

    Args:
        optimizer: of a compiled model.
    """
    optimizer.iterations.assign(step)
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def layer_outputs(model, X):
    """What each layer makes of the inputs: a list of NumPy arrays."""
    outputs = keras.Model(model.inputs[0], [layer.output for layer in model.layers])(X)
    return [keras.ops.convert_to_numpy(output) for output in outputs]
