"""Driving licence numbers of Great Britain."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "uk-driving-licence",
    kind=KIND,
    title="Driving licence numbers of Great Britain",
    statement="Five letters of the surname, the date of birth among six digits, initials and three characters (DVLA).",
)
def uk_driving_licence() -> Recognizer:
    """The recogniser of UK_DRIVING_LICENCE."""
    return Recognizer(
        name="uk-driving-licence",
        entity="UK_DRIVING_LICENCE",
        patterns=(
            Pattern(r"(?<!\w)[A-Z9]{5}[0-9][0156][0-9][0-3][0-9]{2}[A-Z9]{2}[A-Z0-9][A-Z]{2}(?:[0-9]{2})?(?!\w)", 0.8),
        ),
        examples=("licence «MORGA657054SM9IJ»",),
        counterexamples=(
            "MORGA697054SM9IJ",
            "MORGA653994SM9IJ",
        ),
        context=(
            "driving",
            "licence",
            "license",
        ),
        valid=_is_date,
    )


def _is_date(text: str) -> bool:
    """True when month (50 is added for women) and day can be."""
    return 1 <= int(text[6:8]) % 50 <= 12 and 1 <= int(text[8:10]) <= 31
