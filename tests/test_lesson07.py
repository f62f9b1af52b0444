import numpy as np
import pytest
from faults import Fault, assert_caught, run
from scipy import optimize, special
from sklearn.datasets import make_moons
from sklearn.neural_network import MLPClassifier
from what_if import assert_edit, assert_true, each_constant, failures, only_sections, run_page

from course import lesson07 as lesson
from course.autodiff import gradient_check
from course.checks import lesson07 as proof
from course.cli import edited, options, outcome
from course.errors import InputError
from course.machine.precision import precision

X, Y = lesson.load_data()


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "given",
    [{}, *(pytest.param(given, marks=SLOW) for given in ({"seed": 5}, {"dtype": "float32"}))],
    ids=str,
)
def test_every_check_holds(given):
    checks = run(7, **given).checks
    assert len(checks) == 13
    assert [check.id for check in checks if not check.passed] == []
    assert [check.id for check in checks if check.not_for] == []


def test_few_steps_hold_all_but_what_needs_many():
    checks = run(7, steps=3).checks
    assert len(checks) == 13
    assert [check.id for check in checks if not check.passed] == []
    assert [check.id for check in checks if check.not_for] == ["xor-learnt"]


def test_the_fixed_values():
    assert (lesson.HIDDEN, lesson.LEARNING_RATE, lesson.ITERATIONS) == (4, 1.0, 1500)
    assert X.tolist() == [[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]
    assert Y.ravel().tolist() == [int(a) ^ int(b) for a, b, _ in X]
    model = lesson.build_model()
    assert [w.shape for w in model.get_weights()] == [(3, 4), (4, 1)]
    assert [layer.activation.__name__ for layer in model.layers] == ["sigmoid", "sigmoid"]


def scipy_cost(flat):
    """The cost written once more, without the lesson's code: loops, and SciPy's sigmoid."""
    W1, W2 = flat[:12].reshape(3, 4), flat[12:]
    total = 0.0
    for x, y in zip(X, Y[:, 0]):
        hidden = [special.expit(sum(x[i] * W1[i, j] for i in range(3))) for j in range(4)]
        total += (special.expit(sum(h * w for h, w in zip(hidden, W2))) - y) ** 2
    return total


def test_the_backward_pass_is_the_gradient_that_scipy_measures():
    flat = np.random.default_rng(3).normal(size=16)
    W1, W2 = flat[:12].reshape(3, 4), flat[12:].reshape(4, 1)
    assert lesson.cost(X, Y, W1, W2) == pytest.approx(scipy_cost(flat), rel=1e-14)
    measured = optimize.approx_fprime(flat, scipy_cost, 1e-7)
    by_hand = proof.flat(lesson.backward(X, Y, W1, W2))
    np.testing.assert_allclose(by_hand, measured, atol=1e-6)


def test_the_classic_start_learns_and_never_rises():
    """The starts of 30 seeds at once."""
    starts = [lesson.draw_weights(np.random.default_rng(seed)) for seed in range(30)]
    path = lesson.descend(X, Y, *(np.array(W) for W in zip(*starts)), lesson.ITERATIONS)
    costs = lesson.cost(X, Y, *path)
    assert costs[-1].max() < 0.01
    assert np.diff(costs, axis=0).max() < 0


@pytest.mark.parametrize(("rate", "falls"), [(0.1, True), (1.0, True), (5.0, False), (20.0, False)])
def test_whether_the_cost_must_fall_is_foreseen(rate, falls):
    for seed in range(5):
        start = lesson.draw_weights(np.random.default_rng(seed))
        path = lesson.descend(X, Y, *start, 500, rate)
        assert proof.falls(X, Y, path) == falls
        assert (np.diff(lesson.cost(X, Y, *path)).max() < 0) == falls


def test_a_plane_parts_what_it_can():
    assert not proof.separable(X, Y)
    assert proof.separable(X, X[:, :1] * X[:, 1:2])
    assert proof.separable(X, 1 - X[:, :1] * X[:, 1:2])


@pytest.mark.parametrize(
    "place", [("W1", 0, (0, 0)), ("W1", 0, (2, 3)), ("W2", 1, (1, 0))], ids=str
)
@pytest.mark.parametrize("wrong", [lambda g: 1.001 * g, lambda g: -g, lambda g: np.nan])
def test_the_gradient_check_names_the_weight_that_is_wrong(place, wrong):
    name, which, index = place
    weights = lesson.draw_weights(np.random.default_rng(2))
    gradients = [np.copy(g) for g in lesson.backward(X, Y, *weights)]
    gradients[which][index] = wrong(gradients[which][index])
    error, where = gradient_check(lambda *W: lesson.cost(X, Y, *W), weights, gradients)
    assert not error < 5e-4
    assert where == f"{name}{list(index)}"


def test_the_gradient_check_refuses_a_gradient_of_another_shape():
    weights = lesson.draw_weights(np.random.default_rng(2))
    dW1, dW2 = lesson.backward(X, Y, *weights)
    with pytest.raises(ValueError, match=r"W1 has shape \(3, 4\), its gradient \(4, 3\)"):
        gradient_check(lambda *W: lesson.cost(X, Y, *W), weights, [dW1.T, dW2])


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=SLOW) for seed in range(1, 12))])
def test_by_hand_checks_hold_for_any_seed(seed):
    with precision("float64"):
        found = {"gradient": lesson.differentiate(seed), "linear": lesson.fit_linear(seed)}
        checks = proof.checks(found, options.make(7, seed=seed))
    assert [check.id for check in checks if not check.passed] == []


