"""SHAP values of sums of trees, as an explainer."""

from __future__ import annotations

from typing import Literal

from assay.core.house import Progress
from assay.core.part import part
from assay.explain.attribution import Attributions
from assay.explain.question import Question
from assay.explain.shapley import by_form


@part(
    "tree-shap",
    kind="explainer",
    title="SHAP values of trees: exact, against a background or the training rows of the branches",
    statement=(
        "base + values is the output on the scale on which the trees sum (log-odds for boosters, probability for "
        "forests), exactly, up to the float32 arithmetic of the library. Lundberg et al. (2020)."
    ),
)
def tree_shap(
    question: Question,
    /,
    *,
    scale: str | None = None,
    game: Literal["interventional", "path-dependent"] = "interventional",
    progress: Progress | None = None,
) -> Attributions:
    """The exact Shapley values of the columns in a sum of trees. See `assay.explain.shapley.by_form.tree_shap`."""
    return by_form.tree_shap(question, scale=scale, game=game, progress=progress)
