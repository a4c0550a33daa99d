"""Why the model decides as it does, what would change a decision, and whether the explanation can be believed."""

from assay.core.part import Area

area = Area(
    name="explain",
    title="Explanations and whether they can be believed",
    catalogues=("assay.explain.checks", "assay.explain.explainers"),
    commands={},
)
"""What the entry point names: every module in the catalogues is a check or an explainer."""
