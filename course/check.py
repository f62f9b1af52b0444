"""Check learners' exercises, each file in a process of its own that cannot do much harm.

The file's folder is copied, and the copy is thrown away. The process gets a limit of time
for every exercise, of memory, of the size of what it prints; what it leaves running is
ended. That guards against accidents. It does not guard against an attacker: the code runs
as the user who started the check, with that user's files and network within its reach.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import course
from course import exercise
from course.errors import InputError
from course.exercise import FAIL, NOT_YET, say

START = 300  # seconds that importing Keras may take, on a busy machine
SECONDS, MEMORY = 60, 2 * 2**30  # the usual limits of an exercise
MOST_PRINTED = 2**20  # bytes
LARGEST_FILE, LARGEST_FOLDER, MOST_FILES = 5 * 2**20, 50 * 2**20, 500
LEFT_OUT = {"__pycache__", "node_modules", "venv", "site-packages"}
MARK = "COURSE_CHECK"  # an environment variable by which a check's processes are found


@dataclass
class Result:
    """What became of one learner's file.

    Attributes:
        states: {exercise: (state, message)}, in order.
        notes: what else there is to say: a process left behind, a file not copied.
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


@dataclass(frozen=True)
class Limits:
    seconds: float = SECONDS
    memory: int = MEMORY


def identify(path):
    """(lesson, language, text) of a learner's file.

    Raises:
        InputError: it cannot be read, or is no exercise.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is too large for an exercise")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        raise InputError(f"{path} is not a text in UTF-8") from None
    tag = exercise.TAG.search(text)
    if not tag:
        raise InputError(
            f"{path} is no exercise: the line '# lesson 3, en: …' is missing;"
            " python -m course exercise 3 gives a new file"
        )
    lesson = int(tag[1])
    exercise.source(lesson)
    return lesson, tag[2], text


def check_file(path, limits=Limits(), stop=None):
    """Run one learner's file; return a Result.

    Args:
        path: of the file.
        stop: a threading.Event; once it is set the check ends early.

    Raises:
        InputError: it is no exercise.
    """
    lesson, language, text = identify(path)
    result = Result(path, lesson, language)
    result.states = dict.fromkeys(exercise.names(lesson), (NOT_YET, ""))
    try:
        compile(text, path.name, "exec")
    except (SyntaxError, ValueError) as error:
        at = getattr(error, "lineno", None) or 1
        message = say(language, f"line {at}: {error.args[0]}", f"第 {at} 行：{error.args[0]}")
        result.states = dict.fromkeys(result.states, (FAIL, f"SyntaxError, {message}"))
        return result
    left = list(result.states)
    while left and not (stop and stop.is_set()):
        try:
            done = _run(result, left, limits, stop)
        except OSError as error:
            raise InputError(f"cannot check {path}: {error.strerror or error}") from None
        result.states.update(done)
        if "" in done:
            failure = result.states.pop("")
            result.states.update(dict.fromkeys(left, failure))
            break
        if not done:
            break
        left = [name for name in left if name not in done]
    return result


def _run(result, names, limits, stop):
    """One process over the exercises named; {name: (state, message)} of those it ended.

    "" stands for the file itself, where that cannot be imported.
    """
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory(prefix="course_", ignore_cleanup_errors=True) as place:
        place = Path(place).resolve()
        copied = place / "copy"
        skipped = copy_folder(result.path.parent, copied, result.path.name)
        if skipped and not result.notes:
            result.notes.append(
                say(
                    result.language,
                    f"not copied: {', '.join(skipped)}",
                    f"未复制：{'、'.join(skipped)}",
                )
            )
        results = place / "results"
        results.touch()
        asked = {
            "file": str(copied / result.path.name), "results": str(results),
            "lesson": result.lesson, "language": result.language,
            "tasks": names, "memory": limits.memory,
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "course.judge", json.dumps(asked)],
            cwd=copied, env=_environment(mark, place),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        printed = _Printed(process.stdout)
        try:
            reason = _watch(process, results, printed, result.language, limits, stop)
        finally:
            left = _end_all(mark, process)
            printed.close()
        states, doing = _read(results)
    result.printed += printed.text()
    if left:
        n = len(left)
        en = f"left {n} {'process' if n == 1 else 'processes'} running; ended"
        result.notes.append(say(result.language, en, f"留下了 {n} 个进程在运行；已经结束"))
    if doing is None:  # the process ended in its own time, or before it began
        if not states:
            last = (printed.text().strip().splitlines() or ["no word"])[-1]
            raise InputError(f"the check itself did not start: {last}")
        return states
    if stop and stop.is_set():
        return states
    if reason is None:
        code = process.returncode
        how = signal.Signals(-code).name if code < 0 else f"os._exit({code})"
        reason = say(result.language, f"Python ended ({how})", f"Python 结束了（{how}）")
    return {**states, doing: (FAIL, reason)}


class _Printed(threading.Thread):
    """Reads what a process prints, so that it is never held up; keeps the beginning."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.kept, self.bytes = stream, bytearray(), 0
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            while block := os.read(self.stream.fileno(), 65536):
                self.bytes += len(block)
                self.kept += block[: max(0, 4096 - len(self.kept))]

    def close(self):
        self.join(timeout=5)
        if not self.is_alive():
            self.stream.close()

    def text(self):
        return self.kept.decode("utf-8", "replace")


