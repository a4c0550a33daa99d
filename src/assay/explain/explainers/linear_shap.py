"""SHAP values of linear models, as an explainer."""

from __future__ import annotations

from assay.core.part import part
from assay.explain.attribution import Attributions
from assay.explain.question import Question
from assay.explain.shapley import by_form


@part(
    "linear-shap",
    kind="explainer",
    title="SHAP values of linear models: exact, coefficient times distance from the mean of the background",
    statement=(
        "base + values is the linear sum (log-odds for logistic regression), exactly; correlations between columns are "
        "left out of account. Lundberg & Lee (2017), corollary 1."
    ),
)
def linear_shap(question: Question, /, *, scale: str | None = None) -> Attributions:
    """The exact Shapley values of the columns in a linear sum. See `assay.explain.shapley.by_form.linear_shap`."""
    return by_form.linear_shap(question, scale=scale)
