"""The descent bench's numbers are Python's."""

import numpy as np
import pytest
from bench_pages import assert_near, caught, page, spoilt
from website import in_browser, on_the_site

from course import lab, lesson03, lesson05

pytestmark = [*on_the_site, in_browser]
SETTINGS = [
    {},
    {"rate": 0.14, "w": -3.0, "b": 9.0},
    {"kind": "stochastic", "rate": 0.01},
    {"kind": "mini-batch", "size": 2, "rate": 0.03, "seed": 7},
    {"kind": "mini-batch", "size": 3, "rate": 0.03, "method": "Nesterov", "momentum": 0.5},
    {"method": "heavy ball", "momentum": 0.8, "rate": 0.02},
    {"method": "Nesterov", "momentum": 0.6, "rate": 0.05, "standardise": True},
    {"points": [[1.5, 2], [-2, 0.25], [4, 4], [8, -1]], "rate": 0.02, "standardise": True},
]


def numbers(bench):
    """The whole trajectory, the costs and the theory's curve against the course's functions."""
    for changes in SETTINGS:
        bench.run("bench.state = bench.first();")
        bench.set(**changes, step=500)
        path = bench.python()["path"]
        assert_near(bench.model("path"), path, 1e-12)
        x, y = np.transpose(bench.state["points"])
        if bench.state["standardise"]:
            x = (x - x.mean()) / x.std()
        X = x[:, None]
        assert_near(bench.model("costs"), lesson03.cost(X, y, path), 1e-12)
        assert_near(bench.model("minimum"), lesson03.least_squares(X, y), 1e-12)
        assert_near(bench.model("largest"), lesson03.largest_learning_rate(X), 1e-12)
        assert_near(bench.model("best"), lesson05.best_learning_rate(X), 1e-12)
        if bench.state["kind"] == "batch":
            assert_near(bench.model("predicted"), lesson03.cost(X, y, path), 1e-10)


def test_the_numbers_are_pythons(site, browser):
    numbers(page(site, browser, "descent"))


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("descent.js", "(2 / rows.length) * in_w", "(1 / rows.length) * in_w"),
        ("descent.js", "momentum * v[j] + step[j]", "momentum * v[j]"),
        ("descent.js", "(values[k] / 2) * z * z", "values[k] * z * z"),
        ("random.js", "i > 0; i--", "i > 1; i--"),
        ("descent.js", "middle + half", "middle"),
        ("descent.js", "order.slice(i * size", "order.slice(i"),
    ],
)
def test_a_mistake_is_caught(site, tmp_path, browser, file, right, wrong):
    with spoilt(site, tmp_path, browser, "descent", file, right, wrong) as bench:
        assert caught(numbers, bench)


def test_a_rate_above_the_limit_is_said_to_diverge(site, browser):
    bench = page(site, browser, "descent", fragment="#descent:v=1&rate=0.9&step=500")
    path = lab.descend(*np.transpose(bench.state["points"]), learning_rate=0.9, steps=500)
    assert f"diverged at step {len(path)}" in bench.message
    assert bench.model("diverged") == len(path)
