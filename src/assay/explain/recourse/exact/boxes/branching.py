"""The cheapest combination of options, by best-first branch and bound over boxes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.exact.boxes.field import Boxes, Field
from assay.explain.recourse.exact.reading import Places
from assay.explain.recourse.space import Bools

TOGETHER = 1024
"""Boxes branched at once."""
EQUAL = 1e-9
"""Costs that differ by less, relatively, are equal."""


@dataclass(frozen=True, eq=False)
class Found:
    """`after` (columns,) of least `cost`, None where there is none below the limit; nothing costs less than `bound`.

    `finished`: nothing is left open, so the bound is the cost, or no row costs less than the limit. `boxes` were
    bounded.
    """

    after: Floats | None
    cost: float
    bound: float
    finished: bool
    boxes: int


@dataclass(frozen=True, eq=False)
class Tried:
    """Of points: `met` (points,) which of them is an answer, `cost` and `after` of it, and `bound` (points,) below
    which no row of their boxes costs; `closed` where nothing else in the box can be better."""

    met: Bools
    cost: Floats
    after: Floats
    bound: Floats
    closed: Bools


Trial = Callable[[Boxes, Places, Floats], Tried]


def below(limit: float, /) -> float:
    """What a row must cost less than to be cheaper than `limit`."""
    return limit - EQUAL * (1 + limit) if np.isfinite(limit) else np.inf


class Branching:
    """Boxes still open, the cheapest first; `run` works them off until none can be cheaper than the best one found."""

    def __init__(self, field: Field, trial: Trial, /, *, limit: float, together: int = TOGETHER) -> None:
        self.field, self.trial, self.limit, self.together = field, trial, limit, together
        self.unsure = np.inf
        """`limit`: what the row to be found must cost less than; `together`: how many boxes are branched at once."""
        self.after: Floats | None = None
        self.boxes = 0
        root = field.whole()
        self.open = root.take(np.zeros(0, dtype=np.int64))
        self.bound = np.zeros(0)
        self._add(root, np.zeros(1))

    def run(self, *, until: float) -> Found:
        """What was found when nothing is open any more, or at `until` by `time.perf_counter`."""
        while len(self.open):
            keep = self.bound < below(self.limit)
            if not keep.all():
                self.open, self.bound = self.open.take(keep), self.bound[keep]
                continue
            if time.perf_counter() > until:
                return Found(self.after, self.limit, min(self.unsure, float(self.bound.min())), False, self.boxes)
            taken = np.ones(len(self.open), dtype=bool)
            if len(self.open) > self.together:
                taken[np.argpartition(self.bound, self.together)[self.together :]] = False
            boxes, bound = self.open.take(taken), self.bound[taken]
            self.open, self.bound = self.open.take(~taken), self.bound[~taken]
            self._branch(boxes, bound)
        sure = self.unsure >= below(self.limit)
        return Found(self.after, self.limit, self.limit if sure else self.unsure, sure, self.boxes)

    def _add(self, boxes: Boxes, bound: Floats) -> None:
        """Bounds boxes, tries their cheapest points and keeps those that may hold something better."""
        field = self.field
        options = field.cheapest(boxes)
        cost = np.maximum(bound, field.costs(options).sum(axis=1))
        self.boxes += len(boxes)
        alive = (cost < below(self.limit)) & field.requirement.kept(field.highest(boxes))
        boxes, cost, options = boxes.take(alive), cost[alive], options[alive]
        meets = np.flatnonzero(field.requirement.kept(field.highest(Boxes(options, options))))
        closed = np.zeros(len(boxes), dtype=bool)
        if len(meets):
            meets = meets[np.argsort(cost[meets], kind="stable")]
            tried = self.trial(boxes.take(meets), options[meets], cost[meets])
            cost[meets], closed[meets] = np.maximum(cost[meets], tried.bound), tried.closed
            good = np.flatnonzero(tried.met)
            if len(good):
                best = good[np.argmin(tried.cost[good])]
                if tried.cost[best] < self.limit:
                    self.limit, self.after = float(tried.cost[best]), tried.after[best]
        single = (boxes.low == boxes.high).all(axis=1)
        left = ~closed & (cost < below(self.limit))
        self.unsure = min(self.unsure, float(cost[left & single].min(initial=np.inf)))
        left &= ~single
        self.open = Boxes.joined([self.open, boxes.take(left)])
        self.bound = np.concatenate([self.bound, cost[left]])

    def _branch(self, boxes: Boxes, bound: Floats) -> None:
        field = self.field
        points = field.cheapest(boxes)
        blame = field.blame(boxes, points)
        width = boxes.high - boxes.low
        axis = np.argmax(blame + 1e-12 * width, axis=1)
        rows = np.arange(len(boxes))
        low, high, at = boxes.low[rows, axis], boxes.high[rows, axis], points[rows, axis]
        staying = at == field.own[axis]
        middle = (low + high) // 2
        runs = [
            (np.where(staying, at, low), np.where(staying, at, middle), np.ones(len(rows), dtype=bool)),
            (np.where(staying, at + 1, middle + 1), high, np.asarray(~staying | (at < high))),
            (low, at - 1, np.asarray(staying & (low < at))),
        ]
        parts, bounds = [], []
        for first, last, fits in runs:
            child = boxes.take(fits)
            here, where = np.arange(len(child)), axis[fits]
            child.low[here, where], child.high[here, where] = first[fits], last[fits]
            parts.append(child)
            bounds.append(bound[fits])
        trimmed = field.trimmed(Boxes.joined(parts), below(self.limit))
        held = np.asarray((trimmed.low <= trimmed.high).all(axis=1))
        self._add(trimmed.take(held), np.concatenate(bounds)[held])