def moons(seed, activation="tanh", steps=300):
    """Accuracy on two half moons of the lesson's network, and scikit-learn's with its margin."""
    X, y = make_moons(300, noise=0.2, random_state=seed)
    rng, half = np.random.default_rng(seed), 150
    with precision("float64"):
        model = lesson.build_model(3, 8, activation, learning_rate=0.01)
        model.optimizer.momentum = 0.9
        model.set_weights([rng.normal(size=W.shape) for W in model.get_weights()])
        A = np.column_stack([X, np.ones(len(X))])
        lesson.train(model, A[:half], y[:half, None], steps)
    y_hat = lesson.forward(A[half:], *model.get_weights(), "tanh")[1][:, 0]
    baseline = MLPClassifier((8,), "tanh", solver="lbfgs", alpha=0.1, max_iter=2000,
                             random_state=seed)  # fmt: skip
    reference = baseline.fit(X[:half], y[:half]).score(X[half:], y[half:])
    # Two equally good networks that err independently of each other differ, by the luck of the
    # test points, by √2 binomial standard deviations. One success and one failure more keep it
    # above 0.
    p = (half * reference + 1) / (half + 2)
    return np.mean((y_hat > 0.5) == y[half:]), reference, 4 * np.sqrt(2 * p * (1 - p) / half)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=SLOW) for seed in range(1, 11))])
def test_it_learns_two_half_moons_as_well_as_scikit_learns_network(seed):
    accuracy, reference, margin = moons(seed)
    assert abs(accuracy - reference) <= margin


def test_hidden_units_that_are_linear_are_caught():
    accuracy, reference, margin = moons(0, "linear")
    assert abs(accuracy - reference) > margin


def test_the_figures_draw():
    for draw in run(7).figures.values():
        assert draw().axes


def changed(index, change):
    """A backward pass one of whose two gradients is changed."""
    return lambda right: (
        lambda *a, **k: [change(g) if i == index else g for i, g in enumerate(right(*a, **k))]
    )


def differentiated(found, lesson):
    return lesson.differentiate(0)


def by_hand(found, lesson):
    start = lesson.draw_weights(np.random.default_rng(0))
    return {"by_hand": lesson.descend(X, Y, *start, lesson.ITERATIONS)}


def in_keras(found, lesson):
    """Trained again, for fewer steps; as many by hand."""
    return lesson.learn(0, 100)


def steps_again(found, lesson):
    """The first step of every network at once, as the survey takes it."""
    return {"first_step": {
        (kind, rate): lesson.step(X, Y, *found["starts"][kind], rate, kind)[0]
        for kind, rate in found["first_step"]
    }}  # fmt: skip


def one_step_too_many(found, lesson):
    start = lesson.draw_weights(np.random.default_rng(0))
    path = lesson.descend(X, Y, *start, lesson.ITERATIONS + 1)
    return {"by_hand": [W[1:] for W in path]}


def linear_survey(found, lesson):
    starts = found["starts"]["linear"]
    learnt = []
    for rate in lesson.RATES:
        W1, W2 = lesson.descend(X, Y, *starts, lesson.ITERATIONS, rate, "linear")
        y_hat = lesson.forward(X, W1[-1], W2[-1], "linear")[1]
        learnt.append(np.all(np.abs(y_hat - Y) < 0.5, axis=(-2, -1)).sum())
    return {"learnt": {**found["learnt"], "linear": learnt}}


def without_constant(found, lesson):
    right, lesson.load_data = lesson.load_data, lambda: (X * [1, 1, 0], Y)
    try:
        return lesson.fit_linear(0)
    finally:
        lesson.load_data = right


