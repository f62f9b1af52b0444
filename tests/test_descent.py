import keras
import numpy as np
import pytest

from course import descent
from course.checks import tolerance
from course.machine.precision import precision
from course.training.signature import signature

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
Y = X @ [[1.0], [-2.0], [0.5]] + 0.3


def squared_error(y, y_hat):
    """Not "mse", which Keras averages in float32 on JAX and PyTorch."""
    return keras.ops.sum((y_hat - y) ** 2) / y.shape[0]


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
    close = tolerance.keras("float64")[0] * 10
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


def line(learning_rate=0.1, momentum=0.0, loss="mse", units=1):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])
    model.compile(keras.optimizers.SGD(learning_rate, momentum=momentum), loss)
    model.optimizer.build(model.trainable_variables)
    return model


def test_models_of_one_shape_share_a_loop_and_nothing_else():
    descent._loops.clear()
    alone = {rate: descent.train(line_from_zero(rate), X, Y, 5).weights for rate in (0.1, 0.2)}
    assert len(descent._loops) == 1
    first, second = line_from_zero(0.1), line_from_zero(0.2)
    assert descent._loop(first, *map(keras.ops.convert_to_tensor, (X, Y)), 5)[0] not in (
        first,
        second,
    )
    for model, rate in ((first, 0.1), (second, 0.2)):
        found = descent.train(model, X, Y, 5).weights
        assert all(np.array_equal(a, b) for a, b in zip(found, alone[rate]))
        assert all(np.array_equal(w, path[-1]) for w, path in zip(model.get_weights(), found))
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])
    # Other data of the same shape, and a training that goes on.
    other = descent.train(line_from_zero(0.1), X, -Y, 5).weights
    np.testing.assert_allclose(other[0], -alone[0.1][0], atol=1e-12)
    once = descent.train(line_from_zero(0.1, momentum=0.9), X, Y, 10).weights[0]
    model = line_from_zero(0.1, momentum=0.9)
    descent.train(line_from_zero(0.1, momentum=0.9), X, Y, 5)
    twice = [descent.train(model, X, Y, 5).weights[0] for _ in range(2)]
    np.testing.assert_allclose(np.concatenate([twice[0], twice[1][1:]]), once, atol=1e-12)


def line_from_zero(learning_rate, momentum=0.0):
    model = line(learning_rate, momentum, squared_error)
    model.set_weights([np.zeros(w.shape) for w in model.get_weights()])
    return model


def test_what_compiles_to_something_else_has_another_signature():
    same = signature(line())
    assert signature(line(0.2)) == same
    assert hash(signature(line(0.2))) == hash(same)
    schedule = keras.optimizers.schedules.InverseTimeDecay
    others = [
        line(momentum=0.5), line(loss="mae"), line(loss=squared_error), line(units=2),
        line(schedule(0.1, 1, 0.5)), line(schedule(0.1, 1, 0.25)), penalised(0.1), penalised(0.2),
        network(keras.optimizers.SGD(0.1)), network(keras.optimizers.Adam(0.1)),
        network(keras.optimizers.SGD(0.1), kernel_constraint="non_neg"),
        network(keras.optimizers.AdamW(0.1, weight_decay=0.1)),
        network(keras.optimizers.AdamW(0.1, weight_decay=0.2)),
    ]  # fmt: skip
    for model in others:
        model.optimizer.build(model.trainable_variables)
    found = [same, *map(signature, others)]
    assert len(set(found)) == len(found)
    assert signature(line(schedule(0.1, 1, 0.5))) in found
    excluding = network(keras.optimizers.AdamW(0.1, weight_decay=0.1))
    excluding.optimizer.exclude_from_weight_decay(var_names=["bias"])
    assert signature(excluding) is None


def penalised(strength):
    penalty = keras.regularizers.L2(strength)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_regularizer=penalty)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.optimizer.build(model.trainable_variables)
    return model
