"""Nothing of the identifier is left, not even what it was."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.operator import KIND, Operator


@part(
    "redact",
    kind=KIND,
    title="One mark for every identifier",
    statement="The text keeps neither value, kind nor length of an identifier, only where one stood.",
)
def redact(*, written: str = "[redacted]") -> Operator:
    """Writes `written` for every identifier."""
    return Operator("redact", lambda found: [written] * len(found))
