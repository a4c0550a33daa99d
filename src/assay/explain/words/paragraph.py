"""One paragraph for each decision, for the person concerned, for an analyst or for a regulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any, Literal, get_args

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.explain.attribution import Attributions
from assay.explain.question import Question
from assay.explain.recourse.counterfactual import Recourse
from assay.explain.target import BATCH
from assay.explain.words.analyst import analyst
from assay.explain.words.catalogue import Catalogue, catalogue
from assay.explain.words.customer import customer
from assay.explain.words.lookup import verify
from assay.explain.words.piece import Marks, Number, Piece, join
from assay.explain.words.regulator import regulator
from assay.explain.words.teller import Teller
from assay.explain.words.told import Sources, Told, check, known
from assay.explain.words.vocabulary import Vocabulary

Audience = Literal["customer", "analyst", "regulator"]
MOST = 5
"""Reasons that a customer is told."""


@dataclass(frozen=True)
class Paragraph:
    """What is said of one decision: plain text, every number in it with its source, and for whom.

    `sources` are the numbers and texts of the records that it was made from, by key, unrounded; see `verify`.
    `in_english` are the ids of messages that the language does not have. The text is safe in a terminal; in a page
    take `html`.
    """

    text: str
    numbers: tuple[Number, ...]
    audience: Audience
    language: str
    sources: Sources
    marks: Marks
    in_english: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text

    @property
    def html(self) -> str:
        """The text as an escaped paragraph of HTML."""
        return f"<p>{escape(self.text, quote=True)}</p>"

    def _repr_html_(self) -> str:
        return self.html

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types; each number with what is shown, its value and source."""
        return {
            "text": self.text,
            "audience": self.audience,
            "language": self.language,
            "in_english": list(self.in_english),
            "numbers": [{"shown": n.shown, "value": n.value, "source": n.source} for n in self.numbers],
        }


def paragraph(
    question: Question,
    attributions: Attributions,
    /,
    *,
    row: int = 0,
    audience: Audience = "customer",
    recourse: Recourse | None = None,
    vocabulary: Vocabulary | None = None,
    protected: Sequence[str] | None = None,
    data: str = "",
    most: int = MOST,
    language: str = "en",
) -> Paragraph:
    """The Paragraph of the explained row `row` (from 0, in the order of the question); see `paragraphs`."""
    asked = _Asked(question, attributions, recourse, vocabulary, protected, data)
    return _written(asked.told([row])[0], audience, catalogue(language), most)


def paragraphs(
    question: Question,
    attributions: Attributions,
    /,
    *,
    audience: Audience = "customer",
    recourse: Recourse | None = None,
    vocabulary: Vocabulary | None = None,
    protected: Sequence[str] | None = None,
    data: str = "",
    most: int = MOST,
    language: str = "en",
) -> tuple[Paragraph, ...]:
    """One Paragraph for each row of the question, whose `attributions` and, optionally, `recourse` these are.

    The decisions are asked of the model in one batch. `protected` are the declared protected attributes (by default
    those of the Case whose rows these are), `data` names the data and their version for a regulator, `most` is how many
    reasons a customer is told. Every number of the text is looked up in the records before it leaves; one that is not
    found is an error. An association is never called a cause.
    """
    asked = _Asked(question, attributions, recourse, vocabulary, protected, data)
    told = asked.told(range(len(attributions)))
    return tuple(_written(one, audience, catalogue(language), most) for one in told)


def sources(
    question: Question,
    attributions: Attributions,
    /,
    *,
    row: int = 0,
    recourse: Recourse | None = None,
    vocabulary: Vocabulary | None = None,
    protected: Sequence[str] | None = None,
    data: str = "",
) -> Sources:
    """What a Paragraph of these records is verified against, by key and unrounded; see `paragraphs` for the keywords.

    Take it from records that you made anew to verify a paragraph that somebody else wrote.
    """
    return known(_Asked(question, attributions, recourse, vocabulary, protected, data).told([row])[0])


@dataclass(frozen=True, eq=False)
class _Asked:
    """The records of all rows."""

    question: Question
    attributions: Attributions
    recourse: Recourse | None
    vocabulary: Vocabulary | None
    protected: Sequence[str] | None
    data: str

    def told(self, rows: Sequence[int], /) -> list[Told]:
        """The records of some rows, one by one."""
        question, found, recourse = self.question, self.attributions, self.recourse
        check(question, found, recourse)
        for row in rows:
            if not 0 <= row < len(found):
                hint = f"They are numbered from 0 to {len(found) - 1}."
                raise AssayError(f"There is no explained row {row}.", code="row", hint=hint)
        groups = () if recourse is None else tuple(c.column for w in recourse.ways for f in w.found for c in f.changes)
        protected = self.protected
        if protected is None and question.groups is not None:
            protected = question.groups.column_names
        declared = None if protected is None else tuple(protected)
        words = self.vocabulary or Vocabulary()
        words.check(question.target, also=(*groups, *(declared or ())))
        labels = decisions(question, rows)
        return [
            Told(
                question,
                found.of([row]),
                labels[i] if labels else None,
                labels[i] == question.target.label if labels else None,
                recourse,
                None if recourse is None else recourse[row],
                declared,
                self.data,
                words,
            )
            for i, row in enumerate(rows)
        ]


def decisions(question: Question, rows: Sequence[int], /) -> tuple[str, ...]:
    """The class that is decided for some rows of a question, by its threshold, else as the model predicts.

    Empty for a regression.
    """
    target = question.target
    if target.output is None or not len(rows):
        return ()
    matrix = question.rows[np.asarray(rows, dtype=np.int64)]
    classes = target.model.classes
    if len(classes) == 2:
        other = classes[1 - target.output]
        return tuple(str(target.label) if yes else other for yes in target.decides(matrix))
    found: list[str] = []
    for start in range(0, len(matrix), BATCH):
        table = target.columns.decode(matrix[start : start + BATCH])
        target.calls.batches += 1
        target.calls.rows += table.num_rows
        found += np.asarray(target.model.predict(table)).astype(str).tolist()
    return tuple(found)


def _written(told: Told, audience: Audience, words: Catalogue, most: int) -> Paragraph:
    if audience not in get_args(Audience):
        raise unknown("audience", audience, get_args(Audience), code="audience")
    if most < 1:
        raise AssayError(f"{most} reasons are none.", code="most", hint="Give a number from 1.")
    writers: Mapping[str, Callable[[Teller], Iterator[Piece]]] = {
        "customer": partial(customer, most=most),
        "analyst": analyst,
        "regulator": regulator,
    }
    found = known(told)
    whole = join([*writers[audience](Teller(told, found, words, plain=audience == "customer"))], " ")
    english = tuple(sorted({*whole.ids} & words.in_english))
    made = Paragraph(whole.text, whole.numbers, audience, words.code, found, words.marks, english)
    missing = verify(made, found)
    if missing:
        raise AssayError(
            f"The text for {audience} shows numbers that are in no record: {', '.join(missing[:5])}.",
            code="words",
            hint=f"Digits belong to no message of {words.code}.toml, and marks of numbers must be those it declares.",
        )
    return made
