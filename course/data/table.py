"""A table of the user's own, from a CSV file."""

import contextlib
import csv
import io
from typing import NamedTuple

import numpy as np

from course.data import cells
from course.errors import InputError
from course.files import named, opened

MAX_TABLE = 50 * 2**20  # bytes
MAX_NUMBER = 1e100  # squares of larger ones overflow
MIN_COMMON = 0.75  # of the letters beyond ASCII, for a text to be Chinese
MIN_CORRELATION = 1e-12  # a smaller one is rounding
MIN_SPREAD = 1e-10  # of a column ÷ its largest number: with less, predictions are rounding


class Table(NamedTuple):
    """A table of numbers, split into what is known and what is to be predicted.

    Attributes:
        X: shape (n, p), float64, one column per name in `columns`.
        y: shape (n,), float64, the target.
        columns: p names.
        target: the target's name.
        left_out: names of the columns without numbers, which are not used.
        remarks: pairs of what was remarked on, and the remark.
    """

    X: np.ndarray
    y: np.ndarray
    columns: list
    target: str
    left_out: list
    remarks: tuple = ()

    def scaled(self, max_condition=None):
        """X and y, every column of mean 0 and standard deviation 1.

        Args:
            max_condition: the largest condition number of XᵀX that is accepted; None: any.

        Raises:
            InputError: the condition number is larger: two columns nearly repeat each other.
        """
        X, y = _standardised(self.X), _standardised(self.y)
        condition = np.linalg.cond(X) ** 2
        if max_condition is not None and condition > max_condition:
            raise InputError(
                f"the columns of the table nearly repeat each other (condition number"
                f" {condition:.1e}): descent would take too many steps; leave a column out,"
                " or say with --steps how many"
            )
        return X, y

    def require_correlation(self, folds=1):
        """Refuse a table whose columns say nothing about the target: at any α a lasso is zero.

        Args:
            folds: into how many the rows are cut; each must have two rows.

        Raises:
            InputError: no column is correlated with the target, or the rows are too few.
        """
        if len(self.y) < 2 * folds:
            raise InputError(f"{len(self.y)} rows; {folds} folds need {2 * folds} at least")
        X, y = self.scaled()
        if np.abs(X.T @ y).max() / len(y) < MIN_CORRELATION:
            raise InputError(f"no column is correlated with {self.target!r}: choose another target")

    def in_units(self, w, b=0.0):
        """Weights (..., p) and intercept (...) of a fit to `scaled`, in the table's own units."""
        w = w * self.y.std() / self.X.std(axis=0)
        return w, self.y.mean() + b * self.y.std() - w @ self.X.mean(axis=0)

    def described(self, w, b, which=""):
        """The results that every lesson prints of a table: what was used, and what came out.

        Args:
            w, b: in the table's own units; of several fits (fits, p) and (fits,).
            which: their names, put behind "weight of …" and "intercept".
        """
        errors = self.X @ np.transpose(w) + b - self.y.reshape(-1, *([1] * np.ndim(b)))
        explained = 1 - np.mean(errors**2, axis=0) / self.y.var()
        return {
            "rows": len(self.y),
            "columns used": ", ".join(self.columns),
            "columns left out (no numbers)": ", ".join(self.left_out) or "none",
            **dict(self.remarks),
            **{f"weight of {name}{which}": v for name, v in zip(self.columns, np.transpose(w))},
            f"intercept{which}": b,
            f"fraction of the variance explained{which}": explained,
        }


def load_table(path, target):
    """Read a table of numbers from a CSV file with a header line.

    A column in which no cell is a number (names, dates) is left out. The columns
    that remain must be complete, not constant, and none a combination of the others.
    "£155,000" is read where the whole column can mean nothing else, and remarked on.

    Args:
        path: a file in UTF-8, or in GB18030 if Chinese, cells separated by commas, at most 50 MiB.
        target: the name of the column to predict.

    Returns:
        `Table`.

    Raises:
        InputError: one line that names the file, the row or the column, and what to do.
    """
    path = named(path, "--data")
    text, remarks = _read(path)
    header, rows = _parse(path, text)
    if target is None:
        raise InputError(f"--target is missing; the columns of {path} are: {quoted(header)}")
    if target not in header:
        raise InputError(f"{path} has no column {target!r}; its columns are: {quoted(header)}")
    numbers, left_out = {}, []
    columns = {name: [(line, row[j]) for line, row in rows] for j, name in enumerate(header)}
    points = "." if any(map(_has_point, columns.values())) else ".,"
    for name, column in columns.items():
        column, remark = _numbers(path, name, column, points)
        remarks += remark
        if column is None:
            left_out.append(name)
        else:
            numbers[name] = column
    if target not in numbers:
        raise InputError(f"{path}: the target {target!r} has no numbers in it; choose another")
    y = numbers.pop(target)
    if not numbers:
        raise InputError(f"{path}: no column of numbers is left to predict {target!r} from")
    X = np.stack(list(numbers.values()), axis=1)
    _require_computable(path, X, list(numbers), y, target)
    remarks += _numberings(numbers)
    return Table(X, y, list(numbers), target, left_out, tuple(remarks))


