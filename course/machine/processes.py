"""Child processes: the one place that starts them, watches them and ends them.

    with Child(["-m", "course", "run", "3", "--json"], {"KERAS_BACKEND": "jax"}) as child:
        for record in child.follow():
            print(record["lesson"])

A child is Python in a process of its own. It tells JSON objects, one a line, on its standard
output, and says the rest on its standard error. Both are files, because a pipe that nobody reads
would stop a talkative process. The child ends, together with every process that it started,

- when the block ends. Ctrl-C in a terminal reaches the parent alone, which leaves the block;
- when the parent ends, even by SIGKILL. The child's standard input is a pipe from the parent;
  the child calls `end_with_parent` as it starts, and that waits for the end of this pipe.

Limits of time, memory and output are for the parent to watch: `wait`, `memory`, `size`.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import psutil

MARK = "COURSE_CHILD"  # an environment variable: whose child this is; its own children inherit it
TIED = "COURSE_TIED"  # another: standard input is the pipe from the parent
TICK = 0.05  # seconds between two looks at a process
GRACE = 0.5  # seconds that helpers, joblib's for example, may take to end by themselves
TAIL = 2**16  # bytes from the end of what was said, in which the last line is looked for


def start(words, environment, cwd, told, said, before=(), pass_fds=()):
    """Start Python in a session of its own; return a `subprocess.Popen`.

    Args:
        words: what Python is given, a list of strings.
        environment: a dict, all of it.
        told, said: files for its standard output and standard error.
        before: the words of a command that runs Python, a sandbox's for example.
        pass_fds: descriptors that it inherits.
    """
    return subprocess.Popen(
        [*before, sys.executable, *words], env=environment, cwd=cwd, pass_fds=pass_fds,
        start_new_session=True, stdin=subprocess.PIPE, stdout=told, stderr=said,
    )  # fmt: skip


class Child:
    """A process that runs Python; leaving its `with` block ends it.

    Args:
        words: what Python is given, a list of strings.
        changes: a dict, changes of the environment.
        cwd: the folder to start in.
        start: what starts it, the function `start` or one with the same arguments.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, words, changes=None, cwd=None, start=start):
        self.mark = uuid.uuid4().hex
        environment = {**os.environ, **(changes or {}), MARK: self.mark, TIED: "1"}
        self._folder = tempfile.TemporaryDirectory(prefix="course_", ignore_cleanup_errors=True)
        out, err = (Path(self._folder.name, name) for name in ("out", "err"))
        self._line = b""
        with contextlib.ExitStack() as files, out.open("ab") as told, err.open("ab") as said:
            self._out, self._err = (files.enter_context(f.open("rb")) for f in (out, err))
            self._folder.cleanup()  # the files live on while they are open; not so on Windows
            self.process = start(words, environment, cwd, told, said)
            self._files = files.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
        self.process.stdin.close()
        self._files.close()
        self._folder.cleanup()

    @property
    def status(self):
        """The exit status, negative for a signal; None while it runs."""
        return self.process.poll()

    def wait(self, seconds=None):
        """Whether it has ended after at most so many seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.status is not None

    def records(self):
        """The JSON objects that it has told since the last call, a list of dicts."""
        *lines, self._line = (self._line + self._out.read()).split(b"\n")
        found = []
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError):
                found.append(json.loads(line))
        return [record for record in found if isinstance(record, dict)]

    def follow(self):
        """Yield each JSON object as it comes, until the process has ended."""
        ended = False
        while not ended:
            ended = self.wait(TICK)
            yield from self.records()

    def said(self, most=None):
        """What it has printed on standard error, the first `most` bytes."""
        self._err.seek(0)
        return self._err.read(most).decode("utf-8", "replace")

    @property
    def last_words(self):
        """The last line that it has printed on standard error, or ""."""
        self._err.seek(max(0, self.size - TAIL))
        lines = self._err.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    @property
    def size(self):
        """The bytes that it has printed on standard error."""
        return os.fstat(self._err.fileno()).st_size

    def memory(self, tree=True):
        """Bytes in use, those of the processes that it started included or not."""
        total = 0
        with contextlib.suppress(psutil.Error):
            one = psutil.Process(self.process.pid)
            for each in (one, *(one.children(recursive=True) if tree else ())):
                with contextlib.suppress(psutil.Error):
                    total += each.memory_info().rss
        return total

    def end(self):
        """End it and every process that it started; return the ids of those it left running."""
        if self.status is not None:
            until = time.monotonic() + GRACE
            while self._live() and time.monotonic() < until:
                time.sleep(TICK)
        left = set()
        for _ in range(100):  # a process may start another while it is being ended
            found = self._live()
            left |= {each.pid for each in found} - {self.process.pid}
            _kill(found)
            if self.status is None:
                self.process.kill()
                self.process.wait()
            if not found:
                break
            time.sleep(TICK / 2)
        return left

    def _live(self):
        """The live processes that carry the child's mark, or belong to its session."""
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if each.status() == psutil.STATUS_ZOMBIE:
                    continue
                session = hasattr(os, "getsid") and os.getsid(each.pid)
                if session == self.process.pid or each.environ().get(MARK) == self.mark:
                    found.append(each)
        return found


def _kill(processes):
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def end_children():
    """End the children of this process and of those that it started (joblib's workers, say)."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if MARK in process.environ():
                process.kill()


def end_with_parent():
    """In a child: end with the parent, whatever ends it. Elsewhere this does nothing."""
    if not os.environ.pop(TIED, None):
        return
    pipe, null = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)  # whoever reads standard input finds its end
    os.close(null)
    threading.Thread(target=_end_at_end_of, args=(pipe,), daemon=True).start()


def _end_at_end_of(pipe):
    os.read(pipe, 1)  # returns when no process holds the other end any more
    _kill(psutil.Process().children(recursive=True))
    os._exit(1)
