"""Whether people who are alike are treated alike: consistency with neighbours, and Lipschitz violations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Interval, Share
from assay.fairness.estimates import Estimate
from assay.fairness.individual.gower import Gower
from assay.stats.quantiles import two_sided
from assay.stats.rates import wilson

Floats = NDArray[np.float64]
BLOCK = 256
"""Rows compared with all others at a time."""
CLOSE = 1e-9
"""Distances this near to each other are equal; ties are broken by lot."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """What comparing all rows with each other leaves.

    `near` (rows, k + 1): the nearest other rows, the nearest first. `violations` (rows, 1 + groups): the mean over
    all others, and over the others of each group, of 1 where the scores differ by more than `lipschitz` times the
    distance; None where there are no scores. `members` (rows, 1 + groups) says who belongs, the first column all.
    """

    near: NDArray[np.int64]
    violations: Floats | None
    members: NDArray[np.bool_]


def compare_pairs(
    metric: Gower,
    scores: Floats | None,
    groups: NDArray[np.bool_],
    /,
    *,
    k: int,
    lipschitz: float,
    rng: np.random.Generator,
) -> Pairs:
    """All rows of `metric` compared; `groups` (rows, groups) says who belongs to which. Needs k + 2 rows."""
    n = len(metric.numbers)
    members = np.column_stack([np.ones(n, dtype=bool), groups])
    near = np.empty((n, k + 1), dtype=np.int64)
    violations = None if scores is None else np.empty(members.shape)
    others = members.sum(axis=0)[None, :] - members
    for start in range(0, n, BLOCK):
        rows = slice(start, min(n, start + BLOCK))
        inside = np.arange(rows.stop - start)
        distances = metric.distances(rows)
        if scores is not None and violations is not None:
            beyond = np.abs(scores[rows, None] - scores[None, :]) > lipschitz * distances + CLOSE
            beyond[inside, inside + start] = False
            violations[rows] = (beyond.astype(np.float64) @ members) / np.maximum(others[rows], 1)
        distances += CLOSE * rng.random(distances.shape)
        distances[inside, inside + start] = math.inf
        nearest = np.argpartition(distances, k, axis=1)[:, : k + 1]
        order = np.argsort(np.take_along_axis(distances, nearest, axis=1), axis=1)
        near[rows] = np.take_along_axis(nearest, order, axis=1)
    return Pairs(near, violations, members)


def consistency(pairs: Pairs, chosen: Floats, place: int, /, *, level: float) -> Estimate:
    """1 - mean |y_i - mean of y over the k nearest others|, over the rows of one column of `pairs.members`.

    Zemel et al. (2013), ICML, sec. 4 (yNN). The standard error is the jackknife's: where a row is left out, those it
    was a neighbour of take their next one. It counts what rows with shared neighbours have in common.
    """
    k, mine = pairs.near.shape[1] - 1, pairs.members[:, place]
    size, n = int(mine.sum()), len(mine)
    answers = chosen[pairs.near]
    total = answers[:, :k].sum(axis=1)
    off = np.abs(chosen - total / k)
    value = 1 - float(off[mine].mean())
    if size < 2:
        return Estimate(value, size, float(size))
    # Row i loses neighbour j and takes its (k + 1)th instead.
    without = np.abs(chosen[:, None] - (total[:, None] - answers[:, :k] + answers[:, k:]) / k)
    moved = np.where(mine[:, None], without - off[:, None], 0.0)
    change = np.bincount(pairs.near[:, :k].ravel(), weights=moved.ravel(), minlength=n)
    left = (off[mine].sum() - np.where(mine, off, 0.0) + change) / (size - mine)
    error = math.sqrt((n - 1) / n * float(((left - left.mean()) ** 2).sum()))
    if not off[mine].any():
        # Nobody differs from a neighbour: what as many rows that always agree leave open.
        bound = wilson(Share(float(size), float(size), size, float(size)), level=level)
        error = (1 - bound.low) / two_sided(level)
        return Estimate(value, size, float(size), bound, error, f"{k} nearest others")
    reach = two_sided(level) * error
    interval = Interval(max(0.0, value - reach), min(1.0, value + reach), level, "jackknife")
    return Estimate(value, size, float(size), interval, error, f"{k} nearest others")


def lipschitz_violations(violations: Floats, members: NDArray[np.bool_], place: int, /, *, level: float) -> Estimate:
    """The share of pairs, of a row of one column of `members` with any other, that are treated too differently.

    `violations` and `members` as in `Pairs`. A U-statistic: its standard error is that of its first projection
    (Hoeffding 1948, Annals of Mathematical Statistics 19:293). Without a violation the interval is Wilson's on as many
    pairs as share no row.
    """
    mine, of_all, of_group = members[:, place], violations[:, 0], violations[:, place]
    size, n = int(mine.sum()), len(mine)
    value = float(of_all[mine].mean())
    moved = np.where(mine, (of_all - value) * n / size, 0.0) + (of_group - value)
    error = math.sqrt(float((moved**2).sum())) / n
    if error <= CLOSE:
        apart = float(max(1, min(size, n // 2)))
        interval = wilson(Share(value * apart, apart, int(apart), apart), level=level)
        return Estimate(value, size, float(size), interval)
    reach = two_sided(level) * error
    interval = Interval(max(0.0, value - reach), min(1.0, value + reach), level, "U-statistic")
    return Estimate(value, size, float(size), interval, error)
