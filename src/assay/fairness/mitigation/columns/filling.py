"""Missing numbers, filled by what the fitted rows say; new rows are filled in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.fairness.mitigation.columns.tables import nominal_columns

if TYPE_CHECKING:
    import pandas as pd

MARK = " (is missing)"


@dataclass(frozen=True)
class Filling:
    """`medians` by column of numbers; for each column in `marked` a further one says 1 where the number was missing."""

    medians: Mapping[str, float] = field(default_factory=dict)
    marked: tuple[str, ...] = ()

    @classmethod
    def learn(cls, fitted: pd.DataFrame, others: pd.DataFrame, /) -> Filling:
        """The medians of the `fitted` rows; a column is marked where either frame lacks a number."""
        medians: dict[str, float] = {}
        marked = []
        nominal = set(nominal_columns(fitted))
        for name in (str(column) for column in fitted.columns if column not in nominal):
            known, asked = _finite(fitted[name]), _finite(others[name])
            medians[name] = float(known.median()) if known.notna().any() else 0.0
            if known.isna().any() or asked.isna().any():
                marked.append(name)
        return cls(medians, tuple(marked))

    def fill(self, table: pd.DataFrame, /) -> pd.DataFrame:
        """A copy of `table` without missing or infinite numbers, and with the marks."""
        out = table.copy()
        for name, median in self.medians.items():
            column = _finite(table[name])
            if name in self.marked:
                out[name + MARK] = column.isna().astype("float64")
            out[name] = column.fillna(median)
        return out

    @property
    def marks(self) -> tuple[str, ...]:
        """Names of the columns that `fill` adds."""
        return tuple(name + MARK for name in self.marked)

    def to_json(self) -> dict[str, Any]:
        """The Filling as JSON types."""
        return {"medians": dict(self.medians), "marked": list(self.marked)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Filling:
        """The Filling that `to_json` wrote."""
        return cls({str(k): float(v) for k, v in data["medians"].items()}, tuple(map(str, data["marked"])))


def _finite(column: Any) -> Any:
    """The column as float64, missing where it is not finite."""
    numbers = column.astype("float64")
    return numbers.where(np.isfinite(numbers))