GRADIENTS = ["gradient-differences", "gradient-automatic"]
KERAS = ["step-keras", "path-keras"]
FAULTS = [
    Fault("the 2 of the cost's slope forgotten", "gradient", GRADIENTS, differentiated,
          ("backward", lambda right: lambda *a, **k: [g / 2 for g in right(*a, **k)])),
    Fault("the hidden layer's gradient uphill", "gradient", GRADIENTS, differentiated,
          ("backward", changed(0, np.negative))),
    Fault("a slope of σ without 1 − σ", "gradient", GRADIENTS, differentiated,
          ("ACTIVATIONS",
           lambda right: {**right, "sigmoid": (right["sigmoid"][0], lambda a: a)})),
    Fault("a slope of relu for z below 0", "gradient", GRADIENTS[:1], differentiated,
          ("ACTIVATIONS", lambda right: {**right, "relu": (right["relu"][0], np.ones_like)})),
    Fault("a slope of tanh of z, not of tanh z", "gradient", GRADIENTS[:1], differentiated,
          ("ACTIVATIONS",
           lambda right: {**right, "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2)})),
    Fault("a gradient check that forgets the constant column's weights", "gradient",
          ["wrong-found", "wrong-named"], differentiated,
          ("gradient_check", lambda right: lambda J, weights, gradients: right(
              lambda top: J(np.vstack([top, weights[0][2:]]), weights[1]),
              [weights[0][:2]], [gradients[0][:2]], ["W1"]))),
    Fault("the output layer not trained", "learning", KERAS, by_hand,
          ("backward", changed(1, np.zeros_like))),
    Fault("a mean of squares in Keras", "learning", [*KERAS, "cost-keras"], in_keras,
          ("build_model", lambda right: lambda *a: with_mean(right(*a)))),
    Fault("a learning rate off by a thousandth in Keras", "learning", KERAS, in_keras,
          ("build_model", lambda right: lambda *a: right(*a, learning_rate=1.001))),
    Fault("tanh for the hidden units in Keras", "learning", KERAS, in_keras,
          ("build_model", lambda right: lambda *a: right(*a, activation="tanh"))),
    Fault("one step too many", "learning", KERAS[1:], one_step_too_many),
    Fault("uphill", "learning", ["cost-falls", *KERAS, "xor-learnt"], by_hand,
          ("step", lambda right: lambda X, y, W1, W2, rate=1.0, *rest: right(
              X, y, W1, W2, -rate, *rest))),
    Fault("the starts stepped with their neighbours' weights", "survey", ["together-alone"],
          steps_again,
          ("step", lambda right: lambda X, y, W1, W2, *rest: right(
              X, y, W1, np.roll(W2, 1, axis=0) if W2.ndim == 3 else W2, *rest))),
    Fault("one learning rate for all", "survey", ["together-alone"], steps_again,
          ("step", lambda right: lambda X, y, W1, W2, rate, *rest: right(
              X, y, W1, W2, 0.1 if W2.ndim == 3 else rate, *rest))),
    Fault("a linear network that is none", "survey", ["linear-hidden"], linear_survey,
          ("ACTIVATIONS", lambda right: {**right, "linear": right["tanh"]})),
    Fault("the constant column left out", "linear", ["linear-cost", "linear-predictions"],
          without_constant),
    Fault("hidden units that bend after all", "linear", ["linear-predictions"],
          lambda found, lesson: lesson.fit_linear(0),
          ("step", lambda right: lambda X, y, W1, W2, rate, hidden, output: right(
              X, y, W1, W2, rate, "tanh", output))),
    Fault("costs that are no numbers", "learning", ["cost-falls", *KERAS, "xor-learnt"],
          lambda found, lesson: {"by_hand": [W * np.nan for W in found["by_hand"]],
                                 "in_keras": [W * np.nan for W in found["in_keras"]]}),
]  # fmt: skip


def with_mean(model):
    model.compile(optimizer=model.optimizer, loss="mse")
    return model


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(7, fault)


WHAT_IF = {
    "HIDDEN": ("1", "3", "40"),
    "LEARNING_RATE": ("0.01", "5.0", "100.0"),
    "ITERATIONS": ("1", "30", "3000"),
    "STARTS": ("1", "7", "60"),
    "RATES": ("(0.3,)", "(100.0, 1e-3)", "(0.01, 0.1, 1.0, 3.0, 30.0)"),
    "HIDDEN_KINDS": ('("tanh",)', '("linear", "relu")', '["sigmoid", "tanh", "relu", "linear"]'),
    "LINEAR_RATE": ("1e-3", "0.05", "0.3"),
    "LINEAR_STEPS": ("1", "500", "10_000"),
    "ACTIVATIONS": (
        "{**ACTIVATIONS, 'leaky': (lambda z: np.maximum(z, z / 10), lambda a: 1 - 0.9 * (a < 0))}",
        "{kind: ACTIVATIONS[kind] for kind in ('linear', 'relu', 'tanh', 'sigmoid')}",
        "{**ACTIVATIONS, 'sigmoid': (lambda z: (1 + np.tanh(z / 2)) / 2, lambda a: a * (1 - a))}",
    ),
}


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value):
    assert_true(7, name, value)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("value", ["3.0", "5.0", "20.0"])
def test_what_if_the_rate_is_large_for_any_seed(value, seed):
    for dtype in ("float64", "float32"):
        assert_true(7, "LEARNING_RATE", value, seed=seed, dtype=dtype)


@pytest.mark.parametrize("value", ["3", "8"])
def test_what_if_there_are_other_hidden_units(value):
    text = edited.with_constants(edited.source_of(7), {"HIDDEN": value})
    with edited.page(7, text) as page:
        found = page.differentiate(0)
        checks = outcome.modules(7)[1].checks({"gradient": found}, options.make(7))
    assert found["found"][1] == f"W1[2, {int(value) - 1}]"
    assert all(check.passed for check in checks)


@pytest.mark.slow
def test_what_if_an_activation_of_ones_own_is_surveyed():
    text = edited.source_of(7).replace('HIDDEN_KINDS = ("sigmoid",', 'HIDDEN_KINDS = ("leaky",')
    leaky = '"leaky": (lambda z: np.maximum(z, z / 10), lambda a: np.where(a > 0, 1, 0.1)),'
    found = run_page(7, text.replace('    "linear": (', f'    {leaky}\n    "linear": ('))
    assert failures(found) == []
    assert "leaky: of 20 networks learn" in found.results


def silent(found):
    return {check.id: check.not_for for check in found.checks if check.not_for}


KERAS_IDS = ["step-keras", "cost-keras", "path-keras"]
LAYERS = "keras.Input((n_inputs,)), hidden"


def test_what_if_the_optimizer_is_adam():
    text = edited.source_of(7).replace("keras.optimizers.SGD(", "keras.optimizers.Adam(")
    found = run_page(7, only_sections(text, "build_model")[0])
    assert failures(found) == []
    assert silent(found) == dict.fromkeys(KERAS_IDS, "not for Adam")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (LAYERS, f"{LAYERS}, keras.layers.Dense(4, activation='relu')", "not for 3 layers"),
        (LAYERS, f"{LAYERS}, keras.layers.Dropout(0.1)", "not for Dropout"),
        ("activation=activation, use_bias=False", "activation=activation", "not with a bias"),
        ('n_hidden=HIDDEN, activation="sigmoid"', 'n_hidden=HIDDEN, activation="relu"',
         "not for relu"),
        ('reduction="sum"', 'reduction="mean"', "not for this loss"),
    ],
)  # fmt: skip
def test_what_if_the_model_is_another(old, new, why):
    assert silent(assert_edit(7, old, new)) == dict.fromkeys(KERAS_IDS, why)


