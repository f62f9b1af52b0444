import functools
import inspect
import json
import random
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import child_environment, once
from mistakes import Mistake, assert_caught
from scipy import special, stats
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss

import course
from course import data
from course import lesson13 as lesson
from course.cli.report import Options, precision
from course.errors import InputError

PARTS = lesson.load_data()
(X, Y), _, (X_TEST, Y_TEST) = PARTS
BACKENDS = [name for name in course.BACKENDS if course.is_installed(name)]


@functools.cache
def quick_report():
    return lesson.run(Options(quick=True))


@functools.cache
def pool(seed, quick=True):
    return lesson.draw_pool(PARTS, Options(seed=seed, quick=quick), lesson.EPOCHS)


def test_every_check_holds():
    report = lesson.run(Options(seed=5))
    assert len(report.checks) == 14
    assert [check.name for check in report.checks if not check.passed] == []


def test_every_check_holds_in_a_quick_run():
    assert [check.name for check in quick_report().checks if not check.passed] == []


@pytest.mark.parametrize("options", [Options(epochs=1, quick=True), Options(epochs=12, quick=True)])
def test_other_numbers_of_epochs_hold(options):
    assert [check.name for check in lesson.run(options).checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    assert lesson.run(Options(dtype="float32", quick=True)).passed


def test_an_archive_of_digits(in_tmp):
    X = (255 * data.load_digits28().X_train[..., 0]).astype("uint8")
    y = data.load_digits28().y_train
    np.savez("own.npz", x_train=X[:1050], y_train=y[:1050], x_test=X[1050:], y_test=y[1050:])
    with pytest.raises(InputError, match=r"840, 210, 150.* images to train"):
        lesson.load_data("own.npz")
    np.savez("own.npz", x_train=np.tile(X, (2, 1, 1)), y_train=np.tile(y, 2), x_test=X, y_test=y)
    parts = lesson.load_data("own.npz")
    assert [X.shape for X, _ in parts] == [(500, 49), (300, 49), (997, 49)]
    means = X[:997].reshape(997, 784).mean(axis=1) / 255
    np.testing.assert_allclose(parts[2][0].mean(axis=1), means, atol=1e-6)
    report = lesson.run(Options(data="own.npz", quick=True))
    assert [check.name for check in report.checks if not check.passed] == []


def test_the_split_uses_every_digit_once():
    assert [X.shape for X, _ in PARTS] == [(500, 64), (300, 64), (997, 64)]
    rows = np.concatenate([np.column_stack([X, y]) for X, y in PARTS])
    images, labels = load_digits(return_X_y=True)
    everything = np.column_stack([images / 16, labels])
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(everything, axis=0))


def test_costs_and_accuracies_are_scikit_learns():
    weights = lesson.train_by_hand(3, [(0, 0, 0), (4, 5, 6)], X, Y)
    costs, accuracies = (f(X_TEST, Y_TEST, weights) for f in (lesson.cost, lesson.accuracy))
    for k in range(2):
        W1, b1, W2, b2 = (w[k] for w in weights)
        P = special.softmax(special.expit(X_TEST @ W1 + b1) @ W2 + b2, axis=1)
        assert costs[k] == pytest.approx(log_loss(Y_TEST, P), rel=1e-12)
        assert accuracies[k] == accuracy_score(Y_TEST, P.argmax(axis=1))
    assert accuracies.min() > 0.75


def test_the_backward_pass_is_the_slope_of_the_cost():
    weights = lesson.draw(1, (1, 1, 1), X)[0]
    slopes = lesson.backward(X[:50], np.eye(10)[Y[:50]], weights)
    for k, index in [(0, (20, 3)), (1, (5,)), (2, (7, 9)), (3, (4,))]:
        costs = []
        for h in (1e-5, -1e-5):
            moved = [w.copy() for w in weights]
            moved[k][index] += h
            costs.append(lesson.cost(X[:50], Y[:50], moved))
        assert slopes[k][index] == pytest.approx((costs[0] - costs[1]) / 2e-5, abs=1e-9)


