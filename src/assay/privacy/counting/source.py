"""Where the rows of a private audit are, opened without looking at them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from assay.core.errors import unknown
from assay.data.rows.sql.duck import CONFIG
from assay.privacy.reading.files import private_files, quiet
from assay.privacy.reading.lines import lines_of


@dataclass(frozen=True)
class Source:
    """Rows as the SQL that `reads` them; `identities` are what a ledger knows them by.

    The SQL reads files itself, or the pyarrow Table `table` as private_source, or the `lines` of CSV files as
    private_lines.
    """

    reads: str
    identities: tuple[str, ...]
    table: Any = None
    lines: tuple[str, ...] = ()


def files(data: str | Sequence[str], /) -> Source:
    """The Source of Parquet or CSV files, by path or glob. Every value of a CSV file is read as text."""
    found = private_files(data)
    identities = tuple(str(one["sha256"]) for one in found.identities)
    return Source(found.reads, identities, lines=() if found.parquet else found.paths)


@contextmanager
def opened(source: Source, columns: Sequence[str], /) -> Iterator[tuple[Any, dict[str, str]]]:
    """A connection on which the view `private_rows` is the source, and the SQL type of each of `columns`.

    Whatever goes wrong inside is one and the same AssayError: what DuckDB says of it may quote the data.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        connection = duckdb.connect(config={**CONFIG, "temp_directory": folder})
        try:
            with quiet():
                yield connection, _types(connection, source, columns)
        finally:
            connection.close()


def _types(connection: Any, source: Source, columns: Sequence[str]) -> dict[str, str]:
    """The view `private_rows`, made; a column that it lacks is an error that lists its columns."""
    if source.table is not None:
        connection.register("private_source", source.table)
    if source.lines:
        connection.register("private_lines", lines_of(source.lines))
    connection.execute(f"CREATE TEMP VIEW private_rows AS SELECT * FROM {source.reads}")
    types = {name: str(type) for name, type, *_ in connection.execute("DESCRIBE private_rows").fetchall()}
    for column in columns:
        if column not in types:
            raise unknown("column", column, types, code="column")
    return types
