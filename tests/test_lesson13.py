import json
import random
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import child_environment, once, uncompiled
from faults import Fault, assert_caught, run
from scipy import special, stats
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from what_if import assert_edit, assert_true, each_constant, failures, run_page

import course
from course import data, lesson13 as lesson
from course.checks import lesson13 as proof
from course.checks.constants import require
from course.checks.references import central_difference, order_covariance
from course.cli import edited, options
from course.errors import InputError
from course.machine.precision import precision
from course.training import network, seeds

PARTS = lesson.load_data()
(X, Y), _, (X_TEST, Y_TEST) = PARTS
BACKENDS = [name for name in course.BACKENDS if course.is_installed(name)]


slow = pytest.mark.slow


@pytest.mark.parametrize(
    "given",
    [{}, *(pytest.param(given, marks=slow) for given in (
        {"seed": 5}, {"quick": True}, {"quick": True, "epochs": 1}, {"quick": True, "epochs": 12},
        {"quick": True, "dtype": "float32"}))], ids=str,
)  # fmt: skip
def test_every_check_holds(given):
    checks = run(13, **given).checks
    assert len(checks) == 17
    assert [check.id for check in checks if not check.passed] == []


def test_an_archive_of_digits(in_tmp):
    parts = archived_digits()
    assert [X.shape for X, _ in parts] == [(500, 49), (300, 49), (997, 49)]


@slow
def test_every_check_holds_on_an_archive(in_tmp):
    archived_digits()
    checks = run(13, data="own.npz", quick=True).checks
    assert [check.id for check in checks if not check.passed] == []


def archived_digits():
    """The parts of `own.npz`; an archive that is too small is refused first."""
    X = (255 * data.load_digits28().X_train[..., 0]).astype("uint8")
    y = data.load_digits28().y_train
    np.savez("own.npz", x_train=X[:1050], y_train=y[:1050], x_test=X[1050:], y_test=y[1050:])
    with pytest.raises(InputError, match=r"840, 210, 150.* images to train"):
        lesson.load_data("own.npz")
    np.savez("own.npz", x_train=np.tile(X, (2, 1, 1)), y_train=np.tile(y, 2), x_test=X, y_test=y)
    parts = lesson.load_data("own.npz")
    means = X[:997].reshape(997, 784).mean(axis=1) / 255
    np.testing.assert_allclose(parts[2][0].mean(axis=1), means, atol=1e-6)
    return parts


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


def test_the_backward_pass_is_the_gradient_of_the_cost():
    weights = lesson.draw(1, (1, 1, 1), X)[0]
    gradients = lesson.backward(X[:50], np.eye(10)[Y[:50]], weights)
    for k, index in [(0, (20, 3)), (1, (5,)), (2, (7, 9)), (3, (4,))]:

        def J(value, k=k, index=index):
            moved = [w.copy() for w in weights]
            moved[k][index] = value
            return network.cost(X[:50], Y[:50], moved)

        measured = central_difference(J, weights[k][index])
        assert gradients[k][index] == pytest.approx(measured, abs=1e-9)


def test_many_networks_are_the_networks_alone():
    runs = [(1, 2, 3), (3, 2, 1), (5, 5, 5)]
    together = lesson.train_by_hand(0, runs, X, Y, epochs=2)
    for k, one in enumerate(runs):
        alone = [w[0] for w in lesson.train_by_hand(0, [one], X, Y, epochs=2)]
        for a, b in zip(together, alone):
            np.testing.assert_array_equal(a[k], b)
        assert lesson.cost(*PARTS[2], together)[k] == pytest.approx(lesson.cost(*PARTS[2], alone))


def test_the_last_batch_may_be_smaller():
    whole = lesson.train_by_hand(0, [(1, 1, 1)], X, Y, epochs=1, batch_size=300)
    weights, order, noisy = lesson.draw(0, (1, 1, 1), X, 1)
    velocity = [0.0] * 4
    for rows in (order[:300], order[300:]):
        g = lesson.backward(noisy[rows], np.eye(10)[Y[rows]], weights)
        velocity = [lesson.MOMENTUM * v - lesson.LEARNING_RATE * d for v, d in zip(velocity, g)]
        weights = [w + v for w, v in zip(weights, velocity)]
    for a, b in zip(whole, weights):
        np.testing.assert_allclose(a[0], b, atol=1e-14)


