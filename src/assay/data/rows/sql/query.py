"""Rows that an engine with SQL holds, counted there: the questions and the scan as Ibis expressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from assay.data.counts import Counts
from assay.data.rows.columns import Column
from assay.data.rows.edges import SMALL
from assay.data.rows.protocol import MANY, Extent, Histogram, Outcomes, Scan, Tally, check_names, cut_of
from assay.data.rows.sql.expressions import Expressions, absent, case, exactly

_GLANCE = 10_000
"""Rows that are looked at first: when they have too many distinct values, so have all."""


class Engine(Protocol):
    """Where the queries run."""

    @property
    def table(self) -> Any:
        """The rows as an Ibis table whose columns are called c0, c1, …"""

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name, in the order of the table's."""

    @property
    def ordered(self) -> bool:
        """True when reading twice gives the same order."""

    @property
    def wide_sums(self) -> bool:
        """True when the sum of 64-bit integers has more than 64 bits."""

    def run(self, query: Any, /) -> Any:
        """The result of an Ibis table expression, as a pyarrow Table."""

    def batches(self, query: Any, /, *, size: int) -> Iterator[Any]:
        """The same in parts, as pyarrow Tables."""

    def lookup(self, edges: tuple[float, ...], /) -> Any:
        """An Ibis table of bins by cell (see `scan.Lookup`), or None where the engine keeps no tables for us."""

    def identities(self) -> tuple[Mapping[str, Any], ...]:
        """What the rows were read from."""


class Viewed:
    """An Engine that shows another table made from the rows of `engine`, with the same columns."""

    def __init__(self, engine: Engine, table: Any, /) -> None:
        self.table = table
        self.columns, self.ordered, self.wide_sums = engine.columns, engine.ordered, engine.wide_sums
        self.run, self.batches, self.lookup = engine.run, engine.batches, engine.lookup
        self.identities = engine.identities


class SqlRows:
    """Rows behind an Engine."""

    def __init__(self, engine: Engine, /) -> None:
        check_names(tuple(engine.columns), "The data")
        self._engine = engine
        self._of = Expressions(engine.table, engine.columns)
        self._tallies: dict[str, Tally] = {}
        self._extents: dict[str, Extent] = {}
        self.columns = engine.columns
        self.ordered = engine.ordered

    @cached_property
    def n(self) -> int:
        """Number of rows."""
        table = self._engine.table
        return int(self._engine.run(table.aggregate(n=table.count()))["n"][0].as_py())

    def where(self, name: str, mark: str, yes: Sequence[Any], /) -> SqlRows:
        """The same rows with the column `name` missing wherever `mark` has none of the values `yes`."""
        value, number = self._of.raw(name), self.columns[mark].kind == "number"
        known = self._of.number(mark).isin([exactly(x) for x in yes]) if number else self._of.raw(mark).isin(list(yes))
        masked = case((known, value), otherwise=absent(str(value.type())))
        return SqlRows(Viewed(self._engine, self._engine.table.mutate(**{value.get_name(): masked})))

    def _run(self, query: Any) -> Any:
        return self._engine.run(query)

    # -- questions about one column ----------------------------------------------------------------

    def _grouped(self, name: str, table: Any) -> Any:
        value = table[self._of.raw(name).get_name()]
        return table.group_by(value=value).agg(rows=table.count())

    def tally(self, name: str, /, *, most: int) -> Tally | None:
        """The distinct values of a column, or None where there are more than `most`."""
        if name in self._tallies:
            return self._tallies[name] if len(self._tallies[name].rows) <= most else None
        table = self._engine.table
        if self.n > SMALL:
            glance = self._run(self._grouped(name, table.limit(_GLANCE)).limit(most + 1))
            if glance.num_rows > most:
                return None
        found = self._run(self._grouped(name, table).limit(most + 1))
        if found.num_rows > most:
            return None
        self._tallies[name] = self._tally(found, name)
        return self._tallies[name]

    def _tally(self, found: Any, name: str) -> Tally:
        return Tally(self.columns[name], found["value"].combine_chunks(), found["rows"].to_numpy().astype(np.int64))

    def frequent(self, name: str, /, *, places: int) -> Tally:
        """The values of a column of text that are among the `places` most frequent, as the protocol says."""
        grouped = self._grouped(name, self._engine.table)
        grouped = grouped.filter(grouped.value.notnull())
        top = self._run(grouped.order_by(grouped.rows.desc()).limit(places + 1))["rows"].to_numpy()
        cut = cut_of(top, places=places)
        found = self._run(grouped.filter(grouped.rows >= cut).limit(MANY + 1))
        if found.num_rows > MANY:
            found = self._run(grouped.filter(grouped.rows > cut))
        return self._tally(found, name)

    def extents(self, wanted: Sequence[str], /) -> Mapping[str, Extent]:
        """The Extent of each of the named columns of numbers, all in one pass."""
        table = self._engine.table
        asked: dict[str, Any] = {}
        names = [name for name in wanted if name not in self._extents]
        for i, name in enumerate(names):
            number, finite = self._of.number(name), self._of.finite(name)
            asked |= {f"present{i}": number.count(), f"finite{i}": finite.count()}
            asked |= {f"low{i}": finite.min(), f"high{i}": finite.max()}
        row = self._run(table.aggregate(**asked)).to_pylist()[0] if asked else {}
        for i, name in enumerate(names):
            self._extents[name] = Extent(row[f"present{i}"], row[f"finite{i}"], row[f"low{i}"], row[f"high{i}"])
        return {name: self._extents[name] for name in wanted}

    def histogram(self, name: str, /, *, exponent: int, within: Histogram | None = None) -> Histogram:
        """The Histogram of a column of numbers, of all rows or of those in the cells of `within`."""
        rows = self._engine.table.select(x=self._of.finite(name))
        rows = rows.filter(rows.x.notnull())
        if within is not None:
            rows = rows.filter(_cell(rows.x, within.exponent).isin(within.cells.tolist()))
        found = self._run(rows.group_by(cell=_cell(rows.x, exponent)).agg(rows=rows.count()))
        cells = found["cell"].to_numpy().astype(np.int64)
        order = np.argsort(cells)
        return Histogram(exponent, cells[order], found["rows"].to_numpy().astype(np.int64)[order])

    def units(self, name: str, /) -> int:
        """Number of distinct values of a column, each missing value one of its own."""
        known = self._of.known(name)
        query = self._engine.table.aggregate(some=known.nunique(), missing=known.isnull().cast("int32").sum())
        row = self._run(query).to_pylist()[0]
        return int(row["some"]) + int(row["missing"] or 0)

    # -- counting and reading ----------------------------------------------------------------------

    def count(self, scan: Scan, outcomes: Outcomes, /) -> Counts:
        """The Counts of one pass over the rows."""
        from assay.data.rows.sql.scan import count

        return count(self._engine, self._of, scan, outcomes)

    def stream(self, names: Sequence[str], /, *, size: int) -> Iterator[Any]:
        """The named columns as pyarrow Tables of at most `size` rows."""
        query = self._engine.table.select(*[self._of.raw(name) for name in names])
        for batch in self._engine.batches(query, size=size):
            yield batch.rename_columns(list(names))

    def identities(self) -> tuple[Mapping[str, Any], ...]:
        """What the rows were read from."""
        return self._engine.identities()


def _cell(number: Any, exponent: int) -> Any:
    return (number * exactly(2.0**exponent)).floor().cast("int64")
