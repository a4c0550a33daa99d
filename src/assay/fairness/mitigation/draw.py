"""Draws that belong to a person: the same key and subject give the same number for ever."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError

KEY_BYTES = 32
_USE = b"assay draw 1"


class Draw:
    """A secret key that gives every subject one number in [0, 1); it never shows itself.

    The number is keyed BLAKE2b (RFC 7693) of the subject's id. Without the key nobody can say in advance how a
    randomised rule will decide for an id, and asking twice changes nothing.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes, /) -> None:
        if len(key) != KEY_BYTES:
            raise AssayError(f"The key of a draw has {KEY_BYTES} bytes, not {len(key)}.", code="key")
        self._key = bytes(key)

    @classmethod
    def generate(cls) -> Draw:
        """A new key from the operating system's random numbers."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def __repr__(self) -> str:
        return "Draw(<secret>)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Draw) and secrets.compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        return hash(self._key)

    def secret(self) -> bytes:
        """The key itself, to be kept in a secret file."""
        return self._key

    def uniform(self, ids: Any, /) -> NDArray[np.float64]:
        """(rows,) numbers in [0, 1), uniform over ids, with 53 random bits. `ids` are text or numbers."""
        hashed = hashlib.blake2b(key=self._key, digest_size=8, person=_USE)
        out = np.empty(len(ids), dtype=np.uint64)
        for i, subject in enumerate(ids):
            one = hashed.copy()
            one.update(_bytes(subject))
            out[i] = int.from_bytes(one.digest(), "big")
        return (out >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _bytes(subject: Any) -> bytes:
    """One byte form an id: 7, 7.0 and "7" are the same subject."""
    if isinstance(subject, str):
        return subject.encode("utf-8", "surrogatepass")
    if isinstance(subject, bytes):
        return subject
    if isinstance(subject, int | np.integer):
        return str(int(subject)).encode()
    if isinstance(subject, float | np.floating) and np.isfinite(subject):
        return (str(int(subject)) if float(subject).is_integer() else repr(float(subject))).encode()
    raise AssayError(
        f"A subject id is {repr(subject)[:40]}.",
        code="subject",
        hint="A randomised rule needs a text or number for every row.",
    )
