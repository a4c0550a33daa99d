"""Whatever a person hands over as data, opened as Rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError
from assay.data.rows.frame import FrameRows
from assay.data.rows.protocol import Rows, check_names


def open_rows(source: Any, /) -> Rows:
    """Rows of a path or glob, a DuckDB relation, an Ibis table, or a frame that narwhals takes."""
    if isinstance(source, str | Path):
        from assay.data.rows.sql.files import open_files

        return open_files(str(source))
    module = type(source).__module__.partition(".")[0]
    if type(source).__name__ == "DuckDBPyRelation":
        from assay.data.rows.sql.duck import DuckRelation
        from assay.data.rows.sql.query import SqlRows

        return _filled(SqlRows(DuckRelation(source)))
    if module == "ibis":
        from assay.data.rows.sql.query import SqlRows
        from assay.data.rows.sql.warehouse import Warehouse

        return _filled(SqlRows(Warehouse(source)))
    return _filled(_frame(source))


def settle(rows: Rows, more: Mapping[str, Any], /) -> Rows:
    """The same rows in a fixed order with the pyarrow arrays `more` as further columns: in memory if they are there."""
    if isinstance(rows, FrameRows):
        return rows.with_columns(more)
    from assay.data.rows.sql.settle import settled

    return settled(rows, more)


def where(rows: Rows, name: str, mark: str, yes: Sequence[Any], /) -> Rows:
    """The same rows with the column `name` missing wherever `mark` has none of the values `yes`."""
    if isinstance(rows, FrameRows):
        return rows.where(name, mark, yes)
    from assay.data.rows.sql.query import SqlRows

    assert isinstance(rows, SqlRows), type(rows)
    return rows.where(name, mark, yes)


def _filled(rows: Rows) -> Rows:
    if rows.n == 0:
        raise AssayError("The data have no rows.", code="empty", hint="Give a frame or table with rows.")
    return rows


def _frame(source: Any) -> Rows:
    """Columns become pyarrow arrays when they are first asked for."""
    import narwhals as nw
    import pyarrow as pa

    # narwhals has words of its own for doubled names, and asks lazy frames for theirs at a price.
    if type(source).__module__.partition(".")[0] in ("pandas", "pyarrow"):
        given = source.column_names if isinstance(source, pa.Table) else source.columns
        check_names([str(name) for name in given], "The frame")
    try:
        frame = nw.from_native(source)
    except TypeError:
        kind = f"{type(source).__module__}.{type(source).__name__}"
        raise AssayError(
            f"Data of type {kind} cannot be read.",
            code="source",
            hint="Give a pandas, polars or pyarrow frame, a Parquet or CSV path, a DuckDB relation or an Ibis table.",
        ) from None
    eager: nw.DataFrame[Any] = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    names = [str(name) for name in eager.columns]
    check_names(names, "The frame")
    kind = f"{eager.implementation.value} frame"
    columns: Mapping[str, Callable[[], Any]] = {name: _column(eager, i, name) for i, name in enumerate(names)}

    def identities() -> tuple[Mapping[str, Any], ...]:
        return ({"source": "memory", "kind": kind, "digest": "not digested"},)

    return FrameRows(columns, len(eager), identities=identities)


def _column(frame: Any, place: int, name: str) -> Callable[[], Any]:
    def read() -> Any:
        import pyarrow as pa

        try:
            return pa.chunked_array([frame[:, place].to_arrow()])
        except (pa.ArrowException, TypeError, ValueError) as error:
            words = str(error).partition("\n")[0]
            raise AssayError(
                f"Column {name!r} has values that are of no one type: {words}",
                code="type",
                hint="Make the column text, numbers, booleans or times throughout.",
            ) from None

    return read
