"""The game that trees make of columns: who plays, with what, and against whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Floats

if TYPE_CHECKING:
    from assay.models.structure.ensemble import TreeEnsemble

Integers = NDArray[np.int64]
Words = NDArray[np.uint64]
Goes = dict[int, NDArray[np.bool_]]
"""For nodes that split, (rows,) True for the rows that go left."""
_WORD = 64


@dataclass(frozen=True, eq=False)
class TreeGame:
    """Trees and players whose Shapley values are asked.

    `value` (nodes,) is what a leaf adds. `owner` (encoded columns,) is the player of each column, of which there are
    `players`; columns of one player (a one-hot group) move together. `matrix` (rows, encoded columns) are the explained
    rows, `background` (n, encoded columns) the rows they are compared with (interventional), or None: the covers of the
    training (path-dependent).
    """

    ensemble: TreeEnsemble
    value: Floats
    owner: Integers
    players: int
    matrix: Floats
    background: Floats | None = None

    @cached_property
    def rows(self) -> Floats:
        """The explained rows by columns, as precise as the trees read them."""
        return self._read(self.matrix)

    @cached_property
    def others(self) -> Floats:
        """The background by columns, as precise as the trees read it."""
        return self._read(self.matrix[:0] if self.background is None else self.background)

    def _read(self, matrix: Floats) -> Floats:
        if self.ensemble.single:
            with np.errstate(over="ignore"):
                matrix = matrix.astype(np.float32)
        return np.asfortranarray(matrix, dtype=np.float64)

    @cached_property
    def spans(self) -> Integers:
        """(nodes,) how many different players stand between the root and each node."""
        left, right = self.ensemble.left, self.ensemble.right
        seen = np.zeros((self.ensemble.nodes, -(-self.players // _WORD)), dtype=np.uint64)
        frontier = self.ensemble.roots
        while len(frontier := frontier[left[frontier] >= 0]):
            player = self.owner[self.ensemble.feature[frontier]]
            held = seen[frontier]
            held[np.arange(len(frontier)), player // _WORD] |= np.uint64(1) << (player % _WORD).astype(np.uint64)
            seen[left[frontier]] = seen[right[frontier]] = held
            frontier = np.concatenate([left[frontier], right[frontier]])
        return np.asarray(np.bitwise_count(seen).sum(axis=1, dtype=np.int64))

    @cached_property
    def reach(self) -> Integers:
        """(nodes,) how many different players stand on the longest path through each node."""
        left, right = self.ensemble.left, self.ensemble.right
        found, levels = self.spans.copy(), [self.ensemble.roots]
        while len(inner := levels[-1][left[levels[-1]] >= 0]):
            levels[-1] = inner
            levels.append(np.concatenate([left[inner], right[inner]]))
        for level in reversed(levels[:-1]):
            found[level] = np.maximum(found[left[level]], found[right[level]])
        return found

    def nodes(self, root: int, /) -> Integers:
        """The nodes of the tree at `root`, itself first."""
        left, right = self.ensemble.left, self.ensemble.right
        levels = [np.array([root], dtype=np.int64)]
        while len(inner := levels[-1][left[levels[-1]] >= 0]):
            levels.append(np.concatenate([left[inner], right[inner]]).astype(np.int64))
        return np.concatenate(levels)

    def goes(self, nodes: Sequence[int], columns: Floats, /) -> Goes:
        """For each of the nodes, which of the rows (of `rows` or `others`) go left."""
        feature = self.ensemble.feature
        return {node: _left(self.ensemble, node, columns[:, feature[node]]) for node in nodes}

    def ways(self, nodes: Integers, columns: Floats, /) -> NDArray[np.bool_]:
        """(nodes, rows) the same as `goes` in one array, at once for many nodes and few rows."""
        ensemble = self.ensemble
        numbers = columns.T[ensemble.feature[nodes]]
        limit = ensemble.threshold[nodes][:, None]
        found = numbers < limit if ensemble.strict else numbers <= limit
        found |= np.isnan(numbers) & ensemble.missing_left[nodes][:, None]
        for place in np.flatnonzero(ensemble.categorical[nodes]):
            found[place] = _left(ensemble, int(nodes[place]), numbers[place])
        return np.asarray(found)


def _left(ensemble: TreeEnsemble, node: int, numbers: Floats) -> NDArray[np.bool_]:
    """(rows,) True where rows with these numbers in its column go left at a node."""
    if ensemble.categorical[node]:
        known = ensemble.category_codes[ensemble.category_starts[node] : ensemble.category_starts[node + 1]]
        with np.errstate(invalid="ignore"):
            goes = np.isin(np.where((numbers >= 0) & (numbers < 1 << 31), numbers, -1).astype(np.int64), known)
    else:
        limit = ensemble.threshold[node]
        goes = numbers < limit if ensemble.strict else numbers <= limit
    if ensemble.missing_left[node]:
        goes |= np.isnan(numbers)
    return goes
