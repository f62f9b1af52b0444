"""A learner's process inside bubblewrap (`bwrap`, Linux), where the teacher asks for it.

It has no network, sees no other process and has none of root's rights. It reads the system and
what Python needs, but not the home folder, /tmp or /run; it writes to the copy of the learner's
folder alone.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import course
from course.errors import InputError
from course.grading import copies, sources
from course.machine import processes

BWRAP = "bwrap"
INSTALL = "install the package bubblewrap (Linux only)"
ALLOW = "it needs bubblewrap 0.7 or newer, and the right to make user namespaces"
PATIENCE = 30  # seconds that an empty program may take in it
HIDDEN = ("/tmp", "/var/tmp", "/run")


def problem():
    """(Why there is no sandbox here, what to do), or None."""
    if not shutil.which(BWRAP):
        return "bwrap is not installed", INSTALL
    words = [*command(), "--", sys.executable, "-c", ""]
    try:
        tried = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"bwrap does not work here: no end after {PATIENCE} s", ALLOW
    said = tried.stderr.strip().splitlines() or [f"it ended with status {tried.returncode}"]
    return (f"bwrap does not work here: {said[-1]}", ALLOW) if tried.returncode else None


def needed():
    """What starts a learner's process, as `course.machine.processes.start` does, in a sandbox.

    Raises:
        InputError: there is no sandbox here.
    """
    found = problem()
    if found:
        raise InputError(f"--sandbox: {'; '.join(found)}, or leave --sandbox out")
    return start


def start(words, environment, cwd, told, said):
    before = [*command(Path(cwd).parent), "--chdir", str(cwd), "--"]
    return processes.start(words, environment, cwd, told, said, before)


def command(place=None):
    """bwrap's words, but for the program that it runs.

    Args:
        place: the one folder that can be written.
    """
    words = [BWRAP, "--die-with-parent", "--unshare-all", "--cap-drop", "ALL"]
    words += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for hidden in (*HIDDEN, *_homes()):
        if os.path.isdir(hidden):
            words += ["--size", str(copies.MAX_WRITTEN), "--tmpfs", str(hidden)]
    for shown in _shown():
        words += ["--ro-bind", shown, shown]
    return words + (["--bind", str(place), str(place)] if place else [])


def _homes():
    """The home folders of this account: the environment's and the system's."""
    found = set()
    with contextlib.suppress(RuntimeError):  # there is none
        found.add(Path.home().resolve())
    with contextlib.suppress(ImportError, KeyError):  # Windows; an account without a name
        import pwd

        found.add(Path(pwd.getpwuid(os.getuid()).pw_dir).resolve())
    return sorted(home for home in found if home != home.parent)  # some services have / for one


def _shown():
    """What Python, the course and the exercises need of what is hidden.

    Of a clone that is the course and its data, not the folder around them, where grades may lie.
    """
    root = Path(course.__file__).parent.parent
    clone = (root / "pyproject.toml").exists()  # else it lies among the packages
    closed = {root.resolve()} if clone else set()
    for home in _homes():
        closed |= {home, *home.parents}
    ours = [root / "course", root / "datasets", sources.FOLDER]
    ours += [sys.prefix, sys.base_prefix, *sys.path[1:]]
    paths = {os.path.abspath(path) for path in ours if os.path.exists(path)}
    return sorted(path for path in paths if Path(path).resolve() not in closed)
