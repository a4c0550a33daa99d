"""What becomes of each column of a table, said once and applied batch after batch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay.core.errors import AssayError, unknown
from assay.core.part import Part
from assay.privacy.deidentification.deidentify import Pseudonymous, deidentify_cells, deidentify_texts
from assay.privacy.deidentification.find import THRESHOLD
from assay.privacy.deidentification.names import Names, presidio_names
from assay.privacy.deidentification.operator import Operator
from assay.privacy.deidentification.recognizer import Recognizer
from assay.seal.key_sources import LocalKeys

Engine = Literal["patterns", "presidio"]
ENGINES = ("patterns", "presidio")
REST = "replace"
"""What is done with finds that the chosen operator is not made for."""

Texts = Sequence[str | None]
_ENTITY = re.compile(r"[A-Z_]{1,40}")


@dataclass(frozen=True)
class Treatment:
    """The operators of one column: of the identifiers in its texts or, where `entity` is named, of its whole cells.

    `domain` is the field that tokens and surrogates are bound to: columns with the same one can be joined.
    """

    column: str
    operators: tuple[Operator, ...]
    entity: str
    domain: str


@dataclass(frozen=True)
class Treatments:
    """The Treatment of every column that is named, with those who look for identifiers in texts."""

    columns: tuple[Treatment, ...]
    recognizers: tuple[Recognizer, ...]
    names: Names | None = None
    subject: str = ""
    threshold: float = THRESHOLD

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that are looked at."""
        named = [each.column for each in self.columns]
        return tuple(dict.fromkeys([*named, self.subject] if self.subject else named))

    def apply(self, table: Mapping[str, Texts], /) -> dict[str, Pseudonymous]:
        """The columns of a batch of rows, each treated by itself. A row without a subject is nobody's."""
        subjects = [value or "" for value in table[self.subject]] if self.subject else None
        return {each.column: self._treated(each, table[each.column], subjects) for each in self.columns}

    def _treated(self, each: Treatment, values: Texts, subjects: Sequence[str] | None) -> Pseudonymous:
        if each.entity:
            (operator,) = each.operators
            return deidentify_cells(values, field=each.domain, entity=each.entity, operator=operator, subjects=subjects)
        return deidentify_texts(
            values,
            field=each.domain,
            recognizers=self.recognizers,
            operators=each.operators,
            subjects=subjects,
            names=self.names,
            threshold=self.threshold,
        )


def treatments(
    *,
    columns: Sequence[str],
    cells: Mapping[str, str],
    operator: str | Mapping[str, str],
    operators: Mapping[str, Part[Any]],
    recognizers: Sequence[Recognizer],
    keys: LocalKeys | None = None,
    settings: Mapping[str, Any] | None = None,
    domains: Mapping[str, str] | None = None,
    subject: str = "",
    engine: Engine = "patterns",
    threshold: float = THRESHOLD,
) -> Treatments:
    """The Treatments of texts (`columns`) and whole cells (`cells`: column -> entity).

    `operator` is the name of one of `operators`, or column -> name. In texts, finds that it is not made for are
    replaced by their kind. A column whose operator is made for one entity only (bucket: numbers) holds cells of it.
    """
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES, code="engine")
    chosen = _chosen([*columns, *cells], operator, domains or {})
    for entity in cells.values():
        if not _ENTITY.fullmatch(entity):
            raise AssayError(
                f"{entity!r} is no name of an entity.", code="entity", hint="Use capitals and _, as in PHONE or PERSON."
            )
    made = {name: make_operator(name, operators, keys=keys, settings=settings or {}) for name in chosen.values()}
    _used(settings or {}, [operators[name] for name in made])
    rest = make_operator(REST, operators, keys=None, settings={})
    found = []
    for name, its in chosen.items():
        first = made[its]
        entity = cells.get(name, "") or (next(iter(first.entities)) if len(first.entities) == 1 else "")
        chain = (first,) if entity or not first.entities else (first, rest)
        found.append(Treatment(name, chain, entity, (domains or {}).get(name, name)))
    looks = any(not each.entity for each in found)
    names = presidio_names() if engine == "presidio" and looks else None
    return Treatments(tuple(found), tuple(recognizers), names, subject, threshold)


def _chosen(named: Sequence[str], operator: str | Mapping[str, str], domains: Mapping[str, str]) -> dict[str, str]:
    """Column -> name of its operator, for every column that is named, and for no other."""
    for place, name in enumerate(named):
        if name in named[:place]:
            raise AssayError(f"Column {name!r} is named twice.", code="column", hint="Texts or cells, not both.")
    if not named:
        raise AssayError("No column was named.", code="column", hint="Name a column of texts, or one of cells.")
    chosen = dict.fromkeys(named, operator) if isinstance(operator, str) else dict(operator)
    for name in [*chosen, *domains]:
        if name not in named:
            raise unknown("column to de-identify", name, named, code="column")
    for name in named:
        if name not in chosen:
            raise AssayError(f"No operator for the column {name!r}.", code="operator", hint="Name one for each.")
    return {name: chosen[name] for name in named}


def make_operator(
    name: str, operators: Mapping[str, Part[Any]], /, *, keys: LocalKeys | None, settings: Mapping[str, Any]
) -> Operator:
    """The operator called `name` with its keys and those of the `settings` that it has."""
    if name not in operators:
        raise unknown("operator", name, operators)
    part = operators[name]
    given = {
        key: _converted(value, key, part.parameters[key].annotation)
        for key, value in settings.items()
        if key in part.parameters
    }
    if {"key", "keys"} & set(part.parameters):
        if keys is None:
            raise AssayError(
                f"The operator {name} needs a key.",
                code="key",
                hint="Name a key file (assay privacy keys create makes one), or env:NAME of a variable.",
            )
        token_keys = keys.token_keys()
        held = {"key": token_keys[0], "older": token_keys[1:], "keys": keys}
        given |= {key: value for key, value in held.items() if key in part.parameters}
    missing = next((key for key, each in part.parameters.items() if each.required and key not in given), None)
    if missing is not None:
        raise AssayError(
            f"The operator {name} needs the setting {missing}.", code="setting", hint=f"Like --setting {missing}=10."
        )
    operator = part.make(**given)
    if not isinstance(operator, Operator):
        raise AssayError(f"The part {name!r} of kind operator made a {type(operator).__name__}.", code="area")
    return operator


def open_keys(source: str | Path | LocalKeys, /, *, key_ids: Sequence[str] = ()) -> LocalKeys:
    """The keys of a key file, or of an environment variable (`env:NAME`); of `key_ids` these, the first current."""
    if isinstance(source, LocalKeys):
        found = source
    elif str(source).startswith("env:"):
        found = LocalKeys.from_environment(str(source).removeprefix("env:"))
    else:
        found = LocalKeys.from_file(Path(source))
    return found.chosen(*key_ids) if key_ids else found


def _used(settings: Mapping[str, Any], parts: Sequence[Part[Any]]) -> None:
    known = {key for part in parts for key in part.parameters} - {"key", "keys", "older"}
    for key in settings:
        if key not in known:
            raise unknown(f"setting of {', '.join(part.id for part in parts)}", key, known, code="setting")


def _converted(value: Any, key: str, annotation: str) -> Any:
    """Whole numbers from their text, where the operator takes one; its own checks see all else."""
    if annotation != "int" or not isinstance(value, str):
        return value
    try:
        return int(value)
    except ValueError:
        raise AssayError(f"The setting {key} is a whole number, not {value!r}.", code="setting") from None
