"""Every bench of the lab, from its files, in both languages: each control, links, and bad input."""

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
        assert bench.message, text[:20]
        assert len(bench.message) < 200
    assert complaints(browser) == []


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


STATED = [  # bench, its setting, what it shows, and how its page says so
    ("descent", "rate=0.14286&step=60", "best rate 2/(λmin + λmax)", "0.14286", "best rate"),
    ("network", "step=1500", "cost J", "0.0016995", "ends at a cost of 0.0017"),
    ("network", "hidden=2&step=1500", "accuracy", "2 of 4", "get two of the four cases right"),
    ("network", "hidden=2&seed=1&step=1500", "accuracy", "4 of 4", "two units are enough"),
    ("network", "data=moons&hidden=16&activation=tanh&rate=0.03&l1=0.1&step=1500",
     "weights exactly zero", "39 of 64", "39 of 64 weights are exactly zero"),
    ("penalty", "alpha=0.0037538", "ten weights: not zero", "9 of 10", "keeps 9 of them"),
    ("valleys", "", "w", "0.859", "stuck at 0.859"),
    ("valleys", "rows=1&step=300", "share in the deeper valley", "99.5 %", "199 of the 200"),
    ("valleys", "rows=10&step=300", "share in the deeper valley", "49.5 %", "there are 99"),
    ("valleys", "rows=1&rate=0.02&step=300", "share in the deeper valley", "63 %", "are 126"),
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
