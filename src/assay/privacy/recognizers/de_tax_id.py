"""Tax identification numbers of Germany."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.checksums import digits_of
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "de-tax-id",
    kind=KIND,
    title="Tax identification numbers of Germany",
    statement=(
        "Eleven digits; in the first ten one digit stands two or three times; check digit of ISO 7064, mod "
        "11,10 (Bundeszentralamt für Steuern)."
    ),
)
def de_tax_id() -> Recognizer:
    """The recogniser of DE_TAX_ID."""
    return Recognizer(
        name="de-tax-id",
        entity="DE_TAX_ID",
        patterns=(Pattern(r"(?<![\w.-])[1-9][0-9](?:[ ]?[0-9]{3}){3}(?![\w-])", 0.5),),
        examples=(
            "Steuer-ID: «86 095 742 719»",
            "IdNr «65929970489»",
        ),
        counterexamples=(
            "86 095 742 718",
            "12345678901",
        ),
        context=(
            "steuer-id",
            "idnr",
            "steueridentifikationsnummer",
            "tax id",
            "identifikationsnummer",
        ),
        valid=_is_valid,
    )


def _is_valid(text: str) -> bool:
    digits = digits_of(text)
    most = sorted((digits[:10].count(digit) for digit in set(digits[:10])), reverse=True)
    if most[0] not in (2, 3) or most[1] != 1:
        return False
    product = 10
    for digit in digits[:10]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == digits[10]
