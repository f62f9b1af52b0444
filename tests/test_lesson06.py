from functools import partial

import numpy as np
import pytest
from faults import Fault, assert_caught, run
from keras import losses
from scipy import optimize, special
from what_if import assert_edit, assert_true, each_constant

from course import costs, lesson06 as lesson
from course.checks import lesson06 as proof
from course.checks.constants import require
from course.cli import edited, options
from course.data.classes import make_labels, make_logits
from course.errors import InputError


def test_every_check_holds():
    checks = run(6).checks
    assert len(checks) == 37
    assert [check.id for check in checks if not check.passed] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "count"),
    [({"quick": True, "seed": 5}, 37), ({"steps": 3}, 31), ({"dtype": "float32"}, 37)],
    ids=str,
)
def test_every_check_holds_with_options(given, count):
    checks = run(6, **given).checks
    assert len(checks) == count  # after 3 steps the weights are not at scikit-learn's yet
    assert [check.id for check in checks if not check.passed] == []


def test_the_fixed_values():
    results = run(6).results
    by_hand = results["cost of p = 0 and 1e-12, by hand"]
    assert by_hand[0] == np.inf
    assert by_hand[1] == pytest.approx(27.631, abs=1e-3)
    assert results["both in Keras, clipped at 1e-07"] == pytest.approx([16.118] * 2, abs=1e-3)
    assert results["labels all on, all off: cost under softmax"] == pytest.approx(
        [1.0986, 0.4055], abs=1e-4
    )


def test_mse_is_the_mean_over_rows_and_targets():
    y, y_hat = np.zeros((2, 3)), np.array([[1.0, 2, 3], [0, 0, 2]])
    assert costs.mean_squared_error(y, y_hat) == 18 / 6


def test_the_gradients_of_one_output():
    assert lesson.matched_gradient(1.0, 0.25, terms=1) == -0.75
    assert lesson.squared_error_gradient(1.0, 0.25, terms=1) == -0.28125


def test_the_objective_is_scikit_learns():
    """The lesson's sum, minimised by SciPy with a penalty written out here, meets its weights."""
    X, y = lesson.load_data()
    rows, species = np.arange(150), y.argmax(axis=1)

    def J(flat):
        W, b = flat[:12].reshape(4, 3), flat[12:]
        log_p = special.log_softmax(X @ W + b, axis=1)
        return -log_p[rows, species].mean() + np.sum(W**2) / (2 * lesson.C * 150)

    found = optimize.minimize(J, np.zeros(15), tol=1e-10).x
    # SciPy's own finite differences: no better than the root of rounding, where J is flat.
    exact = proof.logistic_regression(X, y, exclusive=True)
    np.testing.assert_allclose(found.reshape(5, 3), exact, atol=1e-3)


def test_the_softmax_floor_is_the_one_scipy_finds():
    def cost(z, y):
        p = special.softmax(z)
        return -np.mean(special.xlogy(y, p) + special.xlog1py(1 - y, -p))

    for y, floor in ((np.ones(3), np.log(3)), (np.zeros(3), np.log(1.5))):
        found = optimize.minimize(cost, [0.3, -0.2, 0.1], args=(y,))
        assert found.fun == pytest.approx(floor, abs=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_the_softmax_floor_is_reached_from_any_start(seed):
    checks = proof.checks({"floor": lesson.softmax_for_labels(seed)}, options.make(6))
    assert all(check.passed for check in checks)


@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=pytest.mark.slow), *range(2, 10)]
)  # scikit-learn takes long to make the labels of seed 1
def test_labels_meet_scikit_learn_for_any_seed(seed, monkeypatch):
    # By hand only: the compiled Keras model gets the same X and y whatever the seed.
    monkeypatch.setattr(
        lesson, "train", lambda model, X, y, steps: np.zeros((steps + 1, (X.shape[1] + 1) * 3))
    )
    checks = proof.checks({"labels": fit_labels(None, lesson, seed=seed)}, options.make(6))
    failed = [check.id for check in checks if not check.passed and "keras" not in check.id]
    assert len(checks) == 4
    assert failed == []


