"""Deep Learning, Checked: a first course in which every number is checked.

Importing `course` picks the Keras backend, before Keras is imported:

1. the environment variable KERAS_BACKEND;
2. the "backend" of the user's keras.json;
3. the first installed of tensorflow, jax, torch.

It imports no lesson and not Keras itself. Import it before Keras, which looks for TensorFlow unless
it is told otherwise, and once imported keeps its backend.
"""

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path

__version__ = "0.1.0"

BACKENDS = ("tensorflow", "jax", "torch")


class BackendError(ImportError):
    """No usable Keras backend; the message is one line with the command that fixes it."""

    def _render_traceback_(self):
        """What IPython and Jupyter show instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


def is_installed(backend):
    """Whether `backend` can be found, without importing it."""
    modules = (backend, "jaxlib") if backend == "jax" else (backend,)
    specs = [importlib.util.find_spec(module) for module in modules]
    # A folder that happens to have the name has a spec, but no origin.
    return all(spec is not None and spec.origin is not None for spec in specs)


def pick_backend(environ=os.environ, installed=is_installed):
    """Name the backend that Keras is to use.

    Args:
        environ: mapping with KERAS_BACKEND, KERAS_HOME, as in `os.environ`.
        installed: `installed(name) -> bool`.

    Raises:
        BackendError: none is installed, or the one asked for is misspelt or missing.
    """
    asked, where = environ.get("KERAS_BACKEND"), "KERAS_BACKEND"
    if not asked:
        asked, where = _keras_json(environ)
        # Keras writes "tensorflow" into a new keras.json whether or not TensorFlow is
        # there, so that name counts as a wish only where it can be met.
        if asked == "tensorflow" and not installed(asked):
            asked = None
    here = [backend for backend in BACKENDS if installed(backend)]
    if asked in here:
        return asked
    if asked:
        said = f"{where} says {asked!r}"
        if asked in BACKENDS:
            found = f" (installed: {', '.join(here)})" if here else ""
            raise BackendError(f"{said}, which is not installed{found}: {install(asked)}")
        found = f"installed: {', '.join(here)}" if here else f"none is installed: {install('jax')}"
        raise BackendError(f"{said}; the course runs on {', '.join(BACKENDS)}; {found}")
    if here:
        return here[0]
    raise BackendError(
        f"Keras needs one of {', '.join(BACKENDS)} and none is installed: {install('jax')}"
    )


def install(packages):
    """The command that installs packages, in a clone with the versions that were tested there."""
    pins = Path(__file__).resolve().parents[1] / "constraints.txt"
    tested = f'-c "{pins}" ' if pins.is_file() else ""
    return f"python -m pip install {tested}{packages}"


def _backend_of(keras):
    """The backend of Keras where it was imported before the course."""
    name = keras.backend.backend()
    if name not in BACKENDS:
        raise BackendError(
            f"Keras was imported before course and runs on {name!r}; the course runs on"
            f" {', '.join(BACKENDS)}: import course first"
        )
    return name


def _keras_json(environ):
    folder = environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    file = Path(folder).expanduser() / "keras.json"
    try:
        return json.loads(file.read_text()).get("backend"), str(file)
    except (OSError, ValueError, AttributeError):
        return None, str(file)


def _command():
    """The module behind `python -m MODULE` while Python is starting it, else ''."""
    if sys.argv[:1] != ["-m"]:
        return ""
    return sys.orig_argv[-len(sys.argv)].removeprefix("-m")


def _one_line(kind, error, trace):
    """An excepthook for the commands: one line for what the user can fix, no traceback."""
    if not issubclass(kind, (BackendError, KeyboardInterrupt)):
        return sys.__excepthook__(kind, error, trace)
    interrupted = issubclass(kind, KeyboardInterrupt)
    print("course: interrupted" if interrupted else f"course: {error}", file=sys.stderr, flush=True)
    os._exit(130 if interrupted else 2)


def _no_traceback(kind, error, trace):
    """An excepthook for scripts and for Python's prompt: of a BackendError only its line."""
    if issubclass(kind, BackendError):
        print(f"course: {error}", file=sys.stderr, flush=True)
    else:
        sys.__excepthook__(kind, error, trace)


def import_quietly(backend):
    """Import TensorFlow ahead of Keras, without the lines that its C++ code prints meanwhile.

    They report that there is no GPU, come before TensorFlow reads its log level, and
    would hide the one line that tells a user what to fix.
    """
    if backend != "tensorflow":
        return
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        importlib.import_module("tensorflow")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


def _set_up():
    """Choose the backend; return its name and, where there is none, the reason."""
    command = _command()
    if command.split(".")[0] == "course":
        sys.excepthook = _one_line
        from course.cli import start

        start.begin()
    # The lessons' checks are made in float64, which JAX leaves out unless told.
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_enable_x64", True)
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    # On a GPU a lesson takes the memory that it needs, not the whole card.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    # On macOS Keras would give PyTorch Apple's GPU by itself, which has no float64.
    if sys.platform == "darwin":
        os.environ.setdefault("KERAS_TORCH_DEVICE", "cpu")
    try:
        if "keras" in sys.modules:
            return _backend_of(sys.modules["keras"]), None
        backend = pick_backend()
    except BackendError as error:
        if command in ("course", "course.__main__"):
            return None, str(error)  # the list and the doctor work without a backend
        if sys.excepthook is sys.__excepthook__:
            sys.excepthook = _no_traceback
        raise
    os.environ["KERAS_BACKEND"] = backend
    # Where a processor has no AVX-512, TensorFlow leaves this out: lesson 11 takes twice as long.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if command.startswith("course.lesson"):
        import_quietly(backend)
    return backend, None


class _NoSuchLesson:
    """Says what was meant by course.lesson2; Python asks here when it has found no such module."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        number = name.removeprefix("course.lesson")
        if number != name and number.isdecimal():
            meant = f"course.lesson{int(number):02}"
            if meant != name:
                raise ModuleNotFoundError(f"there is no {name}; write {meant}", name=name)


sys.meta_path.append(_NoSuchLesson)
backend, backend_problem = _set_up()
