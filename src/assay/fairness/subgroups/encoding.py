"""Columns as small codes, each with a text, so that slices of rows can be counted and named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.data.coding import OTHER
from assay.data.rows.columns import Column, column_of, levels_of, numbers_of

LEVELS = 32
"""Levels of a column of text, the most frequent; the rarer ones are one level together."""

Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Conditions = tuple[tuple[int, int], ...]
"""(column, level) pairs, columns ascending; a row is in the slice where all of them hold."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """(columns, rows) codes. `levels[c][codes[c, r]]` is the text of row r in column c; None is the missing value.

    Where codes grow with the values, `starts[c]` says where the bin of each level begins (the missing level, which is
    last, has none); it is empty for words. `left_out` maps a column that was not encoded to the reason.
    """

    names: tuple[str, ...]
    codes: Codes
    levels: tuple[tuple[str | None, ...], ...]
    starts: tuple[tuple[str, ...], ...]
    left_out: Mapping[str, str]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.codes.shape[1])

    def take(self, rows: NDArray[np.intp] | Mask, /) -> Encoded:
        """The same columns on some of the rows."""
        return replace(self, codes=np.ascontiguousarray(self.codes[:, rows]))

    def inside(self, conditions: Conditions, /) -> Mask:
        """(rows,) which rows are in the slice."""
        mask = np.ones(self.rows, dtype=np.bool_)
        for column, level in conditions:
            mask &= self.codes[column] == level
        return mask

    def name(self, conditions: Conditions, /) -> dict[str, str | None]:
        """Column -> level of the slice."""
        return {self.names[column]: self.levels[column][level] for column, level in conditions}

    def place(self, name: str, /) -> int:
        """Position of the column, or an error that lists the known."""
        if name not in self.names:
            raise unknown("column", name, self.names, code="column")
        return self.names.index(name)


def encode(table: Any, columns: Sequence[str], /, *, bins: int = 10) -> Encoded:
    """The named columns of a `pyarrow.Table`, coded without a look at any outcome.

    Numbers and times with more than `bins` distinct values fall into about as many bins of about equal weight; a value
    that alone weighs as much has a bin of its own (the zeros of capital gains). Text keeps its `LEVELS` - 1 most
    frequent values. The missing value is a level. Columns of other types, and those with one level, are left out.
    """
    if not 2 <= bins <= 100:
        raise AssayError(f"bins = {bins} cannot be made.", code="parameter", hint="Give a number from 2 to 100.")
    coded: dict[str, _Coded] = {}
    left_out: dict[str, str] = {}
    for name in dict.fromkeys(columns):
        column = column_of(name, table.schema.field(name).type)
        if column.kind == "other":
            left_out[name] = f"values of type {column.type} are not compared"
            continue
        one = _coded(table.column(name).combine_chunks(), column, bins)
        if len(one.levels) < 2:
            left_out[name] = "all rows have one value"
        else:
            coded[name] = one
    codes = [one.codes for one in coded.values()]
    return Encoded(
        tuple(coded),
        np.stack(codes) if codes else np.zeros((0, table.num_rows), np.uint8),
        tuple(one.levels for one in coded.values()),
        tuple(one.starts for one in coded.values()),
        left_out,
    )


@dataclass(frozen=True, eq=False)
class _Coded:
    codes: Codes
    levels: tuple[str | None, ...]
    starts: tuple[str, ...]


def _coded(values: Any, column: Column, bins: int) -> _Coded:
    if column.kind == "number":
        numbers = numbers_of(values, column)
        return _binned(numbers, np.isnan(numbers), bins, _texts_of_numbers)
    if column.kind == "time":
        return _coded_times(values, column, bins)
    return _categories(values, column)


def _texts_of_numbers(edges: NDArray[Any]) -> list[str]:
    import pyarrow as pa

    texts = levels_of(pa.array(edges), column_of("", pa.float64()))
    return [text for text in texts if text is not None]


def _coded_times(values: Any, column: Column, bins: int) -> _Coded:
    """Ticks are binned as whole numbers; edges become times again for their texts."""
    import pyarrow as pa

    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    width = pa.int32() if kind.bit_width == 32 else pa.int64()
    missing = np.asarray(values.is_null())
    ticks = np.asarray(values.cast(width).fill_null(0), dtype=np.int64)

    def texts(edges: NDArray[Any]) -> list[str]:
        named = levels_of(pa.array(edges).cast(width).cast(kind), column)
        return [text for text in named if text is not None]

    return _binned(ticks, missing, bins, texts)


def _binned(values: NDArray[Any], missing: Mask, bins: int, texts: Callable[[NDArray[Any]], list[str]]) -> _Coded:
    distinct, place, counts = np.unique(values[~missing], return_inverse=True, return_counts=True)
    starts = np.flatnonzero(bin_starts(counts, bins))
    bin_of = np.searchsorted(starts, np.arange(len(distinct)), "right") - 1
    codes = np.full(len(values), len(starts), dtype=np.uint8)
    codes[~missing] = bin_of[place.reshape(-1)]
    widths = np.diff(starts, append=len(distinct))
    begins = texts(distinct[starts])
    levels = (*bin_texts(begins, widths), *((None,) if missing.any() else ()))
    return _Coded(codes, levels, tuple(begins))


def bin_starts(counts: NDArray[np.int64], bins: int, /) -> Mask:
    """Which of the ascending distinct values, with these rows each, begin a bin.

    A value with 1/bins of the rows or more is a bin; the runs between such values are cut at equal ranks into bins of
    about 1/bins of the rows each.
    """
    if len(counts) <= bins:
        return np.ones(len(counts), dtype=np.bool_)
    heavy: Mask = counts * bins >= counts.sum()
    starts = heavy.copy()
    starts[0] = True
    starts[1:] |= heavy[:-1]
    run = np.cumsum(starts) - 1
    rows = np.bincount(run, weights=counts).astype(np.int64)
    parts = np.maximum(1, np.rint(rows * bins / counts.sum()).astype(np.int64))
    before = np.cumsum(counts) - counts - (np.cumsum(rows) - rows)[run]
    part = parts[run] * before // rows[run]
    starts[1:] |= part[1:] > part[:-1]
    return starts


def bin_texts(starts: Sequence[str], widths: NDArray[np.int64], /) -> list[str]:
    """A value alone as it is; else `< b`, `[a, b)` and `>= a`, so that no extreme value is told."""
    out = []
    for i, start in enumerate(starts):
        if widths[i] == 1:
            out.append(start)
        elif i + 1 == len(starts):
            out.append(f">= {start}")
        else:
            out.append(f"< {starts[i + 1]}" if i == 0 else f"[{start}, {starts[i + 1]})")
    return out


def _categories(values: Any, column: Column) -> _Coded:
    encoded = values if _is_dictionary(values) else values.dictionary_encode()
    named = levels_of(encoded.dictionary, column_of(column.name, encoded.dictionary.type))
    indices = np.asarray(encoded.indices.fill_null(len(named)), dtype=np.int64)
    sizes: dict[str | None, int] = {}
    for level, n in zip([*named, None], np.bincount(indices, minlength=len(named) + 1).tolist(), strict=True):
        if n:
            sizes[level] = sizes.get(level, 0) + n
    words = sorted((level for level in sizes if level is not None), key=lambda level: (-sizes[level], level))
    kept = words if len(words) <= LEVELS else words[: LEVELS - 1]
    levels: list[str | None] = [*sorted(kept)]
    levels += [OTHER] if len(kept) < len(words) else []
    levels += [None] if None in sizes else []
    code = {level: i for i, level in enumerate(levels)}
    other = code.get(OTHER, 0)
    lookup = np.array([code.get(level, other) for level in [*named, None]], dtype=np.uint8)
    return _Coded(lookup[indices], tuple(levels), ())


def _is_dictionary(values: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_dictionary(values.type))
