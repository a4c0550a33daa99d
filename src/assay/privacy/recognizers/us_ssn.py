"""Social security numbers of the United States."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "us-ssn",
    kind=KIND,
    title="Social security numbers of the United States",
    statement=(
        "Area not 000, 666 or 9xx, group not 00, serial not 0000 (Social Security Administration). It has "
        "no checksum: bare digits need a word near."
    ),
)
def us_ssn() -> Recognizer:
    """The recogniser of US_SSN."""
    return Recognizer(
        name="us-ssn",
        entity="US_SSN",
        patterns=(
            Pattern(r"(?<![\w.-])(?!000|666|9)[0-9]{3}[ -](?!00)[0-9]{2}[ -](?!0000)[0-9]{4}(?![\w-])", 0.6),
            Pattern(r"(?<![\w.-])(?!000|666|9)[0-9]{3}(?!00)[0-9]{2}(?!0000)[0-9]{4}(?![\w-])", 0.2),
        ),
        examples=(
            "her SSN is «536-90-4399».",
            "on file: «219 09 9999»",
            "SSN «536904399»",
        ),
        counterexamples=(
            "666-12-3456",
            "123-00-4567",
            "123-45-0000",
            "536904399",
        ),
        context=(
            "ssn",
            "social security",
            "social security number",
        ),
    )
