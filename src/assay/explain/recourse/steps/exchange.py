"""Versions made cheaper by changing other units: one put back for another, or one added so that others can go back."""

from __future__ import annotations

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.steps.options import Options
from assay.explain.recourse.steps.pool import Places, Pool, Problem, moved_units
from assay.explain.recourse.steps.starts import padded_places

SWAPS = 8
"""Options tried in place of each changed unit."""
ADDED = 4
"""Options tried beside what is changed."""


def exchanged(problem: Problem, pool: Pool, options: Options, /) -> Pool:
    """Other versions with the wanted answer that may become cheaper than those in `pool` when they are reduced.

    `options` are single changes of the rows themselves (one owner a row of the problem, in order). Which of them are
    tried is decided by their gains there, as if gains added up; the model decides which of those are kept.
    """
    if not len(pool) or not len(options.pool):
        return pool.take(np.zeros(0, dtype=np.int64))
    padded = padded_places(options, len(problem))
    return Pool.joined([_swapped(problem, pool, options, padded), _added(problem, pool, options, padded)])


def _swapped(problem: Problem, pool: Pool, options: Options, padded: Places) -> Pool:
    """One changed unit put back, one option put in that costs less."""
    space, unit = problem.space, problem.unit
    before = problem.before[pool.row]
    costs, units, moved = space.costs(before, pool.after), np.unique(unit), moved_units(problem, pool)
    saved = np.column_stack([costs[:, unit == u].sum(axis=1) for u in units])
    owner, which = np.nonzero(moved)
    if not len(owner):
        return pool.take(owner)
    back = np.where(unit[None, :] == units[which][:, None], before[owner], pool.after[owner])
    places = padded[pool.row[owner]]
    price, gain = options.price[places], np.where(places >= 0, options.gain[places], 0.0)
    useful = (price < saved[owner, which][:, None]) & (gain > 0) & (options.unit[places] != units[which][:, None])
    worth = np.where(useful, gain / np.maximum(price, 1e-9), -np.inf)
    return _put(problem, pool, owner, back, places, worth, options, SWAPS)


def _added(problem: Problem, pool: Pool, options: Options, padded: Places) -> Pool:
    """One option put in beside what is changed: reducing may then put back what gives less for its cost."""
    places = padded[pool.row]
    price, gain = options.price[places], np.where(places >= 0, options.gain[places], 0.0)
    useful = (price < pool.cost[:, None]) & (gain > 0)
    worth = np.where(useful, gain / np.maximum(price, 1e-9), -np.inf)
    return _put(problem, pool, np.arange(len(pool)), pool.after, places, worth, options, ADDED)


def _put(
    problem: Problem,
    pool: Pool,
    owner: Places,
    base: Floats,
    places: Places,
    worth: Floats,
    options: Options,
    most: int,
) -> Pool:
    """`base` (m, columns), versions of `owner` in the pool, with each of the `most` worthiest options put in."""
    most = min(most, places.shape[1])
    ranked = np.argpartition(-worth, most - 1, axis=1)[:, :most]
    line, _ = np.nonzero(np.isfinite(np.take_along_axis(worth, ranked, axis=1)))
    picked = np.take_along_axis(places, ranked, axis=1)[np.isfinite(np.take_along_axis(worth, ranked, axis=1))]
    mask = problem.unit[None, :] == options.unit[picked][:, None]
    tried = problem.tried(pool.row[owner[line]], np.where(mask, options.pool.after[picked], base[line]))
    return tried.take(tried.met)
