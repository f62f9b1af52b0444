"""Keras's training step on PyTorch, recorded once and then repeated.

Keras keeps a picture's channels last, PyTorch keeps them first. At every convolution and
every pooling Keras copies the picture into PyTorch's order, and it goes through all its
layers in Python at every step. Here the forward and the backward pass are recorded as plain
tensor operations, without the copies: PyTorch reads either order where it is told to. The
numbers are those of Keras's own step up to rounding; lesson 11's epoch takes 0.6 of the time
(tests/bench/bench_cnn.py).
"""

import copy
from collections import OrderedDict

import keras
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from course.training.signature import signature

MAX_SHAPES = 4  # of a batch, that are recorded
MAX_MODELS = 8  # whose recordings are kept for others of the same shape
COPIES = (torch.ops.aten.clone.default, torch.ops.aten.detach.default)

_recordings: OrderedDict = OrderedDict()  # {signature: {shapes of a batch: recording}}


class _UnrecordableError(Exception):
    """The step changes more than the weights."""


class TrainFunction:
    """What `fit` calls with every batch; put it into `model.train_function`.

    A model that a recording would not do justice to (dropout, batch normalisation,
    sample weights, scaled losses) trains by Keras's own step.

    Args:
        model: a built and compiled `keras.Model` with one input and one output.
    """

    def __init__(self, model):
        self.model = model
        about = signature(model)
        self.recorded = {} if about is None else _recordings.setdefault(about, {})
        while len(_recordings) > MAX_MODELS:
            _recordings.popitem(last=False)

    def __call__(self, batches):
        model, data = self.model, batches[0]
        X, Y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        gradients = None
        if torch.is_tensor(X) and torch.is_tensor(Y) and sample_weight is None:
            gradients = self._gradients(X, Y)
        if gradients is None:
            return model.train_step(data)
        weights = model.trainable_variables
        with torch.no_grad():
            cost, predictions, *slopes = gradients(X, Y, *(w.value for w in weights))
            model._loss_tracker.update_state(cost, sample_weight=len(X))
            model.optimizer.apply(slopes, weights)
            return model.compute_metrics(X, Y, predictions)

    def _gradients(self, X, Y):
        key = (X.shape, X.dtype, Y.shape, Y.dtype)
        if key not in self.recorded and len(self.recorded) < MAX_SHAPES:
            scaled = isinstance(self.model.optimizer, keras.optimizers.LossScaleOptimizer)
            self.recorded[key] = None if scaled else _record(self.model, X, Y)
        return self.recorded.get(key)


def _record(model, X, Y):
    """`gradients(X, Y, *weights) -> cost, predictions, *slopes`, or None where it cannot be."""
    weights = model.trainable_variables

    def gradients(X, Y, *numbers):
        with torch.enable_grad():
            values = [number.detach().requires_grad_() for number in numbers]
            with keras.StatelessScope(state_mapping=list(zip(weights, values))) as scope:
                predictions = model(X, training=True)
                cost = model.compute_loss(X, Y, predictions)
            if len(scope.state_mapping) > len(weights):
                raise _UnrecordableError
            slopes = torch.autograd.grad(cost, values)
        return cost, predictions, *slopes

    leaves = [X, Y, *(weight.value.detach() for weight in weights)]
    try:
        with torch.no_grad():
            recording = make_fx(gradients)(*leaves)
    except (_UnrecordableError, RuntimeError):
        return None
    tags = [getattr(node.target, "tags", ()) for node in recording.graph.nodes]
    if any(torch.Tag.nondeterministic_seeded in of_node for of_node in tags):
        return None
    if any(
        getattr(node.target, "_schema", None) and node.target._schema.is_mutable
        for node in recording.graph.nodes
    ):  # it might write into what is no longer copied
        return recording
    without = _without_copies(copy.deepcopy(recording))
    try:
        with torch.no_grad():
            without(*leaves)
    except RuntimeError:  # a later operation wants its numbers side by side
        return recording
    return without


def _without_copies(recording):
    for node in recording.graph.nodes:
        if node.target in COPIES:
            node.replace_all_uses_with(node.args[0])
            recording.graph.erase_node(node)
    recording.graph.eliminate_dead_code()
    recording.recompile()
    return recording
