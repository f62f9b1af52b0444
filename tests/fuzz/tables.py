"""Tables: numbers of any size in a CSV file of any form."""

from typing import NamedTuple

import law
import numpy as np
from hypothesis import strategies as st

from course import data
from course.cli import main

NUMBERS = st.sampled_from([
    "0", "-0", "1e-320", "1e99", "-1e100", "1e999", "nan", "inf", "1_0", "0x10", "", " ",
    "£155,000", "50 m2", "12,5", "1.5e", "٣", "１２", "9" * 400,
])  # fmt: skip
TEXTS = st.lists(st.sampled_from("a1ä面,;\t'\"=-+$[]\\ \r\n\0\u200b"), max_size=5).map("".join)
CELLS = NUMBERS | st.integers(-(10**25), 10**25).map(str) | st.floats().map(repr) | TEXTS
NAMES = st.sampled_from(["y", "a", "$x$", "[b]", "面积", " ", "", "y\n", "'", '"', "a" * 300])
POWERS = st.sampled_from([0, 0, 0, 0, 1, 3, 9, 12, 20, 85, 90, 99, 101, 280])
ENCODINGS = ("utf-8-sig", "utf-16", "gbk", "gb18030", "latin-1")
ENDS = ("\n", "\r\n", "\r")
ODD = ("cell", "one cell more", "name", "marks", "encoding", "bytes", "target")
NONE = st.just([])
# Changes of a file's bytes: (where, in thousandths of its length; the new byte, None: end there).
CHANGES = st.lists(st.tuples(st.integers(0, 999), st.none() | st.integers(0, 255)), max_size=3)
DAMAGE = st.integers(0, 3).flatmap(lambda k: st.just([]) if k else CHANGES)


def damaged(content, changes):
    """The bytes with these CHANGES."""
    content = bytearray(content)
    for place, byte in changes:
        at = place * len(content) // 1000
        if byte is None:
            del content[at:]
        elif content:
            content[at] = byte
    return bytes(content)


class File(NamedTuple):
    """A table's file, and the column that is to be predicted."""

    content: bytes
    target: str


class Fit(NamedTuple):
    """A table of numbers, and the lesson that is to fit it."""

    lesson: int
    X: list
    y: list


@st.composite
def values(draw, n, p):
    """Columns of numbers, far from 0 or of any size, some of them alike: shape (n, p)."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    X = rng.normal(size=(n, p))
    if draw(st.booleans()):
        X = X.round(draw(st.integers(0, 2)))
    for j in range(p):
        offset = draw(st.sampled_from([0, 0, 1, -1])) * 10.0 ** draw(st.integers(0, 13))
        X[:, j] = (X[:, j] + offset) * 10.0 ** (draw(st.sampled_from([1, -1])) * draw(POWERS))
    if draw(st.integers(0, 3)) == 0:
        X[draw(st.integers(0, n - 1)), draw(st.integers(0, p - 1))] = 10.0 ** draw(POWERS)
    if p > 1 and draw(st.integers(0, 3)) == 0:
        X[:, 1] = X[:, 0] * 2 + rng.normal(size=n) * 10.0 ** -draw(POWERS)
    return X


@st.composite
def files(draw):
    """A table of unusual numbers; half of them with odd cells, names, marks or bytes."""
    n, p = draw(st.integers(1, 9)), draw(st.integers(1, 3))
    if draw(st.booleans()):
        n = max(n, p + 2)
    cells = [[repr(float(v)) for v in row] for row in draw(values(n, p + 1))]
    names, comma, end, encoding, changes, target = [*"abc"[:p], "y"], ",", "\n", "utf-8", [], "y"
    for odd in draw(st.lists(st.sampled_from(ODD), max_size=3) if draw(st.booleans()) else NONE):
        if odd == "cell":
            cells[draw(st.integers(0, n - 1))][draw(st.integers(0, p))] = draw(CELLS)
        elif odd == "one cell more":
            draw(st.sampled_from(cells)).append(draw(CELLS))
        elif odd == "name":
            names[draw(st.integers(0, p))] = draw(NAMES)
        elif odd == "marks":
            comma, end = draw(st.sampled_from([",", ";", "\t"])), draw(st.sampled_from(ENDS))
        elif odd == "encoding":
            encoding = draw(st.sampled_from(ENCODINGS))
        elif odd == "bytes":
            changes = draw(CHANGES)
        else:
            target = draw(st.sampled_from(["a", "z", ""]))
    text = end.join(comma.join(row) for row in [names, *cells])
    return File(damaged(text.encode(encoding, errors="replace"), changes), target)


@st.composite
def fits(draw, lessons=(3, 8, 9, 10)):
    n, p = draw(st.integers(10, 14)), draw(st.integers(1, 3))
    table = draw(values(n, p + 1))
    return Fit(draw(st.sampled_from(lessons)), table[:, :-1].tolist(), table[:, -1].tolist())


def hold_file(file):
    """A table that is accepted can be computed with."""
    with law.fresh_folder({"t.csv": file.content}):
        table = law.read(data.load_table, "t.csv", file.target)
    if table is None:
        return
    n, p = table.X.shape
    law.promise(table.y.shape == (n,) and len(table.columns) == p, "shapes that do not fit")
    for values in table.scaled():
        law.promise(np.allclose(values.mean(axis=0), 0, atol=1e-9), "a mean that is not 0")
        law.promise(np.allclose(values.std(axis=0), 1), "a deviation that is not 1")


def hold_fit(fit):
    """The checks of a table that is accepted hold."""
    rows = [[*row, y] for row, y in zip(fit.X, fit.y)]
    names = [*(f"x{j}" for j in range(len(fit.X[0]))), "y"]
    text = "\n".join(",".join(map(repr, row)) for row in rows)
    files = {"t.csv": f"{','.join(names)}\n{text}\n".encode()}
    argv = ["--data", "t.csv", "--target", "y", "--quick", "--verbose"]
    ran = law.run(lambda argv: main(f"lesson{fit.lesson:02}", argv), argv, files)
    law.promise(ran.status != 1, f"lesson {fit.lesson}: a check fails on a table", ran.out)
