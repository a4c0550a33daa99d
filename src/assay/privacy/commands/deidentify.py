"""`assay privacy deidentify`: texts and cells in which something else stands for the identifiers; and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from assay.core.errors import AssayError
from assay.core.house import House
from assay.core.part import Answer, Lines, command
from assay.privacy.deidentification.find import recognizers_of
from assay.privacy.deidentification.operator import KIND as OPERATOR
from assay.privacy.deidentification.recognizer import KIND as RECOGNIZER
from assay.privacy.deidentification.tables.reading import readings
from assay.privacy.deidentification.tables.treatment import open_keys, treatments
from assay.privacy.deidentification.tables.whole import deidentify_file, reidentify_file


@command(title="Replace the identifiers in texts and cells of a table", needs_case=False)
def deidentify(
    house: House,
    /,
    *,
    in_: str,
    out: str,
    column: tuple[str, ...] = (),
    cell: tuple[str, ...] = (),
    operator: tuple[str, ...] = ("replace",),
    keys: str | None = None,
    key_id: tuple[str, ...] = (),
    subject: str | None = None,
    recognizer: tuple[str, ...] = (),
    engine: Literal["patterns", "presidio"] = "patterns",
    field: tuple[str, ...] = (),
    setting: tuple[str, ...] = (),
    threshold: float = 0.5,
) -> Answer:
    """Write IN (Parquet or CSV) to OUT with the identifiers in its columns replaced. The result is pseudonymous.

    `--column` names free texts, in which identifiers are looked for; `--cell phone=PHONE` a column whose cells are one
    identifier each, of the stated kind. `--operator` is redact, replace, mask, surrogate, tokenize, reversible,
    encrypt, format-preserving, shift-dates, date-parts or bucket, for all columns or as COLUMN=NAME; what it is not
    made for (shift-dates: all but dates) is replaced by its kind in texts, and an error in cells. `--setting width=10`
    gives an operator a setting.

    `--keys` is a key file, or env:NAME of a variable; its first key writes, or that of `--key-id`. Tokens join only
    within a field: the column, or what `--field COLUMN=FIELD` says. `--subject` is the column of the person, for
    shift-dates. `--engine presidio` also finds names, places and organisations, by a model (extra [text]).
    """
    made = treatments(
        columns=column,
        cells=_pairs(cell, "--cell", "phone=PHONE"),
        operator=_operators(operator),
        operators=house.parts(OPERATOR),
        recognizers=recognizers_of(house.parts(RECOGNIZER), only=recognizer),
        keys=open_keys(keys, key_ids=key_id) if keys else None,
        settings=_pairs(setting, "--setting", "width=10"),
        domains=_pairs(field, "--field", "note=person"),
        subject=subject or "",
        engine=engine,
        threshold=threshold,
    )
    replaced = deidentify_file(Path(in_), Path(out), by=made, progress=house.progress)
    lines = [f"{replaced.rows:,} rows; wrote {out}"]
    for name, found in replaced.by_column.items():
        counts = ", ".join(f"{entity} {n:,}" for entity, n in sorted(found.items())) or "nothing found"
        lines.append(f"  {name}: {counts}")
    return Lines([*lines, replaced.statement.text()], replaced.to_json() | {"out": out})


@command(title="Read what `deidentify` wrote with a key again", needs_case=False)
def reidentify(
    house: House,
    /,
    *,
    in_: str,
    out: str,
    keys: str,
    column: tuple[str, ...] = (),
    format_preserved: tuple[str, ...] = (),
    key_id: tuple[str, ...] = (),
    field: tuple[str, ...] = (),
    characters: Literal["digits", "letters-and-digits"] = "digits",
) -> Answer:
    """Write IN to OUT with everything read again that `reversible` and `encrypt` wrote in `--column`.

    Every key of `--keys` reads (of `--key-id` only these). `--format-preserved` are columns of cells that
    format-preserving wrote with the first key: with another one they become other identifiers, since that form has no
    room for a check. `--field` and `--characters` are those of writing. Who reads is not the public: this undoes the
    protection.
    """
    found = readings(
        columns=column,
        format_preserved=format_preserved,
        keys=open_keys(keys, key_ids=key_id),
        operators=house.parts(OPERATOR),
        domains=_pairs(field, "--field", "note=person"),
        characters=characters,
    )
    rows = reidentify_file(Path(in_), Path(out), columns=found, progress=house.progress)
    return Lines([f"{rows:,} rows; wrote {out}. It holds identifiers again."], {"rows": rows, "out": out})


def _operators(given: Sequence[str]) -> str | dict[str, str]:
    """One name for all columns, or column -> name."""
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    return _pairs(given, "--operator", "note=mask, or one name for all columns")


def _pairs(given: Sequence[str], flag: str, example: str) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.rpartition("=")
        if not equals or not name or not value:
            raise AssayError(f"{flag} {text!r} is not of the form NAME=VALUE.", code="usage", hint=f"Like {example}.")
        if name in found:
            raise AssayError(f"{flag} names {name!r} twice.", code="usage")
        found[name] = value
    return found
