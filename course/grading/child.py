"""The process in which a learner's code runs, started by course.grading.check.

It tells one JSON object a line:

    {"ready": true}                            Keras is imported, the references are at hand
    {"begin": "gradient"}                      the learner's function is about to be called
    {"returned": "gradient"}                   it has returned; the answer is looked at
    {"end": "gradient", "state": "pass", "message": ""}

`begin` of "" is the import of the learner's file, and its `end` comes only where that
fails. Where the process dies, its last line tells what it was doing.
"""

import contextlib
import functools
import json
import os
import re
import sys
import traceback
import types
from pathlib import Path

import psutil

import course
from course.grading import sources
from course.grading.exercise import FAIL, NOT_YET, say, start_from_seed
from course.grading.judge import judge
from course.machine.processes import end_with_parent

RESERVED = 4 * 2**30  # bytes of addresses; seen: XLA's threads ask for more than 1 GiB
MAX_WRITTEN = 2**28  # bytes of one file
NO_MEMORY = re.compile(r"out of memory|RESOURCE_EXHAUSTED|can't allocate|bad_alloc", re.IGNORECASE)


def main(argv):
    given = json.loads(argv[0])
    end_with_parent()
    tell = own_output()
    course.import_quietly(course.backend)
    tasks = {task.name: task for task in sources.tasks(given["lesson"])}
    limit(given["memory"])
    tell(ready=True)
    tell(begin="")
    file = Path(given["file"])
    text = file.read_text(encoding="utf-8-sig")
    learner = types.ModuleType(file.stem)
    learner.__file__ = str(file)
    sys.modules.setdefault(file.stem, learner)
    sys.path.append(str(file.parent))
    code = compile(text, str(file), "exec", dont_inherit=True)
    start_from_seed()
    quieten_keras()
    failure = guarded(lambda: exec(code, vars(learner)), given)
    if failure:
        tell(end="", state=FAIL, message=failure)
        return
    still = sources.untouched(text, given["lesson"], given["language"])
    for name in given["tasks"]:
        tell(begin=name)
        function = getattr(learner, name, None)
        returned = functools.partial(tell, returned=name)
        state, said = verdict(tasks[name], function, name in still, given, returned)
        tell(end=name, state=state, message=said)


def quieten_keras():
    """Print no progress bars: thousands of lines, among which the learner's own would be lost.

    Keras's own switch, `disable_interactive_logging`, does not reach the threads that draw them.
    """
    if "keras" in sys.modules:
        bars = sys.modules["keras"].callbacks.ProgbarLogger
        set_params = bars.set_params
        bars.set_params = lambda self, params: set_params(self, {**params, "verbose": 0})


def own_output():
    """A function that tells on standard output; what the learner prints goes to standard error."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)

    def tell(**what):
        told.write(json.dumps(what) + "\n")
        told.flush()

    return tell


def verdict(task, function, untouched, given, returned):
    """(state, message) of one exercise."""
    language = given["language"]
    if not callable(function):
        en = f"there is no function {task.name} in the file"
        return FAIL, say(language, en, f"文件里没有函数 {task.name}")
    if untouched:
        return NOT_YET, ""
    found = []
    failure = guarded(lambda: found.append(judge(task, function, language, returned)), given)
    return (FAIL, failure) if failure else found[0]


def guarded(call, given):
    """Call; return what went wrong, in a line, or None."""
    process = os.getpid()
    try:
        call()
        failure = None
    except BaseException as error:  # sys.exit, Ctrl-C and pytest.skip are no Exception
        failure = message(error, given)
    if os.getpid() != process:  # the learner's os.fork() came back twice
        os._exit(0)
    return failure


def message(error, given):
    """What an exception of the learner's means, in a line that names the learner's line."""
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
    trace = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in trace if frame.filename == given["file"]]
    if lines:
        return say(language, f"line {lines[-1]}: {what}", f"第 {lines[-1]} 行：{what}")
    return what


def limit(memory):
    """Limit the memory of this process, and of each of its children, to far more than `memory`.

    The limit is on addresses, of which a compiler reserves more than it uses. It stops one huge
    array at once; `course.grading.watch` looks at the memory in use, a little later. Windows has
    no such limit.
    """
    try:
        import resource
    except ImportError:
        return
    limits = {
        resource.RLIMIT_AS: psutil.Process().memory_info().vms + memory + RESERVED,
        resource.RLIMIT_FSIZE: MAX_WRITTEN,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main(sys.argv[1:])
    with contextlib.suppress(Exception):  # the learner may have closed or replaced it
        sys.stdout.flush()
    # A thread or an exit handler of the learner's must not keep the process.
    os._exit(0)
