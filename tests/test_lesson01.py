import numpy as np
import pytest
import references
from faults import Fault, assert_caught, run

from course import lesson01 as lesson


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
    for draw in run(1, quick=True).figures.values():
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
