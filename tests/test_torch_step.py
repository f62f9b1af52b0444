"""The recorded step trains as Keras's own step does, and leaves alone what it cannot record."""

import keras
import numpy as np
import pytest

from course import lesson11, training

if keras.backend.backend() != "torch":
    pytest.skip("only PyTorch records its steps", allow_module_level=True)

from course.training import torch_step

RNG = np.random.default_rng(0)
X = RNG.random((250, 28, 28, 1)).astype("float32")
Y = lesson11.one_hot(RNG.integers(0, 10, 250), 10)


@pytest.fixture(autouse=True)
def _nothing_recorded():
    torch_step._recordings.clear()


def dense(*layers, optimizer="sgd"):
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), *layers, keras.layers.Flatten(),
         keras.layers.Dense(10, "softmax", kernel_regularizer="l2")]
    )  # fmt: skip
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(build, recorded, **how):
    """Three batches, the last one smaller, twice: (weights, history, what was recorded)."""
    keras.utils.set_random_seed(1)
    model = build()
    if recorded:
        model.train_function = torch_step.TrainFunction(model)
    history = model.fit(X, Y, batch_size=100, epochs=2, shuffle=False, verbose=0, **how).history
    return model.get_weights(), history, getattr(model.train_function, "recorded", {})


@pytest.mark.parametrize(
    "build",
    [
        lesson11.build_model,
        dense,
        lambda: dense(keras.layers.AveragePooling2D(2), optimizer="adam"),
        lambda: dense(keras.layers.Conv2D(3, 3, padding="same"), keras.layers.LayerNormalization()),
        lambda: dense(keras.layers.Conv2D(3, 3, 2), keras.layers.Permute((3, 1, 2))),
    ],
)
def test_the_numbers_are_those_of_keras(build):
    weights, history, recorded = trained(build, recorded=True)
    plain_weights, plain_history, _ = trained(build, recorded=False)
    for ours, keras_own in zip(weights, plain_weights):
        np.testing.assert_allclose(ours, keras_own, atol=1e-6)
    for name in plain_history:
        np.testing.assert_allclose(history[name], plain_history[name], rtol=1e-5)
    assert len(recorded) == 2  # whole batches, and the last one
    assert all(recorded.values())
    # Another model of that shape takes the recordings that there are.
    again, again_history, same = trained(build, recorded=True)
    assert same is recorded
    assert again_history == history
    assert all(np.array_equal(a, b) for a, b in zip(again, weights))


@pytest.mark.parametrize(
    ("layer", "optimizer"),
    [
        (keras.layers.Dropout(0.5), "sgd"),
        (keras.layers.GaussianNoise(0.5), "sgd"),
        (keras.layers.BatchNormalization(), "sgd"),
        (keras.layers.Flatten(), keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())),
    ],
)
def test_what_cannot_be_recorded_is_left_to_keras(layer, optimizer):
    model = dense(layer, optimizer=optimizer)
    model.train_function = torch_step.TrainFunction(model)
    before = [w.copy() for w in model.get_weights()]
    model.fit(X, Y, batch_size=100, verbose=0)
    assert set(model.train_function.recorded.values()) == {None}
    assert any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_sample_weights_are_left_to_keras():
    weights = np.arange(250) % 2
    ours, _, recorded = trained(dense, recorded=True, sample_weight=weights)
    plain, _, _ = trained(dense, recorded=False, sample_weight=weights)
    assert recorded == {}
    assert all(np.array_equal(a, b) for a, b in zip(ours, plain))


def test_a_recording_serves_every_training_of_a_model():
    model = lesson11.build_model()
    how = {"epochs": 1, "batch_size": 50, "seed": 0, "validation_data": (X[:9], Y[:9])}
    training.train(model, X, Y, verbose=0, **how)
    first = model.train_function
    training.train(model, X, Y, verbose=0, **how)
    assert model.train_function is first
    assert len(first.recorded) == 1


def test_a_sum_over_the_batch_instead_of_a_mean_is_noticed(monkeypatch):
    right = torch_step._record

    def wrong(model, X, Y):
        gradients = right(model, X, Y)

        def summed(*leaves):
            cost, predictions, *slopes = gradients(*leaves)
            return cost, predictions, *(len(X) * slope for slope in slopes)

        return summed

    monkeypatch.setattr(torch_step, "_record", wrong)
    with pytest.raises(AssertionError):
        test_the_numbers_are_those_of_keras(lesson11.build_model)
