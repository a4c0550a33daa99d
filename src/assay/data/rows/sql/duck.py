"""DuckDB as the engine: Parquet and CSV files on a connection of our own, or the connection of a relation."""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.data.rows.columns import Column, column_of
from assay.data.rows.sql.expressions import case, exactly

ROWS = "assay_rows"
Create = Callable[[Any, Sequence[str]], None]
"""Given a connection and column names c0, c1, …, makes the view or table ROWS with them."""
CONFIG: Mapping[str, str] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "memory_limit": "1GB",
}
"""No extension is fetched, no variable of the program becomes a table, and large sorts go to disk."""


def quoted(text: str, /) -> str:
    """A SQL text literal."""
    return "'" + text.replace("'", "''") + "'"


def listed(texts: Sequence[str], /) -> str:
    """A SQL list of text literals."""
    return "[" + ", ".join(quoted(text) for text in texts) + "]"


def failed(what: str, error: Exception, /) -> AssayError:
    """The error for something that DuckDB refused."""
    words = str(error).strip().partition("\n")[0]
    return AssayError(
        f"{what} could not be read: {words}", code="file", hint="Check that it is whole and of the kind its name says."
    )


@contextmanager
def reading(what: str, /) -> Iterator[None]:
    """What DuckDB refuses inside becomes an AssayError about `what`."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise failed(what, error) from None


def sql_of(query: Any, /) -> str:
    """The query in DuckDB's SQL."""
    import ibis

    return str(ibis.to_sql(query, dialect="duckdb", pretty=False))


@dataclass(frozen=True)
class Lookup:
    """A table in DuckDB with the bin of every cell of [0, 1], and of the cell -1 the bin NULL.

    Joining it is ten times as fast as 512 nested cases.
    """

    table: Any
    exponent: int
    split: bool
    """True when an edge lies within some cell, so that numbers are compared with it."""

    def cell(self, double: Any, /) -> Any:
        """The cell of a number in [0, 1]; -1 where it is missing (NULL, or NaN, which is no integer)."""
        import ibis

        return ibis.coalesce(_floor()(double * exactly(2.0**self.exponent)).try_cast("int32"), -1)

    def joined(self, stage: Any, cell: str, number: str, key: str, /) -> Any:
        """`stage` with the bin of `number`, whose cell is `cell`, as the column `key`."""
        both = stage.inner_join(self.table, stage[cell] == self.table.cell)
        found = both.bin + case((both[number] >= both.edge, 1), otherwise=0) if self.split else both.bin
        kept = [both[name] for name in stage.columns if name not in (cell, number)]
        return both.select(*kept, **{key: found})


@cache
def _floor() -> Any:
    """DuckDB's floor of a double as a double; that of Ibis is an integer, which NaN has none of."""
    import ibis

    def floor(number: float) -> float:
        """DuckDB has the body."""
        raise NotImplementedError

    return ibis.udf.scalar.builtin(floor, name="floor", signature=(("float64",), "float64"))


def lookup_cells(edges: Sequence[float], exponent: int, /) -> dict[str, Any] | None:
    """Cell, bin at its start, and the edge within it; None where some cell has two."""
    cells = np.arange(2**exponent + 1)
    low = np.searchsorted(edges, np.ldexp(cells.astype(float), -exponent), side="right")
    high = np.searchsorted(edges, np.ldexp(cells + 1.0, -exponent), side="left")
    if (high - low).max() > 1:
        return None
    inside = np.where(high > low, np.append(edges, np.inf)[low], np.inf)
    return {
        "cell": np.append(cells, -1).astype(np.int32),
        "bin": np.ma.array(np.append(low, 0).astype(np.int16), mask=np.append(np.zeros(len(low)), 1)),
        "edge": np.append(inside, np.inf),
    }


