"""Boxes of options: what they cost at least, and the highest scores that trees can give within them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.exact.boxes.bits import Line, Words, line_of, reached
from assay.explain.recourse.exact.choices import Choice, rows_of
from assay.explain.recourse.exact.reading import Places, Reading
from assay.explain.recourse.exact.requirement import Requirement
from assay.explain.recourse.space import Bools

ALL = np.uint64(2**64 - 1)


@dataclass(frozen=True, eq=False)
class Boxes:
    """Per box and choice the first and the last option (boxes, choices) that are open."""

    low: Places
    high: Places

    def __len__(self) -> int:
        return len(self.low)

    def take(self, which: Bools | Places, /) -> Boxes:
        """Some of them."""
        return Boxes(self.low[which], self.high[which])

    @classmethod
    def joined(cls, parts: list[Boxes], /) -> Boxes:
        """All of them, in order."""
        return cls(np.concatenate([p.low for p in parts]), np.concatenate([p.high for p in parts]))


@dataclass(frozen=True, eq=False)
class Field:
    """The choices of one row, the lines of its Requirement, and per line and choice the leaves open to runs of options.

    `tables[line][choice][k]` (options - 2^k + 1, words) are the leaves open to 2^k options in a row, so that two words
    give those of any run. `ways[choice]` (options, nodes) and `alive` (nodes,) are the same before packing: to which
    nodes an option leaves the way open, and which any row reaches.
    """

    choices: list[Choice]
    lines: list[Line]
    tables: list[list[list[Words]]]
    requirement: Requirement
    own: Places
    ways: list[Bools]
    alive: Bools

    def whole(self) -> Boxes:
        """The one box with everything in it."""
        last = np.array([[len(choice) - 1 for choice in self.choices]], dtype=np.int64)
        return Boxes(np.zeros_like(last), last)

    def cheapest(self, boxes: Boxes, /) -> Places:
        """(boxes, choices) the option of least cost of each choice."""
        return np.clip(self.own, boxes.low, boxes.high)

    def costs(self, options: Places, /) -> Floats:
        """(boxes, choices) what these options cost."""
        parts = [choice.cost[options[:, v]] for v, choice in enumerate(self.choices)]
        return np.column_stack(parts) if parts else np.zeros(options.shape)

    def trimmed(self, boxes: Boxes, limit: float, /) -> Boxes:
        """The boxes less the options that cannot be in any row that costs less than `limit`; low > high: none can."""
        if not np.isfinite(limit):
            return boxes
        least = self.costs(self.cheapest(boxes))
        slack = limit - (least.sum(axis=1, keepdims=True) - least)
        low, high = boxes.low.copy(), boxes.high.copy()
        for v, choice in enumerate(self.choices):
            below, above = -choice.cost[: choice.own + 1], choice.cost[choice.own :]
            low[:, v] = np.maximum(low[:, v], np.searchsorted(below, -slack[:, v], side="right"))
            high[:, v] = np.minimum(high[:, v], choice.own + np.searchsorted(above, slack[:, v], side="left") - 1)
        return Boxes(low, high)

    def words(self, line: int, boxes: Boxes, /) -> Words:
        """(boxes, words) the leaves that are open in each box."""
        out = np.full((len(boxes), self.lines[line].words), ALL)
        for v, table in enumerate(self.tables[line]):
            low, high = boxes.low[:, v], boxes.high[:, v]
            if len(table[0]) == 1:
                out &= table[0][0]
                continue
            level = np.frexp(high - low + 1)[1] - 1
            for k in np.unique(level):
                at = np.flatnonzero(level == k)
                found = table[k][low[at]]
                if k:
                    found |= table[k][high[at] - (1 << int(k)) + 1]
                out[at] &= found
        return out

    def highest(self, boxes: Boxes, /) -> Floats:
        """(boxes, lines) no row in the box scores more; exact where a box holds one option of each choice."""
        found = [line.total(line.best(self.words(i, boxes))) for i, line in enumerate(self.lines)]
        return np.column_stack(found) if found else np.zeros((len(boxes), 0))

    def blame(self, boxes: Boxes, points: Places, /) -> Floats:
        """(boxes, choices) how much of the lead of the highest score over that of the `points` hangs on each choice.

        Of every tree, the gap between the best open leaf and the point's own counts for the choices whose option at
        the point bars the way to that leaf.
        """
        out = np.zeros(points.shape)
        here = Boxes(points, points)
        for i, line in enumerate(self.lines):
            words, own = self.words(i, boxes), self.words(i, here)
            with np.errstate(invalid="ignore"):
                gap = line.best(words) - line.best(own)
            gap = np.where(np.isfinite(gap), gap, 0.0)
            first = words & (~words + np.uint64(1))
            for v, table in enumerate(self.tables[i]):
                barred = (table[0][points[:, v]] & first) == 0
                out[:, v] += (gap * barred).sum(axis=1)
        return np.where(boxes.low < boxes.high, out, -1.0)


def field_of(reading: Reading, choices: list[Choice], before: Floats, requirement: Requirement, /) -> Field:
    """The Field of the row `before` (columns,) with these choices, `requirement` loosened by what rounding may do."""
    movable = [np.isin(reading.owner, choice.places) for choice in choices]
    fixed = ~np.logical_or.reduce([np.zeros(len(reading.owner), dtype=bool), *movable])
    stacked = np.concatenate([before[None], *(rows_of(choice, before) for choice in choices)])
    encoded = np.split(reading.encode(stacked), np.cumsum([1, *(len(choice) for choice in choices[:-1])]))
    if not choices:
        encoded = encoded[:1]
    still = reached(reading, encoded[0], fixed)[0]
    open_ = [reached(reading, rows, mine) & still for rows, mine in zip(encoded[1:], movable, strict=True)]
    alive = np.logical_and.reduce([still, *(part.any(axis=0) for part in open_)])
    lines = [line_of(reading, weights, alive) for weights in requirement.weights]
    tables = [[_runs(line.pack(part)) for part in open_] for line in lines]
    size = np.array([line.size for line in lines])
    own = np.array([choice.own for choice in choices], dtype=np.int64)
    return Field(choices, lines, tables, requirement.loosened(size), own, open_, alive)


def _runs(single: Words) -> list[Words]:
    out, step = [single], 1
    while 2 * step <= len(single):
        out.append(out[-1][:-step] | out[-1][step:])
        step *= 2
    return out
