"""An attribute of a row as an attacker guesses it: levels, and the values that stand for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import Message
from assay.privacy.anonymity.table import CodedColumn
from assay.privacy.inference.encoding import texts_of
from assay.privacy.membership.answers import Codes, Floats, Places

MOST_LEVELS = 10
"""Values that are guessed, the most frequent ones; numbers with more values are guessed by fifths."""
FIFTHS = 5
TRIED = 4
"""Values that are tried for a fifth of the numbers."""


@dataclass(frozen=True, eq=False)
class Attribute:
    """(rows,) `codes` of the level of each row (−1: none that is guessed), and what is tried for each level.

    (tried,) `places` are rows whose value is tried, (tried,) `level` the level that it stands for.
    """

    name: str
    size: int
    codes: Codes
    places: Places
    level: Codes


def attribute_of(inputs: Any, name: str, told: Places, /) -> Attribute | Message:
    """The column `name` of a Table as levels to guess, chosen by the rows told; or why there are not two of them."""
    from assay.models.inputs import is_number, numbers

    column = inputs.column(name)
    texts, values = texts_of(column)
    values = np.where(values == len(texts) - 1, -1, values)
    figures = numbers(column) if is_number(column.type) else None
    return _levels(name, values, len(texts), figures, told)


def attribute_beside(column: CodedColumn, told: Places, /) -> Attribute | Message:
    """A column that the model is not fed as levels to guess."""
    values = np.where(np.array([text is None for text in column.levels])[column.codes], -1, column.codes)
    figures = None if column.values is None else column.values[column.codes]
    return _levels(column.name, values, column.size, figures, told)


def _levels(name: str, values: Codes, size: int, figures: Floats | None, told: Places) -> Attribute | Message:
    """(rows,) `values` are codes, −1 for a missing one; `figures` the numbers of a column of numbers."""
    seen = np.bincount(values[told][values[told] >= 0], minlength=size)
    if figures is not None and (seen > 0).sum() > MOST_LEVELS:
        return _fifths(name, figures, told)
    listed = [int(code) for code in np.argsort(-seen, kind="stable")[:MOST_LEVELS] if seen[code] > 1]
    if len(listed) < 2:
        return Message("one-value", "{attribute} has one value among the rows that are known", {"attribute": name})
    where = np.full(size + 1, -1)
    where[listed] = np.arange(len(listed))
    codes = where[values]
    places = np.array([told[np.flatnonzero(values[told] == code)[0]] for code in listed], dtype=np.intp)
    return Attribute(name, len(listed), codes, places, np.arange(len(listed)))


def _fifths(name: str, values: Floats, told: Places) -> Attribute:
    """Between the quintiles of the rows told; in each, values of rows at four quantiles are tried."""
    known = told[np.isfinite(values[told])]
    distinct = np.unique(values[known])
    edges = np.unique(np.quantile(values[known], np.arange(1, FIFTHS) / FIFTHS))
    edges = edges[edges > distinct[0]] if edges[-1] > distinct[0] else np.nextafter(distinct[:1], np.inf)
    codes = np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), -1)
    places, level = [], []
    for code in range(len(edges) + 1):
        mine = known[codes[known] == code]
        ordered = mine[np.argsort(values[mine], kind="stable")]
        quantiles = (np.arange(TRIED if len(ordered) else 0) + 0.5) / TRIED
        at = np.unique((quantiles * len(ordered)).astype(np.int64))
        places += [int(ordered[i]) for i in at]
        level += [code] * len(at)
    return Attribute(name, len(edges) + 1, codes, np.array(places, dtype=np.intp), np.array(level))