def test_the_figures_draw():
    figures = run(6).figures
    assert set(figures) == {"curves", "saturated", "fitted"}
    for draw in figures.values():
        assert draw().axes


def examples_again(found, lesson):
    return lesson.compute_costs(make_logits(0))


def clip_again(found, lesson):
    return lesson.clip()


def saturate_again(found, lesson):
    return lesson.saturate()


def fit_iris(found, lesson):
    Loss = losses.CategoricalCrossentropy
    return lesson.fit(*lesson.load_data(), costs.softmax, Loss, lesson.STEPS)


def fit_labels(found, lesson, seed=0):
    return lesson.fit(*make_labels(seed), costs.sigmoid, losses.BinaryCrossentropy, lesson.STEPS)


def in_keras_wrong(output, penalty=1.0, gradient=1.0):
    """Keras's weights as they would be with another penalty or gradient, by hand."""

    def spoil(found, lesson):
        X, y = found["X"], found["y"]
        terms = len(X) if output is costs.softmax else y.size
        start = np.zeros((X.shape[1] + 1, y.shape[1]))
        path = lesson.descend(
            X, y, output, lambda *a: gradient * lesson.matched_gradient(*a), terms, start,
            lesson.LEARNING_RATE * terms / len(X), lesson.STEPS, lesson.MOMENTUM,
            penalty / (2 * lesson.C * terms),
        )  # fmt: skip
        return {"in_keras": path.reshape(len(path), -1)}

    return spoil


def test_without_a_fault_these_are_kerass_weights():
    for name, output in (("iris", costs.softmax), ("labels", costs.sigmoid)):
        found = run(6).measured[name]
        (same,) = in_keras_wrong(output)(found, lesson).values()
        np.testing.assert_allclose(found["in_keras"], same, atol=1e-5)


def forget(name):
    """A cost function that ignores one of its keyword arguments."""
    return lambda right: lambda *a, **how: right(*a, **{k: v for k, v in how.items() if k != name})


