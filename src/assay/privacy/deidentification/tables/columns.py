"""Which columns of a table hold identifiers, whatever their names say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.privacy.deidentification.find import find
from assay.privacy.deidentification.recognizer import Recognizer

INDIRECT = frozenset({"AGE", "DATE", "DATE_TIME", "LOCATION", "NATIONALITY", "ORGANIZATION", "NUMBER"})
"""Entities that tell a person only beside others: quasi-identifiers. All other entities tell one by themselves."""

NAME_LENGTH = 40


@dataclass(frozen=True, slots=True)
class ColumnFinds:
    """Of `rows` rows of a column, in how many a direct identifier was found, and in how many an indirect one.

    `entities` counts rows by entity. Values are not kept.
    """

    column: str
    rows: int
    direct: int
    indirect: int
    entities: Mapping[str, int]

    @property
    def words(self) -> str:
        """The entities with their rows, most frequent first."""
        ordered = sorted(self.entities.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{entity} {rows}" for entity, rows in ordered)


def column_finds(table: Any, name: str, /, *, recognizers: Sequence[Recognizer]) -> ColumnFinds:
    """What is found in the column `name` of a pyarrow Table, each distinct value looked at once.

    The name of the column stands before each value as a word near it: nine digits under "ssn" are one, others are not.
    Fractions, booleans and nested values hold no identifiers.
    """
    import pyarrow.compute as pc

    counted = pc.value_counts(table.column(name).combine_chunks())
    texts, rows = [], []
    for value, count in zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True):
        text = _text(value)
        if text:
            texts.append(text)
            rows.append(count)
    before = _words(name)
    entities: Counter[str] = Counter()
    direct = indirect = 0
    for spans, n in zip(find([before + text for text in texts], recognizers=recognizers), rows, strict=True):
        found = {span.entity for span in spans if span.start >= len(before)}
        entities.update(dict.fromkeys(found, n))
        direct += n if found - INDIRECT else 0
        indirect += n if found and not found - INDIRECT else 0
    return ColumnFinds(name, table.num_rows, direct, indirect, dict(entities))


def _text(value: Any) -> str:
    """A value as it would be written; "" for what holds no identifier."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else ""
    if value is None or isinstance(value, bool | bytes | list | dict):
        return ""
    return str(value).removesuffix(" 00:00:00")


def _words(name: str) -> str:
    """The name of a column as words and a colon: `homePhone_2` is "home phone 2: "."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:NAME_LENGTH])
    return " ".join(re.findall(r"[^\W_]+", apart)).lower() + ": "
