"""The augmentation bench moves digits as lesson 12 does, and its two networks are Keras's."""

import base64

import numpy as np
import pytest
from bench_pages import assert_near, caught, no_nonsense, page, spoilt
from website import in_browser, on_the_site

from course import lesson12
from course.lab.digit import packed, unpacked

pytestmark = [*on_the_site, in_browser]
NETWORKS = ["plain", "augmented"]
SETTINGS = [
    {},
    {"picture": "2", "angle": 30},
    {"picture": "7b", "angle": -90, "right": 0.5},
    {"picture": "0", "angle": 180, "down": 3},
    {"picture": "6", "mirrored": True, "right": -2.5, "down": 1},
    {"picture": "9b", "upside": True, "angle": 45},
    {"picture": "6b", "mirrored": True, "upside": True, "angle": -7, "right": 4, "down": -6},
    {"picture": "1", "angle": 133, "right": 13.5, "down": -13.5},
]


def computed(bench, script, *arguments):
    """The flat array that the JavaScript returns, to the last bit."""
    text = bench.run(
        f"const flat = Float64Array.from((() => {{ {script} }})());"
        "let text = '';"
        "for (const byte of new Uint8Array(flat.buffer)) text += String.fromCharCode(byte);"
        "return btoa(text);",
        *arguments,
    )
    return np.frombuffer(base64.b64decode(text), "<f8")


def moves(bench):
    """Random pictures moved in random ways, small ones too."""
    rng = np.random.default_rng(0)
    for side in (28, 28, 28, 5, 6):
        X = rng.random((12, side, side, 1), "float32")
        angles, shifts = rng.uniform(-180, 180, 12), rng.uniform(-side / 2, side / 2, (12, 2))
        flips = rng.random((2, 12)) < 0.5
        expected = lesson12.move(X, angles, shifts, *flips)
        for k in range(12):
            found = computed(
                bench,
                "const [X, ...how] = arguments;"
                "return lab.augmentation.move(lab.digit.unpacked(X), ...how);",
                packed(X[k]), angles[k], shifts[k].tolist(), *flips[:, k].tolist(), side,
            )  # fmt: skip
            assert np.abs(found - expected[k].ravel()).max() < 1e-6, (angles[k], shifts[k])


def test_a_picture_moves_as_in_the_lesson(site, browser):
    moves(page(site, browser, "augmentation"))


def models(bench):
    """Lesson 12's Keras models with the page's weights."""
    found = {}
    for name, network in unpacked(bench.run("return bench.data.networks;")).items():
        model = found[name] = lesson12.build_model(np.zeros((1, 28, 28, 1), "float32"))
        mean, variance = np.array([network["mean"]]), np.array([network["deviation"] ** 2])
        model.set_weights([mean, variance, np.array(0), *network["weights"]])
    return found


def networks(bench):
    """What is on the screen: the moved digit, both networks' probabilities, both curves."""
    keras = models(bench)
    for changes in SETTINGS:
        bench.run("bench.state = bench.first();")
        bench.set(**changes)
        bench.run("while (!bench.model.complete) bench.update();")
        copied, state = bench.python(), bench.state
        moved = copied["moved"]
        found = computed(bench, "return bench.model.picture;").reshape(moved.shape)
        assert np.abs(found - moved).max() < 1e-6
        how = (state["angle"], (state["right"], state["down"]), state["mirrored"], state["upside"])
        assert np.array_equal(moved, lesson12.move(copied["X"], *how))
        right = bench.model("right")
        shifts = np.transpose([np.arange(-14, 14.1, 0.5), np.full(57, state["down"])])
        over_shift = lesson12.move(np.repeat(copied["X"], 57, axis=0), how[0], shifts, *how[2:])
        for k, name in enumerate(NETWORKS):
            p = computed(bench, f"return bench.model.p[{k}];")
            assert np.abs(p - copied["p"][name]).max() < 1e-6
            assert np.abs(p - lesson12.predict(keras[name], moved)[0]).max() < 1e-5
            curve = bench.model(f"angle[{k}]")
            assert np.abs(np.array(curve) - copied["curves"][name]).max() < 1e-6
            curve = lesson12.predict(keras[name], over_shift)[:, right]
            assert np.abs(np.array(bench.model(f"shift[{k}]")) - curve).max() < 1e-5


def test_both_networks_are_kerass(site, browser):
    networks(page(site, browser, "augmentation"))


