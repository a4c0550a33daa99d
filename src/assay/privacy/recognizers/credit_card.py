"""Payment card numbers."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.checksums import differ, digits_of, luhn
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "credit-card",
    kind=KIND,
    title="Payment card numbers",
    statement="12 to 19 digits that begin as the networks do and end with their Luhn digit (ISO/IEC 7812-1).",
)
def credit_card() -> Recognizer:
    """The recogniser of CREDIT_CARD."""
    return Recognizer(
        name="credit-card",
        entity="CREDIT_CARD",
        patterns=(
            Pattern(r"(?<![\w.-])(?:[2-6]|1(?=800))(?:[ \u00a0-]?[0-9]){12,18}(?![\w-])", 0.7),
            Pattern(r"(?<![\w.-])(?:5[06-8]|6[0-9])(?:[ \u00a0-]?[0-9]){10}(?![\w-])", 0.5),
        ),
        examples=(
            "JCB «180088189763961»",
            "by Maestro, «6759 8454 7488»",
            "paid with «4111 1111 1111 1111».",
            "card «378282246310005»",
            "«5555-5555-5555-4444»",
        ),
        counterexamples=(
            "paid with 4111 1111 1111 1112",
            "4444 4444 4444 4444 4",
        ),
        context=(
            "card",
            "visa",
            "mastercard",
            "amex",
            "credit",
            "debit",
            "payment",
        ),
        valid=_is_card,
    )


def _is_card(text: str) -> bool:
    digits = digits_of(text)
    return luhn(digits) and differ(digits)
