"""A batch of named columns becomes what each library wants: a numeric matrix, or a pandas frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError
from assay.models.coded_texts import shared_texts

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

NAMES_SHOWN = 10


def listed(names: Sequence[str], /) -> str:
    """The first names, quoted, and how many more there are."""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(repr(name) for name in list(names)[:NAMES_SHOWN]) + more


def row_count(inputs: Any, /) -> int:
    """Rows of a batch of any modality."""
    return int(inputs.num_rows) if hasattr(inputs, "num_rows") else len(inputs)


def select(inputs: Any, features: Sequence[str], /, *, width: int | None = None) -> pa.Table:
    """The columns `features` of `inputs` in that order; other columns are dropped.

    `inputs` is a `pyarrow.Table`, or an array (rows, features) in the model's own order. A model
    without names takes all columns by position, and there must be `width` of them.
    """
    import pyarrow as pa

    if isinstance(inputs, np.ndarray) and inputs.ndim == 2:
        names = list(features) or [f"column {i}" for i in range(inputs.shape[1])]
        _check_width(inputs.shape[1], len(names))
        return pa.table([pa.array(inputs[:, i]) for i in range(inputs.shape[1])], names=names)
    if not isinstance(inputs, pa.Table):
        raise AssayError(
            f"This model takes a table of columns, not a {type(inputs).__name__}.",
            code="features",
            hint="Give a pyarrow.Table, or an array (rows, features).",
        )
    _refuse_doubled(inputs.column_names)
    if not features:
        if width is not None:
            _check_width(inputs.num_columns, width)
        return inputs
    missing = [name for name in features if name not in set(inputs.column_names)]
    if missing:
        raise AssayError(
            f"The model needs {len(missing)} of its {len(features)} columns that the data lack: {listed(missing)}.",
            code="features",
            hint=f"The data have {listed(inputs.column_names)}.",
        )
    return inputs.select(list(features))


def _refuse_doubled(names: Sequence[str]) -> None:
    doubled = sorted({name for name in names if list(names).count(name) > 1}) if len(set(names)) < len(names) else []
    if doubled:
        raise AssayError(f"The data have columns twice: {listed(doubled)}.", code="features", hint="Rename them.")


def _check_width(found: int, expected: int) -> None:
    if found != expected:
        raise AssayError(
            f"The model takes {expected} columns, the data have {found}.",
            code="features",
            hint="The model knows no column names: give exactly its columns, in its order.",
        )


def matrix(table: pa.Table, /, *, dtype: Any = np.float64, codes: Mapping[int, np.ndarray] | None = None) -> np.ndarray:
    """(rows, columns) numbers; missing values are NaN, booleans 0 and 1.

    `codes` gives ready numbers for columns by position (categories that the adapter encoded). Columns
    that are not numbers are one error that names them all.
    """
    ready = codes or {}
    wrong = [
        f"{field.name} ({field.type})"
        for i, field in enumerate(table.schema)
        if i not in ready and not is_number(field.type)
    ]
    if wrong:
        raise AssayError(
            f"The model takes numbers, but these columns are none: {listed(wrong)}.",
            code="features",
            hint="Encode them as the model was trained, or save the model with its encoder (a pipeline).",
        )
    out = np.empty((table.num_rows, table.num_columns), dtype=dtype)
    for i in range(table.num_columns):
        out[:, i] = ready[i] if i in ready else numbers(table.column(i))
    return out


def numbers(column: Any, /) -> np.ndarray:
    """(rows,) float64 of a numeric or boolean Arrow column; missing is NaN."""
    import pyarrow as pa

    values: np.ndarray = column.cast(pa.float64()).to_numpy()
    return values


def is_number(kind: Any, /) -> bool:
    """True for Arrow types that are numbers or booleans, or hold nothing but missing values."""
    import pyarrow.types as types

    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal(kind)
        or types.is_null(kind)
    )


def is_text(kind: Any, /) -> bool:
    """True for Arrow text, and for dictionaries (what pandas calls a category)."""
    import pyarrow.types as types

    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_dictionary(kind)
    )


def frame(table: pa.Table, /) -> pd.DataFrame:
    """The pandas frame that `pandas.read_parquet` would give; decimals become numbers.

    In long columns of few different texts, equal ones are one Python object: a pipeline that encodes them takes half
    to two thirds of the time.
    """
    import pyarrow as pa
    import pyarrow.types as types

    for i, field in enumerate(table.schema):
        if types.is_decimal(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(pa.float64()))
    made: pd.DataFrame = table.replace_schema_metadata(None).to_pandas()
    for i, field in enumerate(table.schema):
        shared = shared_texts(table.column(i), field)
        if shared is not None:
            made.isetitem(i, shared)
    return made


def category_codes(column: Any, categories: Mapping[str, int], /) -> np.ndarray:
    """(rows,) float64 position of each value in `categories` (by class text); NaN where missing, -1 where unknown."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    from assay.models.outputs import class_text

    encoded = column.combine_chunks() if types.is_dictionary(column.type) else pc.dictionary_encode(column)
    parts = encoded.chunks if hasattr(encoded, "chunks") else [encoded]
    out = []
    for part in parts:
        known = [
            np.nan if value is None or value != value else float(categories.get(class_text(value), -1))
            for value in part.dictionary.to_pylist()
        ]
        indices = part.indices.to_numpy(zero_copy_only=False).astype(float)
        missing = ~np.isfinite(indices)
        table = np.array([*known, np.nan])
        out.append(table[np.where(missing, len(known), indices).astype(int)])
    return np.concatenate(out) if out else np.empty(0)
