from itertools import product

import numpy as np
import pytest
import references
from conftest import once
from mistakes import Mistake, assert_caught
from scipy import stats
from sklearn.linear_model import SGDRegressor

from course import lesson04 as lesson
from course.cli.report import Options, Report

QUICK = Options(quick=True)
X, Y = lesson.load_data()


def draw_order(epochs, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([rng.permutation(lesson.POINTS) for _ in range(epochs)])


def by_hand(kind, epochs=lesson.EPOCHS):
    order = draw_order(epochs)
    return lesson.descend(X, Y, order, lesson.KINDS[kind], lesson.batch_gradient)


@pytest.mark.parametrize("options", [Options(), Options(quick=True, seed=5), Options(epochs=3)])
def test_every_check_holds(options):
    report = lesson.run(options)
    assert len(report.checks) == 20
    assert [check.name for check in report.checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    assert lesson.run(Options(dtype="float32", quick=True)).passed


def test_the_fixed_values():
    rng = np.random.default_rng(0)
    x = 2 * rng.random(100)
    np.testing.assert_array_equal(X, x)
    np.testing.assert_array_equal(Y, 3 + 2 * x + 0.5 * rng.normal(size=100))
    assert (lesson.EPOCHS, lesson.LEARNING_RATE) == (50, 0.01)
    assert lesson.KINDS == {"batch": 100, "stochastic": 1, "mini-batch": 20}
    assert [by_hand(kind).updates for kind in lesson.KINDS] == [50, 5000, 250]


def test_the_lowest_point_is_scikit_learns():
    exact = references.least_squares(X[:, None], Y)
    np.testing.assert_allclose(lesson.least_squares(X, Y), exact, rtol=1e-12)


def test_all_5000_stochastic_updates_are_scikit_learns():
    rows = draw_order(lesson.EPOCHS).ravel()
    # Its loss is half the squared error: twice the learning rate is the same update.
    peer = SGDRegressor(penalty=None, learning_rate="constant", eta0=0.02, shuffle=False)
    peer.partial_fit(X[rows, None], Y[rows])
    theta = by_hand("stochastic").path[-1]
    np.testing.assert_allclose(theta, [peer.coef_[0], peer.intercept_[0]], rtol=1e-12)


def test_noisier_batches_are_rougher_and_end_nearer():
    bottom = references.least_squares(X[:, None], Y)
    paths = [by_hand(kind).path for kind in ("batch", "mini-batch", "stochastic")]
    smooth, rough, roughest = (lesson.roughness(lesson.cost(X, Y, path)) for path in paths)
    assert smooth == 0 <= rough < roughest
    far, near, nearest = (np.linalg.norm(path[-1] - bottom) for path in paths)
    assert far > near > nearest


@pytest.mark.parametrize("batch_size", [1, 2])
def test_the_moments_are_those_of_every_sequence_of_rows(batch_size):
    x, y, theta = X[:3], Y[:3], np.array([1.0, -2.0])
    ends = []
    for rows in product(range(3), repeat=2 * batch_size):  # two updates
        end = theta
        for batch in np.reshape(rows, (2, batch_size)):
            error = end[0] * x[batch] + end[1] - y[batch]
            end = end - 0.01 * 2 * np.array([np.mean(error * x[batch]), np.mean(error)])
        ends.append(end)
    mean, deviation = lesson.moments(x, y, theta, batch_size, 2)
    np.testing.assert_allclose(mean, np.mean(ends, axis=0), rtol=1e-12)
    np.testing.assert_allclose(deviation, np.std(ends, axis=0), rtol=1e-9)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_the_predicted_share_is_that_of_many_walkers(batch_size):
    rng = np.random.default_rng(1)
    walkers, updates = 20_000, 300
    w = np.full(walkers, 0.85)
    for _ in range(updates):
        sign = 2 * rng.binomial(batch_size, 0.5, walkers) / batch_size - 1
        w -= 0.05 * (4 * w**3 - 4 * w + 0.9 + 3.4 * sign)
    share = np.mean(w < 0.24)
    predicted = lesson.predicted_share(np.array([0.85]), batch_size, updates, 0.24)
    # The grid adds about 2 % to the noise of a mini-batch, and so up to 5 % to its rare escapes.
    allowed = 4 * np.sqrt(share * (1 - share) / walkers) + 0.05 * share
    assert predicted == pytest.approx(share, abs=allowed)


@pytest.mark.parametrize("count", [0, 1, 46, 99, 100])
def test_the_interval_is_scipys(count):
    exact = stats.binomtest(count, 100).proportion_ci(0.95, "wilson")
    # SciPy's z is 1.95996…, not 1.96.
    np.testing.assert_allclose(lesson.wilson(count, 100), exact, atol=1e-5)


@once
@pytest.mark.parametrize("seed", range(10))
def test_what_hangs_on_chance_holds_for_any_seed(seed):
    rng = np.random.default_rng(seed)
    assert lesson.two_valleys(rng).passed
    assert lesson.spread(X, Y, 100, rng).passed
    order = draw_order(7, seed)
    runs = {
        kind: lesson.descend(X, Y, order, size, lesson.batch_gradient)
        for kind, size in lesson.KINDS.items()
    }
    assert lesson.three_kinds(X, Y, runs).passed


def test_the_slip_is_found_whichever_batch_and_wherever_theta_is():
    for rows in draw_order(3, seed=2)[:, :20]:
        for theta in (np.zeros(2), np.array([2.0, 3.0])):
            assert lesson.leak(lesson.batch_gradient, X, Y, rows, theta) == 0
            assert lesson.leak(lesson.slipped_gradient, X, Y, rows, theta) > 0.01


def test_the_figures_draw():
    for draw in lesson.run(QUICK).figures.values():
        assert draw().axes


ORDER = draw_order(3)


def three_kinds():
    return lesson.three_kinds(X, Y, {kind: by_hand(kind, 3) for kind in lesson.KINDS})


def twins():
    return lesson.twins(X, Y, ORDER, {kind: by_hand(kind, 3) for kind in lesson.KINDS}, QUICK)


def gradients():
    return lesson.gradients(X, Y, ORDER)


def spread():
    return lesson.spread(X, Y, lesson.RUNS, np.random.default_rng(0))


def slip():
    return lesson.slip(X, Y, ORDER, by_hand("mini-batch", 3).path)


def valleys():
    return lesson.two_valleys(np.random.default_rng(0))


def together(*sections):
    return lambda: Report.join(*(section() for section in sections))


BATCH, STOCHASTIC, MINI = (f"{kind} descent, Keras = by hand" for kind in lesson.KINDS)
MISTAKES = [
    Mistake("a gradient that forgot its factor 2", "gradient",
            lambda right: lambda *a: right(*a) / 2,
            together(three_kinds, twins, gradients, slip),
            ["θ at every batch update = closed form", BATCH, STOCHASTIC, MINI,
             "stochastic, mini-batch: away from it, 5 sigma",
             "batch gradient = differences of the cost",
             "slip found: they move the gradient by 2/n (xᵢ, 1)",
             "mini-batches with the slip = batch descent"]),
    Mistake("a gradient that divides by n, not by B", "gradient",
            lambda right: lambda x, y, theta: right(x, y, theta) * len(y) / 100, gradients,
            ["batch gradient = mean of 100 samples'", "batch gradient = mean of 5 mini-batches'"]),
    Mistake("the slip itself", "batch_gradient",
            lambda right: lambda x, y, rows, theta: lesson.gradient(x, y, theta),
            together(twins, slip),
            [STOCHASTIC, MINI, "right: rows outside the batch do not matter"]),
    Mistake("a batch that leans on the mean of all y", "batch_gradient",
            lambda right: lambda x, y, rows, theta: right(x, y - y.mean() / 100, rows, theta),
            slip, ["right: rows outside the batch do not matter"]),
    Mistake("a slip that is none", "slipped_gradient",
            lambda right: lambda x, y, rows, theta: lesson.gradient(x[rows], y[rows], theta), slip,
            ["slip found: they move the gradient by 2/n (xᵢ, 1)",
             "mini-batches with the slip = batch descent"]),
    Mistake("epochs counted, not updates", "descend",
            lambda right: lambda *a: right(*a)._replace(updates=len(a[2])),
            three_kinds,
            ["updates counted = epochs × n ÷ batch size"]),
    Mistake("a batch too few in every epoch of Keras", "train",
            lambda right: lambda model, x, y, order, size: right(
                model, x, y, order[:, : max(lesson.POINTS - size, size)], size), twins,
            [STOCHASTIC, MINI, "updates counted by Keras's optimizer"]),
    Mistake("another order in Keras", "train",
            lambda right: lambda model, x, y, order, size: right(
                model, x, y, order[:, ::-1], size), twins, [STOCHASTIC, MINI]),
    Mistake("a Keras cost that is summed", "squared_error",
            lambda right: lambda y, y_hat: 3 * right(y, y_hat), twins, [BATCH, STOCHASTIC, MINI]),
    Mistake("a learning rate off by a hundred-thousandth", "build_model",
            lambda right: lambda: right(0.01 * (1 + 1e-5)), twins, [BATCH, STOCHASTIC, MINI]),
    Mistake("a spread that knows no batch size", "moments",
            lambda right: lambda x, y, theta, size, updates: right(x, y, theta, 1, updates),
            spread, ["spread ÷ predicted, 5 sigma"]),
    Mistake("noise of the wrong strength", "moments",
            lambda right: lambda *a: (right(*a)[0], right(*a)[1] * np.sqrt(2)), spread,
            ["spread ÷ predicted, 5 sigma"]),
    Mistake("curvatures without their 2", "curvatures",
            lambda right: lambda x: (right(x)[0] / 2, right(x)[1]),
            together(three_kinds, spread, slip),
            ["θ at every batch update = closed form", "mean of the runs = batch descent, 5 sigma",
             "mini-batches with the slip = batch descent"]),
    Mistake("the tilt forgotten in the slope", "valleys_slope",
            lambda right: lambda w, tilt: right(w, tilt - lesson.TILT), valleys,
            ["every batch descent stays in the shallow valley",
             "share escaped, mini-batch, 4 sigma + 2 starts"]),
    Mistake("steps that are hardly noisy", "descend_valleys",
            lambda right: lambda w, tilts: right(w, lesson.TILT + (tilts - lesson.TILT) / 4),
            valleys, ["share escaped, stochastic, 4 sigma + 2 starts",
                      "share escaped, mini-batch, 4 sigma + 2 starts",
                      "intervals apart: batch < stochastic"]),
    Mistake("a prediction for one sample at a time", "predicted_share",
            lambda right: lambda start, size, updates, ridge: right(start, 1, updates, ridge),
            valleys, ["share escaped, mini-batch, 4 sigma + 2 starts"]),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)
