"""How many rows nobody can tell a person's row from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.privacy.anonymity.case_classes import case_classes

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "privacy.k_anonymity",
    version=1,
    title="Some rows are alone with what others may know of a person",
    needs=("rows", "quasi_identifiers"),
    limit=Limit("k", better="higher", warn=5, fail=2),
    clauses=("gdpr:5(1)(c)", "gdpr:25(1)", "eu-ai-act:10(5)"),
)
def k_anonymity(case: Case, /) -> Iterator[Measure]:
    """`k`, the rows of the smallest class of rows that agree in every quasi-identifier, and the share of rows alone.

    Sweeney 2002 (IJUFKS 10:557). A missing value is a value of its own. Which columns are quasi-identifiers is a
    judgement about what others know: k says nothing of an attacker who knows more. A table with k above 1 is not
    anonymous by that; what its classes tell is asked by `privacy.l_diversity` and `privacy.t_closeness`.
    """
    found = case_classes(case)
    sizes = found.classes.sizes
    yield Measure("k", float(found.classes.k), found.rows, method="exact", exact=True, notes=found.notes)
    alone = int((sizes == 1).sum())
    yield Measure("unique_rows", alone / found.rows, found.rows, method="exact", exact=True)
    yield Measure("classes", float(len(sizes)), found.rows, method="exact", exact=True)
