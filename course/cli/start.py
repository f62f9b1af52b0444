"""How a command starts: with three streams, a backend of Matplotlib's, and an ear for Ctrl-C.

`course` calls `begin` where Python was started with `-m course…`, before Keras is imported.
"""

import _thread
import contextlib
import importlib
import logging
import os
import signal
import sys
import threading

from course.errors import one_line_errors

# A read-only "output" says of a closed one what the system would say: bad file descriptor.
STREAMS = {"stdin": os.O_RDONLY, "stdout": os.O_RDONLY, "stderr": os.O_WRONLY}


def begin():
    """Open the streams that are closed, quieten what is imported, let Ctrl-C end the imports."""
    _open_streams()
    _choose_canvas()
    # TensorFlow and XLA greet with a dozen lines about missing GPUs.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr = os.dup(2)  # `import_quietly` hides the other

    def end(number, frame):
        """Nothing is to be kept yet, and much of what is imported would ignore an exception."""
        os.write(stderr, b"course: interrupted\n")
        os._exit(130)

    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, end)


def _open_streams():
    """Put an empty stream where the shell has closed one: the next file would get its number."""
    for fd, (name, flags) in enumerate(STREAMS.items()):
        try:
            os.fstat(fd)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != fd:
                os.dup2(opened, fd)
                os.close(opened)
            os.set_inheritable(fd, True)
            setattr(sys, name, os.fdopen(fd, "r" if fd == 0 else "w", closefd=False))


def _choose_canvas():
    """Let figures go into files, whatever MPLBACKEND says, or with --show into windows.

    Keras imports Matplotlib, which ends with a traceback where it does not know what that says.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns where home is read-only
    if not any(word.startswith("--sh") for word in sys.argv):
        os.environ["MPLBACKEND"] = "agg"
        return
    try:
        importlib.import_module("matplotlib")
    except ValueError:
        asked = os.environ["MPLBACKEND"]
        print(f"course: MPLBACKEND says {asked!r}, which Matplotlib does not know; unset it",
              file=sys.stderr, flush=True)  # fmt: skip
        raise SystemExit(2) from None


@contextlib.contextmanager
def command(name):
    """Run the block as a command; yield its exit status, in `.code`.

    What the user can fix, and Ctrl-C, is told in one line (`course.errors.one_line_errors`).

    Args:
        name: of the command, the first word of that line.
    """
    before = None
    # A shell's background job ignores Ctrl-C's signal; a command should not.
    with contextlib.suppress(ValueError):
        before = signal.signal(signal.SIGINT, interrupt)
    try:
        with one_line_errors(name) as status:
            yield status
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def interrupt(number, frame):
    """End with KeyboardInterrupt; in JAX's callback of the garbage collector, a little later.

    There Python would print the exception, ignore it, and go on.
    """
    if frame is not None and frame.f_code.co_name == "_xla_gc_callback":
        threading.Timer(0.05, _thread.interrupt_main).start()
        return
    raise KeyboardInterrupt
