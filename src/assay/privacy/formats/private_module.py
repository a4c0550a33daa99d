"""The folder of a privately trained torch network, opened as a model without torch."""

from __future__ import annotations

from pathlib import Path

from assay.core.part import MODEL_FORMAT, Opening, part
from assay.core.subject import Model


@part(
    "private-module",
    kind=MODEL_FORMAT,
    title="A privately trained network that assay saved",
    statement="An ONNX graph and JSON, never a pickle; every file must have the digest that private_module.json says.",
)
def private_module(folder: Path, opening: Opening, /) -> Model | None:
    """The private network in `folder`; None where it holds no private_module.json."""
    from assay.privacy.deep.saved import FACTS, open_module

    if not (folder / FACTS).is_file():
        return None
    return open_module(folder, isolate=opening.isolate, timeout=opening.timeout)
