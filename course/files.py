"""The one place that looks at the names of a user's files, opens them and writes them whole."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import platform
import re
import tempfile
import zlib
from pathlib import Path

from course.errors import InputError

NO_NAME = {errno.ENAMETOOLONG, errno.EINVAL}  # what a file system says of a name it cannot have
HOST = f"{zlib.crc32(platform.node().encode()):08x}"  # several machines may share a folder


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
