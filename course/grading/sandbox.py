"""A learner's process inside bubblewrap (`bwrap`, Linux), where the teacher asks for it.

It has no network and sees no other process. It reads the system and what Python needs, but not
the home folder, /tmp or /run; it writes to the copy of the learner's folder alone.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import course
from course.errors import InputError
from course.grading import sources
from course.machine import processes

BWRAP = "bwrap"
INSTALL = "install the package bubblewrap (Linux only)"
HIDDEN = ("/tmp", "/var/tmp", "/run")


def problem():
    """Why there is no sandbox here, in a line, or None."""
    if not shutil.which(BWRAP):
        return "bwrap is not installed"
    words = [*command(), "--", sys.executable, "-c", ""]
    tried = subprocess.run(words, capture_output=True, text=True, errors="replace")
    said = tried.stderr.strip().splitlines() or [f"it ended with status {tried.returncode}"]
    return f"bwrap does not work here: {said[-1]}" if tried.returncode else None


def needed():
    """What starts a learner's process, as `course.machine.processes.start` does, in a sandbox.

    Raises:
        InputError: there is no sandbox here.
    """
    why = problem()
    if why:
        raise InputError(f"--sandbox: {why}; {INSTALL}, or leave --sandbox out")
    return start


def start(words, environment, cwd, told, said):
    before = [*command(Path(cwd).parent), "--chdir", str(cwd), "--"]
    return processes.start(words, environment, cwd, told, said, before)


def command(place=None):
    """bwrap's words, but for the program that it runs.

    Args:
        place: the one folder that can be written.
    """
    words = [BWRAP, "--die-with-parent", "--unshare-all", "--ro-bind", "/", "/"]
    words += ["--dev", "/dev", "--proc", "/proc"]
    for hidden in (*HIDDEN, *_home()):
        if os.path.isdir(hidden):
            words += ["--tmpfs", str(hidden)]
    for shown in _shown():
        words += ["--ro-bind", shown, shown]
    return words + (["--bind", str(place), str(place)] if place else [])


def _home():
    home = Path.home()
    return [] if home == home.parent else [home]  # some services have / for a home


def _shown():
    """What Python, the course and the exercises need of what is hidden; no folder around home."""
    ours = [sys.prefix, sys.base_prefix, Path(course.__file__).parent.parent, sources.FOLDER]
    paths = {os.path.abspath(path) for path in [*ours, *sys.path[1:]] if os.path.exists(path)}
    return sorted(path for path in paths if not Path.home().is_relative_to(path))
