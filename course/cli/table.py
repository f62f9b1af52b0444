"""Numbers as text: results, the table of checks, JSON."""

import math

import numpy as np


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

    Behind a check of several numbers stands how many, and the row shows the one that is
    furthest above what is allowed.
    """
    count = f" ({check.measured.size})" if check.measured.size > 1 else ""
    at = check.worst
    bound = "" if check.relation == "=" else f"{check.relation} "
    return (
        check.name + count, short(check.measured[at]), bound + short(check.reference[at]),
        f"{check.error:.1e}", f"{check.tolerance:.1e}",
    )  # fmt: skip


def show(outcome, console):
    """Print the results and the table of checks on a rich console."""
    from rich.markup import escape
    from rich.table import Table

    results = Table(box=None, show_header=False, pad_edge=False)
    results.add_column(overflow="fold", min_width=20)
    results.add_column(justify="right", overflow="fold")
    for name, value in outcome.results.items():
        results.add_row(escape(name), escape(short(value)))
    console.print(results)
    console.print()

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("check", overflow="fold")
    for title in ("measured", "reference", "error", "allowed", ""):
        table.add_column(title, justify="right", no_wrap=True)
    for check in outcome.checks:
        verdict = "[green]ok[/]" if check.passed else "[bold red]FAILS[/]"
        table.add_row(*map(escape, row(check)), verdict)
    console.print(table)
    good = sum(check.passed for check in outcome.checks)
    console.print(f"\n{good} of {len(outcome.checks)} checks hold")
