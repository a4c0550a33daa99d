"""The cheapest row that a linear form answers as wanted, by mixed-integer programming."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.recourse.exact.boxes import Found
from assay.explain.recourse.exact.choices import Choice, choices_of, rows_of
from assay.explain.recourse.exact.numbers import Number, add_number, add_rules, value_of
from assay.explain.recourse.exact.program import Program, Solution
from assay.explain.recourse.exact.reading import Reading
from assay.explain.recourse.exact.requirement import Requirement, requirement_of
from assay.explain.recourse.goal import Goal
from assay.explain.recourse.space import Space, settle

FURTHER = (0.0, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)
"""How far beyond its bound the score is looked for, relatively, until the model itself agrees."""
ROUNDED = 1e-6
"""Costs nearer to the bound than this, relatively, differ from it by the tolerances of HiGHS only."""
CLEAR = 1e-11
"""Scores that are further beyond their bound than this, relatively, stay so however a library adds them up."""
STRAIGHT = 1e-9
"""How far from a straight line a score may be, relatively."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A linear form, with what is the same for all rows of a question."""

    reading: Reading
    space: Space
    goal: Goal

    def solve(self, before: Floats, row: int, /, *, limit: float, until: float) -> Found:
        """The cheapest version of `before` (columns,), the row at `row` of the goal, that costs less than `limit`.

        A goal that several lines of scores can meet is solved for each of them. `bound` is HiGHS's for scores right
        at the bound; what the model itself answers as wanted may cost more by rounding.
        """
        asked = requirement_of(self.goal, self.reading.form, row)
        parts = [asked]
        if asked.anyone:
            parts = [Requirement(w[None], b[None]) for w, b in zip(asked.weights, asked.bounds, strict=True)]
        found = [_Row(self, before, row, part).solve(until=until) for part in parts]
        best = min(found, key=lambda one: one.cost)
        bound = min(one.bound for one in found)
        if best.cost >= limit:
            best = Found(None, limit, bound, True, 0)
        bound = min(bound, best.cost)
        close = best.cost - bound <= ROUNDED * (1 + bound) if np.isfinite(best.cost) else bound == np.inf
        return Found(best.after, best.cost, best.cost if close else bound, bool(close), 0)


