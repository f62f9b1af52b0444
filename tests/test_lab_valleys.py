"""The two valleys' numbers are Python's, and Python's are the lessons'."""

import itertools

import numpy as np
import pytest
from bench_pages import assert_near, caught, no_nonsense, page, spoilt
from conftest import ROOT
from website import in_browser, on_the_site

from course import lab, lesson02, lesson04

pytestmark = [*on_the_site, in_browser]
SETTINGS = [
    {},
    {"tilt": 0.3, "rate": 0.02, "step": 1000},  # lesson 2's descent
    {"rows": "1", "step": 300, "w": 1.1},  # lesson 4's stochastic descent
    {"rows": "5", "step": 200, "seed": 7},
    {"rows": "10", "step": 1000, "tilt": -0.4, "seed": 99},
    {"rows": "2", "momentum": 0.9, "rate": 0.01, "step": 150, "w": -1.2, "tilt": -1.5},
    {"momentum": 0.99, "step": 400},
    {"rate": 0.3, "step": 100},  # some diverge, some jump about for ever
    {"rate": 0.5, "step": 30},
    {"tilt": 0, "w": 0, "seed": 3},  # on the hilltop
    {"tilt": 1.6, "w": -2},  # one valley
    {"tilt": -1.56, "step": 60},
]


def numbers(bench):
    """The path and all ends to the last bit; the minima and hilltop as NumPy finds the roots."""
    for changes in SETTINGS:
        bench.run("bench.state = bench.first();")
        bench.set(**changes)
        bench.run("while (bench.model.step < bench.state.step) bench.update();")
        found, expected = bench.run("return bench.model;"), bench.python()
        for what in ("starts", "path", "ends", "share"):  # chance and chaos: no digit may differ
            assert np.array_equal(found[what], expected[what]), (changes, what)
        tilt, path, ends = bench.state["tilt"], expected["path"], expected["ends"]
        assert found["deeper"] == lab.in_deeper_valley(ends, tilt).tolist()
        assert found["lost"] == (np.abs(ends) >= 1e9).tolist()
        in_deeper, lost = sum(found["deeper"]), sum(found["lost"])
        assert found["counts"] == [in_deeper, len(ends) - in_deeper - lost, lost]
        far = np.flatnonzero(np.abs(path) >= 1e9)
        assert found["diverged"] == (far[0] if far.size else None)
        assert np.array_equal(found["costs"], (path**2 - 1) ** 2 + tilt * path)
        roots = np.roots([4, 0, -4, tilt])
        assert_near(found["places"], np.sort(roots[np.isreal(roots)].real), 1e-12)
        least = sorted(found["places"][::2], key=lambda w: (w**2 - 1) ** 2 + tilt * w)
        assert_near(found["minima"], least, 1e-12)
        assert_near(found["limits"], 2 / (12 * np.square(least) - 4), 1e-12)


def test_the_numbers_are_pythons(site, browser):
    numbers(page(site, browser, "valleys"))


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("valleys.js", "4 * w * (w * w - 1) + c", "2 * w * (w * w - 1) + c"),
        ("valleys.js", "momentum * v[k] - rate", "momentum * v[k] - (1 - momentum) * rate"),
        ("valleys.js", "row % 2 === 0", "row < points / 2"),
        ("valleys.js", "sum / batch", "sum / Math.sqrt(batch)"),
        ("valleys.js", "(w - border) * (c || 1)", "w * (c || 1)"),
        ("valleys.js", "hilltop ?? -flattest(c)", "hilltop ?? flattest(c)"),
        ("valleys.js", "(count + 1) * batch", "count * batch"),
    ],
)
def test_a_mistake_is_caught(site, tmp_path, browser, file, right, wrong):
    with spoilt(site, tmp_path, browser, "valleys", file, right, wrong) as bench:
        assert caught(numbers, bench)


def test_python_descends_as_the_lessons_do():
    starts = np.linspace(-2, 2, 41)
    plain = lab.descend_valleys(starts, lesson02.TILT, lesson02.WELL_RATE, lesson02.WELL_STEPS)
    settings = lesson02.WELL_RATE, lesson02.WELL_STEPS
    expected = lesson02.descend(lesson02.double_well_slope, starts, *settings)
    assert np.array_equal(plain, expected)
    # Lesson 4's rows. Rounding of their tilts differs, so only few steps are the same.
    size, steps = lesson04.WELL_BATCH["mini-batch"], 50
    c = lesson04.TILT + lesson04.TILT_NOISE * np.resize([1.0, -1.0], lesson04.POINTS)
    rows = np.random.default_rng(4).integers(len(c), size=(steps, len(starts), size))
    ends = lesson04.descend_double_well(starts, c[rows].mean(axis=-1))
    noisy = lab.descend_valleys(starts, lesson04.TILT, lesson04.WELL_RATE, steps, size, rng=4)
    assert_near(noisy[-1], ends, 1e-9)
    # The heavy ball, with the velocity eliminated.
    w = lab.descend_valleys(starts, lesson02.TILT, 0.02, 50, momentum=0.9)
    step = 0.9 * np.diff(w, axis=0)[:-1] - 0.02 * lesson02.double_well_slope(w[1:-1])
    assert_near(w[2:], w[1:-1] + step, 1e-12)


