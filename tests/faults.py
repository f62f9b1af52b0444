"""Injected faults: a check that cannot fail is no check.

Each lesson's test file lists its faults and runs `assert_caught` on each: what the lesson
measured is spoilt, by hand or by a wrong function in the lesson or in its proof, and the proof
alone is run again. The lesson itself is run once for all of them.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import NamedTuple

from course.cli import options, outcome
from course.machine.precision import precision

QUICK = {12: {"quick": True}, 14: {"quick": True}}  # whole they take a minute


def usual(number):
    """The options of the run of a lesson that its tests share: none, or --quick."""
    return QUICK.get(number, {})


@functools.cache
def run(number, **given):
    """A lesson's `Outcome`, run once in this process for each set of options."""
    return outcome.run(number, **given)


class Fault(NamedTuple):
    """One injected fault.

    Attributes:
        name: what is wrong, in words.
        section: the section of `measured` that it is in.
        caught_by: ids of checks that must fail, and that hold without it; others may fail too.
        spoil: `spoil(found, lesson) -> {name: array}`, what replaces arrays of the section; it is
            called with the patch in place. None: nothing does.
        patch: `(attribute, wrong)`: `wrong(right)` replaces an attribute of the lesson, or where
            it has none of that name, of its proof; "references.curvature" with a dot.
        given: options of the run whose arrays are spoilt; None: the lesson's usual ones.
    """

    name: str
    section: str
    caught_by: list
    spoil: Callable | None = None
    patch: tuple | None = None
    given: dict | None = None

    def __str__(self):
        return self.name


def failing(number, measured, given):
    """Ids of the checks that fail, and of those that hold."""
    proof = outcome.modules(number)[1]
    chosen = options.make(number, **given)
    with precision(chosen.dtype):
        checks = proof.checks(measured, chosen)
    checks = [check for check in checks if not check.not_for]
    return ({check.id for check in checks if check.passed is wanted} for wanted in (False, True))


def assert_caught(number, fault):
    """The named checks hold on what the lesson measured, and fail with the fault."""
    given = usual(number) if fault.given is None else fault.given
    measured = run(number, **given).measured
    section = {fault.section: measured[fault.section]}
    wanted = set(fault.caught_by)
    assert wanted, "no check is named"
    _, holding = failing(number, section, given)
    assert wanted <= holding, f"fail without the fault: {wanted - holding}"
    with patched(number, fault.patch):
        if fault.spoil is not None:
            lesson = outcome.modules(number)[0]
            with precision(options.make(number, **given).dtype):
                changed = fault.spoil(section[fault.section], lesson)
            section = {fault.section: {**section[fault.section], **changed}}
        caught, _ = failing(number, section, given)
    assert wanted <= caught, f"not caught by {wanted - caught}, but by {caught}"


@contextlib.contextmanager
def patched(number, patch):
    if patch is None:
        yield
        return
    (path, wrong), (lesson, proof, _) = patch, outcome.modules(number)
    *folders, name = path.split(".")
    owner = lesson if hasattr(lesson, path.split(".")[0]) else proof
    for folder in folders:
        owner = getattr(owner, folder)
    right = getattr(owner, name)
    # The proof may have taken a function of the page by name.
    owners = [owner, *({proof} if getattr(proof, name, None) is right else ())]
    for each in owners:
        setattr(each, name, wrong(right))
    try:
        yield
    finally:
        for each in owners:
            setattr(each, name, right)