Fault = partial(Fault, given={})
FAULTS = [
    Fault("MSE averaged over rows only", "examples",
          ["costs", "weighted", "shown", "sigmoid-mse-numeric"], examples_again,
          ("costs.mean_squared_error", lambda right: lambda y, y_hat, weights=None:
              np.shape(y)[1] * right(y, y_hat, weights))),
    Fault("binary cross entropy without the labels that are off", "examples",
          ["costs", "shown", "sigmoid-cross-entropy-numeric"], examples_again,
          ("costs.binary_cross_entropy", lambda right: lambda y, p, from_logits=False, **how:
              -np.mean(y * np.log(special.expit(p) if from_logits else p)))),
    Fault("weights forgotten", "examples", ["weighted"],
          patch=("costs.cross_entropy", forget("weights"))),
    Fault("the clip forgotten", "clip", ["clipped"], clip_again,
          ("costs.cross_entropy", forget("clip"))),
    Fault("a clip at 1e-8 by hand", "clip", ["clipped"], clip_again,
          ("costs.cross_entropy", lambda right: lambda *a, clip=0.0, **how:
              right(*a, clip=clip / 10, **how))),
    Fault("a clip at 1e-8 in Keras", "clip", ["epsilon", "clipped-keras"],
          lambda found, lesson: {"in_keras": [8 * np.log(10)] * 2}),
    Fault("a gradient in Keras where p is clipped", "clip", ["flat-below-clip"],
          lambda found, lesson: {"gradient_in_p": [[-1e-5, 0]]}),
    Fault("logits turned into probabilities first", "clip", ["logits"], clip_again,
          ("costs.cross_entropy", lambda right: lambda y, p, from_logits=False, **how:
              right(y, special.softmax(p, axis=1) if from_logits else p, **how))),
    Fault("a gradient without the sigmoid's own", "examples",
          ["sigmoid-mse-numeric", "sigmoid-mse-automatic"], examples_again,
          ("squared_error_gradient", lambda right: lambda y, p, terms: 2 * (p - y) / terms)),
    Fault("a gradient without its 2", "saturated", ["saturated-keras", "steps-mse"],
          saturate_again, ("squared_error_gradient", lambda right: lambda *a: right(*a) / 2)),
    Fault("y − p", "examples",
          ["softmax-cross-entropy-numeric", "softmax-cross-entropy-automatic",
           "sigmoid-cross-entropy-numeric", "sigmoid-cross-entropy-automatic"], examples_again,
          ("matched_gradient", lambda right: lambda *a: -right(*a))),
    Fault("the same cost for both units", "saturated", ["first-slopes", "saturated-keras"],
          saturate_again,
          ("sigmoid_squared_error", lambda right: losses.BinaryCrossentropy(from_logits=True))),
    Fault("probabilities that sum to 0.9", "floor", ["softmax-floor"],
          lambda found, lesson: lesson.softmax_for_labels(0),
          ("costs.softmax", lambda right: lambda z: 0.9 * right(z))),
    Fault("a penalised intercept", "iris", ["iris-sklearn", "iris-keras"], fit_iris,
          ("descend", lambda right: lambda X, y, output, gradient, terms, theta, *rest:
              right(np.column_stack([X, np.ones(len(X))]), y, output, gradient, terms,
                    np.vstack([theta, theta[:1]]), *rest)[:, :-1])),
    Fault("a penalty without its ½", "iris", ["iris-keras-sklearn", "iris-keras"],
          in_keras_wrong(costs.softmax, penalty=2)),
    Fault("labels averaged over rows only", "labels", ["labels-keras-sklearn", "labels-keras"],
          in_keras_wrong(costs.sigmoid, gradient=3)),
    Fault("a rate off by a thousandth of a per cent in Keras", "labels", ["labels-keras"],
          in_keras_wrong(costs.sigmoid, penalty=1 + 1e-5, gradient=1 + 1e-5)),
    Fault("one late step that is off by a hundred-thousandth", "saturated", ["saturated-keras"],
          lambda found, lesson: {"in_keras": {k: v + 3e-5 * (np.arange(len(v)) == 40)[:, None]
                                              for k, v in found["in_keras"].items()}}),
    Fault("first steps a tenth of a per cent too long", "saturated", ["first-slopes"],
          lambda found, lesson: {"in_keras": {
              k: np.vstack([v[0], v[0] + 1.001 * (v[1] - v[0]), v[2:]])
              for k, v in found["in_keras"].items()}}),
    Fault("MSE that learns twice as fast", "saturated", ["steps-mse", "mse-cost-left"],
          lambda found, lesson: {"by_hand": {k: v[::2] if k == "MSE" else v
                                             for k, v in found["by_hand"].items()}}),
    Fault("cross entropy that learns half as fast", "saturated",
          ["steps-cross-entropy", "cross-entropy-cost-left"],
          lambda found, lesson: {"by_hand": {k: v.repeat(2, axis=0) if k != "MSE" else v
                                             for k, v in found["by_hand"].items()}}),
    Fault("sigmoids that learn a tenth as fast", "floor", ["sigmoid-below"],
          lambda found, lesson: {"sigmoid": [10 * J + 0.1 for J in found["sigmoid"]]}),
    Fault("plain descent for Nesterov's", "iris", ["iris-sklearn", "iris-log-loss"], fit_iris,
          ("descend", lambda right: lambda *a: right(*a[:-2], 0.0, a[-1]))),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(6, fault)


WHAT_IF = {
    "EPSILON": ("1e-12", "1e-3", "0.3"),
    "TINY": ("1e-300", "1e-7", "1e-3", "0.4"),
    "FAR": ("1e-3", "1.0", "1e20"),
    "SATURATED": ("-0.5", "-3", "-40.0", "-500.0"),
    "SATURATED_RATE": ("1e-3", "1", "5.0", "1e4"),
    "SATURATED_STEPS": ("1", "10", "3_000"),
    "MSE_STEPS": ("1", "20", "5_000"),
    "C": ("1e-6", "1.0", "1e6"),
    "STEPS": ("1", "40", "2_000"),
    "LEARNING_RATE": ("0.01", "3.0", "30.0", "1000.0"),
    "MOMENTUM": ("0", "0.5", "0.99"),
    "FLOOR_RATE": ("0.01", "1", "5.9"),
    "FLOOR_STEPS": ("1", "20", "2_000"),
}


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value):
    assert_true(6, name, value)


