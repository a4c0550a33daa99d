"""The key of one subject as a source that wraps data keys, for records and files."""

from __future__ import annotations

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from assay.core.errors import AssayError
from assay.seal.key_sources import WrappedKey
from assay.seal.tokens import TokenKey

_PREFIX = "subject:"
_PURPOSE = "subject key: wraps data keys"


class SubjectSource:
    """A KeySource whose one key is made of that of a subject: wraps by AES Key Wrap (RFC 3394) under it."""

    __slots__ = ("_key", "current")

    def __init__(self, handle: str, key: bytes, /) -> None:
        self.current = _PREFIX + handle
        self._key = TokenKey(key).derive(_PURPOSE)

    def __repr__(self) -> str:
        return f"SubjectSource({self.current})"

    def wrap(self, data_key: bytes, /) -> WrappedKey:
        """`data_key` encrypted with the subject's key."""
        return WrappedKey(self.current, aes_key_wrap(self._key, data_key))

    def unwrap(self, wrapped: WrappedKey, /) -> bytes:
        """The data key; an error where it is of another subject or was changed."""
        if wrapped.key_id != self.current:
            raise AssayError("It is sealed with a key that is not that of this subject.", code="key")
        try:
            return aes_key_unwrap(self._key, wrapped.data)
        except InvalidUnwrap:
            raise AssayError("The wrapped data key was changed or is damaged.", code="sealed") from None


def handle_of(key_id: str, /) -> str | None:
    """The handle of the subject whose key `key_id` names, None where it names a key of another kind."""
    return key_id.removeprefix(_PREFIX) if key_id.startswith(_PREFIX) else None
