"""Deliberate mistakes: a check that cannot fail is no check.

Each lesson's test file lists its mistakes as `Mistake`s and runs `assert_caught` on each.
"""

from collections.abc import Callable
from typing import NamedTuple

from course.cli.report import precision


class Mistake(NamedTuple):
    """One deliberate mistake.

    Attributes:
        name: what is wrong, in words.
        attribute: the name in the lesson's module that is replaced.
        wrong: `wrong(right)` makes the mistaken attribute from the right one.
        section: `section() -> Report`, the part of the lesson that must notice.
        caught_by: names of checks that must fail; others may fail as well.
    """

    name: str
    attribute: str
    wrong: Callable
    section: Callable
    caught_by: list

    def __str__(self):
        return self.name


def assert_caught(monkeypatch, lesson, mistake):
    """Make the mistake in the lesson's module and demand that the named checks fail.

    That they hold without it is for the lesson's other tests.
    """
    right = getattr(lesson, mistake.attribute)
    with precision("float64"):
        monkeypatch.setattr(lesson, mistake.attribute, mistake.wrong(right))
        report = mistake.section()
    failing = {check.name for check in report.checks if not check.passed}
    assert set(mistake.caught_by) <= failing, failing
