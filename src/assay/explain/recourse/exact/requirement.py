"""The wanted answer as inequalities of a form's raw scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.recourse.goal import Goal
from assay.explain.recourse.space import Bools

ROUNDING = 2.0**-20
"""Raw scores this near to a bound, times their size, are left to the model's own decision."""


@dataclass(frozen=True, eq=False)
class Requirement:
    """`weights` (lines, outputs) @ raw scores >= `bounds` (lines,): in every line, or in one of them if `anyone`.

    A library adds in float32 and compares probabilities: right at a bound its own decision may differ from this.
    """

    weights: Floats
    bounds: Floats
    anyone: bool = False

    def kept(self, scores: Floats, /) -> Bools:
        """(...,) True where `scores` (..., lines) of the lines keep it."""
        held = scores >= self.bounds
        return np.asarray(held.any(axis=-1) if self.anyone else held.all(axis=-1))

    def loosened(self, size: Floats, /) -> Requirement:
        """The same, but for rounding of scores of this `size` (lines,)."""
        return Requirement(self.weights, self.bounds - ROUNDING * (1 + size), self.anyone)


def requirement_of(goal: Goal, form: Any, row: int, /) -> Requirement:
    """The Requirement that says when the `row` of the goal has the wanted answer, on the scale of the form.

    A class of two: its log-odds (or probability) against 0 (0.5) or the threshold. Of several: its score against each
    other one. A regression: both ends of the interval. Raises AssayError where the scale does not tell.
    """
    target = goal.target
    if target.output is None:
        ends = np.array([goal.low, goal.high])
        low, high = _raw(ends, str(form.scale))
        lines = [(1.0, low), (-1.0, -high)]
        kept = [line for line in lines if line[1] > -np.inf]
        return Requirement(np.array([[sign] for sign, _ in kept]).reshape(-1, 1), np.array([b for _, b in kept]))
    classes, place, reach = len(target.model.classes), target.output, bool(goal.reach[row])
    if form.scale == "log" or (form.scale == "value" and target.threshold is not None):
        raise _unfit(f"The raw scores of {target.model.name} are no log-odds, so its threshold has no exact bound.")
    if form.outputs == 1 and classes == 2:
        sign = 1.0 if place == 1 else -1.0
        bound = _bound(target.threshold, str(form.scale))
        if form.scale == "probability" and place == 0:
            bound -= 1.0
        side = 1.0 if reach else -1.0
        return Requirement(np.array([[side * sign]]), np.array([side * bound]))
    if form.outputs != classes:
        raise _unfit(f"The model has {classes} classes and {form.outputs} raw scores, which cannot be matched.")
    weights = np.delete(np.eye(classes)[place] - np.eye(classes), place, axis=0)
    bounds = np.zeros(classes - 1)
    if target.threshold is not None and classes == 2:
        bounds += _bound(target.threshold, str(form.scale)) * (2 if form.scale == "probability" else 1)
        bounds -= 1.0 if form.scale == "probability" else 0.0
    return Requirement(weights, bounds) if reach else Requirement(-weights, -bounds, anyone=True)


def _bound(threshold: float | None, scale: str) -> float:
    if scale == "value":
        return 0.0
    chance = 0.5 if threshold is None else threshold
    return chance if scale == "probability" else float(_raw(np.array([chance]), scale)[0])


def _raw(values: Floats, scale: str) -> Floats:
    """The raw scores that give these answers; ±inf for answers that none gives."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale == "log":
            return np.asarray(np.log(np.maximum(values, 0)))
        if scale == "log-odds":
            kept = np.clip(values, 0, 1)
            return np.asarray(np.log(kept) - np.log1p(-kept))
    return values


def _unfit(what: str) -> AssayError:
    return AssayError(what, code="exact", hint="Use the search by heuristics: explain.counterfactuals.")
