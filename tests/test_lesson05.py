import numpy as np
import pytest
import references
from mistakes import Mistake, assert_caught
from scipy import linalg

from course import data
from course import lesson05 as lesson
from course.checks.tolerance import twin
from course.cli.report import Options, precision


@pytest.mark.parametrize(
    "options", [Options(), Options(quick=True, seed=5), Options(steps=1), Options(steps=5_000)]
)
def test_every_check_holds(options):
    report = lesson.run(options)
    assert len(report.checks) == 21
    assert [check.name for check in report.checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    report = lesson.run(Options(dtype="float32"))
    assert [check.name for check in report.checks if not check.passed] == []


@pytest.mark.parametrize("seed", range(1, 13))
def test_the_valley_holds_for_any_seed(seed, monkeypatch):
    monkeypatch.setattr(lesson, "train", lambda *a: np.zeros((lesson.MOMENTUM_STEPS + 1, 3)))
    checks = lesson.valley(Options(seed=seed)).checks
    failing = [check.name for check in checks if not check.passed]
    assert len(failing) == 2  # the Keras twins, which another test runs
    assert all("Keras" in name for name in failing)


def test_the_fixed_values():
    assert lesson.LEARNING_RATES == (0.01, 0.02, 0.03, 0.04)
    assert lesson.DECAY == 1e-6
    results = lesson.run().results
    assert results["best learning rate, by trying"] == pytest.approx(1 / 7, abs=1e-9)
    assert results["largest learning rate, 2/λmax"] == pytest.approx(2 / (7 + np.sqrt(41)))
    after = results["decay 1e-6: learning rate after 100,000 steps"]
    assert after == pytest.approx(0.01 / 1.1, rel=1e-6)


@pytest.mark.parametrize("rate", [*lesson.LEARNING_RATES, lesson.GOOD])
def test_each_rate_given_to_its_own_optimizer_is_descent_by_hand(rate):
    x, y = data.load_five_points()
    with precision("float64"):
        path = lesson.train(lesson.build_model(learning_rate=rate), x[:, None], y, 100)
    by_hand = lesson.descend(x[:, None], y, rate, 100)
    np.testing.assert_allclose(path, by_hand, atol=5 * twin("float64"))


def trajectory(X, y, learning_rate, steps):
    """Plain descent from 0 without a loop: θ* − (I − ηH)^t θ*, (steps + 1, p + 1)."""
    A = np.column_stack([X, np.ones(len(X))])
    values, vectors = linalg.eigh(2 / len(y) * A.T @ A)
    bottom = references.normal_equations(X, y)
    kept = (1 - learning_rate * values) ** np.arange(steps + 1)[:, None]
    return bottom - (kept * (vectors.T @ bottom)) @ vectors.T


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


def count(path, bottom):
    """Steps until the distance is below a millionth for good, counted from the end."""
    distance = np.linalg.norm(path - bottom, axis=1)
    t = len(distance)
    while distance[t - 1] <= 1e-6 * distance[0]:
        t -= 1
    return t


@pytest.mark.parametrize("seed", range(4))
def test_the_steps_are_those_of_references_without_the_lessons_code(seed, monkeypatch):
    monkeypatch.setattr(lesson, "train", lambda *a: np.zeros((lesson.MOMENTUM_STEPS + 1, 3)))
    results = lesson.valley(Options(seed=seed)).results
    X, y = lesson.load_valley(seed)
    plain = []
    for features in (X, (X - X.mean(axis=0)) / X.std(axis=0)):
        A = np.column_stack([features, np.ones(len(y))])
        values = 2 * linalg.svdvals(A) ** 2 / len(y)
        path = trajectory(features, y, 2 / (values[0] + values[-1]), 3000)
        plain.append(count(path, references.least_squares(features, y)))
    assert results["steps to a millionth of the distance"] == plain

    values = 2 * linalg.svdvals(np.column_stack([X, np.ones(len(y))])) ** 2 / len(y)
    root = np.sqrt(values[0] / values[-1])
    ratio = (root - 1) / (root + 1)
    heavy = (4 / (np.sqrt(values[0]) + np.sqrt(values[-1])) ** 2, ratio**2, False)
    bottom = references.least_squares(X, y)
    counts = [
        count(with_velocity_as_in_the_textbooks(X, y, *settings, 300), bottom)
        for settings in (heavy, (1 / values[0], ratio, True))
    ]
    assert results["heavy ball, Nesterov: steps to a millionth"] == counts


@pytest.mark.parametrize("nesterov", [False, True])
def test_keras_formulas_are_those_of_the_textbooks(nesterov):
    X, y = lesson.load_valley(3)
    path = lesson.descend(X, y, 0.004, 200, momentum=0.8, nesterov=nesterov)
    textbook = with_velocity_as_in_the_textbooks(X, y, 0.004, 0.8, nesterov, 200)
    np.testing.assert_allclose(path, textbook, atol=1e-12)


def test_the_schedules_of_two_precisions():
    with precision("float64"):
        value = lesson.inverse_time_decay(0.01, 1e-6, "float64")(100_000)
    assert "float64" in str(value.dtype)
    with precision("float32"):
        value = lesson.inverse_time_decay(0.01, 1e-6, "float32")(100_000)
    assert "float32" in str(value.dtype)


def test_the_figures_draw():
    for draw in lesson.run(Options(quick=True)).figures.values():
        assert draw().axes


QUICK = Options(quick=True)


def four_rates():
    return lesson.four_rates(QUICK)


def schedule():
    return lesson.schedule(QUICK)


def valley():
    return lesson.valley(QUICK)


RATES = "four rates, w, b at every step, Keras = by hand"
STRONG = "strong decay: w, b at every step, Keras = by hand"
HEAVY = "heavy ball: w, b at every step, Keras = by hand"
NESTEROV = "Nesterov: w, b at every step, Keras = by hand"
MISTAKES = [
    Mistake("a gradient that forgot its factor 2", "gradient",
            lambda right: lambda *a: right(*a) / 2, four_rates,
            ["cost at every step, relative, = ½ Σ λ ((1 − ηλ)^t e₀)²",
             "kept per step, least and most, = 1 − ηλ", RATES,
             "best rate found = 2/(λmin + λmax)"]),
    Mistake("an intercept that is not trained", "gradient",
            lambda right: lambda X, y, theta: right(X, y, theta) * [1, 0], four_rates,
            ["kept per step, least and most, = 1 − ηλ", RATES]),
    Mistake("a Hessian without its 2", "hessian", lambda right: lambda X: right(X) / 2, four_rates,
            ["cost at every step, relative, = ½ Σ λ ((1 − ηλ)^t e₀)²",
             "kept per step, least and most, = 1 − ηλ", "best rate found = 2/(λmin + λmax)"]),
    Mistake("2/λmax taken for the best rate", "best_rate",
            lambda right: lambda eigenvalues: 2 / eigenvalues[-1], four_rates,
            ["best rate found = 2/(λmin + λmax)"]),
    Mistake("a best rate half a percent too small", "best_rate",
            lambda right: lambda eigenvalues: 1.99 / (eigenvalues[0] + eigenvalues[-1]), valley,
            ["valley: kept per step = ±(κ − 1)/(κ + 1)"]),
    Mistake("(κ − 1)/κ kept per step", "contraction",
            lambda right: lambda eigenvalues: 1 - eigenvalues[0] / eigenvalues[-1], four_rates,
            ["the best rate keeps (κ − 1)/(κ + 1) per step"]),
    Mistake("one step too many", "descend",
            lambda right: lambda X, y, rate, steps: right(X, y, rate, steps + 1)[1:], four_rates,
            ["cost at every step, relative, = ½ Σ λ ((1 − ηλ)^t e₀)²", RATES]),
    Mistake("learning rates off by a millionth in Keras", "build_side_by_side",
            lambda right: lambda: right(np.array(lesson.LEARNING_RATES) * (1 + 1e-6)), four_rates,
            [RATES]),
    Mistake("a decay ten times too strong", "inverse_time_decay",
            lambda right: lambda rate, decay, dtype: right(rate, 10 * decay, dtype), schedule,
            ["InverseTimeDecay, relative, = η/(1 + 1e-6 t)", STRONG]),
    Mistake("a rate that falls one step late", "descend",
            lambda right: lambda X, y, rates, steps: right(
                X, y, np.broadcast_to(rates, steps)[np.maximum(np.arange(steps) - 1, 0)], steps),
            schedule, ["strong decay: distance at every step = Π (1 − η_t λ)", STRONG]),
    Mistake("a little less momentum", "descend",
            lambda right: lambda X, y, rate, steps, momentum=0.0, nesterov=False: right(
                X, y, rate, steps, momentum - 1e-4, nesterov),
            valley, ["heavy ball, Nesterov: distance at every step = M^t", HEAVY, NESTEROV,
                     "flattest direction at every step = (1 + ct) ρ^t"]),
    Mistake("Nesterov's look ahead forgotten by hand", "descend",
            lambda right: lambda *a: right(*a[:5]), valley,
            ["heavy ball, Nesterov: distance at every step = M^t", NESTEROV]),
    Mistake("Nesterov forgotten in Keras", "build_model",
            lambda right: lambda *a: right(*a[:3]), valley,
            [NESTEROV]),
    Mistake("the heavy ball's matrix for Nesterov", "step_matrix",
            lambda right: lambda step, momentum, nesterov: right(step, momentum, False), valley,
            ["heavy ball, Nesterov: distance at every step = M^t",
             "largest eigenvalue of M = (√κ − 1)/(√κ + 1), 1 − 1/√κ"]),
    Mistake("the features not scaled after all", "scaling",
            lambda right: lambda X, Z, y: right(X, X, y), valley,
            ["κ after scaling = (1 + |r|)/(1 − |r|), r the correlation"]),
    Mistake("a bottom without intercept", "least_squares",
            lambda right: lambda X, y: np.append(np.linalg.lstsq(X, y)[0], 0), valley,
            ["heavy ball, Nesterov: distance at every step = M^t",
             "valley: kept per step = ±(κ − 1)/(κ + 1)"]),
]  # fmt: skip


TRAINED = {}


def once(train):
    """Training in Keras takes most of the time, and few of the mistakes touch it."""

    def remembered(model, X, y, steps):
        settings = str(model.optimizer.get_config())
        key = train.__name__, settings, X.tobytes(), y.tobytes(), steps
        if key not in TRAINED:
            TRAINED[key] = train(model, X, y, steps)
        return TRAINED[key]

    return remembered


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    for name in ("train", "train_side_by_side"):
        monkeypatch.setattr(lesson, name, once(getattr(lesson, name)))
    assert_caught(monkeypatch, lesson, mistake)
