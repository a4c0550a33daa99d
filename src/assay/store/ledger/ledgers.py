"""The ledgers of a store: created once, each with data of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection, insert, select

from assay.core.budget.accounting import loss_to_json
from assay.core.budget.terms import Terms
from assay.core.errors import AssayError, unknown
from assay.store.ledger.entry import BIRTH, Entry
from assay.store.ledger.ledger import SqlLedger, plain_text
from assay.store.schema import ledger_entries, ledger_sources, ledgers

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


class Writing(Protocol):
    """Opens a transaction that writes; a durable one has reached the disk when it is committed."""

    def __call__(self, *, durable: bool = False) -> AbstractContextManager[Connection]: ...


class SqlLedgers:
    """Implements the Ledgers protocol on the tables of a SqlStore."""

    def __init__(
        self, reading: Callable[[], AbstractContextManager[Connection]], writing: Writing, label: str, /
    ) -> None:
        self._reading, self._writing, self._label = reading, writing, label

    def create(self, name: str, terms: Terms, /, *, who: str) -> SqlLedger:
        """A new Ledger, durably; a name that is taken, or data that another ledger holds, are refused."""
        if not _NAME.match(name):
            raise AssayError(
                f"{name!r} is no name for a ledger.",
                code="ledger-name",
                hint="Use up to 100 letters, digits, dots, hyphens and underscores, beginning with a letter or digit.",
            )
        birth = Entry.make(
            {
                "ledger": name,
                "place": 0,
                "previous": "",
                "at": datetime.now(UTC).isoformat(),
                "kind": BIRTH,
                "spent": loss_to_json(terms.budget.nothing()),
                "who": plain_text(who, what="who"),
                "terms": terms.to_json(),
            }
        )
        with self._writing(durable=True) as connection:
            self._take_turn(connection)
            if connection.scalar(select(ledgers.c.name).where(ledgers.c.name == name)) is not None:
                raise AssayError(
                    f"There is a ledger {name!r} already.", code="ledger-exists", hint="A ledger is created once."
                )
            self._refuse_shared(connection, terms)
            connection.execute(insert(ledgers).values(name=name))
            connection.execute(insert(ledger_sources), [{"source": source, "ledger": name} for source in terms.sources])
            connection.execute(insert(ledger_entries).values(birth.row()))
        return self._ledger(name, birth)

    def open(self, name: str, /) -> SqlLedger:
        """The Ledger called `name`, or an error that lists the known."""
        first = select(ledger_entries).where(ledger_entries.c.ledger == name, ledger_entries.c.place == 0)
        with self._reading() as connection:
            row = connection.execute(first).mappings().first() if _NAME.match(name) else None
        if row is None:
            raise unknown("ledger", name, self.names(), code="unknown-ledger")
        return self._ledger(name, Entry.read(row))

    def names(self) -> Sequence[str]:
        """Names of the Ledgers, sorted."""
        with self._reading() as connection:
            return sorted(connection.scalars(select(ledgers.c.name)))

    def _ledger(self, name: str, birth: Entry) -> SqlLedger:
        return SqlLedger(name, birth, self._reading, self._writing)

    def _take_turn(self, connection: Connection) -> None:
        """Two creations do not run at once; SQLite's write lock sees to that by itself."""
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE ledgers IN SHARE ROW EXCLUSIVE MODE")

    def _refuse_shared(self, connection: Connection, terms: Terms) -> None:
        """A second ledger over the same data would double the budget."""
        for source in terms.sources:
            holder: Any = connection.scalar(select(ledger_sources.c.ledger).where(ledger_sources.c.source == source))
            if holder is not None:
                raise AssayError(
                    f"These data ({source[:19]}…) are under the ledger {holder!r} already.",
                    code="ledger-data",
                    hint="Spend from that ledger: a second one would double the budget of the same people.",
                )
