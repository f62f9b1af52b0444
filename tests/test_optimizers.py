import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet as SklearnElasticNet, Lasso

import course
from course import autodiff, descent, lesson03, prox
from course.checks import tolerance
from course.machine.precision import precision
from course.optimizers import ProximalSGD, is_kernel

BACKEND = keras.backend.backend()
ALPHA, RATE = 0.2, 0.1
RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 5)) * [2.5, 0.5, 1.0, 1.0, 1.0]  # ill-conditioned: FISTA restarts
Y = X @ [1.0, -2.0, 0.0, 0.0, 0.5] + 3.0
MODES = {"ista": {}, "momentum": {"momentum": 0.6}, "fista": {"accelerated": True}}


@pytest.fixture(autouse=True)
def float64():
    with precision("float64"):
        yield


def by_hand(steps, rate=RATE, alpha=ALPHA, momentum=0.0, accelerated=False, threshold=1.0, free=1,
            restart_over=slice(None), clip=np.inf):  # fmt: skip
    """The three algorithms in NumPy.

    Args:
        rate: a number, or a function of the step's number from 0.
        threshold: factor of the soft threshold; a fault unless 1.
        free: how many entries of θ, from its end, are not penalised.
        restart_over: the entries of θ that the restart looks at; a fault unless all.

    Returns:
        What the model's variables hold at every step, (steps + 1, p + 1); the last w; how
        many restarts there were.
    """
    w = v = velocity = np.zeros(X.shape[1] + 1)
    penalised = np.arange(len(w)) < len(w) - free
    t, restarts, path = 1.0, 0, [v]
    for k in range(steps):
        eta = rate(k) if callable(rate) else rate
        g = np.clip(lesson03.gradient(X, Y, v) / 2, -clip, clip)
        u = v + momentum * velocity - eta * g
        w_next = np.where(penalised, np.sign(u) * np.maximum(
            np.abs(u) - threshold * eta * alpha, 0), u)  # fmt: skip
        velocity = w_next - w
        if accelerated:
            if np.sum(((v - w_next) * (w_next - w))[restart_over]) > 0:
                t, restarts = 1.0, restarts + 1
            t_next = (1 + np.sqrt(1 + 4 * t**2)) / 2
            v, w, t = w_next + (t - 1) / t_next * (w_next - w), w_next, t_next
        else:
            v = w = w_next
        path.append(v)
    return np.array(path), w, restarts


def half_squared_error(y, y_hat):
    """One number, by a sum: Keras takes means in float32 on JAX."""
    return ops.sum((y_hat - y) ** 2) / ops.cast(2 * ops.shape(y)[0], y_hat.dtype)


def linear(optimizer, n_features=5, loss=half_squared_error, **compile_arguments):
    model = keras.Sequential(
        [keras.Input((n_features,)), keras.layers.Dense(1, kernel_initializer="zeros")]
    )
    model.compile(optimizer=optimizer, loss=loss, **compile_arguments)
    return model


def proximal(learning_rate=RATE, alpha=ALPHA, **arguments):
    return ProximalSGD(learning_rate, prox.ElasticNet(alpha), **arguments)


