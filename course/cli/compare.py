"""The same lessons on every installed backend, one process each, and their numbers side by side."""

import itertools
import json

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import course
from course.cli.table import plain, short
from course.errors import InputError
from course.machine import processes


def compare(numbers, flags):
    """Run lessons on each backend and print the backends' numbers beside each other.

    Args:
        numbers: lesson numbers.
        flags: list of flags for the lessons.

    Returns:
        0 when every check holds and the backends agree, 1 when not.

    Raises:
        InputError: fewer than two backends are installed, or a lesson refused its input.
    """
    backends = _installed()
    as_json = "--json" in flags
    flags = [flag for flag in flags if flag != "--json"]
    console = Console(highlight=False, stderr=as_json)
    records = {number: {} for number in numbers}
    for backend in backends:
        console.print(f"{backend}: importing …", end="\r")
        for record in _run(backend, numbers, flags):
            records[record["lesson"]][backend] = record
            good = sum(check["passed"] for check in record["checks"])
            console.print(
                f"{backend}: lesson {record['lesson']}, {good} of {len(record['checks'])} checks"
                f" hold, {record['seconds']:.1f} s"
            )
    lessons = [
        {"lesson": number, "backends": by_backend, "agreement": agreement(by_backend)}
        for number, by_backend in records.items()
    ]
    rows = [row for lesson in lessons for row in lesson["agreement"]]
    ok = all(row["agrees"] and row["passed"] for row in rows)
    if as_json:
        print(json.dumps(plain({"passed": ok, "lessons": lessons}), allow_nan=False))
    else:
        _show(console, backends, lessons, ok)
    return 0 if ok else 1


def _installed():
    backends = [name for name in course.BACKENDS if course.is_installed(name)]
    if len(backends) < 2:
        raise InputError(
            f"--backend all compares backends, and {len(backends)} is installed:"
            f" {course.install(' '.join(sorted({*course.BACKENDS} - {*backends})))}"
        )
    return backends


def _run(backend, numbers, flags):
    """Run the lessons in one process of `backend`; yield each lesson's record as it comes.

    Raises:
        InputError: the process ended without a record of every lesson.
    """
    words = ["-m", "course", "run", *map(str, numbers), *flags, "--json"]
    missing = list(numbers)
    changes = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with processes.Child(words, changes) as child:
        for record in child.follow():
            missing.remove(record["lesson"])
            yield record
        if missing or child.status not in (0, 1):
            last = child.last_words or f"it ended with status {child.status}"
            lesson = missing[0] if missing else numbers[-1]
            raise InputError(f"on {backend}, lesson {lesson}: {last}")


def _by_id(by_backend):
    """{check's id: {backend: check}}; not every backend can do what is checked."""
    ids = {}
    for backend, record in by_backend.items():
        for check in record["checks"]:
            same = ids.setdefault(check["id"], {})
            if backend in same:
                raise ValueError(f"two checks have the id {check['id']!r}")
            same[backend] = check
    return ids


def agreement(by_backend):
    """Compare the backends' measured numbers, check by check.

    A pair of backends agrees when they differ by no more than the larger of the two
    stated agreements, relative to the numbers' size where that is above 1.

    Args:
        by_backend: {backend: the JSON record of one lesson}.

    Returns:
        A list of dicts: id, name, measured {backend: list}, difference, allowed (of the pair
        that comes closest to its bound, or over it), relative {pair: difference relative to
        the size}, agrees, passed.
    """
    return [_row(checks) for checks in _by_id(by_backend).values()]


@np.errstate(invalid="ignore")  # what is not finite does not agree, and that is said
def _row(checks):
    """How one check agrees, {backend: check}."""
    measured = {
        backend: np.asarray(check["measured"], dtype="float64").ravel()
        for backend, check in checks.items()
    }
    size = max(1.0, *(np.abs(values).max() for values in measured.values()))
    pairs, relative = [(0.0, 0.0, 0.0)], {}
    for one, two in itertools.combinations(checks, 2):
        if any(checks[each]["agreement"] is None or checks[each].get("not_for")
               for each in (one, two)):  # fmt: skip
            continue
        allowed = size * max(checks[one]["agreement"], checks[two]["agreement"])
        difference = float(np.abs(measured[one] - measured[two]).max())
        fraction = np.nan_to_num(difference / allowed, nan=np.inf)
        pairs.append((fraction, difference, allowed))
        relative[f"{one}, {two}"] = difference / size
    fraction, difference, allowed = max(pairs)
    first = next(iter(checks.values()))
    return {
        "id": first["id"],
        "name": first["name"],
        "measured": {backend: values.tolist() for backend, values in measured.items()},
        "difference": difference,
        "allowed": allowed,
        "relative": relative,
        "agrees": bool(fraction <= 1),
        "passed": all(check["passed"] for check in checks.values()),
    }


def _show(console, backends, lessons, ok):
    for lesson in lessons:
        console.print(_table(lesson["lesson"], lesson["backends"], lesson["agreement"]))
    _show_pairs(console, backends, lessons)
    verdict = "all checks hold and the backends agree" if ok else "[bold red]SOMETHING FAILS[/]"
    console.print(f"\n{', '.join(backends)}: {verdict}")


def _table(number, by_backend, rows):
    title = next(iter(by_backend.values()))["title"]
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.title = f"\nLesson {number}: {title}"
    table.add_column("check", overflow="fold")
    for name in (*by_backend, "difference", "allowed", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        verdict = "[green]ok[/]" if row["agrees"] and row["passed"] else "[bold red]FAILS[/]"
        numbers = [
            short(np.array(row["measured"][name][-1])) if name in row["measured"] else "—"
            for name in by_backend
        ]
        compared = ["—", "—"]
        if row["relative"]:
            compared = [f"{row[key]:.1e}" for key in ("difference", "allowed")]
        table.add_row(escape(row["name"]), *numbers, *compared, verdict)
    return table


def _show_pairs(console, backends, lessons):
    """The largest difference of each pair of backends, over all checks of all lessons."""
    console.print("\nLargest difference, relative to the numbers' size where that is above 1:")
    for pair in itertools.combinations(backends, 2):
        name = ", ".join(pair)
        largest, where = max(
            (
                (row["relative"][name], f"lesson {lesson['lesson']}, {row['name']}")
                for lesson in lessons
                for row in lesson["agreement"]
                if name in row["relative"]
            ),
            default=(0, "nothing to compare"),
        )
        console.print(f"  {name:<18}  {largest:.1e}  ({where})", soft_wrap=True)
    console.print(
        "course/checks/tolerance.py says why. Where a check allows more, its lesson's file in"
        " course/checks says why.",
        soft_wrap=True,
    )
