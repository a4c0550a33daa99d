"""The folder that `assay privacy train --out` writes, opened as a model."""

from __future__ import annotations

from pathlib import Path

from assay.core.part import MODEL_FORMAT, Opening, part
from assay.core.subject import Model


@part(
    "private-model",
    kind=MODEL_FORMAT,
    title="A privately trained model that assay saved",
    statement="Plain numbers and JSON, never a pickle; every file must have the digest that private_model.json says.",
)
def private_model(folder: Path, opening: Opening, /) -> Model | None:
    """The private model in `folder`; None where it holds no private_model.json."""
    from assay.privacy.training.saved import FACTS, open_folder

    return open_folder(folder) if (folder / FACTS).is_file() else None
