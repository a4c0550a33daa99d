"""Exact counts over declared levels, each unit bounded, made by DuckDB. They are private: only noise may read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.data.declared.axes import Axis
from assay.data.declared.declared import Declared
from assay.data.plan import Wanted
from assay.data.roles.outcome import TRAINING
from assay.data.rows.columns import spellings
from assay.data.rows.sql.duck import listed, quoted
from assay.privacy.counting.source import Source, opened
from assay.privacy.reading.lines import named

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
MOST_ROWS = 999_999
"""More rows of a unit than this are not counted: the most that DuckDB's aggregate keeps."""
Ints = NDArray[np.int64]


def count(
    source: Source, declared: Declared, tables: Sequence[Wanted], /, *, unit: str | None, most: int
) -> list[Ints]:
    """One dense array of counts a table, in the order of its dimensions and their levels.

    Of each unit at most `most` rows are counted, drawn at random; rows without a unit are not. A row with a value that
    is no declared level is in no table that has that dimension, training rows are in none.
    """
    axes = [axis for axis in declared.axes if any(axis.dim.key in table.dims for table in tables)]
    sizes = {axis.dim.key: len(axis) for axis in axes}
    with opened(source, columns_of(declared, unit)) as (connection, types):
        found = connection.sql(_query(axes, types, declared.training, unit, most)).to_arrow_table()
    rest, n = found["code"].to_numpy().astype(np.int64), found["n"].to_numpy().astype(np.int64)
    codes = {}
    for axis in axes:
        rest, code = np.divmod(rest, len(axis) + 1)
        codes[axis.dim.key] = code - 1
    return [_table([codes[dim] for dim in t.dims], [sizes[dim] for dim in t.dims], n) for t in tables]


def columns_of(declared: Declared, unit: str | None, /) -> tuple[str, ...]:
    """Every column that is read, the unit's included."""
    return tuple(dict.fromkeys((*declared.columns, *((unit,) if unit else ()))))


def _table(codes: Sequence[Ints], sizes: Sequence[int], n: Ints) -> Ints:
    out = np.zeros(sizes, dtype=np.int64)
    known = np.all([code >= 0 for code in codes], axis=0)
    np.add.at(out, tuple(code[known] for code in codes), n[known])
    return out


def _query(axes: Sequence[Axis], types: dict[str, str], training: str | None, unit: str | None, most: int) -> str:
    """The counts by one number that holds all levels (0 for what is none); one pass.

    Of each unit the `most` rows with the largest random numbers: an aggregate that keeps no more of them in memory.
    """
    if math.prod(len(axis) + 1 for axis in axes) >= 1 << 62:
        raise AssayError("There are too many dimensions to count.", code="private-cells", hint="Name fewer columns.")
    code = "0"
    for axis in reversed(axes):
        code = f"({_code(axis, types[axis.column])} + 1 + {len(axis) + 1} * CAST({code} AS BIGINT))"
    where = ""
    if training:
        where = f" WHERE coalesce(lower(CAST({named(training)} AS VARCHAR)), '') NOT IN ('', {listed(TRAINING)[1:-1]})"
    if unit is None:
        rows = f"SELECT {code} AS code FROM private_rows{where}"
    else:
        drawn = f"SELECT {code} AS code, {named(unit)} AS who, random() AS place FROM private_rows{where}"
        kept = f"arg_max(code, place, {min(int(most), MOST_ROWS)})"
        rows = f"SELECT unnest({kept}) AS code FROM ({drawn}) WHERE who IS NOT NULL GROUP BY who"
    return f"SELECT code, CAST(count(*) AS BIGINT) AS n FROM ({rows}) GROUP BY code"


def _code(axis: Axis, type: str) -> str:
    """The SQL of the level's number: a case over spelled values, or how many edges are at most the number."""
    column = named(axis.column)
    number = f"TRY_CAST({column} AS DOUBLE)"
    if not axis.spelled:
        steps = " + ".join(f"CAST({number} >= {_double(edge)} AS INTEGER)" for edge in axis.edges)
        return f"CASE WHEN {number} IS NULL OR isnan({number}) THEN -1 ELSE {steps} END"
    whens = (f"WHEN {_is(column, value, axis, type)} THEN {i}" for i, value in enumerate(axis.spelled))
    return f"CASE {' '.join(whens)} ELSE -1 END"


def _is(column: str, value: str, axis: Axis, type: str) -> str:
    """Numbers are compared as numbers (a CSV file's too, where all declared values are), text as it is written."""
    if type.startswith(_NUMBERS) or type.startswith("U") or (type == "VARCHAR" and _all_numbers(axis.spelled)):
        number = _number(value)
        return "false" if number is None else f"TRY_CAST({column} AS DOUBLE) = {_double(number)}"
    forms = spellings([value.lower()] if type == "BOOLEAN" else [value])
    return f"CAST({column} AS VARCHAR) IN ({', '.join(quoted(form) for form in forms)})"


def _all_numbers(values: Sequence[str]) -> bool:
    numbers = [_number(value) for value in values]
    return None not in numbers and len(set(numbers)) == len(numbers)


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _double(number: float) -> str:
    return f"CAST('{number!r}' AS DOUBLE)"
