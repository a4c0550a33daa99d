"""Health service numbers of England, Wales and the Isle of Man."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.checksums import differ, digits_of, weighted
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "uk-nhs",
    kind=KIND,
    title="Health service numbers of England, Wales and the Isle of Man",
    statement="Ten digits, the last a check digit mod 11 (NHS Data Dictionary).",
)
def uk_nhs() -> Recognizer:
    """The recogniser of UK_NHS."""
    return Recognizer(
        name="uk-nhs",
        entity="UK_NHS",
        patterns=(
            Pattern(r"(?<![\w.-])[0-9]{3}[ -][0-9]{3}[ -][0-9]{4}(?![\w-])", 0.6),
            Pattern(r"(?<![\w.-])[0-9]{10}(?![\w-])", 0.3),
        ),
        examples=(
            "NHS number «943 476 5919»",
            "nhs no. «9434765919»",
        ),
        counterexamples=(
            "943 476 5918",
            "9434765919",
        ),
        context=(
            "nhs",
            "national health",
            "patient",
        ),
        valid=_mod_11,
    )


def _mod_11(text: str) -> bool:
    digits = digits_of(text)
    return differ(digits) and (11 - weighted(digits, range(10, 1, -1)) % 11) % 11 == digits[9]
