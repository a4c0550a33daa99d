"""What a recogniser declares: patterns, a checksum, words that stand near, and examples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from assay.privacy.deidentification.span import Span

KIND = "recognizer"
"""Kind of a Part whose `make()` gives a Recognizer."""

NEARBY = 0.35
"""Added to the score of a find that one of the context words stands near."""

BEFORE, AFTER = 50, 25
"""Characters before and after a find in which context words are looked for."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression and the score of what it matches, or of its group `found` where there is one.

    Every repetition is bounded, or is of a character class that what follows it does not share, so that matching takes
    time linear in the text; a test measures it.
    """

    regex: str
    score: float


@dataclass(frozen=True)
class Recognizer:
    """Finds identifiers of one `entity` by their form.

    `valid` gets what a pattern matched and says whether it can be one (checksum, ranges); `context` are words in lower
    case. In `examples` the identifier stands between « and »; in `counterexamples` nothing is to be found.
    """

    name: str
    entity: str
    patterns: tuple[Pattern, ...]
    examples: tuple[str, ...]
    counterexamples: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    valid: Callable[[str], bool] = lambda text: True

    @cached_property
    def _compiled(self) -> tuple[tuple[re.Pattern[str], float], ...]:
        return tuple((re.compile(pattern.regex), pattern.score) for pattern in self.patterns)

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        words = "|".join(re.escape(word) for word in self.context)
        return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None

    def spans(self, text: str, /) -> Iterator[Span]:
        """Every find in `text`, whatever its score; they may overlap."""
        for regex, score in self._compiled:
            for match in regex.finditer(text):
                start, end = match.span("found" if "found" in regex.groupindex else 0)
                if self.valid(text[start:end]):
                    near = NEARBY if self._near(text, start, end) else 0.0
                    yield Span(start, end, self.entity, min(1.0, score + near), self.name)

    def _near(self, text: str, start: int, end: int) -> bool:
        if self._words is None:
            return False
        around = text[max(0, start - BEFORE) : start] + " " + text[end : end + AFTER]
        return self._words.search(around) is not None
