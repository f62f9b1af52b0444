"""What passes a check, and what never does."""

import json

import numpy as np
import pytest

from course.checks import Check, by_section, tolerance
from course.cli.table import plain

NOT_FINITE = (np.nan, np.inf, -np.inf)
MAKERS = {
    "close": lambda x, y: Check.close("c", "c", x, y, atol=1e9),
    "relative": lambda x, y: Check.close("c", "c", x, y, rtol=1e9),
    "keras": lambda x, y: Check.keras("c", "c", x, y, "float64", size=1e12, reason="a test"),
    "within": lambda x, y: Check.within("c", "c", x, y, 1e9),
    "at most": lambda x, y: Check.at_most("c", "c", x, y + 1e9),
    "at least": lambda x, y: Check.at_least("c", "c", x, y - 1e9),
}
every_kind = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def test_close_is_about_every_element():
    check = Check.close("three", "three numbers", [1, 2, 3], [1, 2.5, 3], atol=0.4)
    assert (check.error, check.tolerance, check.worst) == (0.5, 0.4, 1)
    assert not check.passed
    assert Check.close("three", "three numbers", [1, 2, 3], [1, 2.5, 3], atol=0.5).passed
    assert not Check.close("exact", "exact", 0.1 + 0.2, 0.3).passed


def test_relative_is_to_the_largest_reference():
    check = Check.close("x", "x", [101.0, 1.0], [100.0, 0.0], rtol=0.01)
    assert check.relative
    assert (check.error, check.tolerance) == pytest.approx((0.01, 0.01))
    assert check.passed
    assert not Check.close("x", "x", [101.1, 1.0], [100.0, 0.0], rtol=0.01).passed


def test_both_tolerances_add_and_are_absolute():
    check = Check.close("x", "x", 103.0, 100.0, atol=1.0, rtol=0.02)
    assert not check.relative
    assert (check.error, check.tolerance) == pytest.approx((3.0, 3.0))


def test_each_entry_of_a_dict_has_its_own_size():
    reference = {"small": [1e-6, 2e-6], "large": [1e6]}
    measured = {"small": [1e-6, 2e-6 + 1e-8], "large": [1e6 + 1]}
    assert Check.close("d", "d", measured, reference, rtol=0.006).passed
    check = Check.close("d", "d", measured, reference, rtol=0.004)
    assert not check.passed
    assert (check.worst, check.error) == (1, pytest.approx(0.005))
    assert check.measured.shape == (3,)
    each = Check.close("d", "d", measured, reference, atol={"small": 1e-8, "large": 0.5})
    assert not each.passed
    assert each.worst == 2
    with pytest.raises(ValueError, match="different keys"):
        Check.close("d", "d", {"large": [1]}, reference)


def test_a_tolerance_may_be_an_array():
    assert Check.close("a", "a", [1.0, 2.0], [1.1, 2.5], atol=[0.2, 0.6]).passed
    assert not Check.close("a", "a", [1.0, 2.0], [1.1, 2.5], atol=[0.6, 0.2]).passed


@every_kind
@pytest.mark.parametrize("bad", NOT_FINITE)
def test_what_is_not_finite_never_passes(make, bad):
    assert make(1.0, 1.0).passed
    assert make([1.0, 1.0], np.array([1.0, 1.0])).passed
    for check in (make(bad, 1.0), make([1.0, bad], np.array([1.0, 1.0])),
                  make([bad, 1.0], np.array([1.0, 1.0]))):  # fmt: skip
        assert not check.passed
    assert make([1.0, bad], np.array([1.0, 1.0])).worst == 1


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("bad", NOT_FINITE)
def test_nothing_passes_with_a_reference_or_a_tolerance_that_is_not_finite(bad):
    for kind in ("close", "relative", "keras", "within"):
        assert not MAKERS[kind](1.0, bad).passed
        assert not MAKERS[kind](bad, bad).passed
    assert not Check.close("c", "c", 1.0, 1.0, atol=bad).passed
    assert not Check.close("c", "c", 1.0, 1.0, rtol=bad).passed
    assert not Check.close("c", "c", [1.0, 1.0], [1.0, 1.0], atol=[1.0, bad]).passed
    assert not Check.within("c", "c", 1.0, 1.0, bad).passed
    assert not Check.at_most("c", "c", 1.0, bad).passed
    assert not Check.at_least("c", "c", 1.0, bad).passed


