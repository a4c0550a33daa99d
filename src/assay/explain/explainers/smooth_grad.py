"""SmoothGrad of a torch network, as an explainer."""

from __future__ import annotations

from typing import Literal

from assay.core.house import Progress
from assay.core.part import part
from assay.explain.attribution import Attributions
from assay.explain.deep import rows
from assay.explain.question import Question
from assay.explain.target import Scale


@part(
    "smooth-grad",
    kind="explainer",
    title="SmoothGrad: gradients of a torch network averaged over noise around each row",
    statement=(
        "Values are averaged gradients times the distance from the baseline (or the gradients themselves), with "
        "standard errors; they do not sum to the output. Smilkov et al. (2017)."
    ),
)
def smooth_grad(
    question: Question,
    /,
    *,
    noise: float = 0.15,
    samples: int = 100,
    meaning: Literal["added", "slopes"] = "added",
    baseline: Literal["mean", "zeros"] = "mean",
    scale: Scale | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """Gradients averaged over noise, by column. See `assay.explain.deep.rows.smooth_grad`; extra [deep]."""
    return rows.smooth_grad(
        question,
        noise=noise,
        samples=samples,
        meaning=meaning,
        baseline=baseline,
        scale=scale,
        progress=progress,
    )
