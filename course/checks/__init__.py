"""A check: a number, or many, held against what it must be, and why it must be that.

The proof of lesson 5 is `course/checks/lesson05.py`: a function `checks(measured, options)` from
what the lesson measured to a list of `Check`. It predicts each number in another way than the
lesson got it: by a closed form, by scikit-learn, by finite differences (`references.py`).
"""

from dataclasses import dataclass, replace

import numpy as np

from course.checks import tolerance


@dataclass(frozen=True)
class Check:
    """One comparison. Make one with `close`, `keras`, `within`, `at_most`, `at_least` or `true`.

    Attributes:
        id: a short name in lower case and hyphens, unique in its lesson, that never changes:
            tests, translations and the comparison of backends use it.
        name: what is compared, in words.
        measured: what the lesson got, shape (n,).
        reference: what it should be, or its bound, shape (n,).
        excess: how far each number is from what passes with no tolerance, shape (n,).
        allowed: how large `excess` may be, shape (n,).
        relative: whether `error` and `tolerance` are fractions of the largest reference.
        reason: why the numbers must be so close and no closer.
        agreement: by how much two backends' `measured` may differ, relative to their size where
            that is above 1; None where they need not agree (a time).
        relation: "=", or "≤" or "≥" where the reference is a bound.
        not_for: "not for Adam" where the model is not the one that the reference was predicted
            for: then the check says nothing. Else "".

    What is not finite passes no check: its `excess` is NaN.
    """

    id: str
    name: str
    measured: np.ndarray
    reference: np.ndarray
    excess: np.ndarray
    allowed: np.ndarray
    scale: np.ndarray
    reason: str = ""
    relative: bool = False
    agreement: float | None = tolerance.AGREEMENT
    relation: str = "="
    not_for: str = ""

    @classmethod
    def close(cls, id, name, measured, reference, *, atol=0.0, rtol=0.0, reason="",
              agreement=tolerance.AGREEMENT):  # fmt: skip
        """Passes when every |measured − reference| ≤ atol + rtol · the largest |reference|.

        Args:
            measured, reference: two numbers, two arrays of one shape, or two dicts of them with
                the same keys; each entry of a dict has its own largest reference.
            atol, rtol: numbers, or arrays that broadcast to `reference`; in a dict, for each entry.
        """
        entries = []
        for key, got, expected in _pairs(name, measured, reference):
            size = np.abs(expected).max()
            absolute, relative = (t[key] if isinstance(t, dict) else t for t in (atol, rtol))
            allowed = np.broadcast_to(absolute + relative * size, expected.shape)
            entries.append((got, expected, allowed, np.full(expected.shape, size)))
        got, expected, allowed, scale = (
            np.concatenate([np.ravel(part) for part in parts]) for parts in zip(*entries)
        )
        finite = np.isfinite(got) & np.isfinite(expected)
        excess = np.abs(np.subtract(got, expected, where=finite, out=np.full(got.shape, np.nan)))
        relative = np.any(rtol) if not isinstance(rtol, dict) else True
        relative = bool(relative and not isinstance(atol, dict) and not np.any(atol))
        return cls(id, name, got, expected, excess, allowed, scale, reason, relative, agreement)

    @classmethod
    def keras(cls, id, name, measured, reference, dtype, *, own_loss=False, size=1.0, reason=""):
        """A Keras model's numbers = NumPy's; `course.checks.tolerance` says how close.

        Args:
            dtype: of the Keras model.
            own_loss: whether it was trained with a loss of Keras's own, "mse" for example.
            size: how many times the table's tolerance is allowed; `reason` says why.
        """
        allowed, why = tolerance.keras(dtype, own_loss)
        return cls.close(id, name, measured, reference, rtol=size * allowed,
                         reason=reason or why, agreement=max(size * allowed, 1e-9))  # fmt: skip

    @classmethod
    def within(cls, id, name, measured, expected, sigma, n=5, *, reason="",
               agreement=tolerance.AGREEMENT):  # fmt: skip
        """Passes when every measured number is within n standard errors of the expected one.

        Args:
            sigma: the standard error: a number, or an array that broadcasts to `expected`.
        """
        reason = reason or f"chance: {n:g} standard errors"
        return cls.close(id, name, measured, expected, atol=n * np.asarray(sigma, "float64"),
                         reason=reason, agreement=agreement)  # fmt: skip

    @classmethod
    def at_most(cls, id, name, measured, bound, *, reason="", agreement=tolerance.AGREEMENT):
        """Passes when every measured number ≤ its bound."""
        return cls._bounded(id, name, measured, bound, 1, reason, agreement)

    @classmethod
    def at_least(cls, id, name, measured, bound, *, reason="", agreement=tolerance.AGREEMENT):
        """Passes when every measured number ≥ its bound."""
        return cls._bounded(id, name, measured, bound, -1, reason, agreement)

    @classmethod
    def _bounded(cls, id, name, measured, bound, sign, reason, agreement):
        bound = np.broadcast_to(np.asarray(bound, "float64"), np.shape(measured))
        ((_, got, bound),) = _pairs(name, measured, bound)
        got, bound = got.ravel(), bound.ravel()
        finite = np.isfinite(got) & np.isfinite(bound)
        above = sign * np.subtract(got, bound, where=finite, out=np.full(got.shape, np.nan))
        zero, relation = np.zeros(len(got)), "≤" if sign > 0 else "≥"
        excess = np.maximum(above, 0)  # a NaN stays one
        return cls(id, name, got, bound, excess, zero, zero + 1, reason, False, agreement,
                   relation)  # fmt: skip

    @classmethod
    def true(cls, id, name, condition, *, reason="", agreement=tolerance.AGREEMENT):
        """Passes when the condition holds, everywhere where it is an array.

        Raises:
            TypeError: the condition is not made of True and False: a number, a NaN say,
                would count as True.
        """
        if np.asarray(condition).dtype != bool:
            raise TypeError(f"check {name!r}: a condition is True or False, got {condition!r}")
        return cls.close(id, name, condition, np.ones(np.shape(condition)), reason=reason,
                         agreement=agreement)  # fmt: skip

    def unless(self, not_for):
        """The check where it applies, `not_for` being ""; else one that only says "not for Adam".

        Args:
            not_for: what `course.checks.models.unlike` returns.
        """
        return replace(self, not_for=not_for)

    @property
    def worst(self):
        """The position of the number that is furthest above what is allowed; a NaN first."""
        with np.errstate(invalid="ignore", divide="ignore"):
            over = self.excess - self.allowed
            ratio = np.where(self.allowed > 0, self.excess / self.allowed, np.inf * over)
        ratio = np.where(np.isnan(self.excess), np.inf, np.nan_to_num(ratio, nan=0.0))
        return int(np.argmax(ratio))

    @property
    def error(self):
        """`excess` of the worst number, as a fraction where the check is relative."""
        return float(self._shown(self.excess))

    @property
    def tolerance(self):
        """What is allowed of the worst number, as a fraction where the check is relative."""
        return float(self._shown(self.allowed))

    def _shown(self, values):
        with np.errstate(invalid="ignore", divide="ignore"):
            return values[self.worst] / (self.scale[self.worst] if self.relative else 1.0)

    @property
    def passed(self):
        # A comparison with NaN is False.
        return bool(self.not_for) or bool(
            np.all((self.excess <= self.allowed) & np.isfinite(self.allowed))
        )

    def as_dict(self):
        keys = ("id", "name", "measured", "reference", "error", "tolerance", "relative", "passed",
                "reason", "agreement", "not_for")  # fmt: skip
        return {key: getattr(self, key) for key in keys}


