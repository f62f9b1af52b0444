"""What passed at the last check: a small file beside the learner's work."""

import json

from course.errors import InputError
from course.files import atomic_write
from course.grading.exercise import FAIL, NOT_YET, PASS
from course.grading.folders import there

NAME = "course_progress.json"
FORMAT = 1  # of that file
SYMBOLS = {PASS: "■", FAIL: "×", NOT_YET: "·"}


def read(path):
    """What the file holds, {"format": 1, "files": {name: {"lesson": …, "exercises": …}}}.

    Raises:
        InputError: it is damaged.
    """
    if not there(path):
        return {"format": FORMAT, "files": {}}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["format"] != FORMAT:
            raise ValueError
        for file in kept["files"].values():
            _ = file["lesson"] + 0, [SYMBOLS[state] for state in file["exercises"].values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{path} is damaged; delete it, and python -m course check makes a new one"
        ) from None
    return kept


def remember(result):
    """Keep the states of a `course.grading.check.Result`."""
    path = result.path.parent / NAME
    kept = read(path)
    states = {name: state for name, (state, _) in result.states.items()}
    kept["files"][result.path.name] = {"lesson": result.lesson, "exercises": states}
    with atomic_write(path) as part:
        part.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def show(folder):
    """Print a line for each file and the total; return 0."""
    path = folder / NAME
    if not there(path):
        raise InputError(f"there is no {path}; python -m course check {folder} makes it")
    done = total = 0
    files = sorted(read(path)["files"].items(), key=lambda item: (item[1]["lesson"], item[0]))
    for name, file in files:
        states = list(file["exercises"].values())
        good = states.count(PASS)
        bar = "".join(SYMBOLS[state] for state in states)
        print(f"lesson {file['lesson']:2}  {bar:7} {good} of {len(states)}  {name}")
        done, total = done + good, total + len(states)
    print(f"{done} of {total} exercises pass")
    return 0
