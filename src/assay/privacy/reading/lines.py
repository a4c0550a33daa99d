"""The lines of CSV files, each read by itself.

A line is passed over where it is not as many well-formed values as the header names: a quote that is never closed must
not swallow the lines of others, and an error about it would tell of the data. So a value with a line break in it is not
read.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from assay.data.rows.sql.duck import quoted

LONGEST = 1 << 20
"""Bytes that the header of a CSV file may have."""
BLOCK = 1 << 22
"""Bytes of lines that are read at once."""


def lines_of(paths: Sequence[str], /) -> Any:
    """A stream of the lines of all files but their headers, as Arrow; bytes that are no UTF-8 are replaced."""
    import pyarrow as pa

    schema = pa.schema([("line", pa.string())])

    def batches() -> Iterator[Any]:
        for path in paths:
            with bytes_of(path) as stream:
                stream.readline()
                while block := stream.readlines(BLOCK):
                    texts = [line.rstrip(b"\r\n").decode("utf-8", "replace") for line in block]
                    yield pa.record_batch([pa.array(texts, pa.string())], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def bytes_of(path: str, /) -> IO[bytes]:
    """A file opened to be read, unpacked where its name says .gz."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.lower().endswith(".gz") else Path(path).open("rb")


def parted(separator: str, names: Sequence[str], /) -> str:
    """The SQL of a table with the columns `names`, all texts, made of each of `private_lines` alone."""
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


def named(column: str, /) -> str:
    """The column as SQL has it."""
    return '"' + column.replace('"', '""') + '"'


def _made_of(value: str, mark: str) -> str:
    return f"regexp_full_match(line, {quoted(f'{value}(?:{mark}{value})*')})"


def _value(place: int) -> str:
    part = f"parts[{place}]"
    unquoted = f"replace({part}[2:-2], '\"\"', '\"')"
    return f"CASE WHEN starts_with({part}, '\"') THEN {unquoted} ELSE {part} END"
