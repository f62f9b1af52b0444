import numpy as np
import pytest
import references
from faults import Fault, assert_caught, failing, run
from scipy import linalg
from what_if import assert_edit, assert_true, each_constant

from course import lesson05 as lesson
from course.checks import constants, lesson05 as proof
from course.cli import edited, options
from course.errors import InputError
from course.machine.precision import precision


@pytest.mark.parametrize(
    "given",
    [
        {},
        *(
            pytest.param(given, marks=pytest.mark.slow)
            for given in ({"quick": True, "seed": 5}, {"steps": 1}, {"steps": 5_000})
        ),
    ],
    ids=str,
)
def test_every_check_holds(given):
    checks = run(5, **given).checks
    assert len(checks) == 24
    assert [check.id for check in checks if not check.passed] == []


@pytest.mark.slow
def test_float32_holds_its_own_tolerance():
    checks = run(5, dtype="float32").checks
    assert [check.id for check in checks if not check.passed] == []


@pytest.fixture
def by_hand(monkeypatch):
    """No training in Keras, which other tests run."""
    zeros = np.zeros((lesson.MOMENTUM_STEPS + 1, 3))
    monkeypatch.setattr(lesson, "train", lambda *a: zeros)
    monkeypatch.setattr(lesson, "build_model", lambda *a: None)


@pytest.mark.slow
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
    after = results["decay 1e-06: learning rate after 100,000 steps"]
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


@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.slow) for s in (1, 2))])
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
    for draw in run(5).figures.values():
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
    Fault("a rate that descends where it must diverge", "rates", ["above-limit"],
          lambda found, lesson: {"by_hand": {
              **found["by_hand"], lesson.TOO_LARGE: found["by_hand"][lesson.NEAR_BEST]}}),
    Fault("a rate that diverges where it must descend", "rates", ["below-limit"],
          lambda found, lesson: {"by_hand": {
              **found["by_hand"], lesson.NEAR_BEST: found["by_hand"][lesson.TOO_LARGE]}}),
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


WHAT_IF = {
    "LEARNING_RATES": ("(0.05, 0.2, 1.0)", "(0.14,)", "(0.01, 0.02, 0.05, 0.1, 0.3)"),
    "NEAR_BEST": ("0.01", "0.1", "0.2"),
    "TOO_LARGE": ("0.05", "0.2", "2.0"),
    "FEW_STEPS": ("1", "10", "1000"),
    "STEPS": ("1", "20", "2000"),
    "QUICK_STEPS": ("1", "20", "1000"),
    "MOMENTUM_STEPS": ("1", "20", "2000"),
    "DECAY": ("0.0", "1e-3", "1.0"),
    "START_RATE": ("0.01", "1.0", "10.0"),
    "STRONG_DECAY": ("0.0", "0.001", "1.0"),
    "SCHEDULE_STEPS": ("1", "10", "500"),
    "POINTS": ("6", "30", "1000"),
    "STRETCH": ("0.1", "1.0", "50.0"),
    "TRUE_THETA": ("(0.0, 0.0, 0.0)", "(-30.0, 1.0, 0.5)", "(1e4, 1e4, 1e4)"),
    "REACHED": ("0.5", "1e-3", "1e-10"),
}


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value):
    assert_true(5, name, value)


def names(found):
    return {check.id: check.name for check in found.checks}


def not_for(found):
    return {check.id: check.not_for for check in found.checks if check.not_for}


def test_three_rates_of_which_two_diverge_as_foreseen():
    found = assert_true(5, "LEARNING_RATES", "(0.05, 0.2, 1.0)")
    assert names(found)["above-limit"] == "0.155 … 1 above 2/λmax = 0.149: diverge"
    assert names(found)["below-limit"] == "0.05 … 0.14 below 2/λmax = 0.149: converge"
    assert names(found)["rates-keras"].startswith("3 rates: ")
    ends = [value for name, value in found.results.items() if name.startswith("learning rate 1:")]
    assert ends[0].endswith(": diverges")


def test_one_rate():
    found = assert_true(5, "LEARNING_RATES", "(0.14,)")
    assert names(found)["rates-keras"].startswith("one rate: ")


@pytest.mark.parametrize("spoilt", ["by_hand", "in_keras"])
def test_a_diverging_path_is_held_at_every_step(spoilt):
    text = edited.with_constants(edited.source_of(5), {"LEARNING_RATES": "(0.2,)"})
    with edited.page(5, text) as page, precision("float64"):
        section = page.compare_rates(100)
        caught, _ = failing(5, {"rates": section}, {})
        assert not set(caught)
        path = section[spoilt][0.2]
        path[:] *= np.linspace(1, 1 + 1e-3, len(path))[:, None]
        caught, _ = failing(5, {"rates": section}, {})
    assert "rates-keras" in caught


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LEARNING_RATES", "()", "LEARNING_RATES is .*, and must be 1 or more values"),
        ("LEARNING_RATES", "(0.01, 0)", "each a number above 0"),
        ("START_RATE", "-1", "START_RATE is -1, and must be a number above 0"),
        ("POINTS", "2", "POINTS is 2, and must be a whole number of at least 5"),
        ("REACHED", "1.0", "REACHED is 1.0, and must be a number above 1e-12"),
    ],
)
def test_a_constant_that_makes_no_sense(name, value, words):
    text = edited.with_constants(edited.source_of(5), {name: value})
    with edited.page(5, text) as page, pytest.raises(InputError, match=words):
        constants.require(page, proof)


KERAS = ("rates-keras", "schedule-keras", "heavy-ball-keras", "nesterov-keras")
SGD = "SGD(learning_rate, momentum=momentum, nesterov=nesterov)"


@pytest.mark.slow
def test_what_if_the_optimizer_is_adam():
    found = assert_edit(5, SGD, "Adam(learning_rate)")
    assert not_for(found) == dict.fromkeys(KERAS, "not for Adam")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("Input((n_features,)), dense]", "Input((n_features,)), keras.layers.Dense(3), dense]",
         "not for 2 layers"),
        ("Dense(1, kernel", "Dense(1, activation='relu', kernel", "not for relu"),
        ("Dense(1, kernel", "Dense(1, use_bias=False, kernel", "not without a bias"),
    ],
)  # fmt: skip
def test_what_if_the_model_is_another(old, new, why):
    assert not_for(assert_edit(5, old, new)) == dict.fromkeys(KERAS, why)


@pytest.mark.slow
@pytest.mark.parametrize(
    "points",
    [
        "np.array([[1.0], [2], [4]]), np.array([3.0, 5, 4])",
        "np.array([[0.1, 1], [0.2, 3], [-0.5, 2], [1, 1]]), np.array([300.0, 150, -40, 2])",
    ],
)
def test_what_if_the_points_are_ones_own(points):
    assert_edit(5, "least_squares, load_data, train\n", f"""least_squares, train

def load_data():
    return {points}
""")  # fmt: skip
