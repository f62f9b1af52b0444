"""One process that imports Keras once, computes nothing, and forks each learner's process.

A class of thirty would otherwise import Keras thirty times, which takes longer than the work.

    with Nursery(environment, stop) as nursery:
        with Child(words, changes, cwd, start=nursery.start) as child:
            ...

A fork copies only the thread that calls it. It is safe here because there is no other: after
Keras's import no backend has threads before it computes, and the nursery forks in its first
thread alone (`tests/bench/bench_classes.py` holds that, class after class). Each learner's
process has a minder, a fork as well, which waits for its end and tells its exit status.
"""

import contextlib
import functools
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback

import course
from course.grading import child
from course.machine import processes

BACKENDS = ("jax", "torch", "tensorflow")  # on which twenty classes in a row ended clean
PRELOADED = ("keras", "sklearn.linear_model")
FEWEST = 4  # learners for whom it is worth while
END = 2  # seconds that it may take to end when nobody asks any more
MAX_ASKED = 2**17  # bytes of what is asked for at a time


def fits(learners):
    """Whether a class of so many is better checked with a nursery."""
    return sys.platform == "linux" and course.backend in BACKENDS and learners >= FEWEST


class Nursery:
    """The grader's side. The process starts when it is first needed.

    Args:
        environment: a dict, changes of the process's environment.
        stop: a threading.Event; once it is set nothing is waited for.
    """

    def __init__(self, environment, stop):
        self.environment, self.stop = environment, stop
        self._lock, self._child = threading.Lock(), None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._child:
            self._asking.close()
            self._child.wait(0 if self.stop.is_set() else END)
            self._child.__exit__()

    def start(self, words, environment, cwd, told, said):
        """Start a learner's process as `course.machine.processes.start` does, which helps out."""
        with self._lock:
            if not self._child:
                self._open()
        changes = {k: v for k, v in environment.items() if os.environ.get(k) != v}
        asked = json.dumps({"words": words, "environment": changes, "cwd": str(cwd)}).encode()
        (stdin, tie), (ended, tell) = os.pipe(), os.pipe()
        status = os.fdopen(ended)
        try:
            fds = [stdin, told.fileno(), said.fileno(), tell]
            socket.send_fds(self._asking, [asked], fds)
        except OSError:  # the nursery has died
            pass
        finally:
            os.close(stdin)
            os.close(tell)
        while not (answers := select.select([status], [], [], processes.TICK)[0]):
            if self.stop.is_set():  # Keras is still being imported
                break
        pid = status.readline() if answers else ""
        if pid:
            return Forked(int(pid), status, os.fdopen(tie, "wb"))
        status.close()
        os.close(tie)
        if not answers:
            raise InterruptedError("the check was stopped")
        return processes.start(words, environment, cwd, told, said)

    def _open(self):
        self._asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with asked:
            start = functools.partial(processes.start, pass_fds=[asked.fileno()])
            words = ["-P", "-m", "course.grading.nursery", str(asked.fileno()), *PRELOADED]
            self._child = processes.Child(words, self.environment, start=start)


class Forked:
    """What `subprocess.Popen` is to a Child, for a process that the nursery has forked."""

    def __init__(self, pid, status, stdin):
        self.pid, self.stdin, self.returncode, self._status = pid, stdin, None, status

    def poll(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout=None):
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a learner's process", timeout)
            with self._status:
                self.returncode = int(self._status.readline() or -signal.SIGKILL)
        return self.returncode

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def main(argv):
    """The nursery itself: fork what is asked for until the grader ends."""
    os.environ.pop(processes.TIED, None)  # its end comes with the socket's, not the pipe's
    with socket.socket(fileno=int(argv[0])) as asked:
        course.import_quietly(course.backend)
        for module in argv[1:]:
            importlib.import_module(module)
        while True:
            question, fds, *_ = socket.recv_fds(asked, MAX_ASKED, 4)
            if not question:
                return _wait_for_minders()
            if os.fork() == 0:
                asked.close()
                mind(json.loads(question), *fds)
            for fd in fds:
                os.close(fd)
            _wait_for_minders(os.WNOHANG)


def _wait_for_minders(how=0):
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, how)[0]:
            pass


def mind(question, stdin, told, said, tell):
    """Fork a learner's process, tell its id, wait for its end and tell its exit status."""
    pid = os.fork()
    if pid == 0:
        os.close(tell)
        become(question, stdin, told, said)
    for fd in (stdin, told, said):
        os.close(fd)
    with contextlib.suppress(OSError), os.fdopen(tell, "w") as grader:  # which may be gone
        print(pid, file=grader, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=grader, flush=True)
    os._exit(0)


def become(question, stdin, told, said):
    """Run a learner's code in this process, and end."""
    os.setsid()
    for fd, known in ((stdin, 0), (told, 1), (said, 2)):
        os.dup2(fd, known)
        os.close(fd)
    os.chdir(question["cwd"])
    os.environ.update(question["environment"])
    tempfile.tempdir = None  # looked for again in the new environment
    status = 1
    try:
        child.main(question["words"][-1:])
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):  # the learner may have closed or replaced it
            sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
