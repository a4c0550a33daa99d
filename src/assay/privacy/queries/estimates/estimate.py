"""A number with the interval of the noise in it, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.errors import Message


@dataclass(frozen=True, slots=True)
class Estimate:
    """`value` and the ends of its interval; where there is no value, `reason` says why, and the ends say what is known.

    `rows` is the noisy number of rows behind it, where that came with the answer.
    """

    value: float | None
    low: float
    high: float
    rows: int | None
    reason: Message | None = None


TOO_FEW = Message("noisy-count-below-one", "the noisy number of rows is below 1: the noise hides them")
"""Why a mean or a variance has no value."""
