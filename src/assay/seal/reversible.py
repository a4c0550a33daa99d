"""Reversible tokens: equal values of a field give equal tokens, and who has the key can read them.

AES-SIV (RFC 5297) with a 512-bit key: deterministic authenticated encryption. It shows which values are equal and how
long they are, and nothing else; a token that was changed, or taken to another field, is refused.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from assay.core.errors import AssayError, unknown
from assay.seal.tokens import TokenKey

_PURPOSE = "reversible token (AES-SIV)"
_KEY_BYTES = 64
_FORMAT = b"\x01"


def seal_value(value: str, /, *, field: str, key: TokenKey) -> str:
    """The reversible token of `value`: `key id.ciphertext` in the URL-safe base64 alphabet, without padding.

    The same value in another `field` has another token. Use `assay.seal.tokens.tokenize` where nobody needs to read
    the value again, and `assay.seal.envelopes` where equal values must not be seen to be equal.
    """
    sealed = _cipher(key).encrypt(_FORMAT + value.encode("utf-8", "surrogatepass"), _bound_to(field))
    return f"{key.id}.{_text(sealed)}"


def open_value(token: str, /, *, field: str, keys: Iterable[TokenKey]) -> str:
    """The value that `token` was made of; an error where it was changed or is of another key or field."""
    known = {key.id: key for key in keys}
    key_id, dot, text = token.partition(".")
    if not dot:
        raise _damaged()
    if key_id not in known:
        raise unknown("token key", key_id, known, code="key")
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if _text(sealed) != text:  # the last character has bits that decoding drops
            raise _damaged()
        plain = _cipher(known[key_id]).decrypt(sealed, _bound_to(field))
    except (binascii.Error, ValueError, InvalidTag):
        raise _damaged() from None
    return plain.removeprefix(_FORMAT).decode("utf-8", "surrogatepass")


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _cipher(key: TokenKey) -> AESSIV:
    return AESSIV(key.derive(_PURPOSE, size=_KEY_BYTES))


def _bound_to(field: str) -> list[bytes]:
    return [b"assay reversible token 1", field.encode("utf-8", "surrogatepass")]


def _damaged() -> AssayError:
    return AssayError(
        "The reversible token was changed, is cut off, or belongs to another field.",
        code="token",
        hint="Restore it from a copy, or name the field it was made for.",
    )
