"""The network bench's numbers are Python's."""

import numpy as np
import pytest
from bench_pages import assert_near, caught, no_nonsense, page, spoilt
from conftest import ROOT
from website import in_browser, on_the_site

from course import lab, lesson07

pytestmark = [*on_the_site, in_browser]
CORNERS = [[-1, 0.5, 0], [2, 1, 1], [1.5, -2, 1], [0, 0, 0], [0.5, 3, 0]]
BOTH, ENTROPY = {"start": "both"}, {"cost": "cross entropy"}
MOONS, CIRCLES = {"data": "moons", **BOTH}, {"data": "circles", **BOTH}
# Left out: settings in which the smallest rounding grows on the way until it can be seen, such as
# tanh or relu on the circles at a rate of 0.1, where a relu's corner crosses points to and fro.
SETTINGS = [
    {},
    {"l1": "0.003", "l2": "0.001"},
    {"hidden": 2, "activation": "tanh", "rate": 0.3, **ENTROPY},
    {"hidden": 8, "activation": "relu", "rate": 0.1, **ENTROPY, **BOTH},
    {"activation": "relu", "rate": 0.3},
    {"hidden": 1, "seed": 99},
    {"hidden": 16, "l1": "0.001"},
    {"hidden": 8, "activation": "tanh", "l1": "0.01", "l2": "0.001"},
    {**MOONS, "rate": 0.1},
    {**MOONS, "hidden": 8, "activation": "tanh", "rate": 0.03, "l1": "0.1"},
    {**MOONS, "hidden": 16, "activation": "relu", "rate": 0.03, "l2": "0.1"},
    {**MOONS, "hidden": 8, "rate": 0.03, "l1": "0.3", "l2": "0.01", **ENTROPY},
    {**MOONS, "activation": "relu", "rate": 0.03, **ENTROPY},
    {**CIRCLES, "hidden": 4, "rate": 0.1},
    {**CIRCLES, "hidden": 8, "rate": 0.03, "l1": "0.1", **ENTROPY},
    {**CIRCLES, "activation": "tanh", "rate": 0.03, "seed": 3},
    {**CIRCLES, "hidden": 8, "activation": "relu", "rate": 0.01, "l1": "0.1", **ENTROPY},
    {"data": "own", "points": CORNERS, "activation": "tanh", "rate": 0.03, "l2": "0.3", **BOTH},
]


def train(bench, step=1500, **changes):
    """From the first state, changed: until all the steps are made."""
    bench.run("bench.state = bench.first();")
    bench.set(**changes, step=step)
    bench.run("""const { state } = bench;
        while (bench.model.step < state.step && bench.model.diverged === null) bench.update();""")


def penalty(weights, l1, l2):
    W = np.concatenate([weights[0][:-1].ravel(), weights[1].ravel()])
    return l1 * np.abs(W).sum() + l2 / 2 * np.sum(W**2)


def measured(X, y, W1, W2, state):
    """What the bench shows of one step: gradient sizes, saturated shares, units, points right."""
    H, y_hat = lesson07.forward(X, W1, W2, state["activation"])
    if state["cost"] == "squared error":
        gradient = lesson07.backward(X, y, W1, W2, state["activation"])
    else:
        slope = lesson07.ACTIVATIONS[state["activation"]][1](H)
        gradient = X.T @ ((y_hat - y) @ W2.T * slope), H.T @ (y_hat - y)
    steepest = {"sigmoid": 0.25, "tanh": 1, "relu": 1}[state["activation"]]
    flat = lesson07.ACTIVATIONS[state["activation"]][1](H) < steepest / 10
    shares = [flat.mean(), np.mean(y_hat * (1 - y_hat) < 0.025)]
    sizes = [np.linalg.norm(g) for g in gradient]
    return sizes, shares, flat.all(axis=0), np.sum((y_hat > 0.5) == y)


def numbers(bench):
    """Weights, costs, penalties, map and all that is counted, against the course's functions."""
    for changes in SETTINGS:
        train(bench, **changes)
        copied, state = bench.python(), bench.state
        W1, W2, costs = (copied[name] for name in ("W1", "W2", "costs"))
        assert_near(bench.model("costs"), costs, 1e-9)
        for found, expected in zip(bench.model("W"), (W1, W2)):
            assert_near(found, expected, 1e-9)
        weights = np.concatenate([W1[:-1].ravel(), W2.ravel()])  # without the biases
        assert bench.model("zeros") == [np.sum(weights == 0), len(weights)]
        expected = penalty((W1, W2), float(state["l1"]), float(state["l2"]))
        assert_near(bench.model("penalty"), expected, 1e-9)
        points = np.array(bench.model("points"))
        assert np.array_equal(points, np.column_stack([copied["X"], copied["y"]]))
        X = np.column_stack([points[:, :2], np.ones(len(points))])
        sizes, shares, stuck, right = measured(X, points[:, 2:], W1, W2, state)
        assert_near(bench.model("sizes.at(-1)"), sizes, 1e-7)  # they are differences
        assert_near(bench.model("saturated.at(-1)"), shares, 1e-12)
        assert bench.model("stuck") == stuck.tolist()
        assert bench.model("right") == right
        on_the_plane(bench, W1, W2, state["activation"], points)