def theta(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


def thetas(history):
    return np.column_stack([history.weights[0][:, :, 0], history.weights[1]])


def same(measured, expected, factor=1.0, dtype="float64"):
    close = factor * tolerance.keras(dtype)[0] * np.abs(expected).max()
    np.testing.assert_allclose(measured, expected, rtol=0, atol=close)


def fit(model, steps, X=X, Y=Y):
    """`steps` full-batch steps in one epoch, which on TensorFlow is quicker than as many epochs."""
    tiled = np.tile(X, (steps, 1)), np.tile(Y[:, None], (steps, 1))
    model.fit(*tiled, batch_size=len(X), shuffle=False, verbose=0)


def on_batch(model, steps):
    for _ in range(steps):
        model.train_on_batch(X, Y[:, None])


def own_loop(model, steps):
    variables = model.trainable_variables
    X_, Y_ = (ops.convert_to_tensor(a) for a in (X, Y[:, None]))

    def cost(values):
        with keras.StatelessScope(state_mapping=zip(variables, values)):
            return half_squared_error(Y_, model(X_))

    differentiate = autodiff.value_and_grad(cost)
    for _ in range(steps):
        _, gradient = differentiate([v.value for v in variables])
        model.optimizer.apply(gradient, variables)


LOOPS = {
    "fit": (fit, {}),
    "fit, eager": (fit, {"run_eagerly": True}),
    "fit, several steps at once": (fit, {"steps_per_execution": 8}),
    "train_on_batch": (on_batch, {}),
    "a loop of your own": (own_loop, {}),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("loop", LOOPS)
def test_every_way_to_train_is_the_algorithm_by_hand(loop, mode):
    train, compile_arguments = LOOPS[loop]
    if BACKEND == "torch" and "several" in loop:
        pytest.skip("Keras has no steps_per_execution on PyTorch")
    model = linear(proximal(**MODES[mode]), **compile_arguments)
    train(model, 24)
    path, w, restarts = by_hand(24, **MODES[mode])
    assert (restarts > 0) == (mode == "fista")
    if train is not fit:
        values = model.optimizer.proximal_values()
        same(np.concatenate([ops.convert_to_numpy(a).ravel() for a in values]), w)
        same(theta(model), path[-1])
        model.optimizer.finalize_variable_values(model.trainable_variables)
    same(theta(model), w)
    assert ((theta(model) == 0) == (w == 0)).all()
    assert (w == 0).any()


@pytest.mark.parametrize("mode", MODES)
def test_every_step_is_the_one_by_hand(mode):
    model = linear(proximal(**MODES[mode]))
    path = thetas(descent.train(model, X, Y[:, None], 200))
    expected, w, restarts = by_hand(200, **MODES[mode])
    same(path, expected)
    same(theta(model), w)  # `train` hands w back, as `fit` does
    assert (restarts > 3) == (mode == "fista")
    faults = [{"threshold": 0.5}, {"free": 0}, {"rate": 1.001 * RATE}]
    if mode == "fista":
        faults.append({"restart_over": slice(0, 5)})  # of the kernel alone
    for fault in faults:
        with pytest.raises(AssertionError):
            same(path, by_hand(200, **{**MODES[mode], **fault})[0])


def test_without_a_prox_it_is_keras_sgd():
    ours = linear(ProximalSGD(RATE, momentum=0.5))
    keras_sgd = linear(keras.optimizers.SGD(RATE, momentum=0.5))
    for model in (ours, keras_sgd):
        fit(model, 20)
    same(theta(ours), theta(keras_sgd))


# The lasso of scikit-learn's diabetes data


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, y, 2 / np.linalg.eigvalsh(lesson03.hessian(X))[-1]  # 1/L of the half squared error


def steps_needed(path, exact, close):
    """The first step after which the path stays within `close` of the exact solution."""
    error = np.abs(path - exact).max(axis=1)
    assert error[-1] <= close, error[-1] / np.abs(exact).max()
    return int(np.max(np.nonzero(error > close)) + 1)


def test_converges_to_the_lasso_and_fista_sooner(diabetes):
    X, y, rate = diabetes
    sklearn = Lasso(alpha=2.0, tol=1e-14, max_iter=100_000).fit(X, y)
    exact = np.append(sklearn.coef_, sklearn.intercept_)
    # In float32 products the gradient never quite vanishes, and the flat directions magnify it.
    close = 1e-8 if BACKEND != "torch" else 2e-6
    needed = {}
    for mode, steps in (("ista", 3000), ("fista", 600)):
        model = linear(proximal(rate, 2.0, **MODES[mode]), n_features=10)
        history = descent.train(model, X, y[:, None], steps)
        assert ((theta(model) == 0) == (exact == 0)).all()
        assert 0 < (exact == 0).sum() < 10
        needed[mode] = steps_needed(thetas(history), exact, close * np.abs(exact).max())
        np.testing.assert_allclose(theta(model), exact, rtol=0, atol=close * np.abs(exact).max())
    print(BACKEND, needed, np.abs(theta(model) - exact).max() / np.abs(exact).max())
    assert needed["fista"] < needed["ista"] / 2


def test_converges_to_the_elastic_net(diabetes):
    X, y, rate = diabetes
    sklearn = SklearnElasticNet(alpha=1.0, l1_ratio=0.7, tol=1e-14, max_iter=100_000).fit(X, y)
    penalty = prox.ElasticNet(1.0, l1_ratio=0.7)
    model = linear(ProximalSGD(rate, penalty, accelerated=True), n_features=10)
    descent.train(model, X, y[:, None], 600)
    close = (1e-8 if BACKEND != "torch" else 2e-6) * np.abs(sklearn.coef_).max()
    np.testing.assert_allclose(theta(model)[:-1], sklearn.coef_, rtol=0, atol=close)


def test_the_l1_term_of_keras_makes_no_zero(diabetes):
    X, y, rate = diabetes
    model = linear(keras.optimizers.SGD(rate), n_features=10)
    model.layers[0].kernel_regularizer = keras.regularizers.L1(2.0)
    descent.train(model, X, y[:, None], 3000)
    assert (theta(model) != 0).all()


PROJECTIONS = {
    "onto the diamond": lambda w, step: prox.project_l1_ball(w, 0.75),
    "onto the circle": lambda w, step: prox.project_l2_ball(w, 0.75),
    "not negative": lambda w, step: prox.project_nonnegative(w),
}


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_projection_in_a_compiled_step_is_the_one_of_numpy_arrays(name):
    model, w = linear(ProximalSGD(RATE, PROJECTIONS[name])), np.zeros(6)
    fit(model, 6)
    for _ in range(6):
        u = w - RATE * lesson03.gradient(X, Y, w) / 2
        w = np.append(PROJECTIONS[name](u[:5], RATE), u[5])
    same(theta(model), w)


# How to choose α


def page_on_alpha():
    """The lines that the page on the solvers shows."""
    page = (Path(course.__file__).parents[1] / "tutorials" / "solvers.md").read_text("utf-8")
    setup, lines = page.split("```python\n")[1:3]
    return setup.split("\nmodel.compile")[0], lines.split("```")[0]


@pytest.mark.slow
def test_the_page_on_choosing_alpha(diabetes):
    X, y, _ = diabetes
    centred = X - X.mean(axis=0)
    model = linear(None, n_features=10)
    setup, lines = page_on_alpha()
    names = dict(model=model, X=X[:300], y=y[:300, None], X_new=X[300:], y_new=y[300:, None])
    exec(setup, names)
    exec(lines.replace("1000, 10)", "1000, 3)"), names)
    largest = 2 * np.abs((centred - centred[:300].mean(axis=0))[:300].T @ y[:300]).max() / 300
    assert names["alpha_max"] == pytest.approx(largest, rel=1e-6)
    assert len(names["costs"]) == 3
    assert names["best"] not in (max(names["costs"]), min(names["costs"]))


# Keras's own arguments: right, or refused


def test_a_schedule_gives_prox_the_rate_of_its_step():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([4, 9], [0.125, 0.0625, 0.03125])
    model = linear(proximal(schedule))
    fit(model, 15)
    same(theta(model), by_hand(15, lambda k: 0.125 if k <= 4 else 0.0625 if k <= 9 else 0.03125)[1])
    same(
        fitted(lambda: 0.1), by_hand(15, 0.1)[1]
    )  # a callable: float64 though it is a Python float


def fitted(learning_rate=RATE, steps=15, **arguments):
    model = linear(proximal(learning_rate, **arguments))
    fit(model, steps)
    return theta(model)


@pytest.mark.parametrize("mode", MODES)
def test_the_gradient_is_clipped_and_prox_follows(mode):
    same(fitted(clipvalue=0.5, **MODES[mode]), by_hand(15, clip=0.5, **MODES[mode])[1])


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm"])
def test_the_norm_is_clipped_and_prox_follows(clip):
    g = lesson03.gradient(X, Y, np.zeros(6)) / 2
    groups = [g] if clip == "global_clipnorm" else [g[:5], g[5:]]
    u = -RATE * np.concatenate([part * min(1, 0.5 / np.linalg.norm(part)) for part in groups])
    expected = np.append(np.sign(u) * np.maximum(np.abs(u) - RATE * ALPHA, 0), 0)[:6]
    expected[5] = u[5]
    # ops.maximum, which Keras clips with, is float32 on PyTorch.
    same(fitted(steps=1, **{clip: 0.5}), expected)


@pytest.mark.parametrize("mode", MODES)
def test_accumulated_gradients_make_one_step(mode):
    model = linear(proximal(gradient_accumulation_steps=4, **MODES[mode]))
    batches = [(X[:10], Y[:10, None]), (X[10:], Y[10:, None])] * 2
    for k in range(9):
        before = theta(model)
        for i, batch in enumerate(batches):
            model.train_on_batch(*batch)
            assert (theta(model) == before).all() == (i < 3), (k, i)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    same(theta(model), by_hand(9, **MODES[mode])[1])


def test_a_scaled_loss_changes_nothing():
    expected = by_hand(15, accelerated=True)[1]
    same(fitted(loss_scale_factor=1024.0, accelerated=True), expected)
    wrapped = linear(keras.optimizers.LossScaleOptimizer(proximal(accelerated=True)))
    fit(wrapped, 15)
    same(theta(wrapped), expected)


@pytest.mark.parametrize(("arguments", "message"), [
    ({"prox": 0.1}, "prox must be a function prox(w, step)"),
    ({"prox": prox.ElasticNet}, "prox must be a function prox(w, step)"),
    ({"prox": keras.regularizers.L1(0.1)}, "prox must be a function prox(w, step)"),
    ({"penalised": "kernel"}, "penalised must be a function"),
    ({"learning_rate": -0.1}, "at least 0, got -0.1"),
    ({"learning_rate": np.nan}, "at least 0, got nan"),
    ({"momentum": 1.0}, "momentum must lie in [0, 1), got 1.0"),
    ({"momentum": np.nan}, "momentum must lie in [0, 1), got nan"),
    ({"momentum": 0.9, "accelerated": True}, "leave momentum out"),
    ({"weight_decay": 0.1}, "no weight_decay"),
    ({"use_ema": True}, "no use_ema"),
    ({"nesterov": True}, "nesterov"),
])  # fmt: skip
def test_arguments_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ProximalSGD(**arguments)


def test_what_build_refuses():
    nothing = ProximalSGD(prox=prox.ElasticNet(0.1), penalised=lambda variable: False)
    with pytest.raises(ValueError, match=r"none of the variables .*kernel.*give penalised="):
        nothing.build(linear("sgd").trainable_variables)
    kernel = keras.Variable(np.ones((2, 1)), name="kernel")
    kernel.constraint = keras.constraints.NonNeg()
    with pytest.raises(ValueError, match="write the constraint as a prox"):
        proximal(accelerated=True).build([kernel])


@pytest.mark.parametrize("accelerated", [False, True])
def test_an_error_of_prox_is_the_one_that_fit_raises(accelerated):
    model = linear(ProximalSGD(prox=lambda w, step: ops.sum(w), accelerated=accelerated))
    with pytest.raises(ValueError, match=r"prox made shape \(\) of shape \(5, 1\)"):
        fit(model, 1)


# Which variables are penalised


def test_kernels_are_penalised_and_nothing_else():
    zeros = {"kernel_initializer": "zeros"}
    attention = keras.layers.MultiHeadAttention(2, 3, **zeros)
    attention.build((None, 6, 4), (None, 6, 4))
    lstm = keras.layers.LSTM(2, recurrent_initializer="zeros", **zeros)
    lstm.build((None, 6, 4))
    normalisation = keras.layers.BatchNormalization()
    normalisation.build((None, 4))
    variables = [v for layer in (attention, lstm, normalisation) for v in layer.trainable_weights]
    chosen = [v.path for v in variables if is_kernel(v)]
    assert chosen == [v.path for v in variables if v.name.endswith("kernel")]
    assert len(chosen) == 4 + 2


@keras.saving.register_keras_serializable(package="test")
def everything(variable):
    return True


def test_the_intercept_is_penalised_when_asked():
    same(fitted(penalised=everything), by_hand(15, free=0)[1])


@pytest.mark.parametrize("mode", MODES)
def test_an_embedding_may_be_sparse(mode):
    # TensorFlow's gradient of an embedding lists the rows that were used; prox is for all rows.
    layers = [keras.layers.Embedding(4, 3), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((2,)), *layers, keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.full((4, 3), 0.5), np.ones((6, 1))])
    model.compile(proximal(0.1, alpha=1.0, **MODES[mode]), loss=half_squared_error)
    model.train_on_batch(np.array([[0, 1]]), np.array([[1.0]]))  # prediction 3, gradient 2
    rows = np.array([0.2, 0.2, 0.4, 0.4])
    same(model.get_weights()[0], np.repeat(rows[:, None], 3, axis=1))


# Saving, and going on


@pytest.mark.parametrize("mode", MODES)
def test_training_goes_on_where_it_was_saved(mode, tmp_path):
    whole, part = (linear(proximal(**MODES[mode]), loss="mse") for _ in "ab")
    on_batch(whole, 10)
    on_batch(part, 5)
    part.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is ProximalSGD
    assert loaded.optimizer.get_config() == part.optimizer.get_config()
    on_batch(loaded, 5)
    for a, b in zip(whole.optimizer.variables, loaded.optimizer.variables):
        assert (ops.convert_to_numpy(a) == ops.convert_to_numpy(b)).all(), a.path
    assert (theta(whole) == theta(loaded)).all()


def test_what_loading_needs_of_the_course(monkeypatch, tmp_path):
    model = linear(proximal(), loss="mse")
    on_batch(model, 3)
    model.save(tmp_path / "model.keras")
    for name in [*(known := keras.saving.get_custom_objects())]:
        if name.startswith("course>"):
            monkeypatch.delitem(known, name)
    with pytest.raises(TypeError, match=r"locate class 'ProximalSGD'.*'course\.optimizers'"):
        keras.saving.load_model(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert (theta(loaded) == theta(model)).all()


@pytest.mark.parametrize("mode", ["ista", "momentum"])
def test_two_fits_are_one(mode):
    model = linear(proximal(**MODES[mode]))
    for _ in range(2):
        fit(model, 12)
    same(theta(model), by_hand(24, **MODES[mode])[1])


def test_what_is_final_stays_so():
    model = linear(proximal(accelerated=True))
    fit(model, 12)
    final = theta(model)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    assert (theta(model) == final).all()


def test_a_second_accelerated_fit_starts_anew_where_the_first_ended():
    twice, anew = (linear(proximal(accelerated=True)) for _ in "ab")
    fit(twice, 12)
    anew.optimizer.build(anew.trainable_variables)
    anew.set_weights(twice.get_weights())  # after build: the optimizer must not remember others
    for model in (twice, anew):
        fit(model, 12)
    assert (theta(twice) == theta(anew)).all()


def test_the_config_makes_the_same_optimizer():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    first = ProximalSGD(schedule, prox.ElasticNet(0.3, 0.5), everything, accelerated=True,
                        clipnorm=2.0, gradient_accumulation_steps=2)  # fmt: skip
    config = first.get_config()
    second = ProximalSGD.from_config(config)
    assert second.get_config() == first.get_config() == config
    assert second.penalised is everything
    assert ProximalSGD.from_config(ProximalSGD().get_config()).prox is None


@pytest.mark.parametrize("argument", ["prox", "penalised"])
def test_what_has_no_name_cannot_be_saved(argument, tmp_path):
    functions = {"prox": lambda w, step: w, "penalised": lambda variable: True}
    model = linear(ProximalSGD(**{"prox": prox.ElasticNet(0.1), argument: functions[argument]}))
    fit(model, 1)
    with pytest.raises(ValueError, match=f"{argument}=<lambda> cannot be saved"):
        model.save(tmp_path / "model.keras")


@pytest.mark.parametrize("mode", MODES)
def test_single_precision(mode):
    with precision("float32"):
        model = linear(proximal(**MODES[mode]))
        fit(model, 24)
        assert {w.dtype for w in model.get_weights()} == {np.dtype("float32")}
        same(theta(model), by_hand(24, **MODES[mode])[1], dtype="float32")


def test_nothing_is_undone_before_the_first_step():
    model = linear(proximal(accelerated=True))
    model.optimizer.finalize_variable_values(model.trainable_variables)  # not built yet
    model.optimizer.build(model.trainable_variables)
    model.set_weights([np.ones((5, 1)), np.ones(1)])
    model.optimizer.finalize_variable_values(model.trainable_variables)
    assert (theta(model) == 1).all()
