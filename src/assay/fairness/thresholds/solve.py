"""From the ROC points of all groups to the rule of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.fairness.mitigation.groups import Groups
from assay.fairness.thresholds.curves import Curve
from assay.fairness.thresholds.deterministic import Choice, choose
from assay.fairness.thresholds.problem import CONSTRAINTS, Objective, Problem, problem, rate
from assay.fairness.thresholds.randomised import Mixture, mixtures

Floats = NDArray[np.float64]
GAIN = 1e-12
"""By how much a rule must be better than treating everybody alike to be one."""


@dataclass(frozen=True, eq=False)
class Rule:
    """A step function of the score: below `cutoffs[0]` a row is selected with `chances[0]`, from `cutoffs[i]` on with
    `chances[i + 1]`. Chances rise, so that a higher score is never worse off in the same group."""

    cutoffs: Floats
    chances: Floats

    def chance(self, score: Floats, /) -> Floats:
        """(rows,) probability of selection."""
        return self.chances[np.searchsorted(self.cutoffs, score, "right")]


@dataclass(frozen=True, eq=False)
class Solution:
    """The rule of each group and what it does to the rows it was solved on.

    `rates[g]` has selection_rate, tpr and fpr of group g (None without denominator); `gaps` the widest difference of
    each rate of the constraint; `cost` is the objective, `constant` that of the best rule that treats everybody alike.
    """

    rules: tuple[Rule, ...]
    rates: tuple[dict[str, float | None], ...]
    gaps: dict[str, float]
    cost: float
    constant: float

    def facts(self, groups: Groups) -> dict[str, Any]:
        """What the solution does, as JSON types."""
        named = [{"group": groups.slice(g), **rates} for g, rates in enumerate(self.rates)]
        return {"gaps": self.gaps, "cost": self.cost, "constant_cost": self.constant, "groups": named}


def solve(
    curves: Sequence[Curve],
    groups: Groups,
    /,
    *,
    constraint: str,
    objective: Objective = "error",
    tolerance: float = 0.0,
    randomised: bool = False,
) -> Solution:
    """The rule with the least cost whose rates differ by at most `tolerance` between groups, on these rows.

    With `randomised` cutoffs may be mixed by chance; the solution then exists for every tolerance. Without, all that
    may be left is to treat everybody alike; that is an error naming the nearest tolerance with a better rule, unless
    no randomised rule is better either.
    """
    task = problem(curves, groups, constraint=constraint, objective=objective, tolerance=tolerance)
    if randomised:
        return _solution(curves, task, mixtures(task), constraint)
    choice = choose(task)
    if choice.cost > task.constant - GAIN and _cost(task, mixtures(task)) < task.constant - GAIN:
        raise _nothing(task, constraint)
    return _solution(curves, task, [Mixture(np.array([p]), np.ones(1)) for p in choice.points], constraint)


def _nothing(task: Problem, constraint: str) -> AssayError:
    """The error that no deterministic rule is better than a constant one; says at which tolerance one is."""
    too_small, enough = task.tolerance, 1.0
    found: Choice = choose(replace(task, tolerance=enough))
    for _ in range(20):
        middle = (too_small + enough) / 2
        tried = choose(replace(task, tolerance=middle))
        if tried.cost < task.constant - GAIN:
            enough, found = middle, tried
        else:
            too_small = middle
    return AssayError(
        f"No cutoff for each group holds {constraint} within {task.tolerance:g}, except by treating everybody alike "
        f"(cost {task.constant:.6g}). The nearest: within {enough:.6g}, at cost {found.cost:.6g}.",
        code="no-solution",
        hint=f"Allow tolerance={_above(enough):g}, or randomised=True.",
    )


def _above(tolerance: float) -> float:
    """The tolerance, rounded up to four decimals."""
    return float(min(1.0, np.ceil(tolerance * 1e4) / 1e4))


def _cost(task: Problem, mixed: Sequence[Mixture]) -> float:
    return float(sum(cost[mix.points] @ mix.chances for cost, mix in zip(task.costs, mixed, strict=True)))


def _solution(curves: Sequence[Curve], task: Problem, mixed: Sequence[Mixture], constraint: str) -> Solution:
    rates: list[dict[str, float | None]] = []
    for curve, mix in zip(curves, mixed, strict=True):
        found = {name: rate(curve, name)[mix.points] @ mix.chances for name in ("selection_rate", "tpr", "fpr")}
        rates.append({name: float(value) if np.isfinite(value) else None for name, value in found.items()})
    held = np.array([rate_[mix.points].T @ mix.chances for rate_, mix in zip(task.rates, mixed, strict=True)])
    spread = held.max(axis=0) - held.min(axis=0)
    return Solution(
        rules=tuple(_rule(curve, mix) for curve, mix in zip(curves, mixed, strict=True)),
        rates=tuple(rates),
        gaps={name: float(gap) for name, gap in zip(CONSTRAINTS[constraint], spread, strict=True)},
        cost=_cost(task, mixed),
        constant=task.constant,
    )


def _rule(curve: Curve, mix: Mixture) -> Rule:
    """The step function of a mixture: a score is selected by every cutoff that it reaches."""
    order = np.argsort(curve.cutoffs[mix.points], kind="stable")
    cutoffs, weights = curve.cutoffs[mix.points][order], mix.chances[order]
    reached = np.concatenate([[0.0], np.cumsum(weights)])
    reached = np.where(reached > 1 - 1e-12, 1.0, reached)
    always = int(np.sum(cutoffs == -np.inf))
    never = int(np.sum(cutoffs == np.inf))
    return Rule(cutoffs[always : len(cutoffs) - never], reached[always : len(reached) - never])
