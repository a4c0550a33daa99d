"""Tables become the numbers that a private model reads, by its public schema alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.models.inputs import category_codes, is_number, numbers, select
from assay.privacy.training.clipping import Floats
from assay.privacy.training.tables.schema import Categorical, Column, Numeric, Schema


@dataclass(frozen=True)
class Encoding:
    """Numbers scaled to [−1, 1] by their bounds, categories as one 0/1 column each.

    Nothing is said of a value that does not fit: a number beyond its bounds is moved to them, a missing one is 0, an
    unknown or missing category has only zeros. Whether there are such values is private.
    """

    features: Schema

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        found: list[str] = []
        for name, column in self.features.columns.items():
            found += [name] if isinstance(column, Numeric) else [f"{name} = {value}" for value in column.categories]
        return tuple(found)

    @cached_property
    def origin(self) -> NDArray[np.int32]:
        """For each encoded column the place of the feature it is made of."""
        widths = [_width(column) for column in self.features.columns.values()]
        return np.repeat(np.arange(len(widths), dtype=np.int32), widths)

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return len(self.origin)

    def matrix(self, table: Any, /, *, dtype: Any = np.float32) -> Floats:
        """(rows, width) of a pyarrow Table; a column that is missing, or of another kind, is an error."""
        chosen = select(table, tuple(self.features.columns))
        out: Floats = np.zeros((chosen.num_rows, self.width), dtype)
        start = 0
        for name, column in self.features.columns.items():
            values = chosen.column(name)
            if isinstance(column, Numeric):
                out[:, start] = scaled(_numbers(values, name), column)
            else:
                codes = codes_in(values, column)
                known = np.flatnonzero(codes >= 0)
                out[known, start + codes[known]] = 1
            start += _width(column)
        return out


def scaled(values: NDArray[np.float64], column: Numeric, /) -> NDArray[np.float64]:
    """Values in [−1, 1]: clamped to the bounds, 0 where missing."""
    half = (column.high - column.low) / 2
    found = (np.clip(values, column.low, column.high) - (column.low + half)) / half
    return np.clip(np.where(np.isnan(found), 0.0, found), -1.0, 1.0)


def unscaled(values: NDArray[np.float64], column: Numeric, /) -> NDArray[np.float64]:
    """Numbers of the column for values on the scale of `scaled`."""
    half = (column.high - column.low) / 2
    return np.asarray(column.low + half + half * values)


def codes_in(values: Any, column: Categorical, /) -> NDArray[np.int64]:
    """(rows,) places in the categories, −1 for a value that is none of them or missing."""
    places = {text: place for place, text in enumerate(column.categories)}
    found: NDArray[np.int64] = np.nan_to_num(category_codes(values, places), nan=-1).astype(np.int64)
    return found


def targets(values: Any, column: Column, /, *, name: str) -> NDArray[np.float64]:
    """(rows,) targets: class codes, or numbers in [−1, 1]; NaN where there is none, so that the row is left out."""
    if isinstance(column, Categorical):
        codes = codes_in(values, column).astype(np.float64)
        return np.where(codes < 0, np.nan, codes)
    plain = _numbers(values, name)
    return np.where(np.isnan(plain), np.nan, scaled(plain, column))


def _numbers(values: Any, name: str) -> NDArray[np.float64]:
    if not is_number(values.type):
        raise AssayError(
            f"The schema gives {name!r} bounds, but the column is of type {values.type}.",
            code="schema",
            hint="Give it categories in the schema, or numbers in the data.",
        )
    return np.asarray(numbers(values), dtype=np.float64)


def _width(column: Column) -> int:
    return 1 if isinstance(column, Numeric) else len(column.categories)
