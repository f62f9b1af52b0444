"""Every bench of the lab, from its files, in both languages: each control, links, and bad input."""

import re

import pytest
from bench_pages import LANGUAGES, no_nonsense, page
from conftest import ROOT
from website import NARROW, complaints, in_browser, on_the_site, requested

from course.lab import LESSON

pytestmark = [*on_the_site, in_browser]
benches = pytest.mark.parametrize("name", LESSON)
languages = pytest.mark.parametrize("language", LANGUAGES)

# Move a control as a user would: a slider to both ends, a choice to each option, a box on and off.
MOVE = """
const control = bench.parts.controls.querySelectorAll("input, select")[arguments[0]];
const fire = (kind) => {
  control.dispatchEvent(new Event(kind, { bubbles: true }));
  bench.update();
};
const before = bench.fragment();
let changed = false;
const look = () => (changed ||= bench.fragment() !== before);
if (control.disabled) return null;
if (control.type === "range") {
  for (const value of [control.min, control.max, (Number(control.min) + Number(control.max)) / 2]) {
    control.value = value;
    fire("input");
    look();
  }
} else if (control.type === "checkbox") {
  control.click();
  bench.update();
  look();
  control.click();
  bench.update();
} else {
  for (const option of control.options) {
    control.value = option.value;
    fire("change");
    look();
  }
}
return changed;
"""
CONTROLS = 'return bench.parts.controls.querySelectorAll("input, select").length;'


@benches
@languages
def test_every_control_moves_something_and_no_nonsense_is_shown(site, browser, name, language):
    bench = page(site, browser, name, language)
    count = bench.run(CONTROLS)
    assert count
    moved = []
    for i in range(count):
        bench.run("bench.reset();")
        moved.append(bench.run(MOVE, i))
        no_nonsense(bench.text)
    assert False not in moved
    # Everything at once, wherever it now is; what was disabled may be enabled.
    for i in range(count):
        bench.run(MOVE, i)
        no_nonsense(bench.text)
    assert complaints(browser) == []
    leaves = [url for url in requested(browser) if not url.startswith(("file:", "data:", "about:"))]
    assert leaves == []
    has_chinese = bench.run("return /[\\u4e00-\\u9fff]/.test(bench.place.innerText)")
    assert has_chinese == (language == "zh")


@benches
def test_the_buttons_of_the_player_work(site, browser, name):
    bench = page(site, browser, name)
    for button in browser.find_elements("css selector", ".bench-buttons button"):
        if button.is_displayed() and button.is_enabled():
            button.click()
            no_nonsense(bench.text)
    bench.run("bench.stop?.(); bench.update();")
    assert complaints(browser) == []


@benches
def test_a_link_brings_the_setting_back_and_reset_the_first_one(site, browser, name):
    bench = page(site, browser, name)
    first = bench.state
    for i in range(bench.run(CONTROLS)):
        bench.run(MOVE, i)
    changed, fragment = bench.state, bench.run("return bench.fragment();")
    assert changed != first
    again = page(site, browser, name, fragment=fragment)
    assert again.state == changed
    assert again.message == "" or "diverge" in again.message or changed == again.state
    again.run("bench.reset(); bench.update();")
    assert again.state == first


@benches
@pytest.mark.parametrize(
    ("fragment", "said"),
    [
        ("v=99&x=1", "another version"),
        ("x=1", "another version"),
        ("v=1&nonsense=3", "nonsense"),
        ("v=1&constructor=3", "constructor"),
        ("v=1&seed=%E0%A4%A", "seed"),
        ("v=1&seed=-3.5", "seed"),
        ("v=1&seed=NaN", "seed"),
    ],
)
def test_a_link_that_cannot_be_read_is_said(site, browser, name, fragment, said):
    bench = page(site, browser, name, fragment=f"#{name}:{fragment}")
    assert said in bench.message
    no_nonsense(bench.text)
    assert complaints(browser) == []


@benches
def test_pasted_rubbish_is_said(site, browser, name):
    bench = page(site, browser, name)
    if not bench.run("return !!bench.place.querySelector('.bench-paste');"):
        pytest.skip("nothing can be pasted here")
    before = bench.state
    rubbish = ["", "a, b\nc, d", "1, 2, 3, 4\n5", "1e999, 2, 3", "1, nan, 2", "<b>x</b>, 1, 2"]
    many = "\n".join(["1, 2, 1", "2, 3, 0"] * 50_000)
    for text in [*rubbish, many]:
        bench.run(
            "const box = bench.place.querySelector('.bench-paste');"
            "box.open = true; bench.say('');"
            "box.querySelector('textarea').value = arguments[0];"
            "box.querySelector('button').click(); bench.update();",
            text,
        )
        assert bench.state == before, text[:20]
        assert re.fullmatch(r"(Row |points: |rows: |\d).*\.", bench.message), bench.message
        assert len(bench.message) < 200
    assert complaints(browser) == []


