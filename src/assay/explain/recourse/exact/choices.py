"""What one row can become: for each thing that may change, the values worth trying and their cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.exact.cells import Cells
from assay.explain.recourse.exact.reading import Places, Reading
from assay.explain.recourse.space import OneHot, Space


@dataclass(frozen=True, eq=False)
class Choice:
    """One thing that may change: the columns at `places`, alone or as a one-hot group.

    `values` (options, places) are what they can be and `cost` (options,) what that costs; the option `own` is to stay,
    and the cost falls towards it from both sides. `low`, `high` (options,) are the ends of a number's cell, within
    which the answers are the same; `values` is the point of it nearest to the row.
    """

    places: Places
    values: Floats
    cost: Floats
    own: int
    low: Floats
    high: Floats

    def __len__(self) -> int:
        return len(self.cost)

    def moved(self, first: int, last: int, /) -> tuple[float, float]:
        """Lowest and highest number of the options first .. last, without staying where that is a point of its own."""
        at = np.arange(first, last + 1)
        alone = np.isnan(self.low[self.own]) or self.low[self.own] == self.high[self.own]
        if alone and len(at) > 1:
            at = at[at != self.own]
        return float(self.low[at].min()), float(self.high[at].max())

    def take(self, kept: Places, /) -> Choice:
        """The options at the places `kept`, ascending, `own` among them."""
        own = int(np.flatnonzero(kept == self.own)[0])
        return Choice(self.places, self.values[kept], self.cost[kept], own, self.low[kept], self.high[kept])


def choices_of(reading: Reading, space: Space, cells: tuple[Cells | None, ...], before: Floats, /) -> list[Choice]:
    """The Choices of the row `before` (columns,), without options that break a constraint on their column.

    Values are those that the model gets, through the types of the columns. What cannot change is left out.
    """
    raw: list[Choice] = []
    ruled = {place for rule in space.constraints.rules for place in space.columns.places(rule.columns)}
    grouped = {int(place) for group in space.groups for place in group.places}
    for j in range(len(space.columns)):
        if space.immutable[j] or j in grouped:
            continue
        made = _levels(space, j, before) if space.moves[j] is not None else _number(space, j, cells[j], before)
        raw.append(made)
    raw += [_members(group, before) for group in space.groups if not space.immutable[group.places].any()]
    out = []
    for choice in raw:
        priced = _priced(reading, space, before, choice)
        if len(priced) > 1 or (int(choice.places[0]) in ruled and priced.low[0] < priced.high[0]):
            out.append(priced)
    return out


def rows_of(choice: Choice, before: Floats, /) -> Floats:
    """(options, columns) the row with each of its options."""
    out = np.repeat(before[None], len(choice), axis=0)
    out[:, choice.places] = choice.values
    return out


def _priced(reading: Reading, space: Space, before: Floats, choice: Choice) -> Choice:
    """The options that break nothing, as the model gets them, in an order in which the cost falls towards `own`."""
    rows = reading.columns.encode(reading.columns.decode(rows_of(choice, before)))
    rows[choice.own] = before
    old = np.repeat(before[None], len(rows), axis=0)
    alone = replace(space, constraints=Constraints())
    free = ~alone.violations(old, rows).any
    free[choice.own] = True
    priced = replace(choice, values=rows[:, choice.places], cost=space.cost(old, rows))
    return priced.take(np.flatnonzero(free))


def _levels(space: Space, j: int, before: Floats) -> Choice:
    """Staying first, then the other values that are open."""
    open_ = np.flatnonzero(space.open_levels(before[None], j)[0]).astype(np.float64)
    values = np.concatenate([[before[j]], open_[open_ != before[j]]])
    return _of(np.array([j]), values[:, None], 0)


def _number(space: Space, j: int, cells: Cells | None, before: Floats) -> Choice:
    """The nearest point of every cell that is open, in the order of the cells."""
    x, place = before[j], np.array([j])
    box = space.box(before[None])
    low, high = float(box.low[0, j]), float(box.high[0, j])
    if cells is None or low > high:
        return _of(place, np.array([[x]]), 0)
    first, last = np.maximum(cells.first, low), np.minimum(cells.last, high)
    first, last = first[cells.first <= high], last[cells.first <= high]
    first, last = first[first <= last], last[first <= last]
    if np.isnan(x):
        near = np.clip(space.centre[j], first, last)
        near = np.clip(np.rint(near), first, last) if space.whole[j] else near
        ends = (np.concatenate([[np.nan], side]) for side in (first, last))
        return Choice(place, np.concatenate([[x], near])[:, None], np.zeros(len(near) + 1), 0, *ends)
    inside = (first <= x) & (x <= last)
    if inside.any() and not (space.whole[j] and x != np.rint(x)):
        own = int(np.flatnonzero(inside)[0])
        return Choice(place, np.clip(x, first, last)[:, None], np.zeros(len(first)), own, first, last)
    near = np.clip(x, first, last)
    near = np.where(near == x, np.where(first == last, first, np.clip(np.rint(x), first, last)), near)
    own = int((near < x).sum())
    values, first, last = (np.insert(side, own, x) for side in (near, first, last))
    return Choice(place, values[:, None], np.zeros(len(values)), own, first, last)


def _members(group: OneHot, before: Floats) -> Choice:
    """Staying first, then each other member on and the rest off; members whose number is not known are left out."""
    n = len(group.places)
    rows = np.repeat(group.off[None], n, axis=0)
    rows[np.arange(n), np.arange(n)] = group.on
    now = before[group.places]
    other = (rows != now).any(axis=1) & (rows >= 0).all(axis=1)
    return _of(group.places, np.concatenate([now[None], rows[other]]), 0)


def _of(places: Places, values: Floats, own: int) -> Choice:
    gaps = np.full(len(values), np.nan)
    return Choice(places, values, np.zeros(len(values)), own, gaps, gaps)
