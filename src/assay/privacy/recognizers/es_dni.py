"""Identity numbers of Spain (DNI, NIE)."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "es-dni",
    kind=KIND,
    title="Identity numbers of Spain (DNI, NIE)",
    statement="Eight digits, or X, Y or Z and seven, and a letter mod 23 (Real Decreto 1553/2005).",
)
def es_dni() -> Recognizer:
    """The recogniser of ES_DNI."""
    return Recognizer(
        name="es-dni",
        entity="ES_DNI",
        patterns=(Pattern(r"(?<![\w.-])(?:[0-9]{8}|[XYZ][ -]?[0-9]{7})[ -]?[A-HJ-NP-TV-Z](?![\w-])", 0.8),),
        examples=(
            "DNI «12345678Z»",
            "NIE «X-1234567-L»",
        ),
        counterexamples=(
            "12345678A",
            "X1234567M",
        ),
        context=(
            "dni",
            "nie",
            "nif",
        ),
        valid=_letter,
    )


def _letter(text: str) -> bool:
    plain = text.replace(" ", "").replace("-", "")
    number = int(plain[:-1].translate(str.maketrans("XYZ", "012")))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == plain[-1]
