"""A ledger on the tables of a store: every writing method holds the one lock of its ledger and ends on the disk."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select

from assay.core.budget.accounting import Budget, Loss, loss_text, loss_to_json
from assay.core.budget.terms import Checkpoint, Terms
from assay.core.errors import AssayError
from assay.core.house import Spend
from assay.store.ledger.chain import compare, replay
from assay.store.ledger.entry import COMMIT, RESERVE, Entry, committed, damaged
from assay.store.records import column_text
from assay.store.schema import ledger_entries, ledger_sources, ledgers

if TYPE_CHECKING:
    from assay.store.ledger.ledgers import Writing

LONGEST, LONGEST_WHO = 1000, 200
"""Letters that `what` and `release`, and that `who` may have: an index of PostgreSQL holds 2,704 bytes."""

_rows = ledger_entries.c


class SqlLedger:
    """Implements the Ledger protocol. May be shared by threads; every process opens its own."""

    def __init__(
        self,
        name: str,
        birth: Entry,
        reading: Callable[[], AbstractContextManager[Connection]],
        writing: Writing,
        /,
    ) -> None:
        self._name, self._birth, self._terms = name, birth, birth.terms
        self._reading, self._writing = reading, writing

    def __repr__(self) -> str:
        return f"SqlLedger({self._name!r})"

    @property
    def name(self) -> str:
        """Name of the ledger."""
        return self._name

    @property
    def terms(self) -> Terms:
        """What was fixed when the ledger was created."""
        return self._terms

    def spent(self, *, who: str | None = None) -> Mapping[str, Fraction]:
        """The share of each limit that is gone, in [0, 1]; of the sub-budget of `who`, where given."""
        with self._reading() as connection:
            whole, own = self._head(connection).spent, self._own(connection, who)
        budget = self._terms.budget_of(who) if who is not None else None
        return self._terms.budget.used(whole) if budget is None else budget.used(own)

    def remaining(self, *, who: str | None = None) -> Mapping[str, Fraction]:
        """What is left of the budget, by unit; for `who`, the less of that and what is left of the sub-budget."""
        with self._reading() as connection:
            return self._left(self._head(connection).spent, self._own(connection, who), who)

    def would_exceed(self, amount: Loss, /, *, who: str | None = None) -> bool:
        """True when reserving `amount` now would be refused for lack of budget."""
        charge = self._terms.budget.charged(amount)
        with self._reading() as connection:
            head = self._head(connection)
            return self._after(head.spent, self._own(connection, who), charge, who) is None

    def reserve(self, amount: Loss, /, *, who: str, what: str) -> Spend:
        """Durably reserve `amount` or raise with what remains. The reservation is spent, committed or not."""
        charge = self._terms.budget.charged(amount)
        who, what = plain_text(who, what="who", most=LONGEST_WHO), plain_text(what, what="what")
        with self._appending() as connection:
            head = self._head(connection)
            whole, own = head.spent, self._own(connection, who)
            grown = self._after(whole, own, charge, who)
            if grown is None:
                raise self._refusal(charge, self._left(whole, own, who))
            entry = self._next(head, RESERVE, spent=loss_to_json(grown[0])) | {
                "spend": secrets.token_hex(16),
                "who": who,
                "what": what,
                "amount": loss_to_json(charge),
                "own": loss_to_json(grown[1]),
            }
            return self._append(connection, entry).reserved()

    def commit(self, spend: Spend, /, *, release: str) -> Spend:
        """Mark a reservation committed with the digest of what is released; the same again changes nothing."""
        release = plain_text(release, what="release")
        with self._appending() as connection:
            made = {entry.body["kind"]: entry for entry in self._entries(connection, _rows.spend == spend.id)}
            if RESERVE not in made:
                raise AssayError(
                    f"There is no reservation {spend.id!r} in the ledger {self._name!r}.", code="ledger-spend"
                )
            if COMMIT in made and made[COMMIT].body["release"] != release:
                raise AssayError(
                    f"The reservation {spend.id} is committed to another release already.",
                    code="ledger-spend",
                    hint="Each release needs a reservation of its own.",
                )
            if COMMIT not in made:
                head = self._head(connection)
                entry = self._next(head, COMMIT, spent=head.body["spent"])
                self._append(connection, entry | {"spend": spend.id, "release": release})
            return committed(made[RESERVE].reserved(), release)

    def history(self) -> Sequence[Spend]:
        """Every reservation, oldest first, with what was released for it."""
        with self._reading() as connection:
            found = self._entries(connection)
        releases = {e.body["spend"]: e.body["release"] for e in found if e.body["kind"] == COMMIT}
        spends = [entry.reserved() for entry in found if entry.body["kind"] == RESERVE]
        return [committed(s, releases[s.id]) if s.id in releases else s for s in spends]

    def checkpoint(self) -> Checkpoint:
        """The ledger as it stands, to be kept outside the store."""
        with self._reading() as connection:
            return self._checkpoint(self._head(connection))

    def verify(self, *, checkpoint: Checkpoint | None = None) -> Checkpoint:
        """The ledger as it stands, once its whole chain was computed anew and `checkpoint` found in it."""
        with self._reading() as connection:
            found = self._entries(connection)
            sources = set(
                connection.scalars(select(ledger_sources.c.source).where(ledger_sources.c.ledger == self._name))
            )
        terms = replay(self._name, found)
        if sources != set(terms.sources):
            raise damaged(self._name, "the data it is bound to were changed")
        if checkpoint is not None:
            compare(found, checkpoint)
        return self._checkpoint(found[-1])

    def _checkpoint(self, head: Entry) -> Checkpoint:
        return Checkpoint(self._name, self._birth.hash, head.body["place"] + 1, head.hash)

    def _after(self, whole: Loss, own: Loss, charge: Loss, who: str | None) -> tuple[Loss, Loss] | None:
        """What the ledger and the analyst have spent after `charge`; None where either budget forbids it."""
        budget, grown, grown_own = self._terms.budget, *(self._terms.budget.added(s, charge) for s in (whole, own))
        limits = self._terms.budget_of(who) if who is not None else None
        if not budget.allows(grown) or (limits is not None and not limits.allows(grown_own)):
            return None
        return grown, grown_own

    def _left(self, whole: Loss, own: Loss, who: str | None) -> dict[str, Fraction]:
        left = self._terms.budget.remaining(whole)
        limits: Budget | None = self._terms.budget_of(who) if who is not None else None
        if limits is None:
            return left
        mine = limits.remaining(own)
        return {unit: min(value, mine[unit]) for unit, value in left.items()}

    def _refusal(self, charge: Loss, left: Loss) -> AssayError:
        return AssayError(
            f"The ledger {self._name!r} refuses {loss_text(charge, left=False)}: "
            f"what remains is {loss_text(left, left=True)}.",
            code="budget",
            hint="Nothing was spent. Ask for less; a budget is never raised.",
        )

    @contextmanager
    def _appending(self) -> Iterator[Connection]:
        """A durable transaction in which nobody else appends: SQLite has one writer, PostgreSQL locks the ledger."""
        with self._writing(durable=True) as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
                connection.execute(select(ledgers.c.name).where(ledgers.c.name == self._name).with_for_update())
            yield connection

    def _head(self, connection: Connection) -> Entry:
        """The last entry, verified by itself."""
        last = select(ledger_entries).where(_rows.ledger == self._name).order_by(_rows.place.desc()).limit(1)
        return Entry.read(connection.execute(last).mappings().one())

    def _own(self, connection: Connection, who: str | None) -> Loss:
        """What an analyst has spent so far."""
        last = select(ledger_entries).where(_rows.ledger == self._name, _rows.who == who)
        row = connection.execute(last.order_by(_rows.place.desc()).limit(1)).mappings().first() if who else None
        return self._terms.budget.nothing() if row is None else Entry.read(row).own

    def _entries(self, connection: Connection, *where: Any) -> list[Entry]:
        wanted = select(ledger_entries).where(_rows.ledger == self._name, *where).order_by(_rows.place)
        return [Entry.read(row) for row in connection.execute(wanted).mappings()]

    def _next(self, head: Entry, kind: str, *, spent: Mapping[str, str]) -> dict[str, Any]:
        return {
            "ledger": self._name,
            "place": head.body["place"] + 1,
            "previous": head.hash,
            "at": datetime.now(UTC).isoformat(),
            "kind": kind,
            "spent": dict(spent),
        }

    def _append(self, connection: Connection, body: Mapping[str, Any]) -> Entry:
        entry = Entry.make(body)
        connection.execute(insert(ledger_entries).values(entry.row()))
        return entry


def plain_text(text: str, /, *, what: str, most: int = LONGEST) -> str:
    """`text` as a column holds it; an empty or an endless one is refused."""
    if not text.strip() or len(text) > most:
        raise AssayError(f"{what} must be a text of 1 to {most} letters.", code="ledger-text")
    return column_text(text)
