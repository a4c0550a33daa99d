"""Identifiers encrypted to identifiers of the same form."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Literal

from assay.core.errors import AssayError, unknown
from assay.core.part import part
from assay.privacy.deidentification.operator import KIND, Identifier, Operator
from assay.seal.format_preserving import DIGITS, FF1
from assay.seal.tokens import TokenKey

Characters = Literal["digits", "letters-and-digits"]

_ALPHABETS = {"digits": DIGITS, "letters-and-digits": DIGITS + string.ascii_letters}


@part(
    "format-preserving",
    kind=KIND,
    title="Encrypted to the same length and characters",
    statement="FF1 (NIST SP 800-38G): equal identifiers of a field stay equal; domains under 1,000,000 are refused.",
)
def format_preserving(*, key: TokenKey, characters: Characters = "digits") -> Operator:
    """Writes digits for digits (or letters and digits for both); separators stay where they are.

    An identifier with other letters, or too short (6 digits, 4 letters and digits), is refused. A check digit does not
    stay valid. `restore` undoes it.
    """
    cipher = _cipher(key, characters)

    def apply(found: Sequence[Identifier]) -> list[str]:
        return [_kept_in_form(each.text, each.field, cipher.alphabet, cipher.encrypt) for each in found]

    return Operator("format-preserving", apply)


def restore(text: str, /, *, field: str, key: TokenKey, characters: Characters = "digits") -> str:
    """The identifier that `format_preserving` wrote `text` for: all of a cell, since a text does not show where it is.

    With a wrong key or field this is another identifier of the same form, not an error: FF1 has no check.
    """
    cipher = _cipher(key, characters)
    return _kept_in_form(text, field, cipher.alphabet, cipher.decrypt)


def _cipher(key: TokenKey, characters: Characters) -> FF1:
    if characters not in _ALPHABETS:
        raise unknown("set of characters", characters, _ALPHABETS, code="operator")
    return FF1(key.derive(f"format-preserving (FF1), {characters}"), alphabet=_ALPHABETS[characters])


def _kept_in_form(text: str, field: str, alphabet: str, change: Callable[..., str]) -> str:
    places = [at for at, character in enumerate(text) if character.isalnum()]
    if not set(alphabet) >= {text[at] for at in places}:
        raise AssayError(
            f"A value of {field!r} has letters or digits that this form does not know.",
            code="format",
            hint="Choose letters-and-digits, or a token.",
        )
    changed = change("".join(text[at] for at in places), tweak=field.encode("utf-8", "surrogatepass"))
    written = list(text)
    for at, character in zip(places, changed, strict=True):
        written[at] = character
    return "".join(written)