def test_networks_side_by_side_are_the_networks_alone():
    runs = [(1, 2, 3), (3, 2, 1), (5, 5, 5)]
    together = lesson.train_by_hand(0, runs, X, Y, epochs=2)
    for k, run in enumerate(runs):
        alone = lesson.train_by_hand(0, [run], X, Y, epochs=2)
        for a, b in zip(together, alone):
            np.testing.assert_allclose(a[k], b[0], atol=1e-12)


def test_a_seed_and_a_number_fix_a_source_and_no_other():
    base = lesson.draw(0, (1, 1, 1), X)
    for i in range(3):
        for seed, run in [(0, 1 + np.eye(3, dtype=int)[i]), (1, np.ones(3, dtype=int))]:
            other = lesson.draw(seed, run, X)
            same = [np.array_equal(base[0][0], other[0][0]),
                    *(np.array_equal(a, b) for a, b in zip(base[1:], other[1:]))]  # fmt: skip
            assert same == ([j != i for j in range(3)] if seed == 0 else [False] * 3)
    # Three sources with equal numbers must not draw equal values.
    assert base[0][0][0, 0] * 8 != pytest.approx((base[2] - X)[0, 0] / lesson.PIXEL_NOISE)


def test_the_swapped_variance_of_functions_that_are_known():
    """f = a + 2b + ab, a and b standard normal: ½ mean((f − f′)²) is 1 + 1 for a, 4 + 1 for b."""
    a, b, new_a, new_b = np.random.default_rng(0).normal(size=(4, 200_000))

    def f(a, b):
        return a + 2 * b + a * b

    assert lesson.swapped(f(a, b), f(new_a, b)) == pytest.approx(2, abs=0.05)
    assert lesson.swapped(f(a, b), f(a, new_b)) == pytest.approx(5, abs=0.1)
    assert f(a, b).var() == pytest.approx(6, abs=0.12)  # below their sum, 7


def test_the_orders_covariance_in_one_dimension():
    """With p = 1 the fixed point is P = 4η²/B mean(r²x²) / (1 − second moment of the factor)."""
    x, squares = np.array([1.0, 2.0, -0.5]), np.array([1.0, 0.25, 4.0])
    k = 1 - 2 * 0.05 * x**2
    second = np.mean(k**2) / 2 + np.mean(k) ** 2 / 2  # B = 2
    P = 4 * 0.05**2 / 2 * np.mean(squares * x**2) / (1 - second)
    measured = lesson.order_covariance(x[:, None], squares, 0.05, 2)
    assert measured[0, 0] == pytest.approx(P, rel=1e-12)


def test_power_is_what_simulated_normal_data_gives():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.9, 1, (20_000, 12)), rng.normal(size=(20_000, 12))
    two, one = stats.ttest_ind(a, b, axis=1).pvalue < 0.05, stats.ttest_1samp(a, 0, axis=1)
    assert lesson.power(12, 0.9, 2) == pytest.approx(two.mean(), abs=0.015)
    assert lesson.power(12, -0.9, 1) == pytest.approx(np.mean(one.pvalue < 0.05), abs=0.015)
    assert lesson.seeds_needed(0.9, 2) in (20, 21)  # Lehr: 16 / 0.9² = 19.8
    assert lesson.seeds_needed(0.0, 2) == lesson.MOST_SEEDS


def test_a_second_process_has_the_same_bits(command):
    ours = quick_report().results
    done = command("course.lesson13", "--quick", "--json", check=0)
    theirs = json.loads(done.stdout)["results"]
    same = [name for name in ours if np.array_equal(ours[name], theirs[name])]
    assert "fingerprint of run 0" in same
    assert same == list(ours)


PROBE = """
import course, keras
keras.utils.set_random_seed(7)
layer = keras.layers.Dense(16)
layer.build((None, 64))
print(float(layer.get_weights()[0][0, 0]))
"""


