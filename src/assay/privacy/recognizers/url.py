"""Addresses of web pages."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "url",
    kind=KIND,
    title="Addresses of web pages",
    statement="Scheme and host, or www. and a host (RFC 3986); to the end of the path.",
)
def url() -> Recognizer:
    """The recogniser of URL."""
    return Recognizer(
        name="url",
        entity="URL",
        patterns=(
            Pattern(r"(?<!\w)(?:https?|ftp)://[^\s<>()\[\]{}\x22]{1,2000}[^\s<>()\[\]{}\x22.,;:!?\x27]", 0.9),
            Pattern(
                r"(?<![\w.@-])www\.(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])"
                r"(?:/[^\s<>()\x22]{0,2000}[^\s<>()\x22.,;:!?\x27])?",
                0.8,
            ),
        ),
        examples=(
            "See «https://example.org/people/42?q=ada».",
            "see «www.example.com/ada», or not",
        ),
        counterexamples=(
            "see example",
            "http is a protocol",
        ),
    )
