"""Tax codes of Italy (codice fiscale)."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer

_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
"""Worth of A to Z in odd places; digits 0 to 9 count as A to J."""


@part(
    "it-codice-fiscale",
    kind=KIND,
    title="Tax codes of Italy (codice fiscale)",
    statement="Sixteen letters and digits, the last a check letter mod 26 (Decreto 23 dicembre 1976).",
)
def it_codice_fiscale() -> Recognizer:
    """The recogniser of IT_CODICE_FISCALE."""
    return Recognizer(
        name="it-codice-fiscale",
        entity="IT_CODICE_FISCALE",
        patterns=(
            Pattern(r"(?<!\w)[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z](?!\w)", 0.9),
        ),
        examples=("codice fiscale «RSSMRA85T10A562S»",),
        counterexamples=("RSSMRA85T10A562T",),
        context=("codice fiscale",),
        valid=_check_letter,
    )


def _check_letter(text: str) -> bool:
    places = [int(character) if character.isdigit() else ord(character) - ord("A") for character in text[:15]]
    total = sum(place if at % 2 else _ODD[place] for at, place in enumerate(places))
    return chr(ord("A") + total % 26) == text[15]
