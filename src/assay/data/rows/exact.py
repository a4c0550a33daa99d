"""Exact group sums in numpy: whole numbers of 64 bits and more, and pairs of cells that share units."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.data.cells.arithmetic import Ints, Pairs, as_ints, unique_rows

Index = NDArray[np.int64]
_LIMB = 26
MANY_PAIRS = 1 << 24
"""More pairs of cells than this are refused."""
_AT_ONCE = 1 << 22


def group_sum(values: NDArray[np.int64], index: Index, size: int, /) -> Ints:
    """Σ of `values` by `index`, exact whatever its size."""
    most = float(np.abs(values).max(initial=0)) * max(len(values), 1)
    if most < 2.0**62:
        return _add(values, index, size)
    low, high = values & ((1 << 31) - 1), values >> 31
    return _shifted([(_add(high, index, size), 31), (_add(low, index, size), 0)])


def group_squares(values: NDArray[np.int64], index: Index, size: int, /) -> Ints:
    """Σ of values² by `index`, for values from 0 up to 2**53."""
    if int(values.max(initial=0)) < 1 << 31:
        return group_sum(values * values, index, size)
    low, high = values & ((1 << _LIMB) - 1), values >> _LIMB
    parts = [(high * high, 2 * _LIMB), (2 * high * low, _LIMB), (low * low, 0)]
    return _shifted([(group_sum(part, index, size), shift) for part, shift in parts])


def _add(values: NDArray[np.int64], index: Index, size: int) -> NDArray[np.int64]:
    out = np.zeros(size, dtype=np.int64)
    np.add.at(out, index, values)
    return out


def _shifted(parts: list[tuple[Ints, int]]) -> Ints:
    columns = [[int(value) << shift for value in part.tolist()] for part, shift in parts]
    return as_ints(np.array([sum(limbs) for limbs in zip(*columns, strict=True)], dtype=object))


def pairs_of(units: Index, cells: Index, amounts: NDArray[np.int64], /) -> Pairs:
    """Σ over units of (amount of the unit in cell i) × (in cell j), from one entry a row."""
    keys, index = unique_rows(np.stack([units, cells], axis=1))
    amount = group_sum(amounts, index, len(keys))
    unit, cell = keys[:, 0], keys[:, 1].astype(np.int64)
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    sizes = np.diff(starts, append=len(unit))
    total = Pairs(cell[:0], cell[:0], amount[:0])
    for part in _parts(sizes):
        made = _pairs(starts[part], sizes[part], cell, amount)
        both = [np.concatenate(side) for side in ((total.i, made.i), (total.j, made.j), (total.square, made.square))]
        total = Pairs(both[0], both[1], as_ints(both[2])).moved(np.arange(int(cells.max(initial=0)) + 1))
        check_size(len(total.i))
    return total


def check_size(pairs: int, /) -> None:
    """Raise where there are more pairs of cells than can be kept."""
    if pairs > MANY_PAIRS:
        raise AssayError(
            f"The rows of a unit fall into so many different cells that more than {MANY_PAIRS:,} pairs of cells arise.",
            code="units",
            hint="Leave the role unit out (intervals then take rows as independent), or count by fewer columns.",
        )


def _parts(sizes: Index) -> list[slice]:
    """Runs of units with at most about _AT_ONCE pairs each."""
    after = np.cumsum(sizes * sizes)
    total = int(after[-1]) if len(after) else 0
    cuts = {int(cut) for cut in np.searchsorted(after, np.arange(_AT_ONCE, max(total, _AT_ONCE), _AT_ONCE))}
    bounds = sorted({0, *cuts, len(sizes)})
    return [slice(a, b) for a, b in pairwise(bounds)]


def _pairs(starts: Index, sizes: Index, cell: Index, amount: Ints) -> Pairs:
    square = sizes * sizes
    unit = np.repeat(np.arange(len(sizes)), square)
    within = np.arange(int(square.sum())) - np.repeat(np.cumsum(square) - square, square)
    i, j = starts[unit] + within // sizes[unit], starts[unit] + within % sizes[unit]
    wide = amount.dtype == object or float(np.abs(amount).max(initial=0)) ** 2 * max(len(i), 1) >= 2.0**62
    factor = amount.astype(object) if wide else amount
    return Pairs(cell[i], cell[j], as_ints(factor[i] * factor[j]))
