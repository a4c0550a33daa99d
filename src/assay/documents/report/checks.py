"""One check of a Run as a reader meets it: what was asked, what was found, in figures and words, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.measure import Verdict
from assay.core.policy import Rules
from assay.documents.escape import Shown
from assay.documents.language import Language, Sentence
from assay.documents.report.attached import Attached, Room, attached
from assay.documents.report.figures import Figure, figures
from assay.documents.report.found import found, not_run
from assay.documents.report.made import Fact, Link, link, made
from assay.documents.report.order import Caps
from assay.documents.report.rows import tells_few, where
from assay.documents.standing import Entry, tally, worst

ALIKE = 2
"""So many remarks of one kind are shown; a check may make one on every group."""


@dataclass(frozen=True)
class CheckPage:
    """`found` are the sentences on the check, the telling one first. `verdict` is the worst of its Findings."""

    id: str
    anchor: str
    title: str
    verdict: Verdict | None
    tally: Mapping[Verdict, int]
    found: tuple[Sentence, ...]
    figures: tuple[Figure, ...]
    attached: tuple[Attached, ...]
    notes: tuple[Sentence, ...]
    notes_left: int
    made: tuple[Fact, ...]
    paragraphs: tuple[str, ...]
    clauses: tuple[Link, ...]

    @property
    def more(self) -> tuple[Figure, ...]:
        """Figures that are folded away together."""
        return tuple(figure for figure in self.figures if figure.place == "more")


def check_page(
    id: str,
    entries: Sequence[Entry],
    facts: Mapping[str, Any],
    /,
    *,
    anchor: str,
    caps: Caps,
    language: Language,
    rules: Rules,
    room: Room,
) -> CheckPage:
    """The page of the check `id`."""
    notes = _notes(entries, language, rules)
    paragraphs = re.split(r"\n\s*\n", str(facts.get("doc", "")))
    return CheckPage(
        id=id,
        anchor=anchor,
        title=language.title(id, facts),
        verdict=Verdict.UNMEASURED if not_run(entries) else worst(entries),
        tally=tally(entries),
        found=found(entries, language=language, rules=rules),
        figures=figures(entries, caps=caps, language=language, rules=rules),
        attached=attached(entries, language=language, room=room),
        notes=notes.shown,
        notes_left=notes.left,
        made=made(id, [f for e in entries for f in (e.finding, e.beside) if f], facts, language=language, rules=rules),
        paragraphs=tuple(" ".join(part.split()) for part in paragraphs if part.strip()),
        clauses=tuple(link(title, address) for title, address in facts.get("clause_links", ())),
    )


@dataclass(frozen=True)
class _Notes:
    shown: tuple[Sentence, ...]
    left: int


def _notes(entries: Sequence[Entry], language: Language, rules: Rules) -> _Notes:
    """What the check remarks on its numbers, a few of each kind."""
    kinds: dict[str, dict[str, Sentence]] = {}
    for e in entries:
        for note in e.measure.notes if not e.hidden else ():
            if not tells_few(note, rules.min_cell):
                told: dict[str, Shown | Sentence] = {
                    "measure": language.measure(e.measure.name),
                    "where": where(e.measure),
                }
                text = language.message(note)
                kinds.setdefault(note.id, {}).setdefault(text, Sentence("what.note", told | {"note": text}))
    shown = tuple(sentence for texts in kinds.values() for sentence in list(texts.values())[:ALIKE])
    return _Notes(shown, sum(map(len, kinds.values())) - len(shown))
