"""Parquet and CSV files, found by path or glob, opened and checked; small ones are read into memory."""

from __future__ import annotations

import codecs
import csv
import glob
import gzip
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from assay.core.errors import AssayError
from assay.data.rows.frame import FrameRows
from assay.data.rows.protocol import Rows, check_names
from assay.data.rows.sql.duck import ROWS, DuckFiles, failed, quoted
from assay.data.rows.sql.query import SqlRows

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
TYPES = ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "VARCHAR")
"""Kinds looked for in CSV. No booleans: DuckDB would read the group "F" as false."""
IN_MEMORY = 5_000_000
"""Up to so many values, files are read once and counted in memory."""

Create = Callable[[Any, Sequence[str]], None]


def open_files(pattern: str, /) -> Rows:
    """The rows of the file or files that `pattern` names; every way in which they are no data is an AssayError."""
    import pyarrow as pa

    files, source = find(pattern), repr(pattern)
    kinds = {_kind(file) for file in files}
    if len(kinds) > 1:
        raise AssayError(f"{source} matches both Parquet and CSV files.", code="file", hint="Give a glob for one kind.")
    (kind,) = kinds
    names, create = _parquet(files) if kind == "Parquet" else _csv(files)
    check_names(names, source)

    @cache
    def identities() -> tuple[Mapping[str, Any], ...]:
        return tuple({"source": Path(f).name, "kind": f"{kind} file", "sha256": sha256(f)} for f in files)

    rows = SqlRows(DuckFiles(create, names, source=source, identities=identities, on_disk=kind == "CSV"))
    if rows.n == 0:
        raise AssayError(f"{source} has no rows.", code="empty", hint="Give a file with rows under its header.")
    if rows.n * len(names) > IN_MEMORY:
        return rows
    return FrameRows.of_table(pa.concat_tables(rows.stream(names, size=rows.n)), identities=identities)


def find(pattern: str, /) -> list[str]:
    """The files that a path or glob names, sorted."""
    if "://" in pattern:
        raise AssayError(
            f"{pattern!r} is an address, and assay reads no data from the network.",
            code="file",
            hint="Download the file, or open it with DuckDB or Ibis and give the relation or table.",
        )
    if Path(pattern).is_file():
        return [pattern]
    if Path(pattern).is_dir():
        raise AssayError(
            f"{pattern!r} is a folder.", code="file", hint=f"Give a glob such as {pattern.rstrip('/')}/*.parquet."
        )
    # Path.glob takes no absolute patterns.
    found = sorted(file for file in glob.glob(pattern, recursive=True) if Path(file).is_file())  # noqa: PTH207
    if not found:
        what = "No file matches" if glob.has_magic(pattern) else "There is no file"
        raise AssayError(f"{what} {pattern!r}.", code="file", hint="Check the path.")
    return found


def _kind(file: str) -> str:
    if file.lower().endswith(PARQUET):
        return "Parquet"
    if file.lower().endswith(CSV):
        return "CSV"
    known = ", ".join((*PARQUET, *CSV))
    raise AssayError(f"{file!r} is of no known kind.", code="file", hint=f"Files end in one of: {known}.")


def sha256(file: str, /) -> str:
    """`sha256:` and the hexadecimal digest of a file, read in parts."""
    with Path(file).open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def _list(files: Sequence[str]) -> str:
    return "[" + ", ".join(quoted(file) for file in files) + "]"


def _parquet(files: Sequence[str]) -> tuple[list[str], Create]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file in files:
        try:
            names = list(pq.read_schema(file).names)
        except (pa.ArrowException, OSError) as error:
            raise failed(repr(file), error) from None
    names = list(pq.read_schema(files[0]).names)

    def create(connection: Any, columns: Sequence[str]) -> None:
        scan = f"read_parquet({_list(files)}, hive_partitioning=false)"
        connection.execute(f"CREATE VIEW {ROWS} AS SELECT * FROM {scan} AS t({', '.join(columns)})")

    return names, create


def _csv(files: Sequence[str]) -> tuple[list[str], Create]:
    for file in files:
        _check_utf8(file)
    headers = [_header(file) for file in files]
    other = next((f for f, (names, _) in zip(files, headers, strict=True) if names != headers[0][0]), None)
    if other is not None:
        raise AssayError(
            f"{other!r} has other columns than {files[0]!r}.", code="file", hint="Give files with the same header."
        )
    names, dialect = headers[0]

    def create(connection: Any, columns: Sequence[str]) -> None:
        given = ", ".join(quoted(name) for name in columns)
        types = ", ".join(quoted(name) for name in TYPES)
        options = (
            f"header=true, names=[{given}], auto_type_candidates=[{types}], sample_size=-1, "
            f"delim={quoted(dialect.delimiter)}, quote={quoted(dialect.quotechar or '')}"
        )
        connection.execute(f"CREATE TABLE {ROWS} AS SELECT * FROM read_csv({_list(files)}, {options})")

    return names, create


def _open(file: str) -> IO[bytes]:
    return gzip.open(file, "rb") if file.lower().endswith(".gz") else Path(file).open("rb")  # type: ignore[return-value]


def _check_utf8(file: str) -> None:
    """Raise where a file is empty or not UTF-8, with the line of the first bad byte."""
    decode, lines, size = codecs.getincrementaldecoder("utf-8")().decode, 1, 0
    try:
        with _open(file) as stream:
            while block := stream.read(1 << 22):
                size += len(block)
                decode(block)
                lines += block.count(b"\n")
            decode(b"", final=True)
    except UnicodeDecodeError as error:
        line = lines + error.object[: error.start].count(b"\n")
        raise AssayError(
            f"{file!r} is not UTF-8: line {line} has the byte 0x{error.object[error.start]:02x}.",
            code="encoding",
            hint=f"Save it as UTF-8, for example: iconv -f latin1 -t utf-8 {file} > utf8.csv",
        ) from None
    except (OSError, EOFError) as error:
        raise failed(repr(file), error) from None
    if size == 0:
        raise AssayError(f"{file!r} is empty.", code="empty", hint="Give a file with a header and rows.")


def _header(file: str) -> tuple[list[str], type[csv.Dialect] | csv.Dialect]:
    """The names in the first row as they are written, and how the file separates and quotes."""
    with io.TextIOWrapper(_open(file), encoding="utf-8-sig", newline="") as stream:
        sample = stream.read(1 << 16)
    dialect: type[csv.Dialect] = csv.excel_tab if ".tsv" in file.lower() else csv.excel
    first = sample.splitlines()[0] if sample.strip() else ""
    if dialect is csv.excel:
        counts = {mark: first.count(mark) for mark in (",", ";", "\t", "|")}
        dialect = type("Dialect", (csv.excel,), {"delimiter": max(counts, key=lambda mark: counts[mark])})
    names = next(csv.reader(io.StringIO(sample), dialect), [])
    return [name or f"column{i}" for i, name in enumerate(names)], dialect
