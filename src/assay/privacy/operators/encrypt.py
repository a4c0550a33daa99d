"""Identifiers encrypted so that not even equal ones are seen to be equal."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from assay.core.errors import AssayError
from assay.core.part import part
from assay.privacy.deidentification.operator import KIND, Identifier, Operator, mark
from assay.seal import envelopes
from assay.seal.key_sources import KeySource


@part(
    "encrypt",
    kind=KIND,
    title="Encrypted, each under a key of its own",
    statement="AES-256-GCM envelopes, bound to the column: shows the length of an identifier; changes are noticed.",
)
def encrypt(*, keys: KeySource) -> Operator:
    """Writes <KIND:sealed:record>, about 150 characters; the current key of `keys` wraps, every one of them reads."""

    def apply(found: Sequence[Identifier]) -> list[str]:
        return [mark(each.entity, "sealed", _sealed(each, keys)) for each in found]

    return Operator("encrypt", apply, scheme="sealed", read=lambda token, field: _opened(token, field, keys))


def _sealed(each: Identifier, keys: KeySource) -> str:
    plain = each.text.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(envelopes.encrypt(plain, record_id=each.field, keys=keys).to_bytes()).decode()


def _opened(token: str, field: str, keys: KeySource) -> str:
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise AssayError("A sealed identifier in the text is damaged.", code="sealed") from None
    plain = envelopes.decrypt(envelopes.Sealed.from_bytes(data), record_id=field, keys=keys)
    return plain.decode("utf-8", "surrogatepass")
