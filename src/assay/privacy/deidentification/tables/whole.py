"""A table or file with its identifiers replaced, or read again, and what may be said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError, Message, unknown
from assay.core.house import Progress
from assay.privacy.deidentification.deidentify import Pseudonymous, statement_of
from assay.privacy.deidentification.tables.files import (
    ROWS,
    TableFile,
    as_texts,
    new_file,
    open_table,
    with_texts,
)
from assay.privacy.deidentification.tables.reading import Reading
from assay.privacy.deidentification.tables.treatment import Treatments

Change = Callable[[Any, int], Any]
"""What is done to a batch (a pyarrow Table) whose first row has the stated number."""


@dataclass
class Replaced:
    """How many identifiers were replaced, by column and entity, in how many rows; and what nobody looked for."""

    rows: int = 0
    by_column: dict[str, Counter[str]] = field(default_factory=dict)
    not_found: tuple[str, ...] = ()

    def add(self, column: str, made: Pseudonymous, /) -> None:
        """Add a batch of one column."""
        self.by_column.setdefault(column, Counter()).update(made.replaced)
        self.not_found = self.not_found or made.not_found

    @property
    def statement(self) -> Message:
        """What may be said of the result: that it is pseudonymous."""
        return statement_of(sum(each.total() for each in self.by_column.values()), self.not_found)

    def to_json(self) -> dict[str, Any]:
        """Counts and statement as JSON types."""
        found = {column: dict(sorted(each.items())) for column, each in self.by_column.items()}
        return {"rows": self.rows, "replaced": found, "not_found": list(self.not_found), "says": self.statement.text()}


@dataclass(frozen=True, eq=False)
class Deidentified:
    """A pseudonymous `table` (pyarrow): other data, or who has the key, can still tell who the people are."""

    table: Any
    replaced: Replaced

    @property
    def statement(self) -> Message:
        """What may be said of the table."""
        return self.replaced.statement

    def write(self, path: str | Path, /) -> None:
        """Write the table to a new `.parquet` or `.csv` file; a file that is there is not overwritten."""
        with new_file(Path(path), TableFile(tuple(self.table.column_names), lambda: iter(()))) as write:
            write(self.table)


def deidentify_table(source: Any, /, *, by: Treatments, progress: Progress | None = None) -> Deidentified:
    """A frame, path or relation with its columns treated; columns that are not named stay as they are."""
    import pyarrow as pa

    file, replaced = _opened(source, by.read), Replaced()
    parts = list(_changed(file, _treating(by, replaced), task="deidentify", progress=progress))
    return Deidentified(pa.concat_tables(parts), replaced)


def deidentify_file(source: Path, out: Path, /, *, by: Treatments, progress: Progress | None = None) -> Replaced:
    """`out` is the file `source` with its columns treated, written batch by batch; no file where there is an error."""
    replaced = Replaced()
    file = _opened(source, by.read)
    with new_file(out, file) as write:
        for part in _changed(file, _treating(by, replaced), task="deidentify", progress=progress):
            write(part)
    return replaced


def reidentify_table(source: Any, /, *, columns: Sequence[Reading], progress: Progress | None = None) -> Any:
    """A frame, path or relation (as a pyarrow Table) with what the operators wrote in `columns` read again."""
    import pyarrow as pa

    file = _opened(source, [each.column for each in columns])
    return pa.concat_tables(_changed(file, _reading(columns), task="reidentify", progress=progress))


def reidentify_file(source: Path, out: Path, /, *, columns: Sequence[Reading], progress: Progress | None = None) -> int:
    """`out` is the file `source` with what the operators wrote in `columns` read again; the number of rows."""
    file, rows = _opened(source, [each.column for each in columns]), 0
    with new_file(out, file) as write:
        for part in _changed(file, _reading(columns), task="reidentify", progress=progress):
            write(part)
            rows += part.num_rows
    return rows


def _treating(by: Treatments, replaced: Replaced) -> Change:
    def change(table: Any, first: int) -> Any:
        made = by.apply({name: as_texts(table, name) for name in by.read})
        for column, each in made.items():
            replaced.add(column, each)
        replaced.rows += table.num_rows
        return with_texts(table, {column: each.texts for column, each in made.items()})

    return change


def _reading(columns: Sequence[Reading]) -> Change:
    def change(table: Any, first: int) -> Any:
        return with_texts(table, {each.column: each.read(as_texts(table, each.column), first) for each in columns})

    return change


def _opened(source: Any, columns: Iterable[str]) -> TableFile:
    file = open_table(Path(source)) if isinstance(source, str | Path) else _in_memory(source)
    for name in columns:
        if name not in file.columns:
            raise unknown("column", name, file.columns, code="column")
    return file


def _in_memory(source: Any) -> TableFile:
    from assay.data.rows.sources import open_rows

    rows = open_rows(source)

    def batches() -> Iterator[tuple[Any, float]]:
        done = 0
        for table in rows.stream(list(rows.columns), size=ROWS):
            done += table.num_rows
            yield table, done / max(1, rows.n)

    return TableFile(tuple(rows.columns), batches)


def _changed(file: TableFile, change: Change, *, task: str, progress: Progress | None) -> Iterator[Any]:
    """The batches, changed, with progress in thousandths; a file without rows is an error."""
    first = 0
    if progress:
        progress.started(task, total=1000)
    for table, done in file.batches():
        yield change(table, first)
        first += table.num_rows
        if progress:
            progress.advanced(task, done=int(1000 * done))
    if progress:
        progress.ended(task)
    if not first:
        raise AssayError("The table has no rows.", code="empty", hint="Give one with rows under its header.")
