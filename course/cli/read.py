"""A tutorial in the terminal: its text, the code that it shows, and what its run gave."""

import contextlib
import io
import os
import re
import unicodedata

from course.cli import pages
from course.errors import InputError

LANGUAGES = {"en": "", "zh": "zh"}  # and the folder of each on the site
WIDTH = 96  # of the text at most
DISPLAY, INLINE = re.compile(r"\$\$([\s\S]+?)\$\$"), re.compile(r"\$([^$\n]+(?:\n[^$\n]+)*)\$")
SMALL = {
    "^": dict(zip("0123456789+-=()nTik*⊤′", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿᵀⁱᵏ*ᵀ′")),
    "_": dict(zip("0123456789+-=()aeijkmnprstxy", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑᵢⱼₖₘₙₚᵣₛₜₓᵧ")),
}
NAMED = ("max", "min", "ln", "log", "exp", "tanh", "sin", "cos", "arg", "var", "det")
BOUNDS = re.compile(r"\\sum\s*_(\{[^{}]*\}|\w)(\^(\{[^{}]*\}|\w))?")  # of a sum: left out
SCRIPT = re.compile(r"([_^])\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|(\\[A-Za-z]+|[^\s{}\\]))")


def add_flags(flags):
    """Add the flags of `python -m course read`."""
    from course.grading.classroom import language

    flags.add_argument("page", metavar="LESSON", help="a lesson's number, or a page's name")
    flags.add_argument("--language", choices=LANGUAGES, default=language(), help="of the text")
    flags.add_argument("--browser", action="store_true", help="open the page of the built site")


def read(name, language="en", browser=False):
    """Show a tutorial; return 0.

    Args:
        name: of its file without the end, "lesson03".
        language: "en" or "zh".
        browser: open the built page instead.

    Raises:
        InputError: there is no such tutorial, no site, or a cell of it fails.
    """
    folder = pages.folder()
    if browser:
        return open_page(folder.parent / "site" / LANGUAGES[language] / f"{name}.html")
    found = {file.stem: file for file in sorted(folder.glob("*.py")) if pages.is_page(file)}
    if name not in found:
        raise InputError(f"there is no tutorial {name!r}; there are {', '.join(found)}")
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.status(f"running {name} …"):
        text = as_markdown(found[name], language)
    console.print(Markdown(text, code_theme="ansi_dark"), width=min(console.width, WIDTH))
    return 0


def open_page(page):
    """Open a page of the built site in the browser; return 0."""
    import webbrowser

    if not page.is_file():
        raise InputError(f"no site is built at {page.parent}: python tutorials/build.py")
    print(page)
    webbrowser.open(page.as_uri())
    return 0


def as_markdown(path, language):
    """The text of a tutorial with the code that it shows and what its run gave."""
    cells, texts, comments, labels = pages.read(path), {}, {}, {}
    if language != "en":
        folder = path.parent / "locale" / "zh_CN" / "LC_MESSAGES"
        texts, comments, labels = (
            pages.catalogue(folder / f"{stem}.po") for stem in (path.stem, "code", "labels")
        )
    shown, numbers = run(cells, path.name, labels)
    parts = []
    for cell, output in zip(cells, shown):
        if cell.kind == "markdown":
            text = pages.without_benches(pages.translated(cell.text, texts), language)
            parts.append(plain(text, numbers))
        elif "remove-cell" not in cell.tags:
            if "hide-input" not in cell.tags:
                parts.append(f"```python\n{pages.with_comments(cell.text, comments)}\n```")
            parts += output
    return "\n\n".join(parts)


def run(cells, page, labels):
    """Run the code of a page: (what each cell shows, as lists of Markdown; the numbers)."""
    from course import notebook

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    names, shown, numbers = {"__name__": page}, [], {}
    for cell in cells:
        parts, printed = [], io.StringIO()
        if cell.kind == "code":
            with contextlib.redirect_stdout(printed), notebook.recorded(labels) as outputs:
                try:
                    exec(compile(cell.text, page, "exec"), names)
                except Exception as error:
                    raise InputError(f"{page}: {type(error).__name__}: {error}") from error
            if printed.getvalue().strip():
                parts.append(f"```text\n{printed.getvalue().rstrip()}\n```")
            for text, about in outputs:
                numbers |= about.get("numbers", {})
                text = text.splitlines()[-1] if about.get("folded") else text
                parts.append(f"*[{text}]*" if "alt" in about else f"```text\n{text}\n```")
        shown.append(parts)
    return shown, numbers


def plain(text, numbers):
    """A cell's Markdown with its numbers, and its formulas in plain symbols."""
    from course.notebook import quote

    text = pages.NUMBER.sub(lambda m: quote(numbers[m[1]], m[2] or ""), text)
    kept = re.split(r"(```[\s\S]*?```|`[^`\n]*`)", text)  # code stays as it is
    for at in range(0, len(kept), 2):
        part = DISPLAY.sub(lambda m: f"\n```text\n{formula(m[1])}\n```\n", kept[at])
        kept[at] = INLINE.sub(lambda m: _escaped(formula(m[1])), part)
    return "".join(kept)


def _escaped(text):
    return re.sub(r"([*_\[\]<>])", r"\\\1", text)


def formula(latex):
    r"""A formula in plain symbols.

    >>> formula(r"\hat y_i = x_i w, \quad J = \frac1n \sum_{i=1}^{n} (\hat y_i - y_i)^2")
    'ŷᵢ = xᵢ w,   J = 1/n Σ (ŷᵢ - yᵢ)²'
    """
    from pylatexenc import latex2text, latexwalker, macrospec

    words = latex2text.get_default_latex_context_db()
    macro = latex2text.MacroTextSpec
    words.add_context_category("course", prepend=True, macros=[
        macro("frac", _fraction), macro("tfrac", _fraction), macro("dfrac", _fraction),
        macro("sqrt", _root), macro("sum", "Σ"), macro("qquad", "   "), macro("quad", "  "),
        macro(",", " "), macro(";", " "), macro("mid", "|"), macro("|", "‖"), macro("top", "T"),
        macro("bigl", ""), macro("bigr", ""), macro("left", ""), macro("right", ""),
        macro("operatorname", "%s"), *(macro(name, name) for name in NAMED),
    ])  # fmt: skip
    latex = BOUNDS.sub(r"\\sum ", " ".join(latex.split()))
    latex = SCRIPT.sub(lambda m: _small(formula(m[2] or m[3]), m[1]), latex)
    walker = latexwalker.get_default_latex_context_db()
    walker.add_context_category(
        "course",
        prepend=True,
        macros=[macrospec.MacroSpec(name, "{{") for name in ("dfrac", "tfrac")],
    )
    nodes = latexwalker.LatexWalker(latex, latex_context=walker).get_latex_nodes()[0]
    reader = latex2text.LatexNodes2Text(latex_context=words, math_mode="text")
    text = unicodedata.normalize("NFC", reader.nodelist_to_text(nodes))
    text = text.replace("ˆ", "^").replace("Σ", "Σ ")
    text = re.sub(r" *([←→≤≥≈∈≪≫]) *", r" \1 ", text)
    return re.sub(r" {2,}", lambda m: "   " if len(m[0]) > 2 else " ", text).strip()


def _small(text, mark):
    """A subscript or a superscript: in small letters where there are such, else after its mark."""
    if mark == "_" and text in NAMED:
        return f"{{}}{text}"
    letters = [SMALL[mark].get(letter) for letter in text.replace(" ", "")]
    if all(letters):
        return "{}" + "".join(letters)
    mark = "\\_" if mark == "_" else "\\textasciicircum{}"
    return f"{mark}{text}" if len(text) == 1 or text.isalpha() else f"{mark}({text})"


def _fraction(node, l2tobj):
    over, under = (l2tobj.nodelist_to_text([part]) for part in node.nodeargs)
    return "/".join(
        f"({part})" if re.search(r"[\s+−-]", part.strip()) else part for part in (over, under)
    )


def _root(node, l2tobj):
    text = l2tobj.nodelist_to_text([node.nodeargs[-1]])
    return f"√{text}" if len(text.strip()) == 1 else f"√({text})"
