"""Where identifiers are in a text, and what becomes of finds that overlap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` was found to be an `entity` ("IBAN") by `recognizer`.

    `score` in (0, 1] ranks finds; it is no probability.
    """

    start: int
    end: int
    entity: str
    score: float
    recognizer: str


def disjoint(spans: Iterable[Span], /) -> tuple[Span, ...]:
    """Spans that do not overlap and cover all that `spans` cover, in the order of the text.

    Finds that overlap become one, of the entity with the best score (then the longest): nothing that anybody
    recognised stays readable beside a better find.
    """
    kept: list[Span] = []
    best: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end, -span.score, span.entity)):
        if kept and span.start < kept[-1].end:
            best[-1] = max(best[-1], span, key=_rank)
            kept[-1] = replace(best[-1], start=kept[-1].start, end=max(kept[-1].end, span.end))
        else:
            kept.append(span)
            best.append(span)
    return tuple(kept)


def _rank(span: Span) -> tuple[float, int]:
    return span.score, span.end - span.start
