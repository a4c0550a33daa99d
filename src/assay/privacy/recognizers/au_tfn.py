"""Tax file numbers of Australia."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.checksums import differ, digits_of, weighted
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "au-tfn",
    kind=KIND,
    title="Tax file numbers of Australia",
    statement="Nine digits whose weighted sum is divisible by 11. One in eleven numbers is: a word must stand near.",
)
def au_tfn() -> Recognizer:
    """The recogniser of AU_TFN."""
    return Recognizer(
        name="au-tfn",
        entity="AU_TFN",
        patterns=(Pattern(r"(?<![\w.-])[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}(?![\w-])", 0.3),),
        examples=(
            "TFN «123 456 782»",
            "tax file number «123456782»",
        ),
        counterexamples=(
            "TFN 123 456 789",
            "123 456 782",
        ),
        context=(
            "tfn",
            "tax file number",
            "tax file",
        ),
        valid=_mod_11,
    )


def _mod_11(text: str) -> bool:
    digits = digits_of(text)
    return differ(digits) and weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0
