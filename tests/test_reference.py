"""What practitioners import: each public name has types, a page, and an example that is run."""

import doctest
import importlib
import inspect
import sys
import types

import pytest
from conftest import ROOT

MODULES = ("autodiff", "descent", "estimators", "linear", "optimizers", "prox", "training")
each_module = pytest.mark.parametrize("name", MODULES)


def public(module):
    """{name: function or class} of what a module offers."""
    own = [name for name, thing in vars(module).items() if _home(thing) == module.__name__]
    names = getattr(module, "__all__", [name for name in own if not name.startswith("_")])
    return {name: getattr(module, name) for name in names if callable(getattr(module, name))}


def _home(thing):
    return getattr(thing, "__module__", None)


def without_example(module):
    """The public names whose docstring has no "Example:", or one that pytest does not find."""
    found = set()
    for home in {_home(thing) for thing in public(module).values()}:
        tests = doctest.DocTestFinder().find(sys.modules[home])
        found |= {test.docstring for test in tests if test.examples}
    return {
        name
        for name, thing in public(module).items()
        if "Example:\n" not in (thing.__doc__ or "") or thing.__doc__ not in found
    }


def without_types(module):
    """The public functions and methods that lack a type, of an argument or of the result."""
    return {
        label
        for name, thing in public(module).items()
        for label, function in _functions(name, thing)
        if inspect.Signature.empty in _types(function, inspect.isclass(thing))
    }


def _functions(name, thing):
    if inspect.isfunction(thing):
        yield name, thing
        return
    for label, member in vars(thing).items():
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if inspect.isfunction(function) and (label == "__init__" or not label.startswith("_")):
            yield f"{name}.{label}", function


def _types(function, is_method):
    signature = inspect.signature(function)
    arguments = [argument.annotation for argument in signature.parameters.values()]
    result = [] if function.__name__ == "__init__" else [signature.return_annotation]
    return arguments[is_method:] + result  # all but self


@each_module
def test_each_public_name_has_an_example_that_is_run(name):
    assert without_example(importlib.import_module(f"course.{name}")) == set()


@each_module
def test_each_public_name_has_types(name):
    assert without_types(importlib.import_module(f"course.{name}")) == set()


@each_module
def test_each_module_has_its_page(name):
    folder = ROOT / "tutorials" / "api"
    page = (folder / f"{name}.md").read_text(encoding="utf-8")
    assert f".. automodule:: course.{name}\n" in page
    assert f"\n{name}\n" in (folder / "index.md").read_text(encoding="utf-8")


def test_what_has_no_example_and_no_types_is_named(monkeypatch):
    module = types.ModuleType("made")
    monkeypatch.setitem(sys.modules, "made", module)
    code = '''
def whole(x: float) -> float:
    """Example:
    >>> whole(1.0)
    1.0
    """
    return x

def untyped(x) -> float:
    """Example:
    no line to run
    """

def bare(x: float):
    """>>> bare(1.0)"""

class Thing:
    def method(self, x): ...
'''
    exec(code, vars(module))
    assert without_example(module) == {"untyped", "bare", "Thing"}
    assert without_types(module) == {"untyped", "bare", "Thing.method"}


def test_a_docstring_becomes_rst(monkeypatch):
    pytest.importorskip("sphinx", reason="needs the docs extra")
    monkeypatch.syspath_prepend(ROOT / "tutorials")
    assert doctest.testmod(importlib.import_module("docstrings")) == (0, 1)
