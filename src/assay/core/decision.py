"""Who said what about which Findings, when and why. Append only; only a person makes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from assay.core.canonical import digest
from assay.core.errors import AssayError

FORMAT = 1
Outcome = Literal["approve", "reject", "waive", "revoke"]


@dataclass(frozen=True, slots=True)
class Decision:
    """`person` (or a policy that names one) says `outcome` about `findings`, for `reason`."""

    person: str
    outcome: Outcome
    findings: tuple[str, ...]
    reason: str
    at: datetime
    policy: str = ""

    def __post_init__(self) -> None:
        if not self.person.strip():
            raise AssayError("A Decision names the person who made it.", code="decision")
        if not self.reason.strip():
            raise AssayError("A Decision says why.", code="decision")
        if self.at.tzinfo is None:
            raise AssayError("A Decision's time has a time zone.", code="decision")

    def to_json(self) -> dict[str, Any]:
        """The Decision as JSON types, with its id."""
        body = {
            "format": FORMAT,
            "person": self.person,
            "outcome": self.outcome,
            "findings": list(self.findings),
            "reason": self.reason,
            "at": self.at.isoformat(),
            "policy": self.policy,
        }
        return {"id": digest(body), **body}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Decision:
        """The Decision that `to_json` wrote; whether the id fits the content is for the reader to check."""
        if data["format"] != FORMAT:
            raise AssayError(
                f"Decision {data['id']} has format {data['format']}; this assay reads {FORMAT}.",
                code="format",
                hint="A newer format needs a newer assay.",
            )
        return cls(
            person=data["person"],
            outcome=data["outcome"],
            findings=tuple(data["findings"]),
            reason=data["reason"],
            at=datetime.fromisoformat(data["at"]),
            policy=data["policy"],
        )
