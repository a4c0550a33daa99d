"""Expected gradients of a torch network, as an explainer."""

from __future__ import annotations

from assay.core.house import Progress
from assay.core.part import part
from assay.explain.attribution import Attributions
from assay.explain.deep import rows
from assay.explain.question import Question
from assay.explain.target import Scale


@part(
    "gradient-shap",
    kind="explainer",
    title="GradientSHAP: integrated gradients of a torch network averaged over the background",
    statement=(
        "base + values is the output in expectation; values have Monte-Carlo standard errors, and so has their sum. "
        "Aumann–Shapley values, not Shapley values. Erion et al. (2021)."
    ),
)
def gradient_shap(
    question: Question,
    /,
    *,
    samples: int = 500,
    scale: Scale | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """Expected gradients of each column. See `assay.explain.deep.rows.gradient_shap`; extra [deep]."""
    return rows.gradient_shap(question, samples=samples, scale=scale, progress=progress)
