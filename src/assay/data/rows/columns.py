"""The canonical form of values: one text for a level and one double for a number, whichever engine delivered them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError

Kind = Literal["text", "number", "boolean", "time", "other"]
EXACT = 2**53
"""Above this, neighbouring integers are one double."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the data: its name as the source spells it, and what kind of values it has.

    `fraction` is "none" (integers), "binary" (floats, which can be NaN) or "decimal".
    """

    name: str
    kind: Kind
    type: str
    fraction: Literal["none", "binary", "decimal"] = "none"


def column_of(name: str, type: Any, /) -> Column:
    """The Column of a pyarrow type."""
    import pyarrow.types as t

    inner = type.value_type if t.is_dictionary(type) else type
    if t.is_string(inner) or t.is_large_string(inner) or t.is_string_view(inner) or t.is_null(inner):
        return Column(name, "text", str(type))
    if t.is_boolean(inner):
        return Column(name, "boolean", str(type))
    if t.is_integer(inner):
        return Column(name, "number", str(type))
    if t.is_floating(inner):
        return Column(name, "number", str(type), "binary")
    if t.is_decimal(inner):
        return Column(name, "number", str(type), "decimal")
    if t.is_date(inner) or t.is_timestamp(inner) or t.is_time(inner):
        return Column(name, "time", str(type))
    return Column(name, "other", str(type))


def levels_of(values: Any, column: Column, /) -> list[str | None]:
    """The canonical text of each of `values` (a pyarrow array): None is missing.

    Numbers are the shortest text of their double, without a trailing ".0"; booleans "true" and "false"; times ISO 8601
    in UTC (those without a zone are taken to be in it); text is NFC-normalised, otherwise as it is.
    """
    if column.kind == "other":
        raise AssayError(
            f"Column {column.name!r} has values of type {column.type}, which are no groups.",
            code="type",
            hint="Use a column of text, numbers, booleans or times.",
        )
    if column.kind == "time":
        return [_time_text(value) for value in _times(values)]
    listed = values.to_pylist()
    if column.kind == "number":
        return [_number_text(value, column) for value in listed]
    if column.kind == "boolean":
        return [None if value is None else str(value).lower() for value in listed]
    return [None if value is None else text_level(value) for value in listed]


@dataclass(frozen=True)
class Coded:
    """A column as codes into its distinct values (a pyarrow array), of which missing is one."""

    codes: NDArray[np.int64]
    values: Any

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows of each distinct value."""
        return np.bincount(self.codes, minlength=len(self.values)).astype(np.int64)


def encode(column: Any, /) -> Coded:
    """The codes and distinct values of a pyarrow ChunkedArray."""
    import pyarrow as pa
    import pyarrow.types as t

    for wanted, cast in ((t.is_null, pa.string()), (t.is_float16, pa.float32())):
        column = column.cast(cast) if wanted(column.type) else column
    if t.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    array = column.combine_chunks().dictionary_encode(null_encoding="encode")
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return Coded(array.indices.to_numpy(zero_copy_only=False).astype(np.int64), array.dictionary)


def is_missing(value: Any, /) -> bool:
    """True for None and NaN."""
    return value is None or value != value


def text_level(value: str, /) -> str:
    """The level of a text: NFC, and kept apart from the levels that assay makes, which begin with NUL."""
    text = unicodedata.normalize("NFC", value)
    return "\x00" + text if text.startswith("\x00") else text


def spellings(levels: Iterable[str], /) -> dict[str, str]:
    """Text as it may stand in the data (composed or decomposed) -> its level."""
    plain = {level: level.removeprefix("\x00") for level in levels}
    return {form: level for level, text in plain.items() for form in (text, unicodedata.normalize("NFD", text))}


def number_text(value: float, /) -> str | None:
    """The level of a number: the shortest text of the double, whole numbers without a fraction; None for NaN."""
    if math.isnan(value):
        return None
    return str(int(value)) if value.is_integer() and abs(value) <= EXACT else repr(value)


def _number_text(value: Any, column: Column) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and abs(value) > EXACT:
        raise AssayError(
            f"Column {column.name!r} has the whole number {value}, beyond 2**53: engines disagree on such groups.",
            code="type",
            hint="Cast the column to text.",
        )
    return number_text(float(value))


def _times(values: Any) -> list[Any]:
    """numpy datetimes for dates and timestamps, datetime.time for times of day."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if t.is_time(values.type):
        return list(values.to_pylist())
    if t.is_date(values.type):
        unit, ticks = "D", values.cast(pa.date32()).cast(pa.int32())
    else:
        unit, ticks = values.type.unit, values.cast(pa.int64())
    return [None if tick is None else _datetime(tick, unit) for tick in ticks.to_pylist()]


def _datetime(ticks: int, unit: Any) -> Any:
    return np.datetime64(ticks, unit)


def _time_text(value: Any) -> str | None:
    if value is None or (isinstance(value, np.datetime64) and np.isnat(value)):
        return None
    if not isinstance(value, np.datetime64):
        return str(value.isoformat())
    text = str(np.datetime_as_string(value))
    if "T" not in text:
        return text
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"


def numbers_of(values: Any, column: Column, /) -> NDArray[np.float64]:
    """Doubles (NaN where missing) of a pyarrow array of numbers or booleans; -0.0 becomes 0.0."""
    import pyarrow as pa
    import pyarrow.types as t

    if column.kind not in ("number", "boolean"):
        raise not_numbers(column)
    if t.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if column.fraction == "decimal":
        # Arrow's own cast from decimal is not correctly rounded; reading the digits is.
        values = values.cast(pa.string())
    if t.is_boolean(values.type):
        values = values.cast(pa.int8())
    numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) if len(values) else np.zeros(0)
    return np.asarray(numbers, dtype=np.float64) + 0.0


def not_numbers(column: Column, /) -> AssayError:
    """The error for a column that should hold numbers."""
    return AssayError(
        f"Column {column.name!r} has values of type {column.type}, where numbers are expected.",
        code="type",
        hint="Cast it to a number, or give another column.",
    )
