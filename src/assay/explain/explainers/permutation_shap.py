"""SHAP values of any model by random orders of the columns, as an explainer."""

from __future__ import annotations

from assay.core.house import Progress
from assay.core.part import part
from assay.explain.attribution import Attributions
from assay.explain.question import Question
from assay.explain.shapley import by_answers


@part(
    "permutation-shap",
    kind="explainer",
    title="SHAP values of any model: sampled orders of the columns, each walked both ways",
    statement=(
        "base + values is the output, exactly, for every row; each value is unbiased and comes with its Monte-Carlo "
        "standard error. Castro, Gómez & Tejada (2009); Mitchell et al. (2022)."
    ),
)
def permutation_shap(
    question: Question,
    /,
    *,
    scale: str | None = None,
    pairs: int | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """Sampled Shapley values of the columns. See `assay.explain.shapley.by_answers.permutation_shap`.

    Asks the model for at most 2·(columns - 1)·pairs·background rows for each explained row.
    """
    return by_answers.permutation_shap(question, scale=scale, pairs=pairs, progress=progress)
