"""SHAP values of any model with few columns by asking for every coalition, as an explainer."""

from __future__ import annotations

from assay.core.house import Progress
from assay.core.part import part
from assay.explain.attribution import Attributions
from assay.explain.question import Question
from assay.explain.shapley import by_answers


@part(
    "exact-shap",
    kind="explainer",
    title="SHAP values of any model with at most 15 columns: all coalitions asked for",
    statement="base + values is the output, and every value the Shapley value itself. Shapley (1953).",
)
def exact_shap(question: Question, /, *, scale: str | None = None, progress: Progress | None = None) -> Attributions:
    """The Shapley values of the columns by enumeration. See `assay.explain.shapley.by_answers.exact_shap`.

    Asks the model for 2^columns × background rows for each explained row.
    """
    return by_answers.exact_shap(question, scale=scale, progress=progress)
