"""How many sensitive values a class of rows leaves open."""

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
    "privacy.l_diversity",
    version=1,
    title="People who cannot be told apart share the same sensitive value",
    needs=("rows", "quasi_identifiers"),
    limit=Limit("l_distinct", better="higher", warn=2, fail=2),
    clauses=("gdpr:5(1)(c)", "gdpr:25(1)"),
)
def l_diversity(case: Case, /, *, sensitive: str = "") -> Iterator[Measure]:
    """Values of a sensitive column in the class that has fewest: distinct, by entropy, and the c of recursive (c, l).

    `sensitive` names columns, with commas between; without it, the label. Also `alpha`, the largest share of one value
    in one class: of (alpha, k)-anonymity. Machanavajjhala et al. 2007 (ACM TKDD 1:3); Wong et al. 2006 (KDD).
    """
    found = case_classes(case, sensitive=sensitive)
    n = found.rows
    if not found.sensitive:
        yield Measure("l_distinct", None, n, reason=NO_SENSITIVE)
        return
    for name, told in found.disclosures().items():
        where = {"sensitive": name}
        yield Measure("l_distinct", float(told.l), n, where, method="exact", exact=True, notes=found.notes)
        yield Measure("l_entropy", told.entropy_l, n, where, method="exact", exact=True)
        yield Measure("alpha", told.alpha, n, where, method="exact", exact=True)
        words = "some class has fewer than {l} values, so that no c is large enough"
        reason = None if told.recursive_c is not None else Message("few-values", words, {"l": max(told.l, 2)})
        notes = (Message("recursive-l", "at l = {l}", {"l": max(told.l, 2)}),)
        yield Measure("recursive_c", told.recursive_c, n, where, method="exact", exact=True, reason=reason, notes=notes)
