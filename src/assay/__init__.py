"""assay: measure whether a machine-learning model may be trusted, and keep measuring once it serves.

    import assay
    case = assay.Case.from_frame(df, label="repaid", prediction="approved", score="p", protected=["sex"])
    run = assay.audit(case)
    run.verdict; run.findings.to_frame(); run.report("report.html")

Names are loaded when first used, so that `import assay` stays fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.core.errors import AssayError as AssayError
    from assay.core.finding import Finding as Finding
    from assay.core.measure import Interval as Interval
    from assay.core.measure import Limit as Limit
    from assay.core.measure import Measure as Measure
    from assay.core.measure import Verdict as Verdict
    from assay.core.policy import Policy as Policy
    from assay.data.case import Case as Case
    from assay.data.counts import Counts as Counts
    from assay.face import AuditRun as AuditRun
    from assay.face import audit as audit
    from assay.face import checks as checks
    from assay.face import demo as demo
    from assay.face import load_model as load_model
    from assay.face import open_store as open_store
    from assay.face import read_case as read_case
    from assay.face import read_policy as read_policy
    from assay.face import wrap_model as wrap_model

_WHERE = {
    "AssayError": "assay.core.errors",
    "AuditRun": "assay.face",
    "Case": "assay.data.case",
    "Counts": "assay.data.counts",
    "Finding": "assay.core.finding",
    "Interval": "assay.core.measure",
    "Limit": "assay.core.measure",
    "Measure": "assay.core.measure",
    "Policy": "assay.core.policy",
    "Verdict": "assay.core.measure",
    "audit": "assay.face",
    "checks": "assay.face",
    "demo": "assay.face",
    "load_model": "assay.face",
    "open_store": "assay.face",
    "read_case": "assay.face",
    "read_policy": "assay.face",
    "wrap_model": "assay.face",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'assay' has no attribute {name!r}; it has {', '.join(_WHERE)}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(_WHERE)
