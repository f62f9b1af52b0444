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
import re
import sys

import course

FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
# What a full disk or a broken terminal behind the output says.
OUTPUT_ERRORS = {*FULL, errno.EIO, errno.EBADF}
MAX_WORD, MAX_USAGE = 200, 400  # letters of a word in a message, and of a message about flags
# A long word: a quote, what stands behind it, and before another one and a comma.
LONG = re.compile(rf"(?<!\S)(['\"]?)(\S{{{MAX_WORD},}}?)(?=['\"]?[,.:;)]{{0,2}}(?!\S))")


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
