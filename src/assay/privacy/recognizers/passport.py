"""Passport numbers."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "passport",
    kind=KIND,
    title="Passport numbers",
    statement=(
        "The second line of a machine-readable passport with its check digits (ICAO 9303, part 4); a "
        "number alone, six to nine digits or letters among them, needs a word near."
    ),
)
def passport() -> Recognizer:
    """The recogniser of PASSPORT."""
    return Recognizer(
        name="passport",
        entity="PASSPORT",
        patterns=(
            Pattern(
                r"(?<![\w<])[A-Z0-9<]{9}[0-9][A-Z<]{3}[0-9]{7}[MFX<][0-9]{7}[A-Z0-9<]{14}[0-9<][0-9](?![\w<])", 0.95
            ),
            Pattern(r"(?<![\w.-])[A-Z]{0,2}[0-9]{6,9}(?![\w-])", 0.2),
            Pattern(r"(?<![\w.-])(?=(?:[A-Z]{0,8}[0-9]){3})[A-Z0-9]{8,9}(?![\w-])", 0.2),
        ),
        examples=(
            "read «L898902C36UTO7408122F1204159ZE184226B<<<<<10»",
            "passport no. «C01234567»",
            "Reisepass Nr. «C01X00T47»",
            "passeport «12AB34567»",
        ),
        counterexamples=(
            "L898902C37UTO7408122F1204159ZE184226B<<<<<10",
            "flight C01234567",
            "flight C01X00T47",
            "PASSPORT HOLDERS",
        ),
        context=(
            "passport",
            "passport number",
            "passport no",
            "reisepass",
            "passeport",
            "pasaporte",
        ),
        valid=_checks,
    )


def _checks(text: str) -> bool:
    if len(text) != 44:
        return True
    fields = ((text[:9], text[9]), (text[13:19], text[19]), (text[21:27], text[27]))
    together = text[:10] + text[13:20] + text[21:43]
    return all(_digit(field) == int(check) for field, check in (*fields, (together, text[43])))


def _digit(field: str) -> int:
    """Weights 7, 3, 1 in turn; letters count from 10, the filler as 0."""
    worth = (0 if character == "<" else int(character, 36) for character in field)
    return sum(number * (7, 3, 1)[at % 3] for at, number in enumerate(worth)) % 10
