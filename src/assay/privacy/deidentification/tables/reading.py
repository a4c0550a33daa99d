"""How the columns of a table are read again, with the keys that they were written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.core.part import Part
from assay.privacy.deidentification.deidentify import reidentify_texts
from assay.privacy.deidentification.operator import Operator
from assay.privacy.deidentification.tables.treatment import make_operator
from assay.privacy.operators.format_preserving import Characters, restore
from assay.seal.key_sources import LocalKeys

READABLE = ("reversible", "encrypt")
"""Operators whose marks in texts are read."""


@dataclass(frozen=True)
class Reading:
    """How a column is read again: marks in its texts by `operators`, or its whole cells by `restore`."""

    column: str
    domain: str
    operators: tuple[Operator, ...] = ()
    restore: Callable[[str], str] | None = None

    def read(self, texts: Sequence[str | None], first: int, /) -> tuple[str | None, ...]:
        """The texts with all that was written read again; an error names the row, counted from `first`."""
        if self.restore is None:
            return reidentify_texts(texts, field=self.domain, operators=self.operators, first=first)
        return tuple(None if text is None else self.restore(text) for text in texts)


def readings(
    *,
    columns: Sequence[str],
    keys: LocalKeys,
    operators: Mapping[str, Part[Any]],
    format_preserved: Sequence[str] = (),
    domains: Mapping[str, str] | None = None,
    characters: Characters = "digits",
) -> tuple[Reading, ...]:
    """How `columns` (by every operator that can) and the cells `format_preserved` are read with all of `keys`."""
    named, where = [*columns, *format_preserved], domains or {}
    if not named:
        raise AssayError("No column was named.", code="column", hint="Name what was written with a key.")
    for place, name in enumerate(named):
        if name in named[:place]:
            raise AssayError(f"Column {name!r} is named twice.", code="column", hint="Name each column once.")
    for name in where:
        if name not in named:
            raise unknown("column to read again", name, named, code="column")
    readable = tuple(make_operator(name, operators, keys=keys, settings={}) for name in READABLE)
    (key, *_) = keys.token_keys()

    def restored(name: str) -> Callable[[str], str]:
        return lambda text: restore(text, field=where.get(name, name), key=key, characters=characters)

    texts = [Reading(name, where.get(name, name), readable) for name in columns]
    return (*texts, *(Reading(name, where.get(name, name), restore=restored(name)) for name in format_preserved))
