"""The built site, in headless Chromium: every page, in both languages."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest
import test_reference
from conftest import ROOT, child_environment, one_line
from website import (
    NARROW,
    build,
    complaints,
    in_browser,
    on_the_site,
    opened,
    requested,
)  # fmt: skip

from course.cli import pages
from course.grading import sources

FOLDER = ROOT / "tutorials"
LESSONS = sorted(path.stem for path in FOLDER.glob("lesson*.py"))
TUTORIALS = LESSONS + sorted(
    path.stem for path in FOLDER.glob("*.py")
    if path.stem not in LESSONS
    and pages.is_page(path)
)  # fmt: skip
SOLUTIONS = ["solutions", *(f"solution{lesson:02}" for lesson in sources.lessons())]
WRITTEN = sorted(
    path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.md")
)
NAMES = [*WRITTEN, *TUTORIALS, *SOLUTIONS]
PAGES = [f"{folder}{name}.html" for folder in ("", "zh/") for name in NAMES]
SEARCH = {"": "gradient descent", "zh/": "梯度下降"}
pytestmark = on_the_site


@pytest.fixture(autouse=True)
def _no_network(local_network):
    """As for all tests, but this machine may talk to itself."""


@in_browser
@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_whole_and_from_this_machine_alone(browser, address, page):
    opened(browser, address + page)
    assert complaints(browser) == []
    urls = requested(browser)
    assert urls
    assert [url for url in urls if not url.startswith((address, "data:", "blob:"))] == []
    language = browser.execute_script("return document.documentElement.lang")
    assert language == ("zh-CN" if page.startswith("zh/") else "en")
    other = page.removeprefix("zh/") if page.startswith("zh/") else f"zh/{page}"
    switch = browser.find_element("css selector", "a[hreflang]")
    assert switch.get_attribute("href") == address + other
    raw, errors, images, bare = browser.execute_script("""
        const all = (what) => [...document.querySelectorAll(what)];
        return [all(".math").filter((m) => !m.querySelector("mjx-container")).length,
                all("mjx-merror, [data-mml-node=merror]").length,
                all("img").length,
                all("img").filter((i) => !i.alt || !i.naturalWidth).map((i) => i.src)];
    """)
    assert (raw, errors, bare) == (0, 0, [])
    if "lesson" in page:
        assert images >= 1
    about = browser.execute_script(
        "return document.querySelector('meta[name=description]')?.content"
    )
    assert about
    assert bool(re.search("[\u4e00-\u9fff]", about)) == page.startswith("zh/")


@in_browser
@pytest.mark.parametrize("page", ["index.html", "zh/index.html"])
def test_the_front_page_has_a_picture_of_every_lesson(browser, address, page):
    opened(browser, address + page)
    widths = browser.execute_script(
        "return [...document.querySelectorAll('.gallery img[src*=lesson]')]"
        ".map((i) => i.naturalWidth)"
    )
    assert len(widths) == len(LESSONS)
    assert min(widths) > 100


@in_browser
def test_what_goes_deeper_is_folded(browser, address):
    opened(browser, f"{address}lesson02.html")
    deeper = browser.find_element("css selector", "details.deeper")
    formula = deeper.find_element("css selector", ".math")
    assert not formula.is_displayed()
    deeper.find_element("css selector", "summary").click()
    assert formula.is_displayed()


@pytest.mark.parametrize("folder", ["", "zh/"])
def test_the_page_and_the_notebook_show_the_lessons_own_code(site, folder):
    import nbformat

    html = (site / folder / "lesson02.html").read_text(encoding="utf-8")
    assert "descend" in html
    assert "learning_rate" in html
    notebook = nbformat.read(site / folder / "lesson02.ipynb", as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert "def descend(J_slope, w, learning_rate, epochs):" in code
    assert "notebook.numbers" not in code
    assert ("从" in code or "轮" in code) == bool(folder)  # comments in the reader's language


@pytest.mark.parametrize("folder", ["", "zh/"])
@pytest.mark.parametrize("name", test_reference.MODULES)
def test_the_reference_has_every_public_name(site, folder, name):
    html = (site / folder / "api" / f"{name}.html").read_text(encoding="utf-8")
    public = test_reference.public(importlib.import_module(f"course.{name}"))
    shown = re.findall(rf'<dt class="sig sig-object py" id="course\.{name}\.(\w+)"', html)
    assert sorted(shown) == sorted(public)
    assert ("示例" if folder else ">Example<") in html
    assert not re.search("TypeAlias|&lt;function|Alias for field", html)


@in_browser
@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_phone(browser, address, page):
    opened(browser, address + page, NARROW)
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= NARROW


@in_browser
@pytest.mark.parametrize("page", ["index.html", "lesson03.html", "teachers.html"])
def test_the_language_switch_leads_to_the_same_page_and_back(browser, address, page):
    opened(browser, address + page)
    for expected in (f"zh/{page}", page):
        browser.find_element("css selector", "a[hreflang]").click()
        assert browser.current_url == address + expected


@in_browser
@pytest.mark.parametrize("folder", SEARCH)
def test_search_finds_a_word(browser, address, folder):
    opened(browser, f"{address}{folder}search.html?q={SEARCH[folder]}")
    links = _results(browser)
    assert any("lesson03.html" in link for link in links)
    assert complaints(browser) == []
    opened(browser, f"{address}{folder}search.html?q=zzzzqq")
    assert _results(browser) == []


def _results(browser):
    from selenium.webdriver.support.ui import WebDriverWait

    over = "return !!document.querySelector('#search-results .search-summary')?.textContent.trim()"
    WebDriverWait(browser, 20).until(lambda b: b.execute_script(over))
    browser.implicitly_wait(1)
    found = browser.find_elements("css selector", "#search-results ul.search li > a")
    browser.implicitly_wait(0)
    return [link.get_attribute("href") for link in found]


@in_browser
def test_the_files_open_without_a_server(browser, site):
    opened(browser, (site / "lesson03.html").as_uri())
    browser.find_element("css selector", "a[hreflang]").click()
    assert unquote(browser.current_url) == (site / "zh" / "lesson03.html").as_uri()
    assert complaints(browser) == []


def test_the_links_inside_the_site_lead_somewhere(site):
    for path in site.rglob("*.html"):
        if path.name == "webpack-macros.html" or "_static" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            target, anchor = urldefrag(urljoin(path.as_uri(), link.partition("?")[0]))
            if target.startswith("file:"):
                file = Path(unquote(target.removeprefix("file://")))
                assert file.exists(), (path.name, link)
                if anchor and file.suffix == ".html":
                    name, _, setting = unquote(anchor).partition(":")
                    mark = f'data-bench="{name}"' if setting else f'id="{name}"'
                    assert mark in file.read_text(encoding="utf-8"), link


@pytest.mark.parametrize("name", TUTORIALS)
def test_the_notebook_and_the_source_lie_beside_the_page(site, name):
    import nbformat

    source = (ROOT / "tutorials" / f"{name}.py").read_text(encoding="utf-8")
    for folder, words in (("", "The question"), ("zh", "问题")):
        words = words if name in LESSONS else ""
        assert (site / folder / f"{name}.py").read_text(encoding="utf-8") == source
        notebook = nbformat.read(site / folder / f"{name}.ipynb", as_version=4)
        nbformat.validate(notebook)
        text = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        assert f"# {words}" in text
        assert "{number}" not in text
        assert bool(re.search("[\u4e00-\u9fff]", text)) == bool(folder)
        if folder:  # every block was found in the translation
            assert not re.search(r"^(- |\d+\. )?[A-Z][a-z]+ [a-z]+ [a-z]+", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_leads_to_its_source(site, page):
    name = page.removeprefix("zh/").removesuffix(".html")
    source = f"{name}.py" if name in TUTORIALS else f"{name}.md"
    root = "../" * name.count("/") or "./"  # of the pages in this language
    assert f'href="{root}{source}"' in (site / page).read_text(encoding="utf-8")
    assert (site / page).parent.joinpath(root, source).is_file()


def test_the_downloaded_notebook_runs_with_the_wheel_alone(site, tmp_path):
    import nbclient
    import nbformat

    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    notebook = nbformat.read(site / f"{TUTORIALS[0]}.ipynb", as_version=4)
    asked = nbformat.v4.new_code_cell("import course; print(course.__file__)")
    notebook.cells.append(asked)
    client = nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=child_environment(PYTHONPATH=str(tmp_path / "installed")))
    assert str(tmp_path) in notebook.cells[-1].outputs[-1].text


def test_a_lesson_with_a_failing_check_makes_no_site(tmp_path):
    for folder in ("course", "datasets", "tutorials"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    lesson = tmp_path / "course" / "lesson03.py"
    right = lesson.read_text(encoding="utf-8")
    assert "2 / len(y) * np.append" in right
    wrong = right.replace("2 / len(y) * np.append", "1.99 / len(y) * np.append")
    lesson.write_text(wrong, encoding="utf-8")
    for path in (tmp_path / "tutorials").glob("*.py"):
        if path.name != "lesson03.py" and path.stem in TUTORIALS:
            path.unlink()
    done = build("--output", tmp_path / "site", root=tmp_path)
    assert done.returncode == 2
    message = one_line(done.stderr)
    assert "lesson03.py" in message
    assert "a check fails" in message
    assert sorted(os.listdir(tmp_path)) == ["course", "datasets", "tutorials"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("import cost, slope, descend", "import cost, slope, descent", "has no descent"),
        ("# 2. Ten times", "# - Ten times", "2 predictions and 1 answers"),
        ("Doing this again", "Doing it again", "no translation of"),
    ],
)
def test_a_page_that_is_not_whole_makes_no_site(tmp_path, old, new, words):
    for folder in ("course", "datasets", "tutorials"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    page = tmp_path / "tutorials" / "lesson02.py"
    right = page.read_text(encoding="utf-8")
    assert old in right
    page.write_text(right.replace(old, new), encoding="utf-8")
    done = build("--output", tmp_path / "site", root=tmp_path)
    assert done.returncode == 2
    message = one_line(done.stderr)
    assert "lesson02.py" in message
    assert words in message


def test_no_backend_is_one_line(tmp_path):
    done = build("--output", tmp_path / "site", KERAS_BACKEND="theano")
    assert done.returncode == 2
    assert "theano" in one_line(done.stderr)
    assert os.listdir(tmp_path) == []


def test_without_the_docs_extra_one_line_names_the_install_command(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u; f = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'myst_nb' else f(name, *a)\n"
    )
    done = subprocess.run(
        [sys.executable, ROOT / "tutorials" / "build.py", "--output", tmp_path / "site"],
        env=child_environment(PYTHONPATH=str(tmp_path)), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    message = one_line(done.stderr)
    assert "myst_nb is not installed" in message
    assert "pip install" in message
    assert "docs" in message
    assert not (tmp_path / "site").exists()


def test_a_folder_that_is_no_site_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    done = build("--output", tmp_path)
    assert done.returncode == 2
    assert "not a site" in one_line(done.stderr)
    assert (tmp_path / "thesis.txt").read_text() == "three years"
