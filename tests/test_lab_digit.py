"""The digit bench's network is Keras's, and its pictures of drawings are Python's."""

import base64
import contextlib
import functools
import re

import numpy as np
import pytest
from bench_pages import assert_near, caught, no_nonsense, page, spoilt
from conftest import ROOT
from website import NARROW, in_browser, on_the_site

from course import lab, lesson11
from course.lab.digit import PAPER, packed, unpacked

pytestmark = [*on_the_site, in_browser]
LAYERS = ["first", "second", "pooled", "third", "small", "hidden", "output"]
BY_HAND = dict(zip(LAYERS, (0, 1, 2, 3, 4, 6, 7)))  # where lesson11.forward has them


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


def weights(bench):
    return unpacked(bench.run("return bench.data.weights;"))


@functools.cache
def digits_100():
    return lesson11.load_data().X_test[:100]


# The network -----------------------------------------------------------------------------------
def network(bench):
    """Every layer of 100 test digits against the lesson by hand, and p against Keras."""
    X, W = digits_100(), weights(bench)
    found = computed(
        bench,
        """
        const [X, name] = [lab.digit.unpacked(arguments[0]), arguments[1]];
        const weights = bench.data.weights.map(lab.digit.unpacked);
        const digit = (k) => lab.digit.forward(X.subarray(784 * k, 784 * (k + 1)), weights);
        const all = Array.from({ length: X.length / 784 }, (_, k) => digit(k));
        return all.flatMap((layers) => arguments[1].flatMap((name) => [...layers[name]]));
        """,
        packed(X),
        LAYERS,
    )
    layers = lesson11.forward(X, W)
    expected = [layers[BY_HAND[name]].reshape(len(X), -1) for name in LAYERS]
    found = found.reshape(len(X), -1)
    for part, values in zip(
        np.split(found, np.cumsum([e.shape[1] for e in expected])[:-1], axis=1), expected
    ):
        assert_near(part, values, 1e-12)
    model = lesson11.build_model()
    model.set_weights(W)
    assert np.abs(found[:, -10:] - lesson11.predict(model, X)).max() < 1e-5


def test_every_layer_is_the_lessons_and_keras_agrees(site, browser):
    network(page(site, browser, "digit"))


def units(bench):
    """Patch, filter, products and sum of some numbers of every layer."""
    rng, W = np.random.default_rng(0), weights(bench)
    for name, number in BY_HAND.items():
        for _ in range(4):
            key = str(rng.integers(10))
            bench.set(picture=key)
            picture = computed(bench, "return bench.model.picture;").reshape(1, 28, 28, 1)
            layers = lesson11.forward(picture, W)
            below = {0: picture, 6: layers[5], 7: layers[6]}.get(number, layers[number - 1])[0]
            place = [int(rng.integers(side)) for side in layers[number].shape[1:]]
            bench.set(look=[name, *place])
            unit = bench.model("unit")
            a = layers[number][0][tuple(place)]
            assert_near(unit["a"], a, 1e-12)
            if name in ("pooled", "small"):
                i, j, f = place
                assert_near(
                    unit["patch"], below[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, f].ravel(), 1e-12
                )
                continue
            at = {"first": 0, "second": 2, "third": 4, "hidden": 6, "output": 8}[name]
            K, b = W[at].astype("float64"), W[at + 1]
            if len(place) == 3:
                below = below[place[0] : place[0] + len(K), place[1] : place[1] + len(K)]
            K = K[..., place[-1]]
            assert_near(unit["patch"], below.ravel(), 1e-12)
            assert_near(unit["filter"], K.ravel(), 1e-12)
            assert_near(unit["products"], (below * K).ravel(), 1e-12)
            z = (below * K).sum() + b[place[-1]]
            assert_near([unit["sum"] + unit["b"], unit["z"]], [z, z], 1e-11)
            if name != "output":
                assert_near(a, np.maximum(z, 0) if name == "third" else np.tanh(z), 1e-11)


