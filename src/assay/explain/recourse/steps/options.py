"""What each row could change first: one unit at a time, over the values that are open to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.space import Bools
from assay.explain.recourse.steps.pool import Places, Pool, Problem

VALUES = 24
"""Most values of a number that are tried."""
LEVELS = 24
"""Most values of a category, or members of a one-hot group, that are tried; the most frequent of the background."""


@dataclass(frozen=True, eq=False)
class Options:
    """`pool`: versions of a base with one `unit` (m,) changed; `gain` (m,) in lead and `price` (m,) over the base.

    `owner` (m,) is the place in the base of the version that was changed.
    """

    pool: Pool
    owner: Places
    unit: Places
    gain: Floats
    price: Floats

    def take(self, some: Bools, /) -> Options:
        """Some of them."""
        return Options(self.pool.take(some), self.owner[some], self.unit[some], self.gain[some], self.price[some])


def values_of(problem: Problem, /) -> list[Floats]:
    """For each column the values to try: quantiles of the background's values and of its distinct values; levels."""
    out = []
    space = problem.space
    for j in range(len(space.columns)):
        known = problem.background[~np.isnan(problem.background[:, j]), j]
        if space.moves[j] is not None:
            counts = np.bincount(known.astype(np.int64), minlength=len(space.columns.columns[j].levels))
            out.append(np.argsort(-counts, kind="stable")[:LEVELS].astype(np.float64))
            continue
        distinct, shares = np.unique(known), np.linspace(0, 1, VALUES // 2)
        picked = [np.quantile(v, shares, method="nearest") for v in (known, distinct) if len(v)]
        ends = [end for end in (space.low[j], space.high[j]) if np.isfinite(end)]
        out.append(np.unique(np.concatenate([*picked, ends])))
    return out


def single_changes(problem: Problem, base: Pool, tried: list[Floats], /) -> Options:
    """Options of every version in `base`: each unit set to each of its values; those that break a rule left out."""
    space, parts = problem.space, []
    grouped = {int(place) for group in space.groups for place in group.places}
    for j in range(len(space.columns)):
        if not space.immutable[j] and j not in grouped:
            parts += [_set(problem, base, j, float(value)) for value in tried[j]]
    for group in space.groups:
        for on, place in list(zip(group.on, group.places, strict=True))[:LEVELS]:
            after = base.after.copy()
            after[:, group.places] = group.off
            after[:, place] = on
            parts.append(_Part(np.arange(len(base)), after, int(group.places.min())))
    owner = np.concatenate([part.owner for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    after = np.concatenate([part.after for part in parts]) if parts else base.after[:0]
    unit = np.concatenate([np.full(len(part.owner), part.unit) for part in parts]) if parts else owner
    pool = problem.tried(base.row[owner], after)
    owner, unit = owner[pool.origin], unit[pool.origin]
    return Options(pool, owner, unit, pool.lead - base.lead[owner], pool.cost - base.cost[owner])


@dataclass(frozen=True, eq=False)
class _Part:
    owner: Places
    after: Floats
    unit: int


def _set(problem: Problem, base: Pool, j: int, value: float) -> _Part:
    """The versions of `base` whose column j can be `value`, or the nearest number to it that is open."""
    space, before = problem.space, problem.before[base.row]
    if space.moves[j] is not None:
        made = np.full(len(base), value)
        fits = space.may_become(before, j, made)
    else:
        low, high = space.box(before)
        fits, made = low[:, j] <= high[:, j], np.clip(value, low[:, j], np.maximum(low[:, j], high[:, j]))
    owner = np.flatnonzero(fits & (made != base.after[:, j]))
    after = base.after[owner]
    after[:, j] = made[owner]
    return _Part(owner, after, int(problem.unit[j]))
