"""National insurance numbers of the United Kingdom."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "uk-nino",
    kind=KIND,
    title="National insurance numbers of the United Kingdom",
    statement="Two letters of the allowed prefixes, six digits, a suffix A to D (HMRC manual NIM39110).",
)
def uk_nino() -> Recognizer:
    """The recogniser of UK_NINO."""
    return Recognizer(
        name="uk-nino",
        entity="UK_NINO",
        patterns=(
            Pattern(
                r"(?<!\w)(?!BG|GB|KN|NK|NT|TN|"
                r"ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?!\w)",
                0.7,
            ),
        ),
        examples=(
            "insured as «AB123456C»",
            "insured as «JG 10 37 59 A».",
        ),
        counterexamples=(
            "GB123456A",
            "DA123456A",
            "AB123456E",
        ),
        context=(
            "national insurance",
            "nino",
            "insurance",
        ),
    )
