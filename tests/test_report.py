import json

import numpy as np
import pytest
from rich.console import Console

from course.cli.report import Check, Options, Report, plain, short, show, with_precision


def test_a_check_reports_the_largest_difference():
    check = Check("three", [1, 2, 3], [1, 2.5, 3], 0.4)
    assert check.error == 0.5
    assert not check.passed


def test_relative_is_to_the_largest_reference():
    assert Check("x, relative", [101.0, 1.0], [100.0, 0.0], 0.01).error == pytest.approx(0.01)


@pytest.mark.parametrize("measured", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_passes(measured):
    assert not Check("finite", measured, 1.0, 1e9).passed
    assert not Check("finite", [1.0, measured], [1.0, 1.0], 1e9).passed
    assert not Check("finite", 1.0, measured, 1e9).passed


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\).*shape \(2, 1\)"):
        Check("column against row", [1, 2], [[1], [2]], 1)


def test_nothing_measured_is_refused():
    with pytest.raises(ValueError, match="nothing was measured"):
        Check("empty", [], [], 1)


def test_the_keys_of_a_check_and_json_without_nan():
    record = plain(Check("c", [1.0, np.nan], [1.0, 2.0], 0.1).as_dict())
    assert list(record) == [
        "name", "measured", "reference", "error", "tolerance", "passed", "agreement",
    ]  # fmt: skip
    assert json.loads(json.dumps(record, allow_nan=False))["measured"] == [1.0, "nan"]


def test_numbers_are_short():
    assert short(np.float64(1) / 3) == "0.333333"
    assert short(np.arange(100)) == "0 … 99"
    assert short([1, 2.5]) == "1  2.5"


def test_the_table_shows_the_pair_that_is_furthest_apart(capsys):
    report = Report(
        {"answer": 42}, [Check("good", [1, 2], [1, 2], 0), Check("bad", [1, 50], [1, 70], 0.5)]
    )
    show(report, Console(width=80))
    out = capsys.readouterr().out
    assert "good (2)" in out
    assert "FAILS" in out
    assert ["bad", "(2)", "50", "70"] == out[out.index("bad") :].split()[:4]
    assert "1 of 2 checks hold" in out


def test_names_in_square_brackets_are_no_markup(capsys):
    show(Report({"weight of rate [/h]": "[red]"}, [Check("v [km/h]", 1, 1, 0)]), Console(width=80))
    out = capsys.readouterr().out
    assert "weight of rate [/h]" in out
    assert "[red]" in out
    assert "v [km/h]" in out


def test_precision_holds_while_a_lesson_runs_and_no_longer():
    import keras

    def now():
        layer = keras.layers.Dense(1)
        layer.build((None, 1))
        return keras.config.floatx(), layer.kernel.dtype

    seen = []

    @with_precision
    def run(options):
        seen.append(now())
        raise RuntimeError

    before = now()
    for dtype in ("float64", "float32"):
        with pytest.raises(RuntimeError):
            run(Options(dtype=dtype))
    assert seen == [("float64", "float64"), ("float32", "float32")]
    assert now() == before
