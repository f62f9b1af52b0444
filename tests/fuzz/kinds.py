"""The kinds of inputs, and how many of each are tried."""

from collections.abc import Callable
from typing import NamedTuple

import archives
import arrays
import checkpoints
import commands
import environments
import models
import pictures
import tables
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy


class Kind(NamedTuple):
    """Inputs of one kind.

    Attributes:
        inputs: draws one.
        hold: raises `law.Broken` where an input breaks the law.
        fast, slow: how many are tried in each tier; 0: none.
    """

    inputs: SearchStrategy
    hold: Callable
    fast: int
    slow: int


KINDS = {
    "tables": Kind(tables.files(), tables.hold_file, 200, 3000),
    "tables in lesson 10": Kind(tables.fits([10]), tables.hold_fit, 6, 100),
    "tables in lessons 3, 8, 9": Kind(tables.fits([3, 8, 9]), tables.hold_fit, 2, 60),
    "archives": Kind(archives.archives(), archives.hold, 250, 1500),
    "pictures": Kind(pictures.pictures(), pictures.hold, 200, 3000),
    "checkpoints": Kind(checkpoints.checkpoints(), checkpoints.hold, 100, 1000),
    "models": Kind(models.models(), models.hold, 60, 400),
    "models in lesson 11": Kind(models.models(), models.hold_command, 0, 40),
    "flags of lesson 1": Kind(commands.lines([1]), commands.hold, 70, 500),
    "flags of other lessons": Kind(commands.lines(), commands.hold, 0, 60),
    "empty names": Kind(commands.empty_names(), commands.hold_empty_name, 100, 100),
    "commands": Kind(commands.orders(), commands.hold, 200, 1000),
    "environments": Kind(environments.surroundings(), environments.hold, 30, 200),
    "environments of a process": Kind(environments.surroundings(environments.STARTED),
                                      environments.hold_started, 0, 12),
    "backends": Kind(environments.backends(), environments.hold_backend, 60, 500),
    "arrays": Kind(arrays.fits(), arrays.hold, 400, 4000),
}  # fmt: skip


def profile(examples, **given):
    """Settings for `try_out`: time is no matter, and shrinking neither looks at it."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=examples, deadline=None, database=None, print_blob=True,
                    suppress_health_check=checks, **given)  # fmt: skip


# In the tests the same inputs each time; long.py draws others.
SAME = {"derandomize": True, "phases": (Phase.generate, Phase.shrink)}
OTHERS = {"phases": (Phase.generate, Phase.shrink)}


def try_out(kind, how, hold=None, from_seed=None):
    """Try inputs of a kind; raise what the smallest that breaks the law raises.

    Args:
        kind: a `Kind`.
        how: of `profile`.
        hold: in place of the kind's.
        from_seed: of the inputs, where `how` does not say.
    """

    def test(value):
        (hold or kind.hold)(value)

    test = how(given(value=kind.inputs)(test))
    (seed(from_seed)(test) if from_seed is not None else test)()
