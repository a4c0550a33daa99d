"""What a policy forbids a mitigation to do."""

from __future__ import annotations

from assay.core.errors import AssayError, Message
from assay.core.policy import Policy
from assay.fairness.mitigation.mitigation import Mitigation


def forbidden_by(policy: Policy, /) -> Message | None:
    """Why methods that need the protected attribute at decision time must not be used; None where they may.

    Law may allow training with a protected attribute and still forbid deciding by it: in the United States as
    disparate treatment (15 U.S.C. § 1691; 42 U.S.C. § 2000e-2(l) on cut-offs by group), in the Union as direct
    discrimination.
    """
    if not policy.rules.forbid_attribute_at_decision:
        return None
    words = "the policy {policy} forbids to decide by a protected attribute, which this method needs"
    return Message("attribute-forbidden", words, {"policy": f"{policy.name} {policy.version}"})


def check_method(method: Mitigation, forbidden: Message | None, /) -> None:
    """Raises an error where `method` needs at decision time what is forbidden."""
    if forbidden and method.needs_attribute_at_decision:
        raise AssayError(
            f"{method.id} is refused: {forbidden.text()}.",
            code="forbidden",
            hint="Choose a method that decides without it (--compare lists them), or another policy.",
        )
