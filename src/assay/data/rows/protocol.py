"""What every engine offers: a few questions about columns, and Counts of chosen columns in one scan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.data.coding import Dim
from assay.data.counts import Counts
from assay.data.rows.columns import Column, levels_of

MANY = 1 << 16
"""More values than this tied for the last place among the most frequent ones are none of them kept."""


@dataclass(frozen=True)
class Tally:
    """The distinct values (a pyarrow array) of a column as the engine groups them, with their rows."""

    column: Column
    values: Any
    rows: NDArray[np.int64]

    @cached_property
    def levels(self) -> tuple[str | None, ...]:
        """The level of each value; several values may share one."""
        return tuple(levels_of(self.values, self.column))

    @cached_property
    def raw(self) -> tuple[Any, ...]:
        """The values as text, booleans or doubles."""
        number = self.column.kind == "number"
        return tuple(float(v) if number and v is not None else v for v in self.values.to_pylist())

    @property
    def by_level(self) -> dict[str | None, int]:
        """Level -> rows, largest first, ties by code point."""
        out: dict[str | None, int] = {}
        for level, n in zip(self.levels, self.rows.tolist(), strict=True):
            out[level] = out.get(level, 0) + n
        return dict(sorted(out.items(), key=lambda item: (-item[1], item[0] is None, item[0] or "")))

    def spelled(self, levels: Sequence[str], /) -> tuple[Any, ...]:
        """The raw values that mean one of `levels`."""
        return tuple(raw for level, raw in zip(self.levels, self.raw, strict=True) if level in levels)


def cut_of(rows: NDArray[np.int64], /, *, places: int) -> int:
    """The fewest rows with which a value is among the `places` most frequent: ties for the last place are in,
    unless they are more than MANY."""
    present = np.sort(rows[rows > 0])
    if len(present) <= places:
        return 1
    cut = int(present[-places])
    return cut + 1 if len(present) - np.searchsorted(present, cut) > MANY else cut


@dataclass(frozen=True, slots=True)
class Extent:
    """What the numbers of a column span: `present` rows that are not missing, `low` and `high` among the finite."""

    present: int
    finite: int
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Histogram:
    """Rows by floor(x · 2**exponent), finite numbers only; `cells` ascend."""

    exponent: int
    cells: NDArray[np.int64]
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Key:
    """One dimension to count by.

    With a `threshold` the outcome is 1 where the number in `column` reaches it; with `largest`, (class, column) of
    numbers, it is the class of the largest, the first of equal ones.
    """

    dim: Dim
    column: str
    threshold: float | None = None
    largest: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Outcomes:
    """Where the sums get their numbers, and what rows weigh.

    `favourable` are the raw values of the favourable label. `exponents` are the powers of two of the fixed-point
    units; `wide` says that Σw² needs more than 64 bits.
    """

    regression: bool = False
    label: str | None = None
    favourable: tuple[Any, ...] = ()
    prediction: str | None = None
    score: str | None = None
    weight: str | None = None
    weights: str = ""
    unit: str | None = None
    exponents: Mapping[str, int] = field(default_factory=dict)
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """Counts to make in one pass: dimensions, sums, and columns that must not be missing for a row to be counted."""

    keys: tuple[Key, ...]
    sums: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()


class Rows(Protocol):
    """Rows somewhere, with the columns they have."""

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name, in order."""

    @property
    def n(self) -> int:
        """Number of rows."""

    @property
    def ordered(self) -> bool:
        """True when reading twice gives the same order."""

    def tally(self, name: str, /, *, most: int) -> Tally | None:
        """The distinct values of a column, or None where there are more than `most`."""

    def frequent(self, name: str, /, *, places: int) -> Tally:
        """The values of a column of text that are among the `places` most frequent, ties for the last one included.

        Without the ties where they are more than MANY.
        """

    def extents(self, wanted: Sequence[str], /) -> Mapping[str, Extent]:
        """The Extent of each of the named columns of numbers."""

    def histogram(self, name: str, /, *, exponent: int, within: Histogram | None = None) -> Histogram:
        """The Histogram of a column of numbers, of all rows or of those in the cells of `within`."""

    def units(self, name: str, /) -> int:
        """Number of distinct values of a column, each missing value one of its own."""

    def count(self, scan: Scan, outcomes: Outcomes, /) -> Counts:
        """The Counts of one pass over the rows."""

    def stream(self, names: Sequence[str], /, *, size: int) -> Iterator[Any]:
        """The named columns as pyarrow Tables of at most `size` rows."""

    def identities(self) -> tuple[Mapping[str, Any], ...]:
        """What the rows were read from: files by SHA-256, tables by snapshot id or "not digested"."""


def check_names(names: Sequence[str], source: str, /) -> None:
    """Raise where a name stands twice, or there is no column at all."""
    if not names:
        raise AssayError(f"{source} has no columns.", code="empty", hint="Give data with a header and rows.")
    doubled = sorted({name for name in names if list(names).count(name) > 1}) if len(set(names)) < len(names) else []
    if doubled:
        raise AssayError(
            f"{source} has the column {doubled[0]!r} more than once.",
            code="column",
            hint="Rename one of the two; names that differ only in case are different.",
        )


def named_column(rows: Rows, name: str, role: str, /) -> Column:
    """The column called `name`, or an error that lists the known ones and says which role asked."""
    if name not in rows.columns:
        raise unknown(f"column for {role}", name, rows.columns, code="column")
    return rows.columns[name]
