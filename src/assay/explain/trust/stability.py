"""Whether an explanation stays where the row hardly moves, and where only the seed does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Interval
from assay.explain.attribution import Attributions
from assay.explain.columns import Columns, Floats
from assay.explain.question import Question
from assay.stats.moments import student

Explain = Callable[[Question], Attributions]
TO_SIGMA = 1.4826
"""A median absolute deviation times this is the standard deviation of a normal distribution."""


@dataclass(frozen=True, eq=False)
class Shaken:
    """Explanations of rows and of the same rows a little moved.

    `values` (rows, columns) and `output` (rows,) as they are. `movement` (rows,) is the mean over the moves of
    Σ|φ(moved) − φ|, `output_movement` (rows,) that of |output(moved) − output|, `lipschitz` (rows,) the greatest
    ‖φ(moved) − φ‖ / ‖move‖, the move in robust standard deviations. NaN where no number of the row could be moved.
    """

    values: Floats
    movement: Floats
    output_movement: Floats
    lipschitz: Floats


def shaken(question: Question, explain: Explain, /, *, noise: float = 0.1, moves: int = 4, seed: int = 0) -> Shaken:
    """The Shaken explanations of a question: every number moved `moves` times by normal noise.

    The noise has `noise` robust standard deviations of the background (1.4826 · median absolute deviation); whole
    numbers stay whole, numbers stay within the background's range, categories, missing values and numbers whose
    deviation is 0 do not move. All rows and moves are explained together. Source: Alvarez-Melis & Jaakkola (2018),
    "Towards robust interpretability with self-explaining neural networks", NeurIPS, the local Lipschitz estimate, with
    draws in place of a search.
    """
    n, width = question.rows.shape
    rng = np.random.default_rng(seed)
    moved = np.repeat(question.rows[:, None], moves, axis=1)
    scale = deviations(question.columns, question.background)
    moved = _moved(question, moved, noise * scale * rng.normal(size=moved.shape))
    shift = np.nan_to_num((moved - question.rows[:, None]) / np.where(scale > 0, scale, 1.0))
    found = explain(question.of(np.concatenate([question.rows[:, None], moved], axis=1).reshape(-1, width)))
    values = found.values.reshape(n, 1 + moves, width)
    output = found.outputs.reshape(n, 1 + moves)
    change = values[:, 1:] - values[:, :1]
    length = np.sqrt((shift**2).sum(axis=2))
    still = length == 0
    steep = np.where(still, np.nan, np.sqrt((change**2).sum(axis=2)) / np.where(still, 1.0, length))
    return Shaken(
        values[:, 0],
        _mean(np.abs(change).sum(axis=2), ~still),
        _mean(np.abs(output[:, 1:] - output[:, :1]), ~still),
        np.where(still.all(axis=1), np.nan, np.max(np.nan_to_num(steep), axis=1)),
    )


def deviations(columns: Columns, background: Floats, /) -> Floats:
    """(columns,) robust standard deviation of each column of numbers, 0 for categories and where nothing is known."""
    out = np.zeros(len(columns))
    for j, nominal in enumerate(columns.nominal):
        known = background[~np.isnan(background[:, j]), j]
        if not nominal and len(known):
            out[j] = TO_SIGMA * np.median(np.abs(known - np.median(known)))
    return out


def _moved(question: Question, rows: Floats, noise: Floats) -> Floats:
    whole = np.array([column.kind == "integer" for column in question.columns.columns])
    found = rows + noise
    found = np.where(whole, np.rint(found), found)
    seen = np.concatenate([question.background, question.rows])
    known = ~np.isnan(seen)
    low = np.where(known, seen, np.inf).min(axis=0)
    high = np.where(known, seen, -np.inf).max(axis=0)
    return np.where(noise == 0, rows, np.clip(found, low, high))


def _mean(values: Floats, counted: NDArray[np.bool_]) -> Floats:
    n = counted.sum(axis=1)
    return np.where(n > 0, np.where(counted, values, 0.0).sum(axis=1) / np.maximum(n, 1), np.nan)


@dataclass(frozen=True, slots=True)
class Steadiness:
    """`value`: 1 where nothing moved, 0 where an explanation moved as far as that of another row lies."""

    value: float
    interval: Interval
    n: int


def steadiness(
    found: Shaken, everyone: NDArray[np.int64], members: NDArray[np.int64], /, *, level: float = 0.95
) -> Steadiness | None:
    """1 − (mean movement of `members`) / (mean distance between the explanations of two rows of `everyone`).

    None where fewer than two of the members moved, or all rows have one explanation. The interval is the delta
    method's, of a mean over a U-statistic of order two (Hoeffding 1948), with Student's quantile.
    """
    members = members[~np.isnan(found.movement[members])]
    some = found.values[everyone]
    if len(members) < 2 or len(some) < 3:
        return None
    each = np.abs(some[:, None] - some[None]).sum(axis=2).sum(axis=1) / (len(some) - 1)
    apart = float(each.mean())
    if apart <= 1e-12 * max(1.0, float(np.abs(some).sum(axis=1).mean())):
        return None
    moved = found.movement[members]
    influence = np.zeros(len(found.values))
    influence[members] -= (moved - moved.mean()) / (apart * len(members))
    influence[everyone] += moved.mean() / apart**2 * 2 * (each - apart) / len(everyone)
    n = len(members)
    half = student(level, n - 1) * math.sqrt(float(influence @ influence) * n / (n - 1))
    value = 1 - float(moved.mean()) / apart
    return Steadiness(value, Interval(value - half, value + half, level, "delta, Student t"), n)


def reseeded(question: Question, explain: Explain, /, *, seeds: int) -> Floats:
    """(rows, seeds, columns) values under different seeds: other background rows, other draws where there are any."""
    made = [explain(replace(question, seed=question.seed + i)).values for i in range(seeds)]
    return np.stack(made, axis=1)
