"""The record of a comparison of methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.core.errors import Message
from assay.fairness.frontier.outcomes import Held, Outcome
from assay.fairness.mitigation.held_out import Reduction

PLAIN = "none"
"""Name of the model without any mitigation."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One method on held-out rows; without `outcome` there is a `reason` why not.

    `reduction` is of its gap against the plain model's; `dominated_by` names a method with no less accuracy and no
    wider gap, one of them better, by the points.
    """

    method: str
    title: str
    settings: Mapping[str, Any]
    needs_attribute: bool
    randomised: bool
    outcome: Outcome | None = None
    reduction: Reduction | None = None
    dominated_by: str | None = None
    reason: Message | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON types."""
        found, shrunk = self.outcome, self.reduction
        return {
            "method": self.method,
            "title": self.title,
            "settings": dict(self.settings),
            "needs_attribute_at_decision": self.needs_attribute,
            "randomised": self.randomised,
            "accuracy": found.accuracy.to_json() if found else None,
            "gap": found.gap.to_json() if found else None,
            "groups": [dict(found.high), dict(found.low)] if found else [],
            "reduction": reduction_json(shrunk),
            "dominated_by": self.dominated_by,
            "reason": self.reason.text() if self.reason else None,
        }


def reduction_json(shrunk: Reduction | None, /) -> dict[str, Any] | None:
    """The reduction as JSON types."""
    if shrunk is None:
        return None
    interval = shrunk.interval.to_json() if shrunk.interval else None
    return {"value": shrunk.value, "interval": interval, "excludes_zero": shrunk.excludes_zero}


@dataclass(frozen=True, slots=True)
class Frontier:
    """All methods on the same held-out rows, the plain model first; `facts` say how they were made."""

    rate: str
    entries: tuple[Entry, ...]
    facts: Mapping[str, Any]

    @property
    def best(self) -> tuple[Entry, ...]:
        """The entries that no other dominates, by falling accuracy."""
        kept = [entry for entry in self.entries if entry.outcome and entry.dominated_by is None]
        return tuple(sorted(kept, key=lambda entry: -_accuracy(entry).value))

    def table(self) -> list[dict[str, str]]:
        """One row of texts a method, for a document: untrusted text is not escaped here."""
        return [
            {
                "method": entry.method,
                "accuracy": _text(entry.outcome.accuracy) if entry.outcome else "",
                f"{self.rate} gap": _text(entry.outcome.gap) if entry.outcome else "",
                "gap reduced by": _shrunk(entry.reduction),
                "protected attribute at decision": "needed" if entry.needs_attribute else "not needed",
                "decisions": "drawn by subject" if entry.randomised else "fixed",
                "dominated by": entry.dominated_by or "",
                "reason": entry.reason.text() if entry.reason else "",
            }
            for entry in self.entries
        ]

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON types."""
        return {"rate": self.rate, "entries": [entry.to_json() for entry in self.entries], "facts": dict(self.facts)}


def mark_dominated(entries: Sequence[Entry], /) -> tuple[Entry, ...]:
    """The entries, each with the name of the most accurate one that dominates it."""
    measured = [entry for entry in entries if entry.outcome]
    ranked = sorted(measured, key=lambda entry: (-_accuracy(entry).value, _gap(entry).value))

    def marked(entry: Entry) -> Entry:
        if not entry.outcome:
            return entry
        found = next((other for other in ranked if _dominates(other, entry)), None)
        return replace(entry, dominated_by=found.method if found else None)

    return tuple(marked(entry) for entry in entries)


def _dominates(one: Entry, other: Entry) -> bool:
    more, less = _accuracy(one).value - _accuracy(other).value, _gap(other).value - _gap(one).value
    return more >= 0 and less >= 0 and (more > 0 or less > 0)


def _accuracy(entry: Entry) -> Held:
    if entry.outcome is None:
        raise ValueError(f"{entry.method} was not measured")
    return entry.outcome.accuracy


def _gap(entry: Entry) -> Held:
    if entry.outcome is None:
        raise ValueError(f"{entry.method} was not measured")
    return entry.outcome.gap


def _text(number: Held) -> str:
    return f"{number.value:.3f} ({number.interval.low:.3f} to {number.interval.high:.3f})"


def _shrunk(shrunk: Reduction | None) -> str:
    if shrunk is None:
        return ""
    ends = f" ({shrunk.interval.low:.3f} to {shrunk.interval.high:.3f})" if shrunk.interval else ""
    return f"{shrunk.value:.3f}{ends}"
