"""What the user can fix is told in one line, without a traceback; the exit status is

1    a check fails
2    bad input
130  Ctrl-C
"""

import argparse
import contextlib
import errno
import os
import sys
import tempfile
from pathlib import Path

import course

FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
# What a full disk or a broken terminal behind the output says.
OUTPUT_ERRORS = {*FULL, errno.EIO, errno.EBADF}


class InputError(ValueError):
    """Bad input. The message is one line: what was wrong, what was expected, what to type."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a training, after what could be saved was saved.

    Attributes:
        measured: what there is, {section: {name: array}}, to be shown, or None.
    """

    def __init__(self, message, measured=None):
        super().__init__(message)
        self.measured = measured


def need_backend():
    """The backend that Keras will have, `course.pick_backend()`.

    Raises:
        InputError: there is none, or the one asked for is misspelt or missing.
    """
    try:
        return course.pick_backend()
    except course.BackendError as error:
        raise InputError(error) from None


def writable_folder(folder, flag="--save-dir"):
    """Make `folder` and try to write into it, before an hour of training is spent.

    Raises:
        InputError: it cannot be made or written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"{flag} {folder}: cannot write there ({reason}); name another folder"
        ) from None
    return folder


@contextlib.contextmanager
def atomic_write(path):
    """Yield a temporary path to write to; it replaces `path` when the block ends without an error.

    A reader never finds half a file.

    Args:
        path: a `pathlib.Path`; the temporary file has the same suffix.

    Raises:
        InputError: the disk is full, or the folder is gone.
    """
    part = path.with_name(_part(os.getpid(), path.name))
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)


def discard_parts(folder, pid):
    """Remove the temporary files of `atomic_write` that a killed process has left in a folder.

    Args:
        folder: a `pathlib.Path`.
        pid: the process's number.
    """
    for part in folder.glob(_part(pid, "*")):
        part.unlink(missing_ok=True)


def _part(pid, name):
    return f".{pid}.part.{name}"


class Parser(argparse.ArgumentParser):
    """argparse, with one line for an error instead of the whole usage."""

    def error(self, message):
        raise InputError(f"{message} (see --help)")


def whole_number(smallest, largest):
    """An argparse type: an int from `smallest` to `largest`."""

    def parse(text):
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or not smallest <= number <= largest:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {smallest} to {largest}, got {text!r}"
            )
        return number

    return parse


class _Status:
    code = 0


@contextlib.contextmanager
def one_line_errors(name):
    """Turn an error that the user can fix into one line on stderr and an exit status in `.code`."""
    status = _Status()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where a notebook has replaced it
            stream.reconfigure(errors="replace")  # a console of another alphabet has no ŷ
    try:
        yield status
        sys.stdout.flush()
    except InputError as error:
        status.code = 2
        message = " ".join(str(error).split())
    except BrokenPipeError:
        status.code = 2
        message = "the output was closed before all of it was written"
        _drop_stdout()
    except MemoryError:
        status.code = 2
        message = "not enough memory for that many steps or rows; ask for fewer"
    except KeyboardInterrupt as interrupt:
        status.code = 130
        message = str(interrupt) or "interrupted; no half-written file remains"
    except OSError as error:
        status.code = 2
        if error.filename is None and error.errno in OUTPUT_ERRORS:
            message = f"cannot write the output ({error.strerror})"
            _drop_stdout()
        elif error.errno in FULL or (error.filename is None and error.errno == errno.ENOENT):
            message = f"cannot write ({error.strerror})"  # ENOENT: tempfile found no folder
        else:
            raise
    else:
        return
    print(f"{name}: {message}", file=sys.stderr, flush=True)


def _drop_stdout():
    """Let Python's last flush of a broken stdout go nowhere instead of complaining."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
