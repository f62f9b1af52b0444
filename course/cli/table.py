"""Numbers as text: results, the table of checks, JSON."""

import math
import textwrap
from collections import Counter

import numpy as np

WIDTH, MAX_NAME = 80, 46  # of a terminal, and of a check's name in it


def plain(value):
    """Arrays and NumPy scalars as lists and numbers; what is not finite as a string."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0):
        return [plain(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no NaN
    return value


def short(value):
    """A number in about ten characters; text as it is; of an array the first and the last."""
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    if array.ndim == 0:
        item = array.item()
        return f"{item:.6g}" if isinstance(item, float) else str(item)
    flat = array.ravel()
    if flat.size <= 3:
        return "  ".join(short(item) for item in flat)
    return f"{short(flat[0])} … {short(flat[-1])}"


def row(check):
    """A check's row: name, measured, reference, error, allowed.

    Of several numbers the row shows the one that is furthest above what is allowed.
    """
    at = check.worst
    bound = "" if check.relation == "=" else f"{check.relation} "
    return (
        check.name, short(check.measured[at]), bound + short(check.reference[at]),
        f"{check.error:.1e}", f"{check.tolerance:.1e}",
    )  # fmt: skip


def verdict(check):
    """How the check came out: "ok", "FAILS" or "not for Adam"."""
    return check.not_for or ("ok" if check.passed else "FAILS")


def tally(checks):
    """How many hold: "13 of 14 checks hold; 1 is not for Adam"."""
    apply = [check for check in checks if not check.not_for]
    reasons = Counter(check.not_for for check in checks if check.not_for)
    rest = "".join(f"; {n} {'is' if n == 1 else 'are'} {why}" for why, n in reasons.items())
    return f"{sum(check.passed for check in apply)} of {len(apply)} checks hold{rest}"


def result(name, value):
    """A line with the name on the left and the number on the right, or two lines."""
    array = np.asarray(value)
    value = (
        "overflowed" if array.dtype.kind == "f" and not np.isfinite(array).all() else short(value)
    )
    gap = WIDTH - len(name) - len(value)
    return f"{name}{' ' * gap}{value}" if gap >= 2 else f"{name}\n{value:>{WIDTH}}"


def check_lines(check, verbose=False):
    """A check in one line of 80 columns; one that fails, or each if verbose, also says why."""
    name, measured, reference, error, allowed = row(check)
    if check.not_for:
        return [f"{name:<{MAX_NAME}}{check.not_for:>{WIDTH - MAX_NAME}}"]
    lines = [f"{name:<{MAX_NAME}}{measured:>13}{reference:>14}{verdict(check):>7}"]
    if verbose or not check.passed:
        unit = " of the largest number" if check.relative else ""
        count = f"{check.measured.size:,} numbers: " if check.measured.size > 1 else ""
        why = f"{count}error {error}, allowed {allowed}{unit}" + f": {check.reason}".rstrip(": ")
        lines += textwrap.wrap(why, WIDTH, initial_indent="    ", subsequent_indent="    ")
    return lines


def show(outcome, saved=(), verbose=False):
    """The lines that a learner reads: what happened, the pictures, the checks.

    Args:
        outcome: a `course.cli.outcome.Outcome`.
        saved: the figures' files, in their order.
        verbose: whether every check says how close it is, and why so close.

    Returns:
        A list of `(line, style)`, rich's style or "".
    """
    lines = [(result(name, value), "") for name, value in outcome.results.items()]
    lines.append(("", ""))
    for path, draw in zip(saved, outcome.figures.values()):
        lines.append((f"picture: {path}", ""))
        caption = textwrap.wrap(outcome.caption(draw), WIDTH - 4)
        lines += [(f"    {line}", "dim") for line in caption]
    if saved:
        lines.append(("", ""))
    lines.append((f"{'check':<{MAX_NAME}}{'measured':>13}{'reference':>14}", "bold"))
    for check in outcome.checks:
        style = "" if check.passed else "bold red"
        lines += [(line, style) for line in check_lines(check, verbose)]
    lines += [("", ""), (tally(outcome.checks), "")]
    return lines
