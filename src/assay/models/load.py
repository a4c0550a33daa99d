"""A model file or address becomes a Model: read once, hashed, recognised by content, opened in a child process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError
from assay.core.subject import Task
from assay.models.adapter import Adapter, excerpt
from assay.models.formats import ModelFile, kind_of, refuse_archive, refuse_pickle
from assay.models.outputs import class_texts

LABELS = {
    "skops": "scikit-learn",
    "onnx": "ONNX",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "recorded": "recorded predictions",
    "text-head": "text encoder and head",
    "pickle": "pickled",
    "torch": "torch",
    "keras": "Keras",
}

HERE = ("recorded", "text-head")
"""Kinds that are plain numbers, checked as they are read; no child process is needed for them."""


def load(
    source: str | os.PathLike[str],
    /,
    *,
    allow_pickle: bool = False,
    trust: Sequence[str] = (),
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    timeout: float = 30.0,
    isolate: bool = True,
) -> Adapter:
    """The model at a path, or behind an http(s) address of an Open Inference Protocol V2 endpoint.

    The file is read once, and exactly the bytes that were hashed are opened: in a child process with
    limits (see `assay.models.isolation`), unless `isolate` is False because its origin is known. A pickle is
    refused unless `allow_pickle` is spelled out; the model then has `pickled` True. `classes` names the
    outputs of formats that store no names, in order; `trust` skops types beyond the built-in table;
    `timeout` is in seconds, for one request or batch of rows. A folder with config.json, tokenizer.json and
    model.safetensors is a text classifier of transformers, opened in this process; task and classes are its own.
    """
    names = class_texts(classes) if classes is not None else None
    if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
        from assay.models.adapters.endpoint import EndpointModel

        return EndpointModel(source, task=task, classes=names, timeout=timeout)
    path = Path(source)
    if path.is_dir() and (path / "model.safetensors").is_file():
        from assay.models.adapters.transformers_folder import open_folder

        return open_folder(path, name=f"transformers {excerpt(path.name, limit=80)}")
    data = read_file(path)
    return open_bytes(
        data,
        name=path.name,
        source=str(source),
        allow_pickle=allow_pickle,
        trust=trust,
        task=task,
        classes=names,
        timeout=timeout,
        isolate=isolate,
    )


def open_bytes(
    data: bytes,
    /,
    *,
    name: str,
    source: str = "",
    allow_pickle: bool = False,
    trust: Sequence[str] = (),
    task: Task | None = None,
    classes: Sequence[str] | None = None,
    timeout: float = 30.0,
    isolate: bool = True,
) -> Adapter:
    """The model in `data`, as `load` opens the bytes of a file called `name`."""
    kind = kind_of(name, data)
    if kind == "pickle" and not allow_pickle:
        raise refuse_pickle(name, source=source or name)
    if kind in ("torch", "keras"):
        raise refuse_archive(name, kind, source=source or name)
    file = ModelFile(
        name=f"{LABELS[kind]} {excerpt(name, limit=80)}",
        kind=kind,
        data=data,
        digest=digest_bytes(data),
        task=task,
        classes=tuple(classes) if classes is not None else None,
        trust=tuple(trust),
    )
    if isolate and kind not in HERE:
        from assay.models.isolation.process import Isolated

        return Isolated(file, seconds=timeout)
    return open_here(file)


def open_here(file: ModelFile, /) -> Adapter:
    """The model of a file whose kind was recognised, in this process."""
    if file.kind == "skops":
        from assay.models.adapters import sklearn_like

        return sklearn_like.open_file(file)
    if file.kind == "xgboost":
        from assay.models.adapters import xgboost

        return xgboost.open_file(file)
    if file.kind == "lightgbm":
        from assay.models.adapters import lightgbm

        return lightgbm.open_file(file)
    if file.kind == "onnx":
        from assay.models.adapters.onnx import OnnxModel

        return OnnxModel(file)
    if file.kind == "recorded":
        from assay.models.adapters import recorded

        return recorded.open_file(file)
    if file.kind == "text-head":
        from assay.models.adapters import text_head

        return text_head.open_file(file)
    from assay.models.convert import originals

    return originals.open_file(file)


def read_file(path: Path, /) -> bytes:
    """The bytes of a file, or an AssayError that says why they cannot be read."""
    try:
        return path.read_bytes()
    except IsADirectoryError as error:
        if (path / "saved_model.pb").is_file():
            raise refuse_archive(path.name, "keras", source=str(path)) from error
        raise AssayError(
            f"{str(path)!r} is a folder.", code="model-file", hint="Give the model file inside it."
        ) from error
    except OSError as error:
        raise AssayError(
            f"The model file {str(path)!r} cannot be read: {error.strerror}.", code="model-file", hint="Check the path."
        ) from error
