"""Dates of birth."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.dates import DAY_MONTH, ISO, MONTH_DAY, NUMERIC, read_date
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "date-of-birth",
    kind=KIND,
    title="Dates of birth",
    statement="A date of the calendar with a word of birth near it.",
)
def date_of_birth() -> Recognizer:
    """The recogniser of DATE_OF_BIRTH."""
    return Recognizer(
        name="date-of-birth",
        entity="DATE_OF_BIRTH",
        patterns=(
            Pattern(ISO, 0.3),
            Pattern(NUMERIC, 0.3),
            Pattern(DAY_MONTH, 0.3),
            Pattern(MONTH_DAY, 0.3),
        ),
        examples=(
            "born «1981-03-04» in Leeds",
            "DOB: «04/03/1981»",
            "geboren am «4.3.1981»",
            "date of birth «March 4, 1981»",
        ),
        counterexamples=(
            "admitted 2021-03-04",
            "born 31/02/1981",
        ),
        context=(
            "born",
            "dob",
            "d.o.b",
            "date of birth",
            "birth",
            "birthday",
            "birthdate",
            "geboren",
            "née",
            "né",
        ),
        valid=_exists,
    )


def _exists(text: str) -> bool:
    return read_date(text) is not None
