"""Check learners' exercises, each file in a process of its own that cannot do much harm.

The file's folder is copied, and the copy is thrown away. The process gets a limit of time
for every exercise, of memory, of what it writes and prints; what it leaves running is
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
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import course
from course.errors import InputError
from course.grading import exercise
from course.grading.exercise import FAIL, NOT_YET, say

START = 300  # seconds that importing Keras may take, on a busy machine
SECONDS, MEMORY = 60, 2 * 2**30  # the usual limits of an exercise
MOST_PRINTED = 2**20  # bytes
MOST_WRITTEN, MOST_ENTRIES = 2**28, 20_000  # bytes and files in its folder
LARGEST_FILE, LARGEST_FOLDER, MOST_FILES = 5 * 2**20, 50 * 2**20, 500
LEFT_OUT = {"__pycache__", "node_modules", "venv", "site-packages"}
MARK = "COURSE_CHECK"  # an environment variable by which a check's processes are found
GRACE = 0.5  # seconds that a child may take to end after its parent


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

    def note(self, english, chinese):
        text = say(self.language, english, chinese)
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True)
class Limits:
    """Of each exercise: seconds, and bytes of memory beside Keras's own."""

    seconds: float = SECONDS
    memory: int = MEMORY


def identify(path):
    """(lesson, language, text) of a learner's file.

    Raises:
        InputError: it cannot be read, or is no exercise.
    """
    try:
        if not path.is_file():
            raise InputError(f"{path} is not a file")
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is too large for an exercise")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeError:
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


def check_file(path, limits=Limits(), stop=None, alone=False):
    """Run one learner's file; return a Result.

    Args:
        path: of the file.
        stop: a threading.Event; once it is set the check ends early.
        alone: whether the files beside it are left where they are.

    Raises:
        InputError: it is no exercise, or cannot be checked.
    """
    lesson, language, text = identify(path)
    result = Result(path, lesson, language)
    result.states = dict.fromkeys(exercise.names(lesson), (NOT_YET, ""))
    problem = _syntax(text, language)
    if problem:
        result.states = dict.fromkeys(result.states, (FAIL, problem))
        return result
    left = list(result.states)
    while left and not (stop and stop.is_set()):
        try:
            done = _run(result, left, limits, stop, alone)
        except OSError as error:
            raise InputError(f"cannot check {path}: {error.strerror or error}") from None
        result.states.update(done)
        if "" in done:
            failure = result.states.pop("")
            result.states.update(dict.fromkeys(left, failure))
        if "" in done or not done:
            break
        left = [name for name in left if name not in done]
    return result


def _syntax(text, language):
    """Why the text is no Python, or None."""
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


def _run(result, names, limits, stop, alone):
    """One process over the exercises named; {name: (state, message)} of those it ended.

    "" stands for the file itself, where that cannot be imported.
    """
    mark, process, reason, left = uuid.uuid4().hex, None, None, set()
    place = Path(tempfile.mkdtemp(prefix="course_")).resolve()
    try:
        copied = place / "copy"
        skipped = copy_folder(result.path, copied, alone)
        if skipped:
            result.note(f"not copied: {', '.join(skipped)}", f"未复制：{'、'.join(skipped)}")
        asked = {
            "file": str(copied / result.path.name), "results": str(place / "results"),
            "lesson": result.lesson, "language": result.language,
            "tasks": names, "memory": limits.memory,
        }  # fmt: skip
        # Kept open: a learner's code that deletes it deletes no result.
        with (place / "results").open("w+b", buffering=0) as results:
            try:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "course.grading.judge", json.dumps(asked)],
                    cwd=copied, env=_environment(mark, place),
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    start_new_session=True,
                )  # fmt: skip
                printed = _Printed(process.stdout)
                reason = _watch(process, results, printed, place, result.language, limits, stop)
            finally:
                left = _end_all(mark, process)
            printed.close()
            states, doing = _read(results)
    finally:
        _remove(place)
    result.printed += printed.text()
    if left:
        many = "process" if len(left) == 1 else "processes"
        result.note(
            f"left {len(left)} {many} running; ended", f"留下了 {len(left)} 个进程在运行；已经结束"
        )
    if doing is None:  # the process ended in its own time, or before it began
        if not states:
            said = (printed.text().strip().splitlines() or ["no word"])[-1]
            raise InputError(f"the check of {result.path} did not start: {reason or said}")
        return states
    if stop and stop.is_set():
        return states
    if reason is None:
        how = _how_it_ended(process.returncode)
        reason = say(result.language, f"Python ended ({how})", f"Python 结束了（{how}）")
    return {**states, doing: (FAIL, reason)}


def _how_it_ended(status):
    with contextlib.suppress(ValueError):
        if status < 0:
            return signal.Signals(-status).name
    return f"os._exit({status})"


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


