"""SQLite: one file, many readers, one writer at a time (https://www.sqlite.org/wal.html)."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from assay.core.errors import AssayError, unknown
from assay.store.address import Address

WAIT_SECONDS = 30.0
"""How long a writer waits for another; `?timeout=5` in the URL says otherwise."""

_OPTIONS = ("cache", "immutable", "mode", "timeout", "uri")


def connect(address: Address, /) -> Engine:
    """An engine whose connections use the write-ahead log and check foreign keys.

    A transaction of an engine with the execution option `write` takes the write lock at once (BEGIN IMMEDIATE), so
    that it never fails half-way for another's. A commit survives the death of the process (synchronous=NORMAL); with
    the option `durable` also that of the machine (FULL).
    """
    for name in address.url.query:
        if name not in _OPTIONS:
            raise unknown("option in the address of a SQLite store", name, _OPTIONS, code="store-address")
    wait = {} if "timeout" in address.url.query else {"timeout": WAIT_SECONDS}
    engine = (
        # One connection for all threads: another would see another, empty database.
        create_engine(
            address.url,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            connect_args={"check_same_thread": False},
        )
        if address.in_memory
        else create_engine(address.url, connect_args=wait)
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA journal_mode=WAL")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("write"):
        connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get('durable') else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write") else "BEGIN")


def explain(error: BaseException | None, label: str, /) -> AssayError:
    """What the driver's error means for a person."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return AssayError(
            f"The store {label} is locked: another program is writing to it and did not finish in time.",
            code="store-locked",
            hint="Try again when it is done.",
        )
    if name.startswith("SQLITE_READONLY"):
        return AssayError(
            f"The store {label} is read-only.",
            code="store-read-only",
            hint="Give yourself the right to write, or use --store.",
        )
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return AssayError(
            f"The store {label} cannot be read or written: the disk is full or failing ({error}).",
            code="store-full",
            hint="Nothing was half-written; free some space and try again.",
        )
    if name.startswith("SQLITE_CANTOPEN"):
        return AssayError(
            f"The store {label} cannot be opened.",
            code="store",
            hint="The folder must be there and allow reading and writing.",
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return AssayError(
            f"The store {label} is damaged, or no SQLite file.", code="store-damaged", hint="Restore it from a copy."
        )
    return AssayError(f"The store {label} refused: {error}.", code="store")
