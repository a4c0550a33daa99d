"""Keyed tokens: equal identifiers of a field have equal tokens, and nobody without the key can guess one."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.part import part
from assay.privacy.deidentification.operator import KIND, Identifier, Operator, mark
from assay.seal import tokens


@part(
    "tokenize",
    kind=KIND,
    title="Keyed tokens: joinable, not guessable",
    statement="HMAC-SHA256 (RFC 2104) of field and identifier under a key of 256 bits; without the key no list helps.",
)
def tokenize(*, key: tokens.TokenKey) -> Operator:
    """Writes <KIND:hmac:key id.digest>; the way of writing (case, separators) makes no difference.

    A plain hash is not offered: whoever can list the values (telephone numbers, dates) can hash them all.
    """

    def apply(found: Sequence[Identifier]) -> list[str]:
        return [mark(each.entity, "hmac", tokens.tokenize(each.canonical, field=each.field, key=key)) for each in found]

    return Operator("tokenize", apply)