def test_how_a_number_is_made(site, browser):
    units(page(site, browser, "digit"))


# Drawings --------------------------------------------------------------------------------------
def stroke(rng):
    """A curve of some points; now and then a straight line or a dot."""
    count = int(rng.choice([1, 2, 3, 12, 40]))
    if count == 3:  # a symmetric one, whose centre of mass is on the edge of rounding
        half = int(rng.integers(5, 130))
        middle = int(rng.integers(half, PAPER - half))
        return [[middle - half, 140], [middle, 140], [middle + half, 140]]
    steps = rng.normal(size=(count, 2)).cumsum(axis=0) * 12 + rng.uniform(20, 260, 2)
    return steps.round().clip(0, PAPER - 1).astype(int).tolist()


def drawings():
    rng = np.random.default_rng(1)
    yield 28, [[[140, 140]]]  # a dot
    yield 9, [[[0, 0]]]  # in the corner
    yield 6, [[[100, 20], [100, 53], [106, 53]]]  # 13 by 40, so 6.5 by 20: half to even
    yield 60, [[[x, y] for x in range(0, PAPER, 40) for y in (0, 279)]]  # all full of ink
    for x in range(100, 106):
        yield 28 + x % 3, [[[x, 20], [x, 250]]]
        yield 21, [[[20, 60], [260, 60]], [[x + 40, 60], [x + 40, 200 + x % 5]]]
    for _ in range(37):
        yield int(rng.integers(6, 61)), [stroke(rng) for _ in range(int(rng.integers(1, 4)))]


def pictures(bench):
    """Ink and picture of 50 drawings."""
    for pen, strokes in drawings():
        bench.set(picture="drawing", pen=pen, strokes=strokes)
        ink = computed(bench, "return bench.model.ink;").reshape(PAPER, PAPER)
        assert np.array_equal(ink, lab.draw_strokes(strokes, pen)), strokes
        picture = computed(bench, "return bench.model.picture;").reshape(28, 28)
        assert np.abs(picture - lab.centred(ink)).max() < 1e-6, strokes
        again = bench.run("return lab.digit.parsed(lab.digit.written(bench.state.strokes));")
        assert again == strokes


def test_a_drawing_becomes_pythons_picture(site, browser):
    assert len([*drawings()]) >= 50
    pictures(page(site, browser, "digit"))


def test_boxes_are_pillows(site, browser):
    from PIL import Image

    bench, rng = page(site, browser, "digit"), np.random.default_rng(2)
    for _ in range(60):
        (height, width), (tall, wide) = rng.integers(1, 281, 2), rng.integers(1, 21, 2)
        ink = rng.random((height, width), "float32")
        found = computed(
            bench,
            "const [ink, ...sizes] = arguments;"
            "return lab.digit.resized(Float32Array.from(lab.digit.unpacked(ink)), ...sizes);",
            packed(ink), *map(int, (height, width, tall, wide)),
        )  # fmt: skip
        size = (int(wide), int(tall))
        expected = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BOX))
        # Pillow's versions differ in which pass comes first, and so in the last bit.
        assert np.abs(found.reshape(tall, wide) - expected).max() < 2e-7, (ink.shape, size)


