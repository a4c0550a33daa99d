"""What rows weigh, and where the fixed-point sums of Counts get their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from assay.core.errors import AssayError
from assay.data.roles.given import Roles
from assay.data.roles.outcome import Resolved, tally
from assay.data.rows.protocol import Extent, Outcomes, Rows
from assay.data.rows.sums import bounds, exponents

MOST_WEIGHT = 2.0**33


def outcomes(
    rows: Rows, roles: Roles, resolved: Resolved, /, *, frozen: Mapping[str, int] | None, repeats: bool
) -> Outcomes:
    """Where sums get their numbers, with the fixed-point units (`frozen`, or as the data need)."""
    regression = resolved.task == "regression"
    wanted = [name for name in (roles.label, roles.prediction) if name] if regression else []
    spans = rows.extents([*wanted, *((roles.weight,) if roles.weight else ())])
    weight = _heaviest(rows.n, roles, spans)
    y, p = (_largest(spans.get(name or "")) if regression else 1.0 for name in (roles.label, roles.prediction))
    most = bounds(regression=regression, y=y, p=p, weight=weight)
    if not all(math.isfinite(bound) for bound in most.values()):
        raise AssayError(
            "The label or prediction is so large that its fourth power is no number.",
            code="range",
            hint="Divide it by a large constant.",
        )
    units = exponents(most, regression=regression) | dict(frozen or {})
    for name, bound in most.items():
        if bound * 2.0 ** units[name] >= 2.0**62:
            raise AssayError(
                f"These rows are too large for the frozen codings: {name} goes up to {bound:.4g}.",
                code="codings",
                hint="Count without bins=, or freeze codings on data of this range.",
            )
    favourable: tuple[Any, ...] = ()
    if resolved.task == "binary" and roles.label and resolved.favourable is not None:
        favourable = tally(rows, roles.label, "label").spelled([resolved.favourable])
    return Outcomes(
        regression=regression,
        label=roles.label if resolved.task in ("binary", "regression") else None,
        favourable=favourable,
        prediction=roles.prediction if regression else None,
        score=resolved.score,
        weight=roles.weight,
        weights=roles.weights if roles.weight else "",
        unit=roles.unit if repeats else None,
        exponents=units,
        wide=weight >= 2048,
    )


def _largest(extent: Extent | None) -> float:
    return max(abs(extent.low or 0.0), abs(extent.high or 0.0)) if extent is not None else 0.0


def _heaviest(n: int, roles: Roles, spans: Mapping[str, Extent]) -> float:
    """The largest weight; weights that are none are errors."""
    if roles.weight is None:
        return 1.0
    extent, name = spans[roles.weight], roles.weight
    problem, hint = "", "Give a number of 0 or more in every row."
    if extent.present < n:
        problem = f"is missing in {n - extent.present:,} rows"
    elif extent.finite < extent.present or (extent.low or 0.0) < 0:
        problem = "is infinite somewhere" if extent.finite < extent.present else f"goes down to {extent.low:.6g}"
    elif not extent.high:
        problem = "is 0 in every row"
    elif extent.high >= MOST_WEIGHT or n * (extent.high * 2.0**20) ** 2 >= 1e37:
        problem, hint = f"goes up to {extent.high:.6g}, too large for exact sums", "Divide the weights by their mean."
    if problem:
        raise AssayError(f"The weight {name!r} {problem}.", code="weight", hint=hint)
    return max(1.0, extent.high or 0.0)
