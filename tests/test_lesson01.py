import numpy as np
import pytest
import references
from faults import Fault, assert_caught, run
from what_if import assert_edit, assert_true, each_constant

from course import lesson01 as lesson
from course.errors import InputError


@pytest.mark.parametrize("given", [{}, {"quick": True, "seed": 3}, {"steps": 7}], ids=str)
def test_every_check_holds(given):
    checks = run(1, **given).checks
    assert len(checks) == 8
    assert [check.id for check in checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    checks = run(1, dtype="float32", quick=True).checks
    assert [check.id for check in checks if not check.passed] == []


def test_the_fixed_values():
    x, y = lesson.load_data()
    assert x.tolist() == [1, 2, 3]
    assert y.tolist() == [2, 4, 6]
    results = run(1).results
    assert results["best weight on the grid"] == references.one_weight(x, y) == 2
    assert results["its cost"] == 0
    assert results["weights tried"] == 41


def test_the_model_holds_the_grid_as_its_weights():
    grid = np.array([0.5, 1.0, 2.5])
    model = lesson.build_model(grid)
    assert model.count_params() == 3
    np.testing.assert_allclose(model.get_weights()[0][0], grid)


def test_a_search_over_two_weights_finds_the_true_ones():
    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    w, tried = lesson.scan_all(X, X @ [1.0, -1.0], np.array([-1.0, 0.0, 1.0]))
    assert w.tolist() == [1, -1]
    assert tried == 9


def test_the_figures_draw():
    for draw in run(1).figures.values():
        assert draw().axes


def scan_again(found, lesson):
    best, costs = lesson.scan(found["x"], found["y"], found["grid"])
    return {"best": best, "costs": costs}


def scan_all_again(found, lesson):
    again = [lesson.scan_all(found["X"][:, : p + 1], y, found["grid"])
             for p, y in enumerate(found["ys"])]  # fmt: skip
    return {"found": [w for w, _ in again], "counts": [tried for _, tried in again]}


def in_keras_again(found, lesson):
    model = lesson.build_model(found["grid"])
    best, costs = lesson.train(model, found["x"], found["y"])
    return {"best_in_keras": best, "costs_in_keras": costs}


FAULTS = [
    Fault("the sum, not the mean", "search", ["curve", "curve-keras"], scan_again,
          ("cost", lambda right: lambda w, x, y: 3 * right(w, x, y))),
    Fault("the worst weight taken for the best", "search", ["best-weight"], scan_again,
          ("scan", lambda right: lambda x, y, grid: (grid[0], right(x, y, grid)[1]))),
    Fault("the lowest cost with a 1 added", "search", ["lowest-cost"],
          lambda found, lesson: {"costs": found["costs"] + 1}),
    Fault("one value of the grid never tried", "tries", ["tries"], scan_all_again,
          ("scan_all", lambda right: lambda X, y, grid: right(X, y, grid[1:]))),
    Fault("half a grid step aside", "tries", ["several-weights"], scan_all_again,
          ("scan_all", lambda right: lambda X, y, grid: right(
              X, y, grid + (grid[1] - grid[0]) / 2))),
    Fault("the worst unit taken for the best", "search", ["best-weight-keras"], in_keras_again,
          ("train", lambda right: lambda model, x, y: (0.0, right(model, x, y)[1]))),
    Fault("another unit order in the model", "search", ["curve-keras"], in_keras_again,
          ("build_model", lambda right: lambda grid: right(np.roll(grid, 1)))),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_caught(fault):
    assert_caught(1, fault)


WHAT_IF = {
    "LOWEST": ("-3.0", "1.95", "1e6"),
    "HIGHEST": ("1.0", "0.0", "1e8"),
    "STEPS": ("1", "7", "1000"),
    "TRUE_WEIGHTS": ("(0.3,)", "(-9.0, 9.0)", "(0.0, 0.0, 0.0)"),
    "VALUES": ("1", "2", "30"),
    "QUICK_VALUES": ("1", "4", "11"),
    "SECONDS_PER_YEAR": ("1.0", "3.2e7", "1e12"),
}


@pytest.mark.slow
@each_constant(WHAT_IF)
def test_what_if(name, value):
    assert_true(1, name, value)


def test_a_grid_that_misses_the_minimum():
    found = assert_true(1, "LOWEST", "2.55")
    assert found.results["best weight on the grid"] == 2.55


def test_ones_own_points():
    own = "np.array([-1.0, 0.5, 2.0, 7.5]), np.array([31.0, 12.0, -55.0, -236.0])"
    found = assert_edit(1, "data.load_three_points()", own)
    assert found.results["best weight on the grid"] == 0  # the nearest to about −31


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ('len(grid), activation="relu", use_bias=False)', "not for relu"),
        ("len(grid), use_bias=False, activation='tanh')", "not for tanh"),
    ],
)
def test_another_activation(new, why):
    found = assert_edit(1, "len(grid), use_bias=False)", new)
    told = {check.id for check in found.checks if check.not_for == why}
    assert told == {"curve-keras", "best-weight-keras"}


def test_a_layer_that_has_no_weights_by_hand_is_told_in_a_line():
    with pytest.raises(InputError, match="build_model has layers for which the lesson, by hand"):
        assert_edit(1, "Dense(len(grid), use_bias=False)", "Dense(len(grid))")
