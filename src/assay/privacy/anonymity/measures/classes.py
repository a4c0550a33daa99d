"""Equivalence classes: the rows that agree in every quasi-identifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.privacy.anonymity.table import CodedColumn, Codes

WIDEST = 1 << 62
DENSE = 1 << 22


@dataclass(frozen=True, eq=False)
class Classes:
    """(rows,) ids from 0, and the (classes,) number of rows of each; no class is empty."""

    ids: Codes
    sizes: Codes

    @property
    def k(self) -> int:
        """Rows of the smallest class; 0 where there are no rows."""
        return int(self.sizes.min()) if len(self.sizes) else 0


def classes_of(columns: Sequence[CodedColumn], rows: int, /) -> Classes:
    """The Classes of a table of `rows` rows by `columns`; without columns all rows are one class."""
    return combined([(column.codes, column.size) for column in columns], rows)


def combined(parts: Sequence[tuple[Codes, int]], rows: int, /) -> Classes:
    """The Classes of rows that agree in every one of `parts`: (rows,) codes, each below its size."""
    key, span = np.zeros(rows, dtype=np.int64), 1
    for codes, size in parts:
        if span * max(size, 1) >= WIDEST:
            found = numbered(key, span)
            key, span = found.ids.copy(), len(found.sizes)
        key = key * max(size, 1) + codes
        span *= max(size, 1)
    return numbered(key, span)


def numbered(key: Codes, span: int, /) -> Classes:
    """The Classes of equal keys in [0, span), numbered in the order of the keys."""
    if span <= max(4 * len(key), DENSE):
        counts = np.bincount(key, minlength=span)
        present = counts > 0
        place = np.cumsum(present) - 1
        return Classes(place[key].astype(np.int64), counts[present].astype(np.int64))
    _, ids, counts = np.unique(key, return_inverse=True, return_counts=True)
    return Classes(ids.reshape(-1).astype(np.int64), counts.astype(np.int64))
