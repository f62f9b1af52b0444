"""The weights after every step of a training, and how long a step takes."""

import time

import keras
import numpy as np


class Diary(keras.callbacks.Callback):
    """A Keras callback that keeps the weights after each mini-batch.

    Attributes:
        weights: one array per step, all weights of the model in one, shape (P,).
        times: `time.perf_counter()` after each step.
    """

    def __init__(self):
        super().__init__()
        self.weights, self.times = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter())
        self.weights.append(np.concatenate([w.ravel() for w in self.model.get_weights()]))

    @property
    def seconds(self):
        """The median time of a step; the first, which compiles, does not count."""
        return np.median(np.diff(self.times))
