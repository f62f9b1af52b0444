"""The commands around exercises: exercise, check, progress."""

import contextlib
import csv
import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import course
from course import figures
from course.cli.command import whole_number
from course.errors import InputError, Interrupted, Parser, atomic_write
from course.grading import exercise
from course.grading.exercise import FAIL, LANGUAGES, NOT_YET, PASS, say

WORK = "exercises"  # the learner's folder, where no other is named
PROGRESS = "course_progress.json"
FORMAT = 1  # of that file
MARKS = {PASS: ("pass", "通过"), FAIL: ("fail", "未通过"), NOT_YET: ("not yet", "未做")}
COLOURS = {PASS: "green", FAIL: "red", NOT_YET: "dim"}
MOST_SHOWN = 20  # lines of what a learner's file prints


def give(argv):
    """python -m course exercise 3: put the learner's file into a folder."""
    flags = Parser(prog="python -m course exercise", description=give.__doc__)
    flags.add_argument("lesson", nargs="+", help="one lesson's number, several, or all")
    flags.add_argument("--folder", type=Path, default=Path(WORK), help=f"default: {WORK}")
    flags.add_argument("--language", choices=LANGUAGES, default=_language(), help="of the texts")
    flags.add_argument("--force", action="store_true", help="over a file that is there")
    given = flags.parse_args(argv)
    known = exercise.lessons()
    lessons = known if given.lesson == ["all"] else [_number(word) for word in given.lesson]
    texts = {n: exercise.learners_file(n, given.language) for n in lessons}
    paths = {n: given.folder / exercise.file_name(n) for n in lessons}
    for path in paths.values():
        if path.exists() and not given.force:
            raise InputError(
                f"{path} is there already; --force writes over it, and its work is lost"
            )
    try:
        given.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {given.folder}: {error.strerror}") from None
    for n, path in paths.items():
        with atomic_write(path) as part:
            part.write_text(texts[n], encoding="utf-8")
        names = exercise.names(n)
        print(f"{path}: {len(names)} exercises: {', '.join(names)}")
    print(f"Check your work:  python -m course check {paths[lessons[0]]}")
    return 0


def check(argv):
    """python -m course check FILE or FOLDER: hold exercises against their references."""
    flags = Parser(prog="python -m course check", description=check.__doc__)
    add = flags.add_argument
    # fmt: off
    add("path", nargs="?", type=Path, default=Path(WORK),
        help=f"a file, or a folder of one learner's (default: {WORK})")
    add("--seconds", type=whole_number(1, 3600), default=60,
        help="that an exercise may take (default: 60)")
    add("--memory", type=whole_number(1, 1024), default=2, metavar="GIB",
        help="that an exercise may take beside Keras (default: 2)")
    add("--json", action="store_true", help="print one JSON object")
    add("--csv", type=Path, metavar="GRADES.csv",
        help="the folder holds a folder or a file for each learner; write a table")
    add("--jobs", type=whole_number(1, 256),
        help="with --csv: how many learners at a time (default: the cores)")
    # fmt: on
    given = flags.parse_args(argv)
    if given.csv and given.json:
        raise InputError("--csv and --json are two ways to report; give one")
    if given.jobs and not given.csv:
        raise InputError("--jobs needs --csv GRADES.csv")
    try:
        course.pick_backend()
    except course.BackendError as error:
        raise InputError(error) from None
    from course.grading.check import Limits

    limits = Limits(given.seconds, given.memory * 2**30)
    try:
        there = given.path.exists()
    except OSError as error:  # a name too long for the file system
        raise InputError(f"cannot look at {given.path}: {error.strerror}") from None
    if not there:
        raise InputError(f"there is no {given.path}; python -m course exercise 3 gives it")
    if given.csv:
        return collect(given.path, given.csv, limits, given.jobs or _cores())
    return _check_one(given.path, limits, given.json)


