"""Each tutorial runs on the current backend, holds its lesson to it, and is translated."""

import importlib.util
import re
import runpy
import subprocess
import sys
from collections import Counter

import faults
import numpy as np
import pytest
from conftest import ROOT, child_environment, once

from course import lesson03, notebook
from course.checks import Check
from course.cli import pages
from course.cli.outcome import Outcome

FOLDER = ROOT / "tutorials"
LESSONS = sorted(FOLDER.glob("lesson*.py"))
TUTORIALS = LESSONS + sorted(
    path for path in FOLDER.glob("*.py")
    if path not in LESSONS and pages.is_page(path)
)  # fmt: skip
CHECK = re.compile(r"lesson\d\d\.[a-z0-9-]+")  # the key of a check's name
QUOTED = re.compile(r"\{number\}`(\w+)(?::([^`]+))?`")
PARTS = ["The question", "Predict before you run", "By hand", "In Keras", "Checked", "The trap",
         "Summary", "Answers", "What to try next", "Sources"]  # fmt: skip
PAGES = [*TUTORIALS, *FOLDER.glob("*.md")]
pytestmark = pytest.mark.skipif(not TUTORIALS, reason="not a checkout")
each = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def cells(path, kind):
    """The text of a tutorial's cells: kind "[markdown]", or "" for code."""
    found = re.split(r"^# %%(.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [
        re.sub(r"^# ?", "", text, flags=re.MULTILINE) if kind else text
        for head, text in zip(found[::2], found[1::2])
        if ("[markdown]" in head) == bool(kind)
    ]


QUICK = {"lesson01", "lesson02"}  # a second or two beside the lesson's
built = pytest.mark.skipif(
    importlib.util.find_spec("myst_nb") is not None, reason="the site's build runs it"
)


def marked(path):
    return pytest.param(path, marks=[] if path.stem in QUICK else [pytest.mark.slow, built])


@pytest.mark.parametrize("path", [*map(marked, TUTORIALS)], ids=lambda path: path.stem)
def test_it_runs_and_its_text_quotes_only_what_was_computed(path, monkeypatch):
    known, right = {}, notebook.numbers
    if path in LESSONS:  # the lesson's own tests have run it, in this process
        monkeypatch.setattr(notebook, "run", faults.run)

    def numbers(**values):
        assert not known.keys() & values.keys(), "a name is used twice"
        known.update({name: notebook.plain(value) for name, value in values.items()})
        right(**values)

    monkeypatch.setattr(notebook, "numbers", numbers)
    runpy.run_path(str(path))
    quoted = QUOTED.findall("".join(cells(path, "[markdown]")))
    assert quoted
    for name, layout in quoted:
        assert notebook.quote(known[name], layout)


@each
def test_its_text_types_no_decimals(path):
    text = "".join(cells(path, "[markdown]")).partition("## Sources")[0]
    text = re.sub(r"`[^`]*`|\$[^$]*\$", "", text)
    assert re.findall(r"\d\.\d", text) == []


@each_lesson
def test_it_has_the_parts_that_all_have(path):
    headings = re.findall(r"^## (.*)$", "".join(cells(path, "[markdown]")), flags=re.MULTILINE)
    assert [heading for heading in headings if heading in PARTS] == PARTS


@each
def test_it_imports_the_course_before_keras(path):
    """The course picks the backend, and keeps TensorFlow's greeting off the page."""
    code = "".join(cells(path, ""))
    keras, ours = (
        re.search(r"^(?:import|from) keras", code, re.M),
        re.search(r"^(?:import|from) course", code, re.M),
    )
    assert not keras or ours.start() < keras.start()


@each
def test_its_code_is_no_wider_than_the_page(path):
    assert [line for text in cells(path, "") for line in text.splitlines() if len(line) > 80] == []


def test_a_mistake_in_the_lesson_stops_the_tutorial(monkeypatch):
    right = lesson03.gradient
    monkeypatch.setattr(lesson03, "gradient", lambda *a: right(*a) * 0.999)
    found = pages.read(FOLDER / "lesson03.py")
    (checked,) = (cell.text for cell in found if "notebook.run(" in cell.text)
    with pytest.raises(AssertionError, match="a check fails"):
        exec(checked, {"notebook": notebook})


def test_a_failing_check_is_shown(capsys):
    two, one = Check.close("a", "one = two", 1, 2), Check.close("b", "one = one", 1, 1, atol=0.1)
    wrong = Outcome(3, {}, {}, [two, one])
    notebook.checks(wrong)
    shown = capsys.readouterr().out
    assert "one = two  1  2  1.0e+00  0.0e+00  FAILS" in shown
    assert "1 of 2 checks hold" in shown


def test_long_arrays_and_markup_are_shown_safely(capsys):
    notebook.numbers(many=np.arange(100), word="<b>")
    assert capsys.readouterr().out == "many = 0 … 99\nword = <b>\n"
    assert notebook._cell("<b>") == "&lt;b&gt;"


def test_a_label_without_translation_is_named():
    used = {}
    assert notebook.translation("cost after 3 steps", {}, used) == "cost after 3 steps"
    assert used == {"cost after {} steps": "cost after {} steps"}
    assert notebook.translation("x", {}, used) == "x"
    assert notebook.translation("$10^{3}$", {}, used) == "$10^{3}$"


def test_a_check_is_translated_by_its_id_whatever_its_name():
    used, labels = {}, {"lesson03.path": "{} 步"}
    for name in ("path of 3 steps", "3 steps, at each of them"):
        assert notebook.translation(name, labels, used, "lesson03.path") == "3 步"
    assert list(used) == ["lesson03.path"]


def marks(text):
    """What a translation must keep: quoted numbers, formulas, code, links."""
    kept = r"\{\w+\}`[^`]*`|\$[^$]*\$|`[^`]*`|\]\([^)]*\)|\{\d*\}"
    found = Counter(re.findall(kept, text))
    holes = sum(found.pop(hole) for hole in list(found) if re.fullmatch(r"\{\d*\}", hole))
    return found, holes


def messages():
    pofile = pytest.importorskip("babel.messages.pofile", reason="needs the docs extra")
    for path in sorted((FOLDER / "locale").rglob("*.po")):
        with path.open("rb") as file:
            yield path.name, [message for message in pofile.read_po(file) if message.id]


def test_the_translation_is_complete_and_keeps_formulas_code_and_numbers():
    found = dict(messages())
    assert {f"{path.stem}.po" for path in PAGES} | {"labels.po"} <= found.keys()
    for name, catalogue in found.items():
        for message in catalogue:
            assert message.string, (name, message.id)
            assert not message.fuzzy, (name, message.id)
            if not CHECK.fullmatch(message.id):
                assert marks(message.id) == marks(message.string), (name, message.id)


@once
@pytest.mark.slow
def test_the_translation_is_in_step_with_the_sources():
    pytest.importorskip("myst_nb", reason="needs the docs extra")
    done = subprocess.run(
        [sys.executable, FOLDER / "translate.py", "--no-run", "--check"],
        env=child_environment(), capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
