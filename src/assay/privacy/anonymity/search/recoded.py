"""A quasi-identifier in its coarser form: what both searches give, and what the losses are measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.privacy.anonymity.table import CodedColumn, Codes, Floats


@dataclass(frozen=True, eq=False)
class RecodedColumn:
    """(kept rows,) groups of the values of `column`; for each group its text, loss, and the original rows it covers.

    `low` and `high` are the first and last positions of a group on the scale of numbers and times; `members` is
    (groups, values), true where a value of a category is in the group, and None otherwise.
    """

    column: CodedColumn
    groups: Codes
    texts: tuple[str | None, ...]
    loss: Floats
    rows: Codes
    low: Floats
    high: Floats
    members: NDArray[np.bool_] | None
    changed: bool


@dataclass(frozen=True, eq=False)
class Recoded:
    """The quasi-identifiers of the rows that are `kept`: (kept,) places in the original table, rising."""

    kept: Codes
    columns: tuple[RecodedColumn, ...]
    how: str
