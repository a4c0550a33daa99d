"""Why the model decides as it does, what would change a decision, and whether the explanation can be believed.

In Python: `from assay import explain`, then `explain.shap(case, [17]).as_list()`.
"""

from __future__ import annotations

from assay.core.part import Area
from assay.explain.face import (
    ale,
    anchors,
    cheapest_counterfactuals,
    counterfactuals,
    gradients,
    importance,
    lime,
    paragraphs,
    partial_dependence,
    shap,
    text,
)

__all__ = [
    "ale",
    "anchors",
    "area",
    "cheapest_counterfactuals",
    "counterfactuals",
    "gradients",
    "importance",
    "lime",
    "paragraphs",
    "partial_dependence",
    "shap",
    "text",
]

area = Area(
    name="explain",
    title="Explanations and whether they can be believed",
    catalogues=("assay.explain.checks", "assay.explain.explainers"),
    commands={
        "explain": "assay.explain.commands.explain:explain",
        "explain reasons": "assay.explain.commands.reasons:adverse_action",
        "explain text": "assay.explain.commands.text:text",
    },
)
"""What the entry point names: every module in the catalogues is a check or an explainer."""
