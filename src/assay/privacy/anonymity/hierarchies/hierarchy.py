"""A hierarchy says of a value what it becomes at each coarser level; a ladder is a hierarchy set against a column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.errors import AssayError
from assay.privacy.anonymity.table import CodedColumn, Codes, Floats

ALL = "*"
"""The one value of the coarsest level."""


@dataclass(frozen=True)
class Hierarchy:
    """`steps(value)` are the coarser forms of the text of a value, finest first, or None where it covers it not.

    Each level must be a coarsening of the one before. The level that holds all values, `*`, is added on top.
    """

    name: str
    steps: Callable[[str], Sequence[str] | None]


@dataclass(frozen=True, eq=False)
class Level:
    """(values,) the group of each value of a column, with the text, loss and rows of each group.

    `loss` is the generalised loss of a cell in the group (Iyengar 2002, KDD): the width of the group over that of the
    column for numbers and times, (values - 1)/(all values - 1) for categories. `rows` are those whose value is in it.
    """

    groups: Codes
    texts: tuple[str | None, ...]
    loss: Floats
    rows: Codes


@dataclass(frozen=True, eq=False)
class Ladder:
    """A column with its levels: 0 is as it is, the last is one group."""

    column: CodedColumn
    levels: tuple[Level, ...]


def ladder(column: CodedColumn, hierarchy: Hierarchy, /) -> Ladder:
    """The Ladder of `column` by `hierarchy`. A missing value stays missing until the top.

    Raises AssayError where the hierarchy does not cover a value of the column, gives values chains of different
    lengths, or splits a group that it made before.
    """
    chains = [None if text is None else _chain(column, hierarchy, text) for text in column.levels]
    known = [chain for chain in chains if chain is not None]
    height = max((len(chain) for chain in known), default=0)
    _check_heights(column, hierarchy, chains, height)
    levels = [level_of(column, np.arange(column.size), column.levels)]
    for step in range(height):
        texts = [None if chain is None else chain[step] for chain in chains]
        levels.append(_step(column, texts, levels[-1], f"{hierarchy.name}, level {step + 1}"))
    if len(levels[-1].texts) > 1 or height == 0:
        levels.append(level_of(column, np.zeros(column.size, dtype=np.int64), (ALL,)))
    return Ladder(column, tuple(levels))


def level_of(column: CodedColumn, groups: Codes, texts: Sequence[str | None], /) -> Level:
    """The Level of these groups of the values of `column`."""
    count = len(texts)
    rows = np.bincount(groups, weights=column.rows, minlength=count).astype(np.int64)
    if column.kind == "category":
        loss = (np.bincount(groups, minlength=count) - 1) / max(column.size - 1, 1)
    else:
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        np.minimum.at(low, groups, column.positions)
        np.maximum.at(high, groups, column.positions)
        width = float(column.positions.max() - column.positions.min()) or 1.0
        loss = (high - low) / width
    return Level(groups, tuple(texts), np.asarray(loss, dtype=np.float64), rows)


def _chain(column: CodedColumn, hierarchy: Hierarchy, text: str) -> tuple[str, ...]:
    found = hierarchy.steps(text)
    if found is None:
        raise AssayError(
            f"The hierarchy {hierarchy.name} does not cover the value {text!r} of column {column.name!r}.",
            code="hierarchy",
            hint="Every value of the data needs its coarser forms; add it, or correct the value.",
        )
    return tuple(found)


def _check_heights(
    column: CodedColumn, hierarchy: Hierarchy, chains: Sequence[tuple[str, ...] | None], height: int
) -> None:
    for text, chain in zip(column.levels, chains, strict=True):
        if chain is not None and len(chain) != height:
            raise AssayError(
                f"The hierarchy {hierarchy.name} gives {text!r} of column {column.name!r} {len(chain)} levels, "
                f"and others {height}.",
                code="hierarchy",
                hint="Give every value as many levels; repeat a form where a level changes nothing.",
            )


def _step(column: CodedColumn, texts: Sequence[str | None], before: Level, where: str) -> Level:
    ordered = tuple(dict.fromkeys(texts))
    place = {text: code for code, text in enumerate(ordered)}
    groups = np.array([place[text] for text in texts], dtype=np.int64)
    seen = np.full(len(before.texts), -1, dtype=np.int64)
    seen[before.groups] = groups
    split = np.flatnonzero(seen[before.groups] != groups)
    if len(split):
        text = before.texts[before.groups[split[0]]]
        raise AssayError(
            f"The hierarchy {where} of column {column.name!r} splits the group {text!r} of the level before.",
            code="hierarchy",
            hint="Values that are one at a level must be one at every coarser level.",
        )
    return level_of(column, groups, ordered)
