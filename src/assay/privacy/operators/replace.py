"""The kind of the identifier stands for it."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.operator import KIND, Operator


@part(
    "replace",
    kind=KIND,
    title="The kind of the identifier in its place",
    statement="The text keeps the kind of an identifier and neither value nor length.",
)
def replace() -> Operator:
    """Writes <IBAN> for every IBAN, and so on."""
    return Operator("replace", lambda found: [f"<{each.entity}>" for each in found])
