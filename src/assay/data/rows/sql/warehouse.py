"""An Ibis table on any backend as the engine: Spark, PostgreSQL, a warehouse."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from assay.core.errors import AssayError
from assay.data.rows.columns import Column
from assay.data.rows.protocol import check_names

WIDE = ("duckdb", "postgres")
"""Backends whose sum of 64-bit integers has more than 64 bits."""


class Warehouse:
    """The rows of an Ibis table; its columns are renamed by position, so that "Age" and "age" stay two."""

    ordered = False

    def __init__(self, table: Any, /) -> None:
        names = list(table.columns)
        check_names(names, "The table")
        self._backend = table.get_backend()
        self._spark = getattr(self._backend, "_session", None) if self._backend.name == "pyspark" else None
        self._lock = threading.RLock()
        self._colliding = len({name.lower() for name in names}) < len(names)
        named = type(table.op()).__name__ in ("DatabaseTable", "UnboundTable")
        self._name: str = table.get_name() if named else "query"
        self._kind = "table" if named else "query"
        self.wide_sums = self._backend.name in WIDE
        self.columns: Mapping[str, Column] = {name: _column(name, type) for name, type in table.schema().items()}
        self.table = table.rename({f"c{i}": name for i, name in enumerate(names)})
        uuids = {name: self.table[name].cast("string") for name, type in self.table.schema().items() if type.is_uuid()}
        self.table = self.table.mutate(**uuids) if uuids else self.table
        self._check_comparison()

    def _check_comparison(self) -> None:
        """Refuse an engine whose comparison of texts makes one group of two."""
        import ibis

        pairs = (("a", "A"), ("a", "a "), ("e", "é"))
        answers = {f"same{i}": ibis.literal(a) == ibis.literal(b) for i, (a, b) in enumerate(pairs)}
        row = self.run(self.table.limit(1).select(**answers)).to_pylist()
        if row and any(row[0].values()):
            raise AssayError(
                f"This {self._backend.name} database holds texts for equal that differ in case, accent or spaces.",
                code="collation",
                hint="Use a binary collation, or export the table to Parquet.",
            )

    @contextmanager
    def _case_sensitive(self) -> Iterator[None]:
        """Spark tells "Age" from "age" only when told to."""
        if self._spark is None or not self._colliding:
            yield
            return
        before = self._spark.conf.get("spark.sql.caseSensitive")
        self._spark.conf.set("spark.sql.caseSensitive", "true")
        try:
            yield
        finally:
            self._spark.conf.set("spark.sql.caseSensitive", before)

    def run(self, query: Any, /) -> Any:
        """The result of an Ibis table expression, as a pyarrow Table."""
        with self._lock, self._case_sensitive():
            if self._spark is not None:
                # Ibis goes through pandas, which makes doubles of integers beside missing values.
                return self._spark.sql(self._backend.compile(query)).toArrow()
            return self._backend.to_pyarrow(query)

    def batches(self, query: Any, /, *, size: int) -> Iterator[Any]:
        """The same in parts, as pyarrow Tables."""
        import pyarrow as pa

        if self._spark is not None or self._backend.name == "duckdb":  # no reader that outlives the next query
            table = self.run(query)
            yield from (table.slice(start, size) for start in range(0, table.num_rows, size))
            return
        with self._lock:
            for batch in self._backend.to_pyarrow_batches(query, chunk_size=size):
                yield pa.Table.from_batches([batch])

    def lookup(self, edges: tuple[float, ...], /) -> None:
        """None: nothing is left behind in a database of others."""

    def identities(self) -> tuple[Mapping[str, Any], ...]:
        """The table by name; its content is not digested. What was made of tables is none of them, but a query."""
        return ({"source": self._name, "kind": f"{self._backend.name} {self._kind}", "digest": "not digested"},)


def _column(name: str, type: Any) -> Column:
    if type.is_string() or type.is_null() or type.is_uuid():
        return Column(name, "text", str(type))
    if type.is_boolean():
        return Column(name, "boolean", str(type))
    if type.is_integer():
        return Column(name, "number", str(type))
    if type.is_floating():
        return Column(name, "number", str(type), "binary")
    if type.is_decimal():
        return Column(name, "number", str(type), "decimal")
    if type.is_date() or type.is_timestamp() or type.is_time():
        return Column(name, "time", str(type))
    return Column(name, "other", str(type))
