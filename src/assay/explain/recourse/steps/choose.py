"""A few versions out of many: the cheapest first, then such as do something else."""

from __future__ import annotations

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.space import Bools
from assay.explain.recourse.steps.pool import Places, Pool, Problem, moved_units, priced

ALIKE = 1.01
IMPLAUSIBLE = 2.0
"""How many times dearer an implausible version is when the further ones are chosen."""


def chosen(problem: Problem, pool: Pool, plausible: Bools, /, *, count: int) -> Places:
    """Places of at most `count` versions of each row, in order of row, the first choice first, then by cost.

    The first is the cheapest, the sparsest of those within 1 % of it; each next has the lowest price over novelty,
    among those that do not merely do all that a chosen one does and more. The price is the cost and five for each
    thing that changes, twice that for an implausible version. Novelty is the smallest share of changed units in which a
    version differs from those chosen (Jaccard's distance of the sets), a tenth where the sets are equal.
    """
    moved = moved_units(problem, pool)
    price = priced(problem, pool) * np.where(plausible, 1.0, IMPLAUSIBLE)
    order = np.lexsort((pool.cost, pool.row))
    runs = [run for run in np.split(order, np.flatnonzero(np.diff(pool.row[order])) + 1) if len(run)]
    picked = [run[_of_row(problem, pool.take(run), moved[run], price[run], count)] for run in runs]
    return np.concatenate(picked) if picked else np.zeros(0, dtype=np.int64)


def _of_row(problem: Problem, pool: Pool, sets: Bools, price: Floats, count: int) -> Places:
    """The choice among the versions (cheapest first) of one row."""
    least = np.flatnonzero(pool.cost <= ALIKE * pool.cost.min())
    taken = [int(least[np.argmin(sets[least].sum(axis=1))])]
    novelty, apart = np.full(len(pool), np.inf), np.ones(len(pool), dtype=bool)
    while len(taken) < count:
        last = taken[-1]
        both, either = (sets & sets[last]).sum(axis=1), (sets | sets[last]).sum(axis=1)
        novelty = np.minimum(novelty, np.maximum(1 - both / np.maximum(either, 1), 0.1))
        apart &= ~_includes(problem, pool, last)
        if not apart.any():
            break
        taken.append(int(np.argmin(np.where(apart, price / novelty, np.inf))))
    return np.array([taken[0], *sorted(taken[1:])], dtype=np.int64)


def _includes(problem: Problem, pool: Pool, last: int) -> Bools:
    """(versions,) True where a version does everything that version `last` of the same row does."""
    before, after = problem.before[pool.row], pool.after
    wanted = problem.space.changed(before, after)[last]
    step, least = after - before, after[last] - before[last]
    further = ~problem.space.nominal & (step * np.sign(least) >= np.abs(least))
    return np.asarray((~wanted | (after == after[last]) | further).all(axis=1))
