"""What a tutorial shows beside its text: numbers, the table of checks, figures.

In Jupyter they are displayed; as a plain script, `python lesson03.py`, they are printed.

The site shows figures and tables in its readers' language. COURSE_LABELS then names a
JSON file, {"font": path, "labels": {English: translation}}, and every output carries its
translation in its metadata.
"""

import contextlib
import functools
import html
import io
import json
import os
import re
import sys
from base64 import b64encode
from pathlib import Path
from unicodedata import east_asian_width

import course
from course.cli.outcome import run
from course.cli.table import plain, row, short, tally, verdict
from course.machine.precision import precision

__all__ = ["bench", "checks", "figure", "numbers", "precision", "quote", "run", "table"]

if "ipykernel" in sys.modules:  # TensorFlow's greeting would stand in red above the lesson
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    course.import_quietly(course.backend)

MATHS = re.compile(r"(\$[^$]*\$)")
NUMBER = re.compile(r"(?<![A-Za-z\d.])\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")
POWER = re.compile(r"(-?\d(?:\.\d+)?)e([-+]\d+)")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
HOLE = re.compile(r"\{(\d*)\}")
_record = None  # (outputs, labels) where they are kept instead of displayed


def numbers(**values):
    """Show numbers by name; the text quotes one as {number}`name` or {number}`name:.3f`.

    Args:
        values: numbers, short arrays or strings.
    """
    values = {name: plain(value) for name, value in values.items()}
    rows = [(f"<code>{name}</code>", _cell(value)) for name, value in values.items()]
    text = "\n".join(f"{name} = {short(value)}" for name, value in values.items())
    _display({"text/html": _table(rows), "text/plain": text}, numbers=values)


def table(rows, header=(), caption=""):
    """Show a small table.

    Args:
        rows: lists of as many words and numbers each; the first of each row names it.
        header: a word for each column, or none.
        caption: what the table is about.
    """
    rows = [[cell if isinstance(cell, str) else short(plain(cell)) for cell in r] for r in rows]

    def shown(translate):
        cells = [[translate(cell) for cell in row] for row in rows]
        words, title = [translate(word) for word in header], translate(caption)
        return {
            "text/html": _table(
                [[html.escape(cell) for cell in row] for row in cells],
                [html.escape(word) for word in words],
                html.escape(title),
            ),
            "text/plain": _columns([words, *cells] if words else cells, title),
        }

    _display(shown(lambda text: text), translated=shown)


def checks(outcome):
    """Show how many checks of a lesson's outcome hold, and a folded table of all of them."""
    _display(
        _check_table(outcome, lambda text, key=None: text),
        translated=_with(_check_table, outcome),
        folded=True,  # the last line says it all
    )


def figure(draw, alt):
    """Draw a figure and show it.

    Args:
        draw: a function without arguments that returns a Matplotlib figure, as the
            values of `Outcome.figures` are.
        alt: what there is to see, in a sentence, for those who do not see it.
    """
    if _record is not None:
        _display({"text/plain": alt}, lambda translate: {"text/plain": translate(alt)}, alt=alt)
        return
    shown = {"image/png": _png(draw()), "text/plain": alt}

    def translated(translate):
        drawn = draw()
        _relabel(drawn, translate)
        return {"image/png": _png(drawn), "text/plain": translate(alt)}

    _display(shown, translated=translated, alt=alt)


def bench(name, measured=None):
    """Give a bench of the lab its data; on the site it stands in the page, elsewhere a line does.

    Args:
        name: of the bench, as in `course.lab`.
        measured: what the lesson's run measured.
    """
    if _labels() is None:  # only the site's build needs the data
        return
    from course import lab

    _display({"text/plain": f"bench {name}"}, bench={name: lab.made(name, measured)})


def quote(value, layout=""):
    r"""A number as the text quotes it.

    >>> quote(2.48e-28, ".1e")
    '2.5\xa0×\xa010⁻²⁸'
    >>> quote(10000, ",d")
    '10,000'
    >>> quote(0.0, ".1e")
    '0'
    """
    text = format(value, layout)
    power = POWER.fullmatch(text)
    if power and value == 0:
        return "0"
    if not power:
        return text
    exponent = str(int(power[2])).translate(RAISED)
    return f"{power[1]}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10{exponent}"


def _cell(value):
    """A number, or all of a short list, as HTML."""
    values = value if isinstance(value, list) and len(value) <= 8 else [value]
    return html.escape(", ".join(short(item) for item in values))


def _table(rows, header=(), caption=""):
    """Rows of HTML cells, the first of each row its header, in a box that scrolls sideways."""
    title = f"<caption>{caption}</caption>" if caption else ""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{c}</td>" for c in row[1:]) + "</tr>"
        for row in rows
    )
    head = f"<thead><tr>{head}</tr></thead>" if header else ""
    return f'<div class="course-table"><table>{title}{head}<tbody>{body}</tbody></table></div>'


