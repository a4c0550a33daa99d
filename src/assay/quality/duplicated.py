"""Rows that say the same thing: exact repeats, repeats with another label, test rows that are training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

COUNT = "\x00rows"
"""Name of the count column; no column of a data set is called this."""
TRAIN = "\x00train"
"""Name of the count of training rows."""


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
    return int(table.num_rows - table.group_by(list(keys)).aggregate([]).num_rows)


def conflicting_rows(table: Any, features: Sequence[str], label: str, /) -> int:
    """How many rows equal another one in every feature and have a different label than it."""
    import pyarrow.compute as pc

    by_label = (
        table.group_by([*features, label]).aggregate([([], "count_all")]).rename_columns([*features, label, COUNT])
    )
    grouped = by_label.group_by(list(features)).aggregate([(COUNT, "sum"), ([], "count_all")])
    rows, labels = grouped.column(f"{COUNT}_sum"), grouped.column("count_all")
    return int(pc.sum(pc.if_else(pc.greater(labels, 1), rows, 0)).as_py() or 0)


def rows_also_in_training(table: Any, keys: Sequence[str], training: Any, /) -> int:
    """How many rows outside `training` (one boolean a row) equal a training row in every one of `keys`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    marked = table.select(list(keys)).append_column(TRAIN, pc.cast(training, pa.int64()))
    grouped = marked.group_by(list(keys)).aggregate([(TRAIN, "sum"), ([], "count_all")])
    train, rows = grouped.column(f"{TRAIN}_sum"), grouped.column("count_all")
    return int(pc.sum(pc.if_else(pc.greater(train, 0), pc.subtract(rows, train), 0)).as_py() or 0)
