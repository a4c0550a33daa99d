"""Where key-encryption keys come from: a file, an environment variable, or a hook such as a key service."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from assay.core.errors import AssayError, unknown
from assay.seal.secret_files import read_secret, replace_secret, write_secret
from assay.seal.tokens import TokenKey

KEY_BYTES = 32
"""Every key here is of 256 bits."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key, encrypted with the key-encryption key `key_id`. Whoever destroys it shreds the record."""

    key_id: str
    data: bytes


class KeySource(Protocol):
    """Wraps and unwraps data keys. A key service implements it without its keys ever leaving it."""

    @property
    def current(self) -> str:
        """Id of the key that wraps new data keys."""

    def wrap(self, data_key: bytes, /) -> WrappedKey:
        """`data_key` encrypted with the current key."""

    def unwrap(self, wrapped: WrappedKey, /) -> bytes:
        """The data key; an error where the key is not known or the wrapping was changed."""


class LocalKeys:
    """Key-encryption keys in this process, the first of them current; wraps by AES Key Wrap (RFC 3394)."""

    def __init__(self, keys: Sequence[bytes], /, *, where: str = "The keys") -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise AssayError(
                f"{where}: expected one or more keys of {KEY_BYTES} bytes.",
                code="key",
                hint="One base64 key a line, the current one first.",
            )
        self._keys = {_key_id(key): key for key in keys}

    def __repr__(self) -> str:
        return f"LocalKeys({', '.join(self._keys)})"

    @classmethod
    def from_text(cls, text: str, /, *, where: str = "The keys") -> LocalKeys:
        """Keys in base64, separated by white space, the current one first; the older ones only unwrap."""
        try:
            keys = [base64.b64decode(word, validate=True) for word in text.split()]
        except (binascii.Error, ValueError):
            keys = []
        return cls(keys, where=where)

    @classmethod
    def from_file(cls, path: Path, /) -> LocalKeys:
        """Keys in the file `path`, one base64 key a line, the current one first."""
        return cls.from_text(read_secret(path).decode("ascii", "replace"), where=f"The key file {path}")

    @classmethod
    def from_environment(cls, name: str, /) -> LocalKeys:
        """Keys in the environment variable `name`, in base64, separated by spaces, the current one first."""
        text = os.environ.get(name)
        if text is None:
            raise AssayError(f"The environment variable {name} is not set.", code="key", hint="It holds base64 keys.")
        return cls.from_text(text, where=f"The environment variable {name}")

    @property
    def current(self) -> str:
        """Id of the first key."""
        return next(iter(self._keys))

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all keys, the current one first."""
        return tuple(self._keys)

    def chosen(self, *ids: str) -> LocalKeys:
        """The keys with these ids only, the first of them current."""
        for key_id in ids:
            if key_id not in self._keys:
                raise unknown("key", key_id, self._keys, code="key")
        return LocalKeys([self._keys[key_id] for key_id in dict.fromkeys(ids)])

    def token_keys(self) -> tuple[TokenKey, ...]:
        """A token key of each key, derived (HKDF-Expand, RFC 5869), so that no key serves two purposes."""
        return tuple(TokenKey(TokenKey(key).derive("token key")) for key in self._keys.values())

    def wrap(self, data_key: bytes, /) -> WrappedKey:
        """`data_key` encrypted with the current key."""
        return WrappedKey(self.current, aes_key_wrap(self._keys[self.current], data_key))

    def unwrap(self, wrapped: WrappedKey, /) -> bytes:
        """The data key; an error where the key is not known or the wrapping was changed."""
        key = self._keys.get(wrapped.key_id)
        if key is None:
            raise AssayError(
                f"The record is sealed with the key {wrapped.key_id!r}, which is not here.",
                code="key",
                hint=f"Here: {', '.join(self._keys)}.",
            )
        try:
            return aes_key_unwrap(key, wrapped.data)
        except InvalidUnwrap:
            raise AssayError("The sealed record's key was changed or is damaged.", code="sealed") from None


def new_key() -> bytes:
    """(32,) random bytes from the operating system."""
    return secrets.token_bytes(KEY_BYTES)


def create_key_file(path: Path, /) -> LocalKeys:
    """`path` is a new file of mode 0600 with one new key; its keys."""
    write_secret(path, base64.b64encode(new_key()) + b"\n")
    return LocalKeys.from_file(path)


def rotate_key_file(path: Path, /) -> LocalKeys:
    """The key file has a new key in front, which is current from now on; the older ones still unwrap."""
    LocalKeys.from_file(path)
    replace_secret(path, base64.b64encode(new_key()) + b"\n" + b"\n".join(read_secret(path).split()) + b"\n")
    return LocalKeys.from_file(path)


def drop_older_keys(path: Path, /) -> LocalKeys:
    """The key file has its current key alone. What an older one still wraps, anywhere, can never be opened again."""
    LocalKeys.from_file(path)
    replace_secret(path, read_secret(path).split()[0] + b"\n")
    return LocalKeys.from_file(path)


def _key_id(key: bytes) -> str:
    """A name for the key that tells nothing about it."""
    return "kek:" + hmac.digest(key, b"assay key-encryption key id", "sha256").hex()[:32]