XOR = "return X, np.array([[0.0], [1], [1], [0]])"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "silent_ids"),
    [
        ("return X, np.array([[0.0], [0], [0], [1]])", ["linear-hidden"]),  # and
        ("return X[:, :2], np.array([[0.1], [0.8], [0.8], [0.4]])", ["linear-hidden"]),
        ("X = np.array([[a, b, c, 1.0] for a in (0, 1) for b in (0, 1) for c in (0, 1)])\n"
         "    return X, X[:, :3].sum(axis=1, keepdims=True) % 2", ["cost-falls"]),  # parity
        ("X = np.column_stack([np.sin(np.arange(80)).reshape(40, 2), np.ones(40)])\n"
         "    return X, np.where(X[:, :1] * X[:, 1:2] > 0, 1.0, 0.0)",
         ["cost-falls", "xor-learnt"]),
    ],
)  # fmt: skip
def test_what_if_the_rows_are_ones_own(rows, silent_ids):
    assert list(silent(assert_edit(7, XOR, rows))) == silent_ids


@pytest.mark.parametrize(
    ("name", "value"),
    [("LEARNING_RATE", "-1"), ("HIDDEN", "0"), ("RATES", "0.5"), ("HIDDEN_KINDS", "('sin',)"),
     ("ACTIVATIONS", "{}")],
)  # fmt: skip
def test_a_constant_that_makes_no_sense_is_refused(name, value):
    text = edited.with_constants(edited.source_of(7), {name: value})
    with edited.page(7, text), pytest.raises(InputError, match=f"{name} is "):
        outcome.measure(7, options.make(7))
