"""What is publicly known of the columns: bounds of numbers, lists of categories, how many examples there are."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.models.outputs import class_texts

_KEYS = ("examples", "consent", "columns")
_EXAMPLE = 'Like this: columns.age = { bounds = [17, 90] }, or columns.sex = { categories = ["Female", "Male"] }.'


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number that counts as `low` below it, `high` above it, and the middle where it is missing."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of `categories`, as texts; any other value, or none, is none of them."""

    categories: tuple[str, ...]


Column = Numeric | Categorical


@dataclass(frozen=True, slots=True)
class Consent:
    """The column that says whose rows may be trained on: true or false, or, with a `purpose`, a list of purposes."""

    column: str
    purpose: str | None = None


@dataclass(frozen=True)
class Schema:
    """Columns by name, and the public number of `examples` (people, where a column names them; else rows).

    Everything in it is taken to be public: it must not be read off the data that are to be protected.
    """

    columns: Mapping[str, Column]
    examples: int | None = None
    consent: Consent | None = None

    def column(self, name: str, /) -> Column:
        """The column called `name`, or an error that lists the known ones."""
        if name not in self.columns:
            raise unknown("column of the schema", name, self.columns, code="schema")
        return self.columns[name]

    def without(self, *names: str) -> Schema:
        """The schema of the other columns."""
        left = {name: column for name, column in self.columns.items() if name not in names}
        return Schema(left, self.examples, self.consent)

    def to_json(self) -> dict[str, Any]:
        """The columns, as `schema_of` reads them."""
        return {
            name: {"bounds": [column.low, column.high]}
            if isinstance(column, Numeric)
            else {"categories": list(column.categories)}
            for name, column in self.columns.items()
        }


def read_schema(path: str | Path, /) -> Schema:
    """The Schema in a TOML file: `examples`, `consent`, and `[columns]` with `bounds` or `categories` for each.

    `consent` is the name of a column, or `{ column = "purposes", purpose = "credit scoring" }`.
    """
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise _wrong(f"The schema {str(path)!r} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(f"The schema {str(path)!r} is no TOML: {str(error)[:200]}.") from error
    for key in found:
        if key not in _KEYS:
            raise unknown("key of a schema", key, _KEYS, code="schema")
    plain = schema_of(found.get("columns"), examples=found.get("examples"))
    return replace(plain, consent=_consent(found.get("consent")))


def schema_of(columns: Any, /, *, examples: Any = None) -> Schema:
    """The Schema of plain values: `{"age": {"bounds": [17, 90]}, "sex": {"categories": ["f", "m"]}}`."""
    if not isinstance(columns, Mapping) or not columns:
        raise _wrong("A schema needs columns.")
    if examples is not None and (isinstance(examples, bool) or not isinstance(examples, int) or examples < 1):
        raise _wrong(f"examples is a whole number from 1; it is {examples!r}.")
    return Schema({str(name): _column(str(name), facts) for name, facts in columns.items()}, examples)


def _consent(given: Any) -> Consent | None:
    facts = {"column": given} if isinstance(given, str) else given
    if facts is None:
        return None
    if not isinstance(facts, Mapping) or not {"column"} <= {*facts} <= {"column", "purpose"}:
        raise _wrong('consent is the name of a column, or { column = "purposes", purpose = "credit scoring" }.')
    if not all(isinstance(text, str) and text for text in facts.values()):
        raise _wrong("The column and the purpose of consent are texts.")
    return Consent(facts["column"], facts.get("purpose"))


def _column(name: str, facts: Any) -> Column:
    given = sorted(facts) if isinstance(facts, Mapping) else []
    if given == ["bounds"]:
        return _numeric(name, facts["bounds"])
    if given == ["categories"]:
        listed = facts["categories"]
        if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
            raise _wrong(f"The categories of {name!r} are no list of values.")
        return Categorical(class_texts(listed))
    raise _wrong(f"Column {name!r} needs either bounds or categories.")


def _numeric(name: str, bounds: Any) -> Numeric:
    pair = list(bounds) if isinstance(bounds, Sequence) and not isinstance(bounds, str) else []
    plain = all(isinstance(b, int | float) and not isinstance(b, bool) and math.isfinite(b) for b in pair)
    if len(pair) != 2 or not plain or not pair[0] < pair[1]:
        raise _wrong(f"The bounds of {name!r} are not two ascending finite numbers.")
    low, high = float(pair[0]), float(pair[1])
    if not math.isfinite(high - low):
        raise _wrong(f"The bounds of {name!r} are too far apart.")
    return Numeric(low, high)


def _wrong(message: str) -> AssayError:
    return AssayError(message, code="schema", hint=_EXAMPLE)
