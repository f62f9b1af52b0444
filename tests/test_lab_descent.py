"""The descent bench's numbers are Python's."""

import numpy as np
import pytest
from bench_pages import assert_near, caught, no_nonsense, page, spoilt
from conftest import ROOT
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


@pytest.mark.parametrize(
    ("setting", "step"),
    [
        ("rate=0.14286", 77),
        ("rate=0.14", 63),
        ("method=heavy%20ball&momentum=0.8&rate=0.03", 53),
        ("rate=0.03", 299),
    ],
)
def test_the_steps_that_its_page_counts(site, browser, setting, step):
    link = f"descent:v=1&{setting}&step={step}"
    text = (ROOT / "tutorials" / "lab" / "descent.md").read_text(encoding="utf-8")
    assert f"{step}" in text
    assert link in text
    before, after = page(site, browser, "descent", fragment=f"#{link}").model("costs")[step - 1 :][
        :2
    ]
    assert after < 1e-4 <= before


def test_no_rate_beats_the_best_one_for_the_worst_start(site, browser):
    bench = page(site, browser, "descent")
    (w, b), x = bench.model("minimum"), np.array(bench.model("x"))
    H = 2 / len(x) * np.array([[x @ x, x.sum()], [x.sum(), len(x)]])

    def worst(rate, steps=60):
        """The largest distance left of a distance of one, in any direction."""
        return np.linalg.norm(np.linalg.matrix_power(np.eye(2) - rate * H, steps), 2)

    best = bench.model("best")
    rates = best * np.linspace(0.8, 1.2, 41)
    assert min(worst(rate) for rate in rates) >= worst(best) * (1 - 1e-12)
    slow = np.linalg.eigh(H)[1][:, 0]  # the flat direction, in which 0.14 is slower
    bench.set(w=w + slow[0], b=b + slow[1], step=60)
    left = {}
    for rate in (0.14, best):
        bench.set(rate=rate)
        left[rate] = bench.model("costs")[60]
    assert left[best] < left[0.14]


def domains(bench, i):
    """The ends of an axis: the first and the last number at plot i's x-axis."""
    return bench.run(
        """const svg = bench.place.querySelectorAll("svg")[arguments[0]];
        return [...svg.querySelectorAll(".tick text")].map((e) => e.textContent).join();""",
        i,
    )


def dragged(bench, plot):
    """Far beyond the picture: the point is where the pointer is, on the axes as they were."""
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    dot = bench.browser.find_elements(By.CSS_SELECTOR, ".bench svg")[plot]
    dot = dot.find_elements(By.CSS_SELECTOR, ".movable")[-1]
    before = domains(bench, plot)

    def at():
        found = bench.state
        return found["points"][-1] if plot == 0 else [found["w"], found["b"]]

    wide = bench.run("return bench.place.querySelector('svg').getBoundingClientRect().width / 340;")
    start = at()
    act = ActionChains(bench.browser, duration=20)
    act.click_and_hold(dot).perform()
    moved = []
    for _ in range(6):
        act.move_by_offset(50, 0).perform()
        bench.run("bench.update();")
        moved.append(at())
        assert domains(bench, plot) == before
        no_nonsense(bench.text)
    act.release().perform()
    bench.run("bench.update();")
    assert domains(bench, plot) != before
    assert at() == moved[-1]
    steps = np.diff([start, *moved], axis=0)[:, 0]
    unit = 5.2 if plot == 0 else 9.6  # in the picture's 284 pixels
    assert_near(steps, np.full(6, 50 / wide / 284 * unit), 0.05)
    assert bench.message == ""


@pytest.mark.parametrize("plot", [0, 1])
def test_the_axes_stay_while_a_point_is_dragged(site, browser, plot):
    dragged(page(site, browser, "descent"), plot)


@pytest.mark.parametrize("plot", ["data", "bowl"])
def test_axes_that_run_away_are_caught(site, tmp_path, browser, plot):
    mistake = "descent.view.js", f"if (!{plot}Held())", ""
    with spoilt(site, tmp_path, browser, "descent", *mistake) as bench:
        assert caught(lambda bench: dragged(bench, ["data", "bowl"].index(plot)), bench)


def test_a_cost_of_zero_lies_on_the_lower_edge(site, browser):
    bench = page(site, browser, "descent", fragment="#descent:v=1&standardise=1&rate=0.5&step=4")
    assert bench.model("costs")[2] == 0
    line = bench.run("return bench.place.querySelectorAll('svg')[2].querySelector('.orange')"
                     ".getAttribute('d');")  # fmt: skip
    points = [[float(v) for v in point.split(",")] for point in line[1:].split("L")]
    assert len(points) == 5
    assert points[-1][1] == 260 - 36
    assert "w per standard deviation" in bench.text
    assert "b, height at the mean x" in bench.text


def test_both_rates_are_marked(site, browser):
    bench = page(site, browser, "descent")
    for changes in ({}, {"standardise": True}, {"points": [[0, 1], [8, 2], [9, 5]]}):
        bench.set(**changes)
        marks = bench.run(
            """return [...bench.place.querySelectorAll(".bench-marks span")].map((e) =>
            [e.textContent, parseFloat(e.style.left), ...["left", "right"].map((side) =>
            e.getBoundingClientRect()[side])]);"""
        )
        assert [words for words, *_ in marks] == ["best", "limit"]
        for (_, share, *_), what in zip(marks, ("best", "largest")):
            assert_near(share, 100 * (np.log10(bench.model(what)) + 4) / 4, 1e-5)
        assert marks[0][3] <= marks[1][2]  # the words are apart


def test_a_mini_batch_has_no_more_rows_than_there_are(site, browser):
    bench = page(site, browser, "descent", fragment="#descent:v=1&kind=mini-batch&size=20")
    assert "Rows in a mini-batch all 5" in bench.text
    assert bench.run("return bench.place.querySelectorAll('input[type=range]')[1].max;") == "5"
    assert "batch_size" not in bench.run("return bench.definition.python(bench.state, bench);")
