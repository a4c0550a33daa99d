"""Columns of texts that travel as codes, and frames whose equal texts are one Python object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_CODED = {b"assay.texts": b"coded"}
_LONG, _FEW = 2048, 256
"""Rows from which texts are worth sharing, and how many different ones the first of these rows may hold."""


def is_plain_text(kind: Any, /) -> bool:
    """True for Arrow types of plain texts."""
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def coded_field(name: str, kind: Any, /) -> pa.Field:
    """The field of a column whose texts of type `kind` travel as codes; it is no categorical column of the data.

    Only a model that says `takes_coded_texts` may get it: `spelled` gives the others what the data have.
    """
    import pyarrow as pa

    return pa.field(name, pa.dictionary(pa.int32(), kind), metadata=_CODED)


def coded_array(codes: NDArray[np.int32], texts: pa.Array, /) -> pa.DictionaryArray:
    """The column of texts that are places in `texts`; below 0 is missing."""
    import pyarrow as pa

    absent = codes < 0
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=absent if absent.any() else None), texts)


def is_coded(field: pa.Field, /) -> bool:
    """True for a `coded_field`."""
    return bool(field.metadata == _CODED)


def spelled(table: pa.Table, /) -> pa.Table:
    """The table with its coded texts as the texts they are."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        if is_coded(field):
            plain = pa.field(field.name, field.type.value_type)
            table = table.set_column(i, plain, table.column(i).cast(plain.type))
    return table


def shared_texts(column: pa.ChunkedArray, field: pa.Field, /) -> Any:
    """The texts of a column in a pandas array in which equal ones are one object; None where that would not pay.

    pandas takes it for what it makes of the column itself, a column of `str`.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = field.type.value_type if is_coded(field) else field.type
    if not is_plain_text(kind):
        return None
    dtype = pa.array([], kind).to_pandas().dtype
    if not is_coded(field) and (
        getattr(dtype, "storage", "") != "pyarrow"
        or len(column) < _LONG
        or pc.count_distinct(column[:_LONG]).as_py() > _FEW
    ):
        return None
    encoded = column.combine_chunks()
    encoded = encoded if is_coded(field) else encoded.dictionary_encode()
    absent = getattr(dtype, "na_value", None)
    known = np.array([*encoded.dictionary.to_pylist(), absent], dtype=object)
    codes = encoded.indices.fill_null(len(known) - 1).to_numpy()
    if dtype == np.dtype(object):
        return known.take(codes)
    nan = float("nan") if absent is not pd.NA else pd.NA
    texts: Any = pd.array(known, dtype=pd.StringDtype("python", na_value=nan))
    return texts.take(codes)
