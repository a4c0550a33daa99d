"""How the values of a sensitive attribute are spread within each class, and over the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.privacy.anonymity.measures.classes import DENSE, Classes
from assay.privacy.anonymity.table import Codes, Floats


@dataclass(frozen=True, eq=False)
class Within:
    """One entry for each value that a class has, sorted by class, then by value.

    `of` is the class, `value` the code, `count` the rows; `sizes` are the (classes,) rows, `overall` the (values,) rows
    of each value in the whole table, all above 0.
    """

    of: Codes
    value: Codes
    count: Codes
    sizes: Codes
    overall: Codes

    @property
    def shares(self) -> Floats:
        """The share of each entry in its class."""
        return np.asarray(self.count / self.sizes[self.of])

    @property
    def usual(self) -> Floats:
        """The share of each entry's value in the whole table."""
        return np.asarray(self.overall[self.value] / self.overall.sum())


def within(classes: Classes, codes: Codes, /, *, overall: Codes | None = None) -> Within:
    """The Within of (rows,) codes of a sensitive attribute; values that no row has are left out.

    `overall` are the rows of each code in the table that the classes are compared with: that of the classes where it
    is left out.
    """
    counts = np.bincount(codes) if overall is None else overall
    present = counts > 0
    place = np.cumsum(present) - 1
    size = max(int(present.sum()), 1)
    key = classes.ids * size + place[codes]
    span = len(classes.sizes) * size
    if span <= max(4 * len(key), DENSE):
        cells = np.bincount(key, minlength=span)
        found = np.flatnonzero(cells)
        amounts = cells[found]
    else:
        found, amounts = np.unique(key, return_counts=True)
    whole = counts[present].astype(np.int64)
    return Within(found // size, found % size, amounts.astype(np.int64), classes.sizes, whole)
