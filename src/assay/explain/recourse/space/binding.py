"""From names to arrays: the Constraints of a person on the columns of a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.explain.columns import Column, Columns, Floats
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.space.space import Bools, OneHot, Space

ON, OFF = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")
_WAYS = {"up": 1, "down": -1}


def space_of(constraints: Constraints, columns: Columns, background: Floats, /) -> Space:
    """The Space of the constraints on these columns; ranges and scales that nobody gave are those of the background.

    Raises AssayError at an unknown column, value or rule, a range on a category, or a range that holds no value.
    """
    _check_names(constraints, columns)
    groups = tuple(_one_hot(name, members, columns) for name, members in constraints.one_hot.items())
    scale, centre = robust_scale(background, columns.nominal)
    costs = np.array([constraints.costs.get(name, 1.0) for name in columns.names])
    immutable = _named(constraints.immutable, columns)
    halves = np.ones(len(columns))
    for group in groups:
        scale[group.places], halves[group.places] = 1.0, 0.5
        immutable[group.places] |= group.name in constraints.immutable
        if group.name in constraints.costs:
            costs[group.places] = constraints.costs[group.name]
    low, high = _ends(constraints, columns, background)
    return Space(
        constraints=constraints,
        columns=columns,
        low=low,
        high=high,
        scale=scale,
        centre=centre,
        weights=np.where(columns.nominal, costs, costs / scale) * halves,
        whole=_whole(columns, background),
        immutable=immutable,
        fillable=_named(constraints.fillable, columns),
        way=np.array([_WAYS.get(constraints.one_way.get(name, ""), 0) for name in columns.names], dtype=np.int64),
        moves=tuple(_moves(column, constraints) for column in columns.columns),
        groups=groups,
    )


def relaxed(space: Space, background: Floats, /) -> Space:
    """The same columns without what a person forbade: one-hot groups, whole numbers and observed ranges remain.

    Missing values may be filled: that a value is not known can be all that stands in the way. What was forbidden is
    five times as dear, so that a search in it breaks little.
    """
    asked = space.constraints
    free = space_of(Constraints(one_hot=asked.one_hot, costs=asked.costs), space.columns, background)
    named = {*asked.immutable, *asked.one_way, *asked.ranges, *asked.categories, *asked.transitions}
    named |= {column for rule in asked.rules for column in rule.columns}
    dear = _named(tuple(named), space.columns) | space.immutable
    return replace(
        free,
        low=np.fmin(free.low, space.low),
        high=np.fmax(free.high, space.high),
        fillable=np.ones(len(space.columns), dtype=bool),
        weights=np.where(dear, 5 * free.weights, free.weights),
    )


def robust_scale(background: Floats, nominal: Bools, /) -> tuple[Floats, Floats]:
    """(columns,) 1.4826 · median absolute deviation, or the standard deviation where that is 0, or 1; the medians."""
    d = background.shape[1]
    scale, centre = np.ones(d), np.zeros(d)
    for j in np.flatnonzero(~nominal):
        known = background[~np.isnan(background[:, j]), j]
        if len(known):
            centre[j] = np.median(known)
            spread = float(1.4826 * np.median(np.abs(known - centre[j]))) or float(np.std(known))
            scale[j] = spread if np.isfinite(spread) and spread > 0 else 1.0
    return scale, centre


def _named(names: tuple[str, ...], columns: Columns) -> Bools:
    return np.array([name in names for name in columns.names], dtype=bool)


def _check_names(constraints: Constraints, columns: Columns) -> None:
    groups = tuple(constraints.one_hot)
    taken = [name for name in groups if name in columns.names]
    if taken:
        raise _wrong(f"the one-hot group {taken[0]!r} is called like a column", "Give it a name of its own.")
    for kind in ("immutable", "costs", "fillable", "one_way", "ranges", "categories", "transitions", "orders"):
        allowed = (*columns.names, *groups) if kind in ("immutable", "costs") else columns.names
        for name in getattr(constraints, kind):
            if name not in allowed:
                raise unknown(f"column in the constraint {kind}", name, allowed, code="column")
            if name in columns.names:
                _check_kind(kind, columns.columns[columns.place(name)], constraints)
    for name, members in constraints.one_hot.items():
        for member in members:
            if member not in columns.names:
                raise unknown(f"column in the one-hot group {name!r}", member, columns.names, code="column")
    for rule in constraints.rules:
        rule.check(columns)


def _check_kind(kind: str, column: Column, constraints: Constraints) -> None:
    name, nominal = column.name, column.kind == "category"
    if kind == "ranges" and nominal:
        raise _wrong(f"{name!r} is a category and has a range", "Give its values in `categories`.")
    if kind in ("categories", "transitions", "orders") and not nominal:
        raise _wrong(f"{name!r} is a number and has {kind}", "Give its lowest and highest value in `ranges`.")
    if kind == "one_way" and nominal and name not in constraints.orders:
        raise _wrong(
            f"{name!r} is a category, and may go one way only", "Give its values from low to high in `orders`."
        )
    named: list[str] = []
    if kind in ("categories", "orders"):
        named = list(getattr(constraints, kind)[name])
    elif kind == "transitions":
        named = [value for start, ends in constraints.transitions[name].items() for value in (start, *ends)]
    for value in named:
        if value not in column.levels:
            raise unknown(f"value of {name!r} in the constraint {kind}", value, column.levels[:50], code="category")


def _wrong(what: str, hint: str) -> AssayError:
    return AssayError(f"These constraints cannot be kept: {what}.", code="constraint", hint=hint)


def _ends(constraints: Constraints, columns: Columns, background: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest value of each column; a column of which nothing is known cannot move."""
    low, high = np.full(len(columns), np.inf), np.full(len(columns), -np.inf)
    for j, column in enumerate(columns.columns):
        known = background[~np.isnan(background[:, j]), j]
        if column.kind == "category":
            low[j], high[j] = 0, len(column.levels) - 1
            continue
        if len(known):
            low[j], high[j] = known.min(), known.max()
        given = constraints.ranges.get(column.name, (None, None))
        low[j] = low[j] if given[0] is None else given[0]
        high[j] = high[j] if given[1] is None else given[1]
        if column.name in constraints.ranges and low[j] > high[j]:
            raise _wrong(
                f"the range of {column.name!r} runs from {low[j]:g} to {high[j]:g}",
                "An end that is not given is the lowest or highest value of the background: give both.",
            )
    return low, high