def test_a_drawing_grows_with_the_pointer(site, browser):
    from selenium.webdriver.common.action_chains import ActionChains

    bench = page(site, browser, "digit")
    paper = browser.find_element("css selector", ".digit-paper")
    pen = ActionChains(browser, duration=10).move_to_element_with_offset(paper, -60, -80)
    pen.click_and_hold().perform()
    seen = []
    for step in ((60, 0), (60, 0), (-30, 80), (-30, 90)):
        ActionChains(browser, duration=10).move_by_offset(*step).perform()
        bench.run("bench.update();")
        seen.append(computed(bench, "return bench.model.layers.output;"))
    ActionChains(browser).release().move_by_offset(20, 20).perform()
    assert bench.state["picture"] == "drawing"
    (points,) = bench.state["strokes"]
    assert len(points) >= 5
    assert len({tuple(p) for p in seen}) == 4
    copied = bench.python()
    assert_near(computed(bench, "return bench.model.layers.output;"), copied["p"], 1e-12)
    # A new page with the link shows the same.
    again = page(site, browser, "digit", fragment=bench.run("return bench.fragment();"))
    assert again.state["strokes"] == [points]
    assert_near(computed(again, "return bench.model.layers.output;"), copied["p"], 1e-12)
    again.run(
        "[...bench.place.querySelectorAll('button')].find((b) => b.textContent === 'Undo').click();"
    )
    again.run("bench.update();")
    assert "Nothing is drawn" in again.message


def test_copied_python_gives_what_is_on_the_screen(site, browser):
    bench = page(site, browser, "digit")
    for key, look in (("3", ["second", 4, 9, 7]), ("8b", ["output", 8]), ("0", ["hidden", 100])):
        bench.set(picture=key, look=look)
        copied = bench.python()
        assert_near(computed(bench, "return bench.model.layers.output;"), copied["p"], 1e-12)
        assert_near(bench.model("unit.a"), copied["a"], 1e-12)
        row = bench.run("return bench.data.rows;")[int(key[0]) + 10 * key.endswith("b")]
        digits = lesson11.load_data()
        assert np.array_equal(copied["picture"], digits.X_test[row, :, :, 0])
        assert digits.y_test[row] == int(key[0])


def test_pixels_are_chosen_by_pointer_and_keys(site, browser):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    bench = page(site, browser, "digit")
    maps = browser.find_elements("css selector", ".bench-maps canvas")
    ActionChains(browser, duration=10).move_to_element_with_offset(maps[2], 9, 9).perform()
    assert bench.state["look"][0] == "second"
    bench.run("bench.place.querySelectorAll('.bench-maps canvas')[1].focus();")
    ActionChains(browser).send_keys(Keys.ARROW_RIGHT).perform()
    assert bench.state["look"] == ["first", 12, 12, 0]
    ActionChains(browser).send_keys(Keys.ARROW_RIGHT * 12 + Keys.ARROW_DOWN).perform()
    assert bench.state["look"] == ["first", 13, 0, 1]  # over the edge, into the next map
    bench.run("bench.place.querySelector('.digit-bars').focus();")
    ActionChains(browser).send_keys(Keys.ARROW_DOWN * 4).perform()
    assert bench.state["look"] == ["output", 3]
    for name in LAYERS:
        bench.set(look=[name, *([1, 2, 3] if name not in ("hidden", "output") else [5])])
        no_nonsense(bench.text)


TERM = "return bench.place.querySelector('.digit-lens p').textContent;"


def test_a_product_is_shown_by_pointer_and_keys(site, browser):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    bench = page(site, browser, "digit", fragment="#digit:v=1&picture=0&look=third,4,4,5")
    assert "Patch: 72 numbers of the layer before" in bench.text
    assert "third convolution, row 4, column 4, map 5" in bench.text
    unit = bench.model("unit")

    def product(k):
        return bench.run(
            "return arguments[0].map((v) => lab.show(v, 3));",
            [unit[part][k] for part in ("patch", "filter", "products")],
        )

    patch, weight, both = product(int(np.abs(unit["products"]).argmax()))
    expected = f"The largest product: {patch} × {weight} = {both} (point at another)"
    assert bench.run(TERM) == expected
    canvas = browser.find_elements("css selector", ".digit-terms canvas")[1]
    browser.execute_script("arguments[0].scrollIntoView();", canvas)
    width, height = canvas.size["width"] / 15, canvas.size["height"] / 7  # 4 by 2 maps of 3×3
    # Row 2, column 1 of map 6, which is the third of the second row.
    at = round((9.5 - 7.5) * width), round((6.5 - 3.5) * height)
    ActionChains(browser, duration=10).move_to_element_with_offset(canvas, *at).perform()
    patch, weight, both = product((2 * 3 + 1) * 8 + 6)
    assert bench.run(TERM) == f"The framed product: {patch} × {weight} = {both}"
    bench.run("bench.place.querySelectorAll('.digit-terms canvas')[0].focus();")
    ActionChains(browser).send_keys(Keys.ARROW_LEFT).perform()
    patch, weight, both = product(2 * 3 * 8 + 6)
    assert bench.run(TERM) == f"The framed product: {patch} × {weight} = {both}"
    bench.set(look=["first", 1, 1, 0])  # its numbers stand in tables
    assert bench.run(TERM) == ""


