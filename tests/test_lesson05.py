import numpy as np
import pytest
import references
from faults import Fault, assert_caught, run
from scipy import linalg

from course import lesson05 as lesson
from course.checks import lesson05 as proof
from course.cli import options
from course.machine.precision import precision


@pytest.mark.parametrize(
    "given", [{}, {"quick": True, "seed": 5}, {"steps": 1}, {"steps": 5_000}], ids=str
)
def test_every_check_holds(given):
    checks = run(5, **given).checks
    assert len(checks) == 22
    assert [check.id for check in checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    checks = run(5, dtype="float32").checks
    assert [check.id for check in checks if not check.passed] == []


@pytest.fixture
def by_hand(monkeypatch):
    """No training in Keras, which other tests run."""
    zeros = np.zeros((lesson.MOMENTUM_STEPS + 1, 3))
    monkeypatch.setattr(lesson, "train", lambda *a: zeros)
    monkeypatch.setattr(lesson, "build_model", lambda *a: None)


@pytest.mark.parametrize("seed", range(1, 13))
def test_the_ill_conditioned_problem_holds_for_any_seed(seed, by_hand):
    chosen = options.make(5)
    checks = proof.check_scaling(chosen, **lesson.standardise_features(seed))
    checks += proof.check_momentum(chosen, **lesson.add_momentum(seed))
    failing = {check.id for check in checks if not check.passed}
    assert failing == {"heavy-ball-keras", "nesterov-keras"}


def test_the_fixed_values():
    assert lesson.LEARNING_RATES == (0.01, 0.02, 0.03, 0.04)
    assert lesson.DECAY == 1e-6
    results = run(5).results
    assert results["best learning rate, by trying"] == pytest.approx(1 / 7, abs=1e-9)
    assert results["largest learning rate"] == pytest.approx(2 / (7 + np.sqrt(41)))
    after = results["decay 1e-6: learning rate after 100,000 steps"]
    assert after == pytest.approx(0.01 / 1.1, rel=1e-6)


def test_each_fixed_rate_is_trained_in_an_optimizer_of_its_own():
    found = run(5).measured["rates"]
    assert tuple(found["in_keras"]) == lesson.LEARNING_RATES
    for eta in lesson.LEARNING_RATES:
        optimizer = lesson.build_model(1, eta).optimizer
        assert float(lesson.keras.ops.convert_to_numpy(optimizer.learning_rate)) == pytest.approx(
            eta
        )


def test_a_rate_near_the_best_in_keras_is_descent_by_hand():
    X, y = lesson.load_data()
    with precision("float64"):
        path = lesson.train(lesson.build_model(1, lesson.NEAR_BEST), X, y, 100)
    by_hand = lesson.descend(X, y, lesson.NEAR_BEST, 100)
    np.testing.assert_allclose(path, by_hand, atol=1e-6)


def trajectory(X, y, learning_rate, steps):
    """Plain descent from 0 without a loop: θ* − (I − ηH)^t θ*, (steps + 1, p + 1)."""
    A = np.column_stack([X, np.ones(len(X))])
    values, vectors = linalg.eigh(2 / len(y) * A.T @ A)
    minimum = references.normal_equations(X, y)
    factors = (1 - learning_rate * values) ** np.arange(steps + 1)[:, None]
    return minimum - (factors * (vectors.T @ minimum)) @ vectors.T


def with_velocity_as_in_the_textbooks(X, y, learning_rate, momentum, nesterov, steps):
    """Polyak's and Nesterov's two-point forms, without a velocity.

    Polyak    x' = x − η∇J(x) + μ(x − x_before)
    Nesterov  x' = z − η∇J(z),  z' = x' + μ(x' − x); Keras's weights are the z.
    """
    A = np.column_stack([X, np.ones(len(X))])
    x = before = z = np.zeros(A.shape[1])
    path = [z]
    for _ in range(steps):
        g = 2 / len(y) * A.T @ (A @ z - y)
        before, x = x, (z - learning_rate * g + (0 if nesterov else momentum * (x - before)))
        z = x + momentum * (x - before) if nesterov else x
        path.append(z)
    return np.array(path)


def count(path, minimum):
    """Steps until the distance is below a millionth for good."""
    distance = np.linalg.norm(path - minimum, axis=1)
    return 1 + max(t for t, each in enumerate(distance) if each > 1e-6 * distance[0])


@pytest.mark.parametrize("seed", range(4))
def test_the_steps_are_those_of_references_without_the_lessons_code(seed, by_hand):
    X, y = lesson.make_ill_conditioned(seed)
    found = lesson.standardise_features(seed)
    values = 2 * linalg.svdvals(np.column_stack([X, np.ones(len(y))])) ** 2 / len(y)
    for name, features in (("plain", X), ("standardised", (X - X.mean(axis=0)) / X.std(axis=0))):
        A = np.column_stack([features, np.ones(len(y))])
        curved = 2 * linalg.svdvals(A) ** 2 / len(y)
        path = trajectory(features, y, 2 / (curved[0] + curved[-1]), 3000)
        assert found[name]["steps"] == count(path, references.least_squares(features, y))

    root = np.sqrt(values[0] / values[-1])
    ratio = (root - 1) / (root + 1)
    heavy = (4 / (np.sqrt(values[0]) + np.sqrt(values[-1])) ** 2, ratio**2, False)
    minimum = references.least_squares(X, y)
    counts = [
        count(with_velocity_as_in_the_textbooks(X, y, *settings, 300), minimum)
        for settings in (heavy, (1 / values[0], ratio, True))
    ]
    assert list(lesson.add_momentum(seed)["steps"].values()) == counts


@pytest.mark.parametrize("nesterov", [False, True])
def test_keras_formulas_are_those_of_the_textbooks(nesterov):
    X, y = lesson.make_ill_conditioned(3)
    path = lesson.descend(X, y, 0.004, 200, momentum=0.8, nesterov=nesterov)
    textbook = with_velocity_as_in_the_textbooks(X, y, 0.004, 0.8, nesterov, 200)
    np.testing.assert_allclose(path, textbook, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_schedules_of_two_precisions(dtype):
    with precision(dtype):
        value = lesson.inverse_time_decay(0.01, 1e-6)(100_000)
    assert dtype in str(value.dtype)


def test_the_figures_draw():
    for draw in run(5, quick=True).figures.values():
        assert draw().axes


def rates_again(found, lesson):
    """By hand alone."""
    steps = {eta: len(path) - 1 for eta, path in found["by_hand"].items()}
    X, y = found["X"], found["y"]
    by_hand = {eta: lesson.descend(X, y, eta, t) for eta, t in steps.items()}
    return {"by_hand": by_hand, "best": lesson.search_best_rate(X, y)}


def schedule_again(found, lesson):
    return {"by_hand": lesson.descend(found["X"], found["y"], found["rates"], len(found["rates"]))}


def schedule_in_keras_again(found, lesson):
    return lesson.follow_schedules()


def scaling_again(found, lesson):
    return lesson.standardise_features(0)


def momentum_again(found, lesson):
    X, y = found["X"], found["y"]
    return {"by_hand": {
        name: lesson.descend(X, y, eta, lesson.MOMENTUM_STEPS, mu, nesterov)
        for name, (eta, mu, nesterov) in found["settings"].items()}}  # fmt: skip


def in_keras_again(found, lesson):
    return {"in_keras": lesson.add_momentum(0)["in_keras"]}


def halved(right):
    return lambda *a: right(*a) / 2


def no_intercept(right):
    return lambda X, y: np.append(np.linalg.lstsq(X, y)[0], 0)


def later(right):
    return lambda X, y, rates, steps: right(
        X, y, np.broadcast_to(rates, steps)[np.maximum(np.arange(steps) - 1, 0)], steps
    )


FAULTS = [
    Fault("a gradient that forgot its factor 2", "rates",
          ["costs", "contraction", "rates-keras", "best-rate"], rates_again, ("gradient", halved)),
    Fault("an intercept that is not trained", "rates", ["contraction", "rates-keras"],
          lambda found, lesson: {"by_hand": {
              eta: lesson.descend(found["X"], found["y"], eta, len(path) - 1)
              for eta, path in found["by_hand"].items()}},
          ("gradient", lambda right: lambda X, y, theta: right(X, y, theta) * [1, 0])),
    Fault("a Hessian without its 2", "rates", ["costs", "contraction", "best-rate"],
          patch=("references.curvature", lambda right: lambda X: (right(X)[0] / 2, right(X)[1]))),
    Fault("2/λmax taken for the best rate", "rates", ["best-rate"],
          lambda found, lesson: {"best": (2 / lesson.flattest_and_steepest(found["X"])[1],
                                          found["best"][1])}),
    Fault("a best rate half a percent too small", "scaling", ["ill-contraction", "plain-paths"],
          scaling_again, ("best_learning_rate", lambda right: lambda X: 0.995 * right(X))),
    Fault("a contraction factor of (κ − 1)/κ", "rates", ["best-contraction"],
          lambda found, lesson: {"best": (found["best"][0], 1 - 1 / np.linalg.cond(
              lesson.hessian(found["X"])))}),
    Fault("one step too many", "rates", ["costs", "rates-keras"],
          lambda found, lesson: {"by_hand": {
              eta: lesson.descend(found["X"], found["y"], eta, len(path) - 1)
              for eta, path in found["by_hand"].items()}},
          ("descend", lambda right: lambda X, y, eta, steps: right(X, y, eta, steps + 1)[1:])),
    Fault("learning rates off by a hundred-thousandth in Keras", "rates", ["rates-keras"],
          lambda found, lesson: {"in_keras": {
              eta: lesson.train(lesson.build_model(1, eta), found["X"], found["y"], len(path) - 1)
              for eta, path in found["in_keras"].items()}},
          ("build_model", lambda right: lambda n, eta: right(n, eta * (1 + 1e-5)))),
    Fault("a path that is not finite", "rates", ["costs", "contraction", "rates-keras"],
          lambda found, lesson: {"by_hand": {
              eta: np.full_like(path, np.nan) for eta, path in found["by_hand"].items()}}),
    Fault("a decay ten times too strong", "schedule", ["weak-decay", "schedule-keras"],
          schedule_in_keras_again, ("inverse_time_decay", lambda right: lambda eta, decay: right(
              eta, 10 * decay))),
    Fault("a rate that falls one step late", "schedule", ["strong-decay", "schedule-keras"],
          schedule_again, ("descend", later)),
    Fault("a rate that never falls", "schedule", ["strong-decay", "turn", "schedule-keras"],
          lambda found, lesson: {"by_hand": lesson.descend(
              found["X"], found["y"], lesson.START_RATE, len(found["rates"]))}),
    Fault("a little less momentum", "momentum",
          ["momentum", "heavy-ball-keras", "nesterov-keras", "flattest"], momentum_again,
          ("descend", lambda right: lambda X, y, eta, steps, momentum, nesterov: right(
              X, y, eta, steps, momentum - 1e-4, nesterov))),
    Fault("Nesterov's look ahead forgotten by hand", "momentum", ["momentum", "nesterov-keras"],
          momentum_again, ("descend", lambda right: lambda *a: right(*a[:5]))),
    Fault("Nesterov forgotten in Keras", "momentum", ["nesterov-keras"], in_keras_again,
          ("build_model", lambda right: lambda *a: right(*a[:3]))),
    Fault("the heavy ball's matrix for Nesterov", "momentum", ["momentum", "radius"],
          patch=("step_matrix", lambda right: lambda step, mu, nesterov: right(step, mu, False))),
    Fault("momentum's steps counted from the wrong end", "momentum", ["momentum-steps"],
          lambda found, lesson: {"steps": {name: 300 - t for name, t in found["steps"].items()}}),
    Fault("momentum that stands still after T", "momentum", ["momentum-contraction"],
          lambda found, lesson: {"by_hand": {
              name: path[np.minimum(np.arange(301), 75)]
              for name, path in found["by_hand"].items()}}),
    Fault("the features not standardised after all", "scaling", ["kappa-standardised"],
          lambda found, lesson: {"standardised": found["plain"]}),
    Fault("κ of one feature only", "scaling", ["kappa"],
          lambda found, lesson: {"plain": {**found["plain"], "kappa": np.linalg.cond(
              lesson.hessian(found["plain"]["X"][:, :1]))}}),
    Fault("one step too few counted", "scaling", ["steps"],
          lambda found, lesson: {"plain": {**found["plain"],
                                           "steps": found["plain"]["steps"] - 1}}),
    Fault("the rate 1/λmax where 1/λmin is meant", "scaling", ["ill-growth"], scaling_again,
          ("flattest_and_steepest", lambda right: lambda X: right(X)[::-1])),
    Fault("a minimum without intercept", "scaling", ["ill-contraction", "plain-paths"],
          patch=("references.least_squares", no_intercept)),
    Fault("the same with momentum", "momentum", ["momentum"],
          patch=("references.least_squares", no_intercept)),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(5, fault)
