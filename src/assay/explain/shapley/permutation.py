"""Shapley values of a black box by walking from background rows to the explained row, column by column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.shapley.coalitions import Answers
from assay.explain.target import BATCH

WALKS = 400
"""Pairs of walks for each explained row, where nobody says how many; never under two a background row."""


@dataclass(frozen=True, eq=False)
class Sampled:
    """`values` and Monte-Carlo standard `errors` (rows, columns); `base` and `outputs` (rows,)."""

    values: Floats
    errors: Floats
    base: Floats
    outputs: Floats


def permutation_values(
    ask: Answers,
    rows: Floats,
    background: Floats,
    /,
    *,
    pairs: int,
    seed: int,
    progress: Progress | None = None,
) -> Sampled:
    """Sampled Shapley values whose sum is exactly output - base for every row.

    For each background row `pairs` (2 or more) random orders of the columns are drawn, and each is walked forwards and
    backwards (antithetic): the columns of the background row are replaced one by one by those of the explained row, and
    each change of the answer belongs to the column replaced. So every background row counts the same, base is the mean
    answer over all of them, and only the orders are sampled: the standard error is that of the mean over the pairs of
    walks of each background row. All explained rows share the orders. A step at which both rows have the same
    value is not asked for.

    Asks the model for at most 2·(columns - 1)·pairs·background rows for each explained row. Source: Castro, Gómez &
    Tejada (2009); antithetic walks: Mitchell, Cooper, Frank & Holmes (2022), "Sampling permutations for Shapley value
    estimation".
    """
    columns = rows.shape[1]
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(columns), (len(background) * pairs, 1)), axis=1)
    walks = np.concatenate([orders, orders[:, ::-1]])
    starts = np.tile(np.repeat(np.arange(len(background)), pairs), 2)
    ahead, outputs = ask(background), ask(rows)
    values, errors = np.empty_like(rows), np.empty_like(rows)
    size = max(1, BATCH // max(1, len(walks) * columns))
    if progress is not None:
        progress.started("permutation SHAP", total=len(rows))
    for start in range(0, len(rows), size):
        some = slice(start, start + size)
        added = _walked(ask, rows[some], outputs[some], background[starts], ahead[starts], walks)
        both = added.reshape(-1, 2, len(background), pairs, columns).mean(axis=1)
        values[some] = both.mean(axis=(1, 2))
        spread = both.var(axis=2, ddof=1) / pairs
        errors[some] = np.sqrt(spread.mean(axis=1) / len(background))
        if progress is not None:
            progress.advanced("permutation SHAP", done=min(start + size, len(rows)))
    if progress is not None:
        progress.ended("permutation SHAP")
    return Sampled(values, errors, np.full(len(rows), ahead.mean()), outputs)


def _walked(ask: Answers, rows: Floats, outputs: Floats, others: Floats, ahead: Floats, walks: np.ndarray) -> Floats:
    """(rows, walks, columns): what each column added on each walk, from answers `ahead` to `outputs`."""
    n, (count, columns) = len(rows), walks.shape
    rank = np.argsort(walks, axis=1)
    same = (rows[:, None] == others[None]) | (np.isnan(rows)[:, None] & np.isnan(others)[None])
    same = np.take_along_axis(same, np.broadcast_to(walks, same.shape), axis=2)
    # The answer is new after a step that changes something, unless nothing changes later: then it is the output.
    later = np.flip(np.logical_or.accumulate(np.flip(~same, axis=2), axis=2), axis=2)
    fresh = ~same[:, :, :-1] & later[:, :, 1:]
    row, walk, step = np.nonzero(fresh)
    answered = np.empty(len(row))
    for start in range(0, len(row), BATCH):
        part = slice(start, start + BATCH)
        taken = rank[walk[part]] <= step[part, None]
        answered[part] = ask(np.where(taken, rows[row[part]], others[walk[part]]))
    path = np.empty((n, count, columns + 1))
    path[:, :, 0], path[:, :, -1] = ahead, outputs[:, None]
    inner = path[:, :, 1:-1]
    inner[fresh] = answered
    for k in range(columns - 1):
        kept = same[:, :, k]
        inner[:, :, k] = np.where(kept, path[:, :, k], inner[:, :, k])
        ended = ~kept & ~later[:, :, k + 1]
        inner[:, :, k] = np.where(ended, outputs[:, None], inner[:, :, k])
    changes = np.diff(path, axis=2)
    return np.asarray(np.take_along_axis(changes, np.broadcast_to(rank, changes.shape), axis=2))
