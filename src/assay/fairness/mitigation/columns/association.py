"""How much of the group is in the columns: one at a time, and all together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.fairness.mitigation.columns.tables import Encoder, nominal_columns, texts
from assay.fairness.mitigation.groups import Codes
from assay.stats.tests import cramers_v

if TYPE_CHECKING:
    import pandas as pd

BINS = 10


def associations(table: pd.DataFrame, codes: Codes, /) -> dict[str, float]:
    """Bias-corrected Cramér's V of every column with the group; numbers are cut at their deciles, 0 where it is not
    defined (a column with one value)."""
    nominal = set(nominal_columns(table))
    out = {}
    for name in table.columns:
        values = _named(table[name]) if name in nominal else _deciles(table[name].to_numpy(dtype=np.float64))
        counts = np.zeros((int(codes.max()) + 1, int(values.max()) + 1))
        np.add.at(counts, (codes, values), 1.0)
        out[str(name)] = cramers_v(counts) or 0.0
    return out


def _named(column: pd.Series[str]) -> NDArray[np.int64]:
    found = texts(column)
    place = {text: i for i, text in enumerate(dict.fromkeys(found))}
    return np.array([place[text] for text in found], dtype=np.int64)


def _deciles(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bins at the deciles; the missing value has its own."""
    present = values[np.isfinite(values)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1])) if len(present) else np.zeros(0)
    return np.where(np.isfinite(values), np.searchsorted(edges, values, "right"), len(edges) + 1).astype(np.int64)


def linear_auc(table: pd.DataFrame, codes: Codes, fold: NDArray[np.int64], /) -> float | None:
    """How well a linear model of the columns tells one group from the rest on rows it was not fitted on.

    The AUC of the group that is told best, 1/2 being chance; least squares on the encoded columns, one fit a fold. None
    where there are no columns or one group only.
    """
    groups = int(codes.max()) + 1
    if groups < 2 or not len(table.columns):
        return None
    matrix = Encoder.fit(table).matrix(table)
    spread = matrix.std(axis=0)
    scaled = np.column_stack([(matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1.0), np.ones(len(matrix))])
    members = (codes[:, None] == np.arange(groups)).astype(np.float64)
    told = np.empty_like(members)
    for one in np.unique(fold):
        known = fold != one
        told[~known] = scaled[~known] @ np.linalg.lstsq(scaled[known], members[known], rcond=1e-10)[0]
    return max(_auc(told[:, g], codes == g) for g in range(groups))


def _auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """P(a positive scores above a negative) + ½ P(tie)."""
    high, low = scores[positive], np.sort(scores[~positive])
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.mean() / (2 * len(low)))