def pixel(bench):
    """Where a pixel was, the four around it, and what they give."""
    rng = np.random.default_rng(1)
    for changes in SETTINGS:
        bench.run("bench.state = bench.first();")
        x, y = map(int, rng.integers(28, size=2))
        bench.set(**changes, pixel=[x, y])
        state = bench.state
        L = lesson12.linear(np.array([state["angle"]]), state["mirrored"], state["upside"])
        at = lesson12.places(L, np.array([[state["right"], state["down"]]]), 28)
        place = [float(v[0, y, x]) for v in at]
        assert_near(bench.model("place"), place, 1e-6)
        X = computed(bench, "return lab.digit.unpacked(bench.data.samples);").reshape(-1, 28, 28)
        options = bench.run("return bench.fields.picture.options;")
        padded = np.pad(X[options.index(state["picture"])], 2)
        left, above = (int(np.floor(np.clip(v, -1, 28))) + 2 for v in place)
        assert_near(bench.model("four"), padded[above : above + 2, left : left + 2].ravel(), 1e-7)


FAINT = """const [, original] = bench.place.querySelectorAll(".bench-maps");
return [...original.querySelectorAll("span")].map((e) => e.classList.contains("maps-none"));"""


def test_one_pixel_is_explained(site, browser):
    bench = page(site, browser, "augmentation")
    pixel(bench)
    bench.set(picture="5", angle=0, right=0.5, down=0, mirrored=False, upside=False, pixel=[9, 14])
    text = bench.run("return bench.place.querySelector('.bench-sentence p').textContent;")
    assert "column x = 9, row y = 14 was at x′ = 8.5, y′ = 14, between two pixels: 0.5 · " in text
    assert text.count(" · ") == 2
    assert text.endswith(bench.run("return lab.show(bench.model.picture[14 * 28 + 9], 4);"))
    assert bench.run(FAINT) == [False, False, True, True]  # the lower two count 0
    bench.set(angle=10)
    text = bench.run("return bench.place.querySelector('.bench-sentence p').textContent;")
    assert "between four pixels: " in text
    assert text.count(" · ") == 6
    assert bench.run(FAINT) == [False] * 4
    bench.set(angle=90, right=0, pixel=[20, 14])
    assert "was at x′ = 13, y′ = 20, a pixel of the original: " in bench.text
    assert bench.run(FAINT).count(False) == 1
    bench.set(angle=0, right=21)
    assert "outside, so it is paper, 0." in bench.text


def test_the_dashed_curves_are_the_accuracies(site, browser):
    bench = page(site, browser, "augmentation")
    digits, keras = lesson12.load_data(), models(bench)
    found = bench.run("return bench.data.all;")
    assert found["count"] == len(digits.y_test)
    for axis, values in (("angle", (-180, -20, 0, 40)), ("right", (-6, 0, 5))):
        for value in values:
            at = found[axis]["values"].index(value)
            how = (value, (0, 0)) if axis == "angle" else (0, (value, 0))
            moved = lesson12.move(digits.X_test, *how)
            for name in NETWORKS:
                share = lesson12.accuracy(keras[name], moved, digits.y_test)
                # One digit in 297 may lie on the edge between two classes.
                assert abs(found[axis][name][at] - share) < 1.5 / len(digits.y_test)


def test_a_digit_is_dragged_and_turned(site, browser):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    bench = page(site, browser, "augmentation")
    picture = browser.find_element("css selector", ".bench-maps canvas")
    side = picture.size["width"] / 28
    chain = ActionChains(browser, duration=10).move_to_element(picture).click_and_hold()
    chain.move_by_offset(round(3 * side), round(-2 * side)).release().perform()
    assert (bench.state["right"], bench.state["down"]) == (3, -2)
    x, y = bench.state["pixel"]
    ActionChains(browser).send_keys(Keys.ARROW_LEFT + Keys.ARROW_UP).perform()
    assert bench.state["pixel"] == [x - 1, y - 1]
    plot = browser.find_elements("css selector", ".bench svg")[0]
    ActionChains(browser, duration=10).move_to_element_with_offset(plot, -60, 0).click().perform()
    bench.run("bench.update();")
    at = [bench.run(f"return document.querySelectorAll('svg .dot')[{k}].getAttribute('cx');")
          for k in (0, 1)]  # fmt: skip
    # The axis from -180 to 180 begins at 40 and ends at 320 of a width of 340.
    expected = (170 - 60 * 340 / plot.size["width"] - 40) / 280 * 360 - 180
    assert abs(bench.state["angle"] - expected) < 2
    assert_near(np.array(at, float), [40 + (bench.state["angle"] + 180) / 360 * 280] * 2, 1e-9)
    again = page(site, browser, "augmentation", fragment=bench.run("return bench.fragment();"))
    assert again.state == bench.state


