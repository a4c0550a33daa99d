"""How far two rows lie apart in their features: Gower's coefficient of dissimilarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.data.rows.columns import column_of, encode, numbers_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gower:
    """Features ready to compare: `numbers` (rows, p) divided by their range, `words` (rows, q) codes.

    The distance of two rows is the mean over the features of |x - y| / range for numbers and times, and of 0 (equal)
    or 1 (not) for words and booleans; a missing value lies 1 from any other and 0 from a missing one. Between 0 and 1.
    `left_out` names features of other types. Source: Gower (1971), Biometrics 27:857.
    """

    numbers: Floats
    words: NDArray[np.int64]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, table: Any, /) -> Gower:
        """From a `pyarrow.Table` of features; ranges are those of its rows."""
        import pyarrow as pa

        numbers, words, left_out = [], [], []
        for name in table.column_names:
            column, kind = table.column(name), column_of(name, table.column(name).type).kind
            if kind == "time":
                width = pa.int32() if column.type.bit_width == 32 else pa.int64()
                column, kind = column.cast(width), "number"
            if kind == "number":
                numbers.append(_scaled(numbers_of(column.combine_chunks(), column_of(name, column.type))))
            elif kind == "other":
                left_out.append(name)
            else:
                words.append(encode(column).codes)
        shape = (table.num_rows, 0)
        return cls(
            np.stack(numbers, axis=1) if numbers else np.zeros(shape),
            np.stack(words, axis=1) if words else np.zeros(shape, dtype=np.int64),
            tuple(left_out),
        )

    @property
    def features(self) -> int:
        """Features that are compared."""
        return int(self.numbers.shape[1]) + int(self.words.shape[1])

    def distances(self, rows: slice, /) -> Floats:
        """(rows in the slice, all rows) distances."""
        out = np.zeros((len(range(*rows.indices(len(self.numbers)))), len(self.numbers)))
        for column in self.numbers.T:
            apart = np.abs(column[rows, None] - column[None, :])
            missing = np.isnan(column)
            if missing.any():
                apart = np.where(missing[rows, None] & missing[None, :], 0.0, np.where(np.isnan(apart), 1.0, apart))
            out += apart
        for codes in self.words.T:
            out += codes[rows, None] != codes[None, :]
        return out / self.features


def _scaled(values: Floats) -> Floats:
    present = values[np.isfinite(values)]
    width = float(np.ptp(present)) if len(present) else 0.0
    scaled = (values - present.min()) / width if width > 0 else np.where(np.isnan(values), np.nan, 0.0)
    return np.clip(scaled, 0.0, 1.0)
