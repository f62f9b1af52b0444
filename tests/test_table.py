"""Numbers as text."""

import functools
import json

import numpy as np
import pytest

from course.checks import Check
from course.cli.outcome import Outcome
from course.cli.table import check_lines, plain, result, row, short, show, tally


def test_numbers_are_short():
    assert short(np.float64(1) / 3) == "0.333333"
    assert short(np.arange(100)) == "0 … 99"
    assert short([1, 2.5]) == "1  2.5"
    assert short("as it is") == "as it is"
    assert short(np.array(True)) == "True"


def test_plain_is_what_json_takes():
    value = {1: np.float32(0.5), "rows": np.arange(4).reshape(2, 2), "none": None,
             "mixed": [np.nan, (np.int64(3), -np.inf)], "yes": np.bool_(True)}  # fmt: skip
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == {
        "1": 0.5, "rows": [[0, 1], [2, 3]], "none": None, "mixed": ["nan", [3, "-inf"]],
        "yes": True,
    }  # fmt: skip


def test_a_row_shows_the_number_that_is_furthest_above_its_tolerance():
    wide = Check.close("w", "wide", [10.0, 1.0], [0.0, 0.0], atol=[100.0, 0.5])
    assert row(wide) == ("wide", "1", "0", "1.0e+00", "5.0e-01")
    relative = Check.close("r", "one number", 101, 100, rtol=0.02)
    assert row(relative) == ("one number", "101", "100", "1.0e-02", "2.0e-02")
    assert row(Check.close("n", "n", [1.0, np.nan], [1.0, 2.0], atol=1))[1:4] == ("nan", "2", "nan")


def lines(outcome, **how):
    return [line for line, _ in show(outcome, **how)]


def test_the_table():
    good = Check.close("good", "good", [1, 2], [1, 2], reason="whole numbers")
    bad = Check.close("bad", "bad", [1, 50], [1, 70], atol=0.5, reason="why " * 30)
    shown = lines(Outcome(3, {}, {"answer": 42}, [good, bad]))
    assert shown[0] == f"{'answer':<78}42"
    (row,) = (line for line in shown if line.startswith("good"))
    assert row.split() == ["good", "1", "1", "ok"]
    assert len(row) == 80
    assert "whole numbers" not in "".join(shown)  # unless one asks
    at = next(k for k, line in enumerate(shown) if line.startswith("bad"))
    assert shown[at].split() == ["bad", "50", "70", "FAILS"]
    assert shown[at + 1].startswith("    2 numbers: error 2.0e+01, allowed 5.0e-01: why why")
    assert shown[-1] == "1 of 2 checks hold"
    assert max(map(len, shown)) <= 80
    verbose = lines(Outcome(3, {}, {}, [good]), verbose=True)
    assert "    2 numbers: error 0.0e+00, allowed 0.0e+00: whole numbers" in verbose


def test_a_check_that_does_not_apply_says_so():
    adam = Check.close("a", "after a step", np.nan, 1.0).unless("not for Adam")
    assert adam.passed
    assert check_lines(adam, verbose=True) == [f"{'after a step':<68}not for Adam"]
    held = Check.close("a", "after a step", 2.0, 1.0).unless("")
    assert not held.passed
    assert tally([adam, adam, held]) == "0 of 1 checks hold; 2 are not for Adam"
    assert adam.as_dict()["not_for"] == "not for Adam"


def test_a_long_result_takes_two_lines():
    assert result("x" * 70, "y" * 20) == "x" * 70 + "\n" + " " * 60 + "y" * 20


@pytest.mark.parametrize("value", [np.nan, -np.inf, [1.0, np.nan]])
def test_a_result_that_diverged_says_so(value):
    assert result("cost", value).split() == ["cost", "overflowed"]


def test_pictures_come_with_what_they_show(tmp_path):
    def draw():
        """A line that rises.

        And more.
        """

    outcome = Outcome(3, {}, {}, [Check.true("v", "v", True)], {"line": functools.partial(draw)})
    shown = lines(outcome, saved=[tmp_path / "a.png"])
    at = shown.index(f"picture: {tmp_path / 'a.png'}")
    assert shown[at + 1] == "    A line that rises."


def test_an_outcome_passes_when_all_checks_do():
    good, bad = Check.true("good", "good", True), Check.true("bad", "bad", False)
    assert Outcome(3, {}, {}, [good, good]).passed
    assert not Outcome(3, {}, {}, [good, bad]).passed
