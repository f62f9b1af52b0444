"""A page with other constants, or with any other text, in its own process."""

import importlib
import sys

import numpy as np
import pytest
from conftest import one_line
from what_if import only_sections

import course
from course import cli, lesson03
from course.checks import constants
from course.checks.constants import ABOVE_0, BELOW_1, FROM_0, NUMBER, one_of, several, whole
from course.cli import edited, outcome
from course.errors import InputError

TEXT = "A, B = 1, (\n    2)\nC = [A, B]\n\n\ndef f(x=A):\n    return x + B\n"


def values_of(text):
    found = {}
    exec(text, found)
    return found


def test_what_is_made_of_a_constant_follows():
    found = values_of(edited.with_constants(TEXT, {"A": "10", "B": "20"}))
    assert (found["C"], found["f"]()) == ([10, 20], 30)
    assert values_of(edited.with_constants(TEXT, {"C": "[0]"}))["C"] == [0]
    assert edited.with_constants(TEXT, {}) == TEXT
    with pytest.raises(KeyError):
        edited.with_constants(TEXT, {"D": "1"})


def test_page_proof_and_picture_see_it_and_afterwards_all_is_as_it_was():
    outcome.modules(3)
    before = {name: sys.modules[name] for name in ("course.lesson03", "course.checks.lesson03")}
    with edited.constants(3, {"LEARNING_RATE": 0.5}):
        page, proof, picture = outcome.modules(3)
        assert page is course.lesson03 is not lesson03
        assert page.LEARNING_RATE == 0.5
        assert page.build_model.__defaults__[1] == 0.5
        for module in (proof, picture):
            assert module.__dict__.get("lesson", page) is page
            assert module.__dict__.get("cost", page.cost) is page.cost
    assert {name: sys.modules[name] for name in before} == before
    assert course.lesson03 is lesson03
    assert importlib.import_module("course.checks.lesson03") is course.checks.lesson03
    assert lesson03.LEARNING_RATE == 0.027


def test_a_page_that_cannot_be_read_changes_nothing():
    with pytest.raises(ZeroDivisionError), edited.page(3, "1 / 0"):
        pass
    assert course.lesson03 is sys.modules["course.lesson03"] is lesson03


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (NUMBER, [0, -1.5, 1e300], [float("nan"), float("inf"), "1", None, True, [1]]),
        (ABOVE_0, [1e-300, 2], [0, -1, float("nan"), "x"]),
        (FROM_0, [0, 3.5], [-1e-9]),
        (BELOW_1, [0, 0.99], [1, -0.1]),
        (whole(1), [1, 10**6], [0, -1, 1.0, True, "1"]),
        (whole(1, 5), [5], [6]),
        (several(ABOVE_0), [(0.1,), [1, 2], {"a": 3}], [(), 0.1, (0.1, 0), "ab", (None,)]),
        (several(whole(1), 2), [(1, 2)], [(1,), (1, 0)]),
        (one_of("tanh", "relu"), ["tanh"], ["sigmoid"]),
    ],
)
def test_what_a_constant_may_be(kind, good, bad):
    assert all(kind.allows(value) for value in good)
    assert not any(kind.allows(value) for value in bad)


@pytest.mark.parametrize("number", range(1, 15))
def test_a_constant_that_makes_no_sense_is_named(number, monkeypatch):
    page, proof, _ = outcome.modules(number)
    for name, kind in proof.CONSTANTS.items():
        bad = [value for value in (None, "?", 0, -1, ()) if not kind.allows(value)]
        assert bad or kind is constants.ANYTHING, name
        for value in bad:
            with monkeypatch.context() as patch:
                patch.setattr(page, name, value)
                with pytest.raises(InputError, match=rf"^{name} is .*, and must be "):
                    constants.require(page, proof)


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ((np.zeros((0, 1)), np.zeros(0)), "returns no points"),
        ((), "returns no points"),
        ((np.zeros((5, 1)), np.zeros(4)), "arrays of 4 and 5 rows"),
        ((np.array([[1.0], [np.nan]]), np.zeros(2)), "not finite"),
    ],
)
def test_points_that_make_no_sense(points, told):
    with pytest.raises(InputError, match=told):
        constants.require_points(points)
    constants.require_points((np.ones((3, 2)), np.arange(3), ["one", "two"]))


def test_a_page_without_points_is_told_in_one_line(in_tmp, capsys, monkeypatch):
    monkeypatch.setattr(lesson03.data, "load_five_points", lambda: (np.zeros(0), np.zeros(0)))
    assert cli.main("lesson03", []) == 2
    assert "course.lesson03: load_data() returns no points" in one_line(capsys.readouterr().err)


def test_only_the_sections_that_a_constant_reaches_are_run_again():
    text = edited.source_of(3)
    run = only_sections(text, "BATCH_RATE")[0].partition("def run(")[2].partition("\ndef ")[0]
    assert "'batches': fit_in_batches(" in run
    assert "'line': " not in run
    assert "'line': " in only_sections(text, "LEARNING_RATE")[0]
