"""Dates of the calendar."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.dates import DAY_MONTH, ISO, MONTH_DAY, NUMERIC, read_date
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "date",
    kind=KIND,
    title="Dates of the calendar",
    statement="ISO 8601, day and month in either order, and English names of months; only days that exist.",
)
def date() -> Recognizer:
    """The recogniser of DATE."""
    return Recognizer(
        name="date",
        entity="DATE",
        patterns=(
            Pattern(ISO, 0.6),
            Pattern(NUMERIC, 0.6),
            Pattern(DAY_MONTH, 0.6),
            Pattern(MONTH_DAY, 0.6),
        ),
        examples=(
            "admitted «2021-03-04», well",
            "admitted «04/03/2021»",
            "on «4.3.2021».",
            "on «4 March 2021»",
            "on «Mar 4, 2021»",
        ),
        counterexamples=(
            "2021-13-04",
            "31/02/2021",
            "version 4.3.2021.1",
        ),
        valid=_exists,
    )


def _exists(text: str) -> bool:
    return read_date(text) is not None
