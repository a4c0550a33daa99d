"""Rows of any columns as numbers: what imputers and copies are fitted on, and distances are measured in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.privacy.membership.answers import Floats

MOST_LEVELS = 30
"""Values of a category that have a number of their own, the most frequent ones; all others share one."""


@dataclass(frozen=True, eq=False)
class _Number:
    mean: float
    scale: float
    gaps: bool


@dataclass(frozen=True, eq=False)
class _Category:
    levels: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Encoding:
    """How the columns of some rows become numbers, frozen: `matrix` gives (rows, width) for these and for others.

    Numbers are standardised, a missing one is the mean and says so in a column of its own; categories are 1/√2 in the
    column of their value, so that two that differ lie one apart. Arrays are flattened and scaled as a whole.
    """

    columns: Mapping[str, _Number | _Category]
    scale: float = 1.0

    def matrix(self, inputs: Any, /) -> Floats:
        """(rows, width) float64 of a Table with these columns, or of an array."""
        if not hasattr(inputs, "column_names"):
            return np.asarray(inputs, dtype=np.float64).reshape(len(inputs), -1) / self.scale
        parts = [_numbers(inputs.column(name), how) for name, how in self.columns.items()]
        return np.concatenate([np.empty((inputs.num_rows, 0)), *parts], axis=1)


def encoding_of(inputs: Any, /, *, without: tuple[str, ...] = ()) -> Encoding:
    """The Encoding of a Table (but for the columns `without`) or an array, by the values in it."""
    if not hasattr(inputs, "column_names"):
        return Encoding({}, float(np.asarray(inputs, dtype=np.float64).std()) or 1.0)
    return Encoding({name: _fitted(inputs.column(name)) for name in inputs.column_names if name not in without})


def texts_of(column: Any, /) -> tuple[list[str], Any]:
    """The distinct values of an Arrow column as texts ("" for a missing one, last), and (rows,) codes into them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.dictionary_encode(pc.cast(column, column.type.value_type) if _is_coded(column) else column)
    whole = found.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.unify_dictionaries().combine_chunks()
    values = [str(value) for value in whole.dictionary.to_pylist()]
    codes = whole.indices.fill_null(len(values)).to_numpy(zero_copy_only=False).astype(np.int64)
    return [*values, ""], codes


def _is_coded(column: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_dictionary(column.type))


def _fitted(column: Any) -> _Number | _Category:
    from assay.models.inputs import is_number, numbers

    if is_number(column.type):
        values = numbers(column)
        known = values[np.isfinite(values)]
        scale = float(known.std()) if len(known) else 0.0
        return _Number(float(known.mean()) if len(known) else 0.0, scale or 1.0, len(known) < len(values))
    texts, codes = texts_of(column)
    counts = np.bincount(codes, minlength=len(texts))
    frequent = [place for place in np.argsort(-counts, kind="stable")[:MOST_LEVELS] if counts[place]]
    return _Category({texts[place]: code for code, place in enumerate(frequent)})


def _numbers(column: Any, how: _Number | _Category) -> Floats:
    from assay.models.inputs import numbers

    if isinstance(how, _Number):
        values = numbers(column)
        known = np.isfinite(values)
        scaled = np.where(known, (np.where(known, values, 0.0) - how.mean) / how.scale, 0.0)
        return np.column_stack([scaled, ~known]) if how.gaps else scaled[:, None]
    texts, codes = texts_of(column)
    other = len(how.levels)
    place = np.array([how.levels.get(text, other) for text in texts])[codes]
    return np.asarray(np.eye(other + 1)[place] * np.sqrt(0.5))
