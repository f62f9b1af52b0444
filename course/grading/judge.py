"""The process in which a learner's code runs, started by course.grading.check.

It writes one JSON object a line into the file of results:

    {"ready": true}                            Keras is imported, the references are at hand
    {"begin": "gradient"}                      the learner's function is about to be called
    {"returned": "gradient"}                   it has returned; the answer is looked at
    {"end": "gradient", "state": "pass", "message": ""}

`begin` of "" is the import of the learner's file, and its `end` comes only where that
fails. A process that dies has its last line to tell where.
"""

import contextlib
import json
import os
import re
import sys
import threading
import time
import traceback
import types
from pathlib import Path

import course
from course.grading import exercise
from course.grading.exercise import FAIL, say

RESERVED = 4 * 2**30  # bytes of addresses; seen: XLA's threads ask for more than 1 GiB
LARGEST_WRITTEN = 2**28  # bytes of one file
NO_MEMORY = re.compile(r"out of memory|RESOURCE_EXHAUSTED|can't allocate|bad_alloc", re.IGNORECASE)
PROCESS = os.getpid()


def main(argv):
    given = json.loads(argv[0])
    lesson, language = given["lesson"], given["language"]
    file = Path(given["file"])
    threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
    with open(given["results"], "a", encoding="utf-8", errors="backslashreplace") as results:

        def tell(**what):
            results.write(json.dumps(what) + "\n")
            results.flush()

        course.import_quietly(course.backend)
        tasks = {task.name: task for task in exercise.tasks(lesson)}
        limit(given["memory"])
        tell(ready=True)
        tell(begin="")
        sys.path.append(str(file.parent))
        text = file.read_text(encoding="utf-8-sig")
        still = exercise.untouched(text, lesson, language)
        learner = types.ModuleType(file.stem)
        learner.__file__ = str(file)
        sys.modules.setdefault(file.stem, learner)
        code = compile(text, str(file), "exec", dont_inherit=True)
        failure = guarded(lambda: exec(code, vars(learner)), file, given)
        if failure:
            tell(end="", state=FAIL, message=failure)
            return
        for name in given["tasks"]:
            tell(begin=name)
            returned = tell_once(tell, name)
            state, message = verdict(tasks[name], learner, still, file, given, returned)
            tell(end=name, state=state, message=message)


def tell_once(tell, name):
    return lambda: tell(returned=name)


def verdict(task, learner, still, file, given, returned):
    """(state, message) of one exercise."""
    language, function = given["language"], getattr(learner, task.name, None)
    if not callable(function):
        en = f"there is no function {task.name} in the file"
        return FAIL, say(language, en, f"文件里没有函数 {task.name}")
    if task.name in still:
        return exercise.NOT_YET, ""
    found = []
    failure = guarded(
        lambda: found.append(exercise.judge(task, function, language, returned)), file, given
    )
    return (FAIL, failure) if failure else found[0]


def guarded(call, file, given):
    """Call; return what went wrong in a line that names the learner's line, or None."""
    try:
        call()
        failure = None
    except BaseException as error:  # sys.exit, Ctrl-C and pytest.skip are no Exception
        failure = told(error, str(file), given)
    if os.getpid() != PROCESS:  # the learner's os.fork() came back twice
        os._exit(0)
    return failure


def told(error, file, given):
    """What an exception of the learner's means, in a line."""
    language, memory = given["language"], f"{given['memory'] / 2**30:.3g} GiB"
    first = (str(error).strip().splitlines() or [""])[0][:300]
    if isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
        en = f"it asks for more memory than the {memory} allowed"
        what = say(language, en, f"所需内存超过了允许的 {memory}")
    elif isinstance(error, SystemExit):
        en = "it ends Python with sys.exit() or exit(): return instead"
        what = say(language, en, "它用 sys.exit() 或 exit() 结束了 Python：请改用 return")
    elif isinstance(error, RecursionError):
        what = say(language, "it calls itself without end", "它没完没了地调用自己")
    else:
        what = f"{type(error).__name__}: {first}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    if lines:
        return say(language, f"line {lines[-1]}: {what}", f"第 {lines[-1]} 行：{what}")
    return what


def limit(memory):
    """Refuse this process and each of its children what is far more than `memory` bytes.

    It is addresses that are limited, of which a compiler reserves more than it uses; what is
    in use is watched by course.grading.check, which is too slow for one huge array. Windows has no
    such limit.
    """
    try:
        import resource
    except ImportError:
        return
    import psutil

    room = psutil.Process().memory_info().vms + memory + RESERVED
    limits = {
        resource.RLIMIT_AS: room,
        resource.RLIMIT_FSIZE: LARGEST_WRITTEN,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(kind, (most, most))


def end_with_parent(parent):
    """End when the process that started this one is gone, as after a closed terminal."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    # A thread or an exit handler of the learner's must not keep the process.
    os._exit(0)
