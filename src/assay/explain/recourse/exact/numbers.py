"""Numbers and the linear rules between them, as variables and lines of a program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.recourse.exact.program import Program
from assay.explain.recourse.rules import Inequality, Rule
from assay.explain.recourse.space import Space

STRICT = 1e-6
"""How far inside its bound, relatively, a rule with < is kept."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as variables of a program: its `value`, and `moved` (None: it need not be told whether it moves).

    Where it stays, `value` is 0 with `moved` and the number itself without. It moves to `low` .. `high`.
    """

    value: int
    moved: int | None
    low: float
    high: float


def check_rules(space: Space, rows: Floats, /) -> None:
    """AssayError where a rule is not linear in numbers, or names a column that is missing and may be filled."""
    members = {int(place) for group in space.groups for place in group.places}
    for rule in space.constraints.rules:
        places = space.columns.places(rule.columns)
        if rule.inequalities() is None or any(space.nominal[p] or p in members for p in places):
            raise AssayError(
                f"The exact search cannot keep the rule {rule.name!r}.",
                code="exact",
                hint="It takes linear rules between numbers (<=, <, >=, >, == and `and`); others are kept by "
                "explain.counterfactuals.",
            )
        if (np.isnan(rows[:, places]) & (space.fillable & ~space.immutable)[places]).any():
            raise AssayError(
                f"The rule {rule.name!r} names a column that is missing and may be filled.",
                code="exact",
                hint="Leave the column out of `fillable`, or use explain.counterfactuals.",
            )


def add_number(
    program: Program, space: Space, j: int, x: float, low: float, high: float, /, *, stays: bool = True
) -> Number:
    """A number of column j that is at `x` (NaN: missing) and may be moved to low .. high, with what that costs.

    `stays`: it may also stay where it is.
    """
    weight, whole = float(space.weights[j]), bool(space.whole[j])
    if not np.isnan(x) and (not stays or (low <= x <= high and (not whole or x == np.rint(x)))):
        value = program.variable(low, high, whole=whole)
        away = program.variable(0.0, max(abs(high - x), abs(x - low)), cost=weight)
        program.line({value: 1.0, away: -1.0}, high=x)
        program.line({value: 1.0, away: 1.0}, low=x)
        return Number(value, None, low, high)
    moved = program.variable(0, 1, cost=weight * float(space.scale[j]) if np.isnan(x) else 0.0, whole=True)
    value = program.variable(min(low, 0.0), max(high, 0.0), whole=whole)
    program.line({value: 1.0, moved: -low}, low=0.0)
    program.line({value: 1.0, moved: -high}, high=0.0)
    if not np.isnan(x):
        away = program.variable(0.0, max(abs(high - x), abs(x - low)), cost=weight)
        program.line({value: 1.0, moved: -x, away: -1.0}, high=0.0)
        program.line({value: 1.0, moved: -x, away: 1.0}, low=0.0)
    return Number(value, moved, low, high)


def add_rules(
    program: Program, space: Space, before: Floats, numbers: dict[int, Number], /, *, inside: float = 0.0
) -> None:
    """The rules of the space between `numbers` (by column) and the columns that stay as in `before` (columns,).

    A rule holds where one of its columns changes; one that `before` itself breaks binds only then. They are kept
    `inside` their bounds, relatively.
    """
    for rule in space.constraints.rules:
        places = space.columns.places(rule.columns)
        free = [p for p in places if p in numbers]
        if not free or np.isnan(before[places]).any():
            continue
        holds = bool(rule.holds(space.values(before[None], rule.columns))[0])
        touched = None if holds else _touched(program, before, numbers, free)
        for inequality in _inequalities(rule):
            _add(program, space, before, numbers, _Line(inequality, touched, inside))


def _inequalities(rule: Rule) -> tuple[Inequality, ...]:
    found = rule.inequalities()
    assert found is not None
    return found


def _touched(program: Program, before: Floats, numbers: dict[int, Number], free: list[int]) -> int:
    """A variable that is 1 where one of the numbers is not as before."""
    touched = program.variable(0, 1, whole=True)
    for p in free:
        number = numbers[p]
        if number.moved is not None:
            program.line({number.moved: 1.0, touched: -1.0}, high=0.0)
            continue
        up, down = program.high[number.value] - before[p], before[p] - program.low[number.value]
        if up < 0 or down < 0:
            program.line({touched: 1.0}, low=1.0)
            continue
        program.line({number.value: 1.0, touched: -up}, high=before[p])
        program.line({number.value: 1.0, touched: down}, low=before[p])
    return touched


@dataclass(frozen=True, slots=True)
class _Line:
    inequality: Inequality
    touched: int | None
    inside: float


def _add(
    program: Program,
    space: Space,
    before: Floats,
    numbers: dict[int, Number],
    asked: _Line,
) -> None:
    inequality, touched = asked.inequality, asked.touched
    bound = inequality.bound - max(asked.inside, STRICT * inequality.strict) * (1 + abs(inequality.bound))
    line: dict[int, float] = {}
    for name, factor in inequality.coefficients.items():
        p = space.columns.place(name)
        if p not in numbers:
            bound -= factor * before[p]
            continue
        number = numbers[p]
        line[number.value] = factor
        if number.moved is not None:
            bound -= factor * before[p]
            line[number.moved] = -factor * before[p]
    if touched is None:
        program.line(line, high=bound)
        return
    room = max(0.0, program.reach(line) - bound)
    program.line(line | {touched: room}, high=bound + room)


def value_of(space: Space, j: int, x: float, number: Number, solution: Floats, /) -> float:
    """What the number is in a solution: as before where it hardly differs, whole where it must be."""
    value = float(solution[number.value])
    if number.moved is not None and solution[number.moved] < 0.5:
        return x
    value = float(np.clip(np.rint(value) if space.whole[j] else value, number.low, number.high))
    return x if abs(value - x) <= 1e-9 * (space.scale[j] + abs(x)) else value
