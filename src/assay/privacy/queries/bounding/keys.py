"""Keys that are known in advance, so that which of them have rows shows nothing."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError
from assay.data.rows.columns import Column, number_text

MOST_KEYS = 1_000_000
LARGEST = 50_000_000
"""Bytes that a file of keys may have."""

Key = tuple[Any, ...]
"""One value for each column of `by`, as the engine returns it."""

Keys = Sequence[Any] | str | Path
"""Values, or a file of them: a CSV file with a column of that name, or one value a line."""


@dataclass(frozen=True)
class PublicKeys:
    """For each column, the values that count, in the order given; rows with any other are left out without a word."""

    columns: Mapping[str, tuple[Any, ...]]

    def product(self, by: Sequence[str], /) -> list[Key]:
        """Every combination."""
        return list(itertools.product(*(self.columns[name] for name in by)))

    def size(self, by: Sequence[str], /) -> int:
        """How many combinations there are; more than MOST_KEYS are an error."""
        found = math.prod(len(self.columns[name]) for name in by)
        if found > MOST_KEYS:
            raise AssayError(
                f"The keys have {found:,} combinations; {MOST_KEYS:,} are allowed.",
                code="keys",
                hint="Ask by fewer columns.",
            )
        return found


def public_keys(given: Mapping[str, Keys], columns: Mapping[str, Column], /) -> PublicKeys:
    """`given` read and made values of their columns; an error for one that no row of that column could have."""
    found = {}
    for name, values in given.items():
        listed = _read(name, Path(values)) if isinstance(values, str | Path) else list(values)
        typed = tuple(_typed(value, columns[name]) for value in listed)
        if not typed or len(set(typed)) < len(typed):
            raise AssayError(
                f"The keys of {name!r} must be one or more different values.", code="keys", hint="Name each once."
            )
        found[name] = typed
    return PublicKeys(found)


def _read(name: str, path: Path) -> list[str]:
    try:
        with path.open("rb") as stream:
            text = stream.read(LARGEST + 1)
        rows = [row for row in csv.reader(text.decode("utf-8-sig").splitlines()) if row]
    except OSError as error:
        raise AssayError(f"The keys {str(path)!r} cannot be read: {error.strerror}.", code="keys") from None
    except (UnicodeDecodeError, csv.Error):
        raise AssayError(
            f"The keys {str(path)!r} are no CSV file in UTF-8.", code="keys", hint="Write one value a line."
        ) from None
    if len(text) > LARGEST:
        raise AssayError(f"The keys {str(path)!r} are too many.", code="keys", hint="Give fewer.")
    if rows and name in rows[0]:
        place = rows[0].index(name)
        return list(dict.fromkeys(row[place] for row in rows[1:] if len(row) > place))
    if any(len(row) != 1 for row in rows):
        raise AssayError(
            f"The file {str(path)!r} has no column {name!r}.",
            code="keys",
            hint="Give a file with that column, or with one value a line.",
        )
    return list(dict.fromkeys(row[0] for row in rows))


def _typed(value: Any, column: Column) -> Any:
    """`value` as the engine returns it from `column`."""
    text = (
        str(value).lower() if isinstance(value, bool) else str(value).strip() if column.kind != "text" else str(value)
    )
    try:
        if column.kind == "text":
            return text
        if column.kind == "boolean" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if column.kind == "number":
            number = _number(text, column)
            if math.isfinite(number):
                return number
        if column.kind == "time" and column.type.startswith("date"):
            return date.fromisoformat(text)
    except (ValueError, InvalidOperation):
        pass
    wanted = f"{column.kind} ({column.type})"
    raise AssayError(
        f"{value!r} is no value of the column {column.name!r} of {wanted}.",
        code="keys",
        hint="Keys are texts, numbers, booleans or dates, as the column declares.",
    )


def _number(text: str, column: Column) -> int | float | Decimal:
    if column.fraction == "none":
        if abs(int(text)) >= 2**63:
            raise ValueError
        return int(text)
    return Decimal(text) if column.fraction == "decimal" else float(text)


def check_key(column: Column, /) -> None:
    """Raise where the values of a column are no keys."""
    if column.kind == "other" or (column.kind == "time" and not column.type.startswith("date")):
        raise AssayError(
            f"Column {column.name!r} has values of type {column.type}, which are no keys.",
            code="type",
            hint="Ask by texts, numbers, booleans or dates.",
        )


def key_text(value: Any, /) -> str:
    """A value of a key as people read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        return number_text(float(value)) or ""
    return value.isoformat() if isinstance(value, date) else str(value)