def test_a_seed_and_a_number_fix_a_source_and_no_other():
    base = lesson.draw(0, (1, 1, 1), X)
    for i in range(3):
        for seed, numbers in [(0, 1 + np.eye(3, dtype=int)[i]), (1, np.ones(3, dtype=int))]:
            other = lesson.draw(seed, numbers, X)
            same = [np.array_equal(base[0][0], other[0][0]),
                    *(np.array_equal(a, b) for a, b in zip(base[1:], other[1:]))]  # fmt: skip
            assert same == ([j != i for j in range(3)] if seed == 0 else [False] * 3)
    # Three sources with equal numbers must not draw equal values.
    assert base[0][0][0, 0] * 8 != pytest.approx((base[2] - X)[0, 0] / lesson.PIXEL_NOISE)


def test_what_a_draw_does_of_functions_that_are_known():
    """f = a + 2b + ab, a and b standard normal: ½ mean((f − f′)²) is 1 + 1 for a, 4 + 1 for b."""
    a, b, new_a, new_b = np.random.default_rng(0).normal(size=(4, 200_000))

    def f(a, b):
        return a + 2 * b + a * b

    assert seeds.half_squared_change(f(a, b), f(new_a, b)) == pytest.approx(2, abs=0.05)
    assert seeds.half_squared_change(f(a, b), f(a, new_b)) == pytest.approx(5, abs=0.1)
    assert f(a, b).var() == pytest.approx(6, abs=0.12)  # below their sum, 7
    ratio = seeds.variance_ratio(f(a, b), np.array([f(new_a, b), f(a, new_b)]))
    assert ratio == pytest.approx(6 / 7, abs=0.02)


def test_the_orders_covariance_in_one_dimension():
    """With p = 1 the fixed point is P = 4η²/B mean(r²x²) / (1 − second moment of the factor)."""
    x, squares = np.array([1.0, 2.0, -0.5]), np.array([1.0, 0.25, 4.0])
    k = 1 - 2 * 0.05 * x**2
    second = np.mean(k**2) / 2 + np.mean(k) ** 2 / 2  # B = 2
    P = 4 * 0.05**2 / 2 * np.mean(squares * x**2) / (1 - second)
    measured = order_covariance(x[:, None], squares, 0.05, 2)
    assert measured[0, 0] == pytest.approx(P, rel=1e-12)


def test_power_is_what_simulated_normal_data_gives():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.9, 1, (20_000, 12)), rng.normal(size=(20_000, 12))
    two, one = stats.ttest_ind(a, b, axis=1).pvalue < 0.05, stats.ttest_1samp(a, 0, axis=1)
    for power in (seeds.power, proof.power):
        assert power(12, 0.9, 2) == pytest.approx(two.mean(), abs=0.015)
        assert power(12, -0.9, 1) == pytest.approx(np.mean(one.pvalue < 0.05), abs=0.015)
    assert seeds.seeds_needed(0.9, 2) in (20, 21)  # Lehr: 16 / 0.9² = 19.8
    assert seeds.seeds_needed(0.0, 2) == seeds.MAX_SEEDS


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("effect", [20.0, 3.0, -0.5, 0.21, 0.0])
def test_two_ways_to_the_seeds_needed_agree(effect, samples):
    assert seeds.seeds_needed(effect, samples) == proof.fewest_seeds(effect, samples)


@slow
def test_a_second_process_has_the_same_bits(command):
    ours = run(13, quick=True).results
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


@slow
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
        lesson.repeat(X, Y, 0, 1)
        seeds.draw_in_keras(0)
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

    def holds():
        with precision("float64"):
            found = lesson.repeat(X, Y, 0, 1)
        return all(check.passed for check in proof.check_bits(options.make(13), **found))

    assert holds()
    switch(True)
    try:
        assert holds()
    finally:
        switch(False)


def failing(checks):
    return [check.id for check in checks if not check.passed]


@slow
@once
@pytest.mark.parametrize("fits", [lesson.QUICK_FITS, lesson.FITS])
@pytest.mark.parametrize("seed", range(10))
def test_linear_regression_holds_for_any_seed(seed, fits):
    found = lesson.fit_regressions(seed, fits)
    assert failing(proof.check_regression(options.make(13, seed=seed), **found)) == []


