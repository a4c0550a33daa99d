"""Rows that say the same thing: exact repeats, repeats with another label, test rows that are training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def comparable(table: Any, /) -> Any:
    """The `pyarrow.Table` with one form for each value: −0.0 is 0.0, NaN is missing, dictionaries are decoded."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_floating(column.type):
            column = pc.if_else(
                pc.is_nan(column), pa.scalar(None, column.type), pc.add(column, pa.scalar(0.0, column.type))
            )
        columns.append(column)
    return pa.table(columns, names=table.column_names)


def nested(table: Any, /) -> list[str]:
    """Columns whose values are lists or records, which are not compared here."""
    import pyarrow as pa

    return [field.name for field in table.schema if pa.types.is_nested(field.type)]


def repeated_rows(table: Any, keys: Sequence[str], /) -> int:
    """How many rows equal an earlier one in every one of `keys`; missing equals missing."""
    numbered, names = _numbered(table, keys)
    return int(table.num_rows - numbered.group_by(names).aggregate([]).num_rows)


def conflicting_rows(table: Any, features: Sequence[str], label: str, /) -> int:
    """How many rows equal another one in every feature and have a different label than it."""
    import pyarrow.compute as pc

    numbered, names = _numbered(table, [*features, label])
    by_label = numbered.group_by(names).aggregate([([], "count_all")])
    by_label = by_label.select([*names[:-1], "count_all"]).rename_columns([*names[:-1], "rows"])
    grouped = by_label.group_by(names[:-1]).aggregate([("rows", "sum"), ([], "count_all")])
    hits = pc.if_else(pc.greater(grouped.column("count_all"), 1), grouped.column("rows_sum"), 0)
    return int(pc.sum(hits).as_py() or 0)


def rows_also_in_training(table: Any, keys: Sequence[str], training: Any, /) -> int:
    """How many rows outside `training` (one boolean a row) equal a training row in every one of `keys`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbered, names = _numbered(table, keys)
    marked = numbered.append_column("train", pc.cast(training, pa.int64()))
    grouped = marked.group_by(names).aggregate([("train", "sum"), ([], "count_all")])
    train, rows = grouped.column("train_sum"), grouped.column("count_all")
    return int(pc.sum(pc.if_else(pc.greater(train, 0), pc.subtract(rows, train), 0)).as_py() or 0)


def _numbered(table: Any, keys: Sequence[str]) -> tuple[Any, list[str]]:
    """The key columns under names of ours, which no result column has, and those names."""
    names = [f"key {i}" for i in range(len(keys))]
    return table.select(list(keys)).rename_columns(names), names


def equals_text(column: Any, text: str, /) -> Any:
    """One boolean a row: does the value read `text`? A missing value does not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.fill_null(pc.equal(pc.cast(column, pa.string()), text), False)


def true_values(column: Any, /) -> int:
    """How many values of a boolean column are true."""
    import pyarrow.compute as pc

    return int(pc.sum(column).as_py() or 0)
