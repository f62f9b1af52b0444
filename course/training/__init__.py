"""Training by mini-batches that can be watched, interrupted, and resumed.

The rows of epoch e come in the order `default_rng([seed, 1, e]).permutation(n)`: drawn with
NumPy, so the same on every backend, and known for every epoch without those before it,
so that a training taken up again goes on as if it had never stopped. After each epoch
the weights and the optimizer's memory are kept, in memory and, where asked, in a file:

    train 2 epochs, be killed, resume for 2 more   =   train 4 epochs, bit for bit on a CPU
"""

import contextlib
import hashlib
import io
import json
import os
import signal
import sys
import time
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np

import course
from course.cli import command, report
from course.data import DAMAGE
from course.errors import InputError, atomic_write
from course.machine import cluster

FORMAT = 1  # of the checkpoint; another one is refused
RESUME = "keep a checkpoint there after each epoch, and go on from it where there is one"
ORDER, AUGMENTATION = 1, 2  # streams of random numbers apart from each other and the weights'


@dataclass(frozen=True)
class NetworkOptions(report.Options):
    """Of a lesson that trains networks on images: they compute in float32."""

    dtype: str = "float32"


@dataclass(frozen=True)
class Options(NetworkOptions):
    """Of a lesson that trains for minutes, and keeps what it has trained."""

    patience: int | None = None
    save: str | None = None
    resume: str | None = None
    predict: tuple = ()
    model: str | None = None

    @staticmethod
    def add_flags(add):
        epochs = command.whole_number(1, command.MOST_STEPS)
        add("--patience", type=epochs, metavar="EPOCHS", help="stop when validation has not"
            " improved for so long; keep the best weights")  # fmt: skip
        add("--save", metavar="MODEL.keras", help="keep the trained model, after Ctrl-C as well")
        add("--resume", metavar="FOLDER", help=RESUME)
        add("--predict", metavar="IMAGE", nargs="+", default=(), help="say what these images show")
        add("--model", metavar="MODEL.keras", help="for --predict: a model kept by --save")


@dataclass
class History:
    """What a training went through.

    Attributes:
        logs: Keras's own, {name: one number per epoch}; "loss", "val_loss" and the metrics.
        best_epoch: the epoch, from 1, with the smallest val_loss.
        resumed: epochs taken from a checkpoint; 0 without one.
        interrupted: whether Ctrl-C ended it; the model then has its best epoch's weights.
        seconds: how long the epochs took that were not taken from a checkpoint.
    """

    logs: dict = field(default_factory=dict)
    best_epoch: int = 0
    resumed: int = 0
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def epochs(self):
        return len(self.logs.get("loss", []))


