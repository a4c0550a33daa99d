"""A model by its path: a file or an address, or a folder in a format that an area brings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.core.part import MODEL_FORMAT, Opening
from assay.core.subject import Model, Task
from assay.engine.areas import Registry, registry


def open_model(
    source: str | os.PathLike[str],
    /,
    *,
    unit: str | None = None,
    allow_pickle: bool = False,
    trust: Sequence[str] = (),
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    timeout: float = 30.0,
    isolate: bool = True,
    known: Registry | None = None,
) -> Model:
    """The model at a path or behind an http(s) address, as `assay.models.load.load` opens it.

    A folder is offered to every part of kind "model-format" in turn, for example a model that `assay mitigate --out`
    saved; one that none of them knows is the error of `load`. Such a folder says its own task and classes, and is never
    unpickled. `unit` is the column that names the subject of a row, for models that draw.
    """
    path = Path(source)
    if path.is_dir():
        areas = known or registry()
        asked = Opening(areas.parts, unit=unit, trust=tuple(trust), timeout=timeout, isolate=isolate)
        for format_ in areas.parts(MODEL_FORMAT).values():
            found: Model | None = format_.make(path, asked)
            if found is not None:
                return found
    from assay.models.load import load

    return load(
        source, allow_pickle=allow_pickle, trust=trust, task=task, classes=classes, timeout=timeout, isolate=isolate
    )
