"""A ledger as a Subject, so that how much of it is spent can be judged, stored and gated like any other number."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.finding import Run
from assay.core.house import House, Ledger
from assay.core.subject import Task


@dataclass(frozen=True)
class LedgerSubject:
    """Implements Subject: it has the role `ledger` and no other."""

    ledger: Ledger
    task: Task = "none"

    @property
    def name(self) -> str:
        """Name of the ledger."""
        return self.ledger.name

    def has(self, role: str) -> bool:
        """True for `ledger`."""
        return role == "ledger"


def spent_run(house: House, ledger: Ledger, /) -> Run:
    """The stored Run of `privacy.spent` on the ledger as it stands; call it after a release, or to look."""
    return house.audit(LedgerSubject(ledger), checks=("privacy.spent",))
