"""International bank account numbers."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "iban",
    kind=KIND,
    title="International bank account numbers",
    statement="ISO 13616: country, two check digits (ISO 7064, mod 97-10) and 11 to 30 letters and digits.",
)
def iban() -> Recognizer:
    """The recogniser of IBAN."""
    return Recognizer(
        name="iban",
        entity="IBAN",
        patterns=(
            Pattern(r"(?<!\w)[A-Z]{2}[0-9]{2}(?:[ \u00a0-]?[A-Z0-9]{4}){2,7}(?:[ \u00a0-]?[A-Z0-9]{1,3})?(?!\w)", 0.95),
        ),
        examples=(
            "to «DE89 3704 0044 0532 0130 00», today",
            "to «GB82WEST12345698765432»",
            "to «FR1420041010050500013M02606»",
        ),
        counterexamples=(
            "to DE88 3704 0044 0532 0130 00",
            "AB12 CDEF",
        ),
        context=(
            "iban",
            "account",
            "bank",
        ),
        valid=_mod_97,
    )


def _mod_97(text: str) -> bool:
    plain = "".join(character for character in text if character.isalnum())
    rotated = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(character, 36)) for character in rotated)) % 97 == 1
