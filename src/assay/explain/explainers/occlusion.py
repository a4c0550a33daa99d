"""Occlusion of single columns of a torch network, as an explainer."""

from __future__ import annotations

from typing import Literal

from assay.core.house import Progress
from assay.core.part import part
from assay.explain.attribution import Attributions
from assay.explain.deep import rows
from assay.explain.question import Question
from assay.explain.target import Scale


@part(
    "occlusion",
    kind="explainer",
    title="Occlusion: the output of a torch network with and without each column",
    statement=(
        "Each value is output − output with that column alone at the baseline, exactly; values of several columns do "
        "not sum to the output. Zeiler & Fergus (2014)."
    ),
)
def occlusion(
    question: Question,
    /,
    *,
    baseline: Literal["mean", "zeros"] = "mean",
    scale: Scale | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """Output − output with the column at the baseline. See `assay.explain.deep.rows.occluded`; extra [deep]."""
    return rows.occluded(question, baseline=baseline, scale=scale, progress=progress)
