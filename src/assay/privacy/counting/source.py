"""Where the rows of a private audit are, opened without looking at them."""

from __future__ import annotations

import csv
import gzip
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from assay.core.errors import AssayError, unknown
from assay.data.rows.sql.delimited import separator_of
from assay.data.rows.sql.duck import CONFIG, listed, quoted
from assay.data.rows.sql.files import CSV, PARQUET, find, sha256

LONGEST = 1 << 20
"""Bytes that the header of a CSV file may have."""
BLOCK = 1 << 22
"""Bytes of lines that are read at once."""


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
    """The Source of Parquet or CSV files, by path or glob. Every value of a CSV file is read as text.

    Each line of a CSV file is read by itself, and passed over where it is not as many well-formed values as the header
    names: a quote that is never closed must not swallow the lines of others, and an error about it would tell of the
    data. So a value with a line break in it is not read.
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
        return Source(_parted(separator, names), _digests(found), lines=tuple(found))
    else:
        raise AssayError(
            "The data are neither Parquet nor CSV files.", code="file", hint=f"Files end in {', '.join(PARQUET + CSV)}."
        )
    return Source(reads, _digests(found))


def _digests(found: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sha256(file) for file in found))


def _parted(separator: str, names: Sequence[str]) -> str:
    """The SQL of a table with the columns `names`, made of each of the private lines alone."""
    mark = {"\t": r"\t", "|": r"\|"}.get(separator, separator)
    split = f"string_split(line, {quoted(separator)})"
    value, simple = (f'(?:"(?:[^"{but}]|"")*"|[^"{mark}]*)' for but in ("", mark))
    parts = f"regexp_extract_all({quoted(separator)} || line, {quoted(f'{mark}({value})')}, 1)"
    ways = (
        f"WHEN NOT contains(line, '\"') OR {_made_of(simple, mark)} THEN {split}",
        f"WHEN {_made_of(value, mark)} THEN {parts}",  # right for all, and ten times as slow
    )
    columns = ", ".join(f"{_value(i + 1)} AS {named(name)}" for i, name in enumerate(names))
    found = f"SELECT CASE {' '.join(ways)} END AS parts FROM private_lines"
    return f"(SELECT {columns} FROM ({found}) WHERE len(parts) = {len(names)})"


def _made_of(value: str, mark: str) -> str:
    return f"regexp_full_match(line, {quoted(f'{value}(?:{mark}{value})*')})"


def _lines(files: Sequence[str]) -> Any:
    """A stream of the lines of all files but their headers; bytes that are no UTF-8 are replaced."""
    import pyarrow as pa

    schema = pa.schema([("line", pa.string())])

    def batches() -> Iterator[Any]:
        for file in files:
            with _bytes(file) as stream:
                stream.readline()
                while block := stream.readlines(BLOCK):
                    texts = [line.rstrip(b"\r\n").decode("utf-8", "replace") for line in block]
                    yield pa.record_batch([pa.array(texts, pa.string())], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _bytes(file: str) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(file, "rb")) if file.lower().endswith(".gz") else Path(file).open("rb")


def _value(place: int) -> str:
    part = f"parts[{place}]"
    unquoted = f"replace({part}[2:-2], '\"\"', '\"')"
    return f"CASE WHEN starts_with({part}, '\"') THEN {unquoted} ELSE {part} END"


def named(column: str, /) -> str:
    """The column as SQL has it."""
    return '"' + column.replace('"', '""') + '"'


def _header(file: str) -> list[str]:
    """The separator and the names in the first line of a CSV file; nothing after it is read."""
    try:
        with _bytes(file) as stream:
            first = stream.readline(LONGEST).decode("utf-8-sig")
        separator = separator_of(file, first)
        return [separator, *next(csv.reader([first], delimiter=separator), [])]
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
        except (duckdb.Error, OSError, EOFError, zlib.error):
            raise _unreadable() from None
        finally:
            connection.close()


def _types(connection: Any, source: Source, columns: Sequence[str]) -> dict[str, str]:
    """The view `private_rows`, made; a column that it lacks is an error that lists its columns."""
    if source.table is not None:
        connection.register("private_source", source.table)
    if source.lines:
        connection.register("private_lines", _lines(source.lines))
    connection.execute(f"CREATE TEMP VIEW private_rows AS SELECT * FROM {source.reads}")
    types = {name: str(type) for name, type, *_ in connection.execute("DESCRIBE private_rows").fetchall()}
    for column in columns:
        if column not in types:
            raise unknown("column", column, types, code="column")
    return types
