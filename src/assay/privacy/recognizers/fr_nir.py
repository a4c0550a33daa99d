"""Registration numbers of France (NIR, social security)."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "fr-nir",
    kind=KIND,
    title="Registration numbers of France (NIR, social security)",
    statement="Sex, year, month, department (2A and 2B as 19 and 18), commune, order, and a key mod 97 (INSEE).",
)
def fr_nir() -> Recognizer:
    """The recogniser of FR_NIR."""
    return Recognizer(
        name="fr-nir",
        entity="FR_NIR",
        patterns=(
            Pattern(
                r"(?<![\w.-])[1-478] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}(?![\w-])",
                0.8,
            ),
        ),
        examples=(
            "assurée sous «1 51 02 46 102 043 25»",
            "nir «151024610204325»",
        ),
        counterexamples=("1 51 02 46 102 043 24",),
        context=(
            "nir",
            "sécurité sociale",
            "insee",
        ),
        valid=_mod_97,
    )


def _mod_97(text: str) -> bool:
    plain = text.replace(" ", "").replace("2A", "19").replace("2B", "18")
    return 97 - int(plain[:13]) % 97 == int(plain[13:])
