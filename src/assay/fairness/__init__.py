"""Whether the model treats groups of people alike: rates by group, their gaps and their sources."""

from assay.core.part import Area

area = Area(
    name="fairness",
    title="Fairness between groups",
    catalogues=(
        "assay.fairness.checks",
        "assay.fairness.checks.data",
        "assay.fairness.mitigate",
        "assay.fairness.formats",
    ),
    commands={
        "fairness subgroups": "assay.fairness.commands.subgroups:subgroups",
        "mitigate": "assay.fairness.commands.mitigate:mitigate",
    },
)
"""What the entry point names: every module in the catalogues is a check or a mitigation."""