class DuckFiles:
    """A view or table of rows on a DuckDB connection that nobody else uses."""

    ordered = True
    wide_sums = True

    def __init__(
        self,
        create: Create,
        names: Sequence[str],
        /,
        *,
        source: str,
        identities: Callable[[], tuple[Mapping[str, Any], ...]],
        on_disk: bool,
    ) -> None:
        """`create` makes the view or table ROWS with columns c0, c1, …; a table is kept `on_disk`.

        `folder` is removed with this object.
        """
        import duckdb

        self.folder = Path(tempfile.mkdtemp(prefix="assay-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        path = str(self.folder / "rows.duckdb") if on_disk else ":memory:"
        self._connection = duckdb.connect(path, config={**CONFIG, "temp_directory": str(self.folder)})
        self._source, self._identities = source, identities
        self._lookups: dict[tuple[float, ...], Lookup | None] = {}
        self._lock = threading.Lock()
        with reading(source):
            create(self._connection, [f"c{i}" for i in range(len(names))])
            schema = self._connection.sql(f"SELECT * FROM {ROWS} LIMIT 0").to_arrow_table().schema
        if len(schema) != len(names):
            raise AssayError(
                f"{source} could not be read: there are rows of {len(schema)} values under {len(names)} names.",
                code="file",
                hint="Give every row as many values as the header has names.",
            )
        self.columns: Mapping[str, Column] = {
            name: column_of(name, field.type) for name, field in zip(names, schema, strict=True)
        }
        self.table = table_of(schema)

    def run(self, query: Any, /) -> Any:
        """The result of an Ibis table expression, as a pyarrow Table."""
        with reading(self._source):
            return self._relation(query).to_arrow_table()

    def _relation(self, query: Any) -> Any:
        # A cursor of its own, so that threads may read at the same time.
        return self._connection.cursor().sql(sql_of(query))

    def batches(self, query: Any, /, *, size: int) -> Iterator[Any]:
        """The same in parts, as pyarrow Tables."""
        import pyarrow as pa

        with reading(self._source):
            for batch in self._relation(query).to_arrow_reader(size):
                yield pa.Table.from_batches([batch])

    def lookup(self, edges: tuple[float, ...], /) -> Lookup | None:
        """A table of bins by cell, made once for each set of edges; None where they lie too close or outside [0, 1]."""
        with self._lock:
            if edges not in self._lookups:
                self._lookups[edges] = self._make_lookup(edges)
            return self._lookups[edges]

    def _make_lookup(self, edges: tuple[float, ...]) -> Lookup | None:
        import ibis
        import pyarrow as pa

        if not 0 <= edges[0] <= edges[-1] <= 1:
            return None
        made = ((exponent, lookup_cells(edges, exponent)) for exponent in (12, 16, 19))
        exponent, cells = next(((e, c) for e, c in made if c is not None), (0, None))
        if cells is None:
            return None
        name = f"assay_bins_{len(self._lookups)}"
        columns = pa.table({key: pa.array(value) for key, value in cells.items()})
        self._connection.register("assay_given", columns)
        self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM assay_given")
        self._connection.unregister("assay_given")
        table = ibis.table({"cell": "int32", "bin": "int16", "edge": "float64"}, name=name)
        return Lookup(table, exponent, split=bool(np.isfinite(cells["edge"]).any()))

    def identities(self) -> tuple[Mapping[str, Any], ...]:
        """The files by SHA-256."""
        return self._identities()


class DuckRelation:
    """A relation of somebody's DuckDB connection; queries run there and leave nothing behind."""

    ordered = False
    wide_sums = True

    def __init__(self, relation: Any, /) -> None:
        schema = relation.limit(0).to_arrow_table().schema
        self._relation = relation
        self._lock = threading.RLock()
        self.columns: Mapping[str, Column] = {field.name: column_of(field.name, field.type) for field in schema}
        self.table = table_of(schema)

    def run(self, query: Any, /) -> Any:
        """The result of an Ibis table expression, as a pyarrow Table."""
        names = ", ".join(self.table.columns)
        text = f"WITH {ROWS}({names}) AS (SELECT * FROM assay_relation) SELECT * FROM ({sql_of(query)})"
        with self._lock, reading("The DuckDB relation"):
            return self._relation.query("assay_relation", text).to_arrow_table()

    def batches(self, query: Any, /, *, size: int) -> Iterator[Any]:
        """The same in parts, as pyarrow Tables."""
        table = self.run(query)
        for start in range(0, table.num_rows, size):
            yield table.slice(start, size)

    def lookup(self, edges: tuple[float, ...], /) -> None:
        """None: nothing is left behind in a connection of others."""

    def identities(self) -> tuple[Mapping[str, Any], ...]:
        """A relation has no identity that lasts."""
        return ({"source": "relation", "kind": "DuckDB relation", "digest": "not digested"},)


def table_of(schema: Any, /) -> Any:
    """The unbound Ibis table ROWS with columns c0, c1, … of the types of a pyarrow schema."""
    import ibis

    return ibis.table({f"c{i}": _ibis_type(field.type) for i, field in enumerate(schema)}, name=ROWS)


def _ibis_type(type: Any) -> str:
    import pyarrow.types as t

    column = column_of("", type)
    if column.kind == "number":
        names = {"halffloat": "float16", "float": "float32", "double": "float64"}
        decimal = f"decimal({type.precision}, {type.scale})" if column.fraction == "decimal" else ""
        return decimal or names.get(str(type), str(type))
    if column.kind == "time":
        return "date" if t.is_date(type) else "time" if t.is_time(type) else "timestamp"
    return {"text": "string", "boolean": "boolean"}.get(column.kind, "binary")