def on_the_plane(bench, W1, W2, activation, points):
    """The map's ŷ, at the middles of its cells; it shows a third more than the points need."""
    found = bench.model("map")
    for values, k in ((found["xs"], 0), (found["ys"][::-1], 1)):
        low, high = points[:, k].min(), points[:, k].max()
        by = 0.3 * (high - low)
        edges = np.linspace(low - by, high + by, 49)
        assert_near(values[1:-1], (edges[1:] + edges[:-1]) / 2, 1e-12)
    a, b = np.meshgrid(found["xs"], found["ys"])
    grid = np.column_stack([a.ravel(), b.ravel(), np.ones(a.size)])
    y_hat = lesson07.forward(grid, W1, W2, activation)[1][:, 0]
    assert_near(found["values"], y_hat, 1e-9)


def differences(bench):
    """The backward pass in JavaScript against differences of its own cost."""
    found = bench.run("""
        const net = lab.network, checked = [];
        const points = lab.data.network.points.moons.slice(0, 20);
        const X = net.withConstant(points), y = points.map((row) => [row[2]]);
        for (const activation of ["sigmoid", "tanh", "relu"])
          for (const cost of ["squared error", "cross entropy"]) {
            const how = { activation, cost };
            const W = net.draw(3, 5, { seed: 4, low: -2, high: 2 });
            const back = net.backward(X, y, W, net.forward(X, W, how), how).flat(2);
            const moved = W.flatMap((matrix) => matrix.flatMap((row) => row.map((w, j) => {
              const at = (v) => { row[j] = v; return net.cost(X, y, W, how); };
              const slope = (at(w + 1e-6) - at(w - 1e-6)) / 2e-6;
              row[j] = w;
              return slope;
            })));
            checked.push([back, moved]);
          }
        return checked;""")
    for back, moved in found:
        assert_near(back, moved, 1e-8)  # 1e-16 of a cost of about 10, divided by 2e-6


def test_the_numbers_are_pythons(site, browser):
    numbers(page(site, browser, "network"))


def test_the_gradient_is_that_of_the_cost(site, browser):
    differences(page(site, browser, "network"))


def test_it_starts_with_the_training_of_lesson_7(site, browser):
    bench = page(site, browser, "network")
    train(bench)
    X, y = lesson07.load_data()
    path = lesson07.descend(X, y, *lesson07.draw_weights(np.random.default_rng(0)), 1500)
    assert_near(bench.model("costs"), lesson07.cost(X, y, *path), 1e-12)
    assert_near(bench.run("return bench.model.W[0]"), path[0][-1], 1e-12)


def test_equal_units_stay_equal(site, browser):
    bench = page(site, browser, "network")
    train(bench, start="equal", hidden=7)
    W1, W2 = bench.model("W")
    assert np.ptp(W1, axis=1).max() == 0
    assert np.ptp(W2) == 0


GRADIENT_MISTAKES = [
    ("network.js", "slope: (a) => a * (1 - a)", "slope: (a) => 1 - a * a"),
    ("network.js", "2 * error * p * (1 - p)", "error * p * (1 - p)"),
    ("network.js", "(a > 0 ? 1 : 0)", "(a > 0 ? 1 : 0.01)"),
]


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        *GRADIENT_MISTAKES,
        ("network.js", "times(D2, transposed(W2))", "times(D2, W2)"),
        ("network.js", "[x1, x2, 1]", "[x1, x2, 0]"),
        ("network.js", "Math.max(v - t, 0) -", "Math.max(v + t, 0) -"),
        ("network.js", "row < p - 1", "row < p"),
        ("network.js", "rows.flat().filter((w) => w === 0)", "W.flat(2).filter((w) => w < 0)"),
        ("network.js", "(l2 / 2) * w * w", "l2 * w * w"),
        ("network.js", "l2 * w), rate * l1", "l2 * w), l1"),
        ("network.js", "< FLAT * steepest) flat++", "< FLAT) flat++"),
        ("network.view.js", "(i - 0.5) / CELLS", "i / CELLS"),
    ],
)
def test_a_mistake_is_caught(site, tmp_path, browser, file, right, wrong):
    with spoilt(site, tmp_path, browser, "network", file, right, wrong) as bench:
        assert caught(numbers, bench)
        if (file, right, wrong) in GRADIENT_MISTAKES:
            assert caught(differences, bench)


