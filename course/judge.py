"""The process in which a learner's code runs: python -m course.judge, started by course.check.

It writes one JSON object a line into the file of results:

    {"ready": true}                            Keras is imported, the references are at hand
    {"begin": "gradient"}                      the learner's function is about to be called
    {"end": "gradient", "state": "pass", "message": ""}

`begin` of "" is the import of the learner's file, and its `end` comes only where that
fails. A process that dies has its last line to tell where.
"""

import contextlib
import json
import os
import sys
import traceback
import types
from pathlib import Path

from course import exercise
from course.exercise import FAIL, say

RESERVED = 4 * 2**30  # bytes of addresses; seen: XLA's threads ask for more than 1 GiB


def main(argv):
    given = json.loads(argv[0])
    lesson, language = given["lesson"], given["language"]
    file = Path(given["file"])
    with open(given["results"], "a", encoding="utf-8") as results:

        def tell(**what):
            results.write(json.dumps(what) + "\n")
            results.flush()

        tasks = {task.name: task for task in exercise.tasks(lesson)}
        limit(given["memory"])
        tell(ready=True)
        tell(begin="")
        sys.path.append(str(file.parent))
        text = file.read_text(encoding="utf-8-sig")
        still = exercise.untouched(text, lesson, language)
        learner = types.ModuleType(file.stem)
        learner.__file__ = str(file)
        sys.modules[file.stem] = learner
        failure = guarded(
            lambda: exec(compile(text, str(file), "exec"), vars(learner)), file, given
        )
        if failure:
            tell(end="", state=FAIL, message=failure)
            return
        for name in given["tasks"]:
            tell(begin=name)
            state, message = verdict(tasks[name], learner, still, file, given)
            tell(end=name, state=state, message=message)


def verdict(task, learner, still, file, given):
    """(state, message) of one exercise."""
    language, function = given["language"], getattr(learner, task.name, None)
    if not callable(function):
        en = f"there is no function {task.name} in the file"
        return FAIL, say(language, en, f"文件里没有函数 {task.name}")
    if task.name in still:
        return exercise.NOT_YET, ""
    found = []
    failure = guarded(lambda: found.append(exercise.judge(task, function, language)), file, given)
    return (FAIL, failure) if failure else found[0]


def guarded(call, file, given):
    """Call; return what went wrong in a line that names the learner's line, or None."""
    try:
        call()
    except MemoryError:
        gigabytes = given["memory"] / 2**30
        en = f"it asks for more memory than the {gigabytes:.3g} GiB allowed"
        what, error = say(given["language"], en, f"所需内存超过了允许的 {gigabytes:.3g} GiB"), None
    except SystemExit:
        en = "it ends Python with sys.exit() or exit(): return instead"
        what, error = (
            say(given["language"], en, "它用 sys.exit() 或 exit() 结束了 Python：请改用 return"),
            None,
        )
    except RecursionError as problem:
        en = "it calls itself without end"
        what, error = say(given["language"], en, "它没完没了地调用自己"), problem
    except (Exception, KeyboardInterrupt) as problem:
        said = (str(problem).strip().splitlines() or [""])[0][:300]
        what, error = f"{type(problem).__name__}: {said}", problem
    else:
        return None
    trace = traceback.extract_tb(error.__traceback__) if error else []
    lines = [frame for frame in trace if frame.filename == str(file)]
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return say(
            given["language"], f"line {error.lineno}: {what}", f"第 {error.lineno} 行：{what}"
        )
    if lines:
        at = lines[-1].lineno
        return say(given["language"], f"line {at}: {what}", f"第 {at} 行：{what}")
    return what


def limit(memory):
    """Refuse this process and each of its children what is far more than `memory` bytes.

    It is addresses that are limited, of which a compiler reserves more than it uses; what is
    in use is watched by course.check, which is too slow for one huge array. Windows has no
    such limit.
    """
    try:
        import resource
    except ImportError:
        return
    import psutil

    room = psutil.Process().memory_info().vms + memory + RESERVED
    for kind, most in (
        (resource.RLIMIT_AS, room),
        (resource.RLIMIT_FSIZE, 2**28),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    # A thread or an exit handler of the learner's must not keep the process.
    os._exit(0)