@pytest.mark.skipif(len(BACKENDS) < 2, reason="needs two backends")
@once
def test_the_same_seed_gives_other_weights_on_other_backends(tmp_path):
    drawn = {}
    for backend in {*BACKENDS} - {course.backend}:
        done = subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=300,
            env=child_environment(KERAS_BACKEND=backend), cwd=tmp_path,
        )  # fmt: skip
        drawn[backend] = float(done.stdout.splitlines()[-1])
    state, numpy_state = random.getstate(), np.random.get_state()
    try:
        twice = []
        for _ in range(2):
            keras.utils.set_random_seed(7)
            here = keras.layers.Dense(16)
            here.build((None, 64))
            twice.append(float(here.get_weights()[0][0, 0]))
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)
    assert twice[0] == twice[1]
    assert len({round(first, 6) for first in [twice[0], *drawn.values()]}) == len(BACKENDS)


def test_the_lesson_leaves_numpys_own_seed_alone():
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    with precision("float64"):
        lesson.same_bits(PARTS, Options(), 1)
    assert np.random.random() == expected


def test_tensorflow_and_torch_train_with_their_deterministic_ops():
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        switch = torch.use_deterministic_algorithms
    elif backend == "tensorflow":
        from tensorflow.python.framework import config

        def switch(on):
            (config.enable_op_determinism if on else config.disable_op_determinism)()
    else:
        pytest.skip("JAX has no such switch")
    assert lesson.same_bits(PARTS, Options(), 1).passed
    switch(True)
    try:
        assert lesson.same_bits(PARTS, Options(), 1).passed
    finally:
        switch(False)


@once
@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_linear_regression_holds_for_any_seed(seed, quick):
    assert lesson.known_beforehand(Options(seed=seed, quick=quick)).passed


@once
@pytest.mark.parametrize("seed", range(1, 11))
def test_how_many_seeds_and_the_best_of_them_hold_for_any_seed(seed):
    for section in (lesson.how_many_seeds, lesson.best_of_many):
        report = section(Options(seed=seed, quick=True), pool(seed))
        assert [check.name for check in report.checks if not check.passed] == []


@once
@pytest.mark.parametrize("seed", range(1, 11))
def test_the_variances_of_the_three_sum_to_at_least_that_of_all(seed):
    ratio, error = lesson.variance_ratio(pool(seed))
    assert ratio < 1 + 4 * error
    assert 0 < error < 0.3


def test_the_figures_draw():
    for draw in quick_report().figures.values():
        assert draw().axes


def section(name, quick=True):
    """A section, on the pool that was drawn before the mistake."""

    def run():
        options = Options(quick=quick)
        given = {"parts": PARTS, "options": options, "epochs": lesson.EPOCHS}
        names = inspect.signature(getattr(lesson, name)).parameters
        if "pool" in names:
            given["pool"] = pool(0, quick)
        return getattr(lesson, name)(**{key: given[key] for key in names})

    return run


