"""Path-dependent SHAP values of trees with so many players on a path that tables of patterns would not pay."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Floats
from assay.explain.shapley.forests.game import Integers, TreeGame
from assay.explain.shapley.forests.tables import quadrature

CELLS = 1 << 22
"""Numbers that are worked at together."""


@dataclass(frozen=True, eq=False)
class _Front:
    """Nodes of one level: the `players` (nodes, span) so far, -1 beyond their `count`; their ratios of covers
    (nodes, span), and which rows meet all conditions of each, `met` (nodes, span, rows)."""

    node: Integers
    count: Integers
    players: Integers
    ratios: Floats
    met: NDArray[np.bool_]

    def of(self, chosen: NDArray[np.bool_]) -> _Front:
        """Some of the nodes."""
        return _Front(
            self.node[chosen], self.count[chosen], self.players[chosen], self.ratios[chosen], self.met[chosen]
        )


def add_by_covers(game: TreeGame, root: int, order: int, out: Floats, /, *, above: int = -1) -> float:
    """Adds to `out` (players^order, rows) the path-dependent values of the leaves of one tree with more than `above`
    players on their paths; returns their part of its mean.

    For each leaf the derivative of the product over its players of (t a + (1 - t) r) is integrated over t; a says that
    the row meets the player's conditions, r is the player's ratio of covers. Time grows with rows, leaves and depth.
    """
    nodes = game.nodes(root)
    inner = nodes[(game.ensemble.left[nodes] >= 0) & (game.reach[nodes] > above)]
    span = int(game.spans[nodes].max())
    size = max(1, CELLS // max(1, len(nodes) * span))
    mean = 0.0
    for start in range(0, len(game.rows), size):
        part = slice(start, start + size)
        mean = _add_rows(game, root, inner, span, game.rows[part], order, out[:, part], above)
    return mean


def _add_rows(
    game: TreeGame, root: int, inner: Integers, span: int, columns: Floats, order: int, out: Floats, above: int
) -> float:
    place = np.zeros(game.ensemble.nodes, dtype=np.int64)
    place[inner] = np.arange(len(inner))
    ways = game.ways(inner, columns)
    front = _Front(
        np.array([root]),
        np.zeros(1, dtype=np.int64),
        np.full((1, span), -1),
        np.ones((1, span)),
        np.ones((1, span, len(columns)), dtype=bool),
    )
    mean = 0.0
    while len((front := front.of(game.reach[front.node] > above)).node):
        ended = game.ensemble.left[front.node] < 0
        leaves = front.of(ended)
        mean += float(game.value[leaves.node] @ leaves.ratios.prod(axis=1))
        for count in np.unique(leaves.count):
            _add_leaves(game, leaves.of(leaves.count == count), order, out)
        front = _step(game, front.of(~ended), ways, place)
    return mean


def _step(game: TreeGame, front: _Front, ways: NDArray[np.bool_], place: Integers) -> _Front:
    """The children of all nodes of a level."""
    ensemble, at = game.ensemble, np.arange(len(front.node))
    player = game.owner[ensemble.feature[front.node]]
    known = front.players == player[:, None]
    fresh = ~known.any(axis=1)
    slot = np.where(fresh, front.count, known.argmax(axis=1)) if known.size else front.count
    players = front.players.copy()
    players[at, slot] = player
    sides = []
    for side, left in ((ensemble.left, True), (ensemble.right, False)):
        node = side[front.node].astype(np.int64)
        way = ways[place[front.node]]
        ratios, met = front.ratios.copy(), front.met.copy()
        ratios[at, slot] *= ensemble.cover[node] / ensemble.cover[front.node]
        met[at, slot] &= way if left else ~way
        sides.append(_Front(node, front.count + fresh, players, ratios, met))
    first, second = sides
    return _Front(
        np.concatenate([first.node, second.node]),
        np.concatenate([first.count, second.count]),
        np.concatenate([players, players]),
        np.concatenate([first.ratios, second.ratios]),
        np.concatenate([first.met, second.met]),
    )


def _add_leaves(game: TreeGame, leaves: _Front, order: int, out: Floats) -> None:
    """Adds leaves with equally many players on their paths."""
    count = int(leaves.count[0])
    if count < order:
        return
    ratios = leaves.ratios[:, :count].T[:, :, None]
    met = np.moveaxis(leaves.met[:, :count], 1, 0)
    value = game.value[leaves.node][:, None]
    terms = list(combinations(range(count), order))
    added = np.zeros((len(terms), *met.shape[1:]))
    derivative = met - ratios
    t, weights = quadrature(count)
    for ahead, weight in zip(t, weights, strict=True):
        factors = ahead * met + (1 - ahead) * ratios
        whole = factors.prod(axis=0) * (weight * value)
        # Where a factor is 0, row and cover both miss the player: its derivative is 0 too.
        turned = derivative / np.where(factors > 0, factors, 1.0)
        for place, term in enumerate(terms):
            added[place] += whole * turned[list(term)].prod(axis=0) if order == 2 else whole * turned[term[0]]
    for place, term in enumerate(terms):
        ends = np.sort(leaves.players[:, list(term)], axis=1)
        lines = ends[:, 0] if order == 1 else ends[:, 0] * game.players + ends[:, 1]
        np.add.at(out, lines, added[place])
