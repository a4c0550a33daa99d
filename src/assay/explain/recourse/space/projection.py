"""Rows moved to where the constraints allow them to be."""

from __future__ import annotations

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.rules import Inequality
from assay.explain.recourse.space.space import Space


def project(space: Space, before: Floats, after: Floats, /) -> Floats:
    """(rows, columns) `after` with each column where it may be, given the row of `before` that it is a version of.

    What may not change is as before, numbers are clipped and whole, categories and one-hot groups that may not move so
    stay, columns that a rule determines are computed, and linear rules are kept by moving one number where that can be
    done. Other rules may still be broken: see `Space.violations`.
    """
    out = after.copy()
    box = space.box(before)
    shut = np.isnan(out) | space.immutable | (np.isnan(before) & ~space.fillable)
    with np.errstate(invalid="ignore"):
        numbers = np.where(space.whole, np.rint(out), out)
        numbers = np.where(box.low > box.high, before, np.clip(numbers, box.low, np.maximum(box.low, box.high)))
    same = out == before
    out = np.where(shut | same, before, np.where(space.nominal, out, numbers))
    for j in np.flatnonzero(space.nominal):
        known = ~np.isnan(out[:, j])
        allowed = space.may_become(before, int(j), np.where(known, out[:, j], 0))
        out[:, j] = np.where(known & ~allowed, before[:, j], out[:, j])
    for group in space.groups:
        broken = space.changed(before, out)[:, group.places].any(axis=1) & ~group.valid(out)
        out[np.ix_(broken, group.places)] = before[np.ix_(broken, group.places)]
    return settle(space, before, out) if space.constraints.rules else out


def settle(space: Space, before: Floats, after: Floats, /) -> Floats:
    """`after` with the columns that rules determine computed anew, and linear rules kept where one number can do it."""
    out = after.copy()
    for rule in space.constraints.rules:
        places = space.columns.places(rule.columns)
        if rule.assigned is not None and not space.nominal[places].any():
            place = space.columns.place(rule.assigned)
            touched = space.changed(before, out)[:, places].any(axis=1) & ~np.isnan(out[:, places]).any(axis=1)
            made = np.asarray(rule.assign(space.values(out, rule.columns)), dtype=np.float64)
            usable = touched & np.isfinite(made) & ~space.immutable[place]
            out[usable, place] = np.broadcast_to(made, len(out))[usable]
        elif not space.nominal[places].any():
            for inequality in rule.inequalities() or ():
                _keep(space, before, out, inequality)
    return out


def _keep(space: Space, before: Floats, out: Floats, inequality: Inequality) -> None:
    """Moves, where the inequality is broken, the one number that may be moved far enough at the least cost."""
    places = space.columns.places(tuple(inequality.coefficients))
    factors = np.array([*inequality.coefficients.values()])
    excess = out[:, places] @ factors - inequality.bound
    broken = np.flatnonzero((excess > 0) | (inequality.strict & (excess == 0)))
    if not len(broken):
        return
    was, now = before[broken], out[broken]
    box, best, cheapest = space.box(was), now.copy(), np.full(len(broken), np.inf)
    for place, factor in zip(places, factors, strict=True):
        if factor == 0:
            continue
        moved = now[:, place] - excess[broken] / factor
        if inequality.strict:
            moved -= np.sign(factor) * 1e-6 * space.scale[place]
        if space.whole[place]:
            moved = np.floor(moved) if factor > 0 else np.ceil(moved)
        trial = now.copy()
        trial[:, place] = moved
        price = space.cost(was, trial)
        allowed = (moved >= box.low[:, place]) & (moved <= box.high[:, place]) | (moved == was[:, place])
        better = allowed & (price < cheapest)
        best[better], cheapest[better] = trial[better], price[better]
    out[broken] = best
