"""Integrated gradients of a torch network, as an explainer."""

from __future__ import annotations

from typing import Literal

from assay.core.house import Progress
from assay.core.part import part
from assay.explain.attribution import Attributions
from assay.explain.deep import rows
from assay.explain.deep.methods.integrated import Precision
from assay.explain.question import Question
from assay.explain.target import Scale


@part(
    "integrated-gradients",
    kind="explainer",
    title="Integrated gradients of a torch network, against one baseline row",
    statement=(
        "base + values is the output within tolerance·(1 + |output − base|), for which steps are doubled; a row that "
        "stays incomplete says so, with its residual. Sundararajan, Taly & Yan (2017)."
    ),
)
def integrated_gradients(
    question: Question,
    /,
    *,
    baseline: Literal["mean", "zeros"] = "mean",
    scale: Scale | None = None,
    steps: int = 32,
    most: int = 4096,
    tolerance: float = 1e-3,
    progress: Progress | None = None,
) -> Attributions:
    """What each column added on the straight way from the baseline. See `assay.explain.deep.rows`; extra [deep]."""
    precision = Precision(steps, most, tolerance)
    return rows.integrated_gradients(question, baseline=baseline, scale=scale, precision=precision, progress=progress)