# The messages' colours: of a remark, and of a fault.
COLOURS = """const colour = (kind) => {
  const made = lab.element("p", { class: `bench-message ${kind}` });
  bench.place.append(made);
  const found = getComputedStyle(made).color;
  made.remove();
  return found;
};
return [colour(""), colour("bench-fault"), getComputedStyle(bench.parts.message).color];"""


@benches
def test_what_is_wrong_is_red_and_a_remark_is_not(site, browser, name):
    bench = page(site, browser, name, fragment=f"#{name}:v=1&nonsense=3")
    remark, fault, shown = bench.run(COLOURS)
    assert remark != fault == shown
    bench.run("bench.say('A remark.'); bench.update();")
    assert bench.run(COLOURS)[2] == remark
    bench.run("bench.set({ [Object.keys(bench.fields)[0]]: Number.NaN });")
    assert bench.message.endswith(".")
    assert bench.run(COLOURS)[2] == fault


@benches
def test_on_a_phone_the_control_used_last_stays_in_view(site, browser, name):
    bench = page(site, browser, name, width=NARROW)
    count = bench.run("return bench.place.querySelectorAll('.bench-control').length;")
    for i in range(count):
        top, height, below = bench.run(
            """const control = bench.place.querySelectorAll(".bench-control")[arguments[0]];
            if (!control.offsetHeight) return [0, 1, 0];
            control.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
            const figures = [...bench.place.querySelectorAll("figure")];
            figures.at(-1).scrollIntoView({ block: "end", behavior: "instant" });
            const [box, last] = [control, figures.at(-1)].map((e) => e.getBoundingClientRect());
            return [box.top, box.height, last.bottom - box.bottom];""",
            i,
        )
        assert 0 <= top < 100, i
        assert height < 200, i
        assert below >= 0, i
    used = bench.run("return bench.place.querySelectorAll('.bench-used').length;")
    assert used == 1


@benches
def test_everything_has_a_name_and_can_be_reached_by_keyboard(site, browser, name):
    bench = page(site, browser, name)
    nameless, unreachable = bench.run("""
        const named = (e) => e.getAttribute("aria-label") || e.textContent.trim() ||
            e.labels?.length || e.getAttribute("aria-hidden");
        const all = (what) => [...bench.place.querySelectorAll(what)].filter((e) => !e.hidden);
        const controls = all("button, input, select, textarea, canvas, svg, [tabindex]");
        return [controls.filter((e) => !named(e)).map((e) => e.outerHTML.slice(0, 100)),
                all("button, input, select, textarea, [role=button]").filter((e) => e.tabIndex < 0)
                .map((e) => e.outerHTML.slice(0, 100))];
    """)
    assert nameless == []
    assert unreachable == []


@benches
def test_a_bench_fits_a_phone(site, browser, name):
    page(site, browser, name, width=NARROW)
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= NARROW


@benches
def test_a_benchs_page_adds_at_most_700_kb(site, name):
    import benches as scripts  # beside build.py; bench_pages put it on the path

    files = [site / "_static" / file for file in scripts.scripts(name)]
    files.append(site / "_static" / "lab" / "lab.css")
    assert sum(file.stat().st_size for file in files) <= 700_000


@benches
@languages
def test_without_scripts_the_lessons_picture_stands_there(site, name, language):
    html = (site / LANGUAGES[language] / "lab" / f"{name}.html").read_text(encoding="utf-8")
    assert re.search(rf'data-bench="{name}">\s*<img [^>]*src="\.\./_images/lesson\d\d', html)


def test_where_motion_is_not_wanted_run_makes_all_steps_at_once(site, browser):
    from selenium.webdriver.support.ui import WebDriverWait

    bench = page(site, browser, "descent")
    media = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        bench.run("bench.frames = bench.spent.length; bench.place.querySelector('.bench-buttons')"
                  ".children[1].click();")  # fmt: skip
        WebDriverWait(browser, 20).until(lambda _: bench.state["step"] == 500)
        assert bench.run("return bench.spent.length - bench.frames;") <= 5
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


