"""Versions made cheaper: units put back one after the other, as far as the answer allows."""

from __future__ import annotations

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.steps.pool import Places, Pool, Problem, moved_units

FRACTIONS = np.arange(12) / 12
"""Shares of a change that are tried at once; each further round tries the parts of the last part."""
ROUNDS = 2


def reduce(problem: Problem, pool: Pool, /) -> Pool:
    """Each version (all of which have the wanted answer) with every unit put back as far as the answer holds.

    The unit whose change gives least for its cost goes first. Of all that was tried, the cheapest with the wanted
    answer is kept, so that the answer need not be monotone along the way.
    """
    if not len(pool):
        return pool
    order = _order(problem, pool)
    for k in range(order.shape[1]):
        now = order[:, k]
        active = np.flatnonzero(now >= 0)
        if not len(active):
            break
        pool = _shorten(problem, pool, active, now)
    return pool


def _order(problem: Problem, pool: Pool) -> Places:
    """(versions, most changed units) changed units, those first that lose least lead for the cost; then -1."""
    space, unit = problem.space, problem.unit
    before = problem.before[pool.row]
    costs, units, moved = space.costs(before, pool.after), np.unique(unit), moved_units(problem, pool)
    saved = np.column_stack([costs[:, unit == u].sum(axis=1) for u in units])
    owner, which = np.nonzero(moved)
    after = _without(pool.after[owner], before[owner], unit[None, :] == units[which][:, None])
    # a version with one changed unit, put back, is the row itself: nothing to learn from the model
    tried = problem.tried(pool.row[owner], after)
    loss = np.full(moved.shape, np.inf)
    loss[owner[tried.origin], which[tried.origin]] = pool.lead[owner[tried.origin]] - tried.lead
    ratio = np.where(moved, np.where(np.isfinite(loss), loss / np.maximum(saved, 1e-12), 1e300), np.inf)
    most = int(moved.sum(axis=1).max())
    ranked = np.argsort(ratio, axis=1, kind="stable")[:, :most]
    return np.where(np.take_along_axis(moved, ranked, axis=1), units[ranked], -1)


def _without(after: Floats, before: Floats, mask: np.ndarray) -> Floats:
    return np.where(mask, before, after)


def _shorten(problem: Problem, pool: Pool, active: Places, now: Places) -> Pool:
    """The pool with the unit `now` of the `active` versions as near to the row as it goes."""
    low, high = np.zeros(len(pool)), np.ones(len(pool))
    full = pool.after
    for round_ in range(ROUNDS):
        shares = low[active, None] + (high - low)[active, None] * FRACTIONS[None, :]
        if round_:
            shares = shares[:, 1:]
        owner = np.repeat(active, shares.shape[1])
        after = _at(problem, pool.row[owner], full[owner], now[owner], shares.ravel())
        fresh = problem.space.changed(pool.after[owner], after).any(axis=1)
        owner, after, taken = owner[fresh], after[fresh], shares.ravel()[fresh]
        tried = problem.tried(pool.row[owner], after)
        if not len(tried):
            break
        owner, taken = owner[tried.origin], taken[tried.origin]
        pool, won = _improved(pool, tried, owner)
        best = high.copy()
        best[owner[won]] = taken[won]
        width = (high - low) / len(FRACTIONS)
        low, high = np.maximum(best - width, 0.0), best
        active = active[high[active] > 0]
    return pool


def _improved(pool: Pool, tried: Pool, owner: Places) -> tuple[Pool, Places]:
    """The pool with each version replaced by the cheapest of its tries that has the answer; which tries these are."""
    good = np.flatnonzero(tried.met & (tried.cost < pool.cost[owner]))
    ranked = good[np.lexsort((tried.cost[good], owner[good]))]
    first = ranked[np.r_[True, np.diff(owner[ranked]) != 0]] if len(ranked) else ranked
    place = np.arange(len(pool))
    place[owner[first]] = len(pool) + first
    return Pool.joined([pool, tried]).take(place), first


def _at(problem: Problem, row: Places, full: Floats, unit: Places, share: Floats) -> Floats:
    """The versions with `share` of the change of a unit: numbers rounded away from the row, others put back at 0."""
    space, before = problem.space, problem.before[row]
    mask = problem.unit[None, :] == unit[:, None]
    grouped = np.isin(np.arange(len(space.columns)), [p for g in space.groups for p in g.places])
    apart = full - before
    grid = np.where(space.whole, 1.0, problem.step)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = before + share[:, None] * apart
        steps = np.where(apart > 0, np.ceil(part / grid - 1e-9), np.floor(part / grid + 1e-9))
        away = np.where(
            grid < 1, steps / np.rint(1 / grid), steps * grid
        )  # dividing gives 0.3, not 0.30000000000000004
    over = np.where(apart > 0, away > full, away < full)
    part = np.where(grid == 0, part, np.where(over, full, away))
    fixed = space.nominal | grouped | np.isnan(apart)
    value = np.where(share[:, None] == 0, before, np.where(fixed, full, part))
    return np.where(mask, value, full)
