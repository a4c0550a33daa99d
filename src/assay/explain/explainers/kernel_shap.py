"""SHAP values of any model by weighted regression on coalitions, as an explainer."""

from __future__ import annotations

from assay.core.house import Progress
from assay.core.part import part
from assay.explain.attribution import Attributions
from assay.explain.question import Question
from assay.explain.shapley import by_answers


@part(
    "kernel-shap",
    kind="explainer",
    title="SHAP values of any model: weighted regression on sampled coalitions and their complements",
    statement=(
        "base + values is the output, exactly, for every row; values are exact where all coalitions fit the samples, "
        "else consistent, with standard errors. Lundberg & Lee (2017), theorem 2; Covert & Lee (2021)."
    ),
)
def kernel_shap(
    question: Question,
    /,
    *,
    scale: str | None = None,
    samples: int | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """Shapley values of the columns by regression. See `assay.explain.shapley.by_answers.kernel_shap`.

    Asks the model for samples × background rows for each explained row.
    """
    return by_answers.kernel_shap(question, scale=scale, samples=samples, progress=progress)