def _read(path):
    """The text of the file, and the remarks on it."""
    with opened(path) as file:
        data = file.read(MAX_TABLE + 1)
    if len(data) > MAX_TABLE:
        raise InputError(
            f"{path} has more than {MAX_TABLE / 2**20:.0f} MiB: take a sample of its rows"
        )
    try:
        return data.decode("utf-8-sig"), []  # with or without the mark that Excel puts in front
    except UnicodeDecodeError as error:
        at = error.start
    with contextlib.suppress(UnicodeDecodeError):
        text = data.decode("gb18030")  # Excel's, in China; GBK is a part of it
        if _is_chinese(text):
            return text, [("encoding of the table", "GB18030 (not UTF-8)")]
    raise InputError(f"{path} is not UTF-8 text (byte {at}); save as CSV UTF-8")


def _is_chinese(text):
    """Whether its letters beyond ASCII are common Chinese ones; another encoding's seem rare ones.

    >>> _is_chinese("面积（平方米）"), _is_chinese("Größe".encode("latin-1").decode("gb18030"))
    (True, False)
    """
    letters = {letter for letter in text if not letter.isascii()}
    rows = [letter.encode("gb2312", "ignore")[:1] for letter in letters]  # of its table
    common = sum(b"\xa1" <= row <= b"\xa9" or b"\xb0" <= row <= b"\xd7" for row in rows)
    return common >= MIN_COMMON * len(letters)


def _parse(path, text):
    """The header, and the rows as pairs (line number, cells)."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = [(reader.line_num, [c.strip() for c in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not a CSV table ({error})") from None
    if not lines:
        raise InputError(f"{path} is empty; a header line and rows of numbers are expected")
    header = lines[0][1]
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise InputError(f"{path}: the cells seem not to be separated by commas; save it so")
    for j, name in enumerate(header):
        if not name or header.count(name) > 1:
            problem = f"is named {name!r}, as another is" if name else "has no name in the header"
            raise InputError(f"{path}: column {j + 1} {problem}; give it a name of its own")
    if len(lines) < 3:
        count = "only one row" if len(lines) == 2 else "no rows below its header"
        raise InputError(f"{path} has {count}; a line needs two points at least")
    for line, row in lines[1:]:
        if len(row) != len(header):
            raise InputError(
                f"{path}, line {line}: {len(row)} cells where the header has {len(header)}"
            )
    return header, lines[1:]


def _has_point(column):
    """Whether a column of plain numbers has one like 12.5: then the table has no decimal commas."""
    texts = [text for _, text in column]
    return any("." in text for text in texts) and None not in map(cells.number, texts)


def _numbers(path, name, column, points):
    """One column as floats, or None where it is words; and the remarks on it.

    Args:
        column: pairs (line number, text).
        points: the decimal points that the table may have.
    """
    texts = [text for _, text in column]
    values = [cells.number(text) for text in texts]
    if all(value is None for value in values) and not cells.meant_as_numbers(texts):
        return None, []
    remark = []
    if None in values and (read := cells.read(texts, points)) is not None:
        first = values.index(None)
        remark = [(f"column {name!r}", f"{texts[first]!r} is read as {read[first]:.15g}")]
        values = read
    bad = [cell for cell, v in zip(column, values) if v is None or not abs(v) < MAX_NUMBER]
    if bad:
        line, text = cells.worst(bad)
        raise InputError(
            f"{path}, line {line}, column {name!r}: {text!r} is not a usable number;"
            f" {cells.advice(text)}, or leave out the row or the column"
        )
    return np.array(values), remark


def _numberings(numbers):
    """Remarks on the columns, of several, that seem to number the rows."""
    return [
        (
            f"column {name!r}",
            "whole numbers that only rise: does it number the rows? Then leave it out",
        )
        for name, values in numbers.items()
        if len(numbers) > 1 and np.all(values == np.round(values)) and np.all(np.diff(values) > 0)
    ]


def _require_computable(path, X, columns, y, target):
    """Raise where a least-squares fit would not be unique, naming the column at fault."""
    n, p = X.shape
    for name, values in [*zip(columns, X.T), (target, y)]:
        spread, largest = np.ptp(values), np.abs(values).max()
        if spread <= max(1e-15 * largest, 1 / MAX_NUMBER):
            raise InputError(f"{path}: column {name!r} is constant; leave it out")
        if spread < MIN_SPREAD * largest:
            raise InputError(
                f"{path}: the numbers of column {name!r} differ by {spread:.2g} and are as large as"
                f" {largest:.2g}, so that rounding would hide the difference;"
                f" subtract {values.min():g} from them, or leave the column out"
            )
    if n < p + 2:
        raise InputError(
            f"{path}: {n} rows cannot fix {p} weights and an intercept; at least {p + 2} are needed"
        )
    Z = _standardised(X)
    if np.linalg.svd(Z, compute_uv=False)[-1] > 1e-6 * np.sqrt(n):
        return
    for j in range(1, p):
        # What is left of column j once the columns before it have explained what they can.
        weights = np.linalg.lstsq(Z[:, :j], Z[:, j], rcond=None)[0]
        rest = Z[:, j] - Z[:, :j] @ weights
        if np.sqrt(np.mean(rest**2)) < 1e-5:
            others = [columns[k] for k in range(j) if abs(weights[k]) > 1e-5]
            raise InputError(
                f"{path}: column {columns[j]!r} is a combination of {quoted(others)}; leave it out"
            )


def _standardised(values):
    """Every column with mean 0 and standard deviation 1."""
    centred = values - values.mean(axis=0)
    centred = centred - centred.mean(axis=0)  # the first mean was rounded to the size of values
    return centred / centred.std(axis=0)


def quoted(names):
    return ", ".join(repr(name) for name in names)
