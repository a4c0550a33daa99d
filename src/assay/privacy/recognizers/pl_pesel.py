"""National numbers of Poland (PESEL)."""

from __future__ import annotations

from datetime import date

from assay.core.part import part
from assay.privacy.deidentification.checksums import digits_of, weighted
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "pl-pesel",
    kind=KIND,
    title="National numbers of Poland (PESEL)",
    statement=(
        "Date of birth with the century in the month, serial, and a check digit mod 10 (Act of 24 September 2010)."
    ),
)
def pl_pesel() -> Recognizer:
    """The recogniser of PL_PESEL."""
    return Recognizer(
        name="pl-pesel",
        entity="PL_PESEL",
        patterns=(Pattern(r"(?<![\w.-])[0-9]{11}(?![\w-])", 0.6),),
        examples=(
            "PESEL «44051401359»",
            "«02070803628»",
        ),
        counterexamples=(
            "44051401358",
            "44991401359",
        ),
        context=("pesel",),
        valid=_is_valid,
    )


def _is_valid(text: str) -> bool:
    century, month = divmod(int(text[2:4]), 20)
    try:
        date((1900, 2000, 2100, 2200, 1800)[century] + int(text[:2]), month, int(text[4:6]))
    except ValueError:
        return False
    return weighted(digits_of(text), (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
