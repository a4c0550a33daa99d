"""Reversible tokens: equal identifiers have equal tokens, and who has the key can read them."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.part import part
from assay.privacy.deidentification.operator import KIND, Identifier, Operator, mark
from assay.seal.reversible import open_value, seal_value
from assay.seal.tokens import TokenKey


@part(
    "reversible",
    kind=KIND,
    title="Tokens that the holder of the key can read",
    statement="AES-SIV (RFC 5297): shows which identifiers of a field are equal, and their length; detects changes.",
)
def reversible(*, key: TokenKey, older: Sequence[TokenKey] = ()) -> Operator:
    """Writes <KIND:siv:key id.ciphertext>; reads what was written with `key` or one of the `older` keys."""

    def apply(found: Sequence[Identifier]) -> list[str]:
        return [mark(each.entity, "siv", seal_value(each.text, field=each.field, key=key)) for each in found]

    def read(token: str, field: str) -> str:
        return open_value(token, field=field, keys=[key, *older])

    return Operator("reversible", apply, scheme="siv", read=read)
