"""Columns of a table as whole numbers: what every measure and every search of this room works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
ColumnKind = Literal["number", "time", "category"]
EXACT = 2**53
MISSING = "missing"
"""How a missing value is written where a cell must be text."""


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """A column as (rows,) codes into its distinct values, in their order; a missing value is one of them, the first.

    `values` are the (levels,) numbers of a column of numbers, NaN for missing; None for all others. `texts` are the
    canonical texts of the levels of all others.
    """

    name: str
    kind: ColumnKind
    codes: Codes
    size: int
    missing: bool
    values: Floats | None = None
    texts: tuple[str | None, ...] = ()

    @cached_property
    def levels(self) -> tuple[str | None, ...]:
        """The text of each level; None is the missing value."""
        if self.values is None:
            return self.texts
        from assay.data.rows.columns import number_text

        return tuple(number_text(value) for value in self.values.tolist())

    @cached_property
    def positions(self) -> Floats:
        """(levels,) where each level lies on the scale of the column: numbers as they are, all else by rank."""
        if self.values is None:
            return np.arange(self.size, dtype=np.float64)
        found = self.values.copy()
        if self.missing:
            found[0] = found[1] if self.size > 1 else 0.0
        return found

    @cached_property
    def rows(self) -> Codes:
        """(levels,) rows of each level."""
        return np.bincount(self.codes, minlength=self.size).astype(np.int64)


def read_table(source: Any, /, *, columns: Sequence[str] = ()) -> Any:
    """The named columns (all, where none are) of a frame, path, relation or Ibis table as a pyarrow Table."""
    import pyarrow as pa

    from assay.data.rows.sources import open_rows

    rows = open_rows(source)
    check_columns(columns, tuple(rows.columns))
    return pa.concat_tables(rows.stream(list(columns or rows.columns), size=1 << 20)).combine_chunks()


def check_columns(names: Sequence[str], known: Sequence[str], /) -> None:
    """Raise where a name is no column, or is there twice."""
    for place, name in enumerate(names):
        if name not in known:
            raise unknown("column", name, known, code="column")
        if name in names[:place]:
            raise AssayError(f"Column {name!r} is named twice.", code="column", hint="Name each column once.")


def coded(table: Any, name: str, /) -> CodedColumn:
    """The column `name` of a pyarrow Table. NaN and null are one missing value; numbers and times keep their order."""
    from assay.data.rows.columns import column_of, encode, levels_of

    column = table.column(name)
    if column_of(name, column.type).kind == "other":
        levels_of(column, column_of(name, column.type))  # raises: such values are no groups
    found = encode(column)
    about = column_of(name, found.values.type)
    if about.kind == "number":
        numbers = _numbers(found.values)
        if numbers is not None:
            return _numeric(name, found.codes, numbers)
        listed = found.values.to_pylist()
        texts = [None if value is None else str(value) for value in listed]
    else:
        texts = levels_of(found.values, about)
    ordered = sorted(set(texts), key=lambda text: (text is not None, text or ""))
    where = {text: code for code, text in enumerate(ordered)}
    place = np.array([where[text] for text in texts], dtype=np.int64)
    kind: ColumnKind = "time" if about.kind == "time" else "category"
    codes = place[found.codes] if len(place) else found.codes
    return CodedColumn(name, kind, codes, len(ordered), None in where, texts=tuple(ordered))


def _numbers(values: Any) -> Floats | None:
    """(levels,) doubles, NaN for missing; None where whole numbers are too large for doubles to tell them apart."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    whole = pa.types.is_integer(values.type) and len(found) > 0 and float(np.nanmax(np.abs(found), initial=0)) >= EXACT
    return None if whole else found


def _numeric(name: str, codes: Codes, numbers: Floats) -> CodedColumn:
    if np.isinf(numbers).any():
        raise AssayError(
            f"Column {name!r} has infinite numbers.", code="value", hint="Replace them by a missing value or a bound."
        )
    values, place = np.unique(numbers, return_inverse=True)
    missing = bool(len(values)) and bool(np.isnan(values[-1]))
    if missing:
        values, place = np.roll(values, 1), (place + 1) % len(values)
    place = place.reshape(-1).astype(np.int64)
    return CodedColumn(name, "number", place[codes], len(values), missing, values=values + 0.0)
