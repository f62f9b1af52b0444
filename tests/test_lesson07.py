import numpy as np
import pytest
from mistakes import Mistake, assert_caught
from scipy import optimize, special

from course import lesson07 as lesson
from course.cli.report import Options, precision

X, Y = lesson.load_data()


@pytest.mark.parametrize("options", [Options(), Options(quick=True, seed=5)])
def test_every_check_holds(options):
    report = lesson.run(options)
    assert len(report.checks) == 14
    assert [check.name for check in report.checks if not check.passed] == []


def test_few_steps_hold_all_but_what_needs_many():
    report = lesson.run(Options(steps=3, quick=True))
    assert len(report.checks) == 13
    assert [check.name for check in report.checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    assert lesson.run(Options(dtype="float32", quick=True)).passed


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


def test_the_backward_pass_is_the_slope_that_scipy_measures():
    flat = np.random.default_rng(3).normal(size=16)
    W1, W2 = flat[:12].reshape(3, 4), flat[12:].reshape(4, 1)
    assert lesson.cost(X, Y, W1, W2) == pytest.approx(scipy_cost(flat), rel=1e-14)
    measured = optimize.approx_fprime(flat, scipy_cost, 1e-7)
    by_hand = lesson.flat(lesson.backward(X, Y, W1, W2))
    np.testing.assert_allclose(by_hand, measured, atol=1e-6)


@pytest.mark.parametrize("seed", range(30))
def test_the_classic_start_learns_and_never_rises(seed):
    W1, W2 = lesson.draw_weights(np.random.default_rng(seed))
    path = lesson.descend(X, Y, W1, W2, lesson.ITERATIONS)
    costs = lesson.cost(X, Y, *path)
    assert costs[-1] < 0.01
    assert np.diff(costs).max() < 0


@pytest.mark.parametrize(
    "place", [("W1", 0, (0, 0)), ("W1", 0, (2, 3)), ("W2", 1, (1, 0))], ids=str
)
@pytest.mark.parametrize("wrong", [lambda g: 1.001 * g, lambda g: -g, lambda g: np.nan])
def test_the_gradient_check_names_the_weight_that_is_wrong(place, wrong):
    name, which, index = place
    weights = lesson.draw_weights(np.random.default_rng(2))
    gradients = [np.copy(g) for g in lesson.backward(X, Y, *weights)]
    gradients[which][index] = wrong(gradients[which][index])
    error, where = lesson.gradient_check(lambda *W: lesson.cost(X, Y, *W), weights, gradients)
    assert not error < 5e-4
    assert where == f"{name}{list(index)}"


def test_the_gradient_check_refuses_a_gradient_of_another_shape():
    weights = lesson.draw_weights(np.random.default_rng(2))
    dW1, dW2 = lesson.backward(X, Y, *weights)
    with pytest.raises(ValueError, match=r"W1 has shape \(3, 4\), its gradient \(4, 3\)"):
        lesson.gradient_check(lambda *W: lesson.cost(X, Y, *W), weights, [dW1.T, dW2])


@pytest.mark.parametrize("seed", range(12))
def test_by_hand_checks_hold_for_any_seed(seed):
    with precision("float64"):
        for section in (lesson.gradients, lesson.linear):
            assert section(Options(seed=seed)).passed


@pytest.mark.parametrize("seed", range(1, 11))
def test_the_two_moons_hold_for_any_seed(seed):
    with precision("float64"):
        assert lesson.moons(Options(seed=seed, quick=True)).passed


def test_the_figures_draw():
    for draw in lesson.run(Options(quick=True)).figures.values():
        assert draw().axes


def section(name, **options):
    return lambda: getattr(lesson, name)(Options(quick=True, **options))


def changed(index, change):
    """A backward pass one of whose two gradients is changed."""
    return lambda right: (
        lambda *a, **k: [change(g) if i == index else g for i, g in enumerate(right(*a, **k))]
    )


GRADIENTS = ["gradient by hand = differences, per weight", "gradients of 20 nets = autodiff"]
TWINS = ["each step in Keras = by hand", "every weight on the way, Keras = by hand"]
MISTAKES = [
    Mistake("the 2 of the cost's slope forgotten", "backward",
            lambda right: lambda *a, **k: [g / 2 for g in right(*a, **k)],
            section("gradients"), GRADIENTS),
    Mistake("the hidden layer's gradient uphill", "backward", changed(0, np.negative),
            section("gradients"), GRADIENTS),
    Mistake("a slope of σ without 1 − σ", "ACTIVATIONS",
            lambda right: {**right, "sigmoid": (right["sigmoid"][0], lambda a: a)},
            section("gradients"), GRADIENTS),
    Mistake("a slope of relu for z below 0", "ACTIVATIONS",
            lambda right: {**right, "relu": (right["relu"][0], np.ones_like)},
            section("gradients"), GRADIENTS[:1]),
    Mistake("a slope of tanh of z, not of tanh z", "ACTIVATIONS",
            lambda right: {**right, "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2)},
            section("gradients"), GRADIENTS[:1]),
    Mistake("a gradient check that forgets the constant column's weights", "gradient_check",
            lambda right: lambda J, weights, gradients: right(
                lambda top: J(np.vstack([top, weights[0][2:]]), weights[1]),
                [weights[0][:2]], [gradients[0][:2]], ["W1"]),
            section("gradients"), ["a slope 0.1 % too large is found", "the weight is named"]),
    Mistake("the output layer not trained", "backward", changed(1, np.zeros_like),
            section("learning"), TWINS),
    Mistake("a mean of squares in Keras", "squared_error",
            lambda right: lambda y, y_hat: right(y, y_hat) / 4, section("learning"),
            [*TWINS, "each cost in Keras = by hand"]),
    Mistake("a learning rate off by a thousandth in Keras", "build_model",
            lambda right: lambda: right(learning_rate=1.001), section("learning"), TWINS),
    Mistake("tanh for the hidden units in Keras", "build_model",
            lambda right: lambda: right(activation="tanh"), section("learning"), TWINS),
    Mistake("one step too many", "descend",
            lambda right: lambda X, y, W1, W2, steps, *rest: [
                W[1:] for W in right(X, y, W1, W2, steps + 1, *rest)],
            section("learning"), TWINS[1:]),
    Mistake("uphill", "step",
            lambda right: lambda X, y, W1, W2, rate=1.0, *rest: right(X, y, W1, W2, -rate, *rest),
            section("learning"), ["largest rise of the cost = 0", *TWINS,
                                  "predictions, rounded, = targets"]),
    Mistake("the starts stepped with their neighbours' weights", "step",
            lambda right: lambda X, y, W1, W2, *rest: right(
                X, y, W1, np.roll(W2, 1, axis=1) if W2.ndim == 4 else W2, *rest),
            section("survey"), ["a step of 240 nets at once = each alone"]),
    Mistake("one learning rate for all", "step",
            lambda right: lambda X, y, W1, W2, rate, *rest: right(
                X, y, W1, W2, np.ravel(rate)[0], *rest),
            section("survey"), ["a step of 240 nets at once = each alone"]),
    Mistake("a linear net that is none", "ACTIVATIONS",
            lambda right: {**right, "linear": right["tanh"]},
            section("survey"), ["without a hidden activation no net learns XOR"]),
    Mistake("the constant column left out", "load_data",
            lambda right: lambda: (right()[0] * [1, 1, 0], right()[1]),
            section("linear"),
            ["linear net: cost = 1, and = least squares", "linear net: predictions = ½"]),
    Mistake("hidden units that bend after all", "step",
            lambda right: lambda X, y, W1, W2, rate, hidden, output: right(
                X, y, W1, W2, rate, "tanh", output),
            section("linear"), ["linear net: predictions = ½"]),
    Mistake("hidden units that are linear", "build_model",
            lambda right: lambda n, q, activation, **k: right(n, q, "linear", **k),
            section("moons"), ["two moons: accuracy = MLPClassifier, 4 sigma"]),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)
