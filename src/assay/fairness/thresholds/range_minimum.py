"""The least of a run of numbers, for many runs at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BLOCK = 32


class RangeMinimum:
    """Answers `min(values[start:stop])` in constant time after linear work.

    Within blocks of 32 the running minima from both ends are kept, over whole blocks a sparse table (Bender &
    Farach-Colton 2000, section 3).
    """

    def __init__(self, values: Floats, /) -> None:
        blocks = -(-len(values) // BLOCK)
        padded = np.full(blocks * BLOCK, np.inf)
        padded[: len(values)] = values
        self._grid = padded.reshape(blocks, BLOCK)
        self._from_left = np.minimum.accumulate(self._grid, axis=1).reshape(-1)
        self._to_right = np.minimum.accumulate(self._grid[:, ::-1], axis=1)[:, ::-1].reshape(-1)
        self._tables = [self._grid.min(axis=1)]
        while (reach := 1 << (len(self._tables) - 1)) * 2 <= blocks:
            last = self._tables[-1]
            self._tables.append(np.minimum(last[:-reach], last[reach:]))

    def least(self, start: Ints, stop: Ints, /) -> Floats:
        """The least of each run [start, stop); infinity for an empty run."""
        out = np.full(len(start), np.inf)
        filled = np.flatnonzero(stop > start)
        first, last = start[filled], stop[filled] - 1
        left, right = first // BLOCK, last // BLOCK
        apart = left < right
        found = np.empty(len(filled))
        found[apart] = np.minimum(self._to_right[first[apart]], self._from_left[last[apart]])
        whole = np.flatnonzero(right - left > 1)
        found[whole] = np.minimum(found[whole], self._blocks(left[whole] + 1, right[whole]))
        found[~apart] = self._within(first[~apart], last[~apart])
        out[filled] = found
        return out

    def _blocks(self, start: Ints, stop: Ints) -> Floats:
        """The least of whole blocks [start, stop), none empty: two overlapping powers of two."""
        power = np.frexp((stop - start).astype(np.float64))[1] - 1
        out = np.empty(len(start))
        for one in np.unique(power):
            at = power == one
            table = self._tables[int(one)]
            out[at] = np.minimum(table[start[at]], table[stop[at] - (1 << int(one))])
        return out

    def _within(self, first: Ints, last: Ints) -> Floats:
        """The least of runs that lie in one block."""
        block = first // BLOCK
        places = np.arange(BLOCK)
        inside = (places >= (first - block * BLOCK)[:, None]) & (places <= (last - block * BLOCK)[:, None])
        return np.where(inside, self._grid[block], np.inf).min(axis=1) if len(first) else np.zeros(0)
