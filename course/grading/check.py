"""Check learners' exercises, each file in a process of its own that cannot do much harm.

The file's folder is copied, and the copy is thrown away. The process gets a limit of time for
every exercise, of memory, of what it writes and prints; the processes that it leaves running are
ended. That guards against accidents. It does not guard against an attacker: the code runs as the
user who started the check, with that user's files and network within its reach, unless it runs in
a sandbox (`course.grading.sandbox`). SECURITY.md says more.
"""

import json
import os
import signal
import threading
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import course
from course.errors import InputError
from course.grading import copies, sandbox, sources
from course.grading.exercise import FAIL, NOT_YET, say
from course.grading.watch import Limits, Watch, plain
from course.machine import processes
from course.machine.processes import Child

LIMITS = Limits()
MAX_KEPT = 4096  # bytes of what the learner's code prints


@dataclass
class Result:
    """What became of one learner's file.

    Attributes:
        states: {exercise: (state, message)}, in order.
        notes: what else there is to say: a process left running, a file not copied.
        printed: what the learner's code printed, cut.
    """

    path: Path
    lesson: int
    language: str
    states: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    printed: str = ""

    def count(self, state):
        return sum(found == state for found, _ in self.states.values())

    def note(self, english, chinese):
        text = say(self.language, english, chinese)
        if text not in self.notes:
            self.notes.append(text)


def check_file(path, limits=LIMITS, stop=None, alone=False, start=None):
    """Run one learner's file; return a Result.

    Args:
        path: of the file.
        stop: a threading.Event; once it is set the check ends early.
        alone: whether the other files in its folder are not copied.
        start: what starts its process, where that is not `course.machine.processes.start`.

    Raises:
        InputError: it is no exercise, or cannot be checked.
    """
    lesson, language, text = identify(path)
    result = Result(path, lesson, language)
    result.states = dict.fromkeys(sources.names(lesson), (NOT_YET, ""))
    if not sources.TAG.search(text):
        result.note(
            f"the line '# lesson {lesson}, {language}: …' is missing; its name says the lesson",
            f"缺少“# lesson {lesson}, {language}: …”这一行；课号取自文件名",
        )
    problem = _syntax(text, language)
    if problem:
        result.states = dict.fromkeys(result.states, (FAIL, problem))
        return result
    stop = stop or threading.Event()
    names = list(result.states)
    while names and not stop.is_set():
        try:
            done = _run(result, names, limits, stop, alone, start)
        except OSError as error:
            raise InputError(f"cannot check {path}: {error.strerror or error}") from None
        if "" in done:  # the file itself cannot be imported
            done = dict.fromkeys(names, done[""])
        result.states.update(done)
        names = [name for name in names if name not in done] if done else []
    return result


def identify(path):
    """(lesson, language, text) of a learner's file.

    Raises:
        InputError: it cannot be read, or is no exercise.
    """
    try:
        if not path.is_file():
            raise InputError(f"{path} is not a file")
        if path.stat().st_size > copies.MAX_FILE:
            raise InputError(f"{path} is too large for an exercise")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeError:
        raise InputError(f"{path} is not a text in UTF-8") from None
    meant = sources.meant(path.stem, text)
    if not meant:
        lesson = sources.named(path.stem) or "N"
        raise InputError(
            f"{path} is no exercise: the line '# lesson {lesson}, en: …' is missing;"
            f" python -m course exercise {lesson} gives a new file"
        )
    sources.source(meant[0])
    return *meant, text


def _syntax(text, language):
    """Why the text is not Python, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "exercise", "exec", dont_inherit=True)
        except SyntaxError as error:
            what, at = error.msg, error.lineno or 1
            en, zh = f"SyntaxError, line {at}: {what}", f"SyntaxError，第 {at} 行：{what}"
            return say(language, en, zh)
        except (ValueError, RecursionError, MemoryError) as error:
            return f"SyntaxError: {error}"
    return None


def _run(result, names, limits, stop, alone, start):
    """Run exercises in one process; return {name: (state, message)} of those that ended.

    The name "" stands for the file itself, where that cannot be imported.
    """
    with copies.copied(result.path, alone) as (place, copy, skipped):
        if skipped:
            result.note(f"not copied: {', '.join(skipped)}", f"未复制：{'、'.join(skipped)}")
        job = {
            "file": str(copy / result.path.name), "lesson": result.lesson,
            "language": result.language, "tasks": names, "memory": limits.memory,
        }  # fmt: skip
        words = ["-P", "-m", "course.grading.child", json.dumps(job)]
        with Child(words, environment(place), copy, start or processes.start) as child:
            watch = Watch(child, limits, place)
            reason = watch.until_it_ends(stop)
            left = child.end()
            sandboxed = start is sandbox.start
            if not sandboxed:  # whose processes all end with it
                _note_left(result, left)
            watch.hear()
            result.printed += plain(child.said(MAX_KEPT))
            if watch.doing is not None and not stop.is_set():
                reason = reason or _how_it_ended(child.status, sandboxed)
                watch.states[watch.doing] = FAIL, say(result.language, *reason)
            if not watch.states and not stop.is_set():
                said = reason[0] if reason else child.last_words or "it printed nothing"
                raise InputError(f"the check of {result.path} did not start: {said}")
            return watch.states


def _note_left(result, processes):
    if processes:
        n, many = len(processes), "process" if len(processes) == 1 else "processes"
        result.note(f"left {n} {many} running; ended", f"留下了 {n} 个进程在运行；已经结束")


def _how_it_ended(status, sandboxed):
    """(English, Chinese)."""
    number = status - 128 if sandboxed and status > 128 else -status  # as a shell tells a signal
    try:
        how = signal.Signals(number).name
    except ValueError:
        how = f"os._exit({status})"
    return f"Python ended ({how})", f"Python 结束了（{how}）"


def environment(place=None):
    """What the process sees; its temporary files are deleted with its folder."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [str(Path(course.__file__).parent.parent), *filter(os.path.isabs, given)]
    seen = {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "KERAS_BACKEND": course.pick_backend(),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MPLBACKEND": "agg",
        # Several learners at a time: one thread each, and none holds the graphics card.
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
    }
    if place:
        own = place / "tmp"
        own.mkdir()
        seen.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(own)))
    return seen
