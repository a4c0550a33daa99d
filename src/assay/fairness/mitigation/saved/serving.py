"""What a mitigated model needs to serve, beside what was fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.fairness.mitigation.columns.filling import Filling


@dataclass(frozen=True)
class Serving:
    """Names of the outcomes 0 and 1, how missing numbers are filled, where the subjects are, how rows were divided."""

    classes: tuple[str, str] = ("0", "1")
    filling: Filling = field(default_factory=Filling)
    subject: str = ""
    division: str = ""

    def to_json(self) -> dict[str, Any]:
        """The Serving as JSON types."""
        return {
            "classes": list(self.classes),
            "filling": self.filling.to_json(),
            "subject": self.subject,
            "division": self.division,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Serving:
        """The Serving that `to_json` wrote; a KeyError, TypeError or ValueError where it is none."""
        unfavourable, favourable = map(str, data["classes"])
        return cls(
            (unfavourable, favourable), Filling.from_json(data["filling"]), str(data["subject"]), str(data["division"])
        )