def names(found):
    return {check.id: check.name for check in found.checks}


def test_what_if_the_rate_is_too_large():
    found = assert_true(6, "LEARNING_RATE", "1000.0")
    assert names(found)["labels-sklearn"] == "labels: 1e+03 is above 3.97: never settles"
    assert "iris-log-loss" not in names(found)
    assert [v for k, v in found.results.items() if k.startswith("iris")] == ["diverged"]


def test_what_if_the_unit_is_surer_of_the_wrong_answer():
    found = assert_true(6, "SATURATED", "-12")
    assert found.results["sure and wrong: steps until p = ½, MSE"] == "more than 1,600"
    assert names(found)["steps-mse"] == "MSE: p < ½ for all 1,600 steps"


@pytest.mark.slow
def test_what_if_the_clip_by_hand_is_another():
    found = assert_true(6, "EPSILON", "1e-3")
    assert {c.id: c.not_for for c in found.checks if c.not_for} == {
        "epsilon": "not: Keras's is 1e-07"
    }


KERAS = {"first-slopes", "saturated-keras", "iris-keras", "iris-keras-sklearn", "labels-keras",
         "labels-keras-sklearn"}  # fmt: skip
DENSE = "keras.Input((n_features,)), dense"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("SGD(float(rate), float(momentum), nesterov=True)", "Adam(float(rate))", "not for Adam"),
        ("nesterov=True", "nesterov=False", "not for this nesterov"),
        (DENSE, DENSE.replace("dense", "keras.layers.Dense(8, 'relu'), dense"), "not for 2 layers"),
        (DENSE, DENSE.replace("dense", "keras.layers.Dropout(0.5), dense"), "not for Dropout"),
        ("n_outputs, kernel", "n_outputs, activation='tanh', kernel", "not for tanh"),
        ("n_outputs, kernel", "n_outputs, use_bias=False, kernel", "not without a bias"),
        ("kernel_initializer=start, ", "", "not from these weights"),
        ("keras.regularizers.L2(penalty)", "keras.regularizers.L1(penalty)",
         "not for this penalty"),
    ],
)  # fmt: skip
def test_what_if_the_model_is_another(old, new, why):
    found = assert_edit(6, old, new)
    silent = {check.id: check.not_for for check in found.checks if check.not_for}
    assert silent == dict.fromkeys(KERAS, why)


OWN_POINTS = """
def load_data():
    X = np.random.default_rng(0).normal(size=({rows}, {features}))
    return X, np.eye({classes})[({classes} * X[:, 0]).astype(int) % {classes}]


# By hand ---"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "features", "classes", "settles"), [(30, 1, 2, True), (400, 3, 4, False)]
)
def test_what_if_the_points_are_ones_own(rows, features, classes, settles):
    own = OWN_POINTS.format(rows=rows, features=features, classes=classes)
    found = assert_edit(6, "\n# By hand ---", own)
    assert [check.id for check in found.checks if check.not_for] == []
    assert ("iris-log-loss" in names(found)) == settles


@pytest.mark.parametrize(
    ("name", "value"),
    [("LEARNING_RATE", "-1"), ("MOMENTUM", "1"), ("STEPS", "0"), ("EPSILON", "0"), ("C", "0"),
     ("SATURATED", "8.0"), ("FLOOR_RATE", "10")],
)  # fmt: skip
def test_a_constant_that_makes_no_sense_is_refused(name, value):
    text = edited.with_constants(edited.source_of(6), {name: value})
    with edited.page(6, text) as page, pytest.raises(InputError, match=f"{name} is {value}"):
        require(page, proof)
