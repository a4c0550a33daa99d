"""Every conjunction of levels, counted table by table: one pass over the rows for each combination of columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from assay.fairness.subgroups.encoding import Encoded

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Table:
    """The slices over one combination of columns that extend the same slices of all columns but the last.

    Slice (i, l) has the levels `prefix[i]` in `columns[:-1]` and level l in the last: `n[i, l]` rows and `totals[i,
    l]`. `rows` are those inside the extended slices (None: all) and `cells` the flat i × L + l of each.
    """

    columns: tuple[int, ...]
    prefix: Ints
    n: Ints
    totals: Floats
    rows: NDArray[np.intp] | None
    cells: NDArray[np.intp]

    def levels(self, flat: NDArray[np.intp], /) -> Ints:
        """(slices, columns) levels of the slices at these flat places."""
        place, last = np.divmod(flat, self.n.shape[1])
        return np.column_stack([self.prefix[place], last])


Visit = Callable[[Table], NDArray[np.intp]]
"""Looks at a Table and says which slices, by flat place, are to be extended by later columns."""


def walk(encoded: Encoded, values: Floats, visit: Visit, /, *, max_depth: int) -> None:
    """Show every Table up to `max_depth` columns to `visit`, depth first, columns ascending.

    A slice that is not extended keeps all slices inside it (over later columns) from being counted. Only rows inside
    extended slices are read again, and only they have cells, so that a table has at most rows/support × L cells.
    """
    if not len(encoded.names):
        return
    binary = bool(np.isin(values, (0.0, 1.0)).all())
    width = max(len(levels) for levels in encoded.levels)
    walker = _Walk(encoded.codes, values, binary, width, visit, max_depth)
    cells = values.astype(np.intp) if binary else np.zeros(encoded.rows, dtype=np.intp)
    walker.node((), np.zeros((1, 0), dtype=np.int64), None, cells)


@dataclass(frozen=True, eq=False)
class _Walk:
    codes: NDArray[np.uint8]
    values: Floats
    binary: bool
    width: int
    visit: Visit
    max_depth: int

    def node(
        self, columns: tuple[int, ...], prefix: Ints, rows: NDArray[np.intp] | None, cells: NDArray[np.intp]
    ) -> None:
        """Extend the slices `prefix` by one level of each later column. `cells` are the places of the rows' slices.

        Outcomes that are 0 or 1 are counted in the same pass: rows with a 1 have the places after len(prefix).
        """
        slices, base = len(prefix), cells * self.width
        values = self.values if rows is None else self.values[rows]
        for column in range(columns[-1] + 1 if columns else 0, len(self.codes)):
            codes = self.codes[column]
            flat = base + (codes if rows is None else codes[rows])
            table = self.counted((*columns, column), prefix, values, rows, flat)
            extended = self.visit(table)
            last = column + 1 == len(self.codes) or len(columns) + 1 == self.max_depth
            if last or not len(extended):
                continue
            place = np.full(slices * self.width * (2 if self.binary else 1), -1, dtype=np.intp)
            place[extended] = np.arange(len(extended))
            if self.binary:
                place[extended + slices * self.width] = np.arange(len(extended)) + len(extended)
            kept = np.flatnonzero((inside := place[flat]) >= 0)
            below = kept if rows is None else rows[kept]
            self.node(table.columns, table.levels(extended), below, inside[kept])

    def counted(
        self,
        columns: tuple[int, ...],
        prefix: Ints,
        values: Floats,
        rows: NDArray[np.intp] | None,
        flat: NDArray[np.intp],
    ) -> Table:
        size = len(prefix) * self.width
        if self.binary:
            both = np.bincount(flat, minlength=2 * size).reshape(2, len(prefix), self.width)
            return Table(columns, prefix, both.sum(axis=0), both[1].astype(np.float64), rows, flat)
        n = np.bincount(flat, minlength=size).reshape(len(prefix), self.width)
        totals = np.bincount(flat, weights=values, minlength=size).astype(np.float64)
        return Table(columns, prefix, n, totals.reshape(n.shape), rows, flat)


def combinations(columns: int, max_depth: int, /) -> int:
    """How many tables there are: combinations of 1 to `max_depth` of the columns."""
    return sum(comb(columns, depth) for depth in range(1, max_depth + 1))
