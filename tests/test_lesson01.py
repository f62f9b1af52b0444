import numpy as np
import pytest
import references
from mistakes import Mistake, assert_caught

from course import lesson01 as lesson
from course.cli.report import Options


@pytest.mark.parametrize("options", [Options(), Options(quick=True, seed=3), Options(steps=7)])
def test_every_check_holds(options):
    report = lesson.run(options)
    assert len(report.checks) == 6
    assert [check.name for check in report.checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    assert lesson.run(Options(dtype="float32")).passed


def test_the_fixed_values():
    x, y = lesson.load_data()
    assert x.tolist() == [1, 2, 3]
    assert y.tolist() == [2, 4, 6]
    report = lesson.run()
    assert report.results["best weight on the grid"] == references.one_weight(x, y) == 2
    assert report.results["its cost"] == 0
    assert report.results["weights tried"] == 41


def test_the_model_holds_the_grid_as_its_weights():
    grid = np.array([0.5, 1.0, 2.5])
    model = lesson.build_model(grid)
    assert model.count_params() == 3
    np.testing.assert_allclose(model.get_weights()[0][0], grid)


def test_a_search_over_two_weights_finds_the_planted_ones():
    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    w, tried = lesson.scan_all(X, X @ [1.0, -1.0], np.array([-1.0, 0.0, 1.0]))
    assert w.tolist() == [1, -1]
    assert tried == 9


def test_the_figures_draw():
    for draw in lesson.run(Options(quick=True)).figures.values():
        assert draw().axes


MISTAKES = [
    Mistake("the sum, not the mean", "cost", lambda right: lambda w, x, y: 3 * right(w, x, y),
            lesson.run, ["cost curve = parabola", "cost curve, Keras = by hand, relative"]),
    Mistake("the worst weight taken for the best", "scan",
            lambda right: lambda x, y, grid: (grid[0], right(x, y, grid)[1]),
            lesson.run, ["best weight = x·y / x·x"]),
    Mistake("one value of the grid never tried", "scan_all",
            lambda right: lambda X, y, grid: right(X, y, grid[1:]),
            lesson.run, ["tries counted = k^p"]),
    Mistake("half a grid step aside", "scan_all",
            lambda right: lambda X, y, grid: right(X, y, grid + (grid[1] - grid[0]) / 2),
            lesson.run, ["weights found = least squares"]),
    Mistake("another unit order in the model", "build_model",
            lambda right: lambda grid: right(np.roll(grid, 1)),
            lesson.run, ["cost curve, Keras = by hand, relative"]),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)