def _pairs(name, measured, reference):
    """Pairs of float64 arrays of one shape: `[(key, measured, reference), …]`."""
    if not isinstance(reference, dict):
        measured, reference = {None: measured}, {None: reference}
    if not isinstance(measured, dict) or list(measured) != list(reference):
        raise ValueError(f"check {name!r}: measured and reference have different keys")
    pairs = []
    for key, expected in reference.items():
        got, expected = np.asarray(measured[key], "float64"), np.asarray(expected, "float64")
        if got.shape != expected.shape:
            raise ValueError(
                f"check {name!r}: measured has shape {got.shape}"
                f" but its reference has shape {expected.shape}"
            )
        if got.size == 0:
            raise ValueError(f"check {name!r}: nothing was measured")
        pairs.append((key, got, expected))
    return pairs


def by_section(sections, measured, options):
    """The checks of all sections that were measured, in the sections' order.

    Args:
        sections: {name: function}; `function(options, **arrays) -> list of Check` gets the
            arrays of the section `measured[name]` by name.
        measured: what a lesson's `run` returned, {name: {name: array}}.
    """
    if unknown := measured.keys() - sections.keys():
        raise KeyError(f"measured and never checked: {', '.join(sorted(unknown))}")
    return [
        check
        for name, section in sections.items()
        if name in measured
        for check in section(options, **measured[name])
    ]
