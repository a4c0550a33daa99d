"""Columns of a table file sealed under the keys of the subjects of its rows, and opened again.

The other columns stay as they are, and nothing vouches for them but the column of the subjects, which every sealed cell
is bound to. Sealed cells are bound to their row: a table is opened as a whole, before rows are chosen or sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.privacy.atrest.values import ArrowForm, Form, TextForm
from assay.privacy.deidentification.tables.files import TableFile, as_texts, new_file, open_table
from assay.seal.atrest.cells import CellCipher, SealedColumn, new_table, table_of
from assay.seal.atrest.files import require_free
from assay.seal.atrest.subject_keys import SubjectKeys


@dataclass(frozen=True, slots=True)
class Whose:
    """Whom the rows are about: the texts in `column`, or in all rows the subject `one`."""

    column: str | None = None
    one: str | None = None

    def __post_init__(self) -> None:
        if (self.column is None) == (not self.one):
            raise AssayError(
                "Sealed columns need one subject for all rows, or the column of the subjects.",
                code="subject",
                hint="Like --subject-column person_id.",
            )

    def of(self, table: Any, /) -> list[str]:
        """The subject of each row of a pyarrow Table; a row without one is an error."""
        if self.column is None:
            return [self.one or ""] * table.num_rows
        found = as_texts(table, self.column)
        if not all(found):
            raise AssayError(f"A cell of {self.column!r} is empty: a row must say whom it is about.", code="subject")
        return [text or "" for text in found]


@dataclass(frozen=True, slots=True)
class Sealing:
    """What was done: rows, different subjects, keys that were made for it, cells that nobody can read any more."""

    rows: int
    subjects: int
    made: int = 0
    shredded: int = 0


def seal_columns(
    source: Path, out: Path, /, *, columns: Sequence[str], whose: Whose, keys: SubjectKeys, progress: Progress
) -> Sealing:
    """`out` is the Parquet or CSV file `source` with the cells of `columns` sealed; subjects without a key get one.

    `out` is of the form of `source`. A row of a subject whose key was shredded is an error.
    """
    file = _opened(source, out, columns, whose)
    forms = [_form(source, file, name) for name in columns]
    seen = _survey(file, whose)
    made, table = keys.add(seen.subjects), new_table()
    ciphers = _ciphers(forms, dict.fromkeys(columns, table), seen.rows, keys, keys.keys_of(seen.subjects))

    def change(batch: Any, start: int, names: Sequence[str]) -> Any:
        for form in forms:
            place = batch.column_names.index(form.name)
            cells = ciphers[form.name].seal(form.values(batch.column(place)), names, start=start)
            batch = batch.set_column(place, form.sealed_field, form.sealed(cells))
        return batch

    _rewrite(file, out, change, whose, seen.rows, task="encrypt", progress=progress)
    return Sealing(seen.rows, len(seen.subjects), made=made)


def open_columns(
    source: Path, out: Path, /, *, columns: Sequence[str], whose: Whose, keys: SubjectKeys, progress: Progress
) -> Sealing:
    """`out` is the file `source` with the sealed cells of `columns` readable again; no file where any was changed.

    The cells of subjects whose keys were shredded are missing values, and are counted; that they are the cells that
    were sealed for those subjects is checked too.
    """
    file = _opened(source, out, columns, whose)
    forms = [_form(source, file, name, sealed=True) for name in columns]
    seen = _survey(file, whose, forms)
    held = keys.keys_of(seen.subjects)
    ciphers = _ciphers(forms, seen.tables, seen.rows, keys, held)
    shredded = 0

    def change(batch: Any, start: int, names: Sequence[str]) -> Any:
        nonlocal shredded
        for form in forms:
            place = batch.column_names.index(form.name)
            values = ciphers[form.name].open(form.unsealed(batch.column(place)), names, start=start)
            batch = batch.set_column(place, form.field, form.restored(values))
        shredded += len(forms) * sum(held[name] is None for name in names)
        return batch

    _rewrite(file, out, change, whose, seen.rows, task="decrypt", progress=progress)
    return Sealing(seen.rows, len(seen.subjects), shredded=shredded)


def _opened(source: Path, out: Path, columns: Sequence[str], whose: Whose) -> TableFile:
    """The file, once it is known that all columns are there and that nothing stands in the way of writing."""
    try:
        file = open_table(source)
    except UnicodeDecodeError:
        raise _unreadable() from None
    for name in (*columns, *([whose.column] if whose.column else ())):
        if name not in file.columns:
            raise unknown("column", name, file.columns, code="column")
    if len(set(columns)) != len(columns) or whose.column in columns:
        raise AssayError(
            "A column is named twice, or is also the column of the subjects.",
            code="column",
            hint="Replace the subjects by tokens where they must not be seen: assay privacy deidentify",
        )
    if out.suffix != source.suffix:
        raise AssayError(f"{out} has another form than {source}.", code="output", hint=f"Name it *{source.suffix}.")
    require_free(out)
    return file


def _form(source: Path, file: TableFile, name: str, *, sealed: bool = False) -> Form:
    if source.suffix == ".csv":
        return TextForm(name)
    first = next(_tables(file), None)
    if first is None:
        raise AssayError("The table has no rows.", code="empty", hint="Give one with rows under its header.")
    field = first.schema.field(name)
    return ArrowForm.of_sealed(field) if sealed else ArrowForm.of(field)


@dataclass(frozen=True, slots=True)
class _Survey:
    """A file looked through once: rows, subjects, and the sealed table that each sealed column says it is from."""

    rows: int
    subjects: Mapping[str, None]
    tables: Mapping[str, bytes]


def _survey(file: TableFile, whose: Whose, sealed: Sequence[Form] = ()) -> _Survey:
    rows, subjects, tables = 0, dict[str, None](), dict[str, bytes]()
    for batch in _tables(file):
        if not rows:
            tables = {form.name: table_of(form.unsealed(batch.column(form.name))[0], name=form.name) for form in sealed}
        rows += batch.num_rows
        subjects |= dict.fromkeys(whose.of(batch))
    if not rows:
        raise AssayError("The table has no rows.", code="empty", hint="Give one with rows under its header.")
    return _Survey(rows, subjects, tables)


def _ciphers(
    forms: Sequence[Form],
    tables: Mapping[str, bytes],
    rows: int,
    keys: SubjectKeys,
    held: Mapping[str, bytes | None],
) -> dict[str, CellCipher]:
    columns = {form.name: SealedColumn(tables[form.name], form.name, form.kind, rows) for form in forms}
    return {name: CellCipher(column, held, vouching=keys.vouching()) for name, column in columns.items()}


def _rewrite(
    file: TableFile, out: Path, change: Any, whose: Whose, rows: int, *, task: str, progress: Progress
) -> None:
    """`out` holds every batch, changed; an error where the file is no longer the one that was looked through."""
    start = 0
    progress.started(task, total=rows)
    with new_file(out, file) as write:
        for batch in _tables(file):
            if start + batch.num_rows > rows:
                break
            write(change(batch, start, whose.of(batch)))
            start += batch.num_rows
            progress.advanced(task, done=start)
        if start != rows:
            raise AssayError("The file was changed while it was read.", code="file", hint="Try again.")
    progress.ended(task)


def _tables(file: TableFile) -> Iterator[Any]:
    """The batches, each found sound; one error for every way in which bytes of a file can be damaged."""
    import pyarrow as pa

    try:
        for batch, _ in file.batches():
            batch.validate(full=True)
            yield batch
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise _unreadable() from None


def _unreadable() -> AssayError:
    return AssayError("The file is damaged: its rows cannot be read.", code="file", hint="Restore it from a copy.")
