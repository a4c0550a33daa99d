"""Tables in files, read in batches and written again without a change to what nobody asked to change."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError

ROWS = 4_096
"""Rows of a batch."""

WIDEST = 1 << 24
"""Characters of the longest cell of a CSV file."""

_SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class TableFile:
    """A file with its columns. `batches` gives pyarrow Tables in order, each with the share of the file that is done.

    The cells of a CSV file are texts as they stand there (an empty one is missing), so that 007 stays 007.
    """

    columns: tuple[str, ...]
    batches: Callable[[], Iterator[tuple[Any, float]]]
    separator: str = ","


def open_table(path: Path, /) -> TableFile:
    """The Parquet or CSV file at `path`, opened and its header read."""
    if not path.is_file():
        raise AssayError(f"There is no file {str(path)!r}.", code="file", hint="Check the path.")
    if path.suffix not in (".parquet", ".csv"):
        raise AssayError(f"{str(path)!r} is neither .parquet nor .csv.", code="file", hint="Convert it first.")
    return _open_parquet(path) if path.suffix == ".parquet" else _open_csv(path)


def _open_parquet(path: Path) -> TableFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise AssayError(f"{str(path)!r} cannot be read: {str(error).partition(chr(10))[0]}", code="file") from None
    _check_header(file.schema_arrow.names, path)

    def batches() -> Iterator[tuple[Any, float]]:
        done = 0
        for batch in file.iter_batches(batch_size=ROWS):
            done += batch.num_rows
            yield pa.Table.from_batches([batch]), done / max(1, file.metadata.num_rows)

    return TableFile(tuple(file.schema_arrow.names), batches)


def _open_csv(path: Path) -> TableFile:
    csv.field_size_limit(max(WIDEST, csv.field_size_limit()))
    try:
        with path.open("r", encoding="utf-8-sig", newline="") as stream:
            first = stream.readline(WIDEST)
            separator = max(_SEPARATORS, key=first.count)
            stream.seek(0)
            names = next(csv.reader(stream, delimiter=separator), [])
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    _check_header(names, path)
    return TableFile(tuple(names), lambda: _csv_batches(path, names, separator), separator)


def _csv_batches(path: Path, names: Sequence[str], separator: str) -> Iterator[tuple[Any, float]]:
    size, rows = max(1, path.stat().st_size), list[list[str]]()
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=separator, strict=True)
        try:
            next(reader)
            for row in reader:
                if not row and len(names) > 1:
                    continue  # a blank line
                cells = row or [""]
                if len(cells) != len(names):
                    words = f"{len(cells)} cells under {len(names)} columns"
                    raise AssayError(f"{path.name!r}, line {reader.line_num}: {words}.", code="file")
                rows.append(cells)
                if len(rows) == ROWS:
                    yield _texts(rows, names), min(1.0, raw.tell() / size)
                    rows = []
        except csv.Error as error:
            raise AssayError(f"{path.name!r}, line {reader.line_num}: {error}.", code="file") from None
        except UnicodeDecodeError:
            raise _not_utf8(path) from None
    if rows:
        yield _texts(rows, names), 1.0


def _texts(rows: Sequence[Sequence[str]], names: Sequence[str]) -> Any:
    import pyarrow as pa

    columns = zip(*rows, strict=True)
    cells = [pa.array([cell or None for cell in column], pa.string()) for column in columns]
    return pa.Table.from_arrays(cells, names=list(names))


@contextmanager
def new_file(path: Path, like: TableFile, /) -> Iterator[Callable[[Any], None]]:
    """Gives a function that writes one pyarrow Table after another; the file is there once all went well, or not at
    all. A file that is there is not overwritten. A separator of CSV is that of `like`.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise AssayError(f"{str(path)!r} is neither .parquet nor .csv.", code="output", hint="Name it out.parquet.")
    if path.exists():
        raise AssayError(f"The file {str(path)!r} is there already.", code="output", hint="Give another name.")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    write, close = _parquet_writer(part) if path.suffix == ".parquet" else _csv_writer(part, like)
    try:
        yield write
        close()
        part.rename(path)
    finally:
        close()
        part.unlink(missing_ok=True)


def _parquet_writer(path: Path) -> tuple[Callable[[Any], None], Callable[[], None]]:
    import pyarrow.parquet as pq

    open_writer: list[Any] = []

    def write(table: Any) -> None:
        if not open_writer:
            open_writer.append(_opened(path, lambda: pq.ParquetWriter(path, table.schema)))
        open_writer[0].write_table(table)

    def close() -> None:
        for writer in open_writer:
            writer.close()

    return write, close


def _csv_writer(path: Path, like: TableFile) -> tuple[Callable[[Any], None], Callable[[], None]]:
    stream = _opened(path, lambda: path.open("x", encoding="utf-8", newline=""))
    writer = csv.writer(stream, delimiter=like.separator, lineterminator="\r\n")
    writer.writerow(like.columns)

    def write(table: Any) -> None:
        writer.writerows(zip(*(as_texts(table, name) for name in table.column_names), strict=True))

    return write, stream.close


def _opened(path: Path, opens: Callable[[], Any]) -> Any:
    try:
        return opens()
    except OSError as error:
        raise AssayError(f"{str(path.parent)!r} cannot be written to: {error.strerror}.", code="output") from None


def as_texts(table: Any, name: str, /) -> list[str | None]:
    """The cells of a column of a pyarrow Table as texts, missing ones (NaN too) as None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    try:
        return [None if value is None else str(value) for value in column.cast(pa.string()).to_pylist()]
    except pa.ArrowException:
        raise AssayError(f"The cells of column {name!r} are no texts, numbers or dates.", code="type") from None


def with_texts(table: Any, made: dict[str, Iterable[str | None]], /) -> Any:
    """The pyarrow Table with the columns in `made` replaced by texts, in their places; metadata do not stay."""
    import pyarrow as pa

    table = table.replace_schema_metadata(None)
    for name, texts in made.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(list(texts), pa.string()))
    return table


def _check_header(names: Sequence[str], path: Path) -> None:
    if not names:
        raise AssayError(f"{str(path)!r} has no columns.", code="empty", hint="Give a file with a header and rows.")
    doubled = [name for place, name in enumerate(names) if name in names[:place]]
    if doubled:
        raise AssayError(f"{str(path)!r} has the column {doubled[0]!r} more than once.", code="column")


def _not_utf8(path: Path) -> AssayError:
    return AssayError(f"{str(path)!r} is not UTF-8.", code="encoding", hint="Save it as UTF-8.")
