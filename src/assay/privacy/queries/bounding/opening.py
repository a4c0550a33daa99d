"""Data opened so that nothing of their values shows: not in an error, not in the type of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.data.rows.columns import Column


@dataclass(frozen=True)
class Opened:
    """A table in an SQL engine, its columns, and what a ledger knows it by.

    `as_text` names columns that were read as text because looking for the kind of their values would have shown them:
    there a text that is no number is a missing one.
    """

    engine: Any
    as_text: frozenset[str]

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        found: Mapping[str, Column] = self.engine.columns
        return found

    def identities(self) -> tuple[Mapping[str, Any], ...]:
        """What the rows were read from."""
        found: tuple[Mapping[str, Any], ...] = self.engine.identities()
        return found

    def column(self, name: str, /) -> Column:
        """The column `name`, or an error that lists the known: names of columns are public."""
        if name not in self.columns:
            raise unknown("column", name, self.columns, code="column")
        return self.columns[name]

    def raw(self, name: str, /) -> Any:
        """The column as an Ibis expression, missing where NULL or NaN."""
        return self._expressions().known(self.column(name).name)

    def number(self, name: str, /) -> Any:
        """The column as doubles, missing where NULL, NaN or no number; infinities stay."""
        from assay.data.rows.sql.expressions import absent, case

        self.column(name)
        if name not in self.as_text:
            return self._expressions().number(name)
        value = self._expressions().raw(name).try_cast("float64")
        return case((value.isnan(), absent("float64")), otherwise=value)

    def run(self, query: Any, /) -> Any:
        """The result of an Ibis table expression as a pyarrow Table; an engine's own words are not passed on."""
        try:
            return self.engine.run(query)
        except AssayError:
            raise AssayError(
                "The data could not be read to the end.",
                code="file",
                hint="Check that the file is whole; the engine's own message is kept back, because it may show values.",
            ) from None

    def _expressions(self) -> Any:
        from assay.data.rows.sql.expressions import Expressions

        return Expressions(self.engine.table, self.engine.columns)


def open_private(source: Any, /, *, columns: Sequence[str]) -> Opened:
    """A path or glob of Parquet or CSV files, a frame, a DuckDB relation or an Ibis table, with the named columns.

    What is public of them: the names of columns, and the types that a Parquet file, a frame or a table declares. CSV
    files and columns of Python objects are read as texts; a line of a CSV file that is not as many values as the header
    names is left out without a word.
    """
    if isinstance(source, str | Path):
        opened = _files(str(source), columns)
    elif type(source).__name__ == "DuckDBPyRelation":
        from assay.data.rows.sql.duck import DuckRelation

        opened = Opened(DuckRelation(source), frozenset())
    elif type(source).__module__.partition(".")[0] == "ibis":
        from assay.data.rows.sql.warehouse import Warehouse

        opened = Opened(Warehouse(source), frozenset())
    else:
        opened = _frame(source, columns)
    for name in columns:
        opened.column(name)
    return opened


def _files(pattern: str, columns: Sequence[str]) -> Opened:
    from assay.privacy.reading.engine import engine_of
    from assay.privacy.reading.files import private_files

    files = private_files(pattern)
    engine = engine_of(files, source=repr(pattern), columns=columns, ordered=False)
    return Opened(engine, frozenset() if files.parquet else frozenset(engine.columns))


def _frame(source: Any, columns: Sequence[str]) -> Opened:
    import narwhals as nw

    from assay.data.rows.protocol import check_names
    from assay.data.rows.sql.duck import ROWS, DuckFiles
    from assay.privacy.reading.engine import roomy

    module = type(source).__module__.partition(".")[0]
    if module in ("pandas", "pyarrow"):  # narwhals has words of its own for doubled names
        given = getattr(source, "columns" if module == "pandas" else "column_names", ())
        check_names([str(name) for name in given], "The frame")
    try:
        frame: Any = nw.from_native(source)
    except TypeError:
        raise AssayError(
            f"Data of type {type(source).__module__}.{type(source).__name__} cannot be read.",
            code="source",
            hint="Give a pandas, polars or pyarrow frame, a Parquet or CSV path, a DuckDB relation or an Ibis table.",
        ) from None
    known = frame.collect_schema().names()
    check_names(known, "The frame")
    for name in columns:
        if name not in known:
            raise unknown("column", name, known, code="column")
    wanted = list(dict.fromkeys(columns)) or list(known[:1])
    chosen = frame.select(wanted)
    eager = chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen
    mixed = frozenset(name for name in wanted if isinstance(eager.schema[name], nw.Object))
    table = _arrow_table(eager, wanted, mixed)

    def create(connection: Any, places: Sequence[str]) -> None:
        roomy(connection, ordered=False)
        connection.register("assay_given", table.rename_columns(list(places)))
        connection.execute(f"CREATE TABLE {ROWS} AS SELECT * FROM assay_given")
        connection.unregister("assay_given")

    def identities() -> tuple[Mapping[str, Any], ...]:
        return ({"source": "memory", "kind": f"{eager.implementation.value} frame", "digest": "not digested"},)

    return Opened(DuckFiles(create, wanted, source="The frame", identities=identities, on_disk=False), mixed)


def _arrow_table(frame: Any, names: Sequence[str], mixed: frozenset[str]) -> Any:
    """The columns as a pyarrow Table; those of Python objects as the texts of the objects."""
    import pyarrow as pa
    import pyarrow.types as t

    found = []
    for name in names:
        column = frame[name]
        if name in mixed:
            values = [None if value is None or value != value else str(value) for value in column.to_list()]
            found.append(pa.array(values, pa.string()))
        else:
            arrow = pa.chunked_array([column.to_arrow()])
            found.append(arrow.cast(arrow.type.value_type) if t.is_dictionary(arrow.type) else arrow)
    return pa.table(found, names=list(names))
