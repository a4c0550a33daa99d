"""Where the rows of a private audit are, opened without looking at them."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.data.rows.sql.delimited import header
from assay.data.rows.sql.duck import CONFIG, listed, quoted
from assay.data.rows.sql.files import CSV, PARQUET, find, sha256


@dataclass(frozen=True)
class Source:
    """Rows as the SQL that reads them, or as a pyarrow Table; `identities` are what a ledger knows them by."""

    reads: str
    identities: tuple[str, ...]
    table: Any = None


def files(data: str | Sequence[str], /) -> Source:
    """The Source of Parquet or CSV files, by path or glob. Every value of a CSV file is read as text.

    Lines of a CSV file that cannot be read are passed over: an error about them would tell of the data.
    """
    patterns = [data] if isinstance(data, str) else list(data)
    found = sorted({file for pattern in patterns for file in find(pattern)})
    if all(file.lower().endswith(PARQUET) for file in found):
        reads = f"read_parquet({listed(found)}, hive_partitioning=false)"
    elif all(file.lower().endswith(CSV) for file in found):
        headers = [_header(file) for file in found]
        if any(one != headers[0] for one in headers):
            raise AssayError("The files have different columns.", code="file", hint="Give files with the same header.")
        separator, *names = headers[0]
        columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
        reads = (
            f"read_csv({listed(found)}, header=true, auto_detect=false, columns={{{columns}}}, "
            f"delim={quoted(separator)}, quote='\"', escape='\"', null_padding=true, ignore_errors=true)"
        )
    else:
        raise AssayError(
            "The data are neither Parquet nor CSV files.", code="file", hint=f"Files end in {', '.join(PARQUET + CSV)}."
        )
    return Source(reads, tuple(dict.fromkeys(sha256(file) for file in found)))


def _header(file: str) -> list[str]:
    try:
        return header(file)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error):
        raise _unreadable() from None


def _unreadable() -> AssayError:
    return AssayError(
        "The data could not be counted.",
        code="private-data",
        hint="Nothing more is said, because it could tell of the data. `assay audit` without --epsilon says more.",
    )


@contextmanager
def opened(source: Source, columns: Sequence[str], /) -> Iterator[tuple[Any, dict[str, str]]]:
    """A connection on which the view `private_rows` is the source, and the SQL type of each of `columns`.

    Whatever goes wrong inside is one and the same AssayError: what DuckDB says of it may quote the data.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        connection = duckdb.connect(config={**CONFIG, "temp_directory": folder})
        try:
            yield connection, _types(connection, source, columns)
        except duckdb.Error:
            raise _unreadable() from None
        finally:
            connection.close()


def _types(connection: Any, source: Source, columns: Sequence[str]) -> dict[str, str]:
    """The view `private_rows`, made; a column that it lacks is an error that lists its columns."""
    if source.table is not None:
        connection.register("private_source", source.table)
    connection.execute(f"CREATE TEMP VIEW private_rows AS SELECT * FROM {source.reads}")
    types = {name: str(type) for name, type, *_ in connection.execute("DESCRIBE private_rows").fetchall()}
    for column in columns:
        if column not in types:
            raise unknown("column", column, types, code="column")
    return types
