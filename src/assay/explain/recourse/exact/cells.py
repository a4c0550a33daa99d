"""Where along a number the answers of trees can change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.recourse.exact.reading import Places, Reading
from assay.explain.recourse.space import Space

LISTED = 20_000
"""Whole numbers are tried one by one where there are no more of them."""
PROBES = 513
"""Values at which a column is tested for going one way only."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The values open to a number, from `first` to `last` of each cell (cells,), ascending; within a cell all answers
    are the same."""

    first: Floats
    last: Floats


def cells_of(reading: Reading, space: Space, background: Floats, /) -> tuple[Cells | None, ...]:
    """The Cells of every column; None for categories and for columns without any open value.

    Whole numbers are tried one by one; other boundaries are bisected between the lowest and the highest open value
    down to neighbouring float64 numbers, which needs encoded columns that only rise or only fall with their owner.
    AssayError where one does neither.
    """
    most = float(np.finfo(np.float64).max)
    low = np.maximum(np.where(space.whole, np.ceil(space.low), space.low), -most)
    high = np.minimum(np.where(space.whole, np.floor(space.high), space.high), most)
    used = ~space.nominal & (low <= high) & ~space.immutable
    listed = np.zeros(len(used), dtype=bool)
    listed[used] = space.whole[used] & (high[used] - low[used] < LISTED)
    values = {int(j): np.arange(low[j], high[j] + 1) for j in np.flatnonzero(listed)}
    starts = _changes(reading, background[0], values)
    probes = {int(j): _probes(low[j], high[j], background[:, j]) for j in np.flatnonzero(used & ~listed)}
    starts |= _bisected(reading, background[0], probes)
    return tuple(_cells(space, j, low[j], high[j], starts[j]) if used[j] else None for j in range(len(used)))


def _cells(space: Space, j: int, low: float, high: float, starts: Floats) -> Cells:
    first = np.unique(np.concatenate([[low], starts]))
    last = np.concatenate([np.nextafter(first[1:], -np.inf), [high]])
    if space.whole[j]:
        first, last = np.ceil(first), np.floor(last)
    kept = first <= last
    return Cells(first[kept], last[kept])


def _varied(reading: Reading, row: Floats, values: dict[int, Floats]) -> dict[int, Floats]:
    """For each column, (values, its encoded columns) the cells of its values; all columns are varied at once."""
    size = max((len(v) for v in values.values()), default=0)
    if not size:
        return {}
    matrix = np.repeat(row[None], size, axis=0)
    for j, v in values.items():
        matrix[: len(v), j], matrix[len(v) :, j] = v, v[-1]
    found = reading.cells(reading.encode(matrix))
    return {j: found[: len(v)][:, reading.owner == j] for j, v in values.items()}


def _changes(reading: Reading, row: Floats, values: dict[int, Floats]) -> dict[int, Floats]:
    """For each column, those of its values at which the cell is not that of the value before."""
    found = _varied(reading, row, values)
    return {j: values[j][1:][(np.diff(found[j], axis=0) != 0).any(axis=1)] for j in values}


def _probes(low: float, high: float, known: Floats) -> Floats:
    share = np.linspace(0, 1, PROBES)
    inside = known[(known >= low) & (known <= high)]
    return np.unique(np.concatenate([low * (1 - share) + high * share, inside]))


@dataclass(frozen=True, eq=False)
class _Edges:
    """Boundaries of one column: `way` · cell of the `encoded` column first reaches `step` after `below`, by `above`.

    Both are keys of numbers: see `_key`.
    """

    encoded: Places
    way: Floats
    step: Floats
    below: Places
    above: Places

    @property
    def open(self) -> bool:
        """True where numbers lie between."""
        return bool((self.below + 1 < self.above).any())

    def middle(self) -> Places:
        """Keys half way."""
        half: Places = (self.below >> 1) + (self.above >> 1) + (self.below & self.above & 1)
        return half

    def halved(self, cells: Floats) -> _Edges:
        """The half that holds the boundary, given the `cells` of the numbers in the middle."""
        middle = self.middle()
        beyond = self.way * cells[np.arange(len(middle)), self.encoded] >= self.step
        below, above = np.where(beyond, self.below, middle), np.where(beyond, middle, self.above)
        return _Edges(self.encoded, self.way, self.step, below, above)


def _bisected(reading: Reading, row: Floats, probes: dict[int, Floats]) -> dict[int, Floats]:
    """For each column, the first numbers of its cells but the lowest one."""
    seen = _varied(reading, row, probes)
    edges = {j: _edges(probes[j], cells) for j, cells in seen.items()}
    for j, cells in seen.items():
        _check(reading, j, cells)
    while opened := {j: one for j, one in edges.items() if one.open}:
        found = _varied(reading, row, {j: _number(one.middle()) for j, one in opened.items()})
        edges |= {j: one.halved(found[j]) for j, one in opened.items()}
    return {j: np.unique(_number(one.above)) for j, one in edges.items()}


def _edges(values: Floats, cells: Floats) -> _Edges:
    """Between which of the values (ascending) each boundary lies."""
    rows: list[Floats] = [np.zeros((4, 0))]
    for e in range(cells.shape[1]):
        way = 1.0 if cells[-1, e] >= cells[0, e] else -1.0
        steps = np.arange(way * cells[0, e] + 1, way * cells[-1, e] + 1)
        at = np.searchsorted(way * cells[:, e], steps, side="left")
        rows.append(np.stack([np.full(len(steps), float(e)), np.full(len(steps), way), steps, at.astype(np.float64)]))
    encoded, way_of, step, place = np.concatenate(rows, axis=1)
    above = place.astype(np.int64)
    return _Edges(encoded.astype(np.int64), way_of, step, _key(values[above - 1]), _key(values[above]))


def _check(reading: Reading, j: int, cells: Floats) -> None:
    steps = np.diff(cells, axis=0)
    one_way = (steps >= 0).all(axis=0) | (steps <= 0).all(axis=0)
    if not one_way.all() or (cells < 0).any() or reading.by_set[reading.owner == j].any():
        raise AssayError(
            f"What the model reads of {reading.columns.names[j]!r} neither only rises nor only falls with it.",
            code="exact",
            hint="The exact search cannot find where the answers change; use explain.counterfactuals.",
        )


def _key(values: Floats) -> Places:
    """Integers in the order of the numbers; neighbouring numbers have neighbouring integers."""
    bits = np.ascontiguousarray(values + 0.0).view(np.int64)
    return np.where(bits >= 0, bits, np.int64(-(2**63)) - bits)


def _number(keys: Places) -> Floats:
    bits = np.where(keys >= 0, keys, np.int64(-(2**63)) - keys)
    return np.ascontiguousarray(bits).view(np.float64)