def _cores():
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _check_one(path, limits, as_json):
    from course.grading.check import check_file

    files = exercise_files(path) if path.is_dir() else [path]
    if not files:
        told = f"there are no exercises in {path}; python -m course exercise 3 gives some"
        if path.is_dir() and any(exercise_files(inside) for inside in _folders(path)):
            told = f"the exercises are in folders inside {path}: name one of them, or add --csv"
        raise InputError(told)
    for folder in {file.parent for file in files}:
        _progress(folder / PROGRESS)  # a damaged one is told before the work
    results, problems = [], []
    for file in files:
        try:
            result = check_file(file, limits)
        except InputError as error:
            problems.append(str(error))
            continue
        results.append(result)
        if not as_json:
            _show(result)
        try:
            _remember(result)
        except InputError as error:
            problems.append(str(error))
    if as_json:
        print(json.dumps([_record(result) for result in results], ensure_ascii=False))
    if problems:
        raise InputError("; ".join(problems))
    return 0 if all(r.count(PASS) == len(r.states) for r in results) else 1


def exercise_files(folder):
    """The files in a folder that carry the exercises' line, by name."""
    try:
        inside = sorted(path for path in folder.iterdir() if path.suffix == ".py")
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from None
    return [path for path in inside if _is_exercise(path)]


def _folders(folder):
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _is_exercise(path):
    try:
        if not path.is_file():
            return False
        with path.open(encoding="utf-8", errors="replace") as file:
            return exercise.TAG.search(file.read(100_000)) is not None
    except OSError:
        return False


def _record(result):
    exercises = [
        {"name": name, "state": state, "message": message}
        for name, (state, message) in result.states.items()
    ]
    return {
        "file": str(result.path), "lesson": result.lesson, "exercises": exercises,
        "notes": result.notes, "printed": result.printed,
    }  # fmt: skip


def _show(result):
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True, emoji=False)
    console.print(f"{escape(str(result.path))} · {course.pick_backend()}")
    width = max(map(len, result.states))
    for number, (name, (state, message)) in enumerate(result.states.items(), 1):
        first, *rest = message.splitlines() or [""]
        mark = say(result.language, *MARKS[state])
        console.print(f"{number:3}  {name:{width}}  [{COLOURS[state]}]{mark}[/]  {escape(first)}")
        for line in rest:
            console.print(f"{'':{width + 7}}{escape(line)}")
    for note in result.notes:
        console.print(f"     {escape(note)}")
    lines = result.printed.strip().splitlines()
    if lines:
        console.print(say(result.language, "     printed:", "     打印的内容："))
        for line in lines[:MOST_SHOWN]:
            console.print(f"     | {escape(line)}")
        if len(lines) > MOST_SHOWN:
            console.print("     | …")
    good, total = result.count(PASS), len(result.states)
    console.print(say(result.language, f"{good} of {total} pass", f"{total} 题中通过 {good} 题"))


def _remember(result):
    """Keep what came out in the small file beside the learner's work."""
    path = result.path.parent / PROGRESS
    kept = _progress(path)
    states = {name: state for name, (state, _) in result.states.items()}
    kept["files"][result.path.name] = {"lesson": result.lesson, "exercises": states}
    with atomic_write(path) as part:
        part.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _progress(path):
    if not path.exists():
        return {"format": FORMAT, "files": {}}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["format"] != FORMAT:
            raise ValueError
        for file in kept["files"].values():
            _ = file["lesson"] + 0, [MARKS[state] for state in file["exercises"].values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{path} is damaged; delete it, and python -m course check makes it anew"
        ) from None
    return kept


def progress(argv):
    """python -m course progress: what passed at the last check."""
    flags = Parser(prog="python -m course progress", description=progress.__doc__)
    flags.add_argument("folder", nargs="?", type=Path, default=Path(WORK), help=f"default: {WORK}")
    folder = flags.parse_args(argv).folder
    path = folder / PROGRESS
    if not path.exists():
        raise InputError(f"there is no {path}; python -m course check {folder} makes it")
    done = total = 0
    files = sorted(_progress(path)["files"].items(), key=lambda item: (item[1]["lesson"], item[0]))
    for name, file in files:
        states = list(file["exercises"].values())
        good = states.count(PASS)
        bar = "".join({PASS: "■", FAIL: "×", NOT_YET: "·"}[state] for state in states)
        print(f"lesson {file['lesson']:2}  {bar:7} {good} of {len(states)}  {name}")
        done, total = done + good, total + len(states)
    print(f"{done} of {total} exercises pass")
    return 0