def _whole(columns: Columns, background: Floats) -> Bools:
    found = np.array([column.kind != "number" for column in columns.columns], dtype=bool)
    for j in np.flatnonzero(~found):
        known = background[~np.isnan(background[:, j]), j]
        found[j] = len(known) > 0 and bool((known == np.rint(known)).all())
    return found


def _moves(column: Column, constraints: Constraints) -> Bools | None:
    """(from, to) True where a category may go; None for a number."""
    if column.kind != "category":
        return None
    name, n = column.name, len(column.levels)
    place = {level: i for i, level in enumerate(column.levels)}
    out = np.ones((n, n), dtype=bool)
    if name in constraints.categories:
        out[:] = [level in constraints.categories[name] for level in column.levels]
    if name in constraints.transitions:
        for i, level in enumerate(column.levels):
            out[i] &= [end in constraints.transitions[name].get(level, ()) for end in column.levels]
    if name in constraints.one_way:
        ranks = np.full(n, np.nan)
        for rank, level in enumerate(constraints.orders[name]):
            ranks[place[level]] = rank
        step = (ranks[None, :] - ranks[:, None]) * _WAYS[constraints.one_way[name]]
        out &= step >= 0
    return out


def _one_hot(name: str, members: tuple[str, ...], columns: Columns) -> OneHot:
    on, off = (np.array([_state(columns.columns[columns.place(m)], which) for m in members]) for which in (ON, OFF))
    places: NDArray[Any] = np.array(columns.places(members), dtype=np.int64)
    return OneHot(name, places, on, off)


def _state(column: Column, words: tuple[str, ...]) -> float:
    """The number of a member that is on or off; -1 where the data never show it."""
    if column.kind != "category":
        return float(words is ON)
    return float(next((i for i, level in enumerate(column.levels) if level.lower() in words), -1))
