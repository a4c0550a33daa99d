"""Arrays of numbers in one npz file; a forged one can neither run anything nor claim more memory than it has bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError

KINDS = "fiub"
"""Kinds of numpy arrays that are kept: floats, integers, booleans."""


def write_arrays(arrays: Mapping[str, NDArray[Any]], /) -> bytes:
    """The bytes of an uncompressed npz file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue())
    return out.getvalue()


def read_arrays(data: bytes, /) -> dict[str, NDArray[Any]]:
    """The arrays that `write_arrays` wrote; anything else is an error."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if any(m.compress_type != zipfile.ZIP_STORED or m.file_size > len(data) for m in members):
                raise ValueError("a member is compressed, or larger than the file")
            return {m.filename.removesuffix(".npy"): _array(archive.read(m)) for m in members}
    except (zipfile.BadZipFile, ValueError, TypeError, OSError, EOFError, SyntaxError, MemoryError) as error:
        raise AssayError(
            f"The arrays of the model cannot be read: {str(error)[:200]}.",
            code="model-file",
            hint="Save the model again.",
        ) from error


def _array(data: bytes) -> NDArray[Any]:
    """One npy array whose header agrees with its size; numbers only."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("an array has another format than 1.0")
    shape, in_columns, kind = np.lib.format.read_array_header_1_0(stream)
    size = int(np.prod(shape, dtype=object)) * kind.itemsize
    if kind.kind not in KINDS or in_columns or size != len(data) - stream.tell():
        raise ValueError("an array holds no numbers, or another amount than it says")
    return np.frombuffer(data, dtype=kind, offset=stream.tell()).reshape(shape).copy()
