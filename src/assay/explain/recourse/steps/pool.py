"""Versions of rows, with what the model said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Floats
from assay.explain.recourse.goal import Answers, Goal
from assay.explain.recourse.plausibility import Neighbourhood
from assay.explain.recourse.space import Bools, Space, settle

Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pool:
    """`after` (m, columns): versions of the rows at `row` (m,), with cost, what the model said, and the search's order.

    `side` (m,) is -1 or 1 where a regression is below or above its interval, else 0. `origin` (m,) is where each stood
    among what was tried.
    """

    row: Places
    after: Floats
    cost: Floats
    met: Bools
    lead: Floats
    side: Floats
    origin: Places

    def __len__(self) -> int:
        return len(self.row)

    def take(self, chosen: Places | Bools, /) -> Pool:
        """Some of the versions."""
        return Pool(*(getattr(self, name)[chosen] for name in _FIELDS))

    @staticmethod
    def joined(pools: Sequence[Pool], /) -> Pool:
        """All versions of the pools, one after the other."""
        return Pool(*(np.concatenate([getattr(pool, name) for pool in pools]) for name in _FIELDS))


_FIELDS = ("row", "after", "cost", "met", "lead", "side", "origin")


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows `before` (n, columns) that want another answer: row i is `places[i]` of the goal, and what was `said` of it.

    `margin` is how far beyond the goal an answer must be (log-odds, or units of a regression). `unit` (columns,) is the
    place of the first column of the one-hot group that a column belongs to, else its own: units move as one. `step`
    (columns,) is what continuous numbers are rounded to. `plausible` counts an answer only where the version is
    plausible.
    """

    goal: Goal
    space: Space
    before: Floats
    places: Places
    said: Answers
    background: Floats
    neighbourhood: Neighbourhood
    rng: np.random.Generator
    margin: float = 0.0
    plausible: bool = False

    def __len__(self) -> int:
        return len(self.before)

    @property
    def unit(self) -> Places:
        """(columns,) the unit of each column."""
        out = np.arange(len(self.space.columns))
        for group in self.space.groups:
            out[group.places] = group.places.min()
        return out

    @property
    def step(self) -> Floats:
        """(columns,) the power of ten below a thousandth of the scale; 0 for whole columns and categories."""
        fine = 10.0 ** np.floor(np.log10(self.space.scale * 1e-3))
        return np.where(self.space.whole | self.space.nominal, 0.0, fine)

    def settled(self, row: Places, after: Floats, /) -> Floats:
        """`after` with what rules determine, and numbers as float32 columns hold them."""
        narrow = self._narrow
        if len(narrow):
            after = after.copy()
            after[:, narrow] = after[:, narrow].astype(np.float32)
        return settle(self.space, self.before[row], after) if self.space.constraints.rules else after

    @property
    def _narrow(self) -> Places:
        columns = self.space.columns.columns
        return np.array([j for j, c in enumerate(columns) if str(c.type) in ("float", "halffloat")], dtype=np.int64)

    def tried(self, row: Places, after: Floats, /) -> Pool:
        """The Pool of the versions that keep every constraint and differ from their rows; one call of the model."""
        after = self.settled(row, after)
        before = self.before[row]
        kept = np.flatnonzero(self.space.changed(before, after).any(axis=1) & ~self.space.violations(before, after).any)
        row, after = row[kept], after[kept]
        first, same = _distinct(row, after)
        said = self.goal.ask(after[first], self.places[row[first]])
        met, lead, output = said.met[same], (said.lead - self.margin)[same], said.output[same]
        if self.margin:
            met = met & (lead >= 0)
        if self.plausible:
            met = met.copy()
            met[met] = self.neighbourhood.plausible(after[met])
        side = np.zeros(len(row))
        if self.goal.target.output is None:
            side = np.where(output < self.goal.low, -1.0, np.where(output > self.goal.high, 1.0, 0.0))
        return Pool(row, after, self.space.cost(before[kept], after), met, lead, side, kept)


def _distinct(row: Places, after: Floats) -> tuple[Places, Places]:
    """Places of the first of equal versions, and for each version which of these it equals.

    By a random projection of their values, and the row.
    """
    if not len(row):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    along = np.random.default_rng(0).uniform(1, 2, after.shape[1])
    key = np.where(np.isnan(after), -0.318309886, after) @ along
    order = np.lexsort((key, row))
    fresh = np.r_[True, (np.diff(row[order]) != 0) | (np.diff(key[order]) != 0)]
    same = np.empty(len(row), dtype=np.int64)
    same[order] = np.cumsum(fresh) - 1
    return order[fresh], same


def moved_units(problem: Problem, pool: Pool, /) -> Bools:
    """(versions, units) True where a unit is changed."""
    changed = problem.space.changed(problem.before[pool.row], pool.after)
    unit = problem.unit
    if not problem.space.groups:
        return changed
    return np.column_stack([changed[:, unit == u].any(axis=1) for u in np.unique(unit)])


def priced(problem: Problem, pool: Pool, /) -> Floats:
    """(versions,) cost, and five for each thing that changes: sparse ones are cheap."""
    return pool.cost + 5 * problem.space.sparsity(problem.before[pool.row], pool.after)


def cheapest(problem: Problem, pool: Pool, most: int, /, *, alike: int = 2, sparse: bool = False) -> Pool:
    """At most `most` versions of each row, the cheapest (by price where `sparse`), each once.

    At most `alike` of them change the same units.
    """
    pool = pool.take(np.sort(_distinct(pool.row, pool.after)[0]))
    moved = moved_units(problem, pool)
    _, kind = np.unique(np.packbits(moved, axis=1), axis=0, return_inverse=True)
    label = pool.row * (int(kind.max(initial=0)) + 1) + kind.reshape(-1)
    few = best(replace(pool, row=label), pool.cost, alike)
    few = replace(few, row=few.row // (int(kind.max(initial=0)) + 1))
    return best(few, priced(problem, few) if sparse else few.cost, most)


def best(pool: Pool, key: Floats, most: int, /) -> Pool:
    """At most `most` versions of each row, those of the smallest `key`."""
    order = np.lexsort((key, pool.row))
    rows = pool.row[order]
    starts = np.searchsorted(rows, rows, side="left")
    return pool.take(order[np.arange(len(order)) - starts < most])