@every_kind
def test_shapes_are_the_same_and_something_was_measured(make):
    with pytest.raises(ValueError, match="nothing was measured"):
        make([], np.array([]))


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\).*shape \(2, 1\)"):
        Check.close("c", "column against row", [1, 2], [[1], [2]], atol=9)
    with pytest.raises(ValueError, match="shape"):
        Check.within("c", "c", [1, 2], 1, 9)
    with pytest.raises(ValueError, match="broadcast"):
        Check.at_most("c", "c", [1, 2], [3, 3, 3])


def test_within_counts_standard_errors():
    assert Check.within("w", "w", [1.0, 3.0], [0.0, 0.0], [0.2, 0.6]).passed
    check = Check.within("w", "w", [1.0, 3.0], [0.0, 0.0], [0.2, 0.6], n=4)
    assert not check.passed
    assert check.tolerance == pytest.approx(0.8)
    assert check.reason == "chance: 4 standard errors"


def test_bounds_hold_for_every_element():
    assert Check.at_most("b", "b", [1, 2], 2).passed
    assert not Check.at_most("b", "b", [1, 2.1], 2).passed
    assert Check.at_least("b", "b", [1, 2], [1, 2]).passed
    check = Check.at_least("b", "b", [1, 2], [1, 3])
    assert (check.passed, check.worst, check.error) == (False, 1, 1.0)


def test_true_takes_conditions_only():
    assert Check.true("t", "t", True).passed
    assert Check.true("t", "t", np.array([True, True])).passed
    assert not Check.true("t", "t", [True, False]).passed
    for number in (1, np.nan, np.array([1.0])):
        with pytest.raises(TypeError, match="a condition is True or False"):
            Check.true("t", "t", number)


def test_keras_takes_its_tolerance_and_its_reason_from_the_table():
    for own_loss in (False, True):
        check = Check.keras("k", "k", 1.0, 1.0, "float32", own_loss=own_loss)
        allowed, reason = tolerance.keras("float32", own_loss)
        assert (check.tolerance, check.reason, check.relative) == (allowed, reason, True)
        assert check.agreement == max(allowed, 1e-9)
    assert Check.keras("k", "k", 1.0, 1.0, "float64").agreement >= 1e-9
    twice = Check.keras("k", "k", 100.0, 100.0, "float32", size=2, reason="two networks")
    assert twice.tolerance == 2 * tolerance.keras("float32")[0]
    assert twice.reason == "two networks"


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_backend_has_a_tolerance_with_a_reason(backend, dtype):
    for own_loss in (False, True):
        allowed, reason = tolerance.keras(dtype, own_loss, backend)
        assert 0 < allowed < 1e-5
        assert len(reason) > 10


def test_the_keys_of_a_check_and_json_without_nan():
    record = plain(Check.close("c", "a check", [1.0, np.nan], [1.0, 2.0], atol=0.1).as_dict())
    assert list(record) == [
        "id", "name", "measured", "reference", "error", "tolerance", "relative", "passed",
        "reason", "agreement", "not_for",
    ]  # fmt: skip
    there = json.loads(json.dumps(record, allow_nan=False))
    assert there["measured"] == [1.0, "nan"]
    assert (there["id"], there["error"], there["passed"]) == ("c", "nan", False)
    assert (there["relative"], there["agreement"]) == (False, tolerance.AGREEMENT)


def test_sections_are_checked_in_order_and_none_is_forgotten():
    sections = {
        "one": lambda options, x: [Check.true("one", "one", x > options)],
        "two": lambda options, y, **_: [Check.true("two", "two", y > options)],
    }
    checks = by_section(sections, {"two": {"y": 0, "z": 1}, "one": {"x": 2}}, 1)
    assert [(check.id, check.passed) for check in checks] == [("one", True), ("two", False)]
    assert [check.id for check in by_section(sections, {"two": {"y": 0}}, 1)] == ["two"]
    with pytest.raises(KeyError, match="measured and never checked: three"):
        by_section(sections, {"three": {}}, 1)
