"""The callback of a training: best state, checkpoint, Ctrl-C, early stopping."""

import contextlib
import signal

import keras

from course.training.checkpoint import State, arrays, best_epoch, smallest, write


class Keeper(keras.callbacks.Callback):
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
        weights, optimizer = arrays(self.model.weights), arrays(self.model.optimizer.variables)
        losses = history["val_loss"]
        best = state.best
        if not best or losses[-1] < smallest(losses[:-1]):
            best = weights
        # One assignment: Ctrl-C finds the old state or the new one.
        self.state = State(weights, optimizer, best, history, state.identity)
        if self.path is not None:
            write(self.path, self.state)
        if self.patience is not None and epoch + 1 - best_epoch(losses) >= self.patience:
            self.model.stop_training = True
