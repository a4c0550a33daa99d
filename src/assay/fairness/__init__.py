"""Whether the model treats groups of people alike: rates by group, their gaps and their sources."""

from assay.core.part import Area

area = Area(
    name="fairness",
    title="Fairness between groups",
    catalogues=("assay.fairness.checks",),
    commands={"fairness subgroups": "assay.fairness.commands:subgroups"},
)
"""What the entry point names: every module in the catalogue is a check."""