@dataclass(frozen=True, eq=False)
class _Row:
    plane: Plane
    before: Floats
    row: int
    requirement: Requirement

    def solve(self, *, until: float) -> Found:
        """The cheapest row clearly beyond the bound; one right at it only where every other costs more."""
        made, bound, edge = self._program(), np.inf, None
        for further in FURTHER:
            solution = made.solve(self.requirement.bounds, further, until)
            bound = solution.bound if further == 0 else bound
            if solution.values is None:
                break
            found = self._checked(made.row(solution.values), bound)
            if found is None:
                continue
            if self._clear(found):
                return found if edge is None or found.cost <= edge.cost + ROUNDED * (1 + edge.cost) else edge
            edge = edge or found
        return edge or Found(None, np.inf, bound, bool(np.isinf(bound)), 0)

    def _checked(self, after: Floats, bound: float) -> Found | None:
        """The row as the model gets it, where it keeps the constraints and the model itself answers as wanted."""
        space, old, made = self.plane.space, self.before[None], after[None]
        if space.violations(old, made).any[0]:
            made = settle(space, old, made)
        made = space.columns.encode(space.columns.decode(made))
        if space.violations(old, made).any[0]:
            return None
        met = self.plane.goal.ask(made, np.array([self.row])).met[0]
        return Found(made[0], float(space.cost(old, made)[0]), bound, True, 0) if met else None

    def _clear(self, found: Found) -> bool:
        """True where rounding in another batch cannot turn the answer."""
        assert found.after is not None
        scores = self._scores(np.stack([self.before, found.after]))
        size = 1 + np.abs(self.requirement.bounds) + np.abs(scores).max(axis=0)
        return bool((scores[1] - self.requirement.bounds >= CLEAR * size).all())

    def _program(self) -> _Made:
        """The program of the row: a variable for each number, one for each other value of a category."""
        reading, space, before = self.plane.reading, self.plane.space, self.before
        program = Program()
        choices = choices_of(reading, space, (None,) * len(before), before)
        numbers: dict[int, Number] = {}
        lines: list[dict[int, float]] = [{} for _ in self.requirement.bounds]
        box = space.box(before[None])
        for j in np.flatnonzero(~space.nominal & (box.low[0] <= box.high[0])):
            if any(j in group.places for group in space.groups):
                continue
            low, high = float(box.low[0, j]), float(box.high[0, j])
            numbers[int(j)] = add_number(program, space, int(j), float(before[j]), low, high)
            self._add_slopes(lines, numbers[int(j)], int(j), low, high)
        picked = [_options(program, choice) for choice in choices]
        for choice, variables in zip(choices, picked, strict=True):
            gains = self._scores(rows_of(choice, before))
            gains = gains - gains[choice.own]
            for k, variable in enumerate(variables):
                for i, line in enumerate(lines):
                    line[variable] = float(gains[k, i])
        add_rules(program, space, before, numbers)
        return _Made(self, program, numbers, choices, picked, lines, self._scores(before[None])[0])

    def _scores(self, rows: Floats) -> Floats:
        """(rows, lines) the scores of the requirement."""
        reading = self.plane.reading
        assert reading.linear is not None
        return np.asarray(reading.linear.margin(reading.encode(rows)) @ self.requirement.weights.T)

    def _add_slopes(self, lines: list[dict[int, float]], number: Number, j: int, low: float, high: float) -> None:
        """What a number adds to the scores, over where it is; AssayError where it adds it in no straight line."""
        at = np.linspace(low, high, 9)
        rows = np.repeat(self.before[None], len(at) + 1, axis=0)
        rows[1:, j] = np.rint(at) if self.plane.space.whole[j] else at
        gains = self._scores(rows)
        gains, tried = gains[1:] - gains[0], rows[1:, j]
        span = tried[-1] - tried[0]
        for i, line in enumerate(lines):
            slope = (gains[-1, i] - gains[0, i]) / span if span > 0 else 0.0
            start = gains[0, i] - slope * tried[0]
            if np.abs(gains[:, i] - start - slope * tried).max() > STRAIGHT * (1 + np.abs(gains[:, i]).max()):
                raise AssayError(
                    f"The score of {self.plane.reading.model.name} is no straight line of "
                    f"{self.plane.reading.columns.names[j]!r}.",
                    code="exact",
                    hint="Use the search by heuristics: explain.counterfactuals.",
                )
            line[number.value] = float(slope)
            if number.moved is not None:
                line[number.moved] = float(start)


@dataclass(frozen=True, eq=False)
class _Made:
    """A program, what its variables are, and the `lines` that the wanted scores are, over the `start` (lines,)."""

    owner: _Row
    program: Program
    numbers: dict[int, Number]
    choices: list[Choice]
    picked: list[list[int]]
    lines: list[dict[int, float]]
    start: Floats

    def solve(self, bounds: Floats, further: float, until: float) -> Solution:
        """The Solution whose scores are `further`, relatively, beyond the bounds."""
        program = self.program
        known = Program(program.low, program.high, program.cost, program.whole, [*program._at], [*program._ends])
        x = self.owner.before
        for line, bound, start in zip(self.lines, bounds, self.start, strict=True):
            still = sum(line[n.value] * x[j] for j, n in self.numbers.items() if n.moved is None)
            lead = bound - start + still + further * (1 + abs(bound) + abs(start) + abs(still))
            known.line(line, low=float(lead))
        return known.solve(seconds=until - time.perf_counter())

    def row(self, solution: Floats) -> Floats:
        """The row of a solution."""
        space, before = self.owner.plane.space, self.owner.before
        after = before.copy()
        for choice, variables in zip(self.choices, self.picked, strict=True):
            on = int(np.argmax(solution[variables]))
            after[choice.places] = choice.values[on]
        for j, number in self.numbers.items():
            after[j] = value_of(space, j, float(before[j]), number, solution)
        return after


def _options(program: Program, choice: Choice) -> list[int]:
    """A variable for each option, one of which is 1."""
    variables = [program.variable(0, 1, cost=float(cost), whole=True) for cost in choice.cost]
    program.line(dict.fromkeys(variables, 1.0), low=1.0, high=1.0)
    return variables
