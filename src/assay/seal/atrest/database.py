"""The SQLite file of the subject keys: its tables, its transactions, and plain errors."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from assay.core.errors import AssayError
from assay.seal.secret_files import write_secret

FORMAT = 1
"""Number of the format; a reader for every released number stays."""

WAIT_SECONDS = 30.0

_APPLICATION = 0x41534B59
_SCHEMA = """
CREATE TABLE store (id TEXT NOT NULL, key_id TEXT NOT NULL, wrapped BLOB NOT NULL);
CREATE TABLE subjects (
    handle TEXT PRIMARY KEY, key_id TEXT, wrapped BLOB, proof TEXT NOT NULL,
    created INTEGER NOT NULL, shredded INTEGER
) WITHOUT ROWID;
CREATE TABLE history (
    number INTEGER PRIMARY KEY, at TEXT NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL,
    about TEXT NOT NULL, head TEXT NOT NULL
);
"""


def create_database(path: Path, /) -> None:
    """`path` is a new, empty store of mode 0600; a file already there is an error."""
    write_secret(path, b"")
    with transaction(path, new=True) as rows:
        for statement in _SCHEMA.split(";"):
            rows.execute(statement)
        rows.execute(f"PRAGMA application_id = {_APPLICATION}")
        rows.execute(f"PRAGMA user_version = {FORMAT}")


@contextmanager
def transaction(path: Path, /, *, new: bool = False, read: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection whose work is kept durably as a whole, or not at all; another writer is waited for.

    Where the work ends in an error, closing the connection undoes it. One that only has to `read` sees one state
    throughout, and waits for nobody who reads.

    What is deleted is overwritten with zeros in the file. The file system, the disk and backups may still hold old
    bytes, which is why shredding is complete only once the old key-encryption key is gone too.
    """
    if not path.is_file():
        raise AssayError(
            f"There are no subject keys at {path}.", code="key", hint="Make them: assay privacy keys create"
        )
    try:
        with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as rows:
            for setting in ("secure_delete = ON", "synchronous = FULL", "trusted_schema = OFF"):
                rows.execute(f"PRAGMA {setting}")
            if not new:
                _check(rows, path)
            rows.execute("BEGIN" if read else "BEGIN IMMEDIATE")
            yield rows
            rows.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        raise _plain(error, path) from None


def _check(rows: sqlite3.Connection, path: Path) -> None:
    application, number = (rows.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if application != _APPLICATION:
        raise _foreign(path)
    if number != FORMAT:
        raise AssayError(
            f"The subject keys at {path} have format {number}; this assay reads {FORMAT}.",
            code="format",
            hint="A newer format needs a newer assay.",
        )


def _plain(error: sqlite3.DatabaseError, path: Path) -> AssayError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return AssayError(
            f"The subject keys at {path} were held by another program for {WAIT_SECONDS:g} seconds.",
            code="locked",
            hint="Try again when it has ended.",
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR")):
        return _foreign(path)
    return AssayError(f"The subject keys at {path} cannot be used: {error}.", code="key")


def _foreign(path: Path) -> AssayError:
    return AssayError(
        f"{os.fspath(path)} is no store of subject keys, or is damaged.", code="key", hint="Restore it from a copy."
    )
