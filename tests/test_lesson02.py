import numpy as np
import pytest
import references
from mistakes import Mistake, assert_caught

from course import lesson02 as lesson
from course.cli.report import Options


@pytest.mark.parametrize("options", [Options(), Options(quick=True, seed=5), Options(epochs=3)])
def test_every_check_holds(options):
    report = lesson.run(options)
    assert len(report.checks) == 12
    assert [check.name for check in report.checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    assert lesson.run(Options(dtype="float32")).passed


def test_the_fixed_values():
    x, y = lesson.load_data()
    results = lesson.run().results
    w = references.one_weight_trajectory(x, y, 1.0, 0.01, 100)[-1]
    assert results["w after 100 epochs"] == pytest.approx(w, rel=1e-12)
    assert results["prediction for x = 4"] == pytest.approx(4 * w, rel=1e-6)
    assert results["learning rate above which it diverges"] == pytest.approx(3 / 14, abs=1e-9)


def test_the_builder_starts_where_it_is_told():
    model = lesson.build_model(learning_rate=0.1, start=-3.0)
    assert model.get_weights()[0].tolist() == [[-3.0]]


def test_descent_ends_in_the_valleys_that_scipy_finds():
    deep, shallow = references.bottoms_of_two_valleys(lesson.TILT)
    ends = [lesson.descend(lesson.valleys_slope, w, 0.02, 2000)[-1] for w in (-0.5, 0.5)]
    # SciPy looks at J, not at its slope: it cannot see below the square root of rounding.
    np.testing.assert_allclose(ends, [deep, shallow], atol=1e-7)


@pytest.mark.parametrize("seed", range(8))
def test_noisy_walkers_spread_as_the_temperature_says_for_any_seed(seed):
    report = lesson.two_valleys(Options(seed=seed))
    assert next(check for check in report.checks if "sigma" in check.name).passed


def test_the_figures_draw():
    for draw in lesson.run(Options(quick=True)).figures.values():
        assert draw().axes


X, Y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])
MISTAKES = [
    Mistake("a slope that forgot its factor 2", "slope",
            lambda right: lambda w, x, y: right(w, x, y) / 2, lesson.run,
            ["slope by formula = by differences", "w at every epoch = closed form",
             "w at every epoch, Keras = by hand", "largest learning rate = 2/λ"]),
    Mistake("uphill", "slope", lambda right: lambda w, x, y: -right(w, x, y),
            lambda: lesson.limit(X, Y), ["converges at 0.95 of it, not at 1.05"]),
    Mistake("a curvature without its 2", "curvature", lambda right: lambda x: right(x) / 2,
            lambda: lesson.limit(X, Y),
            ["largest learning rate = 2/λ", "distance left ÷ 0.9¹⁰⁰ and ÷ 1.1¹⁰⁰"]),
    Mistake("one epoch too many", "descend",
            lambda right: lambda slope, w, rate, epochs: right(slope, w, rate, epochs + 1)[1:],
            lesson.run, ["w at every epoch = closed form", "w at every epoch, Keras = by hand"]),
    Mistake("a Keras cost that is summed", "squared_error",
            lambda right: lambda y, y_hat: 3 * right(y, y_hat), lesson.run,
            ["w at every epoch, Keras = by hand", "Keras's prediction = closed form"]),
    Mistake("a learning rate off by a millionth", "build_model",
            lambda right: lambda: right(0.01 * (1 + 1e-5)), lesson.run,
            ["w at every epoch, Keras = by hand"]),
    Mistake("noise √(ηT), not √(2ηT)", "noisy_descent",
            lambda right: lambda w, T, *rest: right(w, T / 2, *rest),
            lambda: lesson.two_valleys(Options()),
            ["share in the deep valley = exp(−J/T)'s, 4 sigma"]),
    Mistake("the tilt forgotten in the slope", "valleys_slope",
            lambda right: lambda w: right(w) - lesson.TILT,
            lambda: lesson.two_valleys(Options()),
            ["plain descent is stuck in the shallow valley",
             "descent compiled on the backend = by hand"]),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)
