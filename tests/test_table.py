"""Numbers as text."""

import json

import numpy as np
import pytest
from rich.console import Console

from course.checks import Check
from course.cli.outcome import Outcome
from course.cli.table import plain, row, short, show


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
    assert row(wide) == ("wide (2)", "1", "0", "1.0e+00", "5.0e-01")
    relative = Check.close("r", "one number", 101, 100, rtol=0.02)
    assert row(relative) == ("one number", "101", "100", "1.0e-02", "2.0e-02")
    assert row(Check.close("n", "n", [1.0, np.nan], [1.0, 2.0], atol=1))[1:4] == ("nan", "2", "nan")


def printed(outcome, capsys):
    show(outcome, Console(width=80))
    return capsys.readouterr().out


def test_the_table(capsys):
    good = Check.close("good", "good", [1, 2], [1, 2])
    bad = Check.close("bad", "bad", [1, 50], [1, 70], atol=0.5)
    out = printed(Outcome(3, {}, {"answer": 42}, [good, bad]), capsys)
    assert "good (2)" in out
    assert "FAILS" in out
    assert ["bad", "(2)", "50", "70", "2.0e+01", "5.0e-01"] == out[out.index("bad") :].split()[:6]
    assert "1 of 2 checks hold" in out


@pytest.mark.parametrize("words", ["weight of rate [/h]", "[red]"])
def test_names_in_square_brackets_are_no_markup(words, capsys):
    out = printed(Outcome(3, {}, {words: "[bold]"}, [Check.true("v", words, True)]), capsys)
    assert out.count(words) == 2
    assert "[bold]" in out


def test_an_outcome_passes_when_all_checks_do():
    good, bad = Check.true("good", "good", True), Check.true("bad", "bad", False)
    assert Outcome(3, {}, {}, [good, good]).passed
    assert not Outcome(3, {}, {}, [good, bad]).passed
