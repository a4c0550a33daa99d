"""Bytes of any length sealed in chunks, so that a changed, missing, moved or added chunk is found.

The STREAM construction of Hoang, Reyhanitabar, Rogaway & Vizár (CRYPTO 2015), with AES-256-GCM: the nonce of a chunk
is its number and whether it is the last. The data key is new for each stream and wrapped by a key-encryption key.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from assay.core.errors import AssayError
from assay.seal.key_sources import KEY_BYTES, KeySource, WrappedKey, new_key

FORMAT = 1
"""Number of the sealed format; a reader for every released number stays."""

CHUNK_BYTES = 1 << 16
"""Plaintext in each chunk but the last, which may hold less."""

_MAGIC = b"assay-stream"
_HEADER = struct.Struct(">12sBHH")
_TAG_BYTES = 16
_LONGEST = 4096


class Readable(Protocol):
    """Bytes to be read in order; less than was asked for is given at the end alone."""

    def read(self, size: int, /) -> bytes:
        """The next `size` bytes."""


def seal_stream(source: Readable, target: BinaryIO, /, *, record_id: str, keys: KeySource) -> None:
    """`target` holds what was in `source`, sealed under a new data key and bound to `record_id`; constant memory."""
    data_key = new_key()
    _write_header(keys.wrap(data_key), target)
    cipher, bound = AESGCM(data_key), _bound_to(record_id)
    for number, (chunk, last) in enumerate(_chunks(source, CHUNK_BYTES)):
        target.write(cipher.encrypt(_nonce(number, last=last), chunk, bound))


def open_stream(source: Readable, target: BinaryIO, /, *, record_id: str, keys: KeySource) -> None:
    """`target` holds the plaintext; an error where anything was changed, or it was sealed as another record.

    Every chunk is checked before it is written, but only the last one shows that none is missing: after an error,
    throw away what was written, as `assay.seal.atrest.files` does.
    """
    data_key = keys.unwrap(read_header(source))
    if len(data_key) != KEY_BYTES:
        raise _damaged()
    cipher, bound = AESGCM(data_key), _bound_to(record_id)
    for number, (chunk, last) in enumerate(_chunks(source, CHUNK_BYTES + _TAG_BYTES)):
        if len(chunk) < _TAG_BYTES:
            raise _damaged()
        try:
            plain = cipher.decrypt(_nonce(number, last=last), chunk, bound)
        except InvalidTag:
            raise _damaged() from None
        target.write(plain)


def rewrap_stream(source: BinaryIO, target: BinaryIO, /, *, keys: KeySource) -> None:
    """`target` holds the same sealed stream with its data key wrapped by the current key; nothing is decrypted."""
    _write_header(keys.wrap(keys.unwrap(read_header(source))), target)
    shutil.copyfileobj(source, target)


def read_header(source: Readable, /) -> WrappedKey:
    """The wrapped data key at the head of a sealed stream, whose key id says what unwraps it."""
    head = source.read(_HEADER.size)
    if len(head) < _HEADER.size or not head.startswith(_MAGIC):
        raise AssayError(
            "This is no sealed file of assay, or its head was changed.",
            code="sealed",
            hint="Give a file that was sealed, or restore it from a copy.",
        )
    _, number, id_length, key_length = _HEADER.unpack(head)
    if number != FORMAT:
        raise AssayError(
            f"The sealed file has format {number}; this assay reads {FORMAT}.",
            code="format",
            hint="A newer format needs a newer assay.",
        )
    key_id, data = source.read(id_length), source.read(key_length)
    try:
        return WrappedKey(key_id.decode(), data)
    except UnicodeDecodeError:
        raise _damaged() from None


def _write_header(wrapped: WrappedKey, target: BinaryIO) -> None:
    key_id = wrapped.key_id.encode()
    if max(len(key_id), len(wrapped.data)) > _LONGEST:
        raise AssayError(f"A key id and a wrapped key have at most {_LONGEST:,} bytes each.", code="key")
    target.write(_HEADER.pack(_MAGIC, FORMAT, len(key_id), len(wrapped.data)) + key_id + wrapped.data)


def _chunks(source: Readable, size: int) -> Iterator[tuple[bytes, bool]]:
    """Pieces of `size` bytes, each with whether it is the last; an empty source is one empty last piece."""
    held = source.read(size)
    while True:
        following = source.read(size) if len(held) == size else b""
        yield held, not following
        if not following:
            return
        held = following


def _nonce(number: int, *, last: bool) -> bytes:
    """12 bytes that no other chunk under this data key has."""
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def _bound_to(record_id: str) -> bytes:
    """Associated data: what it is, in which format, of which record. The wrap is not in it, so that it can rotate."""
    return _MAGIC + bytes([FORMAT]) + record_id.encode("utf-8", "surrogatepass")


def _damaged() -> AssayError:
    return AssayError(
        "The sealed file was changed, is cut off, or belongs to another record id.",
        code="sealed",
        hint="Restore it from a copy.",
    )
