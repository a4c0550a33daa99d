"""Rows cut in two at the median, again and again, as long as both halves meet what is required."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.privacy.anonymity.hierarchies.hierarchy import Ladder
from assay.privacy.anonymity.measures.classes import Classes
from assay.privacy.anonymity.search.ranges import Axis, axis_of, recoded_range
from assay.privacy.anonymity.search.recoded import Recoded
from assay.privacy.anonymity.search.requirement import Requirement
from assay.privacy.anonymity.table import CodedColumn, Codes

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Parts:
    """Rows sorted by part: part p is `rows[starts[p] : starts[p + 1]]`."""

    rows: Codes
    starts: Codes

    @property
    def sizes(self) -> Codes:
        return np.diff(self.starts)

    def chosen(self, which: Codes) -> _Parts:
        """The parts `which`, in that order."""
        sizes = self.sizes[which]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        places = np.repeat(self.starts[which] - starts[:-1], sizes) + np.arange(starts[-1])
        return _Parts(self.rows[places], starts)


def mondrian(
    columns: Sequence[CodedColumn],
    sensitive: Sequence[CodedColumn],
    requirement: Requirement,
    /,
    *,
    ladders: Mapping[str, Ladder],
    strict: bool = True,
) -> Recoded:
    """The Recoded of multidimensional partitioning (LeFevre, DeWitt & Ramakrishnan 2006, ICDE).

    Each part is cut along the column in which it is widest, relative to the whole table, at the median; where a half
    would not meet `requirement`, along the next. `strict` keeps equal values together; else rows of the median's value
    go to either half, and parts may overlap in it. Categories are cut in the order of their hierarchy where `ladders`
    has one for them, else of their texts; a column with a ladder is written in its groups.

    All parts of a depth are cut at the same time, so that a million rows take as many passes as the tree is deep. No
    row is left out. Raises AssayError where the table as a whole does not meet `requirement`.
    """
    axes = [axis_of(column, ladders.get(column.name)) for column in columns]
    places = np.stack([axis.place[column.codes] for axis, column in zip(axes, columns, strict=True)])
    rows = places.shape[1]
    overall = [column.rows for column in sensitive]
    root = Classes(np.zeros(rows, dtype=np.int64), np.array([rows]))
    if not requirement.meets(root, sensitive, overall, [column.codes for column in sensitive]).all():
        raise AssayError(
            f"These {rows:,} rows as one class do not meet the requirement, so no partition of them does.",
            code="requirement",
            hint="Ask for less, or bring more rows.",
        )
    cutter = _Cutter(axes, places, sensitive, requirement, strict)
    leaf, leaves = np.zeros(rows, dtype=np.int64), 0
    parts = _Parts(np.arange(rows), np.array([0, rows]))
    while len(parts.starts) > 1:
        parts, ended = cutter.cut(parts)
        leaf[ended.rows] = leaves + np.repeat(np.arange(len(ended.starts) - 1), ended.sizes)
        leaves += len(ended.starts) - 1
    order = np.argsort(leaf, kind="stable")
    starts = np.searchsorted(leaf[order], np.arange(leaves))
    recoded = [recoded_range(axis, places[a][order], starts, leaf) for a, axis in enumerate(axes)]
    return Recoded(np.arange(rows), tuple(recoded), "Mondrian, " + ("strict" if strict else "relaxed"))


@dataclass(frozen=True, eq=False)
class _Cutter:
    axes: Sequence[Axis]
    places: Codes
    sensitive: Sequence[CodedColumn]
    requirement: Requirement
    strict: bool

    def cut(self, parts: _Parts) -> tuple[_Parts, _Parts]:
        """The halves of all parts that can be cut, and the parts that cannot."""
        small = parts.sizes < 2 * self.requirement.k
        ended = [parts.chosen(np.flatnonzero(small))]
        parts = parts.chosen(np.flatnonzero(~small))
        halves: list[_Parts] = []
        widths = self._widths(parts)
        order = np.argsort(-widths, axis=0, kind="stable")
        for attempt in range(len(self.axes)):
            if len(parts.starts) == 1:
                break
            axis = order[attempt]
            wide = widths[axis, np.arange(len(axis))] > 0
            tried = np.flatnonzero(wide)
            made, good = self._halves(parts.chosen(tried), axis[tried])
            halves.append(made)
            left = np.ones(len(axis), dtype=bool)
            left[tried[good]] = False
            ended.append(parts.chosen(np.flatnonzero(~wide)))
            left &= wide
            parts, widths, order = parts.chosen(np.flatnonzero(left)), widths[:, left], order[:, left]
        return _joined(halves), _joined([*ended, parts])

    def _widths(self, parts: _Parts) -> NDArray[np.float64]:
        """(columns, parts) width of each part relative to the table; 0 where it has one value."""
        starts = parts.starts[:-1]
        if not len(starts):
            return np.zeros((len(self.axes), 0))
        found = []
        for axis, places in zip(self.axes, self.places, strict=True):
            here = places[parts.rows]
            low, high = np.minimum.reduceat(here, starts), np.maximum.reduceat(here, starts)
            width = (axis.scale[high] - axis.scale[low]) / axis.span
            found.append(np.where(high > low, np.maximum(width, 1e-12), 0.0))
        return np.stack(found)

    def _halves(self, parts: _Parts, axis: Codes) -> tuple[_Parts, Flags]:
        """The halves of those parts that may be cut along `axis`, and which those are."""
        count = len(axis)
        if not count:
            return _Parts(parts.rows, parts.starts), np.zeros(0, dtype=bool)
        part = np.repeat(np.arange(count), parts.sizes)
        size = max(len(found.scale) for found in self.axes)
        key = part * size + self.places[axis[part], parts.rows]
        order = np.argsort(key, kind="stable")
        key, rows = key[order], parts.rows[order]
        start, end = parts.starts[:-1], parts.starts[1:]
        cuts = start + parts.sizes // 2
        if self.strict:
            median = key[cuts]
            before, after = np.searchsorted(key, median), np.searchsorted(key, median, side="right")
            middle = (start + end) / 2
            first = (before > start) & ((after >= end) | (np.abs(before - middle) <= np.abs(after - middle)))
            cuts = np.where(first, before, after)
        good = np.minimum(cuts - start, end - cuts) >= max(self.requirement.k, 1)
        if self.requirement.tells:
            good[good] = self._tell_little(_Parts(rows, parts.starts), cuts, np.flatnonzero(good))
        edges = np.stack([start, cuts], axis=1)[good].reshape(-1)
        chosen = _Parts(rows, parts.starts).chosen(np.flatnonzero(good))
        moved = np.repeat(chosen.starts[:-1] - start[good], 2) + edges
        return _Parts(chosen.rows, np.append(moved, len(chosen.rows))), good

    def _tell_little(self, parts: _Parts, cuts: Codes, which: Codes) -> Flags:
        """Whether both halves of each of the parts `which` meet the requirement."""
        here = parts.chosen(which)
        lengths = np.stack([cuts[which] - parts.starts[which], parts.starts[which + 1] - cuts[which]], axis=1).reshape(
            -1
        )
        classes = Classes(np.repeat(np.arange(len(lengths)), lengths), lengths)
        codes = [column.codes[here.rows] for column in self.sensitive]
        good = self.requirement.meets(classes, self.sensitive, [column.rows for column in self.sensitive], codes)
        return np.asarray(good.reshape(-1, 2).all(axis=1))


def _joined(parts: Sequence[_Parts]) -> _Parts:
    sizes = np.concatenate([found.sizes for found in parts]) if parts else np.zeros(0, dtype=np.int64)
    rows = np.concatenate([found.rows for found in parts]) if parts else np.zeros(0, dtype=np.int64)
    return _Parts(rows, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
