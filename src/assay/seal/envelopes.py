"""Envelope encryption: each record under its own data key, the data key wrapped by a key-encryption key.

AES-256-GCM (NIST SP 800-38D) under a data key that is used once. Rotation rewrites the wrapped keys and
leaves the bodies; destroying the wrapped key of a record shreds the record wherever copies of its body lie.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from assay.core.errors import AssayError
from assay.seal.key_sources import KEY_BYTES, KeySource, WrappedKey, new_key

FORMAT = 1
"""Number of the sealed format; a reader for every released number stays."""

_MAGIC = b"assay-sealed"
_HEADER = struct.Struct(">12sBHH")
_NONCE_BYTES = 12
_TAG_BYTES = 16


@dataclass(frozen=True, slots=True)
class Sealed:
    """A record nobody reads without the key: its wrapped data key, and its body (nonce, ciphertext, tag).

    The two may be kept in different places.
    """

    wrapped: WrappedKey
    body: bytes

    def to_bytes(self) -> bytes:
        """Format number, key id, wrapped key and body in one string of bytes."""
        key_id = self.wrapped.key_id.encode()
        return (
            _HEADER.pack(_MAGIC, FORMAT, len(key_id), len(self.wrapped.data)) + key_id + self.wrapped.data + self.body
        )

    @classmethod
    def from_bytes(cls, data: bytes, /) -> Sealed:
        """The Sealed that `to_bytes` wrote; anything else, or another format, is refused."""
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise _damaged()
        _, number, id_length, key_length = _HEADER.unpack_from(data)
        if number != FORMAT:
            raise AssayError(
                f"The sealed record has format {number}; this assay reads {FORMAT}.",
                code="format",
                hint="A newer format needs a newer assay.",
            )
        key_at = _HEADER.size + id_length
        body_at = key_at + key_length
        try:
            key_id = data[_HEADER.size : key_at].decode()
        except UnicodeDecodeError:
            raise _damaged() from None
        return cls(WrappedKey(key_id, data[key_at:body_at]), data[body_at:])


def encrypt(plaintext: bytes, /, *, record_id: str, keys: KeySource) -> Sealed:
    """`plaintext` (under 2 GiB) sealed under a new data key and bound to `record_id`."""
    data_key, nonce = new_key(), secrets.token_bytes(_NONCE_BYTES)
    body = nonce + AESGCM(data_key).encrypt(nonce, plaintext, _bound_to(record_id))
    return Sealed(keys.wrap(data_key), body)


def decrypt(sealed: Sealed, /, *, record_id: str, keys: KeySource) -> bytes:
    """The plaintext; an error where anything was changed, or it was sealed as another record."""
    data_key = keys.unwrap(sealed.wrapped)
    if len(data_key) != KEY_BYTES or len(sealed.body) < _NONCE_BYTES + _TAG_BYTES:
        raise _damaged()
    nonce, ciphertext = sealed.body[:_NONCE_BYTES], sealed.body[_NONCE_BYTES:]
    try:
        return AESGCM(data_key).decrypt(nonce, ciphertext, _bound_to(record_id))
    except InvalidTag:
        raise _damaged() from None


def rewrap(sealed: Sealed, /, *, keys: KeySource) -> Sealed:
    """The same body with its data key wrapped by the current key; nothing is decrypted."""
    return replace(sealed, wrapped=keys.wrap(keys.unwrap(sealed.wrapped)))


def _bound_to(record_id: str) -> bytes:
    """Associated data: what the body is, in which format, of which record."""
    return _MAGIC + bytes([FORMAT]) + record_id.encode("utf-8", "surrogatepass")


def _damaged() -> AssayError:
    return AssayError(
        "The sealed record was changed, is damaged, or belongs to another record id.",
        code="sealed",
        hint="Restore it from a copy.",
    )