@contextlib.contextmanager
def fingers(browser):
    """A touch screen: drag(x, y, by), a finger that goes down by some pixels; 0 is a tap."""

    def send(kind, *points):
        places = [{"x": x, "y": y} for x, y in points]
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
        browser.execute_async_script("setTimeout(arguments[0], 40)")

    def drag(x, y, by=0):
        send("touchStart", (x, y))
        for part in range(1, 11 if by else 0):
            send("touchMove", (x, y + by * part / 10))
        send("touchEnd")

    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    yield drag
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


MIDDLE = """const box = bench.place.querySelector(arguments[0]).getBoundingClientRect();
return [box.left + box.width / 2, box.top + box.height / 2];"""


def test_a_finger_scrolls_over_a_test_digit_and_draws_after_a_tap(site, browser):
    bench = page(site, browser, "digit", width=NARROW)
    with fingers(browser) as drag:
        x, y = bench.run(MIDDLE, ".digit-paper")
        drag(x, y, -200)
        assert browser.execute_script("return scrollY;") > 50
        assert bench.state["picture"] == "7"
        browser.execute_script("scrollTo({ top: 0, behavior: 'instant' });")
        drag(x, y)
        assert (bench.state["picture"], bench.state["strokes"]) == ("drawing", [])
        drag(x, y - 60, 120)
        assert browser.execute_script("return scrollY;") == 0
        (stroke,) = bench.state["strokes"]
        assert len(stroke) > 3


def test_on_a_phone_a_tap_shows_how_the_pixel_is_made(site, browser):
    bench = page(site, browser, "digit", width=NARROW)
    tops = """const figures = [...bench.place.querySelectorAll("figure:not(.digit-lens)")];
    const figure = figures[arguments[0]];
    if (arguments[1]) figure.scrollIntoView({ block: "center", behavior: "instant" });
    const wrap = figure.querySelector(".bench-maps").getBoundingClientRect();
    const next = figure.nextElementSibling;
    return [wrap.left, wrap.top, wrap.width, wrap.height,
        next?.classList.contains("digit-lens") ? next.getBoundingClientRect().top : null];"""
    with fingers(browser) as drag:
        for at, name in ((6, "third"), (3, "first"), (8, "hidden"), (4, "second")):
            left, top, width, height, _ = bench.run(tops, at, True)
            drag(left + 0.06 * width, top + 0.3 * height)
            bench.run("bench.update();")
            assert bench.state["look"][0] == name
            _, now, _, height, lens = bench.run(tops, at, False)
            assert abs(now - top) < 2  # what was tapped stays under the finger
            assert 0 < lens - now - height < 60


