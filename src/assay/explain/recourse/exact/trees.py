"""The cheapest row that trees answer as wanted, within linear rules between its columns."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.exact.boxes import TOGETHER, Boxes, Branching, Found, Tried, field_of
from assay.explain.recourse.exact.cells import Cells
from assay.explain.recourse.exact.choices import Choice, choices_of
from assay.explain.recourse.exact.leaves import Leaves
from assay.explain.recourse.exact.numbers import Number, add_number, add_rules, value_of
from assay.explain.recourse.exact.program import Program
from assay.explain.recourse.exact.reading import Places, Reading
from assay.explain.recourse.exact.requirement import requirement_of
from assay.explain.recourse.goal import Goal
from assay.explain.recourse.space import Space, settle

QUICK = 4.0
"""Seconds of branch and bound, before the rest of the time goes to a program of leaves."""
RULED = 64
"""Boxes branched at once where each may need a program of its own."""
INSIDE = (0.0, 1e-8, 1e-7, 1e-6)
"""How far inside their bounds rules are kept, relatively, until HiGHS's tolerance no longer breaks them."""
ROUNDED = 1e-6
"""Costs nearer to a program's bound than this, relatively, differ from it by HiGHS's tolerance only."""
SECONDS = 10.0
"""Time for one small program of the rules."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees, with what is the same for all rows of a question."""

    reading: Reading
    space: Space
    goal: Goal
    cells: tuple[Cells | None, ...]

    def solve(self, before: Floats, row: int, /, *, limit: float, until: float) -> Found:
        """The cheapest version of `before` (columns,), the row at `row` of the goal, that costs less than `limit`."""
        requirement = requirement_of(self.goal, self.reading.form, row)
        choices = choices_of(self.reading, self.space, self.cells, before)
        field = field_of(self.reading, choices, before, requirement)
        ruled = bool(self.space.constraints.rules)
        trial = _Trial(self, choices, before, row, until)
        search = Branching(field, trial, limit=limit, together=RULED if ruled else TOGETHER)
        quick = until if ruled else min(until, time.perf_counter() + QUICK)
        found = search.run(until=quick)
        if found.finished or ruled or until - time.perf_counter() < QUICK / 2:
            return found
        program = Leaves(self.reading, field, before, lambda after: self._answered(after, row))
        better = program.solve(limit=found.cost, until=until)
        after = found.after if better.after is None else better.after
        bound = max(found.bound, better.bound)
        return Found(after, better.cost, bound, better.finished, found.boxes)

    def _answered(self, after: Floats, row: int) -> bool:
        return bool(self.goal.ask(after[None], np.array([row])).met[0])


@dataclass(frozen=True, eq=False)
class _Trial:
    """Asks the model itself about the cheapest points of boxes, and moves them to where the rules hold."""

    forest: Forest
    choices: list[Choice]
    before: Floats
    row: int
    until: float

    def __call__(self, boxes: Boxes, options: Places, cost: Floats, /) -> Tried:
        """The Tried of one point a box."""
        space = self.forest.space
        rows = np.repeat(self.before[None], len(options), axis=0)
        for v, choice in enumerate(self.choices):
            rows[:, choice.places] = choice.values[options[:, v]]
        bound, sure = cost.copy(), np.ones(len(rows), dtype=bool)
        old = np.repeat(self.before[None], len(rows), axis=0)
        broken = space.violations(old, rows).any if space.constraints.rules else np.zeros(len(rows), dtype=bool)
        shut = np.zeros(len(rows), dtype=bool)
        for i in np.flatnonzero(broken):
            if time.perf_counter() > self.until:
                sure[i] = False
                continue
            moved = self._moved(boxes, int(i), rows[i])
            if moved is None:
                shut[i] = True
                continue
            rows[i], bound[i] = moved.row, max(bound[i], moved.bound)
            sure[i] = moved.kept
        price = np.where(broken, space.cost(old, rows), cost)
        met = np.zeros(len(rows), dtype=bool)
        asked = np.flatnonzero(~shut & sure)
        met[asked] = self.forest.goal.ask(rows[asked], np.full(len(asked), self.row)).met
        single = (boxes.low == boxes.high).all(axis=1)
        closed = shut | (met & (price <= bound + ROUNDED * (1 + bound))) | (single & ~broken)
        return Tried(met, price, rows, bound, closed)

    def _moved(self, boxes: Boxes, i: int, point: Floats) -> _Moved | None:
        """The cheapest row of box i that keeps the rules, other things as in `point`; None where none does."""
        space, bound = self.forest.space, 0.0
        made, old = point, self.before[None]
        for inside in INSIDE:
            found = self._program(boxes, i, point, inside)
            if inside == 0:
                if found.row is None:
                    return None if found.finished else _Moved(point, found.bound, False)
                made, bound = found.row, found.bound
            if found.row is not None and not space.violations(old, found.row[None]).any[0]:
                return _Moved(found.row, bound, True)
        made = settle(space, old, made[None])
        return _Moved(made[0], bound, not space.violations(old, made).any[0])

    def _program(self, boxes: Boxes, i: int, point: Floats, inside: float) -> _Solved:
        space, program = self.forest.space, Program()
        ruled = {p for rule in space.constraints.rules for p in space.columns.places(rule.columns)}
        numbers: dict[int, Number] = {}
        rest = 0.0
        for v, choice in enumerate(self.choices):
            j, first, last = int(choice.places[0]), int(boxes.low[i, v]), int(boxes.high[i, v])
            if j not in ruled:
                rest += float(choice.cost[np.clip(choice.own, first, last)])
                continue
            low, high = choice.moved(first, last)
            stays = first <= choice.own <= last
            numbers[j] = add_number(program, space, j, float(self.before[j]), low, high, stays=stays)
        add_rules(program, space, self.before, numbers, inside=inside)
        found = program.solve(seconds=SECONDS)
        made = None if found.values is None else point.copy()
        if made is not None and found.values is not None:
            for j, number in numbers.items():
                made[j] = value_of(space, j, float(self.before[j]), number, found.values)
        return _Solved(made, rest + found.bound, found.finished)


@dataclass(frozen=True, eq=False)
class _Moved:
    row: Floats
    bound: float
    kept: bool


@dataclass(frozen=True, eq=False)
class _Solved:
    row: Floats | None
    bound: float
    finished: bool
