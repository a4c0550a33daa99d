"""Texts and cells in which something else stands for the identifiers: pseudonymous, not anonymous."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from assay.core.errors import AssayError, Message
from assay.core.house import Progress
from assay.privacy.deidentification.find import NOT_FOUND_BY_FORM, THRESHOLD, find
from assay.privacy.deidentification.names import Names
from assay.privacy.deidentification.operator import Identifier, Operator, marks, unmarked
from assay.privacy.deidentification.recognizer import Recognizer
from assay.privacy.deidentification.span import Span, disjoint

BATCH = 1_000
"""Texts that are worked on together."""

_TASK = "deidentify"


@dataclass(frozen=True, slots=True)
class Pseudonymous:
    """`texts` in the order given (None stays None), and how many identifiers of each entity were replaced in them.

    `not_found` says what nobody looked for. The result is pseudonymous: who has the key, other data about the same
    people, or an eye for what no pattern knows can still tell who they are.
    """

    texts: tuple[str | None, ...]
    replaced: Mapping[str, int]
    not_found: tuple[str, ...] = ()

    @property
    def statement(self) -> Message:
        """What may be said of the result."""
        return statement_of(sum(self.replaced.values()), self.not_found)


def statement_of(replaced: int, not_found: Sequence[str], /) -> Message:
    """That texts in which so many identifiers were replaced are pseudonymous, and what nobody looked for."""
    words = (
        "The texts are pseudonymous: {replaced} identifiers were replaced. They are still personal data "
        "(GDPR, recital 26)."
    )
    if not not_found:
        return Message("privacy.pseudonymous", words, {"replaced": replaced})
    words += " Not found by this: {not_found}."
    return Message("privacy.pseudonymous_texts", words, {"replaced": replaced, "not_found": ", ".join(not_found)})


def deidentify_texts(
    texts: Sequence[str | None],
    /,
    *,
    field: str,
    recognizers: Sequence[Recognizer],
    operators: Sequence[Operator],
    subjects: Sequence[str] | None = None,
    names: Names | None = None,
    threshold: float = THRESHOLD,
    progress: Progress | None = None,
) -> Pseudonymous:
    """The texts of the column `field`, each identifier replaced by the first operator that takes its entity.

    The last operator must take every entity, so that nothing that is found stays. `subjects` says whom each text is
    about. Without `names` only what has a form is found. Where an operator can be read again, what looks like a mark in
    the texts is replaced too, as MARK, so that a forged mark comes back as it stood. An error names no value.
    """
    _check(operators, texts, subjects)
    readable = any(operator.read for operator in operators)
    whole: list[str | None] = []
    replaced: Counter[str] = Counter()
    if progress:
        progress.started(_TASK, total=len(texts))
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        plain = [text or "" for text in batch]
        spans = find(plain, recognizers=recognizers, names=names, threshold=threshold)
        if readable:
            spans = [disjoint((*own, *marks(text))) for text, own in zip(plain, spans, strict=True)]
        who = subjects[start : start + BATCH] if subjects is not None else [""] * len(batch)
        whole += _replaced(batch, spans, operators, field=field, subjects=who)
        replaced.update(span.entity for each in spans for span in each)
        if progress:
            progress.advanced(_TASK, done=len(whole))
    if progress:
        progress.ended(_TASK)
    return Pseudonymous(tuple(whole), dict(sorted(replaced.items())), names.not_found if names else NOT_FOUND_BY_FORM)


def deidentify_cells(
    values: Sequence[str | None],
    /,
    *,
    field: str,
    entity: str,
    operator: Operator,
    subjects: Sequence[str] | None = None,
) -> Pseudonymous:
    """The cells of a column in which every value is one identifier, of the stated `entity`; None stays None."""
    _check([operator], values, subjects, entity=entity)
    who = subjects if subjects is not None else [""] * len(values)
    asked = [Identifier(entity, value, field, of) for value, of in zip(values, who, strict=True) if value is not None]
    answers = iter(operator.apply(asked))
    texts = tuple(None if value is None else next(answers) for value in values)
    return Pseudonymous(texts, {entity: len(asked)})


def reidentify_texts(
    texts: Sequence[str | None], /, *, field: str, operators: Sequence[Operator], first: int = 0
) -> tuple[str | None, ...]:
    """The texts of the column `field` with all that `operators` wrote read again, with the keys that they hold.

    An error names the row, counted from `first`.
    """
    for operator in operators:
        if operator.read is None:
            raise AssayError(
                f"What the operator {operator.name!r} wrote cannot be read again.",
                code="operator",
                hint="Use reversible or encrypt where somebody must be able to.",
            )
    readers = {each.scheme: partial(_read, each.read, field) for each in operators if each.read}
    return tuple(_undone(text, row, field, readers) for row, text in enumerate(texts, first))


def _read(read: Callable[[str, str], str], field: str, token: str) -> str:
    return read(token, field)


def _undone(text: str | None, row: int, field: str, readers: Mapping[str, Callable[[str], str]]) -> str | None:
    try:
        return None if text is None else unmarked(text, readers)
    except AssayError as error:
        raise AssayError(f"Row {row} of {field!r}: {error.message}", code=error.code, hint=error.hint) from None


def _replaced(
    texts: Sequence[str | None],
    spans: Sequence[Sequence[Span]],
    operators: Sequence[Operator],
    *,
    field: str,
    subjects: Sequence[str],
) -> Iterator[str | None]:
    """The texts with their spans replaced; each operator is called once for all of the batch."""
    asked: dict[int, list[Identifier]] = {number: [] for number in range(len(operators))}
    chosen: list[int] = []
    for text, found, subject in zip(texts, spans, subjects, strict=True):
        for span in found:
            number = next(number for number, operator in enumerate(operators) if operator.takes(span.entity))
            asked[number].append(Identifier(span.entity, (text or "")[span.start : span.end], field, subject))
            chosen.append(number)
    answers = {number: iter(operators[number].apply(each)) for number, each in asked.items() if each}
    order = iter(chosen)
    for text, found in zip(texts, spans, strict=True):
        pieces, last = [], 0
        for span in found:
            pieces += [(text or "")[last : span.start], next(answers[next(order)])]
            last = span.end
        yield None if text is None else "".join(pieces) + text[last:]


def _check(
    operators: Sequence[Operator], texts: Sequence[str | None], subjects: Sequence[str] | None, *, entity: str = ""
) -> None:
    if not operators or not (operators[-1].takes(entity) if entity else not operators[-1].entities):
        name = operators[-1].name if operators else "none"
        raise AssayError(
            f"The last operator, {name}, does not take {entity or 'every entity'}.",
            code="operator",
            hint="End with one that does, such as replace: what is found must not stay in the text.",
        )
    if subjects is not None and len(subjects) != len(texts):
        raise AssayError(f"There are {len(texts)} texts and {len(subjects)} subjects.", code="subjects")
