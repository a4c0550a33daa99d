"""How much more a class of rows tells of a sensitive value than the whole table does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure
from assay.privacy.anonymity.case_classes import NO_SENSITIVE, case_classes

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "privacy.t_closeness",
    version=1,
    title="What others may know of a person tells a sensitive value",
    needs=("rows", "quasi_identifiers"),
    limit=Limit("t", better="lower", warn=0.2, fail=0.5),
    clauses=("gdpr:5(1)(c)", "gdpr:25(1)"),
)
def t_closeness(case: Case, /, *, sensitive: str = "") -> Iterator[Measure]:
    """The largest earth mover's distance of a class from the table, and what a class gains on one value.

    `sensitive` names columns, with commas between; without it, the label. Numbers and times are as far apart as their
    ranks, categories equally (Li, Li & Venkatasubramanian 2007, ICDE). `delta_disclosure` is the largest |ln(p/q)| of a
    value that a class has (Brickell & Shmatikov 2008, KDD), `beta_likeness` the largest (p - q)/q,
    `enhanced_beta_likeness` the smallest beta with every gain at most min(beta, -ln q) (Cao & Karras 2012, PVLDB).
    """
    found = case_classes(case, sensitive=sensitive)
    n = found.rows
    if not found.sensitive:
        yield Measure("t", None, n, reason=NO_SENSITIVE)
        return
    for name, told in found.disclosures().items():
        where = {"sensitive": name}
        lacking = Message("missing-order", "some values are missing, and have no place in the order of the numbers")
        reason = lacking if told.t is None else None
        method = f"{told.t_distance} distance"
        yield Measure("t", told.t, n, where, method=method, exact=True, reason=reason, notes=found.notes)
        yield Measure("delta_disclosure", told.delta, n, where, method="exact", exact=True)
        yield Measure("beta_likeness", told.beta, n, where, method="exact", exact=True)
        words = "a value of share q gains more than -ln q in some class, which no beta allows"
        none = Message("no-beta", words) if told.enhanced_beta is None else None
        value = told.enhanced_beta
        yield Measure("enhanced_beta_likeness", value, n, where, method="exact", exact=True, reason=none)
