"""CSV files: checked to be UTF-8 with one header, then loaded by DuckDB with types that lose nothing."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

from assay.core.errors import AssayError
from assay.data.rows.sql.duck import ROWS, Create, failed, listed, quoted

TYPES = ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "VARCHAR")
"""Kinds looked for in CSV. No booleans: DuckDB would read the group "F" as false."""
MISSING = ("NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?")
"""How missing numbers are written. In columns of text these are texts like others; there only nothing is missing."""
_SEPARATORS = (",", ";", "\t", "|")


def open_csv(files: Sequence[str], /) -> tuple[list[str], Create]:
    """Names of the columns, and how to load them; files with other headers, or not in UTF-8, are errors."""
    for file in files:
        _check_utf8(file)
    headers = [_header(file) for file in files]
    other = next((f for f, found in zip(files, headers, strict=True) if found != headers[0]), None)
    if other is not None:
        raise AssayError(
            f"{other!r} has other columns than {files[0]!r}.", code="file", hint="Give files with the same header."
        )
    separator, *names = headers[0]

    def create(connection: Any, columns: Sequence[str]) -> None:
        options = (
            f"header=true, names={listed(columns)}, auto_type_candidates={listed(TYPES)}, sample_size=-1, "
            f"delim={quoted(separator)}, quote='\"'"
        )
        connection.execute(f"CREATE TABLE assay_texts AS SELECT * FROM read_csv({listed(files)}, {options})")
        connection.execute(f"CREATE TABLE {ROWS} AS SELECT * {_numbers(connection)} FROM assay_texts")
        connection.execute("DROP TABLE assay_texts")

    return names, create


def _numbers(connection: Any) -> str:
    """The REPLACE clause that makes numbers of columns with nothing but numbers and MISSING."""
    described = connection.execute("DESCRIBE assay_texts").fetchall()
    texts = [name for name, type, *_ in described if type == "VARCHAR"]
    if not texts:
        return ""
    missing = ", ".join(quoted(text) for text in MISSING)
    number = "try_cast({0} AS DOUBLE)"
    asked = f"count({number}) > 0 AND count({{0}}) = count(CASE WHEN {{0}} IN ({missing}) THEN 1 ELSE {number} END)"
    found = connection.execute(f"SELECT {', '.join(asked.format(name) for name in texts)} FROM assay_texts").fetchone()
    numbers = [name for name, yes in zip(texts, found, strict=True) if yes]
    parts = [f"CASE WHEN {n} IN ({missing}) THEN NULL ELSE {number.format(n)} END AS {n}" for n in numbers]
    return f"REPLACE ({', '.join(parts)})" if parts else ""


def _open(file: str) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(file, "rb")) if file.lower().endswith(".gz") else Path(file).open("rb")


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


def separator_of(file: str, first: str, /) -> str:
    """What separates the values, by the name of the file and its first line."""
    tabs = file.lower().endswith((".tsv", ".tsv.gz"))
    return "\t" if tabs else max(_SEPARATORS, key=first.count)


def _header(file: str) -> list[str]:
    """What separates the values, and the names in the first row as they are written."""
    with io.TextIOWrapper(_open(file), encoding="utf-8-sig", newline="") as stream:
        first = stream.readline()
        separator = separator_of(file, first)
        stream.seek(0)
        names = next(csv.reader(stream, delimiter=separator), [])
    return [separator, *(name or f"column{i}" for i, name in enumerate(names))]
