"""Training by mini-batches that can be watched, interrupted, and resumed.

The rows of epoch e come in the order `default_rng([seed, 1, e]).permutation(n)`: drawn with
NumPy, so the same on every backend, and known for every epoch without those before it,
so that a training taken up again goes on as if it had never stopped. After each epoch
the weights and the optimizer's memory are kept, in memory and, where asked, in a file:

    train 2 epochs, be killed, resume for 2 more   =   train 4 epochs, bit for bit on a CPU
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import keras
import numpy as np
from numpy.typing import ArrayLike

from course.errors import InputError
from course.training import sharing
from course.training.augmentation import Augmentation
from course.training.batches import Batches
from course.training.checkpoint import (
    State,
    assign,
    best_epoch,
    checkpoint_path,
    read,
    read_bytes,
    settings_of,
)
from course.training.keeper import Keeper
from course.training.models import load_model, require_model_name, save_model
from course.training.weights import draw_weights

__all__ = [
    "Augmentation",
    "Batches",
    "History",
    "checkpoint_path",
    "draw_weights",
    "load_model",
    "require_model_name",
    "restart",
    "save_model",
    "train",
]


@dataclass
class History:
    """What a training went through.

    Attributes:
        logs: Keras's own, {name: one number per epoch}; "loss", "val_loss" and the metrics.
        best_epoch: the epoch, from 1, with the smallest val_loss.
        resumed: epochs taken from a checkpoint; 0 without one.
        interrupted: whether Ctrl-C ended it; the model then has its best epoch's weights.
        seconds: how long the epochs took that were not taken from a checkpoint.

    Example:
        >>> history = History({"loss": [4, 1, 0], "val_loss": [5, 2, 3]}, best_epoch=2)
        >>> history.epochs, history.logs["val_loss"][history.best_epoch - 1]
        (3, 2)
    """

    logs: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int = 0
    resumed: int = 0
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """How many there were, those of a checkpoint included."""
        return len(self.logs.get("loss", []))


@sharing.in_first
def train(
    model: keras.Model,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    validation_data: tuple[ArrayLike, ArrayLike],
    augment: Callable | None = None,
    patience: int | None = None,
    resume: str | os.PathLike | None = None,
    save: str | os.PathLike | None = None,
    verbose: int | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    share: tuple[int, int] = (0, 1),
    from_first: Callable | None = None,
) -> History:
    """Train a compiled model by mini-batches; it ends with the last epoch's weights.

    With `patience`, or after Ctrl-C, it ends with the weights of the epoch that had the
    smallest cost on the validation data.

    Args:
        model: a compiled `keras.Model`.
        X, Y: arrays, or lists, with one row per sample.
        epochs: how many in all, those of a checkpoint included.
        batch_size: rows per step.
        seed: of the order of the rows.
        validation_data: `(X_val, Y_val)`.
        augment: see `Batches`.
        patience: stop after so many epochs without a smaller val_loss; None: never.
        resume: a file or a folder for the checkpoint, written after each epoch; where
            there is one, training goes on from it.
        save: a file name ending in .keras, for the model as it is when the training ends or
            Ctrl-C ends it.
        verbose: Keras's; None: its progress bar on stderr where that is a terminal.
        callbacks: further Keras callbacks.
        share: `(k, n)`: this is process k of n that train together, each on its part of every
            batch. Process 0 reads and writes the checkpoint.
        from_first: with several processes, `from_first(content)` gives every one of them what
            process 0 has: the bytes of the checkpoint, or None.

    Returns:
        `History`.

    Raises:
        InputError: the checkpoint cannot be used or written, or the model cannot be saved.
        KeyboardInterrupt: Ctrl-C before the first epoch ended.

    Example:
        >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
        >>> dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = keras.Sequential([keras.Input((1,)), dense])
        >>> model.compile(keras.optimizers.SGD(0.1), loss="mse")
        >>> history = train(
        ...     model, X, 2 * X, epochs=10, batch_size=2, seed=0, validation_data=(X, 2 * X)
        ... )
        >>> history.epochs, dense.get_weights()[0].round(3).tolist()
        (10, [[2.0]])
    """
    if save is not None:
        require_model_name(save)
    X, Y, *held_out = (np.asarray(a) for a in (X, Y, *validation_data))
    faster = _faster_step(model)
    batches = Batches(X, Y, batch_size, seed, augment, share)
    state, path = State([], [], [], {}, {}), None
    if resume is not None or from_first is not None:
        path = checkpoint_path(resume) if resume is not None and share[0] == 0 else None
        settings = settings_of(model, (X, Y, *held_out), batch_size, seed, augment)
        state = replace(state, identity=settings)
        found = read_bytes(path)
        if from_first is not None:  # process 0 alone knows whether there is a checkpoint
            found = from_first(found)
        if found is not None:
            state = read(found, path or "of process 0", model, state.identity)
            assign(model, state.weights, state.optimizer)
    resumed = state.epochs
    keeper = Keeper(state, batches, path, patience)
    interrupted = False
    if resumed > epochs:
        raise InputError(
            f"--resume {path or 'of process 0'} has {resumed} epochs behind it;"
            f" ask for --epochs {resumed} or more"
        )
    waited = resumed - best_epoch(state.history["val_loss"]) if resumed else 0
    start = time.perf_counter()
    if resumed < epochs and not (patience is not None and resumed and waited >= patience):
        if verbose is None:
            verbose = 1 if sys.stderr.isatty() else 0
        try:
            with contextlib.redirect_stdout(sys.stderr), keeper.listening(), faster:
                model.fit(
                    batches, epochs=epochs, initial_epoch=resumed, shuffle=False,
                    validation_data=tuple(held_out), validation_batch_size=1000,
                    callbacks=[keeper, *callbacks], verbose=verbose,
                )  # fmt: skip
        except KeyboardInterrupt:
            if not keeper.state.epochs:
                raise
            interrupted = True
    state = keeper.state
    if interrupted or patience is not None:
        assign(model, state.best, state.optimizer)
    if save is not None:
        save_model(model, save)
    best = best_epoch(state.history["val_loss"])
    return History(state.history, best, resumed, interrupted, time.perf_counter() - start)


def _faster_step(model):
    """A context within which `fit` takes Keras's step in less time, on JAX and PyTorch."""
    backend = keras.backend.backend()
    if backend == "jax":
        from course.training import jax_step

        jax_step.share(model)
        return jax_step.batch_last(model)
    if backend == "torch":
        from course.training import torch_step

        if not isinstance(model.train_function, torch_step.TrainFunction):
            model.train_function = torch_step.TrainFunction(model)
    return contextlib.nullcontext()


def restart(model: keras.Model, weights: Sequence[ArrayLike]) -> None:
    """Give a compiled model these weights, and its optimizer the state before any step.

    Args:
        model: a compiled `keras.Model`.
        weights: one array for each of `model.weights`.

    Example:
        >>> dense = keras.layers.Dense(1, use_bias=False)
        >>> model = keras.Sequential([keras.Input((2,)), dense])
        >>> model.compile(keras.optimizers.SGD(momentum=0.9), loss="mse")
        >>> restart(model, [np.array([[3.0], [4.0]])])
        >>> model.get_weights()[0].tolist(), int(model.optimizer.iterations)
        ([[3.0], [4.0]], 0)
    """
    rate = getattr(model.optimizer, "_learning_rate", None)  # one of its variables, but no state
    state = [
        rate.value if v is rate else np.zeros(v.shape, v.dtype) for v in model.optimizer.variables
    ]
    assign(model, weights, state)


__test__ = {"train": train}  # doctest does not look through a decorator
