"""What a lesson hands back: results, checks, figures; and how they are shown."""

import contextlib
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from course.checks import tolerance


@dataclass(frozen=True)
class Options:
    """What the command line passes to a lesson's `run`; None means the lesson's own value."""

    seed: int = 0
    epochs: int | None = None
    steps: int | None = None
    quick: bool = False
    dtype: str = "float64"
    data: str | None = None
    target: str | None = None

    @staticmethod
    def add_flags(add):
        """What the class adds to the shared flags; `add` is argparse's `add_argument`."""


@dataclass(frozen=True)
class Check:
    """One number, or several, beside the same obtained another way.

    Attributes:
        name: what is compared; a name that says "relative" makes `error` relative to
            the largest reference.
        measured: what the lesson got; a number or an array.
        reference: what it should be, from an independent source; the same shape.
        tolerance: the largest `error` allowed.
        agreement: by how much two backends' `measured` may differ, relative to their
            size where that is above 1; None where they need not agree (a time).
    """

    name: str
    measured: float | np.ndarray
    reference: float | np.ndarray
    tolerance: float
    agreement: float | None = tolerance.AGREEMENT

    def __post_init__(self):
        for side in ("measured", "reference"):
            object.__setattr__(self, side, np.asarray(getattr(self, side), dtype="float64"))
        if self.measured.shape != self.reference.shape:
            raise ValueError(
                f"check {self.name!r}: measured has shape {self.measured.shape}"
                f" but its reference has shape {self.reference.shape}"
            )
        if self.measured.size == 0:
            raise ValueError(f"check {self.name!r}: nothing was measured")

    @classmethod
    def twin(cls, name, measured, reference, dtype, size=1.0):
        """A Keras model's numbers beside the ones by hand; course.checks.tolerance says how close.

        Args:
            dtype: of the Keras model.
            size: of the numbers compared; the tolerance is relative to it.
        """
        allowed = size * tolerance.twin(dtype)
        # The agreement of two backends is relative to the numbers' size; `allowed` may not be.
        scale = 1.0 if "relative" in name else max(1.0, np.abs(reference).max())
        return cls(name, measured, reference, allowed, agreement=allowed / scale)

    @property
    def error(self):
        """The largest absolute difference; NaN where one is NaN, and NaN never passes."""
        with np.errstate(invalid="ignore", divide="ignore"):
            largest = np.max(np.abs(self.measured - self.reference))
            if "relative" in self.name:
                largest = largest / np.max(np.abs(self.reference))
        return float(largest)

    @property
    def passed(self):
        return self.error <= self.tolerance

    def as_dict(self):
        keys = ("name", "measured", "reference", "error", "tolerance", "passed", "agreement")
        return {key: plain(getattr(self, key)) for key in keys}


@dataclass
class Report:
    """A lesson's outcome.

    Attributes:
        results: the numbers the lesson is about, by name.
        checks: list of `Check`.
        figures: by name, a function without arguments that draws a Matplotlib figure.
    """

    results: dict
    checks: list[Check]
    figures: dict[str, Callable] = field(default_factory=dict)

    @property
    def passed(self):
        return all(check.passed for check in self.checks)

    @classmethod
    def join(cls, *sections):
        """One report from a lesson's sections, in order."""
        joined = cls({}, [], {})
        for section in sections:
            joined.results.update(section.results)
            joined.checks.extend(section.checks)
            joined.figures.update(section.figures)
        return joined


@contextlib.contextmanager
def precision(dtype):
    """Within the block, Keras's new layers, losses and optimizers compute in `dtype`.

    Layers follow Keras's dtype policy, the optimizer's learning rate follows its
    `floatx`: a learning rate of 0.027 kept in float32 is 0.0270000007, which the
    checks would see. "mixed_bfloat16", "mixed_float16": only the layers' arithmetic.
    """
    import keras

    from course.machine import devices

    devices.exact_float32()
    config = keras.config
    before = config.floatx(), config.dtype_policy()
    config.set_floatx("float32" if dtype.startswith("mixed_") else dtype)
    config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        config.set_floatx(before[0])
        config.set_dtype_policy(before[1])


def with_precision(run):
    """Decorate a lesson's `run(options)` to compute in `options.dtype`."""

    default = (run.__defaults__ or [Options()])[0]

    @functools.wraps(run)
    def wrapped(options=default):
        with precision(options.dtype):
            return run(options)

    return wrapped


def plain(value):
    """Arrays and NumPy scalars as lists and numbers; what is not finite as a string."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value) > 0:
        return [plain(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no NaN
    return value


def short(value):
    """A number in about ten characters; text as it is; of an array the first and the last."""
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    if array.ndim == 0:
        item = array.item()
        return f"{item:.6g}" if isinstance(item, float) else str(item)
    flat = array.ravel()
    if flat.size <= 3:
        return "  ".join(short(item) for item in flat)
    return f"{short(flat[0])} … {short(flat[-1])}"


def _worst(check):
    """The measured number and the reference that are furthest apart."""
    difference = np.abs(check.measured - check.reference)
    at = np.argmax(np.where(np.isnan(difference), np.inf, difference))
    return short(check.measured.ravel()[at]), short(check.reference.ravel()[at])


def show(report, console):
    """Print the results and the table of checks on a rich console.

    Behind a check of several numbers stands how many, and the row shows the pair
    that is furthest apart.
    """
    from rich.markup import escape
    from rich.table import Table

    results = Table(box=None, show_header=False, pad_edge=False)
    results.add_column(overflow="fold", min_width=20)
    results.add_column(justify="right", overflow="fold")
    for name, value in report.results.items():
        results.add_row(escape(name), escape(short(value)))
    console.print(results)
    console.print()

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("check", overflow="fold")
    for title in ("measured", "reference", "error", "allowed", ""):
        table.add_column(title, justify="right", no_wrap=True)
    for check in report.checks:
        count = f" ({check.measured.size})" if check.measured.size > 1 else ""
        verdict = "[green]ok[/]" if check.passed else "[bold red]FAILS[/]"
        sizes = (f"{check.error:.1e}", f"{check.tolerance:.1e}")
        table.add_row(escape(check.name + count), *_worst(check), *sizes, verdict)
    console.print(table)
    good = sum(check.passed for check in report.checks)
    console.print(f"\n{good} of {len(report.checks)} checks hold")
