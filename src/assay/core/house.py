"""What an area needs from the rooms above it, handed to its commands as one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from assay.core.budget.terms import Checkpoint, Terms
from assay.core.finding import Finding, Run
from assay.core.measure import Measure
from assay.core.policy import Policy
from assay.core.subject import Subject


@dataclass(frozen=True, slots=True)
class Spend:
    """One entry of a Ledger: who, for what, how much (exact rationals), and where it stands.

    `state` is "reserved" or "committed"; a reservation that never committed is spent. `release` is the digest of what
    was released.
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

    @property
    def terms(self) -> Terms:
        """What was fixed when the ledger was created: budget, data, adjacency, bounds, analysts."""

    def spent(self, *, who: str | None = None) -> Mapping[str, Fraction]:
        """The share of each limit that is gone, in [0, 1]; of the sub-budget of `who`, where given."""

    def remaining(self, *, who: str | None = None) -> Mapping[str, Fraction]:
        """What is left of the budget, by unit ("epsilon", "delta", "rho", "rdp"); for `who`, also of the sub-budget."""

    def would_exceed(self, amount: Mapping[str, Fraction], /, *, who: str | None = None) -> bool:
        """True when reserving `amount` now would be refused."""

    def reserve(self, amount: Mapping[str, Fraction], /, *, who: str, what: str) -> Spend:
        """Durably reserve `amount` or raise with what remains; call before the answer is computed."""

    def commit(self, spend: Spend, /, *, release: str) -> Spend:
        """Mark a reservation committed with the digest of what is released; only then may the release leave."""

    def history(self) -> Sequence[Spend]:
        """Every entry, oldest first."""

    def checkpoint(self) -> Checkpoint:
        """The ledger as it stands, to be kept outside the store."""

    def verify(self, *, checkpoint: Checkpoint | None = None) -> Checkpoint:
        """The ledger as it stands, once its chain was computed anew and `checkpoint` found in it; else an error."""


class Ledgers(Protocol):
    """The Ledgers of a store."""

    def create(self, name: str, terms: Terms, /, *, who: str) -> Ledger:
        """A new Ledger; a name that is taken, or data that another ledger holds, are refused."""

    def open(self, name: str, /) -> Ledger:
        """The Ledger called `name`, or an error that lists the known."""

    def names(self) -> Sequence[str]:
        """Names of the Ledgers, sorted."""


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

    def add(self, run_id: str, /, *made: Finding) -> None:
        """Store Findings of the Run, all or none; the same Finding twice is stored once."""

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

    @property
    def ledgers(self) -> Ledgers:
        """The Ledgers of the store, to create one and to list them."""

    def ledger(self, name: str, /) -> Ledger:
        """The Ledger called `name`, or an error that lists the known."""

    def parts(self, kind: str, /) -> Mapping[str, Any]:
        """Parts of a catalogue by id, from every area."""
