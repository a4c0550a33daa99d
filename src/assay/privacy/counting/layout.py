"""Which tables to publish, so that what is asked is read with the least noise for the privacy that is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from assay.data.plan import Wanted

Cells = Callable[[Wanted], int]


def layout(wanted: Sequence[Wanted], /, *, cells: Cells, most: int, power: int) -> tuple[Wanted, ...]:
    """The fewest tables, as long as merging two of them does not cost more noise than it saves.

    Every wanted table is a marginal of one that is published. Of `T` tables each gets a T-th of the privacy, so the
    variance of a cell grows with T^`power` (2 for pure epsilon, 1 for zCDP); a marginal adds up the noise of its cells.
    What is kept low is the sum of these over the wanted tables. No table has more than `most` cells. It depends on what
    was declared only, never on the data.
    """
    made = sorted({Wanted(table.dims) for table in wanted}, key=lambda table: (-cells(table), table.dims))
    asked = tuple(made)
    while len(made) > 1:
        merges = [_merged(made, a, b) for a, b in combinations(made, 2)]
        allowed = [merge for merge in merges if max(map(cells, merge)) <= most]
        if not allowed:
            break
        best = min(allowed, key=lambda merge: _cost(merge, asked, cells, power))
        if _cost(best, asked, cells, power) > _cost(made, asked, cells, power):
            break
        made = best
    return tuple(made)


def _merged(made: Sequence[Wanted], a: Wanted, b: Wanted) -> list[Wanted]:
    joint = Wanted(tuple(dict.fromkeys((*a.dims, *b.dims))))
    larger = next((one for one in (a, b) if {*one.dims} == {*joint.dims}), joint)
    return [table for table in made if table not in (a, b)] + [larger]


def _cost(made: Sequence[Wanted], asked: Sequence[Wanted], cells: Cells, power: int) -> float:
    """Σ over the asked tables of the variance of one of their cells, in units of that of one table alone."""
    whole = sum(min(cells(t) for t in made if {*one.dims} <= {*t.dims}) / cells(one) for one in asked)
    return float(whole * len(made) ** power)
