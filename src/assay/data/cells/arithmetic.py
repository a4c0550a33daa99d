"""Exact integer arithmetic on the cells of Counts: folding equal cells, adding, keeping pairs of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[Any]
"""int64 where the total magnitude is safely below 2**62, else an object array of Python integers."""

SAFE = 2.0**62


def as_ints(values: Sequence[int] | Ints, /) -> Ints:
    """`values` as int64 where their total magnitude is safely below 2**62, else as exact Python integers."""
    array = np.asarray(values)
    if array.dtype == object or array.dtype.kind not in "iu":
        array = np.array([int(v) for v in values], dtype=object)
    return array.astype(np.int64 if _magnitude(array) < SAFE else object)


def _magnitude(array: Ints) -> float:
    return float(np.abs(array.astype(float)).sum()) if array.size else 0.0


@dataclass(frozen=True, slots=True)
class Pairs:
    """Σ over units of (weight of the unit in cell i) × (its weight in cell j): what clustered variances need.

    Symmetric and sparse: both (i, j) and (j, i) are stored. `square` are integers (rows), or
    fixed-point products in units of 2**40 where rows are weighted.
    """

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    square: Ints

    def among(self, keep: NDArray[np.bool_], /) -> Pairs:
        """The pairs of two kept cells, numbered as the kept cells are."""
        new = np.cumsum(keep) - 1
        both = keep[self.i] & keep[self.j]
        return Pairs(new[self.i[both]], new[self.j[both]], self.square[both])

    def moved(self, index: NDArray[np.int64], /) -> Pairs:
        """The pairs after cell c became cell index[c]; sorted, equal pairs added, empty ones dropped."""
        ij = np.stack([index[self.i], index[self.j]], axis=1).astype(np.int64)
        keys, where = unique_rows(ij)
        square = add_at(self.square, where, len(keys))
        keep = np.asarray(square != 0, dtype=bool)
        return Pairs(keys[keep, 0], keys[keep, 1], square[keep])


@dataclass(frozen=True, slots=True)
class CellSums:
    """One entry a cell: its codes (cells × dims) and sums; and the pairs of cells that share units."""

    codes: NDArray[np.int32]
    sums: Mapping[str, Ints]
    pairs: Pairs | None = None

    def folded(self) -> CellSums:
        """Sorted by code, with equal cells added and cells whose sums are all zero dropped."""
        codes, index = unique_rows(self.codes)
        sums = {name: add_at(values, index, len(codes)) for name, values in self.sums.items()}
        pairs = self.pairs.moved(index) if self.pairs is not None else None
        keep = np.zeros(len(codes), dtype=bool)
        for values in sums.values():
            keep |= np.asarray(values != 0, dtype=bool)
        return CellSums(codes, sums, pairs) if keep.all() else CellSums(codes, sums, pairs).where(keep)

    def where(self, keep: NDArray[np.bool_], /) -> CellSums:
        """The kept cells."""
        pairs = self.pairs.among(keep) if self.pairs is not None else None
        return CellSums(self.codes[keep], {name: values[keep] for name, values in self.sums.items()}, pairs)

    def joined(self, other: CellSums, /, *, sign: int) -> CellSums:
        """The cells of both, those of `other` multiplied by `sign`.

        Pairs are true where no unit has rows on both sides, which the caller answers for.
        """
        a, b, pairs = self.pairs, other.pairs, None
        if a is not None and b is not None:
            i, j = (np.concatenate([x, y + len(self.codes)]) for x, y in ((a.i, b.i), (a.j, b.j)))
            pairs = Pairs(i, j, _concatenate(a.square, b.square, sign))
        sums = {name: _concatenate(values, other.sums[name], sign) for name, values in self.sums.items()}
        return CellSums(np.concatenate([self.codes, other.codes]), sums, pairs)

    def times(self, factor: int, /) -> CellSums:
        """Every sum multiplied by a whole number."""
        pairs = self.pairs and Pairs(self.pairs.i, self.pairs.j, _times(self.pairs.square, factor))
        return CellSums(self.codes, {name: _times(values, factor) for name, values in self.sums.items()}, pairs)


def unique_rows(codes: NDArray[Any], /) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The distinct rows of a table of non-negative integers in their order, and the place of each row in them."""
    if not codes.shape[1]:
        return codes[:1], np.zeros(len(codes), dtype=np.int64)
    sizes = [int(column.max(initial=0)) + 1 for column in codes.T]
    if np.prod([float(size) for size in sizes]) >= SAFE:
        unique, inverse = np.unique(codes, axis=0, return_inverse=True)
        return unique, np.asarray(inverse, dtype=np.int64).reshape(-1)
    flat = np.zeros(len(codes), dtype=np.int64)
    for column, size in zip(codes.T, sizes, strict=True):
        flat = flat * size + column
    _, first, inverse = np.unique(flat, return_index=True, return_inverse=True)
    return codes[first], np.asarray(inverse, dtype=np.int64)


def add_at(values: Ints, index: NDArray[Any], size: int, /) -> Ints:
    """Exact sums of `values` by `index` into `size` places."""
    if values.dtype != object and _magnitude(values) < SAFE:
        out = np.zeros(size, dtype=np.int64)
        np.add.at(out, index, values)
        return out
    exact = [0] * size
    for where, value in zip(index, values, strict=True):
        exact[where] += int(value)
    return as_ints(np.array(exact, dtype=object))


def _concatenate(left: Ints, right: Ints, sign: int) -> Ints:
    if left.dtype == object or right.dtype == object:
        return as_ints([*map(int, left), *(sign * int(v) for v in right)])
    return as_ints(np.concatenate([left, sign * right]))


def _times(values: Ints, factor: int) -> Ints:
    return as_ints([int(value) * factor for value in values])