def test_a_rate_that_is_too_large_is_said_to_diverge(site, browser):
    bench = page(site, browser, "valleys", fragment="#valleys:v=1&rate=0.5&step=30")
    w = lab.descend_valleys(1.5, tilt=0.9, learning_rate=0.5, steps=30)
    step = np.flatnonzero(np.abs(w) >= 1e9)[0]
    assert f"diverged at step {step}" in bench.message
    no_nonsense(bench.text)


@pytest.mark.parametrize(
    ("fragment", "said"),
    [
        ("rows=3", "is none of all, 10, 5, 2, 1"),
        ("w=2.5", "is not between −2 and 2"),
        ("rate=0", "is not between 0.001 and 0.5"),
        ("momentum=1", "is not between 0 and 0.99"),
        ("seed=1e99", "is not between 0 and 99"),
        ("step=1.5", "is not a whole number"),
        ("tilt=", "is not a number"),
    ],
)
def test_what_a_link_may_not_say(site, browser, fragment, said):
    bench = page(site, browser, "valleys", fragment=f"#valleys:v=1&{fragment}")
    key = fragment.split("=")[0]
    assert f"{key} was left out" in bench.message
    assert said in bench.message
    assert bench.state == bench.run("return bench.first();")


def test_one_valley_and_equal_valleys_are_said(site, browser):
    bench = page(site, browser, "valleys", fragment="#valleys:v=1&tilt=-1.6")
    assert "only one minimum" in bench.message
    assert len(bench.model("places")) == 1
    for words in ("share in the only valley", "flattest place", "on the way there"):
        assert words in bench.text
    assert "deeper" not in bench.text
    bench.set(tilt=0)
    assert "equally deep" in bench.message
    for words in ("share in the left valley", "in the right one", "right valley"):
        assert words in bench.text
    assert "deeper" not in bench.text
    bench.set(tilt=-0.1)
    assert "share in the deeper valley" in bench.text


def test_what_its_page_says_of_the_rows_and_counts(site, browser):
    text = (ROOT / "tutorials" / "lab" / "valleys.md").read_text(encoding="utf-8")
    text = " ".join(text.split())
    rows, spread = lesson04.POINTS, lesson04.TILT_NOISE
    assert f"of {rows} rows, half have the tilt c + {spread} and half c − {spread}" in text
    bench = page(site, browser, "valleys", fragment="#valleys:v=1&rows=1")
    assert "have c = 4.3, the others c = −2.5" in bench.text
    starts = np.array(bench.model("starts"))
    for rate, counts in ((0.35, [0, 144, 56]), (0.3, [99, 53, 48])):
        bench.set(rows="all", rate=rate, step=100)
        assert bench.model("counts") == counts
        assert "{} in the deeper valley, {} in the higher one, {} diverged".format(*counts) in (
            bench.text
        )
    assert "where 144 end" in text
    assert "the 56 starts farthest out, on both sides," in text
    assert "there are 48, and the 99 green dots" in text
    bench.set(rate=0.35)
    lost = np.array(bench.model("lost"))
    low, high = starts[~lost].min(), starts[~lost].max()
    assert np.array_equal(lost, (starts < low) | (starts > high))
    assert np.sum(lab.in_deeper_valley(starts, 0.9)) == 99  # as at the start


def test_both_limits_of_the_rate_are_marked(site, browser):
    bench = page(site, browser, "valleys")
    for tilt, marks in ((0.9, "limit: deeper higher"), (0.3, "limit: deeper higher"),
                        (0, "limit"), (1.6, "limit"), (1.5, "limit: deeper")):  # fmt: skip
        bench.set(tilt=tilt)
        found = bench.run(
            """return [...bench.place.querySelectorAll(".bench-marks")[1].children].map((e) =>
            [e.textContent, parseFloat(e.style.left), ...["left", "right"].map((side) =>
            e.getBoundingClientRect()[side])]);"""
        )
        assert " ".join(words for words, *_ in found) == marks
        for (_, share, *_), limit in zip(found, bench.model("limits")):
            assert_near(share, 100 * np.log10(limit / 1e-3) / np.log10(500), 1e-5)
        if len(found) == 2:
            assert found[0][3] <= found[1][2]  # the words are apart


def test_the_names_of_near_places_are_apart(site, browser):
    bench = page(site, browser, "valleys")
    for tilt in (1.5, -1.5, 1.3, 0.9):
        bench.set(tilt=tilt)
        boxes = bench.run(
            """return [...bench.place.querySelectorAll("svg")[1].querySelectorAll("text.y")]
            .map((e) => e.getBoundingClientRect()).map((box) => [box.top, box.bottom]);"""
        )
        boxes = sorted(boxes)
        assert len(boxes) == 3
        for upper, lower in itertools.pairwise(boxes):
            assert upper[1] <= lower[0] + 4  # a line of text is higher than its letters


def test_the_start_is_moved_by_arrow_keys(site, browser):
    bench = page(site, browser, "valleys")
    script = """
        const dot = bench.place.querySelector(".movable");
        dot.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", shiftKey: true}));
        bench.update();
        return [bench.state.w, dot.getAttribute("aria-label")];
    """
    assert bench.run(script) == [1.92, "start at w = 1.92; arrow keys move it"]
    assert bench.run(script)[0] == 2  # no further
