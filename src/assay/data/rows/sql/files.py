"""Parquet and CSV files, found by path or glob, opened and checked; small ones are read into memory."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError
from assay.data.rows.frame import FrameRows
from assay.data.rows.protocol import Rows, check_names
from assay.data.rows.sql.delimited import open_csv
from assay.data.rows.sql.duck import ROWS, Create, DuckFiles, failed, listed
from assay.data.rows.sql.query import SqlRows

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
IN_MEMORY = 5_000_000
"""Up to so many values, files are read once and counted in memory."""


def open_files(pattern: str, /) -> Rows:
    """The rows of the file or files that `pattern` names; every way in which they are no data is an AssayError."""
    import pyarrow as pa

    files, source = find(pattern), repr(pattern)
    kinds = {_kind(file) for file in files}
    if len(kinds) > 1:
        raise AssayError(f"{source} matches both Parquet and CSV files.", code="file", hint="Give a glob for one kind.")
    (kind,) = kinds
    names, create = _parquet(files) if kind == "Parquet" else open_csv(files)
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
        scan = f"read_parquet({listed(files)}, hive_partitioning=false)"
        connection.execute(f"CREATE VIEW {ROWS} AS SELECT * FROM {scan} AS t({', '.join(columns)})")

    return names, create
