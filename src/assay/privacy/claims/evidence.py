"""What one test found of a claim."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.errors import Message
from assay.core.measure import Interval

LEVEL = 0.999
"""Confidence at which a claim is called broken, twice on fresh draws."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A number, its interval, and the probability of one as far off where the claim holds.

    `exact` says that nothing of it is by chance. `says` is what is wrong with the training where that probability is
    too small; `value` None needs the `reason`.
    """

    name: str
    value: float | None
    n: int | tuple[int, int]
    method: str = ""
    p_value: float | None = None
    interval: Interval | None = None
    exact: bool = False
    says: Message | None = None
    reason: Message | None = None

    @property
    def suspicious(self) -> bool:
        """True where a training that keeps the claim would show this once in a thousand times, or less."""
        return self.p_value is not None and self.p_value < 1 - LEVEL


def absent(name: str, id: str, text: str, /, **params: str | float) -> Evidence:
    """Evidence that could not be had, and why."""
    return Evidence(name, None, 0, reason=Message(f"privacy.claim.{id}", text, params))