def test_a_rate_that_is_too_large_for_the_penalty_is_said_to_diverge(site, browser):
    # The square's step alone, w ← (1 − ηα₂) w, grows where ηα₂ is above 2.
    fragment = "#network:v=1&rate=3&l2=1&data=moons&step=400"
    bench = page(site, browser, "network", fragment=fragment)
    bench.run("while (bench.model.diverged === null) bench.update();")
    X, y = lab.network_points("moons")
    costs = lab.train_network(X, y, learning_rate=3.0, l2=1.0, steps=400)[2]
    assert 1 < len(costs) < 400
    assert f"diverged at step {len(costs)}" in bench.message
    assert bench.model("diverged") == len(costs)
    assert_near(bench.model("costs"), costs, 1e-9)
    no_nonsense(bench.text)
    no_nonsense(bench.run("return bench.place.outerHTML;"))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("cost", ["squared error", "cross entropy"])
def test_far_points_and_large_rates_leave_no_nonsense(site, browser, activation, cost):
    bench = page(site, browser, "network")
    far = [[1e6, -1e6, 0], [-1e6, 1e6, 1], [1e-6, 0, 1]]
    train(bench, 300, points=far, data="own", activation=activation, cost=cost, rate=10)
    no_nonsense(bench.text)
    no_nonsense(bench.run("return bench.place.outerHTML;"))


def paste(bench, text):
    bench.run(
        """const area = bench.place.querySelector("textarea");
        area.value = arguments[0];
        area.closest("details").querySelector("button").click();
        bench.update();""",
        text,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1, 2, 0\n2, 1, 2", "there is the class 2; the classes are 0 and 1"),
        ("1, 2, 0\n2, 1, 0.5", "there is the class 0.5; the classes are 0 and 1"),
        ("1, 2, 1\n2, 1, 1", "only one class"),
        ("\n".join(f"{i}, 0, {i % 2}" for i in range(201)), "201 rows were pasted"),
        ("1, 2\n2, 1", "3 numbers are needed"),
        ("1, 2, yes\n2, 1, no", "3 numbers are needed"),
        ("", "there are fewer than 2 points"),
    ],
)
def test_bad_points_are_said_and_nothing_changes(site, browser, text, said):
    bench = page(site, browser, "network")
    before = bench.state
    paste(bench, text)
    assert said in bench.message
    assert bench.state == before
    no_nonsense(bench.text)


def test_good_points_are_the_learners_own(site, browser):
    bench = page(site, browser, "network")
    paste(bench, "x1\tx2\tclass\n1\t2\t0\n2\t-1.5\t1\n")
    assert bench.state["data"] == "own"
    assert bench.model("points") == [[1, 2, 0], [2, -1.5, 1]]
    assert bench.message == ""
    fragment = bench.run("return bench.fragment();")
    again = page(site, browser, "network", fragment=fragment)
    assert again.model("points") == [[1, 2, 0], [2, -1.5, 1]]


@pytest.mark.parametrize(
    "fragment", ["points=1,2,0;2,1,3", "points=1,2,0;2,1,0", "hidden=17", "hidden=2.5", "step=5001"]
)
def test_a_bad_link_is_said(site, browser, fragment):
    bench = page(site, browser, "network", fragment=f"#network:v=1&{fragment}")
    assert "was left out" in bench.message
    assert bench.state == bench.run("return bench.first();")


def test_a_link_trains_as_many_steps_over_some_frames(site, browser):
    fragment = "#network:v=1&data=moons&hidden=16&activation=tanh&rate=0.03&step=3000"
    bench = page(site, browser, "network", fragment=fragment)
    assert bench.model("step") < 3000
    browser.execute_async_script(
        """const [done] = arguments;
        const wait = () => lab.benches.network.model.step === 3000 ? done()
          : requestAnimationFrame(wait);
        wait();"""
    )
    assert_near(bench.model("costs"), bench.python()["costs"], 1e-9)