def test_a_clicked_pixel_and_a_links_pixel_stay(site, browser):
    from selenium.webdriver.common.action_chains import ActionChains

    bench = page(site, browser, "augmentation", fragment="#augmentation:v=1&pixel=9,14")
    picture = browser.find_element("css selector", ".bench-maps canvas")
    chain = ActionChains(browser, duration=10)
    chain.move_to_element(picture).move_by_offset(40, 30).perform()
    assert bench.state["pixel"] == [9, 14]
    chain.click().perform()
    kept = bench.state["pixel"]
    assert kept != [9, 14]
    chain.move_by_offset(40, 30).perform()
    assert bench.state["pixel"] == kept
    chain.move_by_offset(-40, -30).click().move_by_offset(60, 30).perform()  # released
    assert bench.state["pixel"] != kept
    assert (bench.state["right"], bench.state["down"]) == (0, 0)


def test_beyond_the_curve_there_is_no_dot(site, browser):
    bench = page(site, browser, "augmentation")
    shown = """const shown = (dot) => getComputedStyle(dot).display !== "none";
    return [...bench.place.querySelectorAll("svg")].map((svg) =>
        [...svg.querySelectorAll(".dot")].map(shown));"""
    for right, there in ((14, True), (-14.5, False), (28, False), (0, True)):
        bench.set(right=right)
        assert bench.run(shown) == [[True, True], [there, there]]


def test_the_pages_answers(site, browser):
    bench = page(site, browser, "augmentation")

    def reads(**changes):
        bench.run("bench.state = bench.first();")
        bench.set(**changes)
        return np.array(bench.run("return bench.model.p.map((p) => [...p]);"))

    for right, orange in ((5, True), (7, True), (9, False)):
        blue_p, orange_p = reads(right=right)
        assert blue_p.argmax() != 5
        assert (orange_p.argmax() == 5) == orange
    assert all(reads(right=3).argmax(1) == 5)
    found = bench.run("return bench.data.all;")
    plain, augmented = (dict(zip(found["angle"]["values"], found["angle"][n])) for n in NETWORKS)
    assert min(plain[10], plain[-10]) > 0.9
    assert max(plain[20], plain[-20]) < 0.85
    assert max(augmented[20], augmented[-20]) < augmented[0] - 0.05
    assert augmented[0] < plain[0]
    blue_p, orange_p = reads(picture="8")
    assert blue_p[8] > orange_p[8]
    assert all(reads(picture="6", mirrored=True, upside=True).argmax(1) == 9)
    for key, same in (("0", True), ("5", True), ("7", False)):
        assert all((reads(picture=key, angle=180).argmax(1) == int(key)) == same)
    assert all(reads(right=28).max(1) > 0.5)


def test_bad_input_is_said_in_a_line(site, browser):
    for fragment, said in [
        ("angle=181", "The link's angle was left out: it is not between −180 and 180."),
        ("angle=x", "The link's angle was left out: it is not a number."),
        ("right=29", "The link's right was left out: it is not between −28 and 28."),
        ("mirrored=2", "The link's mirrored was left out: it is neither 0 nor 1."),
        ("pixel=28,0", "The link's pixel was left out: it is no pixel of the picture."),
        ("pixel=1", "The link's pixel was left out: it is no pixel of the picture."),
        ("right=28", "The digit has left the picture: the networks are asked about blank paper."),
    ]:
        bench = page(site, browser, "augmentation", fragment=f"#augmentation:v=1&{fragment}")
        assert bench.message == said
        no_nonsense(bench.text)


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (moves, "across * -Math.sin(turn)", "across * Math.sin(turn)"),
        (moves, "[down * Math.sin(turn), down", "[across * Math.sin(turn), across"),
        (moves, "row[0] * (c + s) + row[1] * (c + t)", "row[0] * (c + t) + row[1] * (c + s)"),
        (moves, "fround(g * fround(lower - upper))", "fround(f * fround(lower - upper))"),
        (moves, "(side - 1) / 2", "side / 2"),
        (pixel, "above + (k >> 1), left + (k & 1)", "above + (k & 1), left + (k >> 1)"),
        (networks, "(v - mean) / deviation", "v / deviation"),
    ],
)
def test_a_mistake_is_caught(site, tmp_path, browser, check, right, wrong):
    with spoilt(site, tmp_path, browser, "augmentation", "augmentation.js", right, wrong) as bench:
        assert caught(check, bench)
