"""First versions that have the wanted answer: sums of single changes, the nearest rows that have it, points between."""

from __future__ import annotations

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.plausibility import pairwise
from assay.explain.recourse.space import Bools, project
from assay.explain.recourse.steps.options import Options
from assay.explain.recourse.steps.pool import Places, Pool, Problem

STEPS = 6
"""Most units that are changed together in a sum of single changes."""
NOISE = 0.6
HALVINGS = 14


def sums(problem: Problem, base: Pool, options: Options, /, *, variants: int) -> Pool:
    """Versions that should have the wanted answer if the gains of single changes added up, in `variants` ways each.

    A knapsack by gain per cost, one value a unit: the first way takes the gains as they are, the others multiply those
    of each unit by a random factor and ask for more than is needed.
    """
    if not len(options.pool) or not len(base):
        return base.take(np.zeros(0, dtype=np.int64))
    padded = padded_places(options, len(base))
    rows, after = [], []
    for v in range(variants):
        factor = np.exp(problem.rng.normal(0, NOISE if v > 1 else 0, len(problem.space.columns)))
        need = -base.lead * (1.0, 1.5, 2.5)[v % 3]
        after.append(_filled(problem, base, options, padded, factor, need, finish=v % 2 == 0))
        rows.append(base.row)
    return problem.tried(np.concatenate(rows), np.concatenate(after))


def padded_places(options: Options, n: int, /) -> Places:
    """(n, most) places of each owner's options, -1 where it has fewer; `n` owners."""
    order = np.argsort(options.owner, kind="stable")
    owner = options.owner[order]
    rank = np.arange(len(order)) - np.searchsorted(owner, owner, side="left")
    out = np.full((n, int(rank.max()) + 1), -1, dtype=np.int64)
    out[owner, rank] = order
    return out


def _filled(
    problem: Problem, base: Pool, options: Options, padded: Places, factor: Floats, need: Floats, *, finish: bool
) -> Floats:
    """(rows of the base, columns) the base with options put in until their gains reach `need`."""
    unit = options.unit[padded]
    gain = np.where(padded >= 0, options.gain[padded] * factor[unit], -1.0)
    price = np.maximum(options.price[padded], 1e-9)
    worth = np.where(gain > 0, gain / price * np.maximum(gain, 1e-12) ** 0.1, -np.inf)
    out, every, left = base.after.copy(), np.arange(len(base)), need.copy()
    for _ in range(STEPS):
        enough = (gain >= left[:, None]) & np.isfinite(worth)
        closing = np.where(enough, -price, -np.inf)
        ends = enough.any(axis=1) & finish
        chosen = np.where(ends, closing.argmax(axis=1), worth.argmax(axis=1))
        active = (left > 0) & np.isfinite(worth[every, chosen])
        if not active.any():
            break
        source = options.pool.after[padded[every, chosen]]
        mask = (problem.unit[None, :] == unit[every, chosen][:, None]) & active[:, None]
        out = np.where(mask, source, out)
        left = np.where(active, left - gain[every, chosen], left)
        worth = np.where(unit == unit[every, chosen][:, None], -np.inf, worth)
    return out


def unlike(problem: Problem, rows: Places, wanted: Bools, /, *, nearest: int) -> Pool:
    """The nearest background rows with the wanted answer, moved to where each of the `rows` can go.

    `wanted` (background,) says which rows have the class of the goal (or a value within the interval).
    """
    if not len(rows):
        return problem.tried(rows, problem.before[:0])
    weights = np.where(problem.space.immutable, 0.0, problem.space.weights)
    reach = problem.goal.reach[problem.places[rows]] | (problem.goal.target.output is None)
    parts = []
    for way in (True, False):
        asked, points = rows[reach == way], problem.background[wanted == way]
        if len(asked) and len(points):
            most = min(nearest, len(points))
            apart = pairwise(problem.before[asked], points, weights, problem.space.nominal)
            near = np.argpartition(apart, most - 1, axis=1)[:, :most]
            owner = np.repeat(asked, most)
            parts.append((owner, project(problem.space, problem.before[owner], points[near.ravel()])))
    if not parts:
        return problem.tried(rows[:0], problem.before[:0])
    return problem.tried(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))


def between(problem: Problem, pool: Pool, start: Floats, /) -> Pool:
    """For a regression: points between each row and those of its versions that lie beyond the interval.

    `start` (rows,) is the side of the rows themselves. Halves the way until the answer lies within; numbers only.
    """
    beyond = pool.take((pool.side != 0) & (pool.side == -start[pool.row]))
    if not len(beyond):
        return beyond
    near, far = problem.before[beyond.row], beyond.after
    near = np.where(problem.space.nominal | np.isnan(near), far, near)
    low, high, found = np.zeros(len(beyond)), np.ones(len(beyond)), []
    for _ in range(HALVINGS):
        share = (low + high) / 2
        mixed = near + share[:, None] * (far - near)
        made = problem.tried(
            beyond.row, project(problem.space, problem.before[beyond.row], np.where(problem.space.nominal, far, mixed))
        )
        side = beyond.side.copy()
        side[made.origin] = made.side
        found.append(made.take(made.met))
        low, high = np.where(side == beyond.side, low, share), np.where(side == beyond.side, share, high)
    return Pool.joined(found)
