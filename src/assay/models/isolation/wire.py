"""Messages between a model's child process and its parent: JSON headers, Arrow tables, raw arrays. No pickle.

A message is two 8-byte big-endian lengths, a JSON header of the first length and a payload of the second.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from assay.core.errors import AssayError

_LENGTHS = struct.Struct(">QQ")
_LARGEST_HEADER = 64 << 20
_PIPE_SIZE = 1 << 20
DTYPES: dict[str, np.dtype[Any]] = {
    "<i8": np.dtype("<i8"),
    "<f8": np.dtype("<f8"),
    "<f4": np.dtype("<f4"),
    "|u1": np.dtype("|u1"),
}
"""Element types that arrays may have on the wire."""


def send(stream: BinaryIO, header: Mapping[str, Any], /, *payload: Any) -> None:
    """Write one message; `payload` are buffers that follow each other."""
    views = [memoryview(part).cast("B") for part in payload if len(part)]
    text = json.dumps(header).encode()
    head = _LENGTHS.pack(len(text), sum(view.nbytes for view in views)) + text
    for view in (memoryview(head), *views):
        at = 0
        while at < view.nbytes:
            at += stream.write(view[at:])


def receive(stream: BinaryIO, /, *, limit: int) -> tuple[dict[str, Any], bytearray]:
    """The next message, of at most `limit` payload bytes; EOFError when the other side is gone."""
    header_size, size = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    if header_size > _LARGEST_HEADER or size > limit:
        raise AssayError("The model's process sent a message that is too long.", code="model-crashed")
    header = json.loads(_exactly(stream, header_size))
    if not isinstance(header, dict):
        raise ValueError("a header is an object")
    return header, _exactly(stream, size)


def _exactly(stream: BinaryIO, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    at = 0
    while at < size:
        read = stream.readinto(view[at:])  # type: ignore[attr-defined]
        if not read:
            raise EOFError
        at += read
    return data


def widen(stream: BinaryIO, /) -> None:
    """Let a pipe hold a megabyte where the OS can, so that large batches need few switches."""
    if sys.platform == "linux":
        import fcntl

        try:
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        except OSError:
            return  # the user's pipes are used up: small ones work as well


def pack_inputs(inputs: Any, /) -> tuple[dict[str, Any], Any]:
    """A batch of any modality as a description and one buffer."""
    import pyarrow as pa

    if isinstance(inputs, pa.Table):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, inputs.schema) as writer:
            writer.write_table(inputs)
        return {"modality": "table"}, sink.getvalue()
    if isinstance(inputs, np.ndarray):
        dtype = inputs.dtype.str if inputs.dtype.str in DTYPES else "<f8"
        array = np.ascontiguousarray(inputs, dtype=DTYPES[dtype])
        return {"modality": "array", "dtype": dtype, "shape": list(array.shape)}, array
    if isinstance(inputs, list) and all(isinstance(text, str) for text in inputs):
        return {"modality": "texts"}, json.dumps(inputs).encode()
    raise AssayError(
        f"A model takes no {type(inputs).__name__}.",
        code="features",
        hint="Give a pyarrow.Table, a list of texts, or a numeric array with rows first.",
    )


def unpack_inputs(header: Mapping[str, Any], payload: bytearray, /) -> Any:
    """The batch that `pack_inputs` packed."""
    import pyarrow as pa

    if header["modality"] == "table":
        return pa.ipc.open_stream(pa.py_buffer(payload)).read_all()
    if header["modality"] == "array":
        return np.frombuffer(payload, DTYPES[header["dtype"]]).reshape(header["shape"])
    return json.loads(payload)


def pack_arrays(arrays: Mapping[str, np.ndarray | None], /) -> tuple[list[dict[str, Any]], list[Any]]:
    """Descriptions and buffers of those arrays that are not None, as int64 or float64."""
    described, buffers = [], []
    for name, array in arrays.items():
        if array is None:
            continue
        dtype = "<i8" if array.dtype.kind in "iu" else "<f8"
        made = np.ascontiguousarray(array, dtype=DTYPES[dtype])
        described.append({"name": name, "dtype": dtype, "shape": list(made.shape)})
        buffers.append(made.reshape(-1))
    return described, buffers


def unpack_arrays(
    described: Any, payload: bytearray, /, *, expected: Mapping[str, Sequence[int | None]]
) -> dict[str, np.ndarray]:
    """The arrays, each of which must be `expected` and of exactly the shape that is; None is any size."""
    found: dict[str, np.ndarray] = {}
    at = 0
    for item in described:
        name, dtype, shape = item["name"], DTYPES[item["dtype"]], list(item["shape"])
        if name not in expected or not _fits(shape, expected[name]):
            raise AssayError(f"The model's process returned {name!s:.40} of shape {shape!s:.60}.", code="model-crashed")
        count = int(np.prod(shape, dtype=np.int64))
        found[name] = np.frombuffer(payload, dtype, count=count, offset=at).reshape(shape)
        at += count * dtype.itemsize
    return found


def _fits(shape: list[Any], expected: Sequence[int | None]) -> bool:
    return len(shape) == len(expected) and all(
        type(size) is int and size >= 0 and wanted in (None, size) for size, wanted in zip(shape, expected, strict=True)
    )