def _watch(process, results, printed, language, limits, stop):
    """Wait until the process ends or breaks a limit; the reason to end it, or None."""
    size, began, started, base = 0, time.monotonic(), False, None
    while process.poll() is None:
        time.sleep(0.05)
        now = results.stat().st_size
        if now != size:
            size, began = now, time.monotonic()
            if not started:
                started, base = True, _memory(process)
        allowed = limits.seconds if started else START
        if time.monotonic() - began > allowed:
            en = f"not done after {allowed:g} s: a loop without end?"
            return say(language, en, f"{allowed:g} 秒之后还没有结束：是不是死循环？")
        if printed.bytes > MOST_PRINTED:
            en = f"it prints more than {MOST_PRINTED >> 20} MiB"
            return say(language, en, f"打印的内容超过 {MOST_PRINTED >> 20} MiB")
        if started and _memory(process) - base > limits.memory:
            en = f"it takes more memory than the {limits.memory / 2**30:.3g} GiB allowed"
            return say(language, en, f"占用的内存超过了允许的 {limits.memory / 2**30:.3g} GiB")
        if stop and stop.is_set():
            return None
    return None


def _memory(process):
    """Bytes in use by the process and its children."""
    total = 0
    with contextlib.suppress(psutil.Error):
        one = psutil.Process(process.pid)
        for each in (one, *one.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    return total


def _end_all(mark, process):
    """End every process of this check; return those that it left behind."""
    left = set()
    for _ in range(100):  # a process may start another while it is being ended
        found = _marked(mark)
        left |= {each.pid for each in found} - {process.pid}
        for each in found:
            with contextlib.suppress(psutil.Error):
                each.kill()
        if process.poll() is None:
            process.kill()
            process.wait()
        if not found:
            break
        time.sleep(0.02)
    return left


def _marked(mark):
    """The live processes that carry the mark in their environment."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if each.environ().get(MARK) == mark and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found


def _environment(mark, place):
    """What the learner's process sees; its temporary files go when its folder goes."""
    paths = [str(Path(course.__file__).parent.parent), os.environ.get("PYTHONPATH")]
    own = place / "tmp"
    own.mkdir()
    return {
        **os.environ,
        MARK: mark,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "KERAS_BACKEND": course.pick_backend(),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",  # several learners at a time
        "TF_NUM_INTRAOP_THREADS": "1",
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(own)),
    }


def _read(results):
    """({name: (state, message)}, what was going on at the end or None)."""
    states, doing = {}, None
    for line in results.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            said = json.loads(line)
            if "begin" in said:
                doing = said["begin"]
            elif "end" in said:
                states[said["end"]] = (said["state"], said["message"])
                doing = None
    return states, doing


def copy_folder(folder, to, name):
    """Copy a folder's ordinary files of ordinary size; `name` first.

    Returns:
        the names of what was left out.
    """
    to.mkdir()
    shutil.copyfile(folder / name, to / name)
    files, total, skipped = 1, 0, []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in LEFT_OUT)
        for each in sorted(names):
            path = Path(here) / each
            inside = path.relative_to(folder)
            if each.startswith(".") or path == folder / name or path.is_symlink():
                continue
            try:
                size = path.stat().st_size
                if not path.is_file() or size > LARGEST_FILE or total + size > LARGEST_FOLDER:
                    raise OSError
                (to / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to / inside)
            except OSError:
                skipped.append(str(inside))
                continue
            files, total = files + 1, total + size
            if files >= MOST_FILES:
                return [*skipped, "…"]
    return skipped[:5] + ["…"] * (len(skipped) > 5)
