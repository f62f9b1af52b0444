"""The copy of a learner's folder in which the learner's code runs."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PREFIX = "course_check_"  # of the folders with copies
MAX_FILE, MAX_FOLDER, MAX_FILES = 5 * 2**20, 50 * 2**20, 500  # to be copied: bytes, bytes, files
MAX_WRITTEN, MAX_ENTRIES = 2**28, 20_000  # by the learner's code: bytes, files
LEFT_OUT = {"__pycache__", "node_modules", "venv", "site-packages"}


@contextlib.contextmanager
def copied(path, alone=False):
    """A copy of a file and of those around it, which goes when the block ends.

    Args:
        path: of the file.
        alone: whether it is copied without the others.

    Yields:
        (a folder to write to, the copy in it, the names of what was not copied).
    """
    place, lock = _locked_folder()
    try:
        copy = place / "copy"
        yield place, copy, copy_folder(path, copy, alone)
    finally:
        _remove(place)
        os.close(lock)


def _locked_folder():
    """(a new folder, what holds its lock); the lock goes with this process, however that ends."""
    while True:
        place = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        lock = os.open(place if fcntl else os.devnull, os.O_RDONLY)
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        if place.is_dir():  # else another check has taken it for a killed one's just now
            return place, lock
        os.close(lock)


def remove_left():
    """Delete the copies of checks that were killed: those whose lock nobody holds."""
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if fcntl else ():
        with contextlib.suppress(OSError):
            lock = os.open(place, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(place)
            finally:
                os.close(lock)


def copy_folder(path, to, alone=False):
    """Copy a file, and the ordinary files beside and below it of ordinary size.

    Returns:
        the names of what was not copied, the first few.
    """
    to.mkdir()
    shutil.copyfile(path, to / path.name)
    total, skipped = 0, []
    others = [] if alone else _ordinary(path)
    for seen, each in enumerate(others, 2):
        if seen > MAX_FILES or len(skipped) >= 5:
            return [*skipped, "…"]
        inside = each.relative_to(path.parent)
        try:
            size = each.stat().st_size
            if not each.is_file() or size > MAX_FILE or total + size > MAX_FOLDER:
                raise OSError
            (to / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(each, to / inside)
        except OSError:
            skipped.append(str(inside))
        else:
            total += size
    return skipped


def _ordinary(path):
    """The files beside and below a file that are neither hidden nor links, in order."""
    for here, folders, names in os.walk(path.parent):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in LEFT_OUT)
        for name in sorted(names):
            each = Path(here) / name
            if not (name.startswith(".") or each == path or each.is_symlink()):
                yield each


def fills(place):
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
                if size > MAX_WRITTEN or entries > MAX_ENTRIES:
                    return True
    return False


def _remove(place):
    """Delete a folder, whatever lies in it."""
    try:
        shutil.rmtree(place, ignore_errors=True)
    except RecursionError:  # folders within folders, a thousand deep
        subprocess.run(["rm", "-rf", str(place)], check=False, capture_output=True)
