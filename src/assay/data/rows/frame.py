"""Rows in memory, counted by numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.data.coding import OTHER, Bins, Favourable, Values
from assay.data.counts import FIXED, WW, Counts, Ints, N, W
from assay.data.rows import exact
from assay.data.rows.columns import Coded, Column, column_of, encode, is_missing, levels_of, numbers_of, spellings
from assay.data.rows.protocol import Extent, Histogram, Key, Outcomes, Scan, Tally, cut_of
from assay.data.rows.sums import array_sums, scales_of

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
_DENSE = 1 << 22


class _Columns(Mapping[str, Column]):
    """Columns by name; a column is looked at when its kind is asked for."""

    def __init__(self, names: Iterable[str], array: Callable[[str], Any], /) -> None:
        self._names = dict.fromkeys(names)
        self._array = array

    def __getitem__(self, name: str) -> Column:
        if name not in self._names:
            raise KeyError(name)
        return column_of(name, self._array(name).type)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class FrameRows:
    """Columns in memory."""

    ordered = True

    def __init__(
        self,
        columns: Mapping[str, Callable[[], Any]],
        n: int,
        /,
        *,
        identities: Callable[[], tuple[Mapping[str, Any], ...]],
    ) -> None:
        """`columns` give a pyarrow ChunkedArray when called, which is kept."""
        self.n = n
        self.columns: Mapping[str, Column] = _Columns(columns, self._array)
        self._read = columns
        self._identities = identities
        self._arrays: dict[str, Any] = {}
        self._codes: dict[str, Coded] = {}
        self._keys: dict[Key, tuple[Codes, tuple[str | None, ...]]] = {}

    @classmethod
    def of_table(cls, table: Any, /, *, identities: Callable[[], tuple[Mapping[str, Any], ...]]) -> FrameRows:
        """The rows of a pyarrow Table."""
        columns = {name: partial(table.column, i) for i, name in enumerate(table.column_names)}
        return cls(columns, table.num_rows, identities=identities)

    def with_columns(self, columns: Mapping[str, Any], /) -> FrameRows:
        """The same rows with more columns, pyarrow arrays."""
        import pyarrow as pa

        more = pa.table(dict(columns)) if columns else pa.table({})
        added = {name: partial(more.column, i) for i, name in enumerate(columns)}
        return FrameRows({**self._read, **added}, self.n, identities=self._identities)

    def where(self, name: str, mark: str, yes: Sequence[Any], /) -> FrameRows:
        """The same rows with the column `name` missing wherever `mark` has none of the values `yes`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        def read() -> Any:
            column, marks = (
                array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array
                for array in (self._array(name), self._array(mark))
            )
            known = pc.is_in(marks, value_set=pa.array(yes).cast(marks.type))
            return pc.if_else(known, column, pa.scalar(None, column.type))

        return FrameRows({**self._read, name: read}, self.n, identities=self._identities)

    def _array(self, name: str) -> Any:
        if name not in self._arrays:
            self._arrays[name] = self._read[name]()
        return self._arrays[name]

    # -- questions about one column ----------------------------------------------------------------

    def tally(self, name: str, /, *, most: int) -> Tally | None:
        """The distinct values of a column, or None where there are more than `most`."""
        present = self._code(name).rows > 0
        return self._tally(name, present) if np.count_nonzero(present) <= most else None

    def frequent(self, name: str, /, *, places: int) -> Tally:
        """The values of a column of text that are among the `places` most frequent, as the protocol says."""
        coded = self._code(name)
        rows = np.where(coded.values.is_valid().to_numpy(zero_copy_only=False), coded.rows, 0)
        return self._tally(name, rows >= cut_of(rows, places=places))

    def _tally(self, name: str, keep: NDArray[np.bool_]) -> Tally:
        import pyarrow as pa

        coded = self._code(name)
        return Tally(self.columns[name], coded.values.filter(pa.array(keep)), coded.rows[keep])

    def extents(self, wanted: Sequence[str], /) -> Mapping[str, Extent]:
        """The Extent of each of the named columns of numbers."""
        out = {}
        for name in wanted:
            numbers = self._numbers(name)
            finite = numbers[np.isfinite(numbers)]
            ends = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
            out[name] = Extent(int(np.count_nonzero(~np.isnan(numbers))), len(finite), *ends)
        return out

    def histogram(self, name: str, /, *, exponent: int, within: Histogram | None = None) -> Histogram:
        """The Histogram of a column of numbers, of all rows or of those in the cells of `within`."""
        numbers = self._numbers(name)
        numbers = numbers[np.isfinite(numbers)]
        if within is not None:
            numbers = numbers[np.isin(np.floor(np.ldexp(numbers, within.exponent)).astype(np.int64), within.cells)]
        cells, rows = np.unique(np.floor(np.ldexp(numbers, exponent)).astype(np.int64), return_counts=True)
        return Histogram(exponent, cells, rows.astype(np.int64))

    def units(self, name: str, /) -> int:
        """Number of distinct values of a column, each missing value one of its own."""
        return len(np.unique(self._unit(name)))

    # -- counting ----------------------------------------------------------------------------------

    def count(self, scan: Scan, outcomes: Outcomes, /) -> Counts:
        """The Counts of one pass over the rows."""
        keep = np.arange(self.n)
        for name in scan.complete:
            keep = keep[~np.isnan(self._numbers(name)[keep])]
        keyed = [self._key(key) for key in scan.keys]
        codes, cell = _cells([codes[keep] for codes, _ in keyed], [len(levels) for _, levels in keyed], len(keep))
        size = len(codes)
        weight = self._weight(outcomes, keep)
        y, p, w = (
            self._label(outcomes, keep),
            self._answer(outcomes, keep),
            weight / FIXED if weight is not None else None,
        )
        added: dict[str, Ints] = {N: np.bincount(cell, minlength=size).astype(np.int64)}
        if weight is not None:
            added |= {W: exact.group_sum(weight, cell, size), WW: exact.group_squares(weight, cell, size)}
        for name, values in array_sums(scan.sums, outcomes, y=y, p=p, w=w).items():
            added[name] = exact.group_sum(values, cell, size)
        pairs = None
        if outcomes.unit:
            amounts = weight if weight is not None else np.ones(len(cell), dtype=np.int64)
            pairs = exact.pairs_of(self._unit(outcomes.unit)[keep], cell, amounts)
        dims = [replace(key.dim, levels=levels) for key, (_, levels) in zip(scan.keys, keyed, strict=True)]
        scales = scales_of(scan.sums, outcomes)
        return Counts.from_codes(dims, codes, added, scales=scales, weights=outcomes.weights, pairs=pairs)

    def _key(self, key: Key) -> tuple[Codes, tuple[str | None, ...]]:
        if key not in self._keys:
            self._keys[key] = self._make_key(key)
        return self._keys[key]

    def _make_key(self, key: Key) -> tuple[Codes, tuple[str | None, ...]]:
        """Codes of a dimension and the levels that they index."""
        coding = key.dim.coding
        if key.threshold is not None:
            score = self._numbers(key.column)
            return np.where(np.isnan(score), 2, score >= key.threshold), ("0", "1", None)
        if key.largest:
            scores = np.stack([self._numbers(column) for _, column in key.largest])
            codes = np.where(np.isnan(scores).any(axis=0), len(scores), np.argmax(scores, axis=0))
            return codes, (*(level for level, _ in key.largest), None)
        if isinstance(coding, Bins):
            numbers, top = self._numbers(key.column), len(coding.edges) + 1
            codes = np.searchsorted(np.array(coding.edges), numbers, side="right")
            return np.where(np.isnan(numbers), top, codes), (*(str(i) for i in range(top)), None)
        if isinstance(coding, Values) and coding.kept == ():
            return self._array(key.column).is_null().to_numpy().astype(np.int64), (OTHER, None)
        coded = self._code(key.column)
        if isinstance(coding, Values) and coding.kept is not None:
            known, listed = spellings(coding.kept), coded.values.to_pylist()
            return coded.codes, tuple(None if is_missing(v) else known.get(v, OTHER) for v in listed)
        levels = levels_of(coded.values, self.columns[key.column])
        if isinstance(coding, Favourable):
            levels = [None if level is None else str(int(level == coding.value)) for level in levels]
        return coded.codes, tuple(levels)

    def _code(self, name: str) -> Coded:
        if name not in self._codes:
            self._codes[name] = encode(self._array(name))
        return self._codes[name]

    def _numbers(self, name: str) -> Floats:
        return numbers_of(self._array(name), self.columns[name])

    def _unit(self, name: str) -> Codes:
        """A number for each unit; rows whose unit is missing have one each."""
        coded = self._code(name)
        missing = np.array([is_missing(value) for value in coded.values.to_pylist()], dtype=bool)[coded.codes]
        codes = coded.codes.copy()
        codes[missing] = len(coded.values) + np.arange(np.count_nonzero(missing))
        return codes

    def _label(self, outcomes: Outcomes, keep: Codes) -> Floats | None:
        if outcomes.label is None:
            return None
        if outcomes.regression:
            return self._numbers(outcomes.label)[keep]
        coded, favourable = self._code(outcomes.label), set(outcomes.favourable)
        listed = coded.values.to_pylist()
        return np.array([np.nan if is_missing(v) else float(v in favourable) for v in listed])[coded.codes[keep]]

    def _answer(self, outcomes: Outcomes, keep: Codes) -> Floats | None:
        name = outcomes.prediction if outcomes.regression else outcomes.score
        return self._numbers(name)[keep] if name else None

    def _weight(self, outcomes: Outcomes, keep: Codes) -> Codes | None:
        if outcomes.weight is None:
            return None
        return np.floor(self._numbers(outcomes.weight)[keep] * FIXED + 0.5).astype(np.int64)

    # -- reading -----------------------------------------------------------------------------------

    def stream(self, names: Sequence[str], /, *, size: int) -> Iterator[Any]:
        """The named columns as pyarrow Tables of at most `size` rows."""
        import pyarrow as pa

        table = pa.table({name: self._array(name) for name in names})
        for start in range(0, self.n, size):
            yield table.slice(start, size)

    def identities(self) -> tuple[Mapping[str, Any], ...]:
        """What the rows were read from."""
        return self._identities()


def _cells(columns: list[Codes], sizes: list[int], n: int) -> tuple[NDArray[np.int32], Codes]:
    """The codes of the cells that rows fall into, and the cell of each row."""
    cell, span = np.zeros(n, dtype=np.int64), 1
    for codes, size in zip(columns, sizes, strict=True):
        if span * size >= 1 << 62:
            cell, span = _dense(cell, span)
        cell, span = cell * size + codes, span * size
    cell, span = _dense(cell, span)
    some_row = np.zeros(span, dtype=np.int64)
    some_row[cell] = np.arange(n)
    columns = [codes[some_row].astype(np.int32) for codes in columns]
    return np.stack(columns, axis=1) if columns else np.zeros((span, 0), dtype=np.int32), cell


def _dense(cell: Codes, span: int) -> tuple[Codes, int]:
    """Cells numbered from 0 without gaps, and how many there are."""
    if span > _DENSE:
        seen, cell = np.unique(cell, return_inverse=True)
        return cell.astype(np.int64), len(seen)
    seen = np.flatnonzero(np.bincount(cell))
    place = np.zeros(span, dtype=np.int64)
    place[seen] = np.arange(len(seen))
    return place[cell], len(seen)
