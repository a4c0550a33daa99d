"""What is minimised and what is held equal: the points of every group as rates and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.fairness.mitigation.groups import Groups, shown
from assay.fairness.thresholds.curves import Curve

Floats = NDArray[np.float64]
SLACK = 1e-12
"""By how much rates may differ beyond the tolerance: the rounding of their division."""

CONSTRAINTS: Mapping[str, tuple[str, ...]] = {
    "demographic-parity": ("selection_rate",),
    "equal-opportunity": ("tpr",),
    "fpr-parity": ("fpr",),
    "equalized-odds": ("fpr", "tpr"),
}
"""Rates that must be alike in all groups, by the name of the constraint."""

OBJECTIVES = ("error", "balanced-error")
COSTS = ("false_positive", "false_negative", "true_positive", "true_negative")
Objective = str | Mapping[str, float]
"""The error, the mean of FPR and FNR of all rows, or a cost for each outcome of a decision (0 where none is given)."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Points of every group in rising order of selection: `rates[g]` (points, rates) and `costs[g]` (points,).

    A rule takes one point (or a mixture of points) in each group, so that each rate differs by at most `tolerance`
    between groups. Its cost is the sum over groups; costs are per row of all groups together.
    """

    rates: list[Floats]
    costs: list[Floats]
    tolerance: float

    @property
    def constant(self) -> float:
        """The least cost of a rule that treats everybody alike: select nobody, or everybody."""
        return float(min(sum(cost[0] for cost in self.costs), sum(cost[-1] for cost in self.costs)))


def problem(
    curves: Sequence[Curve], groups: Groups, /, *, constraint: str, objective: Objective, tolerance: float
) -> Problem:
    """The Problem of some Curves. A rate without denominator in a group is an error that names the group."""
    if constraint not in CONSTRAINTS:
        raise unknown("constraint", constraint, CONSTRAINTS, code="parameter")
    if not 0 <= tolerance <= 1:
        raise AssayError(f"A tolerance of {tolerance} is not in [0, 1].", code="parameter")
    rates = [np.column_stack([rate(curve, name) for name in CONSTRAINTS[constraint]]) for curve in curves]
    empty = [groups.levels[g] for g, rate_ in enumerate(rates) if not np.isfinite(rate_).all()]
    if empty:
        raise AssayError(
            f"{constraint} compares {' and '.join(CONSTRAINTS[constraint])}, which {len(empty)} groups have no rows "
            f"for: {shown(empty)}.",
            code="empty-denominator",
            hint="Merge these groups with others, leave them out, or choose demographic-parity.",
        )
    return Problem(rates, _costs(curves, objective), tolerance)


def rate(curve: Curve, name: str, /) -> Floats:
    """A rate at every point of the curve; NaN where its denominator is empty."""
    part = {"selection_rate": curve.selected, "tpr": curve.positives, "fpr": curve.negatives}[name]
    return part / part[-1] if part[-1] > 0 else np.full(len(part), np.nan)


def _costs(curves: Sequence[Curve], objective: Objective) -> list[Floats]:
    """The cost of each point, per row of all groups together."""
    positives = sum(float(curve.positives[-1]) for curve in curves)
    negatives = sum(float(curve.negatives[-1]) for curve in curves)
    price = _prices(objective, positives, negatives)
    n = positives + negatives
    return [
        (
            price["false_positive"] * curve.negatives
            + price["false_negative"] * (curve.positives[-1] - curve.positives)
            + price["true_positive"] * curve.positives
            + price["true_negative"] * (curve.negatives[-1] - curve.negatives)
        )
        / n
        for curve in curves
    ]


def _prices(objective: Objective, positives: float, negatives: float) -> dict[str, float]:
    free = dict.fromkeys(COSTS, 0.0)
    if not isinstance(objective, str):
        for name, value in objective.items():
            if name not in COSTS:
                raise unknown("cost", name, COSTS, code="parameter")
            if not np.isfinite(value):
                raise AssayError(f"The cost of a {name} is {value}.", code="parameter", hint="Give a finite number.")
        return free | {name: float(value) for name, value in objective.items()}
    if objective not in OBJECTIVES:
        raise unknown("objective", objective, OBJECTIVES, code="parameter")
    if objective == "error":
        return free | {"false_positive": 1.0, "false_negative": 1.0}
    if not positives or not negatives:
        raise AssayError("balanced-error needs rows of both outcomes.", code="empty-denominator")
    n = positives + negatives
    return free | {"false_positive": n / negatives / 2, "false_negative": n / positives / 2}
