"""The exact search: the slices that rank highest among all of enough rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.fairness.subgroups.encoding import Conditions, Encoded
from assay.fairness.subgroups.lattice import Floats, Ints, Table, walk
from assay.fairness.subgroups.ranking import AllRows, RankBy, ranking, support_rows

DEEPEST = 4
SLACK = 1e-9
"""Bounds are trusted up to this share of the rank they are compared with: rounding must not cut off a find."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for: conjunctions of up to `max_depth` columns that hold `support` of the rows (at least 32).

    `rank`: "score" is SliceLine's, in which `alpha` weighs the error against the size; "difference" the mean in the
    slice minus that of the rest; "significance" that difference in standard errors. Of the `top` slices none shares
    more than `overlap` of its rows with a better one (intersection over union).
    """

    max_depth: int = 3
    top: int = 10
    support: float = 0.01
    rank: RankBy = "score"
    alpha: float = 0.95
    overlap: float = 0.5

    def __post_init__(self) -> None:
        if not 1 <= self.max_depth <= DEEPEST:
            hint = f"Give a number from 1 to {DEEPEST}."
            raise AssayError(f"max_depth = {self.max_depth} is not searched.", code="parameter", hint=hint)
        if self.top < 1 or not 0 <= self.overlap <= 1:
            hint = "Give top >= 1 and an overlap from 0 to 1."
            raise AssayError(f"top = {self.top}, overlap = {self.overlap}.", code="parameter", hint=hint)


@dataclass(frozen=True, slots=True)
class Found:
    """One slice with its rank, its rows and the total of the outcome in them."""

    conditions: Conditions
    rank: float
    n: int
    total: float


@dataclass(frozen=True, slots=True)
class Best:
    """The highest ranking slices, best first, and how many slices of enough rows were counted on the way.

    `complete` says that there are no more finds than these.
    """

    found: tuple[Found, ...]
    counted: int
    support: int
    complete: bool


def best(encoded: Encoded, values: Floats, /, *, search: Search, most: int) -> Best:
    """The `most` slices that rank highest, exactly as if every conjunction were counted.

    Equal ranks are in order of depth, columns and levels. Slices with too few rows, and those inside slices whose
    bound is under the lowest rank kept, are not counted: nothing that belongs to the result is among them.
    """
    support = support_rows(search.support, encoded.rows)
    order = ranking(search.rank, AllRows.of(values), support=support, alpha=search.alpha)
    kept = _Kept(most, search.max_depth, order.floor)
    counted = 0

    def visit(table: Table) -> NDArray[np.intp]:
        nonlocal counted
        n = table.n.ravel()
        enough = np.flatnonzero(n >= support)
        counted += len(enough)
        sizes, totals = n[enough].astype(np.float64), table.totals.ravel()[enough]
        ranks = order.values(sizes, totals)
        found = ranks > order.floor if kept.lowest == order.floor else ranks >= kept.lowest
        if found.any():
            kept.add(table, enough[found], ranks[found])
        if len(table.columns) == search.max_depth:
            return enough[:0]
        least = kept.lowest - SLACK * abs(kept.lowest)
        return enough[order.bounds(sizes, totals) >= least]

    walk(encoded, values, visit, max_depth=search.max_depth)
    found = kept.all()
    return Best(found, counted, support, len(found) < most)


@dataclass
class _Kept:
    """The best slices so far. `lowest` is the rank that a further one must reach."""

    most: int
    depth: int
    lowest: float
    slices: Ints = field(init=False)
    ranks: Floats = field(init=False)
    sums: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.slices = np.zeros((0, 2 * self.depth), dtype=np.int64)
        self.ranks, self.sums = np.zeros(0), np.zeros((0, 2))

    def add(self, table: Table, flat: NDArray[np.intp], ranks: Floats, /) -> None:
        """Take in the slices at `flat` and let go of what no longer is among the best."""
        depth = len(table.columns)
        fresh = np.full((len(flat), 2 * self.depth), -1, dtype=np.int64)
        fresh[:, :depth] = table.columns
        fresh[:, self.depth : self.depth + depth] = table.levels(flat)
        sums = np.column_stack([table.n.ravel()[flat], table.totals.ravel()[flat]])
        self.slices = np.concatenate([self.slices, fresh])
        self.ranks, self.sums = np.concatenate([self.ranks, ranks]), np.concatenate([self.sums, sums])
        if len(self.ranks) >= self.most:
            self._cut()

    def _cut(self) -> None:
        depths = (self.slices[:, : self.depth] >= 0).sum(axis=1)
        order = np.lexsort([*self.slices.T[::-1], depths, -self.ranks])[: self.most]
        self.slices, self.ranks, self.sums = self.slices[order], self.ranks[order], self.sums[order]
        if len(order) == self.most:
            self.lowest = float(self.ranks[-1])

    def all(self) -> tuple[Found, ...]:
        """The best slices, best first."""
        self._cut()
        out = []
        for slice_, rank, (n, total) in zip(self.slices.tolist(), self.ranks.tolist(), self.sums.tolist(), strict=True):
            pairs = zip(slice_[: self.depth], slice_[self.depth :], strict=True)
            out.append(Found(tuple((c, v) for c, v in pairs if c >= 0), rank, int(n), total))
        return tuple(out)
