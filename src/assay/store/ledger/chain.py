"""The chain of a ledger, computed anew, and held against what was kept elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from assay.core.budget.accounting import Budget, loss_from_json
from assay.core.budget.terms import Checkpoint, Terms
from assay.core.errors import AssayError
from assay.store.ledger.entry import BIRTH, COMMIT, RESERVE, Entry, damaged


def replay(name: str, entries: Sequence[Entry], /) -> Terms:
    """The terms of the ledger, once every entry follows the one before and every sum is what the entries add up to.

    Each Entry was verified by itself when it was read. Raises the error of a damaged ledger.
    """
    if not entries or entries[0].body["kind"] != BIRTH or not entries[0].follows(None):
        raise damaged(name, "it has no beginning")
    terms = entries[0].terms
    state = _State(name, terms)
    for before, entry in zip((None, *entries), entries, strict=False):
        if not entry.follows(before):
            raise damaged(name, f"entry {entry.body['place']} does not follow the one before it")
        state.take(entry)
    return terms


class _State:
    """What is spent, by all and by each analyst, and which reservations are open."""

    def __init__(self, name: str, terms: Terms, /) -> None:
        self.name, self.terms = name, terms
        self.whole = terms.budget.nothing()
        self.own: dict[str, dict[str, Fraction]] = {}
        self.reserved: set[str] = set()
        self.committed: set[str] = set()

    def take(self, entry: Entry, /) -> None:
        """Add one entry."""
        body = entry.body
        if body["kind"] == RESERVE:
            self._reserve(entry)
        elif body["kind"] == COMMIT:
            self._expect(body["spend"] in self.reserved - self.committed, entry, "commits what was not reserved")
            self.committed.add(body["spend"])
        else:
            self._expect(body["place"] == 0, entry, "is a second beginning")
        self._expect(entry.spent == self.whole, entry, "states another sum")

    def _reserve(self, entry: Entry) -> None:
        budget, who = self.terms.budget, entry.body["who"]
        amount = loss_from_json(entry.body["amount"])
        self._expect(amount == budget.charged(amount), entry, "has an amount of another measure")
        self._expect(entry.body["spend"] not in self.reserved, entry, "reserves a second time")
        self.whole = budget.added(self.whole, amount)
        own = budget.added(self.own.get(who, budget.nothing()), amount)
        limits: Budget | None = self.terms.budget_of(who)
        self._expect(budget.allows(self.whole), entry, "spends more than the budget")
        self._expect(limits is None or limits.allows(own), entry, "spends more than the budget of its analyst")
        self._expect(entry.own == own, entry, "states another sum for its analyst")
        self.own[who] = dict(own)
        self.reserved.add(entry.body["spend"])

    def _expect(self, holds: bool, entry: Entry, why: str) -> None:
        if not holds:
            raise damaged(self.name, f"entry {entry.body['place']} {why}")


def compare(entries: Sequence[Entry], checkpoint: Checkpoint, /) -> None:
    """Raise unless the verified chain holds the entry that `checkpoint` saw last, in its place."""
    name = entries[0].body["ledger"]
    if checkpoint.ledger != name or checkpoint.birth != entries[0].hash:
        raise AssayError(
            f"The checkpoint is of another ledger ({checkpoint.ledger!r}), not of this {name!r}.",
            code="ledger-checkpoint",
            hint="Either the file is not the one for this ledger, or the ledger was made anew.",
        )
    if len(entries) < checkpoint.count:
        raise AssayError(
            f"The ledger {name!r} was rolled back: the checkpoint saw {checkpoint.count} entries, "
            f"the store has {len(entries)}.",
            code="ledger-checkpoint",
            hint="Spend nothing from it: what was spent since is forgotten here. Restore the later store.",
        )
    if entries[checkpoint.count - 1].hash != checkpoint.head:
        raise AssayError(
            f"The ledger {name!r} is a copy that went its own way: its entry {checkpoint.count - 1} is not the one "
            "of the checkpoint.",
            code="ledger-checkpoint",
            hint="Spend nothing from it: the other copy has spent the same budget. Keep one store.",
        )
