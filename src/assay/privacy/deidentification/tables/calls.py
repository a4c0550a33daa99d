"""De-identifying a table from Python: one call each way, with the catalogue of this area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.core.house import Progress
from assay.privacy.deidentification.catalogue import own_operators, own_recognizer_parts
from assay.privacy.deidentification.find import THRESHOLD, recognizers_of
from assay.privacy.deidentification.tables.reading import readings
from assay.privacy.deidentification.tables.treatment import Engine, open_keys, treatments
from assay.privacy.deidentification.tables.whole import Deidentified, deidentify_table, reidentify_table
from assay.privacy.operators.format_preserving import Characters
from assay.seal.key_sources import LocalKeys


def deidentify(
    source: Any,
    /,
    *,
    columns: Sequence[str] = (),
    cells: Mapping[str, str] | None = None,
    operator: str | Mapping[str, str] = "replace",
    keys: str | Path | LocalKeys | None = None,
    key_ids: Sequence[str] = (),
    subject: str = "",
    engine: Engine = "patterns",
    recognizers: Sequence[str] = (),
    domains: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    threshold: float = THRESHOLD,
    progress: Progress | None = None,
) -> Deidentified:
    """The Deidentified table of a frame, path or relation: pseudonymous, still personal data.

    `columns` are free texts in which identifiers are looked for, `cells` columns (column -> entity) whose cells are one
    identifier each. `operator` is the id of an operator for all of them, or column -> id. Operators with a key take it
    from `keys`: a key file, `env:NAME`, or LocalKeys; `key_ids` chooses among them, the first writes. `subject` is the
    column of the person (for shift-dates). `engine` "presidio" also finds names, places and organisations, and needs
    the extra [text]. Tokens join within a domain: the name of the column, or what `domains` says. `settings` are
    keywords of the operators, `recognizers` the ids of those who look (all of them).

    Raises AssayError for unknown names, values that an operator cannot take, and missing keys; nothing is done by half.
    """
    made = treatments(
        columns=_listed(columns),
        cells=cells or {},
        operator=operator,
        operators=own_operators(),
        recognizers=recognizers_of(own_recognizer_parts(), only=recognizers),
        keys=open_keys(keys, key_ids=key_ids) if keys else None,
        settings=settings,
        domains=domains,
        subject=subject,
        engine=engine,
        threshold=threshold,
    )
    return deidentify_table(source, by=made, progress=progress)


def reidentify(
    source: Any,
    /,
    *,
    keys: str | Path | LocalKeys,
    columns: Sequence[str] = (),
    format_preserved: Sequence[str] = (),
    key_ids: Sequence[str] = (),
    domains: Mapping[str, str] | None = None,
    characters: Characters = "digits",
    progress: Progress | None = None,
) -> Any:
    """The table (pyarrow) with everything read again that reversible and encrypt wrote in `columns`.

    `format_preserved` are columns of cells that format-preserving wrote with the first key and the same `characters`;
    with a wrong key they become other identifiers without an error. Raises AssayError, naming the row, where a token
    was changed or its key is not here.
    """
    found = readings(
        columns=_listed(columns),
        format_preserved=_listed(format_preserved),
        keys=open_keys(keys, key_ids=key_ids),
        operators=own_operators(),
        domains=domains,
        characters=characters,
    )
    return reidentify_table(source, columns=found, progress=progress)


def _listed(names: Sequence[str]) -> Sequence[str]:
    """A single name is a list of one."""
    return (names,) if isinstance(names, str) else names
