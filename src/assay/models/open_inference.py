"""Tensors of the Open Inference Protocol V2 in JSON, out and in.

Protocol: https://github.com/kserve/open-inference-protocol (REST, version 2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.core.errors import AssayError
from assay.models.adapter import excerpt
from assay.models.inputs import is_number, is_text, matrix, numbers
from assay.models.tensors import TensorSpec

if TYPE_CHECKING:
    import pyarrow as pa

Family = Literal["floating", "integer", "boolean", "text"]
_INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
FAMILIES: dict[str, Family] = {
    "BOOL": "boolean",
    "BYTES": "text",
    "FP16": "floating",
    "FP32": "floating",
    "FP64": "floating",
    "BF16": "floating",
    **dict.fromkeys(_INTEGERS, "integer"),
}
"""Datatypes of the protocol."""

_DTYPES: dict[Family, Any] = {"floating": np.float64, "integer": np.int64, "boolean": np.bool_, "text": np.object_}


@dataclass(frozen=True, slots=True)
class Declared:
    """A tensor that the endpoint's metadata declare, and the datatype by which it calls it."""

    spec: TensorSpec
    datatype: str


UNDECLARED = Declared(TensorSpec("input-0", "floating", ()), "FP64")
"""The one input assumed where the metadata declare none."""


def declared(metadata: Mapping[str, Any], what: Literal["inputs", "outputs"], /) -> list[Declared]:
    """The tensors that the metadata declare; none where they are silent."""
    found = []
    for item in records(metadata, what):
        sizes = item.get("shape")
        dims = tuple(s if isinstance(s, int) and s > 0 else None for s in (sizes if isinstance(sizes, list) else []))
        datatype = str(item.get("datatype"))
        found.append(Declared(TensorSpec(str(item.get("name")), family(datatype), dims), datatype))
    return found


def records(message: Mapping[str, Any], what: str, /) -> list[Mapping[str, Any]]:
    """The list of objects under `what`; none where it is absent."""
    value = message.get(what)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise AssayError(f"The endpoint's {what} are no list of objects.", code="endpoint", hint="Is it a V2 endpoint?")
    return value


def family(datatype: str, /) -> Family:
    """What kind of value a datatype of the protocol is."""
    if datatype not in FAMILIES:
        raise AssayError(
            f"The endpoint names the datatype {excerpt(datatype, limit=40)!r}.",
            code="endpoint",
            hint=f"Known: {', '.join(FAMILIES)}.",
        )
    return FAMILIES[datatype]


def encode_matrix(wanted: Declared, table: pa.Table, /) -> dict[str, Any]:
    """One tensor (rows, columns) of the whole table."""
    if wanted.spec.kind == "text":
        columns = [_texts(table, position) for position in range(table.num_columns)]
        return _encoded(wanted, np.column_stack(columns))
    return _encoded(wanted, matrix(table))


def encode_column(wanted: Declared, table: pa.Table, position: int, /) -> dict[str, Any]:
    """One tensor (rows,) or (rows, 1) of one column."""
    field = table.schema.field(position)
    if wanted.spec.kind == "text":
        values = _texts(table, position)
    elif is_number(field.type):
        values = numbers(table.column(position))
    else:
        raise _wrong_kind(field, "numbers")
    return _encoded(wanted, values if len(wanted.spec.shape) == 1 else values[:, None])


def _texts(table: pa.Table, position: int) -> np.ndarray:
    field = table.schema.field(position)
    if not is_text(field.type):
        raise _wrong_kind(field, "text")
    return np.array([*table.column(position).to_pylist(), None], dtype=object)[:-1]


def _wrong_kind(field: Any, wanted: str) -> AssayError:
    return AssayError(
        f"Column {field.name!r} is {field.type}, the endpoint takes {wanted}.",
        code="features",
        hint="Give the columns, of the kinds, that the model was trained on.",
    )


def _encoded(wanted: Declared, data: np.ndarray) -> dict[str, Any]:
    """A JSON tensor. JSON has no NaN, so missing values are an error that counts them."""
    kind, flat = wanted.spec.kind, data.ravel()
    missing = sum(value is None for value in flat) if kind == "text" else int((~np.isfinite(flat)).sum())
    if missing:
        raise AssayError(
            f"{missing} missing values cannot be sent to the endpoint's input {wanted.spec.name!r}: JSON has none.",
            code="features",
            hint="Fill them as the model was trained.",
        )
    values = flat.astype(_DTYPES[kind]).tolist()
    return {"name": wanted.spec.name, "datatype": wanted.datatype, "shape": list(data.shape), "data": values}


def decode(output: Mapping[str, Any], /, *, rows: int) -> np.ndarray:
    """(rows, ...) array of one returned tensor, whose data may be flat or nested."""
    name, shape = excerpt(output.get("name"), limit=60), output.get("shape")
    if not isinstance(shape, list) or not all(isinstance(size, int) and 0 <= size < 1 << 31 for size in shape):
        raise AssayError(f"The endpoint's output {name!r} has no shape.", code="endpoint", hint="Is it a V2 endpoint?")
    kind = family(str(output.get("datatype")))
    try:
        array = np.array(output.get("data"), dtype=_DTYPES[kind]).ravel()
    except (ValueError, TypeError, OverflowError) as error:
        raise AssayError(f"The endpoint's output {name!r} holds no data of its datatype.", code="endpoint") from error
    if not shape or shape[0] != rows or math.prod(shape) != len(array):
        raise AssayError(
            f"The endpoint's output {name!r} has shape {shape} and {len(array)} values for {rows} rows.",
            code="endpoint",
            hint="One row of output is needed for each row of input.",
        )
    return array.reshape(shape)
