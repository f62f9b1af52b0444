"""Which models compile to the same: equal layers, optimizer, loss and shapes, other numbers."""

import keras
import numpy as np

PLAIN = (bool, int, float, str, type(None))
# Names, counts, and methods and modules that Keras wraps anew for each layer.
LEFT_OUT = {
    "name", "path", "built", "iterations", "learning_rate", "build", "quantize", "backend",
}  # fmt: skip


def signature(model):
    """A tuple that two models share where one's compiled step serves the other; or None.

    Not `model.to_json()` or `get_config()`: those import TensorFlow, on any backend, for seconds.

    Args:
        model: a built and compiled `keras.Model`.

    Returns:
        None for a model that is not a plain `keras.Sequential`, or that excludes some weights
        from weight decay: of those Keras keeps more than is compared here.
    """
    optimizer = model.optimizer
    excluded = ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern")
    if type(model) is not keras.Sequential or any(getattr(optimizer, e, None) for e in excluded):
        return None
    metrics = getattr(getattr(model, "_compile_metrics", None), "_user_metrics", None)
    return (
        tuple(_layer(layer) for layer in model.layers),
        tuple((tuple(v.shape), str(v.dtype)) for v in model.trainable_variables),
        # What a layer has adapted to may be compiled in.
        tuple(np.asarray(keras.ops.convert_to_numpy(v)).tobytes()
              for v in model.non_trainable_variables),
        _thing(optimizer), _thing(getattr(optimizer, "_learning_rate", None)),
        _value(model.loss), _value(metrics),
        model.jit_compile, model.run_eagerly, model.steps_per_execution,
        keras.distribution.distribution(),
    )  # fmt: skip


def _layer(layer):
    shape = getattr(layer, "input", None)
    return (*_thing(layer), layer.dtype_policy.name, tuple(getattr(shape, "shape", ())))


def _thing(thing):
    """Its class, and its public attributes but for names and counts."""
    if isinstance(thing, keras.Variable):  # a learning rate: one of the optimizer's variables
        return ("variable",)
    attributes = getattr(thing, "__dict__", {}).items()
    return type(thing), tuple(
        (name, _value(value))
        for name, value in sorted(attributes)
        if not name.startswith("_") and name not in LEFT_OUT and not _drawn(value)
    )


def _drawn(value):
    """Whether it says how weights are drawn, which matters no more once they are."""
    return isinstance(value, (keras.initializers.Initializer, keras.Variable))


def _value(value):
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, keras.Variable):
        return tuple(value.shape), str(value.dtype)
    if keras.ops.is_tensor(value):  # what a layer has adapted to
        return np.asarray(keras.ops.convert_to_numpy(value)).tobytes()
    if isinstance(value, (list, tuple)):
        return tuple(_value(item) for item in value)
    if isinstance(value, dict):
        return tuple((key, _value(item)) for key, item in value.items())
    module = type(value).__module__
    if module.startswith("keras.") and type(value).__name__ in KERAS_SETTINGS:
        return _thing(value)
    return _Same(value)  # a function, or what only its owner knows: the very same one


KERAS_SETTINGS = {
    *dir(keras.regularizers), *dir(keras.constraints), *dir(keras.losses),
    *dir(keras.optimizers.schedules), "InputSpec", "DTypePolicy",
}  # fmt: skip


class _Same:
    """Equal to another one of the same object only, which it keeps alive."""

    def __init__(self, thing):
        self.thing = thing

    def __eq__(self, other):
        return isinstance(other, _Same) and self.thing is other.thing

    def __hash__(self):
        return id(self.thing)
