"""Columns as small whole numbers, for models that only need to know which bin a row falls into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS, BIN_ROWS = 63, 100
"""Bins of a number at most, by quantiles, and the rows each should have; the missing value has its own beside them."""
LEVELS = 200
"""Categories kept apart, the most frequent; the rarer ones share a bin."""


@dataclass(frozen=True, slots=True)
class Coded:
    """(rows,) codes from 0. `ordered` says that they grow with the value; a missing value has the highest code."""

    codes: NDArray[np.int64]
    ordered: bool


def code_feature(column: Any, /) -> Coded | None:
    """A column of a `pyarrow.Table` as bins or categories; None where it holds neither numbers nor words.

    Numbers with few distinct values keep each of them; others are cut at quantiles. Bins do not look at what is to
    be predicted, so that they may be made on all rows.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_null(kind):
        return Coded(np.zeros(len(column), dtype=np.int64), True)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Coded(_bins(_numbers(pc.cast(column, pa.float64(), safe=False))), True)
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        return Coded(_bins(_numbers(pc.cast(column.cast(width), pa.float64(), safe=False))), True)
    if pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return Coded(_categories(column), False)
    return None


def code_groups(column: Any, /) -> NDArray[np.int64]:
    """(rows,) a code for every distinct value of a protected attribute; the missing value, NaN too, is one of them."""
    import pyarrow as pa

    if pa.types.is_floating(column.type):
        values = _numbers(column)
        return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _numbers(column: Any) -> NDArray[np.float64]:
    return np.asarray(column.to_numpy(), dtype=np.float64) + 0.0


def _bins(values: NDArray[np.float64]) -> NDArray[np.int64]:
    missing = np.isnan(values)
    present = values[~missing]
    distinct = np.unique(present)
    bins = min(BINS, max(4, len(values) // BIN_ROWS))
    if len(distinct) > bins:
        ranks = np.linspace(0, len(present) - 1, bins + 1)[1:-1].astype(np.int64)
        distinct = np.unique(np.concatenate([distinct[:1], np.sort(present)[ranks]]))
    codes = np.searchsorted(distinct, values, "right") - 1
    codes[missing] = len(distinct)
    return codes.astype(np.int64)


def _categories(column: Any) -> NDArray[np.int64]:
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    sizes = np.bincount(codes)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return np.minimum(rank, LEVELS)[codes]
