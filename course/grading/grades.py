"""A whole class: every learner's files are checked, and a CSV table has a line for each."""

import contextlib
import csv
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

from course.errors import InputError, Interrupted
from course.files import atomic_write, named, writable_folder
from course.grading import nursery
from course.grading.check import check_file, environment
from course.grading.exercise import FAIL, NOT_YET, PASS
from course.grading.folders import exercise_files, folders, there

STATES = (PASS, FAIL, NOT_YET)


def collect(folder, table, limits, jobs, start=None):
    """Check every learner's folder, several at a time; write a line for each into a CSV table.

    Args:
        folder: it holds a folder for each learner, or a file.
        table: path of the CSV file.
        limits: `course.grading.watch.Limits` of each exercise.
        jobs: how many learners at a time.
        start: what starts a learner's process; by default a nursery where it is worth while.

    Returns:
        0.

    Raises:
        InputError: the folder has no learners, or the table cannot be written.
        Interrupted: Ctrl-C; the learners checked so far are in a table of another name.
    """
    if there(table) and table.is_dir():
        raise InputError(f"{table} is a folder; --csv takes the name of a file")
    so_far = table.with_name(f"{table.stem}.partial{table.suffix}")
    writable_folder(table.parent, "--csv")
    named(so_far, "--csv")  # it may be too long, and the work in vain
    learners = _learners(folder)
    rows = []
    try:
        stop = threading.Event()
        with _starting(len(learners), start, stop) as start:
            _check_all(learners, limits, jobs, rows, start, stop)
    except KeyboardInterrupt:
        _write(so_far, rows)
        told = f"interrupted; {len(rows)} of {len(learners)} learners are in {so_far}"
        raise Interrupted(told) from None
    try:
        _write(table, rows)
    except InputError as error:  # open in a spreadsheet, perhaps
        _write(so_far, rows)
        raise InputError(f"{error}; the table is in {so_far}") from None
    print(f"{table}: {len(rows)} learners")
    return 0


def _learners(folder):
    """The folders and files in the folder that may be learners'."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; with --csv it holds a folder for each learner")
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        found = [path for path in inside if path.is_dir() or path.suffix == ".py"]
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from None
    if not found:
        raise InputError(
            f"there is nothing in {folder}; it holds a folder or a file for each learner"
        )
    return found


@contextlib.contextmanager
def _starting(learners, start, stop):
    """What starts the learners' processes: as given, else a nursery where it is worth while."""
    if start or not nursery.fits(learners):
        yield start
        return
    with nursery.Nursery(environment(), stop) as forks:
        yield forks.start


def _check_all(learners, limits, jobs, rows, start, stop):
    """Append each learner's row as it comes."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(_row, learner, limits, stop, start) for learner in learners]
        try:
            for done in as_completed(waiting):
                row = done.result()
                rows.append(row)
                states = list(row["states"].values())
                counts = "  ".join(f"{states.count(state)} {state}" for state in STATES)
                line = f"{len(rows):4}/{len(learners)}  {row['learner']}: {counts}  {row['note']}"
                with contextlib.suppress(OSError):  # a closed pipe must not cost the table
                    print(line, flush=True)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _row(learner, limits, stop, start):
    """One learner's line of the table, whatever lies in the folder."""
    states, notes = {}, []
    try:
        files = [learner]
        if learner.is_dir():
            files = [f for at in (learner, *folders(learner)) for f in exercise_files(at)]
            notes = [] if files else ["no exercises"]
    except (InputError, OSError) as error:
        files, notes = [], [str(error)]
    for file in files:
        try:
            result = check_file(file, limits, stop, file == learner, start)
        except Exception as error:  # one learner's file must not cost the others' lines
            told = "" if isinstance(error, InputError) else f"the check failed: {error!r}: "
            notes.append(f"{told}{error}")
            continue
        for name, (state, _) in result.states.items():
            key = (result.lesson, name)
            if states.get(key) != PASS:  # of two files for one lesson the better counts
                states[key] = state
        notes += _notes(result)
    note = _printable("; ".join(dict.fromkeys(notes)))
    return {"learner": _printable(learner.name), "states": states, "note": note}


def _notes(result):
    """Why exercises failed, and what else there is to say of a file, in a few words each."""
    failed = {n: _reason(text) for n, (state, text) in result.states.items() if state == FAIL}
    if len(failed) > 1 and len(set(failed.values())) == 1:  # the file itself
        failed = {result.path.name: next(iter(failed.values()))}
    return [f"{name}: {reason}" for name, reason in failed.items()] + result.notes


def _reason(message):
    """The line of a failure that tells most: the mistake, else what was expected and came."""
    lines = message.splitlines() or [""]
    if lines[-1].startswith(("called with", "调用参数")):
        return "; ".join(" ".join(line.split()) for line in lines[:2])
    return lines[-1]


def _printable(text):
    """Without what cannot be written in UTF-8, as a name from another system has."""
    return text.encode("utf-8", "backslashreplace").decode()


def _write(table, rows):
    """The table: a learner's name, counts, each exercise's state, and what there is to say."""
    rows = sorted(rows, key=lambda row: row["learner"])
    names = sorted({name for row in rows for name in row["states"]})
    columns = [f"{lesson}.{name}" for lesson, name in names]
    # Spreadsheets need utf-8-sig's mark to read Chinese.
    with (
        atomic_write(table) as part,
        part.open("w", newline="", encoding="utf-8-sig") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["learner", *STATES, *columns, "note"])
        for row in rows:
            states = [row["states"].get(name, "") for name in names]
            counts = [states.count(state) for state in STATES]
            writer.writerow(map(_cell, [row["learner"], *counts, *states, row["note"]]))


def _cell(value):
    """A cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(tuple("=+-@\t\r")) else value