@slow
@once
@pytest.mark.parametrize("seed", range(1, 11))
def test_the_pool_holds_for_any_seed(seed):
    found = lesson.train_pool(PARTS, seed, lesson.EPOCHS, lesson.QUICK_POOL)
    checks = proof.check_pool(options.make(13, seed=seed), **found)
    assert failing(checks) == []
    sum_of_three = {check.id: check for check in checks}["sum-of-three"]
    assert 0 < (sum_of_three.reference[0] - 1) / 4 < 0.3  # its standard error


def test_the_figures_draw():
    for draw in run(13).figures.values():
        assert draw().axes


def repeated(found, lesson):
    return lesson.repeat(X, Y, 0)


def in_keras_again(found, lesson):
    n = len(found["costs"]) // 3
    # Keras's runs take the time: of each source the first is enough.
    runs = [k * source for source in np.eye(3, dtype=int) for k in range(1, n + 1)][::n]
    weights = [w.copy() for w in found["in_keras"]]
    for old, new in zip(weights, lesson.train_runs(0, runs, X, Y)):
        old[::n] = new
    return {"in_keras": weights, "costs": lesson.cost(X_TEST, Y_TEST, weights)}


def read_in_another_order(found, lesson):
    costs, accuracies = seeds.judge(
        lesson.build_model(), [w[:2] for w in found["in_keras"]], X_TEST[::-1], Y_TEST
    )
    return {
        "costs": np.append(costs, found["costs"][2:]),
        "accuracies": np.append(accuracies, found["accuracies"][2:]),
    }


def by_hand_again(found, lesson):
    n = len(found["costs"]) // 3
    runs = [k * source for source in np.eye(3, dtype=int) for k in range(1, n + 1)]
    weights = lesson.train_by_hand(0, runs, X, Y)
    return {"by_hand": weights, "costs_by_hand": lesson.cost(X_TEST, Y_TEST, weights)}


def regressions_again(found, lesson):
    return lesson.fit_regressions(0, lesson.QUICK_FITS)


def louder_noise(found, lesson):
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
        return lesson.fit_regressions(0, lesson.QUICK_FITS)


def a_step_too_few(found, lesson):
    same_y, rows = np.tile(found["y"], (len(found["starts"]), 1)), np.arange(lesson.ROWS)
    batches = [rows] * (lesson.ROW_STEPS - 1)
    ends = lesson.fit_batches(found["X"], same_y, found["starts"], batches)
    return {"ends": {**found["ends"], "start alone": ends}}


def told_apart(found, lesson):
    other = found["other_rate"]
    return {"rates": seeds.tell_apart(found["costs"][: len(other)], other)}


def momentum(right):
    def build(*args):
        model = right(*args)
        model.optimizer.momentum = 0.8751
        return model

    return build


def weights_only(right):
    return lambda model, weights: model.set_weights(weights)


def start_only_once(right):
    def restart(model, weights):
        trained = model.get_weights()
        started = np.any(trained[1])  # the intercepts are 0 before training
        right(model, trained if started else weights)

    return restart


def stretched(interval, factor):
    middle = (interval[0] + interval[1]) / 2
    half = factor * (interval[1] - interval[0]) / 2
    return middle - half, middle + half


def times_a_mean(right):
    """An interval of s where s/√n belongs."""
    return lambda a, b=None: stretched(right(a, b), a.shape[-1] ** 0.5)


def normal_quantile(right):
    def interval(a, b=None):
        freedom = (1 if b is None else 2) * (a.shape[-1] - 1)
        return stretched(right(a, b), 1.96 / stats.t.ppf(0.975, freedom))

    return interval


