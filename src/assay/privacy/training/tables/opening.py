"""Files of training rows, opened by their public schema alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.privacy.training.tables.schema import Categorical, Column, Schema

if TYPE_CHECKING:
    from assay.data.rows.protocol import Rows


def open_training(data: str, schema: Schema, /, *, label: str, unit: str = "") -> Rows:
    """The Rows of Parquet or CSV files, with the columns that a training reads.

    Each line of a CSV file is read by itself, and what is a number there follows from the schema, never from the
    values: so one person's row can neither swallow another's nor turn a column into texts. Text that is no number is a
    missing number; a line that is not as many values as the header names is left out without a word. A column that the
    files lack is an error.
    """
    from assay.data.rows.sql.query import SqlRows
    from assay.privacy.reading.engine import engine_of
    from assay.privacy.reading.files import private_files

    consent = (schema.consent.column,) if schema.consent else ()
    named = (*schema.columns, label, *((unit,) if unit else ()), *consent)
    numbers = {name for name, column in schema.columns.items() if _is_number(column) and name not in (unit, *consent)}
    return SqlRows(engine_of(private_files(data), source=repr(data), columns=named, numbers=numbers))


def _is_number(column: Column) -> bool:
    """True for numbers, and for categories that are all written as numbers are: 1.0 is then the category 1."""
    return not isinstance(column, Categorical) or all(_plain(text) for text in column.categories)


def _plain(text: str) -> bool:
    from assay.data.rows.columns import number_text

    try:
        return number_text(float(text)) == text
    except (ValueError, OverflowError):
        return False
