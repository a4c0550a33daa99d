"""The folder that `assay mitigate --out` writes, opened as a model."""

from __future__ import annotations

from pathlib import Path

from assay.core.part import MODEL_FORMAT, Opening, part
from assay.core.subject import Model
from assay.fairness.mitigation.mitigation import KIND as MITIGATION


@part(
    "mitigated",
    kind=MODEL_FORMAT,
    title="A mitigated model that assay saved",
    statement="Opened without pickles; every file must have the digest that mitigation.json says.",
)
def mitigated(folder: Path, opening: Opening, /) -> Model | None:
    """The mitigated model in `folder`; None where it holds no mitigation.json.

    Columns have the names they had at fitting; those of the protected attributes are among the model's features only
    where the method needs them to decide. Where decisions are drawn, the subjects are in the column of the fitted
    rows, or else in `opening.unit`.
    """
    from assay.fairness.mitigation.saved.folder import FACTS, open_folder
    from assay.fairness.mitigation.saved.model import MitigatedModel

    if not (folder / FACTS).is_file():
        return None
    saved = open_folder(
        folder, parts=opening.parts(MITIGATION), trust=opening.trust, timeout=opening.timeout, isolate=opening.isolate
    )
    serving = saved.serving
    return MitigatedModel(
        saved.fitted,
        protected=saved.fitted.groups_.attributes,
        subject=serving.subject or opening.unit or "",
        serving=serving,
        digest=saved.digest,
    )