class Batches(keras.utils.PyDataset):
    """Mini-batches (X, Y) of one epoch after another, in an order drawn with NumPy.

    Args:
        X, Y: arrays with one row per sample.
        batch_size: rows per batch; the last batch of an epoch may have fewer.
        seed: of the order.
        augment: `augment(X, rng) -> X` changes each batch, or None. Its rng depends on
            seed, epoch and batch alone.
        share: `(k, n)` leaves the k-th n-th of each batch's rows, for one of n machines.
    """

    def __init__(self, X, Y, batch_size, seed, augment=None, share=(0, 1)):
        super().__init__()
        self.X, self.Y, self.batch_size = X, Y, batch_size
        self.seed, self.augment, self.share = seed, augment, share
        self.begin(0)

    def begin(self, epoch):
        self.epoch = epoch
        self.order = np.random.default_rng([self.seed, ORDER, epoch]).permutation(len(self.X))

    def __len__(self):
        return -(-len(self.X) // self.batch_size)

    def __getitem__(self, batch):
        rows = self.order[batch * self.batch_size : (batch + 1) * self.batch_size]
        X = self.X[rows]
        if self.augment is not None:
            rng = np.random.default_rng([self.seed, AUGMENTATION, self.epoch, batch])
            X = self.augment(X, rng)
        k, n = self.share
        mine = slice(k * len(rows) // n, (k + 1) * len(rows) // n)
        return X[mine], self.Y[rows[mine]]


class _Keeper(keras.callbacks.Callback):
    """Keeps the last and the best epoch's state; writes the checkpoint; stops early."""

    def __init__(self, state, batches, path, patience):
        super().__init__()
        self.async_safe = True  # no logs are looked at after a batch
        self.state, self.batches, self.path, self.patience = state, batches, path, patience
        self.pressed = False

    @contextlib.contextmanager
    def listening(self):
        """Within the block Ctrl-C is not lost, though Keras swallows it where it reads logs."""

        def pressed(number, frame):
            self.pressed = True
            raise KeyboardInterrupt

        try:
            before = signal.signal(signal.SIGINT, pressed)
        except ValueError:  # not the main thread: nobody can press Ctrl-C here
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def on_train_batch_begin(self, batch, logs=None):
        if self.pressed:
            raise KeyboardInterrupt

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.begin(epoch)

    def on_epoch_end(self, epoch, logs=None):
        state = self.state
        history = {
            name: [*state.history.get(name, []), float(value)] for name, value in logs.items()
        }
        weights, memory = _arrays(self.model.weights), _arrays(self.model.optimizer.variables)
        losses = history["val_loss"]
        best = state.best
        if not best or losses[-1] < _smallest(losses[:-1]):
            best = weights
        # One assignment: Ctrl-C finds the old state or the new one.
        self.state = _State(weights, memory, best, history, state.identity)
        if self.path is not None:
            _write(self.path, self.state)
        if self.patience is not None and epoch + 1 - _best_epoch(losses) >= self.patience:
            self.model.stop_training = True


@dataclass(frozen=True)
class _State:
    """Everything a training is at the end of an epoch: what a checkpoint holds."""

    weights: list
    memory: list  # the optimizer's variables
    best: list  # the weights of the epoch with the smallest val_loss
    history: dict
    identity: dict

    @property
    def epochs(self):
        return len(self.history.get("loss", []))


def train(
    model, X, Y, *, epochs, batch_size, seed, validation_data,
    augment=None, patience=None, resume=None, save=None, verbose=None, callbacks=(), share=(0, 1),
):  # fmt: skip
    """Train a compiled model by mini-batches; it ends with the last epoch's weights.

    With `patience`, or after Ctrl-C, it ends with the weights of the epoch that had the
    smallest cost on the validation data.

    Args:
        model: a compiled `keras.Model`.
        X, Y: arrays with one row per sample.
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
        share: `(k, n)`: this is the k-th of n machines that train together, each on its share
            of every batch. Machine 0 reads and writes the checkpoint.

    Returns:
        `History`.

    Raises:
        InputError: the checkpoint cannot be used or written, or the model cannot be saved.
        KeyboardInterrupt: Ctrl-C before the first epoch ended.
    """
    if save is not None:
        require_model_name(save)
    if keras.backend.backend() == "torch":
        from course.training import torch_step

        if not isinstance(model.train_function, torch_step.TrainFunction):
            model.train_function = torch_step.TrainFunction(model)
    batches = Batches(X, Y, batch_size, seed, augment, share)
    state, path = _State([], [], [], {}, {}), None
    model.optimizer.build(model.trainable_variables)
    if resume is not None or share[1] > 1:
        path = checkpoint_path(resume) if resume is not None and share[0] == 0 else None
        identity = _identity(model, (X, Y, *validation_data), batch_size, seed, augment)
        state = replace(state, identity=identity)
        found = _bytes(path)
        if share[1] > 1:  # machine 0 alone knows whether there is one
            found = cluster.from_first(found)
        if found is not None:
            state = _read(found, path or "of machine 0", model, state.identity)
            _assign(model, state.weights, state.memory)
    resumed = state.epochs
    keeper = _Keeper(state, batches, path, patience)
    interrupted = False
    if resumed > epochs:
        raise InputError(
            f"--resume {path or 'of machine 0'} has {resumed} epochs behind it;"
            f" ask for --epochs {resumed} or more"
        )
    waited = resumed - _best_epoch(state.history["val_loss"]) if resumed else 0
    start = time.perf_counter()
    if resumed < epochs and not (patience is not None and resumed and waited >= patience):
        if verbose is None:
            verbose = 1 if sys.stderr.isatty() else 0
        try:
            with contextlib.redirect_stdout(sys.stderr), keeper.listening():
                model.fit(
                    batches, epochs=epochs, initial_epoch=resumed, shuffle=False,
                    validation_data=validation_data, validation_batch_size=1000,
                    callbacks=[keeper, *callbacks], verbose=verbose,
                )  # fmt: skip
        except KeyboardInterrupt:
            if not keeper.state.epochs:
                raise
            interrupted = True
    state = keeper.state
    if interrupted or patience is not None:
        _assign(model, state.best, state.memory)
    if save is not None:
        save_model(model, save)
    best = _best_epoch(state.history["val_loss"])
    return History(state.history, best, resumed, interrupted, time.perf_counter() - start)


def restart(model, weights):
    """Give a compiled model these weights, and its optimizer no memory of any step."""
    rate = getattr(model.optimizer, "_learning_rate", None)  # among its variables, but no memory
    memory = [v.value if v is rate else np.zeros(v.shape, v.dtype)
              for v in model.optimizer.variables]  # fmt: skip
    _assign(model, weights, memory)


def save_model(model, path):
    """Write a `.keras` file under a temporary name, then rename: never half a file.

    Raises:
        InputError: the name does not end in .keras, or it cannot be written.
    """
    path = require_model_name(path)
    with atomic_write(path) as part:
        model.save(part)
    return path


def require_model_name(path):
    """`path`, if a model can be saved under it; asked before an hour of training is spent."""
    path = Path(path)
    if path.suffix != ".keras":
        raise InputError(f"--save {path}: the name of a model ends in .keras")
    _require_folder(path, "--save")
    _import_quietly()
    return path


def _import_quietly():
    """Keras imports TensorFlow, where it is installed, to save or load a model anywhere."""
    if course.is_installed("tensorflow"):
        course.import_quietly("tensorflow")


def load_model(path, input_shape):
    """A `.keras` model that takes pictures of `input_shape` and gives class probabilities.

    Raises:
        InputError: there is none, it is damaged, or it is a model of something else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"--model {path}: no such file; make one with --save {path}")
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):
        raise InputError(f"--model {path} is not a .keras file; make one with --save")
    _import_quietly()
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of any kind, from zip, JSON, HDF5 and Keras
        reason = (" ".join(str(error).split()) or type(error).__name__)[:160]
        raise InputError(f"--model {path} cannot be loaded ({reason})") from None
    ins, outs = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if ins != (None, *input_shape) or not isinstance(outs, tuple) or len(outs) != 2:
        raise InputError(
            f"--model {path} turns {ins} into {outs}; expected is a model from"
            f" {(None, *input_shape)} to (None, classes)"
        )
    return model


def checkpoint_path(path):
    """The checkpoint's file: `path` itself, or checkpoint.npz in the folder `path`."""
    path = Path(path)
    file = path if path.suffix == ".npz" else path / "checkpoint.npz"
    if file is not path and not path.exists():
        with contextlib.suppress(OSError):
            path.mkdir(parents=True)
    _require_folder(file, "--resume")
    return file


def _require_folder(file, flag):
    if file.is_dir() or not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise InputError(f"{flag} {file}: cannot write there; name a file in a folder that exists")


def _smallest(losses):
    """The smallest number among them; infinity where there is none."""
    return min((loss for loss in losses if loss == loss), default=np.inf)


def _best_epoch(losses):
    """The first epoch, from 1, with the smallest loss; the first where none is a number."""
    smallest = _smallest(losses)
    return losses.index(smallest) + 1 if smallest in losses else 1


def _arrays(variables):
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def _assign(model, weights, memory):
    for variables, values in ((model.weights, weights), (model.optimizer.variables, memory)):
        for variable, value in zip(variables, values):
            variable.assign(value)


def _identity(model, arrays, batch_size, seed, augment):
    """What must be the same where a training goes on; each in a word or a digest."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array))
    return {
        "model": hashlib.sha256(repr(_plan(model)).encode()).hexdigest()[:16],
        "data": digest.hexdigest()[:16],
        "backend": keras.backend.backend(),
        "seed": int(seed),
        "batch size": int(batch_size),
        "augmentation": getattr(augment, "__name__", repr(augment)),
    }


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


def _write(path, state):
    """Write the checkpoint under a temporary name, then rename: never half a file."""
    groups = {"weights": state.weights, "memory": state.memory, "best": state.best}
    arrays = {f"{name}{i}": a for name, group in groups.items() for i, a in enumerate(group)}
    about = {"format": FORMAT, "identity": state.identity, "history": state.history}
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez(file, about=json.dumps(about), **arrays)
        file.flush()
        os.fsync(file.fileno())


def _bytes(path):
    """What the checkpoint's file holds; None where there is none."""
    try:
        return path.read_bytes() if path is not None and path.exists() else None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _read(content, path, model, identity):
    damaged = f"--resume {path} is no checkpoint of the course, or is damaged; delete it"
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
            counts = {"weights": model.weights, "memory": model.optimizer.variables,
                      "best": model.weights}  # fmt: skip
            groups = {
                name: [archive[f"{name}{i}"] for i in range(len(variables))]
                for name, variables in counts.items()
            }
            history = {str(k): [float(v) for v in row] for k, row in about["history"].items()}
    except InputError:
        raise
    except (*DAMAGE, OSError, KeyError, AttributeError):
        raise InputError(damaged) from None
    for name, variables in counts.items():
        if any(a.shape != tuple(v.shape) for a, v in zip(groups[name], variables)):
            raise InputError(damaged)
    if not history.get("loss") or "val_loss" not in history:
        raise InputError(damaged)
    return _State(**groups, history=history, identity=identity)