KERAS = ["weights-keras", "costs-keras"]
FAULTS = [
    Fault("the optimizer's velocities kept from the run before", "bits", ["same-bits"], repeated,
          ("training.restart", weights_only)),
    Fault("weights that go on from the run before", "bits", ["same-bits"], repeated,
          ("training.restart", start_only_once)),
    Fault("draws without a seed", "sources", KERAS, in_keras_again,
          ("draw", lambda right: lambda seed, *rest: right(random.getrandbits(30), *rest))),
    Fault("a draw that knows no run", "bits", ["other-seed"], repeated,
          ("draw", lambda right: lambda seed, run, *rest: right(seed, (0, 0, 0), *rest))),
    Fault("a momentum off by a ten-thousandth in Keras", "sources", KERAS[:1], in_keras_again,
          ("build_model", momentum)),
    Fault("outputs of Keras in another order", "sources", KERAS[1:], read_in_another_order),
    Fault("accuracies of other networks", "sources", ["accuracies"],
          lambda found, lesson: {"accuracies": found["accuracies"] / 10}),
    Fault("velocity added uphill", "sources", KERAS, by_hand_again,
          ("backward", lambda right: lambda *a: [-g for g in right(*a)])),
    Fault("a sum over the batch in Keras", "sources", KERAS, in_keras_again,
          ("build_model", lambda right: lambda n: right(n, 50 * lesson.LEARNING_RATE))),
    Fault("replaced draws that are the old ones", "regression", ["regression-variances"],
          lambda found, lesson: {"replaced": [found["ends"]["all three"]] * 2}),
    Fault("the ½ forgotten in ½ mean((f − f′)²)", "regression", ["regression-variances"],
          patch=("seeds.half_squared_change", lambda right: lambda *a: 2 * right(*a))),
    Fault("effects of draws taken for half of what they are", "pool", ["sum-of-three"],
          patch=("seeds.half_squared_change", lambda right: lambda *a: right(*a) / 4)),
    Fault("order's covariance without its batch size", "regression", ["regression-variances"],
          patch=("references.order_covariance",
                 lambda right: lambda X, squares, rate, B: B * right(X, squares, rate, B))),
    Fault("half the learning rate predicted", "regression", ["regression-variances"],
          patch=("references.order_covariance",
                 lambda right: lambda X, squares, rate, B: right(X, squares, rate / 2, B))),
    Fault("noise of another size", "regression", ["regression-variances"], louder_noise),
    Fault("one step too few", "regression", ["start-forgotten"], a_step_too_few),
    Fault("an interval from s, not from s / √n", "pool", ["intervals-scipy", "intervals-cover"],
          told_apart, ("seeds.t_interval", times_a_mean)),
    Fault("1.96 instead of Student's t", "pool", ["intervals-scipy"], told_apart,
          ("seeds.t_interval", normal_quantile)),
    Fault("power of half as many seeds", "pool", ["seeds-needed"], told_apart,
          ("seeds.power", lambda right: lambda n, *rest: right(max(2, n // 2), *rest))),
    Fault("a power that the proof has wrong", "pool", ["seeds-enough"],
          patch=("power", lambda right: lambda n, *rest: right(max(2, n // 2), *rest))),
    Fault("a lead that is more than luck", "pool", ["lead-on-test"],
          lambda found, lesson: better_on_test(found)),
    Fault("weights that are no numbers", "bits", ["same-bits", "other-seed"],
          lambda found, lesson: {name: [np.full_like(w, np.nan) for w in weights]
                                 for name, weights in found.items()}),
    Fault("costs that are no numbers", "pool",
          ["sum-of-three", "mean-spread", "intervals-scipy", "intervals-cover"],
          lambda found, lesson: {"costs": np.full_like(found["costs"], np.nan)}),
]  # fmt: skip


def best_again(v, t):
    found = seeds.best_of_many(v, t, lesson.SEEDS, lesson.GROUPS, [0, 1])
    return {"accuracies": [v, t], "best": found}


def better_on_test(found):
    v, t = found["accuracies"]
    better = t + 2 * t.std() * (v > np.quantile(v, 0.95))  # the best on validation are better still
    return best_again(v, better)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(13, fault)


def test_no_lead_is_left_where_the_two_sets_know_nothing_of_each_other():
    v, t = run(13).measured["pool"]["accuracies"]
    found = best_again(v, np.random.default_rng(0).permutation(t))
    assert failing(proof.check_best(*found["accuracies"], **found["best"])) == []
    assert abs(found["best"]["lead"][1] / found["best"]["lead"][0]) < 0.35


WHAT_IF = {
    "SOURCES": (
        '("weights", "batches", "pixels")',
        '["a", "b", "c"]',
        '("W", "rows", "a long name")',
    ),
    "SEEDS": ("2", "7", "60"),
    "QUICK_SEEDS": ("2", "10", "30"),
    "POOL": ("20", "61", "300"),
    "QUICK_POOL": ("20", "31", "150"),
    "PIXEL_NOISE": ("0", "0.1", "3.0"),
    "HIDDEN": ("1", "4", "64"),
    "LEARNING_RATE": ("0.001", "3.0", "100.0"),
    "MOMENTUM": ("0", "0.5", "0.99"),
    "BATCH_SIZE": ("7", "500", "4000"),
    "EPOCHS": ("1", "2", "20"),
    "OTHER_RATE": ("0.01", "0.5", "20.0"),
    "GROUPS": ("100", "1000", "20_000"),
    "ROWS": ("2", "4", "1000"),
    "TRUTH": ("(2.0,)", "(0.0, 0.0)", "(1, -2, 3, -4, 5, 1e3)"),
    "SIGMA": ("0", "0.01", "100.0"),
    "ROW_RATE": ("0.001", "0.2", "10.0"),
    "ROW_BATCH": ("1", "60", "500"),
    "ROW_STEPS": ("1", "30", "3000"),
    "FITS": ("2", "50", "3000"),
    "QUICK_FITS": ("2", "50", "3000"),
}


MANY_TRAININGS = ("SEEDS", "QUICK_SEEDS", "POOL", "BATCH_SIZE", "HIDDEN")


@slow
@each_constant(WHAT_IF)
def test_what_if(name, value):
    also = {"EPOCHS": "2"} if name in MANY_TRAININGS else {}
    assert_true(13, name, value, also, quick=name not in ("SEEDS", "POOL", "FITS"))


def test_what_if_mini_batches_diverge():
    found = assert_true(13, "ROW_RATE", "10.0")
    assert found.results["regression, all three: spread of w1"] == "diverged"
    assert {check.not_for for check in found.checks} == {
        "", "not after it diverged", "not at this rate: it diverges",
    }  # fmt: skip


def test_what_if_the_network_is_small_and_learns_too_fast():
    """Keras clips the probabilities of what it reads quite wrong; by hand they stay as they are."""
    text = edited.with_constants(
        edited.source_of(13),
        {"LEARNING_RATE": "100.0", "HIDDEN": "3", "EPOCHS": "1", "POOL": "20", "SEEDS": "2"},
    )
    found = run_page(13, text)
    assert failures(found) == []
    assert not_for(found) >= {"weights-keras", "costs-keras"}


def not_for(found):
    return {check.id for check in found.checks if check.not_for}


@slow
@uncompiled
@pytest.mark.parametrize(
    ("old", "new", "rows", "why"),
    [
        ("optimizers.SGD(", "optimizers.Adam(", KERAS, "not for Adam"),
        ('"sigmoid"', '"tanh"', KERAS, "not for tanh"),
        ("Dense(HIDDEN,", "Dense(24,", KERAS, "not for layers of another size"),
        ("[keras.Input((n_inputs,)), hidden, output]",
         "[keras.Input((n_inputs,)), hidden, keras.layers.Dropout(0.2), output]",
         ["same-bits", *KERAS], "not for Dropout"),
        ("[keras.Input((n_inputs,)), hidden, output]",
         '[keras.Input((n_inputs,)), hidden, keras.layers.Dense(8, "tanh"), output]',
         KERAS, "not for 3 layers"),
        ("float(MOMENTUM)", "0.5", KERAS, "not for this momentum"),
        ("return data.load_small_digits(source)",
         "return [(X[:200], y[:200]) for X, y in data.load_small_digits(source)]", [], None),
    ], ids=lambda word: str(word)[:30],
)  # fmt: skip
def test_what_if_the_page_is_edited(old, new, rows, why):
    found = assert_edit(13, old, new, quick=True)
    assert not_for(found) == set(rows)
    assert {check.not_for for check in found.checks} == ({"", why} if why else {""})


@pytest.mark.parametrize(
    ("name", "value"),
    [("LEARNING_RATE", -1), ("HIDDEN", 0), ("MOMENTUM", 1.0), ("POOL", 3), ("SEEDS", 1),
     ("SIGMA", -0.5), ("TRUTH", ()), ("SOURCES", ("one", "two"))],
)  # fmt: skip
def test_a_constant_that_makes_no_sense_is_refused(name, value):
    text = edited.with_constants(edited.source_of(13), {name: repr(value)})
    with edited.page(13, text) as page, pytest.raises(InputError, match=rf"{name} is "):
        require(page, proof)