def _watch(process, results, printed, place, language, limits, stop):
    """Wait until the process ends or breaks a limit; the reason to end it, or None."""
    size, began, started, base, looked = 0, time.monotonic(), False, 0, 0.0
    while process.poll() is None:
        time.sleep(0.05)
        now = os.fstat(results.fileno()).st_size
        if now != size:
            size, began = now, time.monotonic()
            if not started:
                started, base = True, _memory(process)
        # Keras's import, and the look at an answer, are not the learner's time.
        allowed = limits.seconds if started and _last(results) != "returned" else START
        if time.monotonic() - began > allowed:
            if allowed == START:
                en, zh = f"the check itself took more than {START} s", f"检查本身超过了 {START} 秒"
                return say(language, en, zh)
            en = f"not done after {allowed:g} s: a loop without end?"
            return say(language, en, f"{allowed:g} 秒之后还没有结束：是不是死循环？")
        if printed.bytes > MOST_PRINTED:
            en = f"it prints more than {MOST_PRINTED >> 20} MiB"
            return say(language, en, f"打印的内容超过 {MOST_PRINTED >> 20} MiB")
        whole = time.monotonic() - looked > 0.5  # to look at all processes takes time
        if started and _memory(process, whole) - base > limits.memory:
            gigabytes = f"{limits.memory / 2**30:.3g} GiB"
            en = f"it takes more memory than the {gigabytes} allowed"
            return say(language, en, f"占用的内存超过了允许的 {gigabytes}")
        if whole:
            looked = time.monotonic()
            if _fills(place):
                en = f"it writes more than {MOST_WRITTEN >> 20} MiB, or {MOST_ENTRIES} files"
                zh = f"写入超过 {MOST_WRITTEN >> 20} MiB，或超过 {MOST_ENTRIES} 个文件"
                return say(language, en, zh)
        if stop and stop.is_set():
            return None
    return None


def _memory(process, children=True):
    """Bytes in use by the process, and by its children."""
    total = 0
    with contextlib.suppress(psutil.Error):
        one = psutil.Process(process.pid)
        for each in (one, *(one.children(recursive=True) if children else ())):
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    return total


def _fills(place):
    """Whether more lies in the folder than an exercise needs."""
    size, entries, folders = 0, 0, [place]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as inside:
            for each in inside:
                entries += 1
                with contextlib.suppress(OSError):
                    if each.is_dir(follow_symlinks=False):
                        folders.append(each.path)
                    else:
                        size += each.stat(follow_symlinks=False).st_size
                if size > MOST_WRITTEN or entries > MOST_ENTRIES:
                    return True
    return False


def _end_all(mark, process):
    """End every process of this check; return those that it left behind."""
    if process is None:
        return set()
    if process.poll() is not None:  # helpers of joblib and the like end a moment later
        until = time.monotonic() + GRACE
        while _marked(mark, process.pid) and time.monotonic() < until:
            time.sleep(0.05)
    left = set()
    for _ in range(100):  # a process may start another while it is being ended
        found = _marked(mark, process.pid)
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


def _marked(mark, session):
    """The live processes that carry the mark in their environment, or are of the session."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if each.status() == psutil.STATUS_ZOMBIE:
                continue
            ours = hasattr(os, "getsid") and os.getsid(each.pid) == session
            if ours or each.environ().get(MARK) == mark:
                found.append(each)
    return found


def _environment(mark, place):
    """What the learner's process sees; its temporary files go when its folder goes."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [str(Path(course.__file__).parent.parent), *filter(os.path.isabs, given)]
    own = place / "tmp"
    own.mkdir()
    return {
        **os.environ,
        MARK: mark,
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
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(own)),
    }


def _said(results):
    """The lines of the file of results, as objects."""
    end = os.fstat(results.fileno()).st_size
    results.seek(0)
    for line in results.read(end).decode("utf-8", "replace").splitlines():
        with contextlib.suppress(ValueError):
            yield json.loads(line)


def _last(results):
    """The kind of the last line: "ready", "begin", "returned" or "end"."""
    said = list(_said(results))
    return next(iter(said[-1])) if said else ""


def _read(results):
    """({name: (state, message)}, what was going on at the end or None)."""
    states, doing = {}, None
    for said in _said(results):
        if "begin" in said:
            doing = said["begin"]
        elif "end" in said:
            states[said["end"]] = (said["state"], said["message"])
            doing = None
    return states, doing


def copy_folder(path, to, alone=False):
    """Copy a file, and the ordinary files beside and below it of ordinary size.

    Returns:
        the names of what was left out, the first few.
    """
    to.mkdir()
    shutil.copyfile(path, to / path.name)
    folder, total, skipped, seen = path.parent, 0, [], 1
    for here, folders, names in () if alone else os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in LEFT_OUT)
        for name in sorted(names):
            each = Path(here) / name
            if name.startswith(".") or each == path or each.is_symlink():
                continue
            seen += 1
            if seen > MOST_FILES or len(skipped) >= 5:
                return [*skipped, "…"]
            inside = each.relative_to(folder)
            try:
                size = each.stat().st_size
                if not each.is_file() or size > LARGEST_FILE or total + size > LARGEST_FOLDER:
                    raise OSError
                (to / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(each, to / inside)
            except OSError:
                skipped.append(str(inside))
            else:
                total += size
    return skipped


def _remove(place):
    """Delete a folder, whatever lies in it."""
    try:
        shutil.rmtree(place, ignore_errors=True)
    except RecursionError:  # folders within folders, a thousand deep
        subprocess.run(["rm", "-rf", str(place)], check=False, capture_output=True)
