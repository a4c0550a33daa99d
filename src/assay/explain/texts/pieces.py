"""A text in pieces, any of which can be left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from assay.core.errors import AssayError, unknown
from assay.explain.local.masks import Masks

Unit = Literal["word", "token", "sentence"]
Spans = tuple[tuple[int, int], ...]

PIECES = {
    "word": re.compile(r"\w+(?:['’\-]\w+)*"),
    "token": re.compile(r"\w+(?:['’\-]\w+)*|[^\w\s]+"),
    "sentence": re.compile(r"\S.*?(?:[.!?][\"'’”)\]]{0,3}(?=\s|$)|(?=\n)|$)"),
}
"""Words; words and runs of other marks; sentences, which end with a mark before a blank, or with the line."""
CLAUSE_ENDS = frozenset(",;:()[]—–")
SENTENCE_ENDS = frozenset(".!?…")


def spans_of(text: str, /, *, unit: Unit = "word") -> Spans:
    """The offsets (start, end) of the words, tokens or sentences of a text, in order."""
    if unit not in PIECES:
        raise unknown("unit of a text", unit, PIECES)
    return tuple(found.span() for found in PIECES[unit].finditer(text))


def checked(texts: Sequence[str], /) -> list[str]:
    """`texts` as a list of one or more strings, or an AssayError."""
    if isinstance(texts, str) or not len(texts) or not all(isinstance(text, str) for text in texts):
        raise AssayError("Texts are a list of one or more strings.", code="texts", hint="Put a single one in a list.")
    return list(texts)


def left(text: str, spans: Spans, kept: Masks, /, *, mask: str) -> list[str]:
    """The text for each row of `kept` (rows, pieces), with the pieces that are left out replaced by `mask`."""
    ends = [0, *(end for _, end in spans)]
    gaps = [text[a:b] for a, b in zip(ends, [start for start, _ in spans], strict=False)]
    pieces = [text[a:b] for a, b in spans]
    out = []
    for row in kept.tolist():
        chosen = (gap + (piece if keep else mask) for gap, piece, keep in zip(gaps, pieces, row, strict=True))
        out.append("".join(chosen) + text[ends[-1] :])
    return out


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of a binary hierarchy over the places `start` to `end`; a leaf has no `halves`."""

    start: int
    end: int
    halves: tuple[Branch, ...] = ()

    def siblings(self) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
        """For each leaf its place, and the ranges of places beside its way up from the leaf to the root."""
        if not self.halves:
            yield self.start, ()
            return
        first, second = self.halves
        for near, far in ((first, second), (second, first)):
            for place, beside in near.siblings():
                yield place, (*beside, (far.start, far.end))


def hierarchy(text: str, spans: Spans, /) -> Branch:
    """The pieces of a text as a balanced binary tree: of sentences, within them of clauses, within those of pieces.

    A clause ends with a comma, semicolon, colon, bracket or dash, a sentence with a full stop, an exclamation or a
    question mark, wherever those stand: within a piece or between two. A text without pieces is an empty leaf.
    """
    after = _after(text, spans)
    clauses, sentences, begun = [], [], 0
    for place in range(len(spans)):
        last = place == len(spans) - 1
        over = bool(SENTENCE_ENDS & after[place])
        if last or over or CLAUSE_ENDS & after[place]:
            clauses.append(_balanced([Branch(i, i + 1) for i in range(begun, place + 1)]))
            begun = place + 1
        if last or over:
            sentences.append(_balanced(clauses))
            clauses = []
    return _balanced(sentences) if sentences else Branch(0, 0)


def _after(text: str, spans: Spans) -> list[frozenset[str]]:
    """For each piece the last mark of it, and the marks between it and the next piece."""
    nexts = [*(start for start, _ in spans), len(text)][1:]
    return [frozenset(text[max(a, b - 1) : then]) for (a, b), then in zip(spans, nexts, strict=False)]


def _balanced(branches: Sequence[Branch]) -> Branch:
    if len(branches) == 1:
        return branches[0]
    middle = (len(branches) + 1) // 2
    halves = (_balanced(branches[:middle]), _balanced(branches[middle:]))
    return Branch(halves[0].start, halves[1].end, halves)
