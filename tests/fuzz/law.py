"""The law that every input is held to.

A command ends with status 0, 1, 2 or 130; with 2 it says one line on stderr, with 0 or 1 nothing
there, but something on stdout. It shows no traceback and leaves no half-written file. A function
that reads a file returns what it promises or raises an InputError of one line.
"""

import contextlib
import errno
import io
import json
import os
import signal
import sys
import tempfile
import traceback
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from course.errors import InputError

STATUSES = (0, 1, 2, 130)
STREAMS = "open", "closed", "broken", "full", "ascii"  # what stdout may be


class Broken(AssertionError):  # noqa: N818
    """An input that breaks the law.

    Attributes:
        how: in a few words, the same for inputs that break it in the same way.
    """

    def __init__(self, how, details=""):
        super().__init__(f"{how}\n{details}".strip())
        self.how = how


class Ran(NamedTuple):
    """How a command ended: its status, what it printed, and {name: bytes} of what it wrote."""

    status: int
    out: str
    err: str
    written: dict


class Stream(io.RawIOBase):
    """What stands behind sys.stdout: it keeps what is written, or fails as `error` says."""

    def __init__(self, error=None):
        self.kept, self.error = bytearray(), error
        self.null = os.open(os.devnull, os.O_WRONLY)

    def writable(self):
        return True

    def fileno(self):
        return self.null

    def write(self, data):
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        self.kept += bytes(data)
        return len(data)

    def close(self):
        if not self.closed:
            os.close(self.null)
        super().close()


def text_stream(kind):
    """A text stream of one of STREAMS; None is what Python has for `>&-`."""
    if kind == "closed":
        return None
    error = {"broken": errno.EPIPE, "full": errno.ENOSPC}.get(kind)
    encoding = "ascii" if kind == "ascii" else "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(Stream(error)), encoding, write_through=True)


def run(main, argv, files=None, environment=None, stdout="open"):
    """Run a command in this process and in a fresh folder; return how it `Ran`, lawfully.

    Args:
        main: `main(argv) -> status`, what the command line calls.
        files: {name: bytes} in the folder.
        environment: changes of the environment, {name: value}; None takes a variable away.
        stdout: one of STREAMS.

    Raises:
        Broken: it broke the law.
    """
    with fresh_folder(files or {}) as folder, environment_of(environment or {}), signals_kept():
        out, err = text_stream(stdout), text_stream("open")
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), heard():
                status = main(argv)
        except SystemExit as stop:
            status = stop.code or 0
        except Exception as error:
            raise Broken(where(error), traceback.format_exc()) from None
        finally:
            texts = [said(stream) for stream in (out, err)]
        ran = Ran(status, *texts, written(folder, files or {}))
    require(ran)
    promise(ran.status > 1 or ran.out or stdout != "open", f"status {ran.status} without a word")
    return ran


def require(ran):
    """Raise `Broken` where a command broke the law."""
    lines = ran.err.strip().splitlines()
    if ran.status not in STATUSES:
        raise Broken(f"status {ran.status}", ran.err)
    if "Traceback" in ran.err + ran.out:
        raise Broken("a traceback", ran.err)
    if ran.status == 2 and len(lines) != 1:
        raise Broken(f"status 2 with {min(len(lines), 2)} lines on stderr", ran.err)
    if ran.status in (0, 1) and lines:
        raise Broken(f"status {ran.status}, but on stderr: {lines[0][:70]}", ran.err)
    if len(ran.err) > 2000:
        raise Broken("a line of more than 2000 letters", ran.err[:300])
    for name, content in ran.written.items():
        if ".part." in name:
            raise Broken("a part file is left", name)
        if reason := half_written(name, content):
            raise Broken(f"a half-written {Path(name).suffix} file", f"{name}: {reason}")


def read(function, *arguments):
    """What `function` makes of an input, or None where it refuses it in one line.

    Raises:
        Broken: it raised something else, or warned.
    """
    err, refused, found = text_stream("open"), False, None
    try:
        with contextlib.redirect_stderr(err), heard():
            found = function(*arguments)
    except InputError as error:
        refused = True
        if "\n" in str(error).strip() or not str(error).strip():
            raise Broken("an InputError that is not one line", str(error)) from None
    except Exception as error:
        raise Broken(where(error), traceback.format_exc()) from None
    finally:
        text = said(err)
    if text:
        how = "refused" if refused else "accepted"
        raise Broken(f"{how}, but on stderr: {text.splitlines()[0][:70]}", text)
    return found


def promise(holds, how, details=""):
    """Raise `Broken` where what was promised does not hold."""
    if not holds:
        raise Broken(how, details)


def where(error):
    """An exception in a few words: its type, and the innermost place in the course."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f"{os.sep}course{os.sep}" in f.filename] or frames
    return f"{type(error).__name__} in {Path(ours[-1].filename).stem}.{ours[-1].name}"


@contextlib.contextmanager
def heard():
    """Warnings are printed as outside a test, every time; those for developers are not."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for kind in (DeprecationWarning, PendingDeprecationWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        warnings.showwarning = _print_warning
        yield


def _print_warning(message, category, filename, lineno, file=None, line=None):
    print(f"{category.__name__}: {message} ({Path(filename).name})", file=sys.stderr)


def said(stream):
    """What was written into a stream, which is closed."""
    if stream is None:
        return ""
    raw = stream.buffer.raw
    with contextlib.suppress(OSError):
        stream.flush()
    raw.error = None  # so that closing does not fail again
    stream.close()
    return raw.kept.decode(errors="replace")


@contextlib.contextmanager
def fresh_folder(files):
    """Work in an empty folder with these files, {name: bytes}."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="fuzz_") as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


@contextlib.contextmanager
def signals_kept():
    """What signals do is afterwards as before."""
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in (getattr(signal, n) for n in names)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def environment_of(changes):
    before = dict(os.environ)
    os.environ.update({name: value for name, value in changes.items() if value is not None})
    for name in [name for name, value in changes.items() if value is None]:
        os.environ.pop(name, None)
    tempfile.tempdir = None  # it has looked at TMPDIR already
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        tempfile.tempdir = None


def written(folder, files):
    """{name: bytes} of the files in a folder that are new or changed."""
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    contents = {name: path.read_bytes() for name, path in found.items()}
    return {name: content for name, content in contents.items() if files.get(name) != content}


def half_written(name, content):
    """Why a file is not whole, or None."""
    suffix, stream = Path(name).suffix, io.BytesIO(content)
    try:
        if suffix == ".png":
            Image.open(stream).load()
        elif suffix in (".npz", ".keras"):
            return zipfile.ZipFile(stream).testzip()
        elif suffix == ".json":
            json.loads(content)
        elif suffix == ".py":
            compile(content, name, "exec")
        return None if content else "it is empty"
    except Exception as error:
        return repr(error)
