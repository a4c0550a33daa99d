"""All steps in turn: from rows to versions of them that have the wanted answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.space import Bools
from assay.explain.recourse.steps.exchange import exchanged
from assay.explain.recourse.steps.options import Options, single_changes, values_of
from assay.explain.recourse.steps.pool import Places, Pool, Problem, best, cheapest
from assay.explain.recourse.steps.reduce import reduce
from assay.explain.recourse.steps.slopes import descended
from assay.explain.recourse.steps.starts import between, sums, unlike


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to search: ways to add single changes up, nearest unlike rows, versions kept a row, rounds of exchange.

    `pushes` is how often rows that nothing was found for are started again from the version that came nearest, `others`
    how many versions a row are sought that do without what the cheapest one changes most. `slopes`: versions
    a row that are kept of those found along the gradient, where the model has one.
    """

    variants: int = 12
    nearest: int = 8
    kept: int = 8
    rounds: int = 1
    pushes: int = 4
    others: int = 4
    slopes: int = 2


def hunt(problem: Problem, wanted: Bools, effort: Effort, /) -> Pool:
    """Versions of the rows that have the wanted answer within the constraints, each reduced; none for rows without.

    `wanted` (background,) says which rows of it have the class of the goal, or a value within the interval.
    """
    every = np.arange(len(problem))
    base = _rows_themselves(problem)
    tried = values_of(problem)
    options = single_changes(problem, base, tried)
    seen = _started(problem, base, options, wanted, effort)
    for push in range(effort.pushes):
        unsolved = np.setdiff1d(every, seen.row[seen.met])
        if not len(unsolved):
            break
        seen = Pool.joined([seen, _pushed(problem, seen, unsolved, wanted, tried, effort, push)])
    good = cheapest(problem, seen.take(seen.met), effort.kept)
    if effort.slopes:
        along = descended(problem, base)
        good = Pool.joined([good, cheapest(problem, along.take(along.met), effort.slopes, alike=1)])
    if effort.others:
        apart = _without_main(problem, good, base, options, effort)
        sparse = cheapest(problem, seen.take(seen.met), effort.others, alike=1, sparse=True)
        good = Pool.joined([good, sparse, cheapest(problem, apart, effort.others, alike=1, sparse=True)])
        good = cheapest(problem, good, len(good))
    good = reduce(problem, good)
    for _ in range(effort.rounds):
        other = exchanged(problem, best(good, good.cost, 2), options)
        fresh = reduce(problem, cheapest(problem, other, effort.kept))
        good = cheapest(problem, Pool.joined([good, fresh]), 4 * effort.kept)
    return good


def _rows_themselves(problem: Problem) -> Pool:
    every, n, said = np.arange(len(problem)), len(problem), problem.said
    side = np.zeros(n)
    if problem.goal.target.output is None:
        side = np.where(said.output < problem.goal.low, -1.0, 1.0)
    return Pool(every, problem.before, np.zeros(n), said.met, said.lead - problem.margin, side, every)


def _started(problem: Problem, base: Pool, options: Options, wanted: Bools, effort: Effort) -> Pool:
    added = sums(problem, base, options, variants=effort.variants)
    seen = Pool.joined([options.pool, added, unlike(problem, base.row, wanted, nearest=effort.nearest)])
    if not base.side.any():
        return seen
    return Pool.joined([seen, between(problem, seen, base.side)])


def _without_main(problem: Problem, good: Pool, base: Pool, options: Options, effort: Effort) -> Pool:
    """Sums of single changes that leave alone the unit on which the cheapest version of a row spends most."""
    first = best(good, good.cost, 1)
    spent = problem.space.costs(problem.before[first.row], first.after)
    main = np.full(len(problem), -1)
    main[first.row] = problem.unit[spent.argmax(axis=1)]
    rest = options.take(options.unit != main[options.owner])
    other = sums(problem, base, rest, variants=effort.variants)
    pool = Pool.joined([rest.pool, other])
    return pool.take(pool.met)


def _pushed(
    problem: Problem, seen: Pool, unsolved: Places, wanted: Bools, tried: list[Floats], effort: Effort, push: int
) -> Pool:
    """More versions of the rows without one: single changes, and sums of them, from where they came nearest."""
    near = seen.take(np.isin(seen.row, unsolved))
    nearest = best(near, -near.lead, 1)
    options = single_changes(problem, nearest, tried)
    parts = [options.pool, sums(problem, nearest, options, variants=effort.variants)]
    parts.append(unlike(problem, unsolved, wanted, nearest=effort.nearest * 4 ** (push + 1)))
    start = _rows_themselves(problem).side
    return Pool.joined([*parts, *([between(problem, Pool.joined(parts), start)] if start.any() else [])])
