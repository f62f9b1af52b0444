"""On JAX a training computes what Keras's own does, and compiles once for models of one shape."""

import keras
import numpy as np
import pytest

from course import lesson11, training

if keras.backend.backend() != "jax":
    pytest.skip("only JAX computes with the batch last", allow_module_level=True)

from course.training import jax_step, sharing

RNG = np.random.default_rng(0)
X = RNG.random((50, 28, 28, 1)).astype("float32")
Y = np.eye(10, dtype="float32")[RNG.integers(0, 10, 50)]


def network(*layers, seed=0, optimizer="sgd"):
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *layers,
            keras.layers.Flatten(),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    rng = np.random.default_rng(seed)
    model.set_weights([0.1 * rng.normal(size=w.shape) for w in model.get_weights()])
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


def plain(seed=0):
    conv, pool = keras.layers.Conv2D, keras.layers.MaxPooling2D
    return network(conv(3, (5, 4), activation="tanh"), pool(2), conv(4, 3), pool(2), seed=seed)


def others(seed=0):
    """What is computed as Keras does it."""
    conv, pool = keras.layers.Conv2D, keras.layers.MaxPooling2D
    return network(conv(3, 5, 2), conv(4, 3, padding="same"), conv(4, 3, dilation_rate=2),
                   conv(4, 1, groups=2), pool(3, 2), seed=seed)  # fmt: skip


def trained(build, faster, **how):
    model = build()
    if faster:
        with jax_step.batch_last(model):
            changed = sum("convolution_op" in vars(layer) for layer in model.layers)
            history = model.fit(X, Y, batch_size=20, epochs=2, shuffle=False, verbose=0, **how)
        assert not any({"convolution_op", "call"} & set(vars(layer)) for layer in model.layers)
        return model.get_weights(), history.history, changed
    history = model.fit(X, Y, batch_size=20, epochs=2, shuffle=False, verbose=0, **how)
    return model.get_weights(), history.history, 0


@pytest.mark.parametrize(
    ("build", "count"),
    [
        (lesson11.build_model, 3),
        pytest.param(plain, 2, marks=pytest.mark.slow),
        pytest.param(others, 0, marks=pytest.mark.slow),
    ],
)
def test_the_numbers_are_those_of_keras(build, count):
    weights, history, changed = trained(build, faster=True, validation_data=(X, Y))
    keras_weights, keras_history, _ = trained(build, faster=False, validation_data=(X, Y))
    assert changed == count
    for ours, keras_own in zip(weights, keras_weights):
        np.testing.assert_allclose(ours, keras_own, atol=1e-6)
    for name in keras_history:
        np.testing.assert_allclose(history[name], keras_history[name], rtol=1e-5)


@pytest.mark.parametrize("fault", ["transposed", pytest.param("first row", marks=pytest.mark.slow)])
def test_a_wrong_convolution_is_seen(monkeypatch, fault):
    right = jax_step._convolve
    wrong = {
        "transposed": lambda x, k: right(x, keras.ops.transpose(k, (1, 0, 2, 3))),
        "first row": lambda x, k: right(x, k).at[:, 0].set(0.0),
    }[fault]
    monkeypatch.setattr(jax_step, "_convolve", wrong)
    weights, _, _ = trained(lesson11.build_model, faster=True)
    keras_weights, _, _ = trained(lesson11.build_model, faster=False)
    assert np.abs(weights[0] - keras_weights[0]).max() > 1e-4


@pytest.mark.slow
def test_models_of_one_shape_share_what_is_compiled():
    sharing._first.clear()
    how = {"epochs": 2, "batch_size": 20, "seed": 0, "validation_data": (X, Y), "verbose": 0}
    alone = []
    for seed in (1, 2):
        model = plain(seed)
        model.optimizer.build(model.trainable_variables)
        with jax_step.batch_last(model):
            for epoch in range(2):
                rows = np.random.default_rng([0, 1, epoch]).permutation(50)
                model.fit(X[rows], Y[rows], batch_size=20, shuffle=False, verbose=0)
        alone.append(model.get_weights())
    models = [plain(1), plain(2)]
    logs = [training.train(model, X, Y, **how).logs for model in models]
    assert models[0].train_function is models[1].train_function
    assert models[0].test_function is models[1].test_function
    for model, weights in zip(models, alone):
        for ours, keras_own in zip(model.get_weights(), weights):
            np.testing.assert_allclose(ours, keras_own, atol=1e-6)
    assert logs[0] != logs[1]
    other = network(keras.layers.Conv2D(3, 5), optimizer="adam")
    training.train(other, X, Y, **how)
    assert other.train_function is not models[0].train_function
    # Compiled anew, the first one no longer speaks for its shape.
    models[0].compile("adam", "mse")
    last = plain(1)
    last_logs = training.train(last, X, Y, **how).logs
    assert last_logs == logs[0]
