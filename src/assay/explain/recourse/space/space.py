"""Constraints applied to data: the moves that are open to a row, their cost, and what a change would break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Columns, Floats
from assay.explain.recourse.constraints import Constraints

Bools = NDArray[np.bool_]


class Box(NamedTuple):
    """Per row and column, the lowest and highest number a change may reach; low > high where none may."""

    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class OneHot:
    """Columns at `places` of which exactly one is on; `on` and `off` are their numbers for it."""

    name: str
    places: NDArray[np.int64]
    on: Floats
    off: Floats

    def active(self, matrix: Floats, /) -> Bools:
        """(rows, members) True where a member is on."""
        return np.asarray(matrix[:, self.places] == self.on)

    def valid(self, matrix: Floats, /) -> Bools:
        """(rows,) True where exactly one is on and the others are off."""
        part = matrix[:, self.places]
        return np.asarray(((part == self.on).sum(axis=1) == 1) & ((part == self.on) | (part == self.off)).all(axis=1))


@dataclass(frozen=True, eq=False)
class Violations:
    """`broken` (rows, constraints): which constraint, by `names` like "immutable: sex", a change breaks."""

    names: tuple[str, ...]
    broken: Bools

    @property
    def any(self) -> Bools:
        """(rows,) True where anything is broken."""
        return np.asarray(self.broken.any(axis=1))

    def of(self, row: int, /) -> tuple[str, ...]:
        """What the row breaks."""
        return tuple(name for name, broken in zip(self.names, self.broken[row], strict=True) if broken)


@dataclass(frozen=True, eq=False)
class Space:
    """The Constraints on `columns`, as arrays with one entry a column.

    `low`, `high`: where numbers may be moved to (0 to levels - 1 for categories). `scale`: what one unit of distance
    is: 1.4826 times the median absolute deviation in the background, or the standard deviation where that is 0, or 1;
    1 for categories and one-hot members. `weights`: cost of a change by 1 of a number, or of one change of a category;
    a one-hot member's is half, for a move changes two. `whole`: integers, and numbers that are whole all through the
    background. `way`: 1 up, -1 down, 0 both. `moves`: (from, to) of a category's levels, None for numbers.
    """

    constraints: Constraints
    columns: Columns
    low: Floats
    high: Floats
    scale: Floats
    centre: Floats
    weights: Floats
    whole: Bools
    immutable: Bools
    fillable: Bools
    way: NDArray[np.int64]
    moves: tuple[Bools | None, ...]
    groups: tuple[OneHot, ...]

    @property
    def nominal(self) -> Bools:
        """(columns,) True for categories."""
        return self.columns.nominal

    def box(self, before: Floats, /) -> Box:
        """Where the numbers of each row may be moved to; staying is always allowed, also outside.

        Whole columns have whole bounds. Immutable columns, and missing values that may not be filled, have low > high.
        """
        low, high = (np.repeat(side[None, :], len(before), axis=0) for side in (self.low, self.high))
        absent = np.isnan(before)
        up, down = (self.way > 0) & ~self.nominal, (self.way < 0) & ~self.nominal
        low = np.where(up & ~absent, np.fmax(low, before), low)
        high = np.where(down & ~absent, np.fmin(high, before), high)
        low, high = np.where(self.whole, np.ceil(low), low), np.where(self.whole, np.floor(high), high)
        shut = self.immutable | (absent & ~self.fillable)
        return Box(np.where(shut, np.inf, low), np.where(shut, -np.inf, high))

    def open_levels(self, before: Floats, place: int, /) -> Bools:
        """(rows, levels) the values that the category at `place` may have after, the present one among them."""
        moves = self.moves[place]
        assert moves is not None
        codes = before[:, place]
        absent = np.isnan(codes)
        own = np.where(absent, 0, codes).astype(np.int64)
        out = moves[own] & ~self.immutable[place]
        out[absent] = moves.any(axis=0) & self.fillable[place] & ~self.immutable[place]
        out[~absent, own[~absent]] = True
        return np.asarray(out)

    def may_become(self, before: Floats, place: int, codes: Floats, /) -> Bools:
        """(rows,) True where the category at `place` may have the level `codes` (rows,) after, or has it already."""
        moves = self.moves[place]
        assert moves is not None
        own = before[:, place]
        absent = np.isnan(own)
        to = codes.astype(np.int64)
        known = moves[np.where(absent, 0, own).astype(np.int64), to]
        anyhow = np.asarray(moves.any(axis=0))[to]
        allowed = np.where(absent, anyhow & self.fillable[place], known) & ~self.immutable[place]
        return np.asarray(allowed | (own == codes))

    def changed(self, before: Floats, after: Floats, /) -> Bools:
        """(rows, columns) True where a value is another; missing equals missing."""
        return np.asarray((before != after) & ~(np.isnan(before) & np.isnan(after)))

    def cost(self, before: Floats, after: Floats, /) -> Floats:
        """(rows,) Σ weight · |change| of numbers, Σ weight of changed categories; filling a missing value is a unit."""
        return np.asarray(self.costs(before, after).sum(axis=1))

    def costs(self, before: Floats, after: Floats, /) -> Floats:
        """(rows, columns) what each column's change adds to the cost."""
        return np.asarray(self.weights * self._steps(before, after))

    def distance(self, before: Floats, after: Floats, /) -> Floats:
        """(rows,) Gower's: Σ |change| / scale of numbers, 1 for each category, without the costs that were given."""
        half = np.ones(len(self.columns))
        for group in self.groups:
            half[group.places] = 0.5
        return np.asarray((half / self.scale * self._steps(before, after)).sum(axis=1))

    def _steps(self, before: Floats, after: Floats) -> Floats:
        changed = self.changed(before, after)
        apart = np.abs(after - before)
        return np.where(self.nominal, changed, np.where(np.isnan(apart), changed * self.scale, apart))

    def sparsity(self, before: Floats, after: Floats, /) -> NDArray[np.int64]:
        """(rows,) how many things change: columns, a one-hot group as one."""
        changed = self.changed(before, after)
        count = changed.sum(axis=1)
        for group in self.groups:
            count = count - np.maximum(changed[:, group.places].sum(axis=1) - 1, 0)
        return np.asarray(count, dtype=np.int64)

    def values(self, matrix: Floats, /, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
        """Column name -> (rows,) numbers, or the text of a category ("" where missing), for rules."""
        out: dict[str, NDArray[Any]] = {}
        for name in names:
            place = self.columns.place(name)
            column, codes = self.columns.columns[place], matrix[:, place]
            if column.kind == "category":
                levels = np.array([*column.levels, ""], dtype=object)
                out[name] = levels[np.where(np.isnan(codes), len(column.levels), codes).astype(np.int64)]
            else:
                out[name] = codes
        return out

    def violations(self, before: Floats, after: Floats, /) -> Violations:
        """What turning each row of `before` into the same row of `after` breaks."""
        changed, lost = self.changed(before, after), np.isnan(after)
        found: dict[str, Bools] = {}
        for j in range(len(self.columns)):
            found |= self._broken_at(j, before, after, changed[:, j])
        for group in self.groups:
            found[f"one-hot: {group.name}"] = changed[:, group.places].any(axis=1) & ~group.valid(after)
        for rule in self.constraints.rules:
            places = self.columns.places(rule.columns)
            applies = changed[:, places].any(axis=1) & ~lost[:, places].any(axis=1)
            found[f"rule: {rule.name}"] = applies & ~rule.holds(self.values(after, rule.columns))
        return Violations(tuple(found), np.column_stack([*found.values()]))

    def _broken_at(self, j: int, before: Floats, after: Floats, moved: Bools) -> dict[str, Bools]:
        name, was, now = self.columns.names[j], before[:, j], after[:, j]
        if self.immutable[j]:
            return {f"immutable: {name}": moved}
        absent, lost = np.isnan(was), np.isnan(now)
        out = {f"missing: {name}": moved & (lost | (absent & ~self.fillable[j]))}
        known = moved & ~lost
        if self.moves[j] is not None:
            allowed = self.may_become(before, j, np.where(lost, 0, now))
            return out | {f"category: {name}": known & ~allowed & (~absent | self.fillable[j])}
        out[f"range: {name}"] = known & ((now < self.low[j]) | (now > self.high[j]))
        if self.way[j]:
            out[f"one way: {name}"] = known & (self.way[j] * (now - was) < 0)
        if self.whole[j]:
            out[f"whole: {name}"] = known & (now != np.rint(now))
        return out
