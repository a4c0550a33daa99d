"""What a model answers when it is told only some columns of a row: two answers to that, of which one can be fooled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Columns, Floats
from assay.explain.target import BATCH

Ask = Callable[[Floats], Floats]
Known = NDArray[np.bool_]
"""(rows, sets, columns) True for the columns of a row that are known."""
Worth = Callable[[Known], Floats]
"""(rows, sets): the answer that is expected where only these columns are known."""
BANDWIDTH = 0.1
"""Distance, of ranks between 0 and 1, at which a real row counts 0.6 times as much as one that is the same."""
CELLS = 1 << 22


def replaced(ask: Ask, rows: Floats, background: Floats, /) -> Worth:
    """The mean answer with the unknown columns taken from background rows: Petsiuk's replacement, for tables.

    The model is asked about rows that may not exist, where it may answer differently from what it does on real rows: a
    model can tell them apart and deceive on purpose (Slack et al. 2020). Rows, sets and draws go to the model together.
    """

    def worth(known: Known) -> Floats:
        n, sets, width = known.shape
        row, mask = np.repeat(np.arange(n), sets), known.reshape(-1, width)
        size = max(1, BATCH // len(background))
        out = np.empty(len(row))
        for start in range(0, len(row), size):
            part = slice(start, start + size)
            mixed = np.where(mask[part, None, :], rows[row[part], None, :], background[None])
            out[part] = ask(mixed.reshape(-1, width)).reshape(-1, len(background)).mean(axis=1)
        return out.reshape(n, sets)

    return worth


def among_real_rows(columns: Columns, answers: Floats, rows: Floats, background: Floats, /) -> Worth:
    """The mean of `answers` (n,), those for the `background` (n, columns), over the rows that are alike in what is
    known.

    Only real rows are ever asked about, so that a model that behaves on others cannot hide. Weights are
    exp(−D²/2h²), D² the mean over the known columns of the squared difference in rank (numbers) or of 1 (another
    category, or missing beside known), h BANDWIDTH; the nearest row always counts. Columns that go together share
    what they say, so that a column the model ignores may count. Coarse with many columns and few rows. Source: Aas,
    Jullum & Løland (2021), Artificial Intelligence 298, section 3.3, with ranks in place of Mahalanobis's distance.
    """
    apart = squared_differences(columns, rows, background)

    def worth(known: Known) -> Floats:
        n, sets, _ = known.shape
        out = np.empty((n, sets))
        size = max(1, CELLS // len(background))
        for i in range(n):
            for start in range(0, sets, size):
                some = known[i, start : start + size].astype(np.float64)
                # einsum: threads of a matrix product cost more than such small ones are worth.
                far = np.einsum("sj,nj->sn", some, apart[i]) / np.maximum(1.0, some.sum(axis=1, keepdims=True))
                weight = np.exp((far.min(axis=1, keepdims=True) - far) / (2 * BANDWIDTH**2))
                out[i, start : start + size] = np.einsum("sn,n->s", weight, answers) / weight.sum(axis=1)
        return out

    return worth


def squared_differences(columns: Columns, rows: Floats, background: Floats, /) -> Floats:
    """(rows, n, columns) squared difference of each row from each background row, 0 to 1 in every column."""
    out = np.empty((len(rows), len(background), len(columns)))
    for j, nominal in enumerate(columns.nominal):
        here, there = rows[:, j], background[:, j]
        if nominal:
            out[:, :, j] = here[:, None] != there[None]
        else:
            order = np.sort(there[~np.isnan(there)])
            out[:, :, j] = (_ranks(order, here)[:, None] - _ranks(order, there)[None]) ** 2
        gone = np.isnan(here)[:, None], np.isnan(there)[None]
        out[:, :, j] = np.where(gone[0] | gone[1], (gone[0] != gone[1]).astype(np.float64), out[:, :, j])
    return out


def _ranks(order: Floats, values: Floats) -> Floats:
    """Middle ranks of values among sorted ones, between 0 and 1."""
    below, upto = np.searchsorted(order, values, "left"), np.searchsorted(order, values, "right")
    return np.asarray((below + upto) / (2 * max(1, len(order))))
