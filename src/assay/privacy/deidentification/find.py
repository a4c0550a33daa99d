"""Identifiers in many texts at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.core.part import Part
from assay.privacy.deidentification.names import Names
from assay.privacy.deidentification.recognizer import Recognizer
from assay.privacy.deidentification.span import Span, disjoint

THRESHOLD = 0.5
"""Score below which a find is dropped: what only a context word would make sure."""

_ESCAPE = re.compile(r"\\[nrt]")
_QUOTE = re.compile(r"^[>|}?]{1,3}(?= ?[^\s>|}?])", re.MULTILINE)

NOT_FOUND_BY_FORM = (
    "names of people without a title or a word such as 'name is' before them",
    "names of organisations without a legal form",
    "towns without a street or post code",
    "relations",
)
"""What has no form that a pattern could know, and so is not found by the recognisers of this folder."""


def recognizers_of(parts: Mapping[str, Part[Any]], /, *, only: Sequence[str] = ()) -> tuple[Recognizer, ...]:
    """The recognisers of a catalogue; of `only` these names, where any are given."""
    for name in only:
        if name not in parts:
            raise unknown("recognizer", name, parts)
    made = tuple(parts[name].make() for name in (only or sorted(parts)))
    for recognizer in made:
        if not isinstance(recognizer, Recognizer):
            raise AssayError(f"A part of kind recognizer made a {type(recognizer).__name__}.", code="area")
    return made


def find(
    texts: Sequence[str],
    /,
    *,
    recognizers: Sequence[Recognizer],
    names: Names | None = None,
    threshold: float = THRESHOLD,
) -> list[tuple[Span, ...]]:
    """For each text its identifiers with a score of at least `threshold`, disjoint and in order.

    Time is linear in the length of the texts. What has no form (`NOT_FOUND_BY_FORM`) is found by `names` alone.
    """
    if not 0.0 <= threshold <= 1.0:
        raise AssayError(f"The threshold is a number from 0 to 1, not {threshold}.", code="threshold")
    texts = [_plain(text) for text in texts]
    named: Sequence[Sequence[Span]] = names.spans(texts) if names else [()] * len(texts)
    return [
        disjoint(span for span in chain(others, *(each.spans(text) for each in recognizers)) if span.score >= threshold)
        for text, others in zip(texts, named, strict=True)
    ]


def _plain(text: str) -> str:
    """The text with white space of the same length for line breaks that are written as escapes and for marks of quotes.

    A number that follows them would seem to be the end of a word.
    """
    if "\\" in text:
        text = _ESCAPE.sub(" \n", text)
    return _QUOTE.sub(lambda match: " " * len(match[0]), text)
