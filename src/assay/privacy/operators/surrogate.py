"""Made-up identifiers: the same person gets the same, and no table of them is needed or kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from assay.core.part import part
from assay.privacy.deidentification.dates import read_date
from assay.privacy.deidentification.operator import KIND, Identifier, Operator
from assay.seal.tokens import TokenKey

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


@part(
    "surrogate",
    kind=KIND,
    title="Made-up identifiers, consistent for the same person",
    statement=(
        "Drawn by HMAC-SHA256 of field and identifier; two people share one by chance only (names: 1 in 10^11, "
        "places: 1 in 10^7)."
    ),
)
def surrogate(*, key: TokenKey) -> Operator:
    """Writes a made-up identifier of the same kind, the same wherever the identifier is the same.

    Names are of syllables, dates of the twentieth century and in the same form, addresses of the network those reserved
    for documents (RFC 2606, 5737 and 3849); other identifiers keep their form with other letters and digits. Check
    digits are not made to fit.
    """

    def apply(found: Sequence[Identifier]) -> list[str]:
        return [_made_up(each, _Draws(each, key)) for each in found]

    return Operator("surrogate", apply)


class _Draws:
    """Numbers that depend on the key and the identifier alone."""

    def __init__(self, each: Identifier, key: TokenKey) -> None:
        self._bytes = _stream(each, key)

    def below(self, end: int) -> int:
        """A number from 0 to end - 1, uniform up to `end` in 2 ** 32."""
        return int.from_bytes(bytes(next(self._bytes) for _ in range(4)), "big") % end

    def one_of(self, characters: str) -> str:
        """One of the characters."""
        return characters[self.below(len(characters))]

    def word(self, syllables: int) -> str:
        """A word that can be spoken."""
        return "".join(self.one_of(_CONSONANTS) + self.one_of(_VOWELS) for _ in range(syllables))


def _stream(each: Identifier, key: TokenKey) -> Iterator[int]:
    block = 0
    while True:
        yield from bytes.fromhex(key.code(each.canonical, f"surrogate {block} {each.entity} {each.field}"))
        block += 1


def _made_up(each: Identifier, draws: _Draws) -> str:
    match each.entity:
        case "PERSON":
            return f"{draws.word(3).capitalize()} {draws.word(3).capitalize()}"
        case "EMAIL":
            return f"{draws.word(3)}.{draws.word(3)}@example.org"
        case "URL":
            return f"https://example.org/{draws.word(6)}"
        case "IP_ADDRESS" if ":" in each.text:
            return "2001:db8::" + ":".join(f"{draws.below(65535) + 1:x}" for _ in range(4))
        case "IP_ADDRESS":
            return f"{('192.0.2', '198.51.100', '203.0.113')[draws.below(3)]}.{draws.below(256)}"
        case "ADDRESS":
            return f"{draws.below(9999) + 1} {draws.word(4).capitalize()} Street"
        case "LOCATION" | "NATIONALITY":
            return draws.word(4).capitalize()
        case "ORGANIZATION":
            return f"{draws.word(4).capitalize()} Company"
        case "DATE" | "DATE_OF_BIRTH" if written := read_date(each.text):
            return written.rewrite(date(1900, 1, 1) + timedelta(days=draws.below(36_524)))
    return "".join(_like(character, draws) for character in each.text)


def _like(character: str, draws: _Draws) -> str:
    """A digit for a digit, a letter of the same case for a letter; what separates them stays."""
    if character.isdecimal():
        return draws.one_of("0123456789")
    if not character.isalpha():
        return character
    letter = draws.one_of("abcdefghijklmnopqrstuvwxyz")
    return letter.upper() if character.isupper() else letter
