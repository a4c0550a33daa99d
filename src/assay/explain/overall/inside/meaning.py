"""What a number inside the model means in the columns that people know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.explain.columns import Columns, Floats


@dataclass(frozen=True, eq=False)
class Meaning:
    """One number that a form reads: its own `name`, and the `place` of the model's column that it is made of.

    For a category `levels` (levels,) are the numbers that its levels become and `missing` that of the missing value
    (NaN where the form sees it as missing). For a number both are None, and `same` says that it is the column itself.
    """

    name: str
    place: int
    levels: Floats | None = None
    missing: float = float("nan")
    same: bool = False


def meanings(model: Any, columns: Columns, rows: Floats, /) -> tuple[Meaning, ...]:
    """The Meaning of each column that the model's form reads, found by encoding rows; () where it has no form.

    `rows` (n, columns) are any rows of the model's columns. A copy of the first with each level of each category, and
    with it missing where that occurs, is encoded beside them: categories come from one column each.
    """
    probes, where = [rows], {}
    start = len(rows)
    for place in np.flatnonzero(columns.nominal).tolist():
        levels = [*range(len(columns.columns[place].levels)), *([np.nan] if np.isnan(rows[:, place]).any() else [])]
        probe = np.repeat(rows[:1], len(levels), axis=0)
        probe[:, place] = levels
        probes.append(probe)
        where[place] = slice(start, start + len(levels))
        start += len(levels)
    matrix = np.concatenate(probes)
    encoded = model.encode(columns.decode(matrix))
    if encoded is None:
        return ()
    out = []
    for j, (name, place) in enumerate(zip(encoded.names, encoded.origin.tolist(), strict=True)):
        if place in where:
            values = np.asarray(encoded.matrix[where[place], j], dtype=np.float64)
            count = len(columns.columns[place].levels)
            out.append(Meaning(name, place, values[:count], float(values[count]) if len(values) > count else np.nan))
        else:
            same = np.array_equal(encoded.matrix[:, j], matrix[:, place], equal_nan=True)
            out.append(Meaning(name, place, same=same))
    return tuple(out)


def indicators(columns: Columns, rows: Floats, /, *, most: int) -> tuple[Meaning, ...]:
    """One Meaning a number, and one for each of the `most` frequent levels of a category: 1 where it is that level."""
    out: list[Meaning] = []
    for place, column in enumerate(columns.columns):
        if column.kind != "category":
            out.append(Meaning(column.name, place, same=True))
            continue
        codes = rows[:, place]
        counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(column.levels))
        for level in np.argsort(-counts, kind="stable")[:most].tolist():
            is_level = np.asarray(np.arange(len(column.levels)) == level, dtype=np.float64)
            out.append(Meaning(f"{column.name} = {column.levels[level]}", place, is_level, 0.0))
    return tuple(out)


def encode(found: Sequence[Meaning], rows: Floats, /) -> Floats:
    """(rows, meanings) the numbers that the rows become."""
    out = np.empty((len(rows), len(found)))
    for j, meaning in enumerate(found):
        values = rows[:, meaning.place]
        if meaning.levels is not None:
            known = np.where(np.isnan(values), 0, values).astype(np.int64)
            values = np.where(np.isnan(values), meaning.missing, meaning.levels[known])
        out[:, j] = values
    return out
