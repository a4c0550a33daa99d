"""Trees as words of bits, one bit a leaf: which leaves a box of options reaches, and the highest score among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Floats
from assay.explain.recourse.exact.reading import Places, Reading
from assay.explain.recourse.space import Bools

Words = NDArray[np.uint64]
WORD = 64


def reached(reading: Reading, encoded: Floats, mine: Bools, /) -> Bools:
    """(options, nodes) True where an option (a row of `encoded`) of one choice does not bar the way to the node.

    `mine` (encoded columns,) are those that the choice changes: splits on others let everything through.
    """
    trees = reading.trees
    assert trees is not None
    inner = trees.left >= 0
    own = inner & mine[np.where(inner, trees.feature, 0)]
    goes = np.ones((len(encoded), trees.nodes), dtype=bool)
    other = goes.copy()
    nodes = np.flatnonzero(own & ~trees.categorical)
    x = encoded[:, trees.feature[nodes]]
    left = x < trees.threshold[nodes] if trees.strict else x <= trees.threshold[nodes]
    goes[:, nodes] = np.where(np.isnan(x), trees.missing_left[nodes], left)
    for node in np.flatnonzero(own & trees.categorical):
        codes = trees.category_codes[trees.category_starts[node] : trees.category_starts[node + 1]]
        x = encoded[:, trees.feature[node]]
        listed = np.isin(np.where((x >= 0) & (x < 2.0**31), np.trunc(np.nan_to_num(x)), -1), codes)
        goes[:, node] = np.where(np.isnan(x), trees.missing_left[node], listed)
    nodes = np.flatnonzero(own)
    other[:, nodes] = ~goes[:, nodes]
    open_ = np.ones((len(encoded), trees.nodes), dtype=bool)
    frontier = trees.roots[trees.left[trees.roots] >= 0]
    while len(frontier):
        left_, right = trees.left[frontier], trees.right[frontier]
        open_[:, left_] = open_[:, frontier] & goes[:, frontier]
        open_[:, right] = open_[:, frontier] & other[:, frontier]
        frontier = np.concatenate([left_, right])
        frontier = frontier[trees.left[frontier] >= 0]
    return open_


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a Requirement over trees: leaves in words, those of highest score at the lowest bits.

    `leaf` (words · 64,) is the node of each bit, -1 for none; `score` (words, 65) its score, -inf where there is none;
    `starts` are the first words of the trees; `base` is what is added once, `size` the sum of the trees' largest
    absolute scores.
    """

    leaf: Places
    score: Floats
    starts: Places
    base: float
    size: float

    @property
    def words(self) -> int:
        """How many."""
        return len(self.score)

    def pack(self, open_: Bools, /) -> Words:
        """(options, words) the bits of the leaves that are open to each option."""
        bits = open_[:, np.maximum(self.leaf, 0)] & (self.leaf >= 0)
        return np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little")).view("<u8").astype(np.uint64)

    def best(self, words: Words, /) -> Floats:
        """(boxes, words) the highest score among the open leaves of each word."""
        place = np.bitwise_count((words & (~words + np.uint64(1))) - np.uint64(1))
        return np.asarray(self.score.ravel()[place + np.arange(self.words) * (WORD + 1)])

    def total(self, best: Floats, /) -> Floats:
        """(boxes,) the sum over trees of their highest scores."""
        if len(self.starts) < self.words:
            best = np.maximum.reduceat(best, self.starts, axis=1)
        return np.asarray(best.sum(axis=1) + self.base)


def line_of(reading: Reading, weights: Floats, alive: Bools, /) -> Line:
    """The Line of `weights` (outputs,) over the leaves that are `alive` (nodes,); trees without effect only add up."""
    trees = reading.trees
    assert trees is not None
    value = trees.value @ weights
    ends = np.append(trees.roots[1:], trees.nodes)
    base, size = float(trees.base @ weights), 0.0
    leaves: list[Places] = []
    scores: list[Floats] = []
    starts: list[int] = []
    for first, last in zip(trees.roots, ends, strict=True):
        found = first + np.flatnonzero((trees.left[first:last] < 0) & alive[first:last])
        size += float(np.abs(value[found]).max(initial=0.0))
        if not len(found):
            continue
        if value[found].min() == value[found].max():
            base += float(value[found[0]])
            continue
        found = found[np.argsort(-value[found], kind="stable")]
        starts.append(len(leaves))
        for start in range(0, len(found), WORD):
            part = found[start : start + WORD]
            leaves.append(np.pad(part, (0, WORD - len(part)), constant_values=-1))
            scores.append(np.pad(value[part], (0, WORD + 1 - len(part)), constant_values=-np.inf))
    if not leaves:
        return Line(np.zeros(0, np.int64), np.zeros((0, WORD + 1)), np.zeros(0, np.int64), base, size)
    return Line(np.concatenate(leaves).astype(np.int64), np.array(scores), np.array(starts), base, size)
