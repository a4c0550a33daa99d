"""SHAP values of trees with so many players on a path that tables of patterns would be larger than the work itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Floats
from assay.explain.shapley.forests.game import Integers, TreeGame, Words

PAIRS = 1 << 17
"""Walks that are begun together: a pair of an explained and a background row in a tree."""
CELLS = 1 << 26
"""Answers of background rows at splits that are held at once."""
_WORD = 64


@dataclass(frozen=True, eq=False)
class _States:
    """Walks under way: pair (row, other), node, and the players `from_row` and `from_other` that have differed so far.

    The last two are (words, walks) bits over the players.
    """

    row: Integers
    other: Integers
    node: Integers
    from_row: Words
    from_other: Words

    def of(self, chosen: Integers | NDArray[np.bool_]) -> _States:
        """Some of the walks."""
        return _States(
            self.row[chosen],
            self.other[chosen],
            self.node[chosen],
            self.from_row[:, chosen],
            self.from_other[:, chosen],
        )


@dataclass(frozen=True, eq=False)
class PairWalk:
    """Interventional values of trees, pair by pair: every explained row with every row of the background.

    A walk follows both rows while they agree. Where they part at a player not seen before, it splits: in one half the
    player is in the coalition and the explained row leads, in the other the background row does. A leaf reached with
    a players of the first kind and b of the second is the game 1[A in S, no B in S] times its value, whose Shapley
    values and interactions have closed forms. Source: Lundberg et al. (2020), "From local explanations to global
    understanding with explainable AI for trees". Time grows with rows times background rows.
    """

    game: TreeGame

    def add(self, roots: Sequence[int], order: int, out: Floats, /) -> float:
        """Adds to `out` (players^order, rows) values of trees, or pair interactions (order 2); returns their mean.

        The trees are walked together; see `together`.
        """
        game = self.game
        tree = np.concatenate([game.nodes(root) for root in roots])
        inner = tree[game.ensemble.left[tree] >= 0]
        place = np.zeros(game.ensemble.nodes, dtype=np.int64)
        place[inner] = np.arange(len(inner))
        count, words = len(game.others), -(-game.players // _WORD)
        ways, mean = game.ways(inner, game.others), 0.0
        size = max(1, PAIRS // (count * len(roots)))
        for start in range(0, len(game.rows), size):
            rows = game.rows[start : start + size]
            own = game.ways(inner, rows)
            pair = np.repeat(np.arange(len(rows) * count), len(roots))
            empty = np.zeros((words, len(pair)), dtype=np.uint64)
            root = np.tile(np.array(roots, dtype=np.int64), len(rows) * count)
            states, part = _States(pair // count, pair % count, root, empty, empty), out[:, start : start + size]
            ended: list[_States] = []
            while len(states.row):
                done = game.ensemble.left[states.node] < 0
                ended.append(states.of(done))
                states = self._step(states.of(~done), place, own, ways)
                if not len(states.row) or sum(len(some.row) for some in ended) > 4 * PAIRS:
                    mean += self._harvest(_joined(ended), order, part)
                    ended = []
        return mean

    def together(self, roots: Sequence[int], /) -> Iterator[list[int]]:
        """Trees in order, so many together that a level of all of them is worth a step and their splits fit memory."""
        most = max(1, PAIRS // max(1, len(self.game.others) * min(16, len(self.game.rows))))
        some: list[int] = []
        cells = 0
        for root in roots:
            wanted = len(self.game.nodes(root)) * len(self.game.others)
            if some and (len(some) >= most or cells + wanted > CELLS):
                yield some
                some, cells = [], 0
            some.append(root)
            cells += wanted
        if some:
            yield some

    def _step(self, states: _States, place: Integers, goes_row: np.ndarray, goes_other: np.ndarray) -> _States:
        game, at = self.game, place[states.node]
        player = game.owner[game.ensemble.feature[states.node]]
        word, bit = player // _WORD, np.uint64(1) << (player % _WORD).astype(np.uint64)
        walk = np.arange(len(player))
        mine, theirs = states.from_row[word, walk] & bit != 0, states.from_other[word, walk] & bit != 0
        by_row, by_other = goes_row[at, states.row], goes_other[at, states.other]
        parted = (by_row != by_other) & ~mine & ~theirs
        again = np.flatnonzero(parted)
        from_row = states.from_row.copy()
        from_row[word[again], again] |= bit[again]
        split = states.of(again)
        split.from_other[word[again], np.arange(len(again))] |= bit[again]
        left, right = game.ensemble.left, game.ensemble.right
        node = np.where(np.where(theirs, by_other, by_row), left[states.node], right[states.node])
        other_node = np.where(by_other[again], left[split.node], right[split.node])
        return _States(
            np.concatenate([states.row, split.row]),
            np.concatenate([states.other, split.other]),
            np.concatenate([node, other_node]),
            np.concatenate([from_row, split.from_row], axis=1),
            np.concatenate([states.from_other, split.from_other], axis=1),
        )

    def _harvest(self, states: _States, order: int, out: Floats) -> float:
        """Adds what ended walks say; returns their part of the mean, from those that the background row led."""
        value = self.game.value[states.node] / len(self.game.others)
        a = np.bitwise_count(states.from_row).sum(axis=0, dtype=np.int64)
        b = np.bitwise_count(states.from_other).sum(axis=0, dtype=np.int64)
        mean = float(value[a == 0].sum()) / len(self.game.rows)
        if order == 1:
            _spread(out, states.row, states.from_row, self._beta[a - 1, b] * value)
            _spread(out, states.row, states.from_other, -self._beta[a, b - 1] * value)
            return mean
        in_a = [_bit(states.from_row, player) for player in range(self.game.players)]
        in_b = [_bit(states.from_other, player) for player in range(self.game.players)]
        for first, second in combinations(range(self.game.players), 2):
            there = np.flatnonzero((in_a[first] | in_b[first]) & (in_a[second] | in_b[second]))
            if not len(there):
                continue
            ours = in_a[first][there].astype(np.int64) + in_a[second][there]
            share = self._beta[a[there] - ours, b[there] - 2 + ours]
            added = np.where(ours == 1, -1.0, 1.0) * share * value[there]
            out[first * self.game.players + second] += np.bincount(states.row[there], added, minlength=out.shape[1])
        return mean

    @cached_property
    def _beta(self) -> Floats:
        """a! b! / (a + b + 1)!, the integral of t^a (1 - t)^b over [0, 1]."""
        size = self.game.players + 1
        return np.array([[1 / ((a + b + 1) * comb(a + b, a)) for b in range(size)] for a in range(size)])


def _joined(some: Sequence[_States]) -> _States:
    return _States(
        np.concatenate([states.row for states in some]),
        np.concatenate([states.other for states in some]),
        np.concatenate([states.node for states in some]),
        np.concatenate([states.from_row for states in some], axis=1),
        np.concatenate([states.from_other for states in some], axis=1),
    )


def _spread(out: Floats, row: Integers, words: Words, added: Floats) -> None:
    """Adds to `out` (players, rows) what each walk adds, for every player in its `words`."""
    players, rows = out.shape
    for word, bits in enumerate(words):
        at = np.arange(len(row))
        while len(at := at[(some := bits != 0)]):
            bits = bits[some]
            lowest = bits & (~bits + np.uint64(1))
            player = word * _WORD + np.bitwise_count(lowest - np.uint64(1)).astype(np.int64)
            found = np.bincount(player * rows + row[at], added[at], minlength=players * rows)
            out += found.reshape(players, rows)
            bits = bits ^ lowest


def _bit(words: Words, player: int) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (words[player // _WORD] >> np.uint64(player % _WORD)) & np.uint64(1) != 0
    return found