def _columns(rows, title):
    """Rows of cells as text, in columns; a Chinese character is two wide."""

    def width(text):
        return sum(1 + (east_asian_width(letter) in "WF") for letter in text)

    wide = [max(map(width, column)) for column in zip(*rows)]
    lines = [
        "  ".join(cell + " " * (n - width(cell)) for cell, n in zip(row, wide)).rstrip()
        for row in rows
    ]
    return "\n".join([title, *lines] if title else lines)


def _check_table(outcome, translate):
    header = [translate(word) for word in ("check", "measured", "reference", "error", "allowed")]
    rows = [
        (
            translate(check.name, f"lesson{outcome.lesson:02}.{check.id}"),
            *row(check)[1:],
            translate(verdict(check)),
        )
        for check in outcome.checks
    ]
    total = translate(tally(outcome.checks))
    cells = [[html.escape(cell) for cell in row] for row in rows]
    opened = "" if outcome.passed else " open"
    table = f"<details{opened}><summary>{total}</summary>{_table(cells, [*header, ''])}</details>"
    return {
        "text/html": table,
        "text/plain": "\n".join([*("  ".join(row) for row in rows), total]),
    }


def _with(show, outcome):
    return lambda translate: show(outcome, translate)


def _png(figure):
    from matplotlib import pyplot as plt

    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=150, bbox_inches="tight")
    plt.close(figure)
    return b64encode(picture.getvalue()).decode()


def _relabel(figure, translate):
    """Put every text of a figure into another language, in a font that has it."""
    from matplotlib import font_manager
    from matplotlib.text import Text

    font = _labels()["font"]
    font_manager.fontManager.addfont(font)
    family = font_manager.FontProperties(fname=font).get_name()
    figure.canvas.draw()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        words = [label.get_text() for label in axis.get_ticklabels()]
        if words != [translate(word) for word in words]:  # drawing would write them anew
            axis.set_ticks(axis.get_ticklocs(), [translate(word) for word in words])
    for text in figure.findobj(Text):
        text.set_fontfamily(["DejaVu Sans", family])
        if text.get_text() != translate(text.get_text()):
            text.set_text(translate(text.get_text()))


@functools.cache
def _labels():
    """The translations that COURSE_LABELS names, or None."""
    path = os.environ.get("COURSE_LABELS")
    return json.loads(Path(path).read_text(encoding="utf-8")) if path else None


def template(label):
    """A label with its numbers, outside formulas, replaced by {}: what is translated.

    >>> template("after 3, of 10,000")
    'after {}, of {}'
    >>> template("cost $10^3$ with L2")
    'cost $10^3$ with L2'
    """
    return "".join(
        part if at % 2 else NUMBER.sub("{}", part) for at, part in enumerate(MATHS.split(label))
    )


def translation(label, labels, used, key=None):
    """The label in the other language; symbols and numbers stay as they are.

    Args:
        label: in English.
        labels: {key: translation}.
        used: a dict that gets the label, where it has words, under its key.
        key: None: the label's template. A check's is its lesson and id: its name may be reworded.

    >>> translation("after 3 of 10", {"after {} of {}": "共 {1} 步，第 {0} 步"}, {})
    '共 10 步，第 3 步'
    """
    words = "".join(MATHS.split(label)[::2])
    if not re.search(r"[A-Za-z]{2,}", words):
        return label
    key = key or template(label)
    used[key] = template(label)
    known = labels.get(key)
    if not known:
        return label
    values = NUMBER.findall(words)
    order = iter(range(len(values)))
    return HOLE.sub(lambda hole: values[int(hole[1]) if hole[1] else next(order)], known)


@contextlib.contextmanager
def recorded(labels=None):
    """Keep what is shown meanwhile, and draw no figure: a list of (text, about it).

    Args:
        labels: {English: translation} of the texts in tables and figures; none: English.
    """
    global _record
    before, _record = _record, ([], labels or {})
    try:
        yield _record[0]
    finally:
        _record = before


def _display(shown, translated=None, **about):
    """Display one output; `about` goes into its metadata, and so does its translation."""
    if _record is not None:
        found, labels = _record
        if labels and translated:
            shown = translated(lambda text, key=None: translation(text, labels, {}, key))
        found.append((shown["text/plain"], about))
        return
    if "IPython" not in sys.modules or not sys.modules["IPython"].get_ipython():
        print(shown["text/plain"])
        return
    if translated and _labels():
        used, labels = {}, _labels()["labels"]
        about["translated"] = translated(
            lambda text, key=None: translation(text, labels, used, key)
        )
        about["labels"] = used
    display = sys.modules["IPython"].display.display
    display(shown, raw=True, metadata={"course": about})
