"""`assay privacy encrypt` and `decrypt`: whole files, or columns of a table, at rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError
from assay.core.house import House
from assay.core.part import Answer, command
from assay.privacy.atrest.columns import Sealing, Whose, open_columns, seal_columns
from assay.privacy.commands.keys import KEYS, SUBJECTS, open_subject_keys
from assay.privacy.deidentification.tables.treatment import open_keys
from assay.seal.atrest.files import open_file, require_free, seal_file, wrapped_key_of
from assay.seal.atrest.subject_source import handle_of
from assay.seal.key_sources import KeySource


@dataclass(frozen=True)
class Protected:
    """What was sealed or opened, and where it lies."""

    done: str
    sealing: Sealing | None
    out: str

    def text(self) -> str:
        """One line a fact."""
        lines = [f"{self.done}; wrote {self.out}"]
        if self.sealing is not None:
            lines[0] = f"{self.sealing.rows:,} rows of {self.sealing.subjects:,} subjects: {lines[0]}"
            if self.sealing.made:
                lines.append(f"Made {self.sealing.made:,} keys for subjects that had none.")
            if self.sealing.shredded:
                lines.append(f"{self.sealing.shredded:,} cells are missing: the keys of their subjects were shredded.")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The same as JSON types."""
        counts = None
        if self.sealing is not None:
            names = ("rows", "subjects", "made", "shredded")
            counts = {name: getattr(self.sealing, name) for name in names}
        return {"out": self.out, "table": counts}


@command(title="Encrypt a file, or columns of a table, at rest", needs_case=False)
def encrypt(
    house: House,
    /,
    *,
    in_: str,
    out: str,
    column: tuple[str, ...] = (),
    subject: str | None = None,
    subject_column: str | None = None,
    record: str | None = None,
    keys: str = KEYS,
    subjects: str = SUBJECTS,
) -> Answer:
    """Write IN to OUT encrypted. Any later change, cut or exchange of the result is found by `decrypt`.

    With `--column` the cells of these columns of a Parquet or CSV file are sealed one by one, each under the key of the
    subject of its row (`--subject-column person_id`; subjects without a key get one), so that `keys shred` erases one
    person from all copies of the table. The other columns stay readable and nothing vouches for them. Without
    `--column` the whole file is sealed, of any form and size: under the key of `--subject`, or, where none is named,
    under the key file itself. `--record ID` binds it to an id that must be told again to open it.

    `--keys` and `--subjects` are those of `assay privacy keys`.
    """
    if column:
        _require_no_record(record)
        store, whose = open_subject_keys(keys, subjects), Whose(subject_column, subject)
        done = seal_columns(Path(in_), Path(out), columns=column, whose=whose, keys=store, progress=house.progress)
        return Protected(f"sealed {', '.join(column)}", done, out)
    _require_column(subject_column)
    require_free(Path(out))
    source: KeySource = open_keys(keys)
    if not Path(in_).is_file():
        raise AssayError(f"There is no file {in_!r}.", code="file", hint="Check the path.")
    if subject:
        store = open_subject_keys(keys, subjects)
        store.add([subject])
        source = store.source(subject)
    seal_file(Path(in_), Path(out), record_id=record or "", keys=source, progress=house.progress)
    return Protected(f"sealed the file under {source.current}", None, out)


@command(title="Read what `encrypt` wrote", needs_case=False)
def decrypt(
    house: House,
    /,
    *,
    in_: str,
    out: str,
    column: tuple[str, ...] = (),
    subject: str | None = None,
    subject_column: str | None = None,
    record: str | None = None,
    keys: str = KEYS,
    subjects: str = SUBJECTS,
) -> Answer:
    """Write IN, which `encrypt` wrote, to OUT as it was; an error and no OUT where anything in it was changed.

    `--column`, `--subject`, `--subject-column` and `--record` are those of `encrypt`. The cells of subjects whose keys
    were shredded come out as missing, and are counted; a whole file of such a subject is an error.
    """
    if column:
        _require_no_record(record)
        store, whose = open_subject_keys(keys, subjects), Whose(subject_column, subject)
        done = open_columns(Path(in_), Path(out), columns=column, whose=whose, keys=store, progress=house.progress)
        return Protected(f"opened {', '.join(column)}", done, out)
    _require_column(subject_column)
    require_free(Path(out))
    key_id = wrapped_key_of(Path(in_)).key_id
    source: KeySource = open_keys(keys)
    if subject or handle_of(key_id) is not None:
        store = open_subject_keys(keys, subjects)
        source = store.source(subject) if subject else store.source_of(key_id)
    open_file(Path(in_), Path(out), record_id=record or "", keys=source, progress=house.progress)
    return Protected("opened the file", None, out)


def _require_no_record(record: str | None) -> None:
    if record is not None:
        raise AssayError("--record is for whole files; cells are bound to their row.", code="usage")


def _require_column(subject_column: str | None) -> None:
    if subject_column is not None:
        raise AssayError(
            "--subject-column says whom the rows of a table are about.", code="usage", hint="Give --column NAME too."
        )
