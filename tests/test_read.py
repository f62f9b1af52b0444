"""Tutorials as they are read: the functions that they show, their Chinese, the terminal."""

import shutil

import pytest
from conftest import ROOT, one_line

from course import __main__ as command, notebook
from course.cli import pages, read
from course.errors import InputError

FOLDER = ROOT / "tutorials"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="not a checkout")
TUTORIALS = [path for path in sorted(FOLDER.glob("*.py")) if pages.is_page(path)]
HEAD = "# ---\n# jupyter:\n# ---\n\n# How it is meant to be read.\n\n"


def page(tmp_path, text):
    path = tmp_path / "page.py"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_page_shows_the_code_of_the_lesson(path):
    cells = pages.read(path)
    assert cells
    assert not any("source" in cell.tags for cell in cells)
    assert all(cell.kind == "markdown" or compile(cell.text, "", "exec") for cell in cells)


def test_a_function_on_a_page_is_the_lessons_own(tmp_path):
    path = page(
        tmp_path, '# %% tags=["source"]\nfrom course.lesson02 import slope, START, EPOCHS\n'
    )
    (cell,) = pages.read(path)
    lesson = (ROOT / "course" / "lesson02.py").read_text(encoding="utf-8")
    function, constants = cell.text.split("\n\n\n")
    assert function.startswith("def slope(w, x, y):")
    assert function + "\n" in lesson
    assert constants in lesson  # one line for both
    assert constants.count("\n") == 0


def test_a_changed_function_changes_the_page(tmp_path, monkeypatch):
    (tmp_path / "course").mkdir()
    copy = tmp_path / "course" / "lesson02.py"
    shutil.copy(ROOT / "course" / "lesson02.py", tmp_path / "course")
    text = copy.read_text(encoding="utf-8")
    copy.write_text(text.replace("np.mean(2 * x * (", "np.mean(x * 2 * ("), encoding="utf-8")
    monkeypatch.setattr(pages.course, "__file__", str(tmp_path / "course" / "__init__.py"))
    assert "np.mean(x * 2 * (" in pages.shown("from course.lesson02 import slope", "lesson02.py")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('# %% tags=["source"]\nfrom course.lesson02 import slop\n', "lesson02.py has no slop"),
        (
            "# %% [markdown]\n# ## Predict before you run\n#\n# 1. What?\n# 2. Why?\n#\n"
            "# ## Answers\n#\n# 1. This.\n",
            "2 predictions and 1 answers",
        ),
        ("# %% [markdown]\n# ## Predict before you run\n#\n# 1. What?\n", "1 predictions and 0"),
    ],
)
def test_a_page_that_is_not_whole_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        pages.read(page(tmp_path, text))


def test_a_missing_translation_is_refused():
    text = "## The question\n\nWhat is it?\n\n$$\nx = 1\n$$"
    cells = [pages.Cell("markdown", text), pages.Cell("code", "x = 1  # the start")]
    texts, code = {"The question": "问题", "What is it?": "是什么？"}, {"the start": "起点"}
    assert pages.translated(text, texts) == "## 问题\n\n是什么？\n\n$$\nx = 1\n$$"
    pages.require_translation(cells, texts, code, "page")
    with pytest.raises(InputError, match="page: no translation of 'the start'"):
        pages.require_translation(cells, texts, {}, "page")
    with pytest.raises(InputError, match="page: no translation of 'What is it"):
        pages.require_translation(cells, {"The question": "问题"}, code, "page")


def test_comments_and_docstrings_are_translated_and_the_code_is_the_same():
    code = (
        "def double(x):\n"
        '    """Twice as much.\n\n    >>> double(2)  # two\n    4\n    """\n'
        "    return 2 * x  # the result\n"
    )
    texts = {"Twice as much.": "两倍。", "the result": "结果"}
    assert [text for *_, text in pages.comments(code)] == ["the result", "Twice as much."]
    there = pages.with_comments(code, texts)
    assert '"""两倍。' in there
    assert "# 结果" in there
    assert "# two" in there
    names = {}
    exec(there, names)
    assert names["double"](2) == 4


def test_a_po_file_is_read_as_babel_reads_it():
    pofile = pytest.importorskip("babel.messages.pofile", reason="needs the docs extra")
    for path in sorted((FOLDER / "locale").rglob("*.po")):
        with path.open("rb") as file:
            expected = {m.id: m.string for m in pofile.read_po(file) if m.id}
        assert pages.catalogue(path) == expected
    assert pages.catalogue(FOLDER / "none.po") == {}


@pytest.mark.parametrize(
    ("latex", "plain"),
    [
        (r"w \leftarrow w - \eta\, J'(w)", "w ← w - η J'(w)"),
        (r"\frac{\partial J}{\partial w} = \frac2n \sum_i x_i", "∂J/∂w = 2/n Σ xᵢ"),
        (r"\frac{a + b}{2}", "(a + b)/2"),
        (r"\lambda_{\max}", "λmax"),
        (r"10^{-6}", "10⁻⁶"),
        (r"w_{t+1}", "wₜ₊₁"),
        (r"\sqrt{2 \eta T}", "√(2 ηT)"),
        (r"e^{-J/T}", "e^(-J/T)"),
    ],
)
def test_formulas_in_plain_symbols(latex, plain):
    assert read.formula(latex) == plain


def test_a_tutorial_in_the_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "90")
    for language, words in (("en", "The weight arrives at 1.99994"), ("zh", "1.99994")):
        assert command.main(["read", "2", "--language", language]) == 0
        out = capsys.readouterr().out
        assert words in out
        assert "def descend(" in out
        assert "keras.Sequential(" in out
        assert "$" not in out
        assert "{number}" not in out
        assert ("梯度下降" in out) == (language == "zh")
    assert notebook._record is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["read", "99"], "there is no tutorial '99'; there are"),
        (["read", "build"], "there is no tutorial 'build'; there are"),
        (["read", "../course/lesson02"], "there is no tutorial"),
        (["read", "lesson02", "--browser"], "no site is built at"),
        (["hint", "3", "none"], "lesson 3 has no exercise 'none'; it has gradient"),
        (["hint", "x"], "expected a lesson's number"),
    ],
)
def test_bad_input_is_one_line(monkeypatch, capsys, tmp_path, arguments, words):
    monkeypatch.setattr(pages, "folder", lambda: tmp_path)
    assert command.main(arguments) == 2
    assert words in one_line(capsys.readouterr().err)


def test_a_hint(capsys):
    assert command.main(["hint", "3", "largest_rate", "--language", "en"]) == 0
    assert "largest_rate: Along an eigenvector" in capsys.readouterr().out
    assert command.main(["hint", "3", "--language", "zh"]) == 0
    assert capsys.readouterr().out.count("\n") == 5


def test_the_browser_opens_the_built_page(monkeypatch, capsys, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(pages, "folder", lambda: tmp_path / "tutorials")
    (tmp_path / "site" / "zh").mkdir(parents=True)
    (tmp_path / "site" / "zh" / "lesson03.html").touch()
    assert command.main(["read", "3", "--language", "zh", "--browser"]) == 0
    assert opened == [(tmp_path / "site" / "zh" / "lesson03.html").as_uri()]