def test_the_pages_answers(site, browser):
    bench = page(site, browser, "digit")

    def p(**changes):
        bench.set(**changes)
        return computed(bench, "return bench.model.layers.output;")

    text = " ".join((ROOT / "tutorials" / "lab" / "digit.md").read_text(encoding="utf-8").split())
    links = dict(re.findall(r"\[([^]]*)\]\(bench:(digit:[^)]*)\)", text))

    def linked(words):
        nonlocal bench
        bench = page(site, browser, "digit", fragment="#" + links[words])
        return p()

    assert linked("one with a bar")[7] > 0.9 > linked("A seven without a bar")[7] + 0.2
    linked("A two with a thin pen")
    assert (np.diff([p(pen=pen)[2] for pen in (10, 20, 30, 40)]) > 0.05).all()
    assert linked("A small seven in the corner")[7] > 0.9
    assert linked("A cross")[8] > 0.9
    angle = [[150, 40], [60, 170], [220, 170]]
    assert p(strokes=[angle])[4] > 0.9
    misread, second = 0, 0
    for k in range(10):
        order = p(picture=f"{k}b").argsort()
        misread += order[-1] != k
        second += order[-2] == k
    assert second >= misread / 2 > 0


def test_a_hard_digit_is_the_hardest_of_its_classs_others(site, browser):
    bench = page(site, browser, "digit")
    model, digits = lesson11.build_model(), lesson11.load_data()
    model.set_weights(weights(bench))
    p, y, rows = (
        lesson11.predict(model, digits.X_test),
        digits.y_test,
        bench.run("return bench.data.rows;"),
    )
    for k in range(10):
        first, *others = np.flatnonzero(y == k)
        assert rows[k] == first
        assert p[rows[10 + k], k] < p[others, k].min() + 1e-4
    words = bench.run(
        "return [...bench.place.querySelectorAll('option')].map((o) => o.textContent);"
    )
    assert words[11:] == [
        f"test digit {rows[10 + k]}, a {k}, the hardest of the others" for k in range(10)
    ]


# What cannot be ----------------------------------------------------------------------------------
def test_bad_input_is_said_in_a_line(site, browser):
    bench = page(site, browser, "digit", fragment="#digit:v=1&picture=drawing")
    assert bench.message == "Nothing is drawn: there is no picture to read. Draw a digit."
    assert bench.python() is not None
    no_nonsense(bench.text)
    for fragment, said in [
        ("strokes=AB", "The link's strokes was left out: it cannot be read."),
        ("strokes=!!!", "The link's strokes was left out: it cannot be read."),
        ("strokes=___", "The link's strokes was left out: a point is outside the paper."),
        (
            "strokes=" + "AAA" * 601,
            "The link's strokes was left out: there are more than 600 points.",
        ),
        ("look=first,24,0,0", "The link's look was left out: it is no place in a layer."),
        ("look=nowhere,1", "The link's look was left out: it is no place in a layer."),
        ("pen=3", "The link's pen was left out: it is not between 6 and 60."),
    ]:
        bench = page(site, browser, "digit", fragment=f"#digit:v=1&{fragment}")
        assert bench.message == said
        no_nonsense(bench.text)


# Mistakes ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (network, "X[((i + u) * side + j + v)", "X[((i + v) * side + j + u)"),  # transposed
        (network, "((u * size + v) * channels + c) * filters",
         "((size * size - 1 - u * size - v) * channels + c) * filters"),  # turned by half a circle
        (network, "(2 * i * side + 2 * j)", "(i * side + j)"),
        (network, "relu(convolve(pooled", "tanh(convolve(pooled"),
        (units, "(2 * i * width + 2 * j + step)", "(i * width + j + step)"),
        (units, "W[k * b.length + unit]", "W[unit * patch.length + k]"),
        (pictures, "moment / total + 0.5", "moment / total"),
        (pictures, "low % 2 === 0 ? low : low + 1", "low + 1"),
        (pictures, "(i) => sum32(row(i))", "(i) => row(i).reduce((sum, v) => sum + v, 0)"),
        (pictures, "pen / 2 + 0.5", "pen / 2"),
    ],
)  # fmt: skip
def test_a_mistake_is_caught(site, tmp_path, browser, check, right, wrong):
    with spoilt(site, tmp_path, browser, "digit", "digit.js", right, wrong) as bench:
        assert caught(check, bench)