def collect(folder, table, limits, jobs):
    """Check every learner's folder, several at a time; write a line for each into a CSV table.

    Args:
        folder: it holds a folder for each learner, or a file.
        table: path of the CSV file.
        limits: course.grading.check.Limits of each exercise.
        jobs: how many learners at a time.

    Returns:
        0.

    Raises:
        InputError: the folder has no learners, or the table cannot be written.
        Interrupted: Ctrl-C; the learners checked so far are in a table of another name.
    """
    if table.is_dir():
        raise InputError(f"{table} is a folder; --csv takes the name of a file")
    figures.writable_folder(table.parent, "--csv")
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; with --csv it holds a folder for each learner")
    try:
        learners = sorted(path for path in folder.iterdir() if _may_be_learner(path))
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from None
    if not learners:
        raise InputError(
            f"there is nothing in {folder}; it holds a folder or a file for each learner"
        )
    so_far = table.with_name(f"{table.stem}.partial{table.suffix}")
    rows = []
    try:
        _rows(learners, limits, jobs, rows)
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


def _may_be_learner(path):
    return not path.name.startswith(".") and (path.is_dir() or path.suffix == ".py")


def _rows(learners, limits, jobs, rows):
    """Append each learner's row as it comes."""
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(_row, learner, limits, stop) for learner in learners]
        try:
            for done in as_completed(waiting):
                row = done.result()
                rows.append(row)
                states = list(row["states"].values())
                counts = "  ".join(f"{states.count(state)} {state}" for state in MARKS)
                line = f"{len(rows):4}/{len(learners)}  {row['learner']}: {counts}  {row['note']}"
                with contextlib.suppress(OSError):  # a closed pipe must not cost the table
                    print(line, flush=True)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _row(learner, limits, stop):
    """One learner's line of the table, whatever lies in the folder."""
    from course.grading.check import check_file

    states, notes = {}, []
    files, alone = [learner], True
    if learner.is_dir():
        try:
            alone = False
            files = [f for at in (learner, *_folders(learner)) for f in exercise_files(at)]
        except (InputError, OSError) as error:
            files, notes = [], [str(error)]
        if not files and not notes:
            notes.append("no exercises")
    for file in files:
        try:
            result = check_file(file, limits, stop, alone)
        except Exception as error:  # one learner's file must not cost the others' lines
            told = "" if isinstance(error, InputError) else f"the check failed: {error!r}: "
            notes.append(f"{told}{error}")
            continue
        for name, (state, _) in result.states.items():
            key = (result.lesson, name)
            if states.get(key) != PASS:  # of two files for one lesson the better counts
                states[key] = state
        failed = {n: _reason(m) for n, (s, m) in result.states.items() if s == FAIL}
        if len(failed) > 1 and len(set(failed.values())) == 1:  # the file itself
            failed = {result.path.name: next(iter(failed.values()))}
        notes += [f"{name}: {message}" for name, message in failed.items()] + result.notes
    note = _printable("; ".join(dict.fromkeys(notes)))
    return {"learner": _printable(learner.name), "states": states, "note": note}


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
        writer.writerow(["learner", PASS, FAIL, NOT_YET, *columns, "note"])
        for row in rows:
            states = [row["states"].get(name, "") for name in names]
            counts = [states.count(state) for state in MARKS]
            writer.writerow(map(_cell, [row["learner"], *counts, *states, row["note"]]))


def _cell(value):
    """A cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text[:1] in "=+-@\t\r" else value


def _number(word):
    if not word.isdecimal():
        raise InputError(f"expected a lesson's number, got {word!r}")
    return int(word)


def _language():
    """Chinese where the environment speaks it."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    spoken = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return "zh" if spoken.startswith("zh") else "en"


def main(command, argv):
    """Run `exercise`, `check` or `progress`; Ctrl-C ends the learners' processes too."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    return {"exercise": give, "check": check, "progress": progress}[command](argv)
