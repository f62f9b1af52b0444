"""Compile once for models of one shape: fifteen networks of lesson 12 then cost one compilation."""

import contextlib
import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar, cast

import keras

from course.training.checkpoint import arrays, assign
from course.training.signature import signature

MAX_MODELS = 8  # that are kept for others of the same shape
_first: OrderedDict = OrderedDict()
Train = TypeVar("Train", bound=Callable)


def first_of_shape(model):
    """The model of this shape that was trained first, perhaps this one itself."""
    about = signature(model)
    if about is None:
        return model
    first = _first.setdefault(about, model)
    if signature(first) != about:  # it was compiled anew since
        first = _first[about] = model
    _first.move_to_end(about)
    while len(_first) > MAX_MODELS:
        _first.popitem(last=False)
    return first


def in_first(train: Train) -> Train:
    """Decorate `train(model, …)`: on TensorFlow the first model of the shape does the work.

    TensorFlow compiles a step with the model's own variables in it. So the first model gets
    this one's weights and optimizer state, is trained, hands over what came of it, and gets its
    own back. Not with callbacks, which may know the model that they were made for.
    """

    @functools.wraps(train)
    def wrapped(model, *arguments, **how):
        model.optimizer.build(model.trainable_variables)
        first = model
        if keras.backend.backend() == "tensorflow" and not how.get("callbacks"):
            import tensorflow as tf

            first = model if tf.distribute.has_strategy() else first_of_shape(model)
        with exchanged(first, model):
            return train(first, *arguments, **how)

    return cast(Train, wrapped)


@contextlib.contextmanager
def exchanged(first, model):
    """Within the block `first` has the model's numbers; what becomes of them is the model's."""
    if first is model:
        yield
        return
    own = _state(first)
    assign(first, *_state(model))
    try:
        yield
    finally:
        assign(model, *_state(first))
        assign(first, *own)


def _state(model):
    return arrays(model.weights), arrays(model.optimizer.variables)
