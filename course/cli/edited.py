"""A page with other constants, as if a learner had edited it: --learning-rate 0.05.

The page's source gets a line `LEARNING_RATE = 0.05` below its own, and is imported from there;
its proof and its picture are imported anew, so that they read the same constants.
"""

import ast
import contextlib
import importlib
import sys
import types
from pathlib import Path

import course


def source_of(number):
    """The text of a lesson's page."""
    return Path(course.__file__).with_name(f"lesson{number:02}.py").read_text(encoding="utf-8")


def with_constants(text, values):
    """The text of a page whose constants have other values.

    Args:
        values: {name: a value, as Python writes it}.

    Raises:
        KeyError: the page has no such constant.

    >>> with_constants("A, B = 1, 2\\nC = A + B", {"A": "5"})
    'A, B = 1, 2\\nA = 5\\nC = A + B'
    """
    lines, below = text.split("\n"), {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign):
            for name in ast.walk(node.targets[0]):
                if isinstance(name, ast.Name):
                    below[name.id] = node.end_lineno
    for name in sorted(values, key=below.__getitem__, reverse=True):
        lines.insert(below[name], f"{name} = {values[name]}")
    return "\n".join(lines)


@contextlib.contextmanager
def page(number, text):
    """Let the page of a lesson be another text; what is imported meanwhile sees that one."""
    stem = f"lesson{number:02}"
    names = {f"course.{room}{stem}": room for room in ("", "checks.", "figures.")}
    before = {name: sys.modules.pop(name, None) for name in names}
    module = types.ModuleType(f"course.{stem}")
    module.__file__ = str(Path(course.__file__).with_name(f"{stem}.py"))
    module.__package__ = "course"
    try:
        sys.modules[module.__name__] = module
        setattr(course, stem, module)
        exec(compile(text, module.__file__, "exec"), vars(module))
        yield module
    finally:
        for name, was in before.items():
            sys.modules.pop(name, None)
            owner = importlib.import_module(name.rpartition(".")[0])
            if was is not None:
                sys.modules[name] = was
                setattr(owner, stem, was)
            elif hasattr(owner, stem):
                delattr(owner, stem)


@contextlib.contextmanager
def constants(number, values):
    """Let the constants of a lesson be other ones.

    Args:
        values: {name: value}; a value is written as Python writes it. Empty: nothing changes.
    """
    if not values:
        yield
        return
    values = {name: repr(value) for name, value in values.items()}
    with page(number, with_constants(source_of(number), values)):
        yield
