"""Driving licence numbers."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "driving-licence",
    kind=KIND,
    title="Driving licence numbers",
    statement=(
        "Great Britain: five letters of the surname, the date of birth among six digits, initials and three "
        "characters (DVLA). Other forms, as of the states of the US, need a word near."
    ),
)
def driving_licence() -> Recognizer:
    """The recogniser of DRIVING_LICENCE."""
    return Recognizer(
        name="driving-licence",
        entity="DRIVING_LICENCE",
        patterns=(
            Pattern(r"(?<!\w)[A-Z9]{5}[0-9][0156][0-9][0-3][0-9]{2}[A-Z9]{2}[A-Z0-9][A-Z]{2}(?:[0-9]{2})?(?!\w)", 0.8),
            Pattern(r"(?<![\w.-])[A-Za-z]{0,3}[0-9]{5,14}(?![\w-])", 0.2),
            Pattern(r"(?<![\w.-])[0-9]{2}[A-Za-z]{3}[0-9]{5}(?![\w-])", 0.2),
            Pattern(r"(?<![\w.-])[A-Z][0-9]{3}-[0-9]{4}-[0-9]{4}(?![\w-])", 0.2),
        ),
        examples=(
            "licence «MORGA657054SM9IJ»",
            "My driver's license is «D1234567»",
            "driving licence no. «12ABC34567», valid",
        ),
        counterexamples=(
            "MORGA697054SM9IJ",
            "MORGA653994SM9IJ",
            "order D1234567",
        ),
        context=(
            "driving licence",
            "driving license",
            "driver's license",
            "driver's licence",
            "driver license",
            "drivers license",
            "licence",
            "license",
        ),
        valid=_is_date,
    )


def _is_date(text: str) -> bool:
    """True when month (50 is added for women) and day can be, in a number of Great Britain; for all others."""
    if len(text) < 16:
        return True
    return 1 <= int(text[6:8]) % 50 <= 12 and 1 <= int(text[8:10]) <= 31
