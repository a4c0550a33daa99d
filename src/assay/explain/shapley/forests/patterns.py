"""SHAP values of leaves whose paths have many players, from the patterns that rows really have there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Floats
from assay.explain.shapley.forests.game import Integers, TreeGame, Words

CELLS = 1 << 21
"""Pairs of an explained row and a background row that are walked together; groups of them make fewer."""
_WORD = 64


@dataclass(frozen=True, eq=False)
class Crowd:
    """Rows that may still count below a node: their places `rows`, and which pattern each has, `group`.

    `missed` (words, groups) are bits over the players of the path, in the order in which they came: 1 where the row
    misses a condition of that player.
    """

    rows: Integers
    group: Integers
    missed: Words

    def kept(self, alive: NDArray[np.bool_]) -> Crowd:
        """Those whose groups are alive."""
        if alive.all():
            return self
        there = alive[self.group]
        number = np.cumsum(alive) - 1
        return Crowd(self.rows[there], number[self.group[there]], self.missed[:, alive])

    def sent(self, goes: NDArray[np.bool_], word: int, bit: np.uint64) -> Crowd:
        """The same at a child that the rows of `goes` (all rows) go to, and the others miss by the player of a bit."""
        had = (self.missed[word] & bit) != 0
        misses = ~goes[self.rows] & ~had[self.group]
        count = self.missed.shape[1]
        key = self.group + count * misses
        used = np.flatnonzero(np.bincount(key, minlength=2 * count))
        place = np.empty(2 * count, dtype=np.int64)
        place[used] = np.arange(len(used))
        missed = self.missed[:, used % count]
        missed[word, used >= count] |= bit
        group = place[key]
        if had.any() and len(used) > 1:
            # Rows that missed the player before meet those that miss it now.
            order = np.lexsort(missed)
            fresh = np.concatenate([[True], (missed[:, order[1:]] != missed[:, order[:-1]]).any(axis=0)])
            same = np.empty(len(order), dtype=np.int64)
            same[order] = np.cumsum(fresh) - 1
            missed, group = missed[:, order[fresh]], same[group]
        return Crowd(self.rows, group, missed)


@dataclass(frozen=True, eq=False)
class _At:
    node: int
    players: tuple[int, ...]
    ours: Crowd
    theirs: Crowd


def add_by_patterns(game: TreeGame, root: int, order: int, out: Floats, /, *, above: int = -1) -> float:
    """Adds to `out` (players^order, rows) the interventional values of the leaves of one tree with more than `above`
    players on their paths; returns the mean of these leaves over the background.

    On the way to a leaf a row meets or misses the conditions of each player. A leaf of value v is for an explained row
    and a background row the game v 1[A in S, no C in S], A the players that the background row misses and C those that
    the explained row does, and nothing at all where both miss one: the value of a player of A is v (a-1)! c! / (a+c)!,
    that of one of C is -v a! (c-1)! / (a+c)!. Rows with the same pattern go together, and those whose pattern goes with
    none of the other side are left out from there down. Source: Lundberg et al. (2020), the game of one pair.
    """
    deepest = game.reach
    size, mean = max(1, CELLS // len(game.others)), 0.0
    if deepest[root] <= above:
        return mean
    nodes = game.nodes(root)
    inner = nodes[(game.ensemble.left[nodes] >= 0) & (deepest[nodes] > above)]
    words = max(1, -(-int(deepest[root]) // _WORD))
    theirs = game.goes(inner.tolist(), game.others)
    for start in range(0, len(game.rows), size):
        rows, part = game.rows[start : start + size], out[:, start : start + size]
        ours = game.goes(inner.tolist(), rows)
        waiting = [_At(root, (), _all(len(rows), words), _all(len(game.others), words))]
        while waiting:
            here = waiting.pop()
            if here.node not in ours:
                mean += _add_leaf(game, here, order, part) * len(rows) / len(game.rows)
                continue
            waiting += _children(game, here, ours[here.node], theirs[here.node], above)
    return mean


def _all(rows: int, words: int) -> Crowd:
    return Crowd(np.arange(rows), np.zeros(rows, dtype=np.int64), np.zeros((words, 1), dtype=np.uint64))


def _children(game: TreeGame, here: _At, ours: NDArray[np.bool_], theirs: NDArray[np.bool_], above: int) -> list[_At]:
    """The children that lead to wanted leaves and that any two rows can reach together."""
    player = int(game.owner[game.ensemble.feature[here.node]])
    players = here.players if player in here.players else (*here.players, player)
    word, place = divmod(players.index(player), _WORD)
    bit, found = np.uint64(1 << place), []
    for child, left in ((game.ensemble.left[here.node], True), (game.ensemble.right[here.node], False)):
        if game.reach[child] <= above:
            continue
        mine = here.ours.sent(ours if left else ~ours, word, bit)
        other = here.theirs.sent(theirs if left else ~theirs, word, bit)
        together = _together(mine.missed, other.missed)
        mine, other = mine.kept(np.any(together, axis=1)), other.kept(np.any(together, axis=0))
        if len(mine.rows) and len(other.rows):
            found.append(_At(int(child), players, mine, other))
    return found


def _together(ours: Words, theirs: Words) -> NDArray[np.bool_]:
    """(groups of explained rows, groups of background rows) True where no player is missed by both."""
    found = (ours[0][:, None] & theirs[0]) == 0
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        found &= (mine[:, None] & other) == 0
    return np.asarray(found)


def _add_leaf(game: TreeGame, here: _At, order: int, out: Floats) -> float:
    """Adds what one leaf gives; returns its part of the mean, from the background rows that reach it."""
    value, span = float(game.value[here.node]), len(here.players)
    counts = np.bincount(here.theirs.group, minlength=here.theirs.missed.shape[1]) * (value / len(game.others))
    a, c = (np.bitwise_count(crowd.missed).sum(axis=0, dtype=np.int64) for crowd in (here.theirs, here.ours))
    mean = float(counts[a == 0].sum())
    if span < order:
        return mean
    shares = np.where(_together(here.ours.missed, here.theirs.missed), counts, 0.0)
    ours, theirs = _bits(here.ours.missed, span), _bits(here.theirs.missed, span)
    if order == 1:
        added = (shares * _factorials(span, -1, 0)[c][:, a]) @ theirs
        added -= ours * (shares * _factorials(span, 0, -1)[c][:, a]).sum(axis=1)[:, None]
        for place, player in enumerate(here.players):
            out[player, here.ours.rows] += added[here.ours.group, place]
        return mean
    first, second = np.triu_indices(span, 1)
    added = (shares * _factorials(span, -2, 0)[c][:, a]) @ (theirs[:, first] * theirs[:, second])
    crossed = (shares * _factorials(span, -1, -1)[c][:, a]) @ theirs
    added -= ours[:, first] * crossed[:, second] + ours[:, second] * crossed[:, first]
    both = (shares * _factorials(span, 0, -2)[c][:, a]).sum(axis=1)
    added += ours[:, first] * ours[:, second] * both[:, None]
    ends = np.array(here.players)[np.stack([first, second])]
    lines = ends.min(axis=0) * game.players + ends.max(axis=0)
    for place, line in enumerate(lines):
        out[line, here.ours.rows] += added[here.ours.group, place]
    return mean


def _bits(missed: Words, span: int) -> Floats:
    """(groups, span) 1 where the group misses the player."""
    place = np.arange(span)
    return np.asarray((missed[place // _WORD] >> (place % _WORD).astype(np.uint64)[:, None] & np.uint64(1)).T, float)


@cache
def _factorials(span: int, of_a: int, of_c: int, /) -> Floats:
    """(c, a) the integral of t^(a + of_a) (1 - t)^(c + of_c) over [0, 1], 0 where an exponent is below 0."""
    out = np.zeros((span + 1, span + 1))
    for c in range(span + 1):
        for a in range(span + 1):
            x, y = a + of_a, c + of_c
            if x >= 0 and y >= 0:
                out[c, a] = 1 / ((x + y + 1) * comb(x + y, x))
    return out
