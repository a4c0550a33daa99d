"""Aadhaar numbers of India."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.checksums import digits_of
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer

_PERMUTED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
"""The permutation that is applied once more for each place (Verhoeff 1969)."""


@part(
    "in-aadhaar",
    kind=KIND,
    title="Aadhaar numbers of India",
    statement="Twelve digits, the first not 0 or 1, the last a Verhoeff check digit (UIDAI).",
)
def in_aadhaar() -> Recognizer:
    """The recogniser of IN_AADHAAR."""
    return Recognizer(
        name="in-aadhaar",
        entity="IN_AADHAAR",
        patterns=(Pattern(r"(?<![\w.-])[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}(?![\w-])", 0.6),),
        examples=("Aadhaar: «2341 2341 2346»",),
        counterexamples=(
            "2341 2341 2347",
            "1341 2341 2346",
        ),
        context=(
            "aadhaar",
            "aadhar",
            "uidai",
        ),
        valid=_verhoeff,
    )


def _verhoeff(text: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(digits_of(text))):
        for _ in range(place % 8):
            digit = _PERMUTED[digit]
        check = _product(check, digit)
    return check == 0


def _product(one: int, two: int) -> int:
    """In the dihedral group of ten elements: 0 to 4 are rotations, 5 to 9 reflections."""
    sign = -1 if one >= 5 else 1
    return (one % 5 + sign * (two % 5)) % 5 + 5 * ((one >= 5) != (two >= 5))
