"""What an area needs from the rooms above it, handed to its commands as one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from assay.core.finding import Finding, Run
from assay.core.measure import Measure
from assay.core.policy import Policy
from assay.core.subject import Subject


@dataclass(frozen=True, slots=True)
class Spend:
    """One entry of a Ledger: who, for what, how much (exact rationals), and where it stands.

    `state` is "reserved", "committed" or "released"; a reservation that never committed is spent.
    """

    id: str
    who: str
    what: str
    amount: Mapping[str, Fraction]
    state: str
    at: str
    release: str = ""


class Ledger(Protocol):
    """A privacy budget that can be spent once. Implemented in the store; refuses, never warns."""

    @property
    def name(self) -> str:
        """Name of the ledger."""

    def remaining(self) -> Mapping[str, Fraction]:
        """What is left of the budget, by unit ("epsilon", "delta", "rho")."""

    def would_exceed(self, amount: Mapping[str, Fraction], /) -> bool:
        """True when reserving `amount` now would be refused."""

    def reserve(self, amount: Mapping[str, Fraction], /, *, who: str, what: str) -> Spend:
        """Durably reserve `amount` or raise with what remains; call before the answer is computed."""

    def commit(self, spend: Spend, /, *, release: str) -> Spend:
        """Mark a reservation committed with the digest of what is released."""

    def history(self) -> Sequence[Spend]:
        """Every entry, oldest first."""


class Progress(Protocol):
    """Receives the events of long work: terminal, notebook and service listen to the same."""

    def started(self, task: str, /, *, total: int) -> None:
        """`task` begins and has `total` steps."""

    def advanced(self, task: str, /, *, done: int, note: str = "") -> None:
        """`done` steps of `task` are finished."""

    def found(self, finding: Finding, /) -> None:
        """A Finding was made and stored."""

    def ended(self, task: str, /, *, note: str = "") -> None:
        """`task` ended."""


class Sink(Protocol):
    """Where the engine puts Findings as they are made. A store is one."""

    def begin(self, run: Run, /) -> None:
        """A Run starts (its status is "running"); it can be read back even if nothing follows."""

    def add(self, run_id: str, finding: Finding, /) -> None:
        """Store one Finding of the Run; the same Finding twice is stored once."""

    def attach(self, data: bytes, /, *, media_type: str) -> str:
        """Store an attachment; its digest."""

    def end(self, run: Run, /) -> None:
        """The Run ended: its status, seconds and facts are final."""


class House(Protocol):
    """Audit, store, ledger and progress for an area's commands, so that areas need not import each other."""

    @property
    def policy(self) -> Policy:
        """What the audits of this House are judged by."""

    @property
    def progress(self) -> Progress:
        """Where to report long work."""

    def audit(self, subject: Subject, /, *, checks: Sequence[str] = (), seed: int = 0) -> Run:
        """Run checks (all that apply, where none are named) on `subject` and store the Findings."""

    def judge(self, check: str, subject: Subject, measures: Sequence[Measure], /, *, params: Mapping[str, Any]) -> Run:
        """Turn Measures that an area's command made with `params` into the stored Run of the check `check`."""

    def attach(self, data: bytes, /, *, media_type: str) -> str:
        """Store an attachment; its digest."""

    def report(self, run: Run, path: str, /) -> Sequence[str]:
        """Write the documents of `run` to a file or folder; the files written."""

    def ledger(self, name: str, /) -> Ledger:
        """The Ledger called `name`, or an error that lists the known."""

    def parts(self, kind: str, /) -> Mapping[str, Any]:
        """Parts of a catalogue by id, from every area."""