BITS = "same seed: weights changed, trained again, and in a new model"
TWINS = ["each run's furthest weight, Keras = by hand", "test costs, Keras = by hand"]
FORETOLD = "linear regression: variances ÷ predicted, 5 sigma"
MISTAKES = [
    Mistake("the optimizer's velocities kept from the run before", "train",
            lambda right: lambda model, fresh, *rest: right(model, [], *rest),
            section("same_bits"), [BITS]),
    Mistake("weights that go on from the run before", "train",
            lambda right: lambda model, fresh, drawn, y: right(
                model, fresh, (model.get_weights() if np.any(model.get_weights()[0])
                               else drawn[0], *drawn[1:]), y),
            section("same_bits"), [BITS]),
    Mistake("draws without a seed", "draw",
            lambda right: lambda seed, run, *rest: right(random.getrandbits(30), run, *rest),
            section("one_at_a_time"), TWINS),
    Mistake("a draw that knows no run", "draw",
            lambda right: lambda seed, run, *rest: right(seed, (0, 0, 0), *rest),
            section("same_bits"), ["another seed: share of the weights changed"]),
    Mistake("a momentum off by a millionth in Keras", "build_model",
            lambda right: lambda *a: _with_momentum(right(*a), 0.875001),
            section("one_at_a_time"), TWINS[:1]),
    Mistake("velocity added uphill", "backward",
            lambda right: lambda *a: [-g for g in right(*a)], section("one_at_a_time"), TWINS),
    Mistake("a sum over the batch in Keras", "cross_entropy",
            lambda right: lambda Y, P: 50 * right(Y, P), section("one_at_a_time"), TWINS),
    Mistake("replaced draws that are the old ones", "swapped",
            lambda right: lambda f, replaced: right(f, f),
            section("known_beforehand"), [FORETOLD]),
    Mistake("the ½ forgotten in ½ mean((f − f′)²)", "swapped",
            lambda right: lambda *a: 2 * right(*a), section("known_beforehand"), [FORETOLD]),
    Mistake("effects of draws taken for half of what they are", "swapped",
            lambda right: lambda *a: right(*a) / 4, section("one_at_a_time", quick=False),
            ["variance of all above the sum of the three's = 0, 4 sigma"]),
    Mistake("order's covariance without its batch size", "order_covariance",
            lambda right: lambda X, squares, *rest: right(X, squares, *rest) * 10,
            section("known_beforehand"), [FORETOLD]),
    Mistake("half the learning rate foretold", "order_covariance",
            lambda right: lambda X, squares, rate=lesson.ROW_RATE: right(X, squares, rate / 2),
            section("known_beforehand"), [FORETOLD]),
    Mistake("noise of another size", "TRUTH", lambda right: right, lambda: _louder_noise(),
            [FORETOLD]),
    Mistake("one step too few", "fit_whole",
            lambda right: lambda X, y, w: right(X, y, w, lesson.ROW_STEPS - 1),
            section("known_beforehand"),
            ["what is left of the starts' covariance = predicted, relative"]),
    Mistake("an interval from s, not from s / √n", "t_interval",
            lambda right: lambda a, b=None: _stretched(right(a, b), a.shape[-1] ** 0.5),
            section("how_many_seeds"),
            ["95 % intervals = SciPy's", "share of intervals of 5 seeds that cover = 95 %"]),
    Mistake("1.96 instead of Student's t", "t_interval",
            lambda right: lambda a, b=None: _stretched(right(a, b), 1.96 / stats.t.ppf(
                0.975, (1 if b is None else 2) * (a.shape[-1] - 1))),
            section("how_many_seeds"), ["95 % intervals = SciPy's"]),
    Mistake("power of half as many seeds", "power",
            lambda right: lambda n, *rest: right(max(2, n // 2), *rest),
            section("how_many_seeds"),
            ["with the seeds needed, share of trials that tell = predicted"]),
]  # fmt: skip


def _with_momentum(model, momentum):
    model.optimizer.momentum = momentum
    return model


def _louder_noise():
    """The data drawn with a noise 1.3 times what the formula is told."""
    draw = np.random.default_rng

    class Louder:
        def __init__(self, seed):
            self.rng = draw(seed)
            self.integers = self.rng.integers

        def normal(self, size):
            return self.rng.normal(size=size) * (1.3 if size[0] == 2 else 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.random, "default_rng", Louder)
        return lesson.known_beforehand(Options(quick=True))


def _stretched(interval, factor):
    middle = (interval[0] + interval[1]) / 2
    half = factor * (interval[1] - interval[0]) / 2
    return middle - half, middle + half


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    pool(0), pool(0, quick=False)  # while all is right
    monkeypatch.setattr(lesson, "QUICK_SEEDS", 2)  # Keras's runs take the time
    assert_caught(monkeypatch, lesson, mistake)


def test_no_lead_is_left_where_the_two_sets_know_nothing_of_each_other():
    runs = pool(0, quick=False)
    shuffled = np.random.default_rng(0).permutation(runs["test"])
    report = lesson.best_of_many(Options(), {**runs, "test": shuffled})
    assert report.passed
    assert abs(report.results["share of the lead that is left"]) < 0.35


def test_a_lead_that_is_more_than_luck_is_caught():
    runs = pool(0, quick=False)
    v, t = runs["validation"], runs["test"]
    better = t + 2 * t.std() * (v > np.quantile(v, 0.95))  # the best on validation are better still
    report = lesson.best_of_many(Options(), {**runs, "test": better})
    assert not report.passed