def test_points_by_mouse_and_by_keys(site, browser):
    from selenium.webdriver import ActionChains, Keys
    from selenium.webdriver.common.by import By

    bench = page(site, browser, "network")
    dots = browser.find_elements(By.CSS_SELECTOR, ".bench .dot")
    assert len(dots) == 4
    act = ActionChains(browser, duration=50)
    act.drag_and_drop_by_offset(dots[0], 40, -40).perform()
    bench.run("bench.update()")
    assert bench.state["data"] == "own"
    x, y, c = bench.model("points")[0]
    assert x > 0.1
    assert y > 0.1
    assert c == 0
    assert bench.model("points")[1:] == lab.made("network")["points"]["xor"][1:]
    act.move_to_element_with_offset(dots[1], 60, 50).click().perform()
    bench.run("bench.update()")
    assert len(bench.model("points")) == 5
    assert bench.model("points")[4][2] == 1
    act.double_click(browser.find_elements(By.CSS_SELECTOR, ".bench .dot")[4]).perform()
    bench.run("bench.update()")
    assert len(bench.model("points")) == 4
    bench.run('bench.place.querySelectorAll(".dot")[0].focus();')
    keys = ActionChains(browser)
    keys.send_keys(Keys.PAGE_DOWN, Keys.ARROW_RIGHT).perform()
    bench.run("bench.update()")
    assert bench.model("points")[1][0] > 0
    keys.send_keys(Keys.DELETE).perform()
    bench.run("bench.update()")
    assert len(bench.model("points")) == 3
    # The last point of a class stays.
    bench.run("bench.set({ points: [[0, 0, 0], [1, 1, 1]] }); bench.update();")
    bench.run('bench.place.querySelectorAll(".dot")[0].focus();')
    keys.send_keys(Keys.DELETE).perform()
    bench.run("bench.update()")
    assert len(bench.model("points")) == 2
    assert "fewer than 2" in bench.message


def test_run_makes_steps_and_a_change_keeps_their_number(site, browser):
    bench = page(site, browser, "network")
    press = (
        "[...bench.place.querySelectorAll('button')]"
        ".find((b) => b.textContent === arguments[0]).click(); bench.update();"
    )
    bench.run(press, "Step")
    assert bench.model("step") == 1
    bench.run(press, "Run")
    browser.execute_async_script("setTimeout(arguments[0], 500)")
    bench.run(press, "Pause")
    made = bench.model("step")
    assert made > 10
    bench.set(seed=5)
    bench.run("while (bench.model.step < bench.state.step) bench.update();")
    assert bench.model("step") == bench.state["step"] >= made
    assert_near(bench.model("costs.at(-1)"), bench.python()["costs"][-1], 1e-9)
    bench.run(press, "Restart")
    assert bench.model("step") == 0
    assert_near(bench.model("W")[0], np.random.default_rng(5).random((3, 4)), 1e-15)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"activation": "relu", "rate": 3}, "All hidden units are dead"),
        ({"l1": "1"}, "All of W₂ is 0"),
        ({"step": 5000}, "5000 steps are made"),
        ({}, ""),
    ],
)
def test_what_cannot_learn_is_said(site, browser, changes, said):
    bench = page(site, browser, "network")
    train(bench, **{"step": 300, **changes})
    assert said in bench.message
    assert bool(said) == bool(bench.message)
    no_nonsense(bench.run("return bench.place.outerHTML;"))


def test_a_data_set_brings_its_learning_rate(site, browser):
    bench = page(site, browser, "network")
    bench.run(
        """const select = bench.place.querySelector('option[value="moons"]').parentElement;
        select.value = "moons";
        select.dispatchEvent(new Event("change"));
        bench.update();"""
    )
    assert bench.state["data"] == "moons"
    assert bench.state["rate"] == 0.1
    assert "learning rate is now 0.1" in bench.message


def test_a_gradient_of_zero_lies_on_the_lower_edge(site, browser):
    bench = page(site, browser, "network")
    train(bench, 300, activation="relu", rate=3)
    assert bench.model("sizes.at(-1)") == [0, 0]
    assert "both gradients are exactly 0" in bench.message
    paths = bench.run("""return [...bench.place.querySelectorAll("svg")].at(-2)
        .querySelectorAll("path.line").values().map((e) => e.getAttribute("d")).toArray();""")
    assert len(paths) == 2
    for line in paths:
        points = [[float(v) for v in point.split(",")] for point in line[1:].split("L")]
        assert len(points) == 301
        assert points[-1][1] == 220 - 36


def test_what_its_page_says_of_units_and_rates(site, browser):
    text = (ROOT / "tutorials" / "lab" / "network.md").read_text(encoding="utf-8")
    text = " ".join(text.split())
    assert "No: one unit has one line" in text
    X, y = lab.network_points("xor")
    for seed in range(0, 100, 10):
        W1, W2, _ = lab.train_network(X, y, hidden=1, seed=seed)
        y_hat = lesson07.forward(np.column_stack([X, np.ones(4)]), W1, W2)[1][:, 0]
        assert np.sum((y_hat > 0.5) == y) < 4
    assert "From about 0.15 to 1." in text
    for rate in (0.15, 0.2, 0.3, 0.5, 0.7, 1.0):
        assert (
            lab.train_network(X, y, activation="relu", learning_rate=rate, steps=300)[2][-1] < 0.1
        )
    for rate in (0.1, 3.0):
        costs = lab.train_network(X, y, activation="relu", learning_rate=rate, steps=300)[2]
        assert_near(costs[-1], 1, 1e-4)
    bench = page(site, browser, "network")
    train(bench, 2, data="moons", cost="cross entropy", rate=3)
    assert bench.model("stuck") == [True] * 4
    assert "the first two steps are so long" in text
