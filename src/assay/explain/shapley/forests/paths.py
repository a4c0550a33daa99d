"""The paths of one decision tree: which players stand on each, and which pattern a row has at each leaf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.explain.shapley.forests.game import Goes, TreeGame

Codes = NDArray[np.uint16]
"""Patterns of at most 16 players."""


@dataclass(frozen=True, slots=True)
class Member:
    """A leaf: its node, the ratio of covers for each player on its path, and the bit to flip in its exit's codes."""

    node: int
    ratios: tuple[float, ...]
    flip: int = -1


@dataclass(frozen=True, slots=True)
class Exit:
    """Where walks end: one leaf, or two sisters whose last player is new on the path; codes are those of the first.

    `players` are the distinct players on the path; bit k of a code belongs to the k-th of them.
    """

    players: tuple[int, ...]
    members: tuple[Member, ...]


@dataclass(frozen=True, eq=False)
class Paths:
    """A tree ready for walks: nodes in depth-first order with the bit of their player, and the exits.

    `order` are nodes of the ensemble; the others are lists over `order`: `bit` (-1 where the walk ends), whether the
    player is `fresh` on the path, the positions of the children `left` and `right` in `order`, and `exit`, the place in
    `exits`, or -1 where a walk goes on or ends before too long paths. A split with an exit is one of two sister leaves.
    """

    order: list[int]
    bit: list[int]
    fresh: list[bool]
    left: list[int]
    right: list[int]
    exit: list[int]
    exits: list[Exit]

    @property
    def inner(self) -> list[int]:
        """The nodes of the ensemble that split."""
        return [node for node, place in zip(self.order, self.bit, strict=True) if place >= 0]

    def walk(self, goes: Goes, rows: int, visit: Callable[[int, Codes], None], /) -> None:
        """Calls `visit(exit, codes)` with the (rows,) patterns at each exit; `goes` says who goes left."""
        waiting: list[tuple[int, Codes]] = [(0, np.zeros(rows, dtype=np.uint16))]
        while waiting:
            at, codes = waiting.pop()
            if self.bit[at] < 0:
                if self.exit[at] >= 0:
                    visit(self.exit[at], codes)
                continue
            bit = 1 << self.bit[at]
            met = goes[self.order[at]] * np.uint16(bit)
            if self.fresh[at]:
                left = codes | met
                if self.exit[at] >= 0:
                    visit(self.exit[at], left)
                    continue
                right = left ^ np.uint16(bit)
            else:
                left, right = codes & (met | np.uint16(0xFFFF ^ bit)), codes & ~met
            waiting += [(self.right[at], right), (self.left[at], left)]


@dataclass(slots=True)
class _Place:
    node: int
    players: tuple[int, ...]
    ratios: tuple[float, ...]
    parent: int
    is_left: bool


def paths_of(game: TreeGame, root: int, /, *, most: int) -> Paths:
    """The Paths of the tree at `root` to the leaves that have at most `most` players on them; 16 fit a code.

    Columns of one player (a one-hot group) are one bit: a row meets all their conditions or it does not.
    """
    ensemble, owner = game.ensemble, game.owner
    found = Paths([], [], [], [], [], [], [])
    waiting = [_Place(root, (), (), -1, False)]
    while waiting:
        here = waiting.pop()
        at = len(found.order)
        found.order.append(here.node)
        if here.parent >= 0:
            (found.left if here.is_left else found.right)[here.parent] = at
        for column in (found.left, found.right, found.exit):
            column.append(-1)
        children = _children(game, here, at, most)
        if ensemble.left[here.node] < 0:
            found.exit[at] = len(found.exits)
            found.exits.append(Exit(here.players, (Member(here.node, here.ratios),)))
        player = int(owner[ensemble.feature[here.node]]) if children else -1
        found.fresh.append(bool(children) and player not in here.players)
        found.bit.append(children[0].players.index(player) if children else -1)
        if children and found.fresh[at] and all(ensemble.left[child.node] < 0 for child in children):
            bit = found.bit[at]
            sisters = (Member(children[0].node, children[0].ratios), Member(children[1].node, children[1].ratios, bit))
            found.exit[at] = len(found.exits)
            found.exits.append(Exit(children[0].players, sisters))
        else:
            waiting += reversed(children)
    return found


def _children(game: TreeGame, here: _Place, at: int, most: int) -> list[_Place]:
    """The two children of a place, or none at a leaf and where they would have too many players."""
    ensemble = game.ensemble
    left = int(ensemble.left[here.node])
    if left < 0 or game.spans[left] > most:
        return []
    player = int(game.owner[ensemble.feature[here.node]])
    players = here.players if player in here.players else (*here.players, player)
    bit = players.index(player)
    whole = float(ensemble.cover[here.node])
    found = []
    for child in (left, int(ensemble.right[here.node])):
        share = float(ensemble.cover[child]) / whole if whole else 0.0
        ratios = (*here.ratios, 1.0) if len(players) > len(here.ratios) else here.ratios
        ratios = (*ratios[:bit], ratios[bit] * share, *ratios[bit + 1 :])
        found.append(_Place(child, players, ratios, at, child == left))
    return found
