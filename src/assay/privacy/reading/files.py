"""Parquet and CSV files of people's data, known by their names of columns and their SHA-256 alone."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError
from assay.data.rows.sql.delimited import separator_of
from assay.data.rows.sql.duck import listed
from assay.data.rows.sql.files import CSV, PARQUET, find, sha256
from assay.privacy.reading.lines import LONGEST, bytes_of, parted


@dataclass(frozen=True)
class PrivateFiles:
    """Files of one form: the `names` of their columns, and what separates the values of CSV files ("" for Parquet).

    Nothing but the headers was read.
    """

    paths: tuple[str, ...]
    names: tuple[str, ...]
    separator: str

    @property
    def parquet(self) -> bool:
        """True for Parquet, whose columns have declared types; the values of CSV are texts."""
        return not self.separator

    @property
    def reads(self) -> str:
        """The SQL of the rows; that of CSV files reads `lines_of` them, registered as private_lines."""
        if self.parquet:
            return f"read_parquet({listed(self.paths)}, hive_partitioning=false)"
        return parted(self.separator, self.names)

    @cached_property
    def identities(self) -> tuple[Mapping[str, Any], ...]:
        """What a ledger knows the files by."""
        kind = "Parquet file" if self.parquet else "CSV file"
        return tuple({"source": Path(path).name, "kind": kind, "sha256": sha256(path)} for path in self.paths)


def private_files(data: str | Sequence[str], /) -> PrivateFiles:
    """The PrivateFiles of paths or globs, sorted.

    An error where they have different columns, or where two are the same: then every row would count twice, and the
    noise would be for once.
    """
    patterns = [data] if isinstance(data, str) else list(data)
    paths = tuple(sorted({file for pattern in patterns for file in find(pattern)}))
    parquet = all(path.lower().endswith(PARQUET) for path in paths)
    if not parquet and not all(path.lower().endswith(CSV) for path in paths):
        raise AssayError(
            "The data are neither Parquet nor CSV files.", code="file", hint=f"Files end in {', '.join(PARQUET + CSV)}."
        )
    headers = [_columns(path) if parquet else _header(path) for path in paths]
    if any(one != headers[0] for one in headers):
        raise AssayError(
            "The files have different columns.", code="file", hint="Give files with the same names and types."
        )
    _check_different(paths)
    if parquet:
        return PrivateFiles(paths, tuple(name for name, _ in headers[0]), "")
    (_, separator), *names = headers[0]
    return PrivateFiles(paths, tuple(name for name, _ in names), separator)


@contextmanager
def quiet() -> Iterator[None]:
    """Whatever goes wrong inside is one and the same AssayError: what DuckDB says of it may quote the data."""
    import duckdb

    try:
        yield
    except (duckdb.Error, OSError, EOFError, zlib.error):
        raise _unreadable() from None


def _unreadable() -> AssayError:
    return AssayError(
        "The data could not be read.",
        code="private-data",
        hint="Check that the files are whole and in UTF-8. Nothing more is said, because it could tell of the data.",
    )


def _columns(path: str) -> list[tuple[str, str]]:
    """Names and types of the columns of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return [(field.name, str(field.type)) for field in pq.read_schema(path)]
    except (pa.ArrowException, OSError):
        raise _unreadable() from None


def _header(path: str) -> list[tuple[str, str]]:
    """The separator, and the names in the first line of a CSV file; nothing after it is read."""
    try:
        with bytes_of(path) as stream:
            first = stream.readline(LONGEST).decode("utf-8-sig")
        separator = separator_of(path, first)
        names = next(csv.reader([first], delimiter=separator, strict=True), [])
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error):
        raise _unreadable() from None
    if not names:
        raise _unreadable()
    return [("", separator), *((name, "") for name in names)]


def _check_different(paths: Sequence[str]) -> None:
    known: dict[str, str] = {}
    sizes = [Path(path).stat().st_size for path in paths]
    for path, size in zip(paths, sizes, strict=True):
        if sizes.count(size) == 1:
            continue
        first = known.setdefault(sha256(path), path)
        if first != path:
            raise AssayError(
                f"{path!r} is a copy of {first!r}: its rows would count twice.",
                code="file",
                hint="Give each file once.",
            )
