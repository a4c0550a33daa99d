"""A data key for each subject, wrapped by a key-encryption key, in one file: rotated as a whole, shredded one by one.

Records, files and cells that are sealed under the key of a subject are unreadable, wherever copies of them lie, once
that key is shredded. The file shows no names: a subject stands in it as a keyed handle. A backup of the file from
before a shredding still holds the wrapped key; `rotate` and then destroy the old key-encryption key, and it is dead.
"""

from __future__ import annotations

import datetime
import hmac
import secrets
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.core.errors import AssayError
from assay.seal.atrest.cells import shredded as shredded_error
from assay.seal.atrest.database import create_database, transaction
from assay.seal.atrest.history import (
    CREATED,
    OPENED,
    ROTATED,
    SHREDDED,
    Entry,
    KeysCheckpoint,
    about_subjects,
    changed,
    next_entry,
    verify_checkpoint,
    verify_history,
)
from assay.seal.atrest.subject_source import SubjectSource, handle_of
from assay.seal.key_sources import KEY_BYTES, KeySource, WrappedKey, new_key
from assay.seal.tokens import TokenKey

_HANDLE_DIGITS = 32
_HANDLES, _HELD, _GONE = "assay subject", "assay subject key", "assay shredded subject"
_CELLS = "subject keys: vouch for cells"


@dataclass(frozen=True, slots=True)
class SubjectState:
    """The key of one subject: its handle, when it was made, when it was shredded (None while it is held)."""

    handle: str
    created: str
    shredded: str | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """How many keys are held, by the id of the key that wraps them, and how many were shredded."""

    held: Mapping[str, int]
    shredded: int


@dataclass(frozen=True, slots=True)
class _Row:
    """A subject as it stands in the file; `proof` ties the key, or its shredding, to the handle."""

    handle: str
    key_id: str | None
    wrapped: bytes | None
    proof: str
    shredded: int | None


