"""Exact SHAP values of a sum of trees, for all rows at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.shapley.forests.covers import add_by_covers
from assay.explain.shapley.forests.game import TreeGame
from assay.explain.shapley.forests.pairs import PairWalk
from assay.explain.shapley.forests.paths import Codes, Paths, paths_of
from assay.explain.shapley.forests.patterns import add_by_patterns
from assay.explain.shapley.forests.plan import Order, Plan, Way, plan_of
from assay.explain.shapley.forests.tables import pair_tables, product_shares, value_tables

TASK = "SHAP of trees"
ROWS = 8192
"""Rows whose codes stay in a processor's cache."""
CELLS = 1 << 22
"""Numbers in the tables that are held at once."""


@dataclass(frozen=True, eq=False)
class TreeSums:
    """`values` (players, rows), or (players, players, rows) of pairs i < j, and the mean over the background."""

    values: Floats
    mean: float


def tree_shapley(
    game: TreeGame, /, *, order: Order = 1, way: Way | None = None, progress: Progress | None = None
) -> TreeSums:
    """The exact Shapley values (order 1) or Shapley interaction indices of pairs (order 2) of a game of trees.

    `way` is one of several, all exact, see `plan_of`; None takes the quickest for each tree and each leaf of it: tables
    over patterns, whose time grows with the rows plus the background, for leaves with few players on their paths.
    """
    out = np.zeros((game.players**order, len(game.matrix)))
    plans = [plan_of(game, int(root), order, way) for root in game.ensemble.roots]
    mean, done = 0.0, 0
    if progress is not None:
        progress.started(TASK, total=len(plans))
    for tabled in _together((plan, paths_of(game, plan.root, most=plan.most)) for plan in plans if plan.most >= 0):
        mean += _add_by_tables(game, [paths for _, paths in tabled], order, out)
        done += sum(plan.whole for plan, _ in tabled)
        if progress is not None:
            progress.advanced(TASK, done=done)
    for some in _rest(game, [plan for plan in plans if not plan.whole]):
        mean += _add_rest(game, some, order, out)
        done += len(some)
        if progress is not None:
            progress.advanced(TASK, done=done)
    if progress is not None:
        progress.ended(TASK)
    return TreeSums(out.reshape(*(game.players,) * order, -1), mean)


def _rest(game: TreeGame, plans: Sequence[Plan]) -> Iterator[list[Plan]]:
    """What tables leave to do, in portions: pairs of several trees are walked together, the others go one by one."""
    yield from ([plan] for plan in plans if plan.way != "pairs")
    paired = {plan.root: plan for plan in plans if plan.way == "pairs"}
    if paired:
        yield from ([paired[root] for root in roots] for roots in PairWalk(game).together(list(paired)))


def _add_rest(game: TreeGame, plans: Sequence[Plan], order: Order, out: Floats) -> float:
    first = plans[0]
    if first.way == "pairs":
        return PairWalk(game).add([plan.root for plan in plans], order, out)
    add = add_by_covers if first.way == "covers" else add_by_patterns
    return add(game, first.root, order, out, above=first.most)


def _together(trees: Iterator[tuple[Plan, Paths]]) -> Iterator[list[tuple[Plan, Paths]]]:
    """Trees in order, so many together that their tables fit `CELLS`."""
    some: list[tuple[Plan, Paths]] = []
    cells = 0
    for plan, paths in trees:
        wanted = sum(len(exit.players) * len(exit.members) << len(exit.players) for exit in paths.exits)
        if some and cells + wanted > CELLS:
            yield some
            some, cells = [], 0
        some.append((plan, paths))
        cells += wanted
    if some:
        yield some


def _add_by_tables(game: TreeGame, some: Sequence[Paths], order: Order, out: Floats) -> float:
    """Adds to `out` (terms, rows) what the tables of some trees say; returns the mean of these trees."""
    shares = [_shares(game, paths) for paths in some]
    mean = sum(_mean(game, paths, held) for paths, held in zip(some, shares, strict=True))
    made = _tables(game, some, shares, order)
    for start in range(0, len(game.rows), ROWS):
        part = slice(start, start + ROWS)
        for paths, ready in zip(some, made, strict=True):
            _apply(game, paths, ready, game.rows[part], order, out[:, part])
    return mean


def _shares(game: TreeGame, paths: Paths) -> list[Floats]:
    """For each exit, (members, patterns): how often the background has each pattern, or the covers say so."""
    if game.background is None:
        return [product_shares(np.array([member.ratios for member in exit.members])) for exit in paths.exits]
    rows = len(game.others)
    found: list[Floats] = [np.empty(0)] * len(paths.exits)

    def count(place: int, codes: Codes) -> None:
        exit = paths.exits[place]
        seen = np.bincount(codes, minlength=1 << len(exit.players)) / rows
        found[place] = np.stack([_flipped(seen, member.flip) for member in exit.members])

    paths.walk(game.goes(paths.inner, game.others), rows, count)
    return found


def _flipped(array: Floats, bit: int) -> Floats:
    """`array` with the patterns of its last axis changed in one bit; as it is for -1."""
    if bit < 0:
        return array
    return np.asarray(array[..., np.arange(array.shape[-1]) ^ (1 << bit)])


def _mean(game: TreeGame, paths: Paths, shares: Sequence[Floats]) -> float:
    """How often each leaf is met in full, times its value."""
    total = 0.0
    for exit, held in zip(paths.exits, shares, strict=True):
        for member, share in zip(exit.members, held[:, -1], strict=True):
            total += float(share) * float(game.value[member.node])
    return total


def _tables(
    game: TreeGame, some: Sequence[Paths], shares: Sequence[Sequence[Floats]], order: Order
) -> list[list[Floats]]:
    """For each tree and exit, (terms, patterns): what each pattern adds. Paths of equally many players go together."""
    made: list[list[Floats]] = [[np.empty((0, 0))] * len(paths.exits) for paths in some]
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for tree, paths in enumerate(some):
        for place, exit in enumerate(paths.exits):
            if len(exit.players) >= order:
                groups[len(exit.players)].append((tree, place))
    for players, group in groups.items():
        counted = np.concatenate([shares[tree][place] for tree, place in group])
        found = iter(value_tables(counted, players) if order == 1 else pair_tables(counted, players))
        for tree, place in group:
            members = some[tree].exits[place].members
            made[tree][place] = np.sum([_flipped(next(found), m.flip) * game.value[m.node] for m in members], axis=0)
    return made


def _apply(game: TreeGame, paths: Paths, ready: Sequence[Floats], columns: Floats, order: Order, out: Floats) -> None:
    """Adds to `out` (terms, rows) the entry of each exit's table at each row's pattern."""
    held = np.empty(len(columns))
    lines = [_lines(exit.players, game.players, order) for exit in paths.exits]

    def add(place: int, codes: Codes) -> None:
        at = codes.astype(np.intp)
        for line, table in zip(lines[place], ready[place], strict=True):
            np.take(table, at, out=held, mode="clip")
            out[line] += held

    paths.walk(game.goes(paths.inner, columns), len(columns), add)


def _lines(players: tuple[int, ...], count: int, order: Order) -> list[int]:
    """Where each term of a path belongs: its player, or the pair of players in ascending order."""
    if order == 1:
        return list(players)
    first, second = np.triu_indices(len(players), 1)
    own = np.array(players, dtype=np.int64)
    low, high = np.minimum(own[first], own[second]), np.maximum(own[first], own[second])
    return [int(line) for line in low * count + high]