STATED = [  # bench, its setting, what it shows, and how its page says so
    ("descent", "rate=0.14286&step=60", "best rate 2/(λmin + λmax)", "0.14286", "best rate"),
    ("descent", "rate=0.148&step=60", "limit 2/λmax of plain descent", "0.1492", "λmax = 0.1492"),
    ("descent", "points=0,5;1,7;2,9;3,11;10,13",
     "limit 2/λmax of plain descent", "0.04299", "x = 10"),
    ("network", "step=1500", "cost J", "0.0016995", "ends at a cost of 0.0017"),
    ("network", "hidden=2&step=1500", "accuracy", "2 of 4", "get two of the four cases right"),
    ("network", "hidden=2&seed=1&step=1500", "accuracy", "4 of 4", "two units are enough"),
    ("network", "data=moons&hidden=16&activation=tanh&rate=0.03&l1=0.1&step=1500",
     "zero weights, without biases", "39 of 48", "39 of the 48 weights that are penalised"),
    ("network", "data=moons&hidden=16&activation=tanh&rate=0.03&l2=0.1&step=1500",
     "zero weights, without biases", "0 of 48", "None: an L2 penalty"),
    ("network", "data=moons&cost=cross%20entropy&rate=3&step=1500",
     "accuracy", "50 of 100", "50 of 100 points as before"),
    ("network", "data=moons&cost=cross%20entropy&rate=3&step=1500",
     "saturated hidden units", "4 of 4", "all four hidden units are saturated at every point"),
    ("network", "activation=relu&rate=3&step=300", "gradient size, W₁ and W₂", "0, 0", "exactly 0"),
    ("network", "activation=relu&rate=0.1&step=300", "cost J", "1", "settle at one half"),
    ("network", "data=circles&hidden=3&rate=0.1&step=1500", "accuracy", "100 of 100", "[Three]"),
    ("network", "data=circles&hidden=2&rate=0.1&step=1500",
     "accuracy", "66 of 100", "66 of the 100 points"),
    ("penalty", "alpha=0.0037538", "weights that are not zero", "9 of 10", "keeps 9 of them"),
    ("penalty", "alpha=0.0037538", "error on rows left out", "2991.8 ± 70", "in place of 2992"),
    ("penalty", "alpha=0.18683", "weights that are not zero", "6 of 10", "[Six]"),
    ("penalty", "alpha=0.18683", "error on rows left out", "3055 ±", "the error is 3055"),
    ("penalty", "l1=0.545", "w1", "0, exactly", "is exactly zero"),
    ("penalty", "penalty=ridge&rows=1,1,2;2,2,3;3,3,5;4,4,4",
     "w1", "0.26667", "both weights are 0.26667"),
    ("penalty", "moved=1&w1=0.3&w2=-3.4&l1=0.2", "w1", "0, exactly", "to about 0.76"),
    ("valleys", "", "w", "0.859", "stuck at 0.859"),
    ("valleys", "rows=1&step=300", "share in the deeper valley", "99.5 %", "199 of the 200"),
    ("valleys", "rows=10&step=300", "share in the deeper valley", "49.5 %", "there are 99"),
    ("valleys", "rows=1&rate=0.02&step=300", "share in the deeper valley", "63 %", "are 126"),
    ("valleys", "", "share in the deeper valley", "49.5 %", "99 of the 200"),
    ("valleys", "rows=5&step=300", "share in the deeper valley", "57.5 %", "there are 115"),
    ("valleys", "rows=2&step=300", "share in the deeper valley", "84.5 %", "169"),
    ("valleys", "rows=1&rate=0.02&step=1000", "share in the deeper valley", "85.5 %", "are 171"),
    ("valleys", "rate=0.35&step=100", "share in the deeper valley", "0 %", "none is left in"),
    ("valleys", "tilt=0&w=0.001&step=26", "w", "0.1139", "it is 0.11"),
    ("valleys", "tilt=1.54&step=1000", "share in the only valley", "59.5 %", "only 119"),
    ("valleys", "tilt=1.55&step=300", "share in the only valley", "100 %", "all 200 after 300"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "setting", "what", "shown", "words"), STATED)
def test_a_number_in_a_benchs_page_is_the_one_it_shows(
    site, browser, name, setting, what, shown, words
):
    from selenium.webdriver.support.ui import WebDriverWait

    text = " ".join((ROOT / "tutorials" / "lab" / f"{name}.md").read_text(encoding="utf-8").split())
    assert words in text
    assert f"bench:{name}:v=1&{setting}".rstrip("&") in text
    bench = page(site, browser, name, fragment=f"#{name}:v=1&{setting}".rstrip("&"))
    pairs = """return [...bench.place.querySelectorAll("dl > div")]
        .map((pair) => [...pair.children].map((e) => e.textContent));"""

    def is_shown(_):
        bench.run("bench.update();")
        return dict(bench.run(pairs))[what].startswith(shown)

    WebDriverWait(browser, 30).until(is_shown, message=f"{what}: not {shown}")
