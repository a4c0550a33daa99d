"""SHAP values of trees with so many players on a path that tables of patterns would be larger than the work itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Floats
from assay.explain.shapley.forests.game import Integers, TreeGame, Words
from assay.explain.shapley.forests.paths import Exit, Member, Met, Paths
from assay.explain.shapley.forests.tables import quadrature

ROWS = 8192
"""Rows that are worked at together."""
PAIRS = 1 << 17
"""Pairs of an explained and a background row that walk together."""
CELLS = 1 << 20
"""Patterns of leaves that are worked at together."""
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

    def add(self, root: int, order: int, out: Floats, /) -> float:
        """Adds to `out` (players^order, rows) values of one tree, or pair interactions (order 2); returns its mean."""
        game = self.game
        tree = game.nodes(root)
        nodes = [int(node) for node in tree[game.ensemble.left[tree] >= 0]]
        own, others = game.goes(nodes, game.rows), game.goes(nodes, game.others)
        place = np.zeros(game.ensemble.nodes, dtype=np.int64)
        place[nodes] = np.arange(len(nodes))
        goes_row = np.array([own[node] for node in nodes], dtype=bool).reshape(len(nodes), len(game.rows))
        goes_other = np.array([others[node] for node in nodes], dtype=bool).reshape(len(nodes), len(game.others))
        mean = 0.0
        count, words = len(game.others), -(-game.players // _WORD)
        for start in range(0, len(game.rows) * count, PAIRS):
            pair = np.arange(start, min(start + PAIRS, len(game.rows) * count))
            empty = np.zeros((words, len(pair)), dtype=np.uint64)
            states = _States(pair // count, pair % count, np.full(len(pair), root), empty, empty)
            while len(states.row):
                ended = game.ensemble.left[states.node] < 0
                mean += self._harvest(states.of(ended), order, out)
                states = self._step(states.of(~ended), place, goes_row, goes_other)
        return mean

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
        in_a = [_bit(states.from_row, player) for player in range(self.game.players)]
        in_b = [_bit(states.from_other, player) for player in range(self.game.players)]
        for term in combinations(range(self.game.players), order):
            there = np.flatnonzero(np.logical_and.reduce([in_a[p] | in_b[p] for p in term]))
            if not len(there):
                continue
            ours = np.sum([in_a[p][there] for p in term], axis=0)
            sign = np.where((order - ours) % 2, -1.0, 1.0)
            share = self._beta[a[there] - ours, b[there] - order + ours]
            line = term[0] if order == 1 else term[0] * self.game.players + term[1]
            out[line] += np.bincount(states.row[there], sign * share * value[there], minlength=out.shape[1])
        return float(value[a == 0].sum()) / len(self.game.rows)

    @cached_property
    def _beta(self) -> Floats:
        """a! b! / (a + b + 1)!, the integral of t^a (1 - t)^b over [0, 1]."""
        size = self.game.players + 1
        return np.array([[1 / ((a + b + 1) * comb(a + b, a)) for b in range(size)] for a in range(size)])


def _bit(words: Words, player: int) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (words[player // _WORD] >> np.uint64(player % _WORD)) & np.uint64(1) != 0
    return found


def add_by_covers(game: TreeGame, paths: Paths, order: int, out: Floats, /) -> float:
    """Adds to `out` (players^order, rows) the path-dependent values of one tree, leaf by leaf; returns its mean.

    For each leaf the derivative of the product over its players of (t a + (1 - t) r) is integrated over t; a says that
    the row meets the player's conditions, r is the player's ratio of covers. Time grows with rows, leaves and depth.
    """
    for start in range(0, len(game.rows), ROWS):
        part = slice(start, start + ROWS)
        _add_rows(game, paths, game.rows[part], order, out[:, part])
    leaves = (leaf for exit in paths.exits for leaf in exit.members)
    return sum(prod(leaf.ratios) * float(game.value[leaf.node]) for leaf in leaves)


def _add_rows(game: TreeGame, paths: Paths, columns: Floats, order: int, out: Floats) -> None:
    held: dict[int, list[_Leaf]] = defaultdict(list)

    def add(exit: Exit, leaf: Member, met: Met) -> None:
        some = held[len(leaf.ratios)]
        some.append(_Leaf(exit.players, np.array(leaf.ratios), float(game.value[leaf.node]), met))
        if len(some) * met.size > CELLS:
            _add_leaves(some, game.players, order, out)
            some.clear()

    paths.follow(game.goes(paths.inner, columns), len(columns), add)
    for some in held.values():
        _add_leaves(some, game.players, order, out)


@dataclass(frozen=True, eq=False)
class _Leaf:
    players: tuple[int, ...]
    ratios: Floats
    value: float
    met: Met


def _add_leaves(leaves: Sequence[_Leaf], count: int, order: int, out: Floats) -> None:
    """Adds leaves with equally many players on their paths."""
    if not leaves or len(leaves[0].players) < order:
        return
    ratios = np.stack([leaf.ratios for leaf in leaves], axis=1)[:, :, None]
    met = np.stack([leaf.met for leaf in leaves], axis=1)
    value = np.array([leaf.value for leaf in leaves])[:, None]
    terms = list(combinations(range(len(ratios)), order))
    added = np.zeros((len(terms), len(leaves), met.shape[2]))
    derivative = met - ratios
    t, weights = quadrature(len(ratios))
    for ahead, weight in zip(t, weights, strict=True):
        factors = ahead * met + (1 - ahead) * ratios
        whole = factors.prod(axis=0) * (weight * value)
        # Where a factor is 0, row and cover both miss the player: its derivative is 0 too.
        turned = derivative / np.where(factors > 0, factors, 1.0)
        for place, term in enumerate(terms):
            added[place] += whole * turned[list(term)].prod(axis=0) if order == 2 else whole * turned[term[0]]
    players = np.array([leaf.players for leaf in leaves])
    for place, term in enumerate(terms):
        ends = np.sort(players[:, list(term)], axis=1)
        lines = ends[:, 0] if order == 1 else ends[:, 0] * count + ends[:, 1]
        np.add.at(out, lines, added[place])
