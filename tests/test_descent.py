import keras
import numpy as np
import pytest

from course import descent
from course.checks import tolerance
from course.cli.report import precision
from course.lesson03 import squared_error

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
Y = X @ [[1.0], [-2.0], [0.5]] + 0.3


@pytest.fixture(autouse=True)
def float64():
    with precision("float64"):
        yield


def network(optimizer, **layer):
    hidden = np.random.default_rng(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "sigmoid", **layer),
                              keras.layers.Dense(1)])  # fmt: skip
    model.set_weights([hidden.normal(size=w.shape) for w in model.get_weights()])
    model.compile(optimizer=optimizer, loss=squared_error)
    return model


def optimizers():
    decay = keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 0.05)
    return {
        "plain": lambda: keras.optimizers.SGD(0.1),
        "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        "nesterov and schedule": lambda: keras.optimizers.SGD(decay, momentum=0.9, nesterov=True),
        "clipped": lambda: keras.optimizers.SGD(0.1, clipnorm=0.1),
        "adam": lambda: keras.optimizers.Adam(0.05),
    }


@pytest.mark.parametrize("name", optimizers())
def test_the_compiled_loop_is_fit_one_step_an_epoch(name):
    loop, fit = network(optimizers()[name]()), network(optimizers()[name]())
    history = descent.train(loop, X, Y, 6)
    fit.fit(X, Y, batch_size=12, epochs=6, shuffle=False, verbose=0)
    close = tolerance.twin("float64") * 10
    for compiled, stepwise, path in zip(loop.get_weights(), fit.get_weights(), history.weights):
        np.testing.assert_allclose(compiled, stepwise, atol=close)
        np.testing.assert_allclose(path[-1], compiled, atol=0)
        assert len(path) == 7
    assert int(loop.optimizer.iterations) == 6


def test_training_goes_on_where_it_stopped():
    once, twice = (network(keras.optimizers.SGD(0.1, momentum=0.9)) for _ in "ab")
    whole = descent.train(once, X, Y, 8)
    parts = [descent.train(twice, X, Y, 5), descent.train(twice, X, Y, 3)]
    np.testing.assert_allclose(
        np.append(parts[0].costs, parts[1].costs[1:]), whole.costs, rtol=1e-6
    )


def test_a_penalty_counts():
    free = network(keras.optimizers.SGD(0.1))
    held = network(keras.optimizers.SGD(0.1), kernel_regularizer=keras.regularizers.L2(0.1))
    w = held.get_weights()[0]
    difference = descent.train(held, X, Y, 1).costs[0] - descent.train(free, X, Y, 1).costs[0]
    assert difference == pytest.approx(0.1 * np.sum(w**2), rel=1e-6)


def test_normalisation_keeps_its_running_averages():
    model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(),
                              keras.layers.Dense(1, kernel_initializer="zeros")])  # fmt: skip
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=squared_error)
    descent.train(model, X, Y, 300)
    np.testing.assert_allclose(model.layers[0].get_weights()[2], X.mean(axis=0), atol=1e-2)


def test_what_cannot_be_trained():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="no optimizer and no loss yet"):
        descent.train(model, X, Y, 1)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        descent.minimise(lambda w: w[0] ** 2, [np.array(1.0)], 0.1, 0)


def test_plain_functions():
    history = descent.minimise(lambda w: (w[0] - w[1]) ** 2, [np.array(1.0), np.array(3.0)], 0.1, 4)
    assert [w.shape for w in history.weights] == [(5,), (5,)]
    np.testing.assert_allclose(history.costs, 4 * 0.36 ** np.arange(5), rtol=1e-12)


def test_a_single_precision_start_stays_single():
    history = descent.minimise(lambda w: w[0] ** 2, [np.float32(1)], np.float64(0.1), 2)
    assert history.weights[0].dtype == np.float32
