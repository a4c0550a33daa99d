"""Answers of a black box for coalitions of columns, and exact Shapley values by asking for all of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.question import Question
from assay.explain.shapley.form import margin_function
from assay.explain.target import BATCH

Answers = Callable[[Floats], Floats]
Masks = NDArray[np.bool_]
MOST_COLUMNS = 15
"""Columns of which all coalitions are asked for."""


def answers(question: Question, scale: str | None, /) -> Answers:
    """The number that is explained, as a function of rows: the target's own scale, or raw scores on `scale`."""
    if scale is None or scale == question.target.scale:
        return question.target
    found: Answers = margin_function(question, scale=scale)
    return found


def coalition_means(
    ask: Answers, rows: Floats, background: Floats, masks: Masks, /, *, progress: Progress | None = None
) -> Floats:
    """(rows, coalitions): the mean answer over the background, with the columns of a coalition taken from the row.

    `masks` (coalitions, columns) is True for columns in the coalition. All rows, coalitions and background rows go to
    the model in batches of up to `BATCH` rows.
    """
    others, total = len(background), len(rows) * len(masks)
    found = np.empty(total)
    size = max(1, BATCH // others)
    if progress is not None:
        progress.started("coalitions", total=total)
    for start in range(0, total, size):
        row, mask = np.divmod(np.arange(start, min(start + size, total)), len(masks))
        mixed = np.where(masks[mask][:, None, :], rows[row][:, None, :], background[None])
        asked = ask(mixed.reshape(-1, rows.shape[1]))
        found[start : start + size] = asked.reshape(-1, others).mean(axis=1)
        if progress is not None:
            progress.advanced("coalitions", done=start + len(row))
    if progress is not None:
        progress.ended("coalitions")
    return found.reshape(len(rows), len(masks))


def all_coalitions(columns: int, /) -> Masks:
    """(2^columns, columns) every coalition; bit k of the index is column k. At most 15 columns."""
    if columns > MOST_COLUMNS:
        raise AssayError(
            f"{columns} columns have 2^{columns} coalitions; at most {MOST_COLUMNS} columns are enumerated.",
            code="columns",
            hint="Use permutation-shap or kernel-shap, which sample coalitions.",
        )
    return np.asarray((np.arange(1 << columns)[:, None] >> np.arange(columns)) & 1 == 1)


def enumerated_values(means: Floats, columns: int, /) -> Floats:
    """(rows, columns) Shapley values of (rows, 2^columns) games in the order of `all_coalitions`.

    Source: Shapley (1953), "A value for n-person games".
    """
    masks = all_coalitions(columns)
    size = masks.sum(axis=1)
    values = np.empty((len(means), columns))
    for k in range(columns):
        without = np.flatnonzero(~masks[:, k])
        weight = 1 / (columns * np.array([comb(columns - 1, int(s)) for s in size[without]]))
        values[:, k] = (means[:, without | (1 << k)] - means[:, without]) @ weight
    return values


def enumerated_interactions(means: Floats, columns: int, /) -> Floats:
    """(rows, columns, columns) Shapley interaction indices of pairs i < j, else 0.

    Source: Grabisch & Roubens (1999).
    """
    masks = all_coalitions(columns)
    size = masks.sum(axis=1)
    found = np.zeros((len(means), columns, columns))
    for i, j in combinations(range(columns), 2):
        bare = np.flatnonzero(~masks[:, i] & ~masks[:, j])
        weight = 1 / ((columns - 1) * np.array([comb(columns - 2, int(s)) for s in size[bare]]))
        first, second = 1 << i, 1 << j
        change = means[:, bare | first | second] - means[:, bare | first] - means[:, bare | second] + means[:, bare]
        found[:, i, j] = change @ weight
    return found