class SubjectKeys:
    """The store of subject keys at a path, read with a KeySource. Any number of processes may use it at once."""

    def __init__(self, path: Path, keys: KeySource, /) -> None:
        self._path, self._keys = path, keys
        with transaction(path, read=True) as rows:
            found = rows.execute("SELECT id, key_id, wrapped FROM store").fetchall()
        if len(found) != 1:
            raise changed("it has no key of its own")
        self.id: str = found[0][0]
        self._index = TokenKey(keys.unwrap(WrappedKey(*found[0][1:])))

    @classmethod
    def create(cls, path: Path, keys: KeySource, /) -> SubjectKeys:
        """A new store in the new file `path`, of mode 0600."""
        index, ident = new_key(), secrets.token_hex(8)
        wrapped = keys.wrap(index)
        create_database(path)
        with transaction(path) as rows:
            rows.execute("INSERT INTO store VALUES (?, ?, ?)", (ident, wrapped.key_id, wrapped.data))
            entry = next_entry(None, OPENED, at=_now(), count=0, about=ident, key=TokenKey(index))
            rows.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", tuple(entry.to_json().values()))
        return cls(path, keys)

    def handle(self, subject: str, /) -> str:
        """What stands for the subject in the file: 32 hexadecimal digits that nobody makes without the key."""
        if not subject:
            raise AssayError("A subject has a name; this one is empty.", code="subject")
        return self._index.code(subject, _HANDLES)[:_HANDLE_DIGITS]

    def add(self, subjects: Iterable[str], /) -> int:
        """Every one of `subjects` has a key; how many were made. A shredded subject is refused, and nobody is added."""
        handles = sorted({self.handle(subject) for subject in subjects})
        with transaction(self._path) as rows:
            self._require_current(rows)
            found = [_row(rows, handle) for handle in handles]
            if any(row and row.shredded for row in found):
                raise shredded_error()
            fresh = [handle for handle, row in zip(handles, found, strict=True) if row is None]
            if fresh:
                entry = self._log(rows, CREATED, len(fresh), about_subjects(fresh))
                rows.executemany(
                    "INSERT INTO subjects VALUES (?, ?, ?, ?, ?, NULL)",
                    ((*self._made(handle), entry.number) for handle in fresh),
                )
        return len(fresh)

    def keys_of(self, subjects: Iterable[str], /) -> dict[str, bytes | None]:
        """The key (32 bytes) of each subject, None where it was shredded; a subject without one is an error."""
        with transaction(self._path, read=True) as rows:
            found = {subject: _row(rows, self.handle(subject)) for subject in dict.fromkeys(subjects)}
        return {subject: self._opened(row) for subject, row in found.items()}

    def vouching(self) -> bytes:
        """(32,) secret bytes for the tags of cells: the same for as long as there is this store."""
        return self._index.derive(_CELLS)

    def source(self, subject: str, /) -> SubjectSource:
        """Wraps and unwraps data keys of records and files under the key of `subject`."""
        return self._source(self.handle(subject))

    def source_of(self, key_id: str, /) -> SubjectSource:
        """The same for the subject whose key `key_id` names, as it stands in a sealed record or file."""
        handle = handle_of(key_id)
        if handle is None:
            raise AssayError(
                f"It is sealed with the key {key_id!r}, which is not that of a subject.",
                code="key",
                hint="Open it with the key-encryption key itself.",
            )
        return self._source(handle)

    def rotate(self) -> int:
        """Every key that is held is wrapped by the current key-encryption key; how many wraps were rewritten.

        Nothing that is sealed changes. Once this is done, older key-encryption keys open nothing of this store, and
        destroying them kills the keys that stand in older copies of it, those of shredded subjects among them.
        """
        current = self._keys.current
        with transaction(self._path) as rows:
            old = [row for row in _rows(rows, "wrapped IS NOT NULL") if row.key_id != current]
            made = [(*_wrap_of(self._keys.wrap(_held(self._opened(row)))), row.handle) for row in old]
            rows.executemany("UPDATE subjects SET key_id = ?, wrapped = ? WHERE handle = ?", made)
            index = rows.execute("SELECT key_id, wrapped FROM store").fetchone()
            if index[0] != current:
                wrapped = self._keys.wrap(self._keys.unwrap(WrappedKey(*index)))
                rows.execute("UPDATE store SET key_id = ?, wrapped = ?", _wrap_of(wrapped))
            if old or index[0] != current:
                self._log(rows, ROTATED, len(made), current)
        return len(made)

    def shred(self, subjects: Iterable[str], /) -> int:
        """The keys of `subjects` are gone, which the history says; how many were held until now.

        What was sealed under them cannot be read again, by nobody. A subject that never had a key is an error, and
        then nobody is shredded.
        """
        with transaction(self._path) as rows:
            found = [_row(rows, handle) for handle in sorted({self.handle(subject) for subject in subjects})]
            held = [row.handle for row in found if self._opened(row) is not None and row is not None]
            if held:
                entry = self._log(rows, SHREDDED, len(held), about_subjects(held))
                rows.executemany(
                    "UPDATE subjects SET key_id = NULL, wrapped = NULL, proof = ?, shredded = ? WHERE handle = ?",
                    ((self._gone(handle, entry.number), entry.number, handle) for handle in held),
                )
        return len(held)

    def state(self, subject: str, /) -> SubjectState | None:
        """Whether the subject has a key, had one, or never had one (None)."""
        handle = self.handle(subject)
        with transaction(self._path, read=True) as rows:
            found = rows.execute(
                "SELECT made.at, gone.at FROM subjects JOIN history AS made ON made.number = subjects.created "
                "LEFT JOIN history AS gone ON gone.number = subjects.shredded WHERE handle = ?",
                (handle,),
            ).fetchone()
        return None if found is None else SubjectState(handle, *found)

    def holdings(self) -> Holdings:
        """How many keys there are."""
        with transaction(self._path, read=True) as rows:
            found = Counter(dict(rows.execute("SELECT key_id, COUNT(*) FROM subjects GROUP BY key_id").fetchall()))
        gone = found.pop(None, 0)
        return Holdings(dict(found), gone)

    def history(self) -> list[Entry]:
        """Everything that was done, oldest first."""
        with transaction(self._path, read=True) as rows:
            return _entries(rows)

    def verify(self, *, checkpoint: KeysCheckpoint | None = None) -> KeysCheckpoint:
        """The store as it stands, once its history was found whole and to have gone on from `checkpoint`."""
        created: dict[int, list[str]] = defaultdict(list)
        gone: dict[int, list[str]] = defaultdict(list)
        with transaction(self._path, read=True) as rows:
            entries = _entries(rows)
            for handle, made, shredded in rows.execute("SELECT handle, created, shredded FROM subjects"):
                created[made].append(handle)
                if shredded is not None:
                    gone[shredded].append(handle)
        verify_history(entries, created=created, shredded=gone, key=self._index)
        if not entries or entries[0].about != self.id:
            raise changed("the first entry is not that of this store")
        if checkpoint is not None:
            verify_checkpoint(checkpoint, entries, store=self.id)
        return KeysCheckpoint(self.id, len(entries), entries[-1].head)

    def _source(self, handle: str) -> SubjectSource:
        with transaction(self._path, read=True) as rows:
            key = self._opened(_row(rows, handle))
        if key is None:
            raise AssayError(
                "The key of this subject was shredded: what was sealed under it cannot be read again.", code="shredded"
            )
        return SubjectSource(handle, key)

    def _require_current(self, rows: sqlite3.Connection) -> None:
        """Raise unless new keys would be wrapped by the key that all others are: else rotation could miss them."""
        held = rows.execute("SELECT key_id FROM store").fetchone()[0]
        if held != self._keys.current:
            raise AssayError(
                f"The subject keys are wrapped by {held}, and the current key is {self._keys.current}.",
                code="key",
                hint="Rotate them first, or read the key-encryption keys anew: assay privacy keys rotate",
            )

    def _made(self, handle: str) -> tuple[str, str, bytes, str]:
        key = new_key()
        return (handle, *_wrap_of(self._keys.wrap(key)), TokenKey(key).code(handle, _HELD))

    def _opened(self, row: _Row | None) -> bytes | None:
        """The key, None where it was shredded; an error where there is none, or row and key do not belong together."""
        if row is None:
            raise AssayError(
                "There is no key for this subject.", code="subject", hint="Make it: assay privacy keys create SUBJECT"
            )
        if row.shredded is not None:
            if row.wrapped is not None or not hmac.compare_digest(row.proof, self._gone(row.handle, row.shredded)):
                raise changed("a subject is called shredded and was not")
            return None
        if row.key_id is None or row.wrapped is None:
            raise changed("the key of a subject is missing")
        key = self._keys.unwrap(WrappedKey(row.key_id, row.wrapped))
        if len(key) != KEY_BYTES or not hmac.compare_digest(row.proof, TokenKey(key).code(row.handle, _HELD)):
            raise changed("a subject has the key of another")
        return key

    def _gone(self, handle: str, number: int) -> str:
        return self._index.code(f"{handle} {number}", _GONE)

    def _log(self, rows: sqlite3.Connection, what: str, count: int, about: str) -> Entry:
        last = _entries(rows, "ORDER BY number DESC LIMIT 1")
        entry = next_entry(last[0] if last else None, what, at=_now(), count=count, about=about, key=self._index)
        rows.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", tuple(entry.to_json().values()))
        return entry


def _row(rows: sqlite3.Connection, handle: str) -> _Row | None:
    return next(iter(_rows(rows, "handle = ?", handle)), None)


def _rows(rows: sqlite3.Connection, where: str, *values: str) -> list[_Row]:
    asked = f"SELECT handle, key_id, wrapped, proof, shredded FROM subjects WHERE {where}"
    return [_Row(*found) for found in rows.execute(asked, values)]


def _entries(rows: sqlite3.Connection, order: str = "ORDER BY number") -> list[Entry]:
    return [
        Entry(*found) for found in rows.execute(f"SELECT number, at, what, count, about, head FROM history {order}")
    ]


def _wrap_of(wrapped: WrappedKey) -> tuple[str, bytes]:
    return wrapped.key_id, wrapped.data


def _held(key: bytes | None) -> bytes:
    if key is None:
        raise changed("a shredded subject has a key")
    return key


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
