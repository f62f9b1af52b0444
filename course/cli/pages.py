"""The tutorials' text: their cells, the functions that they show, their Chinese.

A tutorial is a file of Jupytext's percent format. A code cell with the tag "source" imports
functions of a lesson; what a reader sees there is their code, taken from the lesson's file.
"""

import ast
import re
import textwrap
import tokenize
from pathlib import Path
from typing import NamedTuple

import course
from course.errors import InputError
from course.grading.sources import parsed

# Between two blocks: empty lines, or the start of the next item of a list.
BLOCK = re.compile(r"(\n\s*\n|\n(?=(?:- |\d+\. )))")
MARK = re.compile(r"(#+ |- |\d+\. |)([\s\S]*)")
NUMBER = re.compile(r"\{number\}`(\w+)(?::([^`]+))?`")
BENCH = re.compile(r"```\{bench\} (\w+)\n```")
CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)
TAGS = re.compile(r'"([\w-]+)"')


class Cell(NamedTuple):
    """A cell: its kind, "markdown" or "code", its text and its tags."""

    kind: str
    text: str
    tags: tuple = ()


def folder():
    """Where the tutorials' sources lie: in the checkout, or in the installed package.

    Raises:
        InputError: they are in neither.
    """
    root = Path(course.__file__).resolve().parent
    for place in (root.parent / "tutorials", root / "_tutorials"):
        if (place / "index.md").is_file():
            return place
    raise InputError("the tutorials are not installed; they are in the course's repository")


def is_page(path):
    """Whether a file is a tutorial that is run."""
    return path.read_text(encoding="utf-8").startswith("# ---\n# jupyter:")


def read(path):
    """The cells of a tutorial's file, with the functions that it shows.

    Raises:
        InputError: a lesson has no such function, or a prediction has no answer.
    """
    _, *rest = CELL.split(path.read_text(encoding="utf-8"))
    cells = []
    for head, text in zip(rest[::2], rest[1::2]):
        if "[markdown]" in head:
            text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
        kind, tags = "markdown" if "[markdown]" in head else "code", TAGS.findall(head)
        text = text.strip("\n")
        if "source" in tags:
            text, tags = shown(text, path.name), []
        cells.append(Cell(kind, text, tuple(tags)))
    check_answers(cells, path.name)
    return cells


def shown(statement, page):
    """`from course.lesson02 import cost` as the code of `cost`, from its file.

    Args:
        statement: an import of functions, classes and constants.
        page: the name of the tutorial's file, for the message.

    Raises:
        InputError: the file has no such name.
    """
    found = []
    for node in parsed(statement).body:
        file = Path(course.__file__).parent.parent / f"{node.module.replace('.', '/')}.py"
        known = definitions(file)
        for alias in node.names:
            if alias.name not in known:
                raise InputError(f"{page}: {file.name} has no {alias.name}")
            found.append(known[alias.name])
    first, *rest = pieces = list(dict.fromkeys(found))  # constants of one line are one
    text = first
    for before, piece in zip(pieces, rest):
        text += ("\n\n\n" if "\n" in before + piece else "\n") + piece
    return text


