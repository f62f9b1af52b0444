"""The commands around exercises: exercise, hint, check, progress."""

import json
import os
import re
import signal
from pathlib import Path

import course
from course.errors import InputError, need_backend, whole_number
from course.files import atomic_write, path_flag
from course.grading import progress as kept, sources
from course.grading.exercise import FAIL, LANGUAGES, NOT_YET, PASS, say
from course.grading.folders import exercise_files, folders, there

WORK = "exercises"  # the learner's folder, where no other is named
MARKS = {PASS: ("pass", "通过"), FAIL: ("fail", "未通过"), NOT_YET: ("not yet", "未做")}
COLOURS = {PASS: "green", FAIL: "red", NOT_YET: "dim"}
MAX_SHOWN = 20  # lines of what a learner's file prints


def add_exercise_flags(flags):
    flags.add_argument("lesson", nargs="+", help="one lesson's number, several, or all")
    flags.add_argument("--folder", type=_path, default=Path(WORK), help=f"default: {WORK}")
    flags.add_argument("--language", choices=LANGUAGES, default=language(), help="of the texts")
    flags.add_argument("--force", action="store_true", help="overwrite a file that is there")


def add_check_flags(flags):
    add = flags.add_argument
    # fmt: off
    add("path", nargs="?", type=_path, default=Path(WORK),
        help=f"a file, or a folder of one learner's (default: {WORK})")
    add("--seconds", type=whole_number(1, 3600), default=60,
        help="that an exercise may take (default: 60)")
    add("--memory", type=whole_number(1, 1024), default=2, metavar="GIB",
        help="that an exercise may take beside Keras (default: 2)")
    add("--json", action="store_true", help="print one JSON object")
    add("--csv", type=_path, metavar="GRADES.csv",
        help="the folder holds a folder or a file for each learner; write a table")
    add("--sandbox", action="store_true",
        help="run learners' code inside bwrap: no network, your home folder hidden (Linux)")
    add("--jobs", type=whole_number(1, 256),
        help="with --csv: how many learners at a time (default: the cores)")
    # fmt: on


def add_hint_flags(flags):
    flags.add_argument("lesson", help="a lesson's number")
    flags.add_argument("name", nargs="?", help="of the exercise; default: all of the lesson")
    flags.add_argument("--language", choices=LANGUAGES, default=language(), help="of the text")


def add_progress_flags(flags):
    flags.add_argument("folder", nargs="?", type=_path, default=Path(WORK), help=f"default: {WORK}")


def _path(text):
    """An argparse type: a `pathlib.Path` that a file or a folder can have."""
    return Path(path_flag(text))


def exercise(given):
    """Put the learner's file of each lesson into a folder; return 0."""
    lessons = map(_number, given.lesson) if given.lesson != ["all"] else sources.lessons()
    texts = {n: sources.learners_file(n, given.language) for n in lessons}
    paths = {n: given.folder / sources.file_name(n) for n in texts}
    for path in paths.values():
        if there(path) and not given.force:
            raise InputError(
                f"{path} is there already; --force overwrites it, and its work is lost"
            )
    try:
        given.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {given.folder}: {error.strerror}") from None
    for n, path in paths.items():
        with atomic_write(path) as part:
            part.write_text(texts[n], encoding="utf-8")
        names = sources.names(n)
        print(f"{path}: {len(names)} exercises: {', '.join(names)}")
    print(f"Check your work:  python -m course check {next(iter(paths.values()))}")
    return 0


def hint(given):
    """Print the hint of an exercise, or of all of a lesson; return 0."""
    number = _number(given.lesson)
    sources.source(number)  # or an error: it has no exercises
    tasks = {task.name: task for task in sources.tasks(number)}
    if given.name is not None and given.name not in tasks:
        raise InputError(
            f"lesson {number} has no exercise {given.name!r}; it has {', '.join(tasks)}"
        )
    for name in [given.name] if given.name else tasks:
        print(f"{name}: {say(given.language, *tasks[name].hint)}")
    return 0


def check(given):
    """Check exercises; return 0 where all pass, else 1.

    Ctrl-C, a closed terminal and `kill` end the learners' processes as well.
    """
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.getsignal(signal.SIGINT))
    if given.csv and given.json:
        raise InputError("--csv and --json are two ways to report; give one")
    if given.jobs and not given.csv:
        raise InputError("--jobs needs --csv GRADES.csv")
    need_backend()
    if not there(given.path):
        raise InputError(f"there is no {given.path}; python -m course exercise 3 gives it")
    from course.grading import copies, sandbox
    from course.grading.watch import Limits

    copies.remove_left()
    limits = Limits(given.seconds, given.memory * 2**30)
    start = sandbox.needed() if given.sandbox else None
    if given.csv:
        from course.grading.grades import collect

        return collect(given.path, given.csv, limits, given.jobs or _cores(), start)
    return _check_files(_files(given.path), limits, given.json, start)


def progress(given):
    """Print what passed at the last check; return 0."""
    return kept.show(given.folder)


def _files(path):
    """The exercises of one learner."""
    files = exercise_files(path) if path.is_dir() else [path]
    if not files:
        told = f"there are no exercises in {path}; python -m course exercise 3 gives some"
        if any(exercise_files(inside) for inside in folders(path)):
            told = f"the exercises are in folders inside {path}: name one of them, or add --csv"
        raise InputError(told)
    return files


def _check_files(files, limits, as_json, start=None):
    from course.grading.check import check_file

    for folder in {file.parent for file in files}:
        kept.read(folder / kept.NAME)  # where it is damaged, say so before the work
    results, problems = [], []
    for file in files:
        try:
            result = check_file(file, limits, start=start)
            results.append(result)
            if not as_json:
                show(result)
            kept.remember(result)
        except InputError as error:
            problems.append(str(error))
    if as_json:
        print(json.dumps([_record(result) for result in results], ensure_ascii=False))
    if problems:
        raise InputError("; ".join(problems))
    return 0 if all(r.count(PASS) == len(r.states) for r in results) else 1


def _record(result):
    exercises = [
        {"name": name, "state": state, "message": message}
        for name, (state, message) in result.states.items()
    ]
    return {
        "file": str(result.path), "lesson": result.lesson, "exercises": exercises,
        "notes": result.notes, "printed": result.printed,
    }  # fmt: skip


def show(result):
    """Print what became of a file, exercise by exercise."""
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
        for line in [*lines[:MAX_SHOWN], *["…"] * (len(lines) > MAX_SHOWN)]:
            console.print(f"     | {escape(line)}")
    good, total = result.count(PASS), len(result.states)
    console.print(say(result.language, f"{good} of {total} pass", f"{total} 题中通过 {good} 题"))


def _cores():
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _number(word):
    if not re.fullmatch(r"\d{1,3}", word):
        raise InputError(f"expected a lesson's number, got {word!r}")
    return int(word)


def language():
    """Chinese where the environment speaks it."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    spoken = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return "zh" if spoken.startswith("zh") else "en"
