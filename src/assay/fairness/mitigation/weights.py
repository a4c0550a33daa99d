"""Weights and numbers of rows for the cells of group and outcome."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.fairness.mitigation.rows import Training

Floats = NDArray[np.float64]


def reweighing_weights(table: Floats, /) -> Floats:
    """(groups, outcomes) P(group) P(outcome) / P(group, outcome) of a table of counts; 0 for a cell without rows.

    Source: Kamiran & Calders (2012), Knowledge and Information Systems 33:1.

    >>> reweighing_weights(np.array([[1.0, 4.0], [3.0, 2.0]])).round(2).tolist()
    [[2.0, 0.75], [0.67, 1.5]]
    """
    expected = expected_rows(table)
    return np.asarray(np.divide(expected, table, out=np.zeros_like(table), where=table > 0))


def expected_rows(table: Floats, /) -> Floats:
    """(groups, outcomes) counts that would be there if outcome and group were independent, with the same margins."""
    expected: Floats = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return expected


def balanced_weights(table: Floats, /) -> Floats:
    """(groups, outcomes) n / (cells × count) over the cells that have rows; 0 for a cell without.

    >>> balanced_weights(np.array([[50.0, 20.0], [10.0, 20.0]])).tolist()
    [[0.5, 1.25], [2.5, 1.25]]
    """
    filled = table > 0
    return np.asarray(np.divide(table.sum() / filled.sum(), table, out=np.zeros_like(table), where=filled))


def weighted(rows: Training, table: Floats, /) -> Training:
    """The same rows with their weight times that of their cell."""
    return replace(rows, weight=rows.weights * table[rows.codes, rows.y])


def whole_rows(wanted: Floats, /) -> NDArray[np.int64]:
    """Whole numbers near `wanted` with the same (rounded) sum: the largest remainders are rounded up."""
    down = np.floor(wanted).astype(np.int64)
    missing = round(float(wanted.sum())) - int(down.sum())
    largest = np.argsort(-(wanted - down).reshape(-1), kind="stable")[:missing]
    down.reshape(-1)[largest] += 1
    return down
