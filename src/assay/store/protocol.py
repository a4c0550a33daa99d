"""What every store does; the contract suite in the tests says it again in examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

from assay.core.decision import Decision
from assay.core.finding import Finding, Run
from assay.core.house import Ledgers, Sink
from assay.core.measure import Attachment, Verdict


@dataclass(frozen=True, slots=True)
class RunHeader:
    """A Run at a glance, without its Findings.

    `status` is "done", "interrupted" or "running"; `verdict` is the Run's verdict as it was when the Run ended,
    None where it has not ended or nothing was judged; `findings` is how many there are.
    """

    id: str
    subject: str
    started: datetime
    seconds: float
    status: str
    verdict: Verdict | None
    findings: int

    def to_json(self) -> dict[str, Any]:
        """The header as JSON types."""
        return {
            "id": self.id,
            "subject": self.subject,
            "started": self.started.isoformat(),
            "seconds": self.seconds,
            "status": self.status,
            "verdict": self.verdict.value if self.verdict else None,
            "findings": self.findings,
        }


class Store(Sink, Protocol):
    """Keeps what is put in, gives it back as it was, and deletes nothing.

    Every writing method returns when its transaction is committed: what was added survives the death of this process.
    Everything that goes wrong with the database is an AssayError.
    """

    @property
    def label(self) -> str:
        """Where the store is, for people: never a password."""

    def runs(self, *, limit: int = 50) -> Sequence[RunHeader]:
        """The newest `limit` Runs, newest first."""

    def run(self, id: str, /) -> Run:
        """The Run with that id, the unique beginning of an id, or `latest`; its Findings in the order they came.

        Their Measures have their attachments again (without titles); one whose bytes are not in the store is left out.
        """

    def finding(self, id: str, /) -> Finding:
        """The Finding with that id, or the unique beginning of one; its Measure has its attachments."""

    def attachment(self, digest: str, /) -> Attachment:
        """The attachment with that digest, verified against it."""

    def decide(self, decision: Decision, /) -> str:
        """Store a Decision about Findings that are in this store; its id. It can never be changed."""

    def decisions(self, *, finding: str | None = None) -> Sequence[Decision]:
        """Every Decision, or every one about the Finding with that id; oldest first."""

    @property
    def ledgers(self) -> Ledgers:
        """The privacy budgets that are kept here."""

    def close(self) -> None:
        """Let go of the database; also done when the store is no longer used."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
