"""Citizen service numbers of the Netherlands (BSN)."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.checksums import differ, digits_of, weighted
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "nl-bsn",
    kind=KIND,
    title="Citizen service numbers of the Netherlands (BSN)",
    statement=(
        "Nine digits that pass the eleven test, the last with weight -1. One in eleven numbers does: a "
        "word must stand near."
    ),
)
def nl_bsn() -> Recognizer:
    """The recogniser of NL_BSN."""
    return Recognizer(
        name="nl-bsn",
        entity="NL_BSN",
        patterns=(Pattern(r"(?<![\w.-])[0-9]{4}[ .]?[0-9]{2}[ .]?[0-9]{3}(?![\w-])", 0.3),),
        examples=(
            "BSN «111222333»",
            "burgerservicenummer: «1234.56.782»",
        ),
        counterexamples=(
            "BSN 111222334",
            "111222333",
        ),
        context=(
            "bsn",
            "burgerservicenummer",
            "sofinummer",
        ),
        valid=_eleven,
    )


def _eleven(text: str) -> bool:
    digits = digits_of(text)
    return differ(digits) and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0
