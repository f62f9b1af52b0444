"""Deliberate holes in the course: the fuzz finds each among the inputs of its fast profile.

How a command ends does not show that a file was written without a rename: that is found by
`test_a_figure_is_whole_or_not_there`.
"""

import contextlib
import sys
from typing import NamedTuple

import numpy as np
import pytest
from conftest import once
from kinds import KINDS, SAME, profile, try_out

import course
from course import errors, estimators, files
from course.cli import flags, start
from course.data import images, pictures, table
from course.grading import classroom
from course.training import models


class Hole(NamedTuple):
    """What is replaced where, the kind of inputs that finds it, and what it is found as."""

    owner: object
    name: str
    wrong: object
    kind: str
    found: str


@contextlib.contextmanager
def left_behind(path):
    """`atomic_write` that forgets its temporary file."""
    part = path.with_name(files._part(1, path.name))
    yield part
    path.write_bytes(part.read_bytes())


@contextlib.contextmanager
def two_lines(name):
    """`one_line_errors` that says too much."""
    with errors.one_line_errors(name) as status:
        yield status
    if status.code == 2:
        print("see the manual", file=sys.stderr)


@contextlib.contextmanager
def swallowing(name):
    """`one_line_errors` that takes bad input for nothing to do."""
    with errors.one_line_errors(name) as status, contextlib.suppress(errors.InputError):
        yield status


@contextlib.contextmanager
def strict(name):
    """`one_line_errors` for consoles that have all letters."""
    with errors.one_line_errors(name) as status:
        sys.stdout.reconfigure(errors="strict")
        yield status


def changing(self, X, y, multi_output=False, right=estimators._Linear._checked):
    """`_checked` that centres the caller's own X."""
    found = right(self, X, y, multi_output)
    if isinstance(X, np.ndarray) and X.dtype == "float64" and X.flags.writeable:
        X -= X.mean(axis=0)
    return found


def unsafe(path, right=models.keras.saving.load_model, **how):
    """Keras's `load_model`, for files that one has written oneself."""
    return right(path, **{**how, "safe_mode": False})


def keeping(self, fit, right=estimators._Linear._keep):
    """`_keep` that keeps weights a little too small."""
    right(self, fit)
    self.coef_ = self.coef_ * (1 - 1e-6)


HOLES = {
    "numbers that are none are taken": Hole(
        table, "MAX_NUMBER", np.inf, "tables", "on stderr: RuntimeWarning"),
    "columns are centred once": Hole(
        table, "_standardised", lambda v: (v - v.mean(axis=0)) / v.std(axis=0), "tables",
        "a mean that is not 0"),
    "an archive may run programs": Hole(
        images.np, "load", lambda file, right=np.load, **how: right(file, allow_pickle=True),
        "archives", "a program in an archive was run"),
    "pixels are not divided": Hole(
        images, "_scaled", lambda X, top: X.reshape(-1, 28, 28, 1).astype("float32"), "archives",
        "pixels that are not from 0 to 1"),
    "a model may run programs": Hole(
        models.keras.saving, "load_model", unsafe, "models", "a program in a model was run"),
    "a picture need not have ink": Hole(
        pictures, "LEAST_CONTRAST", -1, "pictures", "in pictures.centred"),
    "a part file stays": Hole(
        classroom, "atomic_write", left_behind, "commands", "a part file is left"),
    "two lines": Hole(
        start, "one_line_errors", two_lines, "flags of lesson 1", "status 2 with 2 lines"),
    "an exception is swallowed": Hole(
        start, "one_line_errors", swallowing, "flags of lesson 1", "status 0 without a word"),
    "an empty flag is ignored": Hole(
        flags, "path_flag", lambda text: text or None, "empty names",
        "a flag takes an empty name"),
    "numbers below the smallest": Hole(
        flags, "whole_number", lambda low, high: lambda text: min(int(text[:9]), 50),
        "flags of lesson 1", "Error in"),
    "a console without α": Hole(
        start, "one_line_errors", strict, "environments", "UnicodeEncodeError in"),
    "a backend that is not there": Hole(
        course, "pick_backend", lambda environ, installed: "jax", "backends",
        "a backend that is not installed"),
    "X is changed": Hole(estimators._Linear, "_checked", changing, "arrays", "changed X or y"),
    "not quite the minimum": Hole(
        estimators._Linear, "_keep", keeping, "arrays", "not at the minimum"),
}  # fmt: skip


@once
@pytest.mark.slow
@pytest.mark.parametrize("name", HOLES)
def test_a_hole_is_found(name, monkeypatch):
    hole, ways = HOLES[name], set()

    def hold(value):
        try:
            KINDS[hole.kind].hold(value)
        except Exception as error:
            ways.add(getattr(error, "how", repr(error)))

    monkeypatch.setattr(hole.owner, hole.name, hole.wrong)
    try_out(KINDS[hole.kind], profile(KINDS[hole.kind].fast, **SAME), hold)
    assert any(hole.found in way for way in ways), ways
