"""E-mail addresses."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "email",
    kind=KIND,
    title="E-mail addresses",
    statement="Local part, @ and a domain with at least one dot (RFC 5321, without quoted local parts).",
)
def email() -> Recognizer:
    """The recogniser of EMAIL."""
    return Recognizer(
        name="email",
        entity="EMAIL",
        patterns=(Pattern(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])", 1.0),),
        examples=(
            "Write to «ada.lovelace+x@example.co.uk», please.",
            "«zoë@exämple.org»",
        ),
        counterexamples=(
            "ada at example dot org",
            "a@b",
            "@handle",
        ),
    )
