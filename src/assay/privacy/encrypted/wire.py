"""Ciphertexts as messages: how many, of which request, each within its size; whatever else is refused unread."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay.core.errors import AssayError
from assay.privacy.encrypted.scheme import DEGREE, MODULUS_BITS, PRECISION, SLOTS, tenseal

FORMAT = 1
"""Number of the format; a reader for every released number stays."""

LARGEST_CIPHERTEXT = 2 * 8 * DEGREE * (len(MODULUS_BITS) - 1) + 4096
"""Bytes: two polynomials, a word for each coefficient and prime, and what the library puts around them."""

LARGEST_MESSAGE = 1 << 30
"""Bytes of one request or reply."""

_MAGIC = b"assay-ckks"
_HEADER = struct.Struct(">10sBBII32s")
_CHECKSUM_BYTES = 32
_LENGTH = struct.Struct(">I")
_KINDS = {"request": 1, "reply": 2}


@dataclass(frozen=True, slots=True)
class CipherMessage:
    """`blocks` times `columns` ciphertexts, block after block; `about` is 32 bytes that tie a reply to its request.

    The bytes end in their SHA-256: what was damaged on the way is found. That is no signature, and CKKS has none
    inside: against somebody who changes messages, send them over TLS or sign them (`assay.seal.signatures`).
    """

    kind: Literal["request", "reply"]
    blocks: int
    columns: int
    about: bytes
    ciphertexts: Sequence[bytes]

    def to_bytes(self) -> bytes:
        """A header, each ciphertext after its length, the checksum."""
        head = _HEADER.pack(_MAGIC, FORMAT, _KINDS[self.kind], self.blocks, self.columns, self.about)
        body = head + b"".join(_LENGTH.pack(len(each)) + each for each in self.ciphertexts)
        return body + hashlib.sha256(body).digest()


def read_message(data: bytes, /, *, kind: Literal["request", "reply"], columns: int) -> CipherMessage:
    """The message of that kind with that many columns; anything else is refused before a ciphertext is looked at."""
    if len(data) > LARGEST_MESSAGE:
        raise AssayError(f"A message has at most {LARGEST_MESSAGE:,} bytes; this has {len(data):,}.", code="message")
    if len(data) < _HEADER.size + _CHECKSUM_BYTES or not data.startswith(_MAGIC):
        raise broken(kind)
    _, number, found, blocks, across, about = _HEADER.unpack_from(data)
    if number != FORMAT:
        raise AssayError(
            f"The {kind} has format {number}; this assay reads {FORMAT}.",
            code="format",
            hint="Both sides need an assay that knows the format.",
        )
    if found != _KINDS[kind] or not blocks:
        raise broken(kind)
    if across != columns:
        raise AssayError(
            f"The {kind} has {across} columns of ciphertexts; expected {columns}.",
            code="message",
            hint="Both sides must have agreed on the same terms.",
        )
    body = memoryview(data)[:-_CHECKSUM_BYTES]
    if hashlib.sha256(body).digest() != data[-_CHECKSUM_BYTES:]:
        raise broken(kind)
    return CipherMessage(kind, blocks, columns, about, _ciphertexts(body, blocks * columns, kind))


def request_bytes(features: int, rows: int, /) -> int:
    """Upper bound of the bytes of a request with so many rows; an error beyond what one message holds."""
    size = _HEADER.size + _CHECKSUM_BYTES + blocks_of(rows) * (features + 1) * (_LENGTH.size + LARGEST_CIPHERTEXT)
    if size > LARGEST_MESSAGE:
        most = LARGEST_MESSAGE // ((features + 1) * (_LENGTH.size + LARGEST_CIPHERTEXT)) * SLOTS
        raise AssayError(
            f"{rows:,} rows of {features} features make a request of {size:,} bytes, beyond {LARGEST_MESSAGE:,}.",
            code="message",
            hint=f"Send at most {most:,} rows at once." if most else "Take fewer features.",
        )
    return size


def blocks_of(rows: int, /) -> int:
    """How many ciphertexts a column of so many rows needs."""
    return -(-rows // SLOTS)


def about(request: bytes, /) -> bytes:
    """(32,) bytes that name a request: its SHA-256."""
    return hashlib.sha256(request).digest()


def vector_of(context: Any, ciphertext: bytes, /, *, kind: Literal["request", "reply"]) -> Any:
    """The ciphertext in the library's form, once that found it sound for the parameters; else an error."""
    try:
        vector = tenseal().ckks_vector_from(context, ciphertext)
        inner = vector.ciphertext()
    except (ValueError, RuntimeError):
        raise broken(kind) from None
    if vector.size() != SLOTS or len(inner) != 1:
        raise broken(kind)
    found = (inner[0].size(), inner[0].coeff_modulus_size(), inner[0].scale, inner[0].is_transparent())
    if found != (2, len(MODULUS_BITS) - 1, 2.0 ** (PRECISION * (1 if kind == "request" else 2)), False):
        raise broken(kind)
    return vector


def _ciphertexts(data: memoryview, count: int, kind: str) -> list[bytes]:
    found, at = [], _HEADER.size
    for _ in range(count):
        if len(data) < at + _LENGTH.size:
            raise broken(kind)
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if not 0 < length <= LARGEST_CIPHERTEXT or len(data) < at + length:
            raise broken(kind)
        found.append(bytes(data[at : at + length]))
        at += length
    if at != len(data):
        raise broken(kind)
    return found


def broken(kind: str, /) -> AssayError:
    """The error for a message that is not what it should be."""
    return AssayError(f"The {kind} is damaged, cut off, or no {kind} of encrypted scoring.", code="message")
