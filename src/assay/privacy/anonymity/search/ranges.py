"""The scale a column is cut on, and how a range of it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.privacy.anonymity.hierarchies.hierarchy import ALL, Ladder
from assay.privacy.anonymity.search.recoded import RecodedColumn
from assay.privacy.anonymity.table import MISSING, CodedColumn, Codes, Floats


@dataclass(frozen=True, eq=False)
class Axis:
    """`place` is (levels,) where each level of `column` stands in the order of cutting, `order` its inverse.

    `scale` is (levels,) the position of each place, `span` the width of the whole.
    """

    column: CodedColumn
    place: Codes
    order: Codes
    scale: Floats
    span: float
    ladder: Ladder | None


def axis_of(column: CodedColumn, ladder: Ladder | None, /) -> Axis:
    """The Axis of `column`: categories in the order of `ladder`, so that what belongs together stays together."""
    order = np.arange(column.size)
    if ladder is not None and column.kind == "category":
        order = np.lexsort([level.groups for level in ladder.levels])
    place = np.empty_like(order)
    place[order] = np.arange(column.size)
    scale = column.positions if column.kind != "category" else np.arange(column.size, dtype=np.float64)
    return Axis(column, place, order, scale, float(scale[-1] - scale[0]) or 1.0, ladder)


def recoded_range(axis: Axis, places: Codes, starts: Codes, leaf: Codes, /) -> RecodedColumn:
    """The RecodedColumn where each leaf is the range of its places: those from `starts` on; `leaf` is (rows,)."""
    column, size = axis.column, axis.column.size
    low, high = np.minimum.reduceat(places, starts), np.maximum.reduceat(places, starts)
    found, group = np.unique(low * size + high, return_inverse=True)
    first, last = found // size, found % size
    if axis.ladder is not None:
        return _in_groups(axis, axis.ladder, first, last, group.reshape(-1)[leaf])
    rows = np.concatenate([[0], np.cumsum(column.rows[axis.order])])
    texts = [_text(axis, int(a), int(b)) for a, b in zip(first, last, strict=True)]
    members = None
    if column.kind == "category":
        members = np.zeros((len(found), size), dtype=bool)
        at = np.arange(size)
        members[:, axis.order] = (at >= first[:, None]) & (at <= last[:, None])
        loss = (last - first) / max(size - 1, 1)
    else:
        loss = (axis.scale[last] - axis.scale[first]) / axis.span
    return RecodedColumn(
        column,
        group.reshape(-1)[leaf],
        tuple(texts),
        loss,
        rows[last + 1] - rows[first],
        axis.scale[first],
        axis.scale[last],
        members,
        bool((last > first).any()),
    )


def _text(axis: Axis, first: int, last: int) -> str | None:
    levels: Sequence[str | None] = axis.column.levels
    if first == last:
        return levels[int(axis.order[first])]
    if axis.column.kind == "category":
        if last - first + 1 == axis.column.size:
            return ALL
        return "{" + " | ".join(levels[axis.order[at]] or MISSING for at in range(first, last + 1)) + "}"
    lacking = f"{MISSING} or " if levels[first] is None else ""
    start = first + 1 if lacking else first
    if start == last:
        return f"{lacking}{levels[last]}"
    return f"{lacking}[{levels[start]}, {levels[last]}]"


def _in_groups(axis: Axis, ladder: Ladder, first: Codes, last: Codes, ranges: Codes) -> RecodedColumn:
    """Ranges as the finest groups of the ladder that hold them whole."""
    column, levels = axis.column, ladder.levels
    height = np.full(len(first), len(levels) - 1)
    for h in range(len(levels) - 2, -1, -1):
        groups = levels[h].groups[axis.order]
        changes = np.concatenate([[0], np.cumsum(groups[1:] != groups[:-1])])
        height = np.where(changes[first] == changes[last], h, height)
    most = max(len(level.texts) for level in levels)
    own = np.array([levels[h].groups[axis.order[a]] for h, a in zip(height, first, strict=True)], dtype=np.int64)
    pairs, group = np.unique(height * most + own, return_inverse=True)
    listed = [(levels[pair // most], int(pair % most)) for pair in pairs.tolist()]
    members = np.stack([level.groups == own for level, own in listed])
    at = [column.positions[inside] for inside in members]
    return RecodedColumn(
        column,
        group.reshape(-1)[ranges],
        tuple(level.texts[own] for level, own in listed),
        np.array([level.loss[own] for level, own in listed]),
        np.array([level.rows[own] for level, own in listed]),
        np.array([float(inside.min()) for inside in at]),
        np.array([float(inside.max()) for inside in at]),
        members if column.kind == "category" else None,
        bool((height > 0).any()),
    )
