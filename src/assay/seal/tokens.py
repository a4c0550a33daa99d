"""Keyed tokens: equal values of a field give equal tokens, and nobody without the key can guess one.

HMAC-SHA256 (RFC 2104). A plain hash of a name, birth date or account number is no pseudonym: whoever can list
the possible values can hash them all. With a key they cannot.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from assay.core.errors import AssayError, unknown

KEY_BYTES = 32


class TokenKey:
    """A secret of 32 bytes and its id; it never shows itself."""

    __slots__ = ("_secret", "id")

    def __init__(self, secret: bytes, /) -> None:
        if len(secret) != KEY_BYTES:
            raise AssayError(f"A token key has {KEY_BYTES} bytes, not {len(secret)}.", code="key")
        self._secret = secret
        self.id = hmac.digest(secret, b"assay token key id", "sha256").hex()[:16]

    def __repr__(self) -> str:
        return f"TokenKey({self.id})"

    @classmethod
    def generate(cls) -> TokenKey:
        """A new key from the operating system's random numbers."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def code(self, value: str, field: str, /) -> str:
        """The keyed digest of `value` in `field`, as 64 hexadecimal digits."""
        parts = (b"assay token 1", _bytes(field), _bytes(value))
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._secret, framed, "sha256").hex()

    def derive(self, purpose: str, /, *, size: int = KEY_BYTES) -> bytes:
        """A key of `size` bytes for one purpose: HKDF-Expand with SHA-256 (RFC 5869). No two purposes share one."""
        return HKDFExpand(SHA256(), size, b"assay derived key 1\0" + _bytes(purpose)).derive(self._secret)


def tokenize(value: str, /, *, field: str, key: TokenKey) -> str:
    """The token of `value`: `key id.digest`.

    The same value in another `field` has another token, so that columns are joined only where that is
    meant. Text is taken as it is: normalise (case, Unicode form, spaces) before, where "the same" means more.
    """
    return f"{key.id}.{key.code(value, field)}"


def verify_token(token: str, value: str, /, *, field: str, keys: Iterable[TokenKey]) -> bool:
    """True when `token` is the token of `value` in `field`; compared in constant time.

    A token of a key that is not among `keys` is an error, since then nothing can be said.
    """
    known = {key.id: key for key in keys}
    key_id, _, code = token.partition(".")
    if key_id not in known:
        raise unknown("token key", key_id, known, code="key")
    return hmac.compare_digest(_bytes(code), known[key_id].code(value, field).encode())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
