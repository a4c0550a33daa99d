"""The store on SQLite and on PostgreSQL, through SQLAlchemy Core."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Column, Connection, Engine, Table, func, insert, select, update
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.exc import SQLAlchemyError

from assay.core.decision import Decision
from assay.core.errors import AssayError
from assay.core.finding import Finding, Run
from assay.core.measure import Attachment, Verdict
from assay.store import postgres, records, sqlite
from assay.store.address import Address
from assay.store.ledger.ledgers import SqlLedgers
from assay.store.migrate import migrate
from assay.store.protocol import RunHeader
from assay.store.schema import attachments, decision_findings, decisions, findings, run_findings, runs

AT_ONCE = 500
"""So many digests are asked for in one query; SQLite takes only so many parameters."""

_open: weakref.WeakSet[Engine] = weakref.WeakSet()
_left: list[object] = []


def _leave_to_parent() -> None:
    """A forked process makes connections of its own; those it inherited are neither used nor closed in it.

    To close one would end the parent's session, or remove SQLite's log under it (https://sqlite.org/howtocorrupt.html,
    section 2.6).
    """
    for engine in _open:
        _left.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


class SqlStore:
    """Implements the Store protocol. May be shared by threads, and by processes that are forked.

    A store in memory is copied into a forked process, like all that is in memory.
    """

    def __init__(self, address: Address, /) -> None:
        self._address = address
        self._backend = sqlite if address.kind == "sqlite" else postgres
        self._engine = self._backend.connect(address)
        self._close = weakref.finalize(self, self._engine.dispose)
        if not address.in_memory:
            _open.add(self._engine)
        with self._explained():
            migrate(self._engine, self.label)

    def __repr__(self) -> str:
        return f"SqlStore({self.label!r})"

    @property
    def label(self) -> str:
        """Where the store is, for people: never a password."""
        return self._address.label

    def begin(self, run: Run, /) -> None:
        """A Run starts; on disk its status is "running" until it ends."""
        with self._writing() as connection:
            if not self._insert_new(connection, runs, records.run_row(run)):
                raise AssayError(f"The Run {run.id} is in the store {self.label} already.", code="store")

    def add(self, run_id: str, /, *made: Finding) -> None:
        """Store Findings of a Run under way in one transaction; the same Finding twice is stored once."""
        run_id = records.column_text(run_id)
        rows = {row["id"]: row for row in map(records.finding_row, made)}
        mine = run_findings.c.run_id == run_id
        with self._writing() as connection:
            # This takes the lock on the Run's row, so that positions are given one at a time.
            self._touch(connection, run_id, {})
            for row in rows.values():
                self._insert_new(connection, findings, row)
            ids = list(rows)
            known: set[str] = set()
            for start in range(0, len(ids), AT_ONCE):
                some = run_findings.c.finding_id.in_(ids[start : start + AT_ONCE])
                known.update(connection.execute(select(run_findings.c.finding_id).where(mine, some)).scalars())
            first = connection.execute(
                select(func.coalesce(func.max(run_findings.c.position), -1)).where(mine)
            ).scalar()
            places = enumerate((id for id in ids if id not in known), start=(-1 if first is None else first) + 1)
            new = [{"run_id": run_id, "position": place, "finding_id": id} for place, id in places]
            if new:
                connection.execute(insert(run_findings), new)

    def attach(self, data: bytes, /, *, media_type: str) -> str:
        """Store an attachment and commit; its digest. Bytes that are there already keep their first media type."""
        digest = Attachment(data, media_type).digest
        row = {"digest": digest, "media_type": records.column_text(media_type), "data": data}
        with self._writing() as connection:
            self._insert_new(connection, attachments, row)
        return digest

    def end(self, run: Run, /) -> None:
        """The Run ended: its status, seconds, facts and verdict are final."""
        verdict = run.verdict
        row = {
            "status": "interrupted" if run.status == "running" else run.status,
            "verdict": verdict.value if verdict else None,
            "header": records.body(run.header()),
        }
        with self._writing() as connection:
            self._touch(connection, records.column_text(run.id), row)

    def runs(self, *, limit: int = 50) -> Sequence[RunHeader]:
        """The newest `limit` Runs, newest first."""
        count = (
            select(func.count()).select_from(run_findings).where(run_findings.c.run_id == runs.c.id).scalar_subquery()
        )
        newest = select(runs, count.label("findings")).order_by(runs.c.started.desc(), runs.c.id).limit(max(limit, 0))
        with self._reading() as connection:
            return [_header(row) for row in connection.execute(newest).mappings()]

    def run(self, id: str, /) -> Run:
        """The Run with that id, the unique beginning of an id, or `latest`; its Findings in the order they came."""
        with self._reading() as connection:
            if id == "latest":
                newest = select(runs.c.id).order_by(runs.c.started.desc(), runs.c.id).limit(1)
                exact = connection.scalar(newest)
                if exact is None:
                    raise AssayError(
                        f"The store {self.label} holds no Run yet.", code="unknown", hint="Make one: assay audit."
                    )
            else:
                exact = self._resolve(connection, runs.c.id, id, "Run", hint="assay run list shows what there is.")
            row = connection.execute(select(runs).where(runs.c.id == exact)).mappings().one()
            found = connection.execute(
                select(findings.c.id, findings.c.body)
                .join(run_findings, run_findings.c.finding_id == findings.c.id)
                .where(run_findings.c.run_id == exact)
                .order_by(run_findings.c.position)
            ).all()
            made = self._filled(connection, [records.read_finding(item.id, item.body) for item in found])
        return records.read_run(row, made)

    def finding(self, id: str, /) -> Finding:
        """The Finding with that id, or the unique beginning of one."""
        with self._reading() as connection:
            exact = self._resolve(connection, findings.c.id, id, "Finding")
            text = connection.execute(select(findings.c.body).where(findings.c.id == exact)).scalar_one()
            (found,) = self._filled(connection, [records.read_finding(exact, text)])
        return found

    def attachment(self, digest: str, /) -> Attachment:
        """The attachment with that digest, verified against it."""
        with self._reading() as connection:
            exact = self._resolve(connection, attachments.c.digest, digest, "attachment")
            row = connection.execute(select(attachments).where(attachments.c.digest == exact)).one()
        return records.read_attachment(row.digest, row.data, row.media_type)

    def decide(self, decision: Decision, /) -> str:
        """Store a Decision about Findings that are in this store, durably; its id. It can never be changed."""
        row = records.decision_row(decision)
        with self._writing(durable=True) as connection:
            for id in decision.findings:
                if connection.scalar(select(findings.c.id).where(findings.c.id == records.column_text(id))) is None:
                    raise AssayError(
                        f"There is no Finding {id!r} in the store {self.label} to decide about.", code="unknown"
                    )
            if self._insert_new(connection, decisions, row):
                for id in dict.fromkeys(decision.findings):
                    connection.execute(insert(decision_findings).values(decision_id=row["id"], finding_id=id))
        return str(row["id"])

    def decisions(self, *, finding: str | None = None) -> Sequence[Decision]:
        """Every Decision, or every one about the Finding with that id; oldest first."""
        wanted = select(decisions.c.id, decisions.c.body).order_by(decisions.c.at, decisions.c.id)
        if finding is not None:
            wanted = wanted.join(decision_findings, decision_findings.c.decision_id == decisions.c.id).where(
                decision_findings.c.finding_id == records.column_text(finding)
            )
        with self._reading() as connection:
            return [records.read_decision(row.id, row.body) for row in connection.execute(wanted)]

    @property
    def ledgers(self) -> SqlLedgers:
        """The privacy budgets that are kept here."""
        return SqlLedgers(self._reading, self._writing, self.label)

    def close(self) -> None:
        """Let go of the database."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def _filled(self, connection: Connection, made: Sequence[Finding]) -> list[Finding]:
        """`made`, whose Measures have the attachments that the Findings name and the store holds."""
        wanted = sorted({digest for finding in made for digest in finding.attachments.values()})
        held: dict[str, Attachment] = {}
        for start in range(0, len(wanted), AT_ONCE):
            rows = select(attachments).where(attachments.c.digest.in_(wanted[start : start + AT_ONCE]))
            for row in connection.execute(rows):
                held[row.digest] = records.read_attachment(row.digest, row.data, row.media_type)
        return [records.with_attachments(finding, held) for finding in made]

    def _touch(self, connection: Connection, run_id: str, changes: Mapping[str, Any]) -> None:
        """The Run's row carries `changes` and a fresh sign of life; only a Run under way can be written to."""
        seen = records.microseconds(datetime.now(UTC))
        found = update(runs).where(runs.c.id == run_id, runs.c.status == "running")
        if not connection.execute(found.values(seen=seen, **changes)).rowcount:
            raise AssayError(
                f"The Run {run_id} is not under way in the store {self.label}: it has ended, or never began.",
                code="store",
            )

    def _resolve(self, connection: Connection, ids: Column[Any], given: str, kind: str, *, hint: str = "") -> str:
        """The one id that is `given` or begins with it."""
        given = records.column_text(given)
        if connection.scalar(select(ids).where(ids == given)) is not None:
            return given
        begins = select(ids).where(func.substr(ids, 1, len(given)) == given).order_by(ids).limit(4)
        matches = list(connection.scalars(begins)) if given else []
        if len(matches) == 1:
            return str(matches[0])
        if matches:
            named = ", ".join(matches[:3]) + (", …" if len(matches) > 3 else "")
            raise AssayError(
                f"{given!r} begins more than one {kind}: {named}.", code="ambiguous", hint="Write more of it."
            )
        raise AssayError(f"There is no {kind} {given!r} in the store {self.label}.", code="unknown", hint=hint)

    def _insert_new(self, connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
        """True when `row` was inserted; False where its primary key was there already, and nothing changed."""
        dialect = sqlite_dialect if self._address.kind == "sqlite" else postgresql_dialect
        key = list(table.primary_key.columns)
        statement = dialect.insert(table).values(row).on_conflict_do_nothing(index_elements=key).returning(*key)
        return connection.execute(statement).first() is not None

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self, *, durable: bool = False) -> Iterator[Connection]:
        with self._explained(), self._engine.execution_options(write=True, durable=durable).begin() as connection:
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of the database become AssayErrors that say what to do and never a password."""
        try:
            yield
        except SQLAlchemyError as error:
            found = self._backend.explain(getattr(error, "orig", None) or error, self.label)
            raise AssayError(self._address.without_secrets(found.message), code=found.code, hint=found.hint) from None


def _header(row: Mapping[Any, Any]) -> RunHeader:
    run = records.read_run(row, ())
    return RunHeader(
        id=run.id,
        subject=run.subject,
        started=run.started,
        seconds=run.seconds,
        status=run.status,
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        findings=row["findings"],
    )
