"""What can be read of the model itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.explain.overall.drawn import intrinsic_drawn
from assay.explain.overall.inside.coefficients import Coefficient
from assay.explain.overall.intrinsic import intrinsic as read
from assay.explain.overall.unmeasured import NO_TABLE

if TYPE_CHECKING:
    from assay.data.case import Case


SHOWN = 50
"""Coefficients and terms that are a Measure each; the table has more."""


@check(
    "explain.intrinsic",
    version=1,
    title="What can be read of the model itself: rules, coefficients or terms",
    needs=("rows", "model"),
    tasks=("binary", "multiclass", "regression"),
    clauses=("eu-ai-act:13(3)(b)(iv)", "eu-ai-act:13(3)(b)(vii)", "nist-ai-rmf:measure-2.9"),
)
def intrinsic(case: Case, /, *, rules: int = 64, rows: int = 2000, seed: int = 0) -> Iterator[Measure]:
    """The model's own numbers, where it is one that can be read; nothing is fitted or approximated.

    `readable_parts` counts the rules of a tree (or of a few trees with at most `rules` leaves together), the
    coefficients of a linear model, or the terms of an additive one; of another model the reason why it has none.
    `coefficient_per_unit` of a number is in the column's own unit, `coefficient_of_level` that of a level against the
    most frequent one, both on the scale on which the model adds up (the method names it), scalers and encoders taken
    through; `term_importance` is the mean absolute score of a term. They are exact: properties of the model, without a
    sampling error. A coefficient is an association that the model uses, and no cause.
    """
    if not case.model_columns:
        yield Measure("readable_parts", None, 0, reason=NO_TABLE)
        return
    found = read(case, most=rules, limit=rows, seed=seed)
    if found.reason is not None:
        yield Measure("readable_parts", None, found.n, reason=found.reason)
        return
    parts = len(found.rules) + len(found.coefficients) + len(found.terms)
    method = f"read from the model, {found.scale} of {found.target}"
    yield Measure(
        "readable_parts", float(parts), found.n, method=method, exact=True, attachments=intrinsic_drawn(found)
    )
    for each in found.coefficients[:SHOWN]:
        yield _coefficient(each, found.n, method)
    for term in found.terms[:SHOWN]:
        yield Measure("term_importance", term.importance, found.n, over=(term.name,), method=method, exact=True)


def _coefficient(each: Coefficient, n: int, method: str) -> Measure:
    if each.level is not None and each.against is not None:
        groups: tuple[dict[str, str | None], ...] = ({each.column: each.level}, {each.column: each.reference})
        return Measure("coefficient_of_level", each.against, n, groups=groups, method=method, exact=True)
    name, over = "coefficient_per_unit", (each.column,)
    if each.per_unit is None or each.per_deviation is None:
        return Measure(name, None, n, over=over, reason=each.reason)
    text = "{value} per standard deviation ({deviation})"
    params = {"value": f"{each.per_deviation:.4g}", "deviation": f"{each.deviation:.4g}"}
    notes = (Message("per-deviation", text, params),)
    return Measure(name, each.per_unit, n, over=over, method=method, notes=notes, exact=True)
