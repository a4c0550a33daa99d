"""The child process: opens one model after giving up its rights, then answers batch after batch.

Started by `assay.models.isolation.process`. Standard output is the channel; what libraries print goes to
standard error. An error that is the user's to mend goes back as a message; any other ends the process,
and the parent reads why from standard error.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from assay.core.errors import AssayError
from assay.models.inputs import row_count
from assay.models.isolation import sandbox, wire
from assay.models.outputs import check_shapes

_UNUSED = ("torch", "tensorflow", "jax", "cupy", "dask", "polars")
"""Heavy libraries that others load when they find them, and no table model needs."""

_ERRORS_SIZE = 1 << 20


class _Refuse:
    """A finder that says that the unused libraries, but for those of trusted types, are not installed."""

    def __init__(self, trust: Iterable[str]) -> None:
        self._names = frozenset(_UNUSED) - {name.partition(".")[0] for name in trust}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"{name} is not used in this process", name=name)


def main() -> None:
    """Serve one parent until it closes the channel."""
    channel_in = os.fdopen(os.dup(0), "rb", buffering=0)
    channel_out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    header, data = wire.receive(channel_in, limit=sys.maxsize)
    enforced = _prepare(header)
    _Server(channel_in, channel_out, float(header["seconds"])).serve(header, data, enforced)


def _prepare(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Load the libraries of this kind of model, then give up everything else."""
    limited = sandbox.limit_resources(memory=int(header["memory"]), file_size=int(header["file_size"]))
    kind = header["kind"]
    if kind not in ("pickle", "torch", "keras"):
        sys.meta_path.insert(0, _Refuse(header["trust"]))
    scratch = tempfile.tempdir = header["scratch"] or None
    _import_for(kind)
    return (("memory",) if limited else ()) + sandbox.forbid(scratch=scratch or "")


def _import_for(kind: str) -> None:
    import pyarrow as _pyarrow  # noqa: F401

    if kind == "skops":
        import skops.io as _skops  # noqa: F401
    elif kind == "pickle":
        import joblib as _joblib  # noqa: F401
    elif kind == "xgboost":
        import xgboost as _xgboost  # noqa: F401
    elif kind == "lightgbm":
        import lightgbm as _lightgbm  # noqa: F401
    elif kind == "onnx":
        import onnxruntime as _onnxruntime  # noqa: F401
    elif kind in ("torch", "keras"):
        _import_network(kind)


def _import_network(kind: str) -> None:
    """What an extra brings is missed later, with the error that names it."""
    with contextlib.suppress(ImportError):
        if kind == "torch":
            import torch as _torch  # noqa: F401
        else:
            import tensorflow as _tensorflow  # noqa: F401
            import tf2onnx as _tf2onnx  # noqa: F401


class _Server:
    def __init__(self, channel_in: BinaryIO, channel_out: BinaryIO, seconds: float) -> None:
        self._in, self._out = channel_in, channel_out
        self._seconds = seconds
        self._model: Any = None
        self._kind = ""

    def serve(self, header: Mapping[str, Any], data: bytearray, enforced: tuple[str, ...]) -> None:
        """Answer the first message (open the model), and then each next one."""
        self._answer({**header, "op": "open", "enforced": enforced}, data)
        while True:
            try:
                header, payload = wire.receive(self._in, limit=sys.maxsize)
            except EOFError:
                return
            self._answer(header, payload)

    def _answer(self, header: Mapping[str, Any], payload: bytearray) -> None:
        # Each thread may use the time limit, and some more, so that the parent's clock decides first.
        sandbox.limit_processor(seconds=(self._seconds + 5) * (os.cpu_count() or 1))
        try:
            reply, buffers = getattr(self, f"_{header['op']}")(header, payload)
        except AssayError as error:
            reply, buffers = {"error": [error.code, error.message, error.hint]}, []
        except MemoryError:
            reply, buffers = {"error": _out_of_memory(header)}, []
        wire.send(self._out, reply, *buffers)

    def _open(self, header: Mapping[str, Any], payload: bytearray) -> tuple[dict[str, Any], list[Any]]:
        from assay.models.formats import ModelFile
        from assay.models.load import open_here

        self._kind, classes = header["kind"], header["classes"]
        file = ModelFile(
            name=header["name"],
            kind=header["kind"],
            data=bytes(payload),
            digest=header["digest"],
            task=header["task"],
            classes=tuple(classes) if classes is not None else None,
            trust=tuple(header["trust"]),
            form=header["form"],
        )
        model = self._model = open_here(file)
        return {
            "task": model.task,
            "features": list(model.features),
            "classes": list(model.classes),
            "width": model.width,
            "notes": list(model.notes),
            "enforced": list(header["enforced"]),
        }, []

    def _outputs(self, header: Mapping[str, Any], payload: bytearray) -> tuple[dict[str, Any], list[Any]]:
        inputs = wire.unpack_inputs(header, payload)
        found = self._model.answer(inputs)
        check_shapes(found, rows=row_count(inputs), classes=self._model.classes)
        described, buffers = wire.pack_arrays({"codes": found.codes, "scores": found.scores, "values": found.values})
        return {"arrays": described}, buffers

    def _inside(self, header: Mapping[str, Any], payload: bytearray) -> tuple[dict[str, Any], list[Any]]:
        from assay.models.internals.shipping import describe

        described, arrays = describe(self._model.inside())
        packed, buffers = wire.pack_arrays(arrays)
        return {"inside": described, "arrays": packed}, buffers

    def _encoded(self, header: Mapping[str, Any], payload: bytearray) -> tuple[dict[str, Any], list[Any]]:
        return self._numbers(self._model.encode(wire.unpack_inputs(header, payload)).matrix)

    def _raw(self, header: Mapping[str, Any], payload: bytearray) -> tuple[dict[str, Any], list[Any]]:
        return self._numbers(self._model.margins(wire.unpack_inputs(header, payload)))

    def _contributed(self, header: Mapping[str, Any], payload: bytearray) -> tuple[dict[str, Any], list[Any]]:
        return self._numbers(self._model.contributions(wire.unpack_inputs(header, payload)))

    def _numbers(self, found: Any) -> tuple[dict[str, Any], list[Any]]:
        described, buffers = wire.pack_arrays({"found": found})
        return {"arrays": described}, buffers

    def _export(self, header: Mapping[str, Any], payload: bytearray) -> tuple[dict[str, Any], list[Any]]:
        from assay.models.convert.export import export

        if self._kind == "pickle":  # what the model itself needs is loaded by now
            sys.meta_path.insert(0, _Refuse(()))
        sample = wire.unpack_inputs(header, payload)
        return {}, [export(self._model, header["to"], sample)]

    def _ranges(self, header: Mapping[str, Any], payload: bytearray) -> tuple[dict[str, Any], list[Any]]:
        from assay.models.convert.rows import known_ranges

        return {"ranges": known_ranges(self._model)}, []


def _out_of_memory(header: Mapping[str, Any]) -> list[str]:
    doing = "opening it" if header["op"] == "open" else "predicting"
    return [
        "memory",
        f"The model needs more memory than it is allowed, {doing}.",
        "If the file is what you expect, open it in this process (isolate=False), or give smaller batches.",
    ]
