"""What the user can fix is told in one line, without a traceback; the exit status is

1    a check fails
2    bad input
130  Ctrl-C
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import platform
import re
import sys
import tempfile
import zlib
from pathlib import Path

import course

FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
# What a full disk or a broken terminal behind the output says.
OUTPUT_ERRORS = {*FULL, errno.EIO, errno.EBADF}
NO_NAME = {errno.ENAMETOOLONG, errno.EINVAL}  # what a file system says of a name it cannot have
MAX_WORD, MAX_USAGE = 200, 400  # letters of a word in a message, and of a message about flags
# A long word: a quote, what stands behind it, and before another one and a comma.
LONG = re.compile(rf"(?<!\S)(['\"]?)(\S{{{MAX_WORD},}}?)(?=['\"]?[,.:;)]{{0,2}}(?!\S))")
HOST = f"{zlib.crc32(platform.node().encode()):08x}"  # several machines may share a folder


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


def named(path: str | os.PathLike, flag: str = "") -> Path:
    """`path` as a `pathlib.Path`, if a file or a folder can have such a name.

    Args:
        flag: what gave it, for the message: "--save".

    Raises:
        InputError: it is empty, or too long for the file system.
    """
    text, before = os.fspath(path), f"{flag}: " if flag else ""
    if not text:
        raise InputError(
            f"{before}expected the name of a file or a folder, got ''; is a shell variable not set?"
        )
    try:
        os.lstat(text)
    except ValueError as error:  # a null byte
        reason = error
    except OSError as error:
        if error.errno not in NO_NAME:
            return Path(text)
        reason = error.strerror
    else:
        return Path(text)
    raise InputError(f"{before}{text!r} can be no file's name ({reason}); name another")


def path_flag(text):
    """An argparse type: the name of a file or a folder, as it was typed."""
    try:
        named(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(error) from None
    return text


@contextlib.contextmanager
def opened(path, flag=""):
    """Open a user's file to read its bytes.

    Raises:
        InputError: it has no usable name, or it cannot be opened or read.
    """
    path = named(path, flag)
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        if error.errno is None:  # not the system's, but of what is in the file
            raise
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def writable_folder(folder, flag="--save-dir"):
    """Make `folder` and try to write into it, before an hour of training is spent.

    Raises:
        InputError: it cannot be made or written.
    """
    folder = named(folder, flag)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _try_to_write(folder)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"{flag} {folder}: cannot write there ({reason}); name another folder"
        ) from None
    return folder


def writable_file(path, flag):
    """`path` as a `pathlib.Path`, if a file can be written there, in a folder that exists.

    Raises:
        InputError: it cannot.
    """
    file = named(path, flag)
    try:
        if os.path.isdir(file):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        _try_to_write(file.parent)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"{flag} {file}: cannot write there ({reason}); name a file in a folder that exists"
        ) from None
    return file


def _try_to_write(folder):
    """Write into a folder that exists, and discard what killed processes have left there."""
    import psutil

    with tempfile.TemporaryFile(dir=folder):
        pass
    for part in folder.glob(_part("*", "*")):
        pid = part.name.split(".")[1]
        if re.fullmatch(r"\d{1,9}", pid) and not psutil.pid_exists(int(pid)):
            part.unlink(missing_ok=True)


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
        with contextlib.suppress(OSError):
            part.unlink()


def discard_parts(folder, pid):
    """Remove the temporary files of `atomic_write` that a killed process has left in a folder.

    Args:
        folder: a `pathlib.Path`.
        pid: the process's number.
    """
    for part in folder.glob(_part(pid, "*")):
        part.unlink(missing_ok=True)


def _part(pid, name):
    """A temporary file's name, no longer than the file system takes."""
    return f".{pid}.part.{HOST}.{name[-50:]}"


class Parser(argparse.ArgumentParser):
    """argparse, with one line for an error instead of the whole usage."""

    def error(self, message):
        raise InputError(f"{shortened(one_line(message), MAX_USAGE)} (see --help)")


def one_line(text):
    """A text in one line, its longest words without their middle.

    >>> one_line(f"no {'9' * 300!r}; there are 1, 2")[-36:]
    "99999 (300 letters)'; there are 1, 2"
    """
    text = " ".join(str(text).split())
    return LONG.sub(lambda found: found[1] + shortened(found[2], MAX_WORD), text)


def reason_of(error):
    """The beginning of what an exception says, in one line; its type where it says nothing.

    >>> reason_of(ValueError("two\\nlines")), reason_of(MemoryError())
    ('two lines', 'MemoryError')
    """
    return (" ".join(str(error).split()) or type(error).__name__)[:160]


def shortened(text, most):
    """A text without its middle, where it has more letters than `most`.

    >>> shortened("a" * 4000, 8)
    'aaaa … aaaa (4000 letters)'
    """
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} … {text[-(most // 2) :]} ({len(text)} letters)"


def whole_number(smallest, largest):
    """An argparse type: an int from `smallest` to `largest`."""

    def parse(text):
        try:
            number = None if "_" in text else int(text)  # to Python, 1_0 is 10
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
        try:
            yield status
        except SystemExit:  # after --help
            _flush()
            raise
        _flush()
    except InputError as error:
        status.code = 2
        message = one_line(error)
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
        elif error.errno == errno.ENAMETOOLONG:
            message = one_line(f"{str(error.filename)!r} can be no file's name ({error.strerror})")
        else:
            raise
    else:
        return
    print(f"{name}: {message}", file=sys.stderr, flush=True)


def _flush():
    if sys.stdout is not None:  # pythonw, and what embeds Python, have none
        sys.stdout.flush()


def _drop_stdout():
    """Let Python's last flush of a broken stdout go nowhere instead of complaining."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
