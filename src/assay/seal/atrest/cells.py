"""Cells of a column sealed one by one, each bound to its table, column, row and subject.

A cell that was changed, cleared, exchanged with another, moved to another row, column or table, and a table with rows
added, dropped or put in another order, are all found when the column is opened. AES-256-GCM; the key of a cell is
derived (HKDF-SHA256, RFC 5869) from the key of its subject for one table and column, and its nonce is the row, so no
pair of key and nonce is used twice. A tag (HMAC-SHA256) under a key that is nobody's own vouches for the cells of
subjects whose keys are gone: no other cell can be passed for one of theirs.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from assay.core.errors import AssayError
from assay.seal.key_sources import KEY_BYTES

FORMAT = 1
"""Number of the sealed format; a reader for every released number stays."""

TABLE_BYTES = 16
_HEAD_BYTES = 1 + TABLE_BYTES
_TAG_BYTES = 16
_LEAST_BYTES = _HEAD_BYTES + 1 + 2 * _TAG_BYTES
_PURPOSE, _VOUCHING = b"assay sealed cells 1", b"assay sealed cells 1: vouching"
_HELD_CIPHERS = 1 << 15


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """Which column the cells are of: a random id of the sealed table, the name, how values are written, all rows."""

    table: bytes
    name: str
    kind: bytes
    rows: int

    def digest(self) -> bytes:
        """(32,) bytes that no other column has."""
        parts = (_PURPOSE, self.table, self.name.encode("utf-8", "surrogatepass"), self.kind, b"%d" % self.rows)
        return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


def new_table() -> bytes:
    """A random id for a table that is sealed now."""
    return secrets.token_bytes(TABLE_BYTES)


class CellCipher:
    """Seals and opens the cells of one column; `keys` maps each subject to its key, or None once it is shredded.

    `vouching` is a secret of 32 bytes that outlives the keys of subjects.
    """

    def __init__(self, column: SealedColumn, keys: Mapping[str, bytes | None], /, *, vouching: bytes) -> None:
        self._column, self._digest, self._keys = column, column.digest(), keys
        self._vouching = self._derived(vouching, _VOUCHING)
        self._ciphers: dict[str, AESGCM | None] = {}

    def seal(self, cells: Iterable[bytes | None], subjects: Sequence[str], /, *, start: int = 0) -> list[bytes]:
        """The sealed form of each cell, the first in row `start`; None (no value) is sealed too, and looks no other."""
        head = bytes([FORMAT]) + self._column.table
        sealed = []
        for row, (cell, subject) in enumerate(zip(cells, subjects, strict=True), start):
            cipher = self._cipher(subject)
            if cipher is None:
                raise shredded()
            plain = b"\x00" if cell is None else b"\x01" + cell
            body = cipher.encrypt(_nonce(row), plain, _bytes(subject))
            sealed.append(head + body + self._tag(row, subject, body))
        return sealed

    def open(self, sealed: Iterable[bytes], subjects: Sequence[str], /, *, start: int = 0) -> list[bytes | None]:
        """Each cell again; that of a subject whose key is gone is None, once it was found to be the one sealed here."""
        head = bytes([FORMAT]) + self._column.table
        cells: list[bytes | None] = []
        for row, (data, subject) in enumerate(zip(sealed, subjects, strict=True), start):
            body, tag = data[_HEAD_BYTES:-_TAG_BYTES], data[-_TAG_BYTES:]
            known = data.startswith(head) and len(data) >= _LEAST_BYTES
            if not known or not hmac.compare_digest(tag, self._tag(row, subject, body)):
                raise damaged(self._column.name)
            cipher = self._cipher(subject)
            if cipher is None:
                cells.append(None)
                continue
            try:
                plain = cipher.decrypt(_nonce(row), body, _bytes(subject))
            except InvalidTag:
                raise damaged(self._column.name) from None
            cells.append(plain[1:] if plain[0] else None)
        return cells

    def _cipher(self, subject: str) -> AESGCM | None:
        if subject not in self._ciphers:
            if subject not in self._keys:
                raise AssayError("A row is about a subject for whom there is no key.", code="subject")
            if len(self._ciphers) >= _HELD_CIPHERS:
                self._ciphers.clear()
            key = self._keys[subject]
            self._ciphers[subject] = None if key is None else AESGCM(self._derived(key, _PURPOSE))
        return self._ciphers[subject]

    def _derived(self, key: bytes, purpose: bytes) -> bytes:
        return HKDF(SHA256(), KEY_BYTES, salt=self._digest, info=purpose).derive(key)

    def _tag(self, row: int, subject: str, body: bytes) -> bytes:
        whose = _bytes(subject)
        message = _nonce(row) + len(whose).to_bytes(8, "big") + whose + body
        return hmac.digest(self._vouching, message, "sha256")[:_TAG_BYTES]


def table_of(cell: bytes, /, *, name: str) -> bytes:
    """The id of the sealed table that a sealed cell of the column `name` says it is from."""
    if len(cell) < _LEAST_BYTES:
        raise damaged(name)
    if cell[0] != FORMAT:
        raise AssayError(
            f"The cells of {name!r} have format {cell[0]}, or were never sealed; this assay reads {FORMAT}.",
            code="format",
            hint="Name the columns that were encrypted. A newer format needs a newer assay.",
        )
    return cell[1:_HEAD_BYTES]


def damaged(name: str) -> AssayError:
    """The error for a column that is not as it was sealed."""
    return AssayError(
        f"The sealed column {name!r} was changed: a cell is damaged or not in its place, or rows were added, dropped "
        "or moved.",
        code="sealed",
        hint="Restore the table from a copy; decrypt the whole of it before rows are chosen or sorted.",
    )


def shredded() -> AssayError:
    """The error for sealing under a key that was destroyed."""
    return AssayError(
        "The key of a subject was shredded; nothing is sealed for that subject any more.",
        code="shredded",
        hint="Leave the rows of that subject out, or use another name for a new relation with the same person.",
    )


def _nonce(row: int) -> bytes:
    return row.to_bytes(12, "big")


def _bytes(subject: str) -> bytes:
    return subject.encode("utf-8", "surrogatepass")
