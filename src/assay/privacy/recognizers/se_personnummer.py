"""Personal identity numbers of Sweden."""

from __future__ import annotations

from datetime import date

from assay.core.part import part
from assay.privacy.deidentification.checksums import digits_of, luhn
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "se-personnummer",
    kind=KIND,
    title="Personal identity numbers of Sweden",
    statement=(
        "Date of birth (days plus 60 in a coordination number), three digits, and a Luhn digit over the "
        "last ten (Folkbokföringslagen 1991:481)."
    ),
)
def se_personnummer() -> Recognizer:
    """The recogniser of SE_PERSONNUMMER."""
    return Recognizer(
        name="se-personnummer",
        entity="SE_PERSONNUMMER",
        patterns=(
            Pattern(r"(?<![\w.-])(?:19|20)?[0-9]{6}[+-][0-9]{4}(?![\w-])", 0.8),
            Pattern(r"(?<![\w.-])(?:19|20)[0-9]{10}(?![\w-])", 0.6),
        ),
        examples=(
            "personnummer «811228-9874»",
            "född som «19811228-9874»",
            "«198112289874»",
        ),
        counterexamples=(
            "811228-9873",
            "811328-9874",
        ),
        context=(
            "personnummer",
            "samordningsnummer",
        ),
        valid=_is_valid,
    )


def _is_valid(text: str) -> bool:
    digits = digits_of(text)[-10:]
    year, month, day = (10 * digits[at] + digits[at + 1] for at in (0, 2, 4))
    try:
        date(2000 + year, month, day - 60 if day > 60 else day)
    except ValueError:
        return (month, day) == (2, 29) and luhn(digits)
    return luhn(digits)