def definitions(file):
    """{name: code} of what a file of Python defines at its top level."""
    text, found = file.read_text(encoding="utf-8"), {}
    lines = text.splitlines()
    for node in parsed(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names = [node.name]
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        elif isinstance(node, ast.Assign):
            first, target = node.lineno, ast.walk(node.targets[0])
            names = [part.id for part in target if isinstance(part, ast.Name)]
        else:
            continue
        code = "\n".join(lines[first - 1 : node.end_lineno])
        found |= dict.fromkeys(names, code)
    return found


def check_answers(cells, page):
    """Refuse a page whose predictions have not as many answers.

    Raises:
        InputError: says how many there are.
    """
    text = "\n\n".join(cell.text for cell in cells if cell.kind == "markdown")
    sections = dict(re.findall(r"^## (.*)\n([\s\S]*?)(?=^## |\Z)", text, re.MULTILINE))
    asked, answered = (
        re.findall(r"^(\d+)\. ", sections.get(name, ""), re.MULTILINE)
        for name in ("Predict before you run", "Answers")
    )
    if asked != answered:
        raise InputError(f"{page}: {len(asked)} predictions and {len(answered)} answers")


def catalogue(path):
    """{English: translation} of a .po file as this course writes them; {} where there is none."""
    if not path.is_file():
        return {}
    found, texts, now = {}, {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if word == "msgid" and texts:
            found[texts["msgid"]] = texts["msgstr"]
            texts = {}
        if word in ("msgid", "msgstr"):
            now = word
            texts[now] = ast.literal_eval(rest)
        elif line.startswith('"'):
            texts[now] += ast.literal_eval(line)
    found[texts["msgid"]] = texts["msgstr"]
    found.pop("", None)
    return found


def translated(text, texts):
    """A cell's headings, paragraphs and items in another language.

    Args:
        text: Markdown.
        texts: {English: translation}; what it lacks stays as it is.
    """

    def block(piece):
        mark, words = MARK.match(piece).groups()
        return mark + (texts.get(" ".join(words.split())) or words)

    return "".join(block(piece) for piece in BLOCK.split(text))


def without_benches(text, language):
    """A cell's Markdown as it stands where no bench can: it says where on the site one does."""
    words = "On the site: `lab/{}.html`" if language == "en" else "在网站上：`zh/lab/{}.html`"
    return BENCH.sub(lambda m: words.format(m[1]), text)


def require_translation(cells, texts, code, page):
    """Refuse a page of which a block, a comment or a docstring has no translation.

    Args:
        cells: of the page.
        texts, code: {English: translation} of its text, and of comments and docstrings.
        page: its name, for the message.

    Raises:
        InputError: names the text.
    """
    for cell in cells:
        if cell.kind == "markdown":
            blocks = (MARK.match(piece)[2] for piece in BLOCK.split(cell.text))
            found = [" ".join(words.split()) for words in blocks]
            missing = [t for t in found if not t.startswith(("$$", "```")) and not texts.get(t)]
        else:
            hidden = {"hide-input", "remove-cell"} & {*cell.tags}
            found = [] if hidden else [text for *_, text in comments(cell.text)]
            missing = [t for t in found if not code.get(t)]
        for text in filter(has_words, missing):
            raise InputError(f"{page}: no translation of {text[:60]!r}")


def has_words(text):
    """Whether there is anything to translate: a formula has none."""
    plain = re.sub(r"\\[A-Za-z]+(\{[a-z]+\})?", " ", text)
    return re.search(r"[A-Za-z]{3,}", plain) is not None


def comments(code):
    """Comments and docstrings' paragraphs of a cell: (first line, last, text) of each."""
    found, lines = [], code.splitlines()
    for token in tokenize.generate_tokens(iter(code.splitlines(True)).__next__):
        row, text = token.start[0] - 1, token.string.removeprefix("# ")
        if token.type == tokenize.COMMENT and has_words(text):
            found.append((row, row, text))
    for node in ast.walk(parsed(code)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            found += _paragraphs(lines, node.body[0].lineno - 1, node.body[0].end_lineno)
    return found


def _paragraphs(lines, first, end):
    """The paragraphs of a docstring that are prose: (first line, last, text) of each."""
    at = first
    while at < end:
        last = at
        while last + 1 < end and lines[last + 1].strip(' "'):
            last += 1
        text = textwrap.dedent("\n".join(lines[at : last + 1])).strip('" \n')
        prose = ">>>" not in text and "\n    " not in text
        if prose and has_words(text):
            yield at, last, " ".join(text.split())
        at = last + 1


def with_comments(code, texts):
    """The code with its comments and docstrings in another language.

    Args:
        texts: {English: translation}; what it lacks stays as it is.

    >>> with_comments("w = 1  # the start", {"the start": "起点"})
    'w = 1  # 起点'
    """
    lines = code.splitlines()
    for first, last, text in sorted(comments(code) if texts else (), reverse=True):
        if not texts.get(text):
            continue
        before, after = lines[first], lines[last]
        if "# " + text in before:
            lines[first] = before.replace("# " + text, "# " + texts[text])
            continue
        start = re.match(r'\s*(?:r?""")?', before)[0]
        end = '"""' if after.rstrip().endswith('"""') else ""
        lines[first : last + 1] = [start + texts[text] + end]
    return "\n".join(lines)
