from functools import partial

import numpy as np
import pytest
from faults import Fault, assert_caught, run
from keras import losses
from scipy import optimize, special

from course import costs, lesson06 as lesson
from course.checks import lesson06 as proof
from course.cli import options
from course.data.classes import make_labels, make_logits


@pytest.mark.parametrize(
    ("given", "count"), [({}, 37), ({"quick": True, "seed": 5}, 37), ({"steps": 3}, 31)], ids=str
)
def test_every_check_holds(given, count):
    checks = run(6, **given).checks
    assert len(checks) == count
    assert [check.id for check in checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    assert run(6, dtype="float32").passed


def test_the_fixed_values():
    results = run(6).results
    by_hand = results["cost of p = 0 and 1e-12, by hand"]
    assert by_hand[0] == np.inf
    assert by_hand[1] == pytest.approx(27.631, abs=1e-3)
    assert results["both in Keras, clipped at 1e-7"] == pytest.approx([16.118] * 2, abs=1e-3)
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


@pytest.mark.parametrize("seed", range(10))
def test_labels_meet_scikit_learn_for_any_seed(seed, monkeypatch):
    # By hand only: the compiled Keras model gets the same X and y whatever the seed.
    monkeypatch.setattr(
        lesson, "train", lambda model, X, y, steps: np.zeros((steps + 1, X.shape[1] + 1, 3))
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


def fit_labels(found, lesson, Loss=losses.BinaryCrossentropy, seed=0):
    return lesson.fit(*make_labels(seed), costs.sigmoid, Loss, lesson.STEPS)


def tripled(from_logits):
    loss = losses.BinaryCrossentropy(from_logits=from_logits)
    return lambda y, z: 3 * loss(y, z)


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
    Fault("a clip at 1e-8", "clip", ["epsilon", "clipped"], clip_again,
          ("EPSILON", lambda right: 1e-8)),
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
    Fault("a penalty without its ½", "iris", ["iris-keras-sklearn", "iris-keras"], fit_iris,
          ("build_model", lambda right: lambda *a: right(*a[:-1], 2 * a[-1]))),
    Fault("labels averaged over rows only", "labels", ["labels-keras-sklearn", "labels-keras"],
          partial(fit_labels, Loss=tripled)),
    Fault("plain descent for Nesterov's", "iris", ["iris-sklearn", "iris-log-loss"], fit_iris,
          ("descend", lambda right: lambda *a: right(*a[:-2], 0.0, a[-1]))),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(6, fault)
