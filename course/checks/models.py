"""What the proof of a Keras model takes for granted, and in what a changed model differs.

A learner may put another optimizer, activation or layer into a page's `build_model`. What was
predicted for the model of the page then need not hold, and its row of the table says so:
"not for Adam".
"""

import numpy as np
from keras.optimizers.schedules import LearningRateSchedule

EXTRAS = {"momentum": 0.0, "nesterov": False, "weight_decay": None, "clipnorm": None,
          "clipvalue": None, "global_clipnorm": None, "use_ema": False}  # fmt: skip


def unlike(model, *, optimizer="SGD", schedule=False, layers=None, activations=None, bias=None,
           loss=None, start=None, **extras):  # fmt: skip
    """Why a proof does not hold for a model, "not for Adam", or "" where it does.

    Args:
        model: a Keras model, compiled where `optimizer` is not None.
        optimizer: the name of its optimizer's class, or None: any.
        schedule: whether its learning rate may follow a schedule.
        layers: names of its layers' classes, in order; None: any.
        activations: names of the activations of its layers that have one; None: any.
        bias: whether its layers have biases; None: either.
        loss: what it was compiled with; None: any.
        start: the number that all its weights are; None: any.
        extras: what its optimizer is given besides the rate, momentum=0.9 for example; an extra
            that is not named must have its default.
    """
    return (
        _optimizer(getattr(model, "optimizer", None), optimizer, schedule, {**EXTRAS, **extras})
        or _layers(model.layers, layers)
        or _activations(model.layers, activations)
        or _bias(model.layers, bias)
        or ("not for this loss" if loss is not None and model.loss != loss else "")
        or _start(model, start)
    )


def unlike_linear(model, bias=True, **how):
    """`unlike` for ŷ = Xw + b, one Dense layer without an activation."""
    return unlike(model, layers=["Dense"], activations=["linear"], bias=bias, **how)


def _optimizer(optimizer, wanted, schedule, extras):
    if wanted is None:
        return ""
    name = type(optimizer).__name__
    if name != wanted:
        return f"not for {name}"
    if isinstance(optimizer._learning_rate, LearningRateSchedule) and not schedule:
        return "not for a schedule"
    for extra, value in extras.items():
        if (getattr(optimizer, extra, value) or None) != (value or None):
            return f"not for this {extra.replace('_', ' ')}"
    return ""


def _layers(layers, wanted):
    names = [type(layer).__name__ for layer in layers]
    if wanted is None or names == list(wanted):
        return ""
    other = [name for name in names if name not in wanted]
    return f"not for {other[0]}" if other else f"not for {len(names)} layers"


def _activations(layers, wanted):
    names = [layer.activation.__name__ for layer in layers if hasattr(layer, "activation")]
    if wanted is None or names == list(wanted):
        return ""
    other = [name for k, name in enumerate(names) if [name] != list(wanted)[k : k + 1]]
    return f"not for {other[0]}" if other else "not for fewer layers"


def _bias(layers, wanted):
    found = {layer.use_bias for layer in layers if hasattr(layer, "use_bias")}
    if wanted is None or found == {wanted}:
        return ""
    return "not without a bias" if wanted else "not with a bias"


def _start(model, wanted):
    if wanted is None or all(np.all(w == wanted) for w in model.get_weights()):
        return ""
    return "not from these weights"
