"""What if a learner changes the page? The lesson must run, and what it says must be true.

Each lesson's test file has a table WHAT_IF, {constant: three values as Python writes them}, and
`each_constant` makes a test of every one. Only the sections of `run` that the constant reaches
are measured again.
"""

import ast
import importlib
import json
import warnings

import pytest
from conftest import uncompiled
from faults import run, usual

from course.cli import edited, options, outcome, table


def each_constant(table, where=uncompiled):
    """Parametrise a test by `name, value` over {name: (value, value, value)}.

    Args:
        where: a mark: which test session makes these hundreds of runs, if there are several.
    """
    cases = [
        pytest.param(name, value, marks=where, id=f"{name}={value}")
        for name, values in table.items()
        for value in values
    ]
    return pytest.mark.parametrize(("name", "value"), cases)


def assert_true(number, name, value, also=None, **given):
    """With the constant changed, every check of the lesson holds and every figure draws.

    Args:
        also: other constants, {name: value}, that spare the test work it does not need.
    """
    given = given or usual(number)
    if name.startswith("QUICK"):
        given = {**given, "quick": True}
    text = edited.with_constants(edited.source_of(number), {**(also or {}), name: value})
    changed, reached = only_sections(text, name)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = run_page(number, changed, reached, **given)
    assert [] == failures(found)
    return found


def assert_edit(number, old, new, **given):
    """The lesson with a piece of its page's text replaced; every check that applies holds."""
    text = edited.source_of(number)
    assert old in text, f"not on the page: {old}"
    found = run_page(number, text.replace(old, new), **given)
    assert [] == failures(found)
    return found


def run_page(number, text, reached=None, **given):
    """The `Outcome` of a lesson whose page has another text; its figures are drawn.

    Sections that the text leaves out are those of the page as it is.

    Args:
        reached: the page's names whose meaning changed, {name}; none: any may have. A figure that
            uses none of them and shows nothing that was measured again is not drawn again.
    """
    before = run(number, **given).measured
    chosen = options.make(number, **given)
    with edited.page(number, text):
        measured = outcome.measure(number, chosen)
        found = outcome.examine(number, {**before, **measured}, chosen)
        same = [] if reached is None else [before[name] for name in before.keys() - measured]
        for draw in found.figures.values():
            if reached is None or not is_as_before(draw, same, reached):
                draw().canvas.draw()
    json.dumps(table.plain(found.results), allow_nan=False)
    for check in found.checks:
        assert len(check.name) <= table.MAX_NAME, check.name
    return found


def is_as_before(draw, same, reached):
    """Whether a figure, a function or a `partial`, is made of nothing but what did not change.

    Args:
        same: the sections that were not measured again, dicts.
        reached: the page's names whose meaning changed.
    """
    function = getattr(draw, "func", draw)
    if reached & set(vars(importlib.import_module(function.__module__))):
        return False
    kept = {id(part) for section in same for part in (section, *section.values())}
    given = (*getattr(draw, "args", ()), *getattr(draw, "keywords", {}).values())
    return all(id(part) in kept for part in given)


def failures(found):
    """What a learner would read of the checks that fail."""
    return ["\n".join(table.check_lines(check)) for check in found.checks if not check.passed]


def only_sections(text, name):
    """The page's text, with only those sections in the dict that `run` returns that `name` reaches.

    Args:
        text: of a page.
        name: a constant.

    Returns:
        The text, and the names that the constant reaches, itself among them.
    """
    tree = ast.parse(text)
    (body,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "run")
    uses = {}
    for node in [*tree.body, *ast.walk(body)]:  # `run` gives names of its own, too
        for defined, names in _defined(node):
            uses.setdefault(defined, set()).update(names)
    reached = {name}
    while more := {user for user, used in uses.items() if used & reached} - reached:
        reached |= more
    for node in ast.walk(body):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict):
            pairs = zip(node.value.keys, node.value.values)
            kept = [(key, value) for key, value in pairs if key is None or _names(value) & reached]
            node.value = ast.Dict([key for key, _ in kept], [value for _, value in kept])
    return ast.unparse(tree), reached


def _defined(node):
    """Names that a statement defines, each with the names that it is made of."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name != "run":
        yield node.name, _names(node)
    if isinstance(node, ast.Assign):
        target, value = node.targets[0], node.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = zip(target.elts, value.elts)
        for part, made_of in pairs:
            for name in _names(part):
                yield name, _names(made_of)


def _names(node):
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
